"""Postal item numbers by UPU S10."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcenter.core import s10

SERIALS = st.integers(0, s10.SERIAL_MAX)


@pytest.mark.parametrize(("serial", "digit"), [(47312482, 9), (12345678, 5), (0, 5), (1, 4), (99999999, 5), (10000000, 3)])
def test_the_published_serials_have_their_published_check_digits(serial: int, digit: int) -> None:
    """47312482 and 12345678 are the examples of the standard; the others are reckoned by hand, 10 -> 0 and 11 -> 5 among them."""
    assert s10.check_digit(serial) == digit


def test_remainders_ten_and_eleven_become_zero_and_five() -> None:
    """11 - (sum mod 11) of 10 is written 0, of 11 is written 5."""
    assert s10.check_digit(13) == (11 - (9 * 1 + 7 * 3) % 11)  # an ordinary one: sum 30, remainder 8, digit 3
    assert s10.check_digit(8) == 10 % 10  # sum 56, remainder 1, 10 written 0
    assert s10.check_digit(0) == 5  # sum 0, remainder 0, 11 written 5


def test_a_number_is_written_with_its_leading_zeros() -> None:
    """A short serial fills eight digits."""
    assert s10.number("EA", 47312482, "CN") == "EA473124829CN"
    assert s10.number("RB", 7, "GB") == "RB000000076GB"


@pytest.mark.parametrize("code", ["RB123456785GB", "EA473124829CN"])
def test_valid_numbers_are_valid(code: str) -> None:
    """Numbers with the right check digit are taken."""
    assert s10.is_valid(code)


@pytest.mark.parametrize(
    "code",
    ["", "RB123456786US", "rb123456785GB", "RB12345678GB", "RB1234567855GB", "RBX23456785GB", "RB１23456785GB", "ÄB123456785GB"],
)
def test_anything_else_is_not(code: str) -> None:
    """Wrong check digit, wrong length, lower case and digits or letters of other scripts are not."""
    assert not s10.is_valid(code)


@given(SERIALS, st.integers(0, 7), st.integers(1, 9))
def test_every_single_wrong_digit_is_caught(serial: int, at: int, by: int) -> None:
    """Changing one digit of the serial makes the number invalid, except where 10 and 0, or 11 and 5, are written alike."""
    good = s10.number("EA", serial, "CN")
    digit = (int(good[2 + at]) + by) % 10
    wrong = f"{good[: 2 + at]}{digit}{good[3 + at :]}"
    assert s10.is_shaped(wrong)
    if s10.is_valid(wrong):
        assert good[10] in "05"


@given(SERIALS)
def test_a_made_number_is_valid(serial: int) -> None:
    """What `number` writes, `is_valid` takes."""
    assert s10.is_valid(s10.number("EZ", serial, "CN"))


@given(st.text(max_size=20))
def test_any_text_can_be_asked_about(text: str) -> None:
    """No text raises."""
    assert s10.is_valid(text) in (True, False)

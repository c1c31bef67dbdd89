"""Resident identity numbers (GB 11643), known only to be kept out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcenter.core import resident_id

PUBLISHED = "11010519491231002X"  # the example of the standard itself
BODIES = st.from_regex(r"[1-8][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])[0-9]{3}", fullmatch=True)


def test_the_standards_example_checks() -> None:
    """The example of GB 11643 has the check character X."""
    assert resident_id.check_character(PUBLISHED[:17]) == "X"
    assert resident_id.is_valid(PUBLISHED)
    assert resident_id.is_valid(PUBLISHED.lower())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "110105194912310021",
        "11010519491331002X",
        "11010519491200002X",
        "1101051949123100X",
        "11010517991231002X",
        "1" * 17 + "Ⅹ",
    ],
)
def test_a_wrong_check_or_birth_date_does_not(text: str) -> None:
    """Validity needs the form, a possible date and the right check character."""
    assert not resident_id.is_valid(text)


@pytest.mark.parametrize(
    ("text", "shaped"),
    [
        (PUBLISHED, True),
        ("110105194912310021", True),  # whatever its check character
        ("11010519491231002", False),
        ("1101051949123100211", False),
        ("11010519491231002A", False),
        ("A" * 17 + "X", False),
        ("٣" * 18, False),
    ],
)
def test_a_number_has_the_shape_of_seventeen_digits_and_a_digit_or_x(text: str, shaped: bool) -> None:
    """Eighteen characters, of which the last alone may be an X."""
    assert resident_id.is_shaped(text) == shaped


@pytest.mark.parametrize(
    ("date", "possible"),
    [
        ("18000101", True), ("17991231", False), ("20991231", True), ("21000101", False),
        ("19490031", False), ("19491331", False), ("19491200", False), ("19491232", False),
        ("19490228", True), ("19490229", True), ("19490230", False), ("19490430", True), ("19490431", False),
    ],
)  # fmt: skip
def test_a_birth_date_is_a_day_of_the_years_1800_to_2099(date: str, possible: bool) -> None:
    """Whatever the check character says; leap years are not looked at."""
    body = f"110105{date}002"
    assert resident_id.is_valid(body + resident_id.check_character(body)) == possible


@given(BODIES)
def test_every_body_has_one_check_character(body: str) -> None:
    """Of the eleven check characters exactly one is right, and it is found wherever it stands."""
    valid = [check for check in "0123456789X" if resident_id.is_valid(body + check)]
    assert valid == [resident_id.check_character(body)]
    assert resident_id.is_in(f"NJ-{body}{valid[0]}")


@given(BODIES, st.integers(0, 16), st.integers(1, 9))
def test_every_single_wrong_digit_is_caught(body: str, at: int, by: int) -> None:
    """MOD 11-2 notices any one changed digit."""
    wrong = f"{body[:at]}{(int(body[at]) + by) % 10}{body[at + 1 :]}"
    assert resident_id.check_character(wrong) != resident_id.check_character(body)


@pytest.mark.parametrize(
    "text",
    [
        PUBLISHED,
        "NJ-11010519491231002X-A",
        "A11010519491231002xB",
        "110105-19491231-002X",
        "110105 1949 1231 0021",
        "110105194912310021",  # the check character is wrong, and it is still somebody's
        "123456789012345678",
        "12345678901234567XA",
        "9911010519491231002X",  # in a longer run only a valid one counts
    ],
)
def test_a_number_is_seen_wherever_it_stands(text: str) -> None:
    """Separators, letters around it and a wrong check character do not hide a number."""
    assert resident_id.is_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "X",
        "NJ-C67700001",
        "EA473124829CN",
        "12345678901234567",
        "12345678901234567A",
        "1234567890123456789",
        "٣" * 18,
        "1390000000000",
    ],
)
def test_other_codes_are_left_alone(text: str) -> None:
    """Item codes, waybills and runs of other lengths are not numbers of persons."""
    assert not resident_id.is_in(text)


@given(st.text(max_size=60))
def test_any_text_can_be_asked_about(text: str) -> None:
    """No text raises."""
    assert resident_id.is_in(text) in (True, False)

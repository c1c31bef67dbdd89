"""
Postal item numbers by UPU S10: two letters, eight digits, a check digit, a country.

The check digit catches every single wrong digit and nearly every swapped pair. Not every 13-character number is S10:
China Post has older and numeric forms of its own, whose check digits are not public (`packcenter.config.manifest`).
"""

from __future__ import annotations

_LENGTH = 13
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
SERIAL_MAX = 99_999_999


def check_digit(serial: int) -> int:
    """The check digit of a serial from 0 to `SERIAL_MAX`."""
    assert 0 <= serial <= SERIAL_MAX, serial
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, f"{serial:08d}", strict=True))
    digit = 11 - total % 11
    return {10: 0, 11: 5}.get(digit, digit)


def number(indicator: str, serial: int, country: str) -> str:
    """The whole number, such as `number("EA", 47312482, "CN")` = EA473124829CN."""
    assert _is_letters(indicator), indicator
    assert _is_letters(country), country
    return f"{indicator}{serial:08d}{check_digit(serial)}{country}"


def is_shaped(code: str) -> bool:
    """Whether the code has the form of an S10 number, whatever its check digit."""
    return len(code) == _LENGTH and _is_letters(code[:2]) and _is_digits(code[2:11]) and _is_letters(code[11:])


def is_valid(code: str) -> bool:
    """Whether the code has the form of an S10 number and its check digit agrees."""
    return is_shaped(code) and int(code[10]) == check_digit(int(code[2:10]))


def _is_letters(text: str) -> bool:
    """Two letters A to Z; `str.isalpha` would take letters of every script."""
    return len(text) == 2 and all("A" <= letter <= "Z" for letter in text)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()

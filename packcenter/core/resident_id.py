"""
Resident identity numbers 公民身份号码 (GB 11643): known here only so that they can be kept out.

Six digits of region, eight of birth date, three of order, and a check character by ISO 7064 MOD 11-2, where X is ten.
Nothing here keeps, returns or prints a number.
"""

from __future__ import annotations

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
_BODY = 17
_LENGTH = 18
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def check_character(body: str) -> str:
    """The check character, 0 to 9 or X, of the first 17 digits."""
    assert len(body) == _BODY
    assert _is_digits(body)
    return _CHECKS[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, body, strict=True)) % 11]


def is_shaped(text: str) -> bool:
    """Whether the text is 17 digits and a digit or X."""
    return len(text) == _LENGTH and _is_digits(text[:_BODY]) and (text[_BODY] in "Xx" or _is_digits(text[_BODY]))


def is_valid(text: str) -> bool:
    """Whether the text is a number with a possible birth date and the right check character."""
    return is_shaped(text) and _has_birth_date(text) and text[_BODY].upper() == check_character(text[:_BODY])


def is_in(text: str) -> bool:
    """
    Whether a number, or something that looks like one, stands anywhere in the text.

    Whatever is not a letter or digit is passed over, so that 110105-1949... is seen too. A run of exactly 18 counts
    whatever its check character, since a mistyped number is still somebody's; in a longer run only a valid one does.
    """
    if len(text) < _LENGTH:
        return False
    squeezed = "".join(filter(str.isalnum, text))
    start = 0
    while start < len(squeezed):
        end = start
        while end < len(squeezed) and _is_digits(squeezed[end]):
            end += 1
        run_end = end + 1 if squeezed[end : end + 1] in ("X", "x") else end
        if _is_in_run(squeezed[start:run_end]):
            return True
        start = max(end, start + 1)
    return False


def _is_in_run(run: str) -> bool:
    """`run` is digits, and perhaps an X after them."""
    if _LENGTH in (len(run), len(run.rstrip("Xx"))):
        return True
    return any(is_valid(run[at : at + _LENGTH]) for at in range(len(run) - _LENGTH + 1))


def _has_birth_date(text: str) -> bool:
    """Years 1800 to 2099; whether the year leaps does not matter for suspicion."""
    year, month, day = int(text[6:10]), int(text[10:12]), int(text[12:14])
    return 1800 <= year <= 2099 and 1 <= month <= 12 and 1 <= day <= _MONTH_DAYS[month - 1]


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()

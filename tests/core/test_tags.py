"""S9 tags: the year that they bear, in every time zone, and what becomes of them when numbers are used up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import halls
import pytest

from packcenter.core import tags
from packcenter.core.index import HallIndex
from packcenter.core.state import State
from packcenter.core.turn import Turn

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SERIES = "CNNKGACNNKGBAEN"


def turn(at: datetime) -> Turn:
    """A moment in the hall with S9 tags."""
    hall = halls.HALLS["court"]
    return Turn(State(hall=hall), HallIndex(hall), (at - EPOCH) // timedelta(microseconds=1))


@pytest.mark.parametrize("year", [1970, 1999, 2000, 2026, 2027, 2028, 2100])
def test_a_tag_bears_the_local_year(year: int) -> None:
    """Nanjing is eight hours ahead: its year begins at 16 o'clock of UTC."""
    begins = datetime(year, 1, 1, tzinfo=UTC) - timedelta(hours=8)
    if year > 1970:
        assert tags.name(turn(begins - timedelta(microseconds=1)), "nanjing")[15] == str((year - 1) % 10)
        assert tags.name(turn(begins), "nanjing")[15] == str(year % 10)
    assert tags.name(turn(datetime(year, 12, 31, 15, 59, 59, tzinfo=UTC)), "nanjing")[15] == str(year % 10)


def test_every_day_of_two_centuries_has_its_year() -> None:
    """By the calendar that everybody has."""
    for days in range(366 * 200):
        day = EPOCH + timedelta(days=days)
        assert tags._year((day - EPOCH) // timedelta(microseconds=1)) == day.year


@pytest.mark.parametrize(
    ("last", "follows"),
    [
        ([], "0001001"),
        ([1, 1, 0], "0001002"),
        ([1, 7, 1], "0002001"),
        ([9999, 1, 0], "9999002"),
    ],
)
def test_numbers_follow_each_other(last: list[int], follows: str) -> None:
    """The next receptacle, or the first of the next despatch."""
    now = turn(datetime(2026, 3, 2, tzinfo=UTC))
    if last:
        now.state.despatches[f"{SERIES}6"] = last
    assert tags.name(now, "nanjing") == f"{SERIES}6{follows}"


def test_a_series_that_is_used_up_gives_no_more() -> None:
    """The bag then bears a tag of the centre; a number never comes again."""
    now = turn(datetime(2026, 3, 2, tzinfo=UTC))
    now.state.despatches[f"{SERIES}6"] = [9999, 1, 1]
    assert tags.name(now, "nanjing") == ""
    assert tags.name(now, "suzhou") == ""  # it has no office

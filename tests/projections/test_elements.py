"""Time elements: every state with every cause counts as the table of ISO 22400-2 says; shifts are cut to the microsecond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcenter.projections.elements import ELEMENTS, element_of, planned_us

MINUTE = 60_000_000
DAY = 1440 * MINUTE

# By the numbers of the line interface (LINE-INTERFACE.md 8.3 and 8.6), from standards' prose, not from the source:
WHATEVER_THE_CAUSE = {
    0: "unknown", 1: "down", 3: "setup", 6: "production", 8: "down", 9: "down", 12: "setup", 14: "setup", 15: "setup",
    16: "production", 18: "unknown", 255: "unknown",
}  # fmt: skip
STANDS = (2, 4, 5, 7, 10, 11, 13, 17)
BY_CAUSE = {
    0: "no_cause",
    1: "own",
    2: "starved",
    3: "blocked",
    4: "operator",
    5: "down",
    6: "controller",
    7: "no_cause",
    99: "no_cause",
}


@pytest.mark.parametrize("state", [*range(19), 255])
@pytest.mark.parametrize("cause", BY_CAUSE)
def test_each_state_with_each_cause_counts_as_the_table_says(state: int, cause: int) -> None:
    """A machine that stands is counted by its cause; held without one it is its own, since Hold is for that."""
    if state in WHATEVER_THE_CAUSE:
        expected = WHATEVER_THE_CAUSE[state]
    else:
        assert state in STANDS
        expected = "own" if state in (10, 11) and cause == 0 else BY_CAUSE[cause]
    assert element_of(state, cause) == expected
    assert expected in ELEMENTS


def test_a_day_of_two_shifts_in_nanjing() -> None:
    """06:00 to 14:00 and 15:00 to 16:00 local time, eight hours ahead: nine hours a day, from any moment to any later one."""
    shifts = ((360, 840), (900, 960))
    midnight = 1_795_132_800_000_000 - 480 * MINUTE
    assert planned_us(shifts, 480, midnight, midnight + DAY) == 540 * MINUTE
    assert planned_us(shifts, 480, midnight + 839 * MINUTE, midnight + 901 * MINUTE) == 2 * MINUTE
    assert planned_us(shifts, 480, midnight + 360 * MINUTE - 1, midnight + 360 * MINUTE + 1) == 1
    assert planned_us(shifts, 480, midnight, midnight + 30 * DAY) == 30 * 540 * MINUTE
    assert planned_us((), 480, midnight, midnight + DAY) == DAY


@st.composite
def shifts_of_a_day(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    edges = sorted(draw(st.sets(st.integers(0, 1440), min_size=2, max_size=8)))
    return tuple(zip(edges[::2], edges[1::2], strict=False))


@given(shifts_of_a_day(), st.integers(-720, 840), st.integers(0, 5 * 1440), st.integers(0, 3 * 1440))
def test_planned_time_is_a_count_of_the_minutes_in_shifts(
    shifts: tuple[tuple[int, int], ...], offset: int, begin: int, minutes: int
) -> None:
    """Minute for minute the same as looking at a clock."""
    counted = sum(any(a <= (at + offset) % 1440 < b for a, b in shifts) for at in range(begin, begin + minutes))
    assert planned_us(shifts, offset, begin * MINUTE, (begin + minutes) * MINUTE) == counted * MINUTE

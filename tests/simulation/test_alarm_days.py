"""Alarms in a hall that works: few in an ordinary day, none in a hall without a fault, no flood by any single one."""

from __future__ import annotations

import pytest
from mischief_days import Day

from packcenter.core import alarm_facts as a
from simulation.mischief import ACTS, cases

_NEED_MORE = ("lifts_from_hand", "puts_back", "returns_parcel", "shows_old_image", "shows_torn_image")
"""Acts that need another one before, or PLCs with images."""


def raised(day: Day) -> list[tuple[str, str]]:
    """Every alarm that was raised, in order."""
    facts = [fact for step in day.controller.watch.steps for fact in step.outcome.facts]
    assert not [fact for fact in facts if isinstance(fact, a.AlarmFloodSet)]
    return [(fact.alarm, fact.subject) for fact in facts if isinstance(fact, a.AlarmRaised)]


def test_a_hall_without_a_fault_calls_nobody() -> None:
    """Start-up, full lanes, closing bags and the end of the day are events."""
    day = Day(5, items=60, thorough_every=1000)
    day.run()
    assert raised(day) == []


@pytest.mark.parametrize("name", [name for name in ACTS if name not in (*_NEED_MORE, *cases.NAMES)])
def test_a_single_fault_is_one_alarm_at_most(name: str) -> None:
    """Whatever goes wrong once in a busy hall calls a person once, or is what the hall itself sees to."""
    day = Day(32, items=60, every_us=600_000, thorough_every=1000)
    day.wait(24_000_000)
    done = None
    for _ in range(40):
        done = day.act(ACTS[name])
        if done is not None:
            break
        day.wait(500_000)
    assert done is not None, f"there was nothing to do {name} to"
    day.wait(60_000_000)
    day.heal()
    assert len(raised(day)) <= 1, raised(day)


def test_a_hall_that_falls_silent_is_one_alarm() -> None:
    """The switch of the machines' network loses its power, and gets it back."""
    day = Day(32, items=60, every_us=600_000, thorough_every=1000)
    day.wait(24_000_000)
    for plc in day.hall.plcs.values():
        plc.freeze()
        day.wait(300_000)
    day.wait(15_000_000)
    day.heal()
    assert raised(day) == [("network_lost", "NJ")]

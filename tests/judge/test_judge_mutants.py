"""The judge finds every invariant broken that it claims to judge, and names it."""

from __future__ import annotations

import days
import pytest
from mutants_all import MUTANTS, Mutant
from writer import Writer, written

from simulation.judge import judge


def letters_of(violations: tuple[str, ...]) -> list[str]:
    """The letters of the invariants that are broken, in the order in which they were found."""
    return [violation.split()[0] for violation in violations]


@pytest.mark.parametrize("day", days.ALL.values(), ids=days.ALL)
def test_the_days_that_mutants_are_made_of_are_sound(day: str) -> None:
    """So whatever is found in a mutant was put there."""
    verdict = judge(written(days.records(day)))
    assert verdict.sound, verdict.violations


def test_a_run_starts_with_the_configuration_of_its_segment() -> None:
    """G2: what was in force is said in two places, and they agree."""
    records = days.records(days.DAY)
    for said in (records[0].happened, records[0].facts[0]):
        said[4] = "11" * 32
    for configuration, expected in ((b"\x11", []), (b"\x22", ["G2"])):
        writer = Writer(configuration=configuration * 32)
        writer.write(records)
        assert letters_of(judge(writer.files()).violations) == expected


@pytest.mark.parametrize("made", MUTANTS, ids=[f"{made.letter} {made.sentence}" for made in MUTANTS])
def test_a_broken_invariant_is_named(made: Mutant) -> None:
    """Exactly what was broken is found, and where that cannot be helped its consequences, which the mutant names."""
    records = days.records(made.day)
    made.change(records)
    verdict = judge(written(records))
    assert set(letters_of(verdict.violations)) == {made.letter, *made.also}, verdict.violations

"""Thirty cycles of the torture, and that its own yardsticks measure what they say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import blows
import pytest
import torture
from evidence import Run
from torture import GENTLE, HARD, KNOCKS, RARE, decided_after, deck, hasty, most_within, plan, unsettled

from simulation.draws import Stream

SEED = 2026
CYCLES = 30
MS = 1_000


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("hard", "cycles"), plan(CYCLES))
def test_a_hall_is_struck_again_and_again_and_nothing_is_lost_doubled_or_decided_twice(
    tmp_path: Path, hard: bool, cycles: int, rotation: int, record_property: Callable[[str, object], None]
) -> None:
    """Whatever the blows: every judge finds nothing, every run replays to the same decisions, and nobody knocks hastily."""
    told: list[str] = []
    result = torture.torture(tmp_path / "hall", SEED + rotation, cycles, hard=hard, tell=told.append)
    for name, value in torture.report_hall(result, 0).items():
        record_property(name, str(value))
    assert result.violations == [], told
    assert result.verdict.journal.replayed == result.verdict.journal.records
    assert result.verdict.journal.scans > 100
    assert sum(result.proxy["met"].values()) > 20
    if hard:
        assert result.figures.counts["reboots"] > 5
        assert result.figures.counts["kills"] > 0
    else:
        assert result.verdict.differences == []
        assert result.figures.counts["kills"] > 5
        assert all(len(lives) == 1 for lives in result.verdict.journal.epochs.values()), result.verdict.journal.epochs


def test_thirty_cycles_are_one_gentle_and_one_hard_hall_and_more_are_shared_out() -> None:
    """No cycle is lost, no hall is too long, and three of ten cycles are hard."""
    assert plan(30) == [(False, 21), (True, 9)]
    many = plan(500)
    assert sum(cycles for _, cycles in many) == 500
    assert sum(cycles for hard, cycles in many if hard) == 150
    assert max(cycles for _, cycles in many) <= torture.HALL_CYCLES
    assert [hard for hard, _ in many[:4]] == [False, True, False, True]
    assert plan(1) == [(False, 1)]


@pytest.mark.parametrize(("blows_and_counts", "cycles"), [(GENTLE, 21), (HARD, 9)])
def test_a_short_run_has_every_blow(blows_and_counts: Sequence[tuple[torture.Blow, int]], cycles: int) -> None:
    """Thirty cycles are one deck of each kind, whatever the seed; the rare ones take places of others."""
    drawn = deck(Stream(SEED, "deck"), blows_and_counts, cycles)
    assert Counter(drawn) == dict(blows_and_counts)
    assert drawn == deck(Stream(SEED, "deck"), blows_and_counts, cycles)
    assert drawn != deck(Stream(SEED + 1, "deck"), blows_and_counts, cycles)
    with_rare = deck(Stream(SEED, "deck"), blows_and_counts, cycles, RARE)
    assert len(with_rare) == cycles
    assert {*RARE} <= {*with_rare}


def test_decisions_are_counted_from_the_kill_to_the_run_after_it() -> None:
    """A run that was killed before it decided anything says nothing; later ones do not speak for it."""
    runs = [Run(1, 0, first_divert_us=10 * MS), Run(2, 1_000 * MS), Run(3, 2_000 * MS)]
    runs[2].first_divert_us = 2_700 * MS
    assert decided_after([900 * MS, 1_500 * MS], runs) == [1_200]


def test_the_most_within_a_window() -> None:
    """Half-open: a moment just a window later is outside."""
    assert most_within([], 10) == 0
    assert most_within([1, 2, 3, 10, 11, 30], 10) == 4
    assert most_within([0, 10, 20], 10) == 1


def knocks(pauses_ms: list[int], lasts_ms: int = 5) -> list[tuple[int, int, str]]:
    """Connections that end after `lasts_ms`, with these pauses from one to the next."""
    at, taken = 0, []
    for pause in [0, *pauses_ms]:
        at += pause * MS
        taken.append((at, at + lasts_ms * MS, "rst"))
    return taken


PATIENT_MS = [60, 110, 210, 410, *[1_100] * 10]


def test_a_peer_that_knocks_about_once_a_second_is_fine() -> None:
    """Some quick attempts first, then one a second: as the links do it."""
    assert hasty({"rack": knocks(PATIENT_MS)}, blows.Figures()) == []


def test_a_peer_that_knocks_faster_is_told_of() -> None:
    """The same number of attempts in half the time."""
    found = hasty({"rack": knocks([pause // 2 for pause in PATIENT_MS])}, blows.Figures())
    assert found
    assert f"rack was connected to {KNOCKS} times in" in found[0]


def test_a_new_life_of_the_service_and_a_settled_link_begin_anew() -> None:
    """Quick attempts are right after a restart, and after a link that held."""
    quick = [60, 110, 210, 410]
    figures = blows.Figures(lives_us=[1_900 * MS])
    taken = knocks([*quick, 1_100, *quick, 1_100, *quick])
    assert [len(row) for row in unsettled(taken, figures.lives_us)] == [6, 9]
    assert hasty({"rack": taken}, figures) == []
    settled = knocks([*quick, 1_100]) + [(at + 9_000 * MS, closed + 9_000 * MS, how) for at, closed, how in knocks(quick)]
    settled[5] = (settled[5][0], settled[5][0] + 5_500 * MS, "rst")
    assert [len(row) for row in unsettled(settled, [])] == [6, 5]

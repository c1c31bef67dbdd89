"""Whatever happens in a hall with a case rack, what must always hold holds (`invariants.Watch`)."""

from __future__ import annotations

from collections import Counter
from types import ModuleType

import pytest
from case_walks import CaseWalk, LetterWalk

from packcenter.core import case_cells, cell_counts, packing

GOALS = (
    "ReleaseBegun complete", "ReleaseBegun part", "ReleaseBegun case_overdue", "CaseSplit", "CaseOverdue", "CellFreed",
    "JobJoined", "ParcelProven", "CellSuspected plc_restart", "CellSuspected gap", "CellSuspected cell_count",
    "CellSuspected left_in_cell", "CellSuspected still_counts", "CellSuspected counts_differ",
    "CellSuspected cell_counter", "ReleaseBegun cell_counter",
    "CellTriedAnew machine_stopped", "CellTriedAnew plc_restart", "CellTriedAnew gap",
    "CellSuspected unread_at_rack", "CellSuspected wrong_cell", "CellSuspected not_the_one_expected", "CellSuspected quarantined",
    "StoreAbandoned nothing_there", "StoreAbandoned refused", "StoreAbandoned plc_restart",
    "ReleaseEnded nothing_there", "ReleaseEnded plc_restart", "ItemLost not_in_cell", "Suspected case_split",
    "LineRefused case_conflict", "LineRefused case_full", "LineRefused case_too_big", "Routed no_cell", "StorePaused",
)  # fmt: skip

LETTER_GOALS = (
    "LettersGathered", "LetterJoined", "LettersParted wait_over", "LettersParted plan", "LettersParted others_gone",
    "LettersParted no_way", "ReleaseBegun complete", "JobJoined", "ParcelProven", "CellFreed", "Routed combine",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(16))
def test_a_walk_with_cases_breaks_nothing(seed: int) -> None:
    """No input raises, the books balance after each, and replay, fold and snapshot agree."""
    walk = CaseWalk(seed, calm=seed % 4 == 0, thorough_every=3)
    for _ in range(300):
        walk.step()
    walk.watch.check_replay(restart_every=37)


@pytest.mark.parametrize("seed", range(16))
def test_a_walk_with_letters_breaks_nothing(seed: int) -> None:
    """The same where the plan combines letters to one addressee, and other plans are switched to."""
    walk = LetterWalk(seed, calm=seed % 4 == 0, thorough_every=3)
    for _ in range(300):
        walk.step()
    walk.watch.check_replay(restart_every=37)


@pytest.mark.parametrize(
    ("module", "rule", "instead"),
    [
        (packing, "_is_sound", True),
        (case_cells, "_is_free", True),
        (case_cells, "_is_idle", True),
        (case_cells, "is_complete", True),
        (case_cells, "has_left", True),
        (cell_counts, "is_left_alone", False),
    ],
)
def test_a_rule_that_is_broken_is_found(module: ModuleType, rule: str, instead: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks are not vacuous: each of these rules, made to say always the same, is missed within a few walks."""
    monkeypatch.setattr(module, rule, lambda *_: instead)
    with pytest.raises(AssertionError):
        _walk_until_it_breaks()


def _walk_until_it_breaks() -> None:
    for seed in range(40):
        walk = CaseWalk(seed, thorough_every=5)
        for _ in range(400):
            walk.step()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "goals"), [(CaseWalk, GOALS), (LetterWalk, LETTER_GOALS)])
def test_the_walks_with_cases_get_everywhere(kind: type[CaseWalk], goals: tuple[str, ...]) -> None:
    """A walk that never meets an overdue case proves nothing about one: each goal is reached, over all seeds, several times."""
    said: Counter[str] = Counter()
    for seed in range(100, 320):
        walk = kind(seed, thorough_every=10_000)
        for _ in range(500):
            walk.step()
        for step in walk.watch.steps:
            for fact in step.outcome.facts:
                said[type(fact).__name__] += 1
                said[f"{type(fact).__name__} {getattr(fact, 'reason', '')}"] += 1
    missed = {goal: said[goal] for goal in goals if said[goal] < 2}
    assert not missed, missed

"""kill -9 of the service at drawn moments of a live run: nothing is lost, doubled, or decided twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from torture import PARTS, one_part, report, spread

pytestmark = pytest.mark.slow

SEED = 2026


def test_five_kills_of_the_service_lose_nothing_and_change_no_item(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    told: list[str] = []
    verdict, figures = one_part("kills", 5, SEED, tmp_path / "hall", told.append)
    for name, value in report(verdict, figures, PARTS["kills"][1]).items():
        record_property(name, str(value))
    assert verdict.violations() == [], told
    assert verdict.differences == []
    assert figures.kills == 5
    assert len(verdict.journal.runs) >= 4
    assert verdict.journal.replayed == verdict.journal.records
    assert verdict.journal.scans > 50
    assert all(len(lives) == 1 for lives in verdict.journal.epochs.values()), verdict.journal.epochs
    controlling = spread(figures.controlling_ms)
    assert controlling is not None
    assert controlling["median"] < 10_000, controlling

"""A cable is pulled and put back: the sorter stops letting items in, and right decisions follow at once when it is back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blows import run_on
from harness import Hall, wait_for

pytestmark = pytest.mark.slow

SEED = 4
"""Its items meet no mishap that the hall notices late, so that both sides agree at every moment."""

STOP_LIMIT_US = 1_000_000
"""Infeed stops within this after the cable is pulled; decisions follow within this after it is back (tests allow twice)."""

RECONNECT_US = 1_250_000
"""The pause between two attempts to connect, jitter included: the cable comes back at a moment of its own."""


def seen(hall: Hall, plc: str, what: Callable[[dict[str, Any]], bool], text: str, limit_s: float = 20.0) -> dict[str, Any]:
    """Wait until the plant's side of a PLC looks so."""

    def look() -> dict[str, Any] | None:
        now = hall.plant.plc(plc)
        return now if what(now) else None

    return wait_for(look, limit_s, f"{plc} {text}", hall.service, hall.plant)


@pytest.mark.parametrize("sorter", ["sorter-1", "sorter-2"])
def test_a_cut_link_stops_the_infeed_and_its_return_brings_right_decisions(
    tmp_path: Path, sorter: str, record_property: Callable[[str, object], None]
) -> None:
    with Hall(tmp_path / "hall", items=500, seed=SEED) as hall:
        hall.open()
        hall.until(lambda status: status["packed"] >= 20, 30.0, "twenty parcels")
        cut_us = hall.plant.order("cut", sorter)["mono_us"]
        seen(hall, sorter, lambda now: now["peer_lost_us"] > cut_us, "to miss packcenter")
        run_on(hall, 12)
        stopped = hall.plant.plc(sorter)
        assert not stopped["peer_alive"]
        restored_us = hall.plant.order("restore", sorter)["mono_us"]
        back = seen(hall, sorter, lambda now: now["induction_us"] > restored_us, "to let items in again")
        first = seen(hall, sorter, lambda now: now["decided_us"] > restored_us, "to get a decision")
        run_on(hall, 30)
        verdict = hall.settle()
    figures = {
        "cut_to_last_induction_ms": (stopped["induction_us"] - cut_us) // 1000,
        "cut_to_peer_lost_ms": (stopped["peer_lost_us"] - cut_us) // 1000,
        "back_to_peer_ms": (back["peer_back_us"] - restored_us) // 1000,
        "back_to_decision_ms": (first["decision_us"] - restored_us) // 1000,
        "scanned_while_nobody_heard": len(verdict.journal.late),
        "refused_as_late": len(verdict.journal.refused_late),
    }
    record_property("figures", json.dumps(figures))
    print(sorter, json.dumps(figures))
    assert stopped["induction_us"] - cut_us < 2 * STOP_LIMIT_US, figures
    assert first["decision_us"] - restored_us < 2 * STOP_LIMIT_US + RECONNECT_US, figures
    assert verdict.violations() == []
    assert verdict.differences == []
    # Late are only those that were scanned while nobody could be told.
    assert all(late.plc == sorter for late in verdict.journal.late)
    assert all(late.age_us > 1_000_000 for late in verdict.journal.late), verdict.journal.late


def test_while_one_plc_is_dead_the_service_decides_for_the_others(tmp_path: Path) -> None:
    with Hall(tmp_path / "hall", items=600, seed=SEED) as hall:
        hall.open()
        hall.until(lambda status: status["packed"] >= 20, 30.0, "twenty parcels")
        for dead in ("sorter-1", "bagger-3"):
            hall.plant.order("cut", dead)
        seen(hall, "sorter-1", lambda now: not now["peer_alive"], "to miss packcenter")
        before = hall.plant.plc("sorter-2")["decisions"]
        run_on(hall, 30)
        after = hall.plant.plc("sorter-2")["decisions"]
        status = hall.service.status()
        assert not status["plcs"]["sorter-1"]["up"]
        assert status["plcs"]["sorter-2"]["up"]
        for dead in ("sorter-1", "bagger-3"):
            hall.plant.order("restore", dead)
        hall.until_ready()
        run_on(hall, 30)
        verdict = hall.settle()
    assert after - before >= 15, (before, after)
    assert verdict.violations() == []
    assert verdict.differences == []
    assert [late for late in verdict.journal.late if late.plc == "sorter-2"] == []

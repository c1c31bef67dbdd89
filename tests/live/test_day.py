"""A day over real sockets, its end, and who may not run beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import Hall, run_beside, wait_for

pytestmark = pytest.mark.slow

JOURNAL_LOCKED = 75


def test_a_day_over_real_sockets_balances_to_the_item_and_replays_without_a_divergence(tmp_path: Path) -> None:
    with Hall(tmp_path / "hall", items=600) as hall:
        hall.open()
        hall.until_done(100.0)
        verdict = hall.settle()
        assert verdict.violations() == []
        assert verdict.differences == []
        assert verdict.journal.replayed == verdict.journal.records
        assert verdict.journal.scans >= 600
        assert verdict.journal.sealed >= 570
        assert len(verdict.journal.dispatched) >= 4
        assert hall.service.status()["balanced"]
        assert hall.service.terminate() == 0
        assert "The books balance to the item." in hall.service.text()
    told = subprocess.run(
        [sys.executable, "-m", "packcenter", "replay", str(hall.folder), "--json"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told
    assert json.loads(told.stdout)["divergences"] == 0


def test_a_service_that_is_told_to_stop_in_full_run_ends_within_five_seconds_and_prints_its_books(tmp_path: Path) -> None:
    with Hall(tmp_path / "hall", items=400) as hall:
        hall.open()
        hall.until(lambda status: status["packed"] >= 20, 30.0, "twenty parcels")
        began = time.monotonic()
        assert hall.service.terminate() == 0
        assert time.monotonic() - began < 5.0
        assert "The books balance to the item." in hall.service.text()
        hall.start_service()
        hall.until_ready()
        verdict = hall.settle()
        assert verdict.violations() == []
        assert [run.stopped for run in verdict.journal.runs] == [True, False]


def test_a_second_service_on_the_same_journal_refuses_and_names_the_holder(tmp_path: Path) -> None:
    with Hall(tmp_path / "hall", items=20) as hall:
        with run_beside(["run", "--http", "127.0.0.1:0", *hall.service_arguments()], hall.folder / "second.log") as second:
            assert second.ended(30.0) == JOURNAL_LOCKED
            assert str(hall.service.process.pid) in second.text()
            assert "Traceback" not in second.text()
        hall.open()
        hall.until(lambda status: status["packed"] >= 5, 30.0, "parcels after the second service")


def test_a_service_whose_log_is_full_controls_the_hall_all_the_same(tmp_path: Path) -> None:
    with Hall(tmp_path / "hall", items=60) as hall:
        assert hall.service.terminate() == 0
        arguments = [each for each in hall.service_arguments() if each != "--balance"]  # books need somewhere to be printed
        with run_beside(["run", "--http", "127.0.0.1:0", *arguments], Path("/dev/full")) as mute:
            wait_for(hall.plant_hears, 30.0, "every PLC to hear packcenter", hall.plant)
            hall.open()
            wait_for(lambda: hall.plant.plc("sorter-1")["decisions"] >= 5, 30.0, "decisions", hall.plant)
            assert mute.terminate() == 0
        hall.start_service()
        hall.until_ready()
        assert hall.settle().violations() == []


def test_a_plant_that_is_told_to_stop_ends_without_a_word(tmp_path: Path) -> None:
    with Hall(tmp_path / "hall", items=20) as hall:
        hall.open()
        wait_for(lambda: hall.plant.order("status")["plant_us"] > 0, 10.0, "plant time to run", hall.plant)
        hall.service.terminate()
        assert hall.plant.terminate() == 0
        assert hall.plant.text() == ""

"""What makes the service end just so: an event on which a decision fails. (kill -9 at drawn moments: `test_torture`.)"""

from __future__ import annotations

from pathlib import Path

import pytest
from blows import FOUND_S, run_on
from harness import Hall

from packcenter.cli.journal import fold
from packcenter.core.inputs import Quarantined
from packcenter.core.state import State
from packcenter.journal.journal import read_journal
from packcenter.plc.line import EventKind
from packcenter.real import RealDisk
from packcenter.service import recovery

pytestmark = pytest.mark.slow

SEED = 2026


def unheard_documents(hall: Hall, state: State) -> list[Quarantined]:
    """A note for each bagger whose next event is that a document was fed, as if that event had made the last run fail."""
    run_on(hall, 10)  # what was begun is done, and nobody heard it
    plcs = hall.plant.order("status")["plcs"]
    notes = []
    for name, bagger in state.baggers.items():
        plc = state.plcs[name]
        job = bagger.feeding
        if job is not None and plcs[name]["waiting"][:1] == [[plc.seq + 1, EventKind.FED, job.number]]:
            notes.append(Quarantined(name, plc.epoch, plc.seq + 1, job.number, "", "ValueError: a test"))
    return notes


def test_an_event_that_made_a_run_fail_is_set_aside_once_and_the_line_goes_on(tmp_path: Path) -> None:
    with Hall(tmp_path / "hall", items=500, seed=SEED) as hall:
        hall.open()
        hall.until(lambda status: status["packed"] >= 20, 30.0, "twenty parcels")
        disk = RealDisk(hall.journal)
        for _ in range(10):
            hall.service.kill()
            if aside := unheard_documents(hall, fold(iter(read_journal(disk)))):
                break
            hall.start_service()
            hall.until_ready()
            hall.until(lambda status: status["packed"] >= 5, 30.0, "five parcels more")
        assert aside, "no bagger fed a document just when the service was killed"
        recovery.write_quarantine(disk, aside)
        for _ in range(2):
            hall.start_service()
            hall.until_ready()
            hall.until(lambda status: status["packed"] >= 20, 30.0, "twenty parcels more")
            assert recovery.read_quarantine(disk) == []
            assert hall.service.terminate() == 0
        hall.start_service()
        hall.until_ready()
        run_on(hall, FOUND_S)
        verdict = hall.settle()
    assert verdict.journal.quarantined == [(each.plc, each.seq) for each in aside]
    assert verdict.violations(memory_lost=True) == []

"""The newborn hall over real sockets: two case racks, one on OPC UA and one on Modbus TCP, and parcels of five documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Hall

from packcenter.core import record
from packcenter.core.case_facts import ParcelProven
from packcenter.core.commands import Release, Store
from packcenter.journal.journal import read_journal
from packcenter.real import RealDisk

pytestmark = pytest.mark.slow


def test_cases_are_gathered_and_packed_over_both_protocols(tmp_path: Path) -> None:
    """Both racks store and release, whole cases leave in one parcel each, and the plant's own count agrees."""
    with Hall(tmp_path / "hall", items=100, hall="newborn") as hall:
        hall.open()
        hall.until_done(100.0)
        verdict = hall.settle()
        assert verdict.violations() == []
        assert verdict.differences == []
        assert hall.service.status()["balanced"]
        assert hall.service.terminate() == 0
    records = [record.decode(entry.body) for entry in read_journal(RealDisk(hall.journal), verify="crc")]
    asked = {
        (command.plc, type(command)) for each in records for command in each.commands if isinstance(command, Store | Release)
    }
    assert asked == {(plc, kind) for plc in ("cases-1", "cases-2") for kind in (Store, Release)}
    whole = [fact for each in records for fact in each.facts if isinstance(fact, ParcelProven) and len(fact.items) == 5]
    assert len(whole) >= 8, whole

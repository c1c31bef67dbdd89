"""`packcenter bills` and `packcenter feed`: what they print and write of a recorded day."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "core"))
sys.path.insert(0, str(Path(__file__).parent.parent / "judge"))

import days
from writer import written

from packcenter.cli.codes import OK, PROBLEM
from packcenter.cli.main import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The day of court documents."""
    journal = tmp_path / "journal"
    journal.mkdir()
    for name, content in written(days.records(days.RECEIPTS)).items():
        (journal / name).write_bytes(content)
    return journal


def test_bills_are_listed_and_one_is_shown_parcel_by_parcel(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the tag of its bag."""
    assert run(["bills", str(folder)]) == OK
    (line,) = capsys.readouterr().out.splitlines()
    tag = line.split()[0]
    assert "2 parcels" in line
    assert run(["bills", str(folder), "--tag", tag]) == OK
    told = capsys.readouterr().out
    assert [each.split()[1:3] for each in told.splitlines()[1:]] == [["EA000000014CN", "NJ0001"], ["EA000000031CN", "NJ0003"]]
    assert run(["bills", str(folder), "--tag", "NJ-99"]) == PROBLEM


def test_bills_are_written_as_the_service_writes_them(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """CSV and JSON, whole, and again without harm."""
    for _ in range(2):
        assert run(["bills", str(folder), "--to", str(tmp_path / "bills"), "--json"]) == OK
        (bill,) = json.loads(capsys.readouterr().out)["bills"]
    names = sorted(path.name for path in (tmp_path / "bills").iterdir())
    assert names == [f"{bill['tag']}.csv", f"{bill['tag']}.json"]
    assert json.loads((tmp_path / "bills" / names[1]).read_bytes()) == bill


def test_an_agency_is_told_what_came_after_a_record(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line of JSON an event; of an agency that there is not, nothing."""
    assert run(["feed", "tax", "--journal", str(folder)]) == OK
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {event["event"] for event in events} >= {"announced", "collected", "dispatched", "receipt_returned"}
    assert run(["feed", "tax", "--journal", str(folder), "--after", str(events[-2]["sequence"])]) == OK
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == events[-1:]
    assert run(["feed", "customs", "--journal", str(folder)]) == PROBLEM

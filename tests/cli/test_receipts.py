"""`packcenter receipts`, and what `item` and `books` tell of receipts: read from a recorded day of court documents."""

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
    """The day until the receipt of NJ0003 is overdue."""
    records = days.records(days.RECEIPTS)
    overdue = next(at for at, record in enumerate(records) if any(fact[0] == "ReceiptOverdue" for fact in record.facts))
    for name, content in written(records[: overdue + 1]).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_open_receipts_are_listed_and_an_overdue_one_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whose, since when, until when; and how many there are of each kind."""
    assert run(["receipts", str(folder)]) == PROBLEM
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2, told
    assert told[0].split()[:4] == ["overdue", "NJ0003", "EA000000031CN", "tax"]
    assert told[0].split()[4:] == ["left", "2026-03-02", "08:00", "due", "2026-03-02", "09:00"]
    assert "1 overdue, 0 awaited, 0 given up, 1 returned" in told[1]


def test_all_are_listed_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those that are open first."""
    run(["receipts", str(folder), "--all", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [(line["item"], line["state"]) for line in found["receipts"]] == [("NJ0003", "overdue"), ("NJ0001", "returned")]


def test_an_items_history_and_the_books_tell_of_its_receipt(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is dispatched, and waited for."""
    assert run(["item", "NJ0003", "--journal", str(folder)]) == OK
    told = capsys.readouterr().out
    assert "receipt awaited" in told
    assert "receipt overdue" in told
    run(["books", str(folder)])
    assert "overdue 1, awaited 0, given up 0, returned 1" in capsys.readouterr().out


def test_a_hall_without_receipts_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rather than an empty list."""
    for name, content in written(days.records(days.DAY)).items():
        (tmp_path / name).write_bytes(content)
    assert run(["receipts", str(tmp_path)]) == OK
    assert "no [receipts]" in capsys.readouterr().out

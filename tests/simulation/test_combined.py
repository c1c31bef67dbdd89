"""A day on which letters to one addressee leave together: parcels, bills and receipts are counted to the letter."""

from __future__ import annotations

import csv
import json
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest

from packcenter.cli.codes import OK
from packcenter.cli.main import run
from packcenter.config.load import bundled_site, load_site
from packcenter.core import case_facts as c
from packcenter.core import facts as f
from packcenter.core import receipt_facts as r
from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.core.facts import Fact
from packcenter.core.state import State
from packcenter.journal.journal import read_journal
from packcenter.projections.agency_events import events_of
from packcenter.real import RealDisk
from simulation.documents import EXAMPLE_DAY
from simulation.newborn import newborn_day
from simulation.scenario import names


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Fact], State, Path]:
    """Every fact of the scenario `combined-letters`, the state in its end, and the folder of its journal."""
    folder = tmp_path_factory.mktemp("day")
    assert run(["scenario", "run", "combined-letters", "--journal", str(folder)]) == OK
    journal = folder / "combined-letters"
    controller = Controller()
    facts: list[Fact] = []
    for entry in read_journal(RealDisk(journal), verify="crc"):
        told = record.decode(entry.body)
        controller.fold(entry.at_us, told.facts, told.commands)
        facts += told.facts
    return facts, controller.state, journal


def test_the_scenario_is_one_of_those_that_come_with_packcenter() -> None:
    """So it is run with them."""
    assert "combined-letters" in names()


def test_each_parcel_holds_letters_to_one_addressee(day: tuple[list[Fact], State, Path]) -> None:
    """By the manifests alone: whoever is in one parcel has one token, place and service; most that could leave together do."""
    facts, _, _ = day
    rows = {row.item: row for row in newborn_day(1, EXAMPLE_DAY, 1_000) if row.addressee_token}
    proven = [fact for fact in facts if isinstance(fact, c.ParcelProven) and fact.case.startswith("+")]
    several = [fact.items for fact in proven if len(fact.items) > 1]
    for items in several:
        assert len({(rows[name].addressee_token, rows[name].destination, rows[name].service) for name in items}) == 1
    could = sum(count for count in Counter(row.addressee_token for row in rows.values()).values() if count > 1)
    assert len(several) > 35
    assert sum(map(len, several)) > could * 6 // 10
    assert len({name for items in several for name in items}) == sum(map(len, several))


def test_letters_wait_for_each_other_and_not_for_ever(day: tuple[list[Fact], State, Path]) -> None:
    """Some come too late for the others; nothing lies in a cell at the end of the day."""
    facts, state, _ = day
    assert any(isinstance(fact, c.LettersParted) and fact.reason == "wait_over" for fact in facts)
    assert not any(cell.case.startswith("+") for cell in state.cells.values() if cell.items)


def test_bills_events_and_receipts_name_every_letter(
    day: tuple[list[Fact], State, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A parcel is one line of one bill with all its letters; each letter's agency is told; each receipt comes back for itself."""
    facts, state, journal = day
    assert run(["bills", str(journal), "--to", str(tmp_path)]) == OK
    capsys.readouterr()
    lines = [line for path in sorted(tmp_path.glob("*.csv")) for line in csv.DictReader(StringIO(path.read_text("utf-8")))]
    billed = [name for line in lines for name in (line["item"], *line["others"].split())]
    left = [name for name, item in state.items.items() if item.place == "dispatched"]
    assert sorted(billed) == sorted(left)
    assert len({line["waybill"] for line in lines}) == len(lines) < len(left)
    bill = json.loads(sorted(tmp_path.glob("*.json"))[0].read_text("utf-8"))
    assert all(isinstance(parcel["others"], list) for parcel in bill["parcels"])
    told = Counter(event.event for _, event in events_of(1, 0, facts, state) if event.item.startswith("NB-L"))
    letters = [name for name in left if name.startswith("NB-L")]
    assert told["dispatched"] == told["packed"] == told["bagged"] == len(letters)
    wanted = {name for name in letters if state.items[name].service == "receipt-requested"}
    assert {fact.item for fact in facts if isinstance(fact, r.ReceiptAwaited)} == wanted
    assert sum(isinstance(fact, f.WaybillAssigned) for fact in facts) < len(left)


def test_the_plan_of_the_day_says_so() -> None:
    """The newborn site combines its letters; no rule of the reference site does."""
    assert [rule.combine_minutes for rule in load_site(bundled_site("newborn")).hall.plan.rules] == [90, 0]
    assert not any(rule.combine_minutes for rule in load_site(bundled_site()).hall.plan.rules)

"""The newborn hall: five documents of five agencies leave in one parcel, and the books balance."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from packcenter.cli.codes import OK
from packcenter.cli.main import run
from packcenter.config.load import bundled_site, load_site
from packcenter.core import case_facts as c
from packcenter.core import record
from packcenter.journal.journal import read_journal
from packcenter.real import RealDisk
from simulation.newborn import DOCUMENTS, newborn_day


def test_the_hall_and_its_day_fit_each_other() -> None:
    """What comes has classes and agencies of the site; a case has one document of each class, and agrees in where it goes."""
    hall = load_site(bundled_site("newborn")).hall
    assert hall.case_types[0].mail_classes == tuple(mail_class for mail_class, _, _ in DOCUMENTS)
    cases: dict[str, list[tuple[str, str]]] = {}
    for row in newborn_day(7, date(2026, 3, 2), 500):
        assert row.agency in hall.agencies
        if row.case:
            cases.setdefault(row.case, []).append((row.mail_class, row.destination))
    assert len(cases) == 80
    for documents in cases.values():
        assert len({mail_class for mail_class, _ in documents}) == len(documents) >= 4
        assert len({destination for _, destination in documents}) == 1


def test_a_day_of_newborn_cases_balances_to_the_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Complete cases leave whole, incomplete ones in parts, and what was proven at the seal is what the plant sealed."""
    folder = tmp_path / "day"
    arguments = ["simulate", "--hall", "newborn", "--items", "300", "--seed", "5", "--kernel", "heap"]
    assert run([*arguments, "--journal", str(folder), "--json"]) == OK
    told = json.loads(capsys.readouterr().out)
    assert told["truth_agrees"]
    facts = [fact for entry in read_journal(RealDisk(folder), verify="crc") for fact in record.decode(entry.body).facts]
    proven = [fact for fact in facts if isinstance(fact, c.ParcelProven)]
    assert sum(len(fact.items) == 5 and fact.part == 0 for fact in proven) >= 40
    parts = [fact for fact in proven if fact.part]
    assert parts, "of some case a document is missing"
    assert {fact.case for fact in parts} <= {fact.case for fact in facts if isinstance(fact, c.CaseSplit)}
    assert len({name for fact in proven for name in fact.items}) == sum(len(fact.items) for fact in proven)
    assert run(["judge", str(folder)]) == OK

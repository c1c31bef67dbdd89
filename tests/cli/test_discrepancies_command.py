"""`packcenter discrepancies`, `books --shift` and the file of a count: what people read, and what they are told is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packcenter.cli.codes import OK, PROBLEM, ToldError
from packcenter.cli.count_file import read_count
from packcenter.cli.main import run
from packcenter.config.load import bundled_site, load_site
from packcenter.core import inputs as i
from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import Journal
from packcenter.real import RealClock, RealDisk

START_US = 1_772_409_600_000_000
_BY = ("op-1", "supervisor", "shift over")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal in which events are missing, and a shift was counted and closed with a difference."""
    return _recorded(tmp_path)


def _recorded(tmp_path: Path, *, remade: bool = False) -> Path:
    configuration = load_site(bundled_site())
    happened: list[i.Input] = [i.Started(1, "1.0", configuration.hall, configuration.digest), i.CustodyRulesGiven(1, 480, 120)]
    happened += [i.LinkUp(plc, 7, 0) for plc in configuration.hall.plcs()]
    happened += [i.JamChanged("bagger-1", 1, 4, 0, 1, True)]
    if remade:
        line = i.Line("NJ1", "id_card", "police-household", "", 210005, "ems", "", 0, 0)
        happened += [i.ManifestReceived("M1", 1, 1, 0, "digest", (line,))]
        sorter = configuration.hall.sorters[0]
        happened += [i.Scanned(sorter.plc, 1, 1, 1, 1, 0, 0, "NJ1", 0, 0)]
        happened += [i.DivertConfirmed(sorter.plc, 1, 2, 1, sorter.exception_lane, 0, 0)]
        happened += [
            i.DiscrepancyReported(*_BY, "damaged", "NJ1"),
            i.VerdictPassed("op-2", "supervisor", "torn", "NJ1", "remake", ""),
        ]
    happened += [i.ShiftCounted(*_BY, (i.Counted("hand", "id_card", "police-household", 2),))]
    number = 3 if remade else 2
    happened += [i.DiscrepancyJudged("op-2", "supervisor", "left over", number, "explained"), i.ShiftEnded(*_BY)]
    controller, drafts = Controller(), []
    for at, each in enumerate(happened):
        at_us = START_US + at
        body, decision_at = record.encode(each, controller.step(at_us, each))
        source = (each.plc, each.epoch, each.seq) if isinstance(each, i.PlcEvent) else ("", 0, 0)
        drafts.append(Draft(at_us, at, at_us, *source, body, decision_at))
    identity = Identity("NJ", "1.0", bytes(32), bytes(32))
    journal = Journal.open(RealDisk(tmp_path), identity, clock=RealClock(), holder="test", lab=True, segment_bytes=1 << 20)
    journal.write_group(drafts)
    journal.close()
    return tmp_path


@pytest.mark.parametrize(("lang", "meaning"), [("en", "events of a PLC are missing"), ("zh", "PLC 事件缺失")])
def test_a_discrepancy_is_told_with_who_closes_it(
    folder: Path, lang: str, meaning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What, by when, by whom opened, and what is still to be done."""
    assert run(["discrepancies", str(folder), "--lang", lang]) == OK
    told = capsys.readouterr().out
    assert f"{meaning}; one person closes it" in told
    assert "1  gap bagger-1" in told
    assert "op-2 signed: explained; another person confirms it" in told
    assert "2 open, 0 overdue. Shift 2, not counted yet." in told


def test_all_tells_the_history_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who opened and signed what, at which record."""
    assert run(["discrepancies", str(folder), "--all"]) == OK
    told = capsys.readouterr().out
    assert "count_differs hand/id_card/police-household, opened by op-1" in told
    assert "explained, signed by op-2" in told


def test_json_has_the_list_and_the_history(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For programs."""
    assert run(["discrepancies", str(folder), "--all", "--json"]) == OK
    told = json.loads(capsys.readouterr().out)
    assert [line["number"] for line in told["now"]["discrepancies"]] == [2, 1]
    assert len(told["history"]) == 3


def test_the_books_of_a_closed_shift_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When it was, who counted and closed it, what differed, and what is handed on."""
    assert run(["books", str(folder), "--shift", "1"]) == OK
    told = capsys.readouterr().out
    assert "counted by op-1, closed by op-1" in told
    assert "counted 2 of hand id_card police-household, the books had 0" in told
    assert "Discrepancies handed on: 1, 2." in told
    assert run(["books", str(folder), "--shift", "1", "--json"]) == OK
    found = json.loads(capsys.readouterr().out)
    assert (found["shift"], found["discrepancies"]) == (1, [1, 2])
    assert found["count_differences"][0]["counted"] == 2


def test_a_shift_that_is_not_closed_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With those that are."""
    assert run(["books", str(folder), "--shift", "2"]) == PROBLEM
    assert "Shift 2 is not closed in this journal; closed are 1." in capsys.readouterr().err


def test_a_count_is_read_line_by_line(tmp_path: Path) -> None:
    """Empty lines and spaces are no fault; what bears no identity has no class."""
    file = tmp_path / "count.csv"
    file.write_text("place,mail_class,agency,items\nhand, id_card ,police-household,3\n\nbag,,,1\n", encoding="utf-8")
    assert read_count(file) == [
        {"place": "hand", "mail_class": "id_card", "agency": "police-household", "items": 3},
        {"place": "bag", "mail_class": "", "agency": "", "items": 1},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: the header is 'nothing', expected place,mail_class,agency,items"),
        ("a,b\n", ":1: the header is 'a,b'"),
        ("place,mail_class,agency,items\nhand,1\n", ":2: 2 cells, expected 4"),
        ("place,mail_class,agency,items\nbelt,letter,tax,1\n", ":2: place is 'belt', expected hand, lane, cell, bag"),
        ("place,mail_class,agency,items\nhand,Letter,tax,1\n", ":2: mail_class and agency are names"),
        ("place,mail_class,agency,items\nhand,letter,,1\n", ":2: mail_class and agency are names"),
        ("place,mail_class,agency,items\nhand,letter,tax,-1\n", ":2: items is '-1', expected a number from 0"),
        ("place,mail_class,agency,items\nhand,a,b,1\nhand,a,b,2\n", ":3: place, class and agency are those of line 2"),
    ],
)
def test_what_is_wrong_with_a_count_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """And nothing is sent."""
    file = tmp_path / "count.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ToldError) as told:
        read_count(file)
    assert said in str(told.value)


def test_every_fault_of_a_count_is_told_at_once(tmp_path: Path) -> None:
    """As many as people can use."""
    file = tmp_path / "count.csv"
    file.write_text("place,mail_class,agency,items\n" + "x,,,\n" * 30, encoding="utf-8")
    with pytest.raises(ToldError) as told:
        read_count(file)
    assert "and 10 more" in str(told.value)
    file.write_bytes(b"place\xff")
    with pytest.raises(ToldError, match="no text in UTF-8"):
        read_count(file)


def test_the_remake_list_says_what_each_was_like_and_who_decided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people with the person, for the agency without."""
    folder = _recorded(tmp_path, remade=True)
    assert run(["remakes", str(folder)]) == OK
    told = capsys.readouterr().out
    assert "NJ1" in told
    assert "bad, " in told
    assert "op-2: torn" in told
    assert "1 are made anew." in told
    assert run(["remakes", str(folder), "--csv", "--agency", "police-household"]) == OK
    told = capsys.readouterr().out
    assert told.startswith("item,mail_class,agency,waybill,integrity,reason\nNJ1,id_card,police-household,")
    assert "op-2" not in told
    assert run(["remakes", str(folder), "--json", "--agency", "tax"]) == OK
    assert json.loads(capsys.readouterr().out) == {"remakes": []}


def test_what_waits_for_a_verdict_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing does here."""
    assert run(["remakes", str(folder), "--waiting"]) == OK
    assert capsys.readouterr().out == "0 wait for a verdict.\n"

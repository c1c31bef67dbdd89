"""`packcenter alarms`: what a person reads of a recorded shift, in both languages and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from packcenter.cli.codes import OK
from packcenter.cli.main import run
from packcenter.config.load import bundled_site, load_site
from packcenter.core import record
from packcenter.core.alarm_table import ALARMS, VERSION
from packcenter.core.controller import Controller
from packcenter.core.inputs import AlarmTableGiven, Input, JamChanged, LinkUp, Started
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import Journal
from packcenter.real import RealClock, RealDisk

START_US = 1_772_409_600_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal in which a bagger jams."""
    configuration = load_site(bundled_site())
    happened: list[Input] = [Started(1, "1.0", configuration.hall, configuration.digest), AlarmTableGiven(VERSION)]
    happened += [LinkUp(plc, 7, 0) for plc in configuration.hall.plcs()]
    happened += [JamChanged("bagger-1", 1, 1, 0, 1, True)]
    return _write(tmp_path, happened)


def _write(folder: Path, happened: list[Input]) -> Path:
    controller, drafts = Controller(), []
    for at, each in enumerate(happened):
        at_us = START_US + at
        body, decision_at = record.encode(each, controller.step(at_us, each))
        source = ("bagger-1", 1, 1) if isinstance(each, JamChanged) else ("", 0, 0)
        drafts.append(Draft(at_us, at, at_us, *source, body, decision_at))
    identity = Identity("NJ", "1.0", bytes(32), bytes(32))
    journal = Journal.open(RealDisk(folder), identity, clock=RealClock(), holder="test", lab=True, segment_bytes=1 << 20)
    journal.write_group(drafts)
    journal.close()
    return folder


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_alarm_is_told_with_what_to_do(folder: Path, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where, since when, why, what comes of it, and the response, in the language that was asked for."""
    assert run(["alarms", str(folder), "--lang", lang]) == OK
    told = capsys.readouterr().out
    for text in (ALARMS["jam"].title, ALARMS["jam"].cause, ALARMS["jam"].consequence, ALARMS["jam"].response):
        assert getattr(text, lang) in told
    assert "bagger-1" in told
    assert "1 alarms at 2026-03-02 08:00:00" in told
    assert "cause gone" not in told


def test_all_tells_the_history_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every alarm that was raised, explained or cleared, with its record."""
    assert run(["alarms", str(folder), "--all"]) == OK
    assert "jam/bagger-1                       raised by JamSet" in capsys.readouterr().out


def test_the_list_is_one_object_for_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--all` the history stands beside what is now."""
    assert run(["alarms", str(folder), "--json"]) == OK
    now = json.loads(capsys.readouterr().out)
    assert [(line["alarm"], line["standing"]) for line in now["alarms"]] == [("jam", "unacknowledged")]
    assert run(["alarms", str(folder), "--json", "--all"]) == OK
    everything = json.loads(capsys.readouterr().out)
    assert everything["now"] == now
    assert everything["history"][-1]["what"] == "raised by JamSet"


def test_a_journal_without_alarms_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of release 0.1.0 have none, which is not the same as an empty list."""
    configuration = load_site(bundled_site())
    _write(tmp_path, [Started(1, "0.1.0", configuration.hall, configuration.digest)])
    assert run(["alarms", str(tmp_path)]) == OK
    assert capsys.readouterr().out == "This journal was recorded without alarms.\n"

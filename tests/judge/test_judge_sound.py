"""What the real core decided, whatever happened to it, the judge finds sound; and no record, however odd, makes it raise."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import walked
import writer
from scripts import FOLDER
from writer import Record, written

from packcenter.cli.codes import OK, PROBLEM, USAGE
from packcenter.cli.main import run
from simulation.judge import __main__ as program
from simulation.judge import grammar, judge

SEGMENT = 1 << 20


@pytest.mark.parametrize("script", sorted(path.name for path in FOLDER.glob("*.txt")))
def test_every_scenario_of_the_scripts_is_sound(script: str) -> None:
    """The scripts are the readable specification of the core, trouble included."""
    for name, records in walked.scenarios(script):
        verdict = judge(written(records, segment_bytes=SEGMENT))
        assert verdict.sound, (name, verdict.violations)


@pytest.mark.parametrize("seed", range(12))
def test_a_walk_among_sound_and_unsound_machines_is_sound(seed: int) -> None:
    """Restarts of either side, gaps, repeats, wrong lanes, wrong labels, codes of any kind: the core's books hold."""
    verdict = judge(written(walked.walk(seed, 150), segment_bytes=SEGMENT))
    assert verdict.sound, verdict.violations


@pytest.mark.parametrize("letters", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_a_walk_in_a_hall_with_a_case_rack_is_sound(seed: int, letters: bool) -> None:
    """Cells, cases that are complete, overdue, in doubt, and parcels of several documents: the core's books hold."""
    verdict = judge(written(walked.case_walk(seed, 250, letters=letters), segment_bytes=SEGMENT))
    assert verdict.sound, verdict.violations


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5000, 5008))
def test_a_long_walk_is_sound(seed: int) -> None:
    """The same, further on."""
    verdict = judge(written(walked.walk(seed, 900), segment_bytes=SEGMENT))
    assert verdict.sound, verdict.violations
    assert verdict.parcels, verdict


@pytest.mark.slow
def test_a_simulated_day_is_sound_as_the_service_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reference hall, the real journal, judged by the commands that people use; then with one byte changed."""
    folder = tmp_path / "day"
    assert run(["simulate", "--items", "300", "--kernel", "heap", "--journal", str(folder), "--json"]) == OK
    day = json.loads(capsys.readouterr().out)
    assert run(["judge", str(folder), "--json"]) == OK
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["records"], verdict["items"], verdict["bags"]) == (day["inputs"], 300, day["bags_closed"])
    assert verdict["digest"] == day["digest"], "two computations of one digest"
    assert run(["judge", str(folder)]) == OK
    assert "Sound" in capsys.readouterr().out
    assert program.main([str(folder)]) == 0
    segment = folder / "segment-00000001.pcj"
    data = bytearray(segment.read_bytes())
    data[9000] ^= 1
    segment.write_bytes(data)
    assert run(["judge", str(folder)]) == PROBLEM
    assert "J9" in capsys.readouterr().out
    assert program.main([str(folder)]) == program.UNREADABLE


def test_a_folder_without_a_journal_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both programs say so, and end with the code that means it."""
    assert run(["judge", str(tmp_path)]) == USAGE
    assert program.main([str(tmp_path)]) == program.UNREADABLE
    assert program.main([str(tmp_path / "none")]) == program.UNREADABLE
    assert program.main([]) == program.USAGE


# --- records of the right shape that make no sense ---

_TEXTS = (
    "", "NJ0001", "NJ0002", "?NJ0009", "?ghost:000001", "#MASKED", "sorter-1", "bagger-1", "rack-1", "expected", "outside",
    "belt/sorter-1", "lane/sorter-1/2", "pack/bagger-1", "rack", "bag/NJ-01-000001", "hand", "lost", "dispatched", "gone",
    "NJ-01-000001", "EA000000014CN", "EA" + "\u0661" * 9 + "CN", "letter", "id_card", "plan", "overflow", "unknown_track",
    "duplicate", "letters", "11010519491231002X", "13812345678", "\ud7ff",
)  # fmt: skip
_NUMBERS = (0, 1, 2, 3, 5, 6, 7, 9, 65536, 97226, 210005, 2**63, 2**64 - 1, -1, -(2**63))


def _odd(chance: Random, kind: str) -> Any:
    """A value of this type, drawn from few, so that records are about the same things now and then."""
    kind = kind.partition(" = ")[0]  # what it is where an earlier release did not write it
    if kind == "integer":
        return chance.choice(_NUMBERS)
    if kind == "text":
        return chance.choice(_TEXTS)
    if kind == "boolean":
        return chance.random() < 0.5
    if not kind.startswith("["):
        return [_odd(chance, each) for _, each in grammar.table(grammar.STRUCTURES)[kind]]
    inside = grammar.split(kind[1:-1])
    if inside[-1] == "...":
        return [_odd(chance, inside[0]) for _ in range(chance.randrange(3))]
    return [_odd(chance, each) for each in inside]


def _odd_said(chance: Random, table: dict[str, tuple[tuple[str, str], ...]]) -> list[Any]:
    name = chance.choice(list(table))
    return [name, *(_odd(chance, kind) for _, kind in table[name])]


def _odd_records(chance: Random, beginning: list[Record], count: int) -> list[Record]:
    """A sound beginning, then records of right shapes and any content."""
    inputs, facts, commands = (grammar.table(text) for text in (grammar.INPUTS, grammar.FACTS, grammar.COMMANDS))
    records = list(beginning)
    for _ in range(count):
        at_us, mono_us, wall_us = (chance.choice((0, 1, 10**6, 10**15, 2**63)) for _ in range(3))
        happened = _odd_said(chance, inputs)
        if len(happened) > 3 and happened[1] in _TEXTS:
            happened[2:4] = [chance.choice((0, 1, 1, 2, 2**32 - 1)), chance.choice((1, 2, 3, 30, 2**32 - 1))]
            if happened[0] in ("ManifestReceived", "Started"):
                happened = _odd_said(chance, {"Tick": ()})
        records.append(
            Record(
                at_us,
                mono_us,
                wall_us,
                happened,
                [_odd_said(chance, facts) for _ in range(chance.randrange(6))],
                [_odd_said(chance, commands) for _ in range(chance.randrange(3))],
            )
        )
    return records


@pytest.mark.parametrize("seed", range(40))
def test_records_that_make_no_sense_are_judged_and_never_raise(seed: int) -> None:
    """Right shapes, any content, after a sound beginning or from the start."""
    chance = Random(seed)
    beginning = walked.walk(seed % 4, 40) if seed % 3 else []
    assert not judge(written(_odd_records(chance, beginning, 80), segment_bytes=SEGMENT)).sound


@pytest.mark.parametrize("seed", range(40))
def test_sound_records_with_odd_values_in_them_never_raise(seed: int) -> None:
    """A walk with fields exchanged, facts moved to other records, records left out."""
    chance = Random(seed)
    records = walked.walk(seed % 5, 120)
    for _ in range(30):
        record = chance.choice(records)
        said = chance.choice([record.happened, *record.facts, *record.commands])
        for place in range(1, len(said)):
            if chance.random() < 0.4 and not isinstance(said[place], list):
                kind = {bool: "boolean", int: "integer", str: "text"}[type(said[place])]
                if record.happened is not said or not 2 <= place <= 3:
                    said[place] = _odd(chance, kind)
        if chance.random() < 0.3 and record.facts:
            chance.choice(records).facts.append(chance.choice(record.facts))
        if chance.random() < 0.2:
            records.remove(record)
    judge(written(records, segment_bytes=SEGMENT))


@pytest.mark.parametrize("body", [b"", b"\x93", b"\x93\x91\xa4Tick", b"\xc1" * 9, b"\x91" * 3000, b"\x93\x90\x90\x90", b"\x80"])
def test_a_body_that_is_no_record_ends_the_reading(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """J10: what cannot be understood is never skipped."""
    records = walked.walk(1, 10)
    real = writer.body_of
    odd = records[-1]
    monkeypatch.setattr(writer, "body_of", lambda record: (body, min(1, len(body))) if record is odd else real(record))
    verdict = judge(written(records, segment_bytes=SEGMENT))
    assert [violation[:3] for violation in verdict.violations] == ["J10"]
    assert verdict.records == len(records) - 1

"""The judge stands apart: no code of what it judges, the document's own tables, and no invariant that no mutant breaks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import days
import pytest
from mutants_all import MUTANTS
from writer import Record, records_of, written

from packcenter.core.alarm_table import ALARMS, EXPLAINED_BY
from simulation.judge import custody, grammar, judge, sessions, trial
from simulation.judge.alarm_books import TABLE

ROOT = Path(__file__).parent.parent.parent
JUDGE = sorted((ROOT / "simulation" / "judge").glob("*.py"))
DOCUMENT = (ROOT / "packcenter" / "journal" / "JOURNAL-FORMAT.md").read_text()
ALLOWED = {
    "__future__", "collections", "dataclasses", "functools", "hashlib", "msgspec", "os", "pathlib", "re", "simulation", "struct",
    "sys", "time", "typing", "zlib",
}  # fmt: skip

FACTS, COMMANDS = Record._fields.index("facts"), Record._fields.index("commands")

BYTES = {"J2", "J9"}
"""What bytes show, and no record: their mutants are in `test_judge_bytes`."""

WITHOUT_RULE = {"BaggerPaused", "CaseSplit", "StorePaused", "ConsumableSet", "ClockStepNoted", "EventSetAside", "StopNoted"}
"""Facts that only what their input must add up to looks at."""


def _trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text())) for path in JUDGE]


@pytest.mark.parametrize(("path", "tree"), _trees(), ids=[path.name for path in JUDGE])
def test_the_judge_imports_nothing_of_what_it_judges(path: Path, tree: ast.Module) -> None:
    """Only the standard library, msgspec's reading of MessagePack, and itself; nothing is imported by name at run time."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}:{node.lineno}: a relative import"
            names = [node.module or ""]
        for name in names:
            assert name.partition(".")[0] in ALLOWED, f"{path.name}: {name}"
            assert name.partition(".")[0] != "simulation" or name.startswith("simulation.judge"), f"{path.name}: {name}"
        if isinstance(node, ast.Name):
            assert node.id not in ("__import__", "exec", "eval", "importlib"), f"{path.name}:{node.lineno}"


def test_nothing_of_packcenter_is_loaded_when_the_judge_works() -> None:
    """As an auditor's process sees it: modules of packcenter and of the rest of the simulation never come in."""
    code = (
        "import sys, simulation.judge as j; j.judge({}); "
        "print(sorted(m for m in sys.modules if m.split('.')[0] == 'packcenter' or "
        "m.startswith('simulation.') and not m.startswith('simulation.judge')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _documented(title: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """The table under a heading of JOURNAL-FORMAT.md, as `grammar.table` gives it."""
    part = DOCUMENT.split(f"\n### {title}\n", 1)[1].split("\n#", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", part, re.MULTILINE)
    text = "\n".join(f"{name}: {'' if fields == 'none' else fields.replace('`', '')}" for name, fields in rows)
    return grammar.table(text)


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Inputs", grammar.INPUTS),
        ("Facts", grammar.FACTS),
        ("Commands", grammar.COMMANDS),
        ("Structures", grammar.STRUCTURES),
    ],
)
def test_the_judges_words_are_those_of_the_document(title: str, text: str) -> None:
    """A word that the document gets and the judge does not know would end its reading; here it is noticed first."""
    assert grammar.table(text) == _documented(title)


def test_the_documents_places_are_those_the_judge_knows() -> None:
    """Every kind of place of a `Moved` is told in the document, and every one told can be entered or left."""
    part = DOCUMENT.split("\n### Places\n", 1)[1].split("\n#", 1)[0]
    told = set(re.findall(r"^\| `([a-z]+)", part, re.MULTILINE))
    assert told == {kind for pair in custody.MOVES for kind in pair}


def test_the_judges_alarms_are_those_of_the_document_and_of_the_product() -> None:
    """An alarm that only one of the three knows would be judged by nobody, or wrongly."""
    part = DOCUMENT.split("\n### Alarms, table 1\n", 1)[1].split("\n#", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| ([a-z ]+) \| (.*) \| (.*) \| (.*) \|$", part, re.MULTILINE)
    told = {
        name: (about, raised, *(tuple(re.findall(r"`(\w+)`", each)) for each in lists)) for name, about, raised, *lists in rows
    }
    words = {-1: "latched", 0: "at once"}
    judged = {n: (row.about, words.get(row.seconds, f"{row.seconds} s"), row.by, row.explained) for n, row in TABLE.items()}
    assert judged == told
    assert list(TABLE) == list(ALARMS)
    for name, entry in ALARMS.items():
        seconds = -1 if entry.latched else entry.delay_us // 1_000_000
        assert TABLE[name][::2] == (entry.subject.replace("_", " "), seconds), name
        assert TABLE[name].explained == EXPLAINED_BY[name], name


def test_every_fact_has_its_rule_or_leave_to_have_none() -> None:
    """A fact without a rule could say anything."""
    facts = set(grammar.table(grammar.FACTS))
    assert facts - set(trial.FACTS) == WITHOUT_RULE
    assert set(trial.FACTS) <= facts
    mirrored = {name for name, _ in sessions.MIRRORS.values()}
    assert {"ConsumableSet", "ClockStepNoted"} <= mirrored


def test_every_input_is_followed_to_what_it_must_add_up_to() -> None:
    """But for a Tick, which may lead to anything that was due."""
    inputs = set(grammar.table(grammar.INPUTS))
    assert inputs - set(trial.AFTER) - set(trial.AFTER_EVENT) == {"Unintelligible"}
    events = {name for name, fields in grammar.table(grammar.INPUTS).items() if ("seq", "integer") in fields}
    assert events == trial.EVENTS


def test_every_invariant_that_the_judge_names_is_broken_by_a_mutant() -> None:
    """A rule that was never seen to find anything proves nothing."""
    named = {
        str(node.args[0].value)
        for _, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "blame"
        if isinstance(node.args[0], ast.Constant)
    }
    text = "".join(path.read_text() for path in JUDGE)
    named |= {letter for pair in re.findall(r'"([A-Z]\d+)" if|else "([A-Z]\d+)"', text) for letter in pair if letter}
    assert named - BYTES == {made.letter for made in MUTANTS}


def _without_each_fact(records: list[Record]) -> list[tuple[str, list[Record]]]:
    """The day without one fact or command, for each of them."""
    made = []
    for at, record in enumerate(records):
        for part in (FACTS, COMMANDS):
            for place, said in enumerate(_said(record, part)):
                kept = [*_said(record, part)[:place], *_said(record, part)[place + 1 :]]
                made.append((f"{record.happened[0]}: {said[0]}", _with(records, at, part, kept)))
    return made


def _said(record: Record, part: int) -> list[list[Any]]:
    """The facts or the commands of a record."""
    said: list[list[Any]] = record.facts if part == FACTS else record.commands
    return said


def _with(records: list[Record], at: int, part: int, said: list[list[Any]]) -> list[Record]:
    """The day with other facts or commands in one record."""
    fields: list[Any] = list(records[at])
    fields[part] = said
    return [*records[:at], Record(*fields), *records[at + 1 :]]


UNNOTICED = {
    # what only says why, or what was said before in other words
    "Dropped: EventSetAside", "Dropped: Suspected", "Fed: JobSuspected", "Fed: Suspected", "LinkUp: Suspected",
    "Stored: Suspected",
    # a bag that would have been opened for nothing: its parcel came out after all
    "LinkUp: BagSuspected",
    # how long is waited
    "Stored: CaseDueSet", "MachineChanged: ConfirmationMoved", "Tick: CommandTimedOut",
    "Tick: ConfirmationMoved", "Tick: Unconfirmed",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("day", days.ALL.values(), ids=days.ALL)
def test_a_fact_or_command_that_is_left_out_is_missed(day: str) -> None:
    """Whichever it is, in whichever record; the few that may be missing are told one by one."""
    unnoticed = {what for what, records in _without_each_fact(days.records(day)) if judge(written(records)).sound}
    assert unnoticed <= UNNOTICED


@pytest.mark.slow
@pytest.mark.parametrize("day", days.ALL.values(), ids=days.ALL)
def test_a_fact_or_command_that_comes_twice_is_noticed(day: str) -> None:
    """Double entry means once."""
    records = days.records(day)
    for at, record in enumerate(records):
        for part in (FACTS, COMMANDS):
            for place, said in enumerate(_said(record, part)):
                twice = [*_said(record, part)[: place + 1], *_said(record, part)[place:]]
                sound = judge(written(_with(records, at, part, twice))).sound
                assert sound == (said[0] == "BagSuspected"), (record.happened, said)


def test_the_tests_own_reader_and_writer_agree() -> None:
    """Records that are written and read again are the same; so mutants are what they say."""
    records = days.records(days.DAY)
    assert records_of(written(records)) == records

"""Journals of scripts and random walks: what the core decided there, as records."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

CORE = str(Path(__file__).parent.parent / "core")
if CORE not in sys.path:
    sys.path.insert(0, CORE)

import scripts  # noqa: E402
from case_walks import CaseWalk, LetterWalk  # noqa: E402
from invariants import Step  # noqa: E402
from walks import Walk  # noqa: E402
from writer import Record  # noqa: E402

from packcenter.core import record  # noqa: E402


def record_of(step: Step) -> Record:
    """What a journal keeps of a step, with clocks that agree with core time."""
    body, _ = record.encode(step.happened, step.outcome)
    happened, facts, commands = msgspec.msgpack.decode(body)
    return Record(step.at_us, step.at_us, step.at_us, happened, facts, commands)


def walk(seed: int, steps: int, *, calm: bool = False) -> list[Record]:
    """The records of a random walk."""
    made = Walk(seed, calm=calm, thorough_every=1_000_000)
    for _ in range(steps):
        made.step()
    return [record_of(step) for step in made.watch.steps]


def case_walk(seed: int, steps: int, *, letters: bool = False) -> list[Record]:
    """The records of a random walk in a hall with a case rack; with `letters` its plan combines those to one addressee."""
    made = (LetterWalk if letters else CaseWalk)(seed, thorough_every=1_000_000)
    for _ in range(steps):
        made.step()
    return [record_of(step) for step in made.watch.steps]


def scenarios(name: str = "*.txt") -> list[tuple[str, list[Record]]]:
    """Every scenario of `tests/scripts`, or of one file of it: its file and sentence, and its records."""
    return [
        (f"{path.name}: {scenario.sentence}", scenario_records(scenario))
        for path in sorted(scripts.FOLDER.glob(name))
        for scenario in scripts.read(path)
    ]


def scenario_records(scenario: Any) -> list[Record]:
    """The records of one scenario."""
    performance = scripts._Performance()
    list(performance.lines(scenario.lines))
    return [record_of(step) for step in performance._watch.steps]

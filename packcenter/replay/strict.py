"""
Strict replay: feed a journal's inputs to today's core and compare every decision with the recorded one, byte for byte.

Equal means: the same facts and the same commands in the same order. The first difference ends the replay, because
everything after it would differ for that reason alone. A hall that an earlier release recorded lacks the fields that were
added since; where the bytes differ, the recorded decision is read and written again with their defaults, and compared so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from packcenter.core import record
from packcenter.core.controller import Controller, Outcome
from packcenter.core.inputs import Input
from packcenter.core.state import State
from packcenter.journal.frames import Entry

PROGRESS_EVERY = 20_000


class Divergence(msgspec.Struct, frozen=True):
    """The first record on which today's core decides otherwise; `error` is set if it failed instead."""

    sequence: int
    at_us: int
    input: Input
    recorded: Outcome
    replayed: Outcome | None
    error: str


class Replay(msgspec.Struct, frozen=True):
    """What a replay found. `state` is the state that it ended in."""

    inputs: int
    divergence: Divergence | None
    state: State


def replay(entries: Iterable[Entry], progress: Callable[[int], None] | None = None) -> Replay:
    """Re-decide every record in order. Raises what reading the journal raises."""
    controller = Controller()
    count = 0
    for entry in entries:
        try:
            outcome = controller.step(entry.at_us, record.decode_input(entry.body, entry.decision_at))
        except Exception as error:
            return Replay(count, _divergence(entry, None, f"{type(error).__name__}: {error}"), controller.state)
        if not _equal(record.encode_decision(outcome), entry):
            return Replay(count, _divergence(entry, outcome, ""), controller.state)
        count += 1
        if progress is not None and count % PROGRESS_EVERY == 0:
            progress(count)
    return Replay(count, None, controller.state)


def _equal(decision: bytes, entry: Entry) -> bool:
    if decision == entry.decision():
        return True
    recorded = record.decode(entry.body)
    return decision == record.encode_decision(Outcome(recorded.facts, recorded.commands))


def _divergence(entry: Entry, outcome: Outcome | None, error: str) -> Divergence:
    recorded = record.decode(entry.body)
    return Divergence(entry.sequence, entry.at_us, recorded.input, Outcome(recorded.facts, recorded.commands), outcome, error)


def explain(divergence: Divergence) -> list[str]:
    """Both outcomes side by side: `-` only recorded, `+` only replayed, blank both."""
    recorded = [str(entry) for entry in (*divergence.recorded.facts, *divergence.recorded.commands)]
    lines = [f"input {divergence.sequence}: {divergence.input}"]
    if divergence.replayed is None:
        return [*lines, *(f"- {text}" for text in recorded), f"+ failed: {divergence.error}"]
    replayed = [str(entry) for entry in (*divergence.replayed.facts, *divergence.replayed.commands)]
    lines += [f"{' ' if text in replayed else '-'} {text}" for text in recorded]
    return lines + [f"+ {text}" for text in replayed if text not in recorded]

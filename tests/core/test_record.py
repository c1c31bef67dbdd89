"""A journal record's body: what goes in comes out, the decision is its tail, and anything else is refused."""

from __future__ import annotations

import halls
import msgspec
import pytest
from walks import Walk

from packcenter.core import inputs as i
from packcenter.core import record
from packcenter.core.controller import Outcome
from packcenter.core.facts import StopNoted


def test_a_day_reads_back_as_it_was_written() -> None:
    """Input, facts and commands; the decision begins where the encoder says, and the input alone can be read."""
    walk = Walk(3, thorough_every=10_000)
    for _ in range(100):
        walk.step()
    for step in walk.watch.steps:
        body, decision_at = record.encode(step.happened, step.outcome)
        assert record.decode(body) == record.Record(step.happened, step.outcome.facts, step.outcome.commands)
        assert body[decision_at:] == record.encode_decision(step.outcome)
        assert record.decode_input(body, decision_at) == step.happened


def test_a_body_is_the_array_that_the_format_says() -> None:
    """`[input, [fact, ...], [command, ...]]`, each a tagged array, for readers without this code."""
    body, decision_at = record.encode(i.StopRequested("night"), Outcome([StopNoted("night")], []))
    assert msgspec.msgpack.decode(body) == [["StopRequested", "night"], [["StopNoted", "night"]], []]
    assert msgspec.msgpack.decode(body[1:decision_at]) == ["StopRequested", "night"]


@pytest.mark.parametrize("body", [b"", b"\x93", msgspec.msgpack.encode([["Nobody"], [], []])])
def test_bytes_that_are_no_record_are_refused(body: bytes) -> None:
    """A torn body, and an input of a later release."""
    with pytest.raises(msgspec.DecodeError):
        record.decode(body)
    with pytest.raises(msgspec.DecodeError):
        record.decode_input(body, len(body))


def test_a_hall_survives_the_journal() -> None:
    """`Started` carries the whole hall, so that a journal replays without the files that it was made with."""
    body, decision_at = record.encode(i.Started(1, "test", halls.SMALL, "digest"), Outcome([], []))
    assert record.decode_input(body, decision_at) == i.Started(1, "test", halls.SMALL, "digest")

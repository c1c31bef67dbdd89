"""
A journal record's body: MessagePack `[input, [fact, ...], [command, ...]]`, each a tagged array `[name, field, ...]`.

What was decided (facts and commands) is the tail of the body, so that replay can compare bytes.
"""

from __future__ import annotations

import msgspec

from packcenter.core.commands import Command
from packcenter.core.controller import Outcome
from packcenter.core.facts import Fact
from packcenter.core.inputs import Input

_ENCODER = msgspec.msgpack.Encoder()
_ARRAY_OF_3 = b"\x93"


class Record(msgspec.Struct, frozen=True, array_like=True):
    """An input and what it led to."""

    input: Input
    facts: list[Fact]
    commands: list[Command]


_DECODER = msgspec.msgpack.Decoder(Record)
_INPUT_DECODER = msgspec.msgpack.Decoder(Input)


def encode_decision(outcome: Outcome) -> bytes:
    """Facts and commands as the tail of a body."""
    return _ENCODER.encode(outcome.facts) + _ENCODER.encode(outcome.commands)


def encode(happened: Input, outcome: Outcome) -> tuple[bytes, int]:
    """A record's body, and where in it the decision begins."""
    head = _ARRAY_OF_3 + _ENCODER.encode(happened)
    return head + encode_decision(outcome), len(head)


def decode(body: bytes) -> Record:
    """The record of a body; raises `msgspec.DecodeError`, or `UnicodeDecodeError` for a text that is none, if it is not one."""
    return _DECODER.decode(body)


def decode_input(body: bytes, decision_at: int) -> Input:
    """The input alone, where nobody needs to read what was decided: a quarter of the work. Raises as `decode`."""
    happened: Input = _INPUT_DECODER.decode(body[len(_ARRAY_OF_3) : decision_at])
    return happened

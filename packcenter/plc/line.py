"""
The line interface as data: what a PLC and packcenter say to each other (version 1).

`plc_profiles/LINE-INTERFACE.md` is the same text for PLC programmers; `image.py` packs these records into
16-bit words. Both directions are numbered records: a PLC makes events, packcenter makes commands, and
neither number is ever used twice within an epoch.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from packcenter.core.words import CommandResult, Disposition, PlaceState, ReadOutcome, ReasonClass, is_past, plc_deadline

__all__ = [
    "CommandKind",
    "CommandResult",
    "Disposition",
    "EventKind",
    "LineCommand",
    "LineEvent",
    "PlaceState",
    "ReadOutcome",
    "ReasonClass",
    "is_past",
    "plc_deadline",
]

INTERFACE_VERSION = 0x0100
HEARTBEAT_LIMIT_US = 800_000  # a counter that stands still this long means the peer is lost (design: 8 exchanges of 100 ms)
SLOTS = 4  # event slots in Out, command slots in In
CODE_BYTES = 32
TRACK_MAX = 0xFFFF_FFFF


class EventKind(IntEnum):
    """What a PLC reports. Values are wire values."""

    SCANNED = 1
    DIVERTED = 2
    LOST = 3
    GHOST = 4
    PLACE_STATE = 5
    JAM = 6
    FED = 10
    PACKED = 11
    STORED = 20
    RELEASED = 21
    DROPPED = 30
    BAG_CLOSED = 31
    STATE_CHANGED = 40
    CONSUMABLE = 41
    COMMAND_RESULT = 50


class CommandKind(IntEnum):
    """What packcenter orders. Values are wire values."""

    DIVERT = 1
    SET_PLACE = 2
    CLEAR_JAM = 3
    BEGIN_PARCEL = 10
    SEAL = 11
    REJECT = 12
    STORE = 20
    RELEASE = 21
    DROP = 30
    CLOSE_BAG = 31
    PACKML_COMMAND = 40
    PACKML_MODE = 41


class LineEvent(msgspec.Struct, frozen=True, gc=False):
    """
    One event of a PLC, as its slot in `Out` says it.

    `number` rises by one per event from 1 in each epoch. `plc_ms` is the PLC's own time of the event,
    milliseconds modulo 65536. `age_ms` is how old the event was when its image was made, by the PLC's clock;
    it stays about 60,000 for anything at least that old, and is 65535 where we cannot tell.
    """

    number: int
    kind: int
    track: int = 0
    a: int = 0
    b: int = 0
    c: int = 0
    code: str = ""
    plc_ms: int = 0
    age_ms: int = 0


class LineCommand(msgspec.Struct, frozen=True, gc=False):
    """
    One order for a PLC, as its slot in `In` says it.

    `number` rises by one per command from 1 in each epoch. `deadline` is 0 for none, else
    65536 + (PLC ms modulo 65536): the PLC compares the low word modulo 65536.
    """

    number: int
    kind: int
    track: int = 0
    a: int = 0
    b: int = 0
    deadline: int = 0
    text: str = ""

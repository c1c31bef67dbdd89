"""
The line interface as data: what a PLC and packcenter say to each other (version 1).

`plc_profiles/LINE-INTERFACE.md` is the same text for PLC programmers; `image.py` packs these records into
16-bit words. Both directions are numbered records: a PLC makes events, packcenter makes commands, and
neither number is ever used twice within an epoch.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

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


class ReadOutcome(IntEnum):
    """OPC 30010 (AutoID) read results used on the wire."""

    SUCCESS = 0
    NO_IDENTIFIER = 8
    MULTIPLE_IDENTIFIERS = 9
    READ_ERROR = 10


class Disposition(IntEnum):
    """How an item came to be in the lane that its confirmation names."""

    AS_ASKED = 0
    NO_ANSWER = 1
    LATE = 2
    LANE_FULL = 3
    LANE_CLOSED = 4
    RATE = 5
    RECIRCULATED = 6
    WRONG_LANE = 9


class PlaceState(IntEnum):
    """State of a lane, cell or position."""

    OPEN = 0
    FULL = 1
    CLOSED = 2
    JAMMED = 3


class CommandResult(IntEnum):
    """Why a command ended when no other event answers it (event kind 50)."""

    DONE = 0
    REFUSED_EPOCH = 1
    LATE = 2
    PLACE_NOT_OPEN = 3
    UNKNOWN_TRACK = 4
    WRONG_STATE = 5
    INTERLOCK = 6
    MALFORMED = 7
    NOTHING_THERE = 8  # a bagger was told to feed from an infeed and no document came


class ReasonClass(IntEnum):
    """Why a machine changed its PackML state: hold = its own cause, suspend = its neighbour's."""

    NONE = 0
    OWN = 1
    STARVED = 2
    BLOCKED = 3
    OPERATOR = 4
    FAULT = 5
    CONTROLLER_LOST = 6


class LineEvent(msgspec.Struct, frozen=True, gc=False):
    """
    One event of a PLC, as its slot in `Out` says it.

    `number` rises by one per event from 1 in each epoch. `plc_ms` is the PLC's own time of the event,
    milliseconds modulo 65536. `age_ms` is how old the event was when its image was made, by the PLC's clock;
    it stays 65535 for anything at least that old.
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


def plc_deadline(plc_ms: int, window_ms: int) -> int:
    """The wire form of "`window_ms` after the PLC time `plc_ms`"; never 0, which means no deadline."""
    return 0x1_0000 | ((plc_ms + window_ms) & 0xFFFF)


def is_past(deadline: int, now_ms: int) -> bool:
    """Whether a wire deadline has passed at PLC time `now_ms`; windows up to 32 s compare right."""
    return deadline != 0 and ((now_ms - deadline) & 0xFFFF) in range(1, 0x8000)

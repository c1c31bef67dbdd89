"""
Words of the hall that have numbers on the wire: read outcomes, dispositions, place states, results, reasons, deadlines.

They belong to the domain, and the line interface (`packcenter.plc.line`) uses the same values.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

MASKED = "#MASKED"
"""Stands for a code that looked like personal data (`plc.translate`); it is no identity, two of them are two objects."""

NO_CODES = ("", MASKED)
"""What a reader gives when it has nothing to tell one object from another by."""


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


class HandVerdict(StrEnum):
    """What a person at the hand station 人工台 decides to do with an item."""

    REINDUCT = "reinduct"  # it is sound, and goes onto a sorter again
    CODE = "code"  # its reader failed; the person read its code
    WITHDRAW = "withdraw"  # its agency wants it back, wherever it is
    RETURN = "return"  # it was handed over to its agency
    REMAKE = "remake"  # it is spoilt; its agency makes a new one


REINDUCTED = f"hand_{HandVerdict.REINDUCT}"
"""The act after which a document is on its way onto a sorter; the books have it at the hand station until it is scanned."""


class Finding(StrEnum):
    """What a person finds a discrepancy 差异 to be."""

    FOUND = "found"  # the item is where the books have it
    EXPLAINED = "explained"  # the reason of the act says how it came about
    LOST_FOR_GOOD = "lost_for_good"  # the search is given up


class Service(StrEnum):
    """What an agency wants of a parcel's delivery."""

    EMS = "ems"
    REGISTERED = "registered"
    RECEIPT_REQUESTED = "receipt-requested"  # the addressee signs, and the receipt 回执 comes back
    OUTLET_PICKUP = "outlet-pickup"  # the addressee fetches it at a post outlet 网点自提


class ReceiptState(StrEnum):
    """Where the receipt of a dispatched item is in its life (`core.receipts`)."""

    AWAITED = "awaited"
    OVERDUE = "overdue"
    RETURNED = "returned"
    GIVEN_UP = "given_up"


class Role(StrEnum):
    """In what role a person acts (hall: people)."""

    OPERATOR = "operator"
    ENGINEER = "engineer"
    MAINTENANCE = "maintenance"
    SUPERVISOR = "supervisor"


def plc_deadline(plc_ms: int, window_ms: int) -> int:
    """The wire form of "`window_ms` after the PLC time `plc_ms`"; never 0, which means no deadline."""
    return 0x1_0000 | ((plc_ms + window_ms) & 0xFFFF)


def is_past(deadline: int, now_ms: int) -> bool:
    """Whether a wire deadline has passed at PLC time `now_ms`; windows up to 32 s compare right."""
    return deadline != 0 and ((now_ms - deadline) & 0xFFFF) in range(1, 0x8000)

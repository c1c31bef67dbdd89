"""
Facts about cases 一件事: cells of the case racks, what is stored and released, parcels of several documents (`core.cases`).

A case is known by the code that its documents' manifest lines share. A cell is known by its PLC and number, and its place is
written cell/PLC/NUMBER. A job of a case rack is known by the number of its `Store` or `Release`.
"""

from __future__ import annotations

import msgspec


class _CaseFact(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    pass


# --- cells -----------------------------------------------------------------------------------------------------------


class CellReserved(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """A free cell is the case's from here on; its documents are sent there."""

    case: str
    plc: str
    cell: int


class CellFreed(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """An empty cell is the case's no more: none of its documents is on its way there, and another case needs it."""

    case: str
    plc: str
    cell: int


class StoreBegun(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """A case rack was asked to put this item, the next of an infeed, into a cell; 0: on to the hand station, and why."""

    plc: str
    job: int
    item: str
    infeed: int
    cell: int
    reason: str


class DocumentStored(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    A case rack took a document for `item` and put it into a cell (0: the hand station). `matched`: it was read there as one
    that belongs into this cell; else `reason` says what is wrong.
    """

    plc: str
    job: int
    item: str
    cell: int
    matched: bool
    reason: str


class StoreAbandoned(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """Nothing was stored: nothing_there, refused, place_not_open, or plc_restart."""

    plc: str
    job: int
    item: str
    reason: str


class StorePaused(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """A case rack that refused is asked for nothing before `until_us` (0: the pause is over)."""

    plc: str
    until_us: int


class CellSuspected(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """What is in a cell need not be what our books say, or may not stay there: it goes to the hand station, and why."""

    plc: str
    cell: int
    case: str
    reason: str


class CellTriedAnew(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    The counter of a cell may have been mended: it is emptied once more. machine_stopped, plc_restart (the rack's new life), or
    gap (events are missing, of which one may have told of either).
    """

    plc: str
    cell: int
    reason: str


class ReleaseBegun(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    A case rack was asked to empty a cell into an outlet. `reason` is complete, part, or why it goes to the hand station.

    A cell that is released as complete holds all documents of its case that were not released before.
    """

    plc: str
    job: int
    cell: int
    outlet: int
    case: str
    reason: str


class CellReleased(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """A cell is empty: what our books had in it is at the outlet (0: at the hand station); `reason` is "" or what is wrong."""

    plc: str
    job: int
    cell: int
    outlet: int
    case: str
    items: tuple[str, ...]
    reason: str


class ReleaseEnded(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """A cell was not emptied: refused, or plc_restart. It is asked for again when it can be."""

    plc: str
    job: int
    cell: int
    reason: str


# --- cases -----------------------------------------------------------------------------------------------------------


class CaseDueSet(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """The first document of a case is in its cell: the others are due then. 0: not any more, nothing can be done about it."""

    case: str
    due_us: int


class CaseOverdue(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """Documents of a case are missing 缺件 at its due time: how many, which ones as far as they are announced, what happens."""

    case: str
    policy: str
    missing: int
    items: tuple[str, ...]


class CaseSplit(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """A case leaves in parts (B2): these items are its part `part`, with a label of their own; the rest follows."""

    case: str
    part: int
    items: tuple[str, ...]


# --- letters to one addressee ----------------------------------------------------------------------------------------


class LettersGathered(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    A rule of the plan makes a set of these letters: a case from here on, whose first letter waits `wait_minutes` at most. `pouch`
    is 0 for that of their class; `destination` is the plan's. One letter is a set only if it can leave no other way any more.
    """

    case: str
    rule: str
    wait_minutes: int
    pouch: int
    destination: str
    items: tuple[str, ...]


class LetterJoined(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """One more letter to the same addressee belongs to a set that still gathers."""

    case: str
    item: str


class LettersParted(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    These letters are of their set no more: wait_over (the others leave without them), plan (the one in force does not combine
    them, or has them go elsewhere), others_gone (nothing is left to leave with), no_way (no cell or no lane to it).
    """

    case: str
    items: tuple[str, ...]
    reason: str


# --- parcels of several documents ------------------------------------------------------------------------------------


class JobJoined(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """This document, too, is expected in the pouch of a job, beside the one that `JobBegun` names."""

    plc: str
    job: int
    item: str


class ParcelProven(_CaseFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    A parcel of several documents was sealed soundly: the set fed is the set expected, all of one case (B1, B2).

    `items` are what is in it, first the one whose waybill it bears. `part` is 0 for a whole case, else the number of its part.
    """

    plc: str
    job: int
    waybill: str
    case: str
    part: int
    items: tuple[str, ...]


CaseFact = (
    CellReserved | CellFreed | StoreBegun | DocumentStored | StoreAbandoned | StorePaused
    | CellSuspected | ReleaseBegun | CellReleased | ReleaseEnded | CaseDueSet | CaseOverdue | CaseSplit
    | LettersGathered | LetterJoined | LettersParted | JobJoined | ParcelProven | CellTriedAnew
)  # fmt: skip

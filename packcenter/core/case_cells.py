"""
The cells of the case racks: whose they are, when they are emptied, and whereto.

    reserved -> documents come -> all of the case are there: complete 齐套 -> laid out for a bagger, as one parcel
                               -> some are missing at the due time         -> a part of it, or the hand station
                               -> in doubt                                 -> the hand station

A cell is one case's until it was emptied, so that two cases can never be laid out together (B1). One case at a time is laid out
at an outlet, and only for a bagger that runs and has done with the case before; there every document is read once more.
"""

from __future__ import annotations

from packcenter.core import cell_counts, routing
from packcenter.core.case_facts import CaseSplit, CellFreed, CellReserved, CellSuspected, ReleaseBegun
from packcenter.core.commands import Release
from packcenter.core.hall import CaseRack, Lane, Outlet, Sorter
from packcenter.core.lifecycle import kind_of
from packcenter.core.limits import LETTERS_LEAVE
from packcenter.core.records import Case, Cell, Item, cell_place, lane_place
from packcenter.core.turn import Turn

HAND = 0
"""The cell and the outlet that lead to the hand station."""

_PACKED = frozenset({"pack", "rack", "bag", "dispatched"})
"""Kinds of place of what has left its cell in a parcel, or for one."""

_COMING = frozenset({"belt", "lane"})
"""Kinds of place of what may still come into its cell."""


def is_live(item: Item) -> bool:
    """Whether a document is still one of its case: its agency has not taken it back, and nobody makes it anew."""
    return not item.withdrawn and item.place not in ("returned", "remade")


def live(turn: Turn, case: Case) -> list[Item]:
    """The announced documents that the case is made of, in the order in which they were announced."""
    return [item for name in case.items if is_live(item := turn.item(name))]


def is_packed(item: Item) -> bool:
    """Whether a document left in a parcel. What is suspect comes back: its pouch or bag is opened (protocol seed 641095)."""
    return kind_of(item.place) in _PACKED and not item.suspect


def has_left(turn: Turn, item: Item) -> bool:
    """Whether a document left its cell in a parcel, or for one."""
    return is_packed(item) or item.place in turn.index.rack_outlets


def missing(turn: Turn, case: Case) -> tuple[int, tuple[str, ...]]:
    """How many documents are neither in the case's cell nor have left it, and which of them are announced."""
    members = live(turn, case)
    there = [item for item in members if has_left(turn, item) or (case.cell and item.place == case.cell)]
    return (case.size or len(members)) - len(there), tuple(item.id for item in members if item not in there)


def is_complete(turn: Turn, case: Case) -> bool:
    """B2: all documents of the case are announced, and each is in its cell, or has left it before."""
    return missing(turn, case)[0] == 0 and bool(turn.state.cells[case.cell].items)


# --- whose cell ------------------------------------------------------------------------------------------------------


def find_free(turn: Turn, plc: str, *, letters: bool = False) -> int:
    """
    A cell of the rack that a case can have, 0 none; one that is kept for a case of which nothing comes is taken from it.

    `letters` that are still on the belt can leave alone, a case cannot: for them one is taken from other letters only, and the
    last cells (`LETTERS_LEAVE`) are left to cases.
    """
    barred = turn.plc(plc).places
    free = [number for place, number in turn.index.cells[plc] if number not in barred and _is_free(turn.state.cells[place])]
    if free and not (letters and len(free) <= len(turn.index.cells[plc]) // LETTERS_LEAVE):
        return free[0]
    for place, number in turn.index.cells[plc]:
        cell = turn.state.cells[place]
        if number not in barred and _is_idle(turn, cell) and not (letters and turn.state.cases[cell.case].size):
            turn.emit(CellFreed(cell.case, plc, number))
            return number
    return 0


def find_way(
    turn: Turn, item: Item, sorter: Sorter, cell: str, scanned_us: int, *, letters: bool = False
) -> tuple[Lane, str, int] | str:
    """
    The lane and the rack where a case has this cell; of one that has none ("") the rack that gathers the fewest, and its free
    cell, which is 0 else. If there is no way, why.
    """
    if cell:
        found = [turn.index.cell_at.get(cell, ("", 0))]
    else:
        plcs = [plc for plc in turn.index.case_racks if (sorter.plc, plc) in turn.index.case_lanes]
        found = [(plc, 0) for plc in sorted(plcs, key=lambda plc: count_taken(turn, plc))]
    reason = "no_cell"
    for plc, _ in found:
        lanes = turn.index.case_lanes.get((sorter.plc, plc), ())
        lane = routing.best(turn, sorter, lanes, item.mail_class, scanned_us)
        if lane is None:
            late = routing.best(turn, sorter, lanes, item.mail_class, turn.at_us) is not None
            reason = "late" if late else "no_lane"
            continue
        number = 0 if cell else find_free(turn, plc, letters=letters)
        if cell or number:
            return lane, plc, number
        reason = "no_cell"
    return reason


def count_taken(turn: Turn, plc: str) -> int:
    """How many cells of the rack are not free."""
    return sum(not _is_free(turn.state.cells[place]) for place, _ in turn.index.cells[plc])


def _is_free(cell: Cell) -> bool:
    return not (cell.case or cell.items or cell.suspect or cell.release)


def _is_idle(turn: Turn, cell: Cell) -> bool:
    """Whether a reserved cell is empty, and none of its case's documents is on its way there."""
    if not cell.case or cell.items or cell.suspect or cell.release:
        return False
    members = turn.state.cases[cell.case].items
    if any(rack.storing is not None and rack.storing.item in members for rack in turn.state.case_racks.values()):
        return False
    return all(kind_of(turn.item(name).place) not in _COMING for name in members)


def reserve(turn: Turn, name: str, plc: str, number: int) -> None:
    """A free cell is this case's."""
    turn.emit(CellReserved(name, plc, number))


# --- in doubt --------------------------------------------------------------------------------------------------------


def doubt(turn: Turn, place: str, reason: str) -> None:
    """What is in the cell has to go to the hand station; the first reason stands, of one that is left alone, too."""
    cell = turn.state.cells.get(place)
    if cell is not None and not cell.suspect:
        _, plc, number = place.split("/")
        turn.emit(CellSuspected(plc, int(number), cell.case, reason))


def distrust(turn: Turn, place: str, reason: str) -> None:
    """The same, and it goes there as soon as it can."""
    doubt(turn, place, reason)
    try_release(turn, place.split("/")[1])


# --- emptying --------------------------------------------------------------------------------------------------------


def serve(turn: Turn, bagger: str) -> None:
    """A bagger may have room at its infeed for a case."""
    for plc in turn.index.racks_before.get(bagger, ()):
        try_release(turn, plc)


def try_release(turn: Turn, plc: str) -> None:
    """
    Have those cells of a running rack emptied that are in doubt, and those that can be packed, the longest waiting first.

    What is in doubt goes one cell after the other: a rack that lost its memory has more of them than it can empty in the time of
    one order, and what can be packed need not wait for them all.
    """
    rack = turn.index.case_racks.get(plc)
    if rack is None or not turn.runs(plc) or turn.at_us < turn.state.case_racks[plc].retry_us:
        return
    cells = [(turn.state.cells[place], number) for place, number in turn.index.cells[plc]]
    doubted = (number for cell, number in cells if _is_to_hand(cell) and not _is_storing(turn, plc, number))
    first = next(doubted, 0)
    if first and not any(cell.release and cell.outlet == HAND for cell, _ in cells):
        _release(turn, plc, first, HAND, turn.state.cells[cell_place(plc, first)].suspect)
    for _, number, reason in sorted(_ready(turn, plc)):
        outlet = _free_outlet(turn, rack)
        if outlet is None:
            return
        _release(turn, plc, number, outlet.number, reason)


def _is_to_hand(cell: Cell) -> bool:
    """Whether a cell is to be emptied to the hand station, and is not being emptied."""
    return bool(cell.suspect) and not cell.release and not cell_counts.is_left_alone(cell)


def _ready(turn: Turn, plc: str) -> list[tuple[int, int, str]]:
    """(since when, cell, complete or part) of the cells that a bagger may have."""
    found = []
    for place, number in turn.index.cells[plc]:
        cell = turn.state.cells[place]
        if not cell.items or cell.suspect or cell.release or _is_storing(turn, plc, number):
            continue
        case = turn.state.cases[cell.case]
        since_us = max(turn.item(name).entered_us for name in cell.items)
        if is_complete(turn, case):
            found.append((since_us, number, "complete"))
        elif case.overdue == "part_ship":
            found.append((since_us, number, "part"))
    return found


def _is_storing(turn: Turn, plc: str, number: int) -> bool:
    """Whether a document is on its way into the cell."""
    job = turn.state.case_racks[plc].storing
    return job is not None and job.cell == number


def _free_outlet(turn: Turn, rack: CaseRack) -> Outlet | None:
    """The first outlet with nothing laid out, or to be, before a bagger that runs and waits for nothing more from there."""
    for outlet in rack.outlets:
        if turn.state.lanes[lane_place(rack.plc, outlet.number)].items or not turn.runs(outlet.feeds):
            continue
        job = turn.state.baggers[outlet.feeds].feeding
        if job is not None and job.infeed == outlet.infeed and not job.verdict:
            continue
        if any(_is_for(turn.state.cells[place], outlet) for place, _ in turn.index.cells[rack.plc]):
            continue
        return outlet
    return None


def _is_for(cell: Cell, outlet: Outlet) -> bool:
    return cell.release > 0 and cell.outlet == outlet.number


def _release(turn: Turn, plc: str, number: int, outlet: int, reason: str) -> None:
    cell = turn.state.cells[cell_place(plc, number)]
    job = turn.next_number(plc)
    if reason == "part" and outlet:
        turn.emit(CaseSplit(cell.case, turn.state.cases[cell.case].parts + 1, tuple(cell.items)))
    turn.emit(ReleaseBegun(plc, job, number, outlet, cell.case, reason))
    turn.ask(Release(plc, job, number, outlet))

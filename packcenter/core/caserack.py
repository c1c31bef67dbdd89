"""
The case rack 合包架: it takes document after document from its infeeds, reads each, and puts it into the cell of its case.

    begin -> stored, read -> does it belong into this cell? -> complete? -> released -> a bagger packs the case

A document is in a cell by the identity read there (B4). One that was not read, or that belongs elsewhere, makes its cell
suspect: what is in there goes to the hand station. So does every cell that holds something when the rack has lost its memory,
or events of it are missing (B6, E12): people look what is in there. A restart of ours changes nothing: what lies in the cells
is in our books, and the rack knows it, too.
"""

from __future__ import annotations

from packcenter.core import bags, case_cells, cases, cell_counts, combining, custody, packing
from packcenter.core.case_cells import HAND
from packcenter.core.case_facts import (
    CellReleased,
    DocumentStored,
    ReleaseEnded,
    StoreAbandoned,
    StoreBegun,
    StorePaused,
)
from packcenter.core.commands import Release, Store
from packcenter.core.facts import CommandAnswered
from packcenter.core.inputs import CommandEnded, Released, Stored
from packcenter.core.lifecycle import FINAL, kind_of
from packcenter.core.limits import RETRY_US
from packcenter.core.records import StoreJob, cell_place, lane_place
from packcenter.core.state import Item
from packcenter.core.turn import Turn
from packcenter.core.words import CommandResult, ReadOutcome

_ELSEWHERE = frozenset({"cell", "pack", "rack", "bag", *FINAL})
"""Kinds of place of what cannot be the document that a case rack read."""


# --- storing ---------------------------------------------------------------------------------------------------------


def work(turn: Turn, plc: str) -> None:
    """If the rack is running, have it empty the cells that can be emptied, and store what stands before it."""
    case_cells.try_release(turn, plc)
    try_store(turn, plc)


def try_store(turn: Turn, plc: str) -> None:
    """If the rack is running and has nothing in hand, ask it to store what has waited longest in its lanes and can be stored."""
    rack = turn.state.case_racks[plc]
    if plc not in turn.index.case_racks or rack.storing is not None or not turn.runs(plc) or turn.at_us < rack.retry_us:
        return
    heads = [
        (head.entered_us, head.id, infeed)
        for lane, infeed in turn.index.infeeds[plc]
        if (load := turn.state.lanes[lane]).items and (head := turn.item(load.items[0]))
    ]
    for _, name, infeed in sorted(heads):
        place = _cell_for(turn, plc, turn.item(name))
        if place is not None:
            cell, reason = place
            number = turn.next_number(plc)
            turn.emit(StoreBegun(plc, number, name, infeed, cell, reason))
            turn.ask(Store(plc, number, infeed, cell))
            return


def _cell_for(turn: Turn, plc: str, item: Item) -> tuple[int, str] | None:
    """The cell for a document, or the hand station and why; None: it waits until its cell has been emptied."""
    case = turn.state.cases.get(item.case)
    if item.withdrawn or item.suspect:
        return HAND, "withdrawn" if item.withdrawn else item.suspect
    if case is None and item.addressee:
        why = combining.stand_before(turn, plc, item)
        if why:
            return HAND, why
        case = turn.state.cases[item.case]
    if case is None:
        return HAND, "no_case"
    if not case.cell:
        number = case_cells.find_free(turn, plc)
        if number:
            case_cells.reserve(turn, item.case, plc, number)
        return (number, "") if number else (HAND, "no_cell")
    at, number = turn.index.cell_at.get(case.cell, ("", HAND))
    if at != plc:
        return HAND, "other_rack"
    cell = turn.state.cells[case.cell]
    if cell.suspect or cell.release:
        return None
    full = len(cell.items) >= turn.index.case_racks[plc].cell_documents
    return (HAND, "cell_full") if full else (number, "")


def on_stored(turn: Turn, stored: Stored) -> None:
    """
    A case rack took a document, read it, and put it into a cell.

    It is booked as read, where the rack says. If it was not read, does not belong there, or the rack counts other documents in
    the cell than we do, the cell is suspect.
    """
    rack = turn.state.case_racks.get(stored.plc)
    if rack is None or rack.storing is None or rack.storing.number != stored.job:
        turn.set_aside(stored, "wrong_role" if rack is None else "unknown_job")
        if rack is not None:
            case_cells.distrust(turn, cell_place(stored.plc, stored.cell), "unknown_document")
        return
    item, reason = _identify(turn, rack.storing, stored)
    _take_in(turn, stored.plc, rack.storing, stored.cell, item, reason)
    cell = turn.state.cells.get(cell_place(stored.plc, stored.cell))
    if cell is not None and stored.items != len(cell.items):
        case_cells.distrust(turn, cell_place(stored.plc, stored.cell), cell_counts.COUNT)
    work(turn, stored.plc)


def _identify(turn: Turn, job: StoreJob, stored: Stored) -> tuple[Item, str]:
    """The item that was stored, and what is wrong with it; "" nothing."""
    expected = turn.item(job.item)
    waits = kind_of(expected.place) == "lane"
    if stored.outcome != ReadOutcome.SUCCESS or not stored.code:
        return (expected if waits else custody.provisional(turn, "no_read")), "unread_at_rack"
    if waits and stored.code == expected.code:
        return expected, ""
    other = turn.state.items.get(stored.code)
    if other is None:
        return custody.provisional(turn, "unknown", stored.code), "not_the_one_expected"
    if kind_of(other.place) in _ELSEWHERE or other.place in turn.index.rack_outlets:
        bags.hold_back(turn, other, "duplicate")
        return custody.provisional(turn, "duplicate", stored.code), "duplicate"
    stood_with_it = other.case and other.case == expected.case and kind_of(other.place) == "lane"
    return other, "" if stood_with_it else "not_the_one_expected"


def _take_in(turn: Turn, plc: str, job: StoreJob, number: int, item: Item, reason: str) -> None:
    """The item is in the cell that the rack says, or at the hand station; one that may not stay there makes the cell suspect."""
    place = cell_place(plc, number)
    cell = turn.state.cells.get(place)
    if not reason and number and (cell is None or not cell.case or cell.case != item.case or item.suspect or item.withdrawn):
        reason = "wrong_cell" if number != job.cell else item.suspect or "withdrawn"
    if job.number in turn.plc(plc).pending:
        turn.emit(CommandAnswered(plc, job.number, CommandResult.DONE))
    custody.pass_over(turn, plc, job.infeed, item)
    turn.emit(DocumentStored(plc, job.number, item.id, number, not reason, reason))
    if cell is None:
        if item.place != "hand":  # one that our books have there is there
            custody.to_hand(turn, item, reason or item.suspect or job.reason or "wrong_cell")
        return
    custody.move(turn, item, place)
    if reason:
        custody.suspect(turn, item, reason)
        case_cells.distrust(turn, place, reason)
    else:
        cases.set_due(turn, item.case)


# --- released --------------------------------------------------------------------------------------------------------


def on_released(turn: Turn, released: Released) -> None:
    """
    A case rack emptied a cell: what was in it is at the outlet that it names, where a bagger packs it, or at the hand station.

    If it counts other documents than our books, or the cell was put in doubt meanwhile, none of them is packed automatically;
    in the first case the cell may not be empty, and is emptied once more, to the hand station, unless its counter is not
    believed any more (`cell_counts`).
    """
    plc, place = released.plc, cell_place(released.plc, released.cell)
    if plc not in turn.state.case_racks:
        turn.set_aside(released, "wrong_role")
        return
    cell = turn.state.cells.get(place)
    if cell is None or not cell.release or cell.release != released.job:
        turn.set_aside(released, "unknown_job")
        case_cells.distrust(turn, place, "unknown_release")
        return
    differs, doubt = released.items != len(cell.items), cell_counts.doubt_after(cell, released.items)
    empty(turn, plc, released.cell, released.outlet, cell.suspect or (cell_counts.COUNT if differs else ""))
    if doubt:
        case_cells.doubt(turn, place, doubt)
    work(turn, plc)


def empty(turn: Turn, plc: str, number: int, outlet: int, reason: str) -> None:
    """A cell was emptied into an outlet; with a `reason` nothing of it is packed automatically."""
    cell = turn.state.cells[cell_place(plc, number)]
    job, case, items, asked = cell.release, cell.case, tuple(cell.items), cell.reason
    target = lane_place(plc, outlet)
    if job in turn.plc(plc).pending:
        turn.emit(CommandAnswered(plc, job, CommandResult.DONE))
    for name in items:
        item = turn.item(name)
        if outlet == HAND or target not in turn.index.rack_outlets:
            custody.to_hand(turn, item, item.suspect or reason or asked)
            continue
        if reason or cell.outlet != outlet:
            custody.suspect(turn, item, reason or "wrong_outlet")
        custody.move(turn, item, target)
    turn.emit(CellReleased(plc, job, number, outlet, case, items, reason))
    if outlet and target in turn.index.rack_outlets:
        packing.try_begin(turn, turn.index.bagger_behind[target])


# --- refusals, pauses ------------------------------------------------------------------------------------------------


def on_command_ended(turn: Turn, command: Store | Release, ended: CommandEnded) -> None:
    """
    A case rack refused, or found nothing there.

    An infeed without a document, or a cell with none, means that what our books have there is missing.
    """
    plc, nothing = command.plc, ended.result == CommandResult.NOTHING_THERE
    if isinstance(command, Store):
        _store_ended(turn, command, ended, nothing)
    else:
        place = cell_place(plc, command.cell)
        turn.emit(ReleaseEnded(plc, command.number, command.cell, "nothing_there" if nothing else "refused"))
        if nothing:
            cell = turn.state.cells[place]
            items, doubt = tuple(cell.items), "" if cell.items else cell_counts.doubt_after(cell, 0)
            for name in items:
                custody.lose(turn, turn.item(name), "not_in_cell")
            turn.emit(CellReleased(plc, command.number, command.cell, HAND, cell.case, items, "nothing_there"))
            if doubt:
                case_cells.doubt(turn, place, doubt)
    if not nothing:
        turn.emit(StorePaused(plc, turn.at_us + RETRY_US))
    work(turn, plc)


def _store_ended(turn: Turn, command: Store, ended: CommandEnded, nothing: bool) -> None:
    job = turn.state.case_racks[command.plc].storing
    assert job is not None, command  # a job that is over has no open command
    barred = ended.result == CommandResult.PLACE_NOT_OPEN
    why = "nothing_there" if nothing else "place_not_open" if barred else "refused"
    turn.emit(StoreAbandoned(command.plc, job.number, job.item, why))
    item = turn.item(job.item)
    if nothing and kind_of(item.place) == "lane":
        custody.lose(turn, item, "not_at_infeed")
    elif barred and command.cell:
        case_cells.distrust(turn, cell_place(command.plc, command.cell), "place_not_open")


def on_pause_over(turn: Turn, plc: str) -> None:
    """A case rack that had refused may be asked again."""
    turn.emit(StorePaused(plc, 0))
    work(turn, plc)


# --- doubts ----------------------------------------------------------------------------------------------------------


def suspect_all(turn: Turn, plc: str, reason: str) -> None:
    """B6: we may have missed what the rack did: no cell that holds something, or was being filled or emptied, is trusted."""
    storing = turn.state.case_racks[plc].storing
    for place in turn.state.cells:
        _, at, number = place.split("/")
        cell = turn.state.cells[place]
        if at == plc and (cell.items or cell.release or (storing is not None and storing.cell == int(number))):
            case_cells.doubt(turn, place, reason)


def void(turn: Turn, plc: str) -> None:
    """E12: the rack lost its memory. What it was asked is void; every cell that may hold something goes to the hand station."""
    suspect_all(turn, plc, "plc_restart")
    cell_counts.try_anew(turn, plc, "plc_restart")
    rack = turn.state.case_racks[plc]
    if rack.storing is not None:
        turn.emit(StoreAbandoned(plc, rack.storing.number, rack.storing.item, "plc_restart"))
    for place in turn.state.cells:
        _, at, number = place.split("/")
        cell = turn.state.cells[place]
        if at == plc and cell.release:
            turn.emit(ReleaseEnded(plc, cell.release, int(number), "plc_restart"))


def on_quarantined(turn: Turn, plc: str, number: int, code: str) -> None:
    """
    An event about a job of a case rack made the last run fail.

    A document was stored: it is booked where it was to go, under the code that was read if it can be that, and the cell is
    suspect. A cell was emptied: so it was, and nothing of it is packed.
    """
    rack = turn.state.case_racks.get(plc)
    if rack is None:
        return
    if rack.storing is not None and rack.storing.number == number:
        named = turn.state.items.get(code)
        usable = named is not None and kind_of(named.place) not in _ELSEWHERE and named.place not in turn.index.rack_outlets
        expected = turn.item(rack.storing.item)
        item = named if usable and named is not None else expected
        if kind_of(item.place) != "lane" and item is expected:
            item = custody.provisional(turn, "no_read")
        _take_in(turn, plc, rack.storing, rack.storing.cell, item, "quarantined")
    for place in turn.state.cells:
        _, at, at_number = place.split("/")
        cell = turn.state.cells[place]
        if at == plc and number and cell.release == number:
            empty(turn, plc, int(at_number), cell.outlet, "quarantined")
            if cell.suspect == cell_counts.COUNTER:  # what it counted is not known
                case_cells.doubt(turn, place, cell_counts.COUNTER)
    suspect_all(turn, plc, "quarantined")
    work(turn, plc)


def is_at_work(turn: Turn, plc: str) -> bool:
    """Whether the rack has a document in hand, or empties a cell."""
    cells = (turn.state.cells[place] for place, _ in turn.index.cells.get(plc, ()))
    return turn.state.case_racks[plc].storing is not None or any(cell.release for cell in cells)

"""
What the facts about cases change in the state: the part of `state.EVOLVE` that belongs to case racks.

Asserted here: a cell is one case's (B1), a parcel of several documents is sealed only if the set fed is the set expected, all of
one case (B1, B2), a document is in one parcel (B3).
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

from packcenter.core import case_facts as c
from packcenter.core import reject_life
from packcenter.core.hall import Hall
from packcenter.core.inputs import Line
from packcenter.core.records import (
    Case,
    CaseRack,
    Cell,
    Item,
    Job,
    Kin,
    LaneLoad,
    State,
    StoreJob,
    cell_place,
    kin_of,
    lane_place,
    set_of,
)

KINDS = ("case", "case_rack")
"""Kinds of deadlines of the agenda that belong to cases: their due times, and pauses of case racks."""


def adopt(state: State, hall: Hall) -> None:
    """Know the case racks of a hall. What lies in cells that it has no more stays in the books."""
    for rack in hall.case_racks:
        state.case_racks.setdefault(rack.plc, CaseRack())
        for number in range(1, rack.cells + 1):
            state.cells.setdefault(cell_place(rack.plc, number), Cell())
        for outlet in rack.outlets:
            state.lanes.setdefault(lane_place(rack.plc, outlet.number), LaneLoad())  # an outlet is a lane that it fills


def join(state: State, line: Line, item: Item) -> None:
    """An announced item belongs to a case of several documents."""
    if line.case_size < 2:
        return
    item.case = line.case
    case = state.cases.get(line.case)
    if case is None:
        case = state.cases[line.case] = Case(line.case_size, line.destination, line.service, line.due_us, outlet=line.outlet)
    case.items.append(line.item)
    if line.due_us:
        case.announced_due_us = min(case.announced_due_us or line.due_us, line.due_us)


def await_letter(state: State, item: Item) -> None:
    """An announced letter with a token may leave with others of its kin; a document of a case leaves with its case."""
    if item.addressee and not item.case:
        state.kin.setdefault(kin_of(item), Kin()).awaited[item.id] = True


def came(state: State, item: Item) -> None:
    """An announced letter is here, or given up."""
    kin = state.kin.get(kin_of(item)) if item.addressee else None
    if kin is not None:
        kin.awaited.pop(item.id, None)


def is_current(state: State, entry: tuple[int, str, str, int]) -> bool:
    """Whether a deadline of a case or a case rack still means something."""
    due_us, kind, name, _ = entry
    return (state.cases[name].due_us if kind == "case" else state.case_racks[name].retry_us) == due_us


def push_deadlines(state: State) -> None:
    """The deadlines of cases and case racks, after loading a snapshot."""
    for name, case in state.cases.items():
        if case.due_us:
            heappush(state.agenda, (case.due_us, "case", name, 0))
    for name, rack in state.case_racks.items():
        if rack.retry_us:
            heappush(state.agenda, (rack.retry_us, "case_rack", name, 0))


def forget_parcel(item: Item) -> None:
    """The item is in no sealed parcel any more."""
    if item.lead or item.riders:
        item.lead, item.riders = "", []


def bind_parcel(state: State, job: Job, lead: Item) -> None:
    """What is in a sealed pouch stays together."""
    lead.lead, lead.riders = "", [name for name in job.contents() if name != lead.id]
    for name in lead.riders:
        state.items[name].lead, state.items[name].riders = lead.id, []


def assert_one_case(state: State, job: Job) -> None:
    """B1, B2: nothing but what was expected, all of it, and all of one case."""
    if not job.others:
        return
    assert sorted(job.contents()) == sorted(job.expected()), job
    assert len({state.items[name].case for name in job.contents()}) == 1, job
    if set_of(state, state.items[job.item]) is not None:
        assert len({kin_of(state.items[name]) for name in job.contents()}) == 1, job  # of one addressee
    assert state.items[job.item].case, job
    assert not any(state.items[name].suspect for name in job.contents()), job


# --- one function per fact -------------------------------------------------------------------------------------------


def _cell_reserved(state: State, at_us: int, fact: c.CellReserved) -> None:
    case, cell = state.cases[fact.case], state.cells[cell_place(fact.plc, fact.cell)]
    assert not case.cell, fact
    assert not cell.case, fact  # B1: a cell is one case's
    _assert_empty(cell)
    case.cell, cell.case = cell_place(fact.plc, fact.cell), fact.case


def _cell_freed(state: State, at_us: int, fact: c.CellFreed) -> None:
    case, cell = state.cases[fact.case], state.cells[cell_place(fact.plc, fact.cell)]
    assert case.cell == cell_place(fact.plc, fact.cell), fact
    _assert_empty(cell)
    case.cell = cell.case = ""
    case.due_us = 0


def _assert_empty(cell: Cell) -> None:
    assert not cell.items, cell
    assert not cell.suspect, cell
    assert not cell.release, cell


def _store_begun(state: State, at_us: int, fact: c.StoreBegun) -> None:
    rack = state.case_racks[fact.plc]
    assert rack.storing is None, fact
    rack.storing = StoreJob(fact.job, fact.item, fact.infeed, fact.cell, fact.reason)


def _storing(state: State, plc: str, number: int) -> StoreJob:
    job = state.case_racks[plc].storing
    assert job is not None, (plc, number)
    assert job.number == number, (plc, number)
    return job


def _document_stored(state: State, at_us: int, fact: c.DocumentStored) -> None:
    _storing(state, fact.plc, fact.job)
    state.case_racks[fact.plc].storing = None
    reject_life.note(state.plcs[fact.plc], fact.reason)


def _store_abandoned(state: State, at_us: int, fact: c.StoreAbandoned) -> None:
    _storing(state, fact.plc, fact.job)
    state.case_racks[fact.plc].storing = None


def _store_paused(state: State, at_us: int, fact: c.StorePaused) -> None:
    state.case_racks[fact.plc].retry_us = fact.until_us
    if fact.until_us:
        heappush(state.agenda, (fact.until_us, "case_rack", fact.plc, 0))


def _cell_suspected(state: State, at_us: int, fact: c.CellSuspected) -> None:
    cell = state.cells[cell_place(fact.plc, fact.cell)]
    assert not cell.suspect, fact
    cell.suspect = fact.reason


def _cell_tried_anew(state: State, at_us: int, fact: c.CellTriedAnew) -> None:
    cell = state.cells[cell_place(fact.plc, fact.cell)]
    assert cell.suspect, fact
    assert not cell.items, fact
    assert not cell.anew, fact
    cell.anew = True


def _release_begun(state: State, at_us: int, fact: c.ReleaseBegun) -> None:
    cell = state.cells[cell_place(fact.plc, fact.cell)]
    assert not cell.release, fact
    assert not (cell.suspect and fact.outlet), fact
    cell.release, cell.outlet, cell.reason = fact.job, fact.outlet, fact.reason


def _cell_released(state: State, at_us: int, fact: c.CellReleased) -> None:
    """Its items have moved on; from here on it is nobody's."""
    place = cell_place(fact.plc, fact.cell)
    cell = state.cells[place]
    assert not cell.items, (fact, cell)
    case = state.cases.get(cell.case)
    if case is not None:
        part = case.parts + 1 if case.parts or cell.reason == "part" else 0
        for name in fact.items:
            state.items[name].part = part
        if cell.reason == "part" and fact.outlet and fact.items:
            case.parts += 1
        case.cell, case.due_us, case.overdue = "", 0, ""
        outlet = state.lanes.get(lane_place(fact.plc, fact.outlet))
        if outlet is not None:
            outlet.laid = [*fact.items]
    state.cells[place] = Cell()


def _release_ended(state: State, at_us: int, fact: c.ReleaseEnded) -> None:
    cell = state.cells[cell_place(fact.plc, fact.cell)]
    assert cell.release == fact.job, (fact, cell)
    cell.release, cell.outlet, cell.reason = 0, 0, ""


def _case_due_set(state: State, at_us: int, fact: c.CaseDueSet) -> None:
    state.cases[fact.case].due_us = fact.due_us
    if fact.due_us:
        heappush(state.agenda, (fact.due_us, "case", fact.case, 0))


def _case_overdue(state: State, at_us: int, fact: c.CaseOverdue) -> None:
    case = state.cases[fact.case]
    case.due_us, case.overdue = 0, fact.policy


def _letters_gathered(state: State, at_us: int, fact: c.LettersGathered) -> None:
    first = state.items[fact.items[0]]
    assert fact.case not in state.cases, fact
    state.letter_sets += 1
    state.cases[fact.case] = Case(
        0, first.destination, first.service, 0, outlet=first.outlet, rule=fact.rule, wait_minutes=fact.wait_minutes,
        pouch=fact.pouch, going=fact.destination,
    )  # fmt: skip
    state.kin.setdefault(kin_of(first), Kin()).gathering = fact.case
    for name in fact.items:
        _join_set(state, fact.case, state.items[name])


def _letter_joined(state: State, at_us: int, fact: c.LetterJoined) -> None:
    _join_set(state, fact.case, state.items[fact.item])


def _join_set(state: State, name: str, item: Item) -> None:
    case = state.cases[name]
    assert not item.case, (name, item)  # a letter is of one set
    assert item.addressee, (name, item)
    assert all(kin_of(state.items[other]) == kin_of(item) for other in case.items), (name, item)  # B1: of one addressee
    item.case = name
    case.items.append(item.id)
    came(state, item)
    if item.due_us:
        case.announced_due_us = min(case.announced_due_us or item.due_us, item.due_us)


def _letters_parted(state: State, at_us: int, fact: c.LettersParted) -> None:
    case = state.cases[fact.case]
    for name in fact.items:
        item = state.items[name]
        assert item.place != case.cell or not case.cell, (fact, item)  # what is in the cell leaves with the set
        case.items.remove(name)
        item.case = ""
        if item.place == "expected":
            await_letter(state, item)


def _job_joined(state: State, at_us: int, fact: c.JobJoined) -> None:
    job = state.baggers[fact.plc].feeding
    assert job is not None, fact
    assert job.number == fact.job, fact
    assert fact.item not in job.expected(), fact  # B3
    job.others.append(fact.item)


def _nothing(state: State, at_us: int, fact: Any) -> None:
    """A fact that only readers of the stream need."""


EVOLVE: dict[type, Callable[[State, int, Any], None]] = {
    c.CellReserved: _cell_reserved,
    c.CellFreed: _cell_freed,
    c.StoreBegun: _store_begun,
    c.DocumentStored: _document_stored,
    c.StoreAbandoned: _store_abandoned,
    c.StorePaused: _store_paused,
    c.CellSuspected: _cell_suspected,
    c.CellTriedAnew: _cell_tried_anew,
    c.ReleaseBegun: _release_begun,
    c.CellReleased: _cell_released,
    c.ReleaseEnded: _release_ended,
    c.CaseDueSet: _case_due_set,
    c.CaseOverdue: _case_overdue,
    c.CaseSplit: _nothing,
    c.JobJoined: _job_joined,
    c.ParcelProven: _nothing,
    c.LettersGathered: _letters_gathered,
    c.LetterJoined: _letter_joined,
    c.LettersParted: _letters_parted,
}

"""
Cases 一件事: several documents of one citizen, from several agencies, that leave in one parcel.

A case is the documents whose manifest lines share its code; they agree in size, destination, outlet and service. Each goes to
the cell of its case in a case rack (`case_cells`). When the first is there the others have a time; what happens to a case of
which one is missing 缺件 then, its type says:

    wait        it waits on, and people are told
    part_ship   what is there leaves as a part, with a label of its own; what comes later follows as the next part
    hand        what is there goes to the hand station

Letters that a rule of the sort plan sends to one addressee in one parcel are a case, too, made by the plan (`core.combining`):
all that is said here of cells, completeness and time holds for them, only that what does not come in time is left behind.

A document that its agency takes back, or that is made anew, is one of the case no more: another one may be announced for it.
"""

from __future__ import annotations

from packcenter.core import case_cells, combining, routing
from packcenter.core.case_facts import CaseDueSet, CaseOverdue
from packcenter.core.hall import Sorter
from packcenter.core.inputs import Line
from packcenter.core.routing import Choice
from packcenter.core.state import Item
from packcenter.core.turn import Turn

RULE = "case"
"""What `Routed` names as its rule for a document of a case; its group is the case rack."""

_MINUTE_US = 60_000_000


def refusal(turn: Turn, line: Line) -> str:
    """Why a line cannot be one of its case: it differs from the others, or the case has all its documents; "" it can."""
    if not turn.index.case_racks or line.case_size < 2:
        return ""
    if all(line.case_size > rack.cell_documents for rack in turn.index.hall.case_racks):
        return "case_too_big"
    kind, case = turn.index.case_type(line.case), turn.state.cases.get(line.case)
    members = [] if case is None else case_cells.live(turn, case)
    if case is not None:
        if (line.case_size, line.destination, line.service, line.outlet) != (
            case.size,
            case.destination,
            case.service,
            case.outlet,
        ):
            return "case_conflict"
        if len(members) >= case.size:
            return "case_full"
    if kind is not None and kind.mail_classes:
        taken = [item.mail_class for item in members]
        if line.mail_class not in kind.mail_classes or line.case_size != len(kind.mail_classes):
            return "case_conflict"
        if line.mail_class in taken:
            return "case_full"
    return ""


def shares_waybill(turn: Turn, line: Line) -> bool:
    """Whether a waybill that is in use already is that of another document of the same case, whose parcel it is."""
    owner = turn.item(turn.state.waybills[line.waybill])
    return bool(turn.index.case_racks) and line.case_size > 1 and owner.case == line.case


# --- on the belt -----------------------------------------------------------------------------------------------------


def choose(turn: Turn, item: Item, sorter: Sorter, scanned_us: int) -> Choice | None:
    """
    The lane to the rack where the case has its cell, or gets one; None for an item that no case rack concerns, and for a letter
    (`core.combining`).

    No free cell, or no lane: the hand station, by the exception lane, until there is.
    """
    case = turn.state.cases.get(item.case)
    if case is None or not case.size or not turn.index.case_racks:
        return None
    way = case_cells.find_way(turn, item, sorter, case.cell, scanned_us)
    if isinstance(way, str):
        return routing.exception(turn, sorter, way, RULE)
    lane, plc, number = way
    if number:
        case_cells.reserve(turn, item.case, plc, number)
    return Choice(lane, RULE, plc, "case")


# --- time ------------------------------------------------------------------------------------------------------------


def set_due(turn: Turn, name: str) -> None:
    """
    The first document of a case is in its cell: the others have until the manifest's time, else as long as its type says, or the
    rule of the plan that made a set of letters.
    """
    case, kind = turn.state.cases[name], turn.index.case_type(name)
    if case.due_us or case.overdue:
        return
    if not case.size:
        turn.emit(CaseDueSet(name, combining.due_us(turn, case)))
    elif case_cells.is_complete(turn, case):
        return
    elif case.announced_due_us > turn.at_us:
        turn.emit(CaseDueSet(name, case.announced_due_us))
    elif kind is not None:
        turn.emit(CaseDueSet(name, turn.at_us + kind.wait_minutes * _MINUTE_US))


def on_due(turn: Turn, name: str) -> None:
    """
    The time of a case is over. If a document is missing, its policy says what happens to those that are there.

    A case that waits for an outlet only, or whose cell goes to the hand station, is not overdue.
    """
    case, kind = turn.state.cases[name], turn.index.case_type(name)
    count, absent = case_cells.missing(turn, case)
    cell = turn.state.cells[case.cell]
    if cell.suspect or (case.size and (cell.release or not count)):
        turn.emit(CaseDueSet(name, 0))
        return
    if not case.size:
        combining.on_wait_over(turn, name, absent)
        return
    policy = kind.policy if kind is not None else "wait"
    turn.emit(CaseOverdue(name, policy, count, absent))
    if policy == "hand":
        case_cells.distrust(turn, case.cell, "case_overdue")
    elif policy == "part_ship":
        case_cells.try_release(turn, case.cell.split("/")[1])

"""
Letters to one addressee 合并投寄: several letters of one agency leave in one parcel, where the sort plan says so.

A set of letters is a case that a rule of the plan makes when the first of them is scanned: of letters that agree in agency, token
of the addressee, place and service, are announced and not here yet, as many as a cell holds. From there on everything is as for
a case: the cell, what it takes, completeness, the outlet, the proof at the seal (B1, B2). What differs:

    the wait is over       who is not there is left behind, and leaves alone or with others; what is there leaves, and is whole
    no cell, no lane       the letter leaves alone, by the lanes of its rule; the last free cells are for cases
    its others are gone    the letter leaves alone
    another plan           what is scanned is decided by it (G3); who is in the cell already leaves with its set

A letter that has a waybill leaves under it, alone: a parcel bears one number. So does one of a secure class, and one whose due
time is so near that it may not wait.
"""

from __future__ import annotations

from packcenter.core import bags, case_cells
from packcenter.core.case_facts import CaseDueSet, LetterJoined, LettersGathered, LettersParted
from packcenter.core.hall import Rule, Sorter
from packcenter.core.limits import CUTOFF_LEAD_US, LOOK_AGAIN_US
from packcenter.core.records import Case, kin_of, set_of
from packcenter.core.routing import Choice
from packcenter.core.state import Item
from packcenter.core.turn import Turn

_MINUTE_US = 60_000_000


def _rule_for(turn: Turn, item: Item) -> Rule | None:
    """The rule of the plan by which a letter may leave with others, or None."""
    mail_class = turn.index.classes.get(item.mail_class)
    if not item.addressee or not turn.index.case_racks or mail_class is None or mail_class.secure:
        return None
    if item.withdrawn or (item.case and set_of(turn.state, item) is None):
        return None
    if (item.waybill and not item.case) or (item.due_us and item.due_us - CUTOFF_LEAD_US <= turn.at_us):
        return None
    rule = turn.index.rule(item.mail_class, item.agency, turn.index.destination_of(item), item.service)
    return rule if rule is not None and rule.combine_minutes else None


# --- on the belt -----------------------------------------------------------------------------------------------------


def choose(turn: Turn, item: Item, sorter: Sorter, scanned_us: int) -> Choice | None:
    """The lane to the rack where the letters gather that this one leaves with; None: it leaves alone, by the plan."""
    rule = _rule_for(turn, item)
    case = set_of(turn.state, item)
    why = _why_parted(turn, case, item, rule) if case is not None else ""
    if why:
        part(turn, item.case, (item.id,), why)
        rule, case = _rule_for(turn, item), None
    if rule is None:
        return None
    name = item.case or _gathering(turn, item)
    others = () if name else _awaited(turn, item)
    if not name and not others:
        return None
    cell = turn.state.cases[name].cell if name else ""
    way = case_cells.find_way(turn, item, sorter, cell, scanned_us, letters=True)
    if isinstance(way, str):
        if case is not None:
            part(turn, name, (item.id,), "no_way")
        return None
    lane, plc, number = way
    if not name:
        most = turn.index.case_racks[plc].cell_documents
        name = _gather(turn, rule.name, rule.combine_minutes, rule.combine_pouch, (item, *others)[:most])
    elif case is None:
        turn.emit(LetterJoined(name, item.id))
    if number:
        case_cells.reserve(turn, name, plc, number)
    return Choice(lane, rule.name, plc, "combine")


def _why_parted(turn: Turn, case: Case, item: Item, rule: Rule | None) -> str:
    """Why a letter that is scanned does not leave with its set; "" it does."""
    if rule is None or turn.index.destination_of(item) != case.going:
        return "plan"
    return "" if _has_others(turn, case, item) else "others_gone"


def _has_others(turn: Turn, case: Case, item: Item) -> bool:
    """Whether letters of a set are in its cell, or may still come there, beside this one."""
    others = (other for other in case_cells.live(turn, case) if other is not item and other.place != "lost")
    return any(not case_cells.has_left(turn, other) for other in others)


def _awaited(turn: Turn, item: Item) -> list[Item]:
    """The letters that a new set is made of beside this one: announced, not here yet, and by a rule that combines them."""
    kin = turn.state.kin.get(kin_of(item))
    most = max(rack.cell_documents for rack in turn.index.hall.case_racks)
    found: list[Item] = []
    for name in kin.awaited if kin is not None else ():
        other = turn.item(name)
        if other is not item and _rule_for(turn, other) is not None:
            found.append(other)
        if len(found) == most:
            break
    return found


def _gathering(turn: Turn, item: Item) -> str:
    """The set of this addressee that still gathers and has room for one letter more, "" none."""
    kin = turn.state.kin.get(kin_of(item))
    case = turn.state.cases.get(kin.gathering) if kin is not None else None
    if kin is None or case is None or case.cell not in turn.index.cell_at or case.going != turn.index.destination_of(item):
        return ""
    cell = turn.state.cells[case.cell]
    rack = turn.index.case_racks[turn.index.cell_at[case.cell][0]]
    if cell.suspect or cell.release or not _has_others(turn, case, item):
        return ""
    if len(case_cells.live(turn, case)) >= rack.cell_documents:
        return ""
    return "" if item.due_us and case.due_us > item.due_us - CUTOFF_LEAD_US else kin.gathering


def _gather(turn: Turn, rule: str, minutes: int, pouch: int, items: tuple[Item, ...]) -> str:
    """A set is made of these letters; its name begins as no agency's code does."""
    name = f"+{turn.state.letter_sets + 1:06d}"
    destination = turn.index.destination_of(items[0])
    turn.emit(LettersGathered(name, rule, minutes, pouch, destination, tuple(item.id for item in items)))
    return name


def on_announced(turn: Turn, item: Item) -> None:
    """A letter was announced while others to its addressee gather: they leave with it."""
    if _rule_for(turn, item) is not None and (name := _gathering(turn, item)):
        turn.emit(LetterJoined(name, item.id))


def stand_before(turn: Turn, plc: str, item: Item) -> str:
    """
    A letter stands before a case rack whose set has left without it: it can leave by a cell only, with others to its addressee or
    alone. "" if it has one, else why it goes to the hand station.
    """
    rule = _rule_for(turn, item)
    name = _gathering(turn, item) if rule is not None else ""
    if name and turn.index.cell_at[turn.state.cases[name].cell][0] == plc:
        turn.emit(LetterJoined(name, item.id))
        return ""
    known = turn.index.classes.get(item.mail_class)
    number = case_cells.find_free(turn, plc) if known is not None and not known.secure else 0
    if not number:
        return "no_cell"
    others = _awaited(turn, item) if rule is not None else []
    minutes, pouch = (rule.combine_minutes, rule.combine_pouch) if rule is not None else (0, 0)
    items = (item, *others)[: turn.index.case_racks[plc].cell_documents]
    case_cells.reserve(turn, _gather(turn, rule.name if rule is not None else "", minutes, pouch, items), plc, number)
    return ""


# --- who does not come -----------------------------------------------------------------------------------------------


def part(turn: Turn, name: str, items: tuple[str, ...], reason: str) -> None:
    """These letters are of their set no more; perhaps it is whole without them."""
    turn.emit(LettersParted(name, items, reason))
    _look_whether_whole(turn, turn.state.cases[name])


def on_gone(turn: Turn, item: Item) -> None:
    """A letter does not come any more: its agency takes it back, or it is made anew. Its set need not wait for it."""
    case = set_of(turn.state, item)
    if case is not None:
        _look_whether_whole(turn, case)


def _look_whether_whole(turn: Turn, case: Case) -> None:
    if case.cell:
        case_cells.try_release(turn, case.cell.split("/")[1])


def due_us(turn: Turn, case: Case) -> int:
    """
    Until when the first letter of a set in its cell waits for the others: as long as its rule says, and not so long that it
    misses the next cut-off that it can reach, or a due time.
    """
    ends = [turn.at_us + case.wait_minutes * _MINUTE_US]
    cutoff_us = bags.next_cutoff_us(turn, turn.at_us + CUTOFF_LEAD_US)
    if cutoff_us:
        ends.append(cutoff_us - CUTOFF_LEAD_US)
    if case.announced_due_us:
        ends.append(max(turn.at_us, case.announced_due_us - CUTOFF_LEAD_US))
    return min(ends)


def on_wait_over(turn: Turn, name: str, absent: tuple[str, ...]) -> None:
    """
    The time of a set is over: what is absent is left behind, but for who stands before the rack already.

    As long as its cell is not emptied it is looked at again: a letter that joins it meanwhile may not keep it for ever.
    """
    rack = turn.state.cases[name].cell.split("/")[1]
    lanes = [lane for lane, _ in turn.index.infeeds.get(rack, ())]
    late = tuple(letter for letter in absent if turn.item(letter).place not in lanes)
    turn.emit(CaseDueSet(name, turn.at_us + LOOK_AGAIN_US))
    if late:
        part(turn, name, late, "wait_over")

"""
Letters that leave together because the plan says so (B1, B2, G3): a set of them is a case that no agency announced.

All letters of a set are for one addressee of one agency, at one place, by one service; none of another kin is ever in their
parcel, none is of a secure class, and none has a number of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court, Item, Job, LetterSet, kind_of

_MINUTE_US: Final = 60_000_000
_LEAD_US: Final = 5 * _MINUTE_US
"""So long before a cut-off or a due time nobody waits any more."""

_LEAVE: Final = 4
"""One of so many cells is left free for cases."""

_LEFT: Final = ("pack", "rack", "bag", "dispatched", "returned", "remade", "lost")
"""Kinds of place of letters that no other one can leave with."""


def kin_of(item: Item) -> tuple[Any, ...]:
    """What letters must agree in to leave together: agency, place, service and token; empty without a token."""
    if item.line is None or len(item.line) < 11 or not item.line[10]:
        return ()
    return (item.line[2], item.line[4], item.line[9], item.line[5], item.line[10])


def announced(court: Court, item: Item) -> None:
    """A letter that may leave with others is awaited."""
    if item.line is not None and kin_of(item) and item.line[7] < 2:
        court.awaited.setdefault(kin_of(item), {})[item] = None


def _why_not(court: Court, item: Item) -> str:
    """Why the plan in force does not have a letter leave with others; "" it does."""
    if court.hall is None or item.line is None or not kin_of(item):
        return "it has no token"
    mail_class = court.hall.classes.get(item.line[1])
    if not court.hall.case_racks or item.line[7] > 1:
        return "it is of a case, or there is no case rack"
    if mail_class is None or mail_class.secure:
        return "its class is secure"
    if item.line[3] or (item.waybill and not item.together):
        return "it has a number of its own"
    if item.line[8] and item.line[8] - _LEAD_US <= court.bench.at_us:
        return "it is due too soon"
    return "" if court.hall.combining_of(item.line)[1] else "its rule combines nothing"


def _stands_before(court: Court, item: Item, plcs: Any) -> bool:
    """Whether an item stands in a lane before one of these case racks."""
    return court.hall is not None and court.hall.fed_from(item.place) in plcs


def _other_members(court: Court, name: str, item: Item | None) -> list[Item]:
    """What else of a set is in its cell, or may still come."""
    return [
        other
        for other in court.cases.get(name, ())
        if other is not item and not other.withdrawn and kind_of(other.place) not in _LEFT and not _is_laid_out(court, other)
    ]


def _is_laid_out(court: Court, item: Item) -> bool:
    return court.hall is not None and item.place in court.hall.outlets


# --- sets ------------------------------------------------------------------------------------------------------------


def gathered(court: Court, bench: Bench, fact: Said) -> None:
    """A set is made of letters of one kin: by the rule of the plan, of two or more, unless one stands before a rack already."""
    _, name, rule, minutes, pouch, destination, items = fact
    found = [item for each in items if (item := court.item(each, "LettersGathered")) is not None]
    if not name.startswith("+") or name in court.cases or not found:
        court.blame("B1", f"letters {items} are a set {name!r}, which is no new one")
        return
    first = found[0]
    stands = court.hall is not None and _stands_before(court, first, court.hall.case_racks)
    if len(items) < 2 and not stands:
        court.blame("B2", f"{first.id} alone is a set of letters, and is in {first.place}")
    if court.hall is not None and len(items) > max((rack.cell_documents for rack in court.hall.case_racks.values()), default=0):
        court.blame("B2", f"{len(items)} letters are a set, which no cell holds")
    if not stands and bench.seen is not first:
        court.blame("G3", f"{first.id} is made a set, and was not scanned")
    court.sets[name] = LetterSet(rule, minutes, pouch, destination)
    court.cases[name] = []
    if court.hall is not None and first.line is not None:
        said = (rule, minutes, pouch)
        alone = stands and said == ("", 0, 0) and len(items) == 1
        if not alone and said != court.hall.combining_of(first.line):
            court.blame("G3", f"set {name} is made by {said}, the plan says {court.hall.combining_of(first.line)}")
        if destination != court.hall.destination_of(first.line):
            court.blame("G3", f"set {name} goes to {destination}, by the plan to {court.hall.destination_of(first.line)}")
    for item in found:
        if item is not first and item.place != "expected":
            court.blame("G3", f"{item.id} is of set {name} from its beginning, and is in {item.place}")
        _take(court, name, item, first if not stands or len(items) > 1 else None)


def joined(court: Court, bench: Bench, fact: Said) -> None:
    """One letter more, while the set has a cell that is not emptied and not suspect, and room."""
    _, name, letter = fact
    item = court.item(letter, "LetterJoined")
    if item is None or name not in court.sets:
        court.blame("B1", f"{letter} joins set {name!r}, which there is not")
        return
    cell = next((place for place, each in court.cells.items() if each.case == name), "")
    if not cell or court.cells[cell].release or court.cells[cell].suspect:
        court.blame("B2", f"{letter} joins set {name}, which gathers no more")
    elif court.hall is not None:
        rack = court.hall.case_racks.get(cell.split("/")[1])
        here = [each for each in court.cases[name] if not each.withdrawn and each.place not in ("returned", "remade")]
        if rack is not None and len(here) >= rack.cell_documents:
            court.blame("B2", f"{letter} joins set {name}, which has its {len(here)} letters")
    if court.hall is not None and item.line is not None and court.hall.destination_of(item.line) != court.sets[name].destination:
        court.blame("G3", f"{letter} joins set {name} for {court.sets[name].destination}, and goes elsewhere by the plan")
    told = any(each[2][0] == letter for each in bench.said.get("ItemExpected", ()))
    stands = court.hall is not None and _stands_before(court, item, court.hall.case_racks)
    if bench.seen is not item and not told and not stands:
        court.blame("G3", f"{letter} joins set {name} in a record that is not about it")
    _take(court, name, item, item)


def _take(court: Court, name: str, item: Item, judged: Item | None) -> None:
    """An item is of a set: of the kin of the others; `judged` None if it has no other way."""
    others = [other for other in court.cases[name] if other is not item]
    if item.together:
        court.blame("B1", f"{item.id} is of set {name}, and of {item.together} already")
    if any(kin_of(other) != kin_of(item) for other in others) or not kin_of(item):
        court.blame("B1", f"{item.id} is of set {name}, and not for the addressee of {[other.id for other in others]}")
    why = _why_not(court, item) if judged is not None else ""
    if why or item.withdrawn:
        court.blame("G3", f"{item.id} is of set {name}, but {why or 'its agency wants it back'}")
    item.together = name
    court.cases[name].append(item)
    court.awaited.get(kin_of(item), {}).pop(item, None)
    due_us = item.line[8] if item.line is not None else 0
    if due_us:
        court.sets[name].due_us = min(court.sets[name].due_us or due_us, due_us)


def parted(court: Court, bench: Bench, fact: Said) -> None:
    """Letters are of their set no more: none that is in its cell, and for the reason that is said."""
    _, name, items, reason = fact
    cell = next((place for place, each in court.cells.items() if each.case == name), "")
    for letter in items:
        item = court.item(letter, "LettersParted")
        if item is None or item.together != name:
            court.blame("B1", f"{letter} is parted from set {name!r}, of which it is not")
            continue
        if item.place == cell:
            court.blame("B2", f"{letter} is parted from set {name} and lies in its cell")
        if reason == "wait_over":
            told = [each[2] - _MINUTE_US for each in bench.said.get("CaseDueSet", ()) if each[1] == name]
            if court.overtime.get(name) != bench.at_us or told != [bench.at_us]:
                court.blame("T2", f"{letter} is left behind by set {name}, which is due at {court.due.get(name, 0)}")
            if cell and _stands_before(court, item, (cell.split("/")[1],)):
                court.blame("B2", f"{letter} is left behind by set {name}, and stands before its rack")
        elif bench.seen is not item:
            court.blame("G3", f"{letter} is parted from set {name} ({reason}), and was not scanned")
        elif reason == "plan":
            going = court.hall.destination_of(item.line) if court.hall is not None and item.line is not None else ""
            if not _why_not(court, item) and going == court.sets[name].destination:
                court.blame("G3", f"{letter} is parted from set {name}, though the plan in force has it leave with it")
        elif reason == "others_gone":
            if _other_members(court, name, item):
                court.blame("G3", f"{letter} is parted from set {name}, and others of it are there")
        elif reason != "no_way":
            court.blame("A2", f"{letter} is parted from set {name} for {reason!r}")
        item.together = ""
        court.cases[name].remove(item)
        if item.place == "expected":
            announced(court, item)


def due_set(court: Court, bench: Bench, name: str, due_us: int) -> None:
    """The wait of a set ends with its rule's minutes, before a cut-off, or a due time; then it is looked at again each minute."""
    made = court.sets[name]
    ends = [bench.at_us + made.minutes * _MINUTE_US]
    cutoff_us = court.hall.next_cutoff_us(bench.at_us + _LEAD_US) if court.hall is not None else 0
    if cutoff_us:
        ends.append(cutoff_us - _LEAD_US)
    if made.due_us:
        ends.append(max(bench.at_us, made.due_us - _LEAD_US))
    before = court.due.get(name, 0)
    waits = before and bench.at_us >= before and due_us == bench.at_us + _MINUTE_US
    if waits:
        court.overtime[name] = bench.at_us
    elif due_us and not waits and (due_us != min(ends) or before):
        court.blame("B2", f"set {name} is due at {due_us}, by its rule, the cut-off and its letters at {min(ends)}")
    court.due[name] = due_us


# --- on the belt, in the pouch ---------------------------------------------------------------------------------------


def leaves_alone(court: Court, item: Item, plc: str, free: Callable[[list[list[Any]]], int]) -> None:
    """A letter goes where the plan sends it alone: it is of no set, and none could be made of it (G3)."""
    if item.together:
        court.blame("B2", f"{item.id} is of set {item.together}, and is sent elsewhere by {plc}")
        return
    if _why_not(court, item) or court.hall is None:
        return
    awaited = court.awaited.get(kin_of(item), {})
    for gone in [other for other in awaited if other.place != "expected"]:
        del awaited[gone]
    if not any(not _why_not(court, other) and not other.withdrawn for other in awaited):
        return
    sorter = court.hall.sorters[plc]
    for name, rack in court.hall.case_racks.items():
        lanes: list[list[Any]] = [[plc, number] for number, lane in sorter.lanes.items() if lane.feeds == name]
        if _free_cells(court, name) > rack.cells // _LEAVE and free(lanes):
            court.blame("G3", f"{item.id} leaves {plc} alone, though others to its addressee come and {name} has a free cell")


def _free_cells(court: Court, plc: str) -> int:
    """How many cells of a case rack a set could have."""
    assert court.hall is not None
    places = court.machines[plc].places
    numbers = [number for number in range(1, court.hall.case_racks[plc].cells + 1) if not places.get(number)]
    cells = [court.cells.get(f"cell/{plc}/{number}") for number in numbers]
    return sum(each is None or not (each.case or each.items or each.suspect or each.release) for each in cells)


def cell_reserved(court: Court, bench: Bench, name: str, plc: str, number: int) -> None:
    """A scanned letter takes no cell from a case, and none of the last that are free; one that another set kept it may take."""
    taken_from = bench.before_cells.get(f"cell/{plc}/{number}")
    if bench.name != "Scanned" or court.hall is None or plc not in court.hall.case_racks:
        return
    if taken_from is not None and taken_from not in court.sets:
        court.blame("B1", f"letters {name} get cell {number} of {plc}, which was that of case {taken_from}")
    elif taken_from is None and _free_cells(court, plc) <= court.hall.case_racks[plc].cells // _LEAVE:
        court.blame("B1", f"letters {name} get cell {number} of {plc}, one of the last, which are for cases")


def against(court: Court, job: Job) -> list[tuple[str, str]]:
    """What is against a pouch with letters of a set: another addressee, or a secure class."""
    if job.expected.together not in court.sets or not job.others:
        return []
    found = []
    if len({kin_of(item) for item in (*job.wanted, *job.inside)}) != 1:
        found.append(("B1", f"with letters to several addressees: {[item.id for item in job.wanted]}"))
    classes = court.hall.classes if court.hall is not None else {}
    if any(item.line is not None and item.line[1] in classes and classes[item.line[1]].secure for item in job.inside):
        found.append(("R8", "with a document of a secure class among letters"))
    return found


def after_tick(court: Court, bench: Bench) -> None:
    """Whoever is absent when the time of a set is over is left behind, but for who stands before the rack."""
    for _, name, due_us in bench.said.get("CaseDueSet", ()):
        cell = next((place for place, each in court.cells.items() if each.case == name), "")
        if name not in court.sets or not cell or not due_us:
            continue
        away = [item.id for item in _other_members(court, name, None) if item.place != cell]
        if any(not _stands_before(court, court.items[each], (cell.split("/")[1],)) for each in away):
            court.blame("B2", f"the time of set {name} is over, and it waits for {away}")

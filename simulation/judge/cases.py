"""
Cases: cells of the case racks, and parcels of several documents (B1, B2, B4, B6, E12).

A cell is one case's. It is laid out for a bagger only when all documents of its case are in it, or were laid out before, or when
the case is overdue and is split in so many words. What is laid out is one parcel: the set fed is the set expected, of one case.
"""

from __future__ import annotations

from typing import Final

from simulation.judge import counters, letters
from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Cell, Court, Item, Job, is_masked, kind_of

_EXECUTE: Final = 6
_NOTHING_THERE: Final = 8
RULE: Final = "case"
"""The rule of a document that goes to a case rack, or cannot."""

_LEFT: Final = frozenset({"pack", "rack", "bag", "dispatched"})
_MINUTE_US: Final = 60_000_000


def case_of(item: Item) -> str:
    """The case that an item belongs to, or its set of letters, "" none; one of a single document is no case."""
    return item.together or announced_case(item)


def announced_case(item: Item) -> str:
    """The case of an item by its manifest, "" none."""
    return str(item.line[6]) if item.line is not None and item.line[7] > 1 else ""


def size_of(court: Court, case: str, mine: list[Item]) -> int:
    """How many documents a case has: of a set of letters as many as are of it still."""
    if case in court.sets:
        return len(mine)
    return int(mine[0].line[7]) if mine and mine[0].line is not None else 0


def members(court: Court, case: str) -> list[Item]:
    """The announced documents that a case is made of: none that was taken back or is made anew."""
    return [item for item in court.cases.get(case, ()) if not item.withdrawn and item.place not in ("returned", "remade")]


def announced(court: Court, bench: Bench, item: Item) -> None:
    """B1: the documents of a case agree in size, destination and service, and are not more than it has."""
    case = case_of(item)
    if not case:
        return
    others = members(court, case)
    court.cases.setdefault(case, []).append(item)
    if court.hall is None or not court.hall.case_racks or item.line is None:
        return
    for other in others:
        assert other.line is not None
        if [other.line[place] for place in (4, 5, 7)] + other.line[9:] != [item.line[place] for place in (4, 5, 7)] + item.line[
            9:
        ]:
            court.blame("B1", f"{item.id} joins case {case} and differs from {other.id} in destination, service or size")
            return
    if len(others) >= item.line[7]:
        court.blame("B2", f"{item.id} joins case {case}, which has its {item.line[7]} documents")


def shares(court: Court, item: Item, waybill: str) -> bool:
    """Whether a waybill is that of another document of the same case, whose parcel it is."""
    owner = court.waybills[waybill]
    return court.hall is not None and bool(court.hall.case_racks) and case_of(item) == case_of(owner) != ""


def _cell(court: Court, plc: str, number: int) -> Cell:
    return court.cells.setdefault(f"cell/{plc}/{number}", Cell())


def _runs(court: Court, plc: str, what: str) -> None:
    machine = court.machines[plc]
    if not machine.up or machine.state != _EXECUTE:
        court.blame("E6", f"{plc} is asked to {what}, but it cannot be heard or does not run")


# --- cells -----------------------------------------------------------------------------------------------------------


def cell_reserved(court: Court, bench: Bench, fact: Said) -> None:
    """A free cell becomes a case's, which has no other."""
    _, case, plc, number = fact
    cell = _cell(court, plc, number)
    if case in court.sets:
        letters.cell_reserved(court, bench, case, plc, number)
    if court.hall is None or plc not in court.hall.case_racks or not 1 <= number <= court.hall.case_racks[plc].cells:
        court.blame("B1", f"case {case} gets cell {number} of {plc}, which does not exist")
    if cell.case or cell.items or cell.suspect or cell.release:
        court.blame("B1", f"case {case} gets cell {number} of {plc}, which is not free ({cell.case or cell.suspect})")
    if any(each.case == case for each in court.cells.values()):
        court.blame("B1", f"case {case} gets a second cell, {number} of {plc}")
    cell.case = case


def cell_freed(court: Court, bench: Bench, fact: Said) -> None:
    """An empty cell is taken from its case."""
    _, case, plc, number = fact
    cell = _cell(court, plc, number)
    if cell.case != case or cell.items or cell.release:
        court.blame("B1", f"cell {number} of {plc} is taken from case {case}: it is {cell.case!r}'s and holds {len(cell.items)}")
    bench.before_cells[f"cell/{plc}/{number}"] = case
    court.due.pop(case, None)
    cell.case = ""


def routed(court: Court, item: Item, plc: str, group: str) -> None:
    """A document of a case goes to the rack where its case has its cell."""
    here = [place for place, cell in court.cells.items() if cell.case and cell.case == case_of(item)]
    if not here or here[0].split("/")[1] != group:
        court.blame("B1", f"{item.id} is sent to {group} from {plc}, and case {case_of(item)!r} has no cell there: {here}")


def store_begun(court: Court, bench: Bench, fact: Said) -> None:
    """A rack that runs and has nothing in hand takes the first of a lane before it, into the cell of its case."""
    _, plc, number, name, infeed, cell, reason = fact
    item = court.item(name, "StoreBegun")
    _runs(court, plc, "store")
    if plc in court.storing:
        court.blame("B3", f"{plc} is asked to store {name}, and has job {court.storing[plc][0]} in hand")
    if item is not None:
        court.storing[plc] = (number, item, cell, item.place)
        if court.hall is not None and not court.hall.stands_before(item.place, plc, infeed):
            court.blame("B4", f"{plc} is to take {name} from infeed {infeed}, but it is in {item.place}")
        if cell and (not case_of(item) or _cell(court, plc, cell).case != case_of(item)):
            court.blame("B1", f"{name} of case {case_of(item)!r} is to go into cell {cell} of {plc}, not its own")
        if cell and (item.suspect or item.withdrawn or _cell(court, plc, cell).suspect or _cell(court, plc, cell).release):
            court.blame("B6", f"{name} is to go into cell {cell} of {plc}, though one of the two may not be trusted")
    if bool(cell) == bool(reason):
        court.blame("A2", f"{name} is to go into cell {cell} of {plc} for {reason!r}")
    bench.orders[plc, number] = ("Store", infeed, cell)


def store(court: Court, bench: Bench, command: Said) -> None:
    """A rack is asked for what was begun."""
    name, plc, number, infeed, cell = command
    if bench.orders.pop((plc, number), None) != (name, infeed, cell):
        court.blame("E9", f"{plc} is asked {command}, which this record does not announce")


def document_stored(court: Court, bench: Bench, fact: Said) -> None:
    """A document is in a cell as it was read there; proven only if it was, and the cell is its case's."""
    _, plc, number, name, cell, matched, reason = fact
    item = court.item(name, "DocumentStored")
    job = court.storing.pop(plc, None)
    if job is None or job[0] != number:
        court.blame("B4", f"{name} is stored by job {number} of {plc}, which is not open")
    bench.taken_from = job[3] if job is not None else ""
    if matched != (not reason):
        court.blame("B4", f"{name} is stored by job {number} of {plc}: matched {matched}, reason {reason!r}")
    if item is None or bench.name != "Stored":
        return
    _, _, _, _, told, at, outcome, count, code = bench.happened
    if (told, at) != (number, cell):
        court.blame("B4", f"{name} is stored in cell {cell} of {plc}, but {bench.happened} was said")
    if code and not outcome and not is_masked(code) and code not in (item.id, item.code):
        court.blame("B4", f"{code} was read at {plc}, yet {name} is said to be stored")
    if not cell:
        return
    held = _cell(court, plc, cell)
    if matched and (outcome or code != item.code or item.suspect or held.case != case_of(item) or not held.case):
        court.blame("B4", f"{name} counts as proven in cell {cell} of {plc} of case {held.case!r}, and is not")
    elif not matched or count != len(held.items) + 1:
        bench.cells.append((held, f"{name} came into cell {cell} of {plc}: {reason or 'count'}"))


def store_abandoned(court: Court, bench: Bench, fact: Said) -> None:
    """Nothing was stored."""
    _, plc, number, name, _ = fact
    job = court.storing.pop(plc, None)
    if job is None or job[0] != number or job[1].id != name:
        court.blame("B3", f"job {number} of {plc} is abandoned, which is not open")
    elif bench.name == "CommandEnded" and bench.happened[5] == _NOTHING_THERE and kind_of(job[1].place) == "lane":
        bench.gone.append((job[1], job[1].place))


def enter_cell(court: Court, bench: Bench, item: Item, source: str, target: str) -> None:
    """Only a rack that says so puts something into a cell."""
    plc, number = target.split("/")[1], int(target.split("/")[2])
    at = bench.happened[5] if bench.name == "Stored" else number
    if (bench.plc, at) != (plc, number):
        court.blame("B4", f"{item.id} enters {target}, but it was {bench.plc} that stored something, in cell {at}")
    if bench.name == "Stored" and source == bench.taken_from and source in court.in_lane:
        first = next(iter(court.in_lane[source]), item)
        if first is not item:
            court.blame("A9", f"{item.id} is stored from {source}, and {first.id}, which came before it, is not missed")
    _cell(court, plc, number).items[item] = None


def leave_cell(court: Court, item: Item, source: str) -> None:
    """It is there no more."""
    court.cells.setdefault(source, Cell()).items.pop(item, None)


def cell_suspected(court: Court, bench: Bench, fact: Said) -> None:
    """What is in a cell goes to the hand station."""
    _, plc, number, case, reason = fact
    cell = _cell(court, plc, number)
    if cell.suspect:
        court.blame("B6", f"cell {number} of {plc} is suspect ({cell.suspect}) and suspected again; the first reason stands")
    if cell.case != case:
        court.blame("B1", f"cell {number} of {plc} is suspected as that of {case!r}, it is {cell.case!r}'s")
    cell.suspect = cell.suspect or reason or "suspected"
    counters.suspected(court, bench, f"cell/{plc}/{number}", reason)


# --- emptying --------------------------------------------------------------------------------------------------------


def release_begun(court: Court, bench: Bench, fact: Said) -> None:
    """B2: a bagger gets a case that is complete, or is split; whatever is suspect goes to the hand station."""
    _, plc, number, at, outlet, case, reason = fact
    cell = _cell(court, plc, at)
    _runs(court, plc, "release")
    where = f"cell {at} of {plc}"
    if cell.release:
        court.blame("B3", f"{where} is to be emptied by job {number}, and is being emptied by {cell.release}")
    if case != cell.case:
        court.blame("B1", f"{where} is emptied as that of case {case!r}, it is {cell.case!r}'s")
    if outlet:
        _judge_laid_out(court, bench, cell, where, reason)
        lane = f"lane/{plc}/{outlet}"
        if court.hall is None or lane not in court.hall.outlets:
            court.blame("B4", f"{where} is emptied into outlet {outlet}, which does not exist")
        if court.in_lane.get(lane) or any(
            (each.outlet, each.rack) == (outlet, plc) and each.release for each in court.cells.values()
        ):
            court.blame("B1", f"{where} is emptied into outlet {outlet}, where another case is")
    elif not cell.suspect:
        court.blame("B2", f"{where} goes to the hand station, though nothing is against it")
    counters.to_be_emptied(court, f"cell/{plc}/{at}", cell)
    cell.release, cell.outlet, cell.rack, cell.reason = number, outlet, plc, reason
    bench.orders[plc, number] = ("Release", at, outlet)


def _judge_laid_out(court: Court, bench: Bench, cell: Cell, where: str, reason: str) -> None:
    if cell.suspect:
        court.blame("B6", f"{where} is laid out for a bagger, and is suspect: {cell.suspect}")
    if not cell.items or any(case_of(item) != cell.case for item in cell.items):
        court.blame("B1", f"{where} is laid out with {[item.id for item in cell.items]}, not of case {cell.case!r} alone")
    mine = members(court, cell.case)
    size = size_of(court, cell.case, mine)
    there = [item for item in mine if item in cell.items or has_left(court, item)]
    if reason == "complete":
        if len(there) != size:
            court.blame("B2", f"{where} is laid out as complete, {len(there)} of {size} documents are there")
    elif reason != "part" or cell.case not in court.overdue:
        court.blame("B2", f"{where} is laid out for {reason!r}, and its case is not overdue")
    elif not any(
        fact[1] == cell.case and fact[3] == [item.id for item in cell.items] for fact in bench.said.get("CaseSplit", ())
    ):
        court.blame("B2", f"{where} is laid out in part, and nobody says what is in that part")


def has_left(court: Court, item: Item) -> bool:
    """Whether it left its cell for a parcel; a suspect one is to come back."""
    return (kind_of(item.place) in _LEFT and not item.suspect) or (court.hall is not None and item.place in court.hall.outlets)


def release(court: Court, bench: Bench, command: Said) -> None:
    """A rack is asked for what was begun."""
    name, plc, number, cell, outlet = command
    if bench.orders.pop((plc, number), None) != (name, cell, outlet):
        court.blame("E9", f"{plc} is asked {command}, which this record does not announce")


def cell_released(court: Court, bench: Bench, fact: Said) -> None:
    """What was in a cell is where the rack says, and the cell is nobody's; what was counted otherwise is not trusted."""
    _, plc, number, at, outlet, case, items, reason = fact
    place = f"cell/{plc}/{at}"
    if place not in court.cells:
        court.blame("A3", f"{place} is released, and is empty and nobody's already")
    cell = court.cells.pop(place, Cell())
    if cell.items:
        court.blame("A1", f"{place} is released, and {[item.id for item in cell.items]} stay in it")
    counters.emptied(court, bench, place, cell, len(items))
    if bench.name == "Released":
        _, _, _, _, told, told_at, told_outlet, count = bench.happened
        if (told, told_at, told_outlet) != (number, at, outlet):
            court.blame("B4", f"{place} is emptied into outlet {outlet} by job {number}, but {bench.happened} was said")
        if count != len(items) and not reason:
            court.blame("B6", f"{place} is emptied, {count} documents passed, {len(items)} were in it, and nothing is wrong")
    lane = f"lane/{plc}/{outlet}"
    if outlet and court.hall is not None and lane in court.hall.outlets:
        court.laid[lane] = list(items)
        for name in items:
            item = court.items.get(name)
            if item is not None and item.place != lane:
                court.blame("A1", f"{name} was laid out at {lane}, and its place is {item.place}")
            if item is not None and reason and not item.suspect:
                court.blame("B6", f"{name} was laid out at {lane} though {reason}, and is not suspect")
    court.overdue.discard(case)
    court.due.pop(case, None)


def release_ended(court: Court, bench: Bench, fact: Said) -> None:
    """A cell was not emptied."""
    _, plc, number, at, _ = fact
    cell = _cell(court, plc, at)
    if cell.release != number:
        court.blame("B3", f"job {number} of {plc} ends, which does not empty cell {at}")
    cell.release = 0


def lost_memory(court: Court, plc: str) -> None:
    """E12: the rack knows nothing more; each cell that may hold something is suspect."""
    for place, cell in court.cells.items():
        if place.split("/")[1] == plc and not cell.suspect and cell.items:
            court.blame("E12", f"{plc} lost its memory, and {place} with {[item.id for item in cell.items]} is still trusted")
        if place.split("/")[1] == plc and cell.release:
            court.blame("E12", f"{plc} lost its memory, and {place} is still being emptied")
    if plc in court.storing:
        court.blame("E12", f"{plc} lost its memory, and job {court.storing[plc][0]} goes on")


def missed_events(court: Court, bench: Bench, plc: str) -> None:
    """B6: what the rack did meanwhile is not known; each cell that holds something is suspect at the end of this record."""
    for place, cell in court.cells.items():
        if place.split("/")[1] == plc and cell.items:
            bench.cells.append((cell, f"events of {plc} are missing"))


def after_cells(court: Court, bench: Bench) -> None:
    """At the end of a record: what must be suspect is, and what was sought in vain is missed."""
    for cell, why in bench.cells:
        if not cell.suspect and cell.items:
            court.blame("B6", f"the cell of case {cell.case!r} is still trusted, though {why}")
    for item, place in bench.gone:
        if item.place == place:
            court.blame("A9", f"{item.id} was sought at {place} in vain, and is still there in the books")


def after_stored(court: Court, bench: Bench) -> None:
    """A document that was stored is somewhere, and its command answered."""
    job = court.storing.get(bench.plc)
    if job is not None and job[0] == bench.happened[4] and "DocumentStored" not in bench.said:
        court.blame("B4", f"{bench.plc} stored something for job {job[0]}, which is open, and is not believed")
    for _, plc, _, name, number, matched, _ in bench.said.get("DocumentStored", ()):
        place, item = f"cell/{plc}/{number}", court.items.get(name)
        if item is not None and item.place != place and (item.place != "hand" or (matched and number)):
            court.blame("A1", f"{name} was stored in {place}, and is in {item.place} by the books")
    _answered(court, bench)


def after_released(court: Court, bench: Bench) -> None:
    """A cell that was emptied is empty, and its command answered."""
    cell = court.cells.get(f"cell/{bench.plc}/{bench.happened[5]}")
    if cell is not None and cell.release and cell.release == bench.happened[4]:
        court.blame("B4", f"{bench.plc} emptied cell {bench.happened[5]} for job {cell.release}, and is not believed")
    _answered(court, bench)


def _answered(court: Court, bench: Bench) -> None:
    number = bench.happened[4]
    command = court.machines[bench.plc].asked.get(number)
    fresh = any(each[1:3] == [bench.plc, number] for each in bench.commands)
    if "EventSetAside" not in bench.said and command is not None and command[0] in ("Store", "Release") and not fresh:
        court.blame("E9", f"{command[0]} {number} of {bench.plc} was carried out, and is still open")


# --- time ------------------------------------------------------------------------------------------------------------


def case_due_set(court: Court, bench: Bench, fact: Said) -> None:
    """The others are due at the manifest's time, or as long after as the case's type says."""
    _, case, due_us = fact
    if case in court.sets:
        letters.due_set(court, bench, case, due_us)
        return
    court.due[case] = due_us
    kind = court.hall.case_type(case) if court.hall is not None else None
    announced_us = [item.line[8] for item in court.cases.get(case, ()) if item.line is not None and item.line[8]]
    wanted = [min(announced_us)] if announced_us and min(announced_us) > bench.at_us else []
    if not wanted and kind is not None:
        wanted = [bench.at_us + kind.wait_minutes * _MINUTE_US]
    if due_us and due_us not in wanted:
        court.blame("B2", f"case {case} is due at {due_us}, by its manifests and its type at {wanted}")


def case_overdue(court: Court, bench: Bench, fact: Said) -> None:
    """Documents are missing, at the due time, and what the case's type says happens."""
    _, case, policy, missing, items = fact
    kind = court.hall.case_type(case) if court.hall is not None else None
    if policy != (kind.policy if kind is not None else "wait"):
        court.blame("B2", f"case {case} is overdue and shall {policy}, its type says otherwise")
    if bench.at_us < court.due.get(case, 0):
        court.blame("T2", f"case {case} is called overdue {court.due[case] - bench.at_us} us before its time")
    mine = members(court, case)
    own = next((place for place, cell in court.cells.items() if cell.case == case), "")
    away = [item.id for item in mine if not has_left(court, item) and item.place != own]
    size = mine[0].line[7] if mine and mine[0].line is not None else missing
    if items != away or missing != size - (len(mine) - len(away)):
        court.blame("B2", f"case {case} is said to miss {missing} and {items}, counted {away} of {size}")
    if policy == "part_ship":
        court.overdue.add(case)


# --- parcels ---------------------------------------------------------------------------------------------------------


def job_joined(court: Court, bench: Bench, fact: Said) -> None:
    """B1: one more document is expected in a pouch: of the same case, and laid out at the same outlet."""
    _, plc, number, name = fact
    job = court.machines[plc].jobs.get(number)
    item = court.item(name, "JobJoined")
    if job is None or item is None or (plc, number) not in bench.orders:
        court.blame("B3", f"{name} joins job {number} of {plc}, which this record does not begin")
        return
    if item.place != job.place or item in job.wanted or item.awaited is not None:
        court.blame("B3", f"{name} joins job {number} of {plc}, but it is in {item.place}, the others in {job.place}")
    if not item.suspect and (not case_of(item) or case_of(item) != case_of(job.expected)):  # what is suspect is put out
        court.blame("B1", f"{name} of case {case_of(item)!r} joins job {number} of {plc} for case {case_of(job.expected)!r}")
    job.others.append(item)
    item.awaited = job
    name_, infeed, count, pouch, waybill = bench.orders[plc, number]
    bench.orders[plc, number] = (name_, infeed, count + 1, pouch, waybill)


def against(court: Court, job: Job) -> list[tuple[str, str]]:
    """What is against a pouch of several documents, or of what a case rack laid out, besides what is against any."""
    found = letters.against(court, job)
    cases = {case_of(item) for item in job.inside}
    if job.others and (len(cases) != 1 or "" in cases):
        found.append(("B1", f"with documents of cases {sorted(cases)}"))
    if job.laid is not None and sorted(item.id for item in job.wanted) != sorted(job.laid):
        found.append(("B2", f"with {[item.id for item in job.wanted]}, a case rack laid out {job.laid}"))
    return found


def parcel_proven(court: Court, bench: Bench, fact: Said) -> None:
    """B2: what the proof lists is what was fed, and was sealed soundly in this record."""
    _, _, _, waybill, case, _, items = fact
    parcel = next((each for each in bench.sealed if each.waybill == waybill and each.sound), None)
    if parcel is None:
        court.blame("B2", f"parcel {waybill} is proven, and no sound one of that number was sealed in this record")
    elif items[:1] != [parcel.item.id] or sorted(items) != sorted(item.id for item in parcel.documents):
        court.blame("B2", f"parcel {waybill} is proven with {items}, in it are {[item.id for item in parcel.documents]}")
    elif any(case_of(item) != case for item in parcel.documents):
        court.blame("B1", f"parcel {waybill} is proven for case {case}, not all in it is of that case")


def after_proven(court: Court, bench: Bench) -> None:
    """A sound parcel of what a case rack laid out comes with its proof."""
    proven = [fact[3] for fact in bench.said.get("ParcelProven", ())]
    for parcel in bench.sealed:
        if parcel.sound and (parcel.laid_out or len(parcel.documents) > 1) and parcel.waybill not in proven:
            court.blame("B2", f"parcel {parcel.waybill} holds {len(parcel.documents)} documents, and is not proven")

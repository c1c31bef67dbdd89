"""
Counters of the cells of case racks: what is emptied because of a count, and when that has an end (B6).

    B6  an emptying that counted more than the books had in the cell leaves it in doubt: `left_in_cell`; the next one
        `still_counts`; the one after `cell_counter`, each if it counted something though the books had nothing there
        a cell that counted fewer, or that was in doubt for the count after a document was stored, and was emptied of what the
        books had, is in doubt for `counts_differ`; if it is empty then, it is `cell_counter`, and `still_counts` if not
        one that is `cell_counter` and empty by the books is emptied only if its rack stopped, began anew or was not heard since,
        and then it is to be; it is free only once it was emptied and counted nothing
"""

from __future__ import annotations

from typing import Final

from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Cell, Court

COUNTER: Final = "cell_counter"
_DIFFER: Final = "counts_differ"
_STEPS: Final = ("left_in_cell", "still_counts", COUNTER)


def emptied(court: Court, bench: Bench, place: str, cell: Cell, items: int) -> None:
    """A cell was emptied: by what was counted its doubt at the end of the record is known."""
    court.anew.discard(place)
    if bench.name == "Quarantined" and cell.suspect == COUNTER:  # nobody knows what it counted
        bench.counted.append((place, COUNTER))
    elif bench.name == "Released" and bench.happened[7] < items:
        court.miscounts[place] = 1
        bench.counted.append((place, _DIFFER))
    elif bench.name == "Released" and bench.happened[7] > items:
        times = court.miscounts[place] = 1 + (0 if items else court.miscounts.get(place, 0))
        bench.counted.append((place, _STEPS[min(times, len(_STEPS)) - 1]))
    elif bench.name == "Released" and items and cell.suspect in ("cell_count", _DIFFER):
        court.miscounts[place] = 1
        bench.counted.append((place, _DIFFER))
    elif bench.name != "Quarantined" and not items and cell.suspect == _DIFFER:
        court.miscounts[place] = len(_STEPS)
        bench.counted.append((place, COUNTER))
    else:
        court.miscounts.pop(place, None)
        bench.counted.append((place, ""))


def suspected(court: Court, bench: Bench, place: str, reason: str) -> None:
    """For such a reason only where a cell was emptied."""
    if reason in (*_STEPS, _DIFFER) and place not in (each for each, _ in bench.counted):
        court.blame("B6", f"{place} is suspect for {reason}, and it is not emptied in this record")


def to_be_emptied(court: Court, place: str, cell: Cell) -> None:
    """Whose counter is broken is left alone while the books have nothing in it."""
    if _is_broken(cell) and place not in court.anew:
        court.blame("B6", f"{place} counts what cannot be, holds nothing by the books, and is emptied again")


def tried_anew(court: Court, bench: Bench, fact: Said) -> None:
    """A cell whose counter is broken is to be emptied once more."""
    place = f"cell/{fact[1]}/{fact[2]}"
    if place in court.anew or not _is_broken(court.cells.get(place, Cell())):
        court.blame("B6", f"{place} is to be tried anew, and its counter was not doubted, or it is to be already")
    court.anew.add(place)


def may_be_mended(bench: Bench, plc: str, why: str) -> None:
    """The rack stopped, began anew, or was not heard: at the end of the record each such cell is to be tried anew."""
    bench.tried.append((plc, why))


def after_record(court: Court, bench: Bench) -> None:
    """What was counted has its doubt, and what may have been mended is tried."""
    for place, expected in bench.counted:
        seen = court.cells[place].suspect if place in court.cells else ""
        if seen != expected:
            court.blame("B6", f"{place} was emptied by {bench.happened} and is in doubt for {seen!r}, expected {expected!r}")
    for _, plc, number, why in bench.said.get("CellTriedAnew", ()):
        if (plc, why) not in bench.tried:
            court.blame("B6", f"cell {number} of {plc} is to be tried anew for {why}, of which this record does not tell")
    emptied_now = {place for place, _ in bench.counted}
    racks = {plc for plc, _ in bench.tried}
    for place, cell in court.cells.items() if racks else ():
        _, plc, number = place.split("/")
        rack = court.hall.case_racks.get(plc) if court.hall is not None else None
        here = plc in racks and rack is not None and int(number) <= rack.cells
        if here and _is_broken(cell) and place not in court.anew and place not in emptied_now:
            court.blame("B6", f"{plc} stopped or may have, and {place} is not tried anew")


def broken(court: Court) -> set[str]:
    """The cells of the hall whose counters are not believed, as PLC/NUMBER."""
    racks = court.hall.case_racks if court.hall is not None else {}
    found = (place.split("/") for place, cell in court.cells.items() if cell.suspect == COUNTER)
    return {f"{plc}/{number}" for _, plc, number in found if plc in racks and int(number) <= racks[plc].cells}


def _is_broken(cell: Cell) -> bool:
    return cell.suspect == COUNTER and not cell.items

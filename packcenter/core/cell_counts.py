"""
What a case rack counts in its cells, against our books and against itself: whether a cell's counter is believed.

A cell that was emptied of another number of documents than our books had in it is emptied once more, to the hand station: what
stuck comes out then, and is counted; so it is emptied a last time, which must count nothing. One that our books hold empty and
that counts something twice running has a counter that is broken, or something sticks in it.

So has a cell that is found empty although there should be something left: fewer came out of it than our books had in it, or
another number was counted when a document was stored than came out. One of its counts was wrong, and its next case would end at
the hand station, too.

    more came out      -> left_in_cell  -> nothing: free             something -> still_counts -> nothing: free
    fewer, or another  -> counts_differ -> nothing: cell_counter     something -> still_counts -> something: cell_counter

Such a cell stays in doubt, is no case's, and is left alone: emptying it for ever would wear the machine and tell nobody. An
alarm tells. People look into it, mend it, and stop and start the rack; so each time that the rack was stopped, held or aborted,
began a new life, or may have done so unheard, the cell is emptied once more, and free if that counts nothing.
Whatever our books have in it is emptied at any time: it is only left alone while they have nothing there.
"""

from __future__ import annotations

from packcenter.core.case_facts import CellTriedAnew
from packcenter.core.records import Cell
from packcenter.core.turn import Turn

COUNT = "cell_count"
"""It counted another number after a document was stored."""

DIFFERS = "counts_differ"
"""It was emptied of fewer documents than our books had in it, or of just as many, and had counted another number before."""

LEFT = "left_in_cell"
"""It was emptied of more documents than our books had in it."""

STILL = "still_counts"
"""Our books had nothing in it, it was emptied because something may be left, and something was."""

COUNTER = "cell_counter"
"""Its counts cannot be: it is emptied no more before somebody may have mended it."""

_NEXT = {DIFFERS: STILL, LEFT: STILL, STILL: COUNTER, COUNTER: COUNTER}


def doubt_after(cell: Cell, counted: int) -> str:
    """Why a cell is in doubt once it was emptied, by what the rack counted on the way out; "" if nothing is left to doubt."""
    held = len(cell.items)
    if not held:
        return _NEXT.get(cell.suspect, LEFT) if counted else COUNTER if cell.suspect == DIFFERS else ""
    if counted == held:
        return DIFFERS if cell.suspect in (COUNT, DIFFERS) else ""
    return LEFT if counted > held else DIFFERS


def is_left_alone(cell: Cell) -> bool:
    """Whether a cell is not emptied by itself: its counter is broken, and there is nothing in it by our books."""
    return cell.suspect == COUNTER and not cell.items and not cell.anew


def try_anew(turn: Turn, plc: str, reason: str) -> None:
    """The rack stopped, or may have: people may have mended the counters of its cells, so each is emptied once more."""
    for place, number in turn.index.cells.get(plc, ()):
        if is_left_alone(turn.state.cells[place]):
            turn.emit(CellTriedAnew(plc, number, reason))

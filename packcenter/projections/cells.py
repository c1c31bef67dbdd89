"""What a case rack 合包架 has in each of its cells, in the words of people who stand before it."""

from __future__ import annotations

from typing import Final

from packcenter.core.case_cells import is_live, is_packed
from packcenter.core.records import Case, Cell, Item, State, cell_place

CELL_WORDS: Final = ("free", "closed", "reserved", "gathering", "emptying", "suspect")
"""What a cell can be: `closed` is a free one that its machine has closed, `suspect` in doubt, also while it is being emptied."""


def cell_word(cell: Cell | None, *, barred: bool) -> str:
    """What a cell is, one of `CELL_WORDS`; `barred`: its machine has it full, closed or jammed."""
    if cell is not None:
        if cell.suspect:
            return "suspect"
        if cell.release:
            return "emptying"
        if cell.items:
            return "gathering"
        if cell.case:
            return "reserved"
    return "closed" if barred else "free"


def words_of(state: State, plc: str, count: int) -> list[str]:
    """What each cell of a rack is, from number 1 up."""
    barred = state.plcs[plc].places if plc in state.plcs else {}
    return [cell_word(state.cells.get(cell_place(plc, number)), barred=number in barred) for number in range(1, count + 1)]


def cells_of(state: State, plc: str, count: int) -> list[tuple[str, int, int]]:
    """(word, documents in it, documents that its case has in it when it is whole) of each cell of a rack, from number 1 up."""
    found = []
    for number, word in enumerate(words_of(state, plc, count), 1):
        cell = state.cells.get(cell_place(plc, number))
        items = len(cell.items) if cell is not None else 0
        case = state.cases.get(cell.case) if cell is not None else None
        found.append((word, items, max(items, _whole(state, case, plc) if case else 0)))
    return found


def _whole(state: State, case: Case, plc: str) -> int:
    """How many documents are in the cell when nothing of the case is missing: all of it but what left before."""
    live = sum(is_live(state.items[name]) for name in case.items)
    left = sum(is_live(state.items[name]) and _has_left(state.items[name], plc) for name in case.items)
    return (case.size or live) - left


def _has_left(item: Item, plc: str) -> bool:
    return is_packed(item) or item.place.startswith(f"lane/{plc}/")

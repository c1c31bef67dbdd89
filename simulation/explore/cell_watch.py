"""
Cells of case racks at rest: which may stay in doubt, and that none does without a reason.

A cell that our books hold empty and whose counter is not believed is left alone until its rack has stopped. So a hall may rest
with one; but only in a run in which a counter broke, or documents stick in cells again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from packcenter.core.records import Cell
from packcenter.core.state import State
from simulation.explore.options import Options

NAME: Final = "breaks_cell_counter"
"""The class of faults in which the counter of a cell breaks."""

_REASONS: Final = (NAME, "act_leaves_one_in_its_cell", "act_leaves_one_unseen")


def is_left_alone(cell: Cell) -> bool:
    """Whether nothing more happens to a cell by itself, though it is in doubt."""
    return cell.suspect == "cell_counter" and not (cell.items or cell.release or cell.case or cell.anew)


def to_be_emptied(state: State) -> list[str]:
    """Cells that a hall at rest has not."""
    return [place for place, cell in state.cells.items() if cell.release or (cell.suspect and not is_left_alone(cell))]


def needlessly_left(state: State, options: Options) -> Iterator[str]:
    """Cells that are left alone in a run in which every cell counts right."""
    if not any(options.has(name) for name in _REASONS):
        yield from (place for place, cell in state.cells.items() if is_left_alone(cell))

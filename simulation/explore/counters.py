"""
The counter of a cell of a case rack breaks, or of all its cells: it counts more than there is, or fewer, for a while or for good.
"""

from __future__ import annotations

from typing import Final

from simulation.clock import FAULT
from simulation.draws import Stream
from simulation.explore.cell_watch import NAME
from simulation.explore.striking import SECOND, Fault
from simulation.explore.world import World
from simulation.mischief.act import can_tell

_HOW: Final = ((1, 1), (0, 1), (1, 0), (2, 1), (-1, -1), (0, -1))
"""How many too many it counts after a document was stored, and on the way out."""

_TOGETHER: Final = 4
"""One in so many, and more where they strike hard, is the eye that all cells of a rack have in common."""

_FOR_GOOD: Final = 3
"""One in so many is never mended, also when all else is healed: the hall must come to rest with it."""


def _break(world: World, stream: Stream, hard: int) -> str | None:
    racks, drawn, first, second, how = world.plant.case_racks, *(stream.below(1 << 16) for _ in range(4))
    lasts, us, stop_us = stream.below(_FOR_GOOD) == 0, SECOND * stream.between(2, 60), SECOND * stream.between(1, 8)
    if not racks:
        return None
    rack = racks[drawn % len(racks)]
    together = drawn // len(racks) % _TOGETHER < hard
    cell = 1 + min(first % len(rack.cells), second % len(rack.cells))  # the first ones are used most
    stored, released = _HOW[how % len(_HOW)]
    cells = list(rack.cells) if together else [cell]

    def count(stored: int, released: int) -> None:
        for each in cells:
            rack.miscount(each, stored, released)

    count(stored, released)

    def mend(_: None) -> None:
        """Somebody mends it, and mostly stops the rack and starts it, as the alarm says."""
        world.flush()
        count(0, 0)
        if stop_us > 2 * SECOND and can_tell(world.plcs, rack):
            rack.stop_by_hand(stop_us)
        world.settle()

    if not lasts:
        world.clock.at(us, FAULT, mend, None)
    told = "for good" if lasts else f"for {us // SECOND} s"
    what = "every cell" if together else f"cell {cell}"
    return f"{what} of {rack.name} counts {stored} too many when filled and {released} when emptied, {told}"


COUNTER_FAULTS: Final[tuple[Fault[World], ...]] = (Fault(NAME, "line", 30 * SECOND, _break),)
"""They came when seeds were known by their number: `swarm` draws them behind all others."""

"""Which example day a hall has: that of the agencies whose documents it takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from packcenter.core.hall import Hall
from simulation import centre, demand, newborn
from simulation.demand import Row

AGENCIES: Final = tuple(dict.fromkeys(source.agency for source in (*demand.SOURCES, *centre.SOURCES)))
"""Everybody of whose documents a day may have another number."""


def example_rows(
    hall: Hall, seed: int, day: date, items: int | None = None, items_of: Mapping[str, int] | None = None
) -> list[Row]:
    """
    The rows of a hall's example day, in the order in which the items come.

    `items` for all together; as many as its kind of hall has on a day if it is not said. `items_of` for single agencies; then
    the others send what they always do. A hall of newborn cases has no other agencies, and takes no `items_of`.
    """
    if centre.fits(hall):
        return centre.centre_day(seed, day, items if items is not None else centre.ITEMS_A_DAY, items_of)
    if hall.case_racks:
        return newborn.newborn_day(seed, day, items if items is not None else newborn.ITEMS_A_DAY)
    sources = demand.instead(demand.SOURCES, items_of or {})
    if items_of:
        items = sum(source.items for source in sources)
    return demand.example_day(seed, day, items if items is not None else demand.ITEMS_A_DAY, sources)

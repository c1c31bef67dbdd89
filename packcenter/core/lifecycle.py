"""
The life of an item as a table: from which kind of place it may pass into which.

    agency -> expected -> belt -> lane -> pack -> rack -> bag -> dispatched
                           |      |  ^     |       |      |
                           |      v  |     |       |      |
                           |      cell     |       |      |
                           +-------+-------+-------+------+--> hand, lost -> belt again

A document of a case lies in a cell of a case rack until its case is complete; then the cell is laid out on a lane of the rack.

A document is where it was last read: any reading station may therefore take it over from `expected`, `hand`, `lost`
or an earlier station (it was carried there by hand). From the hand station it goes on by a person's verdict: onto a belt
again, back to its agency (`returned`), or to be made anew (`remade`). `dispatched`, `returned` and `remade` are final.
"""

from __future__ import annotations

from functools import lru_cache

NEXT_PLACES: dict[str, frozenset[str]] = {
    "agency": frozenset({"expected"}),
    "outside": frozenset({"belt", "pack", "hand", "cell"}),
    "expected": frozenset({"belt", "pack", "hand", "lost", "cell"}),
    "belt": frozenset({"lane", "hand", "lost", "pack", "cell"}),
    "lane": frozenset({"pack", "lost", "cell", "hand"}),
    "cell": frozenset({"lane", "hand", "lost", "pack"}),
    "pack": frozenset({"rack", "hand", "lost"}),
    "rack": frozenset({"bag", "hand", "lost"}),
    "bag": frozenset({"dispatched", "hand"}),
    "dispatched": frozenset(),
    "returned": frozenset(),
    "remade": frozenset(),
    "hand": frozenset({"belt", "pack", "outside", "returned", "remade", "cell", "lost"}),
    "lost": frozenset({"belt", "lane", "pack", "rack", "bag", "hand", "outside", "cell"}),
}
"""
From each kind of place, where custody may pass to. `hand` or `lost -> outside`: an unannounced object got its
announced identity.
"""

SOURCES = frozenset({"agency", "outside"})
"""Where items come from: balances that fall below zero by as much as there is in the hall."""

FINAL = ("dispatched", "returned", "remade")
"""Places that nothing leaves (A6)."""

IN_HALL = ("belt", "lane", "cell", "pack", "rack", "bag")
"""Kinds of place on the line, in the order of an item's life."""


@lru_cache(maxsize=1024)  # all lanes and a day's bags; every move asks for two kinds
def kind_of(place: str) -> str:
    """The kind of a place: `lane` of `lane/sorter-1/3`."""
    return place.partition("/")[0]

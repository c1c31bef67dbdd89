"""
Facts about sorters that are loops: items that go round, and new items that are kept out. `core.loops` has the rules.

They are facts like all others (`core.facts`), of a family of their own.
"""

from __future__ import annotations

import msgspec


class _LoopFact(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    pass


class WentRound(_LoopFact, frozen=True, tag=True, array_like=True, gc=False):
    """The item passed all diverters and goes round, for the `lap`-th time; `confirm_us` is when a scanner must have seen it."""

    item: str
    plc: str
    lap: int
    confirm_us: int


class InfeedHeld(_LoopFact, frozen=True, tag=True, array_like=True, gc=False):
    """New items are kept out of a loop with this many `items` on it (`held`), or let in again."""

    plc: str
    held: bool
    items: int

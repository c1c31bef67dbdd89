"""The fact about bag tags (`core.tags`), and what it and the opening of a bag change in the state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from packcenter.core.records import State

NAME_CHARACTERS = 23
"""Of an S9 tag so many are the name of its bag (`core.tags`)."""


def is_name(tag: str) -> bool:
    """Whether a bag's name is the beginning of an S9 tag; the centre's own tags have hyphens."""
    return len(tag) == NAME_CHARACTERS and "-" not in tag


class TagMade(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """The bag at a position is to be closed under this whole tag; `bag` is the name by which it is known."""

    bag: str
    position: int
    tag: str


def opened(state: State, name: str) -> None:
    """A bag was opened whose name is the beginning of an S9 tag: its despatch and receptacle are used."""
    state.despatches[name[:16]] = [int(name[16:20]), int(name[20:23]), 0]


def _made(state: State, at_us: int, fact: TagMade) -> None:
    bag = state.bags[fact.position]
    assert bag.tag == fact.bag == fact.tag[:23], (fact, bag)
    bag.printed = state.tags[fact.bag] = fact.tag
    series = state.despatches[fact.tag[:16]]
    if fact.tag[23] == "1" and series[:2] == [int(fact.tag[16:20]), int(fact.tag[20:23])]:
        series[2] = 1


EVOLVE: dict[type, Callable[[State, int, Any], None]] = {TagMade: _made}

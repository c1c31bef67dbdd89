"""
Integrity of a piece 完好性: is a document sound, spoilt, or does nobody know?

    good -> a machine put its pouch out, or its sealed parcel has to be opened -> unknown, or bad if the machine calls it so
    any  -> a person reports it damaged -> bad
    bad, unknown -> a person puts it on a belt again, having looked at it -> good; or sends it to be made anew -> the remake list

After a stop, a jam or a restart (B6) nobody saw what the machine did to what it held: what comes out of it is never silently
good. Integrity says what the document is like; whether it may be packed says `suspect`, as before. What is dispatched is good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from packcenter.core import custody_facts as c
from packcenter.core import facts as f
from packcenter.core.lifecycle import FINAL
from packcenter.core.turn import Turn

GOOD, BAD, UNKNOWN = "good", "bad", "unknown"

SPOILT = ("machine_rejected", "verdict_refused", "weight")
"""Reasons by which the machine itself says that what is in the pouch is not what it should be; any other leaves it open."""

Saying = tuple[str, str, str]
"""Item, its integrity, and why."""


def look(turn: Turn) -> None:
    """Say of every document of this step's facts what it is like, where that changes."""
    for fact in tuple(turn.facts):
        rule = RULES.get(type(fact))
        for name, integrity, reason in rule(turn, fact) if rule is not None else ():
            item = turn.item(name)
            known = item.integrity or GOOD
            tells = integrity != UNKNOWN or known == GOOD  # what is bad does not become unknown
            if integrity != known and tells and item.place not in FINAL:
                turn.emit(c.IntegritySet(name, integrity, reason))


def _rejected(turn: Turn, fact: f.ParcelRejected) -> Iterator[Saying]:
    if fact.item:
        for name in (fact.item, *_with(turn, fact.item, (f"pack/{fact.plc}",))):
            yield name, BAD if fact.reason in SPOILT else UNKNOWN, fact.reason


def _with(turn: Turn, name: str, sources: tuple[str, ...]) -> Iterator[str]:
    """The other documents of a parcel of several: they are of its case, and come from there to the hand station in this step."""
    case = turn.item(name).case
    for fact in turn.facts:
        if not isinstance(fact, f.Moved) or fact.item == name or fact.target != "hand" or fact.source not in sources:
            continue
        if case and turn.item(fact.item).case == case:
            yield fact.item


def _turned_out(turn: Turn, fact: f.ParcelTurnedOut) -> Iterator[Saying]:
    """The parcel has to be opened."""
    for name in (fact.item, *_with(turn, fact.item, ("rack", "lost"))):
        yield name, BAD if fact.reason in SPOILT else UNKNOWN, fact.reason


def _bag(turn: Turn, fact: f.BagClosed) -> Iterator[Saying]:
    """A bag that is not dispatched is opened, and so are its parcels that may not go on."""
    for name in [each for lead in fact.items for each in (lead, *_with(turn, lead, (f"bag/{fact.bag}",)))]:
        yield name, UNKNOWN, "suspect_bag"


def _fed_twice(turn: Turn, fact: f.SentToHand) -> Iterator[Saying]:
    """Two documents in a pouch: that of the second one nobody tells as a parcel."""
    if fact.reason == "double_feed":
        yield fact.item, UNKNOWN, fact.reason


def _seen(turn: Turn, fact: f.ItemSeen) -> Iterator[Saying]:
    """Whoever put it on the belt has looked at it."""
    yield fact.item, GOOD, "inducted"


def _reported(turn: Turn, fact: c.DiscrepancyOpened) -> Iterator[Saying]:
    if fact.cause == "damaged":
        yield fact.subject, BAD, "damaged"


RULES: dict[type, Callable[[Turn, Any], Iterator[Saying]]] = {
    f.ParcelRejected: _rejected,
    f.ParcelTurnedOut: _turned_out,
    f.BagClosed: _bag,
    f.SentToHand: _fed_twice,
    f.ItemSeen: _seen,
    c.DiscrepancyOpened: _reported,
}
"""Which facts say something about the piece itself."""

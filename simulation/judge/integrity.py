"""What each document itself is like, by what machines and people said of it (B6): what leaves the hall is sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court

_GONE: Final = ("dispatched", "returned", "remade")
_SPOILT: Final = ("machine_rejected", "verdict_refused", "weight")
_SPEAKING: Final = frozenset(
    {"ParcelRejected", "ParcelTurnedOut", "SentToHand", "BagClosed", "ItemSeen", "DiscrepancyOpened", "IntegritySet"}
)


def _told(fact: Said) -> Iterator[list[str]]:
    """Items, what a fact says of them, and why."""
    name = fact[0]
    if name == "ParcelRejected" and fact[3]:
        yield [fact[3], "bad" if fact[4] in _SPOILT else "unknown", fact[4]]
    elif name == "ParcelTurnedOut":
        yield [fact[2], "bad" if fact[3] in _SPOILT else "unknown", fact[3]]
    elif name == "SentToHand" and fact[2] == "double_feed":
        yield [fact[1], "unknown", "double_feed"]
    elif name == "BagClosed":
        for item in fact[6]:
            yield [item, "unknown", "suspect_bag"]
    elif name == "ItemSeen":
        yield [fact[1], "good", "inducted"]
    elif name == "DiscrepancyOpened" and fact[2] == "damaged":
        yield [fact[3], "bad", "damaged"]


def integrity_set(court: Court, bench: Bench, fact: Said) -> None:
    """It is said of something that there is, in one of three words."""
    if court.item(fact[1], "IntegritySet") is not None and fact[2] not in ("good", "bad", "unknown"):
        court.blame("B6", f"{fact[1]} is said to be {fact[2]!r}, expected good, bad or unknown")


def after_record(court: Court, bench: Bench) -> None:
    """Exactly what the facts of a record change of a document is said in it, and what leaves is good."""
    if not court.shifts.rules or (bench.said.keys().isdisjoint(_SPEAKING) and bench.name != "BagShut"):
        return
    expected = []
    for fact in bench.facts:
        for name, integrity, reason in _told(fact):
            item = court.items.get(name)
            if item is None or item.place in _GONE or item.integrity == integrity:
                continue
            if integrity == "unknown" and item.integrity == "bad":
                continue
            item.integrity = integrity
            expected.append([name, integrity, reason])
    said = [fact[1:] for fact in bench.said.get("IntegritySet", ())]
    if said != expected:
        court.blame("B6", f"of documents it is said {said}, expected {expected}")
    for fact in bench.said.get("Moved", ()):
        item = court.items.get(fact[1])
        if fact[3] == "dispatched" and item is not None and item.integrity != "good":
            court.blame("B6", f"{item.id} is dispatched, though it is {item.integrity}")

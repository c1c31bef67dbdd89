"""What each document itself is like, by what machines and people said of it (B6): what leaves the hall is sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simulation.judge import cases
from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court

_GONE: Final = ("dispatched", "returned", "remade")
_SPOILT: Final = ("machine_rejected", "verdict_refused", "weight")
_SPEAKING: Final = frozenset(
    {"ParcelRejected", "ParcelTurnedOut", "SentToHand", "BagClosed", "ItemSeen", "DiscrepancyOpened", "IntegritySet"}
)


def _told(court: Court, bench: Bench, fact: Said) -> Iterator[list[str]]:
    """Items, what a fact says of them, and why."""
    name = fact[0]
    if name == "ParcelRejected" and fact[3]:
        for each in (fact[3], *_with(court, bench, fact[3], (f"pack/{fact[1]}",))):
            yield [each, "bad" if fact[4] in _SPOILT else "unknown", fact[4]]
    elif name == "ParcelTurnedOut":
        for each in (fact[2], *_with(court, bench, fact[2], ("rack", "lost"))):
            yield [each, "bad" if fact[3] in _SPOILT else "unknown", fact[3]]
    elif name == "SentToHand" and fact[2] == "double_feed":
        yield [fact[1], "unknown", "double_feed"]
    elif name == "BagClosed":
        for lead in fact[6]:
            for item in (lead, *_with(court, bench, lead, (f"bag/{fact[1]}",))):
                yield [item, "unknown", "suspect_bag"]
    elif name == "ItemSeen":
        yield [fact[1], "good", "inducted"]
    elif name == "DiscrepancyOpened" and fact[2] == "damaged":
        yield [fact[3], "bad", "damaged"]


def _with(court: Court, bench: Bench, name: str, sources: tuple[str, ...]) -> list[str]:
    """The other documents of a parcel of several, which come from there to the hand station with the one that is named."""
    lead = court.items.get(name)
    case = cases.case_of(lead) if lead is not None else ""
    moved = [fact[1] for fact in bench.said.get("Moved", ()) if fact[1] != name and fact[3] == "hand" and fact[2] in sources]
    return [each for each in moved if case and each in court.items and cases.case_of(court.items[each]) == case]


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
        for name, integrity, reason in _told(court, bench, fact):
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

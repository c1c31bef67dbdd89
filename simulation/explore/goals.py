"""
`Sometimes` goals: situations that a set of runs must have been in, because faults that never meet test nothing.

A thousand seeds must meet each at least `AT_LEAST` times; of a smaller set the counts are only told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulation.explore.options import Level

AT_LEAST: Final = 20
SEEDS: Final = 1000

GOALS: Final[Mapping[str, str]] = {
    "ring >= 90 % full": "a PLC has nearly more to tell than it can keep",
    "torn tail at recovery": "a crash left half a group",
    "kill during recovery": "the controller dies while it finds out what was",
    "old-epoch decision refused": "a PLC is told what an earlier life of it was told",
    "stale hello ignored": "a request of an earlier connection comes to a PLC",
    "stale reply ignored": "an answer of an earlier connection comes to us",
    "lane closed between decision and divert": "the PLC must look again when it acts",
    "decision after the divert point": "too late means the fallback lane",
    "PLC boot storm": "four lives of a PLC in two seconds",
    "10 s disk stall": "nothing becomes durable, and everything goes on",
    "disk warn": "the disk is nearly full",
    "disk stop_infeed": "the disk is so full that nothing new is let in",
    "journal full": "the disk is full to the last segment",
    "parcel half filled at crash": "a document is in a pouch when the controller dies",
    "label printed but unverified at crash": "a pouch is being sealed when the controller dies",
    "bag closing at crash": "a bag is being shut when the controller dies",
    "sealed under another label": "packcenter alone can notice that a machine seals what it labelled wrongly",
    "bag not closed when asked": "a hand was in the way; the rack must be asked again",
    "bag not sealed as it should be": "no seal, an unreadable one, or one that another bag bears",
    "event set aside": "a step fails; the next run goes on without the event",
    "duplicate code in two manifests": "two manifests announce one item",
    "reload during a jam": "a manifest comes again while a sorter is jammed",
    "clock step back over shift end": "the wall clock passes a cut-off backwards",
    "links cut and restored one by one": "all cables are pulled, and put back in any order",
    "lane closed by a person": "nothing may be sent there, whatever its PLC says",
    "machine stopped by a person": "nobody but a person starts it again",
    "machine in maintenance": "it stands, and is commanded by maintenance alone",
    "bag closed early": "the rack is asked in the middle of things",
    "item withdrawn in the hall": "it must not leave, wherever it is",
    "document sent off": "a person decides, and the books follow",
    "coded by hand": "an object without identity gets its own",
    "act refused": "nothing may come of it",
    "discrepancy closed by two people": "what may be an ID document takes two, neither of whom opened it",
    "discrepancy overdue": "nobody closed it in time",
    "given up, and turned up": "what people had closed is a riddle again",
    "shift closed": "the books of a shift are a record",
    "shift closed with a signed difference": "the count and the books differ, and somebody answers for it",
    "plan switched while items are on their way": "they keep what the plan before decided",
    "plan kept over a restart": "whoever switched need not switch again",
    "plan expired in force": "the hall goes on by it, and people are told",
    "bag for one service left": "one destination has bags for several services",
    "receipt returned": "a court document's receipt comes back",
    "receipt overdue": "a receipt does not come in its time",
    "item went round": "a loop gives it another chance",
    "infeed of a loop held": "there are never more items on it than it bears",
    "case complete": "all documents of a case are in its cell, and are laid out for a bagger",
    "case with one document missing for ever": "its time is over; its type says what happens",
    "case shipped in part": "what is there leaves with a label of its own",
    "follow-up of a part": "what came later leaves as the next part",
    "parcel of several documents": "the set fed is the set expected",
    "letters combined": "letters to one addressee leave in one parcel",
    "letter left behind": "the others did not wait any longer",
    "cell in doubt": "people look what is in it",
    "cell that counts what cannot be": "it is left alone, and people are told",
    "case rack that counts what cannot be": "cells go out one after the other, and people are told once",
    "machine that puts out too much": "people are told once, also if each time it is one document",
    "bag without its seal": "it leaves for the hand station, and people are told",
    "alarm that comes and goes": "it calls three times in ten minutes, then only if it stands",
    "cell tried anew": "somebody may have mended its counter",
    "killed while papers are written": "what a folder then has is written over, and nothing stands there twice",
    "papers cannot be written": "control does not wait, and what was missed is made from the journal",
    "snapshot taken": "a restart need not read everything",
    "segment switched": "the journal goes on in another file",
}
"""Each goal and what it is for."""

_OF_PEOPLE: Final = (
    "machine in maintenance",
    "bag closed early",
    "coded by hand",
    "discrepancy closed by two people",
    "discrepancy overdue",
    "given up, and turned up",
    "shift closed",
    "shift closed with a signed difference",
    "plan kept over a restart",
    "plan expired in force",
)
_OF_SERVICES: Final = (
    "bag for one service left",
    "receipt returned",
    "receipt overdue",
    "killed while papers are written",
    "papers cannot be written",
    "letters combined",
    "letter left behind",
)
WIRE_CANNOT: Final = frozenset({"stale reply ignored", "reload during a jam", "event set aside", *_OF_SERVICES, *_OF_PEOPLE})
"""Goals that are not asked of the wire level: it cannot meet those of services, those of people too seldom."""


def missed(counts: Mapping[str, int], seeds: int, level: Level = "protocol") -> list[str]:
    """The goals that a set of so many seeds should have met and did not; empty for a set too small to tell."""
    if seeds < SEEDS:
        return []
    least = AT_LEAST * seeds // SEEDS
    cannot = WIRE_CANNOT if level == "wire" else frozenset[str]()
    return [
        f"{goal}: {counts.get(goal, 0)} times, expected {least}"
        for goal in GOALS
        if goal not in cannot and counts.get(goal, 0) < least
    ]

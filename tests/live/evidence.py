"""
What a journal proves, read from its bytes after the fact: every number once, none missing, no item decided on twice.

It keeps its own books (where each item is, by `Moved` alone; which event came, which command was asked) and shares no
rule with the controller. What it finds wrong is a sentence with the letter of the invariant before it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from packcenter.core import commands as c
from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.core.custody import balance_errors, books
from packcenter.core.state import State
from packcenter.core.words import CommandResult
from packcenter.journal.frames import GENESIS, Entry, digest_after
from packcenter.journal.journal import read_groups
from packcenter.real import RealDisk

PLC_EVENTS = frozenset(i.PlcEvent.__args__)
_SOURCES = ("agency", "outside")


@dataclass
class Run:
    """One life of the service, in microseconds of the wall clock; 0 not seen."""

    number: int
    started_us: int
    first_up_us: int = 0
    all_up_us: int = 0
    first_divert_us: int = 0
    stopped: bool = False
    up: set[str] = field(default_factory=set)


@dataclass
class Late:
    """A decision that came too late: for which scan, and how old that was when it came."""

    plc: str
    wall_us: int
    age_us: int
    by_us: int


@dataclass
class Evidence:
    """
    The journal's own story.

    `places`: item -> place. `dispatched`: the bags that left with their bill; `opened`: how many closed ones did not.
    `lost`: item -> (place, reason) of every item that was called lost, found again or not. `faults`: what is wrong.
    """

    places: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    dispatched: list[f.BagClosed] = field(default_factory=list)
    epochs: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    late: list[Late] = field(default_factory=list)
    diverts: list[tuple[str, int]] = field(default_factory=list)
    lost: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused_late: list[tuple[str, int]] = field(default_factory=list)
    aside: Counter[str] = field(default_factory=Counter)
    quarantined: list[tuple[str, int]] = field(default_factory=list)
    records: int = 0
    scans: int = 0
    sealed: int = 0
    opened: int = 0
    timeouts: int = 0
    replayed: int = 0
    faults: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """Everything that must not be; empty is the proof."""
        return list(self.faults)

    def where(self) -> Counter[str]:
        """How many items are in each kind of place."""
        return Counter(place.partition("/")[0] for place in self.places.values())


def read(journal: Path) -> Evidence:
    """Read and check a whole journal: its chain, its decision digests, its events and commands, its books, and replay it."""
    found = Evidence()
    checks = _Checks(found)
    entries: list[Entry] = []
    digest = GENESIS
    for batch in read_groups(RealDisk(journal), verify="decisions"):
        entries += batch.entries
        digest = batch.end.digest
    for entry in entries:
        checks.take(entry.sequence, entry.wall_us, record.decode(entry.body))
    checks.end()
    state, again = _decide_again(entries, found)
    if again != digest:
        found.faults.append(f"J4: decisions replay to {again.hex()}, the last commit says {digest.hex()}")
    found.faults += [f"A: {error}" for error in balance_errors(state)]
    found.faults += [f"A2: {account}" for account in books(state) if account.difference]
    folded = {item.id: item.place for item in state.items.values() if item.place not in _SOURCES}
    if folded != {item: place for item, place in found.places.items() if place not in _SOURCES}:
        found.faults.append("A1: the moves in the journal lead to other places than the replay")
    return found


def _decide_again(entries: list[Entry], found: Evidence) -> tuple[State, bytes]:
    """Feed every input to today's core; the state it ends in, and the digest of its decisions."""
    controller = Controller()
    digest = GENESIS
    for entry in entries:
        outcome = controller.step(entry.at_us, record.decode(entry.body).input)
        decision = record.encode_decision(outcome)
        if decision != entry.decision():
            found.faults.append(f"J4: record {entry.sequence} is decided otherwise by the replay")
            break
        digest = digest_after(digest, decision)
        found.replayed += 1
    return controller.state, digest


class _Checks:
    """The checks that go along the records, one at a time."""

    def __init__(self, found: Evidence) -> None:
        self._found = found
        self._seen: Counter[tuple[str, int, int]] = Counter()
        self._taken: dict[tuple[str, int], int] = {}
        self._gaps: set[tuple[str, int]] = set()
        self._epoch: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._diverts: Counter[tuple[str, int, int]] = Counter()
        self._entered: Counter[tuple[str, int, int]] = Counter()
        self._tracks: dict[str, dict[int, str]] = defaultdict(dict)
        self._labels: Counter[str] = Counter()
        self._tags: Counter[str] = Counter()
        self._plcs = 0

    def _wrong(self, sequence: int, what: str) -> None:
        self._found.faults.append(f"{what} (record {sequence})")

    def take(self, sequence: int, wall_us: int, recorded: record.Record) -> None:
        """One record."""
        self._found.records += 1
        happened = recorded.input
        self._input(sequence, wall_us, happened)
        for fact in recorded.facts:
            self._fact(sequence, wall_us, happened, fact)
        for command in recorded.commands:
            self._command(sequence, wall_us, command)

    def _input(self, sequence: int, wall_us: int, happened: i.Input) -> None:
        found = self._found
        if isinstance(happened, i.Started):
            self._plcs = len(happened.hall.plcs())
            found.runs.append(Run(happened.run, wall_us))
        elif isinstance(happened, i.StopRequested):
            found.runs[-1].stopped = True
        elif isinstance(happened, i.Scanned):
            found.scans += 1
        elif isinstance(happened, i.CommandEnded) and happened.result == CommandResult.LATE:
            found.refused_late.append((happened.plc, wall_us))
        if type(happened) in PLC_EVENTS:
            self._seen[happened.plc, happened.epoch, happened.seq] += 1  # type: ignore[union-attr]

    def _fact(self, sequence: int, wall_us: int, happened: i.Input, fact: f.Fact) -> None:
        if isinstance(fact, f.EventTaken):
            self._event_taken(sequence, fact)
        elif isinstance(fact, f.EventSetAside):
            self._found.aside[fact.reason] += 1
        elif isinstance(fact, f.GapSeen):
            self._gaps.add((fact.plc, fact.epoch))
            self._wrong(sequence, f"E2: {fact.plc} epoch {fact.epoch} lacks events {fact.expected} to {fact.seen - 1}")
        elif isinstance(fact, f.EpochGranted):
            self._granted(sequence, fact)
        elif isinstance(fact, f.LinkStateSet):
            self._link(wall_us, fact)
        elif isinstance(fact, f.ItemExpected):
            self._found.places[fact.line.item] = "expected"
        elif isinstance(fact, f.ObjectSeen):
            self._found.places[fact.item] = "outside"
        elif isinstance(fact, f.Moved):
            self._moved(sequence, fact)
        elif isinstance(fact, f.ItemLost):
            self._found.lost[fact.item] = (fact.place, fact.reason)
        elif isinstance(fact, f.QuarantineNoted):
            self._found.quarantined.append((fact.plc, fact.seq))
        else:
            self._line_fact(sequence, wall_us, happened, fact)

    def _line_fact(self, sequence: int, wall_us: int, happened: i.Input, fact: f.Fact) -> None:
        if isinstance(fact, f.ItemSeen):
            epoch = self._epoch.get(fact.plc, 0)
            if self._tracks[fact.plc].get(fact.track):
                self._wrong(sequence, f"R3: {fact.plc} epoch {epoch} track {fact.track} is given twice")
            self._tracks[fact.plc][fact.track] = fact.item
        elif isinstance(fact, f.Diverted | f.WrongLane):
            assert isinstance(happened, i.DivertConfirmed), happened
            key = happened.plc, happened.epoch, happened.track
            self._entered[key] += 1
            if self._entered[key] > 1:
                self._wrong(sequence, f"R5: track {key} entered a lane twice")
            self._tracks[happened.plc].pop(happened.track, None)
        elif isinstance(fact, f.DecisionLate):
            age_us = happened.age_us if isinstance(happened, i.Scanned) else 0
            self._found.late.append(Late(fact.plc, wall_us, age_us, fact.by_us))
        elif isinstance(fact, f.ParcelSealed):
            self._found.sealed += 1
            self._labels[fact.waybill] += 1
            if self._labels[fact.waybill] > 1:
                self._wrong(sequence, f"C2: waybill {fact.waybill} sealed {self._labels[fact.waybill]} times")
        elif isinstance(fact, f.BagClosed):
            self._bag_closed(sequence, fact)
        elif isinstance(fact, f.CommandTimedOut) and fact.kind:
            self._found.timeouts += 1

    def _event_taken(self, sequence: int, fact: f.EventTaken) -> None:
        key = fact.plc, fact.epoch
        expected = self._taken.get(key, 0) + 1
        if fact.seq != expected and key not in self._gaps:
            self._wrong(sequence, f"E1/E2: {fact.plc} epoch {fact.epoch} took event {fact.seq}, expected {expected}")
        self._taken[key] = fact.seq
        if fact.epoch != self._epoch.get(fact.plc):
            self._wrong(sequence, f"R4: {fact.plc} took an event of epoch {fact.epoch}, granted is {self._epoch.get(fact.plc)}")

    def _granted(self, sequence: int, fact: f.EpochGranted) -> None:
        before = self._epoch.get(fact.plc, 0)
        if fact.epoch <= before:
            self._wrong(sequence, f"E4: {fact.plc} granted epoch {fact.epoch} after {before}")
        if fact.nonce in [nonce for nonce, _ in self._found.epochs[fact.plc]]:
            self._wrong(sequence, f"E4: {fact.plc} nonce {fact.nonce} granted twice")
        left = [item for item in self._tracks[fact.plc].values() if self._found.places[item] == f"belt/{fact.plc}"]
        if left:
            self._wrong(sequence, f"E12: {fact.plc} lost its memory, {left} still count as on its belt")
        self._found.epochs[fact.plc].append((fact.nonce, fact.epoch))
        self._epoch[fact.plc] = fact.epoch
        self._numbers[fact.plc] = 0
        self._tracks[fact.plc].clear()

    def _link(self, wall_us: int, fact: f.LinkStateSet) -> None:
        run = self._found.runs[-1]
        if fact.up:
            run.first_up_us = run.first_up_us or wall_us
            run.up.add(fact.plc)
            if len(run.up) == self._plcs and not run.all_up_us:
                run.all_up_us = wall_us

    def _moved(self, sequence: int, fact: f.Moved) -> None:
        places = self._found.places
        if places.get(fact.item, "agency") != fact.source and fact.source != "agency":
            self._wrong(sequence, f"A1: {fact.item} leaves {fact.source}, but was at {places.get(fact.item)}")
        if fact.source == "dispatched":
            self._wrong(sequence, f"A6: {fact.item} leaves the dispatched items for {fact.target}")
        places[fact.item] = fact.target

    def _bag_closed(self, sequence: int, fact: f.BagClosed) -> None:
        self._tags[fact.bag] += 1
        if self._tags[fact.bag] > 1:
            self._wrong(sequence, f"D3: bag {fact.bag} closed {self._tags[fact.bag]} times")
        self._found.dispatched.append(fact)

    def _command(self, sequence: int, wall_us: int, command: c.Command) -> None:
        if isinstance(command, c.GrantEpoch):
            return
        epoch = self._epoch.get(command.plc, 0)
        if command.number != self._numbers.get(command.plc, 0) + 1:
            self._wrong(sequence, f"E9: {command.plc} command {command.number} after {self._numbers.get(command.plc, 0)}")
        self._numbers[command.plc] = command.number
        if isinstance(command, c.Divert):
            key = command.plc, epoch, command.track
            self._diverts[key] += 1
            if self._diverts[key] > 1:
                self._wrong(sequence, f"R5: track {key} was decided on {self._diverts[key]} times")
            run = self._found.runs[-1]
            run.first_divert_us = run.first_divert_us or wall_us
            self._found.diverts.append((command.plc, wall_us))

    def end(self) -> None:
        """What the whole must satisfy."""
        found = self._found
        for (plc, epoch, seq), times in sorted(self._seen.items()):
            if times > 1:
                found.faults.append(f"E1: {plc} epoch {epoch} event {seq} stands in the journal {times} times")
        closed = found.dispatched
        found.dispatched = [bag for bag in closed if bag.items and all(found.places[item] == "dispatched" for item in bag.items)]
        found.opened = len(closed) - len(found.dispatched)

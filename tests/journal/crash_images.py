"""
What a power loss leaves of a simulated disk, and the judge who recovers it and says what is wrong (`crash.py` tells why).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from chronicle import Chronicle

from packcenter.core.inputs import Quarantined
from packcenter.core.state import encode_state
from packcenter.journal import frames, snapshot, space
from packcenter.journal.frames import FIRST_FRAME, Draft, Identity
from packcenter.journal.journal import Journal, JournalError, JournalFull, JournalPoisoned, Position, read_journal
from packcenter.service import recovery
from simulation.disk import Moment, SimDisk, StillClock
from simulation.draws import Stream

CHANGES = frozenset({"pwrite", "truncate", "fdatasync", "rename", "remove", "sync_directory", "open"})
DEPTH = 3  # recoveries that are themselves cut off, one in another
IDENTITIES = [Identity("NJ", release, bytes([n]) * 32, bytes(32)) for n, release in enumerate(("0.1.0", "0.2.0"))]
SCHEMAS = frozenset({recovery.STATE_SCHEMA})


class Violation(AssertionError):  # noqa: N818 - read aloud, the name says it
    """Something that must hold does not; the text says in which story, where and what."""


@dataclass
class Tally:
    """What was tried, and what came of it."""

    images: int = 0
    stories: int = 0
    moments: int = 0
    repeated: int = 0
    in_recovery: int = 0
    torn: int = 0
    states_compared: int = 0
    written_on: int = 0
    failed_syncs: int = 0
    full: int = 0
    kills: int = 0
    spoilt: int = 0
    spoilt_reported: int = 0
    spoilt_harmless: int = 0
    spoilt_unseen: int = 0
    lied: int = 0
    lied_reported: int = 0
    lied_tail_lost: int = 0


@dataclass
class Promise:
    """
    What a recovery must find: `least` records, or `most` if the group under way became durable, nothing between.

    `notes` are the quarantine notes that may be there: the last one, and the one under way; `snapshots` likewise the
    sequences of the newest snapshot (0: none).
    """

    least: int = 0
    most: int = 0
    notes: list[tuple[Quarantined, ...]] = field(default_factory=lambda: [()])
    snapshots: list[int] = field(default_factory=lambda: [0])

    def key(self) -> tuple[int, ...]:
        """Equal for promises that ask for the same of equal disks."""
        return self.least, self.most, len(self.notes), *self.snapshots


@dataclass
class Spot:
    """Where in a story we are, for the message of a violation."""

    seed: int
    story: int
    doing: str = ""

    def violation(self, what: str) -> Violation:
        return Violation(f"seed {self.seed}, story {self.story}, {self.doing}: {what}")


def bodies_of(records: Iterator[frames.Entry]) -> list[bytes]:
    return [entry.body for entry in records]


# --- images ----------------------------------------------------------------------------------------------------------


def images(moment: Moment, luck: Stream, most: int) -> Iterator[tuple[str, SimDisk]]:
    """What a power loss at this moment leaves: all of it where that is little, else some of every kind, about `most`."""
    sizes = [unit.size for unit in moment.units]
    count = len(sizes)
    everything = (1 << count) - 1
    masks = {(1 << first) - 1 for first in _some(range(count + 1), luck, most)}
    if count <= 4 and 1 << count <= most:
        masks |= set(range(1 << count))
    else:
        masks |= {everything & ~(1 << lost) for lost in _some(range(count), luck, most // 3)}
        masks |= {1 << kept for kept in _some(range(count), luck, most // 3)}
        masks |= {luck.draw() & everything for _ in range(most // 4)}
        masks |= set(_whole_changes(moment, luck, most // 4))
    for mask in sorted(masks):
        yield f"units {mask:b} of {count}", moment.image(mask)
    torn = _some([n for n in range(count) if sizes[n]], luck, most // 3)
    for unit in torn * min(4, most // (3 * max(1, len(torn)))):
        cut = luck.below(sizes[unit])
        mask = (1 << unit) - 1
        if luck.below(4) == 0:  # other files may be whole or not, whatever the order
            own = sum(1 << n for n, other in enumerate(moment.units) if other.name == moment.units[unit].name)
            mask = mask & own | luck.draw() & everything & ~own
        yield f"units {mask:b} of {count}, {cut} bytes of unit {unit}", moment.image(mask, torn=(unit, cut))


def _whole_changes(moment: Moment, luck: Stream, most: int) -> list[int]:
    """Subsets of whole operations: all of them for up to four, else some."""
    of_change: dict[int, int] = {}
    for number, unit in enumerate(moment.units):
        of_change[unit.change] = of_change.get(unit.change, 0) | 1 << number
    whole = list(of_change.values())
    chosen = range(1 << len(whole)) if len(whole) <= 4 else [luck.draw() & (1 << len(whole)) - 1 for _ in range(most)]
    return [sum(mask for n, mask in enumerate(whole) if choice >> n & 1) for choice in chosen]


def _some(numbers: Sequence[int], luck: Stream, most: int) -> list[int]:
    return list(numbers) if len(numbers) <= most else [numbers[luck.below(len(numbers))] for _ in range(most)]


# --- one image -------------------------------------------------------------------------------------------------------


class Judge:
    """Recovers disks of one story and says what is wrong; remembers which were tried."""

    def __init__(self, spot: Spot, luck: Stream, chronicle: Chronicle, segment_bytes: int, tally: Tally) -> None:
        self.identity = IDENTITIES[0]
        self.tally = tally
        self._spot = spot
        self._luck = luck
        self._chronicle = chronicle
        self._segment_bytes = segment_bytes
        self._seen: set[tuple[int, ...]] = set()
        self._count = 0

    def look(self, disk: SimDisk, promise: Promise, depth: int) -> None:
        """Try what a crash now may leave of `disk`."""
        self.tally.moments += 1
        most = 32 if depth == 0 else 6
        where = self._spot.doing
        for what, image in images(disk.moment(), self._luck, most):
            self._spot.doing = f"{where}, power lost with {what}"
            self.judge(image, promise, depth)
        if self._luck.below(6) == 0:
            self.tally.kills += 1
            self._spot.doing = f"{where}, killed"
            self.judge(disk.survivor(), promise, depth)
        self._spot.doing = where

    def sync_fails(self, disk: SimDisk, name: str, promise: Promise, depth: int) -> None:
        """Try what a process finds after it died of a failed sync of this file: first the caches, later the medium."""
        self.tally.failed_syncs += 1
        where = self._spot.doing
        after = disk.survivor()
        after.forget_unsynced(name, self._luck if self._luck.below(2) else None)
        if self._luck.below(3) == 0:
            after.drop_caches()
        self._spot.doing = f"{where}, sync of {name} failed"
        self.judge(after, promise, depth)
        self._spot.doing = where

    def judge(self, disk: SimDisk, promise: Promise, depth: int) -> None:
        """Recover one disk and check all that must hold; cut off its recovery now and then, and judge what that leaves."""
        key = (disk.fingerprint(), *promise.key())
        if key in self._seen:
            self.tally.repeated += 1
            return
        self._seen.add(key)
        self.tally.images += 1
        self._count += 1  # this story's own, so that it goes the same way when it is told alone
        self.tally.in_recovery += depth > 0
        if depth < DEPTH and self._luck.below(6 if depth == 0 else 12) == 0:
            disk.hook = self.hook(lambda: (disk, promise, depth + 1), f"{self._spot.doing}; recovery {depth + 1}")
        where = self._spot.doing
        journal, begun = self.restart(disk, promise, thorough=self._count % 16 == 0)
        disk.hook = nothing
        self._spot.doing = where
        self._again(disk, journal, begun)
        if self._count % 3 == 0:
            self._go_on(disk, journal)

    def hook(self, now: Callable[[], tuple[SimDisk, Promise, int]], doing: str) -> Callable[[str, str, str], None]:
        """A hook that looks at every change of a disk, and at every sync that may fail."""

        def hook(when: str, what: str, name: str) -> None:
            if what in CHANGES:
                disk, promise, depth = now()
                self._spot.doing = f"{doing}, {when} {what} {name}"
                if when == "after":
                    self.look(disk, promise, depth)
                elif what == "fdatasync" and self._luck.below(4) == 0:
                    self.sync_fails(disk, name, promise, depth)

        return hook

    def restart(self, disk: SimDisk, promise: Promise, *, thorough: bool) -> tuple[Journal, Position | None]:
        """What a new process does first, and where it began; raises `Violation` unless it finds what was promised."""
        try:
            if thorough:
                recovered = recovery.recover(disk, self.identity, StillClock(), "the next one", segment_bytes=self._segment_bytes)
                journal, passed_over, begun = recovered.journal, recovered.notes, recovered.snapshot
                state = encode_state(recovered.controller.state)
                if state != self._chronicle.states[journal.end.sequence]:
                    raise self._spot.violation(f"the state after record {journal.end.sequence} is not that of its records")
                self.tally.states_compared += 1
            else:
                loaded = snapshot.load_newest(disk, schemas=SCHEMAS)
                passed_over, begun = loaded.passed_over, loaded.snapshot
                journal = self._open(disk, None if begun is None else begun.position)
            start = 0 if begun is None else begun.position.sequence
            noted = tuple(recovery.read_quarantine(disk))
            if space.keep_ballast(disk, self._segment_bytes):
                kept = disk.open(space.BALLAST_NAME, create=False).size()
                if kept != self._segment_bytes:
                    raise self._spot.violation(f"a ballast of {kept} bytes passes for one of {self._segment_bytes}")
            found = journal.end.sequence
            bodies = bodies_of(journal.records(start + 1))
        except JournalPoisoned:
            raise
        except JournalError as error:
            raise self._spot.violation(f"a mere crash is called damage: {error}") from error
        if passed_over:
            raise self._spot.violation(f"a mere crash spoilt a snapshot: {passed_over}")
        if found not in (promise.least, promise.most):
            expected = f"{promise.least} acknowledged, {promise.most} with the group under way"
            raise self._spot.violation(f"{found} records were found, {expected}")
        if bodies != self._chronicle.bodies[start:found] or journal.end.digest != self._chronicle.digests[found]:
            raise self._spot.violation(f"the {found} records that were found are not those that were written")
        if start not in promise.snapshots:
            raise self._spot.violation(f"the newest snapshot is at {start}, expected at one of {promise.snapshots}")
        if noted not in promise.notes:
            raise self._spot.violation(f"the quarantine note is {noted}, expected one of {promise.notes}")
        self.tally.torn += journal.torn_bytes > 0
        return journal, None if begun is None else begun.position

    def read_recovered(self, disk: SimDisk) -> list[bytes]:
        """All records after a recovery from the newest good snapshot; raises `JournalError` if anything is damaged."""
        recovered = recovery.recover(disk, self.identity, StillClock(), "the next one", segment_bytes=self._segment_bytes)
        found = recovered.journal.end.sequence
        if encode_state(recovered.controller.state) != self._chronicle.states[found]:
            raise self._spot.violation(f"the state after record {found} is not that of its records")
        self.tally.states_compared += 1
        return self._chronicle.bodies[:found]

    def _open(self, disk: SimDisk, position: Position | None) -> Journal:
        return Journal.open(
            disk, self.identity, clock=StillClock(), holder="the next one", position=position, segment_bytes=self._segment_bytes
        )

    def _again(self, disk: SimDisk, first: Journal, begun: Position | None) -> None:
        """Power fails right after recovery: another one finds the same and has nothing to do."""
        left = disk.moment().image(0)
        try:
            second = self._open(left, begun)
        except JournalError as error:
            raise self._spot.violation(f"the second recovery calls it damage: {error}") from error
        if second.end != first.end or second.torn_bytes:
            raise self._spot.violation(f"the second recovery found {second.end}, torn {second.torn_bytes}; the first {first.end}")
        if left.fingerprint("segment-", durable=False) != disk.fingerprint("segment-", durable=False):
            raise self._spot.violation("the second recovery found or left other bytes than the first")

    def _go_on(self, disk: SimDisk, journal: Journal) -> None:
        """Write a group more, drop the caches, lose the power: it is there, after all the others."""
        found = journal.end.sequence
        drafts = self.fitting(found, 1 + self._luck.below(3))
        try:
            journal.write_group(drafts)
        except JournalFull:
            disk.others_bytes = 0
            journal.write_group(drafts)
        self.tally.written_on += 1
        left = disk.moment().image(0)
        first = 1 if self._count % 4 == 0 else max(1, found)
        try:
            seen = bodies_of(read_journal(left, first, verify="decisions"))
        except JournalError as error:
            raise self._spot.violation(f"after the next group the journal is called damaged: {error}") from error
        if seen != self._chronicle.bodies[first - 1 : found + len(drafts)]:
            raise self._spot.violation(
                f"after the next group {len(seen)} records read back from {first} on, expected to {found + len(drafts)}"
            )

    def check_header(self, disk: SimDisk, segment: int) -> None:
        """The segment to which was just written says who writes (J9, G2)."""
        header = frames.decode_header(disk.files()[f"segment-{segment:08d}.pcj"][:FIRST_FRAME])
        if header is None or header.identity != self.identity:
            seen = "nobody" if header is None else header.identity.release
            raise self._spot.violation(f"segment {segment} says that {seen} writes it, expected {self.identity.release}")

    def fitting(self, after: int, count: int) -> list[Draft]:
        """Up to `count` records after record `after`, as many as one segment takes."""
        drafts = self._chronicle.drafts[after : after + count]
        while frames.group_bytes(drafts) > self._segment_bytes - FIRST_FRAME:
            drafts = drafts[:-1]
        return drafts


def nothing(when: str, what: str, name: str) -> None:
    """The hook of a disk that is left in peace."""

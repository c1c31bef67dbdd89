"""
`make crash IMAGES=n`: what every crash leaves of the journal, rebuilt and recovered, until one loses something.

A story is a hall's life on a simulated disk: groups, spares, segment switches, snapshots, quarantine notes, ballast, full
disks, failed syncs, changes of release, kills and power losses, recoveries. After every change of the disk the
explorer builds what a power loss then may leave: every beginning of what was not durable, every subset where it is
small, all but one sector, one alone, writes torn at any byte, and some by luck. Each image is recovered, and so
is what a crash in the middle of that recovery leaves. Only images that differ, in bytes or in what was promised, count.

What must hold of each:

    J1     every record whose `write_group` returned is there
    J2     what is there is an exact beginning of what was written; the group under way is there whole or not at all
    again  a recovery leaves everything durable: the next one finds the same, and changes no byte
    on     the journal goes on afterwards, and reads back
    state  (every 16th) the recovered controller's state is that of the same records folded, from whatever snapshot
    who    the header of the segment in which a record stands names the release and configuration that wrote it
    calm   nothing that a crash leaves is called damage; snapshots and the quarantine note are there whole, old or new

And of disks that lie or rot (J9), counted apart: what is changed is reported, or means nothing, or is a lost sector of
the very last groups, which nobody can tell from a crash; never is anything else accepted.

    python crash.py --images 2000 --seed 7          stories until so many images were tried
    python crash.py --seed 7 --story 12             one story again, which is the same every time
"""

from __future__ import annotations

import argparse
import errno
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

import msgspec
from chronicle import Chronicle
from crash_damage import beheaded, liars, rotten
from crash_images import CHANGES, IDENTITIES, Judge, Promise, Spot, Tally, Violation, nothing

from packcenter.core.inputs import Quarantined
from packcenter.journal import snapshot, space
from packcenter.journal.journal import JournalFull, JournalPoisoned
from packcenter.service import recovery
from simulation.disk import Crash, SimDisk
from simulation.draws import Stream

__all__ = ["Hall", "Story", "Tally", "Violation", "explore", "main"]

RECORDS = 110  # a story ends before its chronicle does
CHRONICLES = 64  # different ones; more would cost time and show nothing else


# --- one hall on one disk -----------------------------------------------------------------------------------------------


class Hall:
    """What a process does with its disk, act by act, and what it has promised. `watch` makes the hooks of the acts."""

    def __init__(self, seed: int, number: int, tally: Tally) -> None:
        self.spot = Spot(seed, number)
        self.luck = Stream(seed, "crash", number)
        self.chronicle = chronicle(number % CHRONICLES)
        self.segment_bytes = (8192, 8192, 12_288, 10_000, 20_480)[self.luck.below(5)]
        self.judge = Judge(self.spot, self.luck, self.chronicle, self.segment_bytes, tally)
        self.tally = tally
        self.promise = Promise()
        self.disk = SimDisk(total_bytes=64 * self.segment_bytes)
        self._taken: snapshot.Snapshot | None = None

    def watch(self, doing: str) -> Callable[[str, str, str], None]:
        """The hook that the disk has during an act."""
        return nothing

    def look(self, doing: str) -> None:
        """The act is done, and nothing of it may be lost from now on."""

    def start(self) -> None:
        """A process begins."""
        self.disk.hook = self.watch(f"recovery from {self.promise.least} records")
        self.journal, begun = self.judge.restart(self.disk, self.promise, thorough=True)
        self.disk.hook = nothing
        found = self.journal.end.sequence
        noted = tuple(recovery.read_quarantine(self.disk))
        self.promise = Promise(found, found, [noted], [0 if begun is None else begun.sequence])

    def commit(self, count: int) -> None:
        """A group of up to `count` records; a full disk is given the ballast's room, and all it needs."""
        found = self.journal.end.sequence
        drafts = self.judge.fitting(found, count)
        doing = f"group of records {found + 1} to {found + len(drafts)}"
        self.promise.most = found + len(drafts)
        self.disk.hook = self.watch(doing)
        try:
            self.journal.write_group(drafts)
        except JournalFull:
            self.tally.full += 1
            space.release_ballast(self.disk)
            self.disk.others_bytes = 0
            self.journal.write_group(drafts)
        self.promise.least = self.promise.most
        self.judge.check_header(self.disk, self.journal.end.segment)
        self.look(f"{doing} acknowledged")

    def spares(self) -> None:
        """The spare segments that are missing."""
        self.disk.hook = self.watch("spares")
        try:
            self.journal.prepare_spares()
        except JournalFull:
            self.tally.full += 1
            self.disk.others_bytes = 0

    def snapshot(self) -> None:
        """A snapshot of the present state, verified."""
        end = self.journal.end
        if end.sequence:
            self.promise.snapshots = [self.promise.snapshots[0], end.sequence]
            self.disk.hook = self.watch(f"snapshot at {end.sequence}")
            body = msgspec.msgpack.encode((7, self.chronicle.states[end.sequence]))
            taken = snapshot.Snapshot(end, recovery.STATE_SCHEMA, body)
            fault = recovery.keep_snapshot(self.disk, taken, self._taken)
            if fault:
                raise self.spot.violation(fault)
            self._taken = taken
            self.promise.snapshots = [end.sequence]
            self.look("snapshot kept")

    def note(self, events: tuple[Quarantined, ...]) -> None:
        """A quarantine note of these events in place of the one before."""
        self.promise.notes = [self.promise.notes[0], events]
        self.disk.hook = self.watch(f"quarantine note of {len(events)} events")
        recovery.write_quarantine(self.disk, list(events))
        self.promise.notes = [events]
        self.look("quarantine noted")

    def release(self, number: int) -> None:
        """Another release, or the same again."""
        self.judge.identity = IDENTITIES[number]
        self.journal.close()
        self.disk = self.disk.survivor()
        self.start()


# --- one story ----------------------------------------------------------------------------------------------------------


class Story(Hall):
    """
    One hall's life, cut off here and there; everything is drawn from the seed and the story's number.

    Without `crashes` its disk is only spoilt at the end; in one of `breaks` steps syncs fail.
    """

    def __init__(self, seed: int, number: int, tally: Tally, *, crashes: bool = True, breaks: int = 16) -> None:
        super().__init__(seed, number, tally)
        self._breaks = breaks
        self._crashes = crashes
        self._break_sync = self._crash = False

    def run(self, steps: int = 60) -> None:
        """Until the chronicle's end, or so many steps; then the disk is spoilt."""
        self.tally.stories += 1
        self._begin()
        for _ in range(steps):
            if self.journal.end.sequence + 20 > RECORDS:
                break
            self._step()
        settled = self.disk.settled()
        settled.others_bytes = 0
        rotten(self.judge, settled, self.spot, self.luck, self.chronicle)
        beheaded(self.judge, settled, self.spot, self.chronicle)
        liars(self.judge, settled, self.spot, self.luck, self.chronicle)

    def watch(self, doing: str) -> Callable[[str, str, str], None]:
        """A hook that looks at every change, and ends the process or breaks a sync now and then."""
        if not self._crashes:
            return nothing
        looking = self.judge.hook(lambda: (self.disk, self.promise, 0), doing)

        def hook(when: str, what: str, name: str) -> None:
            looking(when, what, name)
            if what in CHANGES and self._crash and self.luck.below(4) == 0:
                raise Crash
            if when == "before" and what == "fdatasync" and self._break_sync and self.luck.below(2) == 0:
                self.disk.forget_unsynced(name, self.luck if self.luck.below(2) else None)
                raise OSError(errno.EIO, "Input/output error")

        return hook

    def look(self, doing: str) -> None:
        """What a crash leaves now."""
        if self._crashes:
            self.spot.doing = doing
            self.judge.look(self.disk, self.promise, 0)

    def _step(self) -> None:
        luck = self.luck
        self._break_sync, self._crash = luck.below(self._breaks) == 0, luck.below(20) == 0
        try:
            _ACTS[luck.below(len(_ACTS))](self)
        except (Crash, JournalPoisoned, OSError) as error:
            self.disk.hook = nothing
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # a snapshot or a note; the journal says so itself
                self.disk.others_bytes = 0
                self.promise.notes = [tuple(recovery.read_quarantine(self.disk))]
                self.promise.snapshots = self.promise.snapshots[:1]
            elif self._break_sync or self._crash:
                self._lose_process()
            else:
                raise self.spot.violation(f"{type(error).__name__} out of nowhere: {error}") from error
        self._break_sync = self._crash = False

    def _lose_process(self) -> None:
        """A process ended in the middle: killed, by a failed sync, or with the power."""
        how = self.luck.below(3)
        self.disk = self.disk.image(self.luck) if how == 0 else self.disk.survivor()
        if how == 1:
            self.disk.drop_caches()
        self._begin()

    def _begin(self) -> None:
        """A recovery is looked at like anything else, and may be cut off like anything else, often."""
        while True:
            try:
                return self.start()
            except Crash:
                self._crash = False
                self.disk = self.disk.image(self.luck)
            except (JournalPoisoned, OSError):  # a sync failed: the journal's, or the ballast's
                self.disk = self.disk.survivor()

    # --- acts, drawn ---

    def _commit(self) -> None:
        self.commit((1, 1, 2, 3, 6, 9)[self.luck.below(6)])

    def _quarantine(self) -> None:
        before = self.promise.notes[0]
        event = Quarantined("sorter-1", 1, self.luck.below(99), 3, "NJ000001", "x" * self.luck.below(700))
        self.note((*before, event) if len(before) < 3 and self.luck.below(3) else ())

    def _fill_up(self) -> None:
        free, _ = self.disk.free_bytes()
        self.disk.others_bytes += max(0, free - self.luck.below(2 * self.segment_bytes))

    def _change_release(self) -> None:
        self.release(self.luck.below(len(IDENTITIES)))

    def _lose_power(self) -> None:
        self.disk = self.disk.image(self.luck)
        self._begin()

    def _be_killed(self) -> None:
        self.disk = self.disk.survivor()
        self._begin()


_ACTS: list[Callable[[Story], None]] = [
    *[Story._commit] * 12,
    *[Hall.spares] * 3,
    *[Hall.snapshot] * 3,
    *[Story._quarantine] * 2,
    Story._fill_up,
    Story._change_release,
    Story._lose_power,
    Story._be_killed,
]

_CHRONICLES: dict[int, Chronicle] = {}


def chronicle(number: int) -> Chronicle:
    """One of the chronicles, made once."""
    if number not in _CHRONICLES:
        _CHRONICLES[number] = Chronicle(number, RECORDS + 12)
    return _CHRONICLES[number]


# --- running ---------------------------------------------------------------------------------------------------------


def explore(seed: int, most: int, tally: Tally, said: Callable[[Tally], None] = lambda tally: None, first: int = 0) -> Tally:
    """Stories until `most` images were tried; raises `Violation`."""
    number = first
    while tally.images < most:
        Story(seed, number, tally).run()
        number += 1
        said(tally)
    return tally


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Crash images of the journal.")
    parser.add_argument("--images", type=int, default=2000, help="how many to try")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--story", type=int, help="this story alone")
    parser.add_argument("--first", type=int, default=0, help="the story to begin with")
    parser.add_argument("--progress", action="store_true", help="a line every ten seconds")
    options = parser.parse_args(arguments)
    began = said_at = time.monotonic()

    def said(tally: Tally) -> None:
        nonlocal said_at
        now = time.monotonic()
        if options.progress and now - said_at >= 10:
            said_at = now
            print(f"{tally.images:>9} images, {tally.stories} stories, {tally.images / (now - began):.0f} images/s", flush=True)

    tally = Tally()
    fault = ""
    try:
        if options.story is not None:
            Story(options.seed, options.story, tally).run()
        else:
            explore(options.seed, options.images, tally, said, options.first)
    except Violation as violation:
        fault = str(violation)
        print(f"VIOLATION: {fault}", flush=True)
        story = options.story if options.story is not None else options.first + tally.stories - 1
        print(f"again: python tests/journal/crash.py --seed {options.seed} --story {story}", flush=True)
    seconds = time.monotonic() - began
    figures = asdict(tally) | {
        "violations": int(bool(fault)),
        "seed": options.seed,
        "seconds": round(seconds, 1),
        "images_per_s": round(tally.images / max(seconds, 0.001)),
        "violation": fault,
    }
    print(json.dumps(figures), flush=True)
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

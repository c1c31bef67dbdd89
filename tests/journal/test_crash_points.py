"""
The crash points of the journal by name: before and after each, power and process are lost in every way there is.

The points between a PLC and us (polled, acknowledged, sent, accepted) are the explorer's; these are the disk's.
Each test leads one hall through a short history, stops at its point, and recovers whatever a crash there may leave:
what was acknowledged is there, the group under way is there whole or not at all, notes and snapshots are old or new.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NamedTuple

import pytest
from crash import Hall
from crash_images import Tally

from packcenter.core.inputs import Quarantined
from packcenter.journal import space
from simulation.disk import Crash, SimDisk, failing

FIRST = "segment-00000001.pcj"
SECOND = "segment-00000002.pcj"
EVENT = Quarantined("sorter-1", 1, 7, 3, "NJ000001", "KeyError: 'NJ000001'")


class Point(NamedTuple):
    """The `nth` operation `what` on a file whose name matches; in the recovery of a torn group if it is `recovery`'s."""

    what: str
    file: str
    nth: int = 1
    recovery: bool = False


POINTS = {
    # a group
    "the group is written": Point("pwrite", FIRST, 3),
    "the group is synced": Point("fdatasync", FIRST, 3),
    # a spare
    "a spare is begun": Point("open", "segment-*.pcj.tmp", 2),
    "a spare is filled": Point("pwrite", "segment-*.pcj.tmp", 2),
    "a spare is synced": Point("fdatasync", "segment-*.pcj.tmp", 2),
    "a spare has its name": Point("rename", SECOND),
    "a spare's name is synced": Point("sync_directory", "", 3),
    # a segment switch
    "a segment's header is written": Point("pwrite", SECOND),
    "a segment's header is synced": Point("fdatasync", SECOND),
    "the first group of a segment is written": Point("pwrite", SECOND, 2),
    "the first group of a segment is synced": Point("fdatasync", SECOND, 2),
    "the release changes and a segment's header is written": Point("pwrite", "segment-00000003.pcj"),
    "the release changes and a segment's header is synced": Point("fdatasync", "segment-00000003.pcj"),
    # a snapshot
    "a snapshot is begun": Point("open", "snapshot-*.pcs.tmp", 3),
    "a snapshot is written": Point("pwrite", "snapshot-*.pcs.tmp", 3),
    "a snapshot is synced": Point("fdatasync", "snapshot-*.pcs.tmp", 3),
    "a snapshot has its name": Point("rename", "snapshot-*.pcs", 3),
    "the oldest snapshot is removed": Point("remove", "snapshot-*.pcs"),
    # a quarantine note
    "a quarantine note is written": Point("pwrite", "quarantine.msgpack.tmp"),
    "a quarantine note is synced": Point("fdatasync", "quarantine.msgpack.tmp"),
    "a quarantine note has its name": Point("rename", "quarantine.msgpack"),
    "a quarantine note is removed": Point("remove", "quarantine.msgpack"),
    # ballast
    "the ballast is begun": Point("open", "ballast"),
    "the ballast is filled": Point("pwrite", "ballast"),
    "the ballast is synced": Point("fdatasync", "ballast"),
    "the ballast is released": Point("remove", "ballast"),
    # recovery itself: of a torn group, with a spare half made
    "recovery removes half a spare": Point("remove", "segment-*.pcj.tmp", recovery=True),
    "recovery cuts the torn tail": Point("pwrite", FIRST, recovery=True),
    "recovery writes the last group again": Point("pwrite", FIRST, 2, recovery=True),
    "recovery syncs what it wrote": Point("fdatasync", FIRST, recovery=True),
    "recovery syncs the folder": Point("sync_directory", "", recovery=True),
}


class History(Hall):
    """A hall that always does the same, looked at in one point alone; `met` counts the point's operations."""

    def __init__(self, point: Point, when: str) -> None:
        super().__init__(0, 4, Tally())
        self.met = 0
        self._point = point
        self._when = when

    def watch(self, doing: str) -> Callable[[str, str, str], None]:
        """Look when the point is reached."""

        def hook(when: str, what: str, name: str) -> None:
            if (when, what) == (self._when, self._point.what) and fnmatchcase(name, self._point.file):
                self.met += 1
                if self.met == self._point.nth:
                    self.spot.doing = f"{when} {what} {name}"
                    self.judge.look(self.disk, self.promise, 0)
                    self.judge.judge(self.disk.survivor(), self.promise, 0)
                    if what == "fdatasync":
                        self.judge.sync_fails(self.disk, name, self.promise, 0)

        return hook

    def go(self) -> None:
        """Two segments with spares, three snapshots, a quarantine note, another release; or a recovery."""
        self.start()
        self.commit(4)
        if self._point.recovery:
            self._recover()
            return
        for _ in range(3):
            self.spares()
            self.commit(2)
            self.snapshot()
        while self.journal.end.segment == 1:
            self.commit(3)
        self.commit(1)
        self.note((EVENT,))
        self.note(())
        self.disk.hook = self.watch("ballast")
        space.release_ballast(self.disk)
        self.release(1)
        self.commit(1)

    def _recover(self) -> None:
        """A power loss leaves a spare half made and a group without one of its sectors."""
        self.met = self._point.nth  # nothing before the recovery counts
        found = self.journal.end.sequence
        self.disk.open(f"{SECOND}.tmp", create=True).pwrite(bytes(5000), 0)
        self.disk.sync_directory()
        self.disk.hook = failing("fdatasync", FIRST, Crash())
        self.promise.most = found + 6
        with pytest.raises(Crash):
            self.journal.write_group(self.judge.fitting(found, 6))
        self.disk = self._without_a_sector()
        self.met = 0
        self.start()
        assert self.journal.torn_bytes > 0
        self.commit(2)

    def _without_a_sector(self) -> SimDisk:
        moment = self.disk.moment()
        written = [number for number, unit in enumerate(moment.units) if unit.name == FIRST]
        assert len(written) > 3, moment.units
        return moment.image((1 << len(moment.units)) - 1 & ~(1 << written[1]))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", POINTS)
def test_a_crash_loses_nothing(name: str, when: str) -> None:
    """Whatever a crash leaves right before or right after this point."""
    history = History(POINTS[name], when)
    history.go()
    assert history.met >= POINTS[name].nth, f"{name} never happened"
    assert history.tally.images > 0

"""The journal on a disk that crashes, lies, fills up and rots: what was acknowledged is there, or it says why not."""

from __future__ import annotations

import asyncio
import errno
import re
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from packcenter.journal import frames, snapshot
from packcenter.journal.frames import Draft, Entry, Identity
from packcenter.journal.journal import (
    Committer,
    InlineCommitter,
    Journal,
    JournalCorrupt,
    JournalError,
    JournalFull,
    JournalLocked,
    JournalPoisoned,
    JournalVersion,
    Position,
    ThreadCommitter,
    Verify,
    read_groups,
    read_journal,
)
from packcenter.journal.snapshot import Snapshot
from packcenter.ports import Disk
from packcenter.real import RealClock, RealDisk
from simulation.disk import Crash, Hook, SimDisk, SimFile, StillClock, crash_after, failing, sync_fails
from simulation.draws import Stream

SEGMENT = 16 << 10
IDENTITY = Identity("NJ01", "0.1.0", b"\x11" * 32, b"\x22" * 32)
FIRST = "segment-00000001.pcj"
SECOND = "segment-00000002.pcj"
UNFINISHED = "segment-00000002.pcj.tmp"


def opened(disk: Disk, position: Position | None = None, identity: Identity = IDENTITY, *, lab: bool = False) -> Journal:
    return Journal.open(
        disk, identity, clock=StillClock(), holder="pid 7 packcenter run", lab=lab, position=position, segment_bytes=SEGMENT
    )


def draft(body: bytes) -> Draft:
    return Draft(1, 2, 3, "sorter-1", 4, 5, body, min(2, len(body)))


def bodies(*numbers: int, size: int = 0) -> list[bytes]:
    return [b"record %d." % n + b"x" * size for n in numbers]


def write(journal: Journal, given: list[bytes]) -> None:
    journal.write_group([draft(body) for body in given])


def contents(disk: Disk, verify: Verify = "decisions") -> list[bytes]:
    return [entry.body for entry in read_journal(disk, verify=verify)]


def disk_with(*groups: list[bytes]) -> SimDisk:
    """A disk whose journal was written by a process that is gone; all is synced."""
    disk = SimDisk()
    journal = opened(disk)
    for group in groups:
        write(journal, group)
    journal.close()
    return SimDisk(disk.files())


def changed(disk: SimDisk, name: str, at: int, content: bytes) -> SimDisk:
    files = disk.files()
    files[name] = files[name][:at] + content + files[name][at + len(content) :]
    return SimDisk(files)


def full_segments(count: int) -> SimDisk:
    """A journal of `count` segments, each with records."""
    disk, number = SimDisk(), 0
    journal = opened(disk)
    while journal.end.segment < count:
        write(journal, bodies(number, size=1500))
        number += 1
    return SimDisk(disk.files())


def asked_of(disk: SimDisk, operation: str, doing: Callable[[], object]) -> list[tuple[str, int]]:
    """(file, bytes) of every `operation` that `doing` asks for."""
    seen: list[tuple[str, int]] = []

    def pace(what: str, name: str, count: int) -> int:
        seen.extend([(name, count)] if what == operation else [])
        return 0

    disk.pace = pace
    doing()
    disk.pace = None
    return seen


# --- writing and reading back ---


def test_records_come_back_with_everything_that_was_drafted() -> None:
    disk = SimDisk()
    journal = opened(disk)
    given = [Draft(11, 12, 13, "bagger-1", 14, 15, b"abc", 1), Draft(21, 22, 23, "", 0, 0, b"", 0)]
    group = journal.write_group(given)
    assert (group.first_sequence, group.last_sequence, group.end) == (1, 2, journal.end)
    seen = list(read_journal(disk))
    assert [Draft(e.at_us, e.mono_us, e.wall_us, e.source, e.epoch, e.source_seq, e.body, e.decision_at) for e in seen] == given
    assert [e.sequence for e in seen] == [1, 2]
    assert disk.files()[FIRST][seen[1].offset :].startswith(b"\xf7PCF")


def test_a_group_is_one_write_and_one_sync() -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    calls: list[tuple[str, str]] = []
    disk.hook = lambda when, what, name: calls.append((what, name)) if when == "after" else None
    write(journal, bodies(2, 3, 4))
    assert calls == [("pwrite", FIRST), ("fdatasync", FIRST)]


def test_a_group_tells_how_long_each_step_took() -> None:
    disk, clock = SimDisk(), StillClock()
    journal = Journal.open(disk, IDENTITY, clock=clock, holder="me", segment_bytes=SEGMENT)
    write(journal, bodies(1))
    took = {"pwrite": 30, "fdatasync": 700_000}

    def stall(when: str, what: str, name: str) -> None:
        clock.now_us += took.get(what, 0) if when == "before" else 0

    disk.hook = stall
    group = journal.write_group([draft(b"2")])
    assert (group.encode_us, group.write_us, group.sync_us) == (0, 30, 700_000)
    assert group.size_bytes == frames.group_bytes([draft(b"2")])


def test_an_empty_journal_has_no_records_and_goes_on_from_one() -> None:
    disk = SimDisk()
    journal = opened(disk)
    assert (journal.end, journal.torn_bytes) == (Position(0, 0, 0, frames.GENESIS, frames.GENESIS), 0)
    assert list(journal.records(1)) == []
    journal.prepare_spares()
    assert list(read_journal(disk)) == []
    write(journal, bodies(1))
    assert [entry.sequence for entry in journal.records(1)] == [1]


def test_a_reopened_journal_goes_on_where_it_ended() -> None:
    disk = disk_with(bodies(1, 2), bodies(3))
    journal = opened(disk)
    assert (journal.end.sequence, journal.torn_bytes) == (3, 0)
    write(journal, bodies(4))
    assert journal.end.segment == 1
    assert contents(disk) == bodies(1, 2, 3, 4)


def test_records_begin_anywhere() -> None:
    disk = full_segments(3)
    journal = opened(disk)
    total = journal.end.sequence
    for first in (1, 2, total // 2, total, total + 1):
        expected = list(range(first, total + 1))
        assert [entry.sequence for entry in journal.records(first)] == expected
        assert [entry.sequence for entry in read_journal(disk, first)] == expected


def test_segments_continue_one_chain_over_a_switch() -> None:
    disk = full_segments(4)
    for verify in ("crc", "chain", "decisions"):
        assert contents(disk, verify) == bodies(*range(len(contents(disk))), size=1500)


def test_two_spares_stand_ready_and_a_switch_uses_one() -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    assert journal.spares_missing() == 2
    journal.prepare_spares()
    assert journal.spares_missing() == 0
    assert disk.list() == [f"segment-0000000{n}.pcj" for n in (1, 2, 3)]
    calls: list[str] = []
    disk.hook = lambda when, what, name: calls.append(what)
    while journal.end.segment == 1:
        write(journal, bodies(2, size=1500))
    assert journal.spares_missing() == 1
    while journal.end.segment == 2:
        write(journal, bodies(2, size=1500))
    assert "rename" not in calls
    assert "sync_directory" not in calls
    assert journal.spares_missing() == 2


def test_a_spare_is_zero_and_synced_before_it_has_its_name() -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    written = asked_of(disk, "pwrite", journal.prepare_spares)
    assert sum(count for name, count in written if name == UNFINISHED) == SEGMENT, "a hole would keep no room"
    for luck in range(20):
        left = disk.image(Stream(luck, "crash")).files()
        assert left[SECOND] == bytes(SEGMENT)


@pytest.mark.parametrize(
    "other",
    [
        Identity("NJ01", "0.2.0", b"\x11" * 32, b"\x22" * 32),
        Identity("NJ01", "0.1.0", b"\x33" * 32, b"\x22" * 32),
        Identity("NJ01", "0.1.0", b"\x11" * 32, b"\x33" * 32),
    ],
    ids=["release", "configuration", "profiles"],
)
def test_a_new_release_configuration_or_profile_begins_a_new_segment(other: Identity) -> None:
    disk = disk_with(bodies(1))
    journal = opened(disk, identity=other)
    write(journal, bodies(2))
    assert journal.end.segment == 2
    head = frames.decode_header(disk.files()[SECOND][: frames.FIRST_FRAME])
    assert head is not None
    assert (head.identity, head.first_sequence) == (other, 2)
    assert contents(disk) == bodies(1, 2)
    with pytest.raises(JournalCorrupt, match="after sequence 0"):
        opened(changed(disk, FIRST, frames.FIRST_FRAME + 95, b"R"), identity=other)


def test_a_group_that_fits_no_segment_is_our_mistake() -> None:
    journal = opened(SimDisk())
    with pytest.raises(AssertionError, match="does not fit"):
        write(journal, bodies(1, size=SEGMENT))


def test_a_group_that_fills_its_segment_to_the_last_byte_goes_into_it() -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    room = SEGMENT - journal.end.offset
    size = room - frames.group_bytes([draft(b"")])
    write(journal, [bytes(size)])
    assert (journal.end.segment, journal.end.offset) == (1, SEGMENT)
    write(journal, bodies(2))
    assert journal.end.segment == 2
    assert contents(disk) == [*bodies(1), bytes(size), *bodies(2)]


def test_a_group_may_fill_a_fresh_segment_to_the_last_byte() -> None:
    disk = SimDisk()
    journal = opened(disk)
    body = bytes(SEGMENT - frames.FIRST_FRAME - frames.group_bytes([draft(b"")]))
    write(journal, [body])
    assert (journal.end.segment, journal.end.offset) == (1, SEGMENT)
    assert contents(disk) == [body]


def test_a_closed_journal_takes_nothing() -> None:
    journal = opened(disk_with(bodies(1)))
    journal.close()
    journal.close()
    with pytest.raises(JournalPoisoned, match=r"takes nothing more: closed\. End this process"):
        write(journal, bodies(2))


def test_every_file_that_was_opened_is_closed_in_the_end() -> None:
    """Over a segment's switch, a reopening and a reading; but for the segment that a journal writes, until it is closed."""
    files: list[str] = []

    class Counted(SimFile):
        def close(self) -> None:
            files.remove(self._name)

    class CountingDisk(SimDisk):
        def open(self, name: str, *, create: bool) -> SimFile:
            file = Counted(self, name, super().open(name, create=create).inode)
            files.append(name)
            return file

    disk = CountingDisk()
    journal = opened(disk)
    while journal.end.segment < 3:
        write(journal, bodies(1, size=1500))
        assert files == [f"segment-{journal.end.segment:08d}.pcj"]
    journal.close()
    assert files == []
    again = CountingDisk(disk.files())
    journal = opened(again, journal.end)
    contents(again)
    assert files == ["segment-00000003.pcj"]
    journal.close()
    assert files == []


# --- who may write, and where ---


def test_a_second_writer_is_refused_and_told_who_holds_the_folder() -> None:
    disk = SimDisk()
    opened(disk)
    with pytest.raises(JournalLocked, match="in use by pid 7 packcenter run"):
        opened(disk)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "overlay", "tmpfs", "fuse.sshfs", "unknown"])
def test_a_disk_that_may_forget_is_refused_unless_in_the_laboratory(kind: str) -> None:
    with pytest.raises(JournalError) as refused:
        opened(SimDisk(kind=kind))
    assert str(refused.value) == (
        f"simulated is on a file system of type {kind}, expected a local disk such as ext4 or xfs."
        " Put the journal on one, or set `lab` where nothing may be lost but time."
    )
    write(opened(SimDisk(kind=kind), lab=True), bodies(1))


def test_the_laboratory_must_be_asked_for() -> None:
    with pytest.raises(JournalError, match="of type tmpfs, expected a local disk"):
        Journal.open(SimDisk(kind="tmpfs"), IDENTITY, clock=StillClock(), holder="me")


def test_another_centres_journal_is_refused() -> None:
    with pytest.raises(JournalError, match="journal of centre 'NJ01', the settings say 'SZ02'"):
        opened(disk_with(bodies(1)), identity=Identity("SZ02", "0.1.0", b"\x11" * 32, b"\x22" * 32))


def test_a_disk_that_cannot_be_read_is_said_so() -> None:
    disk = disk_with(bodies(1))
    disk.hook = failing("pread", FIRST, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(JournalError, match="cannot read the journal"):
        opened(disk)
    with pytest.raises(JournalError, match="cannot read the journal"):
        list(read_journal(disk))


# --- a failed write or sync ---


@pytest.mark.parametrize(("what", "code"), [("fdatasync", errno.EIO), ("pwrite", errno.EIO), ("pwrite", errno.ENOSPC)])
def test_a_failed_write_or_sync_poisons_the_journal_and_is_never_retried(what: str, code: int) -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    disk.hook = failing(what, FIRST, OSError(code, "refused"))
    with pytest.raises(JournalPoisoned, match=r"writing segment-00000001\.pcj at offset") as caught:
        write(journal, bodies(2))
    assert caught.value.exit_code == 74
    disk.hook = lambda when, what, name: pytest.fail("a poisoned journal touched the disk")
    with pytest.raises(JournalPoisoned):
        write(journal, bodies(3))
    with pytest.raises(JournalPoisoned):
        journal.prepare_spares()
    assert journal.end.sequence == 1


def test_an_interrupted_write_poisons_the_journal_too() -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    disk.hook = failing("fdatasync", FIRST, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write(journal, bodies(2))
    with pytest.raises(JournalPoisoned, match="broken off"):
        write(journal, bodies(2))


def test_after_a_failed_sync_a_restart_keeps_only_what_it_made_durable_itself() -> None:
    """Linux shows content whose sync failed although nobody will write it: recovery must write it again (fsyncgate)."""
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    disk.hook = failing("fdatasync", FIRST, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(JournalPoisoned):
        write(journal, bodies(2))
    disk.forget_unsynced()
    after = disk.survivor()
    assert opened(after).end.sequence == 2
    for luck in range(20):
        assert contents(after.image(Stream(luck, "crash"))) == bodies(1, 2)


def test_after_a_failed_sync_of_a_header_a_restart_writes_it_again() -> None:
    disk = SimDisk()
    journal = opened(disk)
    disk.hook = failing("fdatasync", FIRST, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(JournalPoisoned, match=r"beginning segment-00000001\.pcj"):
        write(journal, bodies(1))
    disk.forget_unsynced()
    after = disk.survivor()
    write(opened(after), bodies(1))
    for luck in range(20):
        assert contents(after.image(Stream(luck, "crash"))) == bodies(1)


def test_a_fault_while_cutting_the_tail_poisons() -> None:
    disk = changed(disk_with(bodies(1)), FIRST, 6000, b"torn")
    disk.hook = failing("fdatasync", FIRST, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(JournalPoisoned, match="recovery failed"):
        opened(disk)


def test_zeros_whose_sync_failed_are_written_again() -> None:
    """
    Recovery cut a torn group, the sync of the cut failed, and the next process read zeros that the disk did not hold.

    Found by the crash images: later groups were acknowledged before the rest of the torn one, and a power loss made
    that damage.
    """
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    disk.hook = failing("fdatasync", FIRST, Crash())
    with pytest.raises(Crash):
        write(journal, bodies(*range(2, 12), size=200))
    moment = disk.moment()
    torn = moment.image((1 << len(moment.units)) - 1 & ~(1 << 3))
    torn.hook = sync_fails(torn, FIRST)
    with pytest.raises(JournalPoisoned, match="recovery failed"):
        opened(torn)
    after = torn.survivor()
    journal = opened(after)
    assert (journal.end.sequence, journal.torn_bytes) == (1, 0)
    write(journal, bodies(2))
    write(journal, bodies(3))
    assert contents(after.moment().image(0)) == bodies(1, 2, 3)


def test_recovery_zeroes_as_far_as_a_group_may_reach_and_writes_the_last_one_again_and_no_more() -> None:
    """And never beyond the segment, whose length is its header's."""
    written: list[int] = []

    class Noting(SimFile):
        def pwrite(self, content: bytes, offset: int) -> None:
            written.append(len(content))
            super().pwrite(content, offset)

    class NotingDisk(SimDisk):
        def open(self, name: str, *, create: bool) -> SimFile:
            return Noting(self, name, super().open(name, create=create).inode)

    for segment in (SEGMENT, 6 << 20):
        disk = SimDisk()
        journal = Journal.open(disk, IDENTITY, clock=StillClock(), holder="me", segment_bytes=segment)
        write(journal, bodies(1))
        write(journal, bodies(2, 3))
        assert len(disk.files()[FIRST]) == segment
        written.clear()
        again = Journal.open(NotingDisk(disk.files()), IDENTITY, clock=StillClock(), holder="me", segment_bytes=segment)
        most = frames.GROUP_BYTES_MAX + frames.COMMIT_BYTES
        last = frames.group_bytes([draft(body) for body in bodies(2, 3)])
        assert written == [min(most, segment - again.end.offset), last]
        written.clear()
        opened(NotingDisk(disk.files()), journal.end)
        assert written == [min(most, segment - again.end.offset), 0]


# --- no room ---


def test_without_room_for_a_spare_the_journal_goes_on_with_what_it_has() -> None:
    disk = SimDisk(total_bytes=SEGMENT + 100)
    journal = opened(disk)
    write(journal, bodies(1))
    with pytest.raises(JournalFull, match=r"no room for segment-00000002\.pcj of 16384 bytes: fewer bytes are free"):
        journal.prepare_spares()
    write(journal, bodies(2))
    assert contents(disk) == bodies(1, 2)


def test_a_spare_takes_the_very_last_room() -> None:
    disk = SimDisk(total_bytes=2 * SEGMENT)
    journal = opened(disk)
    write(journal, bodies(1))
    with pytest.raises(JournalFull, match=r"no room for segment-00000003"):
        journal.prepare_spares()
    assert SECOND in disk.list()


def test_a_full_disk_takes_the_same_group_once_there_is_room_again() -> None:
    """Space back, no restart: nothing was written, nothing is lost, nothing is doubled (J7)."""
    disk = SimDisk(total_bytes=SEGMENT + 100)
    journal = opened(disk)
    written = 0
    with pytest.raises(JournalFull) as caught:  # noqa: PT012 - which group meets the end is not the point
        for written in range(100):
            write(journal, bodies(written, size=1500))
    assert caught.value.exit_code == 73
    disk.total_bytes += SEGMENT
    write(journal, bodies(written, size=1500))
    assert contents(disk) == bodies(*range(written + 1), size=1500)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_spare_that_does_not_fit_leaves_nothing_behind(code: int) -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    disk.hook = failing("pwrite", UNFINISHED, OSError(code, "the disk said so"))
    with pytest.raises(JournalFull, match="the disk said so"):
        journal.prepare_spares()
    assert disk.list() == [FIRST]
    write(journal, bodies(2))


@pytest.mark.parametrize(("what", "name"), [("open", UNFINISHED), ("rename", SECOND)])
def test_a_spare_that_cannot_have_its_name_for_want_of_room_leaves_nothing_behind(what: str, name: str) -> None:
    """The file system may lack the room for a name or a file's node, too; that must not poison the journal."""
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    disk.hook = failing(what, name, OSError(errno.ENOSPC, "no room"))
    with pytest.raises(JournalFull, match="no room"):
        journal.prepare_spares()
    assert disk.list() == [FIRST]
    disk.hook = lambda when, what, name: None
    journal.prepare_spares()
    assert journal.spares_missing() == 0


def test_a_spare_that_cannot_be_synced_poisons() -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    disk.hook = failing("fdatasync", UNFINISHED, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(JournalPoisoned, match=r"making segment-00000002\.pcj failed"):
        journal.prepare_spares()


def test_a_poisoned_and_a_full_journal_say_what_to_do() -> None:
    """Word for word: people read them in the worst moment."""
    disk = SimDisk(total_bytes=SEGMENT + 100)
    journal = opened(disk)
    write(journal, bodies(1))
    with pytest.raises(JournalFull) as full:
        journal.prepare_spares()
    assert str(full.value) == (
        "simulated: no room for segment-00000002.pcj of 16384 bytes: fewer bytes are free."
        " Free space on this file system; nothing was written."
    )
    disk.hook = failing("fdatasync", FIRST, OSError(errno.EIO, "Input/output error"))
    with pytest.raises(JournalPoisoned) as poisoned:
        write(journal, bodies(2))
    assert str(poisoned.value) == (
        "simulated: the journal takes nothing more: writing segment-00000001.pcj at offset 4399 failed: [Errno 5] Input/output"
        " error. End this process; the next one reads back what the disk really holds."
    )


# --- crash points, by name ---


@dataclass
class Life:
    """A journal's life over crashes: what it was given, and what it acknowledged."""

    disk: SimDisk
    acknowledged: list[bytes] = field(default_factory=list)
    attempted: list[bytes] = field(default_factory=list)
    journal: Journal | None = None

    def commit(self, given: list[bytes]) -> None:
        assert self.journal is not None
        self.attempted = given
        write(self.journal, given)
        self.acknowledged += given
        self.attempted = []

    def work(self) -> None:
        """Groups, a spare after each, a snapshot after every third, over two segments."""
        for n in range(1, 12):
            self.commit(bodies(n, n + 1000, size=700) if n > 1 else bodies(n))
            assert self.journal is not None
            self.journal.prepare_spares()
            if n % 3 == 1:
                self.snapshot()

    def snapshot(self) -> None:
        assert self.journal is not None
        at = self.journal.end
        snapshot.write(self.disk, Snapshot(at, 1, b"%d records" % at.sequence))

    def check_from_snapshot(self) -> None:
        """As `check`, from the newest snapshot, which must be one of those that were taken."""
        found = snapshot.load_newest(self.disk, schemas=frozenset({1}))
        assert found.passed_over == ()
        if found.snapshot is not None:
            assert found.snapshot.state == b"%d records" % found.snapshot.position.sequence
        self.check(None if found.snapshot is None else found.snapshot.position)

    def check(self, position: Position | None = None) -> None:
        """
        Open after a crash: exactly what was acknowledged is there, or that and the whole last group (J1, J2).

        What recovery found counts as acknowledged, because it made it durable.
        """
        self.journal = opened(self.disk, position)
        seen = contents(self.disk) if FIRST in self.disk.list() else []
        assert seen in (self.acknowledged, self.acknowledged + self.attempted)
        assert self.journal.end.sequence == len(seen)
        assert [entry.body for entry in self.journal.records(1)] == seen
        self.acknowledged, self.attempted = seen, []


CRASH_POINTS: dict[str, Callable[[], Hook]] = {
    "before the group is written": lambda: failing("pwrite", FIRST, Crash(), nth=2),
    "after the group is written": lambda: failing("pwrite", FIRST, Crash(), when="after", nth=2),
    "before the group is synced": lambda: failing("fdatasync", FIRST, Crash(), nth=2),
    "after the group is synced": lambda: failing("fdatasync", FIRST, Crash(), when="after", nth=2),
    "before a spare is made": lambda: failing("open", UNFINISHED, Crash()),
    "while a spare is filled": lambda: failing("pwrite", UNFINISHED, Crash(), when="after"),
    "after a spare is synced": lambda: failing("fdatasync", UNFINISHED, Crash(), when="after"),
    "after a spare has its name": lambda: failing("rename", SECOND, Crash(), when="after"),
    "after the folder is synced": lambda: failing("sync_directory", "", Crash(), when="after"),
    "before a segment's header is written": lambda: failing("pwrite", SECOND, Crash()),
    "after a segment's header is written": lambda: failing("pwrite", SECOND, Crash(), when="after"),
    "after a segment's header is synced": lambda: failing("fdatasync", SECOND, Crash(), when="after"),
    "after the first group of a segment is written": lambda: failing("pwrite", SECOND, Crash(), when="after", nth=2),
    "after the first group of a segment is synced": lambda: failing("fdatasync", SECOND, Crash(), when="after", nth=2),
    "before a snapshot is written": lambda: failing("pwrite", SNAPSHOT + ".tmp", Crash()),
    "after a snapshot is written": lambda: failing("pwrite", SNAPSHOT + ".tmp", Crash(), when="after"),
    "before a snapshot has its name": lambda: failing("rename", SNAPSHOT, Crash()),
    "after a snapshot has its name": lambda: failing("rename", SNAPSHOT, Crash(), when="after"),
    "after the old snapshot is removed": lambda: failing("remove", OLD_SNAPSHOT, Crash(), when="after"),
}
SNAPSHOT = "snapshot-00000000000000000007.pcs"
OLD_SNAPSHOT = "snapshot-00000000000000000001.pcs"


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_a_crash_at_a_named_point_loses_nothing_that_was_acknowledged(point: str) -> None:
    for seed in range(15):
        life = Life(SimDisk())
        life.check()
        life.disk.hook = CRASH_POINTS[point]()
        with pytest.raises(Crash):
            life.work()
        life.disk = life.disk.image(Stream(seed, "crash"))
        life.check_from_snapshot()
        life.commit(bodies(5000))
        life.disk = SimDisk(life.disk.files())
        life.check_from_snapshot()


def test_a_crash_at_every_step_of_recovery_loses_nothing() -> None:
    """Recovery is cut off after each of its own operations in turn, on torn images, and the next one finds the same."""
    for seed in range(8):
        life = Life(SimDisk())
        life.journal = opened(life.disk)
        life.commit(bodies(0, 1))
        life.disk.hook = failing("fdatasync", FIRST, Crash())
        with pytest.raises(Crash):
            life.commit(bodies(*range(2, 12), size=300))
        torn = life.disk.image(Stream(seed, "crash"))
        for operations in range(200):
            disk = SimDisk(torn.files())
            disk.hook = crash_after(operations)
            try:
                opened(disk)
            except Crash:
                again = Life(disk.image(Stream(operations, "crash")), list(life.acknowledged), list(life.attempted))
                again.check()
            else:
                break
        else:
            pytest.fail("recovery did not end within 200 operations")
        assert operations > 10


def test_a_kill_leaves_what_the_kernel_has_and_recovery_makes_it_durable() -> None:
    """A killed process' last group may be in the kernel's memory alone; once recovery showed it, a power loss keeps it."""
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    disk.hook = failing("fdatasync", FIRST, Crash())
    with pytest.raises(Crash):
        write(journal, bodies(2))
    after = disk.survivor()
    assert opened(after).end.sequence == 2
    for luck in range(20):
        assert contents(after.image(Stream(luck, "crash"))) == bodies(1, 2)


def a_life_of_crashes(seed: int, lying: bool = False) -> int:
    """Random groups, spares, snapshots and crashes anywhere, recovery included; how many images were recovered."""
    luck, images, number = Stream(seed, "crash"), 0, 0
    life = Life(SimDisk())
    life.disk.lying = lying
    for _ in range(luck.between(3, 8)):
        life.disk.hook = crash_after(luck.below((40, 400)[luck.below(2)]))
        try:
            if luck.below(10) < 8:
                life.check_from_snapshot()
            else:
                life.check()
            while True:
                count = (1, 1, 2, 6)[luck.below(4)]
                life.commit(bodies(*range(number, number + count), size=(0, 0, 100, 900)[luck.below(4)]))
                number += count
                assert life.journal is not None
                if luck.below(10) < 3:
                    life.journal.prepare_spares()
                if luck.below(10) < 2:
                    life.snapshot()
        except Crash:
            number += 100
            life.disk = life.disk.survivor() if luck.below(10) < 2 else life.disk.image(luck)
            images += 1
    life.disk.hook = lambda when, what, name: None
    life.check_from_snapshot()
    return images


def test_hundreds_of_crash_images_recover_an_exact_prefix() -> None:
    assert sum(a_life_of_crashes(seed) for seed in range(60)) > 200


@pytest.mark.slow
def test_many_more_crash_images_recover_an_exact_prefix() -> None:
    assert sum(a_life_of_crashes(seed) for seed in range(1000, 1200)) > 800


def test_the_crash_test_finds_a_disk_whose_syncs_do_nothing() -> None:
    """The judge is judged: the same lives on a lying disk must be seen to lose what was acknowledged."""
    caught = 0
    for seed in range(30):
        try:
            a_life_of_crashes(seed, lying=True)
        except (AssertionError, JournalError):
            caught += 1
    assert caught >= 20


def test_the_crash_test_finds_a_journal_that_acknowledges_before_its_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(self: Journal, drafts: list[Draft]) -> None:
        real = self._disk
        assert isinstance(real, SimDisk)
        real.lying = True
        try:
            original(self, drafts)
        finally:
            real.lying = False

    original = Journal.write_group
    monkeypatch.setattr(Journal, "write_group", hasty)
    caught = 0
    for seed in range(30):
        try:
            a_life_of_crashes(seed)
        except (AssertionError, JournalError):
            caught += 1
    assert caught >= 20


# --- damage ---


def test_damage_is_reported_with_its_place_and_nothing_is_changed() -> None:
    disk = disk_with(bodies(1, 2), bodies(3), bodies(4))
    at = disk.files()[FIRST].index(b"record 3.")
    damaged = changed(disk, FIRST, at, b"RECORD")
    before = damaged.files()
    with pytest.raises(JournalCorrupt) as caught:
        opened(damaged)
    message = str(caught.value)
    assert message.startswith("segment-00000001.pcj, offset ")
    for part in ("after sequence 2", "the good frame of sequence 4 follows"):
        assert part in message
    assert message.endswith(
        ". This is damage, not a torn tail; nothing was changed. Keep a copy of the folder as it is,"
        " check the disk, and restore the segment from a copy that reads without a fault."
    )
    assert damaged.files() == before
    assert caught.value.exit_code == 65
    with pytest.raises(JournalCorrupt, match="after sequence 2"):
        list(read_journal(damaged))


def test_every_flipped_bit_over_two_segments_is_found() -> None:
    """Each byte that holds anything, one random bit at a time: opening and reading both find it (J9)."""
    disk = SimDisk()
    journal = opened(disk)
    while journal.end.segment < 2:
        write(journal, bodies(1, 2, size=1800))
    write(journal, bodies(3))
    files, end, luck = disk.files(), journal.end, Stream(3, "crash")
    used = {FIRST: len(files[FIRST].rstrip(b"\0")), SECOND: end.offset}
    for name, length in used.items():
        for at in [luck.below(length) for _ in range(500)]:
            damaged = changed(SimDisk(files), name, at, bytes([files[name][at] ^ 1 << luck.below(8)]))
            with pytest.raises(JournalError):
                contents(damaged)
            with pytest.raises(JournalError):
                opened(damaged)


def test_a_flipped_bit_in_unused_space_loses_no_record() -> None:
    disk, luck = disk_with(bodies(1, 2), bodies(3)), Stream(4, "crash")
    end = len(disk.files()[FIRST].rstrip(b"\0"))
    for at in range(end, SEGMENT, 97):
        damaged = changed(disk, FIRST, at, bytes([1 << luck.below(8)]))
        try:
            journal = opened(damaged)
        except JournalCorrupt:
            continue
        assert contents(damaged) == bodies(1, 2, 3)
        assert journal.torn_bytes == at + 1 - end
        assert damaged.files() == disk.files()


def without(disk: SimDisk, name: str) -> SimDisk:
    files = disk.files()
    del files[name]
    return SimDisk(files)


def test_a_missing_segment_is_damage() -> None:
    with pytest.raises(JournalCorrupt, match=r"segment-00000002\.pcj is missing, segment-00000003\.pcj is there"):
        opened(without(full_segments(3), SECOND))


def test_an_emptied_segment_before_others_is_damage() -> None:
    disk = changed(full_segments(3), SECOND, 0, bytes(SEGMENT))
    with pytest.raises(JournalCorrupt, match=r"segment-00000003\.pcj is in use, the one before is not"):
        opened(disk)


def test_a_segment_whose_header_was_torn_is_begun_again() -> None:
    """Nothing was ever written behind that header, so nothing can be lost."""
    disk = disk_with(bodies(1))
    files = disk.files()
    torn = SimDisk(files | {SECOND: files[FIRST][:77].ljust(SEGMENT, b"\0")})
    journal = opened(torn)
    while journal.end.segment == 1:
        write(journal, bodies(2, size=1500))
    assert contents(torn)[0] == b"record 1."
    assert journal.end.segment == 2


def test_a_segment_with_a_bad_header_before_its_groups_is_damage() -> None:
    with pytest.raises(JournalCorrupt, match="segment header has magic"):
        opened(changed(disk_with(bodies(1)), FIRST, 3, b"x"))


def test_a_journal_of_another_format_stops_although_it_is_empty() -> None:
    content = bytearray(disk_with(bodies(1)).files()[FIRST][:512])
    content[8] = 2
    content[508:] = zlib.crc32(content[:508]).to_bytes(4, "little")
    with pytest.raises(JournalVersion, match="journal format 2"):
        opened(SimDisk({FIRST: bytes(content).ljust(SEGMENT, b"\0")}))


def test_a_segment_that_lost_its_header_does_not_pass_for_a_spare() -> None:
    disk = changed(full_segments(2), SECOND, 0, bytes(512))
    with pytest.raises(JournalCorrupt, match="offset 0: no header, but other bytes than zero after it"):
        opened(disk)


@pytest.mark.parametrize("length", [4096, 4097, 9000, SEGMENT - 1])
def test_a_cut_segment_file_is_damage(length: int) -> None:
    """
    Even where no group is left in it.

    Found by the crash images: a file cut right behind its header passed for a spare, and its records were gone.
    """
    files = disk_with(bodies(1)).files()
    with pytest.raises(JournalCorrupt, match=f"offset 0: header of segment 1 with 16384 bytes in a file of {length} bytes"):
        opened(SimDisk({FIRST: files[FIRST][:length]}))


@pytest.mark.parametrize("length", [0, 1, 511, 512, 4095])
def test_a_segment_file_cut_within_its_header_is_damage(length: int) -> None:
    """A spare has its full length before it has its name, so no crash leaves a short one."""
    for content in (disk_with(bodies(1)).files()[FIRST], bytes(SEGMENT)):
        with pytest.raises(JournalCorrupt, match=f"offset 0: the file has {length} bytes of header area, expected 4096"):
            opened(SimDisk({FIRST: content[:length]}))


def test_a_segment_under_anothers_name_is_damage() -> None:
    files = full_segments(3).files()
    with pytest.raises(JournalCorrupt, match="header of segment 3"):
        opened(SimDisk(files | {SECOND: files["segment-00000003.pcj"]}))


def test_a_first_segment_that_is_not_the_first_is_damage() -> None:
    header = frames.SegmentHeader(IDENTITY, 1, SEGMENT, 7, 0, frames.GENESIS, frames.GENESIS)
    with pytest.raises(
        JournalCorrupt, match=r"^segment-00000001\.pcj, offset 0: the first segment begins with sequence 7, expected 1"
    ):
        opened(SimDisk({FIRST: frames.encode_header(header).ljust(SEGMENT, b"\0")}))


def test_a_lost_last_group_of_an_earlier_segment_is_damage() -> None:
    disk = full_segments(2)
    groups = list(read_groups(disk))
    last = max(batch.end.offset for batch in groups if batch.end.segment == 1)
    start = max(batch.end.offset for batch in groups if batch.end.segment == 1 and batch.end.offset < last)
    left = sum(1 for batch in groups if batch.end.segment == 1) - 1
    why = f"the segment before ends with sequence {left}, this one goes on from {left + 1}, or from another chain"
    with pytest.raises(JournalCorrupt, match=f"^segment-00000002.pcj, offset 0: {why}"):
        opened(changed(disk, FIRST, start, bytes(last - start)))


def test_a_torn_tail_before_another_segment_is_damage() -> None:
    disk = full_segments(2)
    end = len(disk.files()[FIRST].rstrip(b"\0"))
    with pytest.raises(JournalCorrupt, match=f"offset {end}, .*: no whole group follows, though the next segment is in use"):
        opened(changed(disk, FIRST, end + 600, b"x"))


def test_a_wrong_decision_digest_is_found_by_whoever_asks() -> None:
    good = disk_with(bodies(1))
    chain = frames.chain_after_header(good.files()[FIRST])
    forged = frames.encode_group([draft(b"record 1.")], 1, chain, b"\x01" * 32)
    disk = changed(good, FIRST, frames.FIRST_FRAME, forged.content)
    assert contents(disk, "chain") == bodies(1)
    at = frames.FIRST_FRAME + len(forged.content) - frames.COMMIT_BYTES
    why = f"offset {at}, after sequence 0: the decision digest is not that of the group's decisions. This is damage"
    with pytest.raises(JournalCorrupt, match=re.escape(why)):
        contents(disk, "decisions")


def test_a_broken_chain_is_passed_over_by_whoever_wants_crcs_alone() -> None:
    """So that a tool can still show what stands behind the place where the chain breaks."""
    other = frames.encode_group([draft(b"record 1.")], 1, frames.GENESIS, frames.GENESIS)
    disk = changed(disk_with(bodies(1)), FIRST, frames.FIRST_FRAME, other.content)
    assert contents(disk, "crc") == bodies(1)
    with pytest.raises(JournalCorrupt, match="frame 1 does not continue the chain"):
        contents(disk, "chain")


def test_a_later_releases_record_stops_the_journal_and_is_never_skipped() -> None:
    good = disk_with(bodies(1))
    chain = frames.chain_after_header(good.files()[FIRST])
    newer = frames.encode_group([msgspec.structs.replace(draft(b"record 1."), schema=2)], 1, chain, frames.GENESIS)
    disk = changed(good, FIRST, frames.FIRST_FRAME, newer.content)
    before = disk.files()
    with pytest.raises(JournalVersion, match=r"schema 2.*Run the release that wrote it") as caught:
        opened(disk)
    assert caught.value.exit_code == 69
    assert disk.files() == before


# --- starting from a snapshot's position ---


def test_recovery_from_a_position_reads_nothing_before_it() -> None:
    disk = full_segments(2)
    positions = [batch.end for batch in read_groups(disk)]
    spoilt = changed(disk, FIRST, 5000, b"damage")
    journal = opened(spoilt, positions[-2])
    assert journal.end == positions[-1]
    after = positions[-2].sequence + 1
    assert [entry.sequence for entry in journal.records(after)] == [positions[-1].sequence]
    assert [entry.sequence for entry in read_journal(spoilt, after)] == [positions[-1].sequence]
    with pytest.raises(JournalCorrupt):
        list(journal.records(1))


def test_recovery_starts_from_every_position_there_is() -> None:
    disk = full_segments(2)
    positions = [batch.end for batch in read_groups(disk)]
    for position in positions:
        again = SimDisk(disk.files())
        journal = opened(again, position)
        assert journal.end == positions[-1]
        assert len(list(journal.records(position.sequence + 1))) == positions[-1].sequence - position.sequence
        write(journal, bodies(1))
        assert len(contents(again)) == positions[-1].sequence + 1


def test_a_position_at_a_segments_beginning_is_one_too() -> None:
    disk = SimDisk()
    journal = opened(disk)
    disk.hook = failing("pwrite", FIRST, Crash(), nth=2)
    journal.prepare_spares()
    disk.hook = failing("pwrite", FIRST, Crash(), nth=2)
    with pytest.raises(Crash):
        write(journal, bodies(1))
    start = journal.end
    assert (start.segment, start.offset, start.sequence) == (1, frames.FIRST_FRAME, 0)
    again = opened(SimDisk(disk.files()), start)
    assert again.end == start
    two = full_segments(2)
    content = two.files()[SECOND]
    head = frames.decode_header(content[: frames.FIRST_FRAME])
    assert head is not None
    second = Position(2, frames.FIRST_FRAME, head.first_sequence - 1, frames.chain_after_header(content), head.digest)
    assert opened(two, second).end.sequence == head.first_sequence


def test_a_position_that_the_journal_does_not_hold_is_refused() -> None:
    """A journal that was cut behind its snapshot shows here, although its chain is sound."""
    whole = disk_with(bodies(1), bodies(2))
    positions = [batch.end for batch in read_groups(whole)]
    cut = changed(whole, FIRST, positions[0].offset, bytes(positions[1].offset - positions[0].offset))
    assert opened(SimDisk(cut.files())).end == positions[0]
    absent = msgspec.structs.replace(positions[1], segment=5)
    other = msgspec.structs.replace(positions[0], chain=bytes(32))
    nowhere = opened(SimDisk()).end
    for disk, position in (
        (cut, positions[1]),
        (whole, absent),
        (whole, other),
        (SimDisk(), positions[0]),
        (whole, nowhere),
        (SimDisk(), nowhere),
    ):
        with pytest.raises(JournalCorrupt) as refused:
            opened(SimDisk(disk.files()), position)
        assert str(refused.value) == (
            f"segment-{position.segment:08d}.pcj, offset {position.offset}: the snapshot says that sequence {position.sequence}"
            " ends here, the journal does not. One of them was cut or restored without the other; nothing was changed."
            " Restore the journal from a copy that has this sequence, or remove the snapshots if the journal is right."
        )


# --- readers beside a writer ---


def test_a_folder_without_a_journal_is_said_so() -> None:
    with pytest.raises(JournalError, match=r"no journal here, expected segment-00000001\.pcj"):
        list(read_journal(SimDisk()))


def test_a_reader_takes_no_lock_and_writes_nothing() -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    changes = {"pwrite", "truncate", "rename", "remove", "fdatasync", "sync_directory"}
    disk.hook = lambda when, what, name: pytest.fail(what) if what in changes else None
    assert contents(disk) == bodies(1)


def test_a_reader_ends_at_the_last_whole_group_of_a_live_journal() -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(1))
    disk.hook = failing("fdatasync", FIRST, Crash())
    with pytest.raises(Crash):
        write(journal, bodies(*range(2, 30), size=200))
    for seed in range(50):
        assert contents(disk.image(Stream(seed, "crash"))) in (bodies(1), bodies(1) + bodies(*range(2, 30), size=200))


class Racing(SimDisk):
    """A disk on which a service writes in the middle of a reader's read."""

    meanwhile: Callable[[], None] | None = None

    def open(self, name: str, *, create: bool) -> SimFile:
        return RacingFile(self, name, super().open(name, create=create))


class RacingFile(SimFile):
    """Its first read of a whole segment sees the beginning as it was before `meanwhile`, the rest as it is after."""

    def __init__(self, disk: Racing, name: str, plain: SimFile) -> None:
        super().__init__(disk, name, plain.inode)
        self._racing = disk

    def pread(self, count: int, offset: int) -> bytes:
        before = super().pread(count, offset)
        if count != SEGMENT or self._racing.meanwhile is None:
            return before
        meanwhile, self._racing.meanwhile = self._racing.meanwhile, None
        meanwhile()
        seam = len(before.rstrip(b"\0")) + 30
        return before[:seam] + super().pread(count, offset)[seam:]


def test_a_reader_looks_again_before_it_calls_a_live_journal_damaged() -> None:
    """It read the beginning of a group before, and the next group after they were written: no damage, but a race."""
    disk = Racing()
    journal = opened(disk)
    write(journal, bodies(1))

    def meanwhile() -> None:
        write(journal, bodies(2))
        write(journal, bodies(3))

    disk.meanwhile = meanwhile
    assert contents(disk) == bodies(1, 2, 3)


def test_a_reader_does_not_take_a_segment_just_begun_for_damage() -> None:
    disk = SimDisk()
    journal = opened(disk)
    write(journal, bodies(0))
    journal.prepare_spares()
    count = 1
    looked = False

    def hook(when: str, what: str, name: str) -> None:
        nonlocal count, looked
        if (when, what, name) == ("after", "pread", SECOND) and not looked:
            looked = True
            while journal.end.segment == 1:
                write(journal, bodies(count, size=1500))
                count += 1

    disk.hook = hook
    seen = contents(disk)
    assert looked
    assert seen == bodies(0) + bodies(*range(1, count), size=1500)


def test_damage_is_called_so_at_the_third_look_alike() -> None:
    """A running service may be the cause of what was seen at the first two."""
    whole = disk_with(bodies(1), bodies(2))
    second = next(read_groups(whole)).end.offset
    for at, bytes_read in ((0, frames.FIRST_FRAME), (frames.FIRST_FRAME + 95, SEGMENT), (second + 95, SEGMENT)):
        damaged = changed(whole, FIRST, at, b"X")

        def read(disk: SimDisk = damaged) -> None:
            with pytest.raises(JournalCorrupt):
                list(read_journal(disk))

        assert asked_of(damaged, "pread", read).count((FIRST, bytes_read)) == 3


def test_of_a_spare_only_the_beginning_is_read() -> None:
    """A service begins without reading two segments of zeros to their ends."""
    disk = SimDisk()
    journal = Journal.open(disk, IDENTITY, clock=StillClock(), holder="me", segment_bytes=1 << 20)
    write(journal, bodies(1))
    journal.prepare_spares()
    after = disk.settled()
    read = asked_of(after, "pread", lambda: opened(after))
    assert 0 < sum(count for name, count in read if name == SECOND) < 1 << 18


# --- committers ---


def test_the_inline_committer_commits_and_makes_spares() -> None:
    async def run() -> None:
        disk = SimDisk()
        committer: Committer = InlineCommitter(opened(disk))
        assert committer.spare_fault == ""
        assert (await committer.commit([draft(b"1")])).last_sequence == 1
        assert (await committer.commit([draft(b"2")])).last_sequence == 2
        assert len(disk.list()) == 3
        disk.total_bytes = 0
        while not committer.spare_fault:
            await committer.commit([draft(b"x" * 1500)])
        assert "no room" in committer.spare_fault
        disk.total_bytes = 1 << 40
        await committer.commit([draft(b"3")])
        assert committer.spare_fault == ""
        await committer.close()
        with pytest.raises(JournalPoisoned):
            await committer.commit([draft(b"4")])

    asyncio.run(run())


def test_the_thread_committer_writes_in_one_thread_and_makes_spares_in_another() -> None:
    async def run() -> None:
        disk = SimDisk()
        where: dict[str, set[str]] = {}

        def hook(when: str, what: str, name: str) -> None:
            if what == "pwrite":
                where.setdefault(name, set()).add(threading.current_thread().name)

        disk.hook = hook
        journal = opened(disk)
        close = journal.close

        def closing() -> None:
            where["close"] = {threading.current_thread().name}
            close()

        journal.close = closing  # type: ignore[method-assign]
        committer: Committer = ThreadCommitter(journal)
        await committer.commit([draft(b"0")])
        await committer.close()
        assert committer.spare_fault == ""
        assert where == {
            f"{FIRST}.tmp": {"journal-writer_0"},
            FIRST: {"journal-writer_0"},
            f"{SECOND}.tmp": {"journal-spares_0"},
            "segment-00000003.pcj.tmp": {"journal-spares_0"},
            "close": {"journal-writer_0"},
        }

    asyncio.run(run())


def test_commits_asked_for_at_once_are_written_one_after_the_other() -> None:
    async def run() -> None:
        disk, going = SimDisk(), threading.Event()

        def hook(when: str, what: str, name: str) -> None:
            assert what != "pwrite" or going.wait(30)

        disk.hook = hook
        committer = ThreadCommitter(opened(disk))
        commits = [asyncio.ensure_future(committer.commit([draft(b"%d" % n)])) for n in range(3)]
        await asyncio.sleep(0)  # all three are asked for, and the first cannot go on
        going.set()
        assert [(await commit).last_sequence for commit in commits] == [1, 2, 3]
        await committer.close()
        assert contents(disk) == [b"0", b"1", b"2"]

    asyncio.run(run())


def test_the_thread_committer_commits_over_many_segments() -> None:
    async def run() -> None:
        disk = SimDisk()
        committer: Committer = ThreadCommitter(opened(disk))
        for n in range(60):
            assert (await committer.commit([draft(b"%d" % n + b"x" * 900)])).last_sequence == n + 1
        await committer.close()
        assert len(contents(disk)) == 60

    asyncio.run(run())


def test_the_thread_committer_raises_what_the_journal_raises_and_keeps_why_there_is_no_spare() -> None:
    async def run() -> None:
        disk = SimDisk(total_bytes=SEGMENT + 10)
        committer = ThreadCommitter(opened(disk))
        assert committer.spare_fault == ""
        await committer.commit([draft(b"1")])
        while not committer.spare_fault:
            await committer.commit([draft(b"2")])
        assert "no room" in committer.spare_fault
        disk.hook = failing("fdatasync", FIRST, OSError(errno.EIO, "Input/output error"))
        with pytest.raises(JournalPoisoned):
            await committer.commit([draft(b"3")])
        await committer.close()

    asyncio.run(run())


def test_the_thread_committer_makes_spares_only_when_some_are_missing_and_once_at_a_time() -> None:
    """Whoever makes them already is not asked again, however many commits come meanwhile."""

    async def run() -> None:
        journal = opened(SimDisk())
        going, asked = threading.Event(), 0
        original = journal.prepare_spares

        def prepare() -> None:
            nonlocal asked
            asked += 1
            assert going.wait(30)
            original()

        journal.prepare_spares = prepare  # type: ignore[method-assign]
        committer = ThreadCommitter(journal)
        for _ in range(3):
            await committer.commit([draft(b"meanwhile")])
        going.set()
        preparing = committer._preparing
        assert preparing is not None
        await preparing
        for _ in range(3):
            await committer.commit([draft(b"afterwards")])
        await committer.close()
        assert asked == 1

    asyncio.run(run())


# --- on the real disk ---


def test_a_journal_on_this_machines_disk_survives_a_reopening(tmp_path: Path) -> None:
    def real() -> tuple[RealDisk, Journal]:
        disk = RealDisk(tmp_path)
        return disk, Journal.open(disk, IDENTITY, clock=RealClock(), holder="me", lab=True, segment_bytes=SEGMENT)

    disk, journal = real()
    write(journal, bodies(1, 2))
    journal.prepare_spares()
    with pytest.raises(JournalLocked, match="in use by me"):
        real()
    tool = RealDisk(tmp_path, read_only=True)
    assert contents(tool) == bodies(1, 2)
    journal.close()
    disk.unlock()
    disk, journal = real()
    write(journal, bodies(3))
    entries: list[Entry] = list(journal.records(1))
    assert [entry.body for entry in entries] == bodies(1, 2, 3)
    journal.close()
    disk.unlock()


def test_a_tool_on_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot read the journal"):
        list(read_journal(RealDisk(tmp_path / "absent", read_only=True)))


WRITER = """
import itertools, pathlib, sys
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import Journal
from packcenter.real import RealClock, RealDisk
journal = Journal.open(
    RealDisk(pathlib.Path(sys.argv[1])), Identity("NJ01", "0.1.0", bytes(32), bytes(32)),
    clock=RealClock(), holder="the killed one", lab=True, segment_bytes=1 << 16)
for n in itertools.count(journal.end.sequence + 1):
    print(journal.write_group([Draft(0, 0, 0, "", 0, 0, b"%d" % n, 0)]).last_sequence, flush=True)
    journal.prepare_spares()
"""


@pytest.mark.slow
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """Real processes, killed while they write, on this machine's disk: every number they printed is there."""
    printed = 0
    for lines in (1, 40, 150, 3, 90):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(lines):
                printed = int(writer.stdout.readline())
            writer.kill()
            printed = max([printed, *(int(line) for line in writer.stdout.read().split("\n")[:-1])])
            writer.wait(timeout=60)
        seen = contents(RealDisk(tmp_path, read_only=True))
        assert seen == [b"%d" % n for n in range(1, len(seen) + 1)]
        assert printed <= len(seen) <= printed + 1
    assert printed >= 284

"""
The journal on disk: the single source of truth, written group by group and read back checked.

A folder holds segments of 64 MiB, filled with zeros and synced before their first use, and nothing in it is ever
changed again (`frames` has the bytes, `JOURNAL-FORMAT.md` the same for strangers). What it promises:

    one write, one sync      a group is written by one `pwrite` and durable by one `fdatasync`; it is there whole or not at all
    nothing earlier          `write_group` returns when its group is durable; what leaves the process leaves after that
    a failed sync ends it    the kernel may have dropped what it could not write, so a second sync proves nothing: the
                             journal is poisoned, the process must end and read the disk again
    a torn tail is cut       what a crash left of the last group is zeroed and synced before anything else
    damage stops it          a bad frame that no crash can explain is reported with its place, and nothing is changed
    unknown stops it         a format, frame kind or record schema of a later release is never skipped

Opening also writes the last group (or a fresh segment's header) once more, and zeros after it, and syncs both: after a
failed sync or a killed process they may stand in the kernel's memory alone, and reading them back would not show that.

`read_groups` and `read_journal` are for tools: they take no lock, write nothing, and may run while a service writes.
They can see a group in the moment before it is durable.
"""

from __future__ import annotations

import asyncio
import errno
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal, NoReturn, Protocol

import msgspec

from packcenter.journal import frames
from packcenter.journal.frames import Draft, Entry, Identity, SegmentHeader
from packcenter.ports import Clock, Disk, File

SEGMENT_BYTES = 64 << 20
SPARE_SEGMENTS = 2  # one may be in use before the next is made
_FILL_BYTES = 4 << 20  # zeros written between two syncs, so that the journal's own sync never waits behind 64 MiB
_LOOK_BYTES = 64 << 10  # a segment in use holds frames this early
_SPACE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NAMED = re.compile(r"segment-(\d{8})\.pcj")
_UNFINISHED = re.compile(r"segment-\d{8}\.pcj\.tmp")
_LIVE_READS = 3  # a reader looks this often before it calls damage what a running service may be writing

_NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "9p",
    "ceph",
    "glusterfs",
    "lustre",
    "gfs2",
    "ocfs2",
    "virtiofs",
}
_PASSING = {"overlay", "aufs", "tmpfs", "ramfs", "devtmpfs", "unknown"}

Verify = Literal["crc", "chain", "decisions"]
"""How much a reader checks: CRCs and numbers; and the SHA-256 chain; and the decision digests."""


class JournalError(Exception):
    """The journal cannot be used. `exit_code` is what the process should end with."""

    exit_code = 65


class JournalCorrupt(JournalError):  # noqa: N818 - read aloud, the name says it
    """The journal is damaged; nothing was changed. People must look before anything runs."""


class JournalVersion(JournalError):  # noqa: N818
    """The journal holds something of a later release; nothing was changed or skipped."""

    exit_code = 69


class JournalFull(JournalError):  # noqa: N818
    """There is no room for another segment. Nothing was written; release the ballast and commit the same again."""

    exit_code = 73


class JournalPoisoned(JournalError):  # noqa: N818
    """A write or sync failed; what the disk holds is unknown. Drop the heartbeat and end the process."""

    exit_code = 74


class JournalLocked(JournalError):  # noqa: N818
    """Another process writes this journal."""

    exit_code = 75


class Position(msgspec.Struct, frozen=True):
    """
    A place between two groups: `offset` in segment number `segment`, after record `sequence`.

    `chain` is the chain there, `digest` the decision digest. A snapshot keeps one to start the next recovery from.
    """

    segment: int
    offset: int
    sequence: int
    chain: bytes
    digest: bytes


class Group(msgspec.Struct, frozen=True):
    """A durable group: its first and last sequence, where it ends, its size and how long each step took."""

    first_sequence: int
    last_sequence: int
    end: Position
    size_bytes: int
    encode_us: int
    write_us: int
    sync_us: int


class Batch(msgspec.Struct, frozen=True):
    """A group as read: its records, and the position after it (whose digest a replay compares)."""

    entries: list[Entry]
    end: Position


# --- segments --------------------------------------------------------------------------------------------------------


class _Segment(msgspec.Struct, frozen=True):
    """A segment in use, and the position of its first frame."""

    header: SegmentHeader
    start: Position


def _name(number: int) -> str:
    return f"segment-{number:08d}.pcj"


def _segment(disk: Disk, number: int) -> _Segment | None:
    """
    Segment `number`, or None if it is not there or still a spare.

    One whose header is bad is a spare, too, where nothing follows the header: the crash came while it was begun.
    """
    try:
        file = disk.open(_name(number), create=False)
    except FileNotFoundError:
        return None
    try:
        content, size = file.pread(frames.FIRST_FRAME, 0), file.size()
    finally:
        file.close()
    try:
        header = frames.decode_header(content)
    except frames.FrameError as error:
        whole = _content(disk, number)
        cut = len(content) < frames.FIRST_FRAME  # a segment has its full length before it has its name
        if cut or isinstance(error, frames.UnknownVersion) or not frames.is_zero(whole, frames.HEADER_BYTES, len(whole)):
            _refuse(number, error)
        return None
    if header is not None and (header.number, header.segment_bytes) != (number, size):
        why = f"header of segment {header.number} with {header.segment_bytes} bytes in a file of {size} bytes"
        _refuse(number, frames.WrongFrame(0, why))
    if header is None:
        return None
    chain = frames.chain_after_header(content)
    return _Segment(header, Position(number, frames.FIRST_FRAME, header.first_sequence - 1, chain, header.digest))


def _numbers(disk: Disk) -> list[int]:
    """Numbers of all segments, in use or spare, in order."""
    return sorted(int(found[1]) for name in disk.list() if (found := _NAMED.fullmatch(name)))


def _survey(disk: Disk) -> list[_Segment]:
    """All segments in use, in order. Raises `JournalCorrupt` if one is missing or stands where none can be."""
    for _ in range(_LIVE_READS - 1):
        try:
            return _survey_once(disk)
        except JournalCorrupt:  # a running service may have begun a segment while we looked
            continue
    return _survey_once(disk)


def _survey_once(disk: Disk) -> list[_Segment]:
    segments: list[_Segment] = []
    for place, number in enumerate(_numbers(disk), start=1):
        if number != place:
            raise JournalCorrupt(f"{disk.where()}: {_name(place)} is missing, {_name(number)} is there. Restore it from a copy.")
        found = _segment(disk, number)
        if found is not None and len(segments) < number - 1:
            raise JournalCorrupt(f"{disk.where()}: {_name(number)} is in use, the one before is not. Restore that from a copy.")
        if found is None:
            _check_spare(disk, number)
        else:
            segments.append(found)
    return segments


def _check_spare(disk: Disk, number: int) -> None:
    """A segment whose header was lost must not pass for a spare."""
    content = _content(disk, number, _LOOK_BYTES)
    if not frames.is_zero(content, frames.HEADER_BYTES, len(content)):
        _refuse(number, frames.WrongFrame(0, "no header, but other bytes than zero after it"))


def _content(disk: Disk, number: int, most: int | None = None) -> bytes:
    file = disk.open(_name(number), create=False)
    try:
        return file.pread(file.size() if most is None else most, 0)
    finally:
        file.close()


def _refuse(number: int, error: frames.FrameError, sequence: int | None = None) -> NoReturn:
    where = f"{_name(number)}, offset {error.at}" + ("" if sequence is None else f", after sequence {sequence}")
    if isinstance(error, frames.UnknownVersion):
        raise JournalVersion(
            f"{where}: {error.why}. Nothing was changed. Run the release that wrote it, or a later one."
        ) from error
    raise JournalCorrupt(
        f"{where}: {error.why}. This is damage, not a torn tail; nothing was changed. Keep a copy of the folder as it is,"
        " check the disk, and restore the segment from a copy that reads without a fault."
    ) from error


# --- reading ---------------------------------------------------------------------------------------------------------


class _Scan:
    """
    The whole groups from a position to the end of the journal; iterate once.

    Afterwards `end` is the position after the last one, `torn_bytes` how much of a torn group follows, and
    `last_group` the bytes of the last group in the last segment (b"" if it holds none after the start).
    """

    def __init__(self, disk: Disk, start: Position, verify: Verify) -> None:
        self.end = start
        self.torn_bytes = 0  # known when the scan ends
        self.last_group = b""
        self._disk = disk
        self._verify = verify

    def __iter__(self) -> Iterator[Batch]:
        while True:
            # Looked at before the content: if there is a next segment, this one's content is final.
            following = _segment(self._disk, self.end.segment + 1)
            yield from self._one(final=following is not None)
            if following is None:
                return
            self._enter(following)

    def _one(self, *, final: bool) -> Iterator[Batch]:
        """The groups of the segment in which `end` stands."""
        number, reads = self.end.segment, 1
        content = _content(self._disk, number)
        last_at = self.end.offset
        while True:
            end = self.end
            try:
                group = frames.decode_group(content, end.offset, end.sequence + 1, end.chain, verify_chain=self._verify != "crc")
                if self._verify == "decisions":
                    self._check_decisions(group)
            except frames.BadFrame:
                damage = self._judge(content, final=final)
                if damage is None:
                    self.last_group = content[last_at : end.offset]
                    return
                if final or reads == _LIVE_READS:
                    _refuse(number, damage, end.sequence)
                # A service may have written while we read: its next group came after the part that we had read.
                content, reads = _content(self._disk, number), reads + 1
                continue
            except frames.FrameError as error:
                _refuse(number, error, end.sequence)
            last_at = end.offset
            self.end = Position(number, group.end, end.sequence + len(group.entries), group.chain, group.digest)
            reads = 1
            yield Batch(group.entries, self.end)

    def _judge(self, content: bytes, *, final: bool) -> frames.FrameError | None:
        """Measure what follows the last whole group; what is wrong with it if a crash cannot have left it."""
        try:
            self.torn_bytes = frames.judge_tail(content, self.end.offset, self.end.sequence + 1)
        except frames.WrongFrame as damage:
            return damage
        if final and self.torn_bytes:
            return frames.WrongFrame(self.end.offset, "no whole group follows, though the next segment is in use")
        return None

    def _enter(self, following: _Segment) -> None:
        header, end = following.header, self.end
        if (header.first_sequence, header.chain, header.digest) != (end.sequence + 1, end.chain, end.digest):
            ends = f"the segment before ends with sequence {end.sequence}, this one goes on from {header.first_sequence - 1}"
            _refuse(header.number, frames.WrongFrame(0, f"{ends}, or from another chain"))
        self.end = following.start

    def _check_decisions(self, group: frames.Decoded) -> None:
        digest = self.end.digest
        for entry in group.entries:
            digest = frames.digest_after(digest, entry.decision())
        if digest != group.digest:
            raise frames.WrongFrame(group.end - frames.COMMIT_BYTES, "the decision digest is not that of the group's decisions")


def _start_for(segments: Sequence[_Segment], from_sequence: int) -> Position:
    first = segments[0]
    if (first.header.first_sequence, first.header.chain) != (1, frames.GENESIS):
        _refuse(1, frames.WrongFrame(0, f"the first segment begins with sequence {first.header.first_sequence}, expected 1"))
    return [s.start for s in segments if s is first or s.header.first_sequence <= from_sequence][-1]


def read_groups(disk: Disk, from_sequence: int = 1, *, verify: Verify = "chain") -> Iterator[Batch]:
    """
    The groups of a journal from the one that holds `from_sequence`, to the last whole one.

    For tools: takes no lock, writes nothing, may run beside a service. Checks from the beginning of the segment that
    holds `from_sequence`. Raises `JournalError` if the folder holds no journal, a later release's, or a damaged one.
    """
    try:
        segments = _survey(disk)
    except OSError as error:
        raise JournalError(f"{disk.where()}: cannot read the journal: {error}. Check the folder's name and rights.") from error
    if not segments and not _numbers(disk):
        raise JournalError(f"{disk.where()}: no journal here, expected {_name(1)}. Check the folder's name.")
    if not segments:
        return
    for batch in _Scan(disk, _start_for(segments, from_sequence), verify):
        if batch.end.sequence >= from_sequence:
            yield batch


def read_journal(disk: Disk, from_sequence: int = 1, *, verify: Verify = "chain") -> Iterator[Entry]:
    """The records of a journal from `from_sequence` on; otherwise as `read_groups`."""
    return _records(read_groups(disk, from_sequence, verify=verify), from_sequence)


def _records(batches: Iterator[Batch], from_sequence: int) -> Iterator[Entry]:
    for batch in batches:
        entries = batch.entries
        if entries[0].sequence < from_sequence:
            yield from [entry for entry in entries if entry.sequence >= from_sequence]
        else:
            yield from entries


# --- writing ---------------------------------------------------------------------------------------------------------


class Journal:
    """
    The one writer of a folder. Make it with `open`.

    `write_group` and `close` belong to one thread at a time; `prepare_spares` may run in another beside them.
    `end` is the position after the last durable group. `torn_bytes` is how much `open` had to cut.
    """

    def __init__(self, disk: Disk, identity: Identity, clock: Clock, segment_bytes: int) -> None:
        self.torn_bytes = 0
        self.end = Position(0, 0, 0, frames.GENESIS, frames.GENESIS)
        self._start: Position | None = None
        self._disk = disk
        self._identity = identity
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._file: File | None = None
        self._room_ends = 0  # offset at which the present segment ends; 0 makes the next group begin a new one
        self._ready = 0  # highest number of a segment that exists, in use or spare
        self._poison = ""
        self._making = threading.Lock()

    @classmethod
    def open(
        cls,
        disk: Disk,
        identity: Identity,
        *,
        clock: Clock,
        holder: str,
        lab: bool = False,
        position: Position | None = None,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> Journal:
        """
        Take the folder, check the journal from `position` (or its beginning), cut a torn tail, and be ready to write.

        `holder` tells a second process who we are. `position` is a snapshot's; what comes before it is not read.
        Raises `JournalLocked`, `JournalCorrupt`, `JournalVersion`, `JournalPoisoned` if the cut fails, else
        `JournalError`. Without `lab`, network, memory and overlay file systems are refused: they do not keep what
        they acknowledge. The lock is `disk`'s, and lasts as long as it.
        """
        kind = disk.kind()
        if not lab and (kind in _NETWORK or kind in _PASSING or kind.startswith("fuse")):
            raise JournalError(
                f"{disk.where()} is on a file system of type {kind}, expected a local disk such as ext4 or xfs."
                " Put the journal on one, or set `lab` where nothing may be lost but time."
            )
        journal = cls(disk, identity, clock, segment_bytes)
        try:
            taken_by = disk.lock(holder)
            if taken_by is not None:
                raise JournalLocked(f"{disk.where()} is in use by {taken_by}. Stop that process first; never delete the lock.")
            journal._recover(position)
        except OSError as error:
            raise JournalError(
                f"{disk.where()}: cannot read the journal: {error}. Check the disk and the folder's rights."
            ) from error
        return journal

    def _recover(self, position: Position | None) -> None:
        segments = _survey(self._disk)
        if segments and segments[-1].header.identity.centre != self._identity.centre:
            raise JournalError(
                f"{self._disk.where()} is the journal of centre {segments[-1].header.identity.centre!r},"
                f" the settings say {self._identity.centre!r}. Check the settings' journal folder."
            )
        if position is not None:
            self._check_position(position, segments)
        leftovers = [name for name in self._disk.list() if _UNFINISHED.fullmatch(name)]
        self._ready = len(_numbers(self._disk))
        scan = None
        if segments:
            self._start = position or _start_for(segments, 1)
            scan = _Scan(self._disk, self._start, "chain")
            for _ in scan:
                pass  # the scan keeps what recovery needs; `records` reads again for the caller
        # Nothing was changed so far; from here on every fault is one of writing.
        with self._fatal("recovery"):
            for name in leftovers:
                self._disk.remove(name)
            if scan is not None:
                self._go_on_after(scan, segments[-1].header.identity)
            self._disk.sync_directory()

    def _check_position(self, position: Position, segments: Sequence[_Segment]) -> None:
        seen: tuple[int, bytes, bytes] | None = None
        if 1 <= position.segment <= len(segments):
            start = segments[position.segment - 1].start
            if position.offset == frames.FIRST_FRAME:
                seen = start.sequence, start.chain, start.digest
            else:
                file = self._disk.open(_name(position.segment), create=False)
                try:
                    seen = frames.decode_commit(file.pread(frames.COMMIT_BYTES, position.offset - frames.COMMIT_BYTES))
                except frames.BadFrame:
                    seen = None
                finally:
                    file.close()
        if seen != (position.sequence, position.chain, position.digest):
            raise JournalCorrupt(
                f"{_name(position.segment)}, offset {position.offset}: the snapshot says that sequence {position.sequence} ends"
                " here, the journal does not. One of them was cut or restored without the other; nothing was changed."
                " Restore the journal from a copy that has this sequence, or remove the snapshots if the journal is right."
            )

    def _go_on_after(self, scan: _Scan, written_by: Identity) -> None:
        self.end, self.torn_bytes = scan.end, scan.torn_bytes
        self._file = self._disk.open(_name(self.end.segment), create=False)
        # Zeros as far as a group may reach, even where zeros are read: the sync of an earlier cut may have failed.
        blank = min(frames.GROUP_BYTES_MAX + frames.COMMIT_BYTES, self._file.size() - self.end.offset)
        self._file.pwrite(bytes(max(self.torn_bytes, blank)), self.end.offset)
        if self.end.offset == frames.FIRST_FRAME:
            self._file.pwrite(self._file.pread(frames.HEADER_BYTES, 0), 0)
        else:
            self._file.pwrite(scan.last_group, self.end.offset - len(scan.last_group))
        self._file.fdatasync()
        # A header must be true of all its segment's records: under another release or configuration begin a new one.
        self._room_ends = self._file.size() if written_by == self._identity else 0

    def records(self, from_sequence: int) -> Iterator[Entry]:
        """
        The records from `from_sequence` on, checked, chain and all. What is written while you iterate may come or not.

        Reading starts at the position given to `open`, or else at the beginning of the segment that holds the record.
        """
        start = self._start
        if start is None:
            return iter(())
        if from_sequence <= start.sequence:
            start = _start_for(_survey(self._disk), from_sequence)
        return _records(iter(_Scan(self._disk, start, "chain")), from_sequence)

    def write_group(self, drafts: Sequence[Draft]) -> Group:
        """
        Write one group and make it durable; blocks for one write and one sync. 1 to 512 drafts, see `frames.portion`.

        Raises `JournalFull` if a new segment is due and there is no room for it (nothing happened, the same group may
        be tried again), `JournalPoisoned` if writing or syncing failed (now or before).
        """
        self._check_sound()
        began = self._clock.mono_us()
        size = frames.group_bytes(drafts)
        if self.end.offset + size > self._room_ends:
            self._switch(size)
        assert self._file is not None
        end = self.end
        encoded = frames.encode_group(drafts, end.sequence + 1, end.chain, end.digest)
        with self._fatal(f"writing {_name(end.segment)} at offset {end.offset}"):
            encoded_at = self._clock.mono_us()
            self._file.pwrite(encoded.content, end.offset)
            written_at = self._clock.mono_us()
            self._file.fdatasync()
            synced_at = self._clock.mono_us()
            last = end.sequence + len(drafts)
            self.end = Position(end.segment, end.offset + size, last, encoded.chain, encoded.digest)
        durations = encoded_at - began, written_at - encoded_at, synced_at - written_at
        return Group(end.sequence + 1, last, self.end, size, *durations)

    def spares_missing(self) -> int:
        """How many spare segments `prepare_spares` has to make."""
        return max(0, self.end.segment + SPARE_SEGMENTS - self._ready)

    def prepare_spares(self) -> None:
        """
        Make the spare segments that are missing; takes as long as writing and syncing them.

        Raises `JournalFull` if there is no room: the journal goes on with what it has. Any other fault poisons it.
        """
        while self.spares_missing():
            self._check_sound()
            self._make_segment(self._ready + 1)

    def close(self) -> None:
        """Close the present segment's file. All that `write_group` returned is durable already."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
        self._poison = self._poison or "closed"

    def _check_sound(self) -> None:
        if self._poison:
            raise self._poisoned()

    def _poisoned(self) -> JournalPoisoned:
        return JournalPoisoned(
            f"{self._disk.where()}: the journal takes nothing more: {self._poison}."
            " End this process; the next one reads back what the disk really holds."
        )

    @contextmanager
    def _fatal(self, doing: str) -> Iterator[None]:
        """Inside, any fault but `JournalFull` leaves the disk in doubt and poisons the journal."""
        try:
            yield
        except JournalFull:
            raise
        except OSError as error:
            self._poison = f"{doing} failed: {error}"
            raise self._poisoned() from error
        except BaseException as error:
            self._poison = f"{doing} was broken off: {error!r}"
            raise

    def _switch(self, size: int) -> None:
        """Begin the next segment; its header is durable before its first group is written."""
        number, end = self.end.segment + 1, self.end
        self._make_segment(number)
        with self._fatal(f"beginning {_name(number)}"):
            file = self._disk.open(_name(number), create=False)
            room = file.size()
            assert frames.FIRST_FRAME + size <= room, f"a group of {size} bytes does not fit a segment of {room}"
            header = SegmentHeader(self._identity, number, room, end.sequence + 1, self._clock.wall_us(), end.chain, end.digest)
            content = frames.encode_header(header)
            file.pwrite(content, 0)
            file.fdatasync()
            if self._file is not None:
                self._file.close()
            self._file, self._room_ends = file, room
            self.end = Position(number, frames.FIRST_FRAME, end.sequence, frames.chain_after_header(content), end.digest)
            self._start = self._start or self.end

    def _make_segment(self, number: int) -> None:
        """Make segment `number` of zeros, durable under its name, unless it exists."""
        with self._making:
            if number <= self._ready:
                return
            unfinished = f"{_name(number)}.tmp"
            with self._fatal(f"making {_name(number)}"):
                if self._disk.free_bytes()[0] < self._segment_bytes:
                    raise self._full(number, "fewer bytes are free")
                try:
                    self._fill(unfinished)
                    self._disk.rename(unfinished, _name(number))
                except OSError as error:
                    if error.errno not in _SPACE_ERRORS:
                        raise
                    if unfinished in self._disk.list():
                        self._disk.remove(unfinished)
                    raise self._full(number, str(error)) from error
                self._disk.sync_directory()
            self._ready = number

    def _fill(self, name: str) -> None:
        file = self._disk.open(name, create=True)
        try:
            for offset in range(0, self._segment_bytes, _FILL_BYTES):
                file.pwrite(bytes(min(_FILL_BYTES, self._segment_bytes - offset)), offset)
                file.fdatasync()
        finally:
            file.close()

    def _full(self, number: int, why: str) -> JournalFull:
        return JournalFull(
            f"{self._disk.where()}: no room for {_name(number)} of {self._segment_bytes} bytes: {why}."
            " Free space on this file system; nothing was written."
        )


# --- committers ------------------------------------------------------------------------------------------------------


class Committer(Protocol):
    """
    Makes groups durable for the service's loop. One commit at a time: collect what comes meanwhile, commit it next.

    That is natural group commit, and needs no timer. `spare_fault` says why spare segments cannot be made ("" if
    they can); the journal goes on until the ones it has are full.
    """

    spare_fault: str

    async def commit(self, drafts: Sequence[Draft]) -> Group:
        """Make 1 to 512 drafts durable as one group; raises as `Journal.write_group`. Once begun it cannot be taken back."""
        ...

    async def close(self) -> None:
        """Wait for what is under way and close the journal."""
        ...


class InlineCommitter:
    """Commits in the calling thread: for virtual time, and where nothing else has to go on meanwhile."""

    def __init__(self, journal: Journal) -> None:
        self.spare_fault = ""
        self._journal = journal

    async def commit(self, drafts: Sequence[Draft]) -> Group:
        group = self._journal.write_group(drafts)
        if self._journal.spares_missing():
            self.spare_fault = _prepare(self._journal)
        return group

    async def close(self) -> None:
        self._journal.close()


class ThreadCommitter:
    """
    Commits in a thread of its own, which alone touches the file; makes spare segments in another.

    A commit whose caller is cancelled may still become durable; the caller does not learn it.
    """

    def __init__(self, journal: Journal) -> None:
        self.spare_fault = ""
        self._journal = journal
        self._writer = ThreadPoolExecutor(1, "journal-writer")
        self._maker = ThreadPoolExecutor(1, "journal-spares")
        self._preparing: asyncio.Future[str] | None = None

    async def commit(self, drafts: Sequence[Draft]) -> Group:
        loop = asyncio.get_running_loop()
        group = await loop.run_in_executor(self._writer, self._journal.write_group, drafts)
        if self._preparing is not None and self._preparing.done():
            self.spare_fault, self._preparing = self._preparing.result(), None
        if self._preparing is None and self._journal.spares_missing():
            self._preparing = loop.run_in_executor(self._maker, _prepare, self._journal)
        return group

    async def close(self) -> None:
        if self._preparing is not None:
            self.spare_fault = await self._preparing
        await asyncio.get_running_loop().run_in_executor(self._writer, self._journal.close)
        self._writer.shutdown()
        self._maker.shutdown()


def _prepare(journal: Journal) -> str:
    """Make spare segments; why that failed, or "". A poisoned journal says so again at the next commit."""
    try:
        journal.prepare_spares()
    except JournalError as error:
        return str(error)
    return ""

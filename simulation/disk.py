"""
A disk in memory that remembers what was synced, so that every state a crash can leave may be built and tried.

The model is the harshest one that the journal claims to survive:

    a write is kept by `fdatasync` of its file; until then a power loss keeps any of its sectors (512 bytes), or a file's
    writes up to some byte, as when the process ended in the middle of one
    a creation, rename or removal is kept by `sync_directory`; until then a power loss keeps any number of the first ones
    what a process sees is always the newest, until the caches are dropped

After a power loss there is another disk: `image` leaves it to luck, `moment` lists what was not durable, so that all
of them can be gone through; `survivor` is the disk after the process alone died. Contents are pages shared between
disks, so that an image costs by what was not durable, not by what is on the disk.

What goes wrong, besides:

    hook                before and after every operation; may raise: `Crash` ends the process there, `OSError` is the
                        disk's answer (`failing`, `crash_after`, and `sync_fails`, which forgets what it did not write)
    pace                how long an operation takes; the sum waits in `owed_us` for a driver that turns it into time
    lying               syncs do nothing for a while; a later honest one makes up for it
    losing              syncs answer and forget: what was written is seen, until caches are dropped or the power fails
    others_bytes        what others put on the same file system; up to `total_bytes` it is full, down again it is free
    spoil, rot          the medium changes behind everybody's back: flipped bits, lost, garbled and misdirected sectors
    drop_caches         what was never written shows: processes see what the medium holds
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from simulation.pages import EMPTY, SECTOR, Change, Content, sectors

When = str  # "before" or "after"
Hook = Callable[[When, str, str], None]
Pace = Callable[[str, str, int], int]
"""(operation, name, bytes) -> microseconds that it takes."""


class Luck(Protocol):
    """Where chance comes from; `simulation.draws.Stream` is one."""

    def below(self, n: int) -> int:
        """An integer from 0 to n - 1."""
        ...


class Crash(BaseException):
    """The process or the power is gone at this point."""


class StillClock:
    """A clock that stands still unless it is told; `sleep_us` moves it."""

    def __init__(self) -> None:
        self.now_us = 1_000_000

    def mono_us(self) -> int:
        return self.now_us

    def wall_us(self) -> int:
        return self.now_us + 1_700_000_000_000_000

    async def sleep_us(self, us: int) -> None:
        self.now_us += us


# --- files ---------------------------------------------------------------------------------------------------------------


class _Inode:
    """
    A file. `pending` are the changes not yet durable, each with its place in the order of all changes of the disk.

    Processes see what is kept with all that is pending; when `amiss`, they see something else from their caches.
    """

    __slots__ = ("amiss", "kept", "pending", "seen")

    def __init__(self, content: Content) -> None:
        self.kept = content
        self.seen = content
        self.pending: list[tuple[int, Change]] = []
        self.amiss = False

    def copy(self) -> _Inode:
        other = _Inode(self.kept)
        other.seen, other.pending, other.amiss = self.seen, self.pending.copy(), self.amiss
        return other

    def sync(self) -> None:
        self.kept = self.written() if self.amiss else self.seen
        self.pending.clear()

    def written(self) -> Content:
        """What the medium would hold if everything pending were written."""
        content = self.kept
        for _, change in self.pending:
            content = content.after(change)
        return content

    def after_power_loss(self, luck: Luck, until: int) -> Content:
        """
        `until` is a place in the order of all changes: one of the ways is that everything before it was written; 0 keeps
        to whole sectors.
        """
        left = self.kept
        how = luck.below(8)
        first = luck.below(len(self.pending) + 1)
        for number, (place, change) in enumerate(self.pending):
            if how <= 3:  # nothing, all, the first ones of the disk, the first ones of this file (and a part of the next)
                if (False, True, place < until, number < first)[how]:
                    left = left.after(change)
                elif how == 3 and number == first and until and not (isinstance(change, int) or self.amiss):
                    left = left.with_write(change[0], change[1][: luck.below(len(change[1]) + 1)])
            elif isinstance(change, int) or how == 4:
                if luck.below(2):
                    left = left.after(change)
            else:
                for at, part in sectors(*change):
                    if luck.below(10) < 7:
                        left = left.with_write(at, part)
        return left


_Names = dict[str, _Inode]
_Folders = list[tuple[int, _Names]]
"""The folder at places in the order of all changes."""


def _copied(names: _Names, copies: dict[int, _Inode]) -> _Names:
    """The folder with copies of its files; a file that was copied before keeps that copy."""
    for inode in names.values():
        if id(inode) not in copies:
            copies[id(inode)] = inode.copy()
    return {name: copies[id(inode)] for name, inode in names.items()}


# --- what a power loss may leave ---------------------------------------------------------------------------------------


class Unit(NamedTuple):
    """
    Something that a power loss at a `Moment` keeps or not: one sector's part of a write, a cut, or a change of the folder.

    `change` counts the operations it comes from, in order; `size` is its bytes (0 for a cut or the folder's).
    """

    change: int
    name: str
    size: int


class Moment:
    """
    All that a power loss at one moment may leave: `units` in the order in which they were made.

    A change of the folder is kept only with all of the folder's before it. The disk may go on; the moment stays.
    """

    def __init__(self, disk: SimDisk) -> None:
        self._disk = disk.like()
        folders = disk.folder_states()
        self._folder, self._folders = folders[0][1], dict(folders[1:])
        self._kept: dict[int, Content] = {}
        changes: list[tuple[int, _Inode | None, str, Change]] = [(place, None, "", 0) for place in self._folders]
        for _, names in folders:
            for name, inode in names.items():
                if id(inode) not in self._kept:
                    self._kept[id(inode)] = inode.kept
                    changes += [(place, inode, name, change) for place, change in inode.pending]
        changes.sort(key=lambda found: found[0])
        self._parts: list[tuple[int, _Inode | None, Change]] = []
        self._whole = {id(inode) for _, names in folders for inode in names.values() if inode.amiss}
        self.units: list[Unit] = []
        touched: set[tuple[int, int]] = set()
        for count, (place, written, name, change) in enumerate(changes):
            parts: list[Change] = [change] if isinstance(change, int) else list(sectors(*change))
            for part in parts:
                if written is not None and self._matters(written, part, touched):
                    self._parts.append((place, written, part))
                    self.units.append(Unit(count, name, 0 if isinstance(part, int) else len(part[1])))
                elif written is None:
                    self._parts.append((place, None, part))
                    self.units.append(Unit(count, name, 0))

    def _matters(self, inode: _Inode, part: Change, touched: set[tuple[int, int]]) -> bool:
        """Whether keeping a change can make a difference: zeros on zeros, or a group written once more, do not."""
        if isinstance(part, int):
            touched.add((id(inode), -1))
            return True
        offset, content = part
        sector = id(inode), offset // SECTOR
        if {sector, (id(inode), -1)}.isdisjoint(touched) and self._kept[id(inode)].read(len(content), offset) == content:
            return False
        touched.add(sector)
        return True

    def image(self, keep: int, *, torn: tuple[int, int] | None = None) -> SimDisk:
        """
        The disk if of `units` those were kept whose bit in `keep` is set.

        `torn` (unit, count) keeps the first `count` bytes of one more unit: a write that ended early. (Not in a file
        whose failed sync was forgotten: there the caches hold whole sectors that the medium lacks.)
        """
        contents: dict[int, Content] = {}
        folder, folder_goes_on = self._folder, True
        for number, (place, inode, change) in enumerate(self._parts):
            kept = change
            if keep >> number & 1 == 0:
                if inode is None:
                    folder_goes_on = False
                elif torn is not None and torn[0] == number and not (isinstance(change, int) or id(inode) in self._whole):
                    kept = change[0], change[1][: torn[1]]
                else:
                    continue
            if inode is not None:
                contents[id(inode)] = contents.get(id(inode), self._kept[id(inode)]).after(kept)
            elif folder_goes_on:
                folder = self._folders[place]
        left = {name: contents.get(id(inode), self._kept[id(inode)]) for name, inode in folder.items()}
        return self._disk.like(left)


# --- the disk --------------------------------------------------------------------------------------------------------


class SimFile:
    """An open file of a `SimDisk`."""

    def __init__(self, disk: SimDisk, name: str, inode: _Inode) -> None:
        self._disk = disk
        self._name = name
        self.inode = inode

    def pread(self, count: int, offset: int) -> bytes:
        self._disk.begin("pread", self._name, count)
        content = self.inode.seen.read(count, offset)
        self._disk.end("pread", self._name)
        return content

    def pwrite(self, content: bytes, offset: int) -> None:
        self._disk.begin("pwrite", self._name, len(content))
        grows = offset + len(content) - self.inode.seen.length
        if grows > 0 and grows > self._disk.free_bytes()[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._change((offset, bytes(content)))
        self._disk.end("pwrite", self._name)

    def fdatasync(self) -> None:
        disk, inode = self._disk, self.inode
        disk.begin("fdatasync", self._name, 0)
        if disk.losing:
            inode.pending.clear()
            inode.amiss = True
        elif not disk.lying:
            inode.sync()
        disk.end("fdatasync", self._name)

    def truncate(self, length: int) -> None:
        self._disk.begin("truncate", self._name, 0)
        if length != self.inode.seen.length:
            self._change(length)
        self._disk.end("truncate", self._name)

    def size(self) -> int:
        return self.inode.seen.length

    def close(self) -> None:
        pass

    def _change(self, change: Change) -> None:
        self.inode.seen = self.inode.seen.after(change)
        self.inode.pending.append((self._disk.next_place(), change))


def _quiet(when: When, what: str, name: str) -> None:
    """The hook of a disk that is left in peace."""


class SimDisk:
    """A `Disk` in memory, made of the files' contents by name, all durable."""

    def __init__(self, files: dict[str, bytes] | None = None, *, total_bytes: int = 1 << 40, kind: str = "ext4") -> None:
        self.hook: Hook = _quiet
        self.pace: Pace | None = None
        self.lying = False
        self.losing = False
        self.operations = 0
        self.owed_us = 0
        self.total_bytes = total_bytes
        self.others_bytes = 0
        self._kind = kind
        self._places = 0
        self._names = {name: _Inode(Content.of(content)) for name, content in (files or {}).items()}
        self._kept_names = self._names.copy()
        self._pending: _Folders = []  # the folder after each change not yet synced
        self._holder: str | None = None

    def open(self, name: str, *, create: bool) -> SimFile:
        self.begin("open", name, 0)
        if name not in self._names:
            if not create:
                raise FileNotFoundError(errno.ENOENT, "No such file", name)
            self._names[name] = _Inode(EMPTY)
            self._folder_changed()
        file = SimFile(self, name, self._names[name])
        self.end("open", name)
        return file

    def rename(self, source: str, target: str) -> None:
        self.begin("rename", target, 0)
        self._names[target] = self._taken(source)
        self._folder_changed()
        self.end("rename", target)

    def remove(self, name: str) -> None:
        self.begin("remove", name, 0)
        self._taken(name)
        self._folder_changed()
        self.end("remove", name)

    def list(self) -> list[str]:
        self.begin("list", "", 0)
        names = sorted(self._names)
        self.end("list", "")
        return names

    def sync_directory(self) -> None:
        self.begin("sync_directory", "", 0)
        if not self.lying and not self.losing:
            self._kept_names = self._names.copy()
            self._pending.clear()
        self.end("sync_directory", "")

    def free_bytes(self) -> tuple[int, int]:
        used = sum([inode.seen.length for inode in self._names.values()])
        return max(0, self.total_bytes - self.others_bytes - used), self.total_bytes

    def leave_free(self, free: int) -> None:
        """Let others put so much on the file system that `free` bytes are left, as far as our own files allow."""
        used = self.total_bytes - self.others_bytes - self.free_bytes()[0]
        self.others_bytes = max(0, self.total_bytes - free - used)

    def lock(self, holder: str) -> str | None:
        if self._holder is not None:
            return self._holder
        self._holder = holder
        return None

    def kind(self) -> str:
        return self._kind

    def where(self) -> Path:
        return Path("simulated")

    # --- what goes on inside ---

    def begin(self, what: str, name: str, count: int) -> None:
        """An operation on `count` bytes begins."""
        self.operations += 1
        if self.pace is not None:
            self.owed_us += self.pace(what, name, count)
        if self.hook is not _quiet:
            self.hook("before", what, name)

    def end(self, what: str, name: str) -> None:
        """It was done."""
        if self.hook is not _quiet:
            self.hook("after", what, name)

    def next_place(self) -> int:
        """The next number in the order of all changes."""
        self._places += 1
        return self._places

    def folder_states(self) -> _Folders:
        """The folder as it is kept for certain, then after each change not yet synced."""
        return [(0, self._kept_names), *self._pending]

    def _folder_changed(self) -> None:
        self._pending.append((self.next_place(), self._names.copy()))

    def _taken(self, name: str) -> _Inode:
        if name not in self._names:
            raise FileNotFoundError(errno.ENOENT, "No such file", name)
        return self._names.pop(name)

    # --- for those who test and explore ---

    def like(self, contents: dict[str, Content] | None = None) -> SimDisk:
        """Another disk of the same size and kind, and as (dis)honest, with other contents."""
        other = SimDisk(total_bytes=self.total_bytes, kind=self._kind)
        other.lying, other.losing, other.others_bytes = self.lying, self.losing, self.others_bytes
        if contents:
            other._names = {name: _Inode(content) for name, content in contents.items()}
            other._kept_names = other._names.copy()
        return other

    def files(self) -> dict[str, bytes]:
        """What processes see now."""
        return {name: inode.seen.read(inode.seen.length, 0) for name, inode in self._names.items()}

    def fingerprint(self, prefix: str = "", *, durable: bool = True) -> int:
        """
        Equal for equal contents, names included, seen and (unless left out) durable; means nothing outside this process.

        Only of files whose names begin with `prefix`.
        """
        parts: list[object] = []
        for names in (self._names, self._kept_names) if durable and self._pending else (self._names,):
            for name, inode in sorted(names.items()):
                if name.startswith(prefix):
                    parts += (name, inode.seen.length, *inode.seen.pages)
                    if durable and inode.kept is not inode.seen:
                        parts += (inode.kept.length, *inode.kept.pages)
        return hash(tuple(parts))

    def settled(self) -> SimDisk:
        """A disk on which all that processes see here is durable; this one stays as it is."""
        return self.like({name: inode.seen for name, inode in self._names.items()})

    def survivor(self) -> SimDisk:
        """
        The disk after the process was killed: everything it wrote is seen, still unsynced; the lock is free.

        This one stays as it is, so a kill may be tried at any moment.
        """
        after = self.like()
        copies: dict[int, _Inode] = {}
        after._places = self._places
        after._names = _copied(self._names, copies)
        after._kept_names = _copied(self._kept_names, copies)
        after._pending = [(place, _copied(names, copies)) for place, names in self._pending]
        return after

    def moment(self) -> Moment:
        """What a power loss now may leave, to be gone through."""
        return Moment(self)

    def image(self, luck: Luck) -> SimDisk:
        """A disk that a power loss now may leave."""
        states = self.folder_states()
        names = states[luck.below(len(states))][1]
        until = 1 + luck.below(self._places + 1)
        return self.like(
            {name: inode.after_power_loss(luck, until) if inode.pending else inode.kept for name, inode in sorted(names.items())}
        )

    def forget_unsynced(self, name: str | None = None, luck: Luck | None = None) -> None:
        """
        What Linux does after a failed sync: the content stays readable, but nobody will write it any more.

        Of the file `name`, or of all; with `luck` some of it was written before the sync failed.
        """
        for inode in [self._names[name]] if name is not None else self._names.values():
            if inode.pending:
                if luck is not None:
                    inode.kept = inode.after_power_loss(luck, 0)
                inode.pending.clear()
                inode.amiss = True

    def drop_caches(self) -> None:
        """Processes see what the medium holds, and what still waits to be written to it."""
        for inode in self._names.values():
            if inode.amiss:
                inode.seen, inode.amiss = inode.written(), False

    def spoil(self, name: str, offset: int, content: bytes) -> None:
        """The medium and the caches hold `content` there, though nobody wrote it; the file's length stays."""
        inode = self._names[name]
        for_kept, for_seen = inode.kept.length, inode.seen.length
        inode.kept = inode.kept.with_write(offset, content[: max(0, for_kept - offset)])
        inode.seen = inode.seen.with_write(offset, content[: max(0, for_seen - offset)])


def rot(disk: SimDisk, name: str, luck: Luck) -> str:
    """
    Spoil a file in one of the ways in which disks do; returns what was done, in words.

    A flipped bit, another byte, a sector that became zero or garbage, one that was written over another one of the
    same file (misdirected). It falls where the file is used, or a little after, and may hit what means nothing.
    """
    content = disk.files()[name]
    if not content:
        return f"{name} is empty: nothing can rot"
    used = min(len(content), len(content.rstrip(b"\0")) + SECTOR)
    sectors = max(1, used // SECTOR)
    at = luck.below(used)
    sector = SECTOR * luck.below(sectors)
    other = SECTOR * luck.below(sectors)
    how = luck.below(5)
    if how == 0:
        disk.spoil(name, at, bytes([content[at] ^ 1 << luck.below(8)]))
        return f"a bit of byte {at} of {name} flipped"
    if how == 1:
        disk.spoil(name, at, bytes([content[at] ^ 1 + luck.below(255)]))
        return f"byte {at} of {name} changed"
    if how == 2:
        disk.spoil(name, sector, bytes(SECTOR))
        return f"the sector at {sector} of {name} became zero"
    if how == 3:
        disk.spoil(name, sector, bytes([luck.below(256) for _ in range(SECTOR)]))
        return f"the sector at {sector} of {name} became garbage"
    disk.spoil(name, sector, content[other : other + SECTOR])
    return f"the sector at {other} of {name} was written to {sector}, too"


# --- hooks -----------------------------------------------------------------------------------------------------------


def failing(what: str, name: str, error: BaseException, *, when: When = "before", nth: int = 1) -> Hook:
    """A hook that raises `error` at the `nth` operation `what` on the file `name` (the folder: ""), and ever after."""
    met = 0

    def hook(now: When, operation: str, on: str) -> None:
        nonlocal met
        if (now, operation, on) == (when, what, name):
            met += 1
            if met >= nth:
                raise error

    return hook


def sync_fails(disk: SimDisk, name: str, *, nth: int = 1, luck: Luck | None = None) -> Hook:
    """
    A hook by which the `nth` sync of a file fails, once: whoever tries again is told that all is well, and it is not.

    What was to be written stays readable and is forgotten, but for what `luck` got written before (`forget_unsynced`).
    """
    met = 0

    def hook(now: When, operation: str, on: str) -> None:
        nonlocal met
        if (now, operation, on) == ("before", "fdatasync", name):
            met += 1
            if met == nth:
                disk.forget_unsynced(name, luck)
                raise OSError(errno.EIO, "Input/output error")

    return hook


def crash_after(operations: int) -> Hook:
    """A hook that ends the process before its operation number `operations` + 1."""
    left = operations

    def hook(now: When, operation: str, name: str) -> None:
        nonlocal left
        if now == "before":
            left -= 1
            if left < 0:
                raise Crash

    return hook

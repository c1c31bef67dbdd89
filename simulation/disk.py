"""
A disk in memory that remembers what was synced, so that every state a crash can leave may be built and tried.

The model is the harshest one that the journal claims to survive:

    a write is kept by `fdatasync` of its file; until then a crash keeps any part of it, sector (512 bytes) by sector,
    or only its beginning up to any byte
    a creation, rename or removal is kept by `sync_directory`; until then a crash keeps any number of the first ones
    what a process sees is always the newest

`hook` is called before and after every operation and may raise: `Crash` ends the process there, `OSError` is the
disk's answer. `image` gives the disk after the crash; `lying` is a disk whose syncs do nothing.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from random import Random

SECTOR = 512
When = str  # "before" or "after"
Hook = Callable[[When, str, str], None]


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


class _Inode:
    def __init__(self, content: bytes = b"") -> None:
        self.seen = bytearray(content)  # what processes read
        self.kept = bytearray(content)  # what survives for certain
        self.pending: list[tuple[int, bytes] | int] = []  # writes (offset, content) and truncations, in order

    def apply(self, target: bytearray, change: tuple[int, bytes] | int) -> None:
        if isinstance(change, int):
            del target[change:]
            target.extend(bytes(change - len(target)))
            return
        offset, content = change
        if len(target) < offset + len(content):
            target.extend(bytes(offset + len(content) - len(target)))
        target[offset : offset + len(content)] = content

    def after_crash(self, luck: Random) -> bytes:
        left = bytearray(self.kept)
        how = luck.choice(("none", "all", "first", "any", "sectors", "sectors", "cut"))
        whole = {"none": 0, "all": len(self.pending), "first": luck.randrange(len(self.pending) + 1)}.get(how)
        for number, change in enumerate(self.pending):
            if whole is not None:
                if number < whole:
                    self.apply(left, change)
            elif isinstance(change, int) or how == "any":
                if luck.random() < 0.5:
                    self.apply(left, change)
            elif how == "cut":
                offset, content = change
                self.apply(left, (offset, content[: luck.randrange(len(content) + 1)]))
            else:
                self._apply_some_sectors(left, *change, luck)
        return bytes(left)

    def _apply_some_sectors(self, left: bytearray, offset: int, content: bytes, luck: Random) -> None:
        at = 0
        while at < len(content):
            step = min(SECTOR - (offset + at) % SECTOR, len(content) - at)
            if luck.random() < 0.7:
                self.apply(left, (offset + at, content[at : at + step]))
            at += step


class SimFile:
    def __init__(self, disk: SimDisk, name: str, inode: _Inode) -> None:
        self._disk = disk
        self._name = name
        self.inode = inode

    def pread(self, count: int, offset: int) -> bytes:
        with self._disk.doing("pread", self._name):
            return bytes(self.inode.seen[offset : offset + count])

    def pwrite(self, content: bytes, offset: int) -> None:
        with self._disk.doing("pwrite", self._name):
            grows = max(0, offset + len(content) - len(self.inode.seen))
            if grows and grows > self._disk.free_bytes()[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            self._change((offset, bytes(content)))

    def fdatasync(self) -> None:
        with self._disk.doing("fdatasync", self._name):
            if not self._disk.lying:
                for change in self.inode.pending:
                    self.inode.apply(self.inode.kept, change)
                self.inode.pending.clear()

    def truncate(self, length: int) -> None:
        with self._disk.doing("truncate", self._name):
            self._change(length)

    def size(self) -> int:
        return len(self.inode.seen)

    def close(self) -> None:
        pass

    def _change(self, change: tuple[int, bytes] | int) -> None:
        self.inode.apply(self.inode.seen, change)
        self.inode.pending.append(change)


class _Doing:
    def __init__(self, disk: SimDisk, what: str, name: str) -> None:
        self._call = disk, what, name

    def __enter__(self) -> None:
        disk, what, name = self._call
        disk.operations += 1
        disk.hook("before", what, name)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        disk, what, name = self._call
        if error is None:
            disk.hook("after", what, name)


class SimDisk:
    """A `Disk` in memory, made of the files' contents by name."""

    def __init__(self, files: dict[str, bytes] | None = None, *, total_bytes: int = 1 << 40, kind: str = "ext4") -> None:
        self.hook: Hook = lambda when, what, name: None
        self.lying = False
        self.operations = 0
        self.total_bytes = total_bytes
        self._kind = kind
        self._names = {name: _Inode(content) for name, content in (files or {}).items()}
        self._kept_names = dict(self._names)
        self._pending: list[dict[str, _Inode]] = []  # the directory after each change not yet synced
        self._holder: str | None = None

    def doing(self, what: str, name: str) -> _Doing:
        return _Doing(self, what, name)

    def open(self, name: str, *, create: bool) -> SimFile:
        with self.doing("open", name):
            if name not in self._names:
                if not create:
                    raise FileNotFoundError(errno.ENOENT, "No such file", name)
                self._names[name] = _Inode()
                self._pending.append(dict(self._names))
            return SimFile(self, name, self._names[name])

    def rename(self, source: str, target: str) -> None:
        with self.doing("rename", target):
            self._names[target] = self._names.pop(source)
            self._pending.append(dict(self._names))

    def remove(self, name: str) -> None:
        with self.doing("remove", name):
            del self._names[name]
            self._pending.append(dict(self._names))

    def list(self) -> list[str]:
        with self.doing("list", ""):
            return sorted(self._names)

    def sync_directory(self) -> None:
        with self.doing("sync_directory", ""):
            if not self.lying:
                self._kept_names = dict(self._names)
                self._pending.clear()

    def free_bytes(self) -> tuple[int, int]:
        return self.total_bytes - sum(len(inode.seen) for inode in self._names.values()), self.total_bytes

    def lock(self, holder: str) -> str | None:
        if self._holder is not None:
            return self._holder
        self._holder = holder
        return None

    def kind(self) -> str:
        return self._kind

    def where(self) -> Path:
        return Path("simulated")

    # --- for tests ---

    def files(self) -> dict[str, bytes]:
        """What processes see now."""
        return {name: bytes(inode.seen) for name, inode in self._names.items()}

    def forget_unsynced(self) -> None:
        """What Linux does after a failed sync: the content stays readable, but nobody will write it any more."""
        for inode in self._names.values():
            inode.pending.clear()

    def survivor(self) -> SimDisk:
        """The disk after the process was killed: everything it wrote is seen, still unsynced; the lock is free."""
        after = SimDisk(total_bytes=self.total_bytes, kind=self._kind)
        after._names, after._kept_names, after._pending = self._names, self._kept_names, self._pending
        after.lying = self.lying
        return after

    def image(self, luck: Random) -> SimDisk:
        """A disk that a power loss at this moment may leave."""
        states = [self._kept_names, *self._pending]
        names = states[luck.randrange(len(states))]
        after = SimDisk(
            {name: inode.after_crash(luck) for name, inode in names.items()}, total_bytes=self.total_bytes, kind=self._kind
        )
        after.lying = self.lying
        return after


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

"""packcenter's five ports in the virtual world: clock, luck and ids by seed, a disk that can be taken away, a memory network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from packcenter.journal.frames import Draft
from packcenter.journal.journal import Group, Journal, JournalError
from packcenter.ports import Disk, File
from packcenter.real import RealNet
from simulation.draws import Stream
from simulation.virtual.loop import OWNER, VirtualLoop

_LOOK_US = 50_000  # a stall may be ended by whoever made it

BOOT_US = 20_000_000
"""What a monotonic clock shows when the first service can start after a boot."""


class ProcessGone(BaseException):
    """A dead process touched something that is no longer its own; nobody may catch it."""


class VirtualClock:
    """
    The two clocks of one computer: monotonic time that begins with its boot, and a wall clock that can be stepped.

    Both run as the loop's time does. `ahead_us` is what the wall clock is ahead of it. A `fuse` (reads, what to do) burns with
    each read by a process and then does that, in the middle of whatever the process is at: reads are where our code is, the
    same on every Python, which callbacks of the libraries are not.
    """

    def __init__(self, loop: VirtualLoop, wall_us: int) -> None:
        self._loop = loop
        self._booted_us = 0
        self.ahead_us = wall_us - loop.now_us
        self.fuse: tuple[int, Callable[[], object]] | None = None

    def mono_us(self) -> int:
        if self.fuse is not None:
            self._burn()
        return self._loop.now_us - self._booted_us

    def wall_us(self) -> int:
        if self.fuse is not None:
            self._burn()
        return self._loop.now_us + self.ahead_us

    def _burn(self) -> None:
        if self.fuse is None or OWNER.get() is None:
            return
        left, do = self.fuse
        self.fuse = (left - 1, do) if left > 1 else None
        if left <= 1:
            do()

    def step_wall(self, by_us: int) -> None:
        """Set the wall clock forward, or back."""
        self.ahead_us += by_us

    def boot(self) -> None:
        """The computer starts again: its monotonic time begins anew."""
        self._booted_us = self._loop.now_us - BOOT_US

    async def sleep_us(self, us: int) -> None:
        await asyncio.sleep(max(0, us) / 1e6)


class VirtualRandom:
    """Luck of a named stream."""

    def __init__(self, seed: int, name: str) -> None:
        self._stream = Stream(seed, name)

    def below(self, n: int) -> int:
        return self._stream.below(n)


class VirtualIds:
    """Numbers of a named stream, none twice."""

    def __init__(self, seed: int, name: str) -> None:
        self._stream = Stream(seed, name)
        self._given: set[int] = set()

    def nonce(self) -> int:
        while (number := self._stream.between(1, 0xFFFF_FFFF)) in self._given:
            pass
        self._given.add(number)
        return number


class VirtualNet(RealNet):
    """The real clients, whose connections the loop makes; nobody listens on sockets of the operating system."""

    def listen(self, host: str, port: int) -> socket.socket:
        raise OSError(f"no socket at {host}:{port}: the figures are not served in virtual time")


class LeasedDisk:
    """
    A disk as one process has it: `revoke` takes it away for good, with every file opened through it.

    After that every call raises `ProcessGone`, so that nothing a dying process does in its `finally` blocks reaches the
    disk, which the next process may have by then.
    """

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.revoked = False

    def revoke(self) -> None:
        """The process is dead."""
        self.revoked = True

    @property
    def disk(self) -> Disk:
        """The disk, for its process alone."""
        if self.revoked:
            raise ProcessGone
        return self._disk

    def open(self, name: str, *, create: bool) -> LeasedFile:
        return LeasedFile(self, self.disk.open(name, create=create))

    def rename(self, source: str, target: str) -> None:
        self.disk.rename(source, target)

    def remove(self, name: str) -> None:
        self.disk.remove(name)

    def list(self) -> list[str]:
        return self.disk.list()

    def sync_directory(self) -> None:
        self.disk.sync_directory()

    def free_bytes(self) -> tuple[int, int]:
        return self.disk.free_bytes()

    def lock(self, holder: str) -> str | None:
        return self.disk.lock(holder)

    def kind(self) -> str:
        return self.disk.kind()

    def where(self) -> Path:
        return self.disk.where()


class LeasedFile:
    """A file of a `LeasedDisk`."""

    def __init__(self, lease: LeasedDisk, file: File) -> None:
        self._lease = lease
        self._file = file

    @property
    def file(self) -> File:
        """The file, for its process alone."""
        if self._lease.revoked:
            raise ProcessGone
        return self._file

    def pread(self, count: int, offset: int) -> bytes:
        return self.file.pread(count, offset)

    def pwrite(self, content: bytes, offset: int) -> None:
        self.file.pwrite(content, offset)

    def fdatasync(self) -> None:
        self.file.fdatasync()

    def truncate(self, length: int) -> None:
        self.file.truncate(length)

    def size(self) -> int:
        return self.file.size()

    def close(self) -> None:
        if not self._lease.revoked:
            self._file.close()


class DiskPace:
    """
    How long a disk takes in virtual time: `sync_us` and up to `spread_us` more for each group, and stalls.

    `slow_us` comes on top until `slow_until_us`; every write that is not done before `stall_until_us` waits until then (both
    in loop time).
    """

    def __init__(self, loop: VirtualLoop, luck: Stream, sync_us: int = 300, spread_us: int = 400) -> None:
        self.sync_us = sync_us
        self.spread_us = spread_us
        self.slow_us = self.slow_until_us = 0
        self.stall_until_us = 0
        self._loop = loop
        self._luck = luck

    def draw_us(self) -> tuple[int, int]:
        """Virtual time of the next group before and after the moment in which it is written."""
        slow_us = self.slow_us if self._loop.now_us < self.slow_until_us else 0
        whole = self.sync_us + self._luck.below(self.spread_us + 1) + slow_us
        before = self._luck.below(whole + 1)
        return before, whole - before

    async def wait_us(self, us: int) -> None:
        """Wait, and as long as the disk stalls."""
        await asyncio.sleep(us / 1e6)
        while (left_us := self.stall_until_us - self._loop.now_us) > 0:  # noqa: ASYNC110 - it waits for nothing but time
            await asyncio.sleep(min(left_us, _LOOK_US) / 1e6)


class PacedCommitter:
    """
    Commits in the loop's one thread, and lets it cost virtual time, some before the write and some after its sync.

    So a kill finds the group not yet written, or durable and not yet told; what lies between is the disk's (`SimDisk.hook`).
    """

    def __init__(self, journal: Journal, pace: DiskPace) -> None:
        self.spare_fault = ""
        self._journal = journal
        self._pace = pace

    async def commit(self, drafts: Sequence[Draft]) -> Group:
        before_us, after_us = self._pace.draw_us()
        await self._pace.wait_us(before_us)
        group = self.write(drafts)
        await self._pace.wait_us(after_us)
        if self._journal.spares_missing():
            self.spare_fault = self._prepare()
        return group

    def write(self, drafts: Sequence[Draft]) -> Group:
        """Write and sync, in no time."""
        return self._journal.write_group(drafts)

    def _prepare(self) -> str:
        try:
            self._journal.prepare_spares()
        except JournalError as error:
            return str(error)
        return ""

    async def close(self) -> None:
        self._journal.close()


def off_loop_by(pace: DiskPace) -> Callable[..., Any]:
    """What `asyncio.to_thread` does, in the one thread and in virtual time."""

    async def off_loop(work: Callable[..., Any], *args: Any) -> Any:
        await pace.wait_us(pace.draw_us()[0])
        return work(*args)

    return off_loop

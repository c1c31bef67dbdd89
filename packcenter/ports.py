"""
The five ports: clock, random, disk, net, ids. Everything uncertain comes through them, as arguments.

Nothing else in packcenter may read a clock, draw a random number, open a file or a socket, or make an id
(`tests/test_tidy.py` looks); so the whole service can run in virtual time on a simulated disk.
`packcenter.real` holds the real ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket

    from asyncua.client.client import Client
    from pymodbus.client import AsyncModbusTcpClient


class Clock(Protocol):
    """Time. Order comes from neither: only durations from `mono_us`, only labels from `wall_us`."""

    def mono_us(self) -> int:
        """Microseconds of a clock that never goes back; its origin means nothing."""
        ...

    def wall_us(self) -> int:
        """Microseconds since the Unix epoch by the wall clock, which may jump."""
        ...

    async def sleep_us(self, us: int) -> None:
        """Wait at least this long."""
        ...


class Random(Protocol):
    """Luck that is allowed to differ between runs: jitter of reconnects. Never used by a decision."""

    def below(self, n: int) -> int:
        """An integer from 0 to n - 1."""
        ...


class Ids(Protocol):
    """Names that must not repeat."""

    def nonce(self) -> int:
        """An unpredictable number from 1 to 2**32 - 1."""
        ...


class File(Protocol):
    """One open file of a `Disk`. Every call may raise `OSError`."""

    def pread(self, count: int, offset: int) -> bytes: ...
    def pwrite(self, content: bytes, offset: int) -> None:
        """Write all of `content`."""
        ...

    def fdatasync(self) -> None: ...
    def truncate(self, length: int) -> None: ...
    def size(self) -> int: ...
    def close(self) -> None: ...


class Disk(Protocol):
    """The files below one folder. Names are relative and contain no separator. Every call may raise `OSError`."""

    def open(self, name: str, *, create: bool) -> File: ...
    def rename(self, source: str, target: str) -> None: ...
    def remove(self, name: str) -> None: ...
    def list(self) -> list[str]:
        """Names of all files, sorted."""
        ...

    def sync_directory(self) -> None:
        """Make creations, renames and removals durable."""
        ...

    def free_bytes(self) -> tuple[int, int]:
        """(free, total) bytes of the file system."""
        ...

    def lock(self, holder: str) -> str | None:
        """Take the folder for this process and leave `holder` written for others; the present holder's text if it is taken."""
        ...

    def kind(self) -> str:
        """File system type, such as ext4; "unknown" if it cannot be told."""
        ...

    def where(self) -> Path: ...


class Net(Protocol):
    """Makers of protocol clients, which connect nothing yet (the links do, with a deadline on every wait), and of listeners."""

    def opcua_client(self, url: str, *, timeout_s: float) -> Client: ...
    def modbus_client(self, host: str, port: int, *, timeout_s: float) -> AsyncModbusTcpClient: ...
    def listen(self, host: str, port: int) -> socket.socket:
        """A listening socket; port 0 takes a free one. Raises `OSError` if the address is taken."""
        ...

"""
The real ports: this computer's clocks, luck, ids, one folder of its disk, and its network.

The only module that reads a clock, draws a number, opens a file or makes a client of a protocol library.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import socket
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncua.client.client import Client
    from pymodbus.client import AsyncModbusTcpClient

LOCK_NAME = "LOCK"
_HOLDER_BYTES_MAX = 4096  # enough for a line about a process
_READ_BYTES_MAX = 1 << 30  # Linux reads and writes at most 2 GiB - 4096 bytes at once


class RealClock:
    """This computer's monotonic and wall clocks."""

    def mono_us(self) -> int:
        return time.monotonic_ns() // 1000

    def wall_us(self) -> int:
        return time.time_ns() // 1000

    async def sleep_us(self, us: int) -> None:
        """Wait at least this long; asyncio alone may wake a clock tick too early."""
        if us <= 0:
            await asyncio.sleep(0)
        end = self.mono_us() + us
        while (left := end - self.mono_us()) > 0:  # noqa: ASYNC110 - it waits for nothing but time
            await asyncio.sleep(left / 1_000_000)


class RealRandom:
    """The operating system's luck."""

    def below(self, n: int) -> int:
        return secrets.randbelow(n)


class RealIds:
    """Unpredictable numbers from the operating system."""

    def nonce(self) -> int:
        return 1 + secrets.randbelow(0xFFFF_FFFF)


class RealFile:
    """One open file. Reads and writes go on until all is done or the operating system refuses."""

    def __init__(self, path: Path, flags: int) -> None:
        self._fd = os.open(path, flags | os.O_CLOEXEC, 0o640)

    def pread(self, count: int, offset: int) -> bytes:
        """`count` bytes from `offset` on; fewer only where the file ends."""
        first = os.pread(self._fd, min(count, _READ_BYTES_MAX), offset)
        if len(first) == count:
            return first
        parts, got = [first], len(first)
        while got < count and (part := os.pread(self._fd, min(count - got, _READ_BYTES_MAX), offset + got)):
            parts.append(part)
            got += len(part)
        return b"".join(parts)

    def pwrite(self, content: bytes, offset: int) -> None:
        written = os.pwrite(self._fd, content, offset)
        while written < len(content):
            written += os.pwrite(self._fd, memoryview(content)[written:], offset + written)

    def fdatasync(self) -> None:
        os.fdatasync(self._fd)

    def truncate(self, length: int) -> None:
        os.ftruncate(self._fd, length)

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


class RealDisk:
    """
    One folder, made if it is missing.

    With `read_only` nothing is made or changed and every file is opened for reading alone, so that a tool can read
    the journal of a running service. The lock is held until `unlock`, or until the process ends.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._folder = folder
        self._read_only = read_only
        self._lock_fd = -1
        if not read_only:
            _make_folder(folder.absolute())

    def open(self, name: str, *, create: bool) -> RealFile:
        if self._read_only:
            return RealFile(self._path(name), os.O_RDONLY)
        return RealFile(self._path(name), os.O_RDWR | (os.O_CREAT if create else 0))

    def rename(self, source: str, target: str) -> None:
        self._refuse_if_read_only()
        self._path(source).replace(self._path(target))

    def remove(self, name: str) -> None:
        self._refuse_if_read_only()
        self._path(name).unlink()

    def list(self) -> list[str]:
        return sorted(entry.name for entry in self._folder.iterdir() if entry.is_file())

    def sync_directory(self) -> None:
        _sync_folder(self._folder)

    def free_bytes(self) -> tuple[int, int]:
        seen = os.statvfs(self._folder)
        return seen.f_bavail * seen.f_frsize, seen.f_blocks * seen.f_frsize

    def lock(self, holder: str) -> str | None:
        """Take the folder by `flock`, which the operating system gives back when the process ends, however it ends."""
        self._refuse_if_read_only()
        fd = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with os.fdopen(fd, "rb") as taken:
                return taken.read(_HOLDER_BYTES_MAX).decode(errors="replace") or "a process that left no name"
        os.ftruncate(fd, 0)
        os.pwrite(fd, holder.encode()[:_HOLDER_BYTES_MAX], 0)
        self._lock_fd = fd
        return None

    def unlock(self) -> None:
        """Give the folder back before the process ends."""
        if self._lock_fd >= 0:
            fd, self._lock_fd = self._lock_fd, -1
            os.close(fd)

    def kind(self) -> str:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return "unknown"
        return kind_of_mount(mounts, self._folder.resolve())

    def where(self) -> Path:
        return self._folder

    def _path(self, name: str) -> Path:
        assert "/" not in name, f"{name!r} is not the name of a file in one folder"
        assert name.strip("."), f"{name!r} is not the name of a file in one folder"
        return self._folder / name

    def _refuse_if_read_only(self) -> None:
        if self._read_only:
            raise PermissionError(f"{self._folder} was opened for reading only")


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each durable in the one that holds it: a lost folder is a lost journal."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def kind_of_mount(mountinfo: str, path: Path) -> str:
    """
    Type of the file system that holds an absolute `path`, from the text of /proc/self/mountinfo; "unknown" if none does.

    The longest mount point above the path counts, and of equal ones the last, which hides the others.
    """
    best, kind = -1, "unknown"
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 6 or not after:
            continue
        point = Path(
            fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape").encode("latin-1").decode(errors="replace")
        )
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split(" ", 1)[0]
    return kind


class RealNet:
    """
    Clients of the two protocol libraries with everything turned off that they do on their own.

    Reconnecting and repeating are the links' business: a library that repeats a write repeats a command.
    """

    def opcua_client(self, url: str, *, timeout_s: float) -> Client:
        """
        A client that does not reconnect. Its own 1 s health probe would take a pause of the server for a loss; 10 s
        do not, and the links watch the heartbeat themselves. Servers grant a session of 60 s without a warning.
        """
        from asyncua.client.client import Client

        client = Client(url, timeout=timeout_s, watchdog_intervall=10.0, auto_reconnect=False)
        client.session_timeout = 60_000
        return client

    def modbus_client(self, host: str, port: int, *, timeout_s: float) -> AsyncModbusTcpClient:
        """A client that neither reconnects nor sends anything twice."""
        from pymodbus.client import AsyncModbusTcpClient

        return AsyncModbusTcpClient(host, port=port, timeout=timeout_s, retries=0, reconnect_delay=0, reconnect_delay_max=0)

    def listen(self, host: str, port: int) -> socket.socket:
        """A listening socket, which a process that comes after us may take over at once."""
        return socket.create_server((host, port), reuse_port=False)


def server_tls(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """
    How our HTTP side speaks TLS, 1.2 or later. Raises `OSError` for files that cannot be read or do not fit each other.

    A peer may not negotiate again, which would work us for nothing; a key with a password is refused and not asked for.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(certificate, private_key, password=lambda: "")
    return context

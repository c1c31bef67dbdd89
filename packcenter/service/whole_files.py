"""Small files of the service: written whole or not at all, and looked at while others write them."""

from __future__ import annotations

from packcenter.ports import Disk

TAIL_BYTES = 4096
"""How much of a file's end must stand still before it is taken to be whole."""


def put(disk: Disk, name: str, content: bytes) -> None:
    """Write a whole file, so that nobody ever sees half of it; an earlier one is replaced. The caller syncs the folder."""
    temporary = name + ".tmp"
    file = disk.open(temporary, create=True)
    try:
        file.truncate(0)
        file.pwrite(content, 0)
        file.fdatasync()
    finally:
        file.close()
    disk.rename(temporary, name)


def read(disk: Disk, name: str, bytes_max: int | None = None) -> bytes:
    """A file's bytes, or so many of them."""
    file = disk.open(name, create=False)
    try:
        return file.pread(file.size() if bytes_max is None else bytes_max, 0)
    finally:
        file.close()


def size_and_tail(disk: Disk, name: str) -> tuple[int, bytes]:
    """How long a file is, and its end."""
    file = disk.open(name, create=False)
    try:
        size = file.size()
        return size, file.pread(TAIL_BYTES, max(0, size - TAIL_BYTES))
    finally:
        file.close()

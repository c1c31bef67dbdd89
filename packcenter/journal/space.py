"""
Disk space: warn early, stop the infeed before it is too late, and keep a ballast for what is still on the belt.

The journal never grows a file while it writes, so a full disk is met only when the next spare segment is made.
The ballast is one segment's worth of space that nobody else can take: given back, it makes room for that segment.
"""

from __future__ import annotations

import errno
from enum import IntEnum

import msgspec

from packcenter.ports import Disk

WARN_PERCENT = 20
STOP_PERCENT = 10
RELAX_PERCENT = 1  # a level is left only this far above its threshold, so that it does not flap
BALLAST_BYTES = 64 << 20
BALLAST_NAME = "ballast"
_FILL_BYTES = 4 << 20
_SPACE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Level(IntEnum):
    """How short space is."""

    ENOUGH = 0
    WARN = 1
    STOP_INFEED = 2


class Space(msgspec.Struct, frozen=True):
    """What to do: how short space is, and whether the ballast must be given back now."""

    level: Level
    release_ballast: bool


def judge(free: int, total: int, before: Level, *, spares_missing: int = 0, segment_bytes: int = BALLAST_BYTES) -> Space:
    """
    What `free` of `total` bytes mean after level `before`.

    The ballast goes only when the journal needs a spare segment (`spares_missing`) and there is no room for one.
    """
    level = Level.ENOUGH
    for reached, percent in ((Level.WARN, WARN_PERCENT), (Level.STOP_INFEED, STOP_PERCENT)):
        threshold = percent + (RELAX_PERCENT if before >= reached else 0)
        if free * 100 < total * threshold:
            level = reached
    return Space(level, spares_missing > 0 and free < segment_bytes)


def keep_ballast(disk: Disk, ballast_bytes: int = BALLAST_BYTES) -> bool:
    """Fill the ballast file if it is not full already; False if there is no room for it (nothing is left behind then)."""
    try:
        return _fill_ballast(disk, ballast_bytes)
    except OSError as error:
        if error.errno not in _SPACE_ERRORS:
            raise
        release_ballast(disk)
        return False


def _fill_ballast(disk: Disk, ballast_bytes: int) -> bool:
    file = disk.open(BALLAST_NAME, create=True)
    try:
        if file.size() == ballast_bytes:
            return True
        file.truncate(0)
        for offset in range(0, ballast_bytes, _FILL_BYTES):
            file.pwrite(bytes(min(_FILL_BYTES, ballast_bytes - offset)), offset)
        file.fdatasync()
    finally:
        file.close()
    disk.sync_directory()
    return True


def release_ballast(disk: Disk) -> bool:
    """Give the ballast's space back; False if there is none."""
    if BALLAST_NAME not in disk.list():
        return False
    disk.remove(BALLAST_NAME)
    disk.sync_directory()
    return True

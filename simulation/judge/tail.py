"""
Where a journal stops: a torn tail, as a crash leaves it, or damage. Written from JOURNAL-FORMAT.md alone.

A crash in the middle of a write leaves sectors of 512 bytes, or everything from some byte on, still zero. A bad frame
that lacks nothing of this kind, or that has good frames of another group after it, was made bad by something else.
"""

from __future__ import annotations

from struct import Struct
from typing import Final
from zlib import crc32

MAGIC: Final = b"\xf7PCF"
_FRAME: Final = Struct("<4sIIIQ24xHHH")
_OWN_FIELDS: Final = Struct("<4sII")
_GUARD: Final = 0xA5C35A3C
_SHORTEST: Final = 123
_LONGEST: Final = 123 + (1 << 20)
_SECTOR: Final = 512
_BLOCK: Final = 1 << 16
_ZEROS: Final = bytes(_BLOCK)
_COMMIT: Final = 2
_OWN: Final = 12
"""Bytes of a frame that are its own although its length is unknown: magic, length and guard."""

_WORK_MAX: Final = 1 << 28
"""Bytes that are hashed at most in search of a good frame: a torn group has less than this."""


def frame_at(view: memoryview, at: int) -> tuple[int, int, int, int] | None:
    """Length, sequence, kind and schema of the frame at `at`; None unless magic, length, guard and CRC hold."""
    room = len(view) - at
    if room < _SHORTEST:
        return None
    magic, length, guard, crc, sequence, kind, schema, _ = _FRAME.unpack_from(view, at)
    if magic != MAGIC or length ^ guard != _GUARD or not _SHORTEST <= length <= min(room, _LONGEST):
        return None
    if crc32(view[at + 16 : at + length]) != crc:
        return None
    return length, sequence, kind, schema


def used_bytes(data: bytes) -> int:
    """Where the zeros begin that last to the end."""
    end = len(data)
    while end >= _BLOCK and data[end - _BLOCK : end] == _ZEROS:
        end -= _BLOCK
    low = max(0, end - _BLOCK)
    return low + len(data[low:end].rstrip(b"\0"))


def damage(data: bytes, start: int, bad: int, first: int) -> str:
    """
    Why the bytes from `start`, the end of the last whole group, are no torn tail; "" if they are one.

    `bad` is the first frame that does not hold, `first` the sequence that the group's first record has or would have.
    """
    view = memoryview(data)
    used = used_bytes(data)
    other = _good_frame_of_another_group(view, bad, used, first)
    if other:
        return f"a bad frame before a good one, record {other}"
    if _is_torn(view, start, bad, used) or _is_half_zeroed(view, start, used):
        return ""
    return "a bad frame of which nothing is missing"


def _is_torn(view: memoryview, start: int, bad: int, used: int) -> bool:
    """Whether zeros stand in the bad frame where a write was torn: a sector, or all the rest."""
    length = 0
    if len(view) - bad >= _OWN:
        magic, said, guard = _OWN_FIELDS.unpack_from(view, bad)
        if magic == MAGIC and said ^ guard == _GUARD:
            length = said
    end = min(bad + (length or _OWN), len(view))
    return used < end + (0 if length else 1) or _lacks_sector(view, start, bad, end)


def _is_half_zeroed(view: memoryview, start: int, used: int) -> bool:
    """
    Whether a recovery that was zeroing a torn group from its beginning ended early.

    Then the group begins with a zero, and what is left of it lacks its commit frame, or another sector.
    """
    if view[start]:
        return False
    at = _next_frame(view, start, used)
    if at is None or _lacks_sector(view, start, start, at):
        return True
    while (frame := frame_at(view, at)) is not None:
        if frame[2] == _COMMIT:
            return False
        at += frame[0]
    return _is_torn(view, start, at, used)


def _next_frame(view: memoryview, start: int, used: int) -> int | None:
    """Where the next whole frame begins, if there is one."""
    data = bytes(view[start:used])
    at, work = -1, 0
    while (at := data.find(MAGIC, at + 1)) >= 0 and work <= _WORK_MAX:
        work += _claimed_bytes(view, start + at)
        if frame_at(view, start + at) is not None:
            return start + at
    return None


def _lacks_sector(view: memoryview, start: int, low: int, end: int) -> bool:
    """Whether a sector of which `low` to `end` touches a byte is zero; only what lies after `start` was being written."""
    for sector in range(low // _SECTOR * _SECTOR, end, _SECTOR):
        piece = bytes(view[max(sector, start) : sector + _SECTOR])
        if piece == _ZEROS[: len(piece)]:
            return True
    return False


def _good_frame_of_another_group(view: memoryview, bad: int, used: int, first: int) -> int:
    """The sequence of a good frame after the bad one that is not of its group; 0 if there is none."""
    data = bytes(view[bad:used])
    rest = memoryview(data)
    at, work = 0, 0
    while (at := data.find(MAGIC, at + 1)) >= 0:
        work += _claimed_bytes(rest, at)
        if work > _WORK_MAX:
            return first
        frame = frame_at(rest, at)
        if frame is not None:
            _, sequence, kind, _ = frame
            place = int.from_bytes(data[at + 52 : at + 54], "little")
            group = sequence - place + (1 if kind == _COMMIT else 0)
            if group != first:
                return sequence or first
    return 0


def _claimed_bytes(view: memoryview, at: int) -> int:
    """How long the frame at `at` says that it is, if length and guard agree and it would fit; else 0."""
    if len(view) - at < _SHORTEST:
        return 0
    length: int
    _, length, guard = _OWN_FIELDS.unpack_from(view, at)
    return length if length ^ guard == _GUARD and length <= len(view) - at else 0

"""
The journal's bytes: segments, frames, groups, chain. Written from JOURNAL-FORMAT.md alone.

Everything is checked that the format says a reader checks. Reading stops at the first thing that does not hold, and
`ending` says what that is: the end, a torn tail, damage, or something that a later release wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from struct import Struct
from typing import Any, Final
from zlib import crc32

from simulation.judge import tail
from simulation.judge.snapshots import Claims

END: Final = "end"
TORN: Final = "torn tail"
DAMAGE: Final = "damage"
UNKNOWN: Final = "unknown"

Page = tuple[int, int, int, int, int, int, int, str, memoryview]
"""A record: sequence, core time, monotonic time, wall time, epoch, event number, decision offset, PLC, body."""

_SEGMENT: Final = re.compile(r"segment-(\d{8})\.pcj")
_HEADER: Final = Struct("<8sHHIQQQ32s32s32s32s64s64s")
_FRAME: Final = Struct("<4sIIIQQQQHHHIII24s")
_COMMIT: Final = Struct("<QII32s")
_MAGIC: Final = b"PACKJRNL"
_FIRST_GROUP: Final = 4096
_HEADER_BYTES: Final = 512
_COMMIT_FRAME_BYTES: Final = 171
_GROUP_MAX: Final = 512
_GROUP_BYTES_MAX: Final = 4 << 20
_NAMES_MAX: Final = 4096
"""How many spellings of PLC names are remembered; a journal has a dozen."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a segment's header says that the rules ask about."""

    number: int
    first: int
    chain_before: bytes
    digest_before: bytes
    configuration: bytes
    release: str


class _StopError(Exception):
    """Reading ends here: `kind` and a sentence."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text


def _damage(text: str) -> _StopError:
    return _StopError(DAMAGE, text)


class Pages:
    """
    Reads a journal once, in order: iterate `records`, then look at the rest.

    `files` maps names of the journal's folder to their bytes; only one segment is held at a time.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.ending = END
        self.ended = ""
        self.sequence = 0
        self.groups = 0
        self.segments = 0
        self.chain = bytes(32)
        self.digest = bytes(32)
        self.header: Header | None = None
        self.claims = Claims(files)
        self._files = files
        self._plcs: dict[bytes, str] = {}
        self._numbers = sorted(int(hit[1]) for hit in map(_SEGMENT.fullmatch, files) if hit is not None)

    def records(self) -> Iterator[Page]:
        """Every record of every whole group, in order; a group without its commit never happened."""
        try:
            yield from self._segments()
        except _StopError as stop:
            self.ending, self.ended = stop.kind, stop.text

    # --- segments ---

    def _segments(self) -> Iterator[Page]:
        if not self._numbers:
            raise _damage("no file segment-00000001.pcj, expected at least one segment")
        last = next((at for at, number in enumerate(self._numbers) if number != at + 1), len(self._numbers))
        spare = 0
        for number in range(1, last + 1):
            data = self._files[f"segment-{number:08d}.pcj"]
            header = _header_of(data, number)
            if header is None:
                spare = spare or number
            elif spare:
                raise _damage(f"segment {number} is in use, but segment {spare} before it is a spare")
            else:
                self._begin(header, number)
                yield from self._groups(data, number)
        if last < len(self._numbers):
            raise _damage(f"segment {last + 1} is missing, though there is segment {self._numbers[-1]}")

    def _begin(self, header: Header, number: int) -> None:
        """Go on with a segment: it must continue the one before."""
        if header.first != self.sequence + 1:
            raise _damage(f"segment {number} begins with record {header.first}, expected {self.sequence + 1}")
        if header.chain_before != self.chain or header.digest_before != self.digest:
            raise _damage(f"segment {number} does not continue the chain or the decision digest of the one before")
        self.header = header
        self.segments += 1

    def _is_in_use(self, number: int) -> bool:
        if number not in self._numbers:
            return False
        try:
            return _header_of(self._files[f"segment-{number:08d}.pcj"], number) is not None
        except _StopError:
            return True

    # --- groups ---

    def _groups(self, data: bytes, number: int) -> Iterator[Page]:
        view = memoryview(data)
        self.chain = sha256(view[:_HEADER_BYTES]).digest()
        self.claims.check(self.sequence, number, _FIRST_GROUP, self.chain, self.digest)
        at = _FIRST_GROUP
        while True:
            group, at, bad = self._group(view, at, number)
            if bad:
                self._stop(data, at, bad, number)
                return
            self.claims.check(self.sequence, number, at, self.chain, self.digest)
            yield from group

    def _group(self, view: memoryview, start: int, number: int) -> tuple[list[Page], int, int]:
        """The group at `start`, where it ends, and 0; or nothing, `start`, and where there is no whole frame."""
        group: list[Page] = []
        chain, digest = self.chain, self.digest
        at = start
        while True:
            frame = tail.frame_at(view, at)
            if frame is None:
                return [], start, at
            length, sequence, kind, schema = frame
            end = at + length
            where = f"segment {number}, offset {at}"
            link = sha256(chain)
            link.update(view[at + 16 : end - 33])
            chain = link.digest()
            if bytes(view[end - 33 : end - 1]) != chain or view[end - 1] != 0xF7:
                raise _damage(f"{where}: record {sequence} does not continue the chain")
            if kind not in (1, 2) or schema != 1:
                raise _StopError(UNKNOWN, f"{where}: a frame of kind {kind}, schema {schema}; a later release wrote it")
            fields = _FRAME.unpack_from(view, at)
            if kind == 2:
                self._commit(view, start, at, fields, group, digest)
                self.chain, self.digest = chain, digest
                return group, end, 0
            page = self._page(view, at, end, fields, where)
            if sequence != self.sequence + len(group) + 1 or fields[10] != len(group) or len(group) >= _GROUP_MAX:
                raise _damage(f"{where}: record {sequence} at place {fields[10]}, expected {self.sequence + len(group) + 1}")
            group.append(page)
            turn = blake2b(digest, digest_size=32)
            turn.update(page[8][page[6] :])
            digest = turn.digest()
            at = end

    def _page(self, view: memoryview, at: int, end: int, fields: tuple[Any, ...], where: str) -> Page:
        """A record's frame as a page."""
        sequence, at_us, mono_us, wall_us, _, _, _, epoch, event, decision_at = fields[4:14]
        raw: bytes = fields[14]
        plc = self._plcs.get(raw)
        if plc is None:
            try:
                plc = raw.rstrip(b"\0").decode()
            except UnicodeDecodeError:
                raise _damage(f"{where}: record {sequence} names a PLC in bytes that are no text") from None
            if len(self._plcs) < _NAMES_MAX:
                self._plcs[raw] = plc
        body = view[at + 90 : end - 33]
        if decision_at > len(body):
            raise _damage(f"{where}: the decision of record {sequence} begins at {decision_at} of {len(body)} bytes")
        return sequence, at_us, mono_us, wall_us, epoch, event, decision_at, plc, body

    def _commit(self, view: memoryview, start: int, at: int, fields: tuple[Any, ...], group: list[Page], digest: bytes) -> None:
        """A whole commit frame must be about exactly the group before it."""
        where = f"commit frame at offset {at}"
        if fields[1] != _COMMIT_FRAME_BYTES or not group:
            raise _damage(f"{where}: {fields[1]} bytes after {len(group)} records, expected 171 after one at least")
        first, count, crc, said = _COMMIT.unpack_from(view, at + 90)
        last = group[-1]
        if (first, count, fields[10]) != (self.sequence + 1, len(group), len(group)) or fields[4:8] != last[:4]:
            raise _damage(f"{where}: it is about records from {first}, {count} of them, not about the {len(group)} before it")
        if fields[11:14] != (0, 0, 0) or fields[14] != bytes(24):
            raise _damage(f"{where}: it names an event, a decision or a PLC")
        if at - start > _GROUP_BYTES_MAX:
            raise _damage(f"{where}: a group of {at - start} bytes, expected {_GROUP_BYTES_MAX} at most")
        if crc != crc32(view[start:at]):
            raise _damage(f"{where}: the CRC of the group differs")
        if said != digest:
            raise _damage(f"{where}: the decision digest differs after record {last[0]}")
        self.sequence = last[0]
        self.groups += 1

    def _stop(self, data: bytes, start: int, at: int, number: int) -> None:
        """There is no whole frame at `at`: the end of the segment, a torn tail, or damage."""
        used = tail.used_bytes(data)
        if start >= used:
            return
        if self._is_in_use(number + 1):
            raise _damage(f"segment {number}, offset {at}: no whole frame, yet segment {number + 1} is in use")
        why = tail.damage(data, start, at, self.sequence + 1)
        if why:
            raise _damage(f"segment {number}, offset {at}: {why}")
        self.ending = TORN
        self.ended = f"segment {number} ends with a torn write of {used - start} bytes at offset {start}"


def _header_of(data: bytes, number: int) -> Header | None:
    """The header of a segment; None for a spare, also one whose header was being written at a crash."""
    view = memoryview(data)
    if len(data) < _FIRST_GROUP:
        raise _damage(f"segment {number} has {len(data)} bytes, expected {_FIRST_GROUP} at least")
    used = tail.used_bytes(data)
    if not used:
        return None
    head = bytes(view[:_HEADER_BYTES])
    if head[:8] != _MAGIC or crc32(head[:508]) != int.from_bytes(head[508:], "little"):
        if used <= _HEADER_BYTES:
            return None
        raise _damage(f"segment {number} has a bad header and something after it")
    _, version, length, said, size, first, _, chain, digest, configuration, _, _, release = _HEADER.unpack_from(head)
    if version != 1 or length != _HEADER_BYTES:
        raise _StopError(UNKNOWN, f"segment {number} has format version {version}; a later release wrote it")
    if said != number or size != len(data):
        raise _damage(f"segment {number} of {len(data)} bytes says that it is segment {said} of {size} bytes")
    if any(head[296:508]) or any(view[_HEADER_BYTES:_FIRST_GROUP]):
        raise _damage(f"segment {number} has bytes where its header says that there are none")
    return Header(number, first, chain, digest, configuration, release.rstrip(b"\0").decode(errors="replace"))

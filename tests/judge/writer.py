"""
A writer of journals, made from JOURNAL-FORMAT.md like the judge's reader, and sharing nothing with packcenter's.

It writes any records, also ones that no controller would: CRC, chain and digest of what it writes are right, so that only
the rules can find what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from hashlib import blake2b, sha256
from struct import pack, unpack_from
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

EVENTS = frozenset(
    {
        "Scanned", "TrackLost", "GhostAppeared", "PlaceChanged", "JamChanged", "MachineChanged", "ConsumableRead",
        "Unintelligible", "DivertConfirmed", "Fed", "Packed", "Stored", "Released", "Dropped", "BagShut", "CommandEnded",
        "Quarantined",
    }
)  # fmt: skip


class Record(NamedTuple):
    """One record, decoded: times in microseconds, the input, its facts and commands as lists."""

    at_us: int
    mono_us: int
    wall_us: int
    happened: list[Any]
    facts: list[list[Any]]
    commands: list[list[Any]]


def copied(records: Sequence[Record]) -> list[Record]:
    """Records that may be changed without changing these."""
    return [deepcopy(record) for record in records]


def body_of(record: Record) -> tuple[bytes, int]:
    """A record's body and where its decision begins."""
    head = b"\x93" + msgspec.msgpack.encode(record.happened)
    return head + msgspec.msgpack.encode(record.facts) + msgspec.msgpack.encode(record.commands), len(head)


class Writer:
    """Writes groups into segments of one size, and remembers where each group ended."""

    def __init__(self, segment_bytes: int = 1 << 16, configuration: bytes = bytes(32)) -> None:
        self.segment_bytes = segment_bytes
        self.configuration = configuration
        self.sequence = 0
        self.chain = bytes(32)
        self.digest = bytes(32)
        self.ends: list[tuple[int, int, int, bytes, bytes]] = []
        """After each group: sequence, segment, offset, chain, decision digest."""
        self._segments: list[bytearray] = []
        self._offset = segment_bytes

    def write(self, records: Sequence[Record]) -> None:
        """Write one group."""
        group, chain, digest = self._frames(records, self.chain, self.digest)
        if self._offset + len(group) > self.segment_bytes:
            self._next_segment()
            group, chain, digest = self._frames(records, self.chain, self.digest)
            assert self._offset + len(group) <= self.segment_bytes, "a group is larger than a segment"
        self._segments[-1][self._offset : self._offset + len(group)] = group
        self._offset += len(group)
        self.sequence += len(records)
        self.chain, self.digest = chain, digest
        self.ends.append((self.sequence, len(self._segments), self._offset, chain, digest))

    def files(self, spares: int = 1) -> dict[str, bytes]:
        """The folder: segments in use, then spares."""
        made = [*map(bytes, self._segments), *[bytes(self.segment_bytes)] * spares]
        return {f"segment-{number:08d}.pcj": data for number, data in enumerate(made, 1)}

    def snapshot(self, end: int = -1, state: bytes = b"state") -> tuple[str, bytes]:
        """A snapshot at the end of a group: its name and bytes."""
        sequence, segment, offset, chain, digest = self.ends[end]
        head = pack("<8sHHIQQQ32s32s", b"PACKSNAP", 1, 1, segment, offset, sequence, len(state), chain, digest)
        return f"snapshot-{sequence:020d}.pcs", head + state + sha256(head + state).digest()

    def _next_segment(self) -> None:
        head = pack(
            "<8sHHIQQQ32s32s32s32s64s64s", b"PACKJRNL", 1, 512, len(self._segments) + 1, self.segment_bytes, self.sequence + 1,
            1_700_000_000_000_000, self.chain, self.digest, self.configuration, bytes(32), b"NJ", b"test",
        )  # fmt: skip
        head = head.ljust(508, b"\0")
        head += pack("<I", crc32(head))
        self._segments.append(bytearray(head.ljust(self.segment_bytes, b"\0")))
        self._offset = 4096
        self.chain = sha256(head).digest()

    def _frames(self, records: Sequence[Record], chain: bytes, digest: bytes) -> tuple[bytes, bytes, bytes]:
        frames = b""
        for place, record in enumerate(records):
            body, decision_at = body_of(record)
            digest = blake2b(digest + body[decision_at:], digest_size=32).digest()
            source: tuple[str, int, int] = ("", 0, 0)
            if record.happened[0] in EVENTS and record.happened[0] != "Quarantined":
                source = tuple(record.happened[1:4])
            numbers = (self.sequence + place + 1, record.at_us, record.mono_us, record.wall_us, 1, 1, place)
            frame, chain = frame_of(numbers, source, decision_at, body, chain)
            frames += frame
        body = pack("<QII", self.sequence + 1, len(records), crc32(frames)) + digest
        last = records[-1]
        numbers = (self.sequence + len(records), last.at_us, last.mono_us, last.wall_us, 2, 1, len(records))
        commit, chain = frame_of(numbers, ("", 0, 0), 0, body, chain)
        return frames + commit, chain, digest


def frame_of(
    numbers: tuple[int, ...], source: tuple[str, int, int], decision_at: int, body: bytes, chain: bytes
) -> tuple[bytes, bytes]:
    """A frame and the chain after it. `numbers` are sequence, three times, kind, schema and place."""
    plc, epoch, event = source
    inner = pack("<QQQQHHHIII24s", *numbers, epoch, event, decision_at, plc.encode()) + body
    chain = sha256(chain + inner).digest()
    tail = inner + chain + b"\xf7"
    length = 16 + len(tail)
    return pack("<4sIII", b"\xf7PCF", length, length ^ 0xA5C35A3C, crc32(tail)) + tail, chain


def written(records: Sequence[Record], group: int = 7, segment_bytes: int = 1 << 16) -> dict[str, bytes]:
    """The folder of a journal that holds these records, in groups of one size."""
    writer = Writer(segment_bytes)
    for first in range(0, len(records), group):
        writer.write(records[first : first + group])
    return writer.files()


def records_of(files: dict[str, bytes]) -> list[Record]:
    """The records of a sound journal, decoded."""
    found = []
    for name in sorted(name for name in files if name.startswith("segment-")):
        data, at = files[name], 4096
        while data[at : at + 4] == b"\xf7PCF":
            (length,) = unpack_from("<I", data, at + 4)
            at_us, mono_us, wall_us, kind = unpack_from("<QQQH", data, at + 24)
            if kind == 1:
                found.append(Record(at_us, mono_us, wall_us, *msgspec.msgpack.decode(data[at + 90 : at + length - 33])))
            at += length
    return found

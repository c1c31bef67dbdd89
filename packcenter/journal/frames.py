"""
The bytes of the journal, without any disk: segment header, frames, groups, and what a torn tail looks like.

`JOURNAL-FORMAT.md` beside this file tells the same to a stranger; a test reads what is written here by that text alone.
All integers are little-endian and unsigned.

    segment    header (512 bytes), zeros up to offset 4096, groups without gaps, zeros up to the end of the file
    group      1 to 512 record frames, then one commit frame; written by one write, durable by one sync
    frame      prelude (16) | head (74) | body | chain (32) | end mark (1)
    prelude    magic, length, length XOR a constant, CRC-32 of everything after the prelude
    chain      SHA-256(chain before | head | body); a segment's first frame goes on from SHA-256 of the segment's header

Why the length is there twice: after a crash the last group may be torn, that is, some of its 512-byte sectors (or
its end) still hold the zeros of before. A bad frame with no sector missing cannot come from a crash; it is damage,
even in the very last group. To know which bytes a bad frame should have, its length must be trusted on its own; and
a frame ends in a byte that is not zero, so that a write that ended early shows.

The decision digest runs over what the controller decided, whatever the grouping:
D(n) = BLAKE2b-256(D(n-1) | decision of record n). Each commit frame holds it, so a replay can bisect by groups.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

import msgspec

FORMAT_VERSION = 1
RECORD_SCHEMA = 1  # the version of the record bodies that this release writes
RECORD_SCHEMAS = frozenset({1})  # and all that it reads

SECTOR_BYTES = 512  # disks write a sector whole or not at all
HEADER_BYTES = 512  # one sector, so a header is there or not
FIRST_FRAME = 4096  # frames share no page with the header
GROUP_RECORDS_MAX = 512  # bounds what one sync can lose and how long one takes
BODY_BYTES_MAX = 1 << 20  # a manifest part of a few thousand lines; more is a mistake of ours
GROUP_BYTES_MAX = 4 << 20  # records of a group: it fits a segment many times over, and is all that a crash can tear
SOURCE_BYTES = 24  # a PLC's name in UTF-8

RECORD = 1
COMMIT = 2

GENESIS = bytes(32)  # chain head and decision digest before anything was written

_HEADER_MAGIC = b"PACKJRNL"
_HEADER = struct.Struct("<8sHHIQQQ32s32s32s32s64s64s212xI")
_MAGIC = b"\xf7PCF"
_GUARD = 0xA5C3_5A3C
_PRELUDE = struct.Struct("<4sIII")
_SIZED = struct.Struct("<4sII")  # the part of the prelude that tells a frame's length
_HEAD = struct.Struct("<QQQQHHHIII24s")
_FRAME = struct.Struct("<4sIIIQQQQHHHIII24s")
_COMMIT = struct.Struct("<QII32s")
_PRELUDE_BYTES = _PRELUDE.size
_HEAD_END = _FRAME.size
_END_MARK = b"\xf7"
_CHAIN_BYTES = 32
_TAIL_BYTES = _CHAIN_BYTES + len(_END_MARK)
_FRAME_BYTES_MIN = _HEAD_END + _TAIL_BYTES
_FRAME_BYTES_MAX = _FRAME_BYTES_MIN + BODY_BYTES_MAX
_ZEROS = bytes(1 << 20)

COMMIT_BYTES = _FRAME_BYTES_MIN + _COMMIT.size
"""Length of a commit frame; the last one stands right before the end of the journal."""

assert _HEADER.size == HEADER_BYTES, _HEADER.size
assert _PRELUDE_BYTES + _HEAD.size == _HEAD_END, _HEAD_END


class FrameError(Exception):
    """Bytes that are no sound part of a journal: `at` is their offset in the segment, `why` says seen and expected."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(f"offset {at}: {why}")
        self.at = at
        self.why = why


class BadFrame(FrameError):  # noqa: N818 - read aloud, the name says it
    """No whole frame stands here: zeros, a torn write, or damage. `judge_tail` tells which."""


class WrongFrame(FrameError):  # noqa: N818 - read aloud, the name says it
    """A whole frame stands where it does not belong: its chain, number or group disagrees. Never a torn write."""


class UnknownVersion(FrameError):  # noqa: N818 - read aloud, the name says it
    """A sound header or frame of a format, kind or schema that this release does not know. Stop, never skip."""


class Identity(msgspec.Struct, frozen=True):
    """Who writes a segment, and by what: digests are SHA-256, `centre` and `release` at most 64 bytes of UTF-8."""

    centre: str
    release: str
    configuration_digest: bytes
    profiles_digest: bytes


class SegmentHeader(msgspec.Struct, frozen=True):
    """
    The first 512 bytes of a segment, written and synced before its first group.

    `chain` and `digest` are those after sequence `first_sequence` - 1, the last record of the segment before.
    """

    identity: Identity
    number: int
    segment_bytes: int
    first_sequence: int
    wall_us: int
    chain: bytes
    digest: bytes


class Draft(msgspec.Struct, frozen=True, gc=False):
    """
    A record on its way into the journal.

    `at_us` is core time, `mono_us` and `wall_us` the clocks' when it happened. `source`, `epoch` and `source_seq`
    name the PLC event it stands for ("" and 0 if none). `body[decision_at:]` is what was decided; the decision
    digest runs over that part.
    """

    at_us: int
    mono_us: int
    wall_us: int
    source: str
    epoch: int
    source_seq: int
    body: bytes
    decision_at: int
    schema: int = RECORD_SCHEMA


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A record read from the journal; `offset` is its place in its segment's file. The other fields are `Draft`'s."""

    sequence: int
    at_us: int
    mono_us: int
    wall_us: int
    source: str
    epoch: int
    source_seq: int
    body: bytes
    decision_at: int
    schema: int
    offset: int

    def decision(self) -> bytes:
        """The part of the body over which the decision digest runs."""
        return self.body[self.decision_at :]


class Encoded(msgspec.Struct, frozen=True):
    """A group's bytes, and the chain and decision digest after it."""

    content: bytes
    chain: bytes
    digest: bytes


class Decoded(msgspec.Struct, frozen=True):
    """A whole group: its records, where it ends, and the chain and decision digest after it."""

    entries: list[Entry]
    end: int
    chain: bytes
    digest: bytes


# --- segment headers -------------------------------------------------------------------------------------------------


def encode_header(header: SegmentHeader) -> bytes:
    """The 512 bytes of a header."""
    who = header.identity
    fields = _HEADER.pack(
        _HEADER_MAGIC,
        FORMAT_VERSION,
        HEADER_BYTES,
        header.number,
        header.segment_bytes,
        header.first_sequence,
        header.wall_us,
        header.chain,
        header.digest,
        _fixed(who.configuration_digest, 32),
        _fixed(who.profiles_digest, 32),
        _text(who.centre, 64),
        _text(who.release, 64),
        0,
    )
    return fields[:-4] + crc32(fields[:-4]).to_bytes(4, "little")


def decode_header(content: bytes) -> SegmentHeader | None:
    """
    The header at the beginning of a segment, or None where all bytes given are zero (a spare segment).

    `content` is the first `FIRST_FRAME` bytes. Raises `UnknownVersion`, or `WrongFrame` for anything else: a header
    is one sector, so a crash leaves it whole or absent.
    """
    if len(content) != FIRST_FRAME:
        raise WrongFrame(0, f"the file has {len(content)} bytes of header area, expected {FIRST_FRAME}")
    if is_zero(content, 0, FIRST_FRAME):
        return None
    magic, version, size, number, segment_bytes, first, wall_us, chain, digest, config, profiles, centre, release, crc = (
        _HEADER.unpack_from(content)
    )
    seen = crc32(content[: HEADER_BYTES - 4])
    if magic != _HEADER_MAGIC or seen != crc:
        raise WrongFrame(0, f"segment header has magic {magic!r} and CRC {seen:08x}, expected {_HEADER_MAGIC!r} and {crc:08x}")
    if version != FORMAT_VERSION or size != HEADER_BYTES:
        raise UnknownVersion(
            0, f"journal format {version} (header {size} bytes), this release knows {FORMAT_VERSION} ({HEADER_BYTES})"
        )
    if not is_zero(content, HEADER_BYTES, FIRST_FRAME):
        raise WrongFrame(HEADER_BYTES, f"bytes other than zero between the header and offset {FIRST_FRAME}")
    identity = Identity(_untext(centre), _untext(release), config, profiles)
    return SegmentHeader(identity, number, segment_bytes, first, wall_us, chain, digest)


def chain_after_header(content: bytes) -> bytes:
    """The chain with which a segment's first frame goes on; `content` begins with the header's 512 bytes."""
    return hashlib.sha256(content[:HEADER_BYTES]).digest()


def _fixed(content: bytes, count: int) -> bytes:
    assert len(content) == count, (len(content), count)
    return content


def _text(text: str, most: int) -> bytes:
    raw = text.encode()
    assert len(raw) <= most, f"{text!r} has {len(raw)} bytes, at most {most} fit"
    return raw


def _untext(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode()


# --- groups ----------------------------------------------------------------------------------------------------------


def portion(drafts: Sequence[Draft]) -> int:
    """How many of `drafts`, from the first, the next group takes; at least one if there is any."""
    count = total = 0
    for draft in drafts[:GROUP_RECORDS_MAX]:
        total += _FRAME_BYTES_MIN + len(draft.body)
        if count and total > GROUP_BYTES_MAX:
            break
        count += 1
    return count


def group_bytes(drafts: Sequence[Draft]) -> int:
    """How long the group of these drafts will be."""
    return _FRAME_BYTES_MIN * len(drafts) + sum([len(draft.body) for draft in drafts]) + COMMIT_BYTES


def encode_group(drafts: Sequence[Draft], first: int, chain: bytes, digest: bytes) -> Encoded:
    """The bytes of one group whose first record has sequence `first`, after `chain` and `digest`."""
    assert 1 <= len(drafts) <= GROUP_RECORDS_MAX, len(drafts)
    pack_head, pack_prelude, sha256, blake2b, names = _HEAD.pack, _PRELUDE.pack, hashlib.sha256, hashlib.blake2b, _source_bytes
    parts: list[bytes] = []
    for index, d in enumerate(drafts):
        body = d.body
        assert len(body) <= BODY_BYTES_MAX, f"record body of {len(body)} bytes, at most {BODY_BYTES_MAX}"
        content = (
            pack_head(
                first + index,
                d.at_us,
                d.mono_us,
                d.wall_us,
                RECORD,
                d.schema,
                index,
                d.epoch,
                d.source_seq,
                d.decision_at,
                names(d.source),
            )
            + body
        )
        chain = sha256(chain + content).digest()
        content += chain + _END_MARK
        length = len(content) + _PRELUDE_BYTES
        parts.append(pack_prelude(_MAGIC, length, length ^ _GUARD, crc32(content)))
        parts.append(content)
        digest = blake2b(digest + body[d.decision_at :], digest_size=32).digest()
    records = b"".join(parts)
    assert len(records) <= GROUP_BYTES_MAX, f"records of {len(records)} bytes in one group, at most {GROUP_BYTES_MAX}"
    count, last = len(drafts), drafts[-1]
    body = _COMMIT.pack(first, count, crc32(records), digest)
    content = (
        pack_head(first + count - 1, last.at_us, last.mono_us, last.wall_us, COMMIT, RECORD_SCHEMA, count, 0, 0, 0, b"") + body
    )
    chain = sha256(chain + content).digest()
    content += chain + _END_MARK
    prelude = pack_prelude(_MAGIC, COMMIT_BYTES, COMMIT_BYTES ^ _GUARD, crc32(content))
    return Encoded(b"".join((records, prelude, content)), chain, digest)


def decode_group(content: bytes, at: int, first: int, chain: bytes, *, verify_chain: bool = True) -> Decoded:
    """
    The group at offset `at` of a segment's `content`, whose first record must have sequence `first`.

    Every frame's CRC, number and place are checked, and its chain unless `verify_chain` is False. Raises `BadFrame`
    where no whole frame stands, `WrongFrame` and `UnknownVersion` where a whole one does not belong.
    """
    unpack, sha256, names = _FRAME.unpack_from, hashlib.sha256, _source_name
    view = memoryview(content)
    entries: list[Entry] = []
    start, index, sequence, size = at, 0, first, len(content)
    while True:
        if at + _HEAD_END > size:
            raise BadFrame(at, _fault(content, at))
        (
            magic, length, guard, crc,
            number, at_us, mono_us, wall_us, kind, schema, place, epoch, source_seq, decision_at, source,
        ) = unpack(content, at)  # fmt: skip
        end = at + length
        body_end = end - _TAIL_BYTES
        if (
            magic != _MAGIC
            or length ^ guard != _GUARD
            or length < _FRAME_BYTES_MIN
            or end > size
            or crc32(view[at + 16 : end]) != crc
        ):
            raise BadFrame(at, _fault(content, at))
        if verify_chain:
            chain = sha256(chain + content[at + 16 : body_end]).digest()
            if chain != content[body_end : end - 1]:
                raise WrongFrame(at, f"frame {number} does not continue the chain: something before it was changed or left out")
        if kind != RECORD:
            break
        if schema not in RECORD_SCHEMAS:
            raise UnknownVersion(at, f"record {number} has schema {schema}, this release reads {sorted(RECORD_SCHEMAS)}")
        if number != sequence or place != index:
            raise WrongFrame(at, f"record {number}, place {place} of its group, where {sequence}, place {index}, belongs")
        entries.append(
            Entry(
                number,
                at_us,
                mono_us,
                wall_us,
                names(source),
                epoch,
                source_seq,
                content[at + _HEAD_END : body_end],
                decision_at,
                schema,
                at,
            )
        )
        sequence += 1
        index += 1
        at = end
    if kind != COMMIT or schema != RECORD_SCHEMA or length != COMMIT_BYTES:
        raise UnknownVersion(at, f"frame of kind {kind}, schema {schema}, {length} bytes; this release knows records and commits")
    seen = (first, index, crc32(view[start:at]))
    *expected, digest = _COMMIT.unpack_from(content, at + _HEAD_END)
    if not index or number != sequence - 1 or place != index or seen != tuple(expected):
        raise WrongFrame(at, f"commit of (first, records, CRC) {tuple(expected)} after a group of {seen}")
    return Decoded(entries, end, content[body_end : end - 1], digest)


def decode_commit(content: bytes) -> tuple[int, bytes, bytes]:
    """
    (last sequence, chain, decision digest) of the commit frame that `content` is.

    Proves that a position taken earlier, such as a snapshot's, is still one of the journal. Raises `BadFrame`.
    """
    fault = _fault(content, 0)
    if fault or _length(content, 0) != COMMIT_BYTES or _kind(content, 0) != COMMIT:
        raise BadFrame(0, f"no commit frame: {fault or 'a frame of another kind'}")
    chain_at = COMMIT_BYTES - _TAIL_BYTES
    return int.from_bytes(content[16:24], "little"), content[chain_at:-1], content[chain_at - 32 : chain_at]


def digest_after(digest: bytes, decision: bytes) -> bytes:
    """The decision digest after one more record, whose decision is `decision` (`Entry.decision`)."""
    return hashlib.blake2b(digest + decision, digest_size=32).digest()


@lru_cache(maxsize=256)
def _source_bytes(source: str) -> bytes:
    return _text(source, SOURCE_BYTES)


@lru_cache(maxsize=256)
def _source_name(raw: bytes) -> str:
    return _untext(raw)


# --- what stands after the last whole group --------------------------------------------------------------------------


def judge_tail(content: bytes, at: int, first: int) -> int:
    """
    How many bytes of a torn group must be zeroed from offset `at` on; 0 where only zeros are.

    Call it when `decode_group` found a `BadFrame`; `at` and `first` are the offset and first sequence of that group.
    Raises `WrongFrame` where no crash can have made these bytes: a good frame of another group follows the bad one,
    or the bad one has all its sectors.
    """
    used = len(content.rstrip(b"\0"))
    if used <= at:
        return 0
    bad = at
    while not (fault := _fault(content, bad)):
        bad += _length(content, bad)
    place = content.find(_MAGIC, bad + 1)
    while place >= 0:
        if not _fault(content, place) and _group_of(content, place) != first:
            number = int.from_bytes(content[place + 16 : place + 24], "little")
            raise WrongFrame(bad, f"{fault}; yet the good frame of sequence {number} follows at offset {place}")
        place = content.find(_MAGIC, place + 1)
    if not _tear_explains(content, at, bad) and not _cut_explains(content, at):
        raise WrongFrame(bad, f"{fault}; yet none of its {SECTOR_BYTES}-byte sectors is missing, so no crash did this")
    return used - at


def is_zero(content: bytes, start: int, end: int) -> bool:
    """Whether `content[start:end]` holds nothing but zeros."""
    step = len(_ZEROS)
    return all(content[i : min(i + step, end)] == _ZEROS[: min(step, end - i)] for i in range(start, end, step))


def _fault(content: bytes, at: int) -> str:
    """What is wrong with the frame at an offset, as seen and expected; "" if it is whole."""
    if len(content) - at < _FRAME_BYTES_MIN:
        return f"{max(len(content) - at, 0)} bytes left, a frame has at least {_FRAME_BYTES_MIN}"
    magic, length, guard, crc = _PRELUDE.unpack_from(content, at)
    if magic != _MAGIC:
        return f"no frame begins here: magic {magic.hex()}, expected {_MAGIC.hex()}"
    if length ^ guard != _GUARD or not _FRAME_BYTES_MIN <= length <= _FRAME_BYTES_MAX:
        return f"frame length {length} with guard {guard:08x}, expected guard {length ^ _GUARD:08x}"
    if at + length > len(content):
        return f"frame of {length} bytes, but {len(content) - at} are left in the segment"
    seen = crc32(memoryview(content)[at + _PRELUDE_BYTES : at + length])
    return "" if seen == crc else f"frame of {length} bytes has CRC {seen:08x}, expected {crc:08x}"


def _length(content: bytes, at: int) -> int:
    return int.from_bytes(content[at + 4 : at + 8], "little")


def _kind(content: bytes, at: int) -> int:
    return int.from_bytes(content[at + 48 : at + 50], "little")


def _group_of(content: bytes, at: int) -> int:
    """First sequence of the group to which the whole frame at an offset belongs."""
    number, _, _, _, kind, _, place, *_ = _HEAD.unpack_from(content, at + _PRELUDE_BYTES)
    return int(number - place) + int(kind == COMMIT)


def _cut_explains(content: bytes, start: int) -> bool:
    """
    Whether a recovery that zeroed a torn group from `start` on ended early, within a sector.

    Then the group begins with a zero, and more of it is missing: its commit frame, or a sector farther on.
    """
    if content[start]:
        return False
    whole = content.find(_MAGIC, start)
    while whole >= 0 and _fault(content, whole):
        whole = content.find(_MAGIC, whole + 1)
    if whole < 0 or _sector_missing(content, start, start, whole):
        return True
    while not _fault(content, whole):
        if _kind(content, whole) == COMMIT:
            return False
        whole += _length(content, whole)
    return _tear_explains(content, start, whole)


def _tear_explains(content: bytes, start: int, bad: int) -> bool:
    """Whether a sector or the end of the bad frame is still zero; only bytes from `start` on were being written."""
    magic, length, guard = _SIZED.unpack(content[bad : bad + _SIZED.size].ljust(_SIZED.size, b"\0"))
    sized = magic == _MAGIC and length ^ guard == _GUARD
    end = min(bad + (length if sized else _SIZED.size), len(content))
    if _sector_missing(content, start, bad, end):
        return True
    # A write that ended early leaves zeros from there to the end of the file, in place of the end mark too.
    return is_zero(content, end - 1 if sized else end, len(content))


def _sector_missing(content: bytes, start: int, first: int, end: int) -> bool:
    """Whether a sector that `content[first:end]` touches is zero; only its bytes from `start` on were being written."""
    return any(
        is_zero(content, max(sector, start), min(sector + SECTOR_BYTES, len(content)))
        for sector in range(first - first % SECTOR_BYTES, end, SECTOR_BYTES)
    )

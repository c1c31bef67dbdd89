"""
Snapshots: the state at one position of the journal, so that a restart reads the tail alone.

A snapshot is a shortcut, never a source: anything wrong with one and the next older is taken, or none, and the
journal is read from its beginning. `JOURNAL-FORMAT.md` has the bytes.
"""

from __future__ import annotations

import errno
import hashlib
import re
import struct
from contextlib import suppress

import msgspec

from packcenter.journal.journal import Position
from packcenter.ports import Disk

FORMAT_VERSION = 1
KEPT = 2  # the newest, and one to fall back to
STATE_BYTES_MAX = 1 << 30  # a state is some tens of MiB; more is a damaged length

_MAGIC = b"PACKSNAP"
_HEAD = struct.Struct("<8sHHIQQQ32s32s")
_HASH_BYTES = 32
_NAMED = re.compile(r"snapshot-\d{20}\.pcs")
_UNFINISHED = ".tmp"


class Snapshot(msgspec.Struct, frozen=True):
    """The packed `state` after the record at `position`; `schema` is the version of that packing, the caller's own."""

    position: Position
    schema: int
    state: bytes


class Loaded(msgspec.Struct, frozen=True):
    """The newest good snapshot, or None, and for each newer one why it was passed over (tell people)."""

    snapshot: Snapshot | None
    passed_over: tuple[str, ...]


class _UnusableError(Exception):
    """Why a snapshot file cannot be taken."""


def write(disk: Disk, snapshot: Snapshot) -> None:
    """
    Keep a snapshot, durable under its name or not at all, and remove all but the newest two.

    Call it off the critical path. An `OSError` leaves the older snapshots as they were; the journal is not concerned.
    A state that no recovery would read is one, too: it must not push out those that can be read.
    """
    assert snapshot.position.sequence > 0, "a snapshot of an empty journal"
    if len(snapshot.state) > STATE_BYTES_MAX:
        raise OSError(errno.EFBIG, f"a state of {len(snapshot.state)} bytes, a snapshot is read with at most {STATE_BYTES_MAX}")
    name = _name(snapshot.position.sequence)
    try:
        _write_unfinished(disk, name + _UNFINISHED, _encode(snapshot))
        disk.rename(name + _UNFINISHED, name)
    except OSError:
        with suppress(OSError):  # it would keep room that the journal may need
            disk.remove(name + _UNFINISHED)
        raise
    disk.sync_directory()
    for old in [name for name in disk.list() if name.endswith(_UNFINISHED) and _NAMED.fullmatch(name.removesuffix(_UNFINISHED))]:
        disk.remove(old)
    for old in _names(disk)[KEPT:]:
        disk.remove(old)


def _write_unfinished(disk: Disk, name: str, content: bytes) -> None:
    file = disk.open(name, create=True)
    try:
        file.truncate(0)
        file.pwrite(content, 0)
        file.fdatasync()
    finally:
        file.close()


def load_newest(disk: Disk, *, schemas: frozenset[int]) -> Loaded:
    """The newest snapshot that is whole and of a schema the caller reads; never raises for a bad one."""
    passed_over: list[str] = []
    for name in _names(disk):
        try:
            return Loaded(_read(disk, name, schemas), tuple(passed_over))
        except (_UnusableError, OSError) as error:
            passed_over.append(f"{name}: {error}")
    return Loaded(None, tuple(passed_over))


def _name(sequence: int) -> str:
    return f"snapshot-{sequence:020d}.pcs"


def _names(disk: Disk) -> list[str]:
    """Newest first."""
    return sorted((name for name in disk.list() if _NAMED.fullmatch(name)), reverse=True)


def _encode(snapshot: Snapshot) -> bytes:
    at = snapshot.position
    head = _HEAD.pack(
        _MAGIC, FORMAT_VERSION, snapshot.schema, at.segment, at.offset, at.sequence, len(snapshot.state), at.chain, at.digest
    )
    return head + snapshot.state + hashlib.sha256(head + snapshot.state).digest()


def _read(disk: Disk, name: str, schemas: frozenset[int]) -> Snapshot:
    file = disk.open(name, create=False)
    try:
        content = file.pread(min(file.size(), _HEAD.size + STATE_BYTES_MAX + _HASH_BYTES), 0)
    finally:
        file.close()
    if len(content) < _HEAD.size + _HASH_BYTES:
        raise _UnusableError(f"{len(content)} bytes, a snapshot has at least {_HEAD.size + _HASH_BYTES}")
    magic, version, schema, segment, offset, sequence, length, chain, digest = _HEAD.unpack_from(content)
    if hashlib.sha256(content[:-_HASH_BYTES]).digest() != content[-_HASH_BYTES:]:
        raise _UnusableError("its SHA-256 is not that of its bytes: it was changed or cut")
    if magic != _MAGIC or version != FORMAT_VERSION or schema not in schemas:
        raise _UnusableError(f"format {version}, schema {schema}; this release reads {FORMAT_VERSION} and {sorted(schemas)}")
    if name != _name(sequence) or len(content) != _HEAD.size + length + _HASH_BYTES:
        raise _UnusableError(f"it holds sequence {sequence} and {length} bytes, which its name and size contradict")
    return Snapshot(Position(segment, offset, sequence, chain, digest), schema, content[_HEAD.size : -_HASH_BYTES])

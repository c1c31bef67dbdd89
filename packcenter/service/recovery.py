"""
From what is on the disk to a controller that knows all of it.

Recovery folds recorded facts and commands, from the newest sound snapshot on; it never decides again.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import msgspec

from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.core.facts import Fact
from packcenter.core.inputs import Fed, Packed, PlcEvent, Quarantined
from packcenter.core.state import State, decode_state, encode_state
from packcenter.journal import snapshot
from packcenter.journal.frames import Identity
from packcenter.journal.journal import SEGMENT_BYTES, Journal, JournalCorrupt, JournalError, read_journal
from packcenter.ports import Clock, Disk
from packcenter.service import whole_files

STATE_SCHEMA = 2
"""Version of the state's packing in a snapshot; a snapshot of another one is passed over and the journal read instead."""

PROGRESS_EVERY = 10_000
QUARANTINE_FILE = "quarantine.msgpack"

_QUARANTINE = msgspec.msgpack.Decoder(list[Quarantined])
_CRC_BYTES = 4
_BODY = msgspec.msgpack.Decoder(tuple[int, bytes])


class Recovered(msgspec.Struct):
    """
    What was found: the controller, the open journal, and where its clock stood.

    `last` is (core time, wall time) of the newest record, None for an empty journal; `folded` how many records were
    read after the snapshot; `quarantined` the events that made an earlier run fail; `notes` what people should know;
    `snapshot` the one that was begun with.
    """

    controller: Controller
    journal: Journal
    last: tuple[int, int] | None
    folded: int
    quarantined: list[Quarantined]
    notes: tuple[str, ...]
    snapshot: snapshot.Snapshot | None = None


def recover(
    disk: Disk,
    identity: Identity,
    clock: Clock,
    holder: str,
    *,
    lab: bool = False,
    segment_bytes: int = SEGMENT_BYTES,
    on_facts: Callable[[list[Fact]], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Recovered:
    """
    Open the journal and rebuild the state. Raises `JournalError` with what is wrong and what to do.

    `on_facts` is told the facts of every record that is folded.
    """
    try:
        loaded = snapshot.load_newest(disk, schemas=frozenset({STATE_SCHEMA}))
    except OSError as error:
        raise JournalError(f"{disk.where()}: cannot read the folder: {error}. Check the disk and the folder's rights.") from error
    start, notes = loaded.snapshot, loaded.passed_over
    controller, last = Controller(), None
    if start is not None:
        try:
            wall_us, state = _BODY.decode(start.state)
            controller = Controller(decode_state(state))
            last = (controller.state.last_us, wall_us)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            notes = (*notes, f"the snapshot at sequence {start.position.sequence} is none of this release: {error}")
            start = None
    position = start.position if start is not None else None
    journal = Journal.open(disk, identity, clock=clock, holder=holder, lab=lab, position=position, segment_bytes=segment_bytes)
    folded = 0
    for entry in journal.records(position.sequence + 1 if position is not None else 1):
        recorded = record.decode(entry.body)
        controller.fold(entry.at_us, recorded.facts, recorded.commands)
        last = (entry.at_us, entry.wall_us)
        folded += 1
        if on_facts is not None:
            on_facts(recorded.facts)
        if progress is not None and folded % PROGRESS_EVERY == 0:
            progress(folded)
    return Recovered(controller, journal, last, folded, read_quarantine(disk), notes, start)


def pack_snapshot(state: State, wall_us: int) -> bytes:
    """The state as a snapshot keeps it."""
    return msgspec.msgpack.encode((wall_us, encode_state(state)))


def verify_snapshot(disk: Disk, taken: snapshot.Snapshot, before: snapshot.Snapshot | None) -> str:
    """
    Fold the journal from the snapshot before (or the beginning) to this one and compare; "" if they agree.

    Reads only, and may run in another thread beside the writer.
    """
    controller = Controller(decode_state(_BODY.decode(before.state)[1])) if before is not None else Controller()
    first = before.position.sequence + 1 if before is not None else 1
    for entry in read_journal(disk, first, verify="crc"):
        if entry.sequence > taken.position.sequence:
            break
        recorded = record.decode(entry.body)
        controller.fold(entry.at_us, recorded.facts, recorded.commands)
    if encode_state(controller.state) == _BODY.decode(taken.state)[1]:
        return ""
    return f"snapshot at sequence {taken.position.sequence} differs from the journal folded up to it; the journal is right"


def keep_snapshot(disk: Disk, taken: snapshot.Snapshot, before: snapshot.Snapshot | None) -> str:
    """
    Verify a snapshot, and only then write it: "" or why there is none. For another thread than the loop's.

    A wrong one must never have its name, or the next recovery would begin with it.
    """
    fault = verify_snapshot(disk, taken, before)
    if not fault:
        snapshot.write(disk, taken)
    return fault


def set_aside(event: PlcEvent, error: BaseException | None) -> Quarantined:
    """What the next run is to know of an event that ended this one; of a bagger's event the job stands for the track."""
    track = event.job if isinstance(event, Fed | Packed) else getattr(event, "track", 0)
    text = f"{type(error).__name__}: {str(error)[:200]}"
    return Quarantined(event.plc, event.epoch, event.seq, track, getattr(event, "code", ""), text)


def read_quarantine(disk: Disk) -> list[Quarantined]:
    """
    Events that earlier runs could not decide on and that no run has set aside yet.

    Raises `JournalCorrupt` if the note was changed or cut: without it the same event might end every run.
    """
    if QUARANTINE_FILE not in disk.list():
        return []
    file = disk.open(QUARANTINE_FILE, create=False)
    try:
        content = file.pread(file.size(), 0)
    finally:
        file.close()
    body, crc = content[:-_CRC_BYTES], content[-_CRC_BYTES:]
    try:
        if crc32(body).to_bytes(_CRC_BYTES, "little") == crc:
            return _QUARANTINE.decode(body)
        return _QUARANTINE.decode(content)  # release 0.1.0 wrote no CRC
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JournalCorrupt(
            f"{disk.where()}: {QUARANTINE_FILE} was changed or cut: {error}. It names events that made an earlier run fail."
            " Keep a copy, check the disk, and restore it; or remove it, if the fault in the release is mended."
        ) from error


def write_quarantine(disk: Disk, events: list[Quarantined]) -> None:
    """Note events for the next run, durably; an empty list removes the note."""
    if not events:
        if QUARANTINE_FILE in disk.list():
            disk.remove(QUARANTINE_FILE)
            disk.sync_directory()
        return
    body = msgspec.msgpack.encode(events)
    whole_files.put(disk, QUARANTINE_FILE, body + crc32(body).to_bytes(_CRC_BYTES, "little"))
    disk.sync_directory()

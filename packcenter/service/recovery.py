"""
From what is on the disk to a controller that knows all of it.

Recovery folds recorded facts and commands, from the newest sound snapshot on; it never decides again.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.core.facts import Fact
from packcenter.core.inputs import Quarantined
from packcenter.core.state import State, decode_state, encode_state
from packcenter.journal import snapshot
from packcenter.journal.frames import Identity
from packcenter.journal.journal import SEGMENT_BYTES, Journal, Position, read_journal
from packcenter.ports import Clock, Disk

STATE_SCHEMA = 1
"""Version of the state's packing in a snapshot; a snapshot of another one is passed over and the journal read instead."""

PROGRESS_EVERY = 10_000
QUARANTINE_FILE = "quarantine.msgpack"

_QUARANTINE = msgspec.msgpack.Decoder(list[Quarantined])
_BODY = msgspec.msgpack.Decoder(tuple[int, bytes])


class Recovered(msgspec.Struct):
    """
    What was found: the controller, the open journal, and where its clock stood.

    `last` is (core time, wall time) of the newest record, None for an empty journal; `folded` how many records were
    read after the snapshot; `quarantined` the events that made an earlier run fail; `notes` what people should know.
    """

    controller: Controller
    journal: Journal
    last: tuple[int, int] | None
    folded: int
    quarantined: list[Quarantined]
    notes: tuple[str, ...]


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
    loaded = snapshot.load_newest(disk, schemas=frozenset({STATE_SCHEMA}))
    start = loaded.snapshot
    position = start.position if start is not None else None
    journal = Journal.open(disk, identity, clock=clock, holder=holder, lab=lab, position=position, segment_bytes=segment_bytes)
    controller, last = Controller(), None
    if start is not None:
        wall_us, state = _BODY.decode(start.state)
        controller = Controller(decode_state(state))
        last = (controller.state.last_us, wall_us)
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
    return Recovered(controller, journal, last, folded, read_quarantine(disk), loaded.passed_over)


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


def write_snapshot(disk: Disk, position: Position, body: bytes) -> snapshot.Snapshot:
    """Keep a snapshot; off the loop's thread. Returns what was written."""
    taken = snapshot.Snapshot(position, STATE_SCHEMA, body)
    snapshot.write(disk, taken)
    return taken


def read_quarantine(disk: Disk) -> list[Quarantined]:
    """Events that earlier runs could not decide on and that no run has set aside yet."""
    if QUARANTINE_FILE not in disk.list():
        return []
    file = disk.open(QUARANTINE_FILE, create=False)
    try:
        return _QUARANTINE.decode(file.pread(file.size(), 0))
    finally:
        file.close()


def write_quarantine(disk: Disk, events: list[Quarantined]) -> None:
    """Note events for the next run, durably; an empty list removes the note."""
    if not events:
        if QUARANTINE_FILE in disk.list():
            disk.remove(QUARANTINE_FILE)
            disk.sync_directory()
        return
    temporary = QUARANTINE_FILE + ".tmp"
    file = disk.open(temporary, create=True)
    try:
        file.truncate(0)
        file.pwrite(msgspec.msgpack.encode(events), 0)
        file.fdatasync()
    finally:
        file.close()
    disk.rename(temporary, QUARANTINE_FILE)
    disk.sync_directory()

"""Reading what the journal holds while the line already runs: in slices, with the control loop in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from packcenter.core import record
from packcenter.core.facts import Fact
from packcenter.core.inputs import ManifestReceived
from packcenter.journal.frames import Entry
from packcenter.journal.journal import read_journal
from packcenter.ports import Clock, Disk

SLICE = 50
"""Records read between two turns of the control loop: some 2 ms of work."""


async def past_entries(disk: Disk, clock: Clock, until: int) -> AsyncIterator[Entry]:
    """The journal's records from the first to sequence `until`. Raises `JournalError`."""
    for count, entry in enumerate(read_journal(disk, verify="crc") if until else (), 1):
        if entry.sequence > until:
            break
        yield entry
        if count % SLICE == 0:
            await clock.sleep_us(0)


async def facts_of_manifest(disk: Disk, clock: Clock, until: int, manifest: str) -> Sequence[Fact]:
    """What became of the lines of a manifest, in order, as `intake.Recall` gives it."""
    facts: list[Fact] = []
    async for entry in past_entries(disk, clock, until):
        body = record.decode(entry.body)
        if isinstance(body.input, ManifestReceived) and body.input.manifest == manifest:
            facts += body.facts
    return facts

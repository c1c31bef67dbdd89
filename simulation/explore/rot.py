"""A fault of the medium: a file of the journal changes while nobody runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packcenter.core.state import encode_state
from packcenter.journal.journal import JournalError, read_groups
from packcenter.service import recovery
from simulation.disk import SimDisk, rot
from simulation.draws import Stream
from simulation.explore.waits import ComputerClock

if TYPE_CHECKING:
    from simulation.explore.world import World


def rot_away(world: World, stream: Stream, hard: int) -> str | None:
    """
    The controller is away; meanwhile the medium changes under one of its files. A start from that disk must notice, or not be
    touched by it; then people restore the file, and the controller starts again.
    """
    if not world.kill("kill for rot"):
        return None
    names = [name for name in world.disk.list() if name.startswith(("segment", "snapshot"))]
    spoiled = world.disk.settled()
    text = rot(spoiled, names[stream.below(len(names))], stream)
    fault = _unnoticed(world, spoiled)
    if fault:
        world.witness.wrong("J9", f"{text}; {fault}")
    return text


def _unnoticed(world: World, spoiled: SimDisk) -> str:
    """
    What is wrong with how a spoilt journal is met; "" if it is noticed, or nothing that matters was hit.

    A sector of the last group that became zero is exactly what a crash leaves: that is cut, and no reader of one disk can know.
    """
    expected = _recovered(world, world.disk.settled())
    try:
        recovered = _recovered(world, spoiled.settled())
    except JournalError:
        return ""
    before_groups = [batch.entries[0].sequence - 1 for batch in read_groups(world.disk.settled())]
    if recovered.journal.torn_bytes or recovered.journal.end.sequence in before_groups[-1:]:
        world.notes.met("rot that looks like a torn tail")
        return ""
    if encode_state(recovered.controller.state) != encode_state(expected.controller.state):
        return "a start did not notice, and has another state"
    try:
        entries = [entry.body for batch in read_groups(spoiled, verify="decisions") for entry in batch.entries]
    except JournalError:
        return ""
    true = [entry.body for batch in read_groups(world.disk.settled(), verify="decisions") for entry in batch.entries]
    return "" if entries == true else "a full verification did not notice, and reads other records"


def _recovered(world: World, disk: SimDisk) -> recovery.Recovered:
    return recovery.recover(disk, world.identity(), ComputerClock(world), "rot", segment_bytes=world.segment_bytes)

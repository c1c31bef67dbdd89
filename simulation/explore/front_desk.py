"""
People's acts at the wire level: they ask at the service's own desk, as its HTTP API does, and are answered or not.

    Staff (what they want) -> FrontDesk -> service.desk -> engine -> journal -> the answer, which must stay true
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from packcenter.core import record
from packcenter.core.inputs import Act
from packcenter.journal.frames import Entry
from packcenter.journal.journal import read_journal
from packcenter.service.desk import ActLost, Desk, DoneAct, act_in
from packcenter.service.output_commit import Recorded
from simulation.disk import SimDisk
from simulation.explore.staff import Staff
from simulation.virtual.hall import Life


class FrontDesk:
    """
    The people before the service's desk. Whatever they were answered must be in the journal for ever, whoever dies then (J5); an
    act that got no answer may have happened or not. `answers` by the sequence of their records.
    """

    def __init__(self) -> None:
        self._waiting: set[asyncio.Task[None]] = set()
        self.answers: dict[int, DoneAct] = {}

    @property
    def waits(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._waiting)

    def another_life(self) -> None:
        """Nobody is answered by a service that is dead."""
        self._waiting = set()

    def ask(self, life: Life, act: Act) -> None:
        """Somebody asks; the answer comes in its time."""
        task = life.process.spawn(self._ask(life.service.desk, act), f"act {type(act).__name__}")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _ask(self, desk: Desk, act: Act) -> None:
        with suppress(ActLost):
            done = await desk.act(act)
            self.answers[done.sequence] = done

    def faults(self, disk: SimDisk) -> Iterator[str]:
        """Answers that the journal knows nothing of, or knows otherwise."""
        kept = {done.sequence: done for each in read_journal(disk) if (done := _done_in(each)) is not None}
        for sequence, done in self.answers.items():
            if kept.get(sequence) != done:
                yield f"{done.person} was answered {done}, the journal has {kept.get(sequence)}"


def _done_in(kept: Entry) -> DoneAct | None:
    body = record.decode(kept.body)
    return act_in(Recorded(kept.sequence, kept.at_us, 0, body.input, list(body.facts), list(body.commands)))


class WireStaff(Staff):
    """The people of a run at this level: before they lay hands on a machine, the plant is brought to the present."""

    def settle(self) -> None:
        """Verdicts that were answered are carried out."""
        if self.holding:
            self._world.flush()
        super().settle()

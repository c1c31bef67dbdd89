"""
The engine: journal, then act (output commit).

    inputs queued -> step each -> one write and one sync for all of them -> only then: readers, commands, acknowledgements

Whatever is queued when the last group became durable forms the next group; there is no timer. Nothing leaves
before its cause is durable (J5): commands, acknowledgements, figures and answers all come out of `_release`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from packcenter.core import record
from packcenter.core.commands import Command
from packcenter.core.controller import Controller, Outcome
from packcenter.core.inputs import Input, PlcEvent, Tick
from packcenter.journal.frames import Draft, portion
from packcenter.journal.journal import Committer, Group, JournalFull
from packcenter.ports import Clock
from packcenter.service.clock import CoreClock

GROUP_MAX = 512
"""Inputs in one group: 512 records of a few hundred bytes are one write of well under a megabyte."""

QUEUE_MAX = 8192
"""
Inputs waiting. Links cannot fill it: a PLC shows four events until they are acknowledged. A manifest of 64 MiB has
some 2,000 parts, and its intake waits for each. Reaching it is our mistake.
"""

_PLC_EVENTS = frozenset(PlcEvent.__args__)
_TICK = Tick()


class Recorded(msgspec.Struct, frozen=True):
    """A durable record as readers of the stream see it; `received_us` is monotonic time at which its input came."""

    sequence: int
    at_us: int
    received_us: int
    input: Input
    facts: Sequence[msgspec.Struct]
    commands: list[Command]


class Outputs(Protocol):
    """Where decisions go once they are durable."""

    def command(self, command: Command) -> None:
        """Give a command to its PLC's link."""
        ...

    def acknowledge(self, plc: str, epoch: int, seq: int) -> None:
        """Let a PLC forget its events up to `seq`."""
        ...


class StepError(Exception):
    """A step raised: our mistake. Carries the input, which must be kept out of the next run."""

    def __init__(self, happened: Input, error: BaseException) -> None:
        super().__init__(f"{type(happened).__name__}: {type(error).__name__}: {error}")
        self.happened = happened


class _Submission(msgspec.Struct):
    inputs: Sequence[Input]
    received_us: int
    done: asyncio.Future[list[Outcome]]


class Engine:
    """
    Drives one controller from one queue. `submit` from anywhere in the loop; `run` is the only task that steps.

    `committer` makes drafts durable; `readers` get every durable record in order; `committed` how long each group
    took; `make_room` gives the journal the room that was kept for a full disk, and says whether there was any.
    """

    def __init__(
        self,
        controller: Controller,
        committer: Committer,
        clock: Clock,
        core_clock: CoreClock,
        outputs: Outputs,
        readers: Sequence[Callable[[Recorded], None]] = (),
        committed: Callable[[int], None] = lambda us: None,
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        self.controller = controller
        self._committer = committer
        self._clock = clock
        self._core_clock = core_clock
        self._outputs = outputs
        self._readers = readers
        self._committed = committed
        self._make_room = make_room
        self._queue: deque[_Submission] = deque()
        self._in_hand: list[_Submission] = []
        self._queued = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._committing = False
        self._rest_calls: list[Callable[[], None]] = []

    @property
    def queued(self) -> int:
        """Inputs that wait for their group."""
        return self._queued

    def submit(self, inputs: Sequence[Input]) -> asyncio.Future[list[Outcome]]:
        """Queue inputs, in order; the future holds their outcomes once they are durable."""
        assert self._queued + len(inputs) <= QUEUE_MAX, self._queued
        done: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Submission(inputs, self._clock.mono_us(), done))
        self._queued += len(inputs)
        self._wake.set()
        return done

    def at_rest(self, call: Callable[[], None]) -> None:
        """Call when no group is under way, so that the state is what the journal says: now, or after the present group."""
        if self._committing:
            self._rest_calls.append(call)
        else:
            call()

    def stop(self) -> None:
        """End `run` when the queue is empty."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Step and commit until stopped. Raises `StepError`, or what the journal raised: the process must end then."""
        try:
            while await self._work_waits():
                await self._one_group()
        except Exception as error:
            self._give_up(error)
            raise
        finally:
            for submission in (*self._in_hand, *self._queue):
                submission.done.cancel()

    def _give_up(self, error: Exception) -> None:
        """Whoever waits for an outcome must not wait for ever."""
        for submission in (*self._in_hand, *self._queue):
            if not submission.done.done():
                submission.done.set_exception(error)

    async def _work_waits(self) -> bool:
        """Wait for inputs or for the next deadline; False when stopped and nothing is left."""
        while not self._queue:
            if self._stopping:
                return False
            due_us = self.controller.next_deadline_us()
            seconds = None if due_us is None else self._core_clock.seconds_until(due_us)
            if seconds == 0:
                return True
            self._wake.clear()
            try:
                async with asyncio.timeout(seconds):  # `wait_for` would make a task, and two more turns of the loop
                    await self._wake.wait()
            except TimeoutError:
                return True
        return True

    async def _one_group(self) -> None:
        taken: list[tuple[_Submission, list[Outcome]]] = []
        drafts: list[Draft] = []
        records: list[tuple[int, int, Input, Outcome]] = []
        while self._queue and (not drafts or len(drafts) + len(self._queue[0].inputs) <= GROUP_MAX):
            submission = self._queue.popleft()
            self._in_hand.append(submission)
            self._queued -= len(submission.inputs)
            outcomes = [self._step(happened, submission.received_us, drafts, records) for happened in submission.inputs]
            taken.append((submission, outcomes))
        due_us = self.controller.next_deadline_us()
        if due_us is not None and due_us <= self._core_clock.now_us():
            self._step(_TICK, self._clock.mono_us(), drafts, records)
        if not drafts:
            return
        self._committing = True
        while drafts:
            fitting = portion(drafts)
            group = await self._commit(drafts[:fitting])
            self._release(group.first_sequence, records[:fitting])
            del drafts[:fitting], records[:fitting]
        self._committing = False
        while self._rest_calls:
            self._rest_calls.pop(0)()
        for submission, outcomes in taken:
            if not submission.done.done():
                submission.done.set_result(outcomes)
        self._in_hand.clear()

    async def _commit(self, drafts: list[Draft]) -> Group:
        """Make one group durable; a full disk gets the ballast's room once."""
        began = self._clock.mono_us()
        try:
            group = await self._committer.commit(drafts)
        except JournalFull:
            if not self._make_room():
                raise
            group = await self._committer.commit(drafts)
        self._committed(self._clock.mono_us() - began)
        return group

    def _step(
        self, happened: Input, received_us: int, drafts: list[Draft], records: list[tuple[int, int, Input, Outcome]]
    ) -> Outcome:
        at_us = max(self._core_clock.now_us(), self.controller.state.last_us)
        try:
            outcome = self.controller.step(at_us, happened)
        except Exception as error:
            raise StepError(happened, error) from error
        body, decision_at = record.encode(happened, outcome)
        source, epoch, seq = _source(happened)
        drafts.append(Draft(at_us, self._clock.mono_us(), self._clock.wall_us(), source, epoch, seq, body, decision_at))
        records.append((at_us, received_us, happened, outcome))
        return outcome

    def _release(self, sequence: int, records: list[tuple[int, int, Input, Outcome]]) -> None:
        """The group is durable: tell the readers, let the PLCs forget, hand out the commands."""
        acknowledged: dict[str, tuple[int, int]] = {}
        for at_us, received_us, happened, outcome in records:
            for command in outcome.commands:
                self._outputs.command(command)
            recorded = Recorded(sequence, at_us, received_us, happened, outcome.facts, outcome.commands)
            for reader in self._readers:
                reader(recorded)
            source, epoch, seq = _source(happened)
            plc = self.controller.state.plcs.get(source)
            if plc is not None and plc.epoch == epoch:
                # The state may hold later events whose group is not durable yet; this one's is (E3).
                acknowledged[source] = (epoch, max(seq, acknowledged.get(source, (0, 0))[1]))
            sequence += 1
        for name, (epoch, seq) in acknowledged.items():
            self._outputs.acknowledge(name, epoch, seq)


def _source(happened: Input) -> tuple[str, int, int]:
    if type(happened) in _PLC_EVENTS:
        return happened.plc, happened.epoch, happened.seq  # type: ignore[union-attr]
    return "", 0, 0

"""
The engine: journal, then act (`output_commit`), from one queue in one asyncio task.

    inputs queued -> step each -> one write and one sync for all of them -> only then: commands, readers, acknowledgements

Whatever is queued when the last group became durable forms the next group; there is no timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from packcenter.core.controller import Controller, Outcome
from packcenter.core.inputs import Input
from packcenter.journal.frames import Draft
from packcenter.journal.journal import Committer, Group, JournalFull
from packcenter.ports import Clock
from packcenter.service.clock import CoreClock
from packcenter.service.output_commit import OutputCommit, Outputs, Recorded, StepError

__all__ = ["GROUP_MAX", "QUEUE_MAX", "Engine", "Outputs", "Recorded", "StepError"]

GROUP_MAX = 512
"""Inputs in one group: 512 records of a few hundred bytes are one write of well under a megabyte."""

QUEUE_MAX = 8192
"""
Inputs waiting. Links cannot fill it: a PLC shows four events until they are acknowledged. A manifest of 64 MiB has
some 2,000 parts, and its intake waits for each. Reaching it is our mistake.
"""


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
        self._commits = OutputCommit(controller, clock, core_clock, outputs, readers, make_room)
        self._committer = committer
        self._clock = clock
        self._core_clock = core_clock
        self._committed = committed
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
        """
        Queue inputs, in order; the future holds their outcomes once they are durable.

        Without inputs it lets the engine look at the clocks: a jump of the wall clock begins the next group.
        """
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
        """
        Step what waits, commit it, tell it. What was decided before a step that fails is sound, and becomes durable before
        the engine ends: the next run sets the event of that step aside, and would miss those before it for ever (E2).
        """
        taken: list[tuple[_Submission, list[Outcome]]] = []
        commits = self._commits
        failed: StepError | None = None
        self._committing = True
        try:
            self._step_group(taken)
        except StepError as error:
            failed = error
        while drafts := commits.portion():
            commits.release(await self._commit(drafts))
        if failed is not None:
            raise failed
        self._committing = False
        while self._rest_calls:
            self._rest_calls.pop(0)()
        for submission, outcomes in taken:
            if not submission.done.done():
                submission.done.set_result(outcomes)
        self._in_hand.clear()

    def _step_group(self, taken: list[tuple[_Submission, list[Outcome]]]) -> None:
        commits = self._commits
        commits.take_clock()
        while self._queue and (not commits.held or commits.held + len(self._queue[0].inputs) <= GROUP_MAX):
            submission = self._queue.popleft()
            self._in_hand.append(submission)
            self._queued -= len(submission.inputs)
            taken.append((submission, commits.take(submission.inputs, submission.received_us)))
        commits.take_tick()

    async def _commit(self, drafts: list[Draft]) -> Group:
        """Make one group durable; a full disk gets the ballast's room once."""
        began = self._clock.mono_us()
        try:
            group = await self._committer.commit(drafts)
        except JournalFull as full:
            self._commits.give_room(full)
            group = await self._committer.commit(drafts)
        self._committed(self._clock.mono_us() - began)
        return group

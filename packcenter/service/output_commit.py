"""
Journal, then act (output commit), without any waiting: what the engine does in its loop and the explorer in virtual time.

    take inputs, step each -> portion -> somebody makes it durable -> release -> only then: commands, readers, acknowledgements

Nothing leaves before its cause is durable (J5): commands, acknowledgements, figures and answers all come out of `release`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from packcenter.core import record
from packcenter.core.commands import Command
from packcenter.core.controller import Controller, Outcome
from packcenter.core.inputs import ClockStepped, Input, PlcEvent, Tick
from packcenter.journal.frames import Draft, portion
from packcenter.journal.journal import Group, JournalFull
from packcenter.ports import Clock
from packcenter.service.clock import CoreClock

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


class OutputCommit:
    """
    Steps one controller and holds back what it decided until that is durable.

    For each group the driver calls `take_clock`, `take` for whatever is queued, and `take_tick`; then for each `portion` it
    makes the drafts durable and calls `release`. When the journal is full it calls `give_room` and commits the same again.

    `readers` get every durable record in order; `make_room` gives the journal the room that was kept for a full disk, and
    says whether there was any.
    """

    def __init__(
        self,
        controller: Controller,
        clock: Clock,
        core_clock: CoreClock,
        outputs: Outputs,
        readers: Sequence[Callable[[Recorded], None]] = (),
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        self.controller = controller
        self._clock = clock
        self._core_clock = core_clock
        self._outputs = outputs
        self._readers = readers
        self._make_room = make_room
        self._drafts: list[Draft] = []
        self._stepped: list[tuple[int, int, Input, Outcome]] = []

    @property
    def held(self) -> int:
        """Records that were decided on and are not durable yet."""
        return len(self._drafts)

    def take_clock(self) -> None:
        """Step a `ClockStepped` if the wall clock jumped: no record after a jump comes before the one that says so (T3)."""
        by_us = self._core_clock.wall_step_us()
        if by_us:
            self._step(ClockStepped(by_us), self._clock.mono_us())

    def take(self, inputs: Sequence[Input], received_us: int) -> list[Outcome]:
        """
        Step inputs that came at `received_us`, in order. Raises `StepError`: the process must end then, when what was
        decided before is durable.
        """
        return [self._step(happened, received_us) for happened in inputs]

    def take_tick(self) -> None:
        """Step a `Tick` if one is due."""
        due_us = self.controller.next_deadline_us()
        if due_us is not None and due_us <= self._core_clock.now_us():
            self._step(_TICK, self._clock.mono_us())

    def portion(self) -> list[Draft]:
        """What the next group takes, in order; empty when nothing is held."""
        return self._drafts[: portion(self._drafts)]

    def decided(self, count: int) -> list[Outcome]:
        """What was decided in the first `count` records that are held."""
        return [outcome for _, _, _, outcome in self._stepped[:count]]

    def give_room(self, full: JournalFull) -> None:
        """Give the journal the room that was kept for a full disk; raises `full` if there is none left."""
        if not self._make_room():
            raise full

    def release(self, group: Group) -> None:
        """The portion is durable as this group: hand out its commands, tell the readers, let the PLCs forget."""
        count = group.last_sequence - group.first_sequence + 1
        acknowledged: dict[str, tuple[int, int]] = {}
        for sequence, (at_us, received_us, happened, outcome) in enumerate(self._stepped[:count], group.first_sequence):
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
        del self._drafts[:count], self._stepped[:count]
        for name, (epoch, seq) in acknowledged.items():
            self._outputs.acknowledge(name, epoch, seq)

    def _step(self, happened: Input, received_us: int) -> Outcome:
        at_us = max(self._core_clock.now_us(), self.controller.state.last_us)
        try:
            outcome = self.controller.step(at_us, happened)
        except Exception as error:
            raise StepError(happened, error) from error
        body, decision_at = record.encode(happened, outcome)
        source, epoch, seq = _source(happened)
        clock = self._clock
        self._drafts.append(Draft(at_us, clock.mono_us(), clock.wall_us(), source, epoch, seq, body, decision_at))
        self._stepped.append((at_us, received_us, happened, outcome))
        return outcome


def _source(happened: Input) -> tuple[str, int, int]:
    if type(happened) in _PLC_EVENTS:
        return happened.plc, happened.epoch, happened.seq  # type: ignore[union-attr]
    return "", 0, 0

"""What a sorter's PLC takes as orders: where a document goes, whether lanes and infeed are open, if a jam is cleared."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from typing import Final

from packcenter.core.words import CommandResult, Disposition, PlaceState, is_past
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from simulation.packml_unit import Machine
from simulation.plant.lane import Lane, Rider
from simulation.plant.loop import Loop
from simulation.truth import Document

ROUND: Final = 0  # lane number of the way round
INFEED: Final = 0  # place number of the infeed
GOES_ROUND: Final = 99  # what a rider is asked for then; lanes have at most 32


class SorterOrders(Machine):
    """The part of a sorter's program that answers commands; the belt is `SorterProgram`'s."""

    __slots__ = ("_margin_us", "_riders", "_stuck_out", "exception", "lanes", "loop", "queue")

    _margin_us: int
    _riders: dict[int, Rider]
    _stuck_out: int
    exception: Lane
    lanes: dict[int, Lane]
    loop: Loop
    queue: deque[Document]

    def take_orders(self) -> None:
        """Answer the commands of a sorter."""
        self.handlers |= {CommandKind.DIVERT: self._on_divert, CommandKind.SET_PLACE: self._on_set_place}
        self.handlers[CommandKind.CLEAR_JAM] = self._on_clear_jam

    @abstractmethod
    def _belt_now_us(self) -> int:
        """How long the belt has run, in microseconds: belt time."""

    @abstractmethod
    def _aim(self, rider: Rider, due_us: int) -> None:
        """Come back to this document at belt time `due_us`."""

    @abstractmethod
    def _aim_next(self, rider: Rider) -> None:
        """Come back to it where it may leave the belt or be seen next."""

    @abstractmethod
    def _settle(self, lane: Lane) -> None:
        """Let a lane's state follow what is so; report it if it changed."""

    @abstractmethod
    def _wake(self) -> None:
        """Let documents in, if there is nothing against it."""

    def _on_divert(self, command: LineCommand) -> None:
        """Take a decision for a document on the belt, or refuse it: unknown, malformed, decided otherwise, or too late."""
        rider = self._riders.get(command.track)
        round_ = command.a == ROUND and self.loop.way_us > 0
        lane = self.exception if round_ else self.lanes.get(command.a)
        if rider is None:
            self.end(command.number, CommandResult.UNKNOWN_TRACK)
        elif lane is None or command.b not in self.lanes:
            self.end(command.number, CommandResult.MALFORMED)
        elif rider.asked:
            if rider.asked != (GOES_ROUND if round_ else lane.number):
                self.end(command.number, CommandResult.INTERLOCK)
        elif self._is_late(rider, lane, command.deadline):
            rider.why = Disposition.LATE
            self.end(command.number, CommandResult.LATE)
        else:
            rider.asked = GOES_ROUND if round_ else lane.number
            rider.lane = lane.number
            rider.fallback = command.b
            rider.why = Disposition.AS_ASKED
            if self._stuck_out:
                self._aim_next(rider)
            elif lane is not self.exception:
                rider.stop = lane
                self._aim(rider, rider.mark_us + lane.travel_us)

    def _is_late(self, rider: Rider, lane: Lane, deadline: int) -> bool:
        left_us = rider.mark_us + lane.travel_us - self._belt_now_us()
        return left_us < self._margin_us or is_past(deadline, self.port.now_ms())

    def _on_clear_jam(self, command: LineCommand) -> None:
        """Clearing is a person's work: the PLC can only say whether it is done."""
        lane = self.lanes.get(command.a)
        if lane is None:
            self.end(command.number, CommandResult.MALFORMED)
        else:
            self.end(command.number, CommandResult.INTERLOCK if lane.jammed else CommandResult.DONE)

    def _on_set_place(self, command: LineCommand) -> None:
        """Open or close a lane; its new state is the answer, if it is new."""
        lane = self.lanes.get(command.a)
        if command.a == INFEED and self.loop.way_us and command.b in (PlaceState.OPEN, PlaceState.CLOSED):
            self._set_infeed(command)
            return
        if lane is None or command.b not in (PlaceState.OPEN, PlaceState.CLOSED):
            self.end(command.number, CommandResult.MALFORMED)
            return
        lane.closed = command.b == PlaceState.CLOSED
        if lane.present_state() is lane.state:
            self.end(command.number, CommandResult.DONE)
        else:
            self._settle(lane)

    def _set_infeed(self, command: LineCommand) -> None:
        """Keep new documents out of the loop, or let them in again."""
        closed = command.b == PlaceState.CLOSED
        if closed is self.loop.closed:
            self.end(command.number, CommandResult.DONE)
            return
        self.loop.closed = closed
        self.report(EventKind.PLACE_STATE, a=INFEED, b=command.b, c=len(self.queue))
        self._wake()

"""
What all simulated machines share: a PackML state machine and the dispatch of commands.

`PackmlUnit` obeys the table of `packcenter.core.packml`; acting states last `acting_us`. While packcenter's heartbeat
is lost, Execute is left for Suspended with reason "controller lost", and taken up again by the machine itself; any
other Suspended waits for a command. `Machine` is the base of the machine programs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Final

from packcenter.core.packml import STATE_COMPLETE, TR88_2022, Command, State, next_state
from packcenter.core.words import CommandResult, ReasonClass
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from simulation.clock import PLANT, SimClock
from simulation.plcport import PlcPort
from simulation.truth import Document

ACTING_US: Final = 200_000
_PRODUCTION: Final = 1
_ORDERLY: Final = frozenset({Command.RESET, Command.START, Command.UNHOLD, Command.UNSUSPEND, Command.CLEAR})


class PackmlUnit:
    """
    The PackML state of one machine.

    `entered` is called after each change, with the state entered already shown and reported; it may ask for the next one.
    """

    __slots__ = (
        "_acting_us",
        "_clock",
        "_entered",
        "_entry",
        "_hold_mask",
        "_peer_lost",
        "_port",
        "reason",
        "reason_class",
        "state",
    )

    def __init__(
        self,
        clock: SimClock,
        port: PlcPort,
        entered: Callable[[State], None],
        *,
        acting_us: int = ACTING_US,
        hold_mask: int = TR88_2022,
    ) -> None:
        self.state = State.STOPPED
        self.reason_class = ReasonClass.NONE
        self.reason = 0
        self._clock = clock
        self._port = port
        self._entered = entered
        self._acting_us = acting_us
        self._hold_mask = hold_mask
        self._peer_lost = False
        self._entry = 0
        port.set_state(self.state)

    def ask(self, command: Command, reason_class: ReasonClass, reason: int = 0) -> bool:
        """Obey a command of the machine itself, a person or packcenter; False and nothing done if it is not legal here."""
        target = next_state(self.state, command, self._hold_mask)
        if target is None:
            return False
        self._enter(target, reason_class, reason)
        return True

    def announce(self) -> None:
        """Report the present state, as after a granted epoch."""
        if self._port.epoch:
            self._port.report(EventKind.STATE_CHANGED, a=self.state, b=self.reason_class, c=self.reason)

    def peer_lost(self) -> None:
        """packcenter is silent: leave Execute, now or as soon as it is reached."""
        self._peer_lost = True
        self._follow_peer()

    def peer_back(self) -> None:
        """packcenter speaks again: take up Execute if its silence was the reason to leave."""
        self._peer_lost = False
        self._follow_peer()

    def reboot(self) -> None:
        """The PLC starts anew, Stopped; whether packcenter speaks is for the PLC to find out."""
        self.state, self.reason_class, self.reason = State.STOPPED, ReasonClass.NONE, 0
        self._peer_lost = False
        self._entry += 1
        self._port.set_state(self.state)
        self._entered(self.state)

    def _enter(self, state: State, reason_class: ReasonClass, reason: int) -> None:
        self.state, self.reason_class, self.reason = state, reason_class, reason
        self._entry = entry = self._entry + 1
        self._port.set_state(state)
        self.announce()
        if state in STATE_COMPLETE:
            self._clock.at(self._acting_us, PLANT, self._complete, entry)
        self._entered(state)
        if entry == self._entry:
            self._follow_peer()

    def _complete(self, entry: int) -> None:
        if entry != self._entry:
            return  # another command overtook the acting state
        target = STATE_COMPLETE[self.state]
        if target is State.EXECUTE:
            self._enter(target, ReasonClass.NONE, 0)
        else:
            self._enter(target, self.reason_class, self.reason)

    def _follow_peer(self) -> None:
        if self._peer_lost and self.state is State.EXECUTE:
            self.ask(Command.SUSPEND, ReasonClass.CONTROLLER_LOST)
        elif not self._peer_lost and self.state is State.SUSPENDED and self.reason_class is ReasonClass.CONTROLLER_LOST:
            self.ask(Command.UNSUSPEND, ReasonClass.NONE)


class Machine(ABC):
    """
    The base of a machine program: reporting, PackML, and a table of what it can be told.

    A subclass fills `handlers` and implements `entered`, `forget`, `report_places` and `contents`.
    """

    __slots__ = ("clock", "handlers", "name", "port", "unit")

    def __init__(self, clock: SimClock, port: PlcPort) -> None:
        self.clock = clock
        self.port = port
        self.name = port.name
        self.handlers: dict[int, Callable[[LineCommand], None]] = {
            CommandKind.PACKML_COMMAND: self._on_packml_command,
            CommandKind.PACKML_MODE: self._on_packml_mode,
        }
        self.unit = PackmlUnit(clock, port, self.entered)

    @abstractmethod
    def entered(self, state: State) -> None:
        """The machine is in another PackML state: start or stop what depends on it."""

    @abstractmethod
    def forget(self) -> None:
        """Lose what the PLC's memory held about the physical objects; leave the objects where they are."""

    @abstractmethod
    def report_places(self) -> None:
        """Report (kind 5) each place that is not open."""

    @abstractmethod
    def contents(self) -> Iterator[tuple[Document, str]]:
        """Everything that this machine holds with its place in the plant's words, for `Truth`."""

    def on_granted(self) -> None:
        """Say what the machine is like now."""
        self.unit.announce()
        self.report_places()

    def on_command(self, command: LineCommand) -> None:
        """Carry out a command or refuse it; one of a kind that this machine does not have is malformed."""
        handler = self.handlers.get(command.kind)
        if handler is None:
            self.end(command.number, CommandResult.MALFORMED)
        else:
            handler(command)

    def on_peer_lost(self) -> None:
        """packcenter is silent."""
        self.unit.peer_lost()

    def on_peer_back(self) -> None:
        """packcenter speaks again under the same epoch."""
        self.unit.peer_back()

    def on_reboot(self) -> None:
        """The PLC's memory is lost and the machine stands still."""
        self.unit.reboot()
        self.forget()

    def report(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, c: int = 0, code: str = "") -> None:
        """Make an event; without an epoch nobody could be told, so nothing is."""
        if self.port.epoch:
            self.port.report(kind, track=track, a=a, b=b, c=c, code=code)

    def end(self, number: int, result: CommandResult) -> None:
        """Say how a command ended that no other event answers."""
        self.report(EventKind.COMMAND_RESULT, a=result, c=number)

    def _on_packml_command(self, command: LineCommand) -> None:
        if command.a not in Command._value2member_map_:
            self.end(command.number, CommandResult.MALFORMED)
            return
        asked = Command(command.a)
        reason = ReasonClass.NONE if asked in _ORDERLY else ReasonClass.OPERATOR
        if not self.unit.ask(asked, reason):
            self.end(command.number, CommandResult.WRONG_STATE)

    def _on_packml_mode(self, command: LineCommand) -> None:
        """These machines have production mode alone."""
        self.end(command.number, CommandResult.DONE if command.a == _PRODUCTION else CommandResult.INTERLOCK)

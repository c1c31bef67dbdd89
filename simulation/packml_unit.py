"""
What all simulated machines share: a PackML state machine and the dispatch of commands.

`PackmlUnit` obeys the table of `packcenter.core.packml`; acting states last `acting_us`. While packcenter's heartbeat
is lost, Execute is left for Suspended with reason "controller lost", and taken up again by the machine itself; any
other Suspended waits for a command. `Machine` is the base of the machine programs.

A program runs by the steps that it asks of its `ProgramClock`. While its PLC is in STOP they wait, in order; a PLC with a
slow scan takes each at its next scan. What people do, they do by the clock of the hall.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from packcenter.core.packml import STATE_COMPLETE, TR88_2022, Command, Mode, State, next_state
from packcenter.core.words import CommandResult, ReasonClass
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from simulation.clock import PLANT, SimClock
from simulation.luck import Fate, Stage
from simulation.plcport import EVENTS_PER_ITEM, RING_EVENTS, PlcPort
from simulation.truth import Document, Truth, Why

ACTING_US: Final = 200_000
_STATES_AHEAD: Final = 4  # in things that may cause events, three each: a resumption, the next stop, and what is told of it
_ROOM_RETRY_US: Final = 100_000
_LOOK_AGAIN_US: Final = 1_000_000
REASON_GUARD: Final = 90
REASON_POWER: Final = 91
_ORDERLY: Final = frozenset({Command.RESET, Command.START, Command.UNHOLD, Command.UNSUSPEND, Command.CLEAR})
_Step = tuple[Callable[[Any], None], Any]
T = TypeVar("T")


class ProgramClock:
    """The clock of the hall as a PLC's program has it: what is due while the PLC stands waits until it runs."""

    __slots__ = ("_clock", "_held", "scan_us", "stands")

    def __init__(self, clock: SimClock) -> None:
        self.stands = False
        self.scan_us = 0
        self._clock = clock
        self._held: deque[_Step] = deque()

    @property
    def now_us(self) -> int:
        """The time of the hall."""
        return self._clock.now_us

    def at(self, delay_us: int, cls: int, fn: Callable[[T], None], arg: T) -> None:
        """Call `fn(arg)` once, `delay_us` from now, if the PLC runs then; otherwise as soon as it does."""
        self._clock.at(delay_us, cls, self._due, (fn, arg))

    def soon(self, fn: Callable[[T], None], arg: T) -> None:
        """Something happened that the program must see: call `fn(arg)` at once, or as soon as the PLC runs."""
        self._due((fn, arg))

    def run_until(self, us: int) -> None:
        """The whole hall's time goes on."""
        self._clock.run_until(us)

    def next_us(self) -> int | None:
        """When the next call of the whole hall is due."""
        return self._clock.next_us()

    def run(self) -> None:
        """The PLC runs again: what waited comes first, in order."""
        self.stands = False
        while self._held and not self.stands:
            fn, arg = self._held.popleft()
            fn(arg)

    def _due(self, step: _Step) -> None:
        if self.stands:
            self._held.append(step)
        elif self.scan_us and (wait_us := -self._clock.now_us % self.scan_us):
            self._clock.at(wait_us, PLANT, self._scanned, step)
        else:
            step[0](step[1])

    def _scanned(self, step: _Step) -> None:
        if self.stands:
            self._held.append(step)
        else:
            step[0](step[1])


class PackmlUnit:
    """
    The PackML state of one machine.

    `entered` is called after each change, with the state entered already shown and reported; it may ask for the next one.
    `busy` says how many things in the machine may still cause events. `hold_mask` has the states from which it can be held,
    one of `packcenter.core.packml.HOLD_MASKS`: a property of the machine, which its PLC profile tells.
    """

    __slots__ = (
        "_acting_us",
        "_busy",
        "_clock",
        "_entered",
        "_entry",
        "_peer_lost",
        "_port",
        "after_abort",
        "hold_mask",
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
        busy: Callable[[], int] = lambda: 0,
    ) -> None:
        self.state = State.STOPPED
        self.reason_class = ReasonClass.NONE
        self.reason = 0
        self._clock = clock
        self._port = port
        self._entered = entered
        self._acting_us = acting_us
        self.hold_mask = hold_mask
        self._peer_lost = False
        self._entry = 0
        self._busy = busy
        self.after_abort = False
        port.set_state(self.state)

    def ask(self, command: Command, reason_class: ReasonClass, reason: int = 0) -> bool:
        """Obey a command of the machine itself, a person or packcenter; False and nothing done if it is not legal here."""
        target = next_state(self.state, command, self.hold_mask)
        if target is None:
            return False
        self._enter(target, reason_class, reason)
        return True

    def announce(self) -> None:
        """Report the present state, as after a granted epoch."""
        if self._port.epoch:
            self._port.report(EventKind.STATE_CHANGED, a=self.state, b=self.reason_class, c=self.reason)

    def acknowledge(self) -> None:
        """A person has seen to what stopped the machine: it says so, and may be reset."""
        self.reason_class, self.reason = ReasonClass.NONE, 0
        self.announce()

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
        self._peer_lost = self.after_abort = False
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
            if self.after_abort and target is State.ABORTED:
                self.after_abort = False
                self.ask(Command.CLEAR, ReasonClass.NONE)

    def _follow_peer(self) -> None:
        if self._peer_lost and self.state is State.EXECUTE:
            self.ask(Command.SUSPEND, ReasonClass.CONTROLLER_LOST)
        elif not self._peer_lost and self.state is State.SUSPENDED and self.reason_class is ReasonClass.CONTROLLER_LOST:
            self._take_up(self._entry)

    def _take_up(self, entry: int) -> None:
        """
        Leave the suspension, as soon as the ring has room for what that and the next one have to tell.

        A peer that comes and goes without acknowledging would else fill the ring with states, each of which matters (B6).
        """
        if entry != self._entry or self._peer_lost:
            return
        if self._port.infeed_allowed(self._busy() + _STATES_AHEAD):
            self.ask(Command.UNSUSPEND, ReasonClass.NONE)
        else:
            self._clock.at(_ROOM_RETRY_US, PLANT, self._take_up, entry)


class Machine(ABC):
    """
    The base of a machine program: reporting, PackML, and a table of what it can be told.

    A subclass fills `handlers` and implements `entered`, `forget`, `report_places` and `contents`.

    `clock` is the program's, `hall_clock` the one by which people act. `armed` has the fates that the next things at a
    station will meet, whatever their luck; `guard_open` keeps the machine from starting.
    """

    __slots__ = ("_told", "armed", "clock", "guard_open", "hall_clock", "handlers", "name", "port", "truth", "unit")

    def __init__(self, clock: SimClock, port: PlcPort, truth: Truth) -> None:
        self.truth = truth
        self._told: deque[Sequence[Document]] = deque(maxlen=RING_EVENTS)
        self.hall_clock = clock
        self.clock = ProgramClock(clock)
        self.armed: dict[Stage, deque[Fate]] = {}
        self.guard_open = False
        self.port = port
        self.name = port.name
        self.handlers: dict[int, Callable[[LineCommand], None]] = {
            CommandKind.PACKML_COMMAND: self._on_packml_command,
            CommandKind.PACKML_MODE: self._on_packml_mode,
        }
        self.unit = PackmlUnit(self.clock, port, self.entered, busy=self.at_work)

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
        """The PLC's memory is lost and the machine stands still. Things on their way arrive; what was planned is void."""
        self._note_unheard()
        self.clock.stands = False
        self.unit.reboot()
        self.forget()
        self.clock.run()

    def on_halt(self) -> None:
        """The PLC is in STOP: its outputs are off, and nothing of the program happens."""
        self.clock.stands = True
        self.driven()

    def on_run(self) -> None:
        """The PLC is in RUN again and knows what it knew."""
        self.clock.run()
        self.driven()

    def on_power_dip(self) -> None:
        """The power was away for a moment: the machine has stopped, its memory is whole."""
        self.unit.ask(Command.STOP, ReasonClass.FAULT, REASON_POWER)

    def on_scan_time(self, us: int) -> None:
        """From now on the program runs only every so often; 0: at once."""
        self.clock.scan_us = us

    def driven(self) -> None:  # noqa: B027 - most machines move nothing but by steps of their program
        """Outputs went off or on: move or stop what they drive."""

    def busy(self) -> int:
        """How many things here may still cause events."""
        return 0

    def at_work(self) -> int:
        """How many of them cause events though the machine stands, or without asking for room first."""
        return self.busy()

    # --- what people and sensors do to it ----------------------------------------------------------------------------

    def arm(self, stage: Stage, fate: Fate) -> None:
        """The next thing at a station of this machine meets this fate."""
        self.armed.setdefault(stage, deque()).append(fate)

    def fate_of(self, stage: Stage, luck: Fate) -> Fate:
        """The fate that is armed for a station, else the luck that was drawn."""
        waiting = self.armed.get(stage)
        return waiting.popleft() if waiting else luck

    def open_guard(self) -> None:
        """A person opens a guard: the machine aborts, by its own safety circuit."""
        self.guard_open = True
        self.clock.soon(self._trip, None)

    def _trip(self, _: None) -> None:
        if self.guard_open:
            self.unit.ask(Command.ABORT, ReasonClass.FAULT, REASON_GUARD)

    def stop_by_hand(self, for_us: int) -> None:
        """A person presses Stop at the panel, and has it started again after a while."""
        self.clock.soon(self._stop, None)
        self.hall_clock.at(for_us, PLANT, self._let_start, None)

    def _stop(self, _: None) -> None:
        self.unit.ask(Command.STOP, ReasonClass.OPERATOR)

    def _let_start(self, _: None) -> None:
        if self.unit.reason_class is not ReasonClass.OPERATOR:
            return  # started anew, or something else has stopped it meanwhile
        if self.unit.state is State.STOPPED:
            self.clock.soon(self._released, None)
        elif self.unit.state is State.STOPPING:
            self.hall_clock.at(_LOOK_AGAIN_US, PLANT, self._let_start, None)

    def _released(self, _: None) -> None:
        if self._waits_for_room(self._released):
            return
        if (self.unit.state, self.unit.reason_class) == (State.STOPPED, ReasonClass.OPERATOR):
            self.unit.acknowledge()

    def make_ready(self) -> None:
        """People close the guard, acknowledge the fault and leave the machine so that it can be started."""
        self.guard_open = False
        self.armed.clear()
        self.clock.soon(self._acknowledge, None)

    def _acknowledge(self, _: None) -> None:
        if self._waits_for_room(self._acknowledge):
            return
        unit = self.unit
        if unit.state in (State.STOPPED, State.IDLE, State.COMPLETED):
            unit.acknowledge()
        elif unit.state is State.STOPPING:
            self.clock.at(_LOOK_AGAIN_US, PLANT, self._acknowledge, None)
        elif unit.state is State.ABORTED:
            unit.ask(Command.CLEAR, ReasonClass.NONE)
        elif unit.state is State.ABORTING:
            unit.after_abort = True

    def _waits_for_room(self, pressed: Callable[[None], None]) -> bool:
        """
        A button is answered once the states that come of it have room beside what things here may still cause (E5), or as much
        as there ever will be: a belt can bear more than the ring (whole seed 899514).
        """
        if self.port.may_act(EVENTS_PER_ITEM * (self.at_work() + 1)):
            return False
        self.clock.at(_ROOM_RETRY_US, PLANT, pressed, None)
        return True

    def report(
        self,
        kind: int,
        *,
        track: int = 0,
        a: int = 0,
        b: int = 0,
        c: int = 0,
        code: str = "",
        about: Sequence[Document] = (),
    ) -> None:
        """Make an event, `about` these things; without an epoch nobody could be told, so nothing is."""
        if self.port.epoch:
            self._told.append(about)
            self.port.report(kind, track=track, a=a, b=b, c=c, code=code)

    def _note_unheard(self) -> None:
        """What the PLC had told nobody when it lost its memory nobody can know."""
        unheard = self.port.lost_events
        for about in list(self._told)[-unheard:] if unheard else ():
            for document in about:
                self.truth.touch(document, Why.UNHEARD, f"memory of {self.name}", self.hall_clock.now_us)
        self._told.clear()

    def end(self, number: int, result: CommandResult) -> None:
        """Say how a command ended that no other event answers."""
        self.report(EventKind.COMMAND_RESULT, a=result, c=number)

    def _on_packml_command(self, command: LineCommand) -> None:
        if command.a not in Command._value2member_map_:
            self.end(command.number, CommandResult.MALFORMED)
            return
        asked = Command(command.a)
        reason = ReasonClass.NONE if asked in _ORDERLY else ReasonClass.OPERATOR
        if self.guard_open and asked in _ORDERLY:
            self.end(command.number, CommandResult.INTERLOCK)
        elif not self.unit.ask(asked, reason):
            self.end(command.number, CommandResult.WRONG_STATE)

    def _on_packml_mode(self, command: LineCommand) -> None:
        """These machines have production mode alone."""
        self.end(command.number, CommandResult.DONE if command.a == Mode.PRODUCTION else CommandResult.INTERLOCK)

"""
A sorter: documents are let onto a belt one by one, read at its start, and diverted into lanes on the way.

Position is belt time: how long the belt has moved since the document passed the scanner. All documents move alike,
so one needs an event only where something can happen to it: at its diverter, and, if nothing took it off, at the belt's
end. The end is watched for the first document on the belt alone. When the belt stops, nothing is cancelled: an event
that finds the belt short of its document's place does nothing, and starting the belt asks for all of them anew.

The PLC re-checks at the diverter. Whatever it cannot carry out ends at the belt's end, in the exception lane, with the
disposition that says why. People carry that lane to the hand station.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from packcenter.core import hall
from packcenter.core.packml import Command, State
from packcenter.core.words import CommandResult, Disposition, PlaceState, ReadOutcome, ReasonClass, is_past
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from simulation.clock import PLANT, SimClock
from simulation.luck import Fate, Luck, Stage
from simulation.packml_unit import Machine
from simulation.plant.hand import HandStation
from simulation.plcport import PlcPort
from simulation.truth import Document, Truth

REASON_JAM: Final = 1
_RUNS: Final = frozenset(
    {State.EXECUTE, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING, State.COMPLETING, State.COMPLETED}
)  # in these the belt moves; only Execute lets items in
_NEVER: Final = 1 << 62
_OUTCOMES: Final = {
    Fate.NO_READ: ReadOutcome.NO_IDENTIFIER,
    Fate.MULTIPLE: ReadOutcome.MULTIPLE_IDENTIFIERS,
    Fate.READ_ERROR: ReadOutcome.READ_ERROR,
}


class SorterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a sorter and the people around it behave."""

    gap_us: int = 900_000  # shortest time between two items let in
    gap_jitter_us: int = 200_000  # up to this much more, drawn for each item
    retry_us: int = 50_000  # how soon a blocked infeed looks again
    carry_us: int = 120_000_000  # how long the first item in the exception lane waits for a person
    jam_us: int = 60_000_000  # how long a person needs to clear a jam


class Lane:
    """A lane of a sorter, first in, first out. A bagger takes from it with `take`, or waits with `waiter`."""

    __slots__ = (
        "capacity",
        "closed",
        "fifo",
        "full",
        "jammed",
        "number",
        "on_drained",
        "reopen_at",
        "state",
        "travel_us",
        "waiter",
    )

    def __init__(self, number: int, travel_us: int, capacity: int) -> None:
        self.number = number
        self.travel_us = travel_us
        self.capacity = capacity
        self.reopen_at = max(capacity - 2, capacity // 2)  # a full lane opens again a little below, or it would flutter
        self.fifo: deque[Document] = deque()
        self.state = PlaceState.OPEN
        self.full = False
        self.closed = False
        self.jammed = False
        self.on_drained: Callable[[Lane], None] | None = None
        self.waiter: Callable[[], None] | None = None

    def take(self) -> Document:
        """The document that has been here longest leaves the lane."""
        document = self.fifo.popleft()
        if self.full and len(self.fifo) <= self.reopen_at:
            self.full = False
            if self.on_drained:
                self.on_drained(self)
        return document

    def present_state(self) -> PlaceState:
        """What `state` should be by what is so."""
        if self.jammed:
            return PlaceState.JAMMED
        if self.closed:
            return PlaceState.CLOSED
        return PlaceState.FULL if self.full else PlaceState.OPEN


class _Rider:
    """A document on the belt. `mark_us` is the belt time at which it passed the scanner; track 0: nobody follows it."""

    __slots__ = ("asked", "document", "due_us", "fallback", "fate", "gone", "lane", "mark_us", "scanned_us", "track", "why")

    def __init__(self, document: Document, track: int, mark_us: int, scanned_us: int, fate: Fate) -> None:
        self.document = document
        self.track = track
        self.mark_us = mark_us
        self.scanned_us = scanned_us
        self.fate = fate
        self.asked = 0
        self.lane = 0
        self.fallback = 0
        self.why = Disposition.NO_ANSWER
        self.due_us = _NEVER
        self.gone = False


class SorterProgram(Machine):
    """The machine program of a sorter, and the sorter itself."""

    __slots__ = (
        "_belt",
        "_belt_end_us",
        "_belt_us",
        "_carrying",
        "_exception",
        "_hand",
        "_inducting",
        "_jams",
        "_luck",
        "_margin_us",
        "_next_slot_us",
        "_on_belt",
        "_riders",
        "_running",
        "_settings",
        "_since_us",
        "_sweep_token",
        "_sweeping",
        "_track",
        "_truth",
        "floor",
        "lanes",
        "queue",
    )

    def __init__(
        self,
        sorter: hall.Sorter,
        clock: SimClock,
        port: PlcPort,
        luck: Luck,
        truth: Truth,
        hand: HandStation,
        settings: SorterSettings,
    ) -> None:
        self.lanes = {lane.number: _lane(lane, sorter) for lane in sorter.lanes}
        self.queue: deque[Document] = deque()
        self.floor: list[Document] = []
        self._exception = self.lanes[sorter.exception_lane]
        self._belt_end_us = sorter.belt_mm * 1_000_000 // sorter.belt_mm_per_s
        self._exception.travel_us = self._belt_end_us
        self._margin_us = (sorter.actuator_ms + sorter.scan_cycle_ms) * 1000
        self._luck = luck
        self._truth = truth
        self._hand = hand
        self._settings = settings
        self._belt: deque[_Rider] = deque()  # in the order of the belt, front first; those gone are dropped when they come first
        self._riders: dict[int, _Rider] = {}
        self._on_belt = 0
        self._track = 0
        self._belt_us = 0
        self._since_us = 0
        self._running = False
        self._next_slot_us = 0
        self._inducting = False
        self._sweeping = False
        self._sweep_token = 0
        self._carrying = False
        self._jams = 0
        super().__init__(clock, port)
        self.handlers[CommandKind.DIVERT] = self._on_divert
        self.handlers[CommandKind.SET_PLACE] = self._on_set_place
        self.handlers[CommandKind.CLEAR_JAM] = self._on_clear_jam
        for lane in self.lanes.values():
            lane.on_drained = self._settle
        self._show_places()

    # --- what the hall does with it ----------------------------------------------------------------------------------

    def arrive(self, document: Document) -> None:
        """An agency's document is put into the induction queue."""
        self.queue.append(document)
        self._wake()

    def contents(self) -> Iterator[tuple[Document, str]]:
        """Everything that this sorter holds, for `Truth`."""
        yield from ((document, f"queue/{self.name}") for document in self.queue)
        yield from ((rider.document, f"belt/{self.name}") for rider in self._belt if not rider.gone)
        for lane in self.lanes.values():
            yield from ((document, f"lane/{self.name}/{lane.number}") for document in lane.fifo)
        yield from ((document, "floor") for document in self.floor)

    # --- infeed and scanner ------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if self.queue and not self._inducting and self._may_induct():
            self._inducting = True
            self.clock.at(max(0, self._next_slot_us - self.clock.now_us), PLANT, self._induct, None)

    def _may_induct(self) -> bool:
        return self.unit.state is State.EXECUTE and self._running and self._exception.state is PlaceState.OPEN

    def _induct(self, _: None) -> None:
        """Let one document in and read it, if the machine, the PLC and the exception lane allow."""
        self._inducting = False
        if not self.queue or not self._may_induct():
            return
        if not self.port.infeed_allowed(self._on_belt + 1):  # one more, because what falls onto the belt makes events too
            self._inducting = True
            self.clock.at(self._settings.retry_us, PLANT, self._induct, None)
            return
        document = self.queue.popleft()
        key = document.key
        now_us = self.clock.now_us
        self._track += 1
        rider = _Rider(document, self._track, self._belt_now_us(), now_us, self._luck.on_belt(key))
        self._riders[rider.track] = rider
        self._belt.append(rider)
        self._on_belt += 1
        if not self._sweeping:
            self._sweep_later()
        if rider.fate is Fate.GHOST:
            self._drop_ghost(rider)
        gap_us = self._settings.gap_us + self._luck.below(self._settings.gap_jitter_us + 1, key, Stage.INDUCTION)
        self._next_slot_us = now_us + gap_us
        if self.queue:
            self._inducting = True
            self.clock.at(gap_us, PLANT, self._induct, None)
        outcome, code = self._scan(document)
        self.report(EventKind.SCANNED, track=rider.track, a=1, b=outcome, code=code)

    def _scan(self, document: Document) -> tuple[ReadOutcome, str]:
        if not document.code:
            return ReadOutcome.NO_IDENTIFIER, ""
        fate = self._luck.at_scanner(document.key)
        if fate is Fate.NONE:
            return ReadOutcome.SUCCESS, document.code
        if fate is Fate.MISREAD:
            return ReadOutcome.SUCCESS, self._luck.misread(document.code, document.key, Stage.MISREAD)
        return _OUTCOMES[fate], ""

    def _drop_ghost(self, behind: _Rider) -> None:
        """Something that nobody announced falls onto the middle of the belt."""
        document = Document("", announced=False, key=behind.document.key)
        self._truth.appeared(document)
        ghost = _Rider(document, 0, behind.mark_us - self._belt_end_us // 2, 0, Fate.NONE)
        at = next((at for at, rider in enumerate(self._belt) if rider.mark_us > ghost.mark_us), len(self._belt))
        self._belt.insert(at, ghost)
        self._on_belt += 1
        self._aim_at_next_eye(ghost)
        self._sweep_later()

    # --- the belt ----------------------------------------------------------------------------------------------------

    def entered(self, state: State) -> None:
        """Move or stop the belt as the state wants; a jam holds the machine as soon as it may be held."""
        if self._jams and state in (State.EXECUTE, State.SUSPENDED):
            self.unit.ask(Command.HOLD, ReasonClass.OWN, REASON_JAM)
        else:
            self._drive()

    def _drive(self) -> None:
        run = self.unit.state in _RUNS and not self._jams
        if run and not self._running:
            self._since_us = self.clock.now_us
            self._running = True
            for rider in self._belt:
                if not rider.gone and rider.track == 0:
                    self._aim_at_next_eye(rider)
                elif not rider.gone and rider.due_us != _NEVER:
                    self._aim(rider, rider.due_us)
            if self._belt:
                self._sweep_later()
        elif self._running and not run:
            self._belt_us = self._belt_now_us()
            self._running = False
        self._wake()

    def _belt_now_us(self) -> int:
        return self._belt_us + self.clock.now_us - self._since_us if self._running else self._belt_us

    def _aim(self, rider: _Rider, due_us: int) -> None:
        """Come back to this document at belt time `due_us`."""
        rider.due_us = due_us
        if self._running:
            self.clock.at(due_us - self._belt_now_us(), PLANT, self._reached, rider)

    def _aim_at_next_eye(self, rider: _Rider) -> None:
        """The next eye on its way will see an untracked document; past the last lane it is the end's."""
        gone_us = self._belt_now_us() - rider.mark_us
        ahead = [lane.travel_us for lane in self.lanes.values() if lane.travel_us > gone_us and lane is not self._exception]
        if ahead:
            self._aim(rider, rider.mark_us + min(ahead))

    def _reached(self, rider: _Rider) -> None:
        if rider.gone or not self._running or self._belt_now_us() < rider.due_us:
            return  # taken off, or the belt stood still meanwhile
        rider.due_us = _NEVER
        if rider.track == 0:
            self._see_ghost(rider, self._belt_now_us() - rider.mark_us)
        else:
            self._at_diverter(rider, self.lanes[rider.lane])

    def _see_ghost(self, rider: _Rider, gone_us: int) -> None:
        eye = max((lane for lane in self.lanes.values() if lane.travel_us <= gone_us), key=lambda lane: lane.travel_us)
        self._track += 1
        rider.track = self._track
        rider.scanned_us = self.clock.now_us
        self._riders[rider.track] = rider
        self.report(EventKind.GHOST, track=rider.track, a=eye.number)

    def _sweep_later(self) -> None:
        """Watch for the first document on the belt to come to the end."""
        self._sweep_token += 1
        self._sweeping = self._running
        if self._running:
            due_us = self._belt[0].mark_us + self._belt_end_us
            self.clock.at(max(0, due_us - self._belt_now_us()), PLANT, self._sweep, self._sweep_token)

    def _sweep(self, token: int) -> None:
        if token != self._sweep_token:
            return
        self._sweeping = False
        if not self._running:
            return
        passed_us = self._belt_now_us() - self._belt_end_us
        belt = self._belt
        while belt and (belt[0].gone or belt[0].mark_us <= passed_us):
            rider = belt.popleft()
            if not rider.gone:
                self._at_end(rider)
        if belt and not self._sweeping:
            self._sweep_later()

    # --- diverters and lanes -----------------------------------------------------------------------------------------

    def _on_divert(self, command: LineCommand) -> None:
        """Take a decision for a document on the belt, or refuse it: unknown, malformed, decided otherwise, or too late."""
        rider = self._riders.get(command.track)
        lane = self.lanes.get(command.a)
        if rider is None:
            self.end(command.number, CommandResult.UNKNOWN_TRACK)
        elif lane is None or command.b not in self.lanes:
            self.end(command.number, CommandResult.MALFORMED)
        elif rider.asked:
            if rider.asked != lane.number:
                self.end(command.number, CommandResult.INTERLOCK)
        elif self._is_late(rider, lane, command.deadline):
            rider.why = Disposition.LATE
            self.end(command.number, CommandResult.LATE)
        else:
            rider.asked = rider.lane = lane.number
            rider.fallback = command.b
            rider.why = Disposition.AS_ASKED
            if lane is not self._exception:
                self._aim(rider, rider.mark_us + lane.travel_us)

    def _is_late(self, rider: _Rider, lane: Lane, deadline: int) -> bool:
        left_us = rider.mark_us + lane.travel_us - self._belt_now_us()
        return left_us < self._margin_us or is_past(deadline, self.port.now_ms())

    def _at_diverter(self, rider: _Rider, lane: Lane) -> None:
        if rider.fate is Fate.FALLS:
            self._lose(rider, lane)
        elif rider.fate is Fate.JAMS:
            rider.fate = Fate.NONE
            self._jam(rider, lane)
        elif rider.fate is Fate.WRONG_LANE:
            rider.fate = Fate.NONE
            rider.why = Disposition.WRONG_LANE
            self._miss(rider, lane)
        elif lane.state is PlaceState.OPEN:
            self._enter(rider, lane)
        else:
            self._fall_back(rider, lane)

    def _miss(self, rider: _Rider, lane: Lane) -> None:
        """The diverter acted too late: the next one on the belt takes the document, or the end does."""
        after = [other for other in self.lanes.values() if other.travel_us > lane.travel_us and other is not self._exception]
        if after:
            rider.lane = min(after, key=lambda other: (other.travel_us, other.number)).number
            self._aim(rider, rider.mark_us + self.lanes[rider.lane].travel_us)

    def _fall_back(self, rider: _Rider, lane: Lane) -> None:
        """The lane is not open: go to the fallback lane if it lies ahead, else to the belt's end."""
        if rider.why is Disposition.AS_ASKED:
            rider.why = Disposition.LANE_FULL if lane.state is PlaceState.FULL else Disposition.LANE_CLOSED
            fallback = self.lanes[rider.fallback]
            if fallback is not self._exception and fallback.travel_us > lane.travel_us:
                rider.lane = fallback.number
                self._aim(rider, rider.mark_us + fallback.travel_us)

    def _at_end(self, rider: _Rider) -> None:
        if rider.fate is Fate.FALLS:
            self._lose(rider, self._exception)
            return
        if rider.track == 0:
            self._see_ghost(rider, self._belt_end_us)
        self._enter(rider, self._exception)

    def _enter(self, rider: _Rider, lane: Lane) -> None:
        self._take_off(rider)
        lane.fifo.append(rider.document)
        ms = (self.clock.now_us - rider.scanned_us) // 1000
        self.report(EventKind.DIVERTED, track=rider.track, a=lane.number, b=rider.why, c=ms)
        if len(lane.fifo) >= lane.capacity:
            lane.full = True
            self._settle(lane)
        if lane.waiter is not None:
            waiter, lane.waiter = lane.waiter, None
            waiter()
        if lane is self._exception and not self._carrying:
            self._carrying = True
            self.clock.at(self._settings.carry_us, PLANT, self._carry, None)

    def _carry(self, _: None) -> None:
        """A person carries the exception lane to the hand station."""
        self._carrying = False
        lane = self._exception
        self._hand.put([lane.take() for _ in range(len(lane.fifo))], self.name)
        self._wake()

    def _lose(self, rider: _Rider, eye: Lane) -> None:
        """The eye that should see the document does not: it lies on the floor."""
        self._take_off(rider)
        self.floor.append(rider.document)
        self.report(EventKind.LOST, track=rider.track, a=eye.number)

    def _take_off(self, rider: _Rider) -> None:
        rider.gone = True
        self._on_belt -= 1
        del self._riders[rider.track]

    # --- jams and places ---------------------------------------------------------------------------------------------

    def _jam(self, rider: _Rider, lane: Lane) -> None:
        """A document sticks at its diverter: the belt stands still until a person comes."""
        self._jams += 1
        lane.jammed = True
        self.report(EventKind.JAM, track=rider.track, a=lane.number, b=1)
        self._settle(lane)
        self.clock.at(self._settings.jam_us, PLANT, self._clear, (rider, lane))
        self._drive()
        self.entered(self.unit.state)

    def _clear(self, jam: tuple[_Rider, Lane]) -> None:
        """A person frees the document, which goes on to the belt's end, and sets the machine going again."""
        rider, lane = jam
        self._jams -= 1
        lane.jammed = False
        rider.why = Disposition.LANE_CLOSED if rider.track else rider.why
        self.report(EventKind.JAM, track=rider.track, a=lane.number, b=0)
        self._settle(lane)
        if not self.unit.ask(Command.UNHOLD, ReasonClass.OPERATOR):
            self._drive()

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
        if lane is None or command.b not in (PlaceState.OPEN, PlaceState.CLOSED):
            self.end(command.number, CommandResult.MALFORMED)
            return
        lane.closed = command.b == PlaceState.CLOSED
        if lane.present_state() is lane.state:
            self.end(command.number, CommandResult.DONE)
        else:
            self._settle(lane)

    def _settle(self, lane: Lane) -> None:
        """Let a lane's state follow what is so; report it if it changed."""
        state = lane.present_state()
        if state is lane.state:
            return
        lane.state = state
        self._show_places()
        self.report(EventKind.PLACE_STATE, a=lane.number, b=state, c=len(lane.fifo))
        self._wake()

    def _show_places(self) -> None:
        self.port.set_places(sum(1 << lane.number - 1 for lane in self.lanes.values() if lane.state is PlaceState.OPEN))

    def report_places(self) -> None:
        """Report each lane that is not open."""
        for lane in self.lanes.values():
            if lane.state is not PlaceState.OPEN:
                self.report(EventKind.PLACE_STATE, a=lane.number, b=lane.state, c=len(lane.fifo))

    def forget(self) -> None:
        """
        Lose tracks, decisions and closed lanes.

        What lies on the belt is untracked; the next eye will see it as a ghost. What fell off is not missed any more.
        """
        self._riders.clear()
        self._track = 0
        for rider in self._belt:
            if not rider.gone and rider.fate is Fate.FALLS:
                rider.gone = True
                self._on_belt -= 1
                self.floor.append(rider.document)
            rider.track = rider.asked = rider.lane = 0
            rider.fate, rider.why, rider.due_us = Fate.NONE, Disposition.NO_ANSWER, _NEVER
        for lane in self.lanes.values():
            lane.closed = False
            lane.state = lane.present_state()
        self._show_places()


def _lane(lane: hall.Lane, sorter: hall.Sorter) -> Lane:
    return Lane(lane.number, lane.distance_mm * 1_000_000 // sorter.belt_mm_per_s, lane.capacity_items)

"""
A sorter: documents are let onto a belt one by one, read at its start, and diverted into lanes on the way.

Position is belt time: how long the belt has moved since the document passed the scanner. All documents move alike,
so one needs an event only where something can happen to it: at its diverter, and, if nothing took it off, at the belt's
end. The end is watched for the first document on the belt alone. When the belt stops, nothing is cancelled: an event
that finds the belt short of its document's place does nothing, and starting the belt asks for all of them anew.

The PLC re-checks at the diverter. Whatever it cannot carry out ends at the belt's end, in the exception lane, with the
disposition that says why. People carry that lane to the hand station.

What people lift off the belt leaves a hollow rider: the PLC follows it until an eye misses it. What they put there is a
rider that nobody follows until an eye sees it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from packcenter.core import hall
from packcenter.core.packml import Command, State
from packcenter.core.words import Disposition, PlaceState, ReasonClass
from packcenter.plc.line import TRACK_MAX, EventKind
from simulation.clock import PLANT, SimClock
from simulation.luck import Fate, Luck, Stage
from simulation.plant.hand import HandStation
from simulation.plant.lane import NEVER, SOUND, STUCK_HOME, STUCK_OUT, Lane, Rider
from simulation.plant.loop import Loop
from simulation.plant.reader import Reader
from simulation.plant.sorter_orders import GOES_ROUND, INFEED, ROUND, SorterOrders
from simulation.plcport import PlcPort
from simulation.truth import Document, Truth, Why

REASON_JAM: Final = 1
_OWN: Final = 2  # that cause events beside what is on the belt: what falls onto it, and the machine itself (protocol seed 701735)
_RUNS: Final = frozenset(
    {State.EXECUTE, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING, State.COMPLETING, State.COMPLETED}
)  # in these the belt moves; only Execute lets items in


class SorterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a sorter and the people around it behave."""

    gap_us: int = 900_000  # shortest time between two items let in
    gap_jitter_us: int = 200_000  # up to this much more, drawn for each item
    retry_us: int = 50_000  # how soon a blocked infeed looks again
    carry_us: int = 120_000_000  # how long the first item in the exception lane waits for a person
    jam_us: int = 60_000_000  # how long a person needs to clear a jam


class SorterProgram(SorterOrders):
    """The machine program of a sorter, and the sorter itself."""

    __slots__ = (
        "_belt", "_belt_us", "_carrying", "_hand", "_inducting", "_jams", "_luck", "_next_slot_us", "_on_belt", "_reader",
        "_running", "_scan_us", "_settings", "_since_us", "_sweep_token", "_sweeping", "_track", "belt_end_us", "floor",
    )  # fmt: skip

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
        self.lanes = {lane.number: Lane.of(lane, sorter.belt_mm_per_s) for lane in sorter.lanes}
        self.queue: deque[Document] = deque()
        self.floor: list[Document] = []
        self.exception = self.lanes[sorter.exception_lane]
        self.belt_end_us = sorter.belt_mm * 1_000_000 // sorter.belt_mm_per_s
        self.exception.travel_us = self.belt_end_us
        self._margin_us = (sorter.actuator_ms + sorter.scan_cycle_ms) * 1000
        self._scan_us = sorter.scan_cycle_ms * 1000
        self._stuck_out = 0
        self.loop = Loop(sorter, clock, self._belt_now_us, self._wake)
        self._reader = Reader(sorter.plc, Stage.SCANNER, luck, truth)
        self._luck = luck
        self._hand = hand
        self._settings = settings
        self._belt: deque[Rider] = deque()  # in the order of the belt, front first; those gone are dropped when they come first
        self._riders: dict[int, Rider] = {}
        self._on_belt = 0
        self._track = port.first_track - 1
        self._belt_us = 0
        self._since_us = 0
        self._running = False
        self._next_slot_us = 0
        self._inducting = False
        self._sweeping = False
        self._sweep_token = 0
        self._carrying = False
        self._jams = 0
        super().__init__(clock, port, truth)
        self.take_orders()
        for lane in self.lanes.values():
            lane.on_drained = self._on_drained
        self._show_places()

    # --- what the hall does with it ----------------------------------------------------------------------------------

    def arrive(self, document: Document) -> None:
        """An agency's document is put into the induction queue."""
        self.queue.append(document)
        self._wake()

    def contents(self) -> Iterator[tuple[Document, str]]:
        """Everything that this sorter holds, for `Truth`."""
        yield from ((document, f"queue/{self.name}") for document in self.queue)
        yield from ((rider.document, f"belt/{self.name}") for rider in self.on_belt())
        yield from ((document, f"belt/{self.name}") for document in self.loop.contents())
        for lane in self.lanes.values():
            yield from ((document, f"lane/{self.name}/{lane.number}") for document in lane.fifo)
        yield from ((document, "floor") for document in self.floor)

    def busy(self) -> int:
        """How many things are on the belt, or are taken to be."""
        return self._on_belt

    # --- what people and sensors do to it ----------------------------------------------------------------------------

    def on_belt(self) -> list[Rider]:
        """What really lies on the belt, front first."""
        return [rider for rider in self._belt if not (rider.gone or rider.hollow)]

    @property
    def moves(self) -> bool:
        """Whether the belt runs."""
        return self._running

    def lose_tracks(self, riders: Iterable[Rider]) -> None:
        """The PLC forgets these; the next eye sees ghosts. Nobody misses what fell off. The next scan gets the last one's id."""
        for rider in riders:
            self._track = rider.track - 1
            self._riders.pop(rider.track, None)
            if not rider.gone and rider.fate is Fate.FALLS:
                rider.gone = True
                self._on_belt -= 1
                if not rider.hollow:
                    self.floor.append(rider.document)
            rider.track = rider.asked = rider.lane = 0
            rider.fate, rider.why, rider.due_us = Fate.NONE, Disposition.NO_ANSWER, NEVER

    def lift(self, rider: Rider) -> Document:
        """A person takes a document off the belt. If the PLC followed it, the next eye misses it."""
        if rider.track:
            rider.hollow = True
            rider.fate = Fate.FALLS
        else:
            self._take_off(rider)
        return rider.document

    def lay(self, document: Document, gone_us: int) -> None:
        """A person lays a document onto the belt, where it would be `gone_us` of belt time after the scanner."""
        self._lay(Rider(document, 0, self._belt_now_us() - gone_us, 0, Fate.NONE))

    def flicker(self, lane: Lane) -> None:
        """The eye of a lane sees something that is not there; the eyes after it miss it."""
        rider = Rider(Document("", announced=False), 0, self._belt_now_us() - lane.travel_us, 0, Fate.FALLS)
        rider.hollow = True
        self.truth.phantoms += 1
        self._lay(rider)
        self._see_ghost(rider, lane.travel_us)

    def tamper(self, lane: Lane, act: str) -> None:
        """Something was done to the lane that packcenter cannot know; the exception lane is a place of people anyhow."""
        if lane is not self.exception:
            lane.tamper(self.truth, act, self.clock.now_us)

    def set_full_stuck(self, lane: Lane, shows: bool | None) -> None:
        """The lane-full sensor shows this whatever is so; None: it is sound again."""
        lane.full_stuck = shows
        self._on_drained(lane)

    def set_diverter(self, lane: Lane, stuck: str) -> None:
        """The diverter of a lane sticks at home, so that nothing enters, or out, so that everything does."""
        self._stuck_out += (stuck == STUCK_OUT) - (lane.diverter == STUCK_OUT)
        lane.diverter = stuck
        for rider in self._belt if self._stuck_out else ():
            if not rider.gone:
                self._aim_next(rider)

    def block_eye(self, lane: Lane) -> None:
        """Something sticks before the eye of a lane: a jam, by all that the PLC can know."""
        lane.eye_blocked = True
        self.clock.soon(self._eye_blocked, lane)

    def _eye_blocked(self, lane: Lane) -> None:
        if lane.eye_blocked:
            self._block(lane, 0)

    def _eye_freed(self, lane: Lane) -> None:
        if lane.jammed:
            self._free(lane, 0)

    def make_ready(self) -> None:
        """All sensors and diverters of the lanes are sound again."""
        for lane in self.lanes.values():
            lane.eye_dark = False
            self.set_diverter(lane, SOUND)
            self.set_full_stuck(lane, None)
            if lane.eye_blocked:
                lane.eye_blocked = False
                self.clock.soon(self._eye_freed, lane)
        super().make_ready()

    def driven(self) -> None:
        """The belt moves or stands with the outputs of the PLC."""
        self._drive()

    def _on_drained(self, lane: Lane) -> None:
        self.clock.soon(self._settle, lane)

    # --- infeed and scanner ------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        if self._next() is not None and not self._inducting and self._may_induct():
            self._inducting = True
            self.clock.at(max(0, self._next_slot_us - self.clock.now_us), PLANT, self._induct, None)

    def _next(self) -> deque[Document] | None:
        """From where the next document comes in: what went round goes first; None: from nowhere now."""
        if self.loop.merge:
            return self.loop.merge
        return self.queue if self.queue and not self.loop.closed and self.exception.state is PlaceState.OPEN else None

    def _may_induct(self) -> bool:
        return self.unit.state is State.EXECUTE and self._running

    def _induct(self, _: None) -> None:
        """Let one document in and read it, if the machine, the PLC and the exception lane allow."""
        self._inducting = False
        waiting = self._next()
        if waiting is None or not self._may_induct():
            return
        if not self.port.infeed_allowed(self._on_belt + _OWN):
            self._inducting = True
            self.clock.at(self._settings.retry_us, PLANT, self._induct, None)
            return
        document = waiting.popleft()
        key = document.key
        now_us = self.clock.now_us
        fate = self._luck.on_belt(key)
        if self.armed:
            fate = self.fate_of(Stage.BELT, fate)
        rider = Rider(document, self._new_track(), self._belt_now_us(), now_us, fate)
        self._riders[rider.track] = rider
        self._belt.append(rider)
        self._on_belt += 1
        if not self._sweeping:
            self._sweep_later()
        if rider.fate is Fate.GHOST:
            self._drop_ghost(rider)
        if self._stuck_out:
            self._aim_next(rider)
        gap_us = self._settings.gap_us + self._luck.below(self._settings.gap_jitter_us + 1, key, Stage.INDUCTION)
        self._next_slot_us = now_us + gap_us
        if self._next() is not None:
            self._inducting = True
            self.clock.at(gap_us, PLANT, self._induct, None)
        outcome, code = self._scan(document)
        self.report(EventKind.SCANNED, track=rider.track, a=1, b=outcome, code=code, about=(document,))

    def _new_track(self) -> int:
        """The next number that no document on the belt has; it wraps, and is never 0."""
        self._track = self._track % TRACK_MAX + 1
        while self._track in self._riders:
            self._track = self._track % TRACK_MAX + 1
        return self._track

    def _scan(self, document: Document) -> tuple[int, str]:
        fate = self._luck.at_scanner(document.key)
        if self.armed:
            fate = self.fate_of(Stage.SCANNER, fate)
        if fate is Fate.NONE and document.code:
            return 0, document.code
        behind = self.queue[0] if self.queue else None
        outcome, code, _ = self._reader.read(document, fate, behind, self.clock.now_us)
        return outcome, code

    def _drop_ghost(self, behind: Rider) -> None:
        """Something that nobody announced falls onto the middle of the belt."""
        document = Document("", grams=20, thickness=60, announced=False, key=behind.document.key)
        self.truth.appeared(document)
        self._lay(Rider(document, 0, behind.mark_us - self.belt_end_us // 2, 0, Fate.NONE))

    def _lay(self, ghost: Rider) -> None:
        """Something is on the belt that nobody follows yet."""
        at = next((at for at, rider in enumerate(self._belt) if rider.mark_us > ghost.mark_us), len(self._belt))
        self._belt.insert(at, ghost)
        self._on_belt += 1
        self._aim_next(ghost)
        self._sweep_later()

    # --- the belt ----------------------------------------------------------------------------------------------------

    def entered(self, state: State) -> None:
        """Move or stop the belt as the state wants; a jam holds the machine as soon as it may be held."""
        if self._jams and state in (State.EXECUTE, State.SUSPENDED):
            self.unit.ask(Command.HOLD, ReasonClass.OWN, REASON_JAM)
        elif state is State.HELD and not self._jams and self.unit.reason == REASON_JAM:
            self.unit.ask(Command.UNHOLD, ReasonClass.OPERATOR)  # the person was quicker than the machine
        else:
            self._drive()

    def _drive(self) -> None:
        run = self.unit.state in _RUNS and not self._jams and not self.clock.stands
        if run and not self._running:
            self._since_us = self.clock.now_us
            self._running = True
            for rider in self._belt:
                if not rider.gone and rider.track == 0:
                    self._aim_next(rider)
                elif not rider.gone and rider.due_us != NEVER:
                    self._aim(rider, rider.due_us)
            if self._belt:
                self._sweep_later()
            self.loop.watch()
        elif self._running and not run:
            self._belt_us = self._belt_now_us()
            self._running = False
        self._wake()

    def _belt_now_us(self) -> int:
        return self._belt_us + self.clock.now_us - self._since_us if self._running else self._belt_us

    def _aim(self, rider: Rider, due_us: int) -> None:
        """Come back to this document at belt time `due_us`."""
        rider.due_us = due_us
        if self._running:
            self.clock.at(max(0, due_us - self._belt_now_us()), PLANT, self._reached, rider)

    def _aim_next(self, rider: Rider) -> None:
        """
        Come back to it where it may leave the belt or be seen next: at its own lane or a diverter that is stuck out, or, if
        nobody follows it, at the next eye. Past the last of them it is the end's.
        """
        gone_us = self._belt_now_us() - rider.mark_us
        stops = [
            lane
            for lane in self.lanes.values()
            if lane.travel_us > gone_us
            and lane is not self.exception
            and (rider.track == 0 or lane.number == rider.lane or lane.diverter == STUCK_OUT)
        ]
        if stops:
            rider.stop = min(stops, key=lambda lane: (lane.travel_us, lane.number))
            self._aim(rider, rider.mark_us + rider.stop.travel_us)

    def _reached(self, rider: Rider) -> None:
        late_us = self._belt_now_us() - rider.due_us
        if rider.gone or not self._running or late_us < 0:
            return  # taken off, or the belt stood still meanwhile
        rider.due_us = NEVER
        lane = rider.stop
        assert lane is not None, rider.track
        if rider.track == 0:
            self._see_ghost(rider, self._belt_now_us() - rider.mark_us)
            self._pass(rider, lane)
        elif lane.number != rider.lane:
            self._pass(rider, lane)
        elif late_us > self._scan_us:
            rider.why = Disposition.WRONG_LANE  # the program ran too late, the diverter swung behind it
            self._aim_next(rider)
        else:
            self._at_diverter(rider, lane)

    def _pass(self, rider: Rider, lane: Lane) -> None:
        """Something passes the diverter of a lane that is not its own; one that is stuck out takes it."""
        if lane.diverter != STUCK_OUT or rider.hollow:
            self._aim_next(rider)
        elif rider.fate is Fate.FALLS:
            self._lose(rider, lane)
        else:
            rider.why = Disposition.WRONG_LANE
            self._enter(rider, lane)

    def _see_ghost(self, rider: Rider, gone_us: int) -> None:
        eye = max((lane for lane in self.lanes.values() if lane.travel_us <= gone_us), key=lambda lane: lane.travel_us)
        rider.track = self._new_track()
        rider.scanned_us = self.clock.now_us
        self._riders[rider.track] = rider
        self.report(EventKind.GHOST, track=rider.track, a=eye.number, about=(rider.document,))

    def _sweep_later(self) -> None:
        """Watch for the first document on the belt to come to the end."""
        self._sweep_token += 1
        self._sweeping = self._running
        if self._running:
            due_us = self._belt[0].mark_us + self.belt_end_us
            self.clock.at(max(0, due_us - self._belt_now_us()), PLANT, self._sweep, self._sweep_token)

    def _sweep(self, token: int) -> None:
        if token != self._sweep_token:
            return
        self._sweeping = False
        if not self._running:
            return
        passed_us = self._belt_now_us() - self.belt_end_us
        belt = self._belt
        while belt and (belt[0].gone or belt[0].mark_us <= passed_us):
            rider = belt.popleft()
            if not rider.gone:
                self._at_end(rider)
        if belt and not self._sweeping:
            self._sweep_later()

    # --- diverters and lanes -----------------------------------------------------------------------------------------

    def _at_diverter(self, rider: Rider, lane: Lane) -> None:
        if rider.fate is Fate.FALLS:
            self._lose(rider, lane)
        elif rider.fate is Fate.JAMS:
            rider.fate = Fate.NONE
            self._jam(rider, lane)
        elif rider.fate is Fate.WRONG_LANE:
            rider.fate = Fate.NONE
            rider.why = Disposition.WRONG_LANE
            self._miss(rider, lane)
        elif lane.diverter == STUCK_HOME:
            rider.why = Disposition.WRONG_LANE
            self._aim_next(rider)
        elif lane.state is PlaceState.OPEN or lane.diverter == STUCK_OUT:
            shut = lane.state in (PlaceState.CLOSED, PlaceState.JAMMED)
            rider.why = Disposition.WRONG_LANE if shut else rider.why
            if lane.rate and not lane.has_rate(self.clock.now_us):
                rider.why = Disposition.RATE
                self._fall_back(rider, lane)
            else:
                self._enter(rider, lane)
        else:
            self._fall_back(rider, lane)

    def _miss(self, rider: Rider, lane: Lane) -> None:
        """The diverter acted too late: the next one on the belt takes the document, or the end does."""
        after = [other for other in self.lanes.values() if other.travel_us > lane.travel_us and other is not self.exception]
        if after:
            rider.lane = min(after, key=lambda other: (other.travel_us, other.number)).number
            self._aim_next(rider)

    def _fall_back(self, rider: Rider, lane: Lane) -> None:
        """The lane is not open: go to the fallback lane if it lies ahead, else to the belt's end."""
        if rider.why is Disposition.AS_ASKED:
            rider.why = Disposition.LANE_FULL if lane.state is PlaceState.FULL else Disposition.LANE_CLOSED
            fallback = self.lanes[rider.fallback]
            if fallback is not self.exception and fallback.travel_us > lane.travel_us:
                rider.lane = fallback.number
        self._aim_next(rider)

    def _at_end(self, rider: Rider) -> None:
        if rider.fate is Fate.FALLS:
            self._lose(rider, self.exception)
            return
        if rider.track == 0:
            self._see_ghost(rider, self.belt_end_us)
        if rider.asked == GOES_ROUND and rider.why is Disposition.AS_ASKED and not rider.hollow:
            self._go_round(rider)
        else:
            self._enter(rider, self.exception)

    def _go_round(self, rider: Rider) -> None:
        """The eye at the belt's end sees it pass; it comes back to the scanner, and gets another track there."""
        self._take_off(rider)
        ms = (self.clock.now_us - rider.scanned_us) // 1000
        self.report(EventKind.DIVERTED, track=rider.track, a=ROUND, b=Disposition.RECIRCULATED, c=ms, about=(rider.document,))
        self.loop.take(rider.document)

    def _enter(self, rider: Rider, lane: Lane) -> None:
        self._take_off(rider)
        lane.fifo.append(rider.document)
        if lane.eye_dark:
            self.truth.touch(rider.document, Why.UNSEEN, "dark eye", self.clock.now_us)
            self.report(EventKind.LOST, track=rider.track, a=lane.number, about=(rider.document,))
        else:
            ms = (self.clock.now_us - rider.scanned_us) // 1000
            self.report(EventKind.DIVERTED, track=rider.track, a=lane.number, b=rider.why, c=ms, about=(rider.document,))
        if any(touch.why is not Why.NEAR for touch in self.truth.touches(rider.document)):
            self.tamper(lane, "what came into it")
        elif lane.tampered:
            self.truth.touch(rider.document, Why.NEAR, lane.tampered, self.clock.now_us)
        if len(lane.fifo) >= lane.capacity:
            lane.full = True
            self._settle(lane)
        if lane.waiter is not None:
            waiter, lane.waiter = lane.waiter, None
            waiter()
        if lane is self.exception and not self._carrying:
            self._carrying = True
            self.hall_clock.at(self._settings.carry_us, PLANT, self.carry, None)

    def carry(self, _: None = None) -> None:
        """A person carries the exception lane to the hand station."""
        self._carrying = False
        lane = self.exception
        self._hand.put([lane.take() for _ in range(len(lane.fifo))], self.name)
        self._wake()

    def _lose(self, rider: Rider, eye: Lane) -> None:
        """The eye that should see the document does not: it lies on the floor."""
        self._take_off(rider)
        if not rider.hollow:
            self.floor.append(rider.document)
        self.report(EventKind.LOST, track=rider.track, a=eye.number, about=(rider.document,))

    def _take_off(self, rider: Rider) -> None:
        rider.gone = True
        self._on_belt -= 1
        if rider.track:
            del self._riders[rider.track]

    # --- jams and places ---------------------------------------------------------------------------------------------

    def _jam(self, rider: Rider, lane: Lane) -> None:
        """A document sticks at its diverter: the belt stands still until a person comes."""
        self._block(lane, rider.track)
        self.clock.at(self._settings.jam_us, PLANT, self._clear, (rider, lane))

    def _block(self, lane: Lane, track: int) -> None:
        self._jams += 1
        lane.jammed = True
        self.report(EventKind.JAM, track=track, a=lane.number, b=1)
        self._settle(lane)
        self._drive()
        self.entered(self.unit.state)

    def _clear(self, jam: tuple[Rider, Lane]) -> None:
        """A person frees the document, which goes on to the belt's end, and sets the machine going again."""
        rider, lane = jam
        rider.why = Disposition.LANE_CLOSED if rider.track else rider.why
        self._aim_next(rider)
        self._free(lane, rider.track)

    def _free(self, lane: Lane, track: int) -> None:
        self._jams -= 1
        lane.jammed = False
        self.report(EventKind.JAM, track=track, a=lane.number, b=0)
        self._settle(lane)
        if not self.unit.ask(Command.UNHOLD, ReasonClass.OPERATOR):
            self._drive()

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
        """Report each lane that is not open, and an infeed that is held."""
        if self.loop.closed:
            self.report(EventKind.PLACE_STATE, a=INFEED, b=PlaceState.CLOSED, c=len(self.queue))
        for lane in self.lanes.values():
            if lane.state is not PlaceState.OPEN:
                self.report(EventKind.PLACE_STATE, a=lane.number, b=lane.state, c=len(lane.fifo))

    def forget(self) -> None:
        """Lose tracks, decisions and closed lanes; the infeed is open."""
        self.loop.closed = False
        self.lose_tracks(self._belt)
        self._track = self.port.first_track - 1
        for lane in self.lanes.values():
            if lane.holds_unheard(self.truth):
                self.tamper(lane, "lost memory")
            lane.closed = False
            lane.state = lane.present_state()
        self._show_places()

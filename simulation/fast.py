"""
The fast driver: the real core and the plant in virtual time, without images and sockets.

A PLC's event reaches the controller, and a command its machine, one fixed link delay later, in order; everything
else is as on the floor. One decision digest per seed, whichever Python, hash seed or clock back end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from packcenter.core import discrepancies, record
from packcenter.core.alarm_table import VERSION
from packcenter.core.commands import Command, GrantEpoch, Numbered
from packcenter.core.controller import Controller, Outcome
from packcenter.core.hall import Hall
from packcenter.core.inputs import (
    AlarmTableGiven,
    CustodyRulesGiven,
    Input,
    LinkLost,
    LinkUp,
    PlcEvent,
    Quarantined,
    Started,
    Tick,
)
from packcenter.core.limits import DISCREPANCY_MINUTES, DISCREPANCY_SECURE_MINUTES
from packcenter.core.state import State
from packcenter.journal.frames import GENESIS, Draft, digest_after
from packcenter.plc.line import LineEvent
from packcenter.plc.translate import to_input, to_line
from simulation.clock import INPUT, SimClock
from simulation.documents import Delivery, latest_us
from simulation.plant.hall import Plant, PlantSettings
from simulation.plcport import EVENTS_PER_ITEM, RING_EVENTS, FaultyProgram, Program
from simulation.truth import Difference, compare

LINK_DELAY_US = 12_000
"""One way over a polled link: half a poll gap of 10 ms, the exchange and the journal's sync (measured over real sockets)."""

AFTER_LAST_US = 5_400_000_000
"""How long after the last arrival the day goes on at most: the queues of a peak are worked off in well under that."""

_RUN_SLICE_US = 600_000_000
_RECONNECT_US = 1_000_000  # from the moment a PLC could be heard again to the first image with a moving heartbeat
_WRAPS_SOON_MS = 0xFFFF - 1_500  # a second and a half before the clock wraps
_AGE_MAX_MS = 0xFFFF
_OF_ANOTHER = 1_000  # what another controller's epoch is ahead of ours
_NO_SUCH_KIND = 99  # of an event
_MINUTE_US = 60_000_000
_TICK = Tick()


class FastPlc:
    """
    A PLC without images: events go straight to the controller, numbered and stamped as the line interface says.

    While its link is down its events wait in a ring, and what the controller asks waits for it; both go on in order. A new
    life begins with nothing. It can fail like `LinePlc` (`simulation.mischief.FaultyPlc`), except that it has no image.
    """

    __slots__ = (
        "_asked",
        "_clock",
        "_clock_ms",
        "_deaf",
        "_delay_us",
        "_feed",
        "_frozen",
        "_halted",
        "_heard",
        "_kept",
        "_late",
        "_link",
        "_number",
        "_poisoned",
        "_scan_us",
        "_seized",
        "_under_way",
        "epoch",
        "first_track",
        "lost_events",
        "name",
        "nonce",
        "program",
    )

    def __init__(self, name: str, nonce: int, clock: SimClock, delay_us: int, feed: Callable[[Input], object]) -> None:
        self.name = name
        self.nonce = nonce
        self.epoch = 0
        self.first_track = 1
        self.program: Program
        self._number = 0
        self._clock = clock
        self._clock_ms = 0
        self._delay_us = delay_us
        self._feed = feed
        self._link = 0
        self._heard = True
        self._halted = self._frozen = self._seized = self._deaf = self._poisoned = False
        self._scan_us = 0
        self._kept: list[tuple[int, LineEvent]] = []
        self._late = 0
        self._under_way = 0
        self.lost_events = 0
        self._asked: list[Numbered] = []

    # The machine program's side (PlcPort).

    def report(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, c: int = 0, code: str = "") -> None:
        """Make an event; it is on its way to the controller at once."""
        assert self.epoch, f"{self.name}: event without an epoch"
        self._number += 1
        event = LineEvent(self._number, kind, track, a, b, c, code, self.now_ms(), self._delay_us // 1000)
        if self._heard and not self._scan_us:
            self._under_way += 1
            self._clock.at(self._delay_us, INPUT, self._tell, (self.nonce, self._clock.now_us, event))
        else:
            self._kept.append((self._clock.now_us, event))
            if self._heard:
                self._clock.at(-self._clock.now_us % self._scan_us, INPUT, self._tell_kept, self._link)

    def _tell(self, told: tuple[int, int, LineEvent]) -> None:
        """An event arrives, unless the life that made it is over; if nobody listens any more it waits before all others."""
        nonce, made_us, event = told
        if nonce != self.nonce:
            return
        self._under_way -= 1
        if self._heard and self._poisoned:
            self._poisoned = False
            self._feed(Quarantined(self.name, self.epoch, event.number, event.track, event.code, "made the controller fail"))
        elif self._heard:
            self._feed(to_input(self.name, self.epoch, event))
        else:
            self._kept.insert(self._late, (made_us, event))
            self._late += 1

    def _tell_kept(self, link: int) -> None:
        """What waited is on its way, in order, each event as old as it is."""
        if link != self._link or not self._heard:
            return
        now_us = self._clock.now_us
        for made_us, event in self._kept:
            aged = msgspec.structs.replace(event, age_ms=min(_AGE_MAX_MS, (now_us - made_us + self._delay_us) // 1000))
            self._under_way += 1
            self._clock.at(self._delay_us, INPUT, self._tell, (self.nonce, made_us, aged))
        self._kept.clear()
        self._late = 0

    def infeed_allowed(self, items_on_belt: int) -> bool:
        """The ring of this PLC has no end while it is heard, and its controller never goes away."""
        return self.epoch > 0 and self.may_act(EVENTS_PER_ITEM * (items_on_belt + 1))

    def set_state(self, packml_state: int) -> None:
        """Nobody looks at words here."""

    def set_places(self, open_bits: int) -> None:
        """Nobody looks at words here."""

    def now_ms(self) -> int:
        """PLC time in milliseconds modulo 65536."""
        return self._clock.now_us // 1000 + self._clock_ms & 0xFFFF

    # The controller's side.

    def grant(self, grant: GrantEpoch) -> None:
        """The controller's grant arrived; another life's, or a second one, is dropped, and so is one that is not heard."""
        if self.epoch or grant.nonce != self.nonce or not self._heard:
            return
        self.epoch = grant.epoch
        self._number = 0
        self.program.on_granted()

    def take(self, command: Numbered) -> None:
        """A command arrived; without an epoch it was for an earlier life."""
        if not self.epoch or self._deaf:
            return
        if not self._heard:
            self._asked.append(command)
        elif self._scan_us or self._asked:
            self._asked.append(command)
            self._clock.at(-self._clock.now_us % (self._scan_us or 1), INPUT, self._take_asked, self._link)
        else:
            self.program.on_command(to_line(command))

    def _take_asked(self, link: int) -> None:
        if link != self._link or not self._heard:
            return
        asked, self._asked = self._asked, []
        for command in asked:
            self.program.on_command(to_line(command))

    def _go_down(self, reason: str) -> None:
        self._link += 1
        if self._heard:
            self._heard = False
            self._feed(LinkLost(self.name, reason))

    def _come_up(self, link: int) -> None:
        """The PLC answers again, unless something else happened to it meanwhile."""
        if link != self._link or self._halted or self._frozen or self._seized:
            return
        self._heard = True
        self._feed(LinkUp(self.name, self.nonce, self.epoch))
        self._tell_kept(link)
        self._take_asked(link)

    def _recover(self) -> None:
        self._link += 1
        self._clock.at(_RECONNECT_US, INPUT, self._come_up, self._link)

    # What goes wrong with it.

    @property
    def heard_out(self) -> bool:
        """Whether everything that it told has arrived."""
        return not self._kept and not self._under_way

    def can_tell(self, events: int) -> bool:
        """Whether there is room in the ring."""
        return len(self._kept) + events <= RING_EVENTS

    def may_act(self, events: int) -> bool:
        """Whether there is room in the ring, or as much as there ever will be."""
        return not self._kept or self.can_tell(events)

    def reboot(self, nonce: int) -> None:
        """Lose all memory and begin a new life."""
        self.lose_memory(nonce)

    def lose_memory(self, nonce: int) -> None:
        """The same; there is no time to be brought to the present."""
        self._begin_life(nonce, 1, 0)

    def near_wrap(self, nonce: int, first_track: int) -> bool:
        """Begin a life whose clock and track ids are about to wrap."""
        self._begin_life(nonce, first_track, _WRAPS_SOON_MS - self._clock.now_us // 1000 & 0xFFFF)
        return True

    def _begin_life(self, nonce: int, first_track: int, clock_ms: int) -> None:
        self._go_down("silent")
        self.nonce, self.epoch, self.first_track, self._clock_ms = nonce, 0, first_track, clock_ms
        self._halted = self._frozen = self._seized = self._deaf = self._poisoned = False
        self.lost_events = len(self._kept) + self._under_way
        self._kept.clear()
        self._late = self._under_way = 0
        self._asked.clear()
        self.program.on_reboot()
        self._recover()

    def dip(self) -> bool:
        """Power fails for a moment; what it knew it knows."""
        program = self.program
        if self._halted or not isinstance(program, FaultyProgram):
            return False
        self._go_down("silent")
        program.on_power_dip()
        if not self._frozen:
            self._recover()
        return True

    def halt(self) -> bool:
        """Go to STOP."""
        program = self.program
        if self._halted or not isinstance(program, FaultyProgram):
            return False
        self._halted = True
        program.on_halt()
        self._go_down("heartbeat")
        return True

    def run(self) -> bool:
        """Go to RUN again."""
        program = self.program
        if not self._halted or not isinstance(program, FaultyProgram):
            return False
        self._halted = False
        program.on_run()
        self._recover()
        return True

    def scan_every(self, us: int) -> bool:
        """The program runs only every so often."""
        program = self.program
        if self._halted or us == self._scan_us or not isinstance(program, FaultyProgram):
            return False
        self._scan_us = us
        program.on_scan_time(us)
        self._tell_kept(self._link)
        self._take_asked(self._link)
        return True

    def freeze(self) -> bool:
        """The heartbeat stands: the controller believes nothing that it says."""
        if self._frozen or self._halted:
            return False
        self._frozen = True
        self._go_down("heartbeat")
        return True

    def spoil(self, reads: int, words: int) -> bool:
        """There is no image here that could be spoilt."""
        return False

    def seize(self) -> bool:
        """Another controller has granted it an epoch of its own. It works for that one, until it is restarted."""
        if self._seized or not self._heard:
            return False
        self._go_down("disconnected")
        self._seized = True
        self._feed(LinkUp(self.name, self.nonce, self.epoch + _OF_ANOTHER))
        return True

    def skip(self, events: int) -> bool:
        """So many numbers are missing before its next event; nothing happened that they could have told."""
        self._number += events
        return self.epoch > 0

    def babble(self) -> bool:
        """Tell of something that the line interface does not know."""
        if not self.epoch:
            return False
        self.report(_NO_SUCH_KIND)
        return True

    def deafen(self) -> bool:
        """Take commands from here on and do nothing."""
        self._deaf = True
        return True

    def poison(self) -> bool:
        """Its next event makes the controller fail, so that it is kept out by the life after that."""
        self._poisoned = True
        return True

    def heal(self) -> None:
        """Run at the usual pace, and be heard."""
        self._deaf = False
        self.run()
        self.scan_every(0)
        if self._frozen:
            self._frozen = False
            self._recover()


class FastResult(msgspec.Struct, frozen=True):
    """
    What a simulated day came to. `digest` is the decision digest in hex; `simulated_us` virtual time covered.

    `differences` is what the plant's own count says against the books; empty when they agree.
    """

    digest: str
    inputs: int
    simulated_us: int
    state: State
    differences: list[Difference]


class FastHall:
    """The hall in virtual time. `opens_us` is core time at simulation time 0. `plcs` and `plant` are there to be meddled with."""

    def __init__(
        self,
        hall: Hall,
        hall_digest: str,
        deliveries: Sequence[Delivery],
        settings: PlantSettings,
        clock: SimClock,
        opens_us: int,
        *,
        release: str = "simulation",
        delay_us: int = LINK_DELAY_US,
        keep: Callable[[Draft], None] | None = None,
        controller: Controller | None = None,
    ) -> None:
        self.controller = controller or Controller()
        self.inputs = 0
        self._digest = GENESIS
        self._clock = clock
        self._opens_us = opens_us
        self._delay_us = delay_us
        self._keep = keep
        self._tick_us: int | None = None
        self._hall = hall
        self._last_arrival_us = latest_us(deliveries)
        self.plcs = {name: FastPlc(name, _nonce(name), clock, delay_us, self.feed) for name in hall.plcs()}
        documents = [document for delivery in deliveries for document in delivery.documents]
        self.plant = Plant(hall, documents, settings, clock, self.plcs)
        for name, plc in self.plcs.items():
            plc.program = self.plant.programs[name]
        self.feed(Started(1, release, hall, hall_digest))
        self.feed(AlarmTableGiven(VERSION))
        self.feed(CustodyRulesGiven(discrepancies.VERSION, DISCREPANCY_MINUTES, DISCREPANCY_SECURE_MINUTES))
        for delivery in deliveries:
            for part in delivery.parts():
                self.feed(part)
        for name, plc in self.plcs.items():
            self.feed(LinkUp(name, plc.nonce, 0))

    @property
    def now_us(self) -> int:
        """Core time."""
        return self._opens_us + self._clock.now_us

    def feed(self, happened: Input) -> Outcome:
        """Let the core decide on an input now, and send its commands on their way."""
        clock, at_us = self._clock, self.now_us
        outcome = self.controller.step(at_us, happened)
        self.inputs += 1
        if self._keep is None:
            self._digest = digest_after(self._digest, record.encode_decision(outcome))
        else:
            body, decision_at = record.encode(happened, outcome)
            self._digest = digest_after(self._digest, body[decision_at:])
            source = (happened.plc, happened.epoch, happened.seq) if isinstance(happened, PlcEvent) else ("", 0, 0)
            self._keep(Draft(at_us, clock.now_us, at_us, *source, body, decision_at))
        for command in outcome.commands:
            self._send(command)
        self._arm()
        return outcome

    def _send(self, command: Command) -> None:
        plc = self.plcs[command.plc]
        if isinstance(command, GrantEpoch):
            self._clock.at(self._delay_us, INPUT, plc.grant, command)
        else:
            self._clock.at(self._delay_us, INPUT, plc.take, command)

    def _arm(self) -> None:
        """Be woken at the core's next deadline, unless an earlier waking is under way."""
        due_us = self.controller.next_deadline_us()
        if due_us is not None and (self._tick_us is None or due_us < self._tick_us):
            self._tick_us = due_us
            self._clock.at(max(0, due_us - self._opens_us - self._clock.now_us), INPUT, self._tick, due_us)

    def _tick(self, due_us: int) -> None:
        if due_us != self._tick_us:
            return  # a later waking that an earlier one has replaced
        self._tick_us = None
        waiting = self.controller.next_deadline_us()
        if waiting is not None and waiting <= self._opens_us + self._clock.now_us:
            self.feed(_TICK)
        else:
            self._arm()

    def run(self, until_us: int | None = None, progress: Callable[[int], None] | None = None) -> FastResult:
        """Run to simulation time `until_us`, or to the end of the day: last cut-off, or long after the last arrival."""
        end_us = self._day_end_us() if until_us is None else until_us
        while self._clock.now_us < end_us:
            self._clock.run_until(min(end_us, self._clock.now_us + _RUN_SLICE_US))
            if progress is not None:
                progress(self._clock.now_us)
        return self.result()

    def _day_end_us(self) -> int:
        minutes = self._hall.plan.bags.cutoff_minutes
        offset_us = self._hall.utc_offset_minutes * _MINUTE_US
        local_us = (self._opens_us + offset_us) % (1440 * _MINUTE_US)
        last_cutoff_us = minutes[-1] * _MINUTE_US - local_us + _MINUTE_US if minutes else 0
        return max(last_cutoff_us, self._last_arrival_us + AFTER_LAST_US)

    def result(self) -> FastResult:
        """Where the day stands."""
        state = self.controller.state
        places = {item.id: item.place for item in state.items.values()}
        sent_back = frozenset(item.id for item in state.items.values() if item.sent_back)
        differences = compare(places, self.plant.truth, sent_back)
        return FastResult(self._digest.hex(), self.inputs, self._clock.now_us, state, differences)


def _nonce(name: str) -> int:
    """A boot nonce that is the same in every run."""
    return int.from_bytes(sha256(name.encode()).digest()[:4], "big") or 1

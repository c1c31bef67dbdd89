"""
The fast driver: the real core and the plant in virtual time, without images and sockets.

A PLC's event reaches the controller, and a command its machine, one fixed link delay later, in order; everything
else is as on the floor. One decision digest per seed, whichever Python, hash seed or clock back end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

import msgspec

from packcenter.core import record
from packcenter.core.commands import Command, GrantEpoch, Numbered
from packcenter.core.controller import Controller
from packcenter.core.hall import Hall
from packcenter.core.inputs import Input, LinkUp, PlcEvent, Started, Tick
from packcenter.core.state import State
from packcenter.journal.frames import GENESIS, Draft, digest_after
from packcenter.plc.line import LineEvent
from packcenter.plc.translate import to_input, to_line
from simulation.clock import INPUT, SimClock
from simulation.documents import Delivery, latest_us
from simulation.plant.hall import Plant, PlantSettings
from simulation.plcport import Program
from simulation.truth import Difference, compare

LINK_DELAY_US = 12_000
"""One way over a polled link: half a poll gap of 10 ms, the exchange and the journal's sync (measured over real sockets)."""

AFTER_LAST_US = 5_400_000_000
"""How long after the last arrival the day goes on at most: the queues of a peak are worked off in well under that."""

_RUN_SLICE_US = 600_000_000
_MINUTE_US = 60_000_000
_TICK = Tick()


class FastPlc:
    """A PLC without images: events go straight to the controller, numbered and stamped as the line interface says."""

    __slots__ = ("_clock", "_delay_us", "_feed", "_number", "epoch", "name", "nonce", "program")

    def __init__(self, name: str, nonce: int, clock: SimClock, delay_us: int, feed: Callable[[PlcEvent], None]) -> None:
        self.name = name
        self.nonce = nonce
        self.epoch = 0
        self.program: Program
        self._number = 0
        self._clock = clock
        self._delay_us = delay_us
        self._feed = feed

    def report(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, c: int = 0, code: str = "") -> None:
        """Make an event; it is on its way to the controller at once."""
        assert self.epoch, f"{self.name}: event without an epoch"
        self._number += 1
        event = LineEvent(self._number, kind, track, a, b, c, code, self.now_ms(), self._delay_us // 1000)
        self._clock.at(self._delay_us, INPUT, self._feed, to_input(self.name, self.epoch, event))

    def infeed_allowed(self, items_on_belt: int) -> bool:
        """The ring of this PLC has no end, and its controller never goes away."""
        return self.epoch > 0

    def set_state(self, packml_state: int) -> None:
        """Nobody looks at words here."""

    def set_places(self, open_bits: int) -> None:
        """Nobody looks at words here."""

    def now_ms(self) -> int:
        """PLC time in milliseconds modulo 65536."""
        return self._clock.now_us // 1000 & 0xFFFF

    def grant(self, epoch: int) -> None:
        """The controller's grant arrived."""
        self.epoch = epoch
        self._number = 0
        self.program.on_granted()

    def take(self, command: Numbered) -> None:
        """A command arrived."""
        self.program.on_command(to_line(command))


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
    """The hall in virtual time. `opens_us` is core time at simulation time 0."""

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
    ) -> None:
        self.controller = Controller()
        self.inputs = 0
        self._digest = GENESIS
        self._clock = clock
        self._opens_us = opens_us
        self._delay_us = delay_us
        self._keep = keep
        self._tick_us: int | None = None
        self._hall = hall
        self._last_arrival_us = latest_us(deliveries)
        self._plcs = {name: FastPlc(name, _nonce(name), clock, delay_us, self.feed) for name in hall.plcs()}
        documents = [document for delivery in deliveries for document in delivery.documents]
        self.plant = Plant(hall, documents, settings, clock, self._plcs)
        for name, plc in self._plcs.items():
            plc.program = self.plant.programs[name]
        self.feed(Started(1, release, hall, hall_digest))
        for delivery in deliveries:
            for part in delivery.parts():
                self.feed(part)
        for name, plc in self._plcs.items():
            self.feed(LinkUp(name, plc.nonce, 0))

    def feed(self, happened: Input) -> None:
        """Let the core decide on an input now, and send its commands on their way."""
        clock = self._clock
        at_us = self._opens_us + clock.now_us
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

    def _send(self, command: Command) -> None:
        plc = self._plcs[command.plc]
        if isinstance(command, GrantEpoch):
            self._clock.at(self._delay_us, INPUT, plc.grant, command.epoch)
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
        return FastResult(self._digest.hex(), self.inputs, self._clock.now_us, state, compare(places, self.plant.truth))


def _nonce(name: str) -> int:
    """A boot nonce that is the same in every run."""
    return int.from_bytes(sha256(name.encode()).digest()[:4], "big") or 1

"""
A small hall that answers the real controller, so that pictures and tests of the screens show real figures.

It is not the simulated plant: machines here obey at once and know no physics. Items come at a steady rate, some
unread, some unknown; `trouble` adds the faults that a wall must show. Everything runs in virtual core time.
"""

from __future__ import annotations

import random
from collections import deque
from heapq import heappop, heappush
from typing import Any

import msgspec

from packcenter.core import discrepancies
from packcenter.core import inputs as i
from packcenter.core.alarm_table import VERSION
from packcenter.core.commands import BeginParcel, CloseBag, CommandMachine, Divert, Drop, GrantEpoch, RejectParcel, SealParcel
from packcenter.core.controller import Controller
from packcenter.core.hall import Hall
from packcenter.core.limits import MANIFEST_LINES_MAX
from packcenter.core.packml import TARGETS, Command, State
from packcenter.core.words import CommandResult, PlaceState, ReadOutcome, ReasonClass
from packcenter.projections.metrics import Metrics

SECOND = 1_000_000
_SHARES = (("tax_invoice", 2_500, "tax"), ("id_card", 6_500, "police"), ("exit_entry_permit", 3_000, "immigration"),
           ("residence_permit", 1_500, "police"), ("official_letter", 2_300, "offices"))  # fmt: skip


class Recorded(msgspec.Struct):
    """A record as the service's readers get it."""

    at_us: int
    input: Any
    facts: list[Any]
    commands: list[Any]


class Feed:
    """
    Drives a `Controller` and its `Metrics` from `start_us` on; `run_to` plays the hall up to a core time.

    `per_second` items a second reach the sorters together. `announced` is how many the day's manifest holds.
    """

    def __init__(self, hall: Hall, start_us: int, *, seed: int = 1, per_second: float = 0.6, announced: int = 15_800) -> None:
        self.hall = hall
        self.now_us = start_us
        self.controller = Controller()
        self.metrics = Metrics(hall)
        self.records: list[Recorded] = []
        self.link_down: set[str] = set()
        self.no_read = 0.004
        self.foreign = 0.001
        self.wrong_document = 0.0  # each one raises an alert, which an ordinary hour has not
        self._luck = random.Random(seed)  # noqa: S311  (luck of a preview)
        self._gap_us = int(SECOND / per_second)
        self._agenda: list[tuple[int, int, Any]] = []
        self._serial = 0
        self._seq: dict[str, int] = {}
        self._epoch: dict[str, int] = {}
        self._track = 0
        self._lanes: dict[tuple[str, int], deque[str]] = {}
        self._belt: dict[tuple[str, int], str] = {}
        self._pouch: dict[tuple[str, int], str] = {}
        self._orders: dict[str, int] = {}
        self._busy_us: dict[str, int] = {}
        self._state: dict[str, int] = dict.fromkeys(hall.plcs(), int(State.UNDEFINED))
        self._coming: deque[str] = deque()
        self.metrics.describe(version="0.1.0", revision="preview", mode="simulation")
        self._step(i.Started(1, "0.1.0", hall, "5f0c" * 16))
        self._step(i.AlarmTableGiven(VERSION))
        self._step(i.CustodyRulesGiven(discrepancies.VERSION, 480, 120))
        self._announce(announced)
        for plc in hall.plcs():
            self._epoch[plc] = 0
            self._at(SECOND, lambda plc=plc: self._step(i.LinkUp(plc, 7, 0)))
            if plc.startswith("bagger"):
                for kind, percent in ((1, 74), (2, 61), (3, 88)):
                    self._at(
                        5 * SECOND, lambda plc=plc, k=kind, p=percent: self.say(plc, i.ConsumableRead, consumable=k, percent=p)
                    )
        self._at(20 * SECOND, self._arrive)
        self._at(SECOND // 4, self._beat)

    # --- time ---------------------------------------------------------------------------------------------------------

    def run_to(self, until_us: int) -> None:
        """Play everything up to a core time, deadlines of the controller included."""
        while True:
            due_us = self.controller.next_deadline_us()
            next_us = self._agenda[0][0] if self._agenda else until_us + 1
            at_us = min(next_us, due_us if due_us is not None else until_us + 1)
            if at_us > until_us:
                break
            self.now_us = max(self.now_us, at_us)
            if due_us is not None and due_us <= next_us:
                self._step(i.Tick())
            else:
                heappop(self._agenda)[2]()
        self.now_us = max(self.now_us, until_us)

    def refresh(self) -> None:
        """Bring the gauges up to now."""
        self.metrics.refresh(self.controller.state, self.now_us)

    def at(self, seconds: float, act: Any) -> None:
        """Let `act()` happen that much later."""
        self._at(int(seconds * SECOND), act)

    def _at(self, delay_us: int, act: Any) -> None:
        self._serial += 1
        heappush(self._agenda, (self.now_us + delay_us, self._serial, act))

    def _step(self, happened: Any) -> None:
        self.now_us = max(self.now_us, self.controller.state.last_us)
        outcome = self.controller.step(self.now_us, happened)
        record = Recorded(self.now_us, happened, list(outcome.facts), list(outcome.commands))
        self.records.append(record)
        self.metrics.observe(record)
        if isinstance(happened, i.Scanned):
            self.metrics.decided(happened.plc, int(self._luck.lognormvariate(8.0, 0.5)))
        for command in outcome.commands:
            self._obey(command)

    def say(self, plc: str, kind: Any, **fields: Any) -> None:
        """A PLC makes an event; unheard while its link is down."""
        if plc in self.link_down:
            return
        self._seq[plc] = self._seq.get(plc, 0) + 1
        self._step(kind(plc, self._epoch[plc], self._seq[plc], **fields))

    def _beat(self) -> None:
        """What links, journal and loop report four times a second."""
        metrics, luck = self.metrics, self._luck
        for plc in self.hall.plcs():
            if plc in self.link_down:
                metrics.requested(plc, "connect", "unreachable", 0.2)
                continue
            for _ in range(3):
                metrics.requested(plc, "exchange", "ok", luck.lognormvariate(-5.6, 0.4))
            metrics.heard(plc, self.now_us)
        metrics.committed(int(luck.lognormvariate(7.2, 0.5)))
        metrics.lagged(int(luck.lognormvariate(6.3, 0.7)))
        metrics.queued(1 + luck.randrange(5), 8192)
        metrics.disk(412 << 30, 480 << 30)
        self._at(SECOND // 4, self._beat)

    # --- what arrives -------------------------------------------------------------------------------------------------

    def _announce(self, count: int) -> None:
        classes = [(c, agency) for c, share, agency in _SHARES for _ in range(share)]
        lines = []
        for n in range(count):
            mail_class, agency = classes[self._luck.randrange(len(classes))]
            code = f"D{n:07d}"
            postcode = 100_000 + self._luck.randrange(31 * 20_000)
            lines.append(i.Line(code, mail_class, agency, "", postcode, "ems", "", 0, 0))
            self._coming.append(code)
        parts = [tuple(lines[n : n + MANIFEST_LINES_MAX]) for n in range(0, len(lines), MANIFEST_LINES_MAX)]
        for number, part in enumerate(parts, 1):
            self._step(i.ManifestReceived("M1", number, len(parts), 3, "0" * 64, part))

    def _arrive(self) -> None:
        gap_us = int(self._gap_us * self._luck.uniform(0.5, 1.5))
        self._at(gap_us, self._arrive)
        running = [s.plc for s in self.hall.sorters if self._state[s.plc] == State.EXECUTE and s.plc not in self.link_down]
        if not running or not self._coming:
            return
        plc = running[self._luck.randrange(len(running))]
        self._track += 1
        code, outcome = self._coming.popleft(), ReadOutcome.SUCCESS
        dice = self._luck.random()
        if dice < self.no_read:
            self._coming.append(code)
            code, outcome = "", ReadOutcome.NO_IDENTIFIER
        elif dice < self.no_read + self.foreign:
            self._coming.append(code)
            code = f"X{self._track:07d}"
        self._belt[plc, self._track] = code
        self._scan(plc, self._track, code, outcome)

    def _scan(self, plc: str, track: int, code: str, outcome: int) -> None:
        self._at(17 * SECOND, lambda: self._fall_back(plc, track))
        self.say(plc, i.Scanned, track=track, scanner=1, outcome=int(outcome), grams=0, code=code, age_us=12_000, plc_ms=0)

    def _fall_back(self, plc: str, track: int) -> None:
        """What nobody diverted comes to the belt's end."""
        if self._belt.pop((plc, track), None) is not None:
            self.say(plc, i.DivertConfirmed, track=track, lane=9, disposition=1, ms=17_000)

    # --- machines -----------------------------------------------------------------------------------------------------

    def _obey(self, command: Any) -> None:
        plc = command.plc
        if isinstance(command, GrantEpoch):
            self._epoch[plc], self._seq[plc] = command.epoch, 0
            self._at(SECOND, lambda: self.enter(plc, State.STOPPED))
        elif isinstance(command, CommandMachine):
            acting = TARGETS[Command(command.command)]
            settled = State.IDLE if acting is State.RESETTING else State.EXECUTE
            self._at(2 * SECOND, lambda: self.enter(plc, settled))
        elif isinstance(command, Divert):
            seconds = (
                next(n.distance_mm for s in self.hall.sorters if s.plc == plc for n in s.lanes if n.number == command.lane)
                / 1_500
            )
            self._at(int(seconds * SECOND), lambda: self._divert(plc, command))
        elif isinstance(command, BeginParcel):
            self._at(int(self._luck.uniform(1.1, 2.0) * SECOND), lambda: self._feed(plc, command))
        elif isinstance(command, SealParcel | RejectParcel):
            self._at(int(self._luck.uniform(1.4, 2.6) * SECOND), lambda: self._end_parcel(plc, command))
        elif isinstance(command, Drop):
            seconds, told = self._luck.uniform(6, 12), command.waybill in self._orders
            self._orders[command.waybill] = command.position
            if not told:
                self._at(int(seconds * SECOND), lambda: self._drop(command))
        elif isinstance(command, CloseBag):
            self._at(int(self._luck.uniform(8, 15) * SECOND), lambda: self._shut(command))

    def enter(self, plc: str, state: State, reason: ReasonClass = ReasonClass.NONE) -> None:
        """A machine enters a PackML state."""
        self._state[plc] = state
        self.say(plc, i.MachineChanged, state=int(state), reason_class=int(reason), reason=0)

    def _divert(self, plc: str, command: Divert) -> None:
        code = self._belt.pop((plc, command.track), None)
        if code is None:
            return
        self._lanes.setdefault((plc, command.lane), deque()).append(code)
        self.say(plc, i.DivertConfirmed, track=command.track, lane=command.lane, disposition=0, ms=4_000)

    def _feed(self, plc: str, command: BeginParcel) -> None:
        if self._state[plc] != State.EXECUTE:
            self._at(SECOND, lambda: self._feed(plc, command))
            return
        sorter, lane = next(
            (s.plc, n.number) for s in self.hall.sorters for n in s.lanes if (n.feeds, n.infeed) == (plc, command.infeed)
        )
        held = self._lanes[sorter, lane]
        if not held:
            self.say(plc, i.CommandEnded, command=command.number, result=int(CommandResult.NOTHING_THERE))
            return
        code = held.popleft()
        unread = self._luck.random() < self.wrong_document
        self._pouch[plc, command.number] = command.waybill
        outcome = ReadOutcome.NO_IDENTIFIER if unread else ReadOutcome.SUCCESS
        read = "" if unread else code
        self.say(plc, i.Fed, job=command.number, scanner=1, outcome=int(outcome), thickness=90, code=read)

    def _end_parcel(self, plc: str, command: SealParcel | RejectParcel) -> None:
        if self._state[plc] != State.EXECUTE:
            self._at(SECOND, lambda: self._end_parcel(plc, command))
            return
        job = next(
            (number for (name, number), waybill in self._pouch.items() if name == plc and waybill == command.waybill), None
        )
        if job is None:
            return
        del self._pouch[plc, job]
        label = command.waybill if self._luck.random() > 0.001 else ""
        result = 0 if isinstance(command, SealParcel) else 1
        self.say(plc, i.Packed, job=job, result=result, grams=self._luck.randrange(18, 60), label=label)
        if result == 0 and not label:
            rack = self.hall.rack
            self._at(
                9 * SECOND, lambda: self.say(rack.plc, i.Dropped, position=rack.reject_position, reason=0, grams=30, waybill="")
            )

    def _drop(self, command: Drop) -> None:
        position = self._orders.pop(command.waybill)
        self.say(command.plc, i.Dropped, position=position, reason=0, grams=30, waybill=command.waybill)

    def _shut(self, command: CloseBag) -> None:
        self.say(command.plc, i.BagShut, position=command.position, reason=0, grams=900, seal=f"S{command.number:06d}")


def trouble(feed: Feed) -> None:
    """The faults that the wall must show: film low, baggers held and aborted, a lane jammed, a PLC silent, no-reads, a loss."""
    feed.no_read = 0.06
    feed.wrong_document = 0.03
    feed.say("bagger-3", i.ConsumableRead, consumable=1, percent=7)
    feed.enter("bagger-2", State.HELD, ReasonClass.OWN)
    feed.enter("bagger-1", State.ABORTED, ReasonClass.FAULT)
    feed.at(90, lambda: feed.enter("bagger-1", State.CLEARING))
    feed.at(92, lambda: feed.enter("bagger-1", State.STOPPED))
    feed.say("sorter-2", i.PlaceChanged, place=6, state=int(PlaceState.JAMMED), items=11)
    feed.say("sorter-2", i.JamChanged, track=0, zone=6, on=True)
    track = next((track for (plc, track), code in feed._belt.items() if plc == "sorter-1" and code), 0)
    if track:
        del feed._belt["sorter-1", track]
        feed.say("sorter-1", i.TrackLost, track=track, eye=4)
    feed.link_down.add("bagger-4")
    feed._step(i.LinkLost("bagger-4", "no answer for 800 ms"))

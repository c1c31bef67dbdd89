"""The figures of this moment, for the terminal, the live page and `packcenter plc`: a reader of the stream and of the state."""

from __future__ import annotations

from collections import Counter, deque

import msgspec

from packcenter.core import facts as f
from packcenter.core.commands import Divert
from packcenter.core.custody import balance_errors
from packcenter.core.hall import CaseRack, Hall
from packcenter.core.lifecycle import IN_HALL, kind_of
from packcenter.core.state import State, lane_place
from packcenter.projections import alarms
from packcenter.projections.cells import CELL_WORDS, cells_of
from packcenter.projections.hall_figures import KINDS, HallFigures
from packcenter.service.engine import Recorded
from packcenter.service.layout import infeeds_of

SAMPLES = 4096
"""Decision times that the percentiles are taken from: some minutes at the peak, seconds under stress."""

RATE_WINDOW_US = 300_000_000
"""Core time over which the hourly rate is taken: long enough to be steady, short enough to show a stop."""

BALANCE_EVERY_US = 10_000_000
"""Core time between full counts of the books: a count walks every item, and what it finds does not go away by itself."""

UNSTATED = "unstated"
"""Reason shown for an item that came to the hand station without one."""

TREND_MINUTES = 60
"""Minutes of core time that the trend shows: a morning's peak and how the hall came through it."""

_MINUTE_US = 60_000_000
_HOUR_US = 3_600_000_000


class MachineNow(msgspec.Struct, frozen=True):
    """
    One PLC and its machine; `state` is 0 while the link is down, because then nobody knows.

    `places` are those that are not open (number -> full, closed, jammed: 1, 2, 3), `jams` the zones that are jammed,
    `consumables` percent left of each kind (1 film, 2 labels, 3 ribbon), `pending` commands that are not answered.
    """

    up: bool
    epoch: int
    state: int
    reason_class: int
    pending: int
    places: dict[int, int]
    jams: list[int]
    consumables: dict[int, int]


class LaneNow(msgspec.Struct, frozen=True, array_like=True):
    """What a lane holds and what is on its way to it."""

    items: int
    on_way: int


class CellNow(msgspec.Struct, frozen=True, array_like=True):
    """A cell of a case rack: what it is (`CELL_WORDS`), the documents in it, and how many they are when nothing is missing."""

    word: str
    items: int
    whole: int


class CaseRackNow(msgspec.Struct, frozen=True):
    """
    What a case rack holds: `cells` by number, but for those that are free, `counts` of every word of a cell, and the documents
    that wait at each of its infeeds and outlets.
    """

    cells: dict[int, CellNow]
    counts: dict[str, int]
    infeeds: list[int]
    outlets: list[int]


class Status(msgspec.Struct, frozen=True):
    """
    Where the hall stands. Times in core microseconds, rates per hour of core time, decision times in milliseconds.

    `decision_p50_ms` and `p99` are from the scan's arrival at the service to the durable decision's hand-over to its link; None
    before the first decision. `packed_by_minute` are the last `TREND_MINUTES`, the present one last. `lanes` are in the order
    of each sorter's lanes, `bags` the parcels by position. `plan` is the version of the sort plan in force, `plan_why` why it is
    not valid, "" it is. `alarms` are the listed ones, worst first; `open` is what somebody has yet to finish, and how many of
    these are late. `balanced` is counted every `BALANCE_EVERY_US`; the rest is of this moment.
    """

    at_us: int
    run: int
    expected: int
    to_come: int
    in_hall: dict[str, int]
    packed: int
    bagged: int
    dispatched: int
    returned: int
    remade: int
    hand: int
    lost: int
    unexpected: int
    late: int
    packed_per_hour: int
    packed_by_minute: list[int]
    decisions: int
    decision_p50_ms: float | None
    decision_p99_ms: float | None
    plcs: dict[str, MachineNow]
    lanes: dict[str, list[LaneNow]]
    bags: dict[int, int]
    exceptions: dict[str, int]
    balanced: bool
    plan: str = ""
    plan_why: str = ""
    alarms: list[alarms.Call] = []
    open: dict[str, tuple[int, int]] = {}
    case_racks: dict[str, CaseRackNow] = {}


class StatusReader:
    """Keeps what `Status` needs beside the state: the last decision times, the last packed moments, counts of this run."""

    def __init__(self) -> None:
        self.decision_us: deque[int] = deque(maxlen=SAMPLES)
        self._packed_at: deque[int] = deque()
        self._packed_by_minute: Counter[int] = Counter()
        self._at_hand: dict[str, str] | None = None
        self._balance: tuple[int, bool] | None = None
        self._open: HallFigures | None = None
        self.packed = 0
        self.late = 0
        self.decisions = 0

    def observe(self, recorded: Recorded) -> None:
        """Take one durable record."""
        reasons: dict[str, str] = {}
        for fact in recorded.facts:
            kind = type(fact)
            if kind is f.Moved:
                self._follow(fact, reasons)  # type: ignore[arg-type]
            elif kind is f.SentToHand:
                reasons[fact.item] = fact.reason  # type: ignore[attr-defined]
            elif kind is f.ParcelSealed:
                self.packed += 1
                self._packed_at.append(recorded.at_us)
                self._packed_by_minute[recorded.at_us // _MINUTE_US] += 1
            elif kind is f.DecisionLate:
                self.late += 1
            elif self._open is not None:
                self._note(self._open, fact)
        while self._packed_at and self._packed_at[0] < recorded.at_us - RATE_WINDOW_US:
            self._packed_at.popleft()

    def _note(self, figures: HallFigures, fact: object) -> None:
        if isinstance(fact, f.ItemExpected):
            figures.announced(fact.line.case)
        elif type(fact) in KINDS:
            figures.take(fact)

    def _follow(self, moved: f.Moved, reasons: dict[str, str]) -> None:
        """Who comes to the hand station and who leaves it; the fact before a move there says why."""
        if self._at_hand is None:
            return
        if moved.target == "hand":
            self._at_hand[moved.item] = reasons.get(moved.item, UNSTATED)
        elif moved.source == "hand":
            self._at_hand.pop(moved.item, None)

    def decided(self, recorded: Recorded, now_us: int) -> int | None:
        """Note how long a record's divert took from its scan's arrival to now (monotonic); None if it has none."""
        if not any(type(command) is Divert for command in recorded.commands):
            return None
        took = now_us - recorded.received_us
        self.decision_us.append(took)
        self.decisions += 1
        return took

    def status(self, state: State, now_us: int) -> Status:
        """The figures now, at core time `now_us`."""
        kinds: Counter[str] = Counter()
        for place, count in state.balances.items():
            kinds[kind_of(place)] += count
        ordered = sorted(self.decision_us)
        return Status(
            at_us=now_us,
            run=state.run,
            expected=-kinds["agency"],
            to_come=kinds["expected"],
            in_hall={kind: kinds[kind] for kind in IN_HALL},
            packed=self.packed,
            bagged=kinds["bag"] + kinds["dispatched"],
            dispatched=kinds["dispatched"],
            returned=kinds["returned"],
            remade=kinds["remade"],
            hand=kinds["hand"],
            lost=kinds["lost"],
            unexpected=-kinds["outside"],
            late=self.late,
            packed_per_hour=self._packed_per_hour(now_us),
            packed_by_minute=self._trend(now_us // _MINUTE_US),
            decisions=self.decisions,
            decision_p50_ms=_percentile_ms(ordered, 50),
            decision_p99_ms=_percentile_ms(ordered, 99),
            plcs=_machines(state),
            lanes=_lanes(state),
            bags={position: len(bag.items) for position, bag in sorted(state.bags.items())},
            exceptions=dict(sorted(Counter(self._hand(state).values()).items())),
            balanced=self._balanced(state, now_us),
            plan=state.hall.plan.version if state.hall is not None else "",
            plan_why=state.plan_why,
            alarms=alarms.listed(state),
            open=self._what_is_open(state),
            case_racks=_case_racks(state),
        )

    def _packed_per_hour(self, now_us: int) -> int:
        began_us = max(now_us - RATE_WINDOW_US, self._packed_at[0] if self._packed_at else now_us)
        recent = len(self._packed_at)
        while recent and self._packed_at[-recent] < now_us - RATE_WINDOW_US:
            recent -= 1  # nothing was recorded since, so that nobody has dropped them
        return recent * _HOUR_US // max(now_us - began_us, _MINUTE_US)

    def _trend(self, minute: int) -> list[int]:
        shown = range(minute - TREND_MINUTES + 1, minute + 1)
        for old in [each for each in self._packed_by_minute if each < shown.start]:
            del self._packed_by_minute[old]
        return [self._packed_by_minute[each] for each in shown]

    def _hand(self, state: State) -> dict[str, str]:
        """
        Who is at the hand station and why: counted from the items once, then kept by the facts.

        The state may be ahead of the facts by the group that is being written. That does no harm: telling the same
        facts again, in order, ends in the same answer.
        """
        if self._at_hand is None:
            self._at_hand = {item.id: item.hand or UNSTATED for item in state.items.values() if item.place == "hand"}
        return self._at_hand

    def _what_is_open(self, state: State) -> dict[str, tuple[int, int]]:
        """As `_hand`: looked for once, then kept by the facts."""
        if self._open is None:
            self._open = HallFigures()
            self._open.resume(state)
        return self._open.open_now(state)

    def _balanced(self, state: State, now_us: int) -> bool:
        if self._balance is None or not 0 <= now_us - self._balance[0] < BALANCE_EVERY_US:
            self._balance = (now_us, not balance_errors(state))
        return self._balance[1]


def _machines(state: State) -> dict[str, MachineNow]:
    return {
        plc.name: MachineNow(
            up=plc.up,
            epoch=plc.epoch,
            state=plc.state if plc.up else 0,
            reason_class=plc.reason_class if plc.up else 0,
            pending=len(plc.pending),
            places=dict(sorted(plc.places.items())),
            jams=sorted(plc.jams),
            consumables=dict(sorted(plc.consumables.items())),
        )
        for plc in state.plcs.values()
    }


def _lanes(state: State) -> dict[str, list[LaneNow]]:
    if state.hall is None:
        return {}
    loads = {
        sorter.plc: [state.lanes[lane_place(sorter.plc, lane.number)] for lane in sorter.lanes] for sorter in state.hall.sorters
    }
    return {plc: [LaneNow(len(load.items), load.on_way) for load in of_sorter] for plc, of_sorter in loads.items()}


def _case_racks(state: State) -> dict[str, CaseRackNow]:
    hall = state.hall
    return {} if hall is None else {rack.plc: _case_rack(state, hall, rack) for rack in hall.case_racks}


def _case_rack(state: State, hall: Hall, rack: CaseRack) -> CaseRackNow:
    found = [CellNow(*cell) for cell in cells_of(state, rack.plc, rack.cells)]
    words = Counter(cell.word for cell in found)
    waiting = {infeed: [lane_place(*lane) for lane in lanes] for infeed, lanes in infeeds_of(hall, rack.plc).items()}
    return CaseRackNow(
        cells={number: cell for number, cell in enumerate(found, 1) if cell.word != "free"},
        counts={word: words[word] for word in CELL_WORDS},
        infeeds=[sum(len(state.lanes[lane].items) for lane in lanes) for lanes in waiting.values()],
        outlets=[len(state.lanes[lane_place(rack.plc, outlet.number)].items) for outlet in rack.outlets],
    )


def _percentile_ms(ordered: list[int], percent: int) -> float | None:
    """Nearest-rank percentile of sorted microseconds, in milliseconds."""
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] / 1000, 2)

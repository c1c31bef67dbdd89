"""
KPIs of each machine by ISO 22400-2: availability, effectiveness, quality ratio, OEE, throughput, MTBF, MTTR. A reader of facts.

All figures are integers: microseconds in each time element (`elements`), items good and rejected, failures and repairs. A KPI
is a `Ratio` of two of them, so that figures of several machines or days add before anybody divides:

| KPI | numerator | denominator |
|---|---|---|
| availability | production time (APT) | planned busy time (PBT): every element but unplanned |
| effectiveness | ideal cycle x items, good and rejected (PRI x PQ) | production time (APT) |
| quality ratio | good items (GQ) | items, good and rejected (PQ) |
| OEE | ideal cycle x good items (PRI x GQ) | planned busy time (PBT) |
| throughput | items, good and rejected (PQ) | planned busy time (PBT) |
| MTBF | production time (APT) | failures (FE) |
| MTTR | time of the repairs that ended (TTR) | repairs that ended |

OEE is the product of the first three, in which APT and PQ cancel. A ratio whose denominator is 0 is not given; nor are
effectiveness and OEE where no ideal cycle was known all the time: they are not 0 and not 1. Effectiveness above 1 says that
the ideal cycle is wrong, and is shown. ISO 22400-2 divides MTBF by FE + 1; we divide by FE, so that figures add up.

What counts as an item, by the machine's work:

* sorter: an item that came into a lane; good if it is the lane that was asked for, as asked. One lost from its belt is rejected.
* case rack: a document that it took; good if that was read as one of the cell's case and put into it.
* bagger: a pouch that was finished; good if it was sealed with right document, label and weight.
* rack: a parcel that fell; good into a bag, rejected if it was turned out.

A **failure** begins when a machine's time becomes `down`, and is repaired when the machine produces again: repair time is all
the time between except what is unplanned, also unknown and setup. A PLC that cannot be heard or restarts is no failure by
itself, since nobody knows whether the machine failed.

**Time** is known from record to record of the journal, so figures are a function of the journal alone: up to the newest record
and no further. A lost link makes the machine unknown until it is heard again, then it is in the state last told, unless its PLC
began a new life. What passed between a run's last record and the next start is unknown, because nobody looked, or unplanned if
the run had been stopped in good order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from packcenter.core import facts as f
from packcenter.core.case_facts import DocumentStored
from packcenter.core.hall import Hall
from packcenter.core.lifecycle import kind_of
from packcenter.core.packml import State as Unit
from packcenter.core.words import Disposition, ReasonClass
from packcenter.projections.elements import DOWN, ELEMENTS, PRODUCTION, UNKNOWN, UNPLANNED, element_of, planned_us

KPIS: Final = ("availability", "effectiveness", "quality", "oee", "throughput", "mtbf", "mttr")
UNITS: Final[Mapping[str, tuple[str, str]]] = {
    "availability": ("us", "us"),
    "effectiveness": ("us", "us"),
    "quality": ("items", "items"),
    "oee": ("us", "us"),
    "throughput": ("items", "us"),
    "mtbf": ("us", "failures"),
    "mttr": ("us", "repairs"),
}
"""What numerator and denominator of each KPI count."""


class Ratio(NamedTuple):
    """A KPI as two integers."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """The quotient; None over 0."""
        return self.numerator / self.denominator if self.denominator else None


class Measured(msgspec.Struct):
    """
    What was measured of one machine. `elements` has microseconds of each of `ELEMENTS`.

    `ideal_good_us` and `ideal_rejected_us` are the items times the ideal cycle that was in force; `rated`: there always was one.
    """

    elements: dict[str, int]
    rated: bool
    good: int = 0
    rejected: int = 0
    ideal_good_us: int = 0
    ideal_rejected_us: int = 0
    failures: int = 0
    repairs: int = 0
    repair_us: int = 0

    @property
    def observed_us(self) -> int:
        """All time, planned or not."""
        return sum(self.elements.values())

    @property
    def busy_us(self) -> int:
        """Planned busy time (PBT)."""
        return self.observed_us - self.elements[UNPLANNED]

    def ratio(self, kpi: str) -> Ratio | None:
        """One of `KPIS`; None if it needs an ideal cycle that is not known."""
        items, production_us = self.good + self.rejected, self.elements[PRODUCTION]
        if kpi in ("effectiveness", "oee") and not self.rated:
            return None
        return {
            "availability": Ratio(production_us, self.busy_us),
            "effectiveness": Ratio(self.ideal_good_us + self.ideal_rejected_us, production_us),
            "quality": Ratio(self.good, items),
            "oee": Ratio(self.ideal_good_us, self.busy_us),
            "throughput": Ratio(items, self.busy_us),
            "mtbf": Ratio(production_us, self.failures),
            "mttr": Ratio(self.repair_us, self.repairs),
        }[kpi]


class _Machine:
    """What a machine does, since when that is not accounted for yet, and since when it has failed."""

    __slots__ = ("element", "failed_us", "measured", "reason_class", "since_us", "state", "unplanned_us", "up")

    def __init__(self, at_us: int, rated: bool) -> None:
        self.up = False
        self.state = int(Unit.UNDEFINED)
        self.reason_class = int(ReasonClass.NONE)
        self.element = UNKNOWN
        self.since_us = at_us
        self.unplanned_us = 0  # in its whole life; moments less this are time that repairs take
        self.failed_us: int | None = None  # such a moment
        self.measured = Measured(dict.fromkeys(ELEMENTS, 0), rated)


class Kpis:
    """
    The accountant of a journal: `observe` every record in order, then ask for `measured`.

    `hall` is what the machines are before the first `HallAdopted` is read, for who does not read from the beginning. A machine
    that a later hall no longer has keeps its figures and gets no more time.
    """

    def __init__(self, hall: Hall | None = None) -> None:
        self._hall: Hall | None = None
        self._initial = hall
        self._ideal_us: dict[str, int] = {}
        self._machines: dict[str, _Machine] = {}
        self._running: dict[str, _Machine] = {}
        self._seen_us: int | None = None
        self._stopped = False

    def observe(self, at_us: int, facts: Iterable[Any]) -> None:
        """Account for one record at core time `at_us`."""
        if self._seen_us is None:
            self._seen_us = at_us
            if self._initial is not None:
                self._adopt(at_us, self._initial)
        at_us = max(at_us, self._seen_us)
        for fact in facts:
            read = _READ.get(type(fact))
            if read is not None:
                read(self, at_us, fact)
        self._seen_us = at_us

    def measured(self) -> dict[str, Measured]:
        """The figures of every machine up to the newest record, in the hall's order."""
        if self._seen_us is not None:
            for machine in self._running.values():
                self._account(machine, self._seen_us)
        return {name: machine.measured for name, machine in self._machines.items()}

    def begin(self, at_us: int) -> None:
        """Begin the figures anew at `at_us`, not before the newest record; what machines do and have failed in goes on."""
        for name, machine in self._machines.items():
            if name in self._running:
                self._account(machine, at_us)
            machine.measured = Measured(dict.fromkeys(ELEMENTS, 0), name in self._ideal_us)

    # --- time ---------------------------------------------------------------------------------------------------------

    def _account(self, machine: _Machine, until_us: int) -> None:
        """Give the time since the last account to the element that the machine has been in."""
        passed_us = until_us - machine.since_us
        if passed_us <= 0:
            return
        planned = passed_us
        if machine.element == UNPLANNED:
            planned = 0
        elif machine.element != PRODUCTION:
            assert self._hall is not None, machine.element
            planned = planned_us(self._hall.shifts, self._hall.utc_offset_minutes, machine.since_us, until_us)
        elements = machine.measured.elements
        elements[machine.element] += planned
        elements[UNPLANNED] += passed_us - planned
        machine.unplanned_us += passed_us - planned
        machine.since_us = until_us

    def _enter(self, at_us: int, machine: _Machine) -> None:
        """A machine does something else from `at_us` on; it may fail, or be repaired by it."""
        self._account(machine, at_us)
        machine.element = element_of(machine.state, machine.reason_class) if machine.up else UNKNOWN
        moment_us = at_us - machine.unplanned_us
        if machine.element == DOWN and machine.failed_us is None:
            machine.measured.failures += 1
            machine.failed_us = moment_us
        elif machine.element == PRODUCTION and machine.failed_us is not None:
            machine.measured.repairs += 1
            machine.measured.repair_us += moment_us - machine.failed_us
            machine.failed_us = None

    def _adopted(self, at_us: int, fact: f.HallAdopted) -> None:
        assert self._seen_us is not None
        away = UNPLANNED if self._stopped else UNKNOWN
        for machine in self._running.values():
            self._account(machine, self._seen_us)
            machine.element = away
            self._account(machine, at_us)
            machine.up = False
            machine.element = UNKNOWN
        self._stopped = False
        self._adopt(at_us, fact.hall)

    def _adopt(self, at_us: int, hall: Hall) -> None:
        self._hall = hall
        self._ideal_us = hall.ideal_cycles_us()
        for name in hall.plcs():
            rated = name in self._ideal_us
            machine = self._machines.setdefault(name, _Machine(at_us, rated))
            machine.measured.rated &= rated
            if name not in self._running:
                machine.since_us = at_us
        self._running = {name: self._machines[name] for name in hall.plcs()}

    def _stop_noted(self, at_us: int, fact: f.StopNoted) -> None:
        self._stopped = True

    def _link_state_set(self, at_us: int, fact: f.LinkStateSet) -> None:
        machine = self._running.get(fact.plc)
        if machine is not None:
            machine.up = fact.up
            self._enter(at_us, machine)

    def _epoch_granted(self, at_us: int, fact: f.EpochGranted) -> None:
        """A new life of the PLC: what its machine does is not known before it says so."""
        self._tell(at_us, fact.plc, Unit.UNDEFINED, ReasonClass.NONE)

    def _machine_entered(self, at_us: int, fact: f.MachineEntered) -> None:
        self._tell(at_us, fact.plc, fact.state, fact.reason_class)

    def _tell(self, at_us: int, plc: str, state: int, reason_class: int) -> None:
        machine = self._running.get(plc)
        if machine is not None:
            machine.state, machine.reason_class = state, reason_class
            self._enter(at_us, machine)

    # --- items --------------------------------------------------------------------------------------------------------

    def _count(self, plc: str, good: bool) -> None:
        machine = self._running.get(plc)
        if machine is None:
            return
        measured, ideal_us = machine.measured, self._ideal_us.get(plc, 0)
        if good:
            measured.good += 1
            measured.ideal_good_us += ideal_us
        else:
            measured.rejected += 1
            measured.ideal_rejected_us += ideal_us

    def _diverted(self, at_us: int, fact: f.Diverted) -> None:
        self._count(fact.plc, fact.disposition == Disposition.AS_ASKED)

    def _wrong_lane(self, at_us: int, fact: f.WrongLane) -> None:
        self._count(fact.plc, False)

    def _item_lost(self, at_us: int, fact: f.ItemLost) -> None:
        if kind_of(fact.place) == "belt":
            self._count(fact.place.partition("/")[2], False)

    def _stored(self, at_us: int, fact: DocumentStored) -> None:
        self._count(fact.plc, fact.matched and fact.cell > 0)

    def _parcel_sealed(self, at_us: int, fact: f.ParcelSealed) -> None:
        self._count(fact.plc, not fact.reason)

    def _parcel_rejected(self, at_us: int, fact: f.ParcelRejected) -> None:
        self._count(fact.plc, False)

    def _parcel_dropped(self, at_us: int, fact: f.ParcelDropped) -> None:
        if self._hall is not None:
            self._count(self._hall.rack.plc, True)

    def _parcel_turned_out(self, at_us: int, fact: f.ParcelTurnedOut) -> None:
        if self._hall is not None:
            self._count(self._hall.rack.plc, False)


_READ: Final[dict[type, Callable[[Kpis, int, Any], None]]] = {
    f.HallAdopted: Kpis._adopted,
    f.StopNoted: Kpis._stop_noted,
    f.LinkStateSet: Kpis._link_state_set,
    f.EpochGranted: Kpis._epoch_granted,
    f.MachineEntered: Kpis._machine_entered,
    f.Diverted: Kpis._diverted,
    f.WrongLane: Kpis._wrong_lane,
    f.ItemLost: Kpis._item_lost,
    DocumentStored: Kpis._stored,
    f.ParcelSealed: Kpis._parcel_sealed,
    f.ParcelRejected: Kpis._parcel_rejected,
    f.ParcelDropped: Kpis._parcel_dropped,
    f.ParcelTurnedOut: Kpis._parcel_turned_out,
}

_TELLING: Final = tuple(
    kind.__name__.encode() for kind in (f.HallAdopted, f.StopNoted, f.LinkStateSet, f.EpochGranted, f.MachineEntered)
)


def may_tell(body: bytes) -> bool:
    """Whether an undecoded record may say what a machine is doing; who reads part of a journal needs these of the rest."""
    return any(name in body for name in _TELLING)


def as_json(measured: Mapping[str, Measured]) -> list[dict[str, object]]:
    """The figures as plain data: one row per machine, each KPI with numerator, denominator and their units."""
    return [
        {
            "plc": plc,
            "elements_us": each.elements,
            "items": {"good": each.good, "rejected": each.rejected},
            "kpis": {kpi: _plain(kpi, each.ratio(kpi)) for kpi in KPIS},
        }
        for plc, each in measured.items()
    ]


def _plain(kpi: str, ratio: Ratio | None) -> dict[str, object] | None:
    if ratio is None:
        return None
    above, below = UNITS[kpi]
    return {
        "value": ratio.value,
        "numerator": ratio.numerator,
        "numerator_unit": above,
        "denominator": ratio.denominator,
        "denominator_unit": below,
    }

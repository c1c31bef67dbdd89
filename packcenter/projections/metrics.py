"""
Metrics: what the wall, the rules and the engineers see of a running hall. A reader of facts, never a source of truth.

Three kinds of figures, which differ in what a restart does to them:

* *Fact counters* (items, scans, decisions, parcels, bags, events, time elements) are a function of the journal alone: what was
  recorded since local midnight of the newest record's day. A restart counts them again from the journal
  (`Metrics.recover`), so they go on where they were and nothing is counted twice; at midnight they begin again from
  0, which Prometheus takes for the counter reset that it is. Time elements (`kpis.py`) go on from record to record and not
  from scrape to scrape, since what a scrape had shown beyond the newest record could fall after a kill.
* *Process figures* (histograms, time in state, exchanges, commits) begin at 0 with the process, also a reset.
* *Gauges* come from the custody table, which follows the facts, and from `State` when `refresh` is called.

The families stand in `families.FAMILIES`. Labels hold names of the configuration and words of closed lists, never an
item, a waybill or a case. Every series exists from the start; a machine that cannot be heard says 0 (unknown)
instead of going away. A name that the hall does not have is counted in `packcenter_metrics_unlisted_total`.
"""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from math import nan
from typing import Any, Protocol

import msgspec
from prometheus_client import CollectorRegistry

from packcenter.core import facts as f
from packcenter.core.alarm_facts import AlarmOutSet, AlarmRaised, AlarmShelfSet
from packcenter.core.alarm_table import ALARMS
from packcenter.core.alarms import Standing, chatters, parts_of
from packcenter.core.custody_facts import DiscrepancyOpened
from packcenter.core.hall import Hall, Plan
from packcenter.core.inputs import Fed, Scanned
from packcenter.core.lifecycle import FINAL, IN_HALL, SOURCES, kind_of
from packcenter.core.loop_facts import WentRound
from packcenter.core.packml import State as Unit
from packcenter.core.plan_facts import PlanActivated
from packcenter.core.state import Plc, State, lane_place
from packcenter.core.words import CommandResult, Disposition, PlaceState, ReadOutcome, ReasonClass
from packcenter.projections import alarms, discrepancies
from packcenter.projections import families as words
from packcenter.projections.families import CONSUMABLES, OTHER, SOURCE_WORDS, STATE_OF_UNIT, UNANNOUNCED, UNHEARD
from packcenter.projections.hall_figures import KINDS, HallFigures
from packcenter.projections.kpis import Kpis

_MINUTE_US = 60_000_000
_DAY_MINUTES = 24 * 60
_DAY_US = _DAY_MINUTES * _MINUTE_US
_TRAILING_NUMBER = re.compile(r"_\d+$")


class Record(Protocol):
    """One record of the journal: what happened at a core time, and what was decided."""

    @property
    def at_us(self) -> int: ...
    @property
    def input(self) -> Any: ...
    @property
    def facts(self) -> Sequence[Any]: ...
    @property
    def commands(self) -> Sequence[Any]: ...


class Metrics:
    """
    All figures of one hall, in a registry of its own.

    `observe` every durable record in order, `refresh` before each scrape, and call the hooks at the end for what no
    fact tells. Not for threads: everything runs in the control loop. An observed record costs some 10 us.
    """

    def __init__(self, hall: Hall, registry: CollectorRegistry | None = None) -> None:
        self.hall = hall
        self._digest = ""
        self.registry = registry if registry is not None else CollectorRegistry()
        self._series = words.make(hall, self.registry)
        self._counters = self._series.counters
        self._gauges = self._series.gauges
        self._histograms = self._series.histograms
        self._recovering = False
        self._day = -1
        self._observed_us = 0
        self._advanced_us = 0
        self._class: dict[str, str] = {}  # of every item that has not left
        self._entered: dict[str, int] = {}  # since when an item is where it is, in the hall
        self._quiet: dict[tuple[str, str], set[str]] = {}  # alarms that are shelved or out of service: nobody is told of them
        self._hand: dict[str, str] = {}  # why an item will go to the hand station
        self._closing: dict[int, str] = {}  # why the bag at a position was asked to close
        self._jobs: dict[tuple[str, int], int] = {}  # when a parcel was asked for
        self._held: Tally[tuple[str, str]] = Tally()  # items by kind of place and mail class, sources negative
        self._kpis = Kpis(hall)
        self._open = HallFigures()
        self._machine: dict[str, tuple[bool, int]] = dict.fromkeys(hall.plcs(), (False, int(Unit.UNDEFINED)))
        for name in ("consumable_remaining_ratio", "next_cutoff_timestamp_seconds", "last_cutoff_timestamp_seconds"):
            for key in self._gauges[name]:
                self._set(name, nan, *key)
        for key in self._gauges["lane_state"]:
            self._set("lane_state", UNHEARD, *key)

    # --- records ------------------------------------------------------------------------------------------------------

    def observe(self, record: Record) -> None:
        """Count what one durable record says. Facts of a kind that no metric needs are passed over."""
        at_us = record.at_us
        day = (at_us + self.hall.utc_offset_minutes * _MINUTE_US) // _DAY_US
        if day != self._day:
            self._begin_day(day)
        self._observed_us = at_us
        self._kpis.observe(at_us, record.facts)
        self._inc("journal_records")
        for fact in record.facts:
            count = _COUNT.get(type(fact))
            if count is not None:
                count(self, at_us, fact)
        happened = record.input
        if isinstance(happened, Scanned | Fed) and not any(isinstance(fact, f.EventSetAside) for fact in record.facts):
            self._inc("scans", happened.plc, _word(ReadOutcome, happened.outcome))

    def recover(self, state: State, records: Iterable[Record]) -> None:
        """
        Go on from a recovered `state`. `records`: those that led to it, oldest first, at least since the local
        midnight before the last one, and before it those that may tell what a machine does (`kpis.may_tell`); the whole
        journal does as well. Call once, before the first `observe`.
        """
        self.begin_recovery(state)
        for record in records:
            self.observe(record)
        self.end_recovery(state)

    def begin_recovery(self, state: State) -> None:
        """What is observed from here to `end_recovery` happened in earlier runs, or while they were being read."""
        self._class = {item.id: item.mail_class for item in state.items.values()}
        self._recovering = True

    def end_recovery(self, state: State) -> None:
        """Everything that led to `state` has been observed: go on from it."""
        self._recovering = False
        self._observed_us = state.last_us
        self._class = {item.id: item.mail_class for item in state.items.values() if item.place not in FINAL}
        self._entered = {item.id: item.entered_us for item in state.items.values() if kind_of(item.place) in IN_HALL}
        self._hand = {item.id: item.hand for item in state.items.values() if item.hand and item.place != "hand"}
        self._closing = {position: bag.closing for position, bag in state.bags.items() if bag.closing}
        self._open.resume(state)
        self._jobs = {}
        self._quiet = {}
        for key, alarm in state.alarms.items():
            self._keep_quiet(*parts_of(key), "shelf", alarm.shelved_us > 0)
            self._keep_quiet(*parts_of(key), "out", alarm.out_by != "")
        self._machine.update({name: (plc.up, plc.state) for name, plc in state.plcs.items() if name in self._machine})
        self._held = Tally()
        for item in state.items.values():
            if item.place != "outside":
                self._held[kind_of(item.place), item.mail_class] += 1
                self._held["agency" if item.announced else "outside", item.mail_class] -= 1
        if state.hall is not None:
            self._digest = state.hall_digest
            self._sorted_by(state.hall.plan)

    def _begin_day(self, day: int) -> None:
        """Start the fact counters again. Core time never falls, so no record of an earlier day can follow."""
        self._day = day
        self._kpis.begin(day * _DAY_US - self.hall.utc_offset_minutes * _MINUTE_US)
        for counter in self._series.daily:
            counter.reset()
        for gauge in self._gauges["day_items"].values():
            gauge.set(0)

    # --- one function per fact ----------------------------------------------------------------------------------------

    def _adopted(self, at_us: int, fact: f.HallAdopted) -> None:
        self._inc("controller_starts")
        self._digest = fact.digest
        self._sorted_by(fact.hall.plan)

    def _sorted_by(self, plan: Plan) -> None:
        self.hall = msgspec.structs.replace(self.hall, plan=plan)
        self._show_config(self._digest, plan.version)

    def _show_config(self, digest: str, plan: str) -> None:
        self._digest = digest
        self._series.config.clear()
        self._series.config.labels(digest[:12], plan).set(1)

    def _manifest_taken(self, at_us: int, fact: f.ManifestTaken) -> None:
        self._inc("manifest_lines", "taken", by=fact.taken)
        self._inc("manifest_lines", "refused", by=fact.refused)

    def _expected(self, at_us: int, fact: f.ItemExpected) -> None:
        self._class[fact.line.item] = fact.line.mail_class
        self._open.announced(fact.line.case)
        self._pass(at_us, fact.line.item, "agency", "expected")

    def _moved(self, at_us: int, fact: f.Moved) -> None:
        target = kind_of(fact.target)
        if target == "hand":
            self._inc("items_to_hand", _listed(words.HAND_REASONS, self._hand.pop(fact.item, OTHER)))
        self._pass(at_us, fact.item, kind_of(fact.source), target)

    def _pass(self, at_us: int, item: str, source: str, target: str) -> None:
        mail_class = self._class.get(item, "")
        self._held[source, mail_class] -= 1
        self._held[target, mail_class] += 1
        entered_us = self._entered.pop(item, None)
        if entered_us is not None:
            self._time("item_stay_duration_seconds", at_us - entered_us, source)
        if target in IN_HALL:
            self._entered[item] = at_us
        if target in SOURCES:
            return
        label = mail_class or UNANNOUNCED
        self._inc("items_entered", target, label)
        if target in FINAL:
            self._class.pop(item, None)  # nothing follows
        if target == "dispatched":
            self._count_stage("dispatched", label)

    def _count_stage(self, stage: str, label: str) -> None:
        gauge = self._gauges["day_items"].get((stage, label))
        if gauge is not None:
            gauge.inc()

    def _object_seen(self, at_us: int, fact: f.ObjectSeen) -> None:
        self._inc("objects_seen", _listed(words.SEEN_REASONS, fact.reason))

    def _sent_to_hand(self, at_us: int, fact: f.SentToHand) -> None:
        self._hand[fact.item] = fact.reason

    def _item_lost(self, at_us: int, fact: f.ItemLost) -> None:
        self._inc("items_lost", _listed(words.LOST_REASONS, fact.reason))

    def _item_found(self, at_us: int, fact: f.ItemFound) -> None:
        self._inc("items_found")

    def _routed(self, at_us: int, fact: f.Routed) -> None:
        self._inc("route_decisions", fact.plc, _listed(words.ROUTE_REASONS, fact.reason))
        if fact.reason != "ghost":  # which nobody has to decide in time
            self._time("route_deadline_slack_seconds", max(0, fact.deadline_us - at_us), fact.plc)

    def _decision_late(self, at_us: int, fact: f.DecisionLate) -> None:
        self._inc("route_decisions_late", fact.plc)

    def _diverted(self, at_us: int, fact: f.Diverted) -> None:
        self._inc("diverts", fact.plc, _word(Disposition, fact.disposition))
        self._inc("lane_entries", fact.plc, str(fact.lane))

    def _wrong_lane(self, at_us: int, fact: f.WrongLane) -> None:
        self._inc("diverts", fact.plc, "wrong_lane")
        self._inc("lane_entries", fact.plc, str(fact.seen))

    def _unconfirmed(self, at_us: int, fact: f.Unconfirmed) -> None:
        self._inc("items_unconfirmed", fact.plc)

    def _job_begun(self, at_us: int, fact: f.JobBegun) -> None:
        self._jobs[fact.plc, fact.job] = at_us

    def _document_fed(self, at_us: int, fact: f.DocumentFed) -> None:
        if not fact.matched:
            self._inc("document_mismatches", fact.plc)

    def _parcel_sealed(self, at_us: int, fact: f.ParcelSealed) -> None:
        begun_us = self._jobs.pop((fact.plc, fact.job), None)
        if begun_us is not None:
            self._time("parcel_duration_seconds", at_us - begun_us, fact.plc)
        if fact.reason:
            self._end_badly(fact.plc, "distrusted", fact.reason)
        else:
            self._inc("parcels", fact.plc, "sealed")
            self._count_stage("packed", self._class.get(fact.item) or UNANNOUNCED)

    def _parcel_rejected(self, at_us: int, fact: f.ParcelRejected) -> None:
        self._jobs.pop((fact.plc, fact.job), None)
        self._end_badly(fact.plc, "rejected", fact.reason)

    def _job_abandoned(self, at_us: int, fact: f.JobAbandoned) -> None:
        self._jobs.pop((fact.plc, fact.job), None)
        self._end_badly(fact.plc, "abandoned", fact.reason)

    def _end_badly(self, plc: str, outcome: str, reason: str) -> None:
        self._inc("parcels", plc, outcome)
        self._inc("parcel_faults", plc, _listed(words.PARCEL_REASONS, reason))

    def _bag_close_asked(self, at_us: int, fact: f.BagCloseAsked) -> None:
        self._closing[fact.position] = fact.reason

    def _bag_closed(self, at_us: int, fact: f.BagClosed) -> None:
        self._inc("bags_closed", _listed(words.CLOSE_REASONS, self._closing.pop(fact.position, "") or "machine"))

    def _bag_suspected(self, at_us: int, fact: f.BagSuspected) -> None:
        self._inc("bags_suspected")

    def _link_state_set(self, at_us: int, fact: f.LinkStateSet) -> None:
        up, state = self._machine.get(fact.plc, (False, 0))
        if up and not fact.up:
            self._inc("plc_link_losses", fact.plc)
        self._enter(at_us, fact.plc, fact.up, state, "link_lost")

    def _epoch_granted(self, at_us: int, fact: f.EpochGranted) -> None:
        self._inc("plc_lives", fact.plc)
        up, _ = self._machine.get(fact.plc, (False, 0))
        self._enter(at_us, fact.plc, up, Unit.UNDEFINED, "plc_restart")

    def _machine_entered(self, at_us: int, fact: f.MachineEntered) -> None:
        up, _ = self._machine.get(fact.plc, (False, 0))
        self._enter(at_us, fact.plc, up, fact.state, _word(ReasonClass, fact.reason_class))

    def _enter(self, at_us: int, plc: str, up: bool, state: int, reason: str) -> None:
        """A machine is seen in another state; leaving Execute is a stop."""
        if plc not in self._machine:
            self._inc("metrics_unlisted")
            return
        self._advance(at_us)
        before = self._shown(plc)
        self._machine[plc] = (up, state)
        if before == Unit.EXECUTE and self._shown(plc) != Unit.EXECUTE:
            self._inc("machine_stops", plc, reason)

    def _shown(self, plc: str) -> int:
        up, state = self._machine[plc]
        return state if up else Unit.UNDEFINED

    def _advance(self, now_us: int) -> None:
        """Time in state up to now; the first call of a process only starts the watch."""
        if self._recovering:
            return
        passed_us = now_us - self._advanced_us if self._advanced_us else 0
        if passed_us > 0:
            for plc in self._machine:
                self._inc("machine_state_seconds", plc, STATE_OF_UNIT.get(self._shown(plc), "unknown"), by=passed_us / 1e6)
        self._advanced_us = max(now_us, self._advanced_us)

    def _event_taken(self, at_us: int, fact: f.EventTaken) -> None:
        self._inc("plc_events", fact.plc)

    def _gap_seen(self, at_us: int, fact: f.GapSeen) -> None:
        self._inc("plc_event_gaps", fact.plc, by=fact.seen - fact.expected)

    def _event_set_aside(self, at_us: int, fact: f.EventSetAside) -> None:
        self._inc("plc_events_set_aside", fact.plc, _listed(words.ASIDE_REASONS, fact.reason))

    def _command_answered(self, at_us: int, fact: f.CommandAnswered) -> None:
        self._inc("plc_commands", fact.plc, _word(CommandResult, fact.result))

    def _command_timed_out(self, at_us: int, fact: f.CommandTimedOut) -> None:
        if fact.kind:  # else its PLC cannot be heard, and nothing is concluded
            self._inc("plc_commands", fact.plc, "timed_out")

    def _clock_step_noted(self, at_us: int, fact: f.ClockStepNoted) -> None:
        self._inc("clock_steps")

    def _quarantine_noted(self, at_us: int, fact: f.QuarantineNoted) -> None:
        self._inc("events_quarantined")

    def _opened(self, at_us: int, fact: Any) -> None:
        for family, *key in self._open.take(fact):
            self._inc(family, *key)

    def _alarm_raised(self, at_us: int, fact: AlarmRaised) -> None:
        if not self._quiet.get((fact.alarm, fact.subject)):
            self._inc("alarms_raised", fact.alarm, ALARMS[fact.alarm].priority.value)

    def _alarm_shelf_set(self, at_us: int, fact: AlarmShelfSet) -> None:
        self._keep_quiet(fact.alarm, fact.subject, "shelf", fact.until_us > 0)

    def _alarm_out_set(self, at_us: int, fact: AlarmOutSet) -> None:
        self._keep_quiet(fact.alarm, fact.subject, "out", fact.person != "")

    def _keep_quiet(self, alarm: str, subject: str, why: str, quiet: bool) -> None:
        whys = self._quiet.setdefault((alarm, subject), set())
        (whys.add if quiet else whys.discard)(why)

    # --- state --------------------------------------------------------------------------------------------------------

    def refresh(self, state: State, now_us: int) -> None:
        """Bring the gauges up to `state` at core time `now_us`, before each scrape. The cost does not grow with the items."""
        self._advance(now_us)
        self._set("clock_timestamp_seconds", now_us / 1e6)
        self._refresh_kpis()
        self._refresh_books(state)
        self._refresh_lanes(state)
        for name, plc in state.plcs.items():
            self._refresh_plc(name, plc)
        self._refresh_alarms(state, now_us)
        for name, value, *labels in chain(discrepancies.figures(state), self._open.gauges(state, self.hall, now_us)):
            self._set(name, value, *labels)

    def _refresh_plc(self, name: str, plc: Plc) -> None:
        self._set("plc_up", plc.up, name)
        self._set("machine_state", plc.state if plc.up else Unit.UNDEFINED, name)
        self._set("machine_jams", len(plc.jams), name)
        self._set("plc_commands_pending", len(plc.pending), name)
        self._set("belt_items", len(plc.tracks), name)
        for kind, percent in plc.consumables.items():
            self._set("consumable_remaining_ratio", percent / 100, name, CONSUMABLES.get(kind, ""))

    def _refresh_kpis(self) -> None:
        """Time, items and failures of each machine since midnight, up to the newest record."""
        for plc, measured in self._kpis.measured().items():
            for element, us in measured.elements.items():
                self._show("machine_time_seconds", us / 1e6, plc, element)
            self._show("machine_items", measured.good, plc, "good")
            self._show("machine_items", measured.rejected, plc, "rejected")
            self._show("machine_ideal_seconds", measured.ideal_good_us / 1e6, plc, "good")
            self._show("machine_ideal_seconds", measured.ideal_rejected_us / 1e6, plc, "rejected")
            self._show("machine_failures", measured.failures, plc)
            self._show("machine_repairs", measured.repairs, plc)
            self._show("machine_repair_seconds", measured.repair_us / 1e6, plc)

    def _refresh_alarms(self, state: State, now_us: int) -> None:
        found = alarms.standings(state)
        counts = Tally((priority, where.value) for (_, priority, _), where in found.items())
        for key, gauge in self._gauges["alarms"].items():
            gauge.set(counts[key[0], key[1]])
        for key, gauge in self._gauges["alarm_listed"].items():
            gauge.set(alarms.calls(found.get((key[0], key[1], key[2]), Standing.NORMAL)))
        self._set("alarms_chattering", sum(chatters(alarm, now_us) for alarm in state.alarms.values()))
        self._set("alarm_flood", state.flood_us != 0)

    def _refresh_books(self, state: State) -> None:
        """
        The custody table by class, and how far it is from the state's balances.

        The state may be ahead by records that are not durable yet; the difference is taken only when it is not.
        """
        kinds: Tally[str] = Tally()
        for (kind, mail_class), count in self._held.items():
            kinds[kind] += count
            if kind in SOURCE_WORDS:
                self._set("items_arrived", -count, SOURCE_WORDS[kind], mail_class or UNANNOUNCED)
            else:
                self._set("items", count, kind, mail_class or UNANNOUNCED)
        if self._observed_us != state.last_us:
            return
        balances: Tally[str] = Tally()
        for place, count in state.balances.items():
            balances[kind_of(place)] += count
        for (kind,), gauge in self._gauges["books_difference_items"].items():
            gauge.set(kinds[kind] - balances[kind])

    def _refresh_lanes(self, state: State) -> None:
        for sorter in self.hall.sorters:
            plc = state.plcs.get(sorter.plc)
            for lane in sorter.lanes:
                known = plc.places.get(lane.number, int(PlaceState.OPEN)) if plc is not None and plc.up else UNHEARD
                self._set("lane_state", known, sorter.plc, str(lane.number))
                load = state.lanes.get(lane_place(sorter.plc, lane.number))
                if load is not None:
                    self._set("lane_fill_ratio", len(load.items) / max(1, lane.capacity_items), sorter.plc, str(lane.number))

    # --- what no fact tells: called by the service --------------------------------------------------------------------

    def describe(self, *, version: str, revision: str, mode: str) -> None:
        """Which release runs, and in which of `families.RUN_MODES`."""
        self._series.build.labels(version, revision).set(1)
        for (name,), gauge in self._gauges["run_mode"].items():
            gauge.set(name == mode)

    def decided(self, plc: str, us: int) -> None:
        """A scan's decision was handed to its link `us` after the scan was received."""
        self._time("route_decision_duration_seconds", us, plc)

    def requested(self, plc: str, operation: str, result: str, seconds: float) -> None:
        """A request to a PLC ended; fits `packcenter.plc.link.Observe` behind the PLC's name."""
        self._inc("plc_requests", plc, result if result in words.REQUEST_RESULTS else OTHER)
        if operation in words.REQUESTS_TIMED:
            self._time("plc_request_duration_seconds", round(seconds * 1e6), plc)
        elif operation == "connect" and result == "ok":
            self._inc("plc_connections", plc)

    def heard(self, plc: str, at_us: int) -> None:
        """A good image of a PLC came at core time `at_us`."""
        self._set("plc_last_data_timestamp_seconds", at_us / 1e6, plc)

    def committed(self, us: int) -> None:
        """One group of records became durable in `us`."""
        self._time("journal_commit_duration_seconds", us)

    def lagged(self, us: int) -> None:
        """A regular tick of the control loop came `us` late."""
        self._time("event_loop_lag_seconds", us)

    def queued(self, depth: int, limit: int) -> None:
        """How many inputs wait for the journal, and how many may."""
        self._set("input_queue_items", depth)
        self._set("input_queue_limit_items", limit)

    def papers(self, waiting: int, failing: bool, bills: int, events: int) -> None:
        """Bills and agencies' events: how many files and lines wait to be written, whether they cannot be, how many were."""
        self._set("papers_waiting", waiting)
        self._set("papers_failing", failing)
        self._inc("papers_written", "bills", by=bills)
        self._inc("papers_written", "events", by=events)

    def disk(self, free_bytes: int, total_bytes: int) -> None:
        """Space where the journal lies."""
        self._set("journal_free_bytes", free_bytes)
        self._set("journal_size_bytes", total_bytes)

    # --- series -------------------------------------------------------------------------------------------------------

    def _inc(self, family: str, *key: str, by: float = 1) -> None:
        counter = self._counters[family].get(key)
        if counter is not None:
            counter.inc(by)
        else:
            self._counters["metrics_unlisted"][()].inc()

    def _show(self, family: str, value: float, *key: str) -> None:
        """A counter that is kept elsewhere, so that the same journal gives the same float."""
        counter = self._counters[family].get(key)
        if counter is not None:
            counter.reset()
            counter.inc(value)

    def _set(self, family: str, value: float, *key: str) -> None:
        """Only for what the hall has: a class or machine that a new configuration dropped has no series."""
        gauge = self._gauges[family].get(key)
        if gauge is not None:
            gauge.set(value)

    def _time(self, family: str, us: int, *key: str) -> None:
        histogram = self._histograms[family].get(key)
        if histogram is not None and not self._recovering:
            histogram.observe(us / 1e6)


def _listed(reasons: tuple[str, ...], reason: str) -> str:
    """The reason if its list has it, also without a trailing number (`eye_3`), else "other"."""
    if reason in reasons:
        return reason
    stem = _TRAILING_NUMBER.sub("", reason)
    return stem if stem in reasons else OTHER


@lru_cache(maxsize=256)
def _word(numbers: Any, value: int) -> str:
    """The word of a wire value."""
    try:
        return str(numbers(value).name.lower())
    except ValueError:
        return OTHER


_COUNT: dict[type, Callable[[Metrics, int, Any], None]] = {
    f.HallAdopted: Metrics._adopted,
    PlanActivated: lambda self, _, fact: self._sorted_by(fact.plan),
    f.ManifestTaken: Metrics._manifest_taken,
    f.ItemExpected: Metrics._expected,
    f.Moved: Metrics._moved,
    f.ObjectSeen: Metrics._object_seen,
    f.SentToHand: Metrics._sent_to_hand,
    f.ItemLost: Metrics._item_lost,
    f.ItemFound: Metrics._item_found,
    f.Routed: Metrics._routed,
    f.DecisionLate: Metrics._decision_late,
    f.Diverted: Metrics._diverted,
    WentRound: lambda self, _, fact: self._inc("diverts", fact.plc, "recirculated"),
    f.WrongLane: Metrics._wrong_lane,
    f.Unconfirmed: Metrics._unconfirmed,
    f.JobBegun: Metrics._job_begun,
    f.DocumentFed: Metrics._document_fed,
    f.ParcelSealed: Metrics._parcel_sealed,
    f.ParcelRejected: Metrics._parcel_rejected,
    f.JobAbandoned: Metrics._job_abandoned,
    f.BagCloseAsked: Metrics._bag_close_asked,
    f.BagClosed: Metrics._bag_closed,
    f.BagSuspected: Metrics._bag_suspected,
    f.LinkStateSet: Metrics._link_state_set,
    f.EpochGranted: Metrics._epoch_granted,
    f.MachineEntered: Metrics._machine_entered,
    f.EventTaken: Metrics._event_taken,
    f.GapSeen: Metrics._gap_seen,
    f.EventSetAside: Metrics._event_set_aside,
    f.CommandAnswered: Metrics._command_answered,
    f.CommandTimedOut: Metrics._command_timed_out,
    f.ClockStepNoted: Metrics._clock_step_noted,
    f.QuarantineNoted: Metrics._quarantine_noted,
    DiscrepancyOpened: lambda metrics, at_us, fact: metrics._inc("discrepancies_opened", fact.cause),
    AlarmRaised: Metrics._alarm_raised,
    AlarmShelfSet: Metrics._alarm_shelf_set,
    AlarmOutSet: Metrics._alarm_out_set,
    **dict.fromkeys(KINDS, Metrics._opened),
}

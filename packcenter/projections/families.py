"""
The metric families as one table: name, what it says, labels. `metrics.py` feeds them; screens, rules and tests read the table.

Every family is used by a panel, a rule or an alert, and every one is fed; tests hold both. Labels take their values
from the hall or from the closed lists below, so the number of series is known (`make` creates them all at once).
A reason that is not in its list is counted as "other".
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from packcenter.core.alarm_table import ALARMS, Priority
from packcenter.core.alarms import Standing, subjects
from packcenter.core.discrepancies import CAUSES
from packcenter.core.hall import Hall
from packcenter.core.index import HallIndex
from packcenter.core.integrity import BAD, GOOD, UNKNOWN
from packcenter.core.lifecycle import FINAL, IN_HALL
from packcenter.core.packml import State as Unit
from packcenter.core.words import CommandResult, Disposition, ReadOutcome, ReasonClass
from packcenter.projections.elements import ELEMENTS
from packcenter.projections.hall_figures import (
    BAG_STATES,
    CASE_PARCELS,
    CASE_POLICIES,
    CASE_STATES,
    CELL_STATES,
    RECEIPT_RESULTS,
    RECEIPT_STATES,
    WAYBILL_STATES,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a fifth of the text, and nothing reads it

Key = tuple[str, ...]

OTHER: Final = "other"
UNANNOUNCED: Final = "unannounced"
"""Mail class of an object that no manifest line stands for."""

PLACE_KINDS: Final = ("expected", *IN_HALL, "hand", "lost", *FINAL)
SOURCE_WORDS: Final = {"agency": "announced", "outside": "unannounced"}
CONSUMABLES: Final = {1: "film", 2: "labels", 3: "ribbon"}
REQUEST_RESULTS: Final = ("ok", "silent", "refused", "protocol", "disconnected", "unreachable", "cancelled", OTHER)
"""How a request to a PLC ended: the words of `packcenter.plc.mailbox.Cause` that a request can end with."""

REQUESTS_TIMED: Final = frozenset({"read", "write", "exchange"})
"""Operations whose duration says something about the wire; connecting and closing have times of their own."""

RUN_MODES: Final = ("live", "simulation", "replay")
PARCEL_OUTCOMES: Final = ("sealed", "distrusted", "rejected", "abandoned")
STAGES: Final = ("packed", "dispatched")
LINE_RESULTS: Final = ("taken", "refused")
PAPERS: Final = ("bills", "events")
UNHEARD: Final = -1
"""State of a lane whose sorter cannot be heard."""

SEEN_REASONS: Final = ("unknown", "no_read", "multiple_codes", "duplicate", "ghost", OTHER)
ROUTE_REASONS: Final = (
    "plan",
    "overflow",
    "case",
    "combine",
    "round",
    "no_rule",
    "no_lane",
    "no_cell",
    "rate",
    "late",
    "unknown",
    "no_read",
    "multiple_codes",
    "duplicate",
    "ghost",
    "withdrawn",
    OTHER,
)
SUSPECT_REASONS: Final = (
    "wrong_lane",
    "unread_at_bagger",
    "not_the_one_expected",
    "duplicate",
    "double_feed",
    "no_waybill_left",
    "verdict_refused",
    "machine_rejected",
    "machine_stopped",
    "jam",
    "gap",
    "plc_restart",
    "controller_restart",
    "label_unread",
    "wrong_label",
    "label_used_twice",
    "label_doubtful",
    "weight",
    "no_position",
    "wrong_bag",
    "quarantined",
    "withdrawn",
    "damaged",
    "case_split",
    "not_what_was_expected",
    *(CELL_REASONS := ("unread_at_rack", "wrong_cell", "cell_count", "wrong_outlet")),
)
PARCEL_REASONS: Final = (
    *(r for r in SUSPECT_REASONS if r not in ("label_used_twice", "label_doubtful", "no_position", "wrong_bag", *CELL_REASONS)),
    "nothing_there",
    "refused",
    OTHER,
)
HAND_REASONS: Final = tuple(
    dict.fromkeys(
        (
            *(r for r in ROUTE_REASONS if r not in ("plan", "overflow", "case", "combine", "round", OTHER)),
            *(d.name.lower() for d in Disposition),
            *SUSPECT_REASONS,
            "no_instruction",
            "turned_out",
            "suspect_bag",
            "coded_by_hand",
            "no_case",
            "no_cell",
            "cell_full",
            "other_rack",
            "case_overdue",
            "place_not_open",
            "unknown_document",
            "unknown_release",
            OTHER,
        )
    )
)
LOST_REASONS: Final = (
    "eye",
    "unconfirmed",
    "track_reused",
    "plc_restart",
    "passed_over",
    "not_at_infeed",
    "not_in_cell",
    "never_dropped",
    "quarantined",
    OTHER,
)
ASIDE_REASONS: Final = (
    "stale_epoch",
    "repeated",
    "wrong_role",
    "unknown_track",
    "unknown_lane",
    "unknown_job",
    "unknown_waybill",
    "unknown_command",
    "unknown_kind",
    "awaits_event",
    "no_bag",
    OTHER,
)
CLOSE_REASONS: Final = ("count", "weight", "cut_off", "by_hand", "stop", "machine", OTHER)
STOP_REASONS: Final = (*(r.name.lower() for r in ReasonClass), "link_lost", "plc_restart", OTHER)
ITEM_RESULTS: Final = ("good", "rejected")
COMMAND_RESULTS: Final = (*(r.name.lower() for r in CommandResult), "timed_out", OTHER)
DISPOSITIONS: Final = (*(d.name.lower() for d in Disposition), OTHER)
READ_OUTCOMES: Final = (*(r.name.lower() for r in ReadOutcome), OTHER)

STATE_OF_UNIT: Final[Mapping[int, str]] = {
    Unit.UNDEFINED: "unknown",
    Unit.STOPPED: "stopped",
    Unit.STOPPING: "stopped",
    Unit.COMPLETING: "stopped",
    Unit.COMPLETED: "stopped",
    Unit.IDLE: "idle",
    Unit.EXECUTE: "execute",
    Unit.SUSPENDING: "suspended",
    Unit.SUSPENDED: "suspended",
    Unit.UNSUSPENDING: "suspended",
    Unit.HOLDING: "held",
    Unit.HELD: "held",
    Unit.UNHOLDING: "held",
    Unit.ABORTING: "aborted",
    Unit.ABORTED: "aborted",
    Unit.CLEARING: "aborted",
    Unit.RESETTING: "starting",
    Unit.STARTING: "starting",
}
ALARM_STATES: Final = tuple(each.value for each in Standing if each is not Standing.NORMAL)
MACHINE_STATES: Final = ("unknown", "stopped", "idle", "starting", "execute", "suspended", "held", "aborted")

# One edge lies on each threshold of an alert (grafana/alerts.py); a test compares.
DECISION_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
SLACK_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)
REQUEST_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
COMMIT_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5)
STAY_BUCKETS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 7200.0)
PARCEL_BUCKETS: Final = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0)


class Family(msgspec.Struct, frozen=True):
    """
    One family. `kind` is counted (a fact counter of the day), counter, gauge or histogram.

    `name` lacks the prefix packcenter_. `labels` are "name=domain" or "name+name=domain" (see `domains`).
    """

    kind: str
    name: str
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels, in order."""
        return tuple(name for label in self.labels for name in label.partition("=")[0].split("+"))

    @property
    def sample_names(self) -> tuple[str, ...]:
        """Names under which its samples are scraped."""
        if self.kind in ("counted", "counter"):
            return (f"packcenter_{self.name}_total",)
        if self.kind == "histogram":
            return tuple(f"packcenter_{self.name}_{suffix}" for suffix in ("bucket", "count", "sum"))
        return (f"packcenter_{self.name}",)


def _counted(name: str, text: str, *labels: str) -> Family:
    return Family("counted", name, text, labels)


def _counter(name: str, text: str, *labels: str) -> Family:
    return Family("counter", name, text, labels)


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family("gauge", name, text, labels)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Family:
    return Family("histogram", name, text, labels, buckets)


FAMILIES: Final = (
    # the books
    _gauge("items", "Items by kind of place.", "place_kind=places", "mail_class=classes"),
    _gauge("items_arrived", "Items that came into the books; equal to the sum of items.", "source=sources", "mail_class=classes"),
    _gauge("books_difference_items", "Items in which facts and balances disagree; must be 0.", "place_kind=accounts"),
    _counted("items_entered", "Items that came to a kind of place.", "place_kind=places", "mail_class=classes"),
    _gauge("day_items", "Items packed and dispatched since local midnight.", "stage=stages", "mail_class=classes"),
    _counted("manifest_lines", "Manifest lines by what became of them.", "result=line_results"),
    _counted("objects_seen", "Objects that no manifest line stands for.", "reason=seen_reasons"),
    _counted("items_to_hand", "Items that came to the hand station.", "reason=hand_reasons"),
    _counted("items_lost", "Items that nobody saw any more.", "reason=lost_reasons"),
    _counted("items_found", "Lost items that were seen again."),
    _histogram("item_stay_duration_seconds", "How long items stayed at a kind of place.", STAY_BUCKETS, "place_kind=in_hall"),
    # sorting
    _counted("scans", "Reads at a sorter's scanner or a bagger's feeder.", "plc=readers", "outcome=read_outcomes"),
    _counted("route_decisions", "Lane decisions by reason.", "plc=sorters", "reason=route_reasons"),
    _counted("route_decisions_late", "Decisions past their deadline; the fallback lane stood.", "plc=sorters"),
    _histogram("route_deadline_slack_seconds", "Time left when a decision was made, 0 when late.", SLACK_BUCKETS, "plc=sorters"),
    _histogram("route_decision_duration_seconds", "Scan received to command handed out.", DECISION_BUCKETS, "plc=sorters"),
    _counted("diverts", "Confirmed arrivals in a lane by how they came there.", "plc=sorters", "disposition=dispositions"),
    _counted("lane_entries", "Items confirmed into a lane.", "plc+lane=lanes"),
    _gauge("lane_fill_ratio", "Items in a lane over its capacity (not for exception lanes).", "plc+lane=filled_lanes"),
    _gauge("lane_state", "0 open, 1 full, 2 closed, 3 jammed, -1 unknown.", "plc+lane=lanes"),
    _gauge("belt_items", "Items that a sorter tracks.", "plc=sorters"),
    _counted("items_unconfirmed", "Items that no eye confirmed in time.", "plc=sorters"),
    # packing
    _counted("parcels", "Parcels by how they ended.", "plc=baggers", "outcome=parcel_outcomes"),
    _counted("parcel_faults", "Parcels that did not end well.", "plc=baggers", "reason=parcel_reasons"),
    _histogram("parcel_duration_seconds", "Parcel asked for to parcel sealed.", PARCEL_BUCKETS, "plc=baggers"),
    _counted("document_mismatches", "Documents that were not the one expected beyond doubt; none is sealed.", "plc=baggers"),
    _gauge("consumable_remaining_ratio", "Share left; NaN before the machine says it.", "plc=baggers", "consumable=consumables"),
    # bags
    _gauge("bag_fill_ratio", "How near an open bag is to its limit of items or weight.", "position+destination=positions"),
    _gauge("bags", "Open bags.", "state=bag_states"),
    _counted("bags_closed", "Bags closed and sealed.", "reason=close_reasons"),
    _counted("bags_suspected", "Bags found to hold what does not belong there."),
    # cases, loops
    _gauge("cases", "Open cases by how far they are.", "state=case_states"),
    _gauge("case_cells", "Cells of a case rack; closed: by its machine, and empty.", "plc=case_racks", "state=cell_states"),
    _counted("case_parcels", "Parcels of several documents that were proven and sealed.", "parcel=case_parcels"),
    _counted("cases_overdue", "Cases with documents missing at their due time, by what happens then.", "policy=case_policies"),
    _gauge("infeed_held", "1 while new items are kept out of a loop.", "plc=loops"),
    _gauge("loop_limit_items", "Items that a loop bears, 0 no limit.", "plc=loops"),
    _counted("infeed_holds", "Times that new items were kept out of a loop.", "plc=loops"),
    # receipts, waybills, documents, plan, shift, papers
    _gauge("receipts", "Return receipts that have not come back.", "state=receipt_states"),
    _counted("receipts_ended", "Return receipts by how they ended.", "result=receipt_results"),
    _gauge("waybills", "Numbers of the centre's own range.", "state=waybill_states"),
    _gauge("documents_doubtful", "Documents at the hand station that may have to be made anew."),
    _gauge("plan_valid", "1 while the plan in force is meant for now."),
    _gauge("shift_begun_timestamp_seconds", "When the open shift began."),
    _gauge("papers_waiting", "Bills and events for agencies that are not written yet."),
    _gauge("papers_failing", "1 while bills or events cannot be written."),
    _counter("papers_written", "Files of bills and lines of events that were written.", "kind=papers"),
    # machines
    _gauge("machine_state", "PackML state code, 0 unknown, 6 execute.", "plc=plcs"),
    _counter("machine_state_seconds", "Time in each group of PackML states.", "plc=plcs", "state=machine_states"),
    _counted("machine_stops", "Times a machine left Execute.", "plc=plcs", "reason=stop_reasons"),
    _gauge("machine_jams", "Zones that are jammed.", "plc=plcs"),
    # KPIs by ISO 22400-2: numerators and denominators (projections/kpis.py); machines without an ideal cycle have no ideal time
    _counted("machine_time_seconds", "Time in each time element.", "plc=plcs", "element=elements"),
    _counted("machine_items", "Items that a machine finished.", "plc=plcs", "result=item_results"),
    _counted("machine_ideal_seconds", "Ideal cycle times items.", "plc=rated", "result=item_results"),
    _counted("machine_failures", "Times a machine failed.", "plc=plcs"),
    _counted("machine_repairs", "Failures after which the machine produced again.", "plc=plcs"),
    _counted("machine_repair_seconds", "Planned time from failure to production, of repairs that ended.", "plc=plcs"),
    # links
    _gauge("plc_up", "1 while the PLC is heard and works under our epoch.", "plc=plcs"),
    _counted("plc_link_losses", "Times a link that was up went down.", "plc=plcs"),
    _counted("plc_lives", "Lives of a PLC that got an epoch.", "plc=plcs"),
    _counted("plc_events", "Events taken.", "plc=plcs"),
    _counted("plc_event_gaps", "Events that never came.", "plc=plcs"),
    _counted("plc_events_set_aside", "Events that changed nothing.", "plc=plcs", "reason=aside_reasons"),
    _counted("plc_commands", "Commands by how they ended.", "plc=plcs", "result=command_results"),
    _gauge("plc_commands_pending", "Commands that are not answered yet.", "plc=plcs"),
    _counter("plc_requests", "Requests by how they ended.", "plc=plcs", "result=request_results"),
    _histogram("plc_request_duration_seconds", "Request to answer of a read, write or exchange.", REQUEST_BUCKETS, "plc=plcs"),
    _counter("plc_connections", "Connections established.", "plc=plcs"),
    _gauge("plc_last_data_timestamp_seconds", "Core time of the last good image, 0 before the first.", "plc=plcs"),
    # alarms
    _gauge("alarms", "Alarms by where they are in their life.", "priority=priorities", "state=alarm_states"),
    _gauge("alarm_listed", "2 while it wants a person, 1 seen or over, 0 not listed.", "alarm+priority+subject=listed_alarms"),
    _counted("alarms_raised", "Alarms that people were told of.", "alarm+priority=alarms"),
    _gauge("alarms_chattering", "Alarms raised three times or more in the last minute."),
    _gauge("alarm_flood", "1 while more alarms come than one person can answer."),
    # discrepancies
    _gauge("discrepancies", "Open discrepancies.", "cause=causes"),
    _counted("discrepancies_opened", "Discrepancies opened.", "cause=causes"),
    _gauge("discrepancies_overdue", "Open discrepancies that were not closed in time."),
    _gauge("discrepancies_unsigned", "Differences of the last count that keep the shift from being closed."),
    _counted("integrity_set", "Documents said to be good again, bad, or in doubt.", "integrity=integrities"),
    # the controller
    _gauge("build_info", "Release that runs.", "version+revision=none"),
    _gauge("config_info", "Hall and plan that are in force.", "digest+plan=none"),
    _gauge("run_mode", "1 for the mode that runs.", "mode=run_modes"),
    _counted("controller_starts", "Starts of the controller."),
    _gauge("clock_timestamp_seconds", "The controller's own time, from which ages are measured."),
    _gauge("next_cutoff_timestamp_seconds", "When open bags close next, NaN if the plan has no cut-off."),
    _gauge("last_cutoff_timestamp_seconds", "The day's last cut-off, NaN if the plan has none."),
    _histogram("event_loop_lag_seconds", "Lateness of a regular tick of the control loop.", LAG_BUCKETS),
    _histogram("journal_commit_duration_seconds", "Write and sync of one group of records.", COMMIT_BUCKETS),
    _counted("journal_records", "Durable records."),
    _gauge("journal_free_bytes", "Free space where the journal lies."),
    _gauge("journal_size_bytes", "Size of the file system where the journal lies."),
    _gauge("input_queue_items", "Inputs that wait for the journal."),
    _gauge("input_queue_limit_items", "Inputs that may wait before links stop reading."),
    _counted("events_quarantined", "Events that made the controller fail and were set aside."),
    _counted("clock_steps", "Jumps of the wall clock by more than a second."),
    _counted("metrics_unlisted", "Facts that named something the present hall does not have."),
)  # fmt: skip


def domains(hall: Hall) -> dict[str, list[Key]]:
    """Every domain of label values in a hall, as lists of label tuples."""
    sorters = [s.plc for s in hall.sorters]
    baggers = [b.plc for b in hall.baggers]
    lists: dict[str, tuple[str, ...] | list[str]] = {
        "places": PLACE_KINDS,
        "in_hall": IN_HALL,
        "accounts": (*SOURCE_WORDS, *PLACE_KINDS),
        "classes": [*(c.name for c in hall.mail_classes), UNANNOUNCED],
        "sources": list(SOURCE_WORDS.values()),
        "stages": STAGES,
        "line_results": LINE_RESULTS,
        "seen_reasons": SEEN_REASONS,
        "hand_reasons": HAND_REASONS,
        "lost_reasons": LOST_REASONS,
        "route_reasons": ROUTE_REASONS,
        "parcel_reasons": PARCEL_REASONS,
        "parcel_outcomes": PARCEL_OUTCOMES,
        "aside_reasons": ASIDE_REASONS,
        "close_reasons": CLOSE_REASONS,
        "stop_reasons": STOP_REASONS,
        "command_results": COMMAND_RESULTS,
        "request_results": REQUEST_RESULTS,
        "dispositions": DISPOSITIONS,
        "read_outcomes": READ_OUTCOMES,
        "consumables": list(CONSUMABLES.values()),
        "bag_states": BAG_STATES,
        "case_states": CASE_STATES,
        "cell_states": CELL_STATES,
        "case_parcels": CASE_PARCELS,
        "case_policies": CASE_POLICIES,
        "receipt_states": RECEIPT_STATES,
        "receipt_results": RECEIPT_RESULTS,
        "waybill_states": WAYBILL_STATES,
        "papers": PAPERS,
        "case_racks": [rack.plc for rack in hall.case_racks],
        "loops": [sorter.plc for sorter in hall.sorters if sorter.laps_max],
        "machine_states": MACHINE_STATES,
        "elements": ELEMENTS,
        "item_results": ITEM_RESULTS,
        "alarm_states": ALARM_STATES,
        "causes": list(CAUSES),
        "integrities": (GOOD, BAD, UNKNOWN),
        "priorities": [priority.value for priority in Priority],
        "run_modes": RUN_MODES,
        "sorters": sorters,
        "baggers": baggers,
        "readers": sorters + baggers,
        "plcs": hall.plcs(),
        "rated": list(hall.ideal_cycles_us()),
    }
    found: dict[str, list[Key]] = {name: [(value,) for value in values] for name, values in lists.items()}
    found["lanes"] = [(s.plc, str(lane.number)) for s in hall.sorters for lane in s.lanes]
    found["filled_lanes"] = [
        (s.plc, str(lane.number)) for s in hall.sorters for lane in s.lanes if lane.number != s.exception_lane
    ]
    found["positions"] = [(str(p.number), p.destination) for p in hall.rack.positions]
    found["alarms"] = [(entry.name, entry.priority.value) for entry in ALARMS.values()]
    found["listed_alarms"] = [
        (entry.name, entry.priority.value, subject)
        for entry in ALARMS.values()
        for subject in subjects(HallIndex(hall), entry.subject)
    ]
    found["none"] = []
    return found


class Series(msgspec.Struct):
    """The series of a hall by family name and label values; `daily` are the fact counters, which begin again each day."""

    counters: dict[str, dict[Key, Counter]]
    gauges: dict[str, dict[Key, Gauge]]
    histograms: dict[str, dict[Key, Histogram]]
    daily: list[Counter]
    build: Gauge
    config: Gauge


def make(hall: Hall, registry: CollectorRegistry) -> Series:
    """Create every series of the hall in the registry, all at 0."""
    known = domains(hall)
    counters: dict[str, dict[Key, Counter]] = {}
    gauges: dict[str, dict[Key, Gauge]] = {}
    histograms: dict[str, dict[Key, Histogram]] = {}
    parents: dict[str, Gauge] = {}
    for family in FAMILIES:
        name, names = f"packcenter_{family.name}", family.label_names
        keys = [
            tuple(v for part in parts for v in part) for parts in product(*(known[d.partition("=")[2]] for d in family.labels))
        ]
        if family.kind == "gauge":
            gauge = parents[family.name] = Gauge(name, family.text, names, registry=registry)
            gauges[family.name] = {key: gauge.labels(*key) if names else gauge for key in keys}
        elif family.kind == "histogram":
            histogram = Histogram(name, family.text, names, registry=registry, buckets=family.buckets)
            histograms[family.name] = {key: histogram.labels(*key) if names else histogram for key in keys}
        else:
            counter = Counter(name, family.text, names, registry=registry)
            counters[family.name] = {key: counter.labels(*key) if names else counter for key in keys}
    daily = [child for family in FAMILIES if family.kind == "counted" for child in counters[family.name].values()]
    return Series(counters, gauges, histograms, daily, parents["build_info"], parents["config_info"])

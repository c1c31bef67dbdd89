"""Metrics: figures follow the facts, survive a restart, never vanish and never name an item."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter as Tally
from pathlib import Path
from typing import Any

import msgspec
import pytest

import packcenter.core
from grafana.preview.feed import SECOND, Feed, Recorded, trouble
from grafana.preview.hall import CLASSES, reference_hall
from packcenter.core import facts as f
from packcenter.core import inputs
from packcenter.core.hall import Hall
from packcenter.core.state import State, decode_state, encode_state, evolve
from packcenter.projections import families as words
from packcenter.projections.families import FAMILIES
from packcenter.projections.kpis import Kpis, may_tell
from packcenter.projections.metrics import Metrics

MORNING = 1_795_132_800_000_000  # some midnight UTC, 8 in the morning in the hall
HOUR = 3600 * SECOND
SERIES_MAX = 2_000

_played: list[Feed] = []


def played() -> Feed:
    """A quarter of an hour of the troubled hall, played once for all tests that only look."""
    if not _played:
        feed = Feed(reference_hall(), MORNING, announced=1_500, per_second=1.2)
        feed.run_to(MORNING + 600 * SECOND)
        trouble(feed)
        feed.run_to(MORNING + 900 * SECOND)
        feed.refresh()
        _played.append(feed)
    return _played[0]


def values(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """One sample."""
    found = metrics.registry.get_sample_value(f"packcenter_{name}", labels)
    assert found is not None, (name, labels)
    return found


def total(metrics: Metrics, name: str, **labels: str) -> float:
    """The sum of all samples of this name that have these labels."""
    return sum(
        v
        for (found, pairs), v in values(metrics).items()
        if found == f"packcenter_{name}" and labels.items() <= dict(pairs).items()
    )


def record(at_us: int, *facts: Any, happened: Any = None) -> Recorded:
    return Recorded(at_us, happened if happened is not None else inputs.Tick(), list(facts), [])


# --- series -----------------------------------------------------------------------------------------------------------


def test_all_series_exist_from_the_start_within_the_budget() -> None:
    """The reference hall has all its series at once, at most 2,000 (an alarm of a machine is one); an hour of work adds none."""
    fresh = Metrics(reference_hall())
    fresh.describe(version="1", revision="a", mode="live")
    before = values(fresh).keys()
    assert 1_000 < len(before) <= SERIES_MAX
    unversioned = {key for key in values(played().metrics) if key[0] not in ("packcenter_build_info", "packcenter_config_info")}
    assert unversioned == {key for key in before if key[0] != "packcenter_build_info"}


def test_there_are_no_created_series() -> None:
    """Nothing reads when a series was made, so a fifth of the text is left out."""
    assert not [name for name, _ in values(played().metrics) if name.endswith("_created")]


def test_counters_and_histograms_begin_at_zero() -> None:
    """A rate needs a first value: no counter waits for its first event."""
    for (name, labels), number in values(Metrics(reference_hall())).items():
        if name.endswith(("_total", "_bucket", "_count", "_sum")):
            assert number == 0, (name, labels)


def test_no_label_names_an_item_a_waybill_or_a_bag() -> None:
    """Label values are names of the hall or words of closed lists."""
    feed = played()
    state = feed.controller.state
    secret = {*state.items, *state.waybills, *(bag.tag for bag in state.bags.values())}
    shown = {label for _, labels in values(feed.metrics) for _, label in labels}
    assert secret
    assert not secret & shown


def test_every_family_moved_or_is_one_that_needs_a_rarer_day() -> None:
    """The quarter of an hour with troubles feeds every family except those that only a fault of the controller feeds."""
    rare = {
        "alarm_flood", "alarms_chattering", "books_difference_items", "bags_suspected", "clock_steps", "discrepancies_overdue",
        "discrepancies_unsigned", "events_quarantined",
        "cases", "cases_overdue", "case_cells", "case_parcels", "infeed_held", "infeed_holds", "loop_limit_items",
        "papers_failing", "papers_waiting", "papers_written", "receipts", "receipts_ended", "shift_begun_timestamp_seconds",
        "items_found", "items_unconfirmed", "metrics_unlisted", "plc_connections", "plc_event_gaps", "plc_events_set_aside",
        "route_decisions_late",
    }  # fmt: skip
    seen = Tally[str]()
    for (name, _), number in values(played().metrics).items():
        seen[name] += not (number == 0 or math.isnan(number))
    still = {family.name for family in FAMILIES if not any(seen[name] for name in family.sample_names)}
    assert still <= rare, still - rare


# --- books ------------------------------------------------------------------------------------------------------------


def test_the_books_can_be_seen_to_balance() -> None:
    """What came is what is somewhere, by class and in all, and facts and balances agree at every kind of place."""
    metrics = played().metrics
    for mail_class in (*CLASSES, words.UNANNOUNCED):
        assert total(metrics, "items_arrived", mail_class=mail_class) == total(metrics, "items", mail_class=mail_class)
    assert total(metrics, "items_arrived", source="announced") == 1_500
    assert total(metrics, "items", place_kind="hand") > 0
    assert [n for (name, _), n in values(metrics).items() if name == "packcenter_books_difference_items" and n] == []


def test_items_by_place_agree_with_a_count_of_the_state() -> None:
    """The custody table that follows the facts is the one that a walk over the state finds."""
    feed = played()
    counted = Tally(
        (item.place.partition("/")[0], item.mail_class or words.UNANNOUNCED) for item in feed.controller.state.items.values()
    )
    shown = {
        key: value(feed.metrics, "items", place_kind=key[0], mail_class=key[1])
        for key in counted
        if key[0] not in ("agency", "outside")
    }
    assert shown == {key: n for key, n in counted.items() if key in shown}


def test_a_difference_between_facts_and_balances_is_shown() -> None:
    """An item that the state has and no observed fact brought is a difference at its place."""
    feed = Feed(reference_hall(), MORNING, announced=10)
    feed.refresh()
    assert value(feed.metrics, "books_difference_items", place_kind="expected") == 0
    state = feed.controller.state
    line = inputs.Line("unseen", "id_card", "police", "", 100_001, "ems", "", 0, 0)
    evolve(state, state.last_us, f.ItemExpected("M1", line))
    feed.refresh()
    assert value(feed.metrics, "books_difference_items", place_kind="expected") == -1
    assert value(feed.metrics, "books_difference_items", place_kind="agency") == 1


def test_the_difference_waits_while_the_state_is_ahead() -> None:
    """A state that has taken a step whose record is not durable yet is no difference."""
    feed = Feed(reference_hall(), MORNING, announced=10)
    state = feed.controller.state
    line = inputs.Line("not durable yet", "id_card", "police", "", 100_001, "ems", "", 0, 0)
    evolve(state, state.last_us, f.ItemExpected("M1", line))
    state.last_us += 1
    feed.refresh()
    assert value(feed.metrics, "books_difference_items", place_kind="expected") == 0


# --- counters are the facts -------------------------------------------------------------------------------------------


def test_counters_agree_with_a_recount_of_the_facts() -> None:
    """Scans, decisions, parcels, bags and arrivals at the hand station are exactly as many as the stream says (M1)."""
    feed = played()
    facts = [fact for rec in feed.records for fact in rec.facts]
    sealed = [fact for fact in facts if isinstance(fact, f.ParcelSealed)]
    expected = {
        "scans_total": sum(isinstance(rec.input, inputs.Scanned | inputs.Fed) for rec in feed.records),
        "route_decisions_total": sum(isinstance(fact, f.Routed) for fact in facts),
        "lane_entries_total": sum(isinstance(fact, f.Diverted | f.WrongLane) for fact in facts),
        "items_to_hand_total": sum(isinstance(fact, f.Moved) and fact.target == "hand" for fact in facts),
        "items_lost_total": sum(isinstance(fact, f.ItemLost) for fact in facts),
        "parcels_total": sum(isinstance(fact, f.ParcelSealed | f.ParcelRejected | f.JobAbandoned) for fact in facts),
        "bags_closed_total": sum(isinstance(fact, f.BagClosed) for fact in facts),
        "plc_events_total": sum(isinstance(fact, f.EventTaken) for fact in facts),
        "journal_records_total": len(feed.records),
    }
    assert {name: total(feed.metrics, name) for name in expected} == expected
    assert all(expected.values())
    assert total(feed.metrics, "day_items", stage="packed") == sum(not fact.reason for fact in sealed)


def test_every_object_at_the_hand_station_is_counted_once_under_its_last_reason() -> None:
    """The reason is said when the item is decided on and again when it arrives; only the arrival counts."""
    metrics = played().metrics
    assert total(metrics, "items_to_hand_total") == total(metrics, "items_entered_total", place_kind="hand")
    assert value(metrics, "items_to_hand_total", reason="no_read") > 0
    assert value(metrics, "items_to_hand_total", reason="other") == 0


def test_an_event_that_is_set_aside_is_not_counted_as_a_read() -> None:
    """A repeated scan says nothing new."""
    metrics = Metrics(reference_hall())
    scan = inputs.Scanned("sorter-1", 1, 4, 9, 1, 0, 0, "D1", 0, 0)
    metrics.observe(record(MORNING, f.EventSetAside("sorter-1", 1, 4, "repeated"), happened=scan))
    assert total(metrics, "scans_total") == 0
    assert value(metrics, "plc_events_set_aside_total", plc="sorter-1", reason="repeated") == 1


@pytest.mark.parametrize(
    ("reason", "counted"),
    [("eye_3", "eye"), ("eye", "eye"), ("unconfirmed", "unconfirmed"), ("eaten_by_a_dog", "other"), ("", "other")],
)
def test_a_reason_that_is_not_listed_is_counted_as_other(reason: str, counted: str) -> None:
    """Numbers at the end of a reason are cut off, unknown reasons share one series."""
    metrics = Metrics(reference_hall())
    metrics.observe(record(MORNING, f.ItemLost("D1", "belt/sorter-1", reason)))
    assert value(metrics, "items_lost_total", reason=counted) == 1


def test_a_name_that_the_hall_does_not_have_is_counted_and_breaks_nothing() -> None:
    """Records of a machine that was taken out of the configuration are still read."""
    metrics = Metrics(reference_hall())
    metrics.observe(
        record(MORNING, f.EventTaken("sorter-9", 1, 1), f.MachineEntered("sorter-9", 6, 0, 0), f.Unconfirmed("D1", "sorter-9"))
    )
    assert value(metrics, "metrics_unlisted_total") == 3


def test_a_fact_of_an_unknown_kind_is_passed_over() -> None:
    """A fact type that is added later needs no metric."""

    class Sneezed(msgspec.Struct):
        plc: str

    metrics = Metrics(reference_hall())
    metrics.observe(record(MORNING, Sneezed("sorter-1"), f.ItemFound("D1", "belt/sorter-1")))
    assert value(metrics, "items_found_total") == 1


def test_a_gap_counts_the_events_that_are_missing() -> None:
    """Events 4, 5 and 6 never came."""
    metrics = Metrics(reference_hall())
    metrics.observe(record(MORNING, f.GapSeen("rack-1", 1, 4, 7)))
    assert value(metrics, "plc_event_gaps_total", plc="rack-1") == 3


# --- restart and midnight ---------------------------------------------------------------------------------------------


def journal_figures(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """The figures that a restart must not change."""
    kept = {name for family in FAMILIES if family.kind == "counted" for name in family.sample_names}
    kept |= {
        f"packcenter_{name}"
        for name in ("items", "items_arrived", "books_difference_items", "day_items", "bags", "bag_fill_ratio", "lane_fill_ratio")
    }
    return {key: number for key, number in values(metrics).items() if key[0] in kept}


def test_a_restart_goes_on_where_the_figures_were() -> None:
    """Counters and books after recovery from snapshot and journal are those of a process that never stopped, then and later."""
    feed = Feed(reference_hall(), MORNING, announced=900)
    feed.run_to(MORNING + 500 * SECOND)
    state = decode_state(encode_state(feed.controller.state))
    again = Metrics(reference_hall())
    again.recover(state, feed.records)
    read = len(feed.records)
    feed.refresh()
    again.refresh(state, feed.now_us)
    assert journal_figures(again) == journal_figures(feed.metrics)

    trouble(feed)
    feed.run_to(MORNING + 800 * SECOND)
    for rec in feed.records[read:]:
        again.observe(rec)
    feed.refresh()
    again.refresh(feed.controller.state, feed.now_us)
    assert journal_figures(again) == journal_figures(feed.metrics)
    assert total(again, "items_to_hand_total") > 0


def test_process_figures_are_not_counted_again_by_a_restart() -> None:
    """Histograms and time in state belong to a process: recovery leaves them at 0."""
    feed = played()
    again = Metrics(reference_hall())
    again.recover(feed.controller.state, feed.records)
    assert total(again, "item_stay_duration_seconds_count") == total(again, "machine_state_seconds_total") == 0
    assert total(feed.metrics, "item_stay_duration_seconds_count") > 0


def test_fact_counters_begin_again_at_local_midnight() -> None:
    """The counters are those of the day of the newest record, so that a restart finds the same."""
    hall = reference_hall()
    midnight = MORNING + 16 * HOUR
    before, after = record(midnight - 1, f.ItemFound("D1", "rack")), record(midnight, f.ItemFound("D2", "rack"))
    metrics = Metrics(hall)
    metrics.observe(before)
    metrics.observe(before)
    assert value(metrics, "items_found_total") == 2
    metrics.observe(after)
    assert value(metrics, "items_found_total") == 1
    again = Metrics(hall)
    again.recover(State(hall=hall, last_us=midnight), [before, before, after])
    assert value(again, "items_found_total") == 1


def test_day_items_begin_again_at_local_midnight() -> None:
    """What was packed yesterday is not progress of today."""
    midnight = MORNING + 16 * HOUR
    metrics = Metrics(reference_hall())
    metrics.observe(record(midnight - 1, f.ParcelSealed("bagger-1", 3, "D1", "EE1", "EE1", 30, "")))
    assert value(metrics, "day_items", stage="packed", mail_class=words.UNANNOUNCED) == 1
    metrics.observe(record(midnight))
    assert total(metrics, "day_items") == 0


# --- machines, lanes, bags --------------------------------------------------------------------------------------------


def test_a_machine_that_cannot_be_heard_says_unknown() -> None:
    """A lost link never leaves the last state standing, nor does the series go away."""
    metrics = played().metrics
    assert value(metrics, "plc_up", plc="bagger-4") == 0
    assert value(metrics, "machine_state", plc="bagger-4") == 0
    assert value(metrics, "machine_state", plc="bagger-1") == 6
    assert value(metrics, "plc_link_losses_total", plc="bagger-4") == 1


def test_lanes_of_a_sorter_that_cannot_be_heard_are_unknown() -> None:
    """An open lane of a silent sorter is not known to be open."""
    feed = Feed(reference_hall(), MORNING, announced=0)
    feed.run_to(MORNING + 30 * SECOND)
    feed.say("sorter-2", inputs.PlaceChanged, place=6, state=3, items=0)
    feed.refresh()
    assert value(feed.metrics, "lane_state", plc="sorter-2", lane="6") == 3
    assert value(feed.metrics, "lane_state", plc="sorter-2", lane="5") == 0
    feed._step(inputs.LinkLost("sorter-2", "silence"))
    feed.refresh()
    assert value(feed.metrics, "lane_state", plc="sorter-2", lane="6") == -1


def test_time_in_state_adds_up_to_the_time_that_passed() -> None:
    """Each machine's seconds in all states together are the time since the first refresh, to the millisecond."""
    metrics = played().metrics
    for plc in reference_hall().plcs():
        assert total(metrics, "machine_state_seconds_total", plc=plc) == pytest.approx(899, abs=1.5)
    held = value(metrics, "machine_state_seconds_total", plc="bagger-2", state="held")
    assert held == pytest.approx(300, abs=0.001)


def test_time_elements_add_up_to_the_time_between_the_first_and_the_newest_record() -> None:
    """Each machine's seconds in all elements are the time that the records span, and the failed one was repaired."""
    feed = played()
    span = (feed.records[-1].at_us - feed.records[0].at_us) / 1e6
    for plc in reference_hall().plcs():
        assert total(feed.metrics, "machine_time_seconds_total", plc=plc) == pytest.approx(span, abs=1e-6)
    assert value(feed.metrics, "machine_failures_total", plc="bagger-1") == 1
    assert value(feed.metrics, "machine_repairs_total", plc="bagger-1") == 1
    assert 90 < value(feed.metrics, "machine_repair_seconds_total", plc="bagger-1") < 120
    assert value(feed.metrics, "machine_time_seconds_total", plc="bagger-2", element="own") == pytest.approx(300, abs=1)
    assert value(feed.metrics, "machine_time_seconds_total", plc="bagger-4", element="unknown") > 300


def test_exported_numerators_and_denominators_are_those_of_the_books() -> None:
    """A day's counters say what `packcenter books` says of a journal of that day."""
    feed = played()
    kpis = Kpis()
    for rec in feed.records:
        kpis.observe(rec.at_us, rec.facts)
    for plc, measured in kpis.measured().items():
        for element, us in measured.elements.items():
            assert value(feed.metrics, "machine_time_seconds_total", plc=plc, element=element) == us / 1e6
        assert value(feed.metrics, "machine_items_total", plc=plc, result="good") == measured.good
        assert value(feed.metrics, "machine_items_total", plc=plc, result="rejected") == measured.rejected
        assert value(feed.metrics, "machine_ideal_seconds_total", plc=plc, result="good") == measured.ideal_good_us / 1e6


def test_a_machine_without_an_ideal_cycle_has_no_ideal_time() -> None:
    """No series is no figure: a 0 would be an OEE of 0."""
    hall = reference_hall()
    unrated = msgspec.structs.replace(hall, rack=msgspec.structs.replace(hall.rack, ideal_cycle_ms=0))
    metrics = Metrics(unrated)
    metrics.observe(record(MORNING, f.ParcelDropped("E1", "D1", "B1", 1)))
    metrics.refresh(State(hall=unrated), MORNING)
    found = {labels for name, labels in values(metrics) if name == "packcenter_machine_ideal_seconds_total"}
    assert {dict(labels)["plc"] for labels in found} == {plc for plc in hall.plcs() if plc != "rack-1"}
    assert value(metrics, "machine_items_total", plc="rack-1", result="good") == 1


def test_a_scrape_shows_no_time_that_a_kill_could_take_back() -> None:
    """Time elements go to the newest record: after a restart a counter is never lower than it was shown."""
    metrics = Metrics(reference_hall())
    facts = [f.LinkStateSet("rack-1", True, ""), f.MachineEntered("rack-1", 6, 0, 0)]
    metrics.observe(record(MORNING, *facts))
    metrics.observe(record(MORNING + 5 * SECOND))
    metrics.refresh(State(), MORNING + 3600 * SECOND)
    assert value(metrics, "machine_time_seconds_total", plc="rack-1", element="production") == 5


def test_what_a_machine_has_done_for_days_is_known_after_a_restart() -> None:
    """Its last change may be older than the day: of older records those that may tell are read again."""
    hall = reference_hall()
    midnight = MORNING + 16 * HOUR
    records = [
        record(
            MORNING, f.HallAdopted(1, "test", hall, "d"), f.LinkStateSet("rack-1", True, ""), f.MachineEntered("rack-1", 6, 0, 0)
        ),
        record(MORNING + HOUR, f.ItemFound("D1", "rack")),
        record(midnight + HOUR, f.ItemFound("D2", "rack")),
        record(midnight + 3 * HOUR),
    ]
    running, again = Metrics(hall), Metrics(hall)
    for rec in records:
        running.observe(rec)
    again.recover(
        State(hall=hall), [rec for rec in records if rec.at_us > midnight or may_tell(msgspec.msgpack.encode(rec.facts))]
    )
    for metrics in (running, again):
        metrics.refresh(State(hall=hall), records[-1].at_us)
        assert value(metrics, "machine_time_seconds_total", plc="rack-1", element="production") == 3 * 3600
    assert journal_figures(again) == journal_figures(running)


def test_a_stop_is_counted_once_with_its_reason() -> None:
    """Holding and held are one stop; leaving idle is none; a lost link is one if the machine ran."""
    metrics = Metrics(reference_hall())
    plc = "bagger-1"
    metrics.observe(record(MORNING, f.LinkStateSet(plc, True, "")))
    for state, reason in ((4, 0), (6, 0), (10, 1), (11, 1), (12, 0), (6, 0)):
        metrics.observe(record(MORNING, f.MachineEntered(plc, state, reason, 0)))
    assert total(metrics, "machine_stops_total", plc=plc) == value(metrics, "machine_stops_total", plc=plc, reason="own") == 1
    metrics.observe(record(MORNING, f.LinkStateSet(plc, False, "no answer")))
    assert value(metrics, "machine_stops_total", plc=plc, reason="link_lost") == 1


def test_material_is_not_a_number_before_the_machine_has_said_it() -> None:
    """Nothing is shown as empty or as full that nobody has measured."""
    metrics = Metrics(reference_hall())
    assert math.isnan(value(metrics, "consumable_remaining_ratio", plc="bagger-1", consumable="film"))
    assert value(played().metrics, "consumable_remaining_ratio", plc="bagger-3", consumable="film") == 0.07


@pytest.mark.parametrize(("local_hour", "next_hour", "last_hour"), [(8, 12, 19), (12, 16.5, 19), (16.5, 19, 19), (20, 36, 19)])
def test_cut_offs_are_the_plans(local_hour: float, next_hour: float, last_hour: float) -> None:
    """The next cut-off is after now, tomorrow's first after the last; the last one is today's."""
    local_midnight = MORNING - 8 * HOUR
    metrics = Metrics(reference_hall())
    metrics.refresh(State(), local_midnight + int(local_hour * HOUR))
    assert value(metrics, "next_cutoff_timestamp_seconds") == local_midnight / 1e6 + next_hour * 3600
    assert value(metrics, "last_cutoff_timestamp_seconds") == local_midnight / 1e6 + last_hour * 3600


def test_a_plan_without_cut_offs_has_no_next_one() -> None:
    """Not a number rather than a time that nobody set."""
    hall = reference_hall()
    bags = msgspec.structs.replace(hall.plan.bags, cutoff_minutes=())
    plain: Hall = msgspec.structs.replace(hall, plan=msgspec.structs.replace(hall.plan, bags=bags))
    metrics = Metrics(plain)
    metrics.refresh(State(), MORNING)
    assert math.isnan(value(metrics, "next_cutoff_timestamp_seconds"))


# --- hooks ------------------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_result_and_timed_where_it_tells_of_the_wire() -> None:
    """Connecting has a time of its own and counts as a connection when it worked; unknown results are other."""
    metrics = Metrics(reference_hall())
    metrics.requested("rack-1", "connect", "ok", 1.5)
    metrics.requested("rack-1", "connect", "unreachable", 1.5)
    metrics.requested("rack-1", "exchange", "ok", 0.008)
    metrics.requested("rack-1", "read", "eaten", 0.008)
    assert value(metrics, "plc_connections_total", plc="rack-1") == 1
    assert value(metrics, "plc_request_duration_seconds_count", plc="rack-1") == 2
    assert value(metrics, "plc_request_duration_seconds_sum", plc="rack-1") == pytest.approx(0.016)
    assert value(metrics, "plc_requests_total", plc="rack-1", result="other") == 1
    assert total(metrics, "plc_requests_total") == 4


def test_every_cause_with_which_a_request_can_end_is_listed() -> None:
    """The words of the link are the words of the metric."""
    source = (Path(packcenter.core.__file__).parent.parent / "plc" / "link.py").read_text(encoding="utf-8")
    body = source[source.index("class Requests") : source.index("class Backoff")]
    used = {name.lower() for name in re.findall(r"Cause\.([A-Z]+)", body)}
    assert used
    assert used <= set(words.REQUEST_RESULTS)


# --- the lists are complete -------------------------------------------------------------------------------------------

_REASONED = {
    # what is called -> (which argument is the reason, list that must have it)
    "to_hand": (2, words.HAND_REASONS),
    "SentToHand": (1, words.HAND_REASONS),
    "suspect": (2, (*words.SUSPECT_REASONS, "")),
    "lose": (2, words.LOST_REASONS),
    "provisional": (1, words.SEEN_REASONS),
    "exception": (2, words.ROUTE_REASONS),
    "Choice": (3, words.ROUTE_REASONS),
    "set_aside": (1, words.ASIDE_REASONS),
    "ParcelRejected": (3, words.PARCEL_REASONS),
    "JobAbandoned": (3, words.PARCEL_REASONS),
    "make_suspect": (2, words.PARCEL_REASONS),
    "ask_close": (2, words.CLOSE_REASONS),
}  # fmt: skip


def literals(node: ast.expr) -> set[str]:
    """Every text that an expression can stand for by itself."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return literals(node.body) | literals(node.orelse)
    if isinstance(node, ast.BoolOp):
        return set().union(*map(literals, node.values))
    return set()


def test_every_reason_that_the_core_writes_out_has_a_series_of_its_own() -> None:
    """A reason added to a rule must be added to its list in `families.py`, and to `grafana/words.py` in Chinese."""
    found, missing = 0, []
    for path in sorted(Path(packcenter.core.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if not isinstance(node, ast.Call) or name not in _REASONED or len(node.args) <= _REASONED[name][0]:
                continue
            at, listed = _REASONED[name]
            for reason in literals(node.args[at]):
                found += 1
                if reason not in listed:
                    missing.append(f"{path.name}:{node.lineno}: {name}(… {reason!r})")
    assert missing == []
    assert found > 25

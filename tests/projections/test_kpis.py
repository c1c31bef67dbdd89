"""KPIs: every observed microsecond is in one element, ratios are the standard's, and a journal gives the same figures again."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grafana.preview.hall import reference_hall
from packcenter.core import facts as f
from packcenter.core import record
from packcenter.core.case_facts import DocumentStored
from packcenter.core.hall import CaseRack, Hall
from packcenter.core.words import ReasonClass
from packcenter.journal.frames import Draft
from packcenter.projections.elements import ELEMENTS, UNPLANNED
from packcenter.projections.kpis import KPIS, UNITS, Kpis, Measured, Ratio, as_json, may_tell

SECOND = 1_000_000
START = 1_795_132_800_000_000
PLC = "bagger-1"
EXECUTE, HELD, ABORTED, STOPPED, SUSPENDED, CLEARING, RESETTING, STARTING = 6, 11, 9, 2, 5, 1, 15, 3

Said = tuple[float, list[Any]]


def rated(ideal_cycle_ms: int = 2_000, **changes: Any) -> Hall:
    """The preview's hall, in which the first bagger alone has an ideal cycle."""
    hall = reference_hall()
    baggers = tuple(msgspec.structs.replace(each, ideal_cycle_ms=ideal_cycle_ms * (each.plc == PLC)) for each in hall.baggers)
    return msgspec.structs.replace(hall, **{"baggers": baggers, **changes})


HALL = rated(0)


def adopted(hall: Hall | None = None, run: int = 1) -> f.HallAdopted:
    return f.HallAdopted(run, "test", hall or rated(), "digest")


def up(up: bool = True, plc: str = PLC) -> f.LinkStateSet:
    return f.LinkStateSet(plc, up, "")


def enters(state: int, cause: ReasonClass = ReasonClass.NONE, plc: str = PLC) -> f.MachineEntered:
    return f.MachineEntered(plc, state, int(cause), 0)


def sealed(reason: str = "") -> f.ParcelSealed:
    return f.ParcelSealed(PLC, 1, "D1", "E1", "E1", 30, reason)


def told(*said: Said) -> Kpis:
    """The accountant after records at seconds from the start."""
    kpis = Kpis()
    for second, facts in said:
        kpis.observe(START + int(second * SECOND), facts)
    return kpis


def elements(kpis: Kpis, plc: str = PLC) -> dict[str, float]:
    """Seconds in each element that has any."""
    return {name: us / SECOND for name, us in kpis.measured()[plc].elements.items() if us}


def figures(kpis: Kpis, plc: str = PLC) -> Measured:
    return kpis.measured()[plc]


def quotient(measured: Measured, kpi: str) -> float | None:
    ratio = measured.ratio(kpi)
    return None if ratio is None else ratio.value


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_machine_is_unknown_until_it_is_heard_and_has_said_its_state() -> None:
    """Neither a link alone nor a state alone is knowledge; both are."""
    kpis = told((0, [adopted()]), (3, [up()]), (5, [enters(EXECUTE)]), (9, []))
    assert elements(kpis) == {"unknown": 5, "production": 4}


def test_time_goes_to_the_newest_record_and_no_further() -> None:
    """What no record says is not known; the figures can be asked for at any time and change nothing."""
    kpis = told((0, [adopted(), up(), enters(EXECUTE)]), (4, []))
    assert elements(kpis) == elements(kpis) == {"production": 4}
    kpis.observe(START + 6 * SECOND, [])
    assert elements(kpis) == {"production": 6}


@pytest.mark.parametrize(
    ("state", "cause", "element"),
    [
        (SUSPENDED, ReasonClass.STARVED, "starved"),
        (SUSPENDED, ReasonClass.BLOCKED, "blocked"),
        (HELD, ReasonClass.OWN, "own"),
        (STOPPED, ReasonClass.OPERATOR, "operator"),
        (SUSPENDED, ReasonClass.CONTROLLER_LOST, "controller"),
        (STOPPED, ReasonClass.NONE, "no_cause"),
        (HELD, ReasonClass.FAULT, "down"),
        (RESETTING, ReasonClass.NONE, "setup"),
    ],
)
def test_a_delay_is_its_causes(state: int, cause: ReasonClass, element: str) -> None:
    """Two seconds of standing are two seconds of the element that the cause names, and availability lacks them."""
    kpis = told((0, [adopted(), up(), enters(EXECUTE)]), (8, [enters(state, cause)]), (10, [enters(EXECUTE)]))
    assert elements(kpis) == {"production": 8, element: 2}
    assert figures(kpis).ratio("availability") == Ratio(8 * SECOND, 10 * SECOND)


def test_a_lost_link_is_unknown_and_never_production() -> None:
    """Afterwards the machine is in the state last told; in a new life of its PLC it first has to say."""
    kpis = told((0, [adopted(), up(), enters(EXECUTE)]), (2, [up(False)]), (5, [up()]), (6, []))
    assert elements(kpis) == {"production": 3, "unknown": 3}
    kpis = told(
        (0, [adopted(), up(), enters(EXECUTE)]), (2, [up(False)]), (5, [up(), f.EpochGranted(PLC, 7, 2)]), (6, [enters(STOPPED)])
    )
    assert elements(kpis) == {"production": 2, "unknown": 4}
    assert figures(kpis).ratio("availability") == Ratio(2 * SECOND, 6 * SECOND)


def test_a_run_that_was_killed_leaves_the_time_until_the_next_start_unknown() -> None:
    """Nobody looked: from the last record on, however the machine ran; its last state is believed again when it is heard."""
    kpis = told(
        (0, [adopted(), up(), enters(EXECUTE)]), (10, []), (70, [adopted(run=2), up(False)]), (72, [up()]), (75, [])
    )  # fmt: skip
    assert elements(kpis) == {"production": 13, "unknown": 62}


def test_a_run_that_was_stopped_in_good_order_leaves_the_time_until_the_next_start_unplanned() -> None:
    """The people who stopped it planned nothing for the night."""
    kpis = told(
        (0, [adopted(), up(), enters(EXECUTE)]), (10, [f.StopNoted("shift end")]), (12, []), (70, [adopted(run=2)]), (71, [])
    )
    assert elements(kpis) == {"production": 12, "unplanned": 58, "unknown": 1}
    assert figures(kpis).ratio("availability") == Ratio(12 * SECOND, 13 * SECOND)


def test_outside_the_shifts_only_production_is_planned() -> None:
    """A shift from 08:00: a machine that stands before is not planned to be busy; one that works earlier plans so by working."""
    hall = rated(utc_offset_minutes=480, shifts=((481, 540),))  # the start is 08:00 local time
    kpis = told((0, [adopted(hall), up(), enters(STOPPED)]), (20, [enters(EXECUTE)]), (30, [enters(STOPPED)]), (100, []))
    assert elements(kpis) == {"unplanned": 50, "production": 10, "no_cause": 40}


def test_a_machine_that_the_hall_has_no_more_gets_no_more_time() -> None:
    """Its figures stay; when it is back it goes on."""
    without = rated(baggers=rated().baggers[1:])
    kpis = told(
        (0, [adopted(), up(), enters(EXECUTE)]), (4, []), (5, [adopted(without, 2), up(False)]), (9, [up(), enters(EXECUTE)])
    )
    assert elements(kpis) == {"production": 4, "unknown": 1}
    kpis.observe(START + 20 * SECOND, [adopted(run=3)])
    kpis.observe(START + 21 * SECOND, [up(), enters(EXECUTE)])
    kpis.observe(START + 23 * SECOND, [])
    assert elements(kpis) == {"production": 6, "unknown": 2}


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_failure_lasts_until_the_machine_produces_again() -> None:
    """Clearing, resetting and a link that was away meanwhile belong to the repair; a second fault within it is no second one."""
    kpis = told(
        (0, [adopted(), up(), enters(EXECUTE)]),
        (100, [enters(ABORTED, ReasonClass.FAULT)]),
        (110, [up(False)]),
        (120, [up(), enters(CLEARING), enters(STOPPED), enters(RESETTING)]),
        (125, [enters(ABORTED, ReasonClass.FAULT)]),
        (128, [enters(STARTING)]),
        (130, [enters(EXECUTE)]),
        (200, []),
    )
    measured = figures(kpis)
    assert (measured.failures, measured.repairs, measured.repair_us) == (1, 1, 30 * SECOND)
    assert measured.ratio("mtbf") == Ratio(170 * SECOND, 1)
    assert measured.ratio("mttr") == Ratio(30 * SECOND, 1)
    assert elements(kpis) == {"production": 170, "down": 13, "unknown": 10, "setup": 7}


def test_a_failure_that_lasts_is_one_without_a_repair() -> None:
    """There is a time between failures, and none to repair."""
    kpis = told((0, [adopted(), up(), enters(EXECUTE)]), (60, [enters(HELD, ReasonClass.FAULT)]), (90, []))
    assert (figures(kpis).failures, figures(kpis).repairs) == (1, 0)
    assert quotient(figures(kpis), "mtbf") == 60 * SECOND
    assert quotient(figures(kpis), "mttr") is None


def test_a_night_is_no_time_of_repair() -> None:
    """Stopped in good order with a fault standing, and repaired the next morning."""
    kpis = told(
        (0, [adopted(), up(), enters(EXECUTE)]), (10, [enters(ABORTED)]), (14, [f.StopNoted("")]),
        (50_000, [adopted(run=2), up(), enters(CLEARING)]), (50_003, [enters(EXECUTE)]),
    )  # fmt: skip
    assert figures(kpis).repair_us == 7 * SECOND


# --- items ------------------------------------------------------------------------------------------------------------


def test_oee_is_the_product_of_its_three_factors() -> None:
    """8 s of 10 planned, three pouches of 2 s each in them, two of them good."""
    kpis = told(
        (0, [adopted(), up(), enters(EXECUTE)]), (3, [sealed()]), (5, [f.ParcelRejected(PLC, 2, "D2", "weight")]),
        (7, [sealed()]), (8, [enters(HELD)]), (10, []),
    )  # fmt: skip
    measured = figures(kpis)
    assert measured.ratio("availability") == Ratio(8 * SECOND, 10 * SECOND)
    assert measured.ratio("effectiveness") == Ratio(6 * SECOND, 8 * SECOND)
    assert measured.ratio("quality") == Ratio(2, 3)
    assert measured.ratio("oee") == Ratio(4 * SECOND, 10 * SECOND)
    assert measured.ratio("throughput") == Ratio(3, 10 * SECOND)
    assert quotient(measured, "oee") == pytest.approx(0.8 * 0.75 * 2 / 3)


def test_a_machine_without_an_ideal_cycle_has_neither_effectiveness_nor_oee() -> None:
    """Not 0 and not 1; nor has one that got its ideal cycle later, for time in which it had none."""
    other = "bagger-2"
    kpis = told((0, [adopted(), up(plc=other), enters(EXECUTE, plc=other)]), (5, []))
    assert [kpi for kpi in KPIS if figures(kpis, other).ratio(kpi) is None] == ["effectiveness", "oee"]
    kpis = told((0, [adopted(HALL), up(), enters(EXECUTE), sealed()]), (5, [adopted(run=2)]), (6, [sealed()]))
    assert quotient(figures(kpis), "oee") is None
    assert quotient(figures(kpis), "quality") == 1


def test_a_ratio_over_nothing_is_not_given() -> None:
    """A machine that was never heard produced nothing of no quality, and was available for none of the time."""
    measured = figures(told((0, [adopted()]), (9, [])))
    assert {kpi: quotient(measured, kpi) for kpi in KPIS} == {
        "availability": 0, "effectiveness": None, "quality": None, "oee": 0, "throughput": 0, "mtbf": None, "mttr": None,
    }  # fmt: skip


def test_a_ratio_that_nobody_could_believe_is_shown() -> None:
    """Effectiveness above 1 tells that the ideal cycle is wrong; it is not cut."""
    kpis = told((0, [adopted(), up(), enters(EXECUTE)]), (3, [sealed(), sealed()]))
    assert quotient(figures(kpis), "effectiveness") == pytest.approx(4 / 3)


def test_what_counts_as_an_item_is_each_machines_work() -> None:
    """Lanes at the sorter, pouches at the bagger, parcels at the rack; a job without a pouch is none."""
    sorter, rack = HALL.sorters[0].plc, HALL.rack.plc
    kpis = told(
        (0, [adopted(), f.Diverted("D1", sorter, 1, 0), f.Diverted("D2", sorter, 9, 2), f.WrongLane("D3", sorter, 1, 2)]),
        (1, [f.ItemLost("D4", f"belt/{sorter}", "eye"), f.ItemLost("D5", f"lane/{sorter}/1", "passed_over")]),
        (2, [sealed(), sealed("weight"), f.ParcelRejected(PLC, 2, "", "jam"), f.JobAbandoned(PLC, 3, "D6", "nothing_there")]),
        (
            3,
            [
                f.ParcelDropped("E1", "D1", "B1", 1),
                f.ParcelTurnedOut("E2", "D2", "turned_out"),
                f.Diverted("D1", "sorter-9", 1, 0),
            ],
        ),
    )
    assert {name: (m.good, m.rejected) for name, m in kpis.measured().items() if m.good} == {
        sorter: (1, 3), PLC: (1, 2), rack: (1, 1),
    }  # fmt: skip


# --- laws -------------------------------------------------------------------------------------------------------------

_PLCS = ("bagger-1", "bagger-2", "sorter-1", "rack-1", "nobody-7")
_HALLS = (rated(), HALL, rated(shifts=((0, 700), (800, 1440))), rated(baggers=rated().baggers[1:]))
_FACTS = st.one_of(
    st.builds(enters, st.integers(0, 20), st.sampled_from(ReasonClass), st.sampled_from(_PLCS)),
    st.builds(up, st.booleans(), st.sampled_from(_PLCS)),
    st.builds(f.EpochGranted, st.sampled_from(_PLCS), st.just(7), st.integers(1, 9)),
    st.builds(adopted, st.sampled_from(_HALLS), st.integers(1, 9)),
    st.just(f.StopNoted("")),
    st.builds(sealed, st.sampled_from(["", "weight"])),
    st.builds(f.Diverted, st.just("D1"), st.sampled_from(_PLCS), st.just(1), st.integers(0, 9)),
    st.just(f.ParcelDropped("E1", "D1", "B1", 1)),
)
_RECORDS = st.lists(st.tuples(st.integers(0, 7_200 * SECOND), st.lists(_FACTS, max_size=4)), min_size=1, max_size=25)


def folded(records: Iterable[tuple[int, list[Any]]], cuts: Iterable[int] = ()) -> tuple[Kpis, list[dict[str, Measured]], int]:
    """The accountant after records with pauses between; at the cuts the figures begin anew, and those before are kept."""
    kpis, at_us, kept = Kpis(), START, []
    kpis.observe(START, [adopted()])
    for number, (pause_us, facts) in enumerate(records):
        if number in cuts:
            kept.append(kpis.measured())
            kpis.begin(at_us)
        at_us += pause_us
        kpis.observe(at_us, facts)
    kept.append(kpis.measured())
    return kpis, kept, at_us


def test_a_case_rack_has_done_its_work_when_a_document_is_in_its_own_cell() -> None:
    """What it could not read, or passed on to the hand station, is rejected."""
    racked = rated(case_racks=(CaseRack("cases-1", 4, 5, (), 10_000, 10_000, 1_000),))
    kpis = told(
        (0, [adopted(racked)]),
        (1, [DocumentStored("cases-1", 1, "D1", 1, True, ""), DocumentStored("cases-1", 2, "D2", 1, False, "unread_at_rack")]),
        (2, [DocumentStored("cases-1", 3, "D3", 0, True, "no_case")]),
    )
    assert (figures(kpis, "cases-1").good, figures(kpis, "cases-1").rejected) == (1, 2)


@given(_RECORDS)
def test_elements_sum_to_the_time_observed_in_any_order_of_facts(records: list[tuple[int, list[Any]]]) -> None:
    """No microsecond is counted twice and none is missing, whatever is told; a machine that the hall dropped misses only that."""
    kpis, _, at_us = folded(records)
    dropped = any(isinstance(fact, f.HallAdopted) and fact.hall is _HALLS[3] for _, facts in records for fact in facts)
    for name, measured in kpis.measured().items():
        assert set(measured.elements) == set(ELEMENTS)
        assert min(measured.elements.values()) >= 0
        if not (dropped and name == PLC):
            assert measured.observed_us == at_us - START
        assert measured.busy_us == measured.observed_us - measured.elements[UNPLANNED]
        assert 0 <= measured.repairs <= measured.failures <= measured.repairs + 1
        assert 0 <= measured.repair_us <= measured.observed_us


@given(_RECORDS, st.sets(st.integers(0, 25), max_size=4))
def test_figures_of_days_add_up_to_those_of_the_journal(records: list[tuple[int, list[Any]]], cuts: set[int]) -> None:
    """However the journal is cut into days, time, items and failures in all are the same, and folding again gives them again."""
    whole, _, _ = folded(records)
    _, days, _ = folded(records, cuts)
    again, _, _ = folded(records)
    assert again.measured() == whole.measured()
    for name, measured in whole.measured().items():
        parts = [day[name] for day in days if name in day]
        assert {e: sum(part.elements[e] for part in parts) for e in ELEMENTS} == measured.elements
        for figure in ("good", "rejected", "ideal_good_us", "ideal_rejected_us", "failures", "repairs", "repair_us"):
            assert sum(getattr(part, figure) for part in parts) == getattr(measured, figure), figure


@given(_RECORDS)
def test_who_reads_only_the_last_day_must_know_what_may_tell(records: list[tuple[int, list[Any]]]) -> None:
    """Of older records those that say what a machine does are enough for the time in each element after them."""
    half = len(records) // 2
    whole, part, at_us = Kpis(), Kpis(), START
    for kpis in (whole, part):
        kpis.observe(START, [adopted()])
    for number, (pause_us, facts) in enumerate(records):
        at_us += pause_us
        if number == half:
            for kpis in (whole, part):
                kpis.observe(at_us, [])
                kpis.begin(at_us)
        whole.observe(at_us, facts)
        if number >= half or may_tell(msgspec.msgpack.encode(facts)):
            part.observe(at_us, facts)
    shown = [
        {name: (each.elements, each.failures, each.repairs) for name, each in kpis.measured().items()} for kpis in (whole, part)
    ]
    assert shown[0] == shown[1]


# --- a day ------------------------------------------------------------------------------------------------------------


@cache
def day(broken: bool) -> Kpis:
    """400 items through the reference hall; in the broken day a guard of bagger-2 is open for a long part of it."""
    from datetime import date

    from packcenter.cli.site import plant_settings, prepare
    from packcenter.config import bundled_site, load_site
    from simulation.clock import HeapClock
    from simulation.fast import FastHall

    configuration = load_site(bundled_site())
    prepared = prepare(configuration, None, 5, 400, date(2026, 3, 2))
    drafts: list[Draft] = []
    hall = FastHall(
        configuration.hall, configuration.digest, prepared.deliveries, plant_settings(configuration, 5), HeapClock(),
        prepared.opens_us, keep=drafts.append,
    )  # fmt: skip
    hour = 3600 * SECOND
    hall.run(hour)
    if broken:
        hall.plant.programs["bagger-2"].open_guard()
    hall.run(4 * hour)
    hall.plant.programs["bagger-2"].make_ready()
    hall.run()
    kpis = Kpis()
    for draft in drafts:
        kpis.observe(draft.at_us, record.decode(draft.body).facts)
    return kpis


def test_an_ordinary_day_has_little_down_time_and_all_its_items() -> None:
    """The machines produce for nearly all of the planned time, and each is rated."""
    for plc, measured in day(broken=False).measured().items():
        assert measured.good > 0, plc
        assert (quotient(measured, "availability") or 0) > 0.98, plc
        assert 0 < (quotient(measured, "oee") or 0) < 0.5, plc
        assert measured.failures == 0, plc


def test_a_day_with_a_dead_bagger_shows_it() -> None:
    """One failure, three hours of down time and repair at that machine alone, and less availability by as much."""
    measured = day(broken=True).measured()
    dead = measured["bagger-2"]
    assert (dead.failures, dead.repairs) == (1, 1)
    assert dead.elements["down"] / SECOND == pytest.approx(3 * 3600, abs=2)
    assert (quotient(dead, "mttr") or 0) / SECOND == pytest.approx(3 * 3600, abs=5)
    lost = (quotient(day(broken=False).measured()["bagger-2"], "availability") or 0) - (quotient(dead, "availability") or 0)
    assert lost == pytest.approx(3 * 3600 * SECOND / dead.busy_us, abs=0.005)
    assert [plc for plc, each in measured.items() if each.failures] == ["bagger-2"]


def test_json_shows_numerators_and_denominators_with_their_units() -> None:
    """What a machine reads is what people see, and the pairs divide to the value."""
    rows = as_json(day(broken=True).measured())
    assert [row["plc"] for row in rows] == ["sorter-1", "sorter-2", "bagger-1", "bagger-2", "bagger-3", "bagger-4", "rack-1"]
    found: Any = msgspec.json.decode(msgspec.json.encode(rows))
    for row in found:
        for kpi in KPIS:
            plain = row["kpis"][kpi]
            assert (plain["numerator_unit"], plain["denominator_unit"]) == UNITS[kpi]
            if plain["denominator"]:
                assert plain["value"] == plain["numerator"] / plain["denominator"]
            else:
                assert plain["value"] is None

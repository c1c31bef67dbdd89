"""The case rack: storing, laying out, what it cannot do, stops and restarts; and packcenter's days with one that errs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from plantbed import CERTAIN, QUIET, Bed, Port, day, divert, packml, small_hall

from packcenter.config.build import hall_digest
from packcenter.core import hall as h
from packcenter.core.custody import balance_errors
from packcenter.core.packml import Command
from packcenter.core.words import CommandResult, PlaceState
from packcenter.plc.line import CommandKind, EventKind
from simulation.clock import HeapClock
from simulation.draws import Stream
from simulation.explore.scenarios import day_of, place, with_luck
from simulation.fast import FastHall
from simulation.luck import NOTHING_GOES_WRONG, Rates
from simulation.mischief import ACTS, cases
from simulation.plant.hall import PlantSettings

SECOND = 1_000_000


def case_hall() -> h.Hall:
    """The small hall of the plant's tests, whose first lane feeds a case rack of three cells; it lays out for bagger-2."""
    hall = small_hall(1)
    sorter = hall.sorters[0]
    lanes = (replace(sorter.lanes[0], feeds="cases-1", infeed=1), *sorter.lanes[1:])
    rack = h.CaseRack("cases-1", 3, 2, (h.Outlet(1, "bagger-2", 5),), 5000, 5000)
    return replace(hall, sorters=(replace(sorter, lanes=lanes),), case_racks=(rack,))


def before_rack(count: int, settings: PlantSettings = QUIET) -> tuple[Bed, Port]:
    """A started hall in whose first lane `count` documents stand before the case rack."""
    bed = Bed(day(count, settings, every_us=1, batch=count), settings, case_hall())
    bed.start()
    for track in range(1, count + 1):
        divert(bed.ports["sorter-1"], track, 1)
        bed.wait(1_100_000)
    bed.wait(4_000_000)
    assert bed.truth.counts() == {"lane": count}
    return bed, bed.ports["cases-1"]


def store(port: Port, cell: int) -> int:
    return port.tell(CommandKind.STORE, track=1, a=cell)


def release(port: Port, cell: int, outlet: int) -> int:
    return port.tell(CommandKind.RELEASE, a=cell, b=outlet)


def stored(port: Port) -> list[tuple[int, int, int, str]]:
    """(job, cell, documents counted there, code read) of everything that was stored."""
    return [(event.track, event.a, event.c, event.code) for event in port.of_kind(EventKind.STORED)]


def test_documents_are_read_and_put_into_the_cell_in_their_order() -> None:
    """One after the other; the eye counts what lies in the cell."""
    bed, port = before_rack(2)
    jobs = [store(port, 2), store(port, 2)]
    bed.wait(3 * SECOND)
    assert stored(port) == [(jobs[0], 2, 1, "NJ-C00000000"), (jobs[1], 2, 2, "NJ-C00000001")]
    assert set(bed.truth.places().values()) == {"cell/cases-1/2"}


def test_a_cell_is_laid_out_for_a_bagger_which_packs_all_of_it_in_one_pouch() -> None:
    """The bagger is asked for two documents and reports each; the pouch is one parcel."""
    bed, port = before_rack(2)
    store(port, 1)
    store(port, 1)
    bed.wait(3 * SECOND)
    job = release(port, 1, 1)
    bed.wait(2 * SECOND)
    assert [(event.track, event.a, event.b, event.c) for event in port.of_kind(EventKind.RELEASED)] == [(job, 1, 1, 2)]
    bagger = bed.ports["bagger-2"]
    begun = bagger.tell(CommandKind.BEGIN_PARCEL, track=5, a=2, text="W1")
    bed.wait(2 * SECOND)
    assert [(event.track, event.code) for event in bagger.of_kind(EventKind.FED)] == [
        (begun, "NJ-C00000000"),
        (begun, "NJ-C00000001"),
    ]
    bagger.tell(CommandKind.SEAL, text="W1")
    bed.wait(2 * SECOND)
    assert [len(parcel.documents) for parcel in bed.truth.sealed] == [2]


def test_a_pouch_for_which_too_few_came_stays_open_and_can_be_rejected() -> None:
    """Result 8 ends the feeding, and the document that is in it comes to the hand station."""
    bed, port = before_rack(1)
    store(port, 1)
    bed.wait(2 * SECOND)
    release(port, 1, 1)
    bed.wait(2 * SECOND)
    bagger = bed.ports["bagger-2"]
    begun = bagger.tell(CommandKind.BEGIN_PARCEL, track=5, a=2, text="W1")
    bed.wait(4 * SECOND)
    assert bagger.results() == [(begun, CommandResult.NOTHING_THERE)]
    assert set(bed.truth.places().values()) == {"pack/bagger-2"}
    bagger.tell(CommandKind.REJECT, text="W1")
    bed.wait(SECOND)
    assert set(bed.truth.places().values()) == {"hand"}


def test_a_pouch_is_rejected_while_documents_are_fed_and_gets_no_more() -> None:
    """What was not fed yet stays at the outlet."""
    bed, port = before_rack(2)
    store(port, 1)
    store(port, 1)
    bed.wait(3 * SECOND)
    release(port, 1, 1)
    bed.wait(2 * SECOND)
    bagger = bed.ports["bagger-2"]
    bagger.tell(CommandKind.BEGIN_PARCEL, track=5, a=2, text="W1")
    bed.wait(600_000)
    assert len(bagger.of_kind(EventKind.FED)) == 1
    bagger.tell(CommandKind.REJECT, text="W1")
    bed.wait(2 * SECOND)
    assert sorted(bed.truth.places().values()) == ["hand", "lane/cases-1/1"]


def test_cell_and_outlet_0_lead_to_the_hand_station() -> None:
    """For what must not be kept."""
    bed, port = before_rack(2)
    store(port, 0)
    store(port, 3)
    bed.wait(3 * SECOND)
    release(port, 3, 0)
    bed.wait(2 * SECOND)
    assert set(bed.truth.places().values()) == {"hand"}
    assert stored(port)[0][1:3] == (0, 0)


def test_orders_that_make_no_sense_are_refused() -> None:
    """An infeed, a cell or an outlet that is not there, an empty cell or infeed, a full or closed cell."""
    bed, port = before_rack(3)
    malformed = [port.tell(CommandKind.STORE, track=9, a=1), store(port, 7), release(port, 7, 1), release(port, 1, 9)]
    store(port, 1)
    store(port, 1)
    bed.wait(3 * SECOND)
    full = store(port, 1)
    port.tell(CommandKind.SET_PLACE, a=2, b=PlaceState.CLOSED)
    closed = store(port, 2)
    empty = release(port, 3, 1)
    bed.wait(2 * SECOND)
    store(port, 3)
    bed.wait(2 * SECOND)
    nothing = store(port, 3)
    bed.wait(2 * SECOND)
    assert port.results() == [
        *((number, CommandResult.MALFORMED) for number in malformed),
        (full, CommandResult.PLACE_NOT_OPEN),
        (closed, CommandResult.PLACE_NOT_OPEN),
        (empty, CommandResult.NOTHING_THERE),
        (nothing, CommandResult.NOTHING_THERE),
    ]


def test_a_stop_ends_what_is_under_way_and_leaves_the_document_where_it_lay() -> None:
    """Result 5 for each; nothing is in the handler's hand."""
    bed, port = before_rack(1)
    job = store(port, 1)
    bed.wait(100_000)
    packml(port, Command.STOP)
    bed.wait(5 * SECOND)
    assert (job, CommandResult.WRONG_STATE) in port.results()
    assert set(bed.truth.places().values()) == {"lane/sorter-1/1"}


@pytest.mark.parametrize(
    ("rate", "cell", "count"),
    [("other_cell", {1, 3}, {1}), ("takes_two", {2}, {2}), ("cell_no_read", {2}, {1})],
)
def test_a_handler_and_a_reader_that_err_say_what_their_sensors_see(rate: str, cell: set[int], count: set[int]) -> None:
    """The cell that it really is in, how many lie there, and no code where none was read."""
    bed, port = before_rack(2, replace(QUIET, rates=replace(NOTHING_GOES_WRONG, **{rate: CERTAIN})))
    store(port, 2)
    bed.wait(2 * SECOND)
    (_, at, counted, code) = stored(port)[0]
    assert at in cell
    assert counted in count
    assert bool(code) == (rate != "cell_no_read")


def test_a_broken_counter_counts_what_is_not_there_and_is_never_empty() -> None:
    """The rack cannot know better: it says so after a document was stored and on the way out, until somebody mends it."""
    bed, port = before_rack(2)
    rack = bed.plant.case_racks[0]
    rack.miscount(2, 1, 2)
    store(port, 2)
    bed.wait(2 * SECOND)
    assert [each[1:3] for each in stored(port)] == [(2, 2)]
    for _ in range(2):
        release(port, 2, 0)
        bed.wait(2 * SECOND)
    rack.miscount(2, 0, 0)
    last = release(port, 2, 0)
    bed.wait(2 * SECOND)
    assert [event.c for event in port.of_kind(EventKind.RELEASED)] == [3, 2]
    assert port.results() == [(last, CommandResult.NOTHING_THERE)]


# --- packcenter's days -----------------------------------------------------------------------------------------------


def _differences(seed: int, rates: dict[str, int], act: str = "") -> tuple[list[str], int]:
    """What is wrong in the end of a day in the explorer's hall with a case rack, and how many parcels held several documents."""
    where = place("cases")
    today = day_of(where, seed, 40, 300 * SECOND)
    hall = FastHall(
        where.hall, hall_digest(where.hall), today.deliveries, with_luck(where, seed, rates), HeapClock(), today.opens_us
    )
    stream = Stream(seed, "acts")
    for moment in range(20 * SECOND, 400 * SECOND, 20 * SECOND):
        result = hall.run(moment)
        if act:
            assert ACTS[act].do(hall.plant, hall.plcs, stream) is not None
    result = hall.run(800 * SECOND)
    faults = [*map(str, result.differences), *map(str, hall.plant.truth.faults()), *balance_errors(result.state)]
    return faults, sum(len(parcel.documents) > 1 for parcel in hall.plant.truth.sealed)


@pytest.mark.parametrize("seed", range(3))
def test_a_day_with_cases_balances(seed: int) -> None:
    """Cases leave whole or in parts, books and truth agree, and no parcel holds documents of two cases."""
    faults, several = _differences(seed, {})
    assert faults == []
    assert several


@pytest.mark.parametrize("act", cases.NAMES)
def test_packcenter_lives_through_each_act_at_a_case_rack(act: str) -> None:
    """Whatever the rack reads, carries or leaves wrongly is found, put out, or excused; never packed with another case."""
    for seed in (11, 12):
        faults, _ = _differences(seed, {}, act)
        assert faults == [], act


def test_a_rack_that_does_everything_wrong_now_and_then_mixes_nothing() -> None:
    """All mishaps of a case rack at once, a few in a hundred each."""
    names = [name for name in Rates.__struct_fields__ if name.startswith(("cell_", "other_cell", "takes_two", "leaves_"))]
    assert len(names) == 8
    for seed in range(20, 24):
        faults, _ = _differences(seed, dict.fromkeys(names, 40_000))
        assert faults == []


@pytest.mark.parametrize("more", [(1, 1), (0, 1), (1, 0), (-1, -1), (0, -1)])
def test_a_cell_that_never_counts_right_is_left_alone_and_comes_back_when_it_was_mended(more: tuple[int, int]) -> None:
    """It is emptied a few times and not for ever, people are told once, and after a stop of the rack it is used again."""
    where = place("cases")
    today = day_of(where, 3, 60, 300 * SECOND)
    hall = FastHall(where.hall, hall_digest(where.hall), today.deliveries, with_luck(where, 3, {}), HeapClock(), today.opens_us)
    rack = hall.plant.case_racks[0]
    rack.miscount(1, *more)
    hall.run(200 * SECOND)
    state = hall.controller.state
    jobs = state.plcs["cases-1"].numbers
    assert state.cells["cell/cases-1/1"].suspect == "cell_counter"
    assert state.alarms["cell_counter/cases-1/1"].stands
    hall.run(260 * SECOND)
    assert state.plcs["cases-1"].numbers - jobs < 40
    rack.miscount(1, 0, 0)
    rack.stop_by_hand(5 * SECOND)
    result = hall.run(800 * SECOND)
    assert result.state.cells["cell/cases-1/1"].suspect == ""
    assert not result.state.alarms["cell_counter/cases-1/1"].stands
    assert result.differences == []
    assert balance_errors(result.state) == []

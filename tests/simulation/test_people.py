"""People at the machines: what they take, put and swap, and how the machines go on, against a scripted controller."""

from __future__ import annotations

import pytest
from plantbed import EXCEPTION, Bed, begin, divert, diverted, drop, fed_lane, one_sorter, packml

from packcenter.core.packml import Command, State
from packcenter.core.words import CommandResult, Disposition, PlaceState, ReadOutcome, ReasonClass
from packcenter.plc.line import TRACK_MAX, CommandKind, EventKind
from simulation.luck import NOTHING_GOES_WRONG, Fate, Luck, Stage
from simulation.packml_unit import REASON_GUARD, Machine
from simulation.plant.bagger import REJECTED, SEALED
from simulation.plant.lane import STUCK_HOME, STUCK_OUT
from simulation.plant.reader import Reader
from simulation.truth import Document, Truth, Why


def state_of(machine: Machine) -> State:
    """The PackML state of a machine at this moment."""
    return machine.unit.state


def on_conveyor(count: int) -> Bed:
    """A hall with so many sealed parcels W0, W1, ... on their way to the rack."""
    bed, port = fed_lane(count)
    for number in range(count):
        begin(port, f"W{number}")
        bed.wait(500_000)
        port.tell(CommandKind.SEAL, text=f"W{number}")
        bed.wait(950_000)
    return bed


# --- at a lane -------------------------------------------------------------------------------------------------------


def test_a_person_who_is_quicker_than_the_feeder_leaves_it_with_nothing() -> None:
    """The document is gone between the beginning of the feed and its end: the feeder waits, then says so."""
    bed, port = fed_lane(1)
    sorter = bed.plant.sorters[0]
    job = begin(port, "W1")
    bed.wait(200_000)
    bed.plant.people.lift_from_lane(sorter, sorter.lanes[1], 0, "test")
    bed.wait(3_000_000)
    assert port.results() == [(job, CommandResult.NOTHING_THERE)]
    assert port.of_kind(EventKind.FED) == []
    assert bed.truth.places() == {"NJ-C00000000": "lost"}
    assert bed.truth.faults() == []


def test_what_a_person_puts_before_a_waiting_feeder_is_fed() -> None:
    """Whatever it is: the feeder only reads it."""
    bed, port = fed_lane(1)
    sorter = bed.plant.sorters[0]
    stranger = Document("XX-1", grams=20, thickness=60, announced=False)
    bed.truth.appeared(stranger)
    job = begin(port, "W1", infeed=2)
    bed.wait(200_000)
    bed.plant.people.put_into_lane(sorter, sorter.lanes[2], 0, stranger, "test")
    bed.wait(600_000)
    assert [(fed.track, fed.code) for fed in port.of_kind(EventKind.FED)] == [(job, "XX-1")]


def test_a_waiting_feeder_whose_plc_stands_finds_the_document_taken_away_again() -> None:
    """It came and went in STOP: in RUN the feeder waits on."""
    bed, port = fed_lane(1)
    sorter, bagger = bed.plant.sorters[0], bed.plant.baggers[0]
    stranger = Document("XX-1", grams=20, thickness=60, announced=False)
    bed.truth.appeared(stranger)
    job = begin(port, "W1", infeed=2)
    bagger.on_halt()
    bed.plant.people.put_into_lane(sorter, sorter.lanes[2], 0, stranger, "test")
    bed.plant.people.lift_from_lane(sorter, sorter.lanes[2], 0, "test")
    bed.wait(200_000)
    bagger.on_run()
    bed.plant.people.put_into_lane(sorter, sorter.lanes[2], 0, bed.plant.people.documents.pop(), "test")
    bed.wait(600_000)
    assert [(fed.track, fed.code) for fed in port.of_kind(EventKind.FED)] == [(job, "XX-1")]


def test_a_lane_that_people_fill_and_empty_says_so() -> None:
    """The lane-full sensor sees documents, not who put them there."""
    bed, port = one_sorter(0, capacity=3)
    sorter = bed.plant.sorters[0]
    for number in range(3):
        document = Document(f"XX-{number}", announced=False)
        bed.truth.appeared(document)
        bed.plant.people.put_into_lane(sorter, sorter.lanes[4], 0, document, "test")
    assert [(event.a, event.b) for event in port.of_kind(EventKind.PLACE_STATE)] == [(4, PlaceState.FULL)]
    bed.plant.people.lift_from_lane(sorter, sorter.lanes[4], 1, "test")
    bed.plant.people.lift_from_lane(sorter, sorter.lanes[4], 1, "test")
    assert [(event.a, event.b) for event in port.of_kind(EventKind.PLACE_STATE)][1:] == [(4, PlaceState.OPEN)]
    assert [document.code for document in sorter.lanes[4].fifo] == ["XX-2"]


def test_what_lies_with_a_tampered_document_is_near_it_until_the_lane_is_empty() -> None:
    """The ledger may be wrong about all of them; an empty lane is a clean one."""
    bed, _ = one_sorter(2)
    sorter = bed.plant.sorters[0]
    first, second = (rider.document for rider in sorter.on_belt()) if len(sorter.on_belt()) > 1 else bed.truth.documents
    stranger = Document("XX-1", announced=False)
    bed.truth.appeared(stranger)
    bed.plant.people.put_into_lane(sorter, sorter.lanes[1], 0, stranger, "test")
    divert(bed.ports["sorter-1"], 1, 1)
    bed.wait(4_000_000)
    assert {touch.why for touch in bed.truth.touches(first)} == {Why.NEAR}
    sorter.lanes[1].take()
    sorter.lanes[1].take()
    assert sorter.lanes[1].tampered == ""
    assert bed.truth.touches(second) == ()


# --- at the belt -----------------------------------------------------------------------------------------------------


def test_an_untracked_thing_that_is_lifted_is_missed_by_nobody() -> None:
    """Nobody followed it: no event, and nothing of it stays on the belt."""
    bed, port = one_sorter(0)
    sorter = bed.plant.sorters[0]
    stranger = Document("XX-1", announced=False)
    bed.truth.appeared(stranger)
    bed.plant.people.lay_on_belt(sorter, 500_000, stranger, "test")
    (rider,) = sorter.on_belt()
    bed.plant.people.lift(sorter.lift(rider), "test")
    bed.wait(20_000_000)
    assert port.of_kind(EventKind.GHOST) == port.of_kind(EventKind.LOST) == []
    assert (sorter.busy(), bed.truth.places()) == (0, {"XX-1": "lost"})


def test_a_thing_laid_onto_the_belt_is_a_ghost_at_the_next_eye() -> None:
    """It gets a track there and goes to the belt's end; before the first eye, in the middle, or behind the last one."""
    for gone_us, eye in ((500_000, 1), (5_500_000, 4), (11_000_000, EXCEPTION)):
        bed, port = one_sorter(0)
        stranger = Document("XX-1", announced=False)
        bed.truth.appeared(stranger)
        bed.plant.people.lay_on_belt(bed.plant.sorters[0], gone_us, stranger, "test")
        bed.wait(13_000_000)
        assert [ghost.a for ghost in port.of_kind(EventKind.GHOST)] == [eye]
        assert diverted(port) == [(1, EXCEPTION, Disposition.NO_ANSWER)]


def test_a_diverter_that_is_stuck_out_takes_what_nobody_follows_too() -> None:
    """A ghost that it catches is told by its eye; one that falls off there is on the floor."""
    bed, port = one_sorter(1)
    sorter = bed.plant.sorters[0]
    sorter.set_diverter(sorter.lanes[3], STUCK_OUT)
    stranger = Document("XX-1", announced=False)
    bed.truth.appeared(stranger)
    bed.plant.people.lay_on_belt(sorter, 4_500_000, stranger, "test")
    divert(port, 1, 6)
    bed.wait(13_000_000)
    assert diverted(port) == [(2, 3, Disposition.WRONG_LANE), (1, 3, Disposition.WRONG_LANE)]
    falling, port = one_sorter(1)
    falling.plant.sorters[0].set_diverter(falling.plant.sorters[0].lanes[3], STUCK_OUT)
    falling.plant.sorters[0].on_belt()[0].fate = Fate.FALLS
    falling.wait(13_000_000)
    assert [(lost.track, lost.a) for lost in port.of_kind(EventKind.LOST)] == [(1, 3)]


def test_a_diverter_that_is_freed_lets_pass_what_was_aimed_at_it() -> None:
    """It was looked at for nothing, and goes on to its own lane."""
    bed, port = one_sorter(1)
    sorter = bed.plant.sorters[0]
    sorter.set_diverter(sorter.lanes[3], STUCK_OUT)
    divert(port, 1, 6)
    bed.wait(3_000_000)
    sorter.make_ready()
    bed.wait(10_000_000)
    assert diverted(port) == [(1, 6, Disposition.AS_ASKED)]


def test_a_diverter_that_is_stuck_at_home_lets_all_run_to_the_end() -> None:
    """It was asked for a lane and is in another: wrong lane."""
    bed, port = one_sorter(1)
    bed.plant.sorters[0].set_diverter(bed.plant.sorters[0].lanes[6], STUCK_HOME)
    divert(port, 1, 6)
    bed.wait(13_000_000)
    assert diverted(port) == [(1, EXCEPTION, Disposition.WRONG_LANE)]


@pytest.mark.parametrize("how", ["aborted", "stopped"])
def test_a_button_is_answered_once_its_states_have_room_in_the_ring(how: str) -> None:
    """A ring that is full is never overwritten, whoever presses what (E5; whole seed 867702)."""
    bed, port = one_sorter(1)
    sorter = bed.plant.sorters[0]
    if how == "aborted":
        sorter.open_guard()
    else:
        sorter.stop_by_hand(2_000_000)
    bed.wait(1_000_000)
    stands = state_of(sorter)
    assert stands is (State.ABORTED if how == "aborted" else State.STOPPED)
    port.room = False
    told = len(port.events)
    if how == "aborted":
        sorter.make_ready()
    bed.wait(5_000_000)
    assert state_of(sorter) is stands
    states = [each for each in port.events[told:] if each.kind == EventKind.STATE_CHANGED]
    assert states == []
    port.room = True
    bed.wait(1_000_000)
    assert state_of(sorter) is State.STOPPED
    assert sorter.unit.reason_class is ReasonClass.NONE


def test_a_button_is_answered_when_nothing_waits_to_be_heard() -> None:
    """A belt bears more than the ring holds: more room than an empty one there will never be (whole seed 899514)."""
    bed, port = one_sorter(1)
    sorter = bed.plant.sorters[0]
    sorter.stop_by_hand(2_000_000)
    port.room, port.heard_out = False, True
    bed.wait(5_000_000)
    assert (state_of(sorter), sorter.unit.reason_class) == (State.STOPPED, ReasonClass.NONE)


def test_track_ids_wrap_and_pass_over_those_in_use() -> None:
    """Never 0, and never one that is on the belt."""
    bed, port = one_sorter(2)
    sorter = bed.plant.sorters[0]
    sorter._track = TRACK_MAX
    bed.wait(1_200_000)
    assert [scan.track for scan in port.of_kind(EventKind.SCANNED)] == [1, 2]


def test_a_jam_is_free_before_the_machine_is_held() -> None:
    """The person was quicker: the machine goes on as soon as it may."""
    bed, port = one_sorter(1)
    sorter = bed.plant.sorters[0]
    sorter.block_eye(sorter.lanes[2])
    assert state_of(sorter) is State.HOLDING
    sorter.make_ready()
    bed.wait(1_000_000)
    assert state_of(sorter) is State.EXECUTE
    assert [(jam.a, jam.b) for jam in port.of_kind(EventKind.JAM)] == [(2, 1), (2, 0)]


# --- at a reader and a printer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fate", "outcome", "code"),
    [
        (Fate.NO_READ, ReadOutcome.NO_IDENTIFIER, ""),
        (Fate.MULTIPLE, ReadOutcome.MULTIPLE_IDENTIFIERS, ""),
        (Fate.NEIGHBOUR_CODE, ReadOutcome.SUCCESS, "NJ-C00000002"),
        (Fate.ONE_OF_TWO, ReadOutcome.MULTIPLE_IDENTIFIERS, "NJ-C00000002"),
        (Fate.CITIZENS_NUMBER, ReadOutcome.SUCCESS, "999999199001017883"),
    ],
)
def test_an_armed_fate_is_met_once(fate: Fate, outcome: ReadOutcome, code: str) -> None:
    """By the next document alone; the neighbour is the one behind it in the queue."""
    bed, port = one_sorter(4)
    bed.plant.sorters[0].arm(Stage.SCANNER, fate)
    bed.wait(2_500_000)
    scans = [(scan.b, scan.code) for scan in port.of_kind(EventKind.SCANNED)]
    assert scans == [(0, "NJ-C00000000"), (outcome, code), (0, "NJ-C00000002")]


def test_another_code_is_that_of_a_document_somewhere_and_touches_both() -> None:
    """Nobody can know before one of them is read again."""
    bed, port = one_sorter(4)
    bed.plant.sorters[0].arm(Stage.SCANNER, Fate.OTHER_CODE)
    bed.wait(1_200_000)
    read = port.of_kind(EventKind.SCANNED)[1].code
    assert read in {document.code for document in bed.truth.documents} - {"NJ-C00000001"}
    assert sorted(document.code for document, _ in bed.truth.touched) == sorted({"NJ-C00000001", read})


@pytest.mark.parametrize(
    ("fate", "outcome", "code"),
    [
        (Fate.NEIGHBOUR_CODE, ReadOutcome.SUCCESS, "A"),
        (Fate.MISREAD, ReadOutcome.NO_IDENTIFIER, ""),
        (Fate.MULTIPLE, ReadOutcome.NO_IDENTIFIER, ""),
        (Fate.NONE, ReadOutcome.NO_IDENTIFIER, ""),
    ],
)
def test_a_thing_without_a_code_is_read_as_its_neighbour_or_not_at_all(fate: Fate, outcome: ReadOutcome, code: str) -> None:
    """There is nothing on it that could be read wrong."""
    bare, behind = Document("", announced=False), Document("A")
    truth = Truth([bare, behind])
    reader = Reader("sorter-1", Stage.SCANNER, Luck(1, NOTHING_GOES_WRONG), truth)
    assert reader.read(bare, fate, behind, 0) == (outcome, code, bool(code))


@pytest.mark.parametrize(
    ("fate", "packed"),
    [
        (Fate.LABEL_NONE, [(REJECTED, ""), (SEALED, "W1"), (SEALED, "W2")]),
        (Fate.LABEL_LATE, [(REJECTED, ""), (REJECTED, "W0"), (SEALED, "W2")]),
        (Fate.LABEL_WRONG, [(SEALED, "W0"), (SEALED, "W1"), (SEALED, "W2")]),  # there was no label before the first
    ],
)
def test_what_a_printer_does_shows_on_this_pouch_or_the_next(fate: Fate, packed: list[tuple[int, str]]) -> None:
    """A machine that reads back puts out what is not right."""
    bed, port = fed_lane(3)
    bed.plant.baggers[0].arm(Stage.POUCH, fate)
    for number in range(3):
        begin(port, f"W{number}")
        bed.wait(500_000)
        port.tell(CommandKind.SEAL, text=f"W{number}")
        bed.wait(1_000_000)
    assert [(event.b, event.code) for event in port.of_kind(EventKind.PACKED)] == packed


def test_a_second_label_sticks_to_the_next_pouch() -> None:
    """Read back are either of the two or none; if it is its own, both parcels are touched."""
    seen = set()
    for number in range(12):
        bed, port = fed_lane(3)
        for document in bed.truth.documents:
            document.key += number
        bed.plant.baggers[0].arm(Stage.POUCH, Fate.LABEL_TWICE)
        for at in range(2):
            begin(port, f"W{at}")
            bed.wait(500_000)
            port.tell(CommandKind.SEAL, text=f"W{at}")
            bed.wait(1_000_000)
        (_, second) = port.of_kind(EventKind.PACKED)
        seen.add((second.b, second.code))
        if second.b == SEALED:
            assert [parcel.extra for parcel in bed.truth.sealed] == ["", "W0"]
            assert all(touches[0].why is Why.LABELLED for _, touches in bed.truth.touched)
            assert len(bed.truth.touched) == 2
    assert seen == {(SEALED, "W1"), (REJECTED, "W0"), (REJECTED, "")}


def test_another_label_is_that_of_an_earlier_parcel() -> None:
    """Of any, not of the one before alone."""
    bed, port = fed_lane(3)
    for number in range(3):
        if number == 2:
            bed.plant.baggers[0].arm(Stage.POUCH, Fate.LABEL_OTHER)
        begin(port, f"W{number}")
        bed.wait(500_000)
        port.tell(CommandKind.SEAL, text=f"W{number}")
        bed.wait(1_000_000)
    third = port.of_kind(EventKind.PACKED)[2]
    assert third.b == REJECTED
    assert third.code in ("W0", "W1")


# --- at the rack -----------------------------------------------------------------------------------------------------


def test_a_parcel_that_is_taken_away_never_arrives_and_the_others_do() -> None:
    """Off the conveyor, out of the queue of those without an order, or from before a bag that is being changed."""
    bed = on_conveyor(3)
    people, rack = bed.plant.people, bed.plant.rack
    port = bed.ports["rack-1"]
    assert [parcel.label for parcel in rack.on_way()] == ["W0", "W1", "W2"]
    people.take_parcel(rack, rack.on_way()[1], "test")
    bed.wait(6_000_000)
    people.take_parcel(rack, next(parcel for parcel in rack.on_way() if parcel.label == "W0"), "test")
    drop(port, "W2", 4)
    bed.wait(10_000_000)
    assert [(event.code, event.a) for event in port.of_kind(EventKind.DROPPED)] == [("W2", 4)]
    assert bed.truth.counts() == {"people": 2, "bag": 1}
    drop(port, "W1", 5)
    rack.convey(people.parcels.pop(0))
    bed.wait(6_000_000)
    assert [(event.code, event.a) for event in port.of_kind(EventKind.DROPPED)][1:] == [("W1", 5)]
    assert bed.truth.faults() == []


def test_parcels_change_bags_by_hand_and_the_weight_tells() -> None:
    """Nothing sees the mouth of a bag; what hangs there is weighed when it is closed."""
    bed = on_conveyor(2)
    people, rack, port = bed.plant.people, bed.plant.rack, bed.ports["rack-1"]
    drop(port, "W0", 1)
    drop(port, "W1", 2)
    bed.wait(8_000_000)
    one, two = rack.bags[1], rack.bags[2]
    parcel = one.parcels[0]
    people.take_out_of_bag(rack, one, parcel, "test")
    people.parcels.clear()
    people.put_into_bag(rack, two, parcel, "test")
    for position in (1, 2):
        port.tell(CommandKind.CLOSE_BAG, a=position, text=f"T{position}")
    bed.wait(5_000_000)
    assert [(event.a, event.c) for event in port.of_kind(EventKind.BAG_CLOSED)] == [
        (1, 0),
        (2, sum(p.grams for p in bed.truth.sealed)),
    ]
    assert bed.truth.bills() == {"T1": (), "T2": ("W1", "W0")}


def test_a_position_that_a_person_closed_stays_closed_over_a_restart() -> None:
    """The switch is at the rack, not in the memory."""
    bed = on_conveyor(1)
    rack, port = bed.plant.rack, bed.ports["rack-1"]
    rack.close_position(3)
    assert [(event.a, event.b) for event in port.of_kind(EventKind.PLACE_STATE)] == [(3, PlaceState.CLOSED)]
    number = drop(port, "W0", 3)
    assert (number, CommandResult.PLACE_NOT_OPEN) in port.results()
    port.reboot()
    port.grant(2)
    assert [(event.a, event.b) for event in port.of_kind(EventKind.PLACE_STATE)][1:] == [(3, PlaceState.CLOSED)]
    rack.make_ready()
    assert [(event.a, event.b) for event in port.of_kind(EventKind.PLACE_STATE)][2:] == [(3, PlaceState.OPEN)]


# --- guards ----------------------------------------------------------------------------------------------------------


def test_a_guard_empties_the_bagger_and_keeps_it_from_starting() -> None:
    """Every order to start is refused while it is open; closed, a person clears the fault."""
    bed, port = fed_lane(2)
    bagger = bed.plant.baggers[0]
    begin(port, "W1")
    bed.wait(500_000)
    assert [document.code for document in bagger.open_pouches()] == ["NJ-C00000000"]
    bagger.open_guard()
    bed.wait(300_000)
    assert (bagger.unit.state, bagger.unit.reason) == (State.ABORTED, REASON_GUARD)
    assert bed.plant.hand.sources() == [("NJ-C00000000", "bagger-1")]
    refused = packml(port, Command.CLEAR)
    assert (refused, CommandResult.INTERLOCK) in port.results()
    bagger.make_ready()
    bed.wait(300_000)
    assert state_of(bagger) is State.STOPPED


def test_a_guard_that_is_closed_while_the_machine_still_aborts_is_cleared_afterwards() -> None:
    """People do not wait for the last valve."""
    bed, _ = fed_lane(1)
    bagger = bed.plant.baggers[0]
    bagger.open_guard()
    assert state_of(bagger) is State.ABORTING
    bagger.make_ready()
    bed.wait(500_000)
    assert state_of(bagger) is State.STOPPED


def test_a_guard_that_was_opened_and_closed_in_stop_was_seen_by_nobody() -> None:
    """The PLC looks at it in RUN."""
    bed, _ = fed_lane(1)
    bagger = bed.plant.baggers[0]
    bagger.on_halt()
    bagger.open_guard()
    bagger.guard_open = False
    bagger.on_run()
    assert state_of(bagger) is State.EXECUTE

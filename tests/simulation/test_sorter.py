"""A sorter: infeed, scanner, decisions and their re-check at the diverter, mishaps, stops and restarts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from plantbed import BELT_US, CERTAIN, EXCEPTION, QUIET, Bed, day, divert, diverted, one_sorter, packml, small_hall

from packcenter.core.packml import Command, State
from packcenter.core.words import CommandResult, Disposition, PlaceState, ReadOutcome, ReasonClass, plc_deadline
from packcenter.plc.line import CommandKind, EventKind
from simulation.luck import Rates
from simulation.plant.hall import PlantSettings
from simulation.plant.sorter import REASON_JAM, SorterSettings
from simulation.truth import Document


def test_items_are_let_in_one_by_one_with_their_gap_and_rising_tracks() -> None:
    """Each scan says what is printed on the document; gaps lie in the settings' range."""
    bed, port = one_sorter(6)
    bed.wait(10_000_000)
    scans = port.of_kind(EventKind.SCANNED)
    assert [scan.track for scan in scans] == [1, 2, 3, 4, 5, 6]
    assert [scan.code for scan in scans] == [f"NJ-C{number:08d}" for number in range(6)]
    assert {(scan.a, scan.b, scan.c) for scan in scans} == {(1, ReadOutcome.SUCCESS, 0)}
    gaps = [after.us - before.us for before, after in pairwise(scans)]
    assert all(900_000 <= gap <= 1_100_000 for gap in gaps)
    assert len(set(gaps)) > 1


def test_nothing_is_let_in_outside_execute_or_while_the_plc_forbids() -> None:
    """A stopped machine and a full ring stop the infeed; it goes on by itself when they end."""
    bed, port = one_sorter(10)
    bed.wait(1_500_000)
    port.room = False
    before = len(port.of_kind(EventKind.SCANNED))
    bed.wait(5_000_000)
    assert len(port.of_kind(EventKind.SCANNED)) == before
    port.room = True
    bed.wait(100_000)
    assert len(port.of_kind(EventKind.SCANNED)) == before + 1
    packml(port, Command.SUSPEND)
    bed.wait(5_000_000)
    assert len(port.of_kind(EventKind.SCANNED)) == before + 1
    packml(port, Command.UNSUSPEND)
    bed.wait(200_000)
    assert len(port.of_kind(EventKind.SCANNED)) == before + 2


def test_a_full_exception_lane_stops_the_infeed_until_a_person_has_carried_it_away() -> None:
    """Without decisions everything ends in the exception lane; nothing is lost when it is full."""
    settings = PlantSettings(rates=QUIET.rates, sorter=SorterSettings(carry_us=60_000_000))
    bed, port = one_sorter(40, settings, capacity=10)
    bed.wait(50_000_000)
    place = port.of_kind(EventKind.PLACE_STATE)[0]
    assert (place.a, place.b, place.c) == (EXCEPTION, PlaceState.FULL, 10)
    assert port.places == 0b0_1111_1111
    scanned = len(port.of_kind(EventKind.SCANNED))
    bed.wait(15_000_000)
    assert len(port.of_kind(EventKind.SCANNED)) == scanned < 40
    bed.wait(300_000_000)
    assert bed.truth.counts() == {"hand": 40}
    assert port.places == 0b1_1111_1111


@pytest.mark.parametrize(
    ("rates", "outcome"),
    [
        (Rates(scan_no_read=CERTAIN, scan_multiple=0, scan_error=0, scan_misread=0), ReadOutcome.NO_IDENTIFIER),
        (Rates(scan_no_read=0, scan_multiple=CERTAIN, scan_error=0, scan_misread=0), ReadOutcome.MULTIPLE_IDENTIFIERS),
        (Rates(scan_no_read=0, scan_multiple=0, scan_error=CERTAIN, scan_misread=0), ReadOutcome.READ_ERROR),
    ],
)
def test_a_scan_that_fails_says_how_and_carries_no_code(rates: Rates, outcome: ReadOutcome) -> None:
    """Bad luck at the scanner."""
    _, port = one_sorter(1, PlantSettings(rates=rates))
    assert [(scan.b, scan.code) for scan in port.of_kind(EventKind.SCANNED)] == [(outcome, "")]


def test_a_document_without_a_code_cannot_be_read() -> None:
    """Something that got between the documents in the induction queue."""
    bed = Bed([Document("", announced=False)], QUIET, small_hall(1))
    bed.start()
    assert [(scan.b, scan.code) for scan in bed.ports["sorter-1"].of_kind(EventKind.SCANNED)] == [(8, "")]


def test_a_misread_is_a_success_with_a_wrong_code() -> None:
    """The scanner cannot know."""
    _, port = one_sorter(1, PlantSettings(rates=Rates(scan_no_read=0, scan_multiple=0, scan_error=0, scan_misread=CERTAIN)))
    (scan,) = port.of_kind(EventKind.SCANNED)
    assert scan.b == ReadOutcome.SUCCESS
    assert scan.code != "NJ-C00000000"
    assert len(scan.code) == len("NJ-C00000000")


# --- sorter: decisions -----------------------------------------------------------------------------------------------


def test_a_decision_in_time_takes_the_item_into_its_lane() -> None:
    """Lane 3 is 5 m from the scanner, at 1 m/s; the lane's eye confirms it 5 s after the scan."""
    bed, port = one_sorter(1)
    divert(port, 1, 3)
    bed.wait(BELT_US)
    (event,) = port.of_kind(EventKind.DIVERTED)
    assert (event.track, event.a, event.b, event.c) == (1, 3, Disposition.AS_ASKED, 5000)
    assert event.us == port.of_kind(EventKind.SCANNED)[0].us + 5_000_000
    assert bed.truth.places() == {"NJ-C00000000": "lane/sorter-1/3"}


def test_an_item_without_a_decision_ends_in_the_exception_lane() -> None:
    """The belt's end is everybody's fallback; people carry what lies there to the hand station."""
    bed, port = one_sorter(1)
    bed.wait(BELT_US)
    (event,) = port.of_kind(EventKind.DIVERTED)
    assert (event.a, event.b, event.c) == (EXCEPTION, Disposition.NO_ANSWER, 12_000)
    assert bed.truth.counts() == {"lane": 1}
    assert bed.truth.places() == {"NJ-C00000000": "hand"}
    bed.wait(120_000_000)
    assert bed.plant.hand.sources() == [("NJ-C00000000", "sorter-1")]


def test_the_exception_lane_can_be_asked_for() -> None:
    """Then it is no fallback."""
    bed, port = one_sorter(1)
    divert(port, 1, EXCEPTION)
    bed.wait(BELT_US)
    assert diverted(port) == [(1, EXCEPTION, Disposition.AS_ASKED)]


def test_a_decision_past_its_deadline_is_refused_and_the_item_says_late() -> None:
    """The PLC compares the deadline with its own clock, though the item has far to go."""
    bed, port = one_sorter(1)
    deadline = plc_deadline(port.now_ms(), 500)
    bed.wait(501_000)
    number = port.tell(CommandKind.DIVERT, track=1, a=8, b=EXCEPTION, deadline=deadline)
    bed.wait(BELT_US)
    assert port.results() == [(number, CommandResult.LATE)]
    assert diverted(port) == [(1, EXCEPTION, Disposition.LATE)]


@pytest.mark.parametrize(("left_us", "lane", "disposition"), [(120_000, 1, 0), (119_999, EXCEPTION, 2)])
def test_a_decision_must_come_before_the_actuator_and_the_scan_cycle(left_us: int, lane: int, disposition: int) -> None:
    """120 ms before the diverter is in time, one microsecond less is late, whatever the deadline says."""
    bed = Bed(day(1), QUIET, small_hall(1))
    bed.start()
    port = bed.ports["sorter-1"]
    scanned_us = port.of_kind(EventKind.SCANNED)[0].us
    bed.clock.run_until(scanned_us + 3_000_000 - left_us)
    divert(port, 1, 1)
    bed.wait(BELT_US)
    assert diverted(port) == [(1, lane, disposition)]


def test_decisions_that_make_no_sense_are_refused() -> None:
    """Unknown tracks, lanes that are not there, and a second decision that differs; an equal one is harmless."""
    bed, port = one_sorter(1)
    refused = [divert(port, 7, 1), divert(port, 1, 12), divert(port, 1, 2, fallback=0)]
    divert(port, 1, 2)
    differing = divert(port, 1, 3)
    divert(port, 1, 2)
    bed.wait(BELT_US)
    gone = divert(port, 1, 2)
    results = [CommandResult.UNKNOWN_TRACK, CommandResult.MALFORMED, CommandResult.MALFORMED]
    assert port.results() == [
        *zip(refused, results, strict=True),
        (differing, CommandResult.INTERLOCK),
        (gone, CommandResult.UNKNOWN_TRACK),
    ]
    assert diverted(port) == [(1, 2, Disposition.AS_ASKED)]


def test_a_lane_closed_after_the_decision_is_not_entered() -> None:
    """The PLC looks again at the diverter; the lane's state was reported, and is again when it opens."""
    bed, port = one_sorter(2)
    divert(port, 1, 4)
    bed.wait(2_000_000)
    port.tell(CommandKind.SET_PLACE, a=4, b=PlaceState.CLOSED)
    assert port.places == 0b1_1111_0111
    bed.wait(4_500_000)
    divert(port, 2, 4)
    port.tell(CommandKind.SET_PLACE, a=4, b=PlaceState.OPEN)
    again = port.tell(CommandKind.SET_PLACE, a=4, b=PlaceState.OPEN)
    bed.wait(BELT_US)
    assert diverted(port) == [(2, 4, Disposition.AS_ASKED), (1, EXCEPTION, Disposition.LANE_CLOSED)]
    assert [(e.a, e.b) for e in port.of_kind(EventKind.PLACE_STATE)] == [(4, PlaceState.CLOSED), (4, PlaceState.OPEN)]
    assert port.results() == [(again, CommandResult.DONE)]


def test_a_full_lane_is_not_entered_and_opens_again_when_it_is_drained() -> None:
    """The item that fills it is the last; a bagger that takes two of four documents opens it."""
    bed, port = one_sorter(5, capacity=4)
    for track in range(1, 6):
        divert(port, track, 1)
        bed.wait(1_100_000)
    bed.wait(BELT_US)
    assert [(lane, why) for _, lane, why in diverted(port)] == [(1, 0)] * 4 + [(EXCEPTION, Disposition.LANE_FULL)]
    bagger = bed.ports["bagger-1"]
    for job in range(2):
        bagger.tell(CommandKind.BEGIN_PARCEL, track=1, a=1, text=f"W{job}")
        bed.wait(600_000)
        bagger.tell(CommandKind.SEAL, text=f"W{job}")
        bed.wait(1_000_000)
    places = [(event.a, event.b, event.c) for event in port.of_kind(EventKind.PLACE_STATE)]
    assert places == [(1, PlaceState.FULL, 4), (1, PlaceState.OPEN, 2)]


def test_a_fallback_lane_ahead_is_taken_if_it_is_open() -> None:
    """The disposition says why the item is not where it was asked for; a fallback behind it means the belt's end."""
    bed, port = one_sorter(2)
    port.tell(CommandKind.SET_PLACE, a=4, b=PlaceState.CLOSED)
    divert(port, 1, 4, fallback=6)
    bed.wait(1_100_000)
    divert(port, 2, 4, fallback=2)
    bed.wait(BELT_US + 2_000_000)
    assert diverted(port) == [(1, 6, Disposition.LANE_CLOSED), (2, EXCEPTION, Disposition.LANE_CLOSED)]


def test_places_that_are_not_there_cannot_be_set() -> None:
    """Unknown lanes and states that only the machine can bring about are malformed."""
    _, port = one_sorter(1)
    numbers = [port.tell(CommandKind.SET_PLACE, a=10, b=0), port.tell(CommandKind.SET_PLACE, a=1, b=PlaceState.FULL)]
    assert port.results() == [(number, CommandResult.MALFORMED) for number in numbers]


# --- sorter: mishaps -------------------------------------------------------------------------------------------------


def test_an_item_that_falls_off_is_missed_by_the_eye_that_should_see_it() -> None:
    """The diverter's eye if it was decided, the belt end's if not; it lies on the floor."""
    bed, port = one_sorter(2, PlantSettings(rates=Rates(falls=CERTAIN, ghost=0, scan_no_read=0, scan_error=0)))
    divert(port, 1, 2)
    bed.wait(BELT_US + 2_000_000)
    assert [(event.track, event.a) for event in port.of_kind(EventKind.LOST)] == [(1, 2), (2, EXCEPTION)]
    assert diverted(port) == []
    assert bed.truth.counts() == {"floor": 2}
    assert set(bed.truth.places().values()) == {"lost"}


def test_something_unannounced_on_the_belt_is_seen_as_a_ghost_and_ends_in_the_exception_lane() -> None:
    """It gets a track of its own at the first eye that sees it; truth counts it without a code."""
    bed, port = one_sorter(1, PlantSettings(rates=Rates(falls=0, ghost=CERTAIN, scan_no_read=0, scan_error=0)))
    divert(port, 1, 8)
    bed.wait(BELT_US)
    (ghost,) = port.of_kind(EventKind.GHOST)
    assert (ghost.track, ghost.a) == (2, 5)
    assert diverted(port) == [(2, EXCEPTION, Disposition.NO_ANSWER), (1, 8, Disposition.AS_ASKED)]
    assert bed.truth.counts() == {"lane": 2}
    assert bed.truth.places() == {"NJ-C00000000": "lane/sorter-1/8"}


def test_a_jam_holds_the_sorter_until_a_person_has_cleared_it() -> None:
    """The belt stands, clearing by command is refused, then the item goes to the belt's end and the sorter on."""
    bed, port = one_sorter(2, PlantSettings(rates=Rates(falls=0, ghost=0, jams=CERTAIN, scan_no_read=0, scan_error=0)))
    divert(port, 1, 1)
    bed.wait(10_000_000)
    assert [(e.track, e.a, e.b) for e in port.of_kind(EventKind.JAM)] == [(1, 1, 1)]
    assert port.state == State.HELD
    held = port.of_kind(EventKind.STATE_CHANGED)[-1]
    assert (held.b, held.c) == (ReasonClass.OWN, REASON_JAM)
    early = port.tell(CommandKind.CLEAR_JAM, a=1)
    bed.wait(55_000_000)
    assert port.state == State.EXECUTE
    late = port.tell(CommandKind.CLEAR_JAM, a=1)
    nowhere = port.tell(CommandKind.CLEAR_JAM, a=77)
    bed.wait(20_000_000)
    assert port.results() == [(early, 6), (late, CommandResult.DONE), (nowhere, CommandResult.MALFORMED)]
    assert [(e.a, e.b) for e in port.of_kind(EventKind.PLACE_STATE)] == [(1, PlaceState.JAMMED), (1, PlaceState.OPEN)]
    assert diverted(port)[0] == (1, EXCEPTION, Disposition.LANE_CLOSED)
    assert port.of_kind(EventKind.DIVERTED)[0].c > 70_000


def test_a_diverter_that_acts_too_late_sends_the_item_into_the_lane_after() -> None:
    """The confirmation names the lane where it really is."""
    bed, port = one_sorter(2, PlantSettings(rates=Rates(falls=0, ghost=0, wrong_lane=CERTAIN, scan_no_read=0, scan_error=0)))
    divert(port, 1, 2)
    bed.wait(1_100_000)
    divert(port, 2, 8)
    bed.wait(BELT_US)
    assert diverted(port) == [(1, 3, Disposition.WRONG_LANE), (2, EXCEPTION, Disposition.WRONG_LANE)]


# --- sorter: stops, silence, restart ---------------------------------------------------------------------------------


def test_a_belt_that_stood_still_delivers_later_but_right() -> None:
    """Stop in the middle, reset, start: every item still goes where it was asked, later by the time of standing."""
    bed, port = one_sorter(1)
    divert(port, 1, 8)
    bed.wait(4_000_000)
    packml(port, Command.STOP)
    bed.wait(30_000_000)
    assert bed.truth.places() == {"NJ-C00000000": "belt/sorter-1"}
    packml(port, Command.RESET)
    bed.wait(200_000)
    packml(port, Command.START)
    bed.wait(BELT_US)
    (event,) = port.of_kind(EventKind.DIVERTED)
    assert (event.a, event.b, event.c) == (8, Disposition.AS_ASKED, 40_400)


def test_without_packcenter_the_belt_runs_out_and_nothing_more_is_let_in() -> None:
    """Decided items go to their lanes, the others to the exception lane; back again, the infeed goes on."""
    bed, port = one_sorter(10)
    bed.wait(2_500_000)
    divert(port, 1, 1)
    port.lose_peer()
    let_in = len(port.of_kind(EventKind.SCANNED))
    bed.wait(20_000_000)
    assert len(port.of_kind(EventKind.SCANNED)) == let_in == 3
    assert [(lane, why) for _, lane, why in diverted(port)] == [
        (1, Disposition.LATE if port.results() else Disposition.AS_ASKED),
        (EXCEPTION, Disposition.NO_ANSWER),
        (EXCEPTION, Disposition.NO_ANSWER),
    ]
    port.find_peer()
    bed.wait(2_000_000)
    assert len(port.of_kind(EventKind.SCANNED)) > let_in


def test_after_a_restart_the_belt_waits_then_runs_out_as_ghosts() -> None:
    """Tracks and decisions are gone, numbers start anew; what is in the lanes stays, what is on the belt ends at hand."""
    bed, port = one_sorter(4)
    divert(port, 1, 1)
    divert(port, 2, 8)
    bed.wait(3_900_000)
    assert bed.truth.counts() == {"lane": 1, "belt": 3}
    port.reboot()
    port.events.clear()
    bed.wait(20_000_000)
    assert port.events == []
    assert (port.state, port.places) == (State.STOPPED, 0b1_1111_1111)
    bed.start("sorter-1")
    bed.wait(BELT_US)
    assert [(event.track, event.a) for event in port.of_kind(EventKind.GHOST)] == [(1, 1), (2, 1), (3, 1)]
    assert diverted(port) == [(track, EXCEPTION, Disposition.NO_ANSWER) for track in (1, 2, 3)]
    assert bed.truth.places()["NJ-C00000000"] == "lane/sorter-1/1"
    assert bed.truth.counts() == {"lane": 4}


def test_a_restart_past_the_last_lane_leaves_the_ghost_to_the_belts_end() -> None:
    """The end's eye is the last that can see it. Closed lanes are open again, and what fell off is never missed."""
    bed, port = one_sorter(1)
    port.tell(CommandKind.SET_PLACE, a=1, b=PlaceState.CLOSED)
    bed.wait(11_000_000)
    port.reboot()
    bed.start("sorter-1")
    bed.wait(2_000_000)
    assert [(event.track, event.a) for event in port.of_kind(EventKind.GHOST)] == [(1, EXCEPTION)]
    assert diverted(port) == [(1, EXCEPTION, Disposition.NO_ANSWER)]
    assert port.of_kind(EventKind.PLACE_STATE)[1:] == []

    bed, port = one_sorter(1, PlantSettings(rates=Rates(falls=CERTAIN, ghost=0)))
    port.reboot()
    bed.start("sorter-1")
    bed.wait(BELT_US)
    assert port.of_kind(EventKind.LOST) == port.of_kind(EventKind.GHOST) == []
    assert bed.truth.counts() == {"floor": 1}

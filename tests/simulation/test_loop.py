"""A sorter that is a loop: what goes round, who comes in first, and an infeed that is held."""

from __future__ import annotations

from msgspec.structs import replace
from plantbed import BELT_US, EXCEPTION, QUIET, Bed, Port, day, divert, one_sorter, packml, small_hall

from packcenter.core.packml import Command
from packcenter.core.words import CommandResult, Disposition, PlaceState
from packcenter.plc.line import CommandKind, EventKind

ROUND_US = 4_000_000


def one_loop(count: int) -> tuple[Bed, Port]:
    """A running sorter whose belt goes round, and documents that come to it."""
    hall = small_hall(sorters=1)
    loop = replace(hall.sorters[0], laps_max=2, round_mm=ROUND_US * hall.sorters[0].belt_mm_per_s // 1_000_000, loop_items_max=9)
    bed = Bed(day(count, every_us=1, batch=count), QUIET, replace(hall, sorters=(loop,)))
    bed.start()
    return bed, bed.ports[loop.plc]


def rounds(port: Port) -> list[int]:
    """Tracks that went round."""
    seen = port.of_kind(EventKind.DIVERTED)
    assert {(each.a, each.b) for each in seen if each.a == 0} <= {(0, Disposition.RECIRCULATED)}
    return [each.track for each in seen if each.a == 0]


def test_what_goes_round_is_scanned_again_under_another_track() -> None:
    """It passes all diverters, is on the belt all the time, and comes back with the belt's time of a lap."""
    bed, port = one_loop(1)
    bed.wait(1_000_000)
    divert(port, 1, 0)
    bed.wait(BELT_US)
    assert rounds(port) == [1]
    assert bed.truth.counts() == {"belt": 1}
    bed.wait(ROUND_US)
    first, again = port.of_kind(EventKind.SCANNED)
    assert (again.code, again.track) == (first.code, 2)
    assert 0 <= again.us - first.us - BELT_US - ROUND_US < 1_200_000
    bed.wait(BELT_US)
    (_, end) = port.of_kind(EventKind.DIVERTED)
    assert (end.track, end.a, end.b) == (2, EXCEPTION, Disposition.NO_ANSWER)  # nobody decided


def test_what_comes_round_goes_before_what_is_let_in() -> None:
    """Else a full infeed would keep the loop full."""
    bed, port = one_loop(40)
    bed.wait(1_000_000)
    code = port.of_kind(EventKind.SCANNED)[0].code
    divert(port, 1, 0)
    bed.wait(BELT_US + ROUND_US + 1_500_000)
    scans = [scan.code for scan in port.of_kind(EventKind.SCANNED)]
    assert scans.count(code) == 2


def test_a_belt_that_stands_holds_what_goes_round() -> None:
    """The way round moves with the belt."""
    bed, port = one_loop(1)
    bed.wait(1_000_000)
    divert(port, 1, 0)
    bed.wait(BELT_US)
    packml(port, Command.STOP)
    bed.wait(60_000_000)
    assert len(port.of_kind(EventKind.SCANNED)) == 1
    packml(port, Command.RESET)
    bed.wait(2_000_000)
    packml(port, Command.START)
    bed.wait(ROUND_US + 2_000_000)
    assert len(port.of_kind(EventKind.SCANNED)) == 2


def test_an_infeed_that_is_held_lets_in_only_what_comes_round() -> None:
    """Place 0 is the infeed; its state is the answer, and a restart begins with it open."""
    bed, port = one_loop(20)
    bed.wait(1_000_000)
    divert(port, 1, 0)
    number = port.tell(CommandKind.SET_PLACE, a=0, b=PlaceState.CLOSED)
    bed.wait(500_000)
    before = len(port.of_kind(EventKind.SCANNED))
    place = port.of_kind(EventKind.PLACE_STATE)[-1]
    assert (place.a, place.b) == (0, PlaceState.CLOSED)
    again = port.tell(CommandKind.SET_PLACE, a=0, b=PlaceState.CLOSED)
    bed.wait(BELT_US + ROUND_US + 1_200_000)
    assert (again, CommandResult.DONE) in port.results()
    assert (number, CommandResult.DONE) not in port.results()
    assert len(port.of_kind(EventKind.SCANNED)) == before + 1
    port.tell(CommandKind.SET_PLACE, a=0, b=PlaceState.OPEN)
    bed.wait(3_000_000)
    assert len(port.of_kind(EventKind.SCANNED)) > before + 1


def test_a_sorter_that_is_no_loop_has_no_way_round() -> None:
    """The order is malformed there, and so is one about its infeed."""
    bed, port = one_sorter(1)
    bed.wait(1_000_000)
    number = port.tell(CommandKind.DIVERT, track=1, a=0, b=EXCEPTION)
    other = port.tell(CommandKind.SET_PLACE, a=0, b=PlaceState.CLOSED)
    bed.wait(500_000)
    assert {(number, CommandResult.MALFORMED), (other, CommandResult.MALFORMED)} <= set(port.results())

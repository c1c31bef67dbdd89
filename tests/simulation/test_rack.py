"""The dispatch rack: orders, waits, bags, stops and restarts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from msgspec.structs import replace
from plantbed import CERTAIN, QUIET, Bed, Port, begin, drop, fed_lane, packml

from packcenter.core.packml import Command
from packcenter.core.words import CommandResult, PlaceState
from packcenter.plc.line import CommandKind, EventKind
from simulation.luck import NOTHING_GOES_WRONG, Rates
from simulation.plant.hall import PlantSettings
from simulation.plant.rack import AS_ORDERED, NO_ORDER, NO_READ, NOT_SEALED, POSITION_CLOSED


def on_conveyor(count: int, settings: PlantSettings = QUIET) -> tuple[Bed, Port]:
    """A started hall with `count` parcels W0, W1, ... sealed one and a half seconds apart, the last of them just now."""
    bed, bagger = fed_lane(count, settings)
    for job in range(count):
        begin(bagger, f"W{job}")
        bed.wait(600_000)
        bagger.tell(CommandKind.SEAL, text=f"W{job}")
        bed.wait(900_000)
    assert len(bed.truth.sealed) == count
    return bed, bed.ports["rack-1"]


def dropped(port: Port) -> list[tuple[str, int, int]]:
    """(waybill, position, reason) of everything that left the rack."""
    return [(event.code, event.a, event.b) for event in port.of_kind(EventKind.DROPPED)]


def test_a_parcel_is_dropped_where_it_was_ordered() -> None:
    """Its label is read on arrival, five seconds after the bagger let it go."""
    bed, port = on_conveyor(1)
    drop(port, "W0", 17)
    bed.wait(4_999_999)
    assert dropped(port) == []
    bed.wait(1)
    assert dropped(port) == [("W0", 17, AS_ORDERED)]
    assert port.of_kind(EventKind.DROPPED)[0].c == bed.truth.sealed[0].grams
    assert bed.truth.places() == {"NJ-C00000000": "bag/position-17"}


def test_a_parcel_without_an_order_waits_and_leaves_for_the_hand_station() -> None:
    """Reason 1 at position 0, eight seconds after it came."""
    bed, port = on_conveyor(1)
    bed.wait(5_000_000 + 7_999_999)
    assert dropped(port) == []
    bed.wait(1)
    assert dropped(port) == [("W0", 0, NO_ORDER)]
    assert bed.truth.counts() == {"hand": 1}


def test_a_late_order_still_finds_the_parcel_that_waits() -> None:
    """And the wait is over: it does not leave again."""
    bed, port = on_conveyor(2)
    bed.wait(9_000_000)
    drop(port, "W1", 3)
    bed.wait(20_000_000)
    assert dropped(port) == [("W1", 3, AS_ORDERED), ("W0", 0, NO_ORDER)]


def test_position_0_can_be_ordered_and_a_later_order_replaces_an_earlier() -> None:
    """For parcels that must not be bagged."""
    bed, port = on_conveyor(1)
    drop(port, "W0", 5)
    drop(port, "W0", 0)
    bed.wait(5_000_000)
    assert dropped(port) == [("W0", 0, AS_ORDERED)]
    assert bed.truth.counts() == {"hand": 1}


def test_a_label_that_the_rack_cannot_read_leaves_for_the_hand_station() -> None:
    """Reason 2, without a code, after the wait: no order can find it."""
    bed, port = on_conveyor(1, PlantSettings(rates=Rates(rack_no_read=CERTAIN, label_unreadable=0, feed_no_read=0)))
    drop(port, "W0", 5)
    bed.wait(15_000_000)
    assert dropped(port) == [("", 0, NO_READ)]


def test_a_bag_is_closed_with_its_tag_and_what_comes_meanwhile_falls_into_the_next() -> None:
    """A parcel for a bag that is being changed waits; the closed bag is dispatched."""
    bed, port = on_conveyor(2)
    drop(port, "W0", 4)
    drop(port, "W1", 4)
    bed.wait(4_000_000)
    assert dropped(port) == [("W0", 4, AS_ORDERED)]
    port.tell(CommandKind.CLOSE_BAG, a=4, text="NJ-04-000001")
    port.tell(CommandKind.CLOSE_BAG, a=4, text="NJ-04-000001")
    assert port.places == 0xFFFF_FFFF & ~0b1000
    bed.wait(2_900_000)
    assert len(dropped(port)) == 1
    bed.wait(100_000)
    (closed,) = port.of_kind(EventKind.BAG_CLOSED)
    assert (closed.a, closed.b, closed.c, closed.code) == (4, 0, bed.truth.sealed[0].grams, "SEAL00000001")
    assert dropped(port) == [("W0", 4, AS_ORDERED), ("W1", 4, AS_ORDERED)]
    assert bed.truth.bills() == {"NJ-04-000001": ("W0",)}
    assert bed.truth.places() == {"NJ-C00000000": "dispatched", "NJ-C00000001": "bag/position-4"}
    assert port.places == 0xFFFF_FFFF


@pytest.mark.parametrize(
    ("mishap", "told", "on_it"),
    [
        ("seal_none", (NOT_SEALED, ""), ""),
        ("seal_trouble", (NOT_SEALED, "SEAL00000002"), "SEAL00000002"),
        ("seal_unread", (AS_ORDERED, ""), "SEAL00000002"),
        ("seal_again", (AS_ORDERED, "SEAL00000001"), "SEAL00000001"),
    ],
)
def test_a_bag_may_be_closed_without_a_good_seal(mishap: str, told: tuple[int, str], on_it: str) -> None:
    """The closer says what it knows: nothing of a seal that another bag bears."""
    bed, port = on_conveyor(1, PlantSettings(rates=replace(NOTHING_GOES_WRONG, **{mishap: CERTAIN})))
    for position in (1, 2):
        port.tell(CommandKind.CLOSE_BAG, a=position, text=f"T{position}")
        bed.wait(3_000_000)
    closed = port.of_kind(EventKind.BAG_CLOSED)[1]
    assert (closed.a, closed.b, closed.code) == (2, *told)
    assert bed.truth.closed[1].seal == on_it


def test_a_rack_may_refuse_to_close_a_bag_and_close_it_later() -> None:
    """A hand is in the way: the bag hangs on, and each attempt has its own luck."""
    bed, port = on_conveyor(1, PlantSettings(rates=replace(NOTHING_GOES_WRONG, close_refused=500_000)))
    for attempt in range(20):
        port.tell(CommandKind.CLOSE_BAG, a=1, text=f"T{attempt}")
        bed.wait(3_000_000)
    refused = [result for _, result in port.results()]
    assert 5 <= len(refused) <= 15
    assert set(refused) == {CommandResult.INTERLOCK}
    assert len(bed.truth.closed) == len(port.of_kind(EventKind.BAG_CLOSED)) == 20 - len(refused)


def test_orders_that_make_no_sense_are_refused() -> None:
    """Positions that are not there, no label, no tag, a second tag for the bag that is being closed."""
    bed, port = on_conveyor(1)
    malformed = [
        drop(port, "W0", 33),
        drop(port, "", 1),
        port.tell(CommandKind.CLOSE_BAG, a=0, text="T"),
        port.tell(CommandKind.CLOSE_BAG, a=1, text=""),
        port.tell(CommandKind.SET_PLACE, a=0, b=PlaceState.CLOSED),
    ]
    port.tell(CommandKind.CLOSE_BAG, a=1, text="T1")
    other = port.tell(CommandKind.CLOSE_BAG, a=1, text="T2")
    assert port.results() == [*((number, CommandResult.MALFORMED) for number in malformed), (other, CommandResult.INTERLOCK)]
    bed.wait(5_000_000)
    assert [bag.tag for bag in bed.truth.closed] == ["T1"]


def test_the_table_of_orders_is_not_endless() -> None:
    """A controller that orders a thousand parcels which never come is told so."""
    bed, port = on_conveyor(1)
    numbers = [drop(port, f"X{number}", 1) for number in range(1001)]
    assert port.results() == [(numbers[-1], CommandResult.INTERLOCK)]
    bed.wait(1)


def test_a_closed_position_takes_no_orders_and_no_parcels() -> None:
    """An order that was taken before is looked at again when the parcel comes."""
    bed, port = on_conveyor(2)
    drop(port, "W0", 4)
    port.tell(CommandKind.SET_PLACE, a=4, b=PlaceState.CLOSED)
    again = port.tell(CommandKind.SET_PLACE, a=4, b=PlaceState.CLOSED)
    refused = drop(port, "W1", 4)
    port.grant(2)
    assert [(e.a, e.b) for e in port.of_kind(EventKind.PLACE_STATE)] == [(4, PlaceState.CLOSED), (4, PlaceState.CLOSED)]
    port.tell(CommandKind.SET_PLACE, a=4, b=PlaceState.OPEN)
    port.tell(CommandKind.SET_PLACE, a=4, b=PlaceState.CLOSED)
    bed.wait(4_000_000)
    assert dropped(port) == [("W0", 0, POSITION_CLOSED)]
    assert port.results() == [(again, CommandResult.DONE), (refused, CommandResult.PLACE_NOT_OPEN)]


def test_drops_keep_their_cycle() -> None:
    """Parcels that piled up leave one cycle apart, in the order they came."""
    bed, port = on_conveyor(4)
    for job in range(4):
        drop(port, f"W{job}", 1 + job)
    packml(port, Command.SUSPEND)
    bed.wait(10_000_000)
    assert len(dropped(port)) == 0
    packml(port, Command.UNSUSPEND)
    bed.wait(2_000_000)
    events = port.of_kind(EventKind.DROPPED)
    assert [event.code for event in events] == ["W0", "W1", "W2", "W3"]
    assert {after.us - before.us for before, after in pairwise(events)} == {400_000}


def test_the_rack_waits_while_the_plc_has_no_room_for_events() -> None:
    """And goes on by itself when there is room."""
    bed, port = on_conveyor(1)
    drop(port, "W0", 1)
    port.room = False
    bed.wait(20_000_000)
    assert dropped(port) == []
    port.room = True
    bed.wait(100_000)
    assert dropped(port) == [("W0", 1, AS_ORDERED)]


def test_waiting_times_begin_anew_when_the_rack_runs_again() -> None:
    """A silent packcenter cannot have ordered anything: its parcels get their full wait after its return."""
    bed, port = on_conveyor(1)
    bed.wait(6_000_000)
    port.lose_peer()
    bed.wait(60_000_000)
    port.find_peer()
    bed.wait(200_000 + 7_999_999)
    assert dropped(port) == []
    bed.wait(1)
    assert dropped(port) == [("W0", 0, NO_ORDER)]


def test_after_a_restart_the_rack_knows_no_orders_and_closes_no_bags() -> None:
    """The parcels are still there; what is ordered again is dropped, the rest is turned out."""
    bed, port = on_conveyor(3)
    for job in range(3):
        drop(port, f"W{job}", 4)
    bed.wait(2_500_000)
    port.tell(CommandKind.CLOSE_BAG, a=4, text="T1")
    bed.wait(2_000_000)
    port.reboot()
    assert port.places == 0xFFFF_FFFF
    port.events.clear()
    bed.wait(20_000_000)
    assert port.events == []
    assert bed.truth.counts() == {"bag": 1, "rack": 2}
    port.grant(2)
    drop(port, "W2", 4)
    port.tell(CommandKind.CLOSE_BAG, a=4, text="T2")
    packml(port, Command.RESET)
    bed.wait(200_000)
    packml(port, Command.START)
    bed.wait(30_000_000)
    assert dropped(port) == [("W2", 4, AS_ORDERED), ("W1", 0, NO_ORDER)]
    assert bed.truth.bills() == {"T2": ("W0",)}
    assert bed.truth.counts() == {"dispatched": 1, "bag": 1, "hand": 1}

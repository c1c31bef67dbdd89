"""The core's parts that scripts do not show well: look-ups, deadlines on the wire, books, cut-offs, and our own mistakes."""

from __future__ import annotations

import halls
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walks import Walk

from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core import s10
from packcenter.core.bags import next_cutoff_us
from packcenter.core.commands import Command, Divert, Drop, GrantEpoch
from packcenter.core.controller import Controller
from packcenter.core.custody import Account, balance_errors, books
from packcenter.core.hall import BagLimits, Hall, Waybills
from packcenter.core.index import HallIndex
from packcenter.core.lifecycle import NEXT_PLACES, SOURCES
from packcenter.core.limits import OPEN_COMMANDS_MAX
from packcenter.core.state import Item, State, decode_state, encode_state, evolve, remember
from packcenter.core.turn import Turn
from packcenter.core.words import is_past, plc_deadline

DAY_US = 86_400_000_000


def _controller(hall: Hall = halls.SMALL) -> Controller:
    controller = Controller()
    controller.step(halls.BASE_US, i.Started(1, "test", hall, "digest"))
    return controller


def _announce(controller: Controller, *items: str) -> None:
    lines = tuple(i.Line(item, "letter", "tax", "", 210005, "ems", "", 0, 0) for item in items)
    controller.step(halls.BASE_US, i.ManifestReceived("M1", 1, 1, 0, "digest", lines))


# --- look-ups ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("postcode", "name"),
    [
        (209999, ""),
        (210000, "nanjing"),
        (211999, "nanjing"),
        (212000, ""),
        (100000, "far"),
        (100999, "far"),
        (849999, "far"),
        (850000, ""),
        (0, ""),
    ],
)
def test_a_postcode_belongs_to_the_range_that_holds_it(postcode: int, name: str) -> None:
    """Both ends of a range belong to it, and what lies between ranges belongs to nothing."""
    assert HallIndex(halls.SMALL).destination(postcode) == name


def test_lanes_come_in_the_order_of_groups_and_overflow_each_group_once() -> None:
    """Overflow is followed depth first; a circle of groups ends."""
    order = HallIndex(halls.SMALL).lane_order("cards", "sorter-1")
    assert [(group, balance, [lane.number for lane in lanes]) for group, balance, lanes in order] == [
        ("cards", "least", [1, 2]),
        ("spare", "least", [3, 1]),
        ("letters", "first", [2]),
    ]


def test_the_first_rule_that_takes_an_item_is_its_rule() -> None:
    """An empty list takes everything, another only what it holds."""
    index = HallIndex(halls.SMALL)
    takes = [index.rule("id_card", "police", "", ""), index.rule("letter", "tax", "far", "ems")]
    assert [rule.name for rule in takes if rule is not None] == ["police-cards", "near-letters"]
    assert index.rule("id_card", "tax", "nanjing", "ems") is None
    assert index.rule("letter", "tax", "", "ems") is None


# --- deadlines on the wire, cut-offs ----------------------------------------------------------------------------------


@given(st.integers(0, 0xFFFF), st.integers(0, 32_000), st.integers(0, 0x7FFF))
def test_a_wire_deadline_is_past_after_its_window_and_not_before(plc_ms: int, window_ms: int, later_ms: int) -> None:
    """Whatever the PLC's clock shows, across its wrap."""
    deadline = plc_deadline(plc_ms, window_ms)
    assert 0x1_0000 <= deadline <= 0x1_FFFF
    assert is_past(deadline, (plc_ms + later_ms) & 0xFFFF) == (later_ms > window_ms)
    assert not is_past(0, plc_ms)


def test_a_wire_deadline_half_a_turn_of_the_clock_ahead_is_not_past() -> None:
    """The line interface: late if (now - deadline) modulo 65536 lies in 1 to 32767."""
    assert is_past(plc_deadline(0, 0), 32_767)
    assert not is_past(plc_deadline(0, 0), 32_768)


@given(
    st.integers(0, 4_000_000_000_000_000),
    st.integers(-12 * 60, 14 * 60),
    st.lists(st.integers(0, 1439), min_size=1, max_size=4, unique=True),
)
def test_the_next_cutoff_is_the_first_minute_of_the_plan_after_now(at_us: int, offset: int, minutes: list[int]) -> None:
    """It lies ahead, within a day, on a full minute of the plan in local time, and none of the plan lies before it."""
    plan = msgspec.structs.replace(halls.SMALL.plan, bags=BagLimits(3, 400, tuple(sorted(minutes))))
    hall = msgspec.structs.replace(halls.SMALL, plan=plan, utc_offset_minutes=offset)
    cutoff_us = next_cutoff_us(Turn(State(), HallIndex(hall), at_us), at_us)
    ahead = [now for now in range(at_us // 60_000_000 + 1, at_us // 60_000_000 + 1441) if (now + offset) % 1440 in minutes]
    assert cutoff_us == ahead[0] * 60_000_000
    assert at_us < cutoff_us <= at_us + DAY_US


# --- books ------------------------------------------------------------------------------------------------------------


def test_the_books_say_where_the_items_of_each_class_and_agency_are() -> None:
    """Left side from what came, right side from where each item is; objects nobody announced come last."""
    controller = _controller()
    _announce(controller, "NJ0001", "NJ0002")
    for plc in halls.SMALL.plcs():
        controller.step(halls.BASE_US, i.LinkUp(plc, 7, 0))
    controller.step(halls.BASE_US, i.Scanned("sorter-1", 1, 1, 1, 1, 0, 0, "NJ0001", 0, 0))
    controller.step(halls.BASE_US, i.Scanned("sorter-1", 1, 2, 2, 1, 8, 0, "", 0, 0))
    controller.step(halls.BASE_US, i.DivertConfirmed("sorter-1", 1, 3, 2, 9, 0, 0))
    announced, others = books(controller.state)
    nothing = {"belt": 0, "lane": 0, "cell": 0, "pack": 0, "rack": 0, "bag": 0}
    assert announced == Account("letter", "tax", 2, 0, 1, nothing | {"belt": 1}, {}, 0, 0, 0, 0)
    assert others == Account("", "", 0, 1, 0, nothing, {"no_read": 1}, 0, 0, 0, 0)
    assert announced.difference == others.difference == 0


def test_an_object_that_nobody_announced_has_nothing_but_its_code() -> None:
    """Neither class and agency nor a number, destination, service or due time; it comes from outside."""
    state = _ledger()
    evolve(state, halls.BASE_US, f.ObjectSeen("?X1", "unknown", "X1"))
    assert state.items["?X1"] == Item("?X1", "X1", "", "", "", 0, "", 0, False, "outside")


def test_a_cleared_zone_and_an_open_place_are_not_kept() -> None:
    """Only what is jammed, full or closed stands in the state."""
    state = _ledger()
    for fact in (f.JamSet("sorter-1", 4, True), f.JamSet("sorter-1", 5, True), f.PlaceSet("sorter-1", 2, 1, 9)):
        evolve(state, halls.BASE_US, fact)
    plc = state.plcs["sorter-1"]
    assert (plc.jams, plc.places) == ({4: True, 5: True}, {2: 1})
    for fact in (f.JamSet("sorter-1", 4, False), f.JamSet("sorter-1", 9, False), f.PlaceSet("sorter-1", 2, 0, 0)):
        evolve(state, halls.BASE_US, fact)
    assert (plc.jams, plc.places) == ({5: True}, {})


def test_books_that_do_not_balance_say_what_differs() -> None:
    """An item whose place was changed behind the ledger's back shows in the balances of both places."""
    controller = _controller()
    _announce(controller, "NJ0001")
    controller.state.items["NJ0001"].place = "hand"
    assert balance_errors(controller.state) == [
        "expected: balance 1, items counted 0",
        "hand: balance 0, items counted 1",
    ]
    controller.state.balances["hand"] = 5
    assert balance_errors(controller.state)[-1] == "all balances sum to 5, expected 0"


def test_every_place_can_be_left_for_places_that_exist_and_dispatched_is_final() -> None:
    """The table of a life leads nowhere unknown, and back to no source but `outside`."""
    assert {target for targets in NEXT_PLACES.values() for target in targets} <= NEXT_PLACES.keys()
    assert not NEXT_PLACES["dispatched"]
    assert {place for place, targets in NEXT_PLACES.items() if targets & SOURCES} == {"hand", "lost"}


# --- snapshots --------------------------------------------------------------------------------------------------------


def test_bytes_that_are_no_snapshot_are_refused() -> None:
    """A damaged snapshot raises instead of giving a state."""
    snapshot = encode_state(_controller().state)
    with pytest.raises(msgspec.DecodeError):
        decode_state(snapshot[:-1])
    with pytest.raises(msgspec.DecodeError):
        decode_state(msgspec.msgpack.encode([1, 2]))


def test_a_fresh_state_has_nothing_in_common_with_another() -> None:
    """The tables of two controllers are two tables."""
    first = _controller()
    _announce(first, "NJ0001")
    assert not Controller().state.items
    assert Controller().next_deadline_us() is None


def test_a_folded_controller_knows_the_hall() -> None:
    """Recovery from the first record on gives a controller that can decide."""
    outcome = Controller().step(halls.BASE_US, i.Started(1, "test", halls.SMALL, "digest"))
    folded = Controller()
    folded.fold(halls.BASE_US, outcome.facts, outcome.commands)
    assert folded.step(halls.BASE_US, i.LinkUp("sorter-1", 7, 0)).commands


def test_a_fold_knows_all_that_a_step_asked_before_it_answered_some() -> None:
    """A step may renew several orders and answer the second one first: two pairs of parcels under one label, lost in one tick."""
    controller = _controller()
    controller.step(halls.BASE_US, i.LinkUp("rack-1", 7, 0))
    renewed: list[Command] = [GrantEpoch("rack-1", 7, 1), Drop("rack-1", 1, 0, "A"), Drop("rack-1", 2, 0, "B")]
    controller.fold(halls.BASE_US, [f.CommandAnswered("rack-1", 2, 0)], renewed)
    assert list(controller.state.plcs["rack-1"].pending) == [1]


def test_a_range_that_is_used_up_is_not_searched_again_after_a_restart() -> None:
    """A hundred million numbers would be tried, one by one, for each item that has none."""
    stock = Waybills("EA", 1, 99_999_999, "CN")
    controller = _controller(msgspec.structs.replace(halls.SMALL, waybills=stock))
    _announce(controller, "NJ0001")
    evolve(controller.state, halls.BASE_US, f.WaybillAssigned("NJ0001", s10.number("EA", stock.last, "CN")))
    for first, last, expected in ((1, 99_999_999, 100_000_000), (2_000, 2_999, 2_000)):
        hall = msgspec.structs.replace(halls.SMALL, waybills=Waybills("EA", first, last, "CN"))
        controller.step(halls.BASE_US, i.Started(2, "test", hall, "digest"))
        assert controller.state.waybill_serial == expected


# --- our own mistakes stop us -----------------------------------------------------------------------------------------


def test_time_never_falls() -> None:
    """T1: an input older than the one before is our mistake."""
    controller = _controller()
    with pytest.raises(AssertionError):
        controller.step(halls.BASE_US - 1, i.Tick())


def test_nothing_happens_before_the_start() -> None:
    """The first input is `Started`."""
    with pytest.raises(AssertionError):
        Controller().step(halls.BASE_US, i.Tick())


@pytest.mark.parametrize(
    ("part", "parts", "digest"),
    [(2, 2, "digest-2"), (3, 3, "digest"), (2, 3, "digest-2")],
)
def test_the_intake_sends_the_parts_of_a_manifest_in_order_and_of_one_file(part: int, parts: int, digest: str) -> None:
    """A part out of order, or of another file under the same name, is the intake's mistake."""
    controller = _controller()
    controller.step(halls.BASE_US, i.ManifestReceived("M1", 1, 3, 0, "digest", ()))
    with pytest.raises(AssertionError):
        controller.step(halls.BASE_US, i.ManifestReceived("M1", part, parts, 0, digest, ()))


def test_a_manifest_begins_with_its_first_part() -> None:
    """Part 2 of a manifest that nobody began is the intake's mistake."""
    with pytest.raises(AssertionError):
        _controller().step(halls.BASE_US, i.ManifestReceived("M1", 2, 3, 0, "digest", ()))


def _ledger() -> State:
    controller = _controller()
    _announce(controller, "NJ0001", "NJ0002")
    return controller.state


@pytest.mark.parametrize(
    "fact",
    [
        f.Moved("NJ0001", "hand", "belt/sorter-1"),
        f.Moved("NJ0001", "expected", "dispatched"),
        f.Moved("NJ0001", "expected", "agency"),
        f.ItemExpected("M1", i.Line("NJ0001", "letter", "tax", "", 0, "ems", "", 0, 0)),
        f.ObjectSeen("NJ0001", "unknown", "NJ0001"),
        f.EpochGranted("sorter-1", 7, 2),
        f.DocumentFed("bagger-1", 1, "NJ0001", True, ""),
        f.ParcelRejected("bagger-1", 1, "NJ0001", ""),
    ],
)
def test_a_fact_that_cannot_be_true_is_not_made_true(fact: f.Fact) -> None:
    """A1, A3, E4, B3: a ledger that is wrong stops the line instead of going on."""
    with pytest.raises(AssertionError):
        evolve(_ledger(), halls.BASE_US, fact)


@pytest.mark.parametrize("fact", [f.SentToHand("NJ0001", "late"), f.Suspected("NJ0001", "weight")])
def test_what_was_dispatched_is_closed(fact: f.Fact) -> None:
    """A6: nothing is said of an item any more that left with its bag."""
    state = _ledger()
    state.items["NJ0001"].place = "dispatched"
    with pytest.raises(AssertionError):
        evolve(state, halls.BASE_US, fact)


def test_a_bagger_with_an_open_job_gets_no_epoch() -> None:
    """E12: what the old life held is accounted for first."""
    state = _ledger()
    evolve(state, halls.BASE_US, f.JobBegun("bagger-1", 1, "NJ0001", 1, "EA000000014CN"))
    with pytest.raises(AssertionError):
        evolve(state, halls.BASE_US, f.EpochGranted("bagger-1", 7, 1))


def test_a_number_is_used_once() -> None:
    """C2: the same waybill for a second item is our mistake."""
    state = _ledger()
    evolve(state, halls.BASE_US, f.WaybillAssigned("NJ0001", "EA000000014CN"))
    with pytest.raises(AssertionError):
        evolve(state, halls.BASE_US, f.WaybillAssigned("NJ0002", "EA000000014CN"))


def test_an_event_is_taken_once() -> None:
    """E1: the same event number again, as a fact, is our mistake."""
    state = _ledger()
    evolve(state, halls.BASE_US, f.EventTaken("sorter-1", 0, 1))
    with pytest.raises(AssertionError):
        evolve(state, halls.BASE_US, f.EventTaken("sorter-1", 0, 1))


def test_the_bill_of_a_bag_lists_what_is_in_it() -> None:
    """D1: a bill that says something else is our mistake."""
    state = _ledger()
    evolve(state, halls.BASE_US, f.BagOpened("B1", 1, "nanjing", 0))
    with pytest.raises(AssertionError):
        evolve(state, halls.BASE_US, f.BagClosed("B1", 1, "nanjing", "S1", 0, ("NJ0001",), ("EA000000014CN",)))


def test_commands_of_a_plc_are_numbered_without_holes_and_bounded() -> None:
    """A number out of order, and one more open command than the limit, are our mistakes."""
    state = _ledger()
    with pytest.raises(AssertionError):
        remember(state, halls.BASE_US, Drop("rack-1", 2, 1, "EA000000014CN"))
    for number in range(1, OPEN_COMMANDS_MAX + 1):
        remember(state, halls.BASE_US, Drop("rack-1", number, 1, "EA000000014CN"))
    with pytest.raises(AssertionError):
        remember(state, halls.BASE_US, Drop("rack-1", OPEN_COMMANDS_MAX + 1, 1, "EA000000014CN"))


def test_a_watch_that_sees_nothing_wrong_would_see_it() -> None:
    """The invariants are not vacuous: a ledger changed behind their back is found by the next check."""
    walk = Walk(2, thorough_every=10_000)
    for _ in range(60):
        walk.step()
    walk.watch.check_state()
    item = next(item for item in walk.watch.controller.state.items.values() if item.place != "lost")
    item.place = "lost"
    with pytest.raises(AssertionError):
        walk.watch.check_state()


def test_a_divert_without_its_item_is_our_mistake() -> None:
    """R3: a decision names a track that something is on."""
    with pytest.raises(KeyError):
        remember(_ledger(), halls.BASE_US, Divert("sorter-1", 1, 5, 2, 9, 0))

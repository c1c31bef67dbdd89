"""The figures of the moment: right against a count of everything, whatever happened, and cheap for a whole day's items."""

from __future__ import annotations

import random
from collections import Counter

import lived
import msgspec
import pytest
from served import START_US, reference

from packcenter.core import facts as f
from packcenter.core import receipt_facts as r
from packcenter.core.alarm_table import LINK_DELAY_US, VERSION
from packcenter.core.controller import Controller
from packcenter.core.inputs import AlarmAcknowledged, AlarmTableGiven, Line, ManifestReceived, Started, Tick
from packcenter.core.limits import MANIFEST_LINES_MAX
from packcenter.core.records import Case, Cell, Item, State
from packcenter.core.state import evolve
from packcenter.projections.alarms import Call
from packcenter.projections.cells import cell_word, cells_of
from packcenter.service import status as module
from packcenter.service.engine import Recorded
from packcenter.service.status import StatusReader


def hall_state(items: int) -> State:
    """The reference hall with items announced."""
    controller = Controller()
    controller.step(START_US, Started(1, "1.0", reference().hall, reference().digest))
    mail_class, agency = reference().hall.mail_classes[0].name, reference().hall.agencies[0]
    lines = tuple(Line(f"NJ{n:06d}", mail_class, agency, "", 210_000, "ems", "", 0, 0) for n in range(items))
    for part in range(0, items, MANIFEST_LINES_MAX):
        controller.step(
            START_US, ManifestReceived(f"M{part}", 1, 1, 0, f"digest-{part}", lines[part : part + MANIFEST_LINES_MAX])
        )
    assert len(controller.state.items) == items
    return controller.state


def recorded(*facts: f.Fact, at_us: int = START_US) -> Recorded:
    return Recorded(1, at_us, 0, msgspec.UNSET, list(facts), [])  # type: ignore[arg-type]  # readers look at facts alone


def tell(state: State, reader: StatusReader, *facts: f.Fact) -> None:
    """As the engine does: first the state, then the readers."""
    for fact in facts:
        evolve(state, START_US, fact)
    reader.observe(recorded(*facts))


def hand_counts(state: State) -> dict[str, int]:
    return dict(Counter(item.hand for item in state.items.values() if item.place == "hand"))


def to_hand(item: Item, reason: str) -> tuple[f.Fact, ...]:
    return f.SentToHand(item.id, reason), f.Moved(item.id, item.place, "hand")


def test_exceptions_follow_the_facts() -> None:
    """An item at the hand station counts under its reason until it leaves."""
    state, reader = hall_state(3), StatusReader()
    items = list(state.items.values())
    assert reader.status(state, START_US).exceptions == {}
    tell(state, reader, *to_hand(items[0], "no_read"))
    tell(state, reader, *to_hand(items[1], "weight"), *to_hand(items[2], "weight"))
    assert reader.status(state, START_US).exceptions == {"no_read": 1, "weight": 2}
    tell(
        state,
        reader,
        f.ItemSeen(items[1].id, "sorter-1", 7, 0, START_US, START_US),
        f.Moved(items[1].id, "hand", "belt/sorter-1"),
    )
    assert reader.status(state, START_US).exceptions == {"no_read": 1, "weight": 1}


def test_a_reason_told_on_the_belt_does_not_count_before_the_item_is_there() -> None:
    """An item on its way to the exception lane is on the belt, not at the hand station."""
    state, reader = hall_state(1), StatusReader()
    reader.status(state, START_US)
    tell(state, reader, f.SentToHand("NJ000000", "no_rule"))
    assert reader.status(state, START_US).exceptions == {}


def test_exceptions_equal_a_count_of_all_items_whenever_the_counting_began() -> None:
    """Whether the reader began before, in the middle of, or with facts still to come that the state already has."""
    draw = random.Random(11)
    for _ in range(30):
        state, reader = hall_state(20), StatusReader()
        later: list[Recorded] = []
        for _ in range(60):
            item = draw.choice(list(state.items.values()))
            if item.place == "hand":
                facts: tuple[f.Fact, ...] = (f.Moved(item.id, "hand", "pack/bagger-1"),)
            elif item.place == "pack/bagger-1" or item.place == "expected":
                facts = to_hand(item, draw.choice(["no_read", "weight", "ghost"]))
            else:
                continue
            for fact in facts:
                evolve(state, START_US, fact)
            later.append(recorded(*facts))
            if draw.random() < 0.3:  # the group becomes durable
                for each in later:
                    reader.observe(each)
                later.clear()
            if draw.random() < 0.2:
                reader.status(state, START_US)  # perhaps between state and facts
        for each in later:
            reader.observe(each)
        assert reader.status(state, START_US).exceptions == dict(sorted(hand_counts(state).items()))


def test_the_rate_falls_when_nothing_is_packed_any_more() -> None:
    """A hall that stands shows a rate that falls to 0 within the window, without any record."""
    state, reader = hall_state(0), StatusReader()
    sealed = f.ParcelSealed("bagger-1", 1, "x", "w", "w", 20, "")
    for second in range(300):
        reader.observe(recorded(sealed, at_us=START_US + second * 1_000_000))
    end_us = START_US + 300 * 1_000_000
    assert reader.status(state, end_us).packed_per_hour == pytest.approx(3600, rel=0.02)
    assert reader.status(state, end_us + 150_000_000).packed_per_hour == pytest.approx(1800, rel=0.02)
    assert reader.status(state, end_us + 301_000_000).packed_per_hour == 0


def test_the_trend_has_an_hour_of_minutes_the_present_one_last() -> None:
    """Minutes without parcels are 0, older ones are forgotten."""
    state, reader = hall_state(0), StatusReader()
    minute = 60_000_000
    sealed = f.ParcelSealed("bagger-1", 1, "x", "w", "w", 20, "")
    for at in (0, 0, 2, 61):
        reader.observe(recorded(sealed, at_us=START_US + at * minute))
    trend = reader.status(state, START_US + 61 * minute).packed_by_minute
    assert len(trend) == module.TREND_MINUTES
    assert (trend[-1], trend[0], sum(trend)) == (1, 1, 2)
    assert sum(reader.status(state, START_US + 500 * minute).packed_by_minute) == 0


def test_a_machine_that_is_not_heard_has_no_state() -> None:
    """Not what it was last: unknown."""
    state, reader = hall_state(0), StatusReader()
    tell(state, reader, f.LinkStateSet("rack-1", True, ""), f.MachineEntered("rack-1", 6, 0, 0))
    assert reader.status(state, START_US).plcs["rack-1"].state == 6
    tell(state, reader, f.LinkStateSet("rack-1", False, "silent"))
    assert reader.status(state, START_US).plcs["rack-1"].state == 0


def test_lanes_and_places_are_shown() -> None:
    """What a lane holds and what is on its way to it, and which places are not open."""
    state, reader = hall_state(2), StatusReader()
    seen = f.ItemSeen("NJ000000", "sorter-2", 7, 0, START_US, START_US)
    routed = f.Routed("NJ000000", "sorter-2", 3, "r", "g", "plan", START_US)
    tell(state, reader, seen, f.Moved("NJ000000", "expected", "belt/sorter-2"), routed)
    assert reader.status(state, START_US).lanes["sorter-2"][2] == module.LaneNow(0, 1)
    tell(state, reader, f.Moved("NJ000000", "belt/sorter-2", "lane/sorter-2/3"), f.PlaceSet("sorter-2", 3, 1, 40))
    now = reader.status(state, START_US)
    assert now.lanes["sorter-2"][2] == module.LaneNow(1, 0)
    assert now.plcs["sorter-2"].places == {3: 1}


def test_every_cell_of_a_case_rack_is_told() -> None:
    """Whose it is, what is in it and what its case is when it is whole; what is free is counted only."""
    moment = lived.at("case-rack-restarts", "11:01")  # cases-1 lost its memory a minute ago
    state = moment.state
    assert set(moment.status.case_racks) == {"cases-1", "cases-2"}
    for rack in moment.hall.case_racks:
        now = moment.status.case_racks[rack.plc]
        assert sum(now.counts.values()) == rack.cells
        assert rack.cells - now.counts["free"] == len(now.cells)
        for number, (word, items, whole) in ((number, msgspec.structs.astuple(cell)) for number, cell in now.cells.items()):
            cell = state.cells[f"cell/{rack.plc}/{number}"]
            assert items == len(cell.items)
            assert (word == "suspect") == bool(cell.suspect)
            assert items <= whole <= 5  # a newborn's case has five documents, of which some may have left
            assert word != "gathering" or items
    words = {word for now in moment.status.case_racks.values() for word, count in now.counts.items() if count}
    assert {"free", "reserved", "gathering", "suspect"} <= words
    in_cells = sum(cell.items for now in moment.status.case_racks.values() for cell in now.cells.values())
    assert in_cells == moment.status.in_hall["cell"] > 0


def test_a_cell_is_what_it_is_until_it_is_free_again() -> None:
    """Free, closed by its machine, reserved, gathering, being emptied, in doubt; doubt stands also while it is being emptied."""
    empty = Cell()
    assert [cell_word(each, barred=False) for each in (None, empty)] == ["free", "free"]
    assert cell_word(empty, barred=True) == "closed"
    gathering = Cell("NB-1", ["A"])
    assert cell_word(Cell("NB-1"), barred=False) == "reserved"
    assert cell_word(gathering, barred=True) == "gathering"
    gathering.release = 7
    assert cell_word(gathering, barred=False) == "emptying"
    gathering.suspect = "cell_count"
    assert cell_word(gathering, barred=False) == "suspect"


def test_what_left_a_cell_is_not_missed_in_it() -> None:
    """Of a case of five of which two left as a part, and one was taken back, the cell is whole with two."""
    state = hall_state(5)
    names = list(state.items)
    state.cases["NB-1"] = Case(5, 210_000, "ems", 0, names, "cell/cases-1/3")
    state.cells["cell/cases-1/3"] = Cell("NB-1", names[:1])
    assert cells_of(state, "cases-1", 3) == [("free", 0, 0), ("free", 0, 0), ("gathering", 1, 5)]
    state.items[names[0]].place = "cell/cases-1/3"
    state.items[names[1]].place, state.items[names[2]].place = "bag/1", "lane/cases-1/1"
    assert cells_of(state, "cases-1", 3)[2] == ("gathering", 1, 3)
    state.items[names[1]].suspect = "wrong_bag"
    assert cells_of(state, "cases-1", 3)[2] == ("gathering", 1, 4)


def test_what_waits_before_and_behind_a_case_rack_is_told() -> None:
    """Documents at its infeeds, of all lanes that lead there, and at its outlets."""
    moment = lived.at("narrow-hall", "09:00")
    state, reader = moment.state, StatusReader()
    state.lanes["lane/sorter-1/3"].items[:] = ["A", "B"]
    state.lanes["lane/cases-1/2"].items[:] = ["C"]
    now = reader.status(state, START_US).case_racks["cases-1"]
    assert (now.infeeds, now.outlets) == ([2], [0, 1])


def test_books_that_do_not_balance_show_within_their_period() -> None:
    """A count of all items is made every ten seconds; what it finds stays."""
    state, reader = hall_state(2), StatusReader()
    assert reader.status(state, START_US).balanced
    state.balances["expected"] -= 1
    assert not reader.status(state, START_US + module.BALANCE_EVERY_US).balanced


def test_a_call_does_not_walk_the_items() -> None:
    """After the first call nothing looks at every item until the books are due: a whole day costs what an empty one does."""
    state, reader = hall_state(500), StatusReader()
    reader.status(state, START_US)

    class Unwalked(dict[str, Item]):
        def values(self) -> object:  # type: ignore[override]
            raise AssertionError("all items were walked")

        __iter__ = items = values  # type: ignore[assignment]

    state.items = Unwalked(state.items)
    reader.status(state, START_US + 1)
    with pytest.raises(AssertionError, match="walked"):
        reader.status(state, START_US + module.BALANCE_EVERY_US)


def test_what_is_open_follows_the_facts() -> None:
    """A receipt is open from its dispatch until it comes or is given up, and late when its time is over."""
    state, reader = hall_state(2), StatusReader()
    first, second = state.items
    for item in state.items.values():
        item.place = "dispatched"
    assert reader.status(state, START_US).open == dict.fromkeys(reader.status(state, START_US).open, (0, 0))
    tell(state, reader, r.ReceiptAwaited(first, START_US + 1), r.ReceiptAwaited(second, START_US + 1))
    tell(state, reader, r.ReceiptOverdue(first))
    assert reader.status(state, START_US).open["receipts"] == (2, 1)
    tell(state, reader, r.ReceiptReturned(first, ""), r.ReceiptGivenUp(second))
    assert reader.status(state, START_US).open["receipts"] == (0, 0)


def test_the_listed_alarms_are_told_worst_first() -> None:
    """What somebody has to come for before what somebody takes care of."""
    controller = Controller()
    controller.step(START_US, Started(1, "1.0", reference().hall, reference().digest))
    controller.step(START_US, AlarmTableGiven(VERSION))
    centre = reference().hall.centre
    controller.step(START_US + LINK_DELAY_US, Tick())
    reader, at_us = StatusReader(), START_US + LINK_DELAY_US
    assert reader.status(controller.state, at_us).alarms == [Call("network_lost", centre, 2, at_us)]
    controller.step(at_us, AlarmAcknowledged("op-7", "operator", "seen", "network_lost", centre))
    assert reader.status(controller.state, at_us).alarms == [Call("network_lost", centre, 1, at_us)]

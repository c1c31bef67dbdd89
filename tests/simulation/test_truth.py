"""The plant's own count, and what comes out when packcenter's ledger is put beside it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from plantbed import Bed, day, divert, one_sorter

from simulation.truth import Bag, Difference, Document, Ledger, Looked, Parcel, Touch, Truth, Why, compare, judge


def truth_of(*things: tuple[str, str], exception_lanes: Iterable[str] = ("lane/sorter-1/9",)) -> Truth:
    """A truth of (code, place) things."""
    held = [(Document(code), place) for code, place in things]
    truth = Truth([document for document, _ in held], exception_lanes)
    truth.watch(lambda: held)
    return truth


# --- the count -------------------------------------------------------------------------------------------------------


def test_places_are_in_packcenters_words() -> None:
    """Not arrived and not let in is expected, the floor is lost, an exception lane is on its way to the hand station."""
    truth = truth_of(
        ("A", "agency"),
        ("B", "queue/sorter-1"),
        ("C", "floor"),
        ("D", "lane/sorter-1/9"),
        ("E", "lane/sorter-1/8"),
        ("", "hand"),
    )
    assert truth.places() == {"A": "expected", "B": "expected", "C": "lost", "D": "hand", "E": "lane/sorter-1/8"}
    assert truth.counts() == {"agency": 1, "queue": 1, "floor": 1, "lane": 2, "hand": 1}


def test_two_things_with_one_code_are_both_listed() -> None:
    """The second is a copy."""
    assert truth_of(("A", "hand"), ("A", "rack")).places() == {"A": "hand", "A#2": "rack"}


def test_the_machines_list_what_they_hold() -> None:
    """A walk through the plant while things are in queue, belt, lane and outside."""
    bed = Bed(day(30, every_us=1_000_000, batch=10))
    bed.start("sorter-1")
    bed.wait(5_000_000)
    counts = bed.truth.counts()
    assert counts == {"agency": 20, "queue": 10 - counts["belt"], "belt": 5}
    assert bed.truth.faults() == []


# --- faults that need no ledger --------------------------------------------------------------------------------------


def test_a_thing_in_two_places_or_none_and_one_from_nowhere_are_faults() -> None:
    """What the simulation must never do to a document."""
    one, two, three = Document("ONE"), Document("TWO"), Document("THREE")
    truth = Truth([one, two])
    truth.watch(lambda: [(one, "hand"), (one, "rack"), (three, "rack")])
    assert truth.faults() == [
        Difference("conservation", "ONE", "one place", "2 places"),
        Difference("conservation", "TWO", "one place", "0 places"),
        Difference("conservation", "things that nobody brought", "0", "1"),
    ]


def test_what_was_looked_into_is_counted_and_what_is_for_two_addressees_is_mixed() -> None:
    """A figure beside "nothing found": so many parcels were opened by this count, and so many of them are mixed."""
    truth = Truth([])
    one, other, alone = Document("A", case="case-1"), Document("B", case="case-1"), Document("C")
    for label, documents in (("W1", (one, other)), ("W2", (alone,)), ("W3", (one, alone)), ("W4", (alone, Document("D")))):
        truth.sealed.append(Parcel(label, documents, 60))
    assert truth.looked_into() == Looked(parcels=4, documents=7, several=3, mixed=2)


@pytest.mark.parametrize(
    ("parcels", "kinds"),
    [
        ([("W1", [("A", "")]), ("W2", [("B", "")])], []),
        ([("W1", [("A", "case-1"), ("B", "case-1")])], []),
        ([("W1", [("A", ""), ("B", "")])], ["two documents in one parcel"]),
        ([("W1", [("A", "case-1"), ("B", "case-2")])], ["mixed parcel"]),
        ([("W1", [("A", "case-1"), ("B", "")])], ["mixed parcel"]),
        ([("W1", [("A", "")]), ("W2", [("A", "")])], ["document in two parcels"]),
        ([("W1", [])], ["empty parcel"]),
        ([("W1", [("A", "")]), ("W1", [("B", "")])], ["label on several parcels"]),
    ],
)
def test_wrong_parcels_are_faults(parcels: list[tuple[str, list[tuple[str, str]]]], kinds: list[str]) -> None:
    """One document, or the documents of one case, under a label of their own."""
    truth = Truth([])
    for label, inside in parcels:
        truth.sealed.append(Parcel(label, tuple(Document(code, case=case) for code, case in inside), 20))
    assert [fault.kind for fault in truth.faults()] == kinds


def test_bills_list_what_is_in_the_closed_bags_and_a_tag_is_used_once() -> None:
    """The parcels really inside, in the order they fell."""
    truth = Truth([])
    for tag, labels in (("T1", ["W2", "W1"]), ("T2", [])):
        truth.closed.append(Bag(1, [Parcel(label, (), 0) for label in labels], tag=tag))
    assert truth.bills() == {"T1": ("W2", "W1"), "T2": ()}
    truth.closed.append(Bag(2, tag="T1"))
    assert [(fault.kind, fault.item, fault.truth) for fault in truth.faults()] == [("tag on several bags", "T1", "2")]


# --- the ledger beside it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("things", "ledger"),
    [
        # The same places in both; announced but not come; come but not announced yet.
        ([("A", "rack"), ("B", "dispatched")], {"A": "rack", "B": "dispatched"}),
        ([("A", "agency")], {"A": "expected", "B": "expected", "C": "agency"}),
        ([("A", "queue/sorter-1")], {}),
        # People carry the exception lane away; no PLC sees them.
        ([("A", "lane/sorter-1/9")], {"A": "hand"}),
        ([("A", "hand")], {"A": "lane/sorter-1/9"}),
        # Fell off; unread, it is the provisional one that is lost.
        ([("A", "floor")], {"A": "lost"}),
        ([("A", "floor")], {"A": "expected", "?1": "lost"}),
        # Unread, unknown, or a thing without a code: a provisional item at the same place, paired by count.
        ([("A", "hand")], {"A": "expected", "?1": "hand"}),
        ([("A", "hand"), ("B", "belt/sorter-1")], {"A": "expected", "B": "expected", "?1": "hand", "?2": "belt/sorter-1"}),
        ([("A", "hand")], {"?A": "hand"}),
        ([("", "hand")], {"?1": "lane/sorter-1/9"}),
        # A provisional item that turned out to be another one stands for nothing any more.
        ([("A", "rack")], {"A": "rack", "?A": "outside"}),
        # A duplicate of a code is an item of its own.
        ([("A", "hand"), ("A", "rack")], {"A": "rack", "?1": "hand"}),
        ([("A", "agency"), ("A", "rack")], {"A": "rack"}),
        # Lost is an open discrepancy: the thing may be anywhere, seen as a ghost or not.
        ([("A", "hand")], {"A": "lost"}),
        ([("A", "hand")], {"A": "lost", "?1": "hand"}),
        # Open bags: the tag on one side, the position on the other.
        ([("A", "bag/position-3"), ("B", "bag/position-3")], {"A": "bag/T1", "B": "bag/T1"}),
        ([("A", "bag/position-3"), ("B", "bag/position-4")], {"A": "bag/T1", "B": "bag/T2"}),
    ],
)
def test_a_ledger_that_is_right_has_no_differences(things: list[tuple[str, str]], ledger: dict[str, str]) -> None:
    """Everything that packcenter can know, it knows; what it cannot know is paired by count."""
    assert compare(ledger, truth_of(*things)) == []


@pytest.mark.parametrize(
    ("things", "ledger", "differences"),
    [
        ([("A", "hand")], {"A": "rack"}, [("place", "A")]),
        ([("A", "dispatched")], {"A": "bag/T1"}, [("place", "A")]),
        ([("A", "bag/position-3")], {"A": "dispatched"}, [("place", "A")]),
        ([("A", "queue/sorter-1")], {"A": "belt/sorter-1"}, [("place", "A")]),
        ([("A", "floor")], {"A": "hand"}, [("place", "A")]),
        ([("A", "rack"), ("A", "hand")], {"A": "bag/T1", "?1": "hand"}, [("place", "A")]),
        # Two bags under one tag, and one bag under two tags.
        ([("A", "bag/position-3"), ("B", "bag/position-4")], {"A": "bag/T1", "B": "bag/T1"}, [("place", "B")]),
        ([("A", "bag/position-3"), ("B", "bag/position-3")], {"A": "bag/T1", "B": "bag/T2"}, [("place", "B")]),
        # Things that nobody knows of, and items that nobody can find.
        ([("A", "hand")], {"A": "expected"}, [("unidentified things", "hand")]),
        ([("A", "dispatched")], {"A": "expected"}, [("unidentified things", "dispatched")]),
        ([("", "hand")], {}, [("unidentified things", "hand")]),
        ([("A", "agency")], {"?1": "hand"}, [("unidentified things", "hand")]),
        ([("A", "hand")], {"A": "lost", "?1": "hand", "?2": "hand"}, [("unidentified things", "hand")]),
        (
            [("A", "hand")],
            {"A": "expected", "?1": "belt/sorter-1"},
            [("unidentified things", "belt/sorter-1"), ("unidentified things", "hand")],
        ),
        ([], {"A": "rack"}, [("nothing there", "A")]),
    ],
)
def test_a_ledger_that_is_wrong_is_found_out(
    things: list[tuple[str, str]], ledger: dict[str, str], differences: list[tuple[str, str]]
) -> None:
    """Each wrong belief is one difference that names the item or the place."""
    assert [(found.kind, found.item) for found in compare(ledger, truth_of(*things))] == differences


def test_a_difference_says_both_sides() -> None:
    """It is read by people in a report."""
    (found,) = compare({"A": "rack"}, truth_of(("A", "hand")))
    assert str(found) == "place: A: ledger says rack, truth is hand"


def test_a_ledger_that_follows_the_command_and_not_the_sensor_is_found_out() -> None:
    """The real plant: a lane that was asked for and not entered."""
    bed, port = one_sorter(1)
    divert(port, 1, 4)
    port.tell(2, a=4, b=2)
    bed.wait(12_000_000)
    assert compare({"NJ-C00000000": "hand"}, bed.truth) == []
    assert [found.kind for found in compare({"NJ-C00000000": "lane/sorter-1/4"}, bed.truth)] == ["place"]


# --- what nobody can know --------------------------------------------------------------------------------------------


def touched(why: Why, *things: tuple[str, str]) -> Truth:
    """A truth of (code, place) things to which the same was done."""
    truth = truth_of(*things)
    for document in truth.documents:
        truth.touch(document, why, "test", 5)
    return truth


@pytest.mark.parametrize(
    ("why", "thing", "ledger"),
    [
        (Why.LIFTED, ("A", "people"), {"A": "lost"}),
        (Why.LIFTED, ("A", "people"), {"A": "hand"}),
        (Why.LIFTED, ("A", "people"), {}),
        (Why.PUT, ("A", "lane/sorter-1/1"), {}),
        (Why.PUT, ("A", "lane/sorter-1/1"), {"A": "hand"}),
        (Why.UNHEARD, ("A", "hand"), {}),
        (Why.COPY, ("A", "hand"), {}),
        (Why.NEAR, ("A", "lane/sorter-1/1"), {"A": "hand"}),
        (Why.BAGGED, ("A", "people"), {"A": "dispatched"}),
        (Why.BAGGED, ("A", "bag/position-1"), {"A": "dispatched"}),
        (Why.LABELLED, ("A", "hand"), {"A": "dispatched"}),
        (Why.TAKEN_FOR, ("A", "dispatched"), {}),
        (Why.TAKEN_FOR, ("A", "lane/sorter-1/1"), {"A": "dispatched"}),
    ],
)
def test_what_was_touched_is_excused_where_nobody_can_know(why: Why, thing: tuple[str, str], ledger: dict[str, str]) -> None:
    """A line of the table each; without the touch it is a difference, unless the ledger calls the item lost."""
    verdict = judge(Ledger(ledger), touched(why, thing))
    assert verdict.differences == []
    assert len(verdict.excused) == (ledger.get("A") != "lost")
    assert bool(judge(Ledger(ledger), truth_of(thing)).differences) == (ledger.get("A") != "lost")


@pytest.mark.parametrize(
    ("why", "thing", "ledger"),
    [
        (Why.LIFTED, ("A", "people"), {"A": "lane/sorter-1/1"}),
        (Why.LIFTED, ("A", "people"), {"A": "belt/sorter-1"}),
        (Why.LIFTED, ("A", "people"), {"A": "rack"}),
        (Why.LIFTED, ("A", "people"), {"A": "dispatched"}),
        (Why.PUT, ("A", "dispatched"), {"A": "hand"}),
        (Why.PUT, ("A", "dispatched"), {}),
        (Why.PUT, ("A", "rack"), {"A": "bag/T1"}),
        (Why.BAGGED, ("A", "people"), {"A": "pack/bagger-1"}),
        (Why.BAGGED, ("A", "dispatched"), {}),
        (Why.UNSEEN, ("A", "lane/sorter-1/1"), {"A": "lane/sorter-1/2"}),
    ],
)
def test_what_a_sensor_would_say_is_never_excused(why: Why, thing: tuple[str, str], ledger: dict[str, str]) -> None:
    """A touch is no licence: belts, lanes, pouches and sealed parcels have eyes, feeders and labels."""
    verdict = judge(Ledger(ledger), touched(why, thing))
    assert (len(verdict.differences), verdict.excused) == (1, [])


def test_each_touch_and_each_phantom_may_leave_one_provisional_item() -> None:
    """More of them, or one that is on its way for ever, is a difference."""
    truth = touched(Why.PUT, ("A", "people"))
    assert compare({"A": "lost", "?1": "hand"}, truth) == []
    assert compare({"A": "lost", "?1": "hand", "?2": "hand"}, truth) != []
    truth.phantoms += 1
    assert compare({"A": "lost", "?1": "hand", "?2": "hand"}, truth) == []


def test_a_lost_provisional_item_is_on_the_list_like_every_lost_one() -> None:
    """A thing that was seen twice, because its PLC forgot it in between, has two ids; the first one is lost."""
    truth = truth_of(("A", "hand"))
    assert compare({"A": "expected", "?1": "lost", "?2": "hand"}, truth) == []
    assert compare({"A": "expected", "?1": "lost"}, truth) == []
    two = truth_of(("A", "hand"), ("B", "hand"))
    assert [found.kind for found in compare({"?1": "lost"}, two)] == ["unidentified things"]
    floor = truth_of(("A", "floor"), ("B", "floor"))
    assert [found.item for found in compare({"?1": "lost"}, floor)] == ["lost"]


def test_a_bag_that_is_held_back_is_opened_by_people() -> None:
    """Its parcels are at the hand station by packcenter's word, wherever the bag lies, if none of it was dispatched."""
    one, two = Document("A"), Document("B")
    truth = Truth([one, two])
    truth.watch(lambda: [(one, "dispatched"), (two, "dispatched")])
    truth.closed.append(Bag(1, [Parcel("W1", (one,), 20), Parcel("W2", (two,), 20)], tag="T1"))
    assert compare({"A": "hand", "B": "hand"}, truth) == []
    assert [found.item for found in compare({"A": "hand", "B": "dispatched"}, truth)] == ["A"]
    hanging = Truth([one, two])
    hanging.watch(lambda: [(one, "bag/position-1"), (two, "bag/position-1")])
    places = {"A": "hand", "B": "bag/T2"}
    assert judge(Ledger(places, suspect_bags=frozenset({"T2"})), hanging).differences == []
    assert [found.item for found in judge(Ledger(places, suspect_bags=frozenset()), hanging).differences] == ["A"]


def test_a_parcel_must_hold_the_document_that_its_label_is_for() -> None:
    """B4 as the receiver sees it; a document that the feeder took for the right one is excused, and named."""
    one, two = Document("A"), Document("B")
    truth = Truth([one, two])
    truth.watch(lambda: [(one, "dispatched"), (two, "hand")])
    truth.sealed.append(Parcel("W2", (one,), 20))
    truth.closed.append(Bag(1, [truth.sealed[0]], tag="T1"))
    ledger = Ledger({"A": "lost", "B": "dispatched"}, {"W2": "B"})
    assert "wrong document" in [found.kind for found in judge(ledger, truth).differences]
    for document in (one, two):
        truth.touch(document, Why.TAKEN_FOR, "test", 5)
    verdict = judge(ledger, truth)
    assert verdict.differences == []
    assert ("wrong document", "W2") in [(difference.kind, difference.item) for difference, _ in verdict.excused]


@pytest.mark.parametrize(
    ("bill", "why", "differences", "excused"),
    [
        (("W1", "W2"), None, 0, 0),
        (("W2", "W1"), None, 1, 0),
        (("W1",), None, 1, 0),
        (("W1",), Why.BAGGED, 0, 1),
        (("W1", "W2", "W3"), Why.BAGGED, 1, 0),
    ],
)
def test_a_bill_lists_what_hangs_in_the_bag(bill: tuple[str, ...], why: Why | None, differences: int, excused: int) -> None:
    """D1: in the order they fell; only parcels that people moved by hand may differ."""
    one, two = Document("A"), Document("B")
    truth = Truth([one, two])
    truth.watch(lambda: [(one, "dispatched"), (two, "dispatched")])
    truth.sealed += [Parcel("W1", (one,), 20), Parcel("W2", (two,), 20)]
    truth.closed.append(Bag(1, truth.sealed.copy(), tag="T1"))
    if why is not None:
        truth.touch(two, why, "test", 5)
    verdict = judge(Ledger({"A": "dispatched", "B": "dispatched"}, bills={"T1": bill}), truth)
    assert (len(verdict.differences), len(verdict.excused)) == (differences, excused)


def test_a_touch_is_noted_once_and_in_order() -> None:
    """A report reads what was done to a thing, by what, and when."""
    truth = truth_of(("A", "hand"), ("B", "hand"))
    one, other = truth.documents
    truth.touch(one, Why.LIFTED, "lifts", 5)
    truth.touch(one, Why.PUT, "puts", 7)
    truth.touch(one, Why.LIFTED, "lifts", 9)
    assert truth.touches(one) == (Touch(Why.LIFTED, "lifts", 5), Touch(Why.PUT, "puts", 7))
    assert truth.touches(other) == ()
    assert [document.code for document, _ in truth.touched] == ["A"]


def test_a_misread_touches_both_if_the_code_is_somebodys() -> None:
    """A code of nobody is a stranger to everybody."""
    truth = truth_of(("A", "hand"), ("B", "hand"))
    one, other = truth.documents
    assert truth.mistaken(one, "X", "reader", 5) == []
    assert truth.mistaken(one, "A", "reader", 5) == []
    assert truth.touched == []
    assert truth.mistaken(one, "B", "reader", 5) == [other]
    assert [[touch.why for touch in touches] for _, touches in truth.touched] == [[Why.MISTAKEN], [Why.MISTAKEN]]


def test_an_opened_parcel_is_no_parcel() -> None:
    """Its document may be packed again, under the same number."""
    one = Document("A")
    truth = Truth([one])
    truth.watch(lambda: [(one, "rack")])
    truth.sealed += [Parcel("W1", (one,), 20, opened=True), Parcel("W1", (one,), 20)]
    assert truth.faults() == []
    truth.sealed[0].opened = False
    assert [fault.kind for fault in truth.faults()] == ["label on several parcels"]

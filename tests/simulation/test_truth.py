"""The plant's own count, and what comes out when packcenter's ledger is put beside it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from plantbed import Bed, day, divert, one_sorter

from simulation.truth import Bag, Difference, Document, Parcel, Truth, compare


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

"""People in the hall: what they hold in their hands, and what they do to documents and parcels that no machine sees."""

from __future__ import annotations

from collections.abc import Iterator

from simulation.clock import SimClock
from simulation.plant.hand import HandStation
from simulation.plant.lane import Lane
from simulation.plant.rack import RackProgram
from simulation.plant.sorter import SorterProgram
from simulation.truth import Bag, Document, Parcel, Truth, Why


class People:
    """`documents` and `parcels` are what they hold, in the order in which they took it."""

    __slots__ = ("_clock", "_truth", "documents", "parcels")

    def __init__(self, clock: SimClock, truth: Truth) -> None:
        self.documents: list[Document] = []
        self.parcels: list[Parcel] = []
        self._clock = clock
        self._truth = truth

    def contents(self) -> Iterator[tuple[Document, str]]:
        """Everything that they hold, for `Truth`."""
        yield from ((document, "people") for document in self.documents)
        yield from ((document, "people") for parcel in self.parcels for document in parcel.documents)

    def touch(self, document: Document, why: Why, act: str) -> None:
        """Note what they do to a document."""
        self._truth.touch(document, why, act, self._clock.now_us)

    # --- documents ---------------------------------------------------------------------------------------------------

    def lift(self, document: Document, act: str) -> None:
        """They hold this document now."""
        self.touch(document, Why.LIFTED, act)
        self.documents.append(document)

    def lift_from_lane(self, sorter: SorterProgram, lane: Lane, at: int, act: str) -> Document:
        """Take a document out of a lane; what lies behind it moves up."""
        sorter.tamper(lane, act)
        document = lane.take_at(at)
        self.lift(document, act)
        return document

    def put_into_lane(self, sorter: SorterProgram, lane: Lane, at: int, document: Document, act: str) -> None:
        """Put a document between two others of a lane."""
        self.touch(document, Why.PUT, act)
        lane.put_at(at, document)
        sorter.tamper(lane, act)
        if lane is sorter.exception and lane.full:
            sorter.carry()  # no eye saw it fill up, so whoever filled it takes it to the hand station

    def lay_on_belt(self, sorter: SorterProgram, gone_us: int, document: Document, act: str) -> None:
        """Lay a document onto the belt behind the scanner."""
        self.touch(document, Why.PUT, act)
        sorter.lay(document, gone_us)

    def queue(self, sorter: SorterProgram, document: Document, act: str) -> None:
        """Put a document into an induction queue; the scanner will see it."""
        self.touch(document, Why.PUT, act)
        sorter.arrive(document)

    def bring_to_hand(self, hand: HandStation, document: Document, act: str) -> None:
        """Lay a document with what the hand station has."""
        self.touch(document, Why.PUT, act)
        hand.put([document], "people")

    def swap(self, one: Document, other: Document, act: str) -> None:
        """Note that two documents changed places."""
        self.touch(one, Why.SWAPPED, act)
        self.touch(other, Why.SWAPPED, act)

    # --- parcels -----------------------------------------------------------------------------------------------------

    def take_parcel(self, rack: RackProgram, parcel: Parcel, act: str) -> None:
        """Take a parcel off its way to the rack."""
        rack.take_off(parcel)
        self._hold(parcel, act)

    def take_out_of_bag(self, rack: RackProgram, bag: Bag, parcel: Parcel, act: str) -> None:
        """Take a parcel out of an open bag."""
        rack.take_out(bag, parcel)
        self._hold(parcel, act)

    def _hold(self, parcel: Parcel, act: str) -> None:
        for document in parcel.documents:
            self.touch(document, Why.BAGGED, act)
        self.parcels.append(parcel)

    def put_into_bag(self, rack: RackProgram, bag: Bag, parcel: Parcel, act: str) -> None:
        """Put a parcel into an open bag."""
        for document in parcel.documents:
            self.touch(document, Why.BAGGED, act)
        rack.put_in(bag, parcel)

    def open_at_hand(self, hand: HandStation, parcel: Parcel, act: str) -> None:
        """Bring a parcel to the hand station and open it: its label is worth nothing any more."""
        parcel.opened = True
        for document in parcel.documents:
            self.touch(document, Why.LIFTED, act)
        hand.put(parcel.documents, "people")

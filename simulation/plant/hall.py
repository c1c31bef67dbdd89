"""
The whole plant: sorters, baggers, dispatch rack and hand station of a `Hall`, wired together and fed by the agencies.

    agencies -> shortest induction queue -> sorter -> lane -> bagger -> conveyor -> rack -> mail bag
                                                \\-> exception lane -> hand station <-/

Build it with one `PlcPort` for each PLC of the hall, attach `programs` to those ports, and run the clock: the documents
come at their times. Nothing moves until the machines are commanded into Execute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from packcenter.core.hall import Hall
from packcenter.core.packml import HOLD_MASKS
from simulation.clock import INPUT, SimClock
from simulation.luck import Luck, Rates
from simulation.packml_unit import Machine
from simulation.plant.bagger import BaggerProgram, BaggerSettings
from simulation.plant.caserack import CaseRackProgram, CaseRackSettings
from simulation.plant.hand import HandStation
from simulation.plant.lane import Lane
from simulation.plant.people import People
from simulation.plant.rack import RackProgram, RackSettings
from simulation.plant.sorter import SorterProgram, SorterSettings
from simulation.plcport import PlcPort
from simulation.truth import Document, Truth

_NEVER_COMES: Final = -1


class PlantSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Everything about the plant that a scenario may change.

    `hold_from`: PLC -> the edition by which its machine can be held, as its profile says; others follow 2022.
    """

    seed: int = 1
    rates: Rates = Rates()
    sorter: SorterSettings = SorterSettings()
    bagger: BaggerSettings = BaggerSettings()
    rack: RackSettings = RackSettings()
    hold_from: dict[str, str] = {}
    case_rack: CaseRackSettings = CaseRackSettings()


class Plant:
    """
    The physical hall.

    `programs`: PLC name -> machine program. `truth`: where everything really is. `people` hold what they took away.
    """

    __slots__ = (
        "_coming", "_never", "_turn", "baggers", "case_racks", "clock", "hand", "people", "programs", "rack", "sorters", "truth",
    )  # fmt: skip

    def __init__(
        self,
        hall: Hall,
        documents: Iterable[Document],
        settings: PlantSettings,
        clock: SimClock,
        ports: Mapping[str, PlcPort],
    ) -> None:
        brought = sorted(documents, key=lambda document: (document.arrives_us, document.code))
        luck = Luck(settings.seed, settings.rates)
        exceptions = [f"lane/{sorter.plc}/{sorter.exception_lane}" for sorter in hall.sorters]
        self.clock = clock
        self._coming = deque(document for document in brought if document.arrives_us > _NEVER_COMES)
        self._never = tuple(document for document in brought if document.arrives_us <= _NEVER_COMES)
        self._turn = 0
        self.truth = truth = Truth(brought, exceptions)
        self.hand = hand = HandStation()
        self.people = People(clock, truth)
        self.rack = RackProgram(hall.rack, clock, ports[hall.rack.plc], luck, truth, hand, settings.rack)
        self.sorters = tuple(
            SorterProgram(sorter, clock, ports[sorter.plc], luck, truth, hand, settings.sorter) for sorter in hall.sorters
        )
        self.case_racks = tuple(
            CaseRackProgram(rack, self._infeeds(hall, rack.plc), clock, ports[rack.plc], luck, truth, hand, settings.case_rack)
            for rack in hall.case_racks
        )
        self.baggers = tuple(
            BaggerProgram(
                self._infeeds(hall, bagger.plc) | self._outlets(hall, bagger.plc),
                clock,
                ports[bagger.plc],
                luck,
                truth,
                hand,
                self.rack,
                settings.bagger,
            )
            for bagger in hall.baggers
        )
        machines: tuple[Machine, ...] = (*self.sorters, *self.baggers, self.rack, *self.case_racks)
        self.programs: dict[str, Machine] = {machine.name: machine for machine in machines}
        for name, edition in sorted(settings.hold_from.items()):
            self.programs[name].unit.hold_mask = HOLD_MASKS[edition]
        truth.watch(self._outside)
        truth.watch(hand.contents)
        truth.watch(self.people.contents)
        for machine in machines:
            truth.watch(machine.contents)
        self._await_next()

    def _outlets(self, hall: Hall, bagger: str) -> dict[int, Lane]:
        """What case racks lay out before a bagger, by its infeed numbers."""
        return {
            outlet.infeed: program.outlets[outlet.number]
            for rack, program in zip(hall.case_racks, self.case_racks, strict=True)
            for outlet in rack.outlets
            if outlet.feeds == bagger
        }

    def _infeeds(self, hall: Hall, bagger: str) -> dict[int, Lane]:
        """The lanes that feed a bagger or a case rack, by its infeed numbers."""
        return {
            lane.infeed: program.lanes[lane.number]
            for sorter, program in zip(hall.sorters, self.sorters, strict=True)
            for lane in sorter.lanes
            if lane.feeds == bagger
        }

    def _outside(self) -> Iterator[tuple[Document, str]]:
        return ((document, "agency") for document in (*self._coming, *self._never))

    def still_to_come(self) -> list[Document]:
        """What the agencies have not brought yet, first to come first."""
        return list(self._coming)

    def lay_onto_sorter(self, document: Document) -> None:
        """A person puts a document that lies nowhere into the shortest queue before a sorter."""
        min(self.sorters, key=lambda sorter: len(sorter.queue)).arrive(document)

    def fetch(self, document: Document) -> Document:
        """A person fetches a document from its agency before it is brought."""
        self._coming.remove(document)
        return document

    def is_exception(self, lane: Lane) -> bool:
        """Whether a lane is the end of its belt."""
        return any(sorter.exception is lane for sorter in self.sorters)

    def sorter_of(self, lane: Lane) -> SorterProgram:
        """The sorter that a lane belongs to."""
        return next(sorter for sorter in self.sorters if lane in sorter.lanes.values())

    def _await_next(self) -> None:
        if self._coming:
            self.clock.at(max(0, self._coming[0].arrives_us - self.clock.now_us), INPUT, self._arrive, None)

    def _arrive(self, _: None) -> None:
        """Agencies bring what is due; each document goes to the shortest queue, in turn where they are equally long."""
        now_us = self.clock.now_us
        coming = self._coming
        while coming and coming[0].arrives_us <= now_us:
            shortest = min(len(sorter.queue) for sorter in self.sorters)
            candidates = [sorter for sorter in self.sorters if len(sorter.queue) == shortest]
            self._turn += 1
            candidates[self._turn % len(candidates)].arrive(coming.popleft())
        self._await_next()

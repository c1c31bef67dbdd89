"""The hall as a page or a tool draws it: what stands where and feeds what. Only its plan changes while the service runs."""

from __future__ import annotations

from typing import Final

import msgspec

from packcenter.core.alarm_table import ALARMS, Priority, Text
from packcenter.core.hall import Hall


class LaneLayout(msgspec.Struct, frozen=True):
    """A lane; `feeds` is "" for the exception lane, which people empty to the hand station."""

    number: int
    feeds: str
    infeed: int
    capacity: int
    secure: bool


class SorterLayout(msgspec.Struct, frozen=True):
    """A sorting line, its lanes in the order in which `Status.lanes` counts them."""

    plc: str
    exception_lane: int
    lanes: list[LaneLayout]


class OutletLayout(msgspec.Struct, frozen=True):
    """Where a case rack lays out a case for an infeed of a bagger."""

    number: int
    feeds: str
    infeed: int


class CaseRackLayout(msgspec.Struct, frozen=True):
    """
    A case rack 合包架, whose cells are numbered from 1 to `cells`; its infeeds and outlets in the order in which
    `Status.case_racks` counts them. An infeed has the lanes that feed it, as sorter and number.
    """

    plc: str
    cells: int
    cell_documents: int
    infeeds: dict[int, list[tuple[str, int]]]
    outlets: list[OutletLayout]


class AlarmText(msgspec.Struct, frozen=True):
    """What people read of an alarm; `mark` is 1 at once, 2 soon, 3 in time."""

    mark: int
    title: Text
    response: Text


class Layout(msgspec.Struct, frozen=True):
    """
    Everything about a hall that does not change while its service runs, and what the plan in force says of it; `positions` is
    destination by number.

    `mode` is live, simulation or replay: figures that are not live must say so. `speed` is plant seconds per second.
    `alarms` has the texts of the catalogue. A bag is closed at `bag_items` parcels or at a cut-off, minutes after local midnight.
    """

    name: str
    centre: str
    plan: str
    release: str
    mode: str
    speed: int
    utc_offset_minutes: int
    run: int
    sorters: list[SorterLayout]
    baggers: list[str]
    rack: str
    positions: dict[int, str]
    bag_items: int
    cutoff_minutes: list[int]
    plan_digest: str = ""
    alarms: dict[str, AlarmText] = {}
    case_racks: list[CaseRackLayout] = []


_MARKS: Final = {Priority.HIGH: 1, Priority.MEDIUM: 2, Priority.LOW: 3}


def layout_of(hall: Hall, *, release: str, mode: str, speed: int, run: int) -> Layout:
    """The layout of a hall under one run of the service."""
    return Layout(
        name=hall.name,
        centre=hall.centre,
        plan=hall.plan.version,
        release=release,
        mode=mode,
        speed=speed,
        utc_offset_minutes=hall.utc_offset_minutes,
        run=run,
        sorters=[
            SorterLayout(
                sorter.plc,
                sorter.exception_lane,
                [LaneLayout(lane.number, lane.feeds, lane.infeed, lane.capacity_items, lane.secure) for lane in sorter.lanes],
            )
            for sorter in hall.sorters
        ],
        baggers=[bagger.plc for bagger in hall.baggers],
        rack=hall.rack.plc,
        positions={position.number: position.destination for position in hall.rack.positions},
        bag_items=hall.plan.bags.items_max,
        cutoff_minutes=list(hall.plan.bags.cutoff_minutes),
        plan_digest=hall.plan.digest,
        alarms={name: AlarmText(_MARKS[each.priority], each.title, each.response) for name, each in ALARMS.items()},
        case_racks=[
            CaseRackLayout(
                rack.plc,
                rack.cells,
                rack.cell_documents,
                infeeds_of(hall, rack.plc),
                [OutletLayout(outlet.number, outlet.feeds, outlet.infeed) for outlet in rack.outlets],
            )
            for rack in hall.case_racks
        ],
    )


def infeeds_of(hall: Hall, plc: str) -> dict[int, list[tuple[str, int]]]:
    """The infeeds of a machine that lanes feed, rising, and which lanes those are."""
    found: dict[int, list[tuple[str, int]]] = {}
    for sorter in hall.sorters:
        for lane in sorter.lanes:
            if lane.feeds == plc:
                found.setdefault(lane.infeed, []).append((sorter.plc, lane.number))
    return dict(sorted(found.items()))

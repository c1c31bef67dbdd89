"""Look-ups derived from the hall, so that a rule finds a lane, class or destination in one step. Holds nothing that changes."""

from __future__ import annotations

from bisect import bisect_right

from packcenter.core.hall import Bagger, CaseRack, CaseType, Group, Hall, Lane, MailClass, Rule, Sorter
from packcenter.core.inputs import Line
from packcenter.core.records import cell_place
from packcenter.core.state import Item, lane_place


class HallIndex:
    """The hall by name: built once when it is adopted. `route` remembers what the plan says, which is a pure function of it."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.sorters: dict[str, Sorter] = {sorter.plc: sorter for sorter in hall.sorters}
        self.baggers: dict[str, Bagger] = {bagger.plc: bagger for bagger in hall.baggers}
        self.classes: dict[str, MailClass] = {mail_class.name: mail_class for mail_class in hall.mail_classes}
        self.agencies = frozenset(hall.agencies)
        self.plan = hall.plan.named()
        self.groups: dict[str, Group] = {group.name: group for group in hall.plan.groups}
        self.outlets: dict[str, str] = {outlet: part.name for part in hall.plan.destinations for outlet in part.outlets}
        self.destination_at: dict[int, str] = {position.number: position.destination for position in hall.rack.positions}
        self.limited_loops = tuple(sorter for sorter in hall.sorters if sorter.laps_max and sorter.loop_items_max)
        self.lanes: dict[tuple[str, int], Lane] = {}
        self.case_racks: dict[str, CaseRack] = {rack.plc: rack for rack in hall.case_racks}
        self.cells: dict[str, list[tuple[str, int]]] = {
            rack.plc: [(cell_place(rack.plc, number), number) for number in range(1, rack.cells + 1)] for rack in hall.case_racks
        }
        self.cell_at: dict[str, tuple[str, int]] = {
            place: (plc, number) for plc, cells in self.cells.items() for place, number in cells
        }
        self.rack_outlets: dict[str, tuple[str, int]] = {}
        self.bagger_behind: dict[str, str] = {}
        self.racks_before: dict[str, tuple[str, ...]] = {}
        self.case_lanes: dict[tuple[str, str], tuple[Lane, ...]] = {}
        self.infeeds: dict[str, list[tuple[str, int]]] = {bagger.plc: [] for bagger in hall.baggers}
        self.infeeds |= {rack.plc: [] for rack in hall.case_racks}
        for sorter in hall.sorters:
            for lane in sorter.lanes:
                self.lanes[sorter.plc, lane.number] = lane
                if lane.feeds:
                    self.infeeds[lane.feeds].append((lane_place(sorter.plc, lane.number), lane.infeed))
                if lane.feeds in self.case_racks:
                    key = (sorter.plc, lane.feeds)
                    self.case_lanes[key] = (*self.case_lanes.get(key, ()), lane)
        for rack in hall.case_racks:
            for outlet in rack.outlets:
                place = lane_place(rack.plc, outlet.number)
                self.rack_outlets[place] = (rack.plc, outlet.number)
                self.bagger_behind[place] = outlet.feeds
                before = self.racks_before.get(outlet.feeds, ())
                self.racks_before[outlet.feeds] = before if rack.plc in before else (*before, rack.plc)
                self.infeeds[outlet.feeds].append((place, outlet.infeed))
        ranges = sorted((first, last, part.name) for part in hall.plan.destinations for first, last in part.postcodes)
        self._range_starts = [first for first, _, _ in ranges]
        self._ranges = ranges
        self._positions: dict[tuple[str, str], int] = {}
        self._routes: dict[tuple[str, str, str, str], Rule | None] = {}
        self._lane_orders: dict[tuple[str, str], tuple[tuple[str, str, tuple[Lane, ...]], ...]] = {}

    def destination(self, postcode: int) -> str:
        """Name of the destination that a postcode belongs to; "" if the plan has none."""
        at = bisect_right(self._range_starts, postcode) - 1
        if at >= 0 and postcode <= self._ranges[at][1]:
            return self._ranges[at][2]
        return ""

    def destination_of(self, goes: Line | Item) -> str:
        """Name of the destination of an item or of a manifest's line: that of its outlet, else of its postcode."""
        return self.outlets.get(goes.outlet, "") if goes.outlet else self.destination(goes.destination)

    def position(self, destination: str, service: str) -> int:
        """Where such parcels hang, 0 nowhere: where the service is named, else where none is (D2)."""
        key = (destination, service)
        if key not in self._positions:
            there = [each for each in self.hall.rack.positions if each.destination == destination]
            named = [each.number for each in there if service in each.services]
            self._positions[key] = next(iter([*named, *(each.number for each in there if not each.services)]), 0)
        return self._positions[key]

    def case_type(self, case: str) -> CaseType | None:
        """The first type whose prefix a case's code begins with, or None."""
        return next((each for each in self.hall.case_types if case.startswith(each.prefix)), None)

    def rule(self, mail_class: str, agency: str, destination: str, service: str) -> Rule | None:
        """The first rule of the plan that takes such items, or None."""
        key = (mail_class, agency, destination, service)
        if key not in self._routes:
            self._routes[key] = next((rule for rule in self.hall.plan.rules if _takes(rule, key)), None)
        return self._routes[key]

    def lane_order(self, group: str, sorter: str) -> tuple[tuple[str, str, tuple[Lane, ...]], ...]:
        """(group, balance, its lanes on this sorter) for a group and then its overflow groups, each group once, depth first."""
        key = (group, sorter)
        if key not in self._lane_orders:
            seen: list[str] = []
            self._collect(group, seen)
            self._lane_orders[key] = tuple((name, self.groups[name].balance, self._lanes_on(name, sorter)) for name in seen)
        return self._lane_orders[key]

    def _collect(self, group: str, seen: list[str]) -> None:
        if group not in seen:
            seen.append(group)
            for other in self.groups[group].overflow:
                self._collect(other, seen)

    def _lanes_on(self, group: str, sorter: str) -> tuple[Lane, ...]:
        return tuple(self.lanes[plc, number] for plc, number in self.groups[group].lanes if plc == sorter)


def _takes(rule: Rule, key: tuple[str, str, str, str]) -> bool:
    lists = (rule.mail_classes, rule.agencies, rule.destinations, rule.services)
    return all(not names or value in names for names, value in zip(lists, key, strict=True))

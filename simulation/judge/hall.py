"""The hall as the journal describes it, looked at the way the rules ask: by name and number."""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple

_MINUTE_US: Final = 60_000_000
_DAY_US: Final = 1440 * _MINUTE_US
_OUTLET: Final = 9
"""The field of a manifest's line that has the code of an outlet; lines of release 0.1.0 end before it."""


ROUND: Final = 0
"""The lane that is the way round of a loop; it is decided on as long as the exception lane is."""


class Lane(NamedTuple):
    """A lane of a sorter; `feeds` is the bagger behind it, "" for the exception lane."""

    feeds: str
    infeed: int
    distance_mm: int
    capacity: int
    secure: bool
    rate: int = 0


class MailClass(NamedTuple):
    """What a class of mail weighs, is packed in, and how thick one document of it can be (0: not checked)."""

    secure: bool
    grams_min: int
    grams_max: int
    pouch: int
    thickness_max: int


class CaseRack(NamedTuple):
    """A case rack: its cells, how many documents each holds, and its outlets (number, bagger, infeed)."""

    cells: int
    cell_documents: int
    outlets: list[list[Any]]


class CaseType(NamedTuple):
    """What the cases of a prefix have in common."""

    name: str
    prefix: str
    mail_classes: list[str]
    wait_minutes: int
    policy: str
    pouch: int


class Sorter:
    """A sorter: its lanes by number, and how long the way to a diverter takes."""

    def __init__(self, said: list[Any]) -> None:
        (_, self.belt_mm_per_s, _, self.actuator_ms, self.scan_cycle_ms, self.link_ms, _, lanes, self.exception, *later) = said
        _, self.laps_max, self.round_mm, self.items_max = [*later, 0, 0, 0, 0][:4]
        self.lanes = {number: Lane(*rest) for number, *rest in lanes}

    def way_us(self, lane: int) -> int:
        """From the scanner to the lane's diverter, actuator and scan cycle deducted."""
        distance_mm = self.lanes[self.exception if lane == ROUND else lane].distance_mm
        way_us = distance_mm * 1_000_000 // max(1, int(self.belt_mm_per_s))
        return way_us - (int(self.actuator_ms) + int(self.scan_cycle_ms)) * 1000


class Hall:
    """A hall that was adopted. `said` is the array of `Hall` in JOURNAL-FORMAT.md."""

    def __init__(self, said: list[Any]) -> None:
        self._said = said
        (self.name, self.centre, self._offset_minutes, agencies, classes, sorters, baggers, rack, self.waybills, plan, *more) = (
            said
        )
        self.receipt_minutes: int = more[1] if len(more) > 1 else 0
        self.receptacles: list[str] = more[2] if len(more) > 2 else []
        racks, types = more[3:5] if len(more) > 4 else ([], [])
        self.agencies = frozenset(agencies)
        self.classes = {name: MailClass(*rest) for name, *rest in classes}
        self.sorters = {each[0]: Sorter(each) for each in sorters}
        self.baggers = frozenset(each[0] for each in baggers)
        self.rack, positions, self.reject = rack[0], rack[1], rack[2]
        self.positions: dict[int, str] = {number: destination for number, destination, *_ in positions}
        self.services: dict[int, list[str]] = {number: more[0] if more else [] for number, _, *more in positions}
        self.case_racks = {each[0]: CaseRack(*each[1:4]) for each in racks}
        self.case_types = [CaseType(*each) for each in types]
        self.outlets = {
            f"lane/{plc}/{number}": (feeds, infeed)
            for plc, each in self.case_racks.items()
            for number, feeds, infeed in each.outlets
        }
        self.plcs = frozenset((*self.sorters, *self.baggers, self.rack, *self.case_racks))
        self.plan = plan
        self.version, self._destinations, groups, self._rules, (self.items_max, _, self._cutoffs), *later = plan
        said_later: list[Any] = later or [0, 0, ""]
        self.valid_from_us, self.valid_until_us, self.digest = int(said_later[0]), int(said_later[1]), str(said_later[2])
        self._outlets = {outlet: name for name, _, *more in self._destinations for outlet in (more[0] if more else ())}
        self._groups = {group[0]: group for group in groups}
        self._postcodes: dict[int, str] = {}

    def sorted_by(self, plan: list[Any]) -> Hall:
        """The same machines under another sort plan."""
        return Hall([*self._said[:9], plan, *self._said[10:]])

    def plan_named(self) -> str:
        """How an item names the plan that decided it; "" where the plan has no digest."""
        return f"{self.version}@{self.digest[:8]}" if self.digest else ""

    def destination_of(self, line: list[Any]) -> str:
        """The plan's destination of an announced item: of its outlet, else of its postcode; "" if the plan has none."""
        if len(line) > _OUTLET and line[_OUTLET]:
            return str(self._outlets.get(line[_OUTLET], ""))
        return self._of_postcode(line[4])

    def series_of(self, destination: str, at_us: int) -> str:
        """The first 16 characters of the S9 tags of a destination at a moment; "" if its bags bear tags of the centre."""
        office = next((more[1] for name, _, *more in self._destinations if name == destination and len(more) > 1), "")
        if not office or not self.receptacles:
            return ""
        year = time.gmtime((at_us + self._offset_minutes * _MINUTE_US) // 1_000_000).tm_year
        origin, category, subclass = self.receptacles
        return f"{origin}{office}{category}{subclass}{year % 10}"

    def bag_takes(self, position: int, service: str) -> bool:
        """Whether the bag of its destination that hangs at a position is for parcels of a service (D2)."""
        if self.services[position]:
            return service in self.services[position]
        others = (number for number, name in self.positions.items() if name == self.positions[position])
        return not any(service in self.services[number] for number in others)

    def _of_postcode(self, postcode: int) -> str:
        known = self._postcodes.get(postcode)
        if known is None:
            known = next(
                (name for name, ranges, *_ in self._destinations if any(low <= postcode <= high for low, high in ranges)), ""
            )
            self._postcodes[postcode] = known
        return known

    def case_type(self, case: str) -> CaseType | None:
        """The first type whose prefix a case's code begins with."""
        return next((each for each in self.case_types if case.startswith(each.prefix)), None)

    def fed_from(self, place: str) -> str:
        """The bagger or case rack that a lane of a sorter feeds; "" for any other place."""
        kind, _, rest = place.partition("/")
        plc, _, number = rest.partition("/")
        sorter = self.sorters.get(plc) if kind == "lane" else None
        return sorter.lanes[int(number)].feeds if sorter is not None and int(number) in sorter.lanes else ""

    def stands_before(self, place: str, plc: str, infeed: int) -> bool:
        """Whether a place is the lane, or the outlet of a case rack, at this infeed of a bagger or a case rack."""
        if self.outlets.get(place) == (plc, infeed):
            return True
        return any(
            lane.feeds == plc and lane.infeed == infeed and place == f"lane/{sorter}/{number}"
            for sorter, each in self.sorters.items()
            for number, lane in each.lanes.items()
        )

    def rule_of(self, line: list[Any]) -> tuple[str, str]:
        """The first rule of the plan that takes an announced item, and its group; "" and "" if none does."""
        _, mail_class, agency, _, _, service, *_ = line
        destination = self.destination_of(line)
        asked = (mail_class, agency, destination, service)
        for name, *wanted in self._rules:
            if all(not allowed or value in allowed for allowed, value in zip(wanted[:4], asked, strict=True)):
                return name, wanted[4]
        return "", ""

    def combining_of(self, line: list[Any]) -> tuple[str, int, int]:
        """The rule that takes an announced item, how many minutes its letters wait for each other (0 not at all), their pouch."""
        name, _ = self.rule_of(line)
        rule: list[Any] = next((rule for rule in self._rules if rule[0] == name), [])
        minutes, pouch = [*rule[6:], 0, 0][:2]
        return name, int(minutes), int(pouch)

    def lanes_of(self, group: str) -> list[list[Any]]:
        """The lanes of a group of the plan: name of the sorter, number."""
        lanes: list[list[Any]] = self._groups[group][1] if group in self._groups else []
        return lanes

    def balance_of(self, group: str) -> str:
        """How a group shares its lanes: "first" or "least"; "" for no group of the plan."""
        return str(self._groups[group][2]) if group in self._groups else ""

    def overflow_of(self, group: str) -> list[str]:
        """The groups into which a group may overflow."""
        into: list[str] = self._groups[group][3] if group in self._groups else []
        return into

    def reached_from(self, group: str) -> list[str]:
        """A group with all groups that it overflows into, and they into."""
        reached: list[str] = []
        names = [group]
        while names:
            name = names.pop()
            if name in self._groups and name not in reached:
                reached.append(name)
                names += self.overflow_of(name)
        return reached

    def next_cutoff_us(self, at_us: int) -> int:
        """The plan's first cut-off after a moment; 0 if it has none. Cut-offs are minutes of the local day."""
        offset_us = self._offset_minutes * _MINUTE_US
        midnight_us = (at_us + offset_us) // _DAY_US * _DAY_US - offset_us
        times = [midnight_us + day * _DAY_US + minute * _MINUTE_US for day in (0, 1) for minute in self._cutoffs]
        return min((time for time in times if time > at_us), default=0)

    def serves(self, group: str, plc: str, lane: int) -> bool:
        """Whether a lane belongs to a group of the plan."""
        return [plc, lane] in self.lanes_of(group)

    def overflows(self, group: str, into: str) -> bool:
        """Whether the plan lets a group overflow into another."""
        return into in self.overflow_of(group)

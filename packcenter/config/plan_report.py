"""
What a sort plan does: the share of a manifest that each rule takes, what it leaves without a lane, and how two plans differ.

Nothing here decides; it asks the look-ups that the core decides by (`core.index`), so a report and a run cannot differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from packcenter.core.cases import RULE
from packcenter.core.hall import Hall, Plan, Rule
from packcenter.core.index import HallIndex
from packcenter.core.inputs import Line

NO_RULE = ""
"""Stands for the rule of an item that no rule takes."""


class RuleShare(msgspec.Struct, frozen=True):
    """
    How many items of a manifest a rule takes, and the group of lanes that it gives them.

    `together` of them can leave with others to their addressee, in `parcels` at least.
    """

    rule: str
    group: str
    items: int
    together: int = 0
    parcels: int = 0


class DestinationShare(msgspec.Struct, frozen=True):
    """How many items go to a destination, and at which position of the rack its bag hangs (0: at none)."""

    destination: str
    position: int
    items: int


class Gap(msgspec.Struct, frozen=True):
    """
    Items that go to people by the plan itself, whatever the machines do.

    `why`: no_destination (no postcode range), no_position (no bag hangs for it), no_rule, or no_lane (`sorter` has no lane of
    its group, or of its overflow groups, that may hold it). `what` names the kind of items.
    """

    why: str
    what: str
    sorter: str
    items: int


class Coverage(msgspec.Struct, frozen=True):
    """
    What a plan does with a manifest. `rules` and `destinations` are in the plan's order, with those that take nothing;
    `gaps` the most items first.
    """

    version: str
    items: int
    rules: list[RuleShare]
    destinations: list[DestinationShare]
    gaps: list[Gap]

    @property
    def unused(self) -> list[str]:
        """Rules that take no item."""
        return [share.rule for share in self.rules if not share.items]


def cover(hall: Hall, lines: Iterable[Line]) -> Coverage:
    """Put every line of a manifest through the plan of a hall. Documents of cases go to its case racks by no rule of it."""
    index = HallIndex(hall)
    lines = list(lines)
    together = _together(index, lines)
    rules: Counter[str] = Counter()
    destinations: Counter[str] = Counter()
    gaps: Counter[tuple[str, str, str]] = Counter()
    kinds: Counter[tuple[str, str, str, str, str, bool]] = Counter(
        (
            line.mail_class,
            line.agency,
            _address(line),
            index.destination_of(line),
            line.service,
            bool(hall.case_racks) and line.case_size > 1,
        )
        for line in lines
    )
    for (mail_class, agency, address, destination, service, gathered), count in sorted(kinds.items()):
        if not destination:
            gaps["no_destination", address, ""] += count
        else:
            destinations[destination] += count
            if not index.position(destination, service):
                gaps["no_position", f"{destination} by {service}" if _is_parted(hall, destination) else destination, ""] += count
        if gathered:
            rules[RULE] += count
            continue
        rule = index.rule(mail_class, agency, destination, service)
        rules[rule.name if rule is not None else NO_RULE] += count
        if rule is None:
            gaps["no_rule", f"{mail_class} of {agency} for {destination or address} by {service}", ""] += count
            continue
        for sorter in _without_lane(index, rule.group, mail_class):
            gaps["no_lane", f"{mail_class} by rule {rule.name}", sorter] += count
    return Coverage(
        version=hall.plan.version,
        items=kinds.total(),
        rules=[
            *(RuleShare(RULE, "case racks", rules[RULE]) for _ in range(RULE in rules)),
            *(RuleShare(rule.name, rule.group, rules[rule.name], *together.get(rule.name, (0, 0))) for rule in hall.plan.rules),
        ],
        destinations=[
            DestinationShare(each.name, index.position(each.name, ""), destinations[each.name]) for each in hall.plan.destinations
        ],
        gaps=[Gap(*key, count) for key, count in sorted(gaps.items(), key=lambda entry: (-entry[1], entry[0]))],
    )


def _together(index: HallIndex, lines: list[Line]) -> dict[str, tuple[int, int]]:
    """Rule -> how many letters can leave with others to their addressee, and in how many parcels, if all come in time."""
    letters: Counter[str] = Counter()
    parcels: Counter[str] = Counter()
    for of_set in _sets(index, lines):
        letters.update(rule.name for _, rule in of_set)
        parcels[of_set[0][1].name] += 1  # the rule of the first makes the set
    return {name: (count, parcels[name]) for name, count in letters.items()}


def _sets(index: HallIndex, lines: list[Line]) -> list[list[tuple[int, Rule]]]:
    """
    The letters, as places in `lines` with their rules, that can leave in one parcel with others, if all come in time.

    They are of one agency, to one addressee, at one place, by one service, and each one's rule combines; a cell holds so many.
    """
    cell = max((rack.cell_documents for rack in index.hall.case_racks), default=0)
    kin: dict[tuple[str, ...], list[tuple[int, Rule]]] = {}
    for at, line in enumerate(lines):
        rule = _combining_rule(index, line) if cell else None
        if rule is not None:
            kin.setdefault((line.agency, line.addressee, _address(line), line.service), []).append((at, rule))
    parts = (of_kin[first : first + cell] for of_kin in kin.values() for first in range(0, len(of_kin), cell))
    return [part for part in parts if len(part) > 1]


def _combining_rule(index: HallIndex, line: Line) -> Rule | None:
    """The rule by which a letter may leave with others, or None, as `core.combining` has it."""
    secure = line.mail_class not in index.classes or index.classes[line.mail_class].secure
    if not line.addressee or secure or line.waybill or line.case_size > 1:
        return None
    rule = index.rule(line.mail_class, line.agency, index.destination_of(line), line.service)
    return rule if rule is not None and rule.combine_minutes else None


def _address(line: Line) -> str:
    """Where a line goes, as its manifest says it."""
    return line.outlet or f"{line.destination:06d}"


def _is_parted(hall: Hall, destination: str) -> bool:
    """Whether the bags of a destination are for one service each."""
    return any(each.services for each in hall.rack.positions if each.destination == destination)


def _without_lane(index: HallIndex, group: str, mail_class: str) -> list[str]:
    """The sorters that have no lane for a class in a group or its overflow groups."""
    secure = mail_class not in index.classes or index.classes[mail_class].secure
    return [
        sorter
        for sorter in index.sorters
        if not any(lane.secure or not secure for _, _, lanes in index.lane_order(group, sorter) for lane in lanes)
    ]


# --- a folder of plans ---------------------------------------------------------------------------------------------------


class Listed(msgspec.Struct, frozen=True):
    """A file of the site's folder of plans: what it is, or its `faults`. Times are core time, 0 none."""

    file: str
    version: str = ""
    digest: str = ""
    valid_from_us: int = 0
    valid_until_us: int = 0
    in_force: bool = False
    faults: list[str] = []


# --- two plans -----------------------------------------------------------------------------------------------------------


class Change(msgspec.Struct, frozen=True):
    """One difference of two plans: `what` (such as "rule letters") `was` and `now` is; "" where it is not there."""

    what: str
    was: str
    now: str


class Rerouted(msgspec.Struct, frozen=True):
    """
    Items of a manifest that the new plan takes elsewhere: by which rule to which group, or to which destination; or that leave
    alone, or with others to their addressee, as they did not before (`what` is parcel; if all come in time).
    """

    what: str
    was: str
    now: str
    items: int


def compare(was: Plan, now: Plan) -> list[Change]:
    """Every difference of two plans, in the order of a plan's parts; the version is not one."""
    return [
        *_changes("destination", _destinations(was), _destinations(now)),
        *_changes("group", _groups(was), _groups(now)),
        *_changes("rule", _rules(was), _rules(now)),
        *_order(was, now),
        *_changes("bags", _bags(was), _bags(now)),
        *_changes("validity", _validity(was), _validity(now)),
    ]


def _changes(kind: str, was: dict[str, str], now: dict[str, str]) -> list[Change]:
    names = [*was, *(name for name in now if name not in was)]
    return [
        Change(f"{kind} {name}", was.get(name, ""), now.get(name, "")) for name in names if was.get(name, "") != now.get(name, "")
    ]


def _destinations(plan: Plan) -> dict[str, str]:
    return {
        each.name: ", ".join([*(_range(*part) for part in each.postcodes), *(f"outlet {outlet}" for outlet in each.outlets)])
        for each in plan.destinations
    }


def _range(first: int, last: int) -> str:
    return f"{first:06d}" if first == last else f"{first:06d}-{last:06d}"


def _groups(plan: Plan) -> dict[str, str]:
    return {each.name: _group(each.lanes, each.balance, each.overflow) for each in plan.groups}


def _group(lanes: tuple[tuple[str, int], ...], balance: str, overflow: tuple[str, ...]) -> str:
    then = f", then {', '.join(overflow)}" if overflow else ""
    return f"{', '.join(f'{plc}/{lane}' for plc, lane in lanes)} ({balance}){then}"


def _rules(plan: Plan) -> dict[str, str]:
    told = {}
    for rule in plan.rules:
        wants = (
            ("class", rule.mail_classes),
            ("agency", rule.agencies),
            ("destination", rule.destinations),
            ("service", rule.services),
        )
        conditions = "; ".join(f"{name} {', '.join(values)}" for name, values in wants if values)
        told[rule.name] = f"{conditions or 'everything'} -> {rule.group}{_combining(rule)}"
    return told


def _combining(rule: Rule) -> str:
    """How a rule combines letters to one addressee; "" if it does not."""
    if not rule.combine_minutes:
        return ""
    pouch = f" in pouch {rule.combine_pouch}" if rule.combine_pouch else ""
    return f", letters to one addressee together{pouch}, waiting {rule.combine_minutes} min at most"


def _order(was: Plan, now: Plan) -> list[Change]:
    """The first rule that fits decides, so their order is a part of the plan."""
    names = {rule.name for rule in was.rules} & {rule.name for rule in now.rules}
    before, after = ([rule.name for rule in plan.rules if rule.name in names] for plan in (was, now))
    return [Change("order of rules", ", ".join(before), ", ".join(after))] if before != after else []


def _bags(plan: Plan) -> dict[str, str]:
    bags = plan.bags
    cutoffs = ", ".join(f"{minute // 60:02d}:{minute % 60:02d}" for minute in bags.cutoff_minutes)
    return {"items_max": str(bags.items_max), "grams_max": str(bags.grams_max), "cutoffs": cutoffs or "none"}


def _validity(plan: Plan) -> dict[str, str]:
    ends = {"from": plan.valid_from_us, "until": plan.valid_until_us}
    return {name: f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%d %H:%M} UTC" for name, us in ends.items() if us}


def reroute(was: Hall, now: Hall, lines: Iterable[Line]) -> list[Rerouted]:
    """What becomes another way of a manifest's items under another plan, the most items first."""
    before, after = HallIndex(was), HallIndex(now)
    lines = list(lines)
    moved: Counter[tuple[str, str, str]] = Counter()
    for line, *parcels in zip(lines, _parcels(before, lines), _parcels(after, lines), strict=True):
        ways = [(*_way(index, line), parcel) for index, parcel in zip((before, after), parcels, strict=True)]
        for what, old, new in zip(("destination", "group", "rule", "parcel"), *ways, strict=True):
            if old != new:
                moved[what, old, new] += 1
    return [Rerouted(*key, count) for key, count in sorted(moved.items(), key=lambda entry: (-entry[1], entry[0]))]


def _way(index: HallIndex, line: Line) -> tuple[str, str, str]:
    """Destination, group of lanes and rule of a line; a document of a case goes to a case rack by no rule of the plan."""
    destination = index.destination_of(line)
    if index.hall.case_racks and line.case_size > 1:
        return destination, "case racks", RULE
    rule = index.rule(line.mail_class, line.agency, destination, line.service)
    return destination, rule.group if rule is not None else "", rule.name if rule is not None else ""


def _parcels(index: HallIndex, lines: list[Line]) -> list[str]:
    """Of each line whether it leaves alone, or with others to its addressee, and in which pouch then."""
    found = ["alone"] * len(lines)
    for of_set in _sets(index, lines):
        pouch = of_set[0][1].combine_pouch
        for at, _ in of_set:
            found[at] = f"with others to its addressee{f', in pouch {pouch}' if pouch else ''}"
    return found

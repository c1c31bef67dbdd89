"""
Checks of one sort plan: postcodes, groups, names in rules, cut-offs. What the rules mean together needs the site.
"""

from __future__ import annotations

from datetime import UTC, datetime

from packcenter.config.errors import Finding, quoted
from packcenter.config.models import Plan
from packcenter.config.names import Findings, check_names, known_names, unique_items, unique_tables, unknown_name
from packcenter.config.toml import KeyPath
from packcenter.config.validate import Loaded, Value


def time_of_day(text: str) -> int:
    """Minutes after midnight of a checked `HH:MM`."""
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def postcode_range(text: str) -> tuple[int, int]:
    """Both ends of a checked postcode or range of postcodes."""
    first, _, last = text.partition("-")
    return int(first), int(last or first)


def minute_of(text: str) -> int | None:
    """Minutes of a checked `YYYY-MM-DD HH:MM` after 1970 began, where it is read; None if the calendar has no such day."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()) // 60
    except ValueError:
        return None


def check_plan(plan: Loaded[Plan]) -> Findings:
    """Everything that a plan can be wrong in by itself."""
    model = plan.model
    for table in ("destination", "group", "rule"):
        yield from unique_tables(plan, table, "name", [each.name for each in getattr(model, table)])
    yield from _postcodes(plan)
    yield from _everything_else(plan)
    yield from _outlets(plan)
    yield from _groups(plan)
    yield from _rule_names(plan)
    yield from _cutoffs(plan)
    yield from _validity(plan)


def _postcodes(plan: Loaded[Plan]) -> Findings:
    ranges: list[tuple[int, int, int, int]] = []
    for at, destination in enumerate(plan.model.destination):
        for number, text in enumerate(destination.postcodes):
            path: KeyPath = ("destination", at, "postcodes", number)
            if not plan.sound(*path):
                continue
            first, last = postcode_range(text)
            if first > last:
                advice = "The range holds no postcode; write the lower end first."
                yield plan.finding(path, "postcode-range", Value(text), "the lower postcode first", advice)
            else:
                ranges.append((first, last, at, number))
    widest: tuple[int, int, int, int] | None = None
    for each in sorted(ranges):
        if widest is not None and each[0] <= widest[1]:
            yield _overlap(plan, *sorted((widest, each), key=lambda item: item[2:]))
        if widest is None or each[1] > widest[1]:
            widest = each


def _overlap(plan: Loaded[Plan], first: tuple[int, int, int, int], later: tuple[int, int, int, int]) -> Finding:
    destinations = plan.model.destination
    text = destinations[first[2]].postcodes[first[3]]
    common = f"{max(first[0], later[0]):06}"
    advice = f"Postcode {common} would belong to both; a parcel can lie in one bag only."
    seen = f"{quoted(destinations[later[2]].postcodes[later[3]])}, which overlaps {quoted(text)}"
    expected = f"postcodes that {quoted(destinations[first[2]].name)} does not have"
    if first[2] == later[2]:
        expected = "each postcode once"
    return plan.finding(("destination", later[2], "postcodes", later[3]), "overlapping-postcodes", seen, expected, advice)


def _everything_else(plan: Loaded[Plan]) -> Findings:
    holder = ""
    for at, destination in enumerate(plan.model.destination):
        path: KeyPath = ("destination", at)
        if not plan.sound(*path):
            continue
        if destination.everything_else and holder:
            advice = "Only one destination can have the postcodes that are left."
            expected = f"false, because {quoted(holder)} has it"
            yield plan.finding((*path, "everything_else"), "everything-else", Value(True), expected, advice)
        elif destination.everything_else:
            holder = destination.name
        elif not destination.postcodes and not destination.outlets:
            advice = "No item could ever go there."
            expected = "at least one postcode or outlet, or everything_else = true"
            yield plan.finding((*path, "postcodes"), "no-postcodes", "empty", expected, advice)


def _outlets(plan: Loaded[Plan]) -> Findings:
    holders: dict[str, tuple[int, int]] = {}
    for at, destination in enumerate(plan.model.destination):
        for number, outlet in enumerate(destination.outlets):
            path: KeyPath = ("destination", at, "outlets", number)
            if plan.sound(*path) and holders.setdefault(outlet, (at, number)) != (at, number):
                holder = plan.model.destination[holders[outlet][0]].name
                advice = "A parcel can lie in one bag only."
                yield plan.finding(
                    path, "repeated-outlet", f"{quoted(outlet)}, as in {quoted(holder)}", "each outlet once", advice
                )


def _groups(plan: Loaded[Plan]) -> Findings:
    groups = known_names(plan, "group", "name")
    for at, group in enumerate(plan.model.group):
        path: KeyPath = ("group", at)
        yield from unique_items(plan, (*path, "lanes"), group.lanes, "lane")
        yield from unique_items(plan, (*path, "overflow"), group.overflow, "group")
        for number, name in enumerate(group.overflow):
            where: KeyPath = (*path, "overflow", number)
            if not plan.sound(*where):
                continue
            if name == group.name and plan.sound(*path, "name"):
                advice = "Its lanes were full already when the overflow is asked."
                yield plan.finding(where, "group-cycle", "the group itself", "another group", advice)
            elif groups is not None and name not in groups:
                yield unknown_name(plan, where, name, groups, "group", "Items would have nowhere to overflow to.")


def _rule_names(plan: Loaded[Plan]) -> Findings:
    groups, destinations = known_names(plan, "group", "name"), known_names(plan, "destination", "name")
    for at, rule in enumerate(plan.model.rule):
        path: KeyPath = ("rule", at)
        if groups is not None and plan.sound(*path, "group") and rule.group not in groups:
            yield unknown_name(
                plan, (*path, "group"), rule.group, groups, "group", "The rule would decide for lanes nobody knows."
            )
        yield from check_names(plan, (*path, "destinations"), rule.destinations, destinations, "destination")
        for key in ("mail_classes", "agencies", "destinations", "services"):
            yield from unique_items(plan, (*path, key), getattr(rule, key), "name")


def _cutoffs(plan: Loaded[Plan]) -> Findings:
    cutoffs = plan.model.bags.cutoffs
    for at in range(1, len(cutoffs)):
        path: KeyPath = ("bags", "cutoffs", at)
        if (
            plan.sound(*path)
            and plan.sound("bags", "cutoffs", at - 1)
            and time_of_day(cutoffs[at]) <= time_of_day(cutoffs[at - 1])
        ):
            expected = f"later than {quoted(cutoffs[at - 1])}"
            yield plan.finding(path, "cutoffs", Value(cutoffs[at]), expected, "The lorries of a day leave in this order.")


def _validity(plan: Loaded[Plan]) -> Findings:
    minutes: dict[str, int] = {}
    for key in ("valid_from", "valid_until"):
        text = getattr(plan.model, key)
        if text is None or not plan.sound(key):
            continue
        minute = minute_of(text)
        if minute is None or minute <= 0:
            advice = "Nobody could say when the plan holds."
            yield plan.finding((key,), "no-such-day", Value(text), "a day of the calendar after 1970", advice)
        else:
            minutes[key] = minute
    if len(minutes) == 2 and minutes["valid_until"] <= minutes["valid_from"]:
        advice = "The plan would never be valid."
        expected = f"later than {quoted(plan.model.valid_from or '')}"
        yield plan.finding(("valid_until",), "validity", Value(plan.model.valid_until), expected, advice)

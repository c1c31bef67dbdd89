"""
What is wrong between files: names that another file defines, decisions that can't be in time, the sort plan as a whole.

Here and in `check_site`, `check_plan` and `check_profile` every check is a generator of findings over files that may
have faults of their own; it passes over what rests on a hole (`Loaded.sound`), so that one fault gives one finding.
The sort plan's box arithmetic, with the exact meaning of its words, is in `packcenter.config.rules`.

A decision's worst way, which must be shorter than the item's way to the first diverter of its lane:

    the exchange under way when the scan happens   each of its requests at its time limit
  + the poll gap
  + the exchange that reads the scan               the same
  + deciding and making it durable                 `DECISION_MS`
  + writing the decision                           the requests that write, each at its time limit
  + one PLC scan cycle + the actuator

An exchange is one request with Modbus function 23; else it writes first and then reads, in one request each, or in
as many as the profile's limits need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packcenter.config import rules as boxes
from packcenter.config.check_combining import check_combining, check_secure
from packcenter.config.check_profile import requests
from packcenter.config.check_site import parse_address
from packcenter.config.errors import choice, quoted
from packcenter.config.models import Group, Plan, Profile, Site
from packcenter.config.names import Findings, check_names, known_names, unknown_name
from packcenter.config.toml import KeyPath
from packcenter.config.validate import Loaded, Value

DECISION_MS = 50  # journal.md: one sync took up to 48 ms at p99 on a shared disk
CONTRADICTIONS_MAX = 100  # a plan with more has one cause, and the first hundred show it


@dataclass(frozen=True)
class Together:
    """A site with its plan and with the profiles that its PLCs name; what could not be read is None or absent."""

    site: Loaded[Site]
    plan: Loaded[Plan] | None
    profiles: Mapping[str, Loaded[Profile]]


def together(files: Together) -> Findings:
    """Everything that can be wrong between a site, its plan and its profiles."""
    yield from _profile_roles(files)
    yield from _addresses(files)
    yield from _deadlines(files)
    if files.plan is not None:
        yield from _lanes_of_groups(files.site, files.plan)
        yield from _bag_places(files.site, files.plan)
        yield from _rules(files.site, files.plan)
        yield from check_combining(files.site, files.plan)


def _profile_roles(files: Together) -> Findings:
    site = files.site
    for at, plc in enumerate(site.model.plc):
        profile = files.profiles.get(plc.profile)
        if profile is None or not site.sound("plc", at):
            continue
        path: KeyPath = ("plc", at, "profile")
        if profile.sound("role") and profile.model.role != plc.role:
            fitting = sorted(name for name, each in files.profiles.items() if each.model.role == plc.role)
            advice = f"Its words would mean something else to {plc.name}." + (
                f" In use here: {choice(fitting)}." if fitting else ""
            )
            seen = f"{quoted(plc.profile)}, a profile for a {profile.model.role}"
            yield site.finding(path, "profile-role", seen, f"a profile for a {plc.role}", advice)
        if plc.unit_id is not None and profile.sound("protocol") and profile.model.protocol != "modbus":
            advice = "Only Modbus has unit ids."
            yield site.finding(("plc", at, "unit_id"), "other-protocol", Value(plc.unit_id), "not there on OPC UA", advice)
        if plc.security is not None and profile.sound("protocol") and profile.model.protocol != "opcua":
            advice = "Modbus knows no secure channel; put it on a network of its own."
            path = ("plc", at, "security")
            yield site.finding(path, "other-protocol", "a table", "not there on Modbus", advice, at_key=True)


def _addresses(files: Together) -> Findings:
    site = files.site
    first: dict[tuple[str, int, int | None], str] = {}
    for at, plc in enumerate(site.model.plc):
        address = parse_address(plc.address)
        if address is None or not site.sound("plc", at):
            continue
        profile = files.profiles.get(plc.profile)
        unit_id = plc.unit_id
        if unit_id is None and profile is not None and profile.model.modbus is not None:
            unit_id = profile.model.modbus.unit_id
        host = "127.0.0.1" if address.host == "localhost" else address.host
        holder = first.setdefault((host, address.port, unit_id), plc.name)
        if holder != plc.name:
            advice = "Each would get what the other says. PLCs behind one Modbus gateway differ in unit_id."
            seen = f"{quoted(plc.address)}, where {quoted(holder)} is already"
            yield site.finding(("plc", at, "address"), "same-address", seen, "an address of its own", advice)


def _deadlines(files: Together) -> Findings:
    site = files.site
    plcs = {plc.name: plc for at, plc in enumerate(site.model.plc) if site.sound("plc", at)}
    for at, sorter in enumerate(site.model.sorter):
        plc = plcs.get(sorter.plc)
        profile = files.profiles.get(plc.profile) if plc is not None else None
        timing = ("belt_speed_mm_per_s", "actuator_ms", "link_budget_ms", "exception_lane", "plc")
        if profile is None or not all(site.sound("sorter", at, key) for key in timing):
            continue
        if not profile.sound("line") or not profile.sound("modbus"):
            continue
        scan_ms = profile.model.line.scan_cycle_ms
        link_ms = worst_link_ms(profile.model)
        worst_ms = link_ms + DECISION_MS + scan_ms + sorter.actuator_ms
        budget_ms = sorter.link_budget_ms + scan_ms + sorter.actuator_ms
        for number, lane in enumerate(sorter.lane):
            path: KeyPath = ("sorter", at, "lane", number, "distance_mm")
            if not site.sound("sorter", at, "lane", number) or lane.number == sorter.exception_lane:
                continue
            way_ms = lane.distance_mm * 1000 // sorter.belt_speed_mm_per_s
            seen = f"{lane.distance_mm}, which the belt makes in {way_ms:,} ms"
            if worst_ms > way_ms:
                advice = (
                    f"At worst a decision is there after {worst_ms:,} ms: link {link_ms:,}, deciding {DECISION_MS}, "
                    f"PLC {scan_ms}, actuator {sorter.actuator_ms}. "
                    "Shorten the profile's request_timeout_ms, or move scanner or diverter."
                )
                yield site.finding(path, "deadline", seen, f"{worst_ms:,} ms or more", advice)
            elif budget_ms >= way_ms:
                advice = "link_budget_ms, scan cycle and actuator leave no time to decide in; every decision would be late."
                yield site.finding(path, "deadline", seen, f"more than {budget_ms:,} ms", advice)


def _lanes_of_groups(site: Loaded[Site], plan: Loaded[Plan]) -> Findings:
    if not site.sound("sorter"):
        return
    sorters = {sorter.plc for sorter in site.model.sorter}
    lanes = {f"{sorter.plc}/{lane.number}" for sorter in site.model.sorter for lane in sorter.lane}
    exceptions = {f"{sorter.plc}/{sorter.exception_lane}" for sorter in site.model.sorter}
    racks = {rack.plc for rack in site.model.case_rack}
    gathering = {f"{sorter.plc}/{lane.number}" for sorter in site.model.sorter for lane in sorter.lane if lane.feeds in racks}
    for at, group in enumerate(plan.model.group):
        path: KeyPath = ("group", at)
        for number, name in enumerate(group.lanes):
            where: KeyPath = (*path, "lanes", number)
            if not plan.sound(*where):
                continue
            if name in exceptions:
                advice = "It is for what can't be sorted; people would find packed mail among it."
                yield plan.finding(where, "exception-lane", f"{quoted(name)}, an exception lane", "a lane with a bagger", advice)
            elif name in gathering:
                advice = "Documents of cases go there by themselves; whatever else came there would end at the hand station."
                yield plan.finding(where, "case-lane", f"{quoted(name)}, which feeds a case rack", "a lane with a bagger", advice)
            elif name not in lanes:
                yield unknown_name(plan, where, name, lanes - exceptions - gathering, "lane", "No diverter leads there.")
        yield from check_names(plan, (*path, "not_on"), group.not_on, sorters, "sorter")
    yield from _coverage(plan, sorted(sorters))


def _coverage(plan: Loaded[Plan], sorters: Sequence[str]) -> Findings:
    """Each group that a rule names must reach a lane on every sorter, by itself or by overflow, or say `not_on`."""
    if not plan.sound("group"):
        return
    groups = {group.name: group for group in plan.model.group}
    used = {rule.group for rule in plan.model.rule}
    for at, group in enumerate(plan.model.group):
        own = _sorters_of(group.lanes)
        for number, sorter in enumerate(group.not_on):
            if sorter in own:
                advice, where = "Take its lanes out, or the sorter out of not_on.", ("group", at, "not_on", number)
                yield plan.finding(where, "not-on", Value(sorter), "a sorter without lanes in this group", advice)
        reached = {sorter for name in _reached(groups, group.name) for sorter in _sorters_of(groups[name].lanes)}
        for sorter in sorters:
            if group.name in used and sorter not in reached and sorter not in group.not_on:
                said = f"not_on = [{quoted(sorter)}]"
                advice = f"What {sorter} scans for it would all go to the exception lane; add a lane, or {said}."
                seen = f"without a lane on {quoted(sorter)}, also by overflow"
                yield plan.finding(("group", at, "lanes"), "no-lane", seen, "at least one lane on each sorter", advice)


def _sorters_of(lanes: Iterable[str]) -> set[str]:
    return {lane.partition("/")[0] for lane in lanes}


def _reached(groups: Mapping[str, Group], name: str) -> list[str]:
    """A group and all that it can overflow to, each once, as the core tries them: depth first."""
    reached: list[str] = []
    stack = [name]
    while stack:
        name = stack.pop()
        if name in groups and name not in reached:
            reached.append(name)
            stack += reversed(groups[name].overflow)
    return reached


def _bag_places(site: Loaded[Site], plan: Loaded[Plan]) -> Findings:
    destinations = known_names(plan, "destination", "name")
    positions = {each.destination for each in site.model.rack.position}
    if destinations is not None:
        for at, position in enumerate(site.model.rack.position):
            path: KeyPath = ("rack", "position", at, "destination")
            if site.sound(*path) and position.destination not in destinations:
                advice = f"No parcel would ever fall there; {plan.document.name} defines the destinations."
                yield unknown_name(site, path, position.destination, destinations, "destination", advice)
    if not site.sound("rack", "position"):
        return
    for at, destination in enumerate(plan.model.destination):
        if plan.sound("destination", at, "name") and destination.name not in positions:
            advice = f"Its parcels would have no bag; {site.document.name} says which position has which destination."
            where: KeyPath = ("destination", at, "name")
            yield plan.finding(where, "no-position", Value(destination.name), "the destination of a rack position", advice)
        elif plan.sound("destination", at, "name") and site.sound("services"):
            yield from _bag_services(site, destination.name)


def _bag_services(site: Loaded[Site], destination: str) -> Findings:
    """Where the bags of a destination are for one service each, every service has one."""
    there = [(at, each) for at, each in enumerate(site.model.rack.position) if each.destination == destination]
    missing = [each for each in site.model.services if not any(not bag.services or each in bag.services for _, bag in there)]
    if missing:
        advice = f"Parcels by {choice(missing)} would have no bag; leave services out of one position to take the rest."
        path: KeyPath = ("rack", "position", there[-1][0], "services")
        seen = f"no bag of {quoted(destination)} for {quoted(missing[0])}"
        yield site.finding(path, "no-position", seen, "a bag for every service", advice)


def _rules(site: Loaded[Site], plan: Loaded[Plan]) -> Findings:
    known: dict[str, set[str] | None] = {
        "mail_classes": known_names(site, "mail_class", "name"),
        "agencies": set(site.model.agencies) if site.sound("agencies") else None,
        "services": {*site.model.services} if site.sound("services") else None,
    }
    what = {"mail_classes": "mail class", "agencies": "agency", "services": "service of this site"}
    faulty = False
    for at, rule in enumerate(plan.model.rule):
        for key, names in known.items():
            for finding in check_names(plan, ("rule", at, key), getattr(rule, key), names, what[key]):
                faulty = True
                yield finding
    if faulty or None in known.values() or not all(plan.sound(table) for table in ("rule", "destination", "group")):
        return
    space = boxes.Space(
        (
            tuple(dict.fromkeys(each.name for each in site.model.mail_class)),
            tuple(dict.fromkeys(site.model.agencies)),
            tuple(dict.fromkeys(each.name for each in plan.model.destination)),
            tuple(dict.fromkeys(site.model.services)),
        )
    )
    found = [space.box(rule) for rule in plan.model.rule]
    whole = [box for box in found if box is not None]
    if len(whole) < len(found):  # an unknown destination, reported by the plan's own checks
        return
    try:
        yield from _boxes(site, plan, space, whole)
    except boxes.TooTangled:
        advice = "So many rules cross each other that the check was given up; order them from narrow to wide."
        yield plan.finding(("rule", 0), "too-tangled", "tangled", "rules that can be told apart in a second", advice)


def _boxes(site: Loaded[Site], plan: Loaded[Plan], space: boxes.Space, whole: list[boxes.Box]) -> Findings:
    rules, work = plan.model.rule, boxes.Work()
    for at, box in enumerate(whole):
        reach = boxes.without(box, whole[:at], work)
        if not reach:
            earlier = [rules[other].name for other in range(at) if box & whole[other]]
            advice = "Move it before them, or take it out."
            expected = "a rule that some item reaches"
            seen = f"{quoted(rules[at].name)}, of which rule {choice(earlier)} takes every item first"
            yield plan.finding(("rule", at, "name"), "dead-rule", seen, expected, advice)
        yield from _secure(site, plan, space, at, reach)
        yield from check_secure(site, plan, at, sorted({name for piece in reach for name in space.members(piece, 0)}))
    groups = [rule.group for rule in rules]
    for count, (first, later, common) in enumerate(boxes.contradictions(whole, groups, work)):
        if count >= CONTRADICTIONS_MAX:
            break
        advice = (
            f"Both fit {space.example(common)}: {quoted(rules[first].name)} would send it to {quoted(groups[first])}, "
            f"this one to {quoted(groups[later])}. Narrow one of them, or put a rule for the common part before both."
        )
        seen = f"{quoted(rules[later].name)}, which crosses {quoted(rules[first].name)}"
        yield plan.finding(("rule", later, "name"), "overlapping-rules", seen, "rules that do not contradict", advice)
    gaps = boxes.without(space.whole(), whole, work)
    if gaps:
        advice = f"{_items(gaps):,} combinations have no rule; such items go to the exception lane. Add a rule for them."
        seen = f"without a rule for {space.example(gaps[0])}"
        yield plan.finding(("rule", len(rules) - 1), "gap", seen, "rules for every item", advice, at_key=True)


def _secure(site: Loaded[Site], plan: Loaded[Plan], space: boxes.Space, at: int, reach: list[boxes.Box]) -> Findings:
    """No lane that the rule can lead to, overflow included, may be open to hands if one of its classes is secure."""
    if not site.sound("sorter") or not site.sound("mail_class"):
        return
    secure_classes = {each.name for each in site.model.mail_class if each.secure}
    affected = sorted({name for box in reach for name in space.members(box, 0)} & secure_classes)
    open_lanes = {f"{sorter.plc}/{lane.number}" for sorter in site.model.sorter for lane in sorter.lane if not lane.secure}
    groups = {group.name: group for group in plan.model.group}
    own = plan.model.rule[at].group
    for name in _reached(groups, own) if affected else ():
        wrong = [lane for lane in groups[name].lanes if lane in open_lanes]
        if wrong:
            how = "" if name == own else f" by overflow to {quoted(name)}"
            seen = f"{quoted(own)}, which leads class {choice(affected)}{how} to {choice(wrong)}"
            advice = "Secure documents must not wait in a lane that is open to hands."
            yield plan.finding(("rule", at, "group"), "not-secure", seen, "a group of secure lanes only", advice)


def worst_link_ms(profile: Profile) -> int:
    """Longest time on the wire from a scan to its decision, as at the top of this module."""
    each, line = requests(profile), profile.line
    return (2 * sum(each) + each.write) * line.request_timeout_ms + line.poll_gap_ms


def _items(pieces: Iterable[boxes.Box]) -> int:
    total = 0
    for box in pieces:
        count = 1
        for mask in box:
            count *= mask.bit_count()
        total += count
    return total

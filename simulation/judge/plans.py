"""
Sort plans: which is in force, since when, and what it decided (G1, G2, G3).

    a switch is taken   -> PlanActivated with that very plan, whole, valid at that moment, and one that the hall can follow;
                           its digest is that of its content
    a switch is refused -> nothing changes, and the reason is true; one to a file that is not to be had is always refused
    a start             -> with the plan of the start before: the one that was switched to goes on; with another: that one is in
                           force, and a PlanDropped says so
    a decision          -> names the plan in force, and the destination that it gives the item, which stays the item's own
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import msgspec

from simulation.judge.grammar import Said
from simulation.judge.hall import Hall
from simulation.judge.ledger import Bench, Court, Item

_IN_HALL: Final = ("belt", "lane", "cell", "pack", "rack", "bag")
"""Where an item is that was decided on: a plan without a digest is not named there, and is kept all the same."""

_LATE_US: Final = 120_000_000
"""The end of a validity is told at most two minutes after the first record since: the controller may have stood still for one."""


def adopted(court: Court, bench: Bench, hall: Hall) -> None:
    """A run begins by the site's own plan, unless the plan that was switched to in an earlier one goes on in this record."""
    before, switched = court.hall, court.switched
    court.hall, court.switched = hall, None
    _digest_is_true(court, hall)
    if before is None or switched is None or before.plan == hall.plan:
        return
    activated, dropped = bench.said.get("PlanActivated", []), bench.said.get("PlanDropped", [])
    if hall.plan != switched[0]:
        if activated or [fact[1:] for fact in dropped] != [[before.version, before.digest, "start_plan"]]:
            court.blame("G2", f"the site was started with another plan, and what became of {before.version} is not said")
    elif unfit(hall, before.plan):
        if activated or len(dropped) != 1 or not _is_unfit(hall, before.plan, dropped[0][3]):
            court.blame("G1", f"the hall cannot be sorted by {before.version} any more, and that is not said")
    elif dropped or [fact[1:] for fact in activated] != [[switched[1], switched[2], before.plan]]:
        court.blame("G2", f"{before.version} was switched to, and is not in force any more after a start")


def activated(court: Court, bench: Bench, fact: Said) -> None:
    """A plan is in force from here on, because a person switched to it, or still, after a start."""
    _, file, person, plan = fact
    hall = court.hall
    if hall is None:
        return
    if bench.name == "PlanSwitched":
        if [file, person, plan] != [bench.happened[4], bench.happened[1], bench.happened[5]]:
            court.blame("G2", f"{plan[0]} of {file} is activated for {person}, who asked for another")
        why = _validity(hall.sorted_by(plan), bench.at_us) or unfit(hall, plan)
        if why:
            court.blame("G1", f"{plan[0]} is activated, though {why}")
    elif bench.name != "Started":
        court.blame("G2", f"{plan[0]} is activated in the record of {bench.name}")
    for item in court.items.values() if not hall.digest else ():
        if item.going is None and item.place.partition("/")[0] in _IN_HALL:
            item.going = going(court, item)
    started = court.switched[0] if court.switched is not None else hall.plan
    court.hall, court.switched = hall.sorted_by(plan), (started, file, person)
    _digest_is_true(court, court.hall)


def dropped(court: Court, bench: Bench, fact: Said) -> None:
    """Only a start ends what a person switched to."""
    if bench.name != "Started":
        court.blame("G2", f"{fact[1]} is dropped in the record of {bench.name}")


def validity_set(court: Court, bench: Bench, fact: Said) -> None:
    """Whether the plan in force is valid is said truly."""
    _, version, why = fact
    if court.hall is None or version != court.hall.version or why != _validity(court.hall, bench.at_us):
        court.blame("G1", f"{version} is said to be {why or 'valid'}, which is not so")
    court.plan_why = why


def look_for_validity(court: Court, bench: Bench) -> None:
    """That the plan in force is not valid any more, or only now, is told: at once by a start or switch, else soon."""
    hall = court.hall
    if hall is None or _validity(hall, bench.at_us) == court.plan_why:
        court.plan_overdue_us = 0
        return
    at_once = bench.name == "Started" or "PlanActivated" in bench.said
    if at_once or (court.plan_overdue_us and bench.at_us - court.plan_overdue_us > _LATE_US):
        court.blame("G1", f"{hall.version} is {_validity(hall, bench.at_us) or 'valid again'}, and nobody is told")
        court.plan_why = _validity(hall, bench.at_us)
    elif not court.plan_overdue_us:
        court.plan_overdue_us = bench.at_us


def after_switched(court: Court, bench: Bench, act: str) -> None:
    """A switch that is taken activates its plan."""
    if len(bench.said.get("PlanActivated", ())) != 1:
        court.blame("O1", f"{act} to {bench.happened[4]} is taken, and nothing comes of it")


def after_withheld(court: Court, bench: Bench, act: str) -> None:
    """A switch to a plan that is not to be had is never taken."""
    court.blame("G1", f"{act} to {bench.happened[4]} is taken, though the file is {bench.happened[5]}")


def is_true(court: Court, bench: Bench, why: str) -> bool:
    """Whether a switch had to be refused for this reason."""
    hall, plan = court.hall, bench.happened[5]
    if hall is None:
        return True
    if why == "plan_in_force":
        return bool(plan == hall.plan)
    if why == "plan_version":
        return bool(plan[0] == hall.version and plan != hall.plan)
    return why == _validity(hall.sorted_by(plan), bench.at_us) or _is_unfit(hall, plan, why)


def decided(court: Court, bench: Bench, item: Item, plan: str, destination: str) -> None:
    """A decision names the plan in force, and what that gives the item to go to."""
    hall = court.hall
    if hall is None:
        return
    going = hall.destination_of(item.line) if item.line is not None and bench.name == "Scanned" and hall.digest else ""
    if plan != hall.plan_named():
        court.blame("G3", f"{item.id} is decided on by plan {plan!r}, in force is {hall.plan_named()!r}")
    if destination != going:
        court.blame("G3", f"{item.id} is to go to {destination!r}, the plan says {going!r}")
    item.going = destination if plan else None


def going(court: Court, item: Item) -> str:
    """Where an announced item goes: by the plan that decided it, else by the one in force; "" nowhere."""
    if item.line is None or court.hall is None:
        return ""
    return court.hall.destination_of(item.line) if item.going is None else item.going


def unfit(hall: Hall, plan: list[Any]) -> str:
    """What of a plan the machines of a hall cannot follow; "" nothing."""
    return next((text for why, text in _faults(hall, plan)), "")


def _is_unfit(hall: Hall, plan: list[Any], why: str) -> bool:
    return any(why == fault for fault, _ in _faults(hall, plan))


def _faults(hall: Hall, plan: list[Any]) -> list[tuple[str, str]]:
    found = []
    groups = [group[0] for group in plan[2]]
    named = {name for group in plan[2] for name in group[3]} | {rule[5] for rule in plan[3]}
    if len(set(groups)) < len(groups) or named - set(groups):
        found.append(("plan_group", "its groups are not what its rules name"))
    for plc, number in [lane for group in plan[2] for lane in group[1]]:
        sorter = hall.sorters.get(plc)
        lane = sorter.lanes.get(number) if sorter is not None else None
        if sorter is None or lane is None or number == sorter.exception or lane.feeds in hall.case_racks:
            found.append(("plan_lane", f"the hall has no lane {plc}/{number} for it"))
    if {name for name, *_ in plan[1]} - set(hall.positions.values()):
        found.append(("plan_destination", "no bag hangs for one of its destinations"))
    return found


def _validity(hall: Hall, at_us: int) -> str:
    if at_us < hall.valid_from_us:
        return "plan_early"
    return "plan_expired" if 0 < hall.valid_until_us <= at_us else ""


def _digest_is_true(court: Court, hall: Hall) -> None:
    """G2: a plan's digest is SHA-256 of its content; a rule that combines nothing ends with its group there."""
    rules = [rule if rule[6:7] > [0] else rule[:6] for rule in hall.plan[3]]
    said = [*hall.plan[:3], rules, *hall.plan[4:7], ""]
    if hall.digest and sha256(msgspec.msgpack.encode(said)).hexdigest() != hall.digest:
        court.blame("G2", f"plan {hall.version} says digest {hall.digest[:16]}, which is not that of its content")


FACTS: Final = {"PlanActivated": activated, "PlanDropped": dropped, "PlanValiditySet": validity_set}

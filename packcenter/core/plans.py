"""
Which sort plan 分拣方案 is in force: another one is switched to while the hall runs, whole or not at all (G1).

    a person switches -> can this hall be sorted by it? -> no: refused, the one in force stays
                                                        -> PlanActivated: every scan from here on is decided by it
    the service starts -> with the plan that it was started with before: what a person switched to stays in force
                       -> with another one: that was asked for last, and is in force

What was decided keeps its decision (G3): an item its lane and destination, also while its parcel is made; an open bag its
cut-off. A lane that the new plan does not name is emptied as before. A plan that is not valid any more stays in force, because
mail that is not sorted helps nobody, and an alarm says so.
"""

from __future__ import annotations

from packcenter.core.hall import Hall, Plan
from packcenter.core.limits import PLAN_BYTES_MAX
from packcenter.core.plan_facts import PlanActivated, PlanDropped, PlanValiditySet
from packcenter.core.records import PlanSwitch
from packcenter.core.turn import Turn

WITHHELD: dict[str, str] = {
    "no_plans": "the site names no folder of plans; add the key `plans` to its file and restart the service",
    "no_such_plan": "the site's folder of plans has no such file",
    "plan_unsound": "the plan is not sound, the one in force stays",
    "plan_changed": "the file is not the one that was looked at; look at it again",
    "plan_too_large": f"the plan is longer than {PLAN_BYTES_MAX // 1024} KiB in the journal",
    "site_changed": "the site's file has changed since the service started, and no plan can be checked with it; restart it",
}
"""Why a plan is not to be had: what the service finds when it reads the file (`service.plans`)."""


def why_not(turn: Turn, plan: Plan) -> str:
    """Why the running hall cannot be switched to a plan (`core.acts.REFUSALS`); "" if it can."""
    now = turn.index.hall.plan
    if plan == now:
        return "plan_in_force"
    if plan.version == now.version:
        return "plan_version"
    return validity(plan, turn.at_us) or why_unfit(turn.index.hall, plan)


def validity(plan: Plan, at_us: int) -> str:
    """Why a plan is not valid at a moment; "" if it is."""
    if at_us < plan.valid_from_us:
        return "plan_early"
    return "plan_expired" if plan.valid_until_us and at_us >= plan.valid_until_us else ""


def why_unfit(hall: Hall, plan: Plan) -> str:
    """Why the machines of a hall could not follow a plan; the configuration's checks say more about its file."""
    groups = [group.name for group in plan.groups]
    named = [name for group in plan.groups for name in group.overflow] + [rule.group for rule in plan.rules]
    if len(set(groups)) < len(groups) or not set(named) <= set(groups):
        return "plan_group"
    exceptions = {(sorter.plc, sorter.exception_lane) for sorter in hall.sorters}
    racks = {rack.plc for rack in hall.case_racks}  # whatever else came there would end at the hand station
    fed = {(each.plc, lane.number) for each in hall.sorters for lane in each.lanes if lane.feeds not in racks} - exceptions
    if any(lane not in fed for group in plan.groups for lane in group.lanes):
        return "plan_lane"
    hanging = {position.destination for position in hall.rack.positions}
    return "plan_destination" if any(each.name not in hanging for each in plan.destinations) else ""


def activate(turn: Turn, file: str, person: str, plan: Plan) -> None:
    """Put a plan into force that the hall can be sorted by."""
    turn.emit(PlanActivated(file, person, plan))
    look(turn)


def on_start(turn: Turn, was: PlanSwitch | None, before: Hall | None) -> None:
    """
    The hall was adopted with its own plan. What a person had switched to in a hall `before` goes on, unless the site has
    another plan than then: whoever changed that asked last.
    """
    started = turn.state.hall
    assert started is not None
    if was is not None and before is not None:
        plan = before.plan
        why = "start_plan" if started.plan != was.started else why_unfit(started, plan)
        if plan == started.plan:
            pass  # the one that the site has is the one that was asked for
        elif why:
            turn.emit(PlanDropped(plan.version, plan.digest, why))
        else:
            turn.emit(PlanActivated(was.file, was.person, plan))
    look(turn)


def look(turn: Turn) -> None:
    """Say whether the plan in force is valid, where that has changed."""
    hall = turn.state.hall
    assert hall is not None
    why = validity(hall.plan, turn.at_us)
    if why != turn.state.plan_why:
        turn.emit(PlanValiditySet(hall.plan.version, why))

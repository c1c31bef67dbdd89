"""How facts about the sort plan change the state (`core.state.evolve`), and the deadline at which a plan's validity changes."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

import msgspec

from packcenter.core import plan_facts as p
from packcenter.core.hall import Hall, Plan
from packcenter.core.lifecycle import IN_HALL, kind_of
from packcenter.core.records import PlanSwitch, State


def next_change_us(plan: Plan, at_us: int) -> int:
    """When the plan's validity changes next; 0: not any more."""
    return next((end_us for end_us in (plan.valid_from_us, plan.valid_until_us) if end_us > at_us), 0)


def adopt(state: State, at_us: int, hall: Hall) -> None:
    """The hall is sorted by its own plan; what somebody switched to earlier is not in force."""
    state.hall = hall
    state.plan_switch = None
    _await_change(state, at_us)


def _activated(state: State, at_us: int, fact: p.PlanActivated) -> None:
    assert state.hall is not None, fact
    before = state.plan_switch.started if state.plan_switch is not None else state.hall.plan
    if not state.hall.plan.digest:
        _keep_destinations(state, state.hall.plan)
    state.hall = msgspec.structs.replace(state.hall, plan=fact.plan)
    state.plan_switch = PlanSwitch(fact.file, fact.person, before)
    _await_change(state, at_us)


def _keep_destinations(state: State, plan: Plan) -> None:
    """What was decided by a plan without a digest does not say so; it keeps the destination of that plan all the same (G3)."""
    for item in state.items.values():
        if not item.plan and item.announced and kind_of(item.place) in IN_HALL:
            item.plan, item.going = plan.version, destination_in(plan, item.destination)


def destination_in(plan: Plan, postcode: int) -> str:
    """Name of the plan's destination that a postcode belongs to; "" if it has none. For a single look; `HallIndex` is faster."""
    inside = (each.name for each in plan.destinations if any(first <= postcode <= last for first, last in each.postcodes))
    return next(inside, "")


def _dropped(state: State, at_us: int, fact: p.PlanDropped) -> None:
    assert state.plan_switch is None, fact


def _validity_set(state: State, at_us: int, fact: p.PlanValiditySet) -> None:
    state.plan_why = fact.why
    _await_change(state, at_us)


def _await_change(state: State, at_us: int) -> None:
    assert state.hall is not None
    state.plan_due_us = next_change_us(state.hall.plan, at_us)
    push_deadlines(state)


def push_deadlines(state: State) -> None:
    """Put the deadline of the plan into the agenda, also after loading a snapshot."""
    if state.plan_due_us:
        heappush(state.agenda, (state.plan_due_us, "plan", "", 0))


EVOLVE: dict[type, Callable[[State, int, Any], None]] = {
    p.PlanActivated: _activated,
    p.PlanDropped: _dropped,
    p.PlanValiditySet: _validity_set,
}

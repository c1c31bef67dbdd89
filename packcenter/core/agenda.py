"""
The deadlines that the state holds: which of them still mean something, and all of them anew after a snapshot was loaded.

`State.agenda` is a heap derived from the rest of the state; whoever sets a deadline pushes it, nobody takes one out.
"""

from __future__ import annotations

from heapq import heappush

from packcenter.core import alarm_life, case_life, custody_life, plan_life, receipt_life
from packcenter.core.records import State


def is_current(state: State, entry: tuple[int, str, str, int]) -> bool:
    """Whether a deadline of the agenda still means something; answered ones stay in the heap until they surface."""
    due_us, kind, name, number = entry
    if kind == "confirm":
        return state.items[name].confirm_us == due_us
    if kind == "command":
        pending = state.plcs[name].pending.get(number)
        return pending is not None and pending.due_us == due_us
    if kind == "cutoff":
        bag = state.bags.get(number)
        return bag is not None and bag.tag == name and not bag.closing and bag.cutoff_us == due_us
    if kind == "maintenance":
        return state.plcs[name].maintenance_us == due_us
    if kind in alarm_life.KINDS:
        return alarm_life.is_current(state, entry)
    if kind == "discrepancy":
        return custody_life.is_current(state, entry)
    if kind == receipt_life.KIND:
        return receipt_life.is_current(state, entry)
    if kind in case_life.KINDS:
        return case_life.is_current(state, entry)
    if kind == "plan":
        return state.plan_due_us == due_us
    return state.baggers[name].retry_us == due_us


def rebuild_agenda(state: State) -> None:
    """Derive the deadlines from the rest of the state, after loading a snapshot."""
    state.agenda = []
    for item in state.items.values():
        if item.confirm_us:
            heappush(state.agenda, (item.confirm_us, "confirm", item.id, 0))
    for plc in state.plcs.values():
        for number, pending in plc.pending.items():
            if pending.due_us:
                heappush(state.agenda, (pending.due_us, "command", plc.name, number))
        if plc.maintenance_us:
            heappush(state.agenda, (plc.maintenance_us, "maintenance", plc.name, 0))
    for bag in state.bags.values():
        if bag.cutoff_us and not bag.closing:
            heappush(state.agenda, (bag.cutoff_us, "cutoff", bag.tag, bag.position))
    for name, bagger in state.baggers.items():
        if bagger.retry_us:
            heappush(state.agenda, (bagger.retry_us, "retry", name, 0))
    alarm_life.push_deadlines(state)
    custody_life.push_deadlines(state)
    plan_life.push_deadlines(state)
    receipt_life.push_deadlines(state)
    case_life.push_deadlines(state)

"""
Other sort plans, to which people switch the hall at random moments.

Each is the hall's own plan with something changed: lanes, destinations, rules, bags, cut-offs, or a time for which it holds;
some are such that the hall cannot be sorted by them. Whatever is switched to stays until somebody switches again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from packcenter.config.build import plan_digest
from packcenter.core.hall import BagLimits, Group, Hall, Plan
from simulation.draws import Stream

_SECOND: Final = 1_000_000


def _turned(plan: Plan, hall: Hall, stream: Stream, at_us: int) -> Plan:
    """Every group has the lanes in another order and shares them the other way."""
    groups = [replace(g, lanes=g.lanes[::-1], balance="first" if g.balance == "least" else "least") for g in plan.groups]
    return replace(plan, groups=tuple(groups))


def _crossed(plan: Plan, hall: Hall, stream: Stream, at_us: int) -> Plan:
    """Two destinations have each other's postcodes, so that what is on its way would go elsewhere now."""
    parts = list(plan.destinations)
    a, b = stream.below(len(parts)), stream.below(len(parts))
    parts[a], parts[b] = (
        replace(parts[a], postcodes=parts[b].postcodes),
        replace(parts[b], postcodes=parts[a].postcodes),
    )
    return replace(plan, destinations=tuple(parts))


def _spread(plan: Plan, hall: Hall, stream: Stream, at_us: int) -> Plan:
    """Everything may go into every lane that has a bagger; security is the lane's own matter."""
    baggers = {bagger.plc for bagger in hall.baggers}
    lanes = tuple((sorter.plc, lane.number) for sorter in hall.sorters for lane in sorter.lanes if lane.feeds in baggers)
    groups = tuple(Group(group.name, lanes, "least", ()) for group in plan.groups)
    return replace(plan, groups=groups)


def _narrow(plan: Plan, hall: Hall, stream: Stream, at_us: int) -> Plan:
    """One rule is gone, and bags are full with a few parcels."""
    gone = stream.below(len(plan.rules))
    rules = tuple(rule for at, rule in enumerate(plan.rules) if at != gone) or plan.rules
    return replace(plan, rules=rules, bags=BagLimits(1 + stream.below(4), plan.bags.grams_max, ()))


def _brief(plan: Plan, hall: Hall, stream: Stream, at_us: int) -> Plan:
    """It holds for some seconds, which have begun, mostly."""
    begins_us = at_us + (stream.below(20) - 15) * _SECOND
    return replace(plan, valid_from_us=begins_us, valid_until_us=begins_us + (1 + stream.below(60)) * _SECOND)


def _unfit(plan: Plan, hall: Hall, stream: Stream, at_us: int) -> Plan:
    """It names a lane that the hall has not, or an exception lane."""
    sorter = hall.sorters[stream.below(len(hall.sorters))]
    lane = (sorter.plc, sorter.exception_lane if stream.below(2) else 31)
    groups = (replace(plan.groups[0], lanes=(*plan.groups[0].lanes, lane)), *plan.groups[1:])
    return replace(plan, groups=groups)


_CHANGES: Final[tuple[Callable[[Plan, Hall, Stream, int], Plan], ...]] = (
    _turned, _turned, _crossed, _crossed, _spread, _narrow, _brief, _brief, _unfit,
)  # fmt: skip


def drawn(hall: Hall, stream: Stream, at_us: int) -> Plan:
    """A plan for a hall whose own plan `hall` has; now and then that one."""
    if stream.below(6) == 0:
        return hall.plan
    change = _CHANGES[stream.below(len(_CHANGES))]
    made = replace(change(hall.plan, hall, stream, at_us), version=f"{change.__name__.removeprefix('_')}-{stream.below(3)}")
    return replace(made, digest=plan_digest(made))

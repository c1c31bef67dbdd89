"""
What of the hall a run has on beside faults, so that hours and items are told by it: "2,000 hours with cases, people and swaps".

A run of the *whole hall* has all of it at once; `swarm` draws one in a few, `packcenter explore --whole` makes every run one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from simulation.explore import letters, paperwork, services
from simulation.explore.options import Options
from simulation.explore.scenarios import LATE, LOOPS, place

PLANS: Final = "switches_plan"
PEOPLE: Final = (
    "orders_lane",
    "orders_machine",
    "orders_bag",
    "withdraws",
    "passes_verdict",
    "orders_maintenance",
    "judges_discrepancy",
    "reports_discrepancy",
    "counts_shift",
    "closes_shift",
)
"""Classes of what people do with a name and a role."""

FEATURES: Final[Mapping[str, Callable[[Options], object]]] = {
    "cases": lambda options: place(options.hall).hall.case_racks,
    "documents of cases that come late": lambda options: options.has(LATE),
    "loops": lambda options: options.has(LOOPS),
    "people who act": lambda options: any(options.has(name) for name in PEOPLE),
    "plan swaps": lambda options: options.has(PLANS),
    "all services and receipts": lambda options: options.has(services.NAME),
    "letters that leave together": lambda options: options.has(letters.NAME) and place(options.hall).hall.case_racks,
    "papers": lambda options: options.has(paperwork.NAME),
}
"""Each feature, and whether a run has it."""

TOGETHER: Final = ("cases", "people who act", "plan swaps")
"""What the hours "with cases, people and swaps on" have all at once."""

WHOLE_ALWAYS: Final = (LOOPS, PLANS, paperwork.NAME)
WHOLE_OFTEN: Final = (*PEOPLE, services.NAME, LATE, *(fault.name for fault in paperwork.PAPER_FAULTS), "brings_receipts")
"""What a run of the whole hall has, beside a hall with cases: always, and each in one of two."""


def features_of(options: Options) -> tuple[str, ...]:
    """The features that a run has; at the end `together`, if it has those."""
    found = tuple(name for name, has in FEATURES.items() if has(options))
    return (*found, together()) if set(TOGETHER) <= set(found) else found


def together() -> str:
    """The name of the hours that have all of `TOGETHER`."""
    return f"{', '.join(TOGETHER[:-1])} and {TOGETHER[-1]} at once"

"""
Facts about the sort plan in force: which it is, since when, and whether it is valid. `core.plans` has the rules.

They are facts like all others (`core.facts`), of a family of their own.
"""

from __future__ import annotations

import msgspec

from packcenter.core.hall import Plan


class _PlanFact(msgspec.Struct, frozen=True, tag=True, array_like=True):
    pass


class PlanActivated(_PlanFact, frozen=True, tag=True, array_like=True):
    """
    From here on what is scanned is sorted by this plan; what was decided before keeps its decision (G2, G3).

    `file` is where it was read from, `person` who switched to it. It stands over restarts until somebody switches again, or
    the site is started with another plan than before.
    """

    file: str
    person: str
    plan: Plan


class PlanDropped(_PlanFact, frozen=True, tag=True, array_like=True):
    """
    The plan that a person had switched to is not in force any more after a start: the site's own is.

    `why` is start_plan (the site was started with another plan than before), or why the hall cannot be sorted by it any more
    (`core.acts.REFUSALS`).
    """

    version: str
    digest: str
    why: str


class PlanValiditySet(_PlanFact, frozen=True, tag=True, array_like=True):
    """The plan in force is plan_early or plan_expired, and stays in force until somebody switches; "": it is valid again."""

    version: str
    why: str

"""
The sort plans to which the running hall may be switched: the files of one folder of the site.

A request names a file of that folder and sends no plan. Who writes plans is thereby decided by the rights of the folder, who
switches by the people's file; what may be switched to lies there before, to be checked, compared (`packcenter plan diff`) and
reviewed; and a body stays small. The journal gets the whole plan, so that it replays without the file.
A plan is read whole and checked with the site as at a start, away from the loop; on any fault the plan in force stays, and the
person is told what is wrong. That they asked stands in the journal, too (`PlanWithheld`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from packcenter.config.errors import ConfigError
from packcenter.core.hall import Hall, Plan
from packcenter.core.limits import PLAN_BYTES_MAX
from packcenter.core.plans import WITHHELD

FINDINGS_TOLD = 3
"""Faults of a file that the answer tells; `packcenter check` tells all."""

WHY = {
    **WITHHELD,
    "plan_busy": "another plan is being read; try again in some seconds",
}
"""Why a plan is not handed to the core."""


class PlanRefused(Exception):  # noqa: N818 - read aloud, the name says it
    """A plan cannot be switched to; `why` is one of `WHY`, `known` the files that there are."""

    def __init__(self, why: str, more: str = "", known: list[str] | None = None) -> None:
        super().__init__(f"{WHY[why]}{': ' if more else ''}{more}")
        self.why = why
        self.known = known or []


@dataclass(frozen=True)
class PlanFiles:
    """The folder: the names of its plans, and what reads one with the site: the whole hall under it, or `ConfigError`."""

    names: Callable[[], list[str]]
    load: Callable[[str], Hall]


class Shelf:
    """The plans of a service that runs `hall`; `off_loop` calls what reads files elsewhere than in the loop."""

    def __init__(self, files: PlanFiles | None, hall: Hall, off_loop: Callable[..., Awaitable[Any]]) -> None:
        self._files = files
        self._hall = hall
        self._off_loop = off_loop
        self._reading = asyncio.Lock()

    async def take(self, name: str, digest: str = "") -> Plan:
        """The plan of a file, sound, and the one whose digest begins so. Raises `PlanRefused`."""
        if self._files is None:
            raise PlanRefused("no_plans")
        if self._reading.locked():
            raise PlanRefused("plan_busy")
        async with self._reading:
            plan: Plan = await self._off_loop(_read, self._files, self._hall, name)
        if not plan.digest.startswith(digest):
            raise PlanRefused("plan_changed", plan.digest[:8])
        return plan


def _read(files: PlanFiles, hall: Hall, name: str) -> Plan:
    names = files.names()
    if name not in names:
        raise PlanRefused("no_such_plan", known=names)
    try:
        found = files.load(name)
    except ConfigError as error:
        faults = [str(finding) for finding in error.report.findings]
        rest = len(faults) - FINDINGS_TOLD
        more = f"; {rest} more, see `packcenter check`" if rest > 0 else ""
        raise PlanRefused("plan_unsound", "; ".join(faults[:FINDINGS_TOLD]) + more) from None
    if msgspec.structs.replace(found, plan=hall.plan) != hall:
        raise PlanRefused("site_changed")
    if len(msgspec.msgpack.encode(found.plan)) > PLAN_BYTES_MAX:
        raise PlanRefused("plan_too_large")
    return found.plan

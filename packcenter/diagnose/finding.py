"""What a check found, in words that say what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Level(StrEnum):
    """How bad a finding is; `SKIPPED` is neither good nor bad, it was not looked at, and the finding says why."""

    FAULT = "fault"
    WARNING = "warning"
    SKIPPED = "not checked"
    OK = "ok"


_WORST_FIRST = tuple(Level)


class Finding(msgspec.Struct, frozen=True):
    """One check of one PLC: what was seen, what was expected, and what a person should do next ("" nothing)."""

    check: str
    level: Level
    seen: str
    expected: str
    next_step: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether somebody must act."""
        return self.level in (Level.FAULT, Level.WARNING)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted by level; within one level in the order given, which is the order of the checks."""
    return sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.level))

"""What the judge holds true of discrepancies and of the present shift, after each record."""

from __future__ import annotations

Account = tuple[str, str]
"""Mail class and agency; "" and "" for objects without a line."""


class Riddle:
    """A discrepancy that is open."""

    __slots__ = ("cause", "due_us", "finding", "opener", "signer", "subject", "told", "two")

    def __init__(self, cause: str, subject: str, opener: str, two: bool, due_us: int) -> None:
        self.cause, self.subject, self.opener, self.two, self.due_us = cause, subject, opener, two, due_us
        self.finding = self.signer = ""
        self.told = False
        """Whether it was said to be overdue."""


class Shifts:
    """What the judge holds true of discrepancies and of the present shift."""

    def __init__(self) -> None:
        self.rules = 0
        self.began = 0
        """The record with which rules began to hold."""
        self.minutes = 0
        self.secure_minutes = 0
        self.open: dict[int, Riddle] = {}
        self.about: dict[tuple[str, str], int] = {}
        self.serial = 0
        self.ended: set[tuple[str, str]] = set()
        """Cause and subject of what was closed in this record."""
        self.earliest_us = 0
        """When the first of them is overdue that is not told to be; 0: none will be."""
        self.overdue_us = 0
        self.shift = 0
        self.border_us = 0
        self.opening: dict[Account, int] = {}
        self.came: dict[Account, int] = {}
        self.went: dict[Account, dict[str, int]] = {}
        self.counted: tuple[int, str, frozenset[str]] | None = None
        """The last count of this shift: when, by whom, and what differed."""

    def look(self) -> None:
        """Find out anew which one is overdue first."""
        self.earliest_us = min((riddle.due_us for riddle in self.open.values() if not riddle.told), default=0)

    def begin(self, at_us: int, here: dict[Account, dict[str, int]]) -> None:
        """A border: from here on it is counted anew what comes and goes."""
        self.shift += 1
        self.border_us, self.counted = at_us, None
        self.opening = {account: sum(kinds.values()) for account, kinds in here.items()}
        self.came, self.went = {}, {}

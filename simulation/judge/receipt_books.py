"""What the judge holds true of receipts after each record."""

from __future__ import annotations


class Receipts:
    """State of each receipt by its item, and when those that are awaited are due, the first to be awaited first."""

    def __init__(self) -> None:
        self.state: dict[str, str] = {}
        self.due_us: dict[str, int] = {}
        self.riders: dict[str, list[str]] = {}
        """What left in the parcel of an item, beside it."""
        self.late: set[str] = set()
        """Items whose receipts are overdue."""
        self.overdue_us = 0
        """When the first of them was seen to be overdue, in this run; 0: it is not."""

"""Receipts for people: whose is awaited, since when and until when, whose is overdue, and how those of the past ended."""

from __future__ import annotations

import msgspec

from packcenter.core.state import State
from packcenter.core.words import ReceiptState

WORST = (ReceiptState.OVERDUE, ReceiptState.AWAITED, ReceiptState.GIVEN_UP, ReceiptState.RETURNED)
"""In which order they are listed; the first two are open."""


class Line(msgspec.Struct, frozen=True):
    """One receipt; times are core time, `ended_us` 0 while it is open."""

    item: str
    waybill: str
    agency: str
    mail_class: str
    state: str
    dispatched_us: int
    due_us: int
    ended_us: int


class Receipts(msgspec.Struct, frozen=True):
    """The receipts at core time `at_us`, those first that are overdue for longest; `counts` has every state."""

    at_us: int
    counts: dict[str, int]
    receipts: list[Line]


def counts(state: State) -> dict[str, int]:
    """How many receipts are in each state."""
    found = dict.fromkeys((each.value for each in WORST), 0)
    for receipt in state.receipts.values():
        found[receipt.state] += 1
    return found


def take(state: State, states: tuple[str, ...] = tuple(WORST)) -> Receipts:
    """The receipts as they stand, of these states."""
    rank = {each.value: at for at, each in enumerate(WORST)}
    lines = [
        Line(name, item.waybill, item.agency, item.mail_class, each.state, each.since_us, each.due_us, each.ended_us)
        for name, each in state.receipts.items()
        if each.state in states
        for item in (state.items[name],)
    ]
    lines.sort(key=lambda line: (rank[line.state], line.due_us, line.item))
    return Receipts(state.last_us, counts(state), lines)

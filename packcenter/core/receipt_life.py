"""What the facts about receipts change in the state: the receipts' part of `state.EVOLVE`."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

from packcenter.core import receipt_facts as r
from packcenter.core.records import Receipt, State
from packcenter.core.words import ReceiptState

KIND = "receipt"
"""Kind of the agenda that is about receipts."""

_OPEN = (ReceiptState.AWAITED, ReceiptState.OVERDUE)


def _awaited(state: State, at_us: int, fact: r.ReceiptAwaited) -> None:
    assert fact.item not in state.receipts, fact
    assert state.items[fact.item].place == "dispatched", fact
    state.receipts[fact.item] = Receipt(ReceiptState.AWAITED, at_us, fact.due_us)
    heappush(state.agenda, (fact.due_us, KIND, fact.item, 0))


def _overdue(state: State, at_us: int, fact: r.ReceiptOverdue) -> None:
    receipt = state.receipts[fact.item]
    assert receipt.state == ReceiptState.AWAITED, (fact, receipt)
    receipt.state = ReceiptState.OVERDUE
    state.receipts_overdue += 1


def _returned(state: State, at_us: int, fact: r.ReceiptReturned) -> None:
    assert state.receipts[fact.item].state != ReceiptState.RETURNED, fact
    _end(state, at_us, fact.item, ReceiptState.RETURNED)


def _given_up(state: State, at_us: int, fact: r.ReceiptGivenUp) -> None:
    assert state.receipts[fact.item].state in _OPEN, fact
    _end(state, at_us, fact.item, ReceiptState.GIVEN_UP)


def _end(state: State, at_us: int, item: str, ended: ReceiptState) -> None:
    receipt = state.receipts[item]
    state.receipts_overdue -= receipt.state == ReceiptState.OVERDUE
    assert state.receipts_overdue >= 0, item
    receipt.state, receipt.ended_us = ended, at_us


def _refused(state: State, at_us: int, fact: r.ReceiptRefused) -> None:
    """A fact that only readers of the stream need."""


def is_current(state: State, entry: tuple[int, str, str, int]) -> bool:
    """Whether a receipt is still awaited."""
    return state.receipts[entry[2]].state == ReceiptState.AWAITED


def push_deadlines(state: State) -> None:
    """Put the deadlines of all receipts into the agenda, after loading a snapshot."""
    for item, receipt in state.receipts.items():
        if receipt.state == ReceiptState.AWAITED:
            heappush(state.agenda, (receipt.due_us, KIND, item, 0))


EVOLVE: dict[type, Callable[[State, int, Any], None]] = {
    r.ReceiptAwaited: _awaited,
    r.ReceiptOverdue: _overdue,
    r.ReceiptReturned: _returned,
    r.ReceiptGivenUp: _given_up,
    r.ReceiptRefused: _refused,
}

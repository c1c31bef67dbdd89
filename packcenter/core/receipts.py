"""
Return receipts 回执 of court documents: who has not signed yet, and for whom we have waited too long.

When an item with the service receipt-requested leaves in its bag, its receipt is awaited for as long as the hall says; when it
comes back (a person scans it, or a file of the delivery side names it) it is returned; when its time is over it is overdue, an
alarm that a person ends by finding it or giving it up.

    dispatched -> awaited -> returned            a code is the item's own, or its waybill
                     |          ^
                     +-> overdue +<- given_up    a receipt that comes after all is taken all the same

This is no custody: the item itself stays dispatched, which is final (A6). A hall without a time for receipts waits for none.
"""

from __future__ import annotations

from packcenter.core.inputs import ReceiptsReceived
from packcenter.core.receipt_facts import ReceiptAwaited, ReceiptGivenUp, ReceiptOverdue, ReceiptRefused, ReceiptReturned
from packcenter.core.state import Item
from packcenter.core.turn import Turn
from packcenter.core.words import ReceiptState, Service

_MINUTE_US = 60_000_000

REFUSALS: dict[str, str] = {
    "unknown_receipt": "no item and no waybill of ours has this code",
    "no_receipt": "no receipt is awaited of this item: it has not left yet, or its agency wants none",
    "returned_already": "its receipt is here already",
    "given_up_already": "its receipt is given up already",
}
"""Why a code of a file of receipts, or an act about a receipt, changes nothing."""


def expect(turn: Turn, item: Item) -> None:
    """An item has just left; its receipt is awaited from now on if its agency wants one."""
    minutes = turn.index.hall.receipt_minutes
    if minutes and item.service == Service.RECEIPT_REQUESTED:
        turn.emit(ReceiptAwaited(item.id, turn.at_us + minutes * _MINUTE_US))


def on_due(turn: Turn, item: str) -> None:
    """A receipt has not come back in its time."""
    turn.emit(ReceiptOverdue(item))


def on_received(turn: Turn, received: ReceiptsReceived) -> None:
    """
    The delivery side names receipts that are here. Each code is answered; the same file again changes nothing.
    """
    for code in received.codes:
        item, why = find(turn, code)
        if why:
            turn.emit(ReceiptRefused(received.file, code, why))
        else:
            turn.emit(ReceiptReturned(item, received.file))


def find(turn: Turn, code: str) -> tuple[str, str]:
    """The item that a code on a receipt stands for, and why its receipt cannot be taken ("" it can)."""
    name = code if code in turn.state.items else turn.state.waybills.get(code, "")
    if not name:
        return "", "unknown_receipt"
    receipt = turn.state.receipts.get(name)
    if receipt is None:
        return name, "no_receipt"
    return name, "returned_already" if receipt.state == ReceiptState.RETURNED else ""


def give_up(turn: Turn, code: str) -> tuple[str, str]:
    """The same for giving a receipt up."""
    name, why = find(turn, code)
    if not why and turn.state.receipts[name].state == ReceiptState.GIVEN_UP:
        why = "given_up_already"
    return name, why


def take(turn: Turn, item: str, returned: bool) -> None:
    """A person has the receipt of an item, or gives it up."""
    turn.emit(ReceiptReturned(item, "") if returned else ReceiptGivenUp(item))

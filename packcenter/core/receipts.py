"""
Return receipts 回执 of court documents: who has not signed yet, and for whom we have waited too long.

When an item with the service receipt-requested leaves in its bag, its receipt is awaited for as long as the hall says; when it
comes back (a person scans it, or a file of the delivery side names it) it is returned; when its time is over it is overdue, an
alarm that a person ends by finding it or giving it up.

    dispatched -> awaited -> returned            a code is the item's own, or the waybill, for all documents of the parcel
                     |          ^
                     +-> overdue +<- given_up    a receipt that comes after all is taken all the same

This is no custody: the item itself stays dispatched, which is final (A6). A hall without a time for receipts waits for none.
"""

from __future__ import annotations

from packcenter.core import custody
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
        items, why = find(turn, code)
        if why:
            turn.emit(ReceiptRefused(received.file, code, why))
        else:
            take(turn, code, items, returned=True, file=received.file)


def find(turn: Turn, code: str) -> tuple[tuple[str, ...], str]:
    """The items that a code on a receipt stands for and whose receipts are not here yet; if there is none, why ("" there are)."""
    return _open(turn, code, (ReceiptState.RETURNED,))


def give_up(turn: Turn, code: str) -> tuple[tuple[str, ...], str]:
    """The same for giving receipts up."""
    return _open(turn, code, (ReceiptState.RETURNED, ReceiptState.GIVEN_UP))


def _open(turn: Turn, code: str, over: tuple[ReceiptState, ...]) -> tuple[tuple[str, ...], str]:
    """An item's code stands for it, a waybill for all documents of its parcel, which are signed for together."""
    lead = turn.state.items.get(code)
    if lead is not None:
        documents = [lead]
    elif code in turn.state.waybills:
        lead = turn.item(turn.state.waybills[code])
        documents = custody.parcel(turn.state, lead)
    else:
        return (), "unknown_receipt"
    receipts = [(item.id, receipt) for item in documents if (receipt := turn.state.receipts.get(item.id)) is not None]
    if not receipts:
        return (), "no_receipt"
    found = tuple(name for name, receipt in receipts if receipt.state not in over)
    return found, "" if found else "returned_already" if receipts[0][1].state == ReceiptState.RETURNED else "given_up_already"


def take(turn: Turn, code: str, items: tuple[str, ...], *, returned: bool, file: str = "") -> None:
    """Receipts are here, or given up: the first for the code, the others because they came with it."""
    for item in items:
        waybill = "" if item == items[0] else code
        turn.emit(ReceiptReturned(item, file, waybill) if returned else ReceiptGivenUp(item, waybill))

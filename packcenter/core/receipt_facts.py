"""Facts about return receipts 回执 (`core.receipts`): of a dispatched item, and never about where it is."""

from __future__ import annotations

import msgspec


class _ReceiptFact(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    pass


class ReceiptAwaited(_ReceiptFact, frozen=True, tag=True, array_like=True, gc=False):
    """The item left, and its agency wants a receipt back: it is expected by `due_us`."""

    item: str
    due_us: int


class ReceiptOverdue(_ReceiptFact, frozen=True, tag=True, array_like=True, gc=False):
    """The receipt has not come back in its time."""

    item: str


class ReceiptReturned(_ReceiptFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    The receipt is here. `file` is the file of receipts that said so, "" for a person's act. `waybill` is that of the parcel whose
    receipt it came with, "" for its own.
    """

    item: str
    file: str
    waybill: str = ""


class ReceiptGivenUp(_ReceiptFact, frozen=True, tag=True, array_like=True, gc=False):
    """Nobody waits for the receipt any more, by a person's act; it may come all the same. `waybill` as in `ReceiptReturned`."""

    item: str
    waybill: str = ""


class ReceiptRefused(_ReceiptFact, frozen=True, tag=True, array_like=True, gc=False):
    """A code of a file of receipts changed nothing, and `why` (`core.receipts.REFUSALS`)."""

    file: str
    code: str
    why: str

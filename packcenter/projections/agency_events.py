"""
What becomes of each item, as its agency is told it: status events in the manner of EMSEVT.

`EVENTS` says which there are. A code of EMSEVT V3 (UPU; meanings as in logistics literature) stands only where ours is the same
event: `EMA` posting, when the item is first seen in the hall; `EXD` held at the outward office, at the hand station; `EMC`
departure from the outward office, when its sealed bag leaves. Everything else has no such code: packing and bagging are finer
than EMSEVT, and delivery (`EMI`) is for those who deliver to tell, also when a receipt comes back.

Nothing here is personal: codes, waybills and words of our own. An object that nobody announced has no agency to be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from packcenter.core import facts as f
from packcenter.core import receipt_facts as r
from packcenter.core.case_facts import ParcelProven
from packcenter.core.state import State
from packcenter.projections.bills import local_iso

EVENTS: Final[dict[str, str]] = {
    "announced": "",
    "collected": "EMA",
    "packed": "",
    "bagged": "",
    "dispatched": "EMC",
    "held": "EXD",
    "missing": "",
    "found": "",
    "withdrawn": "",
    "returned": "",
    "remade": "",
    "receipt_overdue": "",
    "receipt_returned": "",
    "receipt_given_up": "",
}
"""Every event, with its code of EMSEVT V3, "" none."""

_PLAIN: Final[dict[type, str]] = {
    f.ItemLost: "missing",
    f.ItemFound: "found",
    f.ItemWithdrawn: "withdrawn",
    r.ReceiptOverdue: "receipt_overdue",
    r.ReceiptReturned: "receipt_returned",
    r.ReceiptGivenUp: "receipt_given_up",
}
_ENDS: Final = {"dispatched": "dispatched", "returned": "returned", "remade": "remade"}
_SEEN: Final = ("belt", "pack", "hand")


class AgencyEvent(msgspec.Struct, frozen=True):
    """
    One event of one item. `sequence` is its record in the journal: events of one record come together, and in this order.

    `at` is local time with its offset. `waybill` is "" before the parcel has one; `bag` and `reason` are "" where they
    mean nothing.
    """

    sequence: int
    at: str
    item: str
    event: str
    emsevt: str
    waybill: str = ""
    bag: str = ""
    reason: str = ""


def events_of(sequence: int, at_us: int, facts: Iterable[f.Fact], state: State) -> Iterator[tuple[str, AgencyEvent]]:
    """(agency, event) of all that one record tells, in order. `state` is that after it, or any later one."""
    offset = state.hall.utc_offset_minutes if state.hall is not None else 0
    bag = waybill = when = ""
    for fact in facts:
        if isinstance(fact, f.BagClosed):
            bag = fact.bag
        elif isinstance(fact, f.ParcelDropped):
            bag, waybill = fact.bag, fact.waybill
        for name, event, more in _told(fact, bag, waybill):
            item = state.items.get(name)
            if item is None or not item.announced:
                continue
            when = when or local_iso(at_us, offset)
            yield item.agency, AgencyEvent(sequence, when, name, event, EVENTS[event], **more)


def _told(fact: f.Fact, bag: str, waybill: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """
    The items, events and their particulars that a fact means. `bag` and `waybill` are those of the parcel that fell, or of the
    bag that left, in this record: each document of a parcel moves with it, and each agency is told of its own.
    """
    if isinstance(fact, f.Moved):
        if fact.source == "expected" and fact.target.partition("/")[0] in _SEEN:
            yield fact.item, "collected", {}
        elif fact.target.startswith("bag/"):
            yield fact.item, "bagged", {"waybill": waybill, "bag": bag}
        elif fact.target in _ENDS:
            yield fact.item, _ENDS[fact.target], {"bag": bag} if fact.target == "dispatched" else {}
    elif isinstance(fact, f.ItemExpected):
        yield fact.line.item, "announced", {"waybill": fact.line.waybill}
    elif isinstance(fact, f.ParcelSealed) and not fact.reason:
        yield fact.item, "packed", {"waybill": fact.waybill}
    elif isinstance(fact, ParcelProven):
        for item in fact.items[1:]:
            yield item, "packed", {"waybill": fact.waybill}
    elif isinstance(fact, f.SentToHand):
        yield fact.item, "held", {"reason": fact.reason}
    elif type(fact) in _PLAIN:
        yield fact.item, _PLAIN[type(fact)], {}  # type: ignore[union-attr]


def as_line(event: AgencyEvent) -> bytes:
    """The event as one line of JSON."""
    return msgspec.json.encode(event) + b"\n"

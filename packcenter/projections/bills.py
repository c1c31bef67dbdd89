"""
Bills 路单: what lies in a mail bag that left, parcel by parcel, as files that travel with it.

A bill is made of the `BagClosed` of its bag and of what is known of its items, which nothing changes once they have left; so it
is the same whenever it is made. A bag that was suspect left nowhere: it was opened at the hand station, and has no bill.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from packcenter.core import custody
from packcenter.core import facts as f
from packcenter.core.state import State


class Parcel(msgspec.Struct, frozen=True):
    """
    One line of a bill. `destination` is the postcode, or the code of the outlet at which it is fetched; `others` are the
    documents that are in the parcel beside `item`.
    """

    number: int
    waybill: str
    item: str
    mail_class: str
    service: str
    destination: str
    grams: int
    others: tuple[str, ...] = ()


class Bill(msgspec.Struct, frozen=True):
    """
    The bill of the bag that bears this whole tag; `grams` is what the rack weighed, `sequence` the record that closed the bag.
    """

    tag: str
    centre: str
    position: int
    destination: str
    seal: str
    grams: int
    closed: str
    sequence: int
    parcels: list[Parcel]


COLUMNS = ("tag", "seal", "destination", "closed", *Parcel.__struct_fields__[:5], "to", "grams", "others")


def bills_of(sequence: int, at_us: int, facts: Iterable[f.Fact], state: State) -> Iterator[Bill]:
    """The bills of the bags that left in one record. `state` is that after it, or any later one."""
    facts = [*facts]
    gone = [fact.item for fact in facts if isinstance(fact, f.Moved) and fact.target == "dispatched"]
    for fact in facts:
        if isinstance(fact, f.BagClosed) and fact.items and all(name in gone for name in fact.items):
            yield _bill(sequence, at_us, fact, state)


def _bill(sequence: int, at_us: int, closed: f.BagClosed, state: State) -> Bill:
    assert state.hall is not None
    parcels = [
        Parcel(
            number,
            waybill,
            item.id,
            item.mail_class,
            item.service,
            item.outlet or f"{item.destination:06d}",
            item.grams,
            tuple(document.id for document in custody.parcel(state, item)[1:]),
        )
        for number, (name, waybill) in enumerate(zip(closed.items, closed.waybills, strict=True), 1)
        for item in (state.items[name],)
    ]
    when = local_iso(at_us, state.hall.utc_offset_minutes)
    hall = state.hall
    tag = state.tags.get(closed.bag, closed.bag)
    return Bill(tag, hall.centre, closed.position, closed.destination, closed.seal, closed.grams, when, sequence, parcels)


def local_iso(at_us: int, utc_offset_minutes: int) -> str:
    """Core time as the hall's clocks show it, with its offset: 2026-03-02T08:00:00+08:00."""
    zone = timezone(timedelta(minutes=utc_offset_minutes))
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone(zone).isoformat()


def as_csv(bill: Bill) -> bytes:
    """The bill as CSV, one row for each parcel."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for parcel in bill.parcels:
        said = (*msgspec.structs.astuple(parcel)[:-1], " ".join(parcel.others))
        writer.writerow((bill.tag, bill.seal, bill.destination, bill.closed, *said))
    return text.getvalue().encode()


def as_json(bill: Bill) -> bytes:
    """The bill as JSON."""
    return msgspec.json.format(msgspec.json.encode(bill), indent=1) + b"\n"


def files_of(bill: Bill) -> dict[str, bytes]:
    """The bill's files, by their names."""
    return {f"{bill.tag}.csv": as_csv(bill), f"{bill.tag}.json": as_json(bill)}

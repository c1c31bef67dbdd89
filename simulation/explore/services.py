"""
What agencies want done with their parcels: halls with bags for services, and days of all services.

They are in the runs that have the fault `tells_receipt` (`staff`), and in no other; so runs that were kept before mean what they
meant.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from packcenter.config.build import plan_digest
from packcenter.core import hall as h
from packcenter.core.words import Service
from simulation.demand import Row
from simulation.draws import Stream

NAME: Final = "tells_receipt"
OUTLETS: Final = ("NJ-PO-018", "NJ-PO-042")
"""They are known to every hall with services: the reference hall's plan has them."""

RECEIPT_MINUTES: Final = 1
"""So that receipts are overdue within a run."""


def with_services(hall: h.Hall) -> h.Hall:
    """
    The hall with short patience for receipts and S9 tags for its first destination; a small one also with bags of their own for
    what wants a receipt, or is fetched at an outlet.
    """
    hall = replace(hall, receipt_minutes=RECEIPT_MINUTES, receptacles=("CNNKGA", "A", "EN"))
    near = hall.plan.destinations[0]
    if near.outlets:
        destinations = (replace(near, office="CNNKGB"), *hall.plan.destinations[1:])
        return replace(hall, plan=_with(hall.plan, destinations))
    last = max(position.number for position in hall.rack.positions)
    more = (
        h.Position(last + 1, near.name, (Service.RECEIPT_REQUESTED.value,)),
        h.Position(last + 2, near.name, (Service.OUTLET_PICKUP.value, Service.REGISTERED.value)),
    )
    destinations = (replace(near, outlets=OUTLETS, office="CNNKGB"), *hall.plan.destinations[1:])
    rack = replace(hall.rack, positions=(*hall.rack.positions, *more))
    return replace(hall, rack=rack, plan=_with(hall.plan, destinations))


def _with(plan: h.Plan, destinations: tuple[h.Destination, ...]) -> h.Plan:
    """The plan with other destinations, under a digest of its own if it had one."""
    made = replace(plan, destinations=destinations)
    return replace(made, digest=plan_digest(made)) if plan.digest else made


def serve(rows: list[Row], seed: int) -> list[Row]:
    """The rows by all services: half as they are, most others with the wish for a receipt, some for an outlet."""
    stream = Stream(seed, "explore/services")
    return [_served(row, stream.below(20), stream.below(4)) for row in rows]


def _served(row: Row, service: int, outlet: int) -> Row:
    if service < 8:
        return row
    if service < 14:
        return row._replace(service=Service.RECEIPT_REQUESTED.value)
    if service < 16:
        return row._replace(service=Service.REGISTERED.value)
    destination = OUTLETS[outlet] if outlet < len(OUTLETS) else row.destination
    return row._replace(service=Service.OUTLET_PICKUP.value, destination=destination)

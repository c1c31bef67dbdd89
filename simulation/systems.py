"""
What became of each kind of work of a centre: how much was announced, how much left, and whether its agencies were told so.

A system 业务 is what a centre does for somebody: tax invoices, identity cards, court documents and their receipts. It is told
by mail class, service, or whether its documents belong to cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

import msgspec
from pydantic import Field

from packcenter.config.fields import Closed, Name
from packcenter.config.models import Service
from packcenter.core.facts import Fact
from packcenter.core.receipt_facts import ReceiptReturned
from packcenter.core.records import Item
from packcenter.core.state import State
from packcenter.projections.agency_events import events_of

_RECEIPTS = "receipt_"


class System(Closed):
    """A kind of work, by what its documents have in common; and what must come of it."""

    name: Annotated[str, Field(min_length=1, max_length=60, examples=["Court documents"])] = Field(description="For people.")
    name_zh: Annotated[str, Field(min_length=1, max_length=60, examples=["法院文书"])] = Field(description="The same in Chinese.")
    mail_classes: Annotated[list[Name], Field(max_length=64)] = Field(default_factory=list, description="Classes; empty: all.")
    services: Annotated[list[Service], Field(max_length=4)] = Field(default_factory=list, description="Services; empty: all.")
    cases: bool = Field(default=False, description="True: only documents of cases.")
    items_min: Annotated[int, Field(ge=1)] = Field(default=1, description="So many items at least, or the day shows nothing.")
    percent_min: Annotated[int, Field(ge=0, le=100)] = Field(description="Share of the announced items that left.")
    receipts_percent_min: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0, description="Share of those that left whose receipt came back."
    )

    def takes(self, item: Item) -> bool:
        """Whether an item is this system's."""
        return (
            item.announced
            and (not self.mail_classes or item.mail_class in self.mail_classes)
            and (not self.services or item.service in self.services)
            and (not self.cases or item.case[:1] not in ("", "+"))  # a set of letters is no case of anybody's
        )


class Came(msgspec.Struct, frozen=True):
    """What came of a system. `told`: items of which the last that their agency was told is that they left, and those did."""

    name: str
    name_zh: str
    announced: int
    dispatched: int
    told: int
    receipts: int


class Feeds:
    """What agencies are told on the way: the last event of every item, receipts aside, and how often it was said to leave."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._left: dict[str, int] = {}
        self._returned: set[str] = set()

    def take(self, at_us: int, facts: Iterable[Fact], state: State) -> None:
        """Note what the facts of one record tell."""
        facts = list(facts)
        self._returned.update(fact.item for fact in facts if isinstance(fact, ReceiptReturned))
        for _, event in events_of(0, at_us, facts, state):
            if not event.event.startswith(_RECEIPTS):
                self._last[event.item] = event.event
                self._left[event.item] = self._left.get(event.item, 0) + (event.event == "dispatched")

    def account(self, system: System, items: Mapping[str, Item]) -> Came:
        """What came of a system, of all items."""
        mine = [item for item in items.values() if system.takes(item)]
        left = [item.id for item in mine if item.place == "dispatched"]
        told = sum(self._last.get(name) == "dispatched" and self._left[name] == 1 for name in left)
        returned = sum(name in self._returned for name in left)
        return Came(system.name, system.name_zh, len(mine), len(left), told, returned)


def findings(system: System, came: Came) -> Iterator[str]:
    """What is not as it must be, one sentence each."""
    if came.announced < system.items_min:
        yield f"{system.name}: {came.announced:,} items, expected {system.items_min:,} at least"
    if came.dispatched * 100 < came.announced * system.percent_min:
        left = f"{came.dispatched:,} of {came.announced:,} items were dispatched"
        yield f"{system.name}: {left}, expected {system.percent_min} % at least"
    if came.told != came.dispatched:
        yield f"{system.name}: of {came.dispatched:,} items that left agencies were told of {came.told:,}, expected all, once"
    if came.receipts * 100 < came.dispatched * system.receipts_percent_min:
        back = f"{came.receipts:,} receipts of {came.dispatched:,} came back"
        yield f"{system.name}: {back}, expected {system.receipts_percent_min} % at least"

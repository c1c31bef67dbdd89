"""The remake list 补制清单: documents that a person sent to be made anew, and those at the hand station of which nobody knows."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from packcenter.core import facts as f
from packcenter.core.state import Item, State


class Remake(msgspec.Struct, frozen=True):
    """
    One document that is made anew, or may have to be. `integrity` is what it was like, `why` the reason for which it came to the
    hand station; `person` and `reason` are of the verdict, "" while there is none. `waybill` is void once it is remade.
    """

    at_us: int
    sequence: int
    item: str
    mail_class: str
    agency: str
    waybill: str
    integrity: str
    why: str
    person: str
    reason: str


class Remakes:
    """Collects the remake list of a journal; `observe` each record before its facts are folded into `state`."""

    def __init__(self) -> None:
        self.ordered: list[Remake] = []

    def observe(self, sequence: int, at_us: int, facts: Iterable[object], state: State) -> None:
        """Take one record."""
        act: f.ActTaken | None = None
        for fact in facts:
            if isinstance(fact, f.ActTaken):
                act = fact
            elif isinstance(fact, f.Moved) and fact.target == "remade":
                item = state.items[fact.item]
                self.ordered.append(_line(item, at_us, sequence, act))


def waiting(state: State) -> list[Remake]:
    """Documents at the hand station that are bad, or of which nobody knows: a person has to decide. The longest first."""
    found = [item for item in state.items.values() if item.place == "hand" and item.integrity]
    return [_line(item, item.entered_us, 0, None) for item in sorted(found, key=lambda item: (item.entered_us, item.id))]


def _line(item: Item, at_us: int, sequence: int, act: f.ActTaken | None) -> Remake:
    return Remake(
        at_us=at_us,
        sequence=sequence,
        item=item.id,
        mail_class=item.mail_class,
        agency=item.agency,
        waybill=item.waybill,
        integrity=item.integrity or "good",
        why=item.hand,
        person=act.person if act is not None else "",
        reason=act.reason if act is not None else "",
    )

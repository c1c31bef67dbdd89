"""The open discrepancies 差异 for people, the most urgent first; their history; and the books of the shifts that were closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from packcenter.core import custody_facts as c
from packcenter.core.alarm_table import Text
from packcenter.core.discrepancies import CAUSES
from packcenter.core.shifts import unsigned
from packcenter.core.state import State


class Line(msgspec.Struct, frozen=True):
    """
    One open discrepancy. Times in core microseconds.

    `place` is where the books have the item now, "" if it is not about one. `two`: two people close it; `signed_by` is the first
    of them, who says `finding`. `unsigned`: it keeps the shift from being closed.
    """

    number: int
    cause: str
    subject: str
    place: str
    opener: str
    two: bool
    opened_us: int
    due_us: int
    overdue: bool
    finding: str
    signed_by: str
    unsigned: bool
    meaning: Text


class DiscrepancyList(msgspec.Struct, frozen=True):
    """
    The list at core time `at_us`: what is overdue first, then by when it is to be closed. `rules` is 0 where none are recorded.

    `shift` counts shifts; it began at `shift_begun_us` and was last counted at `counted_us`, 0 not yet.
    """

    at_us: int
    rules: int
    shift: int
    shift_begun_us: int
    counted_us: int
    overdue: int
    discrepancies: list[Line]


def take(state: State, at_us: int) -> DiscrepancyList:
    """The discrepancies as they stand."""
    waits = set(unsigned(state))
    lines = [
        Line(
            number=each.number,
            cause=each.cause,
            subject=each.subject,
            place=state.items[each.subject].place if each.subject in state.items else "",
            opener=each.opener,
            two=each.two,
            opened_us=each.opened_us,
            due_us=each.due_us,
            overdue=each.overdue,
            finding=each.finding,
            signed_by=each.signed_by,
            unsigned=each.number in waits,
            meaning=CAUSES[each.cause],
        )
        for each in state.discrepancies.values()
    ]
    lines.sort(key=lambda line: (not line.overdue, line.due_us, line.number))
    return DiscrepancyList(
        at_us=at_us,
        rules=state.custody_rules,
        shift=state.shift,
        shift_begun_us=state.shift_begun_us,
        counted_us=state.count.at_us if state.count is not None else 0,
        overdue=sum(line.overdue for line in lines),
        discrepancies=lines,
    )


def figures(state: State) -> Iterator[tuple[str, int, *tuple[str, ...]]]:
    """The gauges of discrepancies: name of the family, value, labels. Costs as much as there are open ones."""
    counts = Counter(each.cause for each in state.discrepancies.values())
    for cause in CAUSES:
        yield "discrepancies", counts[cause], cause
    yield "discrepancies_overdue", sum(each.overdue for each in state.discrepancies.values())
    yield "discrepancies_unsigned", len(unsigned(state))


class Happening(msgspec.Struct, frozen=True):
    """One line of the discrepancies' history: what became of one, at which record."""

    at_us: int
    sequence: int
    number: int
    what: str


def happenings(sequence: int, at_us: int, facts: Iterable[object]) -> list[Happening]:
    """What the facts of one record say of discrepancies."""
    found = []
    for fact in facts:
        what = _told(fact)
        if what:
            found.append(Happening(at_us, sequence, fact.number, what))  # type: ignore[attr-defined]
    return found


def _told(fact: object) -> str:
    """What a fact says of its discrepancy, "" if it is not about one."""
    match fact:
        case c.DiscrepancyOpened(cause=cause, subject=subject, opener=opener):
            return f"{cause} {subject}, opened by {opener}"
        case c.DiscrepancySigned(finding=finding, person=person):
            return f"{finding}, signed by {person}"
        case c.DiscrepancyOverdue():
            return "overdue"
        case c.DiscrepancyClosed(finding=finding, first=first, second=second):
            return f"{finding}, closed by {first}{f' and {second}' if second else ''}"
        case _:
            return ""


class ShiftBooks(msgspec.Struct, frozen=True):
    """The books of one shift that was closed, its last count, and at which record."""

    sequence: int
    closed_us: int
    count: c.ShiftCountTaken | None
    closing: c.ShiftClosed


def as_json(books: ShiftBooks) -> dict[str, object]:
    """The books of a shift as plain data, every count under its name."""
    differences = books.count.differences if books.count is not None else ()
    return {
        "shift": books.closing.shift,
        "sequence": books.sequence,
        "begun_us": books.closing.begun_us,
        "closed_us": books.closed_us,
        "counted_by": books.closing.counted_by,
        "closed_by": books.closing.closed_by,
        "accounts": [{**msgspec.structs.asdict(each), "difference": each.difference} for each in books.closing.accounts],
        "count_differences": [msgspec.structs.asdict(each) for each in differences],
        "discrepancies": list(books.closing.discrepancies),
        "waybills": {**msgspec.structs.asdict(books.closing.waybills), "difference": books.closing.waybills.difference},
    }


class Shifts:
    """Collects the shifts that a journal closed, by their numbers."""

    def __init__(self) -> None:
        self.closed: dict[int, ShiftBooks] = {}
        self._count: c.ShiftCountTaken | None = None

    def observe(self, sequence: int, at_us: int, facts: Iterable[object]) -> None:
        """Take the facts of one record."""
        for fact in facts:
            if isinstance(fact, c.ShiftCountTaken):
                self._count = fact
            elif isinstance(fact, c.ShiftClosed):
                self.closed[fact.shift] = ShiftBooks(sequence, at_us, self._count, fact)
                self._count = None

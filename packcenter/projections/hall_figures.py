"""
Figures of what is still open in the hall: cases, receipts, documents in doubt, loops, waybill numbers, the shift, bags, cut-offs.

A part of `metrics.Metrics`, which gives it the facts and asks for the gauges before a scrape. What is over is forgotten, so that
a scrape costs as much as there is open, however old the journal is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from packcenter.core.case_facts import CaseOverdue, ParcelProven
from packcenter.core.custody_facts import IntegritySet
from packcenter.core.hall import Hall
from packcenter.core.integrity import GOOD
from packcenter.core.lifecycle import FINAL, kind_of
from packcenter.core.loop_facts import InfeedHeld
from packcenter.core.receipt_facts import ReceiptAwaited, ReceiptGivenUp, ReceiptOverdue, ReceiptReturned
from packcenter.core.records import Case
from packcenter.core.state import State
from packcenter.core.words import ReceiptState
from packcenter.projections.cells import CELL_WORDS, words_of

Gauges = Iterator[tuple[str, float, *tuple[str, ...]]]
"""Name of the family, value, values of its labels."""

Counted = tuple[str, ...]
"""Name of a family of counters, and values of its labels."""

CASE_STATES: Final = ("announced", "gathering", "overdue", "leaving")
"""Nothing of it is here; documents are missing; they still are at its due time, and it waits; all have come, and leave."""

CELL_STATES: Final = ("free", "closed", "used", "suspect")
CASE_PARCELS: Final = ("whole", "part")
CASE_POLICIES: Final = ("wait", "part_ship", "hand")
RECEIPT_STATES: Final = (ReceiptState.AWAITED.value, ReceiptState.OVERDUE.value)
RECEIPT_RESULTS: Final = (ReceiptState.RETURNED.value, ReceiptState.GIVEN_UP.value)
WAYBILL_STATES: Final = ("issued", "stock")
BAG_STATES: Final = ("filling", "closing", "suspect")

_CELL_STATES: Final = {word: word if word in CELL_STATES else "used" for word in CELL_WORDS}
_MISSING: Final = frozenset(("expected", "hand", "lost", "returned", "remade"))
"""Where a document is of no use to its case."""

_BAGGED: Final = frozenset((*FINAL, "bag", "hand", "lost"))
_MINUTE_US: Final = 60_000_000
_DAY_MINUTES: Final = 24 * 60
_DAY_US: Final = _DAY_MINUTES * _MINUTE_US


class HallFigures:
    """Keeps which cases, receipts and doubts are open; `resume` from a state, `take` each fact, `gauges` for a scrape."""

    def __init__(self) -> None:
        self._cases: dict[str, None] = {}
        self._receipts: dict[str, str] = {}
        self._doubtful: dict[str, str] = {}

    def resume(self, state: State) -> None:
        """Go on from a recovered state: the one time that everything is looked at."""
        self._cases = dict.fromkeys(state.cases)
        self._receipts = {name: each.state for name, each in state.receipts.items() if each.state in RECEIPT_STATES}
        self._doubtful = {item.id: item.integrity for item in state.items.values() if item.integrity and item.place not in FINAL}

    def announced(self, case: str) -> None:
        """A document of a case was announced."""
        if case:
            self._cases[case] = None

    def take(self, fact: Any) -> tuple[Counted, ...]:
        """What a fact of `KINDS` counts; what it opens or ends is noted."""
        return KINDS[type(fact)](self, fact)

    def open_now(self, state: State) -> dict[str, tuple[int, int]]:
        """What somebody has yet to finish, how many of each, and how many of those are late."""
        cases = Counter({word: int(count) for _, count, word in self._of_cases(state)})
        receipts = Counter(self._receipts.values())
        late = ReceiptState.OVERDUE.value
        found = {word: int(count) for _, count, word in _bag_counts(state)}
        return {
            "bags_closing": (found["closing"], 0),
            "bags_suspect": (found["suspect"], 0),
            "cases": (cases.total() - cases["announced"], cases["overdue"]),
            "receipts": (receipts.total(), receipts[late]),
            "discrepancies": (len(state.discrepancies), sum(each.overdue for each in state.discrepancies.values())),
            "documents": (self._at_hand(state), 0),
        }

    def gauges(self, state: State, hall: Hall, now_us: int) -> Gauges:
        """Every gauge, at core time `now_us`."""
        yield from self._of_cases(state)
        yield from _cells(state, hall)
        states = Counter(self._receipts.values())
        for word in RECEIPT_STATES:
            yield "receipts", states[word], word
        yield "documents_doubtful", self._at_hand(state)
        for sorter in hall.sorters:
            if sorter.laps_max and sorter.plc in state.plcs:
                yield "infeed_held", state.plcs[sorter.plc].infeed_held, sorter.plc
                yield "loop_limit_items", sorter.loop_items_max, sorter.plc
        yield "waybills", state.waybill_serial - hall.waybills.first, "issued"
        yield "waybills", hall.waybills.last - state.waybill_serial + 1, "stock"
        yield "plan_valid", not state.plan_why
        yield "shift_begun_timestamp_seconds", state.shift_begun_us / 1e6
        yield from bags(state, hall)
        yield from cutoffs(hall, now_us)

    def _of_cases(self, state: State) -> Iterator[tuple[str, int, str]]:
        found: Counter[str] = Counter()
        for name in list(self._cases):
            where = case_state(state, state.cases[name]) if name in state.cases else ""
            if where:
                found[where] += 1
            else:
                del self._cases[name]
        for word in CASE_STATES:
            yield "cases", found[word], word

    def _at_hand(self, state: State) -> int:
        """Documents at the hand station that may have to be made anew."""
        count = 0
        for name in list(self._doubtful):
            place = state.items[name].place if name in state.items else FINAL[0]
            count += place == "hand"
            if place in FINAL:
                del self._doubtful[name]
        return count

    def _awaited(self, fact: ReceiptAwaited) -> tuple[Counted, ...]:
        self._receipts[fact.item] = ReceiptState.AWAITED.value
        return ()

    def _overdue(self, fact: ReceiptOverdue) -> tuple[Counted, ...]:
        self._receipts[fact.item] = ReceiptState.OVERDUE.value
        return ()

    def _ended(self, fact: ReceiptReturned | ReceiptGivenUp) -> tuple[Counted, ...]:
        self._receipts.pop(fact.item, None)
        return (("receipts_ended", RECEIPT_RESULTS[isinstance(fact, ReceiptGivenUp)]),)

    def _integrity(self, fact: IntegritySet) -> tuple[Counted, ...]:
        self._doubtful.pop(fact.item, None)
        if fact.integrity != GOOD:
            self._doubtful[fact.item] = fact.integrity
        return (("integrity_set", fact.integrity),)


def case_state(state: State, case: Case) -> str:
    """
    Where an open case is, one of `CASE_STATES`; "" if nothing of it is expected or on its way any more. A part that left does not
    keep it open: what is still missing opens it again when it is announced.
    """
    if all(_kind(state, name) in _BAGGED for name in case.items):
        return ""
    if sum(_kind(state, name) not in _MISSING for name in case.items) >= case.size:
        return "leaving"
    if case.overdue == "wait":
        return "overdue"
    return "announced" if all(_kind(state, name) == "expected" for name in case.items) else "gathering"


def _kind(state: State, item: str) -> str:
    return kind_of(state.items[item].place)


def _cells(state: State, hall: Hall) -> Gauges:
    for rack in hall.case_racks:
        found = Counter(_CELL_STATES[word] for word in words_of(state, rack.plc, rack.cells))
        for name in CELL_STATES:
            yield "case_cells", found[name], rack.plc, name


def _bag_counts(state: State) -> Iterator[tuple[str, int, str]]:
    counts = dict.fromkeys(BAG_STATES, 0)
    for bag in state.bags.values():
        counts["suspect" if bag.suspect else "closing" if bag.closing else "filling"] += 1
    for name, count in counts.items():
        yield "bags", count, name


def bags(state: State, hall: Hall) -> Gauges:
    """Open bags by state, and how full each is."""
    yield from _bag_counts(state)
    limits = hall.plan.bags
    for position in hall.rack.positions:
        hanging = state.bags.get(position.number)
        fill = 0.0
        if hanging is not None:
            fill = max(len(hanging.items) / max(1, limits.items_max), hanging.grams / max(1, limits.grams_max))
        yield "bag_fill_ratio", fill, str(position.number), position.destination


def cutoffs(hall: Hall, now_us: int) -> Gauges:
    """When open bags close next, and the day's last time."""
    minutes = hall.plan.bags.cutoff_minutes
    if not minutes:
        return
    offset_us = hall.utc_offset_minutes * _MINUTE_US
    midnight_us = (now_us + offset_us) // _DAY_US * _DAY_US - offset_us
    ahead = next((m for m in minutes if midnight_us + m * _MINUTE_US > now_us), minutes[0] + _DAY_MINUTES)
    yield "next_cutoff_timestamp_seconds", (midnight_us + ahead * _MINUTE_US) / 1e6
    yield "last_cutoff_timestamp_seconds", (midnight_us + minutes[-1] * _MINUTE_US) / 1e6


KINDS: Final[dict[type, Callable[[HallFigures, Any], tuple[Counted, ...]]]] = {
    CaseOverdue: lambda _, fact: (("cases_overdue", fact.policy),),
    ParcelProven: lambda _, fact: (("case_parcels", CASE_PARCELS[fact.part > 0]),),
    InfeedHeld: lambda _, fact: (("infeed_holds", fact.plc),) if fact.held else (),
    ReceiptAwaited: HallFigures._awaited,
    ReceiptOverdue: HallFigures._overdue,
    ReceiptReturned: HallFigures._ended,
    ReceiptGivenUp: HallFigures._ended,
    IntegritySet: HallFigures._integrity,
}

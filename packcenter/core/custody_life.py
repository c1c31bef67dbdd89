"""What the facts about discrepancies and shifts change in the state: their part of `state.EVOLVE`."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

from packcenter.core import custody_facts as c
from packcenter.core.lifecycle import FINAL, kind_of
from packcenter.core.records import Discrepancy, Flow, Item, ShiftCount, State


def account_of(item: Item) -> str:
    """The key of an item's class and agency; neither name has a slash in it."""
    return f"{item.mail_class}/{item.agency}"


def flow(state: State, item: Item, source: str, target: str) -> None:
    """Count what comes into custody and what leaves it, move by move: the other side of the shift's books (A2)."""
    assert target != "dispatched" or not item.integrity, item  # B6: what leaves is sound
    if not state.custody_rules:
        return
    if source in ("expected", "outside"):
        _flow_of(state, item).inducted += 1
    if target in FINAL or target == "outside":
        counts = _flow_of(state, item).gone
        counts[target] = counts.get(target, 0) + 1


def _flow_of(state: State, item: Item) -> Flow:
    return state.flows.setdefault(account_of(item), Flow())


def in_custody(state: State) -> dict[str, dict[str, int]]:
    """Class/agency -> kind of place -> items, of everything that is in custody or lost. Walks every item."""
    found: dict[str, dict[str, int]] = {}
    for item in state.items.values():
        kind = kind_of(item.place)
        if kind not in ("agency", "expected", "outside", *FINAL):
            kinds = found.setdefault(account_of(item), {})
            kinds[kind] = kinds.get(kind, 0) + 1
    return found


def _rules_adopted(state: State, at_us: int, fact: c.CustodyRulesAdopted) -> None:
    """
    The first shift begins when the rules first hold, with what is in custody then. Without rules nobody says what a document is
    like, so what was said before is not kept: it would be stale when they hold again.
    """
    if not fact.version:
        for item in state.items.values():
            if item.place not in FINAL:
                item.integrity = ""
    if fact.version and not state.custody_rules:
        _begin_shift(state, at_us)
    state.custody_rules = fact.version
    state.discrepancy_minutes, state.secure_minutes = fact.minutes, fact.secure_minutes


def _begin_shift(state: State, at_us: int) -> None:
    state.shift += 1
    state.shift_begun_us = at_us
    state.opening = {account: sum(kinds.values()) for account, kinds in in_custody(state).items()}
    state.flows = {}
    state.count = None


def _opened(state: State, at_us: int, fact: c.DiscrepancyOpened) -> None:
    key = f"{fact.cause}/{fact.subject}"
    assert fact.number == state.discrepancy_serial + 1, fact
    assert key not in state.discrepancy_of, fact  # A8: one is open for a cause and a subject
    state.discrepancy_serial = fact.number
    state.discrepancy_of[key] = fact.number
    state.discrepancies[fact.number] = Discrepancy(
        fact.number, fact.cause, fact.subject, fact.opener, fact.two, at_us, fact.due_us
    )
    heappush(state.agenda, (fact.due_us, "discrepancy", "", fact.number))


def _signed(state: State, at_us: int, fact: c.DiscrepancySigned) -> None:
    discrepancy = state.discrepancies[fact.number]
    assert fact.person != discrepancy.opener, fact  # O2
    discrepancy.finding, discrepancy.signed_by = fact.finding, fact.person


def _overdue(state: State, at_us: int, fact: c.DiscrepancyOverdue) -> None:
    state.discrepancies[fact.number].overdue = True


def _closed(state: State, at_us: int, fact: c.DiscrepancyClosed) -> None:
    discrepancy = state.discrepancies.pop(fact.number)
    assert discrepancy.opener not in (fact.first, fact.second) or fact.first == "packcenter", fact  # O2
    assert not discrepancy.two or fact.finding == "identified" or fact.first != fact.second != "", (fact, discrepancy)  # A8
    del state.discrepancy_of[f"{discrepancy.cause}/{discrepancy.subject}"]


def _integrity_set(state: State, at_us: int, fact: c.IntegritySet) -> None:
    item = state.items[fact.item]
    assert item.place not in FINAL, fact  # A6
    assert (item.integrity or "good") != fact.integrity, fact
    item.integrity = "" if fact.integrity == "good" else fact.integrity


def _counted(state: State, at_us: int, fact: c.ShiftCountTaken) -> None:
    differences = [f"{each.place}/{each.mail_class}/{each.agency}" for each in fact.differences]
    state.count = ShiftCount(fact.person, at_us, differences)


def _shift_closed(state: State, at_us: int, fact: c.ShiftClosed) -> None:
    assert fact.shift == state.shift, fact
    assert state.count is not None, fact  # K1
    assert not any(account.difference for account in fact.accounts), fact  # A2
    assert not fact.waybills.difference, fact  # C2
    _begin_shift(state, at_us)


def is_current(state: State, entry: tuple[int, str, str, int]) -> bool:
    """Whether the deadline of a discrepancy still means something."""
    discrepancy = state.discrepancies.get(entry[3])
    return discrepancy is not None and not discrepancy.overdue


def push_deadlines(state: State) -> None:
    """Put the deadlines of all discrepancies into the agenda, after loading a snapshot."""
    for number, discrepancy in state.discrepancies.items():
        if not discrepancy.overdue:
            heappush(state.agenda, (discrepancy.due_us, "discrepancy", "", number))


EVOLVE: dict[type, Callable[[State, int, Any], None]] = {
    c.CustodyRulesAdopted: _rules_adopted,
    c.DiscrepancyOpened: _opened,
    c.DiscrepancySigned: _signed,
    c.DiscrepancyOverdue: _overdue,
    c.DiscrepancyClosed: _closed,
    c.IntegritySet: _integrity_set,
    c.ShiftCountTaken: _counted,
    c.ShiftClosed: _shift_closed,
}

"""What must always hold of discrepancies and shifts (A2, A8, K1, O2, T4), told from the facts alone."""

from __future__ import annotations

from collections import Counter

from packcenter.core import custody_facts as c
from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core import s10
from packcenter.core.controller import Outcome
from packcenter.core.lifecycle import FINAL, kind_of
from packcenter.core.state import State

_MINUTE_US = 60_000_000
Account = tuple[str, str]


class CustodyWatch:
    """Follows discrepancies by their facts, and counts for itself what comes and goes."""

    def __init__(self) -> None:
        self.rules: c.CustodyRulesAdopted | None = None
        self.open: dict[int, c.DiscrepancyOpened] = {}
        self.signed: dict[int, tuple[str, str]] = {}
        self._overdue: set[int] = set()
        self._serial = 0
        self._places: dict[str, str] = {}
        self._opening: Counter[Account] = Counter()
        self._came: Counter[Account] = Counter()
        self._went: Counter[tuple[Account, str]] = Counter()
        self._border_us = 0
        self._count: c.ShiftCountTaken | None = None

    def take(self, at_us: int, happened: i.Input, outcome: Outcome, state: State) -> None:
        """Follow one step: whatever the books cannot explain is open, and nobody closes what they opened."""
        for fact in outcome.facts:
            if isinstance(fact, f.Moved):
                self._move(fact, state)
            elif isinstance(fact, c.CustodyRulesAdopted):
                if fact.version and not (self.rules and self.rules.version):
                    self._begin(at_us, state)
                self.rules = fact
            elif isinstance(fact, c.DiscrepancyOpened):
                self._opened(at_us, fact, state)
            elif isinstance(fact, c.DiscrepancySigned):
                assert self.open[fact.number].two, fact
                assert fact.person != self.open[fact.number].opener, f"{fact} (O2)"
                self.signed[fact.number] = fact.finding, fact.person
            elif isinstance(fact, c.DiscrepancyOverdue):
                assert at_us >= self.open[fact.number].due_us, fact
                assert fact.number not in self._overdue, fact
                self._overdue.add(fact.number)
            elif isinstance(fact, c.DiscrepancyClosed):
                self._closed(happened, fact)
            elif isinstance(fact, c.ShiftCountTaken):
                self._count = fact
            elif isinstance(fact, c.ShiftClosed):
                self._shift_closed(at_us, fact, state)
        if self.rules is not None and self.rules.version:
            self._nothing_is_passed_over(outcome, state)

    def _nothing_is_passed_over(self, outcome: Outcome, state: State) -> None:
        about = {(each.cause, each.subject) for each in self.open.values()}
        for fact in outcome.facts:
            if isinstance(fact, f.ItemLost) and state.items[fact.item].place == "lost":
                assert ("lost", fact.item) in about, f"{fact}, and no discrepancy is open (A8)"
            elif isinstance(fact, f.ObjectSeen) and state.items[fact.item].place != "outside":
                assert (fact.reason, fact.item) in about, f"{fact}, and no discrepancy is open (A7)"
            elif isinstance(fact, f.GapSeen):
                assert ("gap", fact.plc) in about, f"{fact}, and no discrepancy is open (E2)"

    def _opened(self, at_us: int, fact: c.DiscrepancyOpened, state: State) -> None:
        assert self.rules is not None, fact
        assert fact.number == self._serial + 1, fact
        assert (fact.cause, fact.subject) not in {(each.cause, each.subject) for each in self.open.values()}, fact
        item = state.items.get(fact.subject)
        if item is not None:
            assert fact.two == (item.mail_class != "letter"), fact
        minutes = self.rules.secure_minutes if fact.two else self.rules.minutes
        assert fact.due_us == at_us + minutes * _MINUTE_US, fact
        self._serial = fact.number
        self.open[fact.number] = fact

    def _closed(self, happened: i.Input, fact: c.DiscrepancyClosed) -> None:
        opened, (finding, signer) = self.open.pop(fact.number), self.signed.pop(fact.number, ("", ""))
        self._overdue.discard(fact.number)
        if fact.first == "packcenter":
            assert not fact.second, fact
            assert not opened.two or fact.finding == "identified", f"{fact} closes {opened} by itself (A8)"
            return
        assert isinstance(happened, i.DiscrepancyJudged), (fact, happened)
        people = [fact.first, fact.second] if opened.two else [fact.first]
        assert happened.person == people[-1], (fact, happened)
        assert len({*people, opened.opener}) == len(people) + 1, f"{fact} of {opened} (A8, O2)"
        assert not opened.two or (finding, signer) == (fact.finding, fact.first), (fact, finding, signer)

    def _move(self, fact: f.Moved, state: State) -> None:
        item = state.items[fact.item]
        account = (item.mail_class, item.agency)
        source, target = kind_of(fact.source), kind_of(fact.target)
        if self.rules is not None and self.rules.version:
            self._came[account] += source in ("expected", "outside")
            if target in (*FINAL, "outside"):
                self._went[account, target] += 1
        self._places[fact.item] = target

    def _present(self, state: State) -> Counter[Account]:
        away = ("expected", "outside", *FINAL)
        here = [state.items[name] for name, kind in self._places.items() if kind not in away]
        return Counter((item.mail_class, item.agency) for item in here)

    def _begin(self, at_us: int, state: State) -> None:
        self._border_us, self._count = at_us, None
        self._opening = self._present(state)
        self._came, self._went = Counter(), Counter()

    def _shift_closed(self, at_us: int, fact: c.ShiftClosed, state: State) -> None:
        assert self._count is not None, f"{fact}: nobody counted (K1)"
        assert fact.counted_by == self._count.person, fact
        assert fact.begun_us == self._border_us, f"{fact} (T4)"
        unsigned = [
            number
            for number, each in self.open.items()
            if each.cause == "count_differs"
            and number not in self.signed
            and each.subject in [f"{d.place}/{d.mail_class}/{d.agency}" for d in self._count.differences]
        ]
        assert not unsigned, f"{fact}: {unsigned} are not signed (K1)"
        assert fact.discrepancies == tuple(sorted(self.open)), fact
        present = self._present(state)
        for each in fact.accounts:
            account = (each.mail_class, each.agency)
            gone = tuple(self._went[account, where] for where in ("dispatched", "returned", "remade", "outside"))
            assert (each.opening, each.inducted) == (self._opening[account], self._came[account]), each
            assert (each.dispatched, each.returned, each.remade, each.identified) == gone, each
            assert each.held + each.lost == present[account], each
            assert each.difference == 0, each
        named = {(each.mail_class, each.agency) for each in fact.accounts}
        assert {*present} | {account for account, count in self._came.items() if count} <= named, fact
        assert state.hall is not None
        stock = state.hall.waybills
        ours = {s10.number(stock.indicator, serial, stock.country) for serial in range(stock.first, stock.last + 1)}
        assert fact.waybills.stock == len(ours - state.waybills.keys()), f"{fact} (C2)"
        assert fact.waybills.difference == 0, fact
        self._begin(at_us, state)

    def check(self, state: State) -> None:
        """The state says of every discrepancy what its facts said."""
        assert {number: (each.cause, each.subject, each.opener, each.two) for number, each in state.discrepancies.items()} == {
            number: (each.cause, each.subject, each.opener, each.two) for number, each in self.open.items()
        }
        signed = {number: (each.finding, each.signed_by) for number, each in state.discrepancies.items() if each.signed_by}
        assert signed == self.signed
        assert {number for number, each in state.discrepancies.items() if each.overdue} == self._overdue
        assert state.discrepancy_of == {f"{each.cause}/{each.subject}": number for number, each in self.open.items()}

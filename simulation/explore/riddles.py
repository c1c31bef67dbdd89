"""What the books of a run cannot explain, by its facts alone: nothing may be missing without being sought (A7, A8, A9, E2)."""

from __future__ import annotations

from collections.abc import Sequence

from packcenter.core import custody_facts as c
from packcenter.core import facts as f
from packcenter.core.lifecycle import FINAL
from packcenter.core.state import State


class Riddles:
    """What the books could not explain, by the facts alone, and who gave up on it: who may be missing without being sought."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[str, str]] = {}
        self._settled: set[tuple[str, str]] = set()
        """What people closed without its being so any less."""
        self._gaps: set[str] = set()

    def take(self, facts: Sequence[f.Fact]) -> list[str]:
        """Follow the facts of one durable record; which goals they meet."""
        met: list[str] = []
        for fact in facts:
            if isinstance(fact, c.DiscrepancyOpened):
                self._open[fact.number] = fact.cause, fact.subject
                self._settled.discard((fact.cause, fact.subject))
                met += ["given up, and turned up"] if fact.cause == "turned_up" else []
            elif isinstance(fact, c.DiscrepancyClosed):
                about = self._open.pop(fact.number)
                if fact.first != "packcenter":
                    self._settled.add(about)
                met += ["discrepancy closed by two people"] if fact.second else []
            elif isinstance(fact, c.DiscrepancyOverdue):
                met.append("discrepancy overdue")
            elif isinstance(fact, f.GapSeen):
                self._gaps.add(fact.plc)
            elif isinstance(fact, c.ShiftClosed):
                met.append("shift closed")
                open_now = {self._open[number][0] for number in fact.discrepancies}
                met += ["shift closed with a signed difference"] if "count_differs" in open_now else []
        return met

    def wrong(self, state: State) -> list[tuple[str, str]]:
        """What is not where anybody knows, and nobody seeks or has given up, as (letter, text)."""
        known = {*self._open.values(), *self._settled}
        sought = {subject for _, subject in known}
        found = [
            ("E2", f"events of {plc} are missing: no discrepancy") for plc in sorted(self._gaps) if ("gap", plc) not in known
        ]
        for item in state.items.values():
            if item.place == "lost" and not {("lost", item.id), ("turned_up", item.id)} & known:
                found.append(("A9", f"{item.id} is lost, and that is no discrepancy"))
            elif not item.announced and item.place not in ("outside", *FINAL) and item.id not in sought:
                found.append(("A7", f"{item.id} is in {item.place}, and that is no discrepancy"))
        if {number: (each.cause, each.subject) for number, each in state.discrepancies.items()} != self._open:
            found.append(("A8", f"open are {sorted(state.discrepancies)}, by the facts {sorted(self._open)}"))
        return found

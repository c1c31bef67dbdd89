"""
What people do about discrepancies and at the end of a shift, at random moments: report, find, sign, count, close.

They count what really lies in the plant, or what the books say (so that some shifts close at once), or badly. Whoever signs and
closes is drawn anew each time, so that often it is somebody who may not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from packcenter.core import inputs as i
from packcenter.core.custody_life import in_custody
from packcenter.core.discrepancies import REPORTED
from packcenter.core.shifts import COUNTED, unsigned
from packcenter.core.state import State
from packcenter.core.words import Finding, Role
from simulation.draws import Stream
from simulation.explore.staff import ask, by_somebody, state_of
from simulation.explore.striking import SECOND, Fault
from simulation.explore.world import World

_LAST: Final = 8
"""So many of the newest discrepancies and items are looked at."""

Line = tuple[str, str, str]
"""Kind of place, mail class, agency."""


def _judges(world: World, stream: Stream, hard: int) -> str | None:
    """
    Somebody says what became of a discrepancy; one that was signed is mostly confirmed. What is lost is often given up at once,
    by two supervisors if it takes two.
    """
    state = state_of(world)
    if state is None or not state.discrepancies:
        return None
    signed = [number for number, each in state.discrepancies.items() if each.signed_by]
    lost = [number for number, each in state.discrepancies.items() if each.cause == "lost"]
    among = signed if signed and stream.below(3) else lost if lost and stream.below(2) else list(state.discrepancies)[-_LAST:]
    if lost and not stream.below(3):
        number = lost[stream.below(len(lost))]
        both = [{"person": person, "role": Role.SUPERVISOR.value, "reason": "given up"} for person in ("op-1", "op-2")]
        told = [ask(world, i.DiscrepancyJudged(**by, number=number, finding=Finding.LOST_FOR_GOOD.value)) for by in both]
        return "; ".join(each for each in told if each is not None) or None
    discrepancy = state.discrepancies[among[stream.below(len(among))]]
    item = state.items.get(discrepancy.subject)
    finding = discrepancy.finding
    if not finding or not stream.below(4):
        fits = (Finding.LOST_FOR_GOOD if item is not None and item.place == "lost" else Finding.FOUND, Finding.EXPLAINED)
        finding = (*fits, *Finding)[stream.below(2 + len(Finding))].value
    return ask(world, i.DiscrepancyJudged(**by_somebody(stream), number=discrepancy.number, finding=finding))


def _reports(world: World, stream: Stream, hard: int) -> str | None:
    state = state_of(world)
    names = [] if state is None else list(state.items)[-_LAST:]
    if not names:
        return None
    cause = REPORTED[stream.below(len(REPORTED))]
    return ask(world, i.DiscrepancyReported(**by_somebody(stream), cause=cause, subject=names[stream.below(len(names))]))


def _counts(world: World, stream: Stream, hard: int) -> str | None:
    """The hall is counted: what really lies there, what the books say, or one line of that too much or too little."""
    state = state_of(world)
    if state is None:
        return None
    how = stream.below(4)
    counted = really(world) if how == 0 else booked(state)
    if how == 1 and counted:
        line = sorted(counted)[stream.below(len(counted))]
        counted[line] = max(0, counted[line] + (1, -1, 3)[stream.below(3)])
    return ask(world, i.ShiftCounted(**by_somebody(stream), lines=_lines(counted.items())))


def _closes(world: World, stream: Stream, hard: int) -> str | None:
    """Mostly the differences are signed first, and the shift is closed with them."""
    state = state_of(world)
    if state is None:
        return None
    for number in unsigned(state) if stream.below(3) else ():
        sign = by_somebody(stream) | {"role": Role.SUPERVISOR.value}
        ask(world, i.DiscrepancyJudged(**sign, number=number, finding=Finding.EXPLAINED.value))
    return ask(world, i.ShiftEnded(**by_somebody(stream)))


def booked(state: State) -> dict[Line, int]:
    """A count that agrees with the books."""
    found: dict[Line, int] = {}
    for account, kinds in in_custody(state).items():
        mail_class, _, agency = account.partition("/")
        found |= {(kind, mail_class, agency): number for kind, number in kinds.items() if kind in COUNTED}
    return found


def really(world: World) -> dict[Line, int]:
    """A count of what really lies there; of something that bears no announced code nobody knows the class."""
    truth, hall = world.plant.truth, world.hall
    known, agencies = {each.name for each in hall.mail_classes}, set(hall.agencies)
    found: Counter[Line] = Counter()
    for document, place in truth.everywhere():
        kind = truth.in_ledger_words(place).partition("/")[0]
        if kind in COUNTED:
            named = document.announced and document.mail_class in known and document.agency in agencies
            found[kind, document.mail_class if named else "", document.agency if named else ""] += 1
    return dict(found)


def _lines(counted: Iterable[tuple[Line, int]]) -> tuple[i.Counted, ...]:
    return tuple(i.Counted(*line, number) for line, number in counted)


CLOSING_FAULTS: Final[tuple[Fault[World], ...]] = (
    Fault("judges_discrepancy", "staff", 6 * SECOND, _judges),
    Fault("reports_discrepancy", "staff", 30 * SECOND, _reports),
    Fault("counts_shift", "staff", 20 * SECOND, _counts),
    Fault("closes_shift", "staff", 20 * SECOND, _closes),
)
"""They came after all others of the staff, and are drawn behind them."""

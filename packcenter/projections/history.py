"""One item's history: every fact that names it, in words, with the rule and the reason of every decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from packcenter.core import case_facts as k
from packcenter.core import custody_facts as c
from packcenter.core import facts as f
from packcenter.core import receipt_facts as r
from packcenter.core import record
from packcenter.core.acts import REFUSALS
from packcenter.core.commands import BeginParcel, Divert, Drop, RejectParcel, Release, SealParcel, Store
from packcenter.core.loop_facts import WentRound


class Happening(msgspec.Struct, frozen=True):
    """A line of an item's history; `sequence` finds it in the journal."""

    sequence: int
    at_us: int
    what: str
    detail: str


_OF_LETTERS = k.LettersGathered | k.LettersParted


def names(fact: f.Fact) -> tuple[str, ...]:
    """Items that a fact is about."""
    if isinstance(fact, f.ItemExpected):
        return (fact.line.item,)
    if isinstance(fact, f.BagClosed | k.CellReleased | k.CaseSplit | k.CaseOverdue | k.ParcelProven | _OF_LETTERS):
        return fact.items
    if isinstance(fact, f.CodedByHand):
        return (fact.provisional, fact.item)
    if isinstance(fact, f.ActTaken | f.ActRefused):
        return (fact.subject,) if fact.act.startswith(("hand_", "receipt_")) else ()
    item = getattr(fact, "item", "")
    return (item,) if item else ()


class History:
    """
    Collects one item's history from a stream of records. `wanted` is an item code or a waybill; found by waybill, the item is
    known from the moment the number was joined to it.
    """

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.items: set[str] = {wanted}
        self.happenings: list[Happening] = []
        self._discrepancies: set[int] = set()

    def read(self, sequence: int, at_us: int, entry: record.Record) -> None:
        """Take what one record says about the item."""
        for fact in entry.facts:
            self._follow(fact)
            if self.items.intersection(names(fact)) or self._is_riddled(fact):
                what, detail = describe(fact)
                self.happenings.append(Happening(sequence, at_us, what, detail))
        if self.happenings and self.happenings[-1].sequence == sequence:
            for command in entry.commands:
                if isinstance(command, Divert | BeginParcel | SealParcel | RejectParcel | Store | Release | Drop):
                    self.happenings.append(Happening(sequence, at_us, f"ask {type(command).__name__}", _fields(command)))

    def _is_riddled(self, fact: f.Fact) -> bool:
        """Whether it is about a discrepancy of the item."""
        about = (c.DiscrepancyOpened, c.DiscrepancySigned, c.DiscrepancyOverdue, c.DiscrepancyClosed)
        return isinstance(fact, about) and fact.number in self._discrepancies

    def _follow(self, fact: f.Fact) -> None:
        """A number or a code that was joined to an item makes that item the wanted one, too; so does a parcel with it."""
        if isinstance(fact, f.ItemExpected):
            number, item = fact.line.waybill, fact.line.item
        elif isinstance(fact, f.WaybillAssigned):
            number, item = fact.waybill, fact.item
        elif isinstance(fact, k.ParcelProven):
            number, item = (self.wanted if self.items.intersection(fact.items) else ""), fact.items[0]
        elif isinstance(fact, f.ObjectSeen):
            number, item = fact.code, fact.item
        elif isinstance(fact, c.DiscrepancyOpened):
            if fact.subject in self.items:
                self._discrepancies.add(fact.number)
            return
        else:
            return
        if number == self.wanted:
            self.items.add(item)


def describe(fact: f.Fact) -> tuple[str, str]:
    """A fact in words: what happened, and the particulars."""
    tell = _TELL.get(type(fact))
    return (type(fact).__name__, _fields(fact)) if tell is None else tell(fact)


def _fields(entry: Any) -> str:
    return " ".join(f"{name}={value}" for name, value in msgspec.structs.asdict(entry).items() if name != "item")


def _routed(fact: f.Routed) -> str:
    rule = f", rule {fact.rule}" if fact.rule else ""
    group = f", group {fact.group}" if fact.group else ""
    plan = f", plan {fact.plan}" if fact.plan else ""
    return f"to lane {fact.lane} of {fact.plc}: {fact.reason}{rule}{group}{plan}"


def _diverted(fact: f.Diverted) -> str:
    disposition = f", disposition {fact.disposition}" if fact.disposition else ""
    return f"into lane {fact.lane} of {fact.plc}{disposition}"


def _expected(fact: f.ItemExpected) -> str:
    line = fact.line
    where = line.outlet or f"{line.destination:06d}"
    return f"{line.mail_class} of {line.agency} for {where} by {line.service}, manifest {fact.manifest}"


def _sealed(fact: f.ParcelSealed) -> str:
    return f"at {fact.plc}, {fact.grams} g, label {fact.label}{': ' + fact.reason if fact.reason else ''}"


def _act(fact: f.ActTaken | f.ActRefused) -> str:
    verdict = fact.act.removeprefix("hand_")
    why = f"; refused: {REFUSALS[fact.why]}" if isinstance(fact, f.ActRefused) else ""
    return f"{verdict} by {fact.person} as {fact.role}: {fact.reason}{why}"


def _released(fact: k.CellReleased) -> str:
    whereto = f"at outlet {fact.outlet}" if fact.outlet else "at the hand station"
    of = "letters" if fact.case.startswith("+") else "case"
    return f"{whereto} from cell {fact.cell} of {fact.plc}, {of} {fact.case}{': ' + fact.reason if fact.reason else ''}"


def _proven(fact: k.ParcelProven) -> str:
    part = f", part {fact.part}" if fact.part else ""
    of = "letters" if fact.case.startswith("+") else "case"
    return f"{of} {fact.case}{part} under {fact.waybill}: {', '.join(fact.items)}"


def _with_parcel(waybill: str) -> str:
    return f" with parcel {waybill}" if waybill else ""


def _late(fact: f.DecisionLate) -> str:
    return f"{fact.by_us / 1e3:.0f} ms after the deadline of lane {fact.lane}; the PLC's fallback stands"


_PARTED = {
    "wait_over": "they did not wait any longer",
    "plan": "the plan in force does not have it leave with them",
    "others_gone": "they are gone",
    "no_way": "no cell was free, or no lane to it",
}
"""Why a letter is of its set no more."""

_TELL: dict[type, Callable[[Any], tuple[str, str]]] = {
    f.ItemExpected: lambda x: ("expected", _expected(x)),
    f.Moved: lambda x: ("moved", f"{x.source} -> {x.target}"),
    f.ItemSeen: lambda x: ("scanned", f"by {x.plc}, track {x.track}"),
    f.Routed: lambda x: ("routed", _routed(x)),
    f.DecisionLate: lambda x: ("late", _late(x)),
    f.Diverted: lambda x: ("diverted", _diverted(x)),
    WentRound: lambda x: ("went round", f"{x.plc}, lap {x.lap}"),
    f.WrongLane: lambda x: ("wrong lane", f"asked for {x.asked}, seen in {x.seen} of {x.plc}"),
    f.JobBegun: lambda x: ("parcel begun", f"at {x.plc}, infeed {x.infeed}, waybill {x.waybill}, job {x.job}"),
    k.StoreBegun: lambda x: ("to be stored", f"in cell {x.cell} of {x.plc}{': ' + x.reason if x.reason else ''}"),
    k.DocumentStored: lambda x: ("stored", f"in cell {x.cell} of {x.plc}{': ' + x.reason if x.reason else ''}"),
    k.CellReleased: lambda x: ("laid out", _released(x)),
    k.CaseOverdue: lambda x: ("case overdue", f"{x.case}: {x.missing} missing, {x.policy}"),
    k.CaseSplit: lambda x: ("part of a case", f"{x.case}, part {x.part}, {len(x.items)} documents"),
    k.LettersGathered: lambda x: ("to leave with others", f"letters {x.case} by rule {x.rule or '-'}: {', '.join(x.items)}"),
    k.LetterJoined: lambda x: ("to leave with others", f"letters {x.case}"),
    k.LettersParted: lambda x: ("leaves without the others", f"letters {x.case}: {_PARTED[x.reason]}"),
    k.JobJoined: lambda x: ("joins a parcel", f"at {x.plc}, job {x.job}"),
    k.ParcelProven: lambda x: ("parcel proven", _proven(x)),
    f.DocumentFed: lambda x: ("fed", f"at {x.plc}, job {x.job}{': ' + x.reason if x.reason else ''}"),
    f.ParcelSealed: lambda x: ("sealed", _sealed(x)),
    f.ParcelRejected: lambda x: ("put out", f"at {x.plc}: {x.reason}"),
    f.ParcelDropped: lambda x: ("bagged", f"in {x.bag} at position {x.position}"),
    f.ParcelTurnedOut: lambda x: ("turned out", x.reason),
    f.BagClosed: lambda x: ("bag closed", f"{x.bag} for {x.destination}, seal {x.seal}, {len(x.items)} parcels"),
    f.ActTaken: lambda x: ("verdict", _act(x)),
    f.ActRefused: lambda x: ("no verdict", _act(x)),
    f.ItemWithdrawn: lambda x: ("withdrawn", "its agency wants it back"),
    f.CodedByHand: lambda x: ("coded by hand", f"{x.provisional} is {x.item}"),
    f.SentToHand: lambda x: ("to the hand station", x.reason),
    c.DiscrepancyOpened: lambda x: ("discrepancy", f"{x.number}: {x.cause}, opened by {x.opener}"),
    c.DiscrepancySigned: lambda x: ("discrepancy signed", f"{x.number}: {x.finding}, by {x.person}"),
    c.DiscrepancyOverdue: lambda x: ("discrepancy overdue", f"{x.number}"),
    c.DiscrepancyClosed: lambda x: ("discrepancy closed", f"{x.number}: {x.finding}, by {x.first} {x.second}".rstrip()),
    f.ItemLost: lambda x: ("lost", f"last seen {x.place}: {x.reason}"),
    f.ItemFound: lambda x: ("found", x.at),
    r.ReceiptAwaited: lambda x: ("receipt awaited", ""),
    r.ReceiptOverdue: lambda x: ("receipt overdue", ""),
    r.ReceiptReturned: lambda x: ("receipt returned", (f"by file {x.file}" if x.file else "by hand") + _with_parcel(x.waybill)),
    r.ReceiptGivenUp: lambda x: ("receipt given up", _with_parcel(x.waybill)),
}

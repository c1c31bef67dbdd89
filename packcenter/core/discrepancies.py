"""
Discrepancies 差异: what the books cannot explain, who opened it, by when it is to be closed, and by whom (A8, O2).

    a fact of the step -> is one open for this cause and subject? -> yes: it covers this, too
                                                                  -> no: opened, by packcenter, with its deadline
    open -> closed by one person, or by itself when the hall's own facts explain it
    open -> signed by one -> closed by another        on ID documents, and on what nobody has identified
    open -> overdue -> closed as above

When is one closed by itself? When what was missing is seen again, or an object turns out to be an announced item. **Never one
on an ID document**: that it lies where a machine says is a reason for a person to look, not to stop looking. An object
without identity may be an ID document; it takes two people, too, unless it gets the identity that it lacks: then there
is nothing left to explain (the item that was missed meanwhile has a discrepancy of its own).

Whoever opened one never closes it. One is open for a cause and a subject at most, so what is kept is bounded by
what is in the books; a closed one leaves the state, and the journal has it. As alarms, discrepancies decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from packcenter.core import bags
from packcenter.core import custody_facts as c
from packcenter.core import facts as f
from packcenter.core.acts import answer
from packcenter.core.alarm_table import Text
from packcenter.core.inputs import CustodyRulesGiven, DiscrepancyJudged, DiscrepancyReported
from packcenter.core.lifecycle import FINAL
from packcenter.core.state import Item
from packcenter.core.turn import Turn
from packcenter.core.words import Finding, Role

VERSION = 1
"""Of these rules: another one opens or closes other discrepancies by itself."""

OURS = "packcenter"
"""The opener of what no person reported; no staff number is like it."""

CAUSES: dict[str, Text] = {
    "lost": Text("nobody sees the item any more", "邮件去向不明"),
    "turned_up": Text("an item was seen again after it had been given up", "已放弃查找的邮件重新出现"),
    "unknown": Text("a readable object that no manifest announces", "可识读但无清单的物件"),
    "no_read": Text("an object that no reader could read", "无法识读的物件"),
    "multiple_codes": Text("an object on which several codes were read", "读到多个条码的物件"),
    "duplicate": Text("a code was read while its item is in custody elsewhere", "条码重复：该邮件已在库"),
    "ghost": Text("an object on a belt that nobody had tracked", "输送线上来源不明的物件"),
    "wrong_document": Text("a bagger fed another document than the one that stood there", "装袋机送入了另一份证件"),
    "double_feed": Text("a bagger fed two documents at once", "装袋机一次送入两份证件"),
    "gap": Text("events of a PLC are missing", "PLC 事件缺失"),
    "memory_lost": Text("a PLC forgot what it had done and not told", "PLC 内存丢失，部分动作未上报"),
    "quarantined": Text("an event made the controller fail, and was not decided on", "事件使控制器失败，未作处理"),
    "count_differs": Text("people counted another number than the books have", "清点数与账面数不符"),
    "missing": Text("a person does not find an item where the books have it", "账面位置找不到邮件"),
    "surplus": Text("a person found an item where the books do not have it", "发现账外邮件"),
    "damaged": Text("a person found an item damaged", "发现邮件破损"),
}
"""Every cause, and what it means."""

REPORTED = ("missing", "surplus", "damaged")
"""Causes that a person can give."""

_MINUTE_US = 60_000_000

Saying = tuple[str, str, str]
"""Cause, subject, and what it was found to be ("": it is open)."""


def on_rules_given(turn: Turn, given: CustodyRulesGiven) -> None:
    """
    Discrepancies are recorded from here on, first of all for what is lost or nameless already. Rules that this release has
    not are none.
    """
    before = turn.state.custody_rules
    turn.emit(c.CustodyRulesAdopted(given.version if given.version == VERSION else 0, given.minutes, given.secure_minutes))
    if before or not turn.state.custody_rules:
        return
    for item in turn.state.items.values():
        if item.place == "lost":
            open_one(turn, "lost", item.id)
        elif not item.announced and item.place not in ("outside", *FINAL):
            kind = item.id[1:].partition(":")[0]
            open_one(turn, kind if kind in CAUSES else "unknown", item.id)


def look(turn: Turn) -> None:
    """Open what the facts of this step cannot explain, and close what they do."""
    for fact in tuple(turn.facts):
        rule = RULES.get(type(fact))
        for cause, subject, finding in rule(turn, fact) if rule is not None else ():
            if finding:
                _explain(turn, cause, subject, finding)
            else:
                open_one(turn, cause, subject)


def open_one(turn: Turn, cause: str, subject: str, opener: str = OURS) -> None:
    """Open a discrepancy, unless one is open for this cause and subject already."""
    state = turn.state
    if f"{cause}/{subject}" in state.discrepancy_of:
        return
    two = takes_two(turn, cause, subject)
    minutes = state.secure_minutes if two else state.discrepancy_minutes
    due_us = turn.at_us + minutes * _MINUTE_US
    turn.emit(c.DiscrepancyOpened(state.discrepancy_serial + 1, cause, subject, opener, two, due_us))


def takes_two(turn: Turn, cause: str, subject: str) -> bool:
    """Whether it is about an ID document, or may be: of what nobody has identified the worst is thought."""
    if cause == "count_differs":
        return _is_secure(turn, subject.split("/")[1])
    item = turn.state.items.get(subject)
    return item is not None and _is_secure(turn, item.mail_class)


def _is_secure(turn: Turn, mail_class: str) -> bool:
    known = turn.index.classes.get(mail_class)
    return known is None or known.secure


def _explain(turn: Turn, cause: str, subject: str, finding: str) -> None:
    """Close one by itself, if it is one of those that can be."""
    number = turn.state.discrepancy_of.get(f"{cause}/{subject}")
    if number is None:
        return
    if finding == "identified" or not turn.state.discrepancies[number].two:
        turn.emit(c.DiscrepancyClosed(number, finding, OURS, ""))


# --- what a fact says -------------------------------------------------------------------------------------------------


def _lost(turn: Turn, fact: f.ItemLost) -> Iterator[Saying]:
    if turn.item(fact.item).place == "lost":  # else the same step found it
        yield "lost", fact.item, ""


def _found(turn: Turn, fact: f.ItemFound) -> Iterator[Saying]:
    """What is seen again; what had been given up by people is a riddle: it may have been made anew."""
    if turn.item(fact.item).place in ("lost", "outside"):
        return  # or has its identity now
    if f"lost/{fact.item}" in turn.state.discrepancy_of:
        yield "lost", fact.item, Finding.FOUND
    else:
        yield "turned_up", fact.item, ""


def _object(turn: Turn, fact: f.ObjectSeen) -> Iterator[Saying]:
    yield fact.reason, fact.item, ""


def _moved(turn: Turn, fact: f.Moved) -> Iterator[Saying]:
    """An object that leaves the books is an announced item, by its code or by a person's word; that does not make it whole."""
    if fact.target == "outside":
        for cause in CAUSES:
            if cause != "damaged":
                yield cause, fact.item, "identified"


def _suspected(turn: Turn, fact: f.Suspected) -> Iterator[Saying]:
    cause = {"not_the_one_expected": "wrong_document", "double_feed": "double_feed"}.get(fact.reason)
    if cause is not None and turn.item(fact.item).announced:
        yield cause, fact.item, ""


def _gap(turn: Turn, fact: f.GapSeen) -> Iterator[Saying]:
    yield "gap", fact.plc, ""


def _epoch(turn: Turn, fact: f.EpochGranted) -> Iterator[Saying]:
    if fact.epoch > 1:
        yield "memory_lost", fact.plc, ""


def _quarantined(turn: Turn, fact: f.QuarantineNoted) -> Iterator[Saying]:
    yield "quarantined", fact.plc, ""


RULES: dict[type, Callable[[Turn, Any], Iterator[Saying]]] = {
    f.ItemLost: _lost,
    f.ItemFound: _found,
    f.ObjectSeen: _object,
    f.Moved: _moved,
    f.Suspected: _suspected,
    f.GapSeen: _gap,
    f.EpochGranted: _epoch,
    f.QuarantineNoted: _quarantined,
}
"""Which facts the books cannot explain, or explain them."""


# --- time and people --------------------------------------------------------------------------------------------------


def on_due(turn: Turn, number: int) -> None:
    """It should be closed by now."""
    turn.emit(c.DiscrepancyOverdue(number))


def on_reported(turn: Turn, act: DiscrepancyReported) -> None:
    """
    A person says that something is not as the books have it. The books stay as they are: a machine's word is better. What is
    damaged must not leave.
    """
    if act.cause not in REPORTED:
        why = "cause"
    elif act.subject not in turn.state.items:
        why = "unknown_item"
    elif act.cause != "surplus" and turn.item(act.subject).place in ("outside", *FINAL):
        why = "gone"
    elif f"{act.cause}/{act.subject}" in turn.state.discrepancy_of:
        why = "open_already"
    else:
        why = "" if turn.state.custody_rules else "no_discrepancies"
    if answer(turn, act, "discrepancy_report", act.subject, why):
        open_one(turn, act.cause, act.subject, act.person)
        if act.cause == "damaged":
            bags.hold_back(turn, turn.item(act.subject), "damaged")


def on_judged(turn: Turn, act: DiscrepancyJudged) -> None:
    """
    A person says what became of a discrepancy, and closes it thereby; where two have to, the first one signs, and another
    one who finds the same closes it. Another finding begins anew.
    """
    known = act.finding in list(Finding)
    if not answer(turn, act, f"discrepancy_{act.finding}", str(act.number), _why_not(turn, act) if known else "unknown_act"):
        return
    discrepancy = turn.state.discrepancies[act.number]
    if not discrepancy.two:
        turn.emit(c.DiscrepancyClosed(act.number, act.finding, act.person, ""))
    elif discrepancy.signed_by in ("", act.person) or discrepancy.finding != act.finding:
        turn.emit(c.DiscrepancySigned(act.number, act.finding, act.person))
    else:
        turn.emit(c.DiscrepancyClosed(act.number, act.finding, discrepancy.signed_by, act.person))


def _why_not(turn: Turn, act: DiscrepancyJudged) -> str:
    discrepancy = turn.state.discrepancies.get(act.number)
    if discrepancy is None:
        return "no_discrepancy"
    if act.person in (discrepancy.opener, OURS):
        return "opener"
    if discrepancy.cause == "count_differs" and act.role != Role.SUPERVISOR:
        return "supervisor"
    if (discrepancy.signed_by, discrepancy.finding) == (act.person, act.finding):
        return "signed_already"
    item = turn.state.items.get(discrepancy.subject)
    return _why_untrue(item, act.finding)


def _why_untrue(item: Item | None, finding: str) -> str:
    """A finding that the books themselves deny is no finding."""
    if finding == Finding.EXPLAINED:
        return ""
    if item is None:
        return "no_item"
    is_lost = item.place == "lost"
    if finding == Finding.FOUND:
        return "still_missing" if is_lost else ""
    return "" if is_lost else "not_missing"

"""
Machines that say that they were told nothing (N1): an item passed a sorter's decision point, or a parcel came to the rack, and
the machine had no order for it, though one is open that was given since its link came up.

    such an event            -> AnswerMissed, in its own record, and in no other
    the sixth in ten minutes -> command_unanswered is told, unless the link was lost in between
"""

from __future__ import annotations

from typing import Final

from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court

_NO_ANSWER: Final = 1
_NO_ORDER: Final = 1


def before_confirmed(court: Court, bench: Bench) -> None:
    """An eye saw an item that fell back because nothing was decided; a Divert for its track is open."""
    plc, track, disposition = bench.happened[1], bench.happened[4], bench.happened[6]
    if disposition == _NO_ANSWER and track in court.machines[plc].tracks:
        _note(bench, plc, _told(court, plc, "Divert", 3, track))


def before_dropped(court: Court, bench: Bench) -> None:
    """The rack turned a parcel out for want of an order; a Drop for its label is open."""
    plc, reason, label = bench.happened[1], bench.happened[5], bench.happened[7]
    if reason == _NO_ORDER:
        _note(bench, plc, _told(court, plc, "Drop", 4, label))


def _told(court: Court, plc: str, name: str, at: int, about: object) -> bool:
    """Whether an order about this is open that was given since the link came up."""
    since = court.alarms.told_from.get(plc, 0)
    return any(each[0] == name and each[at] == about and each[2] > since for each in court.machines[plc].asked.values())


def _note(bench: Bench, plc: str, asked: bool) -> None:
    if asked and bench.state == "taken":
        bench.missed = plc


def answer_missed(court: Court, bench: Bench, fact: Said) -> None:
    """It is said of what this record moves past that machine."""
    moved = [each[1] for each in (*bench.said.get("Moved", ()), *bench.said.get("WentRound", ()))]
    if fact[2] not in moved:
        court.blame("N1", f"{fact[2]} is said to have passed {fact[1]} without an answer, and did not")


def after_record(court: Court, bench: Bench) -> None:
    """What a machine missed is said where alarms are raised, once, and nothing else is."""
    said = [fact[1] for fact in bench.said.get("AnswerMissed", ())]
    due = [bench.missed] if bench.missed and court.alarms.table and "EventSetAside" not in bench.said else []
    if said != due:
        court.blame("N1", f"{said} are said to have missed an answer in the record of {bench.name}, expected {due}")

"""Mutants of a day on which machines take no commands; `mutants` has those of all others."""

from __future__ import annotations

from days import DEAF
from mutants import Records, cut_after, drop_said, mutant, nth, said
from mutants_loops import of_track


@mutant("N1", "a sorter says that it was told nothing, though it was, and that is not said", DEAF)
def _(records: Records) -> None:
    passed = of_track(records, "DivertConfirmed", 1)
    drop_said(passed, "AnswerMissed")
    cut_after(records, passed)


@mutant("N1", "a sorter that was told nothing is said to have missed it", DEAF)
def _(records: Records) -> None:
    passed = of_track(records, "DivertConfirmed", 7)
    passed.facts.insert(0, ["AnswerMissed", "sorter-1", "NJ0007"])
    cut_after(records, passed)


@mutant("N1", "a missed answer is said of an item that did not pass", DEAF)
def _(records: Records) -> None:
    passed = of_track(records, "DivertConfirmed", 1)
    said(passed, "AnswerMissed")[2] = "NJ0002"
    cut_after(records, passed)


@mutant("N1", "the rack says that it had no order, though it had, and that is not said", DEAF)
def _(records: Records) -> None:
    dropped = nth(records, "Dropped")
    drop_said(dropped, "AnswerMissed")
    cut_after(records, dropped)


@mutant("N1", "six missed answers within ten minutes are no alarm", DEAF)
def _(records: Records) -> None:
    drop_said(of_track(records, "DivertConfirmed", 6), "AlarmRaised")


@mutant("N1", "five missed answers are called too many", DEAF)
def _(records: Records) -> None:
    passed = of_track(records, "DivertConfirmed", 5)
    passed.facts.append(["AlarmRaised", "command_unanswered", "sorter-1", "AnswerMissed", True])
    cut_after(records, passed)

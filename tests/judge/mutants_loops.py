"""Mutants of a day on which items go round; `mutants` has those of all others."""

from __future__ import annotations

from days import LOOPS, RATES
from mutants import Records, cut_after, drop_said, mutant, nth, said
from writer import Record


def of_track(records: Records, name: str, track: int) -> Record:
    """The record of an input about this track."""
    return next(each for each in records if each.happened[0] == name and each.happened[4] == track)


@mutant("R9", "an item goes round once more than it may", LOOPS)
def _(records: Records) -> None:
    record = of_track(records, "Scanned", 7)
    routed, divert = said(record, "Routed"), said(record, "Divert")
    routed[3], routed[6], divert[4] = 0, "round", 0
    drop_said(record, "SentToHand")
    cut_after(records, record)


@mutant("R9", "a lap is not counted", LOOPS)
def _(records: Records) -> None:
    record = of_track(records, "DivertConfirmed", 5)
    said(record, "WentRound")[3] = 1
    cut_after(records, record)


@mutant("R9", "what was not read as announced goes round", LOOPS, "A7")
def _(records: Records) -> None:
    record = nth(records, "Scanned")
    record.happened[6] = said(record, "ItemSeen")[4] = 8
    cut_after(records, record)


@mutant("G3", "an item goes round though its lane is open and has room", LOOPS)
def _(records: Records) -> None:
    record = of_track(records, "Scanned", 6)
    routed, divert = said(record, "Routed"), said(record, "Divert")
    round_ = of_track(records, "Scanned", 2)
    routed[3], routed[5], routed[6], divert[4] = 0, "", "round", 0
    late_us = said(round_, "Routed")[7] - round_.at_us
    routed[7] = record.at_us + late_us
    divert[6] += said(round_, "Divert")[6] - 65536 - round_.happened[10] - (divert[6] - 65536 - record.happened[10])
    cut_after(records, record)


@mutant("G3", "an item that goes round is decided on by no rule", LOOPS)
def _(records: Records) -> None:
    record = nth(records, "Scanned")
    said(record, "Routed")[4] = "another"
    cut_after(records, record)


@mutant("R7", "the eye saw an item pass, and nothing follows", LOOPS)
def _(records: Records) -> None:
    record = nth(records, "DivertConfirmed")
    drop_said(record, "WentRound", "CommandAnswered")
    cut_after(records, record)


@mutant("T2", "an item that goes round is waited for no longer than it was", LOOPS)
def _(records: Records) -> None:
    record = nth(records, "DivertConfirmed")
    said(record, "WentRound")[4] = record.at_us
    cut_after(records, record)


@mutant("E12", "an item that goes round outlives the memory of its PLC", LOOPS)
def _(records: Records) -> None:
    record = nth(records, "LinkUp", -1)
    drop_said(record, "ItemLost", "Moved")
    cut_after(records, record)


@mutant("R9", "too many items are on a loop, and its infeed is not held", LOOPS)
def _(records: Records) -> None:
    record = of_track(records, "Scanned", 4)
    drop_said(record, "InfeedHeld", "SetPlace")
    cut_after(records, record)


@mutant("R9", "the infeed of a loop is held, and its PLC is not told", LOOPS)
def _(records: Records) -> None:
    record = of_track(records, "Scanned", 4)
    drop_said(record, "SetPlace")
    cut_after(records, record)


@mutant("R9", "the infeed of a loop is not let go when there is room", LOOPS)
def _(records: Records) -> None:
    record = next(each for each in records if ["InfeedHeld", "sorter-2", False] in [fact[:3] for fact in each.facts])
    drop_said(record, "InfeedHeld", "SetPlace")
    cut_after(records, record)


@mutant("R9", "the infeed of a loop is held, and nobody said why", LOOPS)
def _(records: Records) -> None:
    record = of_track(records, "Scanned", 2)
    number = said(record, "Divert")[2] + 1
    record.commands.append(["SetPlace", "sorter-2", number, 0, False])
    cut_after(records, record)


@mutant("R2", "a lane gets more items than it takes in a minute", RATES)
def _(records: Records) -> None:
    record, free = of_track(records, "Scanned", 3), of_track(records, "Scanned", 1)
    routed = said(record, "Routed")
    record.facts[record.facts.index(routed)] = [*routed[:3], *said(free, "Routed")[3:7], record.at_us + 1_800_000, *routed[8:]]
    drop_said(record, "SentToHand")
    divert = said(record, "Divert")
    divert[4] = 1
    divert[6] = 65536 + (record.happened[10] + 1890) % 65536
    cut_after(records, record)


@mutant("G3", "an item is kept out of a lane for a rate that it does not have", RATES)
def _(records: Records) -> None:
    record, full = of_track(records, "Scanned", 2), of_track(records, "Scanned", 3)
    routed = said(record, "Routed")
    routed[3], routed[5], routed[6], routed[7] = 9, "", "rate", record.at_us + 5_800_000
    record.facts.append(["SentToHand", "NJ0002", "rate"])
    divert = said(record, "Divert")
    divert[4] = 9
    divert[6] = 65536 + (record.happened[10] + 5890) % 65536
    assert said(full, "Routed")[6] == "rate"
    cut_after(records, record)

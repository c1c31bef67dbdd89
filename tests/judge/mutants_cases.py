"""Mutants of days with cases: what is gathered, laid out and packed together (`mutants` says what a mutant is)."""

from __future__ import annotations

from days import CASES, CELLS, COUNTERS, EYE
from mutants import Records, cut_after, drop_said, mutant, nth, said


@mutant("B1", "a document goes into the cell of another case", CASES, "B4")
def _(records: Records) -> None:
    stored = nth(records, "Stored", about="NB3")
    stored.happened[5] = 1
    stored.happened[7] = 2
    said(stored, "DocumentStored")[4] = 1
    said(stored, "Moved")[3] = "cell/cases-1/1"
    drop_said(stored, "CaseDueSet")
    cut_after(records, stored)
    begun = nth(records, "DivertConfirmed", fact="StoreBegun", number=1)
    said(begun, "StoreBegun")[5] = said(begun, "Store")[4] = 1


@mutant("B1", "a cell is given to a second case", CASES)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="NB3")
    said(scan, "CellReserved")[3] = 1
    cut_after(records, scan)


@mutant("B2", "a case is laid out as complete while a document of it is missing", CASES)
def _(records: Records) -> None:
    tick = nth(records, "Tick")
    drop_said(tick, "CaseSplit")
    said(tick, "ReleaseBegun")[6] = "complete"
    cut_after(records, tick)


@mutant("B2", "a part of a case is laid out, and nobody says what is in it", CASES)
def _(records: Records) -> None:
    tick = nth(records, "Tick")
    drop_said(tick, "CaseSplit")
    cut_after(records, tick)


@mutant("B2", "a part of a case is laid out though it is not overdue", CASES)
def _(records: Records) -> None:
    tick = nth(records, "Tick")
    drop_said(tick, "CaseOverdue")
    cut_after(records, tick)


@mutant("T2", "a case is called overdue before its time", CASES)
def _(records: Records) -> None:
    tick = nth(records, "Tick")
    at = next(at for at, each in enumerate(records) if each is tick)
    records[at] = tick._replace(at_us=tick.at_us - 1, mono_us=tick.mono_us - 1, wall_us=tick.wall_us - 1)
    cut_after(records, records[at])


@mutant("B2", "a case is said to miss what is there", CASES)
def _(records: Records) -> None:
    tick = nth(records, "Tick")
    said(tick, "CaseOverdue")[3] = 2
    cut_after(records, tick)


@mutant("B2", "a case that may leave in parts waits for ever by what is said", CASES)
def _(records: Records) -> None:
    tick = nth(records, "Tick")
    said(tick, "CaseOverdue")[2] = "wait"
    drop_said(tick, "CaseSplit", "ReleaseBegun", "Release")
    cut_after(records, tick)


@mutant("B2", "a case is due at another time than its type says", CASES)
def _(records: Records) -> None:
    stored = nth(records, "Stored", about="NB3")
    said(stored, "CaseDueSet")[2] += 60_000_000
    cut_after(records, stored)


@mutant("B1", "a pouch is sealed with one of the two documents that were laid out", CASES)
def _(records: Records) -> None:
    fed = nth(records, "Fed", about="NB2")
    fed.facts.append(["VerdictGiven", "bagger-2", 1, 2, True])
    fed.commands.append(["SealParcel", "bagger-2", 2, "EA000000014CN"])
    fed.facts.append(["CommandAnswered", "bagger-2", 1, 0])
    cut_after(records, fed)


@mutant("B2", "a pouch is begun for a part of what was laid out", CASES)
def _(records: Records) -> None:
    released = nth(records, "Released")
    drop_said(released, "JobJoined")
    said(released, "BeginParcel")[4] = 1
    fed = nth(records, "Fed", about="NB1")
    at = next(at for at, each in enumerate(records) if each is fed)
    del records[at - 1]
    fed.happened[3] -= 1
    said(fed, "EventTaken")[3] -= 1
    cut_after(records, fed)


@mutant("B2", "a parcel of two documents is sealed without its proof", CASES)
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    drop_said(packed, "ParcelProven")
    cut_after(records, packed)


@mutant("B2", "the proof of a parcel lists one document of two", CASES)
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    said(packed, "ParcelProven")[6] = ["NB1"]
    cut_after(records, packed)


@mutant("A1", "only the document with the waybill is sealed, the other stays in the pouch", CASES)
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    packed.facts.remove(["Moved", "NB2", "pack/bagger-2", "rack"])
    cut_after(records, packed)


@mutant("A1", "only the document with the waybill falls into the bag", CASES)
def _(records: Records) -> None:
    dropped = nth(records, "Dropped")
    dropped.facts.remove(["Moved", "NB2", "rack", "bag/NJ-01-000001"])
    cut_after(records, dropped)


@mutant("B4", "another code is read at the case rack, and the document counts as proven", CASES)
def _(records: Records) -> None:
    stored = nth(records, "Stored", about="NB3")
    stored.happened[8] = "NB2"
    cut_after(records, stored)


@mutant("B4", "a document is stored in another cell than the rack says", CASES)
def _(records: Records) -> None:
    stored = nth(records, "Stored", about="NB3")
    stored.happened[5] = 1
    cut_after(records, stored)


@mutant("E9", "a document is stored, and the command stays open", CASES)
def _(records: Records) -> None:
    stored = nth(records, "Stored", about="NB3")
    drop_said(stored, "CommandAnswered")
    cut_after(records, stored)


@mutant("E6", "a case rack that cannot be heard is asked to store", CASES)
def _(records: Records) -> None:
    confirmed = nth(records, "DivertConfirmed", fact="StoreBegun")
    confirmed.facts.insert(0, ["MachineEntered", "cases-1", 11, 0, 0])
    cut_after(records, confirmed)


@mutant("B6", "a document that was not read lies in a cell that is trusted", CELLS)
def _(records: Records) -> None:
    stored = nth(records, "Stored")
    drop_said(stored, "CellSuspected", "ReleaseBegun", "Release")
    cut_after(records, stored)


@mutant("B6", "another count than in the books, and the cell is trusted", CELLS)
def _(records: Records) -> None:
    stored = nth(records, "Stored", about="NB4")
    stored.happened[7] = 3
    cut_after(records, stored)


@mutant("E12", "the rack lost its memory, and what is in its cells is trusted", CELLS)
def _(records: Records) -> None:
    link_up = nth(records, "LinkUp", fact="CellSuspected")
    drop_said(link_up, "CellSuspected")
    cut_after(records, link_up)


@mutant("B4", "a cell is emptied into another outlet than the rack says", CELLS, "A1")
def _(records: Records) -> None:
    released = nth(records, "Released")
    said(released, "CellReleased")[4] = 1
    cut_after(records, released)


@mutant("A1", "a cell is emptied, and what was in it stays there in the books", CELLS)
def _(records: Records) -> None:
    released = nth(records, "Released")
    drop_said(released, "Moved", "SentToHand")
    cut_after(records, released)


@mutant("B6", "a cell that cannot count right is emptied again and again", COUNTERS)
def _(records: Records) -> None:
    released = nth(records, "Released", 2)
    released.facts.append(["ReleaseBegun", "cases-1", 6, 1, 0, "", "cell_counter"])
    released.commands.append(["Release", "cases-1", 6, 1, 0])
    cut_after(records, released)


@mutant(
    "B6", "a cell counts something though it is empty, the second time running, and goes on being doubted as before", COUNTERS
)
def _(records: Records) -> None:
    released = nth(records, "Released", 2)
    said(released, "CellSuspected")[4] = "still_counts"
    drop_said(released, "AlarmRaised")
    cut_after(records, released)


@mutant("B6", "a cell counts something though it is empty, and is free", COUNTERS)
def _(records: Records) -> None:
    released = nth(records, "Released", 1)
    drop_said(released, "CellSuspected", "ReleaseBegun", "Release")
    cut_after(records, released)


@mutant("B6", "a cell is given up the first time that something was left in it", COUNTERS)
def _(records: Records) -> None:
    released = nth(records, "Released", 1)
    said(released, "CellSuspected")[4] = "cell_counter"
    drop_said(released, "ReleaseBegun", "Release")
    released.facts.append(["AlarmRaised", "cell_counter", "cases-1/1", "CellSuspected", False])
    cut_after(records, released)


@mutant("B6", "a cell that counted more than it was emptied of is free", COUNTERS)
def _(records: Records) -> None:
    released = nth(records, "Released", 5)
    drop_said(released, "CellSuspected", "ReleaseBegun", "Release")
    cut_after(records, released)


@mutant("B6", "a cell that counted more than it was emptied of, and is empty, is free", COUNTERS)
def _(records: Records) -> None:
    ended = nth(records, "CommandEnded")
    drop_said(ended, "CellSuspected", "AlarmRaised")
    cut_after(records, ended)


@mutant("B6", "the rack stopped, and a cell that somebody may have mended is not tried", COUNTERS)
def _(records: Records) -> None:
    stopped = nth(records, "MachineChanged", fact="CellTriedAnew")
    drop_said(stopped, "CellTriedAnew")
    cut_after(records, stopped)


@mutant("B6", "a cell that cannot count right is tried anew though the rack never stopped", COUNTERS)
def _(records: Records) -> None:
    stopped = nth(records, "MachineChanged", fact="CellTriedAnew")
    stopped.happened[4:6] = said(stopped, "MachineEntered")[2:4] = [6, 0]
    cut_after(records, stopped)


@mutant("N1", "a cell cannot count right, and nobody is told", COUNTERS)
def _(records: Records) -> None:
    released = nth(records, "Released", 2)
    drop_said(released, "AlarmRaised")
    cut_after(records, released)


@mutant("N1", "a cell counts right again, and its alarm stands", COUNTERS)
def _(records: Records) -> None:
    released = nth(records, "Released", 4)
    drop_said(released, "AlarmCleared")
    cut_after(records, released)


@mutant("B6", "fewer come out of a cell than were in it, it is empty, and it is free", COUNTERS)
def _(records: Records) -> None:
    first, second = nth(records, "Released", 0), nth(records, "Released", 1)
    first.happened[7] = 1
    said(first, "CellSuspected")[4] = said(first, "ReleaseBegun")[6] = "counts_differ"
    second.happened[7] = 0
    said(second, "CellReleased")[7] = "counts_differ"
    drop_said(second, "CellSuspected", "ReleaseBegun", "Release")
    cut_after(records, second)


@mutant("N1", "three cells of a rack cannot count right, and each has an alarm of its own", EYE)
def _(records: Records) -> None:
    ended = nth(records, "CommandEnded", 2)
    drop_said(ended, "AlarmRaised", "AlarmSuppressed")
    ended.facts.append(["AlarmRaised", "cell_counter", "cases-1/3", "CellSuspected", False])
    cut_after(records, ended)


@mutant("N1", "a rack is said to count wrongly when the second of its cells does", EYE)
def _(records: Records) -> None:
    ended = nth(records, "CommandEnded", 1)
    said(ended, "AlarmRaised")[1:3] = ["cells_miscount", "cases-1"]
    for cell in (2, 1):
        ended.facts.append(["AlarmSuppressed", "cell_counter", f"cases-1/{cell}", "cells_miscount/cases-1"])
    cut_after(records, ended)


@mutant("N1", "a rack is said to count right again, and one of its cells does not", EYE)
def _(records: Records) -> None:
    released = nth(records, "Released", 5)
    released.facts.append(["AlarmCleared", "cells_miscount", "cases-1"])
    released.facts.append(["AlarmSuppressed", "cell_counter", "cases-1/3", ""])
    released.facts.append(["AlarmRaised", "cell_counter", "cases-1/3", "AlarmSuppressed", False])
    cut_after(records, released)


@mutant("N1", "all cells of a rack count right again, and the rack's alarm stands", EYE)
def _(records: Records) -> None:
    released = nth(records, "Released", 5)
    released.happened[7] = 0
    drop_said(released, "CellSuspected")
    released.facts.append(["AlarmCleared", "cell_counter", "cases-1/3"])
    cut_after(records, released)

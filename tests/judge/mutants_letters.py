"""Mutants of a day on which letters to one addressee leave together (`mutants` says what a mutant is)."""

from __future__ import annotations

from days import LETTERS
from mutants import Records, cut_after, drop_said, mutant, nth, said


@mutant("B1", "letters to two addressees are a set", LETTERS)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="L1")
    said(scan, "LettersGathered")[6] = ["L1", "M2"]
    cut_after(records, scan)


@mutant("B1", "a letter joins the set of another addressee", LETTERS, "B2")
def _(records: Records) -> None:
    told = nth(records, "ManifestReceived", fact="LetterJoined")
    said(told, "LetterJoined")[1] = "+000001"
    cut_after(records, told)


@mutant("B1", "a letter to another addressee joins the parcel of a set", LETTERS, "B3")
def _(records: Records) -> None:
    released = nth(records, "Released")
    said(released, "JobJoined")[3] = "M1"
    cut_after(records, released)


@mutant("B2", "one letter alone is a set, though it could leave alone", LETTERS)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="L1")
    said(scan, "LettersGathered")[6] = ["L1"]
    cut_after(records, scan)


@mutant("B2", "a set has more letters than a cell holds", LETTERS, "G3")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="L1")
    said(scan, "LettersGathered")[6] = ["L1", "L2", "L3", "W1"]
    cut_after(records, scan)


@mutant("G3", "a letter with a number of its own is of a set", LETTERS)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="L1")
    said(scan, "LettersGathered")[6] = ["L1", "W1"]
    cut_after(records, scan)


@mutant("G3", "a document of a secure class is of a set", LETTERS, "B1")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="M1")
    said(scan, "LettersGathered")[6] = ["M1", "C1"]
    cut_after(records, scan)


@mutant("G3", "a set waits for longer than the rule says", LETTERS)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="L1")
    said(scan, "LettersGathered")[3] = 61
    cut_after(records, scan)


@mutant("G3", "a letter leaves alone while others to its addressee come", LETTERS)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="L1")
    drop_said(scan, "LettersGathered", "CellReserved")
    routed, divert = said(scan, "Routed"), said(scan, "Divert")
    routed[3:7] = [2, "near-letters", "letters", "plan"]
    routed[7] -= 1_000_000
    divert[4] = 2
    divert[6] -= 1_000
    cut_after(records, scan)


@mutant("B2", "a letter of a set leaves by another lane", LETTERS)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="L2")
    routed, divert = said(scan, "Routed"), said(scan, "Divert")
    routed[3:7] = [2, "near-letters", "letters", "plan"]
    routed[7] -= 1_000_000
    divert[4] = 2
    divert[6] -= 1_000
    cut_after(records, scan)


@mutant("B2", "the first letter waits for longer than it may", LETTERS)
def _(records: Records) -> None:
    stored = nth(records, "Stored", about="L1")
    said(stored, "CaseDueSet")[2] += 1_000_000
    cut_after(records, stored)


@mutant("T2", "a letter is left behind before the wait is over", LETTERS, "B2")
def _(records: Records) -> None:
    tick = nth(records, "Tick", fact="LettersParted")
    at = next(at for at, each in enumerate(records) if each is tick)
    records[at] = tick._replace(at_us=tick.at_us - 1, mono_us=tick.mono_us - 1, wall_us=tick.wall_us - 1)
    cut_after(records, records[at])


@mutant("B2", "the wait is over, and who is absent is waited for all the same", LETTERS)
def _(records: Records) -> None:
    tick = nth(records, "Tick", fact="LettersParted")
    drop_said(tick, "LettersParted", "ReleaseBegun", "Release")
    cut_after(records, tick)


@mutant("B2", "a set is laid out as complete while one of its letters is missing", LETTERS)
def _(records: Records) -> None:
    tick = nth(records, "Tick", fact="LettersParted")
    drop_said(tick, "LettersParted")
    cut_after(records, tick)


@mutant("B2", "a letter that lies in the cell is left behind", LETTERS, "B1")
def _(records: Records) -> None:
    tick = nth(records, "Tick", fact="LettersParted")
    said(tick, "LettersParted")[2] = ["L3", "L2"]
    cut_after(records, tick)


@mutant("E9", "a set is packed in another pouch than its rule says", LETTERS)
def _(records: Records) -> None:
    released = nth(records, "Released")
    said(released, "BeginParcel")[5] = 1
    cut_after(records, released)


@mutant("B2", "a set of which one letter came leaves without its proof", LETTERS)
def _(records: Records) -> None:
    packed = nth(records, "Packed", 1)
    drop_said(packed, "ParcelProven")
    cut_after(records, packed)


@mutant("D4", "of a parcel's receipt only the first letter is told", LETTERS)
def _(records: Records) -> None:
    told = nth(records, "ReceiptsReceived")
    told.facts[:] = [fact for fact in told.facts if fact[:2] != ["ReceiptReturned", "L2"]]
    cut_after(records, told)


@mutant("D4", "a receipt is said to come with a parcel in which it was not", LETTERS)
def _(records: Records) -> None:
    told = nth(records, "ReceiptsReceived")
    next(fact for fact in told.facts if fact[:2] == ["ReceiptReturned", "L2"])[3] = "EA000000028CN"
    cut_after(records, told)

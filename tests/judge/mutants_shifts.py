"""Mutants of discrepancies and shifts (A2, A8, K1, O2, T4): `mutants` puts them on its list."""

from __future__ import annotations

from days import OVERDUE, SHIFTS
from mutants import Change, Records, Said, cut_after, drop_said, mutant, nth, said
from writer import Record


def opened(records: Records, cause: str) -> tuple[Record, Said]:
    """The record in which the first discrepancy of a cause is opened, and the fact."""
    return next((each, fact) for each in records for fact in each.facts if fact[0] == "DiscrepancyOpened" and fact[2] == cause)


def _not_opened(cause: str) -> Change:
    def change(records: Records) -> None:
        record, fact = opened(records, cause)
        record.facts.remove(fact)
        cut_after(records, record)

    return change


for _cause, _sentence in {
    "turned_up": "what was given up turns up, and that is no discrepancy",
    "no_read": "an object without identity is no discrepancy",
    "duplicate": "a duplicate is no discrepancy",
    "gap": "missing events are no discrepancy",
    "memory_lost": "a forgotten memory is no discrepancy",
    "quarantined": "an event that is set aside is no discrepancy",
}.items():
    mutant("A8", _sentence, SHIFTS)(_not_opened(_cause))


@mutant("A8", "an item is lost, and that is no open discrepancy", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "TrackLost", 1)
    drop_said(record, "DiscrepancyOpened")
    cut_after(records, record)


@mutant("A8", "rules are given, and not adopted", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "CustodyRulesGiven")
    drop_said(record, "CustodyRulesAdopted", "DiscrepancyOpened")
    cut_after(records, record)


@mutant("A8", "other deadlines are adopted than were given", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "CustodyRulesGiven")
    said(record, "CustodyRulesAdopted")[3] = 480
    cut_after(records, record)


@mutant("A8", "what was lost before the rules is no discrepancy", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "CustodyRulesGiven")
    drop_said(record, "DiscrepancyOpened")
    cut_after(records, record)


@mutant("A8", "a discrepancy of an ID document takes one person", SHIFTS)
def _(records: Records) -> None:
    record, fact = opened(records, "no_read")
    fact[5] = False
    cut_after(records, record)


@mutant("A8", "a discrepancy of an ID document is due as late as others", SHIFTS)
def _(records: Records) -> None:
    record, fact = opened(records, "duplicate")
    fact[6] += 360 * 60_000_000
    cut_after(records, record)


@mutant("A8", "a discrepancy has the number of another", SHIFTS)
def _(records: Records) -> None:
    record, fact = opened(records, "gap")
    fact[1] = 3
    cut_after(records, record)


@mutant("A8", "a discrepancy is opened for nothing", SHIFTS)
def _(records: Records) -> None:
    record, fact = opened(records, "gap")
    record.facts.append(["DiscrepancyOpened", fact[1] + 1, "gap", "rack-1", "packcenter", False, fact[6]])
    cut_after(records, record)


@mutant("A8", "a discrepancy that is not open is signed", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged", 1)
    said(record, "DiscrepancySigned")[1] = record.happened[4] = 99
    said(record, "ActTaken")[2] = "99"
    cut_after(records, record)


@mutant("O1", "a discrepancy is signed in another's name", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged", 1)
    said(record, "DiscrepancySigned")[3] = "op-8"
    cut_after(records, record)


@mutant("A8", "one that is lost still is found", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged")
    said(record, "DiscrepancyClosed")[2] = record.happened[5] = "found"
    said(record, "ActTaken")[1] = "discrepancy_found"
    cut_after(records, record)


@mutant("O2", "whoever reported a discrepancy signs it", SHIFTS)
def _(records: Records) -> None:
    record, fact = opened(records, "damaged")
    fact[4] = record.happened[1] = said(record, "ActTaken")[3] = "op-2"
    records.remove(nth(records, "DiscrepancyJudged", about=10))
    cut_after(records, nth(records, "DiscrepancyJudged", about=10))


@mutant("O2", "who counted signs the difference", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged", about=12)
    record.happened[1] = said(record, "ActTaken")[3] = said(record, "DiscrepancySigned")[3] = "op-1"
    cut_after(records, record)


@mutant("A8", "one person closes a discrepancy of an ID document", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged", 1)
    record.facts[:] = [said(record, "ActTaken"), ["DiscrepancyClosed", 4, "found", "op-1", ""]]
    cut_after(records, record)


@mutant("A8", "the same person confirms what they signed", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged", 3)
    record.facts[:] = [
        ["ActTaken", "discrepancy_explained", "4", *record.happened[1:4]],
        ["DiscrepancyClosed", 4, "explained", "op-2", "op-2"],
    ]
    cut_after(records, record)


@mutant("A8", "one who found something else closes it", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged", 2)
    record.facts[:] = [said(record, "ActTaken"), ["DiscrepancyClosed", 4, "explained", "op-1", "op-2"]]
    cut_after(records, record)


@mutant("O1", "a discrepancy is closed for people who did not ask", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "Scanned", fact="DiscrepancyOpened", number=2)
    record.facts.append(["DiscrepancyClosed", 3, "explained", "op-5", ""])
    cut_after(records, record)


@mutant("A8", "an ID document that is seen again closes its discrepancy by itself", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "Scanned", 4)
    record.facts.append(["DiscrepancyClosed", 4, "found", "packcenter", ""])
    cut_after(records, record)


@mutant("A8", "a discrepancy closes by itself, and nothing explains it", SHIFTS)
def _(records: Records) -> None:
    record, _ = opened(records, "gap")
    record.facts.append(["DiscrepancyClosed", 3, "found", "packcenter", ""])
    cut_after(records, record)


@mutant("A8", "a letter is seen again, and its discrepancy stays open", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "Scanned", 1)
    drop_said(record, "DiscrepancyClosed")
    cut_after(records, record)


@mutant("A8", "an object gets its identity, and is a discrepancy still", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "VerdictPassed")
    drop_said(record, "DiscrepancyClosed")
    cut_after(records, record)


@mutant("A8", "a discrepancy is told to be overdue before its time", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "Tick")
    record.facts.append(["DiscrepancyOverdue", 3])
    cut_after(records, record)


@mutant("A8", "a discrepancy is overdue, and nobody is told", SHIFTS)
def _(records: Records) -> None:
    for number in (0, 1):
        drop_said(nth(records, "Tick", number), "DiscrepancyOverdue")


@mutant("O1", "a finding is taken, and nothing comes of it", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged", 1)
    drop_said(record, "DiscrepancySigned")
    cut_after(records, record)


@mutant("O1", "a finding is refused, because it was signed by who did not", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged", 2)
    record.facts[:] = [["ActRefused", "discrepancy_explained", "4", *record.happened[1:4], "signed_already"]]
    cut_after(records, record)


@mutant("K1", "a difference of the count is not told", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftCounted")
    said(record, "ShiftCountTaken")[4].pop()
    drop_said(record, "DiscrepancyOpened")
    cut_after(records, record)


@mutant("K1", "a count is entered in another's name", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftCounted", 2)
    said(record, "ShiftCountTaken")[2] = "op-8"
    cut_after(records, record)


@mutant("A8", "a difference is closed by a count that has it still", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftCounted", 1)
    record.facts.append(["DiscrepancyClosed", 12, "recounted", "packcenter", ""])
    cut_after(records, record)


@mutant("A8", "a difference that nobody counts any more stays open", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftCounted", 1)
    drop_said(record, "DiscrepancyClosed")
    cut_after(records, record)


@mutant("K1", "a shift is closed that nobody counted", SHIFTS)
def _(records: Records) -> None:
    first, last = nth(records, "ShiftCounted"), nth(records, "ShiftEnded", fact="ShiftClosed")
    begin = next(at for at, each in enumerate(records) if each is first)
    end = next(at for at, each in enumerate(records) if each is last)
    del records[begin : end - 1]
    said(last, "ShiftClosed")[6] = [3, 6, 7, 8, 9]
    cut_after(records, last)


@mutant("K1", "a shift is closed with a difference that nobody signed", SHIFTS)
def _(records: Records) -> None:
    signature = nth(records, "DiscrepancyJudged", about=12)
    at = next(at for at, each in enumerate(records) if each is signature)
    del records[at]
    cut_after(records, nth(records, "ShiftEnded", fact="ShiftClosed"))


@mutant("A2", "the books of a shift dispatch one more than it did", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftEnded", fact="ShiftClosed")
    account = said(record, "ShiftClosed")[5][0]
    account[4], account[8] = account[4] + 1, account[8] - 1
    cut_after(records, record)


@mutant("A2", "the books of a shift lack a class", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftEnded", fact="ShiftClosed", number=1)
    said(record, "ShiftClosed")[5].pop()
    cut_after(records, record)


@mutant("A8", "a discrepancy is not handed on to the next shift", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftEnded", fact="ShiftClosed")
    said(record, "ShiftClosed")[6].pop()
    cut_after(records, record)


@mutant("T4", "a shift begins before the one before it ends", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftEnded", fact="ShiftClosed", number=1)
    said(record, "ShiftClosed")[2] -= 1_000_000
    cut_after(records, record)


@mutant("T4", "a shift ends by itself", SHIFTS, "K1", "A2", "A8", "C2")
def _(records: Records) -> None:
    record = nth(records, "Tick")
    record.facts.append(["ShiftClosed", 3, 0, "op-3", "packcenter", [], [], ["EA", "CN", 1, 99, 0, 0, 0, 99]])
    cut_after(records, record)


@mutant("N1", "a discrepancy is overdue, and that is no alarm", OVERDUE)
def _(records: Records) -> None:
    record = nth(records, "Tick", fact="DiscrepancyOverdue")
    drop_said(record, "AlarmRaised")
    cut_after(records, record)


@mutant("N1", "the last discrepancy that was overdue is closed, and its alarm stands", OVERDUE)
def _(records: Records) -> None:
    record = nth(records, "DiscrepancyJudged", fact="DiscrepancyClosed")
    drop_said(record, "AlarmCleared")
    cut_after(records, record)


@mutant("C2", "a number of the range is neither used nor left", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftEnded", fact="ShiftClosed")
    said(record, "ShiftClosed")[7][7] -= 1
    cut_after(records, record)


@mutant("C2", "the number of a returned item counts as open", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "ShiftEnded", fact="ShiftClosed", number=1)
    account = said(record, "ShiftClosed")[7]
    account[4], account[5] = account[4] - 1, account[5] + 1
    cut_after(records, record)


@mutant("B6", "a document whose pouch was put out is good without a word", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "Packed", 1)
    drop_said(record, "IntegritySet")
    cut_after(records, record)


@mutant("B6", "a document of which nobody knows is called bad", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "Packed", 1)
    said(record, "IntegritySet")[2] = "bad"
    cut_after(records, record)


@mutant("B6", "a document is called something else than the three words", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "Packed", 1)
    said(record, "IntegritySet")[2] = "fine"
    cut_after(records, record)


@mutant("B6", "a document that nobody looked at becomes good", SHIFTS)
def _(records: Records) -> None:
    record = nth(records, "TrackLost", 1)
    record.facts.append(["IntegritySet", "NJ0001", "good", "inducted"])
    cut_after(records, record)

"""
Mutants of what agencies want done with their parcels: bags for services, outlets, receipts.

They stand on the same list as all others.
"""

from __future__ import annotations

from days import RECEIPTS, SERVICES
from mutants import Records, cut_after, drop_said, mutant, nth, said

_HOUR_US = 3_600_000_000


@mutant("D2", "a court document is sent into the bag of all other letters to its destination", SERVICES)
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    said(packed, "Drop")[3] = 1
    cut_after(records, packed)


@mutant("D2", "a letter is sent into the bag of court documents", SERVICES)
def _(records: Records) -> None:
    packed = nth(records, "Packed", 1)
    said(packed, "Drop")[3] = 3
    cut_after(records, packed)


@mutant("D2", "what is fetched at an outlet is sent into the bag for those who are at home", SERVICES)
def _(records: Records) -> None:
    packed = nth(records, "Packed", 2)
    said(packed, "Drop")[3] = 1
    cut_after(records, packed)


@mutant("D2", "a court document falls into the bag of other letters, which is trusted", SERVICES)
def _(records: Records) -> None:
    packed, dropped = nth(records, "Packed"), nth(records, "Dropped")
    said(packed, "Drop")[3] = 3
    dropped.happened[4] = said(dropped, "BagOpened")[2] = said(dropped, "ParcelDropped")[4] = 1
    cut_after(records, dropped)


@mutant("G4", "an item is announced for an outlet that the plan does not have", SERVICES)
def _(records: Records) -> None:
    received = nth(records, "ManifestReceived", 2)
    received.happened[6][0][9] = said(received, "ItemExpected")[2][9] = "XX-PO-1"
    cut_after(records, received)


@mutant("D5", "a bag bears the receptacle of another", SERVICES, "D3")
def _(records: Records) -> None:
    dropped = nth(records, "Dropped", 1)
    first = said(nth(records, "Dropped"), "BagOpened")[1]
    for fact in dropped.facts:
        fact[:] = [str(each).replace(first[:-1] + "2", first) if isinstance(each, str) else each for each in fact]
    cut_after(records, dropped)


@mutant("D5", "a bag for a destination with an office bears a tag of the centre", SERVICES)
def _(records: Records) -> None:
    dropped = nth(records, "Dropped")
    name = said(dropped, "BagOpened")[1]
    for fact in dropped.facts:
        fact[:] = [str(each).replace(name, "NJ-03-000001") if isinstance(each, str) else each for each in fact]
    cut_after(records, dropped)


@mutant("D5", "a tag says less than the bag weighs", SERVICES)
def _(records: Records) -> None:
    asked = nth(records, "BagOrdered")
    for each in (said(asked, "TagMade"), said(asked, "CloseBag")):
        each[-1] = each[-1][:-4] + "0000"
    cut_after(records, asked)


@mutant("D5", "a tag says that no registered item is in the bag, and a court document is", SERVICES)
def _(records: Records) -> None:
    asked = nth(records, "BagOrdered")
    for each in (said(asked, "TagMade"), said(asked, "CloseBag")):
        each[-1] = each[-1][:24] + "0" + each[-1][25:]
    cut_after(records, asked)


@mutant("E9", "a bag is closed under its name alone", SERVICES)
def _(records: Records) -> None:
    asked = nth(records, "BagOrdered")
    said(asked, "CloseBag")[-1] = said(asked, "TagMade")[1]
    cut_after(records, asked)


@mutant("D5", "a bag is closed, and no tag is made for it", SERVICES)
def _(records: Records) -> None:
    asked = nth(records, "BagOrdered")
    said(asked, "CloseBag")[-1] = said(asked, "TagMade")[1]
    drop_said(asked, "TagMade")
    cut_after(records, asked)


@mutant("D4", "a court document leaves, and nobody waits for its receipt", RECEIPTS)
def _(records: Records) -> None:
    shut = nth(records, "BagShut")
    shut.facts.remove(said(shut, "ReceiptAwaited"))
    cut_after(records, shut)


@mutant("D4", "a receipt is awaited for an hour less than the hall says", RECEIPTS)
def _(records: Records) -> None:
    shut = nth(records, "BagShut")
    said(shut, "ReceiptAwaited")[2] -= _HOUR_US
    cut_after(records, shut)


@mutant("D4", "a receipt is awaited of a letter that wants none", RECEIPTS)
def _(records: Records) -> None:
    shut = nth(records, "BagShut")
    shut.facts.append(["ReceiptAwaited", "NJ0002", said(shut, "ReceiptAwaited")[2]])
    cut_after(records, shut)


@mutant("D4", "a receipt is awaited of a document that has not left", RECEIPTS)
def _(records: Records) -> None:
    dropped = nth(records, "Dropped")
    dropped.facts.append(["ReceiptAwaited", "NJ0001", dropped.at_us + _HOUR_US])
    cut_after(records, dropped)


@mutant("D4", "a receipt is overdue before its time", RECEIPTS, "N1")
def _(records: Records) -> None:
    shut = nth(records, "BagShut")
    shut.facts.append(["ReceiptOverdue", "NJ0003"])
    cut_after(records, shut)


@mutant("D4", "the time of a receipt is over, and nobody says so", RECEIPTS)
def _(records: Records) -> None:
    tick = nth(records, "Tick", fact="ReceiptOverdue")
    drop_said(tick, "ReceiptOverdue", "AlarmRaised")
    cut_after(records, tick)


@mutant("D4", "a receipt returns, and nobody has it", RECEIPTS)
def _(records: Records) -> None:
    shut = nth(records, "BagShut")
    shut.facts.append(["ReceiptReturned", "NJ0003", ""])
    cut_after(records, shut)


@mutant("D4", "the receipt of another item returns", RECEIPTS)
def _(records: Records) -> None:
    told = nth(records, "ReceiptTold")
    said(told, "ReceiptReturned")[1] = "NJ0003"
    cut_after(records, told)


@mutant("D4", "a receipt returns a second time", RECEIPTS)
def _(records: Records) -> None:
    told = nth(records, "ReceiptTold", 1)
    told.facts[:] = [["ActTaken", *told.facts[0][1:6]], ["ReceiptReturned", "NJ0001", ""]]
    cut_after(records, told)


@mutant("D4", "a code of a file of receipts is not answered", RECEIPTS)
def _(records: Records) -> None:
    received = nth(records, "ReceiptsReceived")
    received.facts.remove(said(received, "ReceiptRefused", -1))
    cut_after(records, received)


@mutant("D4", "a receipt that a file names is refused as unknown, and its item is known", RECEIPTS)
def _(records: Records) -> None:
    received = nth(records, "ReceiptsReceived")
    received.facts[:] = [
        ["ReceiptRefused", "F1", fact[1], "unknown_receipt"] if fact[0] == "ReceiptReturned" else fact for fact in received.facts
    ]
    said(received, "ReceiptRefused", 1)[2] = received.happened[2][1]
    cut_after(records, received)


@mutant("D4", "a receipt that is not awaited any more is given up", RECEIPTS)
def _(records: Records) -> None:
    told = nth(records, "ReceiptTold", 5)
    told.facts[:] = [["ActTaken", *told.facts[0][1:6]], ["ReceiptGivenUp", "NJ0003"]]
    cut_after(records, told)


@mutant("O1", "a receipt is given up by nobody's wish", RECEIPTS)
def _(records: Records) -> None:
    shut = nth(records, "BagShut")
    shut.facts.append(["ReceiptGivenUp", "NJ0003"])
    cut_after(records, shut)


@mutant("O1", "an operator gives a receipt up", RECEIPTS)
def _(records: Records) -> None:
    told = nth(records, "ReceiptTold", 4)
    told.happened[2] = said(told, "ActTaken")[4] = "operator"
    cut_after(records, told)


@mutant("O1", "a person has a receipt, and nothing comes of it", RECEIPTS)
def _(records: Records) -> None:
    told = nth(records, "ReceiptTold")
    drop_said(told, "ReceiptReturned")
    cut_after(records, told)


@mutant("O1", "a receipt is refused as here already, and it is not", RECEIPTS)
def _(records: Records) -> None:
    told = nth(records, "ReceiptTold")
    told.facts[:] = [["ActRefused", *said(told, "ActTaken")[1:6], "returned_already"]]
    cut_after(records, told)


@mutant("N1", "a receipt is overdue, and no alarm is raised", RECEIPTS)
def _(records: Records) -> None:
    tick = nth(records, "Tick", fact="ReceiptOverdue")
    drop_said(tick, "AlarmRaised")
    cut_after(records, tick)

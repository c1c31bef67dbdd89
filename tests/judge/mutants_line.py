"""Mutants of what the line interface and routing must keep (E, R); `mutants` has the list."""

from __future__ import annotations

from days import DAY, LIVES, TROUBLE, VAIN
from mutants import Records, cut_after, drop_said, mutant, nth, said
from writer import Record

# --- E: the line interface ---


@mutant("E1", "an event that came before is taken again")
def _(records: Records) -> None:
    at = next(at for at, each in enumerate(records) if each.happened[0] == "ConsumableRead")
    records.insert(at, records[at])


@mutant("E1", "a new event is not taken")
def _(records: Records) -> None:
    drop_said(nth(records, "ConsumableRead"), "EventTaken")


@mutant("E1", "a new event is set aside as if it had come before")
def _(records: Records) -> None:
    read = nth(records, "ConsumableRead")
    read.facts[1:] = [["EventSetAside", "bagger-1", 1, 2, "repeated"]]


@mutant("E2", "an event is missing, and no gap is said")
def _(records: Records) -> None:
    records.remove(nth(records, "ConsumableRead"))


@mutant("E2", "a gap is said, but not the one that is there", TROUBLE)
def _(records: Records) -> None:
    said(nth(records, "MachineChanged", fact="GapSeen"), "GapSeen")[3] -= 1


@mutant("E4", "an epoch is given a second time", LIVES)
def _(records: Records) -> None:
    again = nth(records, "LinkUp", about=8)
    said(again, "EpochGranted")[3] = said(again, "GrantEpoch")[3] = 1
    cut_after(records, again)


@mutant("E4", "an epoch is passed over", LIVES)
def _(records: Records) -> None:
    again = nth(records, "LinkUp", about=8)
    said(again, "EpochGranted")[3] = said(again, "GrantEpoch")[3] = 3
    cut_after(records, again)


@mutant("E4", "an epoch goes to another life than the one that asked", LIVES)
def _(records: Records) -> None:
    again = nth(records, "LinkUp", about=8)
    said(again, "EpochGranted")[2] = said(again, "GrantEpoch")[2] = 77
    cut_after(records, again)


@mutant("E4", "a PLC is told another epoch than the durable one", LIVES)
def _(records: Records) -> None:
    said(nth(records, "LinkUp", -1), "GrantEpoch")[3] = 5


@mutant("E4", "a link is up to a life that never got an epoch")
def _(records: Records) -> None:
    up = nth(records, "LinkUp")
    drop_said(up, "EpochGranted", "GrantEpoch")
    cut_after(records, up)


@mutant("E4", "a command goes to a PLC before it has an epoch", DAY, "E10")
def _(records: Records) -> None:
    records[0].commands.append(["CommandMachine", "sorter-1", 1, 1])
    cut_after(records, records[0])


@mutant("E6", "a bagger that does not run gets work")
def _(records: Records) -> None:
    at = nth(records, "MachineChanged", about="bagger-1")
    at.happened[4] = said(at, "MachineEntered")[2] = 5
    cut_after(records, nth(records, "DivertConfirmed"))


@mutant("E6", "a bagger that cannot be heard gets work")
def _(records: Records) -> None:
    at = next(at for at, each in enumerate(records) if each.happened[0] == "DivertConfirmed")
    lost = Record(*records[at][:3], ["LinkLost", "bagger-1", "silent"], [["LinkStateSet", "bagger-1", False, "silent"]], [])
    records.insert(at, lost)
    cut_after(records, records[at + 1])


@mutant("E6", "a link is lost and still up", LIVES)
def _(records: Records) -> None:
    drop_said(nth(records, "LinkLost"), "LinkStateSet")


@mutant("E9", "command numbers have a hole")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", 1)
    said(scan, "Divert")[2] = 3
    cut_after(records, scan)


@mutant("E9", "a command number comes again")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", 1)
    said(scan, "Divert")[2] = 1
    cut_after(records, scan)


@mutant("E9", "a command is answered twice", DAY, "A3")
def _(records: Records) -> None:
    fed = nth(records, "Fed")
    fed.facts.append(list(said(fed, "CommandAnswered")))


@mutant("E9", "a command that was carried out stays open")
def _(records: Records) -> None:
    drop_said(nth(records, "Fed"), "CommandAnswered")
    cut_after(records, nth(records, "Fed"))


@mutant("E9", "a decision is made, and no diverter is asked")
def _(records: Records) -> None:
    drop_said(nth(records, "Scanned"), "Divert")
    cut_after(records, nth(records, "Scanned"))


@mutant("E9", "a verdict is given, and the bagger is not told")
def _(records: Records) -> None:
    drop_said(nth(records, "Fed", -1), "SealParcel")
    cut_after(records, nth(records, "Fed", -1))


@mutant("E9", "a pouch is begun for one item, and another number is printed")
def _(records: Records) -> None:
    begun = nth(records, "DivertConfirmed")
    said(begun, "BeginParcel")[6] = "EA777777789CN"
    cut_after(records, begun)


@mutant("E9", "the rack is not told what to do with a parcel")
def _(records: Records) -> None:
    drop_said(nth(records, "Packed"), "Drop")
    cut_after(records, nth(records, "Packed"))


@mutant("E9", "a bag is to be closed, and the rack is not asked", DAY, "G3")
def _(records: Records) -> None:
    drop_said(nth(records, "Dropped", 2), "CloseBag")
    cut_after(records, nth(records, "Dropped", 2))


@mutant("E9", "a command is waited for that is not open", TROUBLE)
def _(records: Records) -> None:
    said(nth(records, "Tick"), "CommandTimedOut")[2] = 3


@mutant("E9", "a PackML command stays open though the machine entered a state", VAIN)
def _(records: Records) -> None:
    idle = nth(records, "MachineChanged", 6)
    drop_said(idle, "CommandAnswered")
    cut_after(records, idle)


@mutant("E10", "a machine that a person stopped is started again", VAIN)
def _(records: Records) -> None:
    stopped = nth(records, "MachineChanged", 8)
    stopped.commands.append(["CommandMachine", "sorter-2", 3, 1])
    cut_after(records, stopped)


@mutant("E10", "a machine that is held is started", VAIN)
def _(records: Records) -> None:
    held = nth(records, "MachineChanged", 9)
    held.commands.append(["CommandMachine", "bagger-2", 1, 2])
    cut_after(records, held)


@mutant("E12", "a sorter lost its memory, and its items stay on the belt", LIVES)
def _(records: Records) -> None:
    restarted = nth(records, "LinkUp", fact="ItemLost")
    drop_said(restarted, "ItemLost", "Moved")
    cut_after(records, restarted)


# --- R: routing ---


@mutant("R1", "an item is sent into a lane that is not open")
def _(records: Records) -> None:
    place = nth(records, "PlaceChanged")
    place.happened[5] = said(place, "PlaceSet")[3] = 2


@mutant("R1", "an item is sent into a lane that does not exist")
def _(records: Records) -> None:
    scan = nth(records, "Scanned")
    said(scan, "Routed")[3] = said(scan, "Divert")[4] = 7
    cut_after(records, scan)


@mutant("R2", "a lane gets more than it holds, counting those on their way")
def _(records: Records) -> None:
    for hall in (records[0].happened[3], said(records[0], "HallAdopted")[3]):
        hall[5][0][7][1][4] = 1


@mutant("R3", "the diverter is asked for another lane than decided")
def _(records: Records) -> None:
    said(nth(records, "Scanned"), "Divert")[4] = 3


@mutant("R3", "a decision is made about another item than the one that was read")
def _(records: Records) -> None:
    scan = nth(records, "Scanned")
    for fact in scan.facts[1:]:
        fact[1] = "NJ0002"
    cut_after(records, scan)


@mutant("R3", "an item is seen under another track than the scan's", DAY, "A1", "R4")
def _(records: Records) -> None:
    scan = nth(records, "Scanned")
    said(scan, "ItemSeen")[3] = 99
    cut_after(records, scan)


@mutant("R3", "a scan is said to be of another time")
def _(records: Records) -> None:
    said(nth(records, "Scanned"), "ItemSeen")[5] += 1


@mutant("R4", "an event of an older life leads to a decision")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", -1)
    scan.happened[2] = said(scan, "EventTaken")[2] = 2
    cut_after(records, scan)


@mutant("R4", "a diverter is asked for a track that no scan gave", DAY, "E9")
def _(records: Records) -> None:
    said(nth(records, "Scanned"), "Divert")[3] = 99
    cut_after(records, nth(records, "Scanned"))


@mutant("R5", "a second decision for one scan")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", -1)
    deadline_us = said(scan, "Routed")[7] + 1_000_000
    scan.facts.append(["Routed", "NJ0006", "sorter-1", 3, "near-letters", "spare", "overflow", deadline_us])
    cut_after(records, scan)


@mutant("R5", "a second divert for one scan")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", -1)
    scan.commands.append(["Divert", "sorter-1", 8, 7, 2, 9, said(scan, "Divert")[6]])
    cut_after(records, scan)


@mutant("R5", "a divert for a scan that was decided on before", DAY, "E9")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", -1)
    said(scan, "Divert")[3] = 6
    cut_after(records, scan)


@mutant("R7", "the ledger follows the command, and not the eye")
def _(records: Records) -> None:
    nth(records, "DivertConfirmed").happened[5] = 3
    cut_after(records, nth(records, "DivertConfirmed"))


@mutant("R7", "an item jumps to another lane than the one it was seen in", DAY, "B4")
def _(records: Records) -> None:
    moved = said(nth(records, "DivertConfirmed"), "Moved")
    moved[3] = "lane/sorter-1/1"
    cut_after(records, nth(records, "DivertConfirmed"))


@mutant("R7", "an eye's word about a known track is set aside")
def _(records: Records) -> None:
    seen = nth(records, "DivertConfirmed")
    seen.facts[1:] = [["EventSetAside", *seen.happened[1:4], "unknown_track"]]
    seen.commands.clear()
    cut_after(records, seen)


@mutant("R7", "a decision is asked for after its time")
def _(records: Records) -> None:
    at = next(at for at, each in enumerate(records) if each.happened[0] == "Scanned")
    scan = records[at]
    scan.happened[9] = 2_900_000
    records[at] = scan._replace(at_us=scan.at_us + 2_900_000)
    cut_after(records, records[at])


@mutant("R7", "a decision bears another deadline than belt and diverter give")
def _(records: Records) -> None:
    said(nth(records, "Scanned"), "Divert")[6] += 50


@mutant("R7", "a decision falls back to another lane than the exception lane")
def _(records: Records) -> None:
    said(nth(records, "Scanned"), "Divert")[5] = 3


@mutant("R7", "an item in a wrong lane is not suspect", TROUBLE)
def _(records: Records) -> None:
    wrong = nth(records, "DivertConfirmed", fact="WrongLane")
    drop_said(wrong, "Suspected")
    cut_after(records, wrong)


@mutant("R7", "an item that fell back is at the hand station for something that was before", TROUBLE)
def _(records: Records) -> None:
    said(nth(records, "DivertConfirmed", fact="SentToHand"), "SentToHand")[2] = "no_lane_long_ago"


@mutant("R8", "an ID document is sent into a lane that is not secure")
def _(records: Records) -> None:
    for hall in (records[0].happened[3], said(records[0], "HallAdopted")[3]):
        hall[5][0][7][0][5] = False


@mutant("R8", "an item of a class that the hall has no more is sent into a lane that is not secure")
def _(records: Records) -> None:
    for hall in (records[0].happened[3], said(records[0], "HallAdopted")[3]):
        hall[5][0][7][0][5] = False
    manifests = [each for each in records if each.happened[0] == "ManifestReceived"]
    started = Record(*manifests[-1][:3], list(records[0].happened), [], [])
    started.happened[1], started.happened[3] = 2, list(started.happened[3])
    started.happened[3][4] = started.happened[3][4][:1]
    started.facts.append(["HallAdopted", *started.happened[1:]])
    plcs = ["sorter-1", "sorter-2", "bagger-1", "bagger-2", "rack-1"]
    started.facts.extend(["LinkStateSet", plc, False, "controller_start"] for plc in plcs)
    up = [Record(*manifests[-1][:3], ["LinkUp", plc, 7, 1], [["LinkStateSet", plc, True, "resumed"]], []) for plc in plcs]
    at = next(at for at, each in enumerate(records) if each is manifests[-1])
    records[at + 1 : at + 1] = [started, *up]
    cut_after(records, nth(records, "Scanned", 2))


@mutant("R9", "a scan that read nothing gets a sort lane")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", about="")
    said(scan, "Routed")[3] = said(scan, "Divert")[4] = 3
    said(scan, "Routed")[7] -= 2_000_000
    said(scan, "Divert")[6] -= 2_000
    cut_after(records, scan)

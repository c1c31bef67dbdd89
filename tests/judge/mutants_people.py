"""Mutants of configuration, journal, time and what people do (G, J, O, T); `mutants` has the list."""

from __future__ import annotations

from days import LIVES, PEOPLE, VAIN
from mutants import Records, cut_after, drop_said, mutant, nth, said
from writer import Record, copied

# --- G, J, O, T: configuration, journal, people, time ---


@mutant("G2", "a run adopts another hall than it was started with")
def _(records: Records) -> None:
    said(records[0], "HallAdopted")[4] = "another"


@mutant("G2", "a run's number comes again", LIVES)
def _(records: Records) -> None:
    started = nth(records, "Started", 1)
    started.happened[1] = said(started, "HallAdopted")[1] = 1


@mutant("G3", "an item is decided on by another rule than the plan's")
def _(records: Records) -> None:
    said(nth(records, "Scanned"), "Routed")[4] = "police-cards"


@mutant("G3", "an item overflows though its own lane is free", VAIN)
def _(records: Records) -> None:
    for hall in (records[0].happened[3], said(records[0], "HallAdopted")[3]):
        hall[5][0][7][1][4] = 3


@mutant("G3", "an item gets the exception lane though a lane is free")
def _(records: Records) -> None:
    scan = nth(records, "Scanned")
    route, divert = said(scan, "Routed"), said(scan, "Divert")
    route[3:] = [9, "near-letters", "", "no_lane", route[7] + 3_000_000]
    divert[4], divert[6] = 9, divert[6] + 3_000
    scan.facts.append(["SentToHand", "NJ0001", "no_lane"])
    cut_after(records, scan)


@mutant("G3", "a bag is not closed when it holds what the plan says")
def _(records: Records) -> None:
    drop_said(nth(records, "Dropped", 2), "BagCloseAsked", "CloseBag")
    cut_after(records, nth(records, "Dropped", 2))


@mutant("G3", "a bag's cut-off is not the plan's")
def _(records: Records) -> None:
    said(nth(records, "Dropped"), "BagOpened")[4] += 8 * 3_600_000_000


@mutant("G4", "a line of a manifest is neither taken nor refused")
def _(records: Records) -> None:
    manifest = nth(records, "ManifestReceived", 5)
    drop_said(manifest, "ItemExpected")
    said(manifest, "ManifestTaken")[2] = 0
    cut_after(records, manifest)


@mutant("G4", "an item is announced twice")
def _(records: Records) -> None:
    manifest = nth(records, "ManifestReceived", 5)
    manifest.happened[6][0] = list(nth(records, "ManifestReceived", 4).happened[6][0])
    said(manifest, "ItemExpected")[2] = list(manifest.happened[6][0])
    cut_after(records, manifest)


@mutant("G4", "a manifest counts other lines than it has")
def _(records: Records) -> None:
    said(nth(records, "ManifestReceived"), "ManifestTaken")[2] = 2


@mutant("J10", "a fact that this schema does not have")
def _(records: Records) -> None:
    records[-1].facts.append(["Recirculated", "NJ0001", 2])


@mutant("J10", "a field of another type")
def _(records: Records) -> None:
    said(nth(records, "Fed"), "Moved")[3] = 7


@mutant("O1", "a stop is not noted")
def _(records: Records) -> None:
    records[-1].facts.clear()


@mutant("T1", "core time goes back")
def _(records: Records) -> None:
    records[-1] = records[-1]._replace(at_us=records[-2].at_us - 1)


@mutant("T2", "monotonic time goes back within a run")
def _(records: Records) -> None:
    records[-1] = records[-1]._replace(mono_us=records[-2].mono_us - 1, wall_us=records[-2].wall_us)


@mutant("T2", "an item is called unconfirmed before its time", VAIN)
def _(records: Records) -> None:
    for each in (nth(records, "Scanned", about="NJ0006"),):
        said(each, "ItemSeen")[6] += 1_000_000


@mutant("T2", "an item is called lost before its time", VAIN)
def _(records: Records) -> None:
    said(nth(records, "Tick", fact="Unconfirmed"), "ConfirmationMoved")[2] += 1_000_000


@mutant("T2", "a bag is closed before its cut-off", VAIN)
def _(records: Records) -> None:
    tick = nth(records, "Tick", fact="BagCloseAsked")
    at = next(at for at, each in enumerate(records) if each is tick)
    records[at] = Record(tick.at_us - 1, tick.mono_us - 1, tick.wall_us - 1, *tick[3:])
    cut_after(records, records[at])


@mutant("T3", "the wall clock stepped by an hour, and nothing says so")
def _(records: Records) -> None:
    middle = len(records) // 2
    records[middle:] = [each._replace(wall_us=each.wall_us + 3_600_000_000) for each in records[middle:]]
    records.remove(nth(records, "ClockStepped"))
    at_us, mono_us, wall_us, *said = records[-1]
    records[-1] = Record(at_us + 60_000_000, mono_us + 60_000_000, wall_us + 60_000_000, *said)


@mutant("T3", "a step of the clock is not kept as it came")
def _(records: Records) -> None:
    said(nth(records, "ClockStepped"), "ClockStepNoted")[1] = 1


# --- O: people ---


@mutant("O1", "an act is answered in another person's name", PEOPLE)
def _(records: Records) -> None:
    said(nth(records, "VerdictPassed"), "ActTaken")[3] = "op-8"


@mutant("O1", "an act is not answered", PEOPLE)
def _(records: Records) -> None:
    drop_said(nth(records, "BagOrdered", 1), "ActRefused")


@mutant("O1", "an act is answered twice", PEOPLE)
def _(records: Records) -> None:
    bag = nth(records, "BagOrdered", 1)
    bag.facts.append([*said(bag, "ActRefused")[:-1], "no_bag"])


@mutant("O1", "an act that nobody asked for is said to be done", PEOPLE)
def _(records: Records) -> None:
    nth(records, "Dropped").facts.append(["ActTaken", "bag_close", "rack-1/1", "op-7", "operator", "asked"])


@mutant("O1", "an act has no person", PEOPLE)
def _(records: Records) -> None:
    bag = nth(records, "BagOrdered", 1)
    bag.happened[1] = said(bag, "ActRefused")[3] = ""


@mutant("O1", "an act is done for a role that may not", PEOPLE)
def _(records: Records) -> None:
    remake = nth(records, "VerdictPassed", 2)
    remake.happened[2] = said(remake, "ActTaken")[4] = "operator"


@mutant("O1", "an act is refused for a reason that is not so", PEOPLE)
def _(records: Records) -> None:
    said(nth(records, "VerdictPassed", 5), "ActRefused")[6] = "gone"


@mutant("O1", "something comes of an act that is refused", PEOPLE)
def _(records: Records) -> None:
    nth(records, "VerdictPassed", 5).facts.append(["ItemWithdrawn", "NJ0004"])


@mutant("O1", "a lane is closed, and nobody asked for it", PEOPLE)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", 1)
    scan.facts.append(["LaneBarred", "sorter-2", 1, "op-7"])


@mutant("O1", "an item is void, and nothing was said of it", PEOPLE, "A3", "A5")
def _(records: Records) -> None:
    said(nth(records, "VerdictPassed", 2), "Moved")[1] = "NJ0003"
    cut_after(records, nth(records, "VerdictPassed", 2))


@mutant("O1", "an act on a bag is taken, and the bag stays open", PEOPLE)
def _(records: Records) -> None:
    bag = nth(records, "BagOrdered")
    drop_said(bag, "BagCloseAsked", "CloseBag")
    cut_after(records, bag)


@mutant("O1", "what its agency wants back is sorted", PEOPLE, "R7")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", 3)
    drop_said(scan, "SentToHand")
    said(scan, "Routed")[3:7] = [2, "near-letters", "letters", "plan"]
    said(scan, "Divert")[4] = 2
    cut_after(records, scan)


@mutant("O1", "an object of which nobody knows what it is may be laid onto a sorter", PEOPLE)
def _(records: Records) -> None:
    verdict = nth(records, "VerdictPassed")
    verdict.happened[5:] = ["reinduct", ""]
    said(verdict, "ActTaken")[1] = "hand_reinduct"
    verdict.facts[:] = [fact for fact in verdict.facts if fact[0] == "ActTaken"]
    cut_after(records, verdict)


@mutant("A5", "an item goes back to its agency on another verdict", PEOPLE, "O1")
def _(records: Records) -> None:
    said(nth(records, "VerdictPassed", 2), "Moved")[3] = "returned"
    cut_after(records, nth(records, "VerdictPassed", 2))


@mutant("A6", "what was made void comes onto a belt", PEOPLE, "A4", "G3")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", 3)
    scan.happened[8] = "NJ0002"
    for fact in scan.facts:
        if len(fact) > 1 and fact[1] == "NJ0003":
            fact[1] = "NJ0002"
    said(scan, "Moved")[2] = "remade"
    cut_after(records, scan)


@mutant("R1", "an item gets a lane that people closed, and its PLC did not", PEOPLE, "R7")
def _(records: Records) -> None:
    place = nth(records, "PlaceChanged")
    place.happened[5] = said(place, "PlaceSet")[3] = 0
    drop_said(place, "CommandAnswered")
    scan = nth(records, "Scanned")
    said(scan, "Routed")[3:7] = [2, "near-letters", "letters", "plan"]
    said(scan, "Divert")[4] = 2
    cut_after(records, scan)


@mutant("R1", "a lane is closed, and its PLC is not told", PEOPLE)
def _(records: Records) -> None:
    lane = nth(records, "LaneOrdered")
    drop_said(lane, "SetPlace")
    cut_after(records, lane)


@mutant("R1", "a new life of a PLC is not told which lanes people closed", PEOPLE)
def _(records: Records) -> None:
    up = nth(records, "LinkUp", -1)
    drop_said(up, "SetPlace")
    cut_after(records, up)


@mutant("E10", "a machine that a person stopped through packcenter is started again", PEOPLE)
def _(records: Records) -> None:
    changed = [record for record in records if record.happened[:2] == ["MachineChanged", "bagger-1"]]
    stopped = next(record for record in changed if record.happened[4] == 2)
    stopped.commands.append(["CommandMachine", "bagger-1", 2, 1])
    cut_after(records, stopped)


@mutant("E10", "a person's stop passes for done by a state that was entered before it", PEOPLE)
def _(records: Records) -> None:
    before = records[records.index(nth(records, "MachineOrdered")) + 1]
    before.facts.append(["CommandAnswered", "bagger-1", 1, 0])
    cut_after(records, before)


@mutant("E10", "a person's Suspend passes for done by a suspension that nobody asked for", PEOPLE)
def _(records: Records) -> None:
    by_itself = nth(records, "MachineChanged", -2)
    asked = nth(records, "MachineOrdered", -1).commands[0]
    by_itself.facts.append(["CommandAnswered", *asked[1:3], 0])
    cut_after(records, by_itself)


@mutant("E10", "a person's stop keeps nothing from starting the machine", PEOPLE)
def _(records: Records) -> None:
    stop = nth(records, "MachineOrdered")
    drop_said(stop, "MachineStopSet")
    cut_after(records, stop)


@mutant("E10", "a command goes out where PackML does not allow it", PEOPLE)
def _(records: Records) -> None:
    stop = nth(records, "MachineOrdered")
    stop.happened[5] = said(stop, "CommandMachine")[3] = 5
    said(stop, "ActTaken")[1] = "machine_unhold"
    drop_said(stop, "MachineStopSet")
    cut_after(records, stop)


@mutant("O3", "maintenance commands a machine that it has not got", PEOPLE)
def _(records: Records) -> None:
    stop = nth(records, "MachineOrdered")
    stop.happened[2] = said(stop, "ActTaken")[4] = "maintenance"


@mutant("O3", "an operator commands a machine that maintenance has", PEOPLE)
def _(records: Records) -> None:
    reset = nth(records, "MachineOrdered", 1)
    reset.happened[2] = said(reset, "ActTaken")[4] = "operator"


@mutant("O3", "maintenance takes a machine for longer than a shift", PEOPLE)
def _(records: Records) -> None:
    begin = nth(records, "MaintenanceOrdered")
    begin.happened[5] = 481
    said(begin, "MaintenanceSet")[2] += 451 * 60_000_000


@mutant("O3", "maintenance takes a machine that runs", PEOPLE)
def _(records: Records) -> None:
    begin = nth(records, "MaintenanceOrdered")
    begin.happened[4] = said(begin, "ActTaken")[2] = said(begin, "MaintenanceSet")[1] = "bagger-2"
    begin.facts.append(["MachineStopSet", "bagger-2", "op-7"])
    cut_after(records, begin)


@mutant("O3", "maintenance ends before its time, and nobody asked", PEOPLE)
def _(records: Records) -> None:
    scan = nth(records, "MachineChanged", about="bagger-2", number=3)
    scan.facts.append(["MaintenanceSet", "bagger-2", 0])
    cut_after(records, scan)


@mutant("O3", "maintenance goes on though its time is over", PEOPLE)
def _(records: Records) -> None:
    drop_said(nth(records, "Tick"), "MaintenanceSet")


@mutant("E9", "a lane is as it was told to be, and the order stays open", PEOPLE)
def _(records: Records) -> None:
    place = nth(records, "PlaceChanged")
    drop_said(place, "CommandAnswered")
    cut_after(records, place)


@mutant("E10", "a person lets a machine run while another's stop is on its way to it", PEOPLE)
def _(records: Records) -> None:
    hold = nth(records, "MachineOrdered", about="bagger-2")
    held = next(each for each in records if each.happened[:2] == ["MachineChanged", "bagger-2"] and each.happened[4] == 11)
    stop, unhold = copied([hold, hold])
    for record, name, order, after in ((stop, "stop", 3, 1), (unhold, "unhold", 5, 2)):
        record.happened[5] = said(record, "CommandMachine")[3] = order
        said(record, "ActTaken")[1] = f"machine_{name}"
        said(record, "CommandMachine")[2] += after
        drop_said(record, "MachineStopSet")
    unhold.facts.append(["MachineStopSet", "bagger-2", ""])
    late = [record._replace(at_us=held.at_us, mono_us=held.mono_us, wall_us=held.wall_us) for record in (stop, unhold)]
    cut_after(records, held)
    records += late

"""Mutants of alarms (N); `mutants` has the list."""

from __future__ import annotations

from days import ALARMS, WORN
from mutants import Change, Records, Said, cut_after, drop_said, mutant, nth, said
from writer import Record

# --- N: alarms ---


def raised(records: Records, alarm: str, number: int = 0) -> tuple[Record, Said]:
    """The record in which this alarm is raised, counted from 0, and the fact."""
    found = [(each, fact) for each in records for fact in each.facts if fact[:2] == ["AlarmRaised", alarm]]
    return found[number]


UNTOLD = (
    ("N1", "a jam is no alarm", ALARMS, "jam"),
    ("N1", "a machine aborts, and that is no alarm", ALARMS, "machine_aborted"),
    ("N1", "an ID document is missing, and that is no alarm", ALARMS, "secure_lost"),
    ("N1", "a consumable is used up, and that is no alarm", ALARMS, "consumable_empty"),
    ("N1", "events are missing, and that is no alarm", ALARMS, "events_missing"),
    ("N3", "the time of a hold is over, and nobody is told", ALARMS, "machine_held"),
    ("N1", "a bagger puts out the sixth document of its last 32, and nobody is told", WORN, "many_rejects"),
    ("N1", "a bag leaves without its seal, and nobody is told", WORN, "bag_not_sealed"),
)
"""Letter, sentence, day, and the alarm of which nobody is told in it."""


def untold(alarm: str) -> Change:
    """The change that takes the first raising of an alarm out of a day, which ends with that."""

    def change(records: Records) -> None:
        record, fact = raised(records, alarm)
        record.facts.remove(fact)
        cut_after(records, record)

    return change


for letter, sentence, day, alarm in UNTOLD:
    mutant(letter, sentence, day)(untold(alarm))


@mutant("N1", "an alarm that no table has", ALARMS)
def _(records: Records) -> None:
    record, _ = raised(records, "jam")
    record.facts.append(["AlarmRaised", "hiccup", "bagger-1", "JamSet", False])
    cut_after(records, record)


@mutant("N1", "an alarm of a machine that the hall has not", ALARMS)
def _(records: Records) -> None:
    record, _ = raised(records, "jam")
    record.facts.append(["AlarmRaised", "jam", "sorter-77", "JamSet", False])
    cut_after(records, record)


@mutant("N1", "an alarm is raised before there is a table", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "MachineChanged")
    record.facts.append(["AlarmRaised", "jam", "sorter-1", "MachineEntered", False])
    cut_after(records, record)


@mutant("N1", "a table is given, and not adopted", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmTableGiven")
    drop_said(record, "AlarmTableAdopted")
    cut_after(records, record)


@mutant("N1", "another table is adopted than was given", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmTableGiven")
    said(record, "AlarmTableAdopted")[1] = 2
    cut_after(records, record)


@mutant("N1", "an alarm names a cause that its record does not say", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "jam")
    fact[3] = "PlaceSet"
    cut_after(records, record)


@mutant("N1", "a cause stands that stood already", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "JamChanged", 3)
    drop_said(record, "AlarmCleared")
    record.facts.append(["AlarmRaised", "jam", "bagger-2", "JamSet", False])
    record.happened[6] = said(record, "JamSet")[3] = True
    cut_after(records, record)


@mutant("N1", "missing events are raised as an alarm that clears itself", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "events_missing")
    fact[4] = False
    cut_after(records, record)


@mutant("N1", "what never stood is cleared", ALARMS)
def _(records: Records) -> None:
    record, _ = raised(records, "jam")
    record.facts.append(["AlarmCleared", "jam", "bagger-1"])
    cut_after(records, record)


@mutant("N1", "a jam is cleared by the PLC, and its alarm stands", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "JamChanged", 1)
    drop_said(record, "AlarmCleared", "AlarmSuppressed", "AlarmAwaited")
    cut_after(records, record)


@mutant("N1", "a link is lost, and nobody waits for it", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "LinkLost")
    drop_said(record, "AlarmAwaited", "AlarmSuppressed")
    cut_after(records, record)


@mutant("N1", "the last ID document is found, and its alarm stands", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "Scanned", 1)
    drop_said(record, "AlarmCleared")
    cut_after(records, record)


@mutant("N1", "the exception lane is full, and that is no alarm", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "exception_lane_full")
    record.facts.remove(fact)


@mutant("N1", "an alarm is acknowledged that nobody was told of", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmAcknowledged", 2)
    record.facts[:] = [
        ["ActTaken", "alarm_acknowledge", "machine_held/bagger-1", *record.happened[1:4]],
        ["AlarmAckSet", "machine_held", "bagger-1", record.happened[1]],
    ]
    cut_after(records, record)


@mutant("N1", "a PLC is lost for the third time, and that is no alarm", ALARMS)
def _(records: Records) -> None:
    lost = nth(records, "LinkLost", -1)
    drop_said(lost, "AlarmRaised")
    cut_after(records, lost)


@mutant("N1", "a PLC is called unsteady at its second loss", ALARMS)
def _(records: Records) -> None:
    lost = nth(records, "LinkLost", -2)
    lost.facts.append(["AlarmRaised", "link_unsteady", "bagger-2", "LinkStateSet", True])
    cut_after(records, lost)


@mutant("N1", "six of a scanner's items could not be read, and that is no alarm", ALARMS)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", -1)
    drop_said(scan, "AlarmRaised")
    cut_after(records, scan)


@mutant("N1", "five unread items are called too many", ALARMS)
def _(records: Records) -> None:
    scan = nth(records, "Scanned", -2)
    scan.facts.append(["AlarmRaised", "scanner_unread", "sorter-1", "ObjectSeen", True])
    cut_after(records, scan)


@mutant("N2", "a hold is told of beside the jam that explains it", ALARMS, "N1", "N3")
def _(records: Records) -> None:
    record = nth(records, "MachineChanged", about=11)
    record.facts.append(["AlarmRaised", "machine_held", "sorter-1", "MachineEntered", False])
    cut_after(records, record)


@mutant("N2", "a hold is waited for as if no jam explained it", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "MachineChanged", about=11)
    drop_said(record, "AlarmSuppressed")
    record.facts.append(["AlarmAwaited", "machine_held", "sorter-1", "MachineEntered", record.at_us + 30_000_000])
    cut_after(records, record)


@mutant("N2", "a jam is explained by a hold", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "MachineChanged", about=11)
    said(record, "AlarmSuppressed")[1:] = ["jam", "sorter-1", "machine_held/sorter-1"]
    cut_after(records, record)


@mutant("N2", "the jam is gone, and the hold stays explained", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "JamChanged", 1)
    drop_said(record, "AlarmSuppressed", "AlarmAwaited")
    cut_after(records, record)


@mutant("N2", "nothing explains a hold any more, and nobody is told", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "JamChanged", 1)
    drop_said(record, "AlarmAwaited")
    cut_after(records, record)


@mutant("N2", "an alarm is explained no more that was not", ALARMS)
def _(records: Records) -> None:
    record, _ = raised(records, "jam")
    record.facts.append(["AlarmSuppressed", "jam", "sorter-1", ""])
    cut_after(records, record)


@mutant("N2", "one jam is two alarms of its machine", ALARMS, "N1")
def _(records: Records) -> None:
    record, _ = raised(records, "jam")
    record.facts.insert(-1, ["AlarmRaised", "exception_lane_full", "sorter-1", "JamSet", False])
    cut_after(records, record)


@mutant("N3", "a hold is told of before its time", ALARMS)
def _(records: Records) -> None:
    record, _ = raised(records, "machine_held")
    due = next(each for other in records for each in other.facts if each[:3] == ["AlarmAwaited", "machine_held", "bagger-1"])
    due[4] += 1_000_000
    cut_after(records, record)


@mutant("N3", "a hold is told of at once", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "MachineChanged", about=11)
    number = next(at for at, each in enumerate(records) if each is record)
    held = next(each for each in records[number + 1 :] if each.happened[0] == "MachineChanged" and each.happened[4] == 11)
    drop_said(held, "AlarmAwaited")
    held.facts.append(["AlarmRaised", "machine_held", "bagger-1", "MachineEntered", False])
    cut_after(records, held)


@mutant("N3", "a shelved alarm stays on the shelf", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "Tick", fact="AlarmShelfSet")
    drop_said(record, "AlarmShelfSet")
    cut_after(records, record)


@mutant("N3", "an alarm is shelved for longer than was asked for", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmShelved")
    said(record, "AlarmShelfSet")[3] += 60_000_000
    cut_after(records, record)


@mutant("N3", "more than ten alarms come in ten minutes, and no flood is told", ALARMS)
def _(records: Records) -> None:
    flood = next(each for each in records if any(fact[0] == "AlarmFloodSet" for fact in each.facts))
    drop_said(flood, "AlarmFloodSet")
    cut_after(records, flood)


@mutant("N3", "a flood is told of a few alarms", ALARMS)
def _(records: Records) -> None:
    record, _ = raised(records, "jam", 1)
    record.facts.append(["AlarmFloodSet", record.at_us + 600_000_000])
    cut_after(records, record)


@mutant("N3", "a flood is over in the middle of it", ALARMS)
def _(records: Records) -> None:
    flood = next(each for each in records if any(fact[0] == "AlarmFloodSet" for fact in each.facts))
    flood.facts.append(["AlarmFloodSet", 0])
    cut_after(records, flood)


@mutant("O1", "an operator takes an alarm out of service", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmTakenOut")
    record.happened[2] = said(record, "ActTaken")[4] = "operator"
    cut_after(records, record)


@mutant("O1", "an alarm is acknowledged in the name of another", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmAcknowledged")
    said(record, "AlarmAckSet")[3] = "op-8"
    cut_after(records, record)


@mutant("O1", "an alarm comes from the shelf, and nobody asked for it", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmTakenOut")
    record.facts.append(["AlarmShelfSet", "consumable_empty", "bagger-1/1", 0, ""])
    cut_after(records, record)


@mutant("O1", "an acknowledgement is taken, and nothing comes of it", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmAcknowledged")
    drop_said(record, "AlarmAckSet")
    cut_after(records, record)


@mutant("O1", "an acknowledgement is refused though the alarm is raised", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmAcknowledged")
    record.facts[:] = [["ActRefused", "alarm_acknowledge", "jam/sorter-1", *record.happened[1:4], "not_raised"]]
    cut_after(records, record)


@mutant("O1", "an alarm is out of service by nobody's wish", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "AlarmAcknowledged")
    record.facts.append(["AlarmOutSet", "jam", "rack-1", "op-7"])
    cut_after(records, record)


# --- N: what comes again and again, what a machine puts out ---


@mutant("N3", "what came and went three times in ten minutes calls at once for the fourth time", WORN)
def _(records: Records) -> None:
    jam = nth(records, "JamChanged", fact="AlarmAwaited")
    drop_said(jam, "AlarmAwaited")
    jam.facts.append(["AlarmRaised", "jam", "sorter-1", "JamSet", False])
    cut_after(records, jam)


@mutant("N3", "what came and went three times in ten minutes calls after a minute", WORN)
def _(records: Records) -> None:
    jam = nth(records, "JamChanged", fact="AlarmAwaited")
    said(jam, "AlarmAwaited")[4] -= 60_000_000
    cut_after(records, jam)


@mutant("N3", "what came and went, but not three times in the last ten minutes, does not call at once", WORN)
def _(records: Records) -> None:
    jam = nth(records, "JamChanged", -1)
    drop_said(jam, "AlarmRaised")
    jam.facts.append(["AlarmAwaited", "jam", "sorter-1", "JamSet", jam.at_us + 120_000_000])
    cut_after(records, jam)


@mutant("N1", "a parcel with another label is counted among what a bagger puts out", WORN)
def _(records: Records) -> None:
    record = nth(records, "Packed", fact="ParcelRejected", about=11)
    record.facts.append(["AlarmRaised", "many_rejects", "bagger-1", "ParcelRejected", True])
    cut_after(records, record)

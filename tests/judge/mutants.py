"""
Mutants: sound days changed in one place, so that one invariant is broken and everything else, CRC and chain too, is right.

Each names the letter that the judge must find. A day is cut where what follows would only be consequence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from days import ALARMS, DAY, LIVES, PEOPLE, TROUBLE, VAIN
from writer import Record, copied

Records = list[Record]
Said = list[Any]
Change = Callable[[Records], None]


class Mutant(NamedTuple):
    """`change` breaks the invariant `letter` on a day; `also` may be found as its consequences."""

    letter: str
    sentence: str
    day: str
    change: Change
    also: tuple[str, ...]


MUTANTS: list[Mutant] = []


def mutant(letter: str, sentence: str, day: str = DAY, *also: str) -> Callable[[Change], Change]:
    """Put a change on the list."""

    def keep(change: Change) -> Change:
        MUTANTS.append(Mutant(letter, sentence, day, change, also))
        return change

    return keep


def nth(records: Records, name: str, number: int = 0, *, fact: str = "", about: object = None) -> Record:
    """The record with this input (and a fact of this name, and this value in its input), counted from 0."""
    found = [
        each
        for each in records
        if each.happened[0] == name
        and (not fact or any(said[0] == fact for said in each.facts))
        and (about is None or about in each.happened)
    ]
    return found[number]


def said(record: Record, name: str, number: int = 0) -> Said:
    """The fact or command of this name in a record."""
    return [each for each in [*record.facts, *record.commands] if each[0] == name][number]


def drop_said(record: Record, *names: str) -> None:
    """Take facts and commands of these names out of a record."""
    for part in (record.facts, record.commands):
        part[:] = [each for each in part if each[0] not in names]


def cut_after(records: Records, record: Record) -> None:
    """End the day with this record."""
    del records[next(at for at, each in enumerate(records) if each is record) + 1 :]


# --- A: accounting ---


@mutant("A1", "a scan is taken and no item is seen in it")
def _(records: Records) -> None:
    scan = nth(records, "Scanned")
    drop_said(scan, "ItemSeen", "Moved", "Routed", "Divert")
    cut_after(records, scan)


@mutant("A1", "a document is fed, and the ledger leaves it where it was")
def _(records: Records) -> None:
    fed = nth(records, "Fed")
    drop_said(fed, "DocumentFed", "Moved", "VerdictGiven", "WaybillAssigned", "JobBegun", "SealParcel", "BeginParcel")
    cut_after(records, fed)


@mutant("A2", "an item goes to the hand station, and nobody says why")
def _(records: Records) -> None:
    drop_said(nth(records, "DivertConfirmed", -1), "SentToHand")


@mutant("A3", "an item leaves a place where it is not")
def _(records: Records) -> None:
    said(nth(records, "Fed"), "Moved")[2] = "lane/sorter-1/1"


@mutant("A3", "one move is entered twice", DAY, "A5")
def _(records: Records) -> None:
    fed = nth(records, "Dropped")
    fed.facts.append(list(said(fed, "Moved")))


@mutant("A4", "a second document with the code of one in custody is merged with it", TROUBLE, "A5", "G3")
def _(records: Records) -> None:
    scan = nth(records, "Scanned", 2)
    assert said(scan, "ObjectSeen")[2] == "duplicate"
    drop_said(scan, "ObjectSeen")
    for each in scan.facts:
        if len(each) > 1 and str(each[1]).startswith("?"):
            each[1] = "NJ0001"
    said(scan, "Moved")[2] = "lane/sorter-1/2"
    cut_after(records, scan)


@mutant("A5", "an item that nobody announced moves")
def _(records: Records) -> None:
    nth(records, "Dropped").facts.append(["Moved", "NJ0099", "rack", "hand"])


@mutant("A5", "an item vanishes from the hall")
def _(records: Records) -> None:
    records[-1].facts.append(["Moved", "?no_read:000001", "hand", "gone"])


@mutant("A5", "an item moves because of an input that moves nothing", TROUBLE)
def _(records: Records) -> None:
    tick = nth(records, "Tick")
    tick.facts.append(["Moved", "NJ0005", "lane/sorter-1/2", "lost"])
    cut_after(records, tick)


@mutant("A6", "a dispatched item comes back")
def _(records: Records) -> None:
    records[-1].facts.extend([["SentToHand", "NJ0005", "unknown"], ["Moved", "NJ0005", "dispatched", "hand"]])


@mutant("A7", "an object without identity gets the identity of another", TROUBLE, "A3", "A5")
def _(records: Records) -> None:
    ghost = nth(records, "GhostAppeared")
    for each in ghost.facts:
        if len(each) > 1 and str(each[1]).startswith("?"):
            each[1] = "?X1"
    cut_after(records, ghost)


@mutant("A7", "a ghost is not counted", TROUBLE)
def _(records: Records) -> None:
    ghost = nth(records, "GhostAppeared")
    del ghost.facts[1:]
    cut_after(records, ghost)


@mutant("A8", "an item is lost, and no discrepancy is opened", TROUBLE)
def _(records: Records) -> None:
    lost = nth(records, "TrackLost")
    drop_said(lost, "ItemLost")


@mutant("A8", "a lost item is back, and its discrepancy is not closed", TROUBLE)
def _(records: Records) -> None:
    drop_said(nth(records, "Scanned", fact="ItemFound"), "ItemFound")


@mutant("A8", "a discrepancy says another place than the item's", TROUBLE)
def _(records: Records) -> None:
    said(nth(records, "TrackLost"), "ItemLost")[2] = "rack"


@mutant("A9", "what was sought in vain is still there in the books", VAIN)
def _(records: Records) -> None:
    ended = nth(records, "CommandEnded")
    drop_said(ended, "ItemLost", "Moved")
    cut_after(records, ended)


@mutant("A9", "a document is fed from behind another, which is not missed", VAIN)
def _(records: Records) -> None:
    fed = nth(records, "Fed")
    drop_said(fed, "ItemLost")
    fed.facts.remove(said(fed, "Moved"))
    cut_after(records, fed)


@mutant("A9", "an item is called lost while its belt stands", VAIN)
def _(records: Records) -> None:
    tick = nth(records, "Tick", fact="ItemLost")
    at = next(at for at, each in enumerate(records) if each is tick)
    held = ["MachineChanged", "sorter-1", 1, records[at - 2].happened[3] + 1, 11, 1, 1]
    facts = [["EventTaken", *held[1:4]], ["MachineEntered", "sorter-1", 11, 1, 1]]
    records.insert(at, Record(*tick[:3], held, facts, []))
    cut_after(records, tick)


# --- B: two citizens never in one parcel ---


@mutant("B1", "a pouch is sealed as sound with another citizen's document in it", DAY, "A1", "B3", "C1", "C3")
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    said(packed, "ParcelSealed")[3] = "NJ0002"
    cut_after(records, packed)


@mutant("B1", "a pouch with two documents in it is sealed as sound", TROUBLE, "B5", "B6")
def _(records: Records) -> None:
    double = nth(records, "Fed", about="NJ0003")
    double.facts[:] = [double.facts[0], said(double, "Moved")]
    packed = nth(records, "Packed", 1)
    said(packed, "ParcelSealed")[7] = ""
    drop_said(packed, "Suspected")
    cut_after(records, packed)


@mutant("B3", "a second pouch is begun for an item that has one", DAY, "B4")
def _(records: Records) -> None:
    begun = nth(records, "DivertConfirmed", 1)
    begun.facts.append(["JobBegun", "bagger-2", 1, "NJ0001", 2, "EA777777775CN"])
    begun.commands.append(["BeginParcel", "bagger-2", 1, 2, 1, 1, "EA777777775CN"])
    cut_after(records, begun)


@mutant("B3", "one pouch ends twice", DAY, "A3")
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    packed.facts.append(list(said(packed, "ParcelSealed")))


@mutant("B4", "a document is fed at one bagger and enters the pouch of another", DAY, "A1")
def _(records: Records) -> None:
    fed = nth(records, "Fed")
    said(fed, "Moved")[3] = "pack/bagger-2"
    cut_after(records, fed)


@mutant("B4", "another code is read at the bagger, and the document counts as proven")
def _(records: Records) -> None:
    nth(records, "Fed").happened[8] = "NJ0002"


@mutant("B4", "nothing is read at the bagger, and the document counts as proven")
def _(records: Records) -> None:
    nth(records, "Fed").happened[6] = 8


@mutant("B4", "a pouch is to be sealed though its document was not proven")
def _(records: Records) -> None:
    fed = nth(records, "Fed", -1)
    said(fed, "DocumentFed")[4:] = [False, "unread_at_bagger"]
    cut_after(records, fed)


@mutant("B5", "a document of double thickness counts as proven")
def _(records: Records) -> None:
    nth(records, "Fed", about=80).happened[7] = 81


@mutant("B5", "a second document stays in the pouch", TROUBLE)
def _(records: Records) -> None:
    double = nth(records, "Fed", about="NJ0003")
    double.facts[:] = [double.facts[0], said(double, "Moved")]
    cut_after(records, double)


@mutant("L", "a pouch that nothing is against is put out")
def _(records: Records) -> None:
    fed = nth(records, "Fed", fact="VerdictGiven")
    said(fed, "VerdictGiven")[4] = False
    said(fed, "SealParcel")[0] = "RejectParcel"
    cut_after(records, fed)


@mutant("B6", "a pouch that was open when the machine stopped is sealed as sound", TROUBLE)
def _(records: Records) -> None:
    _trusted(records, nth(records, "Packed"))
    drop_said(nth(records, "MachineChanged", fact="JobSuspected"), "JobSuspected")


@mutant("B6", "a pouch that was open when the controller restarted is sealed as sound", LIVES)
def _(records: Records) -> None:
    drop_said(nth(records, "Started", 1), "JobSuspected")
    _trusted(records, nth(records, "Packed", -1))


@mutant("B6", "a suspect parcel is sent into a bag", TROUBLE)
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    said(packed, "Drop")[3] = 1
    cut_after(records, packed)


@mutant("B6", "a bagger that lost its memory goes on with its open pouch", LIVES)
def _(records: Records) -> None:
    restarted = nth(records, "LinkUp", fact="ParcelRejected")
    drop_said(restarted, "Suspected", "ParcelRejected", "SentToHand", "Moved")
    cut_after(records, restarted)


@mutant("B6", "an item that an unknown event named goes on as if nothing had been", TROUBLE, "A1")
def _(records: Records) -> None:
    drop_said(records[-1], "SentToHand", "Moved")


@mutant("B6", "the reason why a parcel is suspect is said anew", LIVES)
def _(records: Records) -> None:
    restarted = nth(records, "LinkUp", fact="Suspected")
    restarted.facts.append(["Suspected", said(restarted, "Suspected")[1], "label_used_twice"])


@mutant("B7", "a code is a resident identity number")
def _(records: Records) -> None:
    records[-1].facts.clear()
    records[-1].happened[:] = ["Fed", "sorter-2", 1, 2, 1, 1, 0, 0, "11010519491231002X"]
    records[-1].facts.extend([["EventTaken", "sorter-2", 1, 2], ["EventSetAside", "sorter-2", 1, 2, "unknown_job"]])


def _trusted(records: Records, packed: Record) -> None:
    """A pouch that was sealed as suspect is taken for sound."""
    said(packed, "ParcelSealed")[7] = ""
    drop_said(packed, "Suspected")
    said(packed, "Drop")[3] = 1
    cut_after(records, packed)


# --- C: labels and waybills ---


@mutant("C1", "the label read back is another's, and the parcel is sound")
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    packed.happened[7] = said(packed, "ParcelSealed")[5] = said(packed, "Drop")[4] = "EA777777789CN"
    said(packed, "Drop")[3] = 0
    cut_after(records, packed)


@mutant("C1", "what the bagger read back is not what the record says")
def _(records: Records) -> None:
    nth(records, "Packed").happened[7] = "EA777777789CN"


@mutant("C1", "a pouch that was to be put out is sealed as sound", TROUBLE, "B6")
def _(records: Records) -> None:
    packed = nth(records, "Packed", about="bagger-2")
    packed.happened[5], packed.happened[7] = 0, "EA000000045CN"
    packed.facts[:] = [
        *packed.facts[:2],
        ["ParcelSealed", "bagger-2", 1, "NJ0004", "EA000000045CN", "EA000000045CN", 40, ""],
        ["Moved", "NJ0004", "pack/bagger-2", "rack"],
    ]
    packed.commands[:] = [["Drop", "rack-1", 3, 0, "EA000000045CN"]]
    cut_after(records, packed)


@mutant("C1", "an item enters the rack in no parcel")
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    drop_said(packed, "ParcelSealed", "Drop")
    cut_after(records, packed)


@mutant("C2", "one waybill is given to two items")
def _(records: Records) -> None:
    for each in records:
        for fact in [*each.facts, *each.commands]:
            fact[:] = ["EA000000014CN" if value == "EA000000028CN" else value for value in fact]
            if fact[0] == "BagClosed":
                fact[7] = ["EA000000014CN" if value == "EA000000028CN" else value for value in fact[7]]
        each.happened[:] = ["EA000000014CN" if value == "EA000000028CN" else value for value in each.happened]
    cut_after(records, nth(records, "DivertConfirmed", 2))


@mutant("C2", "a waybill has a wrong check digit")
def _(records: Records) -> None:
    for each in records:
        for fact in [*each.facts, *each.commands]:
            fact[:] = ["EA000000058CN" if value == "EA000000059CN" else value for value in fact]
            if fact[0] == "BagClosed":
                fact[7] = ["EA000000058CN" if value == "EA000000059CN" else value for value in fact[7]]
        each.happened[:] = ["EA000000058CN" if value == "EA000000059CN" else value for value in each.happened]


@mutant("C2", "numbers are passed over that nobody used")
def _(records: Records) -> None:
    begun = nth(records, "Fed", -2)
    for fact in [*begun.facts, *begun.commands]:
        fact[:] = ["EA000000062CN" if value == "EA000000059CN" else value for value in fact]
    cut_after(records, begun)


@mutant("C2", "two lines of manifests have one waybill")
def _(records: Records) -> None:
    manifest = nth(records, "ManifestReceived", 1)
    manifest.happened[6][0][3] = said(manifest, "ItemExpected")[2][3] = "EA777777775CN"
    cut_after(records, manifest)


@mutant("C3", "two parcels on their way bear one label, and one is still trusted")
def _(records: Records) -> None:
    packed = nth(records, "Packed", 1)
    packed.happened[7] = "EA777777775CN"
    sealed = said(packed, "ParcelSealed")
    sealed[5], sealed[7] = "EA777777775CN", "wrong_label"
    packed.facts.append(["Suspected", "NJ0002", "wrong_label"])
    said(packed, "Drop")[3:] = [0, "EA777777775CN"]
    cut_after(records, packed)


@mutant("C4", "a parcel that is too heavy is sound")
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    packed.happened[6] = said(packed, "ParcelSealed")[6] = 201


# --- D: bags ---


@mutant("D1", "the bill of a bag lacks a parcel")
def _(records: Records) -> None:
    bill = said(nth(records, "BagShut"), "BagClosed")
    del bill[6][1], bill[7][1]


@mutant("D1", "the bill of a bag lists another's number")
def _(records: Records) -> None:
    said(nth(records, "BagShut"), "BagClosed")[7][0] = "EA777777789CN"


@mutant("D1", "a parcel stays in a bag that was closed")
def _(records: Records) -> None:
    shut = nth(records, "BagShut", -1)
    shut.facts.remove(["Moved", "NJ0005", f"bag/{said(shut, 'BagClosed')[1]}", "dispatched"])


@mutant("D1", "an unknown parcel falls into a bag, and the bag is not suspect")
def _(records: Records) -> None:
    fallen = nth(records, "Dropped", 2)
    fallen.happened[7] = "EA777777789CN"
    fallen.facts[1:] = [["EventSetAside", *fallen.happened[1:4], "unknown_waybill"]]
    fallen.commands.clear()
    cut_after(records, fallen)


@mutant("D1", "a parcel that may have fallen unheard does not make its bag suspect", LIVES)
def _(records: Records) -> None:
    restarted = nth(records, "LinkUp", fact="BagSuspected")
    drop_said(restarted, "BagSuspected")
    records.remove(nth(records, "Dropped", 1))
    shut = nth(records, "BagShut")
    shut.happened[3] -= 1
    said(shut, "EventTaken")[3] -= 1
    del said(shut, "BagClosed")[6][1], said(shut, "BagClosed")[7][1]
    tag = said(shut, "BagClosed")[1]
    shut.facts[2:] = [["Moved", "NJ0001", f"bag/{tag}", "dispatched"]]
    cut_after(records, shut)


@mutant("D1", "a parcel falls at one position and is entered at another")
def _(records: Records) -> None:
    nth(records, "Dropped").happened[4] = 2
    cut_after(records, nth(records, "Dropped"))


@mutant("D2", "a parcel is sent into the bag of another destination")
def _(records: Records) -> None:
    packed = nth(records, "Packed")
    said(packed, "Drop")[3] = 2
    cut_after(records, packed)


@mutant("D2", "a parcel of another destination falls into a bag, which is not suspect")
def _(records: Records) -> None:
    for each in (records[0].happened[3], said(records[0], "HallAdopted")[3]):
        each[9][1][0][1] = [[210000, 211000]]
    packed = nth(records, "Packed", 2)
    said(packed, "Drop")[3] = 0
    dropped = nth(records, "Dropped", 2)
    cut_after(records, dropped)


@mutant("D2", "a bag is opened for another destination than its position's")
def _(records: Records) -> None:
    said(nth(records, "Dropped", fact="BagOpened"), "BagOpened")[3] = "suzhou"
    cut_after(records, nth(records, "Dropped", fact="BagOpened"))


@mutant("D3", "a bag that was not sealed is dispatched")
def _(records: Records) -> None:
    shut = nth(records, "BagShut")
    shut.happened[7] = said(shut, "BagClosed")[4] = ""


@mutant("D3", "a suspect bag is dispatched", LIVES)
def _(records: Records) -> None:
    shut = nth(records, "BagShut")
    drop_said(shut, "SentToHand")
    for each in shut.facts:
        if each[0] == "Moved":
            each[3] = "dispatched"
    cut_after(records, shut)


@mutant("D3", "one seal closes two bags")
def _(records: Records) -> None:
    shut = nth(records, "BagShut", 1)
    shut.happened[7] = said(shut, "BagClosed")[4] = "S4711"


@mutant("D3", "one tag is given to two bags")
def _(records: Records) -> None:
    for each in records:
        for fact in each.facts:
            fact[:] = [value.replace("NJ-02-000002", "NJ-01-000001") if isinstance(value, str) else value for value in fact]


@mutant("D3", "an item is dispatched from a bag that is open")
def _(records: Records) -> None:
    shut = nth(records, "BagShut")
    shut.facts.append(["Moved", "NJ0005", "expected", "dispatched"])
    shut.facts[-1][2] = "bag/NJ-02-000002"
    shut.facts[-1][1] = "NJ0001"
    drop_said(shut, "BagClosed", "CommandAnswered")
    del shut.facts[1:-1]
    shut.facts[-1][2] = "bag/NJ-01-000001"
    cut_after(records, shut)


@mutant("D3", "a bag that is being closed is asked to be closed again")
def _(records: Records) -> None:
    dropped = nth(records, "Dropped", 3)
    dropped.facts.append(["BagCloseAsked", "NJ-01-000001", 1, "count"])
    dropped.commands.append(["CloseBag", "rack-1", 6, 1, "NJ-01-000001"])
    cut_after(records, dropped)


@mutant("D3", "a bag that may be shut is used on after the rack's restart", VAIN)
def _(records: Records) -> None:
    restarted = nth(records, "LinkUp", -1)
    closed = said(restarted, "BagClosed")
    at = restarted.facts.index(closed)
    del restarted.facts[at : restarted.facts.index(said(restarted, "BagOpened")) + 2]


@mutant("D1", "a bag that may be the one before it is trusted after the rack's restart", VAIN)
def _(records: Records) -> None:
    restarted = nth(records, "LinkUp", -1)
    restarted.facts.remove(said(restarted, "BagSuspected", 1))


@mutant("A9", "a parcel without a readable label comes out, and is not believed", VAIN)
def _(records: Records) -> None:
    dropped = nth(records, "Dropped", -2)
    _, plc, epoch, seq, *_ = dropped.happened
    dropped.facts[:] = [["EventTaken", plc, epoch, seq], ["EventSetAside", plc, epoch, seq, "unknown_waybill"]]
    cut_after(records, dropped)


@mutant("D1", "a label comes a second time, and its parcel in a bag is trusted", VAIN)
def _(records: Records) -> None:
    dropped = nth(records, "Dropped", -1)
    drop_said(dropped, "BagSuspected", "Suspected")
    cut_after(records, dropped)


@mutant("A9", "a document that was fed makes one of another lane missed", VAIN)
def _(records: Records) -> None:
    fed = nth(records, "Fed")
    fed.facts[-1:-1] = [["ItemLost", "NJ0003", "lane/sorter-1/3", "passed_over"], ["Moved", "NJ0003", "lane/sorter-1/3", "lost"]]
    cut_after(records, fed)


@mutant("G3", "a bag is due, and nobody asks for it", VAIN)
def _(records: Records) -> None:
    tick = records[next(at for at, each in enumerate(records) if any(fact[0] == "BagCloseAsked" for fact in each.facts))]
    drop_said(tick, "BagCloseAsked", "CloseBag")
    cut_after(records, tick)
    at_us, mono_us, wall_us = tick[:3]
    records += [Record(at_us + by, mono_us + by, wall_us + by, ["Tick"], [], []) for by in (2_000_000, 40_000_000)]


@mutant("G3", "a rack that refused to close a bag is not asked again", VAIN)
def _(records: Records) -> None:
    tick = records[next(at for at, each in enumerate(records) if any(fact[0] == "BagCloseAsked" for fact in each.facts))]
    _, tag, position, _ = said(tick, "BagCloseAsked")
    _, rack, number, *_ = said(tick, "CloseBag")
    cut_after(records, tick)
    at_us, mono_us, wall_us = tick[:3]
    refused = [
        ["EventTaken", rack, 1, 4],
        ["CommandAnswered", rack, number, 6],
        ["BagCloseAsked", tag, position, ""],
    ]
    seq = max(
        each.happened[3] for each in records if each.happened[0] in ("Dropped", "MachineChanged") and each.happened[1] == rack
    )
    refused[0][3] = seq + 1
    ended = Record(at_us, mono_us, wall_us, ["CommandEnded", rack, 1, seq + 1, number, 6], refused, [])
    later = [Record(at_us + by, mono_us + by, wall_us + by, ["Tick"], [], []) for by in (61_000_000, 95_000_000)]
    records += [ended, *later]


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


# --- N: alarms ---


def raised(records: Records, alarm: str, number: int = 0) -> tuple[Record, Said]:
    """The record in which this alarm is raised, counted from 0, and the fact."""
    found = [(each, fact) for each in records for fact in each.facts if fact[:2] == ["AlarmRaised", alarm]]
    return found[number]


@mutant("N1", "a jam is no alarm", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "jam")
    record.facts.remove(fact)
    cut_after(records, record)


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


@mutant("N1", "a machine aborts, and that is no alarm", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "machine_aborted")
    record.facts.remove(fact)
    cut_after(records, record)


@mutant("N1", "a link is lost, and nobody waits for it", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "LinkLost")
    drop_said(record, "AlarmAwaited", "AlarmSuppressed")
    cut_after(records, record)


@mutant("N1", "an ID document is missing, and that is no alarm", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "secure_lost")
    record.facts.remove(fact)
    cut_after(records, record)


@mutant("N1", "the last ID document is found, and its alarm stands", ALARMS)
def _(records: Records) -> None:
    record = nth(records, "Scanned", 1)
    drop_said(record, "AlarmCleared")
    cut_after(records, record)


@mutant("N1", "a consumable is used up, and that is no alarm", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "consumable_empty")
    record.facts.remove(fact)
    cut_after(records, record)


@mutant("N1", "the exception lane is full, and that is no alarm", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "exception_lane_full")
    record.facts.remove(fact)


@mutant("N1", "events are missing, and that is no alarm", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "events_missing")
    record.facts.remove(fact)
    cut_after(records, record)


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


@mutant("N3", "the time of a hold is over, and nobody is told", ALARMS)
def _(records: Records) -> None:
    record, fact = raised(records, "machine_held")
    record.facts.remove(fact)
    cut_after(records, record)


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


import shift_mutants  # noqa: E402, F401 - it needs what stands above, and puts its own on the list

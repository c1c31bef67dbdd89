"""
Mutants: sound days changed in one place, so that one invariant is broken and everything else, CRC and chain too, is right.

Each names the letter that the judge must find. A day is cut where what follows would only be consequence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from days import DAY, LIVES, TROUBLE, VAIN
from writer import Record

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

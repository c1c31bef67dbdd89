"""
The dispatch rack and its mail bags (D1 to D3, B3, C3).

Contents are counted from what the rack says fell at a position. Whatever may have fallen unheard makes the bag suspect;
only a sound, sealed bag whose bill is its contents is dispatched.
"""

from __future__ import annotations

from typing import Final

from simulation.judge import plans, tags
from simulation.judge.grammar import Said
from simulation.judge.ledger import Bag, Bench, Court, Item, is_masked

_ASKED_AGAIN_US: Final = 60_000_000
"""A rack that refused to close a bag is asked again within this; the design says "in a while", which is half a minute."""

_LOOK_US: Final = 1_000_000
_OVERDUE_US: Final = 30_000_000
"""How long a controller that runs may know that a bag is due, and not ask for it."""


def drop(court: Court, bench: Bench, command: Said) -> None:
    """A parcel is sent into a bag only if it is one, sound, and for its destination and service; else to the reject position."""
    _, plc, number, position, waybill = command
    hall = court.hall
    if hall is None:
        return
    if plc != hall.rack:
        court.blame("D2", f"{plc} is asked to drop {waybill}, but the rack is {hall.rack}")
    carriers = [parcel for parcel in court.labels.get(waybill, ()) if parcel.item in court.in_rack]
    if position in hall.positions and position != hall.reject:
        what = f"Drop {number} sends {waybill} to position {position}"
        if len(carriers) != 1:
            court.blame("C3", f"{what}, but {len(carriers)} parcels on their way bear it")
            return
        parcel = carriers[0]
        suspect = next((item.suspect for item in parcel.documents if item.suspect), "")
        if not parcel.sound or suspect or parcel.item.waybill != waybill:
            court.blame("B6", f"{what}, but {parcel.item.id} is suspect: {suspect or 'not sealed as sound'}")
        elif plans.going(court, parcel.item) != hall.positions[position]:
            court.blame("D2", f"{what}, which is {hall.positions[position]}, not where {parcel.item.id} goes")
        elif parcel.item.line is None or not hall.bag_takes(position, parcel.item.line[5]):
            court.blame("D2", f"{what}, which is for {hall.services[position]}, {parcel.item.id} goes by another service")
    for parcel in carriers:
        parcel.position, parcel.ordered = position, True


def bag_opened(court: Court, bench: Bench, fact: Said) -> None:
    """A new bag hangs at a position that has none; its tag was never used."""
    _, tag, position, destination, cutoff_us = fact
    if tag in court.tags:
        court.blame("D3", f"bag {tag} is opened a second time")
    if position in court.open_bags:
        court.blame("D3", f"bag {tag} is opened at position {position}, where {court.open_bags[position].tag} hangs")
    if court.hall is not None and court.hall.positions.get(position) != destination:
        court.blame("D2", f"bag {tag} for {destination} is opened at position {position}, which is for another")
    court.tags.add(tag)
    if court.hall is not None and cutoff_us != court.hall.next_cutoff_us(bench.at_us):
        court.blame("G3", f"bag {tag} is to be closed at {cutoff_us}, by the plan at {court.hall.next_cutoff_us(bench.at_us)}")
    bag = court.open_bags[position] = Bag(tag, position, destination, cutoff_us)
    if court.hall is not None:
        tags.opened(court, bench, bag)
    if position in court.left_hanging:
        bag.tainted = f"{court.left_hanging.pop(position)} may hang there still"


def parcel_dropped(court: Court, bench: Bench, fact: Said) -> None:
    """A parcel fell into a bag; one that does not belong there makes the bag suspect."""
    _, label, name, tag, position = fact
    item = court.item(name, "ParcelDropped")
    bag = court.open_bags.get(position)
    if bench.name != "Dropped" or bench.happened[4] != position or bench.happened[7] != label:
        court.blame("D1", f"{name} falls into {tag} at position {position}, but the rack said no such thing")
    if item is None:
        return
    if bag is None or bag.tag != tag:
        court.blame("D1", f"{name} falls into {tag} at position {position}, where that bag does not hang")
        return
    if item in bag.items:
        court.blame("B3", f"{name} falls into {tag} a second time")
    bag.items.append(item)
    bag.labels.append(label)
    if item.parcel is not None:
        bench.riders = [each for each in item.parcel.documents[1:] if each.carrier is item.parcel]
        bag.riders += bench.riders
    why = _why_not(court, bag, item, label)
    if why:
        bench.suspects.append((bag, f"{name} in it {why}"))


def _why_not(court: Court, bag: Bag, item: Item, label: str) -> str:
    """Why a parcel that fell into a bag does not belong there; "" if it does."""
    if item.parcel is None or not item.parcel.sound:
        return "is no sound parcel"
    if item.suspect:
        return "is suspect"
    if item.place != "rack":
        return f"was in {item.place}"
    if label != item.waybill:
        return f"bears {label!r}, its number is {item.waybill!r}"
    if item.line is None or court.hall is None or plans.going(court, item) != bag.destination:
        return "goes elsewhere"
    if bag.position in court.hall.positions and not court.hall.bag_takes(bag.position, item.line[5]):
        return "goes by another service"
    if item.parcel.position != bag.position:
        return f"was sent to position {item.parcel.position}"
    return ""


def parcel_turned_out(court: Court, bench: Bench, fact: Said) -> None:
    """A parcel came out at the reject position."""
    _, label, name, _ = fact
    item = court.item(name, "ParcelTurnedOut")
    if item is not None and item.parcel is not None:
        bench.riders = [each for each in item.parcel.documents[1:] if each.carrier is item.parcel]
    if bench.name != "Dropped" or bench.happened[7] != label:
        court.blame("D1", f"{name} is turned out, but the rack said no such thing")
    elif court.hall is not None and bench.happened[4] in court.hall.positions and bench.happened[4] != court.hall.reject:
        court.blame("D1", f"{name} is turned out, but it fell at position {bench.happened[4]}")


def bag_suspected(court: Court, bench: Bench, fact: Said) -> None:
    """A bag that may not be dispatched."""
    _, tag, position, reason = fact
    bag = court.open_bags.get(position)
    if bag is None or bag.tag != tag:
        court.blame("D3", f"bag {tag} at position {position} is suspect, but it does not hang there")
    else:
        bag.suspect = reason or "suspected"


def bag_close_asked(court: Court, bench: Bench, fact: Said) -> None:
    """A bag is to be closed, or no longer (no reason)."""
    _, tag, position, reason = fact
    bag = court.open_bags.get(position)
    if bag is None or bag.tag != tag:
        court.blame("D3", f"bag {tag} at position {position} is to be closed, but it does not hang there")
    elif reason:
        bench.orders["CloseBag", position] = (tag,)
        if reason == "cut_off" and bench.at_us < bag.cutoff_us:
            court.blame("T2", f"bag {tag} is to be closed {bag.cutoff_us - bench.at_us} us before its cut-off")
        if court.hall is not None and _is_closing(court, court.hall.rack, position):
            court.blame("D3", f"bag {tag} is to be closed, and the rack is at it already")
    else:
        bag.due_us = bench.at_us + _ASKED_AGAIN_US


def look_for_overdue(court: Court, bench: Bench) -> None:
    """Once a second: no bag that is due hangs on while nobody asks for it."""
    if bench.name == "Started":
        for bag in court.open_bags.values():
            bag.overdue_us = 0
    if bench.at_us - court.looked_us < _LOOK_US or court.hall is None:
        return
    court.looked_us = bench.at_us
    for position, bag in court.open_bags.items():
        if not bag.due_us or bench.at_us <= bag.due_us or _is_closing(court, court.hall.rack, position):
            bag.overdue_us = 0
        elif not bag.overdue_us:
            bag.overdue_us = bench.at_us
        elif bench.at_us - bag.overdue_us > _OVERDUE_US:
            court.blame("G3", f"bag {bag.tag} was to be closed {bench.at_us - bag.due_us} us ago, and nobody asks for it")
            bag.due_us = bag.overdue_us = 0


def _is_closing(court: Court, rack: str, position: int) -> bool:
    """Whether the rack was asked to close the bag at a position, and has not answered."""
    return any(command[0] == "CloseBag" and command[3] == position for command in court.machines[rack].asked.values())


def close_bag(court: Court, bench: Bench, command: Said) -> None:
    """The rack is asked to close what is to be closed."""
    _, plc, number, position, tag = command
    bag = court.open_bags.get(position)
    wanted = (bag.printed or bag.tag) if bag is not None else tag
    if tags.is_name(wanted):
        court.blame("D5", f"{plc} is asked to close {wanted}, and no tag was made for it")
    if bench.orders.pop(("CloseBag", position), None) is None or tag != wanted:
        court.blame("E9", f"{plc} is asked to close {tag} ({number}), which this record does not announce")


def bag_closed(court: Court, bench: Bench, fact: Said) -> None:
    """A bag is closed: its bill is its contents, its seal was never used, and what is against it is known."""
    _, tag, position, destination, seal, grams, items, labels = fact
    bag = court.open_bags.get(position)
    if bag is None or bag.tag != tag:
        court.blame("D3", f"bag {tag} is closed at position {position}, where it does not hang")
        return
    del court.open_bags[position]
    if bench.name == "LinkUp":
        court.left_hanging[position] = tag
    court.bags += 1
    inside = [item.id for item in bag.items]
    if items != inside or not _bear(bag, labels):
        court.blame("D1", f"the bill of {tag} lists {len(items)} items {items[:3]} {labels[:3]}, in it are {inside[:3]}")
    if destination != bag.destination:
        court.blame("D2", f"bag {tag} was opened for {bag.destination} and is closed for {destination}")
    against = bag.suspect
    if bench.name == "BagShut":
        if bench.happened[4:] != [position, bench.happened[5], grams, seal]:
            court.blame("D3", f"bag {tag} is closed with {seal!r} and {grams} g, but {bench.happened} was said")
        against = against or ("it was not sealed" if bench.happened[5] or not seal else "")
    elif bench.name != "LinkUp" or not against:
        court.blame("D3", f"bag {tag} is closed, but the rack said no such thing")
        against = against or "nobody shut it"
    unheard = court.machines[court.hall.rack].tainted.pop(position, {}) if court.hall is not None else {}
    for item, why in unheard.items():
        if not against and not bag.tainted:
            court.blame("D1", f"bag {tag} may hold the parcel of {item.id} unheard ({why}), and is not suspect")
            break
    if not against and bag.tainted:
        court.blame("D1", f"bag {tag} may hold a parcel unheard ({bag.tainted}), and is not suspect")
    if not against and seal in court.seals:
        court.blame("D3", f"bag {tag} leaves under seal {seal}, which closed {court.seals[seal]}")
    if seal:
        court.seals.setdefault(seal, tag)
    bench.closing = (bag, against)


def _bear(bag: Bag, labels: list[str]) -> bool:
    """Whether a bill lists the numbers of what is in the bag; a number whose label was not read as it may stand there, too."""
    return len(labels) == len(bag.items) and all(
        label in (said, item.waybill) for label, said, item in zip(labels, bag.labels, bag.items, strict=True)
    )


def after_dropped(court: Court, bench: Bench) -> None:
    """Whatever falls at a position is in the bag's contents, or the bag is suspect."""
    position, label = bench.happened[4], bench.happened[7]
    hall = court.hall
    if hall is None or bench.plc != hall.rack:
        return
    told = bench.said.get("ParcelDropped") or bench.said.get("ParcelTurnedOut")
    if not told:
        bag = court.open_bags.get(position)
        if position in hall.positions and position != hall.reject and (bag is None or not bag.suspect):
            court.blame("D1", f"an unknown parcel fell at position {position}, and no bag there is suspect")
        mine = [parcel for parcel in court.labels.get(label, ()) if parcel.item in court.in_rack]
        if mine and label and not is_masked(label):
            court.blame("D1", f"{label} came out of the rack, which is known, and is not believed")
        owner = court.waybills.get(label)
        hangs = next((bag for bag in court.open_bags.values() if owner in bag.items), None)
        if hangs is not None and not hangs.suspect:
            court.blame("D1", f"label {label} came a second time, and the parcel in {hangs.tag} that bears it is still trusted")
        if not label and position == hall.reject and any(not parcel.label for parcel in court.in_rack.values()):
            court.blame("A9", "a parcel without a readable label came out of the rack; one is on its way, and is not believed")
        return
    bench.over.append((bench.plc, "Drop", label))
    fact = told[0]
    bag = court.open_bags.get(position)
    if bag is not None and len(bag.items) >= hall.items_max and not _is_closing(court, hall.rack, position):
        court.blame("G3", f"bag {bag.tag} holds {len(bag.items)} items, the plan says {hall.items_max}, and it is not closed")
    item = court.items.get(fact[2])
    for unheard in court.machines[bench.plc].tainted.values():
        if item is not None:
            unheard.pop(item, None)
    wanted = "hand" if fact[0] == "ParcelTurnedOut" else f"bag/{fact[3]}"
    if item is not None and item.place != wanted:
        court.blame("A1", f"{item.id} came out of the rack, and its place is {item.place}, expected {wanted}")
    left = [each.id for each in bench.riders if each.place == "rack"]
    if left:
        court.blame("A1", f"{fact[2]} came out of the rack, and {left}, which rode with it, did not")


def after_shut(court: Court, bench: Bench) -> None:
    """A bag that was shut is closed, with all that was in it gone, and its command answered."""
    position = bench.happened[4]
    if bench.closing is None:
        if court.hall is not None and bench.plc == court.hall.rack and position in court.open_bags:
            court.blame("D3", f"the rack shut a bag at position {position}, and {court.open_bags[position].tag} is still open")
        return
    for number, command in court.machines[bench.plc].asked.items():
        if command[0] == "CloseBag" and command[3] == position:
            court.blame("E9", f"CloseBag {number} of {bench.plc} was carried out, and is still open")
            break


def after_bags(court: Court, bench: Bench) -> None:
    """At the end of every record: no item stays in a closed bag, and bags that must be suspect are."""
    if bench.closing is not None:
        bag = bench.closing[0]
        left = [item.id for item in (*bag.items, *bag.riders) if item.place == f"bag/{bag.tag}"]
        if left:
            court.blame("D1", f"bag {bench.closing[0].tag} is closed, and {left[:3]} stay in it")
    for bag, why in bench.suspects:
        if not bag.suspect:
            court.blame("D2", f"bag {bag.tag} is not suspect, though {why}")

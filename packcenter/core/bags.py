"""
From sealed parcel to dispatched bag 封发.

A parcel gets its instruction (which position) when it is sealed; the rack drops it when it arrives. A bag is closed
on count, weight or cut-off; what fell before the closing event is in it, what falls after is in the next one.
"""

from __future__ import annotations

from packcenter.core import case_cells, custody, receipts, tags
from packcenter.core.case_facts import ParcelProven
from packcenter.core.commands import CloseBag, Drop, SealParcel
from packcenter.core.facts import (
    BagCloseAsked,
    BagClosed,
    BagOpened,
    BagSuspected,
    CommandAnswered,
    ConfirmationMoved,
    Moved,
    ParcelDropped,
    ParcelSealed,
    ParcelTurnedOut,
)
from packcenter.core.inputs import BagShut, Dropped
from packcenter.core.lifecycle import FINAL, kind_of
from packcenter.core.state import Bag, Item, Job
from packcenter.core.turn import Turn
from packcenter.core.words import NO_CODES, CommandResult

_DAY_MINUTES = 24 * 60
_MINUTE_US = 60_000_000
_NO_ORDER = 1  # the rack had no order for the label (line interface, dropped)


def send(turn: Turn, item: Item, label: str) -> None:
    """
    Tell the rack what to do with a parcel that is on its way to it under this label.

    A suspect one is turned out. If another parcel is on its way under the same label, both are turned out: the rack
    cannot tell them apart, and a document in the wrong bag is worse than one that waits. If it fell already, what fell may
    have been this one, whose bagger was heard later than the rack (B4, protocol seed 640105): its bag is suspect. One without
    a readable label the rack turns out by itself.
    """
    rack = turn.index.hall.rack
    if label in NO_CODES:
        return
    twins = [other for other in _under(turn, label) if other is not item]
    for parcel in (*twins, item) if twins else ():
        custody.suspect(turn, parcel, "label_used_twice")
    _doubt_the_bagged(turn, label)
    position = _position(turn, item)
    if not position:
        custody.suspect(turn, item, "no_position")
    _instruct(turn, label, rack.reject_position if item.suspect else position)


def doubt_twins(turn: Turn, unread: Item) -> None:
    """
    A parcel was sealed under a label that its bagger could not read, or misread: that may be another's, printed once more.

    Then the rack reads that number on it and takes it for the other, so all whose labels were made before and that are on
    their way are turned out (B4, protocol seed 1003122). Only a bagger that does not check its labels seals such a pouch.
    """
    for other in _on_way(turn):
        if other is not unread and not other.suspect:
            hold_back(turn, other, "label_doubtful")


def _doubt_the_bagged(turn: Turn, label: str) -> None:
    """The label is on another parcel, too: if its own lies in an open bag, what lies there may be the other one."""
    owner = turn.state.waybills.get(label)
    if owner is not None and kind_of(turn.item(owner).place) == "bag":
        hold_back(turn, turn.item(owner), "label_used_twice")


def _under(turn: Turn, label: str) -> list[Item]:
    """The parcels that are on their way to the rack under this label: strays first, oldest first, then the number's own."""
    under = [turn.item(name) for name in turn.state.strays.get(label, ())]
    name = turn.state.waybills.get(label)
    own = turn.item(name) if name is not None else None
    if own is not None and own.place == "rack" and _label(turn, own) == label:
        under.append(own)
    return under


def _instruct(turn: Turn, label: str, position: int) -> None:
    """Ask for the drop; an earlier instruction for the same label is thereby over."""
    rack = turn.index.hall.rack
    _answer_drop(turn, label)
    turn.ask(Drop(rack.plc, turn.next_number(rack.plc), position, label))


def on_dropped(turn: Turn, dropped: Dropped) -> None:
    """
    The rack dropped a parcel into a bag, or turned it out.

    A parcel that we do not know in a bag makes the bag suspect; so does one that we wanted turned out. A label that comes
    a second time, when its parcel lies in a bag already, was on two: the one in the bag may be the other one.
    """
    rack = turn.index.hall.rack
    if dropped.plc != rack.plc:
        turn.set_aside(dropped, "wrong_role")
        return
    label = dropped.waybill
    into_bag = dropped.position in turn.index.destination_at and dropped.position != rack.reject_position
    item = _parcel(turn, label) or (None if into_bag else _sealed_unheard(turn, dropped))
    if item is None:
        turn.set_aside(dropped, "unknown_waybill")
        if into_bag:
            suspect_bag(turn, dropped.position, "unknown_parcel")
        _doubt_the_bagged(turn, label)
        return
    known_as = _label(turn, item)
    asked = _answer_drop(turn, label)
    if known_as != label:  # the bagger read it wrong, the rack right
        _answer_drop(turn, known_as)
    if into_bag:
        _into_bag(turn, dropped, item, asked.position if asked is not None else None)
    else:
        if asked is not None and dropped.reason == _NO_ORDER:
            custody.miss_answer(turn, rack.plc, item, asked.number)
        reason = item.suspect or ("no_instruction" if dropped.reason else "turned_out")
        turn.emit(ParcelTurnedOut(label, item.id, reason))
        for document in custody.parcel(turn.state, item):
            custody.to_hand(turn, document, reason)
    for each in sorted({label, known_as}):
        _instruct_rest(turn, each)


def _parcel(turn: Turn, label: str) -> Item | None:
    """The parcel that travels to the rack under this label, else the number's own item, if it is sought or was misread."""
    under = _under(turn, label)
    if under:
        return under[0]
    name = turn.state.waybills.get(label)
    return None if name is None or turn.item(name).place not in ("rack", "lost") else turn.item(name)


def _sealed_unheard(turn: Turn, dropped: Dropped) -> Item | None:
    """
    A parcel that left its bagger while that could not be heard: that the rack read its label proves that it was sealed.

    Only a pouch with its own document is ordered to be sealed, so the label is its own. It had no instruction, and was
    turned out. What the bagger has to tell about it comes later and finds no job.
    """
    name = turn.state.waybills.get(dropped.waybill)
    if name is None or kind_of(turn.item(name).place) != "pack":
        return None
    item = turn.item(name)
    plc = turn.plc(item.place.removeprefix("pack/"))
    bagger = turn.state.baggers[plc.name]
    job = next(job for job in (bagger.sealing, bagger.feeding) if job is not None and name in job.contents())
    if not isinstance(plc.pending[job.verdict].command, SealParcel):
        return None
    turn.emit(CommandAnswered(plc.name, job.verdict, CommandResult.DONE))
    seal(turn, plc.name, job, item, dropped.waybill, dropped.grams, _first_doubt(turn, job) or job.suspect, doubt=False)
    return item


def _first_doubt(turn: Turn, job: Job) -> str:
    return next((suspect for name in job.contents() if (suspect := turn.item(name).suspect)), "")


def seal(turn: Turn, plc: str, job: Job, lead: Item, label: str, grams: int, reason: str, *, doubt: bool) -> None:
    """
    The pouch of a job is a parcel under this label, and on its way with all that is in it. With a `reason` it is not sound, and
    in `doubt` until somebody has opened it. A sound one that a case rack laid out comes with its proof (B2), also if one document
    is all that is left of its case (protocol seed 641095).
    """
    turn.emit(ParcelSealed(plc, job.number, lead.id, job.waybill, label, grams, reason))
    if not reason and (job.others or lead.part or _is_laid_out(turn, plc, job)):
        turn.emit(ParcelProven(plc, job.number, job.waybill, lead.case, lead.part, (lead.id, *lead.riders)))
    documents = [lead, *(turn.item(name) for name in lead.riders)]
    for document in documents if reason and doubt else ():
        custody.suspect(turn, document, reason)
    for document in documents:
        custody.move(turn, document, "rack")


def _is_laid_out(turn: Turn, plc: str, job: Job) -> bool:
    """Whether a case rack lays out what this infeed of a bagger gets; also a single document, of which the others have left."""
    return any(infeed == job.infeed and place in turn.index.rack_outlets for place, infeed in turn.index.infeeds.get(plc, ()))


def _instruct_rest(turn: Turn, label: str) -> None:
    """A parcel that is still on its way under the label of one that came or was lost needs an instruction of its own."""
    if label not in NO_CODES and _under(turn, label):
        _instruct(turn, label, turn.index.hall.rack.reject_position)


def _into_bag(turn: Turn, dropped: Dropped, item: Item, asked: int | None) -> None:
    if dropped.position not in turn.state.bags:
        _open(turn, dropped.position)
    bag = turn.state.bags[dropped.position]
    turn.emit(ParcelDropped(dropped.waybill, item.id, bag.tag, bag.position))
    for document in custody.parcel(turn.state, item):
        custody.move(turn, document, f"bag/{bag.tag}")
    if item.suspect or asked != dropped.position:
        custody.suspect(turn, item, "wrong_bag")
        suspect_bag(turn, dropped.position, "wrong_parcel")
    reason = _why_full(turn, bag)
    if reason and not bag.closing:
        ask_close(turn, bag, reason)


def _why_full(turn: Turn, bag: Bag) -> str:
    """Which limit of the plan the bag has reached, "" none."""
    limits = turn.index.hall.plan.bags
    if len(bag.items) >= limits.items_max:
        return "count"
    return "weight" if bag.grams >= limits.grams_max else ""


def on_close_due(turn: Turn, bag: Bag) -> None:
    """A bag's cut-off has come, or the time to ask again after the rack refused."""
    ask_close(turn, bag, _why_full(turn, bag) or ("by_hand" if bag.by_hand else bag.was_asked or "cut_off"))


def _open(turn: Turn, position: int) -> None:
    hall = turn.index.hall
    destination = turn.index.destination_at[position]
    tag = tags.name(turn, destination) or f"{hall.centre}-{position:02d}-{turn.state.bag_serial + 1:06d}"
    turn.emit(BagOpened(tag, position, destination, next_cutoff_us(turn, turn.at_us)))


def next_cutoff_us(turn: Turn, at_us: int) -> int:
    """The plan's first cut-off after a moment, in core time, that day's or the next one's first; 0 if the plan has none."""
    hall = turn.index.hall
    minutes = hall.plan.bags.cutoff_minutes
    if not minutes:
        return 0
    local_minute = at_us // _MINUTE_US + hall.utc_offset_minutes
    midnight = local_minute - local_minute % _DAY_MINUTES - hall.utc_offset_minutes
    today = (local_minute % _DAY_MINUTES) + 1
    ahead = next((minute for minute in minutes if minute >= today), minutes[0] + _DAY_MINUTES)
    return (midnight + ahead) * _MINUTE_US


def ask_close(turn: Turn, bag: Bag, reason: str) -> None:
    """Have the bag closed; it stays open in our books until the rack says that it is shut."""
    rack = turn.index.hall.rack
    turn.emit(BagCloseAsked(bag.tag, bag.position, reason))
    turn.ask(CloseBag(rack.plc, turn.next_number(rack.plc), bag.position, tags.make(turn, bag, reason)))


def on_bag_shut(turn: Turn, shut: BagShut) -> None:
    """
    A bag is shut and sealed: it is dispatched, with a bill that lists what fell into it.

    A suspect bag goes to the hand station instead, to be opened; so does one that was not sealed, or whose seal another
    bag bears (D3).
    """
    bag = turn.state.bags.get(shut.position)
    if bag is None or shut.plc != turn.index.hall.rack.plc:
        turn.set_aside(shut, "no_bag")
        return
    pending = turn.plc(shut.plc).pending
    for number in [n for n, p in pending.items() if isinstance(p.command, CloseBag) and p.command.position == shut.position]:
        turn.emit(CommandAnswered(shut.plc, number, CommandResult.DONE))
    if shut.reason or shut.seal in NO_CODES:
        suspect_bag(turn, shut.position, "not_sealed")
    elif shut.seal in turn.state.seals:
        suspect_bag(turn, shut.position, "seal_used_twice")
    _end(turn, bag, shut.seal, shut.grams)


def _end(turn: Turn, bag: Bag, seal: str, grams: int) -> None:
    """The bag leaves: what is in it is dispatched, or at the hand station if it is suspect."""
    items = [turn.item(name) for name in bag.items]
    bill = tuple(item.waybill for item in items)
    turn.emit(BagClosed(bag.tag, bag.position, bag.destination, seal, grams, tuple(bag.items), bill))
    for item in [document for lead in items for document in custody.parcel(turn.state, lead)]:
        if bag.suspect:
            custody.to_hand(turn, item, "suspect_bag")
        else:
            turn.emit(Moved(item.id, item.place, "dispatched"))
            receipts.expect(turn, item)


def suspect_bag(turn: Turn, position: int, reason: str) -> None:
    """What is in the bag is not what should be: it is to be opened when it is closed."""
    if position not in turn.state.bags:
        _open(turn, position)
    turn.emit(BagSuspected(turn.state.bags[position].tag, position, reason))


def suspect_all(turn: Turn, reason: str) -> None:
    """
    D1: we may have missed what the rack did, so no open bag's bill is sure.

    Nor is that of a bag which hangs, in our books, empty where a parcel on its way may have fallen into it.
    """
    for position in sorted({*turn.state.bags, *_ordered(turn)}):
        suspect_bag(turn, position, reason)


def _ordered(turn: Turn) -> set[int]:
    """
    The positions to which a parcel was ordered, the reject position aside.

    Also one that we gave up, of which the rack still knows what to do with it, and one that we called back: it may have
    fallen before (D1, protocol seed 309062).
    """
    rack = turn.index.hall.rack
    orders = [pending.command for pending in turn.plc(rack.plc).pending.values()]
    ordered = {order.position for order in orders if isinstance(order, Drop) and order.position in turn.index.destination_at}
    meant_for = {_position(turn, item) for item in turn.state.items.values() if "rack" in (item.place, item.lost_from)}
    return (ordered | meant_for) - {0, rack.reject_position}


def _position(turn: Turn, item: Item) -> int:
    """
    Where the bag of the parcel's destination and service hangs (D2), 0 nowhere. The destination is that by the plan that decided
    its item (G3), else by the one in force.
    """
    going = item.going if item.plan else turn.index.destination_of(item)
    return turn.index.position(going, item.service)


def _answer_drop(turn: Turn, label: str) -> Drop | None:
    """End the open instruction for a label, if there is one, and return it."""
    rack = turn.index.hall.rack.plc
    drop = _open_drop(turn, label)
    if drop is None:
        return None
    turn.emit(CommandAnswered(rack, drop.number, CommandResult.DONE))
    return drop


def _open_drop(turn: Turn, label: str) -> Drop | None:
    """The open instruction for a label: the one that its own item remembers, else it is looked for, which is rare."""
    pending = turn.plc(turn.index.hall.rack.plc).pending
    own = turn.state.waybills.get(label)
    known = pending.get(turn.item(own).command) if own is not None else None
    if known is not None and isinstance(known.command, Drop) and known.command.waybill == label:
        return known.command
    for each in pending.values():
        if isinstance(each.command, Drop) and each.command.waybill == label:
            return each.command
    return None


def on_drop_due(turn: Turn, item: Item) -> None:
    """
    A sealed parcel never came out of the rack: an open discrepancy.

    While the rack cannot be heard, or stands, nothing is concluded: the parcel is waited for anew when it runs.
    """
    if not turn.runs(turn.index.hall.rack.plc):
        turn.emit(ConfirmationMoved(item.id, 0))
        return
    label = _label(turn, item)
    _answer_drop(turn, label)
    for document in custody.parcel(turn.state, item):
        custody.lose(turn, document, "never_dropped")
    _instruct_rest(turn, label)


def _label(turn: Turn, item: Item) -> str:
    """The label under which a parcel travels to the rack."""
    if not turn.state.strays:
        return item.waybill
    return next((label for label, names in turn.state.strays.items() if item.id in names), item.waybill)


def hold_back(turn: Turn, item: Item, reason: str) -> None:
    """A document that a machine holds, or whose parcel is on its way or in an open bag, must not leave; too late once it has."""
    kind = kind_of(item.place)
    if kind not in FINAL:
        custody.suspect(turn, item, reason)
    lead = turn.item(item.lead) if item.lead else item
    if kind == "cell":
        case_cells.distrust(turn, item.place, reason)
    elif kind == "rack":
        custody.suspect(turn, lead, reason)
        recall(turn, lead)
    elif kind == "bag":
        suspect_bag(turn, next(bag.position for bag in turn.state.bags.values() if lead.id in bag.items), reason)


def recall(turn: Turn, item: Item) -> None:
    """A parcel that is on its way must be turned out."""
    label = _label(turn, item)
    if label not in NO_CODES:
        _instruct(turn, label, turn.index.hall.rack.reject_position)


def _on_way(turn: Turn) -> list[Item]:
    items = turn.state.items.values()
    return [turn.item(name) for name in sorted(item.id for item in items if item.place == "rack" and not item.lead)]


def wait_anew(turn: Turn) -> None:
    """The rack runs again, or can be heard again: what is on its way may need the whole time once more."""
    confirm_us = turn.at_us + turn.index.hall.rack.drop_timeout_ms * 1000
    for item in _on_way(turn):
        turn.emit(ConfirmationMoved(item.id, confirm_us))


def doubt_unheard(turn: Turn) -> None:
    """
    The rack lost its memory, and with it what it did and had not told us: some bills are not sure any more (D1).

    A parcel on its way may have fallen: the bag that it was ordered into is suspect. A bag that was to be closed may be
    shut under its tag, which must not be used again (D3): our books end it here, unsealed, and what hangs at its position
    is suspect, because nobody knows which of the two it is.
    """
    for position in sorted(turn.state.bags):
        bag = turn.state.bags[position]
        if bag.closing:
            suspect_bag(turn, position, "plc_restart")
            _end(turn, bag, "", bag.grams)
            if position in turn.index.destination_at:  # a hall that was changed meanwhile may not have it any more
                suspect_bag(turn, position, "plc_restart")
    for position in sorted(_ordered(turn)):
        suspect_bag(turn, position, "plc_restart")


def renew_orders(turn: Turn) -> None:
    """The rack lost its memory: say again what to do with every parcel on its way."""
    under = {_label(turn, item): item for item in _on_way(turn)}
    for label, item in under.items():
        send(turn, item, label)

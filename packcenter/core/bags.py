"""
From sealed parcel to dispatched bag 封发.

A parcel gets its instruction (which position) when it is sealed; the rack drops it when it arrives. A bag is closed
on count, weight or cut-off; what fell before the closing event is in it, what falls after is in the next one.
"""

from __future__ import annotations

from packcenter.core import custody
from packcenter.core.commands import CloseBag, Drop
from packcenter.core.facts import (
    BagCloseAsked,
    BagClosed,
    BagOpened,
    BagSuspected,
    CommandAnswered,
    Moved,
    ParcelDropped,
    ParcelTurnedOut,
)
from packcenter.core.inputs import BagShut, Dropped
from packcenter.core.state import Bag, Item
from packcenter.core.turn import Turn
from packcenter.core.words import CommandResult

_DAY_MINUTES = 24 * 60
_MINUTE_US = 60_000_000


def send(turn: Turn, item: Item, label: str) -> None:
    """
    Tell the rack what to do with a parcel that is on its way to it under this label.

    A suspect one is turned out. If its label is another parcel's number, that parcel is turned out as well: the rack
    cannot tell them apart, and a document in the wrong bag is worse than one that waits.
    """
    rack = turn.index.hall.rack
    other = turn.state.waybills.get(label)
    if other is not None and other != item.id:
        twin = turn.item(other)
        if twin.place == "rack":
            custody.suspect(turn, twin, "label_used_twice")
            _instruct(turn, label, rack.reject_position)
        return
    if not label:
        return
    position = turn.index.positions.get(turn.index.destination(item.destination), 0)
    if not position:
        custody.suspect(turn, item, "no_position")
    _instruct(turn, label, rack.reject_position if item.suspect else position)


def _instruct(turn: Turn, label: str, position: int) -> None:
    """Ask for the drop; an earlier instruction for the same label is thereby over."""
    rack = turn.index.hall.rack
    _answer_drop(turn, label)
    turn.ask(Drop(rack.plc, turn.next_number(rack.plc), position, label))


def on_dropped(turn: Turn, dropped: Dropped) -> None:
    """
    The rack dropped a parcel into a bag, or turned it out.

    A parcel that we do not know in a bag makes the bag suspect; so does one that we wanted turned out.
    """
    rack = turn.index.hall.rack
    if dropped.plc != rack.plc:
        turn.set_aside(dropped, "wrong_role")
        return
    item = _parcel(turn, dropped.waybill)
    into_bag = dropped.position in turn.index.destination_at and dropped.position != rack.reject_position
    if item is None:
        turn.set_aside(dropped, "unknown_waybill")
        if into_bag:
            _suspect_bag(turn, dropped.position, "unknown_parcel")
        return
    asked = _answer_drop(turn, dropped.waybill)
    if into_bag:
        _into_bag(turn, dropped, item, asked)
    else:
        reason = item.suspect or ("no_instruction" if dropped.reason else "turned_out")
        turn.emit(ParcelTurnedOut(dropped.waybill, item.id, reason))
        custody.to_hand(turn, item, reason)


def _parcel(turn: Turn, label: str) -> Item | None:
    """The parcel that travels to the rack under this label: a stray first, else the number's own item."""
    strays = turn.state.strays.get(label)
    if strays:
        return turn.item(strays[0])
    name = turn.state.waybills.get(label)
    if name is None or turn.item(name).place not in ("rack", "lost"):
        return None
    return turn.item(name)


def _into_bag(turn: Turn, dropped: Dropped, item: Item, asked: int | None) -> None:
    if dropped.position not in turn.state.bags:
        _open(turn, dropped.position)
    bag = turn.state.bags[dropped.position]
    turn.emit(ParcelDropped(dropped.waybill, item.id, bag.tag, bag.position))
    custody.move(turn, item, f"bag/{bag.tag}")
    if item.suspect or asked != dropped.position:
        custody.suspect(turn, item, "wrong_bag")
        _suspect_bag(turn, dropped.position, "wrong_parcel")
    limits = turn.index.hall.plan.bags
    if bag.closing:
        return
    if len(bag.items) >= limits.items_max:
        ask_close(turn, bag, "count")
    elif bag.grams >= limits.grams_max:
        ask_close(turn, bag, "weight")


def _open(turn: Turn, position: int) -> None:
    hall = turn.index.hall
    tag = f"{hall.centre}-{position:02d}-{turn.state.bag_serial + 1:06d}"
    turn.emit(BagOpened(tag, position, turn.index.destination_at[position], next_cutoff_us(turn)))


def next_cutoff_us(turn: Turn) -> int:
    """The plan's next cut-off in core time, today's or tomorrow's first; 0 if the plan has none."""
    hall = turn.index.hall
    minutes = hall.plan.bags.cutoff_minutes
    if not minutes:
        return 0
    local_minute = turn.at_us // _MINUTE_US + hall.utc_offset_minutes
    midnight = local_minute - local_minute % _DAY_MINUTES - hall.utc_offset_minutes
    today = (local_minute % _DAY_MINUTES) + 1
    ahead = next((minute for minute in minutes if minute >= today), minutes[0] + _DAY_MINUTES)
    return (midnight + ahead) * _MINUTE_US


def ask_close(turn: Turn, bag: Bag, reason: str) -> None:
    """Have the bag closed; it stays open in our books until the rack says that it is shut."""
    rack = turn.index.hall.rack
    turn.emit(BagCloseAsked(bag.tag, bag.position, reason))
    turn.ask(CloseBag(rack.plc, turn.next_number(rack.plc), bag.position, bag.tag))


def on_bag_shut(turn: Turn, shut: BagShut) -> None:
    """
    A bag is shut and sealed: it is dispatched, with a bill that lists what fell into it.

    A suspect bag goes to the hand station instead, to be opened.
    """
    bag = turn.state.bags.get(shut.position)
    if bag is None or shut.plc != turn.index.hall.rack.plc:
        turn.set_aside(shut, "no_bag")
        return
    pending = turn.plc(shut.plc).pending
    for number in [n for n, p in pending.items() if isinstance(p.command, CloseBag) and p.command.position == shut.position]:
        turn.emit(CommandAnswered(shut.plc, number, CommandResult.DONE))
    items = [turn.item(name) for name in bag.items]
    bill = tuple(item.waybill for item in items)
    turn.emit(BagClosed(bag.tag, bag.position, bag.destination, shut.seal, shut.grams, tuple(bag.items), bill))
    for item in items:
        if bag.suspect:
            custody.to_hand(turn, item, "suspect_bag")
        else:
            turn.emit(Moved(item.id, item.place, "dispatched"))


def _suspect_bag(turn: Turn, position: int, reason: str) -> None:
    if position not in turn.state.bags:
        _open(turn, position)
    turn.emit(BagSuspected(turn.state.bags[position].tag, position, reason))


def _answer_drop(turn: Turn, label: str) -> int | None:
    """End the open instruction for a label, if there is one; returns the position it named."""
    rack = turn.index.hall.rack.plc
    name = turn.state.waybills.get(label)
    pending = turn.plc(rack).pending
    number = turn.item(name).command if name is not None else 0
    if number in pending and isinstance(command := pending[number].command, Drop) and command.waybill == label:
        turn.emit(CommandAnswered(rack, number, CommandResult.DONE))
        return command.position
    return None


def on_drop_due(turn: Turn, waybill: str) -> None:
    """A sealed parcel never came to the rack: an open discrepancy."""
    item = _parcel(turn, waybill)
    _answer_drop(turn, waybill)
    if item is not None and item.place == "rack":
        custody.lose(turn, item, "never_dropped")


def renew_orders(turn: Turn) -> None:
    """The rack lost its memory: say again what to do with every parcel on its way and every bag that is to be closed."""
    hall = turn.index.hall
    on_way = sorted(item.id for item in turn.state.items.values() if item.place == "rack")
    for name in on_way:
        item = turn.item(name)
        if item.waybill not in turn.state.strays:
            send(turn, item, item.waybill)
    for position in sorted(turn.state.bags):
        bag = turn.state.bags[position]
        if bag.closing:
            turn.ask(CloseBag(hall.rack.plc, turn.next_number(hall.rack.plc), position, bag.tag))

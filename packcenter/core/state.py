"""
What is true now, and `evolve`: the only code that changes it.

Plain mutable records. A snapshot is this state as MessagePack; `agenda` (a heap of deadlines) is derived and is
rebuilt after loading. `evolve` and `remember` assert what must hold whenever custody, a parcel, a bag or an order
changes (design/invariants A1, A3, A6, B3, B4, B6, C1, C2, D1, D3, E1, E4, E12, R5): a broken one stops the line.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

import msgspec

from packcenter.core import alarm_life, case_life, custody_life, loop_life, pack_life, plan_life, receipt_life, tag_facts
from packcenter.core import facts as f
from packcenter.core.agenda import is_current, rebuild_agenda
from packcenter.core.commands import (
    BeginParcel,
    CloseBag,
    Command,
    CommandMachine,
    Divert,
    Drop,
    GrantEpoch,
    Numbered,
    Release,
    SetPlace,
    Store,
)
from packcenter.core.hall import Waybills
from packcenter.core.lifecycle import FINAL, NEXT_PLACES, SOURCES, kind_of
from packcenter.core.limits import CLOSE_RETRY_US, OPEN_COMMANDS_MAX, READS_KEPT, UNSTEADY_LOSSES
from packcenter.core.records import (
    UNKNOWN,
    Alarm,
    Bag,
    Bagger,
    Item,
    Job,
    LaneLoad,
    ManifestProgress,
    Pending,
    Plc,
    State,
    lane_place,
    with_newest,
)
from packcenter.core.words import NO_CODES, REINDUCTED

__all__ = [
    "EVOLVE", "UNKNOWN", "Alarm", "Bag", "Bagger", "Item", "Job", "LaneLoad", "ManifestProgress", "Pending", "Plc", "State",
    "decode_state", "encode_state", "evolve", "is_current", "lane_place", "rebuild_agenda", "remember",
]  # fmt: skip


def evolve(state: State, at_us: int, fact: f.Fact) -> None:
    """Make a fact true. Never fails on a fact that a rule emitted; an `AssertionError` means our own mistake."""
    EVOLVE[type(fact)](state, at_us, fact)


def remember(state: State, at_us: int, command: Command) -> None:
    """Keep a command until it is answered; numbers of one PLC rise by one."""
    plc = state.plcs[command.plc]
    if isinstance(command, GrantEpoch):
        assert (command.nonce, command.epoch) == (plc.nonce, plc.epoch), (command, plc)  # E4: only what is a fact is granted
        return
    assert command.number == plc.numbers + 1, (command, plc.numbers)
    assert len(plc.pending) < OPEN_COMMANDS_MAX, command.plc
    plc.numbers = command.number
    due_us = at_us + _answer_time_us(state, command)
    if due_us > at_us:
        heappush(state.agenda, (due_us, "command", command.plc, command.number))
    else:
        due_us = 0
    plc.pending[command.number] = Pending(command, due_us)
    kind = type(command)
    if kind is Divert:
        item = state.items[plc.tracks[command.track]]  # type: ignore[union-attr]
        assert not item.command, (command, item)  # R5: one decision for a scan
        item.command = command.number
    elif kind is Drop:
        owner = state.waybills.get(command.waybill)  # type: ignore[union-attr]
        if owner is not None and state.items[owner].place == "rack":
            state.items[owner].command = command.number


def _answer_time_us(state: State, command: Numbered) -> int:
    """How long a command may stay unanswered before that is a fact; 0 where another deadline covers it."""
    assert state.hall is not None
    kind = type(command)
    if kind is Divert or kind is Drop or kind is CommandMachine or kind is SetPlace:
        return 0  # the item's own time covers the first two; the state of the machine or lane speaks for the others
    if kind is CloseBag:
        return state.hall.rack.close_timeout_ms * 1000
    if isinstance(command, Store | Release):
        case_rack = next(each for each in state.hall.case_racks if each.plc == command.plc)
        return (case_rack.store_timeout_ms if kind is Store else case_rack.release_timeout_ms) * 1000
    bagger = next((bagger for bagger in state.hall.baggers if bagger.plc == command.plc), None)
    assert bagger is not None, command
    if isinstance(command, BeginParcel):
        return bagger.feed_timeout_ms * command.documents * 1000
    return bagger.verdict_timeout_ms * 1000


def encode_state(state: State) -> bytes:
    """The state as a snapshot holds it (MessagePack, without the agenda)."""
    return _STATE_ENCODER.encode(msgspec.structs.replace(state, agenda=[]))


def decode_state(content: bytes) -> State:
    """A state from its snapshot; raises `msgspec.DecodeError` if it is not one."""
    state = _STATE_DECODER.decode(content)
    rebuild_agenda(state)
    return state


_STATE_ENCODER = msgspec.msgpack.Encoder()
_STATE_DECODER = msgspec.msgpack.Decoder(State)


# --- one function per fact -------------------------------------------------------------------------------------------


def _hall_adopted(state: State, at_us: int, fact: f.HallAdopted) -> None:
    _adopt_waybills(state, fact.hall.waybills)
    plan_life.adopt(state, at_us, fact.hall)
    state.hall_digest = fact.digest
    state.run = fact.run
    for name in fact.hall.plcs():
        state.plcs.setdefault(name, Plc(name))
    for sorter in fact.hall.sorters:
        for lane in sorter.lanes:
            state.lanes.setdefault(lane_place(sorter.plc, lane.number), LaneLoad())
    for bagger in fact.hall.baggers:
        state.baggers.setdefault(bagger.plc, Bagger())
    case_life.adopt(state, fact.hall)


def _adopt_waybills(state: State, stock: Waybills) -> None:
    """
    Go on in the range where we were, also behind its end; another one begins with its first number.

    A range that is used up must stay so at a restart: to look for a free number in it takes minutes.
    """
    before = state.hall.waybills if state.hall is not None else None
    same = before is not None and (before.indicator, before.country) == (stock.indicator, stock.country)
    if not (same and stock.first <= state.waybill_serial <= stock.last + 1):
        state.waybill_serial = stock.first


def _manifest_opened(state: State, at_us: int, fact: f.ManifestOpened) -> None:
    state.manifests[fact.manifest] = ManifestProgress(fact.file_digest, fact.parts, fact.refused)


def _item_expected(state: State, at_us: int, fact: f.ItemExpected) -> None:
    line = fact.line
    assert line.item not in state.items, line.item
    state.items[line.item] = Item(
        line.item, line.item, line.mail_class, line.agency, line.waybill, line.destination, line.service, line.due_us, True,
        "agency", outlet=line.outlet, addressee=line.addressee,
    )  # fmt: skip
    case_life.join(state, line, state.items[line.item])
    case_life.await_letter(state, state.items[line.item])
    if line.waybill in state.waybills:  # another document of its case bears it: the parcel is theirs together
        state.items[line.item].waybill = ""
    elif line.waybill:
        _use_waybill(state, line.waybill, line.item)
    state.manifests[fact.manifest].taken += 1
    _move(state, at_us, state.items[line.item], "expected")


def _line_refused(state: State, at_us: int, fact: f.LineRefused) -> None:
    state.manifests[fact.manifest].refused += 1


def _manifest_part_taken(state: State, at_us: int, fact: f.ManifestPartTaken) -> None:
    state.manifests[fact.manifest].parts_taken = fact.part


def _moved(state: State, at_us: int, fact: f.Moved) -> None:
    item = state.items[fact.item]
    assert item.place == fact.source, (fact, item.place)
    custody_life.flow(state, item, fact.source, fact.target)
    _move(state, at_us, item, fact.target)


def _move(state: State, at_us: int, item: Item, target: str) -> None:
    """Pass custody on: one balance falls by one, another rises by one, and no balance of the hall goes below zero (A3)."""
    source = item.place
    item.command = 0
    source_kind, target_kind = kind_of(source), kind_of(target)
    assert target_kind in NEXT_PLACES[source_kind], (item.id, source, target)
    balances = state.balances
    left = balances.get(source, 0) - 1
    assert left >= 0 or source in SOURCES, (item.id, source)
    balances[source] = left
    balances[target] = balances.get(target, 0) + 1
    if source_kind == "lane":
        state.lanes[source].items.remove(item.id)
    elif source_kind == "belt":
        loop_life.leave_belt(state, item)
    elif source_kind == "rack":
        _leave_rack(state, item)
    elif source_kind == "cell":
        state.cells[source].items.remove(item.id)
    elif source_kind == "expected":
        case_life.came(state, item)
    elif source_kind == "lost":
        item.lost_from = ""
    if target_kind == "lane":
        state.lanes[target].items.append(item.id)
    elif target_kind == "cell":
        state.cells[target].items.append(item.id)
    elif target_kind == "rack" and not item.lead:
        _expect_at_rack(state, at_us, item)
    if target_kind not in _SEALED:
        case_life.forget_parcel(item)
    item.place = target
    item.entered_us = at_us
    item.sent_back = False


_SEALED = frozenset({"rack", "bag", "dispatched", "lost"})
"""Kinds of place of what is in a sealed parcel; one that is lost is found with what is in it."""


def _expect_at_rack(state: State, at_us: int, item: Item) -> None:
    """A sealed parcel must come out of the rack in time, under whatever label."""
    assert state.hall is not None
    item.confirm_us = at_us + state.hall.rack.drop_timeout_ms * 1000
    heappush(state.agenda, (item.confirm_us, "confirm", item.id, 0))


def _leave_rack(state: State, item: Item) -> None:
    """Forget when the parcel was due, and the label that was not its own."""
    item.confirm_us = 0
    if not state.strays:
        return
    label = next((label for label, names in state.strays.items() if item.id in names), None)
    if label is not None:
        state.strays[label].remove(item.id)
        if not state.strays[label]:
            del state.strays[label]


def _object_seen(state: State, at_us: int, fact: f.ObjectSeen) -> None:
    assert fact.item not in state.items, fact.item
    state.provisional += 1
    state.items[fact.item] = Item(fact.item, fact.code, "", "", "", 0, "", 0, False, "outside")


def _sent_to_hand(state: State, at_us: int, fact: f.SentToHand) -> None:
    item = state.items[fact.item]
    assert item.place not in FINAL, fact  # A6
    item.hand = fact.reason
    item.sent_back = False


def _act_taken(state: State, at_us: int, fact: f.ActTaken) -> None:
    if fact.act == REINDUCTED:
        state.items[fact.subject].sent_back = True


def _suspected(state: State, at_us: int, fact: f.Suspected) -> None:
    item = state.items[fact.item]
    assert item.place not in FINAL, fact  # A6
    item.suspect = fact.reason


def _item_lost(state: State, at_us: int, fact: f.ItemLost) -> None:
    state.items[fact.item].confirm_us = 0
    state.items[fact.item].lost_from = fact.place


def _item_seen(state: State, at_us: int, fact: f.ItemSeen) -> None:
    item = state.items[fact.item]
    if item.track < 0:
        state.plcs[item.plc].tracks.pop(item.track)  # it went round, and nobody has looked at it
    else:
        item.hand = item.suspect = ""  # whoever put it on the belt has looked at it
    item.plc, item.track, item.confirm_us, item.unconfirmed = fact.plc, fact.track, fact.confirm_us, False
    plc = state.plcs[fact.plc]
    plc.tracks[fact.track] = fact.item
    plc.unread = with_newest(plc.unread, fact.outcome != 0, READS_KEPT)
    heappush(state.agenda, (fact.confirm_us, "confirm", fact.item, 0))


def _routed(state: State, at_us: int, fact: f.Routed) -> None:
    """Reserve the lane: with what it holds and what is on its way it never exceeds its capacity (R2)."""
    item = state.items[fact.item]
    item.lane, item.plan, item.going = fact.lane, fact.plan, fact.destination
    if fact.lane:  # nothing is reserved for who goes round
        state.lanes[lane_place(fact.plc, fact.lane)].on_way += 1
        loop_life.note_rate(state, fact.plc, fact.lane, fact.deadline_us)


def _unconfirmed(state: State, at_us: int, fact: f.Unconfirmed) -> None:
    state.items[fact.item].unconfirmed = True


def _confirmation_moved(state: State, at_us: int, fact: f.ConfirmationMoved) -> None:
    state.items[fact.item].confirm_us = fact.confirm_us
    if fact.confirm_us:
        heappush(state.agenda, (fact.confirm_us, "confirm", fact.item, 0))


def _waybill_assigned(state: State, at_us: int, fact: f.WaybillAssigned) -> None:
    state.items[fact.item].waybill = fact.waybill
    state.waybill_serial = int(fact.waybill[2:10]) + 1  # an S10 number of ours; numbers in use were passed over
    _use_waybill(state, fact.waybill, fact.item)


def _use_waybill(state: State, waybill: str, item: str) -> None:
    assert waybill not in state.waybills, (waybill, item)  # C2: a number is used at most once
    state.waybills[waybill] = item


def _bag_opened(state: State, at_us: int, fact: f.BagOpened) -> None:
    assert fact.position not in state.bags, fact
    state.bag_serial += 1
    if tag_facts.is_name(fact.bag):
        tag_facts.opened(state, fact.bag)
    state.bags[fact.position] = Bag(fact.bag, fact.position, fact.destination, fact.cutoff_us)
    if fact.cutoff_us:
        heappush(state.agenda, (fact.cutoff_us, "cutoff", fact.bag, fact.position))


def _parcel_dropped(state: State, at_us: int, fact: f.ParcelDropped) -> None:
    bag = state.bags[fact.position]
    assert bag.tag == fact.bag, fact
    assert fact.item not in bag.items, fact  # B3
    bag.items.append(fact.item)
    bag.grams += state.items[fact.item].grams


def _bag_suspected(state: State, at_us: int, fact: f.BagSuspected) -> None:
    state.bags[fact.position].suspect = fact.reason


def _bag_close_asked(state: State, at_us: int, fact: f.BagCloseAsked) -> None:
    bag = state.bags[fact.position]
    bag.closing = fact.reason
    bag.by_hand = bag.by_hand or fact.reason == "by_hand"
    assert state.hall is not None
    if fact.reason and (state.plan_switch is not None or state.hall.plan.digest):  # else, in release 0.1.0, limits never change
        bag.was_asked = fact.reason
    if not fact.reason:
        bag.cutoff_us = at_us + CLOSE_RETRY_US
        heappush(state.agenda, (bag.cutoff_us, "cutoff", bag.tag, bag.position))


def _bag_closed(state: State, at_us: int, fact: f.BagClosed) -> None:
    bag = state.bags.pop(fact.position)
    assert (bag.tag, tuple(bag.items)) == (fact.bag, fact.items), fact  # D1: the bill lists what is inside
    assert all(state.items[name].place == f"bag/{bag.tag}" for name in bag.items), fact  # A1
    state.closed_bags += 1
    if fact.seal not in NO_CODES:
        assert fact.seal not in state.seals or bag.suspect, fact  # D3: a seal is used once
        state.seals.setdefault(fact.seal, bag.tag)


def _link_state_set(state: State, at_us: int, fact: f.LinkStateSet) -> None:
    plc = state.plcs[fact.plc]
    if plc.up and (fact.reason == "new_life" if fact.up else fact.reason not in ("controller_start", "foreign_epoch")):
        plc.losses = [*plc.losses, at_us][-UNSTEADY_LOSSES:]
    plc.up, plc.missed, plc.told_from = fact.up, [], plc.numbers


def _epoch_granted(state: State, at_us: int, fact: f.EpochGranted) -> None:
    plc = state.plcs[fact.plc]
    assert fact.epoch == plc.epoch + 1, (fact, plc.epoch)  # E4: epochs strictly rise
    assert plc.epoch == 0 or fact.nonce != plc.nonce, fact  # E4: and belong to one life
    plc.nonce, plc.epoch, plc.seq, plc.numbers = fact.nonce, fact.epoch, 0, 0
    plc.state, plc.reason_class = UNKNOWN, 0
    plc.infeed_held = False
    plc.told_from = 0
    plc.places, plc.jams, plc.pending = {}, {}, {}
    assert not plc.tracks, plc.tracks  # E12: everything that the old life tracked or held has been accounted for
    bagger = state.baggers.get(fact.plc)
    assert bagger is None or bagger.feeding is bagger.sealing is None, bagger
    case_rack = state.case_racks.get(fact.plc)
    assert case_rack is None or case_rack.storing is None, case_rack


def _event_taken(state: State, at_us: int, fact: f.EventTaken) -> None:
    plc = state.plcs[fact.plc]
    assert fact.seq > plc.seq, (fact, plc.seq)  # E1: never twice
    plc.seq = fact.seq


def _machine_entered(state: State, at_us: int, fact: f.MachineEntered) -> None:
    plc = state.plcs[fact.plc]
    plc.state, plc.reason_class = fact.state, fact.reason_class


def _place_set(state: State, at_us: int, fact: f.PlaceSet) -> None:
    places = state.plcs[fact.plc].places
    if fact.state:
        places[fact.place] = fact.state
    else:
        places.pop(fact.place, None)


def _jam_set(state: State, at_us: int, fact: f.JamSet) -> None:
    jams = state.plcs[fact.plc].jams
    if fact.on:
        jams[fact.zone] = True
    else:
        jams.pop(fact.zone, None)


def _consumable_set(state: State, at_us: int, fact: f.ConsumableSet) -> None:
    state.plcs[fact.plc].consumables[fact.consumable] = fact.percent


def _command_answered(state: State, at_us: int, fact: f.CommandAnswered) -> None:
    del state.plcs[fact.plc].pending[fact.number]


def _command_timed_out(state: State, at_us: int, fact: f.CommandTimedOut) -> None:
    pending = state.plcs[fact.plc].pending[fact.number]
    pending.due_us = fact.again_us
    if fact.again_us:
        heappush(state.agenda, (fact.again_us, "command", fact.plc, fact.number))


def _lane_barred(state: State, at_us: int, fact: f.LaneBarred) -> None:
    barred = state.plcs[fact.plc].barred
    if fact.person:
        barred[fact.lane] = fact.person
    else:
        del barred[fact.lane]


def _machine_stop_set(state: State, at_us: int, fact: f.MachineStopSet) -> None:
    state.plcs[fact.plc].stopped_by = fact.person


def _maintenance_set(state: State, at_us: int, fact: f.MaintenanceSet) -> None:
    state.plcs[fact.plc].maintenance_us = fact.until_us
    if fact.until_us:
        heappush(state.agenda, (fact.until_us, "maintenance", fact.plc, 0))


def _item_withdrawn(state: State, at_us: int, fact: f.ItemWithdrawn) -> None:
    state.items[fact.item].withdrawn = True


def _nothing(state: State, at_us: int, fact: f.Fact) -> None:
    """A fact that only readers of the stream need."""


EVOLVE: dict[type, Callable[[State, int, Any], None]] = {
    f.HallAdopted: _hall_adopted,
    f.ManifestOpened: _manifest_opened,
    f.ItemExpected: _item_expected,
    f.LineRefused: _line_refused,
    f.ManifestPartTaken: _manifest_part_taken,
    f.ManifestTaken: _nothing,
    f.Moved: _moved,
    f.ObjectSeen: _object_seen,
    f.SentToHand: _sent_to_hand,
    f.Suspected: _suspected,
    f.ItemLost: _item_lost,
    f.ItemFound: _nothing,
    f.ItemSeen: _item_seen,
    f.Routed: _routed,
    f.DecisionLate: _nothing,
    f.Diverted: _nothing,
    f.WrongLane: _nothing,
    f.Unconfirmed: _unconfirmed,
    f.ConfirmationMoved: _confirmation_moved,
    f.WaybillAssigned: _waybill_assigned,
    f.BagOpened: _bag_opened,
    f.ParcelDropped: _parcel_dropped,
    f.ParcelTurnedOut: _nothing,
    f.BagSuspected: _bag_suspected,
    f.BagCloseAsked: _bag_close_asked,
    f.BagClosed: _bag_closed,
    f.LinkStateSet: _link_state_set,
    f.EpochGranted: _epoch_granted,
    f.EventTaken: _event_taken,
    f.GapSeen: _nothing,
    f.EventSetAside: _nothing,
    f.MachineEntered: _machine_entered,
    f.PlaceSet: _place_set,
    f.JamSet: _jam_set,
    f.ConsumableSet: _consumable_set,
    f.CommandAnswered: _command_answered,
    f.CommandTimedOut: _command_timed_out,
    f.ClockStepNoted: _nothing,
    f.QuarantineNoted: _nothing,
    f.StopNoted: _nothing,
    f.ActTaken: _act_taken,
    f.ActRefused: _nothing,
    f.LaneBarred: _lane_barred,
    f.MachineStopSet: _machine_stop_set,
    f.MaintenanceSet: _maintenance_set,
    f.ItemWithdrawn: _item_withdrawn,
    f.CodedByHand: _nothing,
    **pack_life.EVOLVE,
    **alarm_life.EVOLVE,
    **custody_life.EVOLVE,
    **plan_life.EVOLVE,
    **receipt_life.EVOLVE,
    **tag_facts.EVOLVE,
    **loop_life.EVOLVE,
    **case_life.EVOLVE,
}

"""
Alarms 报警 to ISA-18.2: raised and cleared by the facts of the same step, and what people do about them.

    a fact of the step -> does the cause of an alarm stand? -> explained by another: suppressed
                                                            -> needs time, or was raised again and again: awaited, and
                                                               raised if it still stands then
                                                            -> raised
    normal -> unacknowledged <-> acknowledged -> normal         its cause stands; a person takes care of it; it is gone
                  |
                  +-> returned (latched: at once) -> normal     gone before a person saw it: stays until acknowledged
    shelved (by a person, ends by itself), suppressed (by its cause), out of service (by maintenance): beside these

`RULES` says which alarms a fact speaks about. They are looked at once, after the rule of the input, so an alarm is journaled
with its cause and replays with it. Alarms decide nothing: no rule of the hall reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from packcenter.core import alarm_facts as a
from packcenter.core import custody_facts as c
from packcenter.core import facts as f
from packcenter.core import receipt_facts as r
from packcenter.core.alarm_table import ALARMS, EXPLAINED_BY, RANKS, VERSION, Entry, Subject
from packcenter.core.case_facts import CaseOverdue, CellReleased, CellSuspected, DocumentStored
from packcenter.core.cell_counts import COUNTER
from packcenter.core.index import HallIndex
from packcenter.core.inputs import AlarmTableGiven
from packcenter.core.limits import (
    BROKEN_COUNTERS,
    CHATTER_RAISINGS,
    CHATTER_WINDOW_US,
    FLOOD_BEGINS,
    FLOOD_ENDS,
    FLOOD_WINDOW_US,
    MANY_REJECTS,
    MISSED_ANSWERS,
    REPEAT_DELAY_US,
    REPEAT_WINDOW_US,
    UNREAD_READS,
    UNSTEADY_LOSSES,
    UNSTEADY_WINDOW_US,
)
from packcenter.core.packml import State as Unit
from packcenter.core.plan_facts import PlanValiditySet
from packcenter.core.records import cell_place
from packcenter.core.reject_life import OWN_FAULTS
from packcenter.core.state import Alarm, Plc, State
from packcenter.core.turn import Turn
from packcenter.core.words import PlaceState, ReasonClass

Saying = tuple[str, str, bool]
"""Name of an alarm, its subject, and whether its cause stands. Of a latched alarm only that it came."""

CONSUMABLES = (1, 2, 3)
"""Of a bagger, by the line interface: film, labels, ribbon."""

LOW_PERCENT = 10
LOW_OVER_PERCENT = 15
"""A consumable is low below the first, and not any more above the second: a reading that trembles raises one alarm."""

DISAGREEMENTS = ("wrong_role", "unknown_lane")
"""Reasons of `EventSetAside` with which a PLC says what is not so in this hall; and every `unknown_kind_N`."""

STANDS = (Unit.HOLDING, Unit.HELD, Unit.STOPPING, Unit.STOPPED)
"""States of a machine that does not work, and that no neighbour brought about."""

TO_EXECUTE = (
    Unit.CLEARING, Unit.STOPPED, Unit.RESETTING, Unit.IDLE, Unit.STARTING, Unit.COMPLETING, Unit.COMPLETED,
)  # fmt: skip
"""States through which a machine that was told to start goes to Execute."""

BADLY_SEALED = ("not_sealed", "seal_used_twice")
"""Reasons of `BagSuspected` for which a bag comes to the hand station as soon as it is closed."""


class Standing(StrEnum):
    """The alarm states of ISA-18.2, worst first."""

    UNACKNOWLEDGED = "unacknowledged"
    LATCHED = "latched"  # its cause was over at once; unacknowledged
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned_to_normal"  # its cause is gone; unacknowledged
    AWAITED = "awaited"  # its cause stands, not long enough yet
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"
    NORMAL = "normal"


def standing(alarm: Alarm) -> Standing:
    """The state of an alarm that people see: what they did about it goes before what it is."""
    if alarm.out_by:
        return Standing.OUT_OF_SERVICE
    if alarm.shelved_us:
        return Standing.SHELVED
    if alarm.suppressed_by:
        return Standing.SUPPRESSED
    if alarm.due_us:
        return Standing.AWAITED
    if not alarm.raised:
        return Standing.NORMAL
    if alarm.stands:
        return Standing.ACKNOWLEDGED if alarm.acknowledged else Standing.UNACKNOWLEDGED
    return Standing.LATCHED if alarm.latched else Standing.RETURNED


def key_of(name: str, subject: str) -> str:
    """Where an alarm is kept in `State.alarms`."""
    return f"{name}/{subject}"


def parts_of(key: str) -> tuple[str, str]:
    """Name and subject of an alarm's key."""
    name, _, subject = key.partition("/")
    return name, subject


def chatters(alarm: Alarm, at_us: int) -> bool:
    """Whether an alarm was raised again and again in the last minute: its cause needs mending, not acknowledging."""
    return _comes_and_goes(alarm, at_us, CHATTER_WINDOW_US)


def _comes_and_goes(alarm: Alarm, at_us: int, window_us: int) -> bool:
    return len(alarm.recent) == CHATTER_RAISINGS and at_us - alarm.recent[0] <= window_us


def subjects(index: HallIndex, kind: Subject) -> tuple[str, ...]:
    """Everything in the hall that an alarm of this kind can be about."""
    hall = index.hall
    plcs = hall.plcs()
    named: dict[Subject, tuple[str, ...]] = {
        Subject.PLC: plcs,
        Subject.SORTER: tuple(index.sorters),
        Subject.BAGGER: tuple(index.baggers),
        Subject.RACK: (hall.rack.plc,),
        Subject.EXCEPTION_LANE: tuple(f"{sorter.plc}/{sorter.exception_lane}" for sorter in hall.sorters),
        Subject.CONSUMABLE: tuple(f"{plc}/{kind}" for plc in index.baggers for kind in CONSUMABLES),
        Subject.CASE_RACK: tuple(index.cells),
        Subject.CELL: tuple(f"{plc}/{number}" for plc, cells in index.cells.items() for _, number in cells),
        Subject.STATION: (*plcs, hall.centre),
        Subject.HALL: (hall.centre,),
    }
    return named[kind]


def is_known(turn: Turn, name: str, subject: str) -> bool:
    """Whether there can be such an alarm; also of a machine that the hall has no more, as long as its alarm is kept."""
    if not turn.state.alarm_table or name not in ALARMS:
        return False
    return key_of(name, subject) in turn.state.alarms or subject in subjects(turn.index, ALARMS[name].subject)


# --- what the facts of a step say ------------------------------------------------------------------------------------


def on_table_given(turn: Turn, given: AlarmTableGiven) -> None:
    """Alarms are raised from here on, first of all for what stands already. A table that this release has not is none."""
    turn.emit(a.AlarmTableAdopted(given.version if given.version == VERSION else 0))


def look(turn: Turn) -> None:
    """Raise, suppress and clear the alarms that the facts of this step speak about, causes first."""
    said: dict[tuple[int, str, str], tuple[bool, str]] = {}
    for fact in turn.facts:
        rule = RULES.get(type(fact))
        for name, subject, stands in rule(turn, fact) if rule is not None else ():
            said[RANKS[name], name, subject] = stands, type(fact).__name__
    changed = False
    for (_, name, subject), (stands, by) in sorted(said.items()):
        changed |= _came(turn, ALARMS[name], subject, by) if stands else _went(turn, name, subject)
    if changed:
        _settle(turn)


def _came(turn: Turn, entry: Entry, subject: str, by: str) -> bool:
    """The cause of an alarm is there; True if others may be suppressed by it from now on."""
    alarm = turn.state.alarms.get(key_of(entry.name, subject))
    explained = _explained_by(turn, entry.name, subject)
    if entry.latched:
        if not explained and (alarm is None or not alarm.raised):
            _raise(turn, entry, subject, by)
        return False
    if alarm is not None and alarm.stands:
        return False
    if explained:
        turn.emit(a.AlarmSuppressed(entry.name, subject, explained))
    else:
        _await(turn, entry, subject, by)
    return bool(entry.suppresses)


def _await(turn: Turn, entry: Entry, subject: str, by: str) -> None:
    alarm = turn.state.alarms.get(key_of(entry.name, subject))
    often = alarm is not None and _comes_and_goes(alarm, turn.at_us, REPEAT_WINDOW_US)
    delay_us = max(entry.delay_us, REPEAT_DELAY_US) if often else entry.delay_us
    if delay_us:
        turn.emit(a.AlarmAwaited(entry.name, subject, by, turn.at_us + delay_us))
    else:
        _raise(turn, entry, subject, by)


def _went(turn: Turn, name: str, subject: str) -> bool:
    """The cause of an alarm is gone; True if others may have been suppressed by it."""
    alarm = turn.state.alarms.get(key_of(name, subject))
    if alarm is None or not alarm.stands:
        return False
    turn.emit(a.AlarmCleared(name, subject))
    return bool(ALARMS[name].suppresses)


def _raise(turn: Turn, entry: Entry, subject: str, by: str) -> None:
    turn.emit(a.AlarmRaised(entry.name, subject, by, entry.latched))
    state = turn.state
    if not state.flood_us and len(state.alarm_times) > FLOOD_BEGINS and turn.at_us - state.alarm_times[0] <= FLOOD_WINDOW_US:
        turn.emit(a.AlarmFloodSet(_flood_over_us(state)))


def _flood_over_us(state: State) -> int:
    """When fewer than `FLOOD_ENDS` alarms will have come in the window, if no other comes."""
    return state.alarm_times[-FLOOD_ENDS] + FLOOD_WINDOW_US


def _explained_by(turn: Turn, name: str, subject: str) -> str:
    """The alarm whose cause stands and explains this one, or ""."""
    alarms = turn.state.alarms
    for cause in EXPLAINED_BY[name]:
        for about in _abouts(turn, ALARMS[cause].subject, subject.partition("/")[0]):
            key = key_of(cause, about)
            if key in alarms and alarms[key].stands:
                return key
    return ""


def _abouts(turn: Turn, kind: Subject, plc: str) -> tuple[str, ...]:
    """What an alarm of this kind can be about if it concerns a PLC."""
    if kind is Subject.CONSUMABLE:
        return tuple(f"{plc}/{each}" for each in CONSUMABLES)
    return (turn.index.hall.centre,) if kind is Subject.HALL else (plc,)


def _settle(turn: Turn) -> None:
    """A cause came or went: suppress what it explains, and tell of what nothing explains any more."""
    alarms = turn.state.alarms
    for _, key in sorted((RANKS[parts_of(key)[0]], key) for key, alarm in alarms.items() if alarm.stands):
        alarm, (name, subject) = alarms[key], parts_of(key)
        explained = _explained_by(turn, name, subject)
        if explained == alarm.suppressed_by:
            continue
        turn.emit(a.AlarmSuppressed(name, subject, explained))
        told = alarm.raised and not alarm.cleared_us  # of this cause, not of one that is gone
        if not explained and not told:
            _await(turn, ALARMS[name], subject, "AlarmSuppressed")


# --- what a fact says about which alarms -----------------------------------------------------------------------------


def _link(turn: Turn, fact: f.LinkStateSet) -> Iterator[Saying]:
    if fact.plc not in turn.index.hall.plcs():
        return  # the hall has it no more
    foreign = not fact.up and fact.reason == "foreign_epoch"
    yield "network_lost", turn.index.hall.centre, not foreign and _none_is_heard(turn)
    yield "link_lost", fact.plc, not fact.up and not foreign
    yield "foreign_epoch", fact.plc, foreign
    losses = turn.plc(fact.plc).losses
    if len(losses) == UNSTEADY_LOSSES and losses[-1] == turn.at_us and turn.at_us - losses[0] <= UNSTEADY_WINDOW_US:
        yield "link_unsteady", fact.plc, True


def _none_is_heard(turn: Turn) -> bool:
    """Whether nothing comes from any PLC; one that works for another controller is heard."""
    return not any(turn.plc(name).up or _stands(turn, "foreign_epoch", name) for name in turn.index.hall.plcs())


def _epoch(turn: Turn, fact: f.EpochGranted) -> Iterator[Saying]:
    """A new life has forgotten what the old one told of its machine."""
    yield from _machine(turn, fact.plc)
    yield from _places(turn, fact.plc)


def _machine(turn: Turn, name: str) -> Iterator[Saying]:
    """What a machine does in the hands of maintenance, or because a person stopped it, is no alarm."""
    plc = turn.plc(name)
    yield "machine_aborted", name, plc.state in (Unit.ABORTING, Unit.ABORTED) and not plc.maintenance_us
    yield "machine_held", name, _stands_by_itself(plc)


def _stands_by_itself(plc: Plc) -> bool:
    """One that nobody stopped is brought to Execute: it is there at once, or something keeps it from starting."""
    if plc.maintenance_us or plc.stopped_by:
        return False
    if plc.reason_class == ReasonClass.NONE:
        return plc.state in TO_EXECUTE
    return plc.reason_class in (ReasonClass.OWN, ReasonClass.FAULT) and plc.state in STANDS


def _places(turn: Turn, name: str) -> Iterator[Saying]:
    """A jam is told of a zone, of a lane or of both: one alarm of its machine."""
    plc = turn.plc(name)
    yield "jam", name, bool(plc.jams) or PlaceState.JAMMED in plc.places.values()
    sorter = turn.index.sorters.get(name)
    if sorter is not None:
        lane = sorter.exception_lane
        yield "exception_lane_full", f"{name}/{lane}", plc.places.get(lane) == PlaceState.FULL


def _place(turn: Turn, fact: f.PlaceSet) -> Iterator[Saying]:
    sorter = turn.index.sorters.get(fact.plc)
    if fact.state == PlaceState.JAMMED or _stands(turn, "jam", fact.plc) or (sorter and fact.place == sorter.exception_lane):
        yield from _places(turn, fact.plc)


def _consumable(turn: Turn, fact: f.ConsumableSet) -> Iterator[Saying]:
    if fact.plc in turn.index.baggers and fact.consumable in CONSUMABLES:
        yield from _level(turn, fact.plc, fact.consumable, fact.percent)


def _level(turn: Turn, plc: str, consumable: int, percent: int) -> Iterator[Saying]:
    subject = f"{plc}/{consumable}"
    below = LOW_OVER_PERCENT if _stands(turn, "consumable_low", subject) else LOW_PERCENT
    yield "consumable_empty", subject, percent == 0
    yield "consumable_low", subject, 0 < percent < below


def _stranger(turn: Turn, fact: f.ObjectSeen) -> Iterator[Saying]:
    """One that nobody could read may be the last of many."""
    name = turn.item(fact.item).plc
    if name in turn.index.sorters and turn.plc(name).unread.bit_count() >= UNREAD_READS:
        yield "scanner_unread", name, True


def _unanswered(turn: Turn, fact: f.CommandTimedOut) -> Iterator[Saying]:
    if fact.kind:  # else its PLC cannot be heard, which is another alarm
        yield "command_unanswered", fact.plc, True


def _missed(turn: Turn, fact: a.AnswerMissed) -> Iterator[Saying]:
    """Things pass a machine that takes no commands one by one, and each falls back where it must: only their number tells."""
    times = turn.plc(fact.plc).missed
    if len(times) == MISSED_ANSWERS and times[-1] - times[0] <= UNSTEADY_WINDOW_US:
        yield "command_unanswered", fact.plc, True


def _refused(turn: Turn, fact: f.BagCloseAsked) -> Iterator[Saying]:
    if not fact.reason:
        yield "rack_refuses", turn.index.hall.rack.plc, True


def _lost(turn: Turn, fact: f.ItemLost) -> Iterator[Saying]:
    item = turn.item(fact.item)
    mail_class = turn.index.classes.get(item.mail_class)
    if mail_class is not None and mail_class.secure and item.place == "lost":
        yield "secure_lost", _station(turn.state, turn.index, fact.place), True


def _station(state: State, index: HallIndex, place: str) -> str:
    """The PLC at which a place is; the hall itself for what no PLC had yet."""
    kind, _, where = place.partition("/")
    if kind == "rack":
        return index.hall.rack.plc
    name = where.partition("/")[0]
    return name if name in state.plcs else index.hall.centre


def _found(turn: Turn, fact: f.ItemFound) -> Iterator[Saying]:
    """Rare: all that is missing is looked through, to know whether it was the last one there."""
    standing = [parts_of(key)[1] for key, alarm in turn.state.alarms.items() if alarm.stands and key.startswith("secure_lost/")]
    if not standing:
        return
    where = missing(turn.state, turn.index)
    for station in standing:
        yield "secure_lost", station, station in where


def missing(state: State, index: HallIndex) -> dict[str, list[str]]:
    """The ID documents that are missing, by the station at which each was last. Walks every item."""
    secure = {name for name, mail_class in index.classes.items() if mail_class.secure}
    found: dict[str, list[str]] = {}
    for item in state.items.values():
        if item.place == "lost" and item.mail_class in secure:
            found.setdefault(_station(state, index, item.lost_from), []).append(item.id)
    return found


def _bags(turn: Turn, fact: f.BagSuspected | f.BagClosed) -> Iterator[Saying]:
    """
    Of an event that was quarantined its own alarm tells, also that the bags are in doubt. One that was badly sealed has left
    already.
    """
    rack = turn.index.hall.rack.plc
    if type(fact) is f.BagSuspected and fact.reason in BADLY_SEALED:
        yield "bag_not_sealed", rack, True
    if type(fact) is f.BagSuspected or _stands(turn, "bags_suspect", rack):
        yield "bags_suspect", rack, _is_a_bag_in_doubt(turn)


def _is_a_bag_in_doubt(turn: Turn) -> bool:
    return any(bag.suspect not in ("", "quarantined") for bag in turn.state.bags.values())


def _gap(turn: Turn, fact: f.GapSeen) -> Iterator[Saying]:
    yield "events_missing", fact.plc, True


def _quarantined(turn: Turn, fact: f.QuarantineNoted) -> Iterator[Saying]:
    yield "event_quarantined", fact.plc, True


def _wrong_lane(turn: Turn, fact: f.WrongLane) -> Iterator[Saying]:
    yield "wrong_lane", fact.plc, True


def _suspected(turn: Turn, fact: f.Suspected) -> Iterator[Saying]:
    if fact.reason == "no_waybill_left":
        yield "waybills_used_up", turn.index.hall.centre, True
    elif fact.reason == "wrong_label":  # rarer than the parcels that are sealed, of which the same step tells
        for sealed in turn.facts:
            if type(sealed) is f.ParcelSealed:
                yield "wrong_label", sealed.plc, True


def _rejects(turn: Turn, fact: f.ParcelSealed | f.ParcelRejected | DocumentStored) -> Iterator[Saying]:
    """What comes out badly may be the last of many."""
    if fact.reason in OWN_FAULTS and turn.plc(fact.plc).rejects.bit_count() >= MANY_REJECTS:
        yield "many_rejects", fact.plc, True


def _set_aside(turn: Turn, fact: f.EventSetAside) -> Iterator[Saying]:
    if fact.reason in DISAGREEMENTS or fact.reason.startswith("unknown_kind_"):
        yield "plc_disagrees", fact.plc, True


def _overdue(turn: Turn, fact: c.DiscrepancyOverdue | c.DiscrepancyClosed) -> Iterator[Saying]:
    yield "discrepancies_overdue", turn.index.hall.centre, _is_overdue(turn)


def _is_overdue(turn: Turn) -> bool:
    return any(discrepancy.overdue for discrepancy in turn.state.discrepancies.values())


def _plan(turn: Turn, fact: PlanValiditySet) -> Iterator[Saying]:
    yield "plan_not_valid", turn.index.hall.centre, bool(fact.why)


def _case(turn: Turn, fact: CaseOverdue) -> Iterator[Saying]:
    if fact.policy == "wait":
        yield "case_overdue", turn.index.hall.centre, True


def _sent(turn: Turn, fact: f.SentToHand) -> Iterator[Saying]:
    if fact.reason == "no_cell":
        yield "cells_full", turn.index.hall.centre, True


def _cell(turn: Turn, fact: CellSuspected | CellReleased) -> Iterator[Saying]:
    place = cell_place(fact.plc, fact.cell)
    if place in turn.index.cell_at:  # else the hall has it no more
        yield "cell_counter", f"{fact.plc}/{fact.cell}", turn.state.cells[place].suspect == COUNTER
        yield from _together(turn, fact.plc)


def _together(turn: Turn, plc: str) -> Iterator[Saying]:
    """Whether the counters of a case rack have a cause in common; over when none is broken any more, so it does not tremble."""
    broken = sum(turn.state.cells[place].suspect == COUNTER for place, _ in turn.index.cells[plc])
    least = 1 if _stands(turn, "cells_miscount", plc) else BROKEN_COUNTERS
    yield "cells_miscount", plc, broken >= least


def _counters(turn: Turn) -> Iterator[Saying]:
    """The cells of this hall whose counters are broken."""
    for place, (plc, number) in turn.index.cell_at.items():
        if turn.state.cells[place].suspect == COUNTER:
            yield "cell_counter", f"{plc}/{number}", True
    for plc in turn.index.cells:
        yield from _together(turn, plc)


def _people(turn: Turn, fact: f.MachineStopSet | f.MaintenanceSet) -> Iterator[Saying]:
    yield from _machine(turn, fact.plc)


def _entered(turn: Turn, fact: f.MachineEntered) -> Iterator[Saying]:
    yield from _machine(turn, fact.plc)


def _jam(turn: Turn, fact: f.JamSet) -> Iterator[Saying]:
    yield from _places(turn, fact.plc)


def _adopted(turn: Turn, fact: f.HallAdopted) -> Iterator[Saying]:
    """
    What the hall has no more has no alarms, but what went missing there is missing still. A new range of numbers ends the
    want of them.
    """
    hall = turn.index.hall
    for key, alarm in turn.state.alarms.items():
        name, subject = parts_of(key)
        kind = ALARMS[name].subject
        if alarm.stands and kind is not Subject.STATION and subject not in subjects(turn.index, kind):
            yield name, subject, False
    if turn.state.waybill_serial <= hall.waybills.last:
        yield "waybills_used_up", hall.centre, False
    yield "receipts_overdue", hall.centre, turn.state.receipts_overdue > 0
    yield from _counters(turn)


def _receipts(turn: Turn, fact: r.ReceiptOverdue | r.ReceiptReturned | r.ReceiptGivenUp) -> Iterator[Saying]:
    yield "receipts_overdue", turn.index.hall.centre, turn.state.receipts_overdue > 0


def _table(turn: Turn, fact: a.AlarmTableAdopted) -> Iterator[Saying]:
    """What stands in the hall when alarms begin, or begin again."""
    yield "network_lost", turn.index.hall.centre, _none_is_heard(turn)
    for station in sorted(missing(turn.state, turn.index)):
        yield "secure_lost", station, True
    yield "bags_suspect", turn.index.hall.rack.plc, _is_a_bag_in_doubt(turn)
    yield "discrepancies_overdue", turn.index.hall.centre, _is_overdue(turn)
    yield "plan_not_valid", turn.index.hall.centre, bool(turn.state.plan_why)
    yield "receipts_overdue", turn.index.hall.centre, turn.state.receipts_overdue > 0
    yield from _counters(turn)
    for name in turn.index.hall.plcs():
        plc = turn.plc(name)
        foreign = not plc.up and _stands(turn, "foreign_epoch", name)
        yield "link_lost", name, not plc.up and not foreign
        yield from _machine(turn, name)
        yield from _places(turn, name)
        for consumable, percent in plc.consumables.items() if name in turn.index.baggers else ():
            if consumable in CONSUMABLES:
                yield from _level(turn, name, consumable, percent)


def _stands(turn: Turn, name: str, subject: str) -> bool:
    alarm = turn.state.alarms.get(key_of(name, subject))
    return alarm is not None and alarm.stands


RULES: dict[type, Callable[[Turn, Any], Iterator[Saying]]] = {
    a.AlarmTableAdopted: _table,
    f.HallAdopted: _adopted,
    f.LinkStateSet: _link,
    f.EpochGranted: _epoch,
    f.MachineEntered: _entered,
    f.MachineStopSet: _people,
    f.MaintenanceSet: _people,
    f.JamSet: _jam,
    f.PlaceSet: _place,
    f.ConsumableSet: _consumable,
    f.CommandTimedOut: _unanswered,
    a.AnswerMissed: _missed,
    f.BagCloseAsked: _refused,
    f.ItemLost: _lost,
    f.ItemFound: _found,
    f.BagSuspected: _bags,
    f.BagClosed: _bags,
    f.GapSeen: _gap,
    f.QuarantineNoted: _quarantined,
    f.WrongLane: _wrong_lane,
    f.Suspected: _suspected,
    f.ParcelSealed: _rejects,
    f.ParcelRejected: _rejects,
    DocumentStored: _rejects,
    f.EventSetAside: _set_aside,
    c.DiscrepancyOverdue: _overdue,
    c.DiscrepancyClosed: _overdue,
    f.ObjectSeen: _stranger,
    PlanValiditySet: _plan,
    r.ReceiptOverdue: _receipts,
    r.ReceiptReturned: _receipts,
    r.ReceiptGivenUp: _receipts,
    CaseOverdue: _case,
    CellSuspected: _cell,
    CellReleased: _cell,
    f.SentToHand: _sent,
}
"""Which facts speak about alarms."""


# --- time ------------------------------------------------------------------------------------------------------------


def on_due(turn: Turn, key: str) -> None:
    """The cause of an alarm has stood long enough."""
    name, subject = parts_of(key)
    _raise(turn, ALARMS[name], subject, turn.state.alarms[key].by)


def on_shelf_over(turn: Turn, key: str) -> None:
    """An alarm comes back onto the list by itself."""
    turn.emit(a.AlarmShelfSet(*parts_of(key), 0, ""))


def on_flood_looked_at(turn: Turn) -> None:
    """A flood of alarms is over once few came in ten minutes."""
    over_us = _flood_over_us(turn.state)
    turn.emit(a.AlarmFloodSet(0 if over_us <= turn.at_us else over_us))

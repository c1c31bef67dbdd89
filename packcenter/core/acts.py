"""
People's acts: what a person may ask for, in which role, and what comes of it.

Each act is an input with person, role and reason (O1), and is answered by one fact, `ActTaken` or `ActRefused`; a refused one
changes nothing. Who somebody is was found out before it came here (the service's door). Machines are commanded through
PackML, and re-check everything; safety is never part of it (E10).
"""

from __future__ import annotations

from packcenter.core import alarms, bags, caserack, combining, custody, plans, receipts
from packcenter.core.alarm_facts import AlarmAckSet, AlarmOutSet, AlarmShelfSet
from packcenter.core.commands import CommandMachine, SetPlace
from packcenter.core.facts import (
    ActRefused,
    ActTaken,
    CodedByHand,
    ItemWithdrawn,
    LaneBarred,
    MachineStopSet,
    MaintenanceSet,
    SentToHand,
)
from packcenter.core.inputs import (
    Act,
    AlarmAcknowledged,
    AlarmShelved,
    AlarmTakenOut,
    BagOrdered,
    LaneOrdered,
    MachineOrdered,
    MaintenanceOrdered,
    PlanSwitched,
    PlanWithheld,
    ReceiptTold,
    VerdictPassed,
)
from packcenter.core.lifecycle import FINAL, kind_of
from packcenter.core.limits import COUNT_LINES_MAX, MAINTENANCE_MINUTES_MAX, SHELF_MINUTES_MAX
from packcenter.core.packml import ENDING, LEGAL, RESUMING, TR88_2015_OPCUA
from packcenter.core.packml import Command as UnitCommand
from packcenter.core.packml import State as Unit
from packcenter.core.state import Item, Plc
from packcenter.core.turn import Turn
from packcenter.core.words import REINDUCTED, Finding, HandVerdict, Role

_ALL = (Role.OPERATOR, Role.ENGINEER, Role.MAINTENANCE, Role.SUPERVISOR)
_LINE = (Role.OPERATOR, Role.ENGINEER, Role.SUPERVISOR)
_TECHNICAL = (Role.ENGINEER, Role.MAINTENANCE, Role.SUPERVISOR)
_SUPERVISED = (Role.SUPERVISOR,)

ROLES: dict[str, tuple[Role, ...]] = {
    "lane_open": _LINE,
    "lane_close": _LINE,
    "bag_close": _LINE,
    "plan_switch": _LINE,
    **{f"machine_{name}": _ALL for name in ("stop", "hold", "unhold", "reset", "start")},
    **{f"machine_{name}": _TECHNICAL for name in ("suspend", "unsuspend", "abort", "clear", "complete")},
    REINDUCTED: _LINE,
    f"hand_{HandVerdict.CODE}": _LINE,
    f"hand_{HandVerdict.WITHDRAW}": _SUPERVISED,
    f"hand_{HandVerdict.RETURN}": _SUPERVISED,
    f"hand_{HandVerdict.REMAKE}": _SUPERVISED,
    "maintenance_begin": (Role.MAINTENANCE, Role.SUPERVISOR),
    "maintenance_end": (Role.MAINTENANCE, Role.SUPERVISOR),
    "alarm_acknowledge": _ALL,
    "alarm_shelve": _ALL,
    "alarm_unshelve": _ALL,
    "alarm_take_out": (Role.MAINTENANCE, Role.SUPERVISOR),
    "alarm_put_back": (Role.MAINTENANCE, Role.SUPERVISOR),
    "discrepancy_report": _ALL,
    f"discrepancy_{Finding.FOUND}": _ALL,
    f"discrepancy_{Finding.EXPLAINED}": _ALL,
    f"discrepancy_{Finding.LOST_FOR_GOOD}": _SUPERVISED,
    "shift_count": _LINE,
    "shift_close": _SUPERVISED,
    "receipt_returned": _LINE,
    "receipt_given_up": _SUPERVISED,
}
"""Every act, and the roles that may do it."""

REFUSALS: dict[str, str] = {
    "unknown_act": "there is no such act",
    "role": "this role may not do it",
    "unknown_plc": "the hall has no such machine",
    "unknown_lane": "the sorter has no such lane",
    "exception_lane": "the exception lane takes what nothing else may; stop the machine instead",
    "closed_already": "the lane is closed already",
    "not_closed": "no person has closed this lane",
    "link_down": "the machine cannot be heard",
    "wrong_state": "PackML does not allow this command in the machine's present state",
    "being_stopped": "a command that stops the machine is on its way to it; wait until it stands",
    "in_maintenance": "the machine is in the hands of maintenance",
    "not_in_maintenance": "maintenance commands machines in maintenance mode only",
    "not_stopped": "stop the machine first",
    "not_drained": "documents or parcels are in the machine",
    "minutes": f"maintenance lasts 1 to {MAINTENANCE_MINUTES_MAX} minutes",
    "no_bag": "no bag with parcels hangs at this position",
    "closing_already": "the bag is being closed already",
    "unknown_item": "no such item",
    "not_at_hand_station": "the item is not at the hand station",
    "gone": "the item has left the hall",
    "withdrawn": "its agency wants the item back",
    "withdrawn_already": "the item is withdrawn; when it lies at the hand station, return it",
    "has_identity": "the item was announced and has a code of its own",
    "no_identity": "nobody knows what it is, and its next scan would not end that; give it its code first, or return it",
    "unknown_code": "no manifest announces this code",
    "in_custody": "the item of this code is in the hall already",
    "unknown_alarm": "there is no such alarm, or not of this subject",
    "not_raised": "the alarm is not raised",
    "acknowledged_already": "somebody has acknowledged the alarm",
    "shelf_minutes": f"an alarm is shelved for 1 to {SHELF_MINUTES_MAX} minutes",
    "not_shelved": "the alarm is not shelved",
    "out_already": "the alarm is out of service already",
    "not_out": "the alarm is in service",
    "no_discrepancies": "discrepancies are not recorded in this hall",
    "cause": "a person reports what is missing, surplus or damaged",
    "open_already": "such a discrepancy of this item is open already",
    "no_discrepancy": "no discrepancy of this number is open",
    "opener": "whoever opened a discrepancy does not close it",
    "supervisor": "a difference of a count is signed by a supervisor",
    "signed_already": "the same person signed this finding already; another one has to confirm it",
    "no_item": "it is not about an item; say that it is explained, and how",
    "still_missing": "by the books the item is lost; it is found when a reader or a person has it in hand",
    "not_missing": "by the books the item is not lost",
    "count_lines": f"a count has up to {COUNT_LINES_MAX} lines, each place, class and agency once, with a number from 0 up",
    "count_names": "the hall has no such mail class or agency",
    "not_counted": "the shift was not counted",
    "count_old": "the count is more than an hour old; count again",
    "unsigned": "differences of the count are not signed yet",
    "plan_in_force": "this plan is in force already",
    "plan_version": "the plan in force has this version and says something else; a changed plan needs a version of its own",
    "plan_early": "the plan is not valid yet",
    "plan_expired": "the plan is not valid any more",
    "plan_group": "the plan names a group twice, or one that it does not have",
    "plan_lane": "the plan names a lane that no sorter of the hall has, an exception lane, or one for cases",
    "plan_destination": "the plan has a destination for which no mail bag hangs",
    **plans.WITHHELD,
    **receipts.REFUSALS,
}
"""Why an act is refused, and what that means."""

_STANDS = (Unit.STOPPED, Unit.ABORTED, Unit.IDLE, Unit.HELD)
"""States in which maintenance may take a machine."""

_MINUTE_US = 60_000_000


def on_lane_ordered(turn: Turn, act: LaneOrdered) -> None:
    """
    A lane is closed: nothing more is sent there, whatever its PLC says, which is told too. What is on its way there is the
    PLC's to judge (R1). It stays closed over restarts of either side until a person opens it.
    """
    name, subject = ("lane_open" if act.open else "lane_close"), f"{act.plc}/{act.lane}"
    sorter = turn.index.sorters.get(act.plc)
    if sorter is None:
        why = "unknown_plc"
    elif (act.plc, act.lane) not in turn.index.lanes:
        why = "unknown_lane"
    elif act.lane == sorter.exception_lane:
        why = "exception_lane"
    elif act.open != (act.lane in turn.plc(act.plc).barred):
        why = "not_closed" if act.open else "closed_already"
    else:
        why = ""
    if not answer(turn, act, name, subject, why):
        return
    turn.emit(LaneBarred(act.plc, act.lane, "" if act.open else act.person))
    if turn.plc(act.plc).epoch:
        turn.ask(SetPlace(act.plc, turn.next_number(act.plc), act.lane, act.open))


def on_machine_ordered(turn: Turn, act: MachineOrdered) -> None:
    """
    A machine is commanded through PackML. One that a person stopped does not run again before a person lets it.

    Where Hold is legal depends on the edition that a machine follows; it refuses by itself.
    """
    known = act.command in list(UnitCommand)
    command = UnitCommand(act.command) if known else UnitCommand.STOP
    name = f"machine_{command.name.lower()}" if known else f"machine_{act.command}"
    if not answer(turn, act, name, act.plc, _why_not_commanded(turn, act, command)):
        return
    if command in ENDING:
        _stop(turn, act.plc, act.person)
    elif command in RESUMING:
        _stop(turn, act.plc, "")
    turn.ask(CommandMachine(act.plc, turn.next_number(act.plc), command))


def _stop(turn: Turn, plc: str, person: str) -> None:
    """Who stopped the machine, if that is new; "" nobody any more."""
    if turn.plc(plc).stopped_by != person:
        turn.emit(MachineStopSet(plc, person))


def _why_not_commanded(turn: Turn, act: MachineOrdered, command: UnitCommand) -> str:
    if act.plc not in turn.index.hall.plcs():
        return "unknown_plc"
    plc = turn.plc(act.plc)
    if plc.maintenance_us and act.role not in (Role.MAINTENANCE, Role.SUPERVISOR):
        return "in_maintenance"
    if act.role == Role.MAINTENANCE and not plc.maintenance_us:
        return "not_in_maintenance"
    if not plc.up:
        return "link_down"
    if command in RESUMING and any(order.command in ENDING for order in _machine_orders(plc)):
        return "being_stopped"
    legal = TR88_2015_OPCUA if command is UnitCommand.HOLD else LEGAL[command]
    return "" if legal >> plc.state & 1 else "wrong_state"


def on_bag_ordered(turn: Turn, act: BagOrdered) -> None:
    """A bag is closed before it is full or due."""
    bag = turn.state.bags.get(act.position)
    if bag is None:
        why = "no_bag"
    else:
        why = "closing_already" if bag.closing else ""
    if answer(turn, act, "bag_close", f"{turn.index.hall.rack.plc}/{act.position}", why):
        bags.ask_close(turn, turn.state.bags[act.position], "by_hand")


def on_plan_switched(turn: Turn, act: PlanSwitched) -> None:
    """The hall is sorted by another plan from here on, if it can be (`core.plans`)."""
    if answer(turn, act, "plan_switch", act.file, plans.why_not(turn, act.plan)):
        plans.activate(turn, act.file, act.person, act.plan)


def on_plan_withheld(turn: Turn, act: PlanWithheld) -> None:
    """A switch to a plan that is not to be had is refused, and stands in the journal with its person like any other (O1)."""
    answer(turn, act, "plan_switch", act.file, act.why if act.why in plans.WITHHELD else "plan_unsound")


def _machine_orders(plc: Plc) -> list[CommandMachine]:
    """The PackML commands that are on their way to a machine."""
    return [each.command for each in plc.pending.values() if isinstance(each.command, CommandMachine)]


# --- the hand station ------------------------------------------------------------------------------------------------


def on_verdict_passed(turn: Turn, act: VerdictPassed) -> None:
    """
    A person decides what becomes of an item at the hand station.

    An item that its agency wants back is stopped wherever it is; once it lies at the hand station it is returned. That these
    are two acts is on purpose: what one says must not depend on where an item has got to meanwhile.
    """
    item = turn.state.items.get(act.item)
    why = "unknown_item" if item is None else _why_no_verdict(turn, item, act)
    if not answer(turn, act, f"hand_{act.verdict}", act.item, why):
        return
    assert item is not None, act
    if act.verdict == HandVerdict.REINDUCT:
        return  # its next scan tells the rest
    if act.verdict == HandVerdict.CODE:
        _code(turn, item, turn.item(act.code))
    elif act.verdict == HandVerdict.REMAKE:
        custody.move(turn, item, "remade")
    elif act.verdict == HandVerdict.RETURN:
        custody.move(turn, item, "returned")
    else:
        turn.emit(ItemWithdrawn(item.id))
        if item.place not in ("expected", "lost", "hand"):
            bags.hold_back(turn, item, "withdrawn")
    combining.on_gone(turn, item)


def _why_no_verdict(turn: Turn, item: Item, act: VerdictPassed) -> str:
    if item.place in (*FINAL, "outside"):
        return "gone"
    if act.verdict == HandVerdict.WITHDRAW:
        return "withdrawn_already" if item.withdrawn else ""
    if item.place != "hand":
        return "not_at_hand_station"
    if act.verdict == HandVerdict.REINDUCT:
        return "no_identity" if not item.announced else "withdrawn" if item.withdrawn else ""
    if act.verdict != HandVerdict.CODE:
        return ""
    if item.announced:
        return "has_identity"
    named = turn.state.items.get(act.code)
    if named is None or not named.announced:
        return "unknown_code"
    return "" if named.place in ("expected", "lost") or named.sent_back else "in_custody"


def _code(turn: Turn, provisional: Item, item: Item) -> None:
    """
    The object is the announced item, which is at the hand station thereby.

    Also one that the books have there since a person laid it onto a sorter, whose scanner could not read it again.
    """
    turn.emit(CodedByHand(provisional.id, item.id))
    custody.move(turn, provisional, "outside")
    reason = "withdrawn" if item.withdrawn else "coded_by_hand"
    if item.place == "hand":
        turn.emit(SentToHand(item.id, reason))
    else:
        custody.to_hand(turn, item, reason)


# --- maintenance -----------------------------------------------------------------------------------------------------


def on_maintenance_ordered(turn: Turn, act: MaintenanceOrdered) -> None:
    """O3: maintenance takes a machine that stands and holds nothing, for a limited time; it does not run before that is over."""
    begins = act.minutes > 0
    name = "maintenance_begin" if begins else "maintenance_end"
    if not answer(turn, act, name, act.plc, _why_no_maintenance(turn, act)):
        return
    if begins:
        _stop(turn, act.plc, act.person)
        turn.emit(MaintenanceSet(act.plc, turn.at_us + act.minutes * _MINUTE_US))
    else:
        turn.emit(MaintenanceSet(act.plc, 0))


def _why_no_maintenance(turn: Turn, act: MaintenanceOrdered) -> str:
    if act.plc not in turn.index.hall.plcs():
        return "unknown_plc"
    plc = turn.plc(act.plc)
    if not act.minutes:
        return "" if plc.maintenance_us else "not_in_maintenance"
    if not 0 < act.minutes <= MAINTENANCE_MINUTES_MAX:
        return "minutes"
    if plc.maintenance_us:
        return ""  # longer, or not so long
    if not plc.up:
        return "link_down"
    if plc.state not in _STANDS or _machine_orders(plc):
        return "not_stopped"
    return "not_drained" if _holds_something(turn, plc) else ""


def _holds_something(turn: Turn, plc: Plc) -> bool:
    if plc.name in turn.index.sorters:
        return bool(plc.tracks)
    bagger = turn.state.baggers.get(plc.name)
    if bagger is not None:
        return bagger.feeding is not None or bagger.sealing is not None
    if plc.name in turn.state.case_racks:
        return caserack.is_at_work(turn, plc.name)  # what lies in its cells is locked away
    return any(kind_of(item.place) == "rack" for item in turn.state.items.values())


def on_maintenance_over(turn: Turn, plc: str) -> None:
    """Its time is over. The machine stands until a person starts it."""
    turn.emit(MaintenanceSet(plc, 0))


# --- alarms ----------------------------------------------------------------------------------------------------------


def on_alarm_acknowledged(turn: Turn, act: AlarmAcknowledged) -> None:
    """A person takes care of an alarm; one whose cause is over is off the list thereby."""
    alarm = turn.state.alarms.get(alarms.key_of(act.alarm, act.subject))
    if alarm is None or not alarm.raised:
        why = "not_raised" if alarms.is_known(turn, act.alarm, act.subject) else "unknown_alarm"
    else:
        why = "acknowledged_already" if alarm.acknowledged else ""
    if answer(turn, act, "alarm_acknowledge", alarms.key_of(act.alarm, act.subject), why):
        turn.emit(AlarmAckSet(act.alarm, act.subject, act.person))


def on_alarm_shelved(turn: Turn, act: AlarmShelved) -> None:
    """An alarm that a person knows of is kept off the list for a while, whether it stands or not."""
    alarm = turn.state.alarms.get(alarms.key_of(act.alarm, act.subject))
    if not alarms.is_known(turn, act.alarm, act.subject):
        why = "unknown_alarm"
    elif not act.minutes:
        why = "" if alarm is not None and alarm.shelved_us else "not_shelved"
    else:
        why = "" if 0 < act.minutes <= SHELF_MINUTES_MAX else "shelf_minutes"
    name = "alarm_shelve" if act.minutes else "alarm_unshelve"
    if not answer(turn, act, name, alarms.key_of(act.alarm, act.subject), why):
        return
    if act.minutes:
        turn.emit(AlarmShelfSet(act.alarm, act.subject, turn.at_us + act.minutes * _MINUTE_US, act.person))
    else:
        turn.emit(AlarmShelfSet(act.alarm, act.subject, 0, ""))


def on_alarm_taken_out(turn: Turn, act: AlarmTakenOut) -> None:
    """Maintenance takes an alarm out of service, while what raises it is being mended, and puts it back."""
    alarm = turn.state.alarms.get(alarms.key_of(act.alarm, act.subject))
    is_out = alarm is not None and alarm.out_by != ""
    if not alarms.is_known(turn, act.alarm, act.subject):
        why = "unknown_alarm"
    elif act.out == is_out:
        why = "out_already" if is_out else "not_out"
    else:
        why = ""
    name = "alarm_take_out" if act.out else "alarm_put_back"
    if answer(turn, act, name, alarms.key_of(act.alarm, act.subject), why):
        turn.emit(AlarmOutSet(act.alarm, act.subject, act.person if act.out else ""))


# --- receipts ---------------------------------------------------------------------------------------------------------


def on_receipt_told(turn: Turn, act: ReceiptTold) -> None:
    """A person has a receipt in hand, or gives it up."""
    items, why = receipts.find(turn, act.code) if act.returned else receipts.give_up(turn, act.code)
    if answer(turn, act, "receipt_returned" if act.returned else "receipt_given_up", act.code, why):
        receipts.take(turn, act.code, items, returned=act.returned)


# --- what all acts share ---------------------------------------------------------------------------------------------


def answer(turn: Turn, act: Act, name: str, subject: str, why: str) -> bool:
    """Say whether the act is taken: known, allowed in this role, and nothing is against it."""
    if name not in ROLES:
        why = "unknown_act"
    elif act.role not in ROLES[name]:
        why = "role"
    if why:
        assert why in REFUSALS, why
        turn.emit(ActRefused(name, subject, act.person, act.role, act.reason, why))
    else:
        turn.emit(ActTaken(name, subject, act.person, act.role, act.reason))
    return not why

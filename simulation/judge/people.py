"""
What people ask for: each act has a person, a role that may do it and a reason, is answered once, and does what it says (O1, O3).

    act                 who may                              what it does
    ------------------  -----------------------------------  ---------------------------------------------------------------
    lane_close, _open   operator, engineer, supervisor       nothing is sent into the lane until it is opened, and the PLC is
                                                             told, also in its next life (R1)
    bag_close           the same                             the rack is asked to close it
    machine_*           all; suspend, unsuspend, abort,      that PackML command, where it is legal; what ends Execute keeps
                        clear, complete: no operator         the machine from running until a person lets it (E10)
    hand_reinduct       operator, engineer, supervisor       said of an announced item, and nothing moves
    hand_code           the same                             the object is the announced item, which is at the hand station
    hand_withdraw       supervisor                           the item must not be dispatched, wherever it is
    hand_return         supervisor                           the item goes back from the hand station to its agency
    hand_remake         supervisor                           the item is void
    maintenance_*       maintenance, supervisor              the machine stands, empty, for at most eight hours
    alarm_acknowledge,  all                                  (`alarms`)
      shelve, unshelve
    alarm_take_out,     maintenance, supervisor
      put_back
    receipt_returned    operator, engineer, supervisor       (`receipts`)
    receipt_given_up    supervisor

Maintenance commands a machine in maintenance only, and then nobody else but a supervisor does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulation.judge import alarms, plans, receipts, shifts
from simulation.judge.grammar import Said
from simulation.judge.ledger import Bench, Court, Machine

EXECUTE: Final = 6
_COMMANDS: Final = ("", "reset", "start", "stop", "hold", "unhold", "suspend", "unsuspend", "abort", "clear", "complete")

ENDS: Final = {3: (7, 2), 4: (10, 11), 6: (13, 5), 8: (8, 9), 10: (16, 17)}
"""PackML commands that end Execute -> the states they lead to: stop, hold, suspend, abort, complete."""

_RESUMES: Final = (1, 2, 5, 7)

_LEGAL_IN: Final[dict[int, frozenset[int]]] = {
    1: frozenset({2, 17}),
    2: frozenset({4}),
    3: frozenset(range(1, 18)) - {2, 7, 1, 8, 9},
    4: frozenset({6, 3, 13, 5, 14, 12}),
    5: frozenset({11}),
    6: frozenset({6}),
    7: frozenset({5}),
    8: frozenset(range(1, 18)) - {8, 9},
    9: frozenset({9}),
    10: frozenset({6, 11, 5}),
}
"""PackML command -> states in which an edition of ISA-TR88.00.02 allows it."""

_LINE: Final = frozenset({"operator", "engineer", "supervisor"})
_TECHNICAL: Final = frozenset({"engineer", "maintenance", "supervisor"})
_KEEPERS: Final = frozenset({"maintenance", "supervisor"})
_MAY: Final[dict[str, frozenset[str]]] = {
    "lane_open": _LINE,
    "lane_close": _LINE,
    "bag_close": _LINE,
    "plan_switch": _LINE,
    "hand_reinduct": _LINE,
    "hand_code": _LINE,
    "hand_withdraw": frozenset({"supervisor"}),
    "hand_return": frozenset({"supervisor"}),
    "hand_remake": frozenset({"supervisor"}),
    "maintenance_begin": _KEEPERS,
    "maintenance_end": _KEEPERS,
    **{f"machine_{name}": _LINE | _KEEPERS for name in ("reset", "start", "stop", "hold", "unhold")},
    **dict.fromkeys(("alarm_acknowledge", "alarm_shelve", "alarm_unshelve"), _LINE | _KEEPERS),
    **dict.fromkeys(("discrepancy_report", "discrepancy_found", "discrepancy_explained"), _LINE | _KEEPERS),
    "discrepancy_lost_for_good": frozenset({"supervisor"}),
    "shift_count": _LINE,
    "shift_close": frozenset({"supervisor"}),
    "receipt_returned": _LINE,
    "receipt_given_up": frozenset({"supervisor"}),
    **dict.fromkeys(("alarm_take_out", "alarm_put_back"), _KEEPERS),
    **{f"machine_{name}": _TECHNICAL for name in ("suspend", "unsuspend", "abort", "clear", "complete")},
}

_MINUTES_MAX: Final = 480
_MINUTE_US: Final = 60_000_000
_OVERSTAYED_US: Final = 120_000_000
"""Maintenance that is over ends at most two minutes after the first record since: the controller may have stood still for one."""

_STANDS: Final = frozenset({2, 9, 4, 11})
"""Stopped, aborted, idle, held."""


def _named(happened: Said) -> tuple[str, str]:
    """The act that an input is, and what it is done to."""
    name, *rest = happened
    about = rest[3:]
    if name in alarms.ACTS:
        return alarms.named(happened)
    if name in shifts.ACTS:
        return shifts.named(happened)
    if name == "ReceiptTold":
        return ("receipt_returned" if about[1] else "receipt_given_up"), about[0]
    if name == "LaneOrdered":
        return ("lane_open" if about[2] else "lane_close"), f"{about[0]}/{about[1]}"
    if name == "MachineOrdered":
        known = 0 < about[1] < len(_COMMANDS)
        return f"machine_{_COMMANDS[about[1]] if known else about[1]}", about[0]
    if name in ("PlanSwitched", "PlanWithheld"):
        return "plan_switch", about[0]
    if name == "VerdictPassed":
        return f"hand_{about[1]}", about[0]
    if name == "MaintenanceOrdered":
        return ("maintenance_begin" if about[1] > 0 else "maintenance_end"), about[0]
    return "bag_close", f"/{about[0]}"


# --- the answer ---


def answered(court: Court, bench: Bench, fact: Said) -> None:
    """An act that is said to be taken or refused was asked for by that person."""
    if bench.name not in AFTER:
        court.blame("O1", f"{fact[0]} {fact[1]} of {fact[3]} stands in the record of {bench.name}, and nobody asked for it")


def after_act(court: Court, bench: Bench) -> None:
    """Every act is answered once, under the name of who asked; one that is refused changes nothing, and for a true reason."""
    act, subject = _named(bench.happened)
    person, role, reason = bench.happened[1:4]
    if not (person and role and reason):
        court.blame("O1", f"{act} {subject} lacks its person, role or reason")
    answers = bench.said.get("ActTaken", []) + bench.said.get("ActRefused", [])
    if len(answers) != 1:
        court.blame("O1", f"{act} {subject} of {person} is answered {len(answers)} times")
        return
    answer = answers[0]
    if answer[1] != act or not answer[2].endswith(subject) or answer[3:6] != [person, role, reason]:
        court.blame("O1", f"{act} {subject} of {person} ({role}) is answered as {answer[1:6]}")
    elif answer[0] == "ActRefused":
        if len(bench.facts) > 1 or bench.commands:
            court.blame("O1", f"{act} {subject} of {person} is refused ({answer[6]}), and something comes of it")
        elif not _is_true(court, bench, act, answer[6]):
            court.blame("O1", f"{act} {subject} of {person} is refused as {answer[6]}, which is not so")
    elif role not in _MAY.get(act, ()):
        court.blame("O1", f"{act} {subject} is done for {person} as {role}, who may not")
    else:
        AFTER[bench.name](court, bench, act)


def _is_true(court: Court, bench: Bench, act: str, why: str) -> bool:
    """Whether an act had to be refused for this reason; reasons that the journal cannot tell are believed."""
    _, _, role, _, *about = bench.happened
    if why == "role":
        return act in _MAY and role not in _MAY[act]
    if bench.name in alarms.ACTS:
        return alarms.is_true(court, bench.happened, why)
    if bench.name in shifts.ACTS:
        return shifts.is_true(court, bench, why)
    if bench.name == "ReceiptTold":
        return receipts.is_true(court, about[0], why)
    if bench.name == "BagOrdered":
        return why != "no_bag" or about[0] not in court.open_bags
    if bench.name == "PlanWithheld":
        return bool(why == about[1])
    if bench.name == "PlanSwitched":
        return plans.is_true(court, bench, why)
    if bench.name == "VerdictPassed":
        item = court.items.get(about[0])
        place = item.place if item is not None else ""
        return {
            "unknown_item": item is None,
            "not_at_hand_station": place != "hand",
            "gone": place in ("dispatched", "returned", "remade", "outside"),
        }.get(why, True)
    machine = court.machines[about[0]]
    return {
        "closed_already": bench.name == "LaneOrdered" and about[1] in machine.barred,
        "not_closed": bench.name == "LaneOrdered" and about[1] not in machine.barred,
        "link_down": not machine.up,
        "being_stopped": is_being_stopped(machine),
        "in_maintenance": bool(machine.maintenance_us),
        "not_in_maintenance": not machine.maintenance_us,
        "wrong_state": bench.name == "MachineOrdered" and machine.state not in _LEGAL_IN.get(about[1], ()),
        "not_stopped": machine.state not in _STANDS or _is_told(machine),
    }.get(why, True)


# --- lanes ---


def lane_barred(court: Court, bench: Bench, fact: Said) -> None:
    """A lane is closed by the person who asked for it, or opened again."""
    _, plc, lane, person = fact
    machine = court.machines[plc]
    if bench.name != "LaneOrdered" or bench.happened[4:6] != [plc, lane]:
        court.blame("O1", f"lane {lane} of {plc} is barred by {person!r} in the record of {bench.name}")
    elif person != ("" if bench.happened[6] else bench.happened[1]):
        court.blame("O1", f"lane {lane} of {plc} is barred by {person!r}, asked for was {bench.happened[1:]}")
    elif bool(person) == (lane in machine.barred):
        court.blame("O1", f"lane {lane} of {plc} is {'closed' if person else 'opened'}, and it was so already")
    if person:
        machine.barred.add(lane)
    else:
        machine.barred.discard(lane)


def set_place(court: Court, bench: Bench, command: Said) -> None:
    """A PLC is told of a lane what a person decided, then and in its next life."""
    _, plc, _, place, is_open = command
    if place == 0:  # the infeed of a loop
        if "InfeedHeld" not in bench.said:
            court.blame("R9", f"{plc} is told to {'open' if is_open else 'close'} its infeed, and nobody said why")
        return
    if bench.name not in ("LaneOrdered", "LinkUp"):
        court.blame("O1", f"{plc} is told to {'open' if is_open else 'close'} place {place}, and nobody asked for it")
    elif is_open != (place not in court.machines[plc].barred):
        court.blame("R1", f"{plc} is told to {'open' if is_open else 'close'} place {place}, people decided otherwise")


def told_closed(court: Court, bench: Bench, machine: Machine) -> None:
    """A new life of a PLC is told of every lane that is closed."""
    told = {command[3] for command in bench.commands if command[0] == "SetPlace" and command[1] == machine.name and command[3]}
    if told != machine.barred:
        court.blame(
            "R1", f"{machine.name} begins a life and is told to close {sorted(told)}, closed are {sorted(machine.barred)}"
        )


def _after_lane(court: Court, bench: Bench, act: str) -> None:
    plc = bench.happened[4]
    if "LaneBarred" not in bench.said:
        court.blame("O1", f"{act} of {plc} is taken, and nothing comes of it")
    elif court.machines[plc].epoch and not any(command[0] == "SetPlace" for command in bench.commands):
        court.blame("R1", f"{act} of {plc} is taken, and its PLC is not told")


# --- machines ---


def stop_set(court: Court, bench: Bench, fact: Said) -> None:
    """Who stopped a machine is known until a person lets it run, here or at its panel."""
    _, plc, person = fact
    machine = court.machines[plc]
    if bench.name in ("MachineOrdered", "MaintenanceOrdered") and bench.happened[4] == plc:
        if person not in ("", bench.happened[1]):
            court.blame("O1", f"{plc} is stopped by {person!r}, it was {bench.happened[1]!r} who asked")
    elif bench.name != "MachineChanged" or bench.happened[1] != plc or bench.happened[4] != EXECUTE or person:
        court.blame(
            "E10", f"{plc} is {'stopped' if person else 'let run'} in the record of {bench.name}, and nobody asked for it"
        )
    machine.stopped_by = person


def ordered(court: Court, bench: Bench, command: Said) -> None:
    """A person's command goes out as it was given, where PackML allows it, from who may command the machine now."""
    _, plc, _, order = command
    machine = court.machines[plc]
    role = bench.happened[2]
    if bench.happened[4:6] != [plc, order]:
        court.blame("O1", f"{plc} is told PackML command {order}, asked for was {bench.happened[4:6]}")
    elif machine.state not in _LEGAL_IN.get(order, ()):
        court.blame("E10", f"{plc} is told PackML command {order} in state {machine.state}, where it is not legal")
    elif order in _RESUMES and is_being_stopped(machine):
        court.blame("E10", f"{plc} is told PackML command {order}, though a person's stop is on its way to it")
    elif not machine.up:
        court.blame("E6", f"{plc} is told PackML command {order}, though it cannot be heard")
    elif machine.maintenance_us and role not in _KEEPERS:
        court.blame("O3", f"{plc} is told PackML command {order} by {role}, though it is in maintenance")
    elif role == "maintenance" and not machine.maintenance_us:
        court.blame("O3", f"{plc} is told PackML command {order} by maintenance, which has not taken it")


def _after_machine(court: Court, bench: Bench, act: str) -> None:
    _, person, _, _, plc, order = bench.happened
    machine = court.machines[plc]
    if not any(command[0] == "CommandMachine" for command in bench.commands):
        court.blame("O1", f"{act} of {plc} is taken, and its PLC is not told")
    elif order in ENDS and machine.stopped_by != person:
        court.blame("E10", f"{act} of {plc} is taken, and nothing keeps the machine from being started")
    elif order in _RESUMES and machine.stopped_by:
        court.blame("O1", f"{act} of {plc} is taken, and the machine stays stopped by {machine.stopped_by}")


def maintenance_set(court: Court, bench: Bench, fact: Said) -> None:
    """A machine is taken by maintenance when it stands and is empty, for as long as was asked; then that is over."""
    _, plc, until_us = fact
    machine = court.machines[plc]
    if not until_us:
        over = bench.name == "Tick" and 0 < machine.maintenance_us <= bench.at_us
        if not over and (bench.name != "MaintenanceOrdered" or bench.happened[4:6] != [plc, 0]):
            court.blame("O3", f"maintenance of {plc} ends in the record of {bench.name}, due is {machine.maintenance_us}")
    elif bench.name != "MaintenanceOrdered" or bench.happened[4] != plc:
        court.blame("O3", f"maintenance takes {plc} in the record of {bench.name}")
    else:
        minutes = bench.happened[5]
        if not 0 < minutes <= _MINUTES_MAX or until_us != bench.at_us + minutes * _MINUTE_US:
            court.blame("O3", f"maintenance takes {plc} for {minutes} minutes at {bench.at_us}, until {until_us}")
        if not machine.maintenance_us and (
            machine.state not in _STANDS or not machine.up or _holds(court, machine) or _is_told(machine)
        ):
            court.blame("O3", f"maintenance takes {plc} in state {machine.state}, or with something in it")
    machine.maintenance_us = until_us


def is_being_stopped(machine: Machine) -> bool:
    """Whether a command that ends Execute is on its way to a machine."""
    return any(command[0] == "CommandMachine" and command[3] in ENDS for command in machine.asked.values())


def _is_told(machine: Machine) -> bool:
    """Whether a PackML command is on its way to a machine, which may move it yet."""
    return any(command[0] == "CommandMachine" for command in machine.asked.values())


def _holds(court: Court, machine: Machine) -> bool:
    rack = court.hall is not None and machine.name == court.hall.rack
    return bool(machine.tracks or machine.jobs or (rack and court.in_rack))


def look_for_overstayed(court: Court, bench: Bench) -> None:
    """Maintenance whose time is over does not go on, once somebody looks."""
    for machine in court.machines.values():
        if not machine.maintenance_us or bench.at_us <= machine.maintenance_us or bench.name == "Started":
            machine.overstayed_us = 0
        elif not machine.overstayed_us:
            machine.overstayed_us = bench.at_us
        elif bench.at_us - machine.overstayed_us > _OVERSTAYED_US:
            court.blame("O3", f"maintenance of {machine.name} was over at {machine.maintenance_us}, and goes on at {bench.at_us}")
            machine.maintenance_us = machine.overstayed_us = 0


def _after_maintenance(court: Court, bench: Bench, act: str) -> None:
    if "MaintenanceSet" not in bench.said:
        court.blame("O1", f"{act} of {bench.happened[4]} is taken, and nothing comes of it")
    elif bench.happened[5] and not court.machines[bench.happened[4]].stopped_by:
        court.blame("O3", f"maintenance takes {bench.happened[4]}, and nothing keeps the machine from being started")


# --- bags, items ---


def _after_bag(court: Court, bench: Bench, act: str) -> None:
    position = bench.happened[4]
    if not any(fact[2:] == [position, "by_hand"] for fact in bench.said.get("BagCloseAsked", ())):
        court.blame("O1", f"{act} {position} is taken, and the bag is not closed")


def item_withdrawn(court: Court, bench: Bench, fact: Said) -> None:
    """An agency's wish is a person's act."""
    item = court.item(fact[1], "ItemWithdrawn")
    if bench.name != "VerdictPassed" or bench.happened[4:6] != [fact[1], "withdraw"]:
        court.blame("O1", f"{fact[1]} is withdrawn in the record of {bench.name}")
    if item is not None:
        item.withdrawn = True


def coded_by_hand(court: Court, bench: Bench, fact: Said) -> None:
    """An object without a line is found to be an announced item that is not in custody, or was laid onto a sorter."""
    _, name, code = fact
    provisional, item = court.item(name, "CodedByHand"), court.item(code, "CodedByHand")
    if bench.name != "VerdictPassed" or bench.happened[4:] != [name, "code", code]:
        court.blame("O1", f"{name} is said to be {code} in the record of {bench.name}")
    elif provisional is None or provisional.line is not None or provisional.place != "hand":
        court.blame("A4", f"{name} is said to be {code}, but it was announced itself, or is not at the hand station")
    elif item is None or item.line is None or not (item.place in ("expected", "lost") or item.sent_back):
        court.blame("A4", f"{name} is said to be {code}, which was not announced, or is in custody")
    elif item.sent_back:
        item.sent_back = False
        if ["SentToHand", code, "withdrawn" if item.withdrawn else "coded_by_hand"] not in bench.said.get("SentToHand", ()):
            court.blame("A5", f"{name} is said to be {code}, and nobody says why that is at the hand station")


def _after_verdict(court: Court, bench: Bench, act: str) -> None:
    _, _, _, _, name, verdict, code = bench.happened
    item = court.items.get(name)
    if item is None:
        court.blame("A5", f"{act} is taken about {name!r}, which never appeared")
        return
    if verdict == "reinduct":
        item.sent_back = True
    done = {
        "reinduct": item.place == "hand" and not item.withdrawn and item.line is not None,
        "remake": item.place == "remade",
        "withdraw": "ItemWithdrawn" in bench.said,
        "return": item.place == "returned",
        "code": item.place == "outside" and code in court.items and court.items[code].place == "hand",
    }
    if not done.get(verdict, False):
        court.blame("O1", f"{act} is taken about {name}, which is in {item.place}")


AFTER: Final[dict[str, Callable[[Court, Bench, str], None]]] = {
    "LaneOrdered": _after_lane,
    "MachineOrdered": _after_machine,
    "BagOrdered": _after_bag,
    "VerdictPassed": _after_verdict,
    "MaintenanceOrdered": _after_maintenance,
    "PlanSwitched": plans.after_switched,
    "PlanWithheld": plans.after_withheld,
    "ReceiptTold": receipts.after_told,
    **dict.fromkeys(alarms.ACTS, alarms.after_act),
    **dict.fromkeys(shifts.ACTS, shifts.after_act),
}
"""What a taken act must lead to, by its input."""

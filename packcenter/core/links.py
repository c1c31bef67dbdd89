"""
PLCs as peers: their lives (boot nonce, epoch), links, machine states and places.

A new life of a PLC gets a new epoch, and what the old life tracked or was asked is accounted for first (E4, E12):
items on its belt are lost until found, a fed document is at the hand station, unanswered commands are void.
"""

from __future__ import annotations

from packcenter.core import bags, case_cells, caserack, cell_counts, custody, diverting, packing
from packcenter.core.commands import (
    BeginParcel,
    CloseBag,
    CommandMachine,
    Divert,
    Drop,
    GrantEpoch,
    RejectParcel,
    Release,
    SealParcel,
    SetPlace,
    Store,
)
from packcenter.core.facts import (
    BagCloseAsked,
    CommandAnswered,
    CommandTimedOut,
    ConsumableSet,
    EpochGranted,
    GapSeen,
    JamSet,
    LinkStateSet,
    MachineEntered,
    MachineStopSet,
    PlaceSet,
)
from packcenter.core.inputs import (
    CommandEnded,
    ConsumableRead,
    JamChanged,
    LinkLost,
    LinkUp,
    MachineChanged,
    PlaceChanged,
    Unintelligible,
)
from packcenter.core.limits import ANSWER_GRACE_US, CAUSES_MAX
from packcenter.core.packml import ENDING, STATE_COMPLETE, TARGETS
from packcenter.core.packml import Command as UnitCommand
from packcenter.core.packml import State as Unit
from packcenter.core.state import Plc
from packcenter.core.turn import Turn
from packcenter.core.words import CommandResult, PlaceState, ReasonClass

_START_UP = {Unit.STOPPED: UnitCommand.RESET, Unit.IDLE: UnitCommand.START, Unit.COMPLETED: UnitCommand.RESET}
"""What brings a machine towards Execute. From Aborted and Held only a person does."""

_NEIGHBOURS = (ReasonClass.STARVED, ReasonClass.BLOCKED)
_NOT_ASKED = (*_NEIGHBOURS, ReasonClass.CONTROLLER_LOST)
"""Why a machine stops that nobody told to."""
"""Stops that come from a neighbour and leave an open pouch untouched."""

_STOPS = (Unit.CLEARING, Unit.STOPPED, Unit.STOPPING, Unit.ABORTING, Unit.ABORTED, Unit.HOLDING, Unit.HELD)
"""States that no neighbour brings about, whatever reason class a PLC gives with them."""


_UNTIMED = Divert | Drop | CommandMachine | SetPlace
"""Commands that are never overdue by themselves."""


def on_link_up(turn: Turn, link: LinkUp) -> None:
    """
    A PLC answers with a moving heartbeat.

    A life that never had an epoch gets one. A life that we know goes on; if our grant got lost on its way it is
    given again. A life that holds somebody else's epoch is not ours to command until it is restarted.
    """
    plc = turn.plc(link.plc)
    known = plc.epoch > 0 and link.nonce == plc.nonce
    if known and link.epoch == plc.epoch:
        turn.emit(LinkStateSet(link.plc, True, "resumed"))
        _await_answers(turn, plc)
    elif known and link.epoch == 0:
        turn.emit(LinkStateSet(link.plc, True, "granted_again"))
        turn.ask(GrantEpoch(link.plc, plc.nonce, plc.epoch))
        _await_answers(turn, plc)
    elif link.epoch == 0:
        _void_old_life(turn, link.plc)
        turn.emit(LinkStateSet(link.plc, True, "new_life"))
        turn.emit(EpochGranted(link.plc, link.nonce, plc.epoch + 1))
        turn.ask(GrantEpoch(link.plc, link.nonce, plc.epoch))
        for lane in sorted(plc.barred):
            turn.ask(SetPlace(plc.name, turn.next_number(plc.name), lane, False))
        if link.plc == turn.index.hall.rack.plc:
            bags.renew_orders(turn)
    else:
        turn.emit(LinkStateSet(link.plc, False, "foreign_epoch"))
        return
    _wake(turn, link.plc)


def _await_answers(turn: Turn, plc: Plc) -> None:
    """Answers whose time passed while nobody could be heard may be waiting in the PLC: give it the time to tell them."""
    again_us = turn.at_us + ANSWER_GRACE_US
    for number in sorted(plc.pending):
        pending = plc.pending[number]
        if pending.due_us < again_us and not isinstance(pending.command, _UNTIMED):
            turn.emit(CommandTimedOut(plc.name, number, "", again_us))


def _void_old_life(turn: Turn, name: str) -> None:
    """E12: everything that the PLC's lost memory held is accounted for."""
    plc = turn.plc(name)
    for track in sorted(plc.tracks):
        custody.lose(turn, turn.item(plc.tracks[track]), "plc_restart")
    if name in turn.state.baggers:
        packing.void_jobs(turn, name)
    elif name == turn.index.hall.rack.plc:
        bags.doubt_unheard(turn)
    elif name in turn.state.case_racks:
        caserack.void(turn, name)


def on_gap(turn: Turn, name: str, seq: int) -> None:
    """
    Events before `seq` never came: an open discrepancy of the PLC.

    They may have been about an open pouch of a bagger (B6), or about a parcel that fell into a bag (D1).
    """
    plc = turn.plc(name)
    turn.emit(GapSeen(name, plc.epoch, plc.seq + 1, seq))
    if name in turn.state.baggers:
        packing.make_suspect(turn, name, "gap")
    elif name == turn.index.hall.rack.plc:
        bags.suspect_all(turn, "gap")
    elif name in turn.state.case_racks:
        caserack.suspect_all(turn, name, "gap")
        cell_counts.try_anew(turn, name, "gap")
        case_cells.try_release(turn, name)


def on_link_lost(turn: Turn, link: LinkLost) -> None:
    """A PLC cannot be heard: its machine's state is unknown until it is back."""
    turn.emit(LinkStateSet(link.plc, False, link.reason[:CAUSES_MAX]))


def on_machine_changed(turn: Turn, changed: MachineChanged) -> None:
    """
    A machine entered a PackML state. Bring it towards Execute; give it work when it is there.

    A bagger that stopped for anything but its neighbours leaves its open pouches suspect (B6); at a case rack that was
    stopped, held or aborted people may have mended a cell's counter. A machine that a person stopped, at its panel or here,
    stays stopped; one that a person started at its panel is stopped no more.
    """
    turn.emit(MachineEntered(changed.plc, changed.state, changed.reason_class, changed.reason))
    own = changed.state in _STOPS or (changed.state != Unit.EXECUTE and changed.reason_class not in _NEIGHBOURS)
    if changed.plc in turn.state.baggers and own:
        packing.make_suspect(turn, changed.plc, "machine_stopped")
    elif changed.plc in turn.state.case_racks and changed.state in _STOPS:
        cell_counts.try_anew(turn, changed.plc, "machine_stopped")
    _answer_machine_commands(turn, changed)
    plc = turn.plc(changed.plc)
    is_to_end = any(isinstance(p.command, CommandMachine) for p in plc.pending.values())
    if changed.state == Unit.EXECUTE and plc.stopped_by and not is_to_end:
        turn.emit(MachineStopSet(changed.plc, ""))
    command = _START_UP.get(Unit(changed.state)) if changed.state <= Unit.COMPLETED else None
    if command is not None and changed.reason_class != ReasonClass.OPERATOR and not plc.stopped_by:
        turn.ask(CommandMachine(changed.plc, turn.next_number(changed.plc), command))
    _wake(turn, changed.plc)


def _answer_machine_commands(turn: Turn, changed: MachineChanged) -> None:
    """
    Any state that a machine enters answers what brings it towards Execute. What ends Execute only the state that it leads to
    answers, and not one that the machine says a neighbour or our own silence brought: one that was entered before must not
    make us forget a person's Stop.
    """
    for command in [p.command for p in turn.plc(changed.plc).pending.values() if isinstance(p.command, CommandMachine)]:
        acting = TARGETS[UnitCommand(command.command)]
        led = changed.state in (acting, STATE_COMPLETE[acting]) and changed.reason_class not in _NOT_ASKED
        if led or command.command not in ENDING:
            turn.emit(CommandAnswered(changed.plc, command.number, CommandResult.DONE))


def _wake(turn: Turn, plc: str) -> None:
    """A machine may run again: give a bagger work, and begin waiting anew for what a sorter or the rack holds."""
    if plc in turn.index.baggers:
        packing.try_begin(turn, plc)
    elif turn.runs(plc):
        if plc in turn.index.sorters:
            diverting.wait_anew(turn, plc)
        elif plc in turn.index.case_racks:
            caserack.work(turn, plc)
        else:
            bags.wait_anew(turn)


def on_place_changed(turn: Turn, changed: PlaceChanged) -> None:
    """A lane or position opened, filled, closed or jammed."""
    turn.emit(PlaceSet(changed.plc, changed.place, changed.state, changed.items))
    pending = turn.plc(changed.plc).pending
    orders = [each.command for each in pending.values() if isinstance(each.command, SetPlace)]
    asked = next((order for order in orders if order.place == changed.place), None)
    if asked is not None and asked.open == (changed.state != PlaceState.CLOSED):
        turn.emit(CommandAnswered(changed.plc, asked.number, CommandResult.DONE))


def on_jam_changed(turn: Turn, changed: JamChanged) -> None:
    """A zone jammed or was cleared; at a bagger a jam makes open pouches suspect (B6)."""
    turn.emit(JamSet(changed.plc, changed.zone, changed.on))
    if changed.on and changed.plc in turn.state.baggers:
        packing.make_suspect(turn, changed.plc, "jam")


def on_consumable_read(turn: Turn, read: ConsumableRead) -> None:
    """A bagger says how much of a consumable is left."""
    turn.emit(ConsumableSet(read.plc, read.consumable, read.percent))


def on_unintelligible(turn: Turn, event: Unintelligible) -> None:
    """A PLC speaks of something that the line interface does not know: taken, and said."""
    turn.set_aside(event, f"unknown_kind_{event.kind}")


def on_command_ended(turn: Turn, ended: CommandEnded) -> None:
    """
    A PLC refused a command or ended it without another event.

    A refused divert needs nothing more: the item falls back and its lane's eye says so.
    """
    pending = turn.plc(ended.plc).pending.get(ended.command)
    if pending is None:
        turn.set_aside(ended, "unknown_command")
        return
    command = pending.command
    if ended.result == CommandResult.DONE and not isinstance(command, CommandMachine | SetPlace):
        turn.set_aside(ended, "awaits_event")  # what it did is told by an event of its own, which is still to come
        return
    turn.emit(CommandAnswered(ended.plc, ended.command, ended.result))
    if isinstance(command, BeginParcel | SealParcel | RejectParcel):
        packing.on_command_ended(turn, ended.plc, command, ended)
    elif isinstance(command, Store | Release):
        caserack.on_command_ended(turn, command, ended)
    elif isinstance(command, CloseBag):
        _close_refused(turn, command)
    else:
        assert isinstance(command, Divert | Drop | CommandMachine | SetPlace), command


def _close_refused(turn: Turn, command: CloseBag) -> None:
    """The bag still hangs open; it is asked again after a while, or when the next parcel falls."""
    bag = turn.state.bags[command.position]
    assert command.tag in (bag.tag, bag.printed), command  # whatever shut the bag has answered the command
    turn.emit(BagCloseAsked(bag.tag, bag.position, ""))

"""
The controller: the map of the system.

    outcome = controller.step(at_us, input)       # facts that are now true, commands for machines; nothing else happens
    wake_at = controller.next_deadline_us()       # feed a Tick then

Pure and deterministic: no clock, no I/O, no chance. The live service, the simulation and the replay drive this same
object. `HANDLERS` names the rule that answers each input; facts and commands are what rules may answer with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from packcenter.core import (
    acts,
    alarms,
    bags,
    caserack,
    deadlines,
    discrepancies,
    diverting,
    inputs,
    integrity,
    links,
    loops,
    manifests,
    packing,
    receipts,
    service,
    shifts,
)
from packcenter.core.commands import Command, GrantEpoch
from packcenter.core.facts import CommandAnswered, EventSetAside, EventTaken, Fact
from packcenter.core.index import HallIndex
from packcenter.core.inputs import Input, PlcEvent, Started
from packcenter.core.state import State, evolve, remember
from packcenter.core.turn import Turn

HANDLERS: dict[type, Callable[[Turn, Any], None]] = {
    # what arrives from people and from outside
    inputs.Started: service.on_started,
    inputs.AlarmTableGiven: alarms.on_table_given,
    inputs.CustodyRulesGiven: discrepancies.on_rules_given,
    inputs.ManifestReceived: manifests.on_received,
    inputs.ReceiptsReceived: receipts.on_received,
    inputs.ClockStepped: service.on_clock_stepped,
    inputs.Quarantined: service.on_quarantined,
    inputs.StopRequested: service.on_stop_requested,
    # what people ask for
    inputs.LaneOrdered: acts.on_lane_ordered,
    inputs.MachineOrdered: acts.on_machine_ordered,
    inputs.BagOrdered: acts.on_bag_ordered,
    inputs.VerdictPassed: acts.on_verdict_passed,
    inputs.MaintenanceOrdered: acts.on_maintenance_ordered,
    inputs.AlarmAcknowledged: acts.on_alarm_acknowledged,
    inputs.AlarmShelved: acts.on_alarm_shelved,
    inputs.AlarmTakenOut: acts.on_alarm_taken_out,
    inputs.DiscrepancyReported: discrepancies.on_reported,
    inputs.DiscrepancyJudged: discrepancies.on_judged,
    inputs.ShiftCounted: shifts.on_counted,
    inputs.ShiftEnded: shifts.on_ended,
    inputs.PlanSwitched: acts.on_plan_switched,
    inputs.PlanWithheld: acts.on_plan_withheld,
    inputs.ReceiptTold: acts.on_receipt_told,
    # PLCs as peers
    inputs.LinkUp: links.on_link_up,
    inputs.LinkLost: links.on_link_lost,
    inputs.MachineChanged: links.on_machine_changed,
    inputs.PlaceChanged: links.on_place_changed,
    inputs.JamChanged: links.on_jam_changed,
    inputs.ConsumableRead: links.on_consumable_read,
    inputs.CommandEnded: links.on_command_ended,
    inputs.Unintelligible: links.on_unintelligible,
    # sorter
    inputs.Scanned: diverting.on_scanned,
    inputs.DivertConfirmed: diverting.on_confirmed,
    inputs.TrackLost: diverting.on_lost,
    inputs.GhostAppeared: diverting.on_ghost,
    # bagger
    inputs.Fed: packing.on_fed,
    inputs.Packed: packing.on_packed,
    # case rack
    inputs.Stored: caserack.on_stored,
    inputs.Released: caserack.on_released,
    # dispatch rack
    inputs.Dropped: bags.on_dropped,
    inputs.BagShut: bags.on_bag_shut,
    # time
    inputs.Tick: deadlines.on_tick,
}

_PLC_EVENTS = frozenset(PlcEvent.__args__)
_RIDDLES = discrepancies.RULES.keys()
_ABOUT_PIECES = integrity.RULES.keys()
_ALARMING = alarms.RULES.keys()


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What one input led to, in order."""

    facts: list[Fact]
    commands: list[Command]


class Controller:
    """
    The decisions of one hall. Begins with nothing, or with a recovered `State`.

    `step` is given inputs in the order in which they were recorded, with times that never fall.
    """

    def __init__(self, state: State | None = None) -> None:
        self.state = state if state is not None else State()
        self._index = HallIndex(self.state.hall) if self.state.hall is not None else None

    def step(self, at_us: int, happened: Input) -> Outcome:
        """
        Decide what `happened` at core time `at_us` means.

        A plant's fault never raises: it is an input and becomes a fact. `AssertionError` means our own mistake; the
        state is then not to be used any further.
        """
        state = self.state
        assert at_us >= state.last_us, (at_us, state.last_us)
        state.last_us = at_us
        kind = type(happened)
        if kind is Started or self._index is None:
            assert isinstance(happened, Started), happened
            self._index = HallIndex(happened.hall)
        turn = Turn(state, self._index, at_us)
        if kind not in _PLC_EVENTS or _take(turn, happened):  # type: ignore[arg-type]
            HANDLERS[kind](turn, happened)
        if state.hall is not None and state.hall is not self._index.hall:  # another plan is in force
            self._index = turn.index = HallIndex(state.hall)
        if self._index.limited_loops:
            loops.look(turn)
        if state.custody_rules and not _RIDDLES.isdisjoint(map(type, turn.facts)):
            discrepancies.look(turn)
        if state.custody_rules and not _ABOUT_PIECES.isdisjoint(map(type, turn.facts)):
            integrity.look(turn)
        if state.alarm_table and not _ALARMING.isdisjoint(map(type, turn.facts)):
            alarms.look(turn)
        return Outcome(turn.facts, turn.commands)

    def next_deadline_us(self) -> int | None:
        """Core time at which a `Tick` is due, or None."""
        return deadlines.next_deadline_us(self.state)

    def fold(self, at_us: int, facts: list[Fact], commands: list[Command]) -> None:
        """
        Take over what an earlier step led to, without deciding again: how a journal is recovered.

        A step may have answered a command that it had asked itself (a drop that was renewed); that one is remembered
        before its answer, all others after the facts, which comes to the same.
        """
        state = self.state
        state.last_us = at_us
        asked = commands
        for fact in facts:
            if type(fact) is CommandAnswered and fact.number > state.plcs[fact.plc].numbers:
                renewed = [each for each in asked if _is_until(each, fact)]
                asked = [each for each in asked if not _is_until(each, fact)]
                for command in renewed:
                    remember(state, at_us, command)
            evolve(state, at_us, fact)
        for command in asked:
            remember(state, at_us, command)
        if state.hall is not None and (self._index is None or self._index.hall is not state.hall):
            self._index = HallIndex(state.hall)


def _is_until(command: Command, answered: CommandAnswered) -> bool:
    return not isinstance(command, GrantEpoch) and command.plc == answered.plc and command.number <= answered.number


def _take(turn: Turn, event: PlcEvent) -> bool:
    """
    Take event (p, e, q) once and in order (E1, E2, R4): False if it is of an older life or was taken before.
    """
    plc = turn.plc(event.plc)
    if event.epoch != plc.epoch:
        turn.emit(EventSetAside(event.plc, event.epoch, event.seq, "stale_epoch"))
        return False
    if event.seq <= plc.seq:
        turn.emit(EventSetAside(event.plc, event.epoch, event.seq, "repeated"))
        return False
    if event.seq > plc.seq + 1:
        links.on_gap(turn, event.plc, event.seq)
    turn.emit(EventTaken(event.plc, event.epoch, event.seq))
    return True

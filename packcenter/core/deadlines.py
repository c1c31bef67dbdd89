"""What happens because time passed: deadlines live in the state, and waking is an input (`Tick`)."""

from __future__ import annotations

from heapq import heappop

from packcenter.core import acts, alarms, bags, caserack, cases, discrepancies, diverting, packing, plans, receipt_life, receipts
from packcenter.core.facts import CommandTimedOut
from packcenter.core.inputs import Tick
from packcenter.core.lifecycle import kind_of
from packcenter.core.state import Item, State, is_current
from packcenter.core.turn import Turn


def next_deadline_us(state: State) -> int | None:
    """When the next `Tick` is due, or None. Drops deadlines that were answered, which is no change of state."""
    agenda = state.agenda
    while agenda and not is_current(state, agenda[0]):
        heappop(agenda)
    return agenda[0][0] if agenda else None


def on_tick(turn: Turn, tick: Tick) -> None:
    """Everything whose time has come, earliest first."""
    state = turn.state
    while (due_us := next_deadline_us(state)) is not None and due_us <= turn.at_us:
        _, kind, name, number = heappop(state.agenda)
        if kind == "confirm":
            _on_confirmation_due(turn, state.items[name])
        elif kind == "command":
            _on_command_due(turn, name, number)
        elif kind == "cutoff":
            bags.on_close_due(turn, state.bags[number])
        elif kind == "maintenance":
            acts.on_maintenance_over(turn, name)
        elif kind == "alarm":
            alarms.on_due(turn, name)
        elif kind == "shelf":
            alarms.on_shelf_over(turn, name)
        elif kind == "flood":
            alarms.on_flood_looked_at(turn)
        elif kind == "discrepancy":
            discrepancies.on_due(turn, number)
        elif kind == "plan":
            plans.look(turn)
        elif kind == receipt_life.KIND:
            receipts.on_due(turn, name)
        elif kind == "case":
            cases.on_due(turn, name)
        elif kind == "case_rack":
            caserack.on_pause_over(turn, name)
        else:
            packing.on_pause_over(turn, name)


def _on_confirmation_due(turn: Turn, item: Item) -> None:
    """An item did not come where it must have come by now."""
    if kind_of(item.place) == "belt":
        diverting.on_confirmation_due(turn, item)
    else:
        bags.on_drop_due(turn, item)


def _on_command_due(turn: Turn, plc: str, number: int) -> None:
    """
    A command got no answer in its time.

    While its PLC cannot be heard the answer may be waiting there: it is waited for anew when the PLC is heard. Otherwise
    it stays asked: only the PLC can say what became of it, and the alarm says that it does not.
    """
    if not turn.plc(plc).up:
        turn.emit(CommandTimedOut(plc, number, "", 0))
    else:
        turn.emit(CommandTimedOut(plc, number, type(turn.plc(plc).pending[number].command).__name__, 0))

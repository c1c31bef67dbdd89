"""How facts about loops and the rates of lanes change the state (`core.state.evolve`)."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

from packcenter.core import loop_facts as lf
from packcenter.core.records import Item, State, lane_place


def leave_belt(state: State, item: Item) -> None:
    """Forget the item's track, reservation and confirmation time; the lap count ends with the belt."""
    state.plcs[item.plc].tracks.pop(item.track, None)
    release(state, item)
    item.plc, item.track, item.lane, item.confirm_us, item.unconfirmed, item.laps = "", 0, 0, 0, False, 0


def release(state: State, item: Item) -> None:
    """The room that was reserved in the item's lane is free; who goes round has none reserved."""
    if item.lane:
        state.lanes[lane_place(item.plc, item.lane)].on_way -= 1
        assert state.lanes[lane_place(item.plc, item.lane)].on_way >= 0, item


def note_rate(state: State, plc: str, number: int, deadline_us: int) -> None:
    """Of a lane with a limited rate, remember when its last items come: all of a lane travel alike, so deadlines tell."""
    assert state.hall is not None
    rates = (
        lane.rate_per_minute for each in state.hall.sorters if each.plc == plc for lane in each.lanes if lane.number == number
    )
    rate = next(rates, 0)
    if rate:
        load = state.lanes[lane_place(plc, number)]
        load.recent = [*load.recent, deadline_us][-rate:]


def _went_round(state: State, at_us: int, fact: lf.WentRound) -> None:
    """It keeps its place, the belt, under a number that no PLC gives, until it is scanned again."""
    item = state.items[fact.item]
    tracks = state.plcs[fact.plc].tracks
    assert item.track >= 0, fact
    assert tracks.pop(item.track) == item.id, fact
    release(state, item)
    item.track = min([0, *tracks]) - 1  # not made of its own track: a PLC may give that again before it is back
    tracks[item.track] = item.id
    item.lane, item.command, item.laps = 0, 0, fact.lap
    item.confirm_us, item.unconfirmed = fact.confirm_us, False
    heappush(state.agenda, (fact.confirm_us, "confirm", item.id, 0))


def _infeed_held(state: State, at_us: int, fact: lf.InfeedHeld) -> None:
    assert state.plcs[fact.plc].infeed_held != fact.held, fact
    state.plcs[fact.plc].infeed_held = fact.held


EVOLVE: dict[type, Callable[[State, int, Any], None]] = {
    lf.WentRound: _went_round,
    lf.InfeedHeld: _infeed_held,
}

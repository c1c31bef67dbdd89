"""
Sorters that are loops 回流: items that find no room go round, and new ones are kept out before there are too many.

    scanned, none of its lanes has room -> laps left? -> Divert to lane 0: past all diverters, back to the scanner
                                        -> none left: the exception lane (R9)
    confirmed in lane 0                 -> WentRound: on the belt still, to be scanned again within the time of a lap
    as many on the loop as it bears     -> InfeedHeld: the infeed, place 0, is closed; open again some items below (hysteresis)

An item that goes round has nothing reserved in any lane: what it gets is decided anew by its next scan. It need not be read
there; then it is a stranger at the hand station, and the item itself is missed when its lap is over.
"""

from __future__ import annotations

from packcenter.core import custody
from packcenter.core.commands import SetPlace
from packcenter.core.hall import Sorter
from packcenter.core.inputs import DivertConfirmed
from packcenter.core.limits import UNCONFIRMED_GRACE_US
from packcenter.core.loop_facts import InfeedHeld, WentRound
from packcenter.core.state import Item
from packcenter.core.turn import Turn

ROUND = 0
"""Lane number that means the way round; no lane has it."""

INFEED = 0
"""Place of a sorter that is its infeed."""

AHEAD = 2
"""Items that may still come while the order to hold the infeed is on its way: one in half a second, and one to spare."""


def goes_round(item: Item) -> bool:
    """Whether the item is on its way back to the scanner."""
    return item.track < 0


def has_laps_left(sorter: Sorter, item: Item) -> bool:
    """Whether an item without room may go round once more."""
    return item.laps < sorter.laps_max


def lap_us(sorter: Sorter, at_us: int) -> int:
    """When an item that passed the belt's end must have been scanned again."""
    return at_us + sorter.round_mm * 1_000_000 // sorter.belt_mm_per_s + sorter.confirm_slack_ms * 1000 + UNCONFIRMED_GRACE_US


def on_round(turn: Turn, item: Item, sorter: Sorter, confirmed: DivertConfirmed) -> None:
    """The last eye saw the item pass: it goes round. The ledger follows the eye, also where nobody asked for it (R7)."""
    custody.answer_divert(turn, item)
    turn.emit(WentRound(item.id, confirmed.plc, item.laps + 1, lap_us(sorter, turn.at_us)))


def look(turn: Turn) -> None:
    """Hold or release the infeed of each loop by how many items are on it; while its PLC cannot be heard, it lets nothing in."""
    for sorter in turn.index.limited_loops:
        plc = turn.plc(sorter.plc)
        if not plc.up:
            continue
        items = turn.state.balances.get(f"belt/{sorter.plc}", 0)
        holds = sorter.loop_items_max - AHEAD
        held = items >= holds if not plc.infeed_held else items > holds - max(1, holds // 4)
        if held != plc.infeed_held:
            turn.emit(InfeedHeld(sorter.plc, held, items))
            turn.ask(SetPlace(sorter.plc, turn.next_number(sorter.plc), INFEED, not held))

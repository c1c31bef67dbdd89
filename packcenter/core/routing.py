"""
Which lane: the sort plan says a group, the group says a lane that is open, has room, is reachable in time and secure enough.

When an item with a rule finds no lane, its group's overflow groups are tried in order, then the exception lane; it is
late if it would have found one had its scan come at once.
"""

from __future__ import annotations

import msgspec

from packcenter.core.hall import Lane, Sorter
from packcenter.core.state import Item, Plc, lane_place
from packcenter.core.turn import Turn


class Choice(msgspec.Struct, frozen=True, gc=False):
    """A lane of the sorter and why; `rule` and `group` are "" where none applies."""

    lane: Lane
    rule: str
    group: str
    reason: str


def choose(turn: Turn, item: Item, sorter: Sorter, scanned_us: int) -> Choice:
    """The lane for an announced item that was scanned on this sorter at `scanned_us`."""
    destination = turn.index.destination_of(item)
    rule = turn.index.rule(item.mail_class, item.agency, destination, item.service)
    if rule is None:
        return exception(turn, sorter, "no_rule")
    mail_class = turn.index.classes.get(item.mail_class)
    secure = mail_class is None or mail_class.secure  # a class that the hall has dropped is treated with most care
    plc = turn.plc(sorter.plc)
    late = False
    for group, balance, lanes in turn.index.lane_order(rule.group, sorter.plc):
        lane = _best(turn, plc, sorter, lanes, balance, secure, scanned_us)
        if lane is not None:
            return Choice(lane, rule.name, group, "plan" if group == rule.group else "overflow")
        late = late or _best(turn, plc, sorter, lanes, balance, secure, turn.at_us) is not None
    return exception(turn, sorter, "late" if late else "no_lane", rule.name)


def best(turn: Turn, sorter: Sorter, lanes: tuple[Lane, ...], mail_class: str, scanned_us: int) -> Lane | None:
    """The usable lane with the fewest items among some that serve alike, None if there is none."""
    known = turn.index.classes.get(mail_class)
    secure = known is None or known.secure
    return _best(turn, turn.plc(sorter.plc), sorter, lanes, "least", secure, scanned_us)


def exception(turn: Turn, sorter: Sorter, reason: str, rule: str = "") -> Choice:
    """The exception lane 异常格口, where people take over."""
    return Choice(turn.index.lanes[sorter.plc, sorter.exception_lane], rule, "", reason)


def _best(
    turn: Turn, plc: Plc, sorter: Sorter, lanes: tuple[Lane, ...], balance: str, secure: bool, scanned_us: int
) -> Lane | None:
    """The first usable lane, or with balance "least" the one with the fewest items in it and on their way."""
    best: Lane | None = None
    fewest = 0
    for lane in lanes:
        load = turn.state.lanes[lane_place(plc.name, lane.number)]
        held = load.on_way + len(load.items)
        if best is not None and held >= fewest:
            continue
        if _usable(turn, plc, sorter, lane, held, secure, scanned_us):
            best, fewest = lane, held
            if balance == "first":
                break
    return best


def _usable(turn: Turn, plc: Plc, sorter: Sorter, lane: Lane, held: int, secure: bool, scanned_us: int) -> bool:
    """Open, with room for one more (R2), secure enough (R8), and not yet passed."""
    return (
        lane.number not in plc.places
        and lane.number not in plc.barred
        and held < lane.capacity_items
        and (lane.secure or not secure)
        and turn.at_us <= deadline_us(sorter, lane, scanned_us)
    )


def deadline_us(sorter: Sorter, lane: Lane, scanned_us: int) -> int:
    """判决时限: the last moment for a decision to leave us: travel time less actuator, PLC scan cycle and link time."""
    travel_us = lane.distance_mm * 1_000_000 // sorter.belt_mm_per_s
    return scanned_us + travel_us - (sorter.actuator_ms + sorter.scan_cycle_ms + sorter.link_ms) * 1000


def plc_window_ms(sorter: Sorter, lane: Lane) -> int:
    """How long after its scan the PLC itself may still take a decision for the lane."""
    return lane.distance_mm * 1000 // sorter.belt_mm_per_s - sorter.actuator_ms - sorter.scan_cycle_ms


def confirm_us(sorter: Sorter, scanned_us: int) -> int:
    """When some eye must have confirmed an item: the whole belt's travel and the slack."""
    return scanned_us + sorter.belt_mm * 1_000_000 // sorter.belt_mm_per_s + sorter.confirm_slack_ms * 1000

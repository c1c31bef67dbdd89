"""
Which lane: the sort plan says a group, the group says a lane that is open, has room, is reachable in time and secure enough.

When an item with a rule finds no lane, its group's overflow groups are tried in order; then it goes round, where its sorter is
a loop and it has laps left (`core.loops`), else into the exception lane. It is late if it would have found one had its scan
come at once; for the rate, if one of its lanes has had as many items as it takes in a minute.
"""

from __future__ import annotations

import msgspec

from packcenter.core import loops
from packcenter.core.hall import Lane, Sorter
from packcenter.core.limits import RATE_WINDOW_US
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
    late = rated = False
    for group, balance, lanes in turn.index.lane_order(rule.group, sorter.plc):
        lane = _best(turn, plc, sorter, lanes, balance, secure, scanned_us)
        if lane is not None:
            return Choice(lane, rule.name, group, "plan" if group == rule.group else "overflow")
        late = late or _best(turn, plc, sorter, lanes, balance, secure, turn.at_us) is not None
        rated = rated or any(lane.rate_per_minute and not _has_rate(turn, sorter, lane, scanned_us) for lane in lanes)
    if not late and loops.has_laps_left(sorter, item):
        return Choice(_way_round(turn, sorter), rule.name, "", "round")
    return exception(turn, sorter, "late" if late else "rate" if rated else "no_lane", rule.name)


def _way_round(turn: Turn, sorter: Sorter) -> Lane:
    """Past all diverters: the way round is decided on as long as the exception lane is."""
    return Lane(loops.ROUND, "", 0, turn.index.lanes[sorter.plc, sorter.exception_lane].distance_mm, 0, True)


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
    """Open, with room for one more (R2), secure enough (R8), not yet passed, and within its rate."""
    return (
        lane.number not in plc.places
        and lane.number not in plc.barred
        and held < lane.capacity_items
        and (lane.secure or not secure)
        and turn.at_us <= deadline_us(sorter, lane, scanned_us)
        and (not lane.rate_per_minute or _has_rate(turn, sorter, lane, scanned_us))
    )


def _has_rate(turn: Turn, sorter: Sorter, lane: Lane, scanned_us: int) -> bool:
    """Whether one item more stays within the lane's rate: a belt that stands between them only takes them further apart."""
    recent = turn.state.lanes[lane_place(sorter.plc, lane.number)].recent
    if len(recent) < lane.rate_per_minute:
        return True
    return deadline_us(sorter, lane, scanned_us) - recent[-lane.rate_per_minute] >= RATE_WINDOW_US


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

"""
From scan to lane.

    scanned -> who is it? -> which lane? -> in time? -> Divert, else the PLC's fallback stands
    confirmed -> the sensor says where it is; the ledger follows the sensor, never the command (R7)
"""

from __future__ import annotations

from packcenter.core import caserack, cases, combining, custody, loops, packing, routing
from packcenter.core.commands import Divert
from packcenter.core.facts import (
    ConfirmationMoved,
    DecisionLate,
    Diverted,
    ItemFound,
    ItemSeen,
    Moved,
    Routed,
    SentToHand,
    Unconfirmed,
    WrongLane,
)
from packcenter.core.hall import Lane, Sorter
from packcenter.core.inputs import DivertConfirmed, GhostAppeared, Scanned, TrackLost
from packcenter.core.lifecycle import kind_of
from packcenter.core.limits import UNCONFIRMED_GRACE_US
from packcenter.core.routing import Choice
from packcenter.core.state import Item, lane_place
from packcenter.core.turn import Turn
from packcenter.core.words import Disposition, ReadOutcome, plc_deadline


def on_scanned(turn: Turn, scan: Scanned) -> None:
    """
    A sorter's scanner saw something: find out who it is, choose its lane, and ask for it if there is time.

    Whatever has no usable identity is tracked like everything else, to the exception lane (R9).
    """
    sorter = turn.index.sorters.get(scan.plc)
    if sorter is None:
        turn.set_aside(scan, "wrong_role")
        return
    _forget_track(turn, scan.plc, scan.track)
    scanned_us = max(0, turn.at_us - scan.age_us)
    item, trouble = _identify(turn, scan)
    _put_on_belt(turn, sorter, item, scan.track, scan.outcome, scanned_us)
    choice = routing.exception(turn, sorter, trouble) if trouble else _choose(turn, item, sorter, scanned_us)
    _decide(turn, sorter, scan, item, choice, scanned_us)


def _choose(turn: Turn, item: Item, sorter: Sorter, scanned_us: int) -> Choice:
    """A document of a case goes where the case is gathered, everything else by the sort plan: with others, or alone."""
    for choose in (cases.choose, combining.choose):
        choice = choose(turn, item, sorter, scanned_us)
        if choice is not None:
            return choice
    return routing.choose(turn, item, sorter, scanned_us)


def _identify(turn: Turn, scan: Scanned) -> tuple[Item, str]:
    """The item that was scanned and "", or an object of its own and why it is one."""
    if scan.outcome == ReadOutcome.MULTIPLE_IDENTIFIERS:
        return custody.provisional(turn, "multiple_codes"), "multiple_codes"
    if scan.outcome != ReadOutcome.SUCCESS or not scan.code:
        return custody.provisional(turn, "no_read"), "no_read"
    stranger = turn.state.items.get(f"?{scan.code}")
    if stranger is not None and (stranger.place not in ("hand", "lost") or stranger.code != scan.code):
        stranger = None
    item = turn.state.items.get(scan.code)
    if item is None:
        return stranger or custody.provisional(turn, "unknown", scan.code), "unknown"
    round_ = loops.goes_round(item) and item.plc == scan.plc
    if kind_of(item.place) not in ("expected", "hand", "lost") and not round_:
        return custody.provisional(turn, "duplicate", scan.code), "duplicate"
    if stranger is not None:  # it was announced after all, and is this item
        custody.move(turn, stranger, "outside")
    return item, "withdrawn" if item.withdrawn else ""


def _forget_track(turn: Turn, plc: str, track: int) -> None:
    """A PLC that gives a track id twice has lost the first item that had it."""
    owner = _tracked(turn, plc, track)
    if owner is not None:
        lose(turn, owner, "track_reused")


def _put_on_belt(turn: Turn, sorter: Sorter, item: Item, track: int, outcome: int, scanned_us: int) -> None:
    if item.place == "lost":
        turn.emit(ItemFound(item.id, f"belt/{sorter.plc}"))
    # A scan that comes late has company: what an eye saw since may be told right behind it.
    confirm_us = max(routing.confirm_us(sorter, scanned_us), turn.at_us + UNCONFIRMED_GRACE_US)
    turn.emit(ItemSeen(item.id, sorter.plc, track, outcome, scanned_us, confirm_us))
    if item.place != f"belt/{sorter.plc}":  # else it went round
        turn.emit(Moved(item.id, item.place, f"belt/{sorter.plc}"))


def _decide(turn: Turn, sorter: Sorter, scan: Scanned, item: Item, choice: Choice, scanned_us: int) -> None:
    """Reserve the lane and ask for it, or say that it is too late and leave the item to the PLC's fallback (R7)."""
    lane = choice.lane
    deadline_us = routing.deadline_us(sorter, lane, scanned_us)
    plan = turn.index.plan
    going = turn.index.destination_of(item) if plan and item.announced else ""
    turn.emit(Routed(item.id, scan.plc, lane.number, choice.rule, choice.group, choice.reason, deadline_us, plan, going))
    if choice.reason not in ("plan", "overflow", "case", "combine", "round"):
        turn.emit(SentToHand(item.id, choice.reason))
    elif lane.number != loops.ROUND:
        load = turn.state.lanes[lane_place(scan.plc, lane.number)]
        assert load.on_way + len(load.items) <= lane.capacity_items, (item.id, load)  # R2
    if turn.at_us > deadline_us:
        turn.emit(DecisionLate(item.id, scan.plc, lane.number, turn.at_us - deadline_us))
        return
    deadline = plc_deadline(scan.plc_ms, routing.plc_window_ms(sorter, lane))
    turn.ask(Divert(scan.plc, turn.next_number(scan.plc), scan.track, lane.number, sorter.exception_lane, deadline))


def on_confirmed(turn: Turn, confirmed: DivertConfirmed) -> None:
    """
    The eye of a lane saw a tracked item enter.

    A lane other than the one asked for makes the item suspect: a document in the wrong bag is worse than one that
    waits. The exception lane is always right. The ordinary case: the bagger of the lane may have work now.
    """
    item = _tracked(turn, confirmed.plc, confirmed.track)
    if item is not None and confirmed.disposition == Disposition.NO_ANSWER and item.command in turn.plc(item.plc).pending:
        custody.miss_answer(turn, item.plc, item, item.command)
    loop = turn.index.sorters.get(confirmed.plc)
    if item is not None and loop is not None and loop.laps_max and confirmed.lane == loops.ROUND:
        loops.on_round(turn, item, loop, confirmed)
        return
    lane = turn.index.lanes.get((confirmed.plc, confirmed.lane))
    if item is None or lane is None:
        turn.set_aside(confirmed, "unknown_track" if item is None else "unknown_lane")
        return
    sorter = turn.index.sorters[confirmed.plc]
    if lane.number == sorter.exception_lane:
        _take_to_hand(turn, item, confirmed)
    else:
        _take_into_lane(turn, item, lane, confirmed)
        if lane.feeds in turn.index.case_racks:
            caserack.work(turn, lane.feeds)
        else:
            packing.try_begin(turn, lane.feeds)


def _take_to_hand(turn: Turn, item: Item, confirmed: DivertConfirmed) -> None:
    turn.emit(Diverted(item.id, confirmed.plc, confirmed.lane, confirmed.disposition))
    custody.to_hand(turn, item, item.hand or _fallback_reason(confirmed.disposition))


def _take_into_lane(turn: Turn, item: Item, lane: Lane, confirmed: DivertConfirmed) -> None:
    if lane.number == item.lane:
        turn.emit(Diverted(item.id, confirmed.plc, confirmed.lane, confirmed.disposition))
    else:
        turn.emit(WrongLane(item.id, confirmed.plc, item.lane, lane.number))
        custody.suspect(turn, item, "wrong_lane")
    custody.move(turn, item, lane_place(confirmed.plc, lane.number))


def _fallback_reason(disposition: int) -> str:
    """The hand station's word for why an item fell back."""
    try:
        return Disposition(disposition).name.lower()
    except ValueError:
        return f"disposition_{disposition}"


def on_lost(turn: Turn, lost: TrackLost) -> None:
    """The sorter's eyes miss a tracked item: an open discrepancy until somebody finds it."""
    item = _tracked(turn, lost.plc, lost.track)
    if item is None:
        turn.set_aside(lost, "unknown_track")
        return
    lose(turn, item, f"eye_{lost.eye}")


def on_ghost(turn: Turn, ghost: GhostAppeared) -> None:
    """Something is on the belt that nobody tracked; the PLC takes it to the exception lane (A7)."""
    sorter = turn.index.sorters.get(ghost.plc)
    if sorter is None:
        turn.set_aside(ghost, "wrong_role")
        return
    _forget_track(turn, ghost.plc, ghost.track)
    item = custody.provisional(turn, "ghost")
    _put_on_belt(turn, sorter, item, ghost.track, ReadOutcome.NO_IDENTIFIER, turn.at_us)
    turn.emit(Routed(item.id, ghost.plc, sorter.exception_lane, "", "", "ghost", turn.at_us, turn.index.plan))
    turn.emit(SentToHand(item.id, "ghost"))


def on_confirmation_due(turn: Turn, item: Item) -> None:
    """
    No eye confirmed the item in time. It is said first and waited for once more, then the item is lost.

    While its PLC cannot be heard, or its belt stands, nothing is concluded: it is waited for anew when the belt runs.
    """
    if not turn.runs(item.plc):
        turn.emit(ConfirmationMoved(item.id, 0))
    elif not item.unconfirmed:
        turn.emit(Unconfirmed(item.id, item.plc))
        turn.emit(ConfirmationMoved(item.id, turn.at_us + UNCONFIRMED_GRACE_US))
    else:
        lose(turn, item, "unconfirmed")


def wait_anew(turn: Turn, plc: str) -> None:
    """The belt runs again, or can be heard again: every item on it may need the whole way once more."""
    confirm_us = routing.confirm_us(turn.index.sorters[plc], turn.at_us)
    tracks = turn.plc(plc).tracks
    back_us = loops.lap_us(turn.index.sorters[plc], turn.at_us)
    for track in sorted(tracks):
        turn.emit(ConfirmationMoved(tracks[track], confirm_us if track >= 0 else back_us))


def lose(turn: Turn, item: Item, reason: str) -> None:
    """An item on a belt is not seen any more: the decision on it is over."""
    custody.answer_divert(turn, item)
    custody.lose(turn, item, reason)


def _tracked(turn: Turn, plc: str, track: int) -> Item | None:
    name = turn.plc(plc).tracks.get(track) if track >= 0 else None  # below 0: it goes round, and no PLC has it under a track
    return None if name is None else turn.item(name)

"""
From scan to lane.

    scanned -> who is it? -> which lane? -> in time? -> Divert, else the PLC's fallback stands
    confirmed -> the sensor says where it is; the ledger follows the sensor, never the command (R7)
"""

from __future__ import annotations

from packcenter.core import custody, packing, routing
from packcenter.core.commands import Divert
from packcenter.core.facts import (
    CommandAnswered,
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
from packcenter.core.limits import LINK_DOWN_GRACE_US, UNCONFIRMED_GRACE_US
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
    scanned_us = turn.at_us - scan.age_us
    item, trouble = _identify(turn, scan)
    turn.emit(ItemSeen(item.id, scan.plc, scan.track, scan.outcome, scanned_us, routing.confirm_us(sorter, scanned_us)))
    turn.emit(Moved(item.id, item.place, f"belt/{scan.plc}"))
    choice = routing.exception(turn, sorter, trouble) if trouble else routing.choose(turn, item, sorter, scanned_us)
    _decide(turn, sorter, scan, item, choice, scanned_us)


def _identify(turn: Turn, scan: Scanned) -> tuple[Item, str]:
    """The item that was scanned and "", or an object of its own and why it is one."""
    if scan.outcome == ReadOutcome.MULTIPLE_IDENTIFIERS:
        return custody.provisional(turn, "multiple_codes"), "multiple_codes"
    if scan.outcome != ReadOutcome.SUCCESS or not scan.code:
        return custody.provisional(turn, "no_read"), "no_read"
    stranger = turn.state.items.get(f"?{scan.code}")
    item = turn.state.items.get(scan.code)
    if item is None:
        return _stranger(turn, scan, stranger), "unknown"
    kind = kind_of(item.place)
    if kind not in ("expected", "hand", "lost"):
        return custody.provisional(turn, "duplicate", scan.code), "duplicate"
    if kind == "lost":
        turn.emit(ItemFound(item.id, f"belt/{scan.plc}"))
    if stranger is not None and stranger.place == "hand":
        turn.emit(Moved(stranger.id, "hand", "outside"))
    return item, ""


def _stranger(turn: Turn, scan: Scanned, known: Item | None) -> Item:
    """A readable object that nobody announced; one that comes back from the hand station is the same one."""
    if known is None or known.place != "hand":
        return custody.provisional(turn, "unknown", scan.code)
    return known


def _forget_track(turn: Turn, plc: str, track: int) -> None:
    """A PLC that gives a track id twice has lost the first item that had it."""
    owner = turn.plc(plc).tracks.get(track)
    if owner is not None:
        _answer_divert(turn, turn.item(owner))
        custody.lose(turn, turn.item(owner), "track_reused")


def _decide(turn: Turn, sorter: Sorter, scan: Scanned, item: Item, choice: Choice, scanned_us: int) -> None:
    """Reserve the lane and ask for it, or say that it is too late and leave the item to the PLC's fallback (R7)."""
    lane = choice.lane
    deadline_us = routing.deadline_us(sorter, lane, scanned_us)
    turn.emit(Routed(item.id, scan.plc, lane.number, choice.rule, choice.group, choice.reason, deadline_us))
    if choice.reason not in ("plan", "overflow"):
        turn.emit(SentToHand(item.id, choice.reason))
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
    lane = turn.index.lanes.get((confirmed.plc, confirmed.lane))
    if item is None or lane is None:
        turn.set_aside(confirmed, "unknown_track" if item is None else "unknown_lane")
        return
    asked = item.lane
    sorter = turn.index.sorters[confirmed.plc]
    _answer_divert(turn, item)
    if lane.number == sorter.exception_lane:
        _take_to_hand(turn, item, asked, confirmed)
    else:
        _take_into_lane(turn, item, asked, lane, confirmed)
        packing.try_begin(turn, lane.feeds)


def _take_to_hand(turn: Turn, item: Item, asked: int, confirmed: DivertConfirmed) -> None:
    turn.emit(Diverted(item.id, confirmed.plc, confirmed.lane, confirmed.disposition))
    reason = item.hand if asked == confirmed.lane and item.hand else _fallback_reason(confirmed.disposition)
    custody.to_hand(turn, item, reason)


def _take_into_lane(turn: Turn, item: Item, asked: int, lane: Lane, confirmed: DivertConfirmed) -> None:
    if lane.number == asked:
        turn.emit(Diverted(item.id, confirmed.plc, confirmed.lane, confirmed.disposition))
    else:
        turn.emit(WrongLane(item.id, confirmed.plc, asked, lane.number))
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
    _answer_divert(turn, item)
    custody.lose(turn, item, f"eye_{lost.eye}")


def on_ghost(turn: Turn, ghost: GhostAppeared) -> None:
    """Something is on the belt that nobody tracked; the PLC takes it to the exception lane (A7)."""
    sorter = turn.index.sorters.get(ghost.plc)
    if sorter is None:
        turn.set_aside(ghost, "wrong_role")
        return
    _forget_track(turn, ghost.plc, ghost.track)
    item = custody.provisional(turn, "ghost")
    turn.emit(
        ItemSeen(item.id, ghost.plc, ghost.track, ReadOutcome.NO_IDENTIFIER, turn.at_us, routing.confirm_us(sorter, turn.at_us))
    )
    turn.emit(Moved(item.id, item.place, f"belt/{ghost.plc}"))
    turn.emit(Routed(item.id, ghost.plc, sorter.exception_lane, "", "", "ghost", turn.at_us))
    turn.emit(SentToHand(item.id, "ghost"))


def on_confirmation_due(turn: Turn, item: Item) -> None:
    """
    No eye confirmed the item in time. It is said first and waited for once more, then the item is lost.

    While its PLC cannot be heard nothing is concluded: the confirmation may wait in the PLC's ring.
    """
    if not turn.plc(item.plc).up:
        turn.emit(ConfirmationMoved(item.id, turn.at_us + LINK_DOWN_GRACE_US))
    elif not item.unconfirmed:
        turn.emit(Unconfirmed(item.id, item.plc))
        turn.emit(ConfirmationMoved(item.id, turn.at_us + UNCONFIRMED_GRACE_US))
    else:
        _answer_divert(turn, item)
        custody.lose(turn, item, "unconfirmed")


def _tracked(turn: Turn, plc: str, track: int) -> Item | None:
    name = turn.plc(plc).tracks.get(track)
    return None if name is None else turn.item(name)


def _answer_divert(turn: Turn, item: Item) -> None:
    """The item's decision is over, whatever became of it."""
    if item.command in turn.plc(item.plc).pending:
        turn.emit(CommandAnswered(item.plc, item.command, 0))

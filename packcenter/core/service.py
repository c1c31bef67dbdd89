"""What happens to the controller itself: it starts, is asked to stop, its clock jumps, an event made it fail."""

from __future__ import annotations

from packcenter.core import bags, caserack, custody, diverting, links, packing, plans
from packcenter.core.facts import ClockStepNoted, EventTaken, HallAdopted, LinkStateSet, QuarantineNoted, StopNoted
from packcenter.core.inputs import ClockStepped, Quarantined, Started, StopRequested
from packcenter.core.lifecycle import kind_of
from packcenter.core.state import Item
from packcenter.core.turn import Turn


def on_started(turn: Turn, started: Started) -> None:
    """
    The controller runs, for the first time or again: it adopts the hall and trusts no link until it hears it.

    B6: a pouch that held a document while we were away is suspect.
    """
    was, before = turn.state.plan_switch, turn.state.hall
    turn.emit(HallAdopted(started.run, started.release, started.hall, started.digest))
    for name, plc in turn.state.plcs.items():
        if plc.up:
            turn.emit(LinkStateSet(name, False, "controller_start"))
    for name in turn.state.baggers:  # one that the hall has no more may come back with its pouch
        packing.make_suspect(turn, name, "controller_restart")
    plans.on_start(turn, was, before)


def on_clock_stepped(turn: Turn, stepped: ClockStepped) -> None:
    """T3: the wall clock jumped; it is recorded, and nothing depends on it."""
    turn.emit(ClockStepNoted(stepped.by_us))


def on_quarantined(turn: Turn, quarantined: Quarantined) -> None:
    """
    An event made the last run fail: it is taken without deciding on it, and its item is set apart.

    A bagger's event names the job whose pouch it was about. A note that comes again, because a kill came between its record
    and its removal, is only said: what it led to has happened.
    """
    plc = turn.plc(quarantined.plc)
    item = turn.state.items.get(plc.tracks.get(quarantined.track, quarantined.code))
    turn.emit(QuarantineNoted(quarantined.plc, quarantined.epoch, quarantined.seq, item.id if item else "", quarantined.error))
    if quarantined.epoch != plc.epoch or quarantined.seq <= plc.seq:
        return
    if quarantined.seq > plc.seq + 1:
        links.on_gap(turn, plc.name, quarantined.seq)
    turn.emit(EventTaken(quarantined.plc, quarantined.epoch, quarantined.seq))
    packing.on_quarantined(turn, quarantined.plc, quarantined.track, quarantined.code)
    caserack.on_quarantined(turn, quarantined.plc, quarantined.track, quarantined.code)
    if quarantined.plc == turn.index.hall.rack.plc:
        bags.suspect_all(turn, "quarantined")
    if item is not None:
        _set_apart(turn, item)


def _set_apart(turn: Turn, item: Item) -> None:
    """
    What a machine holds comes to the hand station on the machine's way out. Where a sorter saw what was on its belt, or came
    onto it, nobody knows, so that one is missed until it is found (A9); also one that people had laid onto a sorter again, and
    that our books have at the hand station until it is scanned (whole seed 851716).
    """
    kind = kind_of(item.place)
    if kind in ("lane", "cell", "pack", "rack", "bag"):
        bags.hold_back(turn, item, "quarantined")
    elif kind == "belt":
        diverting.lose(turn, item, "quarantined")
    elif kind == "expected" or (kind == "hand" and item.sent_back):
        custody.lose(turn, item, "quarantined")


def on_stop_requested(turn: Turn, stop: StopRequested) -> None:
    """The service ends in good order; the PLCs stop by themselves when our heartbeat does."""
    turn.emit(StopNoted(stop.reason))

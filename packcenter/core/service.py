"""What happens to the controller itself: it starts, is asked to stop, its clock jumps, an event made it fail."""

from __future__ import annotations

from packcenter.core import custody, packing
from packcenter.core.facts import ClockStepNoted, EventTaken, HallAdopted, LinkStateSet, QuarantineNoted, StopNoted
from packcenter.core.inputs import ClockStepped, Quarantined, Started, StopRequested
from packcenter.core.lifecycle import NEXT_PLACES, kind_of
from packcenter.core.turn import Turn


def on_started(turn: Turn, started: Started) -> None:
    """
    The controller runs, for the first time or again: it adopts the hall and trusts no link until it hears it.

    B6: a pouch that held a document while we were away is suspect.
    """
    turn.emit(HallAdopted(started.run, started.release, started.hall, started.digest))
    for name in started.hall.plcs():
        if turn.plc(name).up:
            turn.emit(LinkStateSet(name, False, "controller_start"))
    for name in turn.index.baggers:
        packing.make_suspect(turn, name, "controller_restart")


def on_clock_stepped(turn: Turn, stepped: ClockStepped) -> None:
    """T3: the wall clock jumped; it is recorded, and nothing depends on it."""
    turn.emit(ClockStepNoted(stepped.by_us))


def on_quarantined(turn: Turn, quarantined: Quarantined) -> None:
    """An event made the last run fail: it is taken without deciding on it, and its item goes to the hand station."""
    plc = turn.plc(quarantined.plc)
    name = plc.tracks.get(quarantined.track, quarantined.code) if quarantined.track else quarantined.code
    item = turn.state.items.get(name)
    turn.emit(QuarantineNoted(quarantined.plc, quarantined.epoch, quarantined.seq, item.id if item else "", quarantined.error))
    if quarantined.epoch == plc.epoch and quarantined.seq > plc.seq:
        turn.emit(EventTaken(quarantined.plc, quarantined.epoch, quarantined.seq))
    if item is None:
        return
    custody.suspect(turn, item, "quarantined")
    if "hand" in NEXT_PLACES[kind_of(item.place)]:
        custody.to_hand(turn, item, "quarantined")


def on_stop_requested(turn: Turn, stop: StopRequested) -> None:
    """The service ends in good order; the PLCs stop by themselves when our heartbeat does."""
    turn.emit(StopNoted(stop.reason))

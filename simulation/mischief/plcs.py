"""What PLCs do wrong."""

from __future__ import annotations

from typing import Final

from packcenter.plc.image import OUT_WORDS
from packcenter.plc.line import TRACK_MAX
from simulation.clock import FAULT
from simulation.draws import Stream
from simulation.mischief.act import FaultyPlc, Plcs, act, can_tell, nonce
from simulation.plant.hall import Plant

_LOW_WORD: Final = 0xFFFF


def _plc(plant: Plant, plcs: Plcs, stream: Stream) -> FaultyPlc:
    return plcs[list(plant.programs)[stream.below(len(plant.programs))]]


@act("reboots", "plc")
def _reboots(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    plc = _plc(plant, plcs, stream)
    plc.reboot(nonce(stream))
    return f"{plc.name} restarts with its memory lost"


@act("power_dips", "plc")
def _power_dips(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    plc = _plc(plant, plcs, stream)
    if not can_tell(plcs, plant.programs[plc.name]) or not plc.dip():
        return None
    return f"{plc.name}: the power is away for a moment, the memory is kept"


@act("boot_storm", "plc")
def _boot_storm(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    """Four boots in two seconds."""
    plc = _plc(plant, plcs, stream)
    plc.reboot(nonce(stream))
    at_us = 0
    for _ in range(3):
        at_us += stream.between(50_000, 600_000)
        plant.clock.at(at_us, FAULT, plc.lose_memory, nonce(stream))
    return f"{plc.name} boots four times within {at_us // 1000} ms"


@act("scans_slowly", "plc", lasts=True)
def _scans_slowly(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    plc = _plc(plant, plcs, stream)
    us = (50_000, 200_000, 500_000, 1_000_000, 3_000_000)[stream.below(5)]
    return f"{plc.name} runs its program every {us // 1000} ms only" if plc.scan_every(us) else None


@act("heartbeat_freezes", "plc", lasts=True)
def _heartbeat_freezes(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    plc = _plc(plant, plcs, stream)
    return f"{plc.name}: the heartbeat stands still, the program goes on" if plc.freeze() else None


@act("goes_to_stop", "plc", lasts=True)
def _goes_to_stop(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    plc = _plc(plant, plcs, stream)
    return f"{plc.name} is in STOP, its server answers on" if plc.halt() else None


@act("counters_wrap", "plc")
def _counters_wrap(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    plc = _plc(plant, plcs, stream)
    track = (_LOW_WORD, TRACK_MAX)[stream.below(2)] - stream.below(4)
    if not plc.near_wrap(nonce(stream), track):
        return None
    return f"{plc.name} begins a life with a heartbeat and a clock that are about to wrap, and track {track}"


@act("shows_old_image", "plc")
def _shows_old_image(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    plc, reads = _plc(plant, plcs, stream), stream.between(1, 40)
    return f"{plc.name} shows an older image in {reads} reads" if plc.spoil(reads, OUT_WORDS) else None


@act("shows_torn_image", "plc")
def _shows_torn_image(plant: Plant, plcs: Plcs, stream: Stream) -> str | None:
    plc, reads, words = _plc(plant, plcs, stream), stream.between(1, 10), stream.between(1, OUT_WORDS - 1)
    return f"{plc.name} shows {words} words of an older image in {reads} reads" if plc.spoil(reads, words) else None

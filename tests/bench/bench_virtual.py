"""
How much faster than life the whole hall runs in virtual time, over its real protocol stacks.

    python tests/bench/bench_virtual.py

Hall seconds per second of CPU, of the reference hall: quiet (links up, nothing comes), with the items of its example day, and
full (both sorters never want for items, some twenty times the day's mean), at plant speed 1 and at 10, which is the most that
the wire driver calls honest. Each figure is the best of three.
"""

from __future__ import annotations

import time

from simulation.documents import Day
from simulation.virtual.hall import HallSettings, VirtualHall, dense_day, example_day, reference_hall, run_hall

_SECOND_US = 1_000_000
_MEASURED_S = 10
_ITEMS_A_DAY = 15_800


async def _measure(hall: VirtualHall) -> tuple[float, float, int]:
    """How fast while quiet, how fast with items, and records in a second of the computers' time."""
    await hall.open()
    hall.start_service()
    hall.bring_manifests()
    assert await hall.until(hall.ready, 60 * _SECOND_US), "the hall did not get ready"
    quiet = await _best(hall)
    hall.release()
    await hall.sleep_us(8 * _SECOND_US)
    before = hall.service.journal.end.sequence
    busy = await _best(hall)
    return quiet, busy, (hall.service.journal.end.sequence - before) // (3 * _MEASURED_S)


async def _best(hall: VirtualHall) -> float:
    best = 0.0
    for _ in range(3):
        began = time.process_time()
        await hall.sleep_us(_MEASURED_S * _SECOND_US)
        best = max(best, hall.settings.speed * _MEASURED_S / (time.process_time() - began))
    return best


def main() -> None:
    """Measure and print."""
    for speed in (1, 10):
        blueprint = reference_hall(speed)
        days: dict[str, Day] = {
            "example day": example_day(blueprint.hall, 1, _ITEMS_A_DAY),
            "full": dense_day(blueprint.hall, 1, 3_000, over_s=1_500),
        }
        for name, day in days.items():
            quiet, busy, records = run_hall(_measure, blueprint, day, HallSettings(speed=speed, disk_bytes=1 << 30))
            print(f"speed {speed:2}: quiet {quiet:6.1f} x, {name} {busy:6.1f} x real time ({records} records/s)")


if __name__ == "__main__":
    main()

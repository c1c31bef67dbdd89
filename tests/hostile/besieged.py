"""
A process with one link of ours, for tests that measure it from outside: `besieged.py PROTOCOL PORT SECONDS`.

Connects again and again without its usual pauses, and at the end says as JSON how often it tried, by what causes it was
refused, the largest growth of its resident memory and the longest time that its loop stood still.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from fuzz import quiet  # noqa: E402 - found only now
from fuzz_report import rss_mib  # noqa: E402
from hostile_links import CLOCK, Service, running, settings  # noqa: E402

from packcenter.plc import link as link_module  # noqa: E402

LOOK_S = 0.005


async def besieged(protocol: str, port: int, seconds: float) -> dict[str, object]:
    """Run the link for so long."""
    link_module.RETRY_MAX_US = 20_000  # type: ignore[attr-defined]
    service = Service(settings(protocol, port))
    service.link._backoff._next_us = 20_000
    loop = asyncio.get_running_loop()
    async with running(service):
        await CLOCK.sleep_us(500_000)  # what is loaded and compiled at the first attempts is not growth
        base_mib = peak_mib = rss_mib()
        stood_s, end_s = 0.0, loop.time() + seconds
        while (before_s := loop.time()) < end_s:
            await asyncio.sleep(LOOK_S)
            stood_s = max(stood_s, loop.time() - before_s - LOOK_S)
            peak_mib = max(peak_mib, rss_mib())
    causes = Counter(f"{operation} {result}" for operation, result, _ in service.requests)
    return {
        "attempts": sum(count for cause, count in causes.items() if cause.startswith("connect")),
        "causes": dict(causes),
        "up": service.up.is_set(),
        "growth_mib": round(peak_mib - base_mib, 1),
        "stood_ms": round(stood_s * 1e3, 1),
        "wrong": len(service.wrong()),
    }


if __name__ == "__main__":
    with quiet():
        print(json.dumps(asyncio.run(besieged(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))

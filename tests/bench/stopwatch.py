"""
The stopwatch of the links' benchmarks: in the PLC's process, by the PLC's clock, from the scan to its accepted decision.

A PLC process answers orders, one JSON line each on standard input: `{"steady": [items a second, seconds]}` lets items in
at a rate, with gaps of half to one and a half times the mean, so that they do not fall into step with a poll;
`{"flood": seconds}` keeps `OUTSTANDING` items undecided, so that the next is there as soon as one is decided. The
answer tells items, items a second, latencies, and decisions for a wrong lane, which must be 0. End of input ends it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Mapping
from typing import Protocol

from figures import percentile

OUTSTANDING = 64
RING_USED_MAX = 2 * OUTSTANDING
SETTLE_S = 5.0
_LOOK_S = 0.05


class Belt(Protocol):
    """The PLC under test."""

    def scan(self, track: int, code: str) -> None:
        """Make a scan event."""
        ...

    def ring_used(self) -> int:
        """Events that are not acknowledged."""
        ...


class Stopwatch:
    """Lets announced items in and times their decisions; the PLC says `decided` for each that it accepts."""

    def __init__(self, belt: Belt, lanes: Mapping[str, frozenset[int]]) -> None:
        self._belt = belt
        self._lanes = lanes
        self._codes = iter(lanes)
        self._tracks = itertools.count(1)
        self._waiting: dict[int, tuple[str, float]] = {}
        self._took: list[float] = []
        self._wrong = 0
        self._flooding = False
        self._last = 0.0

    def decided(self, track: int, lane: int) -> None:
        """The PLC accepted a decision."""
        now = time.perf_counter()
        code, scanned = self._waiting.pop(track)
        self._took.append(now - scanned)
        self._wrong += lane not in self._lanes[code]
        self._last = now
        if self._flooding:
            self._fill()

    def _scan(self) -> bool:
        code = next(self._codes, None)
        if code is None:
            return False
        track = next(self._tracks)
        self._waiting[track] = code, time.perf_counter()
        self._belt.scan(track, code)
        return True

    def _fill(self) -> None:
        while len(self._waiting) < OUTSTANDING and self._belt.ring_used() < RING_USED_MAX and self._scan():
            pass

    async def steady(self, rate: float, seconds: float) -> dict[str, float]:
        """Items at a rate."""
        self._begin()
        gaps = random.Random(1)
        due = began = time.perf_counter()
        while due - began < seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            assert self._scan(), "every announced item has been let in; announce more"
            due += gaps.uniform(0.5, 1.5) / rate
        return await self._end(began)

    async def flood(self, seconds: float) -> dict[str, float]:
        """Items as fast as they are decided."""
        self._begin()
        self._flooding = True
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            self._fill()
            await asyncio.sleep(_LOOK_S)
        self._flooding = False
        return await self._end(began)

    def _begin(self) -> None:
        self._took, self._wrong, self._last = [], 0, time.perf_counter()

    async def _end(self, began: float) -> dict[str, float]:
        until = time.perf_counter() + SETTLE_S
        while (self._waiting or self._belt.ring_used()) and time.perf_counter() < until:  # noqa: ASYNC110 - counts, no event
            await asyncio.sleep(_LOOK_S)
        undecided = len(self._waiting)
        self._waiting.clear()
        return {
            "items": len(self._took),
            "items_per_s": len(self._took) / max(self._last - began, 1e-9),
            "p50_ms": percentile(self._took, 50) * 1e3,
            "p99_ms": percentile(self._took, 99) * 1e3,
            "max_ms": max(self._took, default=float("nan")) * 1e3,
            "wrong": self._wrong,
            "undecided": undecided,
        }


async def obey(stopwatch: Stopwatch, port: int) -> None:
    """Say on which port the PLC listens, then carry out orders until standard input ends."""
    print(json.dumps({"port": port}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        ((name, argument),) = json.loads(line).items()
        figures = await (stopwatch.steady(*argument) if name == "steady" else stopwatch.flood(argument))
        print(json.dumps(figures), flush=True)

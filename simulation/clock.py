"""
Simulated time: callbacks at integer microseconds in one total order.

Everything physical is written against `SimClock` alone: `at(delay_us, cls, fn, arg)` calls `fn(arg)` once, `delay_us`
from now. Calls run in the order (time, class, sequence): at one instant a fault strikes before an outside input,
that before the plant moves, and the plant before anything is published; within a class, first asked is first run.
A delay of 0 runs at this very instant, after the running call ends, never inside it. There is no cancelling: a call that
may be overtaken by events checks for itself whether it still matters.

Two back ends give the same order: `SimPyClock` puts callbacks on SimPy events, so that SimPy processes (scenario
scripts) can share its time; `HeapClock` is a bare heap, somewhat faster. Neither starts a process per call.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final, Protocol, TypeVar

import simpy

T = TypeVar("T")

# SimPy's own priorities 0 and 1 (URGENT, NORMAL) stay free for processes.
FAULT: Final = 2
INPUT: Final = 3
PLANT: Final = 4
PUBLISH: Final = 5


class SimClock(Protocol):
    """Time of a simulation, in microseconds from its start."""

    @property
    def now_us(self) -> int:
        """The time that the simulation has reached."""
        ...

    def at(self, delay_us: int, cls: int, fn: Callable[[T], None], arg: T) -> None:
        """Call `fn(arg)` once, `delay_us` >= 0 from now, in class FAULT, INPUT, PLANT or PUBLISH."""
        ...

    def run_until(self, us: int) -> None:
        """Run everything due up to and including `us`, then let it be `us`. What a call raises comes out here."""
        ...

    def next_us(self) -> int | None:
        """When the next call is due; None if nothing is waiting."""
        ...


class HeapClock:
    """The bare back end: a heap of (time, class, sequence, fn, arg)."""

    __slots__ = ("_heap", "_sequence", "now_us")

    def __init__(self) -> None:
        self.now_us = 0
        self._heap: list[tuple[int, int, int, Callable[[Any], None], Any]] = []
        self._sequence = 0

    def at(self, delay_us: int, cls: int, fn: Callable[[T], None], arg: T) -> None:
        """Call `fn(arg)` after `delay_us`."""
        assert delay_us >= 0, delay_us
        self._sequence += 1
        heappush(self._heap, (self.now_us + delay_us, cls, self._sequence, fn, arg))

    def run_until(self, us: int) -> None:
        """Run everything due up to and including `us`."""
        assert us >= self.now_us, (us, self.now_us)
        heap = self._heap
        while heap and heap[0][0] <= us:
            self.now_us, _, _, fn, arg = heappop(heap)
            fn(arg)
        self.now_us = us

    def next_us(self) -> int | None:
        """When the next call is due."""
        return self._heap[0][0] if self._heap else None


class _Call(simpy.Event):
    """
    A SimPy event that is triggered from birth and carries one callback and its argument.

    It sets no more than `Environment.step` reads; nobody else sees it, so all may share one list of callbacks.
    """

    __slots__ = ("arg", "callbacks", "fn")
    _ok = True
    _value = None

    def __init__(self, fn: Callable[[Any], None], arg: object) -> None:
        self.callbacks = _RUN
        self.fn = fn
        self.arg = arg


def _run_call(call: Any) -> None:
    call.fn(call.arg)


_RUN: list[Callable[[Any], None]] = [_run_call]


class SimPyClock:
    """
    The SimPy back end; `env` may hold processes of its own, which run at SimPy's priorities, before ours of the instant.

    Run it by `run_until`, never by `env.run`: `now_us` is kept here, because reading it from `env` costs five times as much.
    """

    __slots__ = ("_schedule", "env", "now_us")

    def __init__(self, env: simpy.Environment | None = None) -> None:
        self.env = simpy.Environment(0) if env is None else env
        now = self.env.now
        assert isinstance(now, int), f"SimPy time is {now!r}, expected an integer of microseconds"
        self.now_us = now
        self._schedule: Callable[[simpy.Event, Any, int], None] = self.env.schedule

    def at(self, delay_us: int, cls: int, fn: Callable[[T], None], arg: T) -> None:
        """Call `fn(arg)` after `delay_us`."""
        assert delay_us >= 0, delay_us
        self._schedule(_Call(fn, arg), cls, delay_us)

    def run_until(self, us: int) -> None:
        """Run everything due up to and including `us`."""
        assert us >= self.now_us, (us, self.now_us)
        env = self.env
        peek, step = env.peek, env.step
        while (due := peek()) <= us:
            assert isinstance(due, int), f"a SimPy process waits for {due!r}, expected an integer of microseconds"
            self.now_us = due
            step()
        # SimPy moves its time only to events, and an event put there for the purpose would stay behind if a call raised.
        self.now_us = env._now = us

    def next_us(self) -> int | None:
        """When the next call is due."""
        due = self.env.peek()
        return due if isinstance(due, int) else None

"""
Waiting without looking: what polls in life is called here when there is something to see, at the moment of the next look.

Most of a quiet hall's work is looking at nothing new: each Modbus link polls a hundred times a second, and asyncua's server
looks into each subscription every 5 ms. In virtual time somebody knows that there is nothing, so the look is left out, and
what would have been seen is seen at the same tick as by looking. Two rules keep that honest:

- nothing is told earlier or later than by looking: a poll comes a whole number of rounds after the last one
- where the cable is in trouble or the PLC's computer stands still, every look is made: there a look itself does something

`tests/simulation/test_virtual_quiet.py` compares both ways of waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import Any

import asyncua.server.subscription_service as service
from asyncua.server.internal_subscription import InternalSubscription

from packcenter.plc.link import LinkSettings, Requests, Wire, wire_maker
from packcenter.ports import Net
from simulation.lineplc import LinePlc
from simulation.virtual.loop import Process, VirtualLoop
from simulation.virtual.net import Link

# --- Modbus: polls ---------------------------------------------------------------------------------------------------


class Source:
    """What is known in the virtual world of one polled PLC: whether it has news, and whether its cable is sound."""

    def __init__(self, loop: VirtualLoop, plc: LinePlc, link: Link, computer: Process) -> None:
        self.loop = loop
        self._link = link
        self._computer = computer
        self._wires: dict[int, QuietWire] = {}
        plc.watch(self.news)
        link.on_change = self._troubled

    @property
    def sound(self) -> bool:
        """Whether looking at nothing new does nothing."""
        return self._computer.running and self._link.sound

    def add(self, wire: QuietWire) -> None:
        """Call this wire when there is news."""
        self._wires[id(wire)] = wire

    def remove(self, wire: QuietWire) -> None:
        """It is closed."""
        self._wires.pop(id(wire), None)

    def news(self) -> None:
        """The PLC's image says something else than before."""
        for wire in self._wires.values():
            wire.news()

    def _troubled(self) -> None:
        for wire in self._wires.values():
            wire.look()


class QuietWire:
    """A polled wire whose polls are left out while they would show nothing; see `plc.link.Wire`."""

    def __init__(self, wire: Wire, source: Source, gap_us: int) -> None:
        self._wire = wire
        self._source = source
        self._gap_us = gap_us
        self._wake: asyncio.Event | None = None
        self._context: Context = copy_context()
        self._began_us = self._ended_us = 0
        self._fresh = False
        self._planned: asyncio.TimerHandle | None = None

    @property
    def how(self) -> str:
        return self._wire.how

    @property
    def pushes(self) -> bool:
        return self._source.sound

    async def connect(self, wake: asyncio.Event) -> None:
        self._wake = wake
        self._context = copy_context()
        await self._wire.connect(wake)
        self._source.add(self)

    async def exchange(self, words: list[int] | None) -> list[int] | None:
        if self._planned is not None:
            self._planned.cancel()
            self._planned = None
        self._fresh = False
        self._began_us, self._ended_us = self._source.loop.now_us, 0
        answer = await self._wire.exchange(words)
        self._ended_us = self._source.loop.now_us
        if self._fresh:
            self._plan()
        return answer

    async def close(self) -> None:
        self._source.remove(self)
        await self._wire.close()

    def news(self) -> None:
        """The image changed: the next poll will show it, unless one is under way, which may just have missed it."""
        self._fresh = True
        if self._ended_us and self._planned is None:
            self._plan()

    def look(self) -> None:
        """Poll now and go on polling."""
        if self._wake is not None:
            self._source.loop.call_soon(self._wake.set, context=self._context)

    def _plan(self) -> None:
        """The next poll is a whole number of rounds (pause, then request) after the end of the last one."""
        assert self._wake is not None
        loop = self._source.loop
        round_us = self._gap_us + self._ended_us - self._began_us
        since_us = max(0, loop.now_us - self._ended_us - self._gap_us)
        due_us = self._ended_us + self._gap_us + -(-since_us // round_us) * round_us
        self._planned = loop.call_at_us(due_us, self._wake.set, context=self._context)


def quiet_wires(sources: dict[str, Source]) -> Callable[[LinkSettings, Net], Callable[[Requests], Wire]]:
    """A `wire_maker` whose polled wires are quiet."""

    def make(settings: LinkSettings, net: Net) -> Callable[[Requests], Wire]:
        wires = wire_maker(settings, net)
        if settings.protocol != "modbus":
            return wires
        source = sources[settings.plc]
        return lambda requests: QuietWire(wires(requests), source, settings.poll_gap_us)

    return make


# --- OPC UA: publishing ----------------------------------------------------------------------------------------------


class QuietSubscription(InternalSubscription):
    """asyncua's subscription, woken at the ticks at which it would find something instead of at every one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._news = asyncio.Event()

    async def enqueue_statuschange(self, code: Any) -> None:
        self._news.set()
        await super().enqueue_statuschange(code)

    async def _enqueue_event(self, *args: Any) -> None:
        self._news.set()
        await super()._enqueue_event(*args)

    async def _subscription_loop(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop), loop
        began_us, period_us, tick = loop.now_us, round(self.data.RevisedPublishingInterval * 1_000), 0
        await self.publish_results()
        while not self._closing:
            idle = self.data.RevisedMaxKeepAliveCount - self._keep_alive_count - 1  # ticks that would only be counted
            if idle > 0 and not (self._startup or self._triggered_datachanges or self._triggered_events):
                self._news.clear()
                last_us = began_us + (tick + idle) * period_us
                timer = loop.call_at_us(last_us, self._news.set)
                await self._news.wait()
                timer.cancel()
                passed = min(idle, max(0, -(-(loop.now_us - began_us) // period_us) - 1 - tick))
                self._keep_alive_count += passed
                tick += passed
            tick += 1
            due_us = began_us + tick * period_us
            await asyncio.sleep(max(0, due_us - loop.now_us) / 1e6)
            await self.publish_results()


@contextmanager
def quiet_publishing() -> Iterator[None]:
    """asyncua's servers make `QuietSubscription`s while the `with` lasts."""
    name = InternalSubscription.__name__
    before = getattr(service, name)
    setattr(service, name, QuietSubscription)
    try:
        yield
    finally:
        setattr(service, name, before)

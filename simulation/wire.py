"""
The wire driver: the plant runs behind real protocol servers, paced by the wall clock, inside one asyncio loop.

Plant time is `origin + speed x (wall time since the origin)`. Nothing is added up, so nothing drifts; a change of
speed sets a new origin. Between events the loop waits on a future armed for the wall time of the next one; what is
due runs for at most 2 ms before the servers get their turn.

What comes from outside (an image that a server received, a reboot, a lost heartbeat) acts at the plant time of its
wall time, and strictly later than the last event that ran: the plant is brought up to that moment first.

Honest up to speed 10: a 20 ms publishing interval is 200 ms of plant time there. Heartbeats and watchdogs keep
wall time at any speed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from packcenter.ports import Clock
from simulation.clock import SimClock
from simulation.lineplc import LinePlc
from simulation.servers import LineServer

SPEED_MAX = 10
SLICE_US = 2_000  # a request waits this long at worst for the plant, next to a poll period of 10 ms
NEVER_US = 1 << 62


class WireDriver:
    """
    Runs a plant, its PLCs and their servers; `async with` starts the servers and the pacing, and stops both.

    The `plcs` take their `plant_us` from `clock.now_us` and their `wall_us` from `wall.mono_us`. `servers` and `plcs`
    go together by name. An exception in the plant or a machine program ends the run: `wait` raises it, and so does
    leaving the `async with`.
    """

    def __init__(
        self, clock: SimClock, plcs: Sequence[LinePlc], servers: Sequence[LineServer], *, wall: Clock, speed: int = 1
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._plcs = {plc.name: plc for plc in plcs}
        self._servers = {server.name: server for server in servers}
        self._off: set[str] = set()
        assert len(self._plcs) == len(plcs), f"two PLCs of one name: {[plc.name for plc in plcs]}"
        assert set(self._servers) <= set(self._plcs), f"servers {sorted(self._servers)}, PLCs {sorted(self._plcs)}"
        self._speed = _checked_speed(speed)
        self._origin_plant_us = clock.now_us
        self._origin_wall_us = wall.mono_us()
        self._last_event_us = -1
        self._wake: asyncio.Future[None] | None = None
        self._wake_due_us = 0
        self._rearm_asked = False
        self._is_running = False
        self._paused = False
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self.slices = 0
        self.late_us_max = 0
        for plc in plcs:
            plc.enter = self._enter

    # Life.

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self) -> dict[str, int]:
        """Start every server, then time from where the clock stands; the ports by PLC name."""
        ports: dict[str, int] = {}
        try:
            for name, server in self._servers.items():
                ports[name] = await server.start()
        except BaseException:
            await self._stop_servers()
            raise
        self._task = asyncio.create_task(self._run(), name="wire driver")
        return ports

    async def stop(self) -> None:
        """Stop time, then the servers. Raises what ended the run early, if something did."""
        self._stopping = True
        self._wake_up()
        try:
            await self.wait()
        finally:
            await self._stop_servers()

    async def wait(self) -> None:
        """Until the run ends; raises what ended it. Who waits may be cancelled; the run goes on."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        self._origin_plant_us = self._clock.now_us
        self._origin_wall_us = self._wall.mono_us()
        self._is_running = True
        try:
            while not self._stopping:
                await self._turn()
        finally:
            self._is_running = False

    # Time.

    @property
    def speed(self) -> int:
        """Plant seconds in a wall second."""
        return self._speed

    def set_speed(self, speed: int) -> None:
        """Go on at another speed, 1 to 10, from this moment."""
        self._rebase()
        self._speed = _checked_speed(speed)
        self._wake_up()

    def pause(self) -> None:
        """Let plant time stand still; the servers, heartbeats and watchdogs go on."""
        self._rebase()
        self._paused = True
        self._wake_up()

    def resume(self) -> None:
        """Let plant time go on from where it stands."""
        self._rebase()
        self._paused = False
        self._wake_up()

    def plant_us(self) -> int:
        """The plant time of this moment; the clock may be a little behind it, or a few microseconds ahead."""
        if self._paused:
            return self._origin_plant_us
        return self._origin_plant_us + self._speed * (self._wall.mono_us() - self._origin_wall_us)

    # Faults.

    def cut(self, name: str) -> None:
        """Pull the network cable of a PLC: silence both ways, the PLC and its belt go on."""
        self._servers[name].wire.cut()

    def restore(self, name: str) -> None:
        """Put the cable back."""
        self._servers[name].wire.restore()

    async def reboot(self, name: str, nonce: int, *, off_us: int = 0) -> None:
        """Take a PLC's power for `off_us` of wall time: connections end, memory lost, then the same port again."""
        await self.power_off(name, nonce)
        await self._wall.sleep_us(off_us)
        await self.power_on(name)

    async def power_off(self, name: str, nonce: int) -> None:
        """Take a PLC's power: connections end, memory lost, nobody listens until `power_on`."""
        self._off.add(name)
        await self._servers[name].kill()
        self._plcs[name].reboot(nonce)

    async def power_on(self, name: str) -> None:
        """Give a PLC its power back: it listens on the same port again. Nothing happens if it has power."""
        if name in self._off and not self._stopping:
            self._off.remove(name)
            await self._servers[name].start()

    # Pacing.

    async def _turn(self) -> None:
        self._tick_plcs()
        self._run_due(self._wall.mono_us() + SLICE_US)
        self._raise_failures()
        self.slices += 1
        # In the past when the slice was too short: then the servers get one round of the loop.
        await self._sleep_until(self._next_wall_us())

    def _enter(self) -> None:
        """
        Bring the plant to this moment, because something from outside is about to act.

        No event has run at the clock's time when this returns, so what acts is strictly later than all that ran. The
        2 ms do not count here: the image came after these events, and a PLC that is behind must not take it early.
        Before the run and after it (a failed plant stands still) nothing moves.
        """
        if not self._is_running:
            return
        stamp_us = max(self.plant_us(), self._clock.now_us)
        while True:
            self._run_to(stamp_us)
            if self._last_event_us < stamp_us:
                break
            stamp_us += 1
        if not self._rearm_asked and self._wake is not None:
            self._rearm_asked = True
            asyncio.get_running_loop().call_soon(self._rearm)

    def _run_to(self, plant_us: int) -> None:
        while (due_us := self._clock.next_us()) is not None and due_us <= plant_us:
            self._run_one(due_us)
        if plant_us > self._clock.now_us:
            self._clock.run_until(plant_us)

    def _run_due(self, until_wall_us: int) -> None:
        """Run what is due by now, one instant at a time, until `until_wall_us` at most."""
        while (due_us := self._clock.next_us()) is not None and due_us <= self.plant_us():
            self._run_one(due_us)
            if self._wall.mono_us() >= until_wall_us:
                return

    def _run_one(self, due_us: int) -> None:
        late_us = (self.plant_us() - due_us) // self._speed
        if late_us > self.late_us_max:
            self.late_us_max = late_us
        self._last_event_us = due_us
        self._clock.run_until(due_us)

    def _tick_plcs(self) -> None:
        now_us = self._wall.mono_us()
        for plc in self._plcs.values():
            if plc.next_tick_us() <= now_us:
                plc.tick()

    def _next_wall_us(self) -> int:
        tick_us = min((plc.next_tick_us() for plc in self._plcs.values()), default=NEVER_US)
        due_us = self._clock.next_us()
        if due_us is None or (self._paused and due_us > self._origin_plant_us):
            return tick_us
        # Rounded up: a microsecond early would find nothing due and spin.
        return min(tick_us, self._origin_wall_us - (self._origin_plant_us - due_us) // self._speed)

    async def _sleep_until(self, wall_us: int) -> None:
        loop = asyncio.get_running_loop()
        self._wake = loop.create_future()
        self._wake_due_us = wall_us
        handle = loop.call_later(max(0, wall_us - self._wall.mono_us()) / 1e6, self._wake_up) if wall_us < NEVER_US else None
        try:
            await self._wake
        finally:
            self._wake = None
            if handle is not None:
                handle.cancel()

    def _rearm(self) -> None:
        """What acted may have planned something earlier than the present wait ends, or have failed."""
        self._rearm_asked = False
        if self._next_wall_us() < self._wake_due_us or any(plc.failure is not None for plc in self._plcs.values()):
            self._wake_up()

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _rebase(self) -> None:
        now_us = self._wall.mono_us()
        if self._is_running and not self._paused:
            self._origin_plant_us += self._speed * (now_us - self._origin_wall_us)
        self._origin_wall_us = now_us

    def _raise_failures(self) -> None:
        for plc in self._plcs.values():
            if plc.failure is not None:
                raise plc.failure

    async def _stop_servers(self) -> None:
        for server in self._servers.values():
            await server.stop()


def _checked_speed(speed: int) -> int:
    assert 1 <= speed <= SPEED_MAX, (
        f"speed {speed}, expected 1 to {SPEED_MAX}: beyond that the wire's delays are no longer the hall's"
    )
    return speed

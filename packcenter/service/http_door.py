"""
The door of the HTTP side: who watches must not cost control (S4, M2).

uvicorn takes two thousand connections in one turn of the loop, waits for ever for a request that never ends, and works
as fast as it is asked. Here connections are taken one at a time and only so many, every turn that HTTP gets is counted
and late ones wait, and who asks nothing whole, or does not take the answer, is put out. Nobody is told more than the
end of the connection: a person's browser comes again, and an attacker learns nothing.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from ssl import SSLContext
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from packcenter.ports import Clock

CONNECTIONS_MAX = 48
"""Open connections: sixteen streams, and as many screens that ask, twice over. Our links need some of the same numbers."""

TURNS_PER_S = 10
"""
Turns a second: taking a connection, reading what it says, going on to its next request. A page takes about ten.

Each may hold an exchange with a PLC up by half a millisecond. At ten a second an attack leaves the 99th percentile of exchanges
within 10 % (`tests/hostile/attack_bench.py`: 1.05 and 1.09; at fifty 1.08 and 1.23).
"""

TURNS_AT_ONCE = 60
"""Turns that may follow each other without a wait: some pages that are opened together, or one again and again."""

ASK_LIMIT_S = 5.0
"""A request is whole within this, and so is the next one on the same connection."""

STALL_LIMIT_S = 10.0
"""An answer that nobody takes for so long is not wanted; a slow screen takes some of it."""

MAKE_ROOM_S = 1.0
"""Who has asked nothing for this long gives its place up when all are taken."""

GREET_LIMIT_S = 2.0
"""A TLS handshake is done within this: two round trips and some milliseconds of arithmetic."""

HEADERS_MAX = 8_192
"""Bytes of a request's line and headers: a browser's have 1 KiB. Ten thousand short headers would hold the loop for 16 ms."""

_RETRY_US = 100_000  # after the operating system had no more connections to give


class Turns:
    """Says how long each turn must wait so that no more than `per_s` are taken, `at_once` of them without a wait."""

    def __init__(self, per_s: float, at_once: int) -> None:
        self._step_s = 1 / per_s
        self._at_once_s = at_once / per_s
        self._next_s = float("-inf")

    def take(self) -> float:
        """Seconds until the turn that is taken hereby; 0 or less is now."""
        now_s = asyncio.get_running_loop().time()
        self._next_s = max(self._next_s, now_s - self._at_once_s) + self._step_s
        return self._next_s - now_s


class Visitor(H11Protocol):
    """One connection. It is idle until a request is whole, and again when its answer has gone out."""

    def __init__(self, door: Door, config: uvicorn.Config, server_state: Any) -> None:
        super().__init__(config, server_state, {})
        self._door = door
        self._late = b""
        self._waits = False
        self._idle_since_s = self.loop.time()
        self._stalled_since_s: float | None = None

    @property
    def idle_s(self) -> float:
        """How long nothing whole has been asked; below 0 while an answer is made."""
        if self.cycle is not None and not self.cycle.response_complete:
            return -1
        return self.loop.time() - self._idle_since_s

    def is_overdue(self) -> bool:
        """Whether it has asked nothing, or taken nothing, for too long."""
        if self._stalled_since_s is not None:
            return self.loop.time() - self._stalled_since_s > STALL_LIMIT_S
        return self.idle_s > ASK_LIMIT_S

    def abort(self) -> None:
        """End the connection at once."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """What the visitor says; it is read in its turn."""
        self._late += data
        if not self._waits:
            self._go_on()

    def _go_on(self) -> None:
        """Read on, a request's worth in each turn: h11 notices headers that are too large only while they are not whole."""
        while self._late and not self.transport.is_closing():
            wait_s = self._door.turns.take()
            if wait_s > 0:
                self._waits = True
                self.transport.pause_reading()
                self.loop.call_later(wait_s, self._catch_up)
                return
            self._read_some()

    def _read_some(self) -> None:
        size = HEADERS_MAX + 1  # one byte more than may be without an end
        some, self._late = self._late[:size], self._late[size:]
        super().data_received(some)

    def _catch_up(self) -> None:
        self._waits = False
        if self.transport.is_closing():
            return
        self._read_some()
        self._go_on()
        if not (self._waits or self.flow.read_paused or self.transport.is_closing()):
            self.transport.resume_reading()

    def on_response_complete(self) -> None:
        """An answer has gone out; what was asked behind it waits for its turn."""
        self._idle_since_s = self.loop.time()
        wait_s = self._door.turns.take()
        if wait_s <= 0:
            super().on_response_complete()
        else:
            self.loop.call_later(wait_s, super().on_response_complete)

    def pause_writing(self) -> None:
        """The visitor takes its answer more slowly than it is made."""
        self._stalled_since_s = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It takes it again."""
        self._stalled_since_s = None
        super().resume_writing()


class Door(uvicorn.Server):
    """A uvicorn server that leaves signals to the service and lets nobody have more of it than there is to give."""

    def __init__(self, config: uvicorn.Config, clock: Clock, tls: SSLContext | None = None) -> None:
        super().__init__(config)
        self._tls = tls
        self._greeting: set[asyncio.Task[None]] = set()
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # a warning for each bad request is an attack of its own
        self.turns = Turns(TURNS_PER_S, TURNS_AT_ONCE)
        self._clock = clock
        self._accepting: asyncio.Task[None] | None = None

    def capture_signals(self):  # type: ignore[no-untyped-def]
        """Signals are the service's."""
        from contextlib import nullcontext

        return nullcontext()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to take connections from the one socket, which listens already."""
        assert sockets is not None, "the service listens, the door only accepts"
        (listener,) = sockets
        await self.lifespan.startup()
        self.servers = []
        self._accepting = asyncio.create_task(self._accept(listener), name="http door")
        self.started = True

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Take no more connections, then end as uvicorn does."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait({self._accepting})
        for greeting in self._greeting:
            greeting.cancel()
        if self._greeting:
            await asyncio.wait(self._greeting)
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: put out who is overdue."""
        for visitor in self._visitors():
            if visitor.is_overdue():
                visitor.abort()
        return await super().on_tick(counter)

    async def _accept(self, listener: Any) -> None:
        """Take connections, one in a turn of the loop, no faster than turns are given."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            try:
                socket, _ = await loop.sock_accept(listener)
            except OSError:  # such as too many open files, or a client that has already gone
                await self._clock.sleep_us(_RETRY_US)
                continue
            try:
                await self._clock.sleep_us(int(self.turns.take() * 1e6))
            except asyncio.CancelledError:
                socket.close()
                raise
            if not self._makes_room():
                socket.close()
                continue
            if self._tls is None:
                await self._greet(socket)
            else:  # nobody waits while another one's handshake takes its time
                greeting = asyncio.create_task(self._greet(socket), name="http greeting")
                self._greeting.add(greeting)
                greeting.add_done_callback(self._greeting.discard)

    async def _greet(self, socket: Any) -> None:
        """Make a visitor of a connection. A handshake that fails or takes too long ends it."""
        limit_s = None if self._tls is None else GREET_LIMIT_S
        with suppress(OSError):  # such as an error of TLS
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Visitor(self, self.config, self.server_state),
                socket,
                ssl=self._tls,
                ssl_handshake_timeout=limit_s,
                ssl_shutdown_timeout=limit_s,
            )

    def _makes_room(self) -> bool:
        visitors = self._visitors()
        if len(visitors) + len(self._greeting) < CONNECTIONS_MAX:
            return True
        if not visitors:
            return False
        idlest = max(visitors, key=lambda visitor: visitor.idle_s)
        if idlest.idle_s > MAKE_ROOM_S:
            idlest.abort()
            return True
        return False

    def _visitors(self) -> list[Visitor]:
        return [each for each in self.server_state.connections if isinstance(each, Visitor) and not each.transport.is_closing()]

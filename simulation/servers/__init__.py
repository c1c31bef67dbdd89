"""
Real protocol servers in front of a `LinePlc`: Modbus TCP (our own) and OPC UA (asyncua), on the loopback.

Both stand behind a `Wire`, the network side of one PLC, so that a cable can be pulled (`cut`: silence, TCP stays
and sends again after `restore`) and a PLC can die (`drop`: connections end) without the libraries' help.

The wire is a door, too (S4). A PLC has few connections: when all are taken, the one that never made sense or has
been idle for longest goes, so that idle strangers cannot keep a controller out. Who does not make sense in time, or
does not take its answers, is put out; nobody can make us hold more than it may send.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

import msgspec

CONNECTIONS_MAX = 16  # PLCs have 8 to 32
PROVE_LIMIT_S = 5.0  # a client says who it is at once; a slow one within this
IDLE_LIMIT_S = 2.0  # a controller speaks every 100 ms; who is silent for this long may have to make room
STALL_LIMIT_S = 5.0  # a client that does not take its answers for this long is not one
ACCEPTS_AT_ONCE = 8  # connections taken in one turn of the loop; a storm of them must let the others have theirs
HELD_BYTES_MAX = 1 << 20  # answers held for one connection of a cut wire; a client has a few requests of some 300 bytes open


class Nameplate(msgspec.Struct, frozen=True):
    """What a PLC says about itself to people: OPC UA nodes, Modbus device identification (FC 43)."""

    manufacturer: str
    model: str
    serial_number: str
    software_revision: str


class LineServer(Protocol):
    """A protocol server in front of one PLC. `port` is 0 until a first `start` took a free one, then it stays."""

    name: str
    port: int
    wire: Wire

    async def start(self) -> int:
        """Listen; the port."""
        ...

    async def stop(self) -> None:
        """Close connections and the port."""
        ...

    async def kill(self) -> None:
        """Go as a PLC does that loses power: end every connection at once, close the port."""
        ...


class Visited(asyncio.Protocol, ABC):
    """A server's side of one connection behind a `Wire`; it gets a `ServerTransport`."""

    @abstractmethod
    def makes_sense(self) -> bool:
        """Whether the client has said what only a client of this server says."""


class Wire:
    """The network side of one server. `wrap` the server's protocol factory with it before listening."""

    def __init__(self, connections_max: int = CONNECTIONS_MAX) -> None:
        self._connections: dict[_Connection, None] = {}
        self._connections_max = connections_max
        self._cut = False

    @property
    def is_cut(self) -> bool:
        """Whether the cable is out."""
        return self._cut

    @property
    def connections(self) -> int:
        """Connections that are open or not known to be closed."""
        return len(self._connections)

    def wrap(self, factory: Callable[[], Visited]) -> Callable[[], asyncio.Protocol]:
        """The same factory with this wire between client and server."""
        return lambda: _Connection(self, factory())

    def cut(self) -> None:
        """
        Pull the cable: nothing passes in either direction, nobody is told.

        A client that connects now is accepted by the operating system and then hears nothing.
        """
        self._cut = True
        for connection in self._connections:
            connection.hold()

    def restore(self) -> None:
        """Put the cable back: what either side sent meanwhile arrives late, as TCP sends it again."""
        self._cut = False
        for connection in list(self._connections):
            connection.let_go()

    def drop(self) -> None:
        """End every connection at once, whatever is still to be sent."""
        for connection in list(self._connections):
            connection.abort()

    def hang_up(self) -> None:
        """End every connection as a server does that stops: what it has said arrives, unless nobody takes it."""
        for connection in list(self._connections):
            connection.hang_up()

    def turn_away(self) -> None:
        """End the connections that have not made sense so far."""
        for connection in list(self._connections):
            if not connection.usefulness()[0]:
                connection.abort()

    def drop_if_cut(self) -> None:
        """A server that stops cannot wait for a goodbye over a cut wire."""
        if self._cut:
            self.drop()

    def makes_room(self) -> bool:
        """Whether one more connection may come; for `_Connection` alone. Ends the least useful one if it must."""
        if len(self._connections) < self._connections_max:
            return True
        idlest = min(self._connections, key=_Connection.usefulness)
        if idlest.may_go():
            idlest.abort()
            return True
        return False

    def opened(self, connection: _Connection) -> None:
        """A connection came; for `_Connection` alone."""
        self._connections[connection] = None

    def closed(self, connection: _Connection) -> None:
        """A connection went; for `_Connection` alone."""
        self._connections.pop(connection, None)


class _Connection(asyncio.Protocol):
    """One TCP connection: passes everything on, except while its wire is cut."""

    def __init__(self, wire: Wire, server: Visited) -> None:
        self._wire = wire
        self._server = server
        self._socket: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._held = bytearray()
        self._close_wanted = False
        self._heard_s = self._loop.time()
        self._patience: asyncio.TimerHandle | None = None
        self._answers_wait = False  # the client does not take them: it is not listened to until it does
        self._server_pauses = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), transport
        self._socket = transport
        if not self._wire.makes_room():
            transport.abort()
            return
        self._wire.opened(self)
        self._wait_for(PROVE_LIMIT_S)
        # asyncio adds the reader after this call, so that a pause has to wait for it.
        self._loop.call_soon(self._listen_or_not)
        self._server.connection_made(ServerTransport(self, transport))

    # --- whether it may stay ----------------------------------------------------------------------------------------

    def heard(self) -> None:
        """The client said something that makes sense."""
        self._heard_s = self._loop.time()

    def usefulness(self) -> tuple[bool, float]:
        """Sorts connections: strangers first, then by when they last made sense."""
        return self._server.makes_sense(), self._heard_s

    def may_go(self) -> bool:
        """Whether another client may have this one's place."""
        return not self._server.makes_sense() or self._loop.time() - self._heard_s > IDLE_LIMIT_S

    def _wait_for(self, limit_s: float) -> None:
        self._wait_no_more()
        self._patience = self._loop.call_later(limit_s, self._run_out, limit_s)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _run_out(self, limit_s: float) -> None:
        if self._wire.is_cut:  # nothing can come or go, which is not the client's fault
            self._wait_for(limit_s)
        elif self._answers_wait or not self._server.makes_sense():
            self.abort()

    # --- what passes ------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._server.data_received(data)

    def eof_received(self) -> bool | None:
        return self._server.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        self._wire.closed(self)
        self._server.connection_lost(exc)

    def pause_writing(self) -> None:
        self._answers_wait = True
        self._wait_for(STALL_LIMIT_S)
        self._listen_or_not()
        self._server.pause_writing()

    def resume_writing(self) -> None:
        self._answers_wait = False
        self._wait_for(PROVE_LIMIT_S)
        self._listen_or_not()
        self._server.resume_writing()

    def pause_reading(self, pauses: bool) -> None:
        """What the server says when it has enough to do, and when it has not any more."""
        self._server_pauses = pauses
        self._listen_or_not()

    def write(self, data: bytes) -> None:
        """What the server sends."""
        assert self._socket is not None
        if not self._wire.is_cut:
            self._socket.write(data)
        elif len(self._held) + len(data) <= HELD_BYTES_MAX:
            self._held += data
        else:
            self._socket.abort()

    def close(self) -> None:
        """What the server says when it is done; a cut wire keeps that from the client too."""
        assert self._socket is not None
        if self._wire.is_cut:
            self._close_wanted = True
        else:
            self._socket.close()

    def hold(self) -> None:
        """Stop reading: what the client sends, its end included, waits in the socket."""
        self._listen_or_not()

    def let_go(self) -> None:
        """Pass on what was held, then go on reading."""
        assert self._socket is not None
        if self._socket.is_closing():
            return
        self._socket.write(bytes(self._held))
        self._held.clear()
        self._listen_or_not()
        if self._close_wanted:
            self._socket.close()

    def hang_up(self) -> None:
        """Close if all that was said has gone out, else end at once."""
        assert self._socket is not None
        if self._wire.is_cut or self._socket.get_write_buffer_size():
            self.abort()
        else:
            self._socket.close()

    def abort(self) -> None:
        """End the connection at once."""
        assert self._socket is not None
        self._wire.closed(self)
        self._socket.abort()

    def _listen_or_not(self) -> None:
        if self._socket is None or self._socket.is_closing():
            return
        if self._wire.is_cut or self._answers_wait or self._server_pauses:
            self._socket.pause_reading()
        else:
            self._socket.resume_reading()


class ServerTransport(asyncio.Transport):
    """A server's view of its socket: what it does goes through the connection, the rest is the socket's."""

    def __init__(self, connection: _Connection, socket: asyncio.Transport) -> None:
        super().__init__()
        self._connection = connection
        self._socket = socket

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._connection.write(bytes(data))

    def close(self) -> None:
        self._connection.close()

    def abort(self) -> None:
        self._connection.abort()

    def is_closing(self) -> bool:
        return self._socket.is_closing()

    def pause_reading(self) -> None:
        self._connection.pause_reading(True)

    def resume_reading(self) -> None:
        self._connection.pause_reading(False)

    def heard(self) -> None:
        """The server calls this whenever its client made sense."""
        self._connection.heard()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._socket.get_extra_info(name, default)

"""
Real protocol servers in front of a `LinePlc`: Modbus TCP (pymodbus) and OPC UA (asyncua), on the loopback.

Both stand behind a `Wire`, the network side of one PLC, so that a cable can be pulled (`cut`: silence, TCP stays
and sends again after `restore`) and a PLC can die (`drop`: connections end) without the libraries' help.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec

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


class Wire:
    """The network side of one server. `wrap` the server's protocol factory with it before listening."""

    def __init__(self) -> None:
        self._connections: dict[_Connection, None] = {}
        self._cut = False

    @property
    def is_cut(self) -> bool:
        """Whether the cable is out."""
        return self._cut

    @property
    def connections(self) -> int:
        """Connections that are open or not known to be closed."""
        return len(self._connections)

    def wrap(self, factory: Callable[[], asyncio.BaseProtocol]) -> Callable[[], asyncio.Protocol]:
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

    def drop_if_cut(self) -> None:
        """A server that stops cannot wait for a goodbye over a cut wire."""
        if self._cut:
            self.drop()

    def opened(self, connection: _Connection) -> None:
        """A connection came; for `_Connection` alone."""
        self._connections[connection] = None

    def closed(self, connection: _Connection) -> None:
        """A connection went; for `_Connection` alone."""
        self._connections.pop(connection, None)


class _Connection(asyncio.Protocol):
    """One TCP connection: passes everything on, except while its wire is cut."""

    def __init__(self, wire: Wire, server: asyncio.BaseProtocol) -> None:
        assert isinstance(server, asyncio.Protocol) or hasattr(server, "data_received"), server
        self._wire = wire
        self._server: asyncio.Protocol = server  # type: ignore[assignment]  # pymodbus's is one by shape, not by base class
        self._socket: asyncio.Transport | None = None
        self._held = bytearray()
        self._close_wanted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), transport
        self._socket = transport
        self._wire.opened(self)
        # asyncio adds the reader after this call, so that a pause has to wait for it.
        asyncio.get_running_loop().call_soon(self._hold_if_cut)
        self._server.connection_made(_HeldTransport(self, transport))

    def data_received(self, data: bytes) -> None:
        self._server.data_received(data)

    def eof_received(self) -> bool | None:
        return self._server.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wire.closed(self)
        self._server.connection_lost(exc)

    def pause_writing(self) -> None:
        self._server.pause_writing()

    def resume_writing(self) -> None:
        self._server.resume_writing()

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
        if self._socket is not None and not self._socket.is_closing():
            self._socket.pause_reading()

    def let_go(self) -> None:
        """Pass on what was held, then go on reading."""
        assert self._socket is not None
        if self._socket.is_closing():
            return
        self._socket.write(bytes(self._held))
        self._held.clear()
        self._socket.resume_reading()
        if self._close_wanted:
            self._socket.close()

    def abort(self) -> None:
        """End the connection at once."""
        assert self._socket is not None
        self._socket.abort()

    def _hold_if_cut(self) -> None:
        if self._wire.is_cut:
            self.hold()


class _HeldTransport(asyncio.Transport):
    """The server's view of its socket: writing and closing go through the connection, the rest is the socket's."""

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

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._socket.get_extra_info(name, default)

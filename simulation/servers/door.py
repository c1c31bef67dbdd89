"""
The door of an OPC UA server: what a client sends is looked at before asyncua may keep or decode it (S4).

asyncua 2.1 keeps whatever a header announces, up to 4 GiB, and copies it with every segment; it queues five hundred
messages, each with all that came behind it; and one count of four bytes makes it build a list of two thousand million
entries. Here a client must say HEL first and once, a chunk has at most 64 KiB (16 KiB, and 32 KiB in all, until its
session is active), only whole chunks pass, and no more at a time than the server works off. `harden` puts bounds into
asyncua's decoders, which serve requests of every kind.
"""

from __future__ import annotations

import asyncio
import functools
import struct
from collections.abc import Callable
from typing import Any

from asyncua.common import utils
from asyncua.server.binary_server_asyncio import OPCUAProtocol
from asyncua.ua import ua_binary
from asyncua.ua.uaerrors import UaError

from simulation.servers import ServerTransport, Visited

CHUNK_MIN = 8192  # the least that OPC 10000-6 lets a peer offer
CHUNK_MAX = 0xFFFF
MESSAGE_MAX = 0x2_0000
STRANGER_CHUNK_MAX = 0x4000  # a channel or a session with a chain of certificates
STRANGER_BYTES_MAX = 0x8000
HELLO_MAX = 32 + 4096  # its numbers and a URL
PENDING_MAX = 32  # messages that wait for the server; a link of ours has three
ACTIVATION_LIMIT_S = 5.0
ENTRIES_MAX = 1024  # of one array in a request
DIMENSIONS_MAX = 4
_RETRY_S = 0.002  # how soon the door looks again whether the server has room
_HEADER = struct.Struct("<3scI")
_KINDS = (b"OPN", b"MSG", b"CLO")


class Door(Visited):
    """One connection; the server's own protocol is made when its HEL is whole and right."""

    def __init__(self, make: Callable[[], OPCUAProtocol]) -> None:
        self._make = make
        self._server: OPCUAProtocol | None = None
        self._transport: ServerTransport | None = None
        self._came = bytearray()
        self._passed_bytes = 0
        self._again: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, ServerTransport), transport
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._again is not None:
            self._again.cancel()
        if self._server is not None:
            self._server.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._came += data
        if self._again is None:
            self._pass_on()

    def _pass_on(self) -> None:
        """Give the server the chunks that are whole, as many as it has room for."""
        self._again = None
        transport = self._transport
        while transport is not None and not transport.is_closing() and len(self._came) >= _HEADER.size:
            kind, final, size = _HEADER.unpack_from(self._came)
            if not self._may_pass(kind, final, size):
                transport.abort()
                return
            if len(self._came) < size:
                break
            if self._server is not None and self._server.messages.qsize() >= PENDING_MAX // 2:
                transport.pause_reading()
                self._again = asyncio.get_running_loop().call_later(_RETRY_S, self._pass_on)
                return
            chunk = bytes(self._came[:size])
            del self._came[:size]
            self._pass(chunk)
        if transport is not None and not transport.is_closing():
            transport.resume_reading()

    def _pass(self, chunk: bytes) -> None:
        assert self._transport is not None
        self._passed_bytes += len(chunk)
        if self._server is None:
            if min(struct.unpack_from("<II", chunk, 12)) < CHUNK_MIN:
                self._transport.abort()
                return
            self._server = self._make()
            self._server.connection_made(self._transport)
            # A session ends with its connection: those that wait to be taken up again would pile up for a minute each.
            self._server.processor._should_close_session_on_transport_loss = lambda: True  # type: ignore[union-attr,method-assign]
        elif self.makes_sense():
            self._transport.heard()
        self._server.data_received(chunk)

    def _may_pass(self, kind: bytes, final: bytes, size: int) -> bool:
        if self._server is None:
            return kind == b"HEL" and final == b"F" and 32 <= size <= HELLO_MAX
        if kind not in _KINDS or final not in (b"F", b"C", b"A"):
            return False
        if self.makes_sense():
            return 12 < size <= CHUNK_MAX
        return 12 < size <= STRANGER_CHUNK_MAX and self._passed_bytes + size <= STRANGER_BYTES_MAX

    def makes_sense(self) -> bool:
        """Whether its session is active."""
        processor = None if self._server is None else self._server.processor
        return processor is not None and processor.session is not None and processor.session.is_activated()


def harden() -> None:
    """
    Put bounds into asyncua's decoders, once per process.

    An array has no more entries than bytes, nor than `ENTRIES_MAX`; a length below nothing does not read backwards;
    and dimensions do not multiply into more than was sent.
    """
    if utils.Buffer.read is _read:
        return
    utils.Buffer.read = _read  # type: ignore[method-assign]
    ua_binary._create_uatype_array_deserializer = _bounded(ua_binary._create_uatype_array_deserializer)
    ua_binary._create_list_deserializer = _bounded(ua_binary._create_list_deserializer)
    ua_binary._reshape = _reshape
    ua_binary.MAX_RESHAPE_ELEMENTS = ENTRIES_MAX
    for cache in (
        ua_binary._create_uatype_deserializer,
        ua_binary._create_type_deserializer,
        ua_binary._create_dataclass_deserializer,
    ):
        cache.cache_clear()


_plain_read = utils.Buffer.read
_plain_reshape = ua_binary._reshape


def _read(self: utils.Buffer, size: int) -> bytes:
    if size < 0:
        raise UaError(f"a length of {size}, expected 0 or more")
    return _plain_read(self, size)


def _bounded(make: Callable[[Any], Callable[[Any], Any]]) -> Any:
    @functools.cache
    def make_bounded(kind: Any) -> Callable[[Any], Any]:
        decode = make(kind)

        def bounded(data: utils.Buffer) -> Any:
            (count,) = struct.unpack_from("<i", data._data, data._cur_pos) if len(data) >= 4 else (-1,)
            if not -1 <= count <= min(ENTRIES_MAX, len(data) - 4):
                raise UaError(f"an array of {count} entries in {len(data)} bytes, expected at most {ENTRIES_MAX}")
            return decode(data)

        return bounded

    return make_bounded


def _reshape(flat: list[Any], dims: list[int]) -> list[Any]:
    if not 1 <= len(dims) <= DIMENSIONS_MAX or min(dims) < 0:
        raise UaError(f"dimensions {dims[: DIMENSIONS_MAX + 1]}, expected 1 to {DIMENSIONS_MAX} of 0 or more")
    return _plain_reshape(flat, dims)

"""
A PLC that speaks Modbus TCP: `Out` and `In` as holding registers, functions 3, 4, 6, 16, 22, 23 and 43.

A write to `In` is assembled in register memory and handed to the PLC whole, after every request, so that a client
may write it in pieces; only a write of all 114 words at once is counted malformed if it is bad. Function 23 writes
before it reads. Outside the two blocks there are no registers (exception 2); other unit ids are not there (exception 11).

It is not built on pymodbus's server, which loses requests that a client sends before it has the last answer, and is
deaf for some twenty good requests after a bad header. Here requests are answered in order, however they are cut into
segments, and a header that cannot be one (protocol id, length) ends the connection, as does half a frame that stays half.
"""

from __future__ import annotations

import asyncio
import struct

from packcenter.plc.image import IN_WORDS, OUT_WORDS
from simulation.lineplc import LinePlc
from simulation.servers import ACCEPTS_AT_ONCE, Nameplate, ServerTransport, Visited, Wire

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_SUCH_UNIT = 1, 2, 3, 11
FRAME_MAX = 260  # bytes of a Modbus TCP frame
HALF_LIMIT_S = 1.0  # the rest of a frame comes with its head, or in the next segments
FRAMES_AT_ONCE = 8  # of one connection in one turn of the loop; the others have theirs
_HEAD = struct.Struct(">HHHB")  # transaction, protocol 0, length of what follows, unit
_READS, _WRITE, _WRITES, _MASK, _EXCHANGE, _IDENTIFY = (3, 4), 6, 16, 22, 23, 43
_READ_MAX, _WRITE_MAX, _EXCHANGE_MAX = 125, 123, 121
_DEVICE_IDENTIFICATION = 14
_REGULAR_AND_SINGLE = 0x82  # conformity: basic and regular texts, each may be asked for alone


class ModbusServer:
    """
    A `LinePlc` behind a Modbus TCP server on `host`, unit `unit`. Port 0 takes a free one, kept over restarts.

    Addresses are of register 0 of each image, as they are on the wire.
    """

    def __init__(
        self,
        plc: LinePlc,
        *,
        nameplate: Nameplate,
        host: str = "127.0.0.1",
        port: int = 0,
        unit: int = 1,
        out_address: int = 0,
        in_address: int = 200,
    ) -> None:
        assert not set(range(out_address, out_address + OUT_WORDS)) & set(range(in_address, in_address + IN_WORDS)), (
            f"{plc.name}: Out at {out_address} and In at {in_address} overlap"
        )
        self.plc = plc
        self.name = plc.name
        self.wire = Wire()
        self.host = host
        self.port = port
        self._unit = unit
        self._out = out_address
        self._in = in_address
        self._written = [0] * IN_WORDS
        self._texts = {
            0: nameplate.manufacturer,
            1: nameplate.model,
            2: nameplate.software_revision,
            4: nameplate.model,
            5: nameplate.serial_number,
            6: plc.name,
        }
        self._listener: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; the port. Raises `OSError` if it is taken."""
        assert self._listener is None, f"{self.name}: started twice"
        make = self.wire.wrap(lambda: _Requests(self))
        try:
            listener = await asyncio.get_running_loop().create_server(make, self.host, self.port, backlog=ACCEPTS_AT_ONCE)
        except OSError as refused:
            raise OSError(f"{self.name}: cannot listen on {self.host}:{self.port}; is another PLC or process there?") from refused
        self._written = [0] * IN_WORDS
        self._listener = listener
        self.port = self._listener.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Close connections and the port."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.close()
            self.wire.hang_up()
            await listener.wait_closed()

    async def kill(self) -> None:
        """End every connection at once and close the port, as a PLC does that loses power."""
        self.wire.drop()
        await self.stop()

    # --- requests -----------------------------------------------------------------------------------------------------

    def answer(self, frame: bytes) -> bytes:
        """The answer to one whole frame; an exception if it cannot be done, in which case nothing was."""
        transaction, _, _, unit = _HEAD.unpack_from(frame)
        function = frame[_HEAD.size]
        try:
            if unit != self._unit:
                raise _Exception(NO_SUCH_UNIT)
            pdu = self._do(function, frame[_HEAD.size + 1 :])
        except _Exception as refusal:
            function, pdu = function | 0x80, bytes([refusal.code])
        except struct.error:
            function, pdu = function | 0x80, bytes([ILLEGAL_VALUE])
        return _HEAD.pack(transaction, 0, len(pdu) + 2, unit) + bytes([function]) + pdu

    def _do(self, function: int, body: bytes) -> bytes:
        if function in _READS:
            return self._registers(*struct.unpack(">HH", body))
        if function == _EXCHANGE:
            read, count, write, written, size = struct.unpack_from(">HHHHB", body)
            words = _words(body[9:], written, size, _EXCHANGE_MAX)
            self._check(read, count)
            self._write(write, words)
            return self._registers(read, count)
        if function == _WRITES:
            address, count, size = struct.unpack_from(">HHB", body)
            self._write(address, _words(body[5:], count, size, _WRITE_MAX))
            return body[:4]
        if function == _WRITE:
            address, word = struct.unpack(">HH", body)
            self._write(address, [word])
            return body
        if function == _MASK:
            address, keep, put = struct.unpack(">HHH", body)
            (before,) = struct.unpack(">xH", self._registers(address, 1))
            self._write(address, [(before & keep) | (put & ~keep & 0xFFFF)])
            return body
        if function == _IDENTIFY:
            return self._identify(*struct.unpack(">BBB", body))
        raise _Exception(ILLEGAL_FUNCTION)

    def _check(self, address: int, count: int) -> None:
        if not 1 <= count <= _READ_MAX:
            raise _Exception(ILLEGAL_VALUE)
        if not all(self._is_there(at) for at in range(address, address + count)):
            raise _Exception(ILLEGAL_ADDRESS)

    def _is_there(self, at: int) -> bool:
        return self._out <= at < self._out + OUT_WORDS or self._in <= at < self._in + IN_WORDS

    def _registers(self, address: int, count: int) -> bytes:
        """Byte count and registers. `Out` is made at this moment."""
        self._check(address, count)
        if self._in <= address and address + count <= self._in + IN_WORDS:
            words = self._written[address - self._in : address - self._in + count]
        else:
            memory = dict(enumerate(self.plc.out_words(), self._out)) | dict(enumerate(self._written, self._in))
            words = [memory[at] for at in range(address, address + count)]
        return struct.pack(f">B{count}H", 2 * count, *words)

    def _write(self, address: int, words: list[int]) -> None:
        first = address - self._in
        if first < 0 or first + len(words) > IN_WORDS:
            raise _Exception(ILLEGAL_ADDRESS)
        self._written[first : first + len(words)] = words
        self.plc.receive(self._written.copy(), complete=len(words) == IN_WORDS)

    def _identify(self, kind: int, code: int, first: int) -> bytes:
        """Function 43/14: the texts of a category from object `first` on, or one (code 4), as many as a frame holds."""
        if kind != _DEVICE_IDENTIFICATION:
            raise _Exception(ILLEGAL_FUNCTION)
        if not 1 <= code <= 4:
            raise _Exception(ILLEGAL_VALUE)
        last = {1: 2, 2: 6, 3: 6, 4: first}[code]
        if code == 4 and first not in self._texts:
            raise _Exception(ILLEGAL_ADDRESS)
        told, more, following = b"", 0, 0
        wanted = [number for number in self._texts if (first if first <= last else 0) <= number <= last]
        for at, number in enumerate(wanted):
            text = self._texts[number].encode()[: FRAME_MAX - 20]
            if len(told) + 2 + len(text) > FRAME_MAX - 16:
                wanted, more, following = wanted[:at], 0xFF, number
                break
            told += bytes([number, len(text)]) + text
        return bytes([kind, code, _REGULAR_AND_SINGLE, more, following, len(wanted)]) + told


class _Exception(Exception):  # noqa: N818 - Modbus calls it an exception
    """A request is answered with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _words(body: bytes, count: int, size: int, most: int) -> list[int]:
    """The registers of a write, which say their number twice."""
    if not 1 <= count <= most or size != 2 * count or len(body) != size:
        raise _Exception(ILLEGAL_VALUE)
    return list(struct.unpack(f">{count}H", body))


class _Requests(Visited):
    """One connection: cuts what comes into frames and answers them in order."""

    def __init__(self, server: ModbusServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._transport: ServerTransport | None = None
        self._came = bytearray()
        self._has_asked = False
        self._half: asyncio.TimerHandle | None = None
        self._more: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, ServerTransport), transport
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        for handle in (self._half, self._more):
            if handle is not None:
                handle.cancel()

    def makes_sense(self) -> bool:
        return self._has_asked

    def data_received(self, data: bytes) -> None:
        self._came += data
        if self._more is None:
            self._serve()

    def _serve(self) -> None:
        """Answer what is whole, some frames at a time; wait for the rest of what is not."""
        self._more = None
        if self._half is not None:
            self._half.cancel()
            self._half = None
        for _ in range(FRAMES_AT_ONCE):
            if self._transport is None or self._transport.is_closing():
                return
            frame = self._next()
            if frame is None:
                self._transport.resume_reading()
                return
            self._has_asked = True
            self._transport.heard()
            self._transport.write(self._server.answer(frame))
        if self._transport is not None:
            self._transport.pause_reading()  # at most one segment waits
        self._more = self._loop.call_soon(self._serve)

    def _next(self) -> bytes | None:
        """The next whole frame; None if there is none, or never will be, for the connection was ended."""
        assert self._transport is not None
        if len(self._came) < _HEAD.size:
            if self._came:
                self._wait_for_the_rest()
            return None
        _, protocol, length, _ = _HEAD.unpack_from(self._came)
        if protocol != 0 or not 2 <= length <= FRAME_MAX - 6:
            self._transport.abort()
            return None
        if len(self._came) < 6 + length:
            self._wait_for_the_rest()
            return None
        frame = bytes(self._came[: 6 + length])
        del self._came[: 6 + length]
        return frame

    def _wait_for_the_rest(self) -> None:
        self._half = self._loop.call_later(HALF_LIMIT_S, self._stays_half)

    def _stays_half(self) -> None:
        if self._server.wire.is_cut:  # the rest may be on its way
            self._wait_for_the_rest()
        elif self._transport is not None:
            self._transport.abort()

"""The Modbus wire against a real pymodbus server, and against servers that lie, on loopback."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from plc_testing import DIGEST, LoopbackNet, LoopClock, Middle, ModelPlc
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from packcenter.plc.checking import BusyError, PlcError
from packcenter.plc.image import IN_WORDS, OUT_WORDS, WordOrder, decode_out, encode_in, encode_out
from packcenter.plc.line import LineCommand
from packcenter.plc.link import Link, LinkSettings, Requests, wire_maker
from packcenter.plc.mailbox import Cause, Events, Happening, LinkUp, Resume
from packcenter.plc.modbus import ModbusWire

TIMEOUT_US = 300_000
Answer = Callable[[bytes], bytes | None]


def settings(port: int, **fields: Any) -> LinkSettings:
    sound: dict[str, Any] = {
        "plc": "bagger-3",
        "protocol": "modbus",
        "profile_digest": DIGEST,
        "host": "127.0.0.1",
        "port": port,
        "request_timeout_us": TIMEOUT_US,
    }
    return LinkSettings(**{**sound, **fields})


@asynccontextmanager
async def connected(link: LinkSettings) -> AsyncIterator[ModbusWire]:
    wire = ModbusWire(link, LoopbackNet(), Requests(link.plc, LoopClock(), TIMEOUT_US))
    try:
        await wire.connect(asyncio.Event())
        yield wire
    finally:
        await wire.close()


# --- a sound server ------------------------------------------------------------------------------------------------------


class Registers:
    """A pymodbus server: `Out` at 0 is filled before each read, `In` at 200 is kept as it is written; requests are noted."""

    def __init__(self, out: Callable[[], list[int]]) -> None:
        self.out = out
        self.written = [0] * IN_WORDS
        self.asked: list[tuple[int, int, int]] = []
        self.refuse: ExcCodes | None = None
        self.on_write: Callable[[list[int]], None] = lambda words: None

    async def start(self) -> int:
        device = SimDevice(id=7, simdata=[SimData(0, count=400, values=0, datatype=DataType.REGISTERS)], action=self._act)
        self._server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await self._server.serve_forever(background=True)
        return int(self._server.transport.sockets[0].getsockname()[1])  # type: ignore[attr-defined]

    async def stop(self) -> None:
        await self._server.shutdown()  # type: ignore[no-untyped-call]

    async def _act(
        self, function: int, start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        self.asked.append((function, address, count))
        if self.refuse is not None:
            return self.refuse
        if values is None:
            registers[:OUT_WORDS] = self.out()
        else:
            self.written[address - 200 : address - 200 + count] = [int(word) for word in values]
            self.on_write(self.written)
        return None


@asynccontextmanager
async def serving(out: Callable[[], list[int]], **fields: Any) -> AsyncIterator[tuple[Registers, LinkSettings]]:
    registers = Registers(out)
    port = await registers.start()
    try:
        yield registers, settings(port, unit_id=7, **fields)
    finally:
        await registers.stop()


COUNTING = list(range(1, OUT_WORDS + 1))
IN = list(range(1000, 1000 + IN_WORDS))


async def test_function_23_writes_and_reads_in_one_request() -> None:
    async with serving(lambda: COUNTING.copy()) as (registers, link), connected(link) as wire:
        assert await wire.exchange(IN) == COUNTING
        assert registers.written == IN
        assert wire.how == "function 23: both images in one request"
        assert registers.asked == [(23, 200, IN_WORDS), (23, 0, OUT_WORDS)]


async def test_a_read_alone_writes_nothing() -> None:
    async with serving(lambda: COUNTING.copy()) as (registers, link), connected(link) as wire:
        assert await wire.exchange(None) == COUNTING
        assert registers.asked == [(3, 0, OUT_WORDS)]


async def test_without_function_23_a_write_goes_before_the_read() -> None:
    async with serving(lambda: COUNTING.copy(), function_23=False) as (registers, link), connected(link) as wire:
        assert await wire.exchange(IN) == COUNTING
        assert registers.written == IN
        assert registers.asked == [(16, 200, IN_WORDS), (3, 0, OUT_WORDS)]
        assert wire.how == "functions 16 and 3: In in 1 and Out in 1 requests"


async def test_a_plc_with_small_limits_is_written_from_the_end_and_read_from_the_head() -> None:
    async with serving(lambda: COUNTING.copy(), max_read_registers=50, max_write_registers=40) as (registers, link):
        async with connected(link) as wire:
            assert await wire.exchange(IN) == COUNTING
            assert wire.how == "functions 16 and 3: In in 3 and Out in 3 requests"
        assert registers.written == IN
        assert registers.asked == [(16, 280, 34), (16, 240, 40), (16, 200, 40), (3, 0, 50), (3, 50, 50), (3, 100, 25)]


async def test_a_busy_plc_does_not_break_the_connection_and_another_exception_does() -> None:
    async with serving(lambda: COUNTING.copy()) as (registers, link), connected(link) as wire:
        registers.refuse = ExcCodes.DEVICE_BUSY
        with pytest.raises(BusyError):
            await wire.exchange(IN)
        registers.refuse = None
        assert await wire.exchange(IN) == COUNTING
        registers.refuse = ExcCodes.ILLEGAL_ADDRESS
        with pytest.raises(PlcError, match="Modbus exception 2"):
            await wire.exchange(IN)
        registers.refuse = None
        with pytest.raises(PlcError, match="Modbus exception 2"):
            await wire.exchange(IN)


@pytest.mark.parametrize("order", ["ABCD", "CDAB"])
@pytest.mark.parametrize("limits", [{}, {"function_23": False}, {"max_read_registers": 60, "max_write_registers": 60}])
async def test_a_link_over_real_sockets_grants_takes_events_and_gives_commands(order: WordOrder, limits: dict[str, Any]) -> None:
    plc = ModelPlc()
    done = asyncio.Event()
    seen: list[int] = []
    link: Link

    def out() -> list[int]:
        plc.beat()
        return encode_out(plc.image(), order)

    def on_write(words: list[int]) -> None:
        from packcenter.plc.image import ImageError, decode_in

        try:
            plc.take(decode_in(words, order))
        except ImageError:
            return  # pieces are missing: the CRC says so
        if plc.epoch and not plc.odometer:
            plc.make(20)
        if plc.odometer and not plc.ring and len(plc.taken_commands) == 9:
            done.set()

    def hear(_: str, happenings: list[Happening]) -> None:
        for happening in happenings:
            if isinstance(happening, LinkUp):
                link.grant(happening.nonce, 1)
                for number in range(1, 10):
                    link.ask(LineCommand(number, 10, text=f"EA{number}"))
            elif isinstance(happening, Events):
                seen.extend(event.number for event in happening.events)
                link.durable(1, seen[-1])

    async with serving(out, word_order=order, **limits) as (registers, where):
        registers.on_write = on_write
        link = Link(
            where,
            resume=Resume(),
            clock=LoopClock(),
            random=Middle(),
            make_wire=wire_maker(where, LoopbackNet()),
            on_happenings=hear,
        )
        running = asyncio.create_task(link.run())
        async with asyncio.timeout(20):
            await done.wait()
        await link.stop()
        assert running.done()
    assert seen == list(range(1, 21))
    assert [command.text for command in plc.taken_commands] == [f"EA{number}" for number in range(1, 10)]


async def test_an_image_survives_the_sockets_word_for_word() -> None:
    plc = ModelPlc()
    plc.epoch = 1
    plc.make(4)
    async with serving(lambda: encode_out(plc.image())) as (_, link), connected(link) as wire:
        words = await wire.exchange(None)
        assert words is not None
        assert decode_out(words) == plc.image()


# --- servers that lie ----------------------------------------------------------------------------------------------------


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(serve: Serve) -> AsyncIterator[LinkSettings]:
    """A server on loopback; ends its connections and waits for them."""
    handlers: list[asyncio.Task[None]] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.append(task)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await serve(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield settings(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await asyncio.gather(*handlers, return_exceptions=True)


@asynccontextmanager
async def lying(answer: Answer, *, then_close: bool = False) -> AsyncIterator[LinkSettings]:
    """A server that sends what `answer` makes of each request; None is silence."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(6)
            reply = answer(head + await reader.readexactly(struct.unpack(">HHH", head)[2]))
            if reply is not None:
                writer.write(reply)
            if then_close:
                return

    async with raw_server(serve) as link:
        yield link


async def exchange_for_ever(wire: ModbusWire) -> None:
    while True:
        await wire.exchange(None)


def sound(request: bytes, words: list[int] | None = None) -> bytes:
    """The right reply to a request: registers of a read, the echo of a write."""
    transaction, _, _, unit, function = struct.unpack_from(">HHHBB", request)
    if function == 16:
        pdu = request[8:12]
    else:
        words = COUNTING if words is None else words
        pdu = struct.pack(f">B{len(words)}H", 2 * len(words), *words)
    return struct.pack(">HHHBB", transaction, 0, len(pdu) + 2, unit, function) + pdu


def patched(at: int, content: bytes) -> Answer:
    def answer(request: bytes) -> bytes:
        reply = bytearray(sound(request))
        reply[at : at + len(content)] = content
        return bytes(reply)

    return answer


LIES: dict[str, tuple[Answer, Cause]] = {
    "another function": (patched(7, b"\x04"), Cause.PROTOCOL),
    "a function nobody knows": (patched(7, b"\x63"), Cause.PROTOCOL),
    "another unit": (patched(6, b"\x02"), Cause.PROTOCOL),
    "transaction id 0": (patched(0, b"\0\0"), Cause.PROTOCOL),
    "another transaction id": (patched(0, b"\x77\x77"), Cause.PROTOCOL),
    "another protocol id": (patched(2, b"\0\1"), Cause.PROTOCOL),
    "too few registers": (lambda request: sound(request, COUNTING[:-1]), Cause.PROTOCOL),
    "too many registers": (lambda request: sound(request, [*COUNTING, 1]), Cause.PROTOCOL),
    "an odd byte count": (patched(8, b"\xf9"), Cause.PROTOCOL),
    "a byte count over the end": (patched(8, b"\xff"), Cause.PROTOCOL),
    "a length that is too short": (patched(4, b"\0\x10"), Cause.PROTOCOL),
    "a length that is too long": (patched(4, b"\x01\xf0"), Cause.PROTOCOL),
    "garbage": (lambda request: b"\xde\xad\xbe\xef" * 60, Cause.PROTOCOL),
    "two answers in one": (lambda request: sound(request) + b"\0" * 4, Cause.PROTOCOL),
    "more than pymodbus can hold": (lambda request: sound(request) * 3, Cause.PROTOCOL),
    "an exception code": (lambda request: request[:4] + b"\0\3\1" + bytes([request[7] | 0x80, 4]), Cause.REFUSED),
    "an exception code for another function": (lambda request: request[:4] + b"\0\3\1\x90\4", Cause.PROTOCOL),
    "silence": (lambda request: None, Cause.SILENT),
    "half a frame": (lambda request: sound(request)[:100], Cause.SILENT),
}


@pytest.mark.parametrize("words", [None, IN], ids=["read", "exchange"])
@pytest.mark.parametrize("lie", LIES)
async def test_no_lie_is_believed_and_each_is_noticed_within_the_deadline(lie: str, words: list[int] | None) -> None:
    answer, cause = LIES[lie]
    async with lying(answer) as link, connected(link) as wire:
        async with asyncio.timeout(5):
            with pytest.raises(PlcError) as seen:
                await wire.exchange(words)
        assert seen.value.cause is cause
        with pytest.raises(PlcError) as again:
            await wire.exchange(words)
        assert str(again.value) == str(seen.value)


@pytest.mark.parametrize(
    "answer", [lambda request: sound(request)[:100], lambda request: None, patched(0, b"")], ids=["half", "none", "whole"]
)
async def test_a_closed_connection_fails_the_request_at_once_and_not_at_the_deadline(answer: Answer) -> None:
    """The deadline is set out of the test's patience, so that waiting for it would fail the test."""
    async with lying(answer, then_close=True) as link:
        wire = ModbusWire(link, LoopbackNet(), Requests(link.plc, LoopClock(), timeout_us=60_000_000))
        await wire.connect(asyncio.Event())
        async with asyncio.timeout(5):
            with pytest.raises(PlcError, match="closed") as seen:
                await exchange_for_ever(wire)
        assert seen.value.cause is Cause.DISCONNECTED
        await wire.close()


async def test_an_answer_in_small_pieces_is_put_together() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply = sound(await reader.readexactly(12))
        for at in range(0, len(reply), 7):
            writer.write(reply[at : at + 7])
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async with raw_server(serve) as link, connected(link) as wire:
        assert await wire.exchange(None) == COUNTING


async def test_an_answer_that_nobody_asked_for_breaks_the_connection() -> None:
    told, said = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(12)
        writer.write(sound(request))
        await told.wait()
        writer.write(sound(request))
        await writer.drain()
        said.set()
        await reader.read()

    async with raw_server(serve) as link, connected(link) as wire:
        assert await wire.exchange(None) == COUNTING
        told.set()
        await said.wait()
        async with asyncio.timeout(5):
            while wire._broken is None:  # noqa: ASYNC110 - the bytes are on their way through the loopback
                await asyncio.sleep(0)
        with pytest.raises(PlcError, match="259 bytes that nobody asked for") as seen:
            await wire.exchange(None)
        assert seen.value.cause is Cause.PROTOCOL


async def test_a_plc_that_is_not_there_is_unreachable() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(PlcError, match=f"127.0.0.1:{port} does not accept a connection") as seen:
        async with connected(settings(port)):
            pass
    assert seen.value.cause is Cause.UNREACHABLE


@pytest.mark.parametrize("fault", [{"retries": 1}, {"reconnect_delay": 0.1}])
async def test_a_client_that_would_repeat_or_reconnect_by_itself_is_our_mistake(fault: dict[str, Any]) -> None:
    class Careless(LoopbackNet):
        def modbus_client(self, host: str, port: int, *, timeout_s: float) -> AsyncModbusTcpClient:
            return AsyncModbusTcpClient(host, port=port, timeout=timeout_s, **{"retries": 0, "reconnect_delay": 0, **fault})

    with pytest.raises(AssertionError, match="bagger-3: pymodbus would re"):
        ModbusWire(settings(1), Careless(), Requests("bagger-3", LoopClock(), TIMEOUT_US))


async def test_an_image_of_ours_travels_unchanged() -> None:
    from packcenter.plc.image import InImage

    words = encode_in(InImage(1, 2, 3, 4, 5, (LineCommand(1, 10, text="EA1"),)))
    async with serving(lambda: COUNTING.copy()) as (registers, link), connected(link) as wire:
        await wire.exchange(words)
        assert registers.written == words

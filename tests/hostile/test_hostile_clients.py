"""Hostile clients against our PLCs' servers: put out at once or in time, nothing kept for them, good clients served meanwhile."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError
from hostile_links import Service, honest_plc, running, settings, until

from packcenter.plc.image import IN_WORDS, OUT_WORDS, InImage, decode_out, encode_in
from simulation import servers
from simulation.lineplc import LinePlc
from simulation.servers import CONNECTIONS_MAX, LineServer
from simulation.servers import door as opcua_door
from simulation.servers import modbus as modbus_server
from simulation.servers.opcua import NAMESPACE

pytestmark = pytest.mark.slow  # the first OPC UA server of a process takes seconds

LIMIT_S = 10.0
SOON_S = 0.1  # what a limit is set to where a test waits for it


class Raw:
    """A client that says bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, content: bytes) -> None:
        """Say it, if anybody listens."""
        with suppress(ConnectionError):
            self.writer.write(content)
            await self.writer.drain()

    async def hear(self, count: int) -> bytes:
        """So many bytes of answer."""
        async with asyncio.timeout(LIMIT_S):
            return await self.reader.readexactly(count)

    async def end(self) -> bytes:
        """What still comes until the server has ended the connection."""
        heard = b""
        async with asyncio.timeout(LIMIT_S):
            with suppress(ConnectionError):
                while more := await self.reader.read(1 << 16):
                    heard += more
        return heard


@asynccontextmanager
async def raw(server: LineServer) -> AsyncIterator[Raw]:
    """One connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def plc_server(protocol: str) -> AsyncIterator[tuple[LinePlc, LineServer]]:
    """An honest PLC, and afterwards nobody connected to it."""
    async with honest_plc(protocol) as (plc, server):
        yield plc, server
        await until(lambda: server.wire.connections == 0, LIMIT_S)


@asynccontextmanager
async def linked(protocol: str, server: LineServer) -> AsyncIterator[Service]:
    """A link of ours that is up, and still up at the end, without having been down."""
    service = Service(settings(protocol, server.port))
    async with running(service):
        await until(service.up.is_set, LIMIT_S)
        yield service
        before = service.exchanged
        await until(lambda: service.exchanged > before + 3 or service.link.how.startswith("subscription"), LIMIT_S)
        assert service.link.reconnects == 0
        assert service.up.is_set()


def read(transaction: int, address: int = 0, count: int = OUT_WORDS, *, unit: int = 1, protocol: int = 0) -> bytes:
    return struct.pack(">HHHBBHH", transaction, protocol, 6, unit, 3, address, count)


# --- Modbus --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        read(1, protocol=1),
        b"\0\1\0\0\0\0\1\3",
        b"\0\1\0\0\0\1\1\3",
        b"\0\1\0\0\0\xff\1\3",
        b"\0\1\0\0\xff\xff\1\3",
        b"\xde\xad\xbe\xef" * 1000,
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["protocol id", "length 0", "length 1", "length 255", "length 64 KiB", "garbage", "HTTP"],
)
async def test_a_modbus_header_that_is_none_ends_the_connection_and_nothing_else(said: bytes) -> None:
    """pymodbus's server is deaf to the next twenty good requests instead."""
    async with plc_server("modbus") as (plc, server), linked("modbus", server):
        async with raw(server) as client:
            await client.say(read(1))
            assert (await client.hear(259))[:2] == b"\0\1"
            await client.say(said)
            assert await client.end() == b""
        assert plc.counts.malformed == plc.counts.incomplete == 0


async def test_modbus_requests_that_come_together_are_answered_in_order() -> None:
    """pymodbus's server answers one of ten."""
    async with plc_server("modbus") as (_, server), raw(server) as client:
        await client.say(b"".join(read(number) for number in range(1, 101)))
        answers = await client.hear(100 * 259)
        assert [struct.unpack_from(">H", answers, at)[0] for at in range(0, len(answers), 259)] == list(range(1, 101))


async def test_a_modbus_request_may_come_in_pieces() -> None:
    """TCP keeps no borders; a good frame with half of the next is answered, and the rest waited for."""
    async with plc_server("modbus") as (_, server), raw(server) as client:
        stream = b"".join(read(number) for number in range(1, 6))
        for at in range(0, len(stream), 5):
            await client.say(stream[at : at + 5])
            await asyncio.sleep(0)
        answers = await client.hear(5 * 259)
        assert [answers[at + 1] for at in range(0, len(answers), 259)] == [1, 2, 3, 4, 5]


async def test_half_a_modbus_frame_that_stays_half_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow-loris holds a place for a second, not for ever."""
    monkeypatch.setattr(modbus_server, "HALF_LIMIT_S", SOON_S)
    async with plc_server("modbus") as (_, server), raw(server) as client:
        await client.say(read(1) + read(2)[:9])
        assert (await client.end())[:2] == b"\0\1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\3\0\0\0\0", 3),
        (b"\3\0\0\0\x7e", 3),
        (b"\3\0\0\0\1\0", 3),
        (b"\3\0\0", 3),
        (b"\x10\0\xc8\0\0\0", 3),
        (b"\x10\0\xc8\0\2\4\0\1", 3),
        (b"\x10\0\xc8\0\2\2\0\1\0\2", 3),
        (b"\x17\0\0\0\x7d\0\xc8\0\1\2\0", 3),
        (b"\x17\0\0\0\x7e\0\xc8\0\1\2\0\0", 3),
        (b"\x17\x10\0\0\1\0\xc8\0\1\2\0\7", 2),
        (b"\x16\0\xc8\0\0", 3),
        (b"\6\0\xc8\0\0\0", 3),
        (b"\x2b\x0e\1", 3),
        (b"\x2b\x0e\5\0", 3),
        (b"\x2b\x0d\1\0", 1),
        (b"\x11", 1),
        (b"\x83\2", 1),
        (b"\0", 1),
    ],
)
async def test_a_modbus_request_that_is_not_right_is_an_exception_and_does_nothing(body: bytes, code: int) -> None:
    """Counts and lengths must agree, and function 23 writes nothing if it may not read."""
    async with plc_server("modbus") as (plc, server), raw(server) as client:
        await client.say(struct.pack(">HHHB", 5, 0, len(body) + 1, 1) + body)
        assert await client.hear(9) == struct.pack(">HHHBBB", 5, 0, 3, 1, body[0] | 0x80, code)
        assert plc.counts.images == plc.counts.incomplete == plc.counts.malformed == 0


@pytest.mark.parametrize("protocol", ["modbus", "opcua"])
async def test_a_client_that_says_nothing_is_put_out(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants something says so."""
    monkeypatch.setattr(servers, "PROVE_LIMIT_S", SOON_S)
    async with plc_server(protocol) as (_, server), raw(server) as client:
        assert await client.end() == b""


@pytest.mark.parametrize("protocol", ["modbus", "opcua"])
async def test_idle_strangers_cannot_keep_a_controller_out(protocol: str) -> None:
    """When all places are taken, the least useful one goes."""
    async with plc_server(protocol) as (_, server), AsyncExitStack() as strangers:
        for _ in range(CONNECTIONS_MAX + 5):
            await strangers.enter_async_context(raw(server))
        async with linked(protocol, server):
            for _ in range(CONNECTIONS_MAX + 5):
                await strangers.enter_async_context(raw(server))
            await until(lambda: server.wire.connections == CONNECTIONS_MAX, LIMIT_S)
        await strangers.aclose()


async def test_clients_that_all_speak_keep_their_places_and_one_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer does not push out who is at work; when one falls silent, it does."""
    async with plc_server("modbus") as (_, server), AsyncExitStack() as clients:
        busy = [await clients.enter_async_context(raw(server)) for _ in range(CONNECTIONS_MAX)]
        for client in busy:
            await client.say(read(1))
            await client.hear(259)
        async with raw(server) as late:
            assert await late.end() == b""
        monkeypatch.setattr(servers, "IDLE_LIMIT_S", 0.0)
        async with raw(server) as later:
            await later.say(read(9))
            assert (await later.hear(259))[:2] == b"\0\x09"
        assert await busy[0].end() == b""
        await busy[1].say(read(2))
        assert (await busy[1].hear(259))[:2] == b"\0\x02"


@pytest.mark.parametrize("protocol", ["modbus", "opcua"])
async def test_a_client_that_does_not_take_its_answers_is_not_listened_to_and_then_put_out(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its answers would be kept for it without end."""
    monkeypatch.setattr(servers, "STALL_LIMIT_S", SOON_S)
    async with plc_server(protocol) as (_, server), raw(server) as client:
        client.writer.transport.set_write_buffer_limits(high=1 << 26)
        if protocol == "modbus":
            question = b"".join(read(number) for number in range(1, 1001))
        else:
            await client.say(HELLO + OPEN)
            question = b"".join(_endpoints_request(number) for number in range(200))
        async with asyncio.timeout(LIMIT_S):
            while not client.writer.transport.is_closing():
                client.writer.write(question)
                await asyncio.sleep(0.01)
                if server.wire.connections == 0:
                    break


# --- OPC UA --------------------------------------------------------------------------------------------------------------

_URL = b"opc.tcp://127.0.0.1:4840"


def _hello(receive: int = 65_536, send: int = 65_536) -> bytes:
    body = struct.pack("<5I", 0, receive, send, 0, 0) + struct.pack("<i", len(_URL)) + _URL
    return b"HELF" + struct.pack("<I", 8 + len(body)) + body


_POLICY = b"http://opcfoundation.org/UA/SecurityPolicy#None"
_REQUEST_HEADER = b"\0\0" + b"\0" * 8 + struct.pack("<II", 1, 0) + b"\xff\xff\xff\xff" + struct.pack("<I", 0) + b"\0\0\0"


def _open() -> bytes:
    body = struct.pack("<II", 0, len(_POLICY)) + _POLICY + b"\xff" * 8 + struct.pack("<II", 1, 1)
    body += (
        b"\1\0"
        + struct.pack("<H", 446)
        + _REQUEST_HEADER
        + struct.pack("<III", 0, 0, 1)
        + b"\xff" * 4
        + struct.pack("<I", 3_600_000)
    )
    return b"OPNF" + struct.pack("<I", 8 + len(body)) + body


def _endpoints_request(number: int) -> bytes:
    body = b"\1\0" + struct.pack("<H", 428) + _REQUEST_HEADER + struct.pack("<i", len(_URL)) + _URL + b"\xff" * 8
    head = struct.pack("<IIII", 6, 13, 2 + number, 2 + number)
    return b"MSGF" + struct.pack("<I", 8 + len(head) + len(body)) + head + body


HELLO, OPEN = _hello(), _open()


@pytest.mark.parametrize(
    "said",
    [
        b"HELF\xff\xff\xff\x7f" + b"\0" * 10_000,
        b"HELF" + struct.pack("<I", 0x1_0001) + b"\0" * 10_000,
        b"HELF\x08\0\0\0",
        b"HELF\0\0\0\0",
        b"HELC" + HELLO[4:],
        _hello(receive=1),
        _hello(send=0),
        OPEN,
        b"MSGF" + struct.pack("<I", 50) + b"\0" * 42,
        b"\xde\xad\xbe\xef" * 1000,
        b"GET / HTTP/1.1\r\n\r\n",
        HELLO + HELLO,
        HELLO + b"OPNF\xff\xff\xff\x7f" + b"\0" * 10_000,
        HELLO + b"OPNF" + struct.pack("<I", 0x4001) + b"\0" * 10_000,
        HELLO + b"MSGX" + struct.pack("<I", 50) + b"\0" * 42,
        HELLO + b"ERRF" + struct.pack("<I", 16) + b"\0" * 8,
    ],
)
async def test_an_opcua_stranger_who_says_what_he_may_not_is_put_out_at_once(said: bytes) -> None:
    """Nothing that a header announces is waited for, and nothing is answered but a right hello."""
    async with plc_server("opcua") as (_, server), raw(server) as client:
        await client.say(said)
        heard = await client.end()
        assert heard == b"" or heard.startswith(b"ACKF")
        assert len(heard) <= 28


async def test_an_opcua_stranger_has_little_to_say_before_his_session_is_active() -> None:
    """Channel, session and activation fit into 32 KiB; endless channels do not."""
    async with plc_server("opcua") as (_, server), linked("opcua", server), raw(server) as client:
        await client.say(HELLO)
        assert (await client.hear(28))[:4] == b"ACKF"
        await client.say(OPEN * (10 * opcua_door.STRANGER_BYTES_MAX // len(OPEN)))
        heard = await client.end()
        assert heard.count(b"OPNF") <= opcua_door.STRANGER_BYTES_MAX // len(OPEN)


async def test_an_opcua_stranger_who_drips_is_put_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then is no hello."""
    monkeypatch.setattr(servers, "PROVE_LIMIT_S", SOON_S)
    async with plc_server("opcua") as (_, server), raw(server) as client:
        for byte in HELLO[:-1]:
            await client.say(bytes([byte]))
            await asyncio.sleep(0.01)
            if client.reader.at_eof():
                break
        assert await client.end() == b""


_BOMBS = {
    "an array of nothing": lambda: struct.pack("<Bi", 0x80, 0x7FFF_FFFF),
    "texts that go backwards": lambda: struct.pack("<Bi", 0x8C, 0x7FFF_FFFF) + struct.pack("<i", -4) * 4,
    "values in values": lambda: b"\x18" * 9_000,
    "arrays of values": lambda: struct.pack("<Bi", 0x98, 1000) + (struct.pack("<Bi", 0x98, 10) + b"\0" * 10) * 1000,
    "dimensions": lambda: struct.pack("<Bi", 0xC5, 1) + b"\0\0" + struct.pack("<ii", 1, 1_000_000),
    "many dimensions": lambda: struct.pack("<Bi", 0xC5, 1) + b"\0\0" + struct.pack("<i", 900) + struct.pack("<i", 1) * 900,
    "a short array": lambda: struct.pack("<Bi", 0x85, IN_WORDS) + b"\0" * 20,
}


@pytest.mark.parametrize("name", _BOMBS)
async def test_a_value_that_would_swell_is_refused_by_the_server_in_no_time(name: str) -> None:
    """A client with an active session writes it; the PLC sees nothing of it and a link beside it goes on."""
    async with plc_server("opcua") as (plc, server), linked("opcua", server):
        client = Client(f"opc.tcp://127.0.0.1:{server.port}", timeout=LIMIT_S)
        async with client:
            index = await client.get_namespace_index(NAMESPACE)
            request = ua.WriteRequest()
            node = ua.NodeId("In", index)  # type: ignore[arg-type]  # asyncua's number types are int and str at run time
            value = ua.DataValue(ua.Variant(7, ua.VariantType.Byte))
            request.Parameters.NodesToWrite = [ua.WriteValue(NodeId=node, AttributeId=AttributeIds.Value, Value=value)]
            protocol = client.uaclient.protocol
            assert protocol is not None
            plain = protocol._connection.message_to_binary

            def spoilt(message: bytes, *others: object, **more: object) -> bytes:
                at = message.rfind(b"\x03\x07")  # the value: a Byte that is 7, whatever stands behind it
                return plain(message[:at] + _BOMBS[name](), *others, **more)  # type: ignore[arg-type]

            protocol._connection.message_to_binary = spoilt  # type: ignore[method-assign]
            malformed, loop = plc.counts.malformed, asyncio.get_running_loop()
            began_s = loop.time()
            with pytest.raises((UaError, ConnectionError)):
                await client.uaclient._send_request(request)
            assert loop.time() - began_s < 5
            protocol._connection.message_to_binary = plain  # type: ignore[method-assign]
            assert plc.counts.malformed == malformed


@pytest.mark.parametrize("asked_ms", [0.0, -5.0, float("nan"), float("inf")])
async def test_a_subscription_that_would_publish_all_the_time_publishes_every_few_ms(asked_ms: float) -> None:
    """asyncua's server would do nothing else."""
    async with AsyncExitStack() as stack:
        _, server = await stack.enter_async_context(plc_server("opcua"))
        client = await stack.enter_async_context(Client(f"opc.tcp://127.0.0.1:{server.port}", timeout=LIMIT_S))
        parameters = ua.CreateSubscriptionParameters(RequestedPublishingInterval=asked_ms)
        granted = await client.uaclient.create_subscription(parameters, lambda _: None)
        assert 5.0 <= granted.RevisedPublishingInterval <= 60_000.0


async def test_a_session_ends_with_its_connection() -> None:
    """asyncua keeps those with subscriptions for a minute each, so that they could be taken up again."""
    async with plc_server("opcua") as (_, server):
        for _ in range(3):
            client = Client(f"opc.tcp://127.0.0.1:{server.port}", timeout=LIMIT_S)
            await client.connect()
            await client.uaclient.create_subscription(ua.CreateSubscriptionParameters(), lambda _: None)
            protocol = client.uaclient.protocol
            assert protocol is not None
            assert protocol.transport is not None
            protocol.transport.abort()
            with suppress(Exception):
                await client.disconnect()
        internal = server._server.iserver  # type: ignore[attr-defined]
        await until(lambda: not internal._external_sessions and not internal.subscription_service.subscriptions, LIMIT_S)


@pytest.mark.parametrize("protocol", ["modbus", "opcua"])
async def test_a_good_client_is_served_while_strangers_storm(protocol: str) -> None:
    """Connections by the hundred, garbage and 2 GiB hellos beside a link that stays up."""
    said = [b"", b"\xde\xad\xbe\xef" * 5000, b"HELF\xff\xff\xff\x7f" + b"\0" * 20_000, HELLO, read(1, protocol=7)]

    async def storm(server: LineServer) -> None:
        for number in range(100):
            with suppress(ConnectionError):
                async with raw(server) as client:
                    await client.say(said[number % len(said)])

    async with plc_server(protocol) as (plc, server), linked(protocol, server):
        await asyncio.gather(*(storm(server) for _ in range(3)))
        assert decode_out(plc.out_words()).epoch == 1


async def test_a_wire_that_is_cut_puts_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot come is not the client's fault: patience begins again when the cable is back."""
    monkeypatch.setattr(servers, "PROVE_LIMIT_S", SOON_S)
    monkeypatch.setattr(modbus_server, "HALF_LIMIT_S", SOON_S)
    async with plc_server("modbus") as (_, server), raw(server) as client, raw(server) as stranger:
        await client.say(read(1) + read(2)[:5])
        await client.hear(259)
        server.wire.cut()
        await asyncio.sleep(4 * SOON_S)
        assert server.wire.connections == 2
        server.wire.restore()
        await client.say(read(2)[5:])
        assert (await client.hear(259))[:2] == b"\0\2"
        assert await stranger.end() == b""


async def test_an_image_is_written_in_order_with_what_comes_behind_it() -> None:
    """Pipelined writes and reads act one after the other."""
    async with plc_server("modbus") as (plc, server), raw(server) as client:
        words = encode_in(InImage(1, 3, plc.nonce, 1, 0))
        write = struct.pack(f">HHHBBHHB{IN_WORDS}H", 1, 0, 7 + 2 * IN_WORDS, 1, 16, 200, IN_WORDS, 2 * IN_WORDS, *words)
        await client.say(read(0) + write + read(2))
        answers = await client.hear(259 + 12 + 259)
        epochs = [decode_out(struct.unpack_from(">125H", answers, at + 9)).epoch for at in (0, 271)]
        assert epochs == [0, 3]

"""PLCs behind their real protocol servers, spoken to over real sockets by the bare client libraries."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.pdu.mei_message import ReadDeviceInformationResponse

from packcenter.core.packml import State
from packcenter.plc.image import IN_WORDS, OUT_WORDS, InImage, OutImage, decode_out, encode_in
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from packcenter.real import RealClock
from simulation.lineplc import LinePlc
from simulation.plcport import PlcPort, Program
from simulation.servers import Nameplate
from simulation.servers.modbus import ModbusServer
from simulation.servers.opcua import NAMESPACE, PUBLISH_GAP_US, Identity, OpcUaServer, standard_nodes

T = TypeVar("T")
LIMIT_S = 10  # nothing here takes long; a hang ends in this
CLOCK = RealClock()
PLATE = Nameplate("Hall Works", "SL-9", "000471", "2.3")
NONCE = 0xCAFE_0001


class Machine(Program):
    """Reports its state when granted, and each command's track as an event."""

    def __init__(self, plc: PlcPort) -> None:
        self.plc = plc

    def on_granted(self) -> None:
        self.plc.report(EventKind.STATE_CHANGED, a=State.STOPPED)

    def on_command(self, command: LineCommand) -> None:
        self.plc.report(EventKind.DIVERTED, track=command.track, a=command.a)

    def on_peer_lost(self) -> None: ...
    def on_peer_back(self) -> None: ...
    def on_reboot(self) -> None: ...


def make_plc(name: str = "sorter-2") -> LinePlc:
    plc = LinePlc(name, nonce=NONCE, plant_us=CLOCK.mono_us, wall_us=CLOCK.mono_us)
    plc.program = Machine(plc)
    return plc


def image(*commands: LineCommand, beat: int = 1, ack: int = 0, nonce: int = NONCE, epoch: int = 3) -> list[int]:
    return encode_in(InImage(beat, epoch, nonce, 1, ack, commands))


def divert(number: int) -> LineCommand:
    return LineCommand(number, CommandKind.DIVERT, track=40 + number, a=2)


async def until(asked: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """Ask again until the answer holds."""
    async with asyncio.timeout(LIMIT_S):
        while not holds(answer := await asked()):
            await CLOCK.sleep_us(100)
    return answer


# Modbus


@asynccontextmanager
async def modbus(server: ModbusServer) -> AsyncIterator[AsyncModbusTcpClient]:
    """The server, started, and a bare client that repeats nothing."""
    async with AsyncExitStack() as stack:
        if server.port == 0:
            await server.start()
            stack.push_async_callback(server.stop)
        client = AsyncModbusTcpClient(server.host, port=server.port, timeout=LIMIT_S, retries=0, reconnect_delay=0)
        assert await client.connect()
        stack.callback(client.close)
        yield client


async def read_out(client: AsyncModbusTcpClient, address: int = 0) -> OutImage:
    reply = await client.read_holding_registers(address, count=OUT_WORDS)
    assert not reply.isError(), reply
    return decode_out(reply.registers)


async def test_modbus_out_is_made_when_it_is_read() -> None:
    """Each read shows the PLC as it is now, without anybody copying registers."""
    plc = make_plc()
    async with modbus(ModbusServer(plc, nameplate=PLATE)) as client:
        assert (await read_out(client)).nonce == NONCE
        plc.set_state(State.EXECUTE)
        plc.set_places(0b101)
        out = await read_out(client)
        assert (out.packml_state, out.places_open) == (State.EXECUTE, 0b101)


async def test_modbus_write_reaches_the_plc_before_its_answer() -> None:
    """The grant and its command have acted when the write is confirmed."""
    plc = make_plc()
    async with modbus(ModbusServer(plc, nameplate=PLATE)) as client:
        assert not (await client.write_registers(200, image(divert(1)))).isError()
        out = await read_out(client)
        assert (out.epoch, out.taken) == (3, 1)
        assert [(event.kind, event.track) for event in out.events] == [(EventKind.STATE_CHANGED, 0), (EventKind.DIVERTED, 41)]


async def test_modbus_fc_23_writes_before_it_reads() -> None:
    """One round trip carries the command out and its event back."""
    plc = make_plc()
    async with modbus(ModbusServer(plc, nameplate=PLATE)) as client:
        reply = await client.readwrite_registers(
            read_address=0, read_count=OUT_WORDS, write_address=200, values=image(divert(1), divert(2))
        )
        out = decode_out(reply.registers)
        assert (out.epoch, out.taken, [event.track for event in out.events]) == (3, 2, [0, 41, 42])


@pytest.mark.parametrize("order", ["rising", "falling"])
async def test_modbus_write_in_pieces_acts_when_the_image_is_whole(order: str) -> None:
    """Old devices write a few registers at a time; the checksum tells when all are there, and nothing is called malformed."""
    plc = make_plc()
    words = image(*(divert(number) for number in (1, 2, 3, 4)))
    pieces = [(at, words[at : at + 40]) for at in range(0, IN_WORDS, 40)]
    if order == "falling":
        pieces.reverse()
    async with modbus(ModbusServer(plc, nameplate=PLATE)) as client:
        for at, piece in pieces[:-1]:
            assert not (await client.write_registers(200 + at, piece)).isError()
            assert plc.epoch == 0
        assert not (await client.write_registers(200 + pieces[-1][0], pieces[-1][1])).isError()
    assert (plc.epoch, plc.taken) == (3, 4)
    assert (plc.counts.malformed, plc.counts.incomplete) == (0, len(pieces) - 1)


async def test_modbus_counts_a_whole_image_that_is_spoiled() -> None:
    """The write is answered, as every PLC does, and the image dropped."""
    plc = make_plc()
    words = image(divert(1))
    words[12] ^= 1
    async with modbus(ModbusServer(plc, nameplate=PLATE)) as client:
        assert not (await client.write_registers(200, words)).isError()
    assert (plc.epoch, plc.counts.malformed) == (0, 1)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (lambda client: client.write_registers(0, [1]), ExcCodes.ILLEGAL_ADDRESS),
        (lambda client: client.write_registers(199, [1, 2]), ExcCodes.ILLEGAL_ADDRESS),
        (lambda client: client.write_registers(313, [1, 2]), ExcCodes.ILLEGAL_ADDRESS),
        (lambda client: client.read_holding_registers(120, count=10), ExcCodes.ILLEGAL_ADDRESS),
        (lambda client: client.read_holding_registers(400, count=1), ExcCodes.ILLEGAL_ADDRESS),
        (lambda client: client.write_coil(200, True), ExcCodes.ILLEGAL_FUNCTION),
        (lambda client: client.read_holding_registers(0, count=1, device_id=9), ExcCodes.GATEWAY_NO_RESPONSE),
    ],
    ids=["write Out", "write before In", "write past In", "read past Out", "read nowhere", "coil", "another unit"],
)
async def test_modbus_refuses_what_is_not_there(
    request_: Callable[[AsyncModbusTcpClient], Awaitable[object]], expected: ExcCodes
) -> None:
    """Exception 2 outside the two images and for a write to Out, 1 for bits, 11 for another unit; the PLC sees none of it."""
    plc = make_plc()
    async with modbus(ModbusServer(plc, nameplate=PLATE)) as client:
        reply = await request_(client)
        assert getattr(reply, "exception_code", None) == expected
    assert plc.counts.images == plc.counts.malformed == plc.counts.incomplete == 0


async def test_modbus_addresses_and_unit_are_the_profiles() -> None:
    """In may stand below Out, and the unit may be any."""
    plc = make_plc()
    server = ModbusServer(plc, nameplate=PLATE, unit=17, in_address=1000, out_address=4000)
    async with modbus(server) as client:
        reply = await client.readwrite_registers(
            read_address=4000, read_count=OUT_WORDS, write_address=1000, values=image(), device_id=17
        )
        assert decode_out(reply.registers).epoch == 3


async def test_modbus_images_may_touch_without_mixing() -> None:
    """With Out right behind In, a write that runs over the end of In is refused whole."""
    plc = make_plc()
    server = ModbusServer(plc, nameplate=PLATE, in_address=0, out_address=IN_WORDS)
    async with modbus(server) as client:
        reply = await client.write_registers(IN_WORDS - 1, [0, 0])
        assert getattr(reply, "exception_code", None) == ExcCodes.ILLEGAL_ADDRESS
        assert not (await client.write_registers(0, image())).isError()
        reply = await client.read_holding_registers(IN_WORDS, count=OUT_WORDS)
        assert decode_out(reply.registers).epoch == 3


async def identify(client: AsyncModbusTcpClient, code: int, object_id: int = 0) -> dict[int, bytes]:
    reply = await client.read_device_information(read_code=code, object_id=object_id)
    assert isinstance(reply, ReadDeviceInformationResponse), reply
    return reply.information


async def test_modbus_servers_of_one_process_tell_their_own_names() -> None:
    """FC 43 says vendor, product and revision of the PLC that is asked; the library keeps one answer for all."""
    first = ModbusServer(make_plc("sorter-2"), nameplate=PLATE)
    second = ModbusServer(make_plc("rack-1"), nameplate=Nameplate("Rack & Co", "R32", "8", "0.9"))
    async with modbus(first) as to_first, modbus(second) as to_second:
        said = await identify(to_first, 1)
        assert [said[at].decode() for at in (0, 1, 2)] == ["Hall Works", "SL-9", "2.3"]
        said = await identify(to_second, 2)
        assert [said[at].decode() for at in (0, 1, 2, 5, 6)] == ["Rack & Co", "R32", "0.9", "8", "rack-1"]
        assert await identify(to_second, 4, 1) == {1: b"R32"}
        assert (await to_second.read_device_information(read_code=4, object_id=0x50)).exception_code == ExcCodes.ILLEGAL_ADDRESS


async def test_modbus_plc_that_lost_power_comes_back_on_its_port_as_another_life() -> None:
    """The connection ends, the port stays, the nonce is new."""
    plc = make_plc()
    server = ModbusServer(plc, nameplate=PLATE)
    async with modbus(server) as client:
        await client.write_registers(200, image())
        port = server.port
        await server.kill()
        await until(lambda: _done(client.connected), lambda connected: not connected)
        plc.reboot(NONCE + 1)
        assert await server.start() == port
        async with modbus(server) as again:
            out = await read_out(again)
            assert (out.nonce, out.epoch) == (NONCE + 1, 0)


async def _done(value: bool) -> bool:
    await asyncio.sleep(0)
    return value


async def test_a_taken_port_is_said_at_start() -> None:
    """Both servers raise OSError; neither goes on without a port."""
    first = ModbusServer(make_plc(), nameplate=PLATE)
    async with modbus(first):
        with pytest.raises(OSError, match=r"sorter-2: cannot listen on 127\.0\.0\.1"):
            await ModbusServer(make_plc(), nameplate=PLATE, port=first.port).start()
        with pytest.raises(OSError, match="in use"):
            await OpcUaServer(make_plc(), clock=CLOCK, nameplate=PLATE, port=first.port).start()


# The wire


async def test_a_cut_wire_is_silent_and_the_late_request_acts_after_it() -> None:
    """Neither side is told; what was sent into the cut arrives when the cable is back, as TCP sends it again."""
    plc = make_plc()
    server = ModbusServer(plc, nameplate=PLATE)
    async with modbus(server) as client, modbus(ModbusServer(make_plc("rack-1"), nameplate=PLATE)) as witness:
        server.wire.cut()
        lost = asyncio.ensure_future(client.write_registers(200, image(divert(1))))
        for _ in range(20):  # twenty round trips beside it: the request has long reached the machine
            await read_out(witness)
        assert not lost.done()
        assert plc.counts.images == 0
        server.wire.restore()
        assert not (await lost).isError()
        assert plc.taken == 1


async def test_an_answer_into_a_cut_wire_is_held() -> None:
    """The PLC acts on what reached it; its answer comes after the cut."""
    plc = make_plc()
    server = ModbusServer(plc, nameplate=PLATE)
    async with modbus(server) as client, modbus(ModbusServer(make_plc("rack-1"), nameplate=PLATE)) as witness:
        await read_out(client)
        plc.enter = server.wire.cut  # the cable goes the moment the request is looked at
        held = asyncio.ensure_future(client.write_registers(200, image(divert(1))))
        for _ in range(20):
            await read_out(witness)
        assert plc.taken == 1
        assert not held.done()
        plc.enter = None
        server.wire.restore()
        assert not (await held).isError()


async def test_who_connects_into_a_cut_hears_nothing_until_it_ends() -> None:
    """The operating system accepts, nobody answers, and the PLC does not see what is written."""
    plc = make_plc()
    server = ModbusServer(plc, nameplate=PLATE)
    async with modbus(server), modbus(ModbusServer(make_plc("rack-1"), nameplate=PLATE)) as witness:
        server.wire.cut()
        async with modbus(server) as late:
            asked = asyncio.ensure_future(late.write_registers(200, image(divert(1))))
            for _ in range(20):
                await read_out(witness)
            assert not asked.done()
            assert plc.counts.images == 0
            server.wire.restore()
            assert not (await asked).isError()
            assert plc.taken == 1


async def test_a_client_that_gave_up_during_the_cut_is_gone_after_it() -> None:
    """Its end arrives late like everything else, and the server lets the connection go."""
    server = ModbusServer(make_plc(), nameplate=PLATE)
    async with modbus(server) as client:
        await read_out(client)
        server.wire.cut()
        client.close()
        await asyncio.sleep(0)
        assert server.wire.connections == 1
        server.wire.restore()
        await until(lambda: _count(server), lambda left: left == 0)


async def _count(server: ModbusServer) -> int:
    await asyncio.sleep(0)
    return server.wire.connections


async def test_a_server_stops_on_a_cut_wire() -> None:
    """Nobody waits for a goodbye that cannot come; the waiting client sees the end."""
    server = ModbusServer(make_plc(), nameplate=PLATE)
    async with modbus(server) as client:
        server.wire.cut()
        asked = asyncio.ensure_future(client.read_holding_registers(0, count=1))
        await asyncio.sleep(0)
        async with asyncio.timeout(LIMIT_S):
            await server.stop()
        await until(lambda: _done(client.connected), lambda connected: not connected)
        asked.cancel()
        with pytest.raises((asyncio.CancelledError, ModbusException)):
            await asked


# OPC UA


@asynccontextmanager
async def opcua(server: OpcUaServer) -> AsyncIterator[Client]:
    """The server, started, and a bare client."""
    async with AsyncExitStack() as stack:
        if server.port == 0:
            await server.start()
            stack.push_async_callback(server.stop)
        yield await stack.enter_async_context(connected(server))


@asynccontextmanager
async def connected(server: OpcUaServer, secure: Callable[[Client], Awaitable[object]] | None = None) -> AsyncIterator[Client]:
    client = Client(server.url, timeout=LIMIT_S, watchdog_intervall=LIMIT_S, auto_reconnect=False)
    client.session_timeout = 60_000
    if secure is not None:
        await secure(client)
    async with asyncio.timeout(LIMIT_S):
        await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


def make_opcua(plc: LinePlc | None = None, **options: object) -> OpcUaServer:
    return OpcUaServer(plc or make_plc("sorter-1"), clock=CLOCK, nameplate=PLATE, **options)  # type: ignore[arg-type]


async def node_id(client: Client, name: str) -> ua.NodeId:
    index = await client.get_namespace_index(NAMESPACE)
    return ua.NodeId(name, index)  # type: ignore[arg-type]


async def read_ua(client: Client) -> OutImage:
    return decode_out(await client.get_node(await node_id(client, "Out")).read_value())


async def write_in(client: Client, words: object) -> None:
    value = ua.DataValue(ua.Variant(words, ua.VariantType.UInt16))
    await client.get_node(await node_id(client, "In")).write_attribute(AttributeIds.Value, value)


async def test_opcua_out_is_made_when_it_is_read() -> None:
    """A Read shows the PLC's state and time of that moment, Good and with a source time."""
    plc = make_plc("sorter-1")
    async with opcua(make_opcua(plc)) as client:
        assert (await read_ua(client)).nonce == NONCE
        plc.set_places(0b11)
        assert (await read_ua(client)).places_open == 0b11
        value = await client.get_node(await node_id(client, "Out")).read_data_value()
        assert value.StatusCode is not None
        assert value.StatusCode.is_good()
        assert value.SourceTimestamp is not None
        assert value.Value is not None
        assert len(value.Value.Value) == OUT_WORDS


async def test_opcua_out_stays_fresh_after_it_was_published() -> None:
    """What is published to subscribers does not stand in for the next Read."""
    plant_us = 1_000_000
    plc = LinePlc("sorter-1", nonce=NONCE, plant_us=lambda: plant_us, wall_us=CLOCK.mono_us)
    async with opcua(make_opcua(plc)) as client:
        plc.set_state(State.HELD)
        state = client.get_node(await node_id(client, "StateCurrent"))
        await until(state.read_value, lambda seen: seen == State.HELD)  # is written after Out is published
        plant_us = 5_000_000
        assert (await read_ua(client)).plc_ms == 5_000


async def test_opcua_write_reaches_the_plc_before_its_answer() -> None:
    """The grant and its command have acted when the Write is confirmed; In reads back as written."""
    async with opcua(make_opcua()) as client:
        words = image(divert(1))
        await write_in(client, words)
        out = await read_ua(client)
        assert (out.epoch, out.taken, [event.track for event in out.events]) == (3, 1, [0, 41])
        assert await client.get_node(await node_id(client, "In")).read_value() == words


@pytest.mark.parametrize("words", [[1, 2, 3], [0] * IN_WORDS, 5], ids=["short", "zeros", "scalar"])
async def test_opcua_counts_what_is_no_image(words: object) -> None:
    """Whatever is written, the PLC drops it unless it is an image, and goes on."""
    plc = make_plc("sorter-1")
    async with opcua(make_opcua(plc)) as client:
        await write_in(client, words)
        assert plc.counts.malformed == 1
        await write_in(client, image())
        assert plc.epoch == 3


async def test_opcua_out_cannot_be_written() -> None:
    """Nobody but the PLC writes Out."""
    async with opcua(make_opcua()) as client:
        with pytest.raises(UaStatusCodeError, match="BadUserAccessDenied"):
            await client.get_node(await node_id(client, "Out")).write_value([0] * OUT_WORDS, ua.VariantType.UInt16)


async def test_opcua_has_no_administrator() -> None:
    """The library lets anybody in as admin with any password; here nobody is."""
    server = make_opcua()
    async with opcua(server):

        async def as_admin(client: Client) -> None:
            client.set_user("admin")
            client.set_password("admin")

        with pytest.raises(UaError):
            async with connected(server, as_admin):
                pass


async def test_opcua_subscriber_hears_of_events_and_heartbeats() -> None:
    """What happens within one moment comes as one telegram; then each heartbeat."""
    plc = make_plc("sorter-1")
    async with opcua(make_opcua(plc)) as client:
        async with asyncio.timeout(LIMIT_S):
            subscription = await client.create_subscription(5)
            await subscription.subscribe_data_change(client.get_node(await node_id(client, "Out")))
            seen: list[OutImage] = []

            async def until_seen(holds: Callable[[OutImage], bool]) -> None:
                async for notification in subscription:
                    seen.append(decode_out(notification.value))  # type: ignore[union-attr]
                    if holds(seen[-1]):
                        return

            await until_seen(lambda out: out.epoch == 0)
            await write_in(client, image(divert(1), divert(2), divert(3)))
            await until_seen(lambda out: out.taken == 3)
            assert [out.odometer for out in seen] == [0, 4], "seven changes of one moment are one telegram"
            while plc.heartbeat == 0:
                await CLOCK.sleep_us(PUBLISH_GAP_US)
                plc.tick()
            await until_seen(lambda out: out.heartbeat == 1)
            await subscription.delete()


async def test_opcua_shows_people_who_the_plc_is_and_how_it_stands() -> None:
    """Nameplate and PackML nodes under an object named after the PLC; the state follows."""
    plc = make_plc("bagger-1")
    async with opcua(make_opcua(plc)) as client:
        index = await client.get_namespace_index(NAMESPACE)
        unit = await client.nodes.objects.get_child(f"{index}:bagger-1")
        said = {str((await node.read_browse_name()).Name): await node.read_value() for node in await unit.get_variables()}
        del said["Out"], said["In"]
        assert said == {
            "Manufacturer": "Hall Works",
            "Model": "SL-9",
            "SerialNumber": "000471",
            "SoftwareRevision": "2.3",
            "UnitModeCurrent": 1,
            "StateCurrent": State.STOPPED,
        }
        plc.set_state(State.HELD)
        state = client.get_node(await node_id(client, "StateCurrent"))
        await until(state.read_value, lambda seen: seen == State.HELD)


async def test_opcua_republish_says_when_there_is_nothing() -> None:
    """An empty answer would keep a client of the same library asking for ever."""
    async with opcua(make_opcua()) as client:
        subscription = await client.create_subscription(500)
        for asked, expected in (
            (subscription.subscription_id, StatusCodes.BadMessageNotAvailable),
            (9_999, StatusCodes.BadSubscriptionIdInvalid),
        ):
            assert asked is not None
            with pytest.raises(UaStatusCodeError) as refused:
                await client.uaclient.session.republish(asked, 77)
            assert refused.value.code == expected
        await subscription.delete()


async def test_opcua_plc_that_lost_power_comes_back_on_its_port_as_another_life() -> None:
    """The connection ends in the midst of a subscription, the port stays, the nonce is new."""
    plc = make_plc("sorter-1")
    server = make_opcua(plc)
    async with opcua(server) as client:
        subscription = await client.create_subscription(5)
        await subscription.subscribe_data_change(client.get_node(await node_id(client, "Out")))
        await write_in(client, image())
        port = server.port
        await server.kill()
        with pytest.raises((UaError, ConnectionError, asyncio.TimeoutError)):
            await read_ua(client)
        plc.reboot(NONCE + 1)
        assert await server.start() == port
        async with opcua(server) as again:
            out = await read_ua(again)
            assert (out.nonce, out.epoch) == (NONCE + 1, 0)


async def test_opcua_cut_holds_and_restore_lets_go() -> None:
    """The same wire as for Modbus: silence, then everything late."""
    plc = make_plc("sorter-1")
    server = make_opcua(plc)
    async with opcua(server) as client, modbus(ModbusServer(make_plc("rack-1"), nameplate=PLATE)) as witness:
        await read_ua(client)
        server.wire.cut()
        lost = asyncio.create_task(write_in(client, image(divert(1))))
        for _ in range(20):
            await read_out(witness)
        assert not lost.done()
        assert plc.taken == 0
        server.wire.restore()
        await lost
        out = await until(lambda: read_ua(client), lambda out: out.taken == 1)
        assert out.epoch == 3


async def test_opcua_servers_of_one_process_share_no_node() -> None:
    """The standard's nodes are filled once and copied; what one server writes into its own shows nowhere else."""
    pristine = standard_nodes()
    first, second = make_opcua(make_plc("sorter-1"), namespace="urn:one"), make_opcua(make_plc("bagger-1"), namespace="urn:two")
    async with opcua(first) as to_first, opcua(second) as to_second:
        assert (await to_first.get_namespace_array())[1:] == ["urn:packcenter:plc:sorter-1", "urn:one"]
        assert (await to_second.get_namespace_array())[1:] == ["urn:packcenter:plc:bagger-1", "urn:two"]
        names = [
            [(await node.read_browse_name()).Name for node in await c.nodes.objects.get_children()] for c in (to_first, to_second)
        ]
        assert "sorter-1" in names[0]
        assert "bagger-1" in names[1]
        assert len(set(names[0]) & set(names[1])) == len(names[0]) - 1
        types = await to_first.nodes.base_object_type.get_children()
        assert len(types) > 30
    array = pristine[ua.NodeId(ObjectIds.Server_NamespaceArray)]  # type: ignore[arg-type]
    assert array.attributes[AttributeIds.Value].value.Value.Value is None  # type: ignore[union-attr]
    assert standard_nodes() is pristine


class Person:
    """A self-signed OPC UA application certificate and its key."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, uri)])
        today = dt.datetime.now(dt.UTC)
        usage = x509.KeyUsage(True, True, True, True, False, True, False, False, False)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - dt.timedelta(days=1))
            .not_valid_after(today + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), x509.DNSName("localhost")]), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


async def test_opcua_with_an_identity_signs_encrypts_and_knows_its_clients() -> None:
    """The trusted client works over Basic256Sha256; a stranger's certificate and a client without one are refused."""
    plc_side, ours, stranger = Person("urn:packcenter:plc:sorter-1"), Person("urn:packcenter:test"), Person("urn:someone")
    server = make_opcua(identity=Identity(plc_side.der, plc_side.pem, (ours.der,)))

    def as_person(person: Person) -> Callable[[Client], Awaitable[object]]:
        async def secure(client: Client) -> None:
            client.application_uri = person.uri
            await client.set_security(
                SecurityPolicyBasic256Sha256, person.der, CertProperties(person.pem, "pem"), server_certificate=plc_side.der
            )

        return secure

    await server.start()
    try:
        async with connected(server, as_person(ours)) as client:
            await write_in(client, image(divert(1)))
            assert (await read_ua(client)).taken == 1
        with pytest.raises(UaError, match="BadCertificateUntrusted"):
            async with connected(server, as_person(stranger)):
                pass
        with pytest.raises((UaError, ConnectionError)):
            async with connected(server):
                pass
    finally:
        await server.stop()

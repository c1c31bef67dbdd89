"""The OPC UA wire against one asyncua server on loopback, shared by the session because it takes seconds to fill."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.server.server import Server
from asyncua.server.user_managers import PermissiveUserManager
from asyncua.ua.status_codes import StatusCodes
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from plc_testing import DIGEST, LoopbackNet, LoopClock, Middle, ModelPlc

from packcenter.plc.checking import PlcError
from packcenter.plc.image import IN_WORDS, OUT_WORDS, decode_in, decode_out, encode_in, encode_out
from packcenter.plc.line import LineCommand
from packcenter.plc.link import Link, LinkSettings, Requests, Security, wire_maker
from packcenter.plc.mailbox import Cause, Events, Happening, LinkLost, LinkUp, Resume
from packcenter.plc.opcua import OpcUaWire

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]  # filling the server takes seconds

NAMESPACE = "urn:packcenter:test"
UINT16 = ua.VariantType.UInt16


class PlcServer:
    """An OPC UA server with a `ModelPlc` behind `Out` and `In`, and some nodes that are wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plc = ModelPlc()
        self.written: list[ua.DataValue] = []
        self.floor_ms = 0.0
        self.url = ""
        self.all_done = asyncio.Event()  # every event is acknowledged and nine commands were taken

    async def start(self) -> None:
        make_certificate(self.folder, "server", "urn:packcenter:test:server")
        make_certificate(self.folder, "client", "urn:packcenter:test:client")
        make_certificate(self.folder, "stranger", "urn:packcenter:test:server")
        server = self.server = Server(user_manager=PermissiveUserManager())  # type: ignore[arg-type]
        await server.init()
        await server.set_application_uri("urn:packcenter:test:server")
        await server.load_certificate(str(self.folder / "server.der"))
        await server.load_private_key(str(self.folder / "server.pem"))
        server.set_security_policy(
            [ua.SecurityPolicyType.NoSecurity, ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt],
        )
        server.set_endpoint("opc.tcp://127.0.0.1:0")
        self.index = await server.register_namespace(NAMESPACE)
        objects = server.nodes.objects
        stale: Any = {
            "SourceTimestamp": dt.datetime.now(dt.UTC) - dt.timedelta(hours=1),
            "ServerTimestamp": dt.datetime.now(dt.UTC),
        }
        for name, value in {
            "Out": ua.DataValue(ua.Variant(encode_out(self.plc.image()), UINT16)),
            "Quiet": ua.DataValue(ua.Variant(encode_out(self.plc.image()), UINT16)),
            "In": ua.DataValue(ua.Variant([0] * IN_WORDS, UINT16)),
            "Locked": ua.DataValue(ua.Variant([0] * IN_WORDS, UINT16)),
            "Wide": ua.DataValue(ua.Variant([0] * OUT_WORDS, ua.VariantType.UInt32)),
            "Short": ua.DataValue(ua.Variant([0] * 3, UINT16)),
            "Single": ua.DataValue(ua.Variant(7, UINT16)),
            "Bad": ua.DataValue(ua.Variant([0] * OUT_WORDS, UINT16), ua.StatusCode(ua.UInt32(StatusCodes.BadSensorFailure))),
            "Stale": ua.DataValue(ua.Variant([0] * OUT_WORDS, UINT16), **stale),
        }.items():
            node = await objects.add_variable(self.id(name), ua.QualifiedName(name, self.index), value.Value)
            await node.set_writable(name != "Locked")
            await server.write_attribute_value(self.id(name), value)
        server.set_attribute_value_setter(self.id("In"), self._on_in)
        service = server.iserver.subscription_service
        create = service.create_subscription

        async def with_floor(params: Any, *rest: Any, **more: Any) -> Any:
            params.RequestedPublishingInterval = max(self.floor_ms, params.RequestedPublishingInterval)
            return await create(params, *rest, **more)

        service.create_subscription = with_floor  # type: ignore[method-assign]
        await server.start()
        assert server.bserver is not None
        self.url = f"opc.tcp://127.0.0.1:{server.bserver.port}"

    def id(self, name: str) -> ua.NodeId:
        return ua.NodeId(name, self.index)  # type: ignore[arg-type]

    def _on_in(self, node: Any, attribute: Any, value: ua.DataValue) -> None:
        self.written.append(value)
        assert value.Value is not None
        if any(value.Value.Value):
            self.plc.take(decode_in(value.Value.Value))
            if self.plc.epoch and not self.plc.odometer:
                self.plc.make(12)
            if self.plc.odometer and not self.plc.ring and len(self.plc.taken_commands) == 9:
                self.all_done.set()

    async def publish(self) -> None:
        """One cycle of the PLC: its heart beats and `Out` shows it."""
        if self.plc.alive:
            self.plc.beat()
        await self.server.write_attribute_value(self.id("Out"), ua.DataValue(ua.Variant(encode_out(self.plc.image()), UINT16)))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ModelPlc]:
        """A new life of the PLC, with a cycle of 10 ms."""
        self.plc = ModelPlc(self.plc.nonce + 1)
        self.written.clear()
        self.all_done.clear()

        async def cycle() -> None:
            while True:
                await self.publish()
                await asyncio.sleep(0.01)

        task = asyncio.create_task(cycle())
        try:
            yield self.plc
        finally:
            task.cancel()
            await asyncio.wait({task})

    def settings(self, **fields: Any) -> LinkSettings:
        sound: dict[str, Any] = {
            "plc": "sorter-1",
            "protocol": "opcua",
            "profile_digest": DIGEST,
            "url": self.url,
            "namespace_uri": NAMESPACE,
            "request_timeout_us": 2_000_000,
        }
        return LinkSettings(**{**sound, **fields})

    def security(self, client: str = "client", server: str = "server") -> Security:
        return Security(
            certificate=str(self.folder / f"{client}.der"),
            private_key=str(self.folder / f"{client}.pem"),
            server_certificate=str(self.folder / f"{server}.der"),
            application_uri=f"urn:packcenter:test:{client}",
        )


def make_certificate(folder: Path, name: str, uri: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names = [x509.UniformResourceIdentifier(uri), x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    (folder / f"{name}.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opcua_plc(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlcServer]:
    server = PlcServer(tmp_path_factory.mktemp("certificates"))
    await server.start()
    yield server
    await server.server.stop()


@asynccontextmanager
async def connected(link: LinkSettings) -> AsyncIterator[OpcUaWire]:
    wire = OpcUaWire(link, LoopbackNet(), Requests(link.plc, LoopClock(), link.request_timeout_us))
    try:
        async with asyncio.timeout(10):
            await wire.connect(asyncio.Event())
        yield wire
    finally:
        await wire.close()


async def newest(wire: OpcUaWire) -> list[int]:
    """The next image, pushed or read."""
    async with asyncio.timeout(10):
        while (words := await wire.exchange(None)) is None:
            wire._wake.clear()
            await wire._wake.wait()
    return words


# --- ordinary days -------------------------------------------------------------------------------------------------------


async def test_a_server_that_publishes_fast_is_subscribed_and_says_so(opcua_plc: PlcServer) -> None:
    async with opcua_plc.running() as plc, connected(opcua_plc.settings()) as wire:
        assert wire.pushes
        assert wire.how == "subscription on Out: the server grants publishing 5 ms, sampling 5 ms (limit 20 ms)"
        first = decode_out(await newest(wire))
        assert first.nonce == plc.nonce
        assert decode_out(await newest(wire)).heartbeat != first.heartbeat


async def test_a_server_that_publishes_slowly_is_polled_and_says_so(opcua_plc: PlcServer) -> None:
    opcua_plc.floor_ms = 100.0
    try:
        async with opcua_plc.running() as plc, connected(opcua_plc.settings()) as wire:
            assert not wire.pushes
            assert wire.how == "polled Read every 10 ms: the server grants publishing 100 ms, sampling 100 ms (limit 20 ms)"
            words = await wire.exchange(None)
            assert words is not None
            assert decode_out(words).nonce == plc.nonce
            assert len(opcua_plc.server.iserver.subscription_service.subscriptions) == 0
    finally:
        opcua_plc.floor_ms = 0.0


async def test_a_server_that_samples_slowly_is_polled_however_fast_it_publishes(
    opcua_plc: PlcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sampled every 100 ms is published every 5 ms as it was 100 ms ago."""
    subscribe = OpcUaWire._subscribe

    async def sampled_slowly(wire: OpcUaWire) -> tuple[int, float, float]:
        number, publishing_ms, _ = await subscribe(wire)
        return number, publishing_ms, 100.0

    monkeypatch.setattr(OpcUaWire, "_subscribe", sampled_slowly)
    async with opcua_plc.running(), connected(opcua_plc.settings()) as wire:
        assert not wire.pushes
        assert wire.how == "polled Read every 10 ms: the server grants publishing 5 ms, sampling 100 ms (limit 20 ms)"
        assert await wire.exchange(None) is not None


async def test_a_written_value_is_an_array_of_uint16_without_timestamps(opcua_plc: PlcServer) -> None:
    """Many servers refuse a source time from a client."""
    async with opcua_plc.running(), connected(opcua_plc.settings()) as wire:
        words = encode_in_sample()
        await wire.exchange(words)
        (seen,) = opcua_plc.written
        assert seen.Value is not None
        assert (seen.Value.Value, seen.Value.VariantType, seen.Value.is_array) == (words, UINT16, True)
        assert seen.SourceTimestamp is None


def encode_in_sample() -> list[int]:
    from packcenter.plc.image import InImage

    return encode_in(InImage(1, 0, 0, 1, 0))


@pytest.mark.parametrize("floor_ms", [0.0, 100.0], ids=["subscribed", "polled"])
async def test_a_link_over_real_sockets_grants_takes_events_and_gives_commands(opcua_plc: PlcServer, floor_ms: float) -> None:
    opcua_plc.floor_ms = floor_ms
    try:
        async with opcua_plc.running() as plc:
            link, seen = link_with_service(opcua_plc.settings())
            running = asyncio.create_task(link.run())
            async with asyncio.timeout(30):
                await opcua_plc.all_done.wait()
            assert link.how.startswith("polled" if floor_ms else "subscription")
            await link.stop()
            assert running.done()
            assert seen == list(range(1, 13))
            assert [command.number for command in plc.taken_commands] == list(range(1, 10))
    finally:
        opcua_plc.floor_ms = 0.0


def link_with_service(settings: LinkSettings) -> tuple[Link, list[int]]:
    """A link with a small service that grants, asks nine commands and journals what it hears; and what it heard."""
    seen: list[int] = []

    def hear(_: str, happenings: list[Happening]) -> None:
        for happening in happenings:
            if isinstance(happening, LinkUp) and happening.epoch == 0:
                link.grant(happening.nonce, 1)
                for number in range(1, 10):
                    link.ask(LineCommand(number, 1))
            elif isinstance(happening, Events):
                seen.extend(event.number for event in happening.events)
                link.durable(1, seen[-1])

    link = Link(
        settings,
        resume=Resume(),
        clock=LoopClock(),
        random=Middle(),
        make_wire=wire_maker(settings, LoopbackNet()),
        on_happenings=hear,
    )
    return link, seen


async def test_a_heartbeat_that_stops_behind_a_living_server_is_a_lost_link(opcua_plc: PlcServer) -> None:
    heard: list[Happening] = []
    lost = asyncio.Event()

    def hear(_: str, happenings: list[Happening]) -> None:
        heard.extend(happenings)
        if isinstance(happenings[-1], LinkUp):
            plc.alive = False
        elif isinstance(happenings[-1], LinkLost):
            lost.set()

    async with opcua_plc.running() as plc:
        settings = opcua_plc.settings()
        link = Link(
            settings,
            resume=Resume(),
            clock=LoopClock(),
            random=Middle(),
            make_wire=wire_maker(settings, LoopbackNet()),
            on_happenings=hear,
        )
        running = asyncio.create_task(link.run())
        async with asyncio.timeout(20):
            await lost.wait()
        await link.stop()
        assert running.done()
    assert [type(happening) for happening in heard] == [LinkUp, LinkLost]
    assert isinstance(heard[1], LinkLost)
    assert heard[1].cause is Cause.HEARTBEAT


# --- wrong servers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "cause", "reason"),
    [
        ("Wide", Cause.PROTOCOL, "Wide: value of type UInt32, expected UInt16; compare the profile with the PLC"),
        ("Short", Cause.PROTOCOL, "Short: 3 words, expected 125; compare the profile with the PLC"),
        ("Single", Cause.PROTOCOL, "Single: one value, expected an array of 125"),
        ("Bad", Cause.REFUSED, "Bad: status BadSensorFailure, expected Good"),
        ("Stale", Cause.PROTOCOL, "Stale: value is 36"),
        ("Missing", Cause.REFUSED, "Missing: status BadNodeIdUnknown, expected Good"),
    ],
)
@pytest.mark.parametrize("floor_ms", [0.0, 100.0], ids=["subscribed", "polled"])
async def test_a_value_that_is_not_ours_is_not_believed(
    opcua_plc: PlcServer, node: str, cause: Cause, reason: str, floor_ms: float
) -> None:
    opcua_plc.floor_ms = floor_ms
    try:
        async with connected(opcua_plc.settings(out_node=node)) as wire:
            with pytest.raises(PlcError) as seen:
                await newest(wire)
        assert seen.value.cause is cause
        assert str(seen.value).startswith(reason)
    finally:
        opcua_plc.floor_ms = 0.0


async def test_a_read_that_gives_another_number_of_values_is_not_believed(
    opcua_plc: PlcServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two(_: ua.ReadParameters) -> list[ua.DataValue]:
        return [ua.DataValue(), ua.DataValue()]

    opcua_plc.floor_ms = 100.0
    try:
        async with connected(opcua_plc.settings()) as wire:
            monkeypatch.setattr(wire._client.uaclient, "read", two)
            with pytest.raises(PlcError, match="Out: 2 values, expected 1"):
                await wire.exchange(None)
    finally:
        opcua_plc.floor_ms = 0.0


async def test_a_variable_that_may_not_be_written_is_a_refusal(opcua_plc: PlcServer) -> None:
    async with connected(opcua_plc.settings(in_node="Locked")) as wire:
        with pytest.raises(PlcError, match=r"Locked: write answered Bad\w+, expected Good") as seen:
            await wire.exchange(encode_in_sample())
        assert seen.value.cause is Cause.REFUSED


async def test_a_server_without_our_namespace_says_what_it_has(opcua_plc: PlcServer) -> None:
    with pytest.raises(PlcError, match=f"namespace urn:other is not among the server's .*{NAMESPACE}"):
        async with connected(opcua_plc.settings(namespace_uri="urn:other")):
            pass


async def test_a_subscription_that_the_server_ends_is_a_lost_connection(opcua_plc: PlcServer) -> None:
    async with opcua_plc.running(), connected(opcua_plc.settings()) as wire:
        await newest(wire)
        status = ua.StatusChangeNotification(Status=ua.StatusCode(ua.UInt32(StatusCodes.BadTimeout)))
        wire._on_publish(ua.PublishResult(NotificationMessage=ua.NotificationMessage(NotificationData=[status])))
        with pytest.raises(PlcError, match="the server ended the subscription: BadTimeout"):
            await wire.exchange(None)


async def test_the_end_of_a_connection_wakes_a_link_that_waits_for_a_push(opcua_plc: PlcServer) -> None:
    """It need not wait for its next heartbeat to hear of it."""
    async with opcua_plc.running(), connected(opcua_plc.settings()) as wire:
        await newest(wire)
        socket = wire._client.uaclient.protocol
        assert socket is not None
        wire._wake.clear()
        socket.connection_lost(None)
        assert wire._wake.is_set()
        with pytest.raises(PlcError, match="the server closed the connection"):
            await wire.exchange(None)


async def test_a_published_value_of_an_item_that_is_not_ours_is_not_believed(opcua_plc: PlcServer) -> None:
    """The client handle says whose value it is; asyncua's own subscriptions look, a bare one must."""
    async with opcua_plc.running(), connected(opcua_plc.settings()) as wire:
        words = await newest(wire)
        item = ua.MonitoredItemNotification(ClientHandle=ua.UInt32(2), Value=ua.DataValue(ua.Variant(words, UINT16)))
        changed = ua.DataChangeNotification(MonitoredItems=[item])
        wire._on_publish(ua.PublishResult(NotificationMessage=ua.NotificationMessage(NotificationData=[changed])))
        with pytest.raises(PlcError, match="a value of item 2 was published, expected 1") as seen:
            await wire.exchange(None)
        assert seen.value.cause is Cause.PROTOCOL


async def test_a_publish_without_notifications_is_a_sign_of_life_and_nothing_more(opcua_plc: PlcServer) -> None:
    async with connected(opcua_plc.settings(out_node="Quiet")) as wire:
        await newest(wire)
        for nothing in ([], [ua.EventNotificationList()]):
            wire._on_publish(ua.PublishResult(NotificationMessage=ua.NotificationMessage(NotificationData=nothing)))
        assert await wire.exchange(None) is None


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    settings = LinkSettings(plc="sorter-1", protocol="opcua", profile_digest=DIGEST, url=f"opc.tcp://127.0.0.1:{port}")
    requests = Requests("sorter-1", LoopClock(), 300_000)
    wire = OpcUaWire(settings, LoopbackNet(), requests)
    with pytest.raises(PlcError) as seen:
        await requests("connect", wire.connect(asyncio.Event()))
    assert seen.value.cause is Cause.UNREACHABLE
    await wire.close()


@pytest.mark.parametrize(
    "reply",
    [
        lambda: b"",
        lambda: b"\xde\xad\xbe\xef" * 50,
        lambda: b"ACKF\x08\x00\x00\x00",
        lambda: b"ERRF\x10\0\0\0\0\0\x01\x80\xff\xff\xff\xff",
    ],
)
async def test_a_server_that_speaks_something_else_is_noticed_within_the_deadline(reply: Callable[[], bytes]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(reply())
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = LinkSettings(plc="sorter-1", protocol="opcua", profile_digest=DIGEST, url=f"opc.tcp://127.0.0.1:{port}")
    requests = Requests("sorter-1", LoopClock(), 300_000)
    wire = OpcUaWire(settings, LoopbackNet(), requests)
    async with asyncio.timeout(5):
        with pytest.raises(PlcError):
            await requests("connect", wire.connect(asyncio.Event()))
        await requests("close", wire.close())
    server.close()
    await asyncio.sleep(0)


async def test_a_link_whose_server_goes_silent_closes_within_its_deadline(opcua_plc: PlcServer) -> None:
    """A proxy stops forwarding: the socket lives, nothing comes."""
    host, port = opcua_plc.url.removeprefix("opc.tcp://").split(":")
    forwarding = True
    tasks: list[asyncio.Task[None]] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if forwarding:
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(host, int(port))
        tasks.append(asyncio.create_task(pump(reader, behind_writer)))
        tasks.append(asyncio.create_task(pump(behind_reader, writer)))

    proxy = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"opc.tcp://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
    requests = Requests("sorter-1", LoopClock(), 500_000)
    wire = OpcUaWire(opcua_plc.settings(url=url), LoopbackNet(), requests)
    await requests("connect", wire.connect(asyncio.Event()), 5_000_000)
    forwarding = False
    with pytest.raises(PlcError) as seen:
        await wire.exchange(encode_in_sample())
    assert seen.value.cause is Cause.SILENT
    with pytest.raises(PlcError):
        await requests("close", wire.close())
    proxy.close()
    await asyncio.wait(tasks, timeout=5)
    assert requests.counts["write", "silent"] == 1


# --- security ------------------------------------------------------------------------------------------------------------


async def test_a_link_may_be_signed_and_encrypted(opcua_plc: PlcServer) -> None:
    async with opcua_plc.running() as plc, connected(opcua_plc.settings(security=opcua_plc.security())) as wire:
        assert wire._client.security_policy.Mode == ua.MessageSecurityMode.SignAndEncrypt
        assert decode_out(await newest(wire)).nonce == plc.nonce
        await wire.exchange(encode_in_sample())
        assert len(opcua_plc.written) == 1


async def test_a_server_with_another_certificate_than_the_one_we_trust_is_refused(opcua_plc: PlcServer) -> None:
    link = opcua_plc.settings(security=opcua_plc.security(server="stranger"))
    requests = Requests("sorter-1", LoopClock(), 500_000)
    wire = OpcUaWire(link, LoopbackNet(), requests)
    with pytest.raises(PlcError):
        await requests("connect", wire.connect(asyncio.Event()))
    await wire.close()

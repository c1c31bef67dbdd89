"""
A PLC that speaks OPC UA: `Out` UInt16[125] to read or subscribe, `In` UInt16[114] to write, and a few nodes for people.

    ns=<namespace>;s=Out, s=In                  the line interface
    ns=<namespace>;s=<name>                     an object with Manufacturer, Model, SerialNumber, SoftwareRevision
                                                and UnitModeCurrent, StateCurrent as OPC 30050 (PackML) names them

A Read of `Out` makes the image at that moment. Subscribers hear of it when it changed in more than the time, at
most every 5 ms, and at least with every heartbeat.

Things about asyncua 2.1 that this file is built around:

- Filling the standard address space costs more CPU than all the rest, and twice as much while the cyclic garbage
  collector runs over it. It is filled once per process with the collector off; each server copies a standard node
  when it first touches it (the scheme of asyncua's own shelf, from memory).
- `republish` answers an empty message when it has none, and a client of the same library then asks for ever.
- Stopping waits for the clock task's next second. Here the task is cancelled.

What a client sends passes a `Door` first (`door.py`).
"""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import logging
from collections.abc import Iterator, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from asyncua import ua
from asyncua.common.connection import TransportLimits
from asyncua.common.node import Node
from asyncua.common.utils import ServiceError
from asyncua.server.address_space import NodeData
from asyncua.server.binary_server_asyncio import BinaryServer
from asyncua.server.internal_server import InternalServer
from asyncua.server.server import Server
from asyncua.server.standard_address_space import standard_address_space
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from packcenter.plc.image import IN_WORDS
from packcenter.ports import Clock
from simulation.lineplc import LinePlc
from simulation.servers import ACCEPTS_AT_ONCE, CONNECTIONS_MAX, Nameplate, Wire
from simulation.servers.door import ACTIVATION_LIMIT_S, CHUNK_MAX, CHUNK_MIN, MESSAGE_MAX, PENDING_MAX, Door, harden

NAMESPACE = "urn:packcenter:line"
PUBLISH_GAP_US = 5_000
PUBLISH_MIN_MS, PUBLISH_MAX_MS = 5.0, 60_000.0
SUBSCRIPTIONS_MAX = 32  # two for each connection
QUEUE_MAX = 100  # values of one item that wait to be published; the interface needs one
SUBSCRIPTION_LOGGER = logging.getLogger("asyncua.server.monitored_item_service").name
"""Made here, so that those of subscriptions have a parent that does not list them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Identity(msgspec.Struct, frozen=True):
    """
    What a server needs for Basic256Sha256, SignAndEncrypt: its own certificate (DER; its URI name must be the
    server's application URI) and private key (PEM), and the client certificates (DER) that it lets in.
    """

    certificate: bytes
    private_key: bytes
    trusted: tuple[bytes, ...]


class OpcUaServer:
    """
    A `LinePlc` behind an OPC UA server on `host`. Port 0 takes a free one, kept over restarts.

    Without an `identity` the one endpoint has no security; with one, the one endpoint signs and encrypts and lets
    in the trusted clients alone.
    """

    def __init__(
        self,
        plc: LinePlc,
        *,
        clock: Clock,
        nameplate: Nameplate,
        host: str = "127.0.0.1",
        port: int = 0,
        namespace: str = NAMESPACE,
        identity: Identity | None = None,
    ) -> None:
        self.plc = plc
        self.name = plc.name
        self.wire = Wire()
        self.host = host
        self.port = port
        self.namespace = namespace
        self.application_uri = f"urn:packcenter:plc:{plc.name}"
        self._clock = clock
        self._nameplate = nameplate
        self._identity = identity
        self._server: _Server | None = None
        self._publisher: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._shown: dict[ua.NodeId, int] = {}
        self._index = 0
        plc.watch(self._news.set)

    @property
    def url(self) -> str:
        """Where a client connects."""
        return f"opc.tcp://{self.host}:{self.port}"

    async def start(self) -> int:
        """Listen; the port. Raises `OSError` if it is taken."""
        assert self._server is None, f"{self.name}: started twice"
        server = _Server(self.wire)
        await server.init()
        server.set_server_name(self.name)
        await server.set_application_uri(self.application_uri)
        server.allow_remote_admin(False)
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        server.set_endpoint(self.url)
        await self._secure(server)
        await self._add_nodes(server)
        await server.start()
        assert server.bserver is not None
        self.port = server.bserver.port
        self._server = server
        self._publisher = asyncio.create_task(self._publish_news(server), name=f"{self.name} publisher")
        return self.port

    async def stop(self) -> None:
        """Close connections and the port. Raises what made the publisher fail, if it did."""
        if self._server is None:
            return
        server, self._server = self._server, None
        self.wire.drop_if_cut()
        self.wire.turn_away()  # asyncua does not know of them, and its listener would wait for them
        publisher, self._publisher = self._publisher, None
        assert publisher is not None
        publisher.cancel()
        (failure,) = await asyncio.gather(publisher, return_exceptions=True)
        await server.stop()
        if not isinstance(failure, asyncio.CancelledError):
            raise failure or AssertionError(f"{self.name}: the publisher ended by itself")

    async def kill(self) -> None:
        """End every connection at once and close the port, as a PLC does that loses power."""
        self.wire.drop()
        await self.stop()

    async def _secure(self, server: Server) -> None:
        if self._identity is None:
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            return
        await server.load_certificate(self._identity.certificate)
        await server.load_private_key(self._identity.private_key, format="pem")
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        server.set_certificate_validator(self._check_client)

    async def _check_client(self, certificate: x509.Certificate, _: ua.ApplicationDescription) -> None:
        assert self._identity is not None
        if certificate.public_bytes(Encoding.DER) not in self._identity.trusted:
            raise ServiceError(StatusCodes.BadCertificateUntrusted)

    async def _add_nodes(self, server: Server) -> None:
        self._index = index = await server.register_namespace(self.namespace)
        unit = await server.nodes.objects.add_object(self._id(self.name), ua.QualifiedName(self.name, index))
        plate = self._nameplate
        for name, text in (
            ("Manufacturer", plate.manufacturer),
            ("Model", plate.model),
            ("SerialNumber", plate.serial_number),
            ("SoftwareRevision", plate.software_revision),
        ):
            await self._add(unit, name, ua.Variant(text, ua.VariantType.String))
        for name, value in (("UnitModeCurrent", self.plc.packml_mode), ("StateCurrent", self.plc.packml_state)):
            await self._add(unit, name, ua.Variant(value, ua.VariantType.Int32))
        self._shown = {}
        await self._add(unit, "Out", self._out_value().Value)
        commands = await self._add(unit, "In", ua.Variant([0] * IN_WORDS, ua.VariantType.UInt16))
        await commands.set_writable()
        # Reads call back, and the setter keeps a published value from replacing the call.
        server.set_attribute_value_callback(self._id("Out"), lambda _node, _attribute: self._out_value())
        server.set_attribute_value_setter(self._id("Out"), lambda _node, _attribute, _value: None)
        server.set_attribute_value_setter(self._id("In"), self._on_write)

    async def _add(self, unit: Node, name: str, value: ua.Variant | None) -> Node:
        assert value is not None
        return await unit.add_variable(self._id(name), ua.QualifiedName(name, self._index), value)

    def _id(self, name: str) -> ua.NodeId:
        return ua.NodeId(name, self._index)  # type: ignore[arg-type]  # asyncua's number types are int and str at run time

    def _out_value(self) -> ua.DataValue:
        now = _EPOCH + timedelta(microseconds=self._clock.wall_us())
        words = ua.Variant(self.plc.out_words(), ua.VariantType.UInt16)
        return ua.DataValue(words, SourceTimestamp=now, ServerTimestamp=now)  # type: ignore[arg-type]  # DateTime is datetime

    def _on_write(self, node: NodeData, attribute: AttributeIds, value: ua.DataValue) -> None:
        node.attributes[attribute].value = value
        words = None if value.Value is None else value.Value.Value
        # A scalar or an empty array is no image; the PLC counts it malformed like any other wrong length.
        self.plc.receive(words if isinstance(words, Sequence) else [])

    async def _publish_news(self, server: Server) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await server.write_attribute_value(self._id("Out"), self._out_value())
            await self._show(server, "StateCurrent", self.plc.packml_state)
            await self._show(server, "UnitModeCurrent", self.plc.packml_mode)
            await self._clock.sleep_us(PUBLISH_GAP_US)

    async def _show(self, server: Server, name: str, value: int) -> None:
        if self._shown.get(self._id(name)) != value:
            self._shown[self._id(name)] = value
            await server.write_attribute_value(self._id(name), ua.DataValue(ua.Variant(value, ua.VariantType.Int32)))


class _Server(Server):
    """asyncua's server with shared standard nodes, a wire in front, an honest `republish`, and a quick end."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(iserver=_InternalServer())
        self._wire = wire
        self.iserver.max_connections = CONNECTIONS_MAX
        self.iserver.max_pending_messages_per_connection = PENDING_MAX
        self.iserver.max_pending_activation_seconds = ACTIVATION_LIMIT_S
        self.iserver.max_subscriptions = SUBSCRIPTIONS_MAX
        self.iserver.max_monitored_item_queue_size = QUEUE_MAX
        self.iserver.max_unacked_messages_per_subscription = QUEUE_MAX
        self.limits = TransportLimits(CHUNK_MAX, CHUNK_MAX, MESSAGE_MAX // CHUNK_MIN, MESSAGE_MAX)
        harden()
        self._create_subscription = self.iserver.subscription_service.create_subscription
        self.iserver.subscription_service.create_subscription = self._floored  # type: ignore[method-assign]
        self.iserver.subscription_service.republish = self._republish  # type: ignore[method-assign]

    async def start(self) -> None:
        await self._setup_server_nodes()
        await self.iserver.start()
        host, port = self._get_bind_socket_info()
        assert host is not None
        assert port is not None
        self.bserver = _BinaryServer(self._wire, self.iserver, host, port, self.limits)
        self.bserver.set_policies(self._policies)
        try:
            await self.bserver.start()
        except OSError:
            await self._stop_clock()
            await self.iserver.stop()
            raise

    async def stop(self) -> None:
        await self._stop_clock()
        subscriptions = list(self.iserver.subscription_service.subscriptions)
        await self.iserver.subscription_service.delete_subscriptions(subscriptions)
        await super().stop()

    async def _stop_clock(self) -> None:
        task, self.iserver.time_task = self.iserver.time_task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _floored(self, params: ua.CreateSubscriptionParameters, *others: Any, **more: Any) -> Any:
        """A client that asks to hear all the time, or never, hears as often as anybody can."""
        asked = params.RequestedPublishingInterval
        params.RequestedPublishingInterval = min(asked, PUBLISH_MAX_MS) if asked >= PUBLISH_MIN_MS else PUBLISH_MIN_MS
        made = await self._create_subscription(params, *others, **more)
        # asyncua names a logger after each subscription, and Python keeps loggers for ever (0.4 kB each)
        logging.root.manager.loggerDict.pop(f"{SUBSCRIPTION_LOGGER}.{made.SubscriptionId}", None)
        return made

    def _republish(self, params: ua.RepublishParameters) -> ua.NotificationMessage:
        subscription = self.iserver.subscription_service.subscriptions.get(params.SubscriptionId)
        if subscription is None:
            raise ServiceError(StatusCodes.BadSubscriptionIdInvalid)
        message = subscription.republish(params.RetransmitSequenceNumber)
        if not message.NotificationData:
            raise ServiceError(StatusCodes.BadMessageNotAvailable)
        return message


class _BinaryServer(BinaryServer):
    def __init__(self, wire: Wire, *args: Any) -> None:
        super().__init__(*args)
        make = self._make_protocol
        self._make_protocol = wire.wrap(lambda: Door(make))  # type: ignore[method-assign,assignment]

    async def start(self) -> None:
        self._server = server = await asyncio.get_running_loop().create_server(
            self._make_protocol, self.hostname, self.port, backlog=ACCEPTS_AT_ONCE
        )
        self.hostname, self.port = server.sockets[0].getsockname()[:2]
        self.cleanup_task = asyncio.create_task(self._close_task_loop())


class _InternalServer(InternalServer):
    async def load_standard_address_space(self, shelf_file: Any = None) -> None:
        assert shelf_file is None, shelf_file
        self.aspace._nodes = _SharedNodes(standard_nodes())  # type: ignore[assignment]


@functools.cache
def standard_nodes() -> dict[ua.NodeId, NodeData]:
    """
    The 6,000 nodes of the OPC UA standard, filled once per process; never serve or change them, copy.

    They live as long as the process, so they are taken out of the collector's rounds (`gc.freeze`), which would
    otherwise stop the event loop for a good part of a second each time the oldest generation is looked at.
    """
    scratch = InternalServer()
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        standard_address_space.fill_address_space(scratch.node_mgt_service)  # type: ignore[no-untyped-call]
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
    return scratch.aspace._nodes


class _SharedNodes(MutableMapping[ua.NodeId, NodeData]):
    """One server's nodes: its own, and copies of the standard ones made when they are first looked at."""

    def __init__(self, standard: dict[ua.NodeId, NodeData]) -> None:
        self._standard = standard
        self._own: dict[ua.NodeId, NodeData] = {}
        self._deleted: set[ua.NodeId] = set()

    def __getitem__(self, key: ua.NodeId) -> NodeData:
        own = self._own.get(key)
        if own is not None:
            return own
        if key in self._deleted:
            raise KeyError(key)
        copied = self._own[key] = copy.deepcopy(self._standard[key])
        return copied

    def __setitem__(self, key: ua.NodeId, node: NodeData) -> None:
        self._own[key] = node

    def __delitem__(self, key: ua.NodeId) -> None:
        if key not in self:
            raise KeyError(key)
        self._own.pop(key, None)
        self._deleted.add(key)

    def __contains__(self, key: object) -> bool:
        return key in self._own or (key in self._standard and key not in self._deleted)

    def __iter__(self) -> Iterator[ua.NodeId]:
        yield from self._own
        for key in self._standard:
            if key not in self._own and key not in self._deleted:
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)

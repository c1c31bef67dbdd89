"""
The wire over OPC UA, with asyncua as transport: two variables, `Out` (UInt16[125]) and `In` (UInt16[114]).

A subscription on `Out` itself is quickest where the server publishes within about 20 ms; many servers floor it at 50 to
100 ms, whatever was asked. So the *revised* intervals are read back, and where they are too long `Out` is read in a poll.
A notification carries the whole image, and an image repeats what is not acknowledged, so only the newest one matters.

What the server sends passes `opcua_socket.guard` first, which bounds and checks it before asyncua decodes it.
Written values carry no timestamps: many servers refuse a source time from a client. asyncua's own reconnect stays off:
a fresh client, a new session and a full read are the only way back.
"""

from __future__ import annotations

import asyncio

from asyncua import ua
from asyncua.crypto import security_policies
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError

from packcenter.plc.checking import PlcError, SourceClock, opcua_words
from packcenter.plc.image import IN_WORDS, OUT_WORDS
from packcenter.plc.limits import PUBLISHING_ASKED_MS, PUBLISHING_LIMIT_MS, SESSION_TIMEOUT_MS
from packcenter.plc.link import LinkSettings, Requests, Security
from packcenter.plc.mailbox import Cause
from packcenter.plc.opcua_socket import guard
from packcenter.ports import Net

_LIBRARY_PATIENCE = 4
"""asyncua waits this many times our deadline, so that ours, which says what was asked, always comes first."""

_CLIENT_HANDLE = 1
_KEEP_ALIVE_PUBLISHES = 100
_LIFETIME_PUBLISHES = 1_000


class OpcUaWire:
    """One OPC UA session; see `link.Wire`."""

    def __init__(self, settings: LinkSettings, net: Net, requests: Requests) -> None:
        self._settings = settings
        self._requests = requests
        self._client = net.opcua_client(settings.url, timeout_s=_LIBRARY_PATIENCE * requests.timeout_us / 1e6)
        self._client.session_timeout = SESSION_TIMEOUT_MS
        guard(self._client, self._on_end)
        self._source_clock = SourceClock(settings.out_node)
        self._out = ua.NodeId()
        self._in = ua.NodeId()
        self._read = ua.ReadParameters()
        self._connected = False
        self._newest: ua.DataValue | None = None
        self._failed: PlcError | None = None
        self._wake = asyncio.Event()
        self.how = "not connected"
        self.pushes = False

    async def connect(self, wake: asyncio.Event) -> None:
        """Open channel and session, find the two variables, and choose between subscription and poll."""
        self._wake = wake
        if self._settings.security is not None:
            await self._secure(self._settings.security)
        await self._client.connect()
        self._connected = True
        index = await self._namespace_index()
        self._out = _node_id(self._settings.out_node, index)
        self._in = _node_id(self._settings.in_node, index)
        self._read.TimestampsToReturn = ua.TimestampsToReturn.Both
        self._read.NodesToRead = [ua.ReadValueId(NodeId=self._out, AttributeId=AttributeIds.Value)]
        await self._choose()

    async def exchange(self, words: list[int] | None) -> list[int] | None:
        if words is not None:
            await self._requests("write", self._write_in(words))
        if self.pushes:
            return self._take_newest()
        return await self._requests("read", self._read_out())

    async def close(self) -> None:
        if not self._connected:
            self._client.disconnect_socket()
            return
        self._connected = False
        try:
            await self._client.disconnect()
        finally:
            self._client.disconnect_socket()

    async def _secure(self, security: Security) -> None:
        self._client.application_uri = security.application_uri
        await self._client.set_security(
            getattr(security_policies, f"SecurityPolicy{security.policy}"),
            certificate=security.certificate,
            private_key=security.private_key,
            server_certificate=security.server_certificate,
            mode=ua.MessageSecurityMode[security.mode],
        )

    async def _namespace_index(self) -> int:
        known = await self._client.get_namespace_array()
        uri = self._settings.namespace_uri
        if uri not in known:
            raise PlcError(Cause.PROTOCOL, f"namespace {uri} is not among the server's {known}; compare the profile with the PLC")
        return known.index(uri)

    # --- poll or subscription ------------------------------------------------------------------------------------------

    async def _choose(self) -> None:
        """Subscribe; keep the subscription if the server grants it fast enough, else poll. `how` says which and why."""
        limit = f"(limit {PUBLISHING_LIMIT_MS:.0f} ms)"
        poll = f"polled Read every {self._settings.poll_gap_us / 1e3:.0f} ms"
        try:
            subscription, publishing_ms, sampling_ms = await self._subscribe()
        except UaError as error:
            self.how = f"{poll}: the server refuses a subscription on {self._settings.out_node} ({error})"
            return
        granted = f"the server grants publishing {publishing_ms:.0f} ms, sampling {sampling_ms:.0f} ms {limit}"
        if max(publishing_ms, sampling_ms) <= PUBLISHING_LIMIT_MS:
            self.pushes = True
            self.how = f"subscription on {self._settings.out_node}: {granted}"
            return
        await self._client.uaclient.delete_subscriptions([subscription])
        self._newest = None
        self.how = f"{poll}: {granted}"

    async def _subscribe(self) -> tuple[int, float, float]:
        """Subscribe to `Out` with room for one value; gives id and revised publishing and sampling intervals in ms."""
        granted = await self._client.uaclient.create_subscription(
            ua.CreateSubscriptionParameters(
                RequestedPublishingInterval=PUBLISHING_ASKED_MS,
                RequestedLifetimeCount=_LIFETIME_PUBLISHES,
                RequestedMaxKeepAliveCount=_KEEP_ALIVE_PUBLISHES,
                MaxNotificationsPerPublish=0,
                PublishingEnabled=True,
                Priority=0,
            ),
            self._on_publish,
        )
        items = await self._client.uaclient.create_monitored_items(
            ua.CreateMonitoredItemsParameters(
                SubscriptionId=granted.SubscriptionId,
                TimestampsToReturn=ua.TimestampsToReturn.Both,
                ItemsToCreate=[
                    ua.MonitoredItemCreateRequest(
                        ItemToMonitor=ua.ReadValueId(NodeId=self._out, AttributeId=AttributeIds.Value),
                        MonitoringMode=ua.MonitoringMode.Reporting,
                        RequestedParameters=ua.MonitoringParameters(
                            ClientHandle=_CLIENT_HANDLE, SamplingInterval=PUBLISHING_ASKED_MS, QueueSize=1, DiscardOldest=True
                        ),
                    )
                ],
            )
        )
        items[0].StatusCode.check()
        return granted.SubscriptionId, granted.RevisedPublishingInterval, items[0].RevisedSamplingInterval

    def _on_publish(self, result: ua.PublishResult) -> None:
        for notification in result.NotificationMessage.NotificationData or []:
            if isinstance(notification, ua.DataChangeNotification):
                for item in notification.MonitoredItems:
                    self._take(item)
            elif isinstance(notification, ua.StatusChangeNotification):
                status = notification.Status.name
                self._failed = PlcError(Cause.DISCONNECTED, f"the server ended the subscription: {status}")
        self._wake.set()

    def _take(self, item: ua.MonitoredItemNotification) -> None:
        if item.ClientHandle == _CLIENT_HANDLE:
            self._newest = item.Value
        else:
            seen = f"a value of item {item.ClientHandle} was published"
            self._failed = PlcError(Cause.PROTOCOL, f"{seen}, expected {_CLIENT_HANDLE}; another client's subscription?")

    def _on_end(self, error: PlcError) -> None:
        """The connection is gone: whoever waits for a push need not wait for the next heartbeat to hear it."""
        self._failed = error
        self._wake.set()

    def _take_newest(self) -> list[int] | None:
        if self._failed is not None:
            raise self._failed
        newest, self._newest = self._newest, None
        return None if newest is None else self._checked(newest)

    # --- values --------------------------------------------------------------------------------------------------------

    def _checked(self, value: ua.DataValue) -> list[int]:
        words = opcua_words(value, OUT_WORDS, self._settings.out_node)
        self._source_clock.check(value)
        return words

    async def _read_out(self) -> list[int]:
        values = await self._client.uaclient.read(self._read)
        if len(values) != 1:
            raise PlcError(Cause.PROTOCOL, f"{self._settings.out_node}: {len(values)} values, expected 1")
        return self._checked(values[0])

    async def _write_in(self, words: list[int]) -> None:
        assert len(words) == IN_WORDS, len(words)
        value = ua.DataValue(ua.Variant(words, ua.VariantType.UInt16, is_array=True), StatusCode=None)  # and no timestamps
        results = await self._client.uaclient.write(
            ua.WriteParameters(NodesToWrite=[ua.WriteValue(NodeId=self._in, AttributeId=AttributeIds.Value, Value=value)])
        )
        if len(results) != 1 or not results[0].is_good():
            seen = ", ".join(result.name for result in results)
            raise PlcError(Cause.REFUSED, f"{self._settings.in_node}: write answered {seen or 'nothing'}, expected Good")


def _node_id(name: str, namespace: int) -> ua.NodeId:
    return ua.NodeId(ua.String(name), ua.Int16(namespace))

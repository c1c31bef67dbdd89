"""
asyncua's client socket with our own door in front: bounded, in order, nothing decoded that is not what was asked for.

`guard(client, on_end)` puts it into a client before it connects. The first wrong byte ends the connection at once and
fails whoever waits, so that a flood costs one read; nothing is logged here, for the link tells it once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UASocketProtocol
from asyncua.common.utils import Buffer
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import header_from_binary, struct_from_binary

from packcenter.plc.checking import PlcError
from packcenter.plc.limits import PUBLISH_GAP_US
from packcenter.plc.mailbox import Cause
from packcenter.plc.opcua_bytes import Chunks, OpcUaAsked, check_acknowledge, check_reply, surprise

_OPENED = ObjectIds.OpenSecureChannelResponse_Encoding_DefaultBinary


def guard(client: Client, on_end: Callable[[PlcError], None]) -> None:
    """Let a client that is not yet connected hear its server through a `GuardedSocket`; `on_end` hears why that ended."""
    uaclient = client.uaclient

    def make_protocol() -> UASocketProtocol:
        socket = GuardedSocket(uaclient._timeout, uaclient.security_policy)
        socket.on_end = on_end
        socket.pre_request_hook = uaclient.pre_request_hook
        socket.on_connection_lost = uaclient._on_transport_lost
        socket.is_session_closing = uaclient._is_session_closing
        uaclient.protocol = socket
        return socket

    uaclient._make_protocol = make_protocol  # type: ignore[method-assign]


class GuardedSocket(UASocketProtocol):
    """One connection. After `end` (a wrong byte, or the peer's end) every request fails with the reason it was given."""

    def __init__(self, timeout: float, policy: Any) -> None:
        super().__init__(timeout, security_policy=policy)
        self.on_end: Callable[[PlcError], None] | None = None
        self._chunks = Chunks()
        self._asked: dict[int, OpcUaAsked] = {}
        self._ended: PlcError | None = None
        self._next_publish_s = 0.0

    # --- what comes -------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Everything that the server sends comes here; only what is whole and right goes on."""
        if self._ended is not None:
            return
        try:
            for chunk in self._chunks.feed(data):
                self._take(chunk)
        except PlcError as error:
            self.end(error)
        except Exception as error:
            # Anything: hostile bytes make the library's decoders raise struct, index, key and value errors.
            self.end(PlcError(Cause.PROTOCOL, f"OPC UA server sent what cannot be read: {type(error).__name__}: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, by the peer or by us."""
        self.end(PlcError(Cause.DISCONNECTED, "the server closed the connection"))
        super().connection_lost(exc)

    def end(self, error: PlcError) -> None:
        """Give the connection up for this reason, at once; a later reason changes nothing."""
        if self._ended is not None:
            return
        self._ended = error
        self._fail_all_pending(error)
        if self.transport is not None:
            self.transport.abort()
        if self.on_end is not None and not (self.is_session_closing is not None and self.is_session_closing()):
            self.on_end(error)

    def _take(self, chunk: bytes) -> None:
        """One whole chunk of bounded size."""
        buffer = Buffer(chunk)
        header = header_from_binary(buffer)
        if chunk.startswith(b"ACK"):
            check_acknowledge(chunk)
        message = self._connection.receive_from_header_and_body(header, buffer)
        if isinstance(message, ua.Message):
            self._answer(message, opens=chunk.startswith(b"OPN"))
        elif isinstance(message, ua.Acknowledge):
            self._call_callback(0, message)
        elif isinstance(message, ua.ErrorMessage):
            name = "an error" if message.Error is None else message.Error.name
            raise PlcError(Cause.REFUSED, f"the server ended the connection: {name}")

    def _answer(self, message: Any, *, opens: bool) -> None:
        request = message.request_id()
        asked = self._asked.pop(request, None)
        if asked is None:
            raise surprise("a reply to request", request, f"one of {list(self._asked) or 'none'}")
        if opens is not (asked.reply == _OPENED):
            raise surprise("a reply in a message of type", "OPN" if opens else "MSG", "MSG" if opens else "OPN")
        body = message.body()
        check_reply(bytes(body), asked)
        if opens:
            self._open(body.copy())
        self._call_callback(request, body)

    def _open(self, body: Buffer) -> None:
        """The channel is open or renewed: take its keys."""
        asked = self._open_secure_channel_exchange
        response = struct_from_binary(ua.OpenSecureChannelResponse, body)
        response.ResponseHeader.ServiceResult.check()
        self._open_secure_channel_exchange = response
        assert isinstance(asked, ua.OpenSecureChannelParameters), asked
        self._connection.set_channel(response.Parameters, asked.RequestType, asked.ClientNonce)

    # --- what goes --------------------------------------------------------------------------------------------------

    def _send_request(self, request: Any, timeout: float = 1, message_type: Any = ua.MessageType.SecureMessage) -> Any:
        if self._ended is not None:
            raise self._ended
        answer = super()._send_request(request, timeout, message_type)
        if not isinstance(request, ua.CloseSecureChannelRequest):  # to which nothing is answered
            self._asked[self._request_id] = _asked(request)
        return answer

    async def send_hello(self, url: str, max_messagesize: int = 0, max_chunkcount: int = 0) -> ua.Acknowledge:
        """Say hello and wait for the ACK."""
        if self._ended is not None:  # by bytes that came before we had said anything
            raise self._ended
        return await super().send_hello(url, max_messagesize, max_chunkcount)

    async def send_request(
        self,
        request: Any,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own
        message_type: Any = ua.MessageType.SecureMessage,
    ) -> Buffer:
        """Ask, and give the body of the answer once it is known to be one; a Publish waits for its turn."""
        if isinstance(request, ua.PublishRequest):
            await self._pace()
        try:
            return await super().send_request(request, timeout, message_type)
        except ConnectionError:
            if self._ended is not None:  # the library says only that it is closed
                raise self._ended from None
            raise

    async def _pace(self) -> None:
        """Wait until the next Publish may go: never, unless the server answers faster than it was asked to publish."""
        loop = asyncio.get_running_loop()
        wait_s = self._next_publish_s - loop.time()
        self._next_publish_s = max(self._next_publish_s, loop.time()) + PUBLISH_GAP_US / 1e6
        if wait_s > 0:
            turn = loop.create_future()
            timer = loop.call_later(wait_s, turn.set_result, None)
            try:
                await turn
            finally:
                timer.cancel()


def _asked(request: Any) -> OpcUaAsked:
    """What the right reply to a request must be. Only for requests that we make."""
    reply = getattr(ObjectIds, f"{type(request).__name__.removesuffix('Request')}Response_Encoding_DefaultBinary")
    results = _RESULTS.get(type(request))
    count = 0 if results is None else len(getattr(request.Parameters, results))
    return OpcUaAsked(reply, request.RequestHeader.RequestHandle, count)


_RESULTS = {
    ua.ReadRequest: "NodesToRead",
    ua.WriteRequest: "NodesToWrite",
    ua.CreateMonitoredItemsRequest: "ItemsToCreate",
    ua.DeleteSubscriptionsRequest: "SubscriptionIds",
}
"""The requests whose reply has as many results as they have of these."""

"""The door in front of asyncua's client: what ends a connection, what it says of it, and that nobody is kept waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.security_policies import SecurityPolicyNone
from plc_testing import run_virtual

from packcenter.plc.checking import PlcError
from packcenter.plc.limits import PUBLISH_GAP_US
from packcenter.plc.mailbox import Cause
from packcenter.plc.opcua_socket import GuardedSocket, guard


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True


def opened() -> tuple[GuardedSocket, Wire, list[PlcError]]:
    """A socket that has connected, and what it says of its end."""
    ends: list[PlcError] = []
    socket, wire = GuardedSocket(60.0, SecurityPolicyNone()), Wire()  # type: ignore[no-untyped-call]
    socket.on_end = ends.append
    socket.connection_made(wire)
    return socket, wire, ends


async def test_a_wrong_byte_fails_who_waits_and_ends_the_connection() -> None:
    """With the reason, and no second one."""
    socket, wire, ends = opened()
    asking = asyncio.ensure_future(socket.send_hello("opc.tcp://plc"))
    await asyncio.sleep(0)
    socket.data_received(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(PlcError, match="a message of type b'HTT'") as seen:
        await asking
    assert seen.value.cause is Cause.PROTOCOL
    socket.data_received(b"more of it")
    socket.connection_lost(None)
    assert ends == [seen.value]
    assert wire.ended


async def test_bytes_that_come_before_our_hello_do_not_keep_us_waiting() -> None:
    """Found by the fuzzer: the library would wait for an ACK that can no longer come, until its own patience ends."""
    socket, wire, _ = opened()
    socket.data_received(b"\xde\xad\xbe\xef" * 4)
    async with asyncio.timeout(5):
        with pytest.raises(PlcError, match="type b'"):
            await socket.send_hello("opc.tcp://plc")
        with pytest.raises(PlcError, match="type b'"):
            await socket.open_secure_channel(ua.OpenSecureChannelParameters())
        with pytest.raises(PlcError, match="type b'"):
            await socket.send_request(ua.ReadRequest())
    assert wire.written == []


async def test_an_error_of_the_server_is_a_refusal_that_names_it() -> None:
    """A server that ends a connection says why."""
    socket, wire, ends = opened()
    socket.data_received(b"ERRF\x10\0\0\0" + (0x80010000).to_bytes(4, "little") + b"\xff" * 4)
    assert wire.ended
    assert [(end.cause, str(end)) for end in ends] == [(Cause.REFUSED, "the server ended the connection: BadUnexpectedError")]


async def test_an_end_by_the_peer_is_a_lost_connection_unless_we_are_closing() -> None:
    """Our own goodbye is no news."""
    socket, _, ends = opened()
    socket.connection_lost(None)
    assert [end.cause for end in ends] == [Cause.DISCONNECTED]
    closing, _, silent = opened()
    closing.is_session_closing = lambda: True
    closing.connection_lost(None)
    assert silent == []


def test_publish_requests_wait_for_their_turn_and_other_requests_do_not() -> None:
    """A server that answers every Publish at once would keep us busy with nothing else."""

    async def main() -> list[int]:
        socket, wire, _ = opened()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        asking = [asyncio.ensure_future(socket.send_request(ua.PublishRequest(), 0)) for _ in range(3)]
        sent: list[float] = []
        while len(sent) < 3:
            sent += [(loop.time() - began_s) * 1e6] * (len(wire.written) - len(sent))
            await asyncio.sleep(0.0001)
        reading = asyncio.ensure_future(socket.send_request(ua.ReadRequest()))
        await asyncio.sleep(0)
        assert len(wire.written) == 4
        socket.connection_lost(None)
        await asyncio.gather(*asking, reading, return_exceptions=True)
        return [int(each) for each in sent]

    first, second, third = run_virtual(main())
    assert (second - first, third - first) == pytest.approx((PUBLISH_GAP_US, 2 * PUBLISH_GAP_US), abs=300)


async def test_a_client_is_guarded_before_it_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every connection that it makes gets a door of its own."""
    made: list[Any] = []

    async def create_connection(factory: Any, host: str, port: int) -> None:
        made.append(factory())

    client = Client("opc.tcp://127.0.0.1:4840", timeout=1)
    guard(client, lambda error: None)
    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", create_connection)
    await client.connect_socket()
    await client.connect_socket()
    assert [type(each) for each in made] == [GuardedSocket, GuardedSocket]
    assert made[0] is not made[1]
    assert client.uaclient.protocol is made[1]

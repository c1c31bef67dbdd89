"""
OPC UA sessions, recorded and then spoilt, against our link's client and against our PLC's server, without sockets.

A session is recorded once per run: our real wire and our real server on two transports that are joined. What one side
said is then spoilt (bits, lengths, cuts, order, doubles, splices) and said again to the other side, thousands of times.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any, NamedTuple

from asyncua.server.internal_session import InternalSession
from fuzz_modbus import Socket
from fuzz_mutate import mutate_session, pieces
from fuzz_report import Findings
from fuzz_strict import OpcUaImages, le, opcua_messages
from hostile_links import CLOCK, DIGEST, PLATE, Machine, settings

import packcenter.plc.opcua_socket as opcua_socket
import simulation.servers.opcua as opcua_server
from packcenter.plc.checking import PlcError
from packcenter.plc.image import OUT_WORDS, ImageError, InImage, decode_in, encode_in
from packcenter.plc.line import LineCommand
from packcenter.plc.link import Requests
from packcenter.plc.opcua import OpcUaWire
from packcenter.real import RealNet
from simulation.lineplc import LinePlc

NONCE = 0xCAFE_0001
EXCHANGES = 4
_SLOW_S = 1.0
_TURNS = 8  # of the loop, after which a side that has said nothing waits for the other
_ANSWER_MAX = 1 << 20


@contextmanager
def _unpaced() -> Iterator[None]:
    """Publish requests as soon as they can go: pacing would put requests in another order than in the recording."""
    gap_us, opcua_socket.PUBLISH_GAP_US = opcua_socket.PUBLISH_GAP_US, 0  # type: ignore[attr-defined]
    try:
        yield
    finally:
        opcua_socket.PUBLISH_GAP_US = gap_us  # type: ignore[attr-defined]


class Said(NamedTuple):
    """One chunk of a recorded session, and how many chunks the other side had said before it."""

    chunk: bytes
    after: int


class Recorded(NamedTuple):
    """Both sides of a session."""

    client: list[Said]
    server: list[Said]


class Server:
    """Our OPC UA server around a PLC, spoken to without its listener."""

    def __init__(self) -> None:
        self.plc = LinePlc("sorter-2", nonce=NONCE, plant_us=CLOCK.mono_us, wall_us=CLOCK.mono_us, profile_digest=DIGEST)
        self.plc.program = Machine(self.plc)
        self.server = opcua_server.OpcUaServer(self.plc, clock=CLOCK, nameplate=PLATE)

    async def __aenter__(self) -> Server:
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop()

    @property
    def internal(self) -> Any:
        """asyncua's server behind it."""
        assert self.server._server is not None
        return self.server._server.iserver

    def connect(self, socket: Socket) -> Any:
        """A new connection; the numbers that the server counts begin where they began in the recording."""
        assert self.server._server is not None
        assert self.server._server.bserver is not None
        InternalSession._counter, InternalSession._auth_counter = 10, 1000
        self.internal._channel_id_counter = 5
        connection = self.server._server.bserver._make_protocol()
        connection.connection_made(socket)
        return connection


class Joined(Socket):
    """A socket whose other end is in this process: chunks are handed over as they are written."""

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        super().__init__()
        self._deliver = deliver

    def write(self, data: bytes | bytearray | memoryview) -> None:
        super().write(data)
        for chunk in opcua_messages(bytes(data)):
            self._deliver(chunk)


async def _settle(socket: Socket) -> None:
    """Let a side go on until it waits for the other: so that it does everything in the same order every time."""
    quiet = 0
    while quiet < _TURNS:
        before = len(socket.written)
        await asyncio.sleep(0)
        quiet = 0 if len(socket.written) > before else quiet + 1


def _wire(socket: Socket) -> OpcUaWire:
    """Our wire, which connects to this socket instead of one of the operating system's."""
    wire = OpcUaWire(settings("opcua", 4840), RealNet(), Requests("sorter-2", CLOCK, 60_000_000))
    uaclient = wire._client.uaclient

    async def connect_socket(host: str, port: int) -> None:
        socket.protocol = uaclient._make_protocol()
        socket.protocol.connection_made(socket)

    uaclient.connect_socket = connect_socket  # type: ignore[method-assign]
    return wire


def _image(number: int) -> list[int]:
    return encode_in(InImage(number, 3, NONCE, 1, 0, (LineCommand(1, 1, track=41, a=2),)))


async def _live(wire: OpcUaWire, accepted: list[list[int]]) -> None:
    """What a link does with a wire: connect, exchange some images, close."""
    await wire.connect(asyncio.Event())
    for number in range(1, EXCHANGES + 1):
        wire._wake.clear()
        words = await wire.exchange(_image(number))
        if words is not None:
            accepted.append(words)
        elif number < EXCHANGES:
            await wire._wake.wait()
    await wire.close()


async def record(*, polled: bool) -> Recorded:
    """One sound session; `polled` with a server that publishes too slowly for a subscription."""
    floor_ms, opcua_server.PUBLISH_MIN_MS = opcua_server.PUBLISH_MIN_MS, 100.0 if polled else opcua_server.PUBLISH_MIN_MS
    client: list[Said] = []
    server: list[Said] = []
    try:
        async with Server() as honest:
            waiting: asyncio.Queue[bytes] = asyncio.Queue()
            connection = honest.connect(Joined(waiting.put_nowait))

            def hear(chunk: bytes) -> None:
                client.append(Said(chunk, len(server)))
                connection.data_received(chunk)

            ours = Joined(hear)
            wire = _wire(ours)
            accepted: list[list[int]] = []
            beating = asyncio.create_task(_beat(honest.plc))
            living = asyncio.create_task(_live(wire, accepted))
            async with asyncio.timeout(20):
                while True:
                    await _settle(ours)
                    if living.done():
                        break
                    chunk = await waiting.get()
                    server.append(Said(chunk, len(client)))
                    ours.protocol.data_received(chunk)
            beating.cancel()
            living.result()
            assert accepted, "the sound session brought no image"
            connection.connection_lost(None)
    finally:
        opcua_server.PUBLISH_MIN_MS = floor_ms
    return Recorded(client, server)


async def _beat(plc: LinePlc) -> None:
    while True:
        plc.tick()
        await CLOCK.sleep_us(20_000)


# --- what a hostile server says to our client ------------------------------------------------------------------------


class ClientFuzz:
    """Sessions of our wire with a server that says a spoilt recording."""

    def __init__(self, luck: Random, findings: Findings, sessions: list[Recorded]) -> None:
        self._luck = luck
        self._findings = findings
        self._sessions = sessions
        self._images = [OpcUaImages(OUT_WORDS) for _ in sessions]
        for images, session in zip(self._images, sessions, strict=True):
            assert [True for said in session.server if images.learn(said.chunk)], "no image was recorded"

    async def session(self) -> None:
        """One session, which ends when our wire is done or waits for what will not come."""
        luck = self._luck
        which = luck.randrange(len(self._sessions))
        recorded = self._sessions[which].server
        chunks, what = [said.chunk for said in recorded], ["right"]
        if luck.randrange(20):
            chunks, what = mutate_session(luck, chunks, "<")
        socket = Socket()
        wire = _wire(socket)
        accepted: list[list[int]] = []
        heard = bytearray()
        living = asyncio.ensure_future(_live(wire, accepted))
        try:
            await self._say(chunks, socket, living, heard)
            if not living.done() and socket.protocol is not None:
                socket.protocol.connection_lost(None)
            wire._wake.set()
            await living
            self._findings.count("whole sessions")
        except PlcError as error:
            self._findings.count(f"refused: {error.cause}")
        except Exception as error:
            # What the libraries raise of themselves; `Requests` makes a `PlcError` of it.
            self._findings.count(f"raised by the library: {type(error).__name__}")
        self._judge(which, bytes(heard), accepted, {"what": what, "stream": b"".join(chunks).hex()})
        if what == ["right"] and not accepted:
            self._findings.wrong("nothing was accepted of a right session", {"what": what})
        if socket.protocol is not None:
            socket.protocol.connection_lost(None)
        with suppress(Exception):
            await wire.close()

    async def _say(self, chunks: list[bytes], socket: Socket, living: asyncio.Future[None], heard: bytearray) -> None:
        """Say each chunk when our client has nothing more to say, as in the recording."""
        for chunk in chunks:
            await _settle(socket)
            if living.done() or socket.closed or socket.protocol is None:
                return
            for piece in pieces(self._luck, chunk):
                heard += piece
                socket.protocol.data_received(piece)
        await _settle(socket)

    def _judge(self, which: int, heard: bytes, accepted: list[list[int]], case: dict[str, Any]) -> None:
        """Each image that was accepted was said, in a message that is right byte for byte."""
        right = []
        for message in opcua_messages(heard):
            if len(message) > 40:
                right.append(self._images[which].words(message, le(message, 36, 4)))
        for words in accepted:
            self._findings.count("images accepted")
            if words not in right:
                self._findings.wrong("an image was accepted that nobody said rightly", case)


# --- what a hostile client says to our server ------------------------------------------------------------------------


class ServerFuzz:
    """Connections to our server that say a spoilt recording."""

    def __init__(self, luck: Random, findings: Findings, sessions: list[Recorded], server: Server) -> None:
        self._luck = luck
        self._findings = findings
        self._sessions = sessions
        self._server = server
        self._right = [decode_in(_image(number)) for number in range(1, EXCHANGES + 1)]
        self._got: list[list[int]] = []
        receive = server.plc.receive

        def noted(words: Any, *, complete: bool = True) -> None:
            self._got.append(list(words))
            receive(words, complete=complete)

        server.plc.receive = noted  # type: ignore[method-assign]

    async def session(self) -> None:
        """One connection."""
        chunks = [said.chunk for said in self._luck.choice(self._sessions).client]
        what = ["right"]
        if self._luck.randrange(20):
            chunks, what = mutate_session(self._luck, chunks, "<")
        case = {"what": what, "stream": b"".join(chunks).hex()}
        self._got.clear()
        socket = Socket()
        connection = self._server.connect(socket)
        try:
            for chunk in chunks:
                for piece in pieces(self._luck, chunk):
                    if not socket.closed:
                        connection.data_received(piece)
                for _ in range(4):
                    await asyncio.sleep(0)
        except Exception as error:
            self._findings.unexpected(error, case)
        self._findings.count("ended by the server" if socket.closed else "left open")
        self._judge(what, case, len(socket.written))
        connection.connection_lost(None)
        await asyncio.sleep(0)

    def _judge(self, what: list[str], case: dict[str, Any], answered: int) -> None:
        if answered > _ANSWER_MAX:
            self._findings.wrong(f"{answered} bytes were answered", case)
        for words in self._got:
            try:
                image = decode_in(words)
            except (ImageError, TypeError, ValueError):
                self._findings.count("images refused by the PLC")
                continue
            self._findings.count("images taken by the PLC")
            if image not in self._right:  # what stands in slots that are not used does not matter
                self._findings.past_the_crc(case)
        if what == ["right"] and len(self._got) != EXCHANGES:
            self._findings.wrong(f"{len(self._got)} images of a right session came, expected {EXCHANGES}", case)

    async def look_around(self) -> None:
        """Afterwards nothing is left of all those sessions, and the server still serves."""
        for _ in range(100):
            await CLOCK.sleep_us(10_000)
        internal = self._server.internal
        left = {
            "connections": self._server.server.wire.connections,
            "transports": len(internal.asyncio_transports),
            "subscriptions": len(internal.subscription_service.subscriptions),
            "sessions": len(internal._external_sessions),
            "loggers": sum(name.startswith(f"{opcua_server.SUBSCRIPTION_LOGGER}.") for name in logging.root.manager.loggerDict),
        }
        if any(left.values()):
            self._findings.wrong(f"left over: {left}", {})


async def fuzz_client(seed: int, sessions: int, findings: Findings) -> None:
    """This many sessions against our client."""
    with _unpaced():
        fuzz = ClientFuzz(Random(seed), findings, [await record(polled=False), await record(polled=True)])
        for number in range(sessions):
            with findings.timed(_SLOW_S):
                await fuzz.session()
            findings.progress(number + 1)


async def fuzz_server(seed: int, sessions: int, findings: Findings) -> None:
    """This many sessions against our server."""
    with _unpaced():
        recorded = [await record(polled=False), await record(polled=True)]
    async with Server() as server:
        fuzz = ServerFuzz(Random(seed), findings, recorded, server)
        for number in range(sessions):
            with findings.timed(_SLOW_S):
                await fuzz.session()
            findings.progress(number + 1)
        await fuzz.look_around()

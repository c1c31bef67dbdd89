"""
A hostile server: an honest one behind it does the talking until the chosen moment, then the mischief answers instead.

`Middle` listens on loopback and passes everything on to an honest server, frame by frame. When the honest server
answers in the `stage` that was chosen, its frame goes to the `Mischief`, which sends what it likes, or nothing, or ends
the connection. `honest` puts the honest server in its place again. Stages of OPC UA are named after the reply that is
spoilt, those of Modbus after the function.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

Mischief = Callable[[bytes, "Peer"], Awaitable[None]]
"""Gets the frame that the honest server would send and the peer to whom it goes; is awaited and then nothing more comes."""

_OPCUA_STAGES = {
    464: "create session",
    470: "activate session",
    476: "close",
    634: "read",
    676: "write",
    754: "create items",
    790: "create subscription",
    829: "publish",
    850: "delete subscription",
}
_MODBUS_STAGES = {3: "read", 16: "write", 23: "exchange"}
_BODY_AT = 24  # of an OPC UA message without security: header, channel, token, sequence, request
_READ_BYTES = 1 << 16


class Peer:
    """The client under attack, as the mischief sees it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.sent = 0
        self._writer = writer

    async def send(self, content: bytes) -> None:
        """Send, as fast as the client takes it."""
        self.sent += len(content)
        self._writer.write(content)
        await self._writer.drain()

    async def until_gone(self) -> None:
        """Wait until the client has ended the connection, which ends the mischief."""
        await asyncio.Event().wait()


class Middle:
    """See the module. `gone` counts the connections that the client has ended or that we have."""

    def __init__(self, protocol: str, host: str, port: int, *, floor_ms: float | None = None) -> None:
        self._cut = opcua_frames if protocol == "opcua" else modbus_frames
        self._stage_of = opcua_stage if protocol == "opcua" else modbus_stage
        self._upstream = (host, port)
        self._floor_ms = floor_ms  # OPC UA: the publishing interval that is granted, so that a link polls
        self.stage = ""
        self.mischief: Mischief | None = None
        self.spoil: Callable[[bytes], bytes] = lambda frame: frame  # what becomes of every other frame
        self.struck = asyncio.Event()
        self.strikes = 0
        self.opened = self.gone = 0
        self.seen: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Middle:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def be_hostile(self, stage: str, mischief: Mischief) -> None:
        """From now on, spoil the answers of this stage."""
        self.stage, self.mischief = stage, mischief

    def be_honest(self) -> None:
        """Let the honest server answer again, on connections yet to come."""
        self.stage, self.mischief = "", None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.opened += 1
        peer = Peer(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                if self.stage == "connect":
                    await _first(_swallow(reader), self._strike(b"", peer))
                else:
                    await self._between(reader, peer)
        finally:
            self.gone += 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def _between(self, reader: asyncio.StreamReader, peer: Peer) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        try:
            await _first(_pump(reader, up_writer), self._answer(up_reader, peer))
        finally:
            up_writer.transport.abort()

    async def _answer(self, up_reader: asyncio.StreamReader, peer: Peer) -> None:
        held = bytearray()
        while data := await up_reader.read(_READ_BYTES):
            held += data
            for frame in self._cut(held):
                stage = self._stage_of(frame)
                self.seen[stage] = self.seen.get(stage, 0) + 1
                if stage == self.stage:
                    await self._strike(frame, peer)
                    return
                await peer.send(self.spoil(self._floored(frame, stage)))

    async def _strike(self, frame: bytes, peer: Peer) -> None:
        assert self.mischief is not None
        self.strikes += 1
        self.struck.set()
        await self.mischief(frame, peer)

    def _floored(self, frame: bytes, stage: str) -> bytes:
        if self._floor_ms is None or stage != "create subscription":
            return frame
        at = len(frame) - 16  # revised publishing interval, lifetime count, keep-alive count
        return frame[:at] + struct.pack("<d", self._floor_ms) + frame[at + 8 :]


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """Do all until the first ends."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _swallow(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(_READ_BYTES):
            pass


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_READ_BYTES):
            writer.write(data)
            await writer.drain()


def opcua_frames(held: bytearray) -> list[bytes]:
    """Whole OPC UA chunks, taken from the head of what is held."""
    frames = []
    while len(held) >= 8 and len(held) >= (size := struct.unpack_from("<I", held, 4)[0]):
        frames.append(bytes(held[:size]))
        del held[:size]
    return frames


def opcua_stage(frame: bytes) -> str:
    """The stage of a server's chunk; only without security can a message be told."""
    kind = frame[:3]
    if kind == b"ACK":
        return "hello"
    if kind == b"OPN":
        return "open channel"
    if kind == b"MSG":
        return _OPCUA_STAGES.get(struct.unpack_from("<H", frame, _BODY_AT + 2)[0], "other")
    return kind.decode()


def modbus_frames(held: bytearray) -> list[bytes]:
    """Whole Modbus TCP frames, taken from the head of what is held."""
    frames = []
    while len(held) >= 6 and len(held) >= (size := 6 + struct.unpack_from(">H", held, 4)[0]):
        frames.append(bytes(held[:size]))
        del held[:size]
    return frames


def modbus_stage(frame: bytes) -> str:
    """The stage of a server's frame."""
    return _MODBUS_STAGES.get(frame[7], "other")


# --- mischief --------------------------------------------------------------------------------------------------------


def sends(change: Callable[[bytes], bytes]) -> Mischief:
    """Sends something else than the honest frame, then waits for the client to go."""

    async def mischief(frame: bytes, peer: Peer) -> None:
        await peer.send(change(frame))
        await peer.until_gone()

    return mischief


async def silence(frame: bytes, peer: Peer) -> None:
    """Says nothing, and keeps the connection."""
    await peer.until_gone()


async def early_close(frame: bytes, peer: Peer) -> None:
    """Ends the connection instead of answering."""


async def half_and_close(frame: bytes, peer: Peer) -> None:
    """Ends the connection in the middle of the answer."""
    await peer.send(frame[: len(frame) // 2] or b"\0")


async def drip(frame: bytes, peer: Peer) -> None:
    """Sends the right answer a byte at a time, so slowly that it never ends in time, but never pauses for long."""
    for byte in frame:
        await peer.send(bytes([byte]))
        await asyncio.sleep(0.05)
    await peer.until_gone()


def flood(pattern: Callable[[bytes], bytes], most: int = 1 << 28) -> Mischief:
    """Sends a pattern over and over, as fast as the client takes it, up to `most` bytes or until the client goes."""

    async def mischief(frame: bytes, peer: Peer) -> None:
        content = pattern(frame)
        block = content * max(1, _READ_BYTES // max(1, len(content)))
        while peer.sent < most:
            await peer.send(block)
            await asyncio.sleep(0)

    return mischief

"""
A network in memory for `VirtualLoop`: TCP as a program sees it, and everything that can happen to a cable.

    write -> [transport's buffer] -> window -> latency -> (cut? corrupt? in pieces?) -> stalled? -> [socket's buffer] -> read

Every address that somebody listens on has a `Link`: the cable between it and whoever connects. A link has a latency of
its own, drawn from its name, so that two links' telegrams seldom arrive in the same microsecond. Bytes of one connection
and direction arrive in order, once, or not at all; what TCP promises it keeps, and no more:

- a *stall* holds bytes, ends and resets in one direction until it is over: a pulled cable, which nobody is told of
- a *reset* ends every connection of the link; with `Way.cut_after` after so many more bytes, in the middle of a telegram
- *corruption* is what a bad gateway does: a bit is flipped and TCP's checksum made right again
- a *delay* holds every byte that long; what was under way stays so even when the writer has given up the connection

The socket's buffers are as in life: a receiver that does not read (or whose process stands still) fills the window, then
the sender's transport, which then asks its protocol to pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import Final

from simulation.draws import Stream
from simulation.virtual.loop import OWNER, Process, VirtualLoop
from simulation.virtual.tcp import End, Socket

FIRST_PORT: Final = 49_152
LATENCY_LEAST_US: Final = 150
LATENCY_SPREAD_US: Final = 200
JITTER_US: Final = 40

Observer = Callable[["Link", bool, int, bytes], None]
"""Gets (link, to_server, connection, bytes) of every piece as it arrives."""


class Way:
    """
    One direction of a link, and what is wrong with it at present.

    `delay_us` is added to the latency. `piece_bytes` splits what is sent into pieces of so many bytes (0: whole).
    `cut_after` and `flip_after` count bytes from now (-1: never): then the link is reset, or the next byte has the bits
    of `flip_bits` flipped.
    """

    __slots__ = ("cut_after", "delay_us", "flip_after", "flip_bits", "piece_bytes", "stalled")

    def __init__(self) -> None:
        self.delay_us = 0
        self.stalled = False
        self.piece_bytes = 0
        self.cut_after = -1
        self.flip_after = -1
        self.flip_bits = 1

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.delay_us or self.stalled or self.piece_bytes) and self.cut_after < 0 and self.flip_after < 0

    def pieces(self, content: bytes) -> list[bytes]:
        """What arrives of `content`, in pieces."""
        if 0 <= self.flip_after < len(content):
            at, self.flip_after = self.flip_after, -1
            content = content[:at] + bytes((content[at] ^ self.flip_bits,)) + content[at + 1 :]
        elif self.flip_after >= 0:
            self.flip_after -= len(content)
        size = self.piece_bytes
        return [content[at : at + size] for at in range(0, len(content), size)] if size else [content]


class Link:
    """
    The cable to one listening address, there whether somebody listens or not. `name` is for people.

    `to_server` and `to_client` are its two ways. `refuses`: connecting is answered by a reset; `swallows`: not at all.
    """

    def __init__(self, network: Network, name: str) -> None:
        self.name = name
        self.to_server = Way()
        self.to_client = Way()
        self.refuses = False
        self.swallows = False
        self.connects = 0
        self._network = network
        self._luck = Stream(network.seed, f"net/{name}")
        self._latency_us = LATENCY_LEAST_US + self._luck.below(LATENCY_SPREAD_US)
        self.ends: dict[int, tuple[End, End]] = {}
        self.on_change: Callable[[], None] = lambda: None
        self._healed: list[asyncio.Future[None]] = []

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.to_server.sound and self.to_client.sound and not (self.refuses or self.swallows)

    def spoil(self, *, to_server: bool, **faults: int | bool) -> None:
        """Set faults of one way, by the names of `Way`."""
        for name, value in faults.items():
            setattr(self.way(to_server), name, value)
        self.on_change()

    def shut(self, *, refuses: bool = False, swallows: bool = False) -> None:
        """Let nobody connect: a reset, or nothing at all, is the answer."""
        self.refuses, self.swallows = refuses, swallows
        self.on_change()

    def latency_us(self) -> int:
        """How long the next telegram takes when nothing is wrong."""
        return self._latency_us + self._luck.below(self._network.jitter_us + 1)

    def way(self, to_server: bool) -> Way:
        """One direction."""
        return self.to_server if to_server else self.to_client

    def reset(self) -> None:
        """End every connection: both sides hear a reset a latency later, unless that way is stalled."""
        for client, server in list(self.ends.values()):
            client.put(None)
            server.put(None)
        self.on_change()

    def stall(self, *, to_server: bool = True, to_client: bool = True) -> None:
        """Silence in one direction or both; TCP does not notice."""
        self.to_server.stalled |= to_server
        self.to_client.stalled |= to_client
        self.on_change()

    def restore(self) -> None:
        """Heal everything; what was held arrives now, in order."""
        self.to_server, self.to_client = Way(), Way()
        self.refuses = self.swallows = False
        for client, server in list(self.ends.values()):
            self._network.loop.call_soon(client.release, context=self._network.loop.world)
            self._network.loop.call_soon(server.release, context=self._network.loop.world)
        self.on_change()
        waiting, self._healed = self._healed, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def passes(self) -> bool:
        """Whether a connection can be made."""
        return not (self.swallows or self.to_server.stalled or self.to_client.stalled)

    async def until_passes(self) -> None:
        """Wait as a connecting client does while nobody answers it."""
        while not self.passes():
            healed = asyncio.get_running_loop().create_future()
            self._healed.append(healed)
            await healed


class Network:
    """All links of one world. It becomes the network of `loop`."""

    def __init__(self, loop: VirtualLoop, seed: int, *, jitter_us: int = JITTER_US) -> None:
        self.loop = loop
        self.seed = seed
        self.jitter_us = jitter_us
        self.observer: Observer | None = None
        self.links: dict[tuple[str, int], Link] = {}
        self._listeners: dict[tuple[str, int], Listener] = {}
        self._port = FIRST_PORT
        self._connections = 0
        loop.network = self

    def link(self, host: str, port: int, name: str = "") -> Link:
        """The cable to an address; it gets its name, and with it its latency, when it is first asked for."""
        found = self.links.get((host, port))
        if found is None:
            found = self.links[host, port] = Link(self, name or f"{host}:{port}")
        return found

    def listen(self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> Listener:
        """Listen; port 0 takes a free one. Raises `OSError` if the address is taken."""
        if port == 0:
            port = self._free_port()
        if (host, port) in self._listeners:
            raise OSError(98, f"address {host}:{port} is in use on the virtual network")
        listener = self._listeners[host, port] = Listener(self, factory, (host, port))
        return listener

    def _free_port(self) -> int:
        self._port += 1
        return self._port

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[End, asyncio.BaseProtocol]:
        """Connect. Raises `ConnectionRefusedError`, and waits for ever where nobody answers: callers have deadlines."""
        loop = self.loop
        link = self.link(host, port)
        await link.until_passes()
        await asyncio.sleep(link.latency_us() / 1e6)
        await link.until_passes()
        listener = self._listeners.get((host, port))
        if listener is None or link.refuses:
            await asyncio.sleep(link.latency_us() / 1e6)
            raise ConnectionRefusedError(111, f"nobody listens at {host}:{port} on the virtual network")
        self._connections += 1
        link.connects += 1
        here = ("127.0.0.1", self._free_port())
        client, server = End(link, self._connections, True), End(link, self._connections, False)
        client.join(server, here, listener.address, copy_context())
        server.join(client, listener.address, here, listener.context)
        link.ends[self._connections] = client, server
        server.listener = listener
        listener.active += 1
        loop.call_soon(server.accept, listener.factory, context=server.context)
        try:
            await asyncio.sleep(link.latency_us() / 1e6)
            await link.until_passes()
        except asyncio.CancelledError:
            client.abort()
            raise
        protocol = factory()
        client.begin(protocol)
        return client, protocol

    def drop(self, process: Process, *, silently: bool = False) -> None:
        """
        The process is gone: its addresses are free, its peers hear the end of its connections.

        `silently`: its computer lost power, and they hear nothing, not even when they send.
        """
        for address, listener in list(self._listeners.items()):
            if listener.owner is process:
                listener.gone()
                del self._listeners[address]
        for link in list(self.links.values()):
            for pair in list(link.ends.values()):
                for end in pair:
                    if end.owner is process:
                        end.orphan(silently=silently)

    def woken(self, process: Process) -> None:
        """The process goes on: what arrived meanwhile is there to be read."""
        for link in self.links.values():
            for pair in link.ends.values():
                for end in pair:
                    if end.owner is process:
                        end.read_soon()

    def closed(self, address: tuple[str, int]) -> None:
        """A listener is gone; for `Listener` alone."""
        self._listeners.pop(address, None)


class Listener(asyncio.AbstractServer):
    """A listening address."""

    def __init__(self, network: Network, factory: Callable[[], asyncio.BaseProtocol], address: tuple[str, int]) -> None:
        self.factory = factory
        self.address = address
        self.context = copy_context()
        self.owner = OWNER.get()
        self.active = 0
        self._network = network
        self._closed = False
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def sockets(self) -> tuple[Socket, ...]:
        """The one listening socket; none once it is closed."""
        return () if self._closed else (Socket(self.address, None),)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._network.loop

    def is_serving(self) -> bool:
        return not self._closed

    async def start_serving(self) -> None:
        """It does from the beginning."""

    async def serve_forever(self) -> None:
        await self._network.loop.create_future()

    def close(self) -> None:
        """Stop listening; connections stay."""
        if not self._closed:
            self._closed = True
            self._network.closed(self.address)
            self._look()

    async def wait_closed(self) -> None:
        """Until it is closed and its connections are, too, as asyncio waits since Python 3.12."""
        while not self._closed or self.active:
            waiter = self._network.loop.create_future()
            self._waiters.append(waiter)
            await waiter

    def gone(self) -> None:
        """Its process is dead."""
        self._closed = True

    def left(self) -> None:
        """One of its connections ended."""
        self.active -= 1
        self._look()

    def _look(self) -> None:
        if self._closed and not self.active:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

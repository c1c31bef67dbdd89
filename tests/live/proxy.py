"""
A TCP proxy between packcenter and its PLCs that makes the faults of `faults`: one listener for each PLC, on a free port.

    python proxy.py --targets addresses.json --seed 7

As the simulated hall, it talks in JSON lines. Out: `{"ready": {plc: [host, port]}}`, then one answer per order. In:
`{"storm": {"number": 3, "lasts_us": 2000000}}`, `swizzle` and `drizzle` likewise (plans drawn from the seed; `links` may
name some), `{"fault": {...}}` (one now), `{"heal": true}`, `{"connections": since_us}`, `{"status": true}`; it ends when
its input does. Plans, and what became of them, go to standard error as a timeline.

A chunk is what one read gives; with peers that ask and answer that is a telegram. It passes its faults in this order:
cut, corrupt, duplicate and replay, stall, delay, cap, segment. Draws for chunks come from a stream of each connection
and way. Times are microseconds of the computer's monotonic clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import faults
from faults import FROM_PLC, TO_PLC, Fault, Kind

from simulation.draws import Stream

PLANS = {"storm": faults.storm, "swizzle": faults.swizzle, "drizzle": faults.drizzle}
CHUNK_BYTES = 65_536
OLD_CHUNKS = 64
"""Chunks of each link and way that are kept for `replay`: some seconds of exchanges, several connections in a storm."""

OLD_CHUNK_BYTES = 4_096
CONNECT_LIMIT_S = 2.0
_RST = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST


def mono_us() -> int:
    """The computer's monotonic clock in microseconds, the same in every process."""
    return time.monotonic_ns() // 1000


class _Ended(Exception):  # noqa: N818 - it says what a fault did, and is no error
    """A fault ended the connection; `how` is fin or rst."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass
class Seen:
    """One connection: when it was taken and ended (0: it lives), and how."""

    opened_us: int
    closed_us: int = 0
    how: str = ""


class Link:
    """The proxy of one PLC."""

    def __init__(self, name: str, target: tuple[str, int], seed: int, counts: _Counts, say: Callable[[str], None]) -> None:
        self.name = name
        self.target = target
        self.seed = seed
        self.counts = counts
        self.seen: list[Seen] = []
        self.old: dict[str, deque[bytes]] = {TO_PLC: deque(maxlen=OLD_CHUNKS), FROM_PLC: deque(maxlen=OLD_CHUNKS)}
        self.healed = asyncio.Event()
        self.port = 0
        self._say = say
        self._faults: list[Fault] = []
        self._changed = asyncio.Event()
        self._connections: dict[_Connection, None] = {}
        self._place: socket.socket | None = None
        self._server: asyncio.Server | None = None

    # --- life ----------------------------------------------------------------------------------------------------------

    async def start(self) -> int:
        """Listen; the port."""
        self._place = _bound(0)  # never listens: it keeps the port while connections are refused
        self.port = self._place.getsockname()[1]
        await self._listen()
        return self.port

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._on_connection, sock=_bound(self.port))

    async def stop(self) -> None:
        """End everything."""
        self.heal()
        self._refuse()
        for connection in list(self._connections):
            connection.end("rst")
        await asyncio.gather(*(connection.over.wait() for connection in self._connections))
        if self._place is not None:
            self._place.close()

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, len(self.seen), reader, writer)
        self.seen.append(connection.seen)
        self._connections[connection] = None
        try:
            await connection.run()
        finally:
            self._connections.pop(connection, None)

    # --- faults --------------------------------------------------------------------------------------------------------

    def begin(self, fault: Fault) -> None:
        """A fault begins now."""
        self.counts.began[fault.kind] += 1
        if fault.kind is Kind.RESET:
            for connection in list(self._connections):
                self.counts.met[Kind.RESET] += 1
                connection.end("rst")
            return
        if fault.kind is Kind.REFUSE:
            self._refuse()
        self._faults.append(fault)
        self._poke()

    async def end(self, fault: Fault) -> None:
        """A fault is over; nothing happens if it acted once and is gone, or healing was faster."""
        self.took(fault)
        self._poke()
        await self.listen_again()

    def heal(self) -> None:
        """No fault any more; what was held goes on. `listen_again` must follow."""
        self._faults.clear()
        healed, self.healed = self.healed, asyncio.Event()
        healed.set()
        self._poke()

    async def listen_again(self) -> None:
        """Take connections unless a fault refuses them."""
        if self._server is None and not self.acting(Kind.REFUSE):
            await self._listen()

    def acting(self, kind: Kind, way: str = faults.BOTH) -> Fault | None:
        """The first fault of a kind that acts on a way now."""
        return next((each for each in self._faults if each.kind is kind and (way == faults.BOTH or each.acts_on(way))), None)

    @property
    def sound(self) -> bool:
        """Whether no fault acts."""
        return not self._faults

    def took(self, fault: Fault) -> None:
        """A fault that acts once has acted."""
        self._faults = [each for each in self._faults if each is not fault]

    async def flowing(self, way: str) -> None:
        """Wait while the way is stalled."""
        stalled = self.acting(Kind.STALL, way)
        if stalled is not None:
            self.counts.met[Kind.STALL] += 1
        while self.acting(Kind.STALL, way) is not None:
            await self._changed.wait()

    async def pause(self, seconds: float) -> None:
        """Wait so long, but not longer than until healing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.healed.wait()

    def _poke(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class _Connection:
    """One connection of packcenter, and the one to the PLC that carries it."""

    def __init__(self, link: Link, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen = Seen(mono_us())
        self.over = asyncio.Event()
        self._link = link
        self._number = number
        self._client = reader, writer
        self._writers = [writer]
        self._ways: list[asyncio.Task[None]] = []
        self._how = ""

    async def run(self) -> None:
        """Carry bytes until one side or a fault ends it."""
        try:
            await self._open()
            done, _ = await asyncio.wait(self._ways, return_when=asyncio.FIRST_COMPLETED)
            self._note(done)
        except (OSError, TimeoutError, _Ended) as error:
            self._how = self._how or (error.how if isinstance(error, _Ended) else "rst")
        finally:
            await self._close()

    def end(self, how: str) -> None:
        """End it from outside: fin or rst."""
        self._how = self._how or how
        if self._how == "rst":
            self._abort()
        for way in self._ways:
            way.cancel()

    async def _open(self) -> None:
        link = self._link
        slam = link.acting(Kind.SLAM)
        if slam is not None and slam.amount == 0:
            link.counts.met[Kind.SLAM] += 1
            raise _Ended("rst" if self._number % 2 else "fin")
        async with asyncio.timeout(CONNECT_LIMIT_S):
            plc = await asyncio.open_connection(*link.target)
        self._writers.append(plc[1])
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._how:  # ended while it was made
            raise _Ended(self._how)
        self._ways = [
            asyncio.create_task(self._carry(TO_PLC, self._client[0], plc[1], None)),
            asyncio.create_task(self._carry(FROM_PLC, plc[0], self._client[1], slam)),
        ]

    def _note(self, done: set[asyncio.Task[None]]) -> None:
        for way in self._ways:
            if way not in done or way.cancelled():
                continue
            error = way.exception()
            if error is None:
                self._how = self._how or "fin"
            elif isinstance(error, OSError | _Ended):
                self._how = self._how or getattr(error, "how", "rst")
            else:
                raise error

    async def _close(self) -> None:
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)
        if self._how == "rst":
            self._abort()
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_LIMIT_S):
                    await writer.wait_closed()
            writer.transport.abort()
        self.seen.closed_us, self.seen.how = mono_us(), self._how
        self.over.set()

    def _abort(self) -> None:
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            writer.transport.abort()

    # --- one way -------------------------------------------------------------------------------------------------------

    async def _carry(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slam: Fault | None) -> None:
        link = self._link
        stream = Stream(link.seed, "proxy chunks", crc32(link.name.encode()), self._number, way == TO_PLC)
        passed = 0
        while chunk := await reader.read(CHUNK_BYTES):
            link.counts.chunks += 1
            link.counts.bytes += len(chunk)
            if slam is not None and passed + len(chunk) > slam.amount:
                link.counts.met[Kind.SLAM] += 1
                writer.write(chunk[: slam.amount - passed])
                raise _Ended("fin")
            passed += len(chunk)
            if link.sound:
                writer.write(chunk)
            else:
                for piece in self._spoiled(way, stream, chunk, writer):
                    await self._pass(way, piece, writer)
            if len(chunk) <= OLD_CHUNK_BYTES:
                link.old[way].append(chunk)
            await writer.drain()
        await link.flowing(way)  # a goodbye does not pass either

    def _spoiled(self, way: str, stream: Stream, chunk: bytes, writer: asyncio.StreamWriter) -> list[bytes]:
        """What becomes of a chunk before it waits. Raises `_Ended` if it is cut."""
        link = self._link
        cut = link.acting(Kind.CUT, way)
        if cut is not None:
            link.took(cut)
            link.counts.met[Kind.CUT] += 1
            writer.write(chunk[: len(chunk) * cut.amount // 1000])
            raise _Ended("fin")
        if (hit := link.acting(Kind.CORRUPT, way)) is not None and stream.below(1000) < hit.amount:
            link.counts.met[Kind.CORRUPT] += 1
            chunk = corrupted(stream, chunk)
        chunks = [chunk]
        if (hit := link.acting(Kind.DUPLICATE, way)) is not None and stream.below(1000) < hit.amount:
            link.counts.met[Kind.DUPLICATE] += 1
            chunks.append(chunk)
        if (hit := link.acting(Kind.REPLAY, way)) is not None and stream.below(1000) < hit.amount and link.old[way]:
            link.counts.met[Kind.REPLAY] += 1
            chunks.insert(stream.below(2), link.old[way][stream.below(len(link.old[way]))])
        return chunks

    async def _pass(self, way: str, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        """Send a chunk on as fast as the faults let it."""
        link = self._link
        await link.flowing(way)
        if (delay := link.acting(Kind.DELAY, way)) is not None:
            link.counts.met[Kind.DELAY] += 1
            await link.pause(delay.amount / 1e6)
            await link.flowing(way)
        for kind in (Kind.SEGMENT, Kind.CAP):
            link.counts.met[kind] += link.acting(kind, way) is not None
        left = chunk
        while left:
            segment, cap = link.acting(Kind.SEGMENT, way), link.acting(Kind.CAP, way)
            size = segment.amount if segment is not None else len(left) if cap is None else max(1, cap.amount // 100)
            piece, left = left[:size], left[size:]
            if cap is not None:
                await link.pause(len(piece) / cap.amount)
            elif segment is not None:
                await asyncio.sleep(0)
            writer.write(piece)


def corrupted(stream: Stream, chunk: bytes) -> bytes:
    """
    The chunk with one or two bytes side by side changed.

    A CRC-16 finds every such change. More of it would slip through once in 65,536 times, on any wire with such a CRC.
    """
    spoilt = bytearray(chunk)
    at = stream.below(len(chunk))
    spoilt[at] ^= stream.between(1, 255)
    if stream.below(2) and at + 1 < len(chunk):
        spoilt[at + 1] ^= stream.between(1, 255)
    return bytes(spoilt)


def _bound(port: int) -> socket.socket:
    """A socket bound beside others of ours; while none of them listens, the port refuses."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


@dataclass
class _Counts:
    """Faults that began, and chunks or connections that they met, by kind; what passed in all."""

    began: Counter[Kind] = field(default_factory=Counter)
    met: Counter[Kind] = field(default_factory=Counter)
    chunks: int = 0
    bytes: int = 0


class Proxy:
    """The proxies of all PLCs. `addresses` are where to connect; plans run beside the caller until they end or `heal`."""

    def __init__(self, targets: dict[str, tuple[str, int]], seed: int, say: Callable[[str], None] = lambda line: None) -> None:
        self.counts = _Counts()
        self.links = {name: Link(name, target, seed, self.counts, say) for name, target in targets.items()}
        self.addresses: dict[str, tuple[str, int]] = {}
        self._seed = seed
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> dict[str, tuple[str, int]]:
        """Listen for all; the addresses."""
        for name, link in self.links.items():
            self.addresses[name] = ("127.0.0.1", await link.start())
        return self.addresses

    async def stop(self) -> None:
        """End everything."""
        await self._end_plans()
        for link in self.links.values():
            await link.stop()

    def plan(self, name: str, number: int, lasts_us: int, links: Sequence[str] = ()) -> list[Fault]:
        """Begin plan `number` of the seed: a `storm`, `swizzle` or `drizzle` on these links, or all."""
        drawn = PLANS[name](self._seed, number, links or list(self.links), lasts_us)
        return self.play(f"{name} {number} of seed {self._seed}", drawn)

    def play(self, title: str, plan: list[Fault]) -> list[Fault]:
        """Begin a plan now; it runs by itself."""
        self._say(faults.timeline(title, plan))
        for fault in plan:
            task = asyncio.create_task(self._one(fault))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return plan

    async def _one(self, fault: Fault) -> None:
        link = self.links[fault.link]
        if fault.at_us:
            await asyncio.sleep(fault.at_us / 1e6)
        link.begin(fault)
        if fault.lasts_us:
            await asyncio.sleep(fault.lasts_us / 1e6)
            await link.end(fault)

    async def heal(self) -> None:
        """End all plans and faults; what was held goes on."""
        await self._end_plans()
        for link in self.links.values():
            link.heal()
            await link.listen_again()
        self._say(f"healed; so far {dict(sorted(self.counts.began.items()))} met {dict(sorted(self.counts.met.items()))}")

    async def _end_plans(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    def connections(self, since_us: int) -> dict[str, list[list[object]]]:
        """[opened, closed (0: alive), how it ended] of every connection taken at or after `since_us`, by PLC."""
        return {
            name: [[seen.opened_us, seen.closed_us, seen.how] for seen in link.seen if seen.opened_us >= since_us]
            for name, link in self.links.items()
        }


# --- the program -----------------------------------------------------------------------------------------------------


async def carry_out(proxy: Proxy, line: str) -> dict[str, Any]:
    """The answer to one order."""
    order: dict[str, Any] = json.loads(line)
    ((name, argument),) = order.items()
    answer: dict[str, Any] = {"done": name, "mono_us": mono_us()}
    if name in PLANS:
        answer["plan"] = [str(fault) for fault in proxy.plan(name, **argument)]
    elif name == "fault":
        answer["plan"] = [str(fault) for fault in proxy.play("one fault", [Fault.of(argument)])]
    elif name == "heal":
        await proxy.heal()
    elif name == "connections":
        answer["connections"] = proxy.connections(argument)
    elif name == "status":
        counts = proxy.counts
        answer |= {"began": counts.began, "met": counts.met, "chunks": counts.chunks, "bytes": counts.bytes}
    else:
        answer = {"error": f"{name!r} is not an order"}
    return answer


async def _run(targets: dict[str, tuple[str, int]], seed: int) -> None:
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:9.3f} s] {line}", file=sys.stderr, flush=True)

    proxy = Proxy(targets, seed, say)
    print(json.dumps({"ready": await proxy.start()}), flush=True)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    loop.add_signal_handler(signal.SIGTERM, reader.feed_eof)
    while line := await reader.readline():
        try:
            answer = await carry_out(proxy, line.decode())
        except (ValueError, TypeError, KeyError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    await proxy.stop()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--targets", type=Path, required=True, help="JSON file {plc: [host, port]}")
    parser.add_argument("--seed", type=int, required=True, help="of all plans")
    arguments = parser.parse_args()
    targets = {name: (str(host), int(port)) for name, (host, port) in json.loads(arguments.targets.read_text()).items()}
    asyncio.run(_run(targets, arguments.seed))


if __name__ == "__main__":
    main()

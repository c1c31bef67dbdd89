"""The memory network: what TCP promises, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from simulation.virtual.loop import Process, VirtualLoop, run
from simulation.virtual.net import Link, Network
from simulation.virtual.tcp import HIGH_WATER, WINDOW_BYTES

HOST, PORT = "10.0.0.1", 502


class Peer(asyncio.Protocol):
    """A protocol that notes everything that happens to it."""

    def __init__(self) -> None:
        self.got = b""
        self.pieces: list[bytes] = []
        self.events: list[str] = []
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        self.got += data

    def eof_received(self) -> None:
        self.events.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost" if exc is None else type(exc).__name__)

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


class Pair:
    """A client and a server of one connection, and their link."""

    def __init__(self, network: Network, client: Peer, server: Peer, process: Process) -> None:
        self.network = network
        self.link: Link = network.link(HOST, PORT)
        self.client = client
        self.server = server
        self.process = process  # the server's


def connected(case: Callable[[Pair], Coroutine[Any, Any, None]]) -> None:
    """Run a case on a fresh connection."""

    async def main(loop: VirtualLoop) -> None:
        network = Network(loop, 1)
        servers: list[Peer] = []
        process = loop.process("server")

        def accept() -> Peer:
            servers.append(Peer())
            return servers[-1]

        async def listen() -> None:
            await loop.create_server(accept, HOST, PORT)

        await process.spawn(listen())
        _, client = await loop.create_connection(Peer, HOST, PORT)
        await asyncio.sleep(0.01)
        await case(Pair(network, client, servers[0], process))
        assert loop.complaints == []

    run(main)


def test_bytes_arrive_in_order_in_both_directions() -> None:
    """Once each, whatever the latency does."""

    async def case(pair: Pair) -> None:
        for number in range(200):
            pair.client.transport.write(bytes([number]))
            pair.server.transport.write(bytes([number, number]))
            await asyncio.sleep(0.00003)
        await asyncio.sleep(0.01)
        assert pair.server.got == bytes(range(200))
        assert pair.client.got == bytes(each for number in range(200) for each in (number, number))

    connected(case)


def test_close_sends_what_is_waiting_and_then_the_end() -> None:
    """The other side reads everything, hears the end, and ends its own side by itself."""

    async def case(pair: Pair) -> None:
        sent = bytes(5 * WINDOW_BYTES)
        pair.client.transport.write(sent)
        pair.client.transport.close()
        await asyncio.sleep(1)
        assert pair.server.got == sent
        assert pair.server.events == ["eof", "lost"]
        assert [each for each in pair.client.events if each != "pause"] == ["lost"]
        assert not pair.link.ends

    connected(case)


def test_abort_is_a_reset_for_the_other_side() -> None:
    """What was not sent is gone."""

    async def case(pair: Pair) -> None:
        pair.client.transport.abort()
        await asyncio.sleep(1)
        assert pair.client.events == ["lost"]
        assert pair.server.events == ["ConnectionResetError"]

    connected(case)


def test_who_sends_to_a_closed_connection_hears_a_reset() -> None:
    """As a kernel answers for a socket that is gone."""

    async def case(pair: Pair) -> None:
        pair.link.spoil(to_server=False, delay_us=500_000)
        pair.client.transport.close()  # its end arrives at once, the server's answer later
        pair.server.transport.write(b"late")
        await asyncio.sleep(0.1)
        assert pair.client.events == ["lost"]
        await asyncio.sleep(1)
        assert pair.client.got == b""

    connected(case)


def test_a_receiver_that_does_not_read_makes_the_sender_pause() -> None:
    """The window fills, then the transport; reading lets both go on, and nothing is lost."""

    async def case(pair: Pair) -> None:
        pair.server.transport.pause_reading()
        pair.client.transport.write(bytes(WINDOW_BYTES + HIGH_WATER))
        assert pair.client.events == []
        pair.client.transport.write(b"x")
        pair.client.transport.write(b"x" * HIGH_WATER)
        assert pair.client.events == ["pause"]
        await asyncio.sleep(1)
        assert pair.server.got == b""
        pair.server.transport.resume_reading()
        await asyncio.sleep(1)
        assert pair.client.events == ["pause", "resume"]
        assert len(pair.server.got) == WINDOW_BYTES + 2 * HIGH_WATER + 1

    connected(case)


def test_a_half_open_link_is_silent_one_way_and_nobody_is_told() -> None:
    """TCP stays; what was held arrives in order when the cable is back, ahead of what is said later."""

    async def case(pair: Pair) -> None:
        pair.link.stall(to_server=True, to_client=False)
        pair.client.transport.write(b"one ")
        pair.server.transport.write(b"heard")
        await asyncio.sleep(20)
        assert (pair.server.got, pair.client.got) == (b"", b"heard")
        pair.client.transport.write(b"two ")
        pair.link.restore()
        pair.client.transport.write(b"three")
        await asyncio.sleep(1)
        assert pair.server.got == b"one two three"
        assert pair.server.events == pair.client.events == []

    connected(case)


def test_a_delay_holds_every_byte_even_after_the_writer_gave_up() -> None:
    """An old telegram may arrive when its connection has long been replaced by another."""

    async def case(pair: Pair) -> None:
        pair.link.spoil(to_server=True, delay_us=10_000_000)
        pair.client.transport.write(b"old")
        pair.client.transport.close()
        await asyncio.sleep(9)
        assert pair.client.events == ["lost"]
        assert pair.server.got == b""
        await asyncio.sleep(2)
        assert pair.server.got == b"old"
        assert pair.server.events == ["eof", "lost"]

    connected(case)


def test_a_reset_ends_both_sides() -> None:
    """Each hears it a latency later."""

    async def case(pair: Pair) -> None:
        pair.link.reset()
        await asyncio.sleep(1)
        assert pair.client.events == pair.server.events == ["ConnectionResetError"]
        assert not pair.link.ends

    connected(case)


def test_a_cut_delivers_a_part_of_a_telegram_and_then_a_reset() -> None:
    """The part arrives; the rest never does."""

    async def case(pair: Pair) -> None:
        pair.link.spoil(to_server=True, cut_after=5)
        pair.client.transport.write(b"abc")
        pair.client.transport.write(b"defgh")
        pair.client.transport.write(b"never")
        await asyncio.sleep(1)
        assert pair.server.got == b"abcde"
        assert pair.server.events == pair.client.events == ["ConnectionResetError"]
        assert pair.link.sound

    connected(case)


def test_corruption_changes_one_byte_and_nothing_else() -> None:
    """Of a bad gateway, behind TCP's back; once."""

    async def case(pair: Pair) -> None:
        pair.link.spoil(to_server=False, flip_after=4, flip_bits=0x81)
        pair.server.transport.write(b"abc")
        pair.server.transport.write(b"def")
        await asyncio.sleep(1)
        assert pair.client.got == b"abcd" + bytes([ord("e") ^ 0x81]) + b"f"
        assert pair.link.sound

    connected(case)


def test_segmentation_gives_the_same_bytes_in_small_pieces() -> None:
    """A protocol must not believe that a telegram comes at once."""

    async def case(pair: Pair) -> None:
        pair.link.spoil(to_server=True, piece_bytes=3)
        pair.client.transport.write(bytes(range(100)))
        await asyncio.sleep(1)
        assert pair.server.got == bytes(range(100))
        assert len(pair.server.pieces) > 5
        assert max(len(piece) for piece in pair.server.pieces) < 100

    connected(case)


def test_nobody_listening_is_a_refusal_and_a_swallowed_connect_is_none() -> None:
    """The first raises at once, the second waits for whatever deadline the caller has, and goes on when it is healed."""

    async def main(loop: VirtualLoop) -> None:
        network = Network(loop, 1)
        with pytest.raises(ConnectionRefusedError, match="nobody listens at"):
            await loop.create_connection(Peer, HOST, PORT)
        await loop.create_server(Peer, HOST, PORT)
        link = network.link(HOST, PORT)
        link.shut(refuses=True)
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Peer, HOST, PORT)
        link.shut(swallows=True)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.create_connection(Peer, HOST, PORT), 3)
        connecting = asyncio.ensure_future(loop.create_connection(Peer, HOST, PORT))
        await asyncio.sleep(1)
        link.restore()
        await asyncio.wait_for(connecting, 1)

    run(main)


def test_a_killed_process_is_ended_by_its_computer_and_a_dead_computer_by_nobody() -> None:
    """kill -9: the peer hears the end. No power: the peer hears nothing, not even when it sends."""

    async def killed(pair: Pair) -> None:
        pair.network.drop(pair.process)
        pair.process.kill()
        await asyncio.sleep(1)
        assert pair.client.events == ["eof", "lost"]
        assert pair.server.events == []

    async def unpowered(pair: Pair) -> None:
        pair.network.drop(pair.process, silently=True)
        pair.process.kill()
        pair.client.transport.write(b"anybody?")
        await asyncio.sleep(100)
        assert pair.client.events == []
        with pytest.raises(ConnectionRefusedError):
            await asyncio.get_running_loop().create_connection(Peer, HOST, PORT)

    connected(killed)
    connected(unpowered)


def test_a_paused_process_finds_everything_when_it_goes_on() -> None:
    """Its computer takes the bytes; it reads them at once when it runs again, the end as well."""

    async def case(pair: Pair) -> None:
        pair.process.pause()
        pair.client.transport.write(b"one ")
        await asyncio.sleep(1)
        pair.client.transport.write(b"two")
        pair.client.transport.close()
        await asyncio.sleep(1)
        assert pair.server.got == b""
        pair.process.resume()
        await asyncio.sleep(1)
        assert pair.server.pieces == [b"one two"]
        assert pair.server.events == ["eof", "lost"]

    connected(case)


def test_a_protocol_that_raises_loses_its_connection() -> None:
    """As asyncio does; and the run has a complaint."""

    class Broken(Peer):
        def data_received(self, data: bytes) -> None:
            raise ValueError("cannot read this")

    async def main(loop: VirtualLoop) -> None:
        Network(loop, 1)
        servers: list[Peer] = []
        await loop.create_server(lambda: servers.append(Broken()) or servers[-1], HOST, PORT)  # type: ignore[func-returns-value]
        transport, client = await loop.create_connection(Peer, HOST, PORT)
        transport.write(b"x")
        await asyncio.sleep(1)
        assert servers[0].events == ["ValueError"]
        assert client.events == ["ConnectionResetError"]
        assert "cannot read this" in loop.complaints.pop()

    run(main)


def test_links_have_latencies_of_their_own_from_the_seed() -> None:
    """So that two links seldom meet in one microsecond, and a run can be repeated."""

    async def main(loop: VirtualLoop) -> list[list[int]]:
        def latencies(seed: int, name: str) -> list[int]:
            link = Network(loop, seed).link(HOST, PORT, name)
            return [link.latency_us() for _ in range(20)]

        return [latencies(1, "a"), latencies(1, "a"), latencies(1, "b"), latencies(2, "a")]

    one, again, other, seeded = run(main)
    assert one == again
    assert len({tuple(one), tuple(other), tuple(seeded)}) == 3
    assert min(one + other + seeded) >= 150


def test_a_closed_server_waits_for_its_connections() -> None:
    """As asyncio's does since Python 3.12, on every Python."""

    async def main(loop: VirtualLoop) -> None:
        Network(loop, 1)
        server = await loop.create_server(Peer, HOST, PORT)
        transport, _ = await loop.create_connection(Peer, HOST, PORT)
        server.close()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 5)
        transport.close()
        await asyncio.wait_for(server.wait_closed(), 5)

    run(main)

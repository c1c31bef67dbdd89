"""The fault proxy does what its faults say, to both sides, and nothing after healing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import faults
import pytest
from faults import BOTH, FROM_PLC, TO_PLC, Fault, Kind
from harness import ProxyProcess
from proxy import PLANS, Proxy

SEED = 7
LIMIT_S = 10.0
HOUR_US = 3_600_000_000
ASK = b"what is your odometer?"
ANSWER = b"it is four thousand and seven"

pytestmark = pytest.mark.timeout(30)


class Plc:
    """The far side: takes connections, one after the other."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[End] = asyncio.Queue()
        self._server: asyncio.Server | None = None

    async def start(self) -> tuple[str, int]:
        """Listen."""
        self._server = await asyncio.start_server(lambda r, w: self.came.put_nowait(End(r, w)), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def stop(self) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()


class End:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, content: bytes) -> None:
        """Send at once."""
        self.writer.write(content)

    async def get(self, count: int) -> bytes:
        """So many bytes."""
        async with asyncio.timeout(LIMIT_S):
            return await self.reader.readexactly(count)

    async def rest(self) -> bytes:
        """All until the end of the connection."""
        async with asyncio.timeout(LIMIT_S):
            return await self.reader.read()

    async def nothing(self) -> bool:
        """Whether neither a byte nor the end comes for a moment. What comes later is not seen: it can pass wrongly, not fail."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await self.reader.read(1)
                return False
        return True

    async def close(self) -> None:
        """Say goodbye."""
        self.writer.close()


class Bench:
    """A proxy with one PLC behind it."""

    def __init__(self, proxy: Proxy, plc: Plc) -> None:
        self.proxy = proxy
        self.plc = plc
        self.link = proxy.links["rack"]
        self._ends: list[End] = []

    async def connect(self) -> tuple[End, End]:
        """A new connection: our end, and the PLC's."""
        ours = await self.knock()
        async with asyncio.timeout(LIMIT_S):
            theirs = await self.plc.came.get()
        self._ends.append(theirs)
        return ours, theirs

    async def knock(self) -> End:
        """Our end alone: the PLC may never hear of it."""
        ours = End(*await asyncio.open_connection(*self.proxy.addresses["rack"]))
        self._ends.append(ours)
        return ours

    def begin(self, kind: Kind, way: str = BOTH, amount: int = 0) -> None:
        """A fault that lasts until healing."""
        self.link.begin(Fault("rack", kind, way, amount=amount))

    async def stop(self) -> None:
        """End all."""
        await self.proxy.stop()
        for end in self._ends:
            end.writer.transport.abort()
        await self.plc.stop()


@asynccontextmanager
async def bench(seed: int = SEED, say: Callable[[str], None] = lambda line: None) -> AsyncIterator[Bench]:
    """A proxy and a PLC for one test."""
    plc = Plc()
    proxy = Proxy({"rack": await plc.start()}, seed, say)
    await proxy.start()
    made = Bench(proxy, plc)
    try:
        yield made
    finally:
        await made.stop()


async def exchange(ours: End, theirs: End) -> None:
    """Ask and answer come through unchanged."""
    ours.send(ASK)
    assert await theirs.get(len(ASK)) == ASK
    theirs.send(ANSWER)
    assert await ours.get(len(ANSWER)) == ANSWER


async def test_without_a_fault_both_ways_pass_and_a_goodbye_does_too() -> None:
    """A sound proxy is not noticed."""
    async with bench() as it:
        ours, theirs = await it.connect()
        await exchange(ours, theirs)
        await ours.close()
        assert await theirs.rest() == b""
        assert it.proxy.counts.chunks == 2
        assert it.proxy.counts.bytes == len(ASK) + len(ANSWER)
        assert not it.proxy.counts.met


async def test_a_stall_silences_one_way_and_healing_lets_go_what_was_held() -> None:
    """What goes to a stalled side waits in order; the other way passes meanwhile."""
    async with bench() as it:
        ours, theirs = await it.connect()
        await exchange(ours, theirs)
        it.begin(Kind.STALL, TO_PLC)
        ours.send(b"one ")
        ours.send(b"two")
        theirs.send(ANSWER)
        assert await ours.get(len(ANSWER)) == ANSWER
        theirs.send(ANSWER)
        assert await ours.get(len(ANSWER)) == ANSWER
        assert it.proxy.counts.met[Kind.STALL] == 1
        assert await theirs.nothing()
        await it.proxy.heal()
        assert await theirs.get(7) == b"one two"
        await exchange(ours, theirs)


async def test_a_goodbye_does_not_pass_a_stalled_way() -> None:
    """Half-open: the PLC still believes in a client that is gone, until healing."""
    async with bench() as it:
        ours, theirs = await it.connect()
        await exchange(ours, theirs)
        it.begin(Kind.STALL, BOTH)
        await ours.close()
        assert await theirs.nothing()
        assert it.proxy.connections(0)["rack"][0][1] == 0
        await it.proxy.heal()
        assert await theirs.rest() == b""


async def test_a_reset_ends_a_connection_for_both_sides() -> None:
    """Both see a reset, not a goodbye, and the next connection is sound."""
    async with bench() as it:
        ours, theirs = await it.connect()
        await exchange(ours, theirs)
        it.begin(Kind.RESET)
        for end in (ours, theirs):
            with pytest.raises(ConnectionResetError):
                await end.rest()
        await exchange(*await it.connect())
        ended = it.proxy.connections(0)["rack"][0]
        assert ended[2] == "rst"


async def test_a_refused_connection_is_refused_and_the_port_is_the_same_afterwards() -> None:
    """While it refuses, nobody listens; a connection that lives goes on living."""
    async with bench() as it:
        before = await it.connect()
        it.begin(Kind.REFUSE)
        with pytest.raises(ConnectionRefusedError):
            await it.knock()
        await exchange(*before)
        await it.proxy.heal()
        await exchange(*await it.connect())


@pytest.mark.parametrize("passes", [0, 5])
async def test_a_slammed_connection_ends_early(passes: int) -> None:
    """It is taken, and ends at once or after so many bytes of an answer."""
    async with bench() as it:
        it.begin(Kind.SLAM, amount=passes)
        if passes:
            ours, theirs = await it.connect()
            ours.send(ASK)
            assert await theirs.get(len(ASK)) == ASK
            theirs.send(ANSWER)
        else:
            ours = await it.knock()
        assert await ours.rest() == ANSWER[:passes]
        await it.proxy.heal()
        await exchange(*await it.connect())


async def test_a_cut_ends_a_telegram_in_the_middle_and_acts_once() -> None:
    """Half a telegram comes, then the end; the next connection is whole."""
    async with bench() as it:
        ours, theirs = await it.connect()
        it.begin(Kind.CUT, FROM_PLC, 500)
        ours.send(ASK)
        assert await theirs.get(len(ASK)) == ASK
        theirs.send(ANSWER)
        assert await ours.rest() == ANSWER[: len(ANSWER) // 2]
        await exchange(*await it.connect())


async def test_a_corrupted_chunk_differs_in_one_place_and_in_the_same_one_for_the_same_seed() -> None:
    """One or two bytes side by side are changed, the length stays; the place follows the seed."""
    got = []
    for seed in (SEED, SEED, SEED + 1):
        async with bench(seed) as it:
            ours, theirs = await it.connect()
            it.begin(Kind.CORRUPT, FROM_PLC, 1_000)
            ours.send(ASK)
            assert await theirs.get(len(ASK)) == ASK
            theirs.send(ANSWER)
            got.append(await ours.get(len(ANSWER)))
            await it.proxy.heal()
            await exchange(ours, theirs)
    changed = [at for at, (now, then) in enumerate(zip(got[0], ANSWER, strict=True)) if now != then]
    assert 1 <= len(changed) <= 2
    assert changed[-1] - changed[0] <= 1
    assert got[0] == got[1] != got[2]


async def test_a_duplicated_chunk_comes_twice() -> None:
    """The same telegram again."""
    async with bench() as it:
        ours, theirs = await it.connect()
        it.begin(Kind.DUPLICATE, TO_PLC, 1_000)
        ours.send(ASK)
        assert await theirs.get(2 * len(ASK)) == 2 * ASK


async def test_a_replayed_chunk_may_be_of_an_earlier_connection() -> None:
    """An old telegram comes again beside the new one, though its connection is long over."""
    async with bench() as it:
        ours, theirs = await it.connect()
        await exchange(ours, theirs)
        await ours.close()
        assert await theirs.rest() == b""
        ours, theirs = await it.connect()
        it.begin(Kind.REPLAY, TO_PLC, 1_000)
        ours.send(b"new")
        got = await theirs.get(3 + len(ASK))
        assert got in (b"new" + ASK, ASK + b"new")


async def test_segmented_chunks_come_whole_in_pieces() -> None:
    """Nothing is lost where every byte is a segment of its own."""
    async with bench() as it:
        ours, theirs = await it.connect()
        it.begin(Kind.SEGMENT, FROM_PLC, 1)
        theirs.send(ANSWER)
        first = await asyncio.wait_for(ours.reader.read(1000), LIMIT_S)
        assert len(first) < len(ANSWER)
        assert first + await ours.get(len(ANSWER) - len(first)) == ANSWER
        assert it.proxy.counts.met[Kind.SEGMENT] == 1


@pytest.mark.parametrize(("kind", "amount"), [(Kind.DELAY, HOUR_US), (Kind.CAP, 1)])
async def test_what_a_slow_way_holds_is_let_go_by_healing(kind: Kind, amount: int) -> None:
    """An hour's delay, or a byte a second, is over at once."""
    async with bench() as it:
        ours, theirs = await it.connect()
        it.begin(kind, FROM_PLC, amount)
        theirs.send(ANSWER)
        ours.send(ASK)
        assert await theirs.get(len(ASK)) == ASK
        assert await ours.nothing()
        assert it.proxy.counts.met[kind] == 1
        await it.proxy.heal()
        assert await ours.get(len(ANSWER)) == ANSWER
        await exchange(ours, theirs)


async def test_a_fault_ends_by_itself_and_plans_are_told() -> None:
    """After its time a fault acts no more, and the timeline was said before."""
    told: list[str] = []
    async with bench(say=told.append) as it:
        ours, theirs = await it.connect()
        it.proxy.play("one", [Fault("rack", Kind.STALL, BOTH, 0, 1_000), Fault("rack", Kind.REFUSE, BOTH, 0, 1_000)])
        await exchange(ours, theirs)
        while not it.link.sound:  # noqa: ASYNC110 - the plan's own task ends it
            await asyncio.sleep(0)
        await exchange(*await it.connect())
    assert told[0].startswith("one: 2 faults\n")
    assert it.proxy.counts.began == {Kind.STALL: 1, Kind.REFUSE: 1}


async def test_a_plc_that_is_off_costs_the_client_its_connection() -> None:
    """What cannot be carried is reset, not left hanging."""
    async with bench() as it:
        await it.plc.stop()
        ours = await it.knock()
        with pytest.raises(ConnectionResetError):
            await ours.rest()


async def test_healing_ends_storms_that_are_under_way() -> None:
    """No fault of a plan begins after healing."""
    async with bench() as it:
        for number in range(20):
            for plan in PLANS:
                it.proxy.plan(plan, number, HOUR_US)
        await asyncio.sleep(0)
        await it.proxy.heal()
        assert it.link.sound
        await exchange(*await it.connect())


@pytest.mark.slow
def test_the_proxy_as_a_process_takes_orders_and_ends_with_its_input(tmp_path: Path) -> None:
    """It says where it listens, plans from its seed, refuses what is no order, and ends when nobody orders any more."""
    targets = tmp_path / "targets.json"
    targets.write_text(json.dumps({"rack": ["127.0.0.1", 1], "sorter-1": ["127.0.0.1", 2]}))
    proxy = ProxyProcess(targets, SEED, tmp_path / "proxy.log")
    try:
        assert sorted(proxy.addresses) == ["rack", "sorter-1"]
        plan = proxy.order("storm", {"number": 1, "lasts_us": HOUR_US})["plan"]
        assert plan == [str(fault) for fault in faults.storm(SEED, 1, ["rack", "sorter-1"], HOUR_US)]
        plan = proxy.order("swizzle", {"number": 2, "lasts_us": HOUR_US, "links": ["rack"]})["plan"]
        assert plan == [str(fault) for fault in faults.swizzle(SEED, 2, ["rack"], HOUR_US)]
        proxy.order("fault", Fault("rack", Kind.STALL).plain())
        assert proxy.heal() > 0
        assert proxy.connections() == {"rack": [], "sorter-1": []}
        assert proxy.order("status")["began"]["stall"] >= 1
        for wrong in ("jump", "fault"):
            with pytest.raises(AssertionError, match="error"):
                proxy.order(wrong, {"kind": "gremlin"})
        assert f"storm 1 of seed {SEED}" in proxy.text()
        assert proxy.process.stdin is not None
        proxy.process.stdin.close()
        assert proxy.ended(10.0) == 0
        assert "Traceback" not in proxy.text()
    finally:
        proxy.end()

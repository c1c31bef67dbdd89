"""The real protocol stacks over the memory network, and waiting without looking."""

from __future__ import annotations

import asyncio

import pytest
from virtualbed import Bed, Protocol, on_bed

from packcenter.plc.line import CommandKind, EventKind, LineCommand
from simulation.virtual.net import Link

BOTH: tuple[Protocol, ...] = ("modbus", "opcua")


async def _work(bed: Bed) -> list[int]:
    """Twenty events at odd moments and five commands; when the link told each event, after it was made, in microseconds."""
    made: list[int] = []
    for number in range(20):
        await asyncio.sleep((37_003 + 11_117 * number) / 1e6)
        made.append(bed.loop.now_us)
        bed.plc.report(EventKind.SCANNED, track=number)
        if number % 4 == 0:
            bed.link.ask(LineCommand(number // 4 + 1, CommandKind.DIVERT, track=number, a=1))
    await asyncio.sleep(1)
    assert [number for _, number in bed.told] == list(range(1, 22))
    assert bed.program.taken == [1, 2, 3, 4, 5]
    assert bed.plc.ring_used == 0
    return [told - at for (told, _), at in zip(bed.told[1:], made, strict=True)]


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("quiet", [True, False])
def test_events_come_and_commands_go_over_the_real_stacks(protocol: Protocol, quiet: bool) -> None:
    """asyncua's and pymodbus's own clients, in virtual time; every event within a poll and its request of being made."""
    delays = on_bed(_work, protocol, quiet=quiet)
    assert max(delays) < 13_000


@pytest.mark.parametrize("protocol", BOTH)
def test_a_run_is_repeated_byte_for_byte_with_its_times(protocol: Protocol) -> None:
    """All that was said on the cable, twice the same."""

    async def case(bed: Bed) -> list[tuple[int, bool, bytes]]:
        said: list[tuple[int, bool, bytes]] = []
        bed.network.observer = lambda link, to_server, number, content: said.append((bed.loop.now_us, to_server, content))
        await _work(bed)
        return said

    assert on_bed(case, protocol) == on_bed(case, protocol)


def test_asyncua_publishes_at_the_same_ticks_when_it_does_not_look() -> None:
    """Woken when there is something, the subscription says the same bytes at the same microseconds as by looking every 5 ms."""

    async def case(bed: Bed) -> list[tuple[int, bytes]]:
        published: list[tuple[int, bytes]] = []

        def hear(link: Link, to_server: bool, number: int, content: bytes) -> None:
            if not to_server:
                published.append((bed.loop.now_us, content))

        bed.network.observer = hear
        await _work(bed)
        await asyncio.sleep(3)
        return published

    assert on_bed(case, "opcua", quiet=True) == on_bed(case, "opcua", quiet=False)


def test_asyncua_keeps_a_silent_subscription_alive_at_the_same_ticks() -> None:
    """A PLC that stands still publishes nothing: the keep-alives are counted in ticks that nobody looked at."""

    async def case(bed: Bed) -> list[int]:
        beats: list[int] = []
        bed.network.observer = lambda link, to_server, number, content: None if to_server else beats.append(bed.loop.now_us)
        bed.beating = False  # the PLC stands still, its server goes on
        await asyncio.sleep(0.75)
        return beats

    quiet = on_bed(case, "opcua", quiet=True)
    assert quiet == on_bed(case, "opcua", quiet=False)
    assert len(quiet) > 1


def test_a_quiet_link_leaves_out_nine_polls_of_ten() -> None:
    """Only heartbeats and news are asked for; the PLC's heartbeat is seen as soon as by looking."""

    async def case(bed: Bed) -> int:
        before = sum(bed.link.requests.counts.values())
        await asyncio.sleep(10)
        assert bed.link.mailbox.up
        return sum(bed.link.requests.counts.values()) - before

    quiet, loud = on_bed(case, "modbus", quiet=True), on_bed(case, "modbus", quiet=False)
    assert loud > 900
    assert quiet < 250


def test_a_link_in_trouble_looks_at_every_tick() -> None:
    """Where a look itself may fail, it is made: silence is noticed by the request's deadline, as in life."""

    async def case(bed: Bed) -> int:
        await asyncio.sleep(5)
        bed.cable.stall()
        began_us = bed.loop.now_us
        while bed.link.mailbox.up:  # noqa: ASYNC110 - looking costs nothing here
            await asyncio.sleep(0.001)
        return bed.loop.now_us - began_us

    assert 400_000 <= on_bed(case, "modbus", quiet=True) <= 415_000


@pytest.mark.parametrize("protocol", BOTH)
def test_a_cut_cable_ends_the_link_and_a_mended_one_brings_it_back(protocol: Protocol) -> None:
    """Silence is noticed within the heartbeat's limit; no event is lost, none comes twice."""

    async def case(bed: Bed) -> None:
        bed.cable.stall(to_server=False)
        bed.plc.report(EventKind.SCANNED, track=1)
        await asyncio.sleep(1.5)
        assert not bed.link.mailbox.up
        bed.cable.restore()
        await asyncio.sleep(3)
        assert bed.link.mailbox.up
        assert [number for _, number in bed.told] == [1, 2]
        await bed.stop()

    on_bed(case, protocol)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("fault", ["reset", "cut", "flip", "pieces"])
def test_spoiled_telegrams_lose_no_event(protocol: Protocol, fault: str) -> None:
    """Cut short, corrupted or in pieces, at every place of a telegram: each event comes once."""

    async def case(bed: Bed) -> None:
        for number in range(12):
            if fault == "reset":
                bed.cable.reset()
            elif fault == "pieces":
                bed.cable.spoil(to_server=number % 2 == 0, piece_bytes=number + 1)
            else:
                bed.cable.spoil(to_server=number % 2 == 0, **{f"{fault}_after": 23 * number})
            bed.plc.report(EventKind.SCANNED, track=number)
            await asyncio.sleep(2.5)
        bed.cable.restore()
        await asyncio.sleep(5)
        assert [number for _, number in bed.told] == list(range(1, 14))

    on_bed(case, protocol)

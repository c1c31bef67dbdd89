"""The loop of one link, in virtual time over a wire in memory: hours of trouble in milliseconds, the same every time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from plc_testing import DIGEST, LoopbackNet, LoopClock, Middle, ModelPlc, run_virtual, with_crcs

from packcenter.plc.checking import BusyError, PlcError
from packcenter.plc.image import IN_WORDS
from packcenter.plc.line import LineCommand
from packcenter.plc.link import Backoff, Link, LinkSettings, Requests, Wire, wire_maker
from packcenter.plc.mailbox import Cause, Events, Happening, LinkLost, LinkUp, NoLink, ProfileMismatch, Resume
from packcenter.plc.memory import MemoryWire
from packcenter.plc.trace import Trace

SETTINGS = LinkSettings(plc="sorter-1", protocol="modbus", profile_digest=DIGEST)


class Rig:
    """A link to a `ModelPlc` with a service that grants, and journals at once what it hears."""

    def __init__(
        self,
        make_wire: Callable[[Requests], Wire] | None = None,
        *,
        settings: LinkSettings = SETTINGS,
        resume: Resume | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.plc = ModelPlc()
        self.heard: list[tuple[float, Happening]] = []
        self.observed: list[tuple[str, str, float]] = []
        self.opened: list[float] = []
        self.epoch = 0
        self._make = make_wire or (lambda requests: MemoryWire(self.plc.exchange))
        self.link = Link(
            settings,
            resume=resume or Resume(),
            clock=LoopClock(),
            random=Middle(),
            make_wire=self._open,
            on_happenings=self.hear,
            observe=lambda *seen: self.observed.append(seen),
            trace=trace,
        )

    def _open(self, requests: Requests) -> Wire:
        self.opened.append(now())
        return self._make(requests)

    def hear(self, plc: str, happenings: list[Happening]) -> None:
        assert plc == "sorter-1"
        for happening in happenings:
            self.heard.append((now(), happening))
            if isinstance(happening, LinkUp) and happening.epoch == 0:
                self.epoch += 1
                self.link.grant(happening.nonce, self.epoch)
            elif isinstance(happening, Events):
                self.link.durable(happening.epoch, happening.events[-1].number)

    def times(self, operation: str, result: str) -> list[float]:
        return [seconds for *seen, seconds in self.observed if seen == [operation, result]]

    def kinds(self) -> list[str]:
        return [type(happening).__name__ for _, happening in self.heard]

    async def __aenter__(self) -> Rig:
        self.task = asyncio.create_task(self.link.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.link.stop()
        assert self.task.done()


def now() -> float:
    return asyncio.get_running_loop().time()


def in_virtual_time(test: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        run_virtual(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


class FakeWire:
    """A wire whose every step a test may replace."""

    how = "fake"
    pushes = False

    def __init__(self, requests: Requests, **steps: Any) -> None:
        self._requests = requests
        self._steps = steps

    async def connect(self, wake: asyncio.Event) -> None:
        self.wake = wake
        if "connect" in self._steps:
            await self._steps["connect"]()

    async def exchange(self, words: list[int] | None) -> list[int] | None:
        out: list[int] | None = await self._requests("exchange", self._steps["exchange"](words))
        return out

    async def close(self) -> None:
        if "close" in self._steps:
            await self._steps["close"]()


async def for_ever(*_: object) -> Any:
    await asyncio.get_running_loop().create_future()


def failing(error: Exception) -> Callable[..., Any]:
    async def fail(*_: object) -> Any:
        raise error

    return fail


# --- ordinary days -------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_link_comes_up_is_granted_and_carries_events_and_commands() -> None:
    async with Rig() as rig:
        await asyncio.sleep(0.1)
        assert rig.kinds() == ["LinkUp"]
        assert rig.plc.epoch == 1
        rig.plc.make(9)
        for number in range(1, 8):
            rig.link.ask(LineCommand(number, 1))
        await asyncio.sleep(0.1)
        assert [event.number for _, told in rig.heard if isinstance(told, Events) for event in told.events] == list(range(1, 10))
        assert rig.plc.ring == []
        assert [command.number for command in rig.plc.taken_commands] == list(range(1, 8))
        assert rig.link.how == "in memory"


@in_virtual_time
async def test_news_goes_out_at_once_and_not_with_the_next_poll() -> None:
    lazy = LinkSettings(plc="sorter-1", protocol="modbus", profile_digest=DIGEST, poll_gap_us=90_000)
    async with Rig(settings=lazy) as rig:
        await asyncio.sleep(1.0)
        rig.link.ask(LineCommand(1, 1))
        await asyncio.sleep(0.001)
        assert len(rig.plc.taken_commands) == 1
        assert rig.link.withdraw(1) is False


@in_virtual_time
async def test_a_quiet_link_reads_with_every_poll_and_writes_with_every_heartbeat() -> None:
    async with Rig() as rig:
        await asyncio.sleep(1.0)
        beats, writes = rig.plc.heartbeat, len(rig.plc.received)
        await asyncio.sleep(10.0)
        assert 950 <= rig.plc.heartbeat - beats <= 1_001
        assert 90 <= len(rig.plc.received) - writes <= 101


@in_virtual_time
async def test_a_plc_whose_infeed_is_held_sees_our_heartbeat_stand_still_and_loses_nothing() -> None:
    async with Rig() as rig:
        await asyncio.sleep(1.0)
        rig.link.hold_infeed(True)
        held = rig.plc.received[-1].heartbeat
        rig.plc.make(3)
        await asyncio.sleep(1.0)
        assert rig.plc.received[-1].heartbeat == held
        assert rig.plc.ring == []
        rig.link.hold_infeed(False)
        await asyncio.sleep(0.15)
        assert rig.plc.received[-1].heartbeat > held


@in_virtual_time
async def test_what_becomes_durable_while_the_link_is_down_is_acknowledged_when_it_is_back() -> None:
    rig = Rig()
    hear, heard = rig.hear, []  # type: tuple[Any, list[Happening]]

    def late(plc: str, happenings: list[Happening]) -> None:
        heard.extend(happening for happening in happenings if isinstance(happening, Events))
        hear(plc, [happening for happening in happenings if not isinstance(happening, Events)])

    rig.link._on_happenings = late
    async with rig:
        await asyncio.sleep(1.0)
        rig.plc.make(2)
        await asyncio.sleep(0.1)
        rig.plc.alive = False
        await asyncio.sleep(1.0)
        assert rig.kinds()[-1] == "LinkLost"
        rig.link.durable(1, 2)
        rig.plc.alive = True
        await asyncio.sleep(3.0)
        assert rig.plc.acknowledged == 2
        assert len(heard) == 1


@in_virtual_time
async def test_a_wire_that_pushes_is_not_polled() -> None:
    rig: Rig
    asked = 0

    class Pushing(FakeWire):
        pushes = True

        async def exchange(self, words: list[int] | None) -> list[int] | None:
            nonlocal asked
            asked += 1
            return rig.plc.exchange(words)

    wires: list[Pushing] = []

    def make(requests: Requests) -> Pushing:
        wires.append(Pushing(requests))
        return wires[-1]

    rig = Rig(make)
    async with rig:
        await asyncio.sleep(1.0)
        asked = 0
        await asyncio.sleep(1.0)
        assert asked <= 11  # the heartbeat alone
        rig.plc.make()
        wires[-1].wake.set()
        await asyncio.sleep(0.001)
        assert rig.kinds()[-1] == "Events"


@in_virtual_time
async def test_a_restarted_service_goes_on_where_its_journal_ends() -> None:
    rig = Rig(resume=Resume(nonce=77, epoch=3, taken=2))
    rig.plc.epoch = 3
    rig.plc.make(4)
    async with rig:
        rig.link.ask(LineCommand(1, 1))
        await asyncio.sleep(0.1)
        (_, up), (_, told) = rig.heard
        assert up == LinkUp(77, 3)
        assert isinstance(told, Events)
        assert [event.number for event in told.events] == [3, 4]
        assert len(rig.plc.taken_commands) == 1


@in_virtual_time
async def test_the_trace_sees_both_directions() -> None:
    trace = Trace()
    async with Rig(trace=trace) as rig:
        await asyncio.sleep(0.1)
        rig.plc.make()
        await asyncio.sleep(0.1)
    lines = list(trace.lines("sorter-1"))
    assert any(" -> scanned 1 " in line for line in lines)
    assert any(line.endswith("<- acknowledged is=1") for line in lines)


# --- trouble -------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_heartbeat_that_stops_while_the_connection_lives_drops_it_and_is_told_once() -> None:
    async with Rig() as rig:
        await asyncio.sleep(10.0)
        rig.plc.alive = False
        stopped = now()
        await asyncio.sleep(60.0)
        (at, lost) = rig.heard[1]
        assert isinstance(lost, LinkLost)
        assert lost.cause is Cause.HEARTBEAT
        assert 0.8 <= at - stopped < 0.85
        assert rig.kinds() == ["LinkUp", "LinkLost"]
        hellos = {image.hello for image in rig.plc.received}
        assert len(hellos) == rig.link.connects > 20
        rig.plc.alive = True
        await asyncio.sleep(3.0)
        assert rig.kinds() == ["LinkUp", "LinkLost", "LinkUp"]
        assert rig.link.reconnects == rig.link.connects - 1


@in_virtual_time
async def test_a_plc_that_is_not_there_is_asked_once_a_second_at_most_and_told_once() -> None:
    async with Rig(lambda requests: FakeWire(requests, connect=failing(ConnectionRefusedError("refused")))) as rig:
        await asyncio.sleep(60.0)
        assert [happening for _, happening in rig.heard] == [NoLink(Cause.UNREACHABLE, "connect failed: refused")]
        gaps = [later - earlier for earlier, later in zip(rig.opened, rig.opened[1:], strict=False)]
        assert gaps[0] < gaps[1] < gaps[2] < 0.8
        assert all(gap >= 1.0 for gap in gaps[4:])
        assert 45 <= len(gaps) <= 60
        assert rig.link.how == "not connected"
        assert rig.link.reconnects == 0


@in_virtual_time
async def test_a_link_that_flaps_is_not_asked_more_often_than_one_that_is_away() -> None:
    rig: Rig

    def make(requests: Requests) -> Wire:
        left = 5

        async def exchange(words: list[int] | None) -> list[int]:
            nonlocal left
            left -= 1
            if left < 0:
                raise PlcError(Cause.DISCONNECTED, "closed")
            return rig.plc.exchange(words)

        return FakeWire(requests, exchange=exchange)

    rig = Rig(make)
    async with rig:
        await asyncio.sleep(60.0)
        gaps = [later - earlier for earlier, later in zip(rig.opened, rig.opened[1:], strict=False)]
        assert all(gap >= 1.0 for gap in gaps[4:])
        assert rig.kinds()[:4] == ["LinkUp", "LinkLost", "LinkUp", "LinkLost"]


def test_the_pause_is_short_again_after_a_link_that_had_settled() -> None:
    backoff = Backoff(Middle())
    assert [backoff.pause_us(0) for _ in range(6)] == [75_000, 150_000, 300_000, 600_000, 1_125_000, 1_125_000]
    assert backoff.pause_us(4_999_999) == 1_125_000
    assert backoff.pause_us(5_000_000) == 75_000


@in_virtual_time
async def test_a_peer_that_says_nothing_is_dropped_after_the_request_timeout() -> None:
    async with Rig(lambda requests: FakeWire(requests, exchange=for_ever)) as rig:
        await asyncio.sleep(0.399)
        assert rig.heard == []
        await asyncio.sleep(0.002)
        _, seen = rig.heard[0]
        assert seen == NoLink(Cause.SILENT, "no answer to exchange in 400 ms; is the PLC reachable?")
        assert rig.times("exchange", "silent") == [pytest.approx(0.4)]


@in_virtual_time
async def test_connecting_and_closing_have_deadlines_too() -> None:
    async with Rig(lambda requests: FakeWire(requests, connect=for_ever, close=for_ever)) as rig:
        await asyncio.sleep(3.7)
        assert rig.observed[0][:2] == ("connect", "silent")
        assert rig.observed[1][:2] == ("close", "silent")
        assert len(rig.opened) == 2


@pytest.mark.parametrize(
    ("spoil", "cause", "reason"),
    [
        ({0: 0x0300}, Cause.VERSION, "word 0: interface version 0x0300, expected 0x0100; is the address right?"),
        ({16: 0, 17: 5, 18: 1, 43: 0, 44: 9, 45: 1}, Cause.PROTOCOL, "word 43: event number 9, expected 6 after 5"),
        ({3: 0, 4: 0}, Cause.PROTOCOL, "boot nonce is 0, expected 1 or more; the PLC program has not started"),
    ],
)
def test_an_image_that_cannot_be_drops_the_connection_and_says_why(spoil: dict[int, int], cause: Cause, reason: str) -> None:
    async def main() -> None:
        rig: Rig

        def spoilt(words: list[int] | None) -> list[int]:
            return with_crcs([spoil.get(at, word) for at, word in enumerate(rig.plc.exchange(words))])

        rig = Rig(lambda requests: MemoryWire(spoilt))
        async with rig:
            await asyncio.sleep(1.0)
            assert [happening for _, happening in rig.heard] == [NoLink(cause, reason)]
            assert rig.link.connects > 1

    run_virtual(main())


@pytest.mark.parametrize(("at", "where"), [(11, "word 8"), (17, "word 42")], ids=["head", "event"])
def test_an_image_whose_crc_stays_wrong_drops_the_connection(at: int, where: str) -> None:
    """Five times running: a PLC that writes meanwhile is met now and then, never so often."""

    async def main() -> None:
        rig: Rig

        def changed(words: list[int] | None) -> list[int]:
            seen = rig.plc.exchange(words)
            seen[at] ^= 0x0400
            return seen

        rig = Rig(lambda requests: MemoryWire(changed))
        async with rig:
            await asyncio.sleep(1.0)
            ((_, said),) = rig.heard
            assert isinstance(said, NoLink)
            assert said.cause is Cause.PROTOCOL
            assert said.reason.startswith(f"5 torn images in a row: {where}: CRC 0x")

    run_virtual(main())


@in_virtual_time
async def test_a_torn_image_now_and_then_is_read_again() -> None:
    rig: Rig
    reads = 0

    def sometimes_torn(words: list[int] | None) -> list[int]:
        nonlocal reads
        reads += 1
        out = rig.plc.exchange(words)
        if reads % 5 != 0:
            out[17], out[42] = 1, 2
        return out

    rig = Rig(lambda requests: MemoryWire(sometimes_torn))
    async with rig:
        await asyncio.sleep(5.0)
        assert rig.kinds() == ["LinkUp"]
        assert rig.link.connects == 1


@in_virtual_time
async def test_a_busy_plc_keeps_its_link_while_its_heartbeat_is_young() -> None:
    rig: Rig
    busy = 0

    def sometimes_busy(words: list[int] | None) -> list[int]:
        nonlocal busy
        if busy > 0:
            busy -= 1
            raise BusyError(Cause.REFUSED, "busy")
        return rig.plc.exchange(words)

    rig = Rig(lambda requests: MemoryWire(sometimes_busy))
    async with rig:
        await asyncio.sleep(1.0)
        busy = 30
        rig.link.ask(LineCommand(1, 1))
        await asyncio.sleep(1.0)
        assert rig.kinds() == ["LinkUp"]
        assert len(rig.plc.taken_commands) == 1
        busy = 1_000
        await asyncio.sleep(1.0)
        assert rig.kinds() == ["LinkUp", "LinkLost"]


@in_virtual_time
async def test_a_plc_with_another_profile_is_read_for_ever_and_never_written() -> None:
    other = LinkSettings(plc="sorter-1", protocol="modbus", profile_digest=1)
    async with Rig(settings=other) as rig:
        await asyncio.sleep(60.0)
        assert [happening for _, happening in rig.heard] == [ProfileMismatch(DIGEST, 1)]
        assert rig.plc.received == []
        assert rig.link.connects == 1


# --- the end -------------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_stop_ends_the_link_in_time_and_tells_nobody() -> None:
    async with Rig(lambda requests: FakeWire(requests, exchange=for_ever, close=for_ever)) as rig:
        await asyncio.sleep(0.1)
        began = now()
        await rig.link.stop()
        assert now() - began <= 2.0
        assert rig.task.done()
        assert rig.heard == []
        await rig.link.stop()


@in_virtual_time
async def test_a_link_that_was_stopped_before_it_ran_connects_nothing() -> None:
    rig = Rig()
    rig.link.durable(0, 0)
    await rig.link.stop()
    await rig.link.run()
    assert rig.opened == []


@in_virtual_time
async def test_a_library_that_swallows_the_cancellation_cannot_keep_a_link_alive() -> None:
    """asyncio.wait_for before Python 3.12 does, when the answer comes in the same moment."""
    rig: Rig
    asked = asyncio.Event()

    async def exchange(words: list[int] | None) -> list[int]:
        asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)
        return rig.plc.exchange(words)

    rig = Rig(lambda requests: FakeWire(requests, exchange=exchange))
    async with rig:
        await asyncio.sleep(0.5)
        asked.clear()
        await asked.wait()
        await rig.link.stop()
        assert rig.task.done()


@in_virtual_time
async def test_a_link_that_somebody_else_cancels_is_cancelled() -> None:
    rig = Rig()
    task = asyncio.create_task(rig.link.run())
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


@in_virtual_time
async def test_a_mistake_of_ours_ends_the_link_loudly() -> None:
    rig = Rig()

    def too_far(plc: str, happenings: list[Happening]) -> None:
        rig.link.durable(0, 99)

    rig.link._on_happenings = too_far
    with pytest.raises(AssertionError, match="event 99 durable, but only 0 were taken"):
        await rig.link.run()
    with pytest.raises(AssertionError, match="run called twice"):
        await rig.link.run()


# --- requests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "error", "cause", "reason"),
    [
        ("connect", OSError(113, "No route to host"), Cause.UNREACHABLE, "connect failed: [Errno 113] No route to host"),
        ("read", ConnectionResetError("reset"), Cause.DISCONNECTED, "read failed: reset"),
        ("read", IndexError("list index"), Cause.PROTOCOL, "read failed: IndexError: list index"),
        ("read", PlcError(Cause.REFUSED, "no"), Cause.REFUSED, "no"),
        ("read", TimeoutError(), Cause.SILENT, "no answer to read in 1 ms; is the PLC reachable?"),
    ],
)
def test_whatever_a_library_raises_becomes_a_plc_error(operation: str, error: Exception, cause: Cause, reason: str) -> None:
    async def main() -> None:
        requests = Requests("sorter-1", LoopClock(), timeout_us=1_000)
        with pytest.raises(PlcError) as seen:
            await requests(operation, failing(error)())
        assert (seen.value.cause, str(seen.value)) == (cause, reason)
        assert dict(requests.counts) == {(operation, cause.value): 1}

    run_virtual(main())


def test_a_request_that_the_library_gives_up_is_a_lost_connection_and_not_our_end() -> None:
    async def main() -> None:
        requests = Requests("sorter-1", LoopClock(), timeout_us=1_000)
        given_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        given_up.cancel()
        with pytest.raises(PlcError) as seen:
            await requests("read", given_up)
        assert (seen.value.cause, str(seen.value)) == (Cause.DISCONNECTED, "read was given up")

    run_virtual(main())


class AnsweredTooLate(asyncio.CancelledError):
    """What `wait_for2`, which asyncua uses, raises where an answer comes in the very moment of a cancellation."""


def test_an_answer_in_the_very_moment_of_the_deadline_is_too_late_and_not_our_end() -> None:
    async def answers() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise AnsweredTooLate from None

    async def main() -> None:
        requests = Requests("sorter-1", LoopClock(), timeout_us=1_000)
        with pytest.raises(PlcError, match="no answer to read in 1 ms") as seen:
            await requests("read", answers())
        assert seen.value.cause is Cause.SILENT
        assert dict(requests.counts) == {("read", "silent"): 1}

    run_virtual(main())


@in_virtual_time
async def test_each_request_is_counted_and_timed() -> None:
    async with Rig(lambda requests: FakeWire(requests, exchange=slow)) as rig:
        await asyncio.sleep(0.09)
        assert rig.times("exchange", "ok") == [pytest.approx(0.03)] * 2
        assert rig.link.last_good_us is not None
    assert rig.link.requests.counts["connect", "ok"] == 1
    assert rig.link.requests.counts["exchange", "cancelled"] == 1
    assert rig.link.requests.counts["close", "ok"] == 1


async def slow(words: list[int] | None) -> list[int]:
    await asyncio.sleep(0.03)
    return ModelPlc().exchange(None)


def test_the_settings_choose_the_wire() -> None:
    async def main() -> None:
        requests = Requests("sorter-1", LoopClock(), 1_000)
        modbus = wire_maker(SETTINGS, LoopbackNet())(requests)
        assert modbus.how == "function 23: both images in one request"
        opcua = LinkSettings(plc="sorter-1", protocol="opcua", profile_digest=DIGEST, url="opc.tcp://127.0.0.1:1")
        assert wire_maker(opcua, LoopbackNet())(requests).how == "not connected"

    run_virtual(main())


@pytest.mark.parametrize(
    ("limits", "at_once"),
    [
        ({}, True),
        ({"function_23": False}, False),
        ({"max_read_registers": 124}, False),
        ({"max_write_registers": IN_WORDS - 1}, False),
    ],
)
def test_one_request_carries_both_images_only_if_the_plc_can(limits: dict[str, Any], at_once: bool) -> None:
    settings = LinkSettings(plc="sorter-1", protocol="modbus", profile_digest=DIGEST, **limits)
    assert settings.exchanges_at_once() is at_once

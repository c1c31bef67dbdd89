"""Pacing by the wall clock, on a loop whose time jumps; then one hall corner over real sockets."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import partial

import pytest
from asyncua.client.client import Client
from pymodbus.client import AsyncModbusTcpClient

from packcenter.core.packml import State
from packcenter.plc.image import OUT_WORDS, InImage, OutImage, decode_out, encode_in
from packcenter.plc.line import HEARTBEAT_LIMIT_US, CommandKind, EventKind, LineCommand
from packcenter.real import RealClock
from simulation.clock import PLANT, HeapClock, SimClock, SimPyClock
from simulation.lineplc import HEARTBEAT_PERIOD_US, LinePlc
from simulation.plcport import Program
from simulation.servers import LineServer, Nameplate, Wire
from simulation.servers.modbus import ModbusServer
from simulation.servers.opcua import NAMESPACE, OpcUaServer
from simulation.wire import SLICE_US, WireDriver

NONCE = 77
EPOCH = 2


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop that never waits: when nothing is ready, its time jumps to the next timer. Its time is `now_us`."""

    def __init__(self) -> None:
        self.now_us = 1_000_000
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self.now_us / 1e6

    def mono_us(self) -> int:
        return self.now_us

    def wall_us(self) -> int:
        return self.now_us

    async def sleep_us(self, us: int) -> None:
        await asyncio.sleep(us / 1e6)


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready and timeout != 0:
            assert timeout is not None, "everybody waits for everybody"
            self._loop.now_us += max(1, round(timeout * 1e6))
        return ready


def on_jumping_time(test: Callable[[JumpingLoop], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Run an async test on a loop of its own; nothing in it takes wall time."""

    def run() -> None:
        loop = JumpingLoop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(test(loop))

    run.__doc__, run.__name__ = test.__doc__, test.__name__
    return run


class Machine(Program):
    """Notes every call with its plant time, and answers a command after `work_us` of plant time."""

    def __init__(self, plc: LinePlc, clock: SimClock, work_us: int = 250_000) -> None:
        self.plc = plc
        self.clock = clock
        self.work_us = work_us
        self.calls: list[tuple[int, str]] = []

    def note(self, what: str) -> None:
        self.calls.append((self.clock.now_us, what))

    def on_granted(self) -> None:
        self.note("granted")
        self.plc.report(EventKind.STATE_CHANGED, a=State.STOPPED)

    def on_command(self, command: LineCommand) -> None:
        self.note("command")
        self.clock.at(self.work_us, PLANT, self.finish, command.track)

    def finish(self, track: int) -> None:
        self.note("finished")
        if self.plc.epoch:
            self.plc.report(EventKind.DIVERTED, track=track)

    def on_peer_lost(self) -> None:
        self.note("lost")

    def on_peer_back(self) -> None:
        self.note("back")

    def on_reboot(self) -> None:
        self.note("reboot")


class NoServer:
    """A server without a port, to see what the driver asks of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.wire = Wire()
        self.asked: list[str] = []

    async def start(self) -> int:
        self.asked.append("start")
        return 4000 + len(self.asked)

    async def stop(self) -> None:
        self.asked.append("stop")

    async def kill(self) -> None:
        self.asked.append("kill")


def corner(wall: JumpingLoop | RealClock, clock: SimClock, name: str = "sorter-1") -> tuple[LinePlc, Machine]:
    plc = LinePlc(name, nonce=NONCE, plant_us=lambda: clock.now_us, wall_us=wall.mono_us)
    machine = Machine(plc, clock)
    plc.program = machine
    return plc, machine


def image(*commands: LineCommand, beat: int = 1, ack: int = 0, nonce: int = NONCE) -> list[int]:
    return encode_in(InImage(beat, EPOCH, nonce, 1, ack, commands))


COMMAND = LineCommand(1, CommandKind.DIVERT, track=5, a=1)


# Pacing


@pytest.mark.parametrize("make_clock", [HeapClock, SimPyClock])
@pytest.mark.parametrize("speed", [1, 3, 7, 10])
def test_plant_time_is_speed_times_wall_time_without_drift(speed: int, make_clock: Callable[[], SimClock]) -> None:
    """Ten thousand events in a plant hour: each runs at the first microsecond of wall time at which it is due."""

    async def test(loop: JumpingLoop) -> None:
        clock = make_clock()
        origin_us = loop.now_us
        late_us: list[int] = []

        def beat(period_us: int) -> None:
            late_us.append(loop.now_us - origin_us - -(-clock.now_us // speed))
            clock.at(period_us, PLANT, beat, period_us)

        clock.at(0, PLANT, beat, 359_999)
        async with WireDriver(clock, [], [], wall=loop, speed=speed):
            await loop.sleep_us(3_600_000_000 // speed)
        assert len(late_us) == 10_001
        assert set(late_us) == {0}

    on_jumping_time(test)()


@on_jumping_time
async def test_a_change_of_speed_goes_on_from_where_the_plant_is(loop: JumpingLoop) -> None:
    """Slow, fast, slow: plant time is the sum of the stretches, and what is planned keeps its plant time."""
    clock = HeapClock()
    seen: list[tuple[int, int]] = []
    start_us = loop.now_us
    for due_us in (500_000, 2_000_000, 5_900_000, 6_500_000):
        clock.at(due_us, PLANT, lambda _: seen.append((clock.now_us, loop.now_us - start_us)), None)
    async with WireDriver(clock, [], [], wall=loop) as driver:
        await loop.sleep_us(1_000_000)
        driver.set_speed(10)
        await loop.sleep_us(500_000)
        driver.set_speed(1)
        assert driver.plant_us() == 6_000_000
        await loop.sleep_us(1_000_000)
    assert seen == [(500_000, 500_000), (2_000_000, 1_100_000), (5_900_000, 1_490_000), (6_500_000, 2_000_000)]


@on_jumping_time
async def test_a_paused_plant_stands_while_its_plcs_live(loop: JumpingLoop) -> None:
    """Nothing on the belt moves and no age grows; heartbeats go on, images are taken, and it all goes on from there."""
    clock = HeapClock()
    plc, machine = corner(loop, clock)
    clock.at(500_000, PLANT, machine.note, "event")
    async with WireDriver(clock, [plc], [], wall=loop, speed=2) as driver:
        await loop.sleep_us(200_000)
        driver.pause()
        await loop.sleep_us(5_000_001)
        assert driver.plant_us() == 400_000
        assert plc.heartbeat == 52
        plc.receive(image())
        assert machine.calls == [(400_000, "granted")]
        driver.resume()
        await loop.sleep_us(50_001)
    assert machine.calls == [(400_000, "granted"), (500_000, "event")]
    assert driver.late_us_max == 0


@on_jumping_time
async def test_a_busy_plant_lets_the_servers_in_every_2_ms(loop: JumpingLoop) -> None:
    """A thousand events of 0.3 ms computing each, all due: whoever is beside them waits a slice and the event it ends in."""
    clock = HeapClock()
    cost_us = 300
    ran: list[int] = []

    def work(number: int) -> None:
        loop.now_us += cost_us
        ran.append(number)

    for number in range(1000):
        clock.at(number, PLANT, work, number)
    waits_us: list[int] = []
    async with WireDriver(clock, [], [], wall=loop) as driver:
        while len(ran) < 1000:
            before_us = loop.now_us
            await asyncio.sleep(0)
            waits_us.append(loop.now_us - before_us)
        assert driver.late_us_max == 999 * (cost_us - 1)
    assert ran == list(range(1000))
    assert SLICE_US <= max(waits_us) < SLICE_US + cost_us


@on_jumping_time
async def test_a_quiet_plant_sleeps(loop: JumpingLoop) -> None:
    """No event and no PLC: one turn, then nothing until somebody stops it."""
    async with WireDriver(HeapClock(), [], [], wall=loop) as driver:
        await loop.sleep_us(60_000_000)
        assert driver.slices == 1


# Inputs


@on_jumping_time
async def test_an_image_acts_at_the_plant_time_of_its_arrival(loop: JumpingLoop) -> None:
    """Not at the last event's time, and not at the next one's."""
    clock = HeapClock()
    plc, machine = corner(loop, clock)
    clock.at(9_000_000, PLANT, machine.note, "next event")
    async with WireDriver(clock, [plc], [], wall=loop, speed=10):
        await loop.sleep_us(123_456)
        plc.receive(image())
        assert machine.calls == [(1_234_560, "granted")]


@pytest.mark.parametrize("make_clock", [HeapClock, SimPyClock])
def test_an_image_acts_strictly_later_than_the_last_event(make_clock: Callable[[], SimClock]) -> None:
    """Same microsecond: the event first, the input one microsecond later, so that a replay has one order."""

    async def test(loop: JumpingLoop) -> None:
        clock = make_clock()
        plc, machine = corner(loop, clock)
        clock.at(50_000, PLANT, machine.note, "event")
        clock.at(50_001, PLANT, machine.note, "event")
        clock.at(50_003, PLANT, machine.note, "event")
        async with WireDriver(clock, [plc], [], wall=loop):
            await loop.sleep_us(0)
            loop.now_us += 50_000  # the loop was held up; the image is looked at before the pacing gets its turn
            plc.receive(image())
            assert machine.calls == [(50_000, "event"), (50_001, "event"), (50_002, "granted")]

    on_jumping_time(test)()


@on_jumping_time
async def test_a_plant_that_is_behind_catches_up_before_an_image_acts(loop: JumpingLoop) -> None:
    """A loop that was held up for a second: all that was due runs first, in order."""
    clock = HeapClock()
    plc, machine = corner(loop, clock)
    for due_us in (100_000, 400_000, 999_999, 1_000_001):
        clock.at(due_us, PLANT, machine.note, "event")
    async with WireDriver(clock, [plc], [], wall=loop):
        await loop.sleep_us(0)
        loop.now_us += 1_000_000
        plc.receive(image())
    assert machine.calls[:4] == [(100_000, "event"), (400_000, "event"), (999_999, "event"), (1_000_000, "granted")]


@on_jumping_time
async def test_what_an_image_causes_is_on_time(loop: JumpingLoop) -> None:
    """The pacing sleeps for a far event; a command's end that comes earlier wakes it."""
    clock = HeapClock()
    plc, machine = corner(loop, clock)
    machine.work_us = 20_000
    async with WireDriver(clock, [plc], [], wall=loop) as driver:
        await loop.sleep_us(110_000)  # between two heartbeats, so that nothing else wakes it
        plc.receive(image(COMMAND))
        await loop.sleep_us(20_001)
        assert machine.calls == [(110_000, "granted"), (110_000, "command"), (130_000, "finished")]
        assert driver.late_us_max == 0


@on_jumping_time
async def test_out_tells_the_time_also_when_nothing_happens(loop: JumpingLoop) -> None:
    """Word 124 runs with the plant between events, at the plant's speed."""
    clock = HeapClock()
    plc, _ = corner(loop, clock)
    async with WireDriver(clock, [plc], [], wall=loop, speed=10):
        for wall_ms in (7, 13, 20):
            await loop.sleep_us(wall_ms * 1000 - (plc.now_ms() * 100))
            assert decode_out(plc.out_words()).plc_ms == wall_ms * 10


# Heartbeats and watchdogs


@on_jumping_time
async def test_heartbeats_keep_wall_time_at_any_speed(loop: JumpingLoop) -> None:
    """Ten in a wall second, at speed 10 too."""
    clock = HeapClock()
    plc, _ = corner(loop, clock)
    async with WireDriver(clock, [plc], [], wall=loop, speed=10):
        for beat in range(1, 11):
            await loop.sleep_us(HEARTBEAT_PERIOD_US)
            await asyncio.sleep(0)
            assert plc.heartbeat == beat


@on_jumping_time
async def test_a_silent_peer_is_lost_after_800_ms_of_wall_time(loop: JumpingLoop) -> None:
    """Exactly then, as an input at the plant time of that moment."""
    clock = HeapClock()
    plc, machine = corner(loop, clock)
    async with WireDriver(clock, [plc], [], wall=loop, speed=4):
        await loop.sleep_us(33_000)
        plc.receive(image())
        await loop.sleep_us(HEARTBEAT_LIMIT_US + 50_000)
        plc.receive(image(beat=2))
    assert machine.calls == [
        (4 * 33_000, "granted"),
        (4 * (33_000 + HEARTBEAT_LIMIT_US), "lost"),
        (4 * (83_000 + HEARTBEAT_LIMIT_US), "back"),
    ]


# Faults


@on_jumping_time
async def test_cut_and_restore_reach_the_named_wire(loop: JumpingLoop) -> None:
    """One cable at a time."""
    clock = HeapClock()
    plcs = [corner(loop, clock, name)[0] for name in ("sorter-1", "rack-1")]
    servers = [NoServer("sorter-1"), NoServer("rack-1")]
    async with WireDriver(clock, plcs, servers, wall=loop) as driver:
        driver.cut("rack-1")
        assert [server.wire.is_cut for server in servers] == [False, True]
        driver.restore("rack-1")
        assert [server.wire.is_cut for server in servers] == [False, False]
    assert [server.asked for server in servers] == [["start", "stop"], ["start", "stop"]]


@on_jumping_time
async def test_a_reboot_takes_power_memory_and_time(loop: JumpingLoop) -> None:
    """The connection goes, the memory goes at once, the belt runs on, the server returns after the time without power."""
    clock = HeapClock()
    plc, machine = corner(loop, clock)
    server = NoServer("sorter-1")
    async with WireDriver(clock, [plc], [server], wall=loop) as driver:
        plc.receive(image(COMMAND))
        reboot = asyncio.create_task(driver.reboot("sorter-1", NONCE + 1, off_us=300_000))
        await loop.sleep_us(299_000)
        assert (plc.nonce, plc.epoch, server.asked) == (NONCE + 1, 0, ["start", "kill"])
        assert [what for _, what in machine.calls] == ["granted", "command", "reboot", "finished"]
        await reboot
        assert server.asked == ["start", "kill", "start"]


@on_jumping_time
async def test_power_goes_and_comes_by_two_orders(loop: JumpingLoop) -> None:
    """Without power a PLC may lose its memory again; power for one that has it changes nothing."""
    clock = HeapClock()
    plc, _ = corner(loop, clock)
    server = NoServer("sorter-1")
    async with WireDriver(clock, [plc], [server], wall=loop) as driver:
        await driver.power_on("sorter-1")
        assert server.asked == ["start"]
        await driver.power_off("sorter-1", NONCE + 1)
        await driver.power_off("sorter-1", NONCE + 2)
        assert (plc.nonce, plc.epoch, server.asked) == (NONCE + 2, 0, ["start", "kill", "kill"])
        await driver.power_on("sorter-1")
        await driver.power_on("sorter-1")
        assert server.asked == ["start", "kill", "kill", "start"]


@on_jumping_time
async def test_a_stop_during_a_reboot_leaves_the_server_down(loop: JumpingLoop) -> None:
    """A hall that is being closed starts nothing."""
    clock = HeapClock()
    plc, _ = corner(loop, clock)
    server = NoServer("sorter-1")
    async with WireDriver(clock, [plc], [server], wall=loop) as driver:
        reboot = asyncio.create_task(driver.reboot("sorter-1", NONCE + 1, off_us=300_000))
        await loop.sleep_us(1_000)
    await reboot
    assert server.asked == ["start", "kill", "stop"]


@on_jumping_time
async def test_a_failure_in_the_plant_ends_the_run_and_stands_the_plant_still(loop: JumpingLoop) -> None:
    """`wait` raises it at once; images no longer move the plant."""
    clock = HeapClock()
    plc, machine = corner(loop, clock)

    def fail(_: None) -> None:
        raise ZeroDivisionError("a machine that cannot be")

    clock.at(10_000, PLANT, fail, None)
    clock.at(20_000, PLANT, machine.note, "event")
    server = NoServer("sorter-1")
    driver = WireDriver(clock, [plc], [server], wall=loop)
    await driver.start()
    with pytest.raises(ZeroDivisionError):
        await driver.wait()
    await loop.sleep_us(50_000)
    plc.receive(image())
    assert machine.calls == [(10_000, "granted")]
    with pytest.raises(ZeroDivisionError):
        await driver.stop()
    assert server.asked == ["start", "stop"]


@on_jumping_time
async def test_a_failure_behind_a_server_ends_the_run(loop: JumpingLoop) -> None:
    """A protocol library swallows what a machine program raises; the run does not."""
    clock = HeapClock()
    plc, machine = corner(loop, clock)
    machine.on_granted = partial(plc.result, 1, 99_999)  # type: ignore[method-assign,arg-type]
    driver = WireDriver(clock, [plc], [], wall=loop)
    await driver.start()
    await loop.sleep_us(10_000)
    with pytest.raises(AssertionError, match="event a is 99999"):
        plc.receive(image())
    with pytest.raises(AssertionError, match="event a is 99999"):
        await driver.wait()


@on_jumping_time
async def test_servers_that_started_are_stopped_if_one_cannot(loop: JumpingLoop) -> None:
    """A taken port leaves nothing behind."""
    clock = HeapClock()
    plcs = [corner(loop, clock, name)[0] for name in ("sorter-1", "rack-1")]

    class Refused(NoServer):
        async def start(self) -> int:
            raise OSError("port taken")

    servers: list[NoServer] = [NoServer("sorter-1"), Refused("rack-1")]
    with pytest.raises(OSError, match="port taken"):
        async with WireDriver(clock, plcs, servers, wall=loop):
            pass
    assert servers[0].asked == ["start", "stop"]


@on_jumping_time
async def test_a_hall_that_does_not_fit_together_is_refused(loop: JumpingLoop) -> None:
    """Two PLCs of one name, a server without its PLC, a speed beyond what the wire can bear."""
    clock = HeapClock()
    plc, _ = corner(loop, clock)
    with pytest.raises(AssertionError, match="two PLCs"):
        WireDriver(clock, [plc, plc], [], wall=loop)
    with pytest.raises(AssertionError, match="rack-1"):
        WireDriver(clock, [plc], [NoServer("rack-1")], wall=loop)
    for speed in (0, 11):
        with pytest.raises(AssertionError, match="expected 1 to 10"):
            WireDriver(clock, [plc], [], wall=loop, speed=speed)


# Real sockets


@pytest.mark.slow
async def test_two_plcs_over_real_sockets_work_through_cut_and_reboot() -> None:
    """
    A command over Modbus and one over OPC UA are carried out in plant time; a pulled cable is noticed by the PLC
    alone, and a PLC that lost power comes back on its port without an epoch.
    """
    wall = RealClock()
    clock = SimPyClock()
    sorter, sorter_machine = corner(wall, clock, "sorter-1")
    rack, rack_machine = corner(wall, clock, "rack-1")
    plate = Nameplate("Hall Works", "X", "1", "1.0")
    opcua = OpcUaServer(sorter, clock=wall, nameplate=plate)
    modbus = ModbusServer(rack, nameplate=plate)
    servers: list[LineServer] = [opcua, modbus]
    async with WireDriver(clock, [sorter, rack], servers, wall=wall, speed=10) as driver, asyncio.timeout(30):
        to_rack = AsyncModbusTcpClient("127.0.0.1", port=modbus.port, timeout=20, retries=0, reconnect_delay=0)
        assert await to_rack.connect()

        async def ask_rack(words: list[int]) -> OutImage:
            reply = await to_rack.readwrite_registers(read_address=0, read_count=OUT_WORDS, write_address=200, values=words)
            return decode_out(reply.registers)

        to_sorter = Client(opcua.url, timeout=20, auto_reconnect=False)
        to_sorter.session_timeout = 60_000
        async with to_sorter:
            index = await to_sorter.get_namespace_index(NAMESPACE)
            out_node, in_node = (to_sorter.get_node(f"ns={index};s={name}") for name in ("Out", "In"))

            async def ask_sorter(words: list[int]) -> OutImage:
                await in_node.write_value(words, in_type)
                return decode_out(await out_node.read_value())

            in_type = (await in_node.read_data_value()).Value.VariantType  # type: ignore[union-attr]
            beat = 1
            out = [await ask_rack(image(COMMAND)), await ask_sorter(image(COMMAND))]
            assert [seen.epoch for seen in out] == [EPOCH, EPOCH]
            while not all(seen.odometer == 2 for seen in out):
                beat += 1
                out = [await ask_rack(image(beat=beat)), await ask_sorter(image(beat=beat))]
                await wall.sleep_us(1_000)
            for machine in (rack_machine, sorter_machine):
                (_, granted), (asked_us, command), (done_us, finished) = machine.calls[:3]
                assert (granted, command, finished) == ("granted", "command", "finished")
                assert done_us - asked_us == machine.work_us

            driver.cut("rack-1")
            held = asyncio.create_task(ask_rack(image(beat=beat + 1)))
            while rack_machine.calls[-1][1] != "lost":
                beat += 1
                await ask_sorter(image(beat=beat))
                await wall.sleep_us(10_000)
            assert not held.done()
            driver.restore("rack-1")
            await held
            assert rack_machine.calls[-1][1] == "back"
            assert "lost" not in [what for _, what in sorter_machine.calls]
            to_rack.close()

            port = modbus.port
            await driver.reboot("rack-1", NONCE + 1, off_us=10_000)
            assert modbus.port == port
            assert await to_rack.connect()
            reply = await to_rack.read_holding_registers(0, count=OUT_WORDS)
            assert (decode_out(reply.registers).nonce, decode_out(reply.registers).epoch) == (NONCE + 1, 0)
            to_rack.close()

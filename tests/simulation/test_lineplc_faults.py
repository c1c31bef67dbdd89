"""A PLC that fails: STOP, power dips, slow scans, a frozen heartbeat, old and torn images, counters about to wrap."""

from __future__ import annotations

import pytest
from plantbed import QUIET, day, small_hall

from packcenter.core.packml import Command, State
from packcenter.core.words import ReasonClass
from packcenter.plc.image import OUT_WORDS, InImage, OutImage, TornError, decode_out, encode_in
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from packcenter.plc.mailbox import Events, LinkUp, Mailbox, Resume
from simulation.clock import HeapClock
from simulation.lineplc import Life, LinePlc
from simulation.packml_unit import REASON_POWER, Machine
from simulation.plant.hall import Plant
from simulation.plcport import FaultyProgram, Program

NONCE = 0xBEEF_0001
EPOCH = 7


class Bench:
    """A sorter behind a `LinePlc` in virtual time, and packcenter's half of the conversation, by hand."""

    def __init__(self, documents: int = 0, life: Life | None = None) -> None:
        self.clock = HeapClock()
        hall = small_hall(1)
        self.plcs = {
            name: LinePlc(
                name,
                nonce=NONCE + at,
                plant_us=lambda: self.clock.now_us,
                wall_us=lambda: self.clock.now_us,
                life=life or Life(),
            )
            for at, name in enumerate(hall.plcs())
        }
        self.plant = Plant(hall, day(documents, every_us=1, batch=max(1, documents)), QUIET, self.clock, self.plcs)
        for name, plc in self.plcs.items():
            plc.program = self.plant.programs[name]
        self.plc = self.plcs["sorter-1"]
        self.sorter = self.plant.sorters[0]
        self.beat = 0
        self.asked = 0
        self.epoch = EPOCH

    def send(self, *commands: LineCommand, ack: int = 0) -> None:
        self.beat += 1
        self.plc.receive(encode_in(InImage(self.beat & 0xFFFF, self.epoch, self.plc.nonce, 1, ack, commands)))

    def ask(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, deadline: int = 0) -> None:
        """One more command, whatever was acknowledged."""
        self.asked += 1
        self.send(LineCommand(self.asked, kind, track, a, b, deadline), ack=self.plc.odometer)

    def start(self) -> None:
        self.send()
        for command in (Command.RESET, Command.START):
            self.ask(CommandKind.PACKML_COMMAND, a=command)
            self.wait(300_000)
        assert self.sorter.unit.state is State.EXECUTE

    def wait(self, us: int, talk: bool = True) -> None:
        """Let time pass as a driver does: the PLC's cycles at their times, and an image from packcenter every 100 ms."""
        end_us = self.clock.now_us + us
        while self.clock.now_us < end_us:
            self.clock.run_until(min(end_us, self.clock.now_us + 10_000))
            if self.plc.next_tick_us() <= self.clock.now_us:
                self.plc.tick()
            if talk and self.clock.now_us % 100_000 == 0:
                self.send(ack=self.plc.odometer if self.plc.epoch else 0)

    def out(self) -> OutImage:
        return decode_out(self.plc.out_words())


# --- STOP ------------------------------------------------------------------------------------------------------------


def test_in_stop_the_server_shows_the_old_image_and_nothing_happens() -> None:
    """Heartbeat, program and belt stand still; documents stay where they are."""
    bench = Bench(6)
    bench.start()
    bench.wait(2_000_000)
    before = bench.plc.out_words()
    assert bench.plc.halt()
    assert not bench.plc.halt()
    places = bench.plant.truth.places()
    bench.wait(5_000_000)
    assert bench.plc.out_words() == before
    assert bench.plant.truth.places() == places
    assert not bench.sorter.moves


def test_in_run_again_it_knows_what_it_knew_and_sees_the_last_image_that_came() -> None:
    """Images overwrite each other: of the commands sent meanwhile only those in the last one are seen."""
    bench = Bench(3)
    bench.start()
    bench.wait(500_000)
    tracked = bench.sorter.busy()
    bench.plc.halt()
    bench.ask(CommandKind.DIVERT, track=1, a=4, b=9)
    bench.send(ack=0)
    bench.wait(100_000, talk=False)
    assert bench.plc.taken == bench.asked - 1
    assert bench.plc.run()
    assert not bench.plc.run()
    assert bench.plc.taken == bench.asked - 1
    assert (bench.plc.epoch, bench.sorter.busy()) == (EPOCH, tracked)
    bench.asked -= 1
    bench.ask(CommandKind.DIVERT, track=1, a=4, b=9)
    bench.wait(8_000_000)
    assert "lane/sorter-1/4" in bench.plant.truth.places().values()


def test_a_plc_in_stop_loses_its_peer_only_when_it_runs_again() -> None:
    """Nobody watches in STOP; what it finds afterwards is a heartbeat that has moved."""
    bench = Bench()
    bench.start()
    bench.plc.halt()
    bench.wait(3_000_000)
    bench.plc.run()
    bench.wait(1_000_000)
    assert bench.sorter.unit.state is State.EXECUTE
    bench.plc.halt()
    bench.wait(3_000_000, talk=False)
    bench.plc.run()
    bench.wait(1_000_000, talk=False)
    assert (bench.sorter.unit.state, bench.sorter.unit.reason_class) == (State.SUSPENDED, ReasonClass.CONTROLLER_LOST)


def test_what_waited_in_stop_is_lost_with_the_memory_but_things_are_not() -> None:
    """A restart out of STOP is a new life like any other."""
    bench = Bench(4)
    bench.start()
    bench.wait(1_500_000)
    bench.plc.halt()
    bench.wait(500_000)
    bench.plc.reboot(NONCE + 99)
    assert (bench.plc.epoch, bench.out().epoch, bench.sorter.unit.state) == (0, 0, State.STOPPED)
    assert not bench.plant.truth.faults()
    bench.beat, bench.asked, bench.epoch = 0, 0, EPOCH + 1
    bench.start()
    bench.wait(30_000_000)
    assert bench.plant.truth.counts()["lane"] == 4


# --- power dip -------------------------------------------------------------------------------------------------------


def test_after_a_power_dip_the_machine_has_stopped_and_nothing_is_forgotten() -> None:
    """Nonce, epoch, ring and tracking are kept; the state says why, and a Reset starts it again."""
    bench = Bench(3)
    bench.start()
    bench.wait(1_500_000)
    riders, used = bench.sorter.busy(), bench.plc.ring_used
    assert bench.plc.dip()
    bench.wait(300_000, talk=False)
    assert (bench.plc.nonce, bench.plc.epoch) == (NONCE, EPOCH)
    assert bench.plc.ring_used > used
    assert bench.sorter.busy() == riders
    unit = bench.sorter.unit
    assert (unit.state, unit.reason_class, unit.reason) == (State.STOPPED, ReasonClass.FAULT, REASON_POWER)
    assert not bench.sorter.moves


def test_a_program_that_cannot_live_through_it_is_left_alone() -> None:
    """A test's own program need not know these faults: the act says that it did nothing."""

    class Plain(Program):
        def on_granted(self) -> None: ...
        def on_command(self, command: LineCommand) -> None: ...
        def on_peer_lost(self) -> None: ...
        def on_peer_back(self) -> None: ...
        def on_reboot(self) -> None: ...

    plc = LinePlc("plain", nonce=1, plant_us=lambda: 0, wall_us=lambda: 0)
    plc.program = Plain()
    assert not isinstance(plc.program, FaultyProgram)
    assert (plc.halt(), plc.run(), plc.dip(), plc.scan_every(5)) == (False, False, False, False)
    assert issubclass(Machine, FaultyProgram)


# --- slow scan -------------------------------------------------------------------------------------------------------


def test_a_slow_scan_shows_and_sees_only_at_its_turns() -> None:
    """Between two scans `Out` does not change, and a command waits for the next one."""
    bench = Bench(8)
    bench.start()
    assert bench.plc.scan_every(500_000)
    assert not bench.plc.scan_every(500_000)
    shown = set()
    for _ in range(100):
        bench.wait(20_000)
        shown.add(tuple(bench.plc.out_words()[:124]))
    assert 3 <= len(shown) <= 5
    bench.wait(500_000 - bench.clock.now_us % 500_000 + 100_000)
    bench.ask(CommandKind.SET_PLACE, a=3, b=2)
    assert bench.plc.taken == bench.asked - 1
    bench.wait(500_000, talk=False)
    assert bench.plc.taken == bench.asked
    bench.plc.heal()
    assert bench.plc.next_tick_us() - bench.clock.now_us <= 100_000


def test_with_a_slow_scan_the_diverter_swings_behind_its_document() -> None:
    """It is told as a wrong lane at the belt's end."""
    bench = Bench(1)
    bench.start()
    bench.plc.scan_every(3_000_000)
    bench.wait(3_000_000)
    bench.wait(200_000)
    if not bench.sorter.on_belt():
        bench.wait(3_000_000)
    bench.ask(CommandKind.DIVERT, track=1, a=1, b=9)
    bench.wait(20_000_000)
    assert list(bench.plant.truth.places().values()) == ["hand"]


def test_a_scan_of_seconds_makes_the_heartbeat_too_slow() -> None:
    """The mailbox calls such a PLC lost."""
    bench = Bench()
    bench.start()
    box = Mailbox("sorter-1", 0, Resume(NONCE, EPOCH, bench.plc.odometer))
    hello = box.hello(bench.clock.now_us)
    bench.plc.scan_every(2_000_000)
    for _ in range(40):
        bench.wait(100_000)
        if box.connected:
            box.on_image(bench.clock.now_us, hello, bench.out())
            box.poll(bench.clock.now_us)
    assert not box.connected
    assert not box.up


# --- heartbeat and images --------------------------------------------------------------------------------------------


def test_a_frozen_heartbeat_is_all_that_stands() -> None:
    """Events are made and commands taken as ever."""
    bench = Bench(4)
    bench.start()
    assert bench.plc.freeze()
    assert not bench.plc.freeze()
    beat, made = bench.out().heartbeat, bench.plc.odometer
    bench.wait(3_000_000)
    assert bench.out().heartbeat == beat
    assert bench.plc.odometer > made
    bench.plc.heal()
    bench.wait(300_000)
    assert bench.out().heartbeat != beat


def test_an_old_image_is_whole_and_of_the_past() -> None:
    """A gateway that caches: sound by its CRC, wrong by its counters."""
    bench = Bench(4)
    assert not bench.plc.spoil(1, OUT_WORDS)  # there is no past yet
    bench.start()
    for _ in range(10):
        bench.wait(300_000)
        bench.out()
    now = bench.out()
    assert bench.plc.spoil(2, OUT_WORDS)
    old = [bench.out(), bench.out()]
    assert old[0] == old[1]
    assert (old[0].odometer, old[0].heartbeat) < (now.odometer, now.heartbeat)
    assert bench.out() == now


def test_a_torn_image_is_found_out_by_its_crc() -> None:
    """The head has one CRC and so has each event: whatever is cut in two is dropped."""
    bench = Bench(6)
    bench.start()
    for _ in range(4):
        bench.wait(500_000)
        bench.out()
    for words in (7, 8, 7, 8, 7, 8):  # the heartbeat is old, what it is summed up with is not, or the other way round
        bench.wait(500_000)
        bench.out()
        assert bench.plc.spoil(1, words)
        with pytest.raises(TornError):
            bench.out()
        bench.out()


# --- counters --------------------------------------------------------------------------------------------------------


def test_a_life_may_begin_with_counters_that_are_about_to_wrap() -> None:
    """Heartbeat and clock wrap within two seconds, track ids within a few documents and never to 0; numbers begin at 1."""
    bench = Bench(5)
    bench.clock.run_until(123_400_000)
    assert bench.plc.near_wrap(NONCE + 5, 0xFFFF_FFFE)
    bench.start()
    bench.wait(6_000_000)
    image = bench.out()
    assert image.heartbeat < 100
    assert image.plc_ms == bench.plc.now_ms() < 60_000
    assert image.events == () or image.events[0].number >= 1
    tracks = sorted(rider.track for rider in bench.sorter.on_belt())
    assert set(tracks) <= {0xFFFF_FFFE, 0xFFFF_FFFF, 1, 2, 3}
    assert 1 in tracks


def test_deadlines_hold_across_the_wrap_of_the_clock() -> None:
    """A decision that is due after the wrap is in time before it."""
    bench = Bench(1)
    bench.plc.near_wrap(NONCE + 5, 1)
    bench.start()
    deadline = 0x1_0000 | (bench.plc.now_ms() + 2_000 & 0xFFFF)
    bench.ask(CommandKind.DIVERT, track=1, a=8, b=9, deadline=deadline)
    bench.wait(12_000_000)
    assert list(bench.plant.truth.places().values()) == ["lane/sorter-1/8"]


def test_a_plc_may_be_found_in_the_middle_of_its_life() -> None:
    """For a controller that recovered: numbers go on near the wrap of their low words, and the mailbox takes them on."""
    life = Life(heartbeat=0xFFFE, clock_ms=65_000, epoch=EPOCH, odometer=0xFFFE, taken=0xFFFF)
    bench = Bench(life=life)
    box = Mailbox("sorter-1", 0, Resume(NONCE, EPOCH, 0xFFFE))
    hello = box.hello(0)
    told = []
    for _ in range(30):
        bench.wait(100_000)
        if bench.clock.now_us == 1_000_000:
            for _ in range(3):
                bench.plc.report(EventKind.JAM, a=1, b=1)
        told += box.on_image(bench.clock.now_us, hello, bench.out())
    assert [each for each in told if isinstance(each, LinkUp)] == [LinkUp(NONCE, EPOCH)]
    numbers = [event.number for each in told if isinstance(each, Events) for event in each.events]
    assert numbers == [0xFFFF, 0x1_0000, 0x1_0001]
    bench.asked = 0xFFFF
    bench.ask(CommandKind.SET_PLACE, a=3, b=2)
    assert bench.out().taken == 0x1_0000


def test_nothing_is_counted_without_an_epoch() -> None:
    """And a life that begins has none."""
    with pytest.raises(AssertionError, match="without an epoch"):
        Life(odometer=1)
    bench = Bench()
    with pytest.raises(AssertionError, match="has no epoch"):
        bench.plc.reboot(5, Life(epoch=3))

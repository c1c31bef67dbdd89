"""
The service around the engine: what it keeps, holds, tells and ends with, whatever ends it.

Each case is the real service in virtual time on a simulated disk. Nobody answers at its PLCs' addresses: what is looked at
here happens between the service, its disk and its clocks.
"""

from __future__ import annotations

import csv
import errno
import io
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from packcenter.core import controller, record
from packcenter.core import inputs as i
from packcenter.core.records import Plc
from packcenter.core.turn import Turn
from packcenter.journal import space
from packcenter.journal.journal import Journal, read_journal
from packcenter.plc.line import LineCommand
from packcenter.plc.mailbox import Resume
from packcenter.plc.translate import resumed
from packcenter.service import links
from simulation.disk import SimDisk
from simulation.documents import Day
from simulation.draws import Stream
from simulation.explore import scenarios
from simulation.explore.wire import blueprint
from simulation.virtual.hall import HallSettings, VirtualHall, run_hall

SECOND = 1_000_000
OPENS_US = 1_772_413_200 * SECOND
EVENT = i.JamChanged("sorter-1", 1, 1, 0, 3, True)


def on_service(case: Callable[[VirtualHall], Coroutine[Any, Any, None]], *, snapshot_every: int = 2_000) -> None:
    """Run a case with a service that has started."""

    async def main(hall: VirtualHall) -> None:
        await start(hall)
        await case(hall)
        assert hall.loop.complaints == []

    settings = HallSettings(seed=1, segment_bytes=1 << 17, disk_bytes=1 << 23, quiet=False, snapshot_every=snapshot_every)
    small = blueprint(scenarios.place("small"), "small", 1)
    run_hall(main, small, Day([], {}, OPENS_US), settings)


async def start(hall: VirtualHall) -> None:
    """A life that has started."""
    life = hall.start_service()
    assert await hall.until(lambda: life.started, 5 * SECOND), life.ended


def inputs_on(disk: SimDisk) -> list[i.Input]:
    """What the journal says has happened."""
    return [record.decode(entry.body).input for entry in read_journal(disk)]


async def breaks(hall: VirtualHall) -> None:
    """A life ends because a step raises."""
    life = hall.life
    assert life is not None
    life.process.context().run(life.service.engine.submit, [i.LinkUp("sorter-1", 7, 0)])
    await hall.sleep_us(SECOND)
    life.process.context().run(life.service.engine.submit, [EVENT]).add_done_callback(lambda done: done.exception())
    assert await hall.until(lambda: hall.life is None, 5 * SECOND)
    assert life.ended.startswith("StepError: JamChanged: ZeroDivisionError")


def test_a_stop_is_the_last_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """T4: whoever reads the journal knows that people ended this run, and nothing else did."""
    closed: list[Journal] = []
    close = Journal.close

    def noted(journal: Journal) -> None:
        closed.append(journal)
        close(journal)

    monkeypatch.setattr(Journal, "close", noted)

    async def case(hall: VirtualHall) -> None:
        life = hall.life
        hall.stop_service()
        await hall.sleep_us(5 * SECOND)
        assert life is not None
        assert life.ended == "stopped"
        assert inputs_on(hall.disk)[-1] == i.StopRequested("asked")
        assert closed == [life.service.journal]  # nothing can come after it (J8)

    on_service(case)


def test_a_stop_takes_five_seconds_at_most_even_if_the_disk_does_not_answer() -> None:
    """Whoever waits for it kills the process otherwise, and learns nothing."""

    async def case(hall: VirtualHall) -> None:
        life = hall.life
        assert life is not None
        hall.pace.stall_until_us = hall.loop.now_us + 3_600 * SECOND
        hall.stop_service()
        assert await hall.until(lambda: hall.life is None, 6 * SECOND)
        assert life.ended.startswith("TimeoutError: the service did not come to an end in 5 s")

    on_service(case)


def test_a_task_that_fails_beside_the_engine_ends_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hall whose disk nobody watches any more must not run on as if all were well."""

    async def case(hall: VirtualHall) -> None:
        life = hall.life
        assert life is not None
        monkeypatch.setattr(space, "judge", lambda *_, **__: 1 // 0)
        assert await hall.until(lambda: hall.life is None, 3 * SECOND)
        assert life.ended.startswith("ZeroDivisionError")

    on_service(case)


def test_a_snapshot_that_the_disk_refused_is_taken_again_later() -> None:
    """Without one a restart reads the whole journal; one refusal must not be the end of them."""

    async def case(hall: VirtualHall) -> None:
        life = hall.life
        assert life is not None

        async def records(count: int) -> None:
            for _ in range(count):
                life.process.context().run(life.service.engine.submit, [i.ClockStepped(2 * SECOND)])
            await hall.sleep_us(3 * SECOND)

        def refuse(when: str, what: str, name: str) -> None:
            if what == "rename" and name.startswith("snapshot-"):
                raise OSError(errno.EIO, "Input/output error")

        hall.disk.hook = refuse
        await records(12)
        assert [line["event"] for line in hall.log if line["event"].startswith("snapshot")] == ["snapshot_failed"]
        hall.disk.hook = lambda when, what, name: None
        await records(12)
        assert any(name.startswith("snapshot-") for name in hall.disk.list())

    on_service(case, snapshot_every=10)


def test_infeed_is_held_while_the_disk_is_short_and_no_longer() -> None:
    """J7: at under 10 % free the sorters are held, the baggers are not; with room again they run within 5 s."""

    async def case(hall: VirtualHall) -> None:
        boxes = {name: link.mailbox for name, link in hall.service.links.links.items()}
        for _ in range(2):
            hall.disk.others_bytes = hall.disk.free_bytes()[0] - hall.disk.total_bytes // 20
            assert await hall.until(lambda: boxes["sorter-1"].infeed_held, 2 * SECOND)
            assert [name for name, box in boxes.items() if box.infeed_held] == ["sorter-1"]
            hall.disk.others_bytes = 0
            assert await hall.until(lambda: not boxes["sorter-1"].infeed_held, 5 * SECOND)

    on_service(case)


def test_a_jump_of_the_wall_clock_is_recorded_though_nothing_happens() -> None:
    """T3: a quiet hall makes no group by which it would be found."""

    async def case(hall: VirtualHall) -> None:
        await hall.sleep_us(2 * SECOND)
        hall.clock.step_wall(-5 * SECOND)
        await hall.sleep_us(2 * SECOND)
        assert inputs_on(hall.disk)[-1] == i.ClockStepped(-5 * SECOND)

    on_service(case)


def test_a_jump_of_the_wall_clock_is_recorded_before_what_waits() -> None:
    """
    T3: whoever finds the jump must not queue up behind inputs whose records then have times of after it.

    Found by the explorer (seed 8), when its witness began to compare the clocks of neighbouring records.
    """

    async def case(hall: VirtualHall) -> None:
        life = hall.life
        assert life is not None
        submit, engine = life.process.context().run, life.service.engine
        hall.pace.stall_until_us = hall.loop.now_us + 5 * SECOND
        submit(engine.submit, [i.LinkUp("sorter-1", 7, 0)])
        await hall.sleep_us(SECOND)
        submit(engine.submit, [i.LinkLost("sorter-1", "silent")])
        hall.clock.step_wall(-600 * SECOND)
        await hall.sleep_us(6 * SECOND)
        assert inputs_on(hall.disk)[-2:] == [i.ClockStepped(-600 * SECOND), i.LinkLost("sorter-1", "silent")]

    on_service(case)


@pytest.mark.parametrize("power", [False, True])
def test_an_event_that_ended_a_run_is_set_aside_whatever_ends_the_next(monkeypatch: pytest.MonkeyPatch, *, power: bool) -> None:
    """The note about it stays until the record that sets it aside is durable: else the same event ends every run."""

    def broken(turn: Turn, event: i.JamChanged) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(controller.HANDLERS, i.JamChanged, broken)

    async def case(hall: VirtualHall) -> None:
        await breaks(hall)
        luck = Stream(1, "power")
        ended = 0
        for number in range(0, 400, 3):
            hall.start_service()
            hall.kill_at_disk_operation(number, power=luck if power else None)
            started = hall.lives[-1]
            await hall.until(lambda life=started: life.started or hall.life is None, 5 * SECOND)  # type: ignore[misc]
            if hall.life is not None:
                break
            ended += 1
        assert ended > 5
        hall.kill_service()
        await start(hall)
        aside = [each for each in inputs_on(hall.disk) if isinstance(each, i.Quarantined)]
        assert aside
        assert {(each.plc, each.epoch, each.seq) for each in aside} == {("sorter-1", 1, 1)}
        assert "quarantine.msgpack" not in hall.disk.list()

    on_service(case)


def test_links_are_told_how_long_nobody_looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """R7: a PLC tells an event's age modulo 65.5 s, so what is older must not pass for young after an outage."""
    looked: list[int | None] = []

    def noted(known: Plc, looked_us: int | None) -> tuple[Resume, list[LineCommand]]:
        looked.append(looked_us)
        return resumed(known, looked_us)

    monkeypatch.setattr(links, "resumed", noted)

    async def case(hall: VirtualHall) -> None:
        assert set(looked) == {None}
        killed_us = hall.loop.now_us
        hall.kill_service()
        await hall.sleep_us(100 * SECOND)
        await start(hall)
        last = looked[-1]
        assert last is not None
        assert killed_us - 3 * SECOND <= last <= killed_us

    on_service(case)


def test_a_manifest_that_a_kill_interrupted_gets_its_whole_answer() -> None:
    """G4: rows that the core took in an earlier life were not refused, and the answer says so."""
    place = scenarios.place("small")
    rows = scenarios.fresh_rows(Stream(1, "rows"), place.hall, 700, 1)

    async def case(hall: VirtualHall) -> None:
        hall.bring("tax-1.csv", scenarios.csv_of(rows))
        state = hall.service.controller.state
        assert await hall.until(lambda: bool(state.manifests), 20 * SECOND, 100)
        assert await hall.until(lambda: state.manifests["tax-1"].parts_taken == 2, SECOND, 100)
        hall.kill_service()
        await start(hall)
        assert await hall.until(lambda: "tax-1.result.csv" in hall.folders["results"].list(), 20 * SECOND)
        answer = hall.folders["results"].files()["tax-1.result.csv"].decode()
        outcomes = [row["outcome"] for row in csv.DictReader(io.StringIO(answer))]
        assert outcomes == ["taken"] * 700

    on_service(case)

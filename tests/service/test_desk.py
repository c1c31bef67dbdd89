"""Acts between the door and the disk: answered when durable, told apart when not, and shown again after a restart."""

from __future__ import annotations

import asyncio

import pytest
from test_engine import Rig
from test_service import on_service, start

from packcenter.core import controller
from packcenter.core import inputs as i
from packcenter.core.controller import Outcome
from packcenter.core.facts import ActRefused
from packcenter.core.turn import Turn
from packcenter.journal.journal import JournalFull, JournalPoisoned, read_journal
from packcenter.service import desk as desk_module
from packcenter.service.desk import LOST, RECENT_MAX, ActLost, Desk, DoneAct
from packcenter.service.engine import Recorded
from simulation.virtual.hall import VirtualHall

SECOND = 1_000_000


def close(lane: int, reason: str = "jam") -> i.LaneOrdered:
    return i.LaneOrdered("op-17", "operator", reason, "sorter-1", lane, False)


class Bench(Rig):
    """An engine with a desk before it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = True
        self.desk = Desk(self._submit, lambda: self.is_open)

    def _submit(self, act: i.Act) -> asyncio.Future[list[Outcome]]:
        return self.engine.submit([act])

    def read(self, recorded: Recorded) -> None:
        super().read(recorded)
        self.desk.observe(recorded)


async def bench() -> Bench:
    made = Bench()
    await made.started()
    return made


async def lost(act: asyncio.Task[DoneAct]) -> str:
    with pytest.raises(ActLost) as raised:
        await act
    assert str(raised.value) == LOST[raised.value.why]
    return raised.value.why


async def test_an_act_is_answered_only_when_its_record_is_durable() -> None:
    """J5: until then nobody is told anything; then with the sequence of its record."""
    rig = await bench()
    rig.disk.open.clear()
    act = asyncio.create_task(rig.desk.act(close(3)))
    await asyncio.wait({act}, timeout=0.05)
    assert not act.done()
    assert rig.desk.recent(10) == []
    rig.disk.open.set()
    done = await act
    assert (done.sequence, done.act, done.subject, done.why) == (2, "lane_close", "sorter-1/3", "")
    assert rig.desk.recent(10) == [done]
    await rig.ended()


async def test_acts_of_one_group_get_their_own_answers() -> None:
    """Equal acts too: the second of two is refused."""
    rig = await bench()
    act = close(3)
    found = await asyncio.gather(rig.desk.act(act), rig.desk.act(close(3)), rig.desk.act(close(4)))
    assert [(done.sequence, done.subject, done.why) for done in found] == [
        *((2, "sorter-1/3", ""), (3, "sorter-1/3", "closed_already"), (4, "sorter-1/4", "")),
    ]
    await rig.ended()


async def test_a_disk_that_does_not_answer_in_time_is_told_and_the_act_still_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was told `not_durable` finds it among the recent acts later."""
    monkeypatch.setattr(desk_module, "ANSWER_LIMIT_S", 0.01)
    rig = await bench()
    rig.disk.open.clear()
    assert await lost(asyncio.create_task(rig.desk.act(close(3)))) == "not_durable"
    rig.disk.open.set()
    await rig.engine.submit([])
    assert [done.subject for done in rig.desk.recent(10)] == ["sorter-1/3"]
    await rig.ended()


async def test_only_so_many_acts_wait_however_many_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's queue is for the hall."""
    monkeypatch.setattr(desk_module, "ANSWER_LIMIT_S", 0.01)
    rig = await bench()
    rig.disk.open.clear()
    whys = [await lost(asyncio.create_task(rig.desk.act(close(3)))) for _ in range(desk_module.WAITING_MAX + 2)]
    assert whys == ["not_durable"] * desk_module.WAITING_MAX + ["busy"] * 2
    rig.disk.open.set()
    await rig.engine.submit([])
    assert (await rig.desk.act(close(4))).why == ""
    await rig.ended()


@pytest.mark.parametrize(("failure", "why"), [(JournalFull("no room"), "disk_full"), (JournalPoisoned("a sync failed"), "ended")])
async def test_a_disk_that_fails_is_told(failure: Exception, why: str) -> None:
    """What is full took nothing; what failed may have."""
    rig = await bench()
    rig.disk.failure = failure
    assert await lost(asyncio.create_task(rig.desk.act(close(3)))) == why
    with pytest.raises(type(failure)):
        await rig.task


async def test_an_act_beside_a_step_that_fails_is_answered_by_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided before it is durable, so it was taken; what came after it was not."""

    def broken(turn: Turn, act: i.BagOrdered) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(controller.HANDLERS, i.BagOrdered, broken)
    rig = await bench()
    rig.disk.open.clear()
    first = asyncio.create_task(rig.desk.act(close(1)))
    await asyncio.sleep(0.01)
    before, failing, after = (
        asyncio.create_task(rig.desk.act(act)) for act in (close(2), i.BagOrdered("op-17", "operator", "x", 1), close(3))
    )
    await asyncio.sleep(0.01)
    rig.disk.open.set()
    assert (await first).why == ""
    assert (await before).subject == "sorter-1/2"
    assert [await lost(failing), await lost(after)] == ["failed", "failed"]
    with pytest.raises(Exception, match="ZeroDivisionError"):
        await rig.task


async def test_a_desk_that_is_closed_takes_nothing() -> None:
    """While the service stops, and after its engine has ended."""
    rig = await bench()
    rig.is_open = False
    assert await lost(asyncio.create_task(rig.desk.act(close(3)))) == "stopping"
    assert len(rig.recorded) == 1
    await rig.ended()


async def test_an_engine_that_is_cancelled_tells_that_nobody_knows() -> None:
    """The process is being torn down."""
    rig = await bench()
    rig.disk.open.clear()
    act = asyncio.create_task(rig.desk.act(close(3)))
    await asyncio.sleep(0.01)
    rig.task.cancel()
    assert await lost(act) == "ended"


async def test_only_so_many_acts_are_kept() -> None:
    """The newest, over the edge of a restart; the journal has them all."""
    rig = await bench()
    for number in range(RECENT_MAX):
        rig.desk.remember(Recorded(number, 0, 0, close(1), _facts(), []))
    for lane in (1, 2):
        await rig.desk.act(close(lane))
    kept = rig.desk.recent(RECENT_MAX)
    assert len(kept) == RECENT_MAX
    assert [done.subject for done in kept[-2:]] == ["sorter-1/1", "sorter-1/2"]
    assert rig.desk.recent(1) == kept[-1:]
    assert rig.desk.recent(0) == []
    await rig.ended()


def _facts() -> list[ActRefused]:
    """Facts of an act, as a journal has them."""
    return [ActRefused("lane_close", "sorter-1/9", "op-17", "operator", "old", "exception_lane")]


# --- in a whole service --------------------------------------------------------------------------------------------------


def test_recent_acts_are_known_again_after_a_kill_and_the_lane_is_still_closed() -> None:
    """A restart forgets nothing that was answered."""

    async def case(hall: VirtualHall) -> None:
        life = hall.life
        assert life is not None
        answers: list[DoneAct] = []

        async def act() -> None:
            answers.append(await life.service.desk.act(close(1)))
            answers.append(await life.service.desk.act(close(1)))

        life.process.spawn(act(), "acts")
        assert await hall.until(lambda: len(answers) == 2, SECOND)
        written = {entry.sequence for entry in read_journal(hall.disk)}
        assert {each.sequence for each in answers} <= written
        assert [line for line in hall.log if line["event"].startswith("act_")] != []
        hall.kill_service()
        await start(hall)
        assert await hall.until(lambda: hall.service.figures.ready, 5 * SECOND)
        assert hall.service.desk.recent(10) == answers

    on_service(case)


def test_a_stopping_service_takes_no_more_acts() -> None:
    """The stop is the last record (T4)."""

    async def case(hall: VirtualHall) -> None:
        life = hall.life
        assert life is not None
        whys: list[str] = []
        hall.stop_service()

        async def act() -> None:
            try:
                await life.service.desk.act(close(1))
            except ActLost as error:
                whys.append(error.why)

        life.process.spawn(act(), "act")
        assert await hall.until(lambda: bool(whys), SECOND)
        assert whys == ["stopping"]

    on_service(case)

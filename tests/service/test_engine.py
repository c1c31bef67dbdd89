"""The engine: nothing leaves before its cause is durable, and who waits for an outcome gets one or the reason why not."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Sequence

import pytest

from packcenter.config.load import bundled_site, load_site
from packcenter.core import inputs as i
from packcenter.core.commands import Command, GrantEpoch
from packcenter.core.controller import Controller, Outcome
from packcenter.core.facts import EpochGranted, StopNoted
from packcenter.journal.frames import Draft
from packcenter.journal.journal import Group, JournalFull, JournalPoisoned, Position
from packcenter.real import RealClock
from packcenter.service.clock import CoreClock
from packcenter.service.engine import GROUP_MAX, Engine, Recorded, StepError

HALL = load_site(bundled_site()).hall


class Disk:
    """A committer that notes what it made durable, waits while `blocked`, and fails if it is told to."""

    spare_fault = ""

    def __init__(self, happenings: list[str]) -> None:
        self.happenings = happenings
        self.groups: list[int] = []
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    async def commit(self, drafts: Sequence[Draft]) -> Group:
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        first = sum(self.groups) + 1
        self.groups.append(len(drafts))
        self.happenings.append("durable")
        last = first + len(drafts) - 1
        return Group(first, last, Position(1, 0, last, bytes(32), bytes(32)), 0, 0, 0, 0)

    async def close(self) -> None:
        """Nothing to close."""


class SetClock(RealClock):
    """The computer's clock, which somebody may set."""

    ahead_us = 0

    def wall_us(self) -> int:
        return super().wall_us() + self.ahead_us


class Rig:
    """An engine over a committer that can be told to wait or fail. `happenings` is what happened, in order."""

    def __init__(self) -> None:
        self.happenings: list[str] = []
        self.recorded: list[Recorded] = []
        self.disk = Disk(self.happenings)
        self.controller = Controller()
        self.clock = SetClock()
        core_clock = CoreClock(self.clock, start_us=1_772_413_200_000_000)
        self.rooms = 0  # how often the journal can be given room
        self.engine = Engine(
            self.controller,
            self.disk,
            self.clock,
            core_clock,
            self,
            (self.recorded.append, self.read),
            make_room=self.make_room,
        )
        self.task = asyncio.create_task(self.engine.run())

    def command(self, command: Command) -> None:
        self.happenings.append(type(command).__name__)

    def acknowledge(self, plc: str, epoch: int, seq: int) -> None:
        self.happenings.append(f"{plc} may forget {epoch}/{seq}")

    def read(self, recorded: Recorded) -> None:
        self.happenings.append(f"told {type(recorded.input).__name__}")

    def make_room(self) -> bool:
        """Let the disk have room again, if any was kept."""
        self.rooms -= 1
        if self.rooms >= 0:
            self.disk.failure = None
        return self.rooms >= 0

    async def started(self) -> Rig:
        await self.engine.submit([i.Started(1, "0", HALL, "00")])
        self.happenings.clear()
        return self

    async def ended(self) -> None:
        self.engine.stop()
        await self.task


async def test_commands_readers_and_acknowledgements_follow_the_durable_record() -> None:
    rig = await Rig().started()
    await rig.engine.submit([i.LinkUp("sorter-1", 7, 0)])
    await rig.engine.submit([i.JamChanged("sorter-1", 1, 1, 0, 3, True)])
    assert rig.happenings == [
        *("durable", "GrantEpoch", "told LinkUp"),
        *("durable", "told JamChanged", "sorter-1 may forget 1/1"),
    ]
    assert [recorded.sequence for recorded in rig.recorded] == [1, 2, 3]
    await rig.ended()


async def test_who_submits_gets_the_outcomes_of_its_own_inputs_once_they_are_durable() -> None:
    rig = await Rig().started()
    rig.disk.open.clear()
    waits = rig.engine.submit([i.LinkUp("sorter-1", 7, 0), i.LinkUp("sorter-2", 8, 0)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waits.done()
    rig.disk.open.set()
    outcomes: list[Outcome] = await waits
    assert [fact for outcome in outcomes for fact in outcome.facts if isinstance(fact, EpochGranted)] == [
        EpochGranted("sorter-1", 7, 1),
        EpochGranted("sorter-2", 8, 1),
    ]
    assert outcomes[0].commands == [GrantEpoch("sorter-1", 7, 1)]
    await rig.ended()


async def test_what_comes_while_the_disk_is_busy_forms_one_group() -> None:
    rig = await Rig().started()
    rig.disk.open.clear()
    first = rig.engine.submit([i.ClockStepped(1)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [rig.engine.submit([i.ClockStepped(2)]) for _ in range(GROUP_MAX + 3)]
    others.append(rig.engine.submit([i.ClockStepped(3), i.ClockStepped(4)]))
    assert rig.engine.queued == GROUP_MAX + 5
    rig.disk.open.set()
    await asyncio.gather(first, *others)
    assert rig.disk.groups == [1, 1, GROUP_MAX, 5]
    assert rig.engine.queued == 0
    await rig.ended()


async def test_a_call_at_rest_waits_for_the_group_under_way() -> None:
    rig = await Rig().started()
    rig.engine.at_rest(lambda: rig.happenings.append("now"))
    rig.disk.open.clear()
    group = rig.engine.submit([i.ClockStepped(1)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rig.engine.at_rest(lambda: rig.happenings.append("after it"))
    rig.disk.open.set()
    await group
    assert rig.happenings == ["now", "durable", "told ClockStepped", "after it"]
    await rig.ended()


async def test_a_step_that_fails_ends_the_engine_and_is_told_to_all_who_wait() -> None:
    rig = await Rig().started()
    sound = rig.engine.submit([i.ClockStepped(1)])
    wrong = rig.engine.submit([i.LinkUp("no-such-plc", 7, 0)])
    waiting = rig.engine.submit([i.ClockStepped(2)])
    with pytest.raises(StepError, match="LinkUp: KeyError: 'no-such-plc'") as seen:
        await rig.task
    assert seen.value.happened == i.LinkUp("no-such-plc", 7, 0)
    for each in (sound, wrong, waiting):
        assert each.exception() is seen.value
    assert rig.disk.groups[1:] == [1]  # after that of the start
    assert rig.happenings == ["durable", "told ClockStepped"]


async def test_a_step_that_fails_leaves_no_gap_before_its_event() -> None:
    """What was decided before it in the same group is durable: the next run would take those events for repeated (E2)."""
    rig = await Rig().started()
    rig.engine.submit([i.LinkUp("sorter-1", 7, 0)])
    rig.engine.submit([i.PlaceChanged("sorter-1", 1, seq, 3, 0, 0) for seq in (1, 2)])
    rig.engine.submit([i.PlaceChanged("sorter-1", 1, 3, 3, 2, 0), i.PlaceChanged("no-such-plc", 1, 4, 3, 2, 0)])
    with pytest.raises(StepError, match="no-such-plc"):
        await rig.task
    assert rig.happenings[-1] == "sorter-1 may forget 1/3"


async def test_a_commit_that_fails_ends_the_engine_and_is_told_to_all_who_wait() -> None:
    rig = await Rig().started()
    rig.disk.failure = JournalPoisoned("the sync failed")
    waiting = rig.engine.submit([i.LinkUp("sorter-1", 7, 0)])
    with pytest.raises(JournalPoisoned):
        await rig.task
    assert isinstance(waiting.exception(), JournalPoisoned)
    assert rig.happenings == []


async def test_a_full_journal_gets_the_room_that_was_kept_and_the_same_group_again() -> None:
    """J7: what is on the belt is still recorded; without room left the engine ends, and says why."""
    rig = await Rig().started()
    rig.rooms, rig.disk.failure = 1, JournalFull("no room")
    assert len(await rig.engine.submit([i.LinkUp("sorter-1", 7, 0)])) == 1
    assert rig.happenings == ["durable", "GrantEpoch", "told LinkUp"]
    rig.disk.failure = JournalFull("no room")
    waiting = rig.engine.submit([i.LinkUp("sorter-2", 8, 0)])
    with pytest.raises(JournalFull):
        await rig.task
    assert isinstance(waiting.exception(), JournalFull)
    assert len(rig.recorded) == 2


async def test_a_stop_leaves_nothing_that_was_submitted_undone() -> None:
    rig = await Rig().started()
    last = rig.engine.submit([i.StopRequested("done")])
    await rig.ended()
    assert [fact for outcome in last.result() for fact in outcome.facts] == [StopNoted("done")]


async def test_a_plc_may_forget_only_what_is_durable_when_a_batch_makes_two_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """E3: the state holds the second event already, but its group is not on the disk."""
    monkeypatch.setattr("packcenter.service.output_commit.portion", lambda drafts: 1)
    rig = await Rig().started()
    await rig.engine.submit([i.LinkUp("bagger-1", 7, 0)])
    rig.happenings.clear()
    await rig.engine.submit([i.ConsumableRead("bagger-1", 1, 1, 1, 90), i.ConsumableRead("bagger-1", 1, 2, 2, 80)])
    told = [
        "durable",
        "told ConsumableRead",
        "bagger-1 may forget 1/1",
        "durable",
        "told ConsumableRead",
        "bagger-1 may forget 1/2",
    ]
    assert rig.happenings == told
    await rig.ended()


async def test_no_record_after_a_jump_of_the_wall_clock_comes_before_the_one_that_says_so() -> None:
    """T3: the process may be killed before anybody looks at the clock again."""
    rig = await Rig().started()
    rig.clock.ahead_us = -5_000_000
    await rig.engine.submit([i.StopRequested("soon")])
    assert rig.happenings == ["durable", "told ClockStepped", "told StopRequested"]
    await rig.ended()


async def test_an_empty_submission_lets_the_engine_look_at_the_clocks() -> None:
    """T3: somebody saw a jump while inputs were waiting; it is recorded before them, though seen after they came."""
    rig = await Rig().started()
    rig.disk.open.clear()
    first = rig.engine.submit([i.ClockStepped(1)])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    rig.clock.ahead_us = -5_000_000
    waiting = rig.engine.submit([i.LinkUp("sorter-1", 7, 0)])
    look = rig.engine.submit([])
    rig.disk.open.set()
    assert await asyncio.gather(first, waiting, look)
    assert [type(recorded.input) for recorded in rig.recorded[2:]] == [i.ClockStepped, i.LinkUp]
    assert await rig.engine.submit([]) == []  # nothing to tell: answered, and no group of nothing is made
    assert sum(rig.disk.groups) == 4
    await rig.ended()


async def test_what_was_submitted_first_is_recorded_first() -> None:
    """E2: the events of a PLC come in order, however many submissions they came in."""
    rig = await Rig().started()
    await rig.engine.submit([i.LinkUp("bagger-1", 7, 0)])
    rig.disk.open.clear()
    waits = [rig.engine.submit([i.ConsumableRead("bagger-1", 1, seq, 1, 90)]) for seq in range(1, 6)]
    rig.disk.open.set()
    await asyncio.gather(*waits)
    assert [recorded.input.seq for recorded in rig.recorded[2:]] == [1, 2, 3, 4, 5]  # type: ignore[union-attr]
    await rig.ended()


async def test_commands_wait_for_their_own_group_when_a_batch_makes_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """R6: what the second record asks is not durable with the first one."""
    monkeypatch.setattr("packcenter.service.output_commit.portion", lambda drafts: 1)
    rig = await Rig().started()
    await rig.engine.submit([i.LinkUp("sorter-1", 7, 0), i.LinkUp("sorter-2", 8, 0)])
    assert rig.happenings == ["durable", "GrantEpoch", "told LinkUp"] * 2
    await rig.ended()


async def test_what_was_answered_is_not_kept() -> None:
    """An engine that runs for weeks holds no submission longer than its group."""
    rig = await Rig().started()
    answered = rig.engine.submit([i.ClockStepped(2_000_000)])
    gone = weakref.ref(answered)
    await answered
    del answered
    await rig.engine.submit([i.ClockStepped(3_000_000)])
    gc.collect()
    assert gone() is None
    await rig.ended()

"""
The control service of one hall: recovery, engine, links, intake, figures, and how they end.

    recover -> engine -> links up -> (scan .. decide .. journal .. write)* -> stop: links, engine, journal

Any task that ends by itself ends the service. A journal that cannot be written ends the process at once: the
heartbeats stop, and every PLC runs its items to the fallback lanes by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from packcenter.config.manifest import Known
from packcenter.core import alarm_table, discrepancies
from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core.commands import Command
from packcenter.core.controller import Outcome
from packcenter.core.facts import Fact
from packcenter.core.hall import Hall
from packcenter.core.limits import DISCREPANCY_MINUTES, DISCREPANCY_SECURE_MINUTES
from packcenter.journal import space
from packcenter.journal.frames import Identity
from packcenter.journal.journal import SEGMENT_BYTES, Committer, Journal, JournalError, Position, ThreadCommitter
from packcenter.journal.snapshot import Snapshot
from packcenter.plc.link import LinkSettings, wire_maker
from packcenter.ports import Clock, Disk, Net, Random
from packcenter.projections.metrics import Metrics
from packcenter.service import recovery
from packcenter.service.badges import Badges, PeopleFile
from packcenter.service.clock import CoreClock
from packcenter.service.desk import Desk
from packcenter.service.engine import QUEUE_MAX, Engine, Recorded, StepError
from packcenter.service.figures import Figures
from packcenter.service.intake import Folders, Intake, ManifestBook, Patience
from packcenter.service.intake import Recorded as Progress
from packcenter.service.links import Links, MakeWire
from packcenter.service.papers import PaperFolders, Papers
from packcenter.service.past import facts_of_manifest
from packcenter.service.plans import PlanFiles, Shelf
from packcenter.service.receipt_files import ReceiptFiles
from packcenter.service.status import Status, StatusReader

log = structlog.get_logger()

SNAPSHOT_EVERY = 50_000
"""Records between snapshots: half a day of the centre; a restart then folds at most as many, in half a second."""

LOOK_US = 500_000
"""How often the manifest folder is looked at: a manifest is announced hours before its items."""

UPKEEP_US = 50_000
"""Period of the upkeep tick; its lateness is the loop's lag."""

UPKEEP_ROUNDS = 20
"""Upkeep ticks between looks at the disk and the wall clock: once a second."""

STOP_LIMIT_S = 5.0
"""A clean stop takes no longer (design: liveness)."""


@dataclass(frozen=True)
class Setup:
    """
    All that a service is made of. `links` has one entry per PLC of the hall.

    `speed` and `start_us` (core time at the very first start) are for laboratories; a real hall has 1 and None.
    `process` is this process's number, for the people whose second service finds the journal taken. `make_committer` and
    `off_loop` (what `asyncio.to_thread` does) say where the disk is waited for: in threads, or in virtual time. `make_wire`
    makes the links' wires. `discrepancy_minutes` are those until one is overdue, and those on ID documents. `people` may act;
    None: nobody may. `reasons` may be given in Chinese. `http_names` are the names by which requests may call us. `plans` are
    those to which the hall may be switched. `receipts` are the folders of files of receipts, `papers` those of bills and
    agencies' events; None: there are none.
    """

    hall: Hall
    hall_digest: str
    links: Sequence[LinkSettings]
    journal: Disk
    manifests: Folders | None
    known: Known
    clock: Clock
    random: Random
    net: Net
    release: str
    profiles_digest: bytes = bytes(32)
    lab: bool = False
    speed: int = 1
    start_us: int | None = None
    process: int = 0
    mode: str = "live"
    segment_bytes: int = SEGMENT_BYTES
    snapshot_every: int = SNAPSHOT_EVERY
    ballast_bytes: int = space.BALLAST_BYTES
    patience: Patience = field(default_factory=Patience)
    make_committer: Callable[[Journal], Committer] = ThreadCommitter
    off_loop: Callable[..., Awaitable[Any]] = asyncio.to_thread
    make_wire: MakeWire = wire_maker
    people: PeopleFile | None = None
    reasons: Sequence[str] = ()
    plans: PlanFiles | None = None
    receipts: Folders | None = None
    papers: PaperFolders | None = None
    http_names: Sequence[str] = ()
    discrepancy_minutes: tuple[int, int] = (DISCREPANCY_MINUTES, DISCREPANCY_SECURE_MINUTES)


class Service:
    """One running controller. `start`, then `run` until `request_stop`; `stop` ends it in good order."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.status_reader = StatusReader()
        self.badges = None if setup.people is None else Badges(setup.people)
        self.shelf = Shelf(setup.plans, setup.hall, setup.off_loop)
        self.papers: Papers | None = None
        self.desk = Desk(self._submit_act, lambda: not self.stopping and self._alive("engine"))
        self._book = ManifestBook()
        self._stop = asyncio.Event()
        self._asked = asyncio.Event()
        self._stop_reason = ""
        self._snapshot_at = 0
        self._snapshot: Snapshot | None = None
        self._snapshot_task: asyncio.Task[None] | None = None
        self._space = space.Level.ENOUGH
        self._tasks: list[asyncio.Task[None]] = []

    # --- life --------------------------------------------------------------------------------------------------------

    def recover(self) -> None:
        """Rebuild what was known. Raises `JournalError` or `ConfigError`; nothing has been promised to any PLC yet."""
        setup = self.setup
        if self.badges is not None:
            self.badges.load()
        digest = setup.hall_digest
        identity = Identity(setup.hall.centre, setup.release, bytes.fromhex(digest), setup.profiles_digest)
        holder = f"packcenter {setup.release}, process {setup.process}, hall {setup.hall.name}"
        recovered = recovery.recover(
            setup.journal,
            identity,
            setup.clock,
            holder,
            lab=setup.lab,
            segment_bytes=setup.segment_bytes,
            on_facts=self._remember,
            progress=lambda count: log.info("recovering", records=count),
        )
        for note in recovered.notes:
            log.warning("snapshot_passed_over", reason=note)
        if not space.keep_ballast(setup.journal, setup.ballast_bytes):
            log.warning("no_room_for_ballast", bytes=setup.ballast_bytes)
        self._quarantined = recovered.quarantined
        self._snapshot = recovered.snapshot
        away_us = 0 if recovered.last is None else max(0, setup.clock.wall_us() - recovered.last[1])
        self._looked_us = None if recovered.last is None else setup.clock.mono_us() - away_us
        self.core_clock = CoreClock(setup.clock, speed=setup.speed, start_us=setup.start_us, resume=recovered.last)
        self.journal = recovered.journal
        self.controller = recovered.controller
        self._snapshot_at = self.journal.end.sequence
        log.info("recovered", records=recovered.folded, sequence=self.journal.end.sequence, torn_bytes=self.journal.torn_bytes)

    async def start(self) -> None:
        """Begin to run: adopt the hall, then let the links connect."""
        setup = self.setup
        self.links = Links(
            setup.links,
            clock=setup.clock,
            random=setup.random,
            net=setup.net,
            submit=self._submit,
            observe=self._observe_request,
            make_wire=setup.make_wire,
        )
        self.committer = setup.make_committer(self.journal)
        self.figures = Figures(Metrics(setup.hall), setup.journal, setup.clock, self.controller.state, self._at_rest)
        self.figures.metrics.describe(version=setup.release, revision="", mode=setup.mode)
        committed = self.figures.metrics.committed
        if setup.papers is not None:
            state, end = self.controller.state, self.journal.end.sequence
            told = self.figures.metrics.papers
            self.papers = Papers(setup.papers, setup.journal, setup.clock, state, end, setup.off_loop, told=told)
        self.engine = Engine(
            self.controller, self.committer, setup.clock, self.core_clock, self, (self._read,), committed, self._give_ballast
        )
        self._spawn(self.engine.run(), "engine")
        digest = setup.hall_digest
        run = self.controller.state.run + 1
        started = i.Started(run, setup.release, setup.hall, digest)
        before = self.journal.end.sequence
        rules = i.CustodyRulesGiven(discrepancies.VERSION, *setup.discrepancy_minutes)
        given = (i.AlarmTableGiven(alarm_table.VERSION), rules)
        await self.engine.submit([started, *given, *self._quarantined])
        if self._quarantined:
            recovery.write_quarantine(setup.journal, [])
        self.links.start(self.controller.state, self._looked_us)
        self._tasks += self.links.tasks
        self._spawn(self._upkeep(), "upkeep")
        self._spawn(self.figures.rebuild(before, self.core_clock.now_us(), self.desk.remember), "figures")
        if self.papers is not None:
            self._spawn(self.papers.write(), "papers")
            self._tasks[-1].add_done_callback(self._told)
        if self.badges is not None:
            self._spawn(self.badges.watch(setup.clock, setup.off_loop), "people")
        if setup.manifests is not None:
            intake = Intake(
                setup.manifests,
                setup.known,
                submit=self._submit_manifest,
                recorded=self._manifest_progress,
                recall=self._recall_manifest,
                note=log.info,
                book=self._book,
                patience=setup.patience,
            )
            self._spawn(intake.watch(setup.clock, LOOK_US), "intake")
        if setup.receipts is not None:
            files = ReceiptFiles(setup.receipts, submit=self._submit_receipts, note=log.info, patience=setup.patience)
            self._spawn(files.watch(setup.clock, LOOK_US), "receipts")

    async def run(self) -> None:
        """Until a stop is requested. Raises what ended a task: `JournalError`, `StepError`, or our own mistake."""
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        watched = {task for task in self._tasks if task.get_name() not in ("figures", "papers")}
        done, _ = await asyncio.wait({stopping, *watched}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in done - {stopping}:
            error = task.exception()
            if isinstance(error, StepError):
                self._quarantine(error)
            if error is not None:
                raise error
            raise AssertionError(f"task {task.get_name()} ended by itself")

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._asked.is_set()

    async def stop_asked(self, seconds: float) -> bool:
        """Wait until a stop is asked for, at most this long; whether it was."""
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return False
        return True

    def ask_to_stop(self, reason: str) -> None:
        """Let what runs beside the service finish first; it ends with `request_stop`."""
        self._stop_reason = self._stop_reason or reason
        self._asked.set()

    def request_stop(self, reason: str) -> None:
        """Ask `run` to return."""
        self.ask_to_stop(reason)
        self._stop.set()

    async def stop(self) -> None:
        """End in good order: no new events, all durable, the journal closed. `TimeoutError` if that takes too long."""
        try:
            await self._stop_in_order()
        except TimeoutError:
            raise TimeoutError(
                f"the service did not come to an end in {STOP_LIMIT_S:.0f} s; does the journal's disk answer?"
                " Nothing that was acknowledged is lost. Start it again."
            ) from None

    async def _stop_in_order(self) -> None:
        self._asked.set()  # whoever acts from now on is told that we stop
        async with asyncio.timeout(STOP_LIMIT_S):
            await self.links.stop()
            for task in self._tasks:
                if task.get_name() not in ("engine", "papers"):
                    task.cancel()
            if self._alive("engine"):
                await self.engine.submit([i.StopRequested(self._stop_reason or "stopped")])
                self.engine.stop()
            if self.papers is not None:
                self.papers.end()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._snapshot_task is not None:
                await self._snapshot_task
            await self.committer.close()

    def _alive(self, name: str) -> bool:
        return any(task.get_name() == name and not task.done() for task in self._tasks)

    def _told(self, task: asyncio.Task[None]) -> None:
        """What control does not need, and nobody waits for, must not end in silence."""
        if not task.cancelled() and task.exception() is not None:
            log.error("task_failed", task=task.get_name(), error=repr(task.exception()))

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    # --- outputs of the engine ---------------------------------------------------------------------------------------

    def command(self, command: Command) -> None:
        """A durable command goes to its link."""
        self.links.command(command)

    def acknowledge(self, plc: str, epoch: int, seq: int) -> None:
        """A PLC may forget durable events."""
        self.links.acknowledge(plc, epoch, seq)

    def _at_rest(self, call: Callable[[], None]) -> None:
        """Call between two groups; the engine is made after those who ask this."""
        self.engine.at_rest(call)

    def _read(self, recorded: Recorded) -> None:
        """Every reader of the stream, in one place."""
        self.status_reader.observe(recorded)
        took = self.status_reader.decided(recorded, self.setup.clock.mono_us())
        if took is not None:
            self.figures.metrics.decided(recorded.input.plc, took)  # type: ignore[union-attr]
        self.figures.observe(recorded)
        self.desk.observe(recorded)
        if self.papers is not None:
            self.papers.observe(recorded)
        log_finished(recorded)

    # --- inputs ------------------------------------------------------------------------------------------------------

    def _submit(self, happened: list[i.Input]) -> None:
        self.engine.submit(happened).add_done_callback(_retrieve)

    def _submit_act(self, act: i.Act) -> asyncio.Future[list[Outcome]]:
        return self.engine.submit([act])

    async def _submit_manifest(self, parts: list[i.ManifestReceived]) -> list[Fact]:
        outcomes: list[Outcome] = await self.engine.submit(parts)
        return [fact for outcome in outcomes for fact in outcome.facts]

    async def _submit_receipts(self, received: i.ReceiptsReceived) -> list[Fact]:
        (outcome,) = await self.engine.submit([received])
        return outcome.facts

    def _manifest_progress(self, name: str) -> Progress | None:
        found = self.controller.state.manifests.get(name)
        return None if found is None else Progress(found.file_digest, found.parts_taken, found.parts)

    async def _recall_manifest(self, name: str) -> Sequence[Fact]:
        return await facts_of_manifest(self.setup.journal, self.setup.clock, self.journal.end.sequence, name)

    def _remember(self, facts: list[Fact]) -> None:
        for fact in facts:
            self._book.take(fact)

    def _observe_request(self, plc: str, operation: str, result: str, seconds: float) -> None:
        self.figures.requested(plc, operation, result, seconds, self.core_clock.now_us())

    def _quarantine(self, error: StepError) -> None:
        """Keep the event that made a step fail out of the next run: its line goes on, its item goes to the hand station."""
        happened = error.happened
        log.error("step_failed", input=type(happened).__name__, error=str(error))  # a note that fails must not hide it
        if isinstance(happened, i.PlcEvent):
            aside = recovery.set_aside(happened, error.__cause__)
            recovery.write_quarantine(self.setup.journal, [*recovery.read_quarantine(self.setup.journal), aside])

    # --- upkeep ------------------------------------------------------------------------------------------------------

    async def _upkeep(self) -> None:
        """Loop lag, wall clock, disk space, snapshots."""
        clock = self.setup.clock
        rounds = 0
        while True:
            due_us = clock.mono_us() + UPKEEP_US
            await clock.sleep_us(UPKEEP_US)
            self.figures.metrics.lagged(max(0, clock.mono_us() - due_us))
            self.figures.metrics.queued(self.engine.queued, QUEUE_MAX)
            rounds += 1
            if rounds % UPKEEP_ROUNDS == 0:
                self._look_at_clock()
                self._look_at_disk()
                self._maybe_snapshot()

    def _look_at_clock(self) -> None:
        """
        A quiet hall makes no group by which a jump of the clock would be found (`OutputCommit.take_clock`).

        The jump itself is not queued: what waits already would be recorded before it, with times of after it (T3).
        """
        if self.core_clock.wall_jumped():
            self._submit([])

    def _look_at_disk(self) -> None:
        """Warn at 20 % free; at 10 % hold the sorters' infeed, while everything on the belts can still be recorded."""
        free, total = self.setup.journal.free_bytes()
        self.figures.metrics.disk(free, total)
        judged = space.judge(free, total, self._space, spares_missing=self.journal.spares_missing())
        if judged.release_ballast:
            self._give_ballast()
        if judged.level != self._space:
            log.warning("disk_space", space=judged.level.name.lower(), free_bytes=free, total_bytes=total)
            hold = judged.level is space.Level.STOP_INFEED
            self.links.hold_infeed([sorter.plc for sorter in self.setup.hall.sorters], hold)
            self._space = judged.level

    def _give_ballast(self) -> bool:
        """Give the journal the room that was kept for a full disk; whether there was any."""
        released = space.release_ballast(self.setup.journal)
        if released:
            log.error("ballast_released", bytes=self.setup.ballast_bytes)
        return released

    def _maybe_snapshot(self) -> None:
        end = self.journal.end
        busy = self._snapshot_task is not None and not self._snapshot_task.done()
        if busy or end.sequence - self._snapshot_at < self.setup.snapshot_every:
            return
        self._snapshot_at = end.sequence
        self.engine.at_rest(self._take_snapshot)

    def _take_snapshot(self) -> None:
        """Between two groups, so that state and position belong together; writing and checking happen off the loop."""
        body = recovery.pack_snapshot(self.controller.state, self.setup.clock.wall_us())
        self._snapshot_task = asyncio.create_task(self._keep_snapshot(self.journal.end, body), name="snapshot")

    async def _keep_snapshot(self, position: Position, body: bytes) -> None:
        taken = Snapshot(position, recovery.STATE_SCHEMA, body)
        try:
            fault: str = await self.setup.off_loop(recovery.keep_snapshot, self.setup.journal, taken, self._snapshot)
        except (OSError, JournalError) as error:
            log.error("snapshot_failed", error=str(error))
            return
        if fault:
            log.error("snapshot_wrong", reason=fault)
            return
        self._snapshot = taken
        log.info("snapshot_taken", sequence=position.sequence, bytes=len(body))

    # --- looking in --------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """The figures of this moment."""
        return self.status_reader.status(self.controller.state, self.core_clock.now_us())


def _retrieve(done: asyncio.Future[list[Outcome]]) -> None:
    """What ended the engine is told by its task; nobody needs to hear it again from each input."""
    if not done.cancelled():
        done.exception()


def log_finished(recorded: Recorded) -> None:
    """One line per bag that was dispatched, per act, and per exception: what a person may want to find later."""
    for fact in recorded.facts:
        if isinstance(fact, f.BagClosed):
            log.info("bag_dispatched", bag=fact.bag, destination=fact.destination, parcels=len(fact.items), grams=fact.grams)
        elif isinstance(fact, f.ItemLost):
            log.warning("item_lost", sequence=recorded.sequence, place=fact.place, reason=fact.reason)
        elif isinstance(fact, f.ActTaken):
            log.info("act_taken", act=fact.act, subject=fact.subject, person=fact.person, role=fact.role)
        elif isinstance(fact, f.ActRefused):
            log.info("act_refused", act=fact.act, subject=fact.subject, person=fact.person, role=fact.role, why=fact.why)
        elif isinstance(fact, f.GapSeen):
            log.error("events_missing", plc=fact.plc, expected=fact.expected, seen=fact.seen)
        elif isinstance(fact, f.ClockStepNoted):
            log.warning("clock_stepped", by_us=fact.by_us)
        elif isinstance(fact, f.CommandTimedOut) and fact.kind:
            log.warning("command_unanswered", plc=fact.plc, command=fact.kind, number=fact.number)

"""
One life of the controller in virtual time: what `packcenter.service.service` is made of, without a loop.

    boot -> recover -> Started -> callers connect -> (inputs -> step -> group -> release)* -> death

Real are recovery, core, output commit, journal, snapshots, space keeping, intake and mailboxes; only the waiting is played: a
group is under way for as long as the disk takes, during which links go on and inputs queue up for the next one. The group is
written at the end of that time; a life that ends before has written it in part, by luck (`Life.die`).

A *crash point* is a place that has a name. A life may be armed to end at one of them, after it was passed some times: there
`Crash` is raised through whatever is under way, and nothing of it runs again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from packcenter.core import alarm_table, discrepancies
from packcenter.core import facts as f
from packcenter.core import inputs as i
from packcenter.core.commands import Command, GrantEpoch
from packcenter.core.controller import Controller, Outcome
from packcenter.journal import space
from packcenter.journal.frames import Identity
from packcenter.journal.journal import Journal, JournalError, JournalFull
from packcenter.journal.snapshot import Snapshot
from packcenter.plc.mailbox import Happening, Mailbox
from packcenter.plc.translate import resumed, to_inputs, to_line
from packcenter.service import recovery
from packcenter.service.clock import CoreClock
from packcenter.service.engine import GROUP_MAX
from packcenter.service.intake import Folders, Intake, ManifestBook, Patience
from packcenter.service.intake import Recorded as Progress
from packcenter.service.output_commit import OutputCommit, Recorded, StepError
from packcenter.service.past import facts_of_manifest
from simulation.clock import INPUT
from simulation.disk import Crash
from simulation.draws import Stream
from simulation.explore import paperwork, receipt_files
from simulation.explore.paperwork import Desk
from simulation.explore.path import Caller
from simulation.explore.points import COMMAND_POINTS, DISK_POINTS, FACT_POINTS
from simulation.explore.waits import ComputerClock, Pause, Submission
from simulation.plant.sorter import SorterProgram
from simulation.truth import Why

if TYPE_CHECKING:
    from simulation.explore.protocol import ProtocolWorld

SNAPSHOT_EVERY = 150
UPKEEP_US = 1_000_000
LOOK_US = 500_000
PATIENCE = Patience(settle_us=300_000, unfinished_us=20_000_000, retry_us=2_000_000)
_STALL_STEP_US = 200_000
SNAPSHOT_US = 40_000
"""How long a snapshot is being written, beside the loop."""

_Done = Callable[[list[Outcome]], None]


class PoisonError(StepError):
    """An event that a step fails on, though it is sound: a mistake of ours that nobody knows yet."""


class Life:
    """
    One process of the controller, from boot to death. `number` counts them from 1.

    `at` calls within this life: never after its death, and not before the end of a pause.
    """

    def __init__(self, world: ProtocolWorld, number: int, armed: tuple[str, int] | None) -> None:
        self.world = world
        self.number = number
        self.alive = True
        self.recovered = False
        self.stopping = False
        self.serving = False
        self._paused = False
        self._held: list[tuple[Callable[[Any], None], Any]] = []
        self.armed = armed
        self.callers: dict[str, Caller] = {}
        self.disk = world.disk
        self._clock = ComputerClock(world)
        self._queue: deque[tuple[Sequence[i.Input], int, _Done | None]] = deque()
        self._waiting: list[tuple[_Done, list[Outcome]]] = []
        self._committing = False
        self._tick_at_us: int | None = None
        self._book = ManifestBook()
        self._space = space.Level.ENOUGH
        self._snapshot_at = 0
        self._snapshot: Snapshot | None = None
        self._snapshot_busy = False
        self._snapshot_due = False
        self.fails_on: type[i.PlcEvent] | None = None
        self._failed: PoisonError | None = None
        self.desk: Desk | None = None

    # --- time and death ------------------------------------------------------------------------------------------------

    @property
    def sound(self) -> bool:
        """Whether it runs without pause."""
        return self.alive and not self._paused

    def at(self, delay_us: int, fn: Callable[[Any], None], arg: Any) -> None:
        """Call `fn(arg)` in this life."""
        self.world.clock.at(delay_us, INPUT, self._gate, (fn, arg))

    def _gate(self, call: tuple[Callable[[Any], None], Any]) -> None:
        if not self.alive:
            return
        if self._paused:
            self._held.append(call)
        else:
            self.call(*call)

    def call(self, fn: Callable[[Any], None], arg: Any) -> None:
        """Let this life do something now; it may end by it."""
        try:
            fn(arg)
        except Crash:
            self.world.died(self, "crash point")
        except PoisonError as error:
            self._set_aside(error)
        except (JournalError, OSError) as error:
            self.world.died(self, type(error).__name__, str(error))
        except Exception as error:
            self.world.broke(self, error)

    def pause(self, us: int) -> None:
        """Stand still; what comes meanwhile is met afterwards, in order."""
        self._paused = True
        self.world.clock.at(us, INPUT, self.resume, None)

    def resume(self, _: None = None) -> None:
        """Go on."""
        if self._paused and self.alive:
            self._paused = False
            for call in self._held:
                self.world.clock.at(0, INPUT, self._gate, call)
            self._held.clear()

    def point(self, name: str) -> None:
        """A crash point is passed; may raise `Crash`."""
        if self.passes(name):
            raise Crash

    def passes(self, name: str) -> bool:
        """Whether this is the point, and the time, at which this life is to end."""
        if self.armed is None or self.armed[0] != name:
            return False
        name, left = self.armed
        self.armed = (name, left - 1)
        if left > 1:
            return False
        self.world.notes.kills[name] += 1
        self.world.notes.tell(self.world.clock.now_us, f"life {self.number} ends at crash point {name!r}")
        self.armed = None
        return True

    @property
    def group_under_way(self) -> bool:
        """Whether a group waits for the disk."""
        return self._committing

    def write_in_part(self) -> None:
        """The life ends while a group is being written: let what `disk.hook` allows be written."""
        drafts = self.commits.portion()[: self.world.group_records]
        if drafts:
            self.world.witness.about_to_commit(drafts)
            self.journal.write_group(drafts)

    def _set_aside(self, error: PoisonError) -> None:
        """End as the service does when a step fails: with a note for the next run."""
        assert isinstance(error.happened, i.PlcEvent)
        aside = recovery.set_aside(error.happened, error)
        try:
            recovery.write_quarantine(self.disk, [*recovery.read_quarantine(self.disk), aside])
        except Crash:
            self.world.died(self, "crash point")
        except OSError as failed:  # the next run meets the same event, and notes it when there is room
            self.world.died(self, "no room for a note", str(failed))
        else:
            self.world.notes.met("event set aside")
            self.world.died(self, "failed step")

    def stop(self) -> None:
        """End in good order: the links first, then the record of it."""
        self.stopping = True
        for caller in self.callers.values():
            caller.stop()
        self.submit([i.StopRequested("a person")], self._stopped)

    def _stopped(self, _: list[Outcome]) -> None:
        if self.desk is not None:
            self.desk.finish()
        self.world.died(self, "clean stop")

    # --- start -----------------------------------------------------------------------------------------------------------

    def boot(self, _: None) -> None:
        """Recover what was known; then begin to run."""
        world = self.world
        if self.armed is not None and self.armed[0] == "recovery":
            left = self.armed[1]

            def hook(when: str, what: str, name: str) -> None:
                nonlocal left
                left -= 1
                if left <= 0:
                    self.armed = ("recovery", 1)
                    self.point("recovery")

            self.disk.hook = hook
        else:
            self.listen()
        recovered = recovery.recover(
            self.disk,
            world.identity(),
            self._clock,
            f"life {self.number}",
            segment_bytes=world.segment_bytes,
            on_facts=self._remember,
        )
        self.listen()
        if self.armed is not None and self.armed[0] == "recovery":
            self.armed = None  # it ended sooner than the point
        if recovered.journal.torn_bytes:
            world.notes.met("torn tail at recovery")
        self._snapshot = recovered.snapshot
        self.journal: Journal = recovered.journal
        self.controller: Controller = recovered.controller
        world.witness.recovered(self.journal, self.controller.state)
        self.recovered = True
        space.keep_ballast(self.disk, world.segment_bytes)
        last = recovered.last
        away_us = 0 if last is None else max(0, self._clock.wall_us() - last[1])
        self._looked_us = None if last is None else self._clock.mono_us() - away_us
        self.core_clock = CoreClock(self._clock, start_us=world.opens_us, resume=last)
        self._snapshot_at = self.journal.end.sequence
        self.desk = Desk(self, world.papers) if world.options.has(paperwork.NAME) else None
        self.commits = OutputCommit(self.controller, self._clock, self.core_clock, self, (self._read,), self._give_ballast)
        started = i.Started(self.controller.state.run + 1, world.release, world.hall, world.hall_digest)
        self._quarantined = recovered.quarantined
        given = (i.AlarmTableGiven(alarm_table.VERSION), i.CustodyRulesGiven(discrepancies.VERSION, 4, 1))
        self.submit([started, *given, *recovered.quarantined], self._serve)

    def _remember(self, facts: list[f.Fact]) -> None:
        for fact in facts:
            self._book.take(fact)

    def _serve(self, _: list[Outcome]) -> None:
        """The start is durable: let the links connect, and begin all that runs beside them."""
        world = self.world
        if self._quarantined:
            recovery.write_quarantine(self.disk, [])
        state = self.controller.state
        hello = Stream(world.options.seed, "explore/hello", self.number)
        for name, cable in world.cables.items():
            resume, commands = resumed(state.plcs[name], self._looked_us)
            mailbox = Mailbox(name, world.profile_digest, resume, first_hello=hello.below(0xFFFF))
            for command in commands:
                mailbox.ask(command)
            luck = Stream(world.options.seed, f"explore/backoff/{name}", self.number)
            cable.caller = self.callers[name] = Caller(cable, mailbox, self, luck)
            self.callers[name].start()
        self.serving = True
        world.serving(self)
        if self.desk is not None:
            self.desk.start()
        if world.options.has("brings_receipts"):
            receipt_files.begin(self, world.receipts)
        self.at(UPKEEP_US, self._upkeep, None)
        folders = Folders(*world.folders)
        intake = Intake(
            folders,
            world.known,
            submit=self._submit_parts,
            recorded=self._progress,
            recall=lambda name: facts_of_manifest(self.disk, self._clock, self.journal.end.sequence, name),
            note=self.note,
            book=self._book,
            patience=PATIENCE,
        )
        self.drive(intake.watch(self._clock, LOOK_US), None)

    # --- the engine --------------------------------------------------------------------------------------------------------

    def submit(self, inputs: Sequence[i.Input], done: _Done | None = None) -> None:
        """Queue inputs for the next group; `done` gets their outcomes when they are durable."""
        self._queue.append((inputs, self.world.clock.now_us, done))
        if not self._committing:
            self._committing = True
            self.at(0, self._group, None)

    def _group(self, _: None) -> None:
        """Form a group of whatever is queued, and begin to write it."""
        commits, queue = self.commits, self._queue
        self._committing = True
        self._waiting = []
        commits.take_clock()
        while queue and (not commits.held or commits.held + len(queue[0][0]) <= GROUP_MAX):
            inputs, received_us, done = queue.popleft()
            sound = inputs if self.fails_on is None else self._sound(inputs)
            outcomes = commits.take(sound, received_us)
            if self._failed is not None:
                break
            if done is not None:
                self._waiting.append((done, outcomes))
        else:
            commits.take_tick()
        if commits.held:
            self.at(self.world.commit_us(), self._write, None)
        elif self._failed is not None:
            raise self._failed
        else:
            self._rest()

    def _sound(self, inputs: Sequence[i.Input]) -> Sequence[i.Input]:
        """The inputs before the first new event of the kind that this life fails on, which it notes."""
        for at, happened in enumerate(inputs):
            if isinstance(happened, i.PlcEvent) and type(happened) is self.fails_on:
                plc = self.controller.state.plcs[happened.plc]
                if happened.epoch == plc.epoch and happened.seq > plc.seq:
                    self._note_unheard(happened)
                    self._failed = PoisonError(happened, AssertionError("nobody knows yet why"))
                    return inputs[:at]
        return inputs

    def _note_unheard(self, event: i.PlcEvent) -> None:
        """
        Of a scan that was set aside nothing is in the books but the item that was read, if it is one; of what came into a
        lane, nothing.
        """
        if isinstance(event, i.DivertConfirmed):
            program = self.world.plant.programs[event.plc]
            assert isinstance(program, SorterProgram), event
            if event.lane in program.lanes:  # what goes round comes to the scanner again
                program.tamper(program.lanes[event.lane], "an event set aside")
        if isinstance(event, i.Scanned):
            item = self.controller.state.items.get(event.code)
            taken = item is not None and item.place in ("expected", "hand", "lost")
            for document in self.world.plcs[event.plc].about(event.seq):
                if not taken or document.code != event.code:
                    self.world.plant.truth.touch(document, Why.UNHEARD, "an event set aside", self.world.clock.now_us)

    def _write(self, _: None) -> None:
        stalled_us = self.world.stalled_us()
        if stalled_us:
            self.at(min(stalled_us, _STALL_STEP_US), self._write, None)
            return
        commits = self.commits
        drafts = commits.portion()[: self.world.group_records]
        witness = self.world.witness
        witness.about_to_commit(drafts)
        segment = self.journal.end.segment
        try:
            group = self.journal.write_group(drafts)
        except JournalFull as full:
            self.world.notes.met("journal full")
            commits.give_room(full)
            group = self.journal.write_group(drafts)
        witness.committed(group)
        if self.journal.end.segment != segment:
            self.world.notes.met("segment switched")
            self.point("segment switched")
        decided = commits.decided(len(drafts)) if self.armed is not None else []
        self._points_of(decided, "durable")
        commits.release(group)
        self._points_of(decided, "released")
        if self.journal.spares_missing():
            self._make_spares()
        if commits.held:
            self.at(self.world.commit_us(), self._write, None)
            return
        if self._failed is not None:
            raise self._failed
        for done, outcomes in self._waiting:
            done(outcomes)
        self._rest()

    def _make_spares(self) -> None:
        try:
            self.journal.prepare_spares()
        except JournalFull:
            self.world.notes.met("no room for a spare segment")

    def _rest(self) -> None:
        """Between two groups: the state is what the journal says."""
        self._committing = False
        if self._snapshot_due:
            self._snapshot_due = False
            self._take_snapshot()
        if self._queue:
            self._committing = True
            self.at(0, self._group, None)
            return
        due_us = self.controller.next_deadline_us()
        if due_us is not None:
            wait_us = max(0, due_us - self.core_clock.now_us())
            at_us = self.world.clock.now_us + wait_us
            if self._tick_at_us is None or at_us < self._tick_at_us:
                self._tick_at_us = at_us
                self.at(wait_us, self._tick, at_us)

    def _tick(self, at_us: int) -> None:
        if at_us != self._tick_at_us:
            return
        self._tick_at_us = None
        if not self._committing:
            self._group(None)

    # --- outputs -----------------------------------------------------------------------------------------------------------

    def command(self, command: Command) -> None:
        """A durable command goes to its mailbox; before there are callers they find it in the state."""
        caller = self.callers.get(command.plc)
        if caller is None:
            return
        if isinstance(command, GrantEpoch):
            caller.mailbox.grant(command.nonce, command.epoch)
        else:
            caller.mailbox.ask(to_line(command))
        caller.wake()

    def acknowledge(self, plc: str, epoch: int, seq: int) -> None:
        """Let a PLC forget durable events."""
        caller = self.callers[plc]
        caller.mailbox.durable(epoch, seq)
        caller.wake()

    def _read(self, recorded: Recorded) -> None:
        self.world.read(recorded)
        if self.desk is not None:
            self.desk.observe(recorded)

    # --- inputs ------------------------------------------------------------------------------------------------------------

    def happened(self, plc: str, happenings: list[Happening]) -> None:
        """What a link tells becomes inputs."""
        if self.stopping:
            return
        inputs = [each for happening in happenings for each in to_inputs(plc, happening)]
        if inputs:
            self.world.heard.extend(inputs)
            self.submit(inputs)

    def _progress(self, name: str) -> Progress | None:
        found = self.controller.state.manifests.get(name)
        return None if found is None else Progress(found.file_digest, found.parts_taken, found.parts)

    async def _submit_parts(self, parts: list[i.ManifestReceived]) -> list[f.Fact]:
        self.point("manifest validated")
        outcomes: list[Outcome] = await Submission(parts)
        self.point("manifest activated")
        return [fact for outcome in outcomes for fact in outcome.facts]

    def note(self, event: str, **fields: object) -> None:
        """Something that the service would log."""
        self.world.notes.tell(self.world.clock.now_us, " ".join([event, *(f"{name}={value}" for name, value in fields.items())]))

    def drive(self, work: Coroutine[Any, Any, None], value: object) -> None:
        """Let a coroutine of the service go on until it waits for time or for the journal."""
        wanted = work.send(value)
        if isinstance(wanted, Pause):
            self.at(wanted.us, self._drive_on if wanted.us == LOOK_US else self._go_on, work)
        else:
            assert isinstance(wanted, Submission), wanted
            self.submit(wanted.inputs, lambda outcomes: self.drive(work, outcomes))

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        self.drive(work, None)

    def _drive_on(self, work: Coroutine[Any, Any, None]) -> None:
        """The next look into the manifest folder; one into an empty folder is left out."""
        if self.world.incoming_is_empty():
            self.at(LOOK_US, self._drive_on, work)
        else:
            self.drive(work, None)

    # --- upkeep ------------------------------------------------------------------------------------------------------------

    def _upkeep(self, _: None) -> None:
        """What the service does once a second: clock, disk space, snapshots."""
        self.at(UPKEEP_US, self._upkeep, None)
        if self.core_clock.wall_jumped():
            self.submit([])
        self._look_at_disk()
        if not self._snapshot_busy and self.journal.end.sequence - self._snapshot_at >= SNAPSHOT_EVERY:
            self._snapshot_at = self.journal.end.sequence
            if self._committing:
                self._snapshot_due = True
            else:
                self._take_snapshot()

    def _look_at_disk(self) -> None:
        free, total = self.disk.free_bytes()
        missing = self.journal.spares_missing()
        judged = space.judge(free, total, self._space, spares_missing=missing, segment_bytes=self.world.segment_bytes)
        if judged.release_ballast:
            self._give_ballast()
        if judged.level != self._space:
            self.world.notes.met(f"disk {judged.level.name.lower()}")
            self.world.notes.tell(
                self.world.clock.now_us, f"disk space {judged.level.name.lower()}, {free} of {total} bytes free"
            )
            for sorter in self.world.hall.sorters:
                caller = self.callers[sorter.plc]
                caller.flush()
                caller.mailbox.infeed_held = judged.level is space.Level.STOP_INFEED
                caller.go_on()
            self._space = judged.level

    def _give_ballast(self) -> bool:
        return space.release_ballast(self.disk)

    def _take_snapshot(self) -> None:
        self._snapshot_busy = True
        body = recovery.pack_snapshot(self.controller.state, self._clock.wall_us())
        taken = Snapshot(self.journal.end, recovery.STATE_SCHEMA, body)
        self.at(SNAPSHOT_US, self._keep_snapshot, taken)

    def _keep_snapshot(self, taken: Snapshot) -> None:
        self._snapshot_busy = False
        try:
            fault = recovery.keep_snapshot(self.disk, taken, self._snapshot)
        except (OSError, JournalError):
            return
        if fault:
            self.world.witness.wrong("J2", fault)
            return
        self._snapshot = taken
        self.world.notes.met("snapshot taken")

    # --- crash points --------------------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Listen to the disk where a fault or a crash point needs it."""
        wanted = DISK_POINTS.get(self.armed[0]) if self.armed is not None else None
        outer = self.world.disk_hook
        if wanted is None:
            self.disk.hook = outer or _quiet
            return

        def hook(when: str, what: str, name: str) -> None:
            if outer is not None:
                outer(when, what, name)
            if self.armed is not None and (when, what) == wanted[:2] and name.startswith(wanted[2]):
                self.point(self.armed[0])

        self.disk.hook = hook

    def _points_of(self, decided: Sequence[Outcome], when: str) -> None:
        """The crash points of what a group decided, after it is durable, or after it was handed out."""
        if self.armed is None or not self.armed[0].endswith(when):
            return
        for outcome in decided:
            for command in outcome.commands:
                name = COMMAND_POINTS.get(type(command))
                if name is not None:
                    self.point(f"{name} {when}")
            for fact in outcome.facts:
                name = FACT_POINTS.get(type(fact))
                if name is not None:
                    self.point(f"{name} {when}")


def _quiet(when: str, what: str, name: str) -> None:
    """The hook of a disk that is left in peace."""


def identity_of(centre: str, release: str, digest: str) -> Identity:
    """Who writes the journal of an exploration."""
    return Identity(centre, release, bytes.fromhex(digest), bytes(32))

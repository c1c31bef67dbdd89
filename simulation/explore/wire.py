"""
The wire level: the real service, its real clients and the real servers over a virtual network, byte by byte.

    plant, PLCs, asyncua and Modbus servers <-> memory TCP <-> asyncua and pymodbus clients, service, journal <-> virtual disk

A run is that of the protocol level: faults for `safety_us`, then healing, then rest in time; the same witness, checks and goals
look at it, for `WireWorld` is a `world.World` as well. Each PLC speaks OPC UA or Modbus, in one request or in pieces,
by the seed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, cast

from packcenter.config.manifest import SERVICES
from packcenter.core.controller import Controller
from packcenter.core.inputs import Act, Input
from packcenter.core.state import State
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import Group, Journal, JournalError, JournalFull
from packcenter.plc.link import Link, LinkSettings
from packcenter.service.output_commit import Recorded
from packcenter.service.service import Service, Setup
from simulation.clock import FAULT, T
from simulation.disk import Crash, SimDisk
from simulation.documents import Day
from simulation.draws import Stream
from simulation.explore import checks, paperwork, scenarios
from simulation.explore.front_desk import FrontDesk, WireStaff
from simulation.explore.options import Options, Outcome
from simulation.explore.process import identity_of
from simulation.explore.shared_faults import rates_of
from simulation.explore.staff import Staff
from simulation.explore.watched import WatchedPlc
from simulation.explore.wire_faults import WireFaults
from simulation.explore.world import PROFILE_DIGEST, RELEASE, SEGMENTS_OF_A_DISK, Run
from simulation.plant.hall import Plant
from simulation.virtual.hall import HallSettings, Life, VirtualHall, run_hall
from simulation.virtual.loop import START_US
from simulation.virtual.net import Link as NetLink
from simulation.virtual.plant import Blueprint
from simulation.virtual.ports import DiskPace, PacedCommitter

SEGMENT_BYTES = 128 << 10
SNAPSHOT_EVERY = 400

_OVERHEARD = 60  # requests to each PLC that an adversary keeps
_SECOND_US = 1_000_000


def blueprint(where: scenarios.Place, name: str, seed: int) -> Blueprint:
    """A hall of the explorer with a cable to each PLC, whose protocol is drawn."""
    stream = Stream(seed, "wire/protocols")
    links = []
    for number, plc in enumerate(where.hall.plcs(), 1):
        host = f"10.0.0.{number}"
        common: dict[str, Any] = {"plc": plc, "profile_digest": PROFILE_DIGEST, "host": host, "request_timeout_us": 300_000}
        if stream.below(2):
            links.append(
                LinkSettings(
                    protocol="opcua", port=4840, url=f"opc.tcp://{host}:4840", namespace_uri="urn:packcenter:line", **common
                )
            )
            continue
        at_once = stream.below(3) > 0
        links.append(
            LinkSettings(
                protocol="modbus",
                function_23=at_once,
                max_read_registers=125 if at_once else 60,
                max_write_registers=121 if at_once else 50,
                word_order=("ABCD", "CDAB")[stream.below(2)],
                **common,
            )
        )
    return Blueprint(where.hall, sha256(name.encode()).hexdigest(), tuple(links), SERVICES)


class WorldClock:
    """The loop's time from 0, as the faults and checks of both levels know it."""

    def __init__(self, world: WireWorld) -> None:
        self._world = world

    @property
    def now_us(self) -> int:
        """Simulated time."""
        return self._world.virtual.loop.now_us - START_US

    def at(self, delay_us: int, cls: int, fn: Callable[[T], None], arg: T) -> None:
        """Call `fn(arg)` once; what it raises breaks the run."""
        loop = self._world.virtual.loop
        loop.call_at_us(loop.now_us + delay_us, self._call, fn, arg, context=loop.world)

    def _call(self, fn: Callable[[T], None], arg: T) -> None:
        try:
            fn(arg)
        except Exception as error:
            self._world.failed(error)


class WireCable:
    """What a fault of the protocol level asks of a cable; here nothing is left out that would have to be played out."""

    def __init__(self, world: WireWorld, name: str) -> None:
        self._world = world
        self._name = name

    def flush(self) -> None:
        """Bring the plant to the present."""
        self._world.flush()

    def trouble(self) -> None:
        """Let the link look again."""
        self._world.virtual.links[self._name].on_change()

    def hang_up(self) -> None:
        """The PLC's connections end."""
        self._world.virtual.links[self._name].reset()

    def keep_ticking(self) -> None:
        """The driver does."""

    def lost_memory(self) -> None:
        """The registers are the server's, which a dip does not reach."""


class LifeView:
    """A life of the service as the checks see it."""

    def __init__(self, world: WireWorld, life: Life) -> None:
        self._world = world
        self._life = life

    @property
    def serving(self) -> bool:
        """Whether it recovered and its links connect."""
        return self._life.started

    @property
    def stopping(self) -> bool:
        """Whether it is about to end in good order."""
        return self._life.service.stopping

    @property
    def group_under_way(self) -> bool:
        """Whether a group waits for the disk, or somebody at the desk for an answer."""
        return self._world.committing or self._world.front_desk.waits

    def submit(self, inputs: Sequence[Input]) -> None:
        """People ask at the desk, one after the other."""
        for act in inputs:
            assert isinstance(act, Act), act
            self._world.front_desk.ask(self._life, act)

    @property
    def controller(self) -> Controller:
        """Its core."""
        return self._life.service.controller

    @property
    def callers(self) -> Mapping[str, Link]:
        """Its links by PLC; each has a mailbox."""
        return self._life.service.links.links


class WatchedService(Service):
    """The real service; the witness reads each record before anything else does."""

    def __init__(self, setup: Setup, *, world: WireWorld) -> None:
        super().__init__(setup)
        self._world = world

    def _read(self, recorded: Recorded) -> None:
        self._world.read(recorded, self.controller.state)
        super()._read(recorded)


class WatchedCommitter(PacedCommitter):
    """Tells the witness what is being written, and when it is durable."""

    def __init__(self, journal: Journal, pace: DiskPace, world: WireWorld) -> None:
        super().__init__(journal, pace)
        self._world = world

    async def commit(self, drafts: Sequence[Draft]) -> Group:
        self._world.committing = True
        self._world.witness.about_to_commit(drafts)
        try:
            return await super().commit(drafts)
        finally:
            self._world.committing = False

    def write(self, drafts: Sequence[Draft]) -> Group:
        """One group, now."""
        segment = self._journal.end.segment
        try:
            group = super().write(drafts)
        except JournalFull:
            self._world.notes.met("journal full")
            raise
        self._world.witness.committed(group)
        if self._journal.end.segment != segment:
            self._world.notes.met("segment switched")
        return group


class WireWorld(Run):
    """One run of one seed over the real stacks."""

    def __init__(self, options: Options, hall: VirtualHall, where: scenarios.Place, day: scenarios.Day) -> None:
        super().__init__(options, WorldClock(self), where, day, Stream(options.seed, "wire/restart"))
        self.virtual = hall
        self.committing = False
        self.segment_bytes = SEGMENT_BYTES
        self.adversary = hall.loop.process("adversary")
        self.overheard: dict[str, deque[bytes]] = {}
        self.settings_of = {link.plc: link for link in hall.blueprint.links}
        self._disk_hook: Callable[[str, str, str], None] | None = None
        self._ends_in: int | None = None
        self.front_desk = FrontDesk()
        self.staff: Staff = WireStaff(self)
        self.faults = WireFaults(self)
        hall.make_plc = partial(WatchedPlc, ring_size=where.ring_events, witness=self.witness)
        hall.make_service = partial(WatchedService, world=self)
        hall.make_committer = lambda journal: WatchedCommitter(journal, hall.pace, self)
        hall.on_recovered = self._recovered
        hall.network.observer = self._overhear
        hall.on_log = self._logged
        self.cables = {name: WireCable(self, name) for name in self.settings_of}

    # --- what faults and checks ask ------------------------------------------------------------------------------------

    @property
    def plcs(self) -> dict[str, WatchedPlc]:
        """The PLCs by name."""
        return cast(dict[str, WatchedPlc], self.virtual.wired.plcs)

    @property
    def plant(self) -> Plant:
        """The machines."""
        return self.virtual.wired.plant

    @property
    def disk(self) -> SimDisk:
        """The journal's disk."""
        return self.virtual.disk

    @property
    def folders(self) -> tuple[SimDisk, ...]:
        """The manifests' folders: in, done, refused, results."""
        return tuple(self.virtual.folders.values())

    @property
    def life(self) -> LifeView | None:
        """The service that lives."""
        life = self.virtual.life
        return None if life is None else LifeView(self, life)

    @property
    def wall_offset_us(self) -> int:
        """What somebody has set the wall clock of the controller's computer ahead."""
        return self.virtual.clock.wall_us() - self.day.opens_us - self.clock.now_us

    @wall_offset_us.setter
    def wall_offset_us(self, us: int) -> None:
        self.virtual.clock.step_wall(us - self.wall_offset_us)

    def wall_us(self) -> int:
        """The wall clock of the controller's computer."""
        return self.virtual.clock.wall_us()

    def nonce(self) -> int:
        """A boot nonce that no life of a PLC had."""
        return self.virtual.wired.ids.nonce()

    def identity(self) -> Identity:
        """Who writes the journal."""
        return identity_of(self.hall.centre, RELEASE, self.virtual.blueprint.hall_digest)

    def flush(self) -> None:
        """Somebody is about to lay hands on the plant: bring it to the present."""
        self.virtual.wired.to_present()

    def settle(self) -> None:
        """It is done."""

    # --- life and death of the controller --------------------------------------------------------------------------------

    def start_life(self, _: None = None) -> None:
        """The supervisor starts the controller."""
        virtual = self.virtual
        if virtual.life is not None:
            return
        number = len(virtual.lives) + 1
        self._ends_in = self.faults.recovery_ends(number)
        self.committing = False
        self.front_desk.another_life()
        for disk in (virtual.disk, *virtual.papers.values()):
            disk.hook = self._on_disk
        life = virtual.start_service()
        life.end.add_done_callback(lambda _: self._ended(life), context=virtual.loop.world)
        self.notes.tell(self.clock.now_us, f"life {number} starts")

    def _recovered(self, service: Service) -> None:
        self._ends_in = None  # it ended sooner than the point
        if service.journal.torn_bytes:
            self.notes.met("torn tail at recovery")
        self.witness.recovered(service.journal, service.controller.state)

    def kill(self, how: str) -> bool:
        """The controller is killed, whatever it does; False if there is none."""
        life = self.virtual.life
        if life is None:
            return False
        self._dies(life, how)
        power = self._restarts if self.faults.power_fails() else None
        self.virtual.kill_service(power=power)
        self._restart_after(life, f"{how}, power lost" if power is not None else how, power is not None)
        return True

    def kill_in_disk(self, number: int) -> None:
        """Kill it before or after operation `number // 2` of its disk from now on."""
        self._ends_in = number

    def _on_disk(self, when: str, what: str, name: str) -> None:
        if self._disk_hook is not None:
            self._disk_hook(when, what, name)
        if self._ends_in is None:
            return
        self._ends_in -= 1
        if self._ends_in < 0:
            self._ends_in = None
            if self.kill(f"{when} {what}"):
                raise Crash

    def _dies(self, life: Life, how: str) -> None:
        self.notes.kills[how] += 1
        controller: Controller | None = getattr(life.service, "controller", None)
        in_pouches = any(place.startswith("pack/") for _, place in self.plant.truth.everywhere())
        self.checker.died(self.clock.now_us, None if controller is None else controller.state, in_pouches)

    def _ended(self, life: Life) -> None:
        """A life ended by itself, or was killed, which `kill` has told."""
        how = life.ended
        if how == "killed":
            return
        kind = how.partition(":")[0]
        self._dies(life, kind)
        if isinstance(life.error, JournalError | OSError):
            if not self.faults.explains(kind):
                self.witness.wrong("J", f"life {life.number} ended by itself: {how}")
        elif life.error is not None:
            self.failed(life.error, "A")
        self._restart_after(life, how, False)

    def _restart_after(self, life: Life, how: str, power: bool) -> None:
        self.notes.tell(self.clock.now_us, f"life {life.number} is dead: {how}")
        self._start_again(power_lost=power)

    def pause(self, us: int) -> bool:
        """The controller's process stands still."""
        life = self.virtual.life
        if life is None or not life.process.running:
            return False
        life.process.pause()
        self.clock.at(us, FAULT, lambda life: life.process.resume(), life)
        return True

    def failed(self, error: BaseException, letter: str = "P") -> None:
        """Somebody made a mistake: a broken assertion, or an exception that nobody foresaw; the run ends."""
        self.witness.wrong(letter, f"{type(error).__name__}: {error}")
        self.broken = True

    # --- PLCs, disk and folders ------------------------------------------------------------------------------------------

    def reboot(self, name: str) -> None:
        """A PLC loses its power and memory, for a moment or some seconds; once all is healed its power is there."""
        off_us = (0, self._restarts.below(300_000), self._restarts.below(4 * _SECOND_US))[self._restarts.below(3)]
        if self.healed:
            off_us = 0
        work = self.virtual.wired.reboot(name, off_us=off_us)
        self.virtual.plant_process.spawn(work, f"reboot {name}").add_done_callback(self._rebooted)

    def _rebooted(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed(error)

    def slow_disk(self, by_us: int, for_us: int) -> None:
        """Each sync takes longer for a while."""
        self.virtual.pace.slow_us, self.virtual.pace.slow_until_us = by_us, self.virtual.loop.now_us + for_us

    def stall_disk(self, for_us: int) -> None:
        """No sync ends before this is over."""
        self.virtual.pace.stall_until_us = self.virtual.loop.now_us + for_us

    def hook_disk(self, hook: Callable[[str, str, str], None] | None) -> None:
        """Let a fault listen to the disk, or nobody."""
        self._disk_hook = hook

    def _logged(self, line: Mapping[str, Any]) -> None:
        """A life logged something: some goals are told by that alone."""
        if line["event"] == "snapshot_taken":
            self.notes.met("snapshot taken")
        elif line["event"] == "snapshot_wrong":
            self.witness.wrong("J2", str(line["reason"]))
        elif line["event"] == "disk_space":
            self.notes.met(f"disk {line['space']}")
        if line["level"] != "info":
            told = " ".join(f"{name}={value}" for name, value in line.items() if name not in ("us", "level", "event"))
            self.notes.tell(self.clock.now_us, f"{line['event']} {told}")

    def _overhear(self, link: NetLink, to_server: bool, connection: int, content: bytes) -> None:
        if to_server and self.settings_of[link.name].protocol == "modbus":
            self.overheard.setdefault(link.name, deque(maxlen=_OVERHEARD)).append(content)

    # --- a run -------------------------------------------------------------------------------------------------------------

    def read(self, recorded: Recorded, state: State) -> None:
        """A durable record is handed out."""
        self.witness.released(recorded)
        self.checker.read(recorded, state, self.clock.now_us)

    async def run(self) -> Outcome:
        """Run the seed: faults, healing, rest."""
        options = self.options
        await self.virtual.open(frozen=False)
        watching = self.virtual.plant_process.spawn(self._watch_plant(), "watch the plant")
        self._send_manifests(self.faults.late_manifests(list(self.day.manifests)))
        self.start_life()
        self.faults.begin()
        while self.clock.now_us < options.safety_us and not self.broken:
            await self.virtual.sleep_us(_SECOND_US)
            self._look_for_complaints()
        if not self.broken:
            self.heal()
            await self._come_to_rest()
            await self._look_at_papers()
        watching.cancel()
        return self.outcome()

    async def _watch_plant(self) -> None:
        try:
            await self.virtual.wired.driver.wait()
        except Exception as error:
            self.failed(error)

    def _look_for_complaints(self) -> None:
        """What asyncio would only log is a mistake of somebody."""
        complaints = self.virtual.loop.complaints
        for complaint in complaints:
            self.witness.wrong("A", complaint)
        complaints.clear()

    def _bring(self, name: str, content: bytes) -> None:
        self.virtual.bring(name, content)

    def heal(self) -> None:
        """All faults stop; what is broken is mended; who is dead is started."""
        self.healed = True
        for link in self.virtual.links.values():
            link.restore()
        self._ends_in = None
        life = self.virtual.life
        if life is not None:
            self.virtual.clock.fuse = None
            life.process.resume()
        else:
            self.clock.at(500_000, FAULT, self.start_life, None)
        self.faults.heal()
        self.notes.tell(self.clock.now_us, "all faults are over")

    async def _come_to_rest(self) -> None:
        healed_us = self.clock.now_us
        self.checker.healed(self, healed_us)
        for _ in range(checks.REST_LIMIT_US // _SECOND_US):
            await self.virtual.sleep_us(_SECOND_US)
            self._look_for_complaints()
            if self.broken:
                return
            self.staff.settle()
            self.staff.let_go()
            self.checker.look(self, healed_us)
            if checks.at_rest(self):
                break
        self.checker.at_rest(self)
        for text in self.front_desk.faults(self.disk):
            self.witness.wrong("J5", text)

    async def _look_at_papers(self) -> None:
        """A stop in good order writes what there is; then bills and feeds must be what the journal says."""
        life = self.virtual.life
        if not self.virtual.papers or life is None or self.broken:
            return
        self.virtual.stop_service()
        await self.virtual.until(lambda: bool(life.ended), 20 * _SECOND_US)
        bills, feed = self.virtual.papers.values()
        expected = paperwork.Expected(self.disk, life.service.controller.state)
        for letter, text in paperwork.compare((bills, feed), expected, self.notes):
            self.witness.wrong(letter, text)


def explore(options: Options, prepare: Callable[[WireWorld], None] = lambda world: None) -> Outcome:
    """Run one seed at the wire level; `prepare` may lay hands on the world before it begins."""
    where = scenarios.place(options.hall)
    if options.has(scenarios.LOOPS):
        where = scenarios.with_loops(where, options.has(scenarios.LOOPS))
    late = options.has(scenarios.LATE)
    day = scenarios.day_of(where, options.seed, options.items, options.safety_us, late=late)
    settings = HallSettings(
        seed=options.seed,
        plant=scenarios.with_luck(where, options.seed, rates_of(options)),
        segment_bytes=SEGMENT_BYTES,
        snapshot_every=SNAPSHOT_EVERY,
        disk_bytes=SEGMENTS_OF_A_DISK * SEGMENT_BYTES,
        release=RELEASE,
        papers=options.has(paperwork.NAME) > 0,
    )

    worlds: list[WireWorld] = []

    async def main(hall: VirtualHall) -> Outcome:
        worlds.append(WireWorld(options, hall, where, day))
        prepare(worlds[0])
        return await worlds[0].run()

    try:
        return run_hall(
            main, blueprint(where, options.hall, options.seed), Day(day.deliveries, day.manifests, day.opens_us), settings
        )
    except Exception as error:  # also what only the loop sees: everyone waits for everyone, or turns in a circle
        if not worlds:
            raise
        worlds[0].witness.wrong("P", f"{type(error).__name__}: {error}")
        return worlds[0].outcome()

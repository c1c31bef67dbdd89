"""
The whole hall in one virtual loop: the plant behind its real servers, the real service and its clients, a simulated disk.

    run_hall(main, blueprint, day, settings)     # async def main(hall): ...

Two programs live here, as two computers would run them: the *plant* (machines, PLCs, asyncua and pymodbus servers) and the
*service* (as `packcenter run` runs it), each with a wall clock of its own. The service may be killed between any two of its
callbacks or inside any operation of its disk, may stand still, and is started again on what its disk then holds.

How a kill is a kill: `Process.kill` drops its callbacks, so that no line of it runs again. First its disk is revoked
(every later call raises), its addresses and connections are taken from the network, and its peers hear what a computer
says for a dead program, or nothing, if the computer itself lost power. What it wrote and did not sync is on the disk if
only the program died, and may be there in part if the power failed (`SimDisk.image`).
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import cache
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
import structlog

from packcenter.config.build import Configuration
from packcenter.config.load import bundled_site, load_site
from packcenter.config.manifest import Known
from packcenter.core.hall import Hall
from packcenter.journal.journal import Journal
from packcenter.plc.link import wire_maker
from packcenter.service.intake import Folders
from packcenter.service.papers import PaperFolders
from packcenter.service.service import Service, Setup
from simulation import demand
from simulation.disk import Crash, SimDisk
from simulation.documents import EXAMPLE_DAY, Day, day_of
from simulation.draws import Stream
from simulation.lineplc import LinePlc
from simulation.plant.hall import PlantSettings
from simulation.truth import Difference, compare
from simulation.virtual import shim
from simulation.virtual.loop import OWNER, Process, VirtualLoop
from simulation.virtual.net import Link, Network
from simulation.virtual.plant import Blueprint, WiredPlant, blueprint_of
from simulation.virtual.ports import (
    DiskPace,
    LeasedDisk,
    PacedCommitter,
    ProcessGone,
    VirtualClock,
    VirtualIds,
    VirtualNet,
    VirtualRandom,
    off_loop_by,
)
from simulation.virtual.quiet import Source, quiet_publishing, quiet_wires

T = TypeVar("T")

SEGMENT_BYTES = 1 << 20
"""Of a virtual journal, so that some minutes of a hall fill a few."""

DISK_BYTES = 1 << 28
LOG_LINES = 2_000
LOOK_US = 50_000

DENSE_POSTCODES = ("211100", "210009", "214000", "230001")
"""Two districts of the city, one city of the province, one of elsewhere."""


class HallSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    How the virtual hall runs. `seed` is all luck but the day's; `speed` is plant seconds per second of both computers.

    `sync_us` and `sync_spread_us` are what a group costs on the disk. `quiet` leaves out looks at nothing new (`quiet`). `papers`
    has the service write bills and feeds.
    """

    seed: int = 1
    speed: int = 1
    plant: PlantSettings = PlantSettings()
    segment_bytes: int = SEGMENT_BYTES
    snapshot_every: int = 2_000
    sync_us: int = 300
    sync_spread_us: int = 400
    disk_bytes: int = DISK_BYTES
    release: str = "virtual"
    quiet: bool = True
    papers: bool = False


def reference() -> Configuration:
    """The reference hall's configuration."""
    return load_site(bundled_site())


def reference_hall(speed: int = 1) -> Blueprint:
    """The reference hall as it is built."""
    return blueprint_of(reference(), speed)


def example_day(hall: Hall, seed: int, items: int, day: date = EXAMPLE_DAY) -> Day:
    """The example day of a seed, cut to `items`."""
    return day_of(hall, demand.files(demand.example_day(seed, day, items), day), seed, day)


def dense_day(hall: Hall, seed: int, items: int, *, over_s: int = 60, day: date = EXAMPLE_DAY) -> Day:
    """As many items of the example day, all within `over_s` (under an hour) and for few places: no want of work, full bags."""
    rows = [
        row._replace(arrives=f"09:{at // 60:02d}:{at % 60:02d}", destination=DENSE_POSTCODES[number % len(DENSE_POSTCODES)])
        for number, row in enumerate(demand.example_day(seed, day, items))
        if (at := number * over_s // items) < 3_600
    ]
    return day_of(hall, {"dense": b"".join(demand.csv_chunks(rows))}, seed, day)


class Life:
    """
    One life of the service. `ended` is "" while it lasts, then how it ended: stopped, killed, or what its exit would say.
    """

    def __init__(self, number: int, process: Process, disk: LeasedDisk, service: Service, ended: asyncio.Future[str]) -> None:
        self.number = number
        self.process = process
        self.disk = disk
        self.service = service
        self.end = ended
        self.error: BaseException | None = None
        self.started = False
        self.disks = [disk]

    @property
    def ended(self) -> str:
        """How it ended."""
        return self.end.result() if self.end.done() else ""


class VirtualHall:
    """
    Plant and service. Make it inside `virtual_world`; then `open`, `start_service`, and whatever may happen.

    `links`: PLC name -> its cable (`net.Link`). `disk` is the journal's disk as the running service has it, or the next
    one will; `folders` are those of the manifests: in, done, refused, results; `papers`
    those of bills and feeds, if any. `pace` is how long the disk takes. `lives`
    are all services so far, `log` the last lines that they logged. Whoever watches may put makers of his own in the place
    of `make_plc`, `make_service` and `make_committer`.
    """

    def __init__(self, loop: VirtualLoop, blueprint: Blueprint, day: Day, settings: HallSettings) -> None:
        self.loop = loop
        self.blueprint = blueprint
        self.make_plc: Callable[..., LinePlc] = LinePlc
        self.make_service: Callable[[Setup], Service] = Service
        self.make_committer: Callable[[Journal], PacedCommitter] = lambda journal: PacedCommitter(journal, self.pace)
        self.on_recovered: Callable[[Service], None] = lambda service: None
        self.on_log: Callable[[dict[str, Any]], None] = lambda line: None
        self.day = day
        self.settings = settings
        loop.expected = (Crash, ProcessGone)
        self.network = Network(loop, settings.seed)
        self.clock = VirtualClock(loop, day.opens_us)
        self.plant_clock = VirtualClock(loop, day.opens_us)
        self.disk = SimDisk(total_bytes=settings.disk_bytes)
        self.pace = DiskPace(loop, Stream(settings.seed, "disk"), settings.sync_us, settings.sync_spread_us)
        self.lives: list[Life] = []
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_LINES)
        self.plant_process = loop.process("plant")
        self.wired: WiredPlant
        self.links: dict[str, Link] = {}
        self._sources: dict[str, Source] = {}
        self.folders = {name: SimDisk() for name in ("in", "done", "refused", "results")}
        self.papers = {name: SimDisk() for name in ("bills", "feed")} if settings.papers else {}
        for link in blueprint.links:
            self.links[link.plc] = self.network.link(link.host, link.port, link.plc)

    # --- the plant -------------------------------------------------------------------------------------------------------

    async def open(self, *, frozen: bool = True) -> None:
        """Start the plant; `frozen` lets its time stand still until `release`."""
        await self.plant_process.spawn(self._start_plant(frozen), "plant")

    async def _start_plant(self, frozen: bool) -> None:
        settings = self.settings
        self.wired = WiredPlant(
            self.blueprint,
            self.day.deliveries,
            settings.plant,
            self.plant_clock,
            VirtualIds(settings.seed, "nonces"),
            speed=settings.speed,
            make_plc=self.make_plc,
        )
        await self.wired.start()
        for name, plc in self.wired.plcs.items():
            self._sources[name] = Source(self.loop, plc, self.links[name], self.plant_process)
        if frozen:
            self.wired.driver.pause()

    async def in_plant(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the plant's process, such as `driver.reboot`."""
        return await self.plant_process.spawn(work)

    def reboot(self, plc: str, *, off_us: int = 0) -> asyncio.Task[None]:
        """Take a PLC's power for so long."""
        return self.plant_process.spawn(self.wired.reboot(plc, off_us=off_us), f"reboot {plc}")

    def release(self) -> None:
        """Let plant time run."""
        self.wired.driver.resume()

    def freeze(self) -> None:
        """Let plant time stand still."""
        self.wired.driver.pause()

    def bring_manifests(self) -> None:
        """Put the day's manifests into the watched folder, whole at once."""
        for name, content in self.day.manifests.items():
            self.bring(f"{name}.csv", content)

    def bring(self, name: str, content: bytes) -> None:
        """Put a file into the watched folder."""
        file = self.folders["in"].open(f"{name}.part", create=True)
        file.pwrite(content, 0)
        file.fdatasync()
        self.folders["in"].rename(f"{name}.part", name)
        self.folders["in"].sync_directory()

    # --- the service -----------------------------------------------------------------------------------------------------

    @property
    def life(self) -> Life | None:
        """The service that lives, if one does."""
        return self.lives[-1] if self.lives and not self.lives[-1].ended else None

    @property
    def service(self) -> Service:
        """The service that lives."""
        life = self.life
        assert life is not None, "no service lives"
        return life.service

    def start_service(self) -> Life:
        """Start the service on what the disk holds; it recovers at once and connects in its own time."""
        assert self.life is None, "a service lives already"
        number = len(self.lives) + 1
        process = self.loop.process(f"service {number}")
        lease = LeasedDisk(self.disk)
        folders = [LeasedDisk(disk) for disk in self.folders.values()]
        papers = [LeasedDisk(disk) for disk in self.papers.values()]
        service = process.context().run(self._make_service, lease, folders, papers)
        life = Life(number, process, lease, service, self.loop.create_future())
        life.disks = [lease, *folders, *papers]
        self.lives.append(life)
        process.spawn(self._live(life), f"service {number}")
        return life

    def _make_service(self, lease: LeasedDisk, folders: Sequence[LeasedDisk], papers: Sequence[LeasedDisk]) -> Service:
        settings, blueprint = self.settings, self.blueprint
        seed = settings.seed * 1_000 + len(self.lives)
        setup = Setup(
            hall=blueprint.hall,
            hall_digest=blueprint.hall_digest,
            links=blueprint.links,
            journal=lease,
            manifests=Folders(*folders),
            papers=PaperFolders(*papers) if papers else None,
            known=Known.of_hall(blueprint.hall, blueprint.services),
            clock=self.clock,
            random=VirtualRandom(seed, "service"),
            net=VirtualNet(),
            release=settings.release,
            lab=True,
            speed=settings.speed,
            start_us=self.day.opens_us,
            process=len(self.lives) + 1,
            mode="simulation",
            segment_bytes=settings.segment_bytes,
            snapshot_every=settings.snapshot_every,
            ballast_bytes=settings.segment_bytes,
            make_committer=self.make_committer,
            off_loop=off_loop_by(self.pace),
            make_wire=quiet_wires(self._sources) if settings.quiet else wire_maker,
        )
        return self.make_service(setup)

    async def _live(self, life: Life) -> None:
        """What `packcenter run` does with a service."""
        service, how = life.service, "stopped"
        try:
            service.recover()
            self.on_recovered(service)
            await service.start()
            life.started = True
            try:
                await service.run()
            finally:
                await service.stop()
        except Exception as error:
            how, life.error = f"{type(error).__name__}: {error}", error
        self._over(life, how, silently=False)

    def _over(self, life: Life, how: str, *, silently: bool) -> None:
        if life.end.done():
            return
        life.end.set_result(how)
        self.clock.fuse = None
        for disk in life.disks:
            disk.revoke()
        self.network.drop(life.process, silently=silently)
        self.disk = self.disk.survivor()
        # Not now: what ends may be the caller.
        self.loop.call_soon(life.process.kill, context=self.loop.world)

    def kill_service(self, *, power: Stream | None = None) -> None:
        """
        kill -9; or the computer's power is gone, and this luck leaves what it likes of all that was not synced: then its
        peers hear nothing, and its monotonic clock starts anew. The disk of the next life is ready when this returns.
        """
        life = self.life
        assert life is not None, "no service lives"
        died_on = self.disk
        self._over(life, "killed", silently=power is not None)
        life.process.kill()
        if power is not None:
            self.disk = died_on.image(power)
            self.folders = {name: folder.image(power) for name, folder in self.folders.items()}
            self.papers = {name: folder.image(power) for name, folder in self.papers.items()}
            self.clock.boot()

    def kill_at_disk_operation(self, number: int, *, power: Stream | None = None) -> None:
        """Kill the service before (even `number`) or after (odd) operation `number // 2` of its disk from now on."""
        life, disk, before = self.life, self.disk, self.disk.hook
        left = number

        def hook(when: str, what: str, name: str) -> None:
            nonlocal left
            before(when, what, name)
            left -= 1
            if left < 0:
                disk.hook = before
                if self.life is life:
                    self.kill_service(power=power)
                    raise Crash

        disk.hook = hook

    def kill_at_clock_read(self, reads: int, kill: Callable[[], object] | None = None) -> None:
        """Kill the service when it reads its clock for the so-many-th time from now on: in the middle of any of its steps."""
        life = self.life
        assert life is not None, "no service lives"

        def do() -> None:
            assert OWNER.get() is life.process, "somebody else reads the clock of the service's computer"
            (kill or self.kill_service)()
            raise Crash

        self.clock.fuse = reads, do

    def stop_service(self) -> None:
        """Ask it to stop in good order."""
        life = self.life
        assert life is not None, "no service lives"
        life.process.context().run(life.service.request_stop, "asked")

    def pause_service(self) -> None:
        """SIGSTOP."""
        life = self.life
        assert life is not None, "no service lives"
        life.process.pause()

    def resume_service(self) -> None:
        """SIGCONT."""
        life = self.life
        if life is not None:
            life.process.resume()

    # --- waiting and looking -----------------------------------------------------------------------------------------------

    async def sleep_us(self, us: int) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(us / 1e6)

    async def until(self, seen: Callable[[], bool], limit_us: int, every_us: int = LOOK_US) -> bool:
        """Wait until something is seen, for so long at most; whether it was."""
        end_us = self.loop.now_us + limit_us
        while not seen():
            if self.loop.now_us >= end_us:
                return False
            await asyncio.sleep(every_us / 1e6)
        return True

    def ready(self) -> bool:
        """Whether the service has every PLC and every manifest."""
        life = self.life
        if life is None or not life.started:
            return False
        state = life.service.controller.state
        taken = sum(each.parts_taken == each.parts for each in state.manifests.values())
        return taken >= len(self.day.manifests) and all(plc.up for plc in state.plcs.values())

    async def settle(self, limit_us: int = 30_000_000) -> bool:
        """Let plant time stand still and wait until all that happened is durable and every command taken; whether it came so."""
        self.freeze()
        since_us = self.clock.mono_us()
        return await self.until(
            lambda: (life := self.life) is not None and life.started and life.service.links.all_taken(since_us), limit_us
        )

    def places(self) -> dict[str, str]:
        """Where the living service's ledger has every item."""
        return {item.id: item.place for item in self.service.controller.state.items.values()}

    def differences(self) -> list[Difference]:
        """Ledger against truth, and what must never be; meaningful when `settle` said True."""
        truth = self.wired.plant.truth
        return [*compare(self.places(), truth), *truth.faults()]

    def digest(self) -> str:
        """One number for all that was decided and recorded so far: the chain covers every record, times included."""
        journal = self.service.journal
        seen = blake2b(digest_size=16)
        seen.update(journal.end.chain + journal.end.digest + journal.end.sequence.to_bytes(8, "big"))
        return seen.hexdigest()

    def note(self, line: dict[str, Any]) -> None:
        """Keep a log line."""
        kept = {"us": self.loop.now_us, **line}
        self.log.append(kept)
        self.on_log(kept)


@contextmanager
def virtual_world(blueprint: Blueprint, day: Day, settings: HallSettings) -> Iterator[VirtualHall]:
    """A hall in a fresh loop, with the libraries on virtual time and all logs of the services kept in the hall."""
    _settle_collector()
    with ExitStack() as stack:
        loop = VirtualLoop()
        hall = VirtualHall(loop, blueprint, day, settings)
        stack.callback(loop.close)
        stack.enter_context(shim.installed(lambda: loop.now_us, lambda: _wall_of(hall), settings.seed))
        stack.enter_context(_logs_to(hall.note))
        if settings.quiet:
            stack.enter_context(quiet_publishing())
        yield hall


@cache
def _settle_collector() -> None:
    """What is loaded stays: the collector need not look at it every time. Once per process."""
    gc.collect()
    gc.freeze()


def _wall_of(hall: VirtualHall) -> int:
    """The wall clock of the computer that asks."""
    return (hall.plant_clock if OWNER.get() is hall.plant_process else hall.clock).wall_us()


@contextmanager
def _logs_to(note: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Our logs to `note`, the libraries' to nobody."""

    def keep(_: object, level: str, line: Any) -> Any:
        note({"level": level, **line})
        raise structlog.DropEvent

    before, disabled = structlog.get_config(), logging.root.manager.disable
    structlog.configure(processors=[keep], wrapper_class=structlog.BoundLogger, cache_logger_on_first_use=False)
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(disabled)
        structlog.configure(**before)


def run_hall(main: Callable[[VirtualHall], Awaitable[T]], blueprint: Blueprint, day: Day, settings: HallSettings) -> T:
    """Run `main(hall)` to its end in a world of its own."""
    with virtual_world(blueprint, day, settings) as hall:
        return hall.loop.run_until_complete(main(hall))

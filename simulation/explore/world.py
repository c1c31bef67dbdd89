"""
What the explorer's levels share: a `World` is what faults and checks ask for, a `Run` what every run of a seed has.

    Run (here)  <-  protocol.ProtocolWorld, wire.WireWorld: both are a `World`
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from packcenter.core.controller import Controller
from packcenter.core.hall import Hall
from packcenter.core.inputs import Input
from packcenter.journal.frames import Identity
from packcenter.plc.mailbox import Mailbox
from simulation.clock import FAULT, T
from simulation.disk import SimDisk
from simulation.draws import Stream
from simulation.explore.checks import Checker
from simulation.explore.options import Notes, Options, Outcome
from simulation.explore.scenarios import Day, Place
from simulation.explore.watched import WatchedPlc
from simulation.explore.witness import Witness
from simulation.plant.hall import Plant

if TYPE_CHECKING:
    from simulation.explore.staff import Staff

RELEASE: Final = "explored"
PROFILE_DIGEST: Final = 0x5EED_0001
SEGMENTS_OF_A_DISK: Final = 64
_SECOND_US: Final = 1_000_000


class Clock(Protocol):
    """Simulated time, from 0."""

    @property
    def now_us(self) -> int:
        """The time that the run has reached."""
        ...

    def at(self, delay_us: int, cls: int, fn: Callable[[T], None], arg: T) -> None:
        """Call `fn(arg)` once, `delay_us` from now."""
        ...


class Cable(Protocol):
    """The network between the controller's computer and one PLC."""

    def flush(self) -> None:
        """The PLC is about to change: play out what was left out."""
        ...

    def keep_ticking(self) -> None:
        """It has changed: let it go on."""
        ...

    def trouble(self) -> None:
        """What the controller sees of it may have changed."""
        ...

    def lost_memory(self) -> None:
        """The PLC's registers are empty."""
        ...

    def hang_up(self) -> None:
        """The PLC's end of the connection is gone."""
        ...


class Caller(Protocol):
    """The controller's end of a cable."""

    @property
    def mailbox(self) -> Mailbox:
        """What it sends and hears."""
        ...


class Life(Protocol):
    """One process of the controller."""

    @property
    def serving(self) -> bool:
        """Whether it recovered and its links connect."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether it is about to end in good order."""
        ...

    @property
    def group_under_way(self) -> bool:
        """Whether a group waits for the disk, or somebody for an answer."""
        ...

    def submit(self, inputs: Sequence[Input]) -> object:
        """People ask for something, or an agency tells it."""
        ...

    @property
    def controller(self) -> Controller:
        """Its core; only once it recovered."""
        ...

    @property
    def callers(self) -> Mapping[str, Caller]:
        """Its links by PLC."""
        ...


class World(Protocol):
    """
    One run, as faults and checks see it at either level.

    `disk` and `folders` (manifests: in, done, refused, results) are what the computer's disks hold now; `life` is the
    controller's present process, None between two. `wall_offset_us` is what somebody has set its wall clock ahead.
    `healed`: all faults are over. `broken`: the run ends, because there is nothing left to look at.
    """

    options: Options
    notes: Notes
    hall: Hall
    day: Day
    witness: Witness
    checker: Checker
    segment_bytes: int
    wall_offset_us: int
    staff: Staff
    healed: bool
    broken: bool
    disk_failed: bool

    @property
    def clock(self) -> Clock:
        """Simulated time."""
        ...

    @property
    def plcs(self) -> Mapping[str, WatchedPlc]:
        """The PLCs by name."""
        ...

    @property
    def cables(self) -> Mapping[str, Cable]:
        """The cables by PLC."""
        ...

    @property
    def plant(self) -> Plant:
        """The machines."""
        ...

    @property
    def disk(self) -> SimDisk:
        """The journal's disk."""
        ...

    @property
    def folders(self) -> tuple[SimDisk, ...]:
        """The manifests' folders."""
        ...

    @property
    def life(self) -> Life | None:
        """The controller that lives."""
        ...

    def wall_us(self) -> int:
        """The wall clock of the controller's computer."""
        ...

    def identity(self) -> Identity:
        """Who writes the journal."""
        ...

    def nonce(self) -> int:
        """A boot nonce that no life of a PLC had."""
        ...

    def next_serial(self) -> int:
        """A number that names one more manifest."""
        ...

    def kill(self, how: str) -> bool:
        """The controller is killed, whatever it does; False if there is none."""
        ...

    def pause(self, us: int) -> bool:
        """The controller stands still; False if it cannot."""
        ...

    def reboot(self, name: str) -> None:
        """A PLC loses its power and memory."""
        ...

    def slow_disk(self, by_us: int, for_us: int) -> None:
        """Each sync takes longer for a while."""
        ...

    def stall_disk(self, for_us: int) -> None:
        """No sync ends before this is over."""
        ...

    def hook_disk(self, hook: Callable[[str, str, str], None] | None) -> None:
        """Let a fault listen to the disk, or nobody."""
        ...

    def flush(self) -> None:
        """Somebody is about to lay hands on the plant: bring it to the present."""
        ...

    def settle(self) -> None:
        """It is done: go on."""
        ...


class Run(ABC):
    """One run of one seed in `place`, on `day`. `restarts` is the luck of what follows a death of the controller."""

    def __init__(self, options: Options, clock: Clock, place: Place, day: Day, restarts: Stream) -> None:
        self.options = options
        self.clock = clock
        self.place = place
        self.day = day
        self.hall: Hall = place.hall
        self.notes = Notes()
        self.witness = Witness(self.notes, lambda: clock.now_us, PROFILE_DIGEST)
        self.checker = Checker(self.notes, self.hall, echoes=bool(options.has("echo")))
        self.healed = False
        self.broken = False
        self.disk_failed = False
        self._restarts = restarts
        self._serial = 0

    @abstractmethod
    def start_life(self, _: None = None) -> None:
        """The supervisor starts the controller, if there is none."""

    @abstractmethod
    def _bring(self, name: str, content: bytes) -> None:
        """Somebody puts a manifest into the folder, as people do at this level."""

    def _start_again(self, *, power_lost: bool) -> None:
        """The controller is dead: the supervisor starts it again after a while, or when the computer has started."""
        between_us = (2 * _SECOND_US, 20 * _SECOND_US) if power_lost else (100_000, 1_200_000)
        pause_us = self._restarts.between(*between_us)
        self.clock.at(500_000 if self.healed else pause_us, FAULT, self.start_life, None)

    def next_serial(self) -> int:
        """A number that names one more manifest."""
        self._serial += 1
        return self._serial

    def _send_manifests(self, late: Mapping[str, int]) -> None:
        """The agencies send the day's manifests: now, or `late` at that time."""
        for name in self.day.manifests:
            if name in late:
                self.clock.at(late[name], FAULT, self._send_late, name)
            else:
                self._bring(f"{name}.csv", self.day.manifests[name])

    def _send_late(self, name: str) -> None:
        self.notes.struck(self.clock.now_us, "late_manifest", name)
        self._bring(f"{name}.csv", self.day.manifests[name])

    def outcome(self) -> Outcome:
        """What the run came to."""
        return self.notes.outcome(
            self.options,
            digest=self.witness.digest,
            simulated_us=self.clock.now_us,
            items=self.options.items,
            inputs=self.witness.inputs,
            groups=self.witness.groups,
        )

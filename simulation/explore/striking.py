"""
What a class of faults is, and how the classes of a run strike, at either level.

A class strikes at random moments of the safety phase, on average every `every_us` at hardness 1, four times as often at 2 and
nine times at 3. Each has a stream of luck of its own, so that switching one off does not shift the others' (the shrinker needs
that). What lasts (an episode on a cable, a full disk, a PLC in STOP) ends by itself, or when the world is healed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

import msgspec

from simulation.clock import FAULT
from simulation.draws import Stream
from simulation.explore.options import Options
from simulation.explore.world import World
from simulation.mischief import heal_all

SECOND: Final = 1_000_000
NEVER_US: Final = 0
"""For a class that does not strike at random moments."""

W = TypeVar("W", bound=World)
W_contra = TypeVar("W_contra", bound=World, contravariant=True)


class Fault(msgspec.Struct, Generic[W_contra], frozen=True):
    """A class of faults: `do` strikes once and says what it did, or None where there was nothing to do it to."""

    name: str
    kind: str
    every_us: int
    do: Callable[[W_contra, Stream, int], str | None]


def by_name(*faults: Fault[W]) -> dict[str, Fault[W]]:
    """The classes in this order, by their names."""
    return {fault.name: fault for fault in faults}


class Striker(Generic[W]):
    """
    The faults of one run: those of `known` that its options name. `kinds` has every class that they may name.

    Classes that never strike by themselves are asked for: `power_fails`, `recovery_ends`, `late_manifests`.
    """

    recovery_steps = 0
    """The first so many steps of a recovery are points to end it at."""

    def __init__(self, world: W, known: Mapping[str, Fault[W]], kinds: Mapping[str, str]) -> None:
        self._world = world
        self._options: Options = world.options
        self._known = known
        unknown = [name for name in self._options.faults if name not in kinds]
        assert not unknown, f"unknown fault classes {unknown}, known at the {self._options.level} level are {', '.join(kinds)}"
        self._streams = {name: Stream(self._options.seed, f"explore/fault/{name}") for name in self._options.faults}

    def begin(self) -> None:
        """Let every class strike at its moments."""
        for name in self._options.faults:
            fault = self._known.get(name)
            if fault is not None and fault.every_us:
                self._later(fault)

    def _later(self, fault: Fault[W]) -> None:
        hard = self._options.has(fault.name)
        self._world.clock.at(1 + self._streams[fault.name].below(2 * fault.every_us // hard**2), FAULT, self._strike, fault)

    def _strike(self, fault: Fault[W]) -> None:
        world = self._world
        if world.healed or world.broken or world.clock.now_us >= self._options.safety_us:
            return
        told = fault.do(world, self._streams[fault.name], self._options.has(fault.name))
        if told is not None:
            world.notes.struck(world.clock.now_us, fault.name, told)
        self._later(fault)

    def heal(self) -> None:
        """All that lasts is over. A PLC that has lost events is started anew, as people do once they know of it."""
        world = self._world
        world.flush()
        world.slow_disk(0, 0)
        world.stall_disk(0)
        world.disk.others_bytes = 0
        world.hook_disk(None)
        heal_all(world.plant, world.plcs)
        for name, plc in world.plcs.items():
            plc.losing = 0
            if plc.lost:
                plc.lost = False
                world.reboot(name)
        world.settle()

    def recovery_ends(self, number: int) -> int | None:
        """At which of its first steps the recovery of life `number` ends; None: it does not."""
        hard = self._options.has("crash_in_recovery")
        if not hard or number == 1 or self._world.healed or self._streams["crash_in_recovery"].below(6) >= hard:
            return None
        return self._streams["crash_in_recovery"].below(self.recovery_steps)

    def power_fails(self) -> bool:
        """Whether the computer loses its power when the controller dies."""
        hard = self._options.has("power")
        return bool(hard) and not self._world.healed and self._streams["power"].below(6) < 2 * hard

    def explains(self, how: str) -> bool:
        """Whether a fault of the disk is the reason why a life ended by itself."""
        if how in ("JournalFull", "no room for a note"):
            return any(self._options.has(name) for name in ("full", "long_full", "cram"))
        return how in ("JournalPoisoned", "OSError") and self._world.disk_failed

    def late_manifests(self, names: list[str]) -> dict[str, int]:
        """Which manifests come late, and when."""
        hard = self._options.has("late_manifest")
        if not hard:
            return {}
        stream = self._streams["late_manifest"]
        return {name: stream.below(self._options.safety_us) for name in names if stream.below(4) < hard}

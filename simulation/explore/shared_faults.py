"""
Faults of both levels: what happens to PLCs, to the computer's disk and clock, to manifests, and whatever people do.

Beside these there are the rates of `simulation.luck`, as classes `luck_NAME`, and every act of `simulation.mischief`, as
`act_NAME`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Final

from packcenter.core.packml import State
from simulation import mischief
from simulation.clock import FAULT
from simulation.demand import spoiled_csv
from simulation.draws import Stream
from simulation.explore.options import Options
from simulation.explore.rot import rot_away
from simulation.explore.scenarios import csv_of, fresh_rows, put
from simulation.explore.striking import NEVER_US, SECOND, Fault
from simulation.explore.world import World
from simulation.luck import Rates as Luck
from simulation.mischief.act import can_tell
from simulation.plcport import EVENTS_PER_ITEM

Do = Callable[[World, Stream, int], str | None]

_RESTART_EVENTS = 24
"""States and things of a machine whose PLC goes to RUN: through Aborted to Execute, and what it holds."""

_PRESSES, _PRESS_US = 60, 3 * SECOND // 2


# --- PLCs --------------------------------------------------------------------------------------------------------------


def plc_of(world: World, stream: Stream) -> str:
    """The name of a PLC, drawn."""
    names = list(world.plcs)
    return names[stream.below(len(names))]


def _reboot(world: World, stream: Stream, hard: int) -> str | None:
    name = plc_of(world, stream)
    world.reboot(name)
    return f"{name} lost its memory"


def _boot_storm(world: World, stream: Stream, hard: int) -> str | None:
    """Four boots within two seconds, as a failing power supply makes."""
    name = plc_of(world, stream)
    for _ in range(4):
        world.clock.at(stream.below(2 * SECOND), FAULT, lambda _: world.reboot(name), None)
    world.notes.met("PLC boot storm")
    return f"{name} boots four times in 2 s"


def _dip(world: World, stream: Stream, hard: int) -> str | None:
    """Power fails for a moment; memory is kept, the connection is not."""
    name = plc_of(world, stream)
    cable = world.cables[name]
    cable.flush()
    if not can_tell(world.plcs, world.plant.programs[name]) or not world.plcs[name].dip():
        return None
    cable.hang_up()
    return f"the power of {name} dips"


def _lasting(
    begin: Callable[[mischief.FaultyPlc, Stream], bool], end: Callable[[mischief.FaultyPlc], object], most_us: int, text: str
) -> Do:
    def do(world: World, stream: Stream, hard: int) -> str | None:
        name = plc_of(world, stream)
        cable, plc = world.cables[name], world.plcs[name]
        cable.flush()
        if not begin(plc, stream):
            return None
        us = 100_000 + stream.below(most_us)

        def over(_: None) -> None:
            cable.flush()
            end(plc)
            cable.keep_ticking()
            cable.trouble()

        world.clock.at(us, FAULT, over, None)
        cable.trouble()
        return f"{name} {text} for {us / 1e6:.1f} s"

    return do


def _halt(plc: mischief.FaultyPlc, stream: Stream) -> bool:
    """Only with room for what it has to tell when it runs again, which nothing holds back (seed 651798)."""
    return plc.can_tell(_RESTART_EVENTS) and plc.halt()


def _spoil(plc: mischief.FaultyPlc, stream: Stream) -> bool:
    return plc.spoil(1 + stream.below(30), (125, 16, 43, 70)[stream.below(4)])


def _wrap(world: World, stream: Stream, hard: int) -> str | None:
    """A new life whose counters are about to wrap."""
    name = plc_of(world, stream)
    cable = world.cables[name]
    cable.flush()
    if not world.plcs[name].near_wrap(world.nonce(), 0xFFFF_FFFF - stream.below(4)):
        return None
    cable.lost_memory()
    cable.hang_up()
    cable.keep_ticking()
    return f"{name} begins a life whose counters wrap soon"


def _lose_events(world: World, stream: Stream, hard: int) -> str | None:
    """E2: a PLC breaks its promise and overwrites its ring. People start it anew when all is healed."""
    plc = world.plcs[plc_of(world, stream)]
    plc.losing = 1 + stream.below(hard)
    return f"{plc.name} will lose {plc.losing} events"


# --- the controller, its disk and clock ----------------------------------------------------------------------------------


def _pause(world: World, stream: Stream, hard: int) -> str | None:
    us = 100_000 + (stream.below(3 * SECOND) if stream.below(4) else stream.below(60 * SECOND))
    return f"the controller stands still for {us / 1e6:.1f} s" if world.pause(us) else None


def _slow_disk(world: World, stream: Stream, hard: int) -> str | None:
    us, slow_us = SECOND + stream.below(20 * SECOND), 3_000 + stream.below(250_000)
    world.slow_disk(slow_us, us)
    return f"each sync takes {slow_us / 1e3:.0f} ms more for {us / 1e6:.1f} s"


def _stalled(world: World, us: int) -> str:
    world.stall_disk(us)
    world.notes.met("10 s disk stall")
    return f"the disk stalls for {us / 1e6:.1f} s"


def _stall(world: World, stream: Stream, hard: int) -> str | None:
    return _stalled(world, 10 * SECOND + stream.below(20 * SECOND * hard))


def _long_stall(world: World, stream: Stream, hard: int) -> str | None:
    """Long enough for PLCs to fill their rings: links live, and nothing is acknowledged."""
    return _stalled(world, 60 * SECOND + stream.below(120 * SECOND))


def _panel(world: World, stream: Stream, hard: int) -> str | None:
    """Nothing is acknowledged, and somebody presses Stop and Reset at a panel all the time: much to tell, and nobody to tell."""
    name = plc_of(world, stream)
    for nth in range(_PRESSES):
        world.clock.at(nth * _PRESS_US, FAULT, lambda _: _press(world, name), None)
    return f"{_stalled(world, _PRESSES * _PRESS_US)}, and people play with the panel of {name}"


def _press(world: World, name: str) -> None:
    """Stop, or Reset if it is stopped."""
    machine = world.plant.programs[name]
    if not world.plcs[name].can_tell(EVENTS_PER_ITEM * (machine.busy() + 2)):
        return
    if machine.unit.state is State.STOPPED:
        machine.make_ready()
    else:
        machine.stop_by_hand(_PRESS_US)


def _full(world: World, stream: Stream, hard: int) -> str | None:
    """Somebody fills the disk: to warn, to stop the infeed, or to the last segment."""
    total = world.disk.total_bytes
    free, longest_us = (
        (total * (11 + stream.below(8)) // 100, 60 * SECOND),
        (total * (2 + stream.below(7)) // 100, 60 * SECOND),
        (stream.below(world.segment_bytes * 3 // 2), 60 * SECOND),
        (0, 600 * SECOND),
    )[stream.below(4)]
    return _filled(world, free, 2 * SECOND + stream.below(longest_us))


def _long_full(world: World, stream: Stream, hard: int) -> str | None:
    """Long enough to write what is left of segment, spare and ballast with what still goes on."""
    return _filled(world, 0, 120 * SECOND + stream.below(780 * SECOND))


def _cram(world: World, stream: Stream, hard: int) -> str | None:
    """The same, and people play with a panel meanwhile: what that says has no room but the journal's last."""
    name, told = plc_of(world, stream), _filled(world, 0, 120 * SECOND + stream.below(780 * SECOND))

    def press(_: None) -> None:
        if world.disk.others_bytes:
            _press(world, name)
            world.clock.at(_PRESS_US, FAULT, press, None)

    press(None)
    return f"{told}, and people play with the panel of {name}"


def _filled(world: World, free: int, us: int) -> str:
    world.disk.leave_free(free)
    world.clock.at(us, FAULT, _give_room, world)
    return f"{free} bytes are left on the disk for {us / 1e6:.1f} s"


def _give_room(world: World) -> None:
    world.disk.others_bytes = 0


def _sync_error(world: World, stream: Stream, hard: int) -> str | None:
    """The next sync of a segment fails; what was to be written is forgotten, but for some of it."""

    def hook(when: str, what: str, name: str) -> None:
        if (when, what) == ("before", "fdatasync") and name.startswith("segment"):
            world.hook_disk(None)
            world.disk_failed = True
            world.notes.tell(world.clock.now_us, f"the sync of {name} fails")
            world.disk.forget_unsynced(name, stream)
            raise OSError(errno.EIO, "Input/output error")

    world.hook_disk(hook)
    return "the next sync of a segment fails"


def _local_minute(world: World) -> int:
    """Minutes after local midnight, by the wall clock of the controller's computer."""
    return (world.wall_us() // 60_000_000 + world.hall.utc_offset_minutes) % 1440


def _step_clock(world: World, stream: Stream, hard: int) -> str | None:
    """Somebody sets the clock: seconds to hours, forward or back."""
    by_us = (1 + stream.below((5, 600, 6 * 3600)[stream.below(3)])) * SECOND
    if stream.below(2):
        by_us = -by_us
    minutes = world.hall.plan.bags.cutoff_minutes
    before = _local_minute(world)
    world.wall_offset_us += by_us
    after = _local_minute(world)
    if by_us < 0 and any(after < minute <= before for minute in minutes):
        world.notes.met("clock step back over shift end")
    return f"the wall clock steps by {by_us / 1e6:.0f} s"


# --- manifests -------------------------------------------------------------------------------------------------------------


def _bad_manifest(world: World, stream: Stream, hard: int) -> str | None:
    """A manifest with bad rows among good ones, cut, garbled, badly named, or none at all."""
    serial = world.next_serial()
    rows = fresh_rows(stream, world.hall, 1 + stream.below(12), serial)
    content, _ = spoiled_csv(rows, world.options.seed + serial)
    how = stream.below(5)
    name = f"extra-{serial}.csv"
    if how == 1:
        content = content[: stream.below(len(content))]
    elif how == 2:
        content = bytes(stream.below(256) for _ in range(stream.below(600)))
    elif how == 3:
        name = f"an extra {serial}.csv"
    elif how == 4:
        content = content.replace(b"mail_class", b"name", 1)
    put(world.folders[0], name, content)
    return f"{name}, {('bad rows', 'cut', 'garbage', 'a bad name', 'a personal column')[how]}"


def _same_again(world: World, stream: Stream, hard: int) -> str | None:
    """Items that were announced are announced again: under another name, or the same with or without changes."""
    names = list(world.day.manifests)
    name = names[stream.below(len(names))]
    content = world.day.manifests[name]
    how = stream.below(3)
    if how == 0:
        target = f"again-{world.next_serial()}"
        world.notes.met("duplicate code in two manifests")
    else:
        target = name
        world.notes.met("manifest sent again")
        if how == 2:
            if f"{name}.result.csv" not in world.folders[3].files():
                world.checker.replaced.add(name)
            fresh = csv_of(fresh_rows(stream, world.hall, 1, world.next_serial())).partition(b"\n")[2]
            content += fresh.replace(b"\n", b",\n") if b"addressee_token" in content else fresh
    if any(machine.unit.reason_class == 1 for machine in world.plant.sorters):
        world.notes.met("reload during a jam")
    put(world.folders[0], f"{target}.csv", content)
    return f"{name} comes again as {target}{', changed' if how == 2 else ''}"


# --- the tables ------------------------------------------------------------------------------------------------------------


def _nothing(world: World, stream: Stream, hard: int) -> str | None:
    """A class that works in another place: `Striker`."""
    return None


PLC_FAULTS: Final[tuple[Fault[World], ...]] = (
    Fault("reboot", "plc", 60 * SECOND, _reboot),
    Fault("boot_storm", "plc", 150 * SECOND, _boot_storm),
    Fault("dip", "plc", 90 * SECOND, _dip),
    Fault("halt", "plc", 90 * SECOND, _lasting(_halt, lambda p: p.run(), 12 * SECOND, "is in STOP")),
    Fault(
        "slow_scan",
        "plc",
        60 * SECOND,
        _lasting(lambda p, s: p.scan_every(10_000 + s.below(400_000)), lambda p: p.scan_every(0), 10 * SECOND, "scans slowly"),
    ),
    Fault(
        "freeze", "plc", 90 * SECOND, _lasting(lambda p, _: p.freeze(), lambda p: p.heal(), 5 * SECOND, "has a stuck heartbeat")
    ),
    Fault("spoil", "plc", 60 * SECOND, _lasting(_spoil, lambda p: p.heal(), 4 * SECOND, "shows old images")),
    Fault("lose_events", "plc", 90 * SECOND, _lose_events),
)
WRAP: Final[Fault[World]] = Fault("wrap", "plc", 120 * SECOND, _wrap)
COMPUTER_FAULTS: Final[tuple[Fault[World], ...]] = (
    Fault("crash_in_recovery", "controller", NEVER_US, _nothing),
    Fault("power", "controller", NEVER_US, _nothing),
    Fault("pause", "controller", 60 * SECOND, _pause),
    Fault("slow_disk", "disk", 60 * SECOND, _slow_disk),
    Fault("stall", "disk", 30 * SECOND, _stall),
    Fault("full", "disk", 90 * SECOND, _full),
    Fault("sync_error", "disk", 90 * SECOND, _sync_error),
    Fault("rot", "disk", 120 * SECOND, rot_away),
    Fault("clock_step", "clock", 60 * SECOND, _step_clock),
    Fault("bad_manifest", "manifest", 60 * SECOND, _bad_manifest),
    Fault("same_again", "manifest", 60 * SECOND, _same_again),
    Fault("late_manifest", "manifest", NEVER_US, _nothing),
)
"""What happens to the controller's process, disk, clock and manifests."""


LATEST_FAULTS: Final[tuple[Fault[World], ...]] = (Fault("panel", "disk", 90 * SECOND, _panel),)
LATER_DISK_FAULTS: Final[tuple[Fault[World], ...]] = (
    Fault("long_stall", "disk", 60 * SECOND, _long_stall),
    Fault("long_full", "disk", 120 * SECOND, _long_full),
)
"""They came later, as `LATER_ACTS`."""
CRAM: Final[Fault[World]] = Fault("cram", "disk", 120 * SECOND, _cram)
"""It came when seeds were known by their number: `swarm` draws it behind all others."""


def _act(act: mischief.Act) -> Fault[World]:
    def do(world: World, stream: Stream, hard: int) -> str | None:
        world.flush()
        done = act.do(world.plant, world.plcs, stream)
        world.settle()
        return done

    return Fault(f"act_{act.name}", act.kind, 60 * SECOND, do)


_LATER: Final = (
    "stops_machine",
    "case_rack_reads_nothing",
    "case_rack_reads_another",
    "case_rack_reads_neighbour",
    "stores_in_another_cell",
    "stores_two",
    "leaves_one_in_its_cell",
    "leaves_one_unseen",
)
"""Acts that came when seeds were known by their number: they are drawn behind all others, and shift none but those of one
or two classes."""

ACTS: Final[tuple[Fault[World], ...]] = tuple(
    _act(act) for act in mischief.ACTS.values() if act.kind != "plc" and act.name not in _LATER
)
"""The acts, but for what PLCs do, which is among their faults."""

LATER_ACTS: Final[tuple[Fault[World], ...]] = tuple(_act(mischief.ACTS[name]) for name in _LATER[:1])

LAST_ACTS: Final[tuple[Fault[World], ...]] = tuple(_act(mischief.ACTS[name]) for name in _LATER[1:])
"""They came later still: those of case racks."""

_LUCK: Final = tuple(f"luck_{name}" for name in Luck.__struct_fields__)
_LUCK_RATES: Final = (2_000, 12_000, 40_000)
_CLOSE_RATES: Final = (300_000, 400_000, 500_000)
_SEAL_RATES: Final = (60_000, 100_000, 120_000)
"""A run closes a few bags only."""
_RATES: Final = {"close": _CLOSE_RATES, "seal": _SEAL_RATES}
_LATER_LUCK: Final = tuple(
    f"luck_{name}"
    for name in (
        "cell_no_read",
        "cell_misread",
        "cell_other",
        "cell_neighbour",
        "other_cell",
        "takes_two",
        "leaves_one",
        "leaves_one_unseen",
    )
)
LUCK_KINDS: Final[Mapping[str, str]] = {
    name: "closer" if name.startswith(("luck_close_", "luck_seal_")) else "luck" for name in _LUCK if name not in _LATER_LUCK
}
"""The rates of luck as fault classes, with their kinds."""


LAST_LUCK_KINDS: Final[Mapping[str, str]] = dict.fromkeys(_LATER_LUCK, "luck")
"""Those that came with the case racks."""


def rates_of(options: Options) -> dict[str, int]:
    """The luck of the plant that the options ask for."""
    return {
        name: _RATES.get(name.partition("_")[0], _LUCK_RATES)[options.has(f"luck_{name}") - 1]
        for name in Luck.__struct_fields__
        if options.has(f"luck_{name}")
    }

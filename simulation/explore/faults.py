"""
Fault classes: what each does to a world, and how often.

A class strikes at random moments of the safety phase, on average every `every_us` at hardness 1, four times as often at 2 and
nine times at 3. Each has a stream of luck of its own, so that switching one off does not shift the others' (the shrinker needs
that). What lasts (an episode on a cable, a full disk, a PLC in STOP) ends by itself, or when the world is healed.

Beside these there are the rates of `simulation.luck`, as classes `luck_NAME`, and every act of `simulation.mischief`, as
`act_NAME`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from packcenter.core import inputs as i
from packcenter.plc.image import encode_in
from simulation import mischief
from simulation.clock import FAULT, INPUT
from simulation.demand import spoiled_csv
from simulation.draws import Stream
from simulation.explore.options import Options
from simulation.explore.path import REPLY, REQUEST, Cable
from simulation.explore.points import PLC_POINTS, PROCESS_POINTS
from simulation.explore.rates import Rates
from simulation.explore.rot import rot_away
from simulation.explore.scenarios import csv_of, fresh_rows, put
from simulation.luck import Rates as Luck
from simulation.mischief.act import can_tell

if TYPE_CHECKING:
    from simulation.explore.protocol import ProtocolWorld as World

SECOND: Final = 1_000_000
_TEARS: Final = ("before a group is written", "group written", "before a segment has its name", "snapshot renamed")
"""Crash points after which a power loss leaves most to luck."""


class Fault(msgspec.Struct, frozen=True):
    """A class of faults: `do` strikes once and says what it did, or None where there was nothing to do it to."""

    name: str
    kind: str
    every_us: int
    do: Callable[[World, Stream, int], str | None]


def _cables(world: World, stream: Stream) -> list[Cable]:
    """Some cables: mostly one, sometimes all."""
    cables = list(world.cables.values())
    if stream.below(8) == 0:
        return cables
    return [cables[stream.below(len(cables))] for _ in range(1 + stream.below(2))]


def _named(cables: list[Cable]) -> str:
    return ", ".join(dict.fromkeys(cable.plc.name for cable in cables))


def _episode(world: World, cables: list[Cable], us: int, begin: Callable[[Rates], None], end: Callable[[Rates], None]) -> None:
    """Trouble on cables for a while."""

    def over(cable: Cable) -> None:
        cable.flush()
        end(cable.rates)
        cable.trouble()

    for cable in cables:
        cable.flush()
        begin(cable.rates)
        cable.trouble()
        world.clock.at(us, FAULT, over, cable)


def _troubled(field: str, rates: tuple[int, int, int], most_us: int) -> Callable[[World, Stream, int], str | None]:
    """An episode in which telegrams meet a fault, in thousandths by hardness."""

    def do(world: World, stream: Stream, hard: int) -> str | None:
        cables, us = _cables(world, stream), 200_000 + stream.below(most_us)
        rate = rates[hard - 1]
        _episode(world, cables, us, lambda r: setattr(r, field, rate), lambda r: setattr(r, field, 0))
        return f"{_named(cables)}: {rate / 10} % of telegrams for {us / 1e6:.1f} s"

    return do


def _half_open(world: World, stream: Stream, hard: int) -> str | None:
    """One way is dead, and nobody says so; or both."""
    ways = ((REQUEST,), (REPLY,), (REQUEST, REPLY))[stream.below(3)]
    cables, us = _cables(world, stream), 300_000 + stream.below(6 * SECOND)

    def begin(rates: Rates) -> None:
        rates.lost_ways = frozenset(ways)

    def end(rates: Rates) -> None:
        rates.lost_ways = frozenset()

    _episode(world, cables, us, begin, end)
    return f"{_named(cables)}: {' and '.join(ways)} vanish for {us / 1e6:.1f} s"


def _cut(world: World, stream: Stream, hard: int) -> str | None:
    """Cables are pulled together, and put back one by one in any order."""
    left = list(world.cables.values())
    count = len(left) if stream.below(3) == 0 else 1 + stream.below(len(left))
    us = stream.below(4 * SECOND)
    told = []
    for _ in range(count):
        cable = left.pop(stream.below(len(left)))
        us += 200_000 + stream.below(2 * SECOND)

        def begin(rates: Rates) -> None:
            rates.cut = True

        def end(rates: Rates) -> None:
            rates.cut = False

        _episode(world, [cable], us, begin, end)
        told.append(f"{cable.plc.name} for {us / 1e6:.1f} s")
    if count == len(world.cables):
        world.notes.met("links cut and restored one by one")
    return ", ".join(told)


def _replay(world: World, stream: Stream, hard: int) -> str | None:
    """An adversary sends old requests of any earlier connection, epoch or life once more."""
    cables = [cable for cable in world.cables.values() if cable.requests]
    if not cables:
        return None
    cable = cables[stream.below(len(cables))]
    cable.flush()

    def again(words: list[int]) -> None:
        cable.flush()  # the PLC may take its hello for a new one, so the link must not be left quiet
        cable.write(words, 0)
        cable.trouble()

    keys = list(cable.requests)
    orders = [key for key in keys if key[3] and key[0] < cable.plc.epoch]
    sent = []
    for _ in range(1 + stream.below(3 * hard)):
        among = orders if orders and stream.below(2) else keys
        key = among[stream.below(len(among))]
        kept = cable.requests[key]
        words = encode_in(kept[stream.below(len(kept))], cable.plc.order)
        world.clock.at(stream.below(300_000), INPUT, again, words)
        sent.append(f"{key[0]}/{key[2]}")
    return f"{cable.plc.name}: requests of epoch/hello {', '.join(sent)} come again"


# --- PLCs --------------------------------------------------------------------------------------------------------------


def _plc(world: World, stream: Stream) -> str:
    names = list(world.plcs)
    return names[stream.below(len(names))]


def _reboot(world: World, stream: Stream, hard: int) -> str | None:
    name = _plc(world, stream)
    world.reboot(name)
    return f"{name} lost its memory"


def _boot_storm(world: World, stream: Stream, hard: int) -> str | None:
    """Four boots within two seconds, as a failing power supply makes."""
    name = _plc(world, stream)
    for _ in range(4):
        world.clock.at(stream.below(2 * SECOND), FAULT, lambda _: world.reboot(name), None)
    world.notes.met("PLC boot storm")
    return f"{name} boots four times in 2 s"


def _dip(world: World, stream: Stream, hard: int) -> str | None:
    """Power fails for a moment; memory is kept, the connection is not."""
    name = _plc(world, stream)
    cable = world.cables[name]
    cable.flush()
    if not can_tell(world.plcs, world.plant.programs[name]) or not world.plcs[name].dip():
        return None
    cable.hang_up()
    return f"the power of {name} dips"


def _lasting(
    begin: Callable[[mischief.FaultyPlc, Stream], bool], end: Callable[[mischief.FaultyPlc], object], most_us: int, text: str
) -> Callable[[World, Stream, int], str | None]:
    def do(world: World, stream: Stream, hard: int) -> str | None:
        name = _plc(world, stream)
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


def _spoil(plc: mischief.FaultyPlc, stream: Stream) -> bool:
    return plc.spoil(1 + stream.below(30), (125, 16, 43, 70)[stream.below(4)])


def _wrap(world: World, stream: Stream, hard: int) -> str | None:
    """A new life whose counters are about to wrap."""
    name = _plc(world, stream)
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
    plc = world.plcs[_plc(world, stream)]
    plc.losing = 1 + stream.below(hard)
    return f"{plc.name} will lose {plc.losing} events"


def _echo(world: World, stream: Stream, hard: int) -> str | None:
    """E1, R4: a link hands out once more what it did before, of this life of the PLC or an earlier one; the core looks, too."""
    life = world.life
    if life is None or not life.serving or life.stopping:
        return None
    plcs = life.controller.state.plcs
    events = [
        event
        for event in world.heard
        if isinstance(event, i.PlcEvent) and (event.epoch, event.seq) <= (plcs[event.plc].epoch, plcs[event.plc].seq)
    ]
    if not events:
        return None
    event = events[stream.below(len(events))]
    life.submit([event])
    return f"{event.plc}: event {event.seq} of epoch {event.epoch} is handed out again"


_FAILS_ON: Final = (i.Scanned, i.DivertConfirmed, i.TrackLost, i.Fed, i.Packed, i.Dropped)


def _poison(world: World, stream: Stream, hard: int) -> str | None:
    """The controller fails at the next event of a kind: it ends with a note, and the next run sets the event aside."""
    life = world.life
    if life is None or life.fails_on is not None:
        return None
    life.fails_on = _FAILS_ON[stream.below(len(_FAILS_ON))]
    return f"the controller is to fail at the next {life.fails_on.__name__}"


def _lose_power(world: World, stream: Stream, hard: int) -> str | None:
    """A PLC loses its memory in the middle of something: when it has made an event, taken a command, or was just acknowledged."""
    name = _plc(world, stream)
    if name in world.armed_plcs:
        return None
    points = [point for point in PLC_POINTS if point != "command received"]
    world.armed_plcs[name] = (points[stream.below(len(points))], 1 + stream.below(4))
    return f"{name} is to lose its memory at {world.armed_plcs[name][0]!r}"


# --- the controller, its disk and clock ----------------------------------------------------------------------------------


def _kill(world: World, stream: Stream, hard: int) -> str | None:
    """At once, or when the next group has been written and not synced: that is when a power loss tears."""
    if stream.below(2) or world.life is None or world.life.armed is not None:
        return "the controller" if world.kill("kill") else None
    world.life.armed = ("group written", 1)
    world.life.listen()
    return "the controller, within its next group"


def _stop(world: World, stream: Stream, hard: int) -> str | None:
    """People stop the service in good order; the supervisor starts it again."""
    life = world.life
    if life is None or not life.serving or life.stopping:
        return None
    life.stop()
    return "the controller is asked to end"


def _crash_point(world: World, stream: Stream, hard: int) -> str | None:
    """The controller is to die at a named point, which it passes sooner or later."""
    life = world.life
    if life is None or life.armed is not None:
        return None
    points = _TEARS if world.options.has("power") and stream.below(2) else (*PROCESS_POINTS, *PLC_POINTS)
    life.armed = (points[stream.below(len(points))], 1 + stream.below(4))
    life.listen()
    return f"the controller is to die at {life.armed[0]!r}, passing it {life.armed[1]} times"


def _pause(world: World, stream: Stream, hard: int) -> str | None:
    us = 100_000 + (stream.below(3 * SECOND) if stream.below(4) else stream.below(60 * SECOND))
    return f"the controller stands still for {us / 1e6:.1f} s" if world.pause(us) else None


def _slow_disk(world: World, stream: Stream, hard: int) -> str | None:
    us, slow_us = SECOND + stream.below(20 * SECOND), 3_000 + stream.below(250_000)
    world.slow_disk(slow_us, us)
    return f"each sync takes {slow_us / 1e3:.0f} ms more for {us / 1e6:.1f} s"


def _stall(world: World, stream: Stream, hard: int) -> str | None:
    us = 10 * SECOND + stream.below(20 * SECOND * hard)
    world.stall_disk(us)
    world.notes.met("10 s disk stall")
    return f"the disk stalls for {us / 1e6:.1f} s"


def _full(world: World, stream: Stream, hard: int) -> str | None:
    """Somebody fills the disk: to warn, to stop the infeed, or to the last segment."""
    total = world.disk.total_bytes
    free, longest_us = (
        (total * (11 + stream.below(8)) // 100, 60 * SECOND),
        (total * (2 + stream.below(7)) // 100, 60 * SECOND),
        (stream.below(world.segment_bytes * 3 // 2), 60 * SECOND),
        (0, 600 * SECOND),  # long enough to write what is left of segment, spare and ballast with what still goes on
    )[stream.below(4)]
    us = 2 * SECOND + stream.below(longest_us)
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
            content += csv_of(fresh_rows(stream, world.hall, 1, world.next_serial())).partition(b"\n")[2]
    if any(machine.unit.reason_class == 1 for machine in world.plant.sorters):
        world.notes.met("reload during a jam")
    put(world.folders[0], f"{target}.csv", content)
    return f"{name} comes again as {target}{', changed' if how == 2 else ''}"


# --- the table -------------------------------------------------------------------------------------------------------------


def _nothing(world: World, stream: Stream, hard: int) -> str | None:
    """A class that works in another place: `Faults.arm_life`, `Faults.power_fails`, `rates_of`, `World`."""
    return None


_NEVER_US: Final = 0
FAULTS: Final[tuple[Fault, ...]] = (
    Fault("drop", "network", 40 * SECOND, _troubled("drop", (20, 100, 400), 8 * SECOND)),
    Fault("delay", "network", 40 * SECOND, _troubled("delay", (20, 100, 400), 8 * SECOND)),
    Fault("duplicate", "network", 40 * SECOND, _troubled("duplicate", (50, 200, 600), 8 * SECOND)),
    Fault("corrupt", "network", 40 * SECOND, _troubled("corrupt", (20, 100, 400), 8 * SECOND)),
    Fault("cut_frame", "network", 60 * SECOND, _troubled("cut_frame", (10, 50, 200), 5 * SECOND)),
    Fault("reset", "network", 60 * SECOND, _troubled("reset", (10, 50, 200), 5 * SECOND)),
    Fault("half_open", "network", 60 * SECOND, _half_open),
    Fault("cut", "network", 60 * SECOND, _cut),
    Fault("replay", "network", 30 * SECOND, _replay),
    Fault("reboot", "plc", 60 * SECOND, _reboot),
    Fault("boot_storm", "plc", 150 * SECOND, _boot_storm),
    Fault("dip", "plc", 90 * SECOND, _dip),
    Fault("halt", "plc", 90 * SECOND, _lasting(lambda p, _: p.halt(), lambda p: p.run(), 12 * SECOND, "is in STOP")),
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
    Fault("echo", "controller", 30 * SECOND, _echo),
    Fault("wrap", "plc", 120 * SECOND, _wrap),
    Fault("kill", "controller", 60 * SECOND, _kill),
    Fault("stop", "controller", 150 * SECOND, _stop),
    Fault("crash_point", "controller", 40 * SECOND, _crash_point),
    Fault("crash_in_recovery", "controller", _NEVER_US, _nothing),
    Fault("power", "controller", _NEVER_US, _nothing),
    Fault("pause", "controller", 60 * SECOND, _pause),
    Fault("slow_disk", "disk", 60 * SECOND, _slow_disk),
    Fault("stall", "disk", 30 * SECOND, _stall),
    Fault("full", "disk", 90 * SECOND, _full),
    Fault("sync_error", "disk", 90 * SECOND, _sync_error),
    Fault("rot", "disk", 120 * SECOND, rot_away),
    Fault("clock_step", "clock", 60 * SECOND, _step_clock),
    Fault("bad_manifest", "manifest", 60 * SECOND, _bad_manifest),
    Fault("same_again", "manifest", 60 * SECOND, _same_again),
    Fault("late_manifest", "manifest", _NEVER_US, _nothing),
    Fault("poison", "controller", 60 * SECOND, _poison),
    Fault("lose_power", "plc", 40 * SECOND, _lose_power),
)


def _act(act: mischief.Act) -> Fault:
    def do(world: World, stream: Stream, hard: int) -> str | None:
        world.flush()
        done = act.do(world.plant, world.plcs, stream)
        world.settle()
        return done

    return Fault(f"act_{act.name}", act.kind, 60 * SECOND, do)


_LUCK: Final = tuple(f"luck_{name}" for name in Luck.__struct_fields__)
_LUCK_RATES: Final = (2_000, 12_000, 40_000)
_CLOSE_RATES: Final = (300_000, 400_000, 500_000)
_SEAL_RATES: Final = (60_000, 100_000, 120_000)
"""A run closes a few bags only."""
_RATES: Final = {"close": _CLOSE_RATES, "seal": _SEAL_RATES}
_ALL: Final[Mapping[str, Fault]] = {
    fault.name: fault for fault in (*FAULTS, *(_act(act) for act in mischief.ACTS.values() if act.kind != "plc"))
}
KINDS: Final[Mapping[str, str]] = {
    **{name: fault.kind for name, fault in _ALL.items()},
    **{name: "closer" if name.startswith(("luck_close_", "luck_seal_")) else "luck" for name in _LUCK},
}
"""Every fault class with its kind, in an order that is always the same."""


def rates_of(options: Options) -> dict[str, int]:
    """The luck of the plant that the options ask for."""
    return {
        name: _RATES.get(name.partition("_")[0], _LUCK_RATES)[options.has(f"luck_{name}") - 1]
        for name in Luck.__struct_fields__
        if options.has(f"luck_{name}")
    }


class Faults:
    """The faults of one run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._options = options = world.options
        unknown = [name for name in options.faults if name not in KINDS]
        assert not unknown, f"unknown fault classes {unknown}, known are {', '.join(KINDS)}"
        self._streams = {name: Stream(options.seed, f"explore/fault/{name}") for name in options.faults}

    def begin(self) -> None:
        """Let every class strike at its moments."""
        for name in self._options.faults:
            fault = _ALL.get(name)
            if fault is not None and fault.every_us:
                self._later(fault)

    def _later(self, fault: Fault) -> None:
        hard = self._options.has(fault.name)
        self._world.clock.at(1 + self._streams[fault.name].below(2 * fault.every_us // hard**2), FAULT, self._strike, fault)

    def _strike(self, fault: Fault) -> None:
        world = self._world
        if world.healed or world.clock.now_us >= self._options.safety_us:
            return
        told = fault.do(world, self._streams[fault.name], self._options.has(fault.name))
        if told is not None:
            world.notes.struck(world.clock.now_us, fault.name, told)
        self._later(fault)

    def heal(self) -> None:
        """All that lasts is over."""
        world = self._world
        world.flush()
        for cable in world.cables.values():
            cable.rates = Rates()
        world.slow_disk(0, 0)
        world.stall_disk(0)
        _give_room(world)
        world.hook_disk(None)
        world.armed_plcs.clear()
        if world.life is not None:
            world.life.armed = world.life.fails_on = None
            world.life.resume()
        mischief.heal_all(world.plant, world.plcs)
        for name, plc in world.plcs.items():
            plc.losing = 0
            if plc.lost:
                plc.lost = False
                world.reboot(name)
        world.settle()

    def arm_life(self, number: int) -> tuple[str, int] | None:
        """At which crash point a life is to end, after passing it how often; None: nowhere."""
        if self._world.healed:
            return None
        hard = self._options.has("crash_in_recovery")
        if hard and number > 1 and self._streams["crash_in_recovery"].below(6) < hard:
            return "recovery", 1 + self._streams["crash_in_recovery"].below(40)
        return None

    def power_fails(self) -> bool:
        """Whether the computer loses its power when the controller dies."""
        hard = self._options.has("power")
        return bool(hard) and not self._world.healed and self._streams["power"].below(6) < 2 * hard

    def explains(self, how: str) -> bool:
        """Whether a fault of the disk is the reason why a life ended by itself."""
        if how in ("JournalFull", "no room for a note"):
            return bool(self._options.has("full"))
        return how in ("JournalPoisoned", "OSError") and self._world.disk_failed

    def late_manifests(self, names: list[str]) -> dict[str, int]:
        """Which manifests come late, and when."""
        hard = self._options.has("late_manifest")
        if not hard:
            return {}
        stream = self._streams["late_manifest"]
        return {name: stream.below(self._options.safety_us) for name in names if stream.below(4) < hard}

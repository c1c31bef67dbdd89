"""Faults of the protocol level: of telegrams, and at places in this level's driver. Those of both are in `shared_faults`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from packcenter.core import inputs as i
from packcenter.plc.image import encode_in
from simulation.clock import FAULT, INPUT
from simulation.draws import Stream
from simulation.explore import letters, paperwork, receipt_files
from simulation.explore.closing import CLOSING_FAULTS
from simulation.explore.counters import COUNTER_FAULTS
from simulation.explore.path import REPLY, REQUEST, Cable
from simulation.explore.points import PLC_POINTS, PROCESS_POINTS
from simulation.explore.rates import Rates
from simulation.explore.scenarios import LATE, LOOPS
from simulation.explore.shared_faults import (
    ACTS,
    COMPUTER_FAULTS,
    CRAM,
    LAST_ACTS,
    LAST_LUCK_KINDS,
    LATER_ACTS,
    LATER_DISK_FAULTS,
    LATEST_FAULTS,
    LUCK_KINDS,
    PLC_FAULTS,
    WRAP,
    plc_of,
)
from simulation.explore.staff import SERVICE_FAULTS, STAFF_FAULTS
from simulation.explore.striking import SECOND, Fault, Striker, by_name

if TYPE_CHECKING:
    from simulation.explore.protocol import ProtocolWorld

Do = Callable[["ProtocolWorld", Stream, int], str | None]
_TEARS: Final = ("before a group is written", "group written", "before a segment has its name", "snapshot renamed")
"""Crash points after which a power loss leaves most to luck."""


def _cables(world: ProtocolWorld, stream: Stream) -> list[Cable]:
    """Some cables: mostly one, sometimes all."""
    cables = list(world.cables.values())
    if stream.below(8) == 0:
        return cables
    return [cables[stream.below(len(cables))] for _ in range(1 + stream.below(2))]


def _named(cables: list[Cable]) -> str:
    return ", ".join(dict.fromkeys(cable.plc.name for cable in cables))


def _episode(
    world: ProtocolWorld, cables: list[Cable], us: int, begin: Callable[[Rates], None], end: Callable[[Rates], None]
) -> None:
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


def _troubled(field: str, rates: tuple[int, int, int], most_us: int) -> Do:
    """An episode in which telegrams meet a fault, in thousandths by hardness."""

    def do(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
        cables, us = _cables(world, stream), 200_000 + stream.below(most_us)
        rate = rates[hard - 1]
        _episode(world, cables, us, lambda r: setattr(r, field, rate), lambda r: setattr(r, field, 0))
        return f"{_named(cables)}: {rate / 10} % of telegrams for {us / 1e6:.1f} s"

    return do


def _half_open(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """One way is dead, and nobody says so; or both."""
    ways = ((REQUEST,), (REPLY,), (REQUEST, REPLY))[stream.below(3)]
    cables, us = _cables(world, stream), 300_000 + stream.below(6 * SECOND)

    def begin(rates: Rates) -> None:
        rates.lost_ways = frozenset(ways)

    def end(rates: Rates) -> None:
        rates.lost_ways = frozenset()

    _episode(world, cables, us, begin, end)
    return f"{_named(cables)}: {' and '.join(ways)} vanish for {us / 1e6:.1f} s"


def _cut(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
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


def _replay(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
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


# --- PLCs and the controller ---------------------------------------------------------------------------------------------


def _echo(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
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


def _poison(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """The controller fails at the next event of a kind: it ends with a note, and the next run sets the event aside."""
    life = world.life
    if life is None or life.fails_on is not None:
        return None
    life.fails_on = _FAILS_ON[stream.below(len(_FAILS_ON))]
    return f"the controller is to fail at the next {life.fails_on.__name__}"


def _lose_power(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """A PLC loses its memory in the middle of something: when it has made an event, taken a command, or was just acknowledged."""
    name = plc_of(world, stream)
    if name in world.armed_plcs:
        return None
    points = [point for point in PLC_POINTS if point != "command received"]
    world.armed_plcs[name] = (points[stream.below(len(points))], 1 + stream.below(4))
    return f"{name} is to lose its memory at {world.armed_plcs[name][0]!r}"


def _profile(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """People load another profile into a PLC that runs, and ours again after a while: in between it is read and never written."""
    name = plc_of(world, stream)
    cable, plc = world.cables[name], world.plcs[name]
    cable.flush()
    plc.load(world.profile_digest ^ 1 + stream.below(0xFFFF))
    us = 100_000 + stream.below(8 * SECOND)

    def over(_: None) -> None:
        cable.flush()
        plc.load(world.profile_digest)
        cable.keep_ticking()
        cable.trouble()

    world.clock.at(us, FAULT, over, None)
    cable.trouble()
    return f"{name} has another profile for {us / 1e6:.1f} s"


def _kill(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """At once, or when the next group has been written and not synced: that is when a power loss tears."""
    if stream.below(2) or world.life is None or world.life.armed is not None:
        return "the controller" if world.kill("kill") else None
    world.life.armed = ("group written", 1)
    world.life.listen()
    return "the controller, within its next group"


def _stop(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """People stop the service in good order; the supervisor starts it again."""
    life = world.life
    if life is None or not life.serving or life.stopping:
        return None
    life.stop()
    return "the controller is asked to end"


def _crash_point(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """The controller is to die at a named point, which it passes sooner or later."""
    life = world.life
    if life is None or life.armed is not None:
        return None
    points = _TEARS if world.options.has("power") and stream.below(2) else (*PROCESS_POINTS, *PLC_POINTS)
    life.armed = (points[stream.below(len(points))], 1 + stream.below(4))
    life.listen()
    return f"the controller is to die at {life.armed[0]!r}, passing it {life.armed[1]} times"


# --- the table -------------------------------------------------------------------------------------------------------------


_NETWORK: Final[tuple[Fault[ProtocolWorld], ...]] = (
    Fault("drop", "network", 40 * SECOND, _troubled("drop", (20, 100, 400), 8 * SECOND)),
    Fault("delay", "network", 40 * SECOND, _troubled("delay", (20, 100, 400), 8 * SECOND)),
    Fault("duplicate", "network", 40 * SECOND, _troubled("duplicate", (50, 200, 600), 8 * SECOND)),
    Fault("corrupt", "network", 40 * SECOND, _troubled("corrupt", (20, 100, 400), 8 * SECOND)),
    Fault("cut_frame", "network", 60 * SECOND, _troubled("cut_frame", (10, 50, 200), 5 * SECOND)),
    Fault("reset", "network", 60 * SECOND, _troubled("reset", (10, 50, 200), 5 * SECOND)),
    Fault("half_open", "network", 60 * SECOND, _half_open),
    Fault("cut", "network", 60 * SECOND, _cut),
    Fault("replay", "network", 30 * SECOND, _replay),
)
_KILLS: Final[tuple[Fault[ProtocolWorld], ...]] = (
    Fault("kill", "controller", 60 * SECOND, _kill),
    Fault("stop", "controller", 150 * SECOND, _stop),
    Fault("crash_point", "controller", 40 * SECOND, _crash_point),
)
# Their order is that in which `swarm` draws: a class that moves gives every seed other faults.
FAULTS: Final[Mapping[str, Fault[ProtocolWorld]]] = by_name(
    *_NETWORK,
    *PLC_FAULTS,
    Fault("echo", "controller", 30 * SECOND, _echo),
    WRAP,
    *_KILLS,
    *COMPUTER_FAULTS,
    Fault("poison", "controller", 60 * SECOND, _poison),
    Fault("lose_power", "plc", 40 * SECOND, _lose_power),
    *ACTS,
)
_NEWEST: Final = (*paperwork.PAPER_FAULTS, *receipt_files.RECEIPT_FILE_FAULTS)
_LAST: Final = (*COUNTER_FAULTS, CRAM)
_LATER: Final = by_name(
    *LATER_ACTS,
    Fault("profile", "plc", 60 * SECOND, _profile),
    *LATER_DISK_FAULTS,
    *STAFF_FAULTS,
    *LATEST_FAULTS,
    *CLOSING_FAULTS,
    *SERVICE_FAULTS,
    *LAST_ACTS,
    *_NEWEST,
    *_LAST,
)
KINDS: Final[Mapping[str, str]] = {
    **{name: fault.kind for name, fault in FAULTS.items()},
    **LUCK_KINDS,
    **{name: fault.kind for name, fault in _LATER.items() if fault not in (*_NEWEST, *_LAST)},
    LOOPS: "staff",  # drawn behind all others, with people who act
    **LAST_LUCK_KINDS,
    LATE: "manifest",
    paperwork.NAME: "papers",
    **{fault.name: fault.kind for fault in _NEWEST},
    letters.NAME: "staff",  # a plan that combines letters, and a day of them; drawn behind all others
    **{fault.name: fault.kind for fault in _LAST},
}
"""Every fault class with its kind, in an order that is always the same."""


class Faults(Striker["ProtocolWorld"]):
    """The faults of one run."""

    recovery_steps = 40

    def __init__(self, world: ProtocolWorld) -> None:
        super().__init__(world, {**FAULTS, **_LATER}, KINDS)

    def heal(self) -> None:
        """Cables are sound, nothing is armed any more, and the rest."""
        world = self._world
        world.flush()
        for name, cable in world.cables.items():
            cable.rates = Rates()
            world.plcs[name].load(world.profile_digest)
        world.armed_plcs.clear()
        if world.life is not None:
            world.life.armed = world.life.fails_on = None
            world.life.resume()
        paperwork.heal(world)
        super().heal()

    def arm_life(self, number: int) -> tuple[str, int] | None:
        """At which crash point a life is to end, after passing it how often; None: nowhere."""
        step = self.recovery_ends(number)
        return None if step is None else ("recovery", 1 + step)

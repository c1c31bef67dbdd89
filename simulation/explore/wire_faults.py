"""
Faults of the wire level: what happens to bytes and connections, and how a process may end between any two of its steps.

Those of PLCs, disk, clock, manifests and people are in `shared_faults`. What a datagram can suffer and TCP forbids (a lost,
doubled or overtaken telegram) is not here; a `replay` is: somebody with a copy of old requests sends them over a connection of
his own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from simulation.clock import FAULT
from simulation.draws import Stream
from simulation.explore import paperwork
from simulation.explore.closing import CLOSING_FAULTS
from simulation.explore.counters import COUNTER_FAULTS
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
)
from simulation.explore.staff import STAFF_FAULTS
from simulation.explore.striking import SECOND, Fault, Striker, by_name
from simulation.virtual.net import Link

if TYPE_CHECKING:
    from simulation.explore.wire import WireWorld


def _links(world: WireWorld, stream: Stream) -> list[Link]:
    """Some cables: mostly one, sometimes all."""
    links = list(world.virtual.links.values())
    if stream.below(8) == 0:
        return links
    picked = [links[stream.below(len(links))] for _ in range(1 + stream.below(2))]
    return list(dict.fromkeys(picked))


def _ways(stream: Stream) -> tuple[bool, ...]:
    """To the server, to the client, or both."""
    return ((True,), (False,), (True, False))[stream.below(3)]


def _named(links: list[Link]) -> str:
    return ", ".join(link.name for link in links)


def _for_a_while(world: WireWorld, links: list[Link], us: int) -> None:
    """Heal these cables after so long."""

    def over(link: Link) -> None:
        link.restore()

    for link in links:
        world.clock.at(us, FAULT, over, link)


def _delay(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """Every byte takes longer: a little, as long as a request may wait, or twenty seconds."""
    links, us = _links(world, stream), 200_000 + stream.below(8 * SECOND)
    most_us = (100_000, SECOND, 20 * SECOND)[stream.below(3)]
    delay_us = 1 + stream.below(most_us * hard // 3 + 1)
    for to_server in _ways(stream):
        for link in links:
            link.spoil(to_server=to_server, delay_us=delay_us)
    _for_a_while(world, links, us)
    return f"{_named(links)}: {delay_us / 1e3:.1f} ms more for {us / 1e6:.1f} s"


def _half_open(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """One way is dead, and nobody says so; or both."""
    links, us, ways = _links(world, stream), 300_000 + stream.below(6 * SECOND), _ways(stream)
    for link in links:
        link.stall(to_server=True in ways, to_client=False in ways)
    _for_a_while(world, links, us)
    return f"{_named(links)}: silence {'to the PLC' if ways == (True,) else 'from the PLC' if ways == (False,) else 'both ways'}"


def _reset(world: WireWorld, stream: Stream, hard: int) -> str | None:
    links = _links(world, stream)
    for number in range(1 + stream.below(2 * hard)):
        for link in links:
            world.clock.at(number * stream.below(400_000), FAULT, lambda link: link.reset(), link)
    return _named(links)


def _cut_frame(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """The connection ends after so many more bytes, in the middle of a telegram or between two."""
    links = _links(world, stream)
    for link in links:
        link.spoil(to_server=bool(stream.below(2)), cut_after=stream.below(800))
    _for_a_while(world, links, 2 * SECOND)
    return _named(links)


def _corrupt(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """A bad gateway flips bits now and then."""
    links = _links(world, stream)

    def flip(link: Link) -> None:
        link.spoil(to_server=bool(stream.below(2)), flip_after=stream.below(700), flip_bits=1 << stream.below(8))

    times = 1 + stream.below(6 * hard)
    for number in range(times):
        for link in links:
            world.clock.at(number * 150_000 + stream.below(150_000), FAULT, flip, link)
    _for_a_while(world, links, (times + 2) * 150_000)
    return f"{_named(links)}: {times} bytes"


def _pieces(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """Telegrams arrive in small pieces."""
    links, us = _links(world, stream), SECOND + stream.below(6 * SECOND)
    size = 1 + stream.below(60)
    for to_server in _ways(stream):
        for link in links:
            link.spoil(to_server=to_server, piece_bytes=size)
    _for_a_while(world, links, us)
    return f"{_named(links)}: pieces of {size} bytes for {us / 1e6:.1f} s"


def _refuse(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """Connections end, and no new one is made: refused, or not even that."""
    links, us = _links(world, stream), 300_000 + stream.below(8 * SECOND)
    swallows = bool(stream.below(2))
    for link in links:
        link.shut(refuses=not swallows, swallows=swallows)
        link.reset()
    _for_a_while(world, links, us)
    return f"{_named(links)}: {'nobody answers' if swallows else 'refused'} for {us / 1e6:.1f} s"


def _cut(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """Cables are pulled together, and put back one by one in any order."""
    left = list(world.virtual.links.values())
    count = len(left) if stream.below(3) == 0 else 1 + stream.below(len(left))
    if count == len(left):
        world.notes.met("links cut and restored one by one")
    us, told = stream.below(4 * SECOND), []
    for _ in range(count):
        link = left.pop(stream.below(len(left)))
        us += 200_000 + stream.below(2 * SECOND)
        link.stall()
        _for_a_while(world, [link], us)
        told.append(f"{link.name} for {us / 1e6:.1f} s")
    return ", ".join(told)


def _replay(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """An adversary with a connection of his own sends old Modbus requests of any epoch once more."""
    known = [name for name in world.virtual.links if world.overheard.get(name)]
    if not known:
        return None
    name = known[stream.below(len(known))]
    kept = world.overheard[name]
    frames = [kept[stream.below(len(kept))] for _ in range(1 + stream.below(3 * hard))]
    link = world.settings_of[name]

    async def play() -> None:
        try:
            async with asyncio.timeout(3):
                transport, _ = await world.virtual.loop.create_connection(asyncio.Protocol, link.host, link.port)
        except (OSError, TimeoutError):
            return
        for frame in frames:
            transport.write(frame)
            await asyncio.sleep(0.02)
        transport.close()

    world.adversary.spawn(play(), f"replay to {name}")
    return f"{name}: {len(frames)} old requests come again"


# --- the controller's process ----------------------------------------------------------------------------------------


def _kill(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """The controller is killed, whatever it waits for."""
    return "the controller" if world.kill("kill") else None


def _crash_step(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """The controller is killed in the middle of one of its next steps."""
    life = world.virtual.life
    if life is None or not life.started or world.virtual.clock.fuse is not None:
        return None
    reads = 1 + stream.below((10, 300, 3_000)[stream.below(3)])
    world.virtual.kill_at_clock_read(reads, lambda: world.kill("step"))
    return f"the controller ends when it reads its clock {reads} times"


def _crash_disk(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """It is killed before or after one of the next operations of its disk."""
    life = world.virtual.life
    if life is None:
        return None
    number = stream.below((8, 60)[stream.below(2)])
    world.kill_in_disk(number)
    return f"the controller ends within operation {number // 2} of its disk"


def _plc_clock(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """Somebody sets the wall clock of the PLCs: their values' times jump, and so do the lives of their security tokens."""
    by_us = (1 + stream.below((5, 600, 6 * 3600)[stream.below(3)])) * SECOND * (1 if stream.below(2) else -1)
    world.virtual.plant_clock.step_wall(by_us)
    return f"the PLCs' wall clock steps by {by_us / 1e6:.0f} s"


def _stop(world: WireWorld, stream: Stream, hard: int) -> str | None:
    """Somebody stops the controller in good order; the supervisor starts it again."""
    life = world.virtual.life
    if life is None or not life.started or not life.process.running:
        return None
    world.virtual.stop_service()
    return "the controller is asked to stop"


_WIRE: Final[tuple[Fault[WireWorld], ...]] = (
    Fault("delay", "network", 40 * SECOND, _delay),
    Fault("half_open", "network", 50 * SECOND, _half_open),
    Fault("reset", "network", 40 * SECOND, _reset),
    Fault("cut_frame", "network", 40 * SECOND, _cut_frame),
    Fault("corrupt", "network", 30 * SECOND, _corrupt),
    Fault("pieces", "network", 50 * SECOND, _pieces),
    Fault("refuse", "network", 60 * SECOND, _refuse),
    Fault("cut", "network", 60 * SECOND, _cut),
    Fault("replay", "network", 30 * SECOND, _replay),
    Fault("plc_clock", "clock", 60 * SECOND, _plc_clock),
    Fault("kill", "controller", 60 * SECOND, _kill),
    Fault("crash_step", "controller", 60 * SECOND, _crash_step),
    Fault("stop", "controller", 120 * SECOND, _stop),
    Fault("crash_disk", "controller", 60 * SECOND, _crash_disk),
)
WIRE_FAULTS: Final[Mapping[str, Fault[WireWorld]]] = by_name(*_WIRE, *PLC_FAULTS, WRAP, *COMPUTER_FAULTS, *ACTS)
"""Every fault class of the wire level by its name, in an order that is always the same; `luck_*` come on top."""

_LAST: Final = (*COUNTER_FAULTS, CRAM, *STAFF_FAULTS, *CLOSING_FAULTS)
_LATER: Final[Mapping[str, Fault[WireWorld]]] = by_name(*LATER_ACTS, *LATER_DISK_FAULTS, *LATEST_FAULTS, *LAST_ACTS, *_LAST)

WIRE_KINDS: Final[Mapping[str, str]] = {
    **{name: fault.kind for name, fault in WIRE_FAULTS.items()},
    **{name: kind for name, kind in LUCK_KINDS.items() if kind == "luck"},
    **{name: fault.kind for name, fault in _LATER.items() if fault not in _LAST},
    **LAST_LUCK_KINDS,
    LOOPS: "staff",
    LATE: "manifest",
    paperwork.NAME: "papers",
    **{fault.name: fault.kind for fault in _LAST},
}
"""Every fault class with its kind, for the swarm."""


class WireFaults(Striker["WireWorld"]):
    """The faults of one run; a recovery ends within an operation of its disk."""

    recovery_steps = 80

    def __init__(self, world: WireWorld) -> None:
        super().__init__(world, {**WIRE_FAULTS, **_LATER}, WIRE_KINDS)

    def explains(self, how: str) -> bool:
        """Whether a fault of the disk is the reason why a life ended by itself."""
        if how == "TimeoutError":  # a stop in good order, which waits for the disk and takes no longer than 5 s
            return any(self._options.has(name) for name in ("stall", "long_stall", "slow_disk", "pause"))
        return super().explains(how)

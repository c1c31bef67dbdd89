"""
What can go wrong on the wire between packcenter and a PLC, and when: plans drawn from a seed, as plain records.

The same seed, number and links give the same plan, on every machine. What the plan then meets does not follow the seed:
real processes are where they are, so a plan makes a failure likely again, not certain. `str(fault)` is a line of a
timeline that people can read.

    delay      each chunk waits                       cut        the next chunk ends in the middle, then the connection
    stall      silence, TCP stays alive: half-open    slam       connections are taken and ended early
    segment    chunks come in pieces of 1 to 3 bytes  refuse     nobody listens
    cap        so many bytes a second                 reset      RST to both sides
    corrupt    one or two bytes are changed           duplicate  a chunk comes twice
    replay     an old chunk comes again, perhaps of an earlier connection
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

from simulation.draws import Stream

_T = TypeVar("_T")

TO_PLC = "to_plc"
FROM_PLC = "from_plc"
BOTH = "both"
WAYS = (TO_PLC, FROM_PLC, BOTH)

ALWAYS = 0
"""As `lasts_us`: until healing."""

SHORTEST_US = 50_000
"""A fault that is over sooner meets no telegram: links exchange every 10 ms, and some rest up to 100 ms."""


class Kind(StrEnum):
    """What a fault does; the head of this module says how."""

    DELAY = "delay"
    STALL = "stall"
    SEGMENT = "segment"
    CAP = "cap"
    CORRUPT = "corrupt"
    REPLAY = "replay"
    DUPLICATE = "duplicate"
    RESET = "reset"
    CUT = "cut"
    SLAM = "slam"
    REFUSE = "refuse"


AMOUNTS: dict[Kind, tuple[str, tuple[tuple[int, int], ...]]] = {
    Kind.DELAY: ("us a chunk", ((1_000, 30_000), (30_000, 300_000), (300_000, 3_000_000))),
    Kind.STALL: ("", ((0, 0),)),
    Kind.SEGMENT: ("bytes a piece", ((1, 1), (2, 3))),
    Kind.CAP: ("bytes/s", ((200, 2_000), (2_000, 20_000))),
    Kind.CORRUPT: ("of 1000 chunks", ((20, 200), (1_000, 1_000))),
    Kind.REPLAY: ("of 1000 chunks", ((20, 200), (500, 1_000))),
    Kind.DUPLICATE: ("of 1000 chunks", ((20, 200), (500, 1_000))),
    Kind.RESET: ("", ((0, 0),)),
    Kind.CUT: ("of 1000 bytes pass", ((0, 999),)),
    Kind.SLAM: ("bytes pass", ((0, 0), (1, 400))),
    Kind.REFUSE: ("", ((0, 0),)),
}
"""What `Fault.amount` counts, and the ranges it is drawn from, each as likely as the others."""

_ONE_WAY = frozenset({Kind.DELAY, Kind.STALL, Kind.SEGMENT, Kind.CAP, Kind.CORRUPT, Kind.REPLAY, Kind.DUPLICATE, Kind.CUT})
_AT_ONCE = frozenset({Kind.RESET, Kind.CUT})


@dataclass(frozen=True)
class Fault:
    """
    One fault on one link: `way` it acts on, when it begins (`at_us` after its plan does), how long it lasts.

    `lasts_us` 0 is until healing; a `reset` acts once, a `cut` on the next chunk. `amount` is in the unit of `AMOUNTS`.
    """

    link: str
    kind: Kind
    way: str = BOTH
    at_us: int = 0
    lasts_us: int = ALWAYS
    amount: int = 0

    def acts_on(self, way: str) -> bool:
        """Whether chunks of this way are met."""
        return self.way in (BOTH, way)

    def __str__(self) -> str:
        way = {TO_PLC: " to the PLC", FROM_PLC: " from the PLC", BOTH: ""}[self.way]
        unit = AMOUNTS[self.kind][0]
        amount = f", {self.amount} {unit}" if unit else ""
        lasts = "" if self.kind in _AT_ONCE else f" for {self.lasts_us / 1e6:.3f} s" if self.lasts_us else " until healing"
        return f"{self.at_us / 1e6:7.3f} s  {self.link:<10} {self.kind}{way}{lasts}{amount}"

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """The fault that `plain` was made of. Raises `TypeError` or `ValueError` for anything else."""
        fault = cls(**{**plain, "kind": Kind(plain["kind"])})
        if fault.way not in WAYS:
            raise ValueError(f"way {fault.way!r}, expected one of {', '.join(WAYS)}")
        return fault


def storm(seed: int, number: int, links: Sequence[str], lasts_us: int) -> list[Fault]:
    """Storm `number` of a seed: on one to all links one to three faults each, all over after `lasts_us`. In order of time."""
    stream = Stream(seed, "proxy storm", number)
    faults = []
    for link in mixed(stream, links)[: stream.between(1, len(links))]:
        for _ in range(stream.between(1, 3)):
            faults.append(_drawn(stream, link, lasts_us))
    return sorted(faults, key=lambda fault: (fault.at_us, fault.link, fault.kind))


def _drawn(stream: Stream, link: str, lasts_us: int) -> Fault:
    kind = list(Kind)[stream.below(len(Kind))]
    way = WAYS[stream.below(len(WAYS))] if kind in _ONE_WAY else BOTH
    at_us = stream.below(max(1, lasts_us - SHORTEST_US))
    left_us = max(SHORTEST_US, lasts_us - at_us)
    lasts = stream.between(SHORTEST_US, left_us)
    ranges = AMOUNTS[kind][1]
    amount = stream.between(*ranges[stream.below(len(ranges))])
    return Fault(link, kind, way, at_us, lasts, amount)


def swizzle(seed: int, number: int, links: Sequence[str], lasts_us: int) -> list[Fault]:
    """
    Swizzle-clog: every link falls silent, one by one in random order, and comes back, one by one in another.

    For a moment in the middle none is left. Half of the links are reset when they come back, as a router does that has
    forgotten its connections; the others get what was held.
    """
    stream = Stream(seed, "proxy swizzle", number)
    gap_us = max(1, lasts_us // (2 * len(links)))
    back = {link: lasts_us - place * gap_us for place, link in enumerate(mixed(stream, links))}
    faults = []
    for place, link in enumerate(mixed(stream, links)):
        at_us = place * gap_us
        faults.append(Fault(link, Kind.STALL, BOTH, at_us, back[link] - at_us))
        if stream.below(2):
            faults.append(Fault(link, Kind.RESET, BOTH, back[link]))
    return sorted(faults, key=lambda fault: (fault.at_us, fault.link, fault.kind))


def drizzle(seed: int, number: int, links: Sequence[str], lasts_us: int) -> list[Fault]:
    """
    A bad cable everywhere: all the time some chunk of each link is changed, and what comes is slow, in pieces, or old.

    Rare enough that links live between two of them, so that what is wrong is met in full run.
    """
    stream = Stream(seed, "proxy drizzle", number)
    faults = []
    for link in links:
        for way in (TO_PLC, FROM_PLC):
            faults.append(Fault(link, Kind.CORRUPT, way, 0, lasts_us, stream.between(5, 60)))
        kind, most = SOFT[stream.below(len(SOFT))]
        faults.append(Fault(link, kind, WAYS[stream.below(len(WAYS))], 0, lasts_us, stream.between(1, most)))
    return faults


SOFT = ((Kind.DELAY, 30_000), (Kind.SEGMENT, 3), (Kind.DUPLICATE, 20), (Kind.REPLAY, 20))
"""What comes with a drizzle, and the largest amount of it."""


def mixed(stream: Stream, those: Sequence[_T]) -> list[_T]:
    """All of `those` in a drawn order."""
    left = list(those)
    return [left.pop(stream.below(len(left))) for _ in those]


def timeline(title: str, faults: Sequence[Fault]) -> str:
    """A plan as people read it."""
    return "\n".join([f"{title}: {len(faults)} faults", *(f"  {fault}" for fault in faults)])

"""What an act is, and what acts share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from simulation.draws import Stream
from simulation.packml_unit import Machine
from simulation.plant.hall import Plant
from simulation.plant.lane import Lane
from simulation.plant.sorter import SorterProgram
from simulation.truth import Document

T = TypeVar("T")
_EVENTS_PER_THING: Final = 3
_ROOM: Final = 24  # events of an act, of its end and of the restart after it


class FaultyPlc(Protocol):
    """What can happen to a PLC: to `LinePlc` and to `FastPlc`. A fault that it cannot show returns False and changes nothing."""

    name: str
    nonce: int

    def can_tell(self, events: int) -> bool:
        """Whether its ring has room for so many events."""
        ...

    def reboot(self, nonce: int) -> None:
        """Lose all memory and begin a new life under a nonce that no life had."""
        ...

    def lose_memory(self, nonce: int) -> None:
        """The same from inside an event of the plant's clock."""
        ...

    def dip(self) -> bool:
        """Power fails for a moment: memory, nonce, ring, epoch and tracking are kept, the machine stops. False: it is off."""
        ...

    def halt(self) -> bool:
        """Go to STOP: program and heartbeat stand still, the server answers with the old image."""
        ...

    def run(self) -> bool:
        """Go to RUN again, with all memory."""
        ...

    def scan_every(self, us: int) -> bool:
        """The program sees its inputs and sets its outputs only every `us`; 0: at once, as it should."""
        ...

    def freeze(self) -> bool:
        """The heartbeat counter stands still, the program goes on."""
        ...

    def spoil(self, reads: int, words: int) -> bool:
        """The next `reads` of `Out` show an older image in their first `words` words: all 125 is old, fewer is torn."""
        ...

    def near_wrap(self, nonce: int, first_track: int) -> bool:
        """Begin a new life whose heartbeat and clock are about to wrap, with this track id."""
        ...

    def heal(self) -> None:
        """Run, at the usual pace, with a heartbeat and a true image."""
        ...


Plcs = Mapping[str, FaultyPlc]


class Act(msgspec.Struct, frozen=True):
    """
    Something that goes wrong at a moment. `kind`: plc, people, line, scanner, printer or scale.

    `do` acts now and says what it did in one line; None if there is nothing that it could be done to, then nothing has
    changed. `lasts`: it goes on until `heal_all`.
    """

    name: str
    kind: str
    do: Callable[[Plant, Plcs, Stream], str | None]
    lasts: bool = False


Do = Callable[[Plant, Plcs, Stream], str | None]

REGISTERED: Final[dict[str, Act]] = {}
"""The acts in the order in which their modules define them."""


def act(name: str, kind: str, *, lasts: bool = False) -> Callable[[Do], None]:
    """Register a function as the act of this name."""

    def note(do: Do) -> None:
        assert name not in REGISTERED, name
        REGISTERED[name] = Act(name, kind, do, lasts)

    return note


def pick(stream: Stream, things: Sequence[T]) -> T | None:
    """One of them, drawn; None of none."""
    return things[stream.below(len(things))] if things else None


def can_tell(plcs: Plcs, machine: Machine) -> bool:
    """Whether what the act causes has room in the ring, beside what the things on the machine may cause."""
    return plcs[machine.name].can_tell(_ROOM + _EVENTS_PER_THING * (machine.busy() + 1))


def nonce(stream: Stream) -> int:
    """A boot nonce that no life had, by all that is likely."""
    return 1 + stream.below(0xFFFF_FFFF)


def called(document: Document) -> str:
    """What people call it."""
    return document.code or "a thing without a code"


def lane_that(plant: Plant, plcs: Plcs, stream: Stream, fits: Callable[[Lane], bool]) -> tuple[SorterProgram, Lane] | None:
    """A lane that fits, with its sorter."""
    return pick(
        stream,
        [(sorter, lane) for sorter in plant.sorters if can_tell(plcs, sorter) for lane in sorter.lanes.values() if fits(lane)],
    )

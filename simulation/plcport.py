"""
The two faces between a PLC and the machine program that runs in it.

A machine of `simulation.plant` is a `Program`; it makes events through a `PlcPort` and never sees images, rings
or sockets. `simulation.lineplc.LinePlc` is the port with a ring and real images; the fast simulation has a port
of its own that hands events straight to the controller.
"""

from __future__ import annotations

from typing import Final, Protocol, runtime_checkable

from packcenter.plc.line import LineCommand

EVENTS_PER_ITEM: Final = 3
"""Scanned, diverted, and one more (lost, place full) at worst: invariant E5."""

RING_EVENTS: Final = 256
"""Events that a PLC keeps until they are acknowledged: one busy belt (some 40 items) at three events each, twice over."""


class PlcPort(Protocol):
    """
    What a machine program may use of its PLC.

    `lost_events`: how many events packcenter had not acknowledged when the PLC lost its memory last.
    """

    name: str
    lost_events: int

    def report(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, c: int = 0, code: str = "") -> None:
        """
        Make an event, stamped with the PLC's time now.

        Only while an epoch is granted: a PLC without one is quiet (`AssertionError`), because its events
        could not be numbered. The end of a command is `report(EventKind.COMMAND_RESULT, a=result, c=command.number)`.
        """
        ...

    def infeed_allowed(self, items_on_belt: int) -> bool:
        """Whether one more item may be let in: epoch granted, packcenter alive, and room in the ring for all it may cause."""
        ...

    def can_tell(self, events: int) -> bool:
        """Whether so many events have room; those that nobody asks for need none."""
        ...

    def may_act(self, events: int) -> bool:
        """The same, or all that was told is acknowledged: more room there will never be, so whatever is asked is done now."""
        ...

    def set_state(self, packml_state: int) -> None:
        """Show a PackML state (word 7). It makes no event; report kind 40 for that."""
        ...

    def set_places(self, open_bits: int) -> None:
        """Show which lanes, infeeds, cells or positions are open: bit 0 is place 1 (words 14 and 15)."""
        ...

    @property
    def epoch(self) -> int:
        """The epoch in force; 0 = none granted."""
        ...

    @property
    def first_track(self) -> int:
        """The track id with which the present life begins; 1 unless somebody wants to see it wrap."""
        ...

    def now_ms(self) -> int:
        """PLC time in milliseconds modulo 65536: the clock that deadlines of commands are compared with."""
        ...


class Program(Protocol):
    """
    What a PLC calls in its machine program, one call at a time and never from inside another.

    Physical objects on the machine outlive every call here; what a program remembers about them does not outlive
    `on_reboot`.
    """

    def on_granted(self) -> None:
        """An epoch was granted: report the PackML state (kind 40) and each place that is not open (kind 5)."""
        ...

    def on_command(self, command: LineCommand) -> None:
        """A command of the epoch in force, each number once, in order. Answer it by an event, kind 50 if no other fits."""
        ...

    def on_peer_lost(self) -> None:
        """packcenter's heartbeat stands still: stop the infeed, let the belt run out to the fallback lanes."""
        ...

    def on_peer_back(self) -> None:
        """packcenter's heartbeat moves again and the epoch is still the granted one."""
        ...

    def on_reboot(self) -> None:
        """The PLC's memory is lost: forget tracks, jobs and the drop table. The physical objects stay where they are."""
        ...


@runtime_checkable
class BusyProgram(Protocol):
    """A machine program that knows how many things in the machine cause events without asking for room first."""

    def at_work(self) -> int:
        """How many."""
        ...


@runtime_checkable
class FaultyProgram(Protocol):
    """What a machine program must be able to live through as well, so that its PLC can be made to fail in all the ways it can."""

    def on_halt(self) -> None:
        """The PLC went to STOP: outputs are off, and no step of the program happens before `on_run`."""
        ...

    def on_run(self) -> None:
        """The PLC is in RUN again, with all its memory."""
        ...

    def on_power_dip(self) -> None:
        """Power failed for a moment: the machine stops, the memory is whole."""
        ...

    def on_scan_time(self, us: int) -> None:
        """The program runs only every `us` microseconds of plant time; 0: at once."""
        ...

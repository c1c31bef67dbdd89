"""One step of the controller as its rules see it: the state, the time, and the two things a rule may do, emit and ask."""

from __future__ import annotations

from packcenter.core.commands import Command
from packcenter.core.facts import EventSetAside, Fact
from packcenter.core.index import HallIndex
from packcenter.core.inputs import PlcEvent
from packcenter.core.packml import State as Unit
from packcenter.core.state import EVOLVE, Item, Plc, State, remember


class Turn:
    """
    What a rule gets. `emit` makes a fact true at once; `ask` keeps a command until it is answered.

    Rules never change `state` themselves.
    """

    __slots__ = ("at_us", "commands", "facts", "index", "state")

    def __init__(self, state: State, index: HallIndex, at_us: int) -> None:
        self.state = state
        self.index = index
        self.at_us = at_us
        self.facts: list[Fact] = []
        self.commands: list[Command] = []

    def emit(self, fact: Fact) -> None:
        """Make a fact true."""
        self.facts.append(fact)
        EVOLVE[type(fact)](self.state, self.at_us, fact)

    def ask(self, command: Command) -> None:
        """Ask a machine for something. Its number is `next_number` of its PLC."""
        self.commands.append(command)
        remember(self.state, self.at_us, command)

    def next_number(self, plc: str) -> int:
        """The number that the next command for this PLC carries."""
        return self.state.plcs[plc].numbers + 1

    def plc(self, name: str) -> Plc:
        """The PLC of this name."""
        return self.state.plcs[name]

    def runs(self, plc: str) -> bool:
        """Whether the machine of this PLC is known to run."""
        machine = self.state.plcs[plc]
        return machine.up and machine.state == Unit.EXECUTE

    def item(self, name: str) -> Item:
        """The item of this id."""
        return self.state.items[name]

    def set_aside(self, event: PlcEvent, reason: str) -> None:
        """Say that an event changed nothing, and why: nothing is ignored in silence."""
        self.emit(EventSetAside(event.plc, event.epoch, event.seq, reason))

"""
PackML as data: the 17 states, 10 commands, state-complete transitions and modes of ISA-TR88.00.02-2022.

A machine leaves a *wait* state by a command; it leaves an *acting* state by itself when its work is done
(state complete, SC). Execute acts but never completes by itself: only Complete, Hold, Suspend, Stop or Abort end it.
Hold is for a machine's own cause (film, labels, a jam), Suspend for its neighbour's (starved, blocked, controller lost).

Both sides of the wire read this one table: the core to know what it may ask, the simulated machines to obey.
The only point in which published editions differ is where Hold is legal, so the masks are named variants:
`TR88_2022` (Execute, Suspended) and `TR88_2015_OPCUA` (the six sources of OPC 30050 1.01).
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import Final


class State(IntEnum):
    """PackML states; values are wire values. 0 (undefined) is what a machine says before its first scan."""

    UNDEFINED = 0
    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    SUSPENDED = 5
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    HOLDING = 10
    HELD = 11
    UNHOLDING = 12
    SUSPENDING = 13
    UNSUSPENDING = 14
    RESETTING = 15
    COMPLETING = 16
    COMPLETED = 17


class Command(IntEnum):
    """PackML commands (CntrlCmd); values are wire values."""

    RESET = 1
    START = 2
    STOP = 3
    HOLD = 4
    UNHOLD = 5
    SUSPEND = 6
    UNSUSPEND = 7
    ABORT = 8
    CLEAR = 9
    COMPLETE = 10


class Mode(IntEnum):
    """
    PackML unit modes (UnitModeCurrent); values are wire values, and those of OPC 30050 `ProductionMaintenanceModeEnum`.

    A machine shows its mode in word 7 of `Out` beside its state; by default it may change only in Stopped, Idle or Aborted,
    and the state must exist in both modes. Modes from 4 on are a vendor's own. packcenter commands a machine towards
    production only, and no event tells of a mode: people choose maintenance and manual at the machine.
    Other libraries swap 2 and 3, or count otherwise; a PLC's program must send these.
    """

    INVALID = 0
    PRODUCTION = 1
    MAINTENANCE = 2
    MANUAL = 3


STATES: Final = tuple(state for state in State if state is not State.UNDEFINED)

STATE_COMPLETE: Final = MappingProxyType(
    {
        State.CLEARING: State.STOPPED,
        State.STARTING: State.EXECUTE,
        State.STOPPING: State.STOPPED,
        State.ABORTING: State.ABORTED,
        State.HOLDING: State.HELD,
        State.UNHOLDING: State.EXECUTE,
        State.SUSPENDING: State.SUSPENDED,
        State.UNSUSPENDING: State.EXECUTE,
        State.RESETTING: State.IDLE,
        State.COMPLETING: State.COMPLETED,
    }
)
"""Where an acting state leads when its work is done."""

TARGETS: Final = MappingProxyType(
    {
        Command.RESET: State.RESETTING,
        Command.START: State.STARTING,
        Command.STOP: State.STOPPING,
        Command.HOLD: State.HOLDING,
        Command.UNHOLD: State.UNHOLDING,
        Command.SUSPEND: State.SUSPENDING,
        Command.UNSUSPEND: State.UNSUSPENDING,
        Command.ABORT: State.ABORTING,
        Command.CLEAR: State.CLEARING,
        Command.COMPLETE: State.COMPLETING,
    }
)
"""The acting state that a legal command leads into."""


ENDING: Final = (Command.STOP, Command.HOLD, Command.SUSPEND, Command.ABORT, Command.COMPLETE)
"""Commands that end Execute; after one of them that a person gave, nobody but a person starts the machine."""

RESUMING: Final = (Command.RESET, Command.START, Command.UNHOLD, Command.UNSUSPEND)
"""Commands that lead towards Execute."""


def mask(*states: State) -> int:
    """States as a bit mask, bit n for state n, as PackML writes its configuration words."""
    return sum(1 << state for state in frozenset(states))


ALL: Final = mask(*STATES)

TR88_2022: Final = mask(State.EXECUTE, State.SUSPENDED)  # holdCmdCfg default, 0x60
TR88_2015_OPCUA: Final = mask(
    State.EXECUTE, State.STARTING, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING, State.UNHOLDING
)
HOLD_MASKS: Final = MappingProxyType({"tr88_2022": TR88_2022, "tr88_2015_opcua": TR88_2015_OPCUA})
"""Where Hold is legal, by the name that a profile gives."""

LEGAL: Final = MappingProxyType(
    {
        Command.RESET: mask(State.STOPPED, State.COMPLETED),
        Command.START: mask(State.IDLE),
        Command.STOP: ALL & ~mask(State.STOPPED, State.STOPPING, State.CLEARING, State.ABORTING, State.ABORTED),
        Command.HOLD: TR88_2022,
        Command.UNHOLD: mask(State.HELD),
        Command.SUSPEND: mask(State.EXECUTE),
        Command.UNSUSPEND: mask(State.SUSPENDED),
        Command.ABORT: ALL & ~mask(State.ABORTING, State.ABORTED),
        Command.CLEAR: mask(State.ABORTED),
        Command.COMPLETE: mask(State.EXECUTE, State.HELD, State.SUSPENDED),
    }
)
"""The states in which each command is legal by TR88.00.02-2022 defaults, as masks."""


def next_state(state: State, command: Command, hold_mask: int = TR88_2022) -> State | None:
    """The acting state that `command` leads into from `state`; None if the command is not legal there."""
    legal = hold_mask if command is Command.HOLD else LEGAL[command]
    return TARGETS[command] if legal >> state & 1 else None


def is_acting(state: State) -> bool:
    """Whether the machine leaves `state` by itself when its work is done."""
    return state in STATE_COMPLETE

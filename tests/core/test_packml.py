"""Every cell of the PackML table against a list written down independently, from the standard's prose."""

from __future__ import annotations

import pytest

from packcenter.core.packml import (
    ALL,
    HOLD_MASKS,
    LEGAL,
    STATE_COMPLETE,
    STATES,
    TR88_2015_OPCUA,
    TR88_2022,
    Command,
    Mode,
    State,
    is_acting,
    next_state,
)

# One line per state, in the standard's numbering: the commands that are legal there, by number, and what each leads to.
# 1 Clearing 2 Stopped 3 Starting 4 Idle 5 Suspended 6 Execute 7 Stopping 8 Aborting 9 Aborted 10 Holding 11 Held
# 12 Unholding 13 Suspending 14 Unsuspending 15 Resetting 16 Completing 17 Completed
LEGAL_CELLS = {
    1: {8: 8},
    2: {1: 15, 8: 8},
    3: {3: 7, 8: 8},
    4: {2: 3, 3: 7, 8: 8},
    5: {3: 7, 4: 10, 7: 14, 8: 8, 10: 16},
    6: {3: 7, 4: 10, 6: 13, 8: 8, 10: 16},
    7: {8: 8},
    8: {},
    9: {9: 1},
    10: {3: 7, 8: 8},
    11: {3: 7, 5: 12, 8: 8, 10: 16},
    12: {3: 7, 8: 8},
    13: {3: 7, 8: 8},
    14: {3: 7, 8: 8},
    15: {3: 7, 8: 8},
    16: {3: 7, 8: 8},
    17: {1: 15, 3: 7, 8: 8},
}
COMPLETES = {1: 2, 3: 6, 7: 2, 8: 9, 10: 11, 12: 6, 13: 5, 14: 6, 15: 4, 16: 17}
HOLD_2015 = {3, 5, 6, 12, 13, 14}


@pytest.mark.parametrize("state", range(1, 18))
@pytest.mark.parametrize("command", range(1, 11))
def test_each_of_the_170_cells_is_as_the_standard_says(state: int, command: int) -> None:
    """A command leads where the standard says, and nowhere at all where it is not legal."""
    expected = LEGAL_CELLS[state].get(command)
    assert next_state(State(state), Command(command)) == expected


@pytest.mark.parametrize("state", range(1, 18))
def test_each_state_completes_as_the_standard_says(state: int) -> None:
    """The ten acting states complete into their wait state; Execute and the wait states never do."""
    assert STATE_COMPLETE.get(State(state)) == COMPLETES.get(state)
    assert is_acting(State(state)) == (state in COMPLETES)


def test_the_table_has_39_legal_cells_and_10_completions() -> None:
    """The counts that the standard's reference gives, so that a cell missing from both lists shows."""
    assert sum(len(cells) for cells in LEGAL_CELLS.values()) == 39
    assert sum(mask.bit_count() for mask in LEGAL.values()) == 39
    assert len(STATE_COMPLETE) == 10
    assert len(STATES) == 17


@pytest.mark.parametrize("state", range(1, 18))
def test_hold_of_the_2015_edition_has_the_six_sources_of_opc_30050(state: int) -> None:
    """With the older mask Hold is legal in six states, and no other command changes."""
    expected = 10 if state in HOLD_2015 else None
    assert next_state(State(state), Command.HOLD, TR88_2015_OPCUA) == expected
    others = [command for command in Command if command is not Command.HOLD]
    for command in others:
        assert next_state(State(state), command, TR88_2015_OPCUA) == next_state(State(state), command)


def test_masks_are_the_words_that_the_standard_prints() -> None:
    """The hold mask is 0x60, complete is 0x860; profiles name the variants."""
    assert TR88_2022 == 0x60
    assert LEGAL[Command.COMPLETE] == 0x860
    assert HOLD_MASKS == {"tr88_2022": TR88_2022, "tr88_2015_opcua": TR88_2015_OPCUA}
    assert ALL == 0x3FFFE


@pytest.mark.parametrize("command", list(Command))
def test_nothing_is_legal_before_the_first_scan(command: Command) -> None:
    """A machine that has no state yet takes no command."""
    assert next_state(State.UNDEFINED, command) is None


def test_the_modes_have_the_numbers_of_opc_30050() -> None:
    """Production 1, maintenance 2, manual 3; a library that swaps 2 and 3 does not speak our interface."""
    assert {mode.name.lower(): int(mode) for mode in Mode} == {"invalid": 0, "production": 1, "maintenance": 2, "manual": 3}

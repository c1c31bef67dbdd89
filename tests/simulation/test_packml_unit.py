"""PackML as every simulated machine lives it, and what all machines refuse alike."""

from __future__ import annotations

import pytest
from plantbed import Bed, Port, packml

from packcenter.core.packml import TR88_2015_OPCUA, TR88_2022, Command, State
from packcenter.core.words import CommandResult, PlaceState, ReasonClass
from packcenter.plc.line import CommandKind, EventKind
from simulation.clock import HeapClock
from simulation.packml_unit import PackmlUnit


def test_a_machine_boots_stopped_and_quiet_and_says_so_when_it_is_granted() -> None:
    """Nothing is reported without an epoch; the grant brings the state, and each place that is not open."""
    bed = Bed()
    port = bed.ports["sorter-1"]
    assert (port.state, port.events) == (State.STOPPED, [])
    port.grant(1)
    assert [(event.kind, event.a, event.b) for event in port.events] == [(EventKind.STATE_CHANGED, State.STOPPED, 0)]
    port.tell(CommandKind.SET_PLACE, a=3, b=PlaceState.CLOSED)
    port.events.clear()
    port.grant(2)
    assert [(event.kind, event.a, event.b) for event in port.events] == [
        (EventKind.STATE_CHANGED, State.STOPPED, 0),
        (EventKind.PLACE_STATE, 3, PlaceState.CLOSED),
    ]


def test_a_machine_reports_each_state_that_it_enters() -> None:
    """Reset and Start lead through their acting states to Execute, which the PLC's image shows too."""
    bed = Bed()
    port = bed.ports["rack-1"]
    bed.start("rack-1")
    assert port.states() == [State.STOPPED, State.RESETTING, State.IDLE, State.STARTING, State.EXECUTE]
    packml(port, Command.HOLD)
    bed.wait(200_000)
    packml(port, Command.ABORT)
    packml(port, Command.CLEAR)
    bed.wait(200_000)
    packml(port, Command.CLEAR)
    bed.wait(200_000)
    entered = [State.HOLDING, State.HELD, State.ABORTING, State.ABORTED, State.CLEARING, State.STOPPED]
    assert port.states()[5:] == entered
    assert port.state == State.STOPPED
    assert port.results() == [(4 + 1, CommandResult.WRONG_STATE)]


def test_a_command_that_overtakes_an_acting_state_voids_its_completion() -> None:
    """Abort during Starting ends Aborted; the completion of Starting comes to nothing."""
    bed = Bed()
    port = bed.ports["bagger-1"]
    port.grant(1)
    packml(port, Command.RESET)
    bed.wait(200_000)
    packml(port, Command.START)
    bed.wait(100_000)
    packml(port, Command.ABORT)
    bed.wait(1_000_000)
    assert port.states()[-2:] == [State.ABORTING, State.ABORTED]


def test_what_a_machine_cannot_be_told_is_refused_with_the_reason() -> None:
    """Illegal PackML commands are refused by state, unknown ones and unknown kinds as malformed, modes by interlock."""
    bed = Bed()
    port = bed.ports["bagger-1"]
    bed.start("bagger-1")
    numbers = [
        packml(port, Command.RESET),
        port.tell(CommandKind.PACKML_COMMAND, a=11),
        port.tell(CommandKind.DIVERT, track=1, a=1, b=9),
        port.tell(CommandKind.PACKML_MODE, a=1),
        port.tell(CommandKind.PACKML_MODE, a=2),
    ]
    expected = [
        CommandResult.WRONG_STATE,
        CommandResult.MALFORMED,
        CommandResult.MALFORMED,
        CommandResult.DONE,
        CommandResult.INTERLOCK,
    ]
    assert port.results() == list(zip(numbers, expected, strict=True))


def test_a_stop_by_packcenter_has_the_operators_reason_and_a_start_has_none() -> None:
    """The reason class says whose doing a state is."""
    bed = Bed()
    port = bed.ports["rack-1"]
    bed.start("rack-1")
    packml(port, Command.STOP)
    bed.wait(200_000)
    states = port.of_kind(EventKind.STATE_CHANGED)
    assert [(event.a, event.b) for event in states[-3:]] == [
        (State.EXECUTE, ReasonClass.NONE),
        (State.STOPPING, ReasonClass.OPERATOR),
        (State.STOPPED, ReasonClass.OPERATOR),
    ]


def test_a_lost_controller_suspends_a_machine_and_its_return_resumes_it() -> None:
    """Reason class 6 on the way to Suspended; back to Execute by the machine itself."""
    bed = Bed()
    port = bed.ports["rack-1"]
    bed.start("rack-1")
    port.events.clear()
    port.lose_peer()
    bed.wait(1_000_000)
    assert [(event.a, event.b) for event in port.events] == [
        (State.SUSPENDING, ReasonClass.CONTROLLER_LOST),
        (State.SUSPENDED, ReasonClass.CONTROLLER_LOST),
    ]
    port.find_peer()
    bed.wait(1_000_000)
    assert port.states()[2:] == [State.UNSUSPENDING, State.EXECUTE]


def test_a_machine_suspends_as_soon_as_it_may_and_resumes_however_short_the_silence_was() -> None:
    """Silence during Starting suspends it from Execute; a return during Suspending brings it back when Suspended."""
    bed = Bed()
    port = bed.ports["rack-1"]
    port.grant(1)
    packml(port, Command.RESET)
    bed.wait(200_000)
    packml(port, Command.START)
    port.lose_peer()
    bed.wait(250_000)
    assert port.states()[-2:] == [State.EXECUTE, State.SUSPENDING]
    port.find_peer()
    bed.wait(1_000_000)
    assert port.states()[-3:] == [State.SUSPENDED, State.UNSUSPENDING, State.EXECUTE]


def test_a_machine_that_packcenter_suspended_waits_for_packcenter() -> None:
    """A silence in between does not unsuspend it."""
    bed = Bed()
    port = bed.ports["rack-1"]
    bed.start("rack-1")
    packml(port, Command.SUSPEND)
    bed.wait(1_000_000)
    port.lose_peer()
    bed.wait(1_000_000)
    port.find_peer()
    bed.wait(1_000_000)
    assert port.state == State.SUSPENDED


@pytest.mark.parametrize(("mask", "held"), [(TR88_2022, False), (TR88_2015_OPCUA, True)])
def test_a_machine_of_the_older_edition_can_be_held_while_it_starts(mask: int, held: bool) -> None:
    """Where Hold is legal is a property of the machine; here in Starting."""
    clock = HeapClock()
    entered: list[State] = []
    unit = PackmlUnit(clock, Port("press-1", clock), entered.append, acting_us=10, hold_mask=mask)
    for command in (Command.RESET, Command.START):
        clock.run_until(clock.now_us + 10)
        unit.ask(command, ReasonClass.NONE)
    assert unit.ask(Command.HOLD, ReasonClass.OWN, 7) is held
    clock.run_until(100)
    assert entered[-1] is (State.HELD if held else State.EXECUTE)
    assert (unit.reason_class, unit.reason) == ((ReasonClass.OWN, 7) if held else (ReasonClass.NONE, 0))


def test_a_machine_is_taken_up_again_only_when_the_ring_has_room_to_tell_of_its_next_stop() -> None:
    """packcenter comes and goes and acknowledges nothing: each stop matters (B6), so none may find the ring full (E5)."""
    bed = Bed()
    port = bed.ports["bagger-1"]
    bed.start("bagger-1")
    bed.plant.programs["bagger-1"].on_peer_lost()
    bed.wait(200_000)
    port.room = False
    bed.plant.programs["bagger-1"].on_peer_back()
    bed.wait(5_000_000)
    assert port.state == State.SUSPENDED
    port.room = True
    bed.wait(300_000)
    assert port.state == State.EXECUTE

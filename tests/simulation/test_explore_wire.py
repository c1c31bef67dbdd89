"""The wire level of the explorer: runs are sound, repeat, strike with what they say, and find what is planted."""

from __future__ import annotations

import pytest

from packcenter.service.desk import DoneAct
from simulation.explore import scenarios
from simulation.explore.features import PEOPLE, PLANS
from simulation.explore.options import Options, Outcome
from simulation.explore.swarm import options_of
from simulation.explore.wire import WireWorld, explore
from simulation.explore.wire_faults import WIRE_FAULTS, WIRE_KINDS

SECOND = 1_000_000


def run_of(seed: int, faults: dict[str, int], *, hall: str = "tight", seconds: int = 30, items: int = 12) -> Options:
    """A short run."""
    return Options(seed=seed, level="wire", hall=hall, items=items, safety_us=seconds * SECOND, faults=faults)


def told(outcome: Outcome) -> str:
    """What was wrong, with what had happened."""
    return "\n".join([*map(str, outcome.violations), *(f"{each.at_us / 1e6:.3f} {each.text}" for each in outcome.timeline[-40:])])


def test_a_run_without_faults_is_sound_and_does_its_work() -> None:
    """
    Both protocols, in one request and in pieces; every document that the plan has a place for is in a bag or dispatched.

    Every manifest was once refused here (the virtual hall knew no mail service), so that all went to the hand station and
    nothing beyond the first scan was looked at.
    """
    worlds: list[WireWorld] = []
    outcome = explore(run_of(2, {}), worlds.append)
    assert not outcome.failed, told(outcome)
    truth = worlds[0].plant.truth
    assert set(truth.counts()) <= {"bag", "dispatched", "hand"}
    assert sum(truth.counts().values()) == 12
    assert {document.destination for document, place in truth.everywhere() if place == "hand"} <= {scenarios.NOWHERE}
    assert truth.counts()["hand"] < 6
    assert outcome.kills == {}


@pytest.mark.slow
def test_equal_options_give_equal_runs() -> None:
    """Decisions, times, faults, kills and goals, to the last line of the timeline."""
    options = run_of(3, {"crash_step": 3, "crash_disk": 3, "power": 2, "delay": 3, "corrupt": 3, "reset": 3, "pause": 2})
    one, again = explore(options), explore(options)
    assert one == again
    assert not one.failed, told(one)
    assert sum(one.kills.values()) > 0


NETWORK = [name for name, kind in WIRE_KINDS.items() if kind == "network"]
CONTROLLER = [name for name, kind in WIRE_KINDS.items() if kind == "controller" and WIRE_FAULTS[name].every_us]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NETWORK, *CONTROLLER])
def test_each_fault_of_network_and_controller_strikes_and_is_survived(name: str) -> None:
    """Alone and hard, so that none hides behind another."""
    outcome = explore(run_of(5, {name: 3}, seconds=25))
    assert outcome.faults.get(name, 0) > 0, outcome.faults
    assert not outcome.failed, told(outcome)


STAFF = (*PEOPLE, PLANS)


@pytest.mark.slow
def test_people_ask_at_the_desk_and_what_they_were_answered_stays_true() -> None:
    """While the service dies again and again; every kind of act is answered by some record."""
    worlds: list[WireWorld] = []
    outcome = explore(run_of(1, {**dict.fromkeys(STAFF, 3), "kill": 2}, hall="cases", seconds=60, items=30), worlds.append)
    assert not outcome.failed, told(outcome)
    assert set(STAFF) <= set(outcome.faults)
    answers = worlds[0].front_desk.answers.values()
    assert {done.why == "" for done in answers} == {True, False}
    assert len({done.act for done in answers}) >= 10
    assert sum(outcome.kills.values()) > 0


def test_an_answer_that_no_record_bears_out_is_found() -> None:
    """Somebody was told that his act was taken, and the journal has another one there."""

    def pretend(world: WireWorld) -> None:
        world.front_desk.answers[1] = DoneAct(1, 1, "bag_close", "3", "op-1", "operator", "made up")

    outcome = explore(run_of(2, {}), pretend)
    assert [violation.invariant for violation in outcome.violations] == ["J5"], told(outcome)


def test_a_disk_that_lies_is_found() -> None:
    """The search must be able to find something: here syncs do nothing, and the power fails."""

    def lie(world: WireWorld) -> None:
        world.disk.lying = True

    outcome = explore(run_of(4, {"kill": 3, "power": 3}), lie)
    assert {violation.invariant for violation in outcome.violations} & {"J1", "J2", "J"}, told(outcome)


def test_the_swarm_draws_what_the_wire_level_knows() -> None:
    """Every class of its options is known, and each is drawn sooner or later."""
    drawn = {name for seed in range(300) for name in options_of(seed, "wire").faults}
    assert drawn == set(WIRE_KINDS)

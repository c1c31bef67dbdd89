"""Simulated time: one total order, and two back ends that cannot be told apart."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.clock import FAULT, INPUT, PLANT, PUBLISH, HeapClock, SimClock, SimPyClock

CLASSES = (FAULT, INPUT, PLANT, PUBLISH)
BACK_ENDS: tuple[Callable[[], SimClock], ...] = (HeapClock, SimPyClock)


@pytest.fixture(params=BACK_ENDS, ids=["heap", "simpy"])
def clock(request: pytest.FixtureRequest) -> SimClock:
    made: SimClock = request.param()
    return made


def test_calls_of_one_instant_run_by_class_then_in_the_order_asked(clock: SimClock) -> None:
    """Fault before outside input before plant before publish; within a class, first asked is first run."""
    seen: list[str] = []
    for name, cls in (("publish", PUBLISH), ("plant 1", PLANT), ("input", INPUT), ("plant 2", PLANT), ("fault", FAULT)):
        clock.at(5, cls, seen.append, name)
    clock.run_until(5)
    assert seen == ["fault", "input", "plant 1", "plant 2", "publish"]


def test_run_until_includes_its_instant_and_ends_there(clock: SimClock) -> None:
    """What is due at the end runs, also what it asks for at once; later things wait."""
    seen: list[int] = []

    def again(count: int) -> None:
        seen.append(clock.now_us)
        if count:
            clock.at(0, PUBLISH, again, count - 1)

    clock.at(10, PUBLISH, again, 2)
    clock.at(11, FAULT, again, 0)
    clock.run_until(10)
    assert seen == [10, 10, 10]
    assert clock.now_us == 10
    assert clock.next_us() == 11
    clock.run_until(10)
    clock.run_until(20)
    assert seen == [10, 10, 10, 11]
    assert clock.now_us == 20
    assert clock.next_us() is None


def test_a_delay_of_zero_never_runs_inside_the_running_call(clock: SimClock) -> None:
    """Calls do not nest."""
    seen: list[str] = []

    def outer(_: None) -> None:
        clock.at(0, FAULT, seen.append, "inner")
        seen.append("outer")

    clock.at(1, PUBLISH, outer, None)
    clock.run_until(1)
    assert seen == ["outer", "inner"]


def test_what_a_call_raises_comes_out_and_the_clock_goes_on(clock: SimClock) -> None:
    """A failing call is not swallowed, and does not break the clock for the rest."""
    seen: list[int] = []

    def fail(_: None) -> None:
        raise ZeroDivisionError

    clock.at(1, PLANT, fail, None)
    clock.at(2, PLANT, seen.append, 2)
    with pytest.raises(ZeroDivisionError):
        clock.run_until(3)
    assert clock.now_us == 1
    assert clock.next_us() == 2
    clock.run_until(3)
    assert seen == [2]
    assert clock.next_us() is None


def test_time_does_not_go_back(clock: SimClock) -> None:
    """A negative delay and an end in the past are faults of ours."""
    clock.run_until(7)
    with pytest.raises(AssertionError):
        clock.at(-1, PLANT, print, None)
    with pytest.raises(AssertionError):
        clock.run_until(6)


def _hash_of_run(clock: SimClock, first: list[tuple[int, int, int]], stops: list[int]) -> str:
    """Run a schedule whose calls ask for more calls; hash every call with its time, and every next time at each stop."""
    digest = blake2b(digest_size=16)

    def call(arg: tuple[int, int]) -> None:
        name, children = arg
        digest.update(b"%d %d;" % (clock.now_us, name))
        for child in range(children):
            mixed = (name * 31 + child * 17 + 7) % 1009
            clock.at(mixed % 5, CLASSES[mixed % 4], call, (mixed, children - 1))

    for number, (delay, cls, children) in enumerate(first):
        clock.at(delay, CLASSES[cls], call, (number, children))
    now = 0
    for stop in stops:
        now += stop
        clock.run_until(now)
        digest.update(b"at %d next %s;" % (clock.now_us, str(clock.next_us()).encode()))
    clock.run_until(now + 1000)
    return digest.hexdigest()


@settings(max_examples=150)
@given(
    first=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3), st.integers(0, 3)), max_size=40),
    stops=st.lists(st.integers(0, 6), max_size=8),
)
def test_both_back_ends_run_any_schedule_in_the_same_order(first: list[tuple[int, int, int]], stops: list[int]) -> None:
    """Random schedules full of ties, with calls that make calls and stops in between, give one hash."""
    assert _hash_of_run(HeapClock(), first, stops) == _hash_of_run(SimPyClock(), first, stops)


def test_simpy_processes_share_the_clock() -> None:
    """A scenario script written as a SimPy generator sees the same time as the plant's calls."""
    clock = SimPyClock()
    seen: list[tuple[str, int]] = []

    def script() -> simpy.events.ProcessGenerator:
        yield clock.env.timeout(3)
        seen.append(("script", clock.now_us))

    clock.env.process(script())
    clock.at(3, FAULT, lambda who: seen.append((who, clock.now_us)), "call")
    clock.run_until(4)
    assert seen == [("script", 3), ("call", 3)]


def test_a_simpy_clock_refuses_float_time() -> None:
    """Float time would not compare bit for bit between runs."""
    with pytest.raises(AssertionError, match="integer"):
        SimPyClock(simpy.Environment(0.0))

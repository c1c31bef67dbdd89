"""Core time and the wall clock: it never goes back, and a jump of the wall clock is told once, a drift never."""

from __future__ import annotations

from packcenter.service.clock import CoreClock

START = 1_772_413_200_000_000


class Hands:
    """A computer's clocks, set by hand."""

    def __init__(self) -> None:
        self.mono = 5_000_000
        self.ahead = START

    def mono_us(self) -> int:
        return self.mono

    def wall_us(self) -> int:
        return self.mono + self.ahead

    async def sleep_us(self, us: int) -> None:
        self.mono += us


def test_a_jump_of_more_than_a_second_is_told_once() -> None:
    """T3: forward and back, and not again."""
    hands = Hands()
    clock = CoreClock(hands)
    hands.ahead += 1_000_001
    assert clock.wall_step_us() == 1_000_001
    assert clock.wall_step_us() == 0
    hands.ahead -= 3_600_000_000
    assert clock.wall_step_us() == -3_600_000_000


def test_a_drift_is_no_jump_however_far_it_goes() -> None:
    """Each look compares with the one before: half a second each time never adds up to a step."""
    hands = Hands()
    clock = CoreClock(hands)
    for _ in range(10):
        hands.ahead += 500_000
        assert clock.wall_step_us() == 0


def test_a_jump_is_told_whatever_small_ones_came_before_it() -> None:
    """A second forward, then two back: the second one is a jump of two seconds."""
    hands = Hands()
    clock = CoreClock(hands)
    hands.ahead += 1_000_000
    assert clock.wall_step_us() == 0
    hands.ahead -= 2_000_000
    assert clock.wall_step_us() == -2_000_000


def test_a_look_at_a_jump_leaves_it_to_be_told() -> None:
    """T3: whoever looks only makes sure that a group is formed; the group tells it before all else."""
    hands = Hands()
    clock = CoreClock(hands)
    assert not clock.wall_jumped()
    hands.ahead -= 1_000_001
    assert clock.wall_jumped()
    assert clock.wall_jumped()
    assert clock.wall_step_us() == -1_000_001
    assert not clock.wall_jumped()


def test_looks_alone_do_not_add_a_drift_up() -> None:
    """A quiet night, in which no group is formed: 50 millionths of six hours are more than a second."""
    hands = Hands()
    clock = CoreClock(hands)
    for _ in range(10):
        hands.ahead += 500_000
        assert not clock.wall_jumped()
    assert clock.wall_step_us() == 0


def test_core_time_does_not_follow_the_wall_clock() -> None:
    """T1, T2: within a run it is the monotonic clock's, and a restart never takes it back."""
    hands = Hands()
    clock = CoreClock(hands)
    before = clock.now_us()
    hands.ahead -= 7_200_000_000
    hands.mono += 10
    assert clock.now_us() == before + 10
    again = CoreClock(hands, resume=(clock.now_us(), hands.wall_us() + 7_200_000_000))
    assert again.now_us() == clock.now_us() + 1

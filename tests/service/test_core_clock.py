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
    """Half a second in a quarter of an hour, again and again, never adds up to a step."""
    hands = Hands()
    clock = CoreClock(hands)
    for _ in range(10):
        hands.mono += 900_000_000
        hands.ahead += 500_000
        assert clock.wall_step_us() == 0


def test_clocks_that_are_not_read_at_once_have_not_stepped() -> None:
    """Whatever lies between the two readings is gone with the next one, and hides no drift."""
    hands = Hands()
    clock = CoreClock(hands)
    for turn in range(4_000):
        hands.mono += 100_000
        hands.ahead += 50 + (900 if turn % 2 else -900)
        assert clock.wall_step_us() == 0
    hands.ahead += 600_000
    assert abs(clock.wall_step_us() - 600_000) <= 2_000


def test_small_steps_are_told_when_they_have_come_to_more_than_half_a_second() -> None:
    """However many looks lie between them (protocol seed 701234); and one that is taken back is none."""
    hands = Hands()
    clock = CoreClock(hands)
    steps = ((300, 0), (-300, 0), (300, 0), (200, 0), (20, 520), (-400, 0), (-200, -600))
    for by_ms, told_ms in steps:
        hands.mono += 5_000_000
        hands.ahead += by_ms * 1000
        assert (clock.wall_jumped(), clock.wall_step_us()) == (told_ms != 0, told_ms * 1000)
        for _ in range(50):
            hands.mono += 100_000
            assert not clock.wall_jumped()


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
    for _ in range(6 * 3_600):
        hands.mono += 1_000_000
        hands.ahead += 50
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

"""
Core time: microseconds since the Unix epoch at the first start, and from then on by the monotonic clock.

It never goes back, whatever the wall clock does (T1, T2). In a laboratory it may run faster than real time, because
the simulated plant does; everything that the core decides by is in this time.
"""

from __future__ import annotations

from packcenter.ports import Clock

STEP_LIMIT_US = 1_000_000
"""A wall clock that differs from the monotonic one by more than this since the last look has jumped (T3)."""


class CoreClock:
    """Core time. After a restart it goes on from `resume_us` plus the wall time that passed since `resume_wall_us`."""

    def __init__(
        self, clock: Clock, *, speed: int = 1, start_us: int | None = None, resume: tuple[int, int] | None = None
    ) -> None:
        self._clock = clock
        self.speed = speed
        self._mono = clock.mono_us()
        wall = clock.wall_us()
        self._wall_offset = wall - self._mono
        if resume is not None:
            resume_us, resume_wall_us = resume
            self._origin = resume_us + 1 + max(0, wall - resume_wall_us) * speed
        else:
            self._origin = wall if start_us is None else start_us

    def now_us(self) -> int:
        """Core time now."""
        return self._origin + (self._clock.mono_us() - self._mono) * self.speed

    def seconds_until(self, at_us: int) -> float:
        """Real seconds until core time `at_us`; 0 if it is past."""
        return max(0, at_us - self.now_us()) / self.speed / 1e6

    def wall_step_us(self) -> int:
        """By how much the wall clock jumped since the last look; 0 for less than the limit. That it drifts is no jump."""
        step = self._wall_moved_us()
        self._wall_offset += step
        return step if abs(step) > STEP_LIMIT_US else 0

    def wall_jumped(self) -> bool:
        """Whether it jumped since the last look; by how much is left for `wall_step_us` to tell."""
        step = self._wall_moved_us()
        if abs(step) > STEP_LIMIT_US:
            return True
        self._wall_offset += step
        return False

    def _wall_moved_us(self) -> int:
        return self._clock.wall_us() - self._clock.mono_us() - self._wall_offset

"""
Core time: microseconds since the Unix epoch at the first start, and from then on by the monotonic clock.

It never goes back, whatever the wall clock does (T1, T2). In a laboratory it may run faster than real time, because
the simulated plant does; everything that the core decides by is in this time.
"""

from __future__ import annotations

from packcenter.ports import Clock

STEP_LIMIT_US = 500_000
"""
A wall clock that has moved by more than this against the monotonic one, at once or in several steps, has jumped (T3: a second).

Half a second, so that no two records are more than one apart by steps that nothing tells of (protocol seeds 701234, 702625).
"""

_DRIFT = 1000
_JITTER_US = 1_000
"""A clock may drift by one part in a thousand, and two clocks are not read at once: so much is no step."""


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
        self._looked = self._mono
        self._untold = 0
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
        """By how much the wall clock jumped since that was last told; 0 for less than the limit. That it drifts is no jump."""
        step = self._wall_moved_us()
        if abs(step) <= STEP_LIMIT_US:
            return 0
        self._wall_offset += step
        self._untold = 0
        return step

    def wall_jumped(self) -> bool:
        """Whether it jumped since that was last told; by how much is left for `wall_step_us` to tell."""
        return abs(self._wall_moved_us()) > STEP_LIMIT_US

    def _wall_moved_us(self) -> int:
        """How far steps have moved the wall clock since one was last told; what it drifts counts for nothing."""
        mono = self._clock.mono_us()
        moved = self._clock.wall_us() - mono - self._wall_offset
        since = moved - self._untold
        if abs(since) <= (mono - self._looked) // _DRIFT + _JITTER_US:
            self._wall_offset += since
            moved = self._untold
        self._untold, self._looked = moved, mono
        return moved

"""
What coroutines of the service wait for, played in virtual time: time, their inputs being durable, work off the loop.

A life (`process`) drives them: it sends each what it waited for when that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from packcenter.core import inputs as i

if TYPE_CHECKING:
    from simulation.explore.world import World


class ComputerClock:
    """The controller's computer: its monotonic clock is simulated time; its wall clock may be set by anybody."""

    def __init__(self, world: World) -> None:
        self._world = world

    def mono_us(self) -> int:
        return self._world.clock.now_us

    def wall_us(self) -> int:
        return self._world.wall_us()

    async def sleep_us(self, us: int) -> None:
        await Pause(us)


class Pause:
    """Time."""

    def __init__(self, us: int) -> None:
        self.us = us

    def __await__(self) -> Any:
        return (yield self)


class Submission:
    """Its inputs being durable."""

    def __init__(self, inputs: Sequence[i.Input]) -> None:
        self.inputs = inputs

    def __await__(self) -> Any:
        return (yield self)


class Aside:
    """A call that another thread makes, away from the control loop; it gives what that returns, or raises what that raises."""

    def __init__(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._call = call
        self._arguments = arguments

    def do(self) -> Any:
        """Make the call."""
        return self._call(*self._arguments)

    def __await__(self) -> Any:
        return (yield self)


async def aside(call: Callable[..., Any], *arguments: Any) -> Any:
    """Have a call made off the loop."""
    return await Aside(call, arguments)

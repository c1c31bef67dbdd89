"""
Metrics of a running service: rebuilt from the journal after a start, then kept by every durable record.

Control comes first: the day's records are read in slices while the line already runs. Until they are, there are no
figures to scrape, rather than wrong ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from packcenter.core import record
from packcenter.core.state import State
from packcenter.ports import Clock, Disk
from packcenter.projections.kpis import may_tell
from packcenter.projections.metrics import Metrics
from packcenter.service.engine import Recorded
from packcenter.service.past import past_entries

_DAY_US = 24 * 3600 * 1_000_000


class Figures:
    """The metrics, and the way to them: `observe` live records, `rebuild` once, `ready` when they may be scraped."""

    def __init__(
        self, metrics: Metrics, disk: Disk, clock: Clock, state: State, at_rest: Callable[[Callable[[], None]], None]
    ) -> None:
        self.metrics = metrics
        self.ready = False
        self._disk = disk
        self._clock = clock
        self._state = state
        self._at_rest = at_rest
        self._waiting: deque[Recorded] = deque()

    def observe(self, recorded: Recorded) -> None:
        """Count a durable record, at once or when the older ones have been counted."""
        if self.ready:
            self.metrics.observe(recorded)
        else:
            self._waiting.append(recorded)

    def requested(self, plc: str, operation: str, result: str, seconds: float, at_us: int) -> None:
        """One request of a link ended, at core time `at_us`."""
        self.metrics.requested(plc, operation, result, seconds)
        if result == "ok":
            self.metrics.heard(plc, at_us)

    async def rebuild(self, until: int, now_us: int, also: Callable[[Recorded], None] = lambda recorded: None) -> None:
        """
        Count the day's records up to sequence `until`, then those that came meanwhile, then be ready.

        Of older records only those are read that may say what a machine does, since it may do so still. `also` is told all
        that are read on the way: they are read only once.
        """
        since_us = now_us - _DAY_US
        self.metrics.begin_recovery(self._state)
        async for entry in past_entries(self._disk, self._clock, until):
            if entry.at_us >= since_us or may_tell(entry.body):
                body = record.decode(entry.body)
                recorded = Recorded(entry.sequence, entry.at_us, 0, body.input, body.facts, body.commands)
                self.metrics.observe(recorded)
                also(recorded)
        self._at_rest(self._finish)

    def _finish(self) -> None:
        """Between two groups, so that the counted records and the state belong together."""
        while self._waiting:
            self.metrics.observe(self._waiting.popleft())
        self.metrics.end_recovery(self._state)
        self.ready = True

"""
A scenario's day as Prometheus would have scraped it: metrics that follow its records, one sample of each series every so often.

Of links, journal and loop a simulated day knows nothing: they are well, by the luck of a preview.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

from grafana.alerts import INSTANCE, JOB
from grafana.preview.feed import SECOND, Recorded
from packcenter.core import record
from packcenter.core.hall import Hall
from packcenter.core.inputs import Scanned
from packcenter.core.state import State, evolve, remember
from packcenter.journal.frames import Draft
from packcenter.projections.metrics import Metrics

Points = list[tuple[float, float]]
"""Value and unix second of each sample."""


class Scraped:
    """
    Give `keep` to `simulation.staged.stage`; then `series` has what was scraped of these metrics (all if None), by their names.

    Scraped is every `step_s`, from core time `begin_us` until `end_us` if they are given.
    """

    def __init__(
        self, hall: Hall, names: Iterable[str] | None = None, *, step_s: int = 60, begin_us: int = 0, end_us: int = 0
    ) -> None:
        self.metrics = Metrics(hall)
        self.metrics.describe(version="0.1.0", revision="preview", mode="simulation")
        registry = self.metrics.registry
        self._registry = registry if names is None else registry.restricted_registry(sorted(names))
        self._state = State()
        self._step_us, self._begin_us, self._end_us = step_s * SECOND, begin_us, end_us
        self._next_us = 0
        self._luck = random.Random(1)  # noqa: S311  (luck of a preview)
        self._seen: dict[tuple[str, tuple[str, ...]], Points] = {}
        self._keys: dict[tuple[str, tuple[str, ...]], str] = {}
        self.kinds: dict[str, tuple[str, list[str]]] = {}  # family -> its type, and the keys of its series

    def keep(self, draft: Draft) -> None:
        """Take one record of the day, as a reader of its journal would."""
        until_us = min(draft.at_us, self._end_us or draft.at_us)
        while self._next_us and self._next_us <= until_us:
            self._scrape(self._next_us)
            self._next_us += self._step_us
        if draft.at_us > until_us:
            return
        body = record.decode(draft.body)
        for fact in body.facts:
            evolve(self._state, draft.at_us, fact)
        for command in body.commands:
            remember(self._state, draft.at_us, command)
        self._state.last_us = draft.at_us
        self.metrics.observe(Recorded(draft.at_us, body.input, list(body.facts), list(body.commands)))
        if isinstance(body.input, Scanned):
            self.metrics.decided(body.input.plc, int(self._luck.lognormvariate(8.0, 0.5)))
        self._next_us = self._next_us or max(draft.at_us + self._step_us, self._begin_us)

    def _beat(self, at_us: int) -> None:
        metrics, luck = self.metrics, self._luck
        for plc in self._state.plcs:
            for _ in range(9):
                metrics.requested(plc, "exchange", "ok", luck.lognormvariate(-5.6, 0.4))
            metrics.heard(plc, at_us)
        metrics.committed(int(luck.lognormvariate(7.2, 0.5)))
        metrics.lagged(int(luck.lognormvariate(6.3, 0.7)))
        metrics.queued(1 + luck.randrange(5), 8192)
        metrics.disk(412 << 30, 480 << 30)
        metrics.papers(luck.randrange(3), False, luck.randrange(2), luck.randrange(20))

    def _scrape(self, at_us: int) -> None:
        self._beat(at_us)
        self.metrics.refresh(self._state, at_us)
        for family in self._registry.collect():
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.values())
                points = self._seen.get(key)
                if points is None:
                    points = self._seen[key] = []
                    labels = {**sample.labels, "job": JOB, "instance": INSTANCE}
                    pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
                    self._keys[key] = f"{sample.name}{{{pairs}}}"
                    self.kinds.setdefault(family.name, (family.type, []))[1].append(self._keys[key])
                points.append((sample.value, at_us / 1e6))

    def series(self, *, all_of_them: bool = False) -> dict[str, Points]:
        """The samples of each series, as far as it says anything."""
        return {
            self._keys[key]: points
            for key, points in self._seen.items()
            if all_of_them or any(value and not math.isnan(value) for value, _ in points)
        }

"""A scenario's day as Prometheus would have scraped it: metrics that follow its records, one sample of each series a minute."""

from __future__ import annotations

import math

from grafana.alerts import INSTANCE, JOB
from grafana.preview.feed import Recorded
from packcenter.core import record
from packcenter.core.hall import Hall
from packcenter.core.state import State, evolve, remember
from packcenter.journal.frames import Draft
from packcenter.projections.metrics import Metrics

SCRAPED_S = 60
_SCRAPED_US = SCRAPED_S * 1_000_000


class Scraped:
    """
    Give `keep` to `simulation.staged.stage`; then `series` has what was scraped of these metrics, as far as it says anything.
    """

    def __init__(self, hall: Hall, names: set[str]) -> None:
        self._metrics = Metrics(hall)
        self._metrics.describe(version="1", revision="a", mode="simulation")
        self._registry = self._metrics.registry.restricted_registry(sorted(names))
        self._state = State()
        self._next_us = 0
        self._seen: dict[tuple[str, tuple[str, ...]], list[tuple[float, float]]] = {}
        self._keys: dict[tuple[str, tuple[str, ...]], str] = {}

    def keep(self, draft: Draft) -> None:
        """Take one record of the day, as a reader of its journal would."""
        while self._next_us and self._next_us <= draft.at_us:
            self._scrape(self._next_us)
            self._next_us += _SCRAPED_US
        body = record.decode(draft.body)
        for fact in body.facts:
            evolve(self._state, draft.at_us, fact)
        for command in body.commands:
            remember(self._state, draft.at_us, command)
        self._state.last_us = draft.at_us
        self._metrics.observe(Recorded(draft.at_us, body.input, body.facts, body.commands))
        self._next_us = self._next_us or draft.at_us + _SCRAPED_US

    def _scrape(self, at_us: int) -> None:
        for plc in self._state.plcs:
            self._metrics.heard(plc, at_us)  # of links, journal and loop a simulated day knows nothing: they are well
        self._metrics.refresh(self._state, at_us)
        for family in self._registry.collect():
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.values())
                points = self._seen.get(key)
                if points is None:
                    points = self._seen[key] = []
                    labels = {**sample.labels, "job": JOB, "instance": INSTANCE}
                    pairs = ",".join(f'{name}="{value}"' for name, value in labels.items())
                    self._keys[key] = f"{sample.name}{{{pairs}}}"
                points.append((sample.value, at_us / 1e6))

    def series(self) -> dict[str, list[tuple[float, float]]]:
        """The samples of each series."""
        return {
            self._keys[key]: points
            for key, points in self._seen.items()
            if any(value and not math.isnan(value) for value, _ in points)
        }

"""Figures after a restart: the day's records are counted, and of older ones what a machine may still be doing."""

from __future__ import annotations

from collections.abc import Callable

from packcenter.config.load import bundled_site, load_site
from packcenter.core import inputs as i
from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.core.packml import State
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import Journal
from packcenter.projections.metrics import Metrics
from packcenter.service.figures import Figures
from simulation.disk import SimDisk, StillClock

HALL = load_site(bundled_site()).hall
HOUR = 3_600_000_000
OPENS_US = 1_795_132_800_000_000  # 08:00 in the hall


class Yielding(StillClock):
    async def sleep_us(self, us: int) -> None:
        """Nobody else wants the loop."""


async def test_a_machine_that_has_run_since_the_day_before_yesterday_is_known_to_run() -> None:
    """Its last word is older than a day, and still the time of today is production, as for a service that never stopped."""
    disk, controller, running = SimDisk(), Controller(), Metrics(HALL)
    journal = Journal.open(
        disk, Identity(HALL.centre, "t", bytes(32), bytes(32)), clock=StillClock(), holder="me", segment_bytes=1 << 18
    )

    def happen(at_us: int, happened: i.Input) -> None:
        outcome = controller.step(at_us, happened)
        body, decision_at = record.encode(happened, outcome)
        journal.write_group([Draft(at_us, 0, 0, "", 0, 0, body, decision_at)])
        decoded = record.decode(body)
        running.observe(Seen(at_us, decoded))

    happen(OPENS_US, i.Started(1, "t", HALL, "d"))
    happen(OPENS_US, i.LinkUp("rack-1", 7, 0))
    happen(OPENS_US + 1, i.MachineChanged("rack-1", 1, 1, int(State.EXECUTE), 0, 0))
    for hours in range(1, 51):
        happen(OPENS_US + hours * HOUR, i.ClockStepped(hours))
    figures = Figures(Metrics(HALL), disk, Yielding(), controller.state, at_once)
    await figures.rebuild(10_000, controller.state.last_us)
    assert figures.ready
    for metrics in (running, figures.metrics):
        metrics.refresh(controller.state, controller.state.last_us)
    shown = [
        metrics.registry.get_sample_value("packcenter_machine_time_seconds_total", {"plc": "rack-1", "element": "production"})
        for metrics in (running, figures.metrics)
    ]
    assert shown == [10 * 3600, 10 * 3600]  # since midnight


class Seen:
    """A record as readers get it."""

    def __init__(self, at_us: int, decoded: record.Record) -> None:
        self.at_us = at_us
        self.input, self.facts, self.commands = decoded.input, decoded.facts, decoded.commands


def at_once(act: Callable[[], None]) -> None:
    act()

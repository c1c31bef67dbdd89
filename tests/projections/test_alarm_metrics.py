"""Figures of alarms: told ones are counted by name, all are shown by state, and a restart goes on with them."""

from __future__ import annotations

from itertools import product
from typing import Any

from grafana.preview.feed import Recorded
from packcenter.config.load import bundled_site, load_site
from packcenter.core import inputs as i
from packcenter.core.alarm_table import VERSION
from packcenter.core.controller import Controller
from packcenter.projections.metrics import Metrics

START_US = 1_772_409_600_000_000


class Alarming:
    """The reference hall with alarms, its PLCs heard, and its metrics. A second passes from input to input."""

    def __init__(self) -> None:
        self.hall = load_site(bundled_site()).hall
        self.controller = Controller()
        self.metrics = Metrics(self.hall)
        self.records: list[Recorded] = []
        self.happen(i.Started(1, "1.0", self.hall, "digest"))
        self.happen(i.AlarmTableGiven(VERSION))
        for plc in self.hall.plcs():
            self.happen(i.LinkUp(plc, 7, 0))

    def happen(self, happened: Any) -> None:
        at_us = START_US + len(self.records) * 1_000_000
        outcome = self.controller.step(at_us, happened)
        self.records.append(Recorded(at_us, happened, list(outcome.facts), list(outcome.commands)))
        self.metrics.observe(self.records[-1])

    def value(self, name: str, **labels: str) -> float | None:
        self.metrics.refresh(self.controller.state, self.controller.state.last_us)
        return self.metrics.registry.get_sample_value(f"packcenter_{name}", labels)


def test_alarms_are_counted_by_name_and_shown_by_state() -> None:
    """What is shelved or out of service is not counted, as nobody is told; a restart goes on with that."""
    feed = Alarming()
    feed.happen(i.AlarmShelved("op-7", "operator", "known", "jam", "bagger-2", 5))
    for plc in ("bagger-1", "bagger-2", "sorter-1"):
        feed.happen(i.JamChanged(plc, 1, 1, 0, 1, True))
    feed.happen(i.AlarmAcknowledged("op-7", "operator", "seen", "jam", "bagger-1"))
    assert feed.value("alarms_raised_total", alarm="jam", priority="medium") == 2
    for state in ("unacknowledged", "acknowledged", "shelved"):
        assert feed.value("alarms", priority="medium", state=state) == 1
    assert (feed.value("alarm_flood"), feed.value("alarms_chattering")) == (0, 0)
    feed.happen(i.AlarmTakenOut("op-9", "maintenance", "mended", "jam", "bagger-1", True))
    feed.metrics = Metrics(feed.hall)
    feed.metrics.recover(feed.controller.state, feed.records)
    for number in range(2, 8):
        for plc in ("bagger-1", "bagger-2", "sorter-1"):
            feed.happen(i.JamChanged(plc, 1, number, 0, 1, number % 2 == 1))
    assert feed.value("alarms_raised_total", alarm="jam", priority="medium") == 2 + 2  # the fourth of sorter-1 waits
    assert feed.value("alarms_chattering") == 1
    assert feed.value("alarms", priority="medium", state="out_of_service") == 1


def test_a_listed_alarm_calls_until_somebody_acknowledges_it() -> None:
    """2 calls people, 1 is in somebody's hands or over, 0 is not on the list: on the shelf, suppressed, or over and seen."""
    feed = Alarming()
    jam = {"alarm": "jam", "priority": "medium", "subject": "bagger-1"}
    assert feed.value("alarm_listed", **jam) == 0
    feed.happen(i.JamChanged("bagger-1", 1, 1, 0, 1, True))
    assert feed.value("alarm_listed", **jam) == 2
    feed.happen(i.AlarmAcknowledged("op-7", "operator", "seen", "jam", "bagger-1"))
    assert feed.value("alarm_listed", **jam) == 1
    feed.happen(i.JamChanged("bagger-1", 1, 2, 0, 1, False))
    assert feed.value("alarm_listed", **jam) == 0
    feed.happen(i.JamChanged("bagger-1", 1, 3, 0, 1, True))
    feed.happen(i.JamChanged("bagger-1", 1, 4, 0, 1, False))
    assert feed.value("alarm_listed", **jam) == 1


def test_what_is_put_back_is_counted_again() -> None:
    """From the shelf and into service."""
    feed = Alarming()
    feed.happen(i.AlarmShelved("op-7", "operator", "known", "jam", "bagger-1", 5))
    feed.happen(i.AlarmTakenOut("op-9", "maintenance", "mended", "jam", "bagger-1", True))
    feed.happen(i.AlarmShelved("op-7", "operator", "again", "jam", "bagger-1", 0))
    feed.happen(i.JamChanged("bagger-1", 1, 1, 0, 1, True))
    assert feed.value("alarms_raised_total", alarm="jam", priority="medium") == 0
    feed.happen(i.AlarmTakenOut("op-9", "maintenance", "mended", "jam", "bagger-1", False))
    feed.happen(i.JamChanged("bagger-1", 1, 2, 0, 1, False))
    feed.happen(i.JamChanged("bagger-1", 1, 3, 0, 1, True))
    assert feed.value("alarms_raised_total", alarm="jam", priority="medium") == 1


def test_a_flood_of_alarms_is_shown_while_it_lasts() -> None:
    """Eleven in ten minutes are one; one machine alone calls three times."""
    feed = Alarming()
    for number, plc in list(product(range(1, 7, 2), ("sorter-1", "bagger-1", "bagger-2", "bagger-3")))[:11]:
        assert feed.value("alarm_flood") == 0
        feed.happen(i.JamChanged(plc, 1, number, 0, 1, True))
        feed.happen(i.JamChanged(plc, 1, number + 1, 0, 1, False))
    assert feed.value("alarm_flood") == 1

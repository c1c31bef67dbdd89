"""Over a real Prometheus with an hour of the preview's hall every query answers, and every dashboard can be drawn."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boards
import pytest

from grafana.catalogue import CORE_ALERTS
from grafana.preview import render, stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MAY_BE_EMPTY = frozenset({"Jammed zones", "Items lost by reason", "卡件区段", "丢失原因"})
"""Panels that show only what went wrong."""

FORECAST = (
    "packcenter_items",
    "packcenter_day_items",
    "packcenter_items_entered_total",
    "packcenter_last_cutoff_timestamp_seconds",
    "packcenter_clock_timestamp_seconds",
)
"""What is scraped to say how much time there is to spare."""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[stage.Prometheus, int]]:
    """An hour with troubles at its end, behind a Prometheus on a port of its own."""
    assert shutil.which("prometheus"), "prometheus is not installed: apt-get install prometheus"
    with stage.stage(tmp_path_factory.mktemp("stage"), "trouble") as found:
        yield found


@pytest.mark.parametrize("name", boards.NAMES)
def test_every_query_answers(name: str, troubled: tuple[stage.Prometheus, int]) -> None:
    """Prometheus understands each query and has something to show for it."""
    prometheus, now_s = troubled
    for query in boards.queries(name):
        found = prometheus.ask(boards.filled(query.expr), now_s)
        assert found or query.panel in MAY_BE_EMPTY, (query.panel, query.expr)
        assert len(found) <= 18 or query.kind == "table", (query.panel, len(found))


def test_the_wall_shows_the_alarms_that_stand(troubled: tuple[stage.Prometheus, int]) -> None:
    """The query of the alarm table gives each alarm once, with where it is: the controller's, and what it cannot know."""
    prometheus, now_s = troubled
    expr = next(query.expr for query in boards.queries("operator-en") if "ALERTS" in query.expr)
    found = prometheus.ask(boards.filled(expr), now_s)
    rows = [(row["metric"]["alertname"], row["metric"]["where"].strip(), row["metric"]["severity"]) for row in found]
    assert {
        ("link_lost", "bagger-4", "critical"),
        ("machine_held", "bagger-2", "warning"),
        ("consumable_low", "bagger-3/1", "watch"),
    } <= set(rows)
    assert len(set(rows)) == len(rows)
    assert not {name for name, _, _ in rows} & {alert.name for alert in CORE_ALERTS}


def test_the_exporter_speaks_what_prometheus_reads(troubled: tuple[stage.Prometheus, int]) -> None:
    """The target is up, and the books balance in what was scraped."""
    prometheus, now_s = troubled
    assert [row["value"][1] for row in prometheus.ask('up{job="packcenter"}', now_s)] == ["1"]
    balance = prometheus.ask("sum(packcenter_items_arrived) - sum(packcenter_items)", now_s)
    assert [row["value"][1] for row in balance] == ["0"]


def test_every_dashboard_can_be_drawn(troubled: tuple[stage.Prometheus, int], tmp_path: Path) -> None:
    """Grafana's own components draw each one in both themes without a complaint."""
    if why := render.missing():
        pytest.skip(f"pictures cannot be drawn here: {why}")
    prometheus, now_s = troubled
    render.bundle(tmp_path / "page")
    with render.served(tmp_path / "page") as address:
        for theme in ("dark", "light"):
            jobs = [(name, tmp_path / f"{name}-{theme}.png") for name in boards.NAMES]
            render.shoot(address, prometheus.url, now_s, jobs, theme=theme, span_s=1800, rate="60s")
            for _, path in jobs:
                assert path.read_bytes().startswith(b"\x89PNG")
                assert path.stat().st_size > 50_000, path.name


def test_a_dashboard_that_cannot_be_drawn_is_told(troubled: tuple[stage.Prometheus, int], tmp_path: Path) -> None:
    """A query that Prometheus refuses fails the picture and names the panel."""
    if why := render.missing():
        pytest.skip(f"pictures cannot be drawn here: {why}")
    prometheus, now_s = troubled
    render.bundle(tmp_path / "page")
    broken = json.loads((boards.FOLDER / "dashboards" / "operator-en.json").read_text(encoding="utf-8"))
    broken["panels"][0]["targets"][0]["expr"] = "sum by ("
    (tmp_path / "page" / "broken.json").write_text(json.dumps(broken), encoding="utf-8")
    job = [("broken", tmp_path / "broken.png")]
    with render.served(tmp_path / "page") as address, pytest.raises(RuntimeError, match=broken["panels"][0]["title"]):
        render.shoot(address, prometheus.url, now_s, job, theme="dark", span_s=1800, rate="60s")


def test_the_stage_can_stand_still(tmp_path: Path) -> None:
    """Without going on, "now" is the end of the history, and recorded figures are there for all of it."""
    with stage.stage(tmp_path, "ordinary", live=False) as (prometheus, end_s):
        assert end_s <= time.time()
        for back_s in (0, 1200, 2400):
            assert prometheus.ask("hall:packcenter_items_packed:rate5m", end_s - back_s)
        assert prometheus.ask('sum(packcenter_items{place_kind="lost"})', end_s)[0]["value"][1] == "0"


def asked(prometheus: stage.Prometheus, title: str, at_s: float) -> list[dict[str, Any]]:
    expr = next(query.expr for query in boards.queries("operator-en") if query.panel == title)
    return prometheus.ask(boards.filled(expr), at_s)


def test_the_wall_forecasts_nothing_before_it_can_and_stays_true_over_lunch(tmp_path: Path) -> None:
    """
    A hall that has packed for some minutes, or that gets nothing to pack at noon, has not become slow: what there is to spare is
    between nothing and the time that is left, and nobody knows it before half an hour of work is over.
    """
    with stage.recorded(tmp_path, "ordinary-day", "13:00", history_s=5 * 3600, names=FORECAST) as (prometheus, one_s):
        left = "min(packcenter_last_cutoff_timestamp_seconds - packcenter_clock_timestamp_seconds)"
        for back_s in (0, 20 * 60, 3600, 3 * 3600):  # 13:00, 12:40, noon, ten
            at_s = one_s - back_s
            spare = float(asked(prometheus, "To spare at last cut-off", at_s)[0]["value"][1])
            assert 3600 < spare < float(prometheus.ask(left, at_s)[0]["value"][1]), back_s
    (tmp_path / "morning").mkdir()
    with stage.recorded(tmp_path / "morning", "ordinary-day", "08:20", names=FORECAST) as (prometheus, early_s):
        assert float(prometheus.ask("sum(packcenter_day_items{stage='packed'})", early_s)[0]["value"][1]) > 100
        assert asked(prometheus, "To spare at last cut-off", early_s) == []


def test_every_item_is_in_the_books_on_the_wall(tmp_path: Path) -> None:
    """Of fifteen classes four stand by name, those with something lost first; they and the others are all together."""
    with stage.recorded(tmp_path, "provincial-centre", "12:40", history_s=600, names=("packcenter_items",)) as (
        prometheus,
        now_s,
    ):
        rows: dict[str, dict[str, int]] = {}
        for each in asked(prometheus, "Where every item is", now_s):
            rows.setdefault(each["metric"]["mail_class"], {})[each["metric"]["place_kind"]] = int(each["value"][1])
        assert next(iter(rows)) == "~together"
        assert len(rows) == 6
        parts = [row for name, row in rows.items() if name != "~together"]
        assert {kind: sum(row[kind] for row in parts) for kind in rows["~together"]} == rows["~together"]
        whole = prometheus.ask("sum(packcenter_items) by (mail_class, place_kind)", now_s)
        assert sum(rows["~together"].values()) == sum(int(each["value"][1]) for each in whole)
        lost = {
            each["metric"]["mail_class"] for each in whole if each["metric"]["place_kind"] == "lost" and each["value"][1] != "0"
        }
        assert lost
        assert lost < set(rows)


def test_a_scenarios_day_can_be_looked_at(tmp_path: Path) -> None:
    """The hour of a day before a moment of it: cases wait in their cells, and the tables of what is open and of racks say so."""
    with stage.recorded(tmp_path, "narrow-hall", "13:30") as (prometheus, now_s):
        for board, title, seen in (
            ("operator-en", "Still open", {("cases", "open"), ("documents", "open"), ("discrepancies", "overdue")}),
            ("maintenance-en", "Case racks and loops", {("cases-1", "used"), ("cases-2", "free")}),
        ):
            expr = next(query.expr for query in boards.queries(board) if query.panel == title)
            rows = prometheus.ask(boards.filled(expr), now_s)
            found = {
                (each["metric"].get("plc") or each["metric"]["what"], each["metric"].get("column") or each["metric"]["what"])
                for each in rows
            }
            assert seen <= found
            assert len(rows) == len(found)
        assert float(prometheus.ask('packcenter_cases{state="gathering"}', now_s)[0]["value"][1]) > 0
        assert prometheus.ask("hall:packcenter_items_open:sum", now_s - 1800)

"""Alerts: promtool finds each firing in its case and silent in its other, and silent in an ordinary hall."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import boards
import pytest

from grafana.alerts import INSTANCE, JOB, OWN_ALERTS, RECORDINGS, WATCHDOG
from grafana.catalogue import ALERTS, CORE_ALERTS, SEVERITIES, alert_name
from grafana.preview.feed import SECOND, Feed, trouble
from grafana.preview.hall import reference_hall
from grafana.preview.recorded import Scraped
from grafana.preview.stage import STEP_S, play
from packcenter.config.load import load_site
from packcenter.core.alarm_table import ALARMS
from packcenter.projections import families
from simulation import scenario as scenarios
from simulation.clock import HeapClock
from simulation.staged import stage

PROMETHEUS = boards.FOLDER / "prometheus"
RULES = PROMETHEUS / "rules" / "packcenter.yml"
START = 1_795_132_800_000_000 + 2 * 3600 * SECOND  # ten in the morning in the hall
SPAN_S = 3600


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool; it comes with Debian's package prometheus and is required."""
    tool = shutil.which("promtool")
    assert tool is not None, "promtool is not installed: apt-get install prometheus"
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)


def test_the_rules_pass_promtools_lint() -> None:
    """Not one finding with every check switched on."""
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RECORDINGS) + len(ALERTS) + 1} rules found" in done.stdout


def test_the_scrape_configuration_is_valid() -> None:
    """Prometheus loads it with the rules."""
    done = promtool("check", "config", str(PROMETHEUS / "prometheus.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_each_alert_fires_in_its_case_and_is_silent_in_its_other() -> None:
    """Two cases an alert, with all labels and both languages' texts; the watchdog always fires."""
    done = promtool("test", "rules", str(PROMETHEUS / "tests" / "packcenter.yml"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_is_broken_would_be_found(tmp_path: Path) -> None:
    """The tests above can fail: with a threshold turned round promtool says so."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    text = RULES.read_text(encoding="utf-8")
    right, wrong = (f'expr: "packcenter_alarm_listed{{alarm=\\"link_lost\\"}} == {value}"' for value in (2, 1))
    assert right in text
    (tmp_path / "rules" / "packcenter.yml").write_text(text.replace(right, wrong), encoding="utf-8")
    head, *cases = re.split(r"(?m)^(?=  - name: )", (PROMETHEUS / "tests" / "packcenter.yml").read_text(encoding="utf-8"))
    tests = tmp_path / "tests" / "packcenter.yml"
    tests.write_text(head + "".join(case for case in cases if "PackcenterLinkLost" in case), encoding="utf-8")
    done = promtool("test", "rules", str(tests))
    assert done.returncode != 0
    assert "PackcenterLinkLost" in done.stdout + done.stderr


def test_the_metrics_pass_promtools_lint() -> None:
    """Names, units and types are what Prometheus asks for."""
    from prometheus_client import generate_latest

    from packcenter.projections.metrics import Metrics

    metrics = Metrics(reference_hall())
    metrics.describe(version="1", revision="a", mode="live")
    tool = shutil.which("promtool")
    assert tool is not None
    done = subprocess.run([tool, "check", "metrics"], input=generate_latest(metrics.registry), capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_says_what_it_means_and_what_to_do_in_both_languages(alert: object) -> None:
    """Title without values, meaning, advice without labels; an anchor in the README; a screen that exists."""
    from grafana.alerts import Alert

    assert isinstance(alert, Alert)
    assert re.fullmatch(r"Packcenter[A-Z]\w+", alert.name)
    assert alert.severity in ("critical", "warning", "watch", "info")
    for words in (alert.en, alert.zh):
        assert words.title
        assert words.means
        assert words.do
        assert "{" not in words.title + words.do
        assert bool(re.search(r"[\u4e00-\u9fff]", words.title + words.means + words.do)) == (words is alert.zh)
    readme = (boards.FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"\n### {alert.name}\n" in readme
    assert f"{alert.screen}-en" in boards.NAMES
    assert alert.fires != alert.silent


def test_each_alarm_of_the_controller_is_carried_by_one_alert() -> None:
    """The core's table is the catalogue: no alarm without a call, no call of its own for what an alarm says."""
    assert [dict(alert.labels)["alarm"] for alert in CORE_ALERTS] == list(ALARMS)
    assert [alert.name for alert in CORE_ALERTS] == [alert_name(alarm) for alarm in ALARMS]
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)


def test_an_alert_gives_way_only_to_what_is_as_urgent() -> None:
    """Else the cause that explains it would call later than it does itself."""
    urgency = {severity: rank for rank, severity in enumerate(("critical", "warning", "watch", "info"))}
    ranks = {alert.name: urgency[alert.severity] for alert in OWN_ALERTS}
    ranks |= {name: urgency[SEVERITIES[entry.priority]] for name, entry in ALARMS.items()}
    for alert in OWN_ALERTS:
        for cause in (*alert.explained_by, *alert.explained_there):
            assert cause in ranks, (alert.name, cause)
            assert ranks[cause] <= urgency[alert.severity] or alert.severity == "critical", (alert.name, cause)


def test_alerts_name_only_what_is_scraped() -> None:
    """No alert waits for a metric that nobody makes."""
    known = boards.scraped()
    for name, expr in [(a.name, a.rule) for a in (*ALERTS, WATCHDOG)] + [(r.record, r.expr) for r in RECORDINGS]:
        for metric, _ in boards.selectors(expr):
            assert metric in known, f"{name}: {metric}"


@pytest.mark.parametrize(
    ("recorded", "buckets"),
    [
        ("packcenter_journal_commit_duration_seconds_bucket", families.COMMIT_BUCKETS),
        ("packcenter_event_loop_lag_seconds_bucket", families.LAG_BUCKETS),
        ("packcenter_plc_request_duration_seconds:p99", families.REQUEST_BUCKETS),
    ],
)
def test_a_bucket_ends_on_each_threshold(recorded: str, buckets: tuple[float, ...]) -> None:
    """Else the quantile that is compared is guessed between two edges."""
    thresholds = {float(alert.expr.rsplit(">", 1)[1]) for alert in ALERTS if recorded in alert.expr}
    assert thresholds
    assert thresholds <= set(buckets)


def fired(folder: Path, series: dict[str, list[tuple[float, float]]], step_s: int) -> set[str]:
    """Names of the alerts that stood at any moment of what was scraped every `step_s`, by Prometheus' own rules."""
    length = max(len(points) for points in series.values())
    every = f'count by (alertname) (count_over_time(ALERTS{{alertname=~"Packcenter.+",alertstate="firing"}}[{length * step_s}s]))'
    lines = [
        f"rule_files: [{json.dumps(str(RULES))}]",
        f"evaluation_interval: {step_s}s",
        "tests:",
        f"  - interval: {step_s}s",
        "    input_series:",
        f"      - series: {json.dumps(up(JOB))}",
        f"        values: 1x{length}",
    ]
    for key, points in series.items():
        values = " ".join("NaN" if math.isnan(value) else repr(value) for value, _ in points)
        lines += [f"      - series: {json.dumps(key)}", f"        values: {json.dumps(values)}"]
    lines += ["    promql_expr_test:", f"      - expr: {json.dumps(every)}", f"        eval_time: {length * step_s}s"]
    lines += ["        exp_samples: []"]
    path = folder / "scraped.yml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = promtool("test", "rules", str(path))
    said = done.stdout + done.stderr
    assert "exp:nil" in said.replace(" ", "") or "alertname=" in said or done.returncode == 0, said[:2000]
    return set(re.findall(r'alertname="(\w+)"', said.partition("got:")[2])) - {WATCHDOG.name}


def up(job: str) -> str:
    return f'up{{job="{job}",instance="{INSTANCE}"}}'


def hour(act: Callable[[Feed], None] | None) -> dict[str, list[tuple[float, float]]]:
    """An hour of the preview's hall as it is scraped; `act` happens in its middle."""
    feed = Feed(reference_hall(), START, announced=6_000)
    events = [] if act is None else [(START + SPAN_S // 2 * SECOND, act)]
    series: dict[str, list[tuple[float, float]]] = {}
    for _, found in play(feed, START + SPAN_S * SECOND, events).values():
        series |= found
    return series


@pytest.mark.slow
def test_an_ordinary_hour_raises_no_alarm(tmp_path: Path) -> None:
    """With real figures of an ordinary hall nothing stands but the note that it is not the floor."""
    assert fired(tmp_path, hour(None), STEP_S) == {"PackcenterNotLive"}


@pytest.mark.slow
def test_an_hour_with_troubles_raises_their_alarms(tmp_path: Path) -> None:
    """A silent PLC, machines that stand, a jam, low film and unread codes: each is told once, and what they explain is not."""
    assert fired(tmp_path, hour(trouble), STEP_S) == {
        "PackcenterLinkLost",
        "PackcenterMachineHeld",
        "PackcenterMachineAborted",
        "PackcenterJam",
        "PackcenterConsumableLow",
        "PackcenterScannerUnread",
        "PackcenterBadParcelShareHigh",  # at a bagger that runs: wrong documents come one after the other
        "PackcenterNotLive",
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ordinary-day", "mishaps", "wayward-plcs", "narrow-hall", "provincial-centre"])
def test_a_scenario_calls_people_by_what_its_file_names(name: str, tmp_path: Path) -> None:
    """
    Over a whole simulated day Prometheus' rules call for the alarms that the controller raised, each under its own name, and
    for nothing else: one cause, one call. On the ordinary day that is what wears out or is mislaid.
    """
    scenario = scenarios.load(name)
    day = Scraped(load_site(scenario.site).hall, boards.alerting())
    came = stage(scenario, load_site(scenario.site), HeapClock(), keep=day.keep)
    called = fired(tmp_path, day.series(), 60)
    assert called == {alert_name(alarm) for alarm in came.alarms}

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

from grafana.alerts import ALERTS, INSTANCE, JOB, RECORDINGS, WATCHDOG
from grafana.preview.feed import SECOND, Feed, trouble
from grafana.preview.hall import reference_hall
from grafana.preview.stage import STEP_S, play
from packcenter.projections import families

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
    assert "packcenter_plc_up == 0" in text
    (tmp_path / "rules" / "packcenter.yml").write_text(
        text.replace("packcenter_plc_up == 0", "packcenter_plc_up == 1"), encoding="utf-8"
    )
    head, *cases = re.split(r"(?m)^(?=  - name: )", (PROMETHEUS / "tests" / "packcenter.yml").read_text(encoding="utf-8"))
    tests = tmp_path / "tests" / "packcenter.yml"
    tests.write_text(head + "".join(case for case in cases if "PackcenterPlcDown" in case), encoding="utf-8")
    done = promtool("test", "rules", str(tests))
    assert done.returncode != 0
    assert "PackcenterPlcDown" in done.stdout + done.stderr


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
    assert alert.severity in ("critical", "warning", "info")
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


def test_alerts_name_only_what_is_scraped() -> None:
    """No alert waits for a metric that nobody makes."""
    known = boards.scraped()
    for name, expr in [(a.name, a.expr) for a in (*ALERTS, WATCHDOG)] + [(r.record, r.expr) for r in RECORDINGS]:
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


def standing(folder: Path, act: Callable[[Feed], None] | None) -> set[str]:
    """Names of the alerts that stand at any of many moments of an hour in the preview's hall; `act` happens in its middle."""
    feed = Feed(reference_hall(), START, announced=6_000)
    events = [] if act is None else [(START + SPAN_S // 2 * SECOND, act)]
    series: dict[str, list[tuple[float, float]]] = {}
    for _, found in play(feed, START + SPAN_S * SECOND, events).values():
        series |= found
    lines = [
        f"rule_files: [{json.dumps(str(RULES))}]",
        f"evaluation_interval: {STEP_S}s",
        "tests:",
        f"  - interval: {STEP_S}s",
        "    input_series:",
    ]
    lines += [f"      - series: {json.dumps(up(JOB))}", f"        values: 1x{SPAN_S // STEP_S}"]
    for key, points in series.items():
        values = " ".join("NaN" if math.isnan(value) else repr(value) for value, _ in points)
        lines += [f"      - series: {json.dumps(key)}", f"        values: {json.dumps(values)}"]
    lines.append("    alert_rule_test:")
    for minute in range(2, SPAN_S // 60 + 1, 2):
        for alert in ALERTS:
            lines += [f"      - eval_time: {minute}m", f"        alertname: {alert.name}", "        exp_alerts: []"]
    path = folder / "hour.yml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = promtool("test", "rules", str(path))
    said = done.stdout + done.stderr
    assert "alertname:" in said or done.returncode == 0, said[:2000]
    return set(re.findall(r"alertname: (\w+)", said))


def up(job: str) -> str:
    return f'up{{job="{job}",instance="{INSTANCE}"}}'


@pytest.mark.slow
def test_an_ordinary_hour_raises_no_alarm(tmp_path: Path) -> None:
    """With real figures of an ordinary hall nothing stands but the note that it is not the floor."""
    assert standing(tmp_path, None) == {"PackcenterNotLive"}


@pytest.mark.slow
def test_an_hour_with_troubles_raises_their_alarms(tmp_path: Path) -> None:
    """A silent PLC, a held bagger, a jammed lane, low film, unread codes, wrong documents and a lost item are all told."""
    assert standing(tmp_path, trouble) >= {
        "PackcenterPlcDown",
        "PackcenterMachineHeld",
        "PackcenterJam",
        "PackcenterLaneBlocked",
        "PackcenterConsumableLow",
        "PackcenterNoReadShareHigh",
        "PackcenterHandShareHigh",
        "PackcenterWrongDocumentStopped",
        "PackcenterItemLost",
    }

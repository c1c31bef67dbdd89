"""Turns the table of alerts into Prometheus' rule file, promtool's test file and the runbook of the README."""

from __future__ import annotations

import json
import re

from grafana.alerts import INSTANCE, JOB, RECORDINGS, WATCHDOG, Alert, Series, Words
from grafana.catalogue import ALERTS
from packcenter.core.alarm_table import ALARMS
from simulation.scenario import raising

MADE = "# Made by `python -m grafana.build` from grafana/alerts.py; change it there.\n"
RUNBOOK = "grafana/README.md"
_LABEL = re.compile(r"\{(\w+)\}")
_SEVERITIES = {
    "critical": ("critical", "紧急"),
    "warning": ("warning", "警告"),
    "watch": ("watch", "注意"),
    "info": ("info", "提示"),
    "none": ("none", "无"),
}


def rules() -> str:
    """`rules/packcenter.yml`: recording rules and alerts."""
    lines = [MADE, "groups:", "  - name: packcenter-recordings", "    rules:"]
    for recording in RECORDINGS:
        lines += [f"      # {recording.text}", f"      - record: {recording.record}", f"        expr: {_text(recording.expr)}"]
    lines += ["", "  - name: packcenter-alerts", "    rules:"]
    for alert in (*ALERTS, WATCHDOG):
        lines += [f"      - alert: {alert.name}", f"        expr: {_text(alert.rule)}"]
        if alert.hold != "0s":
            lines.append(f"        for: {alert.hold}")
        lines += ["        labels:", f"          severity: {alert.severity}", "        annotations:"]
        lines += [f"          {name}: {_text(text)}" for name, text in alert_texts(alert).items()]
    return "\n".join(lines) + "\n"


def alert_texts(alert: Alert) -> dict[str, str]:
    """The alert's texts, with Prometheus' templates for labels."""
    return {
        "summary": alert.en.title,
        "summary_zh": alert.zh.title,
        "description": _template(f"{alert.en.means} {alert.en.do}"),
        "description_zh": _template(f"{alert.zh.means}{alert.zh.do}"),
        "runbook_url": f"{RUNBOOK}#{alert.name.lower()}",
        "dashboard_url": f"/d/packcenter-{alert.screen}-en",
    }


def rule_tests() -> str:
    """`tests/packcenter.yml`: each alert fires in its first case and is silent in its second; the watchdog always fires."""
    lines = [MADE, "rule_files:", "  - ../rules/packcenter.yml", "evaluation_interval: 30s", "tests:"]
    for alert in ALERTS:
        lines += _case(alert, "fires", alert.fires, [dict(alert.labels)])
        lines += _case(alert, "is silent", alert.silent, [])
        for what, series in _causes(alert):
            lines += _case(alert, f"gives way to {what}", (*alert.fires, series), [])
    lines += _case(WATCHDOG, "always fires", (), [{}])
    return "\n".join(lines) + "\n"


def _causes(alert: Alert) -> list[tuple[str, tuple[str, str]]]:
    """An alarm of the controller and another alert that say the cause of this one, as far as it gives way to any."""
    found = []
    here = dict(alert.labels).get("plc", "")
    for causes, plc in ((alert.explained_by, "elsewhere"), (alert.explained_there, here)):
        alarms = [name for name in causes if name in ALARMS][-1:]
        found += [(name, (f'packcenter_alarm_listed{{alarm="{name}",subject="{plc}"}}', "1x180")) for name in alarms]
        others = [name for name in causes if name not in ALARMS][-1:]
        found += [(name, (f'ALERTS{{alertname="{name}",alertstate="firing",plc="{plc}"}}', "1x180")) for name in others]
    return found


def _case(alert: Alert, what: str, series: Series, expected: list[dict[str, str]]) -> list[str]:
    lines = [
        f"  - name: {_text(f'{alert.name} {what}')}",
        "    interval: 15s",
        "    input_series:" if series else "    input_series: []",
    ]
    for name, values in series:
        lines += [f"      - series: {_text(_with_target(name))}", f"        values: {_text(values)}"]
    lines += ["    alert_rule_test:", f"      - eval_time: {alert.at}", f"        alertname: {alert.name}"]
    if not expected:
        return [*lines, "        exp_alerts: []"]
    lines.append("        exp_alerts:")
    for labels in expected:
        carried = {"job": JOB, "instance": INSTANCE, **labels} if alert.of_a_target else labels
        lines.append("          - exp_labels:")
        lines += [f"              {key}: {_text(value)}" for key, value in {"severity": alert.severity, **carried}.items()]
        lines.append("            exp_annotations:")
        lines += [f"              {key}: {_text(_filled(text, labels))}" for key, text in alert_texts(alert).items()]
    return lines


def _with_target(series: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{job="{JOB}",instance="{INSTANCE}"' + (f",{labels}" if labels else "}")


def _template(text: str) -> str:
    return _LABEL.sub(r"{{ $labels.\1 }}", text)


def _filled(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels[match[1]], text)


def _text(text: str) -> str:
    """A YAML scalar; JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=False)


def runbook() -> str:
    """The README's part about alerts, in both languages; each heading is the anchor that the alert's runbook_url names."""
    lines, raised = [], raising()
    for alert in ALERTS:
        lines += [
            f"### {alert.name}",
            "",
            f"**{alert.zh.title} · {alert.en.title}** ({' · '.join(_SEVERITIES[alert.severity])}; `for` {alert.hold})",
            "",
        ]
        scenarios = raised.get(dict(alert.labels).get("alarm", ""), [])
        lines += [
            _paragraph("原因", "处理", alert.zh),
            "",
            _paragraph("Means", "Do", alert.en),
            "",
            "```promql",
            alert.rule,
            "```",
            "",
            *([f"演练 Seen in: {', '.join(f'`packcenter scenario run {name}`' for name in scenarios)}", ""] if scenarios else []),
        ]
    lines += [f"### {WATCHDOG.name}", "", f"**{WATCHDOG.zh.title} · {WATCHDOG.en.title}**", ""]
    lines += [_paragraph("原因", "处理", WATCHDOG.zh), "", _paragraph("Means", "Do", WATCHDOG.en), ""]
    return "\n".join(lines)


def _paragraph(means: str, do: str, words: Words) -> str:
    colon = "：" if means == "原因" else ": "
    return f"- {means}{colon}{_plain(words.means)}\n- {do}{colon}{_plain(words.do)}"


def _plain(text: str) -> str:
    return _LABEL.sub(r"`\1`", text)

"""
What calls people: one catalogue. The controller's alarms as alerts, one for each, and beside them what it cannot know.

An alarm of the controller is decided in the core, with its delay, its suppression by cause, shelving and acknowledgement. Its
alert only carries it to people who do not look at a screen: it fires while the alarm stands and nobody has acknowledged it, so
who takes care of it is not called again, and nobody for what is over. Texts are the catalogue's own.
"""

from __future__ import annotations

from grafana.alerts import OWN_ALERTS, Alert, Words
from packcenter.core.alarm_table import ALARMS, Entry, Priority, Subject

SEVERITIES = {Priority.HIGH: "critical", Priority.MEDIUM: "warning", Priority.LOW: "watch"}
"""How Prometheus and the screens call the priorities of the core."""

_EXAMPLES = {
    Subject.PLC: "bagger-1",
    Subject.SORTER: "sorter-1",
    Subject.BAGGER: "bagger-1",
    Subject.RACK: "rack-1",
    Subject.EXCEPTION_LANE: "sorter-1/9",
    Subject.CASE_RACK: "cases-1",
    Subject.CELL: "cases-1/12",
    Subject.CONSUMABLE: "bagger-1/1",
    Subject.STATION: "sorter-1",
    Subject.HALL: "NJ01",
}


def alert_name(alarm: str) -> str:
    """The name of an alarm's alert: link_lost is PackcenterLinkLost."""
    return "Packcenter" + "".join(part.capitalize() for part in alarm.split("_"))


def _alert(entry: Entry) -> Alert:
    """
    The alert of one alarm. Its holding time is the core's delay, so here it has none; its silent case is the acknowledged alarm.
    """
    labels = (("alarm", entry.name), ("priority", entry.priority.value), ("subject", _EXAMPLES[entry.subject]))
    series = "packcenter_alarm_listed{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}"
    return Alert(
        alert_name(entry.name),
        SEVERITIES[entry.priority],
        "0s",
        f'packcenter_alarm_listed{{alarm="{entry.name}"}} == 2',
        "operator",
        Words(entry.title.en, f"{{subject}}: {entry.cause.en} {entry.consequence.en}", entry.response.en),
        Words(entry.title.zh, f"{{subject}}：{entry.cause.zh}{entry.consequence.zh}", entry.response.zh),
        ((series, "0x4 2x8"),),
        ((series, "0x2 2x2 1x8"),),
        at="2m",
        labels=labels,
    )


CORE_ALERTS = tuple(_alert(entry) for entry in ALARMS.values())
"""The controller's alarms, causes first."""

ALERTS = (*CORE_ALERTS, *OWN_ALERTS)
"""Everything that calls people."""

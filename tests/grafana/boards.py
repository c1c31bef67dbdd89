"""What the tests of screens and alerts share: committed dashboards, their queries as trees, the names that are scraped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser

from grafana.alerts import RECORDINGS
from grafana.catalogue import ALERTS
from packcenter.projections.families import FAMILIES

FOLDER = Path(__file__).parents[2] / "grafana"
NAMES = tuple(f"{screen}-{language}" for screen in ("operator", "engineer", "maintenance") for language in ("en", "zh"))


class Query(NamedTuple):
    """One query of a panel."""

    board: str
    panel: str
    kind: str
    expr: str
    legend: str
    instant: bool


@cache
def board(name: str) -> dict[str, Any]:
    """A committed dashboard."""
    loaded: dict[str, Any] = json.loads((FOLDER / "dashboards" / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def panels(name: str) -> list[dict[str, Any]]:
    """Its panels."""
    return list(board(name)["panels"])


def queries(*names: str) -> list[Query]:
    """All queries of these dashboards."""
    return [
        Query(name, panel["title"], panel["type"], target["expr"], target["legendFormat"], target.get("instant", False))
        for name in names
        for panel in panels(name)
        for target in panel["targets"]
    ]


def filled(expr: str, span: str = "1800s") -> str:
    """A query as Grafana sends it, everything selected."""
    expr = expr.replace("$__rate_interval", "60s").replace("$__range", span)
    return re.sub(r"\$(job|instance|plc)\b", ".+", expr)


def nodes(expr: str) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every node of a query's tree with the nodes above it, nearest last."""
    todo: list[tuple[Any, tuple[Any, ...]]] = [(promql_parser.parse(filled(expr)), ())]
    while todo:
        node, above = todo.pop()
        yield node, above
        for name in ("lhs", "rhs", "expr", "args", "vector_selector"):
            below = getattr(node, name, None)
            for one in below if isinstance(below, list | tuple) else [below]:
                if one is not None and not isinstance(one, str | int | float):
                    todo.append((one, (*above, node)))


def selectors(expr: str) -> list[tuple[str, tuple[Any, ...]]]:
    """(name, nodes above) of every metric that a query reads."""
    return [(node.name, above) for node, above in nodes(expr) if type(node).__name__ == "VectorSelector"]


def scraped() -> dict[str, str]:
    """Every name that can be queried, and its kind."""
    known = {name: "counter" if family.kind == "counted" else family.kind for family in FAMILIES for name in family.sample_names}
    known |= dict.fromkeys((recording.record for recording in RECORDINGS), "recorded")
    return known | {"ALERTS": "alert", "up": "gauge"}


def alerting() -> set[str]:
    """Every metric that a rule or an alert reads."""
    exprs = [alert.rule for alert in ALERTS] + [recording.expr for recording in RECORDINGS]
    return {name for expr in exprs for name, _ in selectors(expr)}

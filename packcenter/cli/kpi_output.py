"""How the KPIs of machines look on a terminal: each ratio with its numerator and denominator, then where the time went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from packcenter.cli.output import WIDE, console

if TYPE_CHECKING:
    from rich.table import Table

    from packcenter.projections.kpis import Measured, Ratio

NOT_GIVEN = "-"
HEADINGS = {
    "availability": "availability",
    "effectiveness": "effectiveness",
    "quality": "quality",
    "oee": "OEE",
    "throughput": "items/h",
    "mtbf": "MTBF",
    "mttr": "MTTR",
}
_HOUR_US = 3_600_000_000


def show_kpis(measured: Mapping[str, Measured]) -> None:
    """A table of KPIs and one of time elements, to which only the elements are given that any machine has."""
    if not measured:
        return
    out = console()
    out.print(_wide_kpis(measured) if out.width >= WIDE else _narrow_kpis(measured))
    out.print(_elements(measured))


def hours(us: int) -> str:
    """A time as h:mm:ss, cut to the second."""
    seconds = us // 1_000_000
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def value_of(kpi: str, ratio: Ratio | None) -> str:
    """A KPI as people say it: a share in percent, items an hour, or a mean time."""
    if ratio is None or ratio.value is None:
        return NOT_GIVEN
    if kpi == "throughput":
        return f"{ratio.value * _HOUR_US:,.0f}"
    return hours(round(ratio.value)) if kpi in ("mtbf", "mttr") else f"{ratio.value:.2%}"


def parts_of(kpi: str, ratio: Ratio | None) -> tuple[str, str]:
    """Numerator and denominator: times as h:mm:ss, counts as they are."""
    from packcenter.projections.kpis import UNITS

    if ratio is None:
        return "", ""
    above, below = (hours(figure) if unit == "us" else f"{figure:,}" for figure, unit in zip(ratio, UNITS[kpi], strict=True))
    return above, below


def _wide_kpis(measured: Mapping[str, Measured]) -> Table:
    """A row for each machine; under each value its numerator / denominator."""
    from rich.table import Table

    table = Table(title="KPIs (ISO 22400-2)", title_justify="left")
    table.add_column("machine", no_wrap=True)
    for heading in HEADINGS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for plc, each in measured.items():
        cells = []
        for kpi in HEADINGS:
            ratio = each.ratio(kpi)
            above, below = parts_of(kpi, ratio)
            cells.append(f"{value_of(kpi, ratio)}\n{above} / {below}" if above else value_of(kpi, ratio))
        table.add_row(plc, *cells)
    return table


def _narrow_kpis(measured: Mapping[str, Measured]) -> Table:
    """A line for each KPI of each machine: fits a terminal of 80 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title="KPIs (ISO 22400-2)", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("machine", "KPI"):
        table.add_column(name, no_wrap=True)
    for name in ("value", "numerator", "denominator"):
        table.add_column(name, justify="right", no_wrap=True)
    for plc, each in measured.items():
        for at, (kpi, heading) in enumerate(HEADINGS.items()):
            ratio = each.ratio(kpi)
            table.add_row("" if at else plc, heading, value_of(kpi, ratio), *parts_of(kpi, ratio))
        table.add_section()
    return table


def _elements(measured: Mapping[str, Measured]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from packcenter.projections.elements import ELEMENTS

    used = [element for element in ELEMENTS if any(each.elements[element] for each in measured.values())]
    table = Table(title="Time in each element, h:mm:ss", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for plc in measured:
        table.add_column(plc, justify="right")
    for element in used:
        table.add_row(element, *(hours(each.elements[element]) for each in measured.values()))
    return table

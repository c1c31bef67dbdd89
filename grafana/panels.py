"""
The few kinds of panel that our screens use, over grafana-foundation-sdk.

ISA-101: everything ordinary is grey; amber and red say that a person must look, always together with a number or a
text. In queries `@` stands for the selectors of the dashboard's variables, and `[r]` for `[$__rate_interval]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.words import say

NORMAL = "#8f979f"
QUIET = "#5b646d"
RUNNING = "#59626b"
LIGHT = "#c4cad0"
BLUE_GREY = "#7f9db4"
AMBER = "#ff9830"
RED = "#e02f44"
UNSEEN = "transparent"
PENS = (LIGHT, BLUE_GREY, "#a58f7c", "#7d8a62", "#b3a3c7", "#5f8f94", "#9a7a8a", "#d3c08f")
"""Colours of lines: muted, so that none can be taken for an alarm."""

MACHINES = (
    r"/^sorter\D*1\b/",
    r"/^sorter\D*2\b/",
    r"/^bagger\D*1\b/",
    r"/^bagger\D*2\b/",
    r"/^bagger\D*3\b/",
    r"/^bagger\D*4\b/",
    r"/^rack/",
)
"""Machines by their customary names, each with a pen of its own on every screen; others get a shade."""

_MARGIN = "margin"
_MARGIN_LOOKS = {
    "custom.axisPlacement": "right", "custom.axisWidth": 24, "custom.axisColorMode": "series", "custom.axisGridShow": False,
    "color": {"mode": "fixed", "fixedColor": UNSEEN}, "custom.lineWidth": 0,
    "custom.hideFrom": {"viz": False, "legend": True, "tooltip": True},
}  # fmt: skip
"""
A line that nobody sees, whose axis holds the right edge free: Grafana leaves 8 pixels there, and the last time of the axis
needs 18.
"""

COLUMNS = 24
DATA_SOURCE = common_models.DataSourceRef(type_val="prometheus", uid="${datasource}")

Steps = Sequence[tuple[float | None, str]]
GREY: Steps = ((None, NORMAL),)
Query = tuple[str, str]
"""(expression, legend)"""


def rising(amber: float | None, red: float | None) -> Steps:
    """Grey below, amber and red from these values on."""
    return ((None, NORMAL), *((v, c) for v, c in ((amber, AMBER), (red, RED)) if v is not None))


def falling(red: float, amber: float) -> Steps:
    """Red below the first value, amber below the second, else grey."""
    return ((None, RED), (red, AMBER), (amber, NORMAL))


class Board:
    """One dashboard in one language, filled row by row; `text` picks the language, `target` are the label selectors of `@`."""

    def __init__(
        self, name: str, language: str, titles: Mapping[str, str], purpose: Mapping[str, str], *, refresh: str, span: str
    ) -> None:
        self.language = language
        self.name = name
        self._x = self._y = self._row_height = 0
        self._id = 0
        self._target = 'job=~"$job",instance=~"$instance"'
        self._builder = (
            dashboard.Dashboard(f"packcenter · {titles[language]}")
            .uid(f"packcenter-{name}-{language}")
            .description(purpose[language])
            .tags(["packcenter", language])
            .readonly()
            .refresh(refresh)
            .time(f"now-{span}", "now")
            .timezone("browser")
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .with_variable(
                dashboard.DatasourceVariable("datasource").label(self.text("Data source", "数据源")).type("prometheus")
            )
        )
        self._variable("job", self.text("Job", "任务"), "label_values(packcenter_build_info, job)")
        self._variable("instance", self.text("Hall", "中心"), 'label_values(packcenter_build_info{job=~"$job"}, instance)')
        for other, (english, chinese) in SCREENS.items():
            if other != name:
                self._link(self.text(english, chinese), f"/d/packcenter-{other}-{language}")
        self._link("中文" if language == "en" else "English", f"/d/packcenter-{name}-{'zh' if language == 'en' else 'en'}")

    def text(self, english: str, chinese: str) -> str:
        """The text of this dashboard's language."""
        return chinese if self.language == "zh" else english

    def with_plc(self) -> None:
        """A variable that narrows the screen to some PLCs."""
        self._variable("plc", "PLC", 'label_values(packcenter_plc_up{job=~"$job",instance=~"$instance"}, plc)')

    def note(self, name: str, expr: str) -> None:
        """Mark on every time axis when this becomes true."""
        self._builder = self._builder.annotation(
            dashboard.AnnotationQuery()
            .name(name)
            .datasource(DATA_SOURCE)
            .enable(True)
            .icon_color(BLUE_GREY)
            .expr(self._filled(expr))
            .title_format(name)
            .step("60s")
        )

    def build(self) -> models.Dashboard:
        """The finished dashboard."""
        return self._builder.build()

    # --- panels -------------------------------------------------------------------------------------------------------

    def stat(
        self, title: str, about: str, expr: str, unit: str, steps: Steps = GREY, *, width: int, height: int = 4,
        decimals: int | None = None, spark: bool = False, legend: str = "", words: Iterable[str] = (),
        none: str = "–", text_mode: str = "value", amber: Iterable[str] = (),
    ) -> None:  # fmt: skip
        """One number, or one for each series if `text_mode` is value_and_name."""
        panel = (
            stat.Panel()
            .color_mode(common_models.BigValueColorMode.VALUE)
            .graph_mode(common_models.BigValueGraphMode.AREA if spark else common_models.BigValueGraphMode.NONE)
            .justify_mode(common_models.BigValueJustifyMode.CENTER)
            .text_mode(common_models.BigValueTextMode(text_mode))
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
            .no_value(none)
        )
        if decimals is not None:
            panel = panel.decimals(decimals)
        for word in amber:
            panel = panel.override_by_name(word, [_color(AMBER), _value("displayName", say(word, self.language))])
        self._add(panel, title, about, [(expr, legend or title)], unit, width, height, steps, instant=not spark, words=words)

    def bars(
        self, title: str, about: str, expr: str, legend: str, unit: str, steps: Steps = GREY, *, width: int, height: int,
        words: Iterable[str] = (), ceiling: float | None = None, decimals: int | None = None,
        rename: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Horizontal bars, in the query's order; at most six, so that their names are read from afar."""
        panel = (
            bargauge.Panel()
            .orientation(common_models.VizOrientation.HORIZONTAL)
            .display_mode(common_models.BarGaugeDisplayMode.BASIC)
            .name_placement(common_models.BarGaugeNamePlacement.LEFT)
            .value_mode(common_models.BarGaugeValueMode.TEXT)
            .show_unfilled(True)
            .sizing(common_models.BarGaugeSizing.MANUAL)
            .min_viz_height(16)
            .max_viz_height(36)
            .text(common.VizTextDisplayOptions().value_size(16))
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
            .min(0)
            .no_value(self.text("none", "无"))
        )
        if ceiling is not None:
            panel = panel.max(ceiling)
        if decimals is not None:
            panel = panel.decimals(decimals)
        panel = self._renamed(panel, rename or {})
        self._add(panel, title, about, [(expr, legend)], unit, width, height, steps, instant=True, words=words)

    def lines(
        self, title: str, about: str, queries: Sequence[Query], unit: str, *, width: int, height: int,
        words: Iterable[str] = (), floor: float | None = 0, ceiling: float | None = None, decimals: int | None = None,
        dashed: str = "", limit: float | None = None, soft: float | None = None,
    ) -> None:  # fmt: skip
        """Trends. Legends that match `dashed` are dashed; `limit` is an amber line; the axis reaches at least up to `soft`."""
        panel = (
            timeseries.Panel()
            .line_width(2)
            .fill_opacity(0)
            .show_points(common_models.VisibilityMode.NEVER)
            .legend(
                common.VizLegendOptions()
                .show_legend(True)
                .display_mode(common_models.LegendDisplayMode.LIST)
                .placement(common_models.LegendPlacement.BOTTOM)
            )
            .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
            .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.SHADES).fixed_color(BLUE_GREY))
        )
        pens = [*words] if words else [legend for _, legend in queries if "{" not in legend]
        for name, pen in zip(pens, PENS, strict=False):
            panel = panel.override_by_name(name, [_color(pen)])
        if any("{{plc}}" in legend for _, legend in queries):
            for pattern, pen in zip(MACHINES, PENS, strict=False):
                panel = panel.override_by_regexp(pattern, [_color(pen)])
        if floor is not None:
            panel = panel.min(floor)
        if ceiling is not None:
            panel = panel.max(ceiling)
        if decimals is not None:
            panel = panel.decimals(decimals)
        if limit is not None:
            panel = panel.thresholds_style(
                common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.DASHED)
            )
        if soft is not None:
            panel = panel.axis_soft_max(soft)
        panel = panel.override_by_name(_MARGIN, [_value(name, value) for name, value in _MARGIN_LOOKS.items()])
        if dashed:
            panel = panel.override_by_regexp(dashed, [_value("custom.lineStyle", {"fill": "dash", "dash": [8, 6]})])
        margin = [("vector(0)", _MARGIN)]
        self._add(panel, title, about, [*queries, *margin], unit, width, height, rising(limit, None), words=words)

    def timeline(
        self, title: str, about: str, expr: str, legend: str, mappings: list[Any], *, width: int, height: int, show: bool = True
    ) -> None:
        """States over time, one row each."""
        panel = (
            statetimeline.Panel()
            .mappings(mappings)
            .show_value(common_models.VisibilityMode.AUTO if show else common_models.VisibilityMode.NEVER)
            .merge_values(True)
            .row_height(0.82)
            .line_width(0)
            .fill_opacity(100)
            .legend(common.VizLegendOptions().show_legend(False).display_mode(common_models.LegendDisplayMode.LIST))
            .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
        )
        self._add(panel, title, about, [(expr, legend)], "none", width, height, GREY)

    def table(
        self, title: str, about: str, expr: str, columns: Mapping[str, str], unit: str, *, width: int, height: int,
        matrix: tuple[str, str] | None = None, properties: Mapping[str, list[Any]] | None = None, sort: str = "",
        descending: bool = False, hidden: Iterable[str] = (), empty: str = "", missing: str = "zero", decimals: int | None = None,
    ) -> None:  # fmt: skip
        """
        Rows with these columns (label or `Value` -> heading, in order). `hidden` are labels to leave out, besides the target's.

        With nothing to show there is one row that says so, with a dash in the label `empty`.
        `matrix` is (row label, column label): one number for each pair, and where there is none `missing`, "zero" or "null".
        `properties` are overrides by heading.
        """
        panel = table.Panel().show_header(True).cell_height(common_models.TableCellHeight.SM).filterable(False)
        if matrix:
            options = {"rowField": matrix[0], "columnField": matrix[1], "valueField": "Value", "emptyValue": missing}
            panel = panel.with_transformation(models.DataTransformerConfig(id_val="groupingToMatrix", options=options))
        if decimals is not None:
            panel = panel.decimals(decimals)
        always = () if matrix else ("Time", "__name__", "job", "instance", "Value")
        organize = {
            "excludeByName": {name: True for name in (*always, *hidden) if name not in columns},
            "indexByName": {name: at for at, name in enumerate(columns)},
            "renameByName": dict(columns),
        }
        panel = panel.with_transformation(models.DataTransformerConfig(id_val="organize", options=organize))
        for heading, changes in (properties or {}).items():
            panel = panel.override_by_name(heading, changes)
        if sort:
            panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(descending)])
        if empty:
            expr = f'({expr}) or on () label_replace(vector(0), "{empty}", "–", "", "")'
        self._add(panel, title, about, [(expr, title)], unit, width, height, GREY, instant=True, as_table=True)

    # --- below --------------------------------------------------------------------------------------------------------

    def _add(
        self, panel: Any, title: str, about: str, queries: Sequence[Query], unit: str, width: int, height: int, steps: Steps, *,
        instant: bool = False, as_table: bool = False, words: Iterable[str] = (),
    ) -> None:  # fmt: skip
        self._id += 1
        if self._x + width > COLUMNS:
            self._x, self._y, self._row_height = 0, self._y + self._row_height, 0
        self._row_height = max(self._row_height, height)
        panel = (
            panel.id(self._id).title(title).description(about).datasource(DATA_SOURCE).unit(unit)
            .grid_pos(models.GridPos(h=height, w=width, x=self._x, y=self._y))
            .thresholds(
                dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE)
                .steps([models.Threshold(value=value, color=color) for value, color in steps])
            )
        )  # fmt: skip
        self._x += width
        for at, (expr, legend) in enumerate(queries):
            query = prometheus.Dataquery().expr(self._filled(expr)).legend_format(legend).ref_id(chr(ord("A") + at))
            if instant:
                query = query.instant()
            if as_table:
                query = query.format(PromQueryFormat.TABLE)
            panel = panel.with_target(query)
        for word in words:
            shown = say(word, self.language)
            if shown != word:
                panel = panel.override_by_name(word, [_value("displayName", shown)])
        self._builder = self._builder.with_panel(panel)

    def _renamed(self, panel: Any, names: Mapping[str, str]) -> Any:
        for pattern, shown in names.items():
            options = {"regex": pattern, "renamePattern": shown}
            panel = panel.with_transformation(models.DataTransformerConfig(id_val="renameByRegex", options=options))
        return panel

    def _filled(self, expr: str) -> str:
        return expr.replace("@", self._target).replace("[r]", "[$__rate_interval]")

    def _variable(self, name: str, label: str, query: str) -> None:
        variable = (
            dashboard.QueryVariable(name)
            .label(label)
            .datasource(DATA_SOURCE)
            .query(query)
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
            .all_value(".+")
            .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
        )
        self._builder = self._builder.with_variable(variable)

    def _link(self, title: str, url: str) -> None:
        link = dashboard.DashboardLink(title).type(models.DashboardLinkType.LINK).url(url).keep_time(True).icon("dashboard")
        self._builder = self._builder.link(link)


SCREENS = {
    "operator": ("Operator wall", "操作大屏"),
    "engineer": ("Engineer", "工程师"),
    "maintenance": ("Maintenance", "维修"),
}


def wide(pixels: int) -> Any:
    """A column's width."""
    return _value("custom.width", pixels)


def value_map(words: Mapping[str, tuple[str, str]]) -> list[Any]:
    """Value mappings: value -> (text, colour)."""
    return [
        models.ValueMap(
            options={
                value: models.ValueMappingResult(text=text, color=color or None, index=at)
                for at, (value, (text, color)) in enumerate(words.items())
            }
        )
    ]


def _value(name: str, value: Any) -> Any:
    return models.DynamicConfigValue(id_val=name, value=value)


def _color(color: str) -> Any:
    return _value("color", {"mode": "fixed", "fixedColor": color})


def mapped(words: Mapping[str, tuple[str, str]], *, colored: bool = False, width: int = 0) -> list[Any]:
    """Overrides of a table column: values to texts, the text in the mapping's colour if `colored`, a width in pixels."""
    options = {
        value: {"text": text, "index": at} | ({"color": color} if color else {})
        for at, (value, (text, color)) in enumerate(words.items())
    }
    changes = [_value("mappings", [{"type": "value", "options": options}])]
    changes.append(_value("custom.cellOptions", {"type": "color-text" if colored else "auto", "wrapText": True}))
    if width:
        changes.append(_value("custom.width", width))
    return changes


def plain_numbers() -> list[Any]:
    """Overrides of a table column that counts, in a table of another unit."""
    return [_value("unit", "none"), _value("decimals", 0)]


def alarming_from(value: float) -> list[Any]:
    """Overrides of a table column of numbers: red from this value on."""
    result = {"color": RED, "index": 0}
    return [
        _value("custom.cellOptions", {"type": "color-text"}),
        _value("mappings", [{"type": "range", "options": {"from": value, "to": None, "result": result}}]),
    ]


def patterns(texts: Mapping[str, str], width: int) -> list[Any]:
    """Overrides of a table column: texts by regular expression (groups as $1), and a width in pixels."""
    found = [
        {"type": "regex", "options": {"pattern": pattern, "result": {"text": text, "index": at}}}
        for at, (pattern, text) in enumerate(texts.items())
    ]
    return [_value("mappings", found), _value("custom.width", width)]

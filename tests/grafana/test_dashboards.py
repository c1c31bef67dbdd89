"""Dashboards: what is committed is what is built, every query is sound and fed, grey unless a person must look."""

from __future__ import annotations

import json
import re
from typing import Any

import boards
import promql_parser
import pytest

from grafana import build, panels
from grafana.alerts import RECORDINGS
from grafana.catalogue import ALERTS
from grafana.words import CHINESE, PACKML
from packcenter.core.packml import State
from packcenter.projections import families
from packcenter.projections.elements import ELEMENTS

BAR_PANELS_MAX = 8
ALLOWED_COLORS = {
    panels.NORMAL,
    panels.UNSEEN,
    panels.QUIET,
    panels.RUNNING,
    panels.LIGHT,
    panels.BLUE_GREY,
    panels.AMBER,
    panels.RED,
    "#3a4047",
    *panels.PENS,
}


def test_what_is_committed_is_what_is_built() -> None:
    """`python -m grafana.build` changes nothing."""
    for name, content in build.products().items():
        assert (boards.FOLDER / name).read_text(encoding="utf-8") == content, f"{name} is stale: run python -m grafana.build"


def test_building_twice_gives_the_same_bytes() -> None:
    """Diffs of dashboards show changes of meaning only."""
    assert build.products() == build.products()


@pytest.mark.parametrize("name", boards.NAMES)
def test_every_query_parses_and_names_only_what_is_scraped(name: str) -> None:
    """A typing mistake in a metric's name shows here and not as an empty panel."""
    known = boards.scraped()
    for query in boards.queries(name):
        promql_parser.parse(boards.filled(query.expr))
        for metric, _ in boards.selectors(query.expr):
            assert metric in known, f"{name}: {query.panel}: {metric} is no metric"


def test_a_query_with_an_unknown_metric_would_be_found() -> None:
    """The check above sees names inside functions, ratios and aggregations."""
    found = {name for name, _ in boards.selectors('sum by (plc) (rate(nothing_total{a="b"}[5m])) / (absent_gauge > 0)')}
    assert found == {"nothing_total", "absent_gauge"}


@pytest.mark.parametrize("name", boards.NAMES)
def test_every_label_that_a_query_uses_is_one_that_the_metric_has(name: str) -> None:
    """Selectors and groupings name labels of the family, or of the target."""
    labels = {sample: set(family.label_names) | {"le"} for family in families.FAMILIES for sample in family.sample_names}
    for query in boards.queries(name):
        for node, _ in boards.nodes(query.expr):
            if type(node).__name__ == "VectorSelector" and node.name in labels:
                used = {matcher.name for matcher in node.matchers.matchers}
                assert used <= labels[node.name] | {"job", "instance"}, (query.panel, node.name, used)


@pytest.mark.parametrize("name", boards.NAMES)
def test_counters_are_read_as_rates_and_nothing_else_is(name: str) -> None:
    """A counter stands under rate or increase; a gauge never does."""
    known = boards.scraped()
    for query in boards.queries(name):
        for metric, above in boards.selectors(query.expr):
            rated = any(type(node).__name__ == "Call" and node.func.name in ("rate", "increase") for node in above)
            assert rated == (known[metric] in ("counter", "histogram")), (name, query.panel, metric)


@pytest.mark.parametrize("name", boards.NAMES)
def test_ranges_follow_the_screen_or_are_long_enough(name: str) -> None:
    """A range is Grafana's own or at least five minutes, so that a slower scrape leaves no hole."""
    for query in boards.queries(name):
        for given in re.findall(r"\[([^\]]+)\]", query.expr):
            assert given in ("$__rate_interval", "$__range", "5m", "15m", "1h", "3h", "1m"), (query.panel, given)
            assert given != "1m", query.panel


@pytest.mark.parametrize("name", boards.NAMES)
def test_every_panel_says_what_it_shows(name: str) -> None:
    """Title, description, unit, legend, a data source that can be chosen, and at least one query."""
    for panel in boards.panels(name):
        where = (name, panel["title"])
        assert panel["title"].strip(), where
        assert len(panel["description"]) > 8, where
        assert panel["description"].endswith((".", "。", "）")), where
        assert panel["fieldConfig"]["defaults"]["unit"], where
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, where
        assert panel["targets"], where
        assert all(target["legendFormat"] for target in panel["targets"]), where


@pytest.mark.parametrize("name", boards.NAMES)
def test_only_dependable_panel_types_and_units_are_used(name: str) -> None:
    """Stat, bar gauge, time series, state timeline and table draw the same in Grafana 10 to 13; `short` would print 3 K."""
    for panel in boards.panels(name):
        assert panel["type"] in ("stat", "bargauge", "timeseries", "state-timeline", "table"), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in ("none", "percentunit", "s", "dthms", "cps", "ops", "reqps"), panel[
            "title"
        ]


@pytest.mark.parametrize("name", boards.NAMES)
def test_panels_have_ids_and_do_not_overlap(name: str) -> None:
    """Links to a panel stay good, and the grid is full 24 columns at most."""
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in boards.panels(name)]
    assert sorted(ids) == list(range(1, len(ids) + 1))
    for panel in boards.panels(name):
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < panels.COLUMNS, panel["title"]
        taken |= cells


def test_the_wall_fits_one_screen() -> None:
    """27 grid rows of 38 pixels and Grafana's head are 1,080."""
    for name in ("operator-en", "operator-zh"):
        assert max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in boards.panels(name)) <= 27


def colors(node: Any) -> set[str]:
    """Every colour that is written anywhere in a dashboard."""
    if isinstance(node, dict):
        own = {value for key, value in node.items() if key in ("color", "fixedColor") and isinstance(value, str)}
        return own.union(*(colors(value) for value in node.values()))
    return set().union(*(colors(value) for value in node)) if isinstance(node, list) else set()


@pytest.mark.parametrize("name", boards.NAMES)
def test_colours_are_greys_muted_pens_amber_and_red(name: str) -> None:
    """ISA-101: nothing ordinary has a colour that calls; there are no green lamps."""
    assert colors(boards.panels(name)) <= ALLOWED_COLORS
    modes = re.findall(r'"mode": "([^"]+)"', json.dumps(boards.panels(name)))
    assert not [mode for mode in modes if mode.startswith(("palette", "continuous"))]


@pytest.mark.parametrize("screen", ["operator", "engineer", "maintenance"])
def test_both_languages_ask_the_same(screen: str) -> None:
    """English and Chinese differ in words only."""

    def shape(language: str) -> list[Any]:
        label = re.compile(r'"what", "[^"]*"')
        return [
            (panel["type"], panel["gridPos"], [label.sub("", target["expr"]) for target in panel["targets"]])
            for panel in boards.panels(f"{screen}-{language}")
        ]

    assert shape("en") == shape("zh")


@pytest.mark.parametrize("screen", ["operator", "engineer", "maintenance"])
def test_the_chinese_screens_speak_chinese(screen: str) -> None:
    """Every title but a machine's abbreviation and every description has Chinese characters; English ones have none."""
    for language in ("en", "zh"):
        for panel in boards.panels(f"{screen}-{language}"):
            for text in (panel["title"], panel["description"]):
                assert bool(re.search(r"[\u4e00-\u9fff]", text)) == (language == "zh"), text


def test_every_word_of_a_closed_list_has_a_chinese_word() -> None:
    """A reason that is added to a metric is added to `grafana/words.py`."""
    lists = [
        value
        for name, value in vars(families).items()
        if name.endswith(("_REASONS", "_OUTCOMES", "_RESULTS", "_STATES", "_MODES")) and isinstance(value, tuple)
    ]
    lists += [ELEMENTS, families.PLACE_KINDS, families.DISPOSITIONS, families.STAGES, tuple(families.CONSUMABLES.values())]
    assert len(lists) > 12
    assert sorted({word for words in lists for word in words} - CHINESE.keys()) == []


def test_every_packml_state_has_words() -> None:
    """The state timelines map every code."""
    assert sorted(PACKML) == sorted(State)


def test_every_metric_is_used_and_every_recording_too() -> None:
    """No dead metric: each family is read by a panel, a rule or an alert; each recording by a panel or an alert."""
    exprs = [query.expr for query in boards.queries(*boards.NAMES)] + [alert.rule for alert in ALERTS]
    exprs += [note["expr"] for name in boards.NAMES for note in boards.board(name).get("annotations", {}).get("list", [])]
    used = {name for expr in (*exprs, *(recording.expr for recording in RECORDINGS)) for name, _ in boards.selectors(expr)}
    dead = [family.name for family in families.FAMILIES if not used & set(family.sample_names)]
    assert dead == []
    assert [recording.record for recording in RECORDINGS if recording.record not in used] == []


@pytest.mark.parametrize("name", boards.NAMES)
def test_dashboards_are_read_only_and_lead_to_each_other(name: str) -> None:
    """Links name dashboards that exist, in the reader's language, and the other language is one click away."""
    uids = {boards.board(other)["uid"] for other in boards.NAMES}
    assert boards.board(name)["editable"] is False
    assert boards.board(name)["uid"] == f"packcenter-{name}"
    targets = {link["url"].removeprefix("/d/") for link in boards.board(name)["links"]}
    assert targets <= uids
    screen, language = name.split("-")
    other = "en" if language == "zh" else "zh"
    assert targets == {f"packcenter-{s}-{language}" for s in ("operator", "engineer", "maintenance") if s != screen} | {
        f"packcenter-{screen}-{other}"
    }


def test_the_wall_tells_what_to_do_about_every_alarm() -> None:
    """Each alarm and each alert that can stand on the wall has its title and its advice in the table, in both languages."""
    for language in ("en", "zh"):
        table = json.dumps(
            next(panel for panel in boards.panels(f"operator-{language}") if panel["type"] == "table"), ensure_ascii=False
        )
        for alert in ALERTS:
            says = alert.zh if language == "zh" else alert.en
            assert json.dumps(says.title, ensure_ascii=False) in table
            assert json.dumps(says.do.replace("`", ""), ensure_ascii=False) in table

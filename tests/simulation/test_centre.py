"""The provincial centre: its hall and its day fit each other, and what became of each kind of work is told truly."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from packcenter.cli.codes import OK
from packcenter.cli.main import run
from packcenter.config.errors import ConfigError
from packcenter.config.load import bundled_site, load_site
from packcenter.core.s10 import is_valid
from simulation import centre, days, demand
from simulation import scenario as scenarios
from simulation.clock import HeapClock
from simulation.demand import SOURCES
from simulation.documents import EXAMPLE_DAY, day_of
from simulation.staged import stage, widened
from simulation.systems import Came, System, findings

HALL = load_site(bundled_site("centre")).hall
ROWS = days.example_rows(HALL, 7, EXAMPLE_DAY)

SCENARIO = f"""
schema = "packcenter.scenario/1"
title = "a"
title_zh = "b"
about = "c"
site = "{bundled_site("centre")}"
items = 300

[expect]
dispatched_percent_min = 0
"""
SYSTEM = """
[[expect.system]]
name = "Court documents"
name_zh = "法院文书"
mail_classes = ["court_document"]
percent_min = 50
"""


def staged_findings(folder: Path, text: str) -> list[str]:
    path = folder / "day.toml"
    path.write_text(SCENARIO + text, "utf-8")
    scenario = scenarios.load(str(path))
    return [
        finding
        for finding in stage(scenario, load_site(scenario.site), HeapClock()).findings
        if not finding.partition(" ")[2].startswith(("items at the hand", "alarms for", "items lost"))
    ]


def test_the_hall_takes_every_row_of_its_day() -> None:
    """Agencies, classes, services, destinations and forms of waybills are the site's: no line is refused."""
    day = day_of(HALL, demand.files(ROWS, EXAMPLE_DAY), 7)
    assert sum(len(delivery.documents) for delivery in day.deliveries) == len(ROWS)
    assert {row.agency for row in ROWS} == set(HALL.agencies)
    assert {row.mail_class for row in ROWS} == {each.name for each in HALL.mail_classes}
    assert {row.service for row in ROWS} == {"ems", "registered", "receipt-requested", "outlet-pickup"}


def test_a_day_has_as_many_items_as_each_sends() -> None:
    """On an ordinary day, on one that is scaled, and on one on which some send another number."""
    usual = Counter(row.agency for row in ROWS if not row.case)
    assert usual == {source.agency: source.items for source in centre.SOURCES}
    assert centre.ITEMS_A_DAY - len(ROWS) == centre.CASE_DOCUMENTS - sum(bool(row.case) for row in ROWS) < 10
    assert 2_900 < len(days.example_rows(HALL, 7, EXAMPLE_DAY, 3_000)) <= 3_000
    fewer = Counter(row.agency for row in days.example_rows(HALL, 7, EXAMPLE_DAY, None, {"court": 5, "tax": 0}) if not row.case)
    assert (fewer["court"], fewer["tax"], fewer["real-estate"]) == (5, 0, 400)


def test_what_other_halls_have_is_not_moved_by_it() -> None:
    """Streams of luck are named: the same agency sends the same, in whatever hall."""
    of_tax = [row for row in ROWS if row.agency == "tax"]
    assert of_tax == [row for row in demand.example_day(7, EXAMPLE_DAY) if row.agency == "tax"]
    assert set(days.AGENCIES) >= {source.agency for source in SOURCES}
    newborn = load_site(bundled_site("newborn")).hall
    assert {row.agency for row in days.example_rows(newborn, 7, date(2026, 3, 3))} == set(newborn.agencies)


def test_the_court_numbers_in_its_own_form() -> None:
    """All others by UPU S10, with check digits."""
    waybills = {row.agency: row.waybill for row in ROWS if row.waybill}
    assert waybills["court"].isdigit()
    assert len(waybills["court"]) == 13
    assert all(is_valid(waybill) for agency, waybill in waybills.items() if agency != "court")


def test_the_books_of_so_many_classes_fit_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    """No heading and no class is cut."""
    assert run(["simulate", "--hall", "centre", "--items", "60"]) == OK
    told = capsys.readouterr().out
    assert "real estate certificate" in told
    assert "difference" in told
    assert "…" not in told


def test_copies_of_sorters_reach_the_same_case_racks() -> None:
    """By infeeds of their own: a case may come on any of them, and has one cell."""
    wide = widened(HALL, 2, 3)
    to_racks = [(lane.feeds, lane.infeed) for sorter in wide.sorters for lane in sorter.lanes if lane.feeds.startswith("cases")]
    assert len(set(to_racks)) == len(to_racks) == 8
    assert {feeds for feeds, _ in to_racks} == {rack.plc for rack in wide.case_racks} == {"cases-1", "cases-2"}
    assert [rack.cells for rack in wide.case_racks] == [2 * rack.cells for rack in HALL.case_racks]


def test_what_came_of_each_kind_of_work_is_counted(tmp_path: Path) -> None:
    """What was expected of it is held against it, one sentence each."""
    assert staged_findings(tmp_path, SYSTEM) == []
    found = staged_findings(tmp_path, SYSTEM.replace("percent_min = 50", "percent_min = 50\nitems_min = 100"))
    assert found == ["Court documents: 10 items, expected 100 at least"]
    found = staged_findings(tmp_path, SYSTEM + "receipts_percent_min = 1\n")
    assert found == ["Court documents: 0 receipts of 10 came back, expected 1 % at least"]


@pytest.mark.parametrize(
    ("came", "said"),
    [
        (Came("x", "x", 10, 10, 10, 0), ""),
        (Came("x", "x", 10, 4, 4, 0), "x: 4 of 10 items were dispatched, expected 50 % at least"),
        (Came("x", "x", 10, 9, 8, 0), "x: of 9 items that left agencies were told of 8, expected all, once"),
    ],
)
def test_a_system_that_falls_short_is_told(came: Came, said: str) -> None:
    """Also that an agency was not told."""
    system = System(name="x", name_zh="x", percent_min=50)
    assert list(findings(system, came)) == ([said] if said else [])


def test_a_switch_to_a_plan_that_the_site_has_not_is_refused(tmp_path: Path) -> None:
    """Before anything runs, with the plans that there are."""
    deed = '[[deed]]\nat = "09:00"\nact = "plan"\nperson = "s-1"\nrole = "supervisor"\n'
    with pytest.raises(ConfigError) as raised:
        staged_findings(tmp_path, deed + 'body = { plan = "peek.toml", reason = "x" }\n')
    assert 'nearest "peak.toml"' in str(raised.value)

"""Figures of what is open: they follow the facts, agree with a count of the whole state, and a restart goes on with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_metrics import total, value, values

from grafana.preview.feed import Recorded
from packcenter.config.load import load_site
from packcenter.core import record
from packcenter.core.case_facts import CaseOverdue
from packcenter.core.controller import Controller
from packcenter.core.hall import Hall
from packcenter.core.loop_facts import InfeedHeld
from packcenter.core.records import Cell, cell_place
from packcenter.core.state import Plc, State
from packcenter.core.words import PlaceState
from packcenter.projections import receipts, remakes
from packcenter.projections.hall_figures import CASE_STATES, CELL_STATES, case_state
from packcenter.projections.metrics import Metrics
from simulation import scenario as scenarios
from simulation.clock import HeapClock
from simulation.staged import stage

LETTERS = """
schema = "packcenter.scenario/1"
title = "a"
title_zh = "b"
about = "c"
site = "{site}"
items_of = {{ letters-office = 150, tax = 20, police-household = 20, exit-entry = 20, residence = 20 }}
[receipts]
hours = 1
percent = 60
after_minutes = [10, 50]
[expect]
dispatched_percent_min = 0
"""


def counted(state: State, hall: Hall) -> dict[tuple[str, ...], float]:
    """What a walk over everything finds."""
    found: dict[tuple[str, ...], float] = {("cases", state_of): 0 for state_of in CASE_STATES}
    for case in state.cases.values():
        where = case_state(state, case)
        if where:
            found["cases", where] += 1
    counts = receipts.counts(state)
    found |= {("receipts", word): counts[word] for word in ("awaited", "overdue")}
    found["documents_doubtful",] = len(remakes.waiting(state))
    for rack in hall.case_racks:
        used = [cell for place, cell in state.cells.items() if place.startswith(f"cell/{rack.plc}/") and cell.case]
        found["case_cells", rack.plc, "free"] = rack.cells - len(used)
    return found


def shown(metrics: Metrics, state: State, keys: Any) -> dict[tuple[str, ...], float]:
    metrics.refresh(state, state.last_us)
    samples = values(metrics)
    named = {(name.removeprefix("packcenter_"), *(v for _, v in labels)): number for (name, labels), number in samples.items()}
    return {key: named[key] for key in keys}


@pytest.mark.parametrize("what", ["cases", "receipts"])
def test_the_figures_of_a_day_agree_with_a_walk_over_the_state(what: str, tmp_path: Path) -> None:
    """At every moment that is looked at, and after a restart from the journal."""
    name = "narrow-hall"
    if what == "receipts":
        (tmp_path / "day.toml").write_text(LETTERS.format(site=scenarios.folder() / "reference" / "site.toml"), "utf-8")
        name = str(tmp_path / "day.toml")
    scenario = scenarios.load(name)
    configuration = load_site(scenario.site)
    metrics, controller = Metrics(configuration.hall), Controller()
    state = controller.state
    records: list[Recorded] = []
    moved: set[tuple[str, ...]] = set()

    def keep(draft: Any) -> None:
        body = record.decode(draft.body)
        controller.fold(draft.at_us, body.facts, body.commands)
        records.append(Recorded(draft.at_us, body.input, list(body.facts), list(body.commands)))
        metrics.observe(records[-1])
        if len(records) % 20 == 0:
            expected = counted(state, configuration.hall)
            assert shown(metrics, state, expected) == expected
            moved.update(key for key, number in expected.items() if number)

    stage(scenario, configuration, HeapClock(), keep=keep)
    expected = counted(state, configuration.hall)
    again = Metrics(configuration.hall)
    again.recover(state, records)
    assert shown(again, state, expected) == expected
    if what == "cases":
        assert {("cases", word) for word in CASE_STATES} <= moved
        assert total(metrics, "case_parcels_total") > 0
        assert total(metrics, "cases_overdue_total") == total(metrics, "cases_overdue_total", policy="wait") > 0
        assert value(metrics, "plan_valid") == 0
        assert total(metrics, "waybills") == 60
    else:
        assert {("receipts", "awaited"), ("receipts", "overdue")} <= moved
        assert value(metrics, "receipts_ended_total", result="returned") > 0
    assert value(metrics, "metrics_unlisted_total") == 0


def test_a_held_infeed_and_a_case_that_runs_over_its_time_are_counted() -> None:
    """Only the holding counts, and a loop that the hall has not is counted as unlisted."""
    metrics = Metrics(load_site(scenarios.folder() / "newborn" / "site.toml").hall)
    metrics.observe(Recorded(1, None, [CaseOverdue("NB-1", "part_ship", 1, ()), InfeedHeld("sorter-1", False, 3)], []))
    assert value(metrics, "cases_overdue_total", policy="part_ship") == 1
    metrics.observe(Recorded(2, None, [InfeedHeld("sorter-1", True, 9)], []))
    assert value(metrics, "metrics_unlisted_total") == 1


def test_a_cell_that_its_machine_has_closed_is_not_a_free_one() -> None:
    """Else the wall shows room that no case can have; one in use is in use, closed or not."""
    metrics = Metrics(load_site(scenarios.folder() / "newborn" / "site.toml").hall)
    state = Controller().state
    rack = metrics.hall.case_racks[0]
    state.plcs[rack.plc] = Plc(name=rack.plc, places={1: PlaceState.CLOSED, 2: PlaceState.JAMMED, 3: PlaceState.CLOSED})
    state.cells[cell_place(rack.plc, 3)] = Cell(case="NB-1")
    metrics.refresh(state, 0)
    found = {word: value(metrics, "case_cells", plc=rack.plc, state=word) for word in CELL_STATES}
    assert found == {"free": rack.cells - 3, "closed": 2, "used": 1, "suspect": 0}

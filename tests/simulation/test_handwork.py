"""People at the hand station of a scenario's day: what machines could not finish leaves all the same, and the books say how."""

from __future__ import annotations

from pathlib import Path

import pytest

from packcenter.config.load import bundled_site, load_site
from simulation import scenario as scenarios
from simulation.clock import HeapClock
from simulation.staged import Staged, stage

HEAD = """
schema = "packcenter.scenario/1"
title = "a"
title_zh = "b"
about = "c"
items = 150
"""
EXPECT = "[expect]\ndispatched_percent_min = 0\n"
LUCK = "luck = {{ {} }}\n"


def staged(folder: Path, more: str, hall: str = "reference") -> Staged:
    path = folder / "day.toml"
    path.write_text(f'{HEAD}site = "{bundled_site(hall)}"\n{more}{EXPECT}', "utf-8")
    scenario = scenarios.load(str(path))
    return stage(scenario, load_site(scenario.site), HeapClock())


def test_what_readers_could_not_read_is_coded_and_leaves(tmp_path: Path) -> None:
    """One in five at the scanner, one in ten at the feeder: nobody there, they stay; two people, all leave, each thing once."""
    luck = LUCK.format("scan_no_read = 150000, scan_multiple = 50000, feed_no_read = 100000, falls = 0, ghost = 0")
    alone = staged(tmp_path, luck)
    assert alone.decided == {}
    assert sum(alone.hand.values()) > 20
    worked = staged(tmp_path, luck + "[hand_station]\npeople = 2\n")
    assert worked.hand == {}
    assert worked.decided["code"] > 15
    assert worked.decided["reinduct"] > worked.decided["code"]
    assert not [finding for finding in worked.findings if "balance" in finding or "count" in finding]
    gone = {item.place for item in worked.result.state.items.values() if item.announced}
    assert gone == {"dispatched"}


def test_what_is_never_read_is_made_anew(tmp_path: Path) -> None:
    """After so many sleeves its agency is asked for another one; the books have each document once all the time."""
    luck = LUCK.format("scan_no_read = 1000000, scan_multiple = 0, scan_error = 0, scan_misread = 0, ghost = 0, falls = 0")
    worked = staged(tmp_path, luck + "[hand_station]\npeople = 8\nseconds_each = [5, 9]\n")
    assert worked.decided["remake"] == 150
    assert worked.hand == {}
    assert not [finding for finding in worked.findings if "balance" in finding or "count" in finding]


def test_strangers_go_back_and_riddles_are_closed(tmp_path: Path) -> None:
    """What nobody announced is returned; what fell off is sought and given up, by two people where it takes two."""
    luck = LUCK.format("ghost = 60000, falls = 60000, scan_misread = 50000")
    worked = staged(tmp_path, luck + "[hand_station]\npeople = 2\n")
    assert worked.decided["return"] > 0
    assert worked.decided["lost_for_good"] > 0
    assert "discrepancies_overdue" not in worked.alarms
    assert worked.result.state.discrepancies == {}


def test_documents_of_cases_find_their_cell_again(tmp_path: Path) -> None:
    """A case whose document could not be read leaves whole after all."""
    luck = LUCK.format("scan_no_read = 100000, cell_no_read = 50000, ghost = 0, falls = 0")
    worked = staged(tmp_path, luck + "[hand_station]\npeople = 2\n", "newborn")
    assert worked.hand == {}
    assert worked.decided["code"] > 5
    assert not [finding for finding in worked.findings if "balance" in finding or "count" in finding]


@pytest.mark.parametrize("wrong", ["people = 0", "people = 1\nseconds_each = [9]", "persons = 1"])
def test_a_wrong_table_is_refused(tmp_path: Path, wrong: str) -> None:
    """With the place."""
    with pytest.raises(Exception, match="hand_station"):
        staged(tmp_path, f"[hand_station]\n{wrong}\n")

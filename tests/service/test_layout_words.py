"""The live page has a Chinese word for every reason that it can show, and the catalogue's texts for every alarm."""

from __future__ import annotations

import re
from importlib.resources import files

from served import quiet_status, reference

from packcenter.config.load import bundled_site, load_site
from packcenter.core.alarm_table import ALARMS, Priority
from packcenter.projections.cells import CELL_WORDS
from packcenter.projections.families import HAND_REASONS
from packcenter.service.layout import OutletLayout, layout_of
from packcenter.service.status import UNSTATED


def test_every_reason_of_the_hand_station_has_a_word() -> None:
    """English is the reason itself with spaces."""
    page = (files("packcenter.service") / "live.html").read_text("utf-8")
    table = page[page.index("const WORDS = {") : page.index("const STEPS")]
    words = dict(re.findall(r'(\w+): "([^"]+)"', table))
    assert [reason for reason in (*HAND_REASONS, UNSTATED) if reason not in words] == []


def test_everything_that_can_be_open_has_a_word() -> None:
    """What `Status.open` names is what the page lists."""
    page = (files("packcenter.service") / "live.html").read_text("utf-8")
    table = page[page.index("const OPEN = {") : page.index("const MODES")]
    assert sorted(re.findall(r"(\w+): \[", table)) == sorted(quiet_status().open)


def test_the_layout_has_the_texts_of_the_catalogue() -> None:
    """The page has no alarms of its own: title and response are the core's, the mark is the priority."""
    texts = layout_of(reference().hall, release="1", mode="live", speed=1, run=1).alarms
    assert list(texts) == list(ALARMS)
    assert texts["jam"].response == ALARMS["jam"].response
    marks = {Priority.HIGH: 1, Priority.MEDIUM: 2, Priority.LOW: 3}
    assert all(text.mark == marks[ALARMS[name].priority] for name, text in texts.items())


def test_everything_that_a_cell_can_be_has_a_word() -> None:
    """What `CaseRackNow` says of a cell the page says in both languages."""
    page = (files("packcenter.service") / "live.html").read_text("utf-8")
    table = page[page.index("const CELL = {") : page.index("const CONSUMABLE")]
    assert tuple(re.findall(r"(\w+): \[", table)) == CELL_WORDS


def test_the_layout_says_what_case_racks_are_fed_by_and_feed() -> None:
    """Each infeed with every lane that leads to it, each outlet with the infeed of its bagger."""
    hall = load_site(bundled_site("centre")).hall
    racks = layout_of(hall, release="1", mode="live", speed=1, run=1).case_racks
    assert [(rack.plc, rack.cells) for rack in racks] == [("cases-1", 60), ("cases-2", 60)]
    assert racks[1].infeeds == {1: [("sorter-1", 10)], 2: [("sorter-2", 10)]}
    assert racks[1].outlets == [OutletLayout(1, "bagger-4", 5)]

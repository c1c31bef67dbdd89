"""The live page has a Chinese word for every reason that it can show, and the catalogue's texts for every alarm."""

from __future__ import annotations

import re
from importlib.resources import files

from served import quiet_status, reference

from packcenter.core.alarm_table import ALARMS, Priority
from packcenter.projections.families import HAND_REASONS
from packcenter.service.layout import layout_of
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

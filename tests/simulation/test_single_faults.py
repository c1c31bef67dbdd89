"""
One fault, one call (ISA-18.2): whatever breaks at a machine of a provincial centre, people are told what it is, and not flooded.

Each kind of machine meets each breakdown there is, for ten minutes or more where it lasts; and each mishap of the plant befalls
every second thing, as where a part is worn out.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from packcenter.config.build import Configuration
from packcenter.config.load import load_site
from simulation import scenario
from simulation.breakdowns import FAULTS
from simulation.clock import HeapClock
from simulation.luck import Rates
from simulation.staged import stage

pytestmark = pytest.mark.slow

SITE = scenario.folder() / "centre" / "site.toml"
MACHINES = ("sorter-1", "bagger-1", "rack-1", "cases-1")

CALLED = {
    "halts": {"link_lost"},
    "freezes": {"link_lost"},
    "seized": {"foreign_epoch"},
    "skips": {"events_missing", "bags_suspect"},
    "babbles": {"plc_disagrees"},
    "deaf": {"command_unanswered"},
    "poisons": {"event_quarantined"},
    "holds": {"machine_held"},
    "aborts": {"machine_aborted"},
    "runs_out": {"consumable_empty"},
    "miscounts": {"cell_counter"},
    "blurs": {"cells_miscount"},
    "reboots": set[str](),
    "dips": set[str](),
}
"""What each breakdown is called; one of them is enough. A PLC that comes back at once calls nobody for that alone."""

ONLY_AT = {"runs_out": "bagger-1", "miscounts": "cases-1", "blurs": "cases-1"}

LASTS_S = {"blurs": 2_400}
"""What takes longer to be found out: a cell only when its case leaves."""

BEFORE = {"blurs": {"cell_counter"}}
"""What is said before it is known what it is."""

CONSEQUENCES = {"secure_lost", "bags_suspect", "discrepancies_overdue"}
"""What may be said besides: that ID documents fell off a belt, that bags wait to be opened, that nobody has sought."""

ALARMS_MAX = 4

WORN = {
    "scan_no_read": {"scanner_unread"},
    "scan_multiple": {"scanner_unread"},
    "scan_error": {"scanner_unread"},
    "scan_misread": {"secure_lost", "many_rejects"},
    "scan_other": {"secure_lost", "many_rejects"},
    "scan_neighbour": set[str](),
    "falls": {"secure_lost"},
    "ghost": {"scanner_unread"},
    "jams": {"jam"},
    "wrong_lane": {"wrong_lane"},
    "feed_no_read": {"many_rejects"},
    "feed_multiple": {"many_rejects"},
    "feed_misread": {"many_rejects"},
    "feed_other": {"many_rejects"},
    "feed_neighbour": {"secure_lost", "many_rejects"},
    "double_feed": {"secure_lost", "many_rejects"},
    "label_unreadable": {"many_rejects"},
    "label_wrong": {"many_rejects"},
    "label_none": {"many_rejects"},
    "label_twice": {"many_rejects"},
    "label_late": {"many_rejects"},
    "label_other": {"many_rejects"},
    "label_misread": {"many_rejects"},
    "wrong_insert": {"many_rejects"},
    "rack_no_read": {"secure_lost"},
    "close_refused": {"rack_refuses"},
    "seal_none": {"bag_not_sealed"},
    "seal_trouble": {"bag_not_sealed"},
    "seal_unread": {"bag_not_sealed"},
    "seal_again": {"bag_not_sealed"},
    "cell_no_read": {"many_rejects"},
    "cell_misread": {"many_rejects"},
    "cell_other": {"many_rejects", "secure_lost"},
    "cell_neighbour": set[str](),
    "other_cell": set[str](),
    "takes_two": set[str](),
    "leaves_one": {"secure_lost"},
    "leaves_one_unseen": {"secure_lost"},
}
"""
What people are told, one of them is enough, if a mishap befalls every second thing. Where the books come right by themselves
(two documents that are read in the other's order, or that lie in one cell) nobody is called.
"""

SHORT, LONG = (225, "08:45"), (900, "09:30")
SELDOM = ("cell_", "other_cell", "takes_two", "leaves_one", "double_feed", "feed_neighbour")
"""What can befall few: at a case rack, or where a document lies behind another; the morning must be longer to tell."""


@cache
def centre() -> Configuration:
    return load_site(SITE)


def morning(title: str, items: int, end: str, what: str) -> str:
    """A day of the centre that begins at 08:30, and what goes wrong in it."""
    return f"""
schema = "packcenter.scenario/1"
title = "{title}"
title_zh = "{title}"
about = "One fault."
site = "{SITE}"
items = {items}

[arrivals]
begin = "08:30"
end = "{end}"

{what}

[expect]
dispatched_percent_min = 0
"""


def worn(rate: str) -> str:
    """A quarter's mail, in which every second thing meets one mishap; an hour's where that is seldom possible."""
    return morning(rate, *(LONG if rate.startswith(SELDOM) else SHORT), f"[luck]\n{rate} = 500000")


def day(fault: str, plc: str) -> str:
    """An hour's mail, in which one thing breaks."""
    lasts = "" if FAULTS[fault].end is None else f"for_s = {LASTS_S.get(fault, 600)}"
    return morning(fault, *LONG, f'[[plc_fault]]\nplc = "{plc}"\nfault = "{fault}"\nat = "08:50"\n{lasts}')


def test_every_breakdown_and_every_mishap_has_its_name() -> None:
    """One that is added says here what people are told of it."""
    assert set(CALLED) == set(FAULTS)
    assert set(WORN) == set(Rates.__struct_fields__)


@pytest.mark.parametrize("rate", sorted(WORN))
def test_a_worn_part_calls_people_without_a_flood(tmp_path: Path, rate: str) -> None:
    """Whatever goes wrong with every second thing of the centre: somebody is called by its name, and nobody is flooded."""
    file = tmp_path / "worn.toml"
    file.write_text(worn(rate), "utf-8")
    came = stage(scenario.load(str(file)), centre(), HeapClock())
    assert not [each for each in came.findings if "flood" in each]
    assert WORN[rate] & set(came.alarms) or not WORN[rate], came.alarms


@pytest.mark.parametrize("plc", MACHINES)
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_single_fault_calls_people_once(tmp_path: Path, fault: str, plc: str) -> None:
    """By its own name, with few alarms of what follows from it, and without a flood."""
    if not plc.startswith(ONLY_AT.get(fault, "")):
        pytest.skip(f"only {ONLY_AT[fault]} has that")
    file = tmp_path / "fault.toml"
    file.write_text(day(fault, plc), "utf-8")
    came = stage(scenario.load(str(file)), centre(), HeapClock())
    assert came.happened == {fault: 1}
    assert not [each for each in came.findings if "flood" in each or "alarms an hour" in each]
    called = CALLED[fault]
    assert called & set(came.alarms) or not called, came.alarms
    assert set(came.alarms) <= called | BEFORE.get(fault, set()) | CONSEQUENCES, came.alarms
    assert sum(came.alarms.values()) <= ALARMS_MAX, came.alarms

"""Scenarios: each that comes with packcenter ends as its file says, a wrong file is told whole, and a wrong end is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from packcenter.cli.codes import CONFIGURATION, OK, PROBLEM, USAGE
from packcenter.cli.main import run
from packcenter.config.errors import ConfigError
from packcenter.config.load import load_site
from packcenter.core.alarm_table import ALARMS
from simulation import scenario as scenarios
from simulation.clock import HeapClock, SimPyClock
from simulation.staged import stage, widened

SITE = scenarios.folder() / "reference" / "site.toml"
HEAD = f"""
schema = "packcenter.scenario/1"
title = "a"
title_zh = "b"
about = "c"
site = "{SITE}"
"""
CALM = "luck = {{ scan_no_read = 0, scan_multiple = 0, scan_error = 0, scan_misread = 0, falls = 0, ghost = 0, {more} }}\n"
NO_MORE = ", ".join(
    f"{name} = 0"
    for name in (
        "feed_no_read",
        "feed_multiple",
        "feed_misread",
        "double_feed",
        "label_unreadable",
        "wrong_insert",
        "rack_no_read",
    )
)
QUIET = HEAD + "items = 200\n" + CALM.format(more=NO_MORE)
EXPECT = "[expect]\ndispatched_percent_min = 100\n"


def written(folder: Path, text: str) -> str:
    path = folder / "day.toml"
    path.write_text(text, "utf-8")
    return str(path)


def findings(folder: Path, text: str) -> list[str]:
    scenario = scenarios.load(written(folder, text))
    return stage(scenario, load_site(scenario.site), HeapClock()).findings


@pytest.mark.slow
@pytest.mark.parametrize("name", scenarios.names())
def test_each_scenario_ends_as_its_file_says(name: str) -> None:
    """Books, the plant's own count, the hand station, alarms, late decisions: all as expected, and nothing else."""
    scenario = scenarios.load(name)
    assert stage(scenario, load_site(scenario.site), HeapClock()).findings == []


def test_every_alarm_is_raised_in_a_scenario_that_names_it() -> None:
    """The table from alarm to scenario is in the scenarios' files; an alarm that none must raise is one that nobody has seen."""
    table = scenarios.raising()
    assert list(table) == list(ALARMS)
    assert [alarm for alarm, names in table.items() if not names] == []
    assert table["network_lost"] == ["wayward-plcs"]


def test_an_ordinary_day_calls_for_what_wears_out_or_is_mislaid_only() -> None:
    """Rolls, a document off its belt, a bag that may hold a duplicate, and what nobody closes: all others are silent."""
    says = scenarios.load("ordinary-day").says
    assert sorted(says.expect.alarms) == ["bags_suspect", "consumable_low", "discrepancies_overdue", "secure_lost"]
    assert not any((says.plc_fault, says.mishap, says.mischief, says.deed, says.luck))


@pytest.mark.slow
def test_a_run_is_judged_when_it_is_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the second judge; and another folder is asked for where a journal lies already."""
    assert run(["scenario", "run", "people-at-work", "--journal", str(tmp_path)]) == OK
    assert run(["judge", str(tmp_path / "people-at-work")]) == OK
    assert run(["scenario", "run", "people-at-work", "--journal", str(tmp_path)]) == USAGE
    assert "name a new folder" in capsys.readouterr().err


def test_a_calm_hall_has_nothing_to_tell(tmp_path: Path) -> None:
    """All luck away: everything leaves, nobody is called, and the clock's back end makes no difference."""
    assert findings(tmp_path, QUIET + EXPECT) == []
    scenario = scenarios.load(str(tmp_path / "day.toml"))
    digests = {stage(scenario, load_site(SITE), clock).result.digest for clock in (HeapClock(), SimPyClock())}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("more", "expect", "said"),
    [
        (
            '[[mishap]]\nplc = "sorter-1"\nstation = "scanner"\nfate = "no_read"\nat = "09:00"\n',
            "",
            "hand station for no_read, exp",
        ),
        ("", "[expect.hand]\nno_read = [1, 2]\n", "0 items at the hand station for no_read, expected 1 to 2"),
        ("", "[expect.alarms]\nlink_lost = [1, 1]\n", "0 alarms for link_lost, expected 1"),
        (
            '[[plc_fault]]\nplc = "bagger-1"\nfault = "halts"\nat = "09:00"\nfor_s = 60\n',
            "",
            "1 alarms for link_lost, expected none",
        ),
        ('[[mischief]]\nact = "jams"\nat = "23:00"\n', "", "jams never happened"),
        ("", "lost = [3, 4]\n", "0 items lost, expected 3 to 4"),
        (
            '[[deed]]\nat = "09:00"\nact = "lane"\nperson = "op-1"\nrole = "operator"\n'
            'body = { plc = "sorter-1", lane = 3, order = "open", reason = "x" }\n',
            "",
            "1 refused acts, expected none (lane_open: not_closed)",
        ),
    ],
)
def test_what_ends_otherwise_is_found(tmp_path: Path, more: str, expect: str, said: str) -> None:
    """One sentence each, with what was seen and what is expected."""
    table = EXPECT + expect
    found = findings(tmp_path, QUIET + more + table)
    assert any(said in each for each in found), found


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("luck = { scan_noread = 1 }\n", 'nearest "scan_no_read"'),
        ("luck = { scan_no_read = 1000001 }\n", "scan_no_read is 1000001"),
        ("luck = { scan_no_read = 1000000 }\n", "rates of the scanner add up to"),
        ('[[mishap]]\nplc = "sorter-1"\nstation = "scanner"\nfate = "noread"\nat = "09:00"\n', 'nearest "no_read"'),
        ('[[mischief]]\nact = "jam"\nat = "09:00"\n', 'nearest "jams"'),
        ('[[mischief]]\nact = "jams"\nat = "09:00"\nevery_s = 5\n', "every_s and until together"),
        ('[[mischief]]\nact = "jams"\nat = "09:00"\nevery_s = 5\nuntil = "09:00"\n', "a time after 09:00"),
        (
            '[[plc_fault]]\nplc = "bagger-1"\nfault = "halts"\nat = "09:00"\n',
            "for_s with halts, freezes, seized, deaf, holds, aborts, miscounts, blurs, and",
        ),
        ('[[plc_fault]]\nplc = "bagger-1"\nfault = "halt"\nat = "09:00"\nfor_s = 5\n', 'nearest "halts"'),
        ('[arrivals]\nbegin = "09:00"\nend = "08:00"\n', "a time after 09:00"),
        (
            '[[deed]]\nat = "09:00"\nact = "lane"\nperson = "op-1"\nrole = "operator"\nbody = { plc = "sorter-1" }\n',
            "the body of POST /acts/lane",
        ),
        ('[[deed]]\nat = "09:00"\nact = "lanes"\nperson = "op-1"\nrole = "operator"\nbody = { }\n', 'nearest "lane"'),
        ("colour = 3\n", "not a key here"),
        ("items_of = { taxx = 3 }\n", 'nearest "tax"'),
        ("[receipts]\nhours = 4\npercent = 97\nafter_minutes = [9, 3]\n", "the soonest, then the latest"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, more: str, said: str) -> None:
    """Before anything runs."""
    with pytest.raises(ConfigError) as raised:
        scenarios.load(written(tmp_path, HEAD + more + EXPECT))
    assert said in str(raised.value)


def test_an_unknown_alarm_or_plc_is_refused(tmp_path: Path) -> None:
    """The one at loading, the other when the hall is known."""
    with pytest.raises(ConfigError, match='nearest "link_lost"'):
        scenarios.load(written(tmp_path, QUIET + EXPECT + "[expect.alarms]\nlink_losst = [1, 1]\n"))
    with pytest.raises(ConfigError, match='"bagger-9", expected a PLC of the hall'):
        findings(tmp_path, QUIET + '[[plc_fault]]\nplc = "bagger-9"\nfault = "dips"\nat = "09:00"\n' + EXPECT)


def test_the_command_line_says_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names, the nearest one, and exit codes."""
    assert run(["scenario", "list"]) == OK
    assert "ordinary-day" in capsys.readouterr().out
    assert run(["scenario", "run"]) == USAGE
    assert "ordinary-day" in capsys.readouterr().err
    assert run(["scenario", "run", "ordinaryday"]) == CONFIGURATION
    assert "'ordinary-day'" in capsys.readouterr().err
    bad = written(tmp_path, QUIET + EXPECT + "[expect.hand]\nno_read = [1, 2]\n")
    assert run(["scenario", "run", bad]) == PROBLEM
    assert "NOT AS IT MUST BE" in capsys.readouterr().out
    assert run(["scenario", "run", bad, "--json"]) == PROBLEM
    assert '"ok": false' in capsys.readouterr().out


def test_receipts_come_back_in_files(tmp_path: Path) -> None:
    """All of them, half of them, and what the file expects of them."""
    table = "[receipts]\nhours = 4\npercent = {percent}\nafter_minutes = [1, 5]\n"
    for percent, said in ((100, "0 receipts for overdue, expected 1 to 9"), (0, "0 receipts for returned, expected 1 to 300")):
        expect = EXPECT + "[expect.receipts]\nreturned = [1, 300]\noverdue = [1, 9]\n"
        found = findings(tmp_path, QUIET + "items_of = { letters-office = 300 }\n" + table.format(percent=percent) + expect)
        assert said in found


def test_a_widened_hall_is_a_hall() -> None:
    """Names are unique, every lane feeds a bagger that there is, and groups have the copies' lanes too."""
    hall = load_site(SITE).hall
    wide = widened(hall, 3, 2)
    assert len(set(wide.plcs())) == len(wide.plcs()) == 3 * (len(hall.sorters) + len(hall.baggers)) + 1
    baggers = {bagger.plc for bagger in wide.baggers}
    lanes = {(sorter.plc, lane.number): lane for sorter in wide.sorters for lane in sorter.lanes}
    assert {lane.feeds for lane in lanes.values()} - {""} == baggers
    assert len({(lane.feeds, lane.infeed) for lane in lanes.values() if lane.feeds}) == sum(
        bool(each.feeds) for each in lanes.values()
    )
    assert all(place in lanes for group in wide.plan.groups for place in group.lanes)
    assert [len(group.lanes) for group in wide.plan.groups] == [3 * len(group.lanes) for group in hall.plan.groups]
    assert widened(hall, 1, 1) == replace(hall)

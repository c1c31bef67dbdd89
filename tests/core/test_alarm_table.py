"""The catalogue of alarms is whole: every alarm says in both languages what it is and what to do, and each is raised."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import fields, replace
from scripts import FOLDER

from packcenter.core import acts, inputs
from packcenter.core.alarm_table import ALARMS, EXPLAINED_BY, RANKS, Entry, Priority, Text
from packcenter.core.alarms import RULES
from packcenter.core.facts import Fact

_TEXTS = ("title", "cause", "consequence", "response")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_SENTENCE_MAX = 200


def faults(entry: Entry) -> list[str]:
    """Why an alarm must not be in the catalogue; empty for a good one."""
    found = []
    for name in _TEXTS:
        text: Text = getattr(entry, name)
        if not (text.en and text.en.isascii() and len(text.en) <= _SENTENCE_MAX):
            found.append(f"{entry.name}: {name} in English is {text.en!r}")
        if not (_CHINESE.search(text.zh) and len(text.zh) <= _SENTENCE_MAX):
            found.append(f"{entry.name}: {name} in Chinese is {text.zh!r}")
        if name != "title" and not (text.en.endswith(".") and text.zh.endswith("。")):
            found.append(f"{entry.name}: {name} is no sentence")
        if "{" in text.en + text.zh:
            found.append(f"{entry.name}: {name} has a hole for a value")
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", entry.name):
        found.append(f"{entry.name}: a name has small letters")
    if entry.latched and entry.delay_us:
        found.append(f"{entry.name}: what is over at once cannot be waited for")
    return found


def test_every_alarm_says_cause_consequence_and_response_in_english_and_chinese() -> None:
    """An alarm without a response would call a person who does not know what to do."""
    assert [fault for entry in ALARMS.values() for fault in faults(entry)] == []


@pytest.mark.parametrize("field", _TEXTS)
@pytest.mark.parametrize("text", [Text("", "请处理。"), Text("Act.", ""), Text("Act.", "Act."), Text("Look at {0}.", "看{0}。")])
def test_an_alarm_without_a_text_is_refused(field: str, text: Text) -> None:
    """The lint finds what it is for."""
    assert faults(replace(ALARMS["jam"], **{field: text}))


def test_few_alarms_are_high() -> None:
    """If everything is urgent, nothing is (ISA-18.2: about a twentieth; of so short a table a quarter at most)."""
    high = [entry for entry in ALARMS.values() if entry.priority is Priority.HIGH]
    assert 0 < len(high) <= len(ALARMS) // 4


def test_a_cause_stands_above_what_it_explains() -> None:
    """Then one pass in the table's order decides, and no two alarms explain each other."""
    for name, entry in ALARMS.items():
        assert name == entry.name
        assert all(RANKS[other] > RANKS[name] for other in entry.suppresses), name
    assert EXPLAINED_BY["machine_held"][0] == "link_lost"


def test_a_lost_plc_explains_whatever_its_machine_would_say() -> None:
    """All that is told of one machine; what is missing in the hall, and what people must know of the past, stays."""
    kept = {name for name, causes in EXPLAINED_BY.items() if not {"link_lost", "network_lost"} & set(causes)}
    assert kept == {
        "network_lost", "foreign_epoch", "secure_lost", "bags_suspect", "events_missing", "event_quarantined", "wrong_lane",
        "wrong_label", "waybills_used_up", "plc_disagrees", "scanner_unread", "plan_not_valid", "discrepancies_overdue",
        "receipts_overdue",
        "case_overdue", "cells_full", "cells_miscount", "cell_counter", "many_rejects", "bag_not_sealed",
    }  # fmt: skip


def test_every_alarm_is_raised_in_a_script() -> None:
    """An alarm that no scenario raises may never be raised; one that is raised has its scenario."""
    raised = set(re.findall(r"^fact     AlarmRaised (\w+)", (FOLDER / "alarms.txt").read_text(), re.MULTILINE))
    assert raised == set(ALARMS)


def test_rules_look_at_facts_and_acts_have_names() -> None:
    """Each rule is about a fact that there is, and each act about an alarm has its roles."""
    assert set(RULES) <= set(Fact.__args__)
    assert {name for name in acts.ROLES if name.startswith("alarm_")} == {
        "alarm_acknowledge", "alarm_shelve", "alarm_unshelve", "alarm_take_out", "alarm_put_back",
    }  # fmt: skip
    for act in (inputs.AlarmAcknowledged, inputs.AlarmShelved, inputs.AlarmTakenOut):
        assert [field.name for field in fields(act)][:5] == ["person", "role", "reason", "alarm", "subject"]

"""What a request to act may say: every form that is right, every one that is not, and that no error repeats a value."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcenter.core import inputs as i
from packcenter.core.packml import Command
from packcenter.service.act_bodies import BODIES, BODY_BYTES_MAX, BadBody, CommandName, decode

LANE = {"plc": "sorter-1", "lane": 3, "order": "close", "reason": "jam"}
ALARM = {"alarm": "link_lost", "subject": "bagger-1", "reason": "seen"}
VERDICT = {"item": "NJ-D67700000", "verdict": "remake", "reason": "torn"}


EVERY: list[tuple[str, dict[str, Any], i.Act]] = [
    ("lane", LANE, i.LaneOrdered("p1", "operator", "jam", "sorter-1", 3, False)),
    ("lane", {**LANE, "order": "open"}, i.LaneOrdered("p1", "operator", "jam", "sorter-1", 3, True)),
    (
        "machine",
        {"plc": "bagger-1", "command": "hold", "reason": "film"},
        i.MachineOrdered("p1", "operator", "film", "bagger-1", 4),
    ),
    ("bag", {"position": 2, "reason": "lorry is early"}, i.BagOrdered("p1", "operator", "lorry is early", 2)),
    ("verdict", VERDICT, i.VerdictPassed("p1", "operator", "torn", "NJ-D67700000", "remake", "")),
    (
        "verdict",
        {"item": "?no_read:000012", "verdict": "code", "code": "NJ-D67700001", "reason": "read by eye"},
        i.VerdictPassed("p1", "operator", "read by eye", "?no_read:000012", "code", "NJ-D67700001"),
    ),
    (
        "maintenance",
        {"plc": "rack-1", "minutes": 30, "reason": "belt"},
        i.MaintenanceOrdered("p1", "operator", "belt", "rack-1", 30),
    ),
    (
        "alarm",
        {**ALARM, "order": "acknowledge"},
        i.AlarmAcknowledged("p1", "operator", "seen", "link_lost", "bagger-1"),
    ),
    (
        "alarm",
        {**ALARM, "order": "shelve", "minutes": 30},
        i.AlarmShelved("p1", "operator", "seen", "link_lost", "bagger-1", 30),
    ),
    ("alarm", {**ALARM, "order": "unshelve"}, i.AlarmShelved("p1", "operator", "seen", "link_lost", "bagger-1", 0)),
    ("alarm", {**ALARM, "order": "take_out"}, i.AlarmTakenOut("p1", "operator", "seen", "link_lost", "bagger-1", True)),
    ("alarm", {**ALARM, "order": "put_back"}, i.AlarmTakenOut("p1", "operator", "seen", "link_lost", "bagger-1", False)),
    (
        "discrepancy",
        {"number": 17, "finding": "found", "reason": "under the belt"},
        i.DiscrepancyJudged("p1", "operator", "under the belt", 17, "found"),
    ),
    (
        "report",
        {"item": "?X1", "cause": "damaged", "reason": "torn"},
        i.DiscrepancyReported("p1", "operator", "torn", "damaged", "?X1"),
    ),
    (
        "count",
        {
            "lines": [
                {"place": "hand", "mail_class": "id_card", "agency": "police-household", "items": 3},
                {"place": "bag", "items": 1},
            ],
            "reason": "shift over",
        },
        i.ShiftCounted(
            "p1", "operator", "shift over", (i.Counted("hand", "id_card", "police-household", 3), i.Counted("bag", "", "", 1))
        ),
    ),
    ("shift", {"reason": "shift over"}, i.ShiftEnded("p1", "operator", "shift over")),
    (
        "receipt",
        {"code": "EA473124829CN", "reason": "scanned"},
        i.ReceiptTold("p1", "operator", "scanned", "EA473124829CN", True),
    ),
    (
        "receipt",
        {"code": "NJ-D67700000", "outcome": "given_up", "reason": "lost in the post"},
        i.ReceiptTold("p1", "operator", "lost in the post", "NJ-D67700000", False),
    ),
]
"""Each act in each of its forms, as a request says it and as the core is told."""


def fault(name: str, body: object) -> BadBody:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(BadBody) as raised:
        decode(name, content)
    return raised.value


@pytest.mark.parametrize(("name", "body", "act"), EVERY)
def test_each_body_stands_for_one_input(name: str, body: dict[str, Any], act: i.Act) -> None:
    """Person and role come from the door, never from the body alone."""
    assert decode(name, json.dumps(body).encode()).act("p1", "operator") == act


def test_every_input_of_people_has_a_body_and_every_command_a_name() -> None:
    """Nothing that a person may do is forgotten, and nothing is named that PackML has not."""
    assert {name for name, _, _ in EVERY} | {"plan"} == set(BODIES)  # whose input needs the file, too: test_plans
    assert {type(act) for _, _, act in EVERY} | {i.PlanSwitched, i.PlanWithheld} == set(get_args(i.Act))
    assert get_args(CommandName) == tuple(command.name.lower() for command in Command)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lane": "3"}, "$.lane"),
        ({"lane": 3.0}, "$.lane"),
        ({"lane": True}, "$.lane"),
        ({"lane": None}, "$.lane"),
        ({"lane": [3]}, "$.lane"),
        ({"lane": 0}, "$.lane"),
        ({"lane": 33}, "$.lane"),
        ({"lane": 10**40}, "lane"),
        ({"lane": float("nan")}, "keys"),
        ({"lane": float("inf")}, "keys"),
        ({"plc": "Sorter 1"}, "$.plc"),
        ({"plc": "sorter-1\n"}, "$.plc"),
        ({"plc": ""}, "$.plc"),
        ({"order": "hide"}, "$.order"),
        ({"role": "boss"}, "$.role"),
        ({"reason": ""}, "$.reason"),
        ({"reason": "  "}, "$.reason"),
        ({"reason": "x" * 65}, "$.reason"),
        ({"reason": "two\nlines"}, "$.reason"),
        ({"reason": "\x7f"}, "$.reason"),
        ({"reason": 7}, "$.reason"),
        ({"person": "op-18"}, "keys"),
        ({"zhangsan": 1}, "keys"),
    ],
)
def test_what_is_not_of_the_form_is_told_by_its_key(change: dict[str, Any], said: str) -> None:
    """Strictly: no conversion, no unknown key, no value without bounds."""
    found = fault("lane", {**LANE, **change})
    assert found.why == "malformed"
    assert said in str(found)
    assert "zhangsan" not in str(found)
    assert "boss" not in str(found)


def test_a_reason_of_the_site_may_be_chinese() -> None:
    """Word for word, and only as a reason: somebody has looked at those."""
    chinese = json.dumps({**LANE, "reason": "换膜"}).encode()
    assert decode("lane", chinese, ("换膜",)).reason == "换膜"
    for content, reasons in (
        (chinese, ()),
        (chinese, ("换色带",)),
        (json.dumps({**LANE, "reason": "换膜 "}).encode(), ("换膜",)),
    ):
        with pytest.raises(BadBody, match="/acts/reasons") as raised:
            decode("lane", content, reasons)
        assert raised.value.why == "personal_data"
    number = json.dumps({**LANE, "reason": "ask 13912345678"}).encode()
    with pytest.raises(BadBody, match="Say it without"):
        decode("lane", number, ("换膜",))


@pytest.mark.parametrize("key", sorted(LANE))
def test_every_key_is_needed(key: str) -> None:
    """The reason, too (O1)."""
    assert f"`{key}`" in str(fault("lane", {name: value for name, value in LANE.items() if name != key}))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"lane"',
        b"{",
        b"{}{}",
        b"\xff\xfe",
        b'{"reason": "\xff"}',
        b"[" * BODY_BYTES_MAX,
        b'{"reason":' + b"[" * 1900,
        b'{"x":' + b'{"x":' * 400,
        json.dumps(LANE).encode().replace(b"}", b', "lane": 4}'),
        json.dumps(LANE).encode().replace(b"}", b', "\\u006cane": 4}'),
        json.dumps(LANE).encode().replace(b'"jam"', b'"\\ud800"'),
        json.dumps(LANE).encode().replace(b"3", b"NaN"),
        json.dumps(LANE).encode().replace(b"3", b"9" * 1500),
        json.dumps(LANE).encode().decode().encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(LANE).encode(),
    ],
)
def test_what_is_no_such_object_is_refused(content: bytes) -> None:
    """Broken, deep, doubled, of another encoding: one error, no crash."""
    assert fault("lane", content).why == "malformed"


@pytest.mark.parametrize(
    ("name", "body", "hidden"),
    [
        ("lane", {**LANE, "reason": "ask 13912345678"}, "139"),
        ("lane", {**LANE, "reason": "ask +86 139-1234-5678"}, "139"),
        ("lane", {**LANE, "reason": "id 11010519491231002X"}, "11010519491231002"),
        ("lane", {**LANE, "reason": "ask 张三"}, "张三"),
        ("lane", {**LANE, "reason": "Jürgen"}, "rgen"),
        ("lane", {**LANE, "plc": "x13912345678"}, "139"),
        ("verdict", {**VERDICT, "item": "11010519491231002X"}, "11010519491231002"),
        ("verdict", {**VERDICT, "verdict": "code", "code": "13912345678"}, "139"),
    ],
)
def test_what_may_be_personal_is_refused_and_never_repeated(name: str, body: dict[str, Any], hidden: str) -> None:
    """The journal would keep it for ever (P1)."""
    found = fault(name, body)
    assert found.why == "personal_data"
    assert hidden not in str(found)


@pytest.mark.parametrize("change", [{"verdict": "code"}, {"code": "NJ-D67700001"}, {"item": "?"}, {"item": "#MASKED"}])
def test_a_code_belongs_to_its_verdict(change: dict[str, Any]) -> None:
    """A code beside another verdict is a mistake of somebody, and an item has a code of our form."""
    assert fault("verdict", {**VERDICT, **change}).why == "malformed"


@pytest.mark.parametrize(
    "change",
    [
        {"order": "shelve"},
        {"order": "shelve", "minutes": 0},
        {"order": "shelve", "minutes": 481},
        {"order": "acknowledge", "minutes": 5},
        {"order": "unshelve", "minutes": 5},
    ],
)
def test_only_shelving_takes_minutes_and_it_takes_some(change: dict[str, Any]) -> None:
    """An alarm that was shelved for ever would be forgotten (ISA-18.2)."""
    assert "$.minutes" in str(fault("alarm", {**ALARM, **change}))


@pytest.mark.parametrize("minutes", [-1, 481, 10**9])
def test_maintenance_has_an_end(minutes: int) -> None:
    """A shift at most."""
    assert "$.minutes" in str(fault("maintenance", {"plc": "rack-1", "minutes": minutes, "reason": "x"}))


MARK = "Zq7xWv"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8).map(MARK.__add__)
    | st.sampled_from(["jam", "open"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8).map(MARK.__add__), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["reason", "role", "plc", "lane", "order", "item", "verdict", "code", "minutes", "position", "command", MARK]
)


@given(st.sampled_from(sorted(BODIES)), st.dictionaries(KEYS, VALUES, max_size=7), st.integers(0, 400), st.binary(max_size=3))
def test_whatever_comes_is_taken_or_refused_without_a_word_of_it(name: str, body: dict[str, Any], at: int, noise: bytes) -> None:
    """Any JSON, also with bytes of it changed: no other exception, and no value in the error."""
    content = json.dumps(body).encode()
    for each in (content, content[:at] + noise + content[at + len(noise) :]):
        told = ""
        try:
            decode(name, each)
        except BadBody as bad:
            told = str(bad)
        assert MARK not in told


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"place": "belt", "items": 1}, "$.lines[...].place"),
        ({"place": "hand", "items": -1}, "$.lines[...].items"),
        ({"place": "hand", "items": 1, "mail_class": "ID card"}, "$.lines[...].mail_class"),
        ({"place": "hand", "items": 1, "agency": "a13812345678"}, "$.lines.agency"),
        ({"place": "hand"}, "items"),
        ({"place": "hand", "items": 1, "note": "x"}, "$.lines"),
    ],
)
def test_a_line_of_a_count_that_is_wrong_is_told_by_its_key(line: dict[str, Any], said: str) -> None:
    """As everything else; a value is never repeated."""
    told = str(fault("count", {"lines": [line], "reason": "x"}))
    assert said in told or "keys" in told
    assert "13812345678" not in told
    assert "ID card" not in told


def test_a_count_has_a_bounded_number_of_lines() -> None:
    """One more than the core takes is refused at the door."""
    lines = [{"place": "hand", "items": 1}] * 1025
    assert fault("count", {"lines": lines, "reason": "x"}).why == "malformed"

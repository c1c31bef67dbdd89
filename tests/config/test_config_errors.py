"""How findings look: sentence, tree, JSON; safe to print whatever a file held."""

from __future__ import annotations

import json

import pytest

from packcenter.config.errors import ConfigError, Finding, Report, choice, nearest, quoted, shown

PLC = Finding("site.toml", 12, 9, "$.plc[1].role", "bad-value", '"sortr"', '"sorter" or "bagger"', "sorter", "What it is.")
NAME = Finding("site.toml", 3, 1, "$.name", "missing-key", "missing", "text in quotes", advice="For people.")
WHOLE = Finding("plan.toml", 0, 0, "", "size", "2,000,000 bytes", "at most 1,048,576", advice="Is it the right file?")


def test_the_tree() -> None:
    """Files in the order of reading, places from top to bottom, what is wrong and below it what to do."""
    assert str(Report.of(["site.toml", "plan.toml"], [WHOLE, PLC, NAME, PLC])) == (
        "3 faults in 2 files\n"
        "site.toml\n"
        "├── 3:1   $.name is missing, expected text in quotes.\n"
        "│         For people.\n"
        '└── 12:9  $.plc[1].role is "sortr", expected "sorter" or "bagger"; nearest "sorter".\n'
        "          What it is.\n"
        "plan.toml\n"
        "└── file  plan.toml is 2,000,000 bytes, expected at most 1,048,576.\n"
        "          Is it the right file?"
    )


def test_one_line() -> None:
    """A finding alone begins with file, line and column, as editors and grep want it."""
    assert str(PLC).startswith('site.toml:12:9: $.plc[1].role is "sortr", expected')
    assert str(WHOLE).startswith("plan.toml: plan.toml is 2,000,000 bytes")


def test_json() -> None:
    """The same as data, which a program can read back."""
    read = json.loads(json.dumps(Report.of(["site.toml"], [PLC]).to_json()))
    assert read["ok"] is False
    assert read["findings"] == [
        {
            "file": "site.toml",
            "line": 12,
            "column": 9,
            "key": "$.plc[1].role",
            "rule": "bad-value",
            "seen": '"sortr"',
            "expected": '"sorter" or "bagger"',
            "nearest": "sorter",
            "advice": "What it is.",
        }
    ]


def test_no_fault() -> None:
    """A report without findings says how much was looked at, and is no error."""
    report = Report.of(["a", "b"], [])
    assert str(report) == "2 files checked, no faults"
    with pytest.raises(AssertionError):
        ConfigError(report)


def test_values_are_safe_to_print() -> None:
    """Control and direction characters are escaped, long text is cut, huge numbers are not written out."""
    assert shown("a\x1b[31m\u202eb\n") == '"a\\u001b[31m\\u202eb\\n"'
    assert len(quoted("x" * 10_000)) == 82
    assert shown(10**5000) == "an integer that is too large"
    assert [shown(value) for value in (True, [1, 2], {"a": 1}, 1.5)] == ["true", "a list of 2", "a table", "1.5"]


def test_nearest() -> None:
    """The nearest name is one that looks alike, or none; a monstrous name costs nothing."""
    assert nearest("sorter-l", ["sorter-1", "bagger-1"]) == "sorter-1"
    assert nearest("zzz", ["sorter-1"]) == ""
    assert nearest("s" * 1_000_000, ["sorter-1"]) == ""


def test_choice() -> None:
    """Few names are listed, many are cut."""
    assert choice(["a"]) == '"a"'
    assert choice(["a", "b", "c"]) == '"a", "b" or "c"'
    assert choice([f"n{at}" for at in range(20)]).endswith('"n9" or one of 10 more')
    assert choice([]) == "nothing (none is known)"

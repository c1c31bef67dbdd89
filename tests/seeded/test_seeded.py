"""The deliberate faults themselves: each still fits the source, breaks something that has a name, and is really put in."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from seeded.hunt import chosen, hunt
from seeded.patch import ROOT, Bug, bugs

INVARIANT = re.compile(r"[A-Z]\d+|liveness( \(1 reconnect/s\))?")
NAMES_AS_LISTED = list(bugs())
NAMES = sorted(NAMES_AS_LISTED)


@pytest.mark.parametrize("name", NAMES)
def test_a_bug_still_fits_its_source(name: str) -> None:
    """The text to replace stands there exactly once, and what becomes of it is a program that differs."""
    bug = bugs()[name]
    assert ast.dump(ast.parse(bug.source())) != ast.dump(ast.parse(bug.path().read_text("utf-8")))


def test_there_are_enough_of_them() -> None:
    """At least forty that the explorer must find, in every part that the issue names."""
    found = [bug for bug in bugs().values() if bug.by in ("explore", "wire", "crash")]
    assert len(found) >= 40
    for part in ("core.controller", "core.packing", "core.links", "plc.mailbox", "journal.", "service."):
        assert any(part in bug.module for bug in found), part


def test_every_bug_names_an_invariant_of_the_design() -> None:
    """So that whoever reads "found" knows what would have been lost."""
    for bug in bugs().values():
        assert INVARIANT.search(bug.breaks), bug


def test_the_same_name_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bugs of one name would hide each other in every report."""
    from seeded import patch

    block = "[[bug]]" + patch.LIST.read_text("utf-8").split("[[bug]]")[1]
    (tmp_path / "bugs.toml").write_text(2 * block)
    monkeypatch.setattr(patch, "LIST", tmp_path / "bugs.toml")
    with pytest.raises(ValueError, match=f"named twice: {NAMES_AS_LISTED[0]}"):
        bugs()


def test_a_bug_that_fits_no_more_says_so() -> None:
    """The source went on; the bug must be renewed, not passed over."""
    bug = Bug("gone", "what", "packcenter.core.words", "A1", "tests", "no such text", "")
    with pytest.raises(ValueError, match="expected once; renew the bug"):
        bug.source()


def test_shares_take_turns() -> None:
    """Ten nights of a tenth each hunt every bug once."""
    nights = [bug.name for night in range(10) for bug in chosen([], None, f"{night}/10")]
    assert sorted(nights) == NAMES
    with pytest.raises(ValueError, match="no bug is named nobody"):
        chosen(["nobody"], None, "0/1")


def test_a_process_that_was_told_has_the_bug_and_no_other_has() -> None:
    """Nothing is written: the next process has the sound product again."""
    bug = bugs()["no-deadline"]
    look = "import inspect, packcenter.core.diverting as m; print(m._decide.__code__.co_consts)"
    paths = {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}", "PATH": ""}
    before = f"from seeded.patch import bugs, install; install(bugs()['{bug.name}']); "
    seen = [
        subprocess.run([sys.executable, "-c", code], env=paths, capture_output=True, text=True, check=True).stdout
        for code in (look, before + look, look)
    ]
    assert seen[0] == seen[2] != seen[1]


@pytest.mark.slow
def test_the_explorer_finds_a_bug_that_it_must_find() -> None:
    """From the list to the verdict, in a process of its own as `make seeded-bugs` does it."""
    found = hunt(bugs()["no-deadline"], 20, None)
    assert found.seeds, found
    assert "R7" in found.said


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_bugs_whose_turn_it_is_are_found(rotation: int) -> None:
    """Each commit hunts two others of those that the explorer or the crash images must find."""
    mine = [bug for bug in bugs().values() if bug.by in ("explore", "crash")]
    for at in (2 * rotation, 2 * rotation + 1):
        found = hunt(mine[at % len(mine)], 500, None)
        assert found.seeds, found

"""
`make mutants`: how many small changes of the core, the mailbox, the codec and the journal the tests notice.

    python tests/mutation/score.py [core|plc|journal ...] [--share 1/3] [--only 'packcenter.core.bags.*' ...] [--json FILE]

mutmut changes one operator, constant or argument at a time, in a copy of the tree, and runs the fast tests that reach the
changed function. A share n/m takes every m-th change, beginning with the n-th; all of them take an hour on two cores.
What survives is tried once more in a process of its own, because look-up tables and caches that were filled before the
fork hide a change. A survivor is a missing test, or it stands in `explained.toml` with the reason why no test can notice it.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).parent.parent.parent
EXPLAINED: Final = Path(__file__).parent / "explained.toml"
COPIED: Final = ("packcenter", "simulation", "tests", "plc_profiles")
PATIENCE_S: Final = 300  # one survivor's tests in a process of its own, on a busy machine
UNNOTICED: Final = frozenset({0, 5, 33})  # the tests passed, or none of them reaches the changed function


class Target(msgspec.Struct, frozen=True):
    """What is changed (patterns of files) and by which tests it is judged."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS: Final = {
    "core": Target(
        ("packcenter/core/*.py",),
        (
            "tests/core/test_scripts.py",
            "tests/core/test_alarms.py",
            "tests/core/test_alarm_table.py",
            "tests/core/test_core_parts.py",
            "tests/core/test_record.py",
            "tests/core/test_walks.py",
            "tests/core/test_packml.py",
            "tests/core/test_s10.py",
            "tests/core/test_resident_id.py",
        ),
    ),
    "plc": Target(
        ("packcenter/plc/mailbox.py", "packcenter/plc/image.py", "packcenter/plc/translate.py"),
        (
            "tests/plc/test_mailbox.py",
            "tests/plc/test_mailbox_machine.py",
            "tests/plc/test_image.py",
            "tests/plc/test_translate.py",
        ),
    ),
    "journal": Target(
        ("packcenter/journal/*.py",),
        (
            "tests/journal/test_frames.py",
            "tests/journal/test_journal.py",
            "tests/journal/test_snapshot.py",
            "tests/journal/test_space.py",
            "tests/journal/test_crash_points.py",
            "tests/journal/test_golden.py",
        ),
    ),
}

_CONFIGURATION = """
[project]
name = "packcenter"
version = "0"

[tool.pytest.ini_options]
addopts = "-q --strict-markers -p no:cacheprovider -p no:xdist -p no:asyncio"
timeout = 120
markers = ["slow: left out here"]
filterwarnings = ["error"]

[tool.mutmut]
source_paths = ["packcenter"]
only_mutate = {files}
also_copy = ["simulation", "plc_profiles"]
pytest_add_cli_args = ["-m", "not slow", "--hypothesis-profile=mutants"]
pytest_add_cli_args_test_selection = {tests}
timeout_multiplier = 5.0
timeout_constant = 5.0
"""

_PROFILE = """

from hypothesis import Phase, settings

# A change that is noticed need not be made small, and the same examples must judge every change.
settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate), max_examples=30, derandomize=True)
"""


class Survivor(msgspec.Struct, frozen=True):
    """A change that no test noticed, as the lines taken out and put in; `why` it cannot be noticed, "" unexplained."""

    name: str
    was: str
    becomes: str
    why: str


class Score(msgspec.Struct):
    """The changes of one module."""

    tried: int = 0
    killed: int = 0
    explained: int = 0

    def percent(self) -> float:
        """Noticed, of those that can be noticed."""
        return 100 * self.killed / max(1, self.tried - self.explained)


def lay(scratch: Path, target: Target) -> None:
    """Copy the tree into an empty folder, with a configuration of its own; nothing is ever written into the repository."""
    for name in COPIED:
        shutil.copytree(ROOT / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
    text = _CONFIGURATION.format(files=_list(target.files), tests=_list(target.tests))
    (scratch / "pyproject.toml").write_text(text)
    with (scratch / "tests" / "conftest.py").open("a") as conftest:
        conftest.write(_PROFILE)


def _list(texts: Sequence[str]) -> str:
    return msgspec.json.encode(texts).decode()


def _mutmut(scratch: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False).stdout


def verdicts(scratch: Path) -> dict[str, int | None]:
    """The exit code of the tests of every change that was made, None where they were not run."""
    found: dict[str, int | None] = {}
    for path in sorted((scratch / "mutants").rglob("*.meta")):
        found |= msgspec.json.decode(path.read_bytes())["exit_code_by_key"]
    return found


def survives_alone(scratch: Path, name: str, target: Target) -> bool:
    """Whether the tests notice nothing in a process that began with the change."""
    paths = os.pathsep.join([str(scratch / "mutants")])
    environment = os.environ | {"MUTANT_UNDER_TEST": name, "PYTHONPATH": paths, "PY_IGNORE_IMPORTMISMATCH": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-m", "not slow", "--hypothesis-profile=mutants", *target.tests]
    try:
        done = subprocess.run(
            command, cwd=scratch / "mutants", env=environment, capture_output=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def describe(scratch: Path, name: str, reasons: dict[tuple[str, str, str], str]) -> Survivor:
    """What the change was, and why it may survive."""
    lines = [line for line in _mutmut(scratch, "show", name).splitlines() if not line.startswith(("---", "+++"))]
    was = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    becomes = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    return Survivor(name, was, becomes, reasons.get((_module(name), was, becomes), ""))


def explained() -> dict[tuple[str, str, str], str]:
    """Why a change may survive, by module, lines before and lines after."""
    rows = tomllib.loads(EXPLAINED.read_text("utf-8"))["survivor"]
    return {(row["module"], row["was"], row["becomes"]): row["why"] for row in rows}


def _module(name: str) -> str:
    return ".".join(name.split(".")[1:3])


def judge(target: Target, share: str, only: Sequence[str]) -> tuple[dict[str, Score], list[Survivor]]:
    """Make the changes, run the tests, and look at what survived."""
    first, _, every = share.partition("/")
    scores: dict[str, Score] = {}
    survivors: list[Survivor] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        scratch = Path(folder)
        lay(scratch, target)
        _mutmut(scratch, "run", "--max-children", "1", "none.of.them")  # makes the changes, runs nothing
        made = [name for name in verdicts(scratch) if any(fnmatch.fnmatch(name, pattern) for pattern in only)]
        names = made[int(first) - 1 :: int(every)]
        if not names:
            return scores, survivors
        _mutmut(scratch, "run", "--max-children", "1", *names)
        codes = verdicts(scratch)
        reasons = explained()
        for name in names:
            score = scores.setdefault(_module(name), Score())
            score.tried += 1
            assert codes[name] is not None, f"{name} was not tried"
            survivor = describe(scratch, name, reasons) if codes[name] in UNNOTICED else None
            if survivor is None or not (survivor.why or survives_alone(scratch, name, target)):
                score.killed += 1
                continue
            survivors.append(survivor)
            score.explained += bool(survivor.why)
    return scores, survivors


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every survivor is explained."""
    parser = argparse.ArgumentParser(description="How many small changes the tests notice.")
    parser.add_argument("targets", nargs="*", help=f"what is changed: {', '.join(TARGETS)} (all)")
    parser.add_argument("--share", default="1/1", help="n/m: every m-th change from the n-th on (1/1)")
    parser.add_argument("--only", nargs="*", default=["*"], help="patterns of names of changes (all)")
    parser.add_argument("--json", type=Path, help="keep scores and survivors here")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.targets) - set(TARGETS):
        parser.error(f"no target is named {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    scores: dict[str, Score] = {}
    survivors: list[Survivor] = []
    for name in asked.targets or TARGETS:
        some, more = judge(TARGETS[name], asked.share, asked.only)
        scores |= some
        survivors += more
    for module, score in sorted(scores.items()):
        print(
            f"{module:18} {score.tried:5} tried  {score.killed:5} noticed  {score.explained:3} explained {score.percent():6.1f} %"
        )
    for survivor in survivors:
        if not survivor.why:
            print(f"\n{survivor.name}\n    - {survivor.was}\n    + {survivor.becomes}")
    if asked.json is not None:
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode({"scores": scores, "survivors": survivors})))
    return int(Counter(bool(survivor.why) for survivor in survivors)[False] > 0)


if __name__ == "__main__":
    raise SystemExit(main())

"""
One bug, in a process of its own: put it in, let its finder look, print one line of JSON with what it found.

    python -m seeded.one NAME [--seeds 500] [--by explore|wire|crash|tests]

Whatever ends the finder counts as found, because the product's own assertions are among the judges; that the finder finds
nothing without a bug is the business of the suite.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from seeded.patch import ROOT, bugs, install

Level = Literal["protocol", "wire"]
TESTS = ("tests/core", "tests/plc", "tests/journal", "tests/service", "tests/hostile", "tests/test_real.py")
SLOW = ("tests/plc/test_opcua_wire.py",)  # no fast test talks OPC UA: filling its server takes seconds
IMAGES_A_SEED = 40  # a seed of the crash explorer is a story of some hundreds; 500 seeds are 20,000 images


class Found(msgspec.Struct):
    """What a finder says: `seeds` is how many it needed, 0 when it found nothing; `said` the first thing that was wrong."""

    bug: str
    by: str
    seeds: int
    said: str


def explore(seeds: int, level: Level) -> tuple[int, str]:
    """The explorer: seeds from 0 until one shows a violation."""
    from simulation.explore import runner, swarm  # after the bug is in

    for seed in range(seeds):
        outcome = runner.explore(swarm.options_of(seed, level))
        if outcome.failed:
            return seed + 1, str(outcome.violations[0])
    return 0, ""


def crash(seeds: int) -> tuple[int, str]:
    """Crash images of the journal."""
    sys.path.insert(0, str(ROOT / "tests" / "journal"))
    import crash as images  # after the bug is in

    tally = images.Tally()
    try:
        images.explore(0, seeds * IMAGES_A_SEED, tally)
    except Exception as violation:
        return tally.stories, f"{type(violation).__name__}: {violation}"
    return 0, ""


def tests(_: int) -> tuple[int, str]:
    """The fast tests of what the bug is in, then the only ones that are not."""
    fast = _tests("not slow", TESTS)
    return fast if fast[0] else _tests("slow", SLOW)


def _tests(marked: str, paths: tuple[str, ...]) -> tuple[int, str]:
    import pytest

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.chdir(ROOT):
        code = pytest.main(["-x", "-p", "no:xdist", "--tb=no", "-m", marked, *paths])
    failed = [line for line in said.getvalue().splitlines() if line.startswith(("FAILED", "ERROR"))]
    return (1, failed[0]) if failed else (0, "") if code == 0 else (1, said.getvalue()[-300:])


FINDERS: dict[str, Callable[[int], tuple[int, str]]] = {
    "explore": lambda seeds: explore(seeds, "protocol"),
    "wire": lambda seeds: explore(seeds, "wire"),
    "crash": crash,
    "tests": tests,
}


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when the bug was found, 1 when not."""
    parser = argparse.ArgumentParser(prog="seeded.one", description="Put one bug in and let its finder look.")
    parser.add_argument("name")
    parser.add_argument("--seeds", type=int, default=500, help="how many to try at most")
    parser.add_argument("--by", choices=sorted(FINDERS), help="another finder than the bug's own")
    options = parser.parse_args(arguments)
    bug = bugs()[options.name]
    by = options.by or bug.by
    install(bug)
    try:
        seeds, said = FINDERS[by](options.seeds)
    except Exception as error:  # the finder itself fell over what the bug did
        seeds, said = 1, f"{type(error).__name__}: {error}"
    if "NameError" in said or "SyntaxError" in said:
        seeds, said = 0, f"the bug itself does not run, renew it: {said}"
    print(msgspec.json.encode(Found(bug.name, by, seeds, said.replace("\n", " ")[:400])).decode(), flush=True)
    return 0 if seeds else 1


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    sys.exit(main(sys.argv[1:]))

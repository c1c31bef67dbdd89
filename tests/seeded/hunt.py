"""
`make seeded-bugs`: every deliberate fault of `bugs.toml` must be found by its finder within 500 seeds.

    python tests/seeded/hunt.py [NAME ...] [--by explore] [--share 3/10] [--seeds 500] [--workers 2] [--json FILE]

Each bug runs in a process of its own. A bug that nobody finds means a missing check: add the check, not an excuse.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import msgspec

from seeded.one import FINDERS, Found
from seeded.patch import ROOT, Bug, bugs

PATIENCE_S = 1_200  # the slowest finder, 500 seeds with nothing found, on a busy machine


def hunt(bug: Bug, seeds: int, by: str | None) -> Found:
    """Let one bug be looked for in a process of its own."""
    command = [sys.executable, "-m", "seeded.one", bug.name, "--seeds", str(seeds), *(["--by", by] if by else [])]
    paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return Found(bug.name, by or bug.by, 1, f"hangs: no end after {PATIENCE_S} s")
    lines = done.stdout.splitlines()
    if not lines or not lines[-1].startswith("{"):
        return Found(bug.name, by or bug.by, 1, f"ended with {done.returncode}: {done.stderr[-300:]}")
    return msgspec.json.decode(lines[-1], type=Found)


def chosen(names: Sequence[str], by: str | None, share: str) -> list[Bug]:
    """The bugs asked for: by name, by finder, and the n-th of m shares of what is left. Raises `ValueError`."""
    known = bugs()
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"no bug is named {', '.join(unknown)}; see {Path(__file__).parent / 'bugs.toml'}")
    picked = [bug for bug in known.values() if (not names or bug.name in names) and (by is None or names or bug.by == by)]
    number, _, of = share.partition("/")
    return picked[int(number) % int(of or 1) :: int(of or 1)]


def run(picked: Sequence[Bug], seeds: int, by: str | None, workers: int) -> Iterator[Found]:
    """Hunt them, as many at a time as there are workers; results as they come."""
    with ThreadPoolExecutor(workers) as pool:
        for done in as_completed([pool.submit(hunt, bug, seeds, by) for bug in picked]):
            yield done.result()


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when every bug was found, 1 when one was not, 64 for a wrong question."""
    parser = argparse.ArgumentParser(description="Every deliberate fault must be found.")
    parser.add_argument("names", nargs="*", help="these bugs alone")
    parser.add_argument("--by", choices=sorted(FINDERS), help="the bugs of this finder; with names: let this finder look")
    parser.add_argument("--share", default="0/1", help="the n-th of m shares, for rotating through them: 3/10")
    parser.add_argument("--seeds", type=int, default=500, help="how many each may need")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="keep the results here")
    options = parser.parse_args(arguments)
    try:
        picked = chosen(options.names, options.by, options.share)
    except ValueError as error:
        print(f"hunt: {error}", file=sys.stderr)
        return 64
    began = time.monotonic()
    results = []
    for number, found in enumerate(run(picked, options.seeds, options.by if options.names else None, options.workers), 1):
        results.append(found)
        verdict = f"found after {found.seeds} seeds" if found.seeds else f"NOT FOUND in {options.seeds} seeds"
        print(f"{number:>3}/{len(picked)} {found.bug:<40} {found.by:<8} {verdict}: {found.said[:150]}", flush=True)
    missed = sorted(found.bug for found in results if not found.seeds)
    print(f"{len(results) - len(missed)} of {len(results)} bugs found in {time.monotonic() - began:.0f} s")
    if missed:
        print(f"not found: {', '.join(missed)}")
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(sorted(results, key=lambda found: found.bug))))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""
All benchmarks in one run: medians, ratios against the bare loops, one JSON file.

    python tests/bench/bench.py [--only NAME ...] [--quick] [--folder FOLDER] [--keep]

Compare ratios, not figures: both sides of a ratio ran in turns on the same machine under the same load. The journal is
on FOLDER's disk (`run/bench` of the project), which should be a real one. Results go to `tests/bench/results/latest.json`;
`--keep` also keeps them under the day's date.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench_day
import bench_journal
import bench_links
import bench_replay
import bench_start
from figures import Row, load, table

from packcenter.real import RealDisk

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"

Benchmark = Callable[[Path, int, bool], tuple[list[Row], Any]]


def _links(folder: Path, null: int, quick: bool) -> tuple[list[Row], Any]:
    return bench_links.run(folder, *((1, 2.0, 1.0) if quick else (3, 4.0, 1.5)))


def _day(folder: Path, null: int, quick: bool) -> tuple[list[Row], Any]:
    return bench_day.run(1 if quick else 3, null)


def _replay(folder: Path, null: int, quick: bool) -> tuple[list[Row], Any]:
    return bench_replay.run(folder, 1 if quick else 3, null)


def _journal(folder: Path, null: int, quick: bool) -> tuple[list[Row], Any]:
    return bench_journal.run(folder, 5 if quick else 20)


def _start(folder: Path, null: int, quick: bool) -> tuple[list[Row], Any]:
    return bench_start.run(2 if quick else 7, null)


def _core(folder: Path, null: int, quick: bool) -> tuple[list[Row], Any]:
    """The core alone, by `bench_core.py`."""
    command = [sys.executable, str(HERE / "bench_core.py"), "--rounds", "1" if quick else "5"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [Row("core alone", "/s", said["steps_per_second"], None, None)], said


BENCHMARKS: dict[str, Benchmark] = {
    "links": _links,
    "core": _core,
    "day": _day,
    "replay": _replay,
    "journal": _journal,
    "start": _start,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure packcenter beside the bare loops.")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), help="what to measure")
    parser.add_argument("--quick", action="store_true", help="one short pass of each: does it run?")
    parser.add_argument("--folder", type=Path, default=HERE.parents[1] / "run" / "bench", help="where journals are written")
    parser.add_argument("--keep", action="store_true", help="keep the results under the day's date too")
    given = parser.parse_args()
    folder = given.folder / f"bench-{os.getpid()}"
    folder.mkdir(parents=True)
    results: dict[str, Any] = {"machine": _machine(folder), "quick": given.quick, "rows": [], "passes": {}, "load": {}}
    try:
        with Path(os.devnull).open("wb") as null:
            for name in given.only:
                began, before = time.monotonic(), load()
                rows, seen = BENCHMARKS[name](folder, null.fileno(), given.quick)
                results["load"][name] = {"before": before, "after": load(), "seconds": round(time.monotonic() - began, 1)}
                results["rows"] += [row._asdict() | {"met": row.met()} for row in rows]
                results["passes"][name] = seen
                print(table(rows), f"load {before:.1f} to {load():.1f}, {time.monotonic() - began:.0f} s\n", sep="\n", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _write(results, given.keep)


def _machine(folder: Path) -> dict[str, Any]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "file_system": RealDisk(folder).kind(),
    }


def _write(results: dict[str, Any], keep: bool) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(results, indent=1) + "\n"
    names = ["latest.json"] + ([f"{results['machine']['when'][:10]}.json"] if keep else [])
    for name in names:
        (RESULTS / name).write_text(text, "utf-8")
    print(f"kept in {RESULTS.name}/{', '.join(names)}", file=sys.stderr)


if __name__ == "__main__":
    main()

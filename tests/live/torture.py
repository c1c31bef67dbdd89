"""
`make torture CYCLES=n`: real processes on real sockets behind a fault proxy, struck at drawn moments until something gives.

A cycle is one blow (`blows` has them all) and the wait until all is well again. Blows come from two decks, shuffled by
the seed: in a *gentle* hall no PLC loses its memory, and afterwards nothing may differ from where things really are, not
by one item; in a *hard* hall PLCs lose power, alone, together, with the service, in storms. Halls have some tens of
cycles each and end with the plant standing still and their judges: the plant's own count, the journal read from its
bytes, a replay of all runs, the judge that shares no code with packcenter, and the bounds within which all must be well.

Prints progress, then the figures as one JSON object; exit code 1 if anything was violated. A bound in `BOUNDS_MS` that
was missed is told, and is a violation only with `--strict`: it says as much about the computer as about packcenter.
The folder of a failed run is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import blows
from blows import FOUND_S, Figures, Rig, run_on
from evidence import Run
from faults import mixed
from harness import SMALL_JOURNAL, Hall, Verdict

from simulation.draws import Stream

ITEMS_A_CYCLE = 90
"""Some 20 items a second come while the line runs, four seconds between two blows at most."""

HALL_CYCLES = 40
"""More in one hall, and the last check would come too late and take too long."""

HARD_OF_TEN = 3
"""Of ten cycles so many are in hard halls."""

Blow = Callable[[Rig], str]
GENTLE: tuple[tuple[Blow, int], ...] = (
    (blows.kill, 5),
    (blows.storm, 4),
    (blows.drizzle, 2),
    (blows.drizzle_kill, 1),
    (blows.storm_kill, 2),
    (blows.pause, 2),
    (blows.swizzle, 1),
    (blows.storm_pause, 1),
    (blows.full, 1),
    (blows.stop, 1),
    (blows.second, 1),
)
HARD: tuple[tuple[Blow, int], ...] = (
    (blows.reboot, 3),
    (blows.storm_reboot, 2),
    (blows.outage, 2),
    (blows.boots, 1),
    (blows.drizzle_reboot, 1),
)
"""How often each blow is in a deck."""

RARE: tuple[Blow, ...] = (blows.long_pause, blows.closed_doors)
"""Long ones: once each in a gentle hall of a run of `RARE_FROM` cycles or more."""

RARE_FROM = 100

BOUNDS_MS = {
    "kill_to_decision": 2_000,  # L5
    "healing_to_infeed": 5_000,  # L1
    "link_up_to_epoch": 1_000,  # L6
    "stop": 5_000,  # L11
}
"""What we promise (design: liveness), on a computer that has nothing else to do."""

KNOCKS = 12
KNOCKS_LEAST_MS = 50 + 100 + 200 + 400 + 7 * 1_000
"""So many connections in a row that do not settle take at least this long: 0.1 s doubling to 1 s, half of it jitter (L10)."""

SETTLED_US = 5_000_000

OPEN_FILES_MAX = 100
"""Seven links, the journal's files and the figures' page need some thirty."""

COMPLAINTS = ("Traceback", "never retrieved", "never awaited", "step_failed", "snapshot_wrong", "AssertionError")
"""Words that no log has unless somebody made a mistake."""


# --- one hall --------------------------------------------------------------------------------------------------------


@dataclass
class Result:
    """A hall after its cycles: what both sides say, and what was measured. `violations` is empty, or something gave."""

    name: str
    cycles: int
    verdict: Verdict
    figures: Figures
    violations: list[str]
    proxy: dict[str, Any]
    told: list[str] = field(default_factory=list)


def deck(stream: Stream, blows_and_counts: Sequence[tuple[Blow, int]], cycles: int, rare: Sequence[Blow] = ()) -> list[Blow]:
    """So many blows: whole shuffled decks, so that even a short run has each; `rare` ones take the place of some."""
    order: list[Blow] = []
    while len(order) < cycles:
        order += mixed(stream, [blow for blow, count in blows_and_counts for _ in range(count)])
    order = order[:cycles]
    for place, blow in zip(mixed(stream, range(cycles)), rare, strict=False):
        order[place] = blow
    return order


def torture(
    folder: Path, seed: int, cycles: int, *, hard: bool = False, rare: Sequence[Blow] = (), tell: Callable[[str], None] = print
) -> Result:
    """One hall, struck `cycles` times. Raises `NotSeen` (an `AssertionError`) if something did not recover at all."""
    name = "hard" if hard else "gentle"
    stream = Stream(seed, f"torture {name}")
    with Hall(folder, items=300 + ITEMS_A_CYCLE * cycles, seed=seed, program=SMALL_JOURNAL, proxy_seed=seed) as hall:
        rig = Rig(hall, stream, tell)
        hall.open()
        for at, blow in enumerate(deck(stream, HARD if hard else GENTLE, cycles, rare), start=1):
            began = time.monotonic()
            tell(f"{name} {at} of {cycles} after {began - hall.service.started_s:.1f} s of life: {blow(rig)}")
            healing = time.monotonic()
            blows.recover(rig)
            tell(f"    {healing - began:.1f} s, then well again in {time.monotonic() - healing:.1f} s")
        verdict = settled(hall, rig)
        proxy = hall.proxy.order("status")
        connections = hall.proxy.connections()
        violations = verdict.violations(memory_lost=rig.memory_lost)
        violations += held(hall, rig.figures)
        blows.stop(rig)
        violations += complaints(hall)
    rig.figures.times_ms["kill_to_decision"] += decided_after(rig.figures.kills_us, verdict.journal.runs)
    violations += hasty(connections, rig.figures)
    return Result(name, cycles, verdict, rig.figures, violations, proxy)


def settled(hall: Hall, rig: Rig) -> Verdict:
    """
    What all judges say once everything that lost its way can be found.

    Where the plant's count differs, it is taken once more as much later: a reader takes one code for another now and then
    (`simulation.luck`), and until the wrong document is put out the ledger is wrong in good faith.
    """
    run_on(hall, FOUND_S)
    verdict = hall.settle()
    if any(said.startswith("truth:") for said in verdict.violations(memory_lost=rig.memory_lost)):
        rig.figures.counts["counted twice"] += 1
        hall.open()
        run_on(hall, FOUND_S)
        verdict = hall.settle()
    return verdict


def held(hall: Hall, figures: Figures) -> list[str]:
    """What service and plant still hold after all that: files and sockets, counted; too many of them are a leak."""
    wrong = []
    for name, child in (("service", hall.service), ("plant", hall.plant)):
        files = len(list(Path(f"/proc/{child.process.pid}/fd").iterdir()))
        figures.note_most(f"open files of the {name}", files)
        if files > OPEN_FILES_MAX:
            wrong.append(f"{name} holds {files} open files, expected {OPEN_FILES_MAX} at most")
    return wrong


def complaints(hall: Hall) -> list[str]:
    """What the processes' logs say of mistakes of ours; a lost link or a full disk is none."""
    found = []
    for log in sorted(hall.folder.glob("*.log")):
        text = log.read_text("utf-8", "replace")
        found += [f"{log.name} has {text.count(word)} times {word!r}" for word in COMPLAINTS if word in text]
    return found


def decided_after(kills_us: Sequence[int], runs: Sequence[Run]) -> list[int]:
    """Milliseconds from each kill to the first durable decision of the run after it, for runs that lived to make one."""
    found = []
    for killed_us in kills_us:
        after = next((run for run in runs if run.started_us > killed_us), None)
        if after is not None and after.first_divert_us:
            found.append((after.first_divert_us - killed_us) // 1000)
    return found


def hasty(connections: dict[str, list[tuple[int, int, str]]], figures: Figures) -> list[str]:
    """What is wrong with the pace at which packcenter connected (L10); notes the most connections in any second."""
    wrong = []
    for plc, taken in sorted(connections.items()):
        opened_us = [opened for opened, _, _ in taken]
        figures.note_most("connections in a second", most_within(opened_us, 1_000_000))
        figures.note_most("connections in ten seconds", most_within(opened_us, 10_000_000))
        for knocks in unsettled(taken, figures.lives_us):
            for first, last in zip(knocks, knocks[KNOCKS - 1 :], strict=False):
                if (last - first) // 1000 < KNOCKS_LEAST_MS:
                    took = (last - first) // 1000
                    wrong.append(f"L10: {plc} was connected to {KNOCKS} times in {took} ms, expected {KNOCKS_LEAST_MS} or more")
    return wrong


def unsettled(taken: Sequence[tuple[int, int, str]], lives_us: Sequence[int]) -> list[list[int]]:
    """When connections were taken, in rows of one life of the service in which none but the last lasted for five seconds."""
    rows: list[list[int]] = [[]]
    before = None
    for opened, closed, _ in taken:
        if before is not None and any(before < life <= opened for life in lives_us):
            rows.append([])
        rows[-1].append(opened)
        if not closed or closed - opened >= SETTLED_US:
            rows.append([])
        before = opened
    return [row for row in rows if row]


def most_within(moments_us: Sequence[int], window_us: int) -> int:
    """The most of these moments, in order, within any window."""
    most = first = 0
    for at, moment in enumerate(moments_us):
        while moment - moments_us[first] >= window_us:
            first += 1
        most = max(most, at - first + 1)
    return most


# --- many halls ------------------------------------------------------------------------------------------------------


def plan(cycles: int) -> list[tuple[bool, int]]:
    """(hard, cycles) of each hall: as equal as may be, gentle and hard in turn."""
    hard = cycles * HARD_OF_TEN // 10
    shares = [_split(cycles - hard), _split(hard)]
    halls = []
    while any(shares):
        for is_hard, share in zip((False, True), shares, strict=True):
            if share:
                halls.append((is_hard, share.pop()))
    return halls


def _split(cycles: int) -> list[int]:
    halls = -(-cycles // HALL_CYCLES)
    return [cycles // halls + (at < cycles % halls) for at in range(halls)]


def spread(values: Sequence[int]) -> dict[str, int] | None:
    """Least, median and most; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return {"least": ordered[0], "median": ordered[len(ordered) // 2], "most": ordered[-1], "count": len(ordered)}


def report_hall(result: Result, seconds: float) -> dict[str, Any]:
    """The figures of one hall as plain data."""
    journal = result.verdict.journal
    return {
        "hall": result.name,
        "cycles": result.cycles,
        "seconds": round(seconds),
        "violations": result.violations,
        "counts": dict(sorted(result.figures.counts.items())),
        "times_ms": {name: spread(values) for name, values in sorted(result.figures.times_ms.items())},
        "most": dict(sorted(result.figures.most.items())),
        "proxy": {name: result.proxy[name] for name in ("began", "met", "chunks", "bytes")},
        "runs": len(journal.runs),
        "records": journal.records,
        "replayed": journal.replayed,
        "scans": journal.scans,
        "sealed": journal.sealed,
        "bags_dispatched": len(journal.dispatched),
        "bags_to_be_opened": journal.opened,
        "late_decisions": len(journal.late),
        "set_aside": dict(journal.aside),
        "unanswered_commands": journal.timeouts,
        "places": dict(journal.where()),
        "truth_differs_at_hand": len(result.verdict.differences),
    }


def summary(results: Sequence[Result], reports: Sequence[dict[str, Any]], seed: int, cycles: int) -> dict[str, Any]:
    """All halls in one: what was done, how long recovery took against its bounds, and everything that was violated."""
    counts: Counter[str] = Counter()
    began: Counter[str] = Counter()
    met: Counter[str] = Counter()
    times: dict[str, list[int]] = defaultdict(list)
    most: Counter[str] = Counter()
    for result in results:
        counts += result.figures.counts
        began += Counter(result.proxy["began"])
        met += Counter(result.proxy["met"])
        most |= result.figures.most
        for name, values in result.figures.times_ms.items():
            times[name] += values
    spreads = {name: spread(values) or {} for name, values in sorted(times.items())}
    for name, bound_ms in BOUNDS_MS.items():
        spreads.setdefault(name, {}).update(bound=bound_ms, missed=sum(value > bound_ms for value in times[name]))
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "computer": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "seed": seed,
        "cycles": cycles,
        "violations": [violation for report in reports for violation in report["violations"]],
        "counts": dict(sorted(counts.items())),
        "faults_begun": dict(sorted(began.items())),
        "chunks_met": dict(sorted(met.items())),
        "times_ms": spreads,
        "most": dict(sorted(most.items())),
        **{name: sum(report.get(name, 0) for report in reports) for name in ("seconds", "runs", "records", "replayed", "scans")},
        "halls": list(reports),
    }


# --- the program -----------------------------------------------------------------------------------------------------


def main() -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--cycles", type=int, default=30, help="blows in all")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000_000 % 100_000, help="of blows, plans and luck")
    parser.add_argument("--only", choices=("gentle", "hard"), help="halls of one kind alone")
    parser.add_argument("--folder", type=Path, help="keep everything here")
    parser.add_argument("--keep", type=Path, help="write the figures into this folder, too, as torture-DATE.json")
    parser.add_argument("--strict", action="store_true", help="a missed bound is a violation")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="packcenter-torture-"))
    say(f"seed {arguments.seed}, folder {folder}")
    whole = run_all(folder, arguments.seed, arguments.cycles, arguments.only)
    text = json.dumps(whole, indent=2)
    print(text)
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        (arguments.keep / f"torture-{whole['at'][:10]}.json").write_text(text + "\n")
    missed = [name for name in BOUNDS_MS if whole["times_ms"][name]["missed"]]
    if missed:
        say(f"bounds missed: {', '.join(missed)}")
    if whole["violations"] or (missed and arguments.strict):
        again = f"python tests/live/torture.py --cycles {arguments.cycles} --seed {arguments.seed}"
        say(f"VIOLATED {len(whole['violations'])} times; everything is kept in {folder}. Again: {again}")
        return 1
    if arguments.folder is None:
        shutil.rmtree(folder)
    return 0


def run_all(folder: Path, seed: int, cycles: int, only: str | None) -> dict[str, Any]:
    """All halls of a run, one after the other; one that fails does not keep the others from running."""
    results: list[Result] = []
    reports: list[dict[str, Any]] = []
    for number, (hard, count) in enumerate(plan(cycles)):
        if only is not None and hard != (only == "hard"):
            continue
        rare = RARE if cycles >= RARE_FROM and not hard else ()
        began = time.monotonic()
        try:
            result = torture(folder / f"hall-{number:02}", seed + number, count, hard=hard, rare=rare, tell=say)
        except AssertionError as error:
            reports.append({"hall": "hard" if hard else "gentle", "seed": seed + number, "violations": [str(error)]})
        else:
            results.append(result)
            reports.append({"seed": seed + number, **report_hall(result, time.monotonic() - began)})
            if not result.violations:
                shutil.rmtree(folder / f"hall-{number:02}")
        for violation in reports[-1]["violations"]:
            say(f"VIOLATED: {violation}")
        say(f"hall {number}: {len(reports[-1]['violations'])} violations after {time.monotonic() - began:.0f} s")
    return summary(results, reports, seed, cycles)


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

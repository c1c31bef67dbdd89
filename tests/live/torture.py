"""
`make torture CYCLES=n`: real processes on real sockets, killed at random moments, until something gives.

    kills      kill -9 of the service, some while it still recovers: nothing may differ afterwards, not by one item
    reboots    PLCs lose power and memory: epochs rise, what they tracked is flagged, the line goes on
    outages    both at once, as when the power of the hall fails
    cuts       cables are pulled and put back, some at the same time
    stalls     the service stands still for a while, as on a computer that swaps

Each part ends with the plant standing still and three judges: the plant's own count, the journal read from its bytes,
and a replay of all runs. Prints progress, then the figures as one JSON object; exit code 1 if anything was violated.
The moments follow the seed; what the processes were doing then is their own, so a seed makes a failure likely again,
not certain. The folder of a failed run is kept.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence import Evidence
from harness import SMALL_JOURNAL, Hall, Verdict, wait_for

ITEMS_A_CYCLE = 90
"""Some 20 items a second come while the line runs, four seconds between two blows at most."""

ALIVE_S = 4.0
FOUND_S = 80
"""Plant seconds after which all that lost its way was missed: a parcel that never fell into a bag takes 60 s."""

EXECUTE = 6


@dataclass
class Figures:
    """What was done and measured. Times in milliseconds of the wall clock."""

    kills: int = 0
    reboots: int = 0
    cuts: int = 0
    stalls: int = 0
    controlling_ms: list[int] = field(default_factory=list)
    heard_ms: list[int] = field(default_factory=list)
    granted_ms: list[int] = field(default_factory=list)
    running_ms: list[int] = field(default_factory=list)


def kills(hall: Hall, dice: random.Random, cycles: int, tell: Callable[[str], None]) -> Figures:
    """
    Kill the service `cycles` times and start it again at once; every fourth time it is killed while it starts.

    `controlling_ms` is from the kill to the first decision that the next run made durable.
    """
    figures = Figures()
    killed: list[int] = []
    for cycle in range(cycles):
        early = dice.random() < 0.25 and cycle < cycles - 1
        if early:
            wait_plainly(dice.uniform(0.0, 2.0))
        else:
            hall.until_ready()
            wait_plainly(dice.uniform(0.05, ALIVE_S))
        killed.append(time.time_ns() // 1000)
        hall.service.kill()
        hall.start_service()
        figures.kills += 1
        tell(f"kill {cycle + 1} of {cycles}{', while it started' if early else ''}")
    hall.until_ready()
    decided = hall.service.status()["decisions"]
    hall.until(lambda status: status["decisions"] > decided or not status["to_come"], 30.0, "decisions after the last kill")
    _measure(figures, killed, hall)
    return figures


def _measure(figures: Figures, killed: list[int], hall: Hall) -> None:
    """How long each restart took, for those that lived long enough to take control."""
    import evidence

    runs = evidence.read(hall.journal).runs
    for at, moment_us in enumerate(killed):
        before_us = killed[at + 1] if at + 1 < len(killed) else 1 << 62
        for run in runs:
            if moment_us < run.started_us < before_us:
                if run.all_up_us:
                    figures.heard_ms.append((run.all_up_us - moment_us) // 1000)
                if run.first_divert_us:
                    figures.controlling_ms.append((run.first_divert_us - moment_us) // 1000)


def reboots(hall: Hall, dice: random.Random, cycles: int, tell: Callable[[str], None]) -> Figures:
    """Take each PLC's power in turn, `cycles` times in all, roles mixed; wait until each runs again."""
    figures = Figures()
    order: list[str] = []
    while len(order) < cycles:
        order += dice.sample(hall.plcs, len(hall.plcs))
    for cycle, plc in enumerate(order[:cycles]):
        wait_plainly(dice.uniform(0.2, ALIVE_S / 2))
        reboot(hall, figures, plc)
        tell(f"reboot {cycle + 1} of {cycles}: {plc}, running again after {figures.running_ms[-1]} ms")
    return figures


def reboot(hall: Hall, figures: Figures, plc: str) -> None:
    """Take one PLC's power and wait until its machine runs again."""
    before = hall.plant.plc(plc)
    hall.plant.order("reboot", plc)
    began = time.monotonic()

    def granted() -> dict[str, Any] | None:
        now = hall.plant.plc(plc)
        return now if now["nonce"] != before["nonce"] and now["epoch"] else None

    wait_for(granted, 20.0, f"{plc} to get an epoch in its new life", hall.service, hall.plant)
    figures.granted_ms.append(round((time.monotonic() - began) * 1000))
    wait_for(lambda: hall.plant.plc(plc)["packml_state"] == EXECUTE, 20.0, f"{plc} to run again", hall.service, hall.plant)
    figures.running_ms.append(round((time.monotonic() - began) * 1000))
    figures.reboots += 1


def outages(hall: Hall, dice: random.Random, cycles: int, tell: Callable[[str], None]) -> Figures:
    """The hall's power fails: the service dies, and some PLCs lose their memory while it is away."""
    figures = Figures()
    for cycle in range(cycles):
        wait_plainly(dice.uniform(0.5, ALIVE_S))
        hall.service.kill()
        struck = dice.sample(hall.plcs, dice.randint(1, len(hall.plcs)))
        wait_plainly(dice.uniform(0.0, 0.5))
        for plc in struck:
            hall.plant.order("reboot", plc)
        hall.start_service()
        hall.until_ready()
        figures.kills += 1
        figures.reboots += len(struck)
        tell(f"outage {cycle + 1} of {cycles}: the service and {', '.join(sorted(struck))}")
        all_run = lambda: all(seen["packml_state"] == EXECUTE for seen in hall.plant.order("status")["plcs"].values())  # noqa: E731
        wait_for(all_run, 30.0, "all machines to run again", hall.service, hall.plant)
    return figures


def cuts(hall: Hall, dice: random.Random, cycles: int, tell: Callable[[str], None]) -> Figures:
    """Pull one to three cables for a while, together or one after the other."""
    figures = Figures()
    for cycle in range(cycles):
        wait_plainly(dice.uniform(0.2, ALIVE_S / 2))
        struck = dice.sample(hall.plcs, dice.randint(1, 3))
        for plc in struck:
            hall.plant.order("cut", plc)
            wait_plainly(dice.choice((0.0, 0.3)))
        wait_plainly(dice.uniform(0.1, 2.5))
        for plc in dice.sample(struck, len(struck)):
            hall.plant.order("restore", plc)
        began = time.monotonic()
        wait_for(lambda: hall.plant_hears(), 20.0, "every PLC to hear packcenter", hall.service, hall.plant)
        hall.until_ready()
        figures.heard_ms.append(round((time.monotonic() - began) * 1000))
        figures.cuts += len(struck)
        tell(f"cut {cycle + 1} of {cycles}: {', '.join(sorted(struck))}, heard again after {figures.heard_ms[-1]} ms")
    return figures


def stalls(hall: Hall, dice: random.Random, cycles: int, tell: Callable[[str], None]) -> Figures:
    """Let the service stand still for up to three seconds: its peers take it for lost, its own deadlines pass unseen."""
    figures = Figures()
    for cycle in range(cycles):
        wait_plainly(dice.uniform(0.2, ALIVE_S / 2))
        with hall.service.stalled():
            wait_plainly(stood := dice.uniform(0.05, 3.0))
        began = time.monotonic()
        wait_for(lambda: hall.plant_hears(), 20.0, "every PLC to hear packcenter", hall.service, hall.plant)
        hall.until_ready()
        figures.heard_ms.append(round((time.monotonic() - began) * 1000))
        figures.stalls += 1
        tell(f"stall {cycle + 1} of {cycles}: {stood:.1f} s, all heard again after {figures.heard_ms[-1]} ms")
    return figures


def wait_plainly(seconds: float) -> None:
    """Let the processes do whatever they do for a while: the moment of a blow is drawn, not waited for."""
    time.sleep(seconds)


def run_on(hall: Hall, plant_s: float) -> None:
    """Wait until so much plant time has passed."""
    end_us = hall.plant.order("status")["plant_us"] + int(plant_s * 1_000_000)
    wait_for(
        lambda: hall.plant.order("status")["plant_us"] >= end_us,
        10 + 3 * plant_s / hall.speed,
        f"{plant_s} s of plant time",
        hall.plant,
    )


# --- the program -----------------------------------------------------------------------------------------------------


Part = Callable[[Hall, random.Random, int, Callable[[str], None]], Figures]
PARTS: dict[str, tuple[Part, bool]] = {
    "kills": (kills, False),
    "reboots": (reboots, True),
    "outages": (outages, True),
    "cuts": (cuts, False),
    "stalls": (stalls, False),
}
"""Each part, and whether PLCs lose their memory in it."""


def one_part(name: str, cycles: int, seed: int, folder: Path, tell: Callable[[str], None]) -> tuple[Verdict, Figures]:
    """Run one part of the torture in a hall of its own."""
    part, _ = PARTS[name]
    with Hall(folder, items=300 + ITEMS_A_CYCLE * cycles, seed=seed, program=SMALL_JOURNAL) as hall:
        hall.open()
        figures = part(hall, random.Random(f"{name} {seed}"), cycles, tell)
        run_on(hall, FOUND_S)
        return hall.settle(), figures


def report(verdict: Verdict, figures: Figures, memory_lost: bool) -> dict[str, Any]:
    """The figures of a part as plain data."""
    journal: Evidence = verdict.journal
    return {
        "violations": verdict.violations(memory_lost=memory_lost),
        "kills": figures.kills,
        "reboots": figures.reboots,
        "cuts": figures.cuts,
        "stalls": figures.stalls,
        "kill_to_decision_ms": spread(figures.controlling_ms),
        "all_heard_again_ms": spread(figures.heard_ms),
        "power_to_epoch_ms": spread(figures.granted_ms),
        "power_to_execute_ms": spread(figures.running_ms),
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
        "truth_differs_at_hand": len(verdict.differences),
    }


def spread(values: list[int]) -> dict[str, int] | None:
    """Least, median and most; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return {"least": ordered[0], "median": ordered[len(ordered) // 2], "most": ordered[-1], "count": len(ordered)}


def main() -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--cycles", type=int, default=30, help="kills of the service; a third as many PLC restarts")
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000_000 % 100_000, help="of moments and luck")
    parser.add_argument("--part", choices=sorted(PARTS), action="append", help="only this part")
    parser.add_argument("--folder", type=Path, help="keep everything here")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="packcenter-torture-"))
    third = max(1, arguments.cycles // 3)
    counts = {"kills": arguments.cycles, "reboots": third, "outages": max(1, third // 2), "cuts": third, "stalls": third}
    figures: dict[str, Any] = {"seed": arguments.seed, "cycles": arguments.cycles}
    print(f"seed {arguments.seed}, folder {folder}", file=sys.stderr)
    for name in arguments.part or PARTS:
        tell = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
        began = time.monotonic()
        try:
            verdict, measured = one_part(name, counts[name], arguments.seed, folder / name, tell)
            figures[name] = report(verdict, measured, PARTS[name][1])
        except AssertionError as error:
            figures[name] = {"violations": [str(error)]}
        figures[name]["seconds"] = round(time.monotonic() - began)
    print(json.dumps(figures, indent=2))
    violated = [name for name in PARTS if figures.get(name, {}).get("violations")]
    if violated:
        again = f"python tests/live/torture.py --cycles {arguments.cycles} --seed {arguments.seed}"
        print(f"VIOLATED in {', '.join(violated)}; everything is kept in {folder}. Again: {again}", file=sys.stderr)
        return 1
    if arguments.folder is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""
A simulated day with the real core, on one processor: wall and processor time, beside the bare event kernel.

    python bench_day.py simpy|heap [SEED]        one day; prints JSON

The bare loop is the same kernel with nothing in it: three empty calls for each input of the day, as the plant makes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from figures import Row, compare, run_child, timed

from packcenter.cli import collector, site
from simulation.clock import PLANT, HeapClock, SimPyClock
from simulation.fast import FastHall
from simulation.plant.hall import PlantSettings

HERE = Path(__file__).resolve().parent
AIM_S = 2.0
_CALLS_PER_INPUT = 3


def day(kernel: str, seed: int) -> dict[str, float | str]:
    """One day of the reference hall."""
    configuration = site.load(None)
    prepared = site.prepare(configuration, None, seed, None, site.parse_day(None))
    clock = SimPyClock() if kernel == "simpy" else HeapClock()
    halls: list[FastHall] = []
    collector.settle(batch=True)  # as the command does

    def build_and_run() -> None:
        settings = PlantSettings(seed=seed)
        halls.append(FastHall(configuration.hall, configuration.digest, prepared.deliveries, settings, clock, prepared.opens_us))
        halls[0].run()

    wall, cpu = timed(build_and_run)
    result = halls[0].result()
    assert not result.differences, result.differences[:3]
    bare_wall, bare_cpu = timed(lambda: _bare(kernel, result.inputs))
    return {
        "wall_s": wall,
        "cpu_s": cpu,
        "bare_wall_s": bare_wall,
        "bare_cpu_s": bare_cpu,
        "inputs": result.inputs,
        "digest": result.digest,
    }


def _bare(kernel: str, inputs: int) -> None:
    clock = SimPyClock() if kernel == "simpy" else HeapClock()
    left = inputs * _CALLS_PER_INPUT

    def call(_: None) -> None:
        nonlocal left
        left -= 1
        if left > 0:
            clock.at(1_000, PLANT, call, None)

    call(None)
    clock.run_until(inputs * _CALLS_PER_INPUT * 1_000)


def _column(seen: list[dict[str, float | str]], name: str) -> list[float]:
    return [float(each[name]) for each in seen]


def run(passes: int, null: int) -> tuple[list[Row], list[dict[str, float | str]]]:
    """Days in processes of their own, and once the whole command; raises if two days of one seed differ."""
    seen: list[dict[str, float | str]] = []
    for _ in range(passes):
        said = subprocess.run(
            [sys.executable, "bench_day.py", "simpy", "1"], cwd=HERE, check=True, capture_output=True, text=True
        )
        seen.append(json.loads(said.stdout))
    assert len({each["digest"] for each in seen}) == 1, [each["digest"] for each in seen]
    _, command_s = run_child([sys.executable, "-m", "packcenter", "simulate", "--json"], null)
    rows = [
        compare("simulated day, wall", "s", _column(seen, "wall_s"), _column(seen, "bare_wall_s"), figure="ours", bound=AIM_S),
        compare("simulated day, processor", "s", _column(seen, "cpu_s"), _column(seen, "bare_cpu_s"), figure="ours", bound=AIM_S),
        Row("packcenter simulate, whole command, processor", "s", command_s, None, None),
    ]
    return rows, seen


if __name__ == "__main__":
    print(json.dumps(day(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1)))

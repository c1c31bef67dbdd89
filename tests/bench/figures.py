"""Figures of the benchmarks: medians, percentiles, processor time, and how a comparison is told."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")

Pass = Mapping[str, float]
"""The figures of one pass of one side, by name."""


class Row(NamedTuple):
    """
    One line of the table: what was measured, ours and the bare loop's medians, and the median of the passes' ratios.

    `aim` is a bound of `figure` ("ratio", "ours", or "" for none): at most `bound` where less is better, else at least.
    """

    name: str
    unit: str
    ours: float
    bare: float | None
    ratio: float | None
    figure: str = ""
    bound: float = 0
    less_is_better: bool = True
    note: str = ""

    def met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        seen = {"ratio": self.ratio, "ours": self.ours}.get(self.figure)
        if seen is None:
            return None
        return seen <= self.bound if self.less_is_better else seen >= self.bound


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest-rank percentile; nan of nothing."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def cpu_seconds(pid: int) -> float:
    """User and system processor time of a process so far; 10 ms steps."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """(wall seconds, processor seconds of this process) that a call takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def run_child(arguments: Sequence[str], output: int | None = None) -> tuple[float, float]:
    """(wall seconds, processor seconds) of a child process from its start to its end; raises if it fails."""
    began = time.perf_counter()
    actions = [] if output is None else [(os.POSIX_SPAWN_DUP2, output, 1)]
    pid = os.posix_spawn(arguments[0], list(arguments), os.environ, file_actions=actions)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}, expected 0")
    return wall, used.ru_utime + used.ru_stime


def compare(
    name: str,
    unit: str,
    ours: Sequence[float],
    bare: Sequence[float],
    *,
    figure: str = "",
    bound: float = 0,
    less_is_better: bool = True,
    note: str = "",
) -> Row:
    """A row from the passes of both sides, which ran in turns: pass k of ours beside pass k of the bare loop."""
    ratios = [mine / its for mine, its in zip(ours, bare, strict=True)]
    return Row(name, unit, median(ours), median(bare), median(ratios), figure, bound, less_is_better, note)


def load() -> float:
    """Processes that wanted a processor in the last minute."""
    return os.getloadavg()[0]


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = 0 if unit == "/s" else 2
    return f"{value:,.{digits}f} {unit}"


def table(rows: Sequence[Row]) -> str:
    """The rows for people."""
    lines = [("", "packcenter", "bare", "ratio", "aim", "")]
    for row in rows:
        sign = "<=" if row.less_is_better else ">="
        bound = "" if not row.figure else f"{sign} {row.bound:,g}" + ("" if row.figure == "ratio" else f" {row.unit}")
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        verdict = {True: "met", False: "MISSED", None: ""}[row.met()]
        lines.append((row.name, _figure(row.ours, row.unit), _figure(row.bare, row.unit), ratio, bound, verdict))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = []
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        cells[0] = line[0].ljust(widths[0])
        text.append("  ".join(cells).rstrip())
    text += [f"{row.name}: {row.note}" for row in rows if row.note]
    return "\n".join(text)

"""
From the scan to the accepted decision, and how many a second, over one link: packcenter and the bare loop in turns.

Both sides are two processes, PLC and controller, over loopback TCP. The PLC's process holds the stopwatch, so one
clock measures both ends. packcenter is the whole service: each decision is journaled (one write and one fdatasync on
the given disk) before it is sent.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from figures import Row, compare, cpu_seconds, median

HERE = Path(__file__).resolve().parent
RATE = 50
START_S = 60


class Session(NamedTuple):
    """A PLC and a controller of one side; the controller's `arguments` follow the PLC's port. Not `steady`: only flooded."""

    plc: list[str]
    controller: list[str]
    arguments: list[str]
    steady: bool = True
    journals: bool = False


BARE = {
    "modbus": Session(["-m", "bare.modbus_plc"], ["-m", "bare.modbus_controller"], []),
    "opcua": Session(["-m", "bare.opcua_plc"], ["-m", "bare.opcua_controller"], ["subscribe"]),
    "opcua, polled": Session(["-m", "bare.opcua_plc", "0"], ["-m", "bare.opcua_controller"], ["poll"], steady=False),
}


def packcenter(protocol: str, journal: Path) -> Session:
    return Session(["line_plc.py", protocol], ["controller.py", protocol], [str(journal)], journals=True)


class Child:
    """A process that talks JSON lines; ended by its own input's end, else by its process id."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *arguments], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._log = log
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, order: dict[str, Any]) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self.says()

    def says(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended; its last words:\n{self._log.read_text()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def measure(session: Session, log: Path, steady_s: float, flood_s: float) -> dict[str, dict[str, float]]:
    """One pass of one side: as fast as it goes, then at a rate. Raises if a decision was wrong or is missing."""
    with Child(session.plc, log) as plc:
        port = str(plc.says()["port"])
        with Child([*session.controller, port, *session.arguments], log) as controller:
            controller.says()
            plc.ask({"steady": [RATE, 0.5]})  # both sides warm
            figures = {"flood": _observed(session, plc, controller, {"flood": flood_s})}
            if session.steady:
                figures["steady"] = _observed(session, plc, controller, {"steady": [RATE, steady_s]})
            return figures


def _observed(session: Session, plc: Child, controller: Child, order: dict[str, Any]) -> dict[str, float]:
    if session.journals:
        controller.ask({})
    before = cpu_seconds(plc.pid), cpu_seconds(controller.pid)
    figures = plc.ask(order)
    after = cpu_seconds(plc.pid), cpu_seconds(controller.pid)
    assert not figures["wrong"], figures
    assert not figures["undecided"], figures
    items = max(1, figures["items"])
    figures["plc_cpu_us_item"] = (after[0] - before[0]) / items * 1e6
    figures["controller_cpu_us_item"] = (after[1] - before[1]) / items * 1e6
    return figures | (controller.ask({}) if session.journals else {})


Passes = dict[str, list[dict[str, dict[str, float]]]]


def run(folder: Path, passes: int, steady_s: float, flood_s: float) -> tuple[list[Row], Passes]:
    """All sides in turns, `passes` times; the rows and what each pass said."""
    seen: Passes = {}
    log = folder / "links.log"
    for number in range(passes):
        for protocol in ("modbus", "opcua"):
            sides = {name: session for name, session in BARE.items() if name.startswith(protocol)}
            for name, session in sides.items():
                seen.setdefault(f"bare {name}", []).append(measure(session, log, steady_s, flood_s))
            ours = packcenter(protocol, folder / f"{protocol}-{number}")
            seen.setdefault(f"packcenter {protocol}", []).append(measure(ours, log, steady_s, flood_s))
    return [*_latency(seen, "modbus", 1.2), *_latency(seen, "opcua", 1.5), *_throughput(seen)], seen


def _all(seen: Passes, side: str, phase: str, figure: str) -> list[float]:
    return [each[phase][figure] for each in seen[side]]


def _latency(seen: Passes, protocol: str, bound: float) -> list[Row]:
    rows = []
    for figure, aim in (("p50_ms", ""), ("p99_ms", "ratio")):
        ours, bare = (_all(seen, f"{side} {protocol}", "steady", figure) for side in ("packcenter", "bare"))
        name = f"scan to decision, {protocol}, {RATE}/s, {figure[:3]}"
        note = _processor(seen, f"packcenter {protocol}", f"bare {protocol}", "steady") if aim else ""
        rows.append(compare(name, "ms", ours, bare, figure=aim, bound=bound, note=note))
    return rows


def _processor(seen: Passes, ours: str, bare: str, phase: str) -> str:
    """What limits: the processor time of an item on either side, all of which lies between two images of a link."""
    sides = []
    for name in (ours, bare):
        controller, plc = (median(_all(seen, name, phase, f"{part}_cpu_us_item")) for part in ("controller", "plc"))
        sides.append(f"{name}: controller {controller:,.0f}, PLC {plc:,.0f} us")
    commit, sync, sync_99 = (median(_all(seen, ours, phase, name)) for name in ("commit_p50_ms", "sync_p50_ms", "sync_p99_ms"))
    journal = f"journal: p50 {commit:.2f} ms, of it the sync {sync:.2f} ms (p99 {sync_99:.2f} ms)"
    return f"processor time of an item: {'; '.join(sides)}; {journal}"


def _throughput(seen: Passes) -> list[Row]:
    """packcenter subscribes on OPC UA; a bare loop that polls without a pause stands beside it, without an aim."""
    rows = []
    for protocol, against, how in (
        ("modbus", "modbus", "modbus"),
        ("opcua", "opcua", "opcua, subscribed"),
        ("opcua", "opcua, polled", "opcua, beside polling"),
    ):
        ours = _all(seen, f"packcenter {protocol}", "flood", "items_per_s")
        bare = _all(seen, f"bare {against}", "flood", "items_per_s")
        aim = "" if how.endswith("polling") else "ratio"
        note = _processor(seen, f"packcenter {protocol}", f"bare {against}", "flood")
        rows.append(
            compare(f"items through one link, {how}", "/s", ours, bare, figure=aim, bound=0.25, less_is_better=False, note=note)
        )
    return rows

"""
Strict replay and restart with a journal of some 100,000 records, beside merely reading it with all checks.

    python bench_replay.py read|replay|restart JOURNAL        one pass; prints JSON
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import deque
from pathlib import Path

from figures import Row, compare, median, run_child, timed

from packcenter.cli import collector, site
from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.journal import snapshot
from packcenter.journal.frames import Identity
from packcenter.journal.journal import Position, read_groups, read_journal
from packcenter.real import RealClock, RealDisk
from packcenter.replay.strict import replay
from packcenter.service import recovery

HERE = Path(__file__).resolve().parent
ITEMS = 19_900
"""Items of a day whose journal has some 100,000 records."""

AIM_PER_S = 100_000
RESTART_AIM_S = 3.0


def reading(folder: Path) -> int:
    """Read and check everything; the number of records."""
    last = deque(read_journal(RealDisk(folder, read_only=True), verify="chain"), maxlen=1)
    return last[0].sequence


def replaying(folder: Path) -> int:
    found = replay(read_journal(RealDisk(folder, read_only=True), verify="chain"))
    assert found.divergence is None, found.divergence
    return found.inputs


def restarting(folder: Path) -> int:
    """What a starting service does before it talks to any PLC; the sequence it goes on from."""
    configuration = site.load(None)
    identity = Identity(configuration.hall.centre, "bench", bytes.fromhex(configuration.digest), bytes(32))
    recovered = recovery.recover(RealDisk(folder), identity, RealClock(), "bench", lab=True)
    recovered.journal.close()
    return recovered.journal.end.sequence


MODES = {"read": reading, "replay": replaying, "restart": restarting}


def one(mode: str, folder: Path) -> dict[str, float]:
    counts: list[int] = []
    if mode != "restart":
        collector.settle(batch=True)  # as the commands do
    wall, cpu = timed(lambda: counts.append(MODES[mode](folder)))
    return {
        "records": counts[0],
        "wall_s": wall,
        "cpu_s": cpu,
        "records_per_s": counts[0] / wall,
        "records_per_cpu_s": counts[0] / cpu,
    }


def _pass(mode: str, folder: Path) -> dict[str, float]:
    said = subprocess.run(
        [sys.executable, "bench_replay.py", mode, str(folder)], cwd=HERE, check=True, capture_output=True, text=True
    )
    figures: dict[str, float] = json.loads(said.stdout)
    return figures


def _take_snapshot(folder: Path) -> None:
    """As the service does every 50,000 records: the state in the middle of the journal."""
    disk = RealDisk(folder)
    controller, position, wall_us = Controller(), Position(0, 0, 0, b"", b""), 0
    for batch in read_groups(RealDisk(folder, read_only=True), verify="crc"):
        for entry in batch.entries:
            recorded = record.decode(entry.body)
            controller.fold(entry.at_us, recorded.facts, recorded.commands)
            wall_us = entry.wall_us
        position = batch.end
        if position.sequence >= ITEMS * 5 // 2:
            break
    body = recovery.pack_snapshot(controller.state, wall_us)
    snapshot.write(disk, snapshot.Snapshot(position, recovery.STATE_SCHEMA, body))


def run(folder: Path, passes: int, null: int) -> tuple[list[Row], dict[str, list[dict[str, float]]]]:
    """Reading, replay and restart in turns."""
    journal = folder / "replayed"
    run_child([sys.executable, "-m", "packcenter", "simulate", "--json", "--items", str(ITEMS), "--journal", str(journal)], null)
    with_snapshot = folder / "snapshot"
    shutil.copytree(journal, with_snapshot)
    _take_snapshot(with_snapshot)
    seen: dict[str, list[dict[str, float]]] = {}
    for _ in range(passes):
        for mode in MODES:
            seen.setdefault(mode, []).append(_pass(mode, journal))
        seen.setdefault("restart, snapshot", []).append(_pass("restart", with_snapshot))
    rates = {name: [each["records_per_s"] for each in passes_of] for name, passes_of in seen.items()}
    by_cpu = {name: [each["records_per_cpu_s"] for each in passes_of] for name, passes_of in seen.items()}
    walls = {name: [each["wall_s"] for each in passes_of] for name, passes_of in seen.items()}
    rows = [
        compare(
            "strict replay, beside reading",
            "/s",
            rates["replay"],
            rates["read"],
            figure="ours",
            bound=AIM_PER_S,
            less_is_better=False,
        ),
        compare("strict replay, a second of processor time", "/s", by_cpu["replay"], by_cpu["read"], less_is_better=False),
        compare("restart, 100,000 records", "s", walls["restart"], walls["read"], figure="ours", bound=RESTART_AIM_S),
        Row("restart, the same with a snapshot in the middle", "s", median(walls["restart, snapshot"]), None, None),
    ]
    return rows, seen


if __name__ == "__main__":
    print(json.dumps(one(sys.argv[1], Path(sys.argv[2]))))

"""
How fast the journal makes records durable, against a bare file that gets the same bytes in the same run.

    python tests/bench/bench_journal.py FOLDER [--rounds N] [--records N]

Prints one JSON object. Figures of different runs or machines cannot be compared; `ratio` can: it is the median over
rounds of (time of the bare file / time of the journal), each round doing both, in turns. The bare file is
preallocated like a segment and gets the identical groups by the same pwrite and fdatasync, so that the ratio is what
encoding, chain, digest and bookkeeping cost. The aim is 0.7 at groups of 64.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from figures import Row

from packcenter.journal import frames
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import SEGMENT_BYTES, Journal, ThreadCommitter, Verify, read_journal
from packcenter.real import RealClock, RealDisk

IDENTITY = Identity("NJ01", "bench", bytes(32), bytes(32))
GROUPS = 20  # groups a round writes on either side before the other's turn
BODY = bytes(range(1, 241))  # an ordinary record (a scan, its route and its command) packs to some 240 bytes
DECISION_AT = 80
AIM_RATIO = 0.7


def drafts(count: int) -> list[Draft]:
    return [Draft(10**15 + n, 10**12 + n, 10**15 + n, "sorter-1", 1, n, BODY, DECISION_AT) for n in range(count)]


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def opened(folder: Path) -> Journal:
    shutil.rmtree(folder, ignore_errors=True)
    journal = Journal.open(RealDisk(folder), IDENTITY, clock=RealClock(), holder="bench", lab=True)
    journal.write_group(drafts(1))
    journal.prepare_spares()
    return journal


class BareFile:
    """A preallocated file that gets ready-made groups."""

    def __init__(self, folder: Path, group: list[Draft]) -> None:
        disk = RealDisk(folder)
        self._file = disk.open("bare", create=True)
        self._file.pwrite(bytes(SEGMENT_BYTES), 0)
        self._file.fdatasync()
        disk.sync_directory()
        self._content = frames.encode_group(group, 1, frames.GENESIS, frames.GENESIS).content
        self._at = 0

    def write(self) -> None:
        for _ in range(GROUPS):
            if self._at + len(self._content) > SEGMENT_BYTES:
                self._at = 0
            self._file.pwrite(self._content, self._at)
            self._file.fdatasync()
            self._at += len(self._content)


def durable(folder: Path, size: int, rounds: int) -> dict[str, float]:
    """Durable records a second at groups of `size`: the journal, the journal in its thread, the bare file."""
    group = drafts(size)
    journal, bare = opened(folder / "journal"), BareFile(folder / "bare", group)
    threaded = opened(folder / "threaded")
    committer = ThreadCommitter(threaded)
    took: dict[str, list[float]] = {"bare": [], "journal": [], "thread": []}

    def write() -> None:
        for _ in range(GROUPS):
            journal.write_group(group)

    async def commit() -> float:
        began = time.perf_counter()
        for _ in range(GROUPS):
            await committer.commit(group)
        return time.perf_counter() - began

    async def run() -> None:
        for _ in range(rounds):
            journal.prepare_spares()
            threaded.prepare_spares()
            took["bare"].append(timed(bare.write))
            took["journal"].append(timed(write))
            took["thread"].append(await commit())
        await committer.close()

    asyncio.run(run())
    journal.close()
    figures: dict[str, float] = {}
    for name, times in took.items():
        figures[f"{name}_events_per_s"] = round(GROUPS * size / statistics.median(times))
    for name in ("journal", "thread"):
        ratios = [b / t for b, t in zip(took["bare"], took[name], strict=True)]
        figures[f"{name}_ratio"] = round(statistics.median(ratios), 3)
    return figures


def run(folder: Path, rounds: int) -> tuple[list[Row], dict[str, dict[str, float]]]:
    """
    The rows for the table: by the journal alone, and with the hand-over to the writer's thread that the service pays.

    A group of 4 is what one PLC shows at a time, 28 what the seven of a hall do, 64 a flood that no hall makes.
    """
    rows, seen = [], {}
    for size in (4, 28, 64):
        figures = durable(folder / "durable", size, rounds)
        seen[str(size)] = figures
        bare = figures["bare_events_per_s"]
        for name, how, aim in (("journal", "", "ratio"), ("thread", ", by the writer's thread", "")):
            ours, ratio = figures[f"{name}_events_per_s"], figures[f"{name}_ratio"]
            title = f"durable records, groups of {size}{how}"
            rows.append(Row(title, "/s", ours, bare, ratio, aim, AIM_RATIO, less_is_better=False))
    return rows, seen


def codec(count: int) -> dict[str, float]:
    """Microseconds a frame for encoding and decoding, best of five."""
    group = drafts(64)
    encoded = frames.encode_group(group, 1, frames.GENESIS, frames.GENESIS).content
    times = max(1, count // 64)

    def encode() -> None:
        for _ in range(times):
            frames.encode_group(group, 1, frames.GENESIS, frames.GENESIS)

    def decode() -> None:
        for _ in range(times):
            frames.decode_group(encoded, 0, 1, frames.GENESIS)

    return {
        f"{name}_us": round(min(timed(call) for _ in range(5)) / times / 64 * 1e6, 2)
        for name, call in (("encode", encode), ("decode", decode))
    }


def reading(folder: Path, count: int) -> dict[str, float]:
    """Records a second that a tool reads from disk, by how much it checks; best of three."""
    journal, group = opened(folder), drafts(512)
    while journal.end.sequence < count:
        journal.write_group(group)
    journal.close()
    disk, figures = RealDisk(folder, read_only=True), {}
    checks: tuple[Verify, ...] = ("crc", "chain", "decisions")
    for verify in checks:
        call = functools.partial(_read_all, disk, verify)
        figures[f"{verify}_records_per_s"] = journal.end.sequence / min(timed(call) for _ in range(3)) // 1
    return figures


def _read_all(disk: RealDisk, verify: Verify) -> None:
    for _ in read_journal(disk, verify=verify):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark the journal.")
    parser.add_argument("folder", type=Path, help="a folder to work in, on the disk to be measured; a new one is made inside")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--records", type=int, default=200_000)
    given = parser.parse_args()
    folder = given.folder / "bench-journal"
    try:
        figures = {
            "file_system": RealDisk(folder).kind(),
            "python": sys.version.split()[0],
            "frame_bytes": frames.group_bytes(drafts(1)) - frames.COMMIT_BYTES,
            "codec": codec(50_000),
            "groups": {str(size): durable(folder, size, given.rounds) for size in (1, 8, 64, 512)},
            "reading": reading(folder / "reading", given.records),
        }
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

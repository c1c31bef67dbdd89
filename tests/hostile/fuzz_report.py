"""What a fuzzer found: counts, wrong acceptances, unexpected exceptions, the slowest case, memory, and how fast it went."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CASES_KEPT = 20


def rss_mib() -> float:
    """Resident memory of this process at this moment."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096 / (1 << 20)


class Findings:
    """Collects what one run finds. `progress_s` is how often it tells on stderr; 0 is never."""

    def __init__(self, name: str, progress_s: float = 0) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()
        self.cases: list[dict[str, Any]] = []
        self.faults = 0
        self.altered = 0
        self.slow = 0
        self.slowest_s = 0.0
        self.done = 0
        self._progress_s = progress_s
        self._began_s = self._told_s = time.monotonic()
        self._rss_mib = rss_mib()
        self._peak_mib = self._rss_mib

    def count(self, what: str) -> None:
        """One more of an ordinary outcome."""
        self.counts[what] += 1

    def wrong(self, why: str, case: dict[str, Any]) -> None:
        """Something wrong was accepted, or something right was not."""
        self.faults += 1
        self.counts[f"WRONG: {why}"] += 1
        self._keep({"why": why, **case})

    def unexpected(self, error: BaseException, case: dict[str, Any]) -> None:
        """An exception that nobody may see."""
        self.faults += 1
        self.counts[f"UNEXPECTED: {type(error).__name__}"] += 1
        self._keep({"why": "".join(traceback.format_exception(error))[-2000:], **case})

    def past_the_crc(self, case: dict[str, Any]) -> None:
        """An image whose checksum is right though it was altered: one in 65,536 of those that are altered at random."""
        self.altered += 1
        self._keep({"why": "altered past the CRC", **case})

    def _keep(self, case: dict[str, Any]) -> None:
        if len(self.cases) < _CASES_KEPT:
            self.cases.append(case)
            if self._progress_s:
                print(json.dumps(case), file=sys.stderr, flush=True)

    @contextmanager
    def timed(self, limit_s: float) -> Iterator[None]:
        """Time one case, by processor time: nothing here waits, and a busy machine is not our hang."""
        began_s = time.thread_time()
        yield
        took_s = time.thread_time() - began_s
        self.slowest_s = max(self.slowest_s, took_s)
        self.slow += took_s > limit_s

    def progress(self, done: int) -> None:
        """So many are done."""
        before, self.done = self.done, done
        if done // 256 == before // 256:
            return
        now_s = time.monotonic()
        self._peak_mib = max(self._peak_mib, rss_mib())
        if self._progress_s and now_s - self._told_s >= self._progress_s:
            self._told_s = now_s
            print(
                f"{self.name}: {done:,}, {done / (now_s - self._began_s):,.0f}/s, faults {self.faults}",
                file=sys.stderr,
                flush=True,
            )

    def summary(self) -> dict[str, Any]:
        """The figures, for people and for a file."""
        seconds = time.monotonic() - self._began_s
        self._peak_mib = max(self._peak_mib, rss_mib())
        return {
            "name": self.name,
            "done": self.done,
            "seconds": round(seconds, 1),
            "per_s": round(self.done / max(seconds, 1e-9)),
            "faults": self.faults,
            "altered_past_the_crc": self.altered,
            "slower_than_1_s": self.slow,
            "slowest_ms": round(self.slowest_s * 1e3, 1),
            "rss_growth_mib": round(self._peak_mib - self._rss_mib, 1),
            "counts": dict(sorted(self.counts.items())),
            "cases": self.cases,
        }

    def tell(self) -> None:
        """Print the summary."""
        print(json.dumps(self.summary(), indent=1), flush=True)

"""
A stage for the dashboards: an hour of history from the preview's hall, a real Prometheus over it, and the hall going on.

History is written with promtool as finished blocks, recording rules included, so that nobody waits for it. Then the
hall goes on in real time behind an exporter that is scraped every second, with the holds of the alerts shortened.
"""

from __future__ import annotations

import asyncio
import calendar
import contextlib
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from grafana.alerts import INSTANCE, JOB
from grafana.preview.feed import SECOND, Feed, trouble
from grafana.preview.hall import reference_hall
from grafana.preview.recorded import Scraped
from packcenter.config.load import load_site
from packcenter.service.exposition import exposition
from simulation import scenario as scenarios
from simulation.clock import HeapClock
from simulation.documents import EXAMPLE_DAY
from simulation.staged import stage as run_stage

RULES = Path(__file__).parent.parent / "prometheus" / "rules" / "packcenter.yml"
STEP_S = 15
HISTORY_S = 3600
TROUBLE_S = 420
QUIET = "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
SETTLE_S = 25
EXAMPLE_MIDNIGHT_US = calendar.timegm(EXAMPLE_DAY.timetuple()) * SECOND
"""The scenarios' day, as if it were in Greenwich."""

Played = dict[str, tuple[str, dict[str, list[tuple[float, float]]]]]
"""Family -> (type, series -> [(value, unix seconds), ...])."""


class RealClock:
    """Only what `exposition` needs."""

    async def sleep_us(self, us: int) -> None:
        """Wait."""
        await asyncio.sleep(us / 1e6)

    def mono_us(self) -> int:
        """Monotonic time."""
        return time.monotonic_ns() // 1000

    def wall_us(self) -> int:
        """Wall time."""
        return time.time_ns() // 1000


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def play(feed: Feed, until_us: int, events: Sequence[tuple[int, Callable[[Feed], None]]]) -> Played:
    """
    Play the feed up to `until_us`, doing each of `events` in its time, as if it were scraped every `STEP_S`.

    """
    seen: Played = {}
    coming = list(events)
    at_us = feed.now_us
    while at_us <= until_us:
        while coming and coming[0][0] <= at_us:
            coming.pop(0)[1](feed)
        feed.run_to(at_us)
        feed.refresh()
        for family in feed.metrics.registry.collect():
            _, series = seen.setdefault(family.name, (family.type, {}))
            for sample in family.samples:
                labels = ",".join(
                    f'{name}="{value}"' for name, value in {**sample.labels, "job": JOB, "instance": INSTANCE}.items()
                )
                series.setdefault(f"{sample.name}{{{labels}}}", []).append((sample.value, at_us / 1e6))
        at_us += STEP_S * SECOND
    return seen


def write_history(path: Path, seen: Played) -> None:
    """Write what was played as OpenMetrics with times, which promtool turns into blocks."""
    with path.open("w", encoding="utf-8") as out:
        for name, (kind, series) in seen.items():
            out.write(f"# TYPE {name} {kind}\n")
            for key, points in series.items():
                out.writelines(f"{key} {value!r} {at_s:.3f}\n" for value, at_s in points)
        out.write("# EOF\n")


class Exporter(threading.Thread):
    """Serves the feed's metrics in real time on a loopback port of its own choosing; the feed goes on with each scrape."""

    def __init__(self, feed: Feed) -> None:
        super().__init__(daemon=True)
        self.feed = feed
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self.start()
        self._ready.wait(10)

    def run(self) -> None:
        """Serve until `close`."""
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._answer, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(server.wait_closed())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def close(self) -> None:
        """Stop serving, and wait for that."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self.join(10)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        accept = next((line.partition(":")[2] for line in head.splitlines() if line.lower().startswith("accept:")), "")
        self.feed.run_to(time.time_ns() // 1000)
        self.feed.refresh()
        content_type, chunks = exposition(self.feed.metrics.registry, accept, RealClock())
        writer.write(f"HTTP/1.0 200 OK\r\nContent-Type: {content_type}\r\n\r\n".encode())
        async for chunk in chunks:
            writer.write(chunk)
        await writer.drain()
        writer.close()


class Prometheus:
    """A Prometheus on loopback over a folder; `ask` queries it."""

    def __init__(self, folder: Path, config: str) -> None:
        self.folder = folder
        (folder / "prometheus.yml").write_text(config, encoding="utf-8")
        for _ in range(5):
            self.port = free_port()
            self._log = (folder / "prometheus.log").open("wb")
            self._process = subprocess.Popen(  # noqa: S603  (our own arguments)
                [
                    shutil.which("prometheus") or "prometheus",
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    "--storage.tsdb.retention.time=100y",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=self._log,
                stderr=subprocess.STDOUT,
            )
            if self._is_ready():
                return
            self.close()
        raise RuntimeError(f"prometheus did not start; see {folder / 'prometheus.log'}")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def _is_ready(self) -> bool:
        for _ in range(150):
            if self._process.poll() is not None:
                return False
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:  # noqa: S310
                if answer.status == 200:
                    return True
            time.sleep(0.1)
        return False

    def ask(self, expr: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """The result of an instant query; raises `ValueError` with Prometheus' words if it cannot be answered."""
        query = {"query": expr} | ({"time": str(at_s)} if at_s is not None else {})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{urllib.parse.urlencode(query)}", timeout=20) as answer:  # noqa: S310
                return list(json.load(answer)["data"]["result"])
        except urllib.error.HTTPError as error:
            raise ValueError(f"{expr}: {error.read().decode()}") from error

    def close(self) -> None:
        """End it and wait for that."""
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


@contextlib.contextmanager
def stage(folder: Path, scenario: str, *, live: bool = True) -> Iterator[tuple[Prometheus, int]]:
    """
    (Prometheus, unix second of "now") over an hour of the ordinary or the troubled hall.

    With `live` the hall goes on until alerts had time to fire; without, "now" is the end of the history.
    """
    end_s = int(time.time()) - 5
    local_now = 10 * 60 + 40  # the pictures' time of day, whenever they are taken
    offset = local_now - (end_s // 60) % 1440
    feed = Feed(reference_hall(offset + (1440 if offset < -720 else 0)), (end_s - HISTORY_S) * SECOND, announced=9_000)
    events = [] if scenario == "ordinary" else [((end_s - TROUBLE_S) * SECOND, trouble)]
    write_history(folder / "history.om", play(feed, end_s * SECOND, events))
    _promtool("tsdb", "create-blocks-from", "openmetrics", str(folder / "history.om"), str(folder / "data"))
    with _still(folder, end_s) as last:
        if not live:
            yield last, end_s
            return
    exporter = Exporter(feed)
    (folder / "hasty.yml").write_text(
        re.sub(r"(?m)^( +for: ).+$", r"\g<1>2s", RULES.read_text(encoding="utf-8")), encoding="utf-8"
    )
    prometheus = Prometheus(folder, f"{QUIET}rule_files: [hasty.yml]\n{_scrape(exporter.port)}")
    try:
        time.sleep(SETTLE_S)
        yield prometheus, int(time.time())
    finally:
        prometheus.close()
        exporter.close()


@contextlib.contextmanager
def recorded(
    folder: Path, name: str, until: str, *, history_s: int = HISTORY_S, names: Sequence[str] | None = None
) -> Iterator[tuple[Prometheus, int]]:
    """
    (Prometheus, unix second of "now") over a scenario's day up to this local time; it stands still.

    It has so many seconds of history, and these metrics (all if None).
    """
    scenario = scenarios.load(name)
    configuration = load_site(scenario.site)
    midnight_us = EXAMPLE_MIDNIGHT_US - configuration.hall.utc_offset_minutes * 60 * SECOND
    end_s = midnight_us // SECOND + scenarios.seconds_of(until)
    begin_us = (end_s - history_s) * SECOND
    day = Scraped(configuration.hall, names, step_s=STEP_S, begin_us=begin_us, end_us=end_s * SECOND)
    run_stage(scenario, configuration, HeapClock(), keep=day.keep)
    series = day.series(all_of_them=True)
    seen = {family: (kind, {key: series[key] for key in keys}) for family, (kind, keys) in day.kinds.items()}
    write_history(folder / "history.om", seen)
    _promtool("tsdb", "create-blocks-from", "openmetrics", str(folder / "history.om"), str(folder / "data"))
    with _still(folder, end_s, history_s) as prometheus:
        yield prometheus, end_s


@contextlib.contextmanager
def _still(folder: Path, end_s: int, history_s: int = HISTORY_S) -> Iterator[Prometheus]:
    """A Prometheus over finished blocks, to which the recording rules are added."""
    first = Prometheus(folder, QUIET)
    try:
        _backfill_rules(folder, first.url, end_s, history_s)
    finally:
        first.close()
    for block in (folder / "recorded").iterdir():
        block.rename(folder / "data" / block.name)
    last = Prometheus(folder, QUIET)
    try:
        yield last
    finally:
        last.close()


def _scrape(port: int) -> str:
    target = {"targets": [f"127.0.0.1:{port}"], "labels": {"instance": INSTANCE}}
    return "scrape_configs: " + json.dumps([{"job_name": JOB, "static_configs": [target]}]) + "\n"


def _backfill_rules(folder: Path, url: str, end_s: int, history_s: int) -> None:
    text = RULES.read_text(encoding="utf-8")
    recordings = text[: text.index("  - name: packcenter-alerts")]
    (folder / "recordings.yml").write_text(recordings, encoding="utf-8")
    _promtool(
        "tsdb", "create-blocks-from", "rules", "--url", url, "--start", str(end_s - history_s), "--end", str(end_s),
        "--eval-interval", f"{STEP_S}s", "--output-dir", str(folder / "recorded"), str(folder / "recordings.yml"),
    )  # fmt: skip


def _promtool(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603  (our own arguments)
        [shutil.which("promtool") or "promtool", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"promtool {' '.join(arguments[:3])}: {done.stdout}{done.stderr}")

"""
Draws every dashboard as a picture: `python -m grafana.preview.render [--only operator-zh] [--theme light]`.

Grafana's own components (npm, exact versions) draw the committed JSON over a real Prometheus in Debian's Chromium.
By default the Prometheus is a stage of our own (`stage.py`); `--prometheus URL` takes any other.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grafana.preview.stage import recorded, stage
from simulation import scenario as scenarios

HERE = Path(__file__).parent
DASHBOARDS = HERE.parent / "dashboards"
HEIGHT = 1080


def missing() -> str:
    """What a picture needs and this machine lacks, "" if nothing."""
    for tool in ("node", "chromium", "prometheus", "promtool"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    if not (HERE / "node_modules").is_dir():
        return "node_modules is missing; run `npm ci` in grafana/preview"
    return ""


def bundle(folder: Path) -> None:
    """Put the page, Grafana's components and the dashboards into a folder to serve."""
    if not (HERE / "node_modules").is_dir():
        subprocess.run(["npm", "ci"], cwd=HERE, check=True)  # noqa: S607
    subprocess.run(["node", "bundle.mjs", str(folder)], cwd=HERE, check=True)  # noqa: S603, S607
    for path in DASHBOARDS.glob("*.json"):
        shutil.copy(path, folder)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; gives its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name in the library)
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def shoot(address: str, prometheus: str, at_s: int, jobs: list[tuple[str, Path]], *, theme: str, span_s: int, rate: str) -> None:
    """Take one picture a job (dashboard, file); raises `RuntimeError` with what the page said if one cannot be drawn."""
    step = max(1, span_s // 240)
    asked = f"prom={prometheus}&theme={theme}&span={span_s}&step={step}&rate={rate}&at={at_s}&height={HEIGHT}"
    pages = [
        {
            "url": f"{address}/index.html?dash={name}.json&{asked}",
            "out": str(path),
            "height": HEIGHT,
        }
        for name, path in jobs
    ]
    order = json.dumps({"chromium": shutil.which("chromium"), "pages": pages})
    done = subprocess.run(["node", "shoot.mjs"], cwd=HERE, input=order, text=True, capture_output=True, check=False)  # noqa: S607
    if done.returncode:
        raise RuntimeError(done.stderr)


def main(arguments: list[str]) -> int:
    """Draw what was asked for and say where it is."""
    options = argparse.ArgumentParser(description="Draw the dashboards as pictures.")
    options.add_argument("--out", type=Path, default=Path("run/pictures"), help="folder of the pictures")
    options.add_argument("--only", nargs="*", help="dashboards, such as operator-zh; all if left out")
    options.add_argument(
        "--scenario", choices=("ordinary", "trouble", *scenarios.names()), default="trouble", help="the preview's hall, or a day"
    )
    options.add_argument("--at", default="11:30", help="local time of a scenario's day")
    options.add_argument("--theme", choices=("dark", "light"), default="dark")
    options.add_argument("--span", type=int, default=1800, help="shown seconds")
    options.add_argument("--prometheus", help="address of a running Prometheus to draw from instead of a stage")
    chosen = options.parse_args(arguments)
    names = chosen.only or sorted(path.stem for path in DASHBOARDS.glob("*.json"))
    chosen.out.mkdir(parents=True, exist_ok=True)
    jobs = [(name, chosen.out / f"{name}.png") for name in names]
    jobs = [(name, path.absolute()) for name, path in jobs]
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch) / "page"
        bundle(page)
        with served(page) as address:
            if chosen.prometheus:
                shoot(address, chosen.prometheus, int(time.time()), jobs, theme=chosen.theme, span_s=chosen.span, rate="60s")
            else:
                played = Path(scratch) / "stage"
                played.mkdir()
                hall = chosen.scenario in ("ordinary", "trouble")
                with (
                    stage(played, chosen.scenario) if hall else recorded(played, chosen.scenario, chosen.at) as (
                        prometheus,
                        now_s,
                    )
                ):
                    shoot(address, prometheus.url, now_s, jobs, theme=chosen.theme, span_s=chosen.span, rate="60s")
    for _, path in jobs:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`packcenter demo`: the reference hall, whole: simulated PLCs behind real servers in one process, the controller in another."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from packcenter.cli import output, serving, site
from packcenter.cli.codes import INTERNAL, OK, PROBLEM, UNREACHABLE, ToldError
from packcenter.cli.run import parse_duration, show_books

if TYPE_CHECKING:
    from packcenter.config.build import Configuration, TlsSettings
    from packcenter.service.service import Service
    from packcenter.service.status import Status

Prometheus = tuple[subprocess.Popen[bytes], str]
"""The process, and where its pages are."""

DRAIN_S = 10.0
"""How long the last events may take to become durable once the plant stands still: some exchanges and syncs on a loaded disk."""

OPEN_S = 30.0
"""How long the hall waits for its machines and manifests before it opens all the same."""

PLAIN_EVERY_S = 10.0
PANEL_EVERY_S = 0.5


@click.command()
@click.option("--for", "duration", help="Stop after this long, such as 90s, 20m or 2h; else at Ctrl-C.")
@click.option("--speed", type=click.IntRange(1, 10), default=1, show_default=True, help="Plant seconds per real second.")
@click.option(
    "--manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Manifest file; else the example day."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Luck of the day, and the example day itself.")
@click.option("--items", type=click.IntRange(1, 1_000_000), help="Items of the example day (15,800).")
@click.option("--date", "day", help="The day, YYYY-MM-DD (2026-03-02).")
@click.option(
    "--site",
    "site_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Site file; else the reference hall.",
)
@click.option(
    "--people",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the people who may act; `packcenter people add` writes it.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("run"),
    show_default=True,
    help="Runs are kept below it.",
)
def demo(
    duration: str | None,
    speed: int,
    manifest: Path | None,
    seed: int,
    items: int | None,
    day: str | None,
    site_file: Path | None,
    people: Path | None,
    folder: Path,
) -> int:
    """Run a working day in the reference hall over real OPC UA and Modbus sockets.

    Two sorters, four baggers and a dispatch rack, each behind a protocol server of its own, in one process; the
    control service in another, journaling, deciding, packing, bagging. Ctrl-C (or the end of --for) stops cleanly and
    prints the books: what was expected, what was dispatched, what is in the hall and where, and that it balances.
    """
    seconds = parse_duration(duration) if duration is not None else None
    configuration = site.load(site_file)
    if people is not None:
        configuration = replace(configuration, site=replace(configuration.site, people=people))
    tls = serving.tls_of(configuration)
    prepared = site.prepare(configuration, manifest, seed, items, site.parse_day(day))
    run = _new_run(folder)
    plant = Plant(_plant_arguments(site_file, manifest, seed, items, day, speed), run / "plant.log")
    prometheus: Prometheus | None = None
    try:
        click.echo("Starting the simulated hall: 7 PLC servers ...", err=True)
        addresses = plant.start()
        (run / "addresses.json").write_text(json.dumps(addresses), "utf-8")
        _bring(prepared.manifests, run / "manifests" / "in")
        with (run / "service.log").open("a", encoding="utf-8") as log:
            lines = serving.log_to(log, as_json=True)
            try:
                service = _service(configuration, addresses, run, speed, prepared.opens_us)
                host = configuration.site.http_host
                where = (host, _free_port(host, configuration.site.http_port))
                prometheus = _start_prometheus(run, where, configuration.site.tls)
                show = Show(plant, run, seconds, len(prepared.manifests), prometheus)
                code = serving.run_until_stopped(service, where, tls=tls, during=show.during)
                return _end(service, plant, run, code, show)
            finally:
                lines.drain()
    finally:
        plant.stop()
        if prometheus is not None:
            prometheus[0].terminate()
            prometheus[0].wait()


def _new_run(folder: Path) -> Path:
    """A fresh folder for this run, and `latest` pointing to it."""
    run = folder / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    (run / "manifests" / "in").mkdir(parents=True)
    latest = folder / "latest"
    if latest.is_symlink() or not latest.exists():
        latest.unlink(missing_ok=True)
        latest.symlink_to(run.name)
    return run


def _plant_arguments(
    site_file: Path | None, manifest: Path | None, seed: int, items: int | None, day: str | None, speed: int
) -> list[str]:
    arguments = ["--frozen", "--seed", str(seed), "--speed", str(speed)]
    for name, value in (("--site", site_file), ("--manifest", manifest), ("--items", items), ("--date", day)):
        if value is not None:
            arguments += [name, str(value)]
    return arguments


def _bring(manifests: dict[str, bytes], folder: Path) -> None:
    """Put the manifests where an agency would, whole at once."""
    for name, content in manifests.items():
        part = folder / f"{name}.csv.part"
        part.write_bytes(content)
        part.rename(folder / f"{name}.csv")


def _service(
    configuration: Configuration, addresses: dict[str, tuple[str, int]], run: Path, speed: int, opens_us: int
) -> Service:
    from packcenter.service.service import Service

    here = replace(configuration.at(addresses), site=replace(configuration.site.below(run), lab=True))
    options = serving.Options(speed=speed, start_us=opens_us, mode="simulation", settle_us=100_000)
    return Service(serving.setup_of(here, options))


def _free_port(host: str, wanted: int) -> int:
    """The wanted port, or a free one where somebody else has it."""
    from packcenter.real import RealNet

    for port in (wanted, 0):
        try:
            with RealNet().listen(host, port) as listener:
                found: int = listener.getsockname()[1]
                return found
        except OSError:
            continue
    raise ToldError(
        UNREACHABLE, f"no port of {host} can be listened on; the site's [http] host must be an address of this computer."
    )


def _start_prometheus(run: Path, where: tuple[str, int], tls: TlsSettings | None) -> Prometheus | None:
    """Prometheus beside the demo and its address, where it is installed."""
    program = shutil.which("prometheus")
    if program is None:
        return None
    rules = _grafana_folder() / "prometheus" / "rules"
    address = f"127.0.0.1:{_free_port('127.0.0.1', PROMETHEUS_PORT)}"
    configuration = run / "prometheus.yml"
    configuration.write_text(
        "global: {scrape_interval: 5s, evaluation_interval: 5s}\n"
        f"rule_files: [{json.dumps(str(rules.absolute()) + '/*.yml')}]\n"
        "scrape_configs:\n"
        "  - job_name: packcenter\n"
        + (f"    scheme: https\n    tls_config: {{ca_file: {json.dumps(str(tls.certificate.absolute()))}}}\n" if tls else "")
        + f"    static_configs: [{{targets: ['{where[0]}:{where[1]}']}}]\n",
        "utf-8",
    )
    with (run / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the program found on the PATH, with arguments of ours
            [
                program,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={run / 'prometheus'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process, f"http://{address}"


PROMETHEUS_PORT = 9090


def _grafana_folder() -> Path:
    """The shipped dashboards and rules: in an installed packcenter its data, in the source tree `grafana`."""
    from packcenter.config.load import profile_folder

    return profile_folder().parent / "grafana"


def _end(service: Service, plant: Plant, run: Path, code: int, show: Show) -> int:
    """The books, and the plant's own count beside them."""
    balanced = show_books(service)
    if show.differences is None:
        click.echo("The plant could not be asked for its own count; see " + str(run / "plant.log"))
        return code or INTERNAL
    if show.differences:
        click.echo("THE PLANT'S OWN COUNT DIFFERS:")
        for difference in show.differences[:20]:
            click.echo(f"  {difference}")
    else:
        click.echo("The plant's own count agrees.")
    click.echo(f"Kept in {run}: `packcenter replay {run}`, `packcenter item CODE -j {run}`, `packcenter books {run}`.")
    return code or (OK if balanced and not show.differences else PROBLEM)


class Plant:
    """The simulated hall as a child process; orders and answers are JSON lines."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        self._arguments = arguments
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> dict[str, tuple[str, int]]:
        """Start it on the configured ports, or on free ones where those are taken; returns every PLC's address."""
        for more in ([], ["--any-port"]):
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - this program itself
                    [sys.executable, "-m", "packcenter", "plant", *self._arguments, *more],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,
                )
            line = self._line()
            if line:
                ready: dict[str, tuple[str, int]] = {name: (h, p) for name, (h, p) in json.loads(line)["ready"].items()}
                return ready
            self._process.wait()
        raise ToldError(UNREACHABLE, f"the simulated hall did not start; {self._log} says why:\n{self._log.read_text()[-2000:]}")

    def _line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def ask(self, name: str, argument: object) -> dict[str, Any]:
        """Give an order and wait for its answer; raises `ToldError` if the plant is gone or refuses."""
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({name: argument}) + "\n")
            self._process.stdin.flush()
            line = self._line()
        except (BrokenPipeError, ValueError):
            line = ""
        if not line:
            raise ToldError(INTERNAL, f"the simulated hall has ended; {self._log} says why")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ToldError(INTERNAL, answer["error"])
        return answer

    def stop(self) -> None:
        """End it in good order, else for good."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Show:
    """What the demo does beside the service: progress on the terminal, and at the end the plant's own count."""

    def __init__(self, plant: Plant, run: Path, seconds: float | None, manifests: int, prometheus: Prometheus | None) -> None:
        self.differences: list[str] | None = None
        self._plant = plant
        self._run = run
        self._seconds = seconds
        self._manifests = manifests
        self._prometheus = prometheus

    async def during(self, service: Service, address: str) -> None:
        """Show progress until the time is over or a stop is asked for, then count while the plant stands still."""
        for line in self._places(address):
            click.echo(f"  {line}", err=True)
        await self._open(service)
        await (self._panel(service) if sys.stderr.isatty() else self._lines(service))
        await asyncio.to_thread(self._plant.ask, "freeze", True)
        await self._drain(service)
        ledger = self._run / "ledger.json"
        places = {item.id: item.place for item in service.controller.state.items.values()}
        ledger.write_text(json.dumps(places), "utf-8")
        answer = await asyncio.to_thread(self._plant.ask, "compare", str(ledger))
        self.differences = [*answer["differences"], *answer["faults"]]

    async def _open(self, service: Service) -> None:
        """The hall opens when every machine is heard and the manifests are in, as it would in the morning."""
        end = time.monotonic() + OPEN_S
        while time.monotonic() < end and not service.stopping:
            state = service.controller.state
            taken = sum(progress.parts_taken == progress.parts for progress in state.manifests.values())
            if taken == self._manifests and all(plc.up for plc in state.plcs.values()):
                break
            await service.stop_asked(0.1)
        await asyncio.to_thread(self._plant.ask, "freeze", False)

    def _places(self, address: str) -> list[str]:
        lines = serving.where_to_look(address, self._run)
        if self._prometheus is not None:
            process, address = self._prometheus
            ended = process.poll() is not None
            lines.append(
                f"Prometheus    {self._run / 'prometheus.log'} says why it ended" if ended else f"Prometheus    {address}/"
            )
        return lines

    async def _drain(self, service: Service) -> None:
        """The plant stands still: wait until every event that it made is durable."""
        end, frozen_us = time.monotonic() + DRAIN_S, service.setup.clock.mono_us()
        while time.monotonic() < end and not service.links.all_taken(frozen_us):
            await service.setup.clock.sleep_us(50_000)

    async def _panel(self, service: Service) -> None:
        from rich.live import Live

        with Live(console=output.console(stderr=True), refresh_per_second=4, transient=True) as live:
            async for status in self._statuses(service, PANEL_EVERY_S):
                live.update(panel(status, service))

    async def _lines(self, service: Service) -> None:
        async for status in self._statuses(service, PLAIN_EVERY_S):
            click.echo(line_of(status, service.setup.hall.utc_offset_minutes), err=True)

    async def _statuses(self, service: Service, every_s: float) -> Any:
        end = time.monotonic() + self._seconds if self._seconds is not None else None
        while not service.stopping:
            yield service.status()
            left = every_s if end is None else min(every_s, end - time.monotonic())
            if left <= 0:
                return
            await service.stop_asked(left)


def line_of(status: Status, offset: int) -> str:
    """One line of progress."""
    hall = sum(status.in_hall.values())
    times = "" if status.decision_p50_ms is None else f", decision p50 {status.decision_p50_ms} p99 {status.decision_p99_ms} ms"
    return (
        f"{output.local_time(status.at_us, offset)[11:19]}  {status.packed_per_hour:,} items/h, in the hall {hall:,},"
        f" packed {status.packed:,}, dispatched {status.dispatched:,}, to come {status.to_come:,},"
        f" exceptions {status.hand:,}{times}"
    )


def panel(status: Status, service: Service) -> Any:
    """The figures of the moment as a panel for a terminal."""
    from rich.panel import Panel
    from rich.table import Table

    hall = service.setup.hall
    figures = Table.grid(padding=(0, 3))
    rows = [
        (
            "hall time",
            output.local_time(status.at_us, hall.utc_offset_minutes)[:19],
            "items an hour",
            f"{status.packed_per_hour:,}",
        ),
        ("to come", f"{status.to_come:,}", "in the hall", f"{sum(status.in_hall.values()):,}"),
        ("packed", f"{status.packed:,}", "in bags", f"{status.in_hall['bag']:,}"),
        ("dispatched", f"{status.dispatched:,}", "at the hand station", f"{status.hand:,}"),
        ("lost", f"{status.lost:,}", "late decisions", f"{status.late:,}"),
        ("decision p50", _ms(status.decision_p50_ms), "decision p99", _ms(status.decision_p99_ms)),
    ]
    for row in rows:
        figures.add_row(*row)
    down = [name for name, plc in status.plcs.items() if not plc.up]
    links = "all PLCs heard" if not down else f"NOT HEARD: {', '.join(down)}"
    return Panel(figures, title=f"{hall.name}, plan {hall.plan.version}", subtitle=f"{links} | Ctrl-C stops and prints the books")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"

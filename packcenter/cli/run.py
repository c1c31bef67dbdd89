"""`packcenter run`: the control service of a hall."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from packcenter.cli.codes import OK, USAGE, ToldError

if TYPE_CHECKING:
    from packcenter.service.service import Service


@click.command()
@click.option(
    "--site",
    "site_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The hall's site file.",
)
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Keep journal and manifests below this folder instead."
)
@click.option(
    "--addresses",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="JSON file {plc: [host, port]} that overrides addresses.",
)
@click.option(
    "--people",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the people who may act, instead of the site's; `packcenter people add` writes it.",
)
@click.option("--http", help="HOST:PORT of figures and metrics instead of the site's; port 0 takes a free one.")
@click.option(
    "--speed", type=click.IntRange(1, 10), default=1, show_default=True, help="Plant seconds per real second; laboratories only."
)
@click.option("--start-us", type=int, help="Core time at the first start, microseconds since 1970; laboratories only.")
@click.option("--for", "duration", help="Stop after this long, such as 90s, 20m or 8h.")
@click.option("--balance", is_flag=True, help="Print the books at the end.")
def run(
    site_file: Path,
    folder: Path | None,
    addresses: Path | None,
    people: Path | None,
    http: str | None,
    speed: int,
    start_us: int | None,
    duration: str | None,
    balance: bool,
) -> int:
    """Run the control service of a real hall until it is stopped (Ctrl-C or SIGTERM).

    The journal decides what is known: start it again after whatever happened, and it goes on. Exit codes beside the
    common ones: 65 journal damaged, 69 journal of a later release, 70 a decision failed (start again), 73 disk full,
    74 a write or sync failed, 75 another process has the journal.
    """
    from packcenter.cli import serving
    from packcenter.config.load import load_site
    from packcenter.service.service import Service

    configuration = load_site(site_file, people=people is None)
    if (speed != 1 or start_us is not None) and not configuration.site.lab:
        raise ToldError(USAGE, f"--speed and --start-us need `lab = true` in {site_file}: a real hall runs in real time.")
    if addresses is not None:
        found: dict[str, list[object]] = json.loads(addresses.read_text("utf-8"))
        configuration = configuration.at({name: (str(host), int(str(port))) for name, (host, port) in found.items()})
    if folder is not None:
        configuration = replace(configuration, site=configuration.site.below(folder))
    if people is not None:
        configuration = replace(configuration, site=replace(configuration.site, people=people))
    log = serving.log_to(sys.stderr, as_json=not sys.stderr.isatty())
    mode = "live" if not configuration.site.lab else "simulation"
    service = Service(serving.setup_of(configuration, serving.Options(speed=speed, start_us=start_us, mode=mode)))
    where = parse_address(http) if http is not None else (configuration.site.http_host, configuration.site.http_port)
    seconds = parse_duration(duration) if duration is not None else None
    try:
        code = serving.run_until_stopped(service, where, tls=serving.tls_of(configuration), seconds=seconds)
    finally:
        log.drain()
    if balance and code == OK:
        show_books(service)
    return code


def show_books(service: Service) -> bool:
    """Print the service's books; whether they balance."""
    from packcenter.cli import output
    from packcenter.projections import books

    state = service.controller.state
    hall = service.setup.hall
    taken = books.take(state)
    output.show_books(taken, f"Books of {hall.name} at {output.local_time(state.last_us, hall.utc_offset_minutes)}")
    return taken.balanced


def parse_duration(text: str) -> float:
    """Seconds of a duration such as 90s, 20m, 8h or 45 (seconds)."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    try:
        seconds = float(number) * units[unit]
    except ValueError:
        seconds = 0
    if seconds <= 0:
        raise ToldError(USAGE, f"{text!r} is not a duration, expected one such as 90s, 20m or 8h.")
    return seconds


def parse_address(text: str) -> tuple[str, int]:
    """HOST:PORT as a pair."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ToldError(USAGE, f"--http {text!r} is not an address, expected HOST:PORT such as 127.0.0.1:9464.")
    return host, int(port)

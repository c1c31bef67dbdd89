"""`packcenter plant`: only the simulated hall, for a service of your own beside it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from packcenter.cli import site
from packcenter.cli.codes import OK, UNREACHABLE, ToldError

if TYPE_CHECKING:
    from packcenter.config.build import Configuration
    from simulation.documents import Day
    from simulation.process import Orders, WiredHall


@click.command()
@click.option(
    "--site",
    "site_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Site file; else the reference hall.",
)
@click.option(
    "--manifest",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Manifest whose items come; else the example day.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Luck of the day, and the example day itself.")
@click.option("--items", type=click.IntRange(1, 1_000_000), help="Items of the example day (15,800).")
@click.option("--date", "day", help="The day, YYYY-MM-DD (2026-03-02).")
@click.option("--speed", type=click.IntRange(1, 10), default=1, show_default=True, help="Plant seconds per real second.")
@click.option("--any-port", is_flag=True, help="Let every PLC listen on a free port instead of the configured one.")
@click.option("--frozen", is_flag=True, help='Let plant time stand still until the order {"freeze": false}.')
def plant(
    site_file: Path | None,
    manifest: Path | None,
    seed: int,
    items: int | None,
    day: str | None,
    speed: int,
    any_port: bool,
    frozen: bool,
) -> int:
    """Run the simulated hall behind real protocol servers, until its input ends or it is stopped.

    Prints one JSON line with every PLC's address when all listen, then takes orders as JSON lines on standard input,
    such as {"reboot": "sorter-1"}, {"cut": "bagger-3"}, {"restore": "bagger-3"}, {"status": true}, {"stop": true}.
    """
    configuration = site.load(site_file)
    prepared = site.prepare(configuration, manifest, seed, items, site.parse_day(day))
    return asyncio.run(_run(configuration, prepared, seed, speed, any_port, frozen))


async def _run(configuration: Configuration, prepared: Day, seed: int, speed: int, any_port: bool, frozen: bool) -> int:
    from packcenter.real import RealClock, RealIds
    from simulation.process import Orders, build

    quiet_libraries()
    settings = site.plant_settings(configuration, seed)
    hall = build(configuration, prepared.deliveries, settings, RealClock(), RealIds(), speed=speed, any_port=any_port)
    try:
        await hall.start()
    except OSError as error:
        raise ToldError(UNREACHABLE, f"{error}. Stop what listens there, or use --any-port.") from None
    if frozen:
        hall.driver.pause()
    orders = Orders(hall)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, orders.stop.set)
    _say({"ready": hall.addresses})
    try:
        await _serve(hall, orders)
    finally:
        await hall.driver.stop()
    return OK


async def _serve(hall: WiredHall, orders: Orders) -> None:
    """Until stopped, or the plant fails, or nobody is there to give orders any more."""
    stopping = asyncio.create_task(orders.stop.wait())
    running = asyncio.create_task(hall.driver.wait())
    reading = asyncio.create_task(_read(orders))
    done, pending = await asyncio.wait({stopping, running, reading}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()


async def _read(orders: Orders) -> None:
    """Orders from standard input, until it ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        _say(await orders.carry_out(line.decode("utf-8", "replace")))


def _say(answer: dict[str, Any]) -> None:
    click.echo(json.dumps(answer))
    sys.stdout.flush()


def quiet_libraries() -> None:
    """The protocol libraries' own loggers speak only of what ends them; we count and tell the rest ourselves."""
    import logging

    for name in ("asyncua", "pymodbus", "pymodbus.logging", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

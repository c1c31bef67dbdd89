"""`packcenter simulate`: a day in virtual time, with the same core and no sockets."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from packcenter.cli import collector, output, site
from packcenter.cli.codes import OK, PROBLEM

if TYPE_CHECKING:
    from simulation.fast import FastResult


@click.command()
@click.option(
    "--site",
    "site_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Site file; else a hall that ships.",
)
@click.option(
    "--hall",
    type=click.Choice(site.HALLS),
    default=site.HALLS[0],
    show_default=True,
    help="A hall that ships with the simulation: reference, newborn with two case racks, or centre with everything.",
)
@click.option(
    "--manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Manifest file; else the example day."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Luck of the day, and the example day itself.")
@click.option("--items", type=click.IntRange(1, 1_000_000), help="Items of the example day (15,800).")
@click.option("--date", "day", help="The day, YYYY-MM-DD (2026-03-02).")
@click.option(
    "--kernel",
    type=click.Choice(["simpy", "heap"]),
    default="simpy",
    show_default=True,
    help="Clock back end; both give one digest.",
)
@click.option(
    "--journal", type=click.Path(file_okay=False, path_type=Path), help="Record the run here, for replay, item and books."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def simulate(
    site_file: Path | None,
    hall: str,
    manifest: Path | None,
    seed: int,
    items: int | None,
    day: str | None,
    kernel: str,
    journal: Path | None,
    as_json: bool,
) -> int:
    """Run a whole day through the hall in seconds: same core, same plant, virtual time.

    Ends with the books, the plant's own count beside them, and the decision digest: equal seeds give equal digests on
    every Python.
    """
    from packcenter.cli.recording import Recorder
    from simulation.clock import HeapClock, SimPyClock
    from simulation.documents import second_of_day
    from simulation.fast import FastHall

    configuration = site.load(site_file, hall=hall)
    prepared = site.prepare(configuration, manifest, seed, items, site.parse_day(day))
    clock = SimPyClock() if kernel == "simpy" else HeapClock()
    collector.settle(batch=True)
    recorder = Recorder(journal, configuration.hall.centre, configuration.digest) if journal is not None else None
    began = time.perf_counter()
    run = FastHall(
        configuration.hall,
        configuration.digest,
        prepared.deliveries,
        site.plant_settings(configuration, seed),
        clock,
        prepared.opens_us,
        keep=recorder.keep if recorder is not None else None,
    )
    quiet = as_json or not sys.stderr.isatty()
    opens_s = second_of_day(configuration.hall, prepared.opens_us)
    result = run.run(progress=None if quiet else lambda now_us: _show_progress(opens_s, now_us))
    if recorder is not None:
        recorder.close()
    seconds = time.perf_counter() - began
    refused = sum(len(delivery.reading.refusals) for delivery in prepared.deliveries)
    return _report(result, seconds, refused, seed, as_json)


def _show_progress(opens_s: int, now_us: int) -> None:
    hours = (opens_s * 1_000_000 + now_us) / 3_600_000_000
    click.echo(f"\r{int(hours):02d}:{int(hours % 1 * 60):02d} in the hall", nl=False, err=True)


def _report(result: FastResult, seconds: float, refused: int, seed: int, as_json: bool) -> int:
    from packcenter.projections import books

    taken = books.take(result.state)
    agrees = not result.differences
    if as_json:
        output.print_json(
            {
                "seed": seed,
                "digest": result.digest,
                "inputs": result.inputs,
                "seconds": round(seconds, 3),
                "simulated_seconds": result.simulated_us // 1_000_000,
                "manifest_rows_refused": refused,
                "bags_closed": result.state.closed_bags,
                "alarms_raised": _alarms_raised(result),
                "truth_agrees": agrees,
                "differences": [str(difference) for difference in result.differences],
                "books": books.as_json(taken),
            }
        )
    else:
        hall = result.state.hall
        assert hall is not None
        if sys.stderr.isatty():
            click.echo("\r" + " " * 30 + "\r", nl=False, err=True)
        output.show_books(taken, f"{hall.name} at {output.local_time(result.state.last_us, hall.utc_offset_minutes)}")
        click.echo(
            "The plant's own count agrees."
            if agrees
            else "THE PLANT'S OWN COUNT DIFFERS:\n" + "\n".join(f"  {difference}" for difference in result.differences[:20])
        )
        if refused:
            click.echo(f"{refused:,} manifest rows were refused; `packcenter manifest check` says why.")
        speed = result.simulated_us / 1e6 / max(seconds, 1e-9)
        click.echo(
            f"{result.inputs:,} inputs, {result.state.closed_bags:,} bags, {seconds:.2f} s for"
            f" {result.simulated_us / 3.6e9:.1f} h ({speed:,.0f} times real time)."
        )
        raised = _alarms_raised(result)
        click.echo(f"{raised} alarms, {raised * 3.6e9 / max(1, result.simulated_us):.1f} an hour.")
        click.echo(f"decision digest {result.digest}")
    return OK if taken.balanced and agrees else PROBLEM


def _alarms_raised(result: FastResult) -> int:
    return sum(alarm.raisings for alarm in result.state.alarms.values())

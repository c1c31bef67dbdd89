"""`packcenter manifest`: make an example, check one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from packcenter.cli import output, site
from packcenter.cli.codes import OK, PROBLEM

if TYPE_CHECKING:
    from packcenter.config.build import Configuration
    from packcenter.config.manifest import ManifestReading

CHUNK_BYTES = 64 * 1024


@click.group()
def manifest() -> None:
    """Make an example manifest, or check one. The form is described in packcenter/config/MANIFEST-FORMAT.md."""


@manifest.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds give equal bytes.")
@click.option("--items", type=click.IntRange(1, 1_000_000), help="How many items; 15,800 is a day of the centre.")
@click.option("--date", "day", help="The day, YYYY-MM-DD (2026-03-02).")
@click.option(
    "--output", "-o", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write here instead of standard output."
)
@click.option("--spoil", is_flag=True, help="Plant one row of every kind that is refused, to see what the sender is told.")
def example(seed: int, items: int | None, day: str | None, target: Path | None, spoil: bool) -> int:
    """Make a working day's manifest: tax invoices, ID documents of three kinds, official letters."""
    from simulation import demand

    rows = demand.example_day(seed, site.parse_day(day), items if items is not None else demand.ITEMS_A_DAY)
    content = demand.spoiled_csv(rows, seed)[0] if spoil else b"".join(demand.csv_chunks(rows))
    if target is None:
        sys.stdout.buffer.write(content)
    else:
        target.write_bytes(content)
        click.echo(f"{target}: {len(rows):,} items, seed {seed}", err=True)
    return OK


@manifest.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--site",
    "site_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Site file; else the reference hall.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def check(file: Path, site_file: Path | None, as_json: bool) -> int:
    """Say what the intake would refuse in FILE, and why; values that may be personal are never shown."""
    from packcenter.config.manifest import ManifestRefused

    try:
        reading = read(file, site.load(site_file))
    except ManifestRefused as refused:
        if as_json:
            output.print_json({"refused": True, "findings": refused.findings})
        else:
            click.echo(f"{file}: refused whole")
            for finding in refused.findings:
                click.echo(f"  {finding}")
        return PROBLEM
    if as_json:
        output.print_json({"refused": False, "good": len(reading.lines), "rows": reading.rows, "findings": reading.refusals})
    else:
        for refusal in reading.refusals:
            click.echo(f"{file}: {refusal}")
        click.echo(f"{file}: {len(reading.lines):,} of {reading.rows:,} rows are good")
    return PROBLEM if reading.refusals else OK


def read(file: Path, configuration: Configuration) -> ManifestReading:
    """Read a manifest file in pieces, as a site's service would; raises `ManifestRefused`."""
    from packcenter.config.manifest import Known, check_size, read_manifest

    check_size(file.stat().st_size)
    known = Known.of_hall(configuration.hall, configuration.site.services, configuration.site.waybill_forms)
    return read_manifest(_chunks(file), known)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk

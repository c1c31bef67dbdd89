"""`packcenter bills` and `packcenter feed`: what the service writes for others, made from a journal by hand."""

from __future__ import annotations

import os
from pathlib import Path

import click

from packcenter.cli import output
from packcenter.cli.codes import OK, PROBLEM, ToldError
from packcenter.cli.journal import JOURNAL, entries_of, folded


@click.command()
@click.argument("journal", type=JOURNAL, default=Path("run/latest"))
@click.option("--tag", help="Only the bill of the bag with this tag.")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), help="Write each bill into this folder, as CSV and JSON.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def bills(journal: Path, tag: str | None, to: Path | None, as_json: bool) -> int:
    """List the bills of the bags that left, or write them: tag, destination, seal, and every parcel inside.

    Exit codes: 0 done, 1 no bag of that tag left.
    """
    from packcenter.projections import bills as projection

    found = [bill for each in folded(entries_of(journal)) for bill in projection.bills_of(*each) if tag in (None, bill.tag)]
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
        for bill in found:
            for name, content in projection.files_of(bill).items():
                part = to / f"{name}.tmp"
                with part.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(to / name)
    if as_json:
        output.print_json({"bills": found})
    else:
        for bill in found:
            inside = f"{bill.grams:>6} g  {len(bill.parcels):>3} parcels"
            click.echo(f"{bill.tag}  {bill.closed}  {bill.destination:<20} seal {bill.seal}  {inside}")
            for parcel in bill.parcels if tag is not None else ():
                click.echo(
                    f"  {parcel.number:>3}  {parcel.waybill:<13}  {parcel.item:<32}  {parcel.mail_class}  {parcel.service}"
                    f"  {parcel.destination}  {parcel.grams} g"
                )
        if not found:
            click.echo("No bag has left." if tag is None else f"No bag with the tag {tag} has left.", err=True)
    return OK if found or tag is None else PROBLEM


@click.command()
@click.argument("agency")
@click.option("--journal", "-j", type=JOURNAL, default=Path("run/latest"), show_default=True, help="Journal or run folder.")
@click.option("--after", type=click.IntRange(0), default=0, help="Only what came after this record.")
def feed(agency: str, journal: Path, after: int) -> int:
    """Print what AGENCY is told of its items, a line of JSON an event: the same that the service writes into its feed."""
    from packcenter.projections import agency_events

    state = None
    for sequence, at_us, facts, now in folded(entries_of(journal)):
        state = now
        if sequence > after:
            for told, event in agency_events.events_of(sequence, at_us, facts, now):
                if told == agency:
                    click.echo(agency_events.as_line(event), nl=False)
    if state is not None and state.hall is not None and agency not in state.hall.agencies:
        raise ToldError(PROBLEM, f"No agency {agency}; there are {', '.join(state.hall.agencies)}.")
    return OK

"""`packcenter remakes`: the remake list of a recorded or running shift, for people and as CSV for the agencies. Reads only."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from packcenter.cli import output
from packcenter.cli.codes import OK
from packcenter.cli.journal import JOURNAL, entries_of

if TYPE_CHECKING:
    from packcenter.projections.remakes import Remake

COLUMNS = ("item", "mail_class", "agency", "waybill", "integrity", "reason")
"""Of the file for agencies: no person of ours stands in it."""


@click.command()
@click.argument("journal", type=JOURNAL, default=Path("run/latest"))
@click.option("--agency", help="Only documents of this agency.")
@click.option("--waiting", is_flag=True, help="Those at the hand station that are bad or in doubt, and wait for a verdict.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV for an agency, on standard output.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def remakes(journal: Path, agency: str | None, waiting: bool, as_csv: bool, as_json: bool) -> int:
    """The documents of JOURNAL that are made anew by their agencies: what each was like, why, and who decided."""
    from packcenter.core import record
    from packcenter.core.controller import Controller
    from packcenter.projections import remakes as projection

    controller, collected = Controller(), projection.Remakes()
    for entry in entries_of(journal):
        decoded = record.decode(entry.body)
        collected.observe(entry.sequence, entry.at_us, decoded.facts, controller.state)
        controller.fold(entry.at_us, decoded.facts, decoded.commands)
    state = controller.state
    found = projection.waiting(state) if waiting else collected.ordered
    found = [each for each in found if agency in (None, each.agency)]
    if as_json:
        output.print_json({"waiting" if waiting else "remakes": found})
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([getattr(each, name) for name in COLUMNS] for each in found)
    else:
        _show(found, state.hall.utc_offset_minutes if state.hall is not None else 0, waiting)
    return OK


def _show(found: list[Remake], offset: int, waiting: bool) -> None:
    for each in found:
        by = f"  {each.person}: {each.reason}" if each.person else ""
        about = f"{each.mail_class or 'not announced'} {each.agency}".rstrip()
        click.echo(f"{output.local_time(each.at_us, offset)[:19]}  {each.item:<20} {about:<32} {each.integrity}, {each.why}{by}")
    click.echo(f"{len(found)} {'wait for a verdict' if waiting else 'are made anew'}.")

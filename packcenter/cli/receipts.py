"""`packcenter receipts`: whose receipts are awaited, overdue, here or given up."""

from __future__ import annotations

from pathlib import Path

import click

from packcenter.cli import output
from packcenter.cli.codes import OK, PROBLEM
from packcenter.cli.journal import JOURNAL, entries_of, fold


@click.command()
@click.argument("journal", type=JOURNAL, default=Path("run/latest"))
@click.option("--overdue", is_flag=True, help="Only those whose time is over.")
@click.option("--all", "everything", is_flag=True, help="Also those that are here or given up.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def receipts(journal: Path, overdue: bool, everything: bool, as_json: bool) -> int:
    """List the return receipts of JOURNAL that are open, the longest overdue first (exit code 1 if any is overdue).

    `packcenter act receipt CODE` says that one is here.
    """
    from packcenter.projections import receipts as projection

    state = fold(entries_of(journal))
    wanted = projection.WORST[:1] if overdue else projection.WORST if everything else projection.WORST[:2]
    taken = projection.take(state, tuple(each.value for each in wanted))
    if as_json:
        output.print_json(taken)
    elif state.hall is not None and not state.hall.receipt_minutes and not state.receipts:
        click.echo("This hall waits for no receipts; its site file has no [receipts].")
    else:
        offset = state.hall.utc_offset_minutes if state.hall is not None else 0
        for line in taken.receipts:
            due = output.local_time(line.due_us, offset)[:16]
            left = output.local_time(line.dispatched_us, offset)[:16]
            click.echo(f"{line.state:<9} {line.item:<32} {line.waybill:<13} {line.agency:<20} left {left}  due {due}")
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in taken.counts.items())
        click.echo(f"Receipts at {output.local_time(taken.at_us, offset)[:19]}: {told}.")
    return PROBLEM if taken.counts["overdue"] else OK

"""`packcenter discrepancies`: what the books of a recorded or running shift cannot explain. Reads the journal only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from packcenter.cli import output
from packcenter.cli.codes import OK, PROBLEM, ToldError
from packcenter.cli.journal import JOURNAL, entries_of, folded

if TYPE_CHECKING:
    from packcenter.projections.discrepancies import DiscrepancyList, Happening, Line, ShiftBooks


@click.command()
@click.argument("journal", type=JOURNAL, default=Path("run/latest"))
@click.option("--all", "everything", is_flag=True, help="Also the history: opened, signed and closed by whom.")
@click.option("--lang", type=click.Choice(("en", "zh")), default="en", show_default=True, help="Language of the texts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def discrepancies(journal: Path, everything: bool, lang: str, as_json: bool) -> int:
    """The open discrepancies of JOURNAL, the most urgent first: what, by when, and who has to close it."""
    from packcenter.core.state import State
    from packcenter.projections import discrepancies as projection

    state, history = State(), []
    for sequence, at_us, facts, now in folded(entries_of(journal)):
        state = now
        if everything:
            history += projection.happenings(sequence, at_us, facts)
    taken = projection.take(state, state.last_us)
    if as_json:
        output.print_json({"now": taken, "history": history} if everything else taken)
        return OK
    offset = state.hall.utc_offset_minutes if state.hall is not None else 0
    _show(taken, history, offset, lang)
    return OK


def _show(taken: DiscrepancyList, history: list[Happening], offset: int, lang: str) -> None:
    if not taken.rules:
        click.echo("This journal was recorded without discrepancies.")
        return
    for line in taken.discrepancies:
        _show_line(line, offset, lang)
    counted = f", counted at {output.local_time(taken.counted_us, offset)}" if taken.counted_us else ", not counted yet"
    click.echo(f"{len(taken.discrepancies)} open, {taken.overdue} overdue. Shift {taken.shift}{counted}.")
    for each in history:
        click.echo(f"{output.local_time(each.at_us, offset)}  {each.sequence:>8}  {each.number:>5}  {each.what}")


def _show_line(line: Line, offset: int, lang: str) -> None:
    due = f"{'OVERDUE since' if line.overdue else 'until'} {output.local_time(line.due_us, offset)[:19]}"
    where = f"  in {line.place}" if line.place else ""
    head = click.style(f"{line.number:>5}  {line.cause} {line.subject}", fg="red" if line.overdue else None, bold=True)
    click.echo(f"{head}{where}  [{due}, opened by {line.opener}]")
    click.echo(f"       {line.meaning.zh if lang == 'zh' else line.meaning.en}; {_who(line)}")


def _who(line: Line) -> str:
    """Who has to do what to close it."""
    if line.signed_by:
        return f"{line.signed_by} signed: {line.finding}; another person confirms it"
    if line.unsigned:
        return "a supervisor signs it before the shift is closed" + (", another confirms it" if line.two else "")
    return "two people close it" if line.two else "one person closes it"


def show_shift(found: dict[int, ShiftBooks], number: int, offset: int, as_json: bool) -> int:
    """The books of a shift that was closed."""
    from packcenter.projections import discrepancies as projection

    if number not in found:
        known = f"closed are {', '.join(map(str, found))}" if found else "none is closed"
        raise ToldError(PROBLEM, f"Shift {number} is not closed in this journal; {known}.")
    books = found[number]
    closing = books.closing
    if as_json:
        output.print_json(projection.as_json(books))
        return OK
    begun, ended = output.local_time(closing.begun_us, offset)[:19], output.local_time(books.closed_us, offset)[:19]
    click.echo(f"Shift {number}, {begun} to {ended}; counted by {closing.counted_by}, closed by {closing.closed_by}.")
    columns = ("opening", "inducted", "dispatched", "returned", "remade", "identified", "held", "lost")
    click.echo(f"{'class':<20} {'agency':<20} " + " ".join(f"{name:>10}" for name in columns))
    for account in closing.accounts:
        counts = " ".join(f"{getattr(account, name):>10}" for name in columns)
        click.echo(f"{account.mail_class or 'not announced':<20} {account.agency:<20} {counts}")
    for each in books.count.differences if books.count is not None else ():
        about = f"{each.place} {each.mail_class or 'not announced'} {each.agency}".rstrip()
        click.echo(f"counted {each.counted} of {about}, the books had {each.booked}")
    numbers = closing.waybills
    click.echo(
        f"Waybills {numbers.indicator}{numbers.first:08d} to {numbers.last:08d} {numbers.country}: "
        f"{numbers.last - numbers.first + 1:,} issued = {numbers.applied:,} applied + {numbers.open:,} open"
        f" + {numbers.voided:,} voided + {numbers.stock:,} in stock"
    )
    handed = ", ".join(map(str, closing.discrepancies)) or "none"
    click.echo(f"Discrepancies handed on: {handed}.")
    return OK

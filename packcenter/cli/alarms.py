"""`packcenter alarms`: the alarm list of a recorded or running shift, worst first, with what to do. Reads the journal only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from packcenter.cli import output
from packcenter.cli.codes import OK
from packcenter.cli.journal import JOURNAL, entries_of, folded

if TYPE_CHECKING:
    from packcenter.core.alarm_table import Text
    from packcenter.projections.alarms import AlarmList, Happening, Line

_MARKS = {"high": "■1", "medium": "▲2", "low": "▼3"}
_COLOURS = {"high": "red", "medium": "yellow", "low": None}


@click.command()
@click.argument("journal", type=JOURNAL, default=Path("run/latest"))
@click.option("--all", "everything", is_flag=True, help="Also what is shelved, suppressed or out of service, and the history.")
@click.option("--lang", type=click.Choice(("en", "zh")), default="en", show_default=True, help="Language of the texts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def alarms(journal: Path, everything: bool, lang: str, as_json: bool) -> int:
    """The alarms recorded in JOURNAL, worst first: where, since when, and what to do about each."""
    from packcenter.core.state import State
    from packcenter.projections import alarms as projection

    state, history = State(), []
    for sequence, at_us, facts, now in folded(entries_of(journal)):
        state = now
        if everything:
            history += projection.happenings(sequence, at_us, facts)
    taken = projection.take(state, state.last_us, named=True)
    if as_json:
        output.print_json({"now": taken, "history": history} if everything else taken)
        return OK
    offset = state.hall.utc_offset_minutes if state.hall is not None else 0
    _show(taken, history, offset, lang, everything)
    return OK


def _show(taken: AlarmList, history: list[Happening], offset: int, lang: str, everything: bool) -> None:
    if not taken.table:
        click.echo("This journal was recorded without alarms.")
        return
    if taken.flood:
        click.secho("FLOOD: more than ten alarms in ten minutes. Begin with the first of the list.", fg="red", bold=True)
    for line in [*taken.alarms, *(taken.put_away if everything else ())]:
        _show_line(line, offset, lang)
    away = ", ".join(f"{taken.counts[name]} {name.replace('_', ' ')}" for name in ("shelved", "suppressed", "out_of_service"))
    click.echo(f"{len(taken.alarms)} alarms at {output.local_time(taken.at_us, offset)}; {away}.")
    for each in history:
        about = f"{each.alarm}/{each.subject}" if each.alarm else ""
        click.echo(f"{output.local_time(each.at_us, offset)}  {each.sequence:>8}  {about:<34} {each.what}")


def _show_line(line: Line, offset: int, lang: str) -> None:
    def said(text: Text) -> str:
        return text.zh if lang == "zh" else text.en

    mark = click.style(f"{_MARKS[line.priority]} {line.subject}", fg=_COLOURS[line.priority], bold=True)
    click.echo(f"{mark}  {said(line.title)}  [{line.alarm}, {line.standing.replace('_', ' ')}{_why(line, offset)}]")
    for text in (line.cause, line.consequence, line.response):
        click.echo(f"    {said(text)}")
    if line.items:
        click.echo(f"    {', '.join(line.items)}")


def _why(line: Line, offset: int) -> str:
    """Since when, and who or what put it away."""
    parts = [f", since {output.local_time(line.raised_us, offset)}"] if line.raised_us else []
    if line.acknowledged_by and line.standing == "acknowledged":
        parts.append(f", {line.acknowledged_by} takes care of it")
    if line.shelved_until_us:
        parts.append(f", by {line.shelved_by} until {output.local_time(line.shelved_until_us, offset)}")
    if line.out_by:
        parts.append(f", by {line.out_by}")
    if line.explained_by:
        parts.append(f", explained by {line.explained_by}")
    if line.chatters:
        parts.append(", CHATTERS")
    return "".join(parts)

"""Commands that read a journal: replay, item, books. They never lock or change it, and may run beside the service."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from packcenter.cli import collector, kpi_output, output
from packcenter.cli.codes import OK, PROBLEM, USAGE, ToldError

if TYPE_CHECKING:
    from packcenter.core.facts import Fact
    from packcenter.core.state import State
    from packcenter.journal.frames import Entry
    from packcenter.projections.kpis import Kpis

JOURNAL = click.Path(exists=True, file_okay=False, path_type=Path)


def entries_of(folder: Path) -> Iterator[Entry]:
    """The records of a journal folder (or of a run's folder that has one), checked."""
    from packcenter.journal.journal import read_journal
    from packcenter.real import RealDisk

    return read_journal(RealDisk(folder_of(folder), read_only=True), verify="chain")


def folder_of(folder: Path) -> Path:
    """The folder that holds the segments: this one, or the `journal` in the folder of a run."""
    inner = folder / "journal"
    chosen = inner if inner.is_dir() else folder
    if not any(chosen.glob("segment-*")):
        raise ToldError(
            USAGE, f"{chosen} holds no journal segment (segment-*), expected a journal folder or the folder of a run."
        )
    return chosen


@click.command()
@click.argument("journal", type=JOURNAL)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def replay(journal: Path, as_json: bool) -> int:
    """Re-decide every input of JOURNAL with today's core and compare.

    Prints "N inputs, 0 divergences", or the first divergence with both outcomes and their rules (exit code 1).
    """
    from packcenter.replay.strict import explain
    from packcenter.replay.strict import replay as strict

    collector.settle(batch=True)
    began = time.perf_counter()
    quiet = as_json or not sys.stderr.isatty()
    found = strict(entries_of(journal), None if quiet else lambda count: click.echo(f"\r{count:,} inputs", nl=False, err=True))
    seconds = time.perf_counter() - began
    divergences = 0 if found.divergence is None else 1
    if as_json:
        report: dict[str, object] = {"inputs": found.inputs, "divergences": divergences, "seconds": round(seconds, 3)}
        if found.divergence is not None:
            report |= {"sequence": found.divergence.sequence, "lines": explain(found.divergence)}
        output.print_json(report)
        return PROBLEM if divergences else OK
    if not quiet:
        click.echo("\r", nl=False, err=True)
    if found.divergence is None:
        click.echo(f"{found.inputs:,} inputs, 0 divergences ({found.inputs / max(seconds, 1e-9):,.0f} inputs/s)")
        return OK
    click.echo(f"{found.inputs:,} inputs equal, then the first divergence:")
    for line in explain(found.divergence):
        click.echo(f"  {line}")
    return PROBLEM


@click.command()
@click.argument("code")
@click.option("--journal", "-j", type=JOURNAL, default=Path("run/latest"), show_default=True, help="Journal or run folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def item(code: str, journal: Path, as_json: bool) -> int:
    """Tell the history of item CODE (an item's code, or a waybill), with rule and reason of every decision."""
    from packcenter.core import record
    from packcenter.core.facts import HallAdopted
    from packcenter.projections.history import History

    history = History(code)
    offset = 0
    for entry in entries_of(journal):
        decoded = record.decode(entry.body)
        for fact in decoded.facts:
            if isinstance(fact, HallAdopted):
                offset = fact.hall.utc_offset_minutes
        history.read(entry.sequence, entry.at_us, decoded)
    if as_json:
        output.print_json({"code": code, "items": sorted(history.items), "history": history.happenings})
    elif history.happenings:
        for line in history.happenings:
            click.echo(f"{output.local_time(line.at_us, offset)}  {line.sequence:>8}  {line.what:<20} {line.detail}")
    else:
        click.echo(
            f"{code} does not occur in {journal}. Is it the code printed on the item, or its waybill? Is it this journal?",
            err=True,
        )
    return OK if history.happenings else PROBLEM


@click.command()
@click.argument("journal", type=JOURNAL, default=Path("run/latest"))
@click.option("--shift", type=click.IntRange(1), help="The books of this shift, as it was closed, instead of those of now.")
@click.option("--json", "json_asked", is_flag=True, help="One JSON object instead of text.")
def books(journal: Path, shift: int | None, json_asked: bool) -> int:
    """Balance the shift recorded in JOURNAL: per mail class and agency where every item is, and why (exit code 1 if not).

    Then the machines' KPIs by ISO 22400-2, each with numerator and denominator, and where their time went.
    """
    from packcenter.projections import books as projection
    from packcenter.projections.kpis import Kpis, as_json

    if shift is not None:
        return _books_of_shift(journal, shift, json_asked)
    kpis = Kpis()
    state = fold(entries_of(journal), kpis)
    taken = projection.take(state)
    if json_asked:
        output.print_json({**projection.as_json(taken), "machines": as_json(kpis.measured())})
    else:
        offset = state.hall.utc_offset_minutes if state.hall is not None else 0
        name = state.hall.name if state.hall is not None else ""
        output.show_books(taken, f"Books of {name} at {output.local_time(state.last_us, offset)}")
        kpi_output.show_kpis(kpis.measured())
    return OK if taken.balanced else PROBLEM


def _books_of_shift(journal: Path, number: int, json_asked: bool) -> int:
    from packcenter.cli.discrepancies import show_shift
    from packcenter.core import record
    from packcenter.core.facts import HallAdopted
    from packcenter.projections.discrepancies import Shifts

    shifts, offset = Shifts(), 0
    for entry in entries_of(journal):
        facts = record.decode(entry.body).facts
        offset = next((fact.hall.utc_offset_minutes for fact in facts if isinstance(fact, HallAdopted)), offset)
        shifts.observe(entry.sequence, entry.at_us, facts)
    return show_shift(shifts.closed, number, offset, json_asked)


def fold(entries: Iterator[Entry], kpis: Kpis | None = None) -> State:
    """The state that a journal's facts and commands lead to; `kpis` are told of them on the way."""
    from packcenter.core.state import State

    state = State()
    for _, at_us, facts, now in folded(entries):
        state = now
        if kpis is not None:
            kpis.observe(at_us, facts)
    return state


def folded(entries: Iterator[Entry]) -> Iterator[tuple[int, int, list[Fact], State]]:
    """Each record's sequence, time and facts, with the state after it, which goes on changing."""
    from packcenter.core import record
    from packcenter.core.controller import Controller

    controller = Controller()
    for entry in entries:
        decoded = record.decode(entry.body)
        controller.fold(entry.at_us, decoded.facts, decoded.commands)
        yield entry.sequence, entry.at_us, decoded.facts, controller.state

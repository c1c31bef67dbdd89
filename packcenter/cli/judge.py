"""`packcenter judge`: the second judge, which shares no code with packcenter, on a recorded run."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import click

from packcenter.cli import collector, output
from packcenter.cli.codes import OK, PROBLEM
from packcenter.cli.journal import JOURNAL, folder_of

SHOWN = 50


@click.command()
@click.argument("journal", type=JOURNAL, default=Path("run/latest"))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def judge(journal: Path, as_json: bool) -> int:
    """Have the second judge check the bytes of JOURNAL: does all hold that must always hold (exit code 1 if not)?

    It is written from the invariants and the journal's format alone. Each line names an invariant by its letter and the
    record that breaks it.
    """
    from simulation.judge import judge as judged
    from simulation.judge.words import lines_of

    folder = folder_of(journal)
    collector.settle(batch=True)
    began = time.perf_counter()
    verdict = judged(folder)
    seconds = time.perf_counter() - began
    if as_json:
        output.print_json({**dataclasses.asdict(verdict), "sound": verdict.sound, "seconds": round(seconds, 3)})
    else:
        for line in lines_of(verdict, SHOWN):
            click.echo(line)
    return OK if verdict.sound else PROBLEM

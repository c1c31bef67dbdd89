"""`packcenter scenario`: days of the hall on which something is the matter, and whether they end as they must."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from packcenter.cli import collector, output
from packcenter.cli.codes import OK, PROBLEM, USAGE, ToldError

if TYPE_CHECKING:
    from packcenter.config.build import Configuration
    from simulation.scenario import Scenario
    from simulation.staged import Staged


@click.group()
def scenario() -> None:
    """Days of the hall on which something is the matter, and whether they end as they must.

    A scenario is a TOML file: items, machines, what fails, what people do, and everything that may end at the hand station and
    every alarm with how often. Those that come with packcenter have names; your own are paths of files.
    """


@scenario.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def list_(as_json: bool) -> int:
    """List the scenarios that come with packcenter."""
    from simulation import scenario as scenarios

    found = [scenarios.load(name) for name in scenarios.names()]
    if as_json:
        rows = [
            {"name": each.name, "title": each.says.title, "title_zh": each.says.title_zh, "about": each.says.about}
            for each in found
        ]
        output.print_json({"scenarios": rows})
        return OK
    for each in found:
        click.echo(f"{each.name:<16} {each.says.title} {each.says.title_zh}\n{'':<16} {each.says.about}")
    return OK


@scenario.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every scenario that comes with packcenter.")
@click.option("--seed", type=click.IntRange(min=0), help="Another luck of the day than the scenario's own.")
@click.option(
    "--journal",
    type=click.Path(file_okay=False, path_type=Path),
    help="Record each run in a folder of its name in here, for replay, item and books, and have it judged by the second judge.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def run(names: tuple[str, ...], everything: bool, seed: int | None, journal: Path | None, as_json: bool) -> int:
    """Run scenarios NAMES in virtual time and compare what came of each with what its file expects.

    Each must balance its books and agree with the plant's own count. Exit code 1 if one does not end as it must.
    """
    from packcenter.config.load import load_site
    from simulation import scenario as scenarios

    if everything == bool(names):
        raise ToldError(USAGE, f"Name scenarios, or --all. There are: {', '.join(scenarios.names())}.")
    chosen = [scenarios.load(name) for name in (scenarios.names() if everything else names)]
    collector.settle(batch=True)
    rows, sound = [], True
    for each in chosen:
        began = time.perf_counter()
        staged, faults = _stage(each, load_site(each.site), seed, journal, quiet=as_json or not sys.stderr.isatty())
        seconds = time.perf_counter() - began
        sound = sound and not faults
        if as_json:
            rows.append(_as_json(each, staged, faults, seconds))
        else:
            _show(each, staged, faults, seconds)
    if as_json:
        output.print_json({"ok": sound, "scenarios": rows})
    return OK if sound else PROBLEM


def _stage(
    scenario: Scenario, configuration: Configuration, seed: int | None, journal: Path | None, *, quiet: bool
) -> tuple[Staged, list[str]]:
    """Run one scenario; what came of it, and everything that is not as it must be."""
    from packcenter.cli.recording import Recorder
    from simulation.clock import HeapClock
    from simulation.judge import judge
    from simulation.staged import stage

    folder = journal / scenario.name if journal is not None else None
    recorder = Recorder(folder, configuration.hall.centre, configuration.digest) if folder is not None else None
    staged = stage(
        scenario,
        configuration,
        HeapClock(),
        seed=seed,
        keep=recorder.keep if recorder is not None else None,
        progress=None if quiet else lambda now_us: _show_progress(scenario.name, now_us),
    )
    if not quiet:
        click.echo("\r" + " " * 60 + "\r", nl=False, err=True)
    faults = list(staged.findings)
    if recorder is not None and folder is not None:
        recorder.close()
        faults += [f"the second judge: {violation}" for violation in judge(folder).violations[:10]]
    return staged, faults


def _show_progress(name: str, now_us: int) -> None:
    click.echo(f"\r{name}: {now_us / 3.6e9:.1f} h of the hall", nl=False, err=True)


def _show(scenario: Scenario, staged: Staged, faults: list[str], seconds: float) -> None:
    says, result = scenario.says, staged.result
    mark = click.style("ok", fg="green", bold=True) if not faults else click.style("NOT AS IT MUST BE", fg="red", bold=True)
    click.echo(f"{click.style(scenario.name, bold=True)}  {says.title} {says.title_zh}: {mark}")
    click.echo(
        f"    {staged.announced:,} items, {result.inputs:,} inputs, {result.simulated_us / 3.6e9:.1f} h in {seconds:.1f} s;"
        f" digest {result.digest[:16]}"
    )
    for what, counts in (
        ("happened", staged.happened),
        ("decided by hand", staged.decided),
        ("hand station", staged.hand),
        ("alarms", staged.alarms),
        ("receipts", staged.receipts),
    ):
        if counts:
            click.echo(f"    {what}: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    for each in staged.systems:
        receipts = f", {each.receipts:,} receipts back" if each.receipts else ""
        left = f"{each.dispatched:,} of {each.announced:,} left, {each.told:,} told{receipts}"
        click.echo(f"    {each.name} {each.name_zh}: {left}")
    for fault in faults:
        click.echo(f"    {click.style('✗', fg='red')} {fault}")


def _as_json(scenario: Scenario, staged: Staged, faults: list[str], seconds: float) -> dict[str, object]:
    return {
        "name": scenario.name,
        "title": scenario.says.title,
        "ok": not faults,
        "findings": faults,
        "digest": staged.result.digest,
        "inputs": staged.result.inputs,
        "seconds": round(seconds, 3),
        "simulated_seconds": staged.result.simulated_us // 1_000_000,
        "items": staged.announced,
        "happened": staged.happened,
        "decided": staged.decided,
        "hand": staged.hand,
        "alarms": staged.alarms,
        "late": staged.late,
        "refused_acts": staged.refused_acts,
        "receipts": staged.receipts,
        "systems": [msgspec.structs.asdict(each) for each in staged.systems],
    }

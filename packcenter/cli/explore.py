"""`packcenter explore`: the hall under faults that nobody planned, by seed, until something gives."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from packcenter.cli import collector, output
from packcenter.cli.codes import OK, PROBLEM, USAGE, ToldError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulation.explore.options import Level, Options, Outcome
    from simulation.explore.runner import Results

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@click.command()
@click.option("--seeds", default="0:100", show_default=True, metavar="A:B", help="Seeds from A to before B.")
@click.option(
    "--level",
    type=click.Choice(["protocol", "wire"]),
    default="protocol",
    show_default=True,
    help="Memory links, or real clients and servers.",
)
@click.option("--workers", type=click.IntRange(1, 512), help="Processes at once; else one for each core.")
@click.option("--hours", type=float, help="Go on from seed A until so many hours of the hall were simulated.")
@click.option("--only", metavar="FAULT[:1-3],...", help="Exactly these faults (none: no fault); else the seed's own.")
@click.option("--without", metavar="FAULT,...", help="The seed's own faults without these.")
@click.option("--whole", is_flag=True, help="Every seed as a run of the whole hall: cases, loops, people, other sort plans.")
@click.option("--hall", help="This hall instead of the seed's.")
@click.option("--items", type=click.IntRange(1, 100_000), help="So many items instead of the seed's.")
@click.option("--for", "span", metavar="90s", help="How long faults go on (s, m or h), instead of the seed's.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all figures here.")
@click.option(
    "--scripts", type=click.Path(file_okay=False, path_type=Path), help="Write the shortest script of each failure here."
)
@click.option("--no-shrink", is_flag=True, help="Tell failures as they came.")
@click.option("--faults", "list_faults", is_flag=True, help="List all fault classes of the level, and stop.")
def explore(
    seeds: str,
    level: Level,
    workers: int | None,
    hours: float | None,
    only: str | None,
    without: str | None,
    whole: bool,
    hall: str | None,
    items: int | None,
    span: str | None,
    json_file: Path | None,
    scripts: Path | None,
    no_shrink: bool,
    list_faults: bool,
) -> int:
    """Run the whole hall under random faults, one run for each seed, and look for anything that must never be.

    A run: faults strike for a while, then all is healed and the hall must come to rest in time. A failure is told with the
    line that repeats it, then made as short as it gets. Ends with 1 if anything was violated, or if a thousand seeds or more
    did not meet what such a set must meet.
    """
    from simulation.explore import swarm
    from simulation.explore.runner import Results

    known = swarm.kinds(level)
    if list_faults:
        for name, kind in known.items():
            click.echo(f"{kind:10} {name}")
        return OK
    first, end = _seeds(seeds)
    change = _Change(level, _only(only, known), _names(without, known), whole, hall, items, _span_us(span))
    collector.settle(batch=True)
    began = time.perf_counter()
    results = Results()
    _run(results, change, first, None if hours is not None else end, hours, workers or os.cpu_count() or 1)
    seconds = time.perf_counter() - began
    told = [_tell_failure(outcome, scripts, no_shrink) for outcome in sorted(results.failed, key=lambda each: each.options.seed)]
    missed = results.missed(change.level) if only is None and without is None else []
    if json_file is not None:
        _write_json(json_file, results, seconds, told, missed)
    _report(results, seconds, missed, known)
    return PROBLEM if results.failed or missed else OK


class _Change:
    """What the command line changes in the options of each seed."""

    def __init__(
        self,
        level: Level,
        only: dict[str, int] | None,
        without: list[str],
        whole: bool,
        hall: str | None,
        items: int | None,
        span_us: int | None,
    ) -> None:
        from simulation.explore.scenarios import HALLS

        if hall is not None and hall not in HALLS:
            raise ToldError(USAGE, f"--hall {hall!r} is none of {', '.join(HALLS)}.")
        self.level = level
        self._whole = whole
        self._only, self._without, self._hall, self._items, self._span_us = only, without, hall, items, span_us

    def options_of(self, seed: int) -> Options:
        """The options of a seed, changed."""
        from msgspec.structs import replace

        from simulation.explore.swarm import options_of

        options = options_of(seed, self.level, whole=self._whole)
        if self._only is not None:
            options = replace(options, faults={name: hard or options.faults.get(name, 1) for name, hard in self._only.items()})
        options = replace(options, faults={name: hard for name, hard in options.faults.items() if name not in self._without})
        if self._hall is not None:
            options = replace(options, hall=self._hall)
        if self._items is not None:
            options = replace(options, items=self._items)
        return options if self._span_us is None else replace(options, safety_us=self._span_us)


def _seeds(text: str) -> tuple[int, int]:
    first, colon, end = text.partition(":")
    if not first.isdigit() or (colon and not end.isdigit()) or (end and int(end) <= int(first)):
        raise ToldError(USAGE, f"--seeds {text!r} is no range, expected one such as 0:1000, or a single seed.")
    return int(first), int(end) if end else int(first) + 1


def _names(text: str | None, known: Mapping[str, str]) -> list[str]:
    names = [name for name in (text or "").split(",") if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ToldError(USAGE, f"{', '.join(unknown)}: no such fault. `packcenter explore --faults` lists all of a --level.")
    return names


def _only(text: str | None, known: Mapping[str, str]) -> dict[str, int] | None:
    """Fault -> how hard, 0 where it was not said; None without the option."""
    if text is None or text == "none":
        return None if text is None else {}
    chosen: dict[str, int] = {}
    for part in text.split(","):
        name, _, hard = part.partition(":")
        if hard not in ("", "1", "2", "3"):
            raise ToldError(USAGE, f"--only {part!r}: hardness is {hard!r}, expected 1, 2 or 3.")
        chosen[name] = int(hard or 0)
    _names(",".join(chosen), known)
    return chosen


def _span_us(text: str | None) -> int | None:
    if text is None:
        return None
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ToldError(USAGE, f"--for {text!r} is no time, expected one such as 90s, 5m or 1h.")
    return int(float(found[1]) * _SECONDS[found[2]] * 1_000_000)


def _run(results: Results, change: _Change, first: int, end: int | None, hours: float | None, workers: int) -> None:
    from itertools import count

    from simulation.explore.runner import run_all

    enough_us = None if hours is None else int(hours * 3.6e9)
    seeds = count(first) if end is None else range(first, end)
    shows = sys.stderr.isatty()
    began = time.perf_counter()
    for outcome in run_all(
        (change.options_of(seed) for seed in seeds), workers, lambda: enough_us is not None and results.simulated_us >= enough_us
    ):
        results.add(outcome)
        if outcome.failed:
            click.echo(f"seed {outcome.options.seed}: {outcome.violations[0]}", err=True)
        if shows:
            speed = results.simulated_us / 1e6 / max(time.perf_counter() - began, 1e-9)
            text = f"{results.seeds:,} seeds, {results.simulated_us / 3.6e9:,.1f} h, {speed:,.0f} times real time"
            click.echo(f"\r{text}, {len(results.failed)} failed ", nl=False, err=True)
    if shows:
        click.echo("\r" + " " * 79 + "\r", nl=False, err=True)


def _tell_failure(outcome: Outcome, scripts: Path | None, no_shrink: bool) -> dict[str, Any]:
    """Say what failed and how to see it again, then make it as short as it gets."""
    from simulation.explore.runner import explore as run
    from simulation.explore.shrink import command_of, entry_of, script_of, shrink

    first = outcome.violations[0]
    click.echo(f"seed {outcome.options.seed}: {first}")
    click.echo(f"    {command_of(outcome.options)}")
    shortest = outcome
    if not no_shrink:
        shortest = shrink(outcome, run)
        click.echo(f"  shortest: {shortest.violations[0]}")
        click.echo(f"    {command_of(shortest.options)}")
    if scripts is not None:
        scripts.mkdir(parents=True, exist_ok=True)
        file = scripts / f"{shortest.options.level}-{shortest.options.seed}.txt"
        file.write_text(script_of(shortest), "utf-8")
        click.echo(f"    script: {file}")
    else:
        click.echo("\n".join(f"    {line}" for line in script_of(shortest).splitlines()[-40:]))
    click.echo("  to run it for ever, add to tests/explore/seeds.toml:")
    click.echo("\n".join(f"    {line}" for line in entry_of(shortest, first.invariant).splitlines()))
    return {
        "seed": outcome.options.seed,
        "violations": [str(violation) for violation in outcome.violations],
        "again": command_of(outcome.options),
        "shortest": command_of(shortest.options),
    }


def _write_json(file: Path, results: Results, seconds: float, failures: list[dict[str, Any]], missed: list[str]) -> None:
    import msgspec

    figures = {
        "seeds": results.seeds,
        "simulated_hours": round(results.simulated_us / 3.6e9, 3),
        "seconds": round(seconds, 3),
        "times_real_time": round(results.simulated_us / 1e6 / max(seconds, 1e-9)),
        "items": results.items,
        "inputs": results.inputs,
        "groups": results.groups,
        "parcels": results.looked,
        "features": {
            name: {"seeds": share.seeds, "simulated_hours": round(share.simulated_us / 3.6e9, 3), "items": share.items}
            for name, share in results.features.items()
        },
        "faults": dict(sorted(results.faults.items())),
        "deaths": dict(sorted(results.kills.items())),
        "goals": dict(sorted(results.goals.items())),
        "missed_goals": missed,
        "failures": failures,
        "digests": {str(seed): digest for seed, digest in sorted(results.digests.items())},
    }
    file.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")


def _report(results: Results, seconds: float, missed: list[str], known: Mapping[str, str]) -> None:
    from rich.table import Table

    from simulation.explore.goals import GOALS

    out = output.console()
    speed = results.simulated_us / 1e6 / max(seconds, 1e-9)
    kinds: dict[str, int] = {}
    for name, times in results.faults.items():
        kind = known.get(name, "other")
        kinds[kind] = kinds.get(kind, 0) + times
    out.print(
        f"{results.seeds:,} seeds, {results.simulated_us / 3.6e9:,.1f} hours of the hall, {results.items:,} items,"
        f" {results.inputs:,} inputs in {results.groups:,} groups; {seconds:,.1f} s ({speed:,.0f} times real time)."
    )
    out.print(f"Faults: {', '.join(f'{kind} {times:,}' for kind, times in sorted(kinds.items())) or 'none'}.")
    out.print(
        f"Deaths of the controller: {', '.join(f'{how} {times:,}' for how, times in results.kills.most_common()) or 'none'}."
    )
    table = Table(title="met at least sometimes", title_justify="left")
    table.add_column("goal")
    table.add_column("times", justify="right")
    for goal in GOALS:
        table.add_row(goal, f"{results.goals.get(goal, 0):,}")
    out.print(table)
    _report_features(results)
    if missed:
        out.print("[bold red]NOT MET:[/bold red] " + "; ".join(missed))
    if results.failed:
        out.print(f"[bold red]{len(results.failed)} SEEDS VIOLATED SOMETHING.[/bold red]")
    else:
        out.print("[bold]Nothing was violated.[/bold]")


def _report_features(results: Results) -> None:
    """What of the hall was on for how long, and how many parcels were looked into."""
    from rich.table import Table

    from simulation.explore.features import FEATURES, together

    out = output.console()
    table = Table(title="with this on", title_justify="left")
    table.add_column("feature")
    for column in ("seeds", "hours", "items"):
        table.add_column(column, justify="right")
    for name in (*FEATURES, together()):
        share = results.features.get(name)
        figures = (0, 0.0, 0) if share is None else (share.seeds, share.simulated_us / 3.6e9, share.items)
        table.add_row(name, f"{figures[0]:,}", f"{figures[1]:,.1f}", f"{figures[2]:,}")
    out.print(table)
    looked = results.looked
    out.print(
        f"{looked['parcels']:,} parcels of {looked['documents']:,} documents looked into ({looked['several']:,} of several),"
        f" [bold]{looked['mixed']:,} mixed[/bold]; {looked['misread']:,} hold another document than their label says, which its"
        " feeder had read as the right one."
    )
    out.print(
        f"{looked['bills']:,} bills of {looked['billed']:,} parcels and {looked['events']:,} events of feeds compared with the"
        f" journal, {looked['receipt files']:,} files of receipts answered."
    )

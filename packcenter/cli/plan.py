"""`packcenter plan`: what a sort plan does with a manifest, and how two plans differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from packcenter.cli import output, site
from packcenter.cli.codes import OK, PROBLEM, ToldError

if TYPE_CHECKING:
    from packcenter.config.build import Configuration
    from packcenter.config.plan_report import Change, Coverage, Listed, Rerouted
    from packcenter.core.inputs import Line

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SITE = click.option("--site", "site_file", type=_FILE, help="Site file; else the reference hall.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
_NOBODY = "nobody (hand station)"
_WHY = {
    "no_destination": "no destination has the postcode",
    "no_position": "no bag hangs for the destination",
    "no_rule": "no rule takes them",
    "no_lane": "no lane of the group may hold them",
}


@click.group()
def plan() -> None:
    """Say what a sort plan 分拣方案 does, before it does it."""


@plan.command()
@click.argument("manifest", type=_FILE)
@click.option("--plan", "plan_file", type=_FILE, help="Another plan for the site, instead of its own.")
@_SITE
@_JSON
def coverage(manifest: Path, plan_file: Path | None, site_file: Path | None, as_json: bool) -> int:
    """Say what share of MANIFEST each rule takes, and what is left to people by the plan itself.

    Exit code 1 if some items have no destination, position, rule or lane, so that no machine could finish them.
    """
    from packcenter.config.plan_report import cover

    found = site.load(site_file, plan_file)
    covered = cover(found.hall, _lines(manifest, found))
    if as_json:
        output.print_json({"coverage": covered, "unused_rules": covered.unused})
    else:
        _show_coverage(covered)
    return PROBLEM if covered.gaps else OK


@plan.command()
@click.argument("was", type=_FILE)
@click.argument("now", type=_FILE)
@click.option(
    "--manifest", type=_FILE, help="Also count the items of a manifest that would go another way, or leave alone or together."
)
@_SITE
@_JSON
def diff(was: Path, now: Path, manifest: Path | None, site_file: Path | None, as_json: bool) -> int:
    """Compare two plan files, WAS and NOW, each checked against the site. Exit code 1 if they differ."""
    from packcenter.config.plan_report import compare, reroute

    sites = [site.load(site_file, each) for each in (was, now)]
    before, after = (each.hall for each in sites)
    changes = compare(before.plan, after.plan)
    moved = reroute(before, after, _lines(manifest, sites[0])) if manifest is not None else None
    if as_json:
        output.print_json({"was": before.plan.version, "now": after.plan.version, "changes": changes, "rerouted": moved})
    else:
        _show_changes(before.plan.version, after.plan.version, changes, moved)
    return PROBLEM if changes else OK


@plan.command(name="list")
@click.option("--service", "service_at", help="Address of the service, such as http://127.0.0.1:9464.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("run"),
    show_default=True,
    help="Where `packcenter demo` keeps its runs; the latest one is meant when no site is named.",
)
@_SITE
@_JSON
def list_(service_at: str | None, folder: Path, site_file: Path | None, as_json: bool) -> int:
    """Show the site's plans, to which the running hall may be switched: packcenter act plan switch FILE.

    Each is read and checked with the site. Exit code 1 if one of them is not sound.
    """
    from packcenter.cli.plc import find
    from packcenter.config.load import plans_of

    where = find(site_file, folder, service_at, None)
    own = where.configuration.site
    in_force = where.hall.plan_digest if where.hall is not None else ""
    found = [_listed(own.file, name, path, in_force) for name, path in plans_of(own).items()]
    if as_json:
        output.print_json({"folder": str(own.plans or ""), "running": where.hall is not None, "plans": found})
    elif own.plans is None:
        click.echo("The site names no folder of plans; the key `plans` in its file does.", err=True)
    else:
        _show_listed(found, where.configuration.hall.utc_offset_minutes)
        if where.hall is None:
            click.echo("No service answers, so that the plan in force is not known.", err=True)
    return PROBLEM if any(each.faults for each in found) else OK


def _listed(site_file: Path | None, name: str, path: Path, in_force: str) -> Listed:
    """One file of the folder; a plan with faults has nothing else."""
    from packcenter.config.errors import ConfigError
    from packcenter.config.load import load_site
    from packcenter.config.plan_report import Listed

    assert site_file is not None
    try:
        plan = load_site(site_file, plan=path).hall.plan
    except ConfigError as error:
        return Listed(name, faults=[str(finding) for finding in error.report.findings])
    return Listed(name, plan.version, plan.digest, plan.valid_from_us, plan.valid_until_us, plan.digest == in_force)


def _show_listed(found: list[Listed], offset_minutes: int) -> None:
    from rich.table import Table

    def moment(us: int) -> str:
        return output.local_time(us, offset_minutes)[:16] if us else "-"

    out = output.console()
    table = Table()
    for title in ("file", "version", "digest", "valid from", "until", ""):
        table.add_column(title)
    for each in found:
        said = "in force" if each.in_force else f"{len(each.faults)} faults" if each.faults else ""
        table.add_row(
            each.file, each.version or "-", each.digest[:8] or "-", moment(each.valid_from_us), moment(each.valid_until_us), said
        )
    out.print(table)
    for each in found:
        for fault in each.faults:
            click.echo(fault, err=True)


def _lines(manifest: Path, configuration: Configuration) -> list[Line]:
    """The good rows of a manifest; what is refused is told on standard error."""
    from packcenter.cli.manifest import read
    from packcenter.config.manifest import ManifestRefused

    try:
        reading = read(manifest, configuration)
    except ManifestRefused as refused:
        raise ToldError(PROBLEM, f"{manifest}: refused whole: {'; '.join(map(str, refused.findings))}") from None
    if reading.refusals:
        click.echo(
            f"{manifest}: {reading.rows - len(reading.lines):,} of {reading.rows:,} rows are refused and not counted", err=True
        )
    return list(reading.lines)


def _show_coverage(covered: Coverage) -> None:
    from rich.table import Table

    out = output.console()
    rules = Table(title=f"Plan {covered.version}: {covered.items:,} items", title_justify="left")
    for name in ("rule", "group"):
        rules.add_column(name)
    combined = any(share.together for share in covered.rules)
    for name in ("items", "share", *(("together", "in parcels") if combined else ())):
        rules.add_column(name, justify="right")
    for share in covered.rules:
        more = (f"{share.together:,}", f"{share.parcels:,}") if combined else ()
        rules.add_row(share.rule, share.group, f"{share.items:,}", _percent(share.items, covered.items), *more)
    out.print(rules)
    destinations = Table(title="Destinations", title_justify="left")
    destinations.add_column("destination")
    destinations.add_column("position", justify="right")
    destinations.add_column("items", justify="right")
    for each in covered.destinations:
        destinations.add_row(each.destination, str(each.position or "none"), f"{each.items:,}")
    out.print(destinations)
    for gap in covered.gaps:
        where = f" on {gap.sorter}" if gap.sorter else ""
        out.print(f"[bold red]{gap.items:,}[/bold red] items, {gap.what}{where}: {_WHY[gap.why]}.")
    if covered.unused:
        out.print(f"Rules that take nothing of it: {', '.join(covered.unused)}.")
    if not covered.gaps:
        out.print("[bold]Every item has a destination with a bag, a rule, and a lane on every sorter.[/bold]")


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _show_changes(was: str, now: str, changes: list[Change], moved: list[Rerouted] | None) -> None:
    out = output.console()
    out.print(f"Plan {was} -> {now}: {len(changes)} differences.")
    for change in changes:
        out.print(f"[bold]{change.what}[/bold]")
        out.print(f"  was: {change.was or 'not there'}")
        out.print(f"  now: {change.now or 'not there'}")
    for each in moved or ():
        out.print(f"{each.items:,} items: {each.what} {each.was or _NOBODY} -> {each.now or _NOBODY}")
    if moved is not None and not moved:
        out.print("No item of the manifest goes another way.")

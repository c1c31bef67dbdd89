"""`packcenter plc`: what maintenance asks of PLCs. Finding service and addresses is done here; looking and judging elsewhere."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from packcenter.cli.codes import CONFIGURATION, OK, PROBLEM, UNREACHABLE, USAGE, ToldError
from packcenter.cli.options import where_options

if TYPE_CHECKING:
    from packcenter.config.build import Configuration
    from packcenter.diagnose.asking import HallView, Passed, ServiceAt
    from packcenter.diagnose.evidence import Evidence
    from packcenter.diagnose.finding import Finding
    from packcenter.diagnose.probe import Progress
    from packcenter.plc.link import LinkSettings
    from packcenter.plc.view import LinkView

NOTE = "service.json"
_MARKS = {"fault": "■ FAULT", "warning": "▲ WARNING", "not checked": "– not checked", "ok": "· ok"}
_STYLES = {"fault": "bold red", "warning": "yellow", "not checked": "dim", "ok": ""}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def plc() -> None:
    """Diagnose PLCs: list them, let the doctor look at one, watch its telegrams.

    The running service is asked first: it holds each PLC's connection, and a PLC that takes one client must not lose it.
    Only without a service, or with --direct, a connection is made, which reads and changes nothing.
    """


def _site_options(command: Any) -> Any:
    """The options by which hall, service and PLCs are found."""
    for option in (
        click.option("--direct", is_flag=True, help="Connect to the PLC itself (read only), even while a service runs."),
        click.option(
            "--addresses",
            type=click.Path(dir_okay=False, exists=True, path_type=Path),
            help="JSON file {plc: [host, port]} that overrides addresses.",
        ),
    ):
        command = option(command)
    return where_options(command)


# --- where to ask ----------------------------------------------------------------------------------------------------


class Where(NamedTuple):
    """The hall, its PLCs at the addresses in use, and the service that runs it, if one answers."""

    configuration: Configuration
    service: ServiceAt | None
    hall: HallView | None
    tried: list[str]

    def settings(self, name: str) -> LinkSettings:
        """How to reach a PLC; raises `ToldError` for a name that the site has not."""
        from packcenter.cli.serving import link_settings

        try:
            return link_settings(self.configuration.plc(name))
        except KeyError:
            raise ToldError(USAGE, _no_plc(name, [plc.name for plc in self.configuration.plcs])) from None

    def running(self) -> tuple[ServiceAt, HallView] | None:
        """The service with its hall."""
        return None if self.service is None or self.hall is None else (self.service, self.hall)


def find(
    site_file: Path | None, folder: Path, service_at: str | None, addresses: Path | None, trusted: Path | None = None
) -> Where:
    """
    Look for the service: where --service says; where it left its note; where the site's [http] says.

    Over HTTPS it is believed by the `trusted` certificates, else by the site's own.

    Without a site file the latest run of the demo is meant, with the addresses that its PLCs really have.
    """
    from packcenter.cli import site
    from packcenter.diagnose.asking import ServiceAt, ServiceError

    configuration = site.load(site_file)
    latest = folder / "latest"
    if addresses is None and site_file is None and (latest / "addresses.json").is_file():
        addresses = latest / "addresses.json"
    if addresses is not None:
        configuration = configuration.at(_read_addresses(addresses))
    tried: list[str] = []
    tls = configuration.site.tls
    for address in _candidates(configuration, latest if site_file is None else None, service_at):
        try:
            service = ServiceAt(address, trusted or (tls.certificate if tls is not None else None))
            hall = service.hall()
        except ServiceError as error:
            tried.append(str(error))
            continue
        if hall.name == configuration.hall.name:
            return Where(configuration, service, hall, tried)
        tried.append(f"{address} runs {hall.name!r}, not {configuration.hall.name!r}")
    if service_at is not None:
        raise ToldError(UNREACHABLE, f"{tried[-1]}. Is the service running? --direct asks the PLCs themselves.")
    return Where(configuration, None, None, tried)


def _candidates(configuration: Configuration, latest: Path | None, service_at: str | None) -> Iterator[str]:
    if service_at is not None:
        yield service_at
        return
    told = []
    for folder in (latest, configuration.site.journal_folder.parent):
        note = folder / NOTE if folder is not None else None
        if note is not None and note.is_file():
            told.append(_noted_address(note))
    scheme = "http" if configuration.site.tls is None else "https"
    told.append(f"{scheme}://{configuration.site.http_host}:{configuration.site.http_port}")
    yield from dict.fromkeys(address for address in told if address)


def _noted_address(note: Path) -> str:
    """The address in a service's note; "" if the note is not whole, which is no reason to stop looking."""
    try:
        return str(json.loads(note.read_text("utf-8"))["address"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _read_addresses(path: Path) -> dict[str, tuple[str, int]]:
    try:
        found: dict[str, tuple[str, int]] = {
            name: (str(host), int(port)) for name, (host, port) in json.loads(path.read_text("utf-8")).items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise ToldError(CONFIGURATION, f"{path} is not a file of addresses ({error}), expected {{plc: [host, port]}}.") from None
    return found


def _no_plc(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"There is no PLC {name!r}. " + (f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.")


# --- doctor ----------------------------------------------------------------------------------------------------------


@plc.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Look at every PLC of the site.")
@click.option(
    "--write-test", is_flag=True, help="With --direct and no controller at work: write the image In back as it was read."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_site_options
def doctor(
    name: str | None,
    every: bool,
    write_test: bool,
    as_json: bool,
    site_file: Path | None,
    folder: Path,
    service_at: str | None,
    addresses: Path | None,
    direct: bool,
) -> int:
    """Check a PLC: is it reached, is it the right one, does it agree with us, how fast is it. Worst first.

    Exit codes: 0 nothing wrong, 1 a problem was found, 2 wrong usage, 3 configuration invalid, 4 not reachable.
    """
    if (name is None) == (not every):
        raise ToldError(USAGE, "Name one PLC, or use --all.")
    if write_test and not direct:
        raise ToldError(USAGE, "--write-test needs --direct: while a service runs, its own writes are the test.")
    where = find(site_file, folder, service_at, addresses)
    names = [plc.name for plc in where.configuration.plcs] if name is None else [name]
    settings = [where.settings(each) for each in names]  # an unknown name is told before anything is asked
    if write_test and where.service is not None:
        raise ToldError(
            USAGE, f"--write-test is refused: the service at {where.service.address} writes to this PLC. Stop it first."
        )
    seen = _examine(where, settings, direct, write_test, quiet=as_json)
    return _report(where, seen, as_json)


def _examine(where: Where, settings: list[LinkSettings], direct: bool, write_test: bool, *, quiet: bool) -> list[Evidence]:
    """Look at PLCs, all at once, the way that was asked for."""
    from packcenter.diagnose.asking import ServiceError

    _quiet_libraries()
    shown = nullcontext(_no_progress) if quiet or not sys.stderr.isatty() else _Bars()
    with shown as progress:
        try:
            return asyncio.run(_look_at_all(where, settings, direct, write_test, progress))
        except ServiceError as error:
            raise ToldError(UNREACHABLE, f"{error}. Look again, or use --direct.") from None


async def _look_at_all(
    where: Where, settings: list[LinkSettings], direct: bool, write_test: bool, progress: Callable[[str], Progress]
) -> list[Evidence]:
    from packcenter.diagnose import doctor as examining
    from packcenter.real import RealClock, RealNet

    clock, net, running = RealClock(), RealNet(), where.running()
    if running is not None and not direct:
        looks = [examining.ask_service(*running, each.plc, clock, progress(each.plc)) for each in settings]
        return await asyncio.gather(*looks)
    speed = 1 if where.hall is None else where.hall.speed
    return await asyncio.gather(
        *(
            examining.look(
                each, clock, net, service=where.service, speed=speed, write_test=write_test, progress=progress(each.plc)
            )
            for each in settings
        )
    )


def _no_progress(plc: str) -> Progress:
    return lambda made, of: None


class _Bars:
    """How far each look has come, on a terminal; gone when they are done."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as Bars

        from packcenter.cli.output import console

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bars = Bars(*columns, console=console(stderr=True), transient=True)

    def __enter__(self) -> Callable[[str], Progress]:
        self._bars.start()
        return self._bar

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def _bar(self, plc: str) -> Progress:
        task = self._bars.add_task(f"looking at {plc}", total=None)
        return lambda made, of: self._bars.update(task, completed=made, total=of)


def _report(where: Where, seen: list[Evidence], as_json: bool) -> int:
    from packcenter.diagnose.checks import diagnose, is_unreachable

    found = [(each, diagnose(each)) for each in seen]
    found.sort(key=lambda pair: -sum(finding.is_problem for finding in pair[1]))
    if as_json:
        _print_json(where, found)
    else:
        for evidence, findings in found:
            _show(evidence, findings)
        if where.service is None:
            click.echo(f"No service answers ({'; '.join(where.tried)}), so the PLC itself was read.", err=True)
    if any(is_unreachable(each) for each in seen):
        return UNREACHABLE
    return PROBLEM if any(finding.is_problem for _, findings in found for finding in findings) else OK


def _print_json(where: Where, found: list[tuple[Evidence, list[Finding]]]) -> None:
    from packcenter.cli.output import print_json

    plcs = [
        {"plc": evidence.plc, "address": evidence.address, "source": evidence.source.name.lower(), "findings": findings}
        for evidence, findings in found
    ]
    print_json({"service": None if where.service is None else where.service.address, "plcs": plcs})


def _show(evidence: Evidence, findings: list[Finding]) -> None:
    """One PLC: a line per check, worst first; what to do below a problem."""
    from rich.table import Table
    from rich.text import Text

    from packcenter.cli.output import console

    problems = sum(finding.is_problem for finding in findings)
    verdict = "nothing wrong" if not problems else f"{problems} problem{'s' if problems > 1 else ''}"
    table = Table(
        title=f"{evidence.plc}: {verdict}   ({evidence.address}, seen by {evidence.source})",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        expand=False,
    )
    for heading in ("", "check", "seen", "expected"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("", "check"))
    for finding in findings:
        text = Text(finding.seen)
        if finding.next_step:
            text.append(f"\n→ {finding.next_step}", style="bold" if finding.is_problem else "dim")
        style = _STYLES[finding.level]
        table.add_row(Text(_MARKS[finding.level], style=style), finding.check, text, Text(finding.expected, style="dim"))
    out = console()
    out.print(table)
    out.print()


# --- watch -----------------------------------------------------------------------------------------------------------


@plc.command()
@click.argument("name")
@click.option("--last", type=click.IntRange(0, 2000), default=20, show_default=True, help="Begin with this many kept telegrams.")
@click.option("--for", "duration", help="Stop after this long, such as 90s or 20m; else at Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@_site_options
def watch(
    name: str,
    last: int,
    duration: str | None,
    as_json: bool,
    site_file: Path | None,
    folder: Path,
    service_at: str | None,
    addresses: Path | None,
    direct: bool,
) -> int:
    """Show a PLC's telegrams, decoded, as they pass: events it makes (->), commands it gets (<-), words that change.

    From the running service; without one (or with --direct) from the PLC's own image, read some 20 times a second. Ctrl-C
    ends it.
    """
    from packcenter.cli.run import parse_duration

    seconds = parse_duration(duration) if duration is not None else None
    where = find(site_file, folder, service_at, addresses)
    settings = where.settings(name)
    say = _json_line if as_json else _Lines(where.configuration.hall.utc_offset_minutes)
    try:
        if where.service is not None and not direct:
            _watch_service(where.service, name, last, seconds, say)
        else:
            click.echo("Reading the PLC itself; commands are seen only by a service.", err=True)
            _quiet_libraries()
            asyncio.run(_watch_plc(settings, seconds, say))
    except KeyboardInterrupt:
        pass
    return OK


def _watch_service(service: ServiceAt, plc: str, last: int, seconds: float | None, say: Any) -> None:
    from packcenter.diagnose.asking import ServiceError
    from packcenter.real import RealClock

    clock = RealClock()
    end_us = None if seconds is None else clock.mono_us() + int(seconds * 1e6)
    try:
        for telegram in service.telegrams(plc, last):
            if end_us is not None and clock.mono_us() >= end_us:
                return
            if telegram is not None:
                say(telegram)
    except ServiceError as error:
        raise ToldError(UNREACHABLE, f"{error}. Look whether the service still runs.") from None
    raise ToldError(UNREACHABLE, f"the service at {service.address} ended the stream; look whether it still runs.")


async def _watch_plc(settings: LinkSettings, seconds: float | None, say: Any) -> None:
    from contextlib import aclosing, suppress

    from packcenter.diagnose.watching import watch as watch_plc
    from packcenter.real import RealClock, RealNet

    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(watch_plc(settings, RealClock(), RealNet())) as telegrams:
            async for telegram in telegrams:
                say(telegram)


def _json_line(telegram: Passed) -> None:
    import msgspec

    click.echo(msgspec.json.encode(telegram).decode())
    sys.stdout.flush()


class _Lines:
    """Telegrams as lines of text, with the hall's time of day."""

    def __init__(self, utc_offset_minutes: int) -> None:
        self._offset = utc_offset_minutes

    def __call__(self, telegram: Passed) -> None:
        from packcenter.cli.output import local_time

        number = f" {telegram.number}" if telegram.number else ""
        fields = "".join(f"  {name} {value}" for name, value in telegram.fields.items())
        arrow = "->" if telegram.out else "<-"
        click.echo(f"{local_time(telegram.wall_us, self._offset)[11:]} {arrow} {telegram.what}{number}{fields}")
        sys.stdout.flush()


# --- list ------------------------------------------------------------------------------------------------------------


@plc.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_site_options
def show_list(
    as_json: bool, site_file: Path | None, folder: Path, service_at: str | None, addresses: Path | None, direct: bool
) -> int:
    """Show every PLC of the site: where it is, whether the service hears it, and what its machine does.

    Exit codes: 0 all are heard, 1 one is not, 4 no service answers; --direct asks the PLCs themselves, as `doctor --all` does.
    """
    where = find(site_file, folder, service_at, addresses)
    if direct or where.service is None:
        settings = [where.settings(plc.name) for plc in where.configuration.plcs]
        if not direct:
            return _show_unheard(where, settings, as_json)
        return _report(where, _examine(where, settings, True, False, quiet=as_json), as_json)
    from packcenter.diagnose.asking import ServiceError

    try:
        views = where.service.links()
    except ServiceError as error:
        raise ToldError(UNREACHABLE, str(error)) from None
    if as_json:
        from packcenter.cli.output import print_json

        print_json({"service": where.service.address, "plcs": views})
    else:
        _show_views(views)
    return OK if all(view.up for view in views) else PROBLEM


def _show_unheard(where: Where, settings: list[LinkSettings], as_json: bool) -> int:
    from packcenter.cli.output import print_json
    from packcenter.diagnose.probe import address_of

    if as_json:
        plcs = [{"plc": each.plc, "protocol": each.protocol, "address": address_of(each)} for each in settings]
        print_json({"service": None, "plcs": plcs})
    else:
        for each in settings:
            click.echo(f"{each.plc:<12} {each.protocol:<7} {address_of(each)}")
    told = "; ".join(where.tried)
    click.echo(f"No service answers ({told}), so no link is known. `packcenter plc list --direct` asks the PLCs.", err=True)
    return UNREACHABLE


def _show_views(views: list[LinkView]) -> None:
    from rich.table import Table
    from rich.text import Text

    from packcenter.cli.output import console

    table = Table(box=None, pad_edge=False)
    for heading in ("PLC", "link", "machine", "protocol", "address", "epoch", "events", "waiting", "last words"):
        table.add_column(heading, justify="right" if heading in ("epoch", "events", "waiting") else "left", overflow="fold")
    for view in views:
        link = Text("up") if view.up else Text("■ DOWN", style="bold red")
        figures = (str(view.epoch), f"{view.taken:,}", str(view.commands_waiting))
        table.add_row(view.plc, link, _machine(view), view.protocol, view.address, *figures, view.trouble or view.how)
    console().print(table)


def _machine(view: LinkView) -> str:
    """The PackML state by name; "?" for a machine that cannot be seen."""
    from packcenter.plc.trace import PACKML_STATES

    if view.image is None or not view.up:
        return "?"
    state = view.image.packml_state
    return PACKML_STATES[state] if state < len(PACKML_STATES) else f"state {state}"


def _quiet_libraries() -> None:
    """The protocol libraries log what they cannot do; the finding says it."""
    from packcenter.cli.plant import quiet_libraries

    quiet_libraries()

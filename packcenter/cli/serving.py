"""From a checked configuration to a running service: real ports, logs, HTTP, signals. Shared by `run` and `demo`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from packcenter.cli import collector
from packcenter.cli.codes import CONFIGURATION, INTERNAL, OK, ToldError
from packcenter.cli.lines import LogLines, tell

if TYPE_CHECKING:
    from ssl import SSLContext

    from packcenter.config.build import Configuration, PlcSettings, SiteSettings
    from packcenter.plc.link import LinkSettings
    from packcenter.real import RealDisk
    from packcenter.service.http import HttpServer
    from packcenter.service.plans import PlanFiles
    from packcenter.service.service import Service, Setup

STEP_FAILED = 70
"""Exit code after a decision failed: the event is set aside and a restart goes on (sysexits' EX_SOFTWARE)."""


@dataclass(frozen=True)
class Options:
    """What a laboratory may change: plant seconds per real second, core time at the first start, the name of the mode."""

    speed: int = 1
    start_us: int | None = None
    mode: str = "live"
    settle_us: int = 2_000_000


def setup_of(configuration: Configuration, options: Options) -> Setup:
    """A service's parts on this computer; makes its folders."""
    from packcenter.config.load import read_private
    from packcenter.config.manifest import Known
    from packcenter.real import RealClock, RealDisk, RealNet, RealRandom
    from packcenter.service.badges import PeopleFile
    from packcenter.service.intake import Folders, Patience
    from packcenter.service.papers import PaperFolders
    from packcenter.service.service import Setup

    site = configuration.site
    refused = site.manifests_done.parent / "refused"
    for folder in (site.journal_folder, site.manifests_in, site.manifests_done, site.manifests_results, refused):
        folder.mkdir(parents=True, exist_ok=True)
    disks = [RealDisk(folder) for folder in (site.manifests_in, site.manifests_done, refused, site.manifests_results)]
    receipts = None if site.receipts is None else Folders(*(_folder(site.receipts / name) for name in _FOLDERS))
    papers = None
    if site.bills is not None and site.feed is not None:
        papers = PaperFolders(_folder(site.bills), _folder(site.feed))
    profiles = "".join(f"{name} {digest}\n" for name, digest in configuration.files)
    return Setup(
        hall=configuration.hall,
        hall_digest=configuration.digest,
        links=[link_settings(plc, options.speed) for plc in configuration.plcs],
        journal=RealDisk(site.journal_folder),
        manifests=Folders(*disks),
        known=Known.of_hall(configuration.hall, site.services, site.waybill_forms),
        clock=RealClock(),
        random=RealRandom(),
        net=RealNet(),
        release=version("packcenter"),
        profiles_digest=_sha256(profiles),
        lab=site.lab,
        speed=options.speed,
        start_us=options.start_us,
        process=os.getpid(),
        mode=options.mode,
        patience=Patience(settle_us=options.settle_us),
        people=PeopleFile(str(site.people), partial(read_private, site.people)) if site.people is not None else None,
        reasons=site.reasons,
        plans=plan_files(site),
        receipts=receipts,
        papers=papers,
        http_names=site.http_names,
        discrepancy_minutes=site.discrepancy_minutes,
    )


def plan_files(site: SiteSettings) -> PlanFiles | None:
    """The plans of a site's folder, each read with the site's own file."""
    from packcenter.config.load import load_site, plans_of
    from packcenter.service.plans import PlanFiles

    file = site.file
    if site.plans is None or file is None:
        return None
    return PlanFiles(lambda: [*plans_of(site)], lambda name: load_site(file, plan=plans_of(site)[name]).hall)


_FOLDERS = ("in", "done", "refused", "results")


def _folder(path: Path) -> RealDisk:
    """A folder of the service, made if need be."""
    from packcenter.real import RealDisk

    path.mkdir(parents=True, exist_ok=True)
    return RealDisk(path)


def tls_of(configuration: Configuration) -> SSLContext | None:
    """How the HTTP side of a site speaks TLS; None if it does not. Raises `ToldError` if the files are of no use."""
    from packcenter.real import server_tls

    files = configuration.site.tls
    if files is None:
        return None
    try:
        return server_tls(files.certificate, files.private_key)
    except OSError as error:
        said = error.strerror or str(error)
        raise ToldError(
            CONFIGURATION,
            f"[http.tls]: {files.certificate} with {files.private_key} cannot be used ({said}), expected a certificate and its"
            " private key in PEM, without a password.",
        ) from None


def _sha256(text: str) -> bytes:
    from hashlib import sha256

    return sha256(text.encode()).digest()


def link_settings(plc: PlcSettings, speed: int = 1) -> LinkSettings:
    """How a link reaches one configured PLC, whose time runs `speed` times faster than ours."""
    from packcenter.plc.link import LinkSettings, Security

    security = None
    if plc.security is not None:
        names = ("policy", "mode", "certificate", "private_key", "server_certificate", "application_uri")
        security = Security(**{name: getattr(plc.security, name) for name in names})
    return LinkSettings(
        plc=plc.name,
        protocol=plc.protocol,
        profile_digest=plc.profile_digest,
        host=plc.host,
        port=plc.port,
        unit_id=plc.unit_id,
        out_address=plc.out_address,
        in_address=plc.in_address,
        function_23=plc.function_23,
        word_order=plc.word_order,
        max_read_registers=plc.max_read_registers,
        max_write_registers=plc.max_write_registers,
        url=plc.url,
        namespace_uri=plc.namespace_uri,
        out_node=plc.out_node,
        in_node=plc.in_node,
        security=security,
        poll_gap_us=plc.poll_gap_us,
        request_timeout_us=plc.request_timeout_us,
        speed=speed,
    )


def log_to(stream: TextIO, *, as_json: bool) -> LogLines:
    """Send our log lines to `stream`: JSON for programs, one short line for people. `drain` what it returns at the end."""
    import structlog

    def lost_line(count: int) -> str:
        if as_json:
            return json.dumps({"count": count, "event": "log_lines_lost", "level": "warning"}) + "\n"
        return f"{count} log lines were lost: the log could not be written\n"

    lines = LogLines(stream, lost_line)
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, lines)),
        cache_logger_on_first_use=False,
    )
    from packcenter.cli.plant import quiet_libraries

    quiet_libraries()
    return lines


def run_until_stopped(
    service: Service,
    http: tuple[str, int],
    *,
    tls: SSLContext | None = None,
    during: Callable[[Service, str], Any] | None = None,
    seconds: float | None = None,
) -> int:
    """
    Recover, run, stop in good order; returns the exit code.

    `during(service, address)` is awaited beside the service and ends it when it returns. Raises `JournalError` if the
    journal cannot be used, and `UnsafeDoor` if acts would go over a network in clear.
    """
    from packcenter.service.http import HttpServer

    return asyncio.run(_run(service, HttpServer(service, *http, tls), during, seconds))


async def _run(service: Service, server: HttpServer, during: Callable[[Service, str], Any] | None, seconds: float | None) -> int:
    import structlog

    from packcenter.service.engine import StepError

    service.recover()
    await service.start()
    address = await server.start()
    collector.settle()
    structlog.get_logger().info("listening", address=address)
    note = leave_note(service, address)
    beside = asyncio.create_task(during(service, address)) if during is not None else None
    stop = service.request_stop if beside is None else service.ask_to_stop
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, signal.Signals(number).name)
    if seconds is not None:
        loop.call_later(seconds, stop, "for")
    if beside is not None:
        beside.add_done_callback(lambda _: service.request_stop("done"))
    try:
        await service.run()
    except StepError as error:
        tell(f"packcenter stopped: a decision failed on {error}. The event is set aside; start again to go on.")
        return STEP_FAILED
    finally:
        with suppress(OSError):
            note.unlink()
        await server.stop()
        if beside is not None:
            beside.cancel()
        await service.stop()
    if beside is not None and beside.done() and not beside.cancelled() and beside.exception() is not None:
        tell(f"packcenter stopped: {beside.exception()}")
        return INTERNAL
    return OK


def leave_note(service: Service, address: str) -> Path:
    """Write beside the journal folder where this service answers, so that `packcenter plc` finds it; returns the file."""
    note = service.setup.journal.where().absolute().parent / "service.json"
    part = note.with_name("service.json.part")
    with suppress(OSError):  # a folder that we must not write to costs maintenance a --service, nobody else anything
        part.write_text(json.dumps({"address": address, "pid": os.getpid(), "hall": service.setup.hall.name}), "utf-8")
        part.replace(note)
    return note


def where_to_look(address: str, folder: Path) -> list[str]:
    """What to tell a person who wants to see more."""
    return [f"live figures  {address}/", f"metrics       {address}/metrics", f"journal       {folder}"]

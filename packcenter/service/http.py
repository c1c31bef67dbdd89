"""
What the service shows over HTTP: live page, figures, metrics, and each link for maintenance. Loopback by default.

    /            live page          /hall        what stands where    /status           figures as JSON
    /events      figures, pushed every second                         /metrics          for Prometheus
    /plcs, /plcs/NAME               every link, one link              /-/healthy, /-/ready
    /discrepancies  what the books cannot explain, the most urgent first
    /alarms      what wants a person, worst first, with what to do
    /plcs/NAME/telegrams?last=N     what is said on the wire: the last N kept entries (all of them), then each as it passes
    /feed/AGENCY?after=N            what became of an agency's items after record N; for that agency alone (`feed_http`)
    /acts/...                       what people do, with a token (`acts_http`); everything else only shows
    /openapi.json                   all of this for programs
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from importlib.resources import files
from ssl import SSLContext

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from packcenter.plc.limits import TRACE_ENTRIES
from packcenter.plc.trace import Entry
from packcenter.projections import alarms, discrepancies
from packcenter.service.acts_http import ActDoor
from packcenter.service.exposition import exposition
from packcenter.service.feed_http import FeedDoor
from packcenter.service.gate import Gate, Trouble, is_loopback, trouble
from packcenter.service.http_door import HEADERS_MAX, Door
from packcenter.service.layout import layout_of
from packcenter.service.openapi import PassedEntry, document
from packcenter.service.service import Service

PUSH_US = 1_000_000
"""Period of pushed figures: what a person can follow, and three times shorter than the page's LINK LOST."""

SHARED_US = 500_000
"""Figures younger than this are not made again: many screens cost little more than one."""

TELEGRAM_POLL_US = 100_000
"""How often a watcher is sent what is new on the wire."""

ALIVE_US = 1_000_000
"""A watcher of a quiet wire hears this often that the stream still lives."""

WATCHERS_MAX = 16
"""Open streams at once: some screens and a laptop or two. More are refused, so that watching cannot cost control."""

SCRAPE_GAP_US = 250_000
"""Least time between two renderings of the metrics, which take 10 ms each: a scrape that comes sooner shares, or waits."""

ENTRIES_AT_ONCE = 50
"""Telegrams written in one turn of the loop: all that are kept would hold it for 10 ms."""

START_LIMIT_S = 5.0
_JSON = "application/json"

_PAGE_RULES = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:;"
    " base-uri 'none'; form-action 'none'"
)
"""The page is one file that speaks to nobody but us, and a browser holds it to that."""


class UnsafeDoor(Exception):  # noqa: N818 - read aloud, the name says it
    """Acts would be taken over a network without TLS; the text says what to do."""


class HttpServer:
    """
    The HTTP side of one service, in the service's own loop. `start` listens; port 0 takes a free one.

    With `tls` it speaks HTTPS only. Raises `UnsafeDoor` if acts would be taken from other machines without it.
    """

    def __init__(self, service: Service, host: str, port: int, tls: SSLContext | None = None) -> None:
        if service.setup.people is not None and tls is None and not is_loopback(host):
            raise UnsafeDoor(
                f"HTTP on {host} would take people's acts over the network in clear, where anybody can read the tokens. Give"
                " [http.tls] a certificate, listen on 127.0.0.1, or take [acts] out of the site file."
            )
        self._tls = tls
        self._service = service
        self._host = host
        self._port = port
        self._server: Door | None = None
        self._task: asyncio.Task[None] | None = None
        self._watching = Watching()

    async def start(self) -> str:
        """Listen; returns the address, such as http://127.0.0.1:9464. Raises `OSError` if it is taken."""
        listener = self._service.setup.net.listen(self._host, self._port)
        config = uvicorn.Config(
            make_app(self._service, self._watching),
            http="h11",
            h11_max_incomplete_event_size=HEADERS_MAX,
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            ws="none",
        )
        self._server = Door(config, self._service.setup.clock, self._tls)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="http")
        async with asyncio.timeout(START_LIMIT_S):
            while not self._server.started:
                await self._service.setup.clock.sleep_us(5_000)
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"{'http' if self._tls is None else 'https'}://{shown}:{port}"

    async def stop(self) -> None:
        """End open streams and stop listening."""
        if self._server is not None and self._task is not None:
            self._watching.end()
            self._server.should_exit = True
            self._server.force_exit = True
            await self._task


def make_app(service: Service, watching: Watching) -> Starlette:
    """The routes over one service."""
    views = _Views(service, watching)
    gate = Gate(service.setup.clock, service.setup.http_names)
    return Starlette(
        routes=[
            Route("/", views.page),
            Route("/hall", views.hall),
            Route("/status", views.status),
            Route("/events", views.events),
            Route("/metrics", views.metrics),
            Route("/alarms", views.alarms),
            Route("/discrepancies", views.discrepancies),
            FeedDoor(service, gate).route(),
            Route("/-/healthy", views.healthy),
            Route("/-/ready", views.ready),
            Route("/plcs", views.plcs),
            Route("/plcs/{name}", views.plc),
            Route("/plcs/{name}/telegrams", views.telegrams),
            *ActDoor(service, gate).routes(),
            Route("/openapi.json", views.openapi),
        ],
        exception_handlers={HTTPException: _unrouted},
    )


async def _unrouted(request: Request, error: Exception) -> Response:
    """There is nothing of this name, or not with this method: told in the shape of every trouble."""
    assert isinstance(error, HTTPException)
    found = trouble(error.status_code, Trouble(f"{error.detail.lower()}; /openapi.json says what there is", "no_route"))
    found.headers.update(error.headers or {})
    return found


@cache
def _page() -> bytes:
    return files("packcenter.service").joinpath("live.html").read_bytes()


class _Views:
    def __init__(self, service: Service, watching: Watching) -> None:
        self._service = service
        self._clock = service.setup.clock
        self._watching = watching
        self._figures = b""
        self._figures_at_us: int | None = None
        self._scraping = asyncio.Lock()
        self._scrape: tuple[int, str, str, bytes] | None = None  # when, what was accepted, content type, text

    async def page(self, request: Request) -> Response:
        return HTMLResponse(_page(), headers={"content-security-policy": _PAGE_RULES, "cache-control": "no-cache"})

    async def hall(self, request: Request) -> Response:
        setup, state = self._service.setup, self._service.controller.state
        run, hall = state.run, state.hall if state.hall is not None else self._service.setup.hall
        return _json(layout_of(hall, release=setup.release, mode=setup.mode, speed=setup.speed, run=run))

    async def status(self, request: Request) -> Response:
        return _json(self._service.status())

    async def openapi(self, request: Request) -> Response:
        return Response(document(self._service.setup.release), media_type=_JSON)

    async def discrepancies(self, request: Request) -> Response:
        return _json(discrepancies.take(self._service.controller.state, self._service.core_clock.now_us()))

    async def alarms(self, request: Request) -> Response:
        return _json(alarms.take(self._service.controller.state, self._service.core_clock.now_us()))

    async def events(self, request: Request) -> Response:
        return self._watching.stream(self._pushed())

    async def _pushed(self) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        while not self._watching.ended:
            yield b"data: " + self._shared_status() + b"\n\n"
            await self._watching.pause(PUSH_US)

    def _shared_status(self) -> bytes:
        """The figures as JSON, made at most once in `SHARED_US` for all who watch."""
        now_us = self._clock.mono_us()
        if self._figures_at_us is None or now_us - self._figures_at_us >= SHARED_US:
            self._figures = msgspec.json.encode(self._service.status())
            self._figures_at_us = now_us
        return self._figures

    async def metrics(self, request: Request) -> Response:
        figures = self._service.figures
        if not figures.ready:
            return PlainTextResponse("figures are being counted from the journal; try again in some seconds\n", 503)
        async with self._scraping:
            content_type, text = await self._exposed(request.headers.get("accept", ""))
        return Response(text, media_type=content_type)

    async def _exposed(self, accept: str) -> tuple[str, bytes]:
        """(content type, text) of the metrics, at most `SHARED_US` old; one at a time, and not too often."""
        if self._scrape is not None:
            made_us, accepted, content_type, text = self._scrape
            age_us = self._clock.mono_us() - made_us
            if accepted == accept and age_us < SHARED_US:
                return content_type, text
            await self._clock.sleep_us(max(0, SCRAPE_GAP_US - age_us))
        metrics = self._service.figures.metrics
        metrics.refresh(self._service.controller.state, self._service.core_clock.now_us())
        content_type, chunks = exposition(metrics.registry, accept, self._clock)
        text = b"".join([chunk async for chunk in chunks])
        self._scrape = (self._clock.mono_us(), accept, content_type, text)
        return content_type, text

    async def healthy(self, request: Request) -> Response:
        return PlainTextResponse("healthy\n")

    async def ready(self, request: Request) -> Response:
        down = [name for name, plc in self._service.controller.state.plcs.items() if not plc.up]
        if down:
            return PlainTextResponse(f"not heard: {', '.join(down)}\n", 503)
        return PlainTextResponse("ready\n")

    async def plcs(self, request: Request) -> Response:
        return _json([self._service.links.describe(name) for name in self._service.links.links])

    async def plc(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._service.links.links:
            return self._no_plc(name)
        return _json(self._service.links.describe(name))

    async def telegrams(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._service.links.links:
            return self._no_plc(name)
        last = request.query_params.get("last", str(TRACE_ENTRIES))
        if not (last.isascii() and last.isdigit() and len(last) < 10):
            return _json(Trouble(f"last={last[:40]}, expected a number of entries from 0", "malformed_query"), 400)
        return self._watching.stream(self._traced(name, int(last)))

    def _no_plc(self, name: str) -> Response:
        return _json(Trouble(f"no PLC {name[:80]!r}", "unknown_plc", known=sorted(self._service.links.links)), 404)

    async def _traced(self, name: str, last: int) -> AsyncIterator[bytes]:
        """The last kept telegrams of a PLC, then what passes from now on, one JSON object an event."""
        kept = self._service.links.trace.entries(name)
        shown = kept[-last - 1].serial if last < len(kept) else 0
        quiet_us = ALIVE_US  # a watcher hears at once that the stream is open
        while not self._watching.ended:
            fresh = [entry for entry in self._service.links.trace.entries(name) if entry.serial > shown]
            if fresh:
                shown, quiet_us = fresh[-1].serial, 0
                for at in range(0, len(fresh), ENTRIES_AT_ONCE):
                    yield self._passed(fresh[at : at + ENTRIES_AT_ONCE])
                    await self._clock.sleep_us(0)
            elif quiet_us >= ALIVE_US:
                quiet_us = 0
                yield b": still here\n\n"
            await self._watching.pause(TELEGRAM_POLL_US)
            quiet_us += TELEGRAM_POLL_US

    def _passed(self, entries: list[Entry]) -> bytes:
        """Entries as server-sent events, with the wall time of their moment."""
        offset_us = self._clock.wall_us() - self._clock.mono_us()
        lines = (
            PassedEntry(each.at_us + offset_us, each.plc, each.out, each.what, each.number, each.fields, each.serial)
            for each in entries
        )
        return b"".join(b"data: " + msgspec.json.encode(line) + b"\n\n" for line in lines)


class Watching:
    """The open streams: how many there are, one too many is refused, and all end when the server does."""

    def __init__(self) -> None:
        self._open = 0
        self._end = asyncio.Event()

    def stream(self, chunks: AsyncIterator[bytes]) -> Response:
        """The answer to a watcher."""
        if self._open >= WATCHERS_MAX:
            return PlainTextResponse(f"{WATCHERS_MAX} streams are open already; close one\n", 503)
        return _Stream(self, chunks)

    def opened(self) -> None:
        """For `_Stream` alone."""
        self._open += 1

    def closed(self) -> None:
        """For `_Stream` alone."""
        self._open -= 1

    @property
    def ended(self) -> bool:
        """Whether every stream must end now."""
        return self._end.is_set()

    def end(self) -> None:
        """Let every stream end."""
        self._end.set()

    async def pause(self, us: int) -> None:
        """Wait this long, or until all streams must end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(us / 1e6):
                await self._end.wait()


class _Stream(StreamingResponse):
    """Server-sent events; open from the first byte that is sent until the watcher has gone."""

    def __init__(self, watching: Watching, chunks: AsyncIterator[bytes]) -> None:
        super().__init__(chunks, media_type="text/event-stream", headers={"cache-control": "no-store"})
        self._watching = watching

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._watching.opened()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watching.closed()


def _json(entry: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(entry), status, media_type=_JSON)

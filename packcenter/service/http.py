"""
What the service shows over HTTP: live page, figures, metrics, and each link for maintenance. Read-only, loopback by default.

    /            live page          /status      figures as JSON      /events           the same, pushed every second
    /metrics     for Prometheus     /-/healthy   /-/ready             /plcs, /plcs/NAME, /plcs/NAME/telegrams
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.resources import files

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from packcenter.service.exposition import exposition
from packcenter.service.service import Service

PUSH_US = 1_000_000
"""Period of pushed figures: what a person can follow, and three times shorter than the page's LINK LOST."""

TELEGRAM_POLL_US = 100_000
"""How often a watcher is sent what is new on the wire."""

WATCHERS_MAX = 16
"""Open streams at once: some screens and a laptop or two. More are refused, so that watching cannot cost control."""

START_LIMIT_S = 5.0
_JSON = "application/json"


class HttpServer:
    """The HTTP side of one service, in the service's own loop. `start` listens; port 0 takes a free one."""

    def __init__(self, service: Service, host: str, port: int) -> None:
        self._service = service
        self._host = host
        self._port = port
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Listen; returns the address, such as http://127.0.0.1:9464. Raises `OSError` if it is taken."""
        listener = self._service.setup.net.listen(self._host, self._port)
        config = uvicorn.Config(
            make_app(self._service), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1, ws="none"
        )
        self._server = _QuietServer(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="http")
        async with asyncio.timeout(START_LIMIT_S):
            while not self._server.started:
                await self._service.setup.clock.sleep_us(5_000)
        host, port = listener.getsockname()[:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """End open streams and stop listening."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            self._server.force_exit = True
            await self._task


class _QuietServer(uvicorn.Server):
    """A uvicorn server that leaves signals to the service."""

    def capture_signals(self):  # type: ignore[no-untyped-def]
        from contextlib import nullcontext

        return nullcontext()


def make_app(service: Service) -> Starlette:
    """The routes over one service."""
    views = _Views(service)
    return Starlette(
        routes=[
            Route("/", views.page),
            Route("/status", views.status),
            Route("/events", views.events),
            Route("/metrics", views.metrics),
            Route("/-/healthy", views.healthy),
            Route("/-/ready", views.ready),
            Route("/plcs", views.plcs),
            Route("/plcs/{name}", views.plc),
            Route("/plcs/{name}/telegrams", views.telegrams),
        ]
    )


class _Views:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._watchers = 0

    async def page(self, request: Request) -> Response:
        return HTMLResponse(files("packcenter.service").joinpath("live.html").read_text("utf-8"))

    async def status(self, request: Request) -> Response:
        return _json(self._service.status())

    async def events(self, request: Request) -> Response:
        return self._stream(self._pushed())

    async def _pushed(self) -> AsyncIterator[bytes]:
        while True:
            yield b"data: " + msgspec.json.encode(self._service.status()) + b"\n\n"
            await self._service.setup.clock.sleep_us(PUSH_US)

    async def metrics(self, request: Request) -> Response:
        figures = self._service.figures
        if not figures.ready:
            return PlainTextResponse("figures are being counted from the journal; try again in some seconds\n", 503)
        figures.metrics.refresh(self._service.controller.state, self._service.core_clock.now_us())
        content_type, chunks = exposition(figures.metrics.registry, request.headers.get("accept", ""), self._service.setup.clock)
        return StreamingResponse(chunks, media_type=content_type)

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
            return _json({"error": f"no PLC {name!r}", "known": sorted(self._service.links.links)}, 404)
        return _json(self._service.links.describe(name))

    async def telegrams(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._service.links.links:
            return _json({"error": f"no PLC {name!r}", "known": sorted(self._service.links.links)}, 404)
        return self._stream(self._traced(name))

    async def _traced(self, name: str) -> AsyncIterator[bytes]:
        """The kept telegrams of a PLC, then what passes from now on, one JSON object a line."""
        shown = 0
        while True:
            entries = self._service.links.trace.entries(name)
            fresh = [entry for entry in entries if entry.serial > shown]
            for entry in fresh:
                yield b"data: " + msgspec.json.encode(entry) + b"\n\n"
            if fresh:
                shown = fresh[-1].serial
            else:
                yield b": still here\n\n"
            await self._service.setup.clock.sleep_us(TELEGRAM_POLL_US)

    def _stream(self, chunks: AsyncIterator[bytes]) -> Response:
        if self._watchers >= WATCHERS_MAX:
            return PlainTextResponse(f"{WATCHERS_MAX} streams are open already; close one\n", 503)
        return StreamingResponse(self._counted(chunks), media_type="text/event-stream", headers={"cache-control": "no-store"})

    async def _counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._watchers += 1
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            self._watchers -= 1


def _json(entry: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(entry), status, media_type=_JSON)

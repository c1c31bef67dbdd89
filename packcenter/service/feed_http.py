"""
An agency's feed over HTTP: what became of its items, for that agency alone.

    GET /feed/AGENCY?after=N

An agency with a token (`packcenter people agency add`) is told from wherever it asks with that token, and nobody else is. The
feed of an agency without one is told on the service's own machine only, where the centre's gateway knows who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from packcenter.service.gate import Gate, Refused, Trouble, answer, is_loopback, refusal, trouble
from packcenter.service.rates import Rates

if TYPE_CHECKING:
    from packcenter.service.service import Service

EACH_US, AT_ONCE = 1_000_000, 30
"""Pages of one agency: some 500 events a second when it has been away, and none of them are made twice as fast."""


class FeedDoor:
    """The route of feeds over one service."""

    def __init__(self, service: Service, gate: Gate) -> None:
        self._service = service
        self._gate = gate
        self._clock = service.setup.clock
        self._agencies = Rates(EACH_US, AT_ONCE)

    def route(self) -> Route:
        """Where feeds are told."""
        return Route("/feed/{name}", self._feed)

    async def _feed(self, request: Request) -> Response:
        name, after = request.path_params["name"], request.query_params.get("after", "0")
        papers, agencies = self._service.papers, self._service.setup.hall.agencies
        try:
            self._admit(request, name)
        except Refused as refused:
            return refusal(refused)
        if papers is None:
            return trouble(404, Trouble("this service writes no feed; its site file has no [papers]", "no_feed"))
        if name not in agencies:
            return trouble(404, Trouble(f"no agency {name[:80]!r}", "unknown_agency", known=sorted(agencies)))
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            return trouble(400, Trouble(f"after={after[:40]}, expected the number of a record", "malformed_query"))
        try:
            return answer(await papers.page(name, int(after)))
        except OSError:
            return trouble(503, Trouble("the feed's folder cannot be read; try again later", "feed_unreadable"))

    def _admit(self, request: Request, name: str) -> None:
        """Whether who asks may be told. Raises `Refused`."""
        badges = self._service.badges
        is_local = request.client is not None and is_loopback(request.client.host)
        if badges is None or (is_local and name not in badges.people.agencies):
            if not is_local:
                raise Refused("local_only")
            self._gate.keep_pages_out(request)
            return
        agency = self._gate.admit(request, badges.people.agency_of)
        if agency.id != name:
            raise Refused("not_your_feed")
        wait_us = self._agencies.take(agency.id, self._clock.mono_us())
        if wait_us:
            raise Refused("too_often", wait_us)

"""
The door for people's acts: who asks, may they, what do they ask, and what came of it.

    POST /acts/{lane,machine,bag,verdict,maintenance,alarm,discrepancy,report,count,shift,plan,receipt}
    GET /acts/{recent,reasons}

In this order, so that a stranger costs least: are acts taken here at all; does a web page ask (it may not); whose token is it
(`gate`); how often; only then is the body read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from packcenter.config.people import Person
from packcenter.core.acts import REFUSALS
from packcenter.core.plans import WITHHELD
from packcenter.service.act_bodies import BODIES, BODY_BYTES_MAX, COUNT_BYTES_MAX, Asked, BadBody, PlanAct, decode
from packcenter.service.desk import RECENT_MAX, ActLost, DoneAct
from packcenter.service.gate import BODY_LIMIT_S, Gate, Refused, Trouble, address_of, answer, refusal, trouble
from packcenter.service.plans import PlanRefused
from packcenter.service.rates import Rates

if TYPE_CHECKING:
    from packcenter.service.service import Service

log = structlog.get_logger()

PERSON_EACH_US, PERSON_AT_ONCE = 1_000_000, 20
"""A person at a keyboard acts some times a minute, and may close a whole sorter's lanes at once."""

ADDRESS_EACH_US, ADDRESS_AT_ONCE = 200_000, 60
"""All people at one address together: as many as share a computer."""


class ActDoor:
    """The routes of acts over one service."""

    def __init__(self, service: Service, gate: Gate) -> None:
        self._service = service
        self._gate = gate
        self._clock = service.setup.clock
        self._reasons = tuple(service.setup.reasons)
        self._persons = Rates(PERSON_EACH_US, PERSON_AT_ONCE)
        self._addresses = Rates(ADDRESS_EACH_US, ADDRESS_AT_ONCE)

    def routes(self) -> list[Route]:
        """One for each kind of act, and what is shown: the recent ones, and the reasons that may be given in Chinese."""
        posts = [Route(f"/acts/{name}", self._answering(self._poster(name)), methods=["POST"]) for name in BODIES]
        shown = {"recent": self._recent, "reasons": self._told_reasons}
        return [*posts, *(Route(f"/acts/{name}", self._answering(view), methods=["GET"]) for name, view in shown.items())]

    def _answering(self, view: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The view, with whatever it raises as an answer in the one shape."""

        async def answer(request: Request) -> Response:
            try:
                return await view(request)
            except Refused as refused:
                return refusal(refused)
            except BadBody as bad:
                return trouble(400, Trouble(str(bad), bad.why))
            except PlanRefused as refused:
                return trouble(409, Trouble(str(refused), refused.why))
            except ActLost as lost:
                return trouble(503, Trouble(str(lost), lost.why))
            except ClientDisconnect:
                return trouble(400, Trouble("the connection ended before the body did", "malformed"))

        return answer

    def _poster(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def post(request: Request) -> Response:
            person = self._admit(request)
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                raise Refused("not_json")
            limit = COUNT_BYTES_MAX if name == "count" else BODY_BYTES_MAX
            asked = decode(name, await _body(request, limit), self._reasons)
            return await self._act(person, asked)

        return post

    async def _act(self, person: Person, asked: Asked) -> Response:
        role = _role(person, asked)
        if isinstance(asked, PlanAct):
            return await self._switch(person, role, asked)
        return self._done(await self._service.desk.act(asked.act(person.id, role)))

    async def _switch(self, person: Person, role: str, asked: PlanAct) -> Response:
        """Switch to the plan that a person names, read and checked; if it is not to be had, that is a record, too (G1, O1)."""
        try:
            act = asked.switch(person.id, role, await self._service.shelf.take(asked.plan, asked.digest))
        except PlanRefused as refused:
            log.warning("plan_refused", file=asked.plan, person=person.id, why=refused.why)
            if refused.why not in WITHHELD:
                raise
            done = await self._service.desk.act(asked.withheld(person.id, role, refused.why))
            if done.why != refused.why:
                return self._done(done)
            status = 404 if refused.why in ("no_plans", "no_such_plan") else 409
            return trouble(status, Trouble(str(refused), refused.why, record=done, known=refused.known))
        return self._done(await self._service.desk.act(act))

    def _done(self, done: DoneAct) -> Response:
        """An act with what came of it."""
        if done.why:
            return trouble(409, Trouble(f"refused: {REFUSALS[done.why]}", done.why, record=done))
        return answer(done)

    async def _recent(self, request: Request) -> Response:
        self._admit(request)
        last = request.query_params.get("last", str(RECENT_MAX))
        if not (last.isascii() and last.isdigit() and len(last) < 10 and 0 < int(last) <= RECENT_MAX):
            raise Refused("malformed_query")
        return answer(self._service.desk.recent(int(last)))

    async def _told_reasons(self, request: Request) -> Response:
        self._admit(request)
        return answer(self._reasons)

    def _admit(self, request: Request) -> Person:
        """The person who asks. Raises `Refused`."""
        badges = self._service.badges
        if badges is None:
            raise Refused("no_acts")
        person = self._gate.admit(request, badges.people.whose)
        now_us = self._clock.mono_us()
        wait_us = self._persons.take(person.id, now_us) or self._addresses.take(address_of(request), now_us)
        if wait_us:
            raise Refused("too_often", wait_us)
        return person


def _role(person: Person, asked: Asked) -> str:
    """In which of their roles a person acts. Raises `Refused`."""
    if asked.role is None:
        if len(person.roles) > 1:
            raise Refused("which_role")
        return person.roles[0]
    if asked.role.value not in person.roles:
        raise Refused("not_your_role")
    return asked.role.value


async def _body(request: Request, limit: int) -> bytes:
    """The body, of at most `limit` bytes, within `BODY_LIMIT_S`. Raises `Refused`."""
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= limit):
        raise Refused("too_large")
    content = b""
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limit:
                    raise Refused("too_large")
    except TimeoutError:
        raise Refused("too_slow") from None
    return content

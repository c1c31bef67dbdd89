"""
The door for people's acts: who asks, may they, what do they ask, and what came of it.

    POST /acts/{lane,machine,bag,verdict,maintenance,alarm,discrepancy,report,count,shift,plan,receipt}      GET /acts/recent

In this order, so that a stranger costs least: are acts taken here at all; does a web page ask (it may not); whose token is it;
how often; only then is the body read. A token is judged whoever asked wrongly before from the same address, so that a stranger
cannot lock anybody out; it is the stranger's own wrong ones that are limited. No answer and no log line repeats a token or a
body.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from packcenter.config.people import TOKEN_CHARACTERS_MAX, Person
from packcenter.core.acts import REFUSALS
from packcenter.core.hall import Plan
from packcenter.service.act_bodies import BODIES, BODY_BYTES_MAX, COUNT_BYTES_MAX, Asked, BadBody, PlanAct, decode
from packcenter.service.desk import RECENT_MAX, ActLost, DoneAct
from packcenter.service.plans import PlanRefused
from packcenter.service.rates import Rates, address_key

if TYPE_CHECKING:
    from packcenter.service.service import Service

log = structlog.get_logger()

PERSON_EACH_US, PERSON_AT_ONCE = 1_000_000, 20
"""A person at a keyboard acts some times a minute, and may close a whole sorter's lanes at once."""

ADDRESS_EACH_US, ADDRESS_AT_ONCE = 200_000, 60
"""All people at one address together: as many as share a computer."""

WRONG_EACH_US, WRONG_AT_ONCE = 10_000_000, 5
"""Wrong tokens of one address that are told so and logged: a hand that slips does not need more."""

BODY_LIMIT_S = 5.0
"""A body of two kilobytes is there within this."""

MESSAGES = {
    "no_acts": "this service takes no acts; its site file has no [acts] with a file of people",
    "other_site": "acts are not taken from web pages, nor under a host name that the site's [http] names do not list",
    "no_token": "no token; send `Authorization: Bearer TOKEN`",
    "wrong_token": "the token is nobody's",
    "expired": "the token's last day is over; ask for a new one",
    "too_often": "too often; wait and ask again",
    "too_large": f"the body is too large, expected at most {BODY_BYTES_MAX} bytes, {COUNT_BYTES_MAX} of a count",
    "too_slow": f"the body did not come within {BODY_LIMIT_S:.0f} s",
    "not_json": "the content type is not application/json",
    "which_role": "you have more than one role; say in $.role in which you act",
    "not_your_role": "you do not have the role in $.role",
    "malformed_query": f"last is no number from 1 to {RECENT_MAX}",
}
"""Why the door itself refuses, in words; what is wrong with a body says `act_bodies`, why the hall refuses `core.acts`."""

_STATUS = {
    "no_acts": 404,
    "other_site": 403,
    "no_token": 401,
    "wrong_token": 401,
    "expired": 401,
    "too_often": 429,
    "too_large": 413,
    "too_slow": 408,
    "not_json": 415,
    "which_role": 400,
    "not_your_role": 403,
    "malformed_query": 400,
}
assert _STATUS.keys() == MESSAGES.keys()


_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+))(?::[0-9]{1,5})?")


class Trouble(msgspec.Struct, frozen=True, omit_defaults=True):
    """
    Every answer that is not what was asked for: a sentence for people, and `why` as one word for programs.

    `wait_s` is when to come again; `record` the refused act as the journal has it.
    """

    error: str
    why: str = ""
    wait_s: int = 0
    record: DoneAct | None = None
    known: list[str] = []


class Refused(Exception):  # noqa: N818 - read aloud, the name says it
    """The door does not take a request; ends as an answer."""

    def __init__(self, why: str, wait_us: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.wait_us = wait_us


class ActDoor:
    """The routes of acts over one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._clock = service.setup.clock
        self._hosts = frozenset(service.setup.http_names)
        self._persons = Rates(PERSON_EACH_US, PERSON_AT_ONCE)
        self._addresses = Rates(ADDRESS_EACH_US, ADDRESS_AT_ONCE)
        self._wrong = Rates(WRONG_EACH_US, WRONG_AT_ONCE)

    def routes(self) -> list[Route]:
        """One for each kind of act, and the recent ones."""
        posts = [Route(f"/acts/{name}", self._answering(self._poster(name)), methods=["POST"]) for name in BODIES]
        return [*posts, Route("/acts/recent", self._answering(self._recent), methods=["GET"])]

    def _answering(self, view: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """The view, with whatever it raises as an answer in the one shape."""

        async def answer(request: Request) -> Response:
            try:
                return await view(request)
            except Refused as refused:
                return _refusal(refused)
            except BadBody as bad:
                return trouble(400, Trouble(str(bad), bad.why))
            except PlanRefused as refused:
                status = 404 if refused.why in ("no_plans", "no_such_plan") else 409
                return trouble(status, Trouble(str(refused), refused.why, known=refused.known))
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
            asked = decode(name, await _body(request, limit))
            return await self._act(person, asked)

        return post

    async def _act(self, person: Person, asked: Asked) -> Response:
        role = _role(person, asked)
        if isinstance(asked, PlanAct):
            act = asked.switch(person.id, role, await self._plan(person, asked))
        else:
            act = asked.act(person.id, role)
        done = await self._service.desk.act(act)
        if done.why:
            return trouble(409, Trouble(f"refused: {REFUSALS[done.why]}", done.why, record=done))
        return answer(done)

    async def _plan(self, person: Person, asked: PlanAct) -> Plan:
        """The plan that a person names, read and checked. Raises `PlanRefused`, which is told in the log, too (G1)."""
        try:
            return await self._service.shelf.take(asked.plan, asked.digest)
        except PlanRefused as refused:
            log.warning("plan_refused", file=asked.plan, person=person.id, why=refused.why)
            raise

    async def _recent(self, request: Request) -> Response:
        self._admit(request)
        last = request.query_params.get("last", str(RECENT_MAX))
        if not (last.isascii() and last.isdigit() and len(last) < 10 and 0 < int(last) <= RECENT_MAX):
            raise Refused("malformed_query")
        return answer(self._service.desk.recent(int(last)))

    def _admit(self, request: Request) -> Person:
        """The person who asks. Raises `Refused`."""
        badges = self._service.badges
        if badges is None:
            raise Refused("no_acts")
        if not self._is_no_page(request):
            raise Refused("other_site")
        now_us = self._clock.mono_us()
        address = address_key(request.client.host if request.client is not None else "")
        token = _token(request)
        person = badges.people.whose(token)
        if person is None or person.has_expired(self._clock.wall_us()):
            why = "expired" if person is not None else "wrong_token" if token else "no_token"
            wait_us = self._wrong.take(address, now_us)
            if wait_us:
                raise Refused("too_often", wait_us)
            log.warning("token_refused", address=address, why=why)
            raise Refused(why)
        wait_us = self._persons.take(person.id, now_us) or self._addresses.take(address, now_us)
        if wait_us:
            raise Refused("too_often", wait_us)
        return person

    def _is_no_page(self, request: Request) -> bool:
        """
        A browser says `Origin` of whatever page posts, and `Sec-Fetch-Site` of whatever it fetches; programs say neither.

        A name that is none of ours may have been made to point here by somebody else (DNS rebinding).
        """
        if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none":
            return False
        host = _host_name(request.headers.get("host", ""))
        return host == "localhost" or host in self._hosts or _is_ip(host)


def answer(entry: object, status: int = 200) -> Response:
    """An answer as JSON that nobody keeps."""
    return Response(msgspec.json.encode(entry), status, media_type="application/json", headers={"cache-control": "no-store"})


def trouble(status: int, told: Trouble) -> Response:
    """An answer that is not what was asked for."""
    return answer(told, status)


def _refusal(refused: Refused) -> Response:
    wait_s = -(-refused.wait_us // 1_000_000)
    status = _STATUS[refused.why]
    found = trouble(status, Trouble(MESSAGES[refused.why], refused.why, wait_s))
    if wait_s:
        found.headers["retry-after"] = str(wait_s)
    if status == 401:
        found.headers["www-authenticate"] = 'Bearer realm="packcenter"'
    if refused.why in ("too_large", "too_slow") or status in (401, 429):
        found.headers["connection"] = "close"  # what still comes is not read; a stranger's next try costs it a connection
    return found


def _role(person: Person, asked: Asked) -> str:
    """In which of their roles a person acts. Raises `Refused`."""
    if asked.role is None:
        if len(person.roles) > 1:
            raise Refused("which_role")
        return person.roles[0]
    if asked.role.value not in person.roles:
        raise Refused("not_your_role")
    return asked.role.value


def _token(request: Request) -> str:
    """The bearer token; "" if there is none, or more than one."""
    said = request.headers.getlist("authorization")
    scheme, _, token = (said[0] if len(said) == 1 else "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and len(token) <= TOKEN_CHARACTERS_MAX else ""


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


def _host_name(host: str) -> str:
    """The name or address of a Host header, without port and brackets; "" if it is none."""
    found = _HOST.fullmatch(host)
    return "" if found is None else (found[1] or found[2]).lower()


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

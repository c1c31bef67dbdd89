"""
The gate of what needs a token over HTTP: who asks, from where, how often, and the one shape of every answer that is no answer.

A token is judged whoever asked wrongly before from the same address, so that a stranger cannot lock anybody out; it is the
stranger's own wrong ones that are limited. No answer and no log line repeats a token or a body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import TypeVar

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from packcenter.config.people import TOKEN_CHARACTERS_MAX, Holder
from packcenter.ports import Clock
from packcenter.service.act_bodies import BODY_BYTES_MAX, COUNT_BYTES_MAX
from packcenter.service.desk import RECENT_MAX, DoneAct
from packcenter.service.rates import Rates, address_key

log = structlog.get_logger()

WRONG_EACH_US, WRONG_AT_ONCE = 10_000_000, 5
"""Wrong tokens of one address that are told so and logged: a hand that slips does not need more."""

BODY_LIMIT_S = 5.0
"""A body of two kilobytes is there within this."""

REASONS: dict[str, tuple[int, str]] = {
    "no_acts": (404, "this service takes no acts; its site file has no [acts] with a file of people"),
    "local_only": (403, "this feed is for programs on the service's own machine; `packcenter people agency add` lets others ask"),
    "other_site": (403, "neither web pages may ask, nor anybody under a host name that the site's [http] names do not list"),
    "no_token": (401, "no token; send `Authorization: Bearer TOKEN`"),
    "wrong_token": (401, "the token is nobody's"),
    "expired": (401, "the token's last day is over; ask for a new one"),
    "too_often": (429, "too often; wait and ask again"),
    "too_large": (413, f"the body is too large, expected at most {BODY_BYTES_MAX} bytes, {COUNT_BYTES_MAX} of a count"),
    "too_slow": (408, f"the body did not come within {BODY_LIMIT_S:.0f} s"),
    "not_json": (415, "the content type is not application/json"),
    "which_role": (400, "you have more than one role; say in $.role in which you act"),
    "not_your_role": (403, "you do not have the role in $.role"),
    "not_your_feed": (403, "the token is another agency's"),
    "malformed_query": (400, f"last is no number from 1 to {RECENT_MAX}"),
}
"""
Why acts and feeds are not even looked at, by word: the status, and the words.

What is wrong with a body says `act_bodies`, why the hall refuses an act `core.acts`.
"""

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
    """The gate does not let a request in; ends as an answer. `why` is one of `REASONS`."""

    def __init__(self, why: str, wait_us: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.wait_us = wait_us


H = TypeVar("H", bound=Holder)


class Gate:
    """Whom a request is of, for all routes that need a token together: strangers' wrong ones count wherever they try."""

    def __init__(self, clock: Clock, names: Iterable[str]) -> None:
        self._clock = clock
        self._names = frozenset(names)
        self._wrong = Rates(WRONG_EACH_US, WRONG_AT_ONCE)

    def admit(self, request: Request, holder_of: Callable[[str], H | None]) -> H:
        """Who asks, by the table in which `holder_of` looks. Raises `Refused`."""
        self.keep_pages_out(request)
        token = _token(request)
        holder = holder_of(token)
        if holder is not None and not holder.has_expired(self._clock.wall_us()):
            return holder
        why = "expired" if holder is not None else "wrong_token" if token else "no_token"
        address = address_of(request)
        wait_us = self._wrong.take(address, self._clock.mono_us())
        if wait_us:
            raise Refused("too_often", wait_us)
        log.warning("token_refused", address=address, why=why)
        raise Refused(why)

    def keep_pages_out(self, request: Request) -> None:
        """
        A browser says `Origin` of whatever page posts, and `Sec-Fetch-Site` of whatever it fetches; programs say neither.

        A name that is none of ours may have been made to point here by somebody else (DNS rebinding). Raises `Refused`.
        """
        host = _host_name(request.headers.get("host", ""))
        asks_by_page = "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none"
        if asks_by_page or not (host == "localhost" or host in self._names or _is_ip(host)):
            raise Refused("other_site")


def address_of(request: Request) -> str:
    """Whom the asker's address counts for."""
    return address_key(request.client.host if request.client is not None else "")


def is_loopback(host: str) -> bool:
    """Whether a host or address is this machine's own, which nobody else can reach."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def answer(entry: object, status: int = 200) -> Response:
    """An answer as JSON that nobody keeps."""
    return Response(msgspec.json.encode(entry), status, media_type="application/json", headers={"cache-control": "no-store"})


def trouble(status: int, told: Trouble) -> Response:
    """An answer that is not what was asked for."""
    return answer(told, status)


def refusal(refused: Refused) -> Response:
    """What is told to whom the gate does not let in."""
    wait_s = -(-refused.wait_us // 1_000_000)
    status, words = REASONS[refused.why]
    found = trouble(status, Trouble(words, refused.why, wait_s))
    if wait_s:
        found.headers["retry-after"] = str(wait_s)
    if status == 401:
        found.headers["www-authenticate"] = 'Bearer realm="packcenter"'
    if refused.why in ("too_large", "too_slow") or status in (401, 429):
        found.headers["connection"] = "close"  # what still comes is not read; a stranger's next try costs it a connection
    return found


def _token(request: Request) -> str:
    """The bearer token; "" if there is none, or more than one."""
    said = request.headers.getlist("authorization")
    scheme, _, token = (said[0] if len(said) == 1 else "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and len(token) <= TOKEN_CHARACTERS_MAX else ""


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

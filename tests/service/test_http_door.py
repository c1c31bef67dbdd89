"""Who attacks the HTTP side: bounded in connections, bytes, turns and time, and a person's page is served beside it (S4)."""

from __future__ import annotations

import asyncio
import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from itertools import pairwise
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, Gauge
from served import Served, Told

from packcenter.service import http_door
from packcenter.service.http import SCRAPE_GAP_US, SHARED_US
from packcenter.service.http_door import CONNECTIONS_MAX, Turns

LIMIT_S = 20
POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx"
GET = b"GET /-/healthy HTTP/1.1\r\nHost: hall\r\n\r\n"


@pytest.fixture
def page() -> Iterator[Served]:
    with Served(Told()) as served:
        yield served


def stranger(page: Served) -> socket.socket:
    """A connection that has said nothing yet."""
    return socket.create_connection(("127.0.0.1", page.port), timeout=LIMIT_S)


def heard(connection: socket.socket) -> bytes:
    """What still comes until the server ends the connection."""
    content = b""
    with suppress(ConnectionError):
        while more := connection.recv(1 << 16):
            content += more
    return content


def healthy(page: Served) -> bool:
    """Whether a person is served."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=LIMIT_S)
    with closing(connection):
        connection.request("GET", "/-/healthy")
        return connection.getresponse().status == 200


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HT",
        GET[:-2],
        GET[:-2] + b"X-Slow: 1\r\n",
        GET + b"GET /",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx",
    ],
    ids=["nothing", "half a line", "no end", "headers for ever", "half a second request", "half a body"],
)
def test_a_request_that_never_ends_ends_the_connection(page: Served, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow-loris holds a place for some seconds."""
    monkeypatch.setattr(http_door, "ASK_LIMIT_S", 0.2)
    with closing(stranger(page)) as connection:
        connection.sendall(said)
        heard(connection)
    assert healthy(page)


def test_a_request_that_drips_is_not_helped_by_each_drop(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is for the whole request."""
    monkeypatch.setattr(http_door, "ASK_LIMIT_S", 0.3)
    with closing(stranger(page)) as connection:
        began_s = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began_s < LIMIT_S:
                connection.sendall(b"G")
                time.sleep(0.02)
        assert time.monotonic() - began_s < LIMIT_S


def test_idle_connections_give_up_their_places(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """All places taken by strangers who say nothing, and a person is served all the same."""
    monkeypatch.setattr(http_door, "MAKE_ROOM_S", 0.0)
    with ExitStack() as strangers:
        for _ in range(CONNECTIONS_MAX + 10):
            strangers.enter_context(closing(stranger(page)))
        assert healthy(page)


def test_connections_beyond_the_last_place_are_ended(page: Served) -> None:
    """Their number cannot grow into that which our links need."""
    with ExitStack() as strangers:
        connections = [strangers.enter_context(closing(stranger(page))) for _ in range(CONNECTIONS_MAX + 1)]
        assert heard(connections[-1]) == b""


@pytest.mark.parametrize("headers", [1_500, 10_000, 200_000])
def test_a_request_larger_than_8_kib_is_refused(page: Served, headers: int) -> None:
    """Nothing we serve needs more than a line and some headers; ten thousand that are whole would hold the loop for 16 ms."""
    with closing(stranger(page)) as connection:
        with suppress(ConnectionError):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: hall\r\n" + b"X: y\r\n" * headers + b"\r\n")
        assert b"200 OK" not in heard(connection)
    assert healthy(page)


@pytest.mark.parametrize(
    "said",
    [
        b"\xde\xad\xbe\xef" * 20 + b"\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: nonsense\r\n\r\n",
        b"HELF\xff\xff\xff\x7f" + b"\0" * 100 + b"\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(page: Served, said: bytes) -> None:
    """With 400, if with anything."""
    with closing(stranger(page)) as connection:
        connection.sendall(said)
        answer = heard(connection)
        assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404", b"HTTP/1.1 505"))
    assert healthy(page)


def test_who_does_not_take_the_answer_is_put_out(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that nobody reads is not written for ever."""
    monkeypatch.setattr(http_door, "STALL_LIMIT_S", 0.2)
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(LIMIT_S)
        connection.connect(("127.0.0.1", page.port))
        began_s = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began_s < LIMIT_S:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: hall\r\n\r\n" * 10)
                time.sleep(0.01)
        assert time.monotonic() - began_s < LIMIT_S
    assert healthy(page)


def test_many_requests_together_are_all_answered_but_not_all_at_once(page: Served) -> None:
    """Whoever asks faster than there are turns waits; nothing is lost."""
    count = http_door.TURNS_AT_ONCE + 40
    with closing(stranger(page)) as connection:
        began_s = time.monotonic()
        connection.sendall(GET * (count - 1) + GET.replace(b"Host", b"Connection: close\r\nHost"))
        assert heard(connection).count(b"HTTP/1.1 200") == count
        assert time.monotonic() - began_s > 0.3, "forty turns too many take 0.8 s"


def test_metrics_are_rendered_once_for_all_who_ask_together(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rendering takes 10 ms of the loop that controls; another format does not bring another one at once either."""
    rendered: list[int] = []

    def refresh(state: object, now_us: int) -> None:
        rendered.append(page.told.clock.mono_us())

    registry = CollectorRegistry()
    Gauge("parcels", "Parcels.", registry=registry).set(7)
    metrics = SimpleNamespace(registry=registry, refresh=refresh)
    page.told.figures = SimpleNamespace(ready=True, metrics=metrics)  # type: ignore[attr-defined]
    page.told.core_clock = SimpleNamespace(now_us=lambda: 0)

    def ask(accept: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=LIMIT_S)
        with closing(connection):
            connection.request("GET", "/metrics", headers={"accept": accept})
            return connection.getresponse().read()

    began_us = page.told.clock.mono_us()
    answers = [ask("text/plain") for _ in range(5)]
    if page.told.clock.mono_us() - began_us < SHARED_US:
        assert len(rendered) == 1
    assert all(b"parcels 7.0" in answer for answer in answers)
    assert b"# EOF" in ask("application/openmetrics-text; version=1.0.0")
    assert min(later - earlier for earlier, later in pairwise(rendered)) >= SCRAPE_GAP_US


def test_turns_are_given_at_their_rate_after_the_first() -> None:
    """Some follow each other at once, then each waits for its time; what was not used comes back, but no more than that."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        now_s = 1000.0
        loop.time = lambda: now_s  # type: ignore[method-assign]
        turns = Turns(per_s=100, at_once=3)
        assert [turns.take() <= 0 for _ in range(3)] == [True] * 3
        assert [round(turns.take(), 6) for _ in range(2)] == [0.01, 0.02]
        now_s += 60
        assert [turns.take() <= 0 for _ in range(4)] == [True, True, True, False]

    asyncio.run(main())

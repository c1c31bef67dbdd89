"""People's acts over real sockets: who is let in, what each trouble is told as, and that nothing secret comes out."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from certificates import self_signed
from served import Served, Told
from structlog.testing import capture_logs

from packcenter.core.acts import REFUSALS
from packcenter.real import server_tls
from packcenter.service import acts_http, desk
from packcenter.service.act_bodies import BODY_BYTES_MAX
from packcenter.service.acts_http import PERSON_AT_ONCE
from packcenter.service.gate import WRONG_AT_ONCE
from packcenter.service.http import HttpServer, UnsafeDoor

LIMIT_S = 20
CLOSE = {"plc": "sorter-1", "lane": 3, "order": "close", "reason": "jam"}
PEOPLE = {"op-17": ("operator",), "su-2": ("supervisor", "engineer"), "m-4": ("maintenance",)}


class Hall:
    """A served hall in which three people may act."""

    def __init__(self, page: Served) -> None:
        self.page = page
        self.told = page.told
        self.tokens = page.told.let_act(PEOPLE)

    def ask(
        self,
        path: str = "/acts/lane",
        body: object = CLOSE,
        *,
        who: str | None = "op-17",
        method: str = "POST",
        **headers: str,
    ) -> Answer:
        """What comes of a request; a header given as "" is left out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.page.port, timeout=LIMIT_S)
        sent = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if who is not None:
            sent.setdefault("authorization", f"Bearer {self.tokens.get(who, who)}")
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        with closing(connection):
            connection.request(method, path, content, {name: value for name, value in sent.items() if value})
            response = connection.getresponse()
            return Answer(response.status, json.loads(response.read()), {k.lower(): v for k, v in response.getheaders()})


class Answer(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def why(self) -> tuple[int, str]:
        return self.status, self.body["why"]


@pytest.fixture
def hall() -> Iterator[Hall]:
    with Served(Told()) as page:
        yield Hall(page)


# --- what is done --------------------------------------------------------------------------------------------------------


def test_an_act_is_answered_with_its_record(hall: Hall) -> None:
    """Who, in which role, why, and where in the journal it stands."""
    found = hall.ask()
    assert found.status == 200
    expected = {"act": "lane_close", "subject": "sorter-1/3", "person": "op-17", "role": "operator", "reason": "jam", "why": ""}
    assert found.body == {"sequence": 2, "at_us": found.body["at_us"], **expected}
    assert found.headers["cache-control"] == "no-store"


def test_what_the_hall_refuses_is_a_conflict_with_the_reason_and_the_record(hall: Hall) -> None:
    """A person sees why, and that it was written down."""
    hall.ask()
    found = hall.ask()
    assert found.why == (409, "closed_already")
    assert found.body["error"] == f"refused: {REFUSALS['closed_already']}"
    assert found.body["record"]["sequence"] == 3
    assert hall.ask(body={**CLOSE, "plc": "sorter-9"}).why == (409, "unknown_plc")


def test_a_reason_of_the_site_is_given_in_chinese(hall: Hall) -> None:
    """Which there are is told to whoever may act; another Chinese text is refused."""
    found = hall.ask("/acts/reasons", None, method="GET")
    assert (found.status, found.body) == (200, ["换膜"])
    assert hall.ask("/acts/reasons", None, method="GET", who="nobody.x").status == 401
    taken = hall.ask(body={**CLOSE, "reason": "换膜"})
    assert (taken.status, taken.body["reason"]) == (200, "换膜")
    assert hall.ask(body={**CLOSE, "reason": "张三"}).why == (400, "personal_data")


@pytest.mark.parametrize(
    ("path", "body", "who", "why"),
    [
        ("machine", {"plc": "bagger-1", "command": "hold", "reason": "film"}, "op-17", "link_down"),
        ("bag", {"position": 2, "reason": "lorry"}, "op-17", "no_bag"),
        ("verdict", {"item": "NJ-1234", "verdict": "reinduct", "reason": "sound"}, "op-17", "unknown_item"),
        ("verdict", {"item": "NJ-1234", "verdict": "remake", "reason": "torn"}, "op-17", "role"),
        ("maintenance", {"plc": "bagger-1", "minutes": 30, "reason": "belt"}, "m-4", "link_down"),
        ("maintenance", {"plc": "bagger-1", "minutes": 30, "reason": "belt"}, "op-17", "role"),
        ("alarm", {"alarm": "no_such", "subject": "bagger-1", "order": "acknowledge", "reason": "x"}, "op-17", "unknown_alarm"),
        ("alarm", {"alarm": "link_lost", "subject": "bagger-1", "order": "take_out", "reason": "x"}, "op-17", "role"),
        ("discrepancy", {"number": 17, "finding": "found", "reason": "x"}, "op-17", "no_discrepancy"),
        ("report", {"item": "NJ-1234", "cause": "missing", "reason": "x"}, "op-17", "unknown_item"),
        ("count", {"lines": [{"place": "hand", "items": 1}], "reason": "x"}, "m-4", "role"),
        ("shift", {"reason": "x"}, "op-17", "role"),
    ],
)
def test_every_kind_of_act_reaches_the_core(hall: Hall, path: str, body: dict[str, Any], who: str, why: str) -> None:
    """Nothing of the hall's rules is decided at the door."""
    assert hall.ask(f"/acts/{path}", body, who=who).why == (409, why)


def test_recent_acts_are_told_with_what_came_of_them(hall: Hall) -> None:
    """Taken and refused, the newest last, and only to those who may act."""
    hall.ask()
    hall.ask()
    found = hall.ask("/acts/recent", None, method="GET").body
    assert [(each["act"], each["why"]) for each in found] == [("lane_close", ""), ("lane_close", "closed_already")]
    assert len(hall.ask("/acts/recent?last=1", None, method="GET").body) == 1
    assert hall.ask("/acts/recent", None, method="GET", who=None).why == (401, "no_token")


@pytest.mark.parametrize("last", ["0", "-1", "201", "x", "1e1", "²", "9" * 50])
def test_a_number_of_recent_acts_that_is_none_is_refused(hall: Hall, last: str) -> None:
    """As every other wrong word."""
    from urllib.parse import quote

    assert hall.ask(f"/acts/recent?last={quote(last)}", None, method="GET").why == (400, "malformed_query")


# --- who is let in -------------------------------------------------------------------------------------------------------


def test_without_people_the_service_only_shows() -> None:
    """Read-only is how it comes."""
    with Served(Told()) as page:
        hall = Hall(page)
        page.told.badges = None
        assert hall.ask().why == (404, "no_acts")
        assert hall.ask("/acts/recent", None, method="GET").why == (404, "no_acts")


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (None, "no_token"),
        ("", "no_token"),
        ("op-17", "wrong_token"),
        ("x" * 200, "no_token"),
        ("op-17.secret-of-su-2", "wrong_token"),
        ("nobody-1.secret", "wrong_token"),
    ],
)
def test_a_token_that_is_nobodys_is_refused(hall: Hall, who: str | None, why: str) -> None:
    """With the scheme to use, and the connection closed."""
    hall.tokens.clear()
    found = hall.ask(who=who)
    assert found.why == (401, why)
    assert found.headers["www-authenticate"].startswith("Bearer")
    assert found.headers["connection"] == "close"


@pytest.mark.parametrize("said", ["Basic op-17.secret-of-op-17", "op-17.secret-of-op-17", "Bearer"])
def test_only_a_bearer_token_is_one(hall: Hall, said: str) -> None:
    """A password in another scheme is nobody's."""
    assert hall.ask(authorization=said).why == (401, "no_token")


def test_an_expired_token_is_refused(hall: Hall) -> None:
    """Its person is told to ask for a new one."""
    hall.told.let_act(PEOPLE, "2020-01-01")
    assert hall.ask().why == (401, "expired")


def test_a_person_acts_in_a_role_of_theirs(hall: Hall) -> None:
    """Who has one role need not say it; who has more must; nobody has another's."""
    assert hall.ask(who="su-2").why == (400, "which_role")
    assert hall.ask(who="op-17", body={**CLOSE, "role": "supervisor"}).why == (403, "not_your_role")
    assert hall.ask(who="su-2", body={**CLOSE, "role": "engineer"}).body["role"] == "engineer"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9464"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-origin"},
        {"host": "evil.example"},
        {"host": "evil.example:9464"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "[::1].evil.example:1"},
        {"host": "localhost:1@evil.example"},
        {"host": " "},
    ],
)
def test_a_web_page_cannot_make_a_browser_act(hall: Hall, headers: dict[str, str]) -> None:
    """Whatever it is, and under whatever name it reaches us; not even with a right token."""
    assert hall.ask(**headers).why == (403, "other_site")


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:9464", "10.1.2.3:80", "hall.example:9464"])
def test_our_own_names_are_ours(hall: Hall, host: str) -> None:
    """Addresses, localhost, and those of the site's [http] names."""
    assert hall.ask(host=host).status == 200


# --- what is asked -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_is_json(hall: Hall, said: str) -> None:
    """What a form of a page may send is none."""
    assert hall.ask(content_type=said).why == (415, "not_json")
    assert hall.ask(content_type="application/json; charset=utf-8").status == 200


def test_a_body_that_is_not_of_the_form_says_where(hall: Hall) -> None:
    """`tests/service/test_act_bodies.py` has them all."""
    found = hall.ask(body={**CLOSE, "lane": "3"})
    assert found.why == (400, "malformed")
    assert "$.lane" in found.body["error"]
    assert hall.ask(body={**CLOSE, "reason": "ask 13912345678"}).why == (400, "personal_data")


def test_a_body_that_is_too_large_is_not_read(hall: Hall) -> None:
    """By what it says of itself, and by what comes."""
    assert hall.ask(body=b"x" * (BODY_BYTES_MAX + 1)).why == (413, "too_large")
    with closing(socket.create_connection(("127.0.0.1", hall.page.port), LIMIT_S)) as connection:
        head = f"POST /acts/lane HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {hall.tokens['op-17']}\r\n"
        head += "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"800\r\n" + b" " * 0x800 + b"\r\n1\r\n \r\n")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_come_is_not_waited_for(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even from a person, and never from a stranger, who is answered before it."""
    monkeypatch.setattr(acts_http, "BODY_LIMIT_S", 0.1)
    for token, status in ((hall.tokens["op-17"], b"408"), ("wrong", b"401")):
        with closing(socket.create_connection(("127.0.0.1", hall.page.port), LIMIT_S)) as connection:
            head = f"POST /acts/lane HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            head += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            connection.sendall(head.encode())
            answer = b""
            while more := connection.recv(1 << 16):
                answer += more
            assert answer.startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(("method", "status"), [("GET", 405), ("PUT", 405), ("DELETE", 405), ("OPTIONS", 405)])
def test_an_act_is_posted(hall: Hall, method: str, status: int) -> None:
    """And a page that asks beforehand what it may do (CORS) gets no leave."""
    found = hall.ask(method=method, body=None)
    assert (found.status, found.body["why"]) == (status, "no_route")
    assert not [name for name in found.headers if name.startswith("access-control")]


def test_there_are_no_other_acts(hall: Hall) -> None:
    """A wrong name is told in the one shape."""
    assert hall.ask("/acts/everything").why == (404, "no_route")


# --- how often -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def frozen(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The hall's monotonic clock stands where the test lets it."""
    now = [10**9]
    monkeypatch.setattr(hall.told.clock, "mono_us", lambda: now[0])
    return now


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address has four turns at once: the door's own are too few for sixty in a test."""
    monkeypatch.setattr(acts_http, "ADDRESS_AT_ONCE", 4)


def acts(hall: Hall, count: int, who: str) -> list[int]:
    """Statuses of so many requests on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", hall.page.port, timeout=LIMIT_S)
    found = []
    with closing(connection):
        for _ in range(count):
            connection.request("GET", "/acts/recent?last=1", headers={"authorization": f"Bearer {hall.tokens.get(who, who)}"})
            response = connection.getresponse()
            response.read()
            found.append(response.status)
    return found


def test_a_person_acts_only_so_often(hall: Hall, frozen: list[int]) -> None:
    """The answer says when to come again; another person is not concerned; time gives it back."""
    assert acts(hall, PERSON_AT_ONCE, "op-17") == [200] * PERSON_AT_ONCE
    found = hall.ask()
    assert found.why == (429, "too_often")
    assert found.headers["retry-after"] == "1"
    assert found.body["wait_s"] == 1
    assert hall.ask(who="m-4").status == 409
    frozen[0] += acts_http.PERSON_EACH_US
    assert hall.ask().status == 200


def test_all_people_at_one_address_together_act_only_so_often(few: None, hall: Hall, frozen: list[int]) -> None:
    """A computer that has gone mad cannot use everybody's turns, and has them back with time."""
    found = [status for who in ("op-17", "m-4") for status in acts(hall, 3, who)]
    assert found == [200] * 4 + [429] * 2
    frozen[0] += acts_http.ADDRESS_EACH_US
    assert acts(hall, 2, "m-4") == [200, 429]


def test_wrong_tokens_are_limited_and_lock_nobody_out(hall: Hall, frozen: list[int]) -> None:
    """After some, the stranger is told nothing more and the log is quiet; a right token from the same address is served."""
    with capture_logs() as logs:
        found = [hall.ask(who="op-17.guess").status for _ in range(WRONG_AT_ONCE + 10)]
    assert found == [401] * WRONG_AT_ONCE + [429] * 10
    assert [each["event"] for each in logs] == ["token_refused"] * WRONG_AT_ONCE
    assert hall.ask().status == 200


# --- when there is no answer ----------------------------------------------------------------------------------------------


def test_an_act_that_is_not_durable_in_time_is_told_as_open(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may still happen, and says so."""
    monkeypatch.setattr(desk, "ANSWER_LIMIT_S", 0.05)
    hall.told.holds_acts = True
    found = hall.ask()
    assert found.why == (503, "not_durable")
    assert "may still happen" in found.body["error"]


def test_only_so_many_acts_wait(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was given up by its person still waits for the disk, and counts."""
    monkeypatch.setattr(desk, "ANSWER_LIMIT_S", 0.01)
    monkeypatch.setattr(desk, "WAITING_MAX", 2)
    hall.told.holds_acts = True
    assert [hall.ask().why for _ in range(3)] == [(503, "not_durable"), (503, "not_durable"), (503, "busy")]


def test_a_service_that_stops_takes_no_acts(hall: Hall) -> None:
    """Nothing was done, and the answer says so."""
    hall.told.is_open = False
    found = hall.ask()
    assert found.why == (503, "stopping")
    assert "nothing was done" in found.body["error"]


# --- nothing comes out ---------------------------------------------------------------------------------------------------


def test_no_token_and_no_personal_data_come_out(hall: Hall, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in an answer, not in a log line, not on a terminal; right tokens, wrong ones, and what bodies and queries hold."""
    secret, phone, name = "secret-of-op-17", "13912345678", "张三"
    told: list[str] = []
    with capture_logs() as logs:
        for who in ("op-17", f"op-17.x{secret}", f"{phone}.{phone}"):
            for body in (CLOSE, {**CLOSE, "reason": f"ask {name} {phone}"}, {**CLOSE, name: phone}, f'"{name}{phone}"'.encode()):
                found = hall.ask(body=body, who=who)
                told += [json.dumps(found.body, ensure_ascii=False), str(found.headers)]
        found = hall.ask(f"/acts/recent?last={phone}", None, method="GET")
        told += [json.dumps(found.body), json.dumps(hall.ask("/acts/recent", None, method="GET").body)]
    everything = "".join([*told, str(logs), *capfd.readouterr()])
    assert "lane_close" in everything
    assert "token_refused" in everything
    for hidden in (secret, phone, name):
        assert hidden not in everything


# --- TLS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    return self_signed(tmp_path_factory.mktemp("tls"))


def test_over_tls_a_person_acts_and_a_stranger_disturbs_nobody(pem: tuple[Path, Path]) -> None:
    """Who says nothing, or no TLS, holds no one up."""
    with Served(Told(), tls=server_tls(*pem)) as page:
        hall = Hall(page)
        assert page.address.startswith("https://")
        strangers = [socket.create_connection(("127.0.0.1", page.port), LIMIT_S) for _ in range(5)]
        strangers[0].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        trusted = ssl.create_default_context(cafile=str(pem[0]))
        connection = http.client.HTTPSConnection("127.0.0.1", page.port, timeout=LIMIT_S, context=trusted)
        with closing(connection):
            headers = {"authorization": f"Bearer {hall.tokens['op-17']}", "content-type": "application/json"}
            connection.request("POST", "/acts/lane", json.dumps(CLOSE), headers)
            assert connection.getresponse().status == 200
        for stranger in strangers:
            stranger.close()


def test_connections_that_only_greet_are_bounded(pem: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake that never comes takes a place for two seconds at most, and no more places than there are."""
    from packcenter.service import http_door

    monkeypatch.setattr(http_door, "CONNECTIONS_MAX", 3)
    monkeypatch.setattr(http_door, "GREET_LIMIT_S", 0.3)
    with Served(Told(), tls=server_tls(*pem)) as page:
        strangers = [socket.create_connection(("127.0.0.1", page.port), LIMIT_S) for _ in range(4)]
        assert strangers[-1].recv(1) == b"", "one too many is ended at once"
        assert strangers[0].recv(1) == b"", "the others when their time is over"
        for stranger in strangers:
            stranger.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "::", "hall.example"])
def test_acts_over_a_network_need_tls(host: str) -> None:
    """Whatever the site's file or the command line says."""
    told = Told()
    told.setup.people = object()
    with pytest.raises(UnsafeDoor, match="anybody can read the tokens"):
        HttpServer(told, host, 0)  # type: ignore[arg-type]  # a service by shape
    HttpServer(told, "127.0.0.1", 0)  # type: ignore[arg-type]
    told.setup.people = None
    HttpServer(told, host, 0)  # type: ignore[arg-type]


def test_a_certificate_that_is_none_is_an_os_error(pem: tuple[Path, Path], tmp_path: Path) -> None:
    """The command line can say so in words."""
    (tmp_path / "x.pem").write_text("no certificate", "utf-8")
    for certificate, key in ((tmp_path / "x.pem", pem[1]), (pem[0], tmp_path / "x.pem"), (pem[0], tmp_path / "none.pem")):
        with pytest.raises(OSError):  # noqa: PT011 - of ssl or of the file; the class is what the command line relies on
            server_tls(certificate, key)


def test_a_shift_is_counted_signed_and_closed(hall: Hall) -> None:
    """What people do at the end of a day: the count is told before anything of ours is, and the rest follows from it."""
    closing_act = {"reason": "shift over"}
    assert hall.ask("/acts/shift", closing_act, who="su-2").why == (400, "which_role")
    asked = {**closing_act, "role": "supervisor"}
    assert hall.ask("/acts/shift", asked, who="su-2").why == (409, "not_counted")
    lines = [{"place": "hand", "mail_class": "id_card", "agency": "police-household", "items": 1}]
    assert hall.ask("/acts/count", {"lines": lines * 2, "reason": "shift over"}).why == (409, "count_lines")
    assert hall.ask("/acts/count", {"lines": lines, "reason": "shift over"}).status == 200
    assert hall.ask("/acts/shift", asked, who="su-2").why == (409, "unsigned")
    signature = {"number": 1, "finding": "explained", "reason": "lay under the table"}
    assert hall.ask("/acts/discrepancy", signature).why == (409, "opener")
    assert hall.ask("/acts/discrepancy", {**signature, "role": "supervisor"}, who="su-2").status == 200
    done = hall.ask("/acts/shift", asked, who="su-2")
    assert (done.status, done.body["act"], done.body["subject"]) == (200, "shift_close", "1")
    hall.told.controller = hall.told.core
    found = hall.ask("/discrepancies", None, method="GET").body
    assert (found["shift"], [line["signed_by"] for line in found["discrepancies"]]) == (2, ["su-2"])

"""The HTTP side over real sockets: what each route answers, who may watch, and that watching costs little."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from served import START_US, Served, Told, quiet_status, reference

from packcenter.core.alarm_table import ALARMS, VERSION
from packcenter.core.controller import Controller
from packcenter.core.inputs import AlarmTableGiven, CustodyRulesGiven, JamChanged, LinkUp, Started
from packcenter.core.lifecycle import IN_HALL
from packcenter.core.records import Plc
from packcenter.plc.image import OutImage
from packcenter.plc.line import EventKind, LineEvent
from packcenter.service import http as http_side
from packcenter.service.status import Status

LIMIT_S = 20


@pytest.fixture
def page() -> Iterator[Served]:
    with Served(Told()) as served:
        yield served


def ask(page: Served, path: str, headers: dict[str, str] | None = None) -> tuple[int, str, bytes]:
    """(status, content type, body) of a GET."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=LIMIT_S)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.getheader("content-type") or "", response.read()
    finally:
        connection.close()


class Stream:
    """An open stream of server-sent events."""

    def __init__(self, page: Served, path: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=LIMIT_S)
        self._connection.request("GET", path)
        self.response = self._connection.getresponse()

    def line(self) -> str:
        """The next line that is not empty; "" at the end."""
        while (line := self.response.readline()) == b"\n":
            pass
        return line.decode().rstrip("\n")

    def entry(self) -> Any:
        """The next event's content."""
        while not (line := self.line()).startswith("data: "):
            assert line, "the stream ended"
        return json.loads(line[6:])

    def close(self) -> None:
        self.response.close()
        self._connection.close()


def out(odometer: int) -> OutImage:
    events = tuple(LineEvent(number, EventKind.LOST, track=number) for number in range(max(1, odometer - 3), odometer + 1))
    return OutImage(1, 2, 3, 4, 6, 1, 0, odometer, 0, 0, 0, events)


def pass_telegrams(page: Served, first: int, last: int) -> None:
    """Let events `first` to `last` pass on the wire of sorter-1."""
    for number in range(first, last + 1):
        page.told.links.trace.received("sorter-1", page.told.clock.mono_us(), out(number))


# --- figures -------------------------------------------------------------------------------------------------------------


def test_status_is_the_services_figures_as_json(page: Served) -> None:
    """A program gets what people see."""
    status, content_type, body = ask(page, "/status")
    assert (status, content_type) == (200, "application/json")
    assert msgspec.json.decode(body, type=Status) == quiet_status()


def test_events_push_the_figures_and_say_how_soon_to_come_back(page: Served) -> None:
    """The first word tells a browser to reconnect in a second; then the figures come, and come again when they have changed."""
    stream = Stream(page, "/events")
    assert stream.response.getheader("content-type") == "text/event-stream; charset=utf-8"
    assert stream.line() == "retry: 1000"
    assert stream.entry()["packed"] == 0
    page.told.now = msgspec.structs.replace(quiet_status(), packed=5)
    assert stream.entry()["packed"] == 5
    stream.close()


def test_many_watchers_share_the_figures(page: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made once for all who watch within half a second; who asks gets fresh ones."""
    made = []

    def status() -> Status:
        made.append(1)
        return quiet_status()

    monkeypatch.setattr(page.told, "status", status)
    monkeypatch.setattr(page.told.clock, "mono_us", lambda: 1_000_000)
    streams = [Stream(page, "/events") for _ in range(3)]
    for stream in streams:
        stream.entry()
    assert len(made) == 1
    ask(page, "/status")
    assert len(made) == 2
    monkeypatch.setattr(page.told.clock, "mono_us", lambda: 1_000_000 + http_side.SHARED_US)
    for stream in streams:
        stream.entry()
        stream.close()
    assert len(made) == 3


def test_hall_tells_what_stands_where_and_that_it_is_simulated(page: Served) -> None:
    """The layout names every lane, bagger and position, the plan, and the mode."""
    hall = json.loads(ask(page, "/hall")[2])
    assert (hall["name"], hall["mode"], hall["speed"], hall["run"]) == ("Nanjing reference centre", "simulation", 1, 1)
    assert [len(sorter["lanes"]) for sorter in hall["sorters"]] == [9, 9]
    assert hall["sorters"][0]["lanes"][4] == {"number": 5, "feeds": "bagger-2", "infeed": 1, "capacity": 40, "secure": False}
    assert hall["baggers"] == ["bagger-1", "bagger-2", "bagger-3", "bagger-4"]
    assert len(hall["positions"]) == 32
    assert hall["cutoff_minutes"] == [630, 840, 1050, 1200]


def test_the_page_may_load_nothing_from_elsewhere(page: Served) -> None:
    """The page comes with rules that a browser holds it to."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=LIMIT_S)
    connection.request("GET", "/")
    response = connection.getresponse()
    rules = response.getheader("content-security-policy") or ""
    text = response.read().decode()
    connection.close()
    assert "default-src 'none'" in rules
    assert "connect-src 'self'" in rules
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")


def test_metrics_are_refused_until_they_are_counted(page: Served) -> None:
    """Figures that are still being rebuilt from the journal are not served as if they were whole."""
    page.told.figures = SimpleNamespace(ready=False)  # type: ignore[attr-defined]
    assert ask(page, "/metrics")[0] == 503


def test_ready_names_the_plcs_that_are_not_heard(page: Served) -> None:
    """Healthy is the process; ready is the hall."""
    page.told.controller.state.plcs = {"rack-1": Plc("rack-1"), "sorter-1": Plc("sorter-1", up=True)}
    assert ask(page, "/-/healthy")[:1] == (200,)
    assert (ask(page, "/-/ready")[0], ask(page, "/-/ready")[2]) == (503, b"not heard: rack-1\n")
    page.told.controller.state.plcs["rack-1"].up = True
    assert ask(page, "/-/ready")[0] == 200


# --- telegrams -----------------------------------------------------------------------------------------------------------


def test_telegrams_begin_with_the_last_kept_and_go_on_with_what_passes(page: Served) -> None:
    """A watcher asks how much of the past it wants, and then misses nothing."""
    pass_telegrams(page, 1, 9)
    stream = Stream(page, "/plcs/sorter-1/telegrams?last=2")
    assert [stream.entry()["number"] for _ in range(2)] == [8, 9]
    pass_telegrams(page, 10, 11)
    assert [stream.entry()["number"] for _ in range(2)] == [10, 11]
    stream.close()


def test_without_a_number_all_kept_telegrams_come(page: Served) -> None:
    """The trace is small enough to be sent whole."""
    pass_telegrams(page, 1, 5)
    kept = page.told.links.trace.entries("sorter-1")
    stream = Stream(page, "/plcs/sorter-1/telegrams")
    assert [stream.entry()["serial"] for _ in kept] == [entry.serial for entry in kept]
    stream.close()


def test_last_0_tells_only_what_passes_from_now_on(page: Served) -> None:
    """And says at once that the stream is open."""
    pass_telegrams(page, 1, 5)
    stream = Stream(page, "/plcs/sorter-1/telegrams?last=0")
    assert stream.line() == ": still here"
    pass_telegrams(page, 6, 6)
    assert stream.entry()["number"] == 6
    stream.close()


def test_a_telegram_carries_the_wall_time_of_its_moment(page: Served) -> None:
    """People compare it with other clocks; the trace itself keeps monotonic time."""
    before_us = page.told.clock.wall_us()
    pass_telegrams(page, 1, 1)
    stream = Stream(page, "/plcs/sorter-1/telegrams?last=1")
    wall_us = stream.entry()["wall_us"]
    stream.close()
    assert before_us - 1_000_000 <= wall_us <= page.told.clock.wall_us() + 1_000_000


@pytest.mark.parametrize("last", ["-1", "x", "1e3", "", "9999999999", "²"])
def test_a_number_that_is_none_is_refused(page: Served, last: str) -> None:
    """A wrong query is told, not guessed at."""
    from urllib.parse import quote

    status, _, body = ask(page, f"/plcs/sorter-1/telegrams?last={quote(last)}")
    assert status == 400
    assert "expected a number" in json.loads(body)["error"]


@pytest.mark.parametrize("path", ["/plcs/sorter-9", "/plcs/sorter-9/telegrams"])
def test_an_unknown_plc_is_told_with_the_known_ones(page: Served, path: str) -> None:
    """A wrong name is no empty answer."""
    status, _, body = ask(page, path)
    assert status == 404
    assert json.loads(body) == {"error": "no PLC 'sorter-9'", "why": "unknown_plc", "known": ["sorter-1"]}


def test_nothing_can_be_changed(page: Served) -> None:
    """Every route only reads."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=LIMIT_S)
    for path in ("/", "/status", "/plcs", "/plcs/sorter-1"):
        connection.request("POST", path, b"{}")
        response = connection.getresponse()
        response.read()
        assert response.status == 405, path
    connection.close()


# --- watchers ------------------------------------------------------------------------------------------------------------


def test_one_stream_too_many_is_refused_and_a_closed_one_makes_room(page: Served) -> None:
    """Watching cannot grow without end; who has gone no longer counts."""
    streams = [Stream(page, "/events") for _ in range(http_side.WATCHERS_MAX)]
    refused = ask(page, "/events")
    assert refused[0] == 503
    assert b"16 streams are open already" in refused[2]
    assert ask(page, "/status")[0] == 200
    streams.pop().close()
    end = time.monotonic() + LIMIT_S
    while (again := Stream(page, "/events")).response.status == 503:
        again.close()
        assert time.monotonic() < end, "a closed stream still counts"
    for stream in (*streams, again):
        stream.close()


def test_stopping_ends_open_streams(page: Served) -> None:
    """A watcher cannot hold up the end of the service."""
    stream = Stream(page, "/events")
    assert stream.entry()["run"] == 1
    began = time.monotonic()
    page.stop()
    assert time.monotonic() - began < 5
    while stream.line():
        pass  # the stream comes to its end, or reading it would never return
    stream.close()


def test_a_taken_port_is_an_os_error(page: Served) -> None:
    """The command line can say so in words."""
    with pytest.raises(OSError, match="in use"):
        page.told.setup.net.listen("127.0.0.1", page.port)


def test_places_in_the_hall_are_those_of_the_lifecycle() -> None:
    """The page's flow and the core's places cannot drift apart."""
    assert list(quiet_status().in_hall) == list(IN_HALL)
    assert quiet_status().at_us == START_US


def test_alarms_are_told_worst_first_with_what_to_do(page: Served) -> None:
    """The list that the command line tells of a journal, of the running hall."""
    hall = reference().hall
    controller = Controller()
    for happened in (Started(1, "1.0", hall, "digest"), AlarmTableGiven(VERSION), LinkUp("bagger-1", 7, 0)):
        controller.step(START_US, happened)
    controller.step(START_US, JamChanged("bagger-1", 1, 1, 0, 1, True))
    page.told.controller = controller
    status, content_type, body = ask(page, "/alarms")
    told = json.loads(body)
    assert (status, content_type) == (200, "application/json")
    listed = [(line["alarm"], line["subject"], line["standing"]) for line in told["alarms"]]
    assert listed == [("jam", "bagger-1", "unacknowledged")]
    assert told["alarms"][0]["response"]["zh"] == ALARMS["jam"].response.zh
    assert (told["flood"], told["recent"], told["counts"]["awaited"]) == (False, 1, 6)


def test_discrepancies_are_told_with_who_has_to_close_them(page: Served) -> None:
    """The list that the command line tells of a journal, of the running hall."""
    hall = reference().hall
    controller = Controller()
    for happened in (Started(1, "1.0", hall, "digest"), CustodyRulesGiven(1, 480, 120), LinkUp("bagger-1", 7, 0)):
        controller.step(START_US, happened)
    controller.step(START_US, JamChanged("bagger-1", 1, 9, 0, 1, True))
    page.told.controller = controller
    status, content_type, body = ask(page, "/discrepancies")
    told = json.loads(body)
    assert (status, content_type) == (200, "application/json")
    (line,) = told["discrepancies"]
    assert (line["number"], line["cause"], line["subject"], line["two"]) == (1, "gap", "bagger-1", False)
    assert line["due_us"] == START_US + 480 * 60_000_000
    assert line["meaning"]["zh"]
    assert (told["shift"], told["counted_us"], told["overdue"]) == (1, 0, 0)

"""`packcenter plc` as people call it: whom it asks, what it prints, and with which code it ends."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "diagnose"))

from plcbench import Bench, ModbusHall, free_port, modbus_site

from packcenter.cli import serving
from packcenter.cli.codes import CONFIGURATION, OK, PROBLEM, UNREACHABLE, USAGE
from packcenter.cli.main import run
from packcenter.diagnose import checks
from packcenter.diagnose.asking import ServiceAt, ServiceError

pytestmark = pytest.mark.slow


class Running:
    """A hall of seven Modbus PLCs; `serve` lets the real service run it."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.hall = ModbusHall(bench, folder)

    def serve(self) -> str:
        """Run the service until every PLC is in Execute; returns its address."""
        self.service, address = self.bench.service(self.hall.configuration, self.hall.folder / "kept")
        self.bench.until(lambda: all(plc.plc.packml_state == 6 for plc in self.bench.plcs.values()))
        return address

    def connections(self) -> dict[str, int]:
        """How many connections each PLC has ever seen."""
        return {name: simulated.opened for name, simulated in self.bench.plcs.items()}

    def call(self, *arguments: str) -> int:
        """Run `packcenter plc ...` for this hall."""
        first, *more = arguments
        return run(["plc", first, *more, *self.hall.arguments])


@pytest.fixture(autouse=True)
def _no_stopwatch(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast this computer is today is not what these tests are about."""
    monkeypatch.setattr(checks, "MEDIAN_LIMIT_US", 10_000_000)
    monkeypatch.setattr(checks, "SLOW_LIMIT_US", 10_000_000)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


@pytest.fixture
def running(bench: Bench, tmp_path: Path) -> Running:
    return Running(bench, tmp_path)


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    """The JSON object on standard output."""
    return json.loads(capsys.readouterr().out)


def levels(report: Any, plc: str) -> dict[str, str]:
    (found,) = [each for each in report["plcs"] if each["plc"] == plc]
    return {finding["check"]: finding["level"] for finding in found["findings"]}


# --- the service is asked first ------------------------------------------------------------------------------------------


def test_while_the_service_runs_nothing_connects_to_a_plc(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """Doctor, list and watch all ask the service; a PLC that takes one client does not lose it."""
    address = running.serve()
    before = running.connections()
    assert before == dict.fromkeys(before, 1)
    assert running.call("doctor", "--all", "--json", "--service", address) == OK
    report = printed(capsys)
    assert report["service"] == address
    assert {each["source"] for each in report["plcs"]} == {"service"}
    assert levels(report, "rack-1")["in image"] == "ok"
    assert running.call("list", "--service", address) == OK
    assert running.call("watch", "rack-1", "--service", address, "--for", "0.5s") == OK
    assert running.connections() == before


def test_direct_connects_once_more_and_only_when_asked(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """And has the service's view beside its own; the service keeps its link."""
    address = running.serve()
    assert running.call("doctor", "rack-1", "--direct", "--json", "--service", address) == OK
    report = printed(capsys)
    assert report["plcs"][0]["source"] == "direct"
    found = {finding["check"]: finding for finding in report["plcs"][0]["findings"]}
    assert "the service wrote it" in found["in image"]["seen"]
    assert found["identity"]["level"] == "ok"
    assert running.connections()["rack-1"] == 2
    assert ServiceAt(address).link("rack-1").connections == 1


def test_a_write_test_is_refused_while_the_service_writes(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """Two writers of one image are never right."""
    address = running.serve()
    assert running.call("doctor", "rack-1", "--direct", "--write-test", "--service", address) == USAGE
    assert "--write-test is refused" in capsys.readouterr().err
    assert running.connections()["rack-1"] == 1


def test_what_the_service_lost_is_told_from_what_it_knows(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """A PLC whose program stands still, one that is switched off, and one with another profile."""
    address = running.serve()
    bench = running.bench
    bench.plcs["bagger-1"].run = False
    bench.call(bench.plcs["bagger-2"].server.kill())
    other = bench.plcs["bagger-3"].plc
    other.profile_digest ^= 1
    other._head = None
    service = ServiceAt(address)
    causes = {"bagger-1": "heartbeat", "bagger-2": "disconnected", "bagger-3": "profile"}
    bench.until(lambda: all(service.link(name).cause == cause for name, cause in causes.items()))
    assert running.call("doctor", "--all", "--json", "--service", address) == UNREACHABLE
    report = printed(capsys)
    assert levels(report, "bagger-1")["heartbeat"] == "fault"
    assert levels(report, "bagger-2")["reachable"] == "fault"
    assert levels(report, "bagger-3")["profile"] == "fault"
    assert [each["plc"] for each in report["plcs"]][3:] == ["sorter-1", "sorter-2", "bagger-4", "rack-1"]
    assert running.call("doctor", "bagger-1", "--service", address) == PROBLEM
    assert "check that it is in RUN" in " ".join(capsys.readouterr().out.split())
    assert running.call("list", "--service", address) == PROBLEM
    shown = capsys.readouterr().out
    assert shown.count("DOWN") == 3


# --- without a service ---------------------------------------------------------------------------------------------------


def test_without_a_service_the_plc_itself_is_read(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """Its machine was never started, which is a problem; all else is well; and it says who was asked."""
    assert running.call("doctor", "bagger-4") == PROBLEM
    told = capsys.readouterr()
    assert "No service answers" in told.err
    assert "Stopped (2), production" in told.out
    assert running.bench.plcs["bagger-4"].plc.counts.images == 0
    assert running.connections()["bagger-4"] == 1


def test_a_plc_that_does_not_listen_ends_with_4(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """With --all as well, after every other PLC was looked at."""
    running.bench.call(running.bench.plcs["rack-1"].server.kill())
    assert running.call("doctor", "rack-1") == UNREACHABLE
    capsys.readouterr()
    assert running.call("doctor", "--all", "--json") == UNREACHABLE
    report = printed(capsys)
    assert len(report["plcs"]) == 7
    assert report["service"] is None


def test_list_without_a_service_knows_addresses_only(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """No link state is invented; --direct asks."""
    assert running.call("list") == UNREACHABLE
    told = capsys.readouterr()
    assert "sorter-1" in told.out
    assert "--direct" in told.err
    assert running.connections() == dict.fromkeys(running.connections(), 0)
    assert running.call("list", "--direct", "--json") == PROBLEM
    assert len(printed(capsys)["plcs"]) == 7


def test_a_write_test_without_a_service_writes_back_what_it_reads(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """The PLC's image of us is empty, so that it drops it; it took the write."""
    assert running.call("doctor", "rack-1", "--direct", "--write-test", "--json") == PROBLEM
    assert levels(printed(capsys), "rack-1")["in image"] == "ok"
    counts = running.bench.plcs["rack-1"].plc.counts
    assert (counts.images, counts.malformed) == (0, 1)


# --- watch ---------------------------------------------------------------------------------------------------------------


def test_watch_shows_what_passes_from_the_service(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands and events, decoded, oldest first."""
    address = running.serve()
    assert running.call("watch", "sorter-2", "--service", address, "--for", "0.5s", "--last", "1000", "--json") == OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["serial"] for line in lines] == sorted(line["serial"] for line in lines)
    told = [
        (line["out"], line["what"], *line["fields"].values())
        for line in lines
        if line["what"].startswith(("packml_c", "state_ch"))
    ]
    assert (False, "packml_command", "start") in told
    assert any(entry[:3] == (True, "state_changed", "Execute") for entry in told)
    assert told.index((False, "packml_command", "reset")) < told.index((False, "packml_command", "start"))


def test_watch_without_a_service_polls_and_changes_nothing(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """The PLC's words are shown once, and then what changes."""
    assert running.call("watch", "rack-1", "--for", "1s") == OK
    told = capsys.readouterr()
    assert "-> packml_state  is Stopped" in told.out
    assert told.out.count("packml_state") == 1
    assert running.bench.plcs["rack-1"].plc.counts.images == 0


def test_watch_of_a_plc_that_is_not_there_ends_with_4(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason in one line."""
    running.bench.call(running.bench.plcs["rack-1"].server.kill())
    assert running.call("watch", "rack-1", "--for", "5s") == UNREACHABLE
    assert "does not accept a connection" in capsys.readouterr().err


@pytest.mark.parametrize("serves", [True, False])
def test_ctrl_c_ends_watch_cleanly(running: Running, serves: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is how one stops watching: code 0 and no traceback."""
    extra = ("--service", running.serve()) if serves else ()
    seen: list[str] = []

    def interrupt(text: str, **_: Any) -> None:
        seen.append(text)
        raise KeyboardInterrupt

    monkeypatch.setattr(click, "echo", lambda text="", **more: None if more.get("err") else interrupt(text))
    assert running.call("watch", "sorter-1", *extra, "--last", "5") == OK
    assert len(seen) == 1


# --- wrong usage, wrong files --------------------------------------------------------------------------------------------


def test_an_unknown_plc_is_told_with_the_nearest_name(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is asked of anybody."""
    assert running.call("doctor", "bager-3") == USAGE
    assert "Did you mean 'bagger-3'?" in capsys.readouterr().err
    assert running.call("watch", "xyz") == USAGE
    assert "Known: sorter-1" in capsys.readouterr().err
    assert running.connections() == dict.fromkeys(running.connections(), 0)


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "rack-1", "--all"], ["doctor", "rack-1", "--write-test"]])
def test_contradictory_options_are_wrong_usage(running: Running, arguments: list[str]) -> None:
    """One PLC or all; a write test only on a connection of our own."""
    assert running.call(*arguments) == USAGE


def test_a_site_with_errors_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The configuration's own report says where."""
    site = modbus_site(tmp_path, free_port())
    site.write_text(site.read_text("utf-8").replace('role = "rack"', 'role = "rak"'), "utf-8")
    assert run(["plc", "doctor", "rack-1", "--site", str(site)]) == CONFIGURATION
    assert "site.toml" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", "[]", '{"rack-1": "x"}', '{"rack-1": ["127.0.0.1"]}'])
def test_a_file_of_addresses_that_is_none_ends_with_3(running: Running, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What it should have been is said."""
    running.hall.addresses.write_text(content, "utf-8")
    assert running.call("doctor", "rack-1") == CONFIGURATION
    assert "{plc: [host, port]}" in capsys.readouterr().err


# --- where the service is ------------------------------------------------------------------------------------------------


def test_the_service_leaves_a_note_and_is_found_by_it(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """A demo on another port is found through the note in its latest run, a real hall through the one beside its journal."""
    address = running.serve()
    note = serving.leave_note(running.service, address)
    assert note == running.hall.folder / "kept" / "service.json"
    kept = json.loads(note.read_text("utf-8"))
    assert (kept["address"], kept["hall"]) == (address, "Nanjing reference centre")
    latest = running.hall.folder / "run" / "latest"
    latest.mkdir(parents=True)
    (latest / "service.json").write_bytes(note.read_bytes())
    (latest / "addresses.json").write_bytes(running.hall.addresses.read_bytes())
    assert run(["plc", "list", "--json", "--folder", str(latest.parent)]) == OK
    assert printed(capsys)["service"] == address
    beside = running.hall.configuration.site.journal_folder.parent
    beside.mkdir(exist_ok=True)
    (beside / "service.json").write_bytes(note.read_bytes())
    assert running.call("list", "--json") == OK
    assert printed(capsys)["service"] == address


def test_a_site_that_is_named_is_not_mixed_up_with_the_latest_demo(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """The demo's addresses are the demo's; a real hall's PLCs are where its site says."""
    address = running.serve()
    latest = running.hall.folder / "run" / "latest"
    latest.mkdir(parents=True)
    (latest / "service.json").write_text(json.dumps({"address": address}), "utf-8")
    assert run(["plc", "list", "--site", str(running.hall.site), "--folder", str(latest.parent)]) == UNREACHABLE
    assert "127.0.0.1:4840, unit 1" in capsys.readouterr().out


@pytest.mark.parametrize("note", ["", "{", "[]", '{"address": 5}', '{"address": "http://127.0.0.1:1"}', '{"address": "ftp://x"}'])
def test_a_stale_or_broken_note_is_passed_over(running: Running, note: str) -> None:
    """The next place is looked at; a PLC is then read itself."""
    beside = running.hall.configuration.site.journal_folder.parent
    beside.mkdir(parents=True)
    (beside / "service.json").write_text(note, "utf-8")
    assert running.call("list") == UNREACHABLE


def test_a_service_of_another_hall_is_not_believed(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody else's port now: its sorter-1 is not ours."""
    address = running.serve()
    text = running.hall.site.read_text("utf-8").replace("Nanjing reference centre", "Suzhou centre")
    running.hall.site.write_text(text, "utf-8")
    assert running.call("list", "--service", address) == UNREACHABLE
    assert "runs 'Nanjing reference centre', not 'Suzhou centre'" in capsys.readouterr().err


def test_a_named_service_that_does_not_answer_ends_with_4(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever names a service wants that one, not a connection to the PLC in its stead."""
    assert running.call("doctor", "rack-1", "--service", f"http://127.0.0.1:{free_port()}") == UNREACHABLE
    assert "no service answers" in capsys.readouterr().err
    assert running.connections()["rack-1"] == 0
    assert running.call("doctor", "rack-1", "--service", "ftp://x") == UNREACHABLE
    assert "is not the address of a service" in capsys.readouterr().err


# --- the client ----------------------------------------------------------------------------------------------------------


def serve_once(answer: bytes) -> int:
    """A server that answers one connection with these bytes; its port."""
    import socket

    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.settimeout(10)
            connection.recv(4096)
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        b'HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"name": "x"',
        b'HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{"name": "x"}',
    ],
)
def test_whatever_else_listens_there_is_not_taken_for_the_service(answer: bytes) -> None:
    """One kind of error, with the address in it, whatever the bytes."""
    port = serve_once(answer)
    with pytest.raises(ServiceError, match=str(port)):
        ServiceAt(f"127.0.0.1:{port}").hall()


def test_a_service_that_ends_ends_the_watch_with_4(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """A watcher is told that there is nothing more to come."""
    address = running.serve()
    ending: Callable[[], None] = running.bench.end_services
    timer = threading.Timer(1.0, ending)
    timer.start()
    assert running.call("watch", "rack-1", "--service", address, "--for", "60s") == UNREACHABLE
    timer.join()
    assert "ended the stream" in capsys.readouterr().err


def test_a_plc_is_named_in_the_path_safely() -> None:
    """A name with a slash asks for that name, not for another path."""
    port = serve_once(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
    with pytest.raises(ServiceError, match="/plcs/a%2Fb%3Fc"):
        ServiceAt(f"http://127.0.0.1:{port}").link("a/b?c")


def test_help_needs_no_protocol_library() -> None:
    """The commands' help comes at once; libraries load when they are used."""
    code = "import sys; from packcenter.cli.main import run; run(['plc', 'doctor', '--help']); print(sorted(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "Exit codes: 0 nothing wrong" in " ".join(told.split())
    assert not {"asyncua", "pymodbus", "rich", "pydantic", "http.client"} & set(ast.literal_eval(told.splitlines()[-1]))

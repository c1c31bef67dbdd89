"""`packcenter act` and `packcenter people` as people call them, against a running service: what they print and end with."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import click
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "diagnose"))
sys.path.insert(0, str(Path(__file__).parent.parent / "service"))

from certificates import self_signed
from plcbench import Bench, free_port
from structlog.testing import capture_logs

from packcenter.cli import act as act_commands
from packcenter.cli import serving
from packcenter.cli.codes import CONFIGURATION, OK, PROBLEM, UNREACHABLE, USAGE, ToldError
from packcenter.cli.main import run
from packcenter.config.load import bundled_site, load_site
from packcenter.config.people import load_people
from packcenter.config.people_models import Person
from packcenter.diagnose import acting
from packcenter.diagnose.acting import NotDone
from packcenter.diagnose.asking import ServiceAt, ServiceError
from packcenter.journal.journal import read_journal
from packcenter.service import badges
from packcenter.service.act_bodies import CommandName

pytestmark = pytest.mark.slow

REASON = ["--reason", "belt edge worn"]
ACTS = [
    ["lane", "close", "sorter-1", "3"],
    ["machine", "hold", "bagger-1"],
    ["bag", "close", "2"],
    ["verdict", "NJ-D67700000", "reinduct"],
    ["verdict", "?no_read:000001", "code", "NJ-D67700000"],
    ["maintenance", "begin", "bagger-1", "--minutes", "30"],
    ["maintenance", "end", "bagger-1"],
    ["alarm", "acknowledge", "link_lost", "bagger-1"],
    ["alarm", "shelve", "link_lost", "bagger-1", "--minutes", "30"],
    ["alarm", "unshelve", "link_lost", "bagger-1"],
    ["alarm", "take-out", "link_lost", "bagger-1"],
    ["alarm", "put-back", "link_lost", "bagger-1"],
    ["plan", "switch", "late.toml"],
    ["receipt", "EA473124829CN"],
    ["receipt", "NJ-D67700000", "--give-up"],
]


class Floor:
    """A hall whose service runs, though none of its machines answers, and people who act in it."""

    def __init__(self, bench: Bench, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.bench = bench
        self.folder = folder
        self.capsys = capsys
        self.site = folder / "site.toml"
        text = bundled_site().read_text("utf-8").replace("port = 9464", f"port = {free_port()}")
        self.site.write_text(text.replace("[waybills]", '[acts]\npeople = "people.toml"\n\n[waybills]'), "utf-8")
        (folder / "plan.toml").write_bytes((bundled_site().parent / "plan.toml").read_bytes())
        plan = (bundled_site().parent / "plan.toml").read_text("utf-8")
        (folder / "plans").mkdir()
        (folder / "plans" / "late.toml").write_text(plan.replace("reference-1", "late-1").replace("20:00", "21:00"), "utf-8")
        self.where: list[str] = ["--site", str(self.site)]
        self.token = folder / "token"

    def people(self, *arguments: str) -> int:
        """`packcenter people ... --site ...`."""
        return run(["people", *arguments, *self.where])

    def begin(self) -> str:
        """Let op-17 act, with a token in a file, and run the service; returns its address."""
        assert self.people("add", "op-17", "--role", "operator", "--to", str(self.token)) == OK
        found = load_site(self.site, people=True)
        self.service, address = self.bench.service(found.at({plc.name: ("127.0.0.1", 1) for plc in found.plcs}), self.folder)
        self.where += ["--service", address]
        self.capsys.readouterr()
        return address

    def act(self, *arguments: str, token: Path | None = None, reason: list[str] | None = None) -> int:
        """`packcenter act ...` with a reason and a token."""
        more = [] if arguments[0] == "recent" else REASON if reason is None else reason
        return run(["act", *arguments, *more, *self.where, "--token-file", str(token or self.token)])

    def printed(self) -> tuple[str, str]:
        """Standard output and standard error since the last look."""
        found = self.capsys.readouterr()
        return found.out, found.err


@pytest.fixture
def floor(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    for name in (act_commands.TOKEN, act_commands.TOKEN_FILE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(badges, "LOOK_US", 50_000)
    with Bench() as bench:
        yield Floor(bench, tmp_path, capsys)


def test_the_plan_is_switched_and_listed(floor: Floor) -> None:
    """G2: what is in force says the journal; what may be, the site's folder of plans."""
    floor.begin()
    assert run(["plan", "list", "--json", *floor.where]) == OK
    listed = {each["file"]: each for each in json.loads(floor.printed()[0])["plans"]}
    assert {name: each["in_force"] for name, each in listed.items()} == {"plan.toml": True, "late.toml": False}
    assert floor.act("plan", "switch", "late.toml", "--digest", "00000000") == PROBLEM
    assert "look at it again" in floor.printed()[1]
    assert floor.act("plan", "switch", "late.toml", "--digest", listed["late.toml"]["digest"][:8]) == OK
    assert floor.printed()[0].startswith("plan_switch late.toml: taken, op-17 as operator")
    assert floor.act("plan", "switch", "late.toml") == PROBLEM
    assert "this plan is in force already" in floor.printed()[1]
    state = floor.service.controller.state
    assert state.hall is not None
    assert state.hall.plan.version == floor.service.status().plan == "late-1"
    assert run(["plan", "list", *floor.where]) == OK
    assert re.search(r"late-1 .*in force", floor.printed()[0])
    assert floor.act("plan", "switch", "none.toml") == PROBLEM
    assert "no such file" in floor.printed()[1]


# --- acts ----------------------------------------------------------------------------------------------------------------


def test_a_lane_is_closed_and_the_journal_knows_by_whom(floor: Floor) -> None:
    """O1: who, in which role, why; and the same again is refused with the hall's reason."""
    floor.begin()
    assert floor.act("lane", "close", "sorter-1", "3") == OK
    assert re.fullmatch(r"lane_close sorter-1/3: taken, op-17 as operator: belt edge worn  \[record \d+\]\n", floor.printed()[0])
    assert floor.act("lane", "close", "sorter-1", "3") == PROBLEM
    assert "the lane is closed already" in floor.printed()[1]
    assert floor.act("lane", "open", "sorter-1", "3") == OK
    assert floor.service.controller.state.plcs["sorter-1"].barred == {}
    bodies = b"".join(entry.body for entry in read_journal(floor.service.setup.journal))
    assert b"op-17" in bodies
    assert floor.token.read_bytes().strip() not in bodies


@pytest.mark.parametrize("arguments", ACTS, ids=lambda arguments: "-".join(arguments[:2]))
def test_every_act_reaches_the_hall(floor: Floor, arguments: list[str]) -> None:
    """Whatever it says to it: taken or refused, by the core's rules, and a line among the recent acts."""
    floor.begin()
    code = floor.act(*arguments, "--json")
    told = json.loads(floor.printed()[0])
    assert code == (OK if told["taken"] else PROBLEM)
    assert (told["record"]["person"], told["record"]["reason"]) == ("op-17", "belt edge worn")
    assert ("why" in told) == (code == PROBLEM)
    assert floor.act("recent", "--json") == OK
    assert json.loads(floor.printed()[0]) == [told["record"]]
    assert floor.act("recent") == OK
    assert f"[record {told['record']['sequence']}]" in floor.printed()[0]


def test_nobody_has_acted_yet(floor: Floor) -> None:
    """An empty list says so, and is no error."""
    floor.begin()
    assert floor.act("recent") == OK
    assert floor.printed() == ("", "No act yet.\n")


def test_the_token_comes_from_the_environment_too(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Itself, or the name of its file."""
    floor.begin()
    lane = ["act", "lane", "close", "sorter-1", "3", *REASON, *floor.where]
    assert run(lane) == USAGE
    assert "No token" in floor.printed()[1]
    monkeypatch.setenv(act_commands.TOKEN_FILE, str(floor.token))
    assert run(lane) == OK
    monkeypatch.delenv(act_commands.TOKEN_FILE)
    monkeypatch.setenv(act_commands.TOKEN, floor.token.read_text("utf-8"))
    assert run(lane) == PROBLEM
    assert "closed already" in floor.printed()[1]


def test_what_is_no_token_is_told_before_anything_is_asked(floor: Floor) -> None:
    """A file that others may read, that is missing, or that holds something else, which is not shown."""
    floor.begin()
    wrong = floor.folder / "wrong"
    assert floor.act("recent", token=wrong) == CONFIGURATION
    assert "missing" in floor.printed()[1]
    wrong.write_text("my dear token", "utf-8")
    wrong.chmod(0o600)
    assert floor.act("recent", token=wrong) == CONFIGURATION
    assert "my dear token" not in "".join(floor.printed())
    floor.token.chmod(0o640)
    assert floor.act("recent") == CONFIGURATION
    assert "chmod 600" in floor.printed()[1]


def test_a_wrong_token_a_wrong_role_and_a_wrong_reason_are_refused(floor: Floor) -> None:
    """Each in its own words, with what to do."""
    floor.begin()
    assert floor.act("lane", "close", "sorter-1", "3", "--role", "supervisor") == PROBLEM
    assert "you do not have the role" in floor.printed()[1]
    assert floor.act("lane", "close", "sorter-1", "3", reason=["--reason", "ask 13912345678"]) == USAGE
    out = floor.printed()
    assert "mobile number" in out[1]
    assert "139" not in "".join(out)
    assert floor.act("lane", "close", "sorter-1", "3", reason=["--reason", "x" * 65]) == USAGE
    assert "$.reason" in floor.printed()[1]
    other = floor.folder / "other"
    other.write_text("op-17.guess", "utf-8")
    other.chmod(0o600)
    assert floor.act("recent", token=other) == PROBLEM
    assert "the token is nobody's" in floor.printed()[1]


def test_a_revoked_token_is_refused_within_seconds(floor: Floor) -> None:
    """Without a restart; so is a replaced one, whose new one is good."""
    floor.begin()
    assert floor.act("recent") == OK
    new = floor.folder / "new"
    where = ["--site", str(floor.site)]
    assert run(["people", "add", "op-17", "--role", "supervisor", "--replace", "--to", str(new), *where]) == OK
    floor.bench.until(lambda: floor.act("recent") == PROBLEM)
    assert floor.act("recent", token=new) == OK
    assert run(["people", "revoke", "op-17", *where]) == OK
    floor.bench.until(lambda: floor.act("recent", token=new) == PROBLEM)


def test_the_error_as_json_has_the_same_words(floor: Floor) -> None:
    """A program reads why."""
    floor.begin()
    assert floor.act("lane", "close", "sorter-1", "9", "--json") == PROBLEM
    told = json.loads(floor.printed()[0])
    assert (told["taken"], told["why"], told["record"]["why"]) == (False, "exception_lane", "exception_lane")


def test_a_reason_is_given_in_chinese_if_it_is_one_of_the_sites(floor: Floor) -> None:
    """Any other Chinese text is refused with where to look, and bytes that are no text as well."""
    floor.begin()
    assert run(["act", "reasons", *floor.where, "--token-file", str(floor.token)]) == OK
    assert "换膜" in floor.printed()[0].split("\n")
    assert floor.act("lane", "close", "sorter-1", "3", reason=["--reason", "换膜"]) == OK
    assert "换膜" in floor.printed()[0]
    assert floor.act("recent") == OK
    assert "换膜" in floor.printed()[0]
    assert floor.act("lane", "open", "sorter-1", "3", reason=["--reason", "张三"]) == USAGE
    assert "packcenter act reasons" in floor.printed()[1]
    assert floor.act("lane", "open", "sorter-1", "3", reason=["--reason", "\udcff"]) == USAGE
    assert "UTF-8" in floor.printed()[1]


def test_a_service_without_people_says_that_it_only_shows(floor: Floor) -> None:
    """And how that is changed."""
    address = floor.begin()
    floor.service.badges = None
    assert floor.act("recent") == PROBLEM
    assert "takes no acts" in floor.printed()[1]
    assert address


def test_no_service_is_told(floor: Floor) -> None:
    """Nothing was done, and nothing was sent."""
    floor.begin()
    floor.bench.end_services()
    assert floor.act("lane", "close", "sorter-1", "3") == UNREACHABLE
    assert "no service answers" in floor.printed()[1].lower()


def test_an_act_that_is_not_durable_in_time_is_told_as_open(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may still happen, and the message says how to look."""
    floor.begin()
    for why in ("not_durable", "ended"):

        def lost(*_: Any, why: str = why) -> None:
            raise NotDone(503, why, "the act may still happen")

        monkeypatch.setattr(acting, "act", lost)
        assert floor.act("lane", "close", "sorter-1", "3") == UNREACHABLE
        assert "packcenter act recent" in floor.printed()[1]


def test_a_verdict_with_code_needs_one(floor: Floor) -> None:
    """And no other takes one; nothing is asked before that is clear."""
    floor.begin()
    assert floor.act("verdict", "NJ-1234", "code") == USAGE
    assert floor.act("verdict", "NJ-1234", "remake", "NJ-1235") == USAGE


def test_over_https_the_sites_own_certificate_is_believed(floor: Floor) -> None:
    """Nobody else's is, and a token goes nowhere before that is clear."""
    certificate, key = self_signed(floor.folder)
    text = floor.site.read_text("utf-8")
    tls = f'[http.tls]\ncertificate = "{certificate.name}"\nprivate_key = "{key.name}"\n\n[acts]'
    floor.site.write_text(text.replace("[acts]", tls), "utf-8")
    floor.bench.tls = serving.tls_of(load_site(floor.site))
    address = floor.begin()
    assert address.startswith("https://")
    assert floor.act("recent") == OK
    (floor.folder / "other").mkdir()
    other, _ = self_signed(floor.folder / "other")
    assert floor.act("recent", "--trust", str(other)) == UNREACHABLE
    assert "certificate" in floor.printed()[1].lower()


def test_an_unusable_certificate_is_a_fault_of_the_configuration(floor: Floor) -> None:
    """With the files' names."""
    text = floor.site.read_text("utf-8")
    floor.site.write_text(text.replace("[acts]", '[http.tls]\ncertificate = "c.pem"\nprivate_key = "k.pem"\n\n[acts]'), "utf-8")
    with pytest.raises(ToldError, match=r"c\.pem") as raised:
        serving.tls_of(load_site(floor.site))
    assert raised.value.code == CONFIGURATION


# --- the client by itself ------------------------------------------------------------------------------------------------


def test_a_token_does_not_go_to_another_machine_in_clear() -> None:
    """Whoever listens on the network would have it."""
    with pytest.raises(ServiceError, match="in clear"):
        acting.recent(ServiceAt("http://10.255.255.1:9464"), "op-17.secret", 5)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno",
        b'HTTP/1.1 409 Oh\r\nContent-Length: 14\r\n\r\n{"error": "x"}',
    ],
)
def test_what_answers_is_believed_only_if_it_speaks_as_we_do(answer: bytes) -> None:
    """An end without an answer, or with nonsense for one, leaves it open whether the act happened, and is told so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with closing(connection), suppress(OSError):
                received = b""
                while not received.endswith(b"}"):
                    received += connection.recv(1 << 16)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        service = ServiceAt(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(NotDone, match="may have happened") as raised:
            acting.act(service, "op-17.secret", "bag", {"position": 1, "reason": "x"})
        thread.join(20)
    assert (raised.value.status, raised.value.why) == (0, "no_answer")
    assert "secret" not in str(raised.value)


def test_the_commands_and_roles_are_those_of_the_hall() -> None:
    """What the command line offers is what the service takes."""
    from typing import get_args

    from packcenter.cli import people as people_commands
    from packcenter.core.words import HandVerdict, Role

    assert get_args(CommandName) == act_commands._COMMANDS
    assert set(act_commands._VERDICTS) == set(HandVerdict)
    assert act_commands._ROLES == people_commands._ROLES == tuple(Role)
    roles = Person.model_json_schema()["properties"]["roles"]["items"]["enum"]
    assert tuple(roles) == tuple(Role)


def test_every_command_says_what_it_does_and_the_group_its_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Help is where people look."""
    assert run(["act", "--help"]) == OK
    assert "Exit codes: 0" in capsys.readouterr().out
    for group in (act_commands.act, act_commands.maintenance):
        assert all(command.help for command in group.commands.values())
    for group in (act_commands.act, act_commands.maintenance):
        for command in group.commands.values():
            assert all(option.help for option in command.params if isinstance(option, click.Option)), command.name


# --- people --------------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_kept_nowhere(floor: Floor) -> None:
    """On standard output alone; the file is its owner's alone and has only a digest."""
    assert floor.people("add", "op-17", "--role", "operator", "--role", "engineer", "--expires", "2099-01-31") == OK
    out, err = floor.printed()
    token = out.strip()
    file = floor.folder / "people.toml"
    assert token.startswith("op-17.")
    assert len(token) == len("op-17.") + 43
    assert token not in err
    assert token.partition(".")[2] not in file.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    assert floor.people("list") == OK
    out, err = floor.printed()
    assert re.fullmatch(r"op-17 +operator, engineer +until 2099-01-31\n", out)
    assert floor.people("list", "--json") == OK
    listed = json.loads(floor.printed()[0])
    assert listed["people"] == [{"staff": "op-17", "roles": ["operator", "engineer"], "expires": "2099-01-31", "expired": False}]
    assert listed["agencies"] == []


def test_who_is_there_is_not_added_again_and_who_is_not_cannot_be_revoked(floor: Floor) -> None:
    """A second token would make the first one useless without a word."""
    assert floor.people("add", "op-17", "--role", "operator") == OK
    before = (floor.folder / "people.toml").read_bytes()
    never = floor.folder / "never"
    assert floor.people("add", "op-17", "--role", "operator", "--to", str(never)) == PROBLEM
    assert not never.exists()
    assert floor.people("revoke", "op-18") == PROBLEM
    assert (floor.folder / "people.toml").read_bytes() == before
    assert floor.people("revoke", "op-17") == OK
    floor.printed()
    assert floor.people("list") == OK
    assert "nobody may act" in floor.printed()[1]


@pytest.mark.parametrize(
    "staff", ["zhangsan", "张三1", "13912345678", "op-139-1234-5678", "11010519491231002X", "a b1", "1" * 33, "", "op/1"]
)
def test_a_staff_number_is_no_name_and_no_number_of_a_person(floor: Floor, staff: str) -> None:
    """It is refused, and not repeated."""
    assert floor.people("add", staff, "--role", "operator") == USAGE
    out, err = floor.printed()
    assert not staff or staff not in out + err
    assert not (floor.folder / "people.toml").exists()


def test_a_day_that_is_none_and_a_token_file_that_is_there_are_refused(floor: Floor) -> None:
    """Nothing is changed then."""
    assert floor.people("add", "op-17", "--role", "operator", "--expires", "2027-02-30") == USAGE
    floor.token.write_text("mine", "utf-8")
    assert floor.people("add", "op-17", "--role", "operator", "--to", str(floor.token)) == USAGE
    assert floor.token.read_text("utf-8") == "mine"
    assert not (floor.folder / "people.toml").exists()


def test_a_file_that_is_not_in_order_is_not_written_over(floor: Floor) -> None:
    """What people wrote by hand is theirs to mend."""
    file = floor.folder / "people.toml"
    file.write_text("op-17 = 3\n", "utf-8")
    assert floor.people("add", "op-17", "--role", "operator") == CONFIGURATION
    assert "chmod 600" in floor.printed()[1]
    file.chmod(0o600)
    assert floor.people("add", "op-17", "--role", "operator") == CONFIGURATION
    assert file.read_text("utf-8") == "op-17 = 3\n"


def test_a_site_without_acts_has_no_file_of_people(floor: Floor) -> None:
    """It is told what to write into the site file."""
    floor.site.write_text(floor.site.read_text("utf-8").replace('[acts]\npeople = "people.toml"\n', ""), "utf-8")
    assert floor.people("list") == CONFIGURATION
    assert "[acts]" in floor.printed()[1]


def test_an_agency_has_its_token_from_the_same_file(floor: Floor) -> None:
    """People and agencies do not disturb each other; the token is shown once, and taken away again."""
    assert floor.people("add", "op-17", "--role", "operator") == OK
    floor.printed()
    assert floor.people("agency", "add", "tax", "--expires", "2099-01-31") == OK
    out, err = floor.printed()
    token = out.strip()
    assert token.startswith("tax.")
    assert "GET /feed/tax" in err
    assert token not in err + (floor.folder / "people.toml").read_text("utf-8")
    found = load_people("p", (floor.folder / "people.toml").read_bytes())
    assert found.agency_of(token) == found.agencies["tax"]
    assert found.whose(token) is None
    assert floor.people("agency", "add", "tax") == PROBLEM
    assert floor.people("agency", "add", "tax", "--replace") == OK
    assert load_people("p", (floor.folder / "people.toml").read_bytes()).agency_of(token) is None
    floor.printed()
    assert floor.people("list") == OK
    assert re.fullmatch(r"op-17 +operator\ntax +agency: its feed\n", floor.printed()[0])
    assert floor.people("list", "--json") == OK
    assert json.loads(floor.printed()[0])["agencies"] == [{"agency": "tax", "expires": None, "expired": False}]
    assert floor.people("agency", "revoke", "tax") == OK
    assert floor.people("agency", "revoke", "tax") == PROBLEM
    assert [*load_people("p", (floor.folder / "people.toml").read_bytes()).persons] == ["op-17"]


def test_an_agency_is_one_of_the_site(floor: Floor) -> None:
    """Which there are is said; the file is not made."""
    assert floor.people("agency", "add", "taxi") == USAGE
    assert "exit-entry" in floor.printed()[1]
    assert floor.people("agency", "add", "Tax") == USAGE
    assert not (floor.folder / "people.toml").exists()


def test_two_who_write_at_once_lose_nothing(floor: Floor) -> None:
    """Each waits for the other."""
    threads = [
        threading.Thread(target=run, args=(["people", "add", f"op-{n}", "--role", "operator", "--site", str(floor.site)],))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    floor.printed()
    assert floor.people("list", "--json") == OK
    assert len(json.loads(floor.printed()[0])["people"]) == 6


# --- nothing comes out ---------------------------------------------------------------------------------------------------


def test_no_token_comes_out_of_any_command_or_log(floor: Floor) -> None:
    """Of a whole session: acts, refusals, errors; nor out of the journal, or any other file but its own."""
    with capture_logs() as logs:
        address = floor.begin()
        secret = floor.token.read_text("utf-8").strip().partition(".")[2]
        for arguments in ACTS:
            floor.act(*arguments)
        floor.act("recent")
        floor.act("lane", "close", "sorter-1", "3", reason=["--reason", "ask 13912345678"])
        floor.people("list")
        run(["act", "recent", "--service", "http://10.255.255.1:1", "--token-file", str(floor.token)])
        assert address
    out = "".join(floor.printed()) + str(logs)
    assert "lane_close" in out
    files = [Path(folder) / name for folder, _, names in os.walk(floor.folder) for name in names]
    kept = b"".join(file.read_bytes() for file in files if file != floor.token)
    for hidden in (secret, "13912345678"):
        assert hidden not in out
        assert hidden.encode() not in kept

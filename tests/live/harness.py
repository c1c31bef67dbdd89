"""
The hall as it runs in life: the plant and the control service as processes, TCP between them, signals from outside.

    with Hall(folder, items=600) as hall:      # processes are started and heard, the plant stands still
        hall.open()                            # plant time runs
        hall.service.kill()                    # kill -9
        hall.start_service()
        verdict = hall.settle()                # plant stands still, all that it said is durable: ask both sides

With `proxy_seed`, `hall.proxy` stands between the two and makes what faults it is ordered to (`proxy`).

Nothing here waits for luck: each wait is for something that is seen, has a limit, and says with both processes' logs
what was not seen. Children are ended by their own process id, always.
"""

from __future__ import annotations

import csv
import io
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO, TypeVar

import evidence

from packcenter.cli.site import prepare
from packcenter.config.load import bundled_site, load_site
from packcenter.config.manifest import COLUMNS
from simulation import demand, judge, newborn

_T = TypeVar("_T")

DAY = date(2026, 3, 2)
SPEED = 10
POSTCODES = ("211100", "210009", "214000", "230001")
"""Two districts of the city, one city of the province, one of elsewhere: a bag of 50 is full every ten seconds."""

READY_S = 60.0
"""Three OPC UA servers load their address space, on a machine that others use too."""

ANSWER_S = 30.0
STOP_S = 15.0
LOOK_S = 0.02
_LOG_TAIL = 3_000
PACKCENTER = ("-m", "packcenter")
SMALL_JOURNAL = (str(Path(__file__).parent / "small_journal.py"),)
PROXY = (str(Path(__file__).parent / "proxy.py"),)


class NotSeen(AssertionError):  # noqa: N818 - read aloud, the name says it
    """Something that had to happen was not seen in its time."""


def _environment() -> dict[str, str]:
    """As installed: compiled once, outside the source tree. Without that each start would compile all libraries anew."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "packcenter-pycache")}


class Child:
    """One process of ours, its output in a file; ended when the `with` ends, however that happens."""

    def __init__(self, arguments: list[str], log: Path, *, program: Sequence[str] = PACKCENTER, talks: bool = False) -> None:
        self.log = log
        self._log_from = log.stat().st_size if log.exists() else 0
        self.started_s = time.monotonic()
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else out,
                stderr=out,
                text=True,
                start_new_session=True,
                env=_environment(),
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines that this process wrote to its log so far."""
        with self.log.open("rb") as file:
            file.seek(self._log_from)
            whole, _, _ = file.read().decode("utf-8", "replace").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def text(self) -> str:
        """All that this process wrote to its log so far."""
        with self.log.open("rb") as file:
            file.seek(self._log_from)
            return file.read().decode("utf-8", "replace")

    def kill(self) -> None:
        """kill -9: no handler, no flush, no farewell."""
        self.process.kill()
        self.process.wait(STOP_S)

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """SIGSTOP: it stands still, as on a computer that swaps or is moved, and then goes on."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def terminate(self, limit_s: float = STOP_S) -> int:
        """SIGTERM; the exit code. Raises `NotSeen` if it does not end in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended(limit_s)

    def ended(self, limit_s: float) -> int:
        """Wait for its own end; the exit code."""
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise NotSeen(f"process {self.process.pid} did not end in {limit_s} s\n{tail(self.log)}") from None

    def end(self) -> None:
        """For the end of a test: in good order if it can, else not."""
        if self.alive:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


class Talker(Child):
    """A process that says in one JSON line where it listens when it is `ready`, and then takes orders, one line each."""

    def __init__(self, name: str, arguments: list[str], log: Path, *, program: Sequence[str] = PACKCENTER) -> None:
        super().__init__(arguments, log, program=program, talks=True)
        self.name = name
        self._answers: queue.Queue[str] = queue.Queue()
        assert self.process.stdout is not None
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()
        self.addresses: dict[str, tuple[str, int]] = self._answer("ready", READY_S)["ready"]

    def _read(self, stdout: TextIO) -> None:
        for line in stdout:
            self._answers.put(line)
        self._answers.put("")

    def _answer(self, what: str, limit_s: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=limit_s)
        except queue.Empty:
            raise NotSeen(f"the {self.name} did not answer {what} in {limit_s} s\n{tail(self.log)}") from None
        if not line:
            raise NotSeen(f"the {self.name} ended at {what}, exit code {self.process.wait(STOP_S)}\n{tail(self.log)}")
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, answer
        return answer

    def order(self, name: str, argument: object = True) -> dict[str, Any]:
        """Give an order and wait for its answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({name: argument}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise NotSeen(f"the {self.name} is gone, exit code {self.process.wait(STOP_S)}\n{tail(self.log)}") from None
        return self._answer(name, ANSWER_S)


class PlantProcess(Talker):
    """The simulated hall with its seven PLC servers."""

    def __init__(self, arguments: list[str], log: Path) -> None:
        super().__init__("plant", ["plant", "--any-port", "--frozen", *arguments], log)

    def plcs(self) -> dict[str, dict[str, Any]]:
        """What each PLC saw of the service."""
        seen: dict[str, dict[str, Any]] = self.order("status")["plcs"]
        return seen

    def plc(self, name: str) -> dict[str, Any]:
        """What one PLC saw of the service."""
        return self.plcs()[name]


class ProxyProcess(Talker):
    """The fault proxy in front of the PLCs."""

    def __init__(self, targets: Path, seed: int, log: Path) -> None:
        super().__init__("proxy", ["--targets", str(targets), "--seed", str(seed)], log, program=PROXY)

    def heal(self) -> int:
        """End all faults; the monotonic time of that, microseconds."""
        return int(self.order("heal")["mono_us"])

    def connections(self, since_us: int = 0) -> dict[str, list[tuple[int, int, str]]]:
        """(opened, closed or 0, how it ended) of every connection taken at or after `since_us`, by PLC."""
        found = self.order("connections", since_us)["connections"]
        return {plc: [(opened, closed, how) for opened, closed, how in each] for plc, each in found.items()}


class ServiceProcess(Child):
    """The control service. `address` is known when it listens."""

    def __init__(self, arguments: list[str], log: Path, program: Sequence[str]) -> None:
        super().__init__(["run", "--http", "127.0.0.1:0", *arguments], log, program=program)
        self._address: tuple[str, int] | None = None

    def address(self) -> tuple[str, int]:
        """Where it listens; waits until it says so."""
        if self._address is None:
            told = wait_for(self._listening, READY_S, "the service to listen", self)
            host, _, port = told["address"].removeprefix("http://").rpartition(":")
            self._address = str(host), int(port)
        return self._address

    def _listening(self) -> dict[str, Any] | None:
        return next((line for line in self.lines() if line.get("event") == "listening"), None)

    def get(self, path: str) -> tuple[int, str]:
        """One GET; (status, body)."""
        connection = HTTPConnection(*self.address(), timeout=ANSWER_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def ready(self) -> bool:
        """Whether every PLC is heard."""
        try:
            return self.get("/-/ready")[0] == 200
        except (OSError, HTTPException):
            return False

    def status(self) -> dict[str, Any]:
        """The figures of the moment."""
        status: dict[str, Any] = json.loads(self.get("/status")[1])
        return status

    def heartbeats(self) -> dict[str, int]:
        """The heartbeat of each PLC as the service has it; PLCs that it cannot hear are left out."""
        links = json.loads(self.get("/plcs")[1])
        return {link["plc"]: link["image"]["heartbeat"] for link in links if link["image"] is not None}

    def drained(self, before: dict[str, int]) -> bool:
        """
        Whether every event that any PLC had made at the heartbeats `before` is durable, and every PLC has our last command.

        Two beats on, what the service sees of a PLC is of a later moment.
        """
        links = json.loads(self.get("/plcs")[1])
        return all(
            link["image"] is not None
            and link["up"]
            and (link["image"]["heartbeat"] - before.get(link["plc"], 0)) % 65536 >= 2
            and link["image"]["epoch"] == link["epoch"]
            and link["image"]["odometer"] == link["acknowledged"]
            and link["commands_waiting"] == 0
            for link in links
        )

    def troubles(self) -> list[dict[str, Any]]:
        """What it logged as warning or worse."""
        return [line for line in self.lines() if line.get("level") in ("warning", "error", "critical")]


class Verdict:
    """
    What all judges say at a quiet moment: `journal` what its records prove and replay to, `second` the judge that shares
    no code with packcenter, the rest is the plant's own count.
    """

    def __init__(self, journal: evidence.Evidence, second: judge.Verdict, answer: dict[str, Any]) -> None:
        self.journal = journal
        self.second = second
        self.faults: list[str] = answer["faults"]
        self.differences: list[dict[str, str]] = answer["details"]
        self.bills = {tag: tuple(labels) for tag, labels in answer["bills"].items()}

    def violations(self, *, memory_lost: bool = False) -> list[str]:
        """
        Everything that must not be. Where PLCs `memory_lost`, the ledger may have an item at the hand station (or lost)
        that is elsewhere; where only the service died, nothing may differ at all.
        """
        found = [*self.journal.violations(), *(f"judge: {said}" for said in self.second.violations)]
        found += [f"plant: {fault}" for fault in self.faults]
        found += [f"truth: {each}" for each in self.differences if not (memory_lost and each["ledger"] in ("hand", "lost"))]
        for bag in self.journal.dispatched:
            really = self.bills.get(bag.bag, ())
            if really != bag.waybills:
                missing, more = sorted({*bag.waybills} - {*really}), sorted({*really} - {*bag.waybills})
                found.append(f"D1: bag {bag.bag} lacks {missing} of its bill and holds {more} beside it, or in another order")
        return found


class Hall:
    """Plant and service in a folder; `with` starts both and ends both."""

    def __init__(
        self,
        folder: Path,
        *,
        items: int = 600,
        seed: int = 1,
        speed: int = SPEED,
        program: Sequence[str] = PACKCENTER,
        proxy_seed: int | None = None,
        hall: str = "reference",
    ) -> None:
        self.site = bundled_site(hall)
        self.folder = folder
        self.program = program
        self.seed = seed
        self.proxy_seed = proxy_seed
        self.speed = speed
        self.journal = folder / "journal"
        folder.mkdir(parents=True, exist_ok=True)
        self._manifest = folder / "day.csv"
        self._manifest.write_bytes(dense_day(seed, items) if hall == "reference" else dense_cases(seed, items))
        configuration = load_site(self.site)
        self.day = prepare(configuration, self._manifest, seed, None, DAY)
        self.plcs = [plc.name for plc in configuration.plcs]
        self.role = {plc.name: plc.role for plc in configuration.plcs}
        self.runs = 0

    def __enter__(self) -> Self:
        arguments = ["--manifest", str(self._manifest), "--seed", str(self.seed), "--speed", str(self.speed)]
        arguments += ["--site", str(self.site)]
        self.plant = PlantProcess(arguments, self.folder / "plant.log")
        try:
            self._put_addresses()
            self._bring_manifest()
            self.start_service()
            self.until_ready()
            wait_for(self._announced, READY_S, "the manifest to be taken", self.service)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        for name in ("service", "proxy", "plant"):
            if hasattr(self, name):
                getattr(self, name).end()

    def _put_addresses(self) -> None:
        """Tell the service where the PLCs are, or the proxy in front of them."""
        addresses = self.plant.addresses
        if self.proxy_seed is not None:
            targets = self.folder / "targets.json"
            targets.write_text(json.dumps(addresses))
            self.proxy = ProxyProcess(targets, self.proxy_seed, self.folder / "proxy.log")
            addresses = self.proxy.addresses
        (self.folder / "addresses.json").write_text(json.dumps(addresses))

    def _bring_manifest(self) -> None:
        folder = self.folder / "manifests" / "in"
        folder.mkdir(parents=True)
        part = folder / "day.csv.part"
        part.write_bytes(self._manifest.read_bytes())
        part.rename(folder / "day.csv")

    def _announced(self) -> bool:
        return bool(self.service.status()["expected"] == self.items)

    @property
    def items(self) -> int:
        """How many are announced."""
        return sum(len(delivery.documents) for delivery in self.day.deliveries)

    def service_arguments(self) -> list[str]:
        """What `packcenter run` is started with."""
        return [
            *("--site", str(self.site), "--folder", str(self.folder), "--addresses", str(self.folder / "addresses.json")),
            *("--speed", str(self.speed), "--start-us", str(self.day.opens_us), "--balance"),
        ]

    def start_service(self) -> None:
        """Start the service, for the first time or again."""
        self.service = ServiceProcess(self.service_arguments(), self.folder / "service.log", self.program)
        self.runs += 1

    def until_ready(self, limit_s: float = READY_S) -> float:
        """Wait until every PLC is heard; seconds since the service's process was started."""
        wait_for(self.service.ready, limit_s, "every PLC to be heard", self.service, self.plant)
        return time.monotonic() - self.service.started_s

    def plant_hears(self) -> bool:
        """Whether every PLC hears packcenter."""
        return all(plc["peer_alive"] for plc in self.plant.plcs().values())

    def open(self) -> None:
        """Plant time runs."""
        self.plant.order("freeze", False)

    def until(self, seen: Callable[[dict[str, Any]], bool], limit_s: float, what: str) -> dict[str, Any]:
        """Wait until the service's figures are so; the figures."""
        return wait_for(
            lambda: status if seen(status := self.service.status()) else None, limit_s, what, self.service, self.plant
        )

    def until_done(self, limit_s: float) -> None:
        """Wait until all items have come and left belts, lanes and machines."""

        def done() -> bool:
            where = self.plant.order("status")["where"]
            return not any(where.get(kind) for kind in ("agency", "queue", "belt")) and not on_the_line(self.service.status())

        wait_for(done, limit_s, "all items to be packed", self.service, self.plant)

    def settle(self) -> Verdict:
        """The plant stands still; when all that it said is durable, both sides are asked."""
        self.plant.order("freeze", True)
        before = self.service.heartbeats()
        wait_for(lambda: self.service.drained(before), READY_S, "every event to be acknowledged", self.service, self.plant)
        with self.service.stalled():  # what it writes in this moment may be there in part, and nothing may vanish
            second = judge.judge(self.journal)
        journal = evidence.read(self.journal)
        ledger = self.folder / "ledger.json"
        ledger.write_text(json.dumps(journal.places))
        return Verdict(journal, second, self.plant.order("compare", str(ledger)))


def on_the_line(status: dict[str, Any]) -> int:
    """How many items are on belts, in lanes and machines, or on their way to the rack."""
    return sum(int(status["in_hall"][kind]) for kind in ("belt", "lane", "pack", "rack"))


def wait_for(seen: Callable[[], _T | None], limit_s: float, what: str, *children: Child) -> _T:
    """Look until there is something to see; raises `NotSeen` with the children's logs if one ends or the time is over."""
    end = time.monotonic() + limit_s
    while True:
        found = seen()
        if found:
            return found
        dead = [child for child in children if not child.alive]
        if dead or time.monotonic() > end:
            why = f"{dead[0].log.name}'s process ended with {dead[0].process.poll()}" if dead else f"not in {limit_s} s"
            raise NotSeen("\n".join([f"waited for {what}: {why}", *(tail(child.log) for child in children)]))
        time.sleep(LOOK_S)


def tail(log: Path) -> str:
    """The end of a log, for a message."""
    return f"--- {log.name}\n{log.read_text('utf-8', 'replace')[-_LOG_TAIL:]}" if log.exists() else f"--- {log.name}: none"


def dense_day(seed: int, items: int) -> bytes:
    """A manifest that lets the line never want for work, and fills bags often: all come in a minute, to few places."""
    rows = demand.example_day(seed, DAY, items)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for at, row in enumerate(rows):
        destination = POSTCODES[at % len(POSTCODES)]
        writer.writerow(row._replace(arrives=f"09:00:{at * 50 // len(rows):02d}", destination=destination))
    return text.getvalue().encode()


def dense_cases(seed: int, items: int) -> bytes:
    """The newborn hall's day, all of it in a minute: the documents of a case come apart."""
    rows = newborn.newborn_day(seed, DAY, items)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for at, row in enumerate(rows):
        writer.writerow(row._replace(arrives=f"09:00:{at * 50 // len(rows):02d}"))
    return text.getvalue().encode()


@contextmanager
def run_beside(arguments: list[str], log: Path, program: Sequence[str] = PACKCENTER) -> Iterator[Child]:
    """Another `packcenter` command beside the hall."""
    child = Child(arguments, log, program=program)
    try:
        yield child
    finally:
        child.end()

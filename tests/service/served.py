"""Shared by the tests of HTTP and of the live page: the reference hall, and a service that says what a test wants it to say."""

from __future__ import annotations

import asyncio
import threading
from functools import cache
from ssl import SSLContext
from types import SimpleNamespace, TracebackType
from typing import Any, Self

import msgspec

from packcenter.config.build import Configuration
from packcenter.config.load import bundled_site, load_site
from packcenter.config.people import Agency, Person, digest, to_toml
from packcenter.core.controller import Controller, Outcome
from packcenter.core.hall import Hall
from packcenter.core.inputs import Act, CustodyRulesGiven, Started
from packcenter.core.state import State
from packcenter.plc.trace import Trace
from packcenter.real import RealClock, RealNet
from packcenter.service.badges import Badges, PeopleFile
from packcenter.service.desk import Desk
from packcenter.service.http import HttpServer
from packcenter.service.output_commit import Recorded
from packcenter.service.papers import Papers
from packcenter.service.plans import Shelf
from packcenter.service.status import LaneNow, MachineNow, Status, StatusReader

START_US = 1_772_409_600_000_000
"""08:00 of a Monday in the reference hall."""


@cache
def reference() -> Configuration:
    """The reference hall."""
    return load_site(bundled_site())


def quiet_status() -> Status:
    """A hall before its day: every PLC heard and in Execute, nothing anywhere."""
    controller = Controller()
    hall = reference().hall
    controller.step(START_US, Started(1, "1.0", hall, reference().digest))
    machine = MachineNow(up=True, epoch=1, state=6, reason_class=0, pending=0, places={}, jams=[], consumables={})
    status = StatusReader().status(controller.state, START_US)
    return msgspec.structs.replace(status, plcs=dict.fromkeys(hall.plcs(), machine))


def with_machine(status: Status, plc: str, **changes: Any) -> Status:
    """The status with one machine otherwise."""
    plcs = {**status.plcs, plc: msgspec.structs.replace(status.plcs[plc], **changes)}
    return msgspec.structs.replace(status, plcs=plcs)


def with_lane(status: Status, plc: str, lane: int, items: int, on_way: int = 0) -> Status:
    """The status with one lane otherwise."""
    lanes = {name: list(all_lanes) for name, all_lanes in status.lanes.items()}
    lanes[plc][lane - 1] = LaneNow(items, on_way)
    return msgspec.structs.replace(status, lanes=lanes)


class Told:
    """
    What the HTTP side uses of a service, in the words of a test: `now` is the status that it shows, `core` takes the acts.
    """

    def __init__(self, mode: str = "simulation", speed: int = 1, hall: Hall | None = None) -> None:
        self.now = quiet_status()
        self.clock = RealClock()
        self.running = threading.Event()
        self.running.set()
        self.setup = SimpleNamespace(
            hall=hall or reference().hall,
            release="1.0",
            mode=mode,
            speed=speed,
            clock=self.clock,
            net=RealNet(),
            people=None,
            reasons=("换膜",),
            http_names=("hall.example",),
        )
        self.shelf = Shelf(None, self.setup.hall, asyncio.to_thread)
        self.papers: Papers | None = None
        self.badges: Badges | None = None
        self.is_open = True
        self.holds_acts = False
        self.desk = Desk(self._submit, lambda: self.is_open)
        self.core = Controller()
        self.core.step(START_US, Started(1, "1.0", reference().hall, reference().digest))
        self.core.step(START_US, CustodyRulesGiven(1, 480, 120))
        self._sequence = 1
        self.controller = Controller(State(run=1))
        self.core_clock = SimpleNamespace(now_us=lambda: START_US)
        self.links = SimpleNamespace(links={"sorter-1": None}, trace=Trace())

    def let_act(self, people: dict[str, tuple[str, ...]], expires: str = "", agencies: tuple[str, ...] = ()) -> dict[str, str]:
        """Let these people act (staff number -> roles), and these agencies ask for their feed; returns their tokens."""
        tokens = {name: f"{name}.secret-of-{name}" for name in (*people, *agencies)}
        persons = [Person(staff, digest(tokens[staff], b"s" * 16), expires, roles) for staff, roles in people.items()]
        known = [Agency(name, digest(tokens[name], b"s" * 16), expires) for name in agencies]
        self.badges = Badges(PeopleFile("people.toml", lambda: to_toml(persons, known).encode()))
        self.badges.load()
        return tokens

    def _submit(self, act: Act) -> asyncio.Future[list[Outcome]]:
        """What the engine does with an act: a step of the real core, its record, and then the outcome."""
        done: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        if not self.holds_acts:
            self._sequence += 1
            outcome = self.core.step(START_US, act)
            self.desk.observe(Recorded(self._sequence, START_US, 0, act, outcome.facts, []))
            done.set_result([outcome])
        return done

    def status(self) -> Status:
        """The status that the test has set; while `running` is not set, the whole loop stands still in it."""
        self.running.wait()
        return self.now


class Served:
    """A `Told` behind the real HTTP server, in a loop and thread of its own, so that a test may block. `with` ends it."""

    def __init__(self, told: Told, port: int = 0, tls: SSLContext | None = None) -> None:
        self.told = told
        self._tls = tls
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = HttpServer(self.told, "127.0.0.1", self._port, self._tls)  # type: ignore[arg-type]  # a service by shape
        self.address = asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(30)
        self._port = int(self.address.rpartition(":")[2])
        return self

    @property
    def port(self) -> int:
        """Where it listens; the same again after `with` is entered again."""
        return self._port

    def stop(self) -> None:
        """End the server, as the service does when it stops."""
        self.told.running.set()
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(30)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

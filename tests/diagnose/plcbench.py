"""Shared by the tests of diagnose: PLCs behind real servers, and a service that holds them, in a loop and thread of their own."""

from __future__ import annotations

import asyncio
import io
import json
import threading
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self, TypeVar

from packcenter.cli import serving
from packcenter.config.build import Configuration
from packcenter.config.load import bundled_site, load_site, profile_folder
from packcenter.core.packml import State
from packcenter.plc.line import EventKind, LineCommand
from packcenter.plc.link import LinkSettings
from packcenter.real import RealClock
from packcenter.service.http import HttpServer
from packcenter.service.service import Service
from simulation.lineplc import LinePlc
from simulation.plcport import PlcPort, Program
from simulation.servers import LineServer, Nameplate
from simulation.servers.modbus import ModbusServer
from simulation.servers.opcua import NAMESPACE, OpcUaServer

T = TypeVar("T")
LIMIT_S = 30
DIGEST = 0xC0FFEE01
PLATE = Nameplate("Hall Works", "SL-9", "000471", "2.3")
CLOCK = RealClock()
CYCLE_US = 20_000


class Machine(Program):
    """Starts when it is told to, and says so; everything else it takes and does nothing."""

    def __init__(self, plc: PlcPort) -> None:
        self.plc = plc

    def on_granted(self) -> None:
        self._show(State.STOPPED)

    def on_command(self, command: LineCommand) -> None:
        self._show(State.EXECUTE if command.a == 2 else State.IDLE)

    def on_peer_lost(self) -> None: ...
    def on_peer_back(self) -> None: ...
    def on_reboot(self) -> None: ...

    def _show(self, state: State) -> None:
        self.plc.set_state(state)
        self.plc.report(EventKind.STATE_CHANGED, a=state)


class SimulatedPlc:
    """One PLC and its server. While it is not in `run` its program stands still, and its server goes on answering."""

    def __init__(self, plc: LinePlc, server: LineServer) -> None:
        self.plc = plc
        self.server = server
        self.run = True
        self.opened = 0
        opened = server.wire.opened

        def count(connection: Any) -> None:
            self.opened += 1
            opened(connection)

        server.wire.opened = count  # type: ignore[method-assign]

    def slow(self, seconds: float) -> None:
        """Let each look at the image take this long, as a PLC with a long cycle does."""
        words = self.plc.out_words

        def late() -> list[int]:
            time.sleep(seconds)
            return words()

        self.plc.out_words = late  # type: ignore[method-assign]


class Bench:
    """A loop in a thread, so that a command line under test may have the main thread; `with` ends everything."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._endings: list[Coroutine[Any, Any, Any]] = []
        self._services: list[tuple[Service, HttpServer]] = []
        self.plcs: dict[str, SimulatedPlc] = {}
        self.tls: SSLContext | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._cycles = asyncio.run_coroutine_threadsafe(self._run_plcs(), self._loop)
        return self

    async def _run_plcs(self) -> None:
        while True:
            for simulated in list(self.plcs.values()):
                if simulated.run and simulated.plc.next_tick_us() <= CLOCK.mono_us():
                    simulated.plc.tick()
            await CLOCK.sleep_us(CYCLE_US)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end_services()
        for ending in reversed(self._endings):
            self.call(ending)
        self._cycles.cancel()
        self.call(CLOCK.sleep_us(1_000))  # the loop must see that before it stops
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_S)
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it in the bench's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LIMIT_S)

    def until(self, holds: Any) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < end, holds
            time.sleep(0.02)

    def modbus(self, name: str = "bagger-3", *, digest: int = DIGEST, called: str | None = None, unit: int = 1) -> SimulatedPlc:
        """A PLC behind a Modbus server."""
        plc = _plc(called or name, digest)
        return self._start(name, SimulatedPlc(plc, ModbusServer(plc, nameplate=PLATE, unit=unit)))

    def opcua(self, name: str = "sorter-1", *, digest: int = DIGEST) -> SimulatedPlc:
        """A PLC behind an OPC UA server."""
        plc = _plc(name, digest)
        return self._start(name, SimulatedPlc(plc, OpcUaServer(plc, clock=CLOCK, nameplate=PLATE)))

    def _start(self, name: str, simulated: SimulatedPlc) -> SimulatedPlc:
        self.call(simulated.server.start())
        self._endings.append(simulated.server.stop())
        self.plcs[name] = simulated
        return simulated

    def service(self, configuration: Configuration, folder: Path) -> tuple[Service, str]:
        """The real service of a hall with its HTTP side; returns it and its address."""
        here = replace(configuration, site=replace(configuration.site.below(folder), lab=True))
        return self.call(self._begin(here))

    async def _begin(self, configuration: Configuration) -> tuple[Service, str]:
        serving.log_to(io.StringIO(), as_json=True)
        service = Service(serving.setup_of(configuration, serving.Options(mode="simulation")))
        service.recover()
        await service.start()
        server = HttpServer(service, "127.0.0.1", 0, self.tls)
        address = await server.start()
        self._services.append((service, server))
        return service, address

    def end_services(self) -> None:
        """Stop every service of the bench, as an operator does."""
        while self._services:
            service, server = self._services.pop()
            self.call(server.stop())
            self.call(service.stop())


def _plc(name: str, digest: int) -> LinePlc:
    plc = LinePlc(name, nonce=0xCAFE_0001, plant_us=CLOCK.mono_us, wall_us=CLOCK.mono_us, profile_digest=digest)
    plc.program = Machine(plc)
    return plc


def settings_of(simulated: SimulatedPlc, name: str | None = None) -> LinkSettings:
    """How a link or a probe reaches a PLC of the bench."""
    server = simulated.server
    plc = name or simulated.plc.name
    if isinstance(server, OpcUaServer):
        return LinkSettings(plc=plc, protocol="opcua", profile_digest=DIGEST, url=server.url, namespace_uri=NAMESPACE)
    assert isinstance(server, ModbusServer)
    return LinkSettings(plc=plc, protocol="modbus", profile_digest=DIGEST, host=server.host, port=server.port)


def free_port() -> int:
    """A port of the loopback on which nobody listens."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def modbus_site(folder: Path, http_port: int) -> Path:
    """The reference site with every PLC on Modbus, its profiles beside it, and nobody at its HTTP port unless a test is."""
    reference = bundled_site()
    text = reference.read_text("utf-8").replace('profile = "sorter-opcua"', 'profile = "sorter-modbus"')
    text = text.replace('profile = "bagger-opcua"', 'profile = "bagger-modbus"').replace("port = 8080", f"port = {http_port}")
    (folder / "site.toml").write_text(text, "utf-8")
    (folder / "plan.toml").write_text((reference.parent / "plan.toml").read_text("utf-8"), "utf-8")
    for profile in profile_folder().glob("*.toml"):
        (folder / profile.name).write_bytes(profile.read_bytes())
    return folder / "site.toml"


class ModbusHall:
    """The reference hall with seven Modbus PLCs of the bench, its site file and the file of their addresses."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.folder = folder
        self.site = modbus_site(folder, free_port())
        self.configuration = load_site(self.site)
        for plc in self.configuration.plcs:
            bench.modbus(plc.name, digest=plc.profile_digest)
        addresses = {name: ("127.0.0.1", simulated.server.port) for name, simulated in bench.plcs.items()}
        self.addresses = folder / "addresses.json"
        self.addresses.write_text(json.dumps(addresses), "utf-8")
        self.configuration = self.configuration.at(addresses)

    @property
    def arguments(self) -> list[str]:
        """What tells `packcenter plc` of this hall."""
        return ["--site", str(self.site), "--addresses", str(self.addresses)]

"""
The simulated hall as a process: machines in SimPy time, each PLC behind its own real protocol server.

It talks to people and programs in JSON lines. Out: `{"ready": {plc: [host, port]}}` once, then one answer per order.
In, on standard input: `{"reboot": plc}`, `{"off": plc}`, `{"on": plc}`, `{"cut": plc}`, `{"restore": plc}`,
`{"freeze": true}`, `{"compare": file}`, `{"status": true}`, `{"stop": true}`. `off` takes a PLC's power and memory, `on`
gives power back, `reboot` does both at once. `compare` names a JSON file with the ledger's places and is answered with
every difference from where things really are, and with what really hangs in the closed bags. `status` tells, beside the
plant's time and where things are, what each PLC saw of packcenter and when, in microseconds of the computer's
monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from packcenter.config.build import Configuration, PlcSettings
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from packcenter.ports import Clock, Ids
from simulation.clock import SimPyClock
from simulation.documents import Delivery
from simulation.lineplc import LinePlc
from simulation.packml_unit import Machine
from simulation.plant.hall import Plant, PlantSettings
from simulation.servers import LineServer, Nameplate
from simulation.servers.modbus import ModbusServer
from simulation.servers.opcua import OpcUaServer
from simulation.truth import compare
from simulation.wire import WireDriver

_TRACKS_NOTED = 256
"""Items whose induction is remembered: several belts full."""


@dataclass
class Notes:
    """
    What a PLC saw of packcenter: monotonic times of the computer in microseconds, 0 never; `decisions` since its last start.

    `induction_us` is when it let an item in last, `decision_us` when it took a decision last, and `decided_us` when it had
    let in the item that this decision was about.
    """

    induction_us: int = 0
    decision_us: int = 0
    decided_us: int = 0
    decisions: int = 0
    peer_lost_us: int = 0
    peer_back_us: int = 0


class NotedPlc(LinePlc):
    """A PLC that notes when it let in its items. What its machine is told is noted by `_NotedProgram`."""

    notes: Notes
    inductions: dict[int, int]

    def report(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, c: int = 0, code: str = "") -> None:
        if kind == EventKind.SCANNED:
            self.notes.induction_us = self.inductions[track] = self._wall_us()
            self.inductions.pop(track - _TRACKS_NOTED, None)
        super().report(kind, track=track, a=a, b=b, c=c, code=code)

    def waiting(self) -> list[tuple[int, int, int]]:
        """(number, kind, track) of the events that are not acknowledged, oldest first."""
        return [(kept.event.number, kept.event.kind, kept.event.track) for kept in self._ring]


class _NotedProgram:
    """A machine program, and notes of what its PLC told it."""

    def __init__(self, program: Machine, plc: NotedPlc, wall: Clock) -> None:
        self._program = program
        self._plc = plc
        self._notes = plc.notes
        self._wall = wall

    def on_granted(self) -> None:
        self._notes.peer_back_us = self._wall.mono_us()
        self._program.on_granted()

    def on_command(self, command: LineCommand) -> None:
        if command.kind == CommandKind.DIVERT:
            self._notes.decision_us = self._wall.mono_us()
            self._notes.decided_us = self._plc.inductions.get(command.track, 0)
            self._notes.decisions += 1
        self._program.on_command(command)

    def on_peer_lost(self) -> None:
        self._notes.peer_lost_us = self._wall.mono_us()
        self._program.on_peer_lost()

    def on_peer_back(self) -> None:
        self._notes.peer_back_us = self._wall.mono_us()
        self._program.on_peer_back()

    def on_reboot(self) -> None:
        self._notes.decisions = 0
        self._plc.inductions.clear()
        self._program.on_reboot()

    def on_halt(self) -> None:
        self._program.on_halt()

    def on_run(self) -> None:
        self._program.on_run()

    def on_power_dip(self) -> None:
        self._program.on_power_dip()

    def on_scan_time(self, us: int) -> None:
        self._program.on_scan_time(us)


@dataclass
class WiredHall:
    """The plant behind real servers. `driver` runs it; `addresses` is filled when the servers listen."""

    configuration: Configuration
    plant: Plant
    plcs: dict[str, NotedPlc]
    driver: WireDriver
    wall: Clock
    ids: Ids
    addresses: dict[str, tuple[str, int]] = field(default_factory=dict)

    async def start(self) -> None:
        """Start all servers and plant time. Raises `OSError` if an address is taken."""
        ports = await self.driver.start()
        self.addresses = {plc.name: (plc.host, ports[plc.name]) for plc in self.configuration.plcs}


def build(
    configuration: Configuration,
    deliveries: Sequence[Delivery],
    settings: PlantSettings,
    wall: Clock,
    ids: Ids,
    *,
    speed: int,
    any_port: bool,
) -> WiredHall:
    """Put a server and a machine behind every PLC of the configuration; `any_port` ignores the configured ports."""
    clock = SimPyClock()
    plcs = {plc.name: _plc(plc, ids, clock, wall) for plc in configuration.plcs}
    documents = [document for delivery in deliveries for document in delivery.documents]
    plant = Plant(configuration.hall, documents, settings, clock, plcs)
    for name, plc in plcs.items():
        plc.program = _NotedProgram(plant.programs[name], plc, wall)
    servers = [_server(plc, plcs[plc.name], wall, 0 if any_port else plc.port) for plc in configuration.plcs]
    driver = WireDriver(clock, list(plcs.values()), servers, wall=wall, speed=speed)
    return WiredHall(configuration, plant, plcs, driver, wall, ids)


def _plc(settings: PlcSettings, ids: Ids, clock: SimPyClock, wall: Clock) -> NotedPlc:
    plc = NotedPlc(
        settings.name,
        nonce=ids.nonce(),
        plant_us=lambda: clock.now_us,
        wall_us=wall.mono_us,
        profile_digest=settings.profile_digest,
        order=settings.word_order,
    )
    plc.notes, plc.inductions = Notes(), {}
    return plc


def _server(settings: PlcSettings, plc: LinePlc, wall: Clock, port: int) -> LineServer:
    plate = Nameplate("packcenter", f"simulated {settings.role}", f"SIM-{settings.name}", "1")
    if settings.protocol == "opcua":
        return OpcUaServer(plc, clock=wall, nameplate=plate, host=settings.host, port=port, namespace=settings.namespace_uri)
    return ModbusServer(
        plc,
        nameplate=plate,
        host=settings.host,
        port=port,
        unit=settings.unit_id,
        out_address=settings.out_address,
        in_address=settings.in_address,
    )


class Orders:
    """Carries out the orders of the JSON protocol, one at a time."""

    def __init__(self, hall: WiredHall) -> None:
        self._hall = hall
        self.stop = asyncio.Event()
        self._orders: dict[str, Callable[[Any], Any]] = {
            "reboot": self._reboot,
            "off": self._off,
            "on": self._on,
            "cut": self._cut,
            "restore": self._restore,
            "freeze": self._freeze,
            "compare": self._compare,
            "status": self._status,
            "stop": self._stop,
        }

    async def carry_out(self, line: str) -> dict[str, Any]:
        """The answer to one line: `{"done": order, ...}` or `{"error": what was wrong}`."""
        try:
            order: dict[str, Any] = json.loads(line)
            (name, argument), *more = order.items()
        except (ValueError, AttributeError):
            return {"error": f'{line.strip()[:80]!r} is not an order, expected one such as {{"cut": "sorter-1"}}'}
        if more or name not in self._orders:
            return {"error": f"{name!r} is not an order, expected one of {', '.join(self._orders)}"}
        try:
            answer = self._orders[name](argument)
            if asyncio.iscoroutine(answer):
                answer = await answer
        except (KeyError, OSError, ValueError) as error:
            return {"error": f"{name}: {type(error).__name__}: {error}"}
        return {"done": name, **(answer or {})}

    async def _reboot(self, plc: str) -> None:
        await self._hall.driver.reboot(plc, self._hall.ids.nonce())

    async def _off(self, plc: str) -> None:
        await self._hall.driver.power_off(plc, self._hall.ids.nonce())

    async def _on(self, plc: str) -> dict[str, Any]:
        await self._hall.driver.power_on(plc)
        return {"mono_us": self._hall.wall.mono_us()}

    def _cut(self, plc: str) -> dict[str, Any]:
        self._hall.driver.cut(plc)
        return {"mono_us": self._hall.wall.mono_us()}

    def _restore(self, plc: str) -> dict[str, Any]:
        self._hall.driver.restore(plc)
        return {"mono_us": self._hall.wall.mono_us()}

    def _freeze(self, frozen: bool) -> None:
        if frozen:
            self._hall.driver.pause()
        else:
            self._hall.driver.resume()

    def _compare(self, file: str) -> dict[str, Any]:
        places = json.loads(Path(file).read_text("utf-8"))
        differences = compare(places, self._hall.plant.truth)
        faults = self._hall.plant.truth.faults()
        return {
            "differences": [str(each) for each in differences],
            "details": [msgspec.structs.asdict(each) for each in differences],
            "faults": [str(each) for each in faults],
            "bills": self._hall.plant.truth.bills(),
        }

    def _status(self, _: object) -> dict[str, Any]:
        driver = self._hall.driver
        return {
            "plant_us": driver.plant_us(),
            "mono_us": self._hall.wall.mono_us(),
            "late_us_max": driver.late_us_max,
            "where": dict(self._hall.plant.truth.counts()),
            "plcs": {name: self._of_plc(plc) for name, plc in self._hall.plcs.items()},
        }

    def _of_plc(self, plc: NotedPlc) -> dict[str, Any]:
        return {
            "nonce": plc.nonce,
            "epoch": plc.epoch,
            "packml_state": plc.packml_state,
            "peer_alive": plc.peer_alive,
            "waiting": plc.waiting(),
            "counts": msgspec.structs.asdict(plc.counts),
            **asdict(plc.notes),
        }

    def _stop(self, _: object) -> None:
        self.stop.set()

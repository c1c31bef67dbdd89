"""
The simulated hall as a process: machines in SimPy time, each PLC behind its own real protocol server.

It talks to people and programs in JSON lines. Out: `{"ready": {plc: [host, port]}}` once, then one answer per order.
In, on standard input: `{"reboot": plc}`, `{"cut": plc}`, `{"restore": plc}`, `{"freeze": true}`, `{"compare": file}`,
`{"status": true}`, `{"stop": true}`. `compare` names a JSON file with the ledger's places and is answered with every
difference from where things really are.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packcenter.config.build import Configuration, PlcSettings
from packcenter.ports import Clock, Ids
from simulation.clock import SimPyClock
from simulation.documents import Delivery
from simulation.lineplc import LinePlc
from simulation.plant.hall import Plant, PlantSettings
from simulation.servers import LineServer, Nameplate
from simulation.servers.modbus import ModbusServer
from simulation.servers.opcua import OpcUaServer
from simulation.truth import compare
from simulation.wire import WireDriver


@dataclass
class WiredHall:
    """The plant behind real servers. `driver` runs it; `addresses` is filled when the servers listen."""

    configuration: Configuration
    plant: Plant
    driver: WireDriver
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
        plc.program = plant.programs[name]
    servers = [_server(plc, plcs[plc.name], wall, 0 if any_port else plc.port) for plc in configuration.plcs]
    driver = WireDriver(clock, list(plcs.values()), servers, wall=wall, speed=speed)
    return WiredHall(configuration, plant, driver, ids)


def _plc(settings: PlcSettings, ids: Ids, clock: SimPyClock, wall: Clock) -> LinePlc:
    return LinePlc(
        settings.name,
        nonce=ids.nonce(),
        plant_us=lambda: clock.now_us,
        wall_us=wall.mono_us,
        profile_digest=settings.profile_digest,
        order=settings.word_order,
    )


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

    def _cut(self, plc: str) -> None:
        self._hall.driver.cut(plc)

    def _restore(self, plc: str) -> None:
        self._hall.driver.restore(plc)

    def _freeze(self, frozen: bool) -> None:
        if frozen:
            self._hall.driver.pause()
        else:
            self._hall.driver.resume()

    def _compare(self, file: str) -> dict[str, Any]:
        places = json.loads(Path(file).read_text("utf-8"))
        differences = compare(places, self._hall.plant.truth)
        faults = self._hall.plant.truth.faults()
        return {"differences": [str(each) for each in differences], "faults": [str(each) for each in faults]}

    def _status(self, _: object) -> dict[str, Any]:
        driver = self._hall.driver
        return {
            "plant_us": driver.plant_us(),
            "late_us_max": driver.late_us_max,
            "where": dict(self._hall.plant.truth.counts()),
        }

    def _stop(self, _: object) -> None:
        self.stop.set()

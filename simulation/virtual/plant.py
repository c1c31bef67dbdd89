"""The plant of a virtual hall: its machines, their PLCs, and each PLC's real server at an address of the memory network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from packcenter.config.build import Configuration, PlcSettings
from packcenter.core.hall import Hall
from packcenter.plc.link import LinkSettings
from packcenter.ports import Clock, Ids
from simulation.clock import HeapClock
from simulation.documents import Delivery
from simulation.lineplc import NEW_LIFE, LinePlc
from simulation.lineplc import Life as PlcLife
from simulation.plant.hall import Plant, PlantSettings
from simulation.servers import LineServer, Nameplate
from simulation.servers.modbus import ModbusServer
from simulation.servers.opcua import OpcUaServer
from simulation.wire import WireDriver

Plc = TypeVar("Plc", bound=LinePlc)


class Blueprint(msgspec.Struct, frozen=True):
    """
    A hall as it can be built: what the core knows of it, and how the service reaches each of its PLCs.

    `hall_digest` is hexadecimal. Each link has an address of its own; `services` are the mail services that manifests name.
    """

    hall: Hall
    hall_digest: str
    links: tuple[LinkSettings, ...]
    services: tuple[str, ...]


def blueprint_of(configuration: Configuration, speed: int = 1) -> Blueprint:
    """The hall of a configuration, with its own addresses and without its certificates."""
    links = tuple(link_settings(plc, speed) for plc in configuration.plcs)
    return Blueprint(configuration.hall, configuration.digest, links, tuple(configuration.site.services))


def link_settings(plc: PlcSettings, speed: int = 1) -> LinkSettings:
    """How a link reaches one configured PLC; there is no security on the virtual network."""
    names = [name for name in LinkSettings.__struct_fields__ if name not in ("plc", "security", "speed")]
    return LinkSettings(plc=plc.name, speed=speed, **{name: getattr(plc, name) for name in names})


class WiredPlant:
    """
    Machines, PLCs, servers, and the driver that lets plant time follow the loop's. Make and `start` it in its own process.

    `make_plc` is given what `LinePlc` takes. A PLC whose server is down may be booted again; boots of one PLC that overlap
    come one after the other.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        deliveries: Sequence[Delivery],
        settings: PlantSettings,
        wall: Clock,
        ids: Ids,
        *,
        speed: int = 1,
        make_plc: Callable[..., LinePlc] = LinePlc,
    ) -> None:
        self.clock = HeapClock()
        self.ids = ids
        self._wall = wall
        self._boots = {link.plc: asyncio.Lock() for link in blueprint.links}
        self.plcs: dict[str, LinePlc] = {link.plc: self._plc(link, make_plc) for link in blueprint.links}
        documents = [document for delivery in deliveries for document in delivery.documents]
        self.plant = Plant(blueprint.hall, documents, settings, self.clock, self.plcs)
        for name, plc in self.plcs.items():
            plc.program = self.plant.programs[name]
        self.servers: dict[str, LineServer] = {link.plc: self._server(link) for link in blueprint.links}
        self.driver = WireDriver(self.clock, list(self.plcs.values()), list(self.servers.values()), wall=wall, speed=speed)

    def _plc(self, link: LinkSettings, make_plc: Callable[..., LinePlc]) -> LinePlc:
        return make_plc(
            link.plc,
            nonce=self.ids.nonce(),
            plant_us=lambda: self.clock.now_us,
            wall_us=self._wall.mono_us,
            profile_digest=link.profile_digest,
            order=link.word_order,
        )

    def _server(self, link: LinkSettings) -> LineServer:
        plate, plc = Nameplate("packcenter", "simulated", f"SIM-{link.plc}", "1"), self.plcs[link.plc]
        if link.protocol == "opcua":
            return OpcUaServer(
                plc, clock=self._wall, nameplate=plate, host=link.host, port=link.port, namespace=link.namespace_uri
            )
        addresses: dict[str, Any] = {"out_address": link.out_address, "in_address": link.in_address}
        return ModbusServer(plc, nameplate=plate, host=link.host, port=link.port, unit=link.unit_id, **addresses)

    async def start(self) -> None:
        """Start all servers and plant time."""
        await self.driver.start()

    async def reboot(self, name: str, *, off_us: int = 0, life: PlcLife = NEW_LIFE) -> None:
        """Take a PLC's power for `off_us`: its connections end, its memory is lost, then its server is there again."""
        async with self._boots[name]:
            await self.servers[name].kill()
            self.plcs[name].reboot(self.ids.nonce(), life)
            await self._wall.sleep_us(off_us)
            await self.servers[name].start()

    def to_present(self) -> None:
        """Bring the plant to this moment, because somebody is about to lay hands on it."""
        for plc in self.plcs.values():
            if plc.enter is not None:
                plc.enter()
                return

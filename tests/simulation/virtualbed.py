"""One PLC behind its real server and one real link to it, in virtual time, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from packcenter.plc.line import EventKind, LineCommand
from packcenter.plc.link import Link, LinkSettings, wire_maker
from packcenter.plc.mailbox import Events, Happening, LinkUp, Resume
from simulation.lineplc import LinePlc
from simulation.servers import Nameplate
from simulation.servers.modbus import ModbusServer
from simulation.servers.opcua import OpcUaServer
from simulation.virtual import net, shim
from simulation.virtual.loop import VirtualLoop
from simulation.virtual.ports import VirtualClock, VirtualNet, VirtualRandom
from simulation.virtual.quiet import Source, quiet_publishing, quiet_wires

Protocol = Literal["modbus", "opcua"]
HOST = "10.0.0.1"
PORTS = {"modbus": 502, "opcua": 4840}
WALL_US = 1_700_000_000_000_000


class Echo:
    """A machine program that answers every command with an event."""

    def __init__(self, plc: LinePlc) -> None:
        self.plc = plc
        self.taken: list[int] = []

    def on_granted(self) -> None:
        self.plc.report(EventKind.STATE_CHANGED, a=4)

    def on_command(self, command: LineCommand) -> None:
        self.taken.append(command.number)

    def on_peer_lost(self) -> None: ...
    def on_peer_back(self) -> None: ...
    def on_reboot(self) -> None: ...


class Bed:
    """`told`: (loop time, number) of every event as the link tells it; it is durable at once. `beating`: the PLC lives."""

    def __init__(self, loop: VirtualLoop, protocol: Protocol, quiet: bool) -> None:
        self.loop = loop
        self.clock = VirtualClock(loop, WALL_US)
        self.network = net.Network(loop, 1, jitter_us=0)
        self.cable = self.network.link(HOST, PORTS[protocol])
        self.told: list[tuple[int, int]] = []
        self.beating = True
        mono_us = self.clock.mono_us
        self.plc = LinePlc("plc", nonce=77, plant_us=mono_us, wall_us=mono_us, profile_digest=5)
        self.program = Echo(self.plc)
        self.plc.program = self.program
        plate = Nameplate("maker", "model", "1", "1")
        computer = loop.process("plc")
        self.computer = computer
        source = Source(loop, self.plc, self.cable, computer)
        self.server: ModbusServer | OpcUaServer
        if protocol == "modbus":
            self.server = ModbusServer(self.plc, nameplate=plate, host=HOST, port=502)
        else:
            self.server = OpcUaServer(self.plc, clock=self.clock, nameplate=plate, host=HOST, port=4840)
        settings = LinkSettings(
            plc="plc",
            protocol=protocol,
            profile_digest=5,
            host=HOST,
            url=f"opc.tcp://{HOST}:4840",
            namespace_uri="urn:packcenter:line",
        )
        make = quiet_wires({"plc": source}) if quiet else wire_maker
        self.link = Link(
            settings,
            resume=Resume(0, 0, 0, 0),
            clock=self.clock,
            random=VirtualRandom(1, "bed"),
            make_wire=make(settings, VirtualNet()),
            on_happenings=self._on_happenings,
        )

    def _on_happenings(self, plc: str, happenings: list[Happening]) -> None:
        for each in happenings:
            if isinstance(each, LinkUp) and each.epoch == 0:
                self.link.grant(each.nonce, 1)
            elif isinstance(each, Events):
                self.told += [(self.loop.now_us, event.number) for event in each.events]
                self.link.durable(each.epoch, each.events[-1].number)

    async def start(self) -> None:
        """Start the server and the link; return when the PLC has its epoch and has been heard."""
        await self.computer.spawn(self.server.start())
        self.computer.spawn(self._beat())
        self.running = asyncio.create_task(self.link.run())
        while not self.told:  # noqa: ASYNC110 - looking costs nothing here
            await asyncio.sleep(0.01)

    async def _beat(self) -> None:
        while True:
            await self.clock.sleep_us(max(1, self.plc.next_tick_us() - self.clock.mono_us()))
            if not self.beating:
                return
            self.plc.tick()

    async def stop(self) -> None:
        """End both in good order."""
        await self.link.stop()
        await self.computer.spawn(self.server.stop())


@contextmanager
def _libraries(loop: VirtualLoop, quiet: bool) -> Iterator[None]:
    with shim.installed(lambda: loop.now_us, lambda: WALL_US + loop.now_us, seed=1):
        if not quiet:
            yield
            return
        with quiet_publishing():
            yield


def on_bed(case: Callable[[Bed], Coroutine[Any, Any, Any]], protocol: Protocol, *, quiet: bool = True) -> Any:
    """Run a case with a started bed; what it returns."""
    loop = VirtualLoop()
    with _libraries(loop, quiet):

        async def main() -> Any:
            bed = Bed(loop, protocol, quiet)
            await bed.start()
            result = await case(bed)
            assert loop.complaints == []
            return result

        try:
            return loop.run_until_complete(main())
        finally:
            loop.close()

"""A whole link of ours (real sockets, real libraries) to an honest simulated PLC, and what was heard of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from packcenter.plc.line import CommandKind, EventKind, LineCommand
from packcenter.plc.link import Link, LinkSettings, wire_maker
from packcenter.plc.mailbox import Events, Gap, Happening, LinkLost, LinkUp, NoLink, ProfileMismatch, Resume
from packcenter.ports import Net
from packcenter.real import RealClock, RealNet
from simulation.lineplc import LinePlc
from simulation.plcport import PlcPort, Program
from simulation.servers import LineServer, Nameplate
from simulation.servers.modbus import ModbusServer
from simulation.servers.opcua import NAMESPACE, OpcUaServer

CLOCK = RealClock()
PLATE = Nameplate("Hall Works", "SL-9", "000471", "2.3")
DIGEST = 0xC0FFEE01
TIMEOUT_US = 300_000


class Machine(Program):
    """Answers each command with an event of its track."""

    def __init__(self, plc: PlcPort) -> None:
        self.plc = plc

    def on_granted(self) -> None: ...

    def on_command(self, command: LineCommand) -> None:
        self.plc.report(EventKind.DIVERTED, track=command.track, a=command.a)

    def on_peer_lost(self) -> None: ...
    def on_peer_back(self) -> None: ...
    def on_reboot(self) -> None: ...


class Middlest:
    """The random port without luck, so that pauses are the same in every run."""

    def below(self, n: int) -> int:
        return n // 2


@asynccontextmanager
async def honest_plc(protocol: str, name: str = "sorter-2") -> AsyncIterator[tuple[LinePlc, LineServer]]:
    """A PLC whose heart beats, behind its real server on loopback."""
    plc = LinePlc(name, nonce=0xCAFE_0001, plant_us=CLOCK.mono_us, wall_us=CLOCK.mono_us, profile_digest=DIGEST)
    plc.program = Machine(plc)
    server: LineServer = (
        ModbusServer(plc, nameplate=PLATE) if protocol == "modbus" else OpcUaServer(plc, clock=CLOCK, nameplate=PLATE)
    )
    await server.start()
    beating = asyncio.create_task(_beat(plc))
    try:
        yield plc, server
    finally:
        beating.cancel()
        await asyncio.wait({beating})
        await server.stop()


async def _beat(plc: LinePlc) -> None:
    while True:
        if plc.next_tick_us() <= CLOCK.mono_us():
            plc.tick()
        await CLOCK.sleep_us(5_000)


def settings(protocol: str, port: int, **fields: Any) -> LinkSettings:
    """The settings of a link to a server on loopback."""
    sound: dict[str, Any] = {
        "plc": "sorter-2",
        "protocol": protocol,
        "profile_digest": DIGEST,
        "host": "127.0.0.1",
        "port": port,
        "url": f"opc.tcp://127.0.0.1:{port}",
        "namespace_uri": NAMESPACE,
        "request_timeout_us": TIMEOUT_US,
    }
    return LinkSettings(**{**sound, **fields})


class Service:
    """A service as small as can be around one link: grants, makes all durable at once, and asks a command now and then."""

    def __init__(self, where: LinkSettings, net: Net | None = None) -> None:
        self.heard: list[Happening] = []
        self.requests: list[tuple[str, str, float]] = []
        self.exchanged = 0
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        self._epoch = 0
        self._asked = 0
        self.link = Link(
            where,
            resume=Resume(),
            clock=CLOCK,
            random=Middlest(),
            make_wire=wire_maker(where, net or RealNet()),
            on_happenings=self._hear,
            observe=self._observe,
        )

    def _observe(self, operation: str, result: str, seconds: float) -> None:
        self.requests.append((operation, result, seconds))
        self.exchanged += operation in ("read", "exchange") and result == "ok"

    def _hear(self, _: str, happenings: list[Happening]) -> None:
        for happening in happenings:
            self.heard.append(happening)
            if isinstance(happening, LinkUp):
                self.up.set()
                self.down.clear()
                if happening.epoch == 0:
                    self._epoch += 1
                    self.link.grant(happening.nonce, self._epoch)
                self.ask()
            elif isinstance(happening, Events):
                self.link.durable(happening.epoch, happening.events[-1].number)
            elif isinstance(happening, LinkLost | NoLink | ProfileMismatch):
                self.up.clear()
                self.down.set()

    def ask(self) -> None:
        """One more command, which the PLC answers with an event of the same track."""
        self._asked += 1
        self.link.ask(LineCommand(self._asked, CommandKind.DIVERT, track=self._asked, a=2))

    def wrong(self) -> list[Happening]:
        """What an honest PLC would never have us hear: gaps, other profiles, events that nobody made."""
        heard: list[Happening] = [each for each in self.heard if isinstance(each, Gap | ProfileMismatch)]
        tracks = [event.track for each in self.heard if isinstance(each, Events) for event in each.events]
        assert tracks == sorted(set(tracks)), tracks
        assert set(tracks) <= set(range(1, self._asked + 1)), tracks
        return heard


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Service]:
    """Run the link; afterwards it has ended and left no task behind."""
    task = asyncio.create_task(service.link.run(), name="link under attack")
    try:
        yield service
    finally:
        await service.link.stop()
        assert task.done(), "the link did not stop"
        task.result()


async def until(holds: Callable[[], object], limit_s: float) -> None:
    """Wait for a condition; `TimeoutError` says that it did not come."""
    async with asyncio.timeout(limit_s):
        while not holds():
            await CLOCK.sleep_us(5_000)

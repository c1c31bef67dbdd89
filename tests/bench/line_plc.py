"""
The PLC that packcenter is measured against: the simulation's `LinePlc` behind its real server, with a belt of a few lines.

    python line_plc.py modbus|opcua
"""

from __future__ import annotations

import asyncio
import sys

import goods
from stopwatch import Stopwatch, obey

from packcenter.core.packml import State
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from packcenter.real import RealClock, RealIds
from simulation.lineplc import LinePlc
from simulation.servers import LineServer, Nameplate
from simulation.servers.modbus import ModbusServer
from simulation.servers.opcua import OpcUaServer


class BeltProgram:
    """A machine program that runs at once and confirms each decision as soon as it takes it."""

    def __init__(self, plc: LinePlc) -> None:
        self._plc = plc
        self.stopwatch = Stopwatch(self, goods.lanes())

    def scan(self, track: int, code: str) -> None:
        self._plc.report(EventKind.SCANNED, track=track, a=1, code=code)

    def ring_used(self) -> int:
        return self._plc.ring_used

    def on_granted(self) -> None:
        self._plc.set_state(State.EXECUTE)
        self._plc.report(EventKind.STATE_CHANGED, a=State.EXECUTE)

    def on_command(self, command: LineCommand) -> None:
        if command.kind == CommandKind.DIVERT:
            self.stopwatch.decided(command.track, command.a)
            self._plc.report(EventKind.DIVERTED, track=command.track, a=command.a, c=1)

    def on_peer_lost(self) -> None:
        """Nothing moves here."""

    def on_peer_back(self) -> None:
        """Nothing moves here."""

    def on_reboot(self) -> None:
        """It is never restarted."""


def _server(protocol: str, plc: LinePlc) -> LineServer:
    plate = Nameplate("packcenter", "bench", "BENCH", "1")
    return ModbusServer(plc, nameplate=plate) if protocol == "modbus" else OpcUaServer(plc, clock=RealClock(), nameplate=plate)


async def _cycle(plc: LinePlc) -> None:
    clock = RealClock()
    while True:
        plc.tick()
        await clock.sleep_us(max(1_000, plc.next_tick_us() - clock.mono_us()))


async def main(protocol: str) -> None:
    clock = RealClock()
    plc = LinePlc(
        goods.SORTER,
        nonce=RealIds().nonce(),
        plant_us=clock.mono_us,
        wall_us=clock.mono_us,
        profile_digest=goods.PROFILE_DIGEST,
    )
    program = BeltProgram(plc)
    plc.program = program
    server = _server(protocol, plc)
    port = await server.start()
    cycle = asyncio.create_task(_cycle(plc))
    await obey(program.stopwatch, port)
    cycle.cancel()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

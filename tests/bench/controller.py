"""
packcenter as it runs: the whole service against one PLC, with its journal on a real disk.

    python controller.py modbus|opcua PORT JOURNAL

Says `{"ready": true}` when the items are announced and the machine runs, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Literal, cast

import goods

from packcenter.cli import serving
from packcenter.config.manifest import Known
from packcenter.core.packml import State
from packcenter.plc.link import LinkSettings
from packcenter.real import RealClock, RealDisk, RealNet, RealRandom
from packcenter.service.service import Service, Setup
from simulation.servers.opcua import NAMESPACE

_READY_S = 30.0


def _settings(protocol: str, port: int) -> LinkSettings:
    return LinkSettings(
        plc=goods.SORTER,
        protocol=cast(Literal["opcua", "modbus"], protocol),
        profile_digest=goods.PROFILE_DIGEST,
        host="127.0.0.1",
        port=port,
        url=f"opc.tcp://127.0.0.1:{port}",
        namespace_uri=NAMESPACE,
    )


def _service(protocol: str, port: int, folder: Path) -> Service:
    hall, digest = goods.hall()
    folder.mkdir(parents=True)
    return Service(
        Setup(
            hall=hall,
            hall_digest=digest,
            links=[_settings(protocol, port)],
            journal=RealDisk(folder),
            manifests=None,
            known=Known.of_hall(hall, ()),
            clock=RealClock(),
            random=RealRandom(),
            net=RealNet(),
            release="bench",
            lab=True,
            mode="simulation",
        )
    )


async def _talk(service: Service, address: str) -> None:
    """Announce the items, wait for the machine, say so, and go on until standard input ends."""
    for part in goods.manifest(service.setup.hall):
        await service.engine.submit([part])
    plc = service.controller.state.plcs[goods.SORTER]
    until = time.monotonic() + _READY_S
    while not (plc.up and plc.state == State.EXECUTE):
        assert time.monotonic() < until, service.links.trouble
        await asyncio.sleep(0.02)
    print(json.dumps({"ready": True}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    serving.log_to(sys.stderr, as_json=True)
    running = _service(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    sys.exit(serving.run_until_stopped(running, ("127.0.0.1", 0), during=_talk))

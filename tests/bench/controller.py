"""
packcenter as it runs: the whole service against one PLC, with its journal on a real disk.

    python controller.py modbus|opcua PORT JOURNAL

Says `{"ready": true}` when the items are announced and the machine runs. Each line on standard input is answered by
how long the journal took since the last one; its end ends the service.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import goods
from figures import percentile

from packcenter.cli import serving
from packcenter.config.manifest import Known
from packcenter.core.packml import State
from packcenter.journal.frames import Draft
from packcenter.journal.journal import Group, Journal, ThreadCommitter
from packcenter.plc.link import LinkSettings
from packcenter.real import RealClock, RealDisk, RealNet, RealRandom
from packcenter.service.service import Service, Setup
from simulation.servers.opcua import NAMESPACE

_READY_S = 30.0


class TimedCommitter(ThreadCommitter):
    """The service's own committer, which also notes how long a group took in all, and how long its sync alone."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self._commits: list[float] = []
        self._syncs: list[float] = []

    async def commit(self, drafts: Sequence[Draft]) -> Group:
        began = time.perf_counter()
        group = await super().commit(drafts)
        self._commits.append((time.perf_counter() - began) * 1e3)
        self._syncs.append(group.sync_us / 1e3)
        return group

    def figures(self) -> dict[str, float]:
        """Milliseconds of the groups since the last call."""
        commits, syncs = self._commits, self._syncs
        self._commits, self._syncs = [], []
        return {
            "groups": len(commits),
            "commit_p50_ms": percentile(commits, 50),
            "commit_p99_ms": percentile(commits, 99),
            "sync_p50_ms": percentile(syncs, 50),
            "sync_p99_ms": percentile(syncs, 99),
        }


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
            make_committer=TimedCommitter,
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
    committer = service.committer
    assert isinstance(committer, TimedCommitter), committer
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(committer.figures()), flush=True)


if __name__ == "__main__":
    serving.log_to(sys.stderr, as_json=True)
    running = _service(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
    sys.exit(serving.run_until_stopped(running, ("127.0.0.1", 0), during=_talk))

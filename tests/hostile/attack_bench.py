"""
How much an attack moves the control loop: `python tests/hostile/attack_bench.py [--rounds 9] [--seconds 3]`.

Two equal sets of processes stand side by side: a service side (a Modbus and an OPC UA link to honest PLCs, two links to
hostile ones, the HTTP side) and an honest PLC side. In each round one set is attacked and the other is not, by the same
attacker with the same vigour, in turns; so that what an attack takes from the machine as a whole counts on both sides of
the ratio. Measured are the round trips of the honest links of the first set. Prints JSON: p50 and p99 of each attack,
attacked and spared, in ms, and the median of the rounds' ratios.

    plc    one other PLC is hostile: floods, drips, sends garbage and 2 GiB hellos    http   the service's HTTP port
    server an unauthenticated peer attacks the PLCs' servers
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1]), str(HERE.parent / "service"), str(HERE.parent / "bench")]

from fuzz import quiet  # noqa: E402 - found only now

_ACK = b"ACKF\x1c\0\0\0" + b"\0\0\0\0" + b"\0\0\1\0" * 2 + b"\0" * 8
_SAID = {
    "garbage": b"\xde\xad\xbe\xef" * 4096,
    "hello": b"ACKF\xff\xff\xff\x7f" + b"\0" * 16_376,
    "chunks": _ACK + (b"MSGC\x60\xea\0\0" + b"\0" * 59_992),
    "length": b"\0\1\0\0\xff\xff\1\3\xfa" + b"\0" * 16_375,
}
_WARM_S = 0.3
_TRIPS = ("exchange", "read", "write")


# --- the processes that are attacked, or spared --------------------------------------------------------------------------


async def plc_side() -> None:
    """An honest Modbus PLC and an honest OPC UA PLC, which is polled so that there is enough to measure; says their ports."""
    from hostile_links import honest_plc

    import simulation.servers.opcua as opcua_server

    opcua_server.PUBLISH_MIN_MS = 100.0
    async with honest_plc("modbus") as (_, modbus), honest_plc("opcua") as (_, opcua):
        print(json.dumps({"modbus": modbus.port, "opcua": opcua.port}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def service_side(ports: dict[str, int]) -> None:
    """Four links and the HTTP side. Every line on stdin ends a round, and is answered with the round trips since the last."""
    from hostile_links import Service, running, settings

    from packcenter.service.http import HttpServer

    Told = importlib.import_module("served").Told  # noqa: N806 - a helper of the tests in another folder

    honest = {name: Service(settings(name, ports[name])) for name in ("modbus", "opcua")}
    hostile = [Service(settings(name, ports[f"hostile {name}"])) for name in ("modbus", "opcua")]
    told: Any = Told()  # a service by shape
    http = HttpServer(told, "127.0.0.1", 0)
    address = await http.start()
    async with running(honest["modbus"]), running(honest["opcua"]), running(hostile[0]), running(hostile[1]):
        for service in honest.values():
            await service.up.wait()
        print(json.dumps({"http": int(address.rpartition(":")[2])}), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps({name: _drained(service) for name, service in honest.items()}), flush=True)
    await http.stop()


def _drained(service: Any) -> dict[str, Any]:
    """The round trips in ms since the last call, and how often the link was lost."""
    taken, service.requests[:] = list(service.requests), []
    trips = [1e3 * seconds for operation, result, seconds in taken if result == "ok" and operation in _TRIPS]
    return {"trips": trips, "reconnects": service.link.reconnects, "cpu_s": time.process_time()}


# --- the attacker --------------------------------------------------------------------------------------------------------


class HostilePlc:
    """A PLC that does its worst to those who connect while it is `raging`, and says nothing while it is not."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.raging = False
        self._kinds = kinds
        self._count = 0

    async def start(self) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raging, self._count = self.raging, self._count + 1
        kind = self._kinds[self._count % len(self._kinds)]
        gone = asyncio.ensure_future(reader.read())
        with suppress(ConnectionError):
            while raging and not gone.done():
                if kind == "drip":
                    writer.write(b"A")
                    await asyncio.wait({gone}, timeout=0.002)
                else:
                    writer.write(_SAID[kind])
                    await writer.drain()
            await gone
        writer.transport.abort()


async def besiege(port: int, saying: Callable[[Random], bytes], until: asyncio.Event, luck: Random, hold_s: float) -> None:
    """Connect, say something, go on with zeros for as long as they are taken, listen a little; over and over."""
    while not until.is_set():
        with suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            said = saying(luck)
            writer.write(said)
            try:
                async with asyncio.timeout(hold_s):
                    while len(said) > 10_000:
                        writer.write(b"\0" * 65_536)
                        await writer.drain()
                    await reader.read(1 << 16)
            finally:
                writer.transport.abort()
        await asyncio.sleep(0)


def _http_says(luck: Random) -> bytes:
    path = luck.choice(["/", "/status", "/status", "/hall", "/plcs/x", "/-/healthy", "/plcs/sorter-1/telegrams"])
    whole = f"GET {path} HTTP/1.1\r\nHost: hall\r\n\r\n".encode()
    return luck.choice([whole * 20, whole, whole[:-3], b"\xde\xad" * 2000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000])


def _plc_says(luck: Random) -> bytes:
    hello = b"HELF" + (56).to_bytes(4, "little") + b"\0\0\0\0" + b"\0\0\1\0" * 2 + b"\0" * 8 + (24).to_bytes(4, "little")
    return luck.choice(
        [
            b"",
            b"\xde\xad\xbe\xef" * 4000,
            b"HELF\xff\xff\xff\x7f" + b"\0" * 60_000,
            b"\0\1\0\0\0",
            hello + b"opc.tcp://127.0.0.1:4840",
        ]
    )


class Side:
    """One set of processes."""

    async def start(self) -> None:
        """Start them and wait until the links are up."""
        self.hostile = {
            "modbus": HostilePlc(("garbage", "length", "drip")),
            "opcua": HostilePlc(("garbage", "hello", "chunks", "drip")),
        }
        ports = {f"hostile {name}": await plc.start() for name, plc in self.hostile.items()}
        self._plcs = await _spawn("plc")
        self.plc_ports = await _said(self._plcs)
        self._service = await _spawn("service", json.dumps({**ports, **self.plc_ports}))
        self.http_port = (await _said(self._service))["http"]

    async def trips(self) -> dict[str, Any]:
        """The round trips since the last call."""
        assert self._service.stdin is not None
        self._service.stdin.write(b"\n")
        return await _said(self._service)

    async def stop(self) -> None:
        """End them."""
        for process in (self._service, self._plcs):
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()


async def _spawn(role: str, argument: str = "") -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--role", role, "--ports", argument or "{}",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
    )  # fmt: skip


async def _said(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    said: dict[str, Any] = json.loads(await process.stdout.readline())
    return said


async def attack(kind: str, side: Side, until: asyncio.Event) -> None:
    """Attack one side until it is told to end."""
    if kind == "plc":
        for plc in side.hostile.values():
            plc.raging = True
        await until.wait()
        for plc in side.hostile.values():
            plc.raging = False
        return
    ports = [side.http_port] * 2 if kind == "http" else list(side.plc_ports.values())
    saying = _http_says if kind == "http" else _plc_says
    works: list[Awaitable[None]] = [
        besiege(port, saying, until, Random(number), (0.05, 0.3, 2.0)[number % 3]) for number in range(6) for port in ports
    ]
    await asyncio.gather(*works)


async def measure(rounds: int, seconds: float, kinds: list[str]) -> dict[str, Any]:
    """All rounds of all attacks, in turns."""
    ours, others = Side(), Side()
    await ours.start()
    await others.start()
    seen: dict[tuple[str, str, str], list[list[float]]] = {}
    try:
        for _ in range(rounds):
            for kind in kinds:
                for how, side in (("spared", others), ("attacked", ours)):
                    until = asyncio.Event()
                    attacking = asyncio.create_task(attack(kind, side, until))
                    await asyncio.sleep(_WARM_S)
                    before = await ours.trips()
                    await asyncio.sleep(seconds)
                    told = await ours.trips()
                    busy = (told["modbus"]["cpu_s"] - before["modbus"]["cpu_s"]) / seconds
                    seen.setdefault((kind, "cpu", how), []).append([busy])
                    until.set()
                    await attacking
                    for name, figures in told.items():
                        seen.setdefault((kind, name, how), []).append(sorted(figures["trips"]))
                        assert figures["reconnects"] == 0, f"{name} was lost under {kind}"
    finally:
        await ours.stop()
        await others.stop()
    return {f"{kind} {name}": _told(seen, kind, name) for kind, name, how in seen if how == "attacked" and name != "cpu"} | {
        f"{kind} service process": {
            f"cores_{how}": round(statistics.median(busy for (busy,) in seen[kind, "cpu", how]), 4)
            for how in ("spared", "attacked")
        }
        for kind in kinds
    }


def _told(seen: dict[tuple[str, str, str], list[list[float]]], kind: str, name: str) -> dict[str, Any]:
    spared, attacked = seen[kind, name, "spared"], seen[kind, name, "attacked"]
    told: dict[str, Any] = {"round_trips": sum(map(len, spared + attacked))}
    for percent in (50, 99):
        before, after = ([_percentile(trips, percent) for trips in side] for side in (spared, attacked))
        told[f"p{percent}_spared_ms"] = round(statistics.median(before), 3)
        told[f"p{percent}_attacked_ms"] = round(statistics.median(after), 3)
        told[f"p{percent}_ratio"] = round(statistics.median(b / a for a, b in zip(before, after, strict=True)), 3)
        whole = [_percentile(sorted(chain.from_iterable(side)), percent) for side in (spared, attacked)]
        told[f"p{percent}_ratio_of_all"] = round(whole[1] / whole[0], 3)
    return told


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", choices=("bench", "plc", "service"), default="bench")
    parser.add_argument("--ports", type=json.loads, default={})
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--attacks", nargs="+", default=["plc", "http", "server"])
    asked = parser.parse_args()
    with quiet():
        if asked.role == "plc":
            asyncio.run(plc_side())
        elif asked.role == "service":
            asyncio.run(service_side(asked.ports))
        else:
            print(json.dumps(asyncio.run(measure(asked.rounds, asked.seconds, asked.attacks)), indent=1))


if __name__ == "__main__":
    main()

"""Shared by the tests of packcenter.plc: a loop whose time jumps, test ports, and a small PLC written from the specification."""

from __future__ import annotations

import asyncio
import selectors
import socket
import struct
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from asyncua.client.client import Client
from pymodbus.client import AsyncModbusTcpClient

from packcenter.plc.image import InImage, OutImage, crc16, decode_in, encode_out
from packcenter.plc.line import SLOTS, LineCommand, LineEvent

T = TypeVar("T")
DIGEST = 0xC0FFEE01


class _Jump(selectors.BaseSelector):
    """A selector that never waits: when nothing is ready, time jumps to the next timer."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 1_000.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready:
            assert timeout is not None, "deadlock: nothing is ready and no timer is set"
            self.now += max(0.0, timeout)
        return ready

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run in virtual time: hours pass in milliseconds, always the same way."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class LoopClock:
    """The clock port on the running loop's time, virtual or real."""

    def mono_us(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e6)

    def wall_us(self) -> int:
        return self.mono_us()

    async def sleep_us(self, us: int) -> None:
        await asyncio.sleep(us / 1e6)


class Middle:
    """The random port without luck: always the middle of the range."""

    def below(self, n: int) -> int:
        return n // 2


class LoopbackNet:
    """The net port for the tests' own servers."""

    def opcua_client(self, url: str, *, timeout_s: float) -> Client:
        return Client(url, timeout=timeout_s, watchdog_intervall=10.0)

    def modbus_client(self, host: str, port: int, *, timeout_s: float) -> AsyncModbusTcpClient:
        return AsyncModbusTcpClient(host, port=port, timeout=timeout_s, retries=0, reconnect_delay=0)

    def listen(self, host: str, port: int) -> socket.socket:
        raise AssertionError("no link listens")


def with_crcs(words: list[int]) -> list[int]:
    """`Out` as a PLC sends it that means just these words: the head's CRC and that of every used slot are right."""
    made = words.copy()
    for at in range(16, 124, 27):
        if made[at] or made[at + 1]:
            made[at + 26] = crc16(struct.pack(">26H", *made[at : at + 26]))
    made[8] = crc16(struct.pack(">15H", *made[:8], *made[9:16]))
    return made


def out_image(**fields: Any) -> OutImage:
    """A sound image of a PLC in its first life, epoch 1 in force, Execute, nothing to tell; `fields` differ."""
    sound: dict[str, Any] = {
        "profile_digest": DIGEST,
        "nonce": 77,
        "epoch": 1,
        "heartbeat": 1,
        "packml_state": 6,
        "packml_mode": 1,
        "alarms": 0,
        "odometer": 0,
        "taken": 0,
        "places_open": 0,
        "plc_ms": 0,
    }
    return OutImage(**{**sound, **fields})


def events(first: int, last: int, **fields: Any) -> tuple[LineEvent, ...]:
    return tuple(LineEvent(number, kind=1, track=1000 + number, **fields) for number in range(first, last + 1))


class ModelPlc:
    """
    A PLC as the line interface describes it, as small as can be; no machine behind it.

    `taken_commands` lists what it carried out in its present epoch. What `In` may not do fails an assertion here.
    """

    def __init__(self, nonce: int = 77) -> None:
        self.durable: dict[int, int] = {}  # set by the test: highest durable event by epoch (E3)
        self.grants: dict[int, int] = {}  # set by the test: nonce by durable epoch (E4)
        self.check_promises = False
        self.received: list[InImage] = []
        self.alive = True
        self.reboot(nonce)

    def reboot(self, nonce: int) -> None:
        self.nonce = nonce
        self.epoch = self.heartbeat = self.odometer = self.acknowledged = 0
        self.ring: list[LineEvent] = []
        self.taken_commands: list[LineCommand] = []

    def make(self, count: int = 1) -> None:
        assert self.epoch > 0
        for _ in range(count):
            self.odometer += 1
            self.ring.append(
                LineEvent(self.odometer, kind=1, track=self.epoch * 100_000 + self.odometer, code=f"X{self.odometer}")
            )

    def beat(self) -> None:
        self.heartbeat = (self.heartbeat + 1) & 0xFFFF

    def take(self, image: InImage) -> None:
        self.received.append(image)
        if self.check_promises:
            assert image.epoch == 0 or self.grants.get(image.epoch) == image.nonce, "a grant that is not durable"
        if image.nonce == self.nonce and image.epoch > 0 and self.epoch == 0:
            self.epoch = image.epoch
        if (image.nonce, image.epoch) != (self.nonce, self.epoch):
            return
        assert image.acknowledged <= self.odometer
        if self.check_promises:
            assert image.acknowledged <= self.durable.get(image.epoch, 0), "an acknowledgement beyond the durable mark"
        self.acknowledged = max(self.acknowledged, image.acknowledged)
        self.ring = [event for event in self.ring if event.number > self.acknowledged]
        for command in image.commands:
            if command.number == len(self.taken_commands) + 1:
                self.taken_commands.append(command)

    def image(self) -> OutImage:
        return out_image(
            nonce=self.nonce,
            epoch=self.epoch,
            heartbeat=self.heartbeat,
            odometer=self.odometer,
            taken=len(self.taken_commands),
            events=tuple(self.ring[:SLOTS]),
        )

    def exchange(self, words: list[int] | None) -> list[int]:
        """The peer of a `MemoryWire`: its heart beats with every exchange while it is `alive`."""
        if words is not None:
            self.take(decode_in(words))
        if self.alive:
            self.beat()
        return encode_out(self.image())

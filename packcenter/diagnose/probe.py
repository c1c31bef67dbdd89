"""
A look at a PLC through a connection of our own, which only reads.

A diagnosis cannot change state (invariant O4): no image of ours is written, nothing is granted or acknowledged. The one
exception is asked for by name: the write test writes `In` back as it was just read, and only while no controller
writes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from packcenter.diagnose.evidence import Evidence, Failure, Identity, InAccess, Sample, Source, WallClock, WriteTest
from packcenter.plc.checking import BusyError, PlcError
from packcenter.plc.image import ImageError, TornError, VersionError, decode_out
from packcenter.plc.limits import CLOSE_LIMIT_US, CONNECT_LIMIT_US, TORN_READS_MAX
from packcenter.plc.line import HEARTBEAT_LIMIT_US
from packcenter.plc.link import LinkSettings, Requests
from packcenter.plc.mailbox import Cause
from packcenter.ports import Clock, Net

EXCHANGES = 50
"""Reads of one look: a median that does not jump and a worst case worth telling."""

LOOK_US = 1_500_000
"""A look lasts at least this long: longer than a heartbeat may stand still, and 0.2 % of it is a clock's 3 ms."""

_T = TypeVar("_T")
Progress = Callable[[int, int], None]
"""Gets (reads made, reads in all)."""


class Probe(Protocol):
    """
    One connection that reads. Every method but `close` raises `PlcError` and nothing else.

    `identity`, `wall_clock` and `in_access` give None where the PLC does not offer them.
    """

    async def connect(self, wake: asyncio.Event) -> None: ...
    async def exchange(self, words: list[int] | None) -> list[int] | None: ...
    async def identity(self) -> Identity | None: ...
    async def wall_clock(self, clock: Clock) -> WallClock | None: ...
    async def in_access(self) -> InAccess | None: ...
    async def read_in(self) -> list[int]: ...
    async def write_in(self, words: list[int]) -> None: ...
    async def close(self) -> None: ...


def make_probe(settings: LinkSettings, net: Net, requests: Requests) -> Probe:
    """A probe for the settings' protocol. Loads only the library that is used."""
    if settings.protocol == "modbus":
        from packcenter.diagnose.modbus import ModbusProbe

        return ModbusProbe(settings, net, requests)
    from packcenter.diagnose.opcua import OpcUaProbe

    return OpcUaProbe(settings, net, requests)


def address_of(settings: LinkSettings) -> str:
    """Where a PLC is, for people."""
    return settings.url or f"{settings.host}:{settings.port}, unit {settings.unit_id}"


class Direct:
    """One look at one PLC."""

    def __init__(
        self, settings: LinkSettings, clock: Clock, net: Net, *, exchanges: int = EXCHANGES, progress: Progress | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._requests = Requests(settings.plc, clock, settings.request_timeout_us)
        self._probe = make_probe(settings, net, self._requests)
        self._exchanges = exchanges
        self._progress = progress or (lambda made, of: None)
        self._evidence = Evidence(
            plc=settings.plc,
            address=address_of(settings),
            source=Source.DIRECT,
            digest=settings.profile_digest,
            request_timeout_us=settings.request_timeout_us,
            how="read only",
        )

    async def look(self, *, write_test: bool = False) -> Evidence:
        """Connect, read, disconnect. Whatever fails is evidence; nothing is raised for a PLC's fault."""
        seen = self._evidence
        try:
            await self._requests("connect", self._probe.connect(asyncio.Event()), CONNECT_LIMIT_US)
            await self._read_images()
            seen.in_access = await self._offered(self._probe.in_access())
            seen.wall_clock = await self._offered(self._probe.wall_clock(self._clock))
            if write_test:
                seen.write_test = await self._write_back()
            # Last, because there are PLCs that end the connection at a function they do not know.
            seen.identity = await self._offered(self._probe.identity())
        except PlcError as error:
            seen.failure = Failure(error.cause, str(error))
        finally:
            with suppress(PlcError):
                await self._requests("close", self._probe.close(), CLOSE_LIMIT_US)
        return seen

    async def _read_images(self) -> None:
        gap_us = max(self._settings.poll_gap_us, LOOK_US // self._exchanges)
        for made in range(self._exchanges):
            began_us = self._clock.mono_us()
            await self._read_one()
            self._progress(made + 1, self._exchanges)
            await self._clock.sleep_us(max(0, began_us + gap_us - self._clock.mono_us()))

    async def _read_one(self) -> None:
        """One image; torn ones and a busy PLC are tried again a few times, as the link does."""
        seen = self._evidence
        for attempt in range(TORN_READS_MAX):
            began_us = self._clock.mono_us()
            try:
                words = await self._probe.exchange(None)
                assert words is not None, f"{self._settings.plc}: a probe polls, so that every read has an image"
                now_us = self._clock.mono_us()
                image = decode_out(words, self._settings.word_order)
            except (TornError, BusyError) as error:
                if attempt + 1 == TORN_READS_MAX:
                    raise PlcError(Cause.PROTOCOL, f"{TORN_READS_MAX} reads in a row gave no image: {error}") from error
                continue
            except VersionError as error:
                raise PlcError(Cause.VERSION, str(error)) from error
            except ImageError as error:
                raise PlcError(Cause.PROTOCOL, str(error)) from error
            seen.round_trip_us.append(now_us - began_us)
            seen.samples.append(Sample(now_us, image))
            return

    async def _offered(self, asked: Awaitable[_T | None]) -> _T | None:
        """What a PLC need not offer: the images have been read, and whatever ends this question ends nothing else."""
        try:
            return await asked
        except PlcError:
            return None

    async def _write_back(self) -> WriteTest:
        """Write `In` as it was read; not while somebody else writes it, because ours would undo theirs for a moment."""
        try:
            before = await self._probe.read_in()
            await self._clock.sleep_us(HEARTBEAT_LIMIT_US)
            words = await self._probe.read_in()
            if words != before:
                return WriteTest(skipped="somebody else writes In at present, which shows that it can be written")
            await self._probe.write_in(words)
        except PlcError as error:
            return WriteTest(refused=str(error))
        return WriteTest()

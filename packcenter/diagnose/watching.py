"""Reading a PLC's telegrams as they pass, without a service: only what its own image shows, and nothing of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from packcenter.diagnose.asking import Passed, passed
from packcenter.diagnose.probe import make_probe
from packcenter.plc.checking import BusyError, PlcError
from packcenter.plc.image import ImageError, TornError, decode_out
from packcenter.plc.limits import CLOSE_LIMIT_US, CONNECT_LIMIT_US
from packcenter.plc.link import LinkSettings, Requests
from packcenter.plc.mailbox import Cause
from packcenter.plc.trace import Trace
from packcenter.ports import Clock, Net

POLL_US = 50_000
"""Half of a heartbeat: a person reads along, and the PLC has others to serve."""


async def watch(settings: LinkSettings, clock: Clock, net: Net) -> AsyncGenerator[Passed, None]:
    """
    What changes in a PLC's image, from now until it ends or the iterator is closed. Raises `PlcError`.

    Without a controller that acknowledges, a PLC shows its oldest four events and no newer ones.
    """
    requests = Requests(settings.plc, clock, settings.request_timeout_us)
    probe = make_probe(settings, net, requests)
    trace = Trace()
    shown = 0
    try:
        await requests("connect", probe.connect(asyncio.Event()), CONNECT_LIMIT_US)
        while True:
            with suppress(TornError, BusyError):
                words = await probe.exchange(None)
                assert words is not None, f"{settings.plc}: a probe polls, so that every read has an image"
                trace.received(settings.plc, clock.mono_us(), decode_out(words, settings.word_order))
            for entry in trace.entries(settings.plc):
                if entry.serial > shown:
                    shown = entry.serial
                    yield passed(entry, clock.wall_us() - clock.mono_us())
            await clock.sleep_us(POLL_US)
    except ImageError as error:
        raise PlcError(Cause.PROTOCOL, str(error)) from error
    finally:
        with suppress(PlcError):
            await requests("close", probe.close(), CLOSE_LIMIT_US)

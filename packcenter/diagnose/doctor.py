"""
Which way to a PLC: the running service first, a connection of our own only if none runs or it is asked for.

A PLC that takes one client must not lose the controller to a diagnosis, so that while the service answers, nothing
else connects.
"""

from __future__ import annotations

import asyncio

from packcenter.diagnose.asking import HallView, ServiceAt
from packcenter.diagnose.evidence import Evidence, Failure, Sample, Source
from packcenter.diagnose.probe import Direct, Progress
from packcenter.plc.link import LinkSettings
from packcenter.plc.mailbox import Cause
from packcenter.plc.view import LinkView
from packcenter.ports import Clock, Net

LOOKS = 7
LOOK_GAP_US = 250_000
"""Looks at the service's view of a link: with these seven a heartbeat that stands still for 0.8 s shows."""


async def ask_service(service: ServiceAt, hall: HallView, plc: str, clock: Clock, progress: Progress | None = None) -> Evidence:
    """Evidence from the service's own link, over one and a half seconds. Raises `ServiceError`."""
    views = [await asyncio.to_thread(service.link, plc)]
    for look in range(1, LOOKS):
        if progress is not None:
            progress(look, LOOKS)
        await clock.sleep_us(LOOK_GAP_US)
        views.append(await asyncio.to_thread(service.link, plc))
    return from_views(views, hall.speed)


def from_views(views: list[LinkView], speed: int) -> Evidence:
    """What the service's views of one link, oldest first, say."""
    last = views[-1]
    return Evidence(
        plc=last.plc,
        address=last.address,
        source=Source.SERVICE,
        digest=last.digest,
        request_timeout_us=last.request_timeout_us,
        speed=speed,
        how=last.how,
        failure=_failure(last),
        other_digest=last.other_digest,
        samples=_samples(views),
        round_trip_us=last.round_trip_us,
        views=views,
    )


async def look(
    settings: LinkSettings,
    clock: Clock,
    net: Net,
    *,
    service: ServiceAt | None = None,
    speed: int = 1,
    write_test: bool = False,
    progress: Progress | None = None,
) -> Evidence:
    """Evidence from a connection of our own, with the service's view beside it where a service runs."""
    views = [await asyncio.to_thread(service.link, settings.plc)] if service is not None else []
    seen = await Direct(settings, clock, net, progress=progress).look(write_test=write_test)
    if service is not None:
        views.append(await asyncio.to_thread(service.link, settings.plc))
    seen.views, seen.speed = views, speed
    return seen


def _failure(view: LinkView) -> Failure | None:
    if view.up:
        return None
    if not view.cause:
        return Failure(Cause.SILENT, "the service has not heard it yet")
    return Failure(Cause(view.cause), view.trouble)


def _samples(views: list[LinkView]) -> list[Sample]:
    """The images of the newest connection; one that was shown twice counts once."""
    samples: list[Sample] = []
    for view in views:
        if view.connections != views[-1].connections or view.image is None or view.image_at_us is None:
            continue
        if not samples or samples[-1].at_us != view.image_at_us:
            samples.append(Sample(view.image_at_us, view.image))
    return samples

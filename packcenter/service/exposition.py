"""
Metrics as text for Prometheus, one family at a time, so that a scrape never holds up the control loop (invariant M2).

Rendering 1,200 series at once held the loop for 7 to 12 ms on the two-core test machine; the largest family takes a tenth
of that, and between two of them the loop is free. The families of one scrape may therefore be some milliseconds apart,
as any two samples are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from packcenter.ports import Clock

_EOF = b"# EOF\n"


class _One(Collector):
    """A registry of one family that is already collected."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)


def exposition(registry: CollectorRegistry, accept: str, clock: Clock) -> tuple[str, AsyncIterator[bytes]]:
    """
    (content type, chunks) of everything in `registry`, in the format that the `Accept` header asks for.

    Text format 0.0.4 unless OpenMetrics is asked for. Each chunk is one family; after each the loop may do other work.
    """
    encode, content_type = choose_encoder(accept)
    ending = _EOF if content_type.startswith("application/openmetrics-text") else b""

    async def chunks() -> AsyncIterator[bytes]:
        for family in registry.collect():
            yield encode(_One(family)).removesuffix(ending)
            await clock.sleep_us(0)
        if ending:
            yield ending

    return content_type, chunks()

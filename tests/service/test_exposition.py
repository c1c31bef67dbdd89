"""Exposition: the same text that prometheus-client makes, in pieces that leave the loop to others."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from grafana.preview.hall import reference_hall
from packcenter.projections.metrics import Metrics
from packcenter.service.exposition import exposition

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8, text/plain; version=0.0.4; q=0.5"


class CountingClock:
    """Counts how often the loop was left to others."""

    def __init__(self) -> None:
        self.pauses = 0

    def mono_us(self) -> int:
        return 0

    def wall_us(self) -> int:
        return 0

    async def sleep_us(self, us: int) -> None:
        assert us == 0
        self.pauses += 1


async def rendered(registry: CollectorRegistry, accept: str) -> tuple[str, list[bytes], CountingClock]:
    clock = CountingClock()
    content_type, chunks = exposition(registry, accept, clock)
    return content_type, [chunk async for chunk in chunks], clock


async def test_the_plain_text_is_prometheus_clients_own() -> None:
    """Without a wish it is text format 0.0.4 and says every sample."""
    registry = CollectorRegistry()
    Counter("parcels", "Parcels.", ["plc"], registry=registry).labels('bag"ger').inc(3)
    Gauge("clock_seconds", "Clock.", registry=registry).set(1.5)
    content_type, chunks, _ = await rendered(registry, "")
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert b"".join(chunks).decode() == (
        '# HELP parcels_total Parcels.\n# TYPE parcels_total counter\nparcels_total{plc="bag\\"ger"} 3.0\n'
        "# HELP clock_seconds Clock.\n# TYPE clock_seconds gauge\nclock_seconds 1.5\n"
    )


@pytest.mark.parametrize(("accept", "parse"), [("", parse_text), (OPENMETRICS, parse_openmetrics)])
async def test_both_formats_say_the_same(accept: str, parse: object) -> None:
    """All samples of the reference hall come back from either text, and OpenMetrics ends once."""
    metrics = Metrics(reference_hall())
    metrics.describe(version="1", revision="a", mode="live")
    content_type, chunks, _ = await rendered(metrics.registry, accept)
    text = b"".join(chunks).decode()
    assert content_type.startswith("application/openmetrics-text" if accept else "text/plain")
    assert text.count("# EOF\n") == text.endswith("# EOF\n") == bool(accept)
    told = {(s.name, tuple(sorted(s.labels.items()))) for family in parse(text) for s in family.samples}  # type: ignore[operator]
    assert told == {(s.name, tuple(sorted(s.labels.items()))) for family in metrics.registry.collect() for s in family.samples}


async def test_the_loop_is_free_after_every_family() -> None:
    """No piece holds more than one family, and after each one others get their turn (M2)."""
    metrics = Metrics(reference_hall())
    families = len(list(metrics.registry.collect()))
    _, chunks, clock = await rendered(metrics.registry, "")
    assert len(chunks) == clock.pauses == families
    assert all(chunk.count(b"# TYPE") == 1 for chunk in chunks)
    assert max(chunk.count(b"\n") for chunk in chunks) <= 150


async def test_an_empty_registry_is_an_empty_text() -> None:
    """Nothing to say is no error."""
    assert (await rendered(CollectorRegistry(), ""))[1] == []
    assert (await rendered(CollectorRegistry(), OPENMETRICS))[1] == [b"# EOF\n"]

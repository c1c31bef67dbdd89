"""A link as maintenance sees it: what the service tells of one PLC, and what `packcenter plc` reads."""

from __future__ import annotations

import msgspec

from packcenter.plc.image import OutImage


class LinkView(msgspec.Struct, frozen=True):
    """
    One link at one moment, `at_us` of the service's monotonic clock. Durations are microseconds, requests are counts.

    `watched_us` is how long the service has tried to hold this link; `connections` how often one was made. `image` is
    the PLC's last one with our profile in this connection, `image_at_us` when the last one was read at all.
    `round_trip_us` are the last good requests, oldest first. `cause` and `trouble` say why there is no link, both ""
    while there is one; `other_digest` is the profile that the PLC has instead of ours, None if it is ours or not known.
    """

    plc: str
    protocol: str
    address: str
    at_us: int
    watched_us: int
    up: bool
    how: str
    epoch: int
    taken: int
    acknowledged: int
    commands_waiting: int
    connections: int
    requests: dict[str, int]
    round_trip_us: list[int]
    request_timeout_us: int
    digest: int
    other_digest: int | None = None
    cause: str = ""
    trouble: str = ""
    image_at_us: int | None = None
    image: OutImage | None = None

"""
What is known of a PLC before anything is judged: from the service that holds its link, or from a look of our own.

Both ways fill the same record, so that each check is written once. What one of them cannot know stays None or empty,
and a check that needs it says that it was not made.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from packcenter.plc.image import OutImage
from packcenter.plc.mailbox import Cause
from packcenter.plc.view import LinkView


class Source(StrEnum):
    """Who looked at the PLC."""

    SERVICE = "the running service"
    DIRECT = "a connection of our own"


class Sample(msgspec.Struct, frozen=True):
    """A PLC's image and when it was read, by the monotonic clock of whoever read it."""

    at_us: int
    image: OutImage


class Failure(msgspec.Struct, frozen=True):
    """Why there is no image, or no more of them."""

    cause: Cause
    reason: str


class Identity(msgspec.Struct, frozen=True):
    """
    What a PLC says of itself: `plate` as (word, text) pairs in the order in which people read them.

    `called` is the name that it gives itself, "" if it gives none; `how` is what was asked.
    """

    how: str
    plate: tuple[tuple[str, str], ...] = ()
    called: str = ""


class WallClock(msgspec.Struct, frozen=True):
    """A PLC's date and time minus ours, and how far off that may be because the answer took its time."""

    ahead_us: int
    uncertain_us: int


class InAccess(msgspec.Struct, frozen=True):
    """Whether `In` may be written, as far as that can be told without writing; None if it cannot."""

    writable: bool | None
    how: str


class WriteTest(msgspec.Struct, frozen=True):
    """`In` was written back as it was read: `refused` is "" when the PLC took it; `skipped` says why it was not tried."""

    refused: str = ""
    skipped: str = ""


class Evidence(msgspec.Struct):
    """
    All that the checks judge by; see the module. `samples` are in the order of time and of one connection.

    `views` are the service's views of the link, oldest first, also beside a look of our own while a service runs.
    `speed` is plant seconds per real second, other than 1 only in a laboratory.
    """

    plc: str
    address: str
    source: Source
    digest: int
    request_timeout_us: int
    speed: int = 1
    how: str = ""
    failure: Failure | None = None
    other_digest: int | None = None
    samples: list[Sample] = []
    round_trip_us: list[int] = []
    views: list[LinkView] = []
    identity: Identity | None = None
    wall_clock: WallClock | None = None
    in_access: InAccess | None = None
    write_test: WriteTest | None = None

    @property
    def image(self) -> OutImage | None:
        """The newest image."""
        return self.samples[-1].image if self.samples else None

    @property
    def view(self) -> LinkView | None:
        """The service's newest view."""
        return self.views[-1] if self.views else None

    def failed_with(self, *causes: Cause) -> str | None:
        """The reason of the failure if its cause is one of these."""
        return self.failure.reason if self.failure is not None and self.failure.cause in causes else None

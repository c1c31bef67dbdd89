"""From a manifest to the physical documents that its agencies bring: when, how heavy, how thick. All by the seed."""

from __future__ import annotations

import csv
import io
import re
from calendar import timegm
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

import msgspec

from packcenter.config.manifest import Known, ManifestReading, read_manifest
from packcenter.core.hall import Hall, MailClass
from packcenter.core.inputs import Line, ManifestReceived
from packcenter.core.limits import MANIFEST_LINES_MAX
from simulation.draws import Keyed, key_of
from simulation.truth import Document

_GRAMS_STAGE: Final = 101
_ARRIVES_STAGE: Final = 102
_CLOCK = re.compile(r"(\d{2}):(\d{2}):(\d{2})\Z")
_EVEN_FROM_S: Final = 8 * 3600
_EVEN_FOR_S: Final = 6 * 3600
_THICKNESS: Final = 60
"""Thickness of a document in 1/100 mm: a card in its sleeve, a folded letter."""

_PARTS_OF_BAND: Final = (30, 70)
"""Weights lie in the middle of their class's band, from this percentage of it to that one."""


EXAMPLE_DAY: Final = date(2026, 3, 2)
"""A Monday of the reference year, so that equal seeds give equal days."""

BEFORE_FIRST_S: Final = 30
"""A day begins this long before the first item comes: time for the machines to start."""


class Delivery(msgspec.Struct, frozen=True):
    """A manifest as both sides know it: what the service is told, and what really comes."""

    name: str
    reading: ManifestReading
    documents: list[Document]

    def parts(self) -> list[ManifestReceived]:
        """The manifest as inputs for the core."""
        lines = self.reading.lines
        cuts = range(0, len(lines), MANIFEST_LINES_MAX)
        refused = len(self.reading.refusals)
        return [
            ManifestReceived(
                self.name, number, len(cuts), refused, self.reading.digest, tuple(lines[at : at + MANIFEST_LINES_MAX])
            )
            for number, at in enumerate(cuts, 1)
        ]


def deliver(name: str, content: bytes, hall: Hall, seed: int, opens_s: int) -> Delivery:
    """
    Read a manifest and make its documents; simulation time 0 is `opens_s` seconds after local midnight.

    Items without a time of arrival come evenly over six hours from eight. Raises `ManifestRefused`.
    """
    reading = read_manifest([content], Known.of_hall(hall))
    classes = {mail_class.name: mail_class for mail_class in hall.mail_classes}
    luck = Keyed(seed)
    arrives = _arrivals(content)
    documents = [
        _document(line, classes[line.mail_class], _arrives_us(line, arrives, luck, opens_s), luck) for line in reading.lines
    ]
    return Delivery(name, reading, documents)


def _document(line: Line, mail_class: MailClass, arrives_us: int, luck: Keyed) -> Document:
    band = mail_class.grams_max - mail_class.grams_min
    low, high = (mail_class.grams_min + band * part // 100 for part in _PARTS_OF_BAND)
    grams = low + luck.below(high - low + 1, key_of(line.item), _GRAMS_STAGE)
    return Document(
        code=line.item,
        mail_class=line.mail_class,
        agency=line.agency,
        arrives_us=arrives_us,
        grams=grams,
        thickness=_THICKNESS,
        destination=line.destination,
        case=line.case or _together(line),
    )


def _together(line: Line) -> str:
    """What letters to one addressee agree in; the plan may have them leave in one parcel, and no other ones with them."""
    if not line.addressee:
        return ""
    return f"+{line.agency}/{line.addressee}/{line.outlet or line.destination}/{line.service}"


def _arrives_us(line: Line, arrives: Mapping[str, str], luck: Keyed, opens_s: int) -> int:
    text = arrives.get(line.item, "")
    at_s = _seconds_of(text) if text else _EVEN_FROM_S + luck.below(_EVEN_FOR_S, key_of(line.item), _ARRIVES_STAGE)
    return max(0, at_s - opens_s) * 1_000_000


def _seconds_of(text: str) -> int:
    """Seconds after local midnight of HH:MM:SS or an ISO date and time."""
    found = _CLOCK.match(text)
    if found is not None:
        hours, minutes, seconds = map(int, found.groups())
        return hours * 3600 + minutes * 60 + seconds
    moment = datetime.fromisoformat(text)
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def first_arrival_s(content: bytes) -> int:
    """When the first item of a manifest comes, in seconds after local midnight. Times that cannot be read are passed over."""
    seconds = [_EVEN_FROM_S]
    for text in set(_arrivals(content).values()):
        try:
            seconds.append(_seconds_of(text))
        except ValueError:
            continue
    return min(seconds) if len(seconds) == 1 else min(seconds[1:])


def _arrivals(content: bytes) -> dict[str, str]:
    """The `arrives` column by item, where the manifest has one. What is no manifest is told by reading it as one."""
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
    if "arrives" not in (rows.fieldnames or ()):
        return {}
    return {row["item"]: row["arrives"] or "" for row in rows if row.get("item")}


class Day(NamedTuple):
    """What is delivered, the manifests that say so, by name, and core time (microseconds since 1970) at the beginning."""

    deliveries: list[Delivery]
    manifests: dict[str, bytes]
    opens_us: int


def day_of(hall: Hall, manifests: Mapping[str, bytes], seed: int, day: date = EXAMPLE_DAY) -> Day:
    """The day that these manifests announce, with the documents that come. Raises `ManifestRefused`."""
    midnight_s = timegm((day.year, day.month, day.day, 0, 0, 0)) - hall.utc_offset_minutes * 60
    opens_s = max(0, min(first_arrival_s(content) for content in manifests.values()) - BEFORE_FIRST_S)
    deliveries = [deliver(name, content, hall, seed, opens_s) for name, content in manifests.items()]
    return Day(deliveries, dict(manifests), (midnight_s + opens_s) * 1_000_000)


def second_of_day(hall: Hall, at_us: int) -> int:
    """Seconds after local midnight at core time `at_us`."""
    return (at_us // 1_000_000 + hall.utc_offset_minutes * 60) % 86_400


def latest_us(deliveries: Sequence[Delivery]) -> int:
    """When the last document of all comes."""
    return max((document.arrives_us for delivery in deliveries for document in delivery.documents), default=0)

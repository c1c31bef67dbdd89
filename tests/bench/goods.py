"""What runs through the benchmarks of the links: one sorter's hall, announced items, and the lane that each belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from packcenter.cli import site
from packcenter.core.hall import Hall
from packcenter.core.index import HallIndex
from packcenter.core.inputs import Line, ManifestReceived
from packcenter.core.limits import MANIFEST_LINES_MAX

SORTER = "sorter-1"
PROFILE_DIGEST = 0x00BE_AC01
COUNT = 20_000
"""Items of one run: more than any controller here decides in its time."""

_ROOMY = 1_000_000


def code_of(number: int) -> str:
    return f"BENCH{number:08d}"


def hall() -> tuple[Hall, str]:
    """
    The reference hall and its digest, with lanes that hold a whole run, because no bagger empties them here.

    Everything that a decision looks at is as in the reference hall: classes, destinations, rules, groups, balance.
    """
    reference = site.load(None).hall
    sorters = tuple(
        msgspec.structs.replace(
            sorter, lanes=tuple(msgspec.structs.replace(lane, capacity_items=_ROOMY) for lane in sorter.lanes)
        )
        for sorter in reference.sorters
    )
    changed = msgspec.structs.replace(reference, sorters=sorters)
    return changed, hashlib.sha256(msgspec.msgpack.encode(changed)).hexdigest()


def lines(of: Hall) -> Iterator[Line]:
    """The announced items: every class and destination of the hall in turn."""
    for number in range(COUNT):
        mail_class = of.mail_classes[number % len(of.mail_classes)].name
        postcode = of.plan.destinations[number % len(of.plan.destinations)].postcodes[0][0]
        agency = of.agencies[number % len(of.agencies)]
        yield Line(code_of(number), mail_class, agency, "", postcode, "standard", "", 1, 0)


def manifest(of: Hall) -> Iterator[ManifestReceived]:
    """The items as a manifest, in parts."""
    announced = list(lines(of))
    parts = -(-COUNT // MANIFEST_LINES_MAX)
    for part in range(parts):
        some = announced[part * MANIFEST_LINES_MAX : (part + 1) * MANIFEST_LINES_MAX]
        yield ManifestReceived("bench", part + 1, parts, 0, "0" * 64, tuple(some))


def lanes() -> dict[str, frozenset[int]]:
    """For each code, the lanes of the sorter that its rule's group has there: any other one would be a wrong decision."""
    of, _ = hall()
    index = HallIndex(of)
    found: dict[str, frozenset[int]] = {}
    for line in lines(of):
        rule = index.rule(line.mail_class, line.agency, index.destination_of(line), line.service)
        assert rule is not None, line
        (_, _, members), *_ = index.lane_order(rule.group, SORTER)
        found[line.item] = frozenset(lane.number for lane in members)
    return found

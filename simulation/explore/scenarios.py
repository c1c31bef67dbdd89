"""
Halls to explore, and days to run in them.

The reference hall is the real one, whole. The small ones have the same parts, but fewer and tighter, so that lanes fill, bags
close and rings run over within a minute; a run in them costs a fraction. Every hall has a cut-off every few minutes or near the
beginning of its days.

    reference   two sorters, four baggers, one rack (`simulation/scenarios/reference`)
    small       one sorter with three lanes, two baggers, two positions; bags of five
    twin        two sorters that share two baggers, overflow both ways, one lane that is not secure
    tight       one sorter, one bagger; lanes of two and three, bags of two
    cases       one sorter, two baggers, and a case rack of four cells; half of what comes belongs to a case of two or three
    gathering   two sorters before a case rack of sixteen cells and two baggers: many cases at once
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec.structs import replace

from packcenter.config.load import bundled_site, load_site
from packcenter.core import hall as h
from packcenter.core import s10
from simulation.demand import Row, table_of
from simulation.disk import SimDisk
from simulation.documents import Delivery, deliver, latest_us
from simulation.draws import Stream
from simulation.explore import letters, services
from simulation.lineplc import RING_EVENTS
from simulation.luck import NOTHING_GOES_WRONG
from simulation.plant.bagger import BaggerSettings
from simulation.plant.hall import PlantSettings
from simulation.plant.rack import RackSettings
from simulation.plant.sorter import SorterSettings
from simulation.truth import Document

_MIDNIGHT_US: Final = 1_772_380_800_000_000  # 2 March 2026, 0 o'clock in Nanjing
_DAY_S: Final = 24 * 3600
_POSTCODES: Final = ("210009", "210018", "211100", "211500", "215000", "226000", "230001", "100010", "830002", "650000")
_NEVER_US: Final = -1
LOOPS: Final = "loops"
LATE: Final = "late_documents"
"""No faults, but another hall (`with_loops`) and another day (`day_of`): options name them among the fault classes."""

NOWHERE: Final = 650000
"""The last postcode: no plan has a place for it."""
_AFTER_START_S: Final = 5
"""The first item comes this long after the start, when machines and links may be up for the first time."""


class Place(msgspec.Struct, frozen=True):
    """A hall with the sizes of its PLCs' rings and the paces of its machines and people."""

    hall: h.Hall
    ring_events: int
    plant: PlantSettings


class Day(msgspec.Struct, frozen=True):
    """What the agencies say (manifest files by name, in the order in which they are sent) and bring, and when the run begins."""

    manifests: dict[str, bytes]
    deliveries: list[Delivery]
    opens_us: int

    @property
    def last_comes_us(self) -> int:
        """When the last document comes, in simulated time."""
        return latest_us(self.deliveries)


def _lane(number: int, feeds: str, infeed: int, distance_mm: int, capacity: int, secure: bool = True) -> h.Lane:
    return h.Lane(number, feeds, infeed, distance_mm, capacity, secure)


def _sorter(plc: str, *lanes: h.Lane) -> h.Sorter:
    return h.Sorter(plc, 1500, 6000, 80, 10, 150, 2000, (*lanes, _lane(9, "", 0, 6000, 20)), 9)


_CLASSES: Final = (
    h.MailClass("letter", False, 20, 250, 1, 100),
    h.MailClass("id_card", True, 12, 80, 2, 100),
)
_NEAR: Final = h.Destination("near", ((210000, 211999),))
_ELSEWHERE: Final = h.Destination("elsewhere", ((100000, 209999), (212000, 299999), (830000, 849999)))
_EVERY_THREE_MINUTES: Final = tuple(range(0, 1440, 3))


def _hall(name: str, sorters: tuple[h.Sorter, ...], baggers: int, groups: tuple[h.Group, ...], bag_items: int) -> h.Hall:
    return h.Hall(
        name=name,
        centre="NJ",
        utc_offset_minutes=480,
        agencies=("police", "tax"),
        mail_classes=_CLASSES,
        sorters=sorters,
        baggers=tuple(h.Bagger(f"bagger-{number}", 5000, 6000) for number in range(1, baggers + 1)),
        rack=h.Rack("rack-1", (h.Position(1, "near"), h.Position(2, "elsewhere")), 0, 30_000, 20_000),
        waybills=h.Waybills("EA", 10_000_000, 19_999_999, "CN"),
        plan=h.Plan(
            version=f"{name}-1",
            destinations=(_NEAR, _ELSEWHERE),
            groups=groups,
            rules=(h.Rule("cards", ("id_card",), (), (), (), "cards"), h.Rule("letters", ("letter",), (), (), (), "letters")),
            bags=h.BagLimits(bag_items, 4_000, _EVERY_THREE_MINUTES),
        ),
    )


def _small() -> h.Hall:
    sorter = _sorter(
        "sorter-1", _lane(1, "bagger-1", 1, 2000, 6), _lane(2, "bagger-1", 2, 3000, 6, False), _lane(3, "bagger-2", 1, 4500, 6)
    )
    groups = (
        h.Group("letters", (("sorter-1", 2), ("sorter-1", 3)), "first", ("cards",)),
        h.Group("cards", (("sorter-1", 1), ("sorter-1", 3)), "least", ()),
    )
    return _hall("small", (sorter,), 2, groups, 5)


def _twin() -> h.Hall:
    sorters = (
        _sorter("sorter-1", _lane(1, "bagger-1", 1, 2000, 4), _lane(2, "bagger-2", 1, 4000, 4, False)),
        _sorter("sorter-2", _lane(1, "bagger-1", 2, 2500, 4), _lane(2, "bagger-2", 2, 3500, 4, False)),
    )
    groups = (
        h.Group("letters", (("sorter-1", 2), ("sorter-2", 2)), "least", ("cards",)),
        h.Group("cards", (("sorter-1", 1), ("sorter-2", 1)), "first", ("letters",)),
    )
    return _hall("twin", sorters, 2, groups, 5)


def _tight() -> h.Hall:
    sorter = _sorter("sorter-1", _lane(1, "bagger-1", 1, 2000, 2), _lane(2, "bagger-1", 2, 3000, 3))
    groups = (
        h.Group("letters", (("sorter-1", 2),), "first", ("cards",)),
        h.Group("cards", (("sorter-1", 1),), "first", ("letters",)),
    )
    return _hall("tight", (sorter,), 1, groups, 2)


_CASE_TYPES: Final = (
    h.CaseType("newborn", "NB", (), 1, "part_ship", 2),
    h.CaseType("estate", "ES", (), 1, "hand", 2),
    h.CaseType("other", "", (), 1, "wait", 2),
)


def _cases() -> h.Hall:
    sorter = _sorter(
        "sorter-1", _lane(1, "bagger-1", 1, 2000, 5), _lane(2, "bagger-2", 1, 3000, 5, False), _lane(3, "cases-1", 1, 4500, 5)
    )
    groups = (
        h.Group("letters", (("sorter-1", 2), ("sorter-1", 1)), "first", ()),
        h.Group("cards", (("sorter-1", 1),), "first", ()),
    )
    outlets = (h.Outlet(1, "bagger-2", 2), h.Outlet(2, "bagger-1", 2))
    return replace(
        _hall("cases", (sorter,), 2, groups, 5),
        case_racks=(h.CaseRack("cases-1", 4, 3, outlets, 6000, 9000),),
        case_types=_CASE_TYPES,
    )


def _gathering() -> h.Hall:
    sorters = (
        _sorter(
            "sorter-1", _lane(1, "bagger-1", 1, 2000, 5), _lane(2, "bagger-2", 1, 3000, 5, False), _lane(3, "cases-1", 1, 4500, 5)
        ),
        _sorter("sorter-2", _lane(1, "bagger-1", 2, 2500, 4), _lane(2, "cases-1", 2, 4000, 6)),
    )
    groups = (
        h.Group("letters", (("sorter-1", 2), ("sorter-2", 1)), "least", ("cards",)),
        h.Group("cards", (("sorter-1", 1), ("sorter-2", 1)), "first", ()),
    )
    outlets = (h.Outlet(1, "bagger-2", 2), h.Outlet(2, "bagger-1", 3))
    return replace(
        _hall("gathering", sorters, 2, groups, 8),
        case_racks=(h.CaseRack("cases-1", 16, 3, outlets, 6000, 9000),),
        case_types=_CASE_TYPES,
    )


_QUICK: Final = PlantSettings(
    sorter=SorterSettings(carry_us=30_000_000, jam_us=10_000_000), bagger=BaggerSettings(), rack=RackSettings()
)
_PLACES: Final[Mapping[str, Callable[[], Place]]] = MappingProxyType(
    {
        "reference": lambda: Place(load_site(bundled_site()).hall, RING_EVENTS, PlantSettings()),
        "small": lambda: Place(_small(), 64, _QUICK),
        "twin": lambda: Place(_twin(), 48, _QUICK),
        "tight": lambda: Place(_tight(), 48, _QUICK),
        "cases": lambda: Place(_cases(), 64, _QUICK),
        "gathering": lambda: Place(_gathering(), 64, _QUICK),
    }
)
HALLS: Final = tuple(_PLACES)
"""Names of all halls."""

LATER_HALLS: Final = ("cases",)
"""Halls that came when seeds were kept already: they are drawn behind everything else."""

WHOLE_HALLS: Final = ("cases", "gathering")
"""Those in which a run of the whole hall is (`features`); they have case racks."""


@cache
def place(name: str, served: bool = False) -> Place:
    """The hall of this name; `served`: with bags for services, and receipts."""
    found = _PLACES[name]()
    return replace(found, hall=services.with_services(found.hall)) if served else found


def with_loops(where: Place, hard: int) -> Place:
    """The same hall with sorters that are loops, and lanes that are soon full, so that items go round."""
    sorters = tuple(
        replace(
            sorter,
            laps_max=4 - hard,
            round_mm=sorter.belt_mm // 2,
            loop_items_max=(14, 10, 8)[hard - 1],
            lanes=tuple(
                replace(lane, capacity_items=min(lane.capacity_items, 4 - hard), rate_per_minute=(0, 6, 3)[hard - 1])
                if lane.feeds
                else lane
                for lane in sorter.lanes
            ),
        )
        for sorter in where.hall.sorters
    )
    return replace(where, hall=replace(where.hall, sorters=sorters))


# --- days ------------------------------------------------------------------------------------------------------------


def day_of(
    where: Place, seed: int, items: int, span_us: int, *, served: bool = False, late: int = 0, to_few: bool = False
) -> Day:
    """
    A day of `items` documents that come during `span_us`, announced in one to three manifests, by the seed; `served`: by all
    services, else all by one. `late`: of so many cases in three one document comes a minute or two after the others, which may
    be after `span_us`. `to_few`: the letters for few addressees, whose tokens they bear.

    Half of all days begin shortly before a cut-off. Documents come one by one or in batches.
    """
    stream = Stream(seed, "explore/day")
    hall = where.hall
    opens_s = _opening(stream, hall, span_us)
    rows = _rows(stream, hall, items, opens_s, max(1, span_us // 1_000_000 - _AFTER_START_S))
    if served:
        rows = services.serve(rows, seed)
    files: dict[str, list[Row]] = {}
    parts = 1 + stream.below(3)
    for row in rows:
        files.setdefault(f"{row.agency}-{1 + stream.below(parts)}", []).append(row)
    absent: set[str] = set()
    if hall.case_racks:
        files, absent = _gathered(Stream(seed, "explore/cases"), files)
    if to_few:
        files = letters.addressed(files, seed)
    manifests = {name: csv_of(files[name]) for name in sorted(files)}
    deliveries = [deliver(name, content, hall, seed, opens_s) for name, content in manifests.items()]
    for document in (document for delivery in deliveries for document in delivery.documents if document.code in absent):
        document.arrives_us = _NEVER_US
    if late:
        _delay_one_of_some(Stream(seed, "explore/late documents"), deliveries, late)
    return Day(manifests, deliveries, _MIDNIGHT_US + opens_s * 1_000_000)


def _gathered(stream: Stream, files: dict[str, list[Row]]) -> tuple[dict[str, list[Row]], set[str]]:
    """
    The same rows, half of them in cases of two or three, over all manifests; and the items that nobody will ever bring.

    Of one case in five a document is missing for ever: it is not brought, or not even announced.
    """
    alone = [row for rows in files.values() for row in rows]
    cases: dict[str, Row] = {}
    absent: set[str] = set()
    unsaid: set[str] = set()
    serial = 0
    while len(alone) >= 6 and len(cases) < sum(map(len, files.values())) // 2:
        serial += 1
        size = stream.between(2, 3)
        members = [alone.pop(stream.below(len(alone))) for _ in range(size)]
        name = f"{('NB', 'ES', 'OT')[stream.below(3)]}-{serial:05d}"
        waybill = members[0].waybill if stream.below(2) else ""
        to = {"destination": members[0].destination, "service": members[0].service, "waybill": waybill}
        cases |= {row.item: row._replace(case=name, case_size=str(size), **to) for row in members}
        if stream.below(5) == 0:
            (absent if stream.below(2) else unsaid).add(members[-1].item)
    told = {name: [cases.get(row.item, row) for row in rows if row.item not in unsaid] for name, rows in files.items()}
    return {name: rows for name, rows in told.items() if rows}, absent


def _delay_one_of_some(stream: Stream, deliveries: list[Delivery], in_three: int) -> None:
    """One document of some cases comes when the time of its case is over: a case type of these halls waits a minute."""
    cases: dict[str, list[Document]] = {}
    for document in (document for delivery in deliveries for document in delivery.documents if document.case):
        if document.arrives_us != _NEVER_US:
            cases.setdefault(document.case, []).append(document)
    for name in sorted(cases):
        members = cases[name]
        strikes, late, by_us = stream.below(3) < in_three, stream.below(len(members)), stream.between(65, 125) * 1_000_000
        if strikes and len(members) > 1:
            members[late].arrives_us = max(document.arrives_us for document in members) + by_us


def _opening(stream: Stream, hall: h.Hall, span_us: int) -> int:
    """Seconds after local midnight at which a day begins."""
    cutoffs = hall.plan.bags.cutoff_minutes
    any_time = stream.between(6 * 3600, 18 * 3600)
    if not cutoffs or stream.below(2):
        return any_time
    cutoff_s = cutoffs[stream.below(len(cutoffs))] * 60
    return max(0, min(cutoff_s - 1 - stream.below(max(1, span_us // 1_000_000)), _DAY_S - 2 * 3600))


def _rows(stream: Stream, hall: h.Hall, items: int, opens_s: int, span_s: int) -> list[Row]:
    rows: list[Row] = []
    serial = 0
    most = items if stream.below(4) == 0 else 12  # on some days nearly everything comes at once
    while len(rows) < items:
        batch = 1 if stream.below(3) else stream.between(2, max(2, most))
        at_s = opens_s + _AFTER_START_S + stream.below(span_s)
        for _ in range(min(batch, items - len(rows))):
            serial += 1
            rows.append(_row(stream, hall, serial, at_s))
    return rows


def _row(stream: Stream, hall: h.Hall, serial: int, at_s: int) -> Row:
    mail_class = hall.mail_classes[stream.below(len(hall.mail_classes))].name
    agency = hall.agencies[stream.below(len(hall.agencies))]
    waybill = s10.number("BX", 20_000_000 + serial, "CN") if stream.below(2) else ""
    postcode = _POSTCODES[stream.below(len(_POSTCODES))]
    hours, minutes, seconds = at_s // 3600, at_s // 60 % 60, at_s % 60
    item = f"D{serial:05d}-{stream.below(36**3):05d}"
    return Row(item, mail_class, agency, waybill, postcode, "ems", "", "", "", f"{hours:02d}:{minutes:02d}:{seconds:02d}")


def fresh_rows(stream: Stream, hall: h.Hall, count: int, serial: int) -> list[Row]:
    """Rows of items that nobody announced before and nobody will bring; `serial` must not come again."""
    return [_row(stream, hall, 10_000 + 100 * serial + number, _DAY_S // 2) for number in range(count)]


def put(folder: SimDisk, name: str, content: bytes) -> None:
    """A file that somebody puts into a folder, whole and for good."""
    file = folder.open(name, create=True)
    file.truncate(0)
    file.pwrite(content, 0)
    file.fdatasync()
    folder.sync_directory()


def csv_of(rows: list[Row]) -> bytes:
    """Rows as a manifest file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(table_of(rows))
    return text.getvalue().encode()


def checks_label(seed: int) -> bool:
    """Whether the baggers put out what does not bear the label that they were told to print."""
    return Stream(seed, "explore/machines").below(2) == 0


def with_luck(where: Place, seed: int, rates: dict[str, int]) -> PlantSettings:
    """
    The plant of a place with the luck of a seed; `rates` are mishaps per million by name (`simulation.luck.Rates`), else 0.

    In half of all runs the baggers seal whatever label they read back: then packcenter alone looks at it.
    """
    bagger = replace(where.plant.bagger, checks_label=checks_label(seed))
    return replace(where.plant, seed=seed, rates=replace(NOTHING_GOES_WRONG, **rates), bagger=bagger)

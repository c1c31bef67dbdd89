"""
Example days: what the agencies announce, and when it comes to the hall.

A day is rows of manifests (`packcenter/config/MANIFEST-FORMAT.md`), the same bytes for the same seed on every Python
and numpy: streams are named, so that another agency shifts nobody else's luck; only the generator's raw integers are
used, whose sequence numpy guarantees, and all arithmetic is in integers. Nothing in a row means anybody: item codes
are serials, waybills have the check digits of UPU S10, postcodes are public.

Items come in batches 批 (a compound arrival process): a courier brings some boxes at once. The times of an agency's
batches are drawn from its rate, constant within each quarter of an hour, by inverting the cumulated rate.
"""

from __future__ import annotations

import csv
import io
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate, islice
from typing import NamedTuple

import numpy as np

from packcenter.config.manifest import COLUMNS
from packcenter.core import s10

ITEMS_A_DAY = 15_800
_CHUNK_ROWS = 500


class Row(NamedTuple):
    """One row of a manifest, every field as it is written; the columns of `packcenter.config.manifest.COLUMNS`."""

    item: str
    mail_class: str
    agency: str
    waybill: str
    destination: str
    service: str
    case: str
    case_size: str
    due: str
    arrives: str
    addressee_token: str = ""


assert Row._fields == COLUMNS


def table_of(rows: Iterable[Row]) -> list[Sequence[str]]:
    """The rows under their header; a day without tokens has no column for them, so its bytes are what they always were."""
    rows = list(rows)
    columns = len(COLUMNS) if any(row.addressee_token for row in rows) else len(COLUMNS) - 1
    return [COLUMNS[:columns], *(row[:columns] for row in rows)]


class Source(NamedTuple):
    """
    What one agency sends on an ordinary day.

    `letter` marks its item codes and waybills. `announced_waybills` is the share, in hundredths, that has a waybill
    from the agency, a `domestic` one of 13 digits or else one of S10. `services` and `regions` (home city, home province,
    elsewhere) are weights. `rate` is the weight of each quarter of an hour from `OPENS_S`; `batch` the fewest and most
    items that come at once; `due_days` 0 for none.
    """

    agency: str
    mail_class: str
    items: int
    letter: str
    announced_waybills: int
    services: Mapping[str, int]
    regions: tuple[int, int, int]
    rate: tuple[int, ...]
    batch: tuple[int, int]
    due_days: int
    domestic: bool = False


OPENS_S = 8 * 3600
"""A rate begins at 08:00 local time and ends at 16:30, so that 17:00 finds an empty hall."""

_QUARTER_S = 900


def _rate(*weights: tuple[int, int]) -> tuple[int, ...]:
    """(quarters, weight) pairs, one after the other, from 08:00 to 16:30."""
    rate = tuple(weight for quarters, weight in weights for _ in range(quarters))
    assert len(rate) == 34, len(rate)
    return rate


# What was made the evening before comes with the first couriers; the afternoon brings what is ready that day.
_EARLY = _rate((2, 20), (6, 34), (4, 16), (4, 6), (4, 2), (10, 8), (4, 4))
MORNING = _rate((2, 6), (4, 28), (6, 26), (4, 10), (4, 1), (8, 10), (6, 5))
OFFICE = _rate((4, 2), (8, 20), (4, 12), (4, 1), (10, 14), (4, 8))

_EMS = {"ems": 92, "outlet-pickup": 8}
SOURCES = (
    Source("tax", "tax_invoice", 2_500, "B", 100, {"ems": 100}, (78, 16, 6), MORNING, (20, 100), 0),
    Source("police-household", "id_card", 6_000, "C", 80, _EMS, (72, 14, 14), _EARLY, (40, 160), 0),
    Source("exit-entry", "exit_entry_permit", 3_000, "D", 80, _EMS, (70, 16, 14), _EARLY, (30, 120), 0),
    Source("residence", "residence_permit", 2_000, "F", 60, _EMS, (88, 8, 4), MORNING, (20, 100), 0),
    Source(
        "letters-office",
        "official_letter",
        2_300,
        "H",
        0,
        {"registered": 70, "receipt-requested": 30},
        (46, 30, 24),
        OFFICE,
        (5, 60),
        2,
    ),
)
"""The reference site's agencies, 15,800 items; the waybills of EA are left to the centre's own range."""

# (weight, postcodes that belong there)
HOME_CITY = {
    "Xuanwu": (9, ("210018", "210016")),
    "Qinhuai": (12, ("210001", "210002", "210006")),
    "Jianye": (8, ("210019", "210017")),
    "Gulou": (12, ("210009", "210003", "210024")),
    "Pukou": (10, ("211800", "210031")),
    "Qixia": (11, ("210046", "210033")),
    "Yuhuatai": (7, ("210012", "210039")),
    "Jiangning": (16, ("211100", "211106")),
    "Luhe": (7, ("211500", "210044")),
    "Lishui": (5, ("211200",)),
    "Gaochun": (3, ("211300",)),
}
HOME_PROVINCE = {
    "Wuxi": (12, ("214000", "214200", "214400")),
    "Xuzhou": (10, ("221000", "221300", "221400")),
    "Changzhou": (9, ("213000", "213200", "213300")),
    "Suzhou": (17, ("215000", "215200", "215300", "215500")),
    "Nantong": (10, ("226000", "226100", "226500")),
    "Lianyungang": (5, ("222000", "222300")),
    "Huaian": (6, ("223001", "223300")),
    "Yancheng": (7, ("224001", "224100")),
    "Yangzhou": (8, ("225001", "225200", "225600")),
    "Zhenjiang": (7, ("212001", "212300")),
    "Taizhou": (6, ("225300", "225400", "225700")),
    "Suqian": (5, ("223800", "223600")),
}
ELSEWHERE = {
    "Anhui": (22, ("230001", "239000", "241000", "243000", "246001")),
    "Shanghai": (13, ("200001", "200120", "201100")),
    "Zhejiang": (10, ("310001", "315000", "325000")),
    "Shandong": (6, ("250001", "266001")),
    "Henan": (6, ("450001", "471000")),
    "Guangdong": (6, ("510030", "518001")),
    "Beijing": (5, ("100010", "100081")),
    "Jiangxi": (4, ("330003", "332000")),
    "Hubei": (4, ("430014", "443000")),
    "Fujian": (3, ("350001", "361001")),
    "Hunan": (3, ("410005",)),
    "Sichuan": (3, ("610015",)),
    "Hebei": (2, ("050011",)),
    "Shaanxi": (2, ("710003",)),
    "Chongqing": (1, ("400010",)),
    "Tianjin": (1, ("300041",)),
    "Shanxi": (1, ("030002",)),
    "Liaoning": (1, ("110013",)),
    "Jilin": (1, ("130051",)),
    "Heilongjiang": (1, ("150010",)),
    "Guangxi": (1, ("530012",)),
    "Yunnan": (1, ("650031",)),
    "Guizhou": (1, ("550001",)),
    "Gansu": (1, ("730030",)),
    "Inner Mongolia": (1, ("010010",)),
    "Xinjiang": (1, ("830002",)),
    "Hainan": (1, ("570203",)),
    "Ningxia": (1, ("750001",)),
    "Qinghai": (1, ("810001",)),
    "Tibet": (1, ("850000",)),
}
REGIONS = (HOME_CITY, HOME_PROVINCE, ELSEWHERE)


# --- luck ------------------------------------------------------------------------------------------------------------


class Draws:
    """A named stream of integers: the same for the same seed and name, whatever else is drawn from other names."""

    def __init__(self, seed: int, name: str) -> None:
        sequence = np.random.SeedSequence(seed, spawn_key=(zlib.crc32(name.encode()),))
        self._bits = np.random.PCG64DXSM(sequence)

    def below(self, n: int, count: int) -> list[int]:
        """`count` integers from 0 to n - 1 (n up to 2**32; the bias is under 2**-32 * n)."""
        assert 0 < n <= 1 << 32, n
        raw = self._bits.random_raw(count) >> np.uint64(32)
        drawn: list[int] = ((raw * np.uint64(n)) >> np.uint64(32)).tolist()
        return drawn

    def pick(self, weights: Sequence[int], count: int) -> list[int]:
        """`count` indexes, each as likely as its weight."""
        ends = list(accumulate(weights))
        return [bisect_right(ends, drawn) for drawn in self.below(ends[-1], count)]


# --- a day -----------------------------------------------------------------------------------------------------------


def example_day(seed: int, day: date, items: int = ITEMS_A_DAY, sources: Sequence[Source] = SOURCES) -> list[Row]:
    """All rows of a day, in the order in which the items come to the hall; `items` scales every source alike."""
    shares = _shares([source.items for source in sources], items)
    rows = [row for source, count in zip(sources, shares, strict=True) for row in _source_day(seed, day, source, count)]
    rows.sort(key=lambda row: (row.arrives, row.agency, row.item))
    return rows


def instead(sources: Sequence[Source], items_of: Mapping[str, int]) -> list[Source]:
    """The sources, some with another number of items, by agency."""
    return [source._replace(items=items_of.get(source.agency, source.items)) for source in sources]


def manifests(rows: Iterable[Row], day: date) -> dict[str, list[Row]]:
    """The rows of each agency, as one manifest each; keys are names of manifests such as tax-20260302."""
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(f"{row.agency}-{day:%Y%m%d}", []).append(row)
    return by_name


def csv_chunks(rows: Iterable[Row]) -> Iterator[bytes]:
    """The rows as a manifest file, header first, in pieces of some 40 KiB."""
    remaining = iter(table_of(rows))
    while some := list(islice(remaining, _CHUNK_ROWS)):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(some)
        yield text.getvalue().encode()


def files(rows: Iterable[Row], day: date) -> dict[str, bytes]:
    """The rows as the manifest files of their agencies, by name."""
    return {name: b"".join(csv_chunks(part)) for name, part in manifests(rows, day).items()}


def time_text(second: int) -> str:
    """HH:MM:SS of a second of the day, as `arrives` is written."""
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


def _shares(weights: Sequence[int], total: int) -> list[int]:
    """`total` in proportion to the weights, in whole numbers: what is left over goes to the largest remainders."""
    whole = sum(weights)
    shares = [weight * total // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(weights[at] * total % whole), at))
    for at in by_remainder[: total - sum(shares)]:
        shares[at] += 1
    return shares


def _source_day(seed: int, day: date, source: Source, count: int) -> Iterator[Row]:
    """The rows of one agency; a day has its own streams, so that days differ and can be made in any order."""

    def draws(what: str) -> Draws:
        return Draws(seed, f"demand/{source.agency}/{source.mail_class}/{day.isoformat()}/{what}")

    first = day.toordinal() % 1000 * 100_000  # item and waybill serials come again after 1,000 days
    assert count <= 100_000, f"{source.agency}: {count} items have no serials of their own, 100,000 have"
    arrives = _arrivals(draws("arrivals"), draws("batches"), source, count)
    has_waybill = draws("waybills").below(100, count)
    services = tuple(source.services)
    service = draws("services").pick(tuple(source.services.values()), count)
    destinations = _destinations(draws("regions"), draws("places"), draws("postcodes"), source, count)
    due = (day + timedelta(days=source.due_days)).isoformat() if source.due_days else ""
    for at in range(count):
        waybill = _waybill(source, first + at) if has_waybill[at] < source.announced_waybills else ""
        item = f"NJ-{source.letter}{first + at:08d}"
        time = time_text(arrives[at])
        yield Row(item, source.mail_class, source.agency, waybill, destinations[at], services[service[at]], "", "", due, time)


def _waybill(source: Source, serial: int) -> str:
    return f"1{serial:012d}" if source.domestic else s10.number(f"E{source.letter}", serial, "CN")


def _arrivals(times: Draws, sizes: Draws, source: Source, count: int) -> list[int]:
    """When each item comes, in seconds of the local day, rising: batches of random size at random times."""
    least, most = source.batch
    batches: list[int] = []
    while (left := count - sum(batches)) > 0:
        batches.append(min(left, least + sizes.below(most - least + 1, 1)[0]))
    ends = list(accumulate(source.rate))
    span = ends[-1] * _QUARTER_S  # the cumulated rate at closing time, in weight-seconds
    drawn = sorted(_time_of(source.rate, ends, at) for at in times.below(span, len(batches)))
    return [second for second, size in zip(drawn, batches, strict=True) for _ in range(size)]


def _time_of(rate: Sequence[int], ends: Sequence[int], cumulated: int) -> int:
    """The second at which the cumulated rate reaches a value: the inverse of a line with a bend each quarter of an hour."""
    quarter = bisect_right(ends, cumulated // _QUARTER_S)
    before = (ends[quarter] - rate[quarter]) * _QUARTER_S
    return OPENS_S + quarter * _QUARTER_S + (cumulated - before) // rate[quarter]


def _destinations(regions: Draws, places: Draws, postcodes: Draws, source: Source, count: int) -> list[str]:
    """A postcode for each item: first the region, then the place in it, then one of the place's postcodes."""
    of_region = [list(region.values()) for region in REGIONS]
    place = [places.pick([weight for weight, _ in region], count) for region in of_region]
    luck = postcodes.below(1 << 32, count)
    found = []
    for at, region in enumerate(regions.pick(source.regions, count)):
        _, codes = of_region[region][place[region][at]]
        found.append(codes[luck[at] % len(codes)])
    return found


# --- bad rows --------------------------------------------------------------------------------------------------------


class Planted(NamedTuple):
    """A row that must be refused: its line in the file, the column at fault ("" none) and the reason's code."""

    row: int
    column: str
    code: str


_Spoiler = tuple[str, Mapping[str, str]]  # column at fault, and what is written instead, by column

_SPOILERS: Mapping[str, _Spoiler] = {
    "bad_item": ("item", {"item": "nj a1"}),
    "unknown_class": ("mail_class", {"mail_class": "library_card"}),
    "unknown_agency": ("agency", {"agency": "library"}),
    "unknown_service": ("service", {"service": "pigeon"}),
    "bad_waybill": ("waybill", {"waybill": "EZ12345CN"}),
    "bad_waybill_check": ("waybill", {"waybill": "EZ123456780CN"}),
    "bad_destination": ("destination", {"destination": "21001"}),
    "unknown_outlet": ("destination", {"destination": "NO-SUCH-OUTLET", "service": "outlet-pickup"}),
    "bad_case": ("case", {"case": "", "case_size": "3"}),
    "bad_case_size": ("case_size", {"case": "CASE-9", "case_size": "many"}),
    "bad_due": ("due", {"due": "next week"}),
    "bad_addressee_token": ("addressee_token", {"addressee_token": "SOMEBODY"}),
    # Of nobody: the region 999999 does not exist and the check character is wrong; a service number; a placeholder.
    "resident_id": ("item", {"item": "999999190001010000"}),
    "mobile_number": ("case", {"case": "13800138000", "case_size": "2"}),
    "han_text": ("agency", {"agency": "某某"}),
    "not_ascii": ("service", {"service": "ém"}),
}
# Codes that need more than one row, or a row of another shape.
_SPECIAL = ("field_count", "bad_quotes", "row_too_long", "repeated_row", "duplicate_item", "duplicate_waybill", "case_conflict")
BAD_ROWS = (*_SPOILERS, *_SPECIAL)
_OF_TOKENS = ("bad_addressee_token",)
"""Codes that need the column of the tokens."""


def spoiled_csv(rows: Sequence[Row], seed: int, codes: Sequence[str] = BAD_ROWS) -> tuple[bytes, list[Planted]]:
    """
    A manifest with bad rows planted among the good ones: its bytes, and every refusal its reading must bring.

    `rows` are all kept, and nothing but what was planted is refused. For demonstrations and tests.
    """
    header, *table = table_of(rows)
    if len(header) < len(COLUMNS):
        codes = [code for code in codes if code not in _OF_TOKENS]
    good = [_csv_line(row) for row in table]
    places = sorted(Draws(seed, "demand/bad rows").below(len(good) + 1, len(codes)))
    planted: list[Planted] = []
    lines = [",".join(header)]
    taken = 0
    for code, place in zip(codes, places, strict=True):
        lines += good[taken:place]
        taken = place
        bad, faults = _bad_lines(code, rows[0], len(planted), len(header))
        planted += [Planted(len(lines) + 1 + at, column, code) for at, column in faults]
        lines += bad
    lines += good[taken:]
    return ("\n".join(lines) + "\n").encode(), planted


def _bad_lines(code: str, like: Row, serial: int, columns: int) -> tuple[list[str], list[tuple[int, str]]]:
    """Lines to plant, of so many columns, and which of them (from 0) is refused in which column."""

    def line_of(row: Row) -> str:
        return _csv_line(row[:columns])

    item = f"BAD-{serial:04d}"
    row = like._replace(item=item, waybill="", case="", case_size="", due="")
    if code in _SPOILERS:
        column, changes = _SPOILERS[code]
        return [line_of(row._replace(**changes))], [(0, column)]
    waybill = s10.number("EZ", serial, "CN")
    other = row._replace(item=f"{item}-B")
    line = line_of(row)
    return {
        "field_count": ([line + ","], [(0, "")]),
        "bad_quotes": (['"' + line], [(0, "")]),
        "row_too_long": ([line + "x" * 5000], [(0, "")]),
        "repeated_row": ([line, line], [(1, "item")]),
        "duplicate_item": ([line, line_of(row._replace(destination="850000"))], [(0, "item"), (1, "item")]),
        "duplicate_waybill": (
            [line_of(row._replace(waybill=waybill)), line_of(other._replace(waybill=waybill))],
            [(0, "waybill"), (1, "waybill")],
        ),
        "case_conflict": (
            [line_of(each._replace(case=f"{item}-CASE", case_size=size)) for each, size in ((row, "2"), (other, "3"))],
            [(0, "case"), (1, "case")],
        ),
    }[code]


def _csv_line(row: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()

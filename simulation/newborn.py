"""
The newborn case 新生儿出生一件事: five documents of five agencies, that come hours apart.

Like `demand`: the same rows for the same seed on every Python. The birth certificate comes first; each of the others comes up to
three hours later, by its own agency's courier. Of one case in twenty a document is not even announced on that day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from packcenter.core import s10
from simulation.demand import OPENS_S, REGIONS, Draws, Row, time_text

DOCUMENTS: Final = (
    ("birth_certificate", "maternity", "B"),
    ("household_register", "police-household", "C"),
    ("vaccination_record", "health", "D"),
    ("social_security_card", "social-security", "F"),
    ("infant_health_book", "child-care", "H"),
)
"""What a case has: mail class, agency, letter of the item codes."""

ITEMS_A_DAY: Final = 1_000
_FIRST_S: Final = 4 * 3600
_LATER_S: Final = 3 * 3600
_REGIONS: Final = (70, 25, 5)
_MISSING_OF: Final = 20
_LETTERS_S: Final = 8 * 3600
_LETTERS_TO_ONE: Final = (40, 30, 20, 10)
"""Of a hundred addressees so many get one, two, three or four letters on a day."""

_TOGETHER_S: Final = 2 * 3600
"""The letters to one addressee come within two hours, a little longer than they wait for each other."""


def newborn_day(seed: int, day: date, items: int) -> list[Row]:
    """
    A day of `items` documents, in the order in which they come: four fifths belong to cases of five, the rest are letters,
    of which several are for one addressee.
    """
    cases = max(1, items * 4 // 5 // len(DOCUMENTS))
    rows = [*cases_of(seed, day, cases), *_letters(seed, day, max(0, items - cases * len(DOCUMENTS)))]
    rows.sort(key=lambda row: (row.arrives, row.agency, row.item))
    return rows


def cases_of(seed: int, day: date, cases: int) -> Iterator[Row]:
    """The rows of so many cases, one after the other."""

    def draws(what: str) -> Draws:
        return Draws(seed, f"newborn/{day.isoformat()}/{what}")

    first = day.toordinal() % 1000 * 100_000
    begins = draws("begins").below(_FIRST_S, cases)
    later = draws("later").below(_LATER_S, cases * len(DOCUMENTS))
    missing = draws("missing").below(_MISSING_OF * len(DOCUMENTS), cases)
    postcodes = list(_postcodes(draws("regions"), draws("places"), cases))
    waybills = draws("waybills").below(2, cases)
    for case in range(cases):
        # Half of the cases got their waybill when they were ordered; then all their documents' lines bear it.
        waybill = s10.number("EN", first + case, "CN") if waybills[case] else ""
        for at, (mail_class, agency, letter) in enumerate(DOCUMENTS):
            if missing[case] == at:
                continue
            second = OPENS_S + begins[case] + (later[case * len(DOCUMENTS) + at] if at else 0)
            item, name = f"NB-{letter}{first + case:08d}", f"NB-{first + case:08d}"
            yield Row(item, mail_class, agency, waybill, postcodes[case], "ems", name, str(len(DOCUMENTS)), "", time_text(second))


def _letters(seed: int, day: date, count: int) -> Iterator[Row]:
    """Letters of one agency, several of them to one addressee, whom a token stands for that means nothing to anybody else."""

    def draws(what: str) -> Draws:
        return Draws(seed, f"newborn/{day.isoformat()}/letters/{what}")

    first = day.toordinal() % 1000 * 100_000
    seconds = draws("arrivals").below(_LETTERS_S - _TOGETHER_S, count)
    later = draws("later").below(_TOGETHER_S, count)
    sizes = draws("addressees").pick(_LETTERS_TO_ONE, count)
    postcodes = list(_postcodes(draws("regions"), draws("places"), count))
    begins, number = 0, 0
    for at in range(count):
        if at > begins + sizes[number]:
            begins, number = at, number + 1
        second = OPENS_S + seconds[begins] + (later[at] if at > begins else 0)
        item, token = f"NB-L{first + at:08d}", f"TK-{first + number:08d}"
        to, service = postcodes[begins], ("registered", "receipt-requested")[number % 2]
        yield Row(item, "official_letter", "letters-office", "", to, service, "", "", "", time_text(second), token)


def _postcodes(regions: Draws, places: Draws, count: int) -> Iterator[str]:
    drawn = places.below(1 << 32, count)
    for at, region in enumerate(regions.pick(_REGIONS, count)):
        codes = [code for _, codes in REGIONS[region].values() for code in codes]
        yield codes[drawn[at] % len(codes)]

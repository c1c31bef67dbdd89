"""
A provincial centre's day: all that its agencies send, in one hall. The same rows for the same seed on every Python.

Beside invoices, ID documents and letters come what people order at service centres and of the traffic police, real-estate
certificates 不动产权证 for the whole country, court documents 法院文书 that want a receipt, and newborn cases 一件事. The court
numbers its own waybills in a domestic form.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from packcenter.core.hall import Hall
from simulation import demand, newborn
from simulation.demand import MORNING, OFFICE, Row, Source

SOURCES: Final = (
    *(source for source in demand.SOURCES if source.agency != "letters-office"),
    Source("letters-office", "official_letter", 2_300, "H", 0, {"registered": 100}, (46, 30, 24), OFFICE, (5, 60), 2),
    Source("service-centre", "service_document", 500, "G", 0, {"ems": 80, "outlet-pickup": 20}, (80, 15, 5), OFFICE, (5, 40), 0),
    Source("traffic-police", "driving_licence", 900, "J", 80, {"ems": 9, "outlet-pickup": 1}, (70, 20, 10), MORNING, (20, 80), 0),
    Source("real-estate", "real_estate_certificate", 400, "K", 50, {"registered": 100}, (40, 30, 30), OFFICE, (5, 40), 0),
    Source("court", "court_document", 600, "M", 100, {"receipt-requested": 100}, (50, 30, 20), OFFICE, (5, 60), 2, domestic=True),
)
"""Who sends what leaves alone."""

CASE_DOCUMENTS: Final = 400
"""Documents of newborn cases on an ordinary day."""

ITEMS_A_DAY: Final = sum(source.items for source in SOURCES) + CASE_DOCUMENTS


def fits(hall: Hall) -> bool:
    """Whether a hall takes what the centre's agencies send."""
    return bool(hall.case_racks) and {source.agency for source in SOURCES} <= set(hall.agencies)


def centre_day(seed: int, day: date, items: int = ITEMS_A_DAY, items_of: Mapping[str, int] | None = None) -> list[Row]:
    """
    All rows of a day, in the order in which the items come to the hall; `items` scales everybody alike.

    `items_of`: what agencies send instead, if they send another number than on an ordinary day; then nothing is scaled.
    """
    sources = demand.instead(SOURCES, items_of or {})
    alone = sum(source.items for source in sources)
    documents = CASE_DOCUMENTS if items_of else items * CASE_DOCUMENTS // ITEMS_A_DAY
    rows = demand.example_day(seed, day, alone if items_of else items - documents, sources)
    rows += newborn.cases_of(seed, day, documents // len(newborn.DOCUMENTS))
    rows.sort(key=lambda row: (row.arrives, row.agency, row.item))
    return rows

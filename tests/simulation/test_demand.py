"""Example days: how many of what, when and where to; the same bytes for the same seed."""

import hashlib
from collections import Counter
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packcenter.config import manifest, personal
from packcenter.config.manifest import COLUMNS, Known, read_manifest
from packcenter.core import s10
from simulation import demand
from simulation.demand import SOURCES, Draws, Row, Source, csv_chunks, example_day, manifests, spoiled_csv

DAY = date(2026, 3, 2)
KNOWN = Known(tuple(source.mail_class for source in SOURCES), tuple(source.agency for source in SOURCES))
ROWS = example_day(1, DAY)


def seconds(row: Row) -> int:
    hours, minutes, rest = map(int, row.arrives.split(":"))
    return hours * 3600 + minutes * 60 + rest


def test_a_day_has_the_numbers_of_the_centre() -> None:
    """2,500 invoices, 11,000 ID documents and 2,300 letters."""
    assert Counter(row.mail_class for row in ROWS) == {
        "tax_invoice": 2_500,
        "id_card": 6_000,
        "exit_entry_permit": 3_000,
        "residence_permit": 2_000,
        "official_letter": 2_300,
    }


@given(st.integers(0, 3_000))
def test_a_smaller_day_has_exactly_the_items_asked_for(items: int) -> None:
    """Shares are rounded so that nothing is lost."""
    shares = demand._shares([source.items for source in SOURCES], items)
    assert sum(shares) == items
    assert all(abs(share * 15_800 - source.items * items) < 15_800 for share, source in zip(shares, SOURCES, strict=True))
    assert items > 100 or len(example_day(1, DAY, items)) == items


def test_the_same_seed_gives_the_same_bytes_for_ever() -> None:
    """On every Python and numpy; when a change of the demand is meant, this digest changes with it."""
    digest = hashlib.sha256(b"".join(csv_chunks(ROWS))).hexdigest()
    assert digest == "390609cd6b358abbb59eabbd2e4b05e627081a2da7b12093d3101bad93344ae9"


def test_seeds_and_days_differ() -> None:
    """Another seed or day is another day, with items and waybills of its own."""
    other_seed, other_day = example_day(2, DAY, 500), example_day(1, date(2026, 3, 3), 500)
    one = example_day(1, DAY, 500)
    assert [row.arrives for row in one] != [row.arrives for row in other_seed]
    assert not {row.item for row in one} & {row.item for row in other_day}
    assert not {row.waybill for row in one} & {row.waybill for row in other_day} - {""}


def test_a_stream_depends_on_its_name_alone() -> None:
    """Another agency in the hall changes nobody else's day."""
    more = (*SOURCES, Source("court", "court_document", 100, "K", 100, {"registered": 1}, (1, 1, 1), SOURCES[0].rate, (1, 9), 0))
    with_court = example_day(7, DAY, 15_900, more)
    assert [row for row in with_court if row.agency != "court"] == example_day(7, DAY)


def test_every_row_is_taken_by_the_reader() -> None:
    """A day written and read is the day: no refusal, and the lines say what the rows said."""
    reading = read_manifest(csv_chunks(ROWS), KNOWN)
    assert reading.refusals == []
    assert [(line.item, line.waybill, f"{line.destination:06d}", line.service) for line in reading.lines] == [
        (row.item, row.waybill, row.destination, row.service) for row in ROWS
    ]


def test_each_agency_has_one_manifest() -> None:
    """Together they are the day, each in its order."""
    by_name = manifests(ROWS, DAY)
    assert sorted(by_name) == [
        f"{agency}-20260302" for agency in ("exit-entry", "letters-office", "police-household", "residence", "tax")
    ]
    assert sorted(row for rows in by_name.values() for row in rows) == sorted(ROWS)


def test_waybills_are_real_numbers_used_once_and_leave_the_centres_own_alone() -> None:
    """Valid S10, none twice, none of the EA range; some items have none and get the centre's."""
    waybills = [row.waybill for row in ROWS if row.waybill]
    assert all(map(s10.is_valid, waybills))
    assert len(set(waybills)) == len(waybills)
    assert not any(waybill.startswith("EA") for waybill in waybills)
    share = Counter(bool(row.waybill) for row in ROWS if row.agency == "police-household")
    assert 0.75 < share[True] / share.total() < 0.85


def test_nothing_in_a_day_looks_like_a_person() -> None:
    """Not one field; the reader, which looks at every row, has found none either."""
    assert not [row for row in ROWS[::9] if any(personal.kind_of(field) for field in row)]


def test_destinations_have_their_shares() -> None:
    """Most stays in the city; every place of the tables is met; nothing goes anywhere else."""
    codes = [{code for _, place in region.values() for code in place} for region in demand.REGIONS]
    assert not codes[0] & codes[1] | codes[1] & codes[2] | codes[0] & codes[2]
    counts = [sum(row.destination in region for row in ROWS) for region in codes]
    assert sum(counts) == len(ROWS)
    expected = [sum(source.items * source.regions[at] for source in SOURCES) // 100 for at in range(3)]
    assert all(abs(seen - wanted) < 200 for seen, wanted in zip(counts, expected, strict=True))
    met = {row.destination for row in ROWS}
    assert all(met & set(place) for region in demand.REGIONS for _, place in region.values())


@pytest.mark.parametrize("seed", range(4))
def test_the_peak_is_a_peak_and_the_hall_can_work_it_off(seed: int) -> None:
    """The busiest hour brings 1.2 to 1.7 items a second; two sorters of one a second are done before 17:00."""
    arrivals = Counter(seconds(row) for row in example_day(seed, DAY))
    busiest = max(sum(arrivals[at] for at in range(start, start + 3600)) for start in range(8 * 3600, 16 * 3600, 600))
    assert 1.2 <= busiest / 3600 <= 1.7
    assert min(arrivals) >= 8 * 3600
    assert max(arrivals) < 16 * 3600 + 1800
    waiting, longest = 0, 0
    for at in range(8 * 3600, 17 * 3600):
        waiting = max(0, waiting + arrivals[at] - 2)
        longest = max(longest, waiting)
    assert waiting == 0
    assert 100 < longest < 1_000


def test_items_come_in_batches() -> None:
    """An ID card comes with at least 39 others, except in the last batch, which is what was left."""
    sizes = Counter(row.arrives for row in ROWS if row.mail_class == "id_card")
    assert sum(size < 40 for size in sizes.values()) <= 1
    assert all(first.arrives <= second.arrives for first, second in pairwise(ROWS))


def test_a_time_is_the_inverse_of_the_cumulated_rate() -> None:
    """Each quarter of an hour gets its weight of the day, spread evenly; a quarter without weight gets nothing."""
    rate = (1, 0, 3)
    ends = [1, 1, 4]
    times = [demand._time_of(rate, ends, at) for at in range(4 * 900)]
    assert Counter((time - demand.OPENS_S) // 900 for time in times) == {0: 900, 2: 2700}
    assert times == sorted(times)
    assert set(Counter(times).values()) == {1, 3}


@given(st.integers(0, 2**64), st.integers(1, 2**32))
def test_a_draw_is_below_its_bound(seed: int, bound: int) -> None:
    """From 0 to n - 1, whatever n."""
    assert all(0 <= drawn < bound for drawn in Draws(seed, "x").below(bound, 20))


def test_picks_follow_their_weights() -> None:
    """A weight of 0 is never picked, three times the weight about three times as often."""
    seen = Counter(Draws(1, "x").pick([1, 0, 3], 40_000))
    assert seen[1] == 0
    assert 2.8 < seen[2] / seen[0] < 3.2


def test_planted_rows_are_refused_as_said_and_nothing_else() -> None:
    """The reading of a spoiled manifest brings exactly what was planted, and keeps every good row."""
    content, planted = spoiled_csv(ROWS[:1000], seed=3)
    reading = read_manifest([content], KNOWN)
    assert sorted((refusal.row, refusal.column, refusal.code) for refusal in reading.refusals) == sorted(planted)
    kept = {line.item for line in reading.lines}
    assert {row.item for row in ROWS[:1000]} <= kept
    assert len(kept) == 1000 + 1  # the row that another repeats


def test_every_reason_to_refuse_a_row_can_be_planted() -> None:
    """The injector knows all of the reader's."""
    assert set(demand.BAD_ROWS) == set(manifest.ROW_MESSAGES)
    assert {each.code for each in spoiled_csv(ROWS[:50], seed=9)[1]} == set(demand.BAD_ROWS) - {"bad_addressee_token"}
    tokens = [row._replace(addressee_token=f"TK-{at:06d}") for at, row in enumerate(ROWS[:50])]
    content, planted = spoiled_csv(tokens, seed=9)
    assert {each.code for each in planted} == set(demand.BAD_ROWS)
    refusals = read_manifest([content], KNOWN).refusals
    assert sorted((refusal.row, refusal.column, refusal.code) for refusal in refusals) == sorted(planted)


def test_the_columns_are_the_readers() -> None:
    """One header for both; the column of the tokens is there if one is."""
    assert next(csv_chunks([])) == (",".join(COLUMNS[:-1]) + "\n").encode()
    head, _, row = next(csv_chunks([ROWS[0]._replace(addressee_token="TK-000001")])).decode().partition("\n")
    assert head == ",".join(COLUMNS)
    assert row.endswith(",TK-000001\n")

"""Random numbers: the same for a name and seed for ever, even, and independent of each other; luck keeps its rates."""

from __future__ import annotations

from collections import Counter

import pytest

from simulation.draws import Keyed, Stream, generator, key_of
from simulation.luck import NOTHING_GOES_WRONG, Fate, Luck, Rates, Stage

CODES = [f"NJ32010020261122{number:06d}" for number in range(20_000)]


def _chi_square(counts: Counter[int], cells: int, total: int) -> float:
    expected = total / cells
    return sum((counts[cell] - expected) ** 2 / expected for cell in range(cells))


def test_a_stream_is_made_by_its_name_and_seed_alone() -> None:
    """Other streams drawn before or between change nothing; the numbers are those written down here."""
    alone = Stream(7, "agency/tax")
    numbers = [alone.below(1000) for _ in range(600)]
    first, second = Stream(7, "agency/police"), Stream(7, "agency/tax")
    mixed = [(first.draw(), second.below(1000))[1] for _ in range(600)]
    assert mixed == numbers
    assert numbers[:6] == [265, 373, 148, 324, 38, 452]


def test_streams_of_other_names_seeds_and_replications_differ() -> None:
    """Each part of the key matters."""
    firsts = {
        tuple(stream.draw() for _ in range(4))
        for stream in (Stream(7, "a"), Stream(8, "a"), Stream(7, "b"), Stream(7, "a", 1), Stream(7, "a", 2))
    }
    assert len(firsts) == 5


def test_a_generator_draws_from_the_same_name() -> None:
    """Whole arrays come from a generator of the same key as the stream."""
    assert int(generator(7, "agency/tax").bit_generator.random_raw()) == Stream(7, "agency/tax").draw()


def test_stream_draws_are_even_and_in_range() -> None:
    """`between` gives every value of its range, ends included, about equally often."""
    stream = Stream(1, "even")
    counts = Counter(stream.between(-5, 14) + 5 for _ in range(40_000))
    assert set(counts) == set(range(20))
    assert _chi_square(counts, 20, 40_000) < 60  # 19 degrees of freedom: above 60 once in 400,000


def test_a_keyed_draw_depends_on_seed_item_and_stage_alone() -> None:
    """No order, no state: the same question has the same answer for ever."""
    keyed = Keyed(2026)
    key = key_of("NJ0001")
    assert keyed.draw(key, 3) == Keyed(2026).draw(key, 3) == 0x8832355DF36867DD
    assert len({keyed.draw(key, 3), keyed.draw(key, 4), keyed.draw(key_of("NJ0002"), 3), Keyed(2027).draw(key, 3)}) == 4


@pytest.mark.parametrize("stage", [1, 2, 9])
def test_keyed_draws_of_numbered_codes_are_even(stage: int) -> None:
    """Codes that differ in their last digits only, as on a day's manifest, draw evenly."""
    keyed = Keyed(5)
    counts = Counter(keyed.below(64, key_of(code), stage) for code in CODES)
    assert _chi_square(counts, 64, len(CODES)) < 125  # 63 degrees of freedom: above 125 once in 200,000


def test_keyed_draws_of_neighbouring_stages_and_items_are_independent() -> None:
    """Pairs (stage, next stage) and (item, next item) fill their square evenly."""
    keyed = Keyed(5)
    keys = [key_of(code) for code in CODES]
    stages = Counter(keyed.below(8, key, 1) * 8 + keyed.below(8, key, 2) for key in keys)
    items = Counter(
        keyed.below(8, key, 1) * 8 + keyed.below(8, after, 1) for key, after in zip(keys, keys[1:] + keys[:1], strict=True)
    )
    assert _chi_square(stages, 64, len(keys)) < 125
    assert _chi_square(items, 64, len(keys)) < 125


def test_every_bit_of_a_keyed_draw_is_fair() -> None:
    """Each of the 64 bits is set in about half of the draws, also the low ones."""
    keyed = Keyed(11)
    draws = [keyed.draw(key_of(code), Stage.BELT) for code in CODES]
    for bit in range(64):
        ones = sum(draw >> bit & 1 for draw in draws)
        assert abs(ones - 10_000) < 354, bit  # 5 standard deviations of 70.7


def test_luck_keeps_its_rates() -> None:
    """Fates come as often as their rates say, each about equally for its rate, and never one with rate 0."""
    luck = Luck(3, Rates(scan_no_read=100_000, scan_multiple=50_000, scan_error=0, scan_misread=50_000))
    fates = Counter(luck.at_scanner(key_of(code)) for code in CODES)
    assert abs(fates[Fate.NO_READ] - 2000) < 220
    assert abs(fates[Fate.MULTIPLE] - 1000) < 160
    assert abs(fates[Fate.MISREAD] - 1000) < 160
    assert fates[Fate.READ_ERROR] == 0
    assert sum(fates.values()) == len(CODES)


def test_nothing_goes_wrong_when_all_rates_are_zero() -> None:
    """Every station's fate is the ordinary one."""
    luck = Luck(3, NOTHING_GOES_WRONG)
    for code in CODES[:500]:
        key = key_of(code)
        fates = (luck.at_scanner(key), luck.on_belt(key), luck.at_feeder(key), luck.at_pouch(key), luck.at_rack(key))
        assert fates == (Fate.NONE,) * 5


def test_a_rate_of_a_million_is_certain() -> None:
    """The upper end of the rates is reached."""
    luck = Luck(3, Rates(falls=1_000_000, ghost=0))
    assert all(luck.on_belt(key_of(code)) is Fate.FALLS for code in CODES[:500])


def test_changing_one_station_leaves_the_luck_of_the_others() -> None:
    """A scenario with unreadable labels meets the same scanner."""
    one, other = Luck(3, Rates()), Luck(3, Rates(label_unreadable=900_000))
    keys = [key_of(code) for code in CODES]
    assert [one.at_scanner(key) for key in keys] == [other.at_scanner(key) for key in keys]
    assert any(one.at_pouch(key) is not other.at_pouch(key) for key in keys)


def test_a_misread_changes_exactly_one_character() -> None:
    """A misread code has the same length and differs in one place, also for letters."""
    luck = Luck(3, Rates())
    for code in CODES[:2000]:
        wrong = luck.misread(code, key_of(code), Stage.MISREAD)
        assert sum(a != b for a, b in zip(code, wrong, strict=True)) == 1


def test_rates_out_of_range_are_refused_with_their_names() -> None:
    """A negative rate, one above a million, and a station whose rates exceed a million are refused."""
    with pytest.raises(ValueError, match="falls is -1, jams is 1000001: expected 0 to 1000000 per million"):
        Rates(falls=-1, jams=1_000_001)
    with pytest.raises(ValueError, match="rates of the pouch add up to 1200000, expected at most 1000000"):
        Rates(label_unreadable=600_000, label_wrong=600_000, wrong_insert=0)

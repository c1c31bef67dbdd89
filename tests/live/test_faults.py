"""Plans of faults: the same from the same seed, over when they say, readable; and no change on the wire that a CRC misses."""

from __future__ import annotations

from collections import Counter

import faults
import pytest
from faults import AMOUNTS, Fault, Kind
from proxy import corrupted

from packcenter.plc.image import ImageError, OutImage, decode_out, encode_out
from packcenter.plc.line import EventKind, LineEvent
from simulation.draws import Stream

LINKS = ["sorter-1", "sorter-2", "bagger-1", "rack"]
LASTS_US = 2_000_000


def test_a_seed_and_a_number_make_one_storm() -> None:
    """The same seed and number give the same plan, another number another one."""
    first = faults.storm(7, 1, LINKS, LASTS_US)
    assert first == faults.storm(7, 1, LINKS, LASTS_US)
    assert first != faults.storm(7, 2, LINKS, LASTS_US)
    assert first != faults.storm(8, 1, LINKS, LASTS_US)


def test_every_kind_comes_in_storms_and_each_is_over_in_time() -> None:
    """A hundred storms hold every kind of fault, none longer than its storm, every amount in its range."""
    kinds: Counter[Kind] = Counter()
    for number in range(100):
        for fault in faults.storm(7, number, LINKS, LASTS_US):
            kinds[fault.kind] += 1
            assert fault.link in LINKS
            assert 0 <= fault.at_us < LASTS_US
            assert faults.SHORTEST_US <= fault.lasts_us <= max(LASTS_US - fault.at_us, faults.SHORTEST_US)
            assert any(low <= fault.amount <= high for low, high in AMOUNTS[fault.kind][1]), fault
    assert set(kinds) == set(Kind)
    assert min(kinds.values()) > 10, kinds


def test_a_swizzle_silences_every_link_for_a_moment_and_brings_all_back() -> None:
    """Links fall silent one by one and come back one by one, in two orders; in the middle none is left."""
    plan = faults.swizzle(7, 1, LINKS, LASTS_US)
    stalls = [fault for fault in plan if fault.kind is Kind.STALL]
    assert sorted(fault.link for fault in stalls) == sorted(LINKS)
    assert max(fault.at_us for fault in stalls) < min(fault.at_us + fault.lasts_us for fault in stalls)
    assert max(fault.at_us + fault.lasts_us for fault in plan) == LASTS_US
    went = [fault.link for fault in stalls]
    orders = {tuple(fault.link for fault in faults.swizzle(7, n, LINKS, LASTS_US) if fault.kind is Kind.STALL) for n in range(20)}
    assert len(orders) > 10, went
    resets = {fault.link: fault.at_us for fault in plan if fault.kind is Kind.RESET}
    assert all(fault.at_us + fault.lasts_us == resets[fault.link] for fault in stalls if fault.link in resets)


def test_a_drizzle_is_everywhere_both_ways_and_light() -> None:
    """Every link is corrupted both ways all the time, rarely enough to live on, and something soft comes with it."""
    plan = faults.drizzle(7, 1, LINKS, LASTS_US)
    assert plan == faults.drizzle(7, 1, LINKS, LASTS_US)
    for link in LINKS:
        corrupt = [fault for fault in plan if fault.link == link and fault.kind is Kind.CORRUPT]
        assert sorted(fault.way for fault in corrupt) == [faults.FROM_PLC, faults.TO_PLC]
        assert max(fault.amount for fault in corrupt) <= 60
    assert {fault.lasts_us for fault in plan} == {LASTS_US}
    kinds = {fault.kind for n in range(20) for fault in faults.drizzle(7, n, LINKS, LASTS_US)}
    assert kinds == {Kind.CORRUPT, Kind.DELAY, Kind.SEGMENT, Kind.DUPLICATE, Kind.REPLAY}


def test_a_timeline_is_read_by_people() -> None:
    """Each line says when, where, what, which way, how long and how much."""
    plan = [
        Fault("rack", Kind.CAP, faults.FROM_PLC, 250_000, 1_500_000, 400),
        Fault("sorter-1", Kind.RESET, at_us=300_000),
        Fault("bagger-1", Kind.STALL, faults.TO_PLC),
    ]
    assert faults.timeline("storm 3 of seed 7", plan).splitlines() == [
        "storm 3 of seed 7: 3 faults",
        "    0.250 s  rack       cap from the PLC for 1.500 s, 400 bytes/s",
        "    0.300 s  sorter-1   reset",
        "    0.000 s  bagger-1   stall to the PLC until healing",
    ]


def test_a_fault_survives_json_and_a_wrong_one_is_refused() -> None:
    """What `plain` gives, `of` takes back; an unknown kind or way is an error."""
    fault = faults.storm(7, 1, LINKS, LASTS_US)[0]
    assert Fault.of(fault.plain()) == fault
    with pytest.raises(ValueError, match="gremlin"):
        Fault.of({"link": "rack", "kind": "gremlin"})
    with pytest.raises(ValueError, match="way 'up'"):
        Fault.of({"link": "rack", "kind": "stall", "way": "up"})


def test_whatever_the_proxy_changes_in_an_image_is_noticed_or_changes_no_more_than_a_time() -> None:
    """An image of a PLC that was changed on its way is refused, or says the same but for a time or an event left out."""
    events = tuple(LineEvent(5 + n, EventKind.SCANNED, 9 + n, code="NJ0000000123", age_ms=10) for n in range(3))
    image = OutImage(0x1234, 0x5678, 3, 77, 6, 1, 0, 7, 2, 0xFF, 4_000, events)
    words = encode_out(image)
    sent = b"".join(word.to_bytes(2, "big") for word in words)
    stream = Stream(7, "test of corruption")
    refused = 0
    for _ in range(3_000):
        got = corrupted(stream, sent)
        assert len(got) == len(sent)
        assert got != sent
        seen = [int.from_bytes(got[at : at + 2], "big") for at in range(0, len(got), 2)]
        try:
            found = decode_out(seen)
        except ImageError:
            refused += 1
            continue
        plain = [(event.number, event.kind, event.track, event.code) for event in found.events]
        assert plain == [(event.number, event.kind, event.track, event.code) for event in events][: len(plain)]
        assert (found.nonce, found.epoch, found.odometer, found.taken, found.heartbeat) == (0x5678, 3, 7, 2, 77)
    assert refused > 2_000

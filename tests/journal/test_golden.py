"""
Journals of every release, kept for ever: each must be read, folded and written on by this one (J10).

`golden/NAME.pcj.xz` is MessagePack of a folder's segments, {file name: bytes}, compressed. They were written by the
release that their name begins with, from random walks through the core's small hall (`tests/core/walks.py`), with a
change of configuration in the middle: the calm one keeps to sound machines, the wild one meets everything that a
machine may say. Never make one anew; add those of the next release.
"""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from packcenter.core import record
from packcenter.core.controller import Controller
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import read_groups, read_journal
from packcenter.replay.strict import replay
from packcenter.service import recovery
from simulation.disk import SimDisk, StillClock

FOLDER = Path(__file__).parent / "golden"
SEGMENT = 1 << 16


class Golden(NamedTuple):
    """What a journal holds: pinned when it was written, by the release that wrote it."""

    name: str
    records: int
    segments: int
    items: int
    bags: int
    kinds: int
    chain: str
    digest: str


ALL = [
    Golden(
        "0.1.0-calm",
        records=349,
        segments=4,
        items=84,
        bags=2,
        kinds=47,
        chain="f3637c3f1832a593a3449eb4341267e8dc14455c3d733ff63ed82536fc088d69",
        digest="9ba4385442459988fe3c14656aaa0a2acbb9b63207a81377e9fbd1cdddfa7cfd",
    ),
    Golden(
        "0.1.0-wild",
        records=325,
        segments=3,
        items=35,
        bags=1,
        kinds=69,
        chain="a988d3d95455a60113062601275e80adc6189760b8479c455b9329db3655abe6",
        digest="6ecc9dadc57797a7202df8c6816800370b0a704c662e9b4667a2d4922aca18b4",
    ),
]

each = pytest.mark.parametrize("golden", ALL, ids=lambda golden: golden.name)


def disk_of(golden: Golden) -> SimDisk:
    packed = lzma.decompress((FOLDER / f"{golden.name}.pcj.xz").read_bytes())
    return SimDisk(msgspec.msgpack.decode(packed, type=dict[str, bytes]))


def test_every_golden_journal_is_tested() -> None:
    """Whoever adds one pins what it holds."""
    assert {path.name.removesuffix(".pcj.xz") for path in FOLDER.iterdir()} == {golden.name for golden in ALL}


def grown(old: Any, new: Any) -> list[Any]:
    """What arrays of `new` have beyond those of `old`, plain values first; all else must be equal."""
    if not isinstance(old, list):
        assert old == new
        return []
    assert len(old) <= len(new)
    found = list(new[len(old) :])
    for before, after in zip(old, new, strict=False):
        found += grown(before, after)
    return sorted(found, key=lambda value: isinstance(value, list))


@each
def test_a_released_journal_reads_with_its_chain_and_its_decisions(golden: Golden) -> None:
    """Bytes, chain and decision digest are what they were on the day it was written."""
    disk = disk_of(golden)
    end = list(read_groups(disk, verify="decisions"))[-1].end
    assert (end.sequence, end.segment) == (golden.records, golden.segments)
    assert (end.chain.hex(), end.digest.hex()) == (golden.chain, golden.digest)


@each
def test_a_released_journals_records_are_understood_and_packed_the_same_again(golden: Golden) -> None:
    """
    Every input, fact and command decodes, and encodes to the same bytes: no field was moved, renamed or forgotten.

    What a record holds may have grown: by fields at the end of its facts and structures, which then have their defaults.
    """
    kinds = set()
    for entry in read_journal(disk_of(golden)):
        recorded = record.decode(entry.body)
        again = msgspec.msgpack.encode(recorded)
        added = grown(msgspec.msgpack.decode(entry.body), msgspec.msgpack.decode(again))
        assert all(value in (0, "", []) for value in added), type(recorded.input)
        if not added:
            assert again == entry.body
            assert msgspec.msgpack.encode(recorded.facts) + msgspec.msgpack.encode(recorded.commands) == entry.decision()
        kinds |= {type(found).__name__ for found in (recorded.input, *recorded.facts, *recorded.commands)}
    assert len(kinds) == golden.kinds


def test_a_calm_day_of_the_first_release_replays() -> None:
    """Today's core decides as the release did that wrote it, though halls have grown; the wild one met rules that were mended."""
    golden = ALL[0]
    found = replay(read_journal(disk_of(golden)))
    assert (found.inputs, found.divergence) == (golden.records, None)


@each
def test_a_released_journal_is_recovered_and_written_on(golden: Golden) -> None:
    """The hall goes on from it as if it had always run this release."""
    disk = disk_of(golden)
    identity = Identity("NJ", "later", bytes(32), bytes(32))
    recovered = recovery.recover(disk, identity, StillClock(), "me", segment_bytes=SEGMENT)
    state = recovered.controller.state
    assert (recovered.folded, len(state.items), len(state.bags)) == (golden.records, golden.items, golden.bags)
    folded = Controller()
    for entry in read_journal(disk):
        recorded = record.decode(entry.body)
        folded.fold(entry.at_us, recorded.facts, recorded.commands)
    assert folded.state == state
    recovered.journal.write_group([Draft(state.last_us + 1, 0, 0, "", 0, 0, b"more", 0)])
    assert recovered.journal.end.segment == golden.segments + 1
    assert [entry.sequence for entry in read_journal(disk)] == list(range(1, golden.records + 2))

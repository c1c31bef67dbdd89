"""Snapshots: whole or passed over, never a reason to stop."""

from __future__ import annotations

import errno
import hashlib

import msgspec
import pytest

from packcenter.journal import snapshot
from packcenter.journal.journal import Position
from packcenter.journal.snapshot import Loaded, Snapshot
from simulation.disk import Crash, SimDisk, crash_after, failing
from simulation.draws import Stream

SCHEMAS = frozenset({1, 2})


def taken(sequence: int) -> Snapshot:
    return Snapshot(Position(1, 4096 + sequence, sequence, b"\x01" * 32, b"\x02" * 32), 2, b"state %d " % sequence * 99)


def name(sequence: int) -> str:
    return f"snapshot-{sequence:020d}.pcs"


def disk_with(*sequences: int) -> SimDisk:
    disk = SimDisk()
    for sequence in sequences:
        snapshot.write(disk, taken(sequence))
    return disk


def test_a_snapshot_reads_back_as_it_was_written() -> None:
    assert snapshot.load_newest(disk_with(7), schemas=SCHEMAS) == Loaded(taken(7), ())


def test_without_a_snapshot_there_is_none() -> None:
    assert snapshot.load_newest(SimDisk({"segment-00000001.pcj": b""}), schemas=SCHEMAS) == Loaded(None, ())


def test_the_newest_two_are_kept() -> None:
    disk = disk_with(1, 2, 10)
    assert disk.list() == [name(2), name(10)]
    assert snapshot.load_newest(disk, schemas=SCHEMAS).snapshot == taken(10)


def test_the_same_position_again_replaces_the_snapshot() -> None:
    disk = disk_with(1, 2)
    again = msgspec.structs.replace(taken(2), state=b"other")
    snapshot.write(disk, again)
    assert disk.list() == [name(1), name(2)]
    assert snapshot.load_newest(disk, schemas=SCHEMAS).snapshot == again


def test_every_flipped_byte_makes_it_fall_back_to_the_older_one_and_say_why() -> None:
    files = disk_with(1, 2).files()
    for at in range(len(files[name(2)])):
        damaged = bytearray(files[name(2)])
        damaged[at] ^= 0x40
        loaded = snapshot.load_newest(SimDisk(files | {name(2): bytes(damaged)}), schemas=SCHEMAS)
        assert loaded.snapshot == taken(1)
        assert loaded.passed_over == (f"{name(2)}: its SHA-256 is not that of its bytes: it was changed or cut",)


def test_a_cut_snapshot_is_passed_over() -> None:
    files = disk_with(1, 2).files()
    for length in (0, 100, 135, 136, len(files[name(2)]) - 1):
        loaded = snapshot.load_newest(SimDisk(files | {name(2): files[name(2)][:length]}), schemas=SCHEMAS)
        assert loaded.snapshot == taken(1)
        short = f"{length} bytes, a snapshot has at least 136"
        why = short if length < 136 else "its SHA-256 is not that of its bytes: it was changed or cut"
        assert loaded.passed_over == (f"{name(2)}: {why}",)


def test_a_snapshot_is_read_up_to_the_most_that_a_state_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = disk_with(1, 2)
    monkeypatch.setattr(snapshot, "STATE_BYTES_MAX", len(taken(2).state))
    assert snapshot.load_newest(disk, schemas=SCHEMAS).snapshot == taken(2)
    monkeypatch.setattr(snapshot, "STATE_BYTES_MAX", len(taken(2).state) - 1)
    assert snapshot.load_newest(disk, schemas=SCHEMAS).snapshot is None


def test_a_state_that_no_recovery_would_read_does_not_push_out_those_that_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = disk_with(1, 2)
    monkeypatch.setattr(snapshot, "STATE_BYTES_MAX", len(taken(3).state) - 1)
    with pytest.raises(OSError, match="a state of 792 bytes, a snapshot is read with at most 791") as caught:
        snapshot.write(disk, taken(3))
    assert caught.value.errno == errno.EFBIG
    assert disk.list() == [name(1), name(2)]
    monkeypatch.setattr(snapshot, "STATE_BYTES_MAX", len(taken(3).state))
    snapshot.write(disk, taken(3))


def test_a_snapshot_of_an_empty_state_reads_back() -> None:
    empty = msgspec.structs.replace(taken(7), state=b"")
    disk = SimDisk()
    snapshot.write(disk, empty)
    assert snapshot.load_newest(disk, schemas=SCHEMAS) == Loaded(empty, ())


@pytest.mark.parametrize(
    ("at", "content", "why"),
    [
        (0, b"OTHERSNP", "format 1, schema 2; this release reads 1 and [1, 2]"),
        (8, b"\2", "format 2, schema 2; this release reads 1 and [1, 2]"),
        (32, b"\7", "it holds sequence 1 and 775 bytes, which its name and size contradict"),
    ],
    ids=["magic", "version", "length"],
)
def test_a_sound_snapshot_that_is_not_ours_is_passed_over(at: int, content: bytes, why: str) -> None:
    """Its SHA-256 is right, so that only what it says of itself tells."""
    files = disk_with(1).files()
    other = bytearray(files[name(1)][:-32])
    other[at : at + len(content)] = content
    forged = bytes(other) + hashlib.sha256(other).digest()
    assert snapshot.load_newest(SimDisk({name(1): forged}), schemas=SCHEMAS) == Loaded(None, (f"{name(1)}: {why}",))


def test_a_snapshot_under_anothers_name_is_passed_over() -> None:
    files = disk_with(1).files()
    loaded = snapshot.load_newest(SimDisk({name(5): files[name(1)]}), schemas=SCHEMAS)
    assert loaded.snapshot is None
    assert "it holds sequence 1" in loaded.passed_over[0]


def test_a_snapshot_of_an_unknown_schema_is_passed_over() -> None:
    """An older release after a newer one reads the journal instead; the journal itself must know its versions (J10)."""
    loaded = snapshot.load_newest(disk_with(1), schemas=frozenset({1}))
    assert loaded.snapshot is None
    assert loaded.passed_over == (f"{name(1)}: format 1, schema 2; this release reads 1 and [1]",)


def test_a_snapshot_that_cannot_be_read_is_passed_over() -> None:
    disk = disk_with(1, 2)
    disk.hook = failing("pread", name(2), OSError(errno.EIO, "Input/output error"))
    assert snapshot.load_newest(disk, schemas=SCHEMAS).snapshot == taken(1)


def test_a_snapshot_that_is_removed_while_they_are_looked_through_is_passed_over_and_not_made_again() -> None:
    disk = disk_with(1, 2)

    def hook(when: str, what: str, on: str) -> None:
        if (when, what) == ("after", "list"):
            disk.remove(name(2))

    disk.hook = hook
    loaded = snapshot.load_newest(disk, schemas=SCHEMAS)
    assert loaded.snapshot == taken(1)
    assert "No such file" in loaded.passed_over[0]
    assert set(disk.files()) == {name(1)}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_snapshot_that_cannot_be_written_leaves_the_older_ones(code: int) -> None:
    disk = disk_with(1, 2)
    disk.hook = failing("pwrite", name(3) + ".tmp", OSError(code, "refused"))
    with pytest.raises(OSError, match="refused"):
        snapshot.write(disk, taken(3))
    disk.hook = lambda when, what, on: None
    assert disk.list() == [name(1), name(2)], "its half would keep room that the journal may need"
    assert snapshot.load_newest(disk, schemas=SCHEMAS) == Loaded(taken(2), ())
    snapshot.write(disk, taken(4))
    assert disk.list() == [name(2), name(4)]


def test_a_crash_at_any_step_leaves_the_older_or_the_new_one_whole() -> None:
    """Every operation of writing a snapshot is a crash point, and every image of it loads without a complaint."""
    for operations in range(100):
        for seed in range(10):
            disk = disk_with(1, 2)
            disk.hook = crash_after(operations)
            try:
                snapshot.write(disk, taken(3))
            except Crash:
                loaded = snapshot.load_newest(disk.image(Stream(seed, "crash")), schemas=SCHEMAS)
                assert loaded in (Loaded(taken(2), ()), Loaded(taken(3), ()))
            else:
                assert operations > 5
                return
    pytest.fail("writing a snapshot did not end within 100 operations")


def test_what_is_wrong_is_said_even_if_the_half_snapshot_cannot_be_removed() -> None:
    disk = disk_with(1)

    def hook(when: str, what: str, on: str) -> None:
        if what in ("fdatasync", "remove"):
            raise OSError(errno.EIO, f"no {what}")

    disk.hook = hook
    with pytest.raises(OSError, match="no fdatasync"):
        snapshot.write(disk, taken(3))
    disk.hook = lambda when, what, on: None
    assert disk.list() == [name(1), name(3) + ".tmp"]
    snapshot.write(disk, taken(4))
    assert disk.list() == [name(1), name(4)]


def test_a_snapshot_of_nothing_is_our_mistake() -> None:
    """An empty journal has no position that could be proved."""
    with pytest.raises(AssertionError, match=r"^a snapshot of an empty journal"):
        snapshot.write(SimDisk(), taken(0))

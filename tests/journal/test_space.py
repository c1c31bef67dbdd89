"""Disk space: levels with their thresholds, and a ballast that is there when it is needed."""

from __future__ import annotations

import errno

import pytest

from packcenter.journal import space
from packcenter.journal.space import Level, Space
from simulation.disk import SimDisk, failing

TOTAL = 1000 << 20
PERCENT = TOTAL // 100
ENOUGH, WARN, STOP = Level


@pytest.mark.parametrize(
    ("free", "before", "after"),
    [
        (20 * PERCENT, ENOUGH, ENOUGH),
        (20 * PERCENT - 1, ENOUGH, WARN),
        (21 * PERCENT - 1, WARN, WARN),
        (21 * PERCENT, WARN, ENOUGH),
        (10 * PERCENT, WARN, WARN),
        (10 * PERCENT - 1, WARN, STOP),
        (11 * PERCENT - 1, STOP, STOP),
        (11 * PERCENT, STOP, WARN),
        (0, ENOUGH, STOP),
        (TOTAL, STOP, ENOUGH),
    ],
)
def test_levels_change_at_their_thresholds_and_come_back_a_little_later(free: int, before: Level, after: Level) -> None:
    assert space.judge(free, TOTAL, before) == Space(after, False)


def test_a_level_that_was_reached_does_not_flap() -> None:
    level, seen = ENOUGH, []
    for percent in (25, 19, 20, 19, 20, 21, 20, 9, 10, 9, 10, 11, 30):
        level = space.judge(percent * PERCENT, TOTAL, level).level
        seen.append(level)
    assert seen == [ENOUGH, WARN, WARN, WARN, WARN, ENOUGH, ENOUGH, STOP, STOP, STOP, STOP, WARN, ENOUGH]


@pytest.mark.parametrize(
    ("free", "missing", "release"),
    [(63 << 20, 1, True), (64 << 20, 1, False), (0, 0, False), (0, 2, True)],
    ids=["no room for a spare", "room for it", "no spare needed", "nothing free"],
)
def test_the_ballast_goes_only_for_a_spare_that_has_no_room(free: int, missing: int, release: bool) -> None:
    assert space.judge(free, TOTAL, STOP, spares_missing=missing).release_ballast is release


def test_the_ballast_takes_its_space_and_gives_it_back() -> None:
    disk = SimDisk(total_bytes=10 << 20)
    assert space.keep_ballast(disk, 6 << 20)
    assert disk.free_bytes()[0] == 4 << 20
    assert disk.files()["ballast"] == bytes(6 << 20)
    assert space.release_ballast(disk)
    assert disk.free_bytes()[0] == 10 << 20
    assert not space.release_ballast(disk)


def test_a_full_ballast_is_not_written_again() -> None:
    disk = SimDisk()
    space.keep_ballast(disk, 1000)
    disk.hook = lambda when, what, name: pytest.fail(what) if what == "pwrite" else None
    assert space.keep_ballast(disk, 1000)


def test_half_a_ballast_is_made_whole() -> None:
    disk = SimDisk({"ballast": b"half"})
    assert space.keep_ballast(disk, 1000)
    assert disk.files()["ballast"] == bytes(1000)


def test_a_ballast_of_another_length_is_made_anew() -> None:
    """From its first byte to its last: a hole would keep no room."""
    disk = SimDisk({"ballast": b"x" * 3000})
    written: list[int] = []

    def pace(what: str, name: str, count: int) -> int:
        written.append(count if what == "pwrite" else 0)
        return 0

    disk.pace = pace
    assert space.keep_ballast(disk, 9 << 20)
    assert disk.files()["ballast"] == bytes(9 << 20)
    assert sum(written) == 9 << 20


def test_a_ballast_without_room_leaves_nothing_behind() -> None:
    disk = SimDisk(total_bytes=10 << 20)
    assert not space.keep_ballast(disk)
    assert disk.list() == []


def test_a_ballast_without_room_for_its_name_is_no_fault() -> None:
    disk = SimDisk()
    disk.hook = failing("open", "ballast", OSError(errno.ENOSPC, "no room"))
    assert not space.keep_ballast(disk, 1000)
    assert disk.list() == []


def test_a_ballast_is_durable_when_it_is_kept_and_gone_for_good_when_it_is_released() -> None:
    disk = SimDisk()
    assert space.keep_ballast(disk, 9 << 20)
    assert disk.moment().image(0).files() == {"ballast": bytes(9 << 20)}
    assert space.release_ballast(disk)
    assert disk.moment().image(0).files() == {}


def test_a_ballast_on_a_broken_disk_is_the_callers_fault_to_handle() -> None:
    disk = SimDisk()
    disk.hook = failing("fdatasync", "ballast", OSError(errno.EIO, "Input/output error"))
    with pytest.raises(OSError, match="Input/output error"):
        space.keep_ballast(disk, 1000)

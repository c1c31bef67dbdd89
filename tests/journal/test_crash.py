"""Crash images: the journal survives them all, and each way of writing a journal that would not is found by them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from crash import Story, explore, main
from crash_images import Tally, Violation

from packcenter.journal import frames, snapshot
from packcenter.journal import journal as journal_module
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import Journal
from packcenter.service import recovery
from simulation.disk import SimDisk, SimFile

Patch = Callable[[pytest.MonkeyPatch], None]


# --- as it is ----------------------------------------------------------------------------------------------------------


def test_a_hundred_crash_images_lose_nothing() -> None:
    """The beginning of a story; as many again are those of a crash in the middle of a recovery."""
    tally = Tally()
    Story(11, 0, tally).run(8)
    assert tally.images >= 100
    assert min(tally.torn, tally.in_recovery) > 10


@pytest.mark.slow
def test_two_thousand_crash_images_lose_nothing_and_nothing_is_left_untried(rotation: int) -> None:
    """J1, J2, J4, J9: images of every kind, recoveries cut off, failed syncs, rot and lies are among them."""
    tally = explore(rotation, 2000, Tally())
    assert tally.images >= 2000
    assert min(tally.torn, tally.in_recovery, tally.kills, tally.written_on) > 300
    assert min(tally.failed_syncs, tally.states_compared, tally.spoilt_reported) > 30
    assert min(tally.lied_reported, tally.lied_tail_lost) > 0


def test_a_story_is_the_same_every_time() -> None:
    """A violation names its story, and the story alone must show it again."""
    again = Tally(images=12345)
    first = Tally()
    Story(3, 1, first).run(8)
    Story(3, 1, again).run(8)
    again.images -= 12345
    assert first == again


@pytest.mark.slow
def test_the_command_says_what_it_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--story", "1", "--progress"]) == 0
    assert '"violations": 0' in capsys.readouterr().out


# --- ways to write a journal that does not keep its promise ----------------------------------------------------------------


@contextmanager
def lying(disk: SimDisk) -> Iterator[None]:
    """Syncs do nothing meanwhile, as if they had been left out."""
    before, disk.lying = disk.lying, True
    try:
        yield
    finally:
        disk.lying = before


def without_syncs(patch: pytest.MonkeyPatch, name: str) -> None:
    """A method of the journal without the syncs in it."""
    original = getattr(Journal, name)

    def hasty(self: Journal, *given: Any) -> Any:
        assert isinstance(self._disk, SimDisk)
        with lying(self._disk):
            return original(self, *given)

    patch.setattr(Journal, name, hasty)


def without_syncs_of(patch: pytest.MonkeyPatch, suffix: str) -> None:
    """No sync of files whose name ends so."""
    original = SimFile.fdatasync

    def hasty(self: SimFile) -> None:
        if not self._name.endswith(suffix):
            original(self)

    patch.setattr(SimFile, "fdatasync", hasty)


def acknowledged_before_its_sync(patch: pytest.MonkeyPatch) -> None:
    without_syncs(patch, "write_group")


def synced_every_other_time(patch: pytest.MonkeyPatch) -> None:
    original = Journal.write_group

    def now_and_then(self: Journal, drafts: Sequence[Draft]) -> Any:
        assert isinstance(self._disk, SimDisk)
        if self.end.sequence % 2:
            return original(self, drafts)
        with lying(self._disk):
            return original(self, drafts)

    patch.setattr(Journal, "write_group", now_and_then)


def a_failed_sync_tried_again(patch: pytest.MonkeyPatch) -> None:
    original = SimFile.fdatasync

    def stubborn(self: SimFile) -> None:
        try:
            original(self)
        except OSError:
            original(self)

    patch.setattr(SimFile, "fdatasync", stubborn)


def the_folder_never_synced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SimDisk, "sync_directory", lambda self: None)


def a_spare_named_before_its_zeros_are_durable(patch: pytest.MonkeyPatch) -> None:
    without_syncs_of(patch, ".pcj.tmp")


def a_snapshot_named_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    without_syncs_of(patch, ".pcs.tmp")


def a_quarantine_note_named_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    without_syncs_of(patch, recovery.QUARANTINE_FILE + ".tmp")


def a_header_not_durable_before_its_groups(patch: pytest.MonkeyPatch) -> None:
    without_syncs(patch, "_switch")


def recovery_without_crcs(patch: pytest.MonkeyPatch) -> None:
    class Whatever(int):
        """Equal to any CRC."""

        def __eq__(self, other: object) -> bool:
            return True

        def __ne__(self, other: object) -> bool:
            return False

        __hash__ = int.__hash__

    patch.setattr(frames, "crc32", lambda content: Whatever(0))


def a_spares_header_trusted_without_its_crc(patch: pytest.MonkeyPatch) -> None:
    original = frames.decode_header

    def trusting(content: bytes) -> frames.SegmentHeader | None:
        try:
            return original(content)
        except frames.WrongFrame:
            if len(content) < frames.FIRST_FRAME:
                raise
            _, _, _, number, size, first, wall_us, chain, digest, *_ = frames._HEADER.unpack_from(content)
            return frames.SegmentHeader(Identity("NJ", "", b"", b""), number, size, first, wall_us, chain, digest)

    patch.setattr(frames, "decode_header", trusting)


def a_header_of_another_length_taken_for_a_torn_one(patch: pytest.MonkeyPatch) -> None:
    """As it was at first: a segment cut right behind its header passed for a spare, and its records were gone."""
    original = journal_module._segment

    def careless(disk: SimDisk, number: int) -> Any:
        try:
            return original(disk, number)
        except journal_module.JournalCorrupt:
            content = disk.files()[f"segment-{number:08d}.pcj"]
            if any(content[frames.HEADER_BYTES :]):
                raise
            return None

    patch.setattr(journal_module, "_segment", careless)


def going_on(patch: pytest.MonkeyPatch, change: Callable[[Journal, Any], None]) -> None:
    """`change` replaces what recovery does with the end of the last segment."""

    def go_on(self: Journal, scan: Any, written_by: Identity) -> None:
        self.end, self.torn_bytes = scan.end, scan.torn_bytes
        self._file = self._disk.open(journal_module._name(self.end.segment), create=False)
        change(self, scan)
        self._file.fdatasync()
        self._room_ends = self._file.size() if written_by == self._identity else 0

    patch.setattr(Journal, "_go_on_after", go_on)


def last_group_again(self: Journal, scan: Any) -> None:
    assert self._file is not None
    if self.end.offset == frames.FIRST_FRAME:
        self._file.pwrite(self._file.pread(frames.HEADER_BYTES, 0), 0)
    else:
        self._file.pwrite(scan.last_group, self.end.offset - len(scan.last_group))


def zeros_after(self: Journal, count: int) -> None:
    assert self._file is not None
    self._file.pwrite(bytes(count), self.end.offset)


def a_torn_tail_not_zeroed(patch: pytest.MonkeyPatch) -> None:
    going_on(patch, last_group_again)


def a_torn_tail_zeroed_only_where_it_is_seen(patch: pytest.MonkeyPatch) -> None:
    """As it was at first: after a failed sync of the cut, the zeros were seen and the torn group was on the disk."""

    def change(self: Journal, scan: Any) -> None:
        zeros_after(self, self.torn_bytes)
        last_group_again(self, scan)

    going_on(patch, change)


def a_last_group_not_written_again(patch: pytest.MonkeyPatch) -> None:
    def change(self: Journal, scan: Any) -> None:
        assert self._file is not None
        zeros_after(self, self._file.size() - self.end.offset)

    going_on(patch, change)


def a_cut_that_is_not_synced(patch: pytest.MonkeyPatch) -> None:
    without_syncs(patch, "_go_on_after")


def a_cut_that_ends_early_taken_for_damage(patch: pytest.MonkeyPatch) -> None:
    """As it was at first: zeros up to the middle of a sector were called damage."""
    patch.setattr(frames, "_cut_explains", lambda content, start: False)


def every_bad_tail_cut(patch: pytest.MonkeyPatch) -> None:
    """As if all that follows the last good group were torn: damage is cut away in silence."""
    patch.setattr(frames, "judge_tail", lambda content, at, first: max(0, len(content.rstrip(b"\0")) - at))


def a_snapshot_without_its_hash_checked(patch: pytest.MonkeyPatch) -> None:
    original = snapshot._read

    def trusting(disk: SimDisk, name: str, schemas: frozenset[int]) -> Any:
        content = disk.files()[name]
        good = content[:-32] + hashlib.sha256(content[:-32]).digest()
        return original(SimDisk({name: good}), name, schemas)

    patch.setattr(snapshot, "_read", trusting)


def a_snapshots_position_not_checked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Journal, "_check_position", lambda self, position, segments: None)


def a_chain_not_checked(patch: pytest.MonkeyPatch) -> None:
    original = frames.decode_group
    patch.setattr(frames, "decode_group", lambda *given, verify_chain: original(*given, verify_chain=False))


WRONG: list[Patch] = [
    acknowledged_before_its_sync,
    synced_every_other_time,
    a_failed_sync_tried_again,
    the_folder_never_synced,
    a_spare_named_before_its_zeros_are_durable,
    a_snapshot_named_before_it_is_durable,
    a_quarantine_note_named_before_it_is_durable,
    a_header_not_durable_before_its_groups,
    recovery_without_crcs,
    a_spares_header_trusted_without_its_crc,
    a_torn_tail_not_zeroed,
    a_torn_tail_zeroed_only_where_it_is_seen,
    a_last_group_not_written_again,
    a_cut_that_is_not_synced,
    a_cut_that_ends_early_taken_for_damage,
]

SOME = range(1, 16)

DAMAGE: list[Patch] = [
    a_header_of_another_length_taken_for_a_torn_one,
    every_bad_tail_cut,
    a_snapshot_without_its_hash_checked,
    a_snapshots_position_not_checked,
    a_chain_not_checked,
]
"""What only a spoilt disk shows; no crash does."""


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_the_images_find_a_journal_with(wrong: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge is judged: every one of these journals is wrong, and the beginnings of some stories are enough to see it."""
    wrong(monkeypatch)
    with pytest.raises((Violation, AssertionError)):
        begin(SOME, breaks=1 if wrong is a_failed_sync_tried_again else 16)


@pytest.mark.slow
def test_the_beginnings_that_find_them_find_nothing_in_the_journal_as_it_is() -> None:
    """Else they would prove nothing."""
    begin(SOME)
    begin(SOME, breaks=1)
    tell(3)


def begin(seeds: range, breaks: int = 16) -> None:
    """The first six steps of a story of each seed."""
    for seed in seeds:
        Story(seed, 0, Tally(), breaks=breaks).run(6)


@pytest.mark.parametrize("wrong", DAMAGE, ids=lambda wrong: wrong.__name__)
def test_spoilt_disks_find_a_journal_with(wrong: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for damage: twenty stories of it, each told without crashes and spoilt in dozens of ways at its end."""
    wrong(monkeypatch)
    with pytest.raises((Violation, AssertionError)):
        tell(20)


def tell(stories: int) -> None:
    """Stories without crashes."""
    for number in range(stories):
        Story(5, number, Tally(), crashes=False).run()

"""The simulated disk: what is durable stays, what is not may go in every way, and what goes wrong goes wrong as real disks do."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from simulation.disk import Crash, Moment, SimDisk, SimFile, crash_after, failing, rot, sync_fails
from simulation.draws import Stream
from simulation.pages import PAGE, SECTOR


def luck(seed: int = 1) -> Stream:
    return Stream(seed, "disk")


def opened(disk: SimDisk, name: str = "file") -> SimFile:
    return disk.open(name, create=True)


def disk_with(content: bytes) -> SimDisk:
    return SimDisk({"file": content})


def images_of(moment: Moment) -> list[dict[str, bytes]]:
    return [moment.image(mask).files() for mask in range(1 << len(moment.units))]


# --- contents ------------------------------------------------------------------------------------------------------------


def test_a_file_is_read_as_it_was_written_across_pages_and_holes() -> None:
    """Compared with a plain bytearray over many random writes, cuts and reads."""
    draws, plain = luck(), bytearray()
    disk = SimDisk()
    file = opened(disk)
    for _ in range(400):
        offset, count = draws.below(3 * PAGE), draws.below(2 * PAGE)
        kind = draws.below(8)
        if kind == 0:
            file.truncate(offset)
            del plain[offset:]
            plain.extend(bytes(offset - len(plain)))
        elif kind < 5:
            content = bytes([1 + draws.below(255)]) * count
            file.pwrite(content, offset)
            if count:
                plain.extend(bytes(max(0, offset + count - len(plain))))
                plain[offset : offset + count] = content
        assert file.pread(count, offset) == bytes(plain[offset : offset + count])
        assert file.size() == len(plain)
    assert disk.files() == {"file": bytes(plain)}


def test_disks_that_share_contents_do_not_change_each_other() -> None:
    """Images, survivors and settled disks cost no copying, and yet are disks of their own."""
    first = disk_with(b"first" * 2000)
    others = [first.settled(), first.survivor(), first.moment().image(0), first.image(luck())]
    for number, other in enumerate(others):
        opened(other).pwrite(b"%d" % number * 20, 4090)
        other.rename("file", "renamed")
    assert first.files() == {"file": b"first" * 2000}
    assert [other.files()["renamed"][4090:4110] for other in others] == [b"%d" % n * 20 for n in range(4)]


def test_equal_disks_have_equal_fingerprints() -> None:
    """And what is only seen, not durable, is told apart."""
    first, second = disk_with(b"x" * 9000), SimDisk()
    file = opened(second)
    file.pwrite(b"x" * 9000, 0)
    assert first.fingerprint() != second.fingerprint()
    assert first.fingerprint(durable=False) == second.fingerprint(durable=False)
    file.fdatasync()
    second.sync_directory()
    assert first.fingerprint() == second.fingerprint()
    opened(second, "other")
    assert first.fingerprint("fi", durable=False) == second.fingerprint("fi", durable=False)
    assert first.fingerprint() != second.fingerprint()


# --- power ---------------------------------------------------------------------------------------------------------------


def test_a_synced_write_survives_and_an_unsynced_one_may_in_every_part() -> None:
    """Two sectors: four images, and no other."""
    disk = disk_with(b"a" * 1024)
    file = opened(disk)
    file.pwrite(b"b" * 1024, 0)
    moment = disk.moment()
    assert [unit.size for unit in moment.units] == [512, 512]
    a, b = b"a" * 512, b"b" * 512
    assert [files["file"] for files in images_of(moment)] == [a + a, b + a, a + b, b + b]
    assert moment.image(1, torn=(1, 7)).files()["file"] == b + b"b" * 7 + b"a" * 505
    file.fdatasync()
    assert disk.moment().units == []
    assert disk.moment().image(0).files()["file"] == b + b
    assert images_of(moment)[0]["file"] == a + a, "a moment stays what it was"


def test_a_change_of_the_folder_survives_with_all_before_it() -> None:
    disk = disk_with(b"old")
    opened(disk, "new")
    disk.rename("new", "file")
    disk.remove("file")
    moment = disk.moment()
    assert len(moment.units) == 3
    found = [sorted(files) for files in images_of(moment)]
    assert found == [["file"], ["file", "new"], ["file"], ["file"], ["file"], ["file", "new"], ["file"], []]
    disk.sync_directory()
    assert disk.moment().image(0).files() == {}


def test_writes_that_change_nothing_are_no_units() -> None:
    """A group written once more, zeros on zeros: an image with or without them is the same."""
    disk = disk_with(b"same" * 256)
    file = opened(disk)
    file.pwrite(b"same" * 128, 0)
    assert disk.moment().units == []
    file.pwrite(b"x", 600)
    file.pwrite(b"same" * 128, 512)
    assert [unit.change for unit in disk.moment().units] == [1, 2], "the third write takes back the second"
    file.truncate(700)
    file.pwrite(b"same", 0)
    assert [unit.size for unit in disk.moment().units] == [1, 512, 0, 4]


@pytest.mark.parametrize("lost", [False, True])
def test_images_by_luck_are_among_those_of_the_moment(lost: bool) -> None:
    """Whole sectors and whole changes of the folder; or a beginning up to any byte."""
    disk = disk_with(b"a" * 1600)
    file = opened(disk)
    file.pwrite(b"b" * 1000, 100)
    file.truncate(1500)
    opened(disk, "other")
    if lost:
        disk.forget_unsynced("file")
    whole = {tuple(sorted(files.items())) for files in images_of(disk.moment())}
    torn = 0
    for seed in range(300):
        image = tuple(sorted(disk.image(luck(seed)).files().items()))
        torn += image not in whole
        content = dict(image)["file"]
        assert content[:100] == b"a" * 100
        assert set(content) <= set(b"ab")
        assert len(content) in (1500, 1600)
    assert torn == 0 if lost else 5 < torn < 60


def test_a_kill_leaves_everything_unsynced_and_a_free_lock() -> None:
    disk = SimDisk()
    assert disk.lock("one") is None
    assert disk.lock("two") == "one"
    opened(disk).pwrite(b"seen", 0)
    after = disk.survivor()
    assert after.lock("two") is None
    assert after.files() == {"file": b"seen"}
    assert after.moment().image(0).files() == {}
    opened(after).fdatasync()
    after.sync_directory()
    assert after.moment().image(0).files() == {"file": b"seen"}
    assert disk.moment().image(0).files() == {}


# --- disks that are not honest -------------------------------------------------------------------------------------------


def test_a_lying_disk_makes_up_for_it_when_it_is_honest_again() -> None:
    disk = SimDisk()
    disk.lying = True
    file = opened(disk)
    file.pwrite(b"x", 0)
    file.fdatasync()
    disk.sync_directory()
    assert disk.image(luck()).lying
    assert disk.moment().image(0).files() == {}
    disk.lying = False
    file.fdatasync()
    disk.sync_directory()
    assert disk.moment().image(0).files() == {"file": b"x"}


def test_a_losing_disk_never_does() -> None:
    """The write is seen until the caches are dropped; honest syncs afterwards keep only what comes then."""
    disk = disk_with(b"....")
    file = opened(disk)
    disk.losing = True
    file.pwrite(b"a", 0)
    file.fdatasync()
    disk.losing = False
    file.pwrite(b"b", 1)
    file.fdatasync()
    assert file.pread(4, 0) == b"ab.."
    assert disk.moment().image(0).files() == {"file": b".b.."}
    disk.drop_caches()
    assert opened(disk).pread(4, 0) == b".b.."


def test_after_a_failed_sync_the_content_is_seen_and_forgotten() -> None:
    """fsyncgate: who syncs again is told that all is well, and it is not."""
    disk = disk_with(b"....")
    opened(disk, "other").pwrite(b"waits", 0)
    file = opened(disk)
    disk.hook = sync_fails(disk, "file", nth=2)
    file.fdatasync()
    file.pwrite(b"lost", 0)
    with pytest.raises(OSError, match="Input/output error"):
        file.fdatasync()
    file.fdatasync()
    assert file.pread(4, 0) == b"lost"
    assert disk.moment().image(0).files()["file"] == b"...."
    disk.drop_caches()
    assert disk.files() == {"file": b"....", "other": b"waits"}


def test_a_failed_sync_may_have_written_some_sectors() -> None:
    kept = set()
    for seed in range(60):
        disk = disk_with(b"a" * 1024)
        file = opened(disk)
        file.pwrite(b"b" * 1024, 0)
        disk.forget_unsynced("file", luck(seed))
        kept.add(disk.moment().image(0).files()["file"])
    assert kept == {x * 512 + y * 512 for x in (b"a", b"b") for y in (b"a", b"b")}


def test_a_disk_is_full_when_others_fill_it_and_free_again_when_they_go() -> None:
    disk = SimDisk(total_bytes=10_000)
    file = opened(disk)
    file.pwrite(b"x" * 4000, 0)
    disk.others_bytes = 5000
    assert disk.free_bytes() == (1000, 10_000)
    with pytest.raises(OSError, match="No space left") as caught:
        file.pwrite(b"x" * 1001, 4000)
    assert caught.value.errno == errno.ENOSPC
    file.pwrite(b"y" * 4000, 0)
    disk.others_bytes = 20_000
    assert disk.free_bytes()[0] == 0
    file.pwrite(b"z", 5)
    disk.others_bytes = 0
    file.pwrite(b"x" * 6000, 4000)


def test_others_leave_so_much_free_and_never_take_what_is_ours() -> None:
    disk = SimDisk(total_bytes=10_000)
    opened(disk).pwrite(b"x" * 4000, 0)
    for free, left in ((1000, 1000), (0, 0), (3000, 3000), (9000, 6000)):
        disk.leave_free(free)
        assert disk.free_bytes() == (left, 10_000)


def test_time_that_operations_take_is_owed() -> None:
    disk = SimDisk()
    disk.pace = lambda what, name, count: 8000 if what == "fdatasync" else count
    file = opened(disk)
    file.pwrite(b"x" * 30, 0)
    file.fdatasync()
    assert disk.owed_us == 8030
    assert disk.operations == 3


@pytest.mark.parametrize("name", ["open", "rename", "remove"])
def test_a_file_that_is_not_there_is_said_so(name: str) -> None:
    disk = SimDisk()
    acts: dict[str, Callable[[], object]] = {
        "open": lambda: disk.open("file", create=False),
        "rename": lambda: disk.rename("file", "other"),
        "remove": lambda: disk.remove("file"),
    }
    with pytest.raises(FileNotFoundError):
        acts[name]()


# --- rot ---------------------------------------------------------------------------------------------------------------


def test_rot_changes_what_is_read_and_what_is_durable_and_nothing_else() -> None:
    """Ways of all kinds are met; the length never changes, and the file that was not meant is left alone."""
    content = b"".join(bytes([n % 251]) * 100 for n in range(60)) + bytes(3000)
    said = set()
    for seed in range(80):
        disk = SimDisk({"file": content, "other": content})
        said.add(rot(disk, "file", luck(seed)).rstrip("0123456789").split(" ")[-2])
        files = disk.files()
        assert files == disk.moment().image(0).files()
        assert files["other"] == content
        assert len(files["file"]) == len(content)
        assert not any(files["file"][6000 + 2 * SECTOR :])
    assert len(said) >= 4
    assert "empty" in rot(SimDisk({"file": b""}), "file", luck())


# --- hooks -------------------------------------------------------------------------------------------------------------


def test_hooks_see_every_operation_before_and_after_and_may_end_it() -> None:
    disk = disk_with(b"x")
    seen: list[tuple[str, str, str]] = []
    disk.hook = lambda *call: seen.append(call)
    opened(disk).pread(1, 0)
    assert seen == [(when, what, "file") for what in ("open", "pread") for when in ("before", "after")]
    disk.hook = failing("pread", "file", OSError(errno.EIO, "broken"), nth=2)
    assert opened(disk).pread(1, 0) == b"x"
    for _ in range(2):
        with pytest.raises(OSError, match="broken"):
            opened(disk).pread(1, 0)
    disk.hook = crash_after(1)
    disk.list()
    with pytest.raises(Crash):
        disk.list()

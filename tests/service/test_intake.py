"""The intake of manifests: each file taken exactly once, answered row by row, whatever is killed when."""

import asyncio
import csv
import errno
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from packcenter.config.manifest import COLUMNS, Known
from packcenter.core.facts import Fact, ItemExpected, LineRefused, ManifestOpened, ManifestTaken
from packcenter.core.inputs import ManifestReceived
from packcenter.ports import Disk
from packcenter.real import RealDisk
from packcenter.service import intake
from packcenter.service.intake import Folders, Handled, Intake, ManifestBook, Patience, Recorded

KNOWN = Known(("id_card", "tax_invoice"), ("tax", "police-household"))
HEADER = ",".join(COLUMNS)
SETTLE_US = Patience().settle_us


def row(item: str, **changes: str) -> str:
    fields = dict.fromkeys(COLUMNS, "") | {
        "item": item,
        "mail_class": "id_card",
        "agency": "tax",
        "destination": "210018",
        "service": "ems",
    }
    return ",".join({**fields, **changes}.values())


def text(*rows: str) -> bytes:
    return "".join(f"{each}\n" for each in (HEADER, *rows)).encode()


# --- a clock, disks and a core that can be killed --------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Counts operations and ends the process at one of them, before or after it is done."""

    def __init__(self, at: int = 0, after: bool = False) -> None:
        self.at = at
        self.after = after
        self.count = 0

    def burn(self, operation: Callable[[], object]) -> object:
        self.count += 1
        if self.count == self.at and not self.after:
            raise Killed
        answer = operation()
        if self.count == self.at:
            raise Killed
        return answer


class FakeClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now_us = 5_000_000
        self.naps = 0

    def mono_us(self) -> int:
        return self.now_us

    def wall_us(self) -> int:
        return self.now_us

    async def sleep_us(self, us: int) -> None:
        self.now_us += us
        self.naps += 1
        await asyncio.sleep(0)


class Inode:
    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.durable = content


class FakeFile:
    def __init__(self, disk: "FakeDisk", inode: Inode) -> None:
        self.disk = disk
        self.inode = inode
        self.closed = False
        disk.opened.append(self)

    def pread(self, count: int, offset: int) -> bytes:
        assert not self.closed
        self.disk.reads.append(count)
        return bytes(self.inode.content[offset : offset + count])

    def pwrite(self, content: bytes, offset: int) -> None:
        self.disk.answer("pwrite")

        def write() -> None:
            self.inode.content[offset : offset + len(content)] = content

        self.disk.fuse.burn(write)

    def fdatasync(self) -> None:
        self.disk.answer("fdatasync")
        self.disk.fuse.burn(lambda: setattr(self.inode, "durable", bytes(self.inode.content)))

    def truncate(self, length: int) -> None:
        del self.inode.content[length:]

    def size(self) -> int:
        return len(self.inode.content)

    def close(self) -> None:
        self.closed = True


class FakeDisk:
    """One folder in memory. `lose_power` keeps what was synced, and nothing else."""

    def __init__(self, **files: bytes) -> None:
        self.names = {name: Inode(content) for name, content in files.items()}
        self.durable = dict(self.names)
        self.fuse = Fuse()
        self.opened: list[FakeFile] = []
        self.reads: list[int] = []
        self.errors: dict[str, int] = {}

    def answer(self, operation: str) -> None:
        if operation in self.errors:
            raise OSError(self.errors[operation], "no")

    def put(self, name: str, content: bytes) -> None:
        self.names[name] = self.durable[name] = Inode(content)

    def content(self, name: str) -> bytes:
        return bytes(self.names[name].content)

    def lose_power(self) -> None:
        self.names = dict(self.durable)
        for inode in self.names.values():
            inode.content = bytearray(inode.durable)

    def open(self, name: str, *, create: bool) -> FakeFile:
        self.answer("open")
        if name not in self.names:
            if not create:
                raise FileNotFoundError(errno.ENOENT, "no such file", name)
            self.fuse.burn(lambda: self.names.setdefault(name, Inode()))
        return FakeFile(self, self.names[name])

    def rename(self, source: str, target: str) -> None:
        self.answer("rename")
        self.fuse.burn(lambda: self.names.update({target: self.names.pop(source)}))

    def remove(self, name: str) -> None:
        if name not in self.names:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        self.fuse.burn(lambda: self.names.pop(name))

    def list(self) -> list[str]:
        self.answer("list")
        return sorted(self.names)

    def sync_directory(self) -> None:
        self.fuse.burn(lambda: setattr(self, "durable", dict(self.names)))

    def free_bytes(self) -> tuple[int, int]:
        return 1 << 40, 1 << 40

    def lock(self, holder: str) -> str | None:
        return None

    def kind(self) -> str:
        return "ext4"

    def where(self) -> Path:
        return Path("folder")


class Core:
    """What the core promises of manifests: parts in order, an item once, and everything it took is durable."""

    def __init__(self) -> None:
        self.fuse = Fuse()
        self.items: dict[str, str] = {}
        self.facts: list[Fact] = []
        self.parts: dict[str, ManifestReceived] = {}
        self.received: list[ManifestReceived] = []
        self.recalled: list[str] = []

    async def submit(self, parts: list[ManifestReceived]) -> Sequence[Fact]:
        await asyncio.sleep(0)
        answers: list[Fact] = []

        def take() -> None:
            for part in parts:
                answers.extend(self.take(part))

        self.fuse.burn(take)
        return answers

    def take(self, received: ManifestReceived) -> list[Fact]:
        before = self.parts.get(received.manifest)
        assert received.part == (before.part + 1 if before else 1)
        assert before is None or before.file_digest == received.file_digest
        self.parts[received.manifest] = received
        self.received.append(received)
        facts: list[Fact] = []
        if received.part == 1:
            facts.append(ManifestOpened(received.manifest, received.parts, received.refused, received.file_digest))
        for line in received.lines:
            if line.item in self.items:
                facts.append(LineRefused(received.manifest, line.item, "duplicate_item"))
            else:
                self.items[line.item] = received.manifest
                facts.append(ItemExpected(received.manifest, line))
        facts.append(ManifestTaken(received.manifest, 0, 0))
        self.facts += facts
        return facts

    async def recall(self, manifest: str) -> list[Fact]:
        self.recalled.append(manifest)
        await asyncio.sleep(0)
        return [fact for fact in self.facts if getattr(fact, "manifest", "") == manifest]

    def recorded(self, manifest: str) -> Recorded | None:
        last = self.parts.get(manifest)
        return Recorded(last.file_digest, last.part, last.parts) if last else None


class Hall:
    """Four folders, a core and an intake that may be born again."""

    def __init__(self, **files: bytes) -> None:
        self.incoming, self.done, self.refused, self.results = FakeDisk(**files), FakeDisk(), FakeDisk(), FakeDisk()
        self.disks = (self.incoming, self.done, self.refused, self.results)
        self.core = Core()
        self.clock = FakeClock()
        self.notes: list[tuple[str, dict[str, object]]] = []
        self.born()

    def born(self, known: Known = KNOWN, since: int = 0) -> None:
        """A new life of the service: it reads the journal from fact `since` on (a snapshot's), then begins."""
        book = ManifestBook()
        for fact in self.core.facts[since:]:
            book.take(fact)
        folders = Folders(self.incoming, self.done, self.refused, self.results)
        core = self.core
        self.intake = Intake(
            folders, known, submit=core.submit, recorded=core.recorded, recall=core.recall, note=self.note, book=book
        )

    def note(self, event: str, **fields: object) -> None:
        self.notes.append((event, fields))

    def events(self) -> list[str]:
        return [event for event, _ in self.notes]

    def burn_with(self, fuse: Fuse) -> None:
        for each in (*self.disks, self.core):
            each.fuse = fuse

    async def look(self, times: int = 2, apart_us: int = SETTLE_US) -> list[Handled]:
        handled = []
        for _ in range(times):
            handled += await self.intake.look(self.clock)
            self.clock.now_us += apart_us
        return handled

    def answer(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.results.content(name).decode(), newline="")))

    def outcomes(self, name: str) -> list[tuple[str, str, str, str]]:
        return [(each["row"], each["item"], each["outcome"], each["reason"]) for each in self.answer(name)]


# --- the ordinary way ------------------------------------------------------------------------------------------------


async def test_a_manifest_is_taken_answered_and_moved() -> None:
    """Good rows reach the core, every row is answered in order, the file lies in the done folder."""
    content = text(row("NJ-1001"), row("NJ-1002", destination="1"), row("NJ-1003", agency="x", service="y"), row("NJ-1004"))
    hall = Hall(**{"tax-1.csv": content})
    assert await hall.look() == [Handled("tax-1", 2, 2)]
    assert list(hall.core.items) == ["NJ-1001", "NJ-1004"]
    (part,) = hall.core.received
    assert (part.manifest, part.part, part.parts, part.refused) == ("tax-1", 1, 1, 2)
    assert hall.outcomes("tax-1.result.csv") == [
        ("2", "NJ-1001", "taken", ""),
        ("3", "NJ-1002", "refused", "bad_destination"),
        ("4", "NJ-1003", "refused", "unknown_agency;unknown_service"),
        ("5", "NJ-1004", "taken", ""),
    ]
    assert hall.answer("tax-1.result.csv")[1]["message"].startswith("destination: the destination is not a postcode")
    assert hall.done.content("tax-1.csv") == content
    assert [list(disk.names) for disk in (hall.incoming, hall.refused)] == [[], []]
    assert hall.notes == [("manifest_taken", {"manifest": "tax-1", "rows": 4, "taken": 2, "refused": 2})]


async def test_what_the_core_refuses_is_in_the_answer() -> None:
    """An item that another manifest announced is refused by the core, and the sender is told."""
    hall = Hall(**{"a.csv": text(row("NJ-1001")), "b.csv": text(row("NJ-1001"), row("NJ-1002"))})
    await hall.look()
    assert hall.outcomes("b.result.csv") == [("2", "NJ-1001", "refused", "duplicate_item"), ("3", "NJ-1002", "taken", "")]
    assert hall.answer("b.result.csv")[0]["message"] == intake.MESSAGES["duplicate_item"]


async def test_parts_are_cut_by_rows_of_the_file() -> None:
    """A part is 256 rows, good or not, in order; at most that many lines are given at once."""
    rows = [row(f"NJ-{at:06d}", destination="1" if at % 3 == 0 else "210018") for at in range(700)]
    hall = Hall(**{"a.csv": text(*rows)})
    await hall.look()
    good = [f"NJ-{at:06d}" for at in range(700) if at % 3]
    assert [line.item for part in hall.core.received for line in part.lines] == good
    assert [(part.part, part.parts, part.refused) for part in hall.core.received] == [(at, 3, 234) for at in (1, 2, 3)]
    assert [len(part.lines) for part in hall.core.received] == [
        sum(at % 3 > 0 for at in range(*edge)) for edge in ((0, 256), (256, 512), (512, 700))
    ]
    assert len(hall.outcomes("a.result.csv")) == 700


async def test_the_control_loop_gets_its_turn_between_slices() -> None:
    """Reading, giving and answering 5,000 rows pauses again and again, and reads small pieces."""
    hall = Hall(**{"a.csv": text(*(row(f"NJ-{at:06d}") for at in range(5000)))})
    await hall.look()
    size = len(hall.done.content("a.csv"))
    assert hall.clock.naps >= size // 8192 + 5000 // 256 + 5000 // 500
    assert max(hall.incoming.reads) <= 64 * 1024


async def test_watching_looks_again_and_again_until_it_is_cancelled() -> None:
    """A file that comes later is taken by a later look; cancelling ends the watch."""
    hall = Hall()
    watch = asyncio.create_task(hall.intake.watch(hall.clock, SETTLE_US))
    await asyncio.sleep(0)
    hall.incoming.put("late.csv", text(row("NJ-1001")))
    for _ in range(1000):
        await asyncio.sleep(0)
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch
    assert list(hall.core.items) == ["NJ-1001"]


# --- half-written files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv.part", "a.csv.tmp", ".a.csv", "a.csv.filepart", "a.csv~", "A.CSV.PART"])
async def test_a_name_that_says_being_written_is_left_alone(name: str) -> None:
    """However long it lies there; once renamed into place it is taken."""
    hall = Hall(**{name: text(row("NJ-1001"))})
    assert await hall.look(4, 3600_000_000) == []
    hall.incoming.rename(name, "a.csv")
    assert await hall.look() == [Handled("a", 1, 0)]


async def test_a_growing_file_is_left_alone_until_it_stands_still() -> None:
    """Each change starts the wait anew, even when every look sees a complete last line."""
    hall = Hall()
    rows = [HEADER]
    for at in range(5):
        rows.append(row(f"NJ-100{at}"))
        hall.incoming.put("a.csv", "".join(f"{each}\n" for each in rows).encode())
        assert await hall.look(1) == []
    assert await hall.look(1, SETTLE_US - 1) == [Handled("a", 5, 0)]


async def test_a_file_that_stood_still_too_briefly_is_left_alone() -> None:
    """Two looks in quick succession prove nothing."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    assert await hall.look(4, SETTLE_US // 4) == []
    assert await hall.look(1) == [Handled("a", 1, 0)]


async def test_a_file_settles_from_its_last_change_not_from_its_first_sight() -> None:
    """It was there for long when it changed; half the time after that is too little."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))[:-1]})
    await hall.look(3, SETTLE_US)
    hall.incoming.put("a.csv", text(row("NJ-1001")))
    assert await hall.look(2, SETTLE_US // 2) == []
    assert await hall.look(1) == [Handled("a", 1, 0)]


async def test_a_file_whose_end_changes_without_its_size_has_not_settled() -> None:
    """Its sender reserved the room and writes the rows afterwards."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    await hall.look(1, SETTLE_US - 1)
    hall.incoming.put("a.csv", text(row("NJ-2002")))
    assert await hall.look(2, SETTLE_US - 1) == []
    assert await hall.look(1) == [Handled("a", 1, 0)]
    assert list(hall.core.items) == ["NJ-2002"]


async def test_an_incomplete_last_line_is_waited_for_and_then_refused() -> None:
    """A pause in the transfer is not its end; after ten minutes the sender is told."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))[:-1]})
    assert await hall.look(10, 60_000_000) == []
    assert await hall.look(1) == [Handled("a", 0, 0, "unfinished")]
    assert hall.outcomes("a.refused.csv") == [("2", "", "refused", "unfinished")]
    assert hall.core.received == []


async def test_a_file_is_not_claimed_over_another_that_waits() -> None:
    """While a claimed file waits for the disk, a new one of its name stays where it is: nothing is overwritten."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    hall.results.errors["open"] = errno.EACCES
    await hall.look()
    hall.incoming.put("a.csv", text(row("NJ-2002")))
    assert await hall.look(3) == []
    assert sorted(hall.incoming.names) == ["a.csv", "a.csv.taking"]
    hall.results.errors.clear()
    assert await hall.look(6, Patience().retry_us) == [Handled("a", 1, 0), Handled("a", 0, 0, "name_used")]
    assert (hall.done.content("a.csv"), hall.refused.content("a.csv")) == (text(row("NJ-1001")), text(row("NJ-2002")))


async def test_a_file_taken_back_by_its_sender_is_forgotten() -> None:
    """It was there at one look and is gone at the next."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    await hall.look(1)
    hall.incoming.remove("a.csv")
    assert await hall.look() == []
    assert hall.notes == []


# --- refused files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", HEADER.replace("agency", "姓名").encode() + b"\n", "missing_column"),
        ("a.csv", text(row("NJ-1001", agency="公安")).decode().encode("gbk"), "bad_encoding"),
        ("a.csv", (HEADER + "\n" + row("NJ-1001") + "\n").encode("utf-16"), "bad_encoding"),
        ("a.csv", text(row("NJ-1001", service="x"), row("NJ-1002", service="x")), "no_good_row"),
        ("a.xlsx", b"PK\3\4", "not_csv"),
    ],
)
async def test_a_refused_file_is_answered_and_moved(name: str, content: bytes, code: str) -> None:
    """Nothing of it reaches the core; it lies in the refused folder, and its answer says why."""
    hall = Hall(**{name: content})
    manifest = name.removesuffix(".csv")
    assert await hall.look() == [Handled(manifest, 0, 0, code)]
    assert hall.answer(f"{manifest}.refused.csv")[0]["reason"] == code
    assert hall.refused.content(name) == content
    assert (hall.core.received, list(hall.incoming.names), list(hall.done.names)) == ([], [], [])
    assert hall.events() == ["manifest_refused"]


async def test_a_file_without_a_good_row_lists_them_and_may_be_corrected_under_its_name() -> None:
    """Its name was not used up."""
    hall = Hall(**{"a.csv": text(row("NJ-1001", service="x"))})
    await hall.look()
    assert hall.outcomes("a.refused.csv") == [("0", "", "refused", "no_good_row"), ("2", "", "refused", "unknown_service")]
    hall.incoming.put("a.csv", text(row("NJ-1001")))
    assert await hall.look() == [Handled("a", 1, 0)]
    assert list(hall.results.names) == ["a.result.csv"]


async def test_another_file_of_a_used_name_is_refused_and_the_first_answer_stays() -> None:
    """What was taken stays as it was answered."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    await hall.look()
    first = hall.results.content("a.result.csv")
    hall.incoming.put("a.csv", text(row("NJ-1001"), row("NJ-1002")))
    assert await hall.look() == [Handled("a", 0, 0, "name_used")]
    assert list(hall.core.items) == ["NJ-1001"]
    assert hall.results.content("a.result.csv") == first
    assert hall.outcomes("a.refused.csv") == [("0", "", "refused", "name_used")]


async def test_the_same_file_again_changes_nothing() -> None:
    """The core is given nothing, and the answer is the same."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"), row("NJ-1002", case="x"))})
    await hall.look()
    first = hall.results.content("a.result.csv")
    hall.incoming.put("a.csv", text(row("NJ-1001"), row("NJ-1002", case="x")))
    assert await hall.look() == [Handled("a", 1, 1)]
    assert len(hall.core.received) == 1
    assert hall.results.content("a.result.csv") == first


async def test_the_same_file_after_its_answers_were_forgotten_keeps_the_first_answer() -> None:
    """No answer is made up: the sender is told that it was taken before."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    await hall.look()
    first = hall.results.content("a.result.csv")
    for at in range(70):
        hall.intake.book.take(ManifestOpened(f"other-{at}", 1, 0, "0"))
    hall.incoming.put("a.csv", text(row("NJ-1001")))
    assert await hall.look() == [Handled("a", 0, 0, "taken_before")]
    assert hall.results.content("a.result.csv") == first


@pytest.mark.parametrize(
    "name",
    ["13800138000.csv", "张三.csv", "11010519491231002X.csv", "a b.csv", "a.result.csv", "unnamed-1.csv", "x" * 65 + ".csv"],
)
async def test_a_name_that_must_not_be_repeated_is_replaced(name: str) -> None:
    """File names reach journals and logs too; the file is named after its content."""
    hall = Hall(**{name: text(row("NJ-1001"))})
    (handled,) = await hall.look()
    assert handled.refused == "bad_name"
    assert re.fullmatch(r"unnamed-[0-9a-f]{12}", handled.manifest)
    assert list(hall.refused.names) == [f"{handled.manifest}.csv"]
    assert hall.outcomes(f"{handled.manifest}.refused.csv") == [("0", "", "refused", "bad_name")]
    assert name.removesuffix(".csv") not in repr(hall.notes)


@pytest.mark.parametrize("name", ["police_20260302083000_0001.csv", "tax-2026-03-02.csv", "A.CSV"])
async def test_names_with_dates_and_serials_are_ordinary(name: str) -> None:
    """Many digits with separators between are not a person."""
    hall = Hall(**{name: text(row("NJ-1001"))})
    assert await hall.look() == [Handled(name[:-4], 1, 0)]


async def test_a_file_of_200_megabytes_is_refused_by_its_size_and_copied_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never in memory, neither to be read nor to be moved."""
    size, given, kept = 200 << 20, [0], [0]

    def pread(self: FakeFile, count: int, offset: int) -> bytes:
        assert count <= 64 * 1024
        piece = b"x" * max(0, min(count, size - offset))
        given[0] += len(piece)
        return piece

    monkeypatch.setattr(FakeFile, "pread", pread)
    monkeypatch.setattr(FakeFile, "size", lambda self: size)
    monkeypatch.setattr(FakeFile, "pwrite", lambda self, content, offset: kept.__setitem__(0, kept[0] + len(content)))
    hall = Hall(**{"a.csv.taking": b""})
    assert await hall.look(1) == [Handled("a", 0, 0, "too_large")]
    assert given[0] == size + 4096  # its tail when it was looked at, and the copy; nothing to read it
    assert kept[0] > size
    assert "a.csv" in hall.refused.names


# --- disks that refuse -----------------------------------------------------------------------------------------------


DISK_ERRORS = [(folder, operation) for folder in ("done", "results") for operation in ("open", "rename", "pwrite", "fdatasync")]


@pytest.mark.parametrize(("folder", "operation"), [*DISK_ERRORS, ("incoming", "open"), ("incoming", "rename")])
async def test_an_error_of_a_disk_is_noted_once_and_tried_again(folder: str, operation: str) -> None:
    """The intake goes on; when the disk is well the manifest is taken once, and no file was left open."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    disk: FakeDisk = getattr(hall, folder)
    disk.errors[operation] = errno.EIO
    assert await hall.look(5, Patience().retry_us) == []
    assert hall.notes == [("manifest_disk_error", {"manifest": "a", "error": "EIO"})]
    disk.errors.clear()
    assert await hall.look(3, Patience().retry_us) == [Handled("a", 1, 0)]
    assert len(hall.core.received) == 1
    assert hall.outcomes("a.result.csv") == [("2", "NJ-1001", "taken", "")]
    assert all(file.closed for each in hall.disks for file in each.opened)
    assert not [name for each in hall.disks for name in each.names if name.endswith(".tmp")]


async def test_a_failing_disk_is_not_asked_at_every_look() -> None:
    """Until the wait is over the file is not read again."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    hall.done.errors["open"] = errno.ENOSPC
    await hall.look(2)
    opened = len(hall.incoming.opened)
    await hall.look(10)
    assert len(hall.incoming.opened) == opened


async def test_a_lost_folder_is_noted_once_and_again_when_it_is_back() -> None:
    """Once when it goes, once when it is back."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    hall.incoming.errors["list"] = errno.ENOTCONN
    await hall.look(3)
    hall.incoming.errors.clear()
    await hall.look()
    assert hall.events() == ["manifest_folder_lost", "manifest_folder_back", "manifest_taken"]


async def test_an_error_of_the_journal_is_not_ours_to_swallow() -> None:
    """An `OSError` of `submit` is the journal's: it goes through, and the file stays claimed for the next life."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})

    async def submit(parts: list[ManifestReceived]) -> Sequence[Fact]:
        raise OSError(errno.EIO, "the journal's disk")

    hall.intake = Intake(
        Folders(hall.incoming, hall.done, hall.refused, hall.results),
        KNOWN,
        submit=submit,
        recorded=hall.core.recorded,
        recall=hall.core.recall,
        note=hall.note,
    )
    with pytest.raises(RuntimeError, match="part 1 of manifest a was not journaled"):
        await hall.look()
    assert list(hall.incoming.names) == ["a.csv.taking"]


async def test_a_file_changed_after_it_was_read_is_not_moved_unread() -> None:
    """A sender who still had it open: what he wrote is read at the next look, and refused under the used name."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})

    async def submit(parts: list[ManifestReceived]) -> Sequence[Fact]:
        hall.incoming.names["a.csv.taking"].content += (row("NJ-1002") + "\n").encode()
        return hall.core.take(parts[0])

    hall.intake = Intake(
        Folders(hall.incoming, hall.done, hall.refused, hall.results),
        KNOWN,
        submit=submit,
        recorded=hall.core.recorded,
        recall=hall.core.recall,
        note=hall.note,
    )
    assert await hall.look(3) == [Handled("a", 1, 0), Handled("a", 0, 0, "name_used")]
    assert hall.refused.content("a.csv") == text(row("NJ-1001"), row("NJ-1002"))
    assert hall.events() == ["manifest_changed", "manifest_refused"]


# --- killed anywhere -------------------------------------------------------------------------------------------------

TWO_FILES = {
    "a.csv": text(*(row(f"NJ-{at:06d}", destination="1" if at % 50 == 0 else "210018") for at in range(260)), row("NJ-000007")),
    "b.csv": text(row("NJ-000007"), row("NJ-900001")),
    "c.csv": HEADER.replace("item", "name").encode() + b"\n",
}


def everything_kept(hall: Hall) -> dict[str, dict[str, bytes]]:
    names = ("incoming", "done", "refused", "results")
    return {name: {file: disk.content(file) for file in disk.names} for name, disk in zip(names, hall.disks, strict=True)}


def run_to_the_end(hall: Hall) -> None:
    asyncio.run(hall.look(4))


def kill_points() -> Iterator[tuple[int, bool]]:
    """Every operation that changes a disk or the core, before and after it is done."""
    hall = Hall(**TWO_FILES)
    fuse = Fuse()
    hall.burn_with(fuse)
    run_to_the_end(hall)
    yield from ((at, after) for at in range(1, fuse.count + 1) for after in (False, True))


@pytest.mark.parametrize("power", [False, True], ids=["process", "power"])
def test_a_kill_at_any_point_loses_and_doubles_nothing(power: bool) -> None:
    """
    The next life ends where an undisturbed one does: same items, same parts, same answers, same files.

    After a power cut only what was synced is left of the disks; what the core was given is durable.
    """
    undisturbed = Hall(**TWO_FILES)
    run_to_the_end(undisturbed)
    expected = everything_kept(undisturbed)
    assert sorted(expected["results"]) == ["a.result.csv", "b.result.csv", "c.refused.csv"]
    points = list(kill_points())
    assert len(points) > 60
    for at, after in points:
        hall = Hall(**TWO_FILES)
        hall.burn_with(Fuse(at, after))
        with pytest.raises(Killed):
            run_to_the_end(hall)
        hall.burn_with(Fuse())
        for disk in hall.disks if power else ():
            disk.lose_power()
        hall.born()
        run_to_the_end(hall)
        assert hall.core.received == undisturbed.core.received, (at, after)
        assert everything_kept(hall) == expected, (at, after)


async def test_what_a_killed_life_left_half_written_is_not_mixed_in() -> None:
    """A longer leftover does not show its tail behind the new content."""
    hall = Hall(**{"a.csv": text(row("NJ-1001"))})
    hall.results.put("a.result.csv.tmp", b"x" * 9999)
    hall.done.put("a.csv.tmp", b"x" * 9999)
    await hall.look()
    assert hall.outcomes("a.result.csv") == [("2", "NJ-1001", "taken", "")]
    assert hall.done.content("a.csv") == text(row("NJ-1001"))


def test_killed_again_and_again_it_still_ends_right() -> None:
    """A life that is killed after a few operations makes some progress, or the next one does."""
    undisturbed = Hall(**TWO_FILES)
    run_to_the_end(undisturbed)
    hall = Hall(**TWO_FILES)
    for life in range(200):
        hall.burn_with(Fuse(13 + life % 7, life % 2 == 0))
        try:
            run_to_the_end(hall)
        except Killed:
            hall.born()
        else:
            break
    assert 2 < life < 199
    assert hall.core.received == undisturbed.core.received
    assert everything_kept(hall) == everything_kept(undisturbed)


def test_another_configuration_after_a_kill_cuts_the_file_alike_and_answers_truly() -> None:
    """
    Rows that were refused in parts already taken stay refused, though the new configuration knows their class.

    Parts not yet taken are read by the new configuration. Nothing is given twice, and the answer says what the core has.
    """
    rows = [row(f"NJ-{at:06d}", mail_class="new" if at % 2 else "id_card") for at in range(600)]
    hall = Hall(**{"a.csv": text(*rows)})
    kills = 0
    for at in range(1, 20):  # find the kill after the first part
        hall = Hall(**{"a.csv": text(*rows)})
        hall.burn_with(Fuse(at, after=True))
        with pytest.raises(Killed):
            run_to_the_end(hall)
        kills += 1
        if len(hall.core.received) == 1:
            break
    assert kills < 19
    hall.burn_with(Fuse())
    hall.born(Known((*KNOWN.mail_classes, "new"), KNOWN.agencies))
    run_to_the_end(hall)
    assert [part.part for part in hall.core.received] == [1, 2, 3]
    answers = hall.answer("a.result.csv")
    assert {each["item"] for each in answers if each["outcome"] == "taken"} == set(hall.core.items)
    assert {each["reason"] for each in answers if each["outcome"] == "refused"} == {"not_taken"}
    assert sum(each["outcome"] == "refused" for each in answers) == 128


# --- privacy ---------------------------------------------------------------------------------------------------------

CANARIES = ("11010519491231002X", "110105194912310021", "13800138000", "张三丰")


@pytest.mark.parametrize("canary", CANARIES)
async def test_a_planted_value_reaches_no_answer_note_or_core(canary: str) -> None:
    """It lies in the file that was sent, which is moved, and nowhere else."""
    rows = [row("NJ-1001"), *(row(f"NJ-200{at}", **{column: canary}) for at, column in enumerate(COLUMNS[1:])), row(canary)]
    hall = Hall(
        **{
            "a.csv": text(*rows, f"{rows[0]},{canary}", f'"{canary}'),
            "b.csv": f"{HEADER},{canary}\n{row('NJ-3001')}\n".encode(),
            "c.csv": f"{canary}\n".encode(),
            "d.csv": text(row("NJ-4001", agency=canary)).decode().encode("utf-16"),
            f"{canary}.csv": text(row("NJ-5001")),
        }
    )
    handled = await hall.look()
    assert len(handled) == 5
    results = {name: hall.results.content(name).decode() for name in hall.results.names}
    said = repr((handled, results, hall.notes, hall.core.received, list(hall.done.names), list(hall.refused.names)))
    assert canary not in said
    assert list(hall.core.items) == ["NJ-1001"]


# --- real folders ----------------------------------------------------------------------------------------------------


async def test_it_works_on_real_folders(tmp_path: Path) -> None:
    """The same on a real file system."""
    disks: list[Disk] = [RealDisk(tmp_path / name) for name in ("in", "done", "refused", "results")]
    (tmp_path / "in" / "a.csv").write_bytes(text(row("NJ-1001"), row("x")))
    (tmp_path / "in" / "b.csv").write_bytes(b"\xff\xfe\n")
    core, clock = Core(), FakeClock()
    taker = Intake(
        Folders(*disks), KNOWN, submit=core.submit, recorded=core.recorded, recall=core.recall, note=lambda *_, **__: None
    )
    assert await taker.look(clock) == []
    clock.now_us += SETTLE_US
    assert await taker.look(clock) == [Handled("a", 1, 1), Handled("b", 0, 0, "bad_encoding")]
    assert [f"{disk.where().name}/{name}" for disk in disks for name in disk.list()] == [
        "done/a.csv",
        "refused/b.csv",
        "results/a.result.csv",
        "results/b.refused.csv",
    ]


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_manifest_that_was_interrupted_gets_its_whole_answer_though_a_snapshot_hides_it(parts: int) -> None:
    """
    The journal is read from the snapshot on, so that the book knows nothing of the first parts: they are recalled, also when
    the core has all parts and only the result was missing.
    """
    rows = [row(f"NJ-{at:06d}") for at in range(600)]
    rows[300] = row("NJ-000001")
    for at in range(1, 40):  # find the kill after so many parts
        hall = Hall(**{"a.csv": text(*rows)})
        hall.burn_with(Fuse(at, after=True))
        with pytest.raises(Killed):
            run_to_the_end(hall)
        if len(hall.core.received) == parts:
            break
    assert "a.result.csv" not in hall.results.list()
    hall.burn_with(Fuse())
    hall.born(since=len(hall.core.facts))
    run_to_the_end(hall)
    assert [part.part for part in hall.core.received] == [1, 2, 3]
    assert "manifest_refused" not in hall.events()
    outcomes = [(item, outcome, reason) for _, item, outcome, reason in hall.outcomes("a.result.csv")]
    whole = Hall(**{"a.csv": text(*rows)})
    run_to_the_end(whole)
    assert outcomes == [(item, outcome, reason) for _, item, outcome, reason in whole.outcomes("a.result.csv")]
    assert sum(outcome == "taken" for _, outcome, _ in outcomes) == len(hall.core.items) == 599
    assert hall.core.recalled == ["a"]
    assert whole.core.recalled == []


def test_a_file_that_comes_again_is_not_looked_up_in_the_journal() -> None:
    """Its sender has the result: whoever sends it over and over must not have the whole journal read each time."""
    hall = Hall(**{"a.csv": text(row("NJ-1"))})
    run_to_the_end(hall)
    hall.born(since=len(hall.core.facts))
    hall.incoming.put("a.csv", text(row("NJ-1")))
    run_to_the_end(hall)
    assert hall.events()[-1] == "manifest_refused"
    assert hall.answer("a.refused.csv")[0]["reason"] == "taken_before"
    assert hall.core.recalled == []

"""Files of receipts: each code answered once, the same after a kill, and no value of a file where it does not belong."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "core"))

import halls
from scripts import FOLDER, _Performance, _scenario

from packcenter.core.controller import Controller
from packcenter.core.facts import Fact
from packcenter.core.inputs import ReceiptsReceived
from packcenter.service import intake
from packcenter.service.intake import Folders, Patience
from packcenter.service.receipt_files import CODES_MAX, FILE_BYTES_MAX, MESSAGES, ReceiptFiles, Refused, rows_of
from simulation.disk import Crash, SimDisk, crash_after

LEFT = """
# Two court documents have left.
given hall court
given item NJ0001 letter 210005 service=receipt-requested
given item NJ0002 letter 210005 service=receipt-requested
given 10.000 scan NJ0001 track=1
given 11.000 scan NJ0002 track=2
given 13.000 confirmed sorter-1 track=1 lane=2
given 14.000 confirmed sorter-1 track=2 lane=2
given 14.100 fed bagger-1 NJ0001 job=1
given 14.200 packed bagger-1 EA000000014CN job=1
given 14.300 fed bagger-1 NJ0002 job=3
given 14.400 packed bagger-1 EA000000028CN job=3
given 20.000 dropped EA000000014CN position=3
given 21.000 dropped EA000000028CN position=3
given 30.000 shut 3
"""
SECRET = "32010619900101123X"


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now_us = 0

    def mono_us(self) -> int:
        """Now."""
        return self.now_us

    def wall_us(self) -> int:
        """The same."""
        return self.now_us

    async def sleep_us(self, us: int) -> None:
        """Pass."""
        self.now_us += us


class Hall:
    """A core in which two documents left, its folders, and what was noted."""

    def __init__(self) -> None:
        performance = _Performance()
        list(performance.lines(_scenario(FOLDER / "left", LEFT.strip("\n").split("\n")).lines))
        self.core: Controller = performance._watch.controller
        self.folders = Folders(SimDisk(), SimDisk(), SimDisk(), SimDisk())
        self.clock = Clock()
        self.notes: list[Any] = []
        self.given: list[ReceiptsReceived] = []

    async def _submit(self, received: ReceiptsReceived) -> Sequence[Fact]:
        self.given.append(received)
        return self.core.step(halls.BASE_US + 100_000_000, received).facts

    def _note(self, event: str, **fields: object) -> None:
        self.notes.append((event, fields))

    def put(self, name: str, content: bytes) -> None:
        """A file of the delivery side."""
        _write(self.folders.incoming, name, content)

    def look(self, times: int = 2) -> None:
        """Let a new life of the service look at the folder."""
        files = ReceiptFiles(self.folders, submit=self._submit, note=self._note)

        async def looks() -> None:
            for _ in range(times):
                await files.look(self.clock)
                await self.clock.sleep_us(Patience().settle_us)

        asyncio.run(looks())

    def result(self, name: str) -> list[dict[str, str]]:
        """The rows of a result."""
        return list(csv.DictReader(io.StringIO(_content(self.folders.results, name).decode())))

    def everything(self) -> str:
        """All that was written, noted or given to the core."""
        kept = [_content(self.folders.results, name).decode() for name in self.folders.results.list()]
        return "".join([*kept, *self.folders.results.list(), repr(self.notes), repr(self.given)])


def _write(disk: Any, name: str, content: bytes) -> None:
    file = disk.open(name, create=True)
    file.pwrite(content, 0)
    file.fdatasync()
    file.close()


def _content(disk: Any, name: str) -> bytes:
    file = disk.open(name, create=False)
    try:
        return bytes(file.pread(file.size(), 0))
    finally:
        file.close()


def test_every_row_is_answered_and_the_receipts_are_returned() -> None:
    """By the item's code or by its waybill; what is wrong with the others is told."""
    hall = Hall()
    hall.put("day-1.csv", f"code\r\nEA000000014CN\r\nNJ0002\r\n\r\nNJ0099\r\n{SECRET}\r\nnj0001\r\nNJ0001\r\n".encode())
    hall.look()
    answers = [(row["row"], row["code"], row["outcome"], row["reason"]) for row in hall.result("day-1.result.csv")]
    assert answers == [
        ("2", "EA000000014CN", "returned", ""),
        ("3", "NJ0002", "returned", ""),
        ("5", "NJ0099", "refused", "unknown_receipt"),
        ("6", "", "refused", "personal_data"),
        ("7", "", "refused", "bad_code"),
        ("8", "NJ0001", "returned", "returned_already"),
    ]
    assert {each.state for each in hall.core.state.receipts.values()} == {"returned"}
    assert hall.folders.incoming.list() == []
    assert hall.folders.done.list() == ["day-1.csv"]
    assert SECRET not in hall.everything()
    assert hall.notes == [("receipts_taken", {"file": "day-1", "rows": 6, "refused": 3})]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no_header"),
        (b"code\n", "no_rows"),
        (b"code\nNJ0001", "unfinished"),
        (b"code,name\nNJ0001,x\n", "no_header"),
        (b"\xff\xfe\n", "not_utf8"),
        (b"code\n" + b"N" * FILE_BYTES_MAX + b"\n", "too_large"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content: bytes, why: str) -> None:
    """With the reason; nothing of it reaches the core."""
    with pytest.raises(Refused, match=MESSAGES[why][:20]):
        rows_of(content)
    hall = Hall()
    hall.put("day-1.csv", content)
    hall.look(400)
    assert [row["reason"] for row in hall.result("day-1.refused.csv")] == [why]
    assert hall.given == []
    assert hall.folders.refused.list() == ["day-1.csv"]


def test_the_form_tells_every_reason() -> None:
    """What the delivery side may be answered stands in what it reads."""
    form = (Path(intake.__file__).parent / "RECEIPT-FILES.md").read_text("utf-8")
    assert {why for why in MESSAGES if f"`{why}`" not in form} == {"given_up_already"}  # only people give up


def test_a_name_that_may_be_personal_is_not_repeated() -> None:
    """Nor is a file of it taken."""
    hall = Hall()
    hall.put(f"{SECRET}.csv", b"code\nNJ0001\n")
    hall.look()
    assert SECRET not in hall.everything()
    assert hall.given == []
    assert [name.partition("-")[0] for name in hall.folders.results.list()] == ["unnamed"]


def test_a_file_that_is_being_written_is_left_alone() -> None:
    """Until it stands still; names that say so, for ever."""
    hall = Hall()
    hall.put("day-1.csv", b"code\nNJ0001\n")
    hall.put("day-2.csv.part", b"code\n")
    hall.look(1)
    assert hall.given == []
    hall.put("day-1.csv", b"code\nNJ0001\nNJ0002\n")
    hall.look(3)
    assert [received.codes for received in hall.given] == [("NJ0001", "NJ0002")]
    assert hall.folders.incoming.list() == ["day-2.csv.part"]


def test_a_long_file_comes_in_several_records() -> None:
    """So that no step takes long."""
    hall = Hall()
    hall.put("year.csv", b"code\n" + b"".join(b"X%06d\n" % number for number in range(CODES_MAX + 1)))
    hall.look()
    assert [len(received.codes) for received in hall.given] == [CODES_MAX, 1]
    assert len(hall.result("year.result.csv")) == CODES_MAX + 1


@pytest.mark.parametrize("operation", range(1, 30))
def test_a_kill_anywhere_loses_and_doubles_nothing(operation: int) -> None:
    """Whatever a kill left, the next life answers the file, and each receipt is returned once."""
    hall = Hall()
    hall.put("day-1.csv", b"code\nNJ0001\nEA000000028CN\n")
    for disk in (hall.folders.results, hall.folders.done, hall.folders.incoming):
        assert isinstance(disk, SimDisk)
        disk.hook = crash_after(operation)
        with suppress(Crash):
            hall.look()
        disk.hook = lambda *_: None
    hall.look()
    assert [row["outcome"] for row in hall.result("day-1.result.csv")] == ["returned", "returned"]
    assert hall.folders.incoming.list() == []
    assert hall.folders.done.list() == ["day-1.csv"]
    assert {each.state for each in hall.core.state.receipts.values()} == {"returned"}

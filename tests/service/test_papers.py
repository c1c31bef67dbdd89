"""Bills and agencies' events: each bag's parcels exactly, each event once, whatever is killed when, and nothing personal."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "core"))
sys.path.insert(0, str(Path(__file__).parent.parent / "judge"))

import days
from writer import written

from packcenter.core import record as records
from packcenter.core.controller import Controller
from packcenter.projections import agency_events, bills
from packcenter.service import papers as papers_module
from packcenter.service.output_commit import Recorded
from packcenter.service.papers import PaperFolders, Papers
from simulation.disk import Crash, SimDisk, crash_after

DAYS = (days.RECEIPTS, days.SERVICES, days.DAY, days.PEOPLE, days.TROUBLE, days.LIVES, days.VAIN, days.CASES)


class Desk:
    """A recorded day, a controller that is led through it again, and the folders of papers."""

    def __init__(self, day: str = days.RECEIPTS) -> None:
        self.records = days.records(day)
        self.journal = SimDisk(dict(written(self.records)))
        self.folders = PaperFolders(SimDisk(), SimDisk())
        self.core = Controller()
        self.papers: Papers | None = None
        self.told: list[tuple[int, bool, int, int]] = []

    def live(self, begin: int, end: int, *, every: int = 5) -> None:
        """A life of the service that sees records `begin` to `end` (from 0) become durable, and writes after every few."""
        self.core = Controller()
        for at in range(begin):
            self._fold(at)
        asyncio.run(self._live(begin, end, every))

    def _hear(self, waiting: int, failing: bool, bills: int, events: int) -> None:
        self.told.append((waiting, failing, bills, events))

    async def _live(self, begin: int, end: int, every: int) -> None:
        self.papers = Papers(self.folders, self.journal, Clock(), self.core.state, begin, _inline, told=self._hear)
        await self.papers.write_now()
        for at in range(begin, end):
            self.papers.observe(self._fold(at))
            if at % every == 0:
                await self.papers.write_now()
        self.papers.end()
        await self.papers.write()

    def _fold(self, at: int) -> Recorded:
        record = self.records[at]
        decoded = records.decode(msgspec.msgpack.encode([record.happened, record.facts, record.commands]))
        self.core.fold(record.at_us, decoded.facts, decoded.commands)
        return Recorded(at + 1, record.at_us, 0, decoded.input, decoded.facts, decoded.commands)

    def feeds(self) -> dict[str, bytes]:
        """The files of events."""
        return {name: content(self.folders.feed, name) for name in self.folders.feed.list() if name.endswith(".jsonl")}

    def bills(self) -> dict[str, bytes]:
        """The bills' files."""
        return {name: content(self.folders.bills, name) for name in self.folders.bills.list()}


class Clock:
    """Time that nobody waits for."""

    def mono_us(self) -> int:
        """Always."""
        return 0

    def wall_us(self) -> int:
        """Always."""
        return 0

    async def sleep_us(self, us: int) -> None:
        """At once."""
        await asyncio.sleep(0)


async def _inline(call: Any, *arguments: Any) -> Any:
    return call(*arguments)


def content(disk: Any, name: str) -> bytes:
    """A file's bytes."""
    file = disk.open(name, create=False)
    try:
        return bytes(file.pread(file.size(), 0))
    finally:
        file.close()


def whole(day: str) -> Desk:
    """A day in one life."""
    desk = Desk(day)
    desk.live(0, len(desk.records))
    return desk


@pytest.mark.parametrize("day", DAYS)
def test_a_bill_lists_exactly_the_parcels_of_its_bag(day: str) -> None:
    """In CSV and JSON, for every bag that left, and for no other."""
    desk = whole(day)
    left = {
        fact[1]: fact
        for each in desk.records
        for fact in each.facts
        if fact[0] == "BagClosed" and fact[6] and ["Moved", fact[6][0], f"bag/{fact[1]}", "dispatched"] in each.facts
    }
    whole_tags = {fact[1]: fact[3] for each in desk.records for fact in each.facts if fact[0] == "TagMade"}
    left = {whole_tags.get(tag, tag): closed for tag, closed in left.items()}
    found = desk.bills()
    assert set(found) == {f"{tag}.{kind}" for tag in left for kind in ("csv", "json")}
    for tag, closed in left.items():
        bill = json.loads(found[f"{tag}.json"])
        assert [parcel["item"] for parcel in bill["parcels"]] == closed[6]
        assert [parcel["waybill"] for parcel in bill["parcels"]] == closed[7]
        assert (bill["seal"], bill["grams"], bill["destination"]) == (closed[4], closed[5], closed[3])
        rows = list(csv.DictReader(io.StringIO(found[f"{tag}.csv"].decode())))
        assert [(row["tag"], row["waybill"], row["item"]) for row in rows] == [
            (tag, waybill, item) for item, waybill in zip(closed[6], closed[7], strict=True)
        ]


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("every", [1, 1000])
def test_a_life_that_began_anywhere_leaves_the_same_files(day: str, every: int) -> None:
    """What was not written before a life began is made from the journal."""
    expected = whole(day)
    for cut in range(0, len(expected.records), 7):
        desk = Desk(day)
        desk.live(0, cut, every=every)
        desk.live(cut, len(desk.records), every=every)
        assert desk.feeds() == expected.feeds(), cut
        assert desk.bills() == expected.bills(), cut


@pytest.mark.parametrize("operation", range(1, 120, 3))
def test_a_kill_anywhere_tells_every_event_once(operation: int) -> None:
    """Whatever operation of either folder is the last."""
    expected = whole(days.RECEIPTS)
    desk = Desk(days.RECEIPTS)
    for disk in (desk.folders.feed, desk.folders.bills):
        assert isinstance(disk, SimDisk)
        disk.hook = crash_after(operation)
        with suppress(Crash):
            desk.live(0, len(desk.records), every=3)
        disk.hook = lambda *_: None
    desk.live(len(desk.records), len(desk.records))
    assert desk.feeds() == expected.feeds()
    assert desk.bills() == expected.bills()


def test_a_disk_that_refuses_for_a_while_costs_nothing() -> None:
    """What was given up is made from the journal once it is back."""
    expected, desk = whole(days.RECEIPTS), Desk(days.RECEIPTS)
    assert isinstance(desk.folders.feed, SimDisk)

    def refuses(when: str, what: str, name: str) -> None:
        raise OSError(28, "No space left on device")

    desk.folders.feed.hook = refuses
    desk.live(0, 20)
    desk.folders.feed.hook = lambda *_: None
    assert desk.feeds() == {}
    waiting, failing, *written = desk.told[-1]
    assert waiting > 0
    assert failing
    assert written == [0, 0]
    desk.live(20, len(desk.records))
    assert desk.feeds() == expected.feeds()


def test_it_is_told_how_much_was_written_and_waits() -> None:
    """For the figures: every bill and event once, and nothing waits in the end."""
    desk = whole(days.RECEIPTS)
    assert sum(bills for _, _, bills, _ in desk.told) == sum(name.endswith(".csv") for name in desk.bills())
    assert sum(events for _, _, _, events in desk.told) == len(b"".join(desk.feeds().values()).splitlines())
    assert desk.told[-1][:2] == (0, False)


def test_too_much_that_waits_is_made_from_the_journal_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and the files are the same."""
    expected = whole(days.RECEIPTS)
    monkeypatch.setattr(papers_module, "WAITING_MAX", 3)
    desk = Desk(days.RECEIPTS)
    desk.live(0, len(desk.records), every=1000)
    desk.live(len(desk.records), len(desk.records))
    assert desk.feeds() == expected.feeds()


def test_an_agency_reads_every_event_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """From memory or from the files, whole records at a time, to the end and not beyond."""
    monkeypatch.setattr(papers_module, "PAGE_EVENTS", 2)
    desk = whole(days.RECEIPTS)
    lines = b"".join(desk.feeds().values()).splitlines()
    for live in (desk.papers, _reopened(desk)):
        assert live is not None
        found: list[agency_events.AgencyEvent] = []
        after, more = 0, True
        while more:
            page = asyncio.run(live.page("tax", after))
            assert page.next > after
            found, after, more = [*found, *page.events], page.next, page.more
        assert [agency_events.as_line(event).strip() for event in found] == lines
        assert asyncio.run(live.page("tax", after)).events == []
        assert asyncio.run(live.page("police", 0)).events == []


def _reopened(desk: Desk) -> Papers:
    """A new life that has nothing in memory."""
    desk.live(len(desk.records), len(desk.records))
    assert desk.papers is not None
    return desk.papers


def test_events_say_what_became_of_the_items() -> None:
    """Codes of EMSEVT where they fit, and nowhere else."""
    events = [json.loads(line) for line in b"".join(whole(days.RECEIPTS).feeds().values()).splitlines()]
    first = [(event["event"], event["emsevt"]) for event in events if event["item"] == "NJ0001"]
    assert first == [
        ("announced", ""), ("collected", "EMA"), ("packed", ""), ("bagged", ""), ("dispatched", "EMC"), ("receipt_returned", ""),
    ]  # fmt: skip
    assert Counter(event["event"] for event in events)["receipt_overdue"] == 1
    assert {event["event"] for event in events} <= set(agency_events.EVENTS)
    for day in DAYS:
        told = {json.loads(line)["event"] for line in b"".join(whole(day).feeds().values()).splitlines()}
        assert told <= set(agency_events.EVENTS)


def test_each_document_of_a_case_is_told_of() -> None:
    """By its own agency's feed, with the parcel's number, though the parcel goes by the name of one."""
    events = [json.loads(line) for line in b"".join(whole(days.CASES).feeds().values()).splitlines()]
    told = {item: [event for event in events if event["item"] == item] for item in ("NB1", "NB2")}
    for item, of_item in told.items():
        assert [event["event"] for event in of_item] == ["announced", "collected", "packed", "bagged", "dispatched"], item
    assert len({event["waybill"] for of_item in told.values() for event in of_item[2:4]}) == 1


def test_every_event_is_told_on_some_day() -> None:
    """None of the table is idle."""
    told: set[str] = set()
    for day in DAYS:
        told |= {json.loads(line)["event"] for line in b"".join(whole(day).feeds().values()).splitlines()}
    assert told == set(agency_events.EVENTS)


def test_papers_of_another_journal_are_not_written_over() -> None:
    """A folder that tells of more than the journal has is told of, and left alone."""
    desk = whole(days.RECEIPTS)
    before = desk.feeds()
    other = Desk(days.SERVICES)
    other.folders = desk.folders
    other.live(0, len(other.records))
    assert desk.feeds() == before


def test_no_reason_of_a_person_and_no_person_is_told() -> None:
    """What people write about their acts, and who they are, is the centre's."""
    marked = re.sub(
        r"^(given \S+ (?:lane|command|bag|verdict|maintenance|receipt) .*)$", r"\1 reason=ZMARKZ", days.PEOPLE, flags=re.M
    )
    desk = whole(marked)
    assert sum("ZMARKZ" in str(each.happened) for each in desk.records) > 10
    text = b"".join([*desk.feeds().values(), *desk.bills().values()])
    assert b'"event":"withdrawn"' in text
    assert b"op-7" not in text
    assert b"ZMARKZ" not in text


def test_a_bill_reads_the_same_from_any_later_state() -> None:
    """Nothing that it tells changes after the bag has left."""
    desk = whole(days.RECEIPTS)
    for at, each in enumerate(desk.records):
        decoded = records.decode(msgspec.msgpack.encode([each.happened, each.facts, each.commands]))
        for bill in bills.bills_of(at + 1, each.at_us, decoded.facts, desk.core.state):
            assert desk.bills()[f"{bill.tag}.json"] == bills.as_json(bill)

"""
Papers: the bills 路单 of bags, and what each agency is told of its items, written as files while the line runs.

    journal (durable) -> observe -> waiting -> every few seconds: append, sync, bills, then `position.json` -> the feed

Everything here is a projection: control never waits for it, and what a kill or a stalled disk kept from being written is made
from the journal again. `position.json` says up to which record all is written, and how long each file was then. A new life cuts
the files back to that and goes on from there; so each event stands in its file once, whatever was killed when.

    feed/AGENCY-2026-03-02.jsonl   one line an event, the days of core time; only ever appended to (a crash aside)
    bills/TAG.csv, TAG.json        written whole or not at all; the same whenever they are written
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec
import structlog

from packcenter.core import record
from packcenter.core.facts import Fact
from packcenter.core.state import State
from packcenter.journal.frames import Entry
from packcenter.journal.journal import JournalError, read_journal
from packcenter.ports import Clock, Disk
from packcenter.projections import agency_events, bills
from packcenter.service import whole_files
from packcenter.service.output_commit import Recorded

log = structlog.get_logger()

WRITE_US: Final = 3_000_000
"""How often is written: an agency learns of an item within seconds, and the journal's disk gets few syncs from here."""

WAITING_MAX: Final = 20_000
"""Lines that wait to be written: half an hour of the province's rate. Beyond it they are made from the journal later."""

RECENT_MAX: Final = 500
"""Events kept of each agency for those who ask often; older ones are read from the files."""

PAGE_EVENTS: Final = 500
"""Events of one answer of the feed; a record's events are never parted, so it may have some more."""

SLICE: Final = 50
"""Records read from the journal between two turns of the control loop."""

QUIET_RECORDS: Final = 10_000
"""Records without anything to tell after which the position is written all the same, so that a new life need not read them."""

_POSITION: Final = "position.json"
_NAME: Final = re.compile(r"(.+)-([0-9]{4}-[0-9]{2}-[0-9]{2})\.jsonl")


@dataclass(frozen=True)
class PaperFolders:
    """Where bills and events are written; they may be the same folder."""

    bills: Disk
    feed: Disk


class Position(msgspec.Struct, frozen=True):
    """All records up to `sequence` are written, and then each file of events was so long."""

    sequence: int = 0
    sizes: dict[str, int] = {}


class Page(msgspec.Struct, frozen=True):
    """
    Events of an agency after a record, whole records at a time. Ask for those after `next` next; `more`: there are some now.
    """

    agency: str
    events: list[agency_events.AgencyEvent]
    next: int
    more: bool


_Entry = tuple[str, str, agency_events.AgencyEvent]
"""Agency, its file, the event."""


class _Batch(msgspec.Struct):
    """What is written at once: events in order, bills' files, and the last record that it makes whole."""

    events: list[_Entry]
    files: dict[str, bytes]
    sequence: int


class Papers:
    """
    Writes papers behind the control loop. `observe` every durable record; `write` is the task; `page` answers agencies.

    `state` is the controller's, read between two groups or later (what papers tell of an item does not change any more). `told`
    hears after each attempt how much waits, whether it failed, and how many bills and events were written since the last one.
    """

    def __init__(
        self,
        folders: PaperFolders,
        journal: Disk,
        clock: Clock,
        state: State,
        end: int,
        off_loop: Callable[..., Awaitable[Any]],
        note: Callable[..., object] = log.error,
        told: Callable[[int, bool, int, int], None] = lambda waiting, failing, bills, events: None,
    ) -> None:
        self._folders = folders
        self._journal = journal
        self._clock = clock
        self._state = state
        self._off_loop = off_loop
        self._note = note
        self._seen = end  # the last durable record
        self._behind = True  # what is between `_position` and `_seen` must be read from the journal
        self._events: list[_Entry] = []
        self._files: dict[str, bytes] = {}
        self._position = Position()
        self._begun = False
        self._ended = asyncio.Event()
        self._recent: dict[str, deque[agency_events.AgencyEvent]] = {}
        self._recent_after = 0  # `_recent` has every event after this record, as far as its length allows
        self._forgotten: dict[str, int] = {}  # agency -> the last record of which `_recent` has forgotten something
        self._failed = False
        self._told = told
        self._bills_written = self._events_written = 0

    def observe(self, recorded: Recorded) -> None:
        """Keep what a durable record means for papers."""
        self._seen = recorded.sequence
        if not self._behind:
            self._take(recorded.sequence, recorded.at_us, recorded.facts)  # type: ignore[arg-type]
            if len(self._events) > WAITING_MAX:
                self._behind = True
                self._events, self._files = [], {}

    def _take(self, sequence: int, at_us: int, facts: Iterable[Fact]) -> None:
        for agency, event in agency_events.events_of(sequence, at_us, facts, self._state):
            self._events.append((agency, f"{agency}-{event.at[:10]}.jsonl", event))
        for bill in bills.bills_of(sequence, at_us, facts, self._state):
            self._files |= bills.files_of(bill)

    # --- the task ----------------------------------------------------------------------------------------------------

    async def write(self) -> None:
        """Write what there is, again and again, until `end`. What goes wrong with a folder is told once and tried again."""
        while not self._ended.is_set():
            await self.write_now()
            with suppress(TimeoutError):
                async with asyncio.timeout(WRITE_US / 1e6):
                    await self._ended.wait()
        if not self._behind:  # else the next life does it
            await self.write_now()

    def end(self) -> None:
        """Let `write` write what there is and return: the last record is durable."""
        self._ended.set()

    async def write_now(self) -> None:
        """Write what there is, once; what goes wrong with a folder is told once, and written the next time."""
        try:
            await self._write_once()
            self._failed = False
        except (OSError, JournalError) as error:
            if not self._failed:
                self._note("papers_not_written", error=str(error))
            self._failed, self._behind, self._begun = True, True, False
            self._events, self._files = [], {}
        waiting = self._seen - self._position.sequence if self._behind else len(self._events) + len(self._files)
        self._told(waiting, self._failed, self._bills_written, self._events_written)
        self._bills_written = self._events_written = 0

    async def _write_once(self) -> None:
        if not self._begun:
            self._position = await self._off_loop(_begin, self._folders.feed)
            self._recent_after, self._begun = self._position.sequence, True
        if self._position.sequence > self._seen:
            raise JournalError(
                f"papers are written up to record {self._position.sequence}, the journal ends with {self._seen}: they are of"
                f" another journal. Take {self._folders.feed.where()} away; what this journal says is written anew."
            )
        if self._behind:
            await self._catch_up()
        else:
            await self._write_batch(self._seen)

    async def _catch_up(self) -> None:
        """Make from the journal what was not written; what becomes durable meanwhile waits for its turn there, too."""
        taken = self._position.sequence
        while taken < (until := self._seen):
            entries = read_journal(self._journal, taken + 1, verify="crc")
            while some := await self._off_loop(_slice, entries, until):
                if self._ended.is_set():
                    return
                for entry in some:
                    self._take(entry.sequence, entry.at_us, record.decode(entry.body).facts)
                if len(self._events) > WAITING_MAX // 4:
                    await self._write_batch(some[-1].sequence)
            await self._write_batch(until)
            taken = until
        self._behind = False

    async def _write_batch(self, sequence: int) -> None:
        """Everything that waits, up to this record; afterwards agencies are told of it."""
        batch = _Batch(self._events, self._files, sequence)
        self._events, self._files = [], {}
        if not batch.events and not batch.files and sequence - self._position.sequence < QUIET_RECORDS:
            return
        self._position = await self._off_loop(_write, self._folders, self._position, batch)
        self._bills_written += sum(name.endswith(".csv") for name in batch.files)
        self._events_written += len(batch.events)
        for agency, _, event in batch.events:
            kept = self._recent.setdefault(agency, deque(maxlen=RECENT_MAX))
            if len(kept) == RECENT_MAX:
                self._forgotten[agency] = kept[0].sequence
            kept.append(event)

    # --- the feed ----------------------------------------------------------------------------------------------------

    async def page(self, agency: str, after: int) -> Page:
        """Events of an agency after a record, as far as they are written. Raises `OSError`."""
        begins = max(self._recent_after, self._forgotten.get(agency, 0))
        if after >= begins:
            return _page(agency, after, (event for event in self._recent.get(agency, ()) if event.sequence > after))
        page: Page = await self._off_loop(_read_page, self._folders.feed, self._position, agency, after)
        return page


def _page(agency: str, after: int, events: Iterable[agency_events.AgencyEvent]) -> Page:
    """The first events, whole records at a time."""
    found: list[agency_events.AgencyEvent] = []
    for event in events:
        if len(found) >= PAGE_EVENTS and event.sequence != found[-1].sequence:
            return Page(agency, found, found[-1].sequence, True)
        found.append(event)
    return Page(agency, found, found[-1].sequence if found else after, False)


# --- files: away from the control loop -------------------------------------------------------------------------------


def _slice(entries: Iterator[Entry], until: int) -> list[Entry]:
    """The next records of the journal, as far as they are durable."""
    return [entry for entry in islice(entries, SLICE) if entry.sequence <= until]


def _begin(feed: Disk) -> Position:
    """Where an earlier life got to; what its files have beyond that is cut off, and will be written again."""
    try:
        position = msgspec.json.decode(whole_files.read(feed, _POSITION), type=Position)
    except (FileNotFoundError, msgspec.DecodeError):
        position = Position()
    whole = {_of(name)[0]: name for name in position.sizes}  # of each agency, the file that was the last
    for name in feed.list():
        if _NAME.fullmatch(name) and name >= whole.get(_of(name)[0], ""):
            file = feed.open(name, create=False)
            try:
                if file.size() > position.sizes.get(name, 0):
                    file.truncate(position.sizes.get(name, 0))
                    file.fdatasync()
            finally:
                file.close()
    return position


def _of(name: str) -> tuple[str, str]:
    """The agency and the day of a file of events."""
    found = _NAME.fullmatch(name)
    assert found is not None, name
    return found[1], found[2]


def _write(folders: PaperFolders, position: Position, batch: _Batch) -> Position:
    """Append the events, write the bills, and only then say so."""
    lines: dict[str, list[bytes]] = {}
    for _, name, event in batch.events:
        lines.setdefault(name, []).append(agency_events.as_line(event))
    sizes = dict(position.sizes)
    made = False
    for name, content in lines.items():
        made = made or name not in sizes
        sizes[name] = _append(folders.feed, name, b"".join(content), sizes.get(name, 0))
    for name, whole in batch.files.items():
        whole_files.put(folders.bills, name, whole)
    if batch.files:
        folders.bills.sync_directory()
    if made:
        folders.feed.sync_directory()
    newest = _newest(sizes)
    written = Position(batch.sequence, {name: size for name, size in sizes.items() if name in newest})
    whole_files.put(folders.feed, _POSITION, msgspec.json.encode(written))
    folders.feed.sync_directory()
    return written


def _newest(names: Iterable[str]) -> frozenset[str]:
    """Of each agency the file of the last day: core time never goes back, so the others are never appended to again."""
    last: dict[str, str] = {}
    for name in sorted(names):
        last[_of(name)[0]] = name
    return frozenset(last.values())


def _append(disk: Disk, name: str, content: bytes, size: int) -> int:
    """Append to a file that is as long as we left it; one that somebody took away begins anew."""
    file = disk.open(name, create=True)
    try:
        at = min(size, file.size())
        file.pwrite(content, at)
        file.fdatasync()
        return at + len(content)
    finally:
        file.close()


_DECODER = msgspec.json.Decoder(agency_events.AgencyEvent)
_FIRST_BYTES: Final = 4096  # more than the longest line


def _read_page(feed: Disk, position: Position, agency: str, after: int) -> Page:
    """A page from the files. Those whose days are over before `after` are not read."""
    names = [name for name in feed.list() if (found := _NAME.fullmatch(name)) and found[1] == agency]
    begins = [_first_sequence(feed, name) for name in names]
    first = max((at for at, sequence in enumerate(begins) if sequence <= after), default=0)

    def events() -> Iterable[agency_events.AgencyEvent]:
        for name in names[first:]:
            content = whole_files.read(feed, name)
            for line in content[: position.sizes.get(name, len(content))].splitlines():
                event = _DECODER.decode(line)
                if after < event.sequence <= position.sequence:
                    yield event

    return _page(agency, after, events())


def _first_sequence(feed: Disk, name: str) -> int:
    """The record of a file's first event; 0 if it has none."""
    line, end, _ = whole_files.read(feed, name, _FIRST_BYTES).partition(b"\n")
    return _DECODER.decode(line).sequence if end else 0

"""
Papers in an exploration: the real `packcenter.service.papers` on disks of their own, whatever is killed when; what they must say.

    each life has a `Desk` -> every few seconds it writes what is durable, each step off the loop, where the life may end
    at rest                -> every bag that left has its bill, with exactly its parcels, and no other has one       (D1)
                              every agency's files have every event of its items once, in order, none of another's   (M1)

What must be on them is told here once more, from FEED-FORMAT.md and the journal's facts. Only the words of the files are shared.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from packcenter.core import case_facts as c
from packcenter.core import facts as f
from packcenter.core import receipt_facts as r
from packcenter.core import record
from packcenter.core.lifecycle import IN_HALL, kind_of
from packcenter.core.state import State
from packcenter.core.tag_facts import TagMade
from packcenter.journal.journal import JournalError, read_journal
from packcenter.projections.bills import local_iso
from packcenter.service.output_commit import Recorded
from packcenter.service.papers import WRITE_US, PaperFolders, Papers
from simulation.clock import FAULT
from simulation.disk import Crash, SimDisk
from simulation.draws import Stream
from simulation.explore.options import Notes
from simulation.explore.striking import SECOND, Fault
from simulation.explore.waits import Aside, ComputerClock, aside

if TYPE_CHECKING:
    from simulation.explore.process import Life
    from simulation.explore.protocol import ProtocolWorld

NAME: Final = "writes_papers"
"""No fault, but a run in which papers are written; options name it among the fault classes."""

_TAKES_US: Final = (2_000, 30_000, 400_000)
"""Work off the loop takes up to one of these."""

_IN_TIME_US: Final = 20_000_000
"""What is durable for so long is written, in a hall in which nothing goes wrong."""

_FILE: Final = re.compile(r"(.+)-([0-9]{4}-[0-9]{2}-[0-9]{2})\.jsonl")


class Desk:
    """The papers of one life of the controller: what the task `Papers.write` does."""

    def __init__(self, life: Life, folders: tuple[SimDisk, SimDisk]) -> None:
        self._life = life
        self._luck = Stream(life.world.options.seed, "explore/papers", life.number)
        self._work: Coroutine[Any, Any, None] | None = None
        self._under_way: Aside | None = None
        state, end = life.controller.state, life.journal.end.sequence
        self.papers = Papers(PaperFolders(*folders), life.disk, ComputerClock(life.world), state, end, aside, life.note)

    def start(self) -> None:
        """Begin to write."""
        self._life.at(0, self._turn, None)

    def observe(self, recorded: Recorded) -> None:
        """A durable record is handed out."""
        self.papers.observe(recorded)

    def _turn(self, _: None) -> None:
        self._work = self.papers.write_now()
        self._go_on(partial(self._work.send, None))

    def _go_on(self, resume: Callable[[], Aside]) -> None:
        try:
            self._under_way = resume()
        except StopIteration:
            self._work = self._under_way = None
            self._life.at(WRITE_US, self._turn, None)
        else:
            self._life.at(self._luck.below(_TAKES_US[self._luck.below(len(_TAKES_US))]), self._do, self._under_way)

    def _do(self, waits: Aside) -> None:
        if waits is self._under_way:  # else the life has finished in haste
            self._go_on(self._done(waits))

    def _done(self, waits: Aside) -> Callable[[], Aside]:
        """Do it, and say how the work goes on."""
        assert self._work is not None
        try:
            return partial(self._work.send, waits.do())
        except (OSError, JournalError) as error:
            return partial(self._work.throw, error)

    def finish(self) -> None:
        """Write all there is, in no time: at the end of a life, or of a run."""
        if self._work is not None and self._under_way is not None:
            self._hurry(self._done(self._under_way))
        self._work = self.papers.write_now()
        self._hurry(partial(self._work.send, None))

    def _hurry(self, resume: Callable[[], Aside]) -> None:
        try:
            while True:
                resume = self._done(resume())
        except StopIteration:
            self._work = self._under_way = None


# --- the folders' disks ------------------------------------------------------------------------------------------------


def folders() -> tuple[SimDisk, SimDisk]:
    """Of bills and of feeds."""
    return SimDisk(), SimDisk()


def heal(world: ProtocolWorld) -> None:
    """Whatever was wrong with them is over."""
    for disk in world.paper_disks():
        disk.hook, disk.others_bytes = quiet, 0


def quiet(when: str, what: str, name: str) -> None:
    """The hook of a disk that is left in peace."""


def _crash(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """The controller dies before or after one of the next operations of its papers' disks."""
    if world.life is None or not (world.life.desk is not None or world.options.has("brings_receipts")):
        return None
    left = operation = 1 + stream.below((12, 80)[stream.below(2)])

    def hook(when: str, what: str, name: str) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            heal(world)
            world.notes.kills["in papers"] += 1
            world.notes.met("killed while papers are written")
            world.notes.tell(world.clock.now_us, f"the controller ends {when} {what} of {name or 'a folder'} of papers")
            raise Crash

    for disk in world.paper_disks():
        disk.hook = hook
    return f"the controller is to die in step {operation} of its papers"


def _fail(world: ProtocolWorld, stream: Stream, hard: int) -> str | None:
    """The folders are away or full for a while, or the next sync of a file fails and forgets what it was to write."""
    us, how = SECOND + stream.below(15 * SECOND), stream.below(3)
    disks = world.papers

    def hook(when: str, what: str, name: str) -> None:
        if how == 0:
            raise OSError(errno.EIO, "Input/output error")
        if (when, what) == ("before", "fdatasync"):
            for disk in disks:
                if name in disk.files():
                    disk.forget_unsynced(name, stream)
            heal(world)
            raise OSError(errno.EIO, "Input/output error")

    def over(_: None) -> None:
        for disk in world.papers:
            disk.others_bytes = 0
            disk.hook = quiet if disk.hook is hook else disk.hook

    for disk in disks:
        if how == 1:
            disk.leave_free(stream.below(3000))
        else:
            disk.hook = hook
    world.clock.at(us, FAULT, over, None)
    world.notes.met("papers cannot be written")
    return f"the folders of papers are {('away', 'full', 'about to fail a sync')[how]}, for {us / 1e6:.1f} s"


PAPER_FAULTS: Final[tuple[Fault[ProtocolWorld], ...]] = (
    Fault("crash_in_papers", "controller", 30 * SECOND, _crash),
    Fault("papers_fail", "disk", 40 * SECOND, _fail),
)
"""They came later than all others, and are drawn behind them."""


# --- what must be on them ------------------------------------------------------------------------------------------------

Event = tuple[int, str, str, str, str, str, str]
"""Sequence, local time, item, event, waybill, bag, reason."""


class Expected:
    """What papers must say, from the journal: `feeds` by agency, `bills` by tag: (item, waybill) in the order they fell."""

    def __init__(self, disk: SimDisk, state: State) -> None:
        self.feeds: dict[str, list[Event]] = {}
        self.bills: dict[str, list[tuple[str, str]]] = {}
        self.parcels = 0
        assert state.hall is not None
        offset = state.hall.utc_offset_minutes
        tags: dict[str, str] = {}
        for entry in read_journal(disk, verify="crc"):
            facts = record.decode(entry.body).facts
            tags |= {fact.bag: fact.tag for fact in facts if isinstance(fact, TagMade)}
            for item, event, waybill, bag, reason in _told(facts):
                known = state.items.get(item)
                if known is not None and known.announced:
                    line = (entry.sequence, local_iso(entry.at_us, offset), item, event, waybill, bag, reason)
                    self.feeds.setdefault(known.agency, []).append(line)
            for closed in _left(facts):
                self.bills[tags.get(closed.bag, closed.bag)] = list(zip(closed.items, closed.waybills, strict=True))
                self.parcels += len(closed.items)


def _left(facts: Iterable[f.Fact]) -> Iterator[f.BagClosed]:
    """The bags that left in a record: what hung in them is dispatched."""
    gone = {fact.item for fact in facts if isinstance(fact, f.Moved) and fact.target == "dispatched"}
    for fact in facts:
        if isinstance(fact, f.BagClosed) and fact.items and gone.issuperset(fact.items):
            yield fact


_PLAIN: Final[dict[type, str]] = {
    f.ItemLost: "missing",
    f.ItemFound: "found",
    f.ItemWithdrawn: "withdrawn",
    r.ReceiptOverdue: "receipt_overdue",
    r.ReceiptReturned: "receipt_returned",
    r.ReceiptGivenUp: "receipt_given_up",
}
_MOVES: Final = {"dispatched": "dispatched", "returned": "returned", "remade": "remade"}


def _told(facts: Iterable[f.Fact]) -> Iterator[tuple[str, str, str, str, str]]:
    """Item, event, waybill, bag and reason of what agencies are told of a record, in order."""
    closed = ""
    dropped: f.ParcelDropped | None = None
    for fact in facts:
        match fact:
            case f.BagClosed():
                closed = fact.bag
            case f.ItemExpected():
                yield fact.line.item, "announced", fact.line.waybill, "", ""
            case f.Moved(source="expected") if kind_of(fact.target) in (*IN_HALL, "hand"):
                yield fact.item, "collected", "", "", ""
            case f.Moved() if fact.target in _MOVES:
                yield fact.item, _MOVES[fact.target], "", closed if fact.target == "dispatched" else "", ""
            case f.ParcelSealed(reason=""):
                yield fact.item, "packed", fact.waybill, "", ""
            case c.ParcelProven():
                yield from ((item, "packed", fact.waybill, "", "") for item in fact.items[1:])
            case f.ParcelDropped():
                dropped = fact
            case f.Moved() if dropped is not None and fact.target == f"bag/{dropped.bag}":
                yield fact.item, "bagged", dropped.waybill, dropped.bag, ""
            case f.SentToHand():
                yield fact.item, "held", "", "", fact.reason
            case _ if type(fact) in _PLAIN:
                yield fact.item, _PLAIN[type(fact)], "", "", ""  # type: ignore[union-attr]


def faults(world: ProtocolWorld, healed_us: int) -> Iterator[tuple[str, str]]:
    """What is wrong with the papers of a hall at rest, as (letter, text)."""
    life = world.life
    if life is None or life.desk is None:
        return
    state = life.controller.state
    expected = Expected(world.disk, state)
    if world.clock.now_us - healed_us > _IN_TIME_US:
        yield from _late(world, expected, life.core_clock.now_us() - _IN_TIME_US, state)
    life.desk.finish()
    yield from compare(world.papers, expected, world.notes)


def compare(disks: tuple[SimDisk, SimDisk], expected: Expected, notes: Notes) -> Iterator[tuple[str, str]]:
    """What is wrong with bills and feeds when all that is durable was written."""
    yield from _wrong_bills(disks[0], expected)
    yield from _wrong_feeds(disks[1], expected)
    notes.looked["bills"] += len(expected.bills)
    notes.looked["billed"] += expected.parcels
    notes.looked["events"] += sum(map(len, expected.feeds.values()))


def _late(world: ProtocolWorld, expected: Expected, before_us: int, state: State) -> Iterator[tuple[str, str]]:
    assert state.hall is not None
    before = local_iso(before_us, state.hall.utc_offset_minutes)
    for agency, events in _feeds(world.papers[1]).items():
        waits = len([event for event in expected.feeds.get(agency, ()) if event[1] < before]) - len(events)
        if waits > 0:
            yield "L-papers", f"{waits} events of {agency} are durable for {_IN_TIME_US / 1e6:.0f} s, and not written"


def _feeds(disk: SimDisk) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for name, content in sorted(disk.files().items()):
        match = _FILE.fullmatch(name)
        if match is None:
            continue
        lines = [json.loads(line) for line in content.decode().splitlines()]
        fields = ("sequence", "at", "item", "event", "waybill", "bag", "reason")
        events = [tuple(line[field] for field in fields) for line in lines]
        assert all(event[1][:10] == match[2] for event in events), f"{name} has events of another day"
        found.setdefault(match[1], []).extend(events)
    return found


def _wrong_feeds(disk: SimDisk, expected: Expected) -> Iterator[tuple[str, str]]:
    written = _feeds(disk)
    for agency in sorted({*written, *expected.feeds}):
        seen, wanted = written.get(agency, []), expected.feeds.get(agency, [])
        if seen == wanted:
            continue
        at = next((at for at, (a, b) in enumerate(zip(seen, wanted, strict=False)) if a != b), min(len(seen), len(wanted)))
        text = f"{len(seen)} events, expected {len(wanted)}; the first that differs: {seen[at : at + 1]}, {wanted[at : at + 1]}"
        yield "M1", f"the feed of {agency} has {text}"


def _wrong_bills(disk: SimDisk, expected: Expected) -> Iterator[tuple[str, str]]:
    files = {name: content for name, content in disk.files().items() if not name.endswith(".tmp")}
    names = {f"{tag}.{kind}" for tag in expected.bills for kind in ("csv", "json")}
    if set(files) != names:
        yield "D1", f"bills without a bag: {sorted(set(files) - names)}; bags without a bill: {sorted(names - set(files))}"
    for tag, parcels in sorted(expected.bills.items()):
        rows = csv.DictReader(io.StringIO(files.get(f"{tag}.csv", b"").decode(), newline=""))
        listed = [(row["item"], row["waybill"]) for row in rows]
        bill = json.loads(files.get(f"{tag}.json", b'{"parcels": []}'))
        told = [(parcel["item"], parcel["waybill"]) for parcel in bill["parcels"]]
        if not parcels == listed == told:
            yield "D1", f"the bill of {tag} lists {listed} as CSV, {told} as JSON; the bag left with {parcels}"

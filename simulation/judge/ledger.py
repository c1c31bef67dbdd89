"""
The judge's own books: what it holds true after each record, and the bench on which one record lies.

Nothing here decides. The rules (`sessions`, `custody`, `routing`, `packing`, `bags`, `manifests`) read and change it.
"""

from __future__ import annotations

from typing import Any, Final

from simulation.judge.alarm_books import Alarms
from simulation.judge.grammar import Said
from simulation.judge.hall import Hall
from simulation.judge.receipt_books import Receipts
from simulation.judge.shift_books import Shifts

VIOLATIONS_MAX: Final = 1000
"""Sentences that are kept; the rest is counted. A broken journal could else fill the memory."""


class Item:
    """A document or object in custody. `line` is what a manifest says of it; None for an object without one."""

    __slots__ = (
        "account", "awaited", "carrier", "code", "going", "grams", "id", "integrity", "job", "laps", "line", "parcel", "place",
        "scan", "secure", "sent_back", "suspect", "together", "waybill", "withdrawn",
    )  # fmt: skip

    def __init__(self, name: str, line: list[Any] | None, code: str, account: tuple[str, str], place: str) -> None:
        self.id = name
        self.line = line
        self.code = code
        self.account = account
        self.place = place
        self.waybill: str = line[3] if line is not None else ""
        self.suspect = ""
        self.withdrawn = False
        self.together = ""
        """The set of letters with which it leaves, "" none."""
        self.integrity = "good"
        """What the document itself is like: good, bad or unknown."""
        self.sent_back = False
        """Whether a person laid it onto a sorter, and it was neither read nor coded by hand since."""
        self.laps = 0
        """How often it went round since it came onto the belt."""
        self.going: str | None = None
        """The destination that the plan of its last decision gave it; None if that plan is not said."""
        self.secure = False
        """Whether its class was one for secure lanes when it was announced."""
        self.scan: Scan | None = None
        self.awaited: Job | None = None
        self.job: Job | None = None
        self.grams = 0
        """Of the parcel that was sealed last with it."""
        self.parcel: Parcel | None = None
        self.carrier: Parcel | None = None
        """The sealed parcel in which it rides with another document."""


UNDECIDED = -1


class Scan:
    """
    An item under a track of a sorter, from the scan to the lane's eye; `lane` is `UNDECIDED` before the decision.

    One that goes round is kept until its next scan, under a track below 0, which no PLC gives.
    """

    __slots__ = (
        "asked",
        "confirm_us",
        "deadline_us",
        "due_ms",
        "epoch",
        "item",
        "lane",
        "outcome",
        "plc",
        "read",
        "scanned_us",
        "track",
        "why",
    )

    def __init__(self, item: Item, plc: str, epoch: int, track: int, outcome: int) -> None:
        self.item = item
        self.why = ""
        """The reason, if any, for which it was to go to the hand station already when it was scanned."""
        self.plc = plc
        self.epoch = epoch
        self.track = track
        self.outcome = outcome
        self.read = False
        self.lane = UNDECIDED
        self.asked = False
        self.scanned_us = 0
        self.deadline_us = 0
        self.due_ms = 0
        self.confirm_us = 0


class Job:
    """A pouch of a bagger, from its begin-parcel command to its end."""

    __slots__ = (
        "epoch",
        "expected",
        "inside",
        "laid",
        "matched",
        "number",
        "others",
        "place",
        "plc",
        "suspect",
        "verdict",
        "verdict_number",
        "waybill",
    )

    def __init__(self, plc: str, epoch: int, number: int, expected: Item, waybill: str) -> None:
        self.plc = plc
        self.epoch = epoch
        self.number = number
        self.expected = expected
        self.place = expected.place
        self.waybill = waybill
        self.laid: list[str] | None = None
        """What a case rack had laid out there when the pouch was begun; None where none lays out."""
        self.others: list[Item] = []
        self.inside: list[Item] = []
        self.matched = False
        self.suspect = ""
        self.verdict: bool | None = None
        self.verdict_number = 0

    @property
    def wanted(self) -> list[Item]:
        """All documents that are to be in the pouch."""
        return [self.expected, *self.others]


class Cell:
    """A cell of a case rack: whose it is, what is in it, and the job that empties it (0 none), whereto."""

    __slots__ = ("case", "items", "outlet", "rack", "reason", "release", "suspect")

    def __init__(self) -> None:
        self.case = ""
        self.items: dict[Item, None] = {}
        self.suspect = ""
        self.release = 0
        self.outlet = 0
        self.rack = ""
        self.reason = ""


class LetterSet:
    """A set of letters of one addressee: what its rule said, the plan's destination, and the earliest due time of any of them."""

    __slots__ = ("destination", "due_us", "minutes", "pouch", "rule")

    def __init__(self, rule: str, minutes: int, pouch: int, destination: str) -> None:
        self.rule = rule
        self.minutes = minutes
        self.pouch = pouch
        self.destination = destination
        self.due_us = 0


class Parcel:
    """
    A sealed pouch of `documents`, first `item`, whose waybill it bears.

    `sound` means that nothing is against its dispatch; `position` is where it was last sent.
    """

    __slots__ = ("documents", "item", "label", "laid_out", "ordered", "position", "sound", "waybill")

    def __init__(self, item: Item, documents: list[Item], waybill: str, label: str, sound: bool) -> None:
        self.item = item
        self.documents = documents
        self.waybill = waybill
        self.label = label
        self.sound = sound
        self.position: int | None = None
        self.ordered = False
        """Whether the rack's last instruction about it is still open."""
        self.laid_out = False
        """Whether a case rack laid its documents out."""


class Bag:
    """An open mail bag: labels and items in the order in which they fell."""

    __slots__ = (
        "cutoff_us", "destination", "due_us", "items", "labels", "overdue_us", "position", "printed", "riders", "suspect", "tag",
        "tainted",
    )  # fmt: skip

    def __init__(self, tag: str, position: int, destination: str, cutoff_us: int) -> None:
        self.cutoff_us = self.due_us = cutoff_us
        """When it should close by the plan, and when it should be asked to at the latest; 0 never."""
        self.overdue_us = 0
        """When it was first seen in this run that nobody had asked, though it was due; 0 not yet."""
        self.tag = tag
        self.printed = ""
        """The whole tag, of a bag that has one, under which the rack was last asked to close it."""
        self.position = position
        self.destination = destination
        self.labels: list[str] = []
        self.items: list[Item] = []
        self.riders: list[Item] = []
        self.suspect = ""
        self.tainted = ""


class Machine:
    """A PLC: its life, how far its events and our commands were counted, and what it was asked and has not answered."""

    __slots__ = (
        "asked", "barred", "epoch", "held", "highest", "items", "jobs", "maintenance_us", "name", "nonce", "number",
        "overstayed_us", "places", "seq", "state", "stopped_by", "tainted", "tracks", "up",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch = 0
        self.highest = 0
        self.nonce = 0
        self.seq = 0
        self.number = 0
        self.up = False
        self.state = 0
        self.asked: dict[int, Said] = {}
        self.places: dict[int, int] = {}
        self.barred: set[int] = set()
        """Lanes that people closed."""
        self.stopped_by = ""
        self.maintenance_us = 0
        self.held = False
        """Whether its infeed is held, because too many items are on the loop."""
        self.items = 0
        """How many items are on its belt."""
        """When maintenance gives it back; 0: it has not got it."""
        self.overstayed_us = 0
        """When maintenance was first seen to have it for too long, in this run; 0: it has not."""
        self.tracks: dict[int, Scan] = {}
        self.jobs: dict[int, Job] = {}
        self.tainted: dict[int, dict[Item, str]] = {}
        """Of the rack: position -> parcels (their items) that may have fallen there unheard, and why."""


class Machines(dict[str, Machine]):
    """Machines by the name of their PLC; each is made when it is first named."""

    def __missing__(self, plc: str) -> Machine:
        made = self[plc] = Machine(plc)
        return made


class Bench:
    """One record under judgement: its input, what was said in it, and what was promised for later in the same record."""

    __slots__ = (
        "at_us", "before", "before_cells", "cells", "closing", "commands", "counted", "doubted", "ended", "epoch", "facts",
        "gone", "happened", "name", "orders", "over", "plc", "revoked", "riders", "said", "sealed", "seen", "seq", "sequence",
        "sought", "state", "suspects", "taken_from", "tried",
    )  # fmt: skip

    def __init__(self, sequence: int, at_us: int, happened: Said, facts: list[Said], commands: list[Said]) -> None:
        self.sequence = sequence
        self.at_us = at_us
        self.happened = happened
        self.name: str = happened[0]
        self.facts = facts
        self.commands = commands
        self.plc = ""
        self.epoch = 0
        self.seq = 0
        self.state = ""
        """"taken", "repeated", "stale", or "" for what is no event of a PLC."""
        self.said: dict[str, list[Said]] = {}
        self.orders: dict[tuple[str, int], tuple[Any, ...]] = {}
        """Commands that facts of this record announce: PLC and number -> name and checked fields."""
        self.before = ""
        """Where the item with the code of this event was before it."""
        self.revoked: list[tuple[str, int]] = []
        """Commands of this record that a fact of this record answers: PLC and number."""
        self.seen: Item | None = None
        self.closing: tuple[Bag, str] | None = None
        """The bag that this record closes, and why it may not be dispatched ("" if it may)."""
        self.doubted: list[Job] = []
        """Pouches that this record makes suspect."""
        self.ended: list[tuple[Item, str]] = []
        """Items of pouches that this record ends, and the kind of place where they must be."""
        self.over: list[tuple[str, str, Any]] = []
        """What nobody waits for any more: PLC, name of the command, and the track or label that it names."""
        self.sought: list[Job] = []
        """Jobs that this record ends because nothing was at the infeed."""
        self.sealed: list[Parcel] = []
        self.before_cells: dict[str, str] = {}
        """Cells that this record takes from a case, and from which."""
        self.cells: list[tuple[Cell, str]] = []
        """Cells that must be suspect at the end of the record, and why."""
        self.counted: list[tuple[str, str]] = []
        """Cells that this record empties, and for what each must be in doubt at its end; "" for nothing."""
        self.tried: list[tuple[str, str]] = []
        """Who stopped, began anew, or may have, and which of it: its cells with a broken counter are to be emptied once more."""
        self.riders: list[Item] = []
        """What rode with the parcel that this record is about."""
        self.gone: list[tuple[Item, str]] = []
        """Items that must not be where they were sought in vain."""
        self.suspects: list[tuple[Bag, str]] = []
        """Bags that must be suspect at the end of the record, and why."""
        self.taken_from = ""
        """The lane from which a case rack took what it stored."""


class Court:
    """Everything that the judge holds true, and the violations so far."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.more = 0
        self.bench = Bench(0, 0, ["Tick"], [], [])
        self.hall: Hall | None = None
        self.switched: tuple[list[Any], str, str] | None = None
        """The plan that the run was started with, while another is in force; file and person of the switch."""
        self.plan_why = ""
        self.plan_overdue_us = 0
        self.run = 0
        self.runs = 0
        self.items: dict[str, Item] = {}
        self.codes: dict[str, Item] = {}
        """Objects without a line by the code that they bear, the newest one."""
        self.books: dict[tuple[str, str], dict[str, int]] = {}
        """Agency and mail class -> kind of place -> items there."""
        self.machines = Machines()
        self.reserved: dict[tuple[str, int], int] = {}
        self.recent: dict[tuple[str, int], list[int]] = {}
        """Of lanes with a limited rate, when the items that were last sent there are due."""
        self.in_lane: dict[str, dict[Item, None]] = {}
        """What stands in each lane, the first to come first."""
        self.waybills: dict[str, Item] = {}
        self.serials: dict[tuple[str, str], int] = {}
        self.skipped = 0
        self.issued = 0
        self.applied: set[str] = set()
        self.labels: dict[str, list[Parcel]] = {}
        """Parcels in the rack or a bag by their label; "" and masked ones are not here."""
        self.in_rack: dict[Item, Parcel] = {}
        self.cases: dict[str, list[Item]] = {}
        self.sets: dict[str, LetterSet] = {}
        """Those of the cases that a rule of the plan made."""
        self.awaited: dict[tuple[Any, ...], dict[Item, None]] = {}
        """Letters that are expected and of no set, by what they must agree in to leave together."""
        self.cells: dict[str, Cell] = {}
        """By place, those that were ever named and have not been emptied since."""
        self.miscounts: dict[str, int] = {}
        """Of cells how often running they counted wrongly when they were emptied, since there was a document in them."""
        self.anew: set[str] = set()
        """Cells with a broken counter that are to be emptied once more, because somebody may have mended it."""
        self.storing: dict[str, tuple[int, Item, int, str]] = {}
        """What each case rack has in hand: job, item, cell."""
        self.laid: dict[str, list[str]] = {}
        """What a case rack laid out last in each lane of its own."""
        self.due: dict[str, int] = {}
        self.overtime: dict[str, int] = {}
        """Sets of letters whose time was over, and when that was looked at last."""
        self.overdue: set[str] = set()
        """Cases that may leave in parts."""
        self.open_bags: dict[int, Bag] = {}
        self.left_hanging: dict[int, str] = {}
        """Position -> tag of a bag that our books ended unheard, so that it may hang there still."""
        self.looked_us = 0
        self.despatches: dict[str, tuple[int, int, bool]] = {}
        """Series of S9 tags -> despatch and receptacle of its last bag, and whether that was the last of its despatch."""
        self.tags: set[str] = set()
        """Tags of all bags that were ever opened."""
        self.seals: dict[str, str] = {}
        self.manifests: dict[str, list[Any]] = {}
        self.objects = 0
        self.parcels = 0
        self.bags = 0
        self.dispatched = 0
        self.gaps = 0
        self.lost = 0
        self.relabelled = 0
        self.alarms = Alarms()
        self.shifts = Shifts()
        self.receipts = Receipts()

    def blame(self, letter: str, text: str) -> None:
        """The record on the bench breaks the invariant of this letter."""
        if len(self.violations) < VIOLATIONS_MAX:
            self.violations.append(f"{letter} record {self.bench.sequence}: {text}")
        else:
            self.more += 1

    def item(self, name: str, what: str) -> Item | None:
        """The item of this name; a fact about one that never appeared is a violation."""
        found = self.items.get(name)
        if found is None:
            self.blame("A5", f"{what} names {name!r}, which no manifest announced and nobody saw")
        return found


def kind_of(place: str) -> str:
    """The kind of a place: what stands before its first slash."""
    return place.partition("/")[0]


def is_masked(code: str) -> bool:
    """Whether a code was masked before it was stored; such a code identifies nothing."""
    return code.startswith("#")

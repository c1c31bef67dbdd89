"""
A small hall and a scripted controller, to run the plant without packcenter.

The script decides by the simplest rules there are and keeps books of its own, so that the plant's answers and its truth
can be checked against something that shares no code with packcenter.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from hashlib import blake2b
from zlib import crc32

import msgspec

from packcenter.core import hall as h
from packcenter.core.packml import Command, State
from packcenter.core.words import CommandResult, ReadOutcome, plc_deadline
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from simulation.clock import INPUT, HeapClock, SimClock
from simulation.draws import Keyed, key_of
from simulation.luck import NOTHING_GOES_WRONG
from simulation.packml_unit import Machine
from simulation.plant.hall import Plant, PlantSettings
from simulation.truth import Document

ID_CARD = h.MailClass("id_card", True, 10, 50, 1, 100)
EXCEPTION = 9
BELT_US = 12_000_000
CERTAIN = 1_000_000  # per million
QUIET = PlantSettings(rates=NOTHING_GOES_WRONG)


class Seen(msgspec.Struct, frozen=True):
    """An event as the port got it."""

    us: int
    plc: str
    kind: int
    track: int
    a: int
    b: int
    c: int
    code: str


def small_hall(sorters: int = 2, capacity: int = 40) -> h.Hall:
    """The reference hall's shape: each sorter feeds two baggers by lanes 1 to 8, lane 9 ends the belt; one rack."""

    def sorter(number: int) -> h.Sorter:
        first = 2 * number - 1
        lanes = [
            h.Lane(lane, f"bagger-{first + (lane > 4)}", (lane - 1) % 4 + 1, 2000 + 1000 * lane, capacity, True)
            for lane in range(1, 9)
        ]
        lanes.append(h.Lane(EXCEPTION, "", 0, 12_000, capacity, True))
        return h.Sorter(f"sorter-{number}", 1000, 12_000, 100, 20, 150, 1000, tuple(lanes), EXCEPTION)

    return h.Hall(
        name="small",
        centre="NJ",
        utc_offset_minutes=480,
        agencies=("police",),
        mail_classes=(ID_CARD,),
        sorters=tuple(sorter(number) for number in range(1, sorters + 1)),
        baggers=tuple(h.Bagger(f"bagger-{number}", 5000, 5000) for number in range(1, 2 * sorters + 1)),
        rack=h.Rack("rack-1", tuple(h.Position(number, f"D{number}") for number in range(1, 33)), 0, 30_000, 10_000),
        waybills=h.Waybills("EA", 1, 99_999_999, "CN"),
        plan=h.Plan("v1", (), (), (), h.BagLimits(50, 20_000, ())),
    )


def document(code: str, settings: PlantSettings = QUIET, arrives_us: int = 0) -> Document:
    """An ID card that fits its class: packed, its weight is within the band; one is thin enough, and two are not."""
    keyed, key = Keyed(settings.seed), key_of(code)
    grams, thickness = 12 + keyed.below(20, key, 91), 60 + keyed.below(36, key, 92)
    return Document(code, ID_CARD.name, "police", arrives_us, grams, thickness)


def day(count: int, settings: PlantSettings = QUIET, every_us: int = 1_100_000, batch: int = 20) -> list[Document]:
    """`count` documents that come in batches, at a pace that the hall can keep."""
    return [document(f"NJ-C{number:08d}", settings, number // batch * batch * every_us) for number in range(count)]


class Port:
    """A PLC that hands each event to `listener` after `delay_us`, and checks what every real one would check."""

    def __init__(self, name: str, clock: SimClock) -> None:
        self.name = name
        self.clock = clock
        self.program: Machine | None = None
        self.listener: Callable[[Seen], None] | None = None
        self.delay_us = 20_000
        self.alive = True
        self.room = True
        self.heard_out = False
        self.state = -1
        self.places = 0
        self.first_track = 1
        self.lost_events = 0
        self.events: list[Seen] = []
        self.most_on_belt = 0
        self._epoch = 0
        self._commands = 0

    def report(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, c: int = 0, code: str = "") -> None:
        assert self._epoch, f"{self.name} reports {kind} without an epoch"
        assert 0 <= a <= 0xFFFF and 0 <= b <= 0xFFFF and 0 <= c <= 0xFFFF_FFFF and 0 <= track <= 0xFFFF_FFFF  # noqa: PT018
        seen = Seen(self.clock.now_us, self.name, kind, track, a, b, c, code)
        self.events.append(seen)
        if self.listener:
            self.clock.at(self.delay_us, INPUT, self.listener, seen)

    def infeed_allowed(self, items_on_belt: int) -> bool:
        self.most_on_belt = max(self.most_on_belt, items_on_belt)
        return self.alive and self.room and self._epoch != 0

    def can_tell(self, events: int) -> bool:
        return self.room or self._epoch == 0

    def may_act(self, events: int) -> bool:
        return self.heard_out or self.can_tell(events)

    def set_state(self, packml_state: int) -> None:
        self.state = packml_state

    def set_places(self, open_bits: int) -> None:
        self.places = open_bits

    @property
    def epoch(self) -> int:
        return self._epoch

    def now_ms(self) -> int:
        return self.clock.now_us // 1000 & 0xFFFF

    def grant(self, epoch: int) -> None:
        """packcenter lets this life work."""
        assert self.program is not None
        self._epoch = epoch
        self._commands = 0
        self.alive = True
        self.program.on_granted()

    def lose_peer(self) -> None:
        """packcenter falls silent."""
        assert self.program is not None
        self.alive = False
        self.program.on_peer_lost()

    def find_peer(self) -> None:
        """packcenter speaks again."""
        assert self.program is not None
        self.alive = True
        self.program.on_peer_back()

    def reboot(self) -> None:
        """The PLC loses its memory."""
        assert self.program is not None
        self._epoch = 0
        self.state, self.places = int(State.STOPPED), 0
        self.program.on_reboot()

    def tell(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, deadline: int = 0, text: str = "") -> int:
        """A command arrives; its number."""
        assert self.program is not None
        self._commands += 1
        self.program.on_command(LineCommand(self._commands, kind, track, a, b, deadline, text))
        return self._commands

    def of_kind(self, kind: int) -> list[Seen]:
        return [event for event in self.events if event.kind == kind]

    def results(self) -> list[tuple[int, int]]:
        """(command number, result) of every command that ended by an event of its own."""
        return [(event.c, event.a) for event in self.of_kind(EventKind.COMMAND_RESULT)]

    def states(self) -> list[int]:
        return [event.a for event in self.of_kind(EventKind.STATE_CHANGED)]


class Bed:
    """The plant of a hall with its ports, on a clock; `start` grants every PLC and brings every machine into Execute."""

    def __init__(
        self,
        documents: Iterable[Document] = (),
        settings: PlantSettings = QUIET,
        hall: h.Hall | None = None,
        clock: SimClock | None = None,
    ) -> None:
        self.hall = hall or small_hall()
        self.clock = clock or HeapClock()
        self.ports = {name: Port(name, self.clock) for name in self.hall.plcs()}
        self.plant = Plant(self.hall, documents, settings, self.clock, self.ports)
        for name, port in self.ports.items():
            port.program = self.plant.programs[name]
        self.truth = self.plant.truth

    def start(self, *names: str) -> None:
        """Grant the PLCs (all if none is named), reset and start their machines."""
        chosen = [self.ports[name] for name in names or self.ports]
        for port in chosen:
            port.grant(port.epoch + 1)
        for command in (Command.RESET, Command.START):
            for port in chosen:
                port.tell(CommandKind.PACKML_COMMAND, a=command)
            self.wait(200_000)
        assert all(port.state == State.EXECUTE for port in chosen)

    def wait(self, us: int) -> None:
        self.clock.run_until(self.clock.now_us + us)

    def digest(self) -> str:
        """Every event of every PLC, and where every document is, as one hash."""
        digest = blake2b(digest_size=16)
        for port in self.ports.values():
            digest.update(msgspec.msgpack.encode(port.events))
        digest.update(msgspec.msgpack.encode(sorted(self.truth.places().items())))
        return digest.hexdigest()


class Controller:
    """
    The scripted controller: lane by checksum of the code, one parcel per document, bags of `bag_items`.

    `ledger` is its own idea of where each item is, in packcenter's words; what it cannot identify is "?1", "?2", ...
    """

    def __init__(self, bed: Bed, bag_items: int = 10) -> None:
        self.bed = bed
        self.bag_items = bag_items
        self.ledger: dict[str, str] = {document.code: "expected" for document in bed.truth.documents if document.announced}
        self.bills: dict[str, list[str]] = {}
        self._unknown = 0
        self._bags = 0
        self._tracks: dict[tuple[str, int], str] = {}
        self._lanes: dict[tuple[str, int], deque[str]] = defaultdict(deque)
        self._jobs: dict[tuple[str, int], tuple[str, str, int]] = {}
        self._feeding: dict[str, int] = {}
        self._open: dict[int, str] = {}
        self._closing: set[int] = set()
        self._feeds = {
            (sorter.plc, lane.number): (lane.feeds, lane.infeed) for sorter in bed.hall.sorters for lane in sorter.lanes
        }
        self._handlers: dict[int, Callable[[Seen], None]] = {
            EventKind.SCANNED: self._scanned,
            EventKind.DIVERTED: self._diverted,
            EventKind.LOST: self._lost,
            EventKind.GHOST: self._ghost,
            EventKind.FED: self._fed,
            EventKind.PACKED: self._packed,
            EventKind.DROPPED: self._dropped,
            EventKind.BAG_CLOSED: self._bag_closed,
            EventKind.COMMAND_RESULT: self._result,
        }
        for port in bed.ports.values():
            port.listener = self.on_event

    def on_event(self, seen: Seen) -> None:
        handler = self._handlers.get(seen.kind)
        if handler:
            handler(seen)

    def close_all(self) -> None:
        """Close every open bag."""
        for position in sorted(self._open):
            self._close(position)

    def _provisional(self) -> str:
        self._unknown += 1
        return f"?{self._unknown}"

    def _scanned(self, seen: Seen) -> None:
        known = seen.b == ReadOutcome.SUCCESS and self.ledger.get(seen.code) == "expected"
        item = seen.code if known else self._provisional()
        self._tracks[seen.plc, seen.track] = item
        self.ledger[item] = f"belt/{seen.plc}"
        lane = crc32(item.encode()) % 8 + 1 if known else EXCEPTION
        port = self.bed.ports[seen.plc]
        deadline = plc_deadline(seen.us // 1000, 2500)
        port.tell(CommandKind.DIVERT, track=seen.track, a=lane, b=EXCEPTION, deadline=deadline)

    def _diverted(self, seen: Seen) -> None:
        item = self._tracks.pop((seen.plc, seen.track))
        if seen.a == EXCEPTION:
            self.ledger[item] = "hand"
            return
        self.ledger[item] = f"lane/{seen.plc}/{seen.a}"
        self._lanes[self._feeds[seen.plc, seen.a]].append(item)
        self._begin(self._feeds[seen.plc, seen.a][0])

    def _lost(self, seen: Seen) -> None:
        self.ledger[self._tracks.pop((seen.plc, seen.track))] = "lost"

    def _ghost(self, seen: Seen) -> None:
        self._tracks[seen.plc, seen.track] = item = self._provisional()
        self.ledger[item] = f"belt/{seen.plc}"

    def _begin(self, plc: str) -> None:
        if plc in self._feeding:
            return
        for infeed in range(1, 5):
            waiting = self._lanes[plc, infeed]
            if waiting:
                item = waiting[0]
                waybill = f"W{item}"
                self._feeding[plc] = 0
                job = self.bed.ports[plc].tell(CommandKind.BEGIN_PARCEL, track=infeed, a=1, text=waybill)
                self._jobs[plc, job] = (item, waybill, infeed)
                self._feeding[plc] = job
                return

    def _fed(self, seen: Seen) -> None:
        item, waybill, infeed = self._jobs[seen.plc, seen.track]
        lane = self._lanes[seen.plc, infeed]
        inside, good = item, seen.code == item and seen.c <= ID_CARD.thickness_max
        if seen.code in lane:
            while lane[0] != seen.code:
                self.ledger[lane.popleft()] = "lost"
            inside = seen.code
            lane.popleft()
        elif seen.b != ReadOutcome.SUCCESS:
            lane.popleft()
        else:
            inside = self._provisional()
        self.ledger[inside] = f"pack/{seen.plc}"
        self._jobs[seen.plc, seen.track] = (inside, waybill, infeed)
        self.bed.ports[seen.plc].tell(CommandKind.SEAL if good else CommandKind.REJECT, text=waybill)
        del self._feeding[seen.plc]
        self._begin(seen.plc)

    def _packed(self, seen: Seen) -> None:
        item, waybill, _ = self._jobs.pop((seen.plc, seen.track))
        if self._feeding.get(seen.plc) == seen.track:
            del self._feeding[seen.plc]
        self.ledger[item] = "rack" if seen.b == 0 else "hand"
        if seen.b == 0:
            good = ID_CARD.grams_min <= seen.c <= ID_CARD.grams_max
            position = crc32(item.encode()) % 32 + 1 if good else 0
            self.bed.ports["rack-1"].tell(CommandKind.DROP, a=position, text=waybill)

    def _dropped(self, seen: Seen) -> None:
        if not seen.code:
            return
        item = seen.code[1:]
        if seen.a == 0:
            self.ledger[item] = "hand"
            return
        if seen.a not in self._open:
            self._bags += 1
            self._open[seen.a] = f"TAG{self._bags:06d}"
        tag = self._open[seen.a]
        self.ledger[item] = f"bag/{tag}"
        bill = self.bills.setdefault(tag, [])
        bill.append(seen.code)
        if len(bill) >= self.bag_items:
            self._close(seen.a)

    def _close(self, position: int) -> None:
        if position not in self._closing:
            self._closing.add(position)
            self.bed.ports["rack-1"].tell(CommandKind.CLOSE_BAG, a=position, text=self._open[position])

    def _bag_closed(self, seen: Seen) -> None:
        self._closing.discard(seen.a)
        for waybill in self.bills[self._open.pop(seen.a)]:
            self.ledger[waybill[1:]] = "dispatched"

    def _result(self, seen: Seen) -> None:
        job = (seen.plc, seen.c)
        if seen.a == CommandResult.NOTHING_THERE and job in self._jobs:
            item, _, infeed = self._jobs.pop(job)
            self._lanes[seen.plc, infeed].remove(item)
            self.ledger[item] = "lost"
            del self._feeding[seen.plc]
            self._begin(seen.plc)


def one_sorter(count: int, settings: PlantSettings = QUIET, capacity: int = 40) -> tuple[Bed, Port]:
    """A hall with one sorter and `count` documents in its queue; started, the first document on the belt."""
    bed = Bed(day(count, settings, every_us=1, batch=count), settings, small_hall(1, capacity))
    bed.start()
    return bed, bed.ports["sorter-1"]


def divert(port: Port, track: int, lane: int, fallback: int = EXCEPTION) -> int:
    return port.tell(CommandKind.DIVERT, track=track, a=lane, b=fallback)


def packml(port: Port, command: Command) -> int:
    return port.tell(CommandKind.PACKML_COMMAND, a=command)


def diverted(port: Port) -> list[tuple[int, int, int]]:
    """(track, lane, disposition) of everything that left the belt into a lane."""
    return [(event.track, event.a, event.b) for event in port.of_kind(EventKind.DIVERTED)]


def fed_lane(count: int, settings: PlantSettings = QUIET) -> tuple[Bed, Port]:
    """A started hall with `count` documents in lane 1 of sorter-1, which is infeed 1 of bagger-1."""
    bed, port = one_sorter(count, settings)
    for track in range(1, count + 1):
        divert(port, track, 1)
        bed.wait(1_100_000)
    bed.wait(4_000_000)
    assert bed.truth.counts() == {"lane": count}
    return bed, bed.ports["bagger-1"]


def begin(port: Port, waybill: str, infeed: int = 1) -> int:
    return port.tell(CommandKind.BEGIN_PARCEL, track=infeed, a=1, b=1, text=waybill)


def drop(port: Port, waybill: str, position: int) -> int:
    return port.tell(CommandKind.DROP, a=position, text=waybill)

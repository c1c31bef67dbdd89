"""
A case rack 合包架: one handler takes documents off the lanes before it, reads them, and carries them into cells and out again.

It does one thing after the other, in the order in which it was told. A document stays where it lies until the handler sets it
down: what a stop or a reboot interrupts has not happened. Cell 0 and outlet 0 are the chute to the hand station.

An eye counts what lies in a cell after something was put there, and what passes when a cell is emptied. The counter of a cell
may break, and count more than there is: then the rack does not know that the cell is empty, either. It may count fewer, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from packcenter.core import hall
from packcenter.core.packml import State
from packcenter.core.words import CommandResult, PlaceState
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from simulation.clock import PLANT, SimClock
from simulation.luck import Fate, Luck, Stage
from simulation.packml_unit import Machine
from simulation.plant.hand import HandStation
from simulation.plant.lane import Lane
from simulation.plant.reader import Reader
from simulation.plcport import PlcPort
from simulation.truth import Document, Truth, Why

_WAITING_JOBS: Final = 64  # packcenter asks for one document at a time, and at worst for every cell to be emptied
_PLACES_SHOWN: Final = 32
_EMPTIES: Final = frozenset({State.STOPPING, State.ABORTING})


class CaseRackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a case rack behaves."""

    store_us: int = 900_000
    store_jitter_us: int = 120_000
    nothing_us: int = 1_500_000  # how long the handler waits for a document at an empty infeed
    release_us: int = 800_000
    release_each_us: int = 300_000
    retry_us: int = 50_000  # how soon a handler that has no room to tell of anything looks again


class _Job:
    """What the handler was told. `void`: it will not be done."""

    __slots__ = ("a", "b", "kind", "number", "started", "track", "void")

    def __init__(self, command: LineCommand) -> None:
        self.number = command.number
        self.kind = command.kind
        self.track = command.track
        self.a = command.a
        self.b = command.b
        self.started = False
        self.void = False


class CaseRackProgram(Machine):
    """
    The machine program of a case rack, and the rack itself. `outlets` are the lanes that it lays documents out on, `overcounts`
    has the cells whose counter is broken (`miscount`).
    """

    __slots__ = (
        "_closed", "_hand", "_infeeds", "_job", "_left", "_limit", "_luck", "_reader", "_retrying", "_settings", "_waiting",
        "cells", "outlets", "overcounts",
    )  # fmt: skip

    def __init__(
        self,
        rack: hall.CaseRack,
        infeeds: Mapping[int, Lane],
        clock: SimClock,
        port: PlcPort,
        luck: Luck,
        truth: Truth,
        hand: HandStation,
        settings: CaseRackSettings,
    ) -> None:
        self.cells: dict[int, list[Document]] = {number: [] for number in range(1, rack.cells + 1)}
        self.outlets = {outlet.number: Lane.outlet(outlet.number, 2 * rack.cell_documents) for outlet in rack.outlets}
        self._infeeds = dict(infeeds)
        self._limit = rack.cell_documents
        self._luck = luck
        self._hand = hand
        self._settings = settings
        self._job: _Job | None = None
        self._waiting: deque[_Job] = deque()
        self._closed: set[int] = set()
        self._left: set[int] = set()  # what once stuck in its cell
        self.overcounts: dict[int, tuple[int, int]] = {}
        self._retrying = False
        super().__init__(clock, port, truth)
        self._reader = Reader(self.name, Stage.CELL_READER, luck, truth)
        self.handlers[CommandKind.STORE] = self._on_store
        self.handlers[CommandKind.RELEASE] = self._on_release
        self.handlers[CommandKind.SET_PLACE] = self._on_set_place
        self._show_places()

    def contents(self) -> Iterator[tuple[Document, str]]:
        """Everything in cells and at outlets, for `Truth`."""
        for number, documents in self.cells.items():
            yield from ((document, f"cell/{self.name}/{number}") for document in documents)
        for number, lane in self.outlets.items():
            yield from ((document, f"lane/{self.name}/{number}") for document in lane.fifo)

    def busy(self) -> int:
        """How many things it was told to do and has not done."""
        return (self._job is not None) + len(self._waiting)

    # --- jobs --------------------------------------------------------------------------------------------------------

    def _on_store(self, command: LineCommand) -> None:
        if command.track not in self._infeeds or command.a not in (0, *self.cells):
            self.end(command.number, CommandResult.MALFORMED)
        elif command.a in self._closed or len(self.cells.get(command.a, ())) >= self._limit:
            self.end(command.number, CommandResult.PLACE_NOT_OPEN)
        else:
            self._add(command)

    def _on_release(self, command: LineCommand) -> None:
        if command.a not in self.cells or command.b not in (0, *self.outlets):
            self.end(command.number, CommandResult.MALFORMED)
        else:
            self._add(command)

    def _add(self, command: LineCommand) -> None:
        if self.unit.state is not State.EXECUTE:
            self.end(command.number, CommandResult.WRONG_STATE)
        elif len(self._waiting) >= _WAITING_JOBS:
            self.end(command.number, CommandResult.INTERLOCK)
        else:
            self._waiting.append(_Job(command))
            self._begin_next()

    def _begin_next(self) -> None:
        if self._job is not None or not self._waiting or self.unit.state is not State.EXECUTE or self._retrying:
            return
        if not self.port.infeed_allowed(1):
            self._retrying = True
            self.clock.at(self._settings.retry_us, PLANT, self._retry, None)
            return
        self._job = job = self._waiting.popleft()
        if job.kind == CommandKind.RELEASE:
            takes_us = self._settings.release_us + self._settings.release_each_us * len(self.cells[job.a])
            self.clock.at(takes_us, PLANT, self._emptied, job)
        else:
            self._seek(job)

    def _retry(self, _: None) -> None:
        self._retrying = False
        self._begin_next()

    def _done(self) -> None:
        self._job = None
        self._begin_next()

    # --- storing -----------------------------------------------------------------------------------------------------

    def _seek(self, job: _Job) -> None:
        """Begin with the document that stands at the infeed, or wait for one."""
        lane = self._infeeds[job.track]
        if lane.fifo:
            self._start(job)
        else:
            lane.waiter = self._document_came
            self.clock.at(self._settings.nothing_us, PLANT, self._nothing_came, job)

    def _document_came(self) -> None:
        self.clock.soon(self._begin_store, self._job)

    def _begin_store(self, job: _Job | None) -> None:
        if job is None or job is not self._job or job.started:
            return
        lane = self._infeeds[job.track]
        if lane.fifo:
            self._start(job)
        else:
            lane.waiter = self._document_came  # a person took it away again

    def _start(self, job: _Job) -> None:
        job.started = True
        key = self._infeeds[job.track].fifo[0].key
        takes_us = self._settings.store_us + self._luck.below(self._settings.store_jitter_us + 1, key, Stage.STORE_TIME)
        self.clock.at(takes_us, PLANT, self._stored, job)

    def _nothing_came(self, job: _Job) -> None:
        if job is not self._job or job.started:
            return
        self._infeeds[job.track].waiter = None
        self.end(job.number, CommandResult.NOTHING_THERE)
        self._done()

    def _stored(self, job: _Job) -> None:
        """The document was read on its way and lies in its cell."""
        if job.void:
            return
        lane = self._infeeds[job.track]
        if not lane.fifo:  # a person was quicker
            job.started = False
            self._seek(job)
            return
        document = lane.take()
        reads = self._fate(Stage.CELL_READER, self._luck.at_cell_reader(document.key))
        carries = self._fate(Stage.HANDLER, self._luck.at_handler(document.key))
        behind = lane.fifo[0] if lane.fifo else None
        outcome, code, mistaken = self._reader.read(document, reads, behind, self.clock.now_us)
        if code and code != document.code and lane.fifo:  # packcenter's row is one off, until the next right read
            lane.tamper(self.truth, f"reader of {self.name}", self.clock.now_us)
        for each in (document, *self.truth.bearing(code)) if mistaken else ():
            self.truth.touch(each, Why.STORED_FOR, f"reader of {self.name}", self.clock.now_us)
        cell = self._other_cell(job.a, document) if carries is Fate.OTHER_CELL else job.a
        taken = [document]
        if carries is Fate.TAKES_TWO and lane.fifo:
            taken.append(lane.take())
        if cell:
            self.cells[cell] += taken
        else:
            self._hand.put(taken, self.name)
        count = max(0, len(self.cells[cell]) + self._overcount(cell)[0]) if cell else 0
        self.report(EventKind.STORED, track=job.number, a=cell, b=outcome, c=count, code=code, about=tuple(taken))
        self._done()

    def _fate(self, stage: Stage, luck: Fate) -> Fate:
        return self.fate_of(stage, luck) if self.armed else luck

    def _other_cell(self, asked: int, document: Document) -> int:
        """Another cell with room, which the eye there tells; the right one if there is none."""
        others = [number for number, held in self.cells.items() if number != asked and len(held) < self._limit]
        return others[self._luck.below(len(others), document.key, Stage.WHICH_CELL)] if others else asked

    # --- releasing ---------------------------------------------------------------------------------------------------

    def _emptied(self, job: _Job) -> None:
        """The cell is empty, unless the handler left something in it."""
        if job.void:
            return
        held, more = self.cells[job.a], self._overcount(job.a)[1]
        if not held and more <= 0:
            self.end(job.number, CommandResult.NOTHING_THERE)
            self._done()
            return
        luck = self._luck.at_release(held[0].key) if held and held[0].key not in self._left else Fate.NONE
        fate = self._fate(Stage.RELEASE, luck) if held else Fate.NONE
        left = held[-1:] if fate in (Fate.LEAVES_ONE, Fate.LEAVES_ONE_UNSEEN) else []
        self._left.update(document.key for document in left)  # what sticks once comes with the next attempt
        out = held[: len(held) - len(left)]
        self.cells[job.a] = left
        for document in left:
            self.truth.touch(document, Why.UNSEEN, f"eye of {self.name}", self.clock.now_us)
        count = max(0, (len(held) if fate is Fate.LEAVES_ONE_UNSEEN else len(out)) + more)
        if job.b:
            lane = self.outlets[job.b]
            for document in out:
                lane.put_at(len(lane.fifo), document)
        else:
            self._hand.put(out, self.name)
        self.report(EventKind.RELEASED, track=job.number, a=job.a, b=job.b, c=count, about=tuple(held))
        self._done()

    def miscount(self, cell: int, stored: int, released: int) -> None:
        """A cell counts so many too many from here on, after a document was stored and on the way out; 0 and 0: it is mended."""
        self.overcounts[cell] = (stored, released)

    def _overcount(self, cell: int) -> tuple[int, int]:
        return self.overcounts.get(cell, (0, 0))

    # --- places, states, reboot --------------------------------------------------------------------------------------

    def _on_set_place(self, command: LineCommand) -> None:
        """Open or close a cell; its new state is the answer, if it is new."""
        if command.a not in self.cells or command.b not in (PlaceState.OPEN, PlaceState.CLOSED):
            self.end(command.number, CommandResult.MALFORMED)
        elif (command.b == PlaceState.CLOSED) == (command.a in self._closed):
            self.end(command.number, CommandResult.DONE)
        else:
            self._closed ^= {command.a}
            self._show_places()
            self.report(EventKind.PLACE_STATE, a=command.a, b=command.b, c=len(self.cells[command.a]))

    def entered(self, state: State) -> None:
        """Go on in Execute; a stop or abort ends every job undone."""
        if state is State.EXECUTE:
            self._begin_next()
        elif state in _EMPTIES:
            for job in self._void():
                self.end(job.number, CommandResult.WRONG_STATE)

    def _void(self) -> list[_Job]:
        jobs = [job for job in (self._job, *self._waiting) if job is not None]
        for job in jobs:
            job.void = True
        if self._job is not None and self._job.kind == CommandKind.STORE:
            self._infeeds[self._job.track].waiter = None
        self._job = None
        self._waiting.clear()
        return jobs

    def forget(self) -> None:
        """Lose all jobs, and what is in which cell; everything stays where it is."""
        self._void()
        self._closed.clear()
        self._show_places()

    def _show_places(self) -> None:
        shown = (number for number in self.cells if number <= _PLACES_SHOWN and number not in self._closed)
        self.port.set_places(sum(1 << number - 1 for number in shown))

    def report_places(self) -> None:
        """Report each cell that is closed."""
        for number in sorted(self._closed):
            self.report(EventKind.PLACE_STATE, a=number, b=PlaceState.CLOSED, c=len(self.cells[number]))

"""
A bagging machine 自动装袋机: feeds documents, says what it read, and seals them into a labelled pouch or puts them out.

Two jobs can be in the machine: one at the feeder (being fed, or fed and waiting for its verdict), one at the pouch
station (printed, labelled, read back, weighed, sealed). The feeder is free again when its job has a verdict and the
pouch station takes it; two more jobs may wait in front.

The machine seals only what bears the label it was told to print: it reads the label back and puts the pouch out if it
is another one or unreadable. The weight is for packcenter to judge. Of two labels on a pouch it reads either, or neither.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from packcenter.core.packml import Command, State
from packcenter.core.words import CommandResult, ReasonClass
from packcenter.plc.line import CommandKind, EventKind, LineCommand
from simulation.clock import PLANT, SimClock
from simulation.luck import Fate, Luck, Stage
from simulation.packml_unit import Machine
from simulation.plant.hand import HandStation
from simulation.plant.lane import Lane
from simulation.plant.rack import RackProgram
from simulation.plant.reader import Reader
from simulation.plcport import PlcPort
from simulation.truth import Document, Parcel, Truth, Why

FILM: Final = 1
LABELS: Final = 2
SEALED: Final = 0
REJECTED: Final = 1
_WAITING_JOBS: Final = 2  # the controller runs at most one job ahead; one more for a job that is about to be refused
_DOCUMENTS_MAX: Final = 20  # that go into one pouch
_STEP_PERCENT: Final = 10  # consumables are reported in steps of this size
_WORKS: Final = frozenset({State.EXECUTE, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING, State.COMPLETING})
_EMPTIES: Final = frozenset({State.STOPPING, State.ABORTING})


class BaggerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a bagging machine and the person who refills it behave."""

    feed_us: int = 400_000
    feed_jitter_us: int = 60_000
    nothing_us: int = 1_500_000  # how long the feeder waits for a document at an empty infeed
    seal_us: int = 900_000
    reject_us: int = 500_000
    retry_us: int = 50_000  # how soon a blocked feeder looks again
    pouch_grams: int = 8
    insert_grams: int = 60  # what a wrong insert weighs
    film_pouches: int = 3_000
    label_count: int = 2_000
    low_percent: int = 10  # at this level a person sets out to refill
    refill_us: int = 180_000_000
    checks_label: bool = True  # False: a machine without read-back rejection; packcenter must turn the parcel out at the rack


class _Job:
    """
    A parcel being made; `documents` is what was really fed, `wanted` how many were asked for, `told` how many the machine has
    told of, `fed`: there are no more to come. `void`: it was cleared out of the machine.

    `mistaken` are the codes of other documents that were read on these.
    """

    __slots__ = ("documents", "fed", "infeed", "mistaken", "number", "started", "told", "verdict", "void", "wanted", "waybill")

    def __init__(self, number: int, infeed: int, wanted: int, waybill: str) -> None:
        self.wanted = wanted
        self.told = 0
        self.number = number
        self.infeed = infeed
        self.waybill = waybill
        self.documents: list[Document] = []
        self.started = False
        self.fed = False
        self.mistaken: list[str] = []
        self.verdict = 0  # or CommandKind.SEAL, CommandKind.REJECT
        self.void = False


class _Supply:
    """A consumable of the machine, and the step of its level that was reported last."""

    __slots__ = ("capacity", "kind", "left", "refilling", "step")

    def __init__(self, kind: int, capacity: int) -> None:
        self.kind = kind
        self.capacity = self.left = capacity
        self.step = 100 // _STEP_PERCENT
        self.refilling = False

    def percent(self) -> int:
        return self.left * 100 // self.capacity


class BaggerProgram(Machine):
    """
    The machine program of a bagging machine, and the machine itself.

    `scale_off` is what its scale shows too much, `scale_stuck` what it shows whatever lies on it, None if it weighs.
    """

    __slots__ = (
        "_feeder",
        "_hand",
        "_infeeds",
        "_label_before",
        "_label_extra",
        "_label_late",
        "_luck",
        "_rack",
        "_reader",
        "_retrying",
        "_settings",
        "_station",
        "_supplies",
        "_waiting",
        "scale_off",
        "scale_stuck",
    )

    def __init__(
        self,
        infeeds: Mapping[int, Lane],
        clock: SimClock,
        port: PlcPort,
        luck: Luck,
        truth: Truth,
        hand: HandStation,
        rack: RackProgram,
        settings: BaggerSettings,
    ) -> None:
        self._infeeds = dict(infeeds)
        self._luck = luck
        self._hand = hand
        self._rack = rack
        self._settings = settings
        self._feeder: _Job | None = None
        self._station: _Job | None = None
        self._waiting: deque[_Job] = deque()
        self._supplies = (_Supply(FILM, settings.film_pouches), _Supply(LABELS, settings.label_count))
        self._label_before = self._label_late = self._label_extra = ""
        self.scale_off = 0
        self.scale_stuck: int | None = None
        self._retrying = False
        super().__init__(clock, port, truth)
        self._reader = Reader(self.name, Stage.FEEDER, luck, truth)
        self.handlers[CommandKind.BEGIN_PARCEL] = self._on_begin
        self.handlers[CommandKind.SEAL] = self._on_verdict
        self.handlers[CommandKind.REJECT] = self._on_verdict
        self._show_places()

    def contents(self) -> Iterator[tuple[Document, str]]:
        """Everything that this machine holds, for `Truth`."""
        for job in (self._feeder, self._station):
            if job is not None:
                yield from ((document, f"pack/{self.name}") for document in job.documents)

    def busy(self) -> int:
        """How many jobs are in the machine."""
        return (self._feeder is not None) + (self._station is not None) + len(self._waiting)

    @property
    def lanes(self) -> list[Lane]:
        """The sorters' lanes that it takes from, by the numbers of its infeeds."""
        return [lane for lane in self._infeeds.values() if not lane.is_outlet]

    def open_pouches(self) -> list[Document]:
        """What lies in pouches that are not sealed."""
        return [document for job in (self._feeder, self._station) if job is not None for document in job.documents]

    def make_ready(self) -> None:
        """The printer is emptied, the scale is set."""
        self._label_late = self._label_extra = ""
        self.scale_off, self.scale_stuck = 0, None
        super().make_ready()

    # --- feeder ------------------------------------------------------------------------------------------------------

    def _on_begin(self, command: LineCommand) -> None:
        """Take a job: so many documents of an infeed into a pouch with this waybill."""
        if self.unit.state is not State.EXECUTE:
            self.end(command.number, CommandResult.WRONG_STATE)
        elif command.track not in self._infeeds or not 1 <= command.a <= _DOCUMENTS_MAX or not command.text:
            self.end(command.number, CommandResult.MALFORMED)
        elif len(self._waiting) >= _WAITING_JOBS:
            self.end(command.number, CommandResult.INTERLOCK)
        else:
            self._waiting.append(_Job(command.number, command.track, command.a, command.text))
            self._feed_next()

    def _feed_next(self) -> None:
        if self._feeder is not None or not self._waiting or self.unit.state is not State.EXECUTE or self._retrying:
            return
        if not self.port.infeed_allowed(1 + (self._station is not None)):
            self._retrying = True
            self.clock.at(self._settings.retry_us, PLANT, self._retry, None)
            return
        self._feeder = job = self._waiting.popleft()
        lane = self._infeeds[job.infeed]
        if lane.fifo:
            self._start_feed()
        else:
            self._wait_for_document(job, lane)

    def _wait_for_document(self, job: _Job, lane: Lane) -> None:
        lane.waiter = self._document_came
        self.clock.at(self._settings.nothing_us, PLANT, self._nothing_came, (job, job.told))

    def _document_came(self) -> None:
        self.clock.soon(self._begin_feed, self._feeder)

    def _begin_feed(self, job: _Job | None) -> None:
        if job is None or job is not self._feeder or job.started:
            return
        lane = self._infeeds[job.infeed]
        if lane.fifo:
            self._start_feed()
        else:
            lane.waiter = self._document_came  # a person took it away again

    def _retry(self, _: None) -> None:
        self._retrying = False
        self._feed_next()

    def _start_feed(self) -> None:
        job = self._feeder
        assert job is not None, self.name
        job.started = True
        key = self._infeeds[job.infeed].fifo[0].key
        feed_us = self._settings.feed_us + self._luck.below(self._settings.feed_jitter_us + 1, key, Stage.FEED_TIME)
        self.clock.at(feed_us, PLANT, self._fed, job)

    def _nothing_came(self, wait: tuple[_Job, int]) -> None:
        job, told = wait
        if job is not self._feeder or job.started or job.fed or job.told != told:
            return
        self._infeeds[job.infeed].waiter = None
        self.end(job.number, CommandResult.NOTHING_THERE)
        if job.documents:
            job.fed = True  # the pouch stays open, and packcenter decides on it
        else:
            self._feeder = None
            self._feed_next()

    def _fed(self, job: _Job) -> None:
        """The document is in the pouch and was read."""
        if job.void or job.fed:
            return
        lane = self._infeeds[job.infeed]
        if not lane.fifo:  # a person was quicker
            job.started = False
            self._wait_for_document(job, lane)
            return
        document = lane.take()
        fate = self._luck.at_feeder(document.key)
        if self.armed:
            fate = self.fate_of(Stage.FEEDER, fate)
        job.documents.append(document)
        behind = lane.fifo[0] if lane.fifo else None
        if fate is Fate.DOUBLE_FEED and lane.fifo:
            job.documents.append(lane.take())
        job.told += 1
        job.fed = job.told >= job.wanted
        outcome, code, mistaken = self._reader.read(document, fate, behind, self.clock.now_us)
        job.mistaken += [code] if mistaken else []
        if code and code != document.code and lane.fifo:  # packcenter's row is one off, until the next right read
            lane.tamper(self.truth, f"reader of {self.name}", self.clock.now_us)
        thickness = document.thickness + (job.documents[-1].thickness if job.documents[-1] is not document else 0)
        self.report(EventKind.FED, track=job.number, a=job.infeed, b=outcome, c=thickness, code=code, about=tuple(job.documents))
        if not job.fed:
            self._seek_next(job, lane)

    def _seek_next(self, job: _Job, lane: Lane) -> None:
        """One more document goes into the same pouch."""
        job.started = False
        if lane.fifo:
            self._start_feed()
        else:
            self._wait_for_document(job, lane)

    # --- verdict and pouch station -----------------------------------------------------------------------------------

    def _on_verdict(self, command: LineCommand) -> None:
        """
        Seal or reject the open pouch; its waybill names it, so that a verdict can never meet another pouch. One that is rejected
        while documents are fed into it gets no more.
        """
        job = self._feeder
        is_open = job is not None and (job.fed or (job.documents and command.kind == CommandKind.REJECT))
        if job is None or not is_open or job.verdict:
            self.end(command.number, CommandResult.WRONG_STATE)
        elif job.waybill != command.text:
            self.end(command.number, CommandResult.UNKNOWN_TRACK)
        else:
            job.verdict, job.fed = command.kind, True
            self._infeeds[job.infeed].waiter = None
            self._advance()

    def _advance(self) -> None:
        """Move a judged pouch from the feeder to the pouch station, if it is free and has film and labels."""
        job = self._feeder
        if job is None or not job.verdict or self._station is not None or self.unit.state not in _WORKS:
            return
        empty = next((supply for supply in self._supplies if supply.left == 0), None)
        if job.verdict == CommandKind.SEAL and empty is not None:
            self.unit.ask(Command.HOLD, ReasonClass.OWN, empty.kind)
            return
        self._station, self._feeder = job, None
        takes_us = self._settings.seal_us if job.verdict == CommandKind.SEAL else self._settings.reject_us
        self.clock.at(takes_us, PLANT, self._finish, job)
        self._feed_next()

    def _finish(self, job: _Job) -> None:
        if job.void:
            return
        self._station = None
        if job.verdict == CommandKind.REJECT:
            self._put_out(job, 0, "")
        else:
            self._seal(job)
        self._advance()

    def _seal(self, job: _Job) -> None:
        """Print and apply the label, read it back, weigh, and seal the pouch if the label is the right one."""
        key = job.documents[0].key
        fate = self._luck.at_pouch(key)
        if self.armed:
            fate = self.fate_of(Stage.POUCH, fate)
        extra, self._label_extra = self._label_extra, ""
        label = self._printed(job, fate, key)
        read = (label, extra, "")[self._luck.below(3, key, Stage.BACK_READ)] if extra else label
        if fate is Fate.LABEL_MISREAD and read:
            read = self._luck.misread(read, key, Stage.BACK_MISREAD)
        grams = self._settings.pouch_grams + sum(document.grams for document in job.documents)
        grams += self._luck.below(3, key, Stage.SCALE) - 1 + (self._settings.insert_grams if fate is Fate.WRONG_INSERT else 0)
        shown = max(0, grams + self.scale_off) if self.scale_stuck is None else self.scale_stuck
        if self._settings.checks_label and read != job.waybill:
            self._put_out(job, shown, read)
        else:
            self._convey(job, Parcel(label, tuple(job.documents), grams, extra))
            self._report_packed(job, SEALED, shown, read)
        for supply in self._supplies:
            self._use(supply)

    def _printed(self, job: _Job, fate: Fate, key: int) -> str:
        """What can be read on the label that gets onto the pouch, "" nothing; what the printer keeps for the next pouch."""
        if self._label_late:
            label, self._label_late = self._label_late, ""  # this pouch's own label comes out behind it and is thrown away
            return label
        if fate is Fate.LABEL_LATE:
            self._label_late = job.waybill
            return ""
        label = job.waybill
        if fate is Fate.LABEL_TWICE:
            self._label_extra = label
        elif fate is Fate.LABEL_WRONG and self._label_before:
            label = self._label_before
        elif fate is Fate.LABEL_OTHER and self.truth.sealed:
            label = self.truth.sealed[self._luck.below(len(self.truth.sealed), key, Stage.WHOSE_LABEL)].label
        self._label_before = label
        return "" if fate in (Fate.LABEL_UNREADABLE, Fate.LABEL_NONE) else label

    def _convey(self, job: _Job, parcel: Parcel) -> None:
        """The parcel is sealed and on its way; note in the truth what nobody can know of it."""
        now_us = self.clock.now_us
        if job.mistaken:
            for document in (*job.documents, *(each for code in job.mistaken for each in self.truth.bearing(code))):
                self.truth.touch(document, Why.TAKEN_FOR, f"reader of {self.name}", now_us)
        foreign = {parcel.extra, parcel.label} - {"", job.waybill}
        if foreign:
            twins = [other for other in self.truth.sealed if other.label in foreign]
            for each in (parcel, *twins):
                for document in each.documents:
                    self.truth.touch(document, Why.LABELLED, f"printer of {self.name}", now_us)
        self.truth.sealed.append(parcel)
        self._rack.convey(parcel)

    def _put_out(self, job: _Job, grams: int, label: str) -> None:
        """The open pouch goes to the hand station."""
        self._hand.put(job.documents, self.name)
        self._report_packed(job, REJECTED, grams, label)

    def _report_packed(self, job: _Job, result: int, grams: int, label: str) -> None:
        self.report(EventKind.PACKED, track=job.number, b=result, c=grams, code=label, about=tuple(job.documents))

    # --- consumables -------------------------------------------------------------------------------------------------

    def _use(self, supply: _Supply) -> None:
        supply.left -= 1
        percent = supply.percent()
        if percent <= self._settings.low_percent and not supply.refilling:
            supply.refilling = True
            self.clock.at(self._settings.refill_us, PLANT, self._refill, supply)
        if percent // _STEP_PERCENT < supply.step or supply.left == 0:
            supply.step = percent // _STEP_PERCENT
            self.report(EventKind.CONSUMABLE, a=supply.kind, b=percent)

    def run_out(self) -> bool:
        """The film is used up at once: torn, or the roll had less on it than it should. A person brings a new one."""
        film = self._supplies[0]
        if film.left == 0:
            return False
        film.left = 1
        self._use(film)
        return True

    def _refill(self, supply: _Supply) -> None:
        """A person puts in a new roll, and sets the machine going if it stood still for want of it."""
        supply.left = supply.capacity
        supply.step = 100 // _STEP_PERCENT
        supply.refilling = False
        self.report(EventKind.CONSUMABLE, a=supply.kind, b=100)
        if self.unit.state is State.HELD and self.unit.reason_class is ReasonClass.OWN and self.unit.reason == supply.kind:
            self.unit.ask(Command.UNHOLD, ReasonClass.OPERATOR)

    # --- states, reboot ----------------------------------------------------------------------------------------------

    def entered(self, state: State) -> None:
        """Go on in Execute; a stop or abort empties the machine, because what lay open is not to be trusted afterwards."""
        if state is State.EXECUTE:
            self._advance()
            self._feed_next()
        elif state in _EMPTIES:
            self._empty()

    def _empty(self) -> None:
        """Put out every pouch and end every job: `Packed` rejected if a document was fed, else refused by state."""
        jobs = [job for job in (self._station, self._feeder, *self._waiting) if job is not None]
        self._void(jobs)
        for job in jobs:
            if job.documents:
                self._put_out(job, 0, "")
            else:
                self.end(job.number, CommandResult.WRONG_STATE)

    def _void(self, jobs: list[_Job]) -> None:
        for job in jobs:
            job.void = True
        if self._feeder is not None:
            self._infeeds[self._feeder.infeed].waiter = None
        self._station = self._feeder = None
        self._waiting.clear()

    def forget(self) -> None:
        """Lose all jobs; a person takes out what lay open and brings it to the hand station."""
        jobs = [job for job in (self._station, self._feeder, *self._waiting) if job is not None]
        self._void(jobs)
        for job in jobs:
            self._hand.put(job.documents, self.name)
        self._show_places()

    def _show_places(self) -> None:
        """The infeeds are open always."""
        self.port.set_places(sum(1 << infeed - 1 for infeed in self._infeeds))

    def report_places(self) -> None:
        """No infeed is ever closed; say how much film and how many labels are left."""
        for supply in self._supplies:
            self.report(EventKind.CONSUMABLE, a=supply.kind, b=supply.percent())

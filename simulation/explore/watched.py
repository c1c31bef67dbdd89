"""A PLC whose every contact with packcenter the witness sees; and whose heartbeats need not be played out while all is well."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from packcenter.core.packml import State
from packcenter.core.words import ReasonClass
from packcenter.plc.image import InImage, OutImage, encode_in, encode_out
from packcenter.plc.limits import HEARTBEAT_STEP_US
from packcenter.plc.line import EventKind, LineCommand, LineEvent
from simulation.explore.witness import Witness
from simulation.lineplc import VOID, LinePlc
from simulation.packml_unit import Machine
from simulation.plant.sorter import SorterProgram
from simulation.truth import Document, Why

_OWN_CAUSES = (ReasonClass.OWN, ReasonClass.FAULT)


class WatchedPlc(LinePlc):
    """
    A `LinePlc` that tells the witness what it takes and makes.

    While `quiet`, its link is known to bring packcenter's heartbeat (`path`), so that it counts as alive though no image
    comes; `heard` ends that. `on_point` is told the names of crash points that are passed here. A bad one overwrites its ring:
    it loses `losing` events that it has not told yet, each when another one comes behind it, and is `lost` until it starts anew.
    One that `misnames` says of each stop that it makes for its own cause, or for a fault, that it is starved.
    """

    witness: Witness
    quiet = False
    losing = 0
    lost = False
    misnames = False
    on_point: Callable[[str], None] | None = None

    def __init__(self, *arguments: Any, witness: Witness, **settings: Any) -> None:
        self.witness = witness
        self._image: OutImage | None = None
        self._past: deque[OutImage] = deque(maxlen=4)
        super().__init__(*arguments, **settings)

    @property
    def peer_alive(self) -> bool:
        """Whether packcenter's heartbeat moved within the last 800 ms, or is known to move."""
        return self.quiet or super().peer_alive

    @property
    def sound(self) -> bool:
        """Whether the program runs and shows itself as it is, so that a heartbeat that is not played out would be seen."""
        return not (self._halted or self._frozen or self._scan_us or self._spoilt_reads)

    def load(self, profile_digest: int) -> None:
        """People load a profile into it while it runs."""
        self.profile_digest = profile_digest
        self._changed()

    def follows(self, hello: int) -> bool:
        """Whether packcenter is alive, this connection is the one that it hears, and it has nothing left to tell."""
        return self._hello == hello and not self._ring and self.peer_alive

    def heard(self) -> None:
        """The quiet time is over: packcenter's last beat came with the last full tenth of a second."""
        if self.quiet:
            self.quiet = False
            now_us = self._wall_us()
            self._peer_moved_us = max(self._peer_moved_us, now_us - now_us % HEARTBEAT_STEP_US)

    def silent_us(self) -> int:
        """How long packcenter's heartbeat has not moved."""
        return 0 if self.quiet else self._wall_us() - self._peer_moved_us

    def shown(self) -> tuple[LineEvent, ...]:
        """The events that are not acknowledged, oldest first."""
        return tuple(kept.event for kept in self._ring)

    def about(self, number: int) -> Sequence[Document]:
        """The things that an event may be about which is still kept; none if it is not. Results of commands are about nothing."""
        numbers = [kept.event.number for kept in self._ring]
        if number not in numbers or not isinstance(self.program, Machine):
            return ()
        since = len(numbers) - numbers.index(number)
        return [document for about in list(self.program._told)[-since:] for document in about]

    def made_us(self, epoch: int, number: int) -> int | None:
        """When an event was made that is still kept; None if it is not."""
        if epoch != self.epoch:
            return None
        return next((kept.made_us for kept in self._ring if kept.event.number == number), None)

    def oldest_us(self) -> int:
        """How long the oldest event has waited for its acknowledgement; 0 if there is none."""
        return self._plant_us() - self._ring[0].made_us if self._ring else 0

    # Images instead of words (see `path`).

    def receive_image(self, image: InImage) -> None:
        """Take an image that arrived as it was sent: what `receive` does with its words."""
        if self._latched is not None:
            self.receive(encode_in(image, self.order))
            return
        self.counts.images += 1
        self._judge_peer()
        self._take_image(image)

    def show_image(self) -> OutImage | None:
        """`Out` as it arrives if nothing happens to it; None where the server shows something else than what is so."""
        if self._latched is not None or self._spoilt_reads:
            return None
        now_us = self._plant_us()
        image = self._image
        now_ms = self._ms(now_us)
        if image is None or self._shows_old(now_us):
            image = self._image = self._out_image(now_us)
            self._past.append(image)
        events = tuple([_aged(event, now_ms) for event in image.events]) if image.events else ()
        return replace(image, plc_ms=now_ms, events=events)

    def spoil(self, reads: int, words: int) -> bool:
        """The next reads show an older image; those that travelled without words get some now."""
        for image in self._past:
            self._older.append(encode_out(image, self.order))
        self._past.clear()
        return super().spoil(reads, words)

    def _changed(self) -> None:
        self._image = None
        super()._changed()

    # What the witness sees.

    def report(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, c: int = 0, code: str = "") -> None:
        """Make an event."""
        if self.misnames and kind == EventKind.STATE_CHANGED and a != State.EXECUTE and b in _OWN_CAUSES:
            b = ReasonClass.STARVED
        super().report(kind, track=track, a=a, b=b, c=c, code=code)
        if self.losing and len(self._ring) > 1:
            self._overwrite()
        self.witness.reporting(self.name, self._ring[-1].event, self.program, self.silent_us())
        if self.on_point is not None:
            self.on_point(f"event {kind}")
        if len(self._ring) * 10 >= self.ring_size * 9:
            self.witness.notes.met("ring >= 90 % full")

    def _overwrite(self) -> None:
        """Lose the oldest event; what it was about nobody will know."""
        self.losing -= 1
        self.lost = True
        program = self.program
        if isinstance(program, Machine):
            for about in list(program._told)[-len(self._ring) - 1 :]:
                for document in about:
                    program.truth.touch(document, Why.UNHEARD, f"ring of {self.name}", self._plant_us())
        if isinstance(program, SorterProgram):
            for lane in program.lanes.values():
                if lane.holds_unheard(program.truth):
                    program.tamper(lane, "events that were lost")
        self._ring.popleft()
        self._changed()

    def _grant(self, image: InImage) -> None:
        self.witness.granting(self.name, self.nonce, image.epoch)
        super()._grant(image)

    def _free(self, acknowledged: int) -> None:
        if self._ring and acknowledged >= self._ring[0].event.number:
            self.witness.freeing(self.name, self.epoch, acknowledged)
            if self.on_point is not None:
                self.on_point("acknowledgement received")
        super()._free(acknowledged)

    def _take(self, command: LineCommand) -> None:
        fresh = command.number == self.taken + 1 and command.kind != VOID and self._may_answer()
        if fresh:
            self.witness.taking(self.name, self.nonce, self.epoch, command)
            if self.on_point is not None:
                self.on_point("command received")
        super()._take(command)
        if fresh and self.on_point is not None:
            self.on_point("command accepted")

    def _take_image(self, image: InImage) -> None:
        counts = self.counts
        stale, foreign = counts.stale_hello, counts.foreign
        super()._take_image(image)
        if counts.stale_hello != stale:
            self.witness.notes.met("stale hello ignored")
        if counts.foreign != foreign and image.commands and image.epoch < self.epoch:
            self.witness.notes.met("old-epoch decision refused")


def _aged(event: LineEvent, now_ms: int) -> LineEvent:
    """An event as `decode_out` gives it: with its age."""
    age_ms = now_ms - event.plc_ms & 0xFFFF
    return replace(event, age_ms=age_ms) if age_ms else event

"""
The witness: sees journal, wire, PLCs and plant at once, which nobody in the hall can, and says at once when they part.

It keeps short lists. Three are made of what was durable when it was noted: what was asked of each life of a PLC, which life
each epoch was granted to, and the last durable event of each. Every PLC of an exploration is a `WatchedPlc`, which tells it
what reaches the machine. Nothing here changes anything, except that the first thing that must never be ends the run's good name.

    E3   an event is freed only if it is durable            R4 E7 E9   what a PLC takes was asked of this very life
    E4   an epoch is granted once, to the life it is durable for        R6 J5   and was durable when it arrived
    E5   the ring is never full                              R5   one decision for a scan, and one execution of a command
    E6   nothing is let in while packcenter is silent        R1   nothing enters a lane that is shut, as asked
    E6   no link is up before the heartbeat of this life moved in this connection        E11   a PLC with another profile is read
    J1 J2   after a restart: all that was acknowledged or released, and nothing else
    T1 T2   core time goes as the monotonic clock goes, and on where it was after a restart
    T3   no record comes between a jump of the wall clock and the record that says so
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

from packcenter.core import facts as f
from packcenter.core import record
from packcenter.core.commands import Divert, GrantEpoch
from packcenter.core.inputs import ClockStepped, Scanned
from packcenter.core.state import State, encode_state
from packcenter.core.words import Disposition, PlaceState
from packcenter.journal.frames import GENESIS, Draft, digest_after
from packcenter.journal.journal import Group, Journal
from packcenter.plc.image import InImage, OutImage
from packcenter.plc.line import HEARTBEAT_LIMIT_US, EventKind, LineCommand, LineEvent
from packcenter.plc.mailbox import Happening, LinkUp
from packcenter.plc.translate import to_line
from packcenter.service.output_commit import Recorded
from simulation.explore.options import Notes
from simulation.plant.sorter import SorterProgram

_CLOCKS_APART_US = 1_000
"""Core time and the monotonic clock are read one after the other."""

_JUMP_US = 3_000_000
"""A jump of up to 1 s counts for none, and two of them may come between two records."""


class Life:
    """What the witness knows of one epoch of a PLC: the boot nonce it was granted to, what was asked, what is durable."""

    __slots__ = ("asked", "decided", "durable", "nonce", "taken")

    def __init__(self, nonce: int) -> None:
        self.nonce = nonce
        self.asked: dict[int, LineCommand] = {}
        self.decided: dict[int, int] = {}  # track -> number of its `Divert`
        self.durable = 0
        self.taken = 0


class Beats:
    """What the witness knows of the heartbeat that one connection to a life of a PLC has seen."""

    __slots__ = ("first", "hello", "moves", "nonce")

    def __init__(self, hello: int, nonce: int, first: int) -> None:
        self.hello = hello
        self.nonce = nonce
        self.first = first
        self.moves = False


class Witness:
    """
    Sees everything. `notes` gets what is wrong, at simulated time `now_us()`.

    The driver calls `released` for each durable record before anything of it leaves, `recovered` after each recovery, and
    `about_to_commit` before a group is written.
    """

    def __init__(self, notes: Notes, now_us: Callable[[], int], profile_digest: int) -> None:
        self.notes = notes
        self._now_us = now_us
        self._profile_digest = profile_digest
        self.lives: dict[tuple[str, int], Life] = {}
        self.inputs = 0
        self.groups = 0
        self._newest: dict[str, int] = {}
        self._beats: dict[str, Beats] = {}
        self._other_profile: dict[str, int] = {}
        self._hash = blake2b(digest_size=16)
        self._sequence = 0
        self._digest = GENESIS
        self._under_way: list[Draft] = []
        self._clocks: Draft | None = None
        self._last_us = 0
        self._left: tuple[int, bytes] | None = None

    @property
    def digest(self) -> str:
        """Over all durable decisions so far, their times and their grouping, in hexadecimal."""
        return self._hash.hexdigest()

    def wrong(self, invariant: str, text: str) -> None:
        """Something that must never be was."""
        self.notes.violated(self._now_us(), invariant, text)

    # --- the journal -------------------------------------------------------------------------------------------------

    def about_to_commit(self, drafts: Sequence[Draft]) -> None:
        """These records are being written: after a crash they are there, all or none."""
        self._under_way = list(drafts)
        for draft in drafts:
            self._watch_clocks(draft)

    def _watch_clocks(self, draft: Draft) -> None:
        before, self._clocks = self._clocks, draft
        if before is None:  # the first one of a life
            if draft.at_us < self._last_us:
                self.wrong("T1", f"core time begins at {draft.at_us}, after {self._last_us} in an earlier life")
            return
        core_us, mono_us = draft.at_us - before.at_us, draft.mono_us - before.mono_us
        if abs(core_us - mono_us) > _CLOCKS_APART_US:
            self.wrong("T2", f"core time went on by {core_us / 1e6:.3f} s while {mono_us / 1e6:.3f} s passed")
        jump_us = draft.wall_us - before.wall_us - mono_us
        if abs(jump_us) > _JUMP_US and type(record.decode(draft.body).input) is not ClockStepped:
            self.wrong("T3", f"the wall clock jumped by {jump_us / 1e6:.1f} s, and the next record does not say so")

    def committed(self, group: Group) -> None:
        """They are durable."""
        self.groups += 1
        self.inputs += len(self._under_way)
        self._under_way = []
        self._sequence, self._digest = group.end.sequence, group.end.digest
        self._hash.update(b"%d %d" % (self._now_us(), self._sequence) + self._digest)

    def released(self, recorded: Recorded) -> None:
        """A durable record is handed out: what it grants and asks may reach PLCs from now on."""
        for fact in recorded.facts:
            if type(fact) is f.EventTaken:
                self._took(fact)
            elif type(fact) is f.EpochGranted:
                self._grant(fact.plc, fact.epoch, fact.nonce)
        scan = recorded.input
        if isinstance(scan, Scanned):
            self.lives[scan.plc, self._newest[scan.plc]].decided.pop(scan.track, None)  # the PLC may give an id again (E12)
        for command in recorded.commands:
            if isinstance(command, GrantEpoch):
                continue
            life = self.lives[command.plc, self._newest[command.plc]]
            life.asked[command.number] = to_line(command)
            if isinstance(command, Divert):
                before = life.decided.setdefault(command.track, command.number)
                if before != command.number:
                    self.wrong("R5", f"{command.plc}: track {command.track} is decided by command {before} and {command.number}")

    def _took(self, fact: f.EventTaken) -> None:
        life = self.lives[fact.plc, fact.epoch]
        if fact.seq <= life.durable:
            self.wrong("E1", f"{fact.plc}: event {fact.epoch}/{fact.seq} is journaled again, after {life.durable}")
        life.durable = fact.seq

    def _grant(self, plc: str, epoch: int, nonce: int) -> None:
        if epoch <= self._newest.get(plc, 0):
            self.wrong("E4", f"{plc}: epoch {epoch} granted after {self._newest[plc]}")
        self._newest[plc] = epoch
        self.lives[plc, epoch] = Life(nonce)

    def left(self, sequence: int, state: State) -> None:
        """A life ended with this state, after `sequence` records, of which the last ones need not be durable."""
        self._left = sequence, encode_state(state)

    def recovered(self, journal: Journal, state: State) -> None:
        """
        A restart read this from the disk: exactly what was released, and perhaps the group that was being written (J1, J2).

        What is durable may reach a PLC, released or not.
        """
        end = journal.end
        possible = {self._sequence: self._digest}
        digest = self._digest
        for draft in self._under_way:
            digest = digest_after(digest, draft.body[draft.decision_at :])
        if self._under_way:
            possible[self._sequence + len(self._under_way)] = digest
        if end.sequence < self._sequence:
            self.wrong("J1", f"the journal ends with {end.sequence} after a restart, but {self._sequence} was released")
        elif possible.get(end.sequence) != end.digest:
            expected = " or ".join(map(str, possible))
            self.wrong("J2", f"the journal ends with {end.sequence}, expected {expected}; its decisions are not those released")
        if self._left is not None and self._left[0] == end.sequence and self._left[1] != encode_state(state):
            self.wrong("J2", f"the state recovered at {end.sequence} is not the one that was left")
        if end.sequence > self._sequence:
            self.groups += 1
            self.inputs += end.sequence - self._sequence
            self._hash.update(b"%d %d" % (self._now_us(), end.sequence) + end.digest)
        self._under_way = []
        self._clocks = None
        self._last_us = state.last_us
        self._sequence, self._digest = end.sequence, end.digest
        for name, plc in state.plcs.items():
            if not plc.epoch:
                continue
            if (name, plc.epoch) not in self.lives:
                self._grant(name, plc.epoch, plc.nonce)
            life = self.lives[name, plc.epoch]
            if plc.seq < life.durable:
                self.wrong(
                    "J1", f"{name}: event {plc.epoch}/{life.durable} was acknowledged, after a restart {plc.seq} is the last"
                )
            life.durable = plc.seq
            for number, pending in plc.pending.items():
                life.asked.setdefault(number, to_line(pending.command))
                if isinstance(pending.command, Divert):
                    life.decided.setdefault(pending.command.track, number)

    def heard(self, plc: str, hello: int, image: OutImage, happenings: Sequence[Happening]) -> None:
        """An image came, and a mailbox said what it makes of it: no link is up before this life's heartbeat moved in it."""
        if image.profile_digest != self._profile_digest:
            self._other_profile[plc] = hello
        else:
            self._other_profile.pop(plc, None)
        was = self._beats.get(plc)
        if was is None or (was.hello, was.nonce) != (hello, image.nonce):
            self._beats[plc] = was = Beats(hello, image.nonce, image.heartbeat)
        was.moves = was.moves or image.heartbeat != was.first
        if not was.moves and any(isinstance(happening, LinkUp) for happening in happenings):
            self.wrong("E6", f"{plc}: the link to life {image.nonce:08x} is up, whose heartbeat stands at {was.first}")

    def writing(self, plc: str, image: InImage) -> None:
        """An image is on its way to a PLC: never while the last one that came in this connection had another profile."""
        if self._other_profile.get(plc) == image.hello:
            self.wrong("E11", f"{plc}: is written to in hello {image.hello}, though its profile is another one")

    # --- what PLCs tell of ---------------------------------------------------------------------------------------------

    def granting(self, plc: str, nonce: int, epoch: int) -> None:
        """A life of a PLC takes a grant."""
        life = self.lives.get((plc, epoch))
        if life is None:
            self.wrong("E4", f"{plc}: epoch {epoch} is granted, which no durable record says")
        elif life.nonce != nonce:
            self.wrong("E4", f"{plc}: epoch {epoch} of life {life.nonce:08x} is granted to life {nonce:08x}")
        elif epoch != self._newest[plc]:
            self.wrong("E4", f"{plc}: epoch {epoch} is granted after {self._newest[plc]} was")

    def freeing(self, plc: str, epoch: int, acknowledged: int) -> None:
        """A PLC is told that it may forget its events up to `acknowledged`."""
        life = self.lives.get((plc, epoch))
        if life is None or acknowledged > life.durable:
            durable = "nothing" if life is None else str(life.durable)
            self.wrong("E3", f"{plc}: events of epoch {epoch} up to {acknowledged} are acknowledged, {durable} is durable")

    def taking(self, plc: str, nonce: int, epoch: int, command: LineCommand) -> None:
        """A PLC takes a command for the first time in its life."""
        life = self.lives.get((plc, epoch))
        asked = None if life is None else life.asked.get(command.number)
        if asked != command:
            self.wrong("R4", f"{plc}: takes {command} in epoch {epoch}; durably asked there is {asked}")
        if life is not None:
            if life.nonce != nonce:
                self.wrong("E7", f"{plc}: life {nonce:08x} takes {command}, asked of life {life.nonce:08x}")
            if command.number <= life.taken:
                self.wrong("R5", f"{plc}: takes {command} of epoch {epoch} again, after {life.taken}")
            life.taken = command.number

    def reporting(self, plc: str, event: LineEvent, program: object, silent_us: int) -> None:
        """A PLC made an event; packcenter's heartbeat was seen to move `silent_us` ago."""
        if event.kind == EventKind.SCANNED and silent_us >= HEARTBEAT_LIMIT_US:
            self.wrong("E6", f"{plc}: lets track {event.track} in, packcenter silent for {silent_us / 1e6:.3f} s")
        elif event.kind == EventKind.DIVERTED and event.b in (Disposition.LANE_CLOSED, Disposition.LANE_FULL):
            self.notes.met("lane closed between decision and divert")
        elif event.kind == EventKind.DIVERTED and event.b == Disposition.AS_ASKED and isinstance(program, SorterProgram):
            lane = program.lanes.get(event.a)
            if lane is not None and lane.state in (PlaceState.CLOSED, PlaceState.JAMMED):
                self.wrong("R1", f"{plc}: track {event.track} enters lane {event.a} as asked, which is {lane.state.name.lower()}")

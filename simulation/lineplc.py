"""
The PLC side of the line interface: a ring of events, a counter of commands taken, one image each way.

No I/O and no clock of its own. Two clocks are read through callables: `plant_us`, the time of the machine
(event stamps, word 124, deadlines), which a simulation may run faster, and `wall_us`, the time of the people and
of packcenter (heartbeats and the watchdog), which nobody may.

    life       boot: epoch 0, a nonce nobody had before, infeed locked, ring empty, machine quiet
               an `In` image that names this nonce and an epoch grants it, once per life
    events     numbered from 1 in each epoch, kept until acknowledged, never overwritten; `Out` shows the oldest four
    commands   taken in number order, each once; a gap waits, a repeat is ignored
    watchdog   packcenter's heartbeat unchanged for 800 ms = lost; counted only from images of this life and epoch

What the design leaves open is decided here:

- An image that names another epoch or nonce is dropped whole: heartbeat, acknowledgement and commands. No event
  says so, because the numbers of its commands belong to an epoch that is not this one; `counts.foreign` does.
- An image of an earlier hello is dropped (it was overtaken by a newer connection). Hellos are compared modulo
  65536. Once the peer is lost any hello is new again, so a restarted packcenter that counts from 1 is heard
  after 800 ms at the latest.
- A command of kind 0 is void: it is taken, so that the numbers have no hole, and asks for nothing.
- An event older than 60,000 ms is shown with a stamp that makes its age read 60,000, so that it never looks young.

What a PLC can do wrong, besides losing its memory (`reboot`): its power dips (`dip`), it goes to STOP while its server
answers on (`halt`, `run`), its program runs seldom (`scan_every`), its heartbeat stands (`freeze`), its server shows an
older image or a mixture (`spoil`). `heal` ends all of that. While it is in STOP, or between two scans, the server shows
the image of the last scan, and of the images that come only the last one will be seen: they overwrite each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from packcenter.core.packml import Mode, State
from packcenter.plc.image import ImageError, InImage, OutImage, WordOrder, decode_in, encode_out
from packcenter.plc.line import CODE_BYTES, HEARTBEAT_LIMIT_US, SLOTS, TRACK_MAX, CommandResult, EventKind, LineCommand, LineEvent
from simulation.plcport import EVENTS_PER_ITEM, BusyProgram, FaultyProgram, Program
from simulation.plcport import RING_EVENTS as RING_EVENTS

HEARTBEAT_PERIOD_US = 100_000
VOID = 0  # kind of a command that only keeps the numbers without holes; the program never sees it
ALARM_DIFFERING_REPEAT = 1  # alarm word, bit 0
_REMEMBERED = 2 * SLOTS  # commands kept to tell an equal repeat from a differing one; an image repeats at most SLOTS
_AGE_MAX_MS = 60_000
_NEVER_US = 1 << 62
_WRAPS_SOON_MS = 0xFFFF - 1_500  # a second and a half before the clock wraps
_IMAGES_KEPT = 4  # older images that a bad server may still show


class Counts(msgspec.Struct):
    """What was dropped and why, for tests and people; `malformed` leaves out images whose pieces are still missing."""

    images: int = 0
    malformed: int = 0
    incomplete: int = 0
    stale_hello: int = 0
    foreign: int = 0
    bad_acks: int = 0
    gaps: int = 0
    differing_repeats: int = 0


class Life(msgspec.Struct, frozen=True):
    """
    The counters with which a life begins; the line interface leaves the first three to the PLC. `clock_ms` is what its clock
    is ahead of plant time.

    With an `epoch` it is in the middle of its life: packcenter granted that epoch, got `odometer` events and gave `taken`
    commands, and all of them are done with.
    """

    heartbeat: int = 0
    clock_ms: int = 0
    first_track: int = 1
    epoch: int = 0
    odometer: int = 0
    taken: int = 0

    def __post_init__(self) -> None:
        assert self.epoch or not (self.odometer or self.taken), f"{self}: nothing is counted without an epoch"


NEW_LIFE = Life()


class _Kept(msgspec.Struct, frozen=True, gc=False):
    event: LineEvent
    made_us: int


class LinePlc:
    """
    One PLC: a `PlcPort` for its machine program, and `receive` and `out_words` for the server in front of it.

    Set `program` before the first image arrives. `enter`, if set, is called before anything from outside acts, so
    that a driver can bring the plant to the present first. An exception out of `enter` or the program is kept in
    `failure` as well as raised, because protocol libraries swallow what is raised in their callbacks.
    """

    def __init__(
        self,
        name: str,
        *,
        nonce: int,
        plant_us: Callable[[], int],
        wall_us: Callable[[], int],
        profile_digest: int = 0,
        ring_size: int = RING_EVENTS,
        order: WordOrder = "ABCD",
        life: Life = NEW_LIFE,
    ) -> None:
        assert ring_size >= EVENTS_PER_ITEM, (
            f"{name}: ring of {ring_size}, expected at least {EVENTS_PER_ITEM}, one item's events"
        )
        self.name = name
        self.profile_digest = profile_digest
        self.ring_size = ring_size
        self.order: WordOrder = order
        self.counts = Counts()
        self.last_fault = ""
        self.failure: BaseException | None = None
        self.enter: Callable[[], None] | None = None
        self._plant_us = plant_us
        self._wall_us = wall_us
        self._program: Program | None = None
        self._watchers: list[Callable[[], None]] = []
        self._scan_us = 0
        self._scan_due_us = 0
        self._ring: deque[_Kept] = deque()
        self._begin_life(nonce, life)

    def _begin_life(self, nonce: int, life: Life) -> None:
        assert 0 < nonce <= 0xFFFF_FFFF, f"{self.name}: nonce {nonce}, expected 1 to 4294967295"
        self.nonce = nonce
        self.lost_events = len(self._ring)
        self.first_track = life.first_track
        self.alarms = 0
        self.heartbeat = life.heartbeat
        self.taken = life.taken
        self.odometer = life.odometer
        self.packml_state: int = State.STOPPED
        self.packml_mode: int = Mode.PRODUCTION
        self.places_open = 0
        self._epoch = life.epoch
        self._clock_ms = life.clock_ms
        self._ring.clear()
        self._recent: dict[int, LineCommand] = {}
        self._hello: int | None = None
        self._peer_beat: int | None = None
        self._peer_moved_us = self._wall_us()
        self._peer_shown_alive = False
        self._beat_us = self._wall_us()
        self._head: list[int] | None = None
        self._older: deque[list[int]] = deque(maxlen=_IMAGES_KEPT)
        self._halted = self._frozen = False
        self._latched: list[int] | None = None
        self._inbox: tuple[list[int], bool] | None = None
        self._spoilt_reads = self._spoilt_words = 0

    # The machine program's side (PlcPort).

    @property
    def program(self) -> Program:
        """The machine program that runs in this PLC."""
        assert self._program is not None, f"{self.name}: no program; set plc.program before images arrive"
        return self._program

    @program.setter
    def program(self, program: Program) -> None:
        self._program = program

    @property
    def epoch(self) -> int:
        """The epoch in force; 0 = none granted."""
        return self._epoch

    @property
    def ring_used(self) -> int:
        """Events made and not acknowledged yet."""
        return len(self._ring)

    @property
    def peer_alive(self) -> bool:
        """Whether packcenter's heartbeat moved within the last 800 ms of wall time."""
        return self._peer_beat is not None and self._wall_us() - self._peer_moved_us < HEARTBEAT_LIMIT_US

    def now_ms(self) -> int:
        """PLC time in milliseconds modulo 65536."""
        return self._ms(self._plant_us())

    def _ms(self, plant_us: int) -> int:
        return plant_us // 1000 + self._clock_ms & 0xFFFF

    def report(self, kind: int, *, track: int = 0, a: int = 0, b: int = 0, c: int = 0, code: str = "") -> None:
        """Make an event, stamped with PLC time now. `AssertionError` without an epoch or ring room: the program's fault."""
        assert self._epoch != 0, f"{self.name}: event kind {kind} without an epoch; a PLC that was granted none must be quiet"
        assert len(self._ring) < self.ring_size, (
            f"{self.name}: ring is full ({self.ring_size} events), event kind {kind} would overwrite; keep to infeed_allowed"
        )
        _check_event(self.name, kind, track, a, b, c, code)
        made_us = self._plant_us()
        event = LineEvent(self.odometer + 1, kind, track, a, b, c, code, self._ms(made_us))
        self._ring.append(_Kept(event, made_us))
        self.odometer = event.number
        self._changed()

    def result(self, number: int, result: CommandResult) -> None:
        """Report how command `number` ended, where no other event says it (event kind 50)."""
        self.report(EventKind.COMMAND_RESULT, a=result, c=number)

    def infeed_allowed(self, items_on_belt: int) -> bool:
        """Whether one more item may be let in: epoch granted, packcenter alive, and ring room for all that it may cause."""
        assert items_on_belt >= 0, f"{self.name}: {items_on_belt} items on the belt"
        return self._epoch != 0 and self.can_tell(EVENTS_PER_ITEM * (items_on_belt + 1)) and self.peer_alive

    def can_tell(self, events: int) -> bool:
        """Whether the ring has room for so many events; without an epoch it needs none."""
        return self._epoch == 0 or len(self._ring) + events <= self.ring_size

    def may_act(self, events: int) -> bool:
        """Whether the ring has room for so many events, or as much as it ever will; else a command or button is to come again."""
        return not self._ring or self.can_tell(events)

    def set_state(self, packml_state: int) -> None:
        """Show a PackML state (word 7)."""
        self.packml_state = packml_state
        self._changed()

    def set_mode(self, packml_mode: int) -> None:
        """Show a PackML mode (word 8)."""
        self.packml_mode = packml_mode
        self._changed()

    def set_places(self, open_bits: int) -> None:
        """Show which places are open: bit 0 is place 1 (words 14 and 15)."""
        self.places_open = open_bits
        self._changed()

    # The server's and the driver's side.

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever `Out` says something new, other than the time. It must only take note."""
        self._watchers.append(changed)

    def out_words(self) -> list[int]:
        """The 125 words of `Out` as the server shows them now."""
        self._enter()
        words = self._present() if self._latched is None else self._latched.copy()
        if self._spoilt_reads:
            self._spoilt_reads -= 1
            words[: self._spoilt_words] = self._older[0][: self._spoilt_words]
        return words

    def _present(self) -> list[int]:
        now_us = self._plant_us()
        if self._head is None or self._shows_old(now_us):
            self._head = encode_out(self._out_image(now_us), self.order)
            self._older.append(self._head)
        words = self._head.copy()
        words[124] = self._ms(now_us)
        return words

    def receive(self, words: Sequence[int], *, complete: bool = True) -> None:
        """
        Take an `In` image. `complete=False` says that pieces may be missing, so that a bad one is not counted malformed. All
        that it causes, events included, has happened when this returns; a program that does not run sees the last one later.
        """
        self._enter()
        if self._latched is not None:
            self._inbox = (list(words), complete)
        else:
            self._see(words, complete)

    def _see(self, words: Sequence[int], complete: bool) -> None:
        image = self._decoded(words, complete)
        if image is None:
            return
        try:
            self._judge_peer()
            self._take_image(image)
        except BaseException as failure:
            self.failure = failure
            raise

    def tick(self) -> None:
        """One cycle of the PLC: move the heartbeat, watch packcenter's. Call it at `next_tick_us` or a little later."""
        self._enter()
        if self._halted or (self._scan_us and self._wall_us() < self._scan_due_us):
            return
        late_us = self._wall_us() - self._beat_us
        if late_us >= HEARTBEAT_PERIOD_US:
            self._beat_us += late_us - late_us % HEARTBEAT_PERIOD_US
            if not self._frozen:
                self.heartbeat = self.heartbeat + 1 & 0xFFFF
                self._changed()
        if self._scan_us:
            self._scan()
        else:
            self._watch_peer()

    def _scan(self) -> None:
        """A slow program's turn: it sees the last image that came, and shows what is so."""
        self._scan_due_us = self._wall_us() + self._scan_us
        self._latched = None
        self._empty_inbox()
        self._watch_peer()
        self._changed()
        self._latched = self._present()

    def _go_on(self) -> None:
        """The program runs, at a new pace or again: it sees what came meanwhile, and the server shows what is so."""
        if self._scan_us:
            self._scan()
            return
        self._latched = None
        self._empty_inbox()
        self._changed()

    def _empty_inbox(self) -> None:
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            self._see(*inbox)

    def _watch_peer(self) -> None:
        try:
            self._judge_peer()
        except BaseException as failure:
            self.failure = failure
            raise

    def next_tick_us(self) -> int:
        """Wall time at which `tick` has something to do; far away while the PLC is in STOP."""
        if self._halted:
            return _NEVER_US
        if self._scan_us:
            return self._scan_due_us
        beat_us = self._beat_us + HEARTBEAT_PERIOD_US
        return min(beat_us, self._peer_moved_us + HEARTBEAT_LIMIT_US) if self._peer_shown_alive else beat_us

    def reboot(self, nonce: int, life: Life = NEW_LIFE) -> None:
        """Lose all memory and begin a new life: epoch 0, ring empty, infeed locked. The program forgets too."""
        self._enter()
        self.lose_memory(nonce, life)

    def lose_memory(self, nonce: int, life: Life = NEW_LIFE) -> None:
        """`reboot` from inside an event of the plant, where time cannot be brought to the present."""
        assert not life.epoch, f"{self.name}: a life that begins has no epoch, not {life.epoch}"
        self._begin_life(nonce, life)
        try:
            self.program.on_reboot()
        except BaseException as failure:
            self.failure = failure
            raise
        assert self._epoch == 0, f"{self.name}: epoch {self._epoch} after a reboot"
        assert not self._ring, f"{self.name}: {len(self._ring)} events after a reboot"
        if self._scan_us:
            self._scan()
        self._changed()

    # What else goes wrong with it (`simulation.mischief.FaultyPlc`).

    def dip(self) -> bool:
        """Power fails for a moment; False if the program does not run."""
        self._enter()
        program = self.program
        if self._halted or not isinstance(program, FaultyProgram):
            return False
        self._guarded(program.on_power_dip)
        return True

    def halt(self) -> bool:
        """Go to STOP; False if it is there."""
        self._enter()
        program = self.program
        if self._halted or not isinstance(program, FaultyProgram):
            return False
        if self._latched is None:
            self._latched = self._present()
        self._halted = True
        self._guarded(program.on_halt)
        return True

    def run(self) -> bool:
        """Go to RUN again; False if it is there."""
        self._enter()
        program = self.program
        if not self._halted or not isinstance(program, FaultyProgram):
            return False
        self._halted = False
        self._beat_us = self._wall_us()
        self._guarded(program.on_run)
        self._go_on()
        return True

    def scan_every(self, us: int) -> bool:
        """The program runs every `us` only; 0: whenever there is something to do."""
        self._enter()
        program = self.program
        if self._halted or us == self._scan_us or not isinstance(program, FaultyProgram):
            return False
        self._scan_us = us
        self._guarded(lambda: program.on_scan_time(us))
        self._go_on()
        return True

    def freeze(self) -> bool:
        """The heartbeat stands still, and nothing else; False if it does."""
        if self._frozen:
            return False
        self._frozen = True
        return True

    def spoil(self, reads: int, words: int) -> bool:
        """The next reads show the oldest image that is still known in their first words; False if none is known."""
        if len(self._older) < _IMAGES_KEPT:
            return False
        self._spoilt_reads, self._spoilt_words = reads, words
        return True

    def near_wrap(self, nonce: int, first_track: int) -> bool:
        """Begin a life whose heartbeat and clock are about to wrap."""
        clock_ms = (_WRAPS_SOON_MS - self._plant_us() // 1000) & 0xFFFF
        self.reboot(nonce, Life(heartbeat=0xFFFF, clock_ms=clock_ms, first_track=first_track))
        return True

    def heal(self) -> None:
        """Run at the usual pace, with a heartbeat and a true image."""
        self.run()
        self.scan_every(0)
        self._frozen = False
        self._spoilt_reads = 0

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as failure:
            self.failure = failure
            raise

    # Taking an image, step by step.

    def _decoded(self, words: Sequence[int], complete: bool) -> InImage | None:
        try:
            image = decode_in(words, self.order)
        except ImageError as fault:
            self.last_fault = f"{self.name}: {fault}"
            if complete:
                self.counts.malformed += 1
            else:
                self.counts.incomplete += 1
            return None
        self.counts.images += 1
        return image

    def _take_image(self, image: InImage) -> None:
        if self._is_overtaken(image.hello):
            self.counts.stale_hello += 1
            return
        self._hello = image.hello
        if self._epoch == 0 and image.epoch != 0 and image.nonce == self.nonce:
            self._grant(image)
        elif image.epoch != self._epoch or (self._epoch != 0 and image.nonce != self.nonce):
            self.counts.foreign += 1
            return
        self._note_beat(image.heartbeat)
        if self._epoch == 0:
            self.counts.foreign += bool(image.commands)
            return
        self._free(image.acknowledged)
        for command in image.commands:
            self._take(command)

    def _is_overtaken(self, hello: int) -> bool:
        if self._hello is None or not self.peer_alive:
            return False
        return (self._hello - hello & 0xFFFF) in range(1, 0x8000)

    def _grant(self, image: InImage) -> None:
        assert not self._ring, f"{self.name}: {len(self._ring)} events before a grant"
        self._epoch = image.epoch
        self._peer_beat = image.heartbeat
        self._peer_moved_us = self._wall_us()
        self._peer_shown_alive = True
        self._changed()
        self.program.on_granted()

    def _note_beat(self, heartbeat: int) -> None:
        if heartbeat == self._peer_beat:
            return
        self._peer_beat = heartbeat
        self._peer_moved_us = self._wall_us()
        if self._epoch != 0 and not self._peer_shown_alive:
            self._peer_shown_alive = True
            self.program.on_peer_back()

    def _judge_peer(self) -> None:
        if self._peer_shown_alive and not self.peer_alive:
            self._peer_shown_alive = False
            self.program.on_peer_lost()

    def _free(self, acknowledged: int) -> None:
        if acknowledged > self.odometer:
            self.counts.bad_acks += 1
            self.last_fault = (
                f"{self.name}: acknowledgement {acknowledged}, expected at most {self.odometer}, the newest event made"
            )
            return
        before = len(self._ring)
        while self._ring and self._ring[0].event.number <= acknowledged:
            self._ring.popleft()
        if len(self._ring) != before:
            self._changed()

    def _take(self, command: LineCommand) -> None:
        if command.number <= self.taken:
            self._check_repeat(command)
        elif command.number > self.taken + 1:
            self.counts.gaps += 1
        elif command.kind == VOID or self._may_answer():
            self.taken = command.number
            self._recent[command.number] = command
            self._recent.pop(command.number - _REMEMBERED, None)
            self._changed()
            if command.kind != VOID:
                self.program.on_command(command)

    def _may_answer(self) -> bool:
        """A machine that is started may find at once that packcenter is silent: four states (E5, seeds 615032, 882858)."""
        busy = self.program.at_work() if isinstance(self.program, BusyProgram) else 0
        return self.may_act(EVENTS_PER_ITEM * (busy + 2))

    def _check_repeat(self, command: LineCommand) -> None:
        if self._recent.get(command.number, command) != command:
            self.counts.differing_repeats += 1
            self.last_fault = f"{self.name}: command {command.number} came again as {command}, was {self._recent[command.number]}"
            self.alarms |= ALARM_DIFFERING_REPEAT
            self._changed()

    # Showing the image.

    def _out_image(self, now_us: int) -> OutImage:
        shown = [self._ring[at] for at in range(min(SLOTS, len(self._ring)))]
        return OutImage(
            profile_digest=self.profile_digest,
            nonce=self.nonce,
            epoch=self._epoch,
            heartbeat=self.heartbeat,
            packml_state=self.packml_state,
            packml_mode=self.packml_mode,
            alarms=self.alarms,
            odometer=self.odometer,
            taken=self.taken,
            places_open=self.places_open,
            plc_ms=self._ms(now_us),
            events=tuple(self._shown(kept, now_us) for kept in shown),
        )

    def _shows_old(self, now_us: int) -> bool:
        return bool(self._ring) and _is_old(self._ring[0], now_us)

    def _shown(self, kept: _Kept, now_us: int) -> LineEvent:
        if not _is_old(kept, now_us):
            return kept.event
        return msgspec.structs.replace(kept.event, plc_ms=self._ms(now_us) - _AGE_MAX_MS & 0xFFFF)

    def _changed(self) -> None:
        self._head = None
        if self._latched is not None:
            return  # nobody sees it before the next scan
        for changed in self._watchers:
            changed()

    def _enter(self) -> None:
        if self.enter is None:
            return
        try:
            self.enter()
        except BaseException as failure:
            self.failure = failure
            raise


def _is_old(kept: _Kept, now_us: int) -> bool:
    return now_us // 1000 - kept.made_us // 1000 > _AGE_MAX_MS


def _check_event(name: str, kind: int, track: int, a: int, b: int, c: int, code: str) -> None:
    for word, value, top in (
        ("kind", kind, 0xFFFF),
        ("track", track, TRACK_MAX),
        ("a", a, 0xFFFF),
        ("b", b, 0xFFFF),
        ("c", c, TRACK_MAX),
    ):
        assert 0 <= value <= top, f"{name}: event {word} is {value}, expected 0 to {top}"
    assert len(code) <= CODE_BYTES, f"{name}: event code of {len(code)} bytes, expected at most {CODE_BYTES}"

"""
One PLC on our side, as pure state: what it said, what we may say, who lives. No I/O; time is an argument.

A *hello* is one connection. Nothing is written before an image with the right profile was read in it, and nothing
of an earlier hello has any effect. The link is up once the heartbeat was seen to move within a hello.

Events go PLC -> us: each is handed out once (`taken` rises) and acknowledged only after `durable` said so.
Commands go us -> PLC: the four oldest that it has not taken, numbers without holes; a number that was never asked,
or withdrawn before it was sent, goes out as a void command, because a PLC counts what it took without holes.
A grant binds an epoch to one life of the PLC (its boot nonce) and starts both counts at 1 again.

    not connected --hello--> silent --heartbeat moves--> up --(still 800 ms | counters | digest | disconnect)--> lost
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

import msgspec

from packcenter.plc.image import InImage, OutImage
from packcenter.plc.limits import AGE_SURE_US, DISAGREE_LIMIT_US, HEARTBEAT_STEP_US, HELLO_MAX, MARK_STEP_US, PENDING_MAX
from packcenter.plc.line import HEARTBEAT_LIMIT_US, SLOTS, LineCommand, LineEvent

VOID = 0
"""Kind of a command that asks for nothing; it only keeps the numbers without holes. A PLC takes it and may answer `malformed`."""

OLD_MS = 0xFFFF
"""`age_ms` of an event whose real age cannot be told any more."""


class Cause(StrEnum):
    """Why there is no link: the closed words for metrics and logs."""

    UNREACHABLE = "unreachable"  # no connection could be made
    DISCONNECTED = "disconnected"  # the peer or the network ended it
    SILENT = "silent"  # no answer in time
    HEARTBEAT = "heartbeat"  # answers, but its program stands still
    COUNTERS = "counters"  # its numbers contradict ours
    PROTOCOL = "protocol"  # an answer that a sound peer does not give
    REFUSED = "refused"  # the peer says no: exception code, bad status
    VERSION = "version"  # another version of the line interface
    PROFILE = "profile"  # another profile than ours
    STOPPED = "stopped"  # we ended it


_TOLD_BY_A_LOSS = frozenset({Cause.UNREACHABLE, Cause.DISCONNECTED, Cause.SILENT, Cause.HEARTBEAT, Cause.STOPPED})


class LinkUp(msgspec.Struct, frozen=True, tag=True):
    """The PLC's heartbeat moves. Told again when its life changes (another nonce) or somebody granted it an epoch above ours."""

    nonce: int
    epoch: int


class LinkLost(msgspec.Struct, frozen=True, tag=True):
    """A link that was up is gone. Told once; `LinkUp` follows when it is back."""

    cause: Cause
    reason: str


class NoLink(msgspec.Struct, frozen=True, tag=True):
    """A link that is not up fails for this reason; each cause is told once until the link is up. Worth a log line, no input."""

    cause: Cause
    reason: str


class ProfileMismatch(msgspec.Struct, frozen=True, tag=True):
    """The PLC carries another profile than ours: it is only read until they agree (E11). Told once until the link is up."""

    seen: int
    expected: int


class Events(msgspec.Struct, frozen=True, tag=True):
    """New events of the epoch, numbers rising. The receiver makes them durable, then says so with `durable`."""

    epoch: int
    events: tuple[LineEvent, ...]


class Gap(msgspec.Struct, frozen=True, tag=True):
    """Events `expected` to `seen` - 1 never came; the `Events` after the gap follow. The core sees it from the numbers, too."""

    epoch: int
    expected: int
    seen: int


Happening = LinkUp | LinkLost | NoLink | ProfileMismatch | Events | Gap


class Resume(msgspec.Struct, frozen=True):
    """
    What the recovered core knows of a PLC: the life it granted last and the last event it holds durably.

    `looked_us` is when somebody last looked at the PLC, in our monotonic time, in which it may be before 0. A sound PLC shows
    an event older than 60 s as just that old; with `looked_us` given, one that lets the age wrap instead is found out. None
    trusts it.
    """

    nonce: int = 0
    epoch: int = 0
    taken: int = 0
    looked_us: int | None = None


class Mailbox:
    """
    The mailbox of one PLC. The driver calls `hello`, then `on_image` and `in_image` in turn, and `poll` now and then.

    `grant`, `durable`, `ask` and `withdraw` may be called at any time, connected or not; `dirty` then tells whether
    there is something worth sending at once. `expected_digest` is the first 32 bits of our profile's SHA-256.
    `first_hello` should differ from run to run; `speed` is how many times faster than ours the PLC's time runs.
    """

    def __init__(
        self, plc: str, expected_digest: int, resume: Resume | None = None, *, first_hello: int = 0, speed: int = 1
    ) -> None:
        resume = resume or Resume()
        assert (resume.nonce == 0) == (resume.epoch == 0), resume
        self.plc = plc
        self._digest = expected_digest
        self._age_sure_us = AGE_SURE_US // speed
        self._mark_step_us = MARK_STEP_US // speed
        # The life we granted, and its two counts.
        self._nonce = resume.nonce
        self._epoch = resume.epoch
        self._taken = self._durable = resume.taken
        self._pending: dict[int, LineCommand] = {}
        self._asked = 0
        self._sent_to: int | None = None  # highest number ever sent; None: an earlier process may have sent some
        self._peer_took = 0
        self._looked_us = resume.looked_us
        self._fresh = True  # nothing of the PLC was seen yet
        self._marks: deque[tuple[int, int]] = deque()  # (our time, odometer then), rising, none too old
        # This connection.
        self._hello = first_hello % HELLO_MAX
        self._connected = False
        self._peer: OutImage | None = None  # the last image with the right profile
        self._image_us = 0
        self._beat: tuple[int, int] | None = None  # (nonce, heartbeat) seen last
        self._beat_us = 0
        self._moving = False
        self._disagree_us: int | None = None
        # What was told.
        self._up = False
        self._life = (0, 0)  # (nonce, epoch above ours) of the last LinkUp
        self._told: set[Cause] = set()
        # What we wrote.
        self._heartbeat = 0
        self._heartbeat_us = 0
        self.infeed_held = False  # our heartbeat stands still, so that the PLC stops its infeed by itself
        self._written: tuple[int, ...] | None = None

    # --- the connection ------------------------------------------------------------------------------------------------

    def hello(self, now_us: int) -> int:
        """A new connection begins; returns its number, which every `on_image` of it must carry."""
        assert not self._connected, f"{self.plc}: hello within hello {self._hello}; end the connection first"
        self._hello = self._hello % HELLO_MAX + 1
        self._connected = True
        self._peer = self._beat = self._disagree_us = self._written = None
        self._beat_us = now_us
        self._heartbeat_us = now_us - HEARTBEAT_STEP_US  # our first image of a connection shows that we live
        if self._fresh:
            self._marks.append((now_us if self._looked_us is None else self._looked_us, self._taken))
            self._fresh = False
        return self._hello

    def on_image(self, now_us: int, hello: int, image: OutImage) -> list[Happening]:
        """The PLC's image came in connection `hello`. If `connected` is false afterwards, the driver drops the connection."""
        if not self._connected or hello != self._hello:
            return []
        if image.nonce == 0:
            return self.on_disconnect(Cause.PROTOCOL, "boot nonce is 0, expected 1 or more; the PLC program has not started")
        self._watch_heartbeat(now_us, image)
        if image.profile_digest != self._digest:
            return self._on_other_profile(image.profile_digest)
        self._peer, self._image_us = image, now_us
        if not self._moving:
            return []
        happenings = self._tell_life(image)
        if self._in_force():
            happenings += self._take(now_us, image)
        return happenings

    def poll(self, now_us: int) -> list[Happening]:
        """Look at the clock: a heartbeat that stood still too long ends the connection."""
        if not self._connected or now_us - self._beat_us <= HEARTBEAT_LIMIT_US:
            return []
        seen = "no heartbeat seen" if self._beat is None else f"heartbeat stuck at {self._beat[1]}"
        limit = f"{(now_us - self._beat_us) / 1e6:.1f} s (limit {HEARTBEAT_LIMIT_US / 1e6:.1f} s)"
        return self.on_disconnect(Cause.HEARTBEAT, f"{seen} for {limit}; check that the PLC is in RUN")

    def on_disconnect(self, cause: Cause, reason: str) -> list[Happening]:
        """The connection ended or could not be made. Repeats are harmless: each loss and each cause is told once."""
        self._connected = False
        self._peer = None
        if self._up:
            self._up = False
            self._told = {*_TOLD_BY_A_LOSS, cause}
            return [LinkLost(cause, reason)]
        if cause in self._told:
            return []
        self._told.add(cause)
        return [NoLink(cause, reason)]

    def _watch_heartbeat(self, now_us: int, image: OutImage) -> None:
        if self._beat is None or self._beat[0] != image.nonce:
            self._moving = False  # a new connection or life must show that it lives
        elif self._beat[1] != image.heartbeat:
            self._moving = True
            self._beat_us = now_us
        self._beat = (image.nonce, image.heartbeat)

    def _on_other_profile(self, seen: int) -> list[Happening]:
        self._peer = None
        self._moving = False
        told = Cause.PROFILE in self._told
        happenings: list[Happening] = []
        if self._up:
            self._up = False
            self._told = {*_TOLD_BY_A_LOSS}
            happenings.append(LinkLost(Cause.PROFILE, f"profile digest 0x{seen:08X}, expected 0x{self._digest:08X}"))
        self._told.add(Cause.PROFILE)
        return happenings if told else [*happenings, ProfileMismatch(seen, self._digest)]

    def _tell_life(self, image: OutImage) -> list[Happening]:
        # An epoch below ours in the life that we granted is our grant on its way; one above it is somebody else's.
        above = image.epoch if image.nonce == self._nonce and image.epoch > self._epoch else 0
        if self._up and image.nonce == self._life[0] and above in (0, self._life[1]):
            return []
        self._up = True
        self._life = (image.nonce, above)
        self._told.clear()
        return [LinkUp(image.nonce, image.epoch)]

    # --- events --------------------------------------------------------------------------------------------------------

    def _take(self, now_us: int, image: OutImage) -> list[Happening]:
        disagreement = self._disagreement(image)
        if disagreement is None:
            self._disagree_us = None
        elif self._disagree_us is None:
            self._disagree_us = now_us
        elif now_us - self._disagree_us > DISAGREE_LIMIT_US:
            return self.on_disconnect(Cause.COUNTERS, disagreement)
        self._forget_taken_commands(image.taken)
        fresh = tuple(self._aged(now_us, event) for event in image.events if event.number > self._taken)
        self._mark(now_us, image.odometer)
        if not fresh:
            return []
        happenings: list[Happening] = [Events(self._epoch, fresh)]
        if fresh[0].number != self._taken + 1:
            happenings.insert(0, Gap(self._epoch, self._taken + 1, fresh[0].number))
        self._taken = fresh[-1].number
        return happenings

    def _disagreement(self, image: OutImage) -> str | None:
        """What the PLC's counters say that cannot be; None if they agree with ours. A read in pieces may show it for a moment."""
        last = image.events[-1].number if image.events else self._taken
        if image.odometer < self._taken:
            return f"odometer {image.odometer}, expected {self._taken} or more; the PLC lost events without a new boot nonce"
        if image.odometer > last and len(image.events) < SLOTS:
            return f"odometer {image.odometer}, but the events shown end at {last}; the PLC overwrote its ring"
        if image.taken < self._peer_took:
            return f"commands taken {image.taken}, expected {self._peer_took} or more; the PLC forgot commands"
        if self._sent_to is not None and image.taken > self._sent_to:
            return f"commands taken {image.taken}, expected at most {self._sent_to}; who else commands the PLC?"
        return None

    def _aged(self, now_us: int, event: LineEvent) -> LineEvent:
        while self._marks and now_us - self._marks[0][0] > self._age_sure_us:
            self._marks.popleft()
        if self._marks and self._marks[0][1] < event.number:
            return event
        return msgspec.structs.replace(event, age_ms=OLD_MS)

    def _mark(self, now_us: int, odometer: int) -> None:
        if not self._marks or now_us - self._marks[-1][0] >= self._mark_step_us:
            self._marks.append((now_us, odometer))
            while now_us - self._marks[0][0] > self._age_sure_us:
                self._marks.popleft()

    def durable(self, epoch: int, number: int) -> None:
        """Events up to `number` of the epoch are on the disk and may be acknowledged (E3); an older epoch says nothing."""
        assert epoch <= self._epoch, f"{self.plc}: durable in epoch {epoch}, but {self._epoch} is granted"
        if epoch == self._epoch:
            assert number <= self._taken, f"{self.plc}: event {number} durable, but only {self._taken} were taken"
            self._durable = max(self._durable, number)

    # --- grants and commands -------------------------------------------------------------------------------------------

    def grant(self, nonce: int, epoch: int) -> None:
        """
        From now on the PLC's life `nonce` may work as `epoch`; the caller has made that durable (E4).

        What was asked in an older epoch is dropped. The same grant again changes nothing.
        """
        if (nonce, epoch) == (self._nonce, self._epoch):
            return
        assert nonce > 0, f"{self.plc}: grant to nonce {nonce}"
        assert self._epoch < epoch <= 0xFFFF, f"{self.plc}: epoch {epoch} granted after {self._epoch}"
        self._nonce, self._epoch = nonce, epoch
        self._taken = self._durable = 0
        self._pending.clear()
        self._asked = self._peer_took = 0
        self._sent_to = 0
        self._disagree_us = None
        self._fresh = False
        # No event of the epoch is older than the image before the grant.
        self._marks.clear()
        self._marks.append((self._image_us, 0))

    def ask(self, command: LineCommand) -> None:
        """Send a command of the present epoch. Numbers rise; a number that is left out is void for ever."""
        assert self._epoch > 0, f"{self.plc}: command {command.number} without an epoch"
        assert command.number > self._asked, f"{self.plc}: command {command.number} after {self._asked}"
        assert len(self._pending) < PENDING_MAX, f"{self.plc}: {PENDING_MAX} commands wait, {command} is one too many"
        self._asked = command.number
        if command.number > self._peer_took:
            self._pending[command.number] = command

    def withdraw(self, number: int) -> bool:
        """Do not send a command whose time is over; False if the PLC may have it already."""
        if self._sent_to is None or number <= self._sent_to:
            return False
        return self._pending.pop(number, None) is not None

    def _forget_taken_commands(self, taken: int) -> None:
        if self._sent_to is None:
            self._sent_to = taken  # what an earlier process sent, the PLC alone can tell
        taken = min(taken, self._sent_to)
        if taken > self._peer_took:
            self._peer_took = taken
            for number in [number for number in self._pending if number <= taken]:
                del self._pending[number]

    def _window(self) -> range:
        """Numbers of the commands to show now: the oldest that the PLC has not taken."""
        if not (self._up and self._in_force()):
            return range(0)
        return range(self._peer_took + 1, min(self._peer_took + SLOTS, self._asked) + 1)

    # --- what we write -------------------------------------------------------------------------------------------------

    def _granted(self) -> bool:
        return self._peer is not None and self._peer.nonce == self._nonce  # ours is 0 before a grant, a peer's never

    def _in_force(self) -> bool:
        return self._granted() and self._peer is not None and self._peer.epoch == self._epoch

    def _news(self) -> tuple[int, ...]:
        """What the PLC may not know yet. That it took commands, so that fewer are shown, it knows best."""
        granted = (self._epoch, self._nonce) if self._granted() else (0, 0)
        return (*granted, self._durable if self._in_force() else 0, self._window().stop)

    @property
    def dirty(self) -> bool:
        """Whether an image would tell the PLC something that the last one did not."""
        return self._peer is not None and self._news() != self._written

    def write_due_us(self, now_us: int) -> int | None:
        """In how many microseconds the next image should be written: 0 at once, None when nothing may be written (yet)."""
        if self._peer is None:
            return None
        if self.dirty:
            return 0
        return max(0, self._heartbeat_us + HEARTBEAT_STEP_US - now_us)

    def in_image(self, now_us: int) -> InImage:
        """Our image for now. Only for a PLC whose image was read in this connection and has our profile (`write_due_us`)."""
        assert self._peer is not None, f"{self.plc}: nothing may be written before an image with our profile was read"
        assert self._durable <= self._taken, (self.plc, self._durable, self._taken)
        if now_us - self._heartbeat_us >= HEARTBEAT_STEP_US:
            if not self.infeed_held:
                self._heartbeat = (self._heartbeat + 1) & 0xFFFF
            self._heartbeat_us = now_us
        self._written = self._news()
        window = self._window()
        if window and self._sent_to is not None:
            self._sent_to = max(self._sent_to, window[-1])
        epoch, nonce, acknowledged, *_ = self._written
        return InImage(
            heartbeat=self._heartbeat,
            epoch=epoch,
            nonce=nonce,
            hello=self._hello,
            acknowledged=acknowledged,
            commands=tuple(self._pending.get(number) or LineCommand(number, VOID) for number in window),
        )

    # --- for status pages and tests --------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether a hello is under way; false again when the mailbox itself ended it."""
        return self._connected

    @property
    def up(self) -> bool:
        return self._up

    @property
    def peer(self) -> OutImage | None:
        """The last image of this connection, None before the first one with our profile."""
        return self._peer

    @property
    def epoch(self) -> int:
        return self._epoch

    @property
    def taken(self) -> int:
        """Number of the last event handed out in the present epoch."""
        return self._taken

    @property
    def acknowledged(self) -> int:
        """Number of the last event of the present epoch that may be acknowledged."""
        return self._durable

    @property
    def waiting(self) -> int:
        """Commands that the PLC has not taken."""
        return len(self._pending)

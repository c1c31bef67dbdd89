"""
The way between packcenter and one PLC, in virtual time and without sockets: what `packcenter.plc.link` does, and the network.

A `Cable` is what lasts: the network's faults, the PLC's register memory, an archive of all that was ever sent, from which an
adversary takes old telegrams. A `Caller` is the link of one life of the controller: it connects, says hello, exchanges, drops
the connection at any surprise and starts anew after a pause, with the limits of `packcenter.plc.limits` and the real mailbox.

    one exchange    request (In, or a read alone) --way--> PLC: receive, out_words --way--> reply
    in pieces       some PLCs take In in two writes and give Out in two reads, each a request of its own

*Quiet.* Most of a hall's exchanges say nothing new: a heartbeat each way. Where the cable, the PLC and the controller are
sound, everything was acknowledged and nothing is asked, the next exchange is left out until somebody has news, for
`QUIET_US` at most. That changes nothing that either side could see: each of the exchanges left out would have moved both
heartbeats and nothing else; `WatchedPlc.peer_alive` says so for the PLC, and our mailbox looks at the clock only after an
exchange. News makes an exchange at the moment at which polling would have found it. Before anything happens to cable, PLC
or controller, `flush` plays the exchange that is due, so that each side's clock of silence begins when it should.

*Words.* Where nothing can happen to a telegram on its way (a sound cable, images in one piece), what arrives is what was sent:
decode(encode(image)) is the image. Then the image travels, and the words are made for every `WORDS_EVERY`-th telegram only,
where both codecs are held to that; everything else travels as words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from packcenter.plc.checking import PlcError
from packcenter.plc.image import (
    IN_WORDS,
    OUT_WORDS,
    ImageError,
    InImage,
    OutImage,
    TornError,
    VersionError,
    WordOrder,
    decode_in,
    decode_out,
    encode_in,
)
from packcenter.plc.limits import CONNECT_LIMIT_US, HEARTBEAT_STEP_US, TORN_READS_MAX
from packcenter.plc.link import Backoff
from packcenter.plc.mailbox import Cause, Events, Happening, LinkUp, Mailbox
from simulation.clock import INPUT, HeapClock
from simulation.draws import Stream
from simulation.explore.options import Notes
from simulation.explore.rates import Rates
from simulation.explore.watched import WatchedPlc

POLL_GAP_US = 10_000
REQUEST_TIMEOUT_US = 400_000
BEAT_US = 250_000
"""Between two exchanges without news on a link that is not quiet: a slower poll than real, three within the limit of silence."""

QUIET_US = 25_000_000
"""Longest time without an exchange: an event's age is sure for 60 s after the last image (`plc.limits.AGE_SURE_US`)."""

WORDS_EVERY = 24
"""One telegram in so many goes through the codec though nothing happens to it."""

_KNOCKS = 9
_KNOCKS_US = 4_000_000
"""So many connections take 0.05, 0.1, 0.2 and 0.4 s of pauses at least, and then a second each (`Backoff`)."""

_ARCHIVE = 24  # lives and hellos whose telegrams are kept
_TELEGRAMS = 6  # of each
_IN_CUT = 60  # where In is cut in pieces
_OUT_CUT = 64

REQUEST, REPLY = "request", "reply"


class Cable:
    """The network between the controller's computer and one PLC, and the PLC's end of it. `in_pieces` as its profile says."""

    def __init__(self, plc: WatchedPlc, clock: HeapClock, seed: int, notes: Notes, *, in_pieces: bool) -> None:
        self.plc = plc
        self.clock = clock
        self.notes = notes
        self.in_pieces = in_pieces
        self.rates = Rates()
        self.caller: Caller | None = None
        self.news = True
        self.requests: dict[tuple[int, int, int, bool], deque[InImage]] = {}
        self._telegrams = 0
        self._seed = seed
        self._streams: dict[str, Stream] = {}
        self._way = Stream(seed, f"explore/way/{plc.name}")
        self._area = [0] * IN_WORDS
        self._ticking = False
        self._in_tick = False
        plc.watch(self._changed)
        self.keep_ticking()

    # --- luck --------------------------------------------------------------------------------------------------------

    def stream(self, fault: str) -> Stream:
        """The luck of a fault on this cable."""
        found = self._streams.get(fault)
        if found is None:
            found = self._streams[fault] = Stream(self._seed, f"explore/{fault}/{self.plc.name}")
        return found

    def meets(self, fault: str, rate: int) -> bool:
        """Whether a telegram meets a fault of this rate."""
        if not rate or self.stream(fault).below(1000) >= rate:
            return False
        self.notes.faults[fault] += 1
        return True

    def way_us(self) -> int:
        """How long a telegram is under way."""
        us = 150 + self._way.below(1200)
        if self.rates.delay and self.meets("delay", self.rates.delay):
            us += self.stream("delay").below(1_500_000)
        return us

    def loses(self, way: str) -> bool:
        """Whether a telegram vanishes."""
        return self.rates.cut or way in self.rates.lost_ways or self.meets("drop", self.rates.drop)

    def damaged(self, words: list[int]) -> list[int]:
        """The telegram as it arrives: one to three bits flipped, or a burst of 16, if it meets that fault."""
        if not self.meets("corrupt", self.rates.corrupt):
            return words
        stream = self.stream("corrupt")
        words = words.copy()
        if stream.below(3):
            for _ in range(1 + stream.below(3)):
                words[stream.below(len(words))] ^= 1 << stream.below(16)
        else:
            words[stream.below(len(words))] ^= 1 + stream.below(0xFFFF)
        return words

    # --- the PLC's end -------------------------------------------------------------------------------------------------

    def hang_up(self) -> None:
        """The PLC's end of the connection is gone."""
        if self.caller is not None:
            self.caller.hang_up()

    def write(self, words: Sequence[int], at: int) -> None:
        """A write request reaches the PLC."""
        if len(words) == IN_WORDS:
            self._area[:] = words
            self.plc.receive(words)
        else:
            self._area[at : at + len(words)] = words
            self.plc.receive(self._area.copy(), complete=False)
        self.keep_ticking()

    def read(self) -> list[int]:
        """A read request reaches the PLC."""
        self.news = False
        return self.plc.out_words()

    def lost_memory(self) -> None:
        """The PLC started anew: its registers are zero."""
        self._area = [0] * IN_WORDS

    def in_words(self) -> bool:
        """Whether the next exchange travels as words."""
        self._telegrams += 1
        return self.in_pieces or not self.rates.sound or self._telegrams % WORDS_EVERY == 0

    def exchange(self, image: InImage | None) -> OutImage | None:
        """A whole exchange at the PLC's end, without words; None where the PLC's server does not show what is so."""
        if image is not None:
            self.plc.receive_image(image)
            self.keep_ticking()
        self.news = False
        return self.plc.show_image()

    def archive(self, image: InImage) -> None:
        """Keep a request for the adversary, by epoch, nonce and hello, and whether it commands anything."""
        self.plc.witness.writing(self.plc.name, image)
        key = (image.epoch, image.nonce, image.hello, bool(image.commands))
        kept = self.requests.get(key)
        if kept is None:
            kept = self.requests[key] = deque(maxlen=_TELEGRAMS)
            if len(self.requests) > _ARCHIVE:
                oldest = list(self.requests)[1]  # the very first stays: nothing is older
                del self.requests[oldest]
        kept.append(image)

    def keep_ticking(self) -> None:
        """Let the PLC's own cycle go on while somebody may notice it."""
        if not self._ticking and not self.plc.quiet:
            self._ticking = True
            self._tick_later()

    def _tick_later(self) -> None:
        wait_us = max(0, min(self.plc.next_tick_us(), self.clock.now_us + 1_000_000) - self.clock.now_us)
        self.clock.at(wait_us, INPUT, self._tick, None)

    def _tick(self, _: None) -> None:
        if self.plc.quiet:
            self._ticking = False
            return
        self.tick()
        self._tick_later()

    def tick(self) -> None:
        """One cycle of the PLC. That its heartbeat moved is no news."""
        self._in_tick = True
        self.plc.tick()
        self._in_tick = False

    def _changed(self) -> None:
        if not self._in_tick:
            self.news = True
            if self.caller is not None:
                self.caller.look()

    def flush(self) -> None:
        """Something is about to happen to this cable or its PLC."""
        if self.caller is not None:
            self.caller.flush()
        self.plc.heard()
        self.keep_ticking()

    def trouble(self) -> None:
        """The cable's faults changed."""
        if self.caller is not None:
            self.caller.go_on()


class Owner(Protocol):
    """The life of the controller that a caller belongs to."""

    def at(self, delay_us: int, fn: Callable[[Any], None], arg: Any) -> None:
        """Call in that life, later; never if it ends before."""
        ...

    def call(self, fn: Callable[[Any], None], arg: Any) -> None:
        """Call in that life, now; it may end by it."""
        ...

    def happened(self, plc: str, happenings: list[Happening]) -> None:
        """Something happened on a link."""
        ...

    def point(self, name: str) -> None:
        """A crash point is passed; may end the life."""
        ...

    @property
    def sound(self) -> bool:
        """Whether the life goes on without pause."""
        ...


class _Flight:
    """
    An exchange under way: `image` to send (None: a read alone), what is still to be asked for, and what came.

    `steps` are (words to write, at, end of words to read), in order; None while the image travels without words.
    """

    __slots__ = ("got", "hello", "image", "sent_us", "steps")

    def __init__(self, hello: int, image: InImage | None) -> None:
        self.hello = hello
        self.image = image
        self.sent_us = 0
        self.steps: deque[tuple[list[int] | None, int, int]] | None = None
        self.got: list[int] = []


class Caller:
    """Our end of a cable, for one life of the controller."""

    def __init__(self, cable: Cable, mailbox: Mailbox, owner: Owner, luck: Stream) -> None:
        self.cable = cable
        self.mailbox = mailbox
        self.last_good_us = -1
        self._order: WordOrder = cable.plc.order
        self._clock = cable.clock
        self._owner = owner
        self._backoff = Backoff(luck)
        self._flight: _Flight | None = None
        self._hello = 0
        self._turn = 0  # of the plan that counts; older ones are void
        self._planned_us = 0
        self._up_since_us = -1
        self._torn = 0
        self._ended_us = 0
        self._acknowledged = 0
        self._attempts: deque[int] = deque(maxlen=_KNOCKS)
        self.quiet = False

    # --- connections ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._plan(0, self._connect)

    def _plan(self, delay_us: int, do: Callable[[], None]) -> None:
        self._turn += 1
        self._planned_us = self._clock.now_us + delay_us
        self._owner.at(delay_us, self._do_planned, (self._turn, do))

    def _do_planned(self, planned: tuple[int, Callable[[], None]]) -> None:
        turn, do = planned
        if turn == self._turn:
            do()

    def _connect(self) -> None:
        cable = self.cable
        self._up_since_us = -1
        self._count_attempt(self._clock.now_us)
        if cable.loses(REQUEST) or cable.loses(REPLY):
            self._plan(CONNECT_LIMIT_US, lambda: self._fail(Cause.SILENT, "no answer to connect"))
        else:
            self._plan(cable.way_us() + cable.way_us(), self._connected)

    def _count_attempt(self, now_us: int) -> None:
        """A PLC in trouble must not be knocked at all the time."""
        attempts = self._attempts
        attempts.append(now_us)
        if len(attempts) == _KNOCKS and now_us - attempts[0] < _KNOCKS_US:
            within = f"{_KNOCKS} connections within {(now_us - attempts[0]) / 1e6:.2f} s, none was up for long"
            self.cable.plc.witness.wrong("L-reconnects", f"{self.mailbox.plc}: {within}")

    def _connected(self) -> None:
        self._torn = 0
        self._hello = self.mailbox.hello(self._clock.now_us)
        self._send()

    def _fail(self, cause: Cause, reason: str) -> None:
        """The connection ended, or could not be made."""
        self._flight = None
        self._end_quiet()
        told = self.mailbox.on_disconnect(cause, reason)
        if told:
            self._tell(told)
        self._retry()

    def _retry(self) -> None:
        self._flight = None
        self._end_quiet()
        up_us = 0 if self._up_since_us < 0 else self._clock.now_us - self._up_since_us
        self._plan(self._backoff.pause_us(up_us), self._connect)

    def stop(self) -> None:
        """End the connection in good order, and connect no more."""
        self._turn += 1
        self._flight = None
        self._end_quiet()
        self.cable.caller = None

    def hang_up(self) -> None:
        """The peer or the network ended the connection, and we hear it."""
        if self.mailbox.connected:
            self._plan(self.cable.way_us(), lambda: self._fail(Cause.DISCONNECTED, "connection reset"))
            self._flight = None

    # --- exchanges -------------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        self._end_quiet()
        cable = self.cable
        flight = self._flight = _Flight(self._hello, self._in_image(self._clock.now_us))
        if cable.in_words():
            flight.steps = self._steps(flight.image)
        self._request(flight)

    def _in_image(self, now_us: int) -> InImage | None:
        """Our image if it should be written now: it has news, or the heartbeat is due."""
        due_us = self.mailbox.write_due_us(now_us)
        if due_us is None or due_us > 0:
            return None
        image = self.mailbox.in_image(now_us)
        self._owner.point("image made")
        if image.acknowledged != self._acknowledged:
            self._acknowledged = image.acknowledged
            self._owner.point("acknowledgement sent")
        if image.commands:
            self._owner.point("decision sent")
        self.cable.archive(image)
        return image

    def _steps(self, image: InImage | None) -> deque[tuple[list[int] | None, int, int]]:
        """The requests of an exchange, as words."""
        words = None
        if image is not None:
            words = encode_in(image, self._order)
            if decode_in(words, self._order) != image:
                self.cable.plc.witness.wrong("A", f"{self.mailbox.plc}: {image} is not what its words say")
        if not self.cable.in_pieces:
            return deque([(words, 0, OUT_WORDS)])
        steps: deque[tuple[list[int] | None, int, int]] = deque([(None, 0, _OUT_CUT), (None, _OUT_CUT, OUT_WORDS)])
        if words is not None:
            steps.extendleft([(words[_IN_CUT:], _IN_CUT, 0), (words[:_IN_CUT], 0, 0)])
        return steps

    def _request(self, flight: _Flight) -> None:
        """Send the next request of an exchange."""
        cable, clock = self.cable, self._clock
        flight.sent_us = clock.now_us
        if not cable.rates.sound:
            self._watch(flight)
            if cable.meets("cut_frame", cable.rates.cut_frame):
                self._plan(cable.way_us(), lambda: self._fail(Cause.DISCONNECTED, "connection reset within a frame"))
                return
            if cable.meets("reset", cable.rates.reset):
                self._plan(cable.way_us(), lambda: self._fail(Cause.DISCONNECTED, "connection reset"))
            if cable.loses(REQUEST):
                return
            if flight.steps is not None and cable.meets("duplicate", cable.rates.duplicate):
                clock.at(cable.way_us(), INPUT, self._repeated, flight.steps[0])
        clock.at(cable.way_us(), INPUT, self._arrive, flight)

    def _repeated(self, step: tuple[list[int] | None, int, int]) -> None:
        """A request comes once more; nobody reads the answer."""
        words, at, _ = step
        if words is not None:
            self.cable.write(self.cable.damaged(words), at)

    def _arrive(self, flight: _Flight) -> None:
        """A request is at the PLC, perhaps long after we gave it up; it is answered at once."""
        cable = self.cable
        if flight.steps is None:
            if cable.rates.sound:
                shown = cable.exchange(flight.image)
                got: OutImage | list[int] = cable.read() if shown is None else shown
                self._owner.at(cable.way_us(), self._reply, (flight, got))
                return
            flight.steps = self._steps(flight.image)
        words, at, end = flight.steps[0]
        if cable.rates.sound:
            if words is not None:
                cable.write(words, at)
            self._owner.at(cable.way_us(), self._reply, (flight, cable.read()[at:end] if end else []))
            return
        self._watch(flight)
        if words is not None:
            cable.write(cable.damaged(words), at)
        read = cable.damaged(cable.read()[at:end]) if end else []
        if not cable.loses(REPLY):
            self._owner.at(cable.way_us(), self._reply, (flight, read))

    def _watch(self, flight: _Flight) -> None:
        """The answer may never come."""
        self._owner.at(max(0, flight.sent_us + REQUEST_TIMEOUT_US - self._clock.now_us), self._late, flight)

    def _late(self, flight: _Flight) -> None:
        if flight is self._flight and self._clock.now_us - flight.sent_us >= REQUEST_TIMEOUT_US:
            self._fail(Cause.SILENT, f"no answer in {REQUEST_TIMEOUT_US // 1000} ms")

    def _reply(self, arrived: tuple[_Flight, OutImage | list[int]]) -> None:
        flight, got = arrived
        now_us = self._clock.now_us
        if flight is not self._flight:
            self._stale(flight, got, now_us)
            return
        if now_us - flight.sent_us > REQUEST_TIMEOUT_US:
            self._fail(Cause.SILENT, "the answer came after the process stood still")
            return
        if isinstance(got, list):
            flight.got += got
            if flight.steps is not None:
                flight.steps.popleft()
                if flight.steps:
                    self._request(flight)
                    return
            got = flight.got
        self._flight = None
        self._turn += 1
        self._exchanged(flight.hello, got, now_us)

    def _stale(self, flight: _Flight, got: OutImage | list[int], now_us: int) -> None:
        """E7: the answer to a request of an earlier connection comes to the mailbox that goes on."""
        if flight.hello == self._hello:
            return  # within one connection the transaction's number tells it from the answer that is waited for (E8)
        try:
            image = decode_out(flight.got + got, self._order) if isinstance(got, list) else got
        except ImageError:
            return
        before = (self.mailbox.taken, self.mailbox.peer, self.mailbox.up)
        happenings = self.mailbox.on_image(now_us, flight.hello, image)
        after = (self.mailbox.taken, self.mailbox.peer, self.mailbox.up)
        if happenings or before != after:
            self.cable.plc.witness.wrong("E7", f"{self.mailbox.plc}: an answer of hello {flight.hello} led to {happenings}")
        self.cable.notes.met("stale reply ignored")

    def _exchanged(self, hello: int, got: OutImage | list[int], now_us: int) -> None:
        """What `Link._exchange_for_ever` does with an answer."""
        try:
            happenings = self._on_answer(hello, got, now_us)
        except PlcError as error:
            self._fail(error.cause, str(error))
            return
        happenings += self.mailbox.poll(now_us)
        if happenings:
            self._tell(happenings)
        self._ended_us = now_us
        if self.mailbox.connected:
            self.go_on()
        else:
            self._retry()

    def _on_answer(self, hello: int, got: OutImage | list[int], now_us: int) -> list[Happening]:
        try:
            image = decode_out(got, self._order) if isinstance(got, list) else got
        except TornError as error:
            self._torn += 1
            if self._torn >= TORN_READS_MAX:
                raise PlcError(Cause.PROTOCOL, f"{self._torn} torn images in a row: {error}") from error
            self.cable.news = True
            return []
        except VersionError as error:
            raise PlcError(Cause.VERSION, str(error)) from error
        except ImageError as error:
            raise PlcError(Cause.PROTOCOL, str(error)) from error
        self._torn = 0
        self.last_good_us = now_us
        happenings = self.mailbox.on_image(now_us, hello, image)
        self.cable.plc.witness.heard(self.mailbox.plc, hello, image, happenings)
        return happenings

    def _tell(self, happenings: list[Happening]) -> None:
        for happening in happenings:
            if type(happening) is LinkUp and self._up_since_us < 0:
                self._up_since_us = self._clock.now_us
            elif type(happening) is Events:
                self._owner.point("event polled")
        self._owner.happened(self.mailbox.plc, happenings)

    # --- when to exchange again ------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Plan the next exchange: at once, at the next poll, at the next heartbeat, or when somebody has news."""
        mailbox = self.mailbox
        if self._flight is not None or not mailbox.connected:
            return
        now_us = self._clock.now_us
        due_us = mailbox.write_due_us(now_us)
        if due_us == 0:
            self._plan(0, self._send)
        elif self.cable.news or due_us is None:
            self._plan(POLL_GAP_US - (now_us - self._ended_us) % POLL_GAP_US, self._send)
        elif self._may_be_quiet():
            self.quiet = self.cable.plc.quiet = True
            self._plan(QUIET_US, self._send)
        else:
            self._plan(due_us if not mailbox.up else max(due_us, BEAT_US), self._send)

    def _may_be_quiet(self) -> bool:
        mailbox, plc = self.mailbox, self.cable.plc
        return (
            self._owner.sound
            and self.cable.rates.sound
            and plc.sound
            and mailbox.up
            and not mailbox.infeed_held
            and mailbox.peer is not None
            and mailbox.peer.nonce == plc.nonce
            and mailbox.peer.epoch == mailbox.epoch == plc.epoch
            and not mailbox.waiting
            and plc.follows(self._hello)
        )

    def look(self) -> None:
        """The PLC has news: it is found by the next poll. Called from inside the plant, so this only plans."""
        if self._flight is None and self.mailbox.connected and self._planned_us > self._clock.now_us + POLL_GAP_US:
            self.go_on()

    def wake(self) -> None:
        """We have news for the PLC: exchange at once."""
        if self._flight is None and self.mailbox.connected and self._planned_us > self._clock.now_us and self.mailbox.dirty:
            self._plan(0, self._send)

    def _end_quiet(self) -> None:
        """The exchanges that were left out have moved both heartbeats; the last one less than a tenth of a second ago."""
        if self.quiet:
            self.quiet = False
            now_us = self._clock.now_us
            self.mailbox._beat_us = max(self.mailbox._beat_us, now_us - now_us % HEARTBEAT_STEP_US)
            self.cable.plc.heard()
            self.cable.tick()
            self.cable.keep_ticking()

    def flush(self) -> None:
        """End a quiet time: what has not been played out happens now, in an instant."""
        if self.quiet:
            self._owner.call(self._flush, None)

    def _flush(self, _: None) -> None:
        now_us = self._clock.now_us
        self._end_quiet()
        shown = self.cable.exchange(self._in_image(now_us))
        self._exchanged(self._hello, self.cable.read() if shown is None else shown, now_us)
        # Whatever is about to happen must not find the link quiet again.
        self._end_quiet()
        if self._flight is None and self.mailbox.connected:
            due_us = self.mailbox.write_due_us(now_us)
            self._plan(due_us if due_us is not None else POLL_GAP_US, self._send)

"""The parts of a sorter: a lane with what lies in it, its sensors and what can be wrong with them; a document on the belt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from packcenter.core import hall
from packcenter.core.words import Disposition, PlaceState
from simulation.luck import Fate
from simulation.truth import Document, Truth, Why

NEVER: Final = 1 << 62
MINUTE_US: Final = 60_000_000
SOUND: Final = ""
STUCK_HOME: Final = "home"
STUCK_OUT: Final = "out"


class Lane:
    """
    A lane of a sorter, first in, first out. A bagger takes from it with `take`, or waits with `waiter`.

    What can be wrong with it: `full_stuck` is what its lane-full sensor shows whatever is so, None a sound one; a dark eye
    (`eye_dark`) sees nothing enter, a blocked one a jam; its `diverter` may be STUCK_HOME or STUCK_OUT. `tampered` says
    which act left it so that what lies in it need not be what packcenter thinks; that is over when the lane is empty.
    """

    __slots__ = (
        "capacity",
        "closed",
        "diverter",
        "eye_blocked",
        "eye_dark",
        "fifo",
        "full",
        "full_stuck",
        "is_outlet",
        "jammed",
        "number",
        "on_drained",
        "rate",
        "recent",
        "reopen_at",
        "state",
        "tampered",
        "travel_us",
        "waiter",
    )

    def __init__(self, number: int, travel_us: int, capacity: int) -> None:
        self.number = number
        self.travel_us = travel_us
        self.capacity = capacity
        self.reopen_at = max(capacity - 2, capacity // 2)  # a full lane opens again a little below, or it would flutter
        self.fifo: deque[Document] = deque()
        self.state = PlaceState.OPEN
        self.full = False
        self.closed = False
        self.jammed = False
        self.full_stuck: bool | None = None
        self.eye_dark = False
        self.eye_blocked = False
        self.diverter = SOUND
        self.tampered = ""
        self.rate = 0
        self.recent: deque[int] = deque()
        self.is_outlet = False
        self.on_drained: Callable[[Lane], None] | None = None
        self.waiter: Callable[[], None] | None = None

    @classmethod
    def of(cls, lane: hall.Lane, belt_mm_per_s: int) -> Lane:
        """The lane that the configuration describes."""
        made = cls(lane.number, lane.distance_mm * 1_000_000 // belt_mm_per_s, lane.capacity_items)
        made.rate = lane.rate_per_minute
        return made

    def has_rate(self, now_us: int) -> bool:
        """Whether it may take one document more in this minute; if so, it is counted."""
        while self.recent and self.recent[0] <= now_us - MINUTE_US:
            self.recent.popleft()
        if self.rate and len(self.recent) >= self.rate:
            return False
        self.recent.append(now_us)
        return True

    @classmethod
    def outlet(cls, number: int, capacity: int) -> Lane:
        """The row in which a case rack lays documents out; no sorter fills it."""
        lane = cls(number, 0, capacity)
        lane.is_outlet = True
        return lane

    def tamper(self, truth: Truth, act: str, at_us: int) -> None:
        """What lies in it, and what comes before it is empty, need not be what packcenter thinks."""
        self.tampered = act
        for document in self.fifo:
            truth.touch(document, Why.NEAR, act, at_us)

    def holds_unheard(self, truth: Truth) -> bool:
        """Whether something lies in it of which packcenter may not have heard that it came."""
        return any(touch.why is Why.UNHEARD for document in self.fifo for touch in truth.touches(document))

    def take(self) -> Document:
        """The document that has been here longest leaves the lane."""
        return self.take_at(0)

    def take_at(self, at: int) -> Document:
        """The document at this place of the row leaves the lane: the bagger takes the first, a person any."""
        document = self.fifo[at]
        del self.fifo[at]
        if not self.fifo:
            self.tampered = ""
        if self.full and len(self.fifo) <= self.reopen_at:
            self.full = False
            if self.on_drained:
                self.on_drained(self)
        return document

    def present_state(self) -> PlaceState:
        """What `state` should be by what is so."""
        if self.jammed:
            return PlaceState.JAMMED
        if self.closed:
            return PlaceState.CLOSED
        full = self.full if self.full_stuck is None else self.full_stuck
        return PlaceState.FULL if full else PlaceState.OPEN

    def put_at(self, at: int, document: Document) -> None:
        """A person puts a document into the row."""
        self.fifo.insert(at, document)
        if len(self.fifo) >= self.capacity and not self.full:
            self.full = True
            if self.on_drained:
                self.on_drained(self)
        if self.waiter is not None:
            waiter, self.waiter = self.waiter, None
            waiter()


class Rider:
    """
    A document on the belt. `mark_us` is the belt time at which it passed the scanner; track 0: nobody follows it.

    `hollow`: the document is not there any more, or never was; `stop` is the lane at whose diverter it is next looked at.
    """

    __slots__ = (
        "asked",
        "document",
        "due_us",
        "fallback",
        "fate",
        "gone",
        "hollow",
        "lane",
        "mark_us",
        "scanned_us",
        "stop",
        "track",
        "why",
    )

    def __init__(self, document: Document, track: int, mark_us: int, scanned_us: int, fate: Fate) -> None:
        self.document = document
        self.track = track
        self.mark_us = mark_us
        self.scanned_us = scanned_us
        self.fate = fate
        self.asked = 0
        self.lane = 0
        self.fallback = 0
        self.why = Disposition.NO_ANSWER
        self.due_us = NEVER
        self.gone = False
        self.hollow = False
        self.stop: Lane | None = None

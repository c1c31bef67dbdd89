"""The two images, as far as a bare loop uses them: events and commands in four slots each, an acknowledgement."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence

OUT_WORDS = 125
IN_WORDS = 114
IN_ADDRESS = 200
SLOTS = 4
SCANNED = 1
DIVERTED = 2
DIVERT = 1
_EVENT_WORDS = 27
_COMMAND_WORDS = 26
_FIRST_EVENT = 16
_FIRST_COMMAND = 10
_CODE = struct.Struct(">16H")


class BarePlc:
    """A ring of events of which the oldest four show, and a count of commands. `changed` is called when `out` is new."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.out = [0] * OUT_WORDS
        self.decided: Callable[[int, int], None] = lambda track, lane: None
        self._changed = changed
        self._ring: deque[list[int]] = deque()
        self._made = 0
        self._taken = 0

    def scan(self, track: int, code: str) -> None:
        self._report(SCANNED, track, 1, code)

    def ring_used(self) -> int:
        return len(self._ring)

    def _report(self, kind: int, track: int, a: int, code: str) -> None:
        self._made += 1
        text = _CODE.unpack(code.encode().ljust(32, b"\0"))
        event = [
            self._made >> 16,
            self._made & 0xFFFF,
            kind,
            track >> 16,
            track & 0xFFFF,
            a,
            0,
            0,
            0,
            *text,
            0,
            self._made & 0xFFFF,
        ]
        self._ring.append(event)
        if len(self._ring) <= SLOTS:
            self._show()

    def _show(self) -> None:
        shown = [word for at in range(min(SLOTS, len(self._ring))) for word in self._ring[at]]
        self.out[_FIRST_EVENT : _FIRST_EVENT + SLOTS * _EVENT_WORDS] = shown + [0] * (SLOTS * _EVENT_WORDS - len(shown))
        self._changed()

    def receive(self, words: Sequence[int]) -> None:
        """Forget what is acknowledged, take the commands that are new, confirm each at once."""
        acknowledged = words[6] << 16 | words[7]
        forgotten = 0
        while self._ring and (self._ring[0][0] << 16 | self._ring[0][1]) <= acknowledged:
            self._ring.popleft()
            forgotten += 1
        for at in range(_FIRST_COMMAND, IN_WORDS, _COMMAND_WORDS):
            number = words[at] << 16 | words[at + 1]
            if number == self._taken + 1:
                self._taken = number
                track, lane = words[at + 3] << 16 | words[at + 4], words[at + 5]
                self.decided(track, lane)
                self._report(DIVERTED, track, lane, "")
        if forgotten:
            self._show()


class BareController:
    """Answers each scan by what a dict says. `news` tells whether the last image held an event that was not answered yet."""

    def __init__(self, lane_of: Mapping[bytes, int]) -> None:
        self.words = [0] * IN_WORDS
        self.news = False
        self._lane_of = lane_of
        self._seen = 0
        self._asked = 0

    def take(self, out: Sequence[int]) -> None:
        """Read the PLC's image and make the answer to it in `words`."""
        commands: list[int] = []
        before = self._seen
        for at in range(_FIRST_EVENT, _FIRST_EVENT + SLOTS * _EVENT_WORDS, _EVENT_WORDS):
            number = out[at] << 16 | out[at + 1]
            if number <= self._seen:
                continue
            self._seen = number
            if out[at + 2] == SCANNED:
                self._asked += 1
                lane = self._lane_of[_CODE.pack(*out[at + 9 : at + 25]).rstrip(b"\0")]
                commands += [self._asked >> 16, self._asked & 0xFFFF, DIVERT, out[at + 3], out[at + 4], lane, *[0] * 20]
        self.news = self._seen != before
        if self.news:
            self.words[6:8] = [self._seen >> 16, self._seen & 0xFFFF]
            self.words[_FIRST_COMMAND:] = commands + [0] * (IN_WORDS - _FIRST_COMMAND - len(commands))

"""
The way round of a sorter that is a loop: from the belt's end back to the scanner, where what went round comes in first.

It moves with the belt. `merge` is where documents wait for a gap between those that are let in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from packcenter.core import hall
from simulation.clock import PLANT, SimClock
from simulation.truth import Document


class Loop:
    """The way round of one sorter; `way_us` is belt time, 0 where there is none. `on_back` is called when something is back."""

    __slots__ = ("_belt_now_us", "_clock", "_on_back", "_on_way", "closed", "merge", "way_us")

    def __init__(self, sorter: hall.Sorter, clock: SimClock, belt_now_us: Callable[[], int], on_back: Callable[[], None]) -> None:
        self.way_us = sorter.round_mm * 1_000_000 // sorter.belt_mm_per_s if sorter.laps_max else 0
        self.closed = False
        """Whether new documents are kept out."""
        self.merge: deque[Document] = deque()
        self._on_way: deque[tuple[int, Document]] = deque()
        self._clock = clock
        self._belt_now_us = belt_now_us
        self._on_back = on_back

    def __len__(self) -> int:
        return len(self.merge) + len(self._on_way)

    def contents(self) -> Iterator[Document]:
        """Everything on the way round."""
        yield from self.merge
        yield from (document for _, document in self._on_way)

    def take(self, document: Document) -> None:
        """A document passed the belt's end."""
        self._on_way.append((self._belt_now_us() + self.way_us, document))
        if len(self._on_way) == 1:
            self.watch()

    def watch(self) -> None:
        """The belt runs: come back when the first document should be at the scanner."""
        if self._on_way:
            self._clock.at(max(0, self._on_way[0][0] - self._belt_now_us()), PLANT, self._arrived, None)

    def _arrived(self, _: None) -> None:
        now_us, before = self._belt_now_us(), len(self._on_way)
        while self._on_way and self._on_way[0][0] <= now_us:
            self.merge.append(self._on_way.popleft()[1])
        if len(self._on_way) < before:
            self.watch()
            self._on_back()

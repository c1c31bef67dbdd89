"""
The sort plan's rules as boxes: which rule can never decide, which two contradict, and what no rule decides.

An item is a point in four dimensions: mail class, agency, destination, service. A rule is a *box*, one set of
names per dimension, the whole dimension where its list is empty. Sets are bit masks, so that taking one box out
of another is a few integer operations and leaves at most four boxes.

    reach(R)      the box of R without the boxes of all rules before it: the items that R decides.
    dead          reach(R) is empty. R can never decide anything.
    contradiction two rules A before B with different groups, neither box a strict subset of the other, whose
                  common part is not wholly decided by rules before A. Which of them was meant is a matter of
                  order that nobody stated; a rule before both, for the common part, states it.
    gap           the whole space without the boxes of all rules is not empty.

A narrow rule before a wide one is therefore always right, and two rules for the same group may overlap freely.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from packcenter.config.models import Rule

WORK_MAX = 300_000  # box operations, about a second; a plan of 500 ordinary rules needs a tenth of it

DIMENSIONS = ("mail class", "agency", "destination", "service")


class Box(NamedTuple):
    """One set of values in each dimension, bit n for the n-th name."""

    classes: int
    agencies: int
    destinations: int
    services: int

    def __and__(self, other: Box) -> Box | None:
        common = Box(*(mine & theirs for mine, theirs in zip(self, other, strict=True)))
        return common if all(common) else None

    def within(self, other: Box) -> bool:
        """Whether every item of this box is in the other."""
        return all(mine & ~theirs == 0 for mine, theirs in zip(self, other, strict=True))


class TooTangled(Exception):  # noqa: N818  it is a verdict on a plan, not an error of ours
    """The rules overlap so much that telling them apart would take too long."""


@dataclass(frozen=True)
class Space:
    """All names of the four dimensions, in order."""

    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]

    def whole(self) -> Box:
        """The box of every item."""
        return Box(*((1 << len(names)) - 1 for names in self.names))

    def box(self, rule: Rule) -> Box | None:
        """The rule's box; None if it has a name that is not known (which is a finding of its own)."""
        lists: tuple[Sequence[str], ...] = (rule.mail_classes, rule.agencies, rule.destinations, rule.services)
        masks = [mask for at, wanted in enumerate(lists) if (mask := self._mask(at, wanted)) is not None]
        return Box(*masks) if len(masks) == len(lists) else None

    def _mask(self, at: int, wanted: Sequence[str]) -> int | None:
        index = {name: bit for bit, name in enumerate(self.names[at])}
        if not wanted:
            return (1 << len(index)) - 1
        if any(name not in index for name in wanted):
            return None
        return sum(1 << index[name] for name in set(wanted))

    def example(self, box: Box) -> str:
        """One item of the box in words, the first by the order of names."""
        parts = (names[(mask & -mask).bit_length() - 1] for names, mask in zip(self.names, box, strict=True))
        return ", ".join(f"{dimension} {name}" for dimension, name in zip(DIMENSIONS, parts, strict=True))

    def members(self, box: Box, dimension: int) -> list[str]:
        """The names that a box has in one dimension."""
        return [name for bit, name in enumerate(self.names[dimension]) if box[dimension] >> bit & 1]


class Work:
    """Counts box operations and raises `TooTangled` above the limit."""

    def __init__(self, limit: int = WORK_MAX) -> None:
        self._left = limit

    def spend(self, operations: int) -> None:
        self._left -= operations
        if self._left < 0:
            raise TooTangled


def without(box: Box, taken: Iterable[Box], work: Work) -> list[Box]:
    """What is left of a box when others are taken out of it: disjoint boxes."""
    left = [box]
    for other in taken:
        if not left:
            break
        work.spend(len(left))
        left = [piece for part in left for piece in _minus(part, other)]
    return left


def _minus(box: Box, other: Box) -> Iterator[Box]:
    common = box & other
    if common is None:
        yield box
        return
    rest = list(box)
    for at in range(4):
        outside = rest[at] & ~common[at]
        if outside:
            yield Box._make([*rest[:at], outside, *rest[at + 1 :]])
        rest[at] = common[at]


def contradictions(boxes: Sequence[Box], groups: Sequence[str], work: Work) -> Iterator[tuple[int, int, Box]]:
    """Pairs of rules (earlier, later) that contradict each other as defined above, with a box of items in question."""
    for later, box in enumerate(boxes):
        for earlier in range(later):
            work.spend(1)
            other = boxes[earlier]
            common = box & other
            if common is None or groups[earlier] == groups[later] or box.within(other) or other.within(box):
                continue
            in_question = without(common, boxes[:earlier], work)
            if in_question:
                yield earlier, later, in_question[0]

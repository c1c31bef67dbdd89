"""The arithmetic of the sort plan's rules, compared with looking at every single item."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcenter.config.models import Rule
from packcenter.config.rules import Box, Space, TooTangled, Work, contradictions, without

SPACE = Space((("k1", "k2", "k3"), ("a1", "a2"), ("d1", "d2", "d3"), ("s1", "s2")))
Item = tuple[int, int, int, int]
ITEMS: list[Item] = [(a, b, c, d) for a, b, c, d in product(range(3), range(2), range(3), range(2))]

_MASKS = st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(1, 7), st.integers(1, 3))
_BOXES = st.lists(_MASKS.map(lambda masks: Box(*masks)), max_size=7)


def holds(box: Box, item: Item) -> bool:
    return all(mask >> value & 1 for mask, value in zip(box, item, strict=True))


def items(boxes: list[Box]) -> list[Item]:
    """The items of some boxes, each as often as a box has it."""
    return sorted(item for box in boxes for item in ITEMS if holds(box, item))


@settings(max_examples=120)
@given(_MASKS, _BOXES)
def test_taking_boxes_out_leaves_the_other_items_once(masks: Item, taken: list[Box]) -> None:
    """What is left are exactly the items that no other box has, in disjoint boxes."""
    box = Box(*masks)
    expected = [item for item in ITEMS if holds(box, item) and not any(holds(other, item) for other in taken)]
    assert items(without(box, taken, Work())) == sorted(expected)


@settings(max_examples=120)
@given(_BOXES, st.data())
def test_contradictions_are_what_the_definition_says(boxes: list[Box], data: st.DataObject) -> None:
    """Different groups, neither a subset of the other, and a common item that no rule before both takes."""
    groups = data.draw(st.lists(st.sampled_from(["g", "h"]), min_size=len(boxes), max_size=len(boxes)))
    sets = [{item for item in ITEMS if holds(box, item)} for box in boxes]
    expected = []
    for later in range(len(boxes)):
        for earlier in range(later):
            before: set[Item] = set().union(*sets[:earlier])
            common = (sets[earlier] & sets[later]) - before
            nested = sets[earlier] <= sets[later] or sets[later] <= sets[earlier]
            if groups[earlier] != groups[later] and not nested and common:
                expected.append((earlier, later))
    found = list(contradictions(boxes, groups, Work()))
    assert [(earlier, later) for earlier, later, _ in found] == expected
    for earlier, later, box in found:
        assert set(items([box])) <= (sets[earlier] & sets[later]) - set().union(*sets[:earlier])


def test_an_empty_list_holds_all() -> None:
    """A rule without conditions is the whole space, one with an unknown name is no box."""
    assert SPACE.box(Rule(name="r", group="g")) == SPACE.whole()
    assert SPACE.box(Rule(name="r", group="g", destinations=["d2", "d3", "d2"])) == Box(7, 3, 6, 3)
    assert SPACE.box(Rule(name="r", group="g", agencies=["a1", "nobody"])) is None


def test_an_example_is_the_first_item() -> None:
    """The example names one value of each dimension, so that people can look it up."""
    assert SPACE.example(Box(6, 2, 4, 1)) == "mail class k2, agency a2, destination d3, service s1"


def test_work_has_an_end() -> None:
    """A plan that crosses itself everywhere is given up, not waited for."""
    dimension = 100
    boxes = [Box(1 << at | 1 << at + 1, 1 << at % 7 | 1, 3 << at, 1) for at in range(dimension)]
    with pytest.raises(TooTangled):
        without(Box((1 << dimension) - 1, 127, (1 << dimension) - 1, 1), boxes, Work(1000))

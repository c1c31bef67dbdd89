"""Who has an item: the moves that several rules share, provisional identities, and the books that must balance."""

from __future__ import annotations

from collections import Counter

import msgspec

from packcenter.core.alarm_facts import AnswerMissed
from packcenter.core.facts import CommandAnswered, ItemFound, ItemLost, Moved, ObjectSeen, SentToHand, Suspected
from packcenter.core.lifecycle import IN_HALL, kind_of
from packcenter.core.state import Item, State
from packcenter.core.turn import Turn
from packcenter.core.words import MASKED


def move(turn: Turn, item: Item, target: str) -> None:
    """Custody of the item passes to `target`; a lost one is found there first. One that leaves a belt needs no decision."""
    if item.place == "lost":
        turn.emit(ItemFound(item.id, target))
    if item.plc:
        answer_divert(turn, item)
    turn.emit(Moved(item.id, item.place, target))


def answer_divert(turn: Turn, item: Item) -> None:
    """The decision on an item that is on a belt is over, whatever became of it."""
    if item.command in turn.plc(item.plc).pending:
        turn.emit(CommandAnswered(item.plc, item.command, 0))


def miss_answer(turn: Turn, plc: str, item: Item, number: int) -> None:
    """
    A machine was told by command `number` where the item goes, and says that it was not: if that comes again and again, people
    are called. What it was told before its link came up may have come too late, and does not count.

    Where no alarms are raised (journals of release 0.1.0) it is not said.
    """
    if turn.state.alarm_table and number > turn.plc(plc).told_from:
        turn.emit(AnswerMissed(plc, item.id))


def to_hand(turn: Turn, item: Item, reason: str) -> None:
    """The item is at the hand station now, for this reason."""
    turn.emit(SentToHand(item.id, reason))
    move(turn, item, "hand")


def lose(turn: Turn, item: Item, reason: str) -> None:
    """Nobody sees the item any more: an open discrepancy."""
    turn.emit(ItemLost(item.id, item.place, reason))
    turn.emit(Moved(item.id, item.place, "lost"))


def suspect(turn: Turn, item: Item, reason: str) -> None:
    """The item must not be packed or bagged automatically; the first reason stands."""
    if not item.suspect:
        turn.emit(Suspected(item.id, reason))


def pass_over(turn: Turn, plc: str, infeed: int, seen: Item) -> None:
    """Lanes are first in, first out: what stood before the document that came from an infeed is not in the lane any more."""
    for lane, number in turn.index.infeeds[plc]:
        held = turn.state.lanes[lane].items
        if number == infeed and seen.id in held and lane not in turn.index.rack_outlets:
            for name in held[: held.index(seen.id)]:
                lose(turn, turn.item(name), "passed_over")


def parcel(state: State, lead: Item) -> list[Item]:
    """The documents of a sealed parcel, first the one whose waybill it bears."""
    if not lead.riders:
        return [lead]
    riders = (state.items[name] for name in lead.riders)
    return [lead, *(rider for rider in riders if rider.lead == lead.id and rider.place == lead.place)]


_NUMBERED = ("no_read", "multiple_codes", "unknown", "duplicate", "ghost")
"""Reasons of `ObjectSeen`, with which numbered identities begin."""


def provisional(turn: Turn, reason: str, code: str = "") -> Item:
    """
    A new identity for an object that no manifest line stands for (A4, A7); `reason` as in `ObjectSeen`.

    A readable stranger is called by its code, so that it is known again when it comes back from the hand station.
    The others are numbered, and so is a stranger whose code looks like such a number: anything can be printed.
    """
    name = f"?{code}"
    if reason != "unknown" or code == MASKED or code.partition(":")[0] in _NUMBERED or name in turn.state.items:
        name = f"?{reason}:{turn.state.provisional + 1:06d}"
    turn.emit(ObjectSeen(name, reason, code))
    return turn.item(name)


class Account(msgspec.Struct, frozen=True):
    """
    The books of one mail class and agency ("" and "" for objects that were not announced).

    expected + unexpected = to_come + in_hall + hand + lost + dispatched + returned + remade, or `difference` is not 0.
    `returned` went back to their agencies, `remade` are void because they are made anew.
    """

    mail_class: str
    agency: str
    expected: int
    unexpected: int
    to_come: int
    in_hall: dict[str, int]
    hand: dict[str, int]
    lost: int
    dispatched: int
    returned: int
    remade: int

    @property
    def difference(self) -> int:
        """Items that the books cannot place; 0 when they balance (A2)."""
        gone = self.dispatched + self.returned + self.remade
        placed = self.to_come + sum(self.in_hall.values()) + sum(self.hand.values()) + self.lost + gone
        return self.expected + self.unexpected - placed


def books(state: State) -> list[Account]:
    """
    Balance every mail class and agency, in the order of their names, unannounced objects last.

    The left side is counted from what came (`agency` and `outside` balances), the right side from where each item is.
    """
    placed: dict[tuple[str, str], Counter[str]] = {}
    hands: dict[tuple[str, str], Counter[str]] = {}
    came: dict[tuple[str, str], Counter[str]] = {}
    for item in state.items.values():
        key = (item.mail_class, item.agency)
        came.setdefault(key, Counter())["expected" if item.announced else "unexpected"] += item.place != "outside"
        kind = kind_of(item.place)
        placed.setdefault(key, Counter())[kind] += 1
        if kind == "hand":
            hands.setdefault(key, Counter())[item.hand or "unstated"] += 1
    return [
        _account(key, came[key], placed[key], hands.get(key, Counter()))
        for key in sorted(placed, key=lambda key: (key == ("", ""), key))
    ]


def _account(key: tuple[str, str], came: Counter[str], placed: Counter[str], hand: Counter[str]) -> Account:
    return Account(
        mail_class=key[0],
        agency=key[1],
        expected=came["expected"],
        unexpected=came["unexpected"],
        to_come=placed["expected"],
        in_hall={kind: placed[kind] for kind in IN_HALL},
        hand=dict(sorted(hand.items())),
        lost=placed["lost"],
        dispatched=placed["dispatched"],
        returned=placed["returned"],
        remade=placed["remade"],
    )


def balance_errors(state: State) -> list[str]:
    """
    Every way in which the double-entry balances and the items disagree; empty when the books balance (A1, A2, A3).

    All balances sum to zero, each place's balance is the number of items there, and sources are as negative as items came.
    """
    counted = Counter(item.place for item in state.items.values())
    announced = sum(item.announced for item in state.items.values())
    came = len(state.items) - counted["outside"]
    expected = dict(counted)
    expected["agency"] = -announced
    expected["outside"] = -(came - announced)
    errors = [
        f"{place}: balance {state.balances.get(place, 0)}, items counted {expected.get(place, 0)}"
        for place in sorted(expected.keys() | state.balances.keys())
        if state.balances.get(place, 0) != expected.get(place, 0)
    ]
    total = sum(state.balances.values())
    if total:
        errors.append(f"all balances sum to {total}, expected 0")
    return errors

"""
Tags of bags by UPU S9 (D5).

    D5  the tag of a bag whose destination has an office is that of S9: from here to there, of this year, the next of its series;
        the rack prints what the bag is when it is asked to close it: whether it is the last, what is in it, how heavy it is
"""

from __future__ import annotations

from typing import Final

from simulation.judge.grammar import Said
from simulation.judge.ledger import Bag, Bench, Court

_NAME: Final = 23
_SERIES: Final = 16
_REGISTERED: Final = ("registered", "receipt-requested")


def is_name(tag: str) -> bool:
    """Whether a bag's name is the beginning of an S9 tag; tags of the centre have hyphens."""
    return len(tag) == _NAME and "-" not in tag


def opened(court: Court, bench: Bench, bag: Bag) -> None:
    """A bag's name is the next of its series, or a tag of the centre where there is none, or none left."""
    assert court.hall is not None
    series = court.hall.series_of(bag.destination, bench.at_us)
    despatch, receptacle, ended = court.despatches.get(series, (0, 0, True))
    despatch, receptacle = (despatch + 1, 1) if ended else (despatch, receptacle + 1)
    if not series or despatch > 9999:
        if is_name(bag.tag):
            court.blame("D5", f"bag {bag.tag} for {bag.destination} bears a tag of S9, and none is to be had")
        return
    if bag.tag != f"{series}{despatch:04d}{receptacle:03d}":
        court.blame("D5", f"bag {bag.tag} is opened, the next of its series is {series}{despatch:04d}{receptacle:03d}")
    court.despatches[series] = despatch, receptacle, False


def made(court: Court, bench: Bench, fact: Said) -> None:
    """The whole tag says what the bag is."""
    _, name, position, tag = fact
    bag = court.open_bags.get(position)
    if bag is None or bag.tag != name or tag[:_NAME] != name or not is_name(name) or not name[_SERIES:].isdigit():
        court.blame("D5", f"tag {tag} is made for bag {name} at position {position}, which does not hang there, or is another")
        return
    asked = [each[3] for each in bench.said.get("BagCloseAsked", ()) if each[1] == name]
    numbers = (int(name[_SERIES:20]), int(name[20:]))
    highest = court.despatches.get(name[:_SERIES], (0, 0, False))[:2] == numbers
    last = highest and (asked[-1:] == ["cut_off"] or numbers[1] == 999 or bag.printed[_NAME:].startswith("1"))
    registered = any(item.line is not None and item.line[5] in _REGISTERED for item in bag.items)
    hundreds = min(9999, -(-sum(item.grams for item in bag.items) // 100))
    if not asked or tag[_NAME:] != f"{last:d}{registered:d}{hundreds:04d}":
        court.blame("D5", f"tag {tag} of {name} ends otherwise than {last:d}{registered:d}{hundreds:04d}")
    bag.printed = tag
    if last:
        court.despatches[name[:_SERIES]] = (*numbers, True)

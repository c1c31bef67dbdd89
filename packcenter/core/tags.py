"""
Tags of mail bags 总包条码 by UPU S9: 29 characters that say where a receptacle comes from, where it goes, and which one it is.

    1-6    origin, an office of exchange           17-20  despatch, from 0001 in each year
    7-12   destination, such an office             21-23  receptacle of the despatch, from 001
    13     category (A air, B S.A.L., C surface,   24     1: the last receptacle of its despatch
           D priority by surface)                  25     1: registered items are in it
    14-15  subclass (letters, parcels, EMS, ...)   26-29  weight in hundreds of grams
    16     last digit of the local year

The layout is that of UPU S9-9 and S8 (positions 1 to 20 are the despatch) as `standards.md` 5.2 has it: from an open parser and
the standard's title, meanings of codes from memory; so category and subclass are data of the site, which we do not interpret.

When a bag is opened for a destination with an office, the first 23 characters are fixed: they are the bag's name, and never come
again. When it is asked to close, the rest is known, and the rack is told all 29, which it prints (`TagMade`). Despatches are cut
by the plan's cut-offs: the highest-numbered bag of a despatch, if it closes at one, is its last, and the next bag begins another;
a despatch whose highest bag has left before goes on. If the rack refuses and is asked again, the tag is made anew, with the
weight that the bag has then.
"""

from __future__ import annotations

from packcenter.core.records import Bag, State
from packcenter.core.tag_facts import NAME_CHARACTERS, TagMade, is_name
from packcenter.core.turn import Turn
from packcenter.core.words import Service

_DESPATCH_MAX = 9_999
_RECEPTACLE_MAX = 999
_GRAMS = 100
_DAY_US = 86_400_000_000
_REGISTERED = (Service.REGISTERED, Service.RECEIPT_REQUESTED)


def name(turn: Turn, destination: str) -> str:
    """The name of the next bag for a destination; "" where there are no such tags, or no numbers are left this year."""
    hall = turn.index.hall
    office = next((part.office for part in hall.plan.destinations if part.name == destination), "")
    if not hall.receptacles or not office:
        return ""
    origin, category, subclass = hall.receptacles
    year = _year(turn.at_us + hall.utc_offset_minutes * 60_000_000) % 10
    series = f"{origin}{office}{category}{subclass}{year}"
    despatch, receptacle, ended = _last(turn.state, series)
    despatch, receptacle = (despatch + 1, 1) if ended else (despatch, receptacle + 1)
    return f"{series}{despatch:04d}{receptacle:03d}" if despatch <= _DESPATCH_MAX else ""


def _last(state: State, series: str) -> tuple[int, int, bool]:
    """Despatch and receptacle of the last bag of a series, and whether it was the last of its despatch."""
    found = state.despatches.get(series)
    return (0, 0, True) if found is None else (found[0], found[1], bool(found[2]))


def make(turn: Turn, bag: Bag, reason: str) -> str:
    """The whole tag with which a bag is to be closed, which is said first; its name if it has no other."""
    if not is_name(bag.tag):
        return bag.tag
    items = [turn.item(each) for each in bag.items]
    highest = turn.state.despatches[bag.tag[:16]][:2] == [int(bag.tag[16:20]), int(bag.tag[20:23])]
    is_last = bag.printed[NAME_CHARACTERS:].startswith("1") or reason == "cut_off" or bag.tag.endswith(f"{_RECEPTACLE_MAX}")
    registered = any(item.service in _REGISTERED for item in items)
    weight = min((bag.grams + _GRAMS - 1) // _GRAMS, 9_999)
    tag = f"{bag.tag}{highest and is_last:d}{registered:d}{weight:04d}"
    if tag != bag.printed:
        turn.emit(TagMade(bag.tag, bag.position, tag))
    return tag


def _year(local_us: int) -> int:
    """The year of a local time in microseconds since 1970 (proleptic Gregorian calendar, in integers)."""
    days = local_us // _DAY_US + 719_468  # since 1 March of year 0
    era, of_era = divmod(days, 146_097)
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    return era * 400 + year_of_era + (of_year >= 306)

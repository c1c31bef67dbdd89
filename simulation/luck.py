"""
Luck: what goes wrong with an item at a station, by rates per million, keyed so that it does not depend on anything else.

At each station an item meets exactly one fate; the rates of a station exclude each other and add up to at most a
million, what is left is the ordinary course. All rates are of physical mishaps: the controller is not told them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from enum import IntEnum
from itertools import accumulate
from typing import Final

import msgspec

from simulation.draws import Keyed

MILLION: Final = 1_000_000


class Stage(IntEnum):
    """Where luck is drawn; each stage's draws are independent of every other's."""

    INDUCTION = 1  # jitter of the gap behind the item
    SCANNER = 2
    BELT = 3
    MISREAD = 4  # which character is read wrong
    FEED_TIME = 5
    FEEDER = 6
    POUCH = 7
    SCALE = 8
    RACK_READER = 9
    FEEDER_MISREAD = 10
    WHOSE_CODE = 11  # which other document's code is read at the scanner
    WHOSE_LABEL = 12  # which other parcel's label is printed
    BACK_READ = 13  # which of two labels on a pouch is read back
    RACK_READ = 14  # and which at the rack
    WHOSE_CODE_FED = 15  # which other document's code is read at the feeder
    CLOSER = 16  # a bag is being closed
    BACK_MISREAD = 17
    CELL_READER = 18
    CELL_MISREAD = 19
    WHOSE_CODE_STORED = 20  # which other document's code is read at the case rack
    STORE_TIME = 21
    HANDLER = 22
    WHICH_CELL = 23  # which other cell of the case rack a document is put into
    RELEASE = 24


class Fate(IntEnum):
    """What happens to an item at a station."""

    NONE = 0
    NO_READ = 1  # scanner, feeder, rack: no identifier found
    MULTIPLE = 2  # scanner, feeder: more than one identifier in the picture
    READ_ERROR = 3  # scanner: found, but cannot be decoded
    MISREAD = 4  # scanner, feeder: read, one character wrong
    FALLS = 5  # belt: falls off and is seen by nobody
    GHOST = 6  # belt: something unannounced lies on the belt behind it
    JAMS = 7  # belt: sticks at its diverter
    WRONG_LANE = 8  # belt: its diverter acts too late, it enters the lane after
    DOUBLE_FEED = 9  # feeder: the document behind is pulled along
    LABEL_UNREADABLE = 10  # pouch
    LABEL_WRONG = 11  # pouch: the label of the parcel before is printed again
    WRONG_INSERT = 12  # pouch: a leaflet too many, the weight is off
    OTHER_CODE = 13  # scanner, feeder: the code of a document that is elsewhere is read
    NEIGHBOUR_CODE = 14  # scanner, feeder: the code of the document behind is read
    LABEL_NONE = 15  # pouch: the printer prints nothing
    LABEL_TWICE = 16  # pouch: the label is printed twice, the second one sticks to the pouch behind, beside its own
    LABEL_LATE = 17  # pouch: the label comes when the pouch behind is there, instead of its own
    LABEL_OTHER = 18  # pouch: the label of some other parcel is printed
    CITIZENS_NUMBER = 19  # scanner, feeder: what is read is the citizen's identity number on the document (B7)
    ONE_OF_TWO = 20  # scanner, feeder: two identifiers in the picture, and the reader names one of them
    LABEL_MISREAD = 21  # pouch: the right label is printed, and read back with one character wrong
    CLOSE_REFUSED = 22  # closer: a hand is in the way
    SEAL_NONE = 23  # closer: there is no seal on the bag, and the closer says so
    SEAL_TROUBLE = 24  # closer: there is one, and the closer says that something is wrong with it
    SEAL_UNREAD = 25  # closer: there is one, and nobody could read it
    SEAL_AGAIN = 26  # closer: it bears the number of the one before
    OTHER_CELL = 27  # handler of a case rack: the document is put into another cell
    TAKES_TWO = 28  # handler: the document behind sticks to it
    LEAVES_ONE = 29  # release: one document stays in the cell
    LEAVES_ONE_UNSEEN = 30  # release: the same, and the eye counts it all the same


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Mishaps per million items. The defaults are an ordinary day; 0 switches a mishap off.

    Those that are 0 by default break something that only a scenario should break.
    """

    scan_no_read: int = 2_000
    scan_multiple: int = 500
    scan_error: int = 400
    scan_misread: int = 100
    falls: int = 60
    ghost: int = 60
    jams: int = 0
    wrong_lane: int = 0
    feed_no_read: int = 300
    feed_multiple: int = 50
    feed_misread: int = 50
    double_feed: int = 200
    label_unreadable: int = 300
    label_wrong: int = 0
    wrong_insert: int = 100
    rack_no_read: int = 100
    scan_other: int = 0
    scan_neighbour: int = 0
    feed_other: int = 0
    feed_neighbour: int = 0
    label_none: int = 0
    label_twice: int = 0
    label_late: int = 0
    label_other: int = 0
    label_misread: int = 0
    close_refused: int = 0
    seal_none: int = 0
    seal_trouble: int = 0
    seal_unread: int = 0
    seal_again: int = 0
    cell_no_read: int = 300
    cell_misread: int = 50
    cell_other: int = 0
    cell_neighbour: int = 0
    other_cell: int = 0
    takes_two: int = 200
    leaves_one: int = 0
    leaves_one_unseen: int = 0

    def __post_init__(self) -> None:
        wrong = [f"{name} is {rate}" for name, rate in msgspec.structs.asdict(self).items() if not 0 <= rate <= MILLION]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: expected 0 to {MILLION} per million")
        for station, table in _tables(self).items():
            total = sum(rate for rate, _ in table)
            if total > MILLION:
                raise ValueError(f"rates of the {station} add up to {total}, expected at most {MILLION} per million")


_Table = tuple[tuple[int, Fate], ...]


def _tables(rates: Rates) -> dict[str, _Table]:
    return {
        "scanner": (
            (rates.scan_no_read, Fate.NO_READ),
            (rates.scan_multiple, Fate.MULTIPLE),
            (rates.scan_error, Fate.READ_ERROR),
            (rates.scan_misread, Fate.MISREAD),
            (rates.scan_other, Fate.OTHER_CODE),
            (rates.scan_neighbour, Fate.NEIGHBOUR_CODE),
        ),
        "belt": (
            (rates.falls, Fate.FALLS),
            (rates.ghost, Fate.GHOST),
            (rates.jams, Fate.JAMS),
            (rates.wrong_lane, Fate.WRONG_LANE),
        ),
        "feeder": (
            (rates.feed_no_read, Fate.NO_READ),
            (rates.feed_multiple, Fate.MULTIPLE),
            (rates.feed_misread, Fate.MISREAD),
            (rates.double_feed, Fate.DOUBLE_FEED),
            (rates.feed_other, Fate.OTHER_CODE),
            (rates.feed_neighbour, Fate.NEIGHBOUR_CODE),
        ),
        "pouch": (
            (rates.label_unreadable, Fate.LABEL_UNREADABLE),
            (rates.label_wrong, Fate.LABEL_WRONG),
            (rates.wrong_insert, Fate.WRONG_INSERT),
            (rates.label_none, Fate.LABEL_NONE),
            (rates.label_twice, Fate.LABEL_TWICE),
            (rates.label_late, Fate.LABEL_LATE),
            (rates.label_other, Fate.LABEL_OTHER),
            (rates.label_misread, Fate.LABEL_MISREAD),
        ),
        "rack reader": ((rates.rack_no_read, Fate.NO_READ),),
        "bag closer": (
            (rates.close_refused, Fate.CLOSE_REFUSED),
            (rates.seal_none, Fate.SEAL_NONE),
            (rates.seal_trouble, Fate.SEAL_TROUBLE),
            (rates.seal_unread, Fate.SEAL_UNREAD),
            (rates.seal_again, Fate.SEAL_AGAIN),
        ),
        "case rack's reader": (
            (rates.cell_no_read, Fate.NO_READ),
            (rates.cell_misread, Fate.MISREAD),
            (rates.cell_other, Fate.OTHER_CODE),
            (rates.cell_neighbour, Fate.NEIGHBOUR_CODE),
        ),
        "case rack's handler": ((rates.other_cell, Fate.OTHER_CELL), (rates.takes_two, Fate.TAKES_TWO)),
        "release": ((rates.leaves_one, Fate.LEAVES_ONE), (rates.leaves_one_unseen, Fate.LEAVES_ONE_UNSEEN)),
    }


NOTHING_GOES_WRONG: Final = Rates(**dict.fromkeys(Rates.__struct_fields__, 0))


class Luck:
    """
    The luck of one simulated run: `seed` and `rates` say everything that will go wrong, and with which item.

    `at_scanner`, `on_belt`, `at_feeder`, `at_pouch` and `at_rack` give the fate of the item with a key (`draws.key_of`)
    at that station, `at_cell_reader`, `at_handler` and `at_release` at a case rack, `at_closer` that of an attempt to close a
    bag. `below(n, key, stage)` draws what a fate needs besides.
    """

    __slots__ = (
        "at_cell_reader", "at_closer", "at_feeder", "at_handler", "at_pouch", "at_rack", "at_release", "at_scanner", "below",
        "on_belt",
    )  # fmt: skip

    def __init__(self, seed: int, rates: Rates) -> None:
        keyed = Keyed(seed)
        tables = _tables(rates)
        self.below = keyed.below
        self.at_scanner = _fates(tables["scanner"], keyed, Stage.SCANNER)
        self.on_belt = _fates(tables["belt"], keyed, Stage.BELT)
        self.at_feeder = _fates(tables["feeder"], keyed, Stage.FEEDER)
        self.at_pouch = _fates(tables["pouch"], keyed, Stage.POUCH)
        self.at_rack = _fates(tables["rack reader"], keyed, Stage.RACK_READER)
        self.at_closer = _fates(tables["bag closer"], keyed, Stage.CLOSER)
        self.at_cell_reader = _fates(tables["case rack's reader"], keyed, Stage.CELL_READER)
        self.at_handler = _fates(tables["case rack's handler"], keyed, Stage.HANDLER)
        self.at_release = _fates(tables["release"], keyed, Stage.RELEASE)

    def misread(self, code: str, key: int, stage: Stage) -> str:
        """`code` with one character read wrong; never `code` itself."""
        drawn = self.below(len(code) * 9, key, stage)
        at, step = drawn // 9, drawn % 9 + 1
        character = code[at]
        wrong = str((int(character) + step) % 10) if character in "0123456789" else str(step)
        return code[:at] + wrong + code[at + 1 :]


def _fates(table: _Table, keyed: Keyed, stage: Stage) -> Callable[[int], Fate]:
    """
    The fate of an item at a station, as a function of its key.

    Each fate has an interval of the 64-bit draws as wide as its rate, from 0 up; above all of them nothing happens.
    """
    bounds = [(upper << 64) // MILLION for upper in accumulate(rate for rate, _ in table)]
    fates = [fate for _, fate in table]
    top = bounds[-1]
    none = Fate.NONE
    draw = keyed.at_stage(stage)

    def fate_of(key: int) -> Fate:
        drawn = draw(key)
        return none if drawn >= top else fates[bisect_right(bounds, drawn)]

    return fate_of

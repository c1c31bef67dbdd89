"""
People who work at the hand station on a scenario's day: what lies there is looked at, decided on, and goes where it belongs.

    a document that the books have here   -> onto a sorter again, in a new sleeve; back to its agency if that wants it; remade
                                             if it failed too often
    one whose reader failed               -> its code by hand; then as above
    what nobody announced                 -> back to whom it came from
    an open discrepancy                   -> sought for a while, then closed: by two people where it takes two

A person takes what lies there longest, reads its code, and finds it in the books as `packcenter item` shows them.
"""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final

from pydantic import Field

from packcenter.config.fields import Closed
from packcenter.core.facts import ActRefused
from packcenter.core.inputs import Act, DiscrepancyJudged, VerdictPassed
from packcenter.core.lifecycle import FINAL
from packcenter.core.state import Item, State
from packcenter.core.words import Finding, HandVerdict, Role
from simulation.clock import FAULT, SimClock
from simulation.draws import Stream, key_of
from simulation.fast import FastHall
from simulation.plant.hall import Plant
from simulation.truth import Document

_SECOND_US: Final = 1_000_000
_ROUND_US: Final = 600 * _SECOND_US
_SOUGHT_US: Final = 3_600 * _SECOND_US
"""So long what is missing is sought before it is given up: half of the time that an ID document's discrepancy has."""

_TRIES_MAX: Final = 3
"""How often a document goes onto a sorter again before its agency is asked for a new one."""

_SEEKERS: Final = ("hs-8", "hs-9")
"""Two people sign what takes two; neither opened it."""


class HandStationWork(Closed):
    """Who works at the hand station, and how fast."""

    people: Annotated[int, Field(ge=1, le=20)] = Field(description="How many people.")
    seconds_each: Annotated[list[Annotated[int, Field(ge=1, le=3_600)]], Field(min_length=2, max_length=2)] = Field(
        default=[20, 90], description="How long one takes for a document: [fewest, most]."
    )


class HandWork:
    """The people of one day. `done` counts what they did, by the verdict or finding."""

    def __init__(self, work: HandStationWork, hall: FastHall, clock: SimClock, stream: Stream) -> None:
        self.done: Counter[str] = Counter()
        self._work = work
        self._hall = hall
        self._clock = clock
        self._stream = stream
        self._tries: Counter[str] = Counter()
        for person in range(1, work.people + 1):
            self._go_on(f"hs-{person}")
        clock.at(_ROUND_US, FAULT, self._make_round, None)

    # --- documents -----------------------------------------------------------------------------------------------------

    def _go_on(self, person: str) -> None:
        fewest, most = self._work.seconds_each
        self._clock.at((fewest + self._stream.below(most - fewest + 1)) * _SECOND_US, FAULT, self._decide_on_next, person)

    def _decide_on_next(self, person: str) -> None:
        """A person does with the first document that can be decided on what is to be done, and turns to the next."""
        plant, state = self._hall.plant, self._hall.controller.state
        table = plant.hand.table() if all(plc.heard_out for plc in self._hall.plcs.values()) else []
        unread = _riddles(state, plant)[0] if table else []
        for document in table:
            item = in_the_books(state, document, _likeliest(unread, document.code))
            if item is not None and self._decide(person, document, item):
                break
            if item is None and document.code in state.items:  # the books have it elsewhere: its scan tells
                self._lay_onto_sorter(document)
                break
        self._go_on(person)

    def _decide(self, person: str, document: Document, item: Item) -> bool:
        """Whether there was anything to decide, and the hall took it."""
        hand = self._hall.plant.hand
        if not item.announced and document.code in self._hall.controller.state.items:
            return self._pass(person, item, HandVerdict.CODE, document.code)
        if not item.announced or item.withdrawn:
            verdict = HandVerdict.RETURN
        elif self._tries[item.id] >= _TRIES_MAX:
            verdict = HandVerdict.REMAKE
        else:
            verdict = HandVerdict.REINDUCT
        if not self._pass(person, item, verdict):
            return False
        self._tries[item.id] += 1
        if item.place in FINAL:
            hand.hold(document)
            hand.send_off(document, item.place)
        else:
            self._lay_onto_sorter(document)
        return True

    def _lay_onto_sorter(self, document: Document) -> None:
        """In a new sleeve, whose luck is not that of the old one."""
        plant = self._hall.plant
        plant.hand.take_this(document)
        document.key = key_of(f"{document.code}/{self._hall.now_us}")
        plant.lay_onto_sorter(document)

    def _pass(self, person: str, item: Item, verdict: HandVerdict, code: str = "") -> bool:
        return self._ask(VerdictPassed(person, Role.SUPERVISOR, "hand station", item.id, verdict.value, code), verdict.value)

    def _ask(self, act: Act, what: str) -> bool:
        """Whether it was taken."""
        taken = not any(isinstance(fact, ActRefused) for fact in self._hall.feed(act).facts)
        self.done[what] += taken
        return taken

    # --- discrepancies -------------------------------------------------------------------------------------------------

    def _make_round(self, _: None) -> None:
        """
        What exception lanes hold is carried here. Every open discrepancy that was sought long enough gets a finding, or the
        second person's name under it.
        """
        for sorter in self._hall.plant.sorters:
            sorter.carry()
        state = self._hall.controller.state
        for each in list(state.discrepancies.values()):
            if self._hall.now_us - each.opened_us < _SOUGHT_US:
                continue
            item = state.items.get(each.subject)
            lost = item is not None and item.place == "lost"
            finding = Finding(each.finding) if each.finding else Finding.LOST_FOR_GOOD if lost else Finding.EXPLAINED
            seeker = next(name for name in _SEEKERS if name not in (each.signed_by, each.opener))
            self._ask(DiscrepancyJudged(seeker, Role.SUPERVISOR, "sought", each.number, finding.value), finding.value)
        self._clock.at(_ROUND_US, FAULT, self._make_round, None)


def unread_here(state: State, plant: Plant, heard: bool) -> Item | None:
    """
    An object at the hand station of which no reader knew what it is, if any document that lies there unbooked may be it.

    Only where that cannot be mistaken: all PLCs were `heard` out, as many such documents lie there as there are such objects, and
    of none of them was another code read (seed 760075).
    """
    unread, nameless = _riddles(state, plant)
    return unread[0] if heard and unread and nameless == len(unread) and not any(item.code for item in unread) else None


def _likeliest(unread: list[Item], code: str) -> Item | None:
    """Which of the objects a document is, as a person would say: one whose code is nearly its own, else one without a code."""

    def unlike(item: Item) -> int:
        if not item.code:
            return 3
        same_length = len(item.code) == len(code)
        return min(4, sum(one != other for one, other in zip(item.code, code, strict=True))) if same_length else 4

    return min(unread, key=unlike, default=None)


def _riddles(state: State, plant: Plant) -> tuple[list[Item], int]:
    """The objects at the hand station that no document there is by its code, and how many documents there are not booked."""
    objects = [item for item in state.items.values() if item.place == "hand" and not item.announced]
    lies_there = [document for document, place in plant.hand.contents() if place == "hand"]
    lies_there += [document for sorter in plant.sorters for document in sorter.exception.fifo]
    booked = [_as_booked(state, document) for document in lies_there]
    known = {item.id for item in booked if item is not None}
    return [item for item in objects if item.id not in known], sum(item is None or item.sent_back for item in booked)


def in_the_books(state: State, document: Document, unread: Item | None) -> Item | None:
    """
    The item that a document at the hand station is in the books: its own, a stranger's, or one that was not read (`unread_here`):
    of a code that the books do not have in the hall, or have here since the document was laid onto a sorter.
    """
    booked = _as_booked(state, document)
    if booked is not None:
        return unread if booked.sent_back else booked
    known = state.items.get(document.code)
    return unread if known is None or known.place in ("expected", "lost") else None


def _as_booked(state: State, document: Document) -> Item | None:
    """The item of a document's code, or the stranger of this code, that the books have at the hand station."""
    for name in (document.code, f"?{document.code}") if document.code else ():
        if name in state.items and state.items[name].place == "hand":
            return state.items[name]
    return None

"""
Physical truth: the things that move through the hall, and the plant's own count of where they really are.

Nothing here knows what packcenter thinks. Each machine of the plant keeps the things themselves (in queues, lanes,
pouches and bags) and lists them in `contents`; `Truth` walks all of them, so a document that was lost or doubled by a
fault of the simulation shows as well. `compare` then puts packcenter's ledger beside it.

Where a thing is, in the plant's words:

    agency | queue/PLC | belt/PLC | lane/PLC/LANE | cell/PLC/CELL | pack/PLC | rack | bag/position-N | dispatched | hand
    | floor | people | returned | remade

`places` says the same in packcenter's words (`packcenter.core.facts`): agency and queue are "expected", the floor and
what people hold are "lost", and an exception lane is "hand", because people carry it there and no PLC sees them do it.

What people did by hand, and what a lying reader or eye made of a thing, no ledger can know at once: it is noted here
(`touch`), and `judge` asks no more of the ledger than can be known. At a quiet moment (faults healed, machines running,
nothing under way) this must hold of each thing:

    untouched                  the ledger has it where it is, or calls it lost (then it is on the list of open discrepancies)
    touched                    the same, or one line of this table excuses it

    ledger says    it is really        what was done to it       why nobody can know today
    -----------    ----------------    ----------------------    -------------------------------------------------------
    lost           anywhere            anything                  no excuse needed: it is on the list of open discrepancies
    hand           with people, sent   anything                  a list for people; what lies at the hand station is
                   off, in a lane, to                            counted at the end of a shift, no sensor sees it
                   come, on the floor
    expected       the same, or hand   put, swapped, lifted,     no reader has read it since, or its PLC forgot that it did;
                                       misread, copied, near,    it shows as not come, and the feeder finds it with the
                                       unheard                   next document of its lane
    bag, hand,     another bag, at     a parcel into or out of   nothing sees the mouth of a bag; its weight at closing
    dispatched     hand, with people   a bag by hand             would say so (not judged yet)
    rack, bag,     at hand, in a lane  the feeder read another   two faults at once: a wrong document stood where the
    dispatched     ... or the other    document's code at the    right one should, and the reader named the right one;
                   way round           right moment              found when the right one is read (its parcel is recalled)

    bag, hand,     another bag, at     a label was printed       the rack reads either label of a parcel that bears two; the
    dispatched     hand                twice                     bag is suspect when the label comes a second time

    cell           at hand, in a lane  the case rack read another        two faults at once, as above; found when the bagger
                   ...                 document's code               reads what lay in the cell

    a belt, a lane, a pouch            never excused: an eye, the feeder and the machine's own account say what is there

Two documents of two people in one parcel are never excused (`Truth.faults`): identity, thickness and weight are checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import Final

import msgspec

from simulation.draws import key_of


class Document(msgspec.Struct, eq=False, gc=False):
    """
    One document, card or sleeve that an agency brings at `arrives_us` (simulation time; never if negative).

    `code` is what is printed on it ("" nothing readable); two documents may bear the same one. `thickness` is in
    1/100 mm. `case` is the case it belongs to, "" for none. `announced` is False for what nobody ordered or sent.
    """

    code: str
    mail_class: str = ""
    agency: str = ""
    arrives_us: int = 0
    grams: int = 0
    thickness: int = 0
    destination: int = 0
    case: str = ""
    announced: bool = True
    key: int = -1

    def __post_init__(self) -> None:
        if self.key < 0:
            self.key = key_of(self.code)


class Parcel(msgspec.Struct, eq=False):
    """
    A sealed pouch: `label` is the waybill that is printed on it, `documents` what is really inside.

    `extra` is a second label that stuck to it, "" none. One that was `opened` at the hand station is no parcel any more.
    """

    label: str
    documents: tuple[Document, ...]
    grams: int
    extra: str = ""
    opened: bool = False


class Bag(msgspec.Struct, eq=False):
    """A mail bag at a position of the rack, parcels in the order they fell; `tag` and `seal` are "" until it is closed."""

    position: int
    parcels: list[Parcel] = msgspec.field(default_factory=list)
    grams: int = 0
    tag: str = ""
    seal: str = ""


class Difference(msgspec.Struct, frozen=True):
    """Something that is not as it must be: `kind` says what, `item` where to look, then both sides of it."""

    kind: str
    item: str
    ledger: str
    truth: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.item}: ledger says {self.ledger}, truth is {self.truth}"


_MIXED: Final = "mixed parcel"
_TWO: Final = "two documents in one parcel"


class Looked(msgspec.Struct, frozen=True):
    """
    What was looked into: all parcels ever sealed, the documents in them, how many parcels hold `several`, and how many are
    `mixed`, which none may be: they hold what is for two addressees.
    """

    parcels: int = 0
    documents: int = 0
    several: int = 0
    mixed: int = 0


class Why(StrEnum):
    """What was done to a thing that the ledger cannot know."""

    LIFTED = "lifted"  # a person took it out of a queue, belt, lane, pouch, or away from the hand station
    PUT = "put"  # a person put it where no reader or eye saw it come
    SWAPPED = "swapped"  # it changed places with another
    NEAR = "near"  # it lies in a lane in which something was lifted, put, swapped or fed under another code, or came unseen
    UNHEARD = "unheard"  # its PLC lost its memory before it could tell what it did with it
    UNSEEN = "unseen"  # an eye did not see it pass
    MISTAKEN = "mistaken"  # a reader read its code on another document, or another's code on it
    TAKEN_FOR = "taken_for"  # the same, and a parcel was sealed on that
    STORED_FOR = "stored_for"  # the same, at a case rack: it lies in a cell, or is thought to
    COPY = "copy"  # another document bears the same code
    LABELLED = "labelled"  # its parcel bears another parcel's label, or another bears its
    BAGGED = "bagged"  # its sealed parcel was put into a bag, taken out of one, or off its way, by hand


class Touch(msgspec.Struct, frozen=True):
    """What was done to a thing, by what, and when (simulation time)."""

    why: Why
    act: str
    at_us: int


Contents = Callable[[], Iterable[tuple[Document, str]]]


class Truth:
    """
    The plant's own count.

    `documents`: every physical thing of the run. `sealed`: every parcel ever sealed. `closed`: the bags closed, in order.
    `phantoms`: how often an eye saw something that was not there.
    """

    def __init__(self, documents: Sequence[Document], exception_lanes: Iterable[str] = ()) -> None:
        self.documents: list[Document] = list(documents)
        self.sealed: list[Parcel] = []
        self.closed: list[Bag] = []
        self.phantoms = 0
        self._touched: dict[int, tuple[Document, list[Touch]]] = {}
        self._of_code: dict[str, list[Document]] = {}
        for document in self.documents:
            self._note_code(document)
        self._exception_lanes = frozenset(exception_lanes)
        self._holders: list[Contents] = []

    def watch(self, contents: Contents) -> None:
        """Count what this part of the plant holds, too."""
        self._holders.append(contents)

    def appeared(self, document: Document) -> None:
        """Something came into the hall that no agency brought."""
        self.documents.append(document)
        self._note_code(document)

    def _note_code(self, document: Document) -> None:
        if document.code:
            self._of_code.setdefault(document.code, []).append(document)

    def bearing(self, code: str) -> list[Document]:
        """The things that bear a code."""
        return self._of_code.get(code, [])

    def touch(self, document: Document, why: Why, act: str, at_us: int) -> None:
        """Note what was done to a thing; the same again is noted once."""
        _, touches = self._touched.setdefault(id(document), (document, []))
        if all((touch.why, touch.act) != (why, act) for touch in touches):
            touches.append(Touch(why, act, at_us))

    def touches(self, document: Document) -> tuple[Touch, ...]:
        """What was done to a thing, in order; empty for one that nobody touched."""
        found = self._touched.get(id(document))
        return () if found is None else tuple(found[1])

    @property
    def touched(self) -> list[tuple[Document, tuple[Touch, ...]]]:
        """Everything that was touched, in the order in which it was first."""
        return [(document, tuple(touches)) for document, touches in self._touched.values()]

    def mistaken(self, document: Document, read: str, act: str, at_us: int) -> list[Document]:
        """A reader read the code `read` on a document: if others bear that code, all of them are touched. The others."""
        others = [other for other in self.bearing(read) if other is not document] if read != document.code else []
        for each in (document, *others) if others else ():
            self.touch(each, Why.MISTAKEN, act, at_us)
        return others

    def everywhere(self) -> Iterator[tuple[Document, str]]:
        """Each thing with its place in the plant's words, as the parts of the plant list them."""
        return chain.from_iterable(contents() for contents in self._holders)

    def places(self) -> dict[str, str]:
        """
        Code -> place in packcenter's words, of everything that bears a code.

        A second thing with the same code is listed as CODE#2, and so on. An open bag is bag/position-N: the plant
        learns its tag when it is closed.
        """
        places: dict[str, str] = {}
        copies: Counter[str] = Counter()
        for document, place in self.everywhere():
            if document.code:
                copies[document.code] += 1
                copy = copies[document.code]
                places[document.code if copy == 1 else f"{document.code}#{copy}"] = self.in_ledger_words(place)
        return places

    def counts(self) -> Counter[str]:
        """How many things are in each kind of place, in the plant's words (the part before "/")."""
        return Counter(place.partition("/")[0] for _, place in self.everywhere())

    def bills(self) -> dict[str, tuple[str, ...]]:
        """Tag -> labels of the parcels really inside, in the order they fell, of the closed bags."""
        return {bag.tag: tuple(parcel.label for parcel in bag.parcels) for bag in self.closed}

    def in_ledger_words(self, place: str) -> str:
        """A place as packcenter's ledger would write it."""
        if place == "agency" or place.startswith("queue/"):
            return "expected"
        if place in ("floor", "people"):
            return "lost"
        return "hand" if place in self._exception_lanes else place

    def faults(self) -> list[Difference]:
        """
        What must never be, whatever the ledger says: things doubled or vanished, wrong parcels, reused labels and tags.

        A parcel with several documents of one case is right; with a double feed, or with two cases, it is not.
        """
        return [*self._unconserved(), *self._wrong_parcels(), *self._reused()]

    def looked_into(self) -> Looked:
        """Every parcel, opened by this count, whatever any label or ledger says."""
        sizes = [len(parcel.documents) for parcel in self.sealed]
        mixed = sum(fault.kind in (_MIXED, _TWO) for fault in self._wrong_parcels())
        return Looked(len(sizes), sum(sizes), sum(size > 1 for size in sizes), mixed)

    def _unconserved(self) -> Iterator[Difference]:
        times = Counter(id(document) for document, _ in self.everywhere())
        for document in self.documents:
            seen = times.pop(id(document), 0)
            if seen != 1:
                yield Difference("conservation", document.code, "one place", f"{seen} places")
        if times:
            yield Difference("conservation", "things that nobody brought", "0", str(len(times)))

    def _wrong_parcels(self) -> Iterator[Difference]:
        parcels_of: dict[str, str] = {}
        for parcel in self.sealed:
            codes = ", ".join(document.code or "no code" for document in parcel.documents)
            cases = {document.case for document in parcel.documents}
            if len(cases) > 1:
                yield Difference(_MIXED, parcel.label, "one case", codes)
            elif len(parcel.documents) > 1 and cases == {""}:
                yield Difference(_TWO, parcel.label, "one document", codes)
            elif not parcel.documents:
                yield Difference("empty parcel", parcel.label, "one document", "none")
            for document in () if parcel.opened else parcel.documents:
                if not document.code or self._has(document, Why.COPY):
                    continue
                before = parcels_of.setdefault(document.code, parcel.label)
                if before != parcel.label:
                    yield Difference("document in two parcels", document.code, "one parcel", f"{before}, {parcel.label}")

    def _reused(self) -> Iterator[Difference]:
        live = [
            parcel
            for parcel in self.sealed
            if not parcel.opened and not any(self._has(document, Why.COPY) for document in parcel.documents)
        ]
        for label, times in sorted(Counter(parcel.label for parcel in live if parcel.label).items()):
            if times > 1:
                yield Difference("label on several parcels", label, "1", str(times))
        for tag, times in sorted(Counter(bag.tag for bag in self.closed).items()):
            if times > 1:
                yield Difference("tag on several bags", tag, "1", str(times))

    def _has(self, document: Document, why: Why) -> bool:
        return any(touch.why is why for touch in self.touches(document))


class Ledger(msgspec.Struct, frozen=True):
    """
    What packcenter says at a quiet moment.

    `places`: item -> place. `waybills`: number in use -> item. `bills`: tag -> waybills of each bag that was dispatched, in
    the order they fell. `suspect_bags`: tags of the open bags that are to be opened when they are closed. Leave out what is
    not to be judged. `sent_back`: items at the hand station that were laid onto a sorter and not read since: the thing may be
    elsewhere, or there, and have a provisional item (seeds 801818, 810839).
    """

    places: Mapping[str, str]
    waybills: Mapping[str, str] = msgspec.field(default_factory=dict)
    bills: Mapping[str, Sequence[str]] = msgspec.field(default_factory=dict)
    suspect_bags: frozenset[str] | None = None
    sent_back: frozenset[str] = frozenset()


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with a ledger, and what differs for a reason: (difference, the reason) for each."""

    differences: list[Difference]
    excused: list[tuple[Difference, str]]


def compare(ledger_places: Mapping[str, str], truth: Truth, sent_back: frozenset[str] = frozenset()) -> list[Difference]:
    """
    Where packcenter's ledger (item -> place) and the physical truth differ, at a quiet moment (no event on its way).

    A thing that bears a code must be where the ledger has its item. If the ledger still expects that item, or never
    heard of it, the thing was not identified: then the ledger must have one provisional item ("?...") at the thing's
    place for it, paired by count. An item that the ledger calls lost is on its list of open discrepancies: its thing may be
    anywhere, under a provisional id or not. Of things that were touched no more is asked than can be known (see above).
    Faults that need no ledger are in `Truth.faults`.
    """
    return judge(Ledger(ledger_places, sent_back=sent_back), truth).differences


def judge(ledger: Ledger, truth: Truth) -> Verdict:
    """The same, and for whom each parcel and what each bill is; with what is excused, and why."""
    comparison = _Comparison(ledger, truth)
    codes = _copies(truth)
    for code in sorted(codes, key=lambda code: (any(_astray(truth, document) for document, _ in codes[code]), code)):
        comparison.add_things(code, codes[code])  # those that say which bag is which come first
    comparison.add_bare_things()
    differences = [*comparison.found, *_never_there(ledger.places, codes), *comparison.unpaired()]
    excused = comparison.excused
    for difference, reason in chain(_addressed_wrongly(ledger, truth), _bills(ledger, truth)):
        if reason:
            excused.append((difference, reason))
        else:
            differences.append(difference)
    return Verdict(differences, excused)


class _Excuse(msgspec.Struct, frozen=True):
    """A line of the table above."""

    ledger: frozenset[str]
    truth: frozenset[str]
    whys: frozenset[Why]
    reason: str


_ANYTHING: Final = frozenset(Why)
_CARRIED: Final = frozenset({"expected", "lost", "lane", "cell", "belt", "hand", "returned", "remade"})
_SEALED: Final = frozenset({"rack", "bag", "dispatched"})
_BAGS: Final = frozenset({"bag", "dispatched", "hand"})
_EXCUSES: Final = (
    _Excuse(frozenset({"hand"}), _CARRIED, _ANYTHING, "what lies at the hand station is counted, no sensor sees it"),
    _Excuse(frozenset({"cell"}), _CARRIED, frozenset({Why.STORED_FOR}), "the case rack read one for the other"),
    _Excuse(frozenset({"expected"}), _CARRIED, _ANYTHING - {Why.BAGGED}, "no reader has read it since"),
    _Excuse(_BAGS, _CARRIED | _SEALED, frozenset({Why.BAGGED}), "nothing sees the mouth of a bag"),
    _Excuse(_BAGS, _CARRIED | _SEALED, frozenset({Why.LABELLED}), "a label was printed twice"),
    _Excuse(_SEALED | _BAGS | {"expected"}, _CARRIED | _SEALED, frozenset({Why.TAKEN_FOR}), "the feeder read one for the other"),
)
_MOVED_BAGS: Final = frozenset({Why.BAGGED, Why.LABELLED})
_ELSEWHERE: Final = _MOVED_BAGS | {Why.TAKEN_FOR}


class _Comparison:
    """
    The running count of `judge`.

    `unread`: things without an item, by place. `adrift`: things whose item is lost, by place. `perhaps`: touched things
    that may have a provisional item or not, by place.
    """

    def __init__(self, ledger: Ledger, truth: Truth) -> None:
        self.found: list[Difference] = []
        self.excused: list[tuple[Difference, str]] = []
        self._ledger = ledger.places
        self._sent_back = ledger.sent_back
        self._truth = truth
        self._unread: Counter[str] = Counter()
        self._adrift: Counter[str] = Counter()
        self._perhaps: Counter[str] = Counter()
        self._position_of: dict[str, str] = {}
        self._tag_of: dict[str, str] = {}
        self._held_back = _held_back(ledger, truth)

    def add_things(self, code: str, things: list[tuple[Document, str]]) -> None:
        """All things that bear one code: at most one of them is the ledger's item, the others were not identified."""
        ledger = self._ledger.get(code, "expected")
        ledger = "expected" if ledger in ("agency", "outside") else self._truth.in_ledger_words(ledger)
        places = [place for _, place in things]
        whys = frozenset(touch.why for document, _ in things for touch in self._truth.touches(document))
        item_at = next((at for at, thing in enumerate(things) if self._agree(ledger, *thing)), None)
        if item_at is None and ledger == "lost":
            item_at = 0
            self._adrift[places[0]] += 1
        elif item_at is None and ledger != "expected" and code not in self._sent_back:
            item_at = 0
            self._judge(Difference("place", code, ledger, " and ".join(places)), ledger, places, whys)
        for at, place in enumerate(places):
            if at == item_at or place == "expected":
                continue
            if whys:
                if ledger == "expected":
                    self._judge(Difference("not seen", code, ledger, place), ledger, [place], whys)
                self._perhaps[place] += 1
            else:
                self._unread[place] += 1

    def _judge(self, difference: Difference, ledger: str, places: list[str], whys: frozenset[Why]) -> None:
        kind, kinds = ledger.partition("/")[0], {place.partition("/")[0] for place in places}
        reason = next(
            (each.reason for each in _EXCUSES if kind in each.ledger and kinds & each.truth and whys & each.whys),
            "",
        )
        if reason:
            self.excused.append((difference, reason))
        else:
            self.found.append(difference)

    def add_bare_things(self) -> None:
        """Things without any code cannot be identified by anybody."""
        for document, place in self._truth.everywhere():
            words = self._truth.in_ledger_words(place)
            if not document.code and words != "expected":
                (self._perhaps if self._truth.touches(document) else self._unread)[words] += 1

    def unpaired(self) -> list[Difference]:
        """
        Places where the ledger has more or fewer provisional items than things lie there unidentified.

        A lost one is an open discrepancy, like every lost item: its thing may be anywhere, under another provisional id or
        under none. Each touch, and each phantom, may have left one provisional item for which there is no thing there.
        """
        provisional = Counter(
            self._truth.in_ledger_words(place)
            for item, place in self._ledger.items()
            if item.startswith("?") and place != "outside"
        )
        spare = self._truth.phantoms + sum(len(touches) for _, touches in self._truth.touched)
        lost = max(0, provisional["lost"] - self._unread["lost"])
        found = []
        for place in sorted({*provisional, *self._unread} - {"lost"}):
            least, most = self._unread[place], self._unread[place] + self._adrift[place] + self._perhaps[place]
            most += len(self._sent_back) if place == "hand" else 0
            excess, lack = provisional[place] - most, least - provisional[place]
            if excess > spare or lack > lost:
                expected = str(least) if least == most else f"{least} to {most}"
                found.append(Difference("unidentified things", place, str(provisional[place]), expected))
            else:
                spare -= max(0, excess)
                lost -= max(0, lack)
        if provisional["lost"] < self._unread["lost"]:
            found.append(Difference("unidentified things", "lost", str(provisional["lost"]), str(self._unread["lost"])))
        return found

    def _agree(self, ledger: str, document: Document, place: str) -> bool:
        """
        Whether both mean one place. An open bag has a tag here and a position there: they are paired by the first item
        of each and must stay so. A bag that packcenter holds back is at the hand station by its word, whoever brings it there.
        """
        if ledger == "hand" and place.startswith(("dispatched", "bag/")):
            return id(document) in self._held_back
        if not (ledger.startswith("bag/") and place.startswith("bag/")):
            return ledger == place
        if any(touch.why in _ELSEWHERE for touch in self._truth.touches(document)):
            return self._tag_of.get(place) == ledger
        return self._position_of.setdefault(ledger, place) == place and self._tag_of.setdefault(place, ledger) == ledger


def _held_back(ledger: Ledger, truth: Truth) -> set[int]:
    """
    The documents (`id`) in bags that people open: closed ones of which packcenter has dispatched nothing, and open ones that
    it will not dispatch.
    """
    held: set[int] = set()
    for bag in truth.closed:
        documents = [document for parcel in bag.parcels for document in parcel.documents]
        if not any(ledger.places.get(document.code) == "dispatched" for document in documents if not _astray(truth, document)):
            held.update(id(document) for document in documents)
    hanging: dict[str, list[Document]] = {}
    for document, place in truth.everywhere():
        if place.startswith("bag/"):
            hanging.setdefault(place, []).append(document)
    for documents in hanging.values():
        fallen = [document for document in documents if not _astray(truth, document)]
        tags = {ledger.places.get(document.code, "").removeprefix("bag/") for document in fallen} - {"", "hand", "lost"}
        if ledger.suspect_bags is None or tags <= ledger.suspect_bags:
            held.update(id(document) for document in documents)
    return held


def _moved(truth: Truth, document: Document) -> bool:
    """Whether its parcel may be in another bag than the ledger can know."""
    return any(touch.why in _MOVED_BAGS for touch in truth.touches(document))


def _astray(truth: Truth, document: Document) -> bool:
    """Whether it need not be the thing that the ledger means, so that it says nothing about the bag that it is in."""
    return any(touch.why in _ELSEWHERE or touch.why is Why.COPY for touch in truth.touches(document))


def _copies(truth: Truth) -> dict[str, list[tuple[Document, str]]]:
    """Each code with all things that bear it and their places, in packcenter's words."""
    copies: dict[str, list[tuple[Document, str]]] = {}
    for document, place in truth.everywhere():
        if document.code:
            copies.setdefault(document.code, []).append((document, truth.in_ledger_words(place)))
    return copies


def _never_there(ledger_places: Mapping[str, str], codes: Mapping[str, object]) -> list[Difference]:
    """Items that the ledger has somewhere, though no agency ever brought a thing with that code."""
    return [
        Difference("nothing there", item, place, "no such thing")
        for item, place in sorted(ledger_places.items())
        if item not in codes and not item.startswith("?") and place not in ("agency", "expected", "lost")
    ]


def _addressed_wrongly(ledger: Ledger, truth: Truth) -> Iterator[tuple[Difference, str]]:
    """Parcels in dispatched bags whose label is another document's number (B4): each with its excuse, "" none."""
    for bag in truth.closed:
        for parcel in bag.parcels:
            owner = ledger.waybills.get(parcel.label)
            if owner is None or ledger.places.get(owner) != "dispatched":
                continue
            cases = {other.case for other in truth.bearing(owner)} - {""}
            for document in parcel.documents:
                if document.code != owner and document.case not in cases:
                    whys = {touch.why for touch in truth.touches(document)}
                    by_hand = "a person put it there" if Why.BAGGED in whys else ""
                    reason = "the feeder read one for the other" if Why.TAKEN_FOR in whys else by_hand
                    yield Difference("wrong document", parcel.label, owner, document.code or "no code"), reason


def _bills(ledger: Ledger, truth: Truth) -> Iterator[tuple[Difference, str]]:
    """Bags whose bill is not what hangs in them (D1): each with its excuse, "" none."""
    hung = {bag.tag: bag for bag in truth.closed}
    carried = {parcel.label for parcel in truth.sealed if any(_moved(truth, document) for document in parcel.documents)}
    for tag, bill in sorted(ledger.bills.items()):
        inside = [parcel.label for parcel in hung[tag].parcels] if tag in hung else []
        if list(bill) == inside:
            continue
        by_machine = [label for label in inside if label not in carried]
        excused = tag in hung and [label for label in bill if label not in carried] == by_machine
        difference = Difference("bill", tag, " ".join(bill), " ".join(inside))
        yield difference, "parcels were moved by hand, or bear each other's labels" if excused else ""

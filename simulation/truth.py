"""
Physical truth: the things that move through the hall, and the plant's own count of where they really are.

Nothing here knows what packcenter thinks. Each machine of the plant keeps the things themselves (in queues, lanes,
pouches and bags) and lists them in `contents`; `Truth` walks all of them, so a document that was lost or doubled by a
fault of the simulation shows as well. `compare` then puts packcenter's ledger beside it.

Where a thing is, in the plant's words:

    agency | queue/PLC | belt/PLC | lane/PLC/LANE | pack/PLC | rack | bag/position-N | dispatched | hand | floor

`places` says the same in packcenter's words (`packcenter.core.facts`): agency and queue are "expected", the floor is
"lost", and an exception lane is "hand", because people carry it there and no PLC sees them do it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

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
    """A sealed pouch: `label` is the waybill that is printed on it, `documents` what is really inside."""

    label: str
    documents: tuple[Document, ...]
    grams: int


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


Contents = Callable[[], Iterable[tuple[Document, str]]]


class Truth:
    """
    The plant's own count.

    `documents`: every physical thing of the run. `sealed`: every parcel ever sealed. `closed`: the bags closed, in order.
    """

    def __init__(self, documents: Sequence[Document], exception_lanes: Iterable[str] = ()) -> None:
        self.documents: list[Document] = list(documents)
        self.sealed: list[Parcel] = []
        self.closed: list[Bag] = []
        self._exception_lanes = frozenset(exception_lanes)
        self._holders: list[Contents] = []

    def watch(self, contents: Contents) -> None:
        """Count what this part of the plant holds, too."""
        self._holders.append(contents)

    def appeared(self, document: Document) -> None:
        """Something came into the hall that no agency brought."""
        self.documents.append(document)

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
        if place == "floor":
            return "lost"
        return "hand" if place in self._exception_lanes else place

    def faults(self) -> list[Difference]:
        """
        What must never be, whatever the ledger says: things doubled or vanished, wrong parcels, reused labels and tags.

        A parcel with several documents of one case is right; with a double feed, or with two cases, it is not.
        """
        return [*self._unconserved(), *self._wrong_parcels(), *self._reused()]

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
                yield Difference("mixed parcel", parcel.label, "one case", codes)
            elif len(parcel.documents) > 1 and cases == {""}:
                yield Difference("two documents in one parcel", parcel.label, "one document", codes)
            elif not parcel.documents:
                yield Difference("empty parcel", parcel.label, "one document", "none")
            for document in parcel.documents:
                before = parcels_of.setdefault(document.code, parcel.label)
                if before != parcel.label and document.code:
                    yield Difference("document in two parcels", document.code, "one parcel", f"{before}, {parcel.label}")

    def _reused(self) -> Iterator[Difference]:
        for label, times in sorted(Counter(parcel.label for parcel in self.sealed).items()):
            if times > 1:
                yield Difference("label on several parcels", label, "1", str(times))
        for tag, times in sorted(Counter(bag.tag for bag in self.closed).items()):
            if times > 1:
                yield Difference("tag on several bags", tag, "1", str(times))


def compare(ledger_places: Mapping[str, str], truth: Truth) -> list[Difference]:
    """
    Where packcenter's ledger (item -> place) and the physical truth differ, at a quiet moment (no event on its way).

    A thing that bears a code must be where the ledger has its item. If the ledger still expects that item, or never
    heard of it, the thing was not identified: then the ledger must have one provisional item ("?...") at the thing's
    place for it, paired by count. An item that the ledger calls lost is on its list of open discrepancies: its thing may be
    anywhere, under a provisional id or not. Faults that need no ledger are in `Truth.faults`.
    """
    comparison = _Comparison(ledger_places, truth)
    codes = _copies(truth)
    for code in sorted(codes):
        comparison.add_things(code, codes[code])
    comparison.add_bare_things()
    return [*comparison.found, *_never_there(ledger_places, codes), *comparison.unpaired()]


class _Comparison:
    """
    The running count of `compare`. `unread`: things without an item, by place. `adrift`: things whose item is lost, by place.
    """

    def __init__(self, ledger_places: Mapping[str, str], truth: Truth) -> None:
        self.found: list[Difference] = []
        self._ledger = ledger_places
        self._truth = truth
        self._unread: Counter[str] = Counter()
        self._adrift: Counter[str] = Counter()
        self._position_of: dict[str, str] = {}
        self._tag_of: dict[str, str] = {}

    def add_things(self, code: str, places: list[str]) -> None:
        """All things that bear one code: at most one of them is the ledger's item, the others were not identified."""
        ledger = self._ledger.get(code, "expected")
        ledger = "expected" if ledger in ("agency", "outside") else self._truth.in_ledger_words(ledger)
        item_at = next((place for place in places if self._agree(ledger, place)), "")
        if not item_at and ledger == "lost":
            item_at = places[0]
            self._adrift[item_at] += 1
        elif not item_at and ledger != "expected":
            item_at = places[0]
            self.found.append(Difference("place", code, ledger, " and ".join(places)))
        others = places.copy()
        if item_at:
            others.remove(item_at)
        self._unread.update(place for place in others if place != "expected")

    def add_bare_things(self) -> None:
        """Things without any code cannot be identified by anybody."""
        places = [self._truth.in_ledger_words(place) for document, place in self._truth.everywhere() if not document.code]
        self._unread.update(place for place in places if place != "expected")

    def unpaired(self) -> list[Difference]:
        """Places where the ledger has more or fewer provisional items than things lie there unidentified."""
        provisional = Counter(
            self._truth.in_ledger_words(place)
            for item, place in self._ledger.items()
            if item.startswith("?") and place != "outside"
        )
        found = []
        for place in sorted({*provisional, *self._unread}):
            least, most = self._unread[place], self._unread[place] + self._adrift[place]
            if not least <= provisional[place] <= most:
                expected = str(least) if least == most else f"{least} to {most}"
                found.append(Difference("unidentified things", place, str(provisional[place]), expected))
        return found

    def _agree(self, ledger: str, place: str) -> bool:
        """
        Whether both mean one place. An open bag has a tag here and a position there: they are paired by the first item
        of each and must stay so.
        """
        if not (ledger.startswith("bag/") and place.startswith("bag/")):
            return ledger == place
        return self._position_of.setdefault(ledger, place) == place and self._tag_of.setdefault(place, ledger) == ledger


def _copies(truth: Truth) -> dict[str, list[str]]:
    """Each code with the places of all things that bear it, in packcenter's words."""
    copies: dict[str, list[str]] = {}
    for document, place in truth.everywhere():
        if document.code:
            copies.setdefault(document.code, []).append(truth.in_ledger_words(place))
    return copies


def _never_there(ledger_places: Mapping[str, str], codes: Mapping[str, list[str]]) -> list[Difference]:
    """Items that the ledger has somewhere, though no agency ever brought a thing with that code."""
    return [
        Difference("nothing there", item, place, "no such thing")
        for item, place in sorted(ledger_places.items())
        if item not in codes and not item.startswith("?") and place not in ("agency", "expected", "lost")
    ]

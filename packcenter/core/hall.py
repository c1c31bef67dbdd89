"""
The hall as the core knows it: machines, lanes, mail classes and the sort plan.

Built from the checked configuration (`packcenter.config.build`) and journaled whole in `Started`, so that a
journal can be replayed without the files it was made with. Everything is immutable; order is meaningful.
Lengths are millimetres, times milliseconds, weights grams.

A field that a release adds stands last in its structure and has a default, so that older journals are read: there it is
missing (JOURNAL-FORMAT.md marks it with "= 0" or "= []"). `ideal_cycle_ms` is how long a machine needs for one item at its
design speed, 0 if nobody has said it; no decision depends on it.
"""

from __future__ import annotations

import msgspec


class Lane(msgspec.Struct, frozen=True, array_like=True):
    """
    One lane of a sorter.

    `feeds` names the bagger that empties it, `infeed` that bagger's infeed (1 up); both are "" and 0 for the
    exception lane, which people empty to the hand station. `distance_mm` is from scanner to diverter. It takes at most
    `rate_per_minute` items a minute, 0: no limit.
    """

    number: int
    feeds: str
    infeed: int
    distance_mm: int
    capacity_items: int
    secure: bool
    rate_per_minute: int = 0


class Sorter(msgspec.Struct, frozen=True, array_like=True):
    """
    One sorting line. The belt ends in `exception_lane`, which is also every decision's fallback.

    A decision must reach the PLC `actuator_ms + scan_cycle_ms` before the item does; `link_ms` more is kept for
    the wire. An item that no eye has confirmed `confirm_slack_ms` after it should have left the belt is unconfirmed.

    With `laps_max` it is a loop 回流: what finds no room in its lanes goes round, `round_mm` from the belt's end back to the
    scanner, at most so many times; 0: it is none. New items are kept out in time for `loop_items_max` on it, 0: no limit.
    """

    plc: str
    belt_mm_per_s: int
    belt_mm: int
    actuator_ms: int
    scan_cycle_ms: int
    link_ms: int
    confirm_slack_ms: int
    lanes: tuple[Lane, ...]
    exception_lane: int
    ideal_cycle_ms: int = 0
    laps_max: int = 0
    round_mm: int = 0
    loop_items_max: int = 0


class Bagger(msgspec.Struct, frozen=True, array_like=True):
    """One bagging machine; how long it may take from `BeginParcel` to the fed document and from verdict to `Packed`."""

    plc: str
    feed_timeout_ms: int
    verdict_timeout_ms: int
    ideal_cycle_ms: int = 0


class Position(msgspec.Struct, frozen=True, array_like=True):
    """
    One place of the dispatch rack where a mail bag hangs; `destination` names a destination of the plan.

    It takes parcels of these `services` only; of none: whatever no other position of its destination takes (D2).
    """

    number: int
    destination: str
    services: tuple[str, ...] = ()


class Rack(msgspec.Struct, frozen=True, array_like=True):
    """The dispatch rack 封发架. Parcels that must not be bagged are dropped at `reject_position`, which has no bag."""

    plc: str
    positions: tuple[Position, ...]
    reject_position: int
    drop_timeout_ms: int
    close_timeout_ms: int
    ideal_cycle_ms: int = 0


class Outlet(msgspec.Struct, frozen=True, array_like=True):
    """Where a case rack lays out the documents of one cell for the infeed (1 up) of a bagger; outlet 0 is the hand station."""

    number: int
    feeds: str
    infeed: int


class CaseRack(msgspec.Struct, frozen=True, array_like=True):
    """
    A case rack 合包架. Its cells are numbered from 1 to `cells`, and each holds `cell_documents`; lanes feed it as they feed a
    bagger. What it must not keep it passes on to the hand station, which is its cell 0 and its outlet 0.
    """

    plc: str
    cells: int
    cell_documents: int
    outlets: tuple[Outlet, ...]
    store_timeout_ms: int
    release_timeout_ms: int
    ideal_cycle_ms: int = 0


class CaseType(msgspec.Struct, frozen=True, array_like=True):
    """
    What the cases whose code begins with `prefix` have in common; the first type that fits is a case's.

    `mail_classes`: which documents a case has, one of each; empty: any, as many as its `case_size` says. When one is missing
    at the due time (the manifest's, else `wait_minutes` after the first is in its cell) `policy` says what happens: "wait",
    "part_ship" or "hand". `pouch` is the size that all its documents fit into.
    """

    name: str
    prefix: str
    mail_classes: tuple[str, ...]
    wait_minutes: int
    policy: str
    pouch: int


class MailClass(msgspec.Struct, frozen=True, array_like=True):
    """
    What every item of a class has in common; a sealed parcel's weight must lie in the band, ends included.

    A document fed thicker than `thickness_max` (1/100 mm, 0 = not checked) is taken for two.
    """

    name: str
    secure: bool
    grams_min: int
    grams_max: int
    pouch: int
    thickness_max: int = 0


class Destination(msgspec.Struct, frozen=True, array_like=True):
    """
    A named part of the country; `postcodes` are inclusive ranges of six-digit codes, in order, disjoint from all others'.

    `outlets` are the codes of post outlets 网点 there, at which addressees fetch their parcels. `office` is its office
    of exchange, six characters of a bag's tag; "": its bags bear the centre's own tags.
    """

    name: str
    postcodes: tuple[tuple[int, int], ...]
    outlets: tuple[str, ...] = ()
    office: str = ""


class Group(msgspec.Struct, frozen=True, array_like=True):
    """
    Lanes that serve alike: `lanes` are (sorter, lane) pairs; `balance` is "first" or "least".

    When none of its lanes on the item's sorter is open with room, the groups in `overflow` are tried in order.
    """

    name: str
    lanes: tuple[tuple[str, int], ...]
    balance: str
    overflow: tuple[str, ...]


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """
    One line of the sort plan; the first rule whose every non-empty list holds the item's value gives its group.

    With `combine_minutes` its letters to one addressee leave together (`core.combining`); so long the first of them waits in its
    cell at most. 0: each leaves alone. `combine_pouch` is the size that such letters fit into, 0: that of their class.
    """

    name: str
    mail_classes: tuple[str, ...]
    agencies: tuple[str, ...]
    destinations: tuple[str, ...]
    services: tuple[str, ...]
    group: str
    combine_minutes: int = 0
    combine_pouch: int = 0


class BagLimits(msgspec.Struct, frozen=True, array_like=True):
    """When a bag is closed: by count, by weight, or at a cut-off (minutes after local midnight, rising)."""

    items_max: int
    grams_max: int
    cutoff_minutes: tuple[int, ...]


class Waybills(msgspec.Struct, frozen=True, array_like=True):
    """The UPU S10 range from which parcels without a pre-assigned waybill get theirs, `first` to `last` inclusive."""

    indicator: str
    first: int
    last: int
    country: str


class Plan(msgspec.Struct, frozen=True, array_like=True):
    """
    The sort plan 分拣方案: destinations, lane groups, ordered rules and bag limits under one version name.

    It is valid from `valid_from_us` until before `valid_until_us`, in core time; 0 for no such end. `digest` is SHA-256 in hex of
    its MessagePack form with the digest "": versions are named by people, digests are not. "" in journals of release 0.1.0,
    whose items do not say which plan decided them.
    """

    version: str
    destinations: tuple[Destination, ...]
    groups: tuple[Group, ...]
    rules: tuple[Rule, ...]
    bags: BagLimits
    valid_from_us: int = 0
    valid_until_us: int = 0
    digest: str = ""

    def named(self) -> str:
        """Version and digest in short, which no other plan has; "" of a plan without a digest."""
        return f"{self.version}@{self.digest[:8]}" if self.digest else ""


class Hall(msgspec.Struct, frozen=True, array_like=True):
    """
    Everything the core decides by, and what its machines are measured by.

    `utc_offset_minutes` turns core time (microseconds since the Unix epoch) into the local time of cut-offs and shifts.
    `shifts` are when the machines are planned to be busy: (begin, end) in minutes after local midnight, rising and apart,
    the end not included; empty: always. No decision depends on them. `receipt_minutes` is how long the receipt of a dispatched
    item is awaited that wants one, 0: receipts are not tracked. `receptacles` are our office of exchange, category and subclass
    of S9 tags (`core.tags`); empty: bags bear the centre's own tags.
    """

    name: str
    centre: str
    utc_offset_minutes: int
    agencies: tuple[str, ...]
    mail_classes: tuple[MailClass, ...]
    sorters: tuple[Sorter, ...]
    baggers: tuple[Bagger, ...]
    rack: Rack
    waybills: Waybills
    plan: Plan
    shifts: tuple[tuple[int, int], ...] = ()
    receipt_minutes: int = 0
    receptacles: tuple[str, ...] = ()
    case_racks: tuple[CaseRack, ...] = ()
    case_types: tuple[CaseType, ...] = ()

    def plcs(self) -> tuple[str, ...]:
        """Every PLC's name: sorters, baggers, rack, case racks, each in the configuration's order."""
        return (*(s.plc for s in self.sorters), *(b.plc for b in self.baggers), self.rack.plc, *(c.plc for c in self.case_racks))

    def ideal_cycles_us(self) -> dict[str, int]:
        """PLC -> microseconds that its machine needs for an item at design speed, of those for which it is known."""
        machines: tuple[Sorter | Bagger | Rack | CaseRack, ...] = (*self.sorters, *self.baggers, self.rack, *self.case_racks)
        return {machine.plc: machine.ideal_cycle_ms * 1000 for machine in machines if machine.ideal_cycle_ms}

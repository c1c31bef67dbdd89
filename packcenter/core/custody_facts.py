"""Facts about what the books cannot explain (`core.discrepancies`) and about the borders of shifts (`core.shifts`)."""

from __future__ import annotations

import msgspec


class _CustodyFact(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    pass


class CustodyRulesAdopted(_CustodyFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    Discrepancies are recorded and shifts accounted for by the rules of this version; 0: no discrepancy is opened by itself.

    One has to be closed within `minutes`, on ID documents within `secure_minutes`.
    """

    version: int
    minutes: int
    secure_minutes: int


class DiscrepancyOpened(_CustodyFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    Something is not as the books have it 差异: `cause` (`core.discrepancies`), about `subject`: an item, a PLC, or what was
    counted (hand/id_card/police). `opener` is packcenter or a person; `two`: two people have to close it. It should be closed
    before `due_us`.
    """

    number: int
    cause: str
    subject: str
    opener: str
    two: bool
    due_us: int


class DiscrepancySigned(_CustodyFact, frozen=True, tag=True, array_like=True, gc=False):
    """The first of two people says what became of a discrepancy; whoever confirms that finding closes it."""

    number: int
    finding: str
    person: str


class DiscrepancyOverdue(_CustodyFact, frozen=True, tag=True, array_like=True, gc=False):
    """A discrepancy was not closed in time."""

    number: int


class DiscrepancyClosed(_CustodyFact, frozen=True, tag=True, array_like=True, gc=False):
    """
    A discrepancy is explained: found, explained, lost_for_good, identified or recounted. `first` found it out, or packcenter
    did by itself; `second` confirmed it, "" where one is enough.
    """

    number: int
    finding: str
    first: str
    second: str


class IntegritySet(_CustodyFact, frozen=True, tag=True, array_like=True, gc=False):
    """What a document itself is like 完好性: good, bad or unknown (`core.integrity`), and because of what."""

    item: str
    integrity: str
    reason: str


class Difference(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What people counted of a class and agency in a kind of place, and how many the books have there."""

    place: str
    mail_class: str
    agency: str
    counted: int
    booked: int


class ShiftCountTaken(_CustodyFact, frozen=True, tag=True, array_like=True, gc=True):
    """
    People counted what lies in the hall, without having seen the books, at the end of shift `shift`.

    `differences` are in the order of place, class and agency; `in_motion` how many items were where nobody can count them.
    """

    shift: int
    person: str
    in_motion: int
    differences: tuple[Difference, ...]


class ShiftAccount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    One shift of a class and agency ("" and "" for objects that were not announced), in items.

    opening + inducted = dispatched + returned + remade + identified + held + lost. `opening` was in custody, or lost, when the
    shift began; `identified` are objects that turned out to be announced items, which are inducted in their stead.
    """

    mail_class: str
    agency: str
    opening: int
    inducted: int
    dispatched: int
    returned: int
    remade: int
    identified: int
    held: int
    lost: int

    @property
    def difference(self) -> int:
        """Items that the shift cannot place; 0 when it balances (A2)."""
        gone = self.dispatched + self.returned + self.remade + self.identified
        return self.opening + self.inducted - gone - self.held - self.lost


class WaybillAccount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """
    Where the numbers of our range are, `first` to `last` (C2): issued = applied + open + voided + stock.

    A number is its item's for ever; a label that is spoilt is printed again under it. `applied` are on parcels that are on
    their way, in a bag or gone; `open` belong to items that are expected, in the hall without a sealed parcel, or lost;
    `voided` to items that left in another way, whose numbers must not be used again; `stock` belong to nobody yet.
    """

    indicator: str
    country: str
    first: int
    last: int
    applied: int
    open: int
    voided: int
    stock: int

    @property
    def difference(self) -> int:
        """Numbers that the account cannot place; 0 when it balances."""
        return self.last - self.first + 1 - self.applied - self.open - self.voided - self.stock


class ShiftClosed(_CustodyFact, frozen=True, tag=True, array_like=True, gc=True):
    """
    A shift is over 交班 (T4): the books from the border before, at `begun_us`, to here, and the discrepancies handed on.

    `counted_by` made the count, `closed_by` closed the shift.
    """

    shift: int
    begun_us: int
    counted_by: str
    closed_by: str
    accounts: tuple[ShiftAccount, ...]
    discrepancies: tuple[int, ...]
    waybills: WaybillAccount

"""The books of a shift for people: per mail class what was expected, where everything is, and whether it balances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from packcenter.core.custody import Account, balance_errors, books
from packcenter.core.lifecycle import IN_HALL
from packcenter.core.state import State
from packcenter.projections import receipts

UNANNOUNCED = "not announced"


class Books(msgspec.Struct, frozen=True):
    """
    All accounts, and every disagreement found; `errors` is empty when the books balance to the item.

    `receipts` are the counts of receipts by state, empty in a hall that waits for none.
    """

    accounts: list[Account]
    errors: list[str]
    receipts: dict[str, int] = {}

    @property
    def balanced(self) -> bool:
        """Whether every item is accounted for."""
        return not self.errors and not any(account.difference for account in self.accounts)


def take(state: State) -> Books:
    """Balance the books as they stand."""
    tracked = state.receipts or (state.hall is not None and state.hall.receipt_minutes)
    return Books(books(state), balance_errors(state), receipts.counts(state) if tracked else {})


def by_class(accounts: Iterable[Account]) -> list[Account]:
    """The accounts summed over agencies, in the accounts' order."""
    sums: dict[str, list[Account]] = {}
    for account in accounts:
        sums.setdefault(account.mail_class, []).append(account)
    return [_sum(name, parts) for name, parts in sums.items()]


def total(accounts: Iterable[Account]) -> Account:
    """One account over everything."""
    return _sum("total", list(accounts))


def _sum(name: str, parts: list[Account]) -> Account:
    in_hall: Counter[str] = Counter()
    hand: Counter[str] = Counter()
    for part in parts:
        in_hall.update(part.in_hall)
        hand.update(part.hand)
    return Account(
        mail_class=name,
        agency="",
        expected=sum(part.expected for part in parts),
        unexpected=sum(part.unexpected for part in parts),
        to_come=sum(part.to_come for part in parts),
        in_hall={kind: in_hall[kind] for kind in IN_HALL},
        hand=dict(sorted(hand.items())),
        lost=sum(part.lost for part in parts),
        dispatched=sum(part.dispatched for part in parts),
        returned=sum(part.returned for part in parts),
        remade=sum(part.remade for part in parts),
    )


def as_json(taken: Books) -> dict[str, object]:
    """The books as plain data: one row per class and agency, the totals, and the verdict."""
    return {
        "balanced": taken.balanced,
        "errors": taken.errors,
        "receipts": taken.receipts,
        "total": _row(total(taken.accounts)),
        "classes": [_row(account) for account in by_class(taken.accounts)],
        "accounts": [_row(account) for account in taken.accounts],
    }


def _row(account: Account) -> dict[str, object]:
    row: dict[str, object] = msgspec.structs.asdict(account)
    row["mail_class"] = account.mail_class or UNANNOUNCED
    row["difference"] = account.difference
    return row

"""How figures look on a terminal: books, times, journals. Tables are drawn by rich, loaded only for people, never for --json."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from packcenter.core.custody import Account
    from packcenter.projections.books import Books

HALL_WORDS = {
    "belt": "on belts",
    "lane": "in lanes",
    "cell": "in cells",
    "pack": "at baggers",
    "rack": "to rack",
    "bag": "in bags",
}
FIGURES = ("expected", "to come", *HALL_WORDS.values(), "hand", "lost", "dispatched", "returned", "remade", "difference")
WIDE = 130
"""Columns of a terminal that the books need with a row for each mail class."""


def console(*, stderr: bool = False) -> Console:
    """A console that knows whether it is a terminal, and NO_COLOR."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 140
    return Console(stderr=stderr, width=width, highlight=False)


def print_json(entry: Any) -> None:
    """One JSON object on standard output."""
    click.echo(msgspec.json.format(msgspec.json.encode(entry), indent=2).decode())


def local_time(at_us: int, utc_offset_minutes: int) -> str:
    """Core time as the hall's clocks show it."""
    zone = timezone(timedelta(minutes=utc_offset_minutes))
    return datetime.fromtimestamp(at_us / 1e6, zone).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def show_books(taken: Books, title: str) -> None:
    """Per mail class what was expected, where it is now, and whether that balances; then the exceptions with their reasons."""
    from packcenter.projections.books import UNANNOUNCED, by_class, total

    out = console()
    accounts = [(account.mail_class or UNANNOUNCED, account) for account in by_class(taken.accounts)]
    columns = [("total", total(taken.accounts)), *accounts] if out.width < WIDE else [*accounts, ("total", total(taken.accounts))]
    out.print(_narrow_table(title, columns) if out.width < WIDE else _wide_table(title, columns))
    _show_hand(out, total(taken.accounts).hand)
    if any(taken.receipts.values()):
        out.print(f"Receipts: {', '.join(f'{name} {count:,}'.replace('_', ' ') for name, count in taken.receipts.items())}.")
    _show_verdict(out, taken)


def _wide_table(title: str, accounts: list[tuple[str, Account]]) -> Table:
    """A row for each mail class."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("mail class")
    for name in FIGURES:
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for name, account in accounts:
        if name == "total":
            table.add_section()
        table.add_row(name.replace("_", " "), *_figures(account))
    return table


def _narrow_table(title: str, accounts: list[tuple[str, Account]]) -> Table:
    """A column for each mail class: fits a terminal of 80 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for name, _ in accounts:
        table.add_column(name.replace("_", " "), justify="right", min_width=6)
    columns = [list(_figures(account)) for _, account in accounts]
    for at, name in enumerate(FIGURES):
        table.add_row(name, *(column[at] for column in columns))
    return table


def _figures(account: Account) -> Iterable[str]:
    came = account.expected + account.unexpected
    gone = (account.dispatched, account.returned, account.remade)
    figures = (came, account.to_come, *account.in_hall.values(), sum(account.hand.values()), account.lost, *gone)
    return [*(f"{figure:,}" for figure in figures), f"{account.difference:+,}" if account.difference else "0"]


def _show_hand(out: Console, hand: dict[str, int]) -> None:
    if hand:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(hand.items(), key=lambda pair: (-pair[1], pair[0])))
        out.print(f"At the hand station: {reasons}.")


def _show_verdict(out: Console, taken: Books) -> None:
    if taken.balanced:
        out.print("[bold]The books balance to the item.[/bold]")
        return
    out.print("[bold red]THE BOOKS DO NOT BALANCE.[/bold red]")
    for error in taken.errors:
        out.print(f"  {error}")

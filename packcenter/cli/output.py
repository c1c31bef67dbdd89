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

    from packcenter.core.custody import Account
    from packcenter.projections.books import Books

HALL_WORDS = {"belt": "on belts", "lane": "in lanes", "pack": "at baggers", "rack": "to rack", "bag": "in bags"}


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
    from rich.table import Table

    from packcenter.projections.books import UNANNOUNCED, by_class, total

    table = Table(title=title, title_justify="left")
    for name in ("mail class", "expected", "to come", *HALL_WORDS.values(), "hand", "lost", "dispatched", "difference"):
        table.add_column(name, justify="left" if name == "mail class" else "right")
    classes = by_class(taken.accounts)
    for account in classes:
        table.add_row(account.mail_class or UNANNOUNCED, *_figures(account))
    table.add_section()
    table.add_row("total", *_figures(total(taken.accounts)))
    out = console()
    out.print(table)
    _show_hand(out, total(taken.accounts).hand)
    _show_verdict(out, taken)


def _figures(account: Account) -> Iterable[str]:
    came = account.expected + account.unexpected
    figures = (came, account.to_come, *account.in_hall.values(), sum(account.hand.values()), account.lost, account.dispatched)
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

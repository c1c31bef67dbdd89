"""
Checks of names that every kind of file needs: known or not, repeated or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from packcenter.config.errors import Finding, choice, quoted
from packcenter.config.fields import Closed
from packcenter.config.toml import KeyPath
from packcenter.config.validate import Loaded, Value

Findings = Iterator[Finding]


def known_names(loaded: Loaded[Any], table: str, key: str) -> set[str] | None:
    """The names that a list of tables defines; None if not all of them can be told."""
    tables: list[Closed] = getattr(loaded.model, table)
    if (table,) in loaded.holes or not all(loaded.sound(table, at, key) for at in range(len(tables))):
        return None
    return {getattr(each, key) for each in tables}


def unknown_name(loaded: Loaded[Any], path: KeyPath, name: str, known: Iterable[str], what: str, advice: str) -> Finding:
    names = sorted(known)
    rule = f"unknown-{what.split(' of ')[0].replace(' ', '-').lower()}"
    expected = f"a known {what}: {choice(names)}"
    return loaded.finding(path, rule, Value(name), expected, advice, known=names)


def check_names(loaded: Loaded[Any], path: KeyPath, names: Sequence[str], known: set[str] | None, what: str) -> Findings:
    for at, name in enumerate(names):
        if known is not None and loaded.sound(*path, at) and name not in known:
            yield unknown_name(loaded, (*path, at), name, known, what, "Nothing of that name could ever come.")


def unique_items(loaded: Loaded[Any], path: KeyPath, items: Sequence[str], what: str) -> Findings:
    seen: set[str] = set()
    for at, item in enumerate(items):
        if loaded.sound(*path, at) and item in seen:
            yield loaded.finding(
                (*path, at), "repeated", f"{quoted(item)} again", f"each {what} once", "Take the second one out."
            )
        seen.add(item)


def unique_tables(loaded: Loaded[Any], table: str, key: str, names: Sequence[str]) -> Findings:
    counts: Counter[str] = Counter()
    for at, name in enumerate(names):
        if loaded.sound(table, at, key):
            counts[name] += 1
            if counts[name] > 1:
                seen, advice = f"{quoted(name)} again", "Others could not tell the two apart; give each a name of its own."
                yield loaded.finding((table, at, key), "repeated", seen, f"a name that no other {table} has", advice)


def unique_numbers(loaded: Loaded[Any], path: KeyPath, numbers: Sequence[int], what: str) -> Findings:
    seen: set[int] = set()
    for at, number in enumerate(numbers):
        if not loaded.sound(*path, at, "number"):
            continue
        if number in seen:
            advice = f"Two {what}s with one number have one bit and one command between them."
            yield loaded.finding(
                (*path, at, "number"), "repeated", f"{number} again", f"a number that no other {what} has", advice
            )
        seen.add(number)

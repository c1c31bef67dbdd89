"""
TOML with positions: the values by `tomllib`, the line and column of every key and value by tree-sitter.

`parse` never raises for what a file holds: it returns a `Document`, or the findings that say why there is none.
Positions are looked up only when a fault must be shown, so a sound file costs no walk.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from packcenter.config.errors import Finding, quoted

FILE_BYTES_MAX = 1 << 20  # our largest file has 20 KiB; a megabyte is a wrong file, and tomllib would take seconds for it
DEPTH_MAX = 16  # our deepest key has 4 parts; tomllib needs quadratic time for keys of thousands of parts
DUPLICATES_MAX = 100  # enough to see the pattern of a file pasted twice

KeyPath = tuple[str | int, ...]

_LANGUAGE = Language(tree_sitter_toml.language())
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# Possessive, and beginning at a word's first character only: linear in the length of the file.
_KEY_PART = rb"""(?:(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(_KEY_PART + rb"(?:[ \t]*+\.[ \t]*+" + _KEY_PART + rb"){%d}" % DEPTH_MAX)
_TOMLLIB_PLACE = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL)
_REPEATS = ("Cannot overwrite", "Cannot declare", "Duplicate inline table key")
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "UTF-8"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))


class Place(NamedTuple):
    """Line and column, both from 1; columns count characters."""

    line: int
    column: int


class _Spot(NamedTuple):
    key: Place
    value: Place


@dataclass(frozen=True)
class Document:
    """A TOML file that could be read: `name` as shown to people, its bytes, its values, and where each of them stands."""

    name: str
    content: bytes
    values: dict[str, Any] = field(repr=False)

    @cached_property
    def _spots(self) -> dict[KeyPath, _Spot]:
        return dict(reversed(list(_walk(self.content))))  # of a repeated key the first place counts

    def key_place(self, path: KeyPath) -> Place:
        """Where the key stands; if it is not in the file, where the nearest table around it begins."""
        return self._spot(path).key

    def value_place(self, path: KeyPath) -> Place:
        """Where the key's value stands; if it is not in the file, where the nearest table around it begins."""
        return self._spot(path).value

    def _spot(self, path: KeyPath) -> _Spot:
        for end in range(len(path), 0, -1):
            spot = self._spots.get(path[:end])
            if spot is not None:
                return spot
        return _Spot(Place(1, 1), Place(1, 1))


def key_text(path: KeyPath) -> str:
    """A path as people write it: `$.sorter[0].lane[2].feeds`; "" for the whole file."""
    text = "$"
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if _BARE_KEY.fullmatch(part) else f".{quoted(part)}"
    return text if path else ""


def parse(name: str, content: bytes) -> Document | list[Finding]:
    """Read a file's bytes; the findings if they are not TOML that we accept."""
    if len(content) > FILE_BYTES_MAX:
        return [too_large(name, len(content))]
    text = _decoded(name, content)
    if isinstance(text, Finding):
        return [text]
    long_key = _LONG_KEY.search(content)
    if long_key is not None:
        place = _place_at(content, long_key.start())
        return [_fault(name, place, "depth", f"a key of more than {DEPTH_MAX} parts", f"at most {DEPTH_MAX} parts")]
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _syntax_findings(name, content, str(error))
    except RecursionError:
        return [_fault(name, Place(0, 0), "depth", "nested too deeply", f"at most {DEPTH_MAX} levels of tables and lists")]
    except ValueError as error:  # an integer of thousands of digits
        return [_fault(name, Place(0, 0), "syntax", quoted(str(error)), "TOML 1.0 with 64-bit integers")]
    if _is_deep(values):
        return [_fault(name, Place(0, 0), "depth", "nested too deeply", f"at most {DEPTH_MAX} levels of tables and lists")]
    return Document(name, content, values)


def too_large(name: str, size: int) -> Finding:
    """The finding for a file of too many bytes."""
    return _fault(
        name, Place(0, 0), "size", f"{size:,} bytes", f"at most {FILE_BYTES_MAX:,}", "It was not read; is it the right file?"
    )


def _fault(name: str, place: Place, rule: str, seen: str, expected: str, advice: str = "") -> Finding:
    return Finding(name, place.line, place.column, "", rule, seen, expected, advice=advice)


def _decoded(name: str, content: bytes) -> str | Finding:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            advice = "Save the file again as UTF-8 without a byte order mark."
            return _fault(name, Place(1, 1), "encoding", f"{encoding} with a byte order mark", "UTF-8 without one", advice)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        seen = f"not UTF-8 (byte 0x{content[error.start]:02X})"
        advice = "Save the file again as UTF-8; Chinese text saved as GBK looks like this."
        return _fault(name, _place_at(content, error.start), "encoding", seen, "UTF-8", advice)


def _syntax_findings(name: str, content: bytes, message: str) -> list[Finding]:
    """tomllib stops at the first fault; repeated keys we find all, and say where the first one stands."""
    repeats = list(_repeated(name, content))
    said = _TOMLLIB_PLACE.match(message)
    what = said["what"] if said else message
    if repeats and what.startswith(_REPEATS):
        return repeats
    if said and said["line"]:
        place = Place(int(said["line"]), int(said["column"]))
    else:
        place = _place_at(content, len(content))
    advice = "Nothing else in this file was checked; mend this first."
    return [*repeats, _fault(name, place, "syntax", _lower_first(what), "TOML 1.0", advice)]


def _lower_first(what: str) -> str:
    what = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in what[:200])
    return f"broken: {what[:1].lower()}{what[1:]}"


def _repeated(name: str, content: bytes) -> Iterator[Finding]:
    first: dict[KeyPath, Place] = {}
    found = 0
    for path, spot in _walk(content):
        if isinstance(path[-1], int):
            continue
        before = first.setdefault(path, spot.key)
        if before != spot.key and found < DUPLICATES_MAX:
            found += 1
            advice = f"It stands first in line {before.line}; keep one of the two."
            yield Finding(name, *spot.key, key_text(path), "repeated-key", "there again", "each key once", advice=advice)


def _place_at(content: bytes, offset: int) -> Place:
    before = content[:offset]
    line_start = before.rfind(b"\n") + 1
    return Place(before.count(b"\n") + 1, len(before[line_start:].decode("utf-8", "replace")) + 1)


def _is_deep(values: dict[str, Any]) -> bool:
    stack: list[tuple[Any, int]] = [(values, 1)]
    while stack:
        value, depth = stack.pop()
        if isinstance(value, dict | list):
            if depth > DEPTH_MAX:
                return True
            stack += [(inner, depth + 1) for inner in (value.values() if isinstance(value, dict) else value)]
    return False


# --- positions: one walk over tree-sitter's tree -----------------------------------------------------------------------


def _walk(content: bytes) -> Iterator[tuple[KeyPath, _Spot]]:
    """
    Every key, table and list element of the file with its path and place, in the order of the file.

    Also of a broken file, as far as tree-sitter can follow it; what lies deeper than `DEPTH_MAX` is passed over.
    """
    columns = _Columns(content)
    elements: dict[KeyPath, int] = {}  # path of an array of tables -> index of its newest element
    for node in Parser(_LANGUAGE).parse(content).root_node.named_children:
        if node.type == "pair":
            yield from _pair(node, (), columns)
        elif node.type in ("table", "table_array_element"):
            yield from _table(node, elements, columns)


def _table(node: Node, elements: dict[KeyPath, int], columns: _Columns) -> Iterator[tuple[KeyPath, _Spot]]:
    header = next((child for child in node.named_children if child.type.endswith("_key")), None)
    parts = _key_parts(header) if header is not None else []
    if header is None or not parts:
        return
    base: KeyPath = ()
    for part in parts[:-1]:
        base = (*base, part)
        if base in elements:
            base = (*base, elements[base])
    base = (*base, parts[-1])
    spot = _Spot(columns.place(header), columns.place(header))
    if node.type == "table_array_element":
        if base not in elements:
            yield base, spot
        elements[base] = elements.get(base, -1) + 1
        base = (*base, elements[base])
    yield base, spot
    for child in node.named_children:
        if child.type == "pair":
            yield from _pair(child, base, columns)


def _pair(node: Node, base: KeyPath, columns: _Columns) -> Iterator[tuple[KeyPath, _Spot]]:
    stack: list[tuple[Node, KeyPath]] = [(node, base)]
    while stack:
        pair, above = stack.pop()
        inner = [child for child in pair.named_children if child.type != "comment"]
        if len(inner) < 2 or not inner[0].type.endswith("_key"):
            continue
        parts = _key_parts(inner[0])
        path = (*above, *parts)
        if not parts or len(path) > DEPTH_MAX:
            continue
        yield path, _Spot(columns.place(inner[0]), columns.place(inner[1]))
        values: list[tuple[Node, KeyPath]] = [(inner[1], path)]
        pairs: list[tuple[Node, KeyPath]] = []
        while values:
            value, where = values.pop()
            if value.type == "inline_table":
                pairs += [(child, where) for child in value.named_children if child.type == "pair"]
            elif value.type == "array" and len(where) < DEPTH_MAX:
                items = [child for child in value.named_children if child.type != "comment"]
                for at, item in enumerate(items):
                    place = columns.place(item)
                    yield (*where, at), _Spot(place, place)
                values += [(item, (*where, at)) for at, item in reversed(list(enumerate(items)))]
        stack += reversed(pairs)


def _key_parts(node: Node) -> list[str]:
    parts: list[str] = []
    stack = [node]
    while stack and len(parts) <= DEPTH_MAX:
        key = stack.pop()
        if key.type == "dotted_key":
            stack += reversed(key.named_children)
        else:
            parts.append(_key_name(key))
    return parts


def _key_name(node: Node) -> str:
    text = (node.text or b"").decode("utf-8", "replace")
    if node.type != "quoted_key":
        return text
    try:
        return next(iter(tomllib.loads(f"{text} = 0")))
    except (tomllib.TOMLDecodeError, StopIteration):
        return text


class _Columns:
    """Turns tree-sitter's byte columns into characters."""

    def __init__(self, content: bytes) -> None:
        self._lines = content.split(b"\n")

    def place(self, node: Node) -> Place:
        row, column = node.start_point
        line = self._lines[row] if row < len(self._lines) else b""
        return Place(row + 1, len(line[:column].decode("utf-8", "replace")) + 1)

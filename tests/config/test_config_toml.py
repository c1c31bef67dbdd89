"""TOML with positions: values, places of keys and values, and what is refused before any schema is asked."""

from __future__ import annotations

import codecs
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packcenter.config.errors import Finding
from packcenter.config.toml import DEPTH_MAX, FILE_BYTES_MAX, Document, KeyPath, key_text, parse

TEXT = """\
# 注释
name = "南京"
site.x . "y z" = 3
[table]
list = [ 1, # one
  { a = 2, b = [true] },
]
[[lane]]
number = 1
[[lane]]
number = 2
[lane.part]
'q' = 1
[[lane.eye]]
at = 5
"""


def document(text: str) -> Document:
    parsed = parse("a.toml", text.encode())
    assert isinstance(parsed, Document), parsed
    return parsed


def findings(content: bytes) -> list[Finding]:
    parsed = parse("a.toml", content)
    assert isinstance(parsed, list), parsed
    return parsed


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("name",), (2, 1), (2, 8)),
        (("site", "x", "y z"), (3, 1), (3, 18)),
        (("table",), (4, 2), (4, 2)),
        (("table", "list"), (5, 1), (5, 8)),
        (("table", "list", 0), (5, 10), (5, 10)),
        (("table", "list", 1, "b"), (6, 12), (6, 16)),
        (("table", "list", 1, "b", 0), (6, 17), (6, 17)),
        (("lane",), (8, 3), (8, 3)),
        (("lane", 1, "number"), (11, 1), (11, 10)),
        (("lane", 1, "part", "q"), (13, 1), (13, 7)),
        (("lane", 1, "eye", 0, "at"), (15, 1), (15, 6)),
        (("lane", 1, "missing"), (10, 3), (10, 3)),
        (("nowhere", "at", "all"), (1, 1), (1, 1)),
    ],
)
def test_places(path: KeyPath, key: tuple[int, int], value: tuple[int, int]) -> None:
    """Line and column of keys and values count from 1; what is missing is at the nearest table around it."""
    read = document(TEXT)
    assert (read.key_place(path), read.value_place(path)) == (key, value)


def test_columns_count_characters() -> None:
    """Two Chinese characters before a key move it by two columns, not by six bytes."""
    assert document('a = { "南京" = 1, b = 2 }').key_place(("a", "b")) == (1, 17)


def test_every_value_has_its_place() -> None:
    """Whatever tomllib finds in the file, the walk finds too."""
    read = document(TEXT)
    stack: list[tuple[KeyPath, object]] = [((), read.values)]
    while stack:
        path, value = stack.pop()
        assert path in read._spots or path in ((), ("site",), ("site", "x")), path
        if isinstance(value, dict):
            stack += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            stack += [((*path, at), inner) for at, inner in enumerate(value)]


def test_key_text() -> None:
    """A path reads like JSONPath, and a key that is not bare stands in quotes."""
    assert key_text(("plc", 0, "a b", "c")) == '$.plc[0]."a b".c'
    assert key_text(()) == ""


@pytest.mark.parametrize(
    ("content", "rule", "place", "words"),
    [
        (b"a = 1\nb = tru\n", "syntax", (2, 5), "invalid value"),
        (b"a = [1,\n2", "syntax", (2, 2), "unclosed array"),
        (b"a = 1 b = 2", "syntax", (1, 7), "expected newline"),
        (b'a = "x\ny"', "syntax", (1, 7), "illegal character"),
        (b"a = 'x\x00'", "syntax", (1, 7), "invalid character"),
        (b"a = 1\na = 2\n", "repeated-key", (2, 1), "$.a"),
        (b"[a]\nb = 1\n[a]\n", "repeated-key", (3, 2), "line 1"),
        (b"a = { b = 1, b = 2 }", "repeated-key", (1, 14), "$.a.b"),
        (b"a = 1\n[a]\nb = 2\n", "repeated-key", (2, 2), "line 1"),
        (b"a = 1\nb = '\xd6\xd0'\n", "encoding", (2, 6), "0xD6"),
        (codecs.BOM_UTF8 + b"a = 1", "encoding", (1, 1), "byte order mark"),
        ("a = 1".encode("utf-16"), "encoding", (1, 1), "UTF-16"),
        (b"#" * (FILE_BYTES_MAX + 1), "size", (0, 0), "1,048,577 bytes"),
        (b".".join([b"a"] * (DEPTH_MAX + 1)) + b" = 1", "depth", (1, 1), "more than 16"),
        (b"a = " + b"[" * 5000, "depth", (0, 0), "nested too deeply"),
        (b"a = " + b"[" * 17 + b"]" * 17, "depth", (0, 0), "nested too deeply"),
        (b"a = 1" + b"0" * 5000, "syntax", (0, 0), "4300 digits"),
    ],
)
def test_refused(content: bytes, rule: str, place: tuple[int, int], words: str) -> None:
    """What is not TOML, not UTF-8, too large or too deep is one finding that says where and what."""
    found = findings(content)
    assert [(each.rule, (each.line, each.column)) for each in found] == [(rule, place)], found
    assert words in str(found[0])


def test_every_repeated_key_is_named() -> None:
    """tomllib stops at the first repeated key; the walk names them all."""
    found = findings(b"a = 1\nb = 1\na = 2\n[t]\nc = 1\nc = 2\n")
    assert [(each.key, each.line) for each in found] == [("$.a", 3), ("$.t.c", 6)]


@pytest.mark.parametrize(
    "piece", [b"a", b"a.", b"a ", b'"', b"'", b'"".', b".", b"[", b"{", b"a=1\n", b"[a]\n", b"# \xe5\x8d\x97\n"]
)
def test_a_large_file_of_one_thing_ends_soon(piece: bytes) -> None:
    """No repeated piece makes reading quadratic: 100 KiB of it are refused or read at once."""
    parse("a.toml", (piece * 100_000)[:100_000])


def test_a_million_dotted_keys_take_no_time() -> None:
    """tomllib needs hours for one key of half a million parts; it is refused before."""
    assert findings(b".".join([b"a"] * 500_000) + b" = 1")[0].rule == "depth"


_KEYS = st.sampled_from(["a", "b", '"q.r"', "'s t'", "a.b", '"\\u00e9".c', "x . y"])
_VALUES = st.recursive(
    st.sampled_from(["1", '"南"', "true", "1.5", "2026-01-01", '"""\nm"""', "''"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ",\n".join(items) + "]"),
        st.lists(st.tuples(st.sampled_from("abc"), inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs) + "}"
        ),
    ),
    max_leaves=6,
)
_LINES = st.one_of(
    st.tuples(_KEYS, _VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    _KEYS.map(lambda key: f"[{key}]"),
    _KEYS.map(lambda key: f"[[{key}]]"),
    st.sampled_from(["# c", "", "=", "[", "]]", '"', "'''", "a ="]),
    st.text(max_size=8),
)


@settings(max_examples=150)
@given(st.one_of(st.lists(_LINES, max_size=12).map("\n".join).map(str.encode), st.binary(max_size=60)))
def test_any_bytes_give_a_document_or_findings(content: bytes) -> None:
    """Nothing that a file holds raises; what tomllib takes is a document with the same values, and every value has a place."""
    parsed = parse("a.toml", content)
    try:
        values = tomllib.loads(content.decode())
    except ValueError:
        assert isinstance(parsed, list)
        assert parsed
        assert all(each.seen and each.expected and each.line >= 0 for each in parsed)
        return
    assert isinstance(parsed, Document), parsed
    assert parsed.values == values
    lines = content.decode().split("\n")
    for path, spot in parsed._spots.items():
        assert 1 <= spot.key.line <= len(lines), (path, spot)
        assert 1 <= spot.key.column <= len(lines[spot.key.line - 1]) + 1, (path, spot)

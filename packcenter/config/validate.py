"""
From a document to a model, with every fault of the schema as a finding.

A file with faults still gives a model, so that the checks across files run in the same go: each faulty value is
replaced by a filler of the right type and its path is remembered as a *hole*. No check may rest on a hole
(`Loaded.sound`), so a fault is reported once and has no echo.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from packcenter.config.errors import Finding, choice, nearest, shown
from packcenter.config.fields import Closed
from packcenter.config.models import PATTERN_WORDS
from packcenter.config.toml import Document, KeyPath, key_text

FINDINGS_MAX = 500  # of one file; nobody reads more, and difflib needs a millisecond for each unknown key

M_co = TypeVar("M_co", bound=Closed, covariant=True)
M = TypeVar("M", bound=Closed)
_Schema = dict[str, Any]


@dataclass(frozen=True)
class Loaded(Generic[M_co]):
    """A file's model with the document it came from; `holes` are the paths whose value is only a filler."""

    document: Document
    model: M_co
    holes: frozenset[KeyPath] = field(default=frozenset())

    @property
    def whole(self) -> bool:
        """Whether the model is exactly what the file says."""
        return not self.holes

    def sound(self, *path: str | int) -> bool:
        """Whether nothing at, in or around this path is a filler."""
        return not any(path[: len(hole)] == hole or hole[: len(path)] == path for hole in self.holes)

    def finding(
        self,
        path: KeyPath,
        rule: str,
        seen: object,
        expected: str,
        advice: str,
        *,
        known: Iterable[str] = (),
        at_key: bool = False,
    ) -> Finding:
        """A finding at a path of this file; `seen` is a `str` sentence part, or a `Value` to be shown as TOML."""
        place = self.document.key_place(path) if at_key else self.document.value_place(path)
        text = shown(seen.value) if isinstance(seen, Value) else str(seen)
        like = nearest(seen.value, known) if isinstance(seen, Value) and isinstance(seen.value, str) else ""
        return Finding(self.document.name, *place, key_text(path), rule, text, expected, like, advice)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the file, as distinct from words about it."""

    value: object


def validate(document: Document, model: type[M]) -> tuple[Loaded[M] | None, list[Finding]]:
    """The file's model and its schema faults; no model if the faults are such that not even fillers help."""
    try:
        return Loaded(document, model.model_validate(document.values)), []
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
    findings = [_finding(document, model, error) for error in errors[:FINDINGS_MAX]]
    if len(errors) > FINDINGS_MAX:
        return None, [*findings, _too_many(document, len(errors))]
    values = copy.deepcopy(document.values)
    holes = set()
    for error in sorted(errors, key=lambda error: -len(error["loc"])):  # inner before outer, which may replace it
        path = error["loc"]
        inner: Any = values
        for part in path[:-1]:
            inner = inner[part]
        if error["type"] == "extra_forbidden":
            del inner[path[-1]]
        else:
            holes.add(path)
            inner[path[-1]] = _filler(_schema_of(model), _schema_at(model, path))
    try:
        return Loaded(document, model.model_validate(values), frozenset(holes)), findings
    except ValidationError:
        return None, findings


def _finding(document: Document, model: type[Closed], error: ErrorDetails) -> Finding:
    path = error["loc"]
    kind = error["type"]
    if kind == "extra_forbidden":
        known = sorted(_schema_at(model, path[:-1]).get("properties", ()))
        like = nearest(str(path[-1]), known)
        advice = "Nothing reads it; correct the name or take it out."
        return Finding(
            document.name, *document.key_place(path), key_text(path), "unknown-key", "not a key here", choice(known), like, advice
        )
    node = _schema_at(model, path)
    means = _means(model, path)
    if kind == "missing":
        expected = _expected_type(node)
        return Finding(document.name, *document.key_place(path), key_text(path), "missing-key", "missing", expected, "", means)
    expected_of = _EXPECTED.get(kind)
    expected = expected_of(error, node) if expected_of else error["msg"]
    seen = error["input"]
    like = nearest(seen, (str(name) for name in _choices(node))) if isinstance(seen, str) else ""
    place = document.value_place(path)
    return Finding(document.name, *place, key_text(path), "bad-value", shown(seen), expected, like, means)


def _too_many(document: Document, count: int) -> Finding:
    expected = f"at most {FINDINGS_MAX} faults"
    return Finding(document.name, 0, 0, "", "too-many", f"{count:,} times at fault", expected, "", "The rest is not shown.")


# --- the schema as data: what is expected at a path, and a filler for it ------------------------------------------------


@cache
def _schema_of(model: type[Closed]) -> _Schema:
    return model.model_json_schema(by_alias=True)


def _schema_at(model: type[Closed], path: KeyPath) -> _Schema:
    """The schema of a path; references are followed, a description beside one is kept; {} where there is none."""
    root = _schema_of(model)
    node: _Schema = root
    for part in path:
        node = node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
        node = _followed(root, node)
    return node


def _means(model: type[Closed], path: KeyPath) -> str:
    """What the key is for; of an element, what its list is for."""
    while path:
        description = _schema_at(model, path).get("description")
        if description:
            return str(description)
        path = path[:-1]
    return ""


def _followed(root: _Schema, node: _Schema) -> _Schema:
    if "anyOf" in node:  # an optional value: the first is the value, the second null
        node = {**node["anyOf"][0], **{key: value for key, value in node.items() if key != "anyOf"}}
    if "$ref" in node:
        target = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _choices(node: _Schema) -> list[object]:
    return [node["const"]] if "const" in node else list(node.get("enum", ()))


def _expected_type(node: _Schema) -> str:
    choices = _choices(node)
    if choices:
        return choice_of(choices)
    kind = node.get("type")
    if kind == "integer" and "minimum" in node and node["minimum"] == node.get("maximum"):
        return str(node["minimum"])
    if kind == "integer" and "minimum" in node and "maximum" in node:
        return f"an integer from {node['minimum']:,} to {node['maximum']:,}"
    if kind == "string" and "pattern" in node:
        return PATTERN_WORDS.get(node["pattern"], "text")
    return _TYPE_WORDS.get(str(kind), "a value")


def choice_of(values: Iterable[object]) -> str:
    """`"a" or "b"`, `0 or 1`: fixed values that may stand somewhere, as TOML."""
    return " or ".join(shown(value) for value in values)


_TYPE_WORDS = {
    "integer": "an integer",
    "string": "text in quotes",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}

_Expected = Callable[[ErrorDetails, _Schema], str]
_EXPECTED: dict[str, _Expected] = {
    "literal_error": lambda _, node: _expected_type(node),
    "int_type": lambda _, node: _expected_type(node),
    "string_type": lambda _, node: _expected_type(node),
    "bool_type": lambda _, node: _expected_type(node),
    "list_type": lambda _, node: _expected_type(node),
    "model_type": lambda _, node: _expected_type(node),
    "string_pattern_mismatch": lambda _, node: _expected_type(node),
    "greater_than_equal": lambda _, node: _expected_type(node),
    "less_than_equal": lambda _, node: _expected_type(node),
    "string_too_short": lambda _, node: f"at least {node.get('minLength')} characters",
    "string_too_long": lambda _, node: f"at most {node.get('maxLength')} characters",
    "too_short": lambda _, node: f"at least {node.get('minItems')}",
    "too_long": lambda _, node: f"at most {node.get('maxItems')}",
}


def _filler(root: _Schema, node: _Schema) -> object:
    node = _followed(root, node)
    if "examples" in node:
        return copy.deepcopy(node["examples"][0])
    if _choices(node):
        return _choices(node)[0]
    match node.get("type"):
        case "integer":
            return node.get("minimum", 0)
        case "boolean":
            return False
        case "array":
            return [_filler(root, node["items"]) for _ in range(node.get("minItems", 0))]
        case "object":
            return {name: _filler(root, node["properties"][name]) for name in node.get("required", ())}
        case _:
            return "x"


def file_finding(name: str, rule: str, seen: str, expected: str, advice: str) -> Finding:
    """A finding about a file as a whole."""
    return Finding(name, 0, 0, "", rule, seen, expected, "", advice)

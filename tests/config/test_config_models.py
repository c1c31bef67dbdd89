"""The schema that editors use is the schema that the loader checks, and every key says what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from packcenter.config import schema
from packcenter.config.models import MODELS, PATTERN_WORDS, SCHEMA_KINDS


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of a schema."""
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_schema(kind: str) -> None:
    """Closed tables, described keys, and for each pattern words that an error can use."""
    made = schema(kind)
    assert made["$id"] == f"urn:packcenter:schema:{kind}:1"
    assert made["properties"]["schema"]["const"] in SCHEMA_KINDS
    for node in nodes(made):
        if node.get("type") == "object" and "properties" in node:
            assert node["additionalProperties"] is False, node
            for name, key in node["properties"].items():
                target = made["$defs"][key["$ref"].removeprefix("#/$defs/")] if "$ref" in key else key
                assert key.get("description") or target.get("description"), (node.get("title"), name)
        if isinstance(node.get("pattern"), str):
            assert node["pattern"] in PATTERN_WORDS, node["pattern"]


def test_an_unknown_kind() -> None:
    """There are four kinds of files."""
    with pytest.raises(KeyError):
        schema("bill")

"""What every test may use: the option that rewrites the expectations of the interaction scripts."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --rewrite`: scripts record what happens instead of checking it. Read the diff as if a colleague wrote it."""
    parser.addoption("--rewrite", action="store_true", help="rewrite the expectations in tests/scripts/*.txt")

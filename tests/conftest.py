"""
What every test may use: the option that rewrites the expectations of the interaction scripts, and the rotation.

Each commit looks at other seeds: `PACKCENTER_ROTATION` (the Makefile gives the number of commits) is where they begin. It is
printed below the tests; the same number repeats the same seeds.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# How long an example takes is no test's business: `make bench` measures.
settings.register_profile("packcenter")
settings.load_profile("packcenter")

ROTATION = int(os.environ.get("PACKCENTER_ROTATION", "0"))


@pytest.fixture(scope="session")
def rotation() -> int:
    """Which turn it is, for tests that look at a share of many seeds."""
    return ROTATION


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how the seeds of this run can be had again."""
    terminalreporter.write_line(f"rotating seeds: PACKCENTER_ROTATION={ROTATION}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --rewrite`: scripts record what happens instead of checking it. Read the diff as if a colleague wrote it."""
    parser.addoption("--rewrite", action="store_true", help="rewrite the expectations in tests/scripts/*.txt")

"""The clocks and the luck that the protocol libraries take for themselves are known and given by the virtual world."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib import import_module

import pytest

from simulation.virtual import shim


@pytest.mark.parametrize("library", shim.LIBRARIES)
def test_every_user_of_time_or_chance_in_a_library_is_listed(library: str) -> None:
    """A release that gains one must be looked at, and listed with what becomes of it, before its digests are trusted."""
    listed = {module: asked for module, (_, asked) in shim.USERS.items() if module.startswith(library)}
    assert shim.found_users(library) == listed


def test_both_libraries_get_the_virtual_clock_and_then_their_own_back() -> None:
    """Monotonic time, wall time and nonces, in the modules that ask; nothing stays."""
    names = [
        (module, each.partition(".")[0])
        for module, (becomes, asked) in shim.USERS.items()
        if becomes == shim.GIVEN
        for each in asked
    ]
    before = [getattr(import_module(module), name) for module, name in names]
    with shim.installed(lambda: 5_000_000, lambda: 1_000_000, seed=1):
        subscription = import_module("asyncua.server.internal_subscription")
        assert subscription.time.monotonic() == 5.0
        connection = import_module("asyncua.common.connection")
        assert connection.datetime.now(UTC) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
        assert isinstance(datetime.now(UTC), connection.datetime)
        utils = import_module("asyncua.common.utils")
        nonce = utils.create_nonce(32)
        assert len(nonce) == 32
    with shim.installed(lambda: 0, lambda: 0, seed=1):
        assert utils.create_nonce(32) == nonce
    with shim.installed(lambda: 0, lambda: 0, seed=2):
        assert utils.create_nonce(32) != nonce
    assert [getattr(import_module(module), name) for module, name in names] == before
    assert subscription.time is time


def test_sessions_are_numbered_afresh_in_each_world() -> None:
    """asyncua counts them per process for ever: the second world of a process would say other bytes, and the 1000th none."""
    sessions = import_module("asyncua.server.internal_session").InternalSession
    before = sessions._counter, sessions._current_connections
    for _ in range(2):
        with shim.installed(lambda: 0, lambda: 0, seed=1):
            assert (sessions._counter, sessions._current_connections) == (10, 0)
            sessions._counter, sessions._current_connections = 77, 900
    assert (sessions._counter, sessions._current_connections) == before

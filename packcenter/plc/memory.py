"""A wire without sockets: the peer is a callable. For tests, and for a plant in the same process and virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class MemoryWire:
    """
    One connection to a peer in memory.

    `peer` gets the 114 words of `In`, or None when it is only read, and gives the 125 words of `Out`; what it raises
    (`PlcError`) ends the connection as a failure of a real wire would.
    """

    pushes = False

    def __init__(self, peer: Callable[[list[int] | None], list[int]]) -> None:
        self._peer = peer
        self.how = "in memory"

    async def connect(self, wake: asyncio.Event) -> None:
        """There is nothing to connect; the peer never pushes, so `wake` is left alone."""

    async def exchange(self, words: list[int] | None) -> list[int] | None:
        return self._peer(words)

    async def close(self) -> None:
        """Nothing to close."""

"""
Random numbers of the simulation: the only place that makes them, integers only, the same on every machine.

Two kinds, for two needs:

- a *named stream* (`Stream`, `generator`) for draws in an order, such as the arrivals of one agency. Its name makes it,
  not the order of creation, so that a new station shifts nobody's luck: `SeedSequence(seed, spawn_key=(crc32(name), ...))`;
- a *keyed draw* (`Keyed`) for what happens to one item at one stage. It has no state: the 64-bit number is splitmix64's
  finaliser of (seed, item, stage), so an item that a changed plan does not touch meets the same luck, whatever others do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from zlib import crc32

import numpy as np

_BLOCK: Final = 256  # a scalar numpy draw costs 20 times one from a block of this size
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_GOLDEN: Final = 0x9E37_79B9_7F4A_7C15
_STAGE: Final = 0xD1B5_4A32_D192_ED03
_MIX_1: Final = 0xBF58_476D_1CE4_E5B9
_MIX_2: Final = 0x94D0_49BB_1331_11EB


def _bits(seed: int, name: str, more: tuple[int, ...]) -> np.random.PCG64DXSM:
    return np.random.PCG64DXSM(np.random.SeedSequence(seed, spawn_key=(crc32(name.encode()), *more)))


def generator(seed: int, name: str, *more: int) -> np.random.Generator:
    """A numpy generator of its own for `name` (and numbers, such as a replication), for whole arrays at once; draw integers."""
    return np.random.Generator(_bits(seed, name, more))


class Stream:
    """A named stream of integers, drawn in blocks."""

    __slots__ = ("_at", "_bits", "_block")

    def __init__(self, seed: int, name: str, *more: int) -> None:
        self._bits = _bits(seed, name, more)
        self._block: list[int] = []
        self._at = 0

    def draw(self) -> int:
        """The next 64-bit number."""
        if self._at == len(self._block):
            self._block = self._bits.random_raw(_BLOCK).tolist()
            self._at = 0
        self._at += 1
        return self._block[self._at - 1]

    def below(self, n: int) -> int:
        """An integer from 0 to n - 1, n up to 2**32 (the bias is below n / 2**64)."""
        return self.draw() * n >> 64

    def between(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, ends included."""
        return low + self.below(high - low + 1)


def key_of(code: str) -> int:
    """The key of an item for `Keyed`: CRC-32 of its code. Two items may share one; then they share their luck, no more."""
    return crc32(code.encode())


class Keyed:
    """Draws without state, by item key and stage."""

    __slots__ = ("_base",)

    def __init__(self, seed: int) -> None:
        self._base = _finish(seed * _GOLDEN + 1 & _MASK)

    def draw(self, key: int, stage: int) -> int:
        """The 64-bit number of item `key` at `stage`."""
        return _finish(self._base + key * _GOLDEN + stage * _STAGE & _MASK)

    def below(self, n: int, key: int, stage: int) -> int:
        """An integer from 0 to n - 1 for item `key` at `stage`, n up to 2**32."""
        return _finish(self._base + key * _GOLDEN + stage * _STAGE & _MASK) * n >> 64

    def at_stage(self, stage: int) -> Callable[[int], int]:
        """`draw` for one stage, as a function of the item's key; for hot paths."""
        base = self._base + stage * _STAGE

        def draw(key: int) -> int:
            z = base + key * _GOLDEN & _MASK
            z = (z ^ z >> 30) * _MIX_1 & _MASK
            z = (z ^ z >> 27) * _MIX_2 & _MASK
            return z ^ z >> 31

        return draw


def _finish(z: int) -> int:
    """Splitmix64's finaliser: every input bit changes each output bit about half the time."""
    z = (z ^ z >> 30) * _MIX_1 & _MASK
    z = (z ^ z >> 27) * _MIX_2 & _MASK
    return z ^ z >> 31

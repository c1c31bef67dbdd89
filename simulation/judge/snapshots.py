"""
Snapshots as witnesses: each names a place that must exist in the journal. Their states are not looked at.

A journal whose last groups were cut off and replaced by zeros looks sound from inside; a snapshot behind its end shows
it. A snapshot that is not whole proves nothing, and is only noted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from struct import Struct
from typing import Final

_NAME: Final = re.compile(r"snapshot-(\d{20})\.pcs")
_HEAD: Final = Struct("<8sHHIQQQ32s32s")
_MAGIC: Final = b"PACKSNAP"
_HEAD_BYTES: Final = 104


class Claims:
    """The places that the snapshots of a journal claim, and whether they were seen."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.notes: list[str] = []
        self.wrong: list[str] = []
        self._open: dict[int, tuple[str, tuple[int, int, bytes, bytes]]] = {}
        for name in sorted(files):
            hit = _NAME.fullmatch(name)
            if hit is None:
                continue
            try:
                data = files[name]
            except FileNotFoundError:  # a service that runs beside us removes old ones
                continue
            self._take(name, int(hit[1]), data)

    def _take(self, name: str, sequence: int, data: bytes) -> None:
        if len(data) < _HEAD_BYTES + 32 or sha256(memoryview(data)[:-32]).digest() != data[-32:]:
            self.notes.append(f"{name} is not whole, so it proves nothing")
            return
        magic, version, _, segment, offset, said, length, chain, digest = _HEAD.unpack_from(data)
        if magic != _MAGIC or version != 1:
            self.notes.append(f"{name} is of another format, so it proves nothing")
        elif said != sequence or length != len(data) - _HEAD_BYTES - 32:
            self.notes.append(f"{name} says record {said} and {length} bytes of state, so it proves nothing")
        else:
            self._open[sequence] = (name, (segment, offset, chain, digest))

    def check(self, sequence: int, segment: int, offset: int, chain: bytes, digest: bytes) -> None:
        """The journal stands here between two groups, or before the first of a segment."""
        if sequence not in self._open:
            return
        name, claim = self._open[sequence]
        here = (segment, offset, chain, digest)
        if claim == here:
            del self._open[sequence]
        elif claim[:2] == here[:2]:
            del self._open[sequence]
            self.wrong.append(f"{name} was made at another journal: chain or decision digest differ after record {sequence}")

    def unseen(self) -> list[str]:
        """One sentence for each snapshot whose place the journal does not have. Ask after reading everything."""
        return [
            f"{name} stands after record {sequence} in segment {claim[0]} at offset {claim[1]}, where the journal has no end"
            " of a group; groups were cut off, or it is another journal"
            for sequence, (name, claim) in sorted(self._open.items())
        ]

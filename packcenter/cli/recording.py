"""Simulated runs as journals: what `replay`, `item`, `books` and `judge` read."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from packcenter.cli.codes import USAGE, ToldError
from packcenter.journal.frames import Draft, Identity
from packcenter.journal.journal import Journal
from packcenter.real import RealClock, RealDisk

GROUP = 512
"""Records of a group: a simulated run does not wait for the disk."""


class Recorder:
    """Writes the simulated run into a journal, in whole groups."""

    def __init__(self, folder: Path, centre: str, digest: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        identity = Identity(centre, version("packcenter"), bytes.fromhex(digest), bytes(32))
        self._disk = RealDisk(folder)
        self._journal = Journal.open(self._disk, identity, clock=RealClock(), holder="packcenter simulation", lab=True)
        if self._journal.end.sequence:
            self._give_back()
            raise ToldError(
                USAGE, f"{folder} already holds a journal of {self._journal.end.sequence:,} records; name a new folder."
            )
        self._drafts: list[Draft] = []

    def keep(self, draft: Draft) -> None:
        """Take a record; full groups are written at once."""
        self._drafts.append(draft)
        if len(self._drafts) == GROUP:
            self._write()

    def _write(self) -> None:
        self._journal.write_group(self._drafts)
        self._drafts.clear()
        if self._journal.spares_missing():
            self._journal.prepare_spares()

    def close(self) -> None:
        """Write what is left."""
        if self._drafts:
            self._write()
        self._give_back()

    def _give_back(self) -> None:
        self._journal.close()
        self._disk.unlock()

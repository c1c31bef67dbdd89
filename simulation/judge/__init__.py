"""
The second judge: reads a journal's bytes and says whether what must always hold did hold.

It is written from the list of invariants, JOURNAL-FORMAT.md and LINE-INTERFACE.md alone and shares no code with
packcenter or the rest of the simulation: own reader, own books, own rules. So a mistake that the controller and its
assertions make together is not made here as well. An auditor can run it without anything else:

    python -m simulation.judge FOLDER

What it judges are sentences like `R5 record 4711: ... is decided on again`, with the letter of the invariant that is
broken and the sequence of the record that broke it. It never raises, whatever the bytes are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from simulation.judge import custody
from simulation.judge.pages import DAMAGE, END, TORN, UNKNOWN, Pages
from simulation.judge.trial import Trial

__all__ = ["DAMAGE", "END", "TORN", "UNKNOWN", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What a journal was found to be. `violations` is empty for a sound one; `more` counts those that were not kept.

    `ending` is END, TORN (both sound), DAMAGE or UNKNOWN, and `ended` a sentence about it. `items` were announced,
    `objects` seen without a line, `parcels` sealed, `bags` closed; `dispatched` items left. `open_discrepancies` are
    items that are lost and gaps in the events. `relabelled` counts labels that were applied again after their parcel was
    opened. `chain` and `digest` are hexadecimal, after record `sequence`: a copy of them kept elsewhere shows a forgery.
    """

    violations: tuple[str, ...]
    more: int
    ending: str
    ended: str
    notes: tuple[str, ...]
    sequence: int
    records: int
    groups: int
    segments: int
    runs: int
    items: int
    objects: int
    parcels: int
    bags: int
    dispatched: int
    lost: int
    gaps: int
    relabelled: int
    chain: str
    digest: str

    @property
    def sound(self) -> bool:
        """Whether nothing is against this journal."""
        return not self.violations

    @property
    def readable(self) -> bool:
        """Whether the bytes were sound to their end, whatever they say."""
        return self.ending in (END, TORN)

    @property
    def open_discrepancies(self) -> int:
        """Items that are lost, and gaps in the events of PLCs."""
        return self.lost + self.gaps


def judge(files: Mapping[str, bytes] | str | PathLike[str]) -> Verdict:
    """
    Judge a journal: a folder of its files (or of a run that holds a `journal` folder), or its files' bytes by name.

    Reads each segment once, and one at a time. Never raises because of what the bytes are; a folder that cannot be read
    is an OSError.
    """
    pages = Pages(files if isinstance(files, Mapping) else Folder(Path(files)))
    trial = Trial()
    for page in pages.records():
        assert pages.header is not None
        if not trial.hear(page, pages.header.configuration):
            pages.ending, pages.ended = UNKNOWN, f"record {page[0]}: {trial.stopped}"
            break
    return _verdict(pages, trial)


def _verdict(pages: Pages, trial: Trial) -> Verdict:
    court = trial.court
    court.bench.sequence = pages.sequence
    custody.balance(court)
    found = list(court.violations)
    if pages.ending == DAMAGE:
        found.append(f"J9 after record {pages.sequence}: {pages.ended}")
    elif pages.ending == UNKNOWN and not trial.stopped:
        found.append(f"J10 after record {pages.sequence}: {pages.ended}")
    found += [f"J2 {text}" for text in pages.claims.wrong]
    if pages.ending in (END, TORN):
        found += [f"J2 {text}" for text in pages.claims.unseen()]
    return Verdict(
        violations=tuple(found),
        more=court.more,
        ending=pages.ending,
        ended=pages.ended,
        notes=tuple(pages.claims.notes),
        sequence=pages.sequence,
        records=trial.records,
        groups=pages.groups,
        segments=pages.segments,
        runs=court.runs,
        items=len(court.items) - court.objects,
        objects=court.objects,
        parcels=court.parcels,
        bags=court.bags,
        dispatched=court.dispatched,
        lost=court.lost,
        gaps=court.gaps,
        relabelled=court.relabelled,
        chain=pages.chain.hex(),
        digest=pages.digest.hex(),
    )


class Folder(Mapping[str, bytes]):
    """The files of a journal's folder, each read when it is asked for. A run's folder that has one stands for it."""

    def __init__(self, path: Path) -> None:
        inner = path / "journal"
        self.path = inner if inner.is_dir() else path
        self._names = sorted(each.name for each in self.path.iterdir() if each.is_file())

    def __getitem__(self, name: str) -> bytes:
        if name not in self._names:
            raise KeyError(name)
        return (self.path / name).read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

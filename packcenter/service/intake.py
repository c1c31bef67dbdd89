"""
The intake of manifests 清单: a watched folder, from which each file is taken exactly once.

A file's way, each step safe to repeat, so that a kill anywhere loses and doubles nothing:

    in/NAME.csv  --settled-->  in/NAME.csv.taking  --parts-->  core  -->  results/NAME.result.csv  -->  done/NAME.csv
                                                   --refused whole---->  results/NAME.refused.csv  -->  refused/NAME.csv

- **Settled**: the sender renamed it into place, or its size and end stood still for `settle_us` and its last line is
  complete. Names that say "being written" (`.part`, `.tmp`, hidden, ...) are left alone.
- **Claimed** by a rename, so that a sender who writes the name again makes another file and not a mixture.
- **Parts** are cut by rows of the file, never by what was good in them: whatever configuration or release reads the
  file after a restart cuts it alike. Parts that the core has (`recorded`) are not given again.
- **The result** is made of the core's own facts (`ManifestBook`), then the file is copied away, and only then removed. What a
  snapshot hid from recovery of a manifest that an earlier life left unanswered is read from the journal again (`Recall`).

No value of a file reaches a note, a result or an exception, except item codes of harmless rows (`config.manifest`).
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import re
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import merge
from itertools import filterfalse, islice

import msgspec

from packcenter.config import personal
from packcenter.config.manifest import Known, ManifestReader, ManifestReading, ManifestRefused, Refusal, check_size
from packcenter.core.facts import Fact, ItemExpected, LineRefused, ManifestOpened
from packcenter.core.inputs import Line, ManifestReceived
from packcenter.core.limits import MANIFEST_LINES_MAX
from packcenter.ports import Clock, Disk
from packcenter.service import whole_files

PART_ROWS = 256
"""Rows of a part. Fixed for ever: a manifest that one release began, another may finish."""

assert PART_ROWS <= MANIFEST_LINES_MAX

_READ_BYTES = 8 * 1024  # about 100 rows, 2 ms of checking, between two yields to the control loop
_COPY_BYTES = 64 * 1024
_RESULT_ROWS = 500  # rows of a result between two yields
_BREATH_US = 500  # a pause after each slice of work, in which everything else of the service runs
_FILES_MAX = 1000  # files looked at in one look; the others wait for the next
_BOOKS_MAX = 64  # manifests whose answers are kept; far more than are ever between core and result

_CLAIMED = ".taking"
_BEING_WRITTEN = (".part", ".partial", ".filepart", ".crdownload", ".tmp", ".temp", ".swp", "~")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

MESSAGES = {
    "bad_name": "the file's name is not 1 to 64 of A-Z, a-z, 0-9, point, hyphen and underscore with .csv after it, "
    "ends in .result or .refused, or looks like personal data. Give it such a name and send it again.",
    "not_csv": "the file's name does not end in .csv. Save it as CSV UTF-8 and send it again.",
    "name_used": "a manifest of this name was taken before, with other content. Nothing of this one was taken. "
    "Send what is new in it under a new name.",
    "no_good_row": "no row of the file can be taken; each row says why. Correct it and send it again; its name is still free.",
    "taken_before": "this very file was taken before, and its result was given then. Nothing of it was taken again.",
    "not_taken": "the row was refused when the manifest was first read, by an earlier configuration. Send it in a new one.",
    "duplicate_item": "the item was announced before, by another manifest, or was seen in the hall unannounced.",
    "duplicate_waybill": "the waybill is in use by another item.",
    "unknown_class": "the controller does not know the mail class.",
    "unknown_agency": "the controller does not know the agency.",
    "unknown_outlet": "the controller does not know the outlet.",
}


class Recorded(msgspec.Struct, frozen=True):
    """How far the core has taken a manifest (its `state.manifests`)."""

    file_digest: str
    parts_taken: int
    parts: int


Submit = Callable[[list[ManifestReceived]], Awaitable[Sequence[Fact]]]
"""Gives the core parts of a manifest; returns the facts it made of them, once they are durable."""

Recall = Callable[[str], Awaitable[Sequence[Fact]]]
"""All facts that the journal holds about the lines of a manifest, its opening first."""

RecordOf = Callable[[str], Recorded | None]
"""How far the core has taken the manifest of this name; None if it never saw it."""

Note = Callable[..., object]
"""Told `note(event, **fields)` what happened, once each; `structlog`'s `log.info` fits."""


@dataclass(frozen=True)
class Folders:
    """The four folders. They must differ, since the names of what lies in them may be the same."""

    incoming: Disk
    done: Disk
    refused: Disk
    results: Disk


@dataclass(frozen=True)
class Patience:
    """How long to wait: for a file to stand still, for one whose last line is not complete, after an error of the disk."""

    settle_us: int = 2_000_000
    unfinished_us: int = 600_000_000
    retry_us: int = 30_000_000


@dataclass(frozen=True)
class Handled:
    """What became of one file: how many rows were taken and refused; `refused` is why the whole file was, "" if it was not."""

    manifest: str
    rows_taken: int
    rows_refused: int
    refused: str = ""


class ManifestBook:
    """
    What the core answered about each line, by manifest: of those whose opening was seen, so that an answer is never half.

    The intake adds the facts that `Submit` returns. After a restart the service should `take` the facts that recovery
    read from the journal; facts taken twice do no harm.
    """

    def __init__(self) -> None:
        self._answers: dict[str, dict[str, str]] = {}

    def take(self, fact: Fact) -> None:
        """Remember the fact if it answers a line; any other is ignored."""
        if isinstance(fact, ManifestOpened):
            self._open(fact.manifest)
        elif isinstance(fact, ItemExpected) and fact.manifest in self._answers:
            self._answers[fact.manifest][fact.line.item] = ""
        elif isinstance(fact, LineRefused) and fact.manifest in self._answers:
            self._answers[fact.manifest][fact.item] = fact.reason

    def answers(self, manifest: str) -> Mapping[str, str]:
        """By item of a manifest, why the core refused it; "" if it took it."""
        return self._answers.get(manifest, {})

    def has(self, manifest: str) -> bool:
        """Whether every answer to the manifest is remembered; the oldest manifests are forgotten."""
        return manifest in self._answers

    def _open(self, manifest: str) -> None:
        if manifest not in self._answers:
            while len(self._answers) >= _BOOKS_MAX:
                del self._answers[next(iter(self._answers))]
            self._answers[manifest] = {}


class _Sight(msgspec.Struct):
    """What a file looked like, since when, and until when to leave it alone after an error (0: there was none)."""

    size: int
    tail: bytes
    since_us: int
    hold_until_us: int = 0


class Intake:
    """
    Takes manifests from the incoming folder and answers each with a result.

    `known` may be replaced when the configuration is reloaded; a file being read keeps the one it began with.
    An `OSError` of a folder is noted and tried again; what `submit` raises goes through, since it concerns the journal.
    """

    def __init__(
        self,
        folders: Folders,
        known: Known,
        *,
        submit: Submit,
        recorded: RecordOf,
        recall: Recall,
        note: Note,
        book: ManifestBook | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.known = known
        self.book = book or ManifestBook()
        self._folders = folders
        self._submit = submit
        self._recorded = recorded
        self._recall = recall
        self._note = note
        self._patience = patience or Patience()
        self._sights: dict[str, _Sight] = {}
        self._ours: set[str] = set()  # claimed by this life, and not handled yet
        self._lost = False

    async def watch(self, clock: Clock, interval_us: int) -> None:
        """Look again and again, until cancelled; cancelling is safe at any point."""
        while True:
            await self.look(clock)
            await clock.sleep_us(interval_us)

    async def look(self, clock: Clock) -> list[Handled]:
        """Take every file that is ready, those first that an earlier life had claimed."""
        names = self._list()
        self._sights = {name: sight for name, sight in self._sights.items() if name in names}
        candidates = sorted(filterfalse(_is_being_written, names), key=lambda name: (not name.endswith(_CLAIMED), name))
        handled = [await self._try(clock, name, names) for name in candidates[:_FILES_MAX]]
        return [each for each in handled if each is not None]

    def _list(self) -> frozenset[str]:
        """The files of the incoming folder; none while it cannot be read, which is noted once."""
        try:
            names = frozenset(self._folders.incoming.list())
        except OSError as error:
            if not self._lost:
                self._note("manifest_folder_lost", error=_error_name(error))
            self._lost = True
            return frozenset()
        if self._lost:
            self._note("manifest_folder_back")
        self._lost = False
        return names

    async def _try(self, clock: Clock, name: str, names: frozenset[str]) -> Handled | None:
        """Take the file if it is ready; an error of the disk is noted once and leaves it for later."""
        sight = self._sights.get(name)
        if sight is not None and clock.mono_us() < sight.hold_until_us:
            return None
        try:
            if not name.endswith(_CLAIMED):
                if name + _CLAIMED in names or not self._is_ready(clock, name):
                    return None  # an earlier file of this name comes first; a second claim would replace it
                self._folders.incoming.rename(name, name + _CLAIMED)
                self._sights.pop(name)
                name += _CLAIMED
                self._ours.add(name)
            handled = await self._take(clock, name)
        except OSError as error:
            self._hold(clock, name, error)
            return None
        self._sights.pop(name, None)
        self._ours.discard(name)
        return handled

    def _hold(self, clock: Clock, name: str, error: OSError) -> None:
        if isinstance(error, FileNotFoundError) and not name.endswith(_CLAIMED):
            return  # its sender took it back in the meantime
        sight = self._sights.setdefault(name, _Sight(-1, b"", clock.mono_us()))
        if not sight.hold_until_us:
            self._note("manifest_disk_error", manifest=_manifest_name(name) or "", error=_error_name(error))
        sight.hold_until_us = clock.mono_us() + self._patience.retry_us

    def _is_ready(self, clock: Clock, name: str) -> bool:
        """Whether the file stood still for long enough, and its last line is complete or will evidently never be."""
        size, tail = whole_files.size_and_tail(self._folders.incoming, name)
        now_us = clock.mono_us()
        sight = self._sights.get(name)
        if sight is None or (sight.size, sight.tail) != (size, tail):
            self._sights[name] = _Sight(size, tail, now_us)
            return False
        complete = tail.endswith((b"\n", b"\n\0")) or not _is_csv(name)  # the second ends a line of UTF-16
        return now_us - sight.since_us >= (self._patience.settle_us if complete else self._patience.unfinished_us)

    # --- one claimed file --------------------------------------------------------------------------------------------

    async def _take(self, clock: Clock, claimed: str) -> Handled:
        """Read a claimed file, give its parts to the core, write its result and move it away."""
        manifest = _manifest_name(claimed)
        if manifest is None:
            return await self._refuse_unnamed(clock, claimed)
        if not _is_csv(claimed):
            return await self._refuse(clock, claimed, manifest, [_whole("not_csv")])
        reader = ManifestReader(self.known)
        try:
            check_size(whole_files.size_and_tail(self._folders.incoming, claimed)[0])
            await self._read(clock, claimed, _READ_BYTES, reader.feed)
            reading = reader.finish()
        except ManifestRefused as refused:
            findings = refused.findings
        else:
            recorded = self._recorded(manifest)
            if recorded is not None and recorded.file_digest == reading.digest:
                await self._remember(claimed, manifest, recorded)
            findings = self._objections(manifest, reading, recorded)
            if not findings:
                await self._give(clock, manifest, reading, recorded)
                return await self._finish(clock, claimed, manifest, reading)
        return await self._refuse(clock, claimed, manifest, findings)

    async def _remember(self, claimed: str, manifest: str, recorded: Recorded) -> None:
        """Recall what was answered before, if the manifest still waits for its result: else the sender has it."""
        waits = recorded.parts_taken < recorded.parts or claimed not in self._ours
        if waits and not self.book.has(manifest):
            for fact in await self._recall(manifest):
                self.book.take(fact)

    def _objections(self, manifest: str, reading: ManifestReading, recorded: Recorded | None) -> tuple[Refusal, ...]:
        """Why a readable manifest is refused whole all the same; empty if it is not."""
        if recorded is None:
            return () if reading.lines else (_whole("no_good_row"), *reading.refusals)
        if recorded.file_digest != reading.digest:
            return (_whole("name_used"),)
        if recorded.parts_taken == recorded.parts and not self.book.has(manifest):
            return (_whole("taken_before"),)
        return ()

    async def _give(self, clock: Clock, manifest: str, reading: ManifestReading, recorded: Recorded | None) -> None:
        """Give the core the parts it has not taken, each after the one before is durable."""
        parts = _part_of(reading.last_row)
        if recorded is not None:
            assert recorded.parts == parts, f"{manifest} was begun in {recorded.parts} parts and is now cut in {parts}"
        refused = len(reading.refused_items)
        for part in range((recorded.parts_taken if recorded else 0) + 1, parts + 1):
            received = ManifestReceived(manifest, part, parts, refused, reading.digest, _lines_of(reading, part))
            try:
                facts = await self._submit([received])
            except OSError as error:
                raise RuntimeError(
                    f"part {part} of manifest {manifest} was not journaled; it is offered again after a restart"
                ) from error
            for fact in facts:
                self.book.take(fact)
            await clock.sleep_us(_BREATH_US)

    async def _finish(self, clock: Clock, claimed: str, manifest: str, reading: ManifestReading) -> Handled:
        """Answer a manifest that the core has, and move it to the done folder."""
        answers = self.book.answers(manifest)
        taken = sum(answers.get(line.item) == "" for line in reading.lines)
        results = self._folders.results
        await self._write(clock, results, f"{manifest}.result.csv", _result_rows(reading, answers))
        with suppress(FileNotFoundError):
            results.remove(f"{manifest}.refused.csv")  # the answer to a file that this one corrects
        if await self._move(clock, claimed, self._folders.done, claimed.removesuffix(_CLAIMED), reading.digest):
            self._note("manifest_taken", manifest=manifest, rows=reading.rows, taken=taken, refused=reading.rows - taken)
        else:  # somebody wrote to it after all; the next look reads it again, and refuses it under this name
            self._note("manifest_changed", manifest=manifest)
        return Handled(manifest, taken, reading.rows - taken)

    async def _refuse(self, clock: Clock, claimed: str, manifest: str, findings: Sequence[Refusal]) -> Handled:
        """Answer a file that is refused whole, and move it to the refused folder."""
        return await self._turn_away(clock, claimed, manifest, claimed.removesuffix(_CLAIMED), findings)

    async def _refuse_unnamed(self, clock: Clock, claimed: str) -> Handled:
        """Refuse a file whose name must not be repeated: it is named after its content."""
        digest = hashlib.sha256()
        await self._read(clock, claimed, _COPY_BYTES, digest.update)
        manifest = f"unnamed-{digest.hexdigest()[:12]}"
        return await self._turn_away(clock, claimed, manifest, f"{manifest}.csv", [_whole("bad_name")])

    async def _turn_away(self, clock: Clock, claimed: str, manifest: str, name: str, findings: Sequence[Refusal]) -> Handled:
        await self._write(clock, self._folders.results, f"{manifest}.refused.csv", _refused_rows(findings))
        await self._move(clock, claimed, self._folders.refused, name, "")
        self._note("manifest_refused", manifest=manifest, reason=findings[0].code, findings=len(findings))
        return Handled(manifest, 0, 0, findings[0].code)

    # --- files -------------------------------------------------------------------------------------------------------

    async def _read(self, clock: Clock, name: str, count: int, take: Callable[[bytes], object]) -> None:
        """Give a file of the incoming folder to `take`, `count` bytes at a time, with the control loop in between."""
        file = self._folders.incoming.open(name, create=False)
        try:
            offset = 0
            while chunk := file.pread(count, offset):
                take(chunk)
                offset += len(chunk)
                await clock.sleep_us(_BREATH_US)
        finally:
            file.close()

    async def _move(self, clock: Clock, claimed: str, target: Disk, name: str, digest: str) -> bool:
        """
        Copy a claimed file to another folder, durably, and only then remove it; an earlier file of the name is replaced.

        False, and nothing moved, if its content is no longer the one of `digest` ("": whatever it is).
        """
        seen = hashlib.sha256()
        with _Writing(target, name) as writing:

            def copy(chunk: bytes) -> None:
                if digest:
                    seen.update(chunk)
                writing.add(chunk)

            await self._read(clock, claimed, _COPY_BYTES, copy)
            if digest and seen.hexdigest() != digest:
                return False
            writing.keep()
        self._folders.incoming.remove(claimed)
        return True

    async def _write(self, clock: Clock, target: Disk, name: str, rows: Iterable[Sequence[str | int]]) -> None:
        """Write a whole CSV file, so that nobody ever sees half of it."""
        remaining = iter(rows)
        with _Writing(target, name) as writing:
            while some := list(islice(remaining, _RESULT_ROWS)):
                text = io.StringIO()
                csv.writer(text, lineterminator="\r\n").writerows(some)
                writing.add(text.getvalue().encode())
                await clock.sleep_us(_BREATH_US)
            writing.keep()


class _Writing:
    """A file that gets its name when it is whole and durable (`keep`); otherwise nothing of it stays."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self._name = name
        self._temporary = name + ".tmp"
        self._offset = 0
        with suppress(FileNotFoundError):
            disk.remove(self._temporary)  # what a killed life left
        self._file = disk.open(self._temporary, create=True)
        self._kept = False

    def __enter__(self) -> _Writing:
        return self

    def add(self, content: bytes) -> None:
        self._file.pwrite(content, self._offset)
        self._offset += len(content)

    def keep(self) -> None:
        self._file.fdatasync()
        self._disk.rename(self._temporary, self._name)
        self._disk.sync_directory()
        self._kept = True

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self._kept:
            with suppress(OSError):  # the error that brought us here is the one to tell
                self._disk.remove(self._temporary)


# --- results ---------------------------------------------------------------------------------------------------------

_RESULT_HEADER = ("row", "item", "outcome", "reason", "message")


def _result_rows(reading: ManifestReading, answers: Mapping[str, str]) -> Iterator[Sequence[str | int]]:
    """One row for each row of the manifest that is not blank, in its order."""
    yield _RESULT_HEADER
    by_row: dict[int, list[Refusal]] = {}
    for refusal in reading.refusals:
        by_row.setdefault(refusal.row, []).append(refusal)
    refused = ((row, reading.refused_items[row], found) for row, found in sorted(by_row.items()))
    lines = ((row, line.item, None) for row, line in zip(reading.line_rows, reading.lines, strict=True))
    for row, item, found in merge(lines, refused, key=lambda entry: entry[0]):
        if found is not None:
            message = " ".join(f"{each.column}: {each.message}" if each.column else each.message for each in found)
            yield row, item, "refused", ";".join(each.code for each in found), message
        elif reason := answers.get(item, "not_taken"):
            yield row, item, "refused", reason, MESSAGES.get(reason, "")
        else:
            yield row, item, "taken", "", ""


def _refused_rows(findings: Iterable[Refusal]) -> Iterator[Sequence[str | int]]:
    """One row for each finding; the row number 0 is the file itself."""
    yield _RESULT_HEADER
    for found in findings:
        yield found.row, "", "refused", found.code, f"{found.column}: {found.message}" if found.column else found.message


def _whole(code: str) -> Refusal:
    return Refusal(0, "", code, MESSAGES[code])


# --- parts and names -------------------------------------------------------------------------------------------------


def _part_of(row: int) -> int:
    """The part, from 1, that a row of the file belongs to; row 1 is the header."""
    return (row - 2) // PART_ROWS + 1


def _lines_of(reading: ManifestReading, part: int) -> tuple[Line, ...]:
    first = bisect_left(reading.line_rows, 2 + (part - 1) * PART_ROWS)
    end = bisect_left(reading.line_rows, 2 + part * PART_ROWS)
    return tuple(reading.lines[first:end])


def _is_being_written(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(_BEING_WRITTEN)


def _is_csv(name: str) -> bool:
    return name.removesuffix(_CLAIMED).lower().endswith(".csv")


def _manifest_name(name: str) -> str | None:
    """What a file's manifest is called: its name without `.csv`; None if that must not be repeated or would mislead."""
    name = name.removesuffix(_CLAIMED)
    stem = name[: -len(".csv")] if _is_csv(name) else name
    if not _NAME.fullmatch(stem) or stem.endswith((".result", ".refused")) or stem.startswith("unnamed-"):
        return None
    pieces = re.split("[._-]", stem)  # by themselves, since a date, a time and a serial together have as many digits as a person
    return None if any(map(personal.kind_of, pieces)) else stem


def _error_name(error: OSError) -> str:
    """The error by its number alone; its text holds the file's name, which nobody checked."""
    return errno.errorcode.get(error.errno or 0, "OSError")

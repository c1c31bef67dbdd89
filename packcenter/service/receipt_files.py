"""
Files of receipts 回执: a watched folder in which the delivery side names receipts that came back.

    in/NAME.csv  --settled, read-->  256 codes at a time to the core  -->  results/NAME.result.csv   -->  done/NAME.csv
                 --refused whole-->                                        results/NAME.refused.csv  -->  refused/NAME.csv

A file is CSV in UTF-8 with the one column `code`: an item's code, or its waybill, a receipt a row. A receipt is returned once,
whoever says so how often; so a file may be read again after a kill, and nothing about files needs to be remembered: what was
returned before is answered as such.

No value of a file reaches a note, a result or the journal, unless it has the form of a code and nothing of personal data.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256

import msgspec

from packcenter.config import personal
from packcenter.core.facts import Fact
from packcenter.core.inputs import ReceiptsReceived
from packcenter.core.receipt_facts import ReceiptRefused, ReceiptReturned
from packcenter.core.receipts import REFUSALS
from packcenter.ports import Clock, Disk
from packcenter.service import whole_files
from packcenter.service.intake import Folders, Note, Patience

FILE_BYTES_MAX = 128 * 1024
"""Some 9,000 receipts: more than a month of a centre's court documents. So small a file is read at once."""

CODES_MAX = 256
"""Codes that are checked, and recorded, between two turns of the control loop: a millisecond, and under 16 KiB."""

_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{3,47}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

MESSAGES = {
    "bad_name": "the file's name is not 1 to 64 of A-Z, a-z, 0-9, point, hyphen and underscore with .csv after it, or looks like"
    " personal data. Give it such a name and send it again.",
    "too_large": f"the file has more than {FILE_BYTES_MAX:,} bytes. Send it in smaller files.",
    "not_utf8": "the file is not UTF-8. Save it as CSV UTF-8.",
    "no_header": "the first line is not the one column `code`. Receipts are sent by their code alone.",
    "unfinished": "the last line does not end in a line feed, so the file may be cut. Send it whole.",
    "no_rows": "the file names no receipt.",
    "bad_code": "the row is not a code: 4 to 48 of A-Z, 0-9 and hyphen.",
    "personal_data": "the row holds what may be personal data, which must not be sent here.",
    **REFUSALS,
}

Submit = Callable[[ReceiptsReceived], Awaitable[Sequence[Fact]]]
"""Gives the core codes of a file; returns the facts it made of them, once they are durable."""


class Refused(Exception):  # noqa: N818 - a file is refused; nothing of ours is in error
    """The whole file is refused, and `why`."""

    def __init__(self, why: str) -> None:
        super().__init__(MESSAGES[why])
        self.why = why


class _Sight(msgspec.Struct):
    """What a file looked like, since when, and until when to leave it alone after an error (0: there was none)."""

    size: int
    tail: bytes
    since_us: int
    hold_until_us: int = 0


def rows_of(content: bytes) -> list[tuple[int, str]]:
    """The rows of a file that are not blank, by their line as an editor counts (the header is 1). Raises `Refused`."""
    if len(content) > FILE_BYTES_MAX:
        raise Refused("too_large")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("not_utf8") from None  # its context holds the bytes
    header, *lines = text.split("\n")
    if header.rstrip("\r") != "code":
        raise Refused("no_header")
    if lines and lines[-1]:
        raise Refused("unfinished")
    rows = [(at, line.rstrip("\r")) for at, line in enumerate(lines, 2) if line.rstrip("\r")]
    if not rows:
        raise Refused("no_rows")
    return rows


def fault(row: str) -> str:
    """Why a row cannot be a code; "" if it can."""
    if personal.kind_of(row):
        return "personal_data"
    return "" if _CODE.fullmatch(row) else "bad_code"


class ReceiptFiles:
    """
    Takes files of receipts from the incoming folder and answers each with a result.

    An `OSError` of a folder is noted and tried again; what `submit` raises goes through, since it concerns the journal.
    """

    def __init__(self, folders: Folders, *, submit: Submit, note: Note, patience: Patience | None = None) -> None:
        self._folders = folders
        self._submit = submit
        self._note = note
        self._patience = patience or Patience()
        self._sights: dict[str, _Sight] = {}
        self._lost = False

    async def watch(self, clock: Clock, interval_us: int) -> None:
        """Look again and again, until cancelled; cancelling is safe at any point."""
        while True:
            await self.look(clock)
            await clock.sleep_us(interval_us)

    async def look(self, clock: Clock) -> None:
        """Take every file that stood still for long enough."""
        try:
            names = self._folders.incoming.list()
        except OSError:
            if not self._lost:
                self._note("receipt_folder_lost")
            self._lost = True
            return
        self._lost = False
        self._sights = {name: sight for name, sight in self._sights.items() if name in names}
        for name in names:
            if not name.startswith(".") and name.endswith(".csv"):
                await self._try(clock, name)

    async def _try(self, clock: Clock, name: str) -> None:
        """Take the file if it is ready; an error of the disk is noted once and leaves it for later."""
        now_us = clock.mono_us()
        sight = self._sights.get(name)
        if sight is not None and now_us < sight.hold_until_us:
            return
        try:
            size, tail = whole_files.size_and_tail(self._folders.incoming, name)
            if sight is None or (sight.size, sight.tail) != (size, tail):
                self._sights[name] = _Sight(size, tail, now_us)
                return
            patience = self._patience.settle_us if tail.endswith(b"\n") else self._patience.unfinished_us
            if now_us - sight.since_us >= patience:
                await self._take(clock, name)
                self._sights.pop(name, None)
        except FileNotFoundError:
            return  # its sender took it back
        except OSError:
            held = self._sights.setdefault(name, _Sight(-1, b"", now_us))
            if not held.hold_until_us:
                self._note("receipt_disk_error")
            held.hold_until_us = clock.mono_us() + self._patience.retry_us

    async def _take(self, clock: Clock, name: str) -> None:
        content = self._read(name)
        stem = name.removesuffix(".csv")
        try:
            if not _NAME.fullmatch(stem) or any(map(personal.kind_of, re.split("[._-]", stem))):
                stem = f"unnamed-{sha256(content).hexdigest()[:12]}"
                raise Refused("bad_name")
            rows = rows_of(content)
        except Refused as refused:
            lines = [f"0,,refused,{refused.why},{_quoted(refused.why)}"]
            self._end(name, content, self._folders.refused, stem, "refused", lines)
            self._note("receipts_refused", file=stem, reason=refused.why)
            return
        lines = []
        for at in range(0, len(rows), CODES_MAX):
            lines += await self._give(stem, rows[at : at + CODES_MAX])
            await clock.sleep_us(0)
        self._end(name, content, self._folders.done, stem, "result", lines)
        self._note("receipts_taken", file=stem, rows=len(rows), refused=sum(",refused," in line for line in lines))

    async def _give(self, file: str, rows: list[tuple[int, str]]) -> list[str]:
        """Give the core the codes of some rows; returns the lines of the result for them."""
        faults = [fault(text) for _, text in rows]
        codes = tuple(text for (_, text), why in zip(rows, faults, strict=True) if not why)
        facts = await self._submit(ReceiptsReceived(file, codes)) if codes else ()
        told = [fact for fact in facts if isinstance(fact, ReceiptReturned | ReceiptRefused)]
        answers = iter([fact for fact in told if not (isinstance(fact, ReceiptReturned) and fact.waybill)])  # one for each code
        lines = []
        for (row, text), bad in zip(rows, faults, strict=True):
            answer = None if bad else next(answers)
            why = answer.why if isinstance(answer, ReceiptRefused) else bad
            outcome = "returned" if why in ("", "returned_already") else "refused"
            lines.append(f"{row},{text if answer is not None else ''},{outcome},{why},{_quoted(why) if why else ''}")
        return lines

    def _end(self, name: str, content: bytes, kept_in: Disk, stem: str, kind: str, lines: list[str]) -> None:
        """Answer a file, keep it, and only then remove it."""
        whole_files.put(self._folders.results, f"{stem}.{kind}.csv", "\r\n".join([_HEADER, *lines, ""]).encode())
        self._folders.results.sync_directory()
        whole_files.put(kept_in, f"{stem}.csv", content)
        kept_in.sync_directory()
        if self._read(name) == content:  # else somebody wrote to it after all, and it is read again
            self._folders.incoming.remove(name)

    def _read(self, name: str) -> bytes:
        """A file's bytes, one more than the limit at most."""
        return whole_files.read(self._folders.incoming, name, FILE_BYTES_MAX + 1)


_HEADER = "row,code,outcome,reason,message"


def _quoted(why: str) -> str:
    return '"' + MESSAGES[why].replace('"', '""') + '"'

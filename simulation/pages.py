"""
What simulated files hold: pages that nobody changes, so that any number of disks may share them.

A change makes new pages where it falls and keeps the others; so a copy costs one list, and an image of a disk costs by
what was written lately, not by what is on the disk.
"""

from __future__ import annotations

from typing import Final

SECTOR: Final = 512
PAGE: Final = 4096
_NOTHING: Final = bytes(PAGE)

Change = tuple[int, bytes] | int
"""A write (offset, content), or the length to which a file was cut or stretched."""


class Content:
    """What a file holds: pages that nobody changes, so that any number of disks may share them. Zeros after the end."""

    __slots__ = ("length", "pages")

    def __init__(self, pages: list[bytes], length: int) -> None:
        self.pages = pages
        self.length = length

    @staticmethod
    def of(content: bytes) -> Content:
        return EMPTY.with_write(0, content)

    def read(self, count: int, offset: int) -> bytes:
        end = min(offset + count, self.length)
        if offset >= end:
            return b""
        first, last = offset // PAGE, (end - 1) // PAGE
        start = offset - first * PAGE
        if first == last:
            return self.pages[first][start : end - first * PAGE]
        whole = b"".join(self.pages[first : last + 1])
        return whole if (start, end - first * PAGE) == (0, len(whole)) else whole[start : end - first * PAGE]

    def with_write(self, offset: int, content: bytes) -> Content:
        if not content:
            return self
        end = offset + len(content)
        first, last = offset // PAGE, (end - 1) // PAGE
        pages = self.pages.copy()
        if len(pages) <= last:
            pages += [_NOTHING] * (last + 1 - len(pages))
        start, stop = offset - first * PAGE, end - last * PAGE
        if first == last:
            old = pages[first]
            pages[first] = old[:start] + content + old[stop:]
        else:
            whole = pages[first][:start] + content + pages[last][stop:]
            pages[first : last + 1] = [whole[at : at + PAGE] for at in range(0, len(whole), PAGE)]
        return Content(pages, max(self.length, end))

    def with_length(self, length: int) -> Content:
        pages = self.pages[: -(-length // PAGE)]
        if length > self.length:
            pages += [_NOTHING] * (-(-length // PAGE) - len(pages))
        elif length % PAGE:
            pages[-1] = pages[-1][: length % PAGE].ljust(PAGE, b"\0")
        return Content(pages, length)

    def after(self, change: Change) -> Content:
        return self.with_length(change) if isinstance(change, int) else self.with_write(*change)


EMPTY: Final = Content([], 0)


def sectors(offset: int, content: bytes) -> list[tuple[int, bytes]]:
    """A write as the writes of its sectors."""
    first = SECTOR - offset % SECTOR
    starts = [0, *range(first, len(content), SECTOR)]
    return [
        (offset + start, content[start:end])
        for start, end in zip(starts, [*starts[1:], len(content)], strict=True)
        if start < end
    ]

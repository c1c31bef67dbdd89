"""
Lines for people and log readers that must never stop the line of the hall.

A log's disk gets full, its reader dies or stands still. `LogLines` takes a line at once and writes it in a thread of its
own; what cannot be written is counted, and the count is told as soon as something can be written again. `tell` says a last
word to standard error, if that takes it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

WAITING_MAX = 10_000
"""Lines that wait for a log that stands still: some megabytes, and a busy line's hours."""

DRAIN_S = 1.0
"""How long the end of a process waits for its log."""


class LogLines:
    """
    Where log lines go, as structlog's `WriteLoggerFactory` wants it: `write` and `flush` neither wait nor raise.

    `lost_line` makes the line that tells how many were lost. The thread is a daemon; call `drain` before the end.
    """

    def __init__(self, stream: TextIO, lost_line: Callable[[int], str]) -> None:
        self._stream = stream
        self._lost_line = lost_line
        self._lost = 0
        self._waiting: deque[str] = deque()
        self._writing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, text: str) -> int:
        """Take a whole line; written as soon as the log takes it."""
        with self._changed:
            if len(self._waiting) >= WAITING_MAX:
                self._lost += 1
                return len(text)
            self._waiting.append(text)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_for_ever, name="log", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: lines are written one by one."""

    def drain(self, limit_s: float = DRAIN_S) -> bool:
        """Wait until all lines are written or lost; False if the log did not take them in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._writing, limit_s)

    def _write_for_ever(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting)
                line, lost, self._lost = self._waiting.popleft(), self._lost, 0
                self._writing = True
            lost = self._put(line, lost)
            with self._changed:
                self._lost += lost

    def _put(self, line: str, lost: int) -> int:
        """Write a line, after the news of `lost` ones before it; how many are lost now."""
        try:
            put(self._stream, (self._lost_line(lost) if lost else "") + line)
        except (OSError, ValueError):  # full, broken, or closed
            return lost + 1
        return 0


def put(stream: TextIO, text: str) -> None:
    """
    Write to a stream past Python's buffers, which would keep what a full disk refuses and fail once more at the end.

    Streams without a file beneath are written plainly. Raises `OSError`, or `ValueError` if the stream is closed.
    """
    try:
        number = stream.fileno()
    except (OSError, ValueError, AttributeError):
        stream.write(text)
        stream.flush()
        return
    content = text.encode("utf-8", "backslashreplace")
    while content:
        content = content[os.write(number, content) :]


def tell(text: str) -> None:
    """Say something on standard error; whoever cannot hear it finds the exit code."""
    with suppress(OSError, ValueError):
        put(sys.stderr, text + "\n")

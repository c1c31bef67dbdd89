"""Exit codes, and an error that says its own."""

from __future__ import annotations

OK = 0
PROBLEM = 1
USAGE = 2
CONFIGURATION = 3
UNREACHABLE = 4
INTERNAL = 5
INTERRUPTED = 130


class ToldError(Exception):
    """An error whose text is for the user: what was seen, expected, where, what to do. Ends the command with `code`."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code

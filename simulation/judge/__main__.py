"""
`python -m simulation.judge FOLDER`: judge a journal and say what was found.

Exit codes: 0 sound | 1 an invariant is broken | 2 wrong usage | 65 no journal there, or its bytes are damaged.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from simulation.judge import judge
from simulation.judge.words import lines_of

SOUND = 0
BROKEN = 1
USAGE = 2
UNREADABLE = 65
_SHOWN = 50


def main(arguments: Sequence[str]) -> int:
    """Judge the folder named, print, and return the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m simulation.judge FOLDER", file=sys.stderr)
        return USAGE
    try:
        verdict = judge(arguments[0])
    except OSError as error:
        print(f"{arguments[0]} cannot be read: {error.strerror}", file=sys.stderr)
        return UNREADABLE
    for line in lines_of(verdict, _SHOWN):
        print(line)
    return SOUND if verdict.sound else BROKEN if verdict.readable else UNREADABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

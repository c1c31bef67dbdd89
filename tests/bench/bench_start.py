"""How long a person waits for `packcenter --help`, beside a Python that does nothing."""

from __future__ import annotations

import sys

from figures import Row, compare, run_child

AIM_S = 0.3


def run(passes: int, null: int) -> tuple[list[Row], dict[str, list[float]]]:
    """The command line's help, and loading the core, in turns with `python -c pass`."""
    commands = {
        "help": ["-m", "packcenter", "--help"],
        "core": ["-c", "import packcenter.core.controller"],
        "bare": ["-c", "pass"],
    }
    seen: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(passes):
        for name, arguments in commands.items():
            wall, _ = run_child([sys.executable, *arguments], null)
            seen[name].append(wall)
    rows = [
        compare("packcenter --help", "s", seen["help"], seen["bare"], figure="ours", bound=AIM_S),
        compare("import packcenter.core", "s", seen["core"], seen["bare"]),
    ]
    return rows, seen

"""
Builds everything that Grafana and Prometheus load: `python -m grafana.build` writes, `--check` only compares.

Sources are `alerts.py` (rules, their tests, the README's runbook) and `screens.py` (dashboards). The results are
committed, so that nobody needs this program to run packcenter; a test builds again and compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import rule_files, screens

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- runbook: made by grafana/build.py -->", "<!-- end of runbook -->"


def products() -> dict[str, str]:
    """Every file that is made, by its path below this folder."""
    made = {
        "prometheus/rules/packcenter.yml": rule_files.rules(),
        "prometheus/tests/packcenter.yml": rule_files.rule_tests(),
        "README.md": readme((FOLDER / "README.md").read_text(encoding="utf-8")),
    }
    for name, board in screens.boards().items():
        made[f"dashboards/{name}.json"] = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(board) + "\n"
    return made


def readme(text: str) -> str:
    """The README with its runbook made anew."""
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{rule_files.runbook()}\n{END}{tail}"


def main(arguments: list[str]) -> int:
    """Write all products, or with `--check` say which are stale."""
    stale = []
    for name, content in products().items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            stale.append(name)
            if "--check" not in arguments:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
    print("\n".join(stale) if stale else "everything is up to date")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The file of a shift's count: read whole, checked whole, every fault with its line."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

from packcenter.cli.codes import USAGE, ToldError

COLUMNS = ("place", "mail_class", "agency", "items")
PLACES = ("hand", "lane", "cell", "bag")
BYTES_MAX = 1_048_576
ITEMS_MAX = 1_000_000
FAULTS_MAX = 20
"""So many faults are told; a file of another kind has one in each line."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}")


def read_count(path: Path) -> list[dict[str, Any]]:
    """The lines of a count, as `/acts/count` takes them. Raises `ToldError` with every fault of the file."""
    if path.stat().st_size > BYTES_MAX:
        raise ToldError(USAGE, f"{path} has more than {BYTES_MAX} bytes, expected a count with the columns {', '.join(COLUMNS)}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ToldError(USAGE, f"{path} is no text in UTF-8. Save it as CSV in UTF-8.") from None
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or tuple(cell.strip() for cell in rows[0]) != COLUMNS:
        seen = ",".join(rows[0])[:60] if rows else "nothing"
        raise ToldError(USAGE, f"{path}:1: the header is {seen!r}, expected {','.join(COLUMNS)}.")
    lines, faults, first = [], [], dict[tuple[str, ...], int]()
    for number, row in enumerate(rows[1:], 2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        fault = _fault(cells)
        if not fault and tuple(cells[:3]) in first:
            fault = f"place, class and agency are those of line {first[tuple(cells[:3])]}; add the two numbers"
        if fault:
            faults.append(f"{path}:{number}: {fault}.")
            continue
        first[tuple(cells[:3])] = number
        lines.append({"place": cells[0], "mail_class": cells[1], "agency": cells[2], "items": int(cells[3])})
    if faults:
        more = f"\n... and {len(faults) - FAULTS_MAX} more." if len(faults) > FAULTS_MAX else ""
        raise ToldError(USAGE, "\n".join(faults[:FAULTS_MAX]) + more + "\nNothing was sent.")
    return lines


def _fault(cells: list[str]) -> str:
    """What is wrong with a line, "" nothing."""
    if len(cells) != len(COLUMNS):
        return f"{len(cells)} cells, expected {len(COLUMNS)}: {', '.join(COLUMNS)}"
    place, mail_class, agency, items = cells
    if place not in PLACES:
        return f"place is {place!r}, expected {', '.join(PLACES)}"
    if (mail_class or agency) and not (_NAME.fullmatch(mail_class) and _NAME.fullmatch(agency)):
        return "mail_class and agency are names of the site file, or both empty for what bears no identity"
    if not (items.isascii() and items.isdigit() and int(items) <= ITEMS_MAX):
        return f"items is {items[:20]!r}, expected a number from 0 to {ITEMS_MAX}"
    return ""

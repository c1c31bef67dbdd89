"""
Bad files made from good ones: the reference hall with a few edits.

An edit replaces a text that stands once in its file. A « in the new text marks where the finding must point; it
is taken out before the file is written. `Expect` says the rule, the key and what words the finding must hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from packcenter.config import Finding, Report, bundled_site, check_paths, profile_folder

MARK = "«"
FILES = ("site.toml", "plan.toml", "profile.toml")


@dataclass(frozen=True)
class Edit:
    """In `file`, the text `old` becomes `new`; `old` "" adds `new` at the end."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Expect:
    """A finding of this rule at this key, with these words somewhere in its text, at the next mark."""

    rule: str
    key: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """A sentence about what is refused, the edits that make it so, and every finding that must come, in order of place."""

    says: str
    edits: tuple[Edit, ...]
    expects: tuple[Expect, ...] = field(default=())


def site(old: str, new: str) -> Edit:
    return Edit("site.toml", old, new)


def plan(old: str, new: str) -> Edit:
    return Edit("plan.toml", old, new)


def profile(old: str, new: str) -> Edit:
    return Edit("profile.toml", old, new)


def texts() -> dict[str, str]:
    """The reference hall, with sorter-2 on a profile of its own that can be edited, as texts by file name."""
    folder = bundled_site().parent
    own = (folder / "site.toml").read_text("utf-8")
    assert own.count('profile = "sorter-modbus"') == 1
    return {
        "site.toml": own.replace('profile = "sorter-modbus"', 'profile = "profile.toml"'),
        "plan.toml": (folder / "plan.toml").read_text("utf-8"),
        "profile.toml": (profile_folder() / "sorter-modbus.toml").read_text("utf-8"),
    }


def edited(edits: tuple[Edit, ...]) -> tuple[dict[str, str], list[tuple[str, int, int]]]:
    """The texts after the edits, and the marked places (file, line, column) in the order files are read."""
    made = texts()
    for edit in edits:
        text = made[edit.file]
        if edit.old:
            assert text.count(edit.old) == 1, f"{edit.file}: {text.count(edit.old)} times {edit.old!r}, expected once"
            made[edit.file] = text.replace(edit.old, edit.new)
        else:
            made[edit.file] = text + edit.new
    marks: list[tuple[str, int, int]] = []
    for file in FILES:
        for number, line in enumerate(made[file].split("\n"), 1):
            parts = line.split(MARK)
            marks += [(file, number, 1 + sum(map(len, parts[: at + 1]))) for at in range(len(parts) - 1)]
        made[file] = made[file].replace(MARK, "")
    return made, marks


def write(folder: Path, made: dict[str, str]) -> Path:
    """Write the files; the site file's path."""
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8")
    return folder / "site.toml"


def check(folder: Path, edits: tuple[Edit, ...]) -> tuple[Report, list[tuple[str, int, int]]]:
    """The report of one run over the edited files, and the marked places."""
    made, marks = edited(edits)
    return check_paths([write(folder, made)]), marks


def place(finding: Finding) -> tuple[str, int, int]:
    return Path(finding.file).name, finding.line, finding.column

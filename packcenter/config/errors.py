"""
What is wrong with configuration files, for people and for programs.

A `Finding` is one fault at one place of one file. A `Report` is every finding of every file that was looked at
in one run; `ConfigError` carries one that has findings. `str` of either is a tree; `to_json` is the same as data.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

_SEEN_CHARACTERS_MAX = 80  # what fits a terminal beside the rest of the sentence
_NEAREST_CHARACTERS_MAX = 64  # difflib is quadratic, and no name is longer
_NEAREST_CUTOFF = 0.6


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One fault: in which file and where, what was seen there, what was expected, and what to do.

    `line` and `column` count from 1, columns in characters; line 0 means the file as a whole. `key` is a JSON path
    (`$.sorter[0].lane[2].feeds`), "" for the file. `rule` is a short stable name of the check. `nearest` is the
    valid name most like the one seen, "" if none is.
    """

    file: str
    line: int
    column: int
    key: str
    rule: str
    seen: str
    expected: str
    nearest: str = ""
    advice: str = ""

    def what(self) -> str:
        """The sentence without file, place and advice: `$.x is "a", expected "b"; nearest "c".`"""
        nearest = f'; nearest "{self.nearest}"' if self.nearest else ""
        return f"{self.key or self.file} is {self.seen}, expected {self.expected}{nearest}."

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.what()} {self.advice}".rstrip()


@dataclass(frozen=True, slots=True)
class Report:
    """What a check looked at (`files`, in order of reading) and every finding, ordered by file and place."""

    files: tuple[str, ...]
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, files: Iterable[str], findings: Iterable[Finding]) -> Report:
        """Put findings in the order people read: file by file as they were read, top to bottom; repeats dropped."""
        names = tuple(dict.fromkeys(files))
        rank = {name: at for at, name in enumerate(names)}
        ordered = sorted(
            dict.fromkeys(findings),
            key=lambda f: (rank.get(f.file, len(rank)), f.file, f.line, f.column, f.key, f.rule, f.seen, f.expected),
        )
        return cls(names, tuple(ordered))

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __str__(self) -> str:
        if self.ok:
            return f"{_count(len(self.files), 'file')} checked, no faults"
        by_file: dict[str, list[Finding]] = {}
        for finding in self.findings:
            by_file.setdefault(finding.file, []).append(finding)
        lines = [f"{_count(len(self.findings), 'fault')} in {_count(len(by_file), 'file')}"]
        for file, findings in by_file.items():
            lines += [file, *_branches(findings)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data: `ok`, `files`, `findings` with the fields of `Finding`."""
        return {"ok": self.ok, "files": list(self.files), "findings": [asdict(finding) for finding in self.findings]}


class ConfigError(Exception):
    """The files are at fault; `report` holds every finding of every file, and `str` shows them as a tree."""

    def __init__(self, report: Report) -> None:
        assert not report.ok, "a ConfigError without findings"
        super().__init__(str(report))
        self.report = report

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, ordered by file and place."""
        return self.report.findings

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return self.report.to_json()


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like `name`, "" if none is like it."""
    found = difflib.get_close_matches(name[:_NEAREST_CHARACTERS_MAX], sorted(known), n=1, cutoff=_NEAREST_CUTOFF)
    return found[0] if found else ""


def shown(value: object) -> str:
    """A TOML value in few words, safe to print: text quoted and cut, containers by their size."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else "an integer that is too large"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return str(value)


def quoted(text: str) -> str:
    """Text in double quotes on one line, control and invisible characters escaped, cut to a readable length."""
    cut = text if len(text) <= _SEEN_CHARACTERS_MAX else text[: _SEEN_CHARACTERS_MAX - 1] + "…"
    escaped = json.dumps(cut, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in escaped)


def choice(names: Iterable[str]) -> str:
    """`"a", "b" or "c"`: what may stand somewhere; long lists are cut."""
    shown_names = [quoted(name) for name in names]
    if not shown_names:
        return "nothing (none is known)"
    if len(shown_names) > 12:
        return ", ".join(shown_names[:10]) + f" or one of {len(shown_names) - 10} more"
    return " or ".join(part for part in (", ".join(shown_names[:-1]), shown_names[-1]) if part)


def _branches(findings: list[Finding]) -> Iterable[str]:
    width = max(len(_place(finding)) for finding in findings)
    for at, finding in enumerate(findings):
        last = at == len(findings) - 1
        yield f"{'└──' if last else '├──'} {_place(finding):<{width}}  {finding.what()}"
        if finding.advice:
            yield f"{'   ' if last else '│  '} {'':<{width}}  {finding.advice}"


def _place(finding: Finding) -> str:
    return f"{finding.line}:{finding.column}" if finding.line else "file"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

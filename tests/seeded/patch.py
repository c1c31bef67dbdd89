"""
A deliberate one-place fault in the product, which exists in this process only.

The module's source is compiled with one piece of text replaced, when it is imported. Nothing is written, and a product
that was not told knows nothing of it. `install` comes before the first import of the module.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Literal

import msgspec

ROOT = Path(__file__).parent.parent.parent
LIST = Path(__file__).parent / "bugs.toml"


class Bug(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    One fault: in `module`, the text `old`, which stands there exactly once, becomes `new`.

    `what` says in words what goes wrong; `breaks` are the invariants that it breaks, by the names of the design.
    `by` is what finds it: `explore` (the explorer on the protocol level), `wire` (with the real stacks),
    `crash` (crash images of the journal) or `tests` (the fast tests).
    """

    name: str
    what: str
    module: str
    breaks: str
    by: Literal["explore", "wire", "crash", "tests"]
    old: str
    new: str

    def path(self) -> Path:
        """The module's file."""
        return ROOT / (self.module.replace(".", "/") + ".py")

    def source(self) -> str:
        """The module with the fault. Raises `ValueError` if the text to replace is not there exactly once, or nothing changes."""
        text = self.path().read_text("utf-8")
        times = text.count(self.old)
        if times != 1:
            raise ValueError(f"{self.name}: {self.old!r} stands {times} times in {self.module}, expected once; renew the bug")
        if self.old == self.new:
            raise ValueError(f"{self.name}: replaces {self.old!r} by itself")
        return text.replace(self.old, self.new)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads the changed source; never from or to a cache."""

    def __init__(self, bug: Bug) -> None:
        super().__init__(bug.module, str(bug.path()))
        self._bug = bug

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._bug.source(), self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, bug: Bug) -> None:
        self._bug = bug

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._bug.module:
            return None
        return importlib.util.spec_from_loader(fullname, _Loader(self._bug))


def bugs() -> dict[str, Bug]:
    """All bugs of `bugs.toml` by name. Raises `ValueError` for a name that comes twice."""
    listed = msgspec.toml.decode(LIST.read_bytes(), type=dict[str, list[Bug]])["bug"]
    names = Counter(bug.name for bug in listed)
    if twice := sorted(name for name, times in names.items() if times > 1):
        raise ValueError(f"{LIST.name}: named twice: {', '.join(twice)}")
    return {bug.name: bug for bug in listed}


def install(bug: Bug) -> None:
    """From now on this process has the fault. `AssertionError` if the module was imported before."""
    assert bug.module not in sys.modules, f"{bug.module} is loaded already; install {bug.name} first"
    bug.source()
    sys.meta_path.insert(0, _Finder(bug))

"""Which exit code an error that has a name ends with; imported only when something went wrong."""

from __future__ import annotations

import sys

from packcenter.cli import codes

_NAMED = {
    ("packcenter.config.errors", "ConfigError"): codes.CONFIGURATION,
    ("packcenter.service.http", "UnsafeDoor"): codes.CONFIGURATION,
    ("packcenter.config.manifest", "ManifestRefused"): codes.PROBLEM,
    ("packcenter.plc.checking", "PlcError"): codes.UNREACHABLE,
}
"""(module, class) -> exit code. An error can only be of a class whose module has been imported, so none is imported here."""


def code_of(error: BaseException) -> int | None:
    """The exit code of an error that explains itself (a journal's tells its own); None for one that we did not foresee."""
    if isinstance(error, codes.ToldError):
        return error.code
    for (module, name), code in _NAMED.items():
        if _is_of(error, module, name):
            return code
    if _is_of(error, "packcenter.journal.journal", "JournalError"):
        return int(getattr(error, "exit_code", codes.INTERNAL))
    return None


def _is_of(error: BaseException, module: str, name: str) -> bool:
    known = getattr(sys.modules.get(module), name, None)
    return known is not None and isinstance(error, known)

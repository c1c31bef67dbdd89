"""Who may act here: the file of people, read again when it has changed; a file with faults changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from packcenter.config.errors import ConfigError, Finding, Report
from packcenter.config.load import Exposed, Unreadable, exposed
from packcenter.config.people import People, load_people
from packcenter.config.validate import file_finding
from packcenter.ports import Clock

log = structlog.get_logger()

LOOK_US = 2_000_000
"""How often the file is looked at: a token that was revoked is of no use some seconds later."""


@dataclass(frozen=True)
class PeopleFile:
    """The file of people: its name as shown, and what reads it (`config.load.read_private`), which may raise `Unreadable`."""

    name: str
    read: Callable[[], bytes]


class Badges:
    """The people of a file. `load` once, which may raise `ConfigError`; then `watch`."""

    def __init__(self, file: PeopleFile) -> None:
        self._file = file
        self._content = b""
        self._fault = ""
        self.people = People(())

    def load(self) -> None:
        """Take the people of the file. Raises `ConfigError` with every fault."""
        self._take(_read(self._file, None))

    async def watch(self, clock: Clock, off_loop: Callable[..., Awaitable[Any]]) -> None:
        """Look at the file again and again, away from the loop, since its disk may not answer."""
        while True:
            await clock.sleep_us(LOOK_US)
            await self.look(off_loop)

    async def look(self, off_loop: Callable[..., Awaitable[Any]]) -> None:
        """Take the file if it has changed and is whole; else what it said before stays, and the log says why, once."""
        try:
            found: tuple[bytes, People] | None = await off_loop(_read, self._file, self._content)
        except ConfigError as error:
            fault = str(error.findings[0])
            if fault != self._fault:
                log.error("people_refused", file=self._file.name, faults=len(error.findings), first=fault)
            self._fault = fault
            return
        if found is not None or self._fault:
            self._fault = ""
            self._take(found)

    def _take(self, found: tuple[bytes, People] | None) -> None:
        if found is not None:
            self._content, self.people = found
        log.info("people_known", file=self._file.name, people=len(self.people.persons))


def _read(file: PeopleFile, known: bytes | None) -> tuple[bytes, People] | None:
    """The file's bytes and people; None if the bytes are the known ones. Raises `ConfigError`."""
    try:
        content = file.read()
    except Exposed as error:
        raise _of(exposed(file.name, error)) from None
    except Unreadable as error:
        advice = "Make it with `packcenter people add`, as the user that runs the service."
        raise _of(file_finding(file.name, "unreadable", str(error), "a file of people", advice)) from None
    return None if content == known else (content, load_people(file.name, content))


def _of(finding: Finding) -> ConfigError:
    return ConfigError(Report.of((finding.file,), (finding,)))

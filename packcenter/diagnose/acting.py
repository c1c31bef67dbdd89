"""Acting through the running service: what is sent, and what its answers mean to a person at a terminal."""

from __future__ import annotations

from typing import Any

import msgspec

from packcenter.diagnose.asking import NoAnswer, ServiceAt, ServiceError

LIMIT_S = 15.0
"""Longer than the service itself waits for its disk, so that it is the service which says what became of the act."""

NO_ANSWER = "no_answer"


class ActRecord(msgspec.Struct, frozen=True):
    """An act as the journal has it; `why` it was refused, "" if it was taken. Core time in microseconds."""

    sequence: int
    at_us: int
    act: str
    subject: str
    person: str
    role: str
    reason: str
    why: str = ""


class NotDone(Exception):  # noqa: N818 - read aloud, the name says it
    """An act that was not answered with its record: HTTP `status`, 0 for no answer, and `why` in one word."""

    def __init__(self, status: int, why: str, text: str, record: ActRecord | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.why = why
        self.record = record


class _Trouble(msgspec.Struct):
    error: str
    why: str = ""
    record: ActRecord | None = None


def act(service: ServiceAt, token: str, name: str, body: dict[str, Any]) -> ActRecord:
    """Do an act; its record once it is durable. Raises `NotDone`, or `ServiceError` if the service cannot be asked."""
    try:
        asked = msgspec.json.encode(body)
    except UnicodeEncodeError:
        said = "what was typed is no text in UTF-8, nothing was done; set the terminal's locale to UTF-8"
        raise NotDone(400, "malformed", said) from None
    try:
        status, content = service.ask_as(token, "POST", f"/acts/{name}", asked, LIMIT_S)
    except NoAnswer as error:
        raise _open(error) from error
    try:
        _raise_trouble(service, status, content)
        return service.decoded(content, ActRecord)
    except ServiceError as error:
        raise _open(error) from error


def _open(error: ServiceError) -> NotDone:
    text = f"{error}. The act went out and may have happened; look with `packcenter act recent` before you do it again."
    return NotDone(0, NO_ANSWER, text)


def recent(service: ServiceAt, token: str, last: int) -> list[ActRecord]:
    """The last acts, the newest last. Raises `NotDone`, or `ServiceError`."""
    status, content = service.ask_as(token, "GET", f"/acts/recent?last={last}", None, LIMIT_S)
    _raise_trouble(service, status, content)
    return service.decoded(content, list[ActRecord])


def reasons(service: ServiceAt, token: str) -> list[str]:
    """The site's reasons that may be given in Chinese. Raises `NotDone`, or `ServiceError`."""
    status, content = service.ask_as(token, "GET", "/acts/reasons", None, LIMIT_S)
    _raise_trouble(service, status, content)
    return service.decoded(content, list[str])


def _raise_trouble(service: ServiceAt, status: int, content: bytes) -> None:
    if status == 200:
        return
    told = service.decoded(content, _Trouble)
    if not told.why:
        raise ServiceError(f"{service.address} answers {status}: {told.error}")
    raise NotDone(status, told.why, told.error, told.record)

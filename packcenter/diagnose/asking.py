"""
Asking the running service, which holds each PLC's only connection, and letting it act.

Plain HTTP/1.1 with the standard library; every call blocks for at most its limit, so an event loop calls it in a
thread. What answers is believed only if it speaks as our service does: the port may be somebody else's by now.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from packcenter.plc.trace import Entry
from packcenter.plc.view import LinkView

LIMIT_S = 3.0
"""The service answers within milliseconds; one that does not within this does not help anybody."""

STREAM_LIMIT_S = 5.0
"""A stream says once a second that it lives."""

_ANSWER_BYTES_MAX = 8 << 20
_T = TypeVar("_T")


class ServiceError(Exception):
    """The service cannot be asked: `str` says address, what was seen and what was expected."""


class NoAnswer(ServiceError):  # noqa: N818 - read aloud, the name says it
    """The service was asked whole, and did not answer: what was asked may have happened."""


class HallView(msgspec.Struct, frozen=True):
    """What tools need of the service's `/hall`."""

    name: str
    mode: str
    speed: int
    plan_digest: str = ""


class Passed(msgspec.Struct, frozen=True):
    """A line of the service's trace; the fields of `trace.Entry`, with `wall_us` since 1970 for people."""

    wall_us: int
    plc: str
    out: bool
    what: str
    number: int
    fields: dict[str, int | str]
    serial: int = 0


class ServiceAt:
    """
    A service at an address such as http://127.0.0.1:9464. Raises `ServiceError` if that is no such address.

    Over HTTPS it is believed by `trusted`, a file of certificates, or by those that this computer trusts.
    """

    def __init__(self, address: str, trusted: Path | None = None) -> None:
        parts = urlsplit(address if "//" in address else f"http://{address}")
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise ServiceError(f"{address!r} is not the address of a service, expected one such as http://127.0.0.1:9464")
        self._tls = parts.scheme == "https"
        self._trusted = trusted
        self._host, self._port = parts.hostname, port or (443 if self._tls else 80)
        self.address = f"{parts.scheme}://{parts.netloc}"

    def hall(self) -> HallView:
        """The hall that the service runs, and how."""
        return self._get("/hall", HallView)

    def links(self) -> list[LinkView]:
        """Every link."""
        return self._get("/plcs", list[LinkView])

    def link(self, plc: str) -> LinkView:
        """One link."""
        return self._get(f"/plcs/{quote(plc, safe='')}", LinkView)

    def telegrams(self, plc: str, last: int) -> Iterator[Passed | None]:
        """
        The last kept telegrams of a PLC, then each as it passes; None about once a second while nothing does.

        Ends when the service does. Close the iterator to end it earlier.
        """
        connection = self._connection(STREAM_LIMIT_S)
        try:
            response = self._response(connection, f"/plcs/{quote(plc, safe='')}/telegrams?last={last}")
            while line := response.readline(_ANSWER_BYTES_MAX):
                if line.startswith(b"data: "):
                    yield self.decoded(line[6:], Passed)
                elif line.startswith(b":"):
                    yield None
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(f"{self.address} ended the stream: {_words(error)}") from error
        finally:
            connection.close()

    def ask_as(self, token: str, method: str, path: str, body: bytes | None, limit_s: float) -> tuple[int, bytes]:
        """
        (status, answer) of a request of a person. Raises `NoAnswer` if it went out whole, and `ServiceError` if it did not.

        A token never goes over a network in clear.
        """
        if not self._tls and not _is_loopback(self._host):
            raise ServiceError(f"{self.address} is another machine without TLS; a token must not go there in clear. Use https://")
        connection = self._connection(limit_s)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "connection": "close"}
        asked = False
        try:
            connection.request(method, path, body, headers)
            asked = True
            response = connection.getresponse()
            content = response.read(_ANSWER_BYTES_MAX)
            if response.length:
                raise http.client.IncompleteRead(content, response.length)
            return response.status, content
        except (OSError, http.client.HTTPException) as error:
            kind = NoAnswer if asked else ServiceError
            raise kind(f"no service answers at {self.address}: {_words(error)}") from error
        finally:
            connection.close()

    def _get(self, path: str, kind: type[_T]) -> _T:
        connection = self._connection(LIMIT_S)
        try:
            return self.decoded(self._response(connection, path).read(_ANSWER_BYTES_MAX), kind)
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(f"no service answers at {self.address}: {_words(error)}") from error
        finally:
            connection.close()

    def _connection(self, limit_s: float) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=limit_s)
        try:
            context = ssl.create_default_context(cafile=None if self._trusted is None else str(self._trusted))
        except OSError as error:
            raise ServiceError(f"{self._trusted} is no file of certificates to trust: {_words(error)}") from error
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the hall's own certificate is enough
        return http.client.HTTPSConnection(self._host, self._port, timeout=limit_s, context=context)

    def _response(self, connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != 200:
            told = response.read(300).decode("utf-8", "replace").strip()
            raise ServiceError(f"{self.address}{path} answers {response.status}, expected 200: {told}")
        return response

    def decoded(self, content: bytes, kind: type[_T]) -> _T:
        """An answer as what it should be. Raises `ServiceError` if it is something else."""
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError as error:
            raise ServiceError(f"{self.address} answers, but not as packcenter does ({error}); is the address right?") from error


def passed(entry: Entry, offset_us: int) -> Passed:
    """An entry of a trace of our own; `offset_us` is wall time minus monotonic time."""
    return Passed(entry.at_us + offset_us, entry.plc, entry.out, entry.what, entry.number, entry.fields, entry.serial)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__

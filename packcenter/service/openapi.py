"""
The HTTP side as an OpenAPI 3.1 document, made from the very types by which requests are decoded and answers encoded.

`OPERATIONS` says what each route is for; a test holds it to the routes that there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from packcenter.plc.view import LinkView
from packcenter.projections.alarms import AlarmList
from packcenter.projections.discrepancies import DiscrepancyList
from packcenter.service.act_bodies import BODIES
from packcenter.service.desk import RECENT_MAX, DoneAct
from packcenter.service.gate import Trouble
from packcenter.service.layout import Layout
from packcenter.service.papers import Page
from packcenter.service.status import Status


class PassedEntry(msgspec.Struct, frozen=True):
    """A line of the trace with its time for people, `wall_us` since 1970."""

    wall_us: int
    plc: str
    out: bool
    what: str
    number: int
    fields: dict[str, int | str]
    serial: int


class Operation(NamedTuple):
    """
    One method of one route: what it is for, and its answers, status -> (description, media type, type of its JSON or None).

    `body` is the type of the request's JSON; `query` its parameters, name -> (description, schema);
    `security` what lets in, either one or the other.
    """

    summary: str
    answers: dict[int, tuple[str, str, Any]]
    body: Any = None
    query: Mapping[str, tuple[str, dict[str, Any]]] = MappingProxyType({})
    security: tuple[dict[str, list[str]], ...] = ()


_TOKEN: tuple[dict[str, list[str]], ...] = ({"token": []},)
_TOKEN_OR_LOCAL: tuple[dict[str, list[str]], ...] = ({"token": []}, {})

_JSON = "application/json"
_STREAM = "text/event-stream"
_TEXT = "text/plain"


def _shown(what: str, kind: Any = None, media: str = _JSON, **more: tuple[str, str, Any]) -> dict[int, tuple[str, str, Any]]:
    return {200: (what, media, kind), **{int(status[1:]): told for status, told in more.items()}}


_FULL = ("All streams are taken.", _TEXT, None)
_NO_PLC = ("There is no PLC of this name; `known` are those that there are.", _JSON, Trouble)

_ADMITTED: dict[int, tuple[str, str, Any]] = {
    400: ("What is asked is not of this form, or holds what may be personal data.", _JSON, Trouble),
    401: ("No token, a wrong one, or one whose last day is over.", _JSON, Trouble),
    403: ("Asked by a web page, under a foreign host name, or in a role that the person does not have.", _JSON, Trouble),
    404: ("This service takes no acts, or there is no such plan; `known` are those that there are.", _JSON, Trouble),
    429: ("Too often; `wait_s` and Retry-After say when to come again.", _JSON, Trouble),
}
_ACTED: dict[int, tuple[str, str, Any]] = {
    200: ("The act was taken, and its record is on the disk.", _JSON, DoneAct),
    **_ADMITTED,
    408: ("The body did not come in time.", _JSON, Trouble),
    409: ("The hall refuses the act: `why`; `record` is on the disk. Without it, a plan that is not sound.", _JSON, Trouble),
    413: ("The body is too large.", _JSON, Trouble),
    415: ("The content type is not application/json.", _JSON, Trouble),
    503: (
        "No answer: too many acts wait, the service ends, or the disk does not answer; `error` says what may follow.",
        _JSON,
        Trouble,
    ),
}

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", "/"): Operation("The live page.", _shown("A page for browsers.", None, "text/html")),
    ("GET", "/hall"): Operation(
        "What stands where, and by which plan; only the plan changes while the service runs.", _shown("The layout.", Layout)
    ),
    ("GET", "/status"): Operation("The figures of this moment.", _shown("The figures.", Status)),
    ("GET", "/events"): Operation(
        "The figures, pushed every second.", _shown("Server-sent events; each is a Status.", None, _STREAM, s503=_FULL)
    ),
    ("GET", "/metrics"): Operation(
        "Metrics for Prometheus.",
        _shown("Text or OpenMetrics, as asked for.", None, _TEXT, s503=("Figures are still being counted.", _TEXT, None)),
    ),
    ("GET", "/discrepancies"): Operation(
        "What the books cannot explain, the most urgent first.", _shown("The open discrepancies.", DiscrepancyList)
    ),
    ("GET", "/alarms"): Operation("What wants a person, worst first, with what to do.", _shown("The alarm list.", AlarmList)),
    ("GET", "/-/healthy"): Operation("Whether the process answers.", _shown("It does.", None, _TEXT)),
    ("GET", "/-/ready"): Operation(
        "Whether every PLC is heard.", _shown("All are.", None, _TEXT, s503=("Those that are not.", _TEXT, None))
    ),
    ("GET", "/plcs"): Operation("Every link.", _shown("The links.", list[LinkView])),
    ("GET", "/plcs/{name}"): Operation("One link.", _shown("The link.", LinkView, s404=_NO_PLC)),
    ("GET", "/plcs/{name}/telegrams"): Operation(
        "A PLC's telegrams: the last kept ones, then each as it passes.",
        _shown(
            "Server-sent events; each is a PassedEntry.",
            None,
            _STREAM,
            s400=("`last` is no number.", _JSON, Trouble),
            s404=_NO_PLC,
            s503=_FULL,
        ),
        query={"last": ("How many kept telegrams to begin with; without it all.", {"type": "integer", "minimum": 0})},
    ),
    ("GET", "/feed/{name}"): Operation(
        "What became of an agency's items, in order, after a record; that of one without a token on the service's machine only.",
        _shown(
            "The next events, whole records at a time; ask for those after `next` next.",
            Page,
            s400=("`after` is no number.", _JSON, Trouble),
            s401=("No token, a wrong one, or one whose last day is over.", _JSON, Trouble),
            s403=("Another agency's token, or asked by a web page, or without tokens from another machine.", _JSON, Trouble),
            s404=("There is no such agency, or no feed.", _JSON, Trouble),
            s429=("Too often; `wait_s` and Retry-After say when to come again.", _JSON, Trouble),
            s503=("The feed's folder cannot be read.", _JSON, Trouble),
        ),
        query={"after": ("The last record that is known; without it all are told.", {"type": "integer", "minimum": 0})},
        security=_TOKEN_OR_LOCAL,
    ),
    **{("POST", f"/acts/{name}"): Operation(body.__doc__ or "", _ACTED, body, security=_TOKEN) for name, body in BODIES.items()},
    ("GET", "/acts/recent"): Operation(
        "The last acts, taken and refused, the newest last.",
        {200: ("The acts.", _JSON, list[DoneAct]), **_ADMITTED},
        query={"last": ("How many.", {"type": "integer", "minimum": 1, "maximum": RECENT_MAX, "default": RECENT_MAX})},
        security=_TOKEN,
    ),
    ("GET", "/acts/reasons"): Operation(
        "The site's own reasons of acts, which may be given in Chinese, word for word.",
        {200: ("The reasons.", _JSON, list[str]), **_ADMITTED},
        security=_TOKEN,
    ),
    ("GET", "/openapi.json"): Operation("This document.", _shown("OpenAPI 3.1.")),
}

_STREAMED = (PassedEntry,)
_ABOUT = (
    "The control service of one hall. Everything but `/acts` only shows. An act needs a token of `packcenter people add`, and is"
    " answered once its record is durable. A feed needs one of `packcenter people agency add`, or is asked for on the same"
    " machine. Any trouble has the shape of `Trouble`; what the pages of `/` tell of trouble is text."
)


@cache
def document(release: str) -> bytes:
    """The document's JSON."""
    kinds = [kind for each in OPERATIONS.values() for kind in (each.body, *(told[2] for told in each.answers.values())) if kind]
    kinds = [*dict.fromkeys([*kinds, *_STREAMED])]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation, schema_of)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "packcenter", "version": release, "description": _ABOUT, "license": {"name": "Apache-2.0"}},
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {
                    "token": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "packcenter people add, packcenter people agency add",
                    }
                },
            },
        }
    )


def _operation(path: str, operation: Operation, schema_of: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": operation.summary.strip()}
    parameters: list[dict[str, Any]] = []
    if "{name}" in path:
        parameters.append({"name": "name", "in": "path", "required": True, "schema": {"type": "string"}})
    for name, (what, schema) in operation.query.items():
        parameters.append({"name": name, "in": "query", "description": what, "schema": schema})
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        found["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema_of[operation.body]}}}
    if operation.security:
        found["security"] = operation.security
    found["responses"] = {
        str(status): {"description": what, "content": {media: {"schema": schema_of[kind]} if kind else {}}}
        for status, (what, media, kind) in sorted(operation.answers.items())
    }
    return found

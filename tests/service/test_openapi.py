"""The OpenAPI document says what there is: every route, every status that the door knows, every key of a body."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pytest
from served import Served, Told
from starlette.routing import Route
from test_http import ask

from packcenter.service.act_bodies import BODIES
from packcenter.service.gate import REASONS
from packcenter.service.http import Watching, make_app
from packcenter.service.openapi import OPERATIONS, document
from packcenter.service.service import Service


@pytest.fixture(scope="module")
def told() -> Any:
    return json.loads(document("1.0"))


def test_every_route_is_described_and_nothing_else_is(told: Any) -> None:
    """A route that is added without words fails here."""
    app = make_app(cast("Service", Told()), Watching())
    routes = [route for route in app.routes if isinstance(route, Route)]
    there = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}
    assert there == set(OPERATIONS)
    assert {(method.upper(), path) for path, methods in told["paths"].items() for method in methods} == there


def test_it_is_served() -> None:
    """A program asks the service itself."""
    with Served(Told()) as page:
        status, content_type, body = ask(page, "/openapi.json")
    assert (status, content_type) == (200, "application/json")
    assert json.loads(body)["openapi"] == "3.1.0"


def test_every_reference_leads_somewhere(told: Any) -> None:
    """No schema is missing, and none is there for nothing."""
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(told)))
    assert names <= set(told["components"]["schemas"])
    assert set(told["components"]["schemas"]) - names <= {"PassedEntry"}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_a_body_is_described_by_the_type_that_decodes_it(told: Any, name: str) -> None:
    """Closed, with every key, and the needed ones named."""
    operation = told["paths"][f"/acts/{name}"]["post"]
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = told["components"]["schemas"][reference.rpartition("/")[2]]
    assert set(schema["properties"]) == set(BODIES[name].__struct_fields__)
    assert schema["additionalProperties"] is False
    assert "reason" in schema["required"]
    assert schema["properties"]["reason"]["maxLength"] == 64
    assert operation["security"] == [{"token": []}]


def test_every_status_of_the_door_is_described(told: Any) -> None:
    """Whoever writes a program against it can meet no other."""
    statuses = {str(status) for status, _ in REASONS.values()} | {"200", "400", "409", "503"}
    assert set(told["paths"]["/acts/lane"]["post"]["responses"]) == statuses


def test_a_feed_is_asked_for_with_a_token_or_on_the_same_machine(told: Any) -> None:
    """Either is enough, which OpenAPI says with two ways of security."""
    assert told["paths"]["/feed/{name}"]["get"]["security"] == [{"token": []}, {}]


def test_every_operation_says_what_it_is_for(told: Any) -> None:
    """In a sentence."""
    for methods in told["paths"].values():
        for operation in methods.values():
            assert operation["summary"].endswith(".")
            assert all(response["description"] for response in operation["responses"].values())

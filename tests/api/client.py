"""A client that holds every answer against the OpenAPI document of the service."""

import datetime as dt
import json
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

import jsonschema
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from api.openapi import document

PROBLEM = "application/problem+json"
# These are for browsers, and the document does not speak of them.
UNDESCRIBED = {"static", "swagger_ui.show", "pages.favicon"}

_formats = jsonschema.FormatChecker(formats=["uuid"])


@_formats.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or dt.datetime.fromisoformat(value).tzinfo is not None


class Answer(TestResponse):
    """An answer whose JSON is read strictly: NaN and Infinity are none."""

    @property
    def json(self) -> Any:
        return json.loads(self.data, parse_constant=_refuse)


class Client(FlaskClient):
    """Asserts of each answer that the document foresees it: status, media type and body."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app, Answer)

    def open(self, *args: Any, **more: Any) -> Answer:
        answer = cast(Answer, super().open(*args, **more))
        check_answer(self.application, answer)
        return answer

    def get(self, *args: Any, **more: Any) -> Answer:
        return self.open(*args, method="GET", **more)

    def post(self, *args: Any, **more: Any) -> Answer:
        return self.open(*args, method="POST", **more)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@lru_cache(maxsize=1)
def described_by(app: Flask) -> dict[str, Any]:
    """The document of a service."""
    return document(app)


def check_answer(app: Flask, response: Answer) -> None:
    """Assert that `response` is as the document says."""
    operation = _operation(app, response)
    if operation is None:
        assert response.status_code < 400 or response.mimetype == PROBLEM
        return
    described = described_by(app)
    answer = operation["responses"].get(str(response.status_code))
    if answer is None:
        assert response.status_code >= 400, f"{response.status_code} is not in the document"
        answer = described["components"]["responses"]["Problem"]
    contents = answer.get("content", {}) | (
        described["components"]["responses"]["Problem"]["content"]
        if response.status_code >= 400
        else {}
    )
    if response.data or (contents and response.request.method != "HEAD"):
        assert response.mimetype in contents, f"{response.mimetype} is not in the document"
    if response.is_json and response.data:
        validate(response.json, contents[response.mimetype]["schema"], described)
    for name in {"Location", "Link", "ETag"} & set(response.headers.keys()):
        assert name in answer.get("headers", {}), f"the header {name} is not in the document"


def validate(value: object, schema: dict[str, Any], described: dict[str, Any]) -> None:
    """Assert that `value` obeys a schema of the document."""
    whole = schema | {"components": described["components"]}
    jsonschema.Draft202012Validator(whole, format_checker=_formats).validate(value)


def path_of(rule: str) -> str:
    """A route as OpenAPI spells its path."""
    return rule.replace("<", "{").replace(">", "}")


def _operation(app: Flask, response: Answer) -> dict[str, Any] | None:
    """What the document says of the request behind `response`; None where there is no route."""
    request = response.request
    method = "GET" if request.method == "HEAD" else request.method
    try:
        rule, _ = app.url_map.bind("").match(urlsplit(request.path).path, method, return_rule=True)
    except HTTPException:
        return None
    if rule.endpoint in UNDESCRIBED or method == "OPTIONS":
        return None
    operation: dict[str, Any] = described_by(app)["paths"][path_of(rule.rule)][method.lower()]
    return operation

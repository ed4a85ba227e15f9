"""The OpenAPI 3.1 document, put together from the routes that the application really has."""

import re
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import Flask

from api.operations import Content, Operation, operation_of
from api.schemas import COMPONENTS, PROBLEM, reference

_PROBLEM = Content("An error", {PROBLEM: reference("Problem")})
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
_PATH_PARAMETER = re.compile("<(?:[^:<>]+:)?([^<>]+)>")


def document(app: Flask) -> dict[str, Any]:
    """Describe every route of `app` that carries an operation."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in app.url_map.iter_rules():
        described = operation_of(app.view_functions[rule.endpoint])
        if described is None:
            continue
        path = paths.setdefault(_PATH_PARAMETER.sub(r"{\1}", rule.rule), {})
        for method in (rule.methods or set()) & _METHODS:
            path[method.lower()] = _operation(rule.endpoint, described, sorted(rule.arguments))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hiring Data Service",
            "version": _version(),
            "description": "Loads hiring CSVs into a database, accounts for every row, reports.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": COMPONENTS,
            "responses": {"Problem": _content(_PROBLEM)},
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        # Open unless API_KEYS is set.
        "security": [{}, {"apiKey": []}, {"bearer": []}],
    }


def _version() -> str:
    try:
        return version("hiring-data-service")
    except PackageNotFoundError:
        return "0.1.0"


def _operation(name: str, described: Operation, path_parameters: list[str]) -> dict[str, Any]:
    parameters = [
        {"name": argument, "in": "path", "required": True, "schema": {"type": "string"}}
        for argument in path_parameters
    ] + [parameter.describe() for parameter in described.parameters]
    parameters += described.query
    parameters += [
        {"name": header, "in": "header", "schema": {"type": "string"}}
        for header in described.headers
    ]
    responses = {str(status): _content(body) for status, body in described.responses.items()}
    result: dict[str, Any] = {
        "operationId": name.replace(".", "_"),
        "summary": described.summary,
        "tags": [described.tag],
        "responses": responses | {"default": {"$ref": "#/components/responses/Problem"}},
    }
    if parameters:
        result["parameters"] = parameters
    if described.body:
        result["requestBody"] = _content(described.body)
    return result


def _content(body: Content) -> dict[str, Any]:
    result: dict[str, Any] = {"description": body.description}
    if body.schemas:
        result["content"] = {kind: {"schema": schema} for kind, schema in body.schemas.items()}
    if body.headers:
        result["headers"] = {name: {"schema": {"type": "string"}} for name in body.headers}
    return result

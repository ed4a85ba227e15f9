"""Every error of every route is a problem with an `error` text, and gives nothing away."""

import dataclasses
from collections.abc import Sequence

import pytest
from flask import Flask
from werkzeug.routing import Rule

import main
from api import build_app
from domain.table import Table
from tests.api.client import Answer, Client

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "error"}


def address(rule: Rule) -> str:
    """A path that the rule matches."""
    _, path = rule.build(dict.fromkeys(rule.arguments, "x")) or ("", rule.rule)
    return path


def assert_problem(answer: Answer, status: int) -> None:
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json.keys() >= PROBLEM_MEMBERS
    assert answer.json["status"] == status
    assert answer.json["error"] == answer.json["detail"] != ""


def test_a_wrong_method_is_refused_on_every_route(idle_client: Client) -> None:
    app: Flask = idle_client.application
    allowed: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        allowed.setdefault(address(rule), set()).update(rule.methods or ())
    for path, methods in allowed.items():
        for method in METHODS - methods:
            response = idle_client.open(path, method=method)
            assert_problem(response, 405)
            assert set(response.headers["Allow"].split(", ")) == methods


@pytest.mark.parametrize("path", ["/nothing", "/departments/1", "/docs/nothing", "/%00", "/%ff"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path_is_not_found(idle_client: Client, path: str, method: str) -> None:
    response = idle_client.open(path, method=method)

    assert_problem(response, 405 if (path, method) == ("/docs/nothing", "POST") else 404)


def test_an_error_without_a_body_is_one_for_head(idle_client: Client) -> None:
    response = idle_client.open("/nothing", method="HEAD")

    assert (response.status_code, response.data) == (404, b"")


class BrokenListing:
    """Fails in a way that nobody foresaw, with a text that nobody may see."""

    def count(self, table: Table) -> int:
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    def page(self, table: Table, *, after: int, limit: int) -> Sequence[dict[str, object]]:
        raise RuntimeError("SELECT secret FROM /etc/passwd")


@pytest.mark.parametrize("path", ["/departments", "/"])
def test_what_nobody_foresaw_is_logged_and_not_shown(
    parts: main.Composition, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    service = dataclasses.replace(parts.service, listing=BrokenListing())
    client = Client(build_app(service, cors_origins=(), api_keys=(), max_body=1000))

    response = client.get(path)

    assert_problem(response, 500)
    assert response.json["error"] == "an unexpected error; the log of the service tells more"
    assert "secret" in caplog.text

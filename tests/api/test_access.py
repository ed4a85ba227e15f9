"""Who may call: CORS and API keys, both open unless they are closed."""

import pytest

from tests.api.client import Answer, Client
from tests.api.conftest import ClientWith

ORIGIN = "https://front.example"
ALLOWED = "Access-Control-Allow-Origin"

PATHS = ["/", "/task-list", "/departments", "/report/hired-by-quarter", "/openapi.json", "/docs/"]


def preflight(client: Client, path: str) -> Answer:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    return client.open(path, method="OPTIONS", headers=headers)


def test_browsers_may_call_from_anywhere(idle_client: Client) -> None:
    response = idle_client.get("/task-list", headers={"Origin": ORIGIN})

    assert response.headers[ALLOWED] in ("*", ORIGIN)
    assert {"Location", "Retry-After", "Link"} <= set(
        response.headers["Access-Control-Expose-Headers"].split(", ")
    )


def test_browsers_may_ask_before_they_call(idle_client: Client) -> None:
    response = preflight(idle_client, "/upload-hired-employees")

    assert response.status_code == 200
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


def test_errors_can_be_read_from_anywhere_too(idle_client: Client) -> None:
    assert ALLOWED in idle_client.get("/nothing", headers={"Origin": ORIGIN}).headers


def test_browsers_may_be_kept_out(client_with: ClientWith) -> None:
    client = client_with(CORS_ORIGINS="none")

    assert ALLOWED not in client.get("/task-list", headers={"Origin": ORIGIN}).headers
    assert ALLOWED not in preflight(client, "/upload-files").headers


def test_browsers_may_be_let_in_by_origin(client_with: ClientWith) -> None:
    client = client_with(CORS_ORIGINS="https://other.example, https://front.example")

    assert client.get("/health", headers={"Origin": ORIGIN}).headers[ALLOWED] == ORIGIN
    assert ALLOWED not in client.get("/health", headers={"Origin": "https://x.example"}).headers


@pytest.mark.parametrize("path", PATHS)
def test_no_key_is_needed_unless_keys_are_set(idle_client: Client, path: str) -> None:
    assert idle_client.get(path).status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/nothing"])
def test_a_closed_service_wants_a_key(client_with: ClientWith, path: str) -> None:
    response = client_with(API_KEYS="k1,k2").get(path)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json["error"]


@pytest.mark.parametrize(
    "header",
    [
        {"X-API-Key": "k1"},
        {"X-API-Key": "k2"},
        {"Authorization": "Bearer k2"},
        {"authorization": "bearer k1"},
    ],
)
def test_any_of_the_keys_opens_it(client_with: ClientWith, header: dict[str, str]) -> None:
    client = client_with(API_KEYS="k1, k2")

    assert client.get("/task-list", headers=header).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"X-API-Key": ""},
        {"X-API-Key": "k"},
        {"X-API-Key": "k1k1"},
        {"X-API-Key": "k1,k2"},
        {"X-API-Key": "\xfe"},
        {"Authorization": "Basic azE6azE="},
        {"Authorization": "Bearer"},
        {"Authorization": "k1"},
    ],
)
def test_anything_else_does_not(client_with: ClientWith, header: dict[str, str]) -> None:
    client = client_with(API_KEYS="k1,k2")

    assert client.get("/task-list", headers=header).status_code == 401


@pytest.mark.parametrize("keys", ["k1,", ",k1", "k1, ,k2"])
def test_a_stray_comma_is_no_empty_key(client_with: ClientWith, keys: str) -> None:
    assert client_with(API_KEYS=keys).get("/task-list").status_code == 401


def test_health_stays_open(client_with: ClientWith) -> None:
    assert client_with(API_KEYS="k1").get("/health").status_code == 200


def test_browsers_may_ask_a_closed_service_before_they_call(client_with: ClientWith) -> None:
    assert preflight(client_with(API_KEYS="k1"), "/upload-files").status_code == 200

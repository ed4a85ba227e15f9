"""Rows by JSON."""

import json
from typing import Any

import pytest

from core.insert_rows import MAX_ROWS
from tests.api.client import Answer, Client
from tests.api.conftest import ClientWith

Row = dict[str, Any]

JSON = "application/json"
PROBLEM = "application/problem+json"


@pytest.fixture
def client(idle_client: Client) -> Client:
    """A client of a service with one department and one job."""
    idle_client.post("/departments", json=[{"id": 1, "department": "Carving"}])
    idle_client.post("/jobs", json=[{"id": 1, "job": "Tuner"}])
    return idle_client


def hire(id_: object, **other: object) -> Row:
    """An employee, good unless told otherwise."""
    moment = "2021-07-27T16:02:08Z"
    good = {"id": id_, "name": "Ann", "datetime": moment, "department_id": 1, "job_id": 1}
    return good | other


def departments(count: int) -> list[Row]:
    return [{"id": id_, "department": f"No. {id_}"} for id_ in range(1, count + 1)]


def post_text(client: Client, text: str | bytes, kind: str = JSON) -> Answer:
    return client.post("/departments", data=text, content_type=kind)


def reasons(answer: Answer) -> list[tuple[int, str | None, str]]:
    """Row, field and code of everything that was wrong."""
    return [(item["row"], item["field"], item["code"]) for item in answer.json["rejects"]]


@pytest.mark.parametrize("wrapped", [False, True])
def test_rows_are_all_taken(client: Client, wrapped: bool) -> None:
    rows = [hire(1), hire(2, name="Zoë 田中")]

    response = client.post("/hired-employees", json={"rows": rows} if wrapped else rows)

    assert response.status_code == 201
    assert response.json == {
        "processed": 2,
        "inserted": 2,
        "already_exists": 0,
        "errors": 0,
        "rejects": [],
    }
    names = [row["name"] for row in client.get("/hired-employees").json]
    assert names == ["Ann", "Zoë 田中"]


def test_bad_rows_come_back_and_good_ones_stay(client: Client) -> None:
    bad = hire(2, datetime="2021-02-30T10:00:00Z", name="  ")

    response = client.post("/hired-employees", json=[hire(1), bad, hire(3, job_id=9)])

    assert response.status_code == 207
    assert (response.json["inserted"], response.json["errors"]) == (1, 2)
    assert reasons(response) == [
        (2, "name", "missing_value"),
        (2, "datetime", "not_a_timestamp"),
        (3, "job_id", "unknown_job"),
    ]
    first = response.json["rejects"][0]
    assert (first["input"], first["message"]) == (bad, "name is missing")


def test_nothing_but_bad_rows_is_refused(client: Client) -> None:
    response = client.post("/hired-employees", json=[hire(0), hire(None)])

    assert response.status_code == 422
    assert response.mimetype == PROBLEM
    assert response.json["error"] == "no row was taken; see the rejects"
    assert reasons(response) == [(1, "id", "out_of_range"), (2, "id", "missing_value")]
    assert client.get("/hired-employees").json == []


def test_ids_that_exist_or_come_twice_are_skipped(client: Client) -> None:
    response = client.post("/departments", json=[*departments(2), *departments(2)])

    assert response.status_code == 201
    assert (response.json["inserted"], response.json["already_exists"]) == (1, 3)
    assert client.get("/departments").json[0] == {"id": 1, "department": "Carving"}


def test_moments_are_kept_as_utc(client: Client) -> None:
    moments = ["2021-12-31T23:30:00-01:00", "2022-01-01T00:30:00.25Z", "2022-01-01T00:30:00"]
    rows = [hire(number, datetime=moment) for number, moment in enumerate(moments, start=1)]

    assert client.post("/hired-employees", json=rows).status_code == 201

    assert [row["datetime"] for row in client.get("/hired-employees").json] == [
        "2022-01-01T00:30:00+00:00",
        "2022-01-01T00:30:00.250000+00:00",
        "2022-01-01T00:30:00+00:00",
    ]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("id", "7", "not_an_integer"),
        ("id", True, "not_an_integer"),
        ("id", 1.5, "not_an_integer"),
        ("id", 7.0, "not_an_integer"),
        ("id", 1e300, "not_an_integer"),
        ("id", [7], "not_an_integer"),
        ("id", {"id": 7}, "not_an_integer"),
        ("id", -1, "not_an_integer"),
        ("id", 2**31, "out_of_range"),
        ("id", 10**4000, "out_of_range"),
        ("id", " ", "missing_value"),
        ("name", None, "missing_value"),
        ("name", "\u00a0\u3000", "missing_value"),
        ("name", 7, "not_a_text"),
        ("name", False, "not_a_text"),
        ("name", ["Ann"], "not_a_text"),
        ("name", {"first": "Ann"}, "not_a_text"),
        ("name", "x" * 256, "too_long"),
        ("name", "Nils\0Jessop", "forbidden_character"),
        ("name", "\ud83d", "bad_encoding"),
        ("datetime", 20210727, "not_a_timestamp"),
        ("datetime", "2021-07-27", "not_a_timestamp"),
        ("datetime", "\udfff", "bad_encoding"),
        ("department_id", 2, "unknown_department"),
        ("department_id", "\ud800", "not_an_integer"),
    ],
)
def test_a_wrong_value_rejects_its_row_only(
    client: Client, field: str, value: object, code: str
) -> None:
    response = client.post("/hired-employees", json=[hire(1), hire(2) | {field: value}])

    assert response.status_code == 207
    assert reasons(response) == [(2, field, code)]
    assert response.json["rejects"][0]["input"][field] == value


@pytest.mark.parametrize("row", [None, 7, "1,Carving", [], [1, "Carving"], {"ID": 2}, {"": {}}])
def test_what_is_no_row_is_rejected(client: Client, row: object) -> None:
    response = client.post("/departments", json=[row, {"id": 2, "department": "Gardens"}])

    assert response.status_code == 207
    assert reasons(response) == [(1, None, "wrong_column_count")]
    assert response.json["rejects"][0]["input"] == row


def test_a_field_too_many_rejects_the_row(client: Client) -> None:
    response = client.post("/departments", json=[{"id": 2, "department": "Fleet", "\ud800": [{}]}])

    assert response.status_code == 422
    assert reasons(response) == [(1, None, "wrong_column_count")]


def test_a_field_too_few_is_a_missing_value(client: Client) -> None:
    assert reasons(client.post("/departments", json=[{"id": 2}])) == [
        (1, "department", "missing_value")
    ]


@pytest.mark.parametrize("count", [1, MAX_ROWS])
def test_as_many_rows_as_allowed_are_taken(idle_client: Client, count: int) -> None:
    response = idle_client.post("/departments", json=departments(count))

    assert (response.status_code, response.json["inserted"]) == (201, count)


@pytest.mark.parametrize("count", [0, MAX_ROWS + 1])
def test_too_few_or_too_many_rows_are_refused(idle_client: Client, count: int) -> None:
    response = idle_client.post("/departments", json=departments(count))

    assert response.status_code == 422
    assert response.json["error"] == f"a request takes 1 to 1000 rows, not {count}"
    assert idle_client.get("/departments").json == []


@pytest.mark.parametrize(
    "body", [None, 7, "rows", {}, {"rows": None}, {"rows": {}}, {"rows": [], "more": 1}]
)
def test_a_body_that_holds_no_rows_is_refused(idle_client: Client, body: object) -> None:
    response = idle_client.post("/departments", data=json.dumps(body), content_type=JSON)

    assert response.status_code == 422
    assert "array of rows" in response.json["error"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[{'id': 1}]",
        "\ufeff",
        b"\xff\xfe\xfd",
        b'["\xff"]',
        '[{"id": NaN, "department": "x"}]',
        "[Infinity]",
        "[-Infinity]",
        "[1e999]",
        "[" + "9" * 5000 + "]",
        "[" * 100_000,
        '{"rows":' * 50_000,
    ],
)
def test_what_is_no_json_is_a_bad_request(idle_client: Client, text: str | bytes) -> None:
    response = post_text(idle_client, text)

    assert response.status_code == 400
    assert response.mimetype == PROBLEM


@pytest.mark.parametrize("depth", [1, 32, 33, 900, 940, 942, 944, 946, 990])
def test_nested_nonsense_is_never_a_failure_of_the_service(idle_client: Client, depth: int) -> None:
    response = post_text(idle_client, "[" * depth + "]" * depth)

    assert response.status_code in (400, 422)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""]
)
def test_other_media_types_are_refused(idle_client: Client, kind: str) -> None:
    response = post_text(idle_client, "[]", kind)

    assert response.status_code == 415
    assert "application/json" in response.json["error"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.rows+json"])
def test_variants_of_json_are_taken(idle_client: Client, kind: str) -> None:
    assert post_text(idle_client, json.dumps(departments(1)), kind).status_code == 201


def test_a_body_that_is_too_large_is_refused(client_with: ClientWith) -> None:
    client = client_with(MAX_JSON_BYTES="1000")

    response = client.post("/departments", json=departments(500))

    assert response.status_code == 413
    assert client.get("/departments").json == []


@pytest.mark.parametrize("body", [None, [{"id": 1, "department": "Sales"}]])
def test_options_of_loads_are_refused_where_they_would_change_nothing(
    client: Client, body: object
) -> None:
    before = client.get("/departments").json
    response = client.post("/departments?dry_run=true&force=true", json=body)
    assert response.status_code == 400
    assert "dry_run, force" in response.json["error"]
    assert client.get("/departments").json == before

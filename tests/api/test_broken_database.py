"""A database that is missing, unmigrated, garbage or locked: clean answers, and no tracebacks."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event

import main
from api import build_app
from tests.api.client import Answer, Client
from tests.api.conftest import ClientWith
from tests.api.samples import DEPARTMENTS

ROWS = [{"id": 1, "department": "Carving"}]
GIVEN_AWAY = re.compile(
    r"Traceback|File \"|\.py\b|SELECT|INSERT|BEGIN|PRAGMA|sqlite|hiring\.db|/tmp|/var|no such"
)
# These need no database, or answer 200 with the errors of the parts.
NO_DATABASE = {"/health", "/openapi.json", "/favicon.ico"}


@pytest.fixture(params=["unmigrated", "garbage", "folder removed", "no database but a folder"])
def broken(request: pytest.FixtureRequest, client_with: ClientWith, tmp_path: Path) -> Client:
    """A client of a service whose database is broken."""
    path = tmp_path / "broken" / "database"
    client = client_with(DATABASE_URL=f"sqlite:///{path}")
    match request.param:
        case "garbage":
            path.write_bytes(b"This is no database. " * 1000)
        case "folder removed":
            shutil.rmtree(path.parent)
        case "no database but a folder":
            path.mkdir()
    return client


def assert_clean_failure(answer: Answer) -> None:
    assert answer.status_code == 503
    assert answer.json["error"].startswith("the database does not answer as it should")
    assert answer.headers["Retry-After"].isdecimal()
    assert not GIVEN_AWAY.search(answer.text), answer.text


def addresses(app: Flask) -> Iterator[tuple[str, str]]:
    """Method and path of every call."""
    for rule in app.url_map.iter_rules():
        _, path = rule.build(dict.fromkeys(rule.arguments, "x")) or ("", rule.rule)
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            yield method, path


def test_every_call_fails_cleanly(broken: Client, files: Path) -> None:
    for method, path in addresses(broken.application):
        if path.startswith(("/docs", "/static")) or path in {*NO_DATABASE, "/", "/upload-files"}:
            continue
        body = {"table": "jobs"} if path == "/loads" else None
        answer = broken.open(path, method=method, json=body)
        assert answer.status_code in (500, 503), f"{method} {path}"
        assert not GIVEN_AWAY.search(answer.text), answer.text


def test_rows_and_lists_ask_to_come_again(broken: Client) -> None:
    assert_clean_failure(broken.post("/departments", json=ROWS))
    assert_clean_failure(broken.get("/departments"))


def test_the_first_page_says_what_is_wrong(broken: Client) -> None:
    answer = broken.get("/")

    assert answer.status_code == 200
    assert "the database does not answer as it should" in answer.text
    assert not GIVEN_AWAY.search(answer.text.split("<body>")[1])


def test_all_files_fail_one_by_one(broken: Client, files: Path) -> None:
    answer = broken.post("/upload-files")

    assert answer.status_code == 200
    assert [list(part) for part in answer.json.values()] == [["error"]] * 3
    assert not GIVEN_AWAY.search(answer.text), answer.text


def test_what_needs_no_database_answers(broken: Client) -> None:
    for path in NO_DATABASE:
        assert broken.get(path).status_code < 300


def test_a_locked_database_can_be_read_and_asks_writers_to_come_again(
    parts: main.Composition, files: Path, tmp_path: Path
) -> None:
    event.listen(parts.engine, "connect", _be_impatient)
    client = Client(build_app(parts.service, cors_origins=(), api_keys=(), max_body=1000))
    client.post("/departments")

    with closing(sqlite3.connect(tmp_path / "hiring.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = client.post("/departments", json=ROWS)
        failed = client.post("/jobs")
        read = client.get("/departments")
        other.execute("ROLLBACK")

    assert_clean_failure(refused)
    assert failed.status_code == 500
    assert len(read.json) == len(DEPARTMENTS)
    assert client.post("/departments", json=ROWS).status_code == 201


def _be_impatient(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout=20")

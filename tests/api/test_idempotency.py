"""The header Idempotency-Key: a request that is sent twice starts one load."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.client import Answer, Client
from tests.api.samples import write_file
from tests.api.tasks import Worker, accepted

Send = Callable[[Client, dict[str, str]], Answer]

CSV = b"1,Tuner\n2,Keeper\n"


def queue_window(client: Client, headers: dict[str, str]) -> Answer:
    return client.post("/upload-hired-employees?start=1&limit=2", headers=headers)


def start_load(client: Client, headers: dict[str, str]) -> Answer:
    return client.post("/loads", json={"table": "jobs"}, headers=headers)


def upload(client: Client, headers: dict[str, str], data: bytes = CSV) -> Answer:
    return client.post("/jobs", data=data, content_type="text/csv", headers=headers)


def upload_form(client: Client, headers: dict[str, str]) -> Answer:
    return client.post("/jobs", data={"file": (io.BytesIO(CSV), "x.csv")}, headers=headers)


@pytest.fixture(params=[queue_window, start_load, upload, upload_form])
def send(request: pytest.FixtureRequest) -> Send:
    sender: Send = request.param
    return sender


def keyed(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def test_a_request_sent_twice_starts_one_load(worker: Worker, files: Path, send: Send) -> None:
    write_file(files, "hired_employees.csv", [])
    first = accepted(send(worker.client, keyed("a")))
    meanwhile = accepted(send(worker.client, keyed("a")))
    worker.run()
    afterwards = accepted(send(worker.client, keyed("a")))

    assert {first, meanwhile, afterwards} == {first}
    assert [task["id"] for task in worker.client.get("/tasks").json] == [first]
    assert worker.task(first)["status"] == "SUCCESS"
    assert [path for path in Path("var/uploads").rglob("*") if path.is_file()] == []


def test_other_keys_and_none_start_a_load_each(idle_client: Client, send: Send) -> None:
    headers = [keyed("a"), keyed("b"), {}, {}]

    ids = {accepted(send(idle_client, header)) for header in headers}

    assert len(ids) == 4


def test_a_key_belongs_to_one_request(idle_client: Client, send: Send) -> None:
    accepted(send(idle_client, keyed("a")))

    others = [
        idle_client.post("/upload-hired-employees?start=2&limit=2", headers=keyed("a")),
        idle_client.post("/upload-hired-employees", headers=keyed("a")),
        idle_client.post("/loads", json={"table": "departments"}, headers=keyed("a")),
        upload(idle_client, keyed("a"), CSV + b"3,Baker"),
        idle_client.post("/departments", data=CSV, content_type="text/csv", headers=keyed("a")),
        idle_client.post("/jobs?force=true", data=CSV, content_type="text/csv", headers=keyed("a")),
    ]

    for answer in others:
        assert answer.status_code == 422
        assert answer.json["error"] == "the idempotency key was used for another request"
    assert len(idle_client.get("/tasks").json) == 1


def test_the_same_content_is_the_same_request_however_it_is_packed(idle_client: Client) -> None:
    first = accepted(upload(idle_client, keyed("a")))

    assert accepted(upload(idle_client, keyed("a"), gzip.compress(CSV))) == first
    assert accepted(upload_form(idle_client, keyed("a"))) == first


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_1_to_255_characters(idle_client: Client, send: Send, key: str) -> None:
    response = send(idle_client, keyed(key))

    assert response.status_code == 400
    assert response.json["error"] == "Idempotency-Key must have 1 to 255 characters"
    assert idle_client.get("/tasks").json == []
    assert [path for path in Path("var/uploads").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("key", ["x" * 255, "a b", "'; DROP TABLE loads", "\xe9", "%00"])
def test_a_key_may_be_anything_else(idle_client: Client, send: Send, key: str) -> None:
    assert accepted(send(idle_client, keyed(key))) == accepted(send(idle_client, keyed(key)))


def test_a_known_key_is_answered_also_where_no_more_loads_may_wait(
    client_with: Callable[..., Client],
) -> None:
    client = client_with(MAX_WAITING_LOADS="1")
    first = accepted(start_load(client, keyed("a")))

    assert accepted(start_load(client, keyed("a"))) == first
    assert start_load(client, keyed("b")).status_code == 503


def test_a_request_that_was_refused_does_not_use_its_key_up(idle_client: Client) -> None:
    refused = idle_client.post("/loads", json={"table": "jobs", "force": 1}, headers=keyed("a"))

    assert refused.status_code == 400
    accepted(start_load(idle_client, keyed("a")))

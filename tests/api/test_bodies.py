"""Bodies that are cut off, garbled, of two parts or nested without end."""

import io
import json

import pytest

from tests.api.client import PROBLEM, Answer, Client

CSV = "text/csv"
FORM = "multipart/form-data; boundary=b"


class Garbled:
    """The input of a server that gives up in its own way."""

    def read(self, _size: int, /) -> bytes:
        raise LookupError("no chunk")


def send(client: Client, body: object, kind: str, announced: int | None) -> Answer:
    """Post a body as gunicorn hands it over: it ends the input itself, also where it broke off."""
    length = {} if announced is None else {"CONTENT_LENGTH": str(announced)}
    environ = {"wsgi.input": body, "wsgi.input_terminated": True} | length
    return client.post("/jobs", content_type=kind, environ_overrides=environ)


@pytest.mark.parametrize(
    ("kind", "text"),
    [(CSV, b"1,Tuner\n2,Kee"), ("application/json", b'[{"id": 1, "job": "Tuner"}]')],
)
def test_a_body_that_breaks_off_leaves_nothing(idle_client: Client, kind: str, text: bytes) -> None:
    response = send(idle_client, io.BytesIO(text), kind, len(text) + 1)

    assert (response.status_code, response.mimetype) == (400, PROBLEM)
    assert idle_client.get("/tasks").json == []
    assert idle_client.get("/jobs").json == []


def test_a_whole_body_is_taken(idle_client: Client) -> None:
    text = b"1,Tuner\n2,Keeper"

    assert send(idle_client, io.BytesIO(text), CSV, len(text)).status_code == 202
    assert send(idle_client, io.BytesIO(text), CSV, None).status_code == 202


@pytest.mark.parametrize("kind", [CSV, "application/json"])
def test_garbled_chunks_are_a_bad_request(idle_client: Client, kind: str) -> None:
    response = idle_client.post(
        "/jobs",
        content_type=kind,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": Garbled(), "wsgi.input_terminated": True},
    )

    assert (response.status_code, response.mimetype) == (400, PROBLEM)
    assert idle_client.get("/tasks").json == []


@pytest.mark.parametrize("names", [("file", "file"), ("file", "other")])
def test_a_form_of_two_files_is_refused(idle_client: Client, names: tuple[str, str]) -> None:
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{number}.csv"\r\n\r\n'
        f"{number},Tuner\r\n"
        for number, name in enumerate(names, start=1)
    )

    response = idle_client.post("/jobs", data=f"{parts}--b--\r\n", content_type=FORM)

    assert (response.status_code, response.mimetype) == (400, PROBLEM)
    assert "exactly one file" in response.json["error"]
    assert idle_client.get("/tasks").json == []


@pytest.mark.parametrize("text", ["[" * 100_000, '{"table":' * 50_000, "", "NaN"])
def test_a_load_by_nonsense_is_a_bad_request(idle_client: Client, text: str) -> None:
    response = idle_client.post("/loads", data=text, content_type="application/json")

    assert (response.status_code, response.mimetype) == (400, PROBLEM)


def test_a_load_is_ordered_in_json_only(idle_client: Client) -> None:
    response = idle_client.post("/loads", data=json.dumps({"table": "jobs"}))

    assert (response.status_code, response.mimetype) == (415, PROBLEM)


def test_an_upload_is_not_loaded_by_another_task(idle_client: Client) -> None:
    idle_client.post("/jobs", data="1,Tuner", content_type=CSV)
    (task,) = idle_client.get("/tasks").json

    response = idle_client.post("/loads", json={"table": "jobs", "source": task["source"]})

    assert (response.status_code, response.mimetype) == (400, PROBLEM)
    assert len(idle_client.get("/tasks").json) == 1

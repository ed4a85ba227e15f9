"""CSVs in the body of a request: plain, packed, as a form, and all the ways in which that fails."""

import gzip
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import Answer, Client
from tests.api.conftest import ClientWith
from tests.api.samples import write_files
from tests.api.tasks import Worker, accepted

CSV = b"1,Tuner\r\n2,Keeper\r\n,nobody"
TYPES = ("text/csv", "application/gzip", "application/x-gzip", "text/csv; charset=utf-8")
MIB = 1024 * 1024


@contextmanager
def nothing_kept(client: Client) -> Iterator[None]:
    """Assert that no file and no task came of it."""
    tasks = client.get("/tasks").json
    before = kept()
    yield
    assert kept() == before
    assert client.get("/tasks").json == tasks


def kept() -> list[Path]:
    """The files of the upload folder, also those that are being written."""
    return [path for path in Path("var/uploads").rglob("*") if path.is_file()]


def post(client: Client, data: bytes, kind: str = "text/csv", **more: Any) -> Answer:
    return client.post("/jobs", data=data, content_type=kind, **more)


def form(*files: tuple[str, bytes], field: str = "note") -> dict[str, Any]:
    """A form with a field and these files, each under a name, which may be the same."""
    parts = [(f'name="{field}"', b"no file")]
    parts += [(f'name="{name}"; filename="x.csv"', data) for name, data in files]
    body = b"".join(
        b"--x\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (head.encode(), data)
        for head, data in parts
    )
    return {"data": body + b"--x--\r\n", "content_type": "multipart/form-data; boundary=x"}


def chunked(client: Client, data: bytes, kind: str = "text/csv") -> Answer:
    """Send a body whose length is not told."""
    return client.open(
        "/jobs",
        method="POST",
        input_stream=io.BytesIO(data),
        content_type=kind,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": None},
    )


def assert_loaded(worker: Worker, answer: Answer) -> None:
    """Assert that `answer` accepted the load of CSV, run it and look at what became of it."""
    (file,) = kept()
    assert file.read_bytes() == CSV
    task = worker.end(answer)
    assert (task["status"], task["table"]) == ("SUCCESS", "jobs")
    assert task["source"] == f"uploads/{file.name}"
    assert task["result"] | {"error_ids": []} == {
        "processed": 3,
        "inserted": 2,
        "already_exists": 0,
        "errors": 1,
        "error_ids": [],
    }
    assert worker.rows("/jobs") == [{"id": 1, "job": "Tuner"}, {"id": 2, "job": "Keeper"}]
    assert kept() == []


@pytest.mark.parametrize(
    ("kind", "send"), [*((kind, post) for kind in TYPES), ("text/csv", chunked)]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_csv_is_loaded_packed_or_not_whatever_its_type_says(
    worker: Worker, kind: str, pack: Callable[[bytes], bytes], send: Callable[..., Answer]
) -> None:
    assert_loaded(worker, send(worker.client, pack(CSV), kind))


@pytest.mark.parametrize(("name", "pack"), [("file", bytes), ("a b", gzip.compress)])
def test_a_csv_is_loaded_from_a_form(
    worker: Worker, name: str, pack: Callable[[bytes], bytes]
) -> None:
    assert_loaded(worker, worker.client.post("/jobs", **form((name, pack(CSV)))))


@pytest.mark.parametrize("names", [(), ("a", "b"), ("file", "file"), ("file",) * 3])
def test_a_form_has_exactly_one_file(idle_client: Client, names: tuple[str, ...]) -> None:
    with nothing_kept(idle_client):
        response = idle_client.post("/jobs", **form(*((name, CSV) for name in names), field="file"))

    assert response.status_code == 400
    assert response.json["error"] == f"send exactly one file, not {len(names)}"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=x"),
        (b"1,Tuner", "multipart/form-data; boundary=x"),
        (
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n1,Tuner\r\n',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_a_form_that_is_none_is_refused(idle_client: Client, data: bytes, kind: str) -> None:
    with nothing_kept(idle_client):
        response = post(idle_client, data, kind)

    assert response.status_code == 400
    assert response.json["error"]


PACKED = gzip.compress(os.urandom(2 * MIB))


@pytest.mark.parametrize(
    "data",
    [
        b"\x1f\x8b",
        PACKED[:5],
        PACKED[:10],
        PACKED[: MIB + 1],
        PACKED[:-8],
        PACKED[:-1],
        PACKED[:-8] + b"\0" * 8,
        PACKED[:MIB] + b"\0" * 100 + PACKED[MIB + 100 :],
        b"\x1f\x8b\x07" + PACKED[3:],
        PACKED + CSV,
        PACKED + PACKED[:100],
    ],
    ids=range(11),
)
@pytest.mark.parametrize("send", [post, chunked])
def test_broken_gzip_is_refused(
    idle_client: Client, data: bytes, send: Callable[..., Answer]
) -> None:
    with nothing_kept(idle_client):
        response = send(idle_client, data)

    assert response.status_code == 400
    assert response.json["error"].startswith("the gzip content is broken: ")


def test_gzip_of_several_members_is_one_csv(worker: Worker) -> None:
    packed = b"".join(gzip.compress(CSV[n : n + 7]) for n in range(0, len(CSV), 7))

    assert_loaded(worker, post(worker.client, packed))


def test_an_upload_may_be_as_large_as_allowed_and_no_larger(client_with: ClientWith) -> None:
    client = client_with(MAX_UPLOAD_BYTES=str(len(CSV)))

    for send in (post, chunked):
        accepted(send(client, CSV))
        with nothing_kept(client):
            response = send(client, CSV + b"\n")
        assert response.status_code == 413
        assert response.json["error"]


def test_a_form_is_no_larger_than_allowed(client_with: ClientWith) -> None:
    client = client_with(MAX_UPLOAD_BYTES="1000")

    accepted(client.post("/jobs", **form(("file", b"x" * 500))))
    with nothing_kept(client):
        assert client.post("/jobs", **form(("file", b"x" * 1000))).status_code == 413


def test_rows_by_json_keep_their_own_limit(client_with: ClientWith) -> None:
    client = client_with(MAX_JSON_BYTES="100", MAX_UPLOAD_BYTES="2000000")

    accepted(post(client, b"x" * 1_000_000))
    accepted(client.post("/jobs", **form(("file", b"x" * 1_000_000))))
    assert client.post("/jobs", json=[{"id": 1, "job": "x" * 100}]).status_code == 413


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_an_upload_unpacks_to_no_more_than_allowed(
    client_with: ClientWith, pack: Callable[[bytes], bytes]
) -> None:
    client = client_with(MAX_UNPACKED_BYTES=str(3 * MIB))

    accepted(post(client, pack(b"x" * (3 * MIB))))
    with nothing_kept(client):
        for response in (
            post(client, pack(b"x" * (3 * MIB + 1))),
            client.post("/jobs", **form(("file", pack(b"x" * (3 * MIB + 1))))),
        ):
            assert response.status_code == 413
            assert response.json["error"] == f"the CSV is larger than {3 * MIB} bytes"


def test_a_bomb_is_stopped_early(client_with: ClientWith, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_with(MAX_UNPACKED_BYTES=str(MIB))
    bomb = gzip.compress(b"\0" * (64 * MIB))
    unpacked = 0
    read = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        nonlocal unpacked
        data = read(self, size)
        unpacked += len(data)
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    with nothing_kept(client):
        assert post(client, bomb).status_code == 413

    assert MIB < unpacked <= 3 * MIB


@pytest.mark.parametrize("query", ["force=maybe", "batch_size=0", "on_conflict=ask", "limit=1"])
def test_a_wrong_option_is_refused_by_name(idle_client: Client, query: str) -> None:
    name, _, _ = query.partition("=")
    with nothing_kept(idle_client):
        response = idle_client.post(f"/jobs?{query}", data=CSV, content_type="text/csv")

    assert response.status_code == 400
    assert response.json["error"].startswith(f"{name}: ")


def test_an_upload_has_the_options_of_any_load(worker: Worker) -> None:
    worker.upload("/jobs", b"1,Tuner")

    dry = worker.upload("/jobs", b"1,Keeper\n2,Baker", dry_run="true", on_conflict="update")
    stopped = worker.upload("/jobs", b"1,Keeper\n,\n3,Cook", reject_limit=0, batch_size=1)
    updated = worker.upload("/jobs", b"1,Keeper\n2,Baker", on_conflict="update")
    repeated = worker.upload("/jobs", b"1,Keeper\n2,Baker", on_conflict="update")
    forced = worker.upload("/jobs", b"1,Keeper\n2,Baker", on_conflict="update", force="true")

    assert (dry["summary"]["inserted"], dry["summary"]["updated"]) == (1, 1)
    assert (stopped["status"], stopped["summary"]["processed"]) == ("FAILURE", 2)
    assert (updated["summary"]["inserted"], updated["summary"]["updated"]) == (1, 1)
    assert repeated["repeats"] == updated["id"]
    assert (forced["repeats"], forced["summary"]["updated"]) == (None, 2)
    assert [row["job"] for row in worker.rows("/jobs")] == ["Keeper", "Baker"]


@pytest.mark.parametrize("send", [post, chunked])
def test_an_empty_upload_is_not_a_load_of_the_file(
    worker: Worker, files: Path, send: Callable[..., Answer]
) -> None:
    task = worker.end(send(worker.client, b""))

    assert (task["status"], task["summary"]["processed"]) == ("SUCCESS", 0)
    assert task["source"].startswith("uploads/")
    assert worker.rows("/jobs") == []


def test_a_header_maps_the_columns(worker: Worker, source: Path) -> None:
    write_files(source)
    worker.load(table="departments")
    worker.load(table="jobs")
    lines = [
        "Job_ID, datetime ,id,name,note,department_id",
        '2,2021-03-04T05:06:07+01:00,7,"Lee, Ann",x,3',
    ]

    task = worker.upload("/hired-employees", "\r\n".join(lines).encode())

    assert task["result"]["inserted"] == 1
    assert task["lines"] == {"read": 2, "header": 1, "blank": 0, "skipped": 0}
    assert worker.rows("/hired-employees") == [
        {
            "id": 7,
            "name": "Lee, Ann",
            "datetime": "2021-03-04T04:06:07+00:00",
            "department_id": 3,
            "job_id": 2,
        }
    ]


def test_a_header_of_another_table_fails_the_task(worker: Worker) -> None:
    task = worker.upload("/jobs", b"id,salary\n1,7")

    assert task["status"] == "FAILURE"
    assert task["result"] == "the header of jobs lacks column 'job'"


def test_uploads_are_not_part_of_the_source_folder(idle_client: Client, source: Path) -> None:
    accepted(post(idle_client, CSV))

    assert list(source.iterdir()) == []


def test_an_upload_that_no_load_can_take_is_not_kept(client_with: ClientWith) -> None:
    client = client_with(MAX_WAITING_LOADS="1")
    accepted(post(client, CSV))

    with nothing_kept(client):
        assert post(client, CSV).status_code == 503


def test_a_folder_that_cannot_be_written_is_an_error(client_with: ClientWith) -> None:
    Path("file").write_text("no folder")
    client = client_with(UPLOAD_URL="file")

    response = post(client, CSV)

    assert response.status_code == 503
    assert str(Path.cwd()) not in response.text


def test_other_types_are_refused(idle_client: Client) -> None:
    with nothing_kept(idle_client):
        for kind in ("text/plain", "application/octet-stream", ""):
            response = post(idle_client, CSV, kind)
            assert response.status_code == 415
            assert "text/csv" in response.json["error"]

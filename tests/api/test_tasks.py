"""Windows of hired_employees.csv that are loaded in the background, and the tasks they become."""

import uuid
from pathlib import Path

import pytest

import main
from tests.api.client import Client
from tests.api.conftest import ClientWith
from tests.api.samples import employee, employees, write_file, write_files
from tests.api.tasks import finished, load_window, queue_window


@pytest.fixture
def two_windows(client: Client, source: Path) -> Client:
    """A service with parents in its tables and employees 1 to 1999 in its file."""
    write_files(source, employees(1999))
    client.post("/departments")
    client.post("/jobs")
    return client


def test_a_window_is_accepted_as_a_task(idle_client: Client, files: Path) -> None:
    response = idle_client.post("/upload-hired-employees?start=0&limit=1000")

    assert response.status_code == 202
    assert response.json.keys() == {"task_id", "status"}
    assert response.json["status"] == "accepted"
    task_id = str(uuid.UUID(response.json["task_id"]))
    assert response.headers["Location"] == f"/task-status/{task_id}"
    assert response.headers["Retry-After"].isdecimal()


def test_no_row_is_lost_between_two_windows(two_windows: Client) -> None:
    first = load_window(two_windows, start=0, limit=1000)
    second = load_window(two_windows, start=1000, limit=1000)

    assert first == summary(processed=1000, inserted=1000)
    assert second == summary(processed=999, inserted=999)
    page = two_windows.get("/hired-employees?after=998&limit=3").json
    assert [row["id"] for row in page] == [999, 1000, 1001]


def test_the_same_window_again_skips_its_rows(two_windows: Client) -> None:
    load_window(two_windows, start=0, limit=10)

    again = load_window(two_windows, start=5, limit=10)

    assert again == summary(processed=10, inserted=5, already_exists=5)


def test_a_window_beyond_the_end_has_no_rows(two_windows: Client) -> None:
    assert load_window(two_windows, start=1999, limit=1000) == summary(processed=0)
    assert load_window(two_windows, start=2**62 - 1, limit=2**62 - 1) == summary(processed=0)


def test_a_window_is_the_first_1000_rows_unless_told(two_windows: Client) -> None:
    assert load_window(two_windows)["processed"] == 1000


def test_rejected_rows_of_a_window_are_named(client: Client, source: Path) -> None:
    lines = [employee(1), employee(2, name=" "), employee(3, department_id=9), employee("")]
    write_files(source, lines)
    client.post("/departments")
    client.post("/jobs")

    result = load_window(client, start=1, limit=9)

    assert result == summary(processed=3, errors=3, error_ids=[2, 3])


def test_queued_tasks_are_pending_and_not_listed(idle_client: Client, files: Path) -> None:
    task_id = queue_window(idle_client)

    assert idle_client.get("/task-list").json == []
    task = idle_client.get(f"/task-status/{task_id}").json
    assert (task["id"], task["status"], task["result"]) == (task_id, "PENDING", None)
    assert task["progress"] == {
        "rows": 0,
        "bytes": 0,
        "total_bytes": None,
        "share": 0.0,
        "bytes_per_second": None,
        "seconds_left": None,
    }


def test_a_task_shows_how_far_it_is(two_windows: Client, source: Path) -> None:
    task_id = queue_window(two_windows, start=0, limit=2000)
    finished(two_windows, task_id)

    task = two_windows.get(f"/task-status/{task_id}").json

    size = (source / "hired_employees.csv").stat().st_size
    assert task["status"] == "SUCCESS"
    assert task["result"]["processed"] == 1999
    assert task["progress"].pop("bytes_per_second") > 0
    assert task["progress"] == {
        "rows": 1999,
        "bytes": size,
        "total_bytes": size,
        "share": 1.0,
        "seconds_left": None,
    }
    assert (task["table"], task["source"]) == ("hired_employees", "hired_employees.csv")
    assert task["attempts"] == 1
    assert task["created_at"] <= task["finished_at"]


def test_a_task_that_a_worker_holds_is_started(
    idle_client: Client, files: Path, parts: main.Composition
) -> None:
    task_id = queue_window(idle_client)
    parts.service.ledger.claim(task_id, "somebody", 60)

    task = idle_client.get(f"/task-status/{task_id}").json

    assert (task["status"], task["result"]) == ("STARTED", None)
    assert idle_client.get("/task-list").json == []


def test_finished_tasks_are_listed_newest_first(two_windows: Client) -> None:
    ids = [queue_window(two_windows, start=start, limit=1) for start in range(3)]
    for task_id in ids:
        finished(two_windows, task_id)

    listed = two_windows.get("/task-list").json

    assert [task["id"] for task in listed] == ids[::-1]
    assert all(task.keys() == {"id", "status", "result"} for task in listed)


def test_at_most_20_tasks_are_listed(client: Client, source: Path) -> None:
    ids = [queue_window(client) for _ in range(22)]
    finished(client, ids[-1])
    finished(client, ids[-2])

    assert len(client.get("/task-list").json) == 20


def test_one_failure_does_not_break_the_list(client: Client, source: Path) -> None:
    failed = queue_window(client)
    assert finished(client, failed)["status"] == "FAILURE"
    write_file(source, "hired_employees.csv", [])
    succeeded = queue_window(client)
    assert finished(client, succeeded)["status"] == "SUCCESS"

    second, first = client.get("/task-list").json

    assert (first["id"], second["id"]) == (failed, succeeded)
    assert "hired_employees.csv" in first["result"]
    assert str(source) not in first["result"]
    assert second["result"] == summary(processed=0)
    assert client.get(f"/task-status/{failed}").json["result"] == first["result"]


def test_loads_that_a_caller_waits_for_are_no_tasks(idle_client: Client, files: Path) -> None:
    idle_client.post("/upload-files")

    assert idle_client.get("/task-list").json == []


@pytest.mark.parametrize("task_id", ["x", "00000000-0000-0000-0000-000000000000", "%00", "%FF"])
def test_an_unknown_task_is_not_found(idle_client: Client, task_id: str) -> None:
    response = idle_client.get(f"/task-status/{task_id}")

    assert response.status_code == 404
    assert "task" in response.json["error"]


def test_no_more_tasks_are_taken_than_may_wait(client_with: ClientWith, files: Path) -> None:
    client = client_with(MAX_WAITING_LOADS="1")
    queue_window(client)

    response = client.post("/upload-hired-employees")

    assert response.status_code == 503
    assert response.headers["Retry-After"].isdecimal()
    assert response.json["error"] == "1 loads are waiting already"


def summary(**counts: object) -> dict[str, object]:
    """The summary of a window: zero but for `counts`."""
    nothing = {"processed": 0, "inserted": 0, "already_exists": 0, "errors": 0, "error_ids": []}
    return nothing | counts

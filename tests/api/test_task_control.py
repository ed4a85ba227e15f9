"""Tasks as a resource: listed in pages, watched, cancelled between batches and resumed."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import main
from core.run_load import OnBatch
from domain.load import Load, LoadState
from tests.api.client import Answer, Client
from tests.api.samples import employee, employees, write_file
from tests.api.tasks import Worker, accepted
from tests.support import put_parents, wait_for

UNKNOWN = ("x", "00000000-0000-0000-0000-000000000000", "%00", "%FF")


def queue(client: Client, **order: object) -> str:
    return accepted(client.post("/loads", json={"table": "jobs"} | order))


def cancel(client: Client, task_id: str) -> Answer:
    return client.post(f"/tasks/{task_id}/cancel")


def resume(client: Client, task_id: str) -> Answer:
    return client.post(f"/tasks/{task_id}/resume")


def listed(client: Client, **query: object) -> list[str]:
    return [task["id"] for task in client.get("/tasks", query_string=query).json]


def at_batch(number: int, action: Callable[[Load], object]) -> OnBatch:
    """Do something after that batch has been committed, and while its load still runs."""
    seen = 0

    def on_batch(load: Load) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            action(load)

    return on_batch


def explode(_load: Load) -> None:
    raise RuntimeError("the worker stumbled")


def test_a_task_is_the_same_under_both_addresses(worker: Worker, files: Path) -> None:
    task = worker.load(table="jobs")

    assert worker.client.get(f"/task-status/{task['id']}").json == task


def test_tasks_of_every_kind_are_listed_newest_first(worker: Worker, files: Path) -> None:
    worker.client.post("/departments")
    ids = [queue(worker.client), worker.load(table="departments")["id"]]
    uploaded = worker.upload("/jobs", b"7,Baker")["id"]
    waiting = queue(worker.client)

    tasks = worker.client.get("/tasks").json

    assert [task["id"] for task in tasks[:-1]] == [waiting, uploaded, *reversed(ids)]
    assert tasks[-1]["table"] == "departments"
    numbers = [task["number"] for task in tasks]
    assert numbers == sorted(numbers, reverse=True)
    assert tasks[1] == worker.task(uploaded)


def test_tasks_come_in_pages(idle_client: Client) -> None:
    ids = [queue(idle_client) for _ in range(5)]
    found, link = [], "/tasks?limit=2&state=PENDING"
    while link:
        page = idle_client.get(link)
        found.append([task["id"] for task in page.json])
        link = page.headers.get("Link", "").removesuffix('>; rel="next"').removeprefix("<")
        queue(idle_client)  # What comes meanwhile moves no page.

    assert found == [ids[:2:-1], ids[2:0:-1], ids[:1]]


def test_there_is_no_next_page_behind_a_full_last_one(idle_client: Client) -> None:
    queue(idle_client)
    queue(idle_client)

    assert "Link" not in idle_client.get("/tasks?limit=2").headers
    assert "Link" not in idle_client.get("/tasks").headers


def test_tasks_can_be_listed_by_state(worker: Worker, files: Path) -> None:
    succeeded = worker.load(table="jobs")["id"]
    failed = worker.load(table="jobs", source="gone.csv")["id"]
    revoked = queue(worker.client)
    cancel(worker.client, revoked)
    started = queue(worker.client)
    worker.parts.service.ledger.claim(started, "somebody", 60)
    waiting = queue(worker.client)

    found = {state: listed(worker.client, state=state) for state in LoadState}

    assert found == {
        "SUCCESS": [succeeded],
        "FAILURE": [failed],
        "REVOKED": [revoked],
        "STARTED": [started],
        "PENDING": [waiting],
        "RETRY": [],
    }
    everything = [waiting, started, revoked, failed, succeeded]
    assert listed(worker.client, state="any") == listed(worker.client) == everything


@pytest.mark.parametrize(
    "query", ["state=DONE", "state=", "limit=0", "limit=1001", "limit=x", "before=-1"]
)
def test_a_page_that_makes_no_sense_is_refused(idle_client: Client, query: str) -> None:
    response = idle_client.get(f"/tasks?{query}")

    assert response.status_code == 400
    assert response.json["error"].startswith(query.partition("=")[0])


@pytest.mark.parametrize("task_id", UNKNOWN)
def test_there_is_nothing_of_an_unknown_task(idle_client: Client, task_id: str) -> None:
    for method, rest in (
        ("GET", ""),
        ("POST", "/cancel"),
        ("POST", "/resume"),
        ("GET", "/rejects"),
        ("GET", "/rejects?format=csv"),
        ("POST", "/rejects/retry"),
    ):
        response = idle_client.open(f"/tasks/{task_id}{rest}", method=method)
        assert response.status_code == 404
        assert response.json["error"].startswith("there is no task ")


def test_a_task_says_when_to_ask_again_until_it_is_over(worker: Worker, files: Path) -> None:
    task_id = queue(worker.client)
    for path in (f"/tasks/{task_id}", f"/task-status/{task_id}"):
        assert worker.client.get(path).headers["Retry-After"] == "1"

    worker.run()

    for path in (f"/tasks/{task_id}", f"/task-status/{task_id}"):
        assert "Retry-After" not in worker.client.get(path).headers


def test_a_task_shows_how_far_it_is_and_how_long_it_will_take(worker: Worker, files: Path) -> None:
    write_file(files, "jobs.csv", [f"{n},Job" for n in range(1, 101)])
    size = (files / "jobs.csv").stat().st_size
    seen: list[Any] = []
    task_id = queue(worker.client, batch_size=50)

    def look(_load: Load) -> None:
        seen.append(worker.client.get(f"/tasks/{task_id}"))

    worker.run(at_batch(1, look))
    (half,) = seen
    done = worker.task(task_id)

    assert (half.json["status"], half.json["result"]) == ("STARTED", None)
    progress = half.json["progress"]
    assert (progress["rows"], progress["total_bytes"]) == (50, size)
    assert progress["share"] == progress["bytes"] / size
    assert 0.4 < progress["share"] < 0.6
    left = (size - progress["bytes"]) / progress["bytes_per_second"]
    assert progress["seconds_left"] == pytest.approx(left)
    assert half.headers["Retry-After"] == "1"
    assert half.json["finished_at"] is None
    assert (done["progress"]["rows"], done["progress"]["bytes"]) == (100, size)
    assert (done["progress"]["share"], done["progress"]["seconds_left"]) == (1.0, None)
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]


def test_a_long_task_is_not_asked_for_all_the_time(worker: Worker, files: Path) -> None:
    write_file(files, "jobs.csv", [f"{n},Job" for n in range(1, 1001)])
    task_id = queue(worker.client, batch_size=1)
    asked: list[int] = []

    def slow(load: Load) -> None:
        # One byte of thousands in the minute since it was claimed: it will take hours.
        with worker.parts.engine.begin() as connection:
            statement = "UPDATE loads SET claimed_at = ? WHERE id = ?"
            claimed = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
            text = claimed.strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.exec_driver_sql(statement, (text, load.id))
        answer = worker.client.get(f"/tasks/{task_id}")
        assert answer.json["progress"]["seconds_left"] > 1000
        asked.append(int(answer.headers["Retry-After"]))
        cancel(worker.client, task_id)

    worker.run(at_batch(1, slow))

    assert asked == [60]


def test_lines_are_accounted_for(worker: Worker, source: Path) -> None:
    lines = ["", "id,name,datetime,department_id,job_id", *employees(9), "", "  ", "x"]
    write_file(source, "hired_employees.csv", lines)
    put_parents(worker.parts.service.insert_rows.database)

    whole = worker.load(table="hired_employees")
    window = worker.end(worker.client.post("/upload-hired-employees?start=2&limit=3"))

    assert whole["lines"] == {"read": 14, "header": 1, "blank": 3, "skipped": 0}
    assert whole["summary"]["processed"] == 10
    lines = window["lines"]
    assert (lines["header"], lines["skipped"], window["summary"]["processed"]) == (1, 2, 3)
    assert lines["read"] == 1 + lines["blank"] + 2 + 3


def test_a_waiting_task_is_cancelled_at_once(worker: Worker, files: Path) -> None:
    task_id = queue(worker.client)

    answer = cancel(worker.client, task_id)
    worker.run()

    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["result"]) == ("REVOKED", "cancelled")
    assert "Retry-After" not in answer.headers
    task = worker.task(task_id)
    assert task == answer.json
    assert (task["attempts"], task["summary"]["processed"]) == (0, 0)
    assert worker.client.get("/task-list").json == []
    assert worker.rows("/jobs") == []


def test_a_running_task_is_cancelled_at_the_end_of_its_batch(worker: Worker, files: Path) -> None:
    write_file(files, "jobs.csv", [f"{n},Job" if n % 3 else ",Job" for n in range(1, 11)])
    task_id = queue(worker.client, batch_size=2)
    answers: list[Answer] = []

    worker.run(at_batch(2, lambda load: answers.append(cancel(worker.client, load.id))))

    (answer,) = answers
    assert (answer.status_code, answer.json["status"]) == (200, "STARTED")
    assert answer.headers["Retry-After"]
    task = worker.task(task_id)
    assert (task["status"], task["result"]) == ("REVOKED", "cancelled; the rows so far stay")
    # The request came in after the second batch, so the third was the last.
    assert task["summary"] == {"processed": 6, "inserted": 4, "already_exists": 0, "errors": 2}
    assert [row["id"] for row in worker.rows("/jobs")] == [1, 2, 4, 5]
    assert worker.client.get("/task-list").json == []


def test_a_task_whose_worker_is_gone_is_cancelled_at_once(worker: Worker, files: Path) -> None:
    task_id = queue(worker.client)
    worker.parts.service.ledger.claim(task_id, "a worker that died", -1)

    assert cancel(worker.client, task_id).json["status"] == "REVOKED"


def test_a_task_that_checks_first_is_cancelled_without_a_trace(worker: Worker, files: Path) -> None:
    write_file(files, "jobs.csv", ["1,Tuner", ",x", "3,Keeper", "4,Baker", "5,Cook"])
    options = {"batch_size": 1, "reject_limit": 9, "on_reject_limit": "rollback"}
    task_id = queue(worker.client, **options)

    worker.run(at_batch(3, lambda load: cancel(worker.client, load.id)))
    cancelled = worker.task(task_id)
    resumed = worker.end(resume(worker.client, task_id))

    assert cancelled["status"] == "REVOKED"
    assert cancelled["summary"] == {"processed": 1, "inserted": 0, "already_exists": 0, "errors": 1}
    assert (resumed["status"], resumed["summary"]["inserted"]) == ("SUCCESS", 4)
    assert resumed["open_rejects"] == 1


LINES = [
    *(employee(n) for n in range(1, 8)),
    employee(2),
    employee(9, job_id=9),
    employee(10, name=""),
    *(employee(n) for n in range(9, 16)),
]


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
@pytest.mark.parametrize("way", ["fail", "cancel"])
def test_a_task_that_goes_on_ends_as_if_nothing_had_been(
    worker: Worker, source: Path, batch: int, way: str
) -> None:
    write_file(source, "hired_employees.csv", LINES)
    put_parents(worker.parts.service.insert_rows.database)
    action = explode if way == "fail" else lambda load: cancel(worker.client, load.id)
    order = {"table": "hired_employees", "batch_size": 4}
    expected = worker.load(**order, dry_run=True)

    task_id = queue(worker.client, **order)
    worker.run(at_batch(batch, action))
    broken = worker.task(task_id)
    answer = resume(worker.client, task_id)
    waiting = worker.task(task_id)
    ended = worker.end(answer)

    assert broken["status"] == ("FAILURE" if way == "fail" else "REVOKED")
    assert 0 < broken["summary"]["processed"] <= len(LINES)
    assert (waiting["status"], waiting["result"], waiting["finished_at"]) == ("RETRY", None, None)
    assert (ended["status"], ended["result"]) == ("SUCCESS", expected["result"])
    assert ended["lines"] == expected["lines"]
    assert ended["progress"]["bytes"] == expected["progress"]["bytes"]
    stored = [row["id"] for row in worker.rows("/hired-employees")]
    assert stored == sorted({*range(1, 8), *range(9, 16)})
    rejects = [worker.client.get(f"/tasks/{id_}/rejects").json for id_ in (task_id, expected["id"])]
    assert rejects[0] == rejects[1]


def test_an_upload_that_failed_is_still_there_to_go_on(worker: Worker) -> None:
    answer = worker.client.post("/jobs", data=b"1,Tuner\n2,Keeper", content_type="text/csv")
    broken = worker.end(answer, explode)
    kept = list(Path("var/uploads/uploads").iterdir())

    ended = worker.end(resume(worker.client, broken["id"]))

    assert (broken["status"], len(kept)) == ("FAILURE", 1)
    assert (ended["status"], ended["summary"]["inserted"]) == ("SUCCESS", 2)
    assert list(Path("var/uploads/uploads").iterdir()) == []


def test_a_task_does_not_go_on_with_other_content(worker: Worker, files: Path) -> None:
    write_file(files, "jobs.csv", ["1,Tuner", "2,Keeper"])
    task_id = queue(worker.client, batch_size=1)
    worker.run(explode)
    write_file(files, "jobs.csv", ["1,Tuner", "2,Keeper", "3,Baker"])

    task = worker.end(resume(worker.client, task_id))

    assert task["status"] == "FAILURE"
    assert task["result"].startswith("source_changed")
    assert [row["id"] for row in worker.rows("/jobs")] == [1]


def test_a_task_that_is_over_cannot_be_cancelled(worker: Worker, files: Path) -> None:
    succeeded = worker.load(table="jobs")["id"]
    failed = worker.load(table="jobs", source="gone.csv")["id"]
    revoked = queue(worker.client)
    cancel(worker.client, revoked)

    for task_id, state in ((succeeded, "SUCCESS"), (failed, "FAILURE"), (revoked, "REVOKED")):
        before = worker.task(task_id)
        answer = cancel(worker.client, task_id)
        assert answer.status_code == 409
        assert answer.json["error"] == f"the load is over: {state}"
        assert worker.task(task_id) == before


def test_only_a_task_that_failed_or_was_cancelled_goes_on(worker: Worker, files: Path) -> None:
    succeeded = worker.load(table="jobs")["id"]
    waiting = queue(worker.client)
    started = queue(worker.client)
    worker.parts.service.ledger.claim(started, "somebody", 60)
    again = queue(worker.client)
    cancel(worker.client, again)
    accepted(resume(worker.client, again))

    for task_id, state in (
        (succeeded, "SUCCESS"),
        (waiting, "PENDING"),
        (started, "STARTED"),
        (again, "RETRY"),
    ):
        answer = resume(worker.client, task_id)
        assert answer.status_code == 409
        assert answer.json["error"].endswith(f"it is {state}")


def test_workers_take_up_what_goes_on(client: Client, parts: main.Composition, files: Path) -> None:
    """With workers of its own running, a service needs nobody else."""
    task_id = queue(client, source="gone.csv")
    wait_for(lambda: client.get(f"/tasks/{task_id}").json["status"] == "FAILURE")
    (files / "jobs.csv").rename(files / "gone.csv")

    accepted(resume(client, task_id))

    wait_for(lambda: client.get(f"/tasks/{task_id}").json["status"] == "SUCCESS")

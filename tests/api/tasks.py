"""Wait for tasks as the clients of the service do."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

import main
from core.run_load import OnBatch, ignore
from tests.api.client import Answer, Client


def queue_window(client: Client, **window: int) -> str:
    """Queue a load of a window of hired_employees.csv; the id of the task."""
    response = client.post("/upload-hired-employees", query_string=window)
    assert response.status_code == 202
    task_id: str = response.json["task_id"]
    return task_id


def finished(client: Client, task_id: str, seconds: float = 20) -> dict[str, Any]:
    """The task as /task-list shows it, as soon as it appears there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for task in client.get("/task-list").json:
            if task["id"] == task_id:
                found: dict[str, Any] = task
                return found
        time.sleep(0.01)
    raise AssertionError(f"task {task_id} has not ended within {seconds} seconds")


def load_window(client: Client, **window: int) -> Any:
    """Queue a window, wait for it and return its result."""
    return finished(client, queue_window(client, **window))["result"]


@dataclass(frozen=True)
class Worker:
    """A client of a service whose queued loads run when the test says so, in its own thread."""

    client: Client
    parts: main.Composition

    def run(self, on_batch: OnBatch = ignore) -> None:
        """Run what waits, oldest first."""
        for load_id in self.parts.service.ledger.waiting():
            self.parts.service.start_load.run(load_id, on_batch)

    def end(self, answer: Answer, on_batch: OnBatch = ignore) -> dict[str, Any]:
        """Run what waits; the task that `answer` speaks of."""
        task_id = accepted(answer)
        self.run(on_batch)
        return self.task(task_id)

    def task(self, task_id: str) -> dict[str, Any]:
        """The task as it is now."""
        task: dict[str, Any] = self.client.get(f"/tasks/{task_id}").json
        return task

    def load(self, **order: object) -> dict[str, Any]:
        """The task of a load from the source store, run."""
        return self.end(self.client.post("/loads", json=order))

    def upload(self, path: str, data: bytes, **query: object) -> dict[str, Any]:
        """The task of an uploaded CSV, run."""
        send = {"data": data, "content_type": "text/csv", "query_string": query}
        return self.end(self.client.post(path, **send))

    def rejects(self, task_id: str, **query: object) -> bytes:
        """The rejected rows of a task as CSV."""
        query_string = {"format": "csv"} | query
        answer = self.client.get(f"/tasks/{task_id}/rejects", query_string=query_string)
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")
        data: bytes = answer.data
        return data

    def rows(self, path: str) -> list[dict[str, Any]]:
        """The first rows of a table."""
        rows: list[dict[str, Any]] = self.client.get(path, query_string={"limit": 1000}).json
        return rows


def accepted(answer: Answer) -> str:
    """The id of the task that `answer` accepted, exactly as the reference API has it."""
    assert answer.status_code == 202, answer.text
    assert answer.json.keys() == {"task_id", "status"}
    assert answer.json["status"] == "accepted"
    task_id = str(uuid.UUID(answer.json["task_id"]))
    assert answer.headers["Location"] == f"/task-status/{task_id}"
    assert answer.headers["Retry-After"].isdecimal()
    return task_id

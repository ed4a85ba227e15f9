"""Wait for tasks as the clients of the service do."""

import time
from typing import Any

from tests.api.client import Client


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

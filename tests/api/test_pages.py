"""What is no data: health, the first page, and the pages that describe the API."""

import dataclasses
import re
from pathlib import Path

import pytest

import main
from api import build_app
from core.ports import TaskQueue
from tests.api.client import Client
from tests.api.samples import employees, write_files
from tests.api.tasks import finished, queue_window


class FakeQueue:
    """A queue whose broker answers, does not, or is not there."""

    def __init__(self, reachable: bool | None) -> None:
        self._reachable = reachable

    def ring(self, load_id: str) -> None:
        """Wake nobody."""

    def is_reachable(self) -> bool | None:
        return self._reachable


def client_with_queue(parts: main.Composition, queue: TaskQueue) -> Client:
    service = dataclasses.replace(parts.service, queue=queue)
    return Client(build_app(service, cors_origins=(), api_keys=(), max_body=1000))


@pytest.mark.parametrize(
    ("reachable", "code", "status", "redis"),
    [
        (True, 200, "ok", "connected"),
        (False, 500, "error", "unreachable"),
        (None, 200, "ok", "not configured"),
    ],
)
def test_health_tells_of_the_broker(
    parts: main.Composition, reachable: bool | None, code: int, status: str, redis: str
) -> None:
    response = client_with_queue(parts, FakeQueue(reachable)).get("/health")

    assert response.status_code == code
    assert response.mimetype == "application/json"
    assert response.json == {"status": status, "redis": redis}


def test_a_service_without_a_broker_is_healthy(idle_client: Client) -> None:
    assert idle_client.get("/health").json == {"status": "ok", "redis": "not configured"}


def test_the_first_page_shows_rows_tasks_and_documents(client: Client, source: Path) -> None:
    write_files(source, employees(1234))
    client.post("/upload-files")
    task_id = queue_window(client)
    finished(client, task_id)

    response = client.get("/")

    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert "1,234" in response.text
    assert task_id in response.text
    assert "SUCCESS" in response.text
    for address in re.findall('href="([^"]+)"', response.text):
        assert client.get(address).status_code == 200


def test_the_first_page_of_a_new_service_says_that_there_are_no_tasks(idle_client: Client) -> None:
    assert "None yet." in idle_client.get("/").text


def test_the_api_can_be_browsed_without_the_internet(idle_client: Client) -> None:
    page = idle_client.get("/docs", follow_redirects=True)

    assert page.status_code == 200
    assert "/openapi.json" in page.text
    foreign = re.findall(r"(?:https?:)?//(?!localhost[/:])[\w.-]+", page.text)
    assert foreign == []
    parts = re.findall('(?:src|href)="([^"]+)"', page.text)
    assert parts
    for address in parts:
        part = idle_client.get(address)
        assert part.status_code == 200
        part.close()


def test_browsers_are_spared_the_error_about_an_icon(idle_client: Client) -> None:
    assert idle_client.get("/favicon.ico").status_code == 204

"""The Postman collection: all of the reference API, and every call as the service has it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule

from bench.generate import generate
from tests.api.client import Client
from tests.serving import ROOT, serving

COLLECTION = ROOT / "Documentation" / "hiring-data-service.postman_collection.json"

REFERENCE_API = {
    ("GET", "/"),
    ("GET", "/health"),
    ("POST", "/departments"),
    ("POST", "/jobs"),
    ("POST", "/upload-files"),
    ("POST", "/upload-hired-employees"),
    ("GET", "/task-list"),
    ("GET", "/task-status/<task_id>"),
    ("GET", "/report/hired-by-quarter"),
    ("GET", "/report/hiring-above-average"),
}

# Of the rest: loads as a resource.
OUR_API = {
    ("POST", "/loads"),
    ("GET", "/tasks"),
    ("GET", "/tasks/<task_id>"),
    ("POST", "/tasks/<task_id>/cancel"),
    ("POST", "/tasks/<task_id>/resume"),
    ("GET", "/tasks/<task_id>/rejects"),
    ("POST", "/tasks/<task_id>/rejects/retry"),
}


@pytest.fixture(scope="module")
def collection() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(COLLECTION.read_text())
    return read


def requests(collection: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The items that are requests, in the order in which they are sent."""
    for folder in collection["item"]:
        yield from folder["item"]


def test_it_is_a_collection_that_needs_no_authentication(collection: dict[str, Any]) -> None:
    variables = {item["key"]: item["value"] for item in collection["variable"]}

    assert collection["info"]["schema"].endswith("/collection/v2.1.0/collection.json")
    assert collection["auth"] == {"type": "noauth"}
    assert variables["baseUrl"] == "http://localhost:80"
    assert "auth" not in [name for item in requests(collection) for name in item["request"]]


def test_it_calls_routes_of_the_service_and_all_of_the_reference_api(
    idle_client: Client, collection: dict[str, Any]
) -> None:
    urls = idle_client.application.url_map.bind("")
    called = set()
    for item in requests(collection):
        method = item["request"]["method"]
        path = "/" + "/".join(item["request"]["url"]["path"])
        rule, _ = urls.match(path, method, return_rule=True)
        assert isinstance(rule, Rule)
        called.add((method, rule.rule))

    assert called == REFERENCE_API | OUR_API


def test_its_addresses_say_the_same_as_their_parts(collection: dict[str, Any]) -> None:
    for item in requests(collection):
        url = item["request"]["url"]
        query = "&".join(f"{part['key']}={part['value']}" for part in url.get("query", []))
        path = "/".join([*url["host"], *url["path"]])
        assert url["raw"] == (f"{path}?{query}" if query else path)


def test_each_of_its_calls_is_tested_for_its_status(collection: dict[str, Any]) -> None:
    names = [item["name"] for item in requests(collection)]
    assert len(set(names)) == len(names)
    for item in requests(collection):
        (event,) = item["event"]
        assert event["listen"] == "test"
        assert "pm.response.to.have.status(" in event["script"]["exec"][0]


def test_it_polls_with_an_end(collection: dict[str, Any]) -> None:
    for item in requests(collection):
        script = "\n".join(item["event"][0]["script"]["exec"])
        if "setNextRequest" in script:
            assert re.search(r"tries < \d+\b", script)


def newman() -> str:
    """The program; skips the test without it, or fails where it must not be missing."""
    found = shutil.which("newman") or shutil.which(
        "newman", path=str(ROOT / "node_modules" / ".bin")
    )
    if found is None:
        reason = "newman is not installed; `npm install newman@6` puts it into node_modules"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def test_it_succeeds_on_a_running_service(database_url: str, source: Path, tmp_path: Path) -> None:
    program = newman()
    generate(source, 2000)
    with serving(tmp_path, DATABASE_URL=database_url, SOURCE_URL=str(source)) as server:
        run = subprocess.run(
            [
                program,
                "run",
                str(COLLECTION),
                "--env-var",
                f"baseUrl={server.address}",
                "--color",
                "off",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert run.returncode == 0, run.stdout + run.stderr

"""Clients that check every answer against the document, of services in various circumstances."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

import main
from api import build_app
from api.service import keep
from config import Settings
from tests.api.client import Client
from tests.api.samples import write_files
from tests.api.tasks import Worker

ClientWith = Callable[..., Client]


@pytest.fixture
def client(app: Flask) -> Client:
    """A checking client of a service whose workers run."""
    return Client(app)


@pytest.fixture
def client_with(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClientWith]:
    """Make checking clients of services with further variables set; no workers run in them."""
    engines = []

    def make(**variables: str) -> Client:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        app, parts = main.build(Settings.load())
        engines.append(parts.engine)
        return Client(app)

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="session")
def edges() -> list[Flask]:
    """The open edge that tests share: to compile its routes takes longer than most of them."""
    return []


@pytest.fixture
def idle_client(edges: list[Flask], parts: main.Composition, settings: Settings) -> Client:
    """A client of a service in which no worker runs: what is queued stays queued."""
    if not edges:
        limit = settings.max_json_bytes
        edges.append(build_app(parts.service, cors_origins=("*",), api_keys=(), max_body=limit))
    keep(parts.service, edges[0].extensions)
    return Client(edges[0])


@pytest.fixture
def worker(idle_client: Client, parts: main.Composition) -> Worker:
    """A client of a service whose loads run when the test says so."""
    return Worker(idle_client, parts)


@pytest.fixture
def files(source: Path) -> Path:
    """A source folder with departments, jobs and no employees yet."""
    write_files(source)
    return source

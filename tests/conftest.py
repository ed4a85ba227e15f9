"""What tests share: a service of its own for each test, over a real database and a real folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

import main
from config import Settings
from infra.db.engine import make_engine
from infra.db.migrate import upgrade
from infra.db.schema import metadata
from tests.fakes import MemoryStore
from tests.services import postgresql_database
from tests.world import World


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the variables and the `.env` of whoever runs the tests out of them."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("AZURE_BLOB_CONTAINER", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def _migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "hiring.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture
def database_url(_migrated: Path, tmp_path: Path) -> str:
    """An empty, migrated database."""
    path = tmp_path / "hiring.db"
    shutil.copy(_migrated, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A migrated database on a PostgreSQL server, which the tests of a session share."""
    with postgresql_database() as url:
        engine = make_engine(url)
        upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture
def empty_postgresql_url(postgresql_url: str) -> Iterator[str]:
    """The same database, emptied after the test."""
    yield postgresql_url
    engine = make_engine(postgresql_url)
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    engine.dispose()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder of the source store."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(database_url: str, source: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an embedded service."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SOURCE_URL", str(source))
    monkeypatch.setenv("SWEEP_SECONDS", "0.2")
    return Settings.load()


@pytest.fixture
def parts(settings: Settings) -> Iterator[main.Composition]:
    """The composed service; its workers do not run."""
    parts = main.compose(settings)
    yield parts
    parts.engine.dispose()


@pytest.fixture
def world(parts: main.Composition) -> World:
    """A service with parents and a few employees, and a store in memory."""
    world = World(parts, MemoryStore())
    world.reset()
    return world


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application with its workers running."""
    app, parts = main.build(settings)
    parts.workers.start()
    yield app
    parts.workers.stop(timeout=10)
    parts.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the application."""
    return app.test_client()

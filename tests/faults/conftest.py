"""The stage of the faults, and the server that workers are forked from."""

import os
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import pytest
from pydantic import SecretStr

import main
from config import Settings
from tests.faults import worker
from tests.faults.stage import Stage

_ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def _fork_server() -> None:
    # The server looks for modules in its own path alone, which is not that of pytest.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")])
    worker.processes.set_forkserver_preload([worker.__name__])
    forkserver.ensure_running()


@pytest.fixture
def stage(settings: Settings, parts: main.Composition, source: Path) -> Stage:
    """A service on SQLite with departments and jobs."""
    return _stage(settings, parts, source)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_stage(request: pytest.FixtureRequest, settings: Settings, source: Path) -> Iterator[Stage]:
    """The same on each database."""
    if request.param == "postgresql":
        url = SecretStr(request.getfixturevalue("empty_postgresql_url"))
        settings = settings.model_copy(update={"database_url": url})
    parts = main.compose(settings)
    yield _stage(settings, parts, source)
    parts.engine.dispose()


def _stage(settings: Settings, parts: main.Composition, source: Path) -> Stage:
    """A stage whose workers may die often and are missed soon."""
    assert settings.database_url is not None
    environment = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "SOURCE_URL": str(source),
        "LEASE_SECONDS": "0.15",
        "MAX_ATTEMPTS": "1000",
    }
    stage = Stage(parts, environment, source)
    stage.put_parents()
    return stage

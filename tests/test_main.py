"""The composition root: it connects to nothing before it is used, and says what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

import main
from config import Settings
from infra.db.engine import make_engine

ROOT = Path(main.__file__).parent

# Imports every module and ends with the first thing that none of them may do meanwhile.
IMPORT_EVERYTHING = """
import os, pkgutil, sys

FORBIDDEN = ("socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen", "os.mkdir")

def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if writes or event in FORBIDDEN:
        os.write(2, f"{event} {arguments}".encode())
        os._exit(9)

sys.addaudithook(watch)
import main, config
count = 0
for package in ("api", "core", "domain", "infra"):
    path = [os.path.join(sys.argv[1], package)]
    for module in pkgutil.walk_packages(path, package + "."):
        if ".migrations" not in module.name:
            __import__(module.name)
            count += 1
print(count)
"""


def test_importing_every_module_connects_to_nothing_and_writes_nothing(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT_EVERYTHING, str(ROOT)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert int(run.stdout) > 30
    assert list(tmp_path.iterdir()) == []


def test_composing_the_service_opens_no_database(tmp_path: Path) -> None:
    parts = main.compose(Settings.load())

    assert parts.service.queue.is_reachable() is None
    assert list(tmp_path.rglob("*.db")) == []


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_the_source_may_be_a_path_or_a_file_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prefix: str
) -> None:
    folder = tmp_path / "two words"
    folder.mkdir()
    (folder / "jobs.csv").write_bytes(b"1,Tuner")
    name = f"{prefix}{folder}".replace(" ", "%20") if prefix else str(folder)
    monkeypatch.setenv("SOURCE_URL", name)

    store = main.compose(Settings.load()).service.store

    assert [item.name for item in store.list()] == ["jobs.csv"]


def test_the_web_application_runs_its_workers(settings: Settings) -> None:
    app = main.web_app()

    workers = app.extensions["workers"]
    assert workers.is_reachable() is None
    workers.stop(timeout=10)


def test_the_command_line_gets_an_application_from_the_environment(settings: Settings) -> None:
    app = main.create_app()

    assert {"audit", "load", "migrate", "tasks"} <= app.cli.commands.keys()


@pytest.mark.parametrize("make", [main.create_app, main.web_app])
def test_wrong_settings_end_the_process_with_a_message(
    monkeypatch: pytest.MonkeyPatch, make: object
) -> None:
    monkeypatch.setenv("PORT", "x")
    assert callable(make)

    with pytest.raises(SystemExit, match="error: PORT: "):
        make()


def test_a_migrated_database_is_accepted(settings: Settings) -> None:
    main.check_database(settings)


def test_an_unmigrated_database_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/new.db")

    with pytest.raises(SystemExit, match=r"database is at version none .* run `make migrate`"):
        main.check_database(Settings.load())


def test_what_is_no_database_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is no database. " * 100)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/text.db")

    with pytest.raises(SystemExit, match="error: the database does not answer"):
        main.check_database(Settings.load())


def test_an_unsupported_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://h/d")

    with pytest.raises(SystemExit, match="error: DATABASE_URL: mysql is not supported"):
        main.check_database(Settings.load())


def test_a_database_in_memory_needs_no_folder(tmp_path: Path) -> None:
    make_engine("sqlite://").dispose()

    assert list(tmp_path.iterdir()) == []

"""The command line: what it does, prints and ends with."""

import json
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

import main
from api.cli import FAILED, WITH_REJECTS
from config import Settings
from core.run_load import RunLoad
from domain.load import Load, LoadOrder, LoadState, OnConflict
from tests.api.samples import employee, employees, write_file, write_files


@pytest.fixture
def runner(settings: Settings) -> Iterator[FlaskCliRunner]:
    """Runs the commands of a service with a migrated database."""
    app, parts = main.build(settings)
    with app.app_context():
        yield app.test_cli_runner()
    parts.engine.dispose()


def invoke(runner: FlaskCliRunner, *words: str, code: int = 0) -> Result:
    result = runner.invoke(args=list(words))
    assert result.exit_code == code, result.output
    return result


def read(result: Result) -> Any:
    """The JSON that was printed, and nothing beside it."""
    return json.loads(result.stdout)


def test_all_files_are_loaded_parents_first(runner: FlaskCliRunner, source: Path) -> None:
    write_files(source, employees(3))
    (source / "notes.txt").write_text("no table")

    results = read(invoke(runner, "load", "--json"))

    assert [(item["table"], item["inserted"]) for item in results] == [
        ("departments", 3),
        ("jobs", 2),
        ("hired_employees", 3),
    ]


def test_files_are_found_by_the_start_of_their_names(runner: FlaskCliRunner, source: Path) -> None:
    write_file(source, "Departments-2021.CSV", ["1,Carving"])
    (source / "more").mkdir()
    write_file(source / "more", "jobs_1.csv", ["1,Tuner"])

    results = read(invoke(runner, "load", "--json"))

    assert {item["source"] for item in results} == {"Departments-2021.CSV", "more/jobs_1.csv"}


def test_one_file_can_be_named(runner: FlaskCliRunner, source: Path) -> None:
    write_files(source, employees(3))

    (result,) = read(invoke(runner, "load", "jobs.csv", "--json"))

    assert (result["source"], result["table"], result["processed"]) == ("jobs.csv", "jobs", 2)


def test_a_file_of_another_name_needs_its_table(runner: FlaskCliRunner, source: Path) -> None:
    write_file(source, "units.csv", ["1,Carving"])

    refused = invoke(runner, "load", "units.csv", code=FAILED)
    loaded = invoke(runner, "load", "units.csv", "--table", "departments", "--json")

    assert refused.stderr == "error: name the --table of units.csv\n"
    assert read(loaded)[0]["inserted"] == 1


def test_a_table_alone_means_its_own_file(runner: FlaskCliRunner, source: Path) -> None:
    write_files(source)

    assert read(invoke(runner, "load", "--table", "jobs", "--json"))[0]["source"] == "jobs.csv"


def test_rejected_rows_have_an_exit_code_of_their_own(runner: FlaskCliRunner, source: Path) -> None:
    write_files(source, [employee(1), employee(2, name="")])

    result = invoke(runner, "load", "--json", code=WITH_REJECTS)

    employees_ = read(result)[-1]
    assert (employees_["inserted"], employees_["errors"], employees_["error_ids"]) == (1, 1, [2])


def test_a_file_that_is_missing_fails_and_stops_no_other(
    runner: FlaskCliRunner, source: Path
) -> None:
    write_files(source)

    result = invoke(runner, "load", "departments.csv", "jobs-2.csv", "--json", code=FAILED)

    good, bad = read(result)
    assert good["inserted"] == 3
    assert "jobs-2.csv" in bad["error"]


def test_an_empty_folder_is_a_failure(runner: FlaskCliRunner) -> None:
    result = invoke(runner, "load", "--json", code=FAILED)

    assert read(result) == []
    assert result.stderr == "there is no file to load\n"


def test_people_get_a_table(runner: FlaskCliRunner, source: Path) -> None:
    write_files(source, [employee(1), employee(2, name="")])

    result = invoke(runner, "load", code=WITH_REJECTS)

    head, *lines = (line.split() for line in result.stdout.splitlines())
    assert head == ["source", "table", "processed", "inserted", "already_exists", "errors"]
    assert lines[-1] == ["hired_employees.csv", "hired_employees", "2", "1", "0", "1"]


def test_stored_rows_can_be_updated(runner: FlaskCliRunner, source: Path) -> None:
    write_file(source, "jobs.csv", ["1,Tuner"])
    invoke(runner, "load")
    write_file(source, "jobs.csv", ["1,Keeper", "2,Mender"])

    (result,) = read(invoke(runner, "load", "--on-conflict", "update", "--json"))

    assert (result["inserted"], result["updated"], result["already_exists"]) == (1, 1, 0)


@pytest.mark.parametrize(
    "words",
    [
        ["load", "--table", "salaries"],
        ["load", "--batch-size", "0"],
        ["load", "--on-conflict", "ask"],
        ["report-hired-by-quarter", "--year", "0"],
        ["report-hiring-above-average", "--year", "10000"],
        ["tasks", "--limit", "0"],
        ["unheard-of"],
    ],
    ids=" ".join,
)
def test_wrong_words_are_a_wrong_use(runner: FlaskCliRunner, words: list[str]) -> None:
    invoke(runner, *words, code=2)


def test_reports_say_the_same_as_the_service(runner: FlaskCliRunner, source: Path) -> None:
    lines = [employee(n, department_id=d) for n, d in enumerate([1, 1, 2], start=1)]
    write_files(source, lines)
    invoke(runner, "load")

    by_quarter = read(invoke(runner, "report-hired-by-quarter", "--json"))
    above = read(invoke(runner, "report-hiring-above-average", "--json"))

    keeper = {"department": "Carving", "job": "Tuner", "Q1": 0, "Q2": 0, "Q3": 2, "Q4": 0}
    assert by_quarter == [keeper, keeper | {"department": "Gardens", "Q3": 1}]
    assert above == [{"id": 1, "department": "Carving", "hired": 2}]


def test_reports_of_a_year_without_hires_are_empty(runner: FlaskCliRunner) -> None:
    assert read(invoke(runner, "report-hired-by-quarter", "--year", "1999", "--json")) == []
    assert invoke(runner, "report-hiring-above-average", "--year", "1999").stdout.strip() == ""


def test_finished_tasks_are_listed(
    runner: FlaskCliRunner, source: Path, parts: main.Composition
) -> None:
    write_files(source, employees(2))
    start_load = parts.service.start_load
    run: RunLoad = start_load.run
    ids = []
    for start in (0, 1):
        load = start_load.later(LoadOrder("jobs", "jobs.csv", start=start))
        run(load.id)
        ids.append(load.id)

    tasks = read(invoke(runner, "tasks", "--json"))
    last = invoke(runner, "tasks", "--limit", "1")

    assert [task["id"] for task in tasks] == ids[::-1]
    assert tasks[0] == {
        "id": ids[1],
        "source": "jobs.csv",
        "status": "SUCCESS",
        "processed": 1,
        "inserted": 0,
        "errors": 0,
    }
    assert len(last.stdout.splitlines()) == 2


def by_hand(parts: main.Composition, *statements: str) -> None:
    """Change the tables past the service, and past their foreign keys."""
    with closing(parts.engine.raw_connection()) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA foreign_keys=ON")


@pytest.fixture
def loaded(runner: FlaskCliRunner, source: Path, parts: main.Composition) -> list[str]:
    """The ids of the loads of all three files; two employees went in, one was rejected."""
    write_files(source, [employee(1), employee(2), employee(3, name="")])
    invoke(runner, "load", code=WITH_REJECTS)
    return [load.id for load in reversed(parts.service.ledger.newest(3))]


def test_an_audit_of_sound_books_is_clean(
    runner: FlaskCliRunner, loaded: list[str], parts: main.Composition
) -> None:
    start_load = parts.service.start_load
    for more in (
        {"dry_run": True},
        {"reject_limit": 0, "force": True},
        {"reject_limit": 0, "force": True, "roll_back": True},
        {"on_conflict": OnConflict.UPDATE},
        {},
    ):
        order = LoadOrder("hired_employees", "hired_employees.csv", **more)
        start_load.run(start_load.later(order).id)
    start_load.later(LoadOrder("jobs", "jobs.csv"))

    assert invoke(runner, "audit").stdout == "all rows are accounted for\n"


def test_an_audit_of_nothing_is_clean(runner: FlaskCliRunner) -> None:
    invoke(runner, "audit")


ADD = "INSERT INTO hired_employees SELECT 9, name, datetime, {}, job_id, loaded_by"


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (
            "DELETE FROM hired_employees WHERE id = 1",
            "load {2}: 2 rows were inserted, 1 are in hired_employees",
        ),
        (
            f"{ADD.format('department_id')} FROM hired_employees WHERE id = 1",
            "load {2}: 2 rows were inserted, 3 are in hired_employees",
        ),
        ("DELETE FROM rejects", "load {2}: 1 rows were rejected, 0 are kept"),
        ("UPDATE rejects SET load_number = 1", "load {0}: 0 rows were rejected, 1 are kept"),
        ("UPDATE loads SET processed = 9 WHERE number = 2", "load {1}: the books do not balance"),
        ("DELETE FROM jobs", "2 rows refer to a department or job that is not there"),
        (
            "UPDATE hired_employees SET department_id = 99 WHERE id = 1",
            "1 rows refer to a department or job that is not there",
        ),
    ],
)
def test_an_audit_finds_what_was_changed_by_hand(
    runner: FlaskCliRunner,
    loaded: list[str],
    parts: main.Composition,
    statement: str,
    finding: str,
) -> None:
    by_hand(parts, statement)

    result = invoke(runner, "audit", code=FAILED)

    assert finding.format(*loaded) in result.stdout.splitlines()
    assert "accounted" not in result.stdout


@pytest.fixture
def _own_signals() -> Iterator[None]:
    """Put the handlers of signals back that a command has set."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_load_that_is_told_to_stop_is_handed_back_and_ended_by_another(
    runner: FlaskCliRunner,
    source: Path,
    parts: main.Composition,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    write_file(source, "departments.csv", [f"{n},Unit" for n in range(1, 11)])
    write_file(source, "jobs.csv", ["1,Tuner"])
    commit = RunLoad._commit

    def commit_and_signal(self: RunLoad, load: Load, frame: Any, table: Any) -> Load:
        ended = commit(self, load, frame, table)
        if ended.counts.processed == 6:
            signal.raise_signal(number)
        return ended

    monkeypatch.setattr(RunLoad, "_commit", commit_and_signal)
    stopped = invoke(runner, "load", "--batch-size", "3", "--json", code=FAILED)
    (load,) = parts.service.ledger.newest(10)
    parts.service.start_load.run(load.id)
    ended = parts.service.ledger.get(load.id)

    # The file behind it was not begun.
    (result,) = read(stopped)
    assert result["error"] == f"load {load.id} was interrupted; a worker will end it"
    assert (load.state, load.owner, load.attempts) == (LoadState.RETRY, None, 0)
    assert load.counts.processed == 6
    assert parts.service.ledger.waiting() == []
    assert ended is not None
    assert (ended.state, ended.counts.inserted) == (LoadState.SUCCESS, 10)
    assert invoke(runner, "audit").exit_code == 0


@pytest.fixture
def new_runner(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[FlaskCliRunner]:
    """Runs the commands of a service without a database."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/new/hiring.db")
    app, parts = main.build(Settings.load())
    with app.app_context():
        yield app.test_cli_runner()
    parts.engine.dispose()


def test_migrate_makes_the_database_and_can_be_repeated(
    new_runner: FlaskCliRunner, source: Path
) -> None:
    write_files(source)

    invoke(new_runner, "migrate")
    invoke(new_runner, "migrate")

    invoke(new_runner, "load")


@pytest.mark.parametrize("command", ["report-hired-by-quarter", "tasks", "audit"])
def test_commands_without_a_database_fail_with_a_message(
    new_runner: FlaskCliRunner, command: str
) -> None:
    result = invoke(new_runner, command, code=FAILED)

    assert "error: the database does not answer" in result.stderr
    assert "Traceback" not in result.output


def test_a_load_without_a_database_fails_with_a_message(
    new_runner: FlaskCliRunner, source: Path
) -> None:
    write_files(source)

    results = read(invoke(new_runner, "load", "--json", code=FAILED))

    assert all("the database does not answer" in result["error"] for result in results)

"""Engines are set up for more than one writer, and their errors tell no value of a row."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.errors import DatabaseUnavailable
from infra.db.engine import make_engine, writing


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def test_nothing_is_opened_before_the_first_connection(tmp_path: Path) -> None:
    make_engine(f"sqlite:///{tmp_path}/folder/hiring.db")
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_database_in_memory_needs_no_folder() -> None:
    engine = make_engine("sqlite://")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)]
)
def test_every_connection_is_safe(engine: sa.Engine, pragma: str, value: object) -> None:
    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_what_is_wrong_with_the_database_is_told_to_the_log_without_values(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    query = sa.text("SELECT :name FROM nowhere")
    with pytest.raises(DatabaseUnavailable) as raised, engine.connect() as one:
        one.execute(query, {"name": "Secret Name"})
    assert "nowhere" not in str(raised.value)
    assert "nowhere" in caplog.text
    assert "Secret" not in str(raised.value) + caplog.text


def test_an_error_of_the_program_is_not_taken_for_one_of_the_database(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError) as raised, engine.connect() as connection:
        connection.execute(
            sa.text("INSERT INTO jobs (id, job) VALUES (1, :name), (1, :name)"),
            {"name": "Secret Name"},
        )
    assert "Secret" not in str(raised.value)


def test_writers_wait_for_each_other_from_their_first_statement(engine: sa.Engine) -> None:
    """Each reads a number and writes the next one; no write is lost and none fails."""
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO jobs (id, job) VALUES (1, '0')")

    def count() -> None:
        for _ in range(10):
            with writing(engine).begin() as connection:
                number = connection.exec_driver_sql("SELECT job FROM jobs").scalar_one()
                connection.execute(sa.text("UPDATE jobs SET job = :n"), {"n": int(number) + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT job FROM jobs").scalar() == "40"

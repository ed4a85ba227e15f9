"""Migrations make the tables that the models describe, and take them away again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from core.errors import DatabaseUnavailable
from infra.db.engine import make_engine
from infra.db.migrate import check_version, downgrade, upgrade
from infra.db.schema import metadata


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """An engine of a database that is not there yet."""
    engine = make_engine(f"sqlite:///{tmp_path}/new/folder/hiring.db")
    yield engine
    engine.dispose()


def tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}


def test_an_empty_database_gets_every_table_and_loses_them_again(engine: sa.Engine) -> None:
    upgrade(engine)
    assert tables(engine) == set(metadata.tables)
    downgrade(engine)
    assert tables(engine) == set()
    upgrade(engine)
    check_version(engine)


def test_migrating_again_changes_nothing(engine: sa.Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO jobs (id, job) VALUES (1, 'Tailor')")
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT id, job FROM jobs").all() == [(1, "Tailor")]


def test_the_migrations_and_the_models_agree(engine: sa.Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_an_empty_database_is_refused_with_what_to_do(engine: sa.Engine) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"at version none .* run `make migrate`"):
        check_version(engine)


def test_a_database_of_another_version_is_refused_by_its_version(engine: sa.Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseUnavailable, match=r"at version 9999 .* run `make migrate`"):
        check_version(engine)


def test_a_migration_that_fails_leaves_nothing(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE loads (number INTEGER)")
    with pytest.raises(DatabaseUnavailable):
        upgrade(engine)
    assert tables(engine) == {"loads"}

"""Servers that tests need: used where they answer, skipped or failed where they do not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
import sqlalchemy as sa

POSTGRESQL = os.environ.get("TEST_POSTGRESQL", "postgresql://127.0.0.1/postgres")


def missing(service: str, how: str) -> None:
    """Skip the test for want of a server, or fail it where REQUIRE_SERVICES is set."""
    message = f"{service} does not answer; {how}"
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def postgresql_database() -> Iterator[str]:
    """The URL of an empty database on the server that TEST_POSTGRESQL names."""
    url = sa.make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(
        url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3}
    )
    name = f"hiring_test_{uuid4().hex}"
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
    except sa.exc.OperationalError:
        missing("PostgreSQL", "TEST_POSTGRESQL names a server and a user who may create databases")
    yield url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()

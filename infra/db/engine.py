"""Make the SQLAlchemy engine that a database URL asks for."""

import logging
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from core.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

# Seconds that a statement waits for another writer of an embedded database.
_BUSY_TIMEOUT = 30


def make_engine(url: str) -> sa.Engine:
    """Open no connection yet. Values of rows never get into error texts or logs."""
    parsed = sa.make_url(url)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _translate)
    return engine


def writing(engine: sa.Engine) -> sa.Engine:
    """The same engine, with transactions that hold the write lock from their first statement."""
    return engine.execution_options(writes=True)


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 (a DBAPI connection)
    # The driver must not open transactions by itself: _begin_sqlite says which kind.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later fails at once where another one writes in
    # between; taking the lock at the start makes it wait instead.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _translate(context: sa.ExceptionContext) -> None:
    # A file that is no database is a DatabaseError and none of its more exact kinds.
    error = context.sqlalchemy_exception
    if isinstance(error, exc.OperationalError) or type(error) is exc.DatabaseError:
        # Callers are not told what the driver says: it may name hosts, users and tables.
        log.error("the database failed: %s", context.original_exception)
        raise DatabaseUnavailable(
            "the database does not answer as it should; the log of the service tells more"
        ) from context.original_exception

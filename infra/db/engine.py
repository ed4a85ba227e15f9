"""Make the SQLAlchemy engine that a database URL asks for; a driver is imported only then."""

import logging
from importlib import import_module
from types import ModuleType

import sqlalchemy as sa
from sqlalchemy import event, exc

from core.errors import DatabaseUnavailable
from infra.db.bulk_rows import BulkRows

log = logging.getLogger(__name__)

BACKENDS = ("sqlite", "postgresql")


def make_engine(url: str) -> sa.Engine:
    """Open no connection yet. Values of rows never get into error texts or logs."""
    parsed = sa.make_url(url)
    engine: sa.Engine = _backend(parsed.get_backend_name()).make_engine(parsed)
    event.listen(engine, "handle_error", _translate)
    return engine


def bulk_rows(engine: sa.Engine) -> BulkRows:
    """What reads and writes many rows at once on this engine."""
    rows: BulkRows = _backend(engine.dialect.name).Rows()
    return rows


def writing(engine: sa.Engine) -> sa.Engine:
    """The same engine, with transactions that are known to write from their first statement."""
    return engine.execution_options(writes=True)


def _backend(name: str) -> ModuleType:
    return import_module(f"infra.db.{name}")


def _translate(context: sa.ExceptionContext) -> None:
    # A file that is no database is a DatabaseError and none of its more exact kinds.
    error = context.sqlalchemy_exception
    if isinstance(error, exc.OperationalError) or type(error) is exc.DatabaseError:
        # Callers are not told what the driver says: it may name hosts, users and tables.
        log.error("the database failed: %s", context.original_exception)
        raise DatabaseUnavailable(
            "the database does not answer as it should; the log of the service tells more"
        ) from context.original_exception

"""SQLite: how it is opened, and how rows get into it in bulk."""

from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import event

from domain.load import OnConflict
from domain.table import Table

# The text form in which SQLAlchemy keeps a DateTime in SQLite.
_DATETIME = "%Y-%m-%d %H:%M:%S%.6f"

# Seconds that a statement waits for another writer.
_BUSY_TIMEOUT = 30


def make_engine(url: sa.URL) -> sa.Engine:
    """An engine over a file, whose folder is made where it is missing."""
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_TIMEOUT})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 (a DBAPI connection)
    # The driver must not open transactions by itself: _begin says which kind.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later fails at once where another one writes in
    # between; taking the lock at the start makes it wait instead.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Rows:
    """Reads and writes many rows with one statement."""

    def known_ids(self, connection: sa.Connection, table: Table, ids: pl.Series) -> pl.Series:
        """Those of `ids` that are stored."""
        key = table.key.name
        found = connection.exec_driver_sql(
            f"SELECT {key} FROM {table.name} WHERE {key} IN (SELECT value FROM json_each(?))",
            (f"[{','.join(map(str, ids))}]",),
        )
        return pl.Series(found.scalars().all(), dtype=pl.Int64)

    def store(
        self,
        connection: sa.Connection,
        table: Table,
        rows: pl.DataFrame,
        on_conflict: OnConflict,
        load_number: int | None,
    ) -> int:
        """Write rows of distinct ids; return how many were not stored before."""
        if rows.is_empty():
            return 0
        key = table.key.name
        names = rows.columns
        if on_conflict is OnConflict.UPDATE:
            known = len(self.known_ids(connection, table, rows.get_column(key)))
            changes = ", ".join(f"{name} = excluded.{name}" for name in names if name != key)
            action = f"UPDATE SET {changes}"
        else:
            known = 0
            action = "NOTHING"
        result = connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({', '.join(names)}, loaded_by) "
            f"VALUES ({', '.join('?' * (len(names) + 1))}) ON CONFLICT ({key}) DO {action}",
            rows.with_columns(
                pl.col(pl.Datetime).dt.to_string(_DATETIME), loaded_by=pl.lit(load_number)
            ).rows(),
        )
        return result.rowcount - known

    def remember(self, connection: sa.Connection, load_number: int, ids: pl.Series) -> int:
        """Put ids into `rehearsed_ids`; return how many were not there before."""
        if ids.is_empty():
            return 0
        result = connection.exec_driver_sql(
            "INSERT INTO rehearsed_ids (load_number, row_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(load_number, row_id) for row_id in ids],
        )
        return result.rowcount

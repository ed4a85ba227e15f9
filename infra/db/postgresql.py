"""PostgreSQL: how it is reached, and how rows get into it in bulk."""

import polars as pl
import psycopg
import sqlalchemy as sa

from domain.load import OnConflict
from domain.table import Table

# Seconds until a server that does not answer counts as not there.
_CONNECT_TIMEOUT = 5


def make_engine(url: sa.URL) -> sa.Engine:
    """An engine over psycopg 3; connections that have died are replaced unseen."""
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={"connect_timeout": _CONNECT_TIMEOUT},
    )


class Rows:
    """Reads and writes many rows with one statement; rows go in by COPY."""

    def known_ids(self, connection: sa.Connection, table: Table, ids: pl.Series) -> pl.Series:
        """Those of `ids` that are stored; the lock keeps them from being deleted."""
        key = table.key.name
        # In the order of the ids, so that two transactions never wait for each other.
        found = connection.execute(
            sa.text(
                f"SELECT {key} FROM {table.name} WHERE {key} = ANY(:ids) "
                f"ORDER BY {key} FOR KEY SHARE"
            ),
            {"ids": ids.to_list()},
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
        key, names = table.key.name, ", ".join(rows.columns)
        action = "NOTHING"
        if on_conflict is OnConflict.UPDATE:
            changes = (f"{name} = excluded.{name}" for name in rows.columns if name != key)
            action = f"UPDATE SET {', '.join(changes)}"
        _stage(connection, table, rows)
        # A row that was inserted has no earlier version: its xmax is 0.
        inserted: int = connection.execute(
            sa.text(
                f"WITH stored AS (INSERT INTO {table.name} ({names}, loaded_by) "
                f"SELECT {names}, :load FROM staged ORDER BY {key} "
                f"ON CONFLICT ({key}) DO {action} RETURNING xmax) "
                "SELECT count(*) FROM stored WHERE xmax = 0"
            ),
            {"load": load_number},
        ).scalar_one()
        return inserted

    def remember(self, connection: sa.Connection, load_number: int, ids: pl.Series) -> int:
        """Put ids into `rehearsed_ids`; return how many were not there before."""
        return connection.execute(
            sa.text(
                "INSERT INTO rehearsed_ids (load_number, row_id) "
                "SELECT :load, unnest(CAST(:ids AS integer[])) ON CONFLICT DO NOTHING"
            ),
            {"load": load_number, "ids": ids.to_list()},
        ).rowcount


def _stage(connection: sa.Connection, table: Table, rows: pl.DataFrame) -> None:
    """Copy rows into the temporary table `staged`, which goes with the transaction."""
    names = ", ".join(rows.columns)
    connection.exec_driver_sql("DROP TABLE IF EXISTS staged")
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE staged ON COMMIT DROP AS SELECT {names} FROM {table.name} WHERE false"
    )
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor() as cursor, cursor.copy(f"COPY staged ({names}) FROM STDIN") as copy:
        for row in rows.iter_rows():
            copy.write_row(row)

"""Transactions of batches, and the lists of rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Protocol

import polars as pl
import sqlalchemy as sa

from core.errors import LeaseLost
from core.ports import Transaction
from domain.load import Load, OnConflict
from domain.reject import Reject
from domain.table import Table
from infra.db.engine import writing
from infra.db.schema import loads, rejects, tables


class BulkRows(Protocol):
    """The part of a transaction in which databases differ."""

    def known_ids(self, connection: sa.Connection, table: Table, ids: pl.Series) -> pl.Series:
        """See `core.ports.Transaction.known_ids`."""

    def store(
        self,
        connection: sa.Connection,
        table: Table,
        rows: pl.DataFrame,
        on_conflict: OnConflict,
        load_number: int | None,
    ) -> int:
        """See `core.ports.Transaction.store`."""


class SqlDatabase:
    """Opens transactions that cover rows, rejects and the ledger."""

    def __init__(self, engine: sa.Engine, bulk: BulkRows) -> None:
        self._engine = engine
        self._writer = writing(engine)
        self._bulk = bulk

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Commit at the end of the block, or roll back on errors."""
        with self._writer.begin() as connection:
            yield SqlTransaction(connection, self._bulk)

    def count(self, table: Table) -> int:
        """How many rows there are."""
        with self._engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(tables[table.name])
            return connection.scalar(query) or 0

    def page(self, table: Table, *, after: int, limit: int) -> Sequence[dict[str, object]]:
        """Up to `limit` rows whose id is greater than `after`, ordered by id."""
        columns = [tables[table.name].c[field.name] for field in table.fields]
        key = tables[table.name].c[table.key.name]
        query = sa.select(*columns).where(key > after).order_by(key).limit(limit)
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


class SqlTransaction:
    """Everything that one batch writes, over one connection."""

    def __init__(self, connection: sa.Connection, bulk: BulkRows) -> None:
        self._connection = connection
        self._bulk = bulk

    def known_ids(self, table: Table, ids: pl.Series) -> pl.Series:
        """Those of `ids` that are stored; they stay so until the transaction ends."""
        return self._bulk.known_ids(self._connection, table, ids)

    def store(
        self, table: Table, rows: pl.DataFrame, on_conflict: OnConflict, load_number: int | None
    ) -> int:
        """Write checked rows whose ids are distinct; return how many were not stored before."""
        return self._bulk.store(self._connection, table, rows, on_conflict, load_number)

    def add_rejects(self, load: Load, rejected: Sequence[Reject]) -> None:
        """Keep rejected rows in the account of a load."""
        if rejected:
            self._connection.execute(
                rejects.insert(),
                [
                    {
                        "load_number": load.number,
                        "record": reject.record,
                        "line": reject.line,
                        "row_id": reject.row_id,
                        "raw": reject.raw,
                        "reasons": [asdict(reason) for reason in reject.reasons],
                    }
                    for reject in rejected
                ],
            )

    def advance(self, load: Load) -> None:
        """Keep the position and the books of `load`; raises LeaseLost."""
        values = asdict(load.position) | asdict(load.counts)
        update_owned(self._connection, load, **values)


def update_owned(connection: sa.Connection, load: Load, **values: object) -> None:
    """Change the ledger's line of a load that this worker still owns; raises LeaseLost.

    The fence is part of the statement: a worker that slept while another took over changes nothing.
    """
    result = connection.execute(
        loads.update()
        .where(loads.c.id == load.id, loads.c.fence == load.fence, loads.c.state == "STARTED")
        .values(**values)
    )
    if result.rowcount != 1:
        raise LeaseLost(f"load {load.id} belongs to another worker now")

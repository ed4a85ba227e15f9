"""Transactions of batches, and the lists of rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import polars as pl
import sqlalchemy as sa

from core.ports import Transaction
from domain.load import Load, OnConflict
from domain.reject import Origin, Reject
from domain.table import Table
from infra.db.bulk_rows import BulkRows
from infra.db.engine import writing
from infra.db.ledger import after, now, update_owned
from infra.db.schema import loads, rejects, tables


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

    def rehearse(self, load: Load, table: Table, ids: pl.Series) -> int:
        """Return how many of these distinct ids the load would insert; remember them for it."""
        known = self.known_ids(table, ids)
        fresh = ids.filter(~ids.is_in(known.implode()))
        return self._bulk.remember(self._connection, load.number, fresh)

    def add_rejects(self, load: Load, rejected: Sequence[Reject]) -> None:
        """Keep rejected rows in the account of a load."""
        if rejected:
            reasons = {reject.reasons for reject in rejected}
            spelled = {each: [asdict(reason) for reason in each] for each in reasons}
            self._connection.execute(
                rejects.insert(),
                [_values(load, reject, spelled[reject.reasons]) for reject in rejected],
            )

    def answer(self, load: Load, origins: Sequence[Origin]) -> None:
        """Close these rejects, and those of later attempts at the same rows: `load` took them."""
        if not origins:
            return
        first = sa.and_(
            rejects.c.load_number
            == sa.select(loads.c.number)
            .where(loads.c.id == sa.bindparam("load_id"))
            .scalar_subquery(),
            rejects.c.line == sa.bindparam("at"),
        )
        later = sa.and_(
            rejects.c.origin_load_id == sa.bindparam("load_id"),
            rejects.c.origin_line == sa.bindparam("at"),
        )
        is_of_table = sa.exists().where(
            loads.c.number == rejects.c.load_number, loads.c.table_name == load.order.table
        )
        self._connection.execute(
            rejects.update()
            .where(first | later, is_of_table, rejects.c.answered_by.is_(None))
            .values(answered_by=load.number),
            [{"load_id": origin.load_id, "at": origin.line} for origin in origins],
        )

    def advance(self, load: Load, lease: float) -> bool:
        """Keep position and books of `load`; return whether it shall stop. Raises LeaseLost.

        Who writes for longer than a lease keeps its own heart from beating where the database has
        one writer at a time; with this, a batch is as good a sign of life.
        """
        moment = now()
        update_owned(
            self._connection,
            load,
            heartbeat_at=moment,
            lease_until=after(moment, lease),
            source_header=load.source_header,
            **asdict(load.position),
            **asdict(load.counts),
        )
        query = sa.select(loads.c.cancel_requested).where(loads.c.id == load.id)
        return bool(self._connection.scalar(query))


def _values(load: Load, reject: Reject, reasons: list[dict[str, object]]) -> dict[str, object]:
    return {
        "load_number": load.number,
        "record": reject.record,
        "line": reject.line,
        "row_id": reject.row_id,
        "raw": reject.raw,
        "reasons": reasons,
        "origin_load_id": reject.origin and reject.origin.load_id,
        "origin_line": reject.origin and reject.origin.line,
    }

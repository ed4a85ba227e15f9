"""What the tables hold of loads: their rejects and the rows that they inserted."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from core.ports import KeptReject
from domain.dictionary import TABLES
from domain.load import Load
from domain.reject import Origin, Reason, Reject, RejectCode
from infra.db.schema import rejects, tables


class SqlAccounts:
    """Reads the table `rejects`, and the column `loaded_by` of the others."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def ids(
        self, load: Load, *, after: int = 0, until: int | None = None, limit: int
    ) -> Sequence[int]:
        """Ids of the rejected rows behind record `after` up to `until`, in source order."""
        query = (
            _of(load, sa.select(rejects.c.row_id), after)
            .where(rejects.c.row_id.is_not(None))
            .limit(limit)
        )
        if until is not None:
            query = query.where(rejects.c.record <= until)
        with self._engine.connect() as connection:
            return connection.scalars(query).all()

    def rejects(
        self, load: Load, *, after: int = 0, limit: int, only_open: bool = False
    ) -> Sequence[KeptReject]:
        """The rejects of a load behind record `after`, in source order."""
        query = _of(load, rejects.select(), after).limit(limit)
        if only_open:
            query = query.where(rejects.c.answered_by.is_(None))
        with self._engine.connect() as connection:
            return [_kept(row) for row in connection.execute(query)]

    def open_rejects(self, load: Load) -> int:
        """How many rejects of a load nobody has answered with a corrected row."""
        return self._count(
            rejects, rejects.c.load_number == load.number, rejects.c.answered_by.is_(None)
        )

    def inserted(self, load: Load) -> int:
        """How many rows of its table the load has inserted, counted in the table."""
        table = tables[load.order.table]
        return self._count(table, table.c.loaded_by == load.number)

    def rejected(self, load: Load) -> int:
        """How many rejects there are in the account of the load, counted in the table."""
        return self._count(rejects, rejects.c.load_number == load.number)

    def orphans(self) -> int:
        """How many rows refer to a row that is not there."""
        return sum(
            self._count(
                tables[table.name],
                tables[table.name].c[name].not_in(sa.select(tables[rule.table.name].c.id)),
            )
            for table in TABLES.values()
            for name, rule in table.references
        )

    def _count(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(*conditions)
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0


def _of(load: Load, query: sa.Select[*tuple[Any, ...]], after: int) -> sa.Select[*tuple[Any, ...]]:
    return query.where(rejects.c.load_number == load.number, rejects.c.record > after).order_by(
        rejects.c.record
    )


def _kept(row: sa.Row[*tuple[Any, ...]]) -> KeptReject:
    origin = Origin(row.origin_load_id, row.origin_line) if row.origin_load_id else None
    reasons = tuple(
        Reason(reason["field"], RejectCode(reason["code"]), reason["message"])
        for reason in row.reasons
    )
    reject = Reject(row.record, row.line, row.raw, row.row_id, reasons, origin)
    return KeptReject(reject, row.answered_by)

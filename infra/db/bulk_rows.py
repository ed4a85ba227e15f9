"""The part of a transaction in which databases differ."""

from typing import Protocol

import polars as pl
import sqlalchemy as sa

from domain.load import OnConflict
from domain.table import Table


class BulkRows(Protocol):
    """Reads and writes many rows at once."""

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

    def remember(self, connection: sa.Connection, load_number: int, ids: pl.Series) -> int:
        """Put ids into `rehearsed_ids`; return how many were not there before."""

"""The ports that a SQL database serves, and a mixin for each database that brings them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import pytest
import sqlalchemy as sa

from core.ports import Accounts, Database, Listing, LoadLedger, Reports
from infra.db.accounts import SqlAccounts
from infra.db.database import SqlDatabase
from infra.db.engine import bulk_rows, make_engine
from infra.db.ledger import SqlLedger
from infra.db.reports import SqlReports
from infra.db.schema import metadata


class DatabaseAndListing(Database, Listing, Protocol):
    """One object that serves both ports."""


@dataclass(frozen=True)
class Ports:
    """Adapters over the same, empty database."""

    database: DatabaseAndListing
    ledger: LoadLedger
    reports: Reports
    accounts: Accounts
    engine: sa.Engine


class OnSqlite:
    """Brings the adapters of SQLite."""

    @pytest.fixture
    def ports(self, database_url: str) -> Iterator[Ports]:
        with _ports(database_url) as ports:
            yield ports


class OnPostgresql:
    """Brings the adapters of PostgreSQL."""

    @pytest.fixture
    def ports(self, postgresql_url: str) -> Iterator[Ports]:
        with _ports(postgresql_url) as ports:
            yield ports
        engine = make_engine(postgresql_url)
        names = ", ".join(table.name for table in metadata.sorted_tables)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        engine.dispose()


@contextmanager
def _ports(url: str) -> Iterator[Ports]:
    engine = make_engine(url)
    database = SqlDatabase(engine, bulk_rows(engine))
    yield Ports(database, SqlLedger(engine), SqlReports(engine), SqlAccounts(engine), engine)
    engine.dispose()

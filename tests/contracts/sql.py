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
    def ports(self, empty_postgresql_url: str) -> Iterator[Ports]:
        with _ports(empty_postgresql_url) as ports:
            yield ports


@contextmanager
def _ports(url: str) -> Iterator[Ports]:
    engine = make_engine(url)
    database = SqlDatabase(engine, bulk_rows(engine))
    yield Ports(database, SqlLedger(engine), SqlReports(engine), SqlAccounts(engine), engine)
    engine.dispose()

"""The ports that a SQL database serves, and a mixin for each database that brings them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pytest

from core.ports import Accounts, Database, Listing, LoadLedger, Reports
from infra.db.accounts import SqlAccounts
from infra.db.database import SqlDatabase
from infra.db.engine import make_engine
from infra.db.ledger import SqlLedger
from infra.db.reports import SqlReports
from infra.db.sqlite import SqliteRows


class DatabaseAndListing(Database, Listing, Protocol):
    """One object that serves both ports."""


@dataclass(frozen=True)
class Ports:
    """Adapters over the same, empty database."""

    database: DatabaseAndListing
    ledger: LoadLedger
    reports: Reports
    accounts: Accounts


class OnSqlite:
    """Brings the adapters of SQLite."""

    @pytest.fixture
    def ports(self, database_url: str) -> Iterator[Ports]:
        engine = make_engine(database_url)
        database = SqlDatabase(engine, SqliteRows())
        yield Ports(database, SqlLedger(engine), SqlReports(engine), SqlAccounts(engine))
        engine.dispose()

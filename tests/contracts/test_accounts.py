"""What the accounts tell of loads."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from core.ports import KeptReject
from domain.load import Load, OnConflict
from domain.reject import Origin, Reason, Reject, RejectCode
from domain.table import Table
from tests.contracts.sql import OnSqlite, Ports
from tests.oracle import Row
from tests.support import (
    DEPARTMENTS,
    EMPLOYEES,
    JOBS,
    employee,
    frame,
    order,
    put_parents,
)

REASONS = (
    Reason("id", RejectCode.MISSING_VALUE, "id is missing"),
    Reason(None, RejectCode.TOO_LONG, "the row is longer than 1 MiB"),
)


def entered(ports: Ports, table: Table = EMPLOYEES) -> Load:
    load = ports.ledger.add(order(table), background=True)
    return ports.ledger.claim(load.id, "worker", 60) or load


def reject(record: int, row_id: int | None = None, origin: Origin | None = None) -> Reject:
    return Reject(record, record * 2, b"raw \xff\0 %d" % record, row_id, REASONS, origin)


def keep(ports: Ports, load: Load, *rejects: Reject) -> None:
    with ports.database.begin() as transaction:
        transaction.add_rejects(load, rejects)


def answer(ports: Ports, load: Load, *origins: Origin) -> None:
    with ports.database.begin() as transaction:
        transaction.answer(load, origins)


def store(
    ports: Ports,
    load: Load,
    table: Table,
    rows: list[Row],
    on_conflict: OnConflict = OnConflict.SKIP,
) -> None:
    with ports.database.begin() as transaction:
        transaction.store(table, frame(table, rows), on_conflict, load.number)


def records(kept: Sequence[KeptReject]) -> list[int]:
    return [item.reject.record for item in kept]


class AccountsContract:
    """The suite for Accounts."""

    def test_a_load_without_rejects_has_none(self, ports: Ports) -> None:
        load = entered(ports)
        assert list(ports.accounts.ids(load, limit=10)) == []
        assert list(ports.accounts.rejects(load, limit=10)) == []
        assert ports.accounts.open_rejects(load) == ports.accounts.rejected(load) == 0
        assert ports.accounts.inserted(load) == ports.accounts.orphans() == 0

    def test_rejects_come_back_as_they_were_kept(self, ports: Ports) -> None:
        load, other = entered(ports), entered(ports)
        rejects = [reject(2, 7), reject(3, origin=Origin("a load", 2**40)), reject(2**40)]
        keep(ports, load, *reversed(rejects))
        keep(ports, other, reject(1))
        assert ports.accounts.rejects(load, limit=10) == [KeptReject(r, None) for r in rejects]
        assert ports.accounts.rejected(load) == ports.accounts.open_rejects(load) == 3

    def test_rejects_are_read_page_by_page(self, ports: Ports) -> None:
        load = entered(ports)
        keep(ports, load, *(reject(number) for number in (1, 2, 5, 9)))
        assert records(ports.accounts.rejects(load, limit=2)) == [1, 2]
        assert records(ports.accounts.rejects(load, after=2, limit=2)) == [5, 9]
        assert records(ports.accounts.rejects(load, after=3, limit=1)) == [5]
        assert records(ports.accounts.rejects(load, after=9, limit=2)) == []

    def test_an_answered_reject_names_the_load_and_is_no_longer_open(self, ports: Ports) -> None:
        load, correction = entered(ports), entered(ports)
        keep(ports, load, *(reject(number) for number in (1, 2, 3)))
        answer(ports, correction, Origin(load.id, 4))
        kept = ports.accounts.rejects(load, limit=10)
        assert [item.answered_by for item in kept] == [None, correction.number, None]
        assert records(ports.accounts.rejects(load, limit=10, only_open=True)) == [1, 3]
        assert records(ports.accounts.rejects(load, after=1, limit=1, only_open=True)) == [3]
        assert (ports.accounts.open_rejects(load), ports.accounts.rejected(load)) == (2, 3)

    def test_inserted_rows_are_counted_in_the_table_by_load(self, ports: Ports) -> None:
        load, other = entered(ports, JOBS), entered(ports, JOBS)
        store(ports, load, JOBS, [(1, "Tailor"), (2, "Smith")])
        store(ports, other, JOBS, [(2, "Baker"), (3, "Cook")], OnConflict.UPDATE)
        store(ports, other, DEPARTMENTS, [(1, "Sales")])
        counted = [ports.accounts.inserted(one) for one in (load, other)]
        assert counted == [2, 1], "a row that was changed is still of the load that inserted it"
        elsewhere = replace(other, order=order(DEPARTMENTS))
        assert ports.accounts.inserted(elsewhere) == 1

    def test_rows_without_their_parents_are_counted_by_reference(
        self, ports: Ports, without_parents: Callable[[Row], None]
    ) -> None:
        put_parents(ports.database, 2)
        store(ports, entered(ports), EMPLOYEES, [employee(1), employee(2, department=2)])
        assert ports.accounts.orphans() == 0
        without_parents(employee(3, department=9))
        without_parents(employee(4, department=9, job=9))
        assert ports.accounts.orphans() == 3


class TestSqliteAccounts(OnSqlite, AccountsContract):
    @pytest.fixture
    def without_parents(self, database_url: str) -> Callable[[Row], None]:
        """Puts an employee into the table whatever it refers to."""

        def put(row: Row) -> None:
            with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
                values = [str(value) for value in row]
                connection.execute("INSERT INTO hired_employees VALUES (?, ?, ?, ?, ?, 1)", values)
                connection.commit()

        return put

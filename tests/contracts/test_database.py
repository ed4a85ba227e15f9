"""What every database does with rows and rejects."""

import datetime as dt
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LeaseLost
from core.ports import Transaction
from domain.load import Counts, Load, LoadState, OnConflict, Position
from domain.reject import Origin, Reason, Reject, RejectCode
from domain.rules import MAX_ID
from domain.table import Table
from infra.db.engine import writing
from tests.contracts.sql import OnPostgresql, OnSqlite, Ports
from tests.oracle import Row
from tests.support import (
    DEPARTMENTS,
    EMPLOYEES,
    JOBS,
    employee,
    examples,
    frame,
    order,
    put,
    put_parents,
    wait_for,
)

SKIP, UPDATE = OnConflict.SKIP, OnConflict.UPDATE


class Trouble(Exception):
    """What goes wrong in the middle of a transaction."""


def rows_of(ports: Ports, table: Table) -> list[Row]:
    page = ports.database.page(table, after=0, limit=10_000)
    return [tuple(row.values()) for row in page]  # type: ignore[arg-type]


def store(ports: Ports, table: Table, rows: list[Row], on_conflict: OnConflict = SKIP) -> int:
    with ports.database.begin() as transaction:
        return transaction.store(table, frame(table, rows), on_conflict, None)


def known(transaction: Transaction, table: Table, ids: list[int]) -> list[int]:
    return sorted(transaction.known_ids(table, pl.Series(ids, dtype=pl.Int64)))


def claimed(ports: Ports, table: Table = EMPLOYEES) -> Load:
    load = ports.ledger.add(order(table), background=True)
    return ports.ledger.claim(load.id, "worker", 60) or load


def reject(
    record: int, row_id: int | None = None, raw: bytes = b"x", origin: Origin | None = None
) -> Reject:
    reasons = (Reason("id", RejectCode.MISSING_VALUE, "id is missing"), Reason(None, *TOO_LONG))
    return Reject(record, record + 1, raw, row_id, reasons, origin)


def rehearse(ports: Ports, load: Load, ids: Iterable[int]) -> int:
    with ports.database.begin() as transaction:
        return transaction.rehearse(load, JOBS, pl.Series(list(ids), dtype=pl.Int64))


def answered(ports: Ports, load: Load) -> dict[int, int | None]:
    """Which load answered each reject, by its record."""
    kept = ports.accounts.rejects(load, limit=100)
    return {item.reject.record: item.answered_by for item in kept}


TOO_LONG = (RejectCode.TOO_LONG, "the row is longer than 1 MiB")


class DatabaseContract:
    """The suite for Database, Transaction and Listing."""

    def test_rows_are_stored_as_they_are(self, ports: Ports) -> None:
        put_parents(ports.database)
        rows = [
            employee(1, dt.datetime(1, 1, 1)),
            employee(2, dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)),
            (3, "李 '\"; DROP TABLE jobs; -- \u2028\U0001f600\n", dt.datetime(2021, 7, 1), 5, 5),
            (MAX_ID, "😀" * 255, dt.datetime(2020, 2, 29, 12, 0, 0, 1), 2, 3),
        ]
        assert store(ports, EMPLOYEES, rows) == 4
        assert rows_of(ports, EMPLOYEES) == rows

    def test_storing_nothing_stores_nothing(self, ports: Ports) -> None:
        assert [store(ports, JOBS, [], kind) for kind in (SKIP, UPDATE)] == [0, 0]

    def test_an_id_that_is_stored_is_skipped_and_not_counted(self, ports: Ports) -> None:
        assert store(ports, JOBS, [(1, "Tailor"), (2, "Smith")]) == 2
        assert store(ports, JOBS, [(2, "Baker"), (3, "Cook")]) == 1
        assert rows_of(ports, JOBS) == [(1, "Tailor"), (2, "Smith"), (3, "Cook")]

    def test_an_id_that_is_stored_is_updated_and_not_counted(self, ports: Ports) -> None:
        store(ports, JOBS, [(1, "Tailor"), (2, "Smith")])
        assert store(ports, JOBS, [(2, "Baker"), (3, "Cook")], UPDATE) == 1
        assert rows_of(ports, JOBS) == [(1, "Tailor"), (2, "Baker"), (3, "Cook")]

    def test_many_rows_go_in_at_once(self, ports: Ports) -> None:
        jobs: list[Row] = [(number, f"job {number}") for number in range(1, 20_001)]
        assert store(ports, JOBS, jobs[:15_000]) == 15_000
        assert store(ports, JOBS, jobs) == 5_000
        assert store(ports, JOBS, jobs, UPDATE) == 0
        assert ports.database.count(JOBS) == 20_000

    @examples(20)
    @given(
        stored=st.sets(st.integers(1, 20)),
        rows=st.dictionaries(st.integers(1, 20), st.sampled_from("abc")),
        on_conflict=st.sampled_from(OnConflict),
    )
    def test_storing_rows_is_like_updating_a_dictionary(
        self, ports: Ports, stored: set[int], rows: dict[int, str], on_conflict: OnConflict
    ) -> None:
        store(ports, JOBS, [(number, "old") for number in stored], UPDATE)
        held = {int(str(number)): str(name) for number, name in rows_of(ports, JOBS)}
        assert store(ports, JOBS, list(rows.items()), on_conflict) == len(rows.keys() - held.keys())
        after = held | rows if on_conflict is UPDATE else rows | held
        assert rows_of(ports, JOBS) == sorted(after.items())

    def test_the_ids_that_are_stored_are_known(self, ports: Ports) -> None:
        put(ports.database, JOBS, [(1, "Tailor"), (3, "Smith"), (MAX_ID, "Baker")])
        with ports.database.begin() as transaction:
            assert known(transaction, JOBS, [1, 2, 3, 4, MAX_ID]) == [1, 3, MAX_ID]
            assert known(transaction, JOBS, []) == []
            assert known(transaction, DEPARTMENTS, [1]) == []
            assert known(transaction, JOBS, list(range(1, 100_000))) == [1, 3]

    def test_what_a_transaction_stores_it_knows(self, ports: Ports) -> None:
        with ports.database.begin() as transaction:
            transaction.store(JOBS, frame(JOBS, [(1, "Tailor")]), SKIP, None)
            assert known(transaction, JOBS, [1, 2]) == [1]

    def test_nothing_of_a_transaction_is_seen_before_its_end(self, ports: Ports) -> None:
        with ports.database.begin() as transaction:
            transaction.store(JOBS, frame(JOBS, [(1, "Tailor")]), SKIP, None)
            assert ports.database.count(JOBS) == 0
        assert ports.database.count(JOBS) == 1

    def test_a_transaction_that_fails_leaves_nothing(self, ports: Ports) -> None:
        load = claimed(ports)
        with pytest.raises(Trouble), ports.database.begin() as transaction:
            transaction.store(JOBS, frame(JOBS, [(1, "Tailor")]), SKIP, load.number)
            transaction.add_rejects(load, [reject(1, row_id=1)])
            transaction.advance(
                replace(load, position=Position(9, 1, 1), counts=Counts(lines=1)), 60
            )
            raise Trouble
        assert ports.database.count(JOBS) == 0
        assert ports.accounts.ids(load, limit=10) == []
        assert ports.ledger.get(load.id) == load

    def test_an_employee_without_its_parents_is_refused_as_a_whole(self, ports: Ports) -> None:
        put_parents(ports.database, 1)
        with pytest.raises(Exception, match=r"(?i)foreign key"):
            store(ports, EMPLOYEES, [employee(1), employee(2, department=2)])
        assert ports.database.count(EMPLOYEES) == 0

    def test_what_goes_wrong_names_no_value_of_a_row(self, ports: Ports) -> None:
        with pytest.raises(Exception) as raised:
            store(ports, EMPLOYEES, [(1, "Secret Name", dt.datetime(2021, 1, 1), 1, 1)])
        assert "Secret" not in str(raised.value)

    def test_rows_that_a_transaction_has_seen_stay_until_its_end(self, ports: Ports) -> None:
        put(ports.database, JOBS, [(1, "Tailor")])

        def delete() -> None:
            with writing(ports.engine).begin() as connection:
                connection.exec_driver_sql("DELETE FROM jobs")

        with ThreadPoolExecutor(1) as pool, ports.database.begin() as transaction:
            assert known(transaction, JOBS, [1]) == [1]
            deleted = pool.submit(delete)
            with pytest.raises(TimeoutError):
                deleted.result(timeout=0.2)
            assert known(transaction, JOBS, [1]) == [1]
        deleted.result(timeout=10)
        assert rows_of(ports, JOBS) == []

    def test_books_and_position_are_kept(self, ports: Ports) -> None:
        load = claimed(ports)
        numbers = dict.fromkeys(asdict(Counts()), 2**40)
        ahead = replace(load, position=Position(2**50, 2**40, 2**33), counts=Counts(**numbers))
        with ports.database.begin() as transaction:
            transaction.advance(ahead, 60)
        kept = ports.ledger.get(load.id)
        assert kept is not None and kept.heartbeat_at is not None
        assert kept.heartbeat_at >= (load.heartbeat_at or kept.created_at)
        assert replace(kept, heartbeat_at=load.heartbeat_at, lease_until=load.lease_until) == ahead

    def test_a_batch_that_took_longer_than_the_lease_renews_it(self, ports: Ports) -> None:
        load = ports.ledger.add(order(JOBS), background=True)
        owner = wait_for(lambda: ports.ledger.claim(load.id, "owner", 0))
        with ports.database.begin() as transaction:
            transaction.advance(owner, 60)
        time.sleep(0.01)
        assert load.id not in ports.ledger.waiting()
        assert ports.ledger.claim(load.id, "other", 60) is None

    def test_a_worker_that_lost_its_load_cannot_commit_a_batch(self, ports: Ports) -> None:
        load = ports.ledger.add(order(JOBS), background=True)
        stale = wait_for(lambda: ports.ledger.claim(load.id, "stale", 0))
        owner = wait_for(lambda: ports.ledger.claim(load.id, "owner", 60))
        with pytest.raises(LeaseLost), ports.database.begin() as transaction:
            transaction.store(JOBS, frame(JOBS, [(1, "Tailor")]), SKIP, stale.number)
            transaction.add_rejects(stale, [reject(1)])
            transaction.advance(replace(stale, counts=Counts(lines=1)), 60)
        assert ports.database.count(JOBS) == 0
        assert ports.ledger.get(load.id) == owner

    @pytest.mark.parametrize(
        "state", [state for state in LoadState if state is not LoadState.STARTED]
    )
    def test_a_load_that_was_left_does_not_move_on(self, ports: Ports, state: LoadState) -> None:
        load = claimed(ports)
        ports.ledger.close(load, state)
        with pytest.raises(LeaseLost), ports.database.begin() as transaction:
            transaction.advance(load, 60)

    def test_ids_of_rejects_are_read_in_the_order_of_the_source(self, ports: Ports) -> None:
        load, other = claimed(ports), claimed(ports)
        with ports.database.begin() as transaction:
            transaction.add_rejects(load, [reject(9, 4), reject(2, None), reject(3, 8)])
            transaction.add_rejects(load, [])
            transaction.add_rejects(
                load, [reject(1, 8), reject(2**33, MAX_ID, raw=b"\0\xff" * 500)]
            )
            transaction.add_rejects(other, [reject(1, 77)])
        ids = ports.accounts.ids
        assert ids(load, limit=10) == [8, 8, 4, MAX_ID]
        assert ids(load, limit=2) == [8, 8]
        assert ids(load, after=1, limit=10) == [8, 4, MAX_ID]
        assert ids(load, after=1, until=3, limit=10) == [8]
        assert ids(load, after=3, until=9, limit=10) == [4]
        assert ids(other, limit=10) == [77]

    def test_a_rehearsal_counts_the_ids_that_are_neither_stored_nor_rehearsed(
        self, ports: Ports
    ) -> None:
        put(ports.database, JOBS, [(1, "Tailor"), (3, "Smith")])
        load, other = claimed(ports, JOBS), claimed(ports, JOBS)
        assert [rehearse(ports, load, ids) for ids in ([1, 2], [], [2, 3, 4], [4])] == [1, 0, 1, 0]
        assert rehearse(ports, other, [2, 4]) == 2, "every load rehearses for itself"
        assert rehearse(ports, load, range(1, 20_001)) == 19_996
        assert ports.database.count(JOBS) == 2

    @pytest.mark.parametrize("on_conflict", OnConflict)
    @examples(20)
    @given(
        stored=st.sets(st.integers(1, 9)),
        batches=st.lists(st.sets(st.integers(1, 9)), min_size=1, max_size=4),
    )
    def test_a_rehearsal_counts_as_storing_does(
        self, ports: Ports, on_conflict: OnConflict, stored: set[int], batches: list[set[int]]
    ) -> None:
        load = claimed(ports, JOBS)
        with pytest.raises(Trouble), ports.database.begin() as transaction:
            rows = [frame(JOBS, [(number, "job") for number in ids]) for ids in [stored, *batches]]
            transaction.store(JOBS, rows.pop(0), SKIP, None)
            rehearsed = [transaction.rehearse(load, JOBS, each.get_column("id")) for each in rows]
            assert rehearsed == [transaction.store(JOBS, each, on_conflict, 1) for each in rows]
            raise Trouble

    def test_a_rehearsal_that_fails_is_forgotten_and_so_is_one_that_is_over(
        self, ports: Ports
    ) -> None:
        load = claimed(ports, JOBS)
        ids = pl.Series([1, 2], dtype=pl.Int64)
        with pytest.raises(Trouble), ports.database.begin() as transaction:
            assert transaction.rehearse(load, JOBS, ids) == 2
            raise Trouble
        assert rehearse(ports, load, ids) == 2
        ports.ledger.close(load, LoadState.SUCCESS)
        assert rehearse(ports, load, ids) == 2

    def test_an_answer_closes_the_reject_of_that_load_and_line(self, ports: Ports) -> None:
        load, other, correction = claimed(ports), claimed(ports), claimed(ports)
        with ports.database.begin() as transaction:
            for one in (load, other):
                transaction.add_rejects(one, [reject(1), reject(2), reject(3)])
            origins = [Origin(load.id, 2), Origin(load.id, 4), Origin("no load", 3)]
            transaction.answer(correction, origins)
            transaction.answer(correction, [Origin(load.id, 99)])
            transaction.answer(correction, [])
        number = correction.number
        assert answered(ports, load) == {1: number, 2: None, 3: number}
        assert answered(ports, other) == {1: None, 2: None, 3: None}

    def test_an_answer_closes_all_attempts_at_the_row(self, ports: Ports) -> None:
        load, second, third, correction = (claimed(ports) for _ in range(4))
        origin = Origin(load.id, 2)
        with ports.database.begin() as transaction:
            transaction.add_rejects(load, [reject(1)])
            for attempt in (second, third):
                others = [Origin(load.id, 3), Origin("no load", 2), None]
                transaction.add_rejects(
                    attempt, [reject(n, origin=o) for n, o in enumerate([origin, *others], 1)]
                )
            transaction.answer(correction, [origin])
        number = correction.number
        assert answered(ports, load) == {1: number}
        for attempt in (second, third):
            assert answered(ports, attempt) == {1: number, 2: None, 3: None, 4: None}

    def test_the_first_answer_counts(self, ports: Ports) -> None:
        load, first, second = (claimed(ports) for _ in range(3))
        for correction in (first, second):
            with ports.database.begin() as transaction:
                if correction is first:
                    transaction.add_rejects(load, [reject(1)])
                transaction.answer(correction, [Origin(load.id, 2)])
        assert answered(ports, load) == {1: first.number}

    def test_a_row_of_another_table_answers_no_reject(self, ports: Ports) -> None:
        load, attempt, stray = claimed(ports), claimed(ports), claimed(ports, JOBS)
        origin = Origin(load.id, 2)
        with ports.database.begin() as transaction:
            transaction.add_rejects(load, [reject(1)])
            transaction.add_rejects(attempt, [reject(1, origin=origin)])
            transaction.answer(stray, [origin])
        assert answered(ports, load) == answered(ports, attempt) == {1: None}

    def test_pages_follow_each_other_by_id(self, ports: Ports) -> None:
        put(ports.database, JOBS, [(number, f"job {number}") for number in (5, 1, 9, 3, 7)])
        page = ports.database.page
        assert page(JOBS, after=0, limit=2) == [
            {"id": 1, "job": "job 1"},
            {"id": 3, "job": "job 3"},
        ]
        assert [row["id"] for row in page(JOBS, after=3, limit=10)] == [5, 7, 9]
        assert page(JOBS, after=9, limit=10) == []

    def test_a_page_has_the_columns_of_the_dictionary_in_order(self, ports: Ports) -> None:
        put_parents(ports.database)
        put(ports.database, EMPLOYEES, [employee(1)])
        (row,) = ports.database.page(EMPLOYEES, after=0, limit=10)
        assert list(row) == [field.name for field in EMPLOYEES.fields]

    def test_rows_are_counted_by_table(self, ports: Ports) -> None:
        put(ports.database, JOBS, [(1, "Tailor"), (2, "Smith")])
        assert [ports.database.count(table) for table in (JOBS, DEPARTMENTS)] == [2, 0]


class TestSqliteDatabase(OnSqlite, DatabaseContract):
    pass


class TestPostgresqlDatabase(OnPostgresql, DatabaseContract):
    pass

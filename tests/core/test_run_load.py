"""Whatever breaks, a load ends with the same rows and books, or says why it failed."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace

import polars as pl
import pytest

import main
from core.errors import DatabaseUnavailable, SourceError, SourceUnavailable
from core.ports import ByteStream
from core.run_load import OnBatch, RunLoad, ignore
from domain.load import Counts, Load, LoadOrder, LoadState, Position
from domain.reject import RejectCode
from domain.table import Table
from infra.csv import blocks
from infra.csv.reader import CsvReader
from tests.fakes import MemoryStore
from tests.oracle import Rejected, Row
from tests.support import (
    EMPLOYEES,
    content,
    employee_lines,
    order,
    put_parents,
    rejected,
    wait_for,
)

FILE = "hired_employees.csv"
DATA = b"".join(
    line if number % 4 else b"%d,,2021-02-30T00:00:00Z,9,1\r\n" % number
    for number, line in enumerate(employee_lines(25).splitlines(keepends=True), 1)
)
ORDER = order(batch_size=6, force=True)


class Crash(BaseException):
    """A worker that dies: nothing in the service may catch this."""


@dataclass
class Reader:
    """A reader that makes something of the frames of the real one."""

    change: Callable[[pl.DataFrame], pl.DataFrame]

    def read(
        self, open_at: Callable[[int], ByteStream], table: Table, position: Position
    ) -> Iterator[pl.DataFrame]:
        for frame in CsvReader().read(open_at, table, position):
            yield self.change(frame)


@dataclass(frozen=True)
class Workshop:
    """A ledger, a database and a store with one file, and workers that run loads of it."""

    parts: main.Composition
    store: MemoryStore

    def add(self, wish: LoadOrder = ORDER) -> Load:
        return self.parts.service.ledger.add(wish, background=True)

    def get(self, load: Load) -> Load:
        found = self.parts.service.ledger.get(load.id)
        assert found is not None
        return found

    def take_over(self, load: Load, lease: float = 60) -> Load:
        """Claim a load as another worker, once its lease is over."""
        return wait_for(lambda: self.parts.service.ledger.claim(load.id, "other", lease))

    def worker(self, **changes: object) -> RunLoad:
        """A worker whose lease is over at once and that does not renew it."""
        run = RunLoad(
            store=self.store,
            reader=CsvReader(),
            database=self.parts.service.insert_rows.database,
            ledger=self.parts.service.ledger,
            keep_lease=lambda _load: nullcontext(),
            owner="worker",
            lease=0,
            accounts=self.parts.service.accounts,
            max_attempts=1000,
        )
        return replace(run, **changes)  # type: ignore[arg-type]

    def run(self, load: Load, on_batch: OnBatch = ignore, **changes: object) -> Load:
        """Have a worker run the load, and say how it left it."""
        self.worker(**changes)(load.id, on_batch)
        return self.get(load)

    def result(self, load: Load) -> tuple[Counts, dict[int, Row], list[Rejected]]:
        return self.get(load).counts, content(self.parts, EMPLOYEES), rejected(self.parts, load)


@pytest.fixture
def shop(parts: main.Composition, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 300)
    store = MemoryStore()
    store.put(FILE, DATA)
    put_parents(parts.service.insert_rows.database)
    return Workshop(parts, store)


@pytest.fixture
def unbroken(shop: Workshop) -> tuple[Counts, dict[int, Row], list[Rejected]]:
    """The result of a load that nothing interrupts; the table is as empty after as before."""
    load = shop.run(shop.add())
    assert load.state is LoadState.SUCCESS
    result = shop.result(load)
    with shop.parts.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM hired_employees")
    return result


def test_a_load_ends_with_its_rows_books_and_rejects(shop: Workshop) -> None:
    load = shop.run(shop.add())
    counts, rows, rejects = shop.result(load)
    assert (load.state, load.error, load.attempts) == (LoadState.SUCCESS, None, 1)
    assert counts == Counts(lines=25, processed=25, inserted=19, errors=6)
    assert sorted(rows) == [number for number in range(1, 26) if number % 4]
    assert [reject[0] for reject in rejects] == [4, 8, 12, 16, 20, 24]
    *_, row_id, reasons = rejects[0]
    assert row_id == 4
    assert reasons == {
        ("name", RejectCode.MISSING_VALUE),
        ("datetime", RejectCode.NOT_A_TIMESTAMP),
        ("department_id", RejectCode.UNKNOWN_DEPARTMENT),
    }
    assert load.position == Position(len(DATA), 25, 25)
    assert (load.source_size, load.source_etag) == (len(DATA), "version 1")


def test_each_commit_is_told_with_the_books_so_far(shop: Workshop) -> None:
    told: list[Load] = []
    load = shop.run(shop.add(), told.append)
    assert [told_load.counts.processed for told_load in told] == [6, 12, 18, 24, 25]
    assert all(told_load.counts.balanced for told_load in told)
    assert told[-1].counts == load.counts


def test_a_missing_source_fails_the_load_by_name(shop: Workshop) -> None:
    load = shop.run(shop.add(order(source="nowhere.csv")))
    assert (load.state, load.counts) == (LoadState.FAILURE, Counts())
    assert "nowhere.csv" in str(load.error)


def test_a_source_that_changes_in_mid_load_fails_it_with_the_books_of_what_was_committed(
    shop: Workshop,
) -> None:
    def change(load: Load) -> None:
        shop.store.put(load.order.source, DATA[::-1])

    load = shop.run(shop.add(), change)
    assert (load.state, load.counts.processed) == (LoadState.FAILURE, 6)
    assert "source_changed" in str(load.error)
    assert sorted(content(shop.parts, EMPLOYEES)) == [1, 2, 3, 5, 6]
    assert load.counts.balanced


def test_a_source_that_changes_between_two_workers_fails_the_load(shop: Workshop) -> None:
    load = shop.run(shop.add(), should_stop=lambda: True)
    assert load.state is LoadState.RETRY
    shop.store.put(FILE, DATA)
    load = shop.run(load)
    assert (load.state, load.counts.processed) == (LoadState.FAILURE, 6)
    assert "source_changed" in str(load.error)


def test_a_source_that_goes_away_in_mid_load_fails_it(shop: Workshop) -> None:
    load = shop.run(shop.add(), lambda load: shop.store.remove(load.order.source))
    assert (load.state, load.counts.processed) == (LoadState.FAILURE, 6)


def test_a_header_that_lacks_a_column_fails_the_load_by_the_name_of_the_column(
    shop: Workshop,
) -> None:
    shop.store.put(FILE, b"id,name,datetime,department_id\n" + DATA)
    load = shop.run(shop.add())
    assert (load.state, load.counts) == (LoadState.FAILURE, Counts())
    assert load.error == "the header of hired_employees lacks column 'job_id'"


def test_an_unexpected_error_fails_the_load_without_telling_what_it_said(shop: Workshop) -> None:
    def fail(_frame: pl.DataFrame) -> pl.DataFrame:
        raise RuntimeError("password=secret")

    load = shop.run(shop.add(), reader=Reader(fail))
    assert load.state is LoadState.FAILURE
    assert load.error == "an unexpected error; the log of the service tells more"


def test_an_error_of_a_port_fails_the_load_with_its_text(shop: Workshop) -> None:
    load = shop.run(shop.add(), reader=Reader(failing(SourceError("no access"))))
    assert (load.state, load.error) == (LoadState.FAILURE, "no access")


PASSING = [SourceUnavailable("no answer"), DatabaseUnavailable("it is full")]


@pytest.mark.parametrize("error", PASSING)
def test_a_fault_that_may_pass_has_the_load_wait_and_fails_it_in_the_end(
    shop: Workshop, error: Exception
) -> None:
    load = shop.add()
    states = []
    for _ in range(3):
        load = shop.run(load, reader=Reader(failing(error)), max_attempts=3)
        assert load.error == str(error)
        assert load.id not in shop.parts.service.ledger.waiting()
        states.append(load.state)
    assert states == [LoadState.RETRY, LoadState.RETRY, LoadState.FAILURE]


@pytest.mark.parametrize("error", PASSING)
def test_a_call_that_waits_is_told_of_a_fault_at_once(shop: Workshop, error: Exception) -> None:
    load = shop.parts.service.ledger.add(ORDER, background=False)
    load = shop.run(load, reader=Reader(failing(error)))
    assert (load.state, load.error) == (LoadState.FAILURE, str(error))


def test_a_load_whose_workers_all_die_is_given_up(shop: Workshop) -> None:
    load = shop.add()
    for _ in range(3):
        shop.take_over(load, lease=0)
    wait_for(lambda: load.id in shop.parts.service.ledger.waiting())
    ended = shop.run(load, max_attempts=3)
    assert ended.state is LoadState.FAILURE
    assert ended.error == "given up after 3 workers died with it"


def failing(error: Exception) -> Callable[[pl.DataFrame], pl.DataFrame]:
    def fail(_frame: pl.DataFrame) -> pl.DataFrame:
        raise error

    return fail


def test_books_that_do_not_balance_fail_the_load(shop: Workshop) -> None:
    def lose_a_row(frame: pl.DataFrame) -> pl.DataFrame:
        kind = pl.when(pl.col("record") == 3).then(9).otherwise("kind").cast(pl.UInt8)
        return frame.with_columns(kind=kind)

    load = shop.run(shop.add(), reader=Reader(lose_a_row))
    assert (load.state, load.counts.balanced) == (LoadState.FAILURE, False)
    assert "accounted for" in str(load.error)


def test_a_worker_that_has_to_stop_hands_the_load_back_and_another_ends_it(
    shop: Workshop, unbroken: tuple[Counts, dict[int, Row], list[Rejected]]
) -> None:
    load = shop.run(shop.add(), should_stop=lambda: True)
    assert (load.state, load.counts.processed) == (LoadState.RETRY, 6)
    load = shop.run(load)
    assert (load.state, load.attempts) == (LoadState.SUCCESS, 1)
    assert shop.result(load) == unbroken


@pytest.mark.parametrize("commits", range(1, 6))
def test_a_crash_after_any_commit_changes_nothing_in_the_end(
    shop: Workshop, commits: int, unbroken: tuple[Counts, dict[int, Row], list[Rejected]]
) -> None:
    def crash(load: Load) -> None:
        if load.counts.processed >= min(6 * commits, 25):
            raise Crash

    load = shop.add()
    with pytest.raises(Crash):
        shop.run(load, crash)
    assert shop.get(load).state is LoadState.STARTED
    wait_for(lambda: load.id in shop.parts.service.ledger.waiting())
    assert shop.run(load).state is LoadState.SUCCESS
    assert shop.result(load) == unbroken


def test_a_crash_before_the_first_commit_changes_nothing_in_the_end(
    shop: Workshop, unbroken: tuple[Counts, dict[int, Row], list[Rejected]]
) -> None:
    def crash(_frame: pl.DataFrame) -> pl.DataFrame:
        raise Crash

    load = shop.add()
    with pytest.raises(Crash):
        shop.run(load, reader=Reader(crash))
    wait_for(lambda: load.id in shop.parts.service.ledger.waiting())
    shop.run(load)
    assert shop.result(load) == unbroken


@pytest.mark.parametrize("processed", [6, 25], ids=["in the middle", "after the last batch"])
def test_a_worker_that_was_overtaken_goes_quietly_and_writes_no_more(
    shop: Workshop, processed: int
) -> None:
    owners: list[Load] = []

    def take_over(load: Load) -> None:
        if load.counts.processed == processed:
            owners.append(shop.take_over(load))

    load = shop.run(shop.add(), take_over)
    assert [load] == owners
    assert (load.state, load.owner, load.counts.processed) == (
        LoadState.STARTED,
        "other",
        processed,
    )
    assert max(content(shop.parts, EMPLOYEES)) == processed


def test_nobody_runs_what_somebody_else_runs_or_what_is_over(shop: Workshop) -> None:
    running, over = shop.take_over(shop.add()), shop.run(shop.add())
    rows = content(shop.parts, EMPLOYEES)
    assert [shop.run(load) for load in (running, over)] == [running, over]
    assert content(shop.parts, EMPLOYEES) == rows


def test_there_is_nothing_to_run_under_an_unknown_id(shop: Workshop) -> None:
    shop.worker()("no such id")
    assert content(shop.parts, EMPLOYEES) == {}


def test_the_lease_is_kept_by_the_worker_that_the_service_is_composed_of(shop: Workshop) -> None:
    load = shop.add()
    replace(shop.parts.service.start_load.run, store=shop.store)(load.id)
    assert shop.get(load).state is LoadState.SUCCESS


def cancelling(shop: Workshop) -> OnBatch:
    def cancel(load: Load) -> None:
        shop.parts.service.ledger.cancel(load.id)

    return cancel


def test_a_load_that_is_cancelled_stops_at_the_batch_end_and_goes_on_from_there(
    shop: Workshop, unbroken: tuple[Counts, dict[int, Row], list[Rejected]]
) -> None:
    load = shop.run(shop.add(), cancelling(shop), lease=60)
    assert (load.state, load.error) == (LoadState.REVOKED, "cancelled; the rows so far stay")
    assert load.counts.processed == 12, "asked for behind the first batch, seen behind the second"
    shop.parts.service.ledger.retry(load.id)
    load = shop.run(load)
    assert load.state is LoadState.SUCCESS
    assert shop.result(load) == unbroken


CHECKED = replace(ORDER, roll_back=True)


def test_a_load_that_is_cancelled_between_its_passes_writes_nothing(shop: Workshop) -> None:
    def cancel(load: Load) -> None:
        if load.is_check and load.counts.processed == 25:
            shop.parts.service.ledger.cancel(load.id)

    load = shop.run(shop.add(CHECKED), cancel, lease=60)
    assert load.state is LoadState.REVOKED
    assert content(shop.parts, EMPLOYEES) == {}
    assert load.counts.balanced
    assert list(shop.parts.service.audit()) == []


def test_a_check_that_is_cancelled_says_that_nothing_was_written(shop: Workshop) -> None:
    load = shop.run(shop.add(CHECKED), cancelling(shop), lease=60)
    assert (load.state, load.error) == (LoadState.REVOKED, "cancelled; no row was written")
    assert load.counts == Counts(lines=12, skipped=9, processed=3, errors=3)
    assert list(shop.parts.service.audit()) == []


def test_a_load_that_was_cancelled_as_its_worker_stopped_does_not_go_on(shop: Workshop) -> None:
    load = shop.add()

    def stop() -> bool:
        shop.parts.service.ledger.cancel(load.id)
        return True

    assert shop.run(load, should_stop=stop, lease=60).state is LoadState.RETRY
    load = shop.run(load)
    assert (load.state, load.counts.processed) == (LoadState.REVOKED, 6)


@pytest.mark.parametrize("commits", [1, 4, 5, 6, 10])
def test_a_crash_after_any_commit_of_a_load_in_two_passes_changes_nothing_in_the_end(
    shop: Workshop, commits: int, unbroken: tuple[Counts, dict[int, Row], list[Rejected]]
) -> None:
    told = iter(range(commits))

    def crash(_load: Load) -> None:
        if next(told) == commits - 1:
            raise Crash

    load = shop.add(CHECKED)
    with pytest.raises(Crash):
        shop.run(load, crash)
    if commits <= 5:
        assert content(shop.parts, EMPLOYEES) == {}
    wait_for(lambda: load.id in shop.parts.service.ledger.waiting())
    assert shop.run(load).state is LoadState.SUCCESS
    assert shop.result(load) == unbroken


def test_a_load_that_rolls_back_begins_again_when_it_is_tried_again(shop: Workshop) -> None:
    shop.store.put(FILE, DATA)
    load = shop.run(shop.add(replace(CHECKED, reject_limit=5)))
    assert (load.state, load.counts.processed) == (LoadState.FAILURE, 6)
    assert content(shop.parts, EMPLOYEES) == {}
    shop.parts.service.ledger.retry(load.id)
    told: list[Load] = []
    again = shop.run(load, told.append)
    assert told[0].counts.processed == 6, "from the first row on"
    assert (again.state, again.counts, again.error) == (load.state, load.counts, load.error)
    assert content(shop.parts, EMPLOYEES) == {}


def test_content_that_was_loaded_before_is_not_loaded_again(shop: Workshop) -> None:
    plain = order(batch_size=6)
    first = shop.run(shop.add(plain))
    shop.store.put("copy.csv", DATA)
    again = shop.run(shop.add(replace(plain, source="copy.csv")))
    assert (again.state, again.repeats, again.sha256) == (
        LoadState.SUCCESS,
        first.id,
        first.sha256,
    )
    assert (again.counts, again.position) == (Counts(), Position())
    assert rejected(shop.parts, again) == []
    forced = shop.run(shop.add(replace(plain, force=True)))
    assert (forced.repeats, forced.counts.already_exists) == (None, 19)
    assert list(shop.parts.service.audit()) == []


def test_a_window_is_never_taken_for_content_that_was_loaded_before(shop: Workshop) -> None:
    for wish in (order(), order(start=1), order(limit=25)):
        load = shop.run(shop.add(wish))
        assert (load.repeats, load.sha256 is not None) == (None, wish.is_whole)


def test_an_upload_goes_when_it_is_loaded_and_not_before(shop: Workshop) -> None:
    upload = "uploads/employees.csv"
    shop.store.put(upload, DATA)
    wish = order(source=upload, reject_limit=5)
    load = shop.run(shop.add(wish))
    assert load.state is LoadState.FAILURE
    assert shop.store.stat(upload).size == len(DATA)
    load = shop.run(shop.add(replace(wish, reject_limit=None)))
    assert load.state is LoadState.SUCCESS
    assert [source.name for source in shop.store.list()] == [FILE]


def test_an_upload_that_repeats_goes_as_well(shop: Workshop) -> None:
    shop.run(shop.add(order()))
    shop.store.put("uploads/again.csv", DATA)
    load = shop.run(shop.add(order(source="uploads/again.csv")))
    assert load.repeats
    assert [source.name for source in shop.store.list()] == [FILE]


def test_an_upload_that_cannot_be_removed_leaves_the_load_as_it_ended(shop: Workshop) -> None:
    class Sticky(MemoryStore):
        def delete(self, name: str) -> None:
            raise SourceUnavailable(f"{name} cannot be removed")

    store = Sticky()
    store.put("uploads/x.csv", DATA)
    load = shop.run(shop.add(order(source="uploads/x.csv")), store=store)
    assert (load.state, load.error, load.counts.inserted) == (LoadState.SUCCESS, None, 19)


def test_a_table_that_departs_from_the_books_fails_the_load(shop: Workshop) -> None:
    def lose(load: Load) -> None:
        if load.counts.processed == 25:
            with shop.parts.engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM hired_employees WHERE id = 1")

    load = shop.run(shop.add(), lose)
    assert load.state is LoadState.FAILURE
    assert load.error == "the load inserted 19 rows, but the table has 18"


@pytest.mark.parametrize("wish", [replace(ORDER, dry_run=True), CHECKED], ids=["dry", "check"])
def test_a_load_that_writes_nothing_is_held_against_the_table_too(
    shop: Workshop, wish: LoadOrder
) -> None:
    load = shop.run(shop.add(wish))
    assert (load.state, load.counts.inserted) == (LoadState.SUCCESS, 19)
    rows = content(shop.parts, EMPLOYEES)
    assert len(rows) == (0 if wish.dry_run else 19)

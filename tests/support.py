"""Small helpers that several test modules share."""

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import polars as pl
from hypothesis import HealthCheck, settings

import main
from core.frames import column_type
from core.ports import Database
from domain.dictionary import TABLES
from domain.load import Load, LoadOrder, OnConflict
from domain.table import Table
from infra.db.schema import metadata, rejects
from tests.oracle import Rejected, Row

T = TypeVar("T")

DEPARTMENTS, JOBS, EMPLOYEES = TABLES.values()
NEW_YEAR = dt.datetime(2021, 1, 1)


def examples(count: int) -> settings:
    """So many examples, the same in every run."""
    # A test of a contract suite is run by a class for each adapter, each with its own fixture.
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[*checks, HealthCheck.differing_executors],
    )


def wait_for(condition: Callable[[], T | None], seconds: float = 10) -> T:
    """What `condition` returns as soon as that is something."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)
    return found


def frame(table: Table, rows: Sequence[Row]) -> pl.DataFrame:
    """Rows as a frame of checked rows."""
    schema = {field.name: column_type(field.rule) for field in table.fields}
    return pl.DataFrame(rows, schema=schema, orient="row")


def put(database: Database, table: Table, rows: Sequence[Row]) -> None:
    """Store rows that need no check."""
    with database.begin() as transaction:
        transaction.store(table, frame(table, rows), OnConflict.SKIP, None)


def put_parents(database: Database, count: int = 5) -> dict[str, range]:
    """Store departments and jobs with the ids 1 to `count`, and say which ids there are."""
    ids = range(1, count + 1)
    with database.begin() as transaction:
        for table in (DEPARTMENTS, JOBS):
            rows = frame(table, [(number, f"{table.name[:-1]} {number}") for number in ids])
            transaction.store(table, rows, OnConflict.SKIP, None)
    return {DEPARTMENTS.name: ids, JOBS.name: ids}


def employee(number: int, when: dt.datetime = NEW_YEAR, department: int = 1, job: int = 1) -> Row:
    """A row of an employee."""
    return (number, f"employee {number}", when, department, job)


def employee_lines(count: int) -> bytes:
    """A CSV with so many good employees of department 1 and job 1, as long a line for each."""
    line = b"%08d,Ann Lee,2021-02-03T04:05:06Z,1,1\n"
    return b"".join(line % number for number in range(1, count + 1))


def order(table: Table = EMPLOYEES, **changes: object) -> LoadOrder:
    """An order for the file of `table`."""
    values: dict[str, object] = {"table": table.name, "source": f"{table.name}.csv", **changes}
    return LoadOrder(**values)  # type: ignore[arg-type]


def content(parts: main.Composition, table: Table) -> dict[int, Row]:
    """All rows of a table by their id."""
    page = parts.service.listing.page(table, after=0, limit=1_000_000)
    return {int(str(row["id"])): _values(row) for row in page}


def _values(row: Mapping[str, object]) -> Row:
    return tuple(row.values())  # type: ignore[arg-type]


def rejected(parts: main.Composition, load: Load) -> list[Rejected]:
    """The rejects of a load, as the oracle spells them."""
    query = rejects.select().where(rejects.c.load_number == load.number).order_by("record")
    with parts.engine.connect() as connection:
        return [
            (
                row.record,
                row.line,
                row.raw,
                row.row_id,
                frozenset((reason["field"], reason["code"]) for reason in row.reasons),
            )
            for row in connection.execute(query)
        ]


def forget(parts: main.Composition) -> None:
    """Empty every table."""
    with parts.engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())

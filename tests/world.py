"""A service with some rows stored, and what it takes to load files into it."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

import main
from core.ports import Database, Transaction
from core.run_load import RunLoad
from domain.load import Load
from domain.table import Table
from tests import oracle
from tests.fakes import MemoryStore
from tests.support import (
    DEPARTMENTS,
    EMPLOYEES,
    JOBS,
    NEW_YEAR,
    content,
    employee,
    forget,
    order,
    put,
    put_parents,
    rejected,
    wait_for,
)

STORED = [employee(number, NEW_YEAR) for number in (3, 7, 1000)]
PARENTS = {DEPARTMENTS.name: range(1, 6), JOBS.name: range(1, 6)}


class Crash(BaseException):
    """A worker that dies: nothing in the service may catch this."""


@dataclass
class CrashesAfterCommit:
    """A database whose worker dies behind the `after`-th commit."""

    inner: Database
    after: int = 1

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self.inner.begin() as transaction:
            yield transaction
        self.after -= 1
        if self.after == 0:
            raise Crash


@dataclass(frozen=True)
class World:
    """The service and the store that its workers read from."""

    parts: main.Composition
    store: MemoryStore

    def load(self, table: Table, data: bytes, *, hand_backs: bool = False, **wish: object) -> Load:
        """Load a file; a worker may hand the load back after each batch and another go on."""
        load = self.enter(table, data, **wish)
        run = self.worker(should_stop=lambda: hand_backs)
        while not load.state.is_final:
            run(load.id)
            load = self.get(load)
        return load

    def enter(self, table: Table, data: bytes, **wish: object) -> Load:
        """Enter a load of a file without running it."""
        self.store.put(f"{table.name}.csv", data)
        return self.parts.service.ledger.add(order(table, **wish), background=True)

    def get(self, load: Load) -> Load:
        """The load as the ledger has it now."""
        found = self.parts.service.ledger.get(load.id)
        assert found is not None
        return found

    def worker(self, **changes: object) -> RunLoad:
        """A worker over the store in memory."""
        changes = {"store": self.store, **changes}
        return replace(self.parts.service.start_load.run, **changes)  # type: ignore[arg-type]

    def crashing(self, after: int = 1) -> RunLoad:
        """A worker that dies behind a commit, with a lease that is over at once."""
        return self.worker(
            database=CrashesAfterCommit(self.database, after),
            lease=0,
            keep_lease=lambda _load: nullcontext(),
        )

    def take_over(self, load: Load) -> Load:
        """Run a load whose worker died, to its end."""
        wait_for(lambda: load.id in self.parts.service.ledger.waiting())
        self.worker()(load.id)
        return self.get(load)

    @property
    def database(self) -> Database:
        return self.parts.service.insert_rows.database

    def content(self, table: Table) -> dict[int, oracle.Row]:
        """All rows of a table by their id."""
        return content(self.parts, table)

    def rejected(self, load: Load) -> list[oracle.Rejected]:
        """The rejects of a load, as the oracle spells them."""
        return rejected(self.parts, load)

    def reset(self) -> None:
        """Take everything out but the parents and a few employees."""
        forget(self.parts)
        put_parents(self.database)
        put(self.database, EMPLOYEES, STORED)

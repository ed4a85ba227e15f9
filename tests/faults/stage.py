"""A service with parents in place, a hostile file, and the comparison with the reference load."""

import random
from dataclasses import dataclass
from pathlib import Path

import main
from domain.dictionary import TABLES
from domain.employee import HIRED_EMPLOYEES
from domain.load import Load, LoadOrder, LoadState, OnConflict
from tests import oracle

FILE = "hired_employees.csv"
_PARENTS = {"departments": b"1,Sales\n2,Legal\n", "jobs": b"1,Clerk\n2,Baker\n3,Cook\n"}


@dataclass(frozen=True)
class Stage:
    """The service, the variables with which other processes compose the same, and its folder."""

    parts: main.Composition
    environment: dict[str, str]
    source: Path

    def put_parents(self) -> None:
        """Load the departments and jobs that the rows refer to."""
        for name, data in _PARENTS.items():
            (self.source / f"{name}.csv").write_bytes(data)
            self.parts.service.start_load.now(LoadOrder(name, f"{name}.csv"))

    def enter(self, data: bytes, order: LoadOrder) -> Load:
        """Put the file into the source folder and enter a load of it."""
        (self.source / FILE).write_bytes(data)
        return self.parts.service.ledger.add(order, background=True)

    def load(self, load: Load) -> Load:
        """The load as the ledger has it now."""
        found = self.parts.service.ledger.get(load.id)
        assert found is not None
        return found

    def assert_as_unbroken(self, load: Load, data: bytes) -> None:
        """Compare table, books and rejects with those of the reference load."""
        expected = oracle.load(
            data,
            HIRED_EMPLOYEES,
            parents={"departments": {1, 2}, "jobs": {1, 2, 3}},
            update=load.order.on_conflict is OnConflict.UPDATE,
        )
        ended, service = self.load(load), self.parts.service
        assert (ended.state, ended.error) == (LoadState.SUCCESS, None)
        assert ended.counts == expected.counts
        rows = service.listing.page(TABLES["hired_employees"], after=0, limit=100_000)
        assert {row["id"]: tuple(row.values()) for row in rows} == expected.rows
        kept = [item.reject for item in service.accounts.rejects(ended, limit=100_000)]
        assert [
            (r.record, r.line, r.raw, r.row_id, frozenset((n.field, n.code) for n in r.reasons))
            for r in kept
        ] == expected.rejects
        assert list(service.audit()) == []


def employees(chance: random.Random, count: int) -> bytes:
    """Employee rows, good and bad, quoted and not, with repeated ids and blank lines."""
    kinds = [
        "{id},Ann {id},2021-0{month}-11T02:48:42Z,{department},{job}",
        '{id},"Smith, Ann",2021-0{month}-11T02:48:42+02:00,{department},{job}',
        '{id},"two\nlines",2021-0{month}-11T02:48:42,{department},{job}',
        "{id},,2021-0{month}-11T02:48:42Z,{department},{job}",
        "{id},Bob,2021-02-30T02:48:42Z,{department},9",
        "{id},short",
        '{id},"unclosed,2021-0{month}-11T02:48:42Z,1,1',
        "",
    ]
    weights = [60, 10, 5, 5, 5, 3, 2, 10]
    lines = [
        kind.format(
            id=chance.randint(1, count),
            month=chance.randint(1, 9),
            department=chance.randint(1, 2),
            job=chance.randint(1, 3),
        )
        for kind in chance.choices(kinds, weights, k=count)
    ]
    return chance.choice(["\n", "\r\n"]).join(lines).encode()


def order(chance: random.Random, batch_size: int | None = None) -> LoadOrder:
    """A load of that file with options by chance, none of which changes what comes of a row."""
    return LoadOrder(
        "hired_employees",
        FILE,
        batch_size=batch_size or chance.randint(5, 60),
        on_conflict=chance.choice(list(OnConflict)),
        roll_back=chance.random() < 0.3,
        reject_limit=10_000,
        force=True,
    )

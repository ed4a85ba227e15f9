"""The audit finds what is not as the books say."""

import sqlite3
from contextlib import closing

import pytest

from core import audit
from core.ports import Accounts
from domain.load import Load, OnConflict
from infra.db.accounts import SqlAccounts
from tests.support import EMPLOYEES, JOBS
from tests.world import World

DATA = b"31,a\n32,\n33,b\n"


@pytest.fixture
def load(world: World) -> Load:
    world.load(JOBS, DATA, dry_run=True)
    world.load(JOBS, DATA, reject_limit=0, roll_back=True)
    world.enter(JOBS, b"41,x\n")
    return world.load(JOBS, DATA)


def findings(world: World) -> list[str]:
    return list(world.parts.service.audit())


def test_nothing_is_found_where_all_is_accounted_for(world: World, load: Load) -> None:
    assert findings(world) == []
    world.load(JOBS, DATA, on_conflict=OnConflict.UPDATE, force=True)
    assert findings(world) == []


SPOILT = {
    "DELETE FROM jobs WHERE id = 31": "2 rows were inserted, 1 are in jobs",
    "DELETE FROM rejects": "1 rows were rejected, 0 are kept",
    "UPDATE loads SET lines = lines + 1": "the books do not balance",
}


@pytest.mark.parametrize(("act", "finding"), SPOILT.items(), ids=SPOILT.values())
def test_what_does_not_agree_is_told_of_its_load(
    world: World, load: Load, act: str, finding: str
) -> None:
    with world.parts.engine.begin() as connection:
        connection.exec_driver_sql(act)
    assert f"load {load.id}: {finding}" in findings(world)


def test_every_finding_of_every_page_of_loads_is_told(
    world: World, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_PAGE", 1)
    with world.parts.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE loads SET lines = 99, inserted = 7, errors = 5")
    found = findings(world)
    assert len(found) == 3 + 3 + 2 + 2, "two of the four loads were to write no row"
    assert len({line.partition(":")[0] for line in found}) == 4


def test_rows_without_their_parents_are_told(world: World, load: Load, database_url: str) -> None:
    world.load(EMPLOYEES, b"11,Ann,2021-02-03T04:05:06Z,1,5\n")
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DELETE FROM jobs WHERE id = 5")
        connection.commit()
    assert findings(world) == ["1 rows refer to a department or job that is not there"]


class _Busy(SqlAccounts):
    """Accounts that are read while a worker goes on with the load."""

    world: World
    load: Load

    def inserted(self, load: Load) -> int:
        if load.id == self.load.id and not self.world.get(load).state.is_final:
            self.world.worker()(load.id)
        return super().inserted(load)


def test_a_load_that_moves_on_while_it_is_looked_at_is_no_finding(world: World) -> None:
    accounts = _Busy(world.parts.engine)
    accounts.world, accounts.load = world, world.enter(JOBS, DATA)
    ported: Accounts = accounts
    assert list(audit.Audit(world.parts.service.ledger, ported)()) == []
    assert world.get(accounts.load).counts.inserted == 2

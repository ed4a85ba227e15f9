"""A lease is renewed as long as a worker is at it."""

import threading
from collections.abc import Iterator

import pytest

import main
from core.errors import LeaseLost
from domain.load import Load
from infra.db.ledger import SqlLedger
from infra.lease import kept_lease
from tests.support import order, wait_for

LEASE = 0.03


class Watched(SqlLedger):
    """A ledger that counts renewals, and fails the first of them where asked to."""

    renewals = 0
    failures = 0

    def renew(self, load: Load, lease: float) -> None:
        self.renewals += 1
        if self.renewals <= self.failures:
            raise ConnectionError("the database is away")
        super().renew(load, lease)


@pytest.fixture
def ledger(parts: main.Composition) -> Watched:
    return Watched(parts.engine)


@pytest.fixture
def load(ledger: Watched) -> Load:
    load = ledger.claim(ledger.add(order(), background=True).id, "worker", LEASE)
    assert load is not None
    return load


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lease-")]


def lease_until(ledger: Watched, load: Load) -> object:
    found = ledger.get(load.id)
    assert found is not None
    return found.lease_until


def test_a_lease_is_renewed_again_and_again_until_the_end(ledger: Watched, load: Load) -> None:
    with kept_lease(ledger, load, LEASE):
        wait_for(lambda: ledger.renewals > 3)
        assert lease_until(ledger, load) != load.lease_until
    renewals = ledger.renewals
    wait_for(lambda: ledger.claim(load.id, "other", 60))
    assert ledger.renewals == renewals


def test_a_long_lease_is_not_renewed_in_a_short_time(ledger: Watched, load: Load) -> None:
    with kept_lease(ledger, load, 600):
        pass
    assert ledger.renewals == 0


def test_a_database_that_is_away_for_a_while_ends_no_lease(ledger: Watched, load: Load) -> None:
    ledger.failures = 2
    with kept_lease(ledger, load, LEASE):
        wait_for(lambda: ledger.renewals > 3)
    assert lease_until(ledger, load) != load.lease_until


def test_a_lease_that_was_lost_is_not_renewed_any_more(ledger: Watched, load: Load) -> None:
    wait_for(lambda: ledger.claim(load.id, "other", 60))
    until = lease_until(ledger, load)
    with kept_lease(ledger, load, LEASE):
        wait_for(lambda: not [t for t in threading.enumerate() if t.name.startswith("lease-")])
    assert ledger.renewals == 1
    assert lease_until(ledger, load) == until


def test_what_the_worker_raises_goes_through(ledger: Watched, load: Load) -> None:
    with pytest.raises(LeaseLost), kept_lease(ledger, load, 600):
        raise LeaseLost("gone")

"""What every ledger of loads does."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from core.errors import LeaseLost
from core.ports import SourceObject
from domain.load import Counts, Load, LoadOrder, LoadState, OnConflict, Position
from tests.contracts.sql import OnSqlite, Ports
from tests.support import JOBS, order, wait_for

FULL_ORDER = LoadOrder("jobs", "2021/jöbs.csv", 2**40, 2**41, 7, OnConflict.UPDATE)
SOURCE = SourceObject("jobs.csv", 2**40, "an etag")
ENDED = [state for state in LoadState if state.is_final]
LEFT = [*ENDED, LoadState.RETRY]


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def add(ports: Ports, *, background: bool = True) -> Load:
    return ports.ledger.add(order(JOBS), background=background)


def claim(ports: Ports, load: Load, owner: str = "worker", lease: float = 60) -> Load:
    claimed = ports.ledger.claim(load.id, owner, lease)
    assert claimed is not None
    return claimed


def abandoned(ports: Ports, *, background: bool = True) -> Load:
    """A load whose worker gave no sign of life for the whole of its lease."""
    load = claim(ports, add(ports, background=background), "dead", lease=0)
    wait_for(lambda: load.id in ports.ledger.waiting())
    return load


def closed(ports: Ports, state: LoadState, *, background: bool = True) -> Load:
    load = claim(ports, add(ports, background=background))
    ports.ledger.close(load, state)
    return load


def found(ports: Ports, load: Load) -> Load:
    found = ports.ledger.get(load.id)
    assert found is not None
    return found


class LedgerContract:
    """The suite for LoadLedger."""

    @pytest.mark.parametrize("background", [True, False])
    @pytest.mark.parametrize("wish", [order(), FULL_ORDER])
    def test_a_new_load_is_pending_with_empty_books(
        self, ports: Ports, wish: LoadOrder, *, background: bool
    ) -> None:
        before = now()
        load = ports.ledger.add(wish, background=background)
        assert before <= load.created_at <= now()
        assert load == Load(
            load.id, load.number, wish, background, LoadState.PENDING, load.created_at
        )
        assert found(ports, load) == load

    def test_every_load_has_an_id_of_its_own_and_a_greater_number(self, ports: Ports) -> None:
        loads = [add(ports) for _ in range(5)]
        assert len({load.id for load in loads}) == 5
        assert [load.number for load in loads] == sorted({load.number for load in loads})

    def test_there_is_nothing_under_an_unknown_id(self, ports: Ports) -> None:
        assert ports.ledger.get("no such id") is None
        assert ports.ledger.claim("no such id", "worker", 60) is None

    def test_a_claimed_load_is_started_and_has_an_owner_with_a_lease(self, ports: Ports) -> None:
        load = add(ports)
        before = now()
        claimed = claim(ports, load)
        assert claimed.started_at is not None and claimed.lease_until is not None
        assert before <= claimed.started_at <= now()
        assert before <= claimed.lease_until - dt.timedelta(seconds=60) <= now()
        assert (claimed.state, claimed.owner) == (LoadState.STARTED, "worker")
        assert (claimed.attempts, claimed.fence) == (1, load.fence + 1)
        assert found(ports, load) == claimed

    def test_only_one_of_many_workers_gets_a_load(self, ports: Ports) -> None:
        load = add(ports)
        with ThreadPoolExecutor(8) as pool:
            claims = list(pool.map(lambda n: ports.ledger.claim(load.id, f"{n}", 60), range(16)))
        assert len([claimed for claimed in claims if claimed]) == 1

    def test_a_load_is_taken_over_after_its_lease_and_not_before(self, ports: Ports) -> None:
        load = add(ports)
        first = claim(ports, load, "first", lease=0.05)
        taken: list[dt.datetime] = []

        def take_over() -> Load | None:
            second = ports.ledger.claim(load.id, "second", 60)
            taken.append(now())
            return second

        second = wait_for(take_over)
        assert first.lease_until is not None and taken[-1] > first.lease_until
        assert (second.owner, second.attempts) == ("second", 2)
        assert second.fence > first.fence
        assert second.started_at == first.started_at

    def test_a_lease_that_is_renewed_goes_on(self, ports: Ports) -> None:
        load = claim(ports, add(ports), lease=0)
        ports.ledger.renew(load, 60)
        assert ports.ledger.claim(load.id, "other", 60) is None
        renewed = found(ports, load).lease_until
        assert renewed is not None and renewed > now() + dt.timedelta(seconds=50)

    @pytest.mark.parametrize("state", ENDED)
    def test_a_load_that_is_over_is_never_claimed_again(
        self, ports: Ports, state: LoadState
    ) -> None:
        load = closed(ports, state)
        assert ports.ledger.claim(load.id, "other", 60) is None

    @pytest.mark.parametrize("state", ENDED)
    def test_a_load_that_is_over_has_an_end_and_no_owner(
        self, ports: Ports, state: LoadState
    ) -> None:
        load = claim(ports, add(ports))
        before = now()
        ports.ledger.close(load, state, "because")
        ended = found(ports, load)
        assert ended.finished_at is not None and before <= ended.finished_at <= now()
        assert (ended.state, ended.error) == (state, "because")
        assert (ended.owner, ended.lease_until) == (None, None)

    def test_a_load_that_is_handed_back_goes_on_at_once_where_it_was(self, ports: Ports) -> None:
        load = claim(ports, add(ports))
        ahead = replace(load, position=Position(9, 2, 1), counts=Counts(lines=2, processed=1))
        with ports.database.begin() as transaction:
            transaction.advance(ahead, 60)
        ports.ledger.close(ahead, LoadState.RETRY)
        assert found(ports, load).finished_at is None
        again = claim(ports, load, "other")
        assert (again.position, again.counts) == (ahead.position, ahead.counts)
        assert (again.attempts, again.fence) == (1, load.fence + 1)

    def test_a_load_is_tied_to_its_content(self, ports: Ports) -> None:
        load = claim(ports, add(ports))
        ports.ledger.identify(load, SOURCE, None)
        tied = replace(load, source_size=SOURCE.size, source_etag=SOURCE.etag)
        assert found(ports, load) == tied

    @pytest.mark.parametrize(
        "act",
        [
            lambda ports, load: ports.ledger.renew(load, 60),
            lambda ports, load: ports.ledger.identify(load, SOURCE, None),
            *(lambda ports, load, state=state: ports.ledger.close(load, state) for state in LEFT),
        ],
        ids=["renew", "identify", *LEFT],
    )
    @pytest.mark.parametrize("left", [None, *LEFT], ids=str)
    def test_a_worker_that_lost_its_load_changes_nothing(
        self, ports: Ports, act: Callable[[Ports, Load], None], left: LoadState | None
    ) -> None:
        stale = abandoned(ports)
        owner = claim(ports, stale, "owner")
        if left:
            ports.ledger.close(owner, left)
        before = found(ports, stale)
        with pytest.raises(LeaseLost):
            act(ports, stale)
        assert found(ports, stale) == before

    def test_a_worker_whose_lease_ended_goes_on_where_nobody_took_over(self, ports: Ports) -> None:
        load = abandoned(ports)
        ports.ledger.identify(load, SOURCE, None)
        ports.ledger.renew(load, 60)
        ports.ledger.close(load, LoadState.SUCCESS)
        assert found(ports, load).state is LoadState.SUCCESS

    def test_background_loads_wait_for_a_worker_oldest_first(self, ports: Ports) -> None:
        loads = [add(ports) for _ in range(4)]
        claim(ports, loads[1])
        ports.ledger.close(claim(ports, loads[2]), LoadState.RETRY)
        assert ports.ledger.waiting() == [loads[0].id, loads[2].id, loads[3].id]

    def test_loads_that_are_over_or_worked_on_do_not_wait(self, ports: Ports) -> None:
        for state in ENDED:
            closed(ports, state)
        claim(ports, add(ports))
        assert ports.ledger.waiting() == []

    def test_a_load_that_a_call_runs_itself_waits_only_once_the_call_left_it(
        self, ports: Ports
    ) -> None:
        add(ports, background=False)
        claim(ports, add(ports, background=False))
        assert ports.ledger.waiting() == []
        left = abandoned(ports, background=False), closed(ports, LoadState.RETRY, background=False)
        assert ports.ledger.waiting() == [load.id for load in left]

    def test_finished_background_loads_are_listed_newest_first(self, ports: Ports) -> None:
        ended = [closed(ports, state) for state in (LoadState.SUCCESS, LoadState.FAILURE)]
        closed(ports, LoadState.REVOKED)
        add(ports)
        claim(ports, add(ports))
        closed(ports, LoadState.RETRY)
        closed(ports, LoadState.SUCCESS, background=False)
        ids = [load.id for load in reversed(ended)]
        assert [load.id for load in ports.ledger.finished(20)] == ids
        assert [load.id for load in ports.ledger.finished(2)] == ids[:2]
        assert ports.ledger.finished(20) == [found(ports, load) for load in reversed(ended)]


class TestSqliteLedger(OnSqlite, LedgerContract):
    pass

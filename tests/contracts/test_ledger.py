"""What every ledger of loads does."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import polars as pl
import pytest

from core.errors import Conflict, KeyReused, LeaseLost, NotFound
from core.ports import IdempotencyKey, SourceObject
from domain.load import Counts, Load, LoadOrder, LoadState, OnConflict, Position
from domain.reject import Reason, Reject, RejectCode
from infra.db.engine import writing
from infra.db.schema import loads
from tests.contracts.sql import OnPostgresql, OnSqlite, Ports
from tests.support import DEPARTMENTS, JOBS, order, wait_for

FULL_ORDER = LoadOrder(
    "jobs",
    "2021/jöbs.csv",
    2**40,
    2**41,
    7,
    OnConflict.UPDATE,
    dry_run=True,
    force=True,
    reject_limit=2**40,
    reject_share=0.29,
    roll_back=True,
)
SOURCE = SourceObject("jobs.csv", 2**40, "an etag")
ENDED = [state for state in LoadState if state.is_final]
LEFT = [*ENDED, LoadState.RETRY]
KEY = IdempotencyKey("a client's name for it 😀", "f" * 64)
SHA256 = "a" * 64
IDS = pl.Series([1, 2], dtype=pl.Int64)
CHECKS = order(JOBS, roll_back=True)
REJECT = Reject(1, 1, b"x", None, (Reason("id", RejectCode.MISSING_VALUE, "id is missing"),))
# In the middle of a file with a header and a blank line.
BOOKS = Counts(lines=12, header=1, blank=1, processed=10, inserted=4, already_exists=3, errors=3)


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


def advanced(ports: Ports, load: Load) -> Load:
    """The load after a batch with one reject."""
    ahead = replace(load, position=Position(90, 12, 10), counts=BOOKS)
    with ports.database.begin() as transaction:
        transaction.add_rejects(load, [REJECT])
        transaction.advance(ahead, 60)
    return ahead


def succeeded(ports: Ports, wish: LoadOrder, sha256: str | None = SHA256) -> Load:
    """A load of content with that digest, as it is known before it succeeds."""
    load = claim(ports, ports.ledger.add(wish, background=True))
    identified = ports.ledger.identify(load, SOURCE, sha256)
    ports.ledger.close(load, LoadState.SUCCESS)
    return identified


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

    def test_a_load_that_rolls_back_begins_with_a_check(self, ports: Ports) -> None:
        assert ports.ledger.add(CHECKS, background=True).is_check
        assert not ports.ledger.add(replace(CHECKS, dry_run=True), background=True).is_check

    def test_the_same_key_enters_one_load_and_finds_it_again(self, ports: Ports) -> None:
        assert ports.ledger.find(KEY) is None
        load = ports.ledger.add(order(JOBS), background=True, key=KEY)
        claim(ports, load)
        other = ports.ledger.add(order(DEPARTMENTS), background=True, key=KEY)
        assert ports.ledger.find(KEY) == other == found(ports, load)
        assert len(ports.ledger.newest(10)) == 1

    def test_a_key_is_refused_for_another_request(self, ports: Ports) -> None:
        ports.ledger.add(order(JOBS), background=True, key=KEY)
        reused = replace(KEY, fingerprint="0" * 64)
        with pytest.raises(KeyReused):
            ports.ledger.add(order(JOBS), background=True, key=reused)
        with pytest.raises(KeyReused):
            ports.ledger.find(reused)
        assert len(ports.ledger.newest(10)) == 1

    def test_other_keys_and_none_enter_loads_of_their_own(self, ports: Ports) -> None:
        keys = (KEY, replace(KEY, key="other"), None, None)
        loads = [ports.ledger.add(order(JOBS), background=True, key=key) for key in keys]
        assert len({load.id for load in loads}) == 4

    def test_one_key_at_eight_doors_at_once_enters_one_load(self, ports: Ports) -> None:
        with ThreadPoolExecutor(8) as pool:
            loads = list(
                pool.map(
                    lambda _: ports.ledger.add(order(JOBS), background=True, key=KEY), range(8)
                )
            )
        assert len({load.id for load in loads}) == 1
        assert len(ports.ledger.newest(10)) == 1

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

    def test_the_same_content_in_the_same_table_is_known_again(self, ports: Ports) -> None:
        first = succeeded(ports, order(JOBS))
        again = succeeded(ports, order(JOBS, source="other name.csv", batch_size=3, roll_back=True))
        assert (first.repeats, again.repeats, again.sha256) == (None, first.id, SHA256)
        third = succeeded(ports, order(JOBS))
        assert third.repeats == first.id, "the one that put the content there, not a repetition"

    def test_the_earliest_load_of_the_content_is_named(self, ports: Ports) -> None:
        first = succeeded(ports, order(JOBS))
        succeeded(ports, order(JOBS, force=True))
        assert succeeded(ports, order(JOBS)).repeats == first.id

    @pytest.mark.parametrize(
        "first",
        [
            order(JOBS, start=1),
            order(JOBS, limit=10),
            order(JOBS, dry_run=True),
            order(JOBS, on_conflict=OnConflict.UPDATE),
            order(DEPARTMENTS),
        ],
        ids=["start", "limit", "dry run", "update", "other table"],
    )
    @pytest.mark.parametrize("is_first", [True, False])
    def test_a_load_of_another_kind_neither_is_repeated_nor_repeats(
        self, ports: Ports, first: LoadOrder, *, is_first: bool
    ) -> None:
        loads = (first, order(JOBS)) if is_first else (order(JOBS), first)
        assert [succeeded(ports, wish).repeats for wish in loads] == [None, None]

    def test_a_forced_load_repeats_nothing(self, ports: Ports) -> None:
        succeeded(ports, order(JOBS))
        assert succeeded(ports, order(JOBS, force=True)).repeats is None

    @pytest.mark.parametrize("sha256", ["b" * 64, None])
    def test_other_content_and_unknown_content_repeat_nothing(
        self, ports: Ports, sha256: str | None
    ) -> None:
        for known in (SHA256, None):
            succeeded(ports, order(JOBS), known)
        assert succeeded(ports, order(JOBS), sha256).repeats is None

    @pytest.mark.parametrize("state", [LoadState.FAILURE, LoadState.REVOKED, LoadState.RETRY, None])
    def test_content_of_a_load_that_did_not_succeed_is_not_repeated(
        self, ports: Ports, state: LoadState | None
    ) -> None:
        load = claim(ports, add(ports))
        ports.ledger.identify(load, SOURCE, SHA256)
        if state:
            ports.ledger.close(load, state)
        assert succeeded(ports, order(JOBS)).repeats is None

    def test_loading_begins_at_the_front_with_empty_books_after_a_check(self, ports: Ports) -> None:
        load = claim(ports, ports.ledger.add(CHECKS, background=True))
        with ports.database.begin() as transaction:
            assert transaction.rehearse(load, JOBS, IDS) == 2
        checked = advanced(ports, load)
        begun = ports.ledger.begin_loading(checked)
        assert (begun.position, begun.counts) == (Position(), Counts())
        assert not begun.is_check and begun.writes_rows
        assert ports.accounts.rejected(load) == 0
        assert found(ports, load) == begun
        with ports.database.begin() as transaction:
            assert transaction.rehearse(begun, JOBS, IDS) == 2

    def test_the_rate_of_the_second_pass_is_its_own(self, ports: Ports) -> None:
        load = claim(ports, ports.ledger.add(CHECKS, background=True))
        ports.ledger.close(advanced(ports, load), LoadState.RETRY)
        again = claim(ports, load)
        assert again.claimed_offset == 90
        begun = ports.ledger.begin_loading(again)
        assert begun.claimed_offset == 0
        assert begun.claimed_at is not None and again.claimed_at is not None
        assert begun.claimed_at > again.claimed_at

    @pytest.mark.parametrize(
        "act",
        [
            lambda ports, load: ports.ledger.renew(load, 60),
            lambda ports, load: ports.ledger.identify(load, SOURCE, None),
            lambda ports, load: ports.ledger.begin_loading(load),
            *(lambda ports, load, state=state: ports.ledger.close(load, state) for state in LEFT),
        ],
        ids=["renew", "identify", "begin_loading", *LEFT],
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

    def test_a_load_whose_call_died_before_it_began_waits_after_a_minute(
        self, ports: Ports
    ) -> None:
        load = add(ports, background=False)
        entered = load.created_at - dt.timedelta(seconds=61)
        with writing(ports.engine).begin() as connection:
            connection.execute(loads.update().values(created_at=entered))
        assert ports.ledger.waiting() == [load.id]

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

    def test_loads_of_every_kind_are_listed_newest_first(self, ports: Ports) -> None:
        loads = [
            add(ports),
            add(ports, background=False),
            *(closed(ports, state) for state in LEFT),
            claim(ports, add(ports)),
        ]
        ids = [load.id for load in reversed(loads)]
        assert [load.id for load in ports.ledger.newest(20)] == ids
        assert [load.id for load in ports.ledger.newest(2)] == ids[:2]
        assert ports.ledger.newest(1) == [found(ports, loads[-1])]

    def test_a_page_of_loads_goes_on_before_a_number(self, ports: Ports) -> None:
        loads = [add(ports) for _ in range(4)]
        page = ports.ledger.newest(2, before=loads[3].number)
        assert [load.id for load in page] == [loads[2].id, loads[1].id]
        assert ports.ledger.newest(2, before=loads[0].number) == []

    def test_loads_are_listed_by_their_state(self, ports: Ports) -> None:
        ended = {state: closed(ports, state) for state in LEFT}
        ended[LoadState.PENDING], other = add(ports), add(ports)
        ended[LoadState.STARTED] = claim(ports, other)
        for state, load in ended.items():
            assert [found.id for found in ports.ledger.newest(9, state=state)] == [load.id]
            assert ports.ledger.newest(9, before=load.number, state=state) == []

    @pytest.mark.parametrize("background", [True, False])
    def test_a_load_that_waits_is_cancelled_at_once(
        self, ports: Ports, *, background: bool
    ) -> None:
        load = add(ports, background=background)
        before = now()
        cancelled = ports.ledger.cancel(load.id)
        assert (cancelled.state, cancelled.error) == (LoadState.REVOKED, "cancelled")
        assert cancelled.finished_at is not None and before <= cancelled.finished_at <= now()
        assert cancelled == found(ports, load)
        assert ports.ledger.waiting() == []
        assert ports.ledger.claim(load.id, "worker", 60) is None

    def test_a_load_that_waits_for_another_try_is_cancelled_at_once(self, ports: Ports) -> None:
        load = claim(ports, add(ports))
        ports.ledger.close(load, LoadState.RETRY, "no answer", wait=600)
        assert ports.ledger.cancel(load.id).state is LoadState.REVOKED

    def test_a_load_that_is_worked_on_is_cancelled_at_its_next_batch_end(
        self, ports: Ports
    ) -> None:
        load = claim(ports, add(ports))
        with ports.database.begin() as transaction:
            assert transaction.advance(load, 60) is False
        cancelled = ports.ledger.cancel(load.id)
        assert (cancelled.state, cancelled.cancel_requested) == (LoadState.STARTED, True)
        assert cancelled == ports.ledger.cancel(load.id), "to ask twice changes nothing"
        with ports.database.begin() as transaction:
            assert transaction.advance(load, 60) is True
        ports.ledger.close(load, LoadState.REVOKED)

    def test_a_load_that_its_worker_left_is_cancelled_at_once_and_for_good(
        self, ports: Ports
    ) -> None:
        load = abandoned(ports)
        cancelled = ports.ledger.cancel(load.id)
        assert (cancelled.state, cancelled.owner) == (LoadState.REVOKED, None)
        for act in (
            lambda: ports.ledger.close(load, LoadState.SUCCESS),
            lambda: advanced(ports, load),
        ):
            with pytest.raises(LeaseLost):
                act()
        ports.ledger.retry(load.id)
        claim(ports, load, "other")
        with pytest.raises(LeaseLost):
            ports.ledger.close(load, LoadState.SUCCESS)

    @pytest.mark.parametrize("state", ENDED)
    def test_a_load_that_is_over_is_not_cancelled(self, ports: Ports, state: LoadState) -> None:
        load = closed(ports, state)
        before = found(ports, load)
        with pytest.raises(Conflict, match=state):
            ports.ledger.cancel(load.id)
        assert found(ports, load) == before

    def test_what_is_unknown_is_neither_cancelled_nor_tried_again(self, ports: Ports) -> None:
        for act in (ports.ledger.cancel, ports.ledger.retry):
            with pytest.raises(NotFound, match="no such id"):
                act("no such id")

    @pytest.mark.parametrize("state", [LoadState.FAILURE, LoadState.REVOKED])
    def test_a_load_that_failed_or_was_cancelled_goes_on_where_it_stopped(
        self, ports: Ports, state: LoadState
    ) -> None:
        load = claim(ports, add(ports))
        ports.ledger.cancel(load.id)
        ahead = advanced(ports, load)
        ports.ledger.close(load, state, "because")
        again = ports.ledger.retry(load.id)
        assert (again.state, again.error, again.finished_at) == (LoadState.RETRY, None, None)
        assert (again.position, again.counts, again.attempts) == (ahead.position, BOOKS, 0)
        assert ports.ledger.waiting() == [load.id]
        again = claim(ports, load)
        assert (again.attempts, again.cancel_requested) == (1, False)
        with ports.database.begin() as transaction:
            assert transaction.advance(again, 60) is False

    @pytest.mark.parametrize("state", [LoadState.FAILURE, LoadState.REVOKED])
    @pytest.mark.parametrize("wish", [CHECKS, order(JOBS, dry_run=True)], ids=["check", "dry run"])
    def test_a_load_that_wrote_no_row_begins_again(
        self, ports: Ports, wish: LoadOrder, state: LoadState
    ) -> None:
        load = claim(ports, ports.ledger.add(wish, background=True))
        with ports.database.begin() as transaction:
            assert transaction.rehearse(load, JOBS, IDS) == 2
        advanced(ports, load)
        ports.ledger.close(load, state)
        again = ports.ledger.retry(load.id)
        assert (again.position, again.counts) == (Position(), Counts())
        assert ports.accounts.rejected(load) == 0
        with ports.database.begin() as transaction:
            assert transaction.rehearse(again, JOBS, IDS) == 2

    def test_a_load_that_did_not_fail_is_not_tried_again(self, ports: Ports) -> None:
        loads = [add(ports), claim(ports, add(ports))]
        loads += [closed(ports, state) for state in (LoadState.SUCCESS, LoadState.RETRY)]
        for load in loads:
            before = found(ports, load)
            with pytest.raises(Conflict, match=before.state):
                ports.ledger.retry(load.id)
            assert found(ports, load) == before

    def test_a_load_that_met_a_fault_waits_before_it_is_taken_again(self, ports: Ports) -> None:
        load = claim(ports, add(ports))
        before = now()
        ports.ledger.close(load, LoadState.RETRY, "no answer", wait=0.05)
        assert ports.ledger.waiting() == []
        wait_for(ports.ledger.waiting)
        assert now() >= before + dt.timedelta(seconds=0.05)
        again = claim(ports, load)
        assert again.attempts == 2, "a fault counts as an attempt"
        ports.ledger.close(again, LoadState.RETRY)
        assert ports.ledger.waiting() == [load.id], "the wait is over for good"

    @pytest.mark.parametrize("state", [LoadState.FAILURE, LoadState.REVOKED])
    def test_a_load_that_ends_while_it_checks_has_processed_its_rejects_alone(
        self, ports: Ports, state: LoadState
    ) -> None:
        load = claim(ports, ports.ledger.add(CHECKS, background=True))
        advanced(ports, load)
        ports.ledger.close(load, state)
        counts = found(ports, load).counts
        assert counts == Counts(lines=12, header=1, blank=1, skipped=7, processed=3, errors=3)
        assert counts.balanced
        assert ports.accounts.rejected(load) == 1

    def test_a_check_that_is_cancelled_as_it_waits_has_processed_its_rejects_alone(
        self, ports: Ports
    ) -> None:
        load = claim(ports, ports.ledger.add(CHECKS, background=True))
        ports.ledger.close(advanced(ports, load), LoadState.RETRY)
        assert found(ports, load).counts == BOOKS
        counts = ports.ledger.cancel(load.id).counts
        assert (counts.processed, counts.errors, counts.balanced) == (3, 3, True)

    @pytest.mark.parametrize("state", ENDED)
    def test_the_books_of_a_load_that_wrote_rows_stay(self, ports: Ports, state: LoadState) -> None:
        load = claim(ports, ports.ledger.add(CHECKS, background=True))
        begun = advanced(ports, ports.ledger.begin_loading(load))
        ports.ledger.close(begun, state)
        assert found(ports, load).counts == BOOKS


class TestSqliteLedger(OnSqlite, LedgerContract):
    pass


class TestPostgresqlLedger(OnPostgresql, LedgerContract):
    pass

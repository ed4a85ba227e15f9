"""Loads are entered with limits, and run at once or by a worker."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import main
from core.errors import Conflict, InvalidRequest, KeyReused, LoadFailed, NotFound, QueueFull
from core.ports import IdempotencyKey
from core.start_load import StartLoad
from domain.load import LoadOrder, LoadState
from tests.fakes import Doorbell
from tests.support import JOBS, order


@pytest.fixture
def bell() -> Doorbell:
    return Doorbell()


@pytest.fixture
def start(parts: main.Composition, source: Path, bell: Doorbell) -> StartLoad:
    (source / "jobs.csv").write_bytes(b"1,Tailor\n2,\n3,Smith\n")
    return replace(parts.service.start_load, queue=bell, max_waiting=2)


NONSENSE = {
    "start": [replace(order(), start=-1)],
    "limit": [replace(order(), limit=0), replace(order(), limit=-1)],
    "batch_size": [replace(order(), batch_size=0), replace(order(), batch_size=2**63)],
    "reject_limit": [replace(order(), reject_limit=-1), replace(order(), reject_limit=2**63)],
    "reject_share": [
        replace(order(), reject_share=share) for share in (-0.1, 1.1, float("nan"), float("inf"))
    ],
    "table must be one of departments": [replace(order(), table="nothing")],
}


@pytest.mark.parametrize(
    ("name", "wish"), [(name, wish) for name, wishes in NONSENSE.items() for wish in wishes]
)
def test_an_order_that_makes_no_sense_is_refused_by_name(
    start: StartLoad, bell: Doorbell, name: str, wish: LoadOrder
) -> None:
    for begin in (start.later, start.now):
        with pytest.raises(InvalidRequest, match=name):
            begin(wish)
    assert start.ledger.waiting() == bell.rung == []


EDGES: list[dict[str, Any]] = [
    {"start": 2**63 - 1, "limit": 2**63 - 1, "batch_size": 2**63 - 1, "reject_limit": 2**63 - 1},
    {"reject_share": 1, "reject_limit": 0},
    {"reject_share": 0.0},
]


@pytest.mark.parametrize("wish", EDGES, ids=str)
def test_an_order_at_the_edge_of_what_makes_sense_runs(
    start: StartLoad, wish: dict[str, Any]
) -> None:
    load = start.later(order(JOBS, **wish))
    start.run(load.id)
    ended = start.ledger.get(load.id)
    assert ended is not None and ended.order == load.order
    assert ended.counts.balanced and "unexpected" not in str(ended.error)


KEY = IdempotencyKey("mine", "f" * 64)


def test_a_request_that_is_sent_again_returns_its_load_even_if_no_more_may_wait(
    start: StartLoad, bell: Doorbell
) -> None:
    load = start.later(order(JOBS), KEY)
    start.later(order(JOBS))
    assert start.later(order(JOBS), KEY) == load
    with pytest.raises(QueueFull):
        start.later(order(JOBS), replace(KEY, key="other"))
    with pytest.raises(KeyReused):
        start.later(order(JOBS), replace(KEY, fingerprint="0" * 64))
    assert len(bell.rung) == 2


def test_a_load_that_goes_on_is_rung_for(start: StartLoad, bell: Doorbell) -> None:
    load = start.later(order(JOBS, reject_limit=0, batch_size=1))
    start.run(load.id)
    again = start.again(load.id)
    assert (again.state, again.counts.processed) == (LoadState.RETRY, 2)
    assert bell.rung == [load.id, load.id]
    assert start.ledger.waiting() == [load.id]


def test_only_a_load_that_failed_or_was_cancelled_goes_on(start: StartLoad, bell: Doorbell) -> None:
    load = start.later(order(JOBS))
    with pytest.raises(Conflict):
        start.again(load.id)
    with pytest.raises(NotFound):
        start.again("no such id")
    assert bell.rung == [load.id]


def test_a_load_for_later_waits_in_the_ledger_and_a_worker_is_rung_for(
    start: StartLoad, bell: Doorbell
) -> None:
    load = start.later(order(JOBS))
    assert (load.state, load.background) == (LoadState.PENDING, True)
    assert start.ledger.waiting() == bell.rung == [load.id]


def test_no_more_loads_wait_than_are_allowed(start: StartLoad, bell: Doorbell) -> None:
    loads = [start.later(order(JOBS)) for _ in range(2)]
    with pytest.raises(QueueFull, match="2 loads are waiting"):
        start.later(order(JOBS))
    assert bell.rung == [load.id for load in loads]
    start.run(loads[0].id)
    assert start.later(order(JOBS)).state is LoadState.PENDING


def test_a_load_that_runs_at_once_returns_how_it_ended(start: StartLoad, bell: Doorbell) -> None:
    told: list[int] = []
    load = start.now(order(JOBS, batch_size=2), lambda load: told.append(load.counts.processed))
    assert (load.state, load.background, load.counts.inserted) == (LoadState.SUCCESS, False, 2)
    assert told == [2, 3]
    assert bell.rung == []


def test_a_load_that_fails_at_once_says_why(start: StartLoad) -> None:
    with pytest.raises(LoadFailed, match=r"nowhere\.csv"):
        start.now(order(JOBS, source="nowhere.csv"))


def test_a_load_that_has_to_stop_says_that_a_worker_will_end_it(start: StartLoad) -> None:
    stopping = replace(start, run=replace(start.run, should_stop=lambda: True))
    with pytest.raises(LoadFailed, match="was interrupted; a worker will end it"):
        stopping.now(order(JOBS, batch_size=1))
    (waiting,) = start.ledger.waiting()
    start.run(waiting)
    ended = start.ledger.get(waiting)
    assert ended is not None and ended.state is LoadState.SUCCESS


def test_a_ledger_that_does_not_answer_fails_the_load(
    start: StartLoad, parts: main.Composition
) -> None:
    with parts.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE loads RENAME TO gone")
    with pytest.raises(LoadFailed, match="the database does not answer"):
        start.now(order(JOBS))

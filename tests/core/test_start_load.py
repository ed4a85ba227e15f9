"""Loads are entered with limits, and run at once or by a worker."""

from dataclasses import replace
from pathlib import Path

import pytest

import main
from core.errors import InvalidRequest, LoadFailed, QueueFull
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
    "batch_size": [replace(order(), batch_size=0), replace(order(), batch_size=-1)],
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

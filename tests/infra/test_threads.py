"""Worker threads run what waits, whether or not somebody rings."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from infra.broker.threads import WorkerThreads
from tests.support import wait_for

LONG = 600.0
SHORT = 0.005


class Ledger:
    """Loads that wait, and how often somebody looked for them."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.looks = 0
        self.failures = 0
        self.ran: list[str] = []
        self._lock = threading.Lock()

    def waiting(self) -> Sequence[str]:
        with self._lock:
            self.looks += 1
            if self.failures:
                self.failures -= 1
                raise ConnectionError("the database is away")
            return list(self.ids)

    def run(self, load_id: str) -> None:
        with self._lock:
            if load_id in self.ids:
                self.ids.remove(load_id)
                self.ran.append(load_id)


Start = Callable[..., WorkerThreads]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def start(ledger: Ledger) -> Iterator[Start]:
    """Starts workers, and sees to it that they end."""
    started: list[WorkerThreads] = []

    def start(
        interval: float = LONG, count: int = 1, run: Callable[[str], None] = ledger.run
    ) -> WorkerThreads:
        workers = WorkerThreads(
            run, ledger.waiting, threading.Event(), count=count, interval=interval
        )
        started.append(workers)
        workers.start()
        return workers

    yield start
    for workers in started:
        workers.stop(10)
        assert not any(thread.is_alive() for thread in workers._threads)


def test_what_waits_at_the_start_is_run_in_order(ledger: Ledger, start: Start) -> None:
    ledger.ids = ["a", "b", "c"]
    start()
    wait_for(lambda: len(ledger.ran) == 3)
    assert ledger.ran == ["a", "b", "c"]


def test_a_ring_wakes_the_workers(ledger: Ledger, start: Start) -> None:
    workers = start(count=2)
    wait_for(lambda: ledger.looks == 2)
    ledger.ids.append("a")
    workers.ring("a")
    wait_for(lambda: ledger.ran == ["a"])


def test_a_ring_while_all_are_busy_is_heard_afterwards(ledger: Ledger, start: Start) -> None:
    busy, go_on = threading.Event(), threading.Event()

    def run(load_id: str) -> None:
        ledger.run(load_id)
        busy.set()
        assert go_on.wait(10)

    ledger.ids = ["a"]
    workers = start(run=run)
    assert busy.wait(10)
    ledger.ids.append("b")
    workers.ring("b")
    go_on.set()
    wait_for(lambda: ledger.ran == ["a", "b"])


def test_work_that_nobody_rang_for_is_found(ledger: Ledger, start: Start) -> None:
    start(SHORT)
    wait_for(lambda: ledger.looks > 1)
    ledger.ids.append("a")
    wait_for(lambda: ledger.ran == ["a"])


def test_a_ledger_that_is_away_for_a_while_stops_nobody(ledger: Ledger, start: Start) -> None:
    ledger.failures = 3
    ledger.ids = ["a"]
    start(SHORT)
    wait_for(lambda: ledger.ran == ["a"])


def test_a_run_that_raises_stops_nobody(ledger: Ledger, start: Start) -> None:
    def run(load_id: str) -> None:
        ledger.run(load_id)
        raise ConnectionError("the database is away")

    ledger.ids = ["a", "b"]
    start(SHORT, run=run)
    wait_for(lambda: ledger.ran == ["a", "b"])


def test_workers_that_are_stopped_take_nothing_more(ledger: Ledger, start: Start) -> None:
    running = threading.Event()
    stopping = threading.Event()

    def run(load_id: str) -> None:
        ledger.run(load_id)
        running.set()
        assert stopping.wait(10)

    ledger.ids = ["a", "b"]
    workers = start(run=run)
    assert running.wait(10)
    workers.stop(0)
    stopping.set()
    workers.stop(10)
    assert ledger.ran == ["a"]


def test_sleeping_workers_end_at_once_when_they_are_stopped(ledger: Ledger, start: Start) -> None:
    workers = start(count=3)
    wait_for(lambda: ledger.looks == 3)
    workers.stop(10)
    assert not any(thread.is_alive() for thread in workers._threads)


def test_workers_may_be_rung_for_and_stopped_before_they_were_started(ledger: Ledger) -> None:
    workers = WorkerThreads(ledger.run, ledger.waiting, threading.Event(), count=1, interval=LONG)
    workers.ring("a")
    workers.stop(1)
    workers.start()
    workers.stop(10)
    assert ledger.looks == 0


def test_there_is_no_broker_to_reach(start: Start) -> None:
    assert start().is_reachable() is None

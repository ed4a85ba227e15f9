"""A worker in a process of its own, which can be killed or frozen at a chosen point."""

import itertools
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.process import BaseProcess

import main
from config import Settings
from core.run_load import RunLoad
from infra.csv import blocks
from infra.lease import kept_lease
from tests.faults.tripwire import Tripwire, watched

# Forked from a process that has everything imported, so that hundreds of them start quickly.
processes = multiprocessing.get_context("forkserver")

_GIVE_UP = 30.0


def start(load_id: str, environment: dict[str, str], **fault: object) -> BaseProcess:
    """Start a worker that runs the load to its end; `fault` goes to `_work`."""
    process = processes.Process(target=_work, args=(load_id, environment), kwargs=fault)
    process.start()
    return process


def _work(
    load_id: str,
    environment: dict[str, str],
    *,
    at: int | None = None,
    point: str | None = None,
    number: int = signal.SIGKILL,
    block_size: int = 2000,
) -> None:
    """Run the load; send signal `number` to itself at the `at`-th pass of `point`, or of any."""
    os.environ.update(environment)
    blocks.BLOCK_SIZE = block_size
    parts = main.compose(Settings.load())
    run = parts.service.start_load.run
    trip = _signal_at(at, point, number) if at else _never
    run = watched(run, trip)
    # The lease is renewed through the watched ledger, so that the fault can strike there too.
    run = replace(run, keep_lease=partial(kept_lease, run.ledger, lease=run.lease))
    run_to_end(run, load_id)


def run_to_end(run: RunLoad, load_id: str) -> None:
    """Run a load, and again once it is free, until it is over."""

    def is_over() -> bool:
        run(load_id)
        load = run.ledger.get(load_id)
        return load is not None and load.state.is_final

    until(is_over)


def until(condition: Callable[[], object], *, seconds: float = _GIVE_UP) -> None:
    """Wait until the condition holds; raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the condition does not come true")
        time.sleep(0.02)


def _never(_point: str) -> None:
    pass


def _signal_at(at: int, point: str | None, number: int) -> Tripwire:
    passes = itertools.count(1)

    def trip(name: str) -> None:
        if point in (None, name) and next(passes) == at:
            os.kill(os.getpid(), number)

    return trip

"""Workers that are killed or frozen at any moment: the result is that of an unbroken load.

`make torture` runs many more seeds; FAULT_SEED replays one that failed.
"""

import os
import random
import signal
from pathlib import Path

import pytest

from tests.faults import worker
from tests.faults.stage import Stage, employees, order
from tests.faults.tripwire import POINTS

_FIRST_SEED = int(os.environ.get("FAULT_SEED", "1"))
_SEEDS = range(_FIRST_SEED, _FIRST_SEED + int(os.environ.get("FAULT_COUNT", "25")))


@pytest.mark.parametrize("seed", _SEEDS)
def test_killed_workers_change_nothing(any_stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    data = employees(chance, 250)
    load = any_stage.enter(data, order(chance))
    for _ in range(chance.randint(1, 3)):
        # Either at the n-th pass of one point, or at the n-th pass of any.
        point = chance.choice([None, *POINTS])
        at = chance.randint(1, 150) if point is None else chance.randint(1, 6)
        worker.start(load.id, any_stage.environment, at=at, point=point).join()
    final = worker.start(load.id, any_stage.environment)
    final.join()
    assert final.exitcode == 0
    any_stage.assert_as_unbroken(load, data)


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_a_named_point_changes_nothing(any_stage: Stage, point: str) -> None:
    chance = random.Random(point)
    data = employees(chance, 100)
    load = any_stage.enter(data, order(chance, batch_size=20))
    # A beat of the lease needs time to come, so that point may not be reached; all others are.
    killed = worker.start(load.id, any_stage.environment, at=1, point=point)
    killed.join()
    assert killed.exitcode == -signal.SIGKILL or point.endswith("renew")
    worker.start(load.id, any_stage.environment).join()
    any_stage.assert_as_unbroken(load, data)


@pytest.mark.parametrize("seed", _SEEDS[:3] if len(_SEEDS) <= 25 else _SEEDS[:50])
def test_kill_at_a_random_moment_changes_nothing(any_stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    data = employees(chance, 250)
    load = any_stage.enter(data, order(chance, batch_size=5))
    for _ in range(3):
        process = worker.start(load.id, any_stage.environment)
        process.join(timeout=chance.uniform(0.05, 0.8))
        process.kill()
        process.join()
    worker.start(load.id, any_stage.environment).join()
    any_stage.assert_as_unbroken(load, data)


@pytest.mark.parametrize("point", ["after claim", "after read", "before begin", "after commit"])
def test_a_frozen_worker_that_wakes_late_cannot_write(any_stage: Stage, point: str) -> None:
    chance = random.Random(point)
    data = employees(chance, 150)
    load = any_stage.enter(data, order(chance, batch_size=20))
    frozen = worker.start(load.id, any_stage.environment, at=1, point=point, number=signal.SIGSTOP)
    assert frozen.pid is not None
    status = Path(f"/proc/{frozen.pid}/stat")
    worker.until(lambda: status.read_text().rpartition(")")[2].split()[0] == "T")
    fence = any_stage.load(load).fence
    worker.start(load.id, any_stage.environment).join()
    assert any_stage.load(load).fence == fence + 1
    any_stage.assert_as_unbroken(load, data)
    os.kill(frozen.pid, signal.SIGCONT)
    frozen.join()
    assert frozen.exitcode == 0
    any_stage.assert_as_unbroken(load, data)


def test_two_workers_on_one_abandoned_load(any_stage: Stage) -> None:
    chance = random.Random(0)
    data = employees(chance, 250)
    load = any_stage.enter(data, order(chance, batch_size=10))
    worker.start(load.id, any_stage.environment, at=40).join()
    both = [worker.start(load.id, any_stage.environment) for _ in range(2)]
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    any_stage.assert_as_unbroken(load, data)

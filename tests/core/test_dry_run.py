"""A dry run says what a real load would do, and a load that rolls back does what it checked."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from domain.load import Counts, Load, LoadState, OnConflict
from tests import hostile
from tests.support import EMPLOYEES, JOBS
from tests.world import Crash, World


def result(world: World, load: Load) -> tuple[LoadState, Counts, object]:
    return load.state, load.counts, world.rejected(load)


@pytest.mark.parametrize("on_conflict", OnConflict)
@pytest.mark.parametrize("seed", range(4))
def test_a_dry_run_has_the_numbers_and_rejects_of_the_real_load(
    world: World, seed: int, on_conflict: OnConflict
) -> None:
    random = Random(seed)
    table = (EMPLOYEES, JOBS)[seed % 2]
    data = hostile.file(random, table, 120, ids=40)
    wish: dict[str, Any] = random.choice(({}, {"start": 30}, {"start": 10, "limit": 70}))
    wish |= {"on_conflict": on_conflict, "batch_size": random.choice((25, 500))}
    before = world.content(table)
    hand_backs = seed < 2
    dry = world.load(table, data, dry_run=True, hand_backs=hand_backs, **wish)
    assert world.content(table) == before
    again = world.load(table, data, dry_run=True, **wish)
    assert result(world, again) == result(world, dry), "nothing is left of a rehearsal"
    checked = world.load(table, data, roll_back=True, hand_backs=hand_backs, **wish)
    assert result(world, checked) == result(world, dry)
    assert (world.content(table) == before) is (dry.counts.inserted + dry.counts.updated == 0)
    assert list(world.parts.service.audit()) == []


def test_a_repeated_id_is_counted_once_whatever_batch_it_is_in(world: World) -> None:
    data = b"31,a\n32,b\n31,c\n1,d\n33,\n32,e\n31,f\n"
    for on_conflict, name in ((OnConflict.SKIP, "already_exists"), (OnConflict.UPDATE, "updated")):
        dry = [
            world.load(JOBS, data, dry_run=True, batch_size=size, on_conflict=on_conflict)
            for size in (1, 3, 100)
        ]
        expected = Counts(lines=7, processed=7, inserted=2, errors=1)
        assert {load.counts for load in dry} == {replace(expected, **{name: 4})}


def test_a_dry_run_that_goes_on_after_a_crash_remembers_what_it_saw(world: World) -> None:
    data = b"31,a\n32,b\n31,c\n32,d\n33,e\n"
    load = world.enter(JOBS, data, dry_run=True, batch_size=2)
    with pytest.raises(Crash):
        world.crashing(after=1)(load.id)
    ended = world.take_over(load)
    assert (ended.counts.inserted, ended.counts.already_exists) == (3, 2)


def test_dry_runs_neither_repeat_a_load_nor_are_repeated(world: World) -> None:
    data = b"31,a\n"
    loads = [world.load(JOBS, data, dry_run=dry_run) for dry_run in (True, False, True, False)]
    assert [load.repeats for load in loads] == [None, None, None, loads[1].id]


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_load_that_rolls_back_leaves_no_trace_wherever_its_worker_died(
    world: World, after: int
) -> None:
    before = world.content(JOBS)
    load = world.enter(
        JOBS, b"1,x\n31,a\n32,\n33,b\n34,\n", roll_back=True, reject_limit=1, batch_size=2,
        on_conflict=OnConflict.UPDATE,
    )  # fmt: skip
    with pytest.raises(Crash):
        world.crashing(after)(load.id)
    assert world.content(JOBS) == before
    ended = world.take_over(load)
    assert ended.counts == Counts(lines=5, processed=2, skipped=3, errors=2)
    assert (ended.state, world.content(JOBS)) == (LoadState.FAILURE, before)
    world.parts.service.ledger.retry(load.id)
    world.worker()(load.id)
    assert world.get(load).counts == ended.counts
    assert world.content(JOBS) == before
    assert list(world.parts.service.audit()) == []

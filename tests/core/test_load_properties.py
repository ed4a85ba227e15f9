"""A load does with any file what the oracle does, whatever its batches and interruptions."""

from dataclasses import replace
from functools import reduce
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import batches
from domain.load import Counts, LoadState, OnConflict
from domain.table import Table
from tests import hostile, oracle
from tests.support import EMPLOYEES, JOBS, content, examples, rejected
from tests.world import PARENTS, World

Ended = tuple[LoadState, Counts, dict[int, oracle.Row], list[oracle.Rejected]]


def expected(
    table: Table, data: bytes, stored: dict[int, oracle.Row], wish: dict[str, Any]
) -> Ended:
    try:
        found = oracle.load(data, table, parents=PARENTS, stored=stored, **wish)
    except oracle.BadHeader:
        return LoadState.FAILURE, Counts(), stored, []
    return LoadState.SUCCESS, found.counts, found.rows, found.rejects


def assert_loads_as_expected(
    world: World, table: Table, data: bytes, wish: dict[str, Any], how: dict[str, Any]
) -> None:
    world.reset()
    before = content(world.parts, table)
    on_conflict = OnConflict.UPDATE if wish.get("update") else OnConflict.SKIP
    window = {name: value for name, value in wish.items() if name != "update"}
    load = world.load(table, data, on_conflict=on_conflict, **window, **how)
    found = load.state, load.counts, content(world.parts, table), rejected(world.parts, load)
    assert found == expected(table, data, before, wish)
    assert load.counts.balanced


wishes = st.fixed_dictionaries(
    {"update": st.booleans()},
    optional={"start": st.integers(0, 12), "limit": st.integers(1, 12)},
)
ways = st.fixed_dictionaries({"batch_size": st.integers(3, 9), "hand_backs": st.booleans()})


@examples(15)
@given(
    random=st.randoms(use_true_random=False),
    table=st.sampled_from((EMPLOYEES, EMPLOYEES, JOBS)),
    wish=wishes,
    how=ways,
    rows=st.integers(0, 15),
)
def test_any_window_of_any_file_ends_as_in_the_oracle(
    world: World,
    random: Random,
    table: Table,
    wish: dict[str, Any],
    how: dict[str, Any],
    rows: int,
) -> None:
    data = hostile.file(random, table, rows, ids=10)
    assert_loads_as_expected(world, table, data, wish, how)


@pytest.mark.parametrize("seed", range(8))
def test_a_thousand_hostile_rows_end_as_in_the_oracle(
    world: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    table = random.choice((EMPLOYEES, EMPLOYEES, JOBS))
    data = hostile.file(random, table, 1000, ids=random.choice((5, 300, 10**6)))
    wish = random.choice(({}, {"start": 300}, {"limit": 600}, {"start": 500, "limit": 400}))
    how = {
        "batch_size": random.choice((200, 333, 5000)),
        "hand_backs": random.choice((True, False)),
    }
    monkeypatch.setattr(batches, "MAX_COMMIT", random.choice((150, 50_000)))
    assert_loads_as_expected(world, table, data, {"update": seed % 3 == 0, **wish}, how)


@examples(6)
@given(
    random=st.randoms(use_true_random=False),
    cuts=st.lists(st.integers(1, 30), max_size=4, unique=True).map(sorted),
    update=st.booleans(),
)
def test_window_after_window_ends_as_one_load_of_all(
    world: World, random: Random, cuts: list[int], *, update: bool
) -> None:
    world.reset()
    before = content(world.parts, EMPLOYEES)
    data = hostile.file(random, EMPLOYEES, 25, ids=10)
    on_conflict = OnConflict.UPDATE if update else OnConflict.SKIP
    starts = [0, *cuts]
    sizes = [end - start for start, end in zip(starts, cuts, strict=False)]
    loads = [
        world.load(EMPLOYEES, data, start=start, limit=limit, on_conflict=on_conflict)
        for start, limit in zip(starts, [*sizes, None], strict=True)
    ]
    state, counts, rows, rejects = expected(EMPLOYEES, data, before, {"update": update})
    assert {load.state for load in loads} == {state}
    assert content(world.parts, EMPLOYEES) == rows
    assert [reject for load in loads for reject in rejected(world.parts, load)] == rejects
    assert of_rows(reduce(Counts.__add__, (load.counts for load in loads))) == of_rows(counts)


def of_rows(counts: Counts) -> Counts:
    """The books without the lines that every window reads again."""
    return replace(counts, lines=0, header=0, blank=0, skipped=0)

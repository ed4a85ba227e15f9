"""A load does with any file what the oracle does, whatever its batches and interruptions."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import main
from core import batches
from core.run_load import RunLoad
from domain.load import Counts, Load, LoadState, OnConflict
from domain.table import Table
from tests import hostile, oracle
from tests.fakes import MemoryStore
from tests.support import (
    DEPARTMENTS,
    EMPLOYEES,
    JOBS,
    NEW_YEAR,
    content,
    employee,
    examples,
    forget,
    order,
    put,
    put_parents,
    rejected,
)

Ended = tuple[LoadState, Counts, dict[int, oracle.Row], list[oracle.Rejected]]


@dataclass(frozen=True)
class World:
    """A service with some rows stored, and what it takes to load a file into it."""

    parts: main.Composition
    store: MemoryStore

    def load(self, table: Table, data: bytes, *, hand_backs: bool = False, **wish: object) -> Load:
        """Load a file; a worker may hand the load back after each batch and another go on."""
        self.store.put(f"{table.name}.csv", data)
        ledger = self.parts.service.ledger
        load = ledger.add(order(table, **wish), background=True)
        run = self._run(hand_backs=hand_backs)
        while not load.state.is_final:
            run(load.id)
            load = ledger.get(load.id) or load
        return load

    def _run(self, *, hand_backs: bool) -> RunLoad:
        run = self.parts.service.start_load.run
        return replace(run, store=self.store, should_stop=lambda: hand_backs)

    def reset(self) -> None:
        """Take everything out but the parents and a few employees."""
        forget(self.parts)
        put_parents(self.parts.service.insert_rows.database)
        put(self.parts.service.insert_rows.database, EMPLOYEES, STORED)


STORED = [employee(number, NEW_YEAR) for number in (3, 7, 1000)]
PARENTS = {DEPARTMENTS.name: range(1, 6), JOBS.name: range(1, 6)}


@pytest.fixture
def world(parts: main.Composition) -> Iterator[World]:
    world = World(parts, MemoryStore())
    world.reset()
    yield world


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

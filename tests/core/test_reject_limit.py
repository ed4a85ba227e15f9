"""A load with too many rejects stops at one certain row, or leaves no trace."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import batches, reject_limit
from core.reject_limit import first_beyond, is_beyond
from domain.load import Counts, Load, LoadState
from tests.support import JOBS, NEW_YEAR, examples, order
from tests.world import Crash, World

FEW = 10


@contextmanager
def sizes(min_rows: int, max_commit: int) -> Iterator[None]:
    """Shares are judged from so many rows on; so many rows are committed at most."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reject_limit, "MIN_ROWS", min_rows)
        patch.setattr(batches, "MAX_COMMIT", max_commit)
        yield


def jobs(is_bad: Sequence[bool]) -> bytes:
    return b"".join(b"%d,%b\n" % (n, b"" if bad else b"job") for n, bad in enumerate(is_bad, 101))


def expected(is_bad: Sequence[bool], limit: int | None, share: str | None) -> tuple[int, bool]:
    """How many rows are processed, and whether the load fails."""
    errors = 0
    for number, bad in enumerate(is_bad, 1):
        errors += bad
        is_many = share is not None and Fraction(errors, number) > Fraction(share)
        if (limit is not None and errors > limit) or (is_many and number >= FEW):
            return number, True
    return len(is_bad), bool(is_bad) and share is not None and is_many


def outcome(world: World, load: Load) -> tuple[LoadState, Counts, int, int]:
    return load.state, load.counts, len(world.content(JOBS)), len(world.rejected(load))


limits = st.none() | st.integers(0, 12)
shares = st.none() | st.sampled_from(["0", "0.1", "0.29", "0.3", "0.5", "0.7", "1"])
rows = st.lists(st.booleans(), max_size=30)


def wish(limit: int | None, share: str | None) -> dict[str, Any]:
    return {"reject_limit": limit, "reject_share": None if share is None else float(share)}


@examples(80)
@given(is_bad=rows, limit=limits, share=shares, cuts=st.lists(st.integers(0, 30), max_size=5))
def test_where_batches_end_does_not_move_the_row_at_which_a_load_stops(
    is_bad: list[bool], limit: int | None, share: str | None, cuts: list[int]
) -> None:
    load = Load("", 1, order(JOBS, **wish(limit, share)), True, LoadState.STARTED, NEW_YEAR)
    stop = None
    ends = [*sorted(cuts), len(is_bad)]
    with sizes(FEW, 50_000):
        for start, end in pairwise([0, *ends]):
            if stop is None:
                assert not is_beyond(load)
                batch = pl.Series(is_bad[start:end], dtype=pl.Boolean)
                stop = first_beyond(load, batch, pl.Series(range(start + 1, end + 1)))
                done = len(is_bad[:end] if stop is None else is_bad[:stop])
                counts = Counts(processed=done, errors=sum(is_bad[:done]))
                load = replace(load, counts=counts)
                assert is_beyond(load) is (stop is not None)
        processed, fails = expected(is_bad, limit, share)
        assert load.counts.processed == processed
        assert is_beyond(load, at_end=True) is fails


@examples(10)
@given(
    is_bad=rows,
    limit=limits,
    share=shares,
    max_commit=st.sampled_from([4, 31]),
    hand_backs=st.booleans(),
    roll_back=st.booleans(),
)
def test_a_load_stops_at_that_row_and_rolls_back_without_a_trace(
    world: World,
    is_bad: list[bool],
    limit: int | None,
    share: str | None,
    max_commit: int,
    *,
    hand_backs: bool,
    roll_back: bool,
) -> None:
    world.reset()
    before = len(world.content(JOBS))
    with sizes(FEW, max_commit):
        load = world.load(
            JOBS,
            jobs(is_bad),
            hand_backs=hand_backs,
            batch_size=9,
            roll_back=roll_back,
            **wish(limit, share),
        )
    processed, fails = expected(is_bad, limit, share)
    errors = sum(is_bad[:processed])
    good = processed - errors
    counts = Counts(lines=processed, processed=processed, inserted=good, errors=errors)
    if fails and roll_back:
        counts = Counts(lines=processed, processed=errors, skipped=good, errors=errors)
    state = LoadState.FAILURE if fails else LoadState.SUCCESS
    assert outcome(world, load) == (state, counts, before + counts.inserted, errors)
    assert ("too many rejects" in str(load.error)) is fails


@pytest.mark.parametrize(("errors", "fails"), [(29, False), (30, True)])
def test_a_share_is_as_exact_as_it_is_written(world: World, errors: int, *, fails: bool) -> None:
    is_bad = [True] * errors + [False] * (100 - errors)
    for min_rows in (1000, 100):
        world.reset()
        with sizes(min_rows, 50_000):
            load = world.load(JOBS, jobs(is_bad), reject_share=0.29)
        assert (load.state is LoadState.FAILURE) is fails


@pytest.mark.parametrize(("errors", "stop"), [(500, 1001), (501, 1000)])
def test_the_first_thousand_rows_are_judged_together(world: World, errors: int, stop: int) -> None:
    is_bad = [True] * errors + [False] * (1000 - errors) + [True] * 2
    load = world.load(JOBS, jobs(is_bad), reject_share=0.5, batch_size=300)
    assert (load.state, load.counts.processed) == (LoadState.FAILURE, stop)


def test_too_many_rejects_are_counted_in_the_reason(world: World) -> None:
    load = world.load(JOBS, b"91,a\n92,\n93,b\n94,\n95,c\n", reject_limit=1)
    assert load.error == "too many rejects: 2 of 4 rows; the rows so far stay"
    load = world.load(JOBS, b"91,a\n92,\n93,b\n94,\n96,c\n", reject_limit=1, roll_back=True)
    assert load.error == "too many rejects: 2 of 4 rows; no row was written"
    assert not {96} & world.content(JOBS).keys()


@pytest.mark.parametrize(("limit", "share"), [(1, None), (None, "0.2")])
@pytest.mark.parametrize("roll_back", [True, False])
def test_a_worker_that_dies_as_it_stops_lets_no_further_row_in(
    world: World, limit: int | None, share: str | None, *, roll_back: bool
) -> None:
    data = b"91,a\n92,b\n93,c\n94,\n95,\n96,d\n97,e\n98,f\n99,g\n"
    with sizes(1, 50_000):
        load = world.enter(JOBS, data, batch_size=100, roll_back=roll_back, **wish(limit, share))
        before = world.content(JOBS).keys()
        with pytest.raises(Crash):
            world.crashing()(load.id)
        stopped = world.get(load)
        ended = world.take_over(load)
        assert ended.state is LoadState.FAILURE
        assert ended.position == stopped.position
        written = set() if roll_back else {91, 92, 93}
        assert world.content(JOBS).keys() - before == written
        again = world.parts.service.ledger.retry(load.id)
        world.worker()(again.id)
        assert world.get(load).state is LoadState.FAILURE, "nothing has changed for the better"
        assert world.content(JOBS).keys() - before == written

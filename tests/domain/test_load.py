"""The books of a load, and what its order and state say."""

import datetime as dt
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.load import Counts, Load, LoadOrder, LoadState, Position
from tests.support import examples

books = st.builds(Counts, **{field.name: st.integers(0, 2**40) for field in fields(Counts)})


@examples(50)
@given(one=books, other=books)
def test_books_add_up_and_subtract_number_by_number(one: Counts, other: Counts) -> None:
    both = one + other
    for field in fields(Counts):
        assert getattr(both, field.name) == getattr(one, field.name) + getattr(other, field.name)
    assert both - other == one
    assert one + Counts() == one


BALANCED = Counts(
    lines=20, header=1, blank=2, skipped=3, processed=14,
    inserted=2, updated=3, already_exists=4, errors=5,
)  # fmt: skip


def test_books_balance_when_every_line_and_every_row_is_accounted_for() -> None:
    assert Counts().balanced
    assert BALANCED.balanced
    assert (BALANCED + BALANCED).balanced


@pytest.mark.parametrize("name", [field.name for field in fields(Counts)])
def test_books_with_one_number_off_do_not_balance(name: str) -> None:
    assert not (BALANCED + Counts(**{name: 1})).balanced


def test_the_window_of_an_order_ends_after_its_limit() -> None:
    assert LoadOrder("jobs", "jobs.csv", start=5, limit=10).end == 15
    assert LoadOrder("jobs", "jobs.csv", start=5).end is None


def test_no_worker_takes_a_load_that_is_over() -> None:
    final = {state for state in LoadState if state.is_final}
    assert final == {LoadState.SUCCESS, LoadState.FAILURE, LoadState.REVOKED}


START = dt.datetime(2021, 7, 1, 12)
ORDER = LoadOrder("jobs", "jobs.csv")


def running(order: LoadOrder = ORDER, **changes: Any) -> Load:
    """A load that did 300 of 1000 bytes, the last 200 of them in 4 seconds."""
    load = Load(
        *("id", 1, order, True, LoadState.STARTED, START),
        claimed_at=START,
        heartbeat_at=START + dt.timedelta(seconds=4),
        claimed_offset=100,
        source_size=1000,
        position=Position(300, 30, 30),
        counts=Counts(lines=30, processed=30, inserted=30),
    )
    return replace(load, **changes)


@pytest.mark.parametrize(
    ("wish", "writes"),
    [
        (running(), True),
        (running(is_check=True), False),
        (running(replace(ORDER, dry_run=True)), False),
    ],
)
def test_a_load_that_checks_or_is_dry_writes_no_row(wish: Load, *, writes: bool) -> None:
    assert wish.writes_rows is writes


@pytest.mark.parametrize(
    ("order", "is_whole"),
    [(ORDER, True), (replace(ORDER, start=1), False), (replace(ORDER, limit=9), False)],
)
def test_a_window_is_not_the_whole(order: LoadOrder, *, is_whole: bool) -> None:
    assert order.is_whole is is_whole


def test_an_upload_is_known_by_its_name() -> None:
    assert replace(ORDER, source="uploads/jobs.csv").is_upload
    assert not ORDER.is_upload


@pytest.mark.parametrize(
    ("load", "share"),
    [
        (running(), 0.3),
        (running(position=Position(2000)), 1.0),
        (running(source_size=None), None),
        (running(source_size=0), None),
        (running(replace(ORDER, limit=120)), 0.25),
        (running(replace(ORDER, limit=20)), 1.0),
        (running(source_size=0, state=LoadState.SUCCESS), 1.0),
        (running(state=LoadState.FAILURE), 0.3),
    ],
)
def test_the_share_that_is_done_is_of_the_source_or_of_the_window(
    load: Load, share: float | None
) -> None:
    assert load.share_done == share


@pytest.mark.parametrize(
    ("load", "rate"),
    [
        (running(), 50.0),
        (running(claimed_at=None), None),
        (running(heartbeat_at=None), None),
        (running(heartbeat_at=START), None),
        (running(position=Position(100)), None),
        (running(position=Position(0)), None),
    ],
)
def test_the_rate_is_that_of_the_worker_that_has_the_load(load: Load, rate: float | None) -> None:
    assert load.bytes_per_second == rate


@pytest.mark.parametrize(
    ("load", "seconds"),
    [
        (running(), 14.0),
        (running(replace(ORDER, limit=120)), 18.0),
        (running(position=Position(1000)), 0.0),
        (running(source_size=None), None),
        (running(counts=Counts(), order=replace(ORDER, limit=120)), None),
        (running(claimed_at=None), None),
        *((running(state=state), None) for state in LoadState if state is not LoadState.STARTED),
    ],
)
def test_the_time_that_is_left_follows_from_share_and_rate(
    load: Load, seconds: float | None
) -> None:
    assert load.seconds_left == (None if seconds is None else pytest.approx(seconds))

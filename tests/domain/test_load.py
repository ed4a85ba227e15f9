"""The books of a load, and what its order and state say."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.load import Counts, LoadOrder, LoadState
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

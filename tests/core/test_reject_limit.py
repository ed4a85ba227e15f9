"""Where exactly a limit of rejected rows is passed."""

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from core.reject_limit import MIN_ROWS, first_beyond, is_beyond_share
from domain.load import Counts, Load, LoadOrder, LoadState

# As doubles, products such as 0.57 * 100 fall short of the whole number that they mean.
SHARES = [(0.57, 57, 100), (0.29, 29, 100), (0.285, 285, 1000), (0.0, 0, 100), (1.0, 100, 100)]


def load(share: float, processed: int = 0, errors: int = 0) -> Load:
    return Load(
        id="x",
        number=1,
        order=LoadOrder("jobs", "jobs.csv", reject_share=share),
        background=True,
        state=LoadState.STARTED,
        created_at=dt.datetime(2021, 1, 1),
        counts=Counts(processed=processed, errors=errors),
    )


@pytest.mark.parametrize(("share", "bad", "rows"), SHARES)
def test_a_share_is_passed_by_one_row_more(share: float, bad: int, rows: int) -> None:
    assert not is_beyond_share(load(share, rows, bad))
    if bad < rows:
        assert is_beyond_share(load(share, rows, bad + 1))


@pytest.mark.parametrize(("share", "bad", "rows"), SHARES)
def test_a_share_is_judged_row_by_row(share: float, bad: int, rows: int) -> None:
    # The next row is bad: the share is passed with it where it was reached before.
    times = 100 * MIN_ROWS // rows
    before = load(share, times * rows - 1, times * bad - 1) if bad else load(share, times * rows)
    one_bad, record = pl.Series([True]), pl.Series([7])

    assert first_beyond(before, one_bad, record) == (None if bad else 7)
    if bad < rows:
        worse = replace(before, counts=before.counts + Counts(errors=1))
        assert first_beyond(worse, one_bad, record) == 7

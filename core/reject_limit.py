"""Where a load goes beyond the rejected rows that it may have."""

import polars as pl

from domain.load import Load

# A share means nothing over a few rows; up to here it is judged at the end of the load only.
MIN_ROWS = 1000


def first_beyond(load: Load, is_bad: pl.Series, records: pl.Series) -> int | None:
    """The number of the row with which `load`, at its books so far, goes beyond its limits.

    The rows are judged one by one, so the answer does not depend on the batches.
    """
    order = load.order
    bad = is_bad.cast(pl.Int64).cum_sum() + load.counts.errors
    seen = pl.Series(range(1, len(is_bad) + 1), dtype=pl.Int64) + load.counts.processed
    beyond = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(is_bad))
    if order.reject_limit is not None:
        beyond = beyond | (bad > order.reject_limit)
    if order.reject_share is not None:
        beyond = beyond | ((bad / seen > order.reject_share) & (seen >= MIN_ROWS))
    at = beyond.arg_true()
    return None if at.is_empty() else int(records[at[0]])


def is_beyond(load: Load, *, at_end: bool = False) -> bool:
    """Whether `load`, at its books so far, is beyond its limits; `at_end` judges any share."""
    order, counts = load.order, load.counts
    if order.reject_limit is not None and counts.errors > order.reject_limit:
        return True
    if order.reject_share is None or not (counts.processed >= MIN_ROWS or at_end):
        return False
    # A quotient is as exact as the share that was asked for; share * processed is not.
    return counts.errors > 0 and counts.errors / counts.processed > order.reject_share

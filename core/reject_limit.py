"""Where a load goes beyond the rejected rows that it may have."""

from fractions import Fraction

import polars as pl

from domain.load import Load

# A share means nothing over a few rows; up to here it is judged at the end of the load only.
MIN_ROWS = 1000
# Shares are decimals of no more digits; as fractions 57 of 100 rows are not beyond 0.57.
_LARGEST_DENOMINATOR = 10**9


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
        share = _fraction(order.reject_share)
        is_more = bad * share.denominator > seen * share.numerator
        beyond = beyond | (is_more & (seen >= MIN_ROWS))
    at = (beyond & is_bad).arg_true()
    return None if at.is_empty() else int(records[at[0]])


def is_beyond_share(load: Load) -> bool:
    """Whether a whole load, at its end, has more rejects than its share allows."""
    share, counts = load.order.reject_share, load.counts
    return share is not None and counts.errors > _fraction(share) * counts.processed


def _fraction(share: float) -> Fraction:
    return Fraction(share).limit_denominator(_LARGEST_DENOMINATOR)

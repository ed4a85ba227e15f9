"""Put one batch of checked rows where it belongs: the table, or the rejects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from core import rules
from core.ports import Transaction
from domain.load import Counts, OnConflict
from domain.reject import Origin, Reject
from domain.table import Table

# Writes rows of distinct ids, or rehearses that; returns how many were not stored before.
Store = Callable[[pl.DataFrame], int]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of the rows of a batch; `answered` are the earlier rejects that it corrected."""

    counts: Counts
    rejects: list[Reject]
    answered: list[Origin]


def judge(transaction: Transaction, checked: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Complete the check of rows (see `core.rules.check`) with what only the database knows.

    Adds the column `is_good`. The rows that are referred to stay until the transaction ends.
    """
    known = {
        rule.table.name: transaction.known_ids(
            rule.table, checked.get_column(name).drop_nulls().unique()
        )
        for name, rule in table.references
    }
    judged = rules.check_references(checked, table, known)
    return judged.with_columns(is_good=rules.is_good(table))


def write_batch(
    judged: pl.DataFrame, table: Table, on_conflict: OnConflict, store: Store
) -> BatchResult:
    """Write the good rows and account for every row."""
    good = judged.filter("is_good")
    rejects = rules.rejects(judged.filter(~pl.col("is_good")), table)
    keep: Literal["last", "first"] = "last" if on_conflict is OnConflict.UPDATE else "first"
    distinct = good.unique(table.key.name, keep=keep, maintain_order=True)
    inserted = store(distinct.select(field.name for field in table.fields))
    repeated = good.height - inserted
    counts = Counts(
        processed=judged.height,
        inserted=inserted,
        updated=repeated if on_conflict is OnConflict.UPDATE else 0,
        already_exists=repeated if on_conflict is OnConflict.SKIP else 0,
        errors=len(rejects),
    )
    return BatchResult(counts, rejects, rules.origins(good))

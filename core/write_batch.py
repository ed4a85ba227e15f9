"""Put one batch of checked rows where it belongs: the table, or the rejects."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from core import rules
from core.ports import Transaction
from domain.load import Counts, OnConflict
from domain.reject import Reject
from domain.table import Table


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of the rows of a batch."""

    counts: Counts
    rejects: list[Reject]


def write_batch(
    transaction: Transaction,
    checked: pl.DataFrame,
    table: Table,
    on_conflict: OnConflict,
    load_number: int | None = None,
) -> BatchResult:
    """Write the good rows of `checked` (see `core.rules.check`) and account for every row."""
    known = {
        rule.table.name: transaction.known_ids(
            rule.table, checked.get_column(name).drop_nulls().unique()
        )
        for name, rule in table.references
    }
    checked = rules.check_references(checked, table, known)
    is_good = rules.is_good(table)
    good = checked.filter(is_good).select(field.name for field in table.fields)
    rejects = rules.rejects(checked.filter(~is_good), table)
    keep: Literal["last", "first"] = "last" if on_conflict is OnConflict.UPDATE else "first"
    distinct = good.unique(table.key.name, keep=keep, maintain_order=True)
    inserted = transaction.store(table, distinct, on_conflict, load_number)
    repeated = good.height - inserted
    counts = Counts(
        processed=checked.height,
        inserted=inserted,
        updated=repeated if on_conflict is OnConflict.UPDATE else 0,
        already_exists=repeated if on_conflict is OnConflict.SKIP else 0,
        errors=len(rejects),
    )
    return BatchResult(counts, rejects)

"""Summaries of loads and of their batches, as callers see them."""

from dataclasses import dataclass, field
from typing import Any

from core.ports import Accounts
from domain.load import Counts, Load, LoadOrder, OnConflict

# More ids than this are not put into one summary; every reject stays in the account of its load.
MAX_ERROR_IDS = 10_000


@dataclass(frozen=True, slots=True)
class BatchEnds:
    """How the books of a load stood at the end of each of its batches."""

    order: LoadOrder
    _ends: dict[int, Load] = field(default_factory=dict)

    def note(self, load: Load) -> None:
        """Take note of a commit; a batch can take several."""
        if load.counts.processed:
            rows = load.position.record - self.order.start
            self._ends[(rows - 1) // self.order.batch_size] = load

    def batches(self) -> list[tuple[Load, int, Counts]]:
        """For each batch: the load, the number of the row before it, and its own books."""
        result = []
        before = Counts()
        for number, load in sorted(self._ends.items()):
            first = self.order.start + number * self.order.batch_size
            result.append((load, first, load.counts - before))
            before = load.counts
        return result


@dataclass(frozen=True, slots=True)
class Summaries:
    """The use cases with their port."""

    accounts: Accounts

    def of_load(self, load: Load) -> dict[str, Any]:
        """What became of the rows of a load so far."""
        ids = self.accounts.ids(load, limit=MAX_ERROR_IDS)
        return _summary(load, load.counts) | {"error_ids": list(ids)}

    def numbers(self, load: Load) -> dict[str, Any]:
        """The same without the ids."""
        return _summary(load, load.counts)

    def of_batches(self, ends: BatchEnds) -> list[dict[str, Any]]:
        """What became of the rows of each batch."""
        return [
            _summary(load, counts)
            | {
                "error_ids": list(
                    self.accounts.ids(
                        load,
                        after=before,
                        until=before + ends.order.batch_size,
                        limit=MAX_ERROR_IDS,
                    )
                )
            }
            for load, before, counts in ends.batches()
        ]


def without_errors(summary: dict[str, Any]) -> dict[str, Any]:
    """The short form for loads in which no row was rejected."""
    return {name: value for name, value in summary.items() if name not in ("errors", "error_ids")}


def _summary(load: Load, counts: Counts) -> dict[str, Any]:
    """The numbers: `processed` is the sum of the others."""
    is_update = load.order.on_conflict is OnConflict.UPDATE
    return {
        "processed": counts.processed,
        "inserted": counts.inserted,
        **({"updated": counts.updated} if is_update else {}),
        "already_exists": counts.already_exists,
        "errors": counts.errors,
    }

"""Run a load of the ledger: claim it, read its source, write batch after batch, close it."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from core import rules
from core.batches import batches
from core.errors import BooksDontBalance, LeaseLost, ServiceError, SourceChanged
from core.frames import BLANK, HEADER, ROW
from core.ports import Database, LoadLedger, RowReader, SourceStore
from core.write_batch import write_batch
from domain.dictionary import TABLES
from domain.load import Counts, Load, LoadState, Position
from domain.table import Table

log = logging.getLogger(__name__)


OnBatch = Callable[[Load], None]


def ignore(_load: Load) -> None:
    """Watch no batch."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class RunLoad:
    """The use case with its ports.

    `owner` names this worker in the ledger, `lease` is the time in seconds after which another may
    take over, `keep_lease` renews it in the background, `should_stop` asks for a hand-back at the
    next batch end.
    """

    store: SourceStore
    reader: RowReader
    database: Database
    ledger: LoadLedger
    keep_lease: Callable[[Load], AbstractContextManager[None]]
    owner: str
    lease: float
    should_stop: Callable[[], bool] = _never

    def __call__(self, load_id: str, on_batch: OnBatch = ignore) -> None:
        """Run the load, unless somebody else does or it is over.

        `on_batch` is told after each commit. What goes wrong ends up in the ledger.
        """
        load = self.ledger.claim(load_id, self.owner, self.lease)
        if load is None:
            return
        try:
            with self.keep_lease(load):
                state, error = self._outcome(load, on_batch)
                self.ledger.close(load, state, error)
        except LeaseLost:
            log.warning("load %s was taken over by another worker", load_id)

    def _outcome(self, load: Load, on_batch: OnBatch) -> tuple[LoadState, str | None]:
        try:
            return self._load(load, on_batch), None
        except LeaseLost:
            raise
        except ServiceError as error:
            return LoadState.FAILURE, str(error)
        except Exception:
            log.exception("load %s failed unexpectedly", load.id)
            return LoadState.FAILURE, "an unexpected error; the log of the service tells more"

    def _load(self, load: Load, on_batch: OnBatch) -> LoadState:
        order, table = load.order, TABLES[load.order.table]
        source = self.store.stat(order.source)
        if load.source_etag not in (None, source.etag):
            raise SourceChanged(f"{order.source} has changed since the load began")
        self.ledger.identify(load, source)
        load = replace(load, source_size=source.size, source_etag=source.etag)
        frames = self.reader.read(partial(self.store.open, source), table, load.position)
        for frame in batches(frames, order, load.position):
            load = self._commit(load, frame, table)
            on_batch(load)
            if self.should_stop():
                return LoadState.RETRY
        if not load.counts.balanced:
            raise BooksDontBalance("the rows of the load are not all accounted for exactly once")
        return LoadState.SUCCESS

    def _commit(self, load: Load, frame: pl.DataFrame, table: Table) -> Load:
        """Write one batch: rows, rejects, books and position in one transaction."""
        rows = frame.filter((pl.col("kind") == ROW) & (pl.col("record") > load.order.start))
        checked = rules.check(rows, table)
        with self.database.begin() as transaction:
            result = write_batch(transaction, checked, table, load.order.on_conflict, load.number)
            counts = load.counts + _lines(frame, rows.height) + result.counts
            load = replace(load, position=_end_of(frame), counts=counts)
            transaction.add_rejects(load, result.rejects)
            transaction.advance(load)
        return load


def _lines(frame: pl.DataFrame, in_window: int) -> Counts:
    """The books of the lines of a batch, but for what became of the rows in the window."""
    kinds = frame.get_column("kind")
    return Counts(
        lines=frame.height,
        header=int((kinds == HEADER).sum()),
        blank=int((kinds == BLANK).sum()),
        skipped=int((kinds == ROW).sum()) - in_window,
    )


def _end_of(frame: pl.DataFrame) -> Position:
    return Position(*frame.select("end_offset", "end_line", "record").row(-1))

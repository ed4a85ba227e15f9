"""Run a load of the ledger: claim it, read its source, write batch after batch, close it."""

import hashlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from core import rules
from core.batches import batches, lines_up_to
from core.errors import (
    BooksDontBalance,
    DatabaseUnavailable,
    LeaseLost,
    LoadFailed,
    ServiceError,
    SourceChanged,
    SourceError,
    SourceUnavailable,
    TooManyRejects,
)
from core.frames import BLANK, HEADER, ROW, end_of
from core.ports import (
    Accounts,
    ByteStream,
    Database,
    LoadLedger,
    RowReader,
    SourceObject,
    SourceStore,
    Transaction,
)
from core.reject_limit import first_beyond, is_beyond
from core.whole_stream import open_whole
from core.write_batch import judge, write_batch
from domain.dictionary import TABLES
from domain.load import Counts, Load, LoadState
from domain.table import Table

log = logging.getLogger(__name__)

OnBatch = Callable[[Load], None]

_HASHED_AT_ONCE = 1024 * 1024


class _Cancelled(Exception):
    """Somebody asked for the load to be stopped."""


def ignore(_load: Load) -> None:
    """Watch no batch."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class RunLoad:
    """The use case with its ports.

    `owner` names this worker in the ledger, `lease` is the time in seconds after which another may
    take over, `keep_lease` renews it in the background; a load that was taken more than
    `max_attempts` times fails; `should_stop` asks for a hand-back at the next batch end.
    """

    store: SourceStore
    reader: RowReader
    database: Database
    ledger: LoadLedger
    accounts: Accounts
    keep_lease: Callable[[Load], AbstractContextManager[None]]
    owner: str
    lease: float
    max_attempts: int
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
                self._run(load, on_batch)
        except LeaseLost:
            log.warning("load %s was taken over by another worker", load_id)

    def _run(self, load: Load, on_batch: OnBatch) -> None:
        """Run a load that is ours and leave it in the state that fits what happened."""
        close = partial(self.ledger.close, load)
        try:
            state = self._load(load, on_batch)
            close(state)
        except LeaseLost:
            raise
        except _Cancelled as error:
            close(LoadState.REVOKED, str(error))
        except (DatabaseUnavailable, SourceUnavailable) as error:
            if load.background and load.attempts < self.max_attempts:
                close(LoadState.RETRY, str(error), wait=2.0 ** (load.attempts - 1))
            else:
                close(LoadState.FAILURE, str(error))
        except ServiceError as error:
            close(LoadState.FAILURE, str(error))
        except Exception:
            log.exception("load %s failed unexpectedly", load.id)
            close(LoadState.FAILURE, "an unexpected error; the log of the service tells more")
        else:
            if state is LoadState.SUCCESS and load.order.is_upload:
                self._discard_upload(load)

    def _discard_upload(self, load: Load) -> None:
        try:
            self.store.delete(load.order.source)
        except SourceError as error:
            log.warning("the upload of load %s stays: %s", load.id, error)

    def _load(self, load: Load, on_batch: OnBatch) -> LoadState:
        """Do all that is left to do; returns SUCCESS, or RETRY where the worker has to stop."""
        if load.attempts > self.max_attempts:
            raise LoadFailed(f"given up after {self.max_attempts} workers died with it")
        source = self.store.stat(load.order.source)
        load = self._identify(load, source)
        if load.repeats:
            return LoadState.SUCCESS
        if load.is_check:
            state, _ = self._read(load, source, on_batch)
            if state is not LoadState.SUCCESS:
                return state
            load = self.ledger.begin_loading(load)
        state, load = self._read(load, source, on_batch)
        if state is LoadState.SUCCESS:
            self._audit(load)
        return state

    def _identify(self, load: Load, source: SourceObject) -> Load:
        """Make sure that the content is the one that the load began with."""
        if load.source_etag == source.etag:
            return load
        if load.source_etag is not None:
            raise SourceChanged(source.name)
        is_whole = load.order.is_whole
        sha256 = _sha256(open_whole(self.store, source)) if is_whole else None
        return self.ledger.identify(load, source, sha256)

    def _read(self, load: Load, source: SourceObject, on_batch: OnBatch) -> tuple[LoadState, Load]:
        """Read the source to its end, batch by batch."""
        if load.cancel_requested:
            raise _Cancelled(f"cancelled; {_kept(load)}")
        if is_beyond(load):
            # The worker before died as it stopped the load.
            raise TooManyRejects(_beyond(load))
        table = TABLES[load.order.table]
        frames = self.reader.read(partial(open_whole, self.store, source), table, load.position)
        for frame in batches(frames, load.order, load.position):
            load = self._commit(load, frame, table)
            on_batch(load)
            if self.should_stop():
                return LoadState.RETRY, load
        if is_beyond(load, at_end=True):
            raise TooManyRejects(_beyond(load))
        return LoadState.SUCCESS, load

    def _commit(self, load: Load, frame: pl.DataFrame, table: Table) -> Load:
        """Write one batch: rows, rejects, books and position in one transaction."""
        rows = frame.filter((pl.col("kind") == ROW) & (pl.col("record") > load.order.start))
        checked = rules.check(rows, table)
        with self.database.begin() as transaction:
            judged = judge(transaction, checked, table)
            last = first_beyond(load, ~judged["is_good"], judged["record"])
            if last is not None:
                frame = frame[: lines_up_to(frame, last)]
                judged = judged.filter(pl.col("record") <= last)
            store = partial(self._store, transaction, load, table)
            result = write_batch(judged, table, load.order.on_conflict, store)
            load = _advanced(load, frame, judged.height, result.counts)
            transaction.add_rejects(load, result.rejects)
            if load.writes_rows:
                transaction.answer(load, result.answered)
            is_cancelled = transaction.advance(load, self.lease)
        if is_cancelled:
            raise _Cancelled(f"cancelled; {_kept(load)}")
        if last is not None:
            raise TooManyRejects(_beyond(load))
        return load

    def _store(self, transaction: Transaction, load: Load, table: Table, rows: pl.DataFrame) -> int:
        if load.writes_rows:
            return transaction.store(table, rows, load.order.on_conflict, load.number)
        return transaction.rehearse(load, table, rows.get_column(table.key.name))

    def _audit(self, load: Load) -> None:
        """Refuse the success of a load whose books are not those of the tables."""
        if not load.counts.balanced:
            raise BooksDontBalance("the rows of the load are not all accounted for exactly once")
        expected = load.counts.inserted if load.writes_rows else 0
        found = self.accounts.inserted(load)
        if found != expected:
            raise BooksDontBalance(f"the load inserted {expected} rows, but the table has {found}")


def _sha256(stream: ByteStream) -> str:
    digest = hashlib.sha256()
    with closing(stream):
        while chunk := stream.read(_HASHED_AT_ONCE):
            digest.update(chunk)
    return digest.hexdigest()


def _beyond(load: Load) -> str:
    counts = load.counts
    return f"too many rejects: {counts.errors} of {counts.processed} rows; {_kept(load)}"


def _kept(load: Load) -> str:
    return "the rows so far stay" if load.writes_rows else "no row was written"


def _advanced(load: Load, frame: pl.DataFrame, in_window: int, counts: Counts) -> Load:
    """The load after a batch."""
    header = frame.filter(pl.col("kind") == HEADER).get_column("raw")
    return replace(
        load,
        position=end_of(frame),
        counts=load.counts + _lines(frame, in_window) + counts,
        source_header=load.source_header if header.is_empty() else header[0],
    )


def _lines(frame: pl.DataFrame, in_window: int) -> Counts:
    """The books of the lines of a batch, but for what became of the rows in the window."""
    kinds = frame.get_column("kind")
    return Counts(
        lines=frame.height,
        header=int((kinds == HEADER).sum()),
        blank=int((kinds == BLANK).sum()),
        skipped=int((kinds == ROW).sum()) - in_window,
    )

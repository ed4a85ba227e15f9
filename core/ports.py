"""What the core needs from the world; each port has several adapters and one contract suite.

Adapters raise the errors of `core.errors` and nothing of their drivers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from domain.load import Load, LoadOrder, LoadState, OnConflict, Position
from domain.reject import Origin, Reject
from domain.table import Table


class ByteStream(Protocol):
    """Bytes that are read once, from front to back."""

    def read(self, size: int, /) -> bytes:
        """Return 1 to `size` bytes, or none at the end."""

    def close(self) -> None:
        """Let go of what is held open."""


class Sink(Protocol):
    """Where the bytes of a new object go."""

    def write(self, data: bytes, /) -> object:
        """Append `data`."""


@dataclass(frozen=True, slots=True)
class SourceObject:
    """An object of a source store; `etag` changes whenever its content does; `size` in bytes."""

    name: str
    size: int
    etag: str


class SourceStore(Protocol):
    """Where the CSV files lie."""

    def list(self) -> Iterator[SourceObject]:
        """Every object, ordered by name."""

    def stat(self, name: str) -> SourceObject:
        """Describe one object; raises SourceNotFound or SourceUnavailable."""

    def open(self, source: SourceObject, offset: int = 0) -> ByteStream:
        """Read `source` from byte `offset` on.

        Raises SourceChanged where the store holds other content than `source` names, on opening
        or while it is read.
        """

    def write(self, name: str) -> AbstractContextManager[Sink]:
        """Make a new object, which is seen once the block ends, and never where it raises."""

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""


class RowReader(Protocol):
    """Turns the bytes of a source into frames of records (see `core.frames`)."""

    def read(
        self, open_at: Callable[[int], ByteStream], table: Table, position: Position
    ) -> Iterator[pl.DataFrame]:
        """Yield every record behind `position`; raises BadHeader where the header is wrong."""


class Transaction(Protocol):
    """All that one batch writes; nothing of it is seen before the commit."""

    def known_ids(self, table: Table, ids: pl.Series) -> pl.Series:
        """Those of `ids` that are stored; they stay so until the transaction ends."""

    def store(
        self, table: Table, rows: pl.DataFrame, on_conflict: OnConflict, load_number: int | None
    ) -> int:
        """Write checked rows whose ids are distinct; return how many were not stored before."""

    def rehearse(self, load: Load, table: Table, ids: pl.Series) -> int:
        """Return how many of these distinct ids `load` would insert, and remember them for it."""

    def add_rejects(self, load: Load, rejects: Sequence[Reject]) -> None:
        """Keep rejected rows in the account of a load."""

    def answer(self, load: Load, origins: Sequence[Origin]) -> None:
        """Close these rejects, and those of later attempts at the same rows: `load` took them."""

    def advance(self, load: Load, lease: float) -> bool:
        """Keep position and books of `load`, and put the end of its lease off by so many seconds.

        Returns whether it shall stop; raises LeaseLost.
        """


class Database(Protocol):
    """Where rows, rejects and the ledger lie, so that one transaction covers them all."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """Open a writing transaction; commits at the end of the block, or rolls back on errors."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What a client calls its request, and the SHA-256 of the request (IETF Idempotency-Key)."""

    key: str
    fingerprint: str


class LoadLedger(Protocol):
    """The truth about every load. Leases and waits are in seconds.

    A worker may change a load only while nobody else has claimed it since, which the fence in the
    Load that `claim` returned tells.
    """

    def add(self, order: LoadOrder, *, background: bool, key: IdempotencyKey | None = None) -> Load:
        """Enter a new load, PENDING, or return the one that `key` entered; raises KeyReused."""

    def find(self, key: IdempotencyKey) -> Load | None:
        """The load that `key` entered, None where there is none; raises KeyReused."""

    def get(self, load_id: str) -> Load | None:
        """One load, or None where there is no such id."""

    def claim(self, load_id: str, owner: str, lease: float) -> Load | None:
        """Take a load that nobody works on; None where somebody does or it is over."""

    def identify(self, load: Load, source: SourceObject, sha256: str | None) -> Load:
        """Tie the load to the content that it began with, and find the load that it repeats.

        Raises LeaseLost.
        """

    def begin_loading(self, load: Load) -> Load:
        """Start again from the front, now writing rows, after a check of the whole source.

        Raises LeaseLost.
        """

    def renew(self, load: Load, lease: float) -> None:
        """Put the end of the lease off; raises LeaseLost."""

    def close(
        self, load: Load, state: LoadState, error: str | None = None, *, wait: float | None = None
    ) -> None:
        """Set the state in which the worker leaves the load; raises LeaseLost.

        A load in RETRY is taken again: after `wait` seconds, or at once where the worker had to
        stop through no fault of the load, which then does not count as an attempt.
        """

    def cancel(self, load_id: str) -> Load:
        """Ask the worker to stop at the next batch end; at once where nobody works on the load.

        Raises NotFound, and Conflict where the load is over.
        """

    def retry(self, load_id: str) -> Load:
        """Let a load that failed or was cancelled go on from where it stopped.

        Raises NotFound, and Conflict in any other state.
        """

    def waiting(self) -> Sequence[str]:
        """Ids of the loads that a worker should take, oldest first."""

    def finished(self, limit: int) -> Sequence[Load]:
        """The background loads that succeeded or failed, newest first."""

    def newest(
        self, limit: int, *, before: int | None = None, state: LoadState | None = None
    ) -> Sequence[Load]:
        """Loads of every kind, newest first: those numbered below `before`, in one `state`."""


@dataclass(frozen=True, slots=True)
class KeptReject:
    """A reject in the account of a load; `answered_by` is the number of the load that took it."""

    reject: Reject
    answered_by: int | None


class Accounts(Protocol):
    """Reads what the tables hold of loads: rejects, and the rows that each inserted."""

    def ids(
        self, load: Load, *, after: int = 0, until: int | None = None, limit: int
    ) -> Sequence[int]:
        """Ids of the rejected rows behind record `after` up to `until`, in source order."""

    def rejects(
        self, load: Load, *, after: int = 0, limit: int, only_open: bool = False
    ) -> Sequence[KeptReject]:
        """The rejects of a load behind record `after`, in source order."""

    def open_rejects(self, load: Load) -> int:
        """How many rejects of a load nobody has answered with a corrected row."""

    def inserted(self, load: Load) -> int:
        """How many rows of its table the load has inserted, counted in the table."""

    def rejected(self, load: Load) -> int:
        """How many rejects there are in the account of the load, counted in the table."""

    def orphans(self) -> int:
        """How many rows refer to a row that is not there."""


class Listing(Protocol):
    """Reads what the tables hold."""

    def count(self, table: Table) -> int:
        """How many rows there are."""

    def page(self, table: Table, *, after: int, limit: int) -> Sequence[dict[str, object]]:
        """Up to `limit` rows whose id is greater than `after`, ordered by id."""


@dataclass(frozen=True, slots=True)
class QuarterRow:
    """Hires of one department for one job in the four quarters of a year."""

    department: str
    job: str
    hired: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    """Hires of one department in a year."""

    id: int
    department: str
    hired: int


class Reports(Protocol):
    """Sums over the hires of a year (UTC)."""

    def hired_by_quarter(self, year: int) -> Sequence[QuarterRow]:
        """One row per department and job with hires, in no order."""

    def hired_by_department(self, year: int, jobs: Sequence[str]) -> Sequence[DepartmentRow]:
        """One row per department with hires, for these jobs only where any are named."""


class TaskQueue(Protocol):
    """The doorbell of the workers; what there is to do stands in the ledger."""

    def ring(self, load_id: str) -> None:
        """Tell a worker that the load waits. A ring may be lost or doubled."""

    def is_reachable(self) -> bool | None:
        """Whether the broker answers, within 2 seconds; None where there is no broker."""

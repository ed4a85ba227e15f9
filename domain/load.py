"""A load: one run of a source through the checks into a table, and the books it keeps."""

import datetime as dt
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Self


class LoadState(StrEnum):
    """Where a load stands; the values are those of the API."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    RETRY = "RETRY"
    REVOKED = "REVOKED"

    @property
    def is_final(self) -> bool:
        """Whether no worker will take the load any more."""
        return self in (LoadState.SUCCESS, LoadState.FAILURE, LoadState.REVOKED)


class OnConflict(StrEnum):
    """What happens to a row whose id is stored already."""

    SKIP = "skip"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Position:
    """A true record boundary in a source: bytes and physical lines before it, rows before it."""

    offset: int = 0
    line: int = 0
    record: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """The books of a load or of one batch.

    `lines` are the logical lines read (a quoted line break does not end one), each of which is the
    header, blank, a row outside the window (`skipped`) or a row inside it (`processed`).
    """

    lines: int = 0
    header: int = 0
    blank: int = 0
    skipped: int = 0
    processed: int = 0
    inserted: int = 0
    updated: int = 0
    already_exists: int = 0
    errors: int = 0

    def __add__(self, other: Self) -> Self:
        """The books of both together."""
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __sub__(self, other: Self) -> Self:
        """What these books hold beyond `other`."""
        return type(self)(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))

    @property
    def balanced(self) -> bool:
        """Whether every line and every row is accounted for exactly once."""
        return (
            self.lines == self.header + self.blank + self.skipped + self.processed
            and self.processed == self.inserted + self.updated + self.already_exists + self.errors
        )


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What a load was asked to do.

    `source` is a name in the source store; the window is the rows from `start` (0 is the first) and
    at most `limit` of them, None for all; `batch_size` rows are committed at a time.
    """

    table: str
    source: str
    start: int = 0
    limit: int | None = None
    batch_size: int = 50_000
    on_conflict: OnConflict = OnConflict.SKIP

    @property
    def end(self) -> int | None:
        """The number of the last row of the window, None for the last of the source."""
        return None if self.limit is None else self.start + self.limit


@dataclass(frozen=True, slots=True)
class Load:
    """A line of the ledger: the order, how far it came, and its books.

    `number` orders loads by age; `background` tells a queued task from a call that waits; `fence`
    grows with every worker that takes the load. Sizes are bytes, times are UTC.
    """

    id: str
    number: int
    order: LoadOrder
    background: bool
    state: LoadState
    created_at: dt.datetime
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    attempts: int = 0
    fence: int = 0
    owner: str | None = None
    lease_until: dt.datetime | None = None
    source_size: int | None = None
    source_etag: str | None = None
    error: str | None = None
    position: Position = field(default_factory=Position)
    counts: Counts = field(default_factory=Counts)

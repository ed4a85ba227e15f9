"""A load: one run of a source through the checks into a table, and the books it keeps."""

import datetime as dt
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Self

# The names of the objects that were uploaded begin with this; they go when they are loaded.
UPLOADS = "uploads/"


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
    header, blank, a row inside the window (`processed`) or one that was `skipped`: outside the
    window, or good in a load that was rolled back.
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

    More than `reject_limit` rejected rows, or a larger share of them than `reject_share`, fail the
    load: where it stands, or, with `roll_back`, without a trace in the table. `dry_run` checks all
    and writes no row. Content that was loaded before is not loaded again, unless with `force`.
    """

    table: str
    source: str
    start: int = 0
    limit: int | None = None
    batch_size: int = 50_000
    on_conflict: OnConflict = OnConflict.SKIP
    dry_run: bool = False
    force: bool = False
    reject_limit: int | None = None
    reject_share: float | None = None
    roll_back: bool = False

    @property
    def is_upload(self) -> bool:
        """Whether the source is there for this load only."""
        return self.source.startswith(UPLOADS)

    @property
    def is_whole(self) -> bool:
        """Whether the window is the whole source."""
        return self.start == 0 and self.limit is None

    @property
    def end(self) -> int | None:
        """The number of the last row of the window, None for the last of the source."""
        return None if self.limit is None else self.start + self.limit


@dataclass(frozen=True, slots=True)
class Load:
    """A line of the ledger: the order, how far it came, and its books.

    `number` orders loads by age; `background` tells a queued task from a call that waits; `fence`
    grows with every worker that takes the load. Sizes are bytes, times are UTC.

    `is_check` while a load that rolls back is in its first pass, which writes nothing;
    `claimed_at` and `claimed_offset` tell where the worker that has it now began; `repeats` is the
    earlier load of the same content; `source_header` is the header row as it came.
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
    heartbeat_at: dt.datetime | None = None
    claimed_at: dt.datetime | None = None
    claimed_offset: int = 0
    is_check: bool = False
    cancel_requested: bool = False
    source_size: int | None = None
    source_etag: str | None = None
    source_header: bytes | None = None
    sha256: str | None = None
    repeats: str | None = None
    error: str | None = None
    position: Position = field(default_factory=Position)
    counts: Counts = field(default_factory=Counts)

    @property
    def writes_rows(self) -> bool:
        """Whether the load, where it stands now, writes to its table."""
        return not (self.order.dry_run or self.is_check)

    @property
    def share_done(self) -> float | None:
        """How much of the source, or of the window, is done: 0 to 1; None where not known."""
        if self.state is LoadState.SUCCESS:
            return 1.0
        if self.order.limit is not None:
            return min(1.0, self.counts.processed / self.order.limit)
        if not self.source_size:
            return None
        return min(1.0, self.position.offset / self.source_size)

    @property
    def bytes_per_second(self) -> float | None:
        """How fast its worker is, or the last one was; None before the first batch."""
        if self.claimed_at is None or self.heartbeat_at is None:
            return None
        seconds = (self.heartbeat_at - self.claimed_at).total_seconds()
        done = self.position.offset - self.claimed_offset
        return done / seconds if seconds > 0 and done > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take at that rate; None where it can't be told."""
        share, rate = self.share_done, self.bytes_per_second
        if not share or not rate or self.state is not LoadState.STARTED:
            return None
        return self.position.offset / share * (1 - share) / rate

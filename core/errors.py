"""Everything that can go wrong for a reason that a caller can understand.

    ServiceError
    ├── InvalidRequest          what was asked for makes no sense
    │   └── WrongRowCount       a request holds no rows, or too many
    ├── NotFound                no load of that id
    ├── SourceError             the source cannot be read
    │   ├── SourceUnavailable   for now; it may be later
    │   ├── SourceNotFound
    │   └── SourceChanged       its content is not the one that the load began with
    ├── BadHeader               the source is no CSV of that table
    ├── LeaseLost               another worker took the load over
    ├── LoadFailed              a load that the caller waits for did not succeed
    ├── TooManyRejects          a load went beyond its reject limit
    ├── KeyReused               an idempotency key came back with another request
    ├── Conflict                the state of a load does not allow it
    ├── TooLarge                an upload is larger than allowed
    ├── QueueFull               no more work is accepted for now
    ├── BooksDontBalance        rows are not accounted for exactly once
    └── DatabaseUnavailable     the database does not answer

The text of an error is shown to callers: it names what is wrong and where, and holds no secret and
no content of a row.
"""


class ServiceError(Exception):
    """The root: its text may be shown to a caller."""


class InvalidRequest(ServiceError):
    """What was asked for makes no sense."""


class WrongRowCount(InvalidRequest):
    """A request holds no rows, or too many."""


class NotFound(ServiceError):
    """There is no such thing."""


class SourceError(ServiceError):
    """The source cannot be read."""


class SourceUnavailable(SourceError):
    """The source cannot be read for now; it may be later."""


class SourceNotFound(SourceError):
    """The source store has no object of that name."""


class SourceChanged(SourceError):
    """The content is not the one that the load began with."""

    def __init__(self, name: str) -> None:
        """Name the object."""
        super().__init__(f"source_changed: {name} is not what the load began with")


class BadHeader(ServiceError):
    """The header row does not name the columns of the table."""


class LeaseLost(ServiceError):
    """Another worker took the load over; this one may not write any more."""


class LoadFailed(ServiceError):
    """A load that the caller waits for did not succeed."""


class TooManyRejects(ServiceError):
    """A load went beyond its reject limit."""


class KeyReused(ServiceError):
    """An idempotency key came back with another request."""


class Conflict(ServiceError):
    """The state of a load does not allow what was asked for."""


class TooLarge(ServiceError):
    """An upload is larger than allowed, packed or unpacked."""


class QueueFull(ServiceError):
    """No more work is accepted for now."""


class BooksDontBalance(ServiceError):
    """The rows of a load are not accounted for exactly once."""


class DatabaseUnavailable(ServiceError):
    """The database does not answer."""

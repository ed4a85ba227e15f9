"""Why a row was refused: the codes, their texts, and a refused row with its place in the source."""

from dataclasses import dataclass
from enum import StrEnum

# What the service adds to the columns of a rejected row that it hands back. A file whose header
# ends with these names is taken as a correction of such rows.
CORRECTION_COLUMNS = ("task", "line", "field", "code", "message")


class RejectCode(StrEnum):
    """The reasons for which a row is rejected; the values are part of the API."""

    MISSING_VALUE = "missing_value"
    NOT_AN_INTEGER = "not_an_integer"
    OUT_OF_RANGE = "out_of_range"
    NOT_A_TEXT = "not_a_text"
    NOT_A_TIMESTAMP = "not_a_timestamp"
    TOO_LONG = "too_long"
    BAD_ENCODING = "bad_encoding"
    FORBIDDEN_CHARACTER = "forbidden_character"
    WRONG_COLUMN_COUNT = "wrong_column_count"
    UNKNOWN_DEPARTMENT = "unknown_department"
    UNKNOWN_JOB = "unknown_job"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wrong with a row.

    `field` is None where the row as a whole is wrong. `message` is for people and never holds the
    value itself, which may be somebody's name.
    """

    field: str | None
    code: RejectCode
    message: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row was rejected first: in which load, by its id, and on which line of its source."""

    load_id: str
    line: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not taken.

    `record` counts the rows of the source from 1, without header and blank lines; `line` is the
    physical line on which the row starts, from 1; `raw` is the row exactly as it came, without its
    line end; `row_id` is its id where that could be read. `origin` is the reject of an earlier load
    that the row was meant to correct.
    """

    record: int
    line: int
    raw: bytes
    row_id: int | None
    reasons: tuple[Reason, ...]
    origin: Origin | None = None

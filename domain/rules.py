"""The kinds of rule that a field of the data dictionary can carry.

A rule is data: the check of CSV and JSON rows, the SQL columns, the OpenAPI schemas and the data
dictionary page are all derived from it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.reject import RejectCode

if TYPE_CHECKING:
    from domain.table import Table

# What is trimmed around a value: exactly the characters that str.isspace() accepts.
BLANKS = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

MAX_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number in plain ASCII digits, from `minimum` to `maximum`, both included."""

    description: str
    minimum: int = 1
    maximum: int = MAX_ID


@dataclass(frozen=True, slots=True)
class Key(Integer):
    """The whole number that identifies a row of its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(Integer):
    """The id of a row that must exist in `table`; otherwise the row is rejected with `unknown`."""

    table: "Table"
    unknown: RejectCode


@dataclass(frozen=True, slots=True)
class Text:
    """One to `maximum` characters (Unicode code points), any but NUL."""

    description: str
    maximum: int = 255


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A moment: ISO 8601 date and time with seconds, kept as UTC in microseconds.

    An optional fraction of any length (cut to microseconds), then `Z`, an offset or nothing, which
    means UTC. The date is a real one and lies in the years 1 to 9999 in UTC.
    """

    description: str


Rule = Integer | Text | Timestamp


def explain(field: str, rule: Rule, code: RejectCode) -> str:
    """Say what is wrong with the value of `field` in a sentence that holds no value of the row."""
    match code, rule:
        case RejectCode.MISSING_VALUE, _:
            return f"{field} is missing"
        case RejectCode.NOT_AN_INTEGER, _:
            return f"{field} must be a whole number in plain digits"
        case RejectCode.OUT_OF_RANGE, Integer(minimum=low, maximum=high):
            return f"{field} must be between {low} and {high}"
        case RejectCode.NOT_A_TEXT, _:
            return f"{field} must be a text"
        case RejectCode.NOT_A_TIMESTAMP, _:
            return f"{field} must be an ISO 8601 date and time of a real calendar date"
        case RejectCode.TOO_LONG, Text(maximum=high):
            return f"{field} is longer than {high} characters"
        case RejectCode.BAD_ENCODING, _:
            return f"{field} is not valid UTF-8"
        case RejectCode.FORBIDDEN_CHARACTER, _:
            return f"{field} contains a NUL character"
        case _, Reference(table=table):
            return f"{field} is not the id of any row in {table.name}"
    raise ValueError(f"{code} does not apply to {field}")


def explain_row(code: RejectCode) -> str:
    """Say what is wrong with a row as a whole."""
    match code:
        case RejectCode.WRONG_COLUMN_COUNT:
            return "the row does not have exactly the columns of the table"
        case RejectCode.TOO_LONG:
            return "the row is longer than 1 MiB"
    raise ValueError(f"{code} does not apply to a row")

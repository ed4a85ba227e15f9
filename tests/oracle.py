"""What a load does with the bytes of a CSV file: the slow and obvious reference.

Property tests compare the fast, column-based implementation against this one, so it shares no code
with it. It knows only the data dictionary and the standard library, and reads a row at a time.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from domain.load import Counts
from domain.reject import RejectCode
from domain.rules import Integer, Reference, Text, Timestamp
from domain.table import Field, Table

MAX_RECORD = 1 << 20

Value = int | str | dt.datetime
Row = tuple[Value, ...]
Reason = tuple[str | None, RejectCode]
Rejected = tuple[int, int, bytes, int | None, frozenset[Reason]]

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_FIELD_END = re.compile(rb"[,\r\n]")
_DIGITS = re.compile(r"[0-9]+")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]+))?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3])(?::?(?P<minutes>[0-5][0-9]))?)?"
)


class BadHeader(Exception):
    """The first row is a header but does not name every field of the table exactly once."""


@dataclass(frozen=True)
class Record:
    """A logical line: `line` is the physical one it starts on, `raw` lacks its line end.

    `fields` is None where the record cannot be split; `oversized` says that this is because its
    first physical line alone is longer than `MAX_RECORD`, in which case `raw` is cut to that.
    """

    line: int
    raw: bytes
    fields: list[bytes] | None
    oversized: bool = False

    @property
    def blank(self) -> bool:
        """Whether this is a single unquoted field of nothing but blanks."""
        # Neither a comma nor a quote is a blank, so looking at the raw bytes is enough.
        text = _decode(self.raw)
        return self.fields is not None and text is not None and text.strip() == ""


@dataclass(frozen=True)
class Outcome:
    """The books of a load, the table's content after it, and the rejected rows in file order.

    A rejected row is (record, line, raw, id where valid, the (field or None, code) of each reason).
    """

    counts: Counts
    rows: dict[int, Row]
    rejects: list[Rejected]


@dataclass(frozen=True)
class Layout:
    """How many columns a row must have, and in which of them each field of the table stands."""

    width: int
    places: tuple[int, ...]
    is_header: bool


def load(
    data: bytes,
    table: Table,
    *,
    parents: Mapping[str, Collection[int]],
    stored: Mapping[int, Row] = {},
    start: int = 0,
    limit: int | None = None,
    update: bool = False,
) -> Outcome:
    """Load the rows of the window in `data` into a table that holds `stored`.

    `parents` holds, by table name, the ids that references may point to.
    """
    if start < 0 or (limit is not None and limit < 1):
        raise ValueError("a window starts at 0 or later and has at least one row")
    tally: Counter[str] = Counter()
    rows = dict(stored)
    rejects: list[Rejected] = []
    layout: Layout | None = None
    number = 0
    for record in records(data):
        if record.blank:
            tally["blank"] += 1
            continue
        if layout is None:
            layout = find_layout(record, table)
            if layout.is_header:
                tally["header"] += 1
                continue
        number += 1
        if number <= start:
            tally["skipped"] += 1
            continue
        tally["processed"] += 1
        row, row_id, reasons = check_row(record, layout, table, parents)
        if reasons or row_id is None:
            tally["errors"] += 1
            rejects.append((number, record.line, record.raw, row_id, reasons))
        elif row_id in rows and not update:
            tally["already_exists"] += 1
        else:
            tally["updated" if row_id in rows else "inserted"] += 1
            rows[row_id] = row
        if limit is not None and number == start + limit:
            break
    lines = sum(tally[kind] for kind in ("header", "blank", "skipped", "processed"))
    return Outcome(Counts(lines=lines, **tally), rows, rejects)


def records(data: bytes) -> Iterator[Record]:
    """Split a file into its records, blank ones included."""
    at = len(_BOM) if data.startswith(_BOM) else 0
    line = 1
    while at < len(data):
        fields, end = _split_record(data, at)
        if fields is None or end - at > MAX_RECORD:
            fields, end = None, _find(_LINE_END, data, at)
        raw = data[at : min(end, at + MAX_RECORD)]
        yield Record(line, raw, fields, oversized=end - at > MAX_RECORD)
        line_end = _LINE_END.match(data, end)
        after = line_end.end() if line_end else end
        line += len(_LINE_END.findall(data[at:after]))
        at = after


def _split_record(data: bytes, at: int) -> tuple[list[bytes] | None, int]:
    """Give the fields of the record at `at`, None if its quoting is broken, and where it ends."""
    fields = []
    while True:
        if data[at : at + 1] == b'"':
            quoted = _quoted_field(data, at)
            if quoted is None:
                return None, at
            field, at = quoted
        else:
            end = _find(_FIELD_END, data, at)
            field, at = data[at:end], end
        fields.append(field)
        if data[at : at + 1] != b",":
            return fields, at
        at += 1


def _quoted_field(data: bytes, start: int) -> tuple[bytes, int] | None:
    """Give the value of the quoted field at `start` and where the field ends, None if broken."""
    close = data.find(b'"', start + 1)
    while close >= 0 and data[close + 1 : close + 2] == b'"':
        close = data.find(b'"', close + 2)
    if close < 0:
        return None
    end = close + 1
    while data[end : end + 1] in (b" ", b"\t"):
        end += 1
    if data[end : end + 1] not in (b"", b",", b"\r", b"\n"):
        return None
    return data[start + 1 : close].replace(b'""', b'"'), end


def _find(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Say where `pattern` first occurs from `at` on, or else where the data ends."""
    found = pattern.search(data, at)
    return found.start() if found else len(data)


def _decode(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def find_layout(first: Record, table: Table) -> Layout:
    """Read the layout of a file off its first record that is not blank."""
    names = [(_decode(field) or "").strip().casefold() for field in first.fields or []]
    if table.key.name not in names or any(name.isdecimal() for name in names):
        return Layout(len(table.fields), tuple(range(len(table.fields))), is_header=False)
    if any(names.count(field.name) != 1 for field in table.fields):
        raise BadHeader(first.raw)
    return Layout(len(names), tuple(names.index(f.name) for f in table.fields), is_header=True)


def check_row(
    record: Record, layout: Layout, table: Table, parents: Mapping[str, Collection[int]]
) -> tuple[Row, int | None, frozenset[Reason]]:
    """Give the row's values (only good if nothing is wrong), its id if valid, and what is wrong."""
    if record.oversized:
        return (), None, frozenset({(None, RejectCode.TOO_LONG)})
    if record.fields is None or len(record.fields) != layout.width:
        return (), None, frozenset({(None, RejectCode.WRONG_COLUMN_COUNT)})
    values: list[Value] = []
    reasons: set[Reason] = set()
    row_id: int | None = None
    for field, place in zip(table.fields, layout.places, strict=True):
        value, code = check_value(field, record.fields[place])
        rule = field.rule
        if isinstance(rule, Reference) and code is None and value not in parents[rule.table.name]:
            code = rule.unknown
        if code is not None:
            reasons.add((field.name, code))
        if value is not None:
            values.append(value)
        if field == table.key and isinstance(value, int):
            row_id = value
    return tuple(values), row_id, frozenset(reasons)


def check_value(field: Field, value: bytes | str) -> tuple[Value | None, RejectCode | None]:
    """Give what is stored for `value`, or the one code that says why it is refused."""
    # A lone surrogate, which JSON can spell, makes bytes that are not UTF-8.
    encoded = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    text = _decode(encoded)
    if text is None:
        return None, RejectCode.BAD_ENCODING
    if "\0" in text:
        return None, RejectCode.FORBIDDEN_CHARACTER
    text = text.strip()
    if text == "":
        return None, RejectCode.MISSING_VALUE
    match field.rule:
        case Integer() as rule:
            return _check_integer(text, rule)
        case Text(maximum=maximum):
            return (None, RejectCode.TOO_LONG) if len(text) > maximum else (text, None)
        case Timestamp():
            moment = _parse_timestamp(text)
            return moment, RejectCode.NOT_A_TIMESTAMP if moment is None else None


def _check_integer(text: str, rule: Integer) -> tuple[int | None, RejectCode | None]:
    if not _DIGITS.fullmatch(text):
        return None, RejectCode.NOT_AN_INTEGER
    digits = text.lstrip("0") or "0"
    # int() refuses thousands of digits, so a number with too many never gets there.
    if len(digits) > len(str(rule.maximum)) or not rule.minimum <= int(digits) <= rule.maximum:
        return None, RejectCode.OUT_OF_RANGE
    return int(digits), None


def _parse_timestamp(text: str) -> dt.datetime | None:
    """Give the moment as a naive datetime in UTC, None if `text` is not a timestamp."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
    microsecond = int((found["fraction"] or "")[:6].ljust(6, "0"))
    offset = dt.timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    try:
        local = dt.datetime(year, month, day, hour, minute, second, microsecond)
        return local + offset if found["sign"] == "-" else local - offset
    except (ValueError, OverflowError):
        return None

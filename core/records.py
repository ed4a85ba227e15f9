"""What a record of a CSV is: RFC 4180, with blanks behind a closing quote and stray quotes inside.

A row whose quoting is broken is no record: among others, an open quote would swallow what follows.
Such a row travels as the one cell of a record.
"""

import re

FIELD = rb'(?:"(?:[^"]++|"")*+"[ \t]*+(?=[,\r\n]|\Z)|(?!")[^,\r\n]*+)'
FIELDS = re.compile(rb"(?:^|,)(%b)" % FIELD)
RECORD = re.compile(rb"%b(?:,%b)*+(?=[\r\n]|\Z)" % (FIELD, FIELD))


def as_record(raw: bytes) -> bytes:
    """The row itself where it is a record, else a record with the row as its only cell."""
    return b'"%b"' % raw.replace(b'"', b'""') if _needs_cell(raw) else raw


def as_row(record: bytes) -> bytes:
    """The row for which `as_record` gave this record."""
    row = _only_cell(record)
    return record if row is None or not _needs_cell(row) else row


def _needs_cell(raw: bytes) -> bool:
    """Whether the row is no record, or one that would be taken for the cell of such a row."""
    if not RECORD.fullmatch(raw):
        return True
    row = _only_cell(raw)
    return row is not None and _needs_cell(row)


def _only_cell(record: bytes) -> bytes | None:
    """The value of the only field of a record, where it is quoted."""
    is_quoted = record.startswith(b'"') and len(FIELDS.findall(record)) == 1
    return unquote(record) if is_quoted else None


def unquote(value: bytes) -> bytes:
    """The value of a field."""
    if not value.startswith(b'"'):
        return value
    return value[1 : value.rindex(b'"')].replace(b'""', b'"')

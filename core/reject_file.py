"""Rejected rows as a CSV to be corrected and sent back.

Each line is the row exactly as it came, with CORRECTION_COLUMNS behind it, by which the service
knows it again. None of what is added holds a comma, a quote or a line break. A row whose quoting is
broken stands there as one cell, so that it ends where it ends.
"""

import csv
import io
from collections.abc import Iterable, Iterator

from core.ports import Accounts, KeptReject
from core.records import as_record
from domain.dictionary import TABLES
from domain.load import Load
from domain.reject import CORRECTION_COLUMNS, Origin, Reject

_PAGE = 1000
_LONGEST_FIELD = 2**31 - 1
# What makes a spreadsheet take a cell for a formula (OWASP: CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def all_rejects(accounts: Accounts, load: Load, *, only_open: bool) -> Iterator[Reject]:
    """Every reject of a load in source order, a page in memory at a time."""
    page: Iterable[KeptReject] = accounts.rejects(load, limit=_PAGE, only_open=only_open)
    while page:
        last = 0
        for kept in page:
            yield kept.reject
            last = kept.reject.record
        page = accounts.rejects(load, after=last, limit=_PAGE, only_open=only_open)


def reject_file(load: Load, rejects: Iterable[Reject]) -> Iterator[bytes]:
    """The lines of the file; the header is the source's, or the names of the table's fields."""
    names = ",".join(field.name for field in TABLES[load.order.table].fields).encode()
    yield _joined(load.source_header or names, CORRECTION_COLUMNS)
    for reject in rejects:
        yield _joined(as_record(reject.raw), _added(load, reject))


def spreadsheet_copy(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same lines for looking at: no cell is a formula, and undecodable bytes are replaced."""
    csv.field_size_limit(_LONGEST_FIELD)
    for line in lines:
        text = io.StringIO(line.decode(errors="replace").replace("\0", "\ufffd"), newline="")
        output = io.StringIO(newline="")
        writer = csv.writer(output)
        for row in csv.reader(text):
            writer.writerow(
                [f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell for cell in row]
            )
        yield output.getvalue().encode()


def _added(load: Load, reject: Reject) -> tuple[str, ...]:
    origin = reject.origin or Origin(load.id, reject.line)
    return (
        origin.load_id,
        str(origin.line),
        "; ".join(reason.field or "" for reason in reject.reasons),
        "; ".join(reason.code for reason in reject.reasons),
        "; ".join(reason.message for reason in reject.reasons),
    )


def _joined(raw: bytes, values: Iterable[str]) -> bytes:
    return b",".join([raw, *(value.encode() for value in values)]) + b"\r\n"

"""Take rows of a JSON request: the same rules as for a CSV, on the values as JSON has them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from core import rules
from core.errors import WrongRowCount
from core.frames import records_schema
from core.ports import Database
from core.write_batch import BatchResult, judge, write_batch
from domain.load import OnConflict
from domain.reject import RejectCode
from domain.rules import Integer, Text
from domain.table import Field, Table

MAX_ROWS = 1000


@dataclass(frozen=True, slots=True)
class InsertRows:
    """The use case with its port."""

    database: Database

    def __call__(self, table: Table, rows: Sequence[object]) -> BatchResult:
        """Write the good ones of 1 to MAX_ROWS rows; records are numbered from 1.

        Raises WrongRowCount for fewer or more rows.
        """
        if not 1 <= len(rows) <= MAX_ROWS:
            raise WrongRowCount(f"a request takes 1 to {MAX_ROWS} rows, not {len(rows)}")
        checked = _mark_texts(rules.check(_frame(table, rows), table), table, rows)
        with self.database.begin() as transaction:
            judged = judge(transaction, checked, table)
            store = partial(transaction.store, table, on_conflict=OnConflict.SKIP, load_number=None)
            return write_batch(judged, table, OnConflict.SKIP, store)


def _frame(table: Table, rows: Sequence[object]) -> pl.DataFrame:
    """Rows as records: each value as the text that stands for it in a CSV."""
    numbers = range(1, len(rows) + 1)
    names = {field.name for field in table.fields}
    columns: dict[str, object] = {
        "origin_load_id": None,
        "origin_line": None,
        "record": numbers,
        "line": numbers,
        "raw": [json.dumps(row).encode() for row in rows],
        "problem": [None if _has_only(row, names) else "wrong_column_count" for row in rows],
    }
    for field in table.fields:
        columns[field.name] = [_text(field, _value(row, field)) for row in rows]
    schema = records_schema(table)
    return pl.DataFrame(columns, schema={name: schema[name] for name in columns})


def _has_only(row: object, names: set[str]) -> bool:
    return isinstance(row, Mapping) and row.keys() <= names


def _value(row: object, field: Field) -> object:
    return row.get(field.name) if isinstance(row, Mapping) else None


def _text(field: Field, value: object) -> str | None:
    """The value as text; one of another JSON type becomes a text that its rule refuses."""
    if value is None:
        return ""
    if isinstance(value, str) and (not isinstance(field.rule, Integer) or not value.strip()):
        return value if _is_unicode(value) else None
    return json.dumps(value)


def _is_unicode(value: str) -> bool:
    """Whether there is no lone surrogate in it, which JSON can spell and UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _mark_texts(checked: pl.DataFrame, table: Table, rows: Sequence[object]) -> pl.DataFrame:
    """Refuse numbers and the like where a text belongs: as texts they would pass."""
    for field in table.fields:
        if not isinstance(field.rule, Text):
            continue
        values = (_value(row, field) for row in rows)
        wrong = pl.Series([value is not None and not isinstance(value, str) for value in values])
        code = pl.lit(RejectCode.NOT_A_TEXT.value)
        name = rules.code_name(field.name)
        checked = checked.with_columns(pl.when(wrong).then(code).otherwise(name).alias(name))
    return checked

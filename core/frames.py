"""The columnar forms in which rows travel from a reader through the checks into the database.

Records (what a reader yields), one line of the frame per logical line of the source, in order:

    kind        `ROW`, `BLANK` or `HEADER`
    record      rows so far, this one included (the row's number, from 1)
    line        physical line on which it starts, from 1
    end_line    physical lines up to its end
    end_offset  bytes up to its end, line end included
    raw         its exact bytes without the line end
    problem     the code of what is wrong with the record as a whole, or null
    origin_…    in a file of corrected rows: the load and the line of the reject, else null
    <field>     the text of each field of the table; null where the bytes are not UTF-8

Checked rows: `record` and one typed column per field: Int64, String, or Datetime (naive UTC, µs).
"""

import polars as pl

from domain.load import Position
from domain.rules import Integer, Rule, Text, Timestamp
from domain.table import Table

ROW, BLANK, HEADER = 0, 1, 2

POSITION_COLUMNS: dict[str, pl.DataType] = {
    "kind": pl.UInt8(),
    "record": pl.Int64(),
    "line": pl.Int64(),
    "end_line": pl.Int64(),
    "end_offset": pl.Int64(),
    "raw": pl.Binary(),
    "problem": pl.String(),
    "origin_load_id": pl.String(),
    "origin_line": pl.Int64(),
}


def records_schema(table: Table) -> dict[str, pl.DataType]:
    """The columns of a frame of records of `table`."""
    return POSITION_COLUMNS | {field.name: pl.String() for field in table.fields}


def end_of(frame: pl.DataFrame) -> Position:
    """The position behind the last record of a frame of records."""
    return Position(*frame.select("end_offset", "end_line", "record").row(-1))


def column_type(rule: Rule) -> pl.DataType:
    """The type of a checked column."""
    match rule:
        case Integer():
            return pl.Int64()
        case Text():
            return pl.String()
        case Timestamp():
            return pl.Datetime("us")

"""CSV to frames of records, on columns: lines are split at their commas by the data-frame library.

Only records with quotes or undecodable bytes are split one by one (see `infra.csv.blocks`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import polars as pl

from core.errors import BadHeader
from core.frames import BLANK, HEADER, ROW, end_of, records_schema
from core.ports import ByteStream
from core.records import as_row
from domain.load import Position
from domain.reject import CORRECTION_COLUMNS, RejectCode
from domain.rules import BLANKS
from domain.table import Table
from infra.csv.blocks import (
    MAX_RECORD,
    PLACEHOLDER,
    Block,
    ExactRecord,
    blocks,
    isolate_undecodable,
)

# Each column of the file costs memory for every row, whether it is used or not.
_MAX_COLUMNS = 100
_PLACE = ("line", "end_line", "end_offset")
_ADDED = len(CORRECTION_COLUMNS)
# How the columns begin that the service added to a rejected row: the id of a load, and a line.
_LOAD_ID, _LINE = "[0-9a-f-]{36}", "[0-9]{1,18}"
_CORRECTION = f"^(.*),({_LOAD_ID}),({_LINE})(?:,[^,]*){{{_ADDED - 2}}}$"


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the fields of a table lie in a file: column indexes, and the line of the header.

    The last columns of a file `is_correction` are those that the service added to rejected rows.
    """

    columns: dict[str, int]
    width: int
    header_line: int | None = None
    is_correction: bool = False


class CsvReader:
    """Reads UTF-8 CSV after RFC 4180, with or without a header row."""

    def read(
        self, open_at: Callable[[int], ByteStream], table: Table, position: Position
    ) -> Iterator[pl.DataFrame]:
        """Yield the records behind `position`, about 1 MiB of the source at a time."""
        layout = None
        if position.offset:
            with closing(open_at(0)) as stream:
                layout = _find_layout(_lines(stream, Position()), table)
        with closing(open_at(position.offset)) as stream:
            for lines in _lines(stream, position):
                layout = layout or _find_layout([lines], table)
                frame = _records(lines, table, layout or _plain_layout(table), position.record)
                yield frame
                position = end_of(frame)


@dataclass(frozen=True, slots=True)
class _Lines:
    """The logical lines of a block: text, place and, for some, the exact record."""

    frame: pl.DataFrame
    exact: tuple[ExactRecord, ...]

    def first_record(self) -> tuple[int, list[bytes]] | None:
        """The physical line and the fields of the first line that is not blank."""
        filled = self.frame.filter(pl.col("is_exact") | ~_is_blank()).head(1)
        if filled.is_empty():
            return None
        line, text, is_exact = filled.select("line", "text", "is_exact").row(0)
        raw = text.encode()
        record = self.exact[0] if is_exact else ExactRecord(raw, len(raw))
        return line, record.fields() or []


def _lines(stream: ByteStream, start: Position) -> Iterator[_Lines]:
    line = start.line
    for block in blocks(stream, start.offset):
        lines = _split_lines(block, line)
        yield lines
        line = lines.frame.item(-1, "end_line")


def _split_lines(block: Block, line: int) -> _Lines:
    try:
        text = _text(block)
    except pl.exceptions.ComputeError:
        block = isolate_undecodable(block)
        text = _text(block)
    frame = text.str.split("\n").explode().alias("text").to_frame()
    frame = frame.select(
        pl.col("text").str.strip_suffix("\r"),
        size=pl.col("text").str.len_bytes().cast(pl.Int64) + 1,
        breaks=pl.lit(0, pl.Int64),
        is_exact=pl.col("text").str.strip_suffix("\r") == PLACEHOLDER.decode(),
    )
    if block.exact:
        at = frame.get_column("is_exact").arg_true()
        size = [record.size - len(PLACEHOLDER) for record in block.exact]
        breaks = pl.Series([record.breaks for record in block.exact], dtype=pl.Int64)
        longer = frame.get_column("size").gather(at) + pl.Series(size, dtype=pl.Int64)
        frame = frame.with_columns(
            frame.get_column("size").scatter(at, longer),
            frame.get_column("breaks").scatter(at, breaks),
        )
    end_line = line + (pl.col("breaks") + 1).cum_sum()
    end_offset = block.offset + pl.col("size").cum_sum()
    return _Lines(
        frame.select(
            "text",
            "is_exact",
            line=end_line - pl.col("breaks"),
            end_line=end_line,
            end_offset=end_offset.clip(upper_bound=block.offset + block.size),
        ),
        block.exact,
    )


def _text(block: Block) -> pl.Series:
    return pl.Series([block.skeleton.removesuffix(b"\n")], dtype=pl.Binary).cast(pl.String)


def _is_blank() -> pl.Expr:
    text = pl.col("text")
    return (text.str.strip_chars(BLANKS) == "") & (text.str.len_bytes() <= MAX_RECORD)


def _plain_layout(table: Table) -> _Layout:
    return _Layout({field.name: n for n, field in enumerate(table.fields)}, len(table.fields))


def _find_layout(lines: Iterable[_Lines], table: Table) -> _Layout | None:
    """Read the layout off the first record that is not blank; None where there is none yet."""
    first = next(filter(None, (part.first_record() for part in lines)), None)
    if first is None:
        return None
    line, values = first
    names = [value.decode(errors="replace").strip().casefold() for value in values]
    if table.key.name not in names or any(name.isdecimal() for name in names):
        return _plain_layout(table)
    is_correction = tuple(names[-_ADDED:]) == CORRECTION_COLUMNS
    if len(names) > _MAX_COLUMNS + _ADDED * is_correction:
        raise BadHeader(f"the header of {table.name} has more than {_MAX_COLUMNS} columns")
    for field in table.fields:
        if names.count(field.name) != 1:
            problem = "lacks" if field.name not in names else "has more than one"
            raise BadHeader(f"the header of {table.name} {problem} column {field.name!r}")
    columns = {field.name: names.index(field.name) for field in table.fields}
    return _Layout(columns, len(names), line, is_correction)


def _records(lines: _Lines, table: Table, layout: _Layout, rows_before: int) -> pl.DataFrame:
    """Split the lines into the fields of `table`."""
    frame = _split_plain(lines.frame.filter(~pl.col("is_exact")), layout)
    if lines.exact:
        exact = _split_exact(lines.frame.filter("is_exact"), lines.exact, layout)
        frame = frame.merge_sorted(exact, key="line")
    is_header = pl.col("line") == (layout.header_line or 0)
    kind = pl.when(is_header).then(HEADER).when("is_blank").then(BLANK).otherwise(ROW)
    return (
        frame.with_columns(kind=kind.cast(pl.UInt8))
        .with_columns(record=rows_before + (pl.col("kind") == ROW).cast(pl.Int64).cum_sum())
        .select(list(records_schema(table)))
    )


def _split_plain(frame: pl.DataFrame, layout: _Layout) -> pl.DataFrame:
    text = pl.col("text")
    commas = text.str.count_matches(",", literal=True)
    values = text.str.split_exact(",", layout.width - 1).struct
    return frame.select(
        *_PLACE,
        is_blank=_is_blank(),
        raw=_own_text(text, commas, layout).cast(pl.Binary).bin.slice(0, MAX_RECORD),
        problem=_problem(text.str.len_bytes(), commas + 1, layout),
        **_origin(text, layout),
        **{name: values.field(f"field_{column}") for name, column in layout.columns.items()},
    )


def _own_text(text: pl.Expr, commas: pl.Expr, layout: _Layout) -> pl.Expr:
    """The record as it was in the file that it was rejected from."""
    if not layout.is_correction:
        return text
    cut = text.str.extract(f"^(.*?)(?:,[^,]*){{{_ADDED}}}$")
    has_all = (commas + 1 == layout.width) | text.str.contains(_CORRECTION)
    return pl.when(has_all).then(cut).otherwise(text)


def _origin(text: pl.Expr, layout: _Layout) -> dict[str, pl.Expr]:
    """The load and the line of the reject that the record corrects, else null."""
    load_id, line = (
        text.str.extract(_CORRECTION, group) if layout.is_correction else pl.lit(None, pl.String)
        for group in (2, 3)
    )
    return {"origin_load_id": load_id, "origin_line": line.cast(pl.Int64)}


def _split_exact(
    frame: pl.DataFrame, records: Sequence[ExactRecord], layout: _Layout
) -> pl.DataFrame:
    split = [record.fields() or [] for record in records]
    whole = [values if len(values) == layout.width else None for values in split]
    values = {
        name: [_decode(row[column]) if row else None for row in whole]
        for name, column in layout.columns.items()
    }
    origins = [_exact_origin(row, layout) for row in split]
    found = pl.DataFrame(
        {
            "raw": [
                as_row(record.without_last(_ADDED))
                if layout.is_correction and (origin or row)
                else record.raw
                for record, row, origin in zip(records, whole, origins, strict=True)
            ],
            "size": [record.size for record in records],
            "columns": [len(row) for row in split],
            "origin_load_id": [origin and origin[0] for origin in origins],
            "origin_line": [origin and origin[1] for origin in origins],
            **values,
        },
        schema_overrides={"raw": pl.Binary, "origin_load_id": pl.String, "origin_line": pl.Int64}
        | dict.fromkeys(values, pl.String),
    )
    problem = _problem(pl.col("size"), pl.col("columns"), layout)
    found = found.select("raw", problem, "origin_load_id", "origin_line", *values)
    return frame.select(*_PLACE, is_blank=pl.lit(False)).hstack(found)


def _exact_origin(values: Sequence[bytes], layout: _Layout) -> tuple[str, int] | None:
    if not layout.is_correction or len(values) <= _ADDED:
        return None
    load_id, line = (_decode(value) or "" for value in values[-_ADDED:][:2])
    is_ours = re.fullmatch(_LOAD_ID, load_id) and re.fullmatch(_LINE, line)
    return (load_id, int(line)) if is_ours else None


def _problem(size: pl.Expr, columns: pl.Expr, layout: _Layout) -> pl.Expr:
    """What is wrong with a record of `size` bytes and so many columns, or null."""
    return (
        pl.when(size > MAX_RECORD)
        .then(pl.lit(RejectCode.TOO_LONG.value))
        .when(columns != layout.width)
        .then(pl.lit(RejectCode.WRONG_COLUMN_COUNT.value))
        .alias("problem")
    )


def _decode(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None

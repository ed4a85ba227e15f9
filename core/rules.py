"""The rules of the data dictionary, checked on whole columns.

Each kind of rule is spelled as a pattern and a range, never as "whatever a cast accepts": casts
take `+7`, `1e3` or 30 February. `tests/oracle.py` says the same in plain Python.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from core.frames import column_type
from domain.reject import Origin, Reason, Reject, RejectCode
from domain.rules import BLANKS, Integer, Rule, Text, Timestamp, explain, explain_row
from domain.table import Field, Table

_DIGITS = "^[0-9]+$"
_TIMESTAMP = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]"
    "([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?$"
)
_OFFSET = "([+-])([0-9]{2}):?([0-9]{2})?$"
_WITHOUT_ZONE = len("2021-07-27T16:02:08")


def check(records: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Add a typed column and a code column (null where nothing is wrong) for each field.

    The text columns of `records` are replaced; a typed value is null where its code is not.
    """
    stripped = records.with_columns(
        pl.col(field.name).str.strip_chars(BLANKS) for field in table.fields
    )
    typed = stripped.with_columns(_typed(field).alias(_typed_name(field)) for field in table.fields)
    coded = typed.with_columns(_code(field).alias(code_name(field.name)) for field in table.fields)
    return coded.with_columns(
        pl.when(pl.col(code_name(field.name)).is_null())
        .then(_typed_name(field))
        .cast(column_type(field.rule))
        .alias(field.name)
        for field in table.fields
    ).drop(_typed_name(field) for field in table.fields)


def check_references(
    checked: pl.DataFrame, table: Table, known: Mapping[str, pl.Series]
) -> pl.DataFrame:
    """Add the code of every reference whose id is not among the `known` ids of its table."""
    return checked.with_columns(
        pl.when(pl.col(name).is_not_null() & ~pl.col(name).is_in(known[rule.table.name].implode()))
        .then(pl.lit(rule.unknown.value))
        .otherwise(code_name(name))
        .alias(code_name(name))
        for name, rule in table.references
    )


def is_good(table: Table) -> pl.Expr:
    """True for the rows in which nothing is wrong."""
    return pl.all_horizontal(
        pl.col("problem").is_null(),
        *(pl.col(code_name(field.name)).is_null() for field in table.fields),
    )


def rejects(bad: pl.DataFrame, table: Table) -> list[Reject]:
    """Spell out what is wrong with each of the `bad` rows."""
    codes = ["problem", *(code_name(field.name) for field in table.fields)]
    # Many rows have the same faults; what is said of them is put together once.
    known = {key: tuple(_reasons(key, table)) for key in bad.select(codes).unique().iter_rows()}
    places = ["record", "line", "raw", table.key.name, "origin_load_id", "origin_line"]
    return [
        Reject(record, line, raw, None if key[0] else row_id, known[key], _origin(load_id, at))
        for (record, line, raw, row_id, load_id, at), key in zip(
            bad.select(places).iter_rows(), bad.select(codes).iter_rows(), strict=True
        )
    ]


def code_name(field: str) -> str:
    """The name of the column that holds the code of `field`."""
    return f"{field} code"


def origins(good: pl.DataFrame) -> list[Origin]:
    """The earlier rejects that these rows correct."""
    corrections = good.select("origin_load_id", "origin_line").drop_nulls()
    return [Origin(*row) for row in corrections.iter_rows()]


def _origin(load_id: str | None, line: int | None) -> Origin | None:
    return None if load_id is None or line is None else Origin(load_id, line)


def _typed_name(field: Field) -> str:
    return f"{field.name} typed"


def _typed(field: Field) -> pl.Expr:
    """Read the value; null where that fails, yet not only what the rule forbids."""
    text = pl.col(field.name)
    match field.rule:
        case Integer():
            return text.cast(pl.Int64, strict=False)
        case Text():
            return text
        case Timestamp():
            return _moment(text)


def _moment(text: pl.Expr) -> pl.Expr:
    """Naive UTC; means nothing where the text does not match _TIMESTAMP."""
    local = text.str.slice(0, _WITHOUT_ZONE).str.to_datetime(
        "%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us"
    )
    fraction = text.str.extract("[.]([0-9]{1,6})").str.pad_end(6, "0").cast(pl.Int64, strict=False)
    hours, minutes = (text.str.extract(_OFFSET, group).cast(pl.Int64) for group in (2, 3))
    ahead = hours * 60 + minutes.fill_null(0)
    offset = pl.when(text.str.extract(_OFFSET, 1) == "-").then(-ahead).otherwise(ahead)
    return local + pl.duration(
        microseconds=fraction.fill_null(0), minutes=-offset.fill_null(0), time_unit="us"
    )


def _code(field: Field) -> pl.Expr:
    """The first thing that is wrong with the value, or null."""
    text, typed = pl.col(field.name), pl.col(_typed_name(field))
    return pl.coalesce(
        pl.when(condition).then(pl.lit(code.value))
        for condition, code in (
            (text.is_null(), RejectCode.BAD_ENCODING),
            (text.str.contains("\0", literal=True), RejectCode.FORBIDDEN_CHARACTER),
            (text == "", RejectCode.MISSING_VALUE),
            *_own_codes(field.rule, text, typed),
        )
    )


def _own_codes(rule: Rule, text: pl.Expr, typed: pl.Expr) -> Iterable[tuple[pl.Expr, RejectCode]]:
    match rule:
        case Integer():
            yield ~text.str.contains(_DIGITS), RejectCode.NOT_AN_INTEGER
            in_range = typed.is_between(rule.minimum, rule.maximum).fill_null(value=False)
            yield ~in_range, RejectCode.OUT_OF_RANGE
        case Text():
            yield text.str.len_chars() > rule.maximum, RejectCode.TOO_LONG
        case Timestamp():
            is_real = (
                text.str.contains(_TIMESTAMP)
                & ~text.str.starts_with("0000")
                & typed.dt.year().is_between(1, 9999).fill_null(value=False)
            )
            yield ~is_real, RejectCode.NOT_A_TIMESTAMP


def _reasons(codes: tuple[str | None, ...], table: Table) -> Iterable[Reason]:
    """What is wrong with a row, by the code of the row as a whole and those of its fields."""
    problem, *of_fields = codes
    if problem:
        code = RejectCode(problem)
        yield Reason(None, code, explain_row(code))
        return
    for field, value in zip(table.fields, of_fields, strict=True):
        if value:
            code = RejectCode(value)
            yield Reason(field.name, code, explain(field.name, field.rule, code))

"""The checks on columns say what the plain-Python oracle says, value for value."""

import datetime as dt
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import rules
from core.frames import records_schema
from domain.rules import BLANKS
from domain.table import Field, Table
from tests import hostile, oracle
from tests.support import EMPLOYEES, examples

FIELDS = {field.name: field for field in EMPLOYEES.fields}
each_field = pytest.mark.parametrize("name", FIELDS)


def checked(values: list[bytes], field: Field) -> list[tuple[object, str | None]]:
    """The typed value and the code that the checks give for each of the values."""
    table = Table("table", "", (field,))
    texts = [oracle._decode(value) for value in values]
    columns = {"problem": [None] * len(values), field.name: texts}
    schema = {name: kind for name, kind in records_schema(table).items() if name in columns}
    frame = rules.check(pl.DataFrame(columns, schema=schema), table)
    return frame.select(field.name, rules.code_name(field.name)).rows()


def expected(values: list[bytes], field: Field) -> list[tuple[object, str | None]]:
    return [oracle.check_value(field, value) for value in values]


def differences(values: list[bytes], field: Field) -> list[object]:
    rows = zip(values, checked(values, field), expected(values, field), strict=True)
    return [(value, found, wanted) for value, found, wanted in rows if found != wanted]


@each_field
def test_thousands_of_hostile_values_get_the_verdict_of_the_oracle(name: str) -> None:
    random = Random(name)
    values = [hostile.value(random, FIELDS[name].rule) for _ in range(20_000)]
    assert differences(values, FIELDS[name]) == []


@each_field
@examples(25)
@given(data=st.data())
def test_any_text_gets_the_verdict_of_the_oracle(name: str, data: st.DataObject) -> None:
    signs = st.sampled_from("0123456789-:.TZ+eE_ \0\u0661\u00a0\u2028é")
    texts = st.lists(st.text() | st.text(signs, max_size=30), max_size=40)
    values = [text.encode() for text in data.draw(texts)]
    assert differences(values, FIELDS[name]) == []


@examples(25)
@given(
    moment=st.datetimes(),
    digits=st.text("0123456789", max_size=12),
    offset=st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_every_moment_with_any_fraction_and_offset_is_the_moment_of_the_oracle(
    moment: dt.datetime, digits: str, offset: int
) -> None:
    local = moment.replace(microsecond=0).isoformat() + (f".{digits}" if digits else "")
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    zones = ["", "Z", f"{sign}{hours:02}:{minutes:02}", f"{sign}{hours:02}{minutes:02}"]
    values = [(local + zone).encode() for zone in zones]
    assert differences(values, FIELDS["datetime"]) == []


def test_every_day_of_the_calendar_is_real_or_refused() -> None:
    values = [
        b"%04d-%02d-%02dT00:00:00" % (year, month, day)
        for year in (0, 1, 1900, 2000, 2021, 2024, 2100, 9999)
        for month in range(14)
        for day in range(33)
    ]
    found = checked(values, FIELDS["datetime"])
    assert found == expected(values, FIELDS["datetime"])
    assert sum(code is None for _, code in found) == 7 * 365 + 2


def test_every_character_around_and_within_a_number_gets_the_verdict_of_the_oracle() -> None:
    characters = [chr(number) for number in range(0x3100) if chr(number) not in "\n\r"]
    for spelling in ("{}7", "7{}", "{}"):
        values = [spelling.format(character).encode() for character in characters]
        assert differences(values, FIELDS["id"]) == []


def test_what_is_trimmed_is_what_python_calls_a_blank() -> None:
    assert set(BLANKS) == {chr(number) for number in range(0x110000) if chr(number).isspace()}

"""The SQL tables are derived from the data dictionary and say what it says."""

import pytest
import sqlalchemy as sa

from domain.dictionary import TABLES
from domain.load import Counts, Load, LoadOrder, Position
from domain.rules import Integer, Key, Reference, Rule, Text, Timestamp
from domain.table import Table
from infra.db.schema import loads, tables

each_table = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


def kind(rule: Rule) -> type[object]:
    match rule:
        case Integer():
            return sa.Integer
        case Text():
            return sa.Unicode
        case Timestamp():
            return sa.DateTime


def test_there_is_a_table_for_each_of_the_dictionary() -> None:
    assert list(tables) == list(TABLES)
    assert [table.name for table in tables.values()] == list(TABLES)


@each_table
def test_the_columns_are_the_fields_and_who_loaded_the_row(table: Table) -> None:
    names = [field.name for field in table.fields]
    assert list(tables[table.name].c.keys()) == [*names, "loaded_by"]


@each_table
def test_a_column_has_the_type_and_length_of_its_rule_and_is_never_null(table: Table) -> None:
    for field in table.fields:
        column = tables[table.name].c[field.name]
        assert type(column.type) is kind(field.rule)
        assert getattr(column.type, "length", None) == getattr(
            field.rule, "maximum" if isinstance(field.rule, Text) else "", None
        )
        assert not column.nullable
        assert not column.autoincrement


@each_table
def test_the_key_is_the_primary_key_and_no_moment_has_a_zone(table: Table) -> None:
    found = tables[table.name]
    assert [column.name for column in found.primary_key] == [table.key.name]
    assert all(not getattr(column.type, "timezone", False) for column in found.c)
    assert all(isinstance(f.rule, Key) == found.c[f.name].primary_key for f in table.fields)


@each_table
def test_foreign_keys_are_the_references(table: Table) -> None:
    found = {(key.parent.name, key.target_fullname) for key in tables[table.name].foreign_keys}
    assert found == {(name, f"{rule.table.name}.id") for name, rule in table.references}
    assert all(isinstance(rule, Reference) for _, rule in table.references)


def test_the_ledger_keeps_every_part_of_a_load() -> None:
    parts = {"order", "position", "counts"}
    names = {*LoadOrder.__slots__, *Position.__slots__, *Counts.__slots__, *Load.__slots__} - parts
    assert set(loads.c.keys()) == names - {"table"} | {"table_name", "retry_at"}

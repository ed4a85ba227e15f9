"""The data dictionary says what the entities declare and what the contract asks for."""

import datetime as dt
from dataclasses import FrozenInstanceError, dataclass, fields
from typing import Annotated, get_type_hints

import pytest

from domain.department import Department
from domain.dictionary import TABLES
from domain.employee import Employee
from domain.job import Job
from domain.reject import RejectCode
from domain.rules import MAX_ID, Integer, Key, Rule, Text, Timestamp
from domain.table import Table

ENTITIES = {"departments": Department, "jobs": Job, "hired_employees": Employee}
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))


def test_parents_stand_before_the_tables_that_refer_to_them() -> None:
    seen: list[Table] = []
    for table in TABLES.values():
        assert all(rule.table in seen for _, rule in table.references)
        seen.append(table)


def test_the_tables_are_those_of_the_entities() -> None:
    assert list(TABLES) == list(ENTITIES)
    assert all(name == table.name for name, table in TABLES.items())


@each_table
def test_a_table_has_the_fields_of_its_entity_in_order_with_a_described_rule(table: Table) -> None:
    entity = ENTITIES[table.name]
    assert [field.name for field in table.fields] == [field.name for field in fields(entity)]
    assert table.description == entity.__doc__
    assert all(field.rule.description for field in table.fields)


@each_table
def test_the_type_of_a_field_is_the_one_that_its_rule_gives(table: Table) -> None:
    hints = get_type_hints(ENTITIES[table.name])
    for field in table.fields:
        assert hints[field.name] is type_of(field.rule)


def type_of(rule: Rule) -> type:
    match rule:
        case Integer():
            return int
        case Text():
            return str
        case Timestamp():
            return dt.datetime


@each_table
def test_a_table_has_one_key_which_is_its_first_field(table: Table) -> None:
    keys = [field for field in table.fields if isinstance(field.rule, Key)]
    assert keys == [table.key] == [table.fields[0]]
    assert table.key.name == "id"


@each_table
def test_the_limits_are_those_of_the_contract(table: Table) -> None:
    for field in table.fields:
        match field.rule:
            case Integer(minimum=low, maximum=high):
                assert (low, high) == (1, MAX_ID) == (1, 2147483647)
            case Text(maximum=high):
                assert high == 255


def test_employees_refer_to_departments_and_jobs() -> None:
    found = {name: (r.table.name, r.unknown) for name, r in TABLES["hired_employees"].references}
    assert found == {
        "department_id": ("departments", RejectCode.UNKNOWN_DEPARTMENT),
        "job_id": ("jobs", RejectCode.UNKNOWN_JOB),
    }


def test_a_table_can_be_read_off_any_entity() -> None:
    @dataclass
    class Thing:
        number: Annotated[int, Key("Number")]

    table = Table.of("things", Thing)
    assert (table.key.name, table.references) == ("number", ())


def test_entities_do_not_change() -> None:
    job = Job(1, "Tailor")
    with pytest.raises(FrozenInstanceError):
        job.job = "Smith"  # type: ignore[misc]

"""Rows of a JSON request are held against the rules of the dictionary, type by type."""

import datetime as dt
from collections.abc import Sequence

import pytest

import main
from core.errors import WrongRowCount
from core.insert_rows import MAX_ROWS, InsertRows
from domain.load import Counts
from domain.reject import RejectCode
from domain.rules import Integer, Rule, Text, Timestamp
from tests.support import EMPLOYEES, JOBS, content, put_parents

GOOD = {
    "id": 1,
    "name": " Ann Lee ",
    "datetime": "2021-07-27T16:02:08.5+02:00",
    "department_id": 2,
    "job_id": 3,
}
NOT_INTEGERS: tuple[object, ...] = (
    True,
    False,
    1.0,
    1.5,
    1e300,
    -1,
    [],
    [1],
    {},
    {"a": 1},
    "1",
    "one",
    "+1",
    '"',
)
NOT_TEXTS: tuple[object, ...] = (True, False, 0, 1.5, [], ["Ann"], {}, {"a": "Ann"})
NOT_TIMESTAMPS: tuple[object, ...] = (
    True,
    0,
    1627401728,
    1.5,
    [],
    {},
    "2021-02-30T00:00:00Z",
    "now",
    "2021-07-27",
)


@pytest.fixture
def insert(parts: main.Composition) -> InsertRows:
    put_parents(parts.service.insert_rows.database)
    return parts.service.insert_rows


Wrong = list[tuple[str | None, RejectCode]]


def wrong(insert: InsertRows, rows: Sequence[object]) -> list[Wrong]:
    """What is wrong with each of the rows, of which none is good."""
    rejects = insert(EMPLOYEES, rows).rejects
    assert [reject.record for reject in rejects] == list(range(1, len(rows) + 1))
    return [[(reason.field, reason.code) for reason in reject.reasons] for reject in rejects]


def code_of(rule: Rule) -> RejectCode:
    match rule:
        case Integer():
            return RejectCode.NOT_AN_INTEGER
        case Text():
            return RejectCode.NOT_A_TEXT
        case Timestamp():
            return RejectCode.NOT_A_TIMESTAMP


def test_a_good_row_is_stored_trimmed_and_in_utc(
    insert: InsertRows, parts: main.Composition
) -> None:
    result = insert(EMPLOYEES, [GOOD])
    assert (result.counts, result.rejects) == (Counts(processed=1, inserted=1), [])
    moment = dt.datetime(2021, 7, 27, 14, 2, 8, 500_000)
    assert content(parts, EMPLOYEES) == {1: (1, "Ann Lee", moment, 2, 3)}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("id", NOT_INTEGERS),
        ("job_id", NOT_INTEGERS),
        ("name", NOT_TEXTS),
        ("datetime", NOT_TIMESTAMPS),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_and_no_other_field_with_it(
    insert: InsertRows, name: str, values: tuple[object, ...]
) -> None:
    rule = next(field.rule for field in EMPLOYEES.fields if field.name == name)
    rows = [GOOD | {name: value} for value in values]
    assert wrong(insert, rows) == [[(name, code_of(rule))]] * len(rows)


def test_a_field_that_is_null_blank_or_not_there_is_missing(insert: InsertRows) -> None:
    for name in GOOD:
        rows = [GOOD | {name: value} for value in (None, "", " \u3000\n")]
        rows.append({key: value for key, value in GOOD.items() if key != name})
        assert wrong(insert, rows) == [[(name, RejectCode.MISSING_VALUE)]] * 4


def test_a_value_of_the_right_type_obeys_the_rules_of_the_csv(insert: InsertRows) -> None:
    cases: list[tuple[str, object, RejectCode]] = [
        ("id", 0, RejectCode.OUT_OF_RANGE),
        ("id", 2**31, RejectCode.OUT_OF_RANGE),
        ("id", 10**40, RejectCode.OUT_OF_RANGE),
        ("department_id", 6, RejectCode.UNKNOWN_DEPARTMENT),
        ("job_id", 2**31 - 1, RejectCode.UNKNOWN_JOB),
        ("name", "x" * 256, RejectCode.TOO_LONG),
        ("name", "Ann\0", RejectCode.FORBIDDEN_CHARACTER),
        ("name", "Ann\ud800", RejectCode.BAD_ENCODING),
        ("datetime", "\udc80", RejectCode.BAD_ENCODING),
        ("datetime", "2021-07-27T16:02:08Z\0", RejectCode.FORBIDDEN_CHARACTER),
    ]
    rows = [GOOD | {name: value} for name, value, _ in cases]
    assert wrong(insert, rows) == [[(name, code)] for name, _, code in cases]


def test_what_is_no_row_of_the_table_is_refused_as_a_whole(insert: InsertRows) -> None:
    rows = [None, True, 1, 1.5, "id", [], [1, "Ann"], GOOD | {"salary": 1}]
    assert wrong(insert, rows) == [[(None, RejectCode.WRONG_COLUMN_COUNT)]] * len(rows)


def test_everything_that_is_wrong_with_a_row_is_told_with_its_place_and_content(
    insert: InsertRows,
) -> None:
    bad = {"id": 7, "name": 5, "job_id": 99}
    (reject,) = insert(EMPLOYEES, [GOOD, bad]).rejects
    assert (reject.record, reject.row_id) == (2, 7)
    assert reject.raw == b'{"id": 7, "name": 5, "job_id": 99}'
    assert [(reason.field, reason.code) for reason in reject.reasons] == [
        ("name", RejectCode.NOT_A_TEXT),
        ("datetime", RejectCode.MISSING_VALUE),
        ("department_id", RejectCode.MISSING_VALUE),
        ("job_id", RejectCode.UNKNOWN_JOB),
    ]
    assert reject.reasons[0].message == "name must be a text"


def test_rows_are_accounted_for_one_by_one(insert: InsertRows, parts: main.Composition) -> None:
    rows = [{"id": 5, "job": "no"}, {"id": 6, "job": "Cook"}, {"id": 6, "job": "Baker"}, 7]
    result = insert(JOBS, rows)
    assert result.counts == Counts(processed=4, inserted=1, already_exists=2, errors=1)
    assert content(parts, JOBS)[5] == (5, "job 5")
    assert content(parts, JOBS)[6] == (6, "Cook")


def test_a_full_request_is_taken(insert: InsertRows) -> None:
    rows = [GOOD | {"id": number} for number in range(1, MAX_ROWS + 1)]
    assert insert(EMPLOYEES, rows).counts.inserted == MAX_ROWS == 1000


@pytest.mark.parametrize("count", [0, MAX_ROWS + 1])
def test_no_rows_or_too_many_are_refused(insert: InsertRows, count: int) -> None:
    with pytest.raises(WrongRowCount, match=f"1 to 1000 rows, not {count}"):
        insert(EMPLOYEES, [GOOD] * count)

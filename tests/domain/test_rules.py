"""Every code that can be given has a sentence; the others are refused."""

import itertools

import pytest

from domain.dictionary import TABLES
from domain.reject import RejectCode
from domain.rules import Integer, Key, Reference, Rule, Text, Timestamp, explain, explain_row

C = RejectCode
ANY_FIELD = {C.MISSING_VALUE, C.BAD_ENCODING, C.FORBIDDEN_CHARACTER}
OF_ROW = {C.WRONG_COLUMN_COUNT, C.TOO_LONG}

KEY = Key("Id of the job")
REFERENCE = Reference("Id of a job", table=TABLES["jobs"], unknown=C.UNKNOWN_JOB)
TEXT = Text("Name", 80)
TIMESTAMP = Timestamp("Moment")

SENTENCES = {
    (KEY, C.MISSING_VALUE): "f is missing",
    (KEY, C.NOT_AN_INTEGER): "f must be a whole number in plain digits",
    (KEY, C.OUT_OF_RANGE): "f must be between 1 and 2147483647",
    (Integer("Grade", 5, 9), C.OUT_OF_RANGE): "f must be between 5 and 9",
    (REFERENCE, C.OUT_OF_RANGE): "f must be between 1 and 2147483647",
    (REFERENCE, C.UNKNOWN_JOB): "f is not the id of any row in jobs",
    (TEXT, C.NOT_A_TEXT): "f must be a text",
    (TEXT, C.TOO_LONG): "f is longer than 80 characters",
    (TEXT, C.BAD_ENCODING): "f is not valid UTF-8",
    (TEXT, C.FORBIDDEN_CHARACTER): "f contains a NUL character",
    (TIMESTAMP, C.NOT_A_TIMESTAMP): "f must be an ISO 8601 date and time of a real calendar date",
}


@pytest.mark.parametrize(("case", "sentence"), SENTENCES.items(), ids=lambda case: str(case)[-40:])
def test_a_code_is_explained(case: tuple[Rule, RejectCode], sentence: str) -> None:
    assert explain("f", *case) == sentence


@pytest.mark.parametrize("rule", [KEY, REFERENCE, TEXT, TIMESTAMP], ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("code", sorted(ANY_FIELD))
def test_what_can_be_wrong_with_any_field_has_a_sentence(rule: Rule, code: RejectCode) -> None:
    assert explain("name", rule, code).startswith("name ")


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        *itertools.product([KEY], [C.TOO_LONG, C.UNKNOWN_JOB, C.WRONG_COLUMN_COUNT]),
        *itertools.product([TEXT], [C.OUT_OF_RANGE, C.UNKNOWN_DEPARTMENT]),
        *itertools.product([TIMESTAMP], [C.OUT_OF_RANGE, C.TOO_LONG]),
    ],
)
def test_a_code_that_a_rule_never_gives_has_none(rule: Rule, code: RejectCode) -> None:
    with pytest.raises(ValueError, match=f"{code} does not apply to name"):
        explain("name", rule, code)


@pytest.mark.parametrize("code", sorted(OF_ROW))
def test_what_is_wrong_with_a_row_as_a_whole_is_explained(code: RejectCode) -> None:
    assert explain_row(code).startswith("the row ")


@pytest.mark.parametrize("code", sorted(set(RejectCode) - OF_ROW))
def test_what_is_wrong_with_a_field_is_nothing_about_the_row(code: RejectCode) -> None:
    with pytest.raises(ValueError, match="does not apply to a row"):
        explain_row(code)


def test_the_codes_are_those_of_the_contract() -> None:
    contract = (
        "missing_value not_an_integer out_of_range not_a_timestamp too_long bad_encoding "
        "forbidden_character wrong_column_count unknown_department unknown_job"
    )
    assert set(contract.split()) <= set(RejectCode)

"""The two reports, as JSON or CSV."""

import csv
import io
from collections.abc import Sequence

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from api.operations import Content, Operation, operation
from api.parameters import Choice, Names, WholeNumber
from api.schemas import CSV, JSON, array, reference
from api.service import service

blueprint = Blueprint("reports", __name__, url_prefix="/report")

_TAG = "reports"
_YEAR = WholeNumber("year", "Year of the hires (UTC)", 1, 2021, 9999)
_FORMAT = Choice("format", "Form of the answer", ("json", "csv"))
_DEPARTMENT = Names("department", "Only departments of these names")
_JOB = Names("job", "Only hires for jobs of these names")
_PARAMETERS = (_YEAR, _FORMAT, _DEPARTMENT, _JOB)


def _report(summary: str, schema: str) -> Operation:
    content = Content(
        "The report", {JSON: array(reference(schema)), CSV: {"type": "string"}}, headers=("ETag",)
    )
    unchanged = Content("Nothing has changed", {}, headers=("ETag",))
    return Operation(summary, _TAG, {200: content, 304: unchanged}, _PARAMETERS)


@blueprint.get("/hired-by-quarter")
@operation(_report("Hires by department, job and quarter of a year", "HiredByQuarter"))
def hired_by_quarter(
    year: int,
    format: str,  # noqa: A002 (the name of the parameter)
    department: list[str],
    job: list[str],
) -> ResponseReturnValue:
    """Order by department, then job."""
    rows = service().reports.hired_by_quarter(year, department, job)
    names = ("department", "job", "Q1", "Q2", "Q3", "Q4")
    return _answer(names, [(row.department, row.job, *row.hired) for row in rows], format)


@blueprint.get("/hiring-above-average")
@operation(_report("Departments that hired more than the mean in a year", "HiringAboveAverage"))
def hiring_above_average(
    year: int,
    format: str,  # noqa: A002 (the name of the parameter)
    department: list[str],
    job: list[str],
) -> ResponseReturnValue:
    """Order by hires, most first, then by id."""
    rows = service().reports.hiring_above_average(year, department, job)
    names = ("id", "department", "hired")
    return _answer(names, [(row.id, row.department, row.hired) for row in rows], format)


def _answer(names: Sequence[str], rows: Sequence[Sequence[object]], form: str) -> Response:
    if form == "csv":
        text = io.StringIO()
        csv.writer(text).writerows([names, *rows])
        response = Response(text.getvalue(), mimetype=CSV)
    else:
        response = jsonify([dict(zip(names, row, strict=True)) for row in rows])
    response.add_etag()
    response.cache_control.no_cache = True
    response.make_conditional(request)
    return response

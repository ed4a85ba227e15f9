"""The calls of the reference API that load the three files of the source store."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from api.idempotency import HEADER, key_of_request
from api.operations import Content, Operation, operation
from api.parameters import WholeNumber
from api.schemas import JSON, reference
from api.service import service
from api.tasks import ACCEPTED, accepted, file_of
from core.errors import LoadFailed
from core.summaries import BatchEnds, without_errors
from domain.department import DEPARTMENTS
from domain.employee import HIRED_EMPLOYEES
from domain.job import JOBS
from domain.load import LoadOrder
from domain.table import Table

blueprint = Blueprint("loads", __name__)

_TAG = "loads"
_START = WholeNumber("start", "First row of the window, counted from 0", 0, 0)
_LIMIT = WholeNumber("limit", "Number of rows of the window", 1, 1000)
_BATCH = WholeNumber("limit", "Number of rows of a batch", 1, 1000)


@blueprint.post("/upload-files")
@operation(
    Operation(
        "Load all three files, departments and jobs first, and wait",
        _TAG,
        {200: Content("What became of each file", {JSON: reference("UploadedFiles")})},
        (_START, _BATCH),
    )
)
def upload_files(start: int, limit: int) -> ResponseReturnValue:
    """Load departments.csv, jobs.csv and hired_employees.csv; one that fails stops no other."""
    return jsonify(
        {
            DEPARTMENTS.name: _load_or_error(DEPARTMENTS),
            JOBS.name: _load_or_error(JOBS),
            HIRED_EMPLOYEES.name: _load_in_batches(start, limit),
        }
    )


@blueprint.post("/upload-hired-employees")
@operation(
    Operation(
        "Queue a load of a window of hired_employees.csv",
        _TAG,
        {202: ACCEPTED},
        (_START, _LIMIT),
        headers=(HEADER,),
    )
)
def upload_hired_employees(start: int, limit: int) -> ResponseReturnValue:
    """Enter the load in the ledger and answer at once."""
    order = replace(_order(HIRED_EMPLOYEES), start=start, limit=limit)
    return accepted(service().start_load.later(order, key_of_request()))


def load_file(table: Table) -> dict[str, Any]:
    """Load the file of `table` and wait; raises LoadFailed."""
    load = service().start_load.now(_order(table))
    whole = service().summaries.of_load(load)
    return whole if load.counts.errors else without_errors(whole)


def _load_or_error(table: Table) -> dict[str, Any]:
    try:
        return load_file(table)
    except LoadFailed as error:
        return {"error": str(error)}


def _load_in_batches(start: int, batch_size: int) -> list[dict[str, Any]] | dict[str, Any]:
    """Load the employees; one summary per batch, also of those before a failure."""
    batches = BatchEnds(replace(_order(HIRED_EMPLOYEES), start=start, batch_size=batch_size))
    try:
        service().start_load.now(batches.order, batches.note)
    except LoadFailed as error:
        done = service().summaries.of_batches(batches)
        return {"error": str(error)} | ({"batches": done} if done else {})
    return service().summaries.of_batches(batches)


def _order(table: Table) -> LoadOrder:
    # Clients of these calls expect to see each row counted again when they repeat a load.
    return LoadOrder(table.name, file_of(table), force=True)

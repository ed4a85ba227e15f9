"""Loads from the source store, and the tasks that run in the background."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, jsonify, url_for
from flask.typing import ResponseReturnValue

from api.operations import Content, Operation, operation
from api.parameters import WholeNumber
from api.schemas import JSON, array, reference
from api.service import service
from core.errors import LoadFailed, NotFound
from core.summaries import BatchEnds, without_errors
from domain.department import DEPARTMENTS
from domain.employee import HIRED_EMPLOYEES
from domain.job import JOBS
from domain.load import Load, LoadOrder, LoadState
from domain.table import Table

blueprint = Blueprint("loads", __name__)

_TAG = "loads"
_START = WholeNumber("start", "First row of the window, counted from 0", 0, 0)
_LIMIT = WholeNumber("limit", "Number of rows of the window", 1, 1000)
_BATCH = WholeNumber("limit", "Number of rows of a batch", 1, 1000)
_LISTED_TASKS = 20
_POLL_AFTER = "1"


def file_of(table: Table) -> str:
    """The name of the table's file in the source store."""
    return f"{table.name}.csv"


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
        {
            202: Content(
                "Accepted; poll the task",
                {JSON: reference("AcceptedTask")},
                headers=("Location", "Retry-After"),
            )
        },
        (_START, _LIMIT),
    )
)
def upload_hired_employees(start: int, limit: int) -> ResponseReturnValue:
    """Enter the load in the ledger and answer at once."""
    order = LoadOrder(HIRED_EMPLOYEES.name, file_of(HIRED_EMPLOYEES), start=start, limit=limit)
    load = service().start_load.later(order)
    response = jsonify(task_id=load.id, status="accepted")
    response.status_code = 202
    response.headers["Location"] = url_for("loads.task_status", task_id=load.id)
    response.headers["Retry-After"] = _POLL_AFTER
    return response


@blueprint.get("/task-list")
@operation(
    Operation(
        "The last finished tasks, newest first",
        _TAG,
        {200: Content("At most 20 tasks", {JSON: array(reference("FinishedTask"))})},
    )
)
def task_list() -> ResponseReturnValue:
    """List tasks that succeeded or failed."""
    loads = service().ledger.finished(_LISTED_TASKS)
    return jsonify([_task(load) for load in loads])


@blueprint.get("/task-status/<task_id>")
@operation(
    Operation(
        "How far a task is",
        _TAG,
        {200: Content("The task", {JSON: reference("TaskStatus")})},
    )
)
def task_status(task_id: str) -> ResponseReturnValue:
    """Show one load of the ledger."""
    load = service().ledger.get(task_id)
    if load is None:
        raise NotFound(f"there is no task {task_id!r}")
    return jsonify(
        _task(load)
        | {
            "table": load.order.table,
            "source": load.order.source,
            "progress": {
                "rows": load.counts.processed,
                "bytes": load.position.offset,
                "total_bytes": load.source_size,
            },
            "attempts": load.attempts,
            "created_at": _utc(load.created_at),
            "finished_at": load.finished_at and _utc(load.finished_at),
        }
    )


def load_file(table: Table) -> dict[str, Any]:
    """Load the file of `table` and wait; raises LoadFailed."""
    load = service().start_load.now(LoadOrder(table.name, file_of(table)))
    whole = service().summaries.of_load(load)
    return whole if load.counts.errors else without_errors(whole)


def _load_or_error(table: Table) -> dict[str, Any]:
    try:
        return load_file(table)
    except LoadFailed as error:
        return {"error": str(error)}


def _load_in_batches(start: int, batch_size: int) -> list[dict[str, Any]] | dict[str, Any]:
    """Load the employees; one summary per batch, also of those before a failure."""
    batches = BatchEnds(
        LoadOrder(HIRED_EMPLOYEES.name, file_of(HIRED_EMPLOYEES), start, batch_size=batch_size)
    )
    try:
        service().start_load.now(batches.order, batches.note)
    except LoadFailed as error:
        done = service().summaries.of_batches(batches)
        return {"error": str(error)} | ({"batches": done} if done else {})
    return service().summaries.of_batches(batches)


def _task(load: Load) -> dict[str, Any]:
    is_done = load.state is LoadState.SUCCESS
    result = service().summaries.of_load(load) if is_done else load.error
    return {"id": load.id, "status": load.state, "result": result}


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat()

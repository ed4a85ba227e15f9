"""Tasks: loads as a resource, and the rows that they rejected."""

from collections.abc import Iterable
from datetime import UTC, datetime
from math import ceil
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import UnsupportedMediaType

from api.bodies import read_json
from api.idempotency import HEADER, key_of_request
from api.operations import Content, Operation, operation
from api.options import LoadRequest, parse
from api.parameters import Choice, WholeNumber
from api.schemas import CSV, JSON, array, reference
from api.service import service
from core.errors import InvalidRequest, NotFound
from core.ports import KeptReject
from core.reject_file import all_rejects, reject_file, spreadsheet_copy
from domain.dictionary import TABLES
from domain.load import Load, LoadState
from domain.table import Table

blueprint = Blueprint("tasks", __name__)

_TAG = "tasks"
_LISTED_TASKS = 20
_POLL_AFTER = 1
_LONGEST_POLL = 60
_STATES = ("any", *LoadState)

_LIMIT = WholeNumber("limit", "Number of items of a page", 1, 100, 1000)
_TASKS = WholeNumber("limit", "Number of tasks of a page", 1, 20, 100)
_BEFORE = WholeNumber("before", "Only tasks with a smaller number; 0: from the newest", 0, 0)
_AFTER = WholeNumber("after", "Only rows behind this record", 0, 0)
_STATE = Choice("state", "Only tasks in this state", _STATES)
_FORMAT = Choice("format", "A page as json, or all rows as csv to be corrected", ("json", "csv"))
_OPEN = Choice("open", "Only rows that no corrected row has answered", ("false", "true"))
_SPREADSHEET = Choice(
    "spreadsheet", "With csv: a copy without formulas, only for looking at", ("false", "true")
)

ACCEPTED = Content(
    "Accepted; poll the task",
    {JSON: reference("AcceptedTask")},
    headers=("Location", "Retry-After"),
)
_TASK = {JSON: reference("TaskStatus")}


def file_of(table: Table) -> str:
    """The name of the table's file in the source store."""
    return f"{table.name}.csv"


def accepted(load: Load) -> ResponseReturnValue:
    """Answer that a load was entered, and where to ask for it."""
    response = jsonify(task_id=load.id, status="accepted")
    response.status_code = 202
    response.headers["Location"] = url_for("tasks.task_status", task_id=load.id)
    response.headers["Retry-After"] = str(_poll_after(load))
    return response


@blueprint.post("/loads")
@operation(
    Operation(
        "Start a load of any table from the source store",
        _TAG,
        {202: ACCEPTED},
        body=Content("What to load and how", {JSON: reference("LoadRequest")}),
        headers=(HEADER,),
    )
)
def start_load() -> ResponseReturnValue:
    """Enter the load in the ledger and answer at once."""
    if not request.is_json:
        raise UnsupportedMediaType("send application/json")
    wanted = parse(LoadRequest, read_json())
    source = wanted.source or file_of(TABLES[wanted.table])
    order = wanted.order(wanted.table, source)
    if order.is_upload:
        # It belongs to the load that it came with, and goes when one has succeeded.
        raise InvalidRequest("an upload is loaded by its own task only; resume that")
    return accepted(service().start_load.later(order, key_of_request()))


@blueprint.get("/tasks")
@operation(
    Operation(
        "Loads of every kind and state, newest first",
        _TAG,
        {200: Content("A page", {JSON: array(reference("TaskStatus"))}, headers=("Link",))},
        (_TASKS, _BEFORE, _STATE),
    )
)
def list_tasks(limit: int, before: int, state: str) -> ResponseReturnValue:
    """Page through the ledger."""
    loads = service().ledger.newest(
        limit + 1, before=before or None, state=None if state == "any" else LoadState(state)
    )
    response = jsonify([_status(load) for load in loads[:limit]])
    if len(loads) > limit:
        following = url_for(".list_tasks", limit=limit, before=loads[limit - 1].number, state=state)
        response.headers["Link"] = f'<{following}>; rel="next"'
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
    return jsonify([_task(load) for load in service().ledger.finished(_LISTED_TASKS)])


@blueprint.get("/task-status/<task_id>")
@operation(Operation("How far a task is", _TAG, {200: Content("The task", _TASK)}))
def task_status(task_id: str) -> ResponseReturnValue:
    """Show one load of the ledger."""
    return _answer(_load(task_id))


@blueprint.get("/tasks/<task_id>")
@operation(Operation("How far a task is", _TAG, {200: Content("The task", _TASK)}))
def get_task(task_id: str) -> ResponseReturnValue:
    """Show one load of the ledger."""
    return _answer(_load(task_id))


@blueprint.post("/tasks/<task_id>/cancel")
@operation(
    Operation(
        "Stop a task at the end of its batch; its rows so far stay",
        _TAG,
        {200: Content("The task", _TASK)},
    )
)
def cancel(task_id: str) -> ResponseReturnValue:
    """Ask the worker to stop."""
    return _answer(service().ledger.cancel(task_id))


@blueprint.post("/tasks/<task_id>/resume")
@operation(
    Operation("Let a failed or cancelled task go on from where it stopped", _TAG, {202: ACCEPTED})
)
def resume(task_id: str) -> ResponseReturnValue:
    """Put the load back into the queue."""
    return accepted(service().start_load.again(task_id))


@blueprint.get("/tasks/<task_id>/rejects")
@operation(
    Operation(
        "The rows that a task rejected",
        _TAG,
        {
            200: Content(
                "A page, or all as CSV",
                {JSON: array(reference("Reject")), CSV: {"type": "string"}},
                headers=("Link",),
            )
        },
        (_AFTER, _LIMIT, _FORMAT, _OPEN, _SPREADSHEET),
    )
)
def rejects(
    task_id: str,
    *,
    after: int,
    limit: int,
    format: str,  # noqa: A002 (the name of the parameter)
    open: str,  # noqa: A002 (the name of the parameter)
    spreadsheet: str,
) -> ResponseReturnValue:
    """Hand rejected rows back."""
    load, only_open = _load(task_id), open == "true"
    if format == "csv":
        lines = reject_file(load, all_rejects(service().accounts, load, only_open=only_open))
        return _file(
            f"rejects-{load.id}.csv",
            spreadsheet_copy(lines) if spreadsheet == "true" else lines,
        )
    page = service().accounts.rejects(load, after=after, limit=limit + 1, only_open=only_open)
    response = jsonify([_reject(kept) for kept in page[:limit]])
    if len(page) > limit:
        last = page[limit - 1].reject.record
        following = url_for(".rejects", task_id=task_id, after=last, limit=limit, open=open)
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


@blueprint.post("/tasks/<task_id>/rejects/retry")
@operation(
    Operation(
        "Load the rows once more that were rejected only for an unknown department or job",
        _TAG,
        {202: ACCEPTED},
    )
)
def retry_rejects(task_id: str) -> ResponseReturnValue:
    """Enter a load of those rows."""
    return accepted(service().retry_rejects(task_id))


def _load(task_id: str) -> Load:
    load = service().ledger.get(task_id)
    if load is None:
        raise NotFound(f"there is no task {task_id!r}")
    return load


def _answer(load: Load) -> Response:
    response = jsonify(_status(load))
    if not load.state.is_final:
        response.headers["Retry-After"] = str(_poll_after(load))
    return response


def _poll_after(load: Load) -> int:
    """Seconds until it is worth to ask again: when the load should be over, at its rate."""
    left = load.seconds_left or _POLL_AFTER
    return max(_POLL_AFTER, min(_LONGEST_POLL, ceil(left)))


def _task(load: Load) -> dict[str, Any]:
    is_done = load.state is LoadState.SUCCESS
    result = service().summaries.of_load(load) if is_done else load.error
    return {"id": load.id, "status": load.state, "result": result}


def _status(load: Load) -> dict[str, Any]:
    order, counts = load.order, load.counts
    return _task(load) | {
        "number": load.number,
        "table": order.table,
        "source": order.source,
        "dry_run": order.dry_run,
        "repeats": load.repeats,
        "sha256": load.sha256,
        "progress": {
            "rows": counts.processed,
            "bytes": load.position.offset,
            "total_bytes": load.source_size,
            "share": load.share_done,
            "bytes_per_second": load.bytes_per_second,
            "seconds_left": load.seconds_left,
        },
        "summary": service().summaries.numbers(load),
        "lines": {
            "read": counts.lines,
            "header": counts.header,
            "blank": counts.blank,
            "skipped": counts.skipped,
        },
        "open_rejects": service().accounts.open_rejects(load),
        "attempts": load.attempts,
        "created_at": _utc(load.created_at),
        "started_at": load.started_at and _utc(load.started_at),
        "finished_at": load.finished_at and _utc(load.finished_at),
    }


def _reject(kept: KeptReject) -> dict[str, Any]:
    reject = kept.reject
    return {
        "record": reject.record,
        "line": reject.line,
        "id": reject.row_id,
        "raw": reject.raw.decode(errors="replace"),
        "reasons": [
            {"field": reason.field, "code": reason.code, "message": reason.message}
            for reason in reject.reasons
        ],
        "is_open": kept.answered_by is None,
    }


def _file(name: str, lines: Iterable[bytes]) -> Response:
    response = Response(lines, mimetype=CSV)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat()

"""The tables: rows in by JSON, or from the table's file where no body is sent; pages out."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import UnsupportedMediaType

from api.bodies import read_json
from api.errors import problem
from api.idempotency import HEADER
from api.loads import load_file
from api.operations import Content, Operation, operation
from api.options import LoadOptions, query_parameters
from api.parameters import WholeNumber
from api.schemas import JSON, PROBLEM, array, reference, rows_body
from api.service import service
from api.tasks import ACCEPTED, accepted, file_of
from api.uploads import BODIES, is_upload, receive
from core.errors import InvalidRequest, WrongRowCount
from core.insert_rows import MAX_ROWS
from core.write_batch import BatchResult
from domain.dictionary import TABLES
from domain.table import Table

blueprint = Blueprint("tables", __name__)

_AFTER = WholeNumber("after", "Only rows whose id is greater", 0, 0)
_LIMIT = WholeNumber("limit", "Number of rows of a page", 1, 100, 1000)


def _page(table: Table, after: int, limit: int) -> ResponseReturnValue:
    # One row more than asked for tells whether there is a next page.
    rows = service().listing.page(table, after=after, limit=limit + 1)
    page = rows[:limit]
    response = jsonify([_as_json(row) for row in page])
    if len(rows) > limit:
        following = url_for(request.endpoint or "", after=page[-1][table.key.name], limit=limit)
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def _as_json(row: dict[str, object]) -> dict[str, object]:
    return {
        name: value.replace(tzinfo=UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _take(table: Table) -> ResponseReturnValue:
    if is_upload():
        return accepted(receive(table))
    if misplaced := request.args.keys() & LoadOptions.model_fields.keys():
        raise InvalidRequest(f"{', '.join(sorted(misplaced))}: only for uploads and POST /loads")
    if not _has_body():
        return jsonify(load_file(table))
    if not request.is_json:
        raise UnsupportedMediaType(f"send application/json, {', '.join(BODIES)} or no body")
    rows = _rows()
    return _answer(service().insert_rows(table, rows), rows)


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def _rows() -> list[object]:
    body = read_json()
    rows = body.get("rows") if isinstance(body, dict) and body.keys() == {"rows"} else body
    if not isinstance(rows, list):
        raise WrongRowCount('the body must be an array of rows, or {"rows": [...]}')
    return rows


def _answer(result: BatchResult, rows: list[object]) -> ResponseReturnValue:
    counts = result.counts
    body: dict[str, Any] = {
        "processed": counts.processed,
        "inserted": counts.inserted,
        "already_exists": counts.already_exists,
        "errors": counts.errors,
        "rejects": [
            {
                "row": reject.record,
                "field": reason.field,
                "code": reason.code,
                "message": reason.message,
                "input": rows[reject.record - 1],
            }
            for reject in result.rejects
            for reason in reject.reasons
        ],
    }
    if counts.errors == counts.processed:
        return problem(422, "no row was taken; see the rejects", **body)
    return jsonify(body), 207 if counts.errors else 201


def _add_routes(table: Table) -> None:
    path = "/" + table.name.replace("_", "-")
    inserted = {JSON: reference("InsertedRows")}
    page = Operation(
        f"A page of {table.name}, ordered by id",
        table.name,
        {200: Content("Rows", {JSON: array(reference(table.name))}, headers=("Link",))},
        (_AFTER, _LIMIT),
    )
    take = Operation(
        f"Insert up to {MAX_ROWS} rows, or upload a CSV; without a body, load {file_of(table)}",
        table.name,
        {
            200: Content("The file was loaded", {JSON: reference("LoadSummary")}),
            202: ACCEPTED,
            201: Content("All rows were taken", inserted),
            207: Content("Some rows were taken, the others come back", inserted),
            422: Content("No row was taken", {PROBLEM: reference("RefusedRows")}),
        },
        body=Content("Rows, or a CSV of any size", {JSON: rows_body(table), **BODIES}),
        headers=(HEADER,),
        query=tuple(query_parameters(LoadOptions)),
    )
    blueprint.get(path, endpoint=f"list_{table.name}")(operation(page)(partial(_page, table)))
    blueprint.post(path, endpoint=f"take_{table.name}")(operation(take)(partial(_take, table)))


for _table in TABLES.values():
    _add_routes(_table)

"""JSON schemas (OpenAPI 3.1) of what goes in and out; those of rows derive from the dictionary."""

from typing import Any

from api.options import LoadRequest, schema
from core.insert_rows import MAX_ROWS
from domain.dictionary import TABLES
from domain.load import LoadState
from domain.reject import RejectCode
from domain.rules import Integer, Rule, Text, Timestamp
from domain.table import Table

Schema = dict[str, Any]

JSON = "application/json"
CSV = "text/csv"
PROBLEM = "application/problem+json"


# At least one character that is no blank, and no NUL at all.
_FILLED = r"^[^\u0000]*[^\u0000\s][^\u0000]*$"


def of_rule(rule: Rule) -> Schema:
    """The schema of a value that obeys `rule`."""
    match rule:
        case Integer(description=text, minimum=low, maximum=high):
            return {"type": "integer", "minimum": low, "maximum": high, "description": text}
        case Text(description=text, maximum=high):
            return {
                "type": "string",
                "minLength": 1,
                "maxLength": high,
                "pattern": _FILLED,
                "description": text,
            }
        case Timestamp(description=text):
            return {"type": "string", "format": "date-time", "description": text}


def of_row(table: Table) -> Schema:
    """The schema of a row of `table`."""
    return _object(
        {field.name: of_rule(field.rule) for field in table.fields},
        description=table.description,
    )


def array(items: Schema, **more: object) -> Schema:
    """An array of `items`."""
    return {"type": "array", "items": items, **more}


def reference(name: str) -> Schema:
    """Point to one of COMPONENTS."""
    return {"$ref": f"#/components/schemas/{name}"}


def rows_body(table: Table) -> Schema:
    """One to MAX_ROWS rows: an array, or an object that holds it."""
    rows = array(reference(table.name), minItems=1, maxItems=MAX_ROWS)
    return {"oneOf": [rows, _object({"rows": rows})]}


def _object(properties: Schema, optional: tuple[str, ...] = (), **more: object) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
        **more,
    }


_COUNT: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}
_SUMMARY: Schema = {
    "processed": _COUNT,
    "inserted": _COUNT,
    "already_exists": _COUNT,
    "errors": _COUNT,
    "error_ids": array({"type": "integer"}),
}
_FAILED = _object({"error": _TEXT})
_REASON_PARTS: Schema = {
    "field": {"type": ["string", "null"], "description": "null: the row as a whole"},
    "code": {"type": "string", "enum": list(RejectCode)},
    "message": _TEXT,
}
_REASON = _object(_REASON_PARTS)
_ROW_ERROR = _object(
    {
        "row": {"type": "integer", "minimum": 1, "description": "Number of the row, from 1"},
        **_REASON_PARTS,
        "input": {"description": "The row as it was sent"},
    }
)
_INSERTED: Schema = {
    "processed": _COUNT,
    "inserted": _COUNT,
    "already_exists": _COUNT,
    "errors": _COUNT,
    "rejects": array(_ROW_ERROR),
}
_ERRORS = ("errors", "error_ids")
_RESULT: Schema = {"updated": _COUNT, **_SUMMARY}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_STATUS: Schema = {"type": "string", "enum": list(LoadState)}

COMPONENTS: dict[str, Schema] = {
    **{table.name: of_row(table) for table in TABLES.values()},
    "LoadSummary": _object(_SUMMARY, _ERRORS),
    "BatchSummary": _object(_SUMMARY),
    "UploadedFiles": _object(
        {
            "departments": {"oneOf": [reference("LoadSummary"), _FAILED]},
            "jobs": {"oneOf": [reference("LoadSummary"), _FAILED]},
            "hired_employees": {
                "oneOf": [
                    array(reference("BatchSummary")),
                    _object(
                        {"error": _TEXT, "batches": array(reference("BatchSummary"))},
                        optional=("batches",),
                    ),
                ]
            },
        }
    ),
    "InsertedRows": _object(_INSERTED),
    "RefusedRows": {
        "description": "A problem that lists what is wrong, unless the number of rows is",
        "allOf": [reference("Problem"), {"type": "object", "properties": _INSERTED}],
    },
    "AcceptedTask": _object(
        {"task_id": {"type": "string", "format": "uuid"}, "status": {"const": "accepted"}}
    ),
    "FinishedTask": _object(
        {
            "id": {"type": "string", "format": "uuid"},
            "status": {"type": "string", "enum": ["SUCCESS", "FAILURE"]},
            "result": {"oneOf": [_object(_RESULT, ("updated",)), _TEXT]},
        }
    ),
    "LoadRequest": schema(LoadRequest),
    "TaskStatus": _object(
        {
            "id": {"type": "string", "format": "uuid"},
            "status": _STATUS,
            "result": {
                "description": "The summary of a success, else the error",
                "oneOf": [_object(_RESULT, ("updated",)), _TEXT, {"type": "null"}],
            },
            "number": {"type": "integer", "minimum": 1, "description": "Orders tasks by age"},
            "table": {"type": "string", "enum": list(TABLES)},
            "source": _TEXT,
            "dry_run": {"type": "boolean"},
            "repeats": {
                "type": ["string", "null"],
                "description": "The earlier task that loaded the same content; nothing was done",
            },
            "sha256": {"type": ["string", "null"]},
            "progress": _object(
                {
                    "rows": _COUNT,
                    "bytes": _COUNT,
                    "total_bytes": {"type": ["integer", "null"], "minimum": 0},
                    "share": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                    "bytes_per_second": {"type": ["number", "null"], "minimum": 0},
                    "seconds_left": {"type": ["number", "null"], "minimum": 0},
                },
                description="How far the source was read and is in the database",
            ),
            "summary": _object(
                {name: _COUNT for name in _RESULT if name != "error_ids"},
                ("updated",),
                description="What became of the rows so far",
            ),
            "lines": _object(
                {"read": _COUNT, "header": _COUNT, "blank": _COUNT, "skipped": _COUNT},
                description="read = header + blank + skipped + processed",
            ),
            "open_rejects": {**_COUNT, "description": "Rejected rows that nobody has corrected"},
            "attempts": _COUNT,
            "created_at": _MOMENT,
            "started_at": {**_MOMENT, "type": ["string", "null"]},
            "finished_at": {**_MOMENT, "type": ["string", "null"]},
        }
    ),
    "Reject": _object(
        {
            "record": {"type": "integer", "minimum": 1, "description": "Number of the row"},
            "line": {"type": "integer", "minimum": 1, "description": "Physical line"},
            "id": {"type": ["integer", "null"]},
            "raw": {"type": "string", "description": "The row as it came"},
            "reasons": array(_REASON, minItems=1),
            "is_open": {"type": "boolean", "description": "No corrected row has answered it"},
        }
    ),
    "HiredByQuarter": _object(
        {"department": _TEXT, "job": _TEXT, "Q1": _COUNT, "Q2": _COUNT, "Q3": _COUNT, "Q4": _COUNT}
    ),
    "HiringAboveAverage": _object(
        {"id": {"type": "integer"}, "department": _TEXT, "hired": _COUNT}
    ),
    "Health": _object(
        {
            "status": {"type": "string", "enum": ["ok", "error"]},
            "redis": {"type": "string", "enum": ["connected", "unreachable", "not configured"]},
        },
    ),
    "Problem": {
        "type": "object",
        "description": "An error (RFC 9457); `error` says the same as `detail` for older clients",
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "error": _TEXT,
        },
        "required": ["type", "title", "status", "detail", "error"],
    },
}

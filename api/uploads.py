"""A CSV in the body of a request: streamed to the store, never whole in memory."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

from api.idempotency import key_of_request
from api.options import LoadOptions, parse_query
from api.service import service
from domain.load import Load
from domain.table import Table

_FORM = "multipart/form-data"
_FILE: dict[str, Any] = {"type": "string", "contentMediaType": "text/csv"}
BODIES: dict[str, dict[str, Any]] = {
    "text/csv": _FILE,
    "application/gzip": {"type": "string", "contentMediaType": "application/gzip"},
    "application/x-gzip": {"type": "string", "contentMediaType": "application/gzip"},
    _FORM: {"type": "object", "properties": {"file": _FILE}, "required": ["file"]},
}
_CHUNK = 1024 * 1024


def is_upload() -> bool:
    """Whether the body of the request is a file."""
    return request.mimetype in BODIES


def receive(table: Table) -> Load:
    """Keep the file and enter a load of it."""
    options = parse_query(LoadOptions, request.args)
    limit = service().max_upload_bytes
    # Where the length is not told, a read at the limit counts as one beyond it.
    request.max_content_length = limit if request.content_length is not None else limit + 1
    content = _file_of_form() if request.mimetype == _FORM else _body()
    return service().receive_upload(content, options.order(table.name), key_of_request)


def _body() -> Iterator[bytes]:
    """The body in chunks; `api.bodies` makes sure that one which broke off raises."""
    while chunk := request.stream.read(_CHUNK):
        yield chunk


def _file_of_form() -> Iterator[bytes]:
    """The only file of a form, as it arrives."""
    boundary = request.mimetype_params.get("boundary", "").encode()
    decoder = MultipartDecoder(boundary, max_form_memory_size=2 * _CHUNK)
    files, is_file = 0, False
    try:
        for chunk in chain(_body(), [None]):
            decoder.receive_data(chunk)
            while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
                match event:
                    case File():
                        files, is_file = files + 1, True
                    case Field():
                        is_file = False
                    case Data() if is_file:
                        yield event.data
    except ValueError as error:
        raise BadRequest("the form is broken") from error
    if files != 1:
        raise BadRequest(f"send exactly one file, not {files}")

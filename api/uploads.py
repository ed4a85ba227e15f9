"""A CSV in the body of a request: streamed to the store, never whole in memory."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

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
    request.max_content_length = service().max_upload_bytes
    return service().receive_upload(_content(), options.order(table.name), key_of_request)


def _content() -> Iterable[bytes]:
    if request.mimetype != _FORM:
        return _chunks(request.stream.read)
    # The form parser keeps what is large in a nameless temporary file.
    files = [file for _, file in request.files.items(multi=True)]
    if len(files) != 1:
        raise BadRequest(f"send exactly one file, not {len(files)}")
    return _chunks(files[0].stream.read)


def _chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := read(_CHUNK):
        yield chunk

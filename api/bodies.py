"""Bodies of requests: whole or not at all, and JSON to the letter."""

import json
import math
from typing import Protocol

from flask import Flask, request
from werkzeug.exceptions import BadRequest

_MAX_DEPTH = 32


class _Input(Protocol):
    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


class _Body:
    """The input of a WSGI server; what goes wrong while it is read is an OSError.

    As that it is known to be a fault of the connection; servers have errors of their own for
    chunks that are garbled.
    """

    def __init__(self, stream: _Input) -> None:
        self._stream = stream

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        try:
            return self._stream.read(size)
        except Exception as error:
            raise OSError("the body cannot be read") from error


def refuse_broken(app: Flask) -> None:
    """Answer 400 to a body that breaks off, before anything comes of its first part.

    A server that says it ends the input by itself also ends it where the client is gone. Without
    that word the bytes are counted against Content-Length; chunks tell their end themselves.
    """

    def guard() -> None:
        request.environ["wsgi.input"] = _Body(request.environ["wsgi.input"])
        if request.content_length is not None:
            request.environ.pop("wsgi.input_terminated", None)

    app.before_request(guard)


def read_json() -> object:
    """Read the body strictly: JSON knows neither NaN nor numbers beyond all bounds."""
    try:
        body = json.loads(request.get_data(), parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON that can be read") from None
    # What can just be read may be nested too deeply to be written again.
    if _is_deeper(body, _MAX_DEPTH):
        raise BadRequest(f"the body is nested more than {_MAX_DEPTH} deep")
    return body


def _is_deeper(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (
        depth == 0 or any(_is_deeper(part, depth - 1) for part in value)
    )


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("neither a number of JSON nor one that can be kept")
    return number

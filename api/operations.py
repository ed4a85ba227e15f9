"""Tie a view to what OpenAPI says of it, so that neither exists without the other."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

from flask import request
from flask.typing import ResponseReturnValue

from api.parameters import Parameter

View = Callable[..., ResponseReturnValue]

_ATTRIBUTE = "openapi_operation"


@dataclass(frozen=True, slots=True)
class Content:
    """A body: the schema of each media type in which it comes, and the headers beside it."""

    description: str
    schemas: dict[str, dict[str, Any]]
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of one path does; `responses` are those beside the errors common to all.

    The values of `parameters` go to the view; `query` are OpenAPI objects of parameters that the
    view reads itself, `headers` the names of such headers.
    """

    summary: str
    tag: str
    responses: dict[int, Content]
    parameters: tuple[Parameter, ...] = ()
    body: Content | None = None
    headers: tuple[str, ...] = ()
    query: tuple[dict[str, Any], ...] = ()


def operation(described: Operation) -> Callable[[View], View]:
    """Describe a view and hand it the values of its query parameters by name."""

    def decorate(view: View) -> View:
        @wraps(view)
        def with_parameters(**path: object) -> ResponseReturnValue:
            query = {item.name: item.read(request.args) for item in described.parameters}
            return view(**path, **query)

        setattr(with_parameters, _ATTRIBUTE, described)
        return with_parameters

    return decorate


def operation_of(view: object) -> Operation | None:
    """The description of a view, if it has one."""
    return cast("Operation | None", getattr(view, _ATTRIBUTE, None))

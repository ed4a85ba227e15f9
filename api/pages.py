"""What is no data: the first page, health, and the description of the API."""

from flask import Blueprint, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue

from api.openapi import document
from api.operations import Content, Operation, operation
from api.schemas import JSON, reference
from api.service import service
from core.errors import DatabaseUnavailable
from domain.dictionary import TABLES

blueprint = Blueprint("pages", __name__, template_folder="templates")

_TAG = "service"
_SHOWN_TASKS = 10
_REDIS = {None: "not configured", True: "connected", False: "unreachable"}


@blueprint.get("/")
@operation(
    Operation("A page for people", _TAG, {200: Content("The page", {"text/html": {}})}),
)
def home() -> ResponseReturnValue:
    """Show what the service holds, its last tasks and where its documents are."""
    try:
        rows = {table.name: service().listing.count(table) for table in TABLES.values()}
        tasks = service().ledger.finished(_SHOWN_TASKS)
        problem = None
    except DatabaseUnavailable as error:
        rows, tasks, problem = {}, [], str(error)
    return render_template("home.html", rows=rows, tasks=tasks, problem=problem)


@blueprint.get("/health")
@operation(
    Operation(
        "Whether the service and its broker answer",
        _TAG,
        {
            200: Content("They do", {JSON: reference("Health")}),
            500: Content("The broker does not", {JSON: reference("Health")}),
        },
    )
)
def health() -> ResponseReturnValue:
    """Ask the broker, which has 2 seconds to answer."""
    reachable = service().queue.is_reachable()
    status = "error" if reachable is False else "ok"
    return jsonify(status=status, redis=_REDIS[reachable]), 500 if reachable is False else 200


@blueprint.get("/openapi.json")
@operation(
    Operation("This document", _TAG, {200: Content("OpenAPI 3.1", {JSON: {"type": "object"}})}),
)
def openapi() -> ResponseReturnValue:
    """Describe the routes of the running application."""
    return jsonify(document(current_app))


@blueprint.get("/favicon.ico")
def favicon() -> ResponseReturnValue:
    """Spare browsers the error."""
    return "", 204

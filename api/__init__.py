"""The edge: Flask routes over the use cases."""

from collections.abc import Sequence

from flask import Flask
from flask_cors import CORS
from flask_swagger_ui import get_swaggerui_blueprint

from api import auth, bodies, errors, loads, pages, reports, tables, tasks
from api.service import Service, keep

_EXPOSED = ["ETag", "Link", "Location", "Retry-After"]


def build_app(
    service: Service, *, cors_origins: Sequence[str], api_keys: Sequence[str], max_body: int
) -> Flask:
    """Make the application; connects to nothing.

    `max_body` is the largest body that is held in memory, in bytes.
    """
    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined] # the default provider has it
    app.config["MAX_CONTENT_LENGTH"] = max_body
    keep(service, app.extensions)
    errors.register(app)
    bodies.refuse_broken(app)
    if api_keys:
        auth.require_key(app, api_keys)
    if cors_origins:
        CORS(
            app,
            origins=list(cors_origins),
            expose_headers=["ETag", "Link", "Location", "Retry-After"],
        )
    for module in (pages, tables, loads, tasks, reports):
        app.register_blueprint(module.blueprint)
    app.register_blueprint(
        get_swaggerui_blueprint("/docs", "/openapi.json", {"validatorUrl": None})
    )
    return app

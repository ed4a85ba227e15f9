"""Close the service to callers without a key, where keys are set."""

import hmac
from collections.abc import Sequence

from flask import Flask, Response, request

from api.errors import problem

_OPEN_ENDPOINTS = {"pages.health"}


def require_key(app: Flask, keys: Sequence[str]) -> None:
    """Refuse requests with neither X-API-Key nor a bearer token out of `keys`, but for health."""

    def check() -> Response | None:
        if request.method == "OPTIONS" or request.endpoint in _OPEN_ENDPOINTS:
            return None
        given = request.headers.get("X-API-Key") or (
            request.authorization.token if request.authorization else None
        )
        if any(hmac.compare_digest(key.encode(), (given or "").encode()) for key in keys):
            return None
        response = problem(401, "send an API key as X-API-Key or as a bearer token")
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    app.before_request(check)

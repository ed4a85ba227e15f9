"""The Idempotency-Key header (IETF draft-ietf-httpapi-idempotency-key-header)."""

import hashlib

from flask import request

from core.errors import InvalidRequest
from core.ports import IdempotencyKey

HEADER = "Idempotency-Key"
_LONGEST = 255


def key_of_request(body_sha256: str | None = None) -> IdempotencyKey | None:
    """The key of the request with a fingerprint of the request; None where it has no key.

    `body_sha256` stands for a body that was streamed away. Raises InvalidRequest.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not 1 <= len(key) <= _LONGEST:
        raise InvalidRequest(f"{HEADER} must have 1 to {_LONGEST} characters")
    body = body_sha256 or hashlib.sha256(request.get_data()).hexdigest()
    query = sorted(request.args.items(multi=True))
    identity = repr((request.method, request.path, query, body))
    return IdempotencyKey(key, hashlib.sha256(identity.encode()).hexdigest())

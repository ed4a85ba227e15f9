"""Take a CSV, packed or not, into the source store and have it loaded."""

import gzip
import hashlib
import io
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

from core.errors import InvalidRequest, TooLarge
from core.ports import IdempotencyKey, SourceStore
from core.start_load import StartLoad
from domain.load import UPLOADS, Load, LoadOrder

_CHUNK = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class ReceiveUpload:
    """The use case with its parts; an upload unpacks to `max_bytes` at most."""

    store: SourceStore
    start_load: StartLoad
    max_bytes: int

    def __call__(
        self,
        chunks: Iterable[bytes],
        order: LoadOrder,
        key_for: Callable[[str], IdempotencyKey | None] = lambda _sha256: None,
    ) -> Load:
        """Keep the bytes in the store, unpacked, and enter the load of them.

        `order` says all but the source; `key_for` makes the idempotency key out of the SHA-256 of
        the content. Where no new load comes of it, nothing is kept. Raises TooLarge, and
        InvalidRequest where the packing is broken.
        """
        name = f"{UPLOADS}{order.table}-{uuid.uuid4().hex}.csv"
        digest = hashlib.sha256()
        with self.store.write(name) as sink:
            for chunk in _limited(_unpacked(chunks), self.max_bytes):
                digest.update(chunk)
                sink.write(chunk)
        is_taken = False
        try:
            load = self.start_load.later(replace(order, source=name), key_for(digest.hexdigest()))
            is_taken = load.order.source == name
        finally:
            if not is_taken:
                self.store.delete(name)
        return load


def _limited(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the CSV is larger than {limit} bytes")
        yield chunk


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack what begins as gzip does; no CSV of ours does."""
    rest = iter(chunks)
    head = b""
    while len(head) < len(_GZIP_MAGIC) and (chunk := next(rest, None)) is not None:
        head += chunk
    whole = chain([head], rest)
    if not head.startswith(_GZIP_MAGIC):
        yield from whole
        return
    unpacked = gzip.GzipFile(fileobj=io.BufferedReader(_Chunks(whole), _CHUNK))
    try:
        while chunk := unpacked.read(_CHUNK):
            yield chunk
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidRequest(f"the gzip content is broken: {error}") from error


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a raw stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

"""A source store with a second one beside it for uploads: the first may be read-only."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

from core.ports import ByteStream, Sink, SourceObject, SourceStore
from domain.load import UPLOADS


class WithUploads:
    """Objects whose name begins with UPLOADS lie in `uploads`, all others in `source`."""

    def __init__(self, source: SourceStore, uploads: SourceStore) -> None:
        self._source = source
        self._uploads = uploads

    def list(self) -> Iterator[SourceObject]:
        """Every object but for uploads, ordered by name."""
        return (found for found in self._source.list() if not found.name.startswith(UPLOADS))

    def stat(self, name: str) -> SourceObject:
        """Describe one object."""
        return self._store(name).stat(name)

    def open(self, source: SourceObject, offset: int = 0) -> ByteStream:
        """Read an object from byte `offset` on."""
        return self._store(source.name).open(source, offset)

    def write(self, name: str) -> AbstractContextManager[Sink]:
        """Make a new object."""
        return self._store(name).write(name)

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        self._store(name).delete(name)

    def _store(self, name: str) -> SourceStore:
        return self._uploads if name.startswith(UPLOADS) else self._source

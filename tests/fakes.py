"""Adapters for tests; each passes the contract suite of its port."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import count

from core.errors import SourceChanged, SourceNotFound
from core.ports import SourceObject


class MemoryStore:
    """A source store in memory, which hands out at most `chunk` bytes at a time."""

    def __init__(self, chunk: int = 1 << 20) -> None:
        self._objects: dict[str, tuple[SourceObject, bytes]] = {}
        self._versions = count(1)
        self._chunk = chunk

    def put(self, name: str, data: bytes) -> SourceObject:
        """Add an object, or replace it."""
        source = SourceObject(name, len(data), f"version {next(self._versions)}")
        self._objects[name] = source, data
        return source

    def remove(self, name: str) -> None:
        """Take an object away."""
        del self._objects[name]

    def list(self) -> Iterator[SourceObject]:
        """Every object, ordered by name."""
        for name in sorted(self._objects):
            yield self.stat(name)

    def stat(self, name: str) -> SourceObject:
        """Describe one object."""
        return self._find(name)[0]

    def open(self, source: SourceObject, offset: int = 0) -> "MemoryStream":
        """Read an object from byte `offset` on."""
        self.pinned(source)
        return MemoryStream(self, source, offset, self._chunk)

    @contextmanager
    def write(self, name: str) -> Iterator[BytesIO]:
        """Make a new object, which is seen once the block ends."""
        sink = BytesIO()
        yield sink
        self.put(name, sink.getvalue())

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        self._objects.pop(name, None)

    def pinned(self, source: SourceObject) -> bytes:
        """The bytes of an object, unless it has changed."""
        found, data = self._find(source.name)
        if found != source:
            raise SourceChanged(source.name)
        return data

    def _find(self, name: str) -> tuple[SourceObject, bytes]:
        if name not in self._objects:
            raise SourceNotFound(f"there is no object {name!r}")
        return self._objects[name]


class MemoryStream:
    """Reads an object of a MemoryStore; it looks the object up at every read."""

    def __init__(self, store: MemoryStore, source: SourceObject, offset: int, chunk: int) -> None:
        self._store = store
        self._source = source
        self._at = offset
        self._chunk = chunk
        self.is_closed = False

    def read(self, size: int, /) -> bytes:
        """Return 1 to `size` bytes, or none at the end."""
        assert not self.is_closed
        data = self._store.pinned(self._source)[self._at :][: min(size, self._chunk)]
        self._at += len(data)
        return data

    def close(self) -> None:
        """Read no more."""
        self.is_closed = True


class Doorbell:
    """A task queue that remembers who was rung for."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def ring(self, load_id: str) -> None:
        """Remember the ring."""
        self.rung.append(load_id)

    def is_reachable(self) -> bool | None:
        """There is no broker."""
        return None

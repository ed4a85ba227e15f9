"""Tell a source that ended from one that broke off."""

from core.errors import SourceUnavailable
from core.ports import ByteStream, SourceObject, SourceStore


class WholeStream:
    """The bytes of a source from an offset on; ends nowhere but at the end of the source."""

    def __init__(self, stream: ByteStream, source: SourceObject, offset: int) -> None:
        self._stream = stream
        self._source = source
        self._offset = offset

    def read(self, size: int, /) -> bytes:
        """Return 1 to `size` bytes, or none at the end; raises SourceUnavailable before it."""
        data = self._stream.read(size)
        self._offset += len(data)
        if self._offset > self._source.size or (not data and self._offset < self._source.size):
            raise SourceUnavailable(
                f"{self._source.name} broke off: byte {self._offset} of {self._source.size}"
            )
        return data

    def close(self) -> None:
        """Let go of what is held open."""
        self._stream.close()


def open_whole(store: SourceStore, source: SourceObject, offset: int = 0) -> WholeStream:
    """Open `source` at byte `offset`."""
    return WholeStream(store.open(source, offset), source, offset)

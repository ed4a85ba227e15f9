"""A folder of this machine as a source store."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from core.errors import SourceChanged, SourceError, SourceNotFound
from core.ports import SourceObject


class LocalFolder:
    """The files below a folder; what lies outside, also behind a link, is not to be had."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def list(self) -> Iterator[SourceObject]:
        """Every file that is no link, ordered by name."""
        paths = sorted(path for path in self._root.rglob("*") if path.is_file())
        for path in paths:
            if path.resolve() == path:
                yield self.stat(path.relative_to(self._root).as_posix())

    def stat(self, name: str) -> SourceObject:
        """Describe one file. Raises SourceNotFound, or SourceError where it can't be had."""
        path = self._path(name)
        try:
            return _describe(name, path.stat())
        except OSError as error:
            raise SourceError(f"{name} cannot be read: {error.strerror}") from error

    def open(self, source: SourceObject, offset: int = 0) -> "PinnedFile":
        """Read from byte `offset` on; raises SourceChanged as soon as the file is another."""
        path = self._path(source.name)
        try:
            file = path.open("rb")
        except OSError as error:
            raise SourceError(f"{source.name} cannot be read: {error.strerror}") from error
        file.seek(offset)
        return PinnedFile(file, path, source)

    def _path(self, name: str) -> Path:
        if "\0" in name or "\\" in name or not name or Path(name).is_absolute():
            raise SourceNotFound(f"{name!r} is not the name of a file in the source folder")
        path = self._root / name
        if path.resolve() != path or not path.is_relative_to(self._root):
            raise SourceNotFound(f"{name!r} does not lie in the source folder")
        if not path.is_file():
            raise SourceNotFound(f"there is no file {name!r} in the source folder")
        return path


class PinnedFile:
    """A file that is read only as long as its name stands for the same content."""

    def __init__(self, file: BinaryIO, path: Path, source: SourceObject) -> None:
        self._file = file
        self._path = path
        self._source = source

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end. Raises SourceChanged."""
        try:
            data = self._file.read(size)
            found = _describe(self._source.name, self._path.stat())
        except OSError as error:
            raise SourceError(f"{self._source.name} cannot be read: {error.strerror}") from error
        if found != self._source:
            raise SourceChanged(f"{self._source.name} has changed since the load began")
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _describe(name: str, status: os.stat_result) -> SourceObject:
    etag = f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"
    return SourceObject(name, status.st_size, etag)

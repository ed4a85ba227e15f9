"""A folder of this machine as a source store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.errors import SourceChanged, SourceNotFound, SourceUnavailable
from core.ports import SourceObject

# Files that are still being written.
_PARTIAL = ".partial-"


class LocalFolder:
    """The files below a folder; what lies outside, also behind a link, is not to be had."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def list(self) -> Iterator[SourceObject]:
        """Every file that is no link, ordered by name."""
        paths = (path for path in self._root.rglob("*") if path.is_file())
        for name in sorted(
            path.relative_to(self._root).as_posix()
            for path in paths
            if path.resolve() == path and not path.name.startswith(_PARTIAL)
        ):
            yield self.stat(name)

    def stat(self, name: str) -> SourceObject:
        """Describe one file. Raises SourceNotFound, or SourceUnavailable where it can't be had."""
        path = self._path(name)
        try:
            return _describe(name, path.stat())
        except OSError as error:
            raise SourceUnavailable(f"{name} cannot be read: {error.strerror}") from error

    def open(self, source: SourceObject, offset: int = 0) -> "PinnedFile":
        """Read from byte `offset` on; raises SourceChanged as soon as the file is another."""
        path = self._path(source.name)
        try:
            file = path.open("rb")
        except OSError as error:
            raise SourceUnavailable(f"{source.name} cannot be read: {error.strerror}") from error
        file.seek(offset)
        return PinnedFile(file, path, source)

    @contextmanager
    def write(self, name: str) -> Iterator[BinaryIO]:
        """Make a new file, which is seen once the block ends, and never where it raises."""
        path = self._inside(name)
        partial = path.with_name(f"{_PARTIAL}{path.name}")
        with _telling(f"{name} cannot be written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("wb") as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        path = self._inside(name)
        with _telling(f"{name} cannot be removed"):
            if path.is_file():
                path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        path = self._inside(name)
        with _only_files_names(name):
            if not path.is_file():
                raise SourceNotFound(f"there is no file {name!r} in the source folder")
        return path

    def _inside(self, name: str) -> Path:
        path = self._root / name
        with _only_files_names(name):
            # One file has one name: "./a", "a/" and "b/../a" are not "a". "." is the folder itself.
            is_own = path.relative_to(self._root).as_posix() == name and path != self._root
            if not is_own or path.resolve() != path:
                raise SourceNotFound(f"{name!r} does not lie in the source folder")
        return path


@contextmanager
def _telling(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceUnavailable(f"{what}: {error.strerror}") from error


@contextmanager
def _only_files_names(name: str) -> Iterator[None]:
    """Refuse what cannot be the name of a file: an absolute path, a NUL, too long a name."""
    try:
        yield
    except PermissionError as error:
        raise SourceUnavailable(f"{name} cannot be read: {error.strerror}") from error
    except (OSError, ValueError) as error:
        raise SourceNotFound(f"{name!r} is not the name of a file here") from error


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
            name = self._source.name
            raise SourceUnavailable(f"{name} cannot be read: {error.strerror}") from error
        if found != self._source:
            raise SourceChanged(self._source.name)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _describe(name: str, status: os.stat_result) -> SourceObject:
    etag = f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"
    return SourceObject(name, status.st_size, etag)

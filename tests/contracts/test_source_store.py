"""What every source store does."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import pytest

from core.errors import SourceChanged, SourceError, SourceNotFound, SourceUnavailable
from core.ports import ByteStream, SourceObject, SourceStore
from infra.storage.local import LocalFolder
from tests.fakes import MemoryStore

HOSTILE_NAMES = (
    *("", ".", "..", "../outside.csv", "a/../jobs.csv", "a/../../outside.csv", "./jobs.csv/.."),
    *("/etc/passwd", "/", "//jobs.csv", "\0", "jobs.csv\0", "..\\outside.csv", "C:\\jobs.csv"),
    *("missing.csv", "jobs.csv/", "jobs.csv/more", "a/missing.csv", "x" * 300, "x/" * 3000, "~"),
    *(
        "\ud800",
        "\udcff.csv",
        "jobs.csv\n",
        "JOBS.CSV ",
        "%2e%2e/outside.csv",
        "file:///etc/passwd",
    ),
)


def read_all(stream: ByteStream, size: int = 7) -> bytes:
    with closing(stream):
        return b"".join(iter(lambda: stream.read(size), b""))


S = TypeVar("S", bound=SourceStore)


class SourceStoreContract(ABC, Generic[S]):
    """The suite; a subclass brings the store."""

    @pytest.fixture
    @abstractmethod
    def store(self, tmp_path: Path) -> S:
        """A store with nothing in it."""

    @abstractmethod
    def put(self, store: S, name: str, data: bytes) -> SourceObject:
        """Add an object or replace it, and describe it."""

    @abstractmethod
    def remove(self, store: S, name: str) -> None:
        """Take an object away."""

    def test_an_empty_store_lists_nothing(self, store: S) -> None:
        assert list(store.list()) == []

    def test_every_object_is_listed_by_its_name_in_order(self, store: S) -> None:
        names = ["2021/07/jobs, new é.csv", "a.csv", "a/z.csv", "a\\b.csv", "b.csv"]
        for name in reversed(names):
            self.put(store, name, name.encode())
        assert [source.name for source in store.list()] == names

    def test_what_is_listed_can_be_described_and_read(self, store: S) -> None:
        for name in ("jobs.csv", "a/b/jobs.csv"):
            self.put(store, name, name.encode() * 3)
        for source in store.list():
            assert store.stat(source.name) == source
            assert read_all(store.open(source)) == source.name.encode() * 3

    def test_an_object_is_described_by_its_name_and_size(self, store: S) -> None:
        self.put(store, "jobs.csv", b"1,Tailor\n")
        source = store.stat("jobs.csv")
        assert (source.name, source.size) == ("jobs.csv", 9)
        assert source == store.stat("jobs.csv")

    def test_reading_begins_at_any_byte(self, store: S) -> None:
        source = self.put(store, "jobs.csv", bytes(range(256)))
        for offset in (0, 1, 100, 255, 256):
            assert read_all(store.open(source, offset)) == bytes(range(offset, 256))

    def test_nothing_is_read_from_an_empty_object_however_often(self, store: S) -> None:
        stream = store.open(self.put(store, "empty.csv", b""))
        assert [stream.read(5), stream.read(5)] == [b"", b""]
        stream.close()

    def test_two_streams_of_an_object_do_not_disturb_each_other(self, store: S) -> None:
        source = self.put(store, "jobs.csv", b"abcdef")
        one, other = store.open(source), store.open(source, 3)
        assert [one.read(2), other.read(2), one.read(2)] == [b"ab", b"de", b"cd"]
        one.close()
        other.close()

    @pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name)[:30])
    def test_there_is_nothing_under_a_hostile_name(self, store: S, name: str) -> None:
        source = self.put(store, "jobs.csv", b"1,Tailor\n")
        self.put(store, "a/jobs.csv", b"")
        with pytest.raises(SourceNotFound):
            store.stat(name)
        with pytest.raises(SourceNotFound):
            store.open(SourceObject(name, source.size, source.etag))

    @pytest.mark.parametrize("data", [b"abcXef", b"abcdefg", b"abc", b"", b"abcdef\n"])
    def test_other_content_is_not_read_in_place_of_the_old(self, store: S, data: bytes) -> None:
        source = self.put(store, "jobs.csv", b"abcdef")
        assert self.put(store, "jobs.csv", data).etag != source.etag
        with pytest.raises(SourceChanged):
            read_all(store.open(source))

    @pytest.mark.parametrize("data", [b"abcXef", b"abcdefg", b"abc", b"", b"abcdef\n"])
    def test_content_that_changes_while_it_is_read_is_noticed(self, store: S, data: bytes) -> None:
        source = self.put(store, "jobs.csv", b"abcdef")
        stream = store.open(source)
        assert stream.read(2) == b"ab"
        self.put(store, "jobs.csv", data)
        with pytest.raises(SourceChanged):
            read_all(stream)
        stream.close()

    def test_a_change_after_the_last_byte_is_noticed(self, store: S) -> None:
        source = self.put(store, "jobs.csv", b"abcdef")
        stream = store.open(source)
        assert stream.read(6) == b"abcdef"
        self.put(store, "jobs.csv", b"ABCDEF")
        with pytest.raises(SourceChanged):
            stream.read(6)
        stream.close()

    def test_an_object_that_goes_away_is_an_error_of_the_source(self, store: S) -> None:
        source = self.put(store, "jobs.csv", b"abcdef")
        stream = store.open(source)
        self.remove(store, "jobs.csv")
        with pytest.raises(SourceError):
            read_all(stream)
        with pytest.raises(SourceNotFound):
            store.open(source)
        stream.close()


class TestMemoryStore(SourceStoreContract[MemoryStore]):
    @pytest.fixture
    def store(self, tmp_path: Path) -> MemoryStore:
        return MemoryStore()

    def put(self, store: MemoryStore, name: str, data: bytes) -> SourceObject:
        return store.put(name, data)

    def remove(self, store: MemoryStore, name: str) -> None:
        store.remove(name)

    def test_it_may_hand_out_less_than_was_asked_for(self) -> None:
        store = MemoryStore(chunk=2)
        assert store.open(store.put("jobs.csv", b"abc")).read(100) == b"ab"


@contextmanager
def without_rights(path: Path) -> Iterator[None]:
    """Run the block as somebody who may not enter the folder."""
    user, mode = os.geteuid(), path.stat().st_mode
    path.chmod(0)
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)
    path.chmod(mode)


class TestLocalFolder(SourceStoreContract[LocalFolder]):
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "store"
        root.mkdir()
        (tmp_path / "outside.csv").write_bytes(b"secret")
        return root

    @pytest.fixture
    def store(self, root: Path) -> LocalFolder:
        return LocalFolder(root)

    def put(self, store: LocalFolder, name: str, data: bytes) -> SourceObject:
        """Write the file as careful exporters do: beside the old one, then in its place."""
        path = store._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name("new")
        new.write_bytes(data)
        new.replace(path)
        return store.stat(name)

    def remove(self, store: LocalFolder, name: str) -> None:
        (store._root / name).unlink()

    @pytest.mark.parametrize("change", [b"appended", None])
    def test_a_file_that_grows_or_shrinks_in_place_is_noticed(
        self, store: LocalFolder, root: Path, change: bytes | None
    ) -> None:
        source = self.put(store, "jobs.csv", b"abcdef")
        stream = store.open(source)
        stream.read(2)
        with (root / "jobs.csv").open("r+b") as file:
            file.truncate(3) if change is None else file.seek(0, os.SEEK_END)
            file.write(change or b"")
        with pytest.raises(SourceChanged):
            stream.read(2)
        stream.close()

    def test_a_file_that_is_written_over_in_place_is_noticed_by_its_time(
        self, store: LocalFolder, root: Path
    ) -> None:
        source = self.put(store, "jobs.csv", b"abcdef")
        (root / "jobs.csv").write_bytes(b"ABCDEF")
        os.utime(root / "jobs.csv", ns=(0, 1))
        with pytest.raises(SourceChanged):
            read_all(store.open(source))

    @pytest.mark.parametrize("target", ["outside.csv", "store/jobs.csv", ".", "/etc/passwd", "no"])
    def test_links_are_neither_followed_nor_listed(
        self, store: LocalFolder, root: Path, target: str
    ) -> None:
        source = self.put(store, "jobs.csv", b"abcdef")
        (root / "link").symlink_to(root.parent / target)
        for name in ("link", "link/outside.csv", "link/store/jobs.csv"):
            with pytest.raises(SourceNotFound):
                store.stat(name)
        assert list(store.list()) == [source]

    def test_the_folder_itself_may_be_reached_by_a_link(self, tmp_path: Path, root: Path) -> None:
        (tmp_path / "link").symlink_to(root)
        store = LocalFolder(tmp_path / "link")
        source = self.put(store, "jobs.csv", b"abcdef")
        assert list(store.list()) == [source]
        assert read_all(store.open(source)) == b"abcdef"

    def test_what_is_no_file_is_not_listed(self, store: LocalFolder, root: Path) -> None:
        os.mkfifo(root / "pipe")
        (root / "folder").mkdir()
        assert list(store.list()) == []
        with pytest.raises(SourceNotFound):
            store.stat("pipe")

    def test_a_file_that_may_not_be_read_is_not_taken_for_a_missing_one(
        self, store: LocalFolder, root: Path
    ) -> None:
        self.put(store, "jobs.csv", b"abcdef")
        with without_rights(root), pytest.raises(SourceError, match="denied") as raised:
            store.stat("jobs.csv")
        assert type(raised.value) is SourceUnavailable

    def test_a_folder_that_is_not_there_holds_nothing(self, tmp_path: Path) -> None:
        store = LocalFolder(tmp_path / "nowhere")
        assert list(store.list()) == []
        with pytest.raises(SourceNotFound, match=r"jobs\.csv"):
            store.stat("jobs.csv")

"""What every source store does."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Generic, TypeVar

import pytest

from core.errors import SourceChanged, SourceError, SourceNotFound, SourceUnavailable
from core.ports import ByteStream, SourceObject, SourceStore
from infra.storage.local import LocalFolder
from infra.storage.with_uploads import WithUploads
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


class Trouble(Exception):
    """What goes wrong while an object is written."""


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

    @pytest.mark.parametrize("name", ["new.csv", "a/b/new.csv"])
    def test_an_object_is_seen_once_it_is_whole(self, store: S, name: str) -> None:
        with store.write(name) as sink:
            for part in (b"1,Tai", b"", b"lor\n"):
                sink.write(part)
            assert list(store.list()) == []
            with pytest.raises(SourceNotFound):
                store.stat(name)
        (source,) = store.list()
        assert source == store.stat(name)
        assert (source.name, source.size) == (name, 9)
        assert read_all(store.open(source)) == b"1,Tailor\n"

    def test_an_object_without_a_byte_can_be_written(self, store: S) -> None:
        with store.write("empty.csv"):
            pass
        assert store.stat("empty.csv").size == 0

    @pytest.mark.parametrize("data", [b"", b"1,Tai", b"x" * 3_000_000])
    def test_nothing_is_left_of_an_object_whose_writer_fails(self, store: S, data: bytes) -> None:
        with pytest.raises(Trouble), store.write("new.csv") as sink:
            sink.write(data)
            raise Trouble
        assert list(store.list()) == []
        with pytest.raises(SourceNotFound):
            store.stat("new.csv")

    def test_what_is_written_under_a_name_in_use_takes_its_place_as_a_whole(self, store: S) -> None:
        old = self.put(store, "jobs.csv", b"abcdef")
        with pytest.raises(Trouble), store.write("jobs.csv") as sink:
            sink.write(b"ABC")
            raise Trouble
        assert read_all(store.open(old)) == b"abcdef"
        with store.write("jobs.csv") as sink:
            sink.write(b"ABC")
            assert store.stat("jobs.csv") == old
        assert read_all(store.open(store.stat("jobs.csv"))) == b"ABC"

    def test_an_object_is_removed_if_it_is_there(self, store: S) -> None:
        kept = self.put(store, "b.csv", b"b")
        self.put(store, "a/jobs.csv", b"a")
        for _ in range(2):
            store.delete("a/jobs.csv")
            assert list(store.list()) == [kept]
        for name in ("a", "b.csv/more", "no/such/jobs.csv"):
            store.delete(name)
        assert list(store.list()) == [kept]


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
    try:
        yield
    finally:
        os.seteuid(user)
        path.chmod(mode)


def inside(root: Path) -> set[str]:
    """Every file below a folder, partial ones too."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def files(root: Path) -> set[str]:
    """The same without the database that each test has."""
    return {name for name in inside(root) if not name.startswith("hiring.db")}


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

    @pytest.mark.parametrize("name", HOSTILE_NAMES, ids=lambda name: ascii(name)[:30])
    def test_nothing_outside_the_folder_is_written_or_removed(
        self, store: LocalFolder, root: Path, name: str
    ) -> None:
        names = {self.put(store, "jobs.csv", b"1,Tailor\n").name}
        with suppress(SourceError), store.write(name) as sink:
            assert files(root.parent) <= {"outside.csv", *(f"store/{n}" for n in inside(root))}
            sink.write(b"x")
            names.add(name)
        assert {source.name for source in store.list()} == names
        assert files(root.parent) == {"outside.csv", *(f"store/{n}" for n in names)}
        with suppress(SourceError):
            store.delete(name)
        assert files(root.parent) == {"outside.csv", "store/jobs.csv"}

    def test_links_are_neither_written_through_nor_removed(
        self, store: LocalFolder, root: Path
    ) -> None:
        (root / "link").symlink_to(root.parent / "outside.csv")
        with pytest.raises(SourceError), store.write("link") as sink:
            sink.write(b"x")
        with pytest.raises(SourceError):
            store.delete("link")
        assert (root / "link").is_symlink()
        assert (root.parent / "outside.csv").read_bytes() == b"secret"

    def test_a_file_that_is_still_written_is_not_listed(
        self, store: LocalFolder, root: Path
    ) -> None:
        with store.write("a/new.csv") as sink:
            sink.write(b"1,Tailor\n")
            assert len(inside(root)) == 1
            assert list(store.list()) == []
        assert inside(root) == {"a/new.csv"}

    def test_a_folder_is_made_for_the_first_object(self, tmp_path: Path) -> None:
        store = LocalFolder(tmp_path / "new" / "folder")
        with store.write("jobs.csv") as sink:
            sink.write(b"1,Tailor\n")
        assert read_all(store.open(store.stat("jobs.csv"))) == b"1,Tailor\n"

    def test_a_folder_that_may_not_be_written_to_is_told_by_name(
        self, store: LocalFolder, root: Path
    ) -> None:
        self.put(store, "jobs.csv", b"abcdef")
        with without_rights(root):
            with pytest.raises(SourceUnavailable, match=r"new\.csv cannot be written"):
                store.write("new.csv").__enter__()
            with pytest.raises(SourceUnavailable, match=r"jobs\.csv cannot be"):
                store.delete("jobs.csv")
        assert inside(root) == {"jobs.csv"}

    def test_a_file_in_the_place_of_a_folder_is_told_by_name(
        self, store: LocalFolder, root: Path
    ) -> None:
        self.put(store, "jobs.csv", b"abcdef")
        with pytest.raises(SourceUnavailable, match="cannot be written"):
            store.write("jobs.csv/new.csv").__enter__()
        assert inside(root) == {"jobs.csv"}

    def test_a_file_that_may_not_be_opened_is_told_by_name(
        self, store: LocalFolder, root: Path
    ) -> None:
        source = self.put(store, "jobs.csv", b"abcdef")
        with (
            without_rights(root / "jobs.csv"),
            pytest.raises(SourceUnavailable, match=r"jobs\.csv cannot be read"),
        ):
            store.open(source)

    def test_a_folder_that_is_not_there_holds_nothing(self, tmp_path: Path) -> None:
        store = LocalFolder(tmp_path / "nowhere")
        assert list(store.list()) == []
        with pytest.raises(SourceNotFound, match=r"jobs\.csv"):
            store.stat("jobs.csv")


class TestWithUploads(SourceStoreContract[WithUploads]):
    @pytest.fixture
    def source(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def uploads(self, tmp_path: Path) -> LocalFolder:
        return LocalFolder(tmp_path / "var")

    @pytest.fixture
    def store(self, source: MemoryStore, uploads: LocalFolder) -> WithUploads:
        return WithUploads(source, uploads)

    def put(self, store: WithUploads, name: str, data: bytes) -> SourceObject:
        with store.write(name) as sink:
            sink.write(data)
        return store.stat(name)

    def remove(self, store: WithUploads, name: str) -> None:
        store.delete(name)

    def test_uploads_lie_apart_and_are_not_listed(
        self, store: WithUploads, source: MemoryStore, uploads: LocalFolder
    ) -> None:
        upload = self.put(store, "uploads/jobs.csv", b"1,Tailor\n")
        jobs = self.put(store, "jobs.csv", b"2,Smith\n")
        assert list(store.list()) == list(source.list()) == [jobs]
        assert list(uploads.list()) == [upload] == [store.stat("uploads/jobs.csv")]
        assert read_all(store.open(upload, 2)) == b"Tailor\n"
        store.delete(upload.name)
        assert list(uploads.list()) == []
        assert list(store.list()) == [jobs]

    def test_what_cannot_be_had_is_not_listed(
        self, store: WithUploads, source: MemoryStore
    ) -> None:
        source.put("uploads/jobs.csv", b"1,Tailor\n")
        assert list(store.list()) == []
        with pytest.raises(SourceNotFound):
            store.stat("uploads/jobs.csv")

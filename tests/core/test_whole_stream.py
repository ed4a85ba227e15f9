"""A source ends where its size says, or it broke off."""

import pytest

from core.errors import SourceUnavailable
from core.ports import SourceObject
from core.whole_stream import WholeStream, open_whole
from tests.fakes import MemoryStore


def read_to_end(stream: WholeStream) -> bytes:
    return b"".join(iter(lambda: stream.read(4), b""))


@pytest.mark.parametrize("offset", [0, 1, 10])
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_a_whole_source_is_read_to_its_end(offset: int, chunk: int) -> None:
    store = MemoryStore(chunk)
    source = store.put("jobs.csv", b"1,Tailor\r\n")
    assert read_to_end(open_whole(store, source, offset)) == b"1,Tailor\r\n"[offset:]


@pytest.mark.parametrize("size", [9, 11])
@pytest.mark.parametrize("offset", [0, 2])
def test_a_source_of_another_length_broke_off(offset: int, size: int) -> None:
    store = MemoryStore()
    inner = store.open(store.put("jobs.csv", b"1,Tailor\r\n"), offset)
    stream = WholeStream(inner, SourceObject("jobs.csv", size, "an etag"), offset)
    with pytest.raises(SourceUnavailable, match=r"jobs\.csv broke off: byte 10 of"):
        read_to_end(stream)


def test_closing_closes_what_is_read_from() -> None:
    store = MemoryStore()
    inner = store.open(store.put("jobs.csv", b""))
    WholeStream(inner, store.stat("jobs.csv"), 0).close()
    assert inner.is_closed

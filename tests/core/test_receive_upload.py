"""An upload is kept unpacked until it is loaded, and not at all where no load comes of it."""

import gzip
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

import pytest

from core.errors import InvalidRequest, KeyReused, QueueFull, TooLarge
from core.ports import IdempotencyKey
from core.receive_upload import ReceiveUpload
from domain.load import LoadOrder, LoadState
from tests.fakes import Doorbell
from tests.support import JOBS, order
from tests.world import World

DATA = b"".join(b"%d,job %d\r\n" % (number, number) for number in range(11, 211))
WISH = order(JOBS, source="", batch_size=50)


@pytest.fixture
def receive(world: World) -> ReceiveUpload:
    start = replace(world.parts.service.start_load, queue=Doorbell(), max_waiting=3)
    return ReceiveUpload(world.store, start, max_bytes=len(DATA))


def kept(world: World) -> list[str]:
    return [source.name for source in world.store.list()]


def chunks(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def members(data: bytes) -> bytes:
    """Several gzip files in one, as log rotation makes them."""
    return b"".join(gzip.compress(part) for part in chunks(data, 700))


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "stored": lambda data: gzip.compress(data, compresslevel=0),
    "many members": members,
    "zeros behind": lambda data: gzip.compress(data) + b"\0" * 512,
}


@pytest.mark.parametrize("size", [1, 2, 1000, 10**6])
@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
def test_what_is_uploaded_is_kept_unpacked(
    world: World, receive: ReceiveUpload, pack: Callable[[bytes], bytes], size: int
) -> None:
    load = receive([b"", *chunks(pack(DATA), size), b""], WISH)
    assert (load.state, load.background) == (LoadState.PENDING, True)
    assert load.order == replace(WISH, source=load.order.source)
    assert load.order.is_upload
    assert kept(world) == [load.order.source]
    assert world.store.pinned(world.store.stat(load.order.source)) == DATA


def test_an_upload_is_loaded_and_goes(world: World, receive: ReceiveUpload) -> None:
    load = receive([gzip.compress(DATA)], WISH)
    world.worker()(load.id)
    ended = world.get(load)
    assert (ended.state, ended.counts.inserted) == (LoadState.SUCCESS, 200)
    assert ended.sha256 == hashlib.sha256(DATA).hexdigest()
    assert kept(world) == []


@pytest.mark.parametrize("data", [b"", b"1", b"\x1f", b"\x1f1,job"], ids=ascii)
def test_what_is_too_short_for_gzip_is_plain(
    world: World, receive: ReceiveUpload, data: bytes
) -> None:
    load = receive(chunks(data, 1), WISH)
    assert world.store.pinned(world.store.stat(load.order.source)) == data


PACKED = gzip.compress(DATA)
BROKEN = {
    "head only": b"\x1f\x8b",
    "cut": PACKED[:-20],
    "cut in the head": PACKED[:5],
    "no checksum": PACKED[:-8],
    "wrong checksum": PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:],
    "wrong size": PACKED[:-4] + b"\0\0\0\0",
    "wrong method": b"\x1f\x8b\x07" + PACKED[3:],
    "spoilt": PACKED[:40] + b"\xff\xff\xff" + PACKED[43:],
    "something behind": PACKED + b"1,job",
    "a cut member behind": PACKED + PACKED[:30],
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("size", [1, 10**6])
def test_of_a_broken_packing_nothing_is_kept(
    world: World, receive: ReceiveUpload, data: bytes, size: int
) -> None:
    receive = replace(receive, max_bytes=10**6)
    with pytest.raises(InvalidRequest, match="gzip"):
        receive(chunks(data, size), WISH)
    assert kept(world) == receive.start_load.ledger.waiting() == []


@pytest.mark.parametrize("seed", range(3))
def test_no_spoilt_byte_is_an_unexpected_error(
    world: World, receive: ReceiveUpload, seed: int
) -> None:
    random = Random(seed)
    for _ in range(30):
        data = bytearray(PACKED)
        data[random.randrange(2, len(data))] ^= random.randrange(1, 256)
        try:
            load = receive([bytes(data)], WISH)
        except (InvalidRequest, TooLarge):
            assert kept(world) == []
        else:
            assert world.store.pinned(world.store.stat(load.order.source)) == DATA
            receive.start_load.ledger.cancel(load.id)
            world.store.delete(load.order.source)


@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
def test_an_upload_may_be_as_large_as_allowed_and_not_larger(
    world: World, receive: ReceiveUpload, pack: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(TooLarge, match=str(len(DATA))):
        receive([pack(DATA + b"\n")], WISH)
    assert kept(world) == receive.start_load.ledger.waiting() == []
    receive([pack(DATA)], WISH)


def test_a_bomb_is_not_unpacked_further_than_allowed(world: World, receive: ReceiveUpload) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    read = []

    def watched() -> Iterator[bytes]:
        for chunk in chunks(bomb * 100, 1000):
            read.append(chunk)
            yield chunk

    with pytest.raises(TooLarge):
        receive(watched(), WISH)
    assert len(read) < 20
    assert kept(world) == []


def test_nothing_is_kept_where_the_connection_breaks(world: World, receive: ReceiveUpload) -> None:
    def broken() -> Iterator[bytes]:
        yield DATA[:100]
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        receive(broken(), WISH)
    assert kept(world) == []


def test_nothing_is_kept_where_the_load_cannot_be_entered(
    world: World, receive: ReceiveUpload
) -> None:
    bad: list[tuple[LoadOrder, type[Exception]]] = [
        (replace(WISH, table="nothing"), InvalidRequest),
        (replace(WISH, batch_size=0), InvalidRequest),
        (WISH, QueueFull),
    ]
    for wish, error in bad:
        full = replace(receive.start_load, max_waiting=0)
        with pytest.raises(error):
            replace(receive, start_load=full)([DATA], wish)
        assert kept(world) == []


def test_the_key_is_made_of_the_content_and_repeats_keep_nothing(
    world: World, receive: ReceiveUpload
) -> None:
    def key_for(sha256: str) -> IdempotencyKey:
        return IdempotencyKey("mine", sha256)

    load = receive([DATA], WISH, key_for)
    again = receive([gzip.compress(DATA)], WISH, key_for)
    assert again == load
    assert kept(world) == [load.order.source]
    with pytest.raises(KeyReused):
        receive([DATA[:50]], WISH, key_for)
    assert kept(world) == [load.order.source]
    world.worker()(load.id)
    assert receive([DATA], WISH, key_for).id == load.id
    assert kept(world) == []

"""Sources and databases that fail under a load: the result is that of an unbroken one, or none."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from sqlite3 import Connection, connect

import pytest
from sqlalchemy import Engine, event

from core.errors import DatabaseUnavailable, SourceUnavailable
from core.ports import ByteStream, SourceObject, SourceStore
from core.run_load import RunLoad
from domain.dictionary import TABLES
from domain.load import Load, LoadState
from infra.csv import blocks
from tests.faults import worker
from tests.faults.stage import FILE, Stage, employees, order


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 1000)


class _Strikes:
    """A store whose streams have a fault strike once, as soon as `at` bytes were read."""

    def __init__(self, inner: SourceStore, at: int, fault: Callable[[], bytes | None]) -> None:
        self._inner = inner
        self._left = at
        self._fault = fault
        self.has_struck = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def open(self, source: SourceObject, offset: int = 0) -> "_Stream":
        return _Stream(self, self._inner.open(source, offset))

    def instead(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left > 0 or self.has_struck:
            return data
        self.has_struck = True
        found = self._fault()
        return data if found is None else found


class _Stream:
    def __init__(self, store: _Strikes, inner: ByteStream) -> None:
        self._store = store
        self._inner = inner

    def read(self, size: int, /) -> bytes:
        return self._store.instead(self._inner.read(size))

    def close(self) -> None:
        self._inner.close()


def _run(stage: Stage, at: int, fault: Callable[[], bytes | None]) -> RunLoad:
    run = stage.parts.service.start_load.run
    store = _Strikes(run.store, at, fault)
    return replace(run, store=store, lease=0.3)  # type: ignore[arg-type] # passes all else on


def _fails() -> bytes:
    raise SourceUnavailable("the source does not answer")


def _ends() -> bytes:
    return b""


def _entered(stage: Stage, seed: int) -> tuple[Load, bytes]:
    chance = random.Random(seed)
    data = employees(chance, 150)
    return stage.enter(data, order(chance, batch_size=10)), data


# The content is read twice: first for its SHA-256.
@pytest.mark.parametrize("share", [0.1, 0.9, 1.05, 1.5, 1.99])
@pytest.mark.parametrize("fault", [_fails, _ends])
def test_a_source_that_breaks_off_is_tried_again(
    stage: Stage, fault: Callable[[], bytes], share: float
) -> None:
    load, data = _entered(stage, seed=int(share * 100))
    run = _run(stage, int(len(data) * share), fault)
    run(load.id)
    assert stage.load(load).state is LoadState.RETRY
    assert load.id not in run.ledger.waiting(), "it waits before it tries again"
    worker.run_to_end(run, load.id)
    stage.assert_as_unbroken(load, data)


def test_a_fault_that_stays_fails_the_load_in_the_end(stage: Stage) -> None:
    load, _ = _entered(stage, seed=1)
    for _ in range(2):
        replace(_run(stage, 0, _fails), max_attempts=2)(load.id)
    ended = stage.load(load)
    assert (ended.state, ended.error) == (LoadState.FAILURE, "the source does not answer")


@pytest.mark.parametrize("share", [1.3, 1.9])
def test_a_source_replaced_under_a_load_fails_it(stage: Stage, share: float) -> None:
    load, data = _entered(stage, seed=2)
    path = stage.source / FILE

    def replace_file() -> None:
        path.unlink()
        path.write_bytes(data.replace(b"Ann", b"Eve"))

    run = _run(stage, int(len(data) * share), replace_file)
    run(load.id)
    ended = stage.load(load)
    assert ended.state is LoadState.FAILURE
    assert ended.error is not None and ended.error.startswith("source_changed")
    names = [row["name"] for row in _employees(stage)]
    assert not [name for name in names if str(name).startswith("Eve")], "nothing is mixed"
    assert list(stage.parts.service.audit()) == []
    stage.parts.service.start_load.again(load.id)
    run(load.id)
    assert stage.load(load).state is LoadState.FAILURE, "the other content is refused again"


def _employees(stage: Stage) -> list[dict[str, object]]:
    table = TABLES["hired_employees"]
    return list(stage.parts.service.listing.page(table, after=0, limit=10_000))


def test_a_full_disk_keeps_the_load_for_later(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(3)
    data = employees(chance, 5000)
    load = stage.enter(data, replace(order(chance, batch_size=500), reject_limit=None))
    engine = stage.parts.engine

    fill = _set_for_new_connections(engine, "max_page_count = 1")
    run = stage.parts.service.start_load.run
    run(load.id)
    assert stage.load(load).state is LoadState.RETRY
    assert "disk is full" in caplog.text
    event.remove(engine, "connect", fill)
    engine.dispose()
    worker.run_to_end(run, load.id)
    stage.assert_as_unbroken(load, data)


def _set_for_new_connections(engine: Engine, pragma: str) -> Callable[..., None]:
    def execute(connection: Connection, *_: object) -> None:
        connection.execute(f"PRAGMA {pragma}")

    engine.dispose()
    event.listen(engine, "connect", execute)
    return execute


def test_a_locked_database_keeps_the_load_for_later(stage: Stage, database_url: str) -> None:
    load, data = _entered(stage, seed=4)
    _set_for_new_connections(stage.parts.engine, "busy_timeout = 50")
    other = connect(Path(database_url.removeprefix("sqlite:///")), isolation_level=None)

    def lock() -> None:
        other.execute("BEGIN IMMEDIATE")

    run = _run(stage, int(len(data) * 1.5), lock)
    with pytest.raises(DatabaseUnavailable):
        run(load.id)
    other.execute("ROLLBACK")
    other.close()
    worker.run_to_end(run, load.id)
    stage.assert_as_unbroken(load, data)

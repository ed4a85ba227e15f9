"""Ports that call out before and after each of their methods, so that a fault can strike there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from core.ports import Transaction
from core.run_load import RunLoad

# Told the name of each point that a worker passes, such as "before claim" or "after commit".
Tripwire = Callable[[str], None]

POINTS = [
    f"{when} {what}"
    for what in (
        "claim",
        "stat",
        "identify",
        "read",
        "begin",
        "known_ids",
        "store",
        "add_rejects",
        "advance",
        "commit",
        "renew",
        "close",
    )
    for when in ("before", "after")
]


class _Watched:
    """Any port: passes every call on, between two calls of the tripwire."""

    def __init__(self, inner: object, trip: Tripwire) -> None:
        self._inner = inner
        self._trip = trip

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def watched(*args: Any, **named: Any) -> Any:
            self._trip(f"before {name}")
            result = method(*args, **named)
            self._trip(f"after {name}")
            return result

        return watched


class _WatchedDatabase(_Watched):
    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self._trip("before begin")
        with self._inner.begin() as transaction:  # type: ignore[attr-defined]
            self._trip("after begin")
            yield _Watched(transaction, self._trip)
            self._trip("before commit")
        self._trip("after commit")


class _WatchedReader(_Watched):
    def read(self, *args: Any) -> Iterator[Any]:
        frames = self._inner.read(*args)  # type: ignore[attr-defined]
        while True:
            self._trip("before read")
            frame = next(frames, None)
            if frame is None:
                return
            self._trip("after read")
            yield frame


def watched(run: RunLoad, trip: Tripwire) -> RunLoad:
    """The use case over the same adapters, which call `trip` at each of POINTS."""
    return replace(
        run,
        store=_Watched(run.store, trip),
        reader=_WatchedReader(run.reader, trip),
        database=_WatchedDatabase(run.database, trip),
        ledger=_Watched(run.ledger, trip),
    )

"""The ledger of loads in SQL."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TypeVar

import sqlalchemy as sa

from core.ports import SourceObject
from domain.load import Counts, Load, LoadOrder, LoadState, OnConflict, Position
from infra.db.database import update_owned
from infra.db.engine import writing
from infra.db.schema import loads, rejects

_T = TypeVar("_T", LoadOrder, Position, Counts)

_CLAIMABLE = (LoadState.PENDING, LoadState.RETRY)
_FINAL = [state for state in LoadState if state.is_final]


class SqlLedger:
    """Keeps loads in the table `loads`, with times in UTC."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._writer = writing(engine)

    def add(self, order: LoadOrder, *, background: bool) -> Load:
        """Enter a new load, PENDING."""
        load_id = str(uuid.uuid4())
        values = asdict(order)
        values["table_name"] = values.pop("table")
        with self._writer.begin() as connection:
            connection.execute(
                loads.insert().values(
                    id=load_id,
                    background=background,
                    state=LoadState.PENDING,
                    created_at=_now(),
                    **values,
                )
            )
            return _get(connection, load_id)

    def get(self, load_id: str) -> Load | None:
        """One load, or None where there is no such id."""
        with self._engine.connect() as connection:
            row = connection.execute(loads.select().where(loads.c.id == load_id)).first()
            return _load(row) if row else None

    def claim(self, load_id: str, owner: str, lease: float) -> Load | None:
        """Take a load that nobody works on; None where somebody does or it is over."""
        now = _now()
        with self._writer.begin() as connection:
            result = connection.execute(
                loads.update()
                .where(
                    loads.c.id == load_id,
                    loads.c.state.in_(_CLAIMABLE) | _is_abandoned(now),
                )
                .values(
                    state=LoadState.STARTED,
                    owner=owner,
                    fence=loads.c.fence + 1,
                    attempts=loads.c.attempts + 1,
                    lease_until=_after(now, lease),
                    started_at=sa.func.coalesce(loads.c.started_at, now),
                )
            )
            return _get(connection, load_id) if result.rowcount else None

    def identify(self, load: Load, source: SourceObject) -> None:
        """Tie the load to the content that it began with; raises LeaseLost."""
        with self._writer.begin() as connection:
            update_owned(connection, load, source_size=source.size, source_etag=source.etag)

    def renew(self, load: Load, lease: float) -> None:
        """Put the end of the lease off; raises LeaseLost."""
        with self._writer.begin() as connection:
            update_owned(connection, load, lease_until=_after(_now(), lease))

    def close(self, load: Load, state: LoadState, error: str | None = None) -> None:
        """Set the state in which the worker leaves the load; raises LeaseLost."""
        finished_at = _now() if state.is_final else None
        with self._writer.begin() as connection:
            update_owned(
                connection,
                load,
                state=state,
                error=error,
                finished_at=finished_at,
                owner=None,
                lease_until=None,
            )

    def waiting(self) -> Sequence[str]:
        """Ids of the loads that a worker should take, oldest first.

        A load that is not a background one is run by the call that entered it, unless that call
        died or handed it back.
        """
        is_queued = (loads.c.state == LoadState.PENDING) & loads.c.background
        is_returned = loads.c.state == LoadState.RETRY
        query = (
            sa.select(loads.c.id)
            .where(is_queued | is_returned | _is_abandoned(_now()))
            .order_by(loads.c.number)
        )
        with self._engine.connect() as connection:
            return connection.scalars(query).all()

    def finished(self, limit: int) -> Sequence[Load]:
        """The background loads that are over, newest first."""
        query = (
            loads.select()
            .where(loads.c.background, loads.c.state.in_(_FINAL))
            .order_by(loads.c.number.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [_load(row) for row in connection.execute(query)]

    def rejected_ids(
        self, load: Load, *, after: int = 0, until: int | None = None, limit: int
    ) -> Sequence[int]:
        """Ids of the rejected rows behind record `after` up to `until`, in source order."""
        record = rejects.c.record
        query = (
            sa.select(rejects.c.row_id)
            .where(rejects.c.load_number == load.number, record > after)
            .where(rejects.c.row_id.is_not(None))
            .order_by(record)
            .limit(limit)
        )
        if until is not None:
            query = query.where(record <= until)
        with self._engine.connect() as connection:
            return connection.scalars(query).all()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def _after(now: dt.datetime, seconds: float) -> dt.datetime:
    return now + dt.timedelta(seconds=seconds)


def _is_abandoned(now: dt.datetime) -> sa.ColumnElement[bool]:
    return (loads.c.state == LoadState.STARTED) & (loads.c.lease_until < now)


def _get(connection: sa.Connection, load_id: str) -> Load:
    return _load(connection.execute(loads.select().where(loads.c.id == load_id)).one())


def _load(row: sa.Row[tuple[object, ...]]) -> Load:
    values = dict(row._mapping)
    values["table"] = values.pop("table_name")
    values["on_conflict"] = OnConflict(values["on_conflict"])
    values["state"] = LoadState(values["state"])

    def take(kind: type[_T]) -> _T:
        return kind(**{field.name: values.pop(field.name) for field in fields(kind)})

    return Load(order=take(LoadOrder), position=take(Position), counts=take(Counts), **values)

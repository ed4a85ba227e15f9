"""The ledger of loads in SQL."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

import sqlalchemy as sa

from core.errors import Conflict, KeyReused, LeaseLost, NotFound
from core.ports import IdempotencyKey, SourceObject
from domain.load import Counts, Load, LoadOrder, LoadState, OnConflict, Position
from infra.db.engine import writing
from infra.db.schema import idempotency_keys, loads, rehearsed_ids, rejects

_T = TypeVar("_T", LoadOrder, Position, Counts)

# A call that runs its load itself claims it at once; in so many seconds, or it has died.
_CLAIMED_WITHIN = 60

_WAITING = (LoadState.PENDING, LoadState.RETRY)
_FINAL = [state for state in LoadState if state.is_final]
_RETRIABLE = (LoadState.FAILURE, LoadState.REVOKED)


class SqlLedger:
    """Keeps loads in the table `loads`, with times in UTC."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._writer = writing(engine)

    def add(self, order: LoadOrder, *, background: bool, key: IdempotencyKey | None = None) -> Load:
        """Enter a new load, PENDING, or return the one that `key` entered; raises KeyReused."""
        try:
            return self._add(order, background, key)
        except sa.exc.IntegrityError:
            # Somebody else entered a load with the same key just now.
            return self._add(order, background, key)

    def _add(self, order: LoadOrder, background: bool, key: IdempotencyKey | None) -> Load:
        with self._writer.begin() as connection:
            if key and (load_id := _known(connection, key)):
                return _get(connection, load_id)
            load_id = str(uuid.uuid4())
            values = asdict(order)
            values["table_name"] = values.pop("table")
            connection.execute(
                loads.insert().values(
                    id=load_id,
                    background=background,
                    state=LoadState.PENDING,
                    created_at=now(),
                    is_check=order.roll_back and not order.dry_run,
                    **values,
                )
            )
            if key:
                connection.execute(idempotency_keys.insert().values(load_id=load_id, **asdict(key)))
            return _get(connection, load_id)

    def find(self, key: IdempotencyKey) -> Load | None:
        """The load that `key` entered, None where there is none; raises KeyReused."""
        with self._engine.connect() as connection:
            load_id = _known(connection, key)
            return _get(connection, load_id) if load_id else None

    def get(self, load_id: str) -> Load | None:
        """One load, or None where there is no such id."""
        with self._engine.connect() as connection:
            return _find(connection, load_id)

    def claim(self, load_id: str, owner: str, lease: float) -> Load | None:
        """Take a load that nobody works on; None where somebody does or it is over."""
        moment = now()
        with self._writer.begin() as connection:
            result = connection.execute(
                loads.update()
                .where(loads.c.id == load_id, _is_free(moment))
                .values(
                    state=LoadState.STARTED,
                    owner=owner,
                    fence=loads.c.fence + 1,
                    attempts=loads.c.attempts + 1,
                    lease_until=after(moment, lease),
                    heartbeat_at=moment,
                    claimed_at=moment,
                    claimed_offset=loads.c.offset,
                    retry_at=None,
                    started_at=sa.func.coalesce(loads.c.started_at, moment),
                )
            )
            return _get(connection, load_id) if result.rowcount else None

    def identify(self, load: Load, source: SourceObject, sha256: str | None) -> Load:
        """Tie the load to the content that it began with, and find the load that it repeats."""
        with self._writer.begin() as connection:
            repeats = _same_content(connection, load, sha256)
            update_owned(
                connection,
                load,
                source_size=source.size,
                source_etag=source.etag,
                sha256=sha256,
                repeats=repeats,
            )
            return _get(connection, load.id)

    def begin_loading(self, load: Load) -> Load:
        """Start again from the front, now writing rows, after a check of the whole source."""
        with self._writer.begin() as connection:
            update_owned(connection, load, is_check=False, claimed_at=now(), claimed_offset=0)
            _restart(connection, load)
            return _get(connection, load.id)

    def renew(self, load: Load, lease: float) -> None:
        """Put the end of the lease off; raises LeaseLost."""
        moment = now()
        with self._writer.begin() as connection:
            update_owned(connection, load, heartbeat_at=moment, lease_until=after(moment, lease))

    def close(
        self, load: Load, state: LoadState, error: str | None = None, *, wait: float | None = None
    ) -> None:
        """Set the state in which the worker leaves the load; raises LeaseLost.

        A load in RETRY is taken again: after `wait` seconds, or at once where the worker had to
        stop through no fault of the load, which then does not count as an attempt.
        """
        moment = now()
        values: dict[str, object] = {"state": state, "error": error, "heartbeat_at": moment}
        values |= {"owner": None, "lease_until": None}
        if state.is_final:
            values["finished_at"] = moment
        elif wait is None:
            values["attempts"] = load.attempts - 1
        else:
            values["retry_at"] = after(moment, wait)
        with self._writer.begin() as connection:
            update_owned(connection, load, **values)
            if state.is_final:
                _end(connection, load)

    def cancel(self, load_id: str) -> Load:
        """Ask the worker to stop at the next batch end; at once where nobody works on the load.

        Raises NotFound, and Conflict where the load is over.
        """
        moment = now()
        with self._writer.begin() as connection:
            load = _get_or_raise(connection, load_id)
            if load.state.is_final:
                raise Conflict(f"the load is over: {load.state}")
            one = loads.update().where(loads.c.id == load_id)
            connection.execute(one.values(cancel_requested=True))
            connection.execute(
                one.where(_is_free(moment)).values(
                    state=LoadState.REVOKED,
                    error="cancelled",
                    finished_at=moment,
                    fence=loads.c.fence + 1,
                    owner=None,
                    lease_until=None,
                )
            )
            load = _get(connection, load_id)
            if load.state.is_final:
                _end(connection, load)
            return _get(connection, load_id)

    def retry(self, load_id: str) -> Load:
        """Let a load that failed or was cancelled go on from where it stopped.

        One that wrote no row begins again. Raises NotFound, and Conflict in any other state.
        """
        with self._writer.begin() as connection:
            load = _get_or_raise(connection, load_id)
            if load.state not in _RETRIABLE:
                raise Conflict(f"only a failed or cancelled load can go on; it is {load.state}")
            connection.execute(
                loads.update()
                .where(loads.c.id == load_id)
                .values(
                    state=LoadState.RETRY,
                    error=None,
                    attempts=0,
                    cancel_requested=False,
                    finished_at=None,
                    retry_at=None,
                )
            )
            if not load.writes_rows:
                _restart(connection, load)
            return _get(connection, load_id)

    def waiting(self) -> Sequence[str]:
        """Ids of the loads that a worker should take, oldest first.

        A load that is not a background one is run by the call that entered it, unless that call
        died or handed it back.
        """
        moment = now()
        is_reserved = sa.and_(
            loads.c.state == LoadState.PENDING,
            ~loads.c.background,
            loads.c.created_at > after(moment, -_CLAIMED_WITHIN),
        )
        query = (
            sa.select(loads.c.id)
            .where(_is_free(moment), ~is_reserved)
            .where(sa.func.coalesce(loads.c.retry_at, moment) <= moment)
            .order_by(loads.c.number)
        )
        with self._engine.connect() as connection:
            return connection.scalars(query).all()

    def finished(self, limit: int) -> Sequence[Load]:
        """The background loads that succeeded or failed, newest first."""
        ended = loads.c.state.in_([LoadState.SUCCESS, LoadState.FAILURE])
        return self._newest(loads.select().where(loads.c.background, ended), limit)

    def newest(
        self, limit: int, *, before: int | None = None, state: LoadState | None = None
    ) -> Sequence[Load]:
        """Loads of every kind, newest first: those numbered below `before`, in one `state`."""
        query = loads.select()
        if before is not None:
            query = query.where(loads.c.number < before)
        if state is not None:
            query = query.where(loads.c.state == state)
        return self._newest(query, limit)

    def _newest(self, query: sa.Select[*tuple[Any, ...]], limit: int) -> Sequence[Load]:
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(loads.c.number.desc()).limit(limit))
            return [_load(row) for row in rows]


def update_owned(connection: sa.Connection, load: Load, **values: object) -> None:
    """Change the ledger's line of a load that this worker still owns; raises LeaseLost.

    The fence is part of the statement: a worker that slept while another took over changes nothing.
    """
    owned = (loads.c.id == load.id) & (loads.c.fence == load.fence)
    result = connection.execute(
        loads.update().where(owned, loads.c.state == LoadState.STARTED).values(**values)
    )
    if result.rowcount != 1:
        raise LeaseLost(f"load {load.id} belongs to another worker now")


def now() -> dt.datetime:
    """The time in UTC, as databases keep it: without a zone."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def after(moment: dt.datetime, seconds: float) -> dt.datetime:
    """The moment so many seconds later."""
    return moment + dt.timedelta(seconds=seconds)


def _is_free(moment: dt.datetime) -> sa.ColumnElement[bool]:
    """Whether nobody works on a load that is not over."""
    is_abandoned = (loads.c.state == LoadState.STARTED) & (loads.c.lease_until < moment)
    return loads.c.state.in_(_WAITING) | is_abandoned


def _known(connection: sa.Connection, key: IdempotencyKey) -> str | None:
    row = connection.execute(
        idempotency_keys.select().where(idempotency_keys.c.key == key.key)
    ).first()
    if row is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise KeyReused("the idempotency key was used for another request")
    return str(row.load_id)


def _same_content(connection: sa.Connection, load: Load, sha256: str | None) -> str | None:
    """The first load that put the same content into the same table, if this one may repeat it."""
    order = load.order
    if sha256 is None or order.force or order.dry_run or not order.is_whole:
        return None
    query = (
        sa.select(loads.c.id)
        .where(loads.c.sha256 == sha256, loads.c.table_name == order.table)
        .where(loads.c.state == LoadState.SUCCESS, loads.c.repeats.is_(None))
        .where(~loads.c.dry_run, loads.c.start == 0, loads.c.limit.is_(None))
        .where(loads.c.on_conflict == order.on_conflict)
        .order_by(loads.c.number)
        .limit(1)
    )
    return connection.scalar(query)


def _restart(connection: sa.Connection, load: Load) -> None:
    """Forget what a load has found out, back to the front of its source."""
    front = asdict(Position()) | asdict(Counts())
    connection.execute(loads.update().where(loads.c.id == load.id).values(**front))
    connection.execute(rejects.delete().where(rejects.c.load_number == load.number))
    _forget_rehearsal(connection, load)


def _end(connection: sa.Connection, load: Load) -> None:
    """Tidy up after a load; one that ended while it checked has processed no good row."""
    _forget_rehearsal(connection, load)
    connection.execute(
        loads.update()
        .where(loads.c.id == load.id, loads.c.is_check)
        .values(
            skipped=loads.c.skipped + loads.c.processed - loads.c.errors,
            processed=loads.c.errors,
            inserted=0,
            updated=0,
            already_exists=0,
        )
    )


def _forget_rehearsal(connection: sa.Connection, load: Load) -> None:
    connection.execute(rehearsed_ids.delete().where(rehearsed_ids.c.load_number == load.number))


def _get_or_raise(connection: sa.Connection, load_id: str) -> Load:
    load = _find(connection, load_id)
    if load is None:
        raise NotFound(f"there is no task {load_id!r}")
    return load


def _get(connection: sa.Connection, load_id: str) -> Load:
    return _load(connection.execute(loads.select().where(loads.c.id == load_id)).one())


def _find(connection: sa.Connection, load_id: str) -> Load | None:
    row = connection.execute(loads.select().where(loads.c.id == load_id)).first()
    return _load(row) if row else None


def _load(row: sa.Row[*tuple[Any, ...]]) -> Load:
    values = dict(row._mapping)
    values["table"] = values.pop("table_name")
    values["on_conflict"] = OnConflict(values["on_conflict"])
    values["state"] = LoadState(values["state"])
    del values["retry_at"]

    def take(kind: type[_T]) -> _T:
        return kind(**{field.name: values.pop(field.name) for field in fields(kind)})

    return Load(order=take(LoadOrder), position=take(Position), counts=take(Counts), **values)

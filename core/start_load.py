"""Enter a load in the ledger and have it run: at once, or by a worker."""

from dataclasses import dataclass

from core.errors import InvalidRequest, LoadFailed, QueueFull, ServiceError
from core.ports import IdempotencyKey, LoadLedger, TaskQueue
from core.run_load import OnBatch, RunLoad, ignore
from domain.dictionary import TABLES
from domain.load import Load, LoadOrder, LoadState

_TOO_LARGE = 2**63


@dataclass(frozen=True, slots=True)
class StartLoad:
    """The use cases with their ports; at most `max_waiting` loads wait at a time."""

    ledger: LoadLedger
    queue: TaskQueue
    run: RunLoad
    max_waiting: int

    def later(self, order: LoadOrder, key: IdempotencyKey | None = None) -> Load:
        """Enter the load and ring for a worker, or return the load that `key` entered before.

        The ledger is written first: where the ring is lost, a worker finds the load by itself.
        Raises InvalidRequest, KeyReused and QueueFull.
        """
        _check(order)
        if key and (known := self.ledger.find(key)):
            return known
        if len(self.ledger.waiting()) >= self.max_waiting:
            raise QueueFull(f"{self.max_waiting} loads are waiting already")
        load = self.ledger.add(order, background=True, key=key)
        self.queue.ring(load.id)
        return load

    def again(self, load_id: str) -> Load:
        """Let a failed or cancelled load go on from where it stopped; raises NotFound, Conflict."""
        load = self.ledger.retry(load_id)
        self.queue.ring(load.id)
        return load

    def now(self, order: LoadOrder, on_batch: OnBatch = ignore) -> Load:
        """Run the load in this call and return how it ended; raises LoadFailed."""
        _check(order)
        try:
            load = self.ledger.add(order, background=False)
            self.run(load.id, on_batch)
            ended = self.ledger.get(load.id)
        except ServiceError as error:
            raise LoadFailed(str(error)) from error
        if ended is None or ended.state is not LoadState.SUCCESS:
            reason = ended.error if ended else None
            raise LoadFailed(reason or f"load {load.id} was interrupted; a worker will end it")
        return ended


def _check(order: LoadOrder) -> None:
    """Raise InvalidRequest where the order makes no sense."""
    if order.table not in TABLES:
        raise InvalidRequest(f"table must be one of {', '.join(TABLES)}")
    for name, value, minimum in (
        ("start", order.start, 0),
        ("limit", order.limit, 1),
        ("batch_size", order.batch_size, 1),
        ("reject_limit", order.reject_limit, 0),
        ("reject_share", order.reject_share, 0),
    ):
        if value is not None and not minimum <= value < _TOO_LARGE:
            raise InvalidRequest(f"{name} must be {minimum} or more")
    if order.reject_share is not None and order.reject_share > 1:
        raise InvalidRequest("reject_share must be a share from 0 to 1")

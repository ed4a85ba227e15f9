"""Enter a load in the ledger and have it run: at once, or by a worker."""

from dataclasses import dataclass

from core.errors import InvalidRequest, LoadFailed, QueueFull, ServiceError
from core.ports import LoadLedger, TaskQueue
from core.run_load import OnBatch, RunLoad, ignore
from domain.load import Load, LoadOrder, LoadState


@dataclass(frozen=True, slots=True)
class StartLoad:
    """The use cases with their ports; at most `max_waiting` loads wait at a time."""

    ledger: LoadLedger
    queue: TaskQueue
    run: RunLoad
    max_waiting: int

    def later(self, order: LoadOrder) -> Load:
        """Enter the load and ring for a worker; raises QueueFull.

        The ledger is written first: where the ring is lost, a worker finds the load by itself.
        """
        _check(order)
        if len(self.ledger.waiting()) >= self.max_waiting:
            raise QueueFull(f"{self.max_waiting} loads are waiting already")
        load = self.ledger.add(order, background=True)
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
    if order.start < 0:
        raise InvalidRequest("start must be 0 or more")
    if order.limit is not None and order.limit < 1:
        raise InvalidRequest("limit must be 1 or more")
    if order.batch_size < 1:
        raise InvalidRequest("batch_size must be 1 or more")

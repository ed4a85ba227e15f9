"""Workers as threads of this process, the default where no broker is configured."""

import logging
import threading
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)


class WorkerThreads:
    """Runs the loads that wait in the ledger.

    The ledger is the queue; a ring only wakes a worker sooner. Each worker also looks by itself
    every `interval` seconds, so a load that nobody rang for, or whose worker died, is found.
    """

    def __init__(
        self,
        run: Callable[[str], None],
        waiting: Callable[[], Sequence[str]],
        stopping: threading.Event,
        *,
        count: int,
        interval: float,
    ) -> None:
        self._run = run
        self._waiting = waiting
        self._count = count
        self._interval = interval
        self._bell = threading.Condition()
        self._rings = 0
        self._stopping = stopping
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the workers."""
        for number in range(self._count):
            thread = threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float) -> None:
        """Ask the workers to end after their current batch and wait `timeout` seconds for them."""
        self._stopping.set()
        with self._bell:
            self._bell.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def ring(self, _load_id: str) -> None:
        """Wake the workers."""
        with self._bell:
            self._rings += 1
            self._bell.notify_all()

    def is_reachable(self) -> bool | None:
        """There is no broker to be reached."""
        return None

    def _work(self) -> None:
        while not self._stopping.is_set():
            heard = self._rings
            try:
                self._run_waiting()
            except Exception:
                # What fails in here is the ledger itself: it may be back at the next look.
                log.exception("cannot look for waiting loads; trying again")
            with self._bell:
                if self._rings == heard and not self._stopping.is_set():
                    self._bell.wait(self._interval)

    def _run_waiting(self) -> None:
        for load_id in self._waiting():
            if self._stopping.is_set():
                return
            self._run(load_id)

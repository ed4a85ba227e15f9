"""Keep the lease of a load while it is worked on."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import LeaseLost
from core.ports import LoadLedger
from domain.load import Load

log = logging.getLogger(__name__)


@contextmanager
def kept_lease(ledger: LoadLedger, load: Load, lease: float) -> Iterator[None]:
    """Renew the lease of `load` three times per `lease` seconds until the block ends."""
    done = threading.Event()
    thread = threading.Thread(
        target=_renew, args=(ledger, load, lease, done), name=f"lease-{load.id}", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _renew(ledger: LoadLedger, load: Load, lease: float, done: threading.Event) -> None:
    while not done.wait(lease / 3):
        try:
            ledger.renew(load, lease)
        except LeaseLost:
            return
        except Exception:
            # The next beat may succeed; if none does, another worker takes over, as it should.
            log.exception("cannot renew the lease of load %s", load.id)

"""Load rejected rows once more whose only fault was a parent that had not arrived."""

from dataclasses import dataclass
from itertools import chain

from core.errors import Conflict, NotFound
from core.ports import Accounts, LoadLedger
from core.receive_upload import ReceiveUpload
from core.reject_file import all_rejects, reject_file
from domain.dictionary import TABLES
from domain.load import Load, LoadOrder
from domain.reject import Reject, RejectCode

_UNKNOWN = {rule.unknown for table in TABLES.values() for _, rule in table.references}


@dataclass(frozen=True, slots=True)
class RetryRejects:
    """The use case with its parts."""

    ledger: LoadLedger
    accounts: Accounts
    receive: ReceiveUpload

    def __call__(self, load_id: str) -> Load:
        """Enter a load of the open rejects of a load with unknown references, as a correction.

        Raises NotFound, and Conflict where the load is not over or has no such rejects.
        """
        load = self.ledger.get(load_id)
        if load is None:
            raise NotFound(f"there is no task {load_id!r}")
        if not load.state.is_final:
            raise Conflict(f"the load is not over yet: {load.state}")
        rejects = all_rejects(self.accounts, load, only_open=True)
        orphans = filter(_has_only_unknown_parents, rejects)
        first = next(orphans, None)
        if first is None:
            raise Conflict("the load has no open rejects with an unknown department or job")
        order = LoadOrder(load.order.table, "", on_conflict=load.order.on_conflict, force=True)
        return self.receive(reject_file(load, chain([first], orphans)), order)


def _has_only_unknown_parents(reject: Reject) -> bool:
    codes: set[RejectCode] = {reason.code for reason in reject.reasons}
    return codes <= _UNKNOWN

"""Recompute the books of every load from the tables."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.ports import Accounts, LoadLedger
from domain.load import Load

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Audit:
    """The use case with its ports."""

    ledger: LoadLedger
    accounts: Accounts

    def __call__(self) -> Iterator[str]:
        """Say in a sentence each what does not agree; nothing where all is accounted for.

        Rows that somebody deleted by hand since count as missing: the books say so.
        """
        for load in self._loads():
            yield from (f"load {load.id}: {finding}" for finding in self._findings(load))
        if orphans := self.accounts.orphans():
            yield f"{orphans} rows refer to a department or job that is not there"

    def _loads(self) -> Iterator[Load]:
        before: int | None = None
        while page := self.ledger.newest(_PAGE, before=before):
            yield from page
            before = page[-1].number

    def _findings(self, load: Load) -> list[str]:
        """What is wrong with a load that stands still as it is looked at."""
        findings = list(self._differences(load))
        now = self.ledger.get(load.id) if findings else load
        return findings if now is None or now.counts == load.counts else self._findings(now)

    def _differences(self, load: Load) -> Iterator[str]:
        counts = load.counts
        if not counts.balanced:
            yield "the books do not balance"
        expected = counts.inserted if load.writes_rows else 0
        if (found := self.accounts.inserted(load)) != expected:
            yield f"{expected} rows were inserted, {found} are in {load.order.table}"
        if (kept := self.accounts.rejected(load)) != counts.errors:
            yield f"{counts.errors} rows were rejected, {kept} are kept"

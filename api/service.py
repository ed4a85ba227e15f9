"""What the routes call: the use cases and the ports that are read directly."""

from dataclasses import dataclass
from threading import Event
from typing import cast

from flask import current_app

from core.audit import Audit
from core.insert_rows import InsertRows
from core.ports import Accounts, Listing, LoadLedger, SourceStore, TaskQueue
from core.read_reports import ReadReports
from core.receive_upload import ReceiveUpload
from core.retry_rejects import RetryRejects
from core.start_load import StartLoad
from core.summaries import Summaries

_KEY = "hiring-data-service"


@dataclass(frozen=True, slots=True)
class Service:
    """The service as the composition root put it together."""

    start_load: StartLoad
    insert_rows: InsertRows
    reports: ReadReports
    summaries: Summaries
    ledger: LoadLedger
    listing: Listing
    accounts: Accounts
    receive_upload: ReceiveUpload
    retry_rejects: RetryRejects
    audit: Audit
    queue: TaskQueue
    store: SourceStore
    max_upload_bytes: int
    stopping: Event


def keep(service: Service, extensions: dict[str, object]) -> None:
    """Put the service where the routes find it."""
    extensions[_KEY] = service


def service() -> Service:
    """The service of the application that handles the request."""
    return cast(Service, current_app.extensions[_KEY])

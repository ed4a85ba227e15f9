"""The composition root: settings in, adapters built, use cases handed to the web and the CLI."""

import logging
import os
import socket
import sys
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from flask import Flask

from api import build_app, cli
from api.service import Service
from config import Settings, SettingsError
from core.audit import Audit
from core.errors import DatabaseUnavailable
from core.insert_rows import InsertRows
from core.read_reports import ReadReports
from core.receive_upload import ReceiveUpload
from core.retry_rejects import RetryRejects
from core.run_load import RunLoad
from core.start_load import StartLoad
from core.summaries import Summaries
from infra.broker.threads import WorkerThreads
from infra.csv.reader import CsvReader
from infra.db.accounts import SqlAccounts
from infra.db.database import SqlDatabase
from infra.db.engine import BACKENDS, bulk_rows, make_engine
from infra.db.ledger import SqlLedger
from infra.db.migrate import check_version, upgrade
from infra.db.reports import SqlReports
from infra.lease import kept_lease
from infra.storage.local import LocalFolder
from infra.storage.with_uploads import WithUploads

DEFAULT_DATABASE = "sqlite:///var/hiring.db"
DEFAULT_SOURCE = "data"


@dataclass(frozen=True, slots=True)
class Composition:
    """The service and those of its parts that have to be started, stopped or migrated."""

    service: Service
    engine: sa.Engine
    workers: WorkerThreads


def compose(settings: Settings) -> Composition:
    """Build every part; connects to nothing.

    Raises SettingsError where a variable asks for a component that this version does not have.
    """
    if settings.celery_broker_url:
        raise SettingsError("CELERY_BROKER_URL: Celery workers are not supported yet; leave it out")
    engine = make_engine(_database_url(settings))
    store = WithUploads(_source_store(settings), LocalFolder(Path(settings.upload_url)))
    database = SqlDatabase(engine, bulk_rows(engine))
    ledger = SqlLedger(engine)
    accounts = SqlAccounts(engine)
    stopping = threading.Event()
    run = RunLoad(
        store=store,
        reader=CsvReader(),
        database=database,
        ledger=ledger,
        accounts=accounts,
        keep_lease=partial(kept_lease, ledger, lease=settings.lease_seconds),
        owner=f"{socket.gethostname()}:{os.getpid()}",
        lease=settings.lease_seconds,
        max_attempts=settings.max_attempts,
        should_stop=stopping.is_set,
    )
    workers = WorkerThreads(
        run,
        ledger.waiting,
        stopping,
        count=settings.worker_threads,
        interval=settings.sweep_seconds,
    )
    start_load = StartLoad(ledger, workers, run, settings.max_waiting_loads)
    receive_upload = ReceiveUpload(store, start_load, settings.max_unpacked_bytes)
    service = Service(
        start_load=start_load,
        insert_rows=InsertRows(database),
        reports=ReadReports(SqlReports(engine)),
        summaries=Summaries(accounts),
        ledger=ledger,
        listing=database,
        accounts=accounts,
        receive_upload=receive_upload,
        retry_rejects=RetryRejects(ledger, accounts, receive_upload),
        audit=Audit(ledger, accounts),
        queue=workers,
        store=store,
        max_upload_bytes=settings.max_upload_bytes,
        stopping=stopping,
    )
    return Composition(service, engine, workers)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application for Flask's command line; no worker runs in it."""
    return build(settings or settings_or_exit())[0]


def web_app() -> Flask:
    """Make the application for a WSGI server, with its workers running."""
    app, parts = build(settings_or_exit())
    parts.workers.start()
    app.extensions["workers"] = parts.workers
    return app


def check_database(settings: Settings) -> None:
    """End the process with a clear message unless the database is there and migrated."""
    try:
        check_version(compose(settings).engine)
    except (DatabaseUnavailable, SettingsError) as error:
        sys.exit(f"error: {error}")


def settings_or_exit() -> Settings:
    """Read the settings; ends the process with a clear message where one is wrong."""
    try:
        return Settings.load()
    except SettingsError as error:
        sys.exit(f"error: {error}")


def build(settings: Settings) -> tuple[Flask, Composition]:
    """Make the application and the parts behind it; ends the process where a setting is wrong."""
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    try:
        parts = compose(settings)
    except SettingsError as error:
        sys.exit(f"error: {error}")
    app = build_app(
        parts.service,
        cors_origins=() if settings.cors_origins == ("none",) else settings.cors_origins,
        api_keys=[key.get_secret_value() for key in settings.api_keys],
        max_body=settings.max_json_bytes,
    )
    cli.register(app, migrate=partial(upgrade, parts.engine))
    return app, parts


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        if settings.azure_sql_connection_string:
            raise SettingsError(
                "AZURE_SQL_CONNECTION_STRING: Azure SQL is not supported yet; set DATABASE_URL"
            )
        return DEFAULT_DATABASE
    url = settings.database_url.get_secret_value()
    try:
        backend = sa.make_url(url).get_backend_name()
    except sa.exc.ArgumentError:
        raise SettingsError(f"DATABASE_URL: expected a URL like {DEFAULT_DATABASE}") from None
    if backend not in BACKENDS:
        raise SettingsError(f"DATABASE_URL: {backend} is not supported yet, only {BACKENDS}")
    return url


def _source_store(settings: Settings) -> LocalFolder:
    if settings.source_url is None:
        for name in ("azure_storage_connection_string", "s3_bucket_name"):
            if getattr(settings, name):
                raise SettingsError(f"{name.upper()}: not supported yet; give a SOURCE_URL")
    url = urlsplit(settings.source_url or DEFAULT_SOURCE)
    if url.scheme not in ("", "file"):
        raise SettingsError(f"SOURCE_URL: {url.scheme} is not supported yet, only a folder")
    return LocalFolder(Path(unquote(url.path)))

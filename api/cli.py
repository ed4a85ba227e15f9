"""The command line, as commands of Flask's own: `flask --app main load`, and so on.

Exit codes: 0 clean, 1 failed, 3 loaded with rejected rows.
"""

import dataclasses
import json
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from flask import Flask

from api.service import service
from core.errors import ServiceError
from domain.dictionary import TABLES
from domain.load import Load, LoadOrder, OnConflict

_T = TypeVar("_T")

FAILED, WITH_REJECTS = 1, 3

# As texts: of an enumeration click would take the names, which are not those of the API.
_ON_CONFLICT = [choice.value for choice in OnConflict]

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
_year = click.option("--year", type=click.IntRange(1, 9999), default=2021, show_default=True)


def register(app: Flask, migrate: Callable[[], None]) -> None:
    """Add the commands to `app`."""
    for command in (_load, _hired_by_quarter, _hiring_above_average, _tasks, _audit):
        app.cli.add_command(command)

    @app.cli.command("migrate")
    def _migrate() -> None:
        """Bring the database to the schema of this version."""
        _or_exit(migrate)


@click.command("load")
@click.argument("names", nargs=-1)
@click.option("--table", type=click.Choice(list(TABLES)), help="The table; else by the file name.")
@click.option("--batch-size", type=click.IntRange(1), default=50_000, show_default=True)
@click.option("--on-conflict", type=click.Choice(_ON_CONFLICT), default=OnConflict.SKIP.value)
@_json
def _load(
    names: Sequence[str], table: str | None, batch_size: int, on_conflict: str, as_json: bool
) -> None:
    """Load files of the source store: NAMES, or every file that is named after a table."""
    _hand_back_on_signals()
    results = []
    for name, found in _or_exit(lambda: _files(names, table)):
        order = LoadOrder(
            found, name, batch_size=batch_size, on_conflict=OnConflict(on_conflict), force=True
        )
        results.append({"source": name, "table": found} | _run(order))
        if service().stopping.is_set():
            break
    if as_json:
        click.echo(json.dumps(results))
    else:
        _print_table([{n: v for n, v in r.items() if n != "error_ids"} for r in results])
    if not results:
        click.echo("there is no file to load", err=True)
    if not results or any("error" in result for result in results):
        sys.exit(FAILED)
    if any(result["errors"] for result in results):
        sys.exit(WITH_REJECTS)


@click.command("report-hired-by-quarter")
@_year
@_json
def _hired_by_quarter(year: int, as_json: bool) -> None:
    """Hires by department, job and quarter of a year."""
    rows = _or_exit(lambda: service().reports.hired_by_quarter(year))
    quarters = ("Q1", "Q2", "Q3", "Q4")
    _print(
        [
            {"department": row.department, "job": row.job}
            | dict(zip(quarters, row.hired, strict=True))
            for row in rows
        ],
        as_json,
    )


@click.command("report-hiring-above-average")
@_year
@_json
def _hiring_above_average(year: int, as_json: bool) -> None:
    """Departments that hired more than the mean in a year."""
    rows = _or_exit(lambda: service().reports.hiring_above_average(year))
    _print([dataclasses.asdict(row) for row in rows], as_json)


@click.command("tasks")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
@_json
def _tasks(limit: int, as_json: bool) -> None:
    """List the last finished tasks, newest first."""
    loads = _or_exit(lambda: service().ledger.finished(limit))
    _print(
        [
            {
                "id": load.id,
                "source": load.order.source,
                "status": str(load.state),
                "processed": load.counts.processed,
                "inserted": load.counts.inserted,
                "errors": load.counts.errors,
            }
            for load in loads
        ],
        as_json,
    )


@click.command("audit")
def _audit() -> None:
    """Recompute the books of every load from the tables; exit code 1 where they do not agree."""
    findings = _or_exit(lambda: list(service().audit()))
    for finding in findings:
        click.echo(finding)
    if findings:
        sys.exit(FAILED)
    click.echo("all rows are accounted for")


def _hand_back_on_signals() -> None:
    """Have a load end its batch and go back into the ledger where the process shall end."""
    stopping = service().stopping
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())


def _files(names: Sequence[str], table: str | None) -> list[tuple[str, str]]:
    """The files to load with the table of each, parents first."""
    if table:
        return [(name, table) for name in names or [f"{table}.csv"]]
    found = list(names) or [item.name for item in service().store.list()]
    pairs = [(name, of) for of in TABLES for name in found if _is_named_after(name, of)]
    left = set(found) - {name for name, _ in pairs}
    if names and left:
        raise ServiceError(f"name the --table of {', '.join(sorted(left))}")
    return pairs


def _is_named_after(name: str, table: str) -> bool:
    base = name.rsplit("/", 1)[-1].lower()
    return base.startswith(table) and base.endswith(".csv")


def _run(order: LoadOrder) -> dict[str, Any]:
    """Run one load with a progress bar on a terminal; the summary, or the error."""
    try:
        size = service().store.stat(order.source).size
        with click.progressbar(length=size, label=order.source, file=sys.stderr) as bar:

            def show(load: Load) -> None:
                bar.update(load.position.offset - bar.pos)

            return service().summaries.of_load(service().start_load.now(order, show))
    except ServiceError as error:
        return {"error": str(error)}


def _or_exit(call: Callable[[], _T]) -> _T:
    try:
        return call()
    except ServiceError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(FAILED)


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows))
    else:
        _print_table(rows)


def _print_table(rows: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())

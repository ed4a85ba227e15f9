"""Summaries tell what became of the rows of a load and of each of its batches."""

from dataclasses import replace
from pathlib import Path

import pytest

import main
from core import batches
from core.summaries import BatchEnds, without_errors
from domain.load import Counts, LoadOrder, OnConflict
from tests.support import JOBS, order

DATA = b"\n".join(
    b"%d,%b" % (number, b"" if number % 3 == 0 else b"job") for number in range(1, 11)
)


@pytest.fixture(autouse=True)
def _jobs(source: Path) -> None:
    (source / "jobs.csv").write_bytes(DATA + b"\n\nno id,x\n")


def batches_of(parts: main.Composition, wish: LoadOrder) -> list[dict[str, object]]:
    ends = BatchEnds(wish)
    parts.service.start_load.now(wish, ends.note)
    return parts.service.summaries.of_batches(ends)


def test_a_summary_names_the_ids_of_rejected_rows_that_have_one(parts: main.Composition) -> None:
    load = parts.service.start_load.now(order(JOBS))
    summary = parts.service.summaries.of_load(load)
    expected = {"processed": 11, "inserted": 7, "already_exists": 0, "errors": 4}
    assert summary == expected | {"error_ids": [3, 6, 9]}
    assert parts.service.summaries.numbers(load) == expected
    assert without_errors(summary) == {"processed": 11, "inserted": 7, "already_exists": 0}


def test_a_summary_of_an_update_has_the_updated_rows_besides(parts: main.Composition) -> None:
    wish = order(JOBS, on_conflict=OnConflict.UPDATE, force=True)
    summaries = [
        parts.service.summaries.of_load(parts.service.start_load.now(wish)) for _ in range(2)
    ]
    assert [(summary["inserted"], summary["updated"]) for summary in summaries] == [(7, 0), (0, 7)]


@pytest.mark.parametrize("max_commit", [50_000, 2, 1])
def test_each_batch_has_a_summary_of_its_own_however_often_it_commits(
    parts: main.Composition, monkeypatch: pytest.MonkeyPatch, max_commit: int
) -> None:
    monkeypatch.setattr(batches, "MAX_COMMIT", max_commit)
    found = batches_of(parts, order(JOBS, batch_size=5))
    numbers = [(b["processed"], b["inserted"], b["errors"], b["error_ids"]) for b in found]
    assert numbers == [(5, 4, 1, [3]), (5, 3, 2, [6, 9]), (1, 0, 1, [])]


def test_batches_begin_at_the_start_of_the_window(parts: main.Composition) -> None:
    found = batches_of(parts, order(JOBS, start=2, limit=5, batch_size=4))
    assert [(b["processed"], b["error_ids"]) for b in found] == [(4, [3, 6]), (1, [])]


def test_a_window_behind_the_end_has_no_batch(parts: main.Composition) -> None:
    assert batches_of(parts, order(JOBS, start=100, batch_size=4)) == []


def test_commits_before_the_window_are_no_batch(parts: main.Composition) -> None:
    load = parts.service.ledger.add(order(JOBS, start=5), background=False)
    ends = BatchEnds(load.order)
    ends.note(replace(load, counts=Counts(lines=5, skipped=5)))
    assert ends.batches() == []

"""The reader splits any bytes as the oracle does, however they arrive and wherever it starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadHeader
from core.frames import BLANK, HEADER, ROW, records_schema
from domain.load import Position
from domain.reject import CORRECTION_COLUMNS, RejectCode
from domain.table import Table
from infra.csv import blocks, reader
from tests import hostile, oracle
from tests.fakes import MemoryStore
from tests.support import EMPLOYEES, JOBS, examples

TOKENS = (
    *(b'"', b'"', b'""', b",", b",", b"\n", b"\n", b"\r", b"\r\n", b" ", b"\t", b"a", b"1", b"\0"),
    *(b"1,a", b'2,"b', b'c"', b"id", b"job", b"ID,Job", b"\xc2\xa0", b"\xe2\x80\xa8"),
    *(b"\xef\xbb\xbf", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x85"),
)
scraps = st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join)
longer_scraps = st.lists(scraps, max_size=5).map(b"".join)


@contextmanager
def limits(block_size: int, max_record: int) -> Iterator[None]:
    """Blocks of so many bytes, and records of at most so many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_SIZE", block_size)
        for module in (blocks, reader, oracle):
            patch.setattr(module, "MAX_RECORD", max_record)
        yield


def frames(
    data: bytes, table: Table, position: Position | None = None, chunk: int = 1 << 20
) -> list[pl.DataFrame]:
    store = MemoryStore(chunk)
    source = store.put("any", data)
    open_at = partial(store.open, source)
    return list(reader.CsvReader().read(open_at, table, position or Position()))


def read(
    data: bytes, table: Table, position: Position | None = None, chunk: int = 1 << 20
) -> list[tuple[object, ...]] | None:
    """All records as rows of their frames, None where the header is bad."""
    try:
        found = frames(data, table, position, chunk)
    except BadHeader:
        return None
    assert all(frame.schema == pl.Schema(records_schema(table)) for frame in found)
    return [row for frame in found for row in frame.iter_rows()]


def expected(data: bytes, table: Table) -> list[tuple[object, ...]] | None:
    """What the oracle makes of the file."""
    records = list(oracle.records(data))
    first = next((record for record in records if not record.blank), None)
    try:
        layout = oracle.find_layout(first, table) if first else None
    except oracle.BadHeader:
        return None
    rows: list[tuple[object, ...]] = []
    number, ends = 0, _ends(data, records)
    for record, end in zip(records, ends, strict=True):
        is_header = record is first and layout is not None and layout.is_header
        kind = BLANK if record.blank else HEADER if is_header else ROW
        number += kind == ROW
        end_line = record.line + len(oracle._LINE_END.findall(record.raw if record.fields else b""))
        rows.append((kind, number, record.line, end_line, end, record.raw))
    texts = [_texts(record, layout, table) for record in records]
    return [row + text for row, text in zip(rows, texts, strict=True)]


def _ends(data: bytes, records: list[oracle.Record]) -> list[int]:
    """Where each record ends with its line end: the line after next begins there."""
    starts = [0]
    for match in oracle._LINE_END.finditer(data):
        starts.append(match.end())
    return [*(starts[record.line - 1] for record in records[1:]), len(data)][: len(records)]


def _texts(
    record: oracle.Record, layout: oracle.Layout | None, table: Table
) -> tuple[str | None, ...]:
    """The code of what is wrong with the record as a whole, or its texts."""
    no_origin = (None, None)
    nothing = (*no_origin, *[None] * len(table.fields))
    if record.oversized:
        return (RejectCode.TOO_LONG.value, *nothing)
    if layout is None or record.fields is None or len(record.fields) != layout.width:
        return (RejectCode.WRONG_COLUMN_COUNT.value, *nothing)
    values = [record.fields[place] for place in layout.places]
    return (None, *no_origin, *map(oracle._decode, values))


def without_texts_of_broken(rows: list[tuple[object, ...]] | None) -> object:
    """The rows, but for texts in records that are refused as a whole: nobody looks at those."""
    place = list(records_schema(JOBS)).index("problem")
    return rows and [row[: place + 1] if row[place] else row for row in rows]


def assert_read_as_expected(data: bytes, table: Table, chunk: int = 1 << 20) -> None:
    found = without_texts_of_broken(read(data, table, chunk=chunk))
    assert found == without_texts_of_broken(expected(data, table))


@examples(120)
@given(data=longer_scraps)
def test_any_bytes_are_split_as_the_oracle_splits_them(data: bytes) -> None:
    assert_read_as_expected(data, JOBS)


@pytest.mark.parametrize("seed", range(8))
def test_hostile_files_are_split_as_the_oracle_splits_them(seed: int) -> None:
    random = Random(seed)
    table = random.choice((JOBS, EMPLOYEES))
    assert_read_as_expected(hostile.file(random, table, 1000), table)


@examples(150)
@given(
    data=scraps,
    block_size=st.integers(1, 40),
    chunk=st.integers(1, 9),
    max_record=st.integers(3, 30),
)
def test_no_size_of_blocks_or_chunks_changes_what_is_read(
    data: bytes, block_size: int, chunk: int, max_record: int
) -> None:
    with limits(block_size, max_record):
        assert_read_as_expected(data, JOBS, chunk)


@examples(50)
@given(data=scraps, block_size=st.integers(1, 60))
def test_reading_from_any_record_on_gives_the_same_records_as_reading_all(
    data: bytes, block_size: int
) -> None:
    with limits(block_size, 20):
        rows = read(data, JOBS) or []
        for number, (_kind, record, _line, end_line, end, *_rest) in enumerate(rows):
            position = Position(int(str(end)), int(str(end_line)), int(str(record)))
            assert read(data, JOBS, position) == rows[number + 1 :]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_one_stray_quote_and_one_endless_line_cost_a_line_each(line_end: bytes) -> None:
    """With the sizes of real life, where the endless line ends just where a block does."""
    lines = [b"1,Cook", b'2,"Baker', b"3,Smith", b"", b"5,Tailor"]
    before = sum(len(line + line_end) for line in lines[:3])
    lines[3] = b"x" * (2 * blocks.BLOCK_SIZE - before - len(line_end))
    rows = read(line_end.join(lines), JOBS) or []
    assert [(row[1], row[2], row[6]) for row in rows] == [
        (1, 1, None),
        (2, 2, RejectCode.WRONG_COLUMN_COUNT),
        (3, 3, None),
        (4, 4, RejectCode.TOO_LONG),
        (5, 5, None),
    ]
    assert rows[3][4] == 2 * blocks.BLOCK_SIZE
    assert rows[3][5] == lines[3][: blocks.MAX_RECORD]


@pytest.mark.parametrize(("columns", "is_read"), [(100, True), (101, False)])
def test_rejects_of_the_widest_file_can_come_back(columns: int, is_read: bool) -> None:
    header = ",".join(["id", "job", *(f"x{n}" for n in range(columns - 2))])
    correction = ",".join([header, *CORRECTION_COLUMNS])

    assert (read(header.encode(), JOBS) is not None) is is_read
    assert (read(correction.encode(), JOBS) is not None) is is_read

"""Rejected rows go out as a file and come back: corrected, or just as they were."""

import csv
import io
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, NotFound
from core.receive_upload import ReceiveUpload
from core.reject_file import all_rejects, reject_file, spreadsheet_copy
from core.retry_rejects import RetryRejects
from domain.load import Counts, Load, LoadState, OnConflict
from domain.reject import Origin
from domain.table import Table
from infra.csv import blocks, reader
from tests import hostile, oracle
from tests.fakes import Doorbell
from tests.support import DEPARTMENTS, EMPLOYEES, JOBS, examples
from tests.world import World

NOBODY = "00000000-0000-4000-8000-000000000000"


def lines_of(world: World, load: Load, *, only_open: bool = False) -> list[bytes]:
    rejects = all_rejects(world.parts.service.accounts, load, only_open=only_open)
    return list(reject_file(load, rejects))


def origins(world: World, load: Load) -> list[Origin | None]:
    kept = world.parts.service.accounts.rejects(load, limit=100_000)
    return [item.reject.origin for item in kept]


def rows_of(rejects: list[oracle.Rejected]) -> list[tuple[object, ...]]:
    """Rejects without their place."""
    return [(raw, row_id, reasons) for _record, _line, raw, row_id, reasons in rejects]


def open_rejects(world: World, *loads: Load) -> list[int]:
    return [world.parts.service.accounts.open_rejects(load) for load in loads]


def assert_comes_back_as_it_was(world: World, table: Table, data: bytes) -> None:
    world.reset()
    first = world.load(table, data)
    if first.state is LoadState.FAILURE:
        assert "header" in str(first.error)
        return
    file = lines_of(world, first)
    again = world.load(table, b"".join(file), on_conflict=OnConflict.UPDATE)
    rejects = world.rejected(first)
    assert (again.state, again.counts.errors) == (LoadState.SUCCESS, len(rejects))
    assert again.counts.processed == len(rejects)
    assert rows_of(world.rejected(again)) == rows_of(rejects)
    assert origins(world, again) == [Origin(first.id, reject[1]) for reject in rejects]
    assert lines_of(world, again)[1:] == file[1:], "a second round adds nothing"


@pytest.mark.parametrize("seed", range(4))
def test_rejects_of_hostile_files_that_are_sent_back_untouched_are_rejected_the_same(
    world: World, seed: int
) -> None:
    random = Random(seed)
    table = (EMPLOYEES, JOBS)[seed % 2]
    assert_comes_back_as_it_was(world, table, hostile.file(random, table, 300))


SCRAPS = (
    b'"',
    b'"',
    b'""',
    b",",
    b"\n",
    b"\r\n",
    b" ",
    b"a",
    b"1",
    b"9,x",
    b"\xff",
    b"\xe2\x80\xa8",
)


@examples(12)
@given(data=st.lists(st.sampled_from(SCRAPS), max_size=40).map(b"".join))
def test_no_stray_quote_of_a_reject_swallows_the_next(world: World, data: bytes) -> None:
    assert_comes_back_as_it_was(world, JOBS, data)


def test_two_stray_quotes_do_not_make_a_row_of_two_rejects(world: World) -> None:
    world.reset()
    first = world.load(JOBS, b'11,"unclosed\n13,x"y\n12,"\n14,\n15,"x"y\n')
    file = lines_of(world, first)
    assert [line.split(b",%b," % first.id.encode())[0] for line in file[1:]] == [
        b'"11,""unclosed"',
        b'"12,"""',
        b"14,",
        b'"15,""x""y"',
    ]
    again = world.load(JOBS, b"".join(file))
    assert (again.counts.inserted, again.counts.errors) == (0, 4)
    rows = [b'11,"unclosed', b'12,"', b"14,", b'15,"x"y']
    assert [reject[2] for reject in world.rejected(again)] == rows


def test_a_row_that_is_too_long_comes_back_as_such(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (blocks, reader):
        monkeypatch.setattr(module, "MAX_RECORD", 200)
    data = b'11,%b\n12,"%b"\n13,\n' % (b"x" * 300, b"y" * 300)
    world.reset()
    first = world.load(JOBS, data)
    again = world.load(JOBS, b"".join(lines_of(world, first)))
    assert [reject[4] for reject in world.rejected(again)] == [
        reject[4] for reject in world.rejected(first)
    ]
    assert world.rejected(again)[0][2] == data[:200]


HEADERS = (b"", b"id,job\n", b"\xef\xbb\xbfJOB , note,ID\r\n", b'"job","a, ""b""",id\n')


@pytest.mark.parametrize("header", HEADERS)
def test_corrected_rows_are_loaded_and_close_what_they_correct(world: World, header: bytes) -> None:
    good, bad, worse = (
        (b"31,good", b"32,", b"x,") if header in HEADERS[:2] else (b"good,n,31", b",n,32", b",n,x")
    )
    world.reset()
    first = world.load(JOBS, header + b"\n".join([good, bad, worse]))
    assert open_rejects(world, first) == [2]
    file = lines_of(world, first)
    own = file[0].removesuffix(b",task,line,field,code,message\r\n")
    assert own == (header.strip().removeprefix(b"\xef\xbb\xbf") or b"id,job")
    fixed = [file[0], file[1].replace(bad, good.replace(b"31", b"32")), file[2]]
    second = world.load(JOBS, b"".join(fixed))
    assert (second.counts.inserted, second.counts.errors) == (1, 1)
    assert world.content(JOBS)[32] == (32, "good")
    assert open_rejects(world, first, second) == [1, 1]
    file = lines_of(world, second)
    assert file == [file[0], lines_of(world, first, only_open=True)[1]]
    third = world.load(JOBS, file[0] + file[1].replace(worse, good.replace(b"31", b"33")))
    assert (third.counts.inserted, third.counts.errors) == (1, 0)
    assert open_rejects(world, first, second, third) == [0, 0, 0]


@pytest.mark.parametrize(
    "fixed", [b"21,done", b'21,"done, and more"', b'"21" , "x"', b"4,already there"]
)
def test_a_row_of_the_wrong_width_or_quoting_can_be_corrected(world: World, fixed: bytes) -> None:
    world.reset()
    first = world.load(JOBS, b'21,a,b\n22,"open\n')
    header, wrong, broken = lines_of(world, first)
    second = world.load(JOBS, header + wrong + broken)
    assert open_rejects(world, first, second) == [2, 2]
    file = lines_of(world, second)
    assert file == [header, wrong, broken]
    third = world.load(JOBS, header + wrong.replace(b"21,a,b", fixed))
    assert third.counts.errors + open_rejects(world, first)[0] in (1, 3)
    fourth = world.load(JOBS, header + broken.replace(b'"22,""open"', b"22,open"))
    assert fourth.counts.inserted == 1
    assert open_rejects(world, first) == [third.counts.errors]


@pytest.mark.parametrize("wish", [{"dry_run": True}, {"reject_limit": 0, "roll_back": True}])
def test_a_correction_that_writes_nothing_closes_nothing(
    world: World, wish: dict[str, Any]
) -> None:
    world.reset()
    first = world.load(JOBS, b"21,\n22,\n")
    file = lines_of(world, first)
    load = world.load(JOBS, file[0] + file[1].replace(b"21,", b"21,job") + file[2], **wish)
    assert load.counts.errors == 1
    assert open_rejects(world, first) == [2]
    assert origins(world, load) == [Origin(first.id, 2)]


FORGED = [
    (b'"a,b"', b"1"),
    (b'"say ""hi"""', b"1"),
    (b"x" * 36, b"1"),
    (b"", b"1"),
    (b"\0", b"1"),
    (b"\xff", b"1"),
    (NOBODY.encode(), b"one"),
    (NOBODY.encode(), b"-1"),
    (NOBODY.encode(), b"9" * 30),
]


@pytest.mark.parametrize(("task", "line"), FORGED, ids=ascii)
def test_what_names_no_reject_is_a_row_like_any_other(
    world: World, task: bytes, line: bytes
) -> None:
    header = b"id,job,task,line,field,code,message\n"
    data = header + b"".join(
        b"%b,%b,%b,,,\n" % (row, task, line) for row in (b"21,job", b'22,"j,b"', b"23,", b'24,""')
    )
    world.reset()
    load = world.load(JOBS, data)
    assert (load.counts.inserted, load.counts.errors) == (2, 2)
    assert origins(world, load) == [None, None]
    assert [reject[2] for reject in world.rejected(load)] == [b"23,", b'24,""']
    again = world.load(JOBS, b"".join(lines_of(world, load)))
    assert origins(world, again) == [Origin(load.id, 4), Origin(load.id, 5)]


def test_columns_of_the_row_itself_are_not_taken_for_its_origin(world: World) -> None:
    header = b"id,job,task,line,field,code,message\n"
    world.reset()
    load = world.load(
        JOBS, header + b"21,job,%b,7\n22,job,x,%b,7,a,b,c,d\n" % ((NOBODY.encode(),) * 2)
    )
    assert load.counts.errors == 2
    assert origins(world, load) == [None, None]


def test_rejects_of_the_widest_file_can_come_back(world: World) -> None:
    names = [b"id", b"job", *(b"note %d" % number for number in range(98))]
    world.reset()
    load = world.load(JOBS, b",".join(names) + b"\n21,%b\n" % (b"," * 98))
    assert (load.state, load.counts.errors) == (LoadState.SUCCESS, 1)
    file = b"".join(lines_of(world, load))
    again = world.load(JOBS, file.replace(b"21,,", b"21,job,"))
    assert (again.error, again.counts.inserted) == (None, 1)
    assert open_rejects(world, load) == [0]
    wider = world.load(JOBS, b",".join([*names, b"one more"]) + b"\n")
    assert "more than 100 columns" in str(wider.error)


def test_rejects_are_read_page_by_page(world: World) -> None:
    world.reset()
    load = world.load(JOBS, b"".join(b"%d,\n" % number for number in range(11, 2521)))
    lines = lines_of(world, load)
    assert [line.split(b",")[0] for line in lines[1:]] == [b"%d" % n for n in range(11, 2521)]


def test_a_copy_for_spreadsheets_holds_no_formula(world: World) -> None:
    rows = [b"=1+1,x", b'"+a","@b"', b'-1,"\t=c"', b'a,"\r=d"', b"\xff=,\0", b'"open', b'1,"a\n=b"']
    world.reset()
    load = world.load(JOBS, b"id,job\n" + b"\n".join(rows[:-2] + rows[-1:] + rows[-2:-1]))
    copy = b"".join(spreadsheet_copy(lines_of(world, load))).decode()
    found = list(csv.reader(io.StringIO(copy, newline="")))
    assert found[0] == ["id", "job", "task", "line", "field", "code", "message"]
    assert [row[:2] for row in found[1:-1]] == [
        ["'=1+1", "x"],
        ["'+a", "'@b"],
        ["'-1", "'\t=c"],
        ["a", "'\r=d"],
        ["\ufffd=", "\ufffd"],
    ]
    assert found[-1][0] == '"open'
    assert len(found) == load.counts.errors + 1


def test_a_long_cell_fits_into_a_copy_for_spreadsheets() -> None:
    line = b"1,%b\r\n" % (b"x" * 500_000)
    assert list(spreadsheet_copy([line])) == [line]


@pytest.fixture
def bell() -> Doorbell:
    return Doorbell()


@pytest.fixture
def retry(world: World, bell: Doorbell) -> RetryRejects:
    service = world.parts.service
    start = replace(service.start_load, queue=bell)
    receive = ReceiveUpload(world.store, start, max_bytes=10**6)
    return replace(service.retry_rejects, receive=receive)


def employee_line(number: int, department: int = 1, name: str = "Ann") -> bytes:
    return b"%d,%b,2021-02-03T04:05:06Z,%d,1\n" % (number, name.encode(), department)


def test_rows_whose_parents_have_arrived_are_loaded_once_more(
    world: World, retry: RetryRejects, bell: Doorbell
) -> None:
    world.reset()
    lines = [(11, 1, "Ann"), (12, 8, '"Lee, Ann"'), (13, 9, "Ann"), (14, 8, "")]
    first = world.load(
        EMPLOYEES,
        b"".join(employee_line(*line) for line in lines),
        on_conflict=OnConflict.UPDATE,
    )
    assert first.counts.errors == 3
    world.load(DEPARTMENTS, b"8,Late\n")
    again = retry(first.id)
    assert bell.rung == [again.id]
    assert (again.order.on_conflict, again.order.is_upload) == (OnConflict.UPDATE, True)
    world.worker()(again.id)
    ended = world.get(again)
    assert ended.counts == Counts(lines=3, header=1, processed=2, inserted=1, errors=1)
    assert world.content(EMPLOYEES)[12][1] == "Lee, Ann"
    assert open_rejects(world, first, ended) == [2, 1]
    world.load(DEPARTMENTS, b"9,Later\n")
    last = retry(ended.id)
    world.worker()(last.id)
    assert open_rejects(world, first, ended) == [1, 0]
    for done in (first, ended):
        with pytest.raises(Conflict, match="no open rejects"):
            retry(done.id)
    assert [source.name for source in world.store.list() if "upload" in source.name] == []


def test_only_a_load_that_is_over_can_have_its_rejects_loaded_again(
    world: World, retry: RetryRejects
) -> None:
    with pytest.raises(NotFound, match="no such id"):
        retry("no such id")
    load = world.enter(EMPLOYEES, employee_line(11, department=8))
    with pytest.raises(Conflict, match="PENDING"):
        retry(load.id)

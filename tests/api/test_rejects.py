"""Rejected rows: handed back as they came, corrected, sent again, and thereby closed."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from core.records import as_record
from tests.api.client import Client
from tests.api.samples import employee, employees, write_file, write_files
from tests.api.tasks import Worker, accepted
from tests.support import put_parents

ADDED = "task,line,field,code,message"
FIELDS = "id,name,datetime,department_id,job_id"
PATH = "/hired-employees"


@pytest.fixture
def hires(worker: Worker) -> Worker:
    """A service with the departments 1 to 3 and the jobs 1 to 3."""
    put_parents(worker.parts.service.insert_rows.database, 3)
    return worker


def upload(worker: Worker, *lines: str | bytes, end: bytes = b"\n", **query: object) -> Any:
    """The task of an upload of these lines."""
    data = end.join(line if isinstance(line, bytes) else line.encode() for line in lines)
    return worker.upload(PATH, data, **query)


def page(worker: Worker, task: dict[str, Any], **query: object) -> list[dict[str, Any]]:
    """The first rejects of a task."""
    answer = worker.client.get(f"/tasks/{task['id']}/rejects", query_string=query)
    assert answer.status_code == 200
    rejects: list[dict[str, Any]] = answer.json
    return rejects


def records(worker: Worker, task: dict[str, Any], **query: object) -> list[int]:
    return [reject["record"] for reject in page(worker, task, **query)]


def lines_of(file: bytes) -> list[bytes]:
    assert file.endswith(b"\r\n")
    return file[:-2].split(b"\r\n")


def opened(worker: Worker, task: dict[str, Any]) -> int:
    number: int = worker.task(task["id"])["open_rejects"]
    return number


def ids(worker: Worker) -> list[int]:
    return [row["id"] for row in worker.rows(PATH)]


def test_every_reject_says_where_and_why(hires: Worker) -> None:
    bad = employee("", moment="2021-02-30T10:00:00Z")

    task = upload(hires, "", employee(1), "", bad, employee(2, job_id=9), "3,x")

    assert page(hires, task) == [
        {
            "record": 2,
            "line": 4,
            "id": None,
            "raw": bad,
            "reasons": [
                {"field": "id", "code": "missing_value", "message": "id is missing"},
                {
                    "field": "datetime",
                    "code": "not_a_timestamp",
                    "message": "datetime must be an ISO 8601 date and time of a real calendar date",
                },
            ],
            "is_open": True,
        },
        {
            "record": 3,
            "line": 5,
            "id": 2,
            "raw": employee(2, job_id=9),
            "reasons": [
                {
                    "field": "job_id",
                    "code": "unknown_job",
                    "message": "job_id is not the id of any row in jobs",
                }
            ],
            "is_open": True,
        },
        {
            "record": 4,
            "line": 6,
            "id": None,
            "raw": "3,x",
            "reasons": [
                {
                    "field": None,
                    "code": "wrong_column_count",
                    "message": "the row does not have exactly the columns of the table",
                }
            ],
            "is_open": True,
        },
    ]
    assert task["open_rejects"] == 3


def test_rejects_come_in_pages(hires: Worker) -> None:
    task = upload(hires, *(employee(n, name="" if n % 2 else "Ann") for n in range(1, 11)))
    found, link = [], f"/tasks/{task['id']}/rejects?limit=2"
    while link:
        answer = hires.client.get(link)
        found.append([reject["record"] for reject in answer.json])
        link = answer.headers.get("Link", "").removesuffix('>; rel="next"').removeprefix("<")

    assert found == [[1, 3], [5, 7], [9]]
    assert records(hires, task, after=7) == [9]
    assert records(hires, task, after=9) == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "after=-1", "format=xml", "open=yes", "spreadsheet=1", "open="],
)
def test_a_page_that_makes_no_sense_is_refused(hires: Worker, query: str) -> None:
    task = upload(hires, employee(1))

    answer = hires.client.get(f"/tasks/{task['id']}/rejects?{query}")

    assert answer.status_code == 400
    assert answer.json["error"].startswith(query.partition("=")[0])


def test_a_task_without_rejects_has_an_empty_file(hires: Worker) -> None:
    task = upload(hires, employee(1))

    assert page(hires, task) == []
    assert hires.rejects(task["id"]) == f"{FIELDS},{ADDED}\r\n".encode()


def test_the_file_has_a_name_and_a_type(hires: Worker) -> None:
    task = upload(hires, employee(1))

    answer = hires.client.get(f"/tasks/{task['id']}/rejects?format=csv")

    assert answer.mimetype == "text/csv"
    name = f"rejects-{task['id']}.csv"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"


STRANGE = (
    b'1,"Lee\n""Al""\r\nAnn",2021-02-30T10:00:00Z,1,1',
    b"2,caf\xe9 \xff,2021-01-01T00:00:00Z,1,1",
    b"3,a\0b,2021-01-01T00:00:00Z,1,1",
    b'4,"caf\xe9, \0",2021-01-01T00:00:00Z,1,1',
    b" 5 ,,2021-01-01T00:00:00Z, 1 ,1",
    "6,\u3000,2021-01-01T00:00:00Z,1,1".encode(),
    b'"7","","","",""',
    b'8,"" ,x,1,1',
)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [b"", b"end"])
def test_the_file_holds_the_exact_rows(hires: Worker, end: bytes, last: bytes) -> None:
    good = employee(100).encode()
    task = upload(hires, *(row for bad in STRANGE for row in (good, bad)), last and good, end=end)

    file = hires.rejects(task["id"])

    rest = file.removeprefix(f"{FIELDS},{ADDED}\r\n".encode())
    assert len(rest) < len(file)
    for reject, raw in zip(page(hires, task), STRANGE, strict=True):
        codes = "; ".join(reason["code"] for reason in reject["reasons"])
        fields = "; ".join(reason["field"] for reason in reject["reasons"])
        messages = "; ".join(reason["message"] for reason in reject["reasons"])
        expected = f",{task['id']},{reject['line']},{fields},{codes},{messages}\r\n"
        assert rest.startswith(raw + expected.encode())
        rest = rest[len(raw) + len(expected) :]
        assert reject["raw"] == raw.decode(errors="replace")
    assert rest == b""


def test_exact_rows_that_nobody_corrected_come_back_as_they_were(hires: Worker) -> None:
    task = upload(hires, *STRANGE)
    again = hires.upload(PATH, hires.rejects(task["id"]))

    assert again["summary"]["errors"] == len(STRANGE)
    assert hires.rejects(again["id"]) == hires.rejects(task["id"])
    for first, second in zip(page(hires, task), page(hires, again), strict=True):
        assert (second["raw"], second["reasons"]) == (first["raw"], first["reasons"])


@pytest.mark.parametrize(
    "raw",
    [
        b"9",
        b"9,Ann,2021-01-01T00:00:00Z,1",
        b"9,Ann,2021-01-01T00:00:00Z,1,1,",
        b"9,Ann,2021-01-01T00:00:00Z,1,1,6,7,8,9,10,11,12",
        b'9,"Ann,2021-01-01T00:00:00Z,1,1',
        b'9,A"nn,"2021-01-01T00:00:00Z,1,1',
        b"9,caf\xe9,2021-01-01T00:00:00Z,1",
    ],
)
def test_rows_of_another_shape_that_nobody_corrected_come_back_as_they_were(
    hires: Worker, raw: bytes
) -> None:
    task = upload(hires, raw)
    again = hires.upload(PATH, hires.rejects(task["id"]))

    assert again["summary"]["errors"] == 1
    assert hires.rejects(again["id"]) == hires.rejects(task["id"])

    corrected = hires.rejects(again["id"]).replace(as_record(raw), employee(9).encode(), 1)
    hires.upload(PATH, corrected)
    assert (opened(hires, task), opened(hires, again), ids(hires)) == (0, 0, [9])


def test_the_header_is_the_one_of_the_source(hires: Worker) -> None:
    head = 'Job_ID, datetime ,"id",name,"no, te",department_id'
    bad = "2,2021-03-04T05:06:07Z,7,,x,3"
    task = upload(hires, head, bad, "2,2021-03-04T05:06:07Z,8,Ann,x,3")

    file = hires.rejects(task["id"])
    again = hires.upload(PATH, file.replace(b",7,,", b",7,Zoe,"))

    added = f"{task['id']},2,name,missing_value,name is missing"
    assert file.decode() == f"{head},{ADDED}\r\n{bad},{added}\r\n"
    assert again["summary"] == {"processed": 1, "inserted": 1, "already_exists": 0, "errors": 0}
    assert hires.rows(PATH)[0]["name"] == "Zoe"
    assert opened(hires, task) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 50_000])
def test_corrected_rows_are_loaded_and_close_their_rejects(hires: Worker, size: int) -> None:
    first = upload(
        hires,
        employee(1),
        employee(2, name=""),
        employee(3, moment="yesterday"),
        employee(4, department_id="x"),
        employee("", name="Zoe"),
    )
    file = hires.rejects(first["id"])
    assert (first["open_rejects"], len(lines_of(file))) == (4, 5)

    # The second and the last row are corrected, one is left as it is, one is made worse.
    file = file.replace(b"2,,2021", b"2,Bea,2021").replace(b",Zoe,", b"5,Zoe,")
    second = hires.upload(PATH, file.replace(b"3,Ann", b",Ann"), batch_size=size)

    assert second["summary"] == {"processed": 4, "inserted": 2, "already_exists": 0, "errors": 2}
    assert ids(hires) == [1, 2, 5]
    assert (opened(hires, first), opened(hires, second)) == (2, 2)
    assert [reject["is_open"] for reject in page(hires, first)] == [False, True, True, False]
    assert records(hires, first, open="true") == [3, 4]
    assert records(hires, first, open="true", after=3) == [4]
    left = [reject["raw"] for reject in page(hires, second)]
    assert left == [employee("", moment="yesterday"), employee(4, department_id="x")]
    # The file of the second names the first, where the rows come from.
    origins = [line.split(b",")[5:7] for line in lines_of(hires.rejects(second["id"]))[1:]]
    assert origins == [[first["id"].encode(), str(line).encode()] for line in (3, 4)]
    open_file = hires.rejects(first["id"], open="true")
    assert [line[:2] for line in lines_of(open_file)[1:]] == [b"3,", b"4,"]

    file = hires.rejects(second["id"]).replace(b",x,1,", b",2,1,")
    third = hires.upload(PATH, file, batch_size=size)

    assert third["summary"] == {"processed": 2, "inserted": 1, "already_exists": 0, "errors": 1}
    assert [opened(hires, task) for task in (first, second, third)] == [1, 1, 1]

    file = hires.rejects(third["id"]).replace(b",Ann Bram,yesterday", b"3,Ann,2021-01-01T00:00:00Z")
    hires.upload(PATH, file, batch_size=size)

    assert [opened(hires, task) for task in (first, second, third)] == [0, 0, 0]
    assert ids(hires) == [1, 2, 3, 4, 5]


def test_the_file_of_the_first_task_closes_those_of_later_ones_too(hires: Worker) -> None:
    first = upload(hires, employee(1, name=""))
    file = hires.rejects(first["id"])
    second = hires.upload(PATH, file)

    hires.upload(PATH, file.replace(b"1,,", b"1,Ann,"))

    assert (opened(hires, first), opened(hires, second)) == (0, 0)


def test_a_corrected_row_that_is_stored_already_is_closed(hires: Worker) -> None:
    first = upload(hires, employee(1), employee(1, name=""))
    file = hires.rejects(first["id"]).replace(b"1,,", b"1,Bea,")

    second = hires.upload(PATH, file)

    assert second["summary"]["already_exists"] == 1
    assert opened(hires, first) == 0


def test_a_dry_run_of_a_correction_closes_nothing(hires: Worker) -> None:
    first = upload(hires, employee(1, name=""))
    file = hires.rejects(first["id"]).replace(b"1,,", b"1,Bea,")

    dry = hires.upload(PATH, file, dry_run="true")
    assert (dry["summary"]["inserted"], opened(hires, first)) == (1, 1)

    hires.upload(PATH, file)
    assert opened(hires, first) == 0


def test_a_correction_from_another_program_closes_too(hires: Worker) -> None:
    """Programs quote what they like and end lines as they like."""
    first = upload(hires, employee(1, name=""), employee(2, moment="x"))
    rows = list(csv.reader(io.StringIO(hires.rejects(first["id"]).decode())))
    rows[1][1], rows[2][2] = "Lee, Ann", "2021-05-06T07:08:09Z"
    output = io.StringIO()
    csv.writer(output, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)

    second = hires.upload(PATH, b"\xef\xbb\xbf" + output.getvalue().encode())

    assert (second["summary"]["inserted"], opened(hires, first)) == (2, 0)


@pytest.mark.parametrize(
    ("task", "line"),
    [("", ""), ("x", "1"), ("{id}", "7"), ("{id}", "x"), ("{id}", "-1"), ("{id}", "9" * 30)],
)
def test_a_row_that_answers_nothing_is_loaded_all_the_same(
    hires: Worker, task: str, line: str
) -> None:
    first = upload(hires, employee(1, name=""))
    origin = f"{task.format(id=first['id'])},{line}"

    second = upload(hires, f"{FIELDS},{ADDED}", f"{employee(1)},{origin},,,")

    assert (second["summary"]["inserted"], opened(hires, first)) == (1, 1)


def test_a_row_of_another_table_answers_nothing(hires: Worker) -> None:
    first = upload(hires, employee(1, name=""))

    hires.upload("/jobs", f"id,job,{ADDED}\n7,Baker,{first['id']},1,,,".encode())

    assert opened(hires, first) == 1


FORMULAS = ("=1+1", "+1", "-1", "@x", "\t=x", "=cmd|' /C calc'!A0")


def test_a_copy_for_spreadsheets_has_no_formulas(hires: Worker) -> None:
    rows = [employee(f"x{n}", name=name) for n, name in enumerate(FORMULAS)]
    task = upload(hires, *rows, '=x,"=SUM(1,\n2)",2021-01-01T00:00:00Z,"-1",1', *STRANGE)

    exact = hires.rejects(task["id"])
    copy = hires.rejects(task["id"], spreadsheet="true").decode()

    assert b",=1+1," in exact
    cells = list(csv.reader(io.StringIO(copy, newline=""), strict=True))
    assert cells[0] == f"{FIELDS},{ADDED}".split(",")
    assert len(cells) == 1 + task["summary"]["errors"]
    assert all(len(row) == len(cells[0]) for row in cells)
    assert not [cell for row in cells for cell in row if cell.startswith(tuple("=+-@\t\r"))]
    assert [row[1] for row in cells[1:7]] == [f"'{name}" for name in FORMULAS]
    assert cells[7][0:4] == ["'=x", "'=SUM(1,\n2)", "2021-01-01T00:00:00Z", "'-1"]
    assert cells[8][1] == 'Lee\n"Al"\r\nAnn'
    assert cells[9][1] == "caf\ufffd \ufffd"
    assert "\0" not in copy


def test_rejects_of_parents_that_arrived_are_retried_by_one_call(worker: Worker) -> None:
    worker.upload("/departments", b"1,Carving")
    worker.upload("/jobs", b"1,Tuner")
    lines = [employee(1), employee(2, department_id=2), employee(3, job_id=2), employee(4, name="")]
    task = upload(worker, *lines, employee(5, department_id=2, job_id=7), employee(6, "", job_id=2))
    worker.upload("/departments", b"2,Gardens")
    worker.upload("/jobs", b"2,Keeper")

    retried = worker.end(retry(worker.client, task))

    # Row 5 still lacks a parent; rows 4 and 6 have other faults, and are left.
    assert retried["summary"] == {"processed": 3, "inserted": 2, "already_exists": 0, "errors": 1}
    assert ids(worker) == [1, 2, 3]
    assert records(worker, task, open="true") == [4, 5, 6]
    assert opened(worker, retried) == 1

    worker.upload("/jobs", b"7,Baker")
    last = worker.end(retry(worker.client, task))

    assert last["summary"]["inserted"] == 1
    assert records(worker, task, open="true") == [4, 6]
    assert opened(worker, retried) == 0
    assert retry(worker.client, task).status_code == 409
    assert not [path for path in Path("var/uploads").rglob("*") if path.is_file()]


def retry(client: Client, task: dict[str, Any]) -> Any:
    return client.post(f"/tasks/{task['id']}/rejects/retry")


def test_a_retry_keeps_the_columns_of_its_source(worker: Worker) -> None:
    task = upload(worker, "job_id,department_id,datetime,name,id", "2,1,2021-01-01T00:00:00Z,Ann,7")
    worker.upload("/departments", b"1,Carving")
    worker.upload("/jobs", b"2,Keeper")

    accepted_ = retry(worker.client, task)
    accepted(accepted_)

    assert worker.end(accepted_)["summary"]["inserted"] == 1
    assert opened(worker, task) == 0


def test_a_retry_updates_where_its_load_did(worker: Worker) -> None:
    worker.upload("/departments", b"1,Carving")
    worker.upload("/jobs", b"1,Tuner")
    upload(worker, employee(1))
    task = upload(worker, employee(1, name="Bea", job_id=2), on_conflict="update")
    worker.upload("/jobs", b"2,Keeper")

    retried = worker.end(retry(worker.client, task))

    assert (retried["summary"]["updated"], retried["summary"]["inserted"]) == (1, 0)
    assert worker.rows(PATH)[0]["name"] == "Bea"


def test_there_is_nothing_to_retry(hires: Worker) -> None:
    clean = upload(hires, employee(1))
    other = upload(hires, employee(2, name=""))
    waiting = accepted(hires.client.post("/loads", json={"table": "jobs", "force": True}))

    for task_id in (clean["id"], other["id"], waiting):
        answer = retry(hires.client, {"id": task_id})
        assert answer.status_code == 409
        assert answer.json["error"]


def test_rejects_of_many_rows_are_all_in_the_file(hires: Worker) -> None:
    task = upload(hires, *(employee(n, name="") for n in range(1, 2502)))

    file = hires.rejects(task["id"])
    second = hires.upload(PATH, file.replace(b",,2021", b",Ann,2021"))

    assert len(lines_of(file)) == 2502
    assert (second["summary"]["inserted"], opened(hires, task)) == (2501, 0)


def test_rejects_of_a_load_that_a_caller_waited_for_are_kept(worker: Worker, source: Path) -> None:
    write_files(source, [*employees(2), employee(3, name="")])
    worker.client.post("/upload-files")
    (task,) = worker.client.get("/tasks?limit=1").json

    assert records(worker, task) == [3]
    write_file(source, "correction.csv", [])
    file = worker.rejects(task["id"]).replace(b"3,,", b"3,Ann,")
    (source / "correction.csv").write_bytes(file)
    worker.load(table="hired_employees", source="correction.csv")

    assert opened(worker, task) == 0

"""Loads of any table from the source store, with every option that they can have."""

from pathlib import Path
from typing import Any

import pytest

from tests.api.client import Client
from tests.api.samples import DEPARTMENTS, JOBS, employee, employees, write_file, write_files
from tests.api.tasks import Worker, accepted
from tests.support import EMPLOYEES, put, put_parents
from tests.support import employee as stored_employee

NUMBERS = ("processed", "inserted", "already_exists", "errors")
BAD = ",nobody"


def numbers(task: dict[str, Any]) -> tuple[int, ...]:
    """Processed, inserted, already there, rejected; as they stand."""
    return tuple(task["summary"][name] for name in NUMBERS)


def departments(*lines: str) -> list[str]:
    """Lines of departments; each is numbered unless it is BAD."""
    return [line if line == BAD else f"{n},{line}" for n, line in enumerate(lines, start=1)]


def ids(worker: Worker, path: str = "/departments") -> list[int]:
    return [row["id"] for row in worker.rows(path)]


def test_a_load_is_accepted_as_a_task(idle_client: Client, files: Path) -> None:
    task_id = accepted(idle_client.post("/loads", json={"table": "departments"}))

    task = idle_client.get(f"/tasks/{task_id}").json
    assert (task["table"], task["source"]) == ("departments", "departments.csv")
    assert (task["status"], task["dry_run"], task["repeats"]) == ("PENDING", False, None)


@pytest.mark.parametrize("table", ["departments", "jobs", "hired_employees"])
def test_any_table_can_be_loaded(worker: Worker, source: Path, table: str) -> None:
    write_files(source, employees(3))
    expected = {"departments": len(DEPARTMENTS), "jobs": len(JOBS), "hired_employees": 3}
    worker.load(table="departments")
    worker.load(table="jobs")

    task = worker.load(table=table, force=True)

    assert (task["status"], task["result"]["processed"]) == ("SUCCESS", expected[table])
    assert len(worker.rows("/" + table.replace("_", "-"))) == expected[table]


def test_a_source_of_any_name_can_be_loaded(worker: Worker, source: Path) -> None:
    (source / "2021").mkdir()
    write_file(source / "2021", "units (new).txt", DEPARTMENTS)

    task = worker.load(table="departments", source="2021/units (new).txt")

    assert task["source"] == "2021/units (new).txt"
    assert task["result"]["inserted"] == len(DEPARTMENTS)


@pytest.mark.parametrize("name", ["gone.csv", "../x.csv", "/etc/passwd", "a\0b", "./jobs.csv"])
def test_a_source_that_there_is_not_fails_the_task(worker: Worker, files: Path, name: str) -> None:
    task = worker.load(table="jobs", source=name)

    assert task["status"] == "FAILURE"
    assert str(files) not in task["result"]
    assert worker.client.get("/task-list").json[0]["status"] == "FAILURE"
    assert worker.rows("/jobs") == []


WRONG = [
    ("table", "salaries"),
    ("table", None),
    ("table", 1),
    ("table", "loads"),
    ("source", 7),
    ("source", None),
    ("source", "x" * 1025),
    ("source", "uploads/jobs.csv"),
    ("on_conflict", "ask"),
    ("on_conflict", None),
    ("batch_size", 0),
    ("batch_size", -1),
    ("batch_size", 1.5),
    ("batch_size", "1"),
    ("batch_size", True),
    ("batch_size", 2**63),
    ("reject_limit", -1),
    ("reject_limit", "1"),
    ("reject_limit", 0.5),
    ("reject_limit", 2**63),
    ("reject_share", -0.1),
    ("reject_share", 1.1),
    ("reject_share", "0.1"),
    ("on_reject_limit", "shrug"),
    ("dry_run", 1),
    ("dry_run", "true"),
    ("force", None),
    ("salary", 7),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_by_name(
    idle_client: Client, files: Path, name: str, value: object
) -> None:
    response = idle_client.post("/loads", json={"table": "jobs", name: value})

    assert response.status_code == 400
    assert response.json["error"].startswith(f"{name}: ")
    assert idle_client.get("/tasks").json == []


def test_all_wrong_values_are_told_at_once(idle_client: Client) -> None:
    response = idle_client.post("/loads", json={"batch_size": 0, "force": 1})

    assert response.status_code == 400
    said = response.json["error"]
    assert all(f"{name}: " in said for name in ("table", "batch_size", "force"))


@pytest.mark.parametrize("body", ["[]", '"jobs"', "null", "7"])
def test_a_body_that_is_no_object_is_refused(idle_client: Client, body: str) -> None:
    response = idle_client.post("/loads", data=body, content_type="application/json")

    assert response.status_code == 400
    assert response.json["error"].startswith("the body: ")


@pytest.mark.parametrize("body", ["", "{", '{"table": "jobs", "reject_share": NaN}', '"\ud800"'])
def test_a_body_that_makes_no_sense_is_refused(idle_client: Client, body: str) -> None:
    data = body.encode(errors="surrogatepass")
    response = idle_client.post("/loads", data=data, content_type="application/json")

    assert response.status_code == 400
    assert response.json["error"]


def test_only_json_is_taken(idle_client: Client) -> None:
    assert idle_client.post("/loads", data="table=jobs").status_code == 415


def test_no_more_loads_are_taken_than_may_wait(client_with: Any) -> None:
    client = client_with(MAX_WAITING_LOADS="1")
    accepted(client.post("/loads", json={"table": "jobs"}))

    response = client.post("/loads", json={"table": "jobs"})

    assert response.status_code == 503
    assert response.headers["Retry-After"].isdecimal()


def test_stored_rows_are_left_unless_told(worker: Worker, source: Path) -> None:
    write_file(source, "jobs.csv", ["1,Tuner", "2,Keeper"])
    worker.load(table="jobs")
    write_file(source, "jobs.csv", ["2,Mender", "3,Baker", "3,Cook"])

    skipped = worker.load(table="jobs")
    before = worker.rows("/jobs")
    updated = worker.load(table="jobs", on_conflict="update")

    assert numbers(skipped) == (3, 1, 2, 0)
    assert "updated" not in skipped["result"]
    assert before == [job(1, "Tuner"), job(2, "Keeper"), job(3, "Baker")]
    assert (updated["result"]["updated"], updated["result"]["inserted"]) == (3, 0)
    assert worker.rows("/jobs") == [job(1, "Tuner"), job(2, "Mender"), job(3, "Cook")]


def job(id_: int, name: str) -> dict[str, object]:
    return {"id": id_, "job": name}


@pytest.mark.parametrize("on_conflict", ["skip", "update"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 2**63 - 1])
def test_the_batch_size_changes_nothing(
    worker: Worker, source: Path, size: int, on_conflict: str
) -> None:
    lines = ["1,A", BAD, "2,B", "1,C", "3,", "", "4,D", "2,E", "x,F"]
    write_file(source, "departments.csv", lines)

    task = worker.load(table="departments", batch_size=size, on_conflict=on_conflict)

    kept = ["A", "B", "D"] if on_conflict == "skip" else ["C", "E", "D"]
    assert [row["department"] for row in worker.rows("/departments")] == kept
    twice = task["summary"].get("updated", task["summary"]["already_exists"])
    assert (task["summary"]["processed"], task["summary"]["inserted"], twice) == (8, 3, 2)
    assert task["result"]["error_ids"] == [3]
    assert task["lines"] == {"read": 9, "header": 0, "blank": 1, "skipped": 0}


SIZES = [1, 4, 6, 50_000]


@pytest.mark.parametrize("size", SIZES)
def test_a_load_stops_at_the_row_that_exceeds_its_limit(
    worker: Worker, source: Path, size: int
) -> None:
    # The third bad row is row 6.
    write_file(source, "departments.csv", departments("a", BAD, "c", BAD, "e", BAD, "g", BAD))

    task = worker.load(table="departments", reject_limit=2, batch_size=size)

    assert task["status"] == "FAILURE"
    assert task["result"] == "too many rejects: 3 of 6 rows; the rows so far stay"
    assert numbers(task) == (6, 3, 0, 3)
    assert task["lines"]["read"] == 6
    assert ids(worker) == [1, 3, 5]
    assert len(worker.client.get(f"/tasks/{task['id']}/rejects").json) == 3


@pytest.mark.parametrize("size", SIZES)
def test_a_load_within_its_limit_succeeds(worker: Worker, source: Path, size: int) -> None:
    write_file(source, "departments.csv", departments("a", BAD, "c", BAD, "e"))

    task = worker.load(table="departments", reject_limit=2, reject_share=0.4, batch_size=size)

    assert (task["status"], numbers(task)) == ("SUCCESS", (5, 3, 0, 2))


def test_a_limit_of_nothing_stops_at_the_first_reject(worker: Worker, source: Path) -> None:
    write_file(source, "departments.csv", departments("a", BAD, "c"))

    task = worker.load(table="departments", reject_limit=0)

    assert (task["status"], numbers(task), ids(worker)) == ("FAILURE", (2, 1, 0, 1), [1])


@pytest.mark.parametrize("size", SIZES)
def test_a_limit_with_rollback_leaves_no_trace(worker: Worker, source: Path, size: int) -> None:
    write_file(source, "departments.csv", departments("a", BAD, "c", BAD, "e", "e", BAD))
    options = {"reject_limit": 1, "on_reject_limit": "rollback", "batch_size": size}

    task = worker.load(table="departments", **options)

    assert task["status"] == "FAILURE"
    assert task["result"] == "too many rejects: 2 of 4 rows; no row was written"
    assert ids(worker) == []
    assert numbers(task) == (2, 0, 0, 2)
    assert task["lines"] == {"read": 4, "header": 0, "blank": 0, "skipped": 2}
    assert task["open_rejects"] == 2


@pytest.mark.parametrize("size", SIZES)
def test_a_load_that_might_roll_back_and_need_not_is_as_any_other(
    worker: Worker, source: Path, size: int
) -> None:
    write_file(source, "departments.csv", [*departments("a", BAD, "c", BAD), "1,twice"])
    options = {"reject_limit": 2, "on_reject_limit": "rollback", "batch_size": size}

    task = worker.load(table="departments", **options)

    assert (task["status"], numbers(task)) == ("SUCCESS", (5, 2, 1, 2))
    assert task["lines"] == {"read": 5, "header": 0, "blank": 0, "skipped": 0}
    assert ids(worker) == [1, 3]
    assert len(worker.client.get(f"/tasks/{task['id']}/rejects").json) == 2


@pytest.mark.parametrize("way", ["stop", "rollback"])
def test_a_share_of_few_rows_is_judged_at_the_end(worker: Worker, source: Path, way: str) -> None:
    write_file(source, "departments.csv", departments(BAD, BAD, "c", "d", "e"))

    task = worker.load(table="departments", reject_share=0.39, on_reject_limit=way, batch_size=2)

    assert task["status"] == "FAILURE"
    assert task["result"].startswith("too many rejects: 2 of 5 rows; ")
    assert ids(worker) == ([3, 4, 5] if way == "stop" else [])
    assert numbers(task) == ((5, 3, 0, 2) if way == "stop" else (2, 0, 0, 2))


@pytest.mark.parametrize("size", [300, 1101, 50_000])
@pytest.mark.parametrize("way", ["stop", "rollback"])
def test_a_load_stops_at_the_row_that_exceeds_its_share(
    worker: Worker, source: Path, size: int, way: str
) -> None:
    # One bad row in a hundred is allowed: after row 1100 they come thick, and the 12th is beyond.
    lines = [BAD if n % 100 == 0 or n > 1100 else f"{n},d" for n in range(1, 1201)]
    write_file(source, "departments.csv", lines)
    options = {"reject_share": 0.01, "on_reject_limit": way, "batch_size": size}

    task = worker.load(table="departments", **options)

    assert task["status"] == "FAILURE"
    assert task["result"].startswith("too many rejects: 12 of 1101 rows; ")
    assert numbers(task) == ((1101, 1089, 0, 12) if way == "stop" else (12, 0, 0, 12))


@pytest.mark.parametrize("size", [1, 3, 50_000])
@pytest.mark.parametrize("on_conflict", ["skip", "update"])
def test_a_dry_run_says_what_the_load_would_and_writes_nothing(
    worker: Worker, source: Path, size: int, on_conflict: str
) -> None:
    database = worker.parts.service.insert_rows.database
    put_parents(database)
    put(database, EMPLOYEES, [stored_employee(3)])
    lines = [employee(1), employee(2), employee(1), BAD, employee(3), employee(4, job_id=9)]
    write_file(source, "hired_employees.csv", [*lines, employee(2), employee(5)])
    order = {"table": "hired_employees", "batch_size": size, "on_conflict": on_conflict}

    dry = worker.load(**order, dry_run=True)
    stored = ids(worker, "/hired-employees")
    real = worker.load(**order)

    assert stored == [3]
    assert (dry["dry_run"], real["dry_run"]) == (True, False)
    assert (dry["status"], real["status"]) == ("SUCCESS", "SUCCESS")
    assert dry["result"] == real["result"]
    assert real["repeats"] is None
    assert real["summary"]["inserted"] == 3
    assert dry["lines"] == real["lines"]
    rejects = [worker.client.get(f"/tasks/{task['id']}/rejects").json for task in (dry, real)]
    assert rejects[0] == rejects[1]
    assert [reject["record"] for reject in rejects[0]] == [4, 6]


def test_a_dry_run_obeys_the_limit(worker: Worker, source: Path) -> None:
    write_file(source, "departments.csv", departments("a", BAD, "c"))

    task = worker.load(table="departments", dry_run=True, reject_limit=0)

    assert task["result"] == "too many rejects: 1 of 2 rows; no row was written"
    assert ids(worker) == []


def test_content_that_was_loaded_is_not_loaded_again(worker: Worker, source: Path) -> None:
    write_file(source, "jobs.csv", JOBS)
    first = worker.load(table="jobs")
    write_file(source, "same.csv", JOBS)

    again = worker.load(table="jobs")
    other_name = worker.load(table="jobs", source="same.csv")

    for task in (again, other_name):
        assert (task["status"], task["repeats"]) == ("SUCCESS", first["id"])
        assert (numbers(task), task["sha256"]) == ((0, 0, 0, 0), first["sha256"])
    uploaded = worker.upload("/jobs", (source / "same.csv").read_bytes())
    assert (uploaded["repeats"], uploaded["result"]["processed"]) == (first["id"], 0)


def test_content_is_loaded_again_by_force(worker: Worker, source: Path) -> None:
    write_file(source, "jobs.csv", JOBS)
    worker.load(table="jobs")

    task = worker.load(table="jobs", force=True)

    assert (task["repeats"], numbers(task)) == (None, (2, 0, 2, 0))


def test_other_content_is_loaded(worker: Worker, source: Path) -> None:
    write_file(source, "jobs.csv", JOBS)
    first = worker.load(table="jobs")
    write_file(source, "jobs.csv", [*JOBS, "3,Baker"])

    task = worker.load(table="jobs")

    assert (task["repeats"], numbers(task)) == (None, (3, 1, 2, 0))
    assert task["sha256"] != first["sha256"]


def test_the_same_content_of_another_table_is_no_repetition(worker: Worker, source: Path) -> None:
    write_file(source, "words.csv", JOBS)
    worker.load(table="jobs", source="words.csv")

    task = worker.load(table="departments", source="words.csv")

    assert (task["repeats"], numbers(task)) == (None, (2, 2, 0, 0))


def test_content_whose_load_failed_is_loaded_again(worker: Worker, source: Path) -> None:
    write_file(source, "departments.csv", departments("a", BAD, "c"))
    failed = worker.load(table="departments", reject_limit=0)

    task = worker.load(table="departments")

    assert failed["status"] == "FAILURE"
    assert (task["repeats"], numbers(task)) == (None, (3, 1, 1, 1))

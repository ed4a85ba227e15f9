"""Loads from the source folder that the caller waits for."""

from pathlib import Path

import pytest

from bench.generate import generate
from tests.api.client import Client
from tests.api.samples import DEPARTMENTS, employee, employees, write_file, write_files


@pytest.mark.parametrize(("path", "count"), [("/departments", 3), ("/jobs", 2)])
def test_a_file_is_loaded_by_a_post_without_body(
    idle_client: Client, files: Path, path: str, count: int
) -> None:
    response = idle_client.post(path)

    assert response.status_code == 200
    assert response.json == {"processed": count, "inserted": count, "already_exists": 0}


@pytest.mark.parametrize("path", ["/departments", "/jobs"])
def test_a_second_load_inserts_nothing(idle_client: Client, files: Path, path: str) -> None:
    first = idle_client.post(path).json

    again = idle_client.post(path).json

    assert again == {
        "processed": first["processed"],
        "inserted": 0,
        "already_exists": first["processed"],
    }


def test_employees_are_loaded_by_a_post_without_body_too(idle_client: Client, source: Path) -> None:
    write_files(source, employees(3))
    idle_client.post("/departments")
    idle_client.post("/jobs")

    response = idle_client.post("/hired-employees")

    assert response.json == {"processed": 3, "inserted": 3, "already_exists": 0}


def test_rejected_rows_are_counted_and_named(idle_client: Client, source: Path) -> None:
    write_file(source, "departments.csv", ["1,Carving", "2,", "x,Fleet", "4,  "])

    response = idle_client.post("/departments")

    assert response.json == {
        "processed": 4,
        "inserted": 1,
        "already_exists": 0,
        "errors": 3,
        "error_ids": [2, 4],
    }


def test_a_header_row_is_no_row(idle_client: Client, source: Path) -> None:
    write_file(source, "departments.csv", ["department,id", "Carving,1", "Gardens,2"])

    assert idle_client.post("/departments").json["inserted"] == 2
    assert idle_client.get("/departments").json == [
        {"id": 1, "department": "Carving"},
        {"id": 2, "department": "Gardens"},
    ]


def test_an_id_that_comes_twice_counts_once(idle_client: Client, source: Path) -> None:
    write_file(source, "departments.csv", ["1,Carving", "1,Gardens", "2,Fleet"])

    response = idle_client.post("/departments")

    assert response.json == {"processed": 3, "inserted": 2, "already_exists": 1}
    assert idle_client.get("/departments").json[0] == {"id": 1, "department": "Carving"}


def test_a_missing_file_is_an_error_that_names_it(idle_client: Client, source: Path) -> None:
    response = idle_client.post("/departments")

    assert response.status_code == 500
    assert "departments.csv" in response.json["error"]
    assert str(source) not in response.text


def test_a_file_that_is_no_csv_of_the_table_is_an_error(idle_client: Client, source: Path) -> None:
    write_file(source, "departments.csv", ["id,salary", "1,7"])

    response = idle_client.post("/departments")

    assert response.status_code == 500
    assert response.json["error"] == "the header of departments lacks column 'department'"


def test_an_empty_file_has_no_rows(idle_client: Client, source: Path) -> None:
    write_file(source, "departments.csv", [])

    response = idle_client.post("/departments")

    assert response.json == {"processed": 0, "inserted": 0, "already_exists": 0}


def test_all_files_are_loaded_in_batches(idle_client: Client, source: Path) -> None:
    write_files(source, [*employees(4), employee(5, name=""), employee(2)])

    response = idle_client.post("/upload-files", query_string={"start": 0, "limit": 4})

    assert response.status_code == 200
    assert response.json == {
        "departments": {"processed": 3, "inserted": 3, "already_exists": 0},
        "jobs": {"processed": 2, "inserted": 2, "already_exists": 0},
        "hired_employees": [
            {"processed": 4, "inserted": 4, "already_exists": 0, "errors": 0, "error_ids": []},
            {"processed": 2, "inserted": 0, "already_exists": 1, "errors": 1, "error_ids": [5]},
        ],
    }


def test_the_first_row_of_all_files_can_be_chosen(idle_client: Client, source: Path) -> None:
    write_files(source, employees(7))

    response = idle_client.post("/upload-files", query_string={"start": 2, "limit": 3})

    assert [part["processed"] for part in response.json["hired_employees"]] == [3, 2]
    ids = [row["id"] for row in idle_client.get("/hired-employees").json]
    assert ids == [3, 4, 5, 6, 7]


def test_a_start_beyond_the_end_gives_no_batches(idle_client: Client, source: Path) -> None:
    write_files(source, employees(3))

    response = idle_client.post("/upload-files", query_string={"start": 3})

    assert response.json["hired_employees"] == []


def test_batches_are_of_1000_rows_unless_told(idle_client: Client, source: Path) -> None:
    write_files(source, employees(1001))

    response = idle_client.post("/upload-files")

    assert [part["processed"] for part in response.json["hired_employees"]] == [1000, 1]


def test_the_largest_numbers_are_taken(idle_client: Client, source: Path) -> None:
    write_files(source, employees(3))
    largest = 2**62 - 1

    whole = idle_client.post("/upload-files", query_string={"start": 1, "limit": largest})
    beyond = idle_client.post("/upload-files", query_string={"start": largest, "limit": largest})

    assert [part["processed"] for part in whole.json["hired_employees"]] == [2]
    assert beyond.json["hired_employees"] == []


@pytest.mark.parametrize("missing", ["departments", "jobs", "hired_employees"])
def test_a_file_that_is_missing_stops_no_other(
    idle_client: Client, source: Path, missing: str
) -> None:
    write_files(source, employees(2))
    (source / f"{missing}.csv").unlink()

    response = idle_client.post("/upload-files")

    assert response.status_code == 200
    assert response.json.keys() == {"departments", "jobs", "hired_employees"}
    failed = {name for name, part in response.json.items() if "error" in part}
    assert failed == {missing}


def test_all_files_missing_is_still_an_answer(idle_client: Client) -> None:
    response = idle_client.post("/upload-files")

    assert response.status_code == 200
    assert all(part.keys() == {"error"} for part in response.json.values())


def test_employees_without_their_department_are_rejected(idle_client: Client, source: Path) -> None:
    write_files(source, [employee(1), employee(2, department_id=9), employee(3, job_id=9)])

    (batch,) = idle_client.post("/upload-files").json["hired_employees"]

    assert (batch["inserted"], batch["error_ids"]) == (1, [2, 3])


BAD = (
    employee(2, moment="2021-02-30T10:00:00Z"),
    employee(2, moment="yesterday"),
    employee(2, moment=""),
    employee(""),
    employee("x"),
    employee(2, name=""),
    employee(2, name="   "),
    employee(2, job_id=""),
    employee(2) + ",more",
    "2",
)


def test_bad_rows_are_the_only_ones_rejected(idle_client: Client, source: Path) -> None:
    good = range(101, 101 + len(BAD))
    pairs = [(employee(id_), bad) for id_, bad in zip(good, BAD, strict=True)]
    write_files(source, [line for pair in pairs for line in pair])

    (batch,) = idle_client.post("/upload-files").json["hired_employees"]

    assert (batch["processed"], batch["inserted"], batch["errors"]) == (20, 10, 10)
    assert batch["error_ids"] == [2] * 6
    assert [row["id"] for row in idle_client.get("/hired-employees").json] == list(good)


def test_every_generated_row_is_accounted_for(idle_client: Client, source: Path) -> None:
    bad = generate(source, 3000)

    batches = idle_client.post("/upload-files").json["hired_employees"]

    assert [batch["processed"] for batch in batches] == [1000, 1000, 1000]
    assert sum(batch["errors"] for batch in batches) == sum(bad.values())
    for batch in batches:
        accounted = batch["inserted"] + batch["already_exists"] + batch["errors"]
        assert batch["processed"] == accounted


NONSENSE = (
    *("start=-1", "start=x", "start=1.0", "start=", "start=+1", "start=%D9%A1"),
    *("start=4611686018427387904", "limit=0", "limit=-1", "limit=1e3", "limit="),
)


@pytest.mark.parametrize("path", ["/upload-files", "/upload-hired-employees"])
def test_a_window_that_makes_no_sense_is_refused(
    idle_client: Client, files: Path, path: str
) -> None:
    for window in NONSENSE:
        response = idle_client.post(f"{path}?{window}")

        name, _, _ = window.partition("=")
        assert response.status_code == 400, window
        assert response.json["error"].startswith(f"{name} must be a whole number")
    assert idle_client.get("/departments").json == []


def test_parents_are_loaded_before_the_employees(idle_client: Client, source: Path) -> None:
    write_files(source, [employee(id_, department_id=id_) for id_ in (1, 2, 3)])

    answer = idle_client.post("/upload-files").json

    assert answer["departments"]["inserted"] == len(DEPARTMENTS)
    assert answer["hired_employees"][0]["errors"] == 0

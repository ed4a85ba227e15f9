"""Small CSV files that tests put into the source folder."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.api.client import Client

DEPARTMENTS = ("1,Carving", "2,Gardens", "3,Fleet")
JOBS = ("1,Tuner", "2,Keeper")


def employee(
    id_: object,
    name: str = "Ann Bram",
    moment: str = "2021-07-27T16:02:08Z",
    department_id: object = 1,
    job_id: object = 1,
) -> str:
    """A line of hired_employees.csv, good unless told otherwise."""
    return f"{id_},{name},{moment},{department_id},{job_id}"


def employees(count: int) -> list[str]:
    """Good lines with the ids 1 to `count`."""
    return [employee(id_) for id_ in range(1, count + 1)]


def write_files(
    folder: Path,
    hired_employees: Iterable[str] = (),
    departments: Sequence[str] = DEPARTMENTS,
    jobs: Sequence[str] = JOBS,
) -> None:
    """Write the three files as the challenge has them: CRLF, no header, no last line end."""
    write_file(folder, "departments.csv", departments)
    write_file(folder, "jobs.csv", jobs)
    write_file(folder, "hired_employees.csv", hired_employees)


def write_file(folder: Path, name: str, lines: Iterable[str]) -> None:
    """Write one file."""
    (folder / name).write_bytes("\r\n".join(lines).encode())


def insert_hires(client: Client, hires: Sequence[tuple[int, int, str]]) -> None:
    """Put hires (department, job, moment) and what they refer to into the tables, by JSON."""
    departments, jobs = (
        [dict(zip(("id", field), line.split(","), strict=True)) for line in lines]
        for field, lines in (("department", DEPARTMENTS), ("job", JOBS))
    )
    for path, rows in (("/departments", departments), ("/jobs", jobs)):
        client.post(path, json=[row | {"id": int(row["id"])} for row in rows])
    employees_ = [
        {
            "id": id_,
            "name": "Ann Bram",
            "datetime": moment,
            "department_id": department,
            "job_id": job,
        }
        for id_, (department, job, moment) in enumerate(hires, start=1)
    ]
    assert client.post("/hired-employees", json=employees_).status_code == 201
